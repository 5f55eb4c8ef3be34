//! The spool from one start to the next: what is found again, what is kept, what is told of, what is refused.
//!
//! Counts as failure: a chain that does not hold, a number used twice, a report that left without a receipt or a Gap.

use auscult_agent::spool::disk::SystemDisk;
use auscult_agent::spool::{Bounds, Recovered, Trouble};
use auscult_report::payload::{EpochReason, Known, Place};
use auscult_report::time::Timestamp;
use auscult_tests::nest::{Nest, ROOMY, full, moment, number, told, verified, walk};
use std::fs;

#[test]
fn a_chain_begins_grows_and_is_found_again() {
    let place = Nest::new("grows");
    let identity = place.identity();
    let (mut spool, first) = place.open();
    assert_eq!(first, Recovered { epoch: Some(EpochReason::Enrolled), ..Recovered::default() });
    for n in 0..5 {
        spool.append(&identity, &full(n), moment(n)).unwrap();
    }
    drop(spool);
    let (mut spool, again) = place.open();
    assert_eq!(again, Recovered::default());
    spool.append(&identity, &full(5), moment(9)).unwrap();
    let reports = verified(&spool, &identity);
    assert_eq!(walk(&reports), 1);
    assert_eq!(reports.iter().filter_map(number).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn reports_leave_only_against_a_receipt_and_are_kept_for_a_while() {
    let place = Nest::new("settle");
    let identity = place.identity();
    let bounds = Bounds { octets: 1 << 14, keep_ms: 1_000_000 };
    let (mut spool, _) = place.open_on(Box::new(SystemDisk), bounds).unwrap();
    let known: Vec<Known> = (0..6).map(|n| spool.append(&identity, &full(n), moment(n * 1000)).unwrap()).collect();
    spool.settle(known[3].place, None, moment(1_002_000).wall).unwrap();
    assert_eq!(spool.waiting().map(|(p, _)| p).collect::<Vec<_>>(), [known[4].place, known[5].place]);
    assert_eq!((spool.fill().waiting, spool.fill().kept), (2, 1), "what is older than its time left");
    assert!(!place.file(known[2].place).exists() && place.file(known[3].place).exists());
    let beyond = Place { seq: known[5].place.seq + 1, ..known[5].place };
    assert!(matches!(spool.settle(beyond, None, Timestamp(0)), Err(Trouble::Never(_))));
    for n in 6..200 {
        spool.append(&identity, &full(n), moment(n)).unwrap();
    }
    assert!(!place.file(known[3].place).exists(), "kept ones leave first when room is wanted");
    assert_eq!(spool.settled(), Some(known[3].place));
    drop(spool);
    let (spool, again) = place.open_on(Box::new(SystemDisk), bounds).unwrap();
    assert_eq!((again, spool.settled()), (Recovered::default(), Some(known[3].place)));
}

#[test]
fn a_lost_head_begins_an_epoch_and_a_lost_report_is_told_of() {
    let place = Nest::new("lost");
    let identity = place.identity();
    let (mut spool, _) = place.open();
    let known: Vec<Known> = (0..6).map(|n| spool.append(&identity, &full(n), moment(n)).unwrap()).collect();
    drop(spool);
    fs::remove_file(place.file(known[2].place)).unwrap();
    let mut octets = fs::read(place.file(known[5].place)).unwrap();
    octets[100] ^= 1;
    fs::write(place.file(known[5].place), octets).unwrap();
    fs::write(place.folder.join("state/spool/half.report.tmp"), "torn").unwrap();
    let (spool, recovered) = place.open();
    assert_eq!(recovered, Recovered { half: 1, damaged: 1, gaps: 2, ..Recovered::default() });
    let reports = verified(&spool, &identity);
    assert_eq!(walk(&reports), 1);
    assert_eq!(reports.iter().filter_map(told).collect::<Vec<_>>(), [(0, 3, 3), (0, 6, 6)]);
    drop(spool);
    fs::remove_file(place.folder.join("state/chain")).unwrap();
    let (spool, recovered) = place.open();
    assert_eq!(recovered.epoch, Some(EpochReason::HeadLost));
    assert_eq!(walk(&verified(&spool, &identity)), 2);
    drop(spool);
    fs::remove_file(place.folder.join("state/chain")).unwrap();
    fs::remove_dir_all(place.folder.join("state/spool")).unwrap();
    let (spool, recovered) = place.open();
    assert_eq!(recovered.epoch, Some(EpochReason::HeadLost));
    assert_eq!(spool.head().unwrap().place, Place { epoch: 2, seq: 0 }, "no epoch is used twice");
}

#[test]
fn a_state_that_was_put_back_is_noticed_when_a_report_does_not_fit() {
    let place = Nest::new("back");
    let identity = place.identity();
    let (mut spool, _) = place.open();
    spool.append(&identity, &full(1), moment(1)).unwrap();
    let old = fs::read(place.folder.join("state/chain")).unwrap();
    let second = spool.append(&identity, &full(2), moment(2)).unwrap();
    let report = fs::read(place.file(second.place)).unwrap();
    drop(spool);
    // The head and the spool are put back, another second report is made, then the first second one comes back.
    fs::write(place.folder.join("state/chain"), old).unwrap();
    fs::remove_file(place.file(second.place)).unwrap();
    let (mut spool, _) = place.open();
    spool.append(&identity, &full(3), moment(3)).unwrap();
    drop(spool);
    fs::write(place.file(second.place), report).unwrap();
    let (spool, recovered) = place.open();
    assert_eq!(recovered.epoch, Some(EpochReason::Damaged));
    assert_eq!(spool.head().unwrap().place, Place { epoch: 1, seq: 0 });
}

#[test]
fn what_was_sealed_before_the_enrolment_is_for_nobody_and_another_ledger_is_refused() {
    let place = Nest::new("ledger");
    let (mut spool, _) = place.open();
    spool.append(&place.identity(), &full(1), moment(1)).unwrap();
    drop(spool);
    fs::write(place.folder.join("state/keys/ledger"), "000102030405060708090a0b0c0d0e0f\n").unwrap();
    let (mut spool, recovered) = place.open();
    assert_eq!((recovered.unenrolled, recovered.epoch), (2, Some(EpochReason::Enrolled)));
    spool.append(&place.identity(), &full(2), moment(2)).unwrap();
    assert_eq!(walk(&verified(&spool, &place.identity())), 1);
    drop(spool);
    fs::write(place.folder.join("state/keys/ledger"), "100102030405060708090a0b0c0d0e0f\n").unwrap();
    assert!(matches!(place.open_on(Box::new(SystemDisk), ROOMY), Err(Trouble::Never(_))));
}

#[test]
fn the_next_key_takes_over_in_the_chain() {
    let place = Nest::new("rotate");
    let mut identity = place.identity();
    let (mut spool, _) = place.open();
    assert!(spool.rotate(&identity, moment(1)).unwrap().is_none(), "there is no next key");
    identity.make_next_key().unwrap();
    spool.append(&identity, &full(1), moment(2)).unwrap();
    assert!(spool.rotate(&identity, moment(3)).unwrap().is_some());
    spool.append(&identity, &full(2), moment(4)).unwrap();
    drop(spool);
    let (spool, again) = place.open();
    assert_eq!(again, Recovered::default());
    let reports = verified(&spool, &identity);
    assert_eq!(walk(&reports), 1);
    assert_eq!(reports.iter().map(|r| r.header().key_no).collect::<Vec<_>>(), [0, 0, 0, 1]);
}
