//! Ninety days of three made-up clinics for `cargo demo`: captures of real servers are heard again and again by the real engine, at days
//! that lie behind; what it says is sealed, goes through the real door, and is judged and sealed into the ledgers as it came.
//!
//! Keeps: each sensor with its engine and its chain, so that it can go on. Drops: the way over TLS, for the days behind: no certificate
//! is that old. The keys are made at the start and are gone with the folder.

use crate::archive::{Ear, answers};
use crate::frames::Recording;
use crate::octets::ask;
use crate::recorded;
use crate::talks::{DEVICE, SERVER, locked, ok};
use crate::watched::Place as Where;
use auscult_agent::capture::Frame;
use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_agent::window::Windows;
use auscult_collector::access::random;
use auscult_collector::ingest::{Answer, Door};
use auscult_collector::store::{ClinicStore, SensorState};
use auscult_report::header::{Clock, Moment};
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::key::SensorKey;
use auscult_report::payload::{EpochReason, EpochStart, Extras, Known, Payload};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::version::Version;
use std::fs;

/// A clinic of the demonstration.
pub struct Practice {
    /// Its word.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Which capture is heard from which of the ninety days up to before which.
    pub heard: &'static [(&'static str, u64, u64)],
    /// Days on which nobody listened: from, up to before.
    pub deaf: (u64, u64),
}

/// The three clinics.
pub const PRACTICES: [Practice; 3] = [
    Practice {
        name: "northside",
        title: "Northside Imaging",
        heard: &[
            ("pacs-inside-only", 0, DAYS),
            ("smtp-starttls-good", 0, DAYS),
            ("web-interface-open", 9, 31),
            ("web-interface-locked", 31, DAYS),
            ("ssh-outside", 40, 58),
            // Since then strangers are given images.
            ("pacs-open-wan", 77, DAYS),
        ],
        deaf: (0, 0),
    },
    Practice {
        name: "lakeside",
        title: "Lakeside Family Practice",
        heard: &[
            ("portal-login-http", 0, 22),
            ("https-portal-good", 22, DAYS),
            ("iis-default-page", 5, 16),
            ("wifi-open-client-cleartext", 34, DAYS),
            // The portal asks for no login.
            ("docs-no-session", 66, DAYS),
        ],
        // A cleaner took the plug.
        deaf: (46, 49),
    },
    Practice {
        name: "hilltop",
        title: "Hilltop Laboratory",
        heard: &[("hl7-oru-inside", 0, DAYS), ("laboratory-astm-poct1a", 0, DAYS), ("db-mongodb-open", 52, DAYS)],
        // It is silent since the day before yesterday.
        deaf: (DAYS - 2, DAYS),
    },
];

/// A sensor of the demonstration: its engine, its key, its chain.
pub struct Listener {
    /// Key and chain.
    pub ear: Ear,
    practice: &'static Practice,
    captures: Vec<(Vec<u8>, u64, u64)>,
    engine: Sensor,
    windows: Windows,
    /// When it began.
    begun: Timestamp,
    heard: u64,
}

impl Listener {
    /// Lets a new sensor into its clinic at the beginning of the ninety days.
    ///
    /// # Panics
    /// If the clone has no captures, or the archive does not answer.
    #[must_use]
    pub fn new(practice: &'static Practice, clinic: &ClinicStore, begun: Timestamp) -> Listener {
        let mut place = Where::default();
        let mut captures = Vec::new();
        let all = recorded();
        for (name, from, to) in practice.heard {
            let recorded = all.iter().find(|c| c.name == *name);
            let (octets, described) = match recorded {
                Some(capture) => (fs::read(&capture.path).unwrap(), Where::of(capture)),
                None => (web_interface(name), Where::built()),
            };
            place.home.extend(described.home.into_iter().filter(|n| !place.home.contains(n)).collect::<Vec<_>>());
            place.own_bssids.extend(described.own_bssids);
            captures.push((octets, *from, *to));
        }
        let mut ear = Ear::stranger(clinic.clinic().unwrap().ledger, 0);
        ear.key = SensorKey::from_seed(&random().unwrap());
        clinic.put_sensor("main", &ear.key.public(), SensorState::Active, "words compared", begun).unwrap();
        let engine = Sensor::new(Settings { key: random().unwrap(), ..place.settings() });
        Listener { ear, practice, captures, engine, windows: Windows::default(), begun, heard: 0 }
    }

