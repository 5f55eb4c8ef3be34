//! Signed notes (C2SP signed-note) with the two Ed25519 signatures that logs and witnesses make today: 01, of the
//! text, and 04, a cosignature with a time (C2SP tlog-cosignature, version 1).
//!
//! Keeps: text, and signatures by name and key id. Drops: nothing; signatures of unknown keys stay and are ignored, so
//! that other algorithms can be added. Bounded by [`MAX_NOTE`] octets and [`MAX_SIGNATURES`] lines.

use crate::key::{PublicKey, SensorKey, Signature, hash};
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::fmt;

/// A note that was parsed; nothing of it is authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text, its last newline included.
    pub text: &'a str,
    /// The signature lines.
    pub signatures: Vec<Line<'a>>,
}

/// A signature line: `— name base64(key id || signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The name of the key.
    pub name: &'a str,
    /// Octets 0-3: the key's id, the highest first.
    pub key_id: u32,
    /// The octets behind it.
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Parses a note. Work is bounded by its length.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn parse(octets: &'a [u8]) -> Result<Note<'a>, NoteError> {
        let note = core::str::from_utf8(octets).map_err(|_| NoteError::Form)?;
        if octets.len() > MAX_NOTE || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Form);
        }
        // The text ends at the last empty line.
        let (before, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let text = note.get(..before.len().saturating_add(1)).ok_or(NoteError::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(NoteError::Form);
        }
        let signatures = lines.split('\n').map(|l| line(l).ok_or(NoteError::Form)).collect::<Result<_, _>>()?;
        Ok(Note { text, signatures })
    }

    /// The signature of `key`, checked; for a cosignature with its time in seconds since 1970.
    ///
    /// # Errors
    /// [`NoteError::Missing`] if there is none, [`NoteError::Signature`] if one does not hold.
    pub fn signed_by(&self, key: &NoteKey) -> Result<Option<u64>, NoteError> {
        let mut found = Err(NoteError::Missing);
        for line in self.signatures.iter().filter(|l| l.name == key.name && l.key_id == key.id()) {
            found = Ok(key.check(self.text, &line.signature).ok_or(NoteError::Signature)?);
        }
        found
    }
}

fn line(line: &str) -> Option<Line<'_>> {
    let (name, coded) = line.strip_prefix("— ")?.split_once(' ')?;
    let octets = Base64::decode_vec(coded).ok()?;
    let (key_id, signature) = octets.split_first_chunk()?;
    is_name(name).then(|| Line { name, key_id: u32::from_be_bytes(*key_id), signature: signature.to_vec() })
}

/// A note from its text and its signature lines, each with its newline.
#[must_use]
pub fn note(text: &str, lines: &[String]) -> String {
    let mut note = String::from(text);
    note.push('\n');
    note.extend(lines.iter().map(String::as_str));
    note
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// 01: the text of a note.
    Ed25519,
    /// 04: a checkpoint and the time at which it was the newest that a witness had seen.
    Cosignature,
}

impl NoteKind {
    const fn octet(self) -> u8 {
        match self {
            NoteKind::Ed25519 => 1,
            NoteKind::Cosignature => 4,
        }
    }
}

/// Who may sign: name, kind and public key. Its text form is a vkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: NoteKind,
    key: PublicKey,
}

impl NoteKey {
    /// A key. `None` if the name has white space, a plus or a control character, or is empty or too long.
    #[must_use]
    pub fn new(name: &str, kind: NoteKind, key: PublicKey) -> Option<NoteKey> {
        is_name(name).then(|| NoteKey { name: String::from(name), kind, key })
    }

    /// Reads a vkey: `name+id+base64(kind || key)`. `None` if it is none, or its id is not its own.
    #[must_use]
    pub fn parse(vkey: &str) -> Option<NoteKey> {
        let (name, rest) = vkey.split_once('+')?;
        let (id, coded) = rest.split_once('+')?;
        let octets = Base64::decode_vec(coded).ok()?;
        let (kind, key) = octets.split_first()?;
        let kind = match kind {
            1 => NoteKind::Ed25519,
            4 => NoteKind::Cosignature,
            _ => return None,
        };
        let key = NoteKey::new(name, kind, PublicKey(key.try_into().ok()?))?;
        (alloc::format!("{:08x}", key.id()) == id).then_some(key)
    }

