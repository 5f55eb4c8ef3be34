//! What the collector said of reports: settled, refused for good, wanted again; and what it showed of its ledger.
//!
//! Keeps: how far everything is settled, the newest checkpoint with its generation, the version of the trust bundle, all in
//! one file that changes at once; refused reports beside the spool, up to a bound. Drops: settled reports that were kept
//! long enough, and the oldest refused ones; a Gap has told of these.

use super::disk::put;
use super::entry::Gone;
use super::{Bounds, NO_CHAIN, Spool, Stored, Trouble, name};
use crate::identity::Identity;
use auscult_report::header::{Moment, Seen};
use auscult_report::key::Hash;
use auscult_report::payload::{GapReason, Kind, Place};
use auscult_report::time::Timestamp;
use std::fs;
use std::io;
use std::path::PathBuf;

impl Spool {
    /// A receipt settled everything up to a place: it may leave when it has been kept for a while.
    ///
    /// # Errors
    /// Whether to try again; nothing leaves before it is on the disk that it may.
    pub fn settle(&mut self, up_to: Place, seen: Option<Seen>, now: Timestamp) -> Result<(), Trouble> {
        let stored = self.stored.ok_or(Trouble::Never("nothing was sealed that could be settled"))?;
        if up_to > stored.head.place {
            return Err(Trouble::Never("a receipt settles what was never sealed"));
        }
        let settled = stored.settled.max(Some(up_to));
        self.store(Stored { settled, seen: seen.or(stored.seen), ..stored })?;
        let Bounds { keep_ms, .. } = self.bounds;
        let leaving: Vec<Place> = self
            .entries
            .iter()
            .filter(|(place, e)| Some(**place) <= settled && now.since_ms(e.wall) >= keep_ms)
            .map(|(place, _)| *place)
            .collect();
        leaving.into_iter().try_for_each(|place| self.remove(place))
    }

    /// The newest checkpoint that was verified, and the generation of the ledger that it is of. `None` where a new
    /// generation began and nothing of it is proven yet.
    ///
    /// # Errors
    /// Whether to try again; until then the one before counts.
    pub fn see(&mut self, generation: u32, seen: Option<Seen>) -> Result<(), Trouble> {
        let stored = self.stored.ok_or(NO_CHAIN)?;
        if (stored.generation, stored.seen) == (Some(generation), seen) {
            return Ok(());
        }
        self.store(Stored { generation: Some(generation), seen, ..stored })
    }

    /// The key that the collector knows to be this sensor's: not the newest one, as long as the report that hands over to it
    /// waits.
    #[must_use]
    pub fn known_key_no(&self) -> u16 {
        let waiting = self.waiting().filter(|(_, kind)| *kind == Kind::KeyRotation).count();
        let newest = self.head().map_or(0, |head| head.key_no);
        newest.saturating_sub(u16::try_from(waiting).unwrap_or(u16::MAX))
    }

    /// The generation of the ledger that was seen.
    #[must_use]
    pub fn generation(&self) -> Option<u32> {
        self.stored.and_then(|s| s.generation)
    }

    /// The version of the trust bundle that reports name from now on.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn trusts(&mut self, bundle_version: u32) -> Result<(), Trouble> {
        let stored = self.stored.ok_or(NO_CHAIN)?;
        if stored.bundle_version == bundle_version { Ok(()) } else { self.store(Stored { bundle_version, ..stored }) }
    }

    /// The version of the trust bundle that reports name.
    #[must_use]
    pub fn bundle_version(&self) -> u32 {
        self.stored.map_or(0, |s| s.bundle_version)
    }

    /// The hash of the report that this sensor made at a place, if it still knows it.
    #[must_use]
    pub fn own(&self, place: Place) -> Option<Hash> {
        let head = self.head().filter(|h| h.place == place).map(|h| h.hash);
        self.entries.get(&place).map(|e| e.hash).or_else(|| self.recent.get(&place).copied()).or(head)
    }

    /// Every report on the disk, settled ones too, in the order of the chain: place, kind, octets.
    pub fn here(&self) -> impl Iterator<Item = (Place, Kind, u64)> {
        self.entries.iter().map(|(place, e)| (*place, e.kind, e.octets))
    }

    /// Reports are not longer than this from now on: something on the way takes no longer ones.
    pub fn shorten(&mut self, octets: u64) {
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        self.longest = self.longest.min(octets.max(SHORTEST_BOUND));
    }

    /// Looks at the disk again: something there is not what was written.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn look_again(&mut self, identity: &Identity, moment: Moment) -> Result<(), Trouble> {
        self.unsure = true;
        self.be_sure(identity, moment)
    }

    /// Leaves a small file beside the chain, for who looks at the state folder.
    ///
    /// # Errors
    /// Whether to try again; the chain is not touched.
    pub fn leave(&self, name: &str, octets: &[u8]) -> Result<(), Trouble> {
        put(&*self.disk, &self.state, name, octets).map_err(|e| Trouble::Later("writing beside the chain", e))
    }

    /// Gives up a report that the collector will never take: it is kept aside, a Gap tells of it, and it leaves the spool.
    /// False if the chain cannot do without it; then nothing is changed.
    ///
    /// # Errors
    /// Whether to try again.
    pub fn give_up(
        &mut self,
        identity: &Identity,
        place: Place,
        why: GapReason,
        moment: Moment,
    ) -> Result<bool, Trouble> {
        self.be_sure(identity, moment)?;
        let Some(entry) = self.entries.get(&place).copied() else { return Ok(true) };
        if !matches!(entry.kind, Kind::Full | Kind::Changes | Kind::Event) {
            return Ok(false);
        }
        let octets = self.report(place)?.octets().to_vec();
        self.park(place, &octets)?;
        let window = entry.window.unwrap_or_default();
        let gone = Gone { epoch: place.epoch, from: place.seq, to: place.seq, last: entry.hash, window };
        self.tell_gap(identity, gone, why, moment)?;
        self.remove(place)?;
        Ok(true)
    }

    /// Keeps a refused report aside for a person, as far as there is room.
    fn park(&self, place: Place, octets: &[u8]) -> Result<(), Trouble> {
        let later = |e: io::Error| Trouble::Later("keeping a refused report aside", e);
        let folder = self.state.join(PARKED);
        fs::create_dir_all(&folder).map_err(later)?;
        let room = PARKED_OCTETS.saturating_sub(octets.len());
        let mut parked: Vec<(PathBuf, usize)> = Vec::new();
        for file in fs::read_dir(&folder).map_err(later)?.flatten() {
            let length = file.metadata().map_or(0, |m| usize::try_from(m.len()).unwrap_or(usize::MAX));
            parked.push((file.path(), length));
        }
        parked.sort_unstable();
        let mut octets_there: usize = parked.iter().fold(0, |n, (_, length)| n.saturating_add(*length));
        for (path, length) in parked {
            if octets_there > room {
                self.disk.remove(&path).map_err(later)?;
                octets_there = octets_there.saturating_sub(length);
            }
        }
        if octets.len() > PARKED_OCTETS {
            return Ok(());
        }
        put(&*self.disk, &folder, &name(place), octets).map_err(later)
    }
}

/// Beside the spool: reports that the collector refused.
const PARKED: &str = "parked";
/// Octets of them all: enough to see what went wrong.
const PARKED_OCTETS: usize = 65_536;
/// No way is so narrow: a report of a small clinic has 3,000 octets.
const SHORTEST_BOUND: usize = 16_384;
