//! Who did and who looked: a line each, never changed, never deleted.
//!
//! Keeps: the person, the moment, what and about what, the address. Drops: nothing; what belongs to no clinic has an empty one.

use super::{ClinicStore, Store, StoreError, int, nat};
use auscult_report::time::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

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

pub(super) fn put(tx: &Transaction<'_>, clinic: &[u8], deed: &Deed<'_>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (clinic_id, at_ms, person, what, about, peer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let Deed { person, what, about, peer } = deed;
    tx.prepare_cached(sql)?.execute(params![clinic, int(now.0), person, what, about, peer])?;
    Ok(())
}

fn newest(reader: &Connection, clinic: &[u8], before: i64, most: u32) -> Result<Vec<AuditRow>, StoreError> {
    let sql = "SELECT audit_id, at_ms, person, what, about, peer FROM audit
               WHERE clinic_id = ?1 AND audit_id < ?2 ORDER BY audit_id DESC LIMIT ?3";
    let row = |row: &Row<'_>| {
        Ok(AuditRow {
            id: row.get(0)?,
            at: Timestamp(nat(row.get(1)?)),
            person: row.get(2)?,
            what: row.get(3)?,
            about: row.get(4)?,
            peer: row.get(5)?,
        })
    };
    let mut rows = reader.prepare_cached(sql)?;
    Ok(rows.query_map(params![clinic, before, most], row)?.collect::<Result<_, _>>()?)
}

const NO_CLINIC: &[u8] = &[];
