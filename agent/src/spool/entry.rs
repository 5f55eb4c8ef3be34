//! What the spool knows of a report without reading it again, and how it reads one of its own.
//!
//! Keeps: length, kind, hash, time, what a Gap tells of. Drops: what the report says.

use crate::identity::Identity;
use auscult_report::chain::Head;
use auscult_report::key::Hash;
use auscult_report::payload::{Gap, Kind, Payload, Place};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::time::{Timestamp, Window};

/// What is known of a report on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) octets: u64,
    pub(super) kind: Kind,
    pub(super) hash: Hash,
    /// When it was made.
    pub(super) wall: Timestamp,
    /// The time that it speaks of.
    pub(super) window: Option<Window>,
    /// For a [`Kind::Gap`]: what it says was given up.
    pub(super) gap: Option<Gone>,
}

/// Reports that a Gap tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) epoch: u32,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) last: Hash,
    pub(super) window: Window,
}

impl Entry {
    pub(super) fn of(report: &VerifiedReport, octets: usize) -> Entry {
        let (header, payload) = (report.header(), report.payload());
        let (window, gap) = match payload {
            Some(Payload::Full(p)) => (Some(p.summary.window), None),
            Some(Payload::Changes(p)) => (Some(p.window), None),
            Some(Payload::Event(p)) => (Some(p.window), None),
            Some(Payload::Gap(g)) => (None, Some(Gone::of(g))),
            _ => (None, None),
        };
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        Entry { octets, kind: header.kind, hash: report.hash(), wall: header.moment.wall, window, gap }
    }
}

impl Gone {
    pub(super) const fn of(gap: &Gap) -> Gone {
        Gone { epoch: gap.epoch, from: gap.from, to: gap.to, last: gap.last, window: gap.window }
    }

    pub(super) const fn holds(&self, place: Place) -> bool {
        self.epoch == place.epoch && self.from <= place.seq && place.seq <= self.to
    }
}

/// A report of this sensor, verified as everybody else would.
pub(super) fn open_own(identity: &Identity, sealed: &SealedReport) -> Option<VerifiedReport> {
    let frame = sealed.parse_frame().ok()?;
    let key = identity.key(frame.claimed().key_no)?;
    frame.verify(&key.public()).ok().filter(|r| r.header().sensor == identity.sensor())
}

/// The head behind a report, taken by itself.
pub(super) fn head_of(report: &VerifiedReport) -> Head {
    let header = report.header();
    let (key_no, key) = match report.payload() {
        Some(Payload::KeyRotation(rotation)) => (header.key_no.saturating_add(1), rotation.new_key),
        _ => (header.key_no, *report.key()),
    };
    let closed = header.kind == Kind::Farewell;
    Head { ledger: header.ledger, sensor: header.sensor, key_no, key, place: header.place, hash: report.hash(), closed }
}
