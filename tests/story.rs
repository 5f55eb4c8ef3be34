//! One clinic with one sensor, and what its archive finds hour after hour: what the tests of findings over time share.

use crate::archive::{Archive, Ear, Folder, NOW, answers, send};
use crate::reviewer::claims;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ingest::{Answer, Limits};
use auscult_collector::judge::Judge;
use auscult_collector::review;
use auscult_collector::store::{ClinicStore, NOBODY, StepRow};
use auscult_report::payload::Payload;
use auscult_report::receipt::Outcome;
use auscult_report::seal::SealedReport;
use auscult_report::time::Timestamp;

/// Milliseconds of an hour.
pub const HOUR: u64 = 3_600_000;

/// So many hours after [`NOW`].
#[must_use]
pub fn at(hour: u64) -> Timestamp {
    Timestamp(NOW.0 + hour * HOUR)
}

/// A clinic, its sensor, and the present.
pub struct Story {
    /// Where its reports are kept.
    pub archive: Archive,
    /// The clinic.
    pub clinic: ClinicStore,
    /// Its sensor.
    pub ear: Ear,
    /// What is judged by.
    pub knowledge: Knowledge,
    /// When it was last looked at.
    pub now: Timestamp,
    /// Where all of it lies; gone last.
    pub folder: Folder,
}

impl Story {
    /// A sensor that has just begun.
    ///
    /// # Panics
    /// If its archive cannot be made.
    #[must_use]
    pub fn new() -> Story {
        let folder = Folder::new();
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let mut ear = Ear::enrolled(&clinic, 1);
        send(&archive.door(Limits::default()), &ear.chain(1), NOW);
        Story { archive, clinic, ear, knowledge: Knowledge::compiled(), now: NOW, folder }
    }

    /// The sensor's next report comes in this hour.
    ///
    /// # Panics
    /// If it is not kept.
    pub fn say(&mut self, hour: u64, payload: &Payload) {
        let report = self.ear.say(payload);
        self.send(hour, &[report]);
    }

    /// These reports come in this hour.
    ///
    /// # Panics
    /// If one of them is not kept.
    pub fn send(&mut self, hour: u64, reports: &[SealedReport]) {
        let items = send(&self.archive.door(Limits::default()), reports, at(hour));
        assert!(answers(&items).iter().all(|a| *a == Answer::Done(Outcome::Stored)), "{items:?}");
        self.look(hour);
    }

    /// The archive looks at its sensors in this hour.
    ///
    /// # Panics
    /// If it cannot.
    pub fn look(&mut self, hour: u64) {
        self.now = at(hour);
        self.judge();
    }

    /// The archive looks again at once.
    ///
    /// # Panics
    /// If it cannot.
    pub fn judge(&self) {
        Judge::new(&self.knowledge).catch_up(&self.clinic, self.now).unwrap();
    }

    /// What became of a rule's finding, and how bad it then was: `opened medium`.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn steps(&self, rule: &str) -> Vec<String> {
        let word = |severity: u8| ["info", "low", "medium", "high", "critical"][usize::from(severity)];
        self.of(rule).iter().map(|s| format!("{} {}", s.what, word(s.severity))).collect()
    }

    /// When it became so.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn moments(&self, rule: &str) -> Vec<Timestamp> {
        self.of(rule).iter().map(|s| s.at).collect()
    }

    /// Rules of all that was found.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.every_step().into_iter().map(|s| s.rule).collect()
    }

    /// Counts as failure: other findings, other lists, when all is judged anew from the envelopes and the statements.
    ///
    /// # Panics
    /// If they are others, or cannot be read.
    pub fn same_from_the_envelopes_alone(&self) {
        let told = || {
            (
                self.clinic.judged(self.ear.id()).unwrap(),
                self.clinic.judged(NOBODY).unwrap().1,
                self.every_step(),
                self.clinic.assets(None, 1_000).unwrap(),
                self.clinic.listened(0).unwrap(),
            )
        };
        let before = told();
        Judge::new(&self.knowledge).rebuild(&self.clinic, self.now).unwrap();
        assert_eq!(before, told());
        self.same_for_a_reviewer();
    }

    /// Counts as failure: the record that a reviewer takes along does not verify, or other findings follow from it than are shown.
    fn same_for_a_reviewer(&self) {
        let Archive { ledger, .. } = &self.archive;
        ledger.take_all(&self.clinic, self.now).unwrap();
        let folder = Folder::new();
        review::export((ledger, &self.knowledge), &self.clinic, &folder.0, None, self.now).unwrap();
        let claims = claims(&folder.0);
        assert!(claims.last().unwrap().contains("is what follows from the record"), "{claims:?}");
        assert!(!claims.iter().any(|claim| claim.contains("not compared")), "{claims:?}");
    }

    fn of(&self, rule: &str) -> Vec<StepRow> {
        self.every_step().into_iter().filter(|s| s.rule == rule).collect()
    }

    /// Of the sensor, then of what no sensor says.
    fn every_step(&self) -> Vec<StepRow> {
        let steps = |sensor| self.clinic.finding_steps(sensor).unwrap();
        [steps(self.ear.id()), steps(NOBODY)].concat()
    }
}

impl Default for Story {
    fn default() -> Story {
        Story::new()
    }
}
