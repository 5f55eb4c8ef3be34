//! The golden octets of report/FORMAT.md, as they are made: a chain of reports, a heartbeat, a ledger, a receipt.
//! Everything is made from fixed seeds and times, so that it is the same each time.

use crate::root;
use auscult_report::bounded::Bounded;
use auscult_report::chain::{Head, NOTHING_BEFORE, follows};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::fact::{Fact, Software, SoftwarePlace};
use auscult_report::header::{Clock, Header, Moment, Seen};
use auscult_report::heartbeat::{Health, Heartbeat, health_extra};
use auscult_report::key::{Hash, LedgerId, PublicKey, SensorId, SensorKey};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::merkle::{Growing, consistency, inclusion, leaf_hash};
use auscult_report::note::{NoteSigner, note};
use auscult_report::payload::*;
use auscult_report::product::Product;
use auscult_report::receipt::{Inclusion, ItemResult, Missing, Outcome, Proven, Receipt};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::seal::{SealedReport, Stamp, VerifiedReport};
use auscult_report::subject::{Bssid, HostId, Subject, Transport};
use auscult_report::summary::{Counters, HostEntry, Sighting, Summary};
use auscult_report::tile;
use auscult_report::time::{Timestamp, Window};
use auscult_report::trust::Trust;
use auscult_report::version::Version;
use auscult_report::zone::Zone;
use std::fs;
use std::path::PathBuf;

// ---- the chain

/// Name and octets of each report of the golden chain, as they are made today.
pub fn chain() -> Vec<(String, Vec<u8>)> {
    let mut made = Vec::new();
    let stamp = Stamp {
        ledger: ledger_id(),
        sensor: sensor(),
        key_no: 0,
        place: Place::default(),
        prev: NOTHING_BEFORE,
        moment: moment(0),
        seen: None,
        bundle_version: 1,
    };
    let start = EpochStart { reason: EpochReason::Enrolled, last: None, ext: Extras::new() };
    let first = SealedReport::seal(&key(1), &stamp, &Payload::EpochStart(start)).unwrap();
    let mut head = Head::begin(&open(first.octets().to_vec(), &key(1).public())).unwrap();
    made.push(("report-0-epoch-start".to_owned(), first.octets().to_vec()));
    for seq in 1..=8u64 {
        let payload = match seq {
            1 => Payload::Full(full()),
            // On what was written then, before facts were added to the list.
            2 => Payload::Changes(changes(&open(made[1].1.clone(), &key(1).public()))),
            3..=5 => Payload::Event(event(seq)),
            6 => Payload::Gap(gap(&head)),
            7 => Payload::KeyRotation(head.rotate(&key(2))),
            _ => Payload::Farewell(Farewell { reason: FarewellReason::Decommissioned, ext: Extras::new() }),
        };
        let signer = if seq == 8 { key(2) } else { key(1) };
        let seen = (seq > 2).then_some(Seen { size: 4, root: [0x5e; 32] });
        let report = SealedReport::seal(&signer, &head.next(moment(seq), seen, 1), &payload).unwrap();
        let name = format!("report-{seq}-{}", payload.kind().word());
        // What stands in the chain is the golden report: one that was packed otherwise would have another hash.
        let octets = if seq == 1 { golden(&name, report.octets()) } else { report.octets().to_vec() };
        head = follows(&head, &open(octets.clone(), &signer.public())).unwrap();
        if !(4..=5).contains(&seq) {
            made.push((name, octets));
        }
    }
    made
}