    /// The vkey.
    #[must_use]
    pub fn vkey(&self) -> String {
        let octets: Vec<u8> = core::iter::once(self.kind.octet()).chain(self.key.0).collect();
        alloc::format!("{}+{:08x}+{}", self.name, self.id(), Base64::encode_string(&octets))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> NoteKind {
        self.kind
    }

    /// The first four octets of SHA-256 of name, newline, kind and key.
    #[must_use]
    pub fn id(&self) -> u32 {
        let [a, b, c, d, ..] = hash(self.name.as_bytes(), &[b"\n", &[self.kind.octet()], &self.key.0]);
        u32::from_be_bytes([a, b, c, d])
    }

    /// Checks a signature of `text`; `Some` with the time of a cosignature if it holds.
    fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            NoteKind::Ed25519 => {
                let signature: [u8; 64] = signature.try_into().ok()?;
                self.key.verifies(b"", &[text.as_bytes()], &signature.into()).then_some(None)
            }
            NoteKind::Cosignature => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                let signature: [u8; 64] = signature.try_into().ok()?;
                let holds = self.key.verifies(&cosigned(time), &[text.as_bytes()], &signature.into());
                (holds && i64::try_from(time).is_ok()).then_some(Some(time))
            }
        }
    }
}

/// Who signs notes: the keeper of a ledger, or a witness.
pub struct NoteSigner {
    name: String,
    key: SensorKey,
}

impl NoteSigner {
    /// From a name and a seed. `None` if the name is no name.
    #[must_use]
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<NoteSigner> {
        is_name(name).then(|| NoteSigner { name: String::from(name), key: SensorKey::from_seed(seed) })
    }

    /// The key by which its signatures of this kind are checked. A key that signs ledgers must not be a witness's too.
    #[must_use]
    pub fn key(&self, kind: NoteKind) -> NoteKey {
        NoteKey { name: self.name.clone(), kind, key: self.key.public() }
    }

    /// The signature line of a text, with its newline.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(b"", &[text.as_bytes()]);
        self.line(NoteKind::Ed25519, &signature.octets())
    }

    /// The cosignature line of a checkpoint's text at `time` (seconds since 1970), with its newline.
    #[must_use]
    pub fn cosign(&self, text: &str, time: u64) -> String {
        let signature: Signature = self.key.sign(&cosigned(time), &[text.as_bytes()]);
        self.line(NoteKind::Cosignature, &[&time.to_be_bytes()[..], &signature.octets()].concat())
    }

    fn line(&self, kind: NoteKind, signature: &[u8]) -> String {
        let octets = [&self.key(kind).id().to_be_bytes(), signature].concat();
        alloc::format!("— {} {}\n", self.name, Base64::encode_string(&octets))
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.name)
    }
}

/// The two lines before the text that a cosignature signs.
fn cosigned(time: u64) -> Vec<u8> {
    alloc::format!("cosignature/v1\ntime {time}\n").into_bytes()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Why a note is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// It is no note.
    Form,
    /// The key that is asked for has not signed it.
    Missing,
    /// A signature of the key that is asked for does not hold.
    Signature,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoteError::Form => "note: form",
            NoteError::Missing => "note: not signed by this key",
            NoteError::Signature => "note: signature does not hold",
        })
    }
}

impl core::error::Error for NoteError {}

