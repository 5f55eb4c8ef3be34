//! The inventory: observations folded into sightings, within a bound.
//!
//! Keeps: for each subject, fact and zone when it was first and last heard and how often, or how many different things.
//! Drops: observations that would need a row beyond [`MAX_ROWS`]; they are counted.

use crate::detect::{Amount, Observation};
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::{HashMap, HashSet};

/// What was observed in the window in hand.
#[derive(Default)]
pub struct Inventory {
    rows: HashMap<(Subject, Fact, Option<Zone>), Row>,
    let_go: u64,
}

struct Row {
    first: Timestamp,
    last: Timestamp,
    times: u32,
    different: Option<HashSet<u64>>,
}

impl Inventory {
    /// Takes one observation in.
    pub fn take(&mut self, o: &Observation) {
        let key = (o.subject, o.fact, o.zone);
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            self.let_go = self.let_go.saturating_add(1);
            return;
        }
        let row = self.rows.entry(key).or_insert(Row { first: o.at, last: o.at, times: 0, different: None });
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
        let mut sightings: Vec<Sighting> = self
            .rows
            .drain()
            .map(|((subject, fact, zone), row)| Sighting {
                subject,
                fact,
                zone,
                first: row.first,
                last: row.last,
                count: row.different.map_or(row.times, |d| u32::try_from(d.len()).unwrap_or(u32::MAX)),
            })
            .collect();
        sightings.sort_unstable();
        (sightings, core::mem::take(&mut self.let_go))
    }
}

/// Rows of one window. 300 hosts with ten facts each are 3,000; at about 200 octets a row the bound is 8 MB.
const MAX_ROWS: usize = 40_000;

/// Different things counted for one fact: rules ask for at most 20, and a person for "many".
const MAX_DIFFERENT: usize = 1_000;

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
