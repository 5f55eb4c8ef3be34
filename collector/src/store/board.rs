//! What pages ask: sensors with all that is known of them, codes and what became of them, strips of days, whether anything is new.
//!
//! Keeps: strips, which can be made again. Drops: nothing else is written here.

use super::{ClinicStore, SensorRow, SensorState, StoreError, int, nat};
use auscult_report::code::CodeId;
use auscult_report::key::{Hash, SensorId};
use auscult_report::payload::Place;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// A sensor, as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorDetail {
    /// Id, site, state, why.
    pub row: SensorRow,
    /// What people call its site.
    pub site_title: String,
    /// When its state last changed.
    pub changed: Timestamp,
    /// When a report of it last came; 1970: never.
    pub spoke: Timestamp,
    /// When a sign of life of it last came; 1970: never.
    pub beat: Timestamp,
    /// The newest sign of life, as signed.
    pub heartbeat: Option<Vec<u8>>,
    /// Its clock minus ours at the last report, in milliseconds.
    pub clock_off_ms: i64,
    /// Reports of it that are held.
    pub reports: u64,
}

/// A one-time code, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// Where its sensor will be.
    pub site: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it was burnt by wrong proofs.
    pub burnt: bool,
    /// Who used it.
    pub sensor: Option<SensorId>,
}

/// One octet a day: see `schema/0004_people.sql`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripRow {
    /// The day of the last octet; days since 1970.
    pub last_day: u64,
    /// The octets.
    pub cells: Vec<u8>,
}

/// A report, as evidence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Where it stands in its chain.
    pub place: Place,
    /// When it came.
    pub received: Timestamp,
    /// Its hash.
    pub hash: Hash,
    /// Its leaf in the ledger; `None`: it waits for a round.
    pub leaf: Option<u64>,
}

