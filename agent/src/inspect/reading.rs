//! One input, from its octets to what was heard in it.

use crate::arguments::Arguments;
use auscult_agent::capture::file::{CaptureFile, End, FileError};
use auscult_agent::config::Memory;
use auscult_agent::hosts::Host;
use auscult_agent::places::Places;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_assess::knowledge::Knowledge;
use auscult_report::subject::{Bssid, HostId};
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::fmt;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, IsTerminal, Read};

/// What was heard in one input.
pub(crate) struct Heard {
    /// The input as it was named on the command line.
    pub(crate) name: String,
    /// What the sensor heard.
    pub(crate) summary: Summary,
    /// The hosts, with the addresses that the summary does not tell.
    pub(crate) hosts: HashMap<HostId, Host>,
    /// The names that access points announced.
    pub(crate) networks: BTreeMap<Bssid, Vec<u8>>,
    /// The clinic's networks are assumed, not configured.
    pub(crate) is_assumed: bool,
    /// Where the reading ended before the end.
    pub(crate) stopped: Option<FileError>,
    /// Whether names may be printed.
    pub(crate) names: bool,
}

impl Heard {
    /// What a sensor heard, with what it tells to the person at the keyboard alone.
    pub(crate) fn of(name: &str, summary: Summary, sensor: &Sensor, names: bool) -> Heard {
        Heard {
            name: name.to_owned(),
            summary,
            hosts: sensor.hosts().iter().map(|host| (host.id, *host)).collect(),
            networks: sensor.network_names().map(|(bssid, octets)| (bssid, octets.to_vec())).collect(),
            is_assumed: sensor.hosts().is_assumed(),
            stopped: None,
            names,
        }
    }

    /// The time at which to judge: the end of the capture by its own clock; where that clock was never set, the date of
    /// the knowledge.
    pub(crate) fn judged_at(&self, knowledge: &Knowledge) -> Timestamp {
        if self.summary.window.to < CLOCK_WAS_SET { knowledge.dated() } else { self.summary.window.to }
    }
}

/// Why an input could not be used.
pub(crate) enum Trouble {
    Open(io::Error),
    File(FileError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Open(e) => write!(f, "cannot be opened ({e}); check the path and that you may read it"),
            Trouble::File(e) => e.fmt(f),
        }
    }
}

/// Reads one input to its end.
pub(crate) fn read(name: &str, arguments: &Arguments) -> Result<Heard, Trouble> {
    let mut sensor = Sensor::new(settings(arguments));
    let (end, frames) = if name == "-" {
        listen(io::stdin(), None, &mut sensor)?
    } else {
        let file = File::open(name).map_err(Trouble::Open)?;
        let octets = file.metadata().map_or(0, |m| m.len());
        listen(file, Some(octets).filter(|o| *o >= PROGRESS_FROM_OCTETS), &mut sensor)?
    };
    let stopped = match end {
        End::Whole => None,
        End::Stopped(error) if frames == 0 => return Err(Trouble::File(error)),
        End::Stopped(error) => Some(error),
    };
    let summary = sensor.close();
    Ok(Heard { stopped, ..Heard::of(name, summary, &sensor, arguments.names) })
}

fn listen(input: impl Read + Send, octets: Option<u64>, sensor: &mut Sensor) -> Result<(End, u64), Trouble> {
    let mut capture = CaptureFile::open(input).map_err(Trouble::File)?;
    let bar = octets.filter(|_| io::stderr().is_terminal()).map(progress_bar);
    let mut frames = 0u64;
    let end = capture.each(|frame, octet| {
        frames = frames.saturating_add(1);
        if let Some(bar) = bar.as_ref().filter(|_| frames.is_multiple_of(FRAMES_A_TICK)) {
            bar.set_position(octet);
        }
        sensor.hear(frame);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok((end, frames))
}

fn progress_bar(octets: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    let bar = ProgressBar::new(octets);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// What a sensor is told of the place.
pub(crate) fn settings(arguments: &Arguments) -> Settings {
    let home = arguments.home.iter().map(|p| (*p, Zone::SameSegment));
    Settings {
        places: Places::new(home.chain(arguments.zone.iter().copied()).collect()),
        own_names: arguments.own_ssid.iter().map(|n| n.clone().into_bytes()).collect(),
        own_bssids: arguments.own_bssid.clone(),
        purposes: Vec::new(),
        memory: Memory::desk(),
        // Pseudonyms never leave this program: they need not be secret, and the same input gives the same output.
        key: *b"auscult-inspect prints addresses",
    }
}

/// 2000-01-01: a capture that ends before was made without a clock.
const CLOCK_WAS_SET: Timestamp = Timestamp::from_seconds(946_684_800);

/// A progress bar is shown for files of at least 32 MiB: smaller ones are read before it would be seen.
const PROGRESS_FROM_OCTETS: u64 = 32 * 1024 * 1024;

/// Frames between two movements of the progress bar.
const FRAMES_A_TICK: u64 = 16_384;
