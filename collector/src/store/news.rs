//! What happened and is worth telling: what became of findings, dates that came.
//!
//! Written in the transaction that changes a finding, and never removed: who was told once is not told again, also when findings are made
//! again. Keeps: which matter, what, when, how bad. Drops: what a finding is about: nothing of a host, a port or a proof comes here.

use super::{ClinicId, ClinicStore, StepRow, Store, StoreError, int, nat};
use auscult_report::key::SensorId;
use auscult_report::time::Timestamp;
use rusqlite::{Row, Transaction, params};
use sha2::{Digest, Sha256};

/// Which matter: a finding, a deadline, a review. The same for its whole life.
pub type Matter = [u8; 32];

/// Something that happened and for which nobody was chosen yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Its number: the order in which it became known.
    pub id: i64,
    /// At which clinic.
    pub clinic: ClinicId,
    /// The word by which operators name that clinic.
    pub clinic_name: String,
    /// To which matter.
    pub matter: Matter,
    /// What: the word of a [`super::Step`], or of a [`DueKind`].
    pub what: String,
    /// When.
    pub at: Timestamp,
    /// The rule's id; empty: it is no finding.
    pub rule: String,
    /// 0 info to 4 critical.
    pub severity: u8,
}

/// A date that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueKind {
    /// A decision about a finding ends.
    Decision,
    /// A deadline of the law.
    Deadline,
    /// A planned review.
    Review,
}

impl DueKind {
    /// The word in the data base.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            DueKind::Decision => "decision due",
            DueKind::Deadline => "deadline due",
            DueKind::Review => "review due",
        }
    }
}

impl ClinicStore {
    /// A deadline or a review came. `key` names it for ever, in words that are never shown (a law's name and the day of discovery, a
    /// plan's number); `at` is the moment that it is due, not now. Who asks twice changes nothing: the answer is `false`.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_due(&self, kind: DueKind, key: &str, at: Timestamp, severity: u8) -> Result<bool, StoreError> {
        let hash = Sha256::new().chain_update(kind.word()).chain_update([0]).chain_update(self.clinic.0);
        let matter: Matter = hash.chain_update(key).finalize().into();
        self.database.write("put due", |tx| {
            put(tx, self.clinic, (&matter, kind.word(), at), (&[], "", severity.min(MOST_SEVERE)))
        })
    }

    /// Decisions that ended between two moments while their finding is open and no other than it was: each is written down once.
    ///
    /// # Errors
    /// If it could not be read or written.
    pub fn put_decisions_due(&self, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let of = params![self.clinic.0, int(since.0), int(now.0)];
        // Nothing ended, as nearly always: nobody waits for the writer.
        let due = self.database.ask("decisions due", |reader| {
            let sql = "SELECT d.sensor_id, d.rule, d.subject, d.until_ms, f.severity FROM decision d
                       JOIN finding f ON f.clinic_id = d.clinic_id AND f.sensor_id = d.sensor_id AND f.rule = d.rule
                           AND f.subject = d.subject
                       WHERE d.clinic_id = ?1 AND d.what = 'accepted' AND d.until_ms > ?2 AND d.until_ms <= ?3
                           AND f.closed_ms IS NULL AND f.severity <= d.severity AND f.opened_ms <= d.decided_ms
                           AND NOT EXISTS (SELECT 1 FROM decision n WHERE n.clinic_id = ?1 AND n.sensor_id = d.sensor_id
                               AND n.rule = d.rule AND n.subject = d.subject AND n.decision_id > d.decision_id)";
            let row = |row: &Row<'_>| {
                let until = Timestamp(nat(row.get(3)?));
                Ok((SensorId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?, until, row.get(4)?))
            };
            Ok(reader.prepare_cached(sql)?.query_map(of, row)?.collect::<Result<Vec<_>, _>>()?)
        })?;
        if due.is_empty() {
            return Ok(0);
        }
        self.database.write("put decisions due", |tx| {
            let mut new: u64 = 0;
            for (sensor, rule, subject, until, severity) in &due {
                let matter = matter_of(self.clinic, *sensor, rule, subject);
                let of = (&matter, DueKind::Decision.word(), *until);
                new = new.saturating_add(u64::from(put(tx, self.clinic, of, (&sensor.0, rule, *severity))?));
            }
            Ok(new)
        })
    }

    /// Whether a recipient was told of a matter before this news.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn was_told(
        &self,
        matter: &Matter,
        (channel, recipient): (&str, &str),
        before: i64,
    ) -> Result<bool, StoreError> {
        self.database.ask("was told", |reader| {
            let sql = "SELECT EXISTS (SELECT 1 FROM news n JOIN notice t ON t.clinic_id = n.clinic_id AND t.news_id = n.news_id
                       WHERE n.clinic_id = ?1 AND n.matter = ?2 AND n.news_id < ?3 AND t.channel = ?4 AND t.recipient = ?5)";
            let of = params![self.clinic.0, matter, before, channel, recipient];
            Ok(reader.prepare_cached(sql)?.query_row(of, |row| row.get(0))?)
        })
    }

    /// When the newest that is known happened to a matter.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_of(&self, matter: &Matter) -> Result<Timestamp, StoreError> {
        self.database.ask("newest of", |reader| {
            let sql = "SELECT coalesce(max(at_ms), 0) FROM news WHERE clinic_id = ?1 AND matter = ?2";
            let newest = reader.prepare_cached(sql)?.query_row(params![self.clinic.0, matter], |row| row.get(0))?;
            Ok(Timestamp(nat(newest)))
        })
    }
}