    /// Hears the ninety days; what it seals goes through the door at the moment that it speaks of. `each` is called behind every day
    /// that it listened, with its end: everything of it is stored then.
    ///
    /// # Panics
    /// If a report is not stored.
    pub fn remember(&mut self, door: &Door, each: &mut dyn FnMut(Timestamp)) {
        let begin = Payload::EpochStart(EpochStart { reason: EpochReason::Enrolled, last: None, ext: Extras::new() });
        let mut waiting = Vec::new();
        let first = self.seal(&begin, self.begun);
        waiting.push(door.take(&[first.octets()], None, self.begun));
        for window in 0..DAYS * MS_PER_DAY / WINDOW_MS {
            let day = window * WINDOW_MS / MS_PER_DAY;
            let (deaf_from, deaf_to) = self.practice.deaf;
            let end = Timestamp(self.begun.0 + (window + 1) * WINDOW_MS);
            if (deaf_from..deaf_to).contains(&day) {
                continue;
            }
            if let Some(report) = self.listen(day, end) {
                waiting.push(door.take(&[report.octets()], None, end));
            }
            if end.since_ms(self.begun).is_multiple_of(MS_PER_DAY) {
                for ticket in waiting.drain(..) {
                    let said = answers(&ticket.wait());
                    assert_eq!(said, [Answer::Done(Outcome::Stored)], "{}", self.practice.name);
                }
                each(end);
            }
        }
    }

    /// Hears what is to be heard on a day, in the hour before the end of a window: the report on it, if there is anything to tell.
    pub fn listen(&mut self, day: u64, end: Timestamp) -> Option<SealedReport> {
        let mut at = end.0 - HOUR_MS;
        for (octets, from, to) in &self.captures {
            if !(*from..*to).contains(&day) {
                continue;
            }
            let (engine, heard) = (&mut self.engine, &mut self.heard);
            let mut began = None;
            CaptureFile::open(&octets[..]).unwrap().each(|frame, _| {
                let since = frame.at.since_ms(*began.get_or_insert(frame.at)).min(MINUTE_MS);
                engine.hear(&Frame { at: Timestamp(at + since), ..*frame });
                *heard += 1;
            });
            at += 2 * MINUTE_MS;
        }
        let summary = self.engine.turn(end);
        let payload = self.windows.close(summary)?;
        let sealed = self.seal(&payload, end);
        self.windows.written(self.ear.head.unwrap().place, &payload);
        Some(sealed)
    }

    /// The next report is a whole one, also if there is nothing new.
    pub fn tell_all(&mut self) {
        self.windows.want_full();
    }

    /// A sign of life.
    ///
    /// # Panics
    /// If it cannot be encoded.
    #[must_use]
    pub fn beat(&self, now: Timestamp) -> Vec<u8> {
        let health = Health {
            program: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
            capturing: true,
            frames: self.heard,
            memory_free_kib: 180 << 10,
            disk_free_kib: 900 << 10,
            load_thousandths: 40,
            ..Health::default()
        };
        let head = self.ear.head.as_ref().map(|h| Known { place: h.place, hash: h.hash });
        let beat = Heartbeat {
            ledger: self.ear.ledger,
            sensor: self.ear.id(),
            key_no: 0,
            head,
            moment: self.moment(now),
            health,
            seen: None,
            bundle_version: 1,
            ext: Extras::new(),
        };
        beat.seal(&self.ear.key).unwrap()
    }

    fn seal(&mut self, payload: &Payload, now: Timestamp) -> SealedReport {
        let moment = self.moment(now);
        let stamp = match &self.ear.head {
            Some(head) => head.next(moment, None, 1),
            None => Stamp { moment, ..self.ear.stamp() },
        };
        let sealed = SealedReport::seal(&self.ear.key, &stamp, payload).unwrap();
        self.ear.hold(&sealed);
        sealed
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment { boot: [1; 8], mono_ms: now.since_ms(self.begun), wall: now, clock: Clock::Ntp }
    }
}

/// The archive's web interface, asked by a device: it gives its studies, or asks for a login.
///
/// # Panics
/// If it is called otherwise.
fn web_interface(name: &str) -> Vec<u8> {
    let studies = ok("application/dicom+json", "", "[{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.826.0.1\"]}}]");
    let answer = match name {
        "web-interface-open" => studies,
        "web-interface-locked" => locked(),
        _ => panic!("no capture {name}"),
    };
    let mut recording = Recording::new();
    ask(&mut recording, (DEVICE, 41_001), (SERVER, 8042), "/dicom-web/studies", "", &answer);
    recording.octets().to_vec()
}

/// Days behind.
pub const DAYS: u64 = 90;
/// Two windows a day: what happened in a night is told in the morning.
const WINDOW_MS: u64 = MS_PER_DAY / 2;
const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;
