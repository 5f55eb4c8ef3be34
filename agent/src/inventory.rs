//! The inventory: observations folded into sightings, within a bound.
//!
//! Keeps: for each subject, fact and zone when it was first and last heard and how often, or how many different things.
//! What is counted as different stays known over the windows of a day, so that the twentieth caller is the twentieth.
//! Drops: observations that would need a row where there is no room, or one more thing to remember; they are counted. What
//! hosts are said to be (a word for each caller) takes no more than half of the rows, what is in the air no more than a quarter,
//! so that services are told of in a flood of callers too.

use crate::config::Memory;
use crate::detect::{Amount, Observation};
use crate::urgent::Urgent;
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// What was observed in the window in hand.
pub struct Inventory {
    rows: HashMap<Key, Row>,
    room: usize,
    /// Rows about hosts, and about wireless networks.
    of_hosts: usize,
    of_networks: usize,
    /// Different things that all rows remember, and how many they may.
    things: usize,
    room_for_things: usize,
    let_go: u64,
    urgent: Urgent,
}

type Key = (Subject, Fact, Option<Zone>);

struct Row {
    /// In this window; otherwise the row only remembers what is different.
    heard: bool,
    first: Timestamp,
    last: Timestamp,
    times: u32,
    different: Option<HashSet<u64>>,
}

impl Row {
    fn sighting(&self, (subject, fact, zone): &Key) -> Sighting {
        let different = self.different.as_ref().map(|d| u32::try_from(d.len()).unwrap_or(u32::MAX));
        let count = different.unwrap_or(self.times);
        Sighting { subject: *subject, fact: *fact, zone: *zone, first: self.first, last: self.last, count }
    }
}

impl Default for Inventory {
    fn default() -> Inventory {
        Inventory::with_room(&Memory::default())
    }
}

impl Inventory {
    /// With room for what [`Memory`] says.
    #[must_use]
    pub fn with_room(memory: &Memory) -> Inventory {
        Inventory {
            // All of it at once: a table that grows is there twice for a while.
            rows: HashMap::with_capacity(memory.rows),
            room: memory.rows,
            of_hosts: 0,
            of_networks: 0,
            things: 0,
            room_for_things: memory.things,
            let_go: 0,
            urgent: Urgent::default(),
        }
    }

