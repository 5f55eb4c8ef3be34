//! The golden octets of report/FORMAT.md: what was released is read for ever, and a second reader, written from that
//! text alone, reads the same.
//!
//! `BLESS=1 cargo test -p auscult-tests --test format` writes golden files that are missing; it never changes one.

use auscult_report::chain::{Head, follows};
use auscult_report::coverage::Coverage;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::machine::Machine;
use auscult_report::merkle::Node;
use auscult_report::note::NoteKind;
use auscult_report::payload::{Extras, Payload};
use auscult_report::receipt::{Receipt, Watch};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::tile::{self, Tile, push_entry};
use auscult_report::trust::Trust;
use auscult_tests::covered;
use auscult_tests::golden::{
    Ledger, SEEN, chain, golden, grant, heartbeat, keeper, key, key_of, opaque, open, origin, renewal, says, sensor,
    trust,
};
use auscult_tests::later;
use auscult_tests::root;
use std::fs;
use std::process::Command;

#[test]
fn the_golden_octets_are_read_and_say_what_they_said() {
    let chain = chain();
    let mut head: Option<Head> = None;
    let mut reports = Vec::new();
    for (name, octets) in &chain {
        let octets = golden(name, octets);
        let key = key_of(&octets);
        let report = open(octets, &key);
        says(name, &text(&report));
        reports.push(report);
    }
    for report in &reports {
        head = Some(match head {
            None => Head::begin(report).unwrap(),
            Some(head) if head.place.seq == 3 => {
                let across = reports.iter().find_map(|later| head.across(later).ok()).unwrap();
                follows(&across, report).unwrap()
            }
            Some(head) => follows(&head, report).unwrap(),
        });
    }
    assert!(head.unwrap().closed);
}

#[test]
fn what_is_made_today_is_what_was_made_then() {
    // Deflated payloads may differ where the packer got better; plain ones may not.
    for (name, octets) in chain() {
        if !name.ends_with("full") {
            assert_eq!(octets, golden(&name, &octets), "{name}");
        }
    }
    let report = later::report();
    let octets = golden("report-later", report.octets());
    says("report-later", &text(&open(octets, &key(1).public())));
    let report = opaque();
    let verified = open(golden("report-opaque", report.octets()), &key(1).public());
    assert_eq!(verified.payload(), None);
    says("report-opaque", &text(&verified));

    let beat = heartbeat();
    let octets = golden("heartbeat-1", &beat.seal(&key(1)).unwrap());
    assert_eq!(Heartbeat::open(&octets, &key(1).public()), Ok(beat.clone()));
    says("heartbeat-1", &format!("{beat:?}"));
}

#[test]
fn the_golden_receipt_holds_for_who_saw_an_earlier_ledger() {
    let ledger = Ledger::made();
    let receipt = ledger.receipt();
    let octets = golden("receipt-1", &receipt.encode().unwrap());
    let read = Receipt::decode(&octets).unwrap();
    says("receipt-1", &format!("{read:?}"));
    let (keeper, seen) = (keeper().key(NoteKind::Ed25519), ledger.checkpoint(SEEN).seen());
    let watch = Watch { sensor: &sensor(), origin: &origin(), keeper: &keeper, seen: Some(&seen) };
    assert_eq!(read.check(&watch, |p| ledger.own(p)), Ok(Some(ledger.checkpoint(ledger.leaves.len()))));

    let mut bundle = Vec::new();
    ledger.leaves.iter().for_each(|leaf| push_entry(&mut bundle, &leaf.octets()).unwrap());
    assert_eq!(golden("ledger-entries", &bundle), bundle);
    let tile = ledger.hashes().concat();
    assert_eq!(golden("ledger-tile", &tile), tile);
    let size = u64::try_from(ledger.leaves.len()).unwrap();
    let place = Tile::within(0, 0, size).unwrap();
    assert_eq!((place.path().as_str(), place.entries_path().as_str()), ("tile/0/000.p/9", "tile/entries/000.p/9"));
    assert!(tile::reader(size, |_| Some(tile.clone()))(Node { level: 3, index: 0 }).is_some());
}

