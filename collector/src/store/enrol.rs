//! One-time codes and what became of them; tokens for ledgers.
//!
//! Keeps: the key of a code, sealed, until it is used; hints of the sensor that used it. Drops: the key once it is used; a code is
//! used by one statement that finds it unused, in time and not burnt, or not at all.

use super::batch::clock_number;
use super::fleet::insert_sensor;
use super::{ClinicId, ClinicStore, SensorState, Store, StoreError, int, nat};
use auscult_report::code::CodeId;
use auscult_report::enrol::Hints;
use auscult_report::key::{Hash, LedgerId, PublicKey, SensorId};
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, params};

/// A code that may still be used.
#[derive(Clone, Debug)]
pub struct OpenCode {
    /// Its clinic.
    pub clinic: ClinicId,
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// Its key, sealed for the clinic and the code.
    pub key: Vec<u8>,
}

/// What a person is shown of a sensor that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorHint {
    /// The version of its program; empty: none was said.
    pub agent: String,
    /// A hash of the machine's serial number.
    pub serial: Option<Hash>,
    /// The address that it came from.
    pub peer: String,
    /// When.
    pub enrolled: Timestamp,
}

/// Who used a code, and how.
#[derive(Clone, Debug)]
pub struct Enrolling<'a> {
    /// Its first public key.
    pub key: PublicKey,
    /// What it says of itself.
    pub hints: &'a Hints,
    /// The address that it came from.
    pub peer: &'a str,
}

impl ClinicStore {
    /// Keeps a new code for one sensor of a site.
    ///
    /// # Errors
    /// If it could not be written, or the site is not known.
    pub fn put_code(
        &self,
        site: &str,
        code: CodeId,
        sealed_key: &[u8],
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.database.write("put code", |tx| {
            let sql = "SELECT 1 FROM site WHERE clinic_id = ?1 AND name = ?2";
            let known: Option<i64> = tx.query_row(sql, params![self.clinic.0, site], |row| row.get(0)).optional()?;
            if known.is_none() {
                return Err(StoreError::Conflict(format!("the clinic has no site {site}; `apply` makes sites")));
            }
            let sql = "INSERT INTO enrol_code (clinic_id, code_id, site, key, created_ms, expires_ms, failures)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)";
            tx.execute(sql, params![self.clinic.0, code.0, site, sealed_key, int(now.0), int(expires.0)])?;
            Ok(())
        })
    }

