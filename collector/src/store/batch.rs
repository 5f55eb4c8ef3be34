//! One transaction of the door: where a sensor stands, what is held around a place, and what is written for a report.
//!
//! Keeps: rows and envelopes as received. Drops: judgement about chains; that is the door's (`ingest`). Everything here
//! happens in the transaction that [`super::Store::batch`] opened, or not at all.

use super::evidence::durable;
use super::fleet::state_it;
use super::{ClinicId, Of, SensorState, StoreError, int, length, nat};
use auscult_report::chain::Head;
use auscult_report::header::Clock;
use auscult_report::key::{Hash, LedgerId, PublicKey};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::payload::{Kind, Known, Place};
use auscult_report::receipt::Missing;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

/// The transaction of a batch.
pub struct Batch<'t> {
    tx: &'t Transaction<'t>,
}

/// Where a sensor stands at the beginning of its part of a batch.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its clinic's ledger.
    pub ledger: LedgerId,
    /// Whether its clinic is closed.
    pub closed: bool,
    /// What it may do.
    pub state: SensorState,
    /// The end of its unbroken chain.
    pub head: Option<Head>,
    /// Octets that its clinic may add a day.
    pub quota_octets_day: u64,
    /// Octets that its clinic added on the day, and of them the sensor.
    pub usage: (u64, u64),
    /// Whether any of its reports is held as a fork.
    pub has_forks: bool,
    /// The newest time that a report of its clinic got.
    pub last_received: Timestamp,
}

/// What is held of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The hash of the report.
    pub hash: Hash,
    /// The hash of the one before it, as it says.
    pub prev: Hash,
}

/// A report to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewReport<'a> {
    /// Where it stands.
    pub place: Place,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the one before it.
    pub prev: Hash,
    /// Which key signed it.
    pub key_no: u16,
    /// What it is.
    pub kind: Kind,
    /// Whether its payload could not be read.
    pub opaque: bool,
    /// When it came.
    pub received: Timestamp,
    /// What the sensor's clock said.
    pub wall: Timestamp,
    /// How good that clock is.
    pub clock: Clock,
    /// Its octets.
    pub envelope: &'a [u8],
}

