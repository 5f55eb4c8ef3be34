//! The receipt: what became of each report, what is on the disk, and the ledger's proofs for an earlier one.
//!
//! Keeps: what the sensor needs to check the ledger by itself. Drops: the fresh reports' proofs; they come with the next
//! contact, when a round has taken them in.

use super::{Answer, Item, Stand};
use crate::ledger::{Ledger, LedgerError};
use crate::store::ClinicStore;
use auscult_report::bounded::Bounded;
use auscult_report::key::SensorId;
use auscult_report::payload::SCHEMA_1;
use auscult_report::receipt::{ItemResult, Receipt};

/// The receipt for the settled items of one sensor's batch. `seen` is the size of the newest checkpoint that the sensor
/// says it has verified. Items that wait are left out: the status of the answer speaks of them.
///
/// # Errors
/// If the store or the ledger cannot be read.
pub fn receipt(
    store: &ClinicStore,
    ledger: &Ledger,
    sensor: SensorId,
    seen: Option<u64>,
    items: &[Item],
) -> Result<Receipt, LedgerError> {
    receipt_at(store, ledger, sensor, seen, (items, store.durable(sensor)?))
}

/// The same, where it is known already where the sensor stands.
///
/// # Errors
/// As [`receipt`].
pub fn receipt_at(
    store: &ClinicStore,
    ledger: &Ledger,
    sensor: SensorId,
    seen: Option<u64>,
    (items, (durable_to, missing)): (&[Item], Stand),
) -> Result<Receipt, LedgerError> {
    let settled = items.iter().filter_map(|item| match item.answer {
        Answer::Done(outcome) => Some(ItemResult { report: item.report, outcome }),
        Answer::Later(_) => None,
    });
    Ok(Receipt {
        results: Bounded::first_of(settled.collect()).0,
        durable_to,
        missing: Bounded::first_of(missing).0,
        next_contact_s: CONTACT_S.saturating_add(phase(sensor)),
        want_full: false,
        newest_schema: SCHEMA_1,
        proven: ledger.proven(store, sensor, seen)?,
        ..Receipt::default()
    })
}

/// Spreads sensors that came back together: by their id, up to a tenth of the interval.
fn phase(sensor: SensorId) -> u32 {
    u32::from(sensor.0[0]) % (CONTACT_S / 10)
}

/// Seconds between contacts.
const CONTACT_S: u32 = 900;
