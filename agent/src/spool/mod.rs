//! The spool: reports on the disk until a receipt settles them. The only file that writes reports.
//!
//! A number is used when its report may leave; by then the report, and behind it the head that names it, are on the disk
//! (`spool/EPOCH-SEQ.report`, then `chain`), each under another name first. So a power cut costs at most a report that
//! nobody has seen, and no number is ever used twice. After an error nothing is assumed: the next call looks at the disk
//! again, as a new start would.
//!
//! Keeps: reports that wait; settled ones for a while, as far as there is room. Drops: when it is full, settled ones
//! first, then the oldest changes, then the oldest; a signed Gap says which.

pub mod disk;
mod entry;
mod look;
mod recover;
mod room;
mod stored;
mod told;

use crate::identity::Identity;
use auscult_report::batch::MAX_BATCH_OCTETS;
use auscult_report::chain::{Head, NOTHING_BEFORE, follows};
use auscult_report::header::{Moment, Seen};
use auscult_report::key::{Hash, hash};
use auscult_report::payload::{EpochReason, EpochStart, Extras, Kind, Known, Payload, Place};
use auscult_report::seal::{SealedReport, Stamp};
use core::fmt;
use disk::Disk;
use entry::{Entry, head_of, open_own};
pub use look::{Look, look};
pub use recover::Recovered;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use stored::Stored;

/// Reports on the disk.
pub struct Spool {
    disk: Box<dyn Disk>,
    state: PathBuf,
    folder: PathBuf,
    bounds: Bounds,
    entries: BTreeMap<Place, Entry>,
    stored: Option<Stored>,
    /// A report that was being written when something failed, and the hash of its payload.
    attempt: Option<(Known, Hash)>,
    /// The key that signs next, as far as the reports on the disk tell.
    last_key_no: Option<u16>,
    /// Whether the disk may hold something else than is believed.
    unsure: bool,
    /// Hashes of the newest reports, whether they are still here or not: receipts speak of them.
    recent: BTreeMap<Place, Hash>,
    /// The longest report that is made.
    longest: usize,
}

impl Spool {
    /// How much is kept from now on; what is over goes when the next report is written.
    pub const fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Octets of all reports.
    pub octets: u64,
    /// Milliseconds for which a settled report is kept, as far as there is room.
    pub keep_ms: u64,
}

/// How full the spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Octets of all reports on the disk.
    pub octets: u64,
    /// Reports that wait for a receipt.
    pub waiting: u32,
    /// Reports that were settled and are kept.
    pub kept: u32,
}

