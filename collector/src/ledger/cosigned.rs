//! Checkpoints that reviewers cosigned (C2SP tlog-cosignature version 1): taken in by the keeper, written out with the record, and checked
//! in a reviewer's folder.
//!
//! Keeps: cosignatures that hold, of trees that are the beginning of today's, by keys that the clinic has registered. Drops: lines of
//! other keys; what is refused says why.

use super::export::Put;
use super::verify::{Dir, Verified};
use super::witness::{date, is_of, lines, of_keeper, reviewer_key};
use super::{Ledger, LedgerError};
use crate::store::{BookHead, ClinicRow, ClinicStore, Cosignature, MOST_KEYS, ReviewerKey, StoreError};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::Hash;
use auscult_report::merkle::check_consistency;
use auscult_report::note::{MAX_NOTE, Note, NoteError, NoteKey};
use auscult_report::time::Timestamp;
use base64ct::{Base64, Encoding};
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;

impl Ledger {
    /// Registers a reviewer's key for a clinic; it is stated in the ledger.
    ///
    /// # Errors
    /// [`CosignError::Refused`] with the reason in words; [`CosignError::Ledger`] if it was not done: try again.
    pub fn register(&self, store: &ClinicStore, vkey: &str, person: &str, now: Timestamp) -> Result<(), CosignError> {
        let key = reviewer_key(vkey).map_err(CosignError::Refused)?;
        let keeper = self.key(&store.clinic().map_err(LedgerError::Store)?)?;
        if public(&key) == public(&keeper) {
            return Err(refused("This is the key of the ledger itself: who keeps it cannot be its reviewer."));
        }
        store.register_reviewer(&key, person, now).map_err(of_store)
    }

