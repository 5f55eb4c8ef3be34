//! A technician and a provider: both programs, by their commands, from nothing to findings; and everything that must fail on the
//! way. What goes over the wire octet by octet stands in doors.rs, what the agent makes of odd collectors in deliver.rs.

use auscult_report::code::{Code, CodeId};
use auscult_tests::desk::{Provider, Technician, contains, secrets};
use std::fs;

#[test]
fn from_nothing_to_findings_by_the_commands_of_both() {
    let provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    let code = provider.code("north");
    let said = technician.enrol(&code).unwrap();
    let words: Vec<&str> = said.lines().find_map(|l| l.strip_prefix("words")).unwrap().split_whitespace().collect();
    assert!(technician.status().contains("approved    not yet"), "{}", technician.status());
    assert!(provider.command(&["sensors", "north"]).contains(&words.join(" ")), "the same words on both sides");
    // It listens meanwhile; nothing is lost.
    let running = technician.run();
    provider.until("north", "reports", |said| said.contains("pending"));
    let approve: Vec<&str> = ["approve", "north"].into_iter().chain(words.iter().copied()).collect();
    assert!(provider.command(&approve).contains("is let in"));
    running.wait();
    let findings = provider.command(&["findings", "north"]);
    for rule in ["dicom-records-given-outside", "orthanc-open", "hl7-open-outside", "portal-documents-without-login"] {
        assert!(findings.contains(rule), "{rule}: {findings}");
    }
    assert_eq!(provider.command(&["findings", "south"]).lines().last().unwrap(), "0 findings");
    let status = technician.status();
    assert!(status.contains("delivered") && !status.contains("nothing yet"), "{status}");
    let checkpoint = provider.command(&["ledger", "checkpoint", "north"]);
    assert!(checkpoint.starts_with("archive.example/ledger/"), "{checkpoint}");
}

#[test]
fn a_code_that_somebody_else_knows_is_used_up_and_a_wrong_one_leaves_nothing_behind() {
    let provider = Provider::serving();
    let code = provider.code("north");
    let mut first = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    first.enrol(&code).unwrap();
    let mut second = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    let wrong = Code::new(CodeId([9; 5]), [9; 15]).shown();
    for (typed, said) in
        [(code.as_str(), "wrong, used or too old"), (&wrong, "wrong, used or too old"), ("12345", "35")]
    {
        let refused = second.enrol(typed).unwrap_err();
        assert!(refused.contains(said), "{refused}");
        assert!(!second.state().join("keys/ledger").exists() && !second.state().join("keys/trust").exists());
    }
    assert_eq!(provider.command(&["sensors", "north"]).matches(" pending ").count(), 1);
}

#[test]
fn words_that_nobody_shows_let_nobody_in() {
    let provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    technician.enrol(&provider.code("north")).unwrap();
    let refused = provider.fails(&["approve", "north", "abandon", "ability", "able", "about", "above"]);
    assert!(refused.contains("no sensor that waits"), "{refused}");
    assert!(provider.command(&["sensors", "north"]).contains(" pending "));
}

#[test]
fn another_collector_at_the_same_address_is_not_believed() {
    let mut provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    technician.approved(&provider, "north");
    technician.run().wait();
    let kept = provider.command(&["sensors", "north"]);
    // Who took over the address has another CA: nothing is told to it, everything stays.
    provider.stop();
    let mut thief = Provider::at_port(provider.port());
    technician.replay("orthanc-rest-open.pcap");
    technician.run().wait();
    assert!(
        technician.status().contains("untrusted") || technician.status().contains("certificate"),
        "{}",
        technician.status()
    );
    assert!(thief.command(&["sensors", "north"]).starts_with("0 reports"));
    thief.stop();
    provider.start();
    technician.run().wait();
    assert_ne!(provider.command(&["sensors", "north"]), kept, "what waited was delivered");
}

#[test]
fn a_revoked_sensor_stops_and_says_so() {
    let provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    let id = technician.approved(&provider, "north");
    let _ = provider.command(&["sensor", "north", &id, "revoked", "--why", "stolen"]);
    technician.run().wait();
    assert!(technician.status().contains("revoked"), "{}", technician.status());
    assert!(provider.command(&["sensors", "north"]).contains("0 reports"));
}

#[test]
fn no_secret_is_readable_by_others_and_none_stands_in_a_log_or_a_process_list() {
    let provider = Provider::serving();
    let mut technician = Technician::at(&provider, "clinic-day-mixed.pcap", "192.168.20.0/24");
    let code = provider.code("north");
    technician.enrol(&code).unwrap();
    let running = technician.run();
    provider.until("north", "reports", |said| said.contains("pending"));
    let listed = [provider.listed(), running.listed()].concat();
    provider.approve_all("north");
    running.wait();
    let token = provider.command(&["token", "north", "--whose", "reviewer"]).lines().next().unwrap().to_owned();
    // Every file that either side keeps, and what of it is secret.
    let mut secrets = secrets(&[provider.folder(), technician.state()]);
    assert!(secrets.len() >= 6, "ca.key, trust.key, ledger.key, sensor, pseudonym, TLS: {}", secrets.len());
    for secret in &secrets {
        assert!(!secret.is_open_to_others(), "{}", secret.path.display());
    }
    let typed: String = code.chars().filter(|c| *c != '-').collect();
    let code = Code::parse(&code).unwrap();
    secrets.extend(
        [typed.as_bytes(), code.key().secret_octets(), token.as_bytes()].map(auscult_tests::desk::Secret::shown),
    );
    let mut searched = 0;
    let logs = [provider.log(), technician.log()];
    for (name, octets) in [("a log", logs[0].as_slice()), ("a log", &logs[1]), ("the process list", &listed)] {
        for secret in &secrets {
            assert!(!contains(octets, secret), "{} stands in {name}", secret.path.display());
        }
        searched += octets.len();
    }
    // The data base holds neither the code's key nor the token.
    for name in ["archive.db", "archive.db-wal"] {
        let octets = fs::read(provider.folder().join(name)).unwrap_or_default();
        for secret in secrets.iter().rev().take(3) {
            assert!(!contains(&octets, secret), "a code or a token stands in {name}");
        }
        searched += octets.len();
    }
    println!("{} secrets, {searched} octets of logs, process list and data base searched: none found", secrets.len());
}
