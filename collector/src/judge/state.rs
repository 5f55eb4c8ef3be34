//! What a sensor knows, put together from its newest full report and what came behind it.
//!
//! The state is a function of the reports that have come, in the order of the chain, never of the order in which they
//! came: so a reviewer who has the same reports has the same state. Keeps: sightings and hosts. Drops: what stands before
//! the newest full report; reports behind [`MOST_BEHIND`] others.

use super::hearing::deaf_ms;
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::payload::{Changes, Payload, Place};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Counters, HostEntry, MAX_HOSTS, MAX_SIGHTINGS, Sighting, Summary};
use auscult_report::time::{Timestamp, Window};
use auscult_report::zone::Zone;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a sensor.
#[derive(Default)]
pub(super) struct State {
    base: Option<(Place, Summary)>,
    /// Places of the base that are over.
    ended: BTreeSet<u16>,
    newest: Place,
    behind: u32,
    hosts: BTreeMap<HostId, HostEntry>,
    sightings: BTreeMap<Key, Sighting>,
}

/// What a report added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The window that it spoke of.
    pub(super) window: Window,
    /// Whether it was heard all through that window; an event is a moment.
    pub(super) whole: bool,
    /// Frames of that window.
    pub(super) frames: u64,
    /// How long an interface was deaf in it.
    pub(super) deaf_ms: u64,
}

type Key = (Subject, Fact, Option<Zone>);

impl State {
    /// Whether a report at this place comes behind all others: else the state is put together again.
    pub(super) fn is_next(&self, place: Place) -> bool {
        self.is_new() || place > self.newest
    }

    pub(super) fn is_new(&self) -> bool {
        self.base.is_none() && self.behind == 0
    }

    /// Takes in the next report of the chain; `None` for one that could not be read. Gives what it heard.
    pub(super) fn take(&mut self, place: Place, payload: Option<&Payload>) -> Option<Heard> {
        self.newest = self.newest.max(place);
        if let Some(Payload::Full(full)) = payload {
            *self = State { newest: self.newest, ..State::default() };
            self.hosts = full.summary.hosts.iter().map(|h| (h.id, *h)).collect();
            self.sightings = full.summary.sightings.iter().map(|s| (key(s), *s)).collect();
            self.base = Some((place, full.summary.clone()));
            return payload.and_then(Heard::of);
        }
        self.behind = self.behind.saturating_add(1);
        if self.behind > MOST_BEHIND {
            return None;
        }
        match payload? {
            Payload::Changes(changes) => self.change(changes).then(|| payload.and_then(Heard::of)).flatten(),
            Payload::Event(event) => {
                self.add(&event.hosts, event.sightings.iter().copied());
                payload.and_then(Heard::of)
            }
            _ => None,
        }
    }

    /// A change of the base. Without its base it says nothing that can be used: then the answer is `false`.
    fn change(&mut self, changes: &Changes) -> bool {
        let Some((place, base)) = self.base.take() else { return false };
        let is_ours = place == changes.base;
        if is_ours {
            for n in &changes.ended {
                self.ended.insert(*n);
                if let Some(over) = base.sightings.get(usize::from(*n)) {
                    self.sightings.remove(&key(over));
                }
            }
            let again = base.sightings.iter().enumerate().filter(|(n, _)| changes.heard_again(*n)).map(|(_, s)| {
                // No more is known than that it was heard in the window.
                Sighting { last: s.last.max(changes.window.from), ..*s }
            });
            self.add(&changes.hosts, again.chain(changes.sightings.iter().copied()).collect::<Vec<_>>());
        }
        self.base = Some((place, base));
        is_ours
    }

    fn add(&mut self, hosts: &[HostEntry], sightings: impl IntoIterator<Item = Sighting>) {
        for host in hosts {
            if self.hosts.len() < MAX_HOSTS || self.hosts.contains_key(&host.id) {
                self.hosts.insert(host.id, *host);
            }
        }
        for new in sightings {
            let has_room = self.sightings.len() < MAX_SIGHTINGS;
            match self.sightings.get_mut(&key(&new)) {
                Some(old) => {
                    let (first, last) = (old.first.min(new.first), old.last.max(new.last));
                    *old = Sighting { first, last, count: old.count.max(new.count), ..new };
                }
                None if has_room => {
                    self.sightings.insert(key(&new), new);
                }
                None => {}
            }
        }
    }

    /// The state as the judge reads it.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            window: Window::default(),
            hosts: Bounded::first_of(self.hosts.values().copied().collect()).0,
            sightings: Bounded::first_of(self.sightings.values().copied().collect()).0,
            counters: Counters::default(),
        }
    }
}

impl Heard {
    /// What a report heard, wherever it stands.
    pub(super) fn of(payload: &Payload) -> Option<Heard> {
        let (window, whole, frames) = match payload {
            Payload::Full(full) => (full.summary.window, true, full.summary.counters.frames),
            Payload::Changes(changes) => (changes.window, true, changes.counters.frames),
            Payload::Event(event) => (event.window, false, 0),
            Payload::Gap(_) | Payload::EpochStart(_) | Payload::KeyRotation(_) | Payload::Farewell(_) => return None,
        };
        Some(Heard { window, whole, frames, deaf_ms: deaf_ms(payload) })
    }

    /// Whether a sighting was heard in this window.
    pub(super) fn has(&self, sighting: &Sighting) -> bool {
        sighting.last >= self.window.from
    }

    /// How long the sensor heard beyond `heard_to`, the end of the windows before, and where it now ends. Windows follow
    /// each other, or are left out because nothing changed: a full one comes every six hours.
    pub(super) fn beyond(&self, heard_to: Timestamp) -> (u64, Timestamp) {
        let Window { from, to } = self.window;
        if !self.whole || to < from {
            return (0, heard_to);
        }
        let alone = to.since_ms(from).min(LONGEST_SILENCE_MS);
        let is_back = to.0.saturating_add(LONGEST_SILENCE_MS) < heard_to.0;
        let heard = match heard_to {
            _ if self.frames == 0 => 0,
            // The clock was set back: only what this window says counts.
            _ if is_back => alone,
            _ if to <= heard_to => 0,
            _ if from.since_ms(heard_to) <= LONGEST_SILENCE_MS && heard_to.0 > 0 => {
                to.since_ms(heard_to).min(LONGEST_SILENCE_MS.saturating_mul(2))
            }
            _ => alone,
        };
        // What could not be heard was not silent.
        (heard.saturating_sub(self.deaf_ms), if is_back { to } else { to.max(heard_to) })
    }
}

const fn key(s: &Sighting) -> Key {
    (s.subject, s.fact, s.zone)
}

/// Reports behind a full one that count: an honest sensor sends the next full one after 24 changes and 72 events at most.
pub(super) const MOST_BEHIND: u32 = 512;

/// Longest time between two windows that is no gap: six hours, and one to spare.
const LONGEST_SILENCE_MS: u64 = 7 * 3_600_000;
