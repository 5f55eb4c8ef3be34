//! Two things that belong together only in their order: the second within a day after the first (`mail.link_and_code`).
//!
//! Keeps: when the first was heard, by a keyed hash of what both are about, for a day; of [`MOST`] at a time, the newest. Drops: what
//! it was about.

use crate::detect::{Amount, Observation};
use auscult_report::fact::Fact;
use auscult_report::time::Timestamp;
use std::collections::HashMap;

/// What waits for its second.
#[derive(Default)]
pub(super) struct Pairs(HashMap<(Fact, u64), Timestamp>);

impl Pairs {
    /// Hears the first or the second of a pair; gives the fact when both were heard.
    pub(super) fn hear(&mut self, o: &Observation) -> Option<Observation> {
        let Amount::After { thing, is_second } = o.amount else { return None };
        let key = (o.fact, thing);
        if is_second {
            let first = self.0.get(&key)?;
            return is_near(*first, o.at).then_some(Observation { amount: Amount::Times(1), ..*o });
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            self.make_room();
        }
        self.0.insert(key, o.at);
        None
    }

    /// What waited for a day is forgotten.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.0.retain(|_, first| is_near(*first, now));
    }

    fn make_room(&mut self) {
        if let Some(oldest) = self.0.iter().min_by_key(|(_, first)| **first).map(|(key, _)| *key) {
            self.0.remove(&oldest);
        }
    }
}

/// Within a day, whichever of the two moments a clock that was set made the later one.
fn is_near(first: Timestamp, then: Timestamp) -> bool {
    then.since_ms(first).max(first.since_ms(then)) <= DAY_MS
}

/// Firsts at a time: accounts that a portal opens in a day. 512 take 20 KiB.
const MOST: usize = 512;
/// The catalogue: within 24 hours.
const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::subject::{HostId, Subject};

    fn hears(pairs: &mut Pairs, thing: u64, is_second: bool, at: u64) -> bool {
        let (subject, amount) = (Subject::Host(HostId(1)), Amount::After { thing, is_second });
        let o = Observation { at: Timestamp(at), subject, zone: None, fact: Fact::MailLinkAndCode, amount };
        pairs.hear(&o).is_some()
    }

    #[test]
    fn the_second_counts_within_a_day_after_the_first_of_the_same() {
        let mut pairs = Pairs::default();
        assert!(!hears(&mut pairs, 1, true, 0), "a code alone");
        assert!(!hears(&mut pairs, 1, false, 1_000));
        assert!(!hears(&mut pairs, 2, true, 2_000), "another mailbox");
        assert!(hears(&mut pairs, 1, true, 2_000));
        assert!(!hears(&mut pairs, 1, true, 1_001 + DAY_MS));
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_after_a_day() {
        let mut pairs = Pairs::default();
        for thing in 0..2_000 {
            hears(&mut pairs, thing, false, thing);
        }
        assert_eq!(pairs.0.len(), MOST);
        assert!(hears(&mut pairs, 1_999, true, 2_000), "the newest stay");
        pairs.forget(Timestamp(1_999 + DAY_MS));
        assert_eq!(pairs.0.len(), 1);
    }
}
