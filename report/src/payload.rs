//! What a report carries, by kind; each type has the number of its schema and never changes once it was released.
//!
//! Keeps: the summary of a window whole, or what changed since the last whole one; what happened at once; what is
//! missing and why; the beginnings and ends of the chain. Drops: text: no type here has a field for it.

use crate::bounded::Bounded;
use crate::key::{Hash, PublicKey, Signature};
use crate::summary::{Counters, HostEntry, MAX_HOSTS, MAX_SIGHTINGS, Sighting, Summary};
use crate::time::Window;
use alloc::collections::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

words! {
    /// What a report is. The list is closed: a new kind needs a new version of the envelope.
    Kind {
        /// All that is known: at start, every six hours, after 24 [`Kind::Changes`], and when asked.
        Full = "full",
        /// What changed since the last [`Kind::Full`].
        Changes = "changes",
        /// What cannot wait for the end of the window.
        Event = "event",
        /// Reports that were given up, and why.
        Gap = "gap",
        /// The first of an epoch.
        EpochStart = "epoch-start",
        /// The next report is signed with another key.
        KeyRotation = "key-rotation",
        /// The last: the sensor was taken out of use.
        Farewell = "farewell",
    }
}

/// The payload of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// See [`Kind::Full`].
    Full(Full),
    /// See [`Kind::Changes`].
    Changes(Changes),
    /// See [`Kind::Event`].
    Event(Event),
    /// See [`Kind::Gap`].
    Gap(Gap),
    /// See [`Kind::EpochStart`].
    EpochStart(EpochStart),
    /// See [`Kind::KeyRotation`].
    KeyRotation(KeyRotation),
    /// See [`Kind::Farewell`].
    Farewell(Farewell),
}

impl Payload {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Payload::Full(_) => Kind::Full,
            Payload::Changes(_) => Kind::Changes,
            Payload::Event(_) => Kind::Event,
            Payload::Gap(_) => Kind::Gap,
            Payload::EpochStart(_) => Kind::EpochStart,
            Payload::KeyRotation(_) => Kind::KeyRotation,
            Payload::Farewell(_) => Kind::Farewell,
        }
    }

    /// The number of the schema that this program writes for it.
    #[must_use]
    pub const fn schema(&self) -> u16 {
        SCHEMA_1
    }

    /// Its octets (postcard), not deflated. `None` if memory is gone.
    #[must_use]
    pub fn encode(&self) -> Option<alloc::vec::Vec<u8>> {
        match self {
            Payload::Full(p) => postcard::to_allocvec(p),
            Payload::Changes(p) => postcard::to_allocvec(p),
            Payload::Event(p) => postcard::to_allocvec(p),
            Payload::Gap(p) => postcard::to_allocvec(p),
            Payload::EpochStart(p) => postcard::to_allocvec(p),
            Payload::KeyRotation(p) => postcard::to_allocvec(p),
            Payload::Farewell(p) => postcard::to_allocvec(p),
        }
        .ok()
    }

    /// Reads a payload. `None` if its schema, a variant in it or its end is not known to this program: then the report
    /// is kept as it is, and read by a later program. Memory is bounded by the bounds of the lists.
    #[must_use]
    pub fn decode(kind: Kind, schema: u16, octets: &[u8]) -> Option<Payload> {
        if schema != SCHEMA_1 {
            return None;
        }
        Some(match kind {
            Kind::Full => Payload::Full(whole(octets)?),
            Kind::Changes => Payload::Changes(whole(octets)?),
            Kind::Event => Payload::Event(whole(octets)?),
            Kind::Gap => Payload::Gap(whole(octets)?),
            Kind::EpochStart => Payload::EpochStart(whole(octets)?),
            Kind::KeyRotation => Payload::KeyRotation(whole(octets)?),
            Kind::Farewell => Payload::Farewell(whole(octets)?),
        })
    }
}

/// Decodes `octets` (postcard) if nothing is left over: postcard takes the longer octets of a later type for the shorter type.
/// `None` if they are not of this type, or something is.
#[must_use]
pub fn whole<'a, T: Deserialize<'a>>(octets: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(octets) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// Something added later: a tag of the table in FORMAT.md, and octets that old programs keep and do not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The tag; never used again for another meaning.
    pub tag: u16,
    /// What it says.
    pub octets: Bounded<u8, MAX_EXTRA_OCTETS>,
}

/// What was added later.
pub type Extras = Bounded<Extra, MAX_EXTRAS>;

