//! A clinic under watch, over the real path: the daemon hears octets in a folder of its own and seals what it heard into
//! its spool; each report goes through the door of an archive, is kept, judged, and gets its leaf.
//!
//! Reports come to the archive at the moment that they speak of: so what is found is found when it would have been.

use crate::archive::{Archive, Folder, all_stored, answers, send};
use crate::{Recorded, recorded};
use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::places::Places;
use auscult_agent::sensor::Settings;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::Limits;
use auscult_collector::judge::Judge;
use auscult_collector::store::{ClinicStore, FindingRow, SensorState, StepRow};
use auscult_report::header::Frame;
use auscult_report::key::SensorId;
use auscult_report::payload::{Kind, Payload};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How the person who set the sensor up described the clinic.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Its networks.
    pub home: Vec<String>,
    /// Its networks with their use.
    pub zones: Vec<(String, String)>,
    /// Its access points.
    pub own_bssids: Vec<String>,
    /// The names of its wireless networks.
    pub own_ssids: Vec<String>,
    /// What its wireless networks are for.
    pub purposes: Vec<(String, String)>,
}

impl Place {
    /// The clinic of a recorded capture, by its ground truth.
    #[must_use]
    pub fn of(capture: &Recorded) -> Place {
        let networks = capture.expect["wifi"].as_array().cloned().unwrap_or_default();
        let own_bssids = networks.iter().filter_map(|w| w["bssid"].as_str().map(str::to_owned)).collect();
        Place { home: capture.words("inside"), own_bssids, ..Place::default() }
    }

    /// The clinic of the conversations of [`crate::talks`].
    #[must_use]
    pub fn built() -> Place {
        Place { home: vec!["192.168.20.0/24".to_owned()], ..Place::default() }
    }

    /// With the use of a network.
    #[must_use]
    pub fn zone(mut self, network: &str, zone: &str) -> Place {
        self.zones.push((network.to_owned(), zone.to_owned()));
        self
    }

    /// The same, for a sensor in this process: read as the daemon reads it.
    ///
    /// # Panics
    /// If a daemon would refuse it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let text = format!("state = \"s\"\n[capture]\nreplay = \"c\"\n{}", self.words());
        let config = Config::read(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        Settings {
            places: Places::new(config.networks),
            own_names: config.own_ssids,
            own_bssids: config.own_bssids,
            purposes: config.purposes,
            memory: config.memory,
            key: [7; 32],
        }
    }

    fn words(&self) -> String {
        let quoted = |words: &[String]| words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
        let zones: Vec<String> =
            self.zones.iter().map(|(n, z)| format!("{{ network = \"{n}\", zone = \"{z}\" }}")).collect();
        let purposes: Vec<String> =
            self.purposes.iter().map(|(n, p)| format!("{{ ssid = \"{n}\", purpose = \"{p}\" }}")).collect();
        format!(
            "[clinic]\npurposes = [{}]\nhome = [{}]\nzones = [{}]\nown_bssids = [{}]\nown_ssids = [{}]\n",
            purposes.join(", "),
            quoted(&self.home),
            zones.join(", "),
            quoted(&self.own_bssids),
            quoted(&self.own_ssids)
        )
    }
}

/// The octets of a recorded capture, and its clinic.
///
/// # Panics
/// If there is none of this name.
#[must_use]
pub fn capture(name: &str) -> (Vec<u8>, Place) {
    let capture = recorded().into_iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no capture {name}"));
    (fs::read(&capture.path).unwrap(), Place::of(&capture))
}

/// What came of it.
pub struct Watched {
    /// The archive.
    pub archive: Archive,
    /// The clinic in it.
    pub clinic: ClinicStore,
    /// Its sensor.
    pub sensor: SensorId,
    /// What the sensor sealed, in the order of its chain.
    pub reports: Vec<VerifiedReport>,
    /// When the last report came.
    pub now: Timestamp,
    _folder: Folder,
}

impl Watched {
    /// Lets a sensor at this place hear a capture from its first frame to its last, and the archive take in what it seals.
    ///
    /// # Panics
    /// If anything on the way is refused.
    #[must_use]
    pub fn hears(octets: &[u8], place: &Place) -> Watched {
        Watched::hears_by(octets, place, |_, spoke_of| spoke_of)
    }

