//! A full disk on either side, and a backup that was put back, over the way that sensors have: loopback, TLS, client certificates.
//!
//! Failure: an acknowledged report that is gone or there twice; a 200 while nothing is written; a program that ends, or does not go
//! on when there is room again; a ledger that is signed a second time; a report that both sides believe delivered and nobody has.
//! Not a failure: 503 with Retry-After while there is no room; a report that waits; a ledger that stops until a person decides.

use auscult_agent::spool::look;
use auscult_report::payload::Place;
use auscult_tests::archive::Folder;
use auscult_tests::books::Audit;
use auscult_tests::crowd::{End, Known, Sensor, Told, archive, limit_files, opened};
use auscult_tests::desk::{Provider, Technician};
use auscult_tests::frames::Recording;
use auscult_tests::talks::{STRANGER, association_in};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[test]
fn a_collector_without_room_says_when_to_come_again_and_goes_on_by_itself_when_there_is() {
    let mut provider = Provider::serving();
    let known = Known::of(&provider, "north");
    let mut sensors: Vec<Sensor> = (1..=3).map(|n| known.let_in("north", n)).collect();
    let (told, end) = (Mutex::new(Told::default()), AtomicBool::new(false));
    let count = || told.lock().unwrap().acknowledged.len();
    let refused = || told.lock().unwrap().refused.values().sum::<usize>();
    let (mut before, mut full) = (0, 0);
    std::thread::scope(|scope| {
        let end_of_test = End(&end);
        for sensor in &mut sensors {
            scope.spawn(|| sensor.deliver(&known, &end, &told));
        }
        for _ in 0..3 {
            let so_far = count();
            until("reports are taken", || count() > so_far + 100);
            limit_files(provider.id().unwrap(), Some(4_096));
            let so_far = refused();
            until("there is no room", || refused() > so_far + 20);
            before = count();
            std::thread::sleep(Duration::from_millis(300));
            full += count() - before;
            limit_files(provider.id().unwrap(), None);
        }
        before = count();
        until("it goes on", || count() > before + 100);
        drop(end_of_test);
    });
    provider.stop();
    let told = told.into_inner().unwrap();
    assert_eq!(full, 0, "acknowledged while nothing could be written");
    assert_eq!(told.refused.keys().copied().collect::<Vec<_>>(), [503]);
    assert_eq!(
        (told.retry_after, told.broken),
        (told.refused[&503], 0),
        "each says when to come again, no connection broke"
    );
    let log = String::from_utf8_lossy(&provider.log()).into_owned();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(opened(provider.folder()).damage().unwrap(), None);
    let clinic = archive(provider.folder(), "north");
    let _ = provider.command(&["ledger", "checkpoint", "north"]);
    let audit = Audit::of(&clinic, &told.acknowledged, &told.checkpoints);
    assert!(audit.is_whole(), "{audit:?}");
    println!(
        "full three times: {} times 503, each with Retry-After; {} acknowledged, {} missing, {} doubled, {} receipts hold",
        told.refused[&503],
        told.acknowledged.len(),
        audit.missing,
        audit.doubled,
        told.receipts.0
    );
}

#[test]
fn an_agent_without_room_goes_on_when_there_is_and_uses_no_number_twice() {
    let folder = Folder::new();
    let capture = folder.0.join("hours.pcap");
    fs::write(&capture, hours(120).octets()).unwrap();
    let mut provider = Provider::serving();
    let mut technician = Technician::at(&provider, capture.to_str().unwrap(), "192.168.0.0/16");
    technician.replay_as(capture.to_str().unwrap(), 300.0, "[window]\nlength_s = 10\n");
    let id = technician.approved(&provider, "north");
    let running = technician.run();
    for more in [15, 40] {
        until("it seals", || reports(technician.state()) > more);
        limit_files(running.id(), Some(0));
        let so_far = reports(technician.state());
        std::thread::sleep(Duration::from_millis(700));
        assert!(reports(technician.state()) <= so_far + 1, "it sealed without room");
        limit_files(running.id(), None);
    }
    running.wait();
    let clinic = archive(provider.folder(), "north");
    let (durable, missing) = clinic.durable(clinic.sensors().unwrap()[0].id).unwrap();
    let seen = look(technician.state());
    assert_eq!((durable, missing), (seen.head.map(|h| h.known()), Vec::new()), "{}", technician.status());
    assert_eq!(seen.settled, durable.map(|d| d.place));
    let said = provider.command(&["sensors", "north"]);
    assert!(said.contains(&format!("{id} active")) && said.contains(" 0 that contradict"), "{said}");
    provider.stop();
    let audit = Audit::of(&clinic, &BTreeSet::new(), &BTreeMap::new());
    assert!(audit.is_whole() && audit.kept > 60, "{audit:?}");
    assert_eq!(durable.unwrap().place, Place { epoch: 0, seq: audit.kept as u64 - 1 }, "one epoch, no gap");
    println!("no room twice while it sealed and delivered: {} reports, one chain, all delivered", audit.kept);
}