/// Schema 1 of [`Kind::Full`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Full {
    /// The window.
    pub summary: Summary,
    /// What was added later.
    pub ext: Extras,
}

/// Where a report stands in its sensor's chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The epoch.
    pub epoch: u32,
    /// The number within the epoch.
    pub seq: u64,
}

/// Schema 1 of [`Kind::Changes`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// The window.
    pub window: Window,
    /// The [`Full`] that this is a change of.
    pub base: Place,
    /// Hosts that the new sightings speak of, and that are not in the base or stand otherwise there.
    pub hosts: Bounded<HostEntry, MAX_HOSTS>,
    /// Sightings that are not in the base, or whose count of different things grew: in full.
    pub sightings: Bounded<Sighting, MAX_SIGHTINGS>,
    /// Sightings of the base that are over: their places there, rising.
    pub ended: Bounded<u16, MAX_SIGHTINGS>,
    /// Sightings of the base that were heard again in this window: bit `n % 8` (the lowest is 0) of octet `n / 8` for
    /// the sighting at place `n`. Octets at the end that would be 0 may be missing.
    pub reheard: Bounded<u8, MAX_BITMAP>,
    /// What was counted in this window.
    pub counters: Counters,
    /// What was added later.
    pub ext: Extras,
}

impl Changes {
    /// What changed from `base`, which stands at `place`, to `now`; `ended` are places in the base that are over.
    #[must_use]
    pub fn between(base: &Summary, place: Place, now: &Summary, ended: Bounded<u16, MAX_SIGHTINGS>) -> Changes {
        let mut known: alloc::vec::Vec<(Key, usize, u32)> =
            base.sightings.iter().enumerate().map(|(n, s)| (key(s), n, s.count)).collect();
        known.sort_unstable();
        let mut bitmap = alloc::vec![0u8; base.sightings.len().div_ceil(8)];
        let mut new = alloc::vec::Vec::new();
        for sighting in &now.sightings {
            let at = known.binary_search_by(|(k, ..)| k.cmp(&key(sighting))).ok().and_then(|at| known.get(at));
            if let Some((_, n, _)) = at
                && let Some(octet) = bitmap.get_mut(n / 8)
            {
                *octet |= 1u8.rotate_left(u32::try_from(n % 8).unwrap_or(0));
            }
            if at.is_none_or(|(.., count)| sighting.fact.counts_different() && sighting.count > *count) {
                new.push(*sighting);
            }
        }
        let same: BTreeSet<&HostEntry> = base.hosts.iter().collect();
        let hosts = now.hosts.iter().filter(|h| !same.contains(h)).copied().collect();
        Changes {
            window: now.window,
            base: place,
            hosts: Bounded::first_of(hosts).0,
            sightings: Bounded::first_of(new).0,
            ended,
            reheard: Bounded::first_of(bitmap).0,
            counters: now.counters,
            ext: Extras::new(),
        }
    }

    /// The state after this change: the base without what ended, with what is new. A sighting that was heard again has
    /// the beginning of the window as its last moment, because no more is known than that it was then or later.
    #[must_use]
    pub fn onto(&self, base: &Summary) -> Summary {
        let ended: BTreeSet<u16> = self.ended.iter().copied().collect();
        let mut state: BTreeMap<Key, Sighting> = BTreeMap::new();
        for (n, sighting) in base.sightings.iter().enumerate() {
            if u16::try_from(n).is_ok_and(|n| ended.contains(&n)) {
                continue;
            }
            let mut sighting = *sighting;
            if self.heard_again(n) {
                sighting.last = sighting.last.max(self.window.from);
            }
            state.insert(key(&sighting), sighting);
        }
        for new in &self.sightings {
            let first = state.get(&key(new)).map_or(new.first, |old| old.first.min(new.first));
            state.insert(key(new), Sighting { first, ..*new });
        }
        let mut hosts: BTreeMap<_, HostEntry> = base.hosts.iter().map(|h| (h.id, *h)).collect();
        hosts.extend(self.hosts.iter().map(|h| (h.id, *h)));
        Summary {
            window: self.window,
            hosts: Bounded::first_of(hosts.into_values().collect()).0,
            sightings: Bounded::first_of(state.into_values().collect()).0,
            counters: self.counters,
        }
    }

    /// Whether the sighting at place `n` of the base was heard again.
    #[must_use]
    pub fn heard_again(&self, n: usize) -> bool {
        let bit = 1u8.rotate_left(u32::try_from(n % 8).unwrap_or(0));
        self.reheard.get(n / 8).is_some_and(|octet| octet & bit != 0)
    }
}

