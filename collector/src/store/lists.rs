//! Lists by the page: each begins behind the last row of the page before, by the same key in which it is ordered. So a page costs what it
//! holds, and nothing is left out or told twice while rows come and go.
//!
//! Keeps: nothing. Drops: nothing is written here.

use super::findings::finding;
use super::{ClinicStore, FindingRow, StoreError, int, nat};
use auscult_report::code::CodeId;
use auscult_report::key::SensorId;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// Where a finding stands in the list: the worst first, then the oldest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingKey {
    /// 0 info to 4 critical.
    pub severity: u8,
    /// Since when it is open, or was.
    pub opened: Timestamp,
    /// The rule's id.
    pub rule: String,
    /// What it is about, encoded.
    pub subject: Vec<u8>,
    /// The sensor that heard it.
    pub sensor: SensorId,
}

/// A finding with the sensor that heard it.
pub type FindingLine = (SensorId, FindingRow);

impl FindingKey {
    /// The place of a finding.
    #[must_use]
    pub fn of((sensor, row): &FindingLine) -> FindingKey {
        FindingKey {
            severity: row.severity,
            opened: row.opened,
            rule: row.rule.clone(),
            subject: row.subject.clone(),
            sensor: *sensor,
        }
    }

    /// Before the first.
    #[must_use]
    pub fn first() -> FindingKey {
        let (rule, subject) = (String::new(), Vec::new());
        FindingKey { severity: u8::MAX, opened: Timestamp(0), rule, subject, sensor: SensorId([0; 16]) }
    }
}

/// Which findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Which {
    /// Those that are open.
    pub open: bool,
    /// Those that are gone.
    pub gone: bool,
    /// At least so bad.
    pub least: u8,
    /// Those of one sensor.
    pub sensor: Option<SensorId>,
}

/// A one-time code in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeLine {
    /// The public half of the code.
    pub id: CodeId,
    /// Where its sensor will be.
    pub site: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it was burnt by wrong proofs.
    pub burnt: bool,
    /// Who used it.
    pub sensor: Option<SensorId>,
}

impl ClinicStore {
    /// Findings behind a place, the worst and then the oldest first.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn findings_after(&self, which: Which, after: &FindingKey, most: u32) -> Result<Vec<FindingLine>, StoreError> {
        self.database.ask("findings after", |reader| {
            // From the sensor with all bits 0 to the one with all bits 1 is every sensor.
            let (from, to) = which.sensor.map_or(([0; 16], [u8::MAX; 16]), |s| (s.0, s.0));
            let sql = "SELECT rule, subject, rule_version, severity, confidence, proof, opened_ms, changed_ms, held_ms,
                           held_heard_ms, closed_ms, closed_by, times_opened, holds, sensor_id
                       FROM finding WHERE clinic_id = ?1 AND (closed_ms IS NULL) IN (?2, ?3) AND severity >= ?4
                           AND sensor_id BETWEEN ?5 AND ?6
                           AND (-severity, opened_ms, rule, subject, sensor_id) > (?7, ?8, ?9, ?10, ?11)
                       ORDER BY -severity, opened_ms, rule, subject, sensor_id LIMIT ?12";
            // The truth of "open" that is asked for; where both are, each once.
            let states = (i64::from(which.open), i64::from(!which.gone));
            let mut rows = reader.prepare_cached(sql)?;
            let values = params![
                self.clinic.0,
                states.0,
                states.1,
                which.least,
                from,
                to,
                i64::from(after.severity).saturating_neg(),
                int(after.opened.0),
                after.rule,
                after.subject,
                after.sensor.0,
                most
            ];
            let rows = rows.query_map(values, |row| Ok((SensorId(row.get(14)?), finding(row)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// One-time codes behind one, by their ids.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn codes_after(&self, after: &[u8], most: u32) -> Result<Vec<CodeLine>, StoreError> {
        self.database.ask("codes after", |reader| {
            let sql = "SELECT code_id, site, created_ms, expires_ms, failures, sensor_id FROM enrol_code
                       WHERE clinic_id = ?1 AND code_id > ?2 ORDER BY code_id LIMIT ?3";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map(params![self.clinic.0, after, most], code_line)?.collect::<Result<_, _>>()?)
        })
    }

    /// One of these lines.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn code_line(&self, code: CodeId) -> Result<Option<CodeLine>, StoreError> {
        self.database.ask("code line", |reader| {
            let sql = "SELECT code_id, site, created_ms, expires_ms, failures, sensor_id FROM enrol_code
                       WHERE clinic_id = ?1 AND code_id = ?2";
            Ok(reader.prepare_cached(sql)?.query_row(params![self.clinic.0, code.0], code_line).optional()?)
        })
    }
}

fn code_line(row: &Row<'_>) -> rusqlite::Result<CodeLine> {
    let sensor: Option<[u8; 16]> = row.get(5)?;
    Ok(CodeLine {
        id: CodeId(row.get(0)?),
        site: row.get(1)?,
        created: Timestamp(nat(row.get(2)?)),
        expires: Timestamp(nat(row.get(3)?)),
        burnt: row.get::<_, i64>(4)? >= super::enrol::MOST_FAILURES,
        sensor: sensor.map(SensorId),
    })
}
