//! Names planted in every field of every protocol, over the whole path: the agent's program hears them, seals, delivers over TLS; the
//! collector's program judges, writes its ledger, shows. Then every file of both, and everything that both said, is searched.
//!
//! Counts as failure: a piece of a planted name or number anywhere, in any form of `search.rs`. Does not: the capture itself, which
//! lies outside of both folders.

use auscult_report::code::Code;
use auscult_report::enrol::{Hello, Hints, Offer, check_offer, finish};
use auscult_report::header::{Clock, Frame};
use auscult_report::key::PublicKey;
use auscult_report::seal::{Content, SealedReport};
use auscult_tests::archive::Folder;
use auscult_tests::desk::{Provider, Technician};
use auscult_tests::plant::{Field, NAME, NUMBER, fields, has_plant, plant};
use auscult_tests::raw::{agents, ask_ops, authority, listener};
use auscult_tests::recorded;
use auscult_tests::search::Search;
use auscult_tests::station::{ALIVE, Caller, ENROL, REPORTS};
use auscult_tests::way::Way;
use base64ct::{Base64, Encoding};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use rcgen::{CertificateParams, DnType};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

#[test]
fn a_name_in_any_field_is_in_no_file_and_no_word_of_agent_and_collector() {
    let provider = Provider::serving();
    let captures = Folder::new();
    let mut technician = Technician::at(&provider, "none.pcap", "192.168.20.0/24");
    technician.approved(&provider, "north");
    let mut planted = 0;
    for link in [ETHERNET, IEEE802_11, RADIOTAP] {
        let (octets, count) = merged(link);
        assert!(count > 10, "only {count} fields of link type {link}");
        planted += count;
        let path = captures.0.join(format!("{link}.pcap"));
        fs::write(&path, octets).unwrap();
        set_up(&technician, &path);
        technician.run().wait();
    }
    let said = [
        provider.command(&["ledger", "checkpoint", "north"]),
        provider.command(&["ledger", "key", "north"]),
        provider.command(&["findings", "north", "--all"]),
        provider.command(&["sensors", "north"]),
        provider.command(&["rebuild", "north"]),
        technician.status(),
        ask_ops(&provider, "/metrics"),
    ];
    let findings = said[2].lines().filter(|l| l.contains("% ")).count();
    assert!(findings > 20, "only {findings} findings: was it heard? {}", said[2]);
    let mut search = Search::new();
    said.iter().for_each(|text| search.clean("what was said", text.as_bytes()));
    people(&provider, &mut search);
    let (reports, octets) = envelopes(provider.folder(), &mut search);
    let agent = technician.state().parent().unwrap().to_path_buf();
    let files = files(&[provider.folder(), &agent]);
    files.iter().for_each(|file| search.clean(&file.display().to_string(), &still(file)));
    assert!(technician.log().windows(5).any(|w| w == b"DEBUG"), "the agent said all that it can say");
    println!(
        "{planted} fields planted; {reports} reports of {octets} octets unpacked, {findings} findings; {} octets of {} files and \
         answers searched for {} forms",
        search.octets,
        search.things,
        search.forms()
    );
    assert!(planted > 3_000 && reports > 30 && files.len() > 40, "{planted} {reports} {}", files.len());
}

