//! Reviewers' keys that the clinic registered, and the cosignatures that were handed in. Each change of a key is a statement of the
//! ledger.
//!
//! Keeps: every key that was ever registered; of each the newest [`MOST_KEPT`] cosignatures of a generation. Drops: older ones; a newer
//! one covers them, because its tree begins with theirs.

use super::fleet::state_it;
use super::{ClinicStore, StoreError, int, nat};
use auscult_report::key::Hash;
use auscult_report::leaf::LeafKind;
use auscult_report::note::NoteKey;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A reviewer's key at a clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewerKey {
    /// Its text form.
    pub vkey: String,
    /// The name in it.
    pub name: String,
    /// When it was registered, and by whom, by the name to sign in.
    pub since: (Timestamp, String),
    /// When it was removed, and by whom; `None`: it is registered now.
    pub removed: Option<(Timestamp, String)>,
    /// The statement that registered it.
    pub statement: Hash,
    /// The statement that removed it.
    pub removal: Option<Hash>,
}

/// A cosignature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Of which generation of the ledger.
    pub generation: u32,
    /// Entries of the checkpoint.
    pub size: u64,
    /// The vkey of who signed.
    pub signer: String,
    /// The line, its newline included.
    pub line: String,
    /// The checkpoint with its keeper's signature alone.
    pub note: String,
    /// When, by the clock of who signed.
    pub signed: Timestamp,
}

impl ClinicStore {
    /// Registers a reviewer's key, and states it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was registered before, its name has another key, or there are too many; if it could not be
    /// written.
    pub fn register_reviewer(&self, key: &NoteKey, person: &str, now: Timestamp) -> Result<(), StoreError> {
        let (vkey, name) = (key.vkey(), key.name());
        self.database.write("register reviewer", |tx| {
            let keys = keys(tx, self)?;
            let of_name = |k: &&ReviewerKey| k.name == name && k.removed.is_none();
            let why = match keys.iter().find(|k| k.vkey == vkey) {
                Some(k) if k.removed.is_none() => format!("the key of {name} is registered already"),
                Some(_) => {
                    format!("this key of {name} was removed once and is not taken again: the reviewer makes a new one")
                }
                None if keys.iter().any(|k| of_name(&k)) => format!("{name} has another key here: remove that one first"),
                None if keys.iter().filter(|k| k.removed.is_none()).count() >= MOST_KEYS => format!(
                    "{MOST_KEYS} keys are registered, more would not fit beside each other under one checkpoint: remove \
                     one that nobody uses"
                ),
                None if keys.len() >= MOST_EVER => {
                    format!("{MOST_EVER} keys were registered over the years: no more fit on one page")
                }
                None => String::new(),
            };
            if !why.is_empty() {
                return Err(StoreError::Conflict(why));
            }
            let statement = said(tx, self, (name, &vkey, "registered"), person, now)?;
            let sql = "INSERT INTO reviewer_key (clinic_id, vkey, name, since_ms, person, statement)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            tx.execute(sql, params![self.clinic.0, vkey, name, int(now.0), person, statement])?;
            Ok(())
        })
    }