/// Longest note: 16 signatures that a quantum computer cannot forge have 53,000 octets.
pub const MAX_NOTE: usize = 65_536;
/// Most signatures: the specification asks for 16 at least.
pub const MAX_SIGNATURES: usize = 32;
/// Longest name of a key.
pub const MAX_NAME: usize = 255;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    fn key_of_go() -> NoteKey {
        NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap()
    }

    /// The example of golang.org/x/mod/sumdb/note.
    const NOTE_OF_GO: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_another_implementation_is_read_and_holds() {
        let note = Note::parse(NOTE_OF_GO.as_bytes()).unwrap();
        assert!(note.text.ends_with("problem is.\n"));
        assert_eq!(note.signed_by(&key_of_go()), Ok(None));
        assert_eq!(key_of_go().vkey(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        let changed = NOTE_OF_GO.replace("answer", "Answer");
        assert_eq!(Note::parse(changed.as_bytes()).unwrap().signed_by(&key_of_go()), Err(NoteError::Signature));
    }

    /// The example of C2SP tlog-cosignature: a log's line of kind 01 and a witness's of kind 04.
    #[test]
    fn the_example_of_the_specification_has_the_form_that_we_read() {
        let note = Note::parse(
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
             — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
             — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
                .as_bytes(),
        )
        .unwrap();
        let [log, witness] = &note.signatures[..] else { panic!("two lines") };
        assert_eq!((log.key_id, log.signature.len()), (0x033d_e0ae, 64));
        assert_eq!((witness.name, witness.signature.len()), ("witness.example.com/w1", 72));
        // Octets 0-7 of a cosignature: the time of the example, 1679315147.
        assert_eq!(witness.signature[..8], 1_679_315_147u64.to_be_bytes());
    }

    #[test]
    fn a_signature_and_a_cosignature_hold_for_their_key_and_text_alone() {
        let log = NoteSigner::new("log.example/a", &[1; 32]).unwrap();
        let witness = NoteSigner::new("anna.example", &[2; 32]).unwrap();
        let text = "log.example/a\n1\nroot\n";
        let signed = note(text, &[log.sign(text), witness.cosign(text, 1_800_000_000)]);
        let parsed = Note::parse(signed.as_bytes()).unwrap();
        assert_eq!(parsed.text, text);
        assert_eq!(parsed.signed_by(&log.key(NoteKind::Ed25519)), Ok(None));
        assert_eq!(parsed.signed_by(&witness.key(NoteKind::Cosignature)), Ok(Some(1_800_000_000)));
        // The kind is part of the key's id.
        assert_eq!(parsed.signed_by(&witness.key(NoteKind::Ed25519)), Err(NoteError::Missing));
        let stranger = NoteSigner::new("log.example/a", &[3; 32]).unwrap();
        assert_eq!(parsed.signed_by(&stranger.key(NoteKind::Ed25519)), Err(NoteError::Missing));
        for at in 0..signed.len() {
            let mut octets = signed.clone().into_bytes();
            octets[at] ^= 1;
            let refused = Note::parse(&octets).is_err_and(|e| e == NoteError::Form)
                || Note::parse(&octets).is_ok_and(|n| {
                    n.signed_by(&log.key(NoteKind::Ed25519)).is_err()
                        || n.signed_by(&witness.key(NoteKind::Cosignature)).is_err()
                });
            assert!(refused, "octet {at}");
        }
    }

    #[test]
    fn what_has_no_form_is_refused() {
        for wrong in
            ["", "text\n", "text\n\n", "text\n\n— a AAAAAA==", "text\n\n- a AAAAAA==\n", "te\txt\n\n— a AAAAAA==\n"]
        {
            assert_eq!(Note::parse(wrong.as_bytes()), Err(NoteError::Form), "{wrong:?}");
        }
        assert!(Note::parse("text\n\n— a AAAAAA==\n".as_bytes()).is_ok());
        let many = format!("text\n\n{}", "— a AAAAAA==\n".repeat(MAX_SIGNATURES + 1));
        assert_eq!(Note::parse(many.as_bytes()), Err(NoteError::Form));
        assert_eq!(Note::parse(&[0xff, b'\n', b'\n']), Err(NoteError::Form));
        assert_eq!(Note::parse(&[b'a'; MAX_NOTE + 1]), Err(NoteError::Form));
    }

    #[test]
    fn a_key_has_one_text_form() {
        let key = NoteSigner::new("anna.example", &[2; 32]).unwrap().key(NoteKind::Cosignature);
        assert_eq!(NoteKey::parse(&key.vkey()), Some(key.clone()));
        assert_eq!(NoteKey::parse(&key.vkey().replace("anna", "anne")), None, "the id is not its own");
        assert_eq!(NoteSigner::new("an na", &[2; 32]).map(|s| s.name), None);
        assert_eq!(NoteKey::parse("a+00000000+"), None);
    }
}