    /// What a sensor said of itself when it enrolled. `None` if it was let in by its key.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn hint(&self, sensor: SensorId) -> Result<Option<SensorHint>, StoreError> {
        self.database.read("hint", |tx| {
            let sql = "SELECT agent, serial, peer, enrolled_ms FROM sensor_hint
                       WHERE clinic_id = ?1 AND sensor_id = ?2";
            let hint = tx.prepare_cached(sql)?.query_row(params![self.clinic.0, sensor.0], |row| {
                let enrolled = Timestamp(nat(row.get(3)?));
                Ok(SensorHint { agent: row.get(0)?, serial: row.get(1)?, peer: row.get(2)?, enrolled })
            });
            Ok(hint.optional()?)
        })
    }

    /// Sensors of this clinic whose machine has the same serial number: perhaps the same machine with a new key.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn same_machine(&self, sensor: SensorId, serial: &Hash) -> Result<Vec<SensorId>, StoreError> {
        self.database.read("same machine", |tx| {
            let sql = "SELECT sensor_id FROM sensor_hint WHERE clinic_id = ?1 AND serial = ?2 AND sensor_id <> ?3";
            let mut rows = tx.prepare_cached(sql)?;
            let rows = rows.query_map(params![self.clinic.0, serial, sensor.0], |row| Ok(SensorId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

impl ClinicStore {
    /// Lets who has a token read this clinic's ledger until a moment. Its hash is kept.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_token(&self, hash: &Hash, whose: &str, (now, until): (Timestamp, Timestamp)) -> Result<(), StoreError> {
        self.database.write("put token", |tx| {
            let sql = "INSERT INTO ledger_token (clinic_id, token_hash, whose, until_ms, created_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            tx.execute(sql, params![self.clinic.0, hash, whose, int(until.0), int(now.0)])?;
            Ok(())
        })
    }

    /// Whether a token with this hash may read this clinic's ledger now.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn is_token(&self, hash: &Hash, now: Timestamp) -> Result<bool, StoreError> {
        self.database.read("is token", |tx| {
            let sql = "SELECT 1 FROM ledger_token WHERE clinic_id = ?1 AND token_hash = ?2 AND until_ms > ?3";
            let found: Option<i64> = tx
                .prepare_cached(sql)?
                .query_row(params![self.clinic.0, hash, int(now.0)], |row| row.get(0))
                .optional()?;
            Ok(found.is_some())
        })
    }
}

impl Store {
    /// The clinic that a ledger belongs to.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn clinic_of_ledger(&self, ledger: LedgerId) -> Result<Option<ClinicStore>, StoreError> {
        self.database.read("clinic of ledger", |tx| {
            let sql = "SELECT clinic_id FROM clinic WHERE ledger_id = ?1";
            let clinic: Option<[u8; 16]> =
                tx.prepare_cached(sql)?.query_row([ledger.0], |row| row.get(0)).optional()?;
            Ok(clinic.map(|id| self.of(ClinicId(id))))
        })
    }

    /// A code that may still be used: known, in time, not used, not burnt.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn open_code(&self, code: CodeId, now: Timestamp) -> Result<Option<OpenCode>, StoreError> {
        self.database.read("open code", |tx| {
            let sql = "SELECT clinic_id, c.ledger_id, key FROM enrol_code JOIN clinic c USING (clinic_id)
                       WHERE code_id = ?1 AND used_ms IS NULL AND expires_ms > ?2 AND failures < ?3
                         AND c.state = 'active'";
            let row = tx.prepare_cached(sql)?.query_row(params![code.0, int(now.0), MOST_FAILURES], |row| {
                Ok(OpenCode { clinic: ClinicId(row.get(0)?), ledger: LedgerId(row.get(1)?), key: row.get(2)? })
            });
            Ok(row.optional()?)
        })
    }

    /// Counts a wrong proof.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn code_failed(&self, code: CodeId) -> Result<(), StoreError> {
        self.database.write("code failed", |tx| {
            // The code's id is unique among all clinics.
            let sql = "UPDATE enrol_code SET failures = failures + 1 WHERE code_id = ?1";
            tx.execute(sql, params![code.0])?;
            Ok(())
        })
    }

    /// Uses a code: its sensor waits for a person from now on, which is stated in the ledger. A sensor that the clinic knows
    /// already stays what it is. `None`: the code cannot be used any more.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn use_code(
        &self,
        code: CodeId,
        who: &Enrolling<'_>,
        now: Timestamp,
    ) -> Result<Option<(ClinicId, SensorId)>, StoreError> {
        let sensor = SensorId::of(&who.key);
        self.database.write("use code", |tx| {
            let sql = "UPDATE enrol_code SET used_ms = ?2, sensor_id = ?4, key = x''
                       WHERE code_id = ?1 AND used_ms IS NULL AND expires_ms > ?2 AND failures < ?3
                       RETURNING clinic_id, site";
            let values = params![code.0, int(now.0), MOST_FAILURES, sensor.0];
            let used: Option<([u8; 16], String)> =
                tx.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((clinic, site)) = used else { return Ok(None) };
            let of = (ClinicId(clinic), sensor);
            let why: String = code.0.iter().map(|o| format!("{o:02x}")).collect();
            insert_sensor(tx, of, (&site, &who.key), (SensorState::Pending, &format!("code {why}")), now)?;
            let sql = "INSERT INTO sensor_hint (clinic_id, sensor_id, agent, serial, clock, peer, enrolled_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                       ON CONFLICT (clinic_id, sensor_id)
                       DO UPDATE SET agent = ?3, serial = ?4, clock = ?5, peer = ?6, enrolled_ms = ?7";
            let agent = who.hints.agent.as_ref().map_or("", |v| v.as_str());
            let (serial, clock) = (who.hints.serial, clock_number(who.hints.clock));
            tx.execute(sql, params![clinic, sensor.0, agent, serial, clock, who.peer, int(now.0)])?;
            Ok(Some(of))
        })
    }
}

/// Wrong proofs after which a code is burnt.
pub(super) const MOST_FAILURES: i64 = 5;
