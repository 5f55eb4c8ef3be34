//! The door of the archive: each report sent three times, by two doors at once, out of order, changed, from another
//! clinic, beyond its quota. One row, one leaf, the same answer; a contradiction is kept and nothing is lost.

use auscult_collector::ingest::{Answer, Later, Limits, receipt};
use auscult_collector::store::SensorState;
use auscult_report::chain::Head;
use auscult_report::header::{Frame, Moment, Seen};
use auscult_report::key::SensorKey;
use auscult_report::payload::{EpochReason, EpochStart, Extras, Gap, GapReason, Kind, Payload, Place, SCHEMA_1};
use auscult_report::receipt::{Missing, Outcome, Watch};
use auscult_report::seal::SealedReport;
use auscult_report::time::{Timestamp, Window};
use auscult_tests::archive::{Archive, Dice, Ear, Folder, NOW, all_stored, answers, event, hashes, send};

#[test]
fn each_report_sent_three_times_by_two_doors_is_one_row_and_one_leaf() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let mut ears: Vec<Ear> = (1..=8).map(|n| Ear::enrolled(&clinic, n)).collect();
    let chains: Vec<Vec<SealedReport>> = ears.iter_mut().map(|e| e.chain(40)).collect();
    let doors = [archive.door(Limits::default()), archive.door(Limits::default())];
    std::thread::scope(|scope| {
        for round in 0..3 {
            for (n, chain) in chains.iter().enumerate() {
                let door = &doors[(n + round) % 2];
                scope.spawn(move || assert_eq!(answers(&send(door, chain, NOW)), all_stored(chain.len())));
            }
        }
    });
    assert_eq!(clinic.counts().unwrap().reports, 320);
    let head = archive.ledger.take_all(&clinic, NOW).unwrap().unwrap();
    assert_eq!(head.size, 320 + 8, "8 enrolments and 320 reports");
    for (ear, chain) in ears.iter().zip(&chains) {
        let (durable, missing) = clinic.durable(ear.id()).unwrap();
        assert_eq!(durable.unwrap().hash, chain.last().unwrap().hash());
        assert_eq!(missing, []);
        for hash in hashes(chain) {
            assert!(clinic.leaf_of(&hash).unwrap().is_some());
        }
    }
    println!("960 deliveries of 320 reports through two doors: 320 rows, 320 leaves");
}

#[test]
fn reports_in_any_order_end_as_one_chain() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut dice = Dice(77);
    for seed in 1..=5 {
        let mut ear = Ear::enrolled(&clinic, seed);
        let mut chain = ear.chain(30);
        let last = chain.last().unwrap().hash();
        for n in (1..chain.len()).rev() {
            chain.swap(n, usize::try_from(dice.below(n as u64 + 1)).unwrap());
        }
        for report in &chain {
            assert_eq!(answers(&send(&door, std::slice::from_ref(report), NOW)), all_stored(1));
        }
        assert_eq!(clinic.durable(ear.id()).unwrap().0.unwrap().hash, last);
    }
}

#[test]
fn what_is_missing_is_named_until_it_comes() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(10);
    let pick = |numbers: &[usize]| numbers.iter().map(|n| chain[*n].clone()).collect::<Vec<_>>();
    assert_eq!(answers(&send(&door, &pick(&[0, 1, 4, 5, 9]), NOW)), all_stored(5));
    let (durable, missing) = clinic.durable(ear.id()).unwrap();
    assert_eq!(durable.unwrap().place.seq, 1);
    assert_eq!(missing, [Missing { epoch: 0, from: 2, to: 3 }, Missing { epoch: 0, from: 6, to: 8 }]);
    assert_eq!(answers(&send(&door, &pick(&[3, 2, 7]), NOW)), all_stored(3));
    let (durable, missing) = clinic.durable(ear.id()).unwrap();
    assert_eq!(durable.unwrap().place.seq, 5);
    assert_eq!(missing, [Missing { epoch: 0, from: 6, to: 6 }, Missing { epoch: 0, from: 8, to: 8 }]);
}

