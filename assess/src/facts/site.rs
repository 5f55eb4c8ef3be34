//! What is known of the whole place: `net.*`, `lan.*`.
//!
//! Keeps: what follows from the zones of hosts and clients in one window. Drops: nothing. What needs the review plan,
//! the inventory of earlier windows or the collector's clock is not known here.

use super::Heard;
use crate::vocabulary::{Values, Vocabulary};
use auscult_report::fact::Fact;
use auscult_report::subject::{HostId, Subject};
use auscult_report::zone::Zone;
use std::collections::BTreeMap;

/// The values of the site.
pub(super) fn values<'k>(
    vocabulary: &'k Vocabulary,
    subjects: &BTreeMap<Subject, Heard<'_>>,
    zones: &BTreeMap<HostId, Zone>,
) -> Values<'k> {
    let mut values = Values::new(vocabulary);
    let reached = subjects.iter().any(|(subject, heard)| {
        let Subject::Service(host, ..) = subject else { return false };
        zones.get(host) == Some(&Zone::Clinical) && heard.zones_of(Fact::Answered).contains(&Zone::Guest)
    });
    let is_known =
        |zone: Zone| zones.values().any(|z| *z == zone) || subjects.values().any(|h| h.zones().contains(&zone));
    // A zone that something was heard of was configured: nothing else makes a host clinical, or a client a guest.
    values.flag("net.zones_known", is_known(Zone::Clinical) && is_known(Zone::Guest));
    values.flag("net.guest_reached_clinical", reached);
    let forger = subjects.values().any(|heard| heard.count(Fact::NameAnswered) > OWN_NAMES);
    values.flag("lan.poisonable", forger);
    subjects.get(&Subject::Site).into_iter().for_each(|heard| heard.flags(&mut values));
    values
}

/// Names of its own that a host may answer for: one, and the alias that some have.
const OWN_NAMES: u32 = 2;