/// What went wrong, and whether trying again may help.
#[derive(Debug)]
pub enum Trouble {
    /// Try again later: what was being done, and what the system said.
    Later(&'static str, io::Error),
    /// The payload is too long for a report: tell less.
    TooLarge,
    /// It will not get better by itself.
    Never(&'static str),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Later(doing, e) => write!(f, "{doing}: {e}; will be tried again"),
            Trouble::TooLarge => f.write_str("a report would be too large"),
            Trouble::Never(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for Trouble {}

impl Spool {
    /// Opens the spool in the state folder, as a power cut may have left it, and begins the chain where there is none.
    ///
    /// # Errors
    /// [`Trouble::Never`] if it belongs to another ledger or sensor; [`Trouble::Later`] if the disk does not let us.
    pub fn open(
        disk: Box<dyn Disk>,
        state: &Path,
        bounds: Bounds,
        identity: &Identity,
        moment: Moment,
    ) -> Result<(Spool, Recovered), Trouble> {
        let folder = state.join("spool");
        std::fs::create_dir_all(&folder).map_err(|e| Trouble::Later("making the spool's folder", e))?;
        let mut spool = Spool {
            disk,
            state: state.to_owned(),
            folder,
            bounds,
            entries: BTreeMap::new(),
            stored: None,
            attempt: None,
            last_key_no: None,
            unsure: true,
            recent: BTreeMap::new(),
            longest: LONGEST_REPORT,
        };
        let recovered = spool.recover(identity, moment)?;
        Ok((spool, recovered))
    }

    /// Seals a payload as the next report of the chain. When this returns, it is on the disk. If it fails, the same
    /// payload may be given again: it becomes one report.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn append(&mut self, identity: &Identity, payload: &Payload, moment: Moment) -> Result<Known, Trouble> {
        self.be_sure(identity, moment)?;
        let digest = hash(b"", &[&payload.encode().ok_or(Trouble::TooLarge)?]);
        if let Some((known, of)) = self.attempt.take()
            && of == digest
            && self.entries.get(&known.place).is_some_and(|e| e.hash == known.hash)
        {
            return Ok(known);
        }
        let sealed = self.seal(identity, payload, moment)?;
        if self.make_room(identity, sealed.octets().len(), moment)? {
            // A Gap came in between: the report has another number now.
            let sealed = self.seal(identity, payload, moment)?;
            return self.write(identity, &sealed, digest);
        }
        match self.write(identity, &sealed, digest) {
            Err(Trouble::Later(_, e)) if is_full(&e) && self.drop_kept() => {
                self.be_sure(identity, moment)?;
                self.attempt = None;
                let sealed = self.seal(identity, payload, moment)?;
                self.write(identity, &sealed, digest)
            }
            written => written,
        }
    }

    /// Begins a new epoch: the collector's head is ahead of ours, or it holds another report of the same number.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn begin_epoch(
        &mut self,
        identity: &Identity,
        reason: EpochReason,
        last: Option<Known>,
        moment: Moment,
    ) -> Result<Known, Trouble> {
        self.be_sure(identity, moment)?;
        let known = self.entries.keys().next_back().map(|p| p.epoch).max(last.map(|k| k.place.epoch));
        let used = known.max(identity.epoch()).max(self.stored.map(|s| s.head.place.epoch));
        let place = Place { epoch: used.map_or(0, |e| e.saturating_add(1)), seq: 0 };
        let key_no = self.stored.map(|s| s.head.key_no).or(self.last_key_no);
        let key_no = key_no.unwrap_or_else(|| identity.newest_key_no());
        self.start(identity, (place, key_no), reason, last, moment)
    }

    /// Writes the report that begins an epoch.
    fn start(
        &mut self,
        identity: &Identity,
        (place, key_no): (Place, u16),
        reason: EpochReason,
        last: Option<Known>,
        moment: Moment,
    ) -> Result<Known, Trouble> {
        let prev = last.map_or(NOTHING_BEFORE, |k| k.hash);
        let payload = Payload::EpochStart(EpochStart { reason, last, ext: Extras::new() });
        let (seen, bundle_version) = self.stored.map_or((None, 0), |s| (s.seen, s.bundle_version));
        let (ledger, sensor) = (identity.ledger(), identity.sensor());
        let stamp = Stamp { ledger, sensor, key_no, place, prev, moment, seen, bundle_version };
        let key = identity.key(key_no).ok_or(NO_KEY)?;
        let sealed = SealedReport::seal(key, &stamp, &payload).map_err(|_| Trouble::TooLarge)?;
        self.write(identity, &sealed, [0; 32])
    }

    /// Says in the chain that the newest key takes over, if it did not yet.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn rotate(&mut self, identity: &Identity, moment: Moment) -> Result<Option<Known>, Trouble> {
        self.be_sure(identity, moment)?;
        let head = self.stored.ok_or(NO_CHAIN)?.head;
        let next = head.key_no.checked_add(1).and_then(|n| identity.key(n));
        let Some(next) = next else { return Ok(None) };
        self.append(identity, &Payload::KeyRotation(head.rotate(next)), moment).map(Some)
    }

    /// The head of the chain.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.stored.map(|s| s.head)
    }

    /// Up to where receipts settled everything.
    #[must_use]
    pub fn settled(&self) -> Option<Place> {
        self.stored.and_then(|s| s.settled)
    }