    /// Takes one observation in.
    pub fn take(&mut self, o: &Observation) {
        let key = (o.subject, o.fact, o.zone);
        let Inventory { rows, room, of_hosts, of_networks, things, room_for_things, let_go, urgent } = self;
        let is_full = rows.len() >= *room;
        let row = match rows.entry(key) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(place) => {
                let (taken, share) = match o.subject {
                    Subject::Host(_) => (of_hosts, *room / 2),
                    Subject::Wireless(_) => (of_networks, *room / 4),
                    _ => (&mut 0, usize::MAX),
                };
                if is_full || *taken >= share {
                    *let_go = let_go.saturating_add(1);
                    return;
                }
                *taken = taken.saturating_add(1);
                urgent.take(o);
                place.insert(Row { heard: true, first: o.at, last: o.at, times: 0, different: None })
            }
        };
        if !row.heard {
            (row.heard, row.first, row.last) = (true, o.at, o.at);
        }
        row.first = row.first.min(o.at);
        row.last = row.last.max(o.at);
        match o.amount {
            Amount::Times(n) => row.times = row.times.saturating_add(n),
            // Whoever counts them says it once they are too many.
            Amount::Many { .. } | Amount::After { .. } => {}
            Amount::Different(thing) => {
                let known = row.different.get_or_insert_default();
                if known.len() >= MAX_DIFFERENT || known.contains(&thing) {
                    return;
                }
                // Each row remembers one at least: a set of none would say that nothing was heard.
                if *things >= *room_for_things && !known.is_empty() {
                    *let_go = let_go.saturating_add(1);
                    return;
                }
                known.insert(thing);
                *things = things.saturating_add(1);
            }
        }
    }

    /// Ends the window: its sightings by subject and fact, and how many observations were let go.
    pub fn close(&mut self) -> (Vec<Sighting>, u64) {
        let heard = self.rows.iter().filter(|(_, row)| row.heard);
        let mut sightings: Vec<Sighting> = heard.map(|(key, row)| row.sighting(key)).collect();
        sightings.sort_unstable();
        self.remember_different();
        (sightings, core::mem::take(&mut self.let_go))
    }

    /// What cannot wait for the end of the window, each once; behind it what else was heard of the same subject towards
    /// the same clients in this window, without which the judge would not know what was open to whom.
    pub fn urgent(&mut self) -> Vec<Sighting> {
        // Asked after each frame.
        if self.urgent.is_idle() {
            return Vec::new();
        }
        let (mut told, early): (Vec<_>, Vec<_>) = self.urgent.drain().into_iter().partition(|s| self.is_settled(s));
        self.urgent.wait(early);
        if !told.is_empty() {
            let is_told = |(subject, fact, zone): &Key| {
                let mut of_it = told.iter().filter(|t| t.subject == *subject).peekable();
                of_it.peek().is_some()
                    && of_it.clone().all(|t| t.fact != *fact)
                    && of_it.any(|t| zone.is_none() || t.zone == *zone)
            };
            let around = self.rows.iter().filter(|(key, row)| row.heard && is_told(key));
            let mut around: Vec<Sighting> = around.map(|(key, row)| row.sighting(key)).collect();
            around.sort_unstable();
            told.extend(around);
        }
        told
    }

    /// One frame alone makes no network: it may be forged, or damaged.
    fn is_settled(&self, s: &Sighting) -> bool {
        !matches!(s.subject, Subject::Wireless(_))
            || self.rows.get(&(s.subject, Fact::WifiBeacon, None)).is_some_and(|row| row.times >= BEACONS)
    }

    /// The clock was set back to `at`: what is remembered of windows before was heard by then.
    pub fn set_back(&mut self, at: Timestamp) {
        for row in self.rows.values_mut() {
            (row.first, row.last) = (row.first.min(at), row.last.min(at));
        }
    }

    /// Keeps the rows that count different things, the newest first, as far as half of the room for things goes and half of that
    /// for rows: the next window brings its own.
    fn remember_different(&mut self) {
        let newest = self.rows.values().map(|row| row.last).max().unwrap_or_default();
        self.rows.retain(|_, row| row.different.is_some() && newest.since_ms(row.last) < DIFFERENT_KEPT_MS);
        let mut by_age: Vec<_> = self.rows.iter().map(|(key, row)| (row.last, *key)).collect();
        by_age.sort_unstable();
        let mut room = self.room_for_things / 2;
        for (n, (_, key)) in by_age.into_iter().rev().enumerate() {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            let things = row.different.as_ref().map_or(0, HashSet::len);
            match room.checked_sub(things).filter(|_| n < self.room / 2) {
                Some(left) => (room, row.heard) = (left, false),
                None => drop(self.rows.remove(&key)),
            }
        }
        self.things = (self.room_for_things / 2).saturating_sub(room);
        let count = |is: fn(&Subject) -> bool| self.rows.keys().filter(|(subject, ..)| is(subject)).count();
        self.of_hosts = count(|subject| matches!(subject, Subject::Host(_)));
        self.of_networks = count(|subject| matches!(subject, Subject::Wireless(_)));
    }
}

/// Beacons and answers after which a network is there (the judge asks for as many).
const BEACONS: u32 = 3;

/// Different things counted for one fact: rules ask for at most 20, and a person for "many".
const MAX_DIFFERENT: usize = 1_000;

