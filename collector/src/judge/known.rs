//! What a sensor says now: its newest state, as the judge has it, and how well it heard last.
//!
//! Keeps: nothing; it is put together from the envelopes whenever somebody asks. Drops: what is behind the newest full report's bounds
//! ([`MOST_BEHIND`]); what no longer verifies.

use super::hearing::extras;
use super::state::{Heard, MOST_BEHIND, State};
use super::{Judge, read};
use crate::store::{ClinicStore, StoreError};
use auscult_report::coverage::Coverage;
use auscult_report::key::SensorId;
use auscult_report::payload::Place;
use auscult_report::summary::Summary;
use auscult_report::time::Window;

/// What a sensor says now.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Hosts and sightings.
    pub summary: Summary,
    /// The newest window, by the sensor's clock.
    pub window: Option<Window>,
    /// What could be heard in the newest window that says so.
    pub coverage: Option<(Window, Coverage)>,
}

impl Judge<'_> {
    /// What a sensor says now. Bounded by what a state holds: one full report and what came behind it.
    ///
    /// # Errors
    /// If the store could not be read.
    pub fn known(store: &ClinicStore, sensor: SensorId) -> Result<Known, StoreError> {
        let keys = store.keys(sensor)?;
        let (mut state, mut known) = (State::default(), Known::default());
        let from = store.newest_full(sensor, i64::MAX)?.unwrap_or(Place::default());
        for report in store.chain_from(sensor, from, i64::MAX, MOST_BEHIND.saturating_add(1))? {
            let payload = read(&keys, &report).payload;
            state.take(report.place, payload.as_ref());
            if let Some(window) = payload.as_ref().and_then(Heard::of).map(|heard| heard.window) {
                known.window = Some(window);
                let coverage = payload.as_ref().and_then(extras).and_then(Coverage::within);
                known.coverage = coverage.map(|coverage| (window, coverage)).or(known.coverage);
            }
        }
        known.summary = state.summary();
        Ok(known)
    }
}
