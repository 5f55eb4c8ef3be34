//! What people decided about findings: accepted until a day, not true, fixed, taken back. Each has its statement in the ledger.
//!
//! Keeps: every decision, in the order in which they were made; the newest of a finding counts. Drops: nothing.

use super::fleet::state_it;
use super::{ClinicStore, StoreError, int, nat};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use rusqlite::{Row, Transaction, params};
use std::fmt::Write;

/// Which finding of a clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId<'a> {
    /// The sensor that heard it.
    pub sensor: SensorId,
    /// The rule's id.
    pub rule: &'a str,
    /// What it is about: a subject, encoded.
    pub subject: &'a [u8],
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The sensor whose finding it is.
    pub sensor: SensorId,
    /// The rule's id.
    pub rule: String,
    /// What the finding is about.
    pub subject: Vec<u8>,
    /// `accepted`, `not-true`, `fixed`, `open`.
    pub what: String,
    /// A person's words.
    pub reason: String,
    /// Accepted until then.
    pub until: Option<Timestamp>,
    /// How bad the finding was.
    pub severity: u8,
    /// Who, by the name to sign in.
    pub person: String,
    /// When.
    pub decided: Timestamp,
    /// The statement's hash: what stands in the ledger.
    pub statement: Hash,
}

impl ClinicStore {
    /// Keeps a decision, and states it in the ledger, in one transaction.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn decide(&self, new: &Decision, now: Timestamp) -> Result<Hash, StoreError> {
        self.database.write("decide", |tx| put_decision(tx, self, new, None, now))
    }

    /// Every decision about one finding, the newest first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn decisions_of(&self, of: FindingId<'_>) -> Result<Vec<Decision>, StoreError> {
        self.database.ask("decisions of", |reader| {
            let sql = "SELECT sensor_id, rule, subject, what, reason, until_ms, severity, person, decided_ms, statement
                       FROM decision WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4
                       ORDER BY decision_id DESC";
            let mut rows = reader.prepare_cached(sql)?;
            let of = params![self.clinic.0, of.sensor.0, of.rule, of.subject];
            Ok(rows.query_map(of, decision)?.collect::<Result<_, _>>()?)
        })
    }

    /// What was decided in a period, the newest first, at most `most`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn decided_between(&self, (from, to): (Timestamp, Timestamp), most: u32) -> Result<Vec<Decision>, StoreError> {
        self.database.ask("decided between", |reader| {
            let sql = "SELECT sensor_id, rule, subject, what, reason, until_ms, severity, person, decided_ms, statement
                       FROM decision WHERE clinic_id = ?1 AND decided_ms >= ?2 AND decided_ms < ?3
                       ORDER BY decision_id DESC LIMIT ?4";
            let mut rows = reader.prepare_cached(sql)?;
            let values = params![self.clinic.0, int(from.0), int(to.0), most];
            Ok(rows.query_map(values, decision)?.collect::<Result<_, _>>()?)
        })
    }

    /// The newest decision about each finding of the clinic.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn decisions(&self) -> Result<Vec<Decision>, StoreError> {
        self.database.ask("decisions", |reader| {
            let sql =
                "SELECT sensor_id, rule, subject, what, reason, until_ms, severity, person, decided_ms, statement,
                           max(decision_id)
                       FROM decision WHERE clinic_id = ?1 GROUP BY sensor_id, rule, subject";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], decision)?.collect::<Result<_, _>>()?)
        })
    }
}

/// Writes a decision with its statement; `proposed` is who proposed it, if somebody else did.
pub(super) fn put_decision(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    new: &Decision,
    proposed: Option<&str>,
    now: Timestamp,
) -> Result<Hash, StoreError> {
    let Decision { sensor, rule, subject, what, reason, until, severity, person, .. } = new;
    let hex: String = subject.iter().map(|o| format!("{o:02x}")).collect();
    let mut said = format!("rule {rule}\nsubject {hex}\ndecision {what}\nseverity {severity}\nby {person}\n");
    if let Some(proposed) = proposed {
        let _ = writeln!(said, "proposed-by {proposed}");
    }
    if let Some(until) = until {
        let _ = writeln!(said, "until {}", until.0);
    }
    // A person's words are one line of the statement.
    let words: String = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(said, "why {words}");
    let hash = state_it(tx, of.clinic, LeafKind::Decision, Some(*sensor), &said, now)?;
    let sql = "INSERT INTO decision (clinic_id, sensor_id, rule, subject, what, reason, until_ms, severity, person,
                   decided_ms, statement)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let until = until.map(|until| int(until.0));
    let values = params![of.clinic.0, sensor.0, rule, subject, what, words, until, severity, person, int(now.0), hash];
    tx.execute(sql, values)?;
    Ok(hash)
}

fn decision(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let until: Option<i64> = row.get(5)?;
    Ok(Decision {
        sensor: SensorId(row.get(0)?),
        rule: row.get(1)?,
        subject: row.get(2)?,
        what: row.get(3)?,
        reason: row.get(4)?,
        until: until.map(|ms| Timestamp(nat(ms))),
        severity: row.get(6)?,
        person: row.get(7)?,
        decided: Timestamp(nat(row.get(8)?)),
        statement: row.get(9)?,
    })
}
