//! What technicians propose about findings and who confirmed it, and what people said about them.
//!
//! Keeps: every proposal with its answer; comments, each with its statement in the ledger. Drops: nothing. A proposal is a statement only
//! once it was confirmed: then it is the decision of who confirmed it.

use super::decisions::put_decision;
use super::fleet::state_it;
use super::{ClinicStore, Decision, FindingId, StoreError, int, nat};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A proposal that waits, or its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub id: i64,
    /// The sensor whose finding it is about.
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
    /// Who, by the name to sign in.
    pub person: String,
    /// When.
    pub proposed: Timestamp,
    /// `confirmed`, `declined` or `replaced`, and by whom. `None`: it waits.
    pub answer: Option<(String, String)>,
}

/// What somebody said about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// A person's words.
    pub words: String,
    /// Who, by the name to sign in.
    pub person: String,
    /// When.
    pub said: Timestamp,
    /// The statement's hash: what stands in the ledger.
    pub statement: Hash,
}

impl ClinicStore {
    /// Keeps a proposal; one that waits about the same finding is replaced by it.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn propose(&self, new: &Decision, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("propose", |tx| {
            let Decision { sensor, rule, subject, what, reason, until, person, .. } = new;
            let sql = "UPDATE proposal SET answer = 'replaced', answered_by = ?5, answered_ms = ?6
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4 AND answer IS NULL";
            tx.execute(sql, params![self.clinic.0, sensor.0, rule, subject, person, int(now.0)])?;
            let sql = "INSERT INTO proposal (clinic_id, sensor_id, rule, subject, what, reason, until_ms, person, proposed_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let until = until.map(|until| int(until.0));
            tx.execute(sql, params![self.clinic.0, sensor.0, rule, subject, what, reason, until, person, int(now.0)])?;
            Ok(())
        })
    }

    /// Answers a proposal that waits: who confirms decides, in one transaction with the statement. `false`: it does not wait any more, or
    /// it is one's own.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn answer_proposal(
        &self,
        proposal: i64,
        confirm: bool,
        (person, severity): (&str, u8),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("answer proposal", |tx| {
            let sql = "UPDATE proposal SET answer = ?3, answered_by = ?4, answered_ms = ?5
                       WHERE clinic_id = ?1 AND proposal_id = ?2 AND answer IS NULL AND person <> ?4
                       RETURNING proposal_id, sensor_id, rule, subject, what, reason, until_ms, person, proposed_ms,
                           NULL, NULL";
            let answer = if confirm { "confirmed" } else { "declined" };
            let values = params![self.clinic.0, proposal, answer, person, int(now.0)];
            let Some(found) = tx.query_row(sql, values, proposal_row).optional()? else { return Ok(false) };
            if confirm {
                decided(tx, self, &found, (person, severity), now)?;
            }
            Ok(true)
        })
    }

    /// Every proposal about one finding, the newest first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn proposals_of(&self, of: FindingId<'_>) -> Result<Vec<Proposal>, StoreError> {
        self.database.ask("proposals of", |reader| {
            let sql =
                "SELECT proposal_id, sensor_id, rule, subject, what, reason, until_ms, person, proposed_ms, answer,
                           answered_by
                       FROM proposal WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4
                       ORDER BY proposal_id DESC";
            let of = params![self.clinic.0, of.sensor.0, of.rule, of.subject];
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map(of, proposal_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Proposals of the clinic that wait for an answer, the oldest first.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn proposals_waiting(&self) -> Result<Vec<Proposal>, StoreError> {
        self.database.ask("proposals waiting", |reader| {
            let sql =
                "SELECT proposal_id, sensor_id, rule, subject, what, reason, until_ms, person, proposed_ms, answer,
                           answered_by
                       FROM proposal WHERE clinic_id = ?1 AND answer IS NULL ORDER BY proposal_id";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], proposal_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps what somebody says about a finding, and states it in the ledger, in one transaction.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn comment(&self, of: FindingId<'_>, (person, words): (&str, &str), now: Timestamp) -> Result<(), StoreError> {
        self.database.write("comment", |tx| {
            let hex: String = of.subject.iter().map(|o| format!("{o:02x}")).collect();
            // A person's words are one line of the statement.
            let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
            let said = format!("rule {}\nsubject {hex}\ncomment\nby {person}\nwords {words}\n", of.rule);
            let hash = state_it(tx, self.clinic, LeafKind::Decision, Some(of.sensor), &said, now)?;
            let sql = "INSERT INTO comment (clinic_id, sensor_id, rule, subject, words, person, said_ms, statement)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let of = (self.clinic.0, of.sensor.0, of.rule, of.subject);
            tx.execute(sql, params![of.0, of.1, of.2, of.3, words, person, int(now.0), hash])?;
            Ok(())
        })
    }

    /// What people said about one finding, the newest first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn comments_of(&self, of: FindingId<'_>) -> Result<Vec<Comment>, StoreError> {
        self.database.ask("comments of", |reader| {
            let sql = "SELECT words, person, said_ms, statement FROM comment
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4 ORDER BY comment_id DESC
                       LIMIT ?5";
            let mut rows = reader.prepare_cached(sql)?;
            let row = |row: &Row<'_>| {
                let said = Timestamp(nat(row.get(2)?));
                Ok(Comment { words: row.get(0)?, person: row.get(1)?, said, statement: row.get(3)? })
            };
            let of = params![self.clinic.0, of.sensor.0, of.rule, of.subject, MOST_COMMENTS];
            Ok(rows.query_map(of, row)?.collect::<Result<_, _>>()?)
        })
    }
}

/// What was proposed is decided by who confirmed it.
fn decided(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    found: &Proposal,
    (person, severity): (&str, u8),
    now: Timestamp,
) -> Result<(), StoreError> {
    let decision = Decision {
        sensor: found.sensor,
        rule: found.rule.clone(),
        subject: found.subject.clone(),
        what: found.what.clone(),
        reason: found.reason.clone(),
        until: found.until,
        severity,
        person: person.to_owned(),
        decided: now,
        statement: [0; 32],
    };
    put_decision(tx, of, &decision, Some(&found.person), now).map(drop)
}

fn proposal_row(row: &Row<'_>) -> rusqlite::Result<Proposal> {
    let until: Option<i64> = row.get(6)?;
    let answer: Option<String> = row.get(9)?;
    let by: Option<String> = row.get(10)?;
    Ok(Proposal {
        id: row.get(0)?,
        sensor: SensorId(row.get(1)?),
        rule: row.get(2)?,
        subject: row.get(3)?,
        what: row.get(4)?,
        reason: row.get(5)?,
        until: until.map(|ms| Timestamp(nat(ms))),
        person: row.get(7)?,
        proposed: Timestamp(nat(row.get(8)?)),
        answer: answer.map(|answer| (answer, by.unwrap_or_default())),
    })
}

/// Comments that a page shows.
const MOST_COMMENTS: u32 = 50;