#[test]
fn a_gap_that_the_sensor_owns_up_to_is_crossed() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(6);
    let gap = ear.say(&Payload::Gap(Gap {
        epoch: 0,
        from: 3,
        to: 5,
        last: chain[5].hash(),
        why: GapReason::SpoolFull,
        window: Window::default(),
        ext: Extras::new(),
    }));
    assert_eq!(answers(&send(&door, &chain[..3], NOW)), all_stored(3));
    assert_eq!(answers(&send(&door, std::slice::from_ref(&gap), NOW)), all_stored(1));
    assert_eq!(clinic.durable(ear.id()).unwrap().0.unwrap().hash, gap.hash());
    // One of them comes after all: it fits, and is kept.
    assert_eq!(answers(&send(&door, &chain[4..5], NOW)), all_stored(1));
}

#[test]
fn a_gap_that_grew_is_crossed_also_by_who_heard_of_the_shorter_one_first() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(8);
    let gap = |to: usize| {
        let (from, why, window) = (3, GapReason::SpoolFull, Window::default());
        let (last, to) = (chain[to].hash(), u64::try_from(to).unwrap());
        Payload::Gap(Gap { epoch: 0, from, to, last, why, window, ext: Extras::new() })
    };
    let (shorter, longer) = (ear.say(&gap(4)), ear.say(&gap(6)));
    assert_eq!(answers(&send(&door, &chain[..3], NOW)), all_stored(3));
    assert_eq!(answers(&send(&door, &[shorter, chain[7].clone(), longer], NOW)), all_stored(3));
    let (durable, missing) = clinic.durable(ear.id()).unwrap();
    assert_eq!((durable, missing), (ear.head.map(|h| h.known()), Vec::new()));
}

#[test]
fn two_reports_with_one_number_are_both_kept_and_the_sensor_waits_for_a_person() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(5);
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(5));
    // A copy of the card, from the third report on.
    let mut copy = Ear::stranger(ear.ledger, 1);
    chain[..3].iter().for_each(|r| copy.hold(r));
    copy.uptime_ms = 900_000;
    let other = copy.chain(3);
    let conflict = Answer::Done(Outcome::Conflict);
    assert_eq!(answers(&send(&door, &other, NOW)), [conflict; 3], "the whole branch is evidence");
    assert_eq!(answers(&send(&door, &other[..1], NOW)), [conflict], "the same answer again");
    let more = ear.chain(2);
    let waits = Answer::Later(Later::Quarantine);
    assert_eq!(answers(&send(&door, &more, NOW)), [waits; 2], "nothing new of either is taken");
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(5), "what is held is acknowledged");
    let counts = clinic.counts().unwrap();
    assert_eq!((counts.reports, counts.forks), (5, 3));
    let row = clinic.sensors().unwrap().remove(0);
    assert_eq!(row.state, SensorState::Quarantine);
    // A person looked: the sensor's own chain goes on.
    clinic.set_state(ear.id(), SensorState::Active, "looked at", NOW).unwrap();
    assert_eq!(answers(&send(&door, &more, NOW)), all_stored(2));
    assert_eq!(answers(&send(&door, &copy.chain(1), NOW)), [conflict], "and the copy's does not");
}

#[test]
fn a_copy_that_asks_first_and_begins_an_epoch_is_noticed_when_the_other_goes_on() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(5);
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(5));
    // The copy is at an older report, hears of the newest, and goes on behind it.
    let head = ear.head.unwrap();
    let start = EpochStart { reason: EpochReason::HeadOld, last: Some(head.known()), ext: Extras::new() };
    let stamp = head.next_epoch(Moment::default(), None, 1);
    let epoch = SealedReport::seal(&ear.key, &stamp, &Payload::EpochStart(start)).unwrap();
    assert_eq!(answers(&send(&door, &[epoch], NOW)), all_stored(1));
    assert_eq!(answers(&send(&door, &chain[2..], NOW)), all_stored(3), "what came before comes again as ever");
    assert_eq!(answers(&send(&door, &ear.chain(1), NOW)), [Answer::Done(Outcome::Conflict)]);
    assert_eq!(clinic.sensors().unwrap()[0].state, SensorState::Quarantine);
    assert_eq!((clinic.counts().unwrap().reports, clinic.counts().unwrap().forks), (6, 1));
}

