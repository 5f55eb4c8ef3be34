//! What a report says of hosts: the least that a finding needs.
//!
//! Keeps: pseudonym and zone of each host that is spoken of. Drops: addresses and makers of those that serve nothing and are not
//! medical, and of all that are not the clinic's.

use crate::hosts::Hosts;
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{HostEntry, Sighting};
use auscult_report::zone::Zone;
use std::collections::HashSet;

/// What a report says of the hosts that its sightings speak of: an address and a maker only for those that serve
/// something or are medical, and only if they are the clinic's.
pub(super) fn host_entries(hosts: &Hosts, sightings: &[Sighting]) -> Vec<HostEntry> {
    let (mut spoken_of, mut listed) = (HashSet::<HostId>::new(), HashSet::<HostId>::new());
    for sighting in sightings {
        match sighting.subject {
            Subject::Service(host, ..) => {
                spoken_of.insert(host);
                listed.insert(host);
            }
            Subject::Host(host) => {
                spoken_of.insert(host);
                if sighting.fact == Fact::Medical {
                    listed.insert(host);
                }
            }
            Subject::Sensor | Subject::Site | Subject::Wireless(_) => {}
        }
    }
    let mut entries: Vec<HostEntry> = hosts
        .iter()
        .filter(|h| spoken_of.contains(&h.id))
        .map(|h| {
            let shown = listed.contains(&h.id) && h.zone != Zone::Outside;
            // A locally administered address (bit 1 of its first octet) has no maker and may follow a person.
            let maker =
                h.hardware.filter(|m| shown && m.first().is_some_and(|o| o & 2 == 0)).map(|[a, b, c, ..]| [a, b, c]);
            HostEntry { id: h.id, zone: h.zone, address: shown.then_some(h.address), maker }
        })
        .collect();
    entries.sort_unstable();
    entries
}
