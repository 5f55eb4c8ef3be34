//! Hostile requests and hostile reports at a collector that serves: what each is told, what it costs, and that an honest sensor is
//! served afterwards. Statuses are those of report/FORMAT.md section 20.
//!
//! Counts as failure: a status that the table does not name, a 5xx but 503, a panic, memory beyond its bound, a report that is lost,
//! half a request that was taken for a whole one.

use auscult_report::batch::{MAX_BATCH_OCTETS, batch};
use auscult_report::context;
use auscult_report::header::{Codec, Header, MAGIC};
use auscult_report::payload::{Kind, Payload};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{SealedReport, Stamp};
use auscult_tests::archive::{Dice, event};
use auscult_tests::desk::Provider;
use auscult_tests::raw::{Raw, agents, authority, let_in, most_memory_mib, serves_on};
use auscult_tests::station::{Caller, REPORTS};
use auscult_tests::way::Way;
use miniz_oxide::deflate::compress_to_vec;
use std::collections::BTreeMap;

#[test]
fn every_odd_request_gets_a_status_of_the_table() {
    let provider = Provider::serving();
    let mut caller = let_in(&provider, "north", 1);
    let (mut tried, mut told, mut faults) = (0, BTreeMap::new(), Vec::new());
    for (name, octets, allowed) in odd() {
        let mut raw = Raw::to(&provider, Some(&caller));
        if allowed.contains(&0) {
            raw.send_all(&octets)
        } else {
            raw.send(&octets)
        }
        let statuses = raw.statuses();
        let is_told = statuses.iter().all(|s| allowed.contains(s)) && (!statuses.is_empty() || allowed.contains(&0));
        if !is_told {
            faults.push(format!("{name}: {statuses:?}, not of {allowed:?}"));
        }
        statuses.iter().for_each(|s| *told.entry(*s).or_insert(0) += 1);
        tried += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let octets = provider.command(&["sensors", "north"]);
    assert!(octets.contains("0 reports, 0 that contradict"), "{octets}");
    serves_on(&provider, &mut caller);
    println!("{tried} odd requests: {told:?}; {} MiB", most_memory_mib(&provider));
}

#[test]
fn a_request_that_is_cut_anywhere_is_nothing_and_the_whole_one_is_stored() {
    let provider = Provider::serving();
    let mut caller = let_in(&provider, "north", 2);
    let reports = caller.ear.chain(2);
    let (octets, _) = batch(reports.iter().map(SealedReport::octets));
    let whole = post("/v1/reports", REPORTS, &octets);
    let mut dice = Dice(11);
    for n in 0..CUTS {
        // The first octets, the end of the head and the last octet are always tried.
        let at = match n {
            0..3 => n + 1,
            3 => whole.len() - octets.len(),
            4 => whole.len() - 1,
            _ => usize::try_from(dice.below(whole.len() as u64)).unwrap(),
        };
        let mut raw = Raw::to(&provider, Some(&caller));
        if n % 2 == 0 {
            raw.send(&whole[..at]);
            raw.cut();
            continue;
        }
        raw.send_all(&whole[..at]);
        let statuses = raw.statuses();
        assert!(statuses.iter().all(|s| *s == 400 || *s == 408), "cut at {at}: {statuses:?}");
    }
    assert!(provider.command(&["sensors", "north"]).contains("0 reports, 0 that contradict, 0 refused"));
    let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
    assert_eq!(way.reports(&reports).1.unwrap().durable_to.unwrap().place.seq, 1);
    serves_on(&provider, &mut caller);
    println!("{CUTS} cuts of a request of {} octets", whole.len());
}

#[test]
fn signed_reports_that_lie_are_told_apart_and_cost_little() {
    let provider = Provider::serving();
    let mut caller = let_in(&provider, "north", 3);
    let mut honest = let_in(&provider, "north", 4);
    let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
    assert_eq!(way.reports(&caller.ear.chain(1)).0, 200);
    let before = most_memory_mib(&provider);
    let lies = lies(&mut caller);
    let mut tried = 0;
    for (name, report, wanted) in &lies {
        let (status, receipt) = way.reports(std::slice::from_ref(report));
        let outcome = receipt.map(|r| r.results[0].outcome);
        assert_eq!((status, outcome), (200, Some(*wanted)), "{name}");
        tried += 1;
    }
    // The dearest of them as often as a batch holds it, at full rate.
    let bombs: Vec<&[u8]> = lies.iter().filter(|l| l.0.contains("bomb")).map(|l| l.1.octets()).collect();
    let (octets, count) = batch(bombs.iter().copied().cycle().take(64));
    let mut statuses = BTreeMap::new();
    for _ in 0..ROUNDS {
        let (status, _, _) = way.post("/v1/reports", REPORTS, &octets);
        assert!([200, 429, 503].contains(&status), "{status}");
        *statuses.entry(status).or_insert(0) += 1;
    }
    let most = most_memory_mib(&provider);
    assert!(most < MOST_MIB, "{most} MiB");
    serves_on(&provider, &mut honest);
    println!("{tried} lies; {ROUNDS} batches of {count} bombs: {statuses:?}; {before} MiB before, {most} at most");
}

#[test]
fn of_64_frames_the_bad_one_alone_is_refused_and_bad_signatures_at_full_rate_hold_up_nobody() {
    let provider = Provider::serving();
    let mut caller = let_in(&provider, "north", 5);
    let mut honest = let_in(&provider, "north", 6);
    let mut way = Way::try_to(agents(&provider), &authority(&provider), Some(&caller)).unwrap();
    let mut reports = caller.ear.chain(64);
    let good = reports[40].clone();
    reports[40] = with_octet(&good, good.octets().len() - 1);
    let (status, receipt) = way.reports(&reports);
    let outcomes: Vec<Outcome> = receipt.unwrap().results.iter().map(|r| r.outcome).collect();
    assert_eq!((status, outcomes.len(), outcomes[40]), (200, 64, Outcome::RefusedSignature));
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Stored).count(), 63);
    let receipt = way.reports(&[good]).1.unwrap();
    assert_eq!(receipt.durable_to.unwrap().place.seq, 63, "and then nothing is missing");
    let bad: Vec<SealedReport> = reports.iter().map(|r| with_octet(r, r.octets().len() - 9)).collect();
    let (octets, _) = batch(bad.iter().map(SealedReport::octets));
    let mut other = Way::try_to(agents(&provider), &authority(&provider), Some(&honest)).unwrap();
    for _ in 0..ROUNDS {
        let (status, _, answer) = way.post("/v1/reports", REPORTS, &octets);
        assert!(status == 200 || status == 429, "{status}");
        assert!(status == 429 || !answer.is_empty());
        let (status, receipt) = other.reports(&honest.ear.chain(1));
        assert_eq!(
            (status, receipt.unwrap().results[0].outcome),
            (200, Outcome::Stored),
            "who is honest is served meanwhile"
        );
    }
    let said = provider.command(&["sensors", "north"]);
    assert!(said.contains(&format!("{} reports", 64 + ROUNDS)), "{said}");
    serves_on(&provider, &mut honest);
    println!("{} bad signatures; {} MiB at most", ROUNDS * 64, most_memory_mib(&provider));
}

