//! What was received, as it can be asked for: sensors and keys for the door, envelopes for the judge, counts for people.
//!
//! Keeps: the order of arrival. Drops: nothing is written here.

use super::{Claim, ClinicId, ClinicStore, Of, SensorState, Store, StoreError, int, nat};
use auscult_report::chain::Head;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::key::{Hash, PublicKey, SensorId};
use auscult_report::payload::{Kind, Known, Place};
use auscult_report::receipt::{MAX_MISSING, Missing};
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// What the door must know of a sensor before it checks a signature.
#[derive(Clone, Debug)]
pub struct KnownSensor {
    /// Its clinic.
    pub clinic: ClinicId,
    /// Whether the clinic is closed.
    pub closed: bool,
    /// What it may do.
    pub state: SensorState,
    /// Its keys, by number.
    pub keys: Vec<PublicKey>,
}

/// A report as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number in the order of arrival.
    pub id: i64,
    /// Where it stands in its chain.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Which key signed it.
    pub key_no: u16,
    /// Its hash.
    pub hash: Hash,
    /// When it came.
    pub received: Timestamp,
    /// Its octets; `None` once they were erased by rule.
    pub envelope: Option<Vec<u8>>,
}

/// How much a clinic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reports.
    pub reports: u64,
    /// Of them opaque.
    pub opaque: u64,
    /// Reports that contradict others.
    pub forks: u64,
    /// Leaves that wait for the next round.
    pub queued: u64,
    /// Reports that were refused.
    pub refused: u64,
}

impl Store {
    /// The sensor that a header names. `None` if no clinic with this ledger knows it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn sensor(&self, (ledger, sensor): Claim) -> Result<Option<KnownSensor>, StoreError> {
        self.database.read("sensor", |tx| {
            let sql = "SELECT c.clinic_id, c.state, s.state FROM clinic c JOIN sensor s USING (clinic_id)
                       WHERE c.ledger_id = ?1 AND s.sensor_id = ?2";
            let row = tx.prepare_cached(sql)?.query_row(params![ledger.0, sensor.0], |row| {
                Ok(KnownSensor {
                    clinic: ClinicId(row.get(0)?),
                    closed: row.get::<_, String>(1)? != "active",
                    state: SensorState::from_word(&row.get::<_, String>(2)?),
                    keys: Vec::new(),
                })
            });
            let Some(mut known) = row.optional()? else { return Ok(None) };
            let sql = "SELECT public FROM sensor_key WHERE clinic_id = ?1 AND sensor_id = ?2 ORDER BY key_no";
            let mut keys = tx.prepare_cached(sql)?;
            let keys = keys.query_map(params![known.clinic.0, sensor.0], |row| Ok(PublicKey(row.get(0)?)))?;
            known.keys = keys.collect::<Result<_, _>>()?;
            Ok(Some(known))
        })
    }

    /// The handle of the clinic that a report was taken in for.
    #[must_use]
    pub fn clinic_with(&self, clinic: ClinicId) -> ClinicStore {
        self.of(clinic)
    }

    /// The handle of the clinic that a sensor was found in.
    #[must_use]
    pub fn clinic_of(&self, known: &KnownSensor) -> ClinicStore {
        self.of(known.clinic)
    }
}