#[test]
fn the_golden_coverage_and_machine_are_read_wherever_they_stand() {
    let (coverage, machine) = (covered::coverage(), covered::machine());
    let extras = [coverage.extra().unwrap(), machine.extra().unwrap()];
    for (name, extra, text) in
        [("coverage-1", &extras[0], format!("{coverage:?}")), ("machine-1", &extras[1], format!("{machine:?}"))]
    {
        assert_eq!(golden(name, &extra.octets), &extra.octets[..], "{name}");
        says(name, &text);
    }
    let within = |ext: &Extras| (Coverage::within(ext), Machine::within(ext));
    let report = covered::report();
    let verified = open(golden("report-covered", report.octets()), &key(1).public());
    assert_eq!(report.octets(), golden("report-covered", report.octets()));
    says("report-covered", &text(&verified));
    let Some(Payload::Changes(changes)) = verified.payload() else { panic!("no changes") };
    assert_eq!(within(&changes.ext), (Some(coverage), None));
    let beat = covered::second_heartbeat();
    let octets = golden("heartbeat-2", &beat.seal(&key(1)).unwrap());
    let read = Heartbeat::open(&octets, &key(1).public()).unwrap();
    says("heartbeat-2", &format!("{read:?}"));
    let (heard, on) = within(&read.ext);
    assert_eq!((heard.unwrap().ears.len(), on, &read), (2, Some(machine), &beat));
}

#[test]
fn the_golden_trust_bundle_request_and_grant_are_read() {
    let octets = golden("trust-2", &trust().seal(&key(5)).unwrap());
    let before = Trust { version: 1, signer: key(5).public(), ..trust() };
    assert_eq!(before.next(&octets), Ok(trust()));
    says("trust-2", &format!("{:?}", trust()));
    let octets = golden("renewal-1", &renewal().seal(&key(1)).unwrap());
    assert_eq!(Renewal::read(&octets).unwrap().verify(&key(1).public()), Ok(renewal()));
    says("renewal-1", &format!("{:?}", renewal()));
    let octets = golden("grant-1", &grant().encode().unwrap());
    assert_eq!(Grant::decode(&octets), Ok(grant()));
    says("grant-1", &format!("{:?}", grant()));
}

#[test]
fn every_octet_of_every_golden_report_matters() {
    for (name, octets) in chain().into_iter().filter(|(name, _)| !name.ends_with("full")) {
        let key = key_of(&octets);
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 0x40;
            let changed = SealedReport::from_octets(changed);
            assert!(!changed.parse_frame().is_ok_and(|f| f.verify(&key).is_ok()), "{name}: octet {at}");
        }
    }
}

#[test]
fn the_second_reader_reads_the_same() {
    python("tests/format.py", 20);
}

#[test]
fn the_tables_of_the_text_are_those_of_the_sources() {
    python("tests/format_tables.py", 1);
}

#[test]
fn the_text_names_every_context() {
    let text = fs::read_to_string(root().join("report/FORMAT.md")).unwrap();
    let (_, block) = text.split_once("```contexts\n").unwrap();
    let named: Vec<String> =
        block.split("\n```").next().unwrap().lines().map(|l| l[..l.find(' ').unwrap()].into()).collect();
    let contexts = auscult_report::context::ALL.iter();
    let ours: Vec<String> = contexts.map(|c| String::from_utf8_lossy(c).replace('\0', "\\0")).collect();
    assert_eq!(named, ours);
}

fn python(script: &str, lines: usize) {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(std::env::var_os("AUSCULT_FOREIGN").is_none(), "{script} was not run: python3 is not here");
        eprintln!("NOT RUN, python3 is not here: {script}");
        return;
    }
    let output = Command::new("python3").arg(root().join(script)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}: {said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.lines().count() >= lines, "{script} checked little: {said}");
}

fn text(report: &VerifiedReport) -> String {
    let payload = report.payload().map_or("Opaque".to_owned(), |p| format!("{p:?}"));
    format!("{:?}\n{payload}", report.header())
}