/// A request with its length.
fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A name, the octets, what may be answered; 0: nothing, the connection is closed.
type Odd = (String, Vec<u8>, &'static [u16]);

fn odd() -> Vec<Odd> {
    let mut odd: Vec<Odd> = vec![
        ("nothing in it".into(), post("/v1/reports", REPORTS, b""), &[400]),
        ("as long as may be".into(), post("/v1/reports", REPORTS, &vec![0; MAX_BATCH_OCTETS]), &[400]),
        ("one octet too long".into(), post("/v1/reports", REPORTS, &vec![0; MAX_BATCH_OCTETS + 1]), &[413]),
        ("another type".into(), post("/v1/reports", "text/plain", b"abc"), &[415]),
        ("another path".into(), post("/v1/report", REPORTS, b"abc"), &[404]),
    ];
    odd.extend(odd_headers());
    odd.extend(odd_lines());
    odd.push(("a path too long".into(), post(&format!("/{}", "a".repeat(15_000)), REPORTS, b""), &[404, 414, 431]));
    odd.push(("no request".into(), vec![0; 300], &[400, 0]));
    odd.push(("TLS in TLS".into(), vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00], &[400, 0]));
    odd
}

/// Headers behind those of a request, and a body.
fn odd_headers() -> Vec<Odd> {
    const HEAD: &str =
        "POST /v1/reports HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/vnd.auscult.reports\r\n";
    let long = format!("x: {}\r\n", "a".repeat(20_000));
    let many = "x: a\r\n".repeat(80);
    let second = "0\r\n\r\nPOST /v1/reports HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let cases: [(&str, &str, &[u8], &'static [u16]); 24] = [
        ("no length", "", b"", &[411]),
        ("length that is no number", "content-length: abc\r\n", b"abc", &[400]),
        ("length below nothing", "content-length: -1\r\n", b"abc", &[400]),
        ("length with a sign", "content-length: +3\r\n", b"abc", &[400]),
        ("length of 2^64", "content-length: 18446744073709551616\r\n", b"abc", &[400]),
        ("length of 2^64-1", "content-length: 18446744073709551615\r\n", b"abc", &[400, 413, 431]),
        ("length in hexadecimal", "content-length: 0x3\r\n", b"abc", &[400]),
        ("length too long for what comes", "content-length: 1000\r\n", b"abc", &[400, 0]),
        ("length too short for what comes", "content-length: 1\r\n", b"abc", &[400]),
        ("two lengths", "content-length: 3\r\ncontent-length: 4\r\n", b"abcd", &[400]),
        ("two lengths in one line", "content-length: 3, 4\r\n", b"abcd", &[400]),
        ("the same length twice", "content-length: 3\r\ncontent-length: 3\r\n", b"abc", &[400]),
        ("chunks", "transfer-encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n", &[411]),
        ("chunks and a length", "transfer-encoding: chunked\r\ncontent-length: 3\r\n", second.as_bytes(), &[400, 411]),
        ("a length and chunks", "content-length: 60\r\ntransfer-encoding: chunked\r\n", second.as_bytes(), &[400, 411]),
        ("chunks behind a comma", "transfer-encoding: x, chunked\r\n", b"0\r\n\r\n", &[400, 411]),
        ("chunks that are none", "transfer-encoding: chunked, x\r\n", b"0\r\n\r\n", &[400, 411]),
        ("chunks with a blank", "transfer-encoding : chunked\r\ncontent-length: 3\r\n", b"abc", &[400]),
        ("a header over two lines", "x: a\r\n b\r\ncontent-length: 3\r\n", b"abc", &[400]),
        ("a zero octet in a header", "x: \0\r\ncontent-length: 3\r\n", b"abc", &[400]),
        ("a coding", "content-encoding: gzip\r\ncontent-length: 3\r\n", b"abc", &[415]),
        ("a header too long", &long, b"", &[431]),
        ("too many headers", &many, b"", &[431]),
        ("an expectation", "expect: 100-continue\r\ncontent-length: 3\r\n", b"abc", &[100, 400]),
    ];
    cases
        .iter()
        .map(|(name, headers, body, allowed)| {
            ((*name).to_owned(), [HEAD.as_bytes(), headers.as_bytes(), b"\r\n", body].concat(), *allowed)
        })
        .collect()
}