impl ClinicStore {
    /// The keys of a sensor, by number.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn keys(&self, sensor: SensorId) -> Result<Vec<PublicKey>, StoreError> {
        self.database.read("keys", |tx| {
            let sql = "SELECT public FROM sensor_key WHERE clinic_id = ?1 AND sensor_id = ?2 ORDER BY key_no";
            let mut keys = tx.prepare_cached(sql)?;
            let keys = keys.query_map(params![self.clinic.0, sensor.0], |row| Ok(PublicKey(row.get(0)?)))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// The reports of a sensor that came behind `after`, in the order in which they came, at most `most`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn reports_after(&self, sensor: SensorId, after: i64, most: u32) -> Result<Vec<Kept>, StoreError> {
        self.database.read("reports after", |tx| {
            let sql = "SELECT report_id, epoch, seq, kind, key_no, hash, received_ms, envelope FROM report
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND report_id > ?3 ORDER BY report_id LIMIT ?4";
            let mut rows = tx.prepare_cached(sql)?;
            let rows = rows.query_map(params![self.clinic.0, sensor.0, after, most], kept)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The reports of a sensor from a place on that came up to `until`, in the order of the chain, at most `most`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn chain_from(&self, sensor: SensorId, from: Place, until: i64, most: u32) -> Result<Vec<Kept>, StoreError> {
        self.database.read("chain from", |tx| {
            let sql = "SELECT report_id, epoch, seq, kind, key_no, hash, received_ms, envelope FROM report
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND (epoch, seq) >= (?3, ?4) AND report_id <= ?5
                       ORDER BY epoch, seq LIMIT ?6";
            let values = params![self.clinic.0, sensor.0, from.epoch, int(from.seq), until, most];
            let mut rows = tx.prepare_cached(sql)?;
            Ok(rows.query_map(values, kept)?.collect::<Result<_, _>>()?)
        })
    }

    /// The place of the newest full report (in the order of the chain) that came up to `until`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_full(&self, sensor: SensorId, until: i64) -> Result<Option<Place>, StoreError> {
        self.database.read("newest full", |tx| {
            let sql = "SELECT epoch, seq FROM report
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND kind = ?3 AND opaque = 0 AND report_id <= ?4
                       ORDER BY epoch DESC, seq DESC LIMIT 1";
            let values = params![self.clinic.0, sensor.0, super::batch::kind_number(Kind::Full), until];
            let mut row = tx.prepare_cached(sql)?;
            let place = row.query_row(values, |row| Ok(Place { epoch: row.get(0)?, seq: nat(row.get(1)?) }));
            Ok(place.optional()?)
        })
    }

    /// The end of a sensor's unbroken chain, and what is missing before later reports.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn durable(&self, sensor: SensorId) -> Result<(Option<Known>, Vec<Missing>), StoreError> {
        self.database.read("durable", |tx| durable(tx, (self.clinic, sensor)))
    }

    /// Keeps the newest sign of life of a sensor. One that is older by the sensor's own uptime changes nothing.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_heartbeat(&self, beat: &Heartbeat, octets: &[u8], now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("heartbeat", |tx| {
            let sql = "SELECT envelope FROM heartbeat WHERE clinic_id = ?1 AND sensor_id = ?2";
            let of = params![self.clinic.0, beat.sensor.0];
            let before: Option<Vec<u8>> = tx.prepare_cached(sql)?.query_row(of, |row| row.get(0)).optional()?;
            let keys = "SELECT public FROM sensor_key WHERE clinic_id = ?1 AND sensor_id = ?2";
            let mut keys = tx.prepare_cached(keys)?;
            let keys: Vec<PublicKey> =
                keys.query_map(of, |row| Ok(PublicKey(row.get(0)?)))?.collect::<Result<_, _>>()?;
            let before = before.and_then(|octets| keys.iter().find_map(|k| Heartbeat::open(&octets, k).ok()));
            let is_replay =
                before.is_some_and(|b| b.moment.boot == beat.moment.boot && b.moment.mono_ms >= beat.moment.mono_ms);
            if is_replay {
                return Ok(false);
            }
            let sql = "INSERT INTO heartbeat (clinic_id, sensor_id, received_ms, envelope) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (clinic_id, sensor_id) DO UPDATE SET received_ms = ?3, envelope = ?4";
            tx.execute(sql, params![self.clinic.0, beat.sensor.0, int(now.0), octets])?;
            Ok(true)
        })
    }

    /// How much the clinic has.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.database.read("counts", |tx| {
            let sql = "SELECT (SELECT count(*) FROM report WHERE clinic_id = ?1),
                              (SELECT count(*) FROM report WHERE clinic_id = ?1 AND opaque = 1),
                              (SELECT count(*) FROM fork WHERE clinic_id = ?1),
                              (SELECT count(*) FROM ledger_queue WHERE clinic_id = ?1),
                              (SELECT coalesce(sum(times), 0) FROM refusal WHERE clinic_id = ?1)";
            let counts = tx.prepare_cached(sql)?.query_row([self.clinic.0], |row| {
                Ok(Counts {
                    reports: nat(row.get(0)?),
                    opaque: nat(row.get(1)?),
                    forks: nat(row.get(2)?),
                    queued: nat(row.get(3)?),
                    refused: nat(row.get(4)?),
                })
            })?;
            Ok(counts)
        })
    }
}

/// The end of a sensor's unbroken chain, and what is missing before later reports.
pub(super) fn durable(tx: &Transaction<'_>, (clinic, sensor): Of) -> Result<(Option<Known>, Vec<Missing>), StoreError> {
    let sql = "SELECT head FROM sensor_state WHERE clinic_id = ?1 AND sensor_id = ?2";
    let head: Option<Option<Vec<u8>>> =
        tx.prepare_cached(sql)?.query_row(params![clinic.0, sensor.0], |row| row.get(0)).optional()?;
    let head = head.flatten().map(|octets| postcard::from_bytes::<Head>(&octets)).transpose();
    let head = head.map_err(|e| StoreError::Broken("head", e.to_string()))?;
    let (epoch, next) = head.map_or((0, 0), |h| (h.place.epoch, h.place.seq.saturating_add(1)));
    // Mostly there is nothing behind the head; the question about holes is twenty times dearer.
    let sql = "SELECT 1 FROM report WHERE clinic_id = ?1 AND sensor_id = ?2 AND (epoch, seq) >= (?3, ?4) LIMIT 1";
    let behind: Option<i64> = tx
        .prepare_cached(sql)?
        .query_row(params![clinic.0, sensor.0, epoch, int(next)], |row| row.get(0))
        .optional()?;
    if behind.is_none() {
        return Ok((head.map(|h| h.known()), Vec::new()));
    }
    // Of each later report whether the one before it is there; an epoch begins with 0.
    let sql = "SELECT epoch, coalesce(lag(seq) OVER (PARTITION BY epoch ORDER BY seq) + 1,
                                      CASE epoch WHEN ?3 THEN ?4 ELSE 0 END) AS due, seq
               FROM report WHERE clinic_id = ?1 AND sensor_id = ?2 AND (epoch, seq) >= (?3, ?4)
               ORDER BY epoch, seq";
    let sql = format!("SELECT epoch, due, seq - 1 FROM ({sql}) WHERE due < seq LIMIT {MAX_MISSING}");
    let mut rows = tx.prepare_cached(&sql)?;
    let rows = rows.query_map(params![clinic.0, sensor.0, epoch, int(next)], |row| {
        Ok(Missing { epoch: row.get(0)?, from: nat(row.get(1)?), to: nat(row.get(2)?) })
    })?;
    Ok((head.map(|h| h.known()), rows.collect::<Result<_, _>>()?))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        id: row.get(0)?,
        place: Place { epoch: row.get(1)?, seq: nat(row.get(2)?) },
        kind: kind_of(row.get(3)?),
        key_no: row.get(4)?,
        hash: row.get(5)?,
        received: Timestamp(nat(row.get(6)?)),
        envelope: row.get(7)?,
    })
}

/// The kind of a number in the data base.
fn kind_of(number: i64) -> Kind {
    let kind = usize::try_from(number).ok().and_then(|n| Kind::ALL.get(n));
    kind.copied().unwrap_or(Kind::Gap)
}
