//! Who did and who looked: a line each, never changed, never deleted.
//!
//! Keeps: the person, the moment, what and about what, the address. Drops: nothing; what belongs to no clinic has an empty one.

use super::fleet::{leaf_number, state_it};
use super::{ClinicStore, Store, StoreError, int, nat};
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

/// A line of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number: the order in which it happened.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who, by the name to sign in; empty: nobody was signed in.
    pub person: String,
    /// What: one word.
    pub what: String,
    /// About what.
    pub about: String,
    /// The address that it came from.
    pub peer: String,
}

/// A new line.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Who.
    pub person: &'a str,
    /// What: one word.
    pub what: &'a str,
    /// About what.
    pub about: &'a str,
    /// The address that it came from.
    pub peer: &'a str,
}

impl Store {
    /// Writes down a deed that belongs to no clinic.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn audit(&self, deed: &Deed<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("audit", |tx| put(tx, NO_CLINIC, deed, now))
    }

    /// The newest deeds that belong to no clinic, before a number.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn audited(&self, before: i64, most: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.database.ask("audited", |reader| newest(reader, NO_CLINIC, before, most))
    }
}

impl ClinicStore {
    /// Writes down a deed at this clinic.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn audit(&self, deed: &Deed<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("audit", |tx| put(tx, &self.clinic.0, deed, now))
    }

    /// The newest deeds at this clinic, before a number.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn audited(&self, before: i64, most: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.database.ask("audited", |reader| newest(reader, &self.clinic.0, before, most))
    }
}

impl ClinicStore {
    /// States the lines of this clinic's audit that were written before a moment and are in no statement yet: from which to which, how
    /// many, SHA-256 over all of them (milliseconds, person, what, about, address, tabulators between, a new line behind each). So a
    /// line that is changed or left out later does not fit its leaf. Says how many lines there were.
    ///
    /// # Errors
    /// If it could not be read or written.
    pub fn state_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        self.database.write("state audit", |tx| {
            let sql = "SELECT text FROM statement WHERE clinic_id = ?1 AND kind = ?2 ORDER BY stated_ms DESC LIMIT 1";
            let of = params![self.clinic.0, leaf_number(LeafKind::Audit)];
            let last: Option<String> = tx.query_row(sql, of, |row| row.get(0)).optional()?;
            let last = last.as_deref().and_then(|text| text.lines().find_map(|l| l.strip_prefix("to ")?.parse().ok()));
            let sql = "SELECT audit_id, at_ms, person, what, about, peer FROM audit
                       WHERE clinic_id = ?1 AND audit_id > ?2 AND at_ms < ?3 ORDER BY audit_id";
            let mut rows = tx.prepare_cached(sql)?;
            let rows = rows.query_map(params![self.clinic.0, last.unwrap_or(0i64), int(before.0)], line)?;
            let (mut hash, mut lines, mut ends) = (Sha256::new(), 0u64, None);
            for row in rows {
                let AuditRow { id, at, person, what, about, peer } = row?;
                hash.update(format!("{}\t{person}\t{what}\t{about}\t{peer}\n", at.0));
                lines = lines.saturating_add(1);
                ends = Some(ends.map_or((id, id), |(first, _)| (first, id)));
            }
            if let Some((from, to)) = ends {
                let hash: String = hash.finalize().iter().map(|o| format!("{o:02x}")).collect();
                let said = format!("from {from}\nto {to}\nlines {lines}\nsha256 {hash}\n");
                state_it(tx, self.clinic, LeafKind::Audit, None, &said, now)?;
            }
            Ok(lines)
        })
    }
}

pub(super) fn put(tx: &Transaction<'_>, clinic: &[u8], deed: &Deed<'_>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (clinic_id, at_ms, person, what, about, peer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let Deed { person, what, about, peer } = deed;
    tx.prepare_cached(sql)?.execute(params![clinic, int(now.0), person, what, about, peer])?;
    Ok(())
}

fn newest(reader: &Connection, clinic: &[u8], before: i64, most: u32) -> Result<Vec<AuditRow>, StoreError> {
    let sql = "SELECT audit_id, at_ms, person, what, about, peer FROM audit
               WHERE clinic_id = ?1 AND audit_id < ?2 ORDER BY audit_id DESC LIMIT ?3";
    let mut rows = reader.prepare_cached(sql)?;
    Ok(rows.query_map(params![clinic, before, most], line)?.collect::<Result<_, _>>()?)
}

fn line(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        id: row.get(0)?,
        at: Timestamp(nat(row.get(1)?)),
        person: row.get(2)?,
        what: row.get(3)?,
        about: row.get(4)?,
        peer: row.get(5)?,
    })
}

const NO_CLINIC: &[u8] = &[];
