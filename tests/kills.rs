//! Both programs killed with -9 at any moment, fifty times each, over the way that they have: loopback, TLS, client certificates.
//!
//! Failure: an acknowledged report that is not in the archive, or is there or in the ledger twice; a receipt that does not prove
//! itself; a checkpoint that is not the beginning of every later one; a number used twice; a chain that does not hold; a damaged
//! data base; a panic; a program that does not start again. Not a failure: a report that is there and was not acknowledged.

use auscult_collector::ledger::Ledger;
use auscult_collector::run::now;
use auscult_report::payload::Place;
use auscult_report::seal::SealedReport;
use auscult_tests::archive::{Dice, Folder};
use auscult_tests::books::Audit;
use auscult_tests::crowd::{End, Known, Sensor, Told, archive, opened};
use auscult_tests::desk::{Provider, Technician};
use auscult_tests::frames::Recording;
use auscult_tests::talks::{STRANGER, association_in};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Kills that must have hit a running program.
const KILLS: usize = 50;

#[test]
fn a_collector_killed_under_load_has_what_it_acknowledged_once_and_one_ledger() {
    let mut provider = Provider::serving();
    let known = Known::of(&provider, "north");
    let mut sensors: Vec<Sensor> = (1..=SENSORS).map(|n| known.let_in("north", n)).collect();
    let (told, end) = (Mutex::new(Told::default()), AtomicBool::new(false));
    let (mut kills, mut in_rounds) = (0, 0);
    std::thread::scope(|scope| {
        let end_of_test = End(&end);
        for sensor in &mut sensors {
            scope.spawn(|| sensor.deliver(&known, &end, &told));
        }
        let mut dice = Dice(0x9e37_79b9);
        while kills < KILLS {
            let ran = match kills % 5 {
                0 => {
                    provider.kill();
                    provider.stillborn(Duration::from_millis(dice.below(60)))
                }
                1 | 3 => {
                    in_rounds += usize::from(in_a_round(&known));
                    std::thread::sleep(Duration::from_micros(dice.below(8_000)));
                    provider.kill()
                }
                _ => {
                    std::thread::sleep(Duration::from_millis(dice.below(500)));
                    provider.kill()
                }
            };
            assert!(ran, "it had ended by itself: {}", String::from_utf8_lossy(&provider.log()));
            kills += 1;
            known.on_disk().iter().for_each(|checkpoint| told.lock().unwrap().shown(checkpoint));
            if kills % 10 == 0 {
                assert_eq!(opened(provider.folder()).damage().unwrap(), None, "after {kills} kills");
            }
            provider.start();
        }
        drop(end_of_test);
    });
    provider.stop();
    let mut told = told.into_inner().unwrap();
    let audit = judged(&provider, &known, &sensors, &mut told);
    println!(
        "{kills} kills, {in_rounds} of them in a round: {} reports acknowledged, {} missing, {} doubled; {} receipts hold, {} prove a \
         report; {} checkpoints each the beginning of the next, the last of {} leaves; {} connections broke, refused: {:?}",
        told.acknowledged.len(),
        audit.missing,
        audit.doubled,
        told.receipts.0,
        told.receipts.1,
        told.checkpoints.len(),
        audit.leaves,
        told.broken,
        told.refused
    );
    assert!(audit.is_whole(), "{audit:?}");
    assert!(in_rounds >= 10 && told.acknowledged.len() > 1_000 && told.receipts.1 > 100);
    // A round that was cut off and the one that ends it have one checkpoint; the last round has its own.
    assert!(told.checkpoints.len() > in_rounds / 2, "{} checkpoints", told.checkpoints.len());
    assert!(told.refused.keys().all(|status| *status == 503), "{:?}", told.refused);
}

/// Waits for a checkpoint to be signed: its plan is on the disk then, its tiles are not; or for one to be published, where the
/// round is one that was cut off. False if none was for a while.
fn in_a_round(known: &Known) -> bool {
    let before = known.marks();
    (0..3_000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        known.marks() != before
    })
}

/// The archive after a last round: every sensor's chain ends there where the sensor's does.
fn judged(provider: &Provider, known: &Known, sensors: &[Sensor], told: &mut Told) -> Audit {
    let log = String::from_utf8_lossy(&provider.log()).into_owned();
    assert!(!log.contains("panicked") && !log.contains("a round did not end"), "{log}");
    assert_eq!(opened(provider.folder()).damage().unwrap(), None);
    let clinic = archive(provider.folder(), "north");
    let ledger = Ledger::open(
        "archive.example",
        seed(&provider.folder().join("ledger.key")),
        &provider.folder().join("ledger"),
        &provider.folder().join("highwater"),
    );
    ledger.unwrap().take_all(&clinic, now().unwrap()).unwrap();
    known.on_disk().iter().for_each(|checkpoint| told.shown(checkpoint));
    for sensor in sensors {
        let (durable, missing) = clinic.durable(sensor.caller.id()).unwrap();
        assert_eq!((durable, missing), (sensor.caller.ear.head.map(|h| h.known()), Vec::new()));
    }
    assert_eq!(clinic.counts().unwrap().forks, 0);
    Audit::of(&clinic, &told.acknowledged, &told.checkpoints)
}