#[test]
fn behind_a_restored_backup_sensors_send_again_what_they_kept_and_a_person_begins_the_ledger_anew() {
    let mut provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    let id = technician.approved(&provider, "north");
    technician.linger_s = 6;
    technician.run().wait();
    let _ = provider.command(&["ledger", "checkpoint", "north"]);
    provider.stop();
    let file = |name: &str| provider.folder().join(name);
    fs::copy(file("archive.db"), file("backup")).unwrap();
    provider.start();
    for capture in ["orthanc-rest-open.pcap", "fhir-open.pcap"] {
        technician.replay(capture);
        technician.run().wait();
        let _ = provider.command(&["ledger", "checkpoint", "north"]);
    }
    let newest = look(technician.state()).head.unwrap().place;
    provider.stop();
    for old in ["archive.db-wal", "archive.db-shm"] {
        let _ = fs::remove_file(provider.folder().join(old));
    }
    fs::rename(provider.folder().join("backup"), provider.folder().join("archive.db")).unwrap();
    provider.start();
    let clinic = archive(provider.folder(), "north");
    let durable = || clinic.durable(clinic.sensors().unwrap()[0].id).unwrap();
    assert!(durable().0.unwrap().place < newest, "the backup is older");
    // The sensor hears how far the archive is, and sends again what it kept; nothing is signed meanwhile.
    technician.replay("pacs-open-lan.pcap");
    technician.run().wait();
    let head = look(technician.state()).head.map(|h| h.known());
    assert_eq!(durable(), (head, Vec::new()), "{}", technician.status());
    assert!(head.unwrap().place > newest && head.unwrap().place.epoch == newest.epoch, "one chain");
    let refused = provider.fails(&["ledger", "checkpoint", "north"]);
    assert!(refused.contains("restored from a backup") && refused.contains("new-generation north"), "{refused}");
    let _ = provider.command(&["ledger", "new-generation", "north", "--why", "disk replaced"]);
    let checkpoint = provider.command(&["ledger", "checkpoint", "north"]);
    assert_eq!(checkpoint.lines().next().unwrap().rsplit('/').next(), Some("2"), "{checkpoint}");
    technician.replay("dicom-tls-good.pcap");
    technician.run().wait();
    let log = String::from_utf8_lossy(&technician.log()).into_owned();
    assert!(log.contains("sent again") && log.contains("the ledger began anew"), "{log}");
    assert_eq!(durable(), (look(technician.state()).head.map(|h| h.known()), Vec::new()));
    assert!(provider.command(&["sensors", "north"]).contains(&format!("{id} active")));
    assert!(!technician.status().contains("contradicted"), "nobody is accused: {}", technician.status());
    let _ = provider.command(&["ledger", "checkpoint", "north"]);
    provider.stop();
    let audit = Audit::of(&clinic, &BTreeSet::new(), &BTreeMap::new());
    assert!(audit.is_whole() && audit.leaves > audit.kept, "{audit:?}");
    println!(
        "{} reports, all back after a restore, in a ledger of generation 2; then: {}",
        audit.kept,
        technician.status()
    );
}

/// Archives of a clinic that a stranger opens one after the other.
fn hours(hosts: u8) -> Recording {
    let mut recording = Recording::new();
    for n in 0..hosts {
        recording.set_clock(1_795_000_000 + u32::from(n) * 15);
        association_in(&mut recording, STRANGER, [192, 168, 20, n], 0);
    }
    recording
}

/// Reports in a spool.
fn reports(state: &Path) -> usize {
    let files = fs::read_dir(state.join("spool")).into_iter().flatten().flatten();
    files.filter(|f| f.path().extension().is_some_and(|e| e == "report")).count()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}: not within half a minute");
}
