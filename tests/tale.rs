//! A story of the catalogue: octets, how the clinic is described, and what the judge makes of them.
//!
//! Keeps: the whole path from the first octet to the finding, in this process: capture file, sensor, judge. Drops: the daemon and
//! the collector, which `tests/incidents.rs` goes through.

use crate::watched::Place;
use crate::{Recorded, recorded};
use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::Sensor;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::{Severity, assess};
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

    /// What is raised when it ends. Everything that the judge says counts, also what is too unsure to be shown.
    ///
    /// # Panics
    /// If the octets are no capture.
    #[must_use]
    pub fn raised(&self) -> (Raised, usize) {
        let knowledge: &'static Knowledge = Box::leak(Box::new(Knowledge::compiled()));
        let mut sensor = Sensor::new(self.place.settings());
        CaptureFile::open(&self.octets[..]).unwrap().each(|frame, _| sensor.hear(frame));
        let summary = sensor.close();
        // A capture whose clock was never set is judged by the day of the tables.
        let now = summary.window.to;
        let now = if now < Timestamp::from_seconds(946_684_800) { knowledge.dated() } else { now };
        let mut raised = Raised::new();
        for finding in assess(&summary, knowledge, now) {
            let worst = raised.entry(finding.rule.id()).or_insert((finding.severity, finding.confidence_percent));
            *worst = (*worst).max((finding.severity, finding.confidence_percent));
        }
        (raised, summary.sightings.len())
    }
}
