//! What the chain promises: each way in which a report may not follow has its name.

use super::*;
use crate::payload::{EpochReason, Event, Farewell, FarewellReason, GapReason};
use crate::seal::SealedReport;
use crate::time::Window;

const LEDGER: LedgerId = LedgerId([1; 16]);

fn key(n: u8) -> SensorKey {
    SensorKey::from_seed(&[n; 32])
}

fn sealed(key: &SensorKey, stamp: &Stamp, payload: &Payload) -> VerifiedReport {
    SealedReport::seal(key, stamp, payload).unwrap().parse_frame().unwrap().verify(&key.public()).unwrap()
}

fn start_stamp() -> Stamp {
    let sensor = SensorId::of(&key(1).public());
    let moment = Moment::default();
    Stamp {
        ledger: LEDGER,
        sensor,
        key_no: 0,
        place: Place::default(),
        prev: NOTHING_BEFORE,
        moment,
        seen: None,
        bundle_version: 0,
    }
}

fn started(reason: EpochReason, last: Option<Known>) -> Payload {
    Payload::EpochStart(EpochStart { reason, last, ext: Extras::new() })
}

fn first() -> VerifiedReport {
    sealed(&key(1), &start_stamp(), &started(EpochReason::Enrolled, None))
}

fn next(head: &Head) -> Stamp {
    head.next(Moment::default(), None, 0)
}

fn event() -> Payload {
    Payload::Event(Event::default())
}

/// The head after `n` more reports.
fn walk(mut head: Head, n: usize) -> Head {
    for _ in 0..n {
        head = follows(&head, &sealed(&key(1), &next(&head), &event())).unwrap();
    }
    head
}

#[test]
fn a_chain_begins_with_its_reason_and_goes_on() {
    let head = Head::begin(&first()).unwrap();
    let head = walk(head, 3);
    assert_eq!(head.place, Place { epoch: 0, seq: 3 });
}

#[test]
fn a_chain_begins_nowhere_else() {
    let stamp = Stamp { place: Place { epoch: 0, seq: 1 }, ..start_stamp() };
    let late = sealed(&key(1), &stamp, &event());
    assert!(matches!(Head::begin(&late), Err(ChainError::Hole { after: None, .. })));
    assert_eq!(Head::begin(&sealed(&key(1), &start_stamp(), &event())), Err(ChainError::NoEpochStart));
    let stamp = Stamp { key_no: 1, ..start_stamp() };
    assert_eq!(Head::begin(&sealed(&key(1), &stamp, &event())), Err(ChainError::Key));
    let stamp = Stamp { prev: [1; 32], ..start_stamp() };
    assert_eq!(Head::begin(&sealed(&key(1), &stamp, &started(EpochReason::Enrolled, None))), Err(ChainError::Prev));
}

#[test]
fn replays_forks_and_holes_have_their_names() {
    let begin = Head::begin(&first()).unwrap();
    let head = walk(begin, 2);
    let last = sealed(&key(1), &next(&walk(begin, 1)), &event());
    assert_eq!(follows(&head, &last), Err(ChainError::Repeated));
    assert_eq!(follows(&head, &first()), Err(ChainError::Old));
    let fork = sealed(&key(1), &next(&walk(begin, 1)), &Payload::Full(crate::payload::Full::default()));
    assert_eq!(follows(&head, &fork), Err(ChainError::Fork));
    let far = sealed(&key(1), &next(&walk(head, 1)), &event());
    let hole = ChainError::Hole { after: Some(head.place), before: far.header().place };
    assert_eq!(follows(&head, &far), Err(hole));
    let other = sealed(&key(1), &Stamp { prev: [9; 32], ..next(&head) }, &event());
    assert_eq!(follows(&head, &other), Err(ChainError::Prev));
}

#[test]
fn a_report_of_another_clinic_sensor_or_key_does_not_follow() {
    let head = Head::begin(&first()).unwrap();
    let moved = sealed(&key(1), &Stamp { ledger: LedgerId([2; 16]), ..next(&head) }, &event());
    assert_eq!(follows(&head, &moved), Err(ChainError::Ledger));
    let stranger = Stamp { sensor: SensorId::of(&key(2).public()), ..next(&head) };
    assert_eq!(follows(&head, &sealed(&key(2), &stranger, &event())), Err(ChainError::Sensor));
    let wrong = Stamp { key_no: 1, ..next(&head) };
    assert_eq!(follows(&head, &sealed(&key(2), &wrong, &event())), Err(ChainError::Key));
}

