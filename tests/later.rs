//! The golden report of the facts that were appended after the golden chain was made.

use crate::golden::{every_fact, heartbeat, key};
use auscult_report::fact::Fact;

use auscult_report::payload::{Event, Extras, Payload, Place};
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::Sighting;
use auscult_report::time::{Timestamp, Window};
use std::collections::BTreeSet;

/// An event with one of each.
pub fn report() -> SealedReport {
    let beat = heartbeat();
    let stamp = Stamp {
        ledger: beat.ledger,
        sensor: beat.sensor,
        key_no: 0,
        place: Place { epoch: 0, seq: 11 },
        prev: [0x44; 32],
        moment: beat.moment,
        seen: None,
        bundle_version: 2,
    };
    let mut kinds = BTreeSet::new();
    let appended = every_fact().into_iter().filter(|fact| {
        let number = postcard::to_allocvec(fact).unwrap()[0];
        LATER.contains(&number) && kinds.insert(number)
    });
    let to = beat.moment.wall;
    let sighting = |(fact, n): (Fact, u64)| Sighting {
        subject: Subject::Host(HostId(n)),
        fact,
        zone: None,
        first: Timestamp(to.0 - 1_000 - n),
        last: Timestamp(to.0 - n),
        count: 7,
    };
    let sightings: Vec<Sighting> = appended.zip(0u64..).map(sighting).collect();
    assert_eq!(sightings.len(), LATER.count());
    let window = Window { from: Timestamp(to.0 - 900_000), to };
    let (hosts, ext) = (Vec::new().try_into().unwrap(), Extras::new());
    let payload = Payload::Event(Event { window, hosts, sightings: sightings.try_into().unwrap(), ext });
    SealedReport::seal(&key(1), &stamp, &payload).unwrap()
}

/// Numbers of the facts (`FORMAT.md`, section 13).
const LATER: core::ops::RangeInclusive<u8> = 81..=104;
