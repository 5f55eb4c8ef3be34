//! Sensors as one watches them: when they were let in and shut out, when they last spoke, where their chains contradict each other.
//!
//! Keeps: moments of the archive's clock. Drops: nothing is written here.

use super::fleet::leaf_number;
use super::{ClinicStore, SensorState, StoreError, nat};
use auscult_report::key::SensorId;
use auscult_report::leaf::LeafKind;
use auscult_report::time::Timestamp;
use rusqlite::{Row, params};

/// Where a sensor stands, for who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The sensor.
    pub id: SensorId,
    /// What it may do.
    pub state: SensorState,
    /// When that last changed.
    pub changed: Timestamp,
    /// When a report of it was last taken in; 1970: never.
    pub spoke: Timestamp,
    /// When a sign of life of it was last taken in; 1970: never.
    pub beat: Timestamp,
    /// Up to when was judged what passes by itself.
    pub stood: Timestamp,
}

/// What speaks for and against a sensor's chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When reports came that contradict others, in the order of time.
    pub contradicted: Vec<Timestamp>,
    /// When a person let the sensor in, or in again, in the order of time.
    pub admitted: Vec<Timestamp>,
}

impl Watched {
    /// When anything of it was last taken in; 1970: never.
    #[must_use]
    pub fn heard(&self) -> Timestamp {
        self.spoke.max(self.beat)
    }
}

impl ClinicStore {
    /// Every sensor of the clinic, as one watches it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn watched(&self) -> Result<Vec<Watched>, StoreError> {
        self.database.ask("watched", |reader| {
            let sql =
                "SELECT s.sensor_id, s.state, s.changed_ms, t.last_report_ms, coalesce(j.stood_ms, 0), coalesce(h.received_ms, 0)
                       FROM sensor s
                       JOIN sensor_state t ON t.clinic_id = s.clinic_id AND t.sensor_id = s.sensor_id
                       LEFT JOIN judged j ON j.clinic_id = s.clinic_id AND j.sensor_id = s.sensor_id
                       LEFT JOIN heartbeat h ON h.clinic_id = s.clinic_id AND h.sensor_id = s.sensor_id
                       WHERE s.clinic_id = ?1 ORDER BY s.sensor_id";
            let row = |row: &Row<'_>| {
                Ok(Watched {
                    id: SensorId(row.get(0)?),
                    state: SensorState::from_word(row.get_ref(1)?.as_str()?),
                    changed: Timestamp(nat(row.get(2)?)),
                    spoke: Timestamp(nat(row.get(3)?)),
                    stood: Timestamp(nat(row.get(4)?)),
                    beat: Timestamp(nat(row.get(5)?)),
                })
            };
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([self.clinic.0], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// What speaks for and against a sensor's chain: the newest [`MOST_MOMENTS`] of each.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn record(&self, sensor: SensorId) -> Result<Record, StoreError> {
        self.database.read("record", |tx| {
            let mut record = Record::default();
            let sql = "SELECT DISTINCT received_ms FROM fork WHERE clinic_id = ?1 AND sensor_id = ?2
                       ORDER BY received_ms DESC LIMIT ?3";
            let mut rows = tx.prepare_cached(sql)?;
            let moments = rows.query_map(params![self.clinic.0, sensor.0, MOST_MOMENTS], |row| row.get(0))?;
            for moment in moments {
                record.contradicted.push(Timestamp(nat(moment?)));
            }
            let sql = "SELECT stated_ms, text FROM statement
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND kind = ?3 ORDER BY stated_ms DESC LIMIT ?4";
            let values = params![self.clinic.0, sensor.0, leaf_number(LeafKind::Enrolment), MOST_MOMENTS];
            let mut rows = tx.prepare_cached(sql)?;
            let stated = rows.query_map(values, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
            for row in stated {
                let (moment, text) = row?;
                if text.lines().any(|line| line == "state active") {
                    record.admitted.push(Timestamp(nat(moment)));
                }
            }
            record.contradicted.reverse();
            record.admitted.reverse();
            Ok(record)
        })
    }
}

/// Who contradicts himself more often is not believed anyway.
const MOST_MOMENTS: u32 = 256;