#[test]
fn a_key_that_was_handed_over_is_used_and_the_old_one_is_not() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let mut chain = ear.chain(2);
    let id = ear.id();
    let new = SensorKey::from_seed(&[99; 32]);
    let head: Head = ear.head.unwrap();
    let rotation = ear.say(&Payload::KeyRotation(head.rotate(&new)));
    let stamp = ear.head.unwrap().next(Moment::default(), None, 1);
    assert_eq!(stamp.key_no, 1);
    let after = SealedReport::seal(&new, &stamp, &event(5)).unwrap();
    let old = SealedReport::seal(&ear.key, &auscult_report::seal::Stamp { key_no: 0, ..stamp }, &event(5)).unwrap();
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(2));
    let too_early = send(&door, std::slice::from_ref(&after), NOW);
    assert_eq!(answers(&too_early), [Answer::Later(Later::KeyNotYet)]);
    chain.push(rotation);
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(3));
    assert_eq!(answers(&send(&door, std::slice::from_ref(&after), NOW)), all_stored(1));
    assert_eq!(clinic.keys(id).unwrap().len(), 2);
    assert_eq!(answers(&send(&door, &[old], NOW)), [Answer::Done(Outcome::Conflict)], "a thief with the old key");
}

#[test]
fn changed_octets_are_refused_and_change_nothing() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let mut ear = Ear::enrolled(&clinic, 1);
    let limits = Limits { sensor_burst: 1_000_000, ..Limits::default() };
    let door = archive.door(limits);
    let chain = ear.chain(3);
    let mut tried = 0;
    for report in &chain {
        for at in 0..report.octets().len() {
            for mask in [1u8, 0x80] {
                let mut octets = report.octets().to_vec();
                octets[at] ^= mask;
                let items = door.take(&[&octets], None, NOW).wait();
                let answer = items[0].answer;
                let is_refused = !matches!(answer, Answer::Done(Outcome::Stored | Outcome::Conflict));
                assert!(is_refused, "octet {at} of {}: {answer:?}", octets.len());
                tried += 1;
            }
        }
        let whole = report.octets();
        for end in [0, 1, 4, 8, 20, whole.len() - 1] {
            assert!(matches!(door.take(&[&whole[..end]], None, NOW).wait()[0].answer, Answer::Done(_)));
        }
        let longer = [whole, &[0]].concat();
        let items = door.take(&[&longer], None, NOW).wait();
        assert_eq!(items[0].answer, Answer::Done(Outcome::RefusedForm));
    }
    assert_eq!(clinic.counts().unwrap().reports, 0);
    // The mutations did not hurt the sensor.
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(3));
    assert!(clinic.counts().unwrap().refused > 0);
    println!("{tried} changed reports, none taken");
}

#[test]
fn a_report_cannot_be_moved_to_another_clinic() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let (north, south) = (archive.clinic("north"), archive.clinic("south"));
    let mut ear = Ear::enrolled(&north, 1);
    let mut moved = Ear::stranger(south.clinic().unwrap().ledger, 1);
    let door = archive.door(Limits::default());
    let refused = Answer::Done(Outcome::RefusedLedger);
    assert_eq!(answers(&send(&door, &moved.chain(2), NOW)), [refused, refused], "south does not know it");
    let stranger = Ear::stranger(ear.ledger, 50).chain(1);
    assert_eq!(answers(&send(&door, &stranger, NOW)), [refused]);
    assert_eq!(answers(&send(&door, &ear.chain(2), NOW)), all_stored(2));
    // The same device in two clinics is two sensors that know nothing of each other.
    let mut twin = Ear::enrolled(&south, 1);
    assert_eq!(answers(&send(&door, &twin.chain(3), NOW)), all_stored(3));
    assert_eq!((north.counts().unwrap().reports, south.counts().unwrap().reports), (2, 3));
    // A connection that belongs to another sensor brings only its own reports.
    let report = ear.chain(1);
    let items = door.take(&[report[0].octets()], Some(Ear::stranger(ear.ledger, 60).id()), NOW).wait();
    assert_eq!(items[0].answer, refused);
}

#[test]
fn a_state_counts_at_once() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::stranger(clinic.clinic().unwrap().ledger, 1);
    clinic.put_sensor("main", &ear.key.public(), SensorState::Pending, "code", NOW).unwrap();
    let chain = ear.chain(4);
    let (pending, revoked) = (Answer::Later(Later::Pending), Answer::Later(Later::Revoked));
    assert_eq!(answers(&send(&door, &chain[..1], NOW)), [pending]);
    clinic.set_state(ear.id(), SensorState::Active, "approved", NOW).unwrap();
    let later = Timestamp(NOW.0 + 6_000);
    assert_eq!(answers(&send(&door, &chain[..2], later)), all_stored(2));
    clinic.set_state(ear.id(), SensorState::Revoked, "stolen", later).unwrap();
    assert_eq!(answers(&send(&door, &chain[2..3], later)), [revoked], "the writer looks, whatever is remembered");
    assert_eq!(answers(&send(&door, &chain[3..], Timestamp(later.0 + 6_000))), [revoked]);
}

