//! The spool seen from beside it, while the daemon may be writing: nothing is changed, nothing is locked.
//!
//! Keeps: the head, up to where it is settled, how much lies there. Drops: what the reports say.

use super::stored::Stored;
use super::{ALIVE, CHAIN};
use auscult_report::chain::Head;
use auscult_report::header::Seen;
use auscult_report::heartbeat::MAX_BODY;
use auscult_report::payload::Place;
use std::fs;
use std::path::Path;

/// What is seen.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The head of the chain.
    pub head: Option<Head>,
    /// Up to where receipts settled everything.
    pub settled: Option<Place>,
    /// The newest checkpoint that this sensor has verified.
    pub seen: Option<Seen>,
    /// The version of the trust bundle that reports name.
    pub bundle_version: u32,
    /// Reports on the disk.
    pub reports: u32,
    /// Their octets.
    pub octets: u64,
    /// The newest sign of life, sealed.
    pub alive: Option<Vec<u8>>,
}

/// Looks at a state folder.
#[must_use]
pub fn look(state: &Path) -> Look {
    let stored = fs::read(state.join(CHAIN)).ok().and_then(|octets| Stored::decode(&octets));
    let mut look = Look {
        head: stored.map(|s| s.head),
        settled: stored.and_then(|s| s.settled),
        seen: stored.and_then(|s| s.seen),
        bundle_version: stored.map_or(0, |s| s.bundle_version),
        ..Look::default()
    };
    for file in fs::read_dir(state.join("spool")).into_iter().flatten().flatten() {
        if file.file_name().to_str().is_some_and(|n| n.ends_with(".report")) {
            look.reports = look.reports.saturating_add(1);
            look.octets = look.octets.saturating_add(file.metadata().map_or(0, |m| m.len()));
        }
    }
    let alive = state.join(ALIVE);
    let short = |octets: &Vec<u8>| octets.len() <= MAX_BODY.saturating_mul(2);
    look.alive = fs::metadata(&alive).ok().and_then(|_| fs::read(&alive).ok()).filter(short);
    look
}
