//! Sensors that go on delivering whatever becomes of their collector: each has its certificate and its chain, sends a batch until
//! every report of it is named by a receipt, and checks each receipt as a sensor does.

use crate::desk::Provider;
use crate::station::{Caller, REPORTS};
use crate::way::Way;
use auscult_collector::authority::Authority;
use auscult_collector::run::now;
use auscult_collector::store::{ClinicStore, SensorState, Store};
use auscult_report::batch::batch;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::header::Seen;
use auscult_report::key::Hash;
use auscult_report::note::NoteKey;
use auscult_report::payload::Place;
use auscult_report::receipt::{Outcome, Receipt, Watch};
use auscult_report::seal::SealedReport;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What everybody needs to know of a collector's clinic.
pub struct Known {
    /// Where it listens.
    pub at: SocketAddr,
    /// Its CA.
    pub authority: Authority,
    /// The first line of its checkpoints.
    pub origin: String,
    /// The key that signs them.
    pub keeper: NoteKey,
    folder: PathBuf,
}

/// What receipts told all sensors together.
#[derive(Debug, Default)]
pub struct Told {
    /// The reports that were named as stored.
    pub acknowledged: BTreeSet<Hash>,
    /// Roots by size of every checkpoint that was shown, on whatever way.
    pub checkpoints: BTreeMap<u64, Hash>,
    /// Receipts, and how many of them proved a report of the sensor.
    pub receipts: (usize, usize),
    /// Connections that broke or did not come about.
    pub broken: usize,
    /// Answers that were none of ours: they acknowledge nothing.
    pub refused: BTreeMap<u16, usize>,
    /// Answers of those that say after how long to come again.
    pub retry_after: usize,
}

impl Told {
    /// A checkpoint was shown.
    ///
    /// # Panics
    /// If there was another one of its size.
    pub fn shown(&mut self, checkpoint: &Checkpoint) {
        let before = self.checkpoints.insert(checkpoint.size, checkpoint.root);
        assert!(before.is_none_or(|root| root == checkpoint.root), "two roots of {} leaves", checkpoint.size);
    }
}

impl Known {
    /// Of a clinic.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn of(provider: &Provider, clinic: &str) -> Known {
        let folder = provider.folder();
        let authority = Authority::open(&folder.join("authority"), "archive.example", now().unwrap()).unwrap();
        let keeper = NoteKey::parse(provider.command(&["ledger", "key", clinic]).trim()).unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, provider.port()));
        Known { at, authority, origin: keeper.name().to_owned(), keeper, folder: folder.to_path_buf() }
    }

    /// A sensor that the clinic let in, with its certificate.
    ///
    /// # Panics
    /// If it cannot be let in.
    #[must_use]
    pub fn let_in(&self, clinic: &str, seed: u8) -> Sensor {
        let clinic = archive(&self.folder, clinic);
        let mut caller = Caller::new(seed);
        caller.ear.ledger = clinic.clinic().unwrap().ledger;
        let moment = now().unwrap();
        clinic.put_sensor("main", &caller.ear.key.public(), SensorState::Active, "test", moment).unwrap();
        let own = (caller.ear.ledger, caller.id());
        caller.certificate = Some(self.authority.sensor(&caller.request(), own, moment).unwrap().to_vec());
        Sensor { caller, seen: None, made: BTreeMap::new() }
    }

    /// What lies where the published checkpoint is, and where the newest is that was signed.
    #[must_use]
    pub fn marks(&self) -> [Vec<u8>; 2] {
        let mut words = self.origin.rsplit('/');
        let (generation, ledger) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let published = self.folder.join("ledger").join(ledger).join(generation).join("checkpoint");
        [published, self.folder.join("highwater").join(ledger)].map(|path| fs::read(path).unwrap_or_default())
    }

    /// The checkpoints that lie in the folders: the one that is published, and the newest that was signed.
    #[must_use]
    pub fn on_disk(&self) -> Vec<Checkpoint> {
        let [published, mark] = self.marks();
        let signed = mark.iter().position(|o| *o == b'\n').map_or(&[][..], |end| &mark[end + 1..]);
        let open = |octets: &[u8]| Checkpoint::open(octets, &self.origin, &self.keeper).ok();
        open(&published).into_iter().chain(open(signed)).collect()
    }
}

/// A clinic of a collector's archive, read beside the program that has it open.
///
/// # Panics
/// If it cannot be opened.
#[must_use]
pub fn archive(folder: &Path, clinic: &str) -> ClinicStore {
    opened(folder).clinic_named(clinic).unwrap().unwrap()
}

/// A collector's archive.
///
/// # Panics
/// If it cannot be opened.
#[must_use]
pub fn opened(folder: &Path) -> Store {
    Store::open(&folder.join("archive.db"), u64::MAX, now().unwrap()).unwrap()
}

/// A sensor that goes on delivering.
pub struct Sensor {
    /// Its key, chain and certificate.
    pub caller: Caller,
    /// The newest checkpoint that it has verified.
    pub seen: Option<Seen>,
    /// What it made.
    pub made: BTreeMap<Place, Hash>,
}

