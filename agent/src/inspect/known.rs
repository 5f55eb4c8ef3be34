//! What is known after any number of short windows: their sightings and counters as those of one.
//!
//! Keeps: as many sightings as one report may have; where there are more, those that were heard last. Drops: the tenth that was
//! heard longest ago, each time the room is used up; it is counted.

use auscult_agent::window::{add, sum};
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::{MAX_SIGHTINGS, Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::BTreeMap;

/// What is known.
#[derive(Default)]
pub(crate) struct Known {
    sightings: BTreeMap<(Subject, Fact, Option<Zone>), Sighting>,
    /// Window, hosts and counters; its sightings stay empty.
    rest: Summary,
    has_begun: bool,
}

impl Known {
    /// Takes a window in; gives what was not known before.
    pub(crate) fn take(&mut self, window: Summary) -> Vec<Sighting> {
        let mut news = Vec::new();
        for heard in &window.sightings {
            if self.sightings.len() >= MAX_SIGHTINGS {
                self.make_room();
            }
            self.sightings
                .entry((heard.subject, heard.fact, heard.zone))
                .and_modify(|known| {
                    add(known, heard);
                })
                .or_insert_with(|| {
                    news.push(*heard);
                    *heard
                });
        }
        self.rest.counters = sum(&self.rest.counters, &window.counters);
        if !self.has_begun {
            (self.has_begun, self.rest.window) = (true, window.window);
        }
        self.rest.window.to = self.rest.window.to.max(window.window.to);
        news
    }

    /// All of it, as one window. `hosts` is how many hosts were heard at all.
    pub(crate) fn summary(&self, hosts: usize) -> Summary {
        let sightings = Bounded::first_of(self.sightings.values().copied().collect()).0;
        let mut summary = Summary { sightings, ..self.rest.clone() };
        summary.counters.hosts = u64::try_from(hosts).unwrap_or(u64::MAX);
        summary
    }

    fn make_room(&mut self) {
        let mut ages: Vec<Timestamp> = self.sightings.values().map(|s| s.last).collect();
        ages.sort_unstable();
        let Some(oldest) = ages.get(ages.len() / 10) else { return };
        let before = self.sightings.len();
        self.sightings.retain(|_, s| s.last > *oldest);
        let let_go = u64::try_from(before.saturating_sub(self.sightings.len())).unwrap_or(u64::MAX);
        let counted = &mut self.rest.counters.observations_let_go;
        *counted = counted.saturating_add(let_go);
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::subject::HostId;
    use auscult_report::summary::Counters;
    use auscult_report::time::Window;

    fn window(at: u64, hosts: core::ops::Range<u64>, fact: Fact, count: u32) -> Summary {
        let at = Timestamp(at);
        let sighting = |n| Sighting { subject: Subject::Host(HostId(n)), fact, zone: None, first: at, last: at, count };
        Summary {
            window: Window { from: at, to: Timestamp(at.0 + 1) },
            sightings: Bounded::first_of(hosts.map(sighting).collect()).0,
            counters: Counters { frames: 2, ..Counters::default() },
            ..Summary::default()
        }
    }

    #[test]
    fn windows_add_up_and_only_what_is_new_is_news() {
        let mut known = Known::default();
        assert_eq!(known.take(window(1_000, 0..2, Fact::DicomMatch, 3)).len(), 2);
        assert_eq!(known.take(window(2_000, 1..3, Fact::DicomMatch, 4)).len(), 1);
        assert!(known.take(window(3_000, 0..1, Fact::DicomMatch, 1)).is_empty());
        let summary = known.summary(9);
        let counts: Vec<u32> = summary.sightings.iter().map(|s| s.count).collect();
        assert_eq!((counts, summary.counters.frames, summary.counters.hosts), (vec![4, 7, 4], 6, 9));
        assert_eq!((summary.window.from.0, summary.window.to.0), (1_000, 3_001));
        assert!(summary.sightings.windows(2).all(|w| w[0] < w[1]), "in the order of a summary");
    }

    #[test]
    fn different_things_are_not_added() {
        let mut known = Known::default();
        known.take(window(1_000, 0..1, Fact::DicomCalling, 3));
        known.take(window(2_000, 0..1, Fact::DicomCalling, 5));
        assert_eq!(known.summary(1).sightings[0].count, 5);
    }

    #[test]
    fn where_the_room_is_used_up_what_was_heard_longest_ago_makes_place_and_is_counted() {
        let mut known = Known::default();
        let most = u64::try_from(MAX_SIGHTINGS).unwrap();
        for n in 0..=most / 1_000 {
            known.take(window(1_000 + n, n * 1_000..(n + 1) * 1_000, Fact::Medical, 1));
        }
        let summary = known.summary(0);
        assert!(summary.sightings.len() < MAX_SIGHTINGS && summary.counters.observations_let_go > 0);
        let has = |n| summary.sightings.iter().any(|s| s.subject == Subject::Host(HostId(n)));
        assert!(!has(0) && has(most + 5));
    }
}
