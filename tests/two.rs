//! Two clinics of one provider in one archive, with sensors that have the same keys in both, and everything that can be
//! asked of one of them.

use crate::archive::{Archive, Ear, Folder, NOW, event, full, send, sighting};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::{Door, Limits, receipt};
use auscult_collector::judge::Judge;
use auscult_collector::store::{ClinicId, ClinicStore, NewClinic, SensorState};
use auscult_report::fact::Fact;
use auscult_report::header::Moment;
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::key::{LedgerId, SensorId};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::payload::{Extras, Place};
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::Sighting;
use auscult_report::terms::{WifiOwner, WifiSecurity};
use auscult_report::time::Timestamp;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Their names.
pub const NAMES: [&str; 2] = ["north", "south"];

/// Steps of [`Two::step`].
pub const STEPS: u64 = 10;

/// Two clinics.
pub struct Two {
    /// The archive.
    pub archive: Archive,
    /// Its door.
    pub door: Door,
    /// North and south.
    pub clinics: [ClinicStore; 2],
    /// Their sensors: the first three have the same keys in both clinics, the fourth is its clinic's alone.
    pub ears: [Vec<Ear>; 2],
    /// The time of the last step.
    pub now: Timestamp,
    folder: Folder,
}

impl Default for Two {
    fn default() -> Two {
        Two::new()
    }
}

impl Two {
    /// Both, and nothing has happened yet.
    #[must_use]
    pub fn new() -> Two {
        Two::of(|archive| NAMES.map(|name| archive.clinic(name)))
    }

    /// One of them alone; the other is not in the archive.
    #[must_use]
    pub fn only(n: usize) -> Two {
        Two::of(|archive| [0, 1].map(|_| archive.clinic(NAMES[n])))
    }

    fn of(clinics: impl Fn(&Archive) -> [ClinicStore; 2]) -> Two {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let door = archive.door(Limits::default());
        let clinics = clinics(&archive);
        Two { archive, door, clinics, ears: [Vec::new(), Vec::new()], now: NOW, folder }
    }

    /// The next thing that happens in a clinic: much the same in both, never quite.
    ///
    /// # Panics
    /// If the store fails.
    pub fn step(&mut self, n: usize, step: u64) {
        self.now = Timestamp(NOW.0 + (step + 1) * SIX_HOURS);
        let (now, clinic, ears) = (self.now, self.clinics[n].clone(), &mut self.ears[n]);
        match step {
            0 => {
                let seeds = [1, 2, 3, if n == 0 { 50 } else { 60 }];
                *ears = seeds.map(|seed| Ear::enrolled(&clinic, seed)).into();
            }
            1 => drop(send(&self.door, &ears[0].chain(4 + n), now)),
            2 | 8 => {
                for ear in [0, 3] {
                    let report = ears[ear].say(&full(step * SIX_HOURS, (step + 1) * SIX_HOURS, networks(n, step)));
                    send(&self.door, &[report], now);
                }
            }
            3 => {
                let beat = self.beat(n, 0);
                clinic.put_heartbeat(&beat, &beat.seal(&self.ears[n][0].key).unwrap(), now).unwrap();
            }
            4 => {
                send(&self.door, &ears[1].chain(3), now);
                let mut copy = Ear::stranger(ears[1].ledger, 2);
                copy.uptime_ms = 5;
                send(&self.door, &copy.chain(2), now);
            }
            5 => {
                clinic.set_state(ears[2].id(), SensorState::Revoked, "stolen", now).unwrap();
                send(&self.door, &ears[2].chain(1 + n), now);
            }
            6 => drop(send(&self.door, &ears[3].chain(2), now)),
            7 => {
                clinic.put_site("annexe", &format!("Annexe of {n}")).unwrap();
                clinic.state(LeafKind::Decision, &format!("decided in {n}\n"), now).unwrap();
            }
            _ => drop(send(&self.door, &[ears[0].say(&event(n as u64))], now)),
        }
        Judge::new(&Knowledge::compiled()).catch_up(&clinic, now).unwrap();
        if step.is_multiple_of(3) {
            self.archive.ledger.take_all(&clinic, now).unwrap();
        }
    }

    /// A sign of life of a sensor.
    #[must_use]
    pub fn beat(&self, n: usize, ear: usize) -> Heartbeat {
        let ear = &self.ears[n][ear];
        Heartbeat {
            ledger: ear.ledger,
            sensor: ear.id(),
            key_no: 0,
            head: ear.head.map(|h| h.known()),
            moment: Moment::default(),
            health: Health::default(),
            seen: None,
            bundle_version: 0,
            ext: Extras::new(),
        }
    }

