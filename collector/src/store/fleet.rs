//! Who: clinics, their sites, their sensors and keys, and what was stated about them.
//!
//! Keeps: names that operators chose, public keys, states with the word that says why. Drops: people; who may is decided
//! elsewhere.

use super::batch::{queue_leaf, stamp};
use super::{ClinicId, ClinicStore, Store, StoreError, int, nat};
use auscult_report::key::{Hash, LedgerId, PublicKey, SensorId};
use auscult_report::leaf::{Leaf, LeafKind, statement_hash};
use auscult_report::payload::Place;
use auscult_report::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// A clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClinicRow {
    /// Its id.
    pub id: ClinicId,
    /// The word by which operators name it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether it is closed: nothing more is taken in.
    pub closed: bool,
    /// Its ledger.
    pub ledger: LedgerId,
    /// The generation of its ledger.
    pub generation: u32,
    /// Octets of reports that it may add a day.
    pub quota_octets_day: u64,
}

/// A clinic as an operator describes it.
#[derive(Clone, Debug)]
pub struct NewClinic<'a> {
    /// A random id, used if the clinic is new.
    pub id: ClinicId,
    /// A random id, used if the clinic is new.
    pub ledger: LedgerId,
    /// The word by which operators name it.
    pub name: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// Octets of reports that it may add a day.
    pub quota_octets_day: u64,
}

/// What a sensor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorState {
    /// It waits for a person.
    Pending,
    /// Its reports are taken in.
    Active,
    /// It was shut out.
    Revoked,
    /// Its chain contradicts itself: a person must look.
    Quarantine,
}

impl SensorState {
    /// The word in the data base and for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            SensorState::Pending => "pending",
            SensorState::Active => "active",
            SensorState::Revoked => "revoked",
            SensorState::Quarantine => "quarantine",
        }
    }

    /// The state of a word; what is not known here may do nothing.
    pub(super) fn from_word(word: &str) -> SensorState {
        match word {
            "active" => SensorState::Active,
            "revoked" => SensorState::Revoked,
            "quarantine" => SensorState::Quarantine,
            _ => SensorState::Pending,
        }
    }
}

/// A sensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorRow {
    /// Its id.
    pub id: SensorId,
    /// Where it is.
    pub site: String,
    /// What it may do.
    pub state: SensorState,
    /// Why.
    pub why: String,
}

/// A text that was stated and has its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is about.
    pub kind: LeafKind,
    /// Its text.
    pub text: String,
    /// Its hash, as the leaf has it.
    pub hash: Hash,
}

impl Store {
    /// Makes a clinic, or gives it another title and quota. Says whether anything changed.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_clinic(&self, clinic: &NewClinic<'_>, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("put clinic", |tx| {
            let sql = "INSERT INTO clinic (clinic_id, name, title, state, ledger_id, generation, quota_octets_day,
                           last_received_ms, created_ms)
                       VALUES (?1, ?2, ?3, 'active', ?4, 1, ?5, ?6, ?6)
                       ON CONFLICT (name) DO UPDATE SET title = ?3, quota_octets_day = ?5
                       WHERE title <> ?3 OR quota_octets_day <> ?5";
            let NewClinic { id, ledger, name, title, quota_octets_day } = clinic;
            let values = params![id.0, name, title, ledger.0, int(*quota_octets_day), int(now.0)];
            Ok(tx.execute(sql, values)? > 0)
        })
    }

    /// Every clinic, by name.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn clinics(&self) -> Result<Vec<ClinicRow>, StoreError> {
        self.database.read("clinics", |tx| {
            let mut rows = tx.prepare_cached(
                "SELECT clinic_id, name, title, state, ledger_id, generation, quota_octets_day FROM clinic
                 ORDER BY name",
            )?;
            Ok(rows.query_map([], clinic_row)?.collect::<Result<_, _>>()?)
        })
    }
}

/// The clinic of a name.
pub(super) fn named(reader: &Connection, name: &str) -> Result<Option<ClinicId>, StoreError> {
    let sql = "SELECT clinic_id FROM clinic WHERE name = ?1";
    Ok(reader.prepare_cached(sql)?.query_row([name], |row| Ok(ClinicId(row.get(0)?))).optional()?)
}

/// A clinic's row.
fn clinic(tx: &Transaction<'_>, clinic: ClinicId) -> Result<ClinicRow, StoreError> {
    let sql = "SELECT clinic_id, name, title, state, ledger_id, generation, quota_octets_day FROM clinic
               WHERE clinic_id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([clinic.0], clinic_row)?)
}

pub(super) fn clinic_row(row: &Row<'_>) -> rusqlite::Result<ClinicRow> {
    Ok(ClinicRow {
        id: ClinicId(row.get(0)?),
        name: row.get(1)?,
        title: row.get(2)?,
        closed: row.get::<_, String>(3)? != "active",
        ledger: LedgerId(row.get(4)?),
        generation: row.get(5)?,
        quota_octets_day: nat(row.get(6)?),
    })
}