#[test]
fn what_this_program_cannot_read_is_kept_all_the_same() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let mut chain = ear.chain(1);
    let stamp = ear.stamp();
    let sample = SealedReport::seal(&ear.key, &stamp, &event(1)).unwrap();
    let mut header = *sample.parse_frame().unwrap().claimed();
    header.schema = SCHEMA_1 + 7;
    header.kind = Kind::Changes;
    header.plain_octets = 5;
    header.codec = auscult_report::header::Codec::Plain;
    let strange = SealedReport::sign(&ear.key, &header, b"later").unwrap();
    ear.hold(&strange);
    chain.push(strange);
    chain.extend(ear.chain(2));
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(4));
    let counts = clinic.counts().unwrap();
    assert_eq!((counts.reports, counts.opaque), (4, 1));
    assert_eq!(clinic.durable(ear.id()).unwrap().0.unwrap().place.seq, 3);
}

#[test]
fn an_epoch_after_a_lost_head_is_taken_and_a_false_one_is_not() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(4);
    assert_eq!(answers(&send(&door, &chain, NOW)), all_stored(4));
    let head = ear.head.unwrap();
    let start = |last| Payload::EpochStart(EpochStart { reason: EpochReason::HeadOld, last, ext: Extras::new() });
    let good = SealedReport::seal(&ear.key, &head.next_epoch(Moment::default(), None, 1), &start(Some(head.known())));
    let mut false_head = head;
    false_head.hash = [7; 32];
    let bad = SealedReport::seal(
        &ear.key,
        &false_head.next_epoch(Moment::default(), None, 1),
        &start(Some(false_head.known())),
    );
    assert_eq!(answers(&send(&door, &[bad.unwrap()], NOW)), [Answer::Done(Outcome::Conflict)]);
    clinic.set_state(ear.id(), SensorState::Active, "looked at", NOW).unwrap();
    let good = good.unwrap();
    assert_eq!(answers(&send(&door, std::slice::from_ref(&good), NOW)), all_stored(1));
    assert_eq!(clinic.durable(ear.id()).unwrap().0.unwrap().place, Place { epoch: 1, seq: 0 });
}

#[test]
fn the_time_of_a_leaf_never_goes_back() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(3);
    for (report, now) in chain.iter().zip([NOW.0 + 9_000, NOW.0 - 3_600_000, NOW.0 + 10_000]) {
        send(&door, std::slice::from_ref(report), Timestamp(now));
    }
    let kept = clinic.reports_after(ear.id(), 0, 10).unwrap();
    let times: Vec<u64> = kept.iter().map(|k| k.received.0 - NOW.0).collect();
    assert_eq!(times, [9_000, 9_000, 10_000]);
}

#[test]
fn a_sensor_checks_its_receipts_and_sees_the_ledger_grow() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut ear = Ear::enrolled(&clinic, 1);
    let row = clinic.clinic().unwrap();
    let (origin, keeper) = (archive.ledger.origin(&row), archive.ledger.key(&row).unwrap());
    let mut seen: Option<Seen> = None;
    let mut own = std::collections::BTreeMap::new();
    for contact in 0..40 {
        let reports = ear.chain(1 + contact % 13);
        for report in &reports {
            own.insert(Frame::parse(report.octets()).unwrap().claimed().place, report.hash());
        }
        let items = send(&door, &reports, NOW);
        let receipt = receipt(&clinic, &archive.ledger, ear.id(), seen.map(|s| s.size), &items).unwrap();
        let octets = receipt.encode().unwrap();
        let receipt = auscult_report::receipt::Receipt::decode(&octets).unwrap();
        assert_eq!(receipt.durable_to.unwrap().hash, reports.last().unwrap().hash());
        let watch = Watch { sensor: &ear.id(), origin: &origin, keeper: &keeper, seen: seen.as_ref() };
        if let Some(checkpoint) = receipt.check(&watch, |place| own.get(&place).copied()).unwrap() {
            seen = Some(checkpoint.seen());
        }
        archive.ledger.take_all(&clinic, NOW).unwrap();
    }
    assert!(seen.unwrap().size > 200);
    println!("40 receipts checked; the last checkpoint seen has {} leaves", seen.unwrap().size);
}