#[test]
fn what_is_refused_or_cannot_be_read_leaves_no_octet_of_it_behind() {
    let provider = Provider::serving();
    let captures = Folder::new();
    let mut technician = Technician::at(&provider, "none.pcap", "192.168.20.0/24");
    let typed = technician.enrol(std::str::from_utf8(&[NAME, NAME, NAME].concat()[..35]).unwrap()).unwrap_err();
    technician.approved(&provider, "north");
    let mut search = Search::new();
    search.clean("a code that is none", typed.as_bytes());
    // No capture at all; one that ends within a frame; frames whose lengths lie.
    let whole = fs::read(recorded().into_iter().find(|c| c.name == "pacs-open-lan").unwrap().path).unwrap();
    let every = plant(&whole, &fields(&whole));
    let lying = every.iter().enumerate().map(|(n, o)| if n > 24 && n % 97 == 0 { !o } else { *o }).collect();
    for (n, octets) in [[NAME, NUMBER].concat(), every[..every.len() - 7].to_vec(), lying].iter().enumerate() {
        let path = captures.0.join("odd.pcap");
        fs::write(&path, octets).unwrap();
        set_up(&technician, &path);
        technician.run().wait();
        let log = String::from_utf8(technician.log()).unwrap();
        assert_eq!(log.matches("could not be read to its end").count(), n + 1, "{log}");
    }
    let caller = named(&provider);
    let refused = strange(&provider, &caller);
    let answers = refused.len();
    refused.iter().for_each(|answer| search.clean("an answer", answer));
    for command in [["findings", "north"], ["sensors", "north"], ["rebuild", "north"]] {
        search.clean(command[0], provider.command(&command).as_bytes());
    }
    envelopes(provider.folder(), &mut search);
    let agent = technician.state().parent().unwrap().to_path_buf();
    for file in files(&[provider.folder(), &agent]) {
        search.clean(&file.display().to_string(), &still(&file));
    }
    for log in [provider.log(), technician.log()] {
        let log = String::from_utf8(log).unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }
    println!("{answers} refusals; {} octets of {} files and answers searched", search.octets, search.things);
}

/// The octets of a file; none if it is gone: the collector still serves, and a wider partial tile replaces another.
fn still(file: &Path) -> Vec<u8> {
    match fs::read(file) {
        Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.unwrap(),
    }
}

