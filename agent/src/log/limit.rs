//! No fault that repeats fills the flash of a router or buries what else is said: each line of the program may be said so
//! often, and then once in a while with how many were left out.
//!
//! Keeps: for each line of the program how often it may still be said. Drops: what is over; it is counted.

use std::collections::HashMap;
use std::hash::Hash;

/// How often each line may be said. `K` tells lines apart; they are places in the program, so there are only so many.
#[derive(Debug)]
pub(super) struct Limit<K> {
    lines: HashMap<K, Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// How often it may be said at once.
    left: u32,
    /// Since when the next permission grows, in milliseconds.
    since_ms: u64,
    left_out: u32,
}

impl<K: Eq + Hash> Limit<K> {
    /// Nothing was said yet.
    pub(super) fn new() -> Limit<K> {
        Limit { lines: HashMap::new() }
    }

    /// Whether a line may be said now; then how many like it were left out before. `now_ms` counts from anywhere, forward.
    pub(super) fn ask(&mut self, line: K, now_ms: u64) -> Option<u32> {
        if self.lines.len() >= MAX_LINES && !self.lines.contains_key(&line) {
            return Some(0);
        }
        let line = self.lines.entry(line).or_insert(Line { left: AT_ONCE, since_ms: now_ms, left_out: 0 });
        let grown = now_ms.saturating_sub(line.since_ms).checked_div(ONE_EACH_MS).unwrap_or(0);
        if grown > 0 {
            line.left = line.left.saturating_add(u32::try_from(grown).unwrap_or(u32::MAX)).min(AT_ONCE);
            line.since_ms = line.since_ms.saturating_add(grown.saturating_mul(ONE_EACH_MS));
        }
        if line.left == AT_ONCE {
            // What is full does not grow meanwhile.
            line.since_ms = now_ms;
        }
        match line.left.checked_sub(1) {
            Some(left) => {
                line.left = left;
                Some(core::mem::take(&mut line.left_out))
            }
            None => {
                line.left_out = line.left_out.saturating_add(1);
                None
            }
        }
    }
}

impl<K: Eq + Hash> Default for Limit<K> {
    fn default() -> Limit<K> {
        Limit::new()
    }
}

/// What a start, or a bad minute, may say of one kind.
const AT_ONCE: u32 = 30;
/// What goes on for weeks is said this often: 1,440 lines a day.
const ONE_EACH_MS: u64 = 60_000;
/// The program has fewer places that say something; more are not limited.
const MAX_LINES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_repeats_is_said_so_often_and_then_once_a_minute_with_what_was_left_out() {
        let mut limit = Limit::new();
        let said: Vec<_> = (0..600).filter_map(|second| limit.ask("lost", second * 1_000)).collect();
        assert_eq!(said[..30], [0; 30]);
        assert_eq!(
            said[30..],
            [30, 59, 59, 59, 59, 59, 59, 59, 59],
            "ten minutes, each line that was left out is counted"
        );
    }

    #[test]
    fn another_line_is_said_meanwhile() {
        let mut limit = Limit::new();
        let many = (0..100).filter_map(|_| limit.ask("lost", 5)).count();
        assert_eq!((many, limit.ask("gone", 5)), (30, Some(0)));
    }

    #[test]
    fn after_a_quiet_time_a_line_may_be_said_as_often_as_at_the_start() {
        let mut limit = Limit::new();
        let mut burst = |at_ms| (0..100).filter_map(|_| limit.ask("lost", at_ms)).collect::<Vec<_>>();
        assert_eq!(burst(0).len(), 30);
        let later = burst(86_400_000);
        assert_eq!((later.len(), later[0], later[1]), (30, 70, 0));
    }

    #[test]
    fn a_clock_that_stands_still_or_is_odd_stops_nothing() {
        let mut limit = Limit::new();
        assert_eq!(limit.ask("a", u64::MAX), Some(0));
        assert_eq!(limit.ask("a", 0), Some(0));
        for n in 0..2_000 {
            limit.ask(if n % 2 == 0 { "a" } else { "b" }, 0);
        }
        assert!(limit.lines.len() == 2);
    }
}
