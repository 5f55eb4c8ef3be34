//! What becomes of a window that is too long for a report.
//! Keeps: the first half of its sightings, and the hosts that they speak of. Drops: the rest, which is counted.

use super::host_of;
use auscult_report::bounded::Bounded;
use auscult_report::payload::Payload;
use auscult_report::subject::HostId;
use auscult_report::summary::{Counters, HostEntry, MAX_HOSTS, MAX_SIGHTINGS, Sighting};
use std::collections::BTreeSet;

/// The same payload with half of its sightings, if it was too long for a report; what was left out is counted, and told
/// by the reports after it.
#[must_use]
pub fn lighter(payload: Payload) -> Option<Payload> {
    let halve = |sightings: &mut Bounded<Sighting, MAX_SIGHTINGS>, counters: &mut Counters| {
        let mut list = core::mem::take(sightings).into_vec();
        let left_out = list.len().div_ceil(2);
        list.truncate(list.len().saturating_sub(left_out));
        let let_go = counters.observations_let_go.saturating_add(u64::try_from(left_out).unwrap_or(u64::MAX));
        counters.observations_let_go = let_go;
        *sightings = Bounded::first_of(list).0;
        left_out > 0
    };
    let of = |sightings: &[Sighting], hosts: &Bounded<HostEntry, MAX_HOSTS>| {
        let spoken_of: BTreeSet<HostId> = sightings.iter().filter_map(|s| host_of(s.subject)).collect();
        Bounded::first_of(hosts.iter().filter(|h| spoken_of.contains(&h.id)).copied().collect()).0
    };
    match payload {
        Payload::Full(mut full) => {
            let summary = &mut full.summary;
            let lighter = halve(&mut summary.sightings, &mut summary.counters);
            summary.hosts = of(&summary.sightings, &summary.hosts);
            lighter.then_some(Payload::Full(full))
        }
        Payload::Changes(mut changes) => {
            let lighter = halve(&mut changes.sightings, &mut changes.counters);
            changes.hosts = of(&changes.sightings, &changes.hosts);
            lighter.then_some(Payload::Changes(changes))
        }
        _ => None,
    }
}