    /// The same, where the archive has a clock of its own: from the number of a report and what it speaks of, the time
    /// at which it comes.
    ///
    /// # Panics
    /// If anything on the way is refused.
    #[must_use]
    pub fn hears_by(octets: &[u8], place: &Place, clock: impl Fn(u64, Timestamp) -> Timestamp) -> Watched {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let (sensor, sealed) = sealed(&folder.0, octets, place, &clinic);
        let door = archive.door(Limits::default());
        let knowledge = Knowledge::compiled();
        let judge = Judge::new(&knowledge);
        let (mut now, mut reports) = (Timestamp::default(), Vec::new());
        let spoken: Vec<VerifiedReport> = sealed.iter().map(|s| verified(&clinic, sensor, s)).collect();
        let first = spoken.iter().find_map(spoke_of).unwrap_or_default();
        for (n, (sealed, report)) in (0..).zip(sealed.iter().zip(spoken)) {
            now = clock(n, now.max(spoke_of(&report).unwrap_or(first)));
            assert_eq!(answers(&send(&door, std::slice::from_ref(sealed), now)), all_stored(1));
            judge.catch_up(&clinic, now).unwrap();
            reports.push(report);
        }
        let head = archive.ledger.take_all(&clinic, now).unwrap().unwrap();
        assert_eq!(head.size, u64::try_from(reports.len()).unwrap() + 1, "an enrolment, and a leaf a report");
        Watched { archive, clinic, sensor, reports, now, _folder: folder }
    }

    /// The findings that are open.
    ///
    /// # Panics
    /// If the store cannot be read.
    #[must_use]
    pub fn open(&self) -> Vec<FindingRow> {
        let knowledge = Knowledge::compiled();
        Judge::new(&knowledge).findings(&self.clinic, false).unwrap().into_iter().map(|f| f.row).collect()
    }

    /// Their rules.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<String> {
        self.open().into_iter().map(|row| row.rule).collect()
    }

    /// The kinds of the reports that opened findings of this rule.
    ///
    /// # Panics
    /// If the store cannot be read.
    #[must_use]
    pub fn opened_by(&self, rule: &str) -> Vec<Kind> {
        let kept = self.clinic.reports_after(self.sensor, 0, 1_000).unwrap();
        let steps = self.clinic.finding_steps(self.sensor).unwrap();
        let opened = |s: &&StepRow| s.rule == rule && s.what == "opened";
        let report = |s: &StepRow| kept.iter().find(|k| Some(k.id) == s.report_id).map(|k| k.kind);
        steps.iter().filter(opened).filter_map(report).collect()
    }

    /// Everything that was told of what was heard.
    pub fn sightings(&self) -> impl Iterator<Item = &Sighting> {
        self.reports.iter().filter_map(VerifiedReport::payload).flat_map(|payload| match payload {
            Payload::Full(full) => full.summary.sightings.iter(),
            Payload::Changes(changes) => changes.sightings.iter(),
            Payload::Event(event) => event.sightings.iter(),
            _ => [].iter(),
        })
    }
}

/// Runs the daemon to the capture's end. Its sensor's id, and its spool in the order of the chain.
fn sealed(folder: &Path, octets: &[u8], place: &Place, clinic: &ClinicStore) -> (SensorId, Vec<SealedReport>) {
    let at = folder.display();
    let text = format!(
        "state = \"{at}/state\"\n[capture]\nreplay = \"{at}/capture\"\nspeed = 0.0\n{}[identity]\n\
         machine_id = \"{at}/none\"\n",
        place.words()
    );
    fs::write(folder.join("capture"), octets).unwrap();
    let config = Config::read(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let identity = Identity::open(&config).unwrap();
    let told = folder.join("state/keys/ledger");
    fs::write(&told, format!("{}\n", clinic.clinic().unwrap().ledger)).unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o600)).unwrap();
    clinic.put_sensor("main", &identity.public(), SensorState::Active, "test", Timestamp(0)).unwrap();
    auscult_agent::run::run(&config, &Arc::new(AtomicBool::new(false))).unwrap();
    let mut paths: Vec<_> = fs::read_dir(folder.join("state/spool")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 2, "nothing was sealed but the beginning");
    (identity.sensor(), paths.iter().map(|p| SealedReport::from_octets(fs::read(p).unwrap())).collect())
}

fn verified(clinic: &ClinicStore, sensor: SensorId, sealed: &SealedReport) -> VerifiedReport {
    let keys = clinic.keys(sensor).unwrap();
    Frame::parse(sealed.octets()).unwrap().verify(&keys[0]).unwrap()
}

/// The end of what a report speaks of.
fn spoke_of(report: &VerifiedReport) -> Option<Timestamp> {
    Some(match report.payload()? {
        Payload::Full(full) => full.summary.window.to,
        Payload::Changes(changes) => changes.window.to,
        Payload::Event(event) => event.window.to,
        _ => return None,
    })
}