/// What makes two sightings the same one.
type Key = (crate::subject::Subject, crate::fact::Fact, Option<crate::zone::Zone>);

const fn key(s: &Sighting) -> Key {
    (s.subject, s.fact, s.zone)
}

/// Schema 1 of [`Kind::Event`]: a summary of little.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// From what happened to its report.
    pub window: Window,
    /// The hosts that the sightings speak of.
    pub hosts: Bounded<HostEntry, MAX_EVENT>,
    /// What was heard.
    pub sightings: Bounded<Sighting, MAX_EVENT>,
    /// What was added later.
    pub ext: Extras,
}

impl Event {
    /// The same as a summary, for the judge.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            window: self.window,
            hosts: Bounded::first_of(self.hosts.to_vec()).0,
            sightings: Bounded::first_of(self.sightings.to_vec()).0,
            counters: Counters::default(),
        }
    }
}

words! {
    /// Why reports were given up. Grows at its end.
    GapReason {
        /// The spool was full: windows were folded into one [`Full`].
        SpoolFull = "spool-full",
        /// They were damaged on the disk.
        Damaged = "damaged",
        /// The collector refused them for good.
        Refused = "refused",
        /// They were larger than a report may be.
        TooLarge = "too-large",
    }
}

/// Schema 1 of [`Kind::Gap`]: reports of the chain that will never come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The epoch of them all.
    pub epoch: u32,
    /// The first that was given up.
    pub from: u64,
    /// The last that was given up.
    pub to: u64,
    /// The hash of the last one, by which its successor names it.
    pub last: Hash,
    /// Why.
    pub why: GapReason,
    /// The time that they spoke of.
    pub window: Window,
    /// What was added later.
    pub ext: Extras,
}

words! {
    /// Why an epoch begins. Grows at its end.
    EpochReason {
        /// The sensor was enrolled.
        Enrolled = "enrolled",
        /// The sensor's head was lost.
        HeadLost = "head-lost",
        /// The sensor's head was behind the collector's: a disk was restored.
        HeadOld = "head-old",
        /// The collector holds another report of the same number.
        Conflict = "conflict",
        /// The last report that is on the disk does not fit the head.
        Damaged = "damaged",
    }
}

/// The last report that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Where it stands.
    pub place: Place,
    /// Its hash.
    pub hash: Hash,
}

/// Schema 1 of [`Kind::EpochStart`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStart {
    /// Why.
    pub reason: EpochReason,
    /// The last report of an earlier epoch that the sensor knows of, by itself or from the collector. The header's
    /// `prev` is its hash, or zero if there is none.
    pub last: Option<Known>,
    /// What was added later.
    pub ext: Extras,
}

/// Schema 1 of [`Kind::KeyRotation`], signed with the old key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotation {
    /// The key of the next report; its number is one more.
    pub new_key: PublicKey,
    /// By the new key, over the context `key-rotation`, old key, new key, sensor id, epoch and seq of this report (4
    /// and 8 octets, the highest first): who takes over has the key that he names.
    pub proof: Signature,
    /// What was added later.
    pub ext: Extras,
}

words! {
    /// Why a sensor ends. Grows at its end.
    FarewellReason {
        /// A person took it out of use.
        Decommissioned = "decommissioned",
        /// Another sensor took its place.
        Replaced = "replaced",
    }
}

/// Schema 1 of [`Kind::Farewell`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Farewell {
    /// Why.
    pub reason: FarewellReason,
    /// What was added later.
    pub ext: Extras,
}

/// The only schema yet.
pub const SCHEMA_1: u16 = 1;

/// Tags of a payload's `ext`: 1 is the `Health` of a heartbeat.
pub const EXTRA_HEALTH: u16 = 1;

/// The text of a checkpoint that contradicts the one that the sensor has seen.
pub const EXTRA_CONTRADICTION: u16 = 2;

/// Things added to one payload: one a release for years.
pub const MAX_EXTRAS: usize = 16;

/// Octets of one added thing.
pub const MAX_EXTRA_OCTETS: usize = 4_096;

/// Hosts and sightings of an [`Event`]: more than that is a window.
pub const MAX_EVENT: usize = 64;

/// A bit for each sighting of the base.
pub const MAX_BITMAP: usize = MAX_SIGHTINGS / 8;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests;
