//! What was judged: findings, their steps, and how far each sensor's reports were judged. All of it can be made again.
//!
//! Keeps: one row for each sensor, rule and subject, open or past. Drops: sentences; the words of a finding stand in its
//! rule.

use super::notes::put_notes;
use super::{ClinicStore, FindingId, Notes, StoreError, int, nat, news};
use auscult_report::key::SensorId;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// How far a sensor's reports were judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The last report, in the order of arrival.
    pub report_id: i64,
    /// The last day at whose beginning was judged; days since 1970.
    pub day: u64,
    /// The end of the newest window, by the sensor's clock.
    pub heard_to: Timestamp,
    /// How long the sensor has heard in all.
    pub heard_ms: u64,
    /// Up to when was judged what passes by itself; the archive's clock.
    pub stood: Timestamp,
    /// What the judge remembers of its hearing, encoded.
    pub hearing: Vec<u8>,
    /// Up to which report hosts and hours were written down.
    pub noted: i64,
}

/// A finding, open or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The rule's id.
    pub rule: String,
    /// What it is about: a subject, encoded.
    pub subject: Vec<u8>,
    /// The rule's version.
    pub rule_version: u16,
    /// 0 info to 4 critical.
    pub severity: u8,
    /// Percent.
    pub confidence: u8,
    /// Facts and zones that it last rested on, encoded.
    pub proof: Vec<u8>,
    /// Since when it is open, or was.
    pub opened: Timestamp,
    /// When its severity last changed.
    pub changed: Timestamp,
    /// Whether it holds; if not and it is open, nothing that was heard says yet that it is gone.
    pub holds: bool,
    /// When it was last heard to hold.
    pub held: Timestamp,
    /// How long the sensor had heard when it last held.
    pub held_heard_ms: u64,
    /// When and by what it was closed: `heard`, `silence`, `date`.
    pub closed: Option<(Timestamp, String)>,
    /// How often it was opened.
    pub times_opened: u32,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It holds for the first time.
    Opened,
    /// It is worse than it was.
    Worse,
    /// It is less bad than it was.
    Milder,
    /// It is gone.
    Fixed,
    /// It was gone and holds again.
    CameBack,
}

impl Step {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Step::Opened => "opened",
            Step::Worse => "worse",
            Step::Milder => "milder",
            Step::Fixed => "fixed",
            Step::CameBack => "came back",
        }
    }
}

/// A step of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// The rule's id.
    pub rule: String,
    /// What it is about.
    pub subject: Vec<u8>,
    /// When.
    pub at: Timestamp,
    /// What became of it: the word of a [`Step`].
    pub what: String,
    /// How bad it then was.
    pub severity: u8,
    /// The report that showed it; `None`: a date passed.
    pub report_id: Option<i64>,
}

