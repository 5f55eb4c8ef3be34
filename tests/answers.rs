//! What a collector knows and answers, as far as a sensor sees it: enrolment, certificates, receipts with a ledger's proofs.
//! What it answers can be told before: it lies, forgets and refuses on wish.

use crate::opposite::Authority;
use auscult_report::batch::reports;
use auscult_report::bounded::Bounded;
use auscult_report::chain::{Head, follows};
use auscult_report::checkpoint::Checkpoint;
use auscult_report::code::{Code, CodeId};
use auscult_report::enrol::{Finish, Hello, Offer, Pinned, Proof, Side, Transcript, check_finish};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::key::{Hash, LedgerId, PublicKey, SensorId, SensorKey, hash};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::merkle::{Node, consistency, inclusion, leaf_hash, node_hash, root};
use auscult_report::note::NoteSigner;
use auscult_report::payload::{Extras, Kind, Place};
use auscult_report::receipt::{Inclusion, ItemResult, Missing, Outcome, Proven, Receipt};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::time::Timestamp;
use auscult_report::trust::Trust;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What the collector knows, and what it is told to do.
pub struct Book {
    pub code: Code,
    pub ledger: LedgerId,
    pub generation: u32,
    /// Requests for a certificate that are answered with `pending` first.
    pub pending: u32,
    /// The word of every 403, if the sensor is shut out.
    pub shut_out: Option<&'static str>,
    /// Years of the next certificate; later ones are good.
    pub years: (i32, i32),
    pub bundle_version: u32,
    /// Answers that are given instead of the collector's own, each to the next request for its path.
    pub instead: VecDeque<(&'static str, Vec<u8>)>,
    /// Outcomes that are given instead of `stored`, by place.
    pub outcomes: BTreeMap<Place, Outcome>,
    /// The program that is killed right behind the next answer to reports.
    pub kills: Option<u32>,
    /// How long each answer takes.
    pub delay: Duration,
    pub want_full: bool,
    /// Requests, in the order in which they came.
    pub asked: Vec<Asked>,
    pub sensor: Option<SensorId>,
    pub keys: Vec<PublicKey>,
    pub stored: BTreeMap<Place, Vec<u8>>,
    /// Reports that came when they were there already.
    pub repeated: usize,
    pub head: Option<Head>,
    pub leaves: Vec<Hash>,
    places: Vec<Place>,
    hello: Option<(Vec<u8>, Offer)>,
    /// The hash of the certificate's key that offers speak of.
    pub tls_key: Hash,
    pub authority: Authority,
    pub addresses: Vec<String>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub body: Vec<u8>,
    /// `Auscult-Seen`.
    pub seen: Option<u64>,
    /// Whether a certificate of this collector's CA came with it.
    pub has_certificate: bool,
}

/// An answer; with the code 0 its body is the whole of it.
pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Book {
    /// An empty book.
    pub fn new(authority: Authority) -> Book {
        Book {
            code: Code::new(CodeId([1, 2, 3, 4, 5]), [7; 15]),
            ledger: LedgerId([0xab; 16]),
            generation: 1,
            pending: 0,
            shut_out: None,
            years: (2020, 2099),
            bundle_version: 1,
            instead: VecDeque::new(),
            outcomes: BTreeMap::new(),
            kills: None,
            delay: Duration::ZERO,
            want_full: false,
            asked: Vec::new(),
            sensor: None,
            keys: Vec::new(),
            stored: BTreeMap::new(),
            repeated: 0,
            head: None,
            leaves: Vec::new(),
            places: Vec::new(),
            hello: None,
            tls_key: [0; 32],
            authority,
            addresses: Vec::new(),
        }
    }

    /// Paths of the requests so far.
    pub fn paths(&self) -> Vec<&str> {
        self.asked.iter().map(|asked| asked.path.as_str()).collect()
    }

    /// Bodies of the requests for a path.
    pub fn bodies(&self, path: &str) -> Vec<&[u8]> {
        self.asked.iter().filter(|asked| asked.path == path).map(|asked| asked.body.as_slice()).collect()
    }

    /// Every report that is stored, believed again.
    pub fn verified(&self) -> Vec<VerifiedReport> {
        self.stored.values().map(|octets| self.open(octets).expect("it was checked when it came")).collect()
    }

    fn open(&self, octets: &[u8]) -> Option<VerifiedReport> {
        let sealed = SealedReport::from_octets(octets.to_vec());
        let frame = sealed.parse_frame().ok()?;
        let key = self.keys.get(usize::from(frame.claimed().key_no))?;
        frame.verify(key).ok().filter(|r| Some(r.header().sensor) == self.sensor)
    }

    /// Loses every report behind a place, as a restored backup does.
    pub fn forget_behind(&mut self, place: Place) {
        self.stored.retain(|p, _| *p <= place);
        self.head = None;
        self.walk();
    }

    /// Writes the ledger anew, so that it contradicts what it showed before.
    pub fn rewrite_ledger(&mut self) {
        for leaf in &mut self.leaves {
            leaf[0] ^= 1;
        }
        self.places.clear();
    }

    /// The answer to a request.
    pub fn answer(&mut self, asked: &Asked) -> Answer {
        if let Some(at) = self.instead.iter().position(|(path, _)| asked.path == *path) {
            let (_, whole) = self.instead.remove(at).unwrap();
            return Answer { code: 0, head: String::new(), body: whole };
        }
        if let Some(word) = self.shut_out {
            return refusal(word);
        }
        match asked.path.as_str() {
            "/v1/enrol/hello" => self.hello(&asked.body),
            "/v1/enrol/finish" => self.finish(&asked.body),
            "/v1/sensor/renew" => self.renew(&asked.body),
            "/v1/sensor/alive" | "/v1/reports" if !asked.has_certificate => status(401),
            "/v1/sensor/alive" => self.alive(&asked.body),
            "/v1/reports" => self.reports(&asked.body, asked.seen),
            _ => status(404),
        }
    }

    fn hello(&mut self, body: &[u8]) -> Answer {
        let Ok(hello) = postcard::from_bytes::<Hello>(body) else { return status(400) };
        let signer = SensorKey::from_seed(&[5; 32]);
        let bundle = self.trust().seal(&signer).unwrap().try_into().unwrap();
        let trust = Pinned { ledger: self.ledger, bundle }.encode().unwrap();
        let transcript = Transcript::of(body, &[8; 32], &trust, &self.tls_key);
        let knows = hello.code == self.code.id();
        let proof = if knows { self.code.key().prove(Side::Collector, &transcript) } else { Proof([1; 32]) };
        let offer = Offer { nonce: [8; 32], trust, tls_key: self.tls_key, proof };
        self.hello = Some((body.to_vec(), offer.clone()));
        ours(200, "enrol", postcard::to_allocvec(&offer).unwrap())
    }

    fn finish(&mut self, body: &[u8]) -> Answer {
        let Some((said, offer)) = self.hello.take() else { return status(409) };
        let hello: Hello = postcard::from_bytes(&said).unwrap();
        let transcript = Transcript::of(&said, &offer.nonce, &offer.trust, &offer.tls_key);
        let finish: Finish = postcard::from_bytes(body).unwrap();
        if check_finish(&self.code.key(), &hello.sign_key, &transcript, &finish).is_err() {
            return refusal("refused");
        }
        (self.sensor, self.keys) = (Some(SensorId::of(&hello.sign_key)), vec![hello.sign_key]);
        Answer { code: 202, head: "Retry-After: 1\r\n".to_owned(), body: Vec::new() }
    }

    fn trust(&self) -> Trust {
        let octets = |text: &str| text.as_bytes().to_vec();
        let addresses = self.addresses.iter().map(|a| octets(a).try_into().unwrap()).collect::<Vec<_>>();
        Trust {
            version: self.bundle_version,
            signer: SensorKey::from_seed(&[5; 32]).public(),
            keeper: octets("archive.example").try_into().unwrap(),
            ledger_key: SensorKey::from_seed(&[6; 32]).public(),
            authorities: vec![self.authority.certificate.clone().try_into().unwrap()].try_into().unwrap(),
            addresses: addresses.try_into().unwrap(),
            ext: Extras::new(),
        }
    }

    fn sealed_trust(&self, has: u32) -> Option<Vec<u8>> {
        (has < self.bundle_version).then(|| self.trust().seal(&SensorKey::from_seed(&[5; 32])).unwrap())
    }

    fn renew(&mut self, body: &[u8]) -> Answer {
        let Ok(asked) = Renewal::read(body) else { return status(400) };
        let key = self.keys.get(usize::from(asked.claimed().key_no)).copied();
        let Some(renewal) = key.and_then(|key| asked.verify(&key).ok()) else { return status(403) };
        if self.pending > 0 {
            self.pending -= 1;
            return refusal("pending");
        }
        let years = core::mem::replace(&mut self.years, (2020, 2099));
        let certificate = self.authority.sensor(&renewal.request, years).try_into().unwrap();
        let trust = self.sealed_trust(renewal.bundle_version).map(|t| t.try_into().unwrap());
        ours(200, "renew", Grant { certificate, trust, ext: Extras::new() }.encode().unwrap())
    }

    fn alive(&mut self, body: &[u8]) -> Answer {
        let claimed = Heartbeat::claimed(body).unwrap();
        let key = self.keys.get(usize::from(claimed.key_no)).copied();
        let Some(beat) = key.and_then(|key| Heartbeat::open(body, &key).ok()) else { return status(403) };
        self.receipt(Vec::new(), beat.seen.map(|s| s.size), beat.bundle_version)
    }

    fn reports(&mut self, body: &[u8], said: Option<u64>) -> Answer {
        let Ok(batch) = reports(body) else { return status(400) };
        let (mut results, mut seen, mut bundle) = (Vec::new(), None, 0);
        for octets in batch {
            self.walk();
            let report = hash(b"", &[octets]);
            let Some(verified) = self.open(octets) else {
                results.push(ItemResult { report, outcome: Outcome::RefusedSignature });
                continue;
            };
            let place = verified.header().place;
            (seen, bundle) = (verified.header().seen.map(|s| s.size), verified.header().bundle_version);
            let outcome = match self.outcomes.get(&place) {
                Some(outcome) => *outcome,
                None => match self.stored.get(&place) {
                    Some(there) if there == octets => {
                        self.repeated += 1;
                        Outcome::Stored
                    }
                    Some(_) => Outcome::Conflict,
                    None => {
                        self.keep(place, &verified, octets);
                        Outcome::Stored
                    }
                },
            };
            results.push(ItemResult { report, outcome });
        }
        self.walk();
        self.receipt(results, said.or(seen), bundle)
    }

    fn keep(&mut self, place: Place, report: &VerifiedReport, octets: &[u8]) {
        self.stored.insert(place, octets.to_vec());
        let (sensor, received) = (report.header().sensor, Timestamp(place.seq));
        let leaf = Leaf { kind: LeafKind::Report, sensor, place, received, object: report.hash() };
        self.leaves.push(leaf_hash(&leaf.octets()));
        self.places.push(place);
    }

    /// Moves the head as far as the chain is whole.
    fn walk(&mut self) {
        loop {
            let due = match self.head {
                None => Some(Place::default()),
                Some(head) => {
                    let behind = Place { seq: head.place.seq + 1, ..head.place };
                    let begins = |p: &&Place| p.epoch > head.place.epoch && p.seq == 0;
                    if self.stored.contains_key(&behind) {
                        Some(behind)
                    } else {
                        self.stored.keys().find(begins).copied()
                    }
                }
            };
            let across = || {
                let head = self.head?;
                let gaps = self.stored.values().filter_map(|octets| self.open(octets));
                gaps.filter(|r| r.header().kind == Kind::Gap).find_map(|gap| head.across(&gap).ok())
            };
            let next = due.and_then(|place| self.open(self.stored.get(&place)?)).and_then(|report| match &self.head {
                None => Head::begin(&report).ok(),
                Some(head) => follows(head, &report).ok(),
            });
            let Some(head) = next.or_else(across) else { return };
            if usize::from(head.key_no) == self.keys.len() {
                self.keys.push(head.key);
            }
            self.head = Some(head);
        }
    }

    fn receipt(&mut self, results: Vec<ItemResult>, seen: Option<u64>, bundle: u32) -> Answer {
        let receipt = Receipt {
            results: results.try_into().unwrap(),
            durable_to: self.head.map(|head| head.known()),
            missing: Bounded::first_of(self.missing()).0,
            next_contact_s: 10,
            want_full: core::mem::take(&mut self.want_full),
            newest_schema: 1,
            proven: self.proven(seen),
            trust_bundle: self.sealed_trust(bundle).map(|t| t.try_into().unwrap()),
            ext: Extras::new(),
        };
        ours(200, "receipt", receipt.encode().unwrap())
    }

    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        let head = self.head.map(|head| head.place);
        let mut due = head.map_or(Place::default(), |p| Place { seq: p.seq + 1, ..p });
        for place in self.stored.keys().filter(|p| Some(**p) > head) {
            if place.epoch != due.epoch {
                due = Place { epoch: place.epoch, seq: 0 };
            }
            if place.seq > due.seq {
                missing.push(Missing { epoch: place.epoch, from: due.seq, to: place.seq - 1 });
            }
            due.seq = place.seq + 1;
        }
        missing
    }