impl<'t> Batch<'t> {
    pub(super) const fn new(tx: &'t Transaction<'t>) -> Batch<'t> {
        Batch { tx }
    }

    /// Where a sensor stands. `None` if the clinic does not know it.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn standing(&self, (clinic, sensor): Of, day: u64) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT c.ledger_id, c.state, s.state, t.head, c.quota_octets_day, c.last_received_ms,
                       EXISTS (SELECT 1 FROM fork f WHERE f.clinic_id = ?1 AND f.sensor_id = ?2),
                       coalesce((SELECT u.octets FROM usage u
                                 WHERE u.clinic_id = ?1 AND u.day = ?3 AND u.sensor_id = x''), 0),
                       coalesce((SELECT u.octets FROM usage u
                                 WHERE u.clinic_id = ?1 AND u.day = ?3 AND u.sensor_id = ?2), 0)
                   FROM sensor s JOIN clinic c USING (clinic_id) JOIN sensor_state t USING (clinic_id, sensor_id)
                   WHERE s.clinic_id = ?1 AND s.sensor_id = ?2";
        let row = self.tx.prepare_cached(sql)?.query_row(params![clinic.0, sensor.0, int(day)], |row| {
            Ok((
                Standing {
                    ledger: LedgerId(row.get(0)?),
                    closed: row.get_ref(1)?.as_str()? != "active",
                    state: SensorState::from_word(row.get_ref(2)?.as_str()?),
                    head: None,
                    quota_octets_day: nat(row.get(4)?),
                    last_received: Timestamp(nat(row.get(5)?)),
                    has_forks: row.get(6)?,
                    usage: (nat(row.get(7)?), nat(row.get(8)?)),
                },
                row.get::<_, Option<Vec<u8>>>(3)?,
            ))
        });
        let Some((standing, head)) = row.optional()? else { return Ok(None) };
        let head = head.map(|octets| postcard::from_bytes(&octets)).transpose();
        let head = head.map_err(|e| StoreError::Broken("head", format!("of sensor {sensor}: {e}")))?;
        Ok(Some(Standing { head, ..standing }))
    }

    /// What is held of a place.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn held(&self, (clinic, sensor): Of, place: Place) -> Result<Option<Held>, StoreError> {
        let sql = "SELECT hash, prev FROM report
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND epoch = ?3 AND seq = ?4";
        let held =
            self.tx.prepare_cached(sql)?.query_row(params![clinic.0, sensor.0, place.epoch, int(place.seq)], |row| {
                Ok(Held { hash: row.get(0)?, prev: row.get(1)? })
            });
        Ok(held.optional()?)
    }

    /// The octets of the report at a place, if they are held.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn envelope(&self, (clinic, sensor): Of, place: Place) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT envelope FROM report
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND epoch = ?3 AND seq = ?4";
        let envelope: Option<Option<Vec<u8>>> = self
            .tx
            .prepare_cached(sql)?
            .query_row(params![clinic.0, sensor.0, place.epoch, int(place.seq)], |row| row.get(0))
            .optional()?;
        Ok(envelope.flatten())
    }

    /// The first later epoch whose beginning is held.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn next_epoch(&self, (clinic, sensor): Of, epoch: u32) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT epoch FROM report WHERE clinic_id = ?1 AND sensor_id = ?2 AND epoch > ?3 AND seq = 0
                   ORDER BY epoch LIMIT 1";
        let epoch =
            self.tx.prepare_cached(sql)?.query_row(params![clinic.0, sensor.0, epoch], |row| row.get(0)).optional()?;
        Ok(epoch)
    }

    /// The places of the first reports behind a place that explain a gap: at most [`MOST_GAPS`].
    ///
    /// # Errors
    /// If it could not be read.
    pub fn gaps_behind(&self, (clinic, sensor): Of, place: Place) -> Result<Vec<Place>, StoreError> {
        let sql = "SELECT epoch, seq FROM report
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND kind = ?3 AND (epoch, seq) > (?4, ?5)
                   ORDER BY epoch, seq LIMIT ?6";
        let values = params![clinic.0, sensor.0, kind_number(Kind::Gap), place.epoch, int(place.seq), MOST_GAPS];
        let mut rows = self.tx.prepare_cached(sql)?;
        let places = rows.query_map(values, |row| Ok(Place { epoch: row.get(0)?, seq: nat(row.get(1)?) }))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// Whether anything is held behind a place.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn is_anything_behind(&self, (clinic, sensor): Of, place: Place) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM report
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND (epoch, seq) > (?3, ?4) LIMIT 1";
        let values = params![clinic.0, sensor.0, place.epoch, int(place.seq)];
        let found: Option<i64> = self.tx.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(found.is_some())
    }

    /// Counts what was added.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn used(&self, (clinic, sensor): Of, day: u64, octets: usize) -> Result<(), StoreError> {
        let sql = "INSERT INTO usage (clinic_id, day, sensor_id, octets) VALUES (?1, ?2, ?3, ?4), (?1, ?2, x'', ?4)
                   ON CONFLICT (clinic_id, day, sensor_id) DO UPDATE SET octets = octets + ?4";
        self.tx.prepare_cached(sql)?.execute(params![clinic.0, int(day), sensor.0, length(octets)])?;
        Ok(())
    }

    /// The time that a report of this clinic gets: never before `last`, which was given already.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn stamp(&self, clinic: ClinicId, last: Timestamp, now: Timestamp) -> Result<Timestamp, StoreError> {
        if now <= last { Ok(last) } else { stamp(self.tx, clinic, now) }
    }

    /// Keeps a report and queues its leaf.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn keep(&self, (clinic, sensor): Of, report: &NewReport<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO report (clinic_id, sensor_id, epoch, seq, hash, prev, key_no, kind, opaque, received_ms,
                       octets, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let NewReport { place, hash, prev, key_no, kind, opaque, received, envelope, .. } = *report;
        self.tx.prepare_cached(sql)?.execute(params![
            clinic.0,
            sensor.0,
            place.epoch,
            int(place.seq),
            hash,
            prev,
            key_no,
            kind_number(kind),
            opaque,
            int(received.0),
            length(envelope.len()),
            envelope
        ])?;
        queue_leaf(self.tx, clinic, &Leaf { kind: LeafKind::Report, sensor, place, received, object: hash })
    }

    /// Where a sensor stands after a report that was kept: when it came, how far its clock is off, and the end of its unbroken
    /// chain.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn moved(&self, (clinic, sensor): Of, report: &NewReport<'_>, head: Option<&Head>) -> Result<(), StoreError> {
        let NewReport { received, wall, clock, .. } = report;
        let head = head.map(postcard::to_allocvec).transpose();
        let head = head.map_err(|e| StoreError::Broken("head", e.to_string()))?;
        let off = int(wall.0).saturating_sub(int(received.0));
        let sql = "UPDATE sensor_state SET last_report_ms = ?3, clock_off_ms = ?4, clock = ?5, head = ?6
                   WHERE clinic_id = ?1 AND sensor_id = ?2";
        let values = params![clinic.0, sensor.0, int(received.0), off, clock_number(*clock), head];
        self.tx.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// The end of a sensor's unbroken chain, and what is missing before later reports.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn durable(&self, of: Of) -> Result<(Option<Known>, Vec<Missing>), StoreError> {
        durable(self.tx, of)
    }

    /// A sensor's next key, as its chain handed it over; it is stated in the ledger.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn add_key(
        &self,
        (clinic, sensor): Of,
        key_no: u16,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO sensor_key (clinic_id, sensor_id, key_no, public, since_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
        if self.tx.execute(sql, params![clinic.0, sensor.0, key_no, key.0, int(now.0)])? > 0 {
            let key: String = key.0.iter().map(|o| format!("{o:02x}")).collect();
            let said = format!("key-no {key_no}\nkey {key}\n");
            state_it(self.tx, clinic, LeafKind::KeyRotation, Some(sensor), &said, now)?;
        }
        Ok(())
    }

    /// Keeps a report that contradicts others, and puts the sensor into quarantine.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn keep_fork(&self, (clinic, sensor): Of, report: &NewReport<'_>, why: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO fork (clinic_id, sensor_id, epoch, seq, hash, why, received_ms, envelope)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        let NewReport { place, hash, received, envelope, .. } = *report;
        let values = params![clinic.0, sensor.0, place.epoch, int(place.seq), hash, why, int(received.0), envelope];
        self.tx.prepare_cached(sql)?.execute(values)?;
        self.quarantine((clinic, sensor), why, received)
    }

    /// Whether this report is held as a fork.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn is_fork(&self, (clinic, sensor): Of, hash: &Hash) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM fork WHERE clinic_id = ?1 AND sensor_id = ?2 AND hash = ?3";
        let found: Option<i64> =
            self.tx.prepare_cached(sql)?.query_row(params![clinic.0, sensor.0, hash], |row| row.get(0)).optional()?;
        Ok(found.is_some())
    }

    /// Puts a sensor into quarantine: nothing new is taken in until a person has looked.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn quarantine(&self, (clinic, sensor): Of, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE sensor SET state = 'quarantine', why = ?3, changed_ms = ?4
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND state = 'active'";
        self.tx.execute(sql, params![clinic.0, sensor.0, why, int(now.0)])?;
        Ok(())
    }

    /// Counts what was refused; of whom, as far as it is known.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn refused(&self, of: Option<Of>, day: u64, why: &str, times: u64, last: &Hash) -> Result<(), StoreError> {
        let (clinic, sensor) = match &of {
            Some((clinic, sensor)) => (&clinic.0[..], &sensor.0[..]),
            None => (&[][..], &[][..]),
        };
        let sql = "INSERT INTO refusal (clinic_id, day, sensor_id, why, times, last_hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (clinic_id, day, sensor_id, why) DO UPDATE SET times = times + ?5, last_hash = ?6";
        self.tx.prepare_cached(sql)?.execute(params![clinic, int(day), sensor, why, int(times), last])?;
        Ok(())
    }
}