/// The search itself must find what it looks for, wherever it lies and however it was written.
#[test]
fn the_search_finds_every_form() {
    let name: Vec<u8> = NAME.iter().cycle().skip(4).take(12).copied().collect();
    let text = String::from_utf8(name.clone()).unwrap();
    let number: u64 = 5_550_142_739;
    let forms: Vec<Vec<u8>> = vec![
        name.clone(),
        text.to_uppercase().into_bytes(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        name.iter().map(|o| format!("{o:02X}")).collect::<String>().into_bytes(),
        name.iter().rev().copied().collect(),
        NUMBER.to_vec(),
        number.to_le_bytes().to_vec(),
        number.to_be_bytes().to_vec(),
        postcard::to_allocvec(&number).unwrap(),
        Base64::encode_string(&[b"a", &name[..]].concat()).into_bytes(),
        Base64::encode_string(&[b"ab", &name[..]].concat()).into_bytes(),
        Base64::encode_string(&[&name[..], b"abcd"].concat()).into_bytes(),
    ];
    let mut search = Search::new();
    for form in forms {
        let octets = [&[0xa5; 100][..], &form, &[0xa5; 100]].concat();
        assert!(search.find(&octets).is_some(), "{form:x?}");
    }
    assert_eq!(search.find(&[0xa5; 4_096]), None);
}

/// A sensor whose request for a certificate is full of names; it is let in all the same, for only its key is used.
fn named(provider: &Provider) -> Caller {
    let mut caller = Caller::new(7);
    let name = std::str::from_utf8(NAME).unwrap();
    let mut parameters = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let request = parameters.serialize_request(&caller.tls).unwrap().der().to_vec();
    let code = Code::parse(&provider.code("north")).unwrap();
    let hints = Hints { agent: None, serial: None, clock: Clock::Ntp };
    let request = request.try_into().unwrap();
    let hello = Hello { code: code.id(), sign_key: caller.ear.key.public(), request, nonce: [5; 32], hints };
    let hello = postcard::to_allocvec(&hello).unwrap();
    let mut way = Way::try_to(agents(provider), &authority(provider), None).unwrap();
    let offer: Offer = postcard::from_bytes(&way.post("/v1/enrol/hello", ENROL, &hello).2).unwrap();
    let transcript = check_offer(&code.key(), &hello, &offer, &way.peer_key).unwrap();
    let last = postcard::to_allocvec(&finish(code.id(), &code.key(), &caller.ear.key, &transcript)).unwrap();
    assert_eq!(way.post("/v1/enrol/finish", ENROL, &last).0, 202);
    provider.approve_all("north");
    caller.ear.ledger = auscult_report::enrol::Pinned::decode(&offer.trust).unwrap().ledger;
    assert_eq!(caller.renew(&mut way).0, 200);
    caller
}

/// Names in everything that is refused: what is answered.
fn strange(provider: &Provider, caller: &Caller) -> Vec<Vec<u8>> {
    let name = std::str::from_utf8(NAME).unwrap();
    let mut way = Way::try_to(agents(provider), &authority(provider), Some(caller)).unwrap();
    let report = |octets: &[u8]| [&u32::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat();
    let mut ear = auscult_tests::archive::Ear::stranger(caller.ear.ledger, 7);
    let mut forged = ear.chain(1)[0].octets().to_vec();
    let end = forged.len();
    forged[end - NAME.len()..].copy_from_slice(NAME);
    let mut answers = Vec::new();
    for (path, kind, body) in [
        ("/v1/reports".to_owned(), REPORTS.to_owned(), NAME.repeat(100)),
        ("/v1/reports".to_owned(), REPORTS.to_owned(), report(&NAME.repeat(100))),
        ("/v1/reports".to_owned(), REPORTS.to_owned(), report(&[b"AUSR\x01\x01", NAME].concat())),
        ("/v1/reports".to_owned(), REPORTS.to_owned(), report(&forged)),
        ("/v1/reports".to_owned(), format!("text/{name}"), NAME.to_vec()),
        (format!("/v1/reports?patient={name}"), REPORTS.to_owned(), NAME.to_vec()),
        ("/v1/sensor/alive".to_owned(), ALIVE.to_owned(), NAME.repeat(9)),
        ("/v1/enrol/hello".to_owned(), ENROL.to_owned(), NAME.repeat(9)),
        ("/v1/enrol/finish".to_owned(), ENROL.to_owned(), NAME.repeat(9)),
        (format!("/{name}"), ENROL.to_owned(), NUMBER.to_vec()),
    ] {
        let request = Request::post(path).header("host", name).header("content-type", kind).header("cookie", name);
        let request = request.header("user-agent", name).header("auscult-seen", name);
        let (status, headers, octets) = way.ask(request.body(Full::new(Bytes::from(body))).unwrap()).unwrap();
        assert!(status < 500, "{status}");
        answers.push([format!("{headers:?}").into_bytes(), octets].concat());
    }
    let mut people = Way::try_to(listener(provider, "people"), &authority(provider), None).unwrap();
    for path in [format!("/v1/ledgers/{name}/checkpoint"), format!("/v1/ledgers/{}/{name}", "0".repeat(32))] {
        let request = Request::get(path).header("host", name).header("authorization", format!("Bearer {name}"));
        let (status, headers, octets) = people.ask(request.body(Full::new(Bytes::new())).unwrap()).unwrap();
        assert_eq!(status, 404);
        answers.push([format!("{headers:?}").into_bytes(), octets].concat());
    }
    answers.push(ask_ops(provider, &format!("/{name}")).into_bytes());
    // Not even TLS, and no HTTP.
    for to in [agents(provider), listener(provider, "people"), listener(provider, "ops")] {
        let mut stream = TcpStream::connect(to).unwrap();
        let _ = stream.write_all(&NAME.repeat(50)).and_then(|()| stream.write_all(b"\r\n\r\n"));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answers.push(answer);
    }
    answers
}

/// What people and reviewers are shown.
fn people(provider: &Provider, search: &mut Search) {
    let token = provider.command(&["token", "north", "--whose", "test"]);
    let (token, path) =
        (token.lines().next().unwrap(), token.split_whitespace().find(|w| w.starts_with("/v1/ledgers/")));
    let ledger = path.unwrap().trim_end_matches("/checkpoint").to_owned();
    let mut way = Way::try_to(listener(provider, "people"), &authority(provider), None).unwrap();
    for path in ["/".to_owned(), format!("{ledger}/checkpoint"), format!("{ledger}/tile/entries/000")] {
        let request =
            Request::get(&path).header("host", "localhost").header("authorization", format!("Bearer {token}"));
        let (_, headers, octets) = way.ask(request.body(Full::new(Bytes::new())).unwrap()).unwrap();
        assert!(!octets.is_empty(), "{path}");
        search.clean(&path, &[format!("{headers:?}").into_bytes(), octets].concat());
    }
}

/// Every envelope in the archive, unpacked: how many, and of how many octets. Here four letters count.
fn envelopes(folder: &Path, search: &mut Search) -> (u64, u64) {
    let data = rusqlite::Connection::open(folder.join("archive.db")).unwrap();
    let sql = "SELECT r.envelope, k.public FROM report r JOIN sensor_key k USING (clinic_id, sensor_id)";
    let mut rows = data.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?))).unwrap();
    let (mut count, mut octets) = (0, 0);
    for row in rows {
        let (envelope, key) = row.unwrap();
        let report = SealedReport::from_octets(envelope);
        let frame: Frame<'_> = report.parse_frame().unwrap();
        let verified = frame.verify(&PublicKey(key)).unwrap();
        let Content::Known(payload) = verified.content() else { panic!("opaque") };
        let plain = payload.encode().unwrap();
        search.clean("a payload", &plain);
        assert!(!has_plant(&plain), "a payload: {payload:?}");
        search.clean("a payload as it is printed", format!("{payload:?}").as_bytes());
        count += 1;
        octets += plain.len() as u64;
    }
    (count, octets)
}

