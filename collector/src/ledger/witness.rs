//! A reviewer at his own desk, offline: his key, what he remembers of a ledger, his cosignature (C2SP tlog-cosignature version 1; a witness
//! in the sense of tlog-witness).
//!
//! Keeps: in a file of his own the ledger's key and the checkpoint that he verified last. Drops: nothing; where a claim does not hold that
//! file stays as it was. A key shows its name and never its seed.

use super::verify::{Dir, Verified};
use crate::access::{hex, octets, random};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::note::{Line, Note, NoteKey, NoteKind, NoteSigner, note};
use auscult_report::time::Timestamp;
use base64ct::{Base64, Encoding};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key by which a reviewer cosigns.
pub struct Witness(NoteSigner);

impl Witness {
    /// From a name and a seed.
    ///
    /// # Errors
    /// If the name cannot be a reviewer's.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Witness, String> {
        let signer = NoteSigner::new(name, seed).filter(|_| is_reviewer(name));
        signer.map(Witness).ok_or_else(|| format!("{name:?} cannot be the name of a reviewer: {NAMES}"))
    }

    /// Makes a key in a file that must not exist; only its owner may read it.
    ///
    /// # Errors
    /// If the name cannot be a reviewer's, or the file cannot be made.
    pub fn make(file: &Path, name: &str) -> Result<Witness, String> {
        let seed = Zeroizing::new(random::<32>().map_err(|e| e.to_string())?);
        let made = Witness::new(name, &seed)?;
        let text = Zeroizing::new(format!("{KEY_FILE}\nname {name}\nseed {}\n", *Zeroizing::new(hex(seed.as_slice()))));
        create(file, text.as_bytes()).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(made)
    }

    /// Reads what [`Witness::make`] wrote.
    ///
    /// # Errors
    /// If it cannot be read, others may read it, or it is no key.
    pub fn read(path: &Path) -> Result<Witness, String> {
        let said = |e: &dyn fmt::Display| format!("{}: {e}", path.display());
        let file = File::open(path).map_err(|e| said(&e))?;
        if file.metadata().map_err(|e| said(&e))?.permissions().mode() & 0o077 != 0 {
            return Err(said(&"others may read this key; chmod 600 it, and make a new one if they did"));
        }
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MOST_KEY).unwrap_or(0)));
        file.take(MOST_KEY).read_to_string(&mut text).map_err(|e| said(&e))?;
        let none = || said(&"is no reviewer's key; make one with `reviewer new-key`");
        let rest = text.strip_prefix(KEY_FILE).and_then(|t| t.strip_prefix("\nname ")).ok_or_else(none)?;
        let (name, seed) = rest.trim_end().split_once("\nseed ").ok_or_else(none)?;
        let seed = Zeroizing::new(octets(seed));
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| none())?;
        Witness::new(name, seed).map_err(|why| said(&why))
    }

    /// The key by which its cosignatures are checked: what a clinic registers.
    #[must_use]
    pub fn key(&self) -> NoteKey {
        self.0.key(NoteKind::Cosignature)
    }

    /// The checkpoint that was verified, with its keeper's signature and this cosignature of `at`.
    #[must_use]
    pub fn cosigned(&self, found: &Verified, at: Timestamp) -> String {
        format!("{}{}", found.note, self.0.cosign(&found.checkpoint.text(), at.0 / 1_000))
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Witness({})", self.key().name())
    }
}

/// The key of a reviewer, as he hands it over.
///
/// # Errors
/// Why it is none, in words.
pub fn reviewer_key(vkey: &str) -> Result<NoteKey, String> {
    let key = NoteKey::parse(vkey.trim()).ok_or(
        "This is no reviewer's key: it is one line, NAME+8 digits+letters, as `auscult-collector reviewer new-key` prints it behind \
         `vkey`. If it looks like one, a character was lost on the way: its 8 digits do not fit the rest.",
    )?;
    if key.kind() != NoteKind::Cosignature {
        return Err("This is a key that signs ledgers (kind 01); a reviewer's is of kind 04, as `auscult-collector reviewer new-key` \
                    makes it."
            .to_owned());
    }
    if is_reviewer(key.name()) {
        Ok(key)
    } else {
        Err(format!("The name in this key cannot be a reviewer's: {NAMES}."))
    }
}