impl Sensor {
    /// Its next reports.
    pub fn make(&mut self, n: usize) -> Vec<SealedReport> {
        (0..n)
            .map(|_| {
                let report = self.caller.ear.chain(1).remove(0);
                self.made.insert(self.caller.ear.head.unwrap().place, report.hash());
                report
            })
            .collect()
    }

    /// Delivers batch after batch until `end`; the last one is delivered whole.
    pub fn deliver(&mut self, known: &Known, end: &AtomicBool, told: &Mutex<Told>) {
        let mut way = None;
        let mut before: Vec<SealedReport> = Vec::new();
        for turn in 0usize.. {
            let mut reports = self.make(1 + turn % MOST_REPORTS);
            // Now and then what is there already comes once more.
            if turn % 7 == 0 {
                reports.extend(before.iter().cloned());
            }
            before.clone_from(&reports);
            while !reports.is_empty() {
                self.turn(known, &mut way, &mut reports, told);
            }
            std::thread::sleep(BREATH);
            if end.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// One attempt: what was acknowledged leaves `reports`.
    fn turn(&mut self, known: &Known, way: &mut Option<Way>, reports: &mut Vec<SealedReport>, told: &Mutex<Told>) {
        if way.is_none() {
            *way = Way::try_to(known.at, &known.authority, Some(&self.caller)).ok();
        }
        let answer = way.as_mut().map(|way| self.post(way, reports));
        let Some(Ok((status, headers, octets))) = answer else {
            *way = None;
            told.lock().unwrap().broken += 1;
            std::thread::sleep(Duration::from_millis(5));
            return;
        };
        if status == 200 {
            let receipt = Receipt::decode(&octets).unwrap();
            let stored = self.settled(known, &receipt, &mut told.lock().unwrap());
            reports.retain(|r| !stored.contains(&r.hash()));
            return;
        }
        {
            let mut told = told.lock().unwrap();
            *told.refused.entry(status).or_default() += 1;
            told.retry_after += usize::from(headers.contains_key("retry-after"));
        }
        // Who is told to wait comes again sooner here than a sensor would.
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Sends reports: status, headers, body.
    ///
    /// # Errors
    /// If the connection breaks.
    ///
    /// # Panics
    /// If no request can be made.
    pub fn post(&self, way: &mut Way, reports: &[SealedReport]) -> Result<(u16, HeaderMap, Vec<u8>), String> {
        let (octets, _) = batch(reports.iter().map(SealedReport::octets));
        let request = Request::post("/v1/reports").header("host", "localhost").header("content-type", REPORTS);
        let request = match self.seen {
            Some(seen) => request.header("auscult-seen", seen.size),
            None => request,
        };
        way.ask(request.body(Full::new(Bytes::from(octets))).unwrap())
    }

    /// Checks a receipt as a sensor does; gives what it names as stored.
    ///
    /// # Panics
    /// If it does not hold, or refuses a report.
    pub fn settled(&mut self, known: &Known, receipt: &Receipt, told: &mut Told) -> BTreeSet<Hash> {
        let (sensor, seen) = (self.caller.id(), self.seen);
        let watch = Watch { sensor: &sensor, origin: &known.origin, keeper: &known.keeper, seen: seen.as_ref() };
        let checkpoint = receipt.check(&watch, |place| self.made.get(&place).copied()).unwrap();
        if let Some(checkpoint) = checkpoint {
            told.shown(&checkpoint);
            self.seen = Some(checkpoint.seen());
        }
        if let Some(durable) = receipt.durable_to {
            assert_eq!(self.made.get(&durable.place), Some(&durable.hash), "a report that was not made");
        }
        let is_included = receipt.proven.as_ref().is_some_and(|p| p.inclusion.is_some());
        told.receipts = (told.receipts.0 + 1, told.receipts.1 + usize::from(is_included));
        let stored: BTreeSet<Hash> = receipt
            .results
            .iter()
            .map(|r| {
                assert_eq!(r.outcome, Outcome::Stored);
                r.report
            })
            .collect();
        told.acknowledged.extend(&stored);
        stored
    }
}

/// Says that it is the end when it is dropped, so that nobody delivers for ever when a test fails.
pub struct End<'a>(pub &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sets how large a file a running program may write, in octets; `None`: as large as it wants. That is what a full disk is to it.
///
/// # Panics
/// If it cannot be set.
pub fn limit_files(id: u32, octets: Option<u64>) {
    let most = octets.map_or_else(|| "unlimited".to_owned(), |n| n.to_string());
    // The soft limit alone: the hard one could not be raised again.
    let status = Command::new("prlimit").args([format!("--pid={id}"), format!("--fsize={most}:")]).status();
    assert!(status.unwrap().success(), "prlimit (util-linux) is needed");
}

/// Reports of a batch.
const MOST_REPORTS: usize = 4;
/// Between two batches: so that the rounds of a program without optimization keep up.
const BREATH: Duration = Duration::from_millis(25);