/// The clinic's next moment: `now`, or the newest that was given if the clock went back.
pub(super) fn stamp(tx: &Transaction<'_>, clinic: ClinicId, now: Timestamp) -> Result<Timestamp, StoreError> {
    let sql = "UPDATE clinic SET last_received_ms = max(last_received_ms, ?2) WHERE clinic_id = ?1
               RETURNING last_received_ms";
    let moment: i64 = tx.prepare_cached(sql)?.query_row(params![clinic.0, int(now.0)], |row| row.get(0))?;
    Ok(Timestamp(nat(moment)))
}

/// Puts a leaf behind those that wait for the next round.
pub(super) fn queue_leaf(tx: &Transaction<'_>, clinic: ClinicId, leaf: &Leaf) -> Result<(), StoreError> {
    let sql = "INSERT INTO ledger_queue (clinic_id, leaf) VALUES (?1, ?2)";
    tx.prepare_cached(sql)?.execute(params![clinic.0, leaf.octets()])?;
    Ok(())
}

pub(super) fn kind_number(kind: Kind) -> i64 {
    Kind::ALL.iter().zip(0i64..).find(|(k, _)| **k == kind).map_or(-1, |(_, n)| n)
}

/// As the header encodes it.
pub(super) const fn clock_number(clock: Clock) -> i64 {
    match clock {
        Clock::Unset => 0,
        Clock::Floor => 1,
        Clock::Rtc => 2,
        Clock::Ntp => 3,
        Clock::Collector => 4,
    }
}

/// Explanations of gaps that are looked at for one hole: an honest sensor tells each gap once.
const MOST_GAPS: i64 = 16;