/// Names stand on pages, in statements and lists: nothing in them may look like something else.
fn is_reviewer(name: &str) -> bool {
    name.len() <= MOST_NAME
        && !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._/@".contains(&c))
}

/// What a reviewer remembers of a ledger, in a file; nobody else has it open meanwhile.
pub struct Memory {
    path: PathBuf,
    last: Option<Last>,
    _alone: File,
}

/// The last visit.
struct Last {
    keeper: NoteKey,
    checkpoint: Checkpoint,
    at: Timestamp,
}

impl Memory {
    /// Opens it; the first time there is no file yet.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Memory, String> {
        let lock = beside(path, ".lock");
        let alone = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock);
        let alone =
            alone.and_then(|file| file.lock().map(|()| file)).map_err(|e| format!("{}: {e}", lock.display()))?;
        let mut text = String::new();
        let last = match File::open(path).and_then(|file| file.take(MOST_STATE).read_to_string(&mut text)) {
            Ok(_) => {
                let none =
                    "is not what a reviewer remembers of a ledger: name the file of your last visit, or a new one";
                Some(Last::parse(&text).ok_or_else(|| format!("{}: {none}", path.display()))?)
            }
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        Ok(Memory { path: path.to_path_buf(), last, _alone: alone })
    }

    /// Whether what was verified goes on from the last visit.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub fn agrees(&self, folder: &Path, found: &Verified, say: &mut impl FnMut(&str)) -> Result<(), String> {
        let path = self.path.display();
        let Some(Last { keeper, checkpoint: old, at }) = &self.last else {
            say(&format!(
                "your last visit: {path} is not there yet, so this is the first; from now on it holds the key above: compare it with \
                 the one that the clinic gave you"
            ));
            return Ok(());
        };
        let failed = |why: String| Err(format!("consistency with your own last visit: {why}"));
        let (new, on) = (&found.checkpoint, date(*at));
        if *keeper != found.keeper {
            return failed(another(keeper, &found.keeper, &self.path));
        }
        if new.size < old.size {
            return failed(format!(
                "on {on} there were {} entries, now there are {}: the ledger was rolled back. Keep {path}, it is the proof",
                old.size, new.size
            ));
        }
        if Dir(folder).grown(old, new).is_err() {
            return failed(format!(
                "the first {} entries are not those that you verified on {on}: the keeper signed two ledgers. Keep {path} and this \
                 folder, they are the proof",
                old.size
            ));
        }
        say(&format!(
            "your last visit: the first {} entries of {} are those that you verified on {on}",
            old.size, new.size
        ));
        Ok(())
    }

    /// Remembers what was verified, durably.
    ///
    /// # Errors
    /// If it cannot be written; then the file is as it was.
    pub fn keep(&self, found: &Verified, at: Timestamp) -> Result<(), String> {
        let text = format!("{STATE_FILE}\nat {}\nvkey {}\n\n{}", at.0 / 1_000, found.keeper.vkey(), found.note);
        replace(&self.path, text.as_bytes())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({})", self.path.display())
    }
}

impl Last {
    fn parse(text: &str) -> Option<Last> {
        let rest = text.strip_prefix(STATE_FILE)?.strip_prefix("\nat ")?;
        let (at, rest) = rest.split_once("\nvkey ")?;
        let (vkey, note) = rest.split_once("\n\n")?;
        let keeper = NoteKey::parse(vkey).filter(|key| key.kind() == NoteKind::Ed25519)?;
        let checkpoint = Checkpoint::open(note.as_bytes(), keeper.name(), &keeper).ok()?;
        Some(Last { keeper, checkpoint, at: Timestamp(at.parse::<u64>().ok()?.checked_mul(1_000)?) })
    }
}

/// How the key of now is not the one of before.
fn another(before: &NoteKey, now: &NoteKey, state: &Path) -> String {
    let (held, path) = (before.vkey(), state.display());
    if before.name() == now.name() {
        return format!("it is signed with another key, {}; the one that you hold is {held}", now.vkey());
    }
    match (before.name().rsplit_once('/'), now.name().rsplit_once('/')) {
        (Some((ledger, old)), Some((same, new))) if ledger == same => format!(
            "this is generation {new} of the ledger, and you visited generation {old}: a ledger begins again only after its archive was \
             restored from a backup. Ask the clinic for the reason, keep {path}, and begin with a new state file"
        ),
        _ => format!("this is the ledger {}, and {path} is of {}", now.name(), before.name()),
    }
}

