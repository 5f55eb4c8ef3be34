//! One sensor that sends too much, and an archive without room: who is held back, who is not, and that nothing is lost.

use auscult_collector::ingest::{Answer, Door, Later, Limits};
use auscult_collector::store::Store;
use auscult_report::receipt::Outcome;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::archive::{Archive, Ear, Folder, NOW, all_stored, answers, send};

#[test]
fn a_flooder_is_held_to_its_quota_and_the_others_are_not() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let limits = Limits { sensor_octets_day: 10_000, ..Limits::default() };
    let door = archive.door(limits);
    let (mut flooder, mut honest) = (Ear::enrolled(&clinic, 1), Ear::enrolled(&clinic, 2));
    let flood = flooder.chain(300);
    let items = answers(&send(&door, &flood, NOW));
    let stored = items.iter().filter(|a| **a == Answer::Done(Outcome::Stored)).count();
    let octets: usize = flood[..stored].iter().map(|r| r.octets().len()).sum();
    assert!(octets <= 10_000 && octets > 9_000, "{octets}");
    assert!(items[stored..].iter().all(|a| *a == Answer::Later(Later::Quota)));
    assert_eq!(answers(&send(&door, &honest.chain(20), NOW)), all_stored(20));
    // The next day it goes on where it was.
    let tomorrow = Timestamp(NOW.0 + MS_PER_DAY);
    assert_eq!(answers(&send(&door, &flood[stored..stored + 5], tomorrow)), all_stored(5));
}

#[test]
fn a_sensor_that_sends_too_fast_waits_before_its_signatures_are_checked() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let limits = Limits { sensor_burst: 10, sensor_reports_minute: 60, ..Limits::default() };
    let door = archive.door(limits);
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(30);
    let count = |now| {
        let items = answers(&send(&door, &chain, now));
        items.iter().filter(|a| **a == Answer::Done(Outcome::Stored)).count()
    };
    assert_eq!(count(NOW), 10);
    assert_eq!(count(Timestamp(NOW.0 + 5_000)), 5, "one a second");
    assert_eq!(count(NOW), 0, "a clock that goes back fills no bucket");
}

#[test]
fn a_full_queue_says_so_at_once() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let limits = Limits { queue_octets: 5_000, ..Limits::default() };
    let door = archive.door(limits);
    let mut ear = Ear::enrolled(&clinic, 1);
    let chain = ear.chain(60);
    let items = answers(&send(&door, &chain, NOW));
    let stored = items.iter().filter(|a| **a == Answer::Done(Outcome::Stored)).count();
    assert!(stored > 0 && stored < 60, "{stored}");
    assert!(items.iter().all(|a| matches!(a, Answer::Done(Outcome::Stored) | Answer::Later(Later::Busy))));
    let mut rounds = 0;
    while answers(&send(&door, &chain, NOW)).contains(&Answer::Later(Later::Busy)) && rounds < 100 {
        // An agent sends what is not acknowledged; here the whole again, in smaller pieces.
        for report in &chain {
            send(&door, std::slice::from_ref(report), NOW);
        }
        rounds += 1;
        if clinic.counts().unwrap().reports == 60 {
            break;
        }
    }
    assert_eq!(clinic.counts().unwrap().reports, 60);
}

#[test]
fn the_doors_writer_survives_a_store_that_is_gone() {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let mut ear = Ear::enrolled(&clinic, 1);
    let small = Store::open(&folder.0.join("archive.db"), 1 << 18, NOW);
    // A data base that may not grow: whatever does not fit waits, and is not lost.
    let Ok(small) = small else { panic!("{small:?}") };
    let door = Door::open(&small, Limits::default());
    let chain = ear.chain(2_000);
    let mut stored = 0;
    for piece in chain.chunks(50) {
        let items = answers(&send(&door, piece, NOW));
        stored += items.iter().filter(|a| **a == Answer::Done(Outcome::Stored)).count();
    }
    assert!(stored < 2_000, "it never was full");
    assert!(door.take_fault().unwrap().to_string().contains("no room"));
    drop(door);
    assert_eq!(clinic.counts().unwrap().reports, stored as u64);
    // Room again: the rest comes in, nothing doubled.
    let door = archive.door(Limits::default());
    for piece in chain.chunks(500) {
        assert_eq!(answers(&send(&door, piece, NOW)), all_stored(piece.len()));
    }
    assert_eq!(clinic.counts().unwrap().reports, 2_000);
    println!("{stored} of 2000 stored before the data base was full, the rest after");
}
