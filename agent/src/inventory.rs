//! The inventory: observations folded into sightings, within a bound.
//!
//! Keeps: for each subject, fact and zone when it was first and last heard and how often, or how many different things.
//! What is counted as different stays known over the windows of a day, so that the twentieth caller is the twentieth.
//! Drops: observations that would need a row beyond [`MAX_ROWS`]; they are counted.

use crate::detect::{Amount, Observation};
use crate::urgent::Urgent;
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::{HashMap, HashSet};

/// What was observed in the window in hand.
#[derive(Default)]
pub struct Inventory {
    rows: HashMap<Key, Row>,
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

impl Inventory {
    /// Takes one observation in.
    pub fn take(&mut self, o: &Observation) {
        let key = (o.subject, o.fact, o.zone);
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            self.let_go = self.let_go.saturating_add(1);
            return;
        }
        let row = self.rows.entry(key).or_insert_with(|| {
            self.urgent.take(o);
            Row { heard: true, first: o.at, last: o.at, times: 0, different: None }
        });
        if !row.heard {
            (row.heard, row.first, row.last) = (true, o.at, o.at);
        }
        row.first = row.first.min(o.at);
        row.last = row.last.max(o.at);
        match o.amount {
            Amount::Times(n) => row.times = row.times.saturating_add(n),
            Amount::Different(thing) => {
                let things = row.different.get_or_insert_default();
                if things.len() < MAX_DIFFERENT {
                    things.insert(thing);
                }
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

    /// Keeps the rows that count different things, the newest first, as far as [`MAX_KEPT_THINGS`] go.
    fn remember_different(&mut self) {
        let newest = self.rows.values().map(|row| row.last).max().unwrap_or_default();
        self.rows.retain(|_, row| row.different.is_some() && newest.since_ms(row.last) < DIFFERENT_KEPT_MS);
        let mut by_age: Vec<_> = self.rows.iter().map(|(key, row)| (row.last, *key)).collect();
        by_age.sort_unstable();
        let mut room = MAX_KEPT_THINGS;
        for (_, key) in by_age.into_iter().rev() {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            let things = row.different.as_ref().map_or(0, HashSet::len);
            match room.checked_sub(things) {
                Some(left) => (room, row.heard) = (left, false),
                None => drop(self.rows.remove(&key)),
            }
        }
    }
}

/// Beacons and answers after which a network is there (the judge asks for as many).
const BEACONS: u32 = 3;

/// Rows of one window. 300 hosts with ten facts each are 3,000; at about 200 octets a row the bound is 8 MB.
const MAX_ROWS: usize = 40_000;

/// Different things counted for one fact: rules ask for at most 20, and a person for "many".
const MAX_DIFFERENT: usize = 1_000;

/// Different things kept beyond their window, all facts together: 2 MB.
const MAX_KEPT_THINGS: usize = 131_072;

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

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut inventory = Inventory::default();
        for n in 0..u64::try_from(MAX_ROWS).unwrap() + 5 {
            let mut o = observation(Fact::Medical, 1, Amount::Times(1));
            o.subject = Subject::Host(HostId(n));
            inventory.take(&o);
        }
        let (sightings, let_go) = inventory.close();
        assert_eq!((sightings.len(), let_go), (MAX_ROWS, 5));
    }
}