/// The checkpoint with its keeper's signature alone. `None`: he has not signed it.
pub(super) fn of_keeper(signed: &Note<'_>, keeper: &NoteKey) -> Option<String> {
    lines(signed, keeper).next_back().map(|line| note(signed.text, &[line]))
}

/// The lines of a key, each with its newline.
pub(super) fn lines<'a>(note: &'a Note<'_>, key: &'a NoteKey) -> impl DoubleEndedIterator<Item = String> + 'a {
    note.signatures.iter().filter(|line| is_of(line, key)).map(|line| {
        let octets = [&line.key_id.to_be_bytes(), line.signature.as_slice()].concat();
        format!("— {} {}\n", line.name, Base64::encode_string(&octets))
    })
}

pub(super) fn is_of(line: &Line<'_>, key: &NoteKey) -> bool {
    line.name == key.name() && line.key_id == key.id()
}

/// `2026-11-22`.
pub(super) fn date(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Writes a file of a reviewer so that it is whole and on the disk when this returns, or as it was before; for its owner alone.
///
/// # Errors
/// If it cannot be written.
pub fn replace(path: &Path, octets: &[u8]) -> Result<(), String> {
    let new = beside(path, ".new");
    // One that was left behind by a crash may be anybody's to read.
    let _ = fs::remove_file(&new);
    let written = create(&new, octets).and_then(|()| fs::rename(&new, path)).and_then(|()| {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(above)?.sync_all()
    });
    written.map_err(|e| format!("{}: {e}", path.display()))
}

/// A new file for its owner alone; if it cannot be written whole, there is none.
fn create(path: &Path, octets: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// A file beside another.
#[must_use]
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

const KEY_FILE: &str = "auscult reviewer key 1";
const STATE_FILE: &str = "auscult reviewer state 1";
const NAMES: &str = "1 to 100 letters, digits, and - . _ / @, best one that is yours on the internet, as anna.example";
/// A name fits on a line.
const MOST_NAME: usize = 100;
/// Longest file of a key: its three lines have 200 octets.
const MOST_KEY: u64 = 1_024;
/// Longest file of what is remembered: a note, and a key of 400 octets.
const MOST_STATE: u64 = 66_560;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_219_200_000);

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder = std::env::temp_dir().join(format!("auscult-witness-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A folder that was verified: the key of its keeper by a seed, so many entries.
    fn found(origin: &str, seed: u8, size: u64, root: u8) -> Verified {
        let keeper = NoteSigner::new(origin, &[seed; 32]).unwrap();
        let checkpoint = Checkpoint { origin: origin.to_owned(), size, root: [root; 32] };
        let note = checkpoint.sign(&keeper);
        Verified { checkpoint, note, keeper: keeper.key(NoteKind::Ed25519), reviewers: Vec::new() }
    }

    #[test]
    fn a_key_is_its_owners_alone_is_made_once_and_does_not_print() {
        let folder = Folder::new("key");
        let path = folder.0.join("anna.key");
        let made = Witness::make(&path, "anna.example").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(Witness::make(&path, "anna.example").is_err(), "a key that is there stays");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let read = Witness::read(&path).unwrap();
        assert_eq!((read.key().vkey(), read.key().kind()), (made.key().vkey(), NoteKind::Cosignature));
        assert_eq!(format!("{read:?}"), "Witness(anna.example)");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Witness::read(&path).unwrap_err().contains("others may read this key; chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for bad in [
            "",
            "auscult reviewer key 2\nname a\nseed 00\n",
            &text.replace("seed ", "seed 0"),
            &text.replace("anna", "an na"),
            &text[..60],
        ] {
            fs::write(&path, bad).unwrap();
            assert!(Witness::read(&path).is_err(), "{bad}");
        }
        for name in ["", "an na", "anna+1", "änna", "anna\u{202e}", &"a".repeat(101)] {
            assert!(Witness::make(&folder.0.join("none"), name).is_err(), "{name}");
        }
        assert!(!folder.0.join("none").exists());
    }

    #[test]
    fn a_key_that_is_no_reviewers_is_refused_with_the_reason() {
        let own = Witness::new("anna.example", &[7; 32]).unwrap().key().vkey();
        assert_eq!(reviewer_key(&format!(" {own}\n")).unwrap().vkey(), own);
        let keeper = NoteSigner::new("a/ledger/00/1", &[7; 32]).unwrap().key(NoteKind::Ed25519).vkey();
        assert!(reviewer_key(&keeper).unwrap_err().contains("signs ledgers (kind 01)"));
        assert!(reviewer_key(&own.replace("anna", "anne")).unwrap_err().contains("8 digits do not fit"));
        assert!(reviewer_key("").is_err() && reviewer_key(&own[..40]).is_err());
        let bent = NoteSigner::new("an\u{202e}na", &[7; 32]).unwrap().key(NoteKind::Cosignature).vkey();
        assert!(reviewer_key(&bent).unwrap_err().contains("cannot be a reviewer's"));
    }

    #[test]
    fn a_first_visit_is_remembered_for_its_owner_alone_and_what_is_no_memory_is_refused() {
        let folder = Folder::new("memory");
        let path = folder.0.join("north.state");
        let first = found("a/ledger/00/1", 1, 5, 5);
        let memory = Memory::open(&path).unwrap();
        let mut said = Vec::new();
        memory.agrees(&folder.0, &first, &mut |line| said.push(line.to_owned())).unwrap();
        assert!(said[0].contains("is not there yet, so this is the first"), "{said:?}");
        assert!(!path.exists(), "to compare is not to remember");
        memory.keep(&first, AT).unwrap();
        drop(memory);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let last = Memory::open(&path).unwrap().last.unwrap();
        assert_eq!((last.keeper, last.checkpoint, last.at), (first.keeper, first.checkpoint, AT));
        let text = fs::read_to_string(&path).unwrap();
        for bad in [
            "",
            &text[1..],
            &text.replace("\n5\n", "\n6\n"),
            &text.replace("at ", "at x"),
            "auscult reviewer state 1\n",
        ] {
            fs::write(&path, bad).unwrap();
            assert!(Memory::open(&path).unwrap_err().contains("is not what a reviewer remembers"), "{bad}");
        }
    }

    #[test]
    fn what_does_not_go_on_from_the_last_visit_is_named() {
        let folder = Folder::new("last");
        let path = folder.0.join("north.state");
        Memory::open(&path).unwrap().keep(&found("a/ledger/00/1", 1, 5, 5), AT).unwrap();
        let memory = Memory::open(&path).unwrap();
        let before = fs::read(&path).unwrap();
        for (now, words) in [
            (found("a/ledger/00/1", 2, 5, 5), "it is signed with another key, a/ledger/00/1+"),
            (found("a/ledger/00/2", 1, 5, 5), "this is generation 2 of the ledger, and you visited generation 1"),
            (found("a/ledger/01/1", 1, 5, 5), "this is the ledger a/ledger/01/1, and "),
            (
                found("a/ledger/00/1", 1, 4, 4),
                "on 2026-11-21 there were 5 entries, now there are 4: the ledger was rolled back",
            ),
            (found("a/ledger/00/1", 1, 5, 6), "the first 5 entries are not those that you verified on 2026-11-21"),
            (found("a/ledger/00/1", 1, 9, 9), "the first 5 entries are not those"),
        ] {
            let why = memory.agrees(&folder.0, &now, &mut |line| panic!("{line}")).unwrap_err();
            assert!(why.starts_with("consistency with your own last visit: ") && why.contains(words), "{why}");
        }
        assert!(memory.agrees(&folder.0, &found("a/ledger/00/1", 1, 5, 5), &mut |_| ()).is_ok());
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_cosigned_checkpoint_holds_for_keeper_and_reviewer() {
        let found = found("a/ledger/00/1", 1, 5, 5);
        let witness = Witness::new("anna.example", &[7; 32]).unwrap();
        let text = witness.cosigned(&found, Timestamp(AT.0 + 999));
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(note.signed_by(&found.keeper), Ok(None));
        assert_eq!(note.signed_by(&witness.key()), Ok(Some(AT.0 / 1_000)));
        assert_eq!(of_keeper(&note, &found.keeper), Some(found.note));
        assert_eq!(lines(&note, &witness.key()).collect::<String>(), text.split_inclusive('\n').next_back().unwrap());
        assert_eq!(of_keeper(&note, &witness.key()).map(|n| n.lines().count()), Some(5));
    }
}