/// All our captures of a link type behind each other, four times, each time every fourth field planted: so that what stands around it
/// still parses. And how many fields there are.
fn merged(link: u32) -> (Vec<u8>, usize) {
    const TURNS: usize = 4;
    let mut all = [&0xa1b2_c3d4u32.to_le_bytes()[..], &[2, 0, 4, 0], &[0; 8], &65_535u32.to_le_bytes()].concat();
    all.extend(link.to_le_bytes());
    let (mut second, mut planted) = (1_794_000_000u32, 0);
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        if octets[..4] != 0xa1b2_c3d4u32.to_le_bytes() || octets[20..24] != link.to_le_bytes() {
            continue;
        }
        let fields = fields(&octets);
        planted += fields.len();
        for turn in 0..TURNS {
            let some: Vec<Field> = fields.iter().skip(turn).step_by(TURNS).cloned().collect();
            second = append(&mut all, &octets, &plant(&octets, &some), second) + 600;
        }
    }
    (all, planted)
}

/// Appends the frames of a capture, the first at this second; gives the last one's. Lengths are those of before planting.
fn append(all: &mut Vec<u8>, good: &[u8], planted: &[u8], from: u32) -> u32 {
    let number = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap());
    let (mut at, first, mut last) = (24, number(24), from);
    while at + 16 <= good.len() {
        let length = usize::try_from(number(at + 8)).unwrap();
        last = from + number(at).saturating_sub(first);
        all.extend(last.to_le_bytes());
        all.extend(&good[at + 4..at + 16]);
        all.extend(&planted[at + 16..(at + 16 + length).min(good.len())]);
        at += 16 + length;
    }
    last
}

/// What it hears next, knowing what every capture's clinic has; it says all that it can.
fn set_up(technician: &Technician, capture: &Path) {
    technician.replay(capture.to_str().unwrap());
    let path = technician.state().parent().unwrap().join("agent.toml");
    let quoted = |words: Vec<String>| words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
    let all = recorded();
    let mut home: Vec<String> = all.iter().flat_map(|c| c.words("inside")).filter(|n| n != "192.168.20.0/24").collect();
    home.sort();
    home.dedup();
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("home = [\"192.168.20.0/24\"]", &format!("home = [\"192.168.20.0/24\", {}]", quoted(home)));
    fs::write(path, format!("{text}[log]\nlevel = \"debug\"\n")).unwrap();
}

/// Every file below these folders.
fn files(folders: &[&Path]) -> Vec<PathBuf> {
    let mut left: Vec<PathBuf> = folders.iter().map(|f| f.to_path_buf()).collect();
    let mut found = Vec::new();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found
}

const ETHERNET: u32 = 1;
const IEEE802_11: u32 = 105;
const RADIOTAP: u32 = 127;