fn seed(path: &Path) -> [u8; 32] {
    let text = fs::read_to_string(path).unwrap();
    let octets: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect();
    octets.try_into().unwrap()
}

#[test]
fn an_agent_killed_while_it_seals_and_delivers_uses_no_number_twice_and_delivers_all() {
    let folder = Folder::new();
    let capture = folder.0.join("hours.pcap");
    fs::write(&capture, hours(200).octets()).unwrap();
    let provider = Provider::serving();
    let mut technician = Technician::at(&provider, capture.to_str().unwrap(), "192.168.0.0/16");
    technician.replay_as(capture.to_str().unwrap(), 4_000.0, SHORT_WINDOWS);
    let id = technician.approved(&provider, "north");
    let mut dice = Dice(0x2545_f491);
    let (mut kills, mut runs) = (0, 0);
    let mut made: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while kills < KILLS {
        let running = technician.run();
        if kills % 5 > 0 {
            grows(technician.state(), dice.below(60));
        }
        std::thread::sleep(Duration::from_millis(dice.below(if kills % 5 > 0 { 6 } else { 300 })));
        kills += usize::from(running.kill());
        runs += 1;
        assert!(runs < 2 * KILLS, "only {kills} of {runs} runs were killed before they ended");
        look(technician.state(), &mut made);
    }
    let sealed_before = made.len();
    technician.run().wait();
    look(technician.state(), &mut made);
    let (log, said) = (technician.log(), provider.command(&["sensors", "north"]));
    assert!(!String::from_utf8_lossy(&log).contains("panicked"));
    let clinic = archive(provider.folder(), "north");
    let row = clinic.sensors().unwrap().remove(0);
    let (durable, missing) = clinic.durable(row.id).unwrap();
    let head = auscult_agent::spool::look(technician.state());
    assert!(said.contains(&format!("{id} active")) && said.contains(" 0 that contradict"), "{said}");
    assert_eq!((durable, missing), (head.head.map(|h| h.known()), Vec::new()), "the chain is whole there");
    assert_eq!(head.settled, durable.map(|d| d.place), "what was sealed is delivered, and the sensor knows");
    let mut provider = provider;
    provider.stop();
    let sealed = made.values().map(|octets| SealedReport::from_octets(octets.clone()).hash()).collect();
    let audit = Audit::of(&clinic, &sealed, &BTreeMap::new());
    let epochs = durable.map_or(0, |d| d.place.epoch + 1);
    println!(
        "{kills} kills in {runs} runs: {} reports sealed ({sealed_before} by the runs that were killed) in {epochs} epochs, {} in the \
         archive, {} missing, {} doubled, no number twice, no fork",
        made.len(),
        audit.kept,
        audit.missing,
        audit.doubled
    );
    assert!(audit.is_whole() && audit.kept == made.len(), "{audit:?}, {} sealed", made.len());
    assert!(sealed_before > 500 && epochs == 1);
}

/// Waits until so many reports more lie in the spool, or for a while.
fn grows(state: &Path, more: u64) {
    let count = || fs::read_dir(state.join("spool")).map_or(0, |folder| folder.count() as u64);
    let before = count();
    for _ in 0..1_500 {
        if count() > before + more {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every report on the disk, by its place; a place never has other octets than before.
fn look(state: &Path, made: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(state.join("spool")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "report") {
            let octets = fs::read(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let place = SealedReport::from_octets(octets.clone()).parse_frame().unwrap().claimed().place;
            assert_eq!(name, shown(place));
            let before = made.insert(name, octets.clone());
            assert!(before.is_none_or(|b| b == octets), "{place:?} was used twice");
        }
    }
}

fn shown(place: Place) -> String {
    format!("{:08x}-{:016x}", place.epoch, place.seq)
}

/// So many archives of a clinic that a stranger opens one after the other: each is news, and cannot wait.
fn hours(windows: u8) -> Recording {
    let mut recording = Recording::new();
    for n in 0..windows {
        recording.set_clock(1_795_000_000 + u32::from(n) * 15);
        association_in(&mut recording, STRANGER, [192, 168, 20, n], 0);
    }
    recording
}

const SENSORS: u8 = 6;
const SHORT_WINDOWS: &str = "[window]\nlength_s = 10\n[log]\nlevel = \"warn\"\n";
