//! What the leaves of a ledger stand for: reports and statements, as they were taken in, for who takes the record along.
//!
//! Keeps: nothing. Drops: nothing; an object that is no longer held is `None`.

use super::{ClinicStore, StoreError, int};
use auscult_report::leaf::{Leaf, LeafKind};
use rusqlite::{OptionalExtension, params};

impl ClinicStore {
    /// The objects of leaves, in their order: the octets of a report, the text of a statement.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn objects(&self, leaves: &[Leaf]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.database.read("objects", |tx| {
            let sql = "SELECT envelope FROM report
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND epoch = ?3 AND seq = ?4 AND hash = ?5";
            let mut report = tx.prepare_cached(sql)?;
            let mut statement =
                tx.prepare_cached("SELECT CAST(text AS BLOB) FROM statement WHERE clinic_id = ?1 AND hash = ?2")?;
            let mut found = Vec::with_capacity(leaves.len());
            for Leaf { kind, sensor, place, object, .. } in leaves {
                let octets: Option<Option<Vec<u8>>> = if *kind == LeafKind::Report {
                    let of = params![self.clinic.0, sensor.0, place.epoch, int(place.seq), object];
                    report.query_row(of, |row| row.get(0)).optional()?
                } else {
                    statement.query_row(params![self.clinic.0, object], |row| row.get(0)).optional()?
                };
                found.push(octets.flatten());
            }
            Ok(found)
        })
    }
}