    /// Everything that can be asked of a clinic, a line an answer. Numbers of rows are left out: the data base counts them
    /// for all clinics, and no answer shows them.
    ///
    /// # Panics
    /// If the store or the ledger cannot be read.
    #[must_use]
    pub fn whole(&self, n: usize) -> String {
        let (clinic, mut said) = (&self.clinics[n], String::new());
        let row = clinic.clinic().unwrap();
        let mut say = |what: &str, answer: String| writeln!(said, "{what}: {answer}").unwrap();
        say("clinic", format!("{row:?} {:?}", clinic.counts().unwrap()));
        say("sensors", format!("{:?}", clinic.sensors().unwrap()));
        clinic.statements().unwrap().iter().for_each(|s| say("statement", format!("{s:?}")));
        for sensor in clinic.sensors().unwrap() {
            self.of_sensor(clinic, sensor.id, &mut say);
        }
        for open in Judge::new(&Knowledge::compiled()).findings(clinic, true).unwrap() {
            say("finding", format!("{:?} {:?} {:?}", open.sensor, open.subject, open.row));
        }
        let (head, plan) = clinic.book().unwrap();
        say("book", format!("{head:?} {}", plan.is_some()));
        for leaf in clinic.leaves(0, 10_000).unwrap() {
            say("leaf", format!("{:?}", Leaf::read(&leaf).unwrap()));
        }
        for queued in clinic.queue(i64::MAX, 10_000).unwrap() {
            say("queued", format!("{:?}", Leaf::read(&queued.leaf).unwrap()));
        }
        for folder in ["ledger", "highwater"] {
            files(&self.folder.0.join(folder).join(row.ledger.to_string()), &mut say);
        }
        said
    }

    fn of_sensor(&self, clinic: &ClinicStore, sensor: SensorId, say: &mut impl FnMut(&str, String)) {
        say("durable", format!("{:?} {:?}", clinic.durable(sensor).unwrap(), clinic.keys(sensor).unwrap()));
        for kept in clinic.reports_after(sensor, 0, 10_000).unwrap() {
            say("report", format!("{:?}", auscult_collector::store::Kept { id: 0, ..kept }));
        }
        for kept in clinic.chain_from(sensor, Place::default(), i64::MAX, 10_000).unwrap() {
            say("chain", format!("{:?} {:?}", kept.place, kept.hash));
        }
        let (judged, rows) = clinic.judged(sensor).unwrap();
        say("judged", format!("{} {:?} {} {rows:?}", judged.day, judged.heard_to, judged.heard_ms));
        for step in clinic.finding_steps(sensor).unwrap() {
            let is_of_a_report = step.report_id.is_some();
            say(
                "step",
                format!("{is_of_a_report} {:?}", auscult_collector::store::StepRow { report_id: None, ..step }),
            );
        }
        let receipt = receipt(clinic, &self.archive.ledger, sensor, None, &[]).unwrap();
        say("receipt", format!("{receipt:?} {:?}", clinic.newest_in_ledger(sensor).unwrap()));
    }
}

/// A clinic's description as [`Archive::clinic`] makes it.
#[must_use]
pub fn described(n: usize) -> NewClinic<'static> {
    let id = [NAMES[n].as_bytes()[0]; 16];
    NewClinic { id: ClinicId(id), ledger: LedgerId(id), name: NAMES[n], title: NAMES[n], quota_octets_day: 1 << 40 }
}

/// An own network that is open at first and mended later, in the south a broken one instead.
fn networks(n: usize, step: u64) -> Vec<Sighting> {
    let security = match (n, step) {
        (0, 2) => WifiSecurity::Open,
        (1, 2) => WifiSecurity::Wep,
        _ => WifiSecurity::Wpa2Psk,
    };
    let facts = [(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(security), 1), (Fact::WifiBeacon, 500)];
    let of = Subject::Wireless(Bssid([2, 0, 0, 0, 0, u8::try_from(n).unwrap_or(0)]));
    facts.into_iter().map(|(fact, count)| Sighting { count, ..sighting(of, fact, step * SIX_HOURS) }).collect()
}

/// Names and octets of all files below a folder or file, in the order of their names.
fn files(path: &Path, say: &mut impl FnMut(&str, String)) {
    if path.is_dir() {
        let mut below: Vec<_> = fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        below.sort();
        below.iter().for_each(|path| files(path, say));
    } else if path.exists() {
        let name = path.file_name().map(|n| n.display().to_string()).unwrap_or_default();
        say("file", format!("{name} {:?}", fs::read(path).unwrap()));
    }
}

const SIX_HOURS: u64 = 21_600_000;