impl ClinicStore {
    /// The clinic's row.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn clinic(&self) -> Result<ClinicRow, StoreError> {
        self.database.read("clinic", |tx| clinic(tx, self.clinic))
    }

    /// Makes a site, or gives it another title. Says whether anything changed.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_site(&self, name: &str, title: &str) -> Result<bool, StoreError> {
        self.database.write("put site", |tx| {
            let sql = "INSERT INTO site (clinic_id, name, title) VALUES (?1, ?2, ?3)
                       ON CONFLICT (clinic_id, name) DO UPDATE SET title = ?3 WHERE title <> ?3";
            Ok(tx.execute(sql, params![self.clinic.0, name, title])? > 0)
        })
    }

    /// Lets a sensor in by its first public key, and states it in the ledger. `Ok(None)` if it is known already.
    ///
    /// # Errors
    /// If it could not be written, or the site is not known.
    pub fn put_sensor(
        &self,
        site: &str,
        key: &PublicKey,
        state: SensorState,
        why: &str,
        now: Timestamp,
    ) -> Result<Option<SensorId>, StoreError> {
        let sensor = SensorId::of(key);
        self.database.write("put sensor", |tx| {
            let is_new = insert_sensor(tx, (self.clinic, sensor), (site, key), (state, why), now)?;
            Ok(is_new.then_some(sensor))
        })
    }

    /// Gives a sensor another state, and states it in the ledger. Says whether anything changed.
    ///
    /// # Errors
    /// If it could not be written, or the sensor is not known.
    pub fn set_state(
        &self,
        sensor: SensorId,
        state: SensorState,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("set sensor state", |tx| {
            let sql = "UPDATE sensor SET state = ?3, why = ?4, changed_ms = ?5
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND state <> ?3";
            let changed = tx.execute(sql, params![self.clinic.0, sensor.0, state.word(), why, int(now.0)])? > 0;
            if changed {
                let kind = if state == SensorState::Revoked { LeafKind::Revocation } else { LeafKind::Enrolment };
                let said = format!("state {}\nwhy {why}\n", state.word());
                state_it(tx, self.clinic, kind, Some(sensor), &said, now)?;
            }
            Ok(changed)
        })
    }

    /// Every sensor of the clinic.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn sensors(&self) -> Result<Vec<SensorRow>, StoreError> {
        self.database.read("sensors", |tx| {
            let mut rows = tx.prepare_cached(
                "SELECT sensor_id, site, state, why FROM sensor WHERE clinic_id = ?1 ORDER BY site, sensor_id",
            )?;
            let row = |row: &Row<'_>| {
                Ok(SensorRow {
                    id: SensorId(row.get(0)?),
                    site: row.get(1)?,
                    state: SensorState::from_word(&row.get::<_, String>(2)?),
                    why: row.get(3)?,
                })
            };
            Ok(rows.query_map([self.clinic.0], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// States something: the text is kept, and gets its leaf in the next round.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn state(&self, kind: LeafKind, text: &str, now: Timestamp) -> Result<Hash, StoreError> {
        self.database.write("state", |tx| state_it(tx, self.clinic, kind, None, text, now))
    }

    /// What was stated about sensors in a period, the newest first, at most `most`: when, about which, as what, the text.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn stated_of_sensors(
        &self,
        (from, to): (Timestamp, Timestamp),
        most: u32,
    ) -> Result<Vec<(Timestamp, SensorId, LeafKind, String)>, StoreError> {
        self.database.ask("stated of sensors", |reader| {
            let sql = "SELECT stated_ms, sensor_id, kind, text FROM statement
                       WHERE clinic_id = ?1 AND stated_ms >= ?2 AND stated_ms < ?3 AND kind IN (?4, ?5, ?6)
                       ORDER BY stated_ms DESC LIMIT ?7";
            let kinds = [LeafKind::Enrolment, LeafKind::KeyRotation, LeafKind::Revocation].map(leaf_number);
            let values = params![self.clinic.0, int(from.0), int(to.0), kinds[0], kinds[1], kinds[2], most];
            let row = |row: &Row<'_>| {
                Ok((Timestamp(nat(row.get(0)?)), SensorId(row.get(1)?), leaf_kind(row.get(2)?), row.get(3)?))
            };
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map(values, row)?.collect::<Result<_, _>>()?)
        })
    }

    /// The newest statement of a kind, and when it was made.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_statement(&self, kind: LeafKind) -> Result<Option<(Timestamp, String)>, StoreError> {
        self.database.ask("newest statement", |reader| {
            let sql = "SELECT stated_ms, text FROM statement WHERE clinic_id = ?1 AND kind = ?2
                       ORDER BY stated_ms DESC LIMIT 1";
            let row = |row: &Row<'_>| Ok((Timestamp(nat(row.get(0)?)), row.get(1)?));
            Ok(reader.prepare_cached(sql)?.query_row(params![self.clinic.0, leaf_number(kind)], row).optional()?)
        })
    }

    /// Every statement, by hash.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn statements(&self) -> Result<Vec<Statement>, StoreError> {
        self.database.read("statements", |tx| {
            let mut rows =
                tx.prepare_cached("SELECT kind, text, hash FROM statement WHERE clinic_id = ?1 ORDER BY hash")?;
            let row = |row: &Row<'_>| {
                let kind = leaf_kind(row.get(0)?);
                Ok(Statement { kind, text: row.get(1)?, hash: row.get(2)? })
            };
            Ok(rows.query_map([self.clinic.0], row)?.collect::<Result<_, _>>()?)
        })
    }
}