impl ClinicStore {
    /// Sites of the clinic: word and title.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn sites(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.database.ask("sites", |reader| {
            let sql = "SELECT name, title FROM site WHERE clinic_id = ?1 ORDER BY name";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
        })
    }

    /// Every sensor of the clinic, with what is known of it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn sensor_details(&self) -> Result<Vec<SensorDetail>, StoreError> {
        self.database.ask("sensor details", |reader| {
            let sql =
                "SELECT s.sensor_id, s.site, s.state, s.why, p.title, s.changed_ms, t.last_report_ms, t.clock_off_ms,
                           b.received_ms, b.envelope,
                           (SELECT count(*) FROM report r WHERE r.clinic_id = ?1 AND r.sensor_id = s.sensor_id)
                       FROM sensor s
                       JOIN site p ON p.clinic_id = s.clinic_id AND p.name = s.site
                       JOIN sensor_state t ON t.clinic_id = s.clinic_id AND t.sensor_id = s.sensor_id
                       LEFT JOIN heartbeat b ON b.clinic_id = s.clinic_id AND b.sensor_id = s.sensor_id
                       WHERE s.clinic_id = ?1 ORDER BY s.site, s.sensor_id";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], detail)?.collect::<Result<_, _>>()?)
        })
    }

    /// A code of this clinic, and what became of it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn code(&self, code: CodeId) -> Result<Option<CodeRow>, StoreError> {
        self.database.ask("code", |reader| {
            let sql =
                "SELECT site, expires_ms, failures, sensor_id FROM enrol_code WHERE clinic_id = ?1 AND code_id = ?2";
            let row = |row: &Row<'_>| {
                let sensor: Option<[u8; 16]> = row.get(3)?;
                Ok(CodeRow {
                    site: row.get(0)?,
                    expires: Timestamp(nat(row.get(1)?)),
                    burnt: row.get::<_, i64>(2)? >= super::enrol::MOST_FAILURES,
                    sensor: sensor.map(SensorId),
                })
            };
            Ok(reader.prepare_cached(sql)?.query_row(params![self.clinic.0, code.0], row).optional()?)
        })
    }

    /// A number that is another when anything on a page of this clinic may be: reports, states, signs of life, findings, decisions.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn pulse(&self) -> Result<u64, StoreError> {
        self.database.ask("pulse", |reader| {
            let sql = "SELECT coalesce((SELECT max(t.last_report_ms) FROM sensor_state t WHERE t.clinic_id = ?1), 0)
                            + coalesce((SELECT sum(s.changed_ms) FROM sensor s WHERE s.clinic_id = ?1), 0)
                            + coalesce((SELECT sum(c.used_ms) FROM enrol_code c WHERE c.clinic_id = ?1), 0)
                            + coalesce((SELECT sum(c.failures) FROM enrol_code c WHERE c.clinic_id = ?1), 0)
                            + coalesce((SELECT max(p.event_no) FROM plan_event p WHERE p.clinic_id = ?1), 0)
                            + coalesce((SELECT max(d.decision_id) FROM decision d WHERE d.clinic_id = ?1), 0)
                            + coalesce((SELECT sum(j.report_id) FROM judged j WHERE j.clinic_id = ?1), 0)";
            let pulse: i64 = reader.prepare_cached(sql)?.query_row([self.clinic.0], |row| row.get(0))?;
            Ok(nat(pulse))
        })
    }

    /// How many sensors were heard on each day from a day on.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn heard_days(&self, from: u64) -> Result<Vec<(u64, u64)>, StoreError> {
        self.database.ask("heard days", |reader| {
            let sql = "SELECT day, count(*) FROM usage WHERE clinic_id = ?1 AND day >= ?2 AND length(sensor_id) = 16
                       GROUP BY day ORDER BY day";
            let mut rows = reader.prepare_cached(sql)?;
            let rows =
                rows.query_map(params![self.clinic.0, int(from)], |row| Ok((nat(row.get(0)?), nat(row.get(1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The size of the ledger's newest checkpoint, and when it was made.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn ledger_head(&self) -> Result<Option<(u64, Timestamp)>, StoreError> {
        self.database.ask("ledger head", |reader| {
            let sql = "SELECT size, changed_ms FROM ledger_head WHERE clinic_id = ?1";
            let row = |row: &Row<'_>| Ok((nat(row.get(0)?), Timestamp(nat(row.get(1)?))));
            Ok(reader.prepare_cached(sql)?.query_row([self.clinic.0], row).optional()?)
        })
    }

    /// The clinic's strip of days.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn strip(&self) -> Result<StripRow, StoreError> {
        self.database.ask("strip", |reader| {
            let sql = "SELECT last_day, cells FROM strip WHERE clinic_id = ?1";
            let row = |row: &Row<'_>| Ok(StripRow { last_day: nat(row.get(0)?), cells: row.get(1)? });
            Ok(reader.prepare_cached(sql)?.query_row([self.clinic.0], row).optional()?.unwrap_or_default())
        })
    }

    /// Keeps the clinic's strip of days.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_strip(&self, strip: &StripRow) -> Result<(), StoreError> {
        self.database.write("put strip", |tx| {
            let sql = "INSERT INTO strip (clinic_id, last_day, cells) VALUES (?1, ?2, ?3)
                       ON CONFLICT (clinic_id) DO UPDATE SET last_day = ?2, cells = ?3";
            tx.execute(sql, params![self.clinic.0, int(strip.last_day), strip.cells])?;
            Ok(())
        })
    }

    /// The reports of these numbers, as evidence.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn evidence(&self, reports: &[i64]) -> Result<Vec<EvidenceRow>, StoreError> {
        self.database.read("evidence", |tx| {
            let sql = "SELECT r.epoch, r.seq, r.received_ms, r.hash,
                           (SELECT l.leaf_index FROM ledger_leaf l JOIN clinic c USING (clinic_id)
                            WHERE l.clinic_id = ?1 AND c.clinic_id = ?1 AND l.generation = c.generation AND l.object = r.hash)
                       FROM report r WHERE r.clinic_id = ?1 AND r.report_id = ?2";
            let mut statement = tx.prepare_cached(sql)?;
            let mut found = Vec::new();
            for report in reports {
                let row = statement.query_row(params![self.clinic.0, report], |row| {
                    let leaf: Option<i64> = row.get(4)?;
                    Ok(EvidenceRow {
                        place: Place { epoch: row.get(0)?, seq: nat(row.get(1)?) },
                        received: Timestamp(nat(row.get(2)?)),
                        hash: row.get(3)?,
                        leaf: leaf.map(nat),
                    })
                });
                found.extend(row.optional()?);
            }
            Ok(found)
        })
    }
}

fn detail(row: &Row<'_>) -> rusqlite::Result<SensorDetail> {
    let beat: Option<i64> = row.get(8)?;
    Ok(SensorDetail {
        row: SensorRow {
            id: SensorId(row.get(0)?),
            site: row.get(1)?,
            state: SensorState::from_word(row.get_ref(2)?.as_str()?),
            why: row.get(3)?,
        },
        site_title: row.get(4)?,
        changed: Timestamp(nat(row.get(5)?)),
        spoke: Timestamp(nat(row.get(6)?)),
        clock_off_ms: row.get(7)?,
        beat: Timestamp(beat.map_or(0, nat)),
        heartbeat: row.get(9)?,
        reports: nat(row.get(10)?),
    })
}