/// Every fact that there is, with every word that it can have.
pub fn every_fact() -> Vec<Fact> {
    let mut facts = Vec::new();
    for number in 0..=u8::MAX {
        let before = facts.len();
        let varint = if number < 128 { vec![number] } else { vec![number, 1] };
        let read = |tail: &[u8]| {
            let octets = [varint.as_slice(), tail, &[0; 24]].concat();
            postcard::take_from_bytes::<Fact>(&octets).ok().map(|(fact, rest)| (fact, octets.len() - rest.len()))
        };
        let bare = read(&[]).filter(|(_, used)| *used == varint.len());
        let words: Vec<Fact> = (0..120).map_while(|word| read(&[word]).map(|(fact, _)| fact)).collect();
        match (bare, words.len()) {
            (Some((fact, _)), _) => facts.push(fact),
            (None, 0) => facts.extend(read(&[3, b'2', b'.', b'5']).map(|(fact, _)| fact)),
            // A number, a time or a product: one of them will do.
            (None, 120) => facts.push(words[1]),
            (None, _) => facts.extend(words),
        }
        if facts.len() == before {
            break;
        }
    }
    assert!(facts.len() > 250, "only {} facts", facts.len());
    facts
}

fn full() -> Full {
    let version = |text: &str| Version::exact(text.as_bytes());
    let software = Fact::Software(Software {
        product: Product::named("OpenSSH").unwrap(),
        version: version("9.2p1"),
        revision: version("2+deb12u10"),
        place: SoftwarePlace::Greeting,
    });
    let subjects = [
        Subject::Sensor,
        Subject::Site,
        Subject::Host(HostId(u64::MAX)),
        Subject::Service(HostId(7), Transport::Tcp, 11_112),
        Subject::Wireless(Bssid([2, 0, 0, 0, 0, 0xff])),
        Subject::Service(HostId(8), Transport::Udp, 53),
    ];
    let facts = every_fact().into_iter().chain([software]).zip(0u64..);
    let sightings: Vec<Sighting> = facts
        .map(|(fact, n)| Sighting {
            subject: subjects[usize::try_from(n).unwrap() % subjects.len()],
            fact,
            zone: Zone::ALL.get(usize::try_from(n).unwrap() % 11).copied(),
            first: Timestamp(NOON + n),
            last: Timestamp(NOON + 1_000 + n),
            count: u32::try_from(n * n * n).unwrap(),
        })
        .collect();
    let summary = Summary {
        window: window(1),
        hosts: hosts().try_into().unwrap(),
        sightings: sightings.try_into().unwrap(),
        counters: counters(),
    };
    Full { summary, ext: vec![health_extra(&health()).unwrap()].try_into().unwrap() }
}

fn hosts() -> Vec<HostEntry> {
    let host = |id, zone, address: Option<&str>, maker| HostEntry {
        id: HostId(id),
        zone,
        address: address.map(|a| a.parse().unwrap()),
        maker,
    };
    vec![
        host(7, Zone::Clinical, Some("192.0.2.7"), Some([0, 0x1b, 0x21])),
        host(8, Zone::SameSegment, Some("2001:db8::8"), None),
        host(u64::MAX, Zone::Outside, None, None),
    ]
}

fn changes(report: &VerifiedReport) -> Changes {
    let Some(Payload::Full(Full { summary: base, .. })) = report.payload() else { panic!("no whole report") };
    let mut now: Vec<Sighting> = base.sightings.iter().step_by(3).copied().collect();
    let mut new = base.sightings[0];
    new.subject = Subject::Service(HostId(9), Transport::Tcp, 104);
    now.push(new);
    let now = Summary {
        window: window(2),
        hosts: vec![hosts()[0], HostEntry { id: HostId(9), zone: Zone::Clinical, address: None, maker: None }]
            .try_into()
            .unwrap(),
        sightings: now.try_into().unwrap(),
        counters: Counters { frames: 5, ..Counters::default() },
    };
    Changes::between(base, Place { epoch: 0, seq: 1 }, &now, vec![1, 200].try_into().unwrap())
}

fn event(seq: u64) -> Event {
    let sighting = Sighting {
        subject: Subject::Service(HostId(7), Transport::Tcp, 11_112),
        fact: Fact::DicomAccepted,
        zone: Some(Zone::Outside),
        first: Timestamp(NOON + seq),
        last: Timestamp(NOON + seq),
        count: 1,
    };
    Event {
        window: window(seq),
        hosts: vec![hosts()[0]].try_into().unwrap(),
        sightings: vec![sighting].try_into().unwrap(),
        ext: Extras::new(),
    }
}

