//! A record of years, to measure what a reviewer's program makes of it: `cargo run --release -p auscult-tests --bin years -- --out FOLDER`.
//! Sensors of one clinic hear a recorded day again and again, with visitors that come and go each hour; what they seal goes through the
//! real door, is judged and stated day by day, sealed into the ledger, and handed out as a reviewer's folder.
//!
//! Prints how many reports there are, and octets and processor time of each step, that of the check too. Keeps: the folder. Drops: the
//! archive.

#![allow(clippy::disallowed_methods, reason = "a program that measures")]

use auscult_agent::capture::file::CaptureFile;
use auscult_agent::sensor::{Sensor, Settings};
use auscult_agent::window::Windows;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::{Answer, Limits};
use auscult_collector::judge::Judge;
use auscult_collector::review;
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::payload::{EpochReason, EpochStart, Extras, Payload};
use auscult_report::receipt::Outcome;
use auscult_report::seal::SealedReport;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::{MS_PER_DAY, Timestamp, Window};
use auscult_tests::archive::{Archive, Dice, Ear, Folder, NOW, answers};
use auscult_tests::spent::{cpu_ms, forget_peak, peak_kib};
use auscult_tests::watched::capture;
use clap::Parser;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::id;

#[derive(Parser)]
#[command(about = "Makes a record of years and measures a reviewer's check of it")]
struct Arguments {
    /// Sensors of the clinic.
    #[arg(long, default_value_t = 10)]
    sensors: u8,
    /// Days that they listen.
    #[arg(long, default_value_t = 5 * 365)]
    days: u64,
    /// The reviewer's folder: new or empty.
    #[arg(long)]
    out: PathBuf,
}

/// A sensor that hears the same day every day, and its visitors.
struct Listener {
    ear: Ear,
    windows: Windows,
    day: Summary,
    dice: Dice,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits { sensor_octets_day: u64::MAX, ..Limits::default() });
    let knowledge = Knowledge::compiled();
    let judge = Judge::new(&knowledge);
    let mut listeners: Vec<Listener> =
        (1..=arguments.sensors).map(|seed| Listener::new(Ear::enrolled(&clinic, seed), seed)).collect();
    let (mut reports, mut octets) = (0u64, 0usize);
    for hour in 0..arguments.days * HOURS {
        let end = Timestamp(NOW.0 + (hour + 1) * HOUR_MS);
        let sealed: Vec<SealedReport> = listeners.iter_mut().filter_map(|l| l.listen(end)).collect();
        let all: Vec<&[u8]> = sealed.iter().map(SealedReport::octets).collect();
        octets += all.iter().map(|o| o.len()).sum::<usize>();
        reports += u64::try_from(all.len()).unwrap();
        let said = answers(&door.take(&all, None, end).wait());
        assert!(said.iter().all(|a| *a == Answer::Done(Outcome::Stored)), "{said:?}");
        if (hour + 1).is_multiple_of(HOURS) {
            judge.catch_up(&clinic, end).unwrap();
            review::state(&clinic, &knowledge, end).unwrap();
            archive.ledger.take_all(&clinic, end).unwrap();
        }
    }
    let now = Timestamp(NOW.0 + arguments.days * MS_PER_DAY);
    let mut step = Steps(0);
    println!("{} sensors, {} days, {reports} reports of {octets} octets", arguments.sensors, arguments.days);
    step.took("made");
    review::export((&archive.ledger, &knowledge), &clinic, &arguments.out, None, now).unwrap();
    step.took("handed out");
    drop((door, archive, clinic));
    let scratch = Folder::new();
    review::verify(&arguments.out, &scratch.0, &knowledge, &mut |claim| println!("  {claim}")).unwrap();
    step.took("checked");
    println!("the folder has {} octets, the archive made again {}", size(&arguments.out), size(&scratch.0));
}

impl Listener {
    fn new(ear: Ear, seed: u8) -> Listener {
        let (octets, place) = capture("clinic-day-mixed");
        let mut engine = Sensor::new(Settings { key: [seed; 32], ..place.settings() });
        CaptureFile::open(&octets[..]).unwrap().each(|frame, _| engine.hear(frame));
        Listener { ear, windows: Windows::default(), day: engine.close(), dice: Dice(u64::from(seed)) }
    }

    /// Hears an hour: the report on it, if there is anything to tell.
    fn listen(&mut self, end: Timestamp) -> Option<SealedReport> {
        let Some(head) = self.ear.head else {
            let begin = EpochStart { reason: EpochReason::Enrolled, last: None, ext: Extras::new() };
            return Some(self.seal(&Payload::EpochStart(begin), end));
        };
        let window = Window { from: Timestamp(end.0 - HOUR_MS), to: end };
        // Four of five things are heard in any hour, and somebody who was not there before.
        let mut sightings: Vec<Sighting> =
            self.day.sightings.iter().filter(|_| self.dice.below(5) > 0).cloned().collect();
        let visitor = Subject::Host(HostId(self.dice.roll()));
        sightings.push(Sighting { subject: visitor, fact: Fact::Medical, zone: None, first: end, last: end, count: 1 });
        for sighting in &mut sightings {
            (sighting.first, sighting.last) = (window.from, window.from);
        }
        let summary = Summary { window, sightings: Bounded::first_of(sightings).0, ..self.day.clone() };
        let payload = self.windows.close(summary)?;
        let sealed = self.seal(&payload, end);
        self.windows.written(head.place, &payload);
        Some(sealed)
    }

    fn seal(&mut self, payload: &Payload, end: Timestamp) -> SealedReport {
        self.ear.uptime_ms = end.0 - NOW.0;
        let sealed = SealedReport::seal(&self.ear.key, &self.ear.stamp(), payload).unwrap();
        self.ear.hold(&sealed);
        sealed
    }
}

/// Processor time up to the last step, in milliseconds.
struct Steps(u64);

impl Steps {
    fn took(&mut self, what: &str) {
        let all = cpu_ms(id());
        let (spent_s, peak_mib) = ((all - self.0) / 1_000, peak_kib(id()) / 1_024);
        println!("{what:<12} {spent_s:5} s of processor time, at most {peak_mib} MiB resident");
        self.0 = all;
        forget_peak();
    }
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|e| if e.path().is_dir() { size(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

const HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;
