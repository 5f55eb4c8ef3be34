//! A device that is there twice, and envelopes that come twice or changed, over the way that sensors have: loopback, TLS, client
//! certificates.
//!
//! Failure: an envelope of either device that was named by a receipt and is not kept; a number that silently has two reports; a
//! sensor that goes on while nobody knows which of two devices it is; a row or a leaf too many; octets that were not signed and
//! are kept; a 5xx. Not a failure: a new epoch of the device that came second.

use auscult_agent::spool::look;
use auscult_collector::store::ClinicStore;
use auscult_report::batch::batch;
use auscult_report::key::Hash;
use auscult_report::receipt::{Outcome, Receipt};
use auscult_report::seal::SealedReport;
use auscult_tests::archive::all_stored;
use auscult_tests::books::Audit;
use auscult_tests::crowd::{archive, opened};
use auscult_tests::desk::{Provider, Technician};
use auscult_tests::station::{Caller, REPORTS, Station};
use auscult_tests::way::Way;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Barrier, Mutex};

const HOME: &str = "192.168.20.0/24";

#[test]
fn when_a_copied_device_comes_second_its_reports_are_kept_aside_and_a_person_decides() {
    twice(false);
}

#[test]
fn when_a_copied_device_comes_first_the_true_one_goes_on_in_a_new_epoch_once_a_person_looked() {
    twice(true);
}

/// A device and its copy; one of them delivers before the other.
fn twice(copy_is_first: bool) {
    let mut provider = Provider::serving();
    let mut device = Technician::at(&provider, "clinic-day-mixed.pcap", HOME);
    let id = device.approved(&provider, "north");
    device.run().wait();
    device.linger_s = 0;
    let mut copy = device.copied();
    // Both hear something while the collector is away: so both use the same numbers.
    provider.stop();
    for (sensor, capture) in [(&mut device, "orthanc-rest-open.pcap"), (&mut copy, "fhir-open.pcap")] {
        sensor.replay(capture);
        sensor.run().wait();
        sensor.linger_s = 3;
        sensor.replay(capture);
    }
    provider.start();
    let (first, second) = if copy_is_first { (&copy, &device) } else { (&device, &copy) };
    first.run().wait();
    second.run().wait();
    let clinic = archive(provider.folder(), "north");
    let counts = clinic.counts().unwrap();
    assert!(counts.forks >= 1, "both have the same numbers: {}", provider.command(&["sensors", "north"]));
    kept_everything(&provider, &clinic, &[first, second]);
    let said = provider.command(&["sensors", "north"]);
    let line = said.lines().find(|l| l.starts_with(&id)).unwrap();
    assert!(line.contains("quarantine") && said.contains(&format!("{} that contradict", counts.forks)), "{said}");
    // Nothing new is taken of either, and nothing is lost: it waits, and each says so.
    device.replay("pacs-open-lan.pcap");
    device.run().wait();
    let waits = device.status();
    assert!(waits.contains("reports wait") && waits.contains("held back"), "{waits}");
    assert_eq!(clinic.counts().unwrap().reports, counts.reports);
    assert!(second.status().contains("held back"), "{}", second.status());
    // The copy is found and switched off; a person says which is the true one.
    let _ = provider.command(&["sensor", "north", &id, "active", "--why", "the stolen card was found"]);
    device.run().wait();
    let (durable, missing) = clinic.durable(clinic.sensors().unwrap()[0].id).unwrap();
    let seen = look(device.state());
    assert_eq!((durable, missing), (seen.head.map(|h| h.known()), Vec::new()), "{}", device.status());
    assert_eq!(seen.settled, durable.map(|d| d.place));
    assert!(!device.status().contains("held back"), "{}", device.status());
    let said = provider.command(&["sensors", "north"]);
    assert!(said.contains("active (the stolen card was found)"), "{said}");
    let kept = kept_everything(&provider, &clinic, &[first, second]);
    println!(
        "{} reports in {} epochs, {} kept beside, {kept} named by receipts and all there; then: {}",
        clinic.counts().unwrap().reports,
        durable.map_or(0, |d| d.place.epoch + 1),
        clinic.counts().unwrap().forks,
        said.lines().next().unwrap_or_default()
    );
}

/// Every report that either device knows as delivered is in the archive or beside it, octet by octet. How many there are.
fn kept_everything(provider: &Provider, clinic: &ClinicStore, devices: &[&Technician]) -> usize {
    let store = opened(provider.folder());
    let sensor = clinic.sensors().unwrap()[0].id;
    let kept: BTreeSet<Hash> = clinic.reports_after(sensor, 0, 10_000).unwrap().iter().map(|r| r.hash).collect();
    let mut delivered = BTreeSet::new();
    for device in devices {
        let settled = look(device.state()).settled;
        for entry in fs::read_dir(device.state().join("spool")).unwrap() {
            let report = SealedReport::from_octets(fs::read(entry.unwrap().path()).unwrap());
            if Some(report.parse_frame().unwrap().claimed().place) <= settled {
                delivered.insert(report.hash());
            }
        }
    }
    for hash in &delivered {
        let beside = store.batch("look", |batch| batch.is_fork((clinic.id(), sensor), hash)).unwrap();
        assert!(kept.contains(hash) != beside, "acknowledged and gone, or there twice");
    }
    delivered.len()
}

