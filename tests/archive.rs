//! A collector's archive in a folder of its own, and sensors that seal reports for it: what replay, outage and tamper
//! share.

use auscult_collector::ingest::{Answer, Door, Item, Limits};
use auscult_collector::ledger::Ledger;
use auscult_collector::store::{ClinicId, ClinicStore, NewClinic, SensorState, Store};
use auscult_report::bounded::Bounded;
use auscult_report::chain::{Head, NOTHING_BEFORE, follows};
use auscult_report::fact::Fact;
use auscult_report::header::{Clock, Moment, Seen};
use auscult_report::key::{Hash, LedgerId, SensorId, SensorKey};
use auscult_report::payload::{EpochReason, EpochStart, Event, Extras, Full, Payload, Place};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::{Timestamp, Window};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// 2026-11-21T00:00:00Z.
pub const NOW: Timestamp = Timestamp(1_795_219_200_000);

/// A new, empty folder that is gone when this is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new, empty folder.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let name = format!("auscult-tests-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Folder(path),
                // Left by a test that was killed and had our number.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => panic!("{}: {e}", path.display()),
            }
        }
    }
}

impl Default for Folder {
    fn default() -> Folder {
        Folder::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An archive on the disk.
pub struct Archive {
    /// Its store.
    pub store: Store,
    /// Its ledgers.
    pub ledger: Ledger,
}

impl Archive {
    /// Opens or makes the archive of a folder.
    ///
    /// # Panics
    /// If it cannot be opened.
    #[must_use]
    pub fn open(folder: &Path) -> Archive {
        let store = Store::open(&folder.join("archive.db"), u64::MAX, NOW).unwrap();
        let ledger =
            Ledger::open("archive.example", [9; 32], &folder.join("ledger"), &folder.join("highwater")).unwrap();
        Archive { store, ledger }
    }

    /// A door with these limits.
    #[must_use]
    pub fn door(&self, limits: Limits) -> Door {
        Door::open(&self.store, limits)
    }

    /// A clinic with one site, made if it is new. Its ids are its name's octets.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn clinic(&self, name: &str) -> ClinicStore {
        let id = [name.as_bytes()[0]; 16];
        let new = NewClinic { id: ClinicId(id), ledger: LedgerId(id), name, title: name, quota_octets_day: 1 << 40 };
        self.store.put_clinic(&new, NOW).unwrap();
        let clinic = self.store.clinic_named(name).unwrap().unwrap();
        clinic.put_site("main", "Main building").unwrap();
        clinic
    }
}

/// A sensor with its key and the head of its chain.
pub struct Ear {
    /// Its first key's seed is this octet, 32 times.
    pub key: SensorKey,
    /// Its clinic's ledger.
    pub ledger: LedgerId,
    /// The end of its chain.
    pub head: Option<Head>,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// What it has verified of the ledger.
    pub seen: Option<Seen>,
}

impl Ear {
    /// A sensor that the clinic lets in.
    ///
    /// # Panics
    /// If it cannot be registered.
    #[must_use]
    pub fn enrolled(clinic: &ClinicStore, seed: u8) -> Ear {
        let ear = Ear::stranger(clinic.clinic().unwrap().ledger, seed);
        clinic.put_sensor("main", &ear.key.public(), SensorState::Active, "test", NOW).unwrap();
        ear
    }

    /// A sensor that nobody let in.
    #[must_use]
    pub fn stranger(ledger: LedgerId, seed: u8) -> Ear {
        Ear { key: SensorKey::from_seed(&[seed; 32]), ledger, head: None, uptime_ms: 0, seen: None }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> SensorId {
        SensorId::of(&self.key.public())
    }

    /// The stamp of its next report.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let moment = Moment {
            boot: [1; 8],
            mono_ms: self.uptime_ms,
            wall: Timestamp(NOW.0 + self.uptime_ms),
            clock: Clock::Ntp,
        };
        let first = Stamp {
            ledger: self.ledger,
            sensor: self.id(),
            key_no: 0,
            place: Place::default(),
            prev: NOTHING_BEFORE,
            moment,
            seen: self.seen,
            bundle_version: 1,
        };
        self.head.map_or(first, |head| head.next(moment, self.seen, 1))
    }

    /// Its next report, with this payload; the first is the beginning of its first epoch whatever is asked for.
    ///
    /// # Panics
    /// If the report does not follow: then the test is wrong.
    pub fn say(&mut self, payload: &Payload) -> SealedReport {
        let stamp = self.stamp();
        self.uptime_ms += 1_000;
        let begin = Payload::EpochStart(EpochStart { reason: EpochReason::Enrolled, last: None, ext: Extras::new() });
        let sealed = SealedReport::seal(&self.key, &stamp, if self.head.is_some() { payload } else { &begin }).unwrap();
        self.hold(&sealed);
        sealed
    }

    /// Moves the head over a report that was sealed otherwise.
    ///
    /// # Panics
    /// If the report does not follow.
    pub fn hold(&mut self, sealed: &SealedReport) {
        let report = sealed.parse_frame().unwrap().verify(&self.key.public()).unwrap();
        self.head = Some(match &self.head {
            Some(head) => follows(head, &report).unwrap(),
            None => Head::begin(&report).unwrap(),
        });
    }

    /// The next `n` reports: the beginning, then small events.
    pub fn chain(&mut self, n: usize) -> Vec<SealedReport> {
        (0..n).map(|_| self.say(&event(self.uptime_ms))).collect()
    }
}

/// An event with one sighting.
#[must_use]
pub fn event(at: u64) -> Payload {
    let sighting = sighting(Subject::Host(HostId(at)), Fact::Medical, at);
    Payload::Event(Event { sightings: Bounded::first_of(vec![sighting]).0, ..Event::default() })
}

/// A sighting heard once, so many milliseconds after [`NOW`].
#[must_use]
pub fn sighting(subject: Subject, fact: Fact, at: u64) -> Sighting {
    let at = Timestamp(NOW.0 + at);
    Sighting { subject, fact, zone: None, first: at, last: at, count: 1 }
}

/// A full report of a window after [`NOW`].
#[must_use]
pub fn full(from_ms: u64, to_ms: u64, sightings: Vec<Sighting>) -> Payload {
    let mut summary = Summary { sightings: Bounded::first_of(sightings).0, ..Summary::default() };
    summary.window = Window { from: Timestamp(NOW.0 + from_ms), to: Timestamp(NOW.0 + to_ms) };
    summary.counters.frames = 1_000;
    Payload::Full(Full { summary, ext: Extras::new() })
}

/// Sends reports through a door and waits.
pub fn send(door: &Door, reports: &[SealedReport], now: Timestamp) -> Vec<Item> {
    let octets: Vec<&[u8]> = reports.iter().map(SealedReport::octets).collect();
    door.take(&octets, None, now).wait()
}

/// The answers alone.
#[must_use]
pub fn answers(items: &[Item]) -> Vec<Answer> {
    items.iter().map(|i| i.answer).collect()
}

/// `n` times stored.
#[must_use]
pub fn all_stored(n: usize) -> Vec<Answer> {
    vec![Answer::Done(Outcome::Stored); n]
}

/// The hashes of reports.
#[must_use]
pub fn hashes(reports: &[SealedReport]) -> Vec<Hash> {
    reports.iter().map(SealedReport::hash).collect()
}

/// A generator that gives the same numbers every time.
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }
}