    fn proven(&self, seen: Option<u64>) -> Option<Proven> {
        let size = u64::try_from(self.leaves.len()).unwrap();
        if size == 0 {
            return None;
        }
        let read = |node: Node| subtree(&self.leaves, node);
        let origin = format!("archive.example/ledger/{}/{}", self.ledger, self.generation);
        let signer = NoteSigner::new(&origin, &[6; 32]).unwrap();
        let note = Checkpoint { origin, size, root: root(size, read).unwrap() }.sign(&signer).into_bytes();
        let old = seen.unwrap_or(0);
        let grown = if old > size { Vec::new() } else { consistency(old, size, read).unwrap() };
        let newest = self.places.last().filter(|_| self.places.len() == self.leaves.len());
        let included = newest.map(|place| Inclusion {
            place: *place,
            received: Timestamp(place.seq),
            index: size - 1,
            proof: inclusion(size - 1, size, read).unwrap().try_into().unwrap(),
        });
        Some(Proven { note: note.try_into().unwrap(), inclusion: included, consistency: grown.try_into().unwrap() })
    }
}

fn subtree(leaves: &[Hash], node: Node) -> Option<Hash> {
    if node.level == 0 {
        return leaves.get(usize::try_from(node.index).ok()?).copied();
    }
    let below = |index| subtree(leaves, Node { level: node.level - 1, index });
    Some(node_hash(&below(node.index * 2)?, &below(node.index * 2 + 1)?))
}

fn status(code: u16) -> Answer {
    Answer { code, head: String::new(), body: Vec::new() }
}

fn refusal(word: &str) -> Answer {
    Answer { code: 403, head: "Retry-After: 1\r\n".to_owned(), body: format!("{word}\n").into_bytes() }
}

fn ours(code: u16, form: &str, body: Vec<u8>) -> Answer {
    Answer { code, head: format!("Content-Type: application/vnd.auscult.{form}\r\n"), body }
}
