//! An archive that is made again from a record: what was stated has the effect that it had.
//!
//! Keeps: the statement, word for word, and what it says of a sensor. Drops: what is said of anything else; it changes no report and
//! no finding of a sensor. Nothing here belongs to an archive that serves.

use super::fleet::{insert_rows, keep_statement};
use super::{ClinicStore, SensorState, StoreError, int};
use auscult_report::key::{PublicKey, SensorId};
use auscult_report::leaf::{Leaf, LeafKind};
use rusqlite::params;

impl ClinicStore {
    /// Keeps a statement of a record, as of when it was made; lets in, or shuts out, the sensor that it says so of.
    ///
    /// # Errors
    /// If it could not be written; [`StoreError::Conflict`] if it lets in a sensor whose key is not its own, or is about one that
    /// nobody let in.
    pub fn repeat_statement(&self, leaf: &Leaf, text: &str) -> Result<(), StoreError> {
        self.database.write("repeat statement", |tx| {
            let Leaf { kind, sensor, received, .. } = *leaf;
            keep_statement(tx, self.clinic, (kind, sensor), text, received)?;
            if !matches!(kind, LeafKind::Enrolment | LeafKind::Revocation) {
                return Ok(());
            }
            let said = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let state = SensorState::from_word(said("state").unwrap_or_default());
            let why = said("why").unwrap_or_default();
            let Some(key) = said("key") else {
                let sql =
                    "UPDATE sensor SET state = ?3, why = ?4, changed_ms = ?5 WHERE clinic_id = ?1 AND sensor_id = ?2";
                let changed = tx.execute(sql, params![self.clinic.0, sensor.0, state.word(), why, int(received.0)])?;
                let unknown = || StoreError::Conflict(format!("nobody let in sensor {sensor}, of which it is said"));
                return (changed > 0).then_some(()).ok_or_else(unknown);
            };
            let foreign = || StoreError::Conflict(format!("the key is not the one of sensor {sensor}"));
            let key = public(key).filter(|key| SensorId::of(key) == sensor).ok_or_else(foreign)?;
            let site = said("site").unwrap_or_default();
            let sql = "INSERT INTO site (clinic_id, name, title) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING";
            tx.execute(sql, params![self.clinic.0, site])?;
            insert_rows(tx, (self.clinic, sensor), (site, &key), (state, why), received)?;
            Ok(())
        })
    }
}

/// A public key in hex.
fn public(hex: &str) -> Option<PublicKey> {
    let octets: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at.checked_add(2)?)?, 16).ok())
        .collect::<Option<_>>()?;
    Some(PublicKey(octets.try_into().ok()?))
}