impl ClinicStore {
    /// How far a sensor's reports were judged, and its findings.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn judged(&self, sensor: SensorId) -> Result<(Judged, Vec<FindingRow>), StoreError> {
        self.database.read("judged", |tx| {
            let sql = "SELECT report_id, day, heard_to_ms, heard_ms, stood_ms, hearing, noted FROM judged
                       WHERE clinic_id = ?1 AND sensor_id = ?2";
            let row = |row: &Row<'_>| {
                Ok(Judged {
                    report_id: row.get(0)?,
                    day: nat(row.get(1)?),
                    heard_to: Timestamp(nat(row.get(2)?)),
                    heard_ms: nat(row.get(3)?),
                    stood: Timestamp(nat(row.get(4)?)),
                    hearing: row.get(5)?,
                    noted: row.get(6)?,
                })
            };
            let of = params![self.clinic.0, sensor.0];
            let judged = tx.prepare_cached(sql)?.query_row(of, row).optional()?.unwrap_or_default();
            Ok((judged, findings(tx, self, sensor)?))
        })
    }

    /// Sensors of which something came that was not judged yet, or that were not judged at the beginning of this day.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn to_judge(&self, day: u64) -> Result<Vec<SensorId>, StoreError> {
        self.database.ask("to judge", |reader| {
            let sql = "SELECT j.sensor_id FROM judged j WHERE j.clinic_id = ?1 AND j.day < ?2
                       UNION
                       SELECT s.sensor_id FROM sensor s
                       LEFT JOIN judged j ON j.clinic_id = ?1 AND j.sensor_id = s.sensor_id
                       WHERE s.clinic_id = ?1 AND EXISTS (
                           SELECT 1 FROM report r WHERE r.clinic_id = ?1 AND r.sensor_id = s.sensor_id
                               AND r.report_id > coalesce(j.report_id, 0))
                       ORDER BY 1";
            let mut rows = reader.prepare_cached(sql)?;
            let rows = rows.query_map(params![self.clinic.0, int(day)], |row| Ok(SensorId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How many findings are open.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn open_findings(&self) -> Result<u64, StoreError> {
        self.database.ask("open findings", |reader| {
            let sql = "SELECT count(*) FROM finding WHERE clinic_id = ?1 AND closed_ms IS NULL";
            Ok(nat(reader.prepare_cached(sql)?.query_row([self.clinic.0], |row| row.get(0))?))
        })
    }

    /// Every open finding of the clinic, with the sensor that heard it, the worst first.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn open_rows(&self) -> Result<Vec<(SensorId, FindingRow)>, StoreError> {
        self.database.ask("open rows", |reader| {
            let sql = "SELECT rule, subject, rule_version, severity, confidence, proof, opened_ms, changed_ms, held_ms,
                           held_heard_ms, closed_ms, closed_by, times_opened, holds, sensor_id
                       FROM finding WHERE clinic_id = ?1 AND closed_ms IS NULL ORDER BY severity DESC, opened_ms, rule, subject,
                           sensor_id";
            let mut rows = reader.prepare_cached(sql)?;
            let rows = rows.query_map([self.clinic.0], |row| Ok((SensorId(row.get(14)?), finding(row)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// One finding, open or past.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn finding(&self, of: FindingId<'_>) -> Result<Option<FindingRow>, StoreError> {
        self.database.ask("finding", |reader| {
            let sql = "SELECT rule, subject, rule_version, severity, confidence, proof, opened_ms, changed_ms, held_ms,
                           held_heard_ms, closed_ms, closed_by, times_opened, holds
                       FROM finding WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4";
            let of = params![self.clinic.0, of.sensor.0, of.rule, of.subject];
            Ok(reader.prepare_cached(sql)?.query_row(of, finding).optional()?)
        })
    }

    /// Keeps what one stretch of judging gave: how far it went, the findings that changed, their steps, notes of what was heard. `from` is how
    /// far was judged before; if another program was faster, nothing is written and the answer is `false`.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_judged(
        &self,
        sensor: SensorId,
        (from, to): (&Judged, &Judged),
        (changed, steps): (&[FindingRow], &[StepRow]),
        notes: &Notes,
    ) -> Result<bool, StoreError> {
        self.database.write("put judged", |tx| {
            let sql =
                "INSERT INTO judged (clinic_id, sensor_id, report_id, day, heard_to_ms, heard_ms, stood_ms, hearing,
                           noted)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?12)
                       ON CONFLICT (clinic_id, sensor_id) DO UPDATE SET
                           report_id = ?3, day = ?4, heard_to_ms = ?5, heard_ms = ?6, stood_ms = ?7, hearing = ?8,
                           noted = ?12
                       WHERE report_id = ?9 AND day = ?10 AND stood_ms = ?11";
            let of = (self.clinic.0, sensor.0);
            let values = params![
                of.0,
                of.1,
                to.report_id,
                int(to.day),
                int(to.heard_to.0),
                int(to.heard_ms),
                int(to.stood.0),
                to.hearing,
                from.report_id,
                int(from.day),
                int(from.stood.0),
                to.noted
            ];
            if tx.execute(sql, values)? == 0 {
                return Ok(false);
            }
            put_notes(tx, (self.clinic, sensor), notes)?;
            for finding in changed {
                put_finding(tx, self, sensor, finding)?;
            }
            let sql = "INSERT INTO finding_step (clinic_id, sensor_id, rule, subject, step_no, at_ms, what, severity,
                           report_id)
                       SELECT ?1, ?2, ?3, ?4, coalesce(max(step_no), 0) + 1, ?5, ?6, ?7, ?8 FROM finding_step
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND rule = ?3 AND subject = ?4";
            let mut insert = tx.prepare_cached(sql)?;
            for step in steps {
                let StepRow { rule, subject, at, what, severity, report_id } = step;
                insert.execute(params![of.0, of.1, rule, subject, int(at.0), what, severity, report_id])?;
                news::put_step(tx, self.clinic, sensor, step)?;
            }
            Ok(true)
        })
    }

    /// Steps of all findings of the clinic in a period, the newest first, at most `most`, each with the sensor that heard it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn steps_between(
        &self,
        (from, to): (Timestamp, Timestamp),
        most: u32,
    ) -> Result<Vec<(SensorId, StepRow)>, StoreError> {
        self.database.ask("steps between", |reader| {
            let sql = "SELECT rule, subject, at_ms, what, severity, report_id, sensor_id FROM finding_step
                       WHERE clinic_id = ?1 AND at_ms >= ?2 AND at_ms < ?3 ORDER BY at_ms DESC LIMIT ?4";
            let mut rows = reader.prepare_cached(sql)?;
            let values = params![self.clinic.0, int(from.0), int(to.0), most];
            Ok(rows.query_map(values, |row| Ok((SensorId(row.get(6)?), step(row)?)))?.collect::<Result<_, _>>()?)
        })
    }

    /// When findings of the clinic were opened, or opened again, in the order of time, each with the sensor that heard it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn openings(&self) -> Result<Vec<(SensorId, StepRow)>, StoreError> {
        self.database.ask("openings", |reader| {
            let sql = "SELECT rule, subject, at_ms, what, severity, report_id, sensor_id FROM finding_step
                       WHERE clinic_id = ?1 AND what IN ('opened', 'came back') ORDER BY at_ms, sensor_id, rule, subject";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], |row| Ok((SensorId(row.get(6)?), step(row)?)))?.collect::<Result<_, _>>()?)
        })
    }

    /// Every step of every finding of a sensor, finding by finding.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn finding_steps(&self, sensor: SensorId) -> Result<Vec<StepRow>, StoreError> {
        self.database.read("finding steps", |tx| {
            let sql = "SELECT rule, subject, at_ms, what, severity, report_id FROM finding_step
                       WHERE clinic_id = ?1 AND sensor_id = ?2 ORDER BY rule, subject, step_no";
            let mut rows = tx.prepare_cached(sql)?;
            Ok(rows.query_map(params![self.clinic.0, sensor.0], step)?.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets everything that was judged: it is made again from the envelopes.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn forget_judged(&self) -> Result<(), StoreError> {
        self.database.write("forget judged", |tx| {
            for table in ["judged", "finding", "finding_step", "asset", "asset_service", "listened"] {
                tx.execute(&format!("DELETE FROM {table} WHERE clinic_id = ?1"), [self.clinic.0])?;
            }
            Ok(())
        })
    }
}

fn findings(tx: &Transaction<'_>, of: &ClinicStore, sensor: SensorId) -> Result<Vec<FindingRow>, StoreError> {
    let sql = "SELECT rule, subject, rule_version, severity, confidence, proof, opened_ms, changed_ms, held_ms,
                   held_heard_ms, closed_ms, closed_by, times_opened, holds
               FROM finding WHERE clinic_id = ?1 AND sensor_id = ?2 ORDER BY rule, subject";
    let mut rows = tx.prepare_cached(sql)?;
    Ok(rows.query_map(params![of.clinic.0, sensor.0], finding)?.collect::<Result<_, _>>()?)
}

fn step(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        rule: row.get(0)?,
        subject: row.get(1)?,
        at: Timestamp(nat(row.get(2)?)),
        what: row.get(3)?,
        severity: row.get(4)?,
        report_id: row.get(5)?,
    })
}

pub(super) fn finding(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    let moment = |column: usize| row.get(column).map(|ms| Timestamp(nat(ms)));
    let closed: Option<i64> = row.get(10)?;
    let by: Option<String> = row.get(11)?;
    Ok(FindingRow {
        rule: row.get(0)?,
        subject: row.get(1)?,
        rule_version: row.get(2)?,
        severity: row.get(3)?,
        confidence: row.get(4)?,
        proof: row.get(5)?,
        opened: moment(6)?,
        changed: moment(7)?,
        held: moment(8)?,
        held_heard_ms: nat(row.get(9)?),
        closed: closed.map(|ms| (Timestamp(nat(ms)), by.unwrap_or_default())),
        times_opened: row.get(12)?,
        holds: row.get(13)?,
    })
}

fn put_finding(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    sensor: SensorId,
    finding: &FindingRow,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO finding (clinic_id, sensor_id, rule, subject, rule_version, severity, confidence, proof,
                   opened_ms, changed_ms, held_ms, held_heard_ms, closed_ms, closed_by, times_opened, holds)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
               ON CONFLICT (clinic_id, sensor_id, rule, subject) DO UPDATE SET
                   rule_version = ?5, severity = ?6, confidence = ?7, proof = ?8, opened_ms = ?9, changed_ms = ?10,
                   held_ms = ?11, held_heard_ms = ?12, closed_ms = ?13, closed_by = ?14, times_opened = ?15, holds = ?16";
    tx.prepare_cached(sql)?.execute(params![
        of.clinic.0,
        sensor.0,
        finding.rule,
        finding.subject,
        finding.rule_version,
        finding.severity,
        finding.confidence,
        finding.proof,
        int(finding.opened.0),
        int(finding.changed.0),
        int(finding.held.0),
        int(finding.held_heard_ms),
        finding.closed.as_ref().map(|(at, _)| int(at.0)),
        finding.closed.as_ref().map(|(_, by)| by),
        finding.times_opened,
        finding.holds
    ])?;
    Ok(())
}
