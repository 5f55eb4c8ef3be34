//! Who takes one thing after the other: document after document, name after name (`web.enumeration`, `dns.unusual_volume`).
//!
//! Keeps, of [`MOST_GROUPS`] that ask for most: how many different things in the hour in hand, estimated by linear counting
//! (Whang, Vander-Zanden, Taylor 1990) in 256 octets each. Drops: the things; only bits of their keyed hashes are set.

use crate::detect::{Amount, Observation};
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;

/// Groups of things, each with the hour that it is counted in.
#[derive(Default)]
pub(super) struct Volumes(Vec<Group>);

struct Group {
    key: (Subject, Fact, u64),
    began: Timestamp,
    bits: [u64; WORDS],
    set: u32,
    said: bool,
}

impl Volumes {
    /// Hears one thing of many; gives the fact when they have become too many, once an hour.
    pub(super) fn hear(&mut self, o: &Observation) -> Option<Observation> {
        let Amount::Many { group, thing, most } = o.amount else { return None };
        let key = (o.subject, o.fact, group);
        let place = match self.0.iter().position(|g| g.key == key) {
            Some(place) => place,
            None => self.room(o.at)?,
        };
        let slot = self.0.get_mut(place)?;
        if slot.key != key || o.at.since_ms(slot.began) >= HOUR_MS {
            *slot = Group::new(key, o.at);
        }
        slot.add(thing);
        let is_too_many = !slot.said && slot.set > bits_of(most);
        slot.said |= is_too_many;
        is_too_many.then_some(Observation { amount: Amount::Times(1), ..*o })
    }

    /// The place of a new group: behind the others, or that of the group with the fewest things, the hours that are over first.
    fn room(&mut self, now: Timestamp) -> Option<usize> {
        if self.0.len() < MOST_GROUPS {
            self.0.push(Group::new((Subject::Site, Fact::Answered, 0), now));
            return self.0.len().checked_sub(1);
        }
        let worth = |g: &Group| (now.since_ms(g.began) < HOUR_MS, g.set);
        self.0.iter().enumerate().min_by_key(|(_, g)| worth(g)).map(|(place, _)| place)
    }
}

impl Group {
    const fn new(key: (Subject, Fact, u64), began: Timestamp) -> Group {
        Group { key, began, bits: [0; WORDS], set: 0, said: false }
    }

    fn add(&mut self, thing: u64) {
        // Taken apart before it becomes a place: a pointer of 32 bits holds no hash.
        let (word, bit) = (thing >> 6 & LAST_WORD, thing & 63);
        let word = usize::try_from(word).unwrap_or(0);
        if let Some(word) = self.bits.get_mut(word)
            && *word >> bit & 1 == 0
        {
            *word |= 1 << bit;
            self.set = self.set.saturating_add(1);
        }
    }
}

/// How many of the bits so many different things set: `m (1 - e^(-n/m))`, of a table for m = 2048, in steps of 100 things.
fn bits_of(things: u16) -> u32 {
    let step = usize::from(things / 100);
    SET_BITS.get(step).copied().unwrap_or(u32::MAX)
}

/// Groups that are counted at a time: 17 KiB. Who asks for most stays.
const MOST_GROUPS: usize = 64;
/// 2,048 bits: up to 1,000 things with an error of 3 percent.
const WORDS: usize = 32;
const LAST_WORD: u64 = 31;
/// Bits set by 0, 100, 200 .. 1,000 things.
const SET_BITS: [u32; 11] = [0, 98, 190, 279, 363, 444, 520, 593, 662, 728, 791];
const HOUR_MS: u64 = 3_600_000;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::subject::HostId;

    fn asks(volumes: &mut Volumes, host: u64, things: core::ops::Range<u64>, at: u64) -> usize {
        let hash = |n: u64| {
            (n ^ n >> 3).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let said = things.filter_map(|n| {
            let amount = Amount::Many { group: 1, thing: hash(n + host * 1_000_003), most: 200 };
            let subject = Subject::Host(HostId(host));
            volumes.hear(&Observation { at: Timestamp(at), subject, zone: None, fact: Fact::NameTunnel, amount })
        });
        said.count()
    }

    #[test]
    fn two_hundred_are_usual_and_some_more_are_not() {
        for host in 0..50 {
            let mut volumes = Volumes::default();
            assert_eq!(asks(&mut volumes, host, 0..170, 1), 0, "{host}");
            assert_eq!(asks(&mut volumes, host, 0..170, 2), 0, "the same again: {host}");
            assert_eq!(asks(&mut volumes, host, 170..240, 3), 1, "once: {host}");
            assert_eq!(asks(&mut volumes, host, 0..240, 4), 0);
        }
    }

    #[test]
    fn an_hour_is_an_hour_and_slow_readers_are_none() {
        let mut volumes = Volumes::default();
        for hour in 0..10 {
            let from = hour * 150;
            assert_eq!(asks(&mut volumes, 1, from..from + 150, hour * HOUR_MS), 0);
        }
        assert_eq!(asks(&mut volumes, 1, 0..400, 11 * HOUR_MS), 1);
    }

    #[test]
    fn many_who_ask_a_little_do_not_push_out_who_asks_for_much() {
        let mut volumes = Volumes::default();
        asks(&mut volumes, 1, 0..150, 1);
        for host in 2..5_000 {
            asks(&mut volumes, host, 0..2, 2);
        }
        assert_eq!(volumes.0.len(), MOST_GROUPS);
        assert_eq!(asks(&mut volumes, 1, 150..260, 3), 1);
    }
}