/// After a day without any, counting begins again: addresses and names change hands.
const DIFFERENT_KEPT_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::subject::HostId;

    fn observation(fact: Fact, at: u64, amount: Amount) -> Observation {
        Observation { at: Timestamp(at), subject: Subject::Host(HostId(1)), zone: None, fact, amount }
    }

    #[test]
    fn times_add_up_and_different_things_count_once() {
        let mut inventory = Inventory::default();
        inventory.take(&observation(Fact::DicomMatch, 5, Amount::Times(2)));
        inventory.take(&observation(Fact::DicomMatch, 3, Amount::Times(1)));
        for thing in [7, 8, 7] {
            inventory.take(&observation(Fact::DicomCalling, 4, Amount::Different(thing)));
        }
        let (sightings, let_go) = inventory.close();
        let counts: Vec<_> = sightings.iter().map(|s| (s.fact, s.first.0, s.last.0, s.count)).collect();
        assert_eq!(counts, [(Fact::DicomCalling, 4, 4, 2), (Fact::DicomMatch, 3, 5, 3)]);
        assert_eq!(let_go, 0);
        assert!(inventory.close().0.is_empty());
    }

    #[test]
    fn different_things_stay_different_over_windows_and_times_begin_again() {
        let mut inventory = Inventory::default();
        for (window, things) in [(0, [1, 2]), (1, [2, 3])] {
            for thing in things {
                inventory.take(&observation(Fact::DicomCalling, 10 + window, Amount::Different(thing)));
            }
            inventory.take(&observation(Fact::DicomMatch, 10 + window, Amount::Times(1)));
            let counts: Vec<_> = inventory.close().0.iter().map(|s| (s.count, s.first.0)).collect();
            assert_eq!(counts, [(2 + u32::try_from(window).unwrap(), 10 + window), (1, 10 + window)]);
        }
        assert!(inventory.close().0.is_empty(), "what was not heard again is not in the window");
    }

    #[test]
    fn what_is_urgent_comes_with_what_it_is_about_and_a_network_after_its_third_beacon() {
        use auscult_report::fact::{DicomIdentity, WifiOwner, WifiSecurity};
        use auscult_report::subject::{Bssid, Transport};
        let mut inventory = Inventory::default();
        let mut take = |subject, zone, fact| {
            inventory.take(&Observation { at: Timestamp(1), subject, zone, fact, amount: Amount::Times(1) });
            inventory.urgent().into_iter().map(|s| (s.fact, s.zone)).collect::<Vec<_>>()
        };
        let (archive, out) = (Subject::Service(HostId(1), Transport::Tcp, 104), Some(Zone::Outside));
        assert_eq!(take(archive, out, Fact::DicomIdentity(DicomIdentity::None)), []);
        assert_eq!(take(archive, Some(Zone::Clinical), Fact::DicomMatch), []);
        let told = take(archive, out, Fact::DicomAccepted);
        assert_eq!(told, [(Fact::DicomAccepted, out), (Fact::DicomIdentity(DicomIdentity::None), out)]);
        let network = Subject::Wireless(Bssid([1; 6]));
        assert_eq!(take(network, None, Fact::WifiSecurity(WifiSecurity::Open)), []);
        assert_eq!(take(network, None, Fact::WifiOwner(WifiOwner::Own)), []);
        assert_eq!(take(network, None, Fact::WifiBeacon), []);
        assert_eq!(take(network, None, Fact::WifiBeacon), []);
        assert_eq!(take(network, None, Fact::WifiBeacon).len(), 3);
        assert_eq!(take(network, None, Fact::WifiBeacon), [], "once");
    }

    #[test]
    fn different_things_stay_different_when_the_clock_is_set_back() {
        let mut inventory = Inventory::default();
        let future = 10 * DIFFERENT_KEPT_MS;
        inventory.take(&observation(Fact::DicomCalled, future, Amount::Different(1)));
        inventory.close();
        inventory.set_back(Timestamp(1_000));
        for (at, thing) in [(1_000, 1), (2_000, 2)] {
            inventory.take(&observation(Fact::DicomCalling, at, Amount::Different(thing)));
            let heard = inventory.close().0;
            assert_eq!(
                heard.iter().map(|s| (s.fact, u64::from(s.count))).collect::<Vec<_>>(),
                [(Fact::DicomCalling, thing)]
            );
        }
    }

    fn small() -> Inventory {
        Inventory::with_room(&Memory { rows: 100, things: 60, ..Memory::default() })
    }

    #[test]
    fn callers_and_networks_leave_room_for_services_and_what_does_not_fit_is_counted() {
        use auscult_report::subject::{Bssid, Transport};
        let mut inventory = small();
        for n in 0..200u8 {
            let mut o = observation(Fact::Medical, 1, Amount::Times(1));
            for subject in [
                Subject::Host(HostId(n.into())),
                Subject::Wireless(Bssid([n; 6])),
                Subject::Service(HostId(1), Transport::Tcp, n.into()),
            ] {
                if matches!(subject, Subject::Service(..)) && n % 8 != 0 {
                    continue;
                }
                o.subject = subject;
                inventory.take(&o);
            }
        }
        let (sightings, let_go) = inventory.close();
        let count = |is: fn(&Subject) -> bool| sightings.iter().filter(|s| is(&s.subject)).count();
        assert_eq!(count(|s| matches!(s, Subject::Host(_))), 50);
        assert_eq!(count(|s| matches!(s, Subject::Wireless(_))), 25);
        assert_eq!((sightings.len(), let_go), (100, 425 - 100));
        // The next window has its own room.
        inventory.take(&observation(Fact::Medical, 2, Amount::Times(1)));
        assert_eq!(inventory.close().0.len(), 1);
    }

    #[test]
    fn things_have_a_bound_over_all_rows_and_half_of_it_is_kept_for_the_next_window() {
        let mut inventory = small();
        let hear = |inventory: &mut Inventory| {
            for n in 0..10u64 {
                for thing in 0..20u64 {
                    let mut o = observation(Fact::DicomCalling, 100 + n, Amount::Different(thing));
                    o.subject = Subject::Host(HostId(n));
                    inventory.take(&o);
                }
            }
            let (sightings, let_go) = inventory.close();
            (sightings.iter().map(|s| s.count).collect::<Vec<_>>(), let_go)
        };
        let (counts, let_go) = hear(&mut inventory);
        assert_eq!(counts, [20, 20, 20, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(let_go, 7 * 19);
        assert!(inventory.things <= 30 && inventory.rows.len() <= 10, "{} things", inventory.things);
        assert!(hear(&mut inventory).0.iter().all(|n| *n > 0));
    }
}