    /// Removes a reviewer's key, and states it. `Ok(false)`: no such key is registered now.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn remove_reviewer(&self, vkey: &str, person: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("remove reviewer", |tx| {
            let sql = "SELECT name FROM reviewer_key WHERE clinic_id = ?1 AND vkey = ?2 AND removed_ms IS NULL";
            let name: Option<String> =
                tx.prepare_cached(sql)?.query_row(params![self.clinic.0, vkey], |row| row.get(0)).optional()?;
            let Some(name) = name else { return Ok(false) };
            let removal = said(tx, self, (&name, vkey, "removed"), person, now)?;
            let sql = "UPDATE reviewer_key SET removed_ms = ?3, removed_by = ?4, removal = ?5
                       WHERE clinic_id = ?1 AND vkey = ?2";
            tx.execute(sql, params![self.clinic.0, vkey, int(now.0), person, removal])?;
            Ok(true)
        })
    }

    /// Every key that was ever registered, the oldest first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn reviewer_keys(&self) -> Result<Vec<ReviewerKey>, StoreError> {
        self.database.read("reviewer keys", |tx| keys(tx, self))
    }

    /// Keeps cosignatures that hold; what is kept already stays as it came first.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a key is not registered any more; if it could not be written.
    pub fn keep_cosignatures(&self, new: &[Cosignature], now: Timestamp) -> Result<(), StoreError> {
        self.database.write("keep cosignatures", |tx| {
            let keys = keys(tx, self)?;
            for new in new {
                if !keys.iter().any(|key| key.vkey == new.signer && key.removed.is_none()) {
                    return Err(StoreError::Conflict("the key was removed meanwhile".to_owned()));
                }
                let sql = "INSERT INTO cosignature (clinic_id, generation, size, signer, line, note, time_s, came_ms)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
                let Cosignature { generation, size, signer, line, note, signed } = new;
                let (size, seconds) = (int(*size), int(signed.0 / 1_000));
                tx.execute(sql, params![self.clinic.0, generation, size, signer, line, note, seconds, int(now.0)])?;
                let sql =
                    "DELETE FROM cosignature WHERE clinic_id = ?1 AND generation = ?2 AND signer = ?3 AND size NOT IN
                               (SELECT size FROM cosignature WHERE clinic_id = ?1 AND generation = ?2 AND signer = ?3
                                ORDER BY size DESC LIMIT ?4)";
                tx.execute(sql, params![self.clinic.0, generation, signer, MOST_KEPT])?;
            }
            Ok(())
        })
    }

    /// All cosignatures of the checkpoints that are the newest of some key, in the ledger's generation of now; the newest first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_cosignatures(&self) -> Result<Vec<Cosignature>, StoreError> {
        self.database.ask("newest cosignatures", |reader| {
            let sql = "SELECT generation, size, signer, line, note, time_s FROM cosignature
                       WHERE clinic_id = ?1 AND generation = (SELECT generation FROM clinic WHERE clinic_id = ?1) AND size IN
                           (SELECT max(size) FROM cosignature WHERE clinic_id = ?1 AND generation =
                                (SELECT generation FROM clinic WHERE clinic_id = ?1) GROUP BY signer)
                       ORDER BY size DESC, signer";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], cosignature)?.collect::<Result<_, _>>()?)
        })
    }
}

/// States what became of a key.
fn said(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    (name, vkey, what): (&str, &str, &str),
    person: &str,
    now: Timestamp,
) -> Result<Hash, StoreError> {
    let text = format!("reviewer-key {name}\nvkey {vkey}\nstate {what}\nby {person}\n");
    state_it(tx, of.clinic, LeafKind::Review, None, &text, now)
}

fn keys(tx: &Transaction<'_>, of: &ClinicStore) -> Result<Vec<ReviewerKey>, StoreError> {
    let sql = "SELECT vkey, name, since_ms, person, removed_ms, removed_by, statement, removal FROM reviewer_key
               WHERE clinic_id = ?1 ORDER BY since_ms, vkey";
    let row = |row: &Row<'_>| {
        let (removed, by): (Option<i64>, Option<String>) = (row.get(4)?, row.get(5)?);
        Ok(ReviewerKey {
            vkey: row.get(0)?,
            name: row.get(1)?,
            since: (Timestamp(nat(row.get(2)?)), row.get(3)?),
            removed: removed.map(|ms| Timestamp(nat(ms))).zip(by),
            statement: row.get(6)?,
            removal: row.get(7)?,
        })
    };
    Ok(tx.prepare_cached(sql)?.query_map([of.clinic.0], row)?.collect::<Result<_, _>>()?)
}

fn cosignature(row: &Row<'_>) -> rusqlite::Result<Cosignature> {
    Ok(Cosignature {
        generation: row.get(0)?,
        size: nat(row.get(1)?),
        signer: row.get(2)?,
        line: row.get(3)?,
        note: row.get(4)?,
        signed: Timestamp(nat(row.get(5)?).saturating_mul(1_000)),
    })
}

/// Keys of a clinic at one time: a note has 32 lines at most, half of them stay free for the keeper and for witnesses on a network;
/// a clinic has one or two reviewers.
pub const MOST_KEYS: usize = 16;

/// Keys of a clinic over the years, those that were removed among them: they stand on a page. Four a year for thirty years.
const MOST_EVER: usize = 128;

/// Cosignatures that are kept of a key: a year of days. A review is held some times a year.
const MOST_KEPT: u32 = 365;