fn gap(head: &Head) -> Gap {
    assert_eq!(head.place.seq, 5);
    let window = Window { from: window(4).from, to: window(5).to };
    Gap { epoch: 0, from: 4, to: 5, last: head.hash, why: GapReason::SpoolFull, window, ext: Extras::new() }
}

pub fn opaque() -> SealedReport {
    let (_, octets) = chain().swap_remove(3);
    let report = SealedReport::from_octets(octets);
    let header = Header { schema: 999, plain_octets: 3, ..*report.parse_frame().unwrap().claimed() };
    SealedReport::sign(&key(1), &header, b"new").unwrap()
}

pub fn heartbeat() -> Heartbeat {
    Heartbeat {
        ledger: ledger_id(),
        sensor: sensor(),
        key_no: 0,
        head: Some(Known { place: Place { epoch: 0, seq: 3 }, hash: [0xab; 32] }),
        moment: moment(9),
        health: health(),
        seen: Some(Seen { size: 9, root: [0x77; 32] }),
        bundle_version: 2,
        ext: Extras::new(),
    }
}

pub fn trust() -> Trust {
    Trust {
        version: 2,
        signer: key(6).public(),
        keeper: b"archive.example".to_vec().try_into().unwrap(),
        ledger_key: key(3).public(),
        authorities: vec![vec![0x30; 300].try_into().unwrap()].try_into().unwrap(),
        addresses: [&b"archive.example:8443"[..], b"192.0.2.1:8443"]
            .map(|a| a.to_vec().try_into().unwrap())
            .to_vec()
            .try_into()
            .unwrap(),
        ext: Extras::new(),
    }
}

pub fn renewal() -> Renewal {
    let request = vec![0x30; 200].try_into().unwrap();
    Renewal { ledger: ledger_id(), sensor: sensor(), key_no: 0, request, bundle_version: 1 }
}

pub fn grant() -> Grant {
    let bundle = trust().seal(&key(5)).unwrap().try_into().unwrap();
    Grant { certificate: vec![0x30; 400].try_into().unwrap(), trust: Some(bundle), ext: Extras::new() }
}

fn health() -> Health {
    Health {
        program: Version::exact(b"0.1.0"),
        program_hash: [0x11; 32],
        config_hash: [0x22; 32],
        capturing: true,
        frames: 123_456_789_012,
        frames_lost: 3,
        waiting: 2,
        memory_free_kib: 40_000,
        disk_free_kib: 900_000,
        load_thousandths: 150,
    }
}

fn counters() -> Counters {
    let octets: Vec<u8> = (0..18u8).flat_map(|n| [0x80 | n, n + 1]).collect();
    postcard::from_bytes(&octets).unwrap()
}

// ---- the ledger

pub struct Ledger {
    /// Its leaves.
    pub leaves: Vec<Leaf>,
}

impl Ledger {
    /// The reports of the chain, an enrolment before them and a day's findings behind them.
    pub fn made() -> Ledger {
        let object = |n| Leaf {
            kind: LeafKind::Enrolment,
            sensor: sensor(),
            place: Place::default(),
            received: Timestamp(NOON + n),
            object: auscult_report::leaf::statement_hash(b"enrol\n"),
        };
        let mut leaves = vec![object(0)];
        for ((_, octets), n) in chain().into_iter().zip(1..) {
            let report = open(octets.clone(), &key_of(&octets));
            let place = report.header().place;
            leaves.push(Leaf { kind: LeafKind::Report, place, object: report.hash(), ..object(n) });
        }
        leaves.push(Leaf { kind: LeafKind::Findings, sensor: SensorId([0; 16]), ..object(20) });
        assert_eq!(leaves.len(), 9);
        Ledger { leaves }
    }

