//! The judge: findings as a pure function of sightings, dated knowledge and a time. No clock, no disk, no socket.
//!
//! In the order things are made: [`date`], [`version`], [`table`] (the forms of dated tables), [`value`] and [`vocabulary`]
//! (the named values), [`condition`], [`control`] and [`rule`] (what is asked of them), [`knowledge`] (all of it, with its hash),
//! [`lifecycle`] (when support ends), [`sensing`] (what is known of who heard it), [`past`] (what was heard before), [`facts`] (from sightings to named values), the
//! judge itself; beside it [`clock`] (what the law wants told until when) and [`plan`] (what follows from what people planned).
//!
//! The same summary, the same knowledge and the same time always give the same findings: a reviewer can repeat them.

pub mod clock;
pub mod condition;
pub mod control;
pub mod date;
pub mod facts;
mod judge;
pub mod knowledge;
pub mod lifecycle;
pub mod past;
pub mod plan;
pub mod rule;
pub mod sensing;
pub mod table;
pub mod value;
pub mod version;
pub mod vocabulary;

pub use judge::{Finding, SHOWN_PERCENT, SURE_PERCENT};
pub use rule::{Rule, Severity};

use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use facts::{Picture, Stated};
use knowledge::Knowledge;
use past::Past;
use sensing::Sensing;

/// The findings of a window at `now`, the worst first: by severity, by how sure they are, in the order of the
/// catalogue.
///
/// Those with a confidence below 50 of 100 are observations: to be shown apart, not counted, never alerted.
#[must_use]
pub fn assess<'k>(summary: &Summary, knowledge: &'k Knowledge, now: Timestamp) -> Vec<Finding<'k>> {
    assess_by(summary, &Sensing::default(), knowledge, now)
}

/// The same, where something is known of the sensor that heard the window.
#[must_use]
pub fn assess_by<'k>(
    summary: &Summary,
    sensing: &Sensing,
    knowledge: &'k Knowledge,
    now: Timestamp,
) -> Vec<Finding<'k>> {
    assess_over(summary, (sensing, &Past::default()), knowledge, now)
}

/// The same, where it is known what was heard before.
#[must_use]
pub fn assess_over<'k>(
    summary: &Summary,
    (sensing, past): (&Sensing, &Past),
    knowledge: &'k Knowledge,
    now: Timestamp,
) -> Vec<Finding<'k>> {
    judge::findings(summary, knowledge, &Picture::of(summary, (sensing, past), knowledge, now))
}

/// What is known of each subject of a window at `now`, by the names of `assess/knowledge/facts.tsv`.
#[must_use]
pub fn stated(summary: &Summary, knowledge: &Knowledge, now: Timestamp) -> Vec<Stated> {
    Picture::of(summary, (&Sensing::default(), &Past::default()), knowledge, now).stated()
}
