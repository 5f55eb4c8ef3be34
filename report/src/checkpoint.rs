//! Checkpoints of a ledger (C2SP tlog-checkpoint): how many leaves it has and what their root is.
//!
//! Keeps: origin, size, root. Drops: extension lines: a checkpoint that has them is refused, because nobody could audit
//! what they say.

use crate::header::Seen;
use crate::key::Hash;
use crate::note::{Note, NoteError, NoteKey, NoteSigner, note};
use alloc::string::String;
use base64ct::{Base64, Encoding};
use core::fmt;

/// The size and the root of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger: `<collector>/ledger/<id>/<generation>`.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines.
    #[must_use]
    pub fn text(&self) -> String {
        alloc::format!("{}\n{}\n{}\n", self.origin, self.size, Base64::encode_string(&self.root))
    }

    /// Reads the text of a note. `None` if it is none, or not in the one form that [`Checkpoint::text`] gives it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let mut lines = text.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = Base64::decode_vec(root).ok()?.try_into().ok()?;
        let checkpoint = Checkpoint { origin: String::from(origin), size: size.parse().ok()?, root };
        (!origin.is_empty() && checkpoint.text() == text).then_some(checkpoint)
    }

    /// The note with the signature of the ledger's keeper. The same arguments give the same note.
    #[must_use]
    pub fn sign(&self, keeper: &NoteSigner) -> String {
        let text = self.text();
        note(&text, &[keeper.sign(&text)])
    }

    /// Reads a note that the keeper of the ledger signed.
    ///
    /// # Errors
    /// The step that failed.
    pub fn open(octets: &[u8], origin: &str, keeper: &NoteKey) -> Result<Checkpoint, CheckpointError> {
        let note = Note::parse(octets).map_err(CheckpointError::Note)?;
        note.signed_by(keeper).map_err(CheckpointError::Note)?;
        let checkpoint = Checkpoint::parse(note.text).ok_or(CheckpointError::Text)?;
        if checkpoint.origin == origin { Ok(checkpoint) } else { Err(CheckpointError::Origin) }
    }

    /// Size and root, as reports and heartbeats name them.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen { size: self.size, root: self.root }
    }
}

/// The step at which a checkpoint was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// The note, or its signature.
    Note(NoteError),
    /// Its text is no checkpoint.
    Text,
    /// It is one of another ledger.
    Origin,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::Note(e) => e.fmt(f),
            CheckpointError::Text => f.write_str("checkpoint: text"),
            CheckpointError::Origin => f.write_str("checkpoint: of another ledger"),
        }
    }
}

impl core::error::Error for CheckpointError {}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::note::NoteKind;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read_and_written_alike() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.root[..2], [0x0a, 0xc5]);
        assert_eq!(checkpoint.text(), TEXT);
    }

    #[test]
    fn another_form_is_no_checkpoint() {
        for wrong in [
            TEXT.replace("20852163", "020852163"),
            TEXT.replace("20852163", "+20852163"),
            TEXT.replace("q2I=", "q2J="),
            TEXT.replace("example.com/behind-the-sofa", ""),
            TEXT.trim_end().to_owned(),
            format!("{TEXT}extension\n"),
            TEXT.replace("20852163", "99999999999999999999"),
        ] {
            assert_eq!(Checkpoint::parse(&wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_checkpoint_opens_with_its_keeper_and_its_origin() {
        let keeper = NoteSigner::new("log.example/a", &[1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "log.example/a".into(), size: 7, root: [9; 32] };
        let signed = checkpoint.sign(&keeper);
        let key = keeper.key(NoteKind::Ed25519);
        assert_eq!(Checkpoint::open(signed.as_bytes(), "log.example/a", &key), Ok(checkpoint));
        assert_eq!(Checkpoint::open(signed.as_bytes(), "log.example/b", &key), Err(CheckpointError::Origin));
        let text = "log.example/a\nseven\n";
        let no_checkpoint = note(text, &[keeper.sign(text)]);
        assert_eq!(Checkpoint::open(no_checkpoint.as_bytes(), "log.example/a", &key), Err(CheckpointError::Text));
    }
}