/// Lets a sensor in, and states it. Says whether it is new.
pub(super) fn insert_sensor(
    tx: &Transaction<'_>,
    (clinic, sensor): (ClinicId, SensorId),
    (site, key): (&str, &PublicKey),
    (state, why): (SensorState, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !insert_rows(tx, (clinic, sensor), (site, key), (state, why), now)? {
        return Ok(false);
    }
    let key: String = key.0.iter().map(|o| format!("{o:02x}")).collect();
    let said = format!("site {site}\nkey {key}\nstate {}\nwhy {why}\n", state.word());
    state_it(tx, clinic, LeafKind::Enrolment, Some(sensor), &said, now)?;
    Ok(true)
}

/// The rows of a sensor. Says whether it is new.
pub(super) fn insert_rows(
    tx: &Transaction<'_>,
    (clinic, sensor): (ClinicId, SensorId),
    (site, key): (&str, &PublicKey),
    (state, why): (SensorState, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO sensor (clinic_id, sensor_id, site, state, why, changed_ms, created_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![clinic.0, sensor.0, site, state.word(), why, int(now.0)])? == 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO sensor_key (clinic_id, sensor_id, key_no, public, since_ms) VALUES (?1, ?2, 0, ?3, ?4)";
    tx.execute(sql, params![clinic.0, sensor.0, key.0, int(now.0)])?;
    let sql = "INSERT INTO sensor_state (clinic_id, sensor_id, head, last_report_ms, clock_off_ms, clock)
               VALUES (?1, ?2, NULL, 0, 0, 0)";
    tx.execute(sql, params![clinic.0, sensor.0])?;
    Ok(true)
}

/// Keeps a statement and queues its leaf. The same text at the same moment is one statement.
pub(super) fn state_it(
    tx: &Transaction<'_>,
    clinic: ClinicId,
    kind: LeafKind,
    sensor: Option<SensorId>,
    said: &str,
    now: Timestamp,
) -> Result<Hash, StoreError> {
    let received = stamp(tx, clinic, now)?;
    let whose = sensor.map_or_else(String::new, |s| format!("sensor {s}\n"));
    let text = format!("{STATEMENT}\nkind {}\nat {}\n{whose}{said}", kind.word(), received.0);
    let sensor = sensor.unwrap_or(SensorId([0; 16]));
    keep_statement(tx, clinic, (kind, sensor), &text, received)
}

/// Keeps a statement as it stands, and queues its leaf if it is new.
pub(super) fn keep_statement(
    tx: &Transaction<'_>,
    clinic: ClinicId,
    (kind, sensor): (LeafKind, SensorId),
    text: &str,
    received: Timestamp,
) -> Result<Hash, StoreError> {
    let hash = statement_hash(text.as_bytes());
    let sql =
        "INSERT INTO statement (clinic_id, hash, sensor_id, kind, text, stated_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO NOTHING";
    if tx.execute(sql, params![clinic.0, hash, sensor.0, leaf_number(kind), text, int(received.0)])? > 0 {
        queue_leaf(tx, clinic, &Leaf { kind, sensor, place: Place::default(), received, object: hash })?;
    }
    Ok(hash)
}

/// The first line of every statement.
pub(crate) const STATEMENT: &str = "auscult statement 1";

/// The number of a kind in the data base.
pub(super) fn leaf_number(kind: LeafKind) -> i64 {
    LeafKind::ALL.iter().zip(0i64..).find(|(k, _)| **k == kind).map_or(-1, |(_, n)| n)
}

/// The kind of a number in the data base.
pub(super) fn leaf_kind(number: i64) -> LeafKind {
    let kind = usize::try_from(number).ok().and_then(|n| LeafKind::ALL.get(n));
    kind.copied().unwrap_or(LeafKind::Restore)
}