    pub fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|l| leaf_hash(&l.octets())).collect()
    }

    pub fn own(&self, place: Place) -> Option<Hash> {
        self.leaves.iter().find(|l| l.kind == LeafKind::Report && l.place == place).map(|l| l.object)
    }

    pub fn checkpoint(&self, size: usize) -> Checkpoint {
        let mut tree = Growing::new();
        self.hashes()[..size].iter().for_each(|leaf| tree.push(leaf));
        Checkpoint { origin: origin(), size: tree.size(), root: tree.root() }
    }

    pub fn receipt(&self) -> Receipt {
        let checkpoint = self.checkpoint(self.leaves.len());
        let octets = self.hashes().concat();
        let read = || tile::reader(checkpoint.size, |_| Some(octets.clone()));
        let index = 5;
        let leaf = &self.leaves[5];
        let text = checkpoint.text();
        let witness = NoteSigner::new("anna.example", &[4; 32]).unwrap();
        let signed = note(&text, &[keeper().sign(&text), witness.cosign(&text, NOON / 1_000)]);
        let seen = u64::try_from(SEEN).unwrap();
        let proven = Proven {
            note: signed.into_bytes().try_into().unwrap(),
            inclusion: Some(Inclusion {
                place: leaf.place,
                received: leaf.received,
                index,
                proof: inclusion(index, checkpoint.size, read()).unwrap().try_into().unwrap(),
            }),
            consistency: consistency(seen, checkpoint.size, read()).unwrap().try_into().unwrap(),
        };
        let results = Outcome::ALL.iter().map(|o| ItemResult { report: leaf.object, outcome: *o }).collect();
        Receipt {
            results: Bounded::first_of(results).0,
            durable_to: Some(Known { place: leaf.place, hash: leaf.object }),
            missing: vec![Missing { epoch: 0, from: 4, to: 5 }].try_into().unwrap(),
            next_contact_s: 900,
            want_full: true,
            newest_schema: 1,
            proven: Some(proven),
            trust_bundle: None,
            ext: Extras::new(),
        }
    }
}

// ---- golden files

/// The octets of a golden file; written from `made` only if it is missing and BLESS is set.
pub fn golden(name: &str, made: &[u8]) -> Vec<u8> {
    let path = path(name, "bin");
    if std::env::var_os("BLESS").is_some() && !path.exists() {
        fs::write(&path, made).unwrap();
    }
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn says(name: &str, text: &str) {
    let path = path(name, "txt");
    if std::env::var_os("BLESS").is_some() && !path.exists() {
        fs::write(&path, format!("{text}\n")).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), text, "{name}");
}

fn path(name: &str, ending: &str) -> PathBuf {
    root().join(format!("tests/captures/{name}.{ending}"))
}

pub fn open(octets: Vec<u8>, key: &PublicKey) -> VerifiedReport {
    SealedReport::from_octets(octets).parse_frame().unwrap().verify(key).unwrap()
}

pub fn key_of(octets: &[u8]) -> PublicKey {
    let report = SealedReport::from_octets(octets.to_vec());
    let number = report.parse_frame().unwrap().claimed().key_no;
    key(u8::try_from(number).unwrap() + 1).public()
}

pub fn key(seed: u8) -> SensorKey {
    SensorKey::from_seed(&[seed; 32])
}

pub fn keeper() -> NoteSigner {
    NoteSigner::new(&origin(), &[3; 32]).unwrap()
}

pub fn origin() -> String {
    format!("collector.example/ledger/{}/1", ledger_id())
}

pub fn sensor() -> SensorId {
    SensorId::of(&key(1).public())
}

fn ledger_id() -> LedgerId {
    LedgerId(*b"a clinic's ledge")
}

fn moment(n: u64) -> Moment {
    Moment { boot: *b"thisboot", mono_ms: 1_000 * n, wall: Timestamp(NOON + 900_000 * n), clock: Clock::Ntp }
}

fn window(n: u64) -> Window {
    Window { from: Timestamp(NOON + 900_000 * (n - 1)), to: Timestamp(NOON + 900_000 * n) }
}

/// 2026-11-21T12:00:00Z.
const NOON: u64 = 1_795_262_400_000;
/// Leaves that the sensor of the golden receipt has seen.
pub const SEEN: usize = 4;