    /// The newest checkpoint that this sensor has verified.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        self.stored.and_then(|s| s.seen)
    }

    /// Where the reports stand that wait for a receipt, in the order of the chain. Each may leave.
    pub fn waiting(&self) -> impl Iterator<Item = (Place, Kind)> {
        let (settled, head) = (self.settled(), self.head().map(|h| h.place));
        let waits = move |place: &Place| Some(*place) > settled && Some(*place) <= head;
        self.entries.iter().filter(move |(place, _)| waits(place)).map(|(place, e)| (*place, e.kind))
    }

    /// The octets of a report.
    ///
    /// # Errors
    /// [`Trouble::Later`] if it cannot be read, or is not what was written.
    pub fn report(&self, place: Place) -> Result<SealedReport, Trouble> {
        let reading = |e| Trouble::Later("reading a report", e);
        let entry = self.entries.get(&place).ok_or_else(|| reading(io::ErrorKind::NotFound.into()))?;
        let octets = std::fs::read(self.folder.join(name(place))).map_err(reading)?;
        let sealed = SealedReport::from_octets(octets);
        if sealed.hash() == entry.hash { Ok(sealed) } else { Err(reading(io::ErrorKind::InvalidData.into())) }
    }

    /// How full it is.
    #[must_use]
    pub fn fill(&self) -> Fill {
        let waiting = u32::try_from(self.waiting().count()).unwrap_or(u32::MAX);
        let all = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        Fill { octets: self.octets(), waiting, kept: all.saturating_sub(waiting) }
    }

    /// Keeps the newest sign of life beside the chain: what `status` shows, and later what is sent.
    ///
    /// # Errors
    /// Whether to try again; the chain is not touched.
    pub fn keep_alive(&self, sealed: &[u8]) -> Result<(), Trouble> {
        disk::put(&*self.disk, &self.state, ALIVE, sealed).map_err(|e| Trouble::Later("writing a sign of life", e))
    }

    fn octets(&self) -> u64 {
        self.entries.values().fold(0, |n, e| n.saturating_add(e.octets))
    }

    /// After an error: looks at the disk again before anything is written.
    fn be_sure(&mut self, identity: &Identity, moment: Moment) -> Result<(), Trouble> {
        if self.unsure {
            self.recover(identity, moment)?;
        }
        Ok(())
    }

    fn seal(&self, identity: &Identity, payload: &Payload, moment: Moment) -> Result<SealedReport, Trouble> {
        let stored = self.stored.ok_or(NO_CHAIN)?;
        if stored.head.closed {
            return Err(Trouble::Never("the sensor said farewell; it needs a new key and a new enrolment"));
        }
        let key = identity.key(stored.head.key_no).ok_or(NO_KEY)?;
        let stamp = stored.head.next(moment, stored.seen, stored.bundle_version);
        let sealed = SealedReport::seal(key, &stamp, payload).map_err(|_| Trouble::TooLarge)?;
        if sealed.octets().len() > self.longest { Err(Trouble::TooLarge) } else { Ok(sealed) }
    }

    /// Brings a report onto the disk, and behind it the head that names it.
    fn write(&mut self, identity: &Identity, sealed: &SealedReport, payload: Hash) -> Result<Known, Trouble> {
        let report = open_own(identity, sealed).ok_or(Trouble::Never("a report of our own does not verify"))?;
        let head = match self.stored {
            Some(stored) => follows(&stored.head, &report).unwrap_or_else(|_| head_of(&report)),
            None => head_of(&report),
        };
        (self.attempt, self.unsure) = (Some((head.known(), payload)), true);
        disk::put(&*self.disk, &self.folder, &name(head.place), sealed.octets())
            .map_err(|e| Trouble::Later("writing a report", e))?;
        if self.stored.is_none_or(|s| s.head.place.epoch != head.place.epoch) {
            use_epoch(identity, head.place.epoch)?;
        }
        let entry = Entry::of(&report, sealed.octets().len());
        let old = self.stored.filter(|s| s.head.ledger == head.ledger);
        self.store(match old {
            Some(stored) => Stored { head, ..stored },
            None => Stored::begun(head),
        })?;
        self.entries.insert(head.place, entry);
        self.recent.insert(head.place, head.hash);
        while self.recent.len() > RECENT {
            self.recent.pop_first();
        }
        (self.attempt, self.unsure) = (None, false);
        Ok(head.known())
    }

    /// Brings the file `chain` onto the disk.
    fn store(&mut self, stored: Stored) -> Result<(), Trouble> {
        let octets = stored.encode().ok_or(Trouble::TooLarge)?;
        self.unsure = true;
        disk::put(&*self.disk, &self.state, CHAIN, &octets).map_err(|e| Trouble::Later("writing the head", e))?;
        (self.stored, self.unsure) = (Some(stored), false);
        Ok(())
    }

    /// Takes a report from the disk. That it may be taken stands on the disk already.
    fn remove(&mut self, place: Place) -> Result<(), Trouble> {
        match self.disk.remove(&self.folder.join(name(place))) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                self.unsure = true;
                Err(Trouble::Later("removing a report", e))
            }
            _ => {
                self.entries.remove(&place);
                Ok(())
            }
        }
    }
}

fn use_epoch(identity: &Identity, epoch: u32) -> Result<(), Trouble> {
    identity.use_epoch(epoch).map_err(|e| Trouble::Later("remembering the epoch", io::Error::other(e)))
}

fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded)
}

/// Octets of a name: epoch in 8 and number in 16 hexadecimal digits, so that names stand in the order of the chain.
fn name(place: Place) -> String {
    format!("{:08x}-{:016x}.report", place.epoch, place.seq)
}

/// Hashes that are remembered: more than a batch.
const RECENT: usize = 256;
/// A report must fit into a batch with its length.
const LONGEST_REPORT: usize = MAX_BATCH_OCTETS.saturating_sub(4);
const CHAIN: &str = "chain";
/// The file of the newest sign of life, in the state folder.
pub const ALIVE: &str = "alive";
const NO_KEY: Trouble = Trouble::Never("the key that is due is not there");
const NO_CHAIN: Trouble = Trouble::Never("the chain has not begun");