#[test]
fn each_batch_sent_three_times_over_two_connections_is_one_row_one_leaf_and_the_same_results() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let batches: Vec<Vec<SealedReport>> = (0..BATCHES).map(|n| caller.ear.chain(1 + n % 16)).collect();
    let (results, at_once) = (Mutex::new(BTreeMap::<usize, Vec<Receipt>>::new()), Barrier::new(2));
    std::thread::scope(|scope| {
        for times in [1, 2] {
            let (station, caller, batches, results, at_once) = (&station, &caller, &batches, &results, &at_once);
            scope.spawn(move || {
                let mut way = Way::to(station, Some(caller));
                for (n, batch) in batches.iter().enumerate() {
                    at_once.wait();
                    for _ in 0..times {
                        let (status, receipt) = way.reports(batch);
                        assert_eq!(status, 200);
                        results.lock().unwrap().entry(n).or_default().push(receipt.unwrap());
                    }
                }
            });
        }
    });
    let mut all = BTreeSet::new();
    for (n, receipts) in results.into_inner().unwrap() {
        let hashes: Vec<Hash> = batches[n].iter().map(SealedReport::hash).collect();
        assert_eq!(receipts.len(), 3);
        for receipt in receipts {
            let named: Vec<Hash> = receipt.results.iter().map(|r| r.report).collect();
            assert_eq!(named, hashes);
            assert!(receipt.results.iter().all(|r| r.outcome == Outcome::Stored));
        }
        all.extend(hashes);
    }
    let (clinic, desk) = (station.clinic("north"), station.service().desk());
    desk.ledger.take_all(&clinic, station.now()).unwrap();
    let audit = Audit::of(&clinic, &all, &BTreeMap::new());
    assert!(audit.is_whole() && audit.kept == all.len() && audit.leaves == all.len() + 2, "{audit:?}");
    println!("{BATCHES} batches sent three times over two connections: {} rows, {} leaves", audit.kept, audit.leaves);
}

#[test]
fn a_bit_changed_anywhere_in_a_batch_is_never_kept_and_never_our_fault() {
    let station = Station::new();
    let mut caller = station.enrolled("north", 1);
    let reports = caller.ear.chain(2);
    let (octets, _) = batch(reports.iter().map(SealedReport::octets));
    let mut way = Way::to(&station, Some(&caller));
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..octets.len() {
        for bit in 0..8 {
            let mut changed = octets.clone();
            changed[at] ^= 1 << bit;
            let (status, _, body) = way.post("/v1/reports", REPORTS, &changed);
            assert!(status < 500, "octet {at}, bit {bit}: {status}");
            let outcomes = outcomes(&body, &reports);
            *said.entry(format!("{status} {outcomes}")).or_default() += 1;
        }
    }
    let clinic = station.clinic("north");
    let row = clinic.sensors().unwrap().remove(0);
    let kept: Vec<Hash> = clinic.reports_after(row.id, 0, 100).unwrap().iter().map(|r| r.hash).collect();
    let signed: Vec<Hash> = reports.iter().map(SealedReport::hash).collect();
    assert!(kept.iter().all(|hash| signed.contains(hash)), "kept and never signed");
    assert_eq!((row.state.word(), clinic.counts().unwrap().forks), ("active", 0), "who changes octets harms nobody");
    let (status, receipt) = way.reports(&reports);
    assert_eq!((status, receipt.unwrap().results.len()), (200, all_stored(2).len()));
    serves(&mut way, &mut caller);
    println!("{} changed batches: {said:?}", octets.len() * 8);
}

/// What became of the reports that were changed; those that were not may be taken.
fn outcomes(body: &[u8], whole: &[SealedReport]) -> String {
    let Ok(receipt) = Receipt::decode(body) else { return String::from_utf8_lossy(body).trim().to_owned() };
    let changed: Vec<Outcome> = receipt
        .results
        .iter()
        .filter(|r| whole.iter().all(|report| report.hash() != r.report))
        .map(|r| r.outcome)
        .collect();
    assert!(!changed.contains(&Outcome::Stored) && !changed.contains(&Outcome::Conflict), "{changed:?}");
    changed.iter().map(|o| o.word()).collect::<Vec<_>>().join(" ")
}

fn serves(way: &mut Way, caller: &mut Caller) {
    let (status, receipt) = way.reports(&caller.ear.chain(3));
    assert_eq!(status, 200);
    assert_eq!(receipt.unwrap().durable_to, caller.ear.head.map(|h| h.known()));
}

/// Batches of 1 to 16 reports.
const BATCHES: usize = 40;
