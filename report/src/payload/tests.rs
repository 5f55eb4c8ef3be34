//! What a payload promises: a change put onto its base gives the state again; what is not understood is not guessed.

use super::*;
use crate::fact::{Fact, Protocol};
use crate::subject::{HostId, Subject, Transport};
use crate::time::Timestamp;

fn sighting(host: u64, fact: Fact, count: u32, first: u64, last: u64) -> Sighting {
    let subject = Subject::Service(HostId(host), Transport::Tcp, 104);
    Sighting { subject, fact, zone: None, first: Timestamp(first), last: Timestamp(last), count }
}

fn summary(from: u64, sightings: Vec<Sighting>) -> Summary {
    let window = Window { from: Timestamp(from), to: Timestamp(from + 10) };
    Summary { window, sightings: sightings.try_into().unwrap(), ..Summary::default() }
}

#[test]
fn a_change_names_what_is_new_and_what_was_heard_again() {
    let base = summary(0, vec![sighting(1, Fact::Answered, 3, 1, 2), sighting(2, Fact::Answered, 1, 1, 2)]);
    let new = sighting(3, Fact::Protocol(Protocol::Dicom), 1, 12, 12);
    let now = summary(10, vec![sighting(2, Fact::Answered, 5, 11, 12), new]);
    let place = Place { epoch: 1, seq: 7 };
    let changes = Changes::between(&base, place, &now, vec![0].try_into().unwrap());
    assert_eq!(changes.base, place);
    assert_eq!(&changes.sightings[..], &[new]);
    assert_eq!(&changes.reheard[..], &[0b10]);
    let state = changes.onto(&base);
    // The first ended; the second was heard again at 10 or later, how often is not said; the third is new.
    assert_eq!(&state.sightings[..], &[sighting(2, Fact::Answered, 1, 1, 10), new]);
    assert_eq!(state.window, now.window);
}

#[test]
fn more_different_things_are_told_in_full() {
    let base = summary(0, vec![sighting(1, Fact::DicomCalling, 3, 1, 2)]);
    let now = summary(10, vec![sighting(1, Fact::DicomCalling, 9, 11, 12)]);
    let changes = Changes::between(&base, Place::default(), &now, Bounded::new());
    assert_eq!(&changes.onto(&base).sightings[..], &[sighting(1, Fact::DicomCalling, 9, 1, 12)]);
}

#[test]
fn a_place_beyond_the_base_changes_nothing() {
    let changes = Changes {
        ended: vec![9, 65_535].try_into().unwrap(),
        reheard: vec![0xff; 100].try_into().unwrap(),
        ..Changes::default()
    };
    assert!(changes.onto(&Summary::default()).sightings.is_empty());
    assert!(changes.heard_again(799) && !changes.heard_again(800) && !changes.heard_again(usize::MAX));
}

#[test]
fn what_is_left_over_makes_a_payload_unknown() {
    let payload = Payload::Full(Full::default());
    let mut octets = payload.encode().unwrap();
    assert_eq!(Payload::decode(Kind::Full, 1, &octets), Some(payload));
    assert_eq!(Payload::decode(Kind::Full, 2, &octets), None);
    octets.push(0);
    assert_eq!(Payload::decode(Kind::Full, 1, &octets), None);
}

#[test]
fn a_kind_cannot_be_read_as_another_by_its_tag_alone() {
    let farewell = Payload::Farewell(Farewell { reason: FarewellReason::Replaced, ext: Extras::new() });
    assert_eq!(farewell.encode().unwrap(), [1, 0]);
    assert_eq!(Payload::decode(Kind::Full, 1, &[1, 0]), None);
}
