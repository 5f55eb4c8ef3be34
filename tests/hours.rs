//! Hours that pass, as a sensor's clock has them: quiet ones on a cable, windows with and without an open network, and
//! what became of findings in them.

use crate::archive::{Archive, Ear, Folder, NOW, send, sighting};
use crate::frames::Recording;
use crate::talks::{DEVICE, SERVER};
use crate::watched::{Place, Watched};
use auscult_agent::window::Windows;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::Limits;
use auscult_collector::judge::Judge;
use auscult_collector::store::ClinicStore;
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::header::{Clock, Moment};
use auscult_report::key::SensorId;
use auscult_report::payload::{Full, Payload};
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::terms::{WifiOwner, WifiSecurity};
use auscult_report::time::{Timestamp, Window};

/// Milliseconds of an hour.
pub const HOUR: u64 = 3_600_000;
/// Of a window.
pub const WINDOW: u64 = 900_000;

const WIFI: &str = "wifi-open-network";

/// So many minutes from a second on, each with a call that is answered and says nothing.
pub fn quiet(recording: &mut Recording, from: u32, minutes: u16) {
    for n in 0..minutes {
        recording.set_clock(from + u32::from(n) * 60);
        let call = recording.call((DEVICE, 20_000 + n), (SERVER, 9));
        recording.end(&call);
    }
}

/// What comes of a recording; the archive's own clock is right, a report comes each quarter of an hour.
#[must_use]
pub fn heard(recording: &Recording) -> Watched {
    Watched::hears_by(recording.octets(), &Place::built(), |n, _| Timestamp(NOW.0 + n * WINDOW))
}

/// The windows that were told, events left out.
#[must_use]
pub fn windows(clinic: &Watched) -> Vec<Window> {
    let window = |payload: &Payload| match payload {
        Payload::Full(full) => Some(full.summary.window),
        Payload::Changes(changes) => Some(changes.window),
        _ => None,
    };
    clinic.reports.iter().filter_map(|report| report.payload().and_then(window)).collect()
}

/// What became of findings of a rule.
///
/// # Panics
/// If the store cannot be read.
#[must_use]
pub fn steps(clinic: &ClinicStore, sensor: SensorId, rule: &str) -> Vec<String> {
    let steps = clinic.finding_steps(sensor).unwrap();
    steps.into_iter().filter(|s| s.rule == rule).map(|s| s.what).collect()
}

/// A sensor that decides itself what of its windows is told, and an archive whose clock is right: both pass as many
/// windows as there are, whatever the sensor's clock says of them.
pub struct Story {
    /// The archive.
    pub archive: Archive,
    /// The clinic.
    pub clinic: ClinicStore,
    /// Its sensor.
    pub ear: Ear,
    /// The beginning of its chain.
    pub first: SealedReport,
    /// What the next reports' clocks say; where there is none, the archive's.
    pub walls: Vec<Timestamp>,
    /// What is judged by.
    pub knowledge: Knowledge,
    windows: Windows,
    now: Timestamp,
    _folder: Folder,
}

impl Default for Story {
    fn default() -> Story {
        Story::new()
    }
}

impl Story {
    /// The archive has the beginning of the sensor's chain.
    #[must_use]
    pub fn new() -> Story {
        let story = Story::unsent();
        send(&story.archive.door(Limits::default()), std::slice::from_ref(&story.first), NOW);
        story
    }

    /// The archive has nothing yet.
    #[must_use]
    pub fn unsent() -> Story {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let mut ear = Ear::enrolled(&clinic, 1);
        let first = ear.chain(1).remove(0);
        let (windows, knowledge, walls) = (Windows::default(), Knowledge::compiled(), Vec::new());
        Story { archive, clinic, ear, first, walls, knowledge, windows, now: NOW, _folder: folder }
    }

    /// The next window, which by the sensor's clock began so long after [`NOW`]: what its radio heard goes the way of the
    /// daemon, and the archive judges what is told.
    ///
    /// # Panics
    /// If a report is refused.
    pub fn window(&mut self, from: u64, networks: &[WifiSecurity]) {
        self.now = Timestamp(self.now.0 + WINDOW);
        if let Some(payload) = self.windows.close(summary(from, networks)) {
            let report = self.sealed(&payload);
            self.windows.written(report.parse_frame().unwrap().claimed().place, &payload);
            send(&self.archive.door(Limits::default()), &[report], self.now);
        }
        Judge::new(&self.knowledge).catch_up(&self.clinic, self.now).unwrap();
    }

    /// The sensor's next report.
    ///
    /// # Panics
    /// If it cannot be sealed.
    pub fn sealed(&mut self, payload: &Payload) -> SealedReport {
        let wall = if self.walls.is_empty() { self.now } else { self.walls.remove(0) };
        let stamp = self.ear.stamp();
        let moment = Moment { wall, clock: Clock::Unset, ..stamp.moment };
        let sealed = SealedReport::seal(&self.ear.key, &Stamp { moment, ..stamp }, payload).unwrap();
        self.ear.hold(&sealed);
        sealed
    }

    /// What became of the open network.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        steps(&self.clinic, self.ear.id(), WIFI)
    }
}

/// A whole report of a window.
#[must_use]
pub fn whole(from: u64, networks: &[WifiSecurity]) -> Payload {
    Payload::Full(Full { summary: summary(from, networks), ..Full::default() })
}

/// A window in which an own network was heard with these protections.
fn summary(from: u64, networks: &[WifiSecurity]) -> Summary {
    let subject = Subject::Wireless(Bssid([2, 0, 0, 0, 0, 1]));
    let facts = networks.iter().flat_map(|security| {
        [(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(*security), 1), (Fact::WifiBeacon, 500)]
    });
    let sightings = facts.map(|(fact, count)| Sighting { count, ..sighting(subject, fact, from) }).collect();
    let mut summary = Summary { sightings: Bounded::first_of(sightings).0, ..Summary::default() };
    summary.window = Window { from: Timestamp(NOW.0 + from), to: Timestamp(NOW.0 + from + WINDOW) };
    summary.counters.frames = 1_000;
    summary
}
