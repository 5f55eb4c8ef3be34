//! A story of the catalogue: octets, how the clinic is described, and what the judge makes of them.
//!
//! Keeps: the whole path from the first octet to the finding, in this process: capture file, sensor, judge. Drops: the daemon and
//! the collector, which `tests/incidents.rs` goes through.

use crate::watched::Place;
use crate::{Recorded, recorded};
use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::Sensor;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::past::Past;
use auscult_assess::sensing::Sensing;
use auscult_assess::{Severity, assess_over};
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use std::collections::BTreeMap;
use std::fs;

/// What is heard, and where.
pub struct Tale {
    /// A capture file.
    pub octets: Vec<u8>,
    /// How the clinic is described.
    pub place: Place,
}

/// A finding that was raised: how bad at most, and how sure.
pub type Raised = BTreeMap<&'static str, (Severity, u8)>;

impl Tale {
    /// In the clinic of the conversations of [`crate::talks`].
    #[must_use]
    pub fn built(octets: Vec<u8>) -> Tale {
        Tale { octets, place: Place::built() }
    }

    /// In a clinic that is described so.
    #[must_use]
    pub fn at(place: Place, octets: Vec<u8>) -> Tale {
        Tale { octets, place }
    }

    /// A recorded capture, in its clinic.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    pub fn capture(name: &str) -> Tale {
        let all: Vec<Recorded> = recorded();
        let capture = all.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no capture {name}"));
        Tale { octets: fs::read(&capture.path).unwrap(), place: Place::of(capture) }
    }

    /// The same, where a network has another use.
    #[must_use]
    pub fn zone(mut self, network: &str, zone: &str) -> Tale {
        self.place = self.place.zone(network, zone);
        self
    }

    /// What is raised at the end of any window of it, and how many sightings there were. Everything that the judge says counts,
    /// also what is too unsure to be shown. A tale of days has a window every six hours, and all of them were listened to.
    ///
    /// # Panics
    /// If the octets are no capture.
    #[must_use]
    pub fn raised(&self) -> (Raised, usize) {
        let mut listening = Listening {
            knowledge: Box::leak(Box::new(Knowledge::compiled())),
            sensor: Sensor::new(self.place.settings()),
            past: Past::default(),
            listened_ms: 0,
            ends: None,
            raised: Raised::new(),
            sightings: 0,
        };
        CaptureFile::open(&self.octets[..]).unwrap().each(|frame, _| {
            while listening.ends.is_some_and(|ends| frame.at >= ends) {
                listening.turn();
            }
            listening.ends.get_or_insert(Timestamp(frame.at.0 + WINDOW_MS));
            listening.sensor.hear(frame);
        });
        let summary = listening.sensor.close();
        listening.judge(&summary);
        (listening.raised, listening.sightings)
    }
}

struct Listening {
    knowledge: &'static Knowledge,
    sensor: Sensor,
    past: Past,
    listened_ms: u64,
    ends: Option<Timestamp>,
    raised: Raised,
    sightings: usize,
}

impl Listening {
    fn turn(&mut self) {
        let end = self.ends.unwrap();
        let summary = self.sensor.turn(end);
        self.listened_ms += WINDOW_MS;
        self.ends = Some(Timestamp(end.0 + WINDOW_MS));
        self.judge(&summary);
    }

    fn judge(&mut self, summary: &Summary) {
        self.sightings += summary.sightings.len();
        self.past.hears(summary, |_| true, self.listened_ms);
        // A capture whose clock was never set is judged by the day of the tables.
        let now = summary.window.to;
        let now = if now < Timestamp::from_seconds(946_684_800) { self.knowledge.dated() } else { now };
        for finding in assess_over(summary, (&Sensing::default(), &self.past), self.knowledge, now) {
            let found = (finding.severity, finding.confidence_percent);
            let worst = self.raised.entry(finding.rule.id()).or_insert(found);
            *worst = (*worst).max(found);
        }
    }
}

/// A window of a tale of days.
const WINDOW_MS: u64 = 6 * 3_600_000;