#[test]
fn a_new_key_takes_over_with_the_word_of_both() {
    let head = walk(Head::begin(&first()).unwrap(), 1);
    let rotation = Payload::KeyRotation(head.rotate(&key(2)));
    let turned = follows(&head, &sealed(&key(1), &next(&head), &rotation)).unwrap();
    assert_eq!((turned.key_no, turned.key), (1, key(2).public()));
    assert!(follows(&turned, &sealed(&key(2), &next(&turned), &event())).is_ok());
    let old = Stamp { key_no: 0, ..next(&turned) };
    assert_eq!(follows(&turned, &sealed(&key(1), &old, &event())), Err(ChainError::Key));
    // A proof that was made for another place does not do.
    let elsewhere = Payload::KeyRotation(walk(head, 1).rotate(&key(2)));
    assert_eq!(follows(&head, &sealed(&key(1), &next(&head), &elsewhere)), Err(ChainError::Rotation));
}

#[test]
fn an_epoch_begins_where_the_last_ended() {
    let head = walk(Head::begin(&first()).unwrap(), 2);
    let stamp = head.next_epoch(Moment::default(), None, 0);
    let start = sealed(&key(1), &stamp, &started(EpochReason::Conflict, Some(head.known())));
    let next_head = follows(&head, &start).unwrap();
    assert_eq!(next_head.place, Place { epoch: 1, seq: 0 });
    assert_eq!(follows(&next_head, &first()), Err(ChainError::Old));

    let lies = sealed(&key(1), &stamp, &started(EpochReason::Conflict, None));
    assert_eq!(follows(&head, &lies), Err(ChainError::Prev));
    let forked = Known { hash: [5; 32], ..head.known() };
    let stamp_of_fork = Stamp { prev: [5; 32], ..stamp };
    let start = sealed(&key(1), &stamp_of_fork, &started(EpochReason::HeadLost, Some(forked)));
    assert_eq!(follows(&head, &start), Err(ChainError::Fork));
    let ahead = Known { place: Place { epoch: 0, seq: 9 }, hash: [5; 32] };
    let start = sealed(&key(1), &stamp_of_fork, &started(EpochReason::HeadLost, Some(ahead)));
    assert!(matches!(follows(&head, &start), Err(ChainError::Hole { .. })));
    let nothing = sealed(&key(1), &Stamp { prev: NOTHING_BEFORE, ..stamp }, &started(EpochReason::HeadLost, None));
    assert!(follows(&head, &nothing).is_ok(), "who lost everything may say so");
}

#[test]
fn an_epoch_cannot_begin_in_its_middle_or_without_its_reason() {
    let head = Head::begin(&first()).unwrap();
    let stray = sealed(&key(1), &next(&head), &started(EpochReason::Conflict, Some(head.known())));
    assert_eq!(follows(&head, &stray), Err(ChainError::StrayEpochStart));
    let stamp = head.next_epoch(Moment::default(), None, 0);
    assert_eq!(follows(&head, &sealed(&key(1), &stamp, &event())), Err(ChainError::NoEpochStart));
}

#[test]
fn a_gap_bridges_exactly_what_it_names() {
    let head = walk(Head::begin(&first()).unwrap(), 1);
    let lost = walk(head, 2);
    let after = sealed(&key(1), &next(&lost), &event());
    let gap = Gap {
        epoch: 0,
        from: 2,
        to: 3,
        last: lost.hash,
        why: GapReason::SpoolFull,
        window: Window::default(),
        ext: Extras::new(),
    };
    let at_gap = follows(&lost, &after).unwrap();
    let later = sealed(&key(1), &next(&at_gap), &Payload::Gap(gap.clone()));
    let bridged = head.across(&later).unwrap();
    assert_eq!(follows(&bridged, &after), Ok(at_gap));
    assert!(follows(&at_gap, &later).is_ok());
    for wrong in [Gap { from: 3, ..gap.clone() }, Gap { epoch: 1, ..gap.clone() }, Gap { to: 1, ..gap.clone() }] {
        let later = sealed(&key(1), &next(&at_gap), &Payload::Gap(wrong));
        assert_eq!(head.across(&later), Err(ChainError::Gap));
    }
    // A gap that names another last report is found at the report behind it.
    let later = sealed(&key(1), &next(&at_gap), &Payload::Gap(Gap { last: [1; 32], ..gap }));
    assert_eq!(follows(&head.across(&later).unwrap(), &after), Err(ChainError::Prev));
}

#[test]
fn nothing_comes_after_a_farewell() {
    let head = Head::begin(&first()).unwrap();
    let farewell = Payload::Farewell(Farewell { reason: FarewellReason::Decommissioned, ext: Extras::new() });
    let closed = follows(&head, &sealed(&key(1), &next(&head), &farewell)).unwrap();
    assert_eq!(follows(&closed, &sealed(&key(1), &next(&closed), &event())), Err(ChainError::AfterFarewell));
}

#[test]
fn a_head_survives_its_encoding() {
    let head = walk(Head::begin(&first()).unwrap(), 1);
    assert_eq!(postcard::from_bytes::<Head>(&postcard::to_allocvec(&head).unwrap()).unwrap(), head);
}