impl Store {
    /// What happened and for which nobody was chosen yet, in the order in which it became known.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn news(&self, most: u32) -> Result<Vec<News>, StoreError> {
        self.database.ask("news", |reader| {
            let sql = "SELECT n.news_id, n.clinic_id, c.name, n.matter, n.what, n.at_ms, n.rule, n.severity
                       FROM news n JOIN clinic c ON c.clinic_id = n.clinic_id WHERE n.is_planned = 0 ORDER BY n.news_id LIMIT ?1";
            let row = |row: &Row<'_>| {
                Ok(News {
                    id: row.get(0)?,
                    clinic: ClinicId(row.get(1)?),
                    clinic_name: row.get(2)?,
                    matter: row.get(3)?,
                    what: row.get(4)?,
                    at: Timestamp(nat(row.get(5)?)),
                    rule: row.get(6)?,
                    severity: row.get(7)?,
                })
            };
            Ok(reader.prepare_cached(sql)?.query_map([most], row)?.collect::<Result<_, _>>()?)
        })
    }
}

/// The matter of a finding. Salted by the clinic's random id: nothing of its subject can be guessed from it.
fn matter_of(clinic: ClinicId, sensor: SensorId, rule: &str, subject: &[u8]) -> Matter {
    let hash = Sha256::new().chain_update(b"finding\0").chain_update(clinic.0).chain_update(sensor.0);
    hash.chain_update(rule).chain_update([0]).chain_update(subject).finalize().into()
}

/// Writes down what became of a finding, in the transaction that changes it. What became milder is not told.
pub(super) fn put_step(
    tx: &Transaction<'_>,
    clinic: ClinicId,
    sensor: SensorId,
    step: &StepRow,
) -> Result<(), StoreError> {
    if step.what == "milder" {
        return Ok(());
    }
    let matter = matter_of(clinic, sensor, &step.rule, &step.subject);
    put(tx, clinic, (&matter, &step.what, step.at), (&sensor.0, &step.rule, step.severity)).map(drop)
}

fn put(
    tx: &Transaction<'_>,
    clinic: ClinicId,
    (matter, what, at): (&Matter, &str, Timestamp),
    (sensor, rule, severity): (&[u8], &str, u8),
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO news (clinic_id, matter, what, at_ms, sensor_id, rule, severity, is_planned)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) ON CONFLICT DO NOTHING";
    let values = params![clinic.0, matter, what, int(at.0), sensor, rule, severity];
    Ok(tx.prepare_cached(sql)?.execute(values)? == 1)
}

/// Critical.
const MOST_SEVERE: u8 = 4;