/// First lines of a request.
fn odd_lines() -> Vec<Odd> {
    let lines: [(&str, &str, &'static [u16]); 10] = [
        ("another method", "GET /v1/reports HTTP/1.1", &[405]),
        ("a method of nobody", "AAAA /v1/reports HTTP/1.1", &[405]),
        ("a tunnel", "CONNECT localhost:1 HTTP/1.1", &[400, 404, 405]),
        ("an echo", "TRACE / HTTP/1.1", &[404, 405]),
        ("no path", "OPTIONS * HTTP/1.1", &[400, 404]),
        ("HTTP/2", "PRI * HTTP/2.0", &[400, 404, 0]),
        ("HTTP/9", "GET / HTTP/9.9", &[400, 0]),
        ("two blanks", "GET  /  HTTP/1.1", &[400]),
        ("dots", "POST /v1/reports/../../etc/passwd HTTP/1.1", &[404]),
        ("an octet that is no path", "POST /\x7f\x01 HTTP/1.1", &[400]),
    ];
    lines
        .iter()
        .map(|(name, line, allowed)| {
            let octets = format!("{line}\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
            ((*name).to_owned(), octets.into_bytes(), *allowed)
        })
        .collect()
}

/// Reports that a sensor signed: each follows the last one that was stored.
fn lies(caller: &mut Caller) -> Vec<(&'static str, SealedReport, Outcome)> {
    let zeros = |octets: usize| compress_to_vec(&vec![0; octets], 9);
    let plain = 1 << 20;
    let mut lies = Vec::new();
    // A full million zeros in a thousand octets: unpacks to what it says, and is no payload: kept as evidence.
    lies.push((
        "a bomb that says its size",
        packed(caller, Kind::Full, Codec::Deflate, &zeros(plain), 1 << 20, true),
        Outcome::Stored,
    ));
    // Window, then hosts: four thousand millions of them.
    let many = [&[0, 0][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0; 40]].concat();
    let length = u32::try_from(many.len()).unwrap();
    lies.push(("a list of 2^32-1", packed(caller, Kind::Full, Codec::Plain, &many, length, true), Outcome::Stored));
    let more = zeros(200 << 20);
    assert!(more.len() < 262_144, "{}", more.len());
    for (name, octets, says) in [
        ("a bomb of 200 MiB that says 1 MiB", &more, 1 << 20),
        ("a bomb that says less", &zeros(plain), 1_000),
        ("a bomb that says more", &zeros(1_000), 1 << 20),
        ("a bomb that says more than may be", &zeros(plain), (1 << 20) + 1),
        ("a bomb that says 2^32-1", &zeros(plain), u32::MAX),
        ("a bomb with octets behind it", &[zeros(plain), vec![0; 9]].concat(), 1 << 20),
        ("no deflate", &vec![0xff; 1_000], 1 << 20),
    ] {
        lies.push((name, packed(caller, Kind::Full, Codec::Deflate, octets, says, false), Outcome::RefusedSize));
    }
    lies.push((
        "plain of another length",
        packed(caller, Kind::Full, Codec::Plain, &[0; 9], 10, false),
        Outcome::RefusedSize,
    ));
    let key = &caller.ear.key;
    let good = SealedReport::seal(key, &caller.ear.stamp(), &event(1)).unwrap();
    for (name, header) in [("a header with octets behind it", 3usize), ("a header cut", 0)] {
        let frame = header_of(&good);
        let changed = if header == 0 { frame[..frame.len() - 1].to_vec() } else { [frame, vec![0; header]].concat() };
        lies.push((name, framed(caller, &changed, &[0; 9]), Outcome::RefusedForm));
    }
    let behind = SealedReport::from_octets([good.octets(), &[0]].concat());
    lies.push(("octets behind the signature", behind, Outcome::RefusedForm));
    lies.push(("another version", with_octet(&good, 4), Outcome::RefusedForm));
    lies.push(("another signature", with_octet(&good, good.octets().len() - 1), Outcome::RefusedSignature));
    lies
}

/// A signed report with this payload as it is; if it is to be stored, the sensor's chain goes on behind it.
fn packed(
    caller: &mut Caller,
    kind: Kind,
    codec: Codec,
    octets: &[u8],
    plain_octets: u32,
    stored: bool,
) -> SealedReport {
    let Stamp { ledger, sensor, key_no, place, prev, moment, seen, bundle_version } = caller.ear.stamp();
    let header = Header {
        ledger,
        sensor,
        key_no,
        place,
        prev,
        moment,
        kind,
        schema: 1,
        codec,
        plain_octets,
        seen,
        bundle_version,
    };
    let report = SealedReport::sign(&caller.ear.key, &header, octets).unwrap();
    if stored {
        caller.ear.hold(&report);
    }
    report
}

/// The octets of a report's header.
fn header_of(report: &SealedReport) -> Vec<u8> {
    let octets = report.octets();
    let length = usize::from(u16::from_be_bytes([octets[6], octets[7]]));
    octets[8..8 + length].to_vec()
}

/// A signed report with this header and payload, whatever they are.
fn framed(caller: &Caller, header: &[u8], payload: &[u8]) -> SealedReport {
    let lengths =
        (u16::try_from(header.len()).unwrap().to_be_bytes(), u32::try_from(payload.len()).unwrap().to_be_bytes());
    let octets = [MAGIC, &[1, 1], &lengths.0, header, &lengths.1, payload].concat();
    let signature = caller.ear.key.sign(context::REPORT, &[&octets]);
    SealedReport::from_octets([&octets[..], &signature.octets()].concat())
}

/// With one octet changed.
fn with_octet(report: &SealedReport, at: usize) -> SealedReport {
    let mut octets = report.octets().to_vec();
    octets[at] ^= 0x40;
    SealedReport::from_octets(octets)
}

/// That the kinds of payloads are still what the lies are made for.
#[test]
fn a_payload_of_zeros_is_no_payload() {
    assert_eq!(Payload::decode(Kind::Full, 1, &vec![0; 1 << 20]), None);
}

const CUTS: usize = 60;
const ROUNDS: usize = 20;
/// Most memory of a collector under siege.
const MOST_MIB: u64 = 300;
