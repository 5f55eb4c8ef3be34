//! What detectors say: facts about subjects, and how much of them.
//!
//! Keeps: keyed hashes of things that are only counted (`counted`). Drops: the things.

use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;

/// A fact, as it leaves a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// About what.
    pub subject: Subject,
    /// Towards whom, for facts that go by zone.
    pub zone: Option<Zone>,
    /// What.
    pub fact: Fact,
    /// How much.
    pub amount: Amount,
}

/// How much of a fact was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many times more.
    Times(u32),
    /// One of a number of different things, by keyed hash.
    Different(u64),
    /// One of many: the fact is true when more than `most` different things of a group were heard within an hour.
    Many {
        /// What they have in common, by keyed hash.
        group: u64,
        /// The thing, by keyed hash.
        thing: u64,
        /// How many are usual.
        most: u16,
    },
    /// The first or the second of two things: the fact is true when the second was heard within a day after the first.
    After {
        /// What both are about, by keyed hash.
        thing: u64,
        /// Whether this is the second.
        is_second: bool,
    },
}