    /// Takes in a checkpoint that reviewers cosigned. Handed in twice, it is kept once. Gives what holds of it.
    ///
    /// # Errors
    /// [`CosignError::Refused`] with the reason in words; [`CosignError::Ledger`] if it was not done: try again.
    pub fn take_cosigned(
        &self,
        store: &ClinicStore,
        octets: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Cosignature>, CosignError> {
        let clinic = store.clinic().map_err(LedgerError::Store)?;
        // A form makes two octets of a newline, and who pastes takes blanks along.
        let text = core::str::from_utf8(octets).ok().filter(|t| t.len() <= MAX_NOTE.saturating_mul(2));
        let text = text.map(|t| format!("{}\n", t.replace("\r\n", "\n").trim()));
        let text = text.ok_or_else(|| refused(NO_NOTE))?;
        let signed = Note::parse(text.as_bytes()).map_err(|_| refused(NO_NOTE))?;
        let checkpoint = self.own_checkpoint(&clinic, &signed)?;
        self.stands(store, &clinic, &checkpoint)?;
        let keys = store.reviewer_keys().map_err(LedgerError::Store)?;
        let found = cosigned(&signed, &keys, now)?;
        let note = of_keeper(&signed, &self.key(&clinic)?).ok_or_else(|| refused(NOT_OURS))?;
        let new: Vec<Cosignature> = found
            .into_iter()
            .map(|(signer, line, signed)| {
                let (generation, size, note) = (clinic.generation, checkpoint.size, note.clone());
                Cosignature { generation, size, signer, line, note, signed }
            })
            .collect();
        store.keep_cosignatures(&new, now).map_err(of_store)?;
        Ok(new)
    }

    /// The checkpoint, if the keeper of this clinic's ledger signed it.
    fn own_checkpoint(&self, clinic: &ClinicRow, signed: &Note<'_>) -> Result<Checkpoint, CosignError> {
        let checkpoint = Checkpoint::parse(signed.text).ok_or_else(|| refused(NO_NOTE))?;
        let origin = self.origin(clinic);
        if checkpoint.origin != origin {
            let of = |o: &str| o.rsplit_once('/').map(|(ledger, n)| (ledger.to_owned(), n.to_owned()));
            return Err(match (of(&checkpoint.origin), of(&origin)) {
                (Some((theirs, old)), Some((ours, new))) if theirs == ours => refused(&format!(
                    "It is a checkpoint of generation {old} of this ledger; it began again as generation {new}. Verify a new record."
                )),
                _ => refused("It is a checkpoint of another ledger: verify the record of this clinic."),
            });
        }
        match signed.signed_by(&self.key(clinic)?) {
            Ok(_) => Ok(checkpoint),
            Err(NoteError::Signature) => {
                Err(refused("The signature of the ledger's keeper does not hold: something in it was changed."))
            }
            Err(_) => Err(refused(NOT_OURS)),
        }
    }

    /// Whether a tree of ours is the beginning of today's.
    fn stands(&self, store: &ClinicStore, clinic: &ClinicRow, old: &Checkpoint) -> Result<(), CosignError> {
        let head = store.book().map_err(LedgerError::Store)?.0;
        let Some(head) = head else { return Err(refused("Nothing was sealed in this ledger yet.")) };
        if old.size > head.size {
            return Err(refused(&format!(
                "It has {} entries and this ledger has {}, though its keeper signed both. Keep your file, it is the proof, and tell the \
                 clinic.",
                old.size, head.size
            )));
        }
        let proof = self.between(clinic, old.size, head.size)?;
        check_consistency((old.size, &old.root), (head.size, &head.root), &proof).map_err(|_| {
            refused(
                "The keeper signed it, and it is not the beginning of this ledger: two ledgers were signed with one key. Keep your file, \
                 it is the proof, and tell the clinic.",
            )
        })
    }

    /// Gives `put` the keys that are registered as of the checkpoint, one a line, and for each key the newest checkpoint that it cosigned, with the lines of
    /// all of them: at most [`MOST_KEYS`] notes.
    pub(super) fn cosigned_parts(
        &self,
        store: &ClinicStore,
        head: &BookHead,
        put: &mut Put<'_>,
    ) -> Result<(), LedgerError> {
        let keys = stated(store, head.size)?;
        if keys.is_empty() {
            return Ok(());
        }
        put("reviewers", keys.iter().map(|key| format!("{}\n", key.vkey)).collect::<String>().as_bytes())?;
        let mut kept = store.newest_cosignatures()?;
        kept.retain(|c| c.size <= head.size && keys.iter().any(|key| key.vkey == c.signer));
        let sizes = keys.iter().filter_map(|key| kept.iter().filter(|c| c.signer == key.vkey).map(|c| c.size).max());
        let mut notes: BTreeMap<u64, String> = sizes.map(|size| (size, String::new())).collect();
        for cosignature in &kept {
            if let Some(note) = notes.get_mut(&cosignature.size) {
                if note.is_empty() {
                    note.clone_from(&cosignature.note);
                }
                note.push_str(&cosignature.line);
            }
        }
        notes.iter().try_for_each(|(size, note)| put(&format!("cosigned/{size}"), note.as_bytes()))
    }
}

/// The keys that are registered by the statements below a size: one that was registered or removed since is not in that record yet.
fn stated(store: &ClinicStore, size: u64) -> Result<Vec<ReviewerKey>, StoreError> {
    let is_below = |statement: &Hash| Ok::<_, StoreError>(store.leaf_of(statement)?.is_some_and(|leaf| leaf < size));
    let mut keys = Vec::new();
    for key in store.reviewer_keys()? {
        let is_removed = key.removal.as_ref().map(is_below).transpose()?.unwrap_or(false);
        if !is_removed && is_below(&key.statement)? {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The cosignatures of a note that hold, by keys that are registered: key, line, when.
fn cosigned(
    signed: &Note<'_>,
    keys: &[ReviewerKey],
    now: Timestamp,
) -> Result<Vec<(String, String, Timestamp)>, CosignError> {
    let mut found = Vec::new();
    for of in keys.iter().filter(|key| key.removed.is_none()) {
        let Some(key) = NoteKey::parse(&of.vkey) else { continue };
        let seconds = match signed.signed_by(&key) {
            Ok(seconds) => seconds.unwrap_or(0),
            Err(NoteError::Signature) => {
                let name = &of.name;
                return Err(refused(&format!("The cosignature of {name} does not hold: something in it was changed.")));
            }
            Err(_) => continue,
        };
        let at = Timestamp(seconds.saturating_mul(1_000));
        if at.0 > now.0.saturating_add(MOST_AHEAD_MS) {
            return Err(refused(&format!(
                "The cosignature of {} is dated {}, and that has not come yet: set the clock of the machine that cosigned, and cosign \
                 again.",
                of.name,
                minute(at)
            )));
        }
        if let Some(line) = lines(signed, &key).next_back() {
            found.push((of.vkey.clone(), line, at));
        }
    }
    if found.is_empty() { Err(refused(&nobody(signed, keys))) } else { Ok(found) }
}

/// Why nobody of these has cosigned.
fn nobody(signed: &Note<'_>, keys: &[ReviewerKey]) -> String {
    let removed = keys.iter().find_map(|of| {
        let (at, _) = of.removed.as_ref()?;
        let key = NoteKey::parse(&of.vkey)?;
        signed.signatures.iter().any(|line| is_of(line, &key)).then_some((of, *at))
    });
    let now: Vec<&str> = keys.iter().filter(|k| k.removed.is_none()).map(|k| k.name.as_str()).collect();
    match (removed, now.is_empty()) {
        (Some((of, at)), _) => format!(
            "The clinic removed the key of {} on {}: what it cosigns is not kept any more. Make a new key, and let the clinic register it.",
            of.name,
            date(at)
        ),
        (None, true) => {
            "The clinic has not registered any reviewer's key yet: it does so on its page Reviews.".to_owned()
        }
        (None, false) => format!(
            "Nobody whose key is registered here has cosigned it: those are {}. If your name is among them, the clinic registered \
             another key of yours.",
            now.join(", ")
        ),
    }
}

/// Checks what a folder says about reviewers: their keys, and each checkpoint that they cosigned. Gives the keys.
pub(super) fn check(dir: &Dir<'_>, found: &Verified, say: &mut impl FnMut(&str)) -> Result<Vec<NoteKey>, String> {
    let sizes = sizes(dir)?;
    let keys = match dir.has("reviewers") {
        true => reviewers(&dir.read("reviewers")?)?,
        false if sizes.is_empty() => {
            say("reviewers: no key is registered, so nobody has cosigned");
            return Ok(Vec::new());
        }
        false => return Err("cosigned: there is no list of reviewers".to_owned()),
    };
    let names: Vec<&str> = keys.iter().map(NoteKey::name).collect();
    say(&format!("reviewers: {} registered, {}; the clinic registers them, ask it", keys.len(), names.join(", ")));
    for size in sizes {
        let name = format!("cosigned/{size}");
        let said = |why: &str| format!("{name}: {why}");
        let octets = dir.read(&name)?;
        let keeper = &found.keeper;
        let old = Checkpoint::open(&octets, keeper.name(), keeper).map_err(|e| said(&e.to_string()))?;
        if old.size != size {
            return Err(said(&format!("it is the checkpoint of {} entries", old.size)));
        }
        dir.grown(&old, &found.checkpoint).map_err(|why| said(&why))?;
        let signed = Note::parse(&octets).map_err(|e| said(&e.to_string()))?;
        let mut by = Vec::new();
        for line in signed.signatures.iter().filter(|line| !is_of(line, keeper)) {
            let key = keys.iter().find(|key| is_of(line, key));
            let key = key.ok_or_else(|| said(&format!("the key of {} is not registered", line.name)))?;
            let at = signed.signed_by(key).ok().flatten();
            let at = at.ok_or_else(|| said(&format!("the cosignature of {} does not hold", line.name)))?;
            by.push(format!("{} on {}", line.name, date(Timestamp(at.saturating_mul(1_000)))));
        }
        if by.is_empty() {
            return Err(said("nobody has cosigned it"));
        }
        say(&format!("cosigned: entry {size} by {}", by.join(", ")));
    }
    Ok(keys)
}

fn reviewers(octets: &[u8]) -> Result<Vec<NoteKey>, String> {
    let text = core::str::from_utf8(octets).map_err(|_| "reviewers: it is no text")?;
    let keys: Result<Vec<NoteKey>, String> = text.lines().map(reviewer_key).collect();
    let keys = keys.map_err(|why| format!("reviewers: {why}"))?;
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(format!("reviewers: {} keys where 1 to {MOST_KEYS} can stand", keys.len()));
    }
    Ok(keys)
}

/// The sizes of the cosigned checkpoints of a folder, the smallest first.
fn sizes(dir: &Dir<'_>) -> Result<Vec<u64>, String> {
    let said = |e: &dyn fmt::Display| format!("cosigned: {e}");
    let there = match std::fs::read_dir(dir.0.join("cosigned")) {
        Ok(there) => there,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(said(&e)),
    };
    let mut sizes = Vec::new();
    for entry in there.take(MOST_KEYS.saturating_add(1)) {
        let name = entry.map_err(|e| said(&e))?.file_name();
        let size = name.to_str().and_then(|name| name.parse::<u64>().ok().filter(|n| n.to_string() == name));
        sizes.push(size.ok_or_else(|| said(&format!("{} is no number of entries", name.display())))?);
    }
    if sizes.len() > MOST_KEYS {
        return Err(said(&format!("there are more than {MOST_KEYS} checkpoints")));
    }
    sizes.sort_unstable();
    Ok(sizes)
}

/// `2026-11-22 14:02 UTC`.
fn minute(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "at no time".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// The public key in a key, whatever it signs.
fn public(key: &NoteKey) -> Option<Vec<u8>> {
    // Behind the name and the id; a plus is also a digit of base 64.
    let octets = Base64::decode_vec(key.vkey().splitn(3, '+').nth(2)?).ok()?;
    octets.get(1..).map(<[u8]>::to_vec)
}

/// What the store refuses is for people; anything else was not done.
fn of_store(error: StoreError) -> CosignError {
    match error {
        StoreError::Conflict(why) => CosignError::Refused(format!("It was not kept: {why}.")),
        other => CosignError::Ledger(LedgerError::Store(other)),
    }
}

fn refused(why: &str) -> CosignError {
    CosignError::Refused(why.to_owned())
}

/// Why a cosigned checkpoint was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CosignError {
    /// It will not be: the sentence is for a reviewer.
    Refused(String),
    /// Store or tiles did not do it.
    Ledger(LedgerError),
}

impl From<LedgerError> for CosignError {
    fn from(error: LedgerError) -> CosignError {
        CosignError::Ledger(error)
    }
}

impl fmt::Display for CosignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CosignError::Refused(why) => f.write_str(why),
            CosignError::Ledger(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for CosignError {}

const NO_NOTE: &str = "This is no cosigned checkpoint: hand in all of the file that `auscult-collector ledger verify FOLDER --state FILE \
                       --key FILE` wrote, from its first line to its last.";
const NOT_OURS: &str = "The keeper of this ledger has not signed it: verify the record of this clinic.";

/// How far a reviewer's clock may be ahead of the archive's: both are set by the network or by hand; five minutes is what services that
/// compare clocks allow (RFC 4120, 5.2.8 and its usual setting).
const MOST_AHEAD_MS: u64 = 300_000;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::note::{NoteKind, NoteSigner};

    #[test]
    fn a_public_key_is_the_same_whatever_it_signs_and_every_other_is_another() {
        let key = |name: &str, seed: u8, kind| NoteSigner::new(name, &[seed; 32]).unwrap().key(kind);
        let mut with_a_plus = 0;
        for seed in 0..=255 {
            let (reviewer, keeper) =
                (key("anna.example", seed, NoteKind::Cosignature), key("a/1", seed, NoteKind::Ed25519));
            assert!(public(&reviewer).is_some_and(|octets| octets.len() == 32), "{seed}");
            assert_eq!(public(&reviewer), public(&keeper), "{seed}");
            assert_ne!(public(&reviewer), public(&key("a/1", seed ^ 1, NoteKind::Ed25519)), "{seed}");
            with_a_plus += u32::from(reviewer.vkey().matches('+').count() > 2);
        }
        assert!(with_a_plus > 10, "{with_a_plus}");
    }

    #[test]
    fn what_names_no_reviewers_is_no_list_of_them() {
        let vkey =
            |n: u8| NoteSigner::new(&format!("r{n}.example"), &[n; 32]).unwrap().key(NoteKind::Cosignature).vkey();
        let list = |count: u8| (1..=count).map(|n| format!("{}\n", vkey(n))).collect::<String>();
        assert_eq!(reviewers(list(16).as_bytes()).map(|keys| keys.len()), Ok(16));
        for (bad, words) in [
            (list(17), "17 keys where 1 to 16 can stand"),
            (String::new(), "0 keys where"),
            (list(2) + "\n", "This is no reviewer's key"),
        ] {
            assert!(reviewers(bad.as_bytes()).unwrap_err().contains(words), "{bad}");
        }
        assert!(reviewers(&[0xff]).is_err());
    }
}
