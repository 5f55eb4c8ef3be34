//! Which channel a radio in monitor mode hears next, and for how long: each that is allowed once, then those that are in use more
//! often and longer, the clinic's own most; none is forgotten.
//!
//! Keeps, a channel: when it was visited, when a network was last heard there and whether it was the clinic's, how busy it was.
//! Drops: who. The same calls always give the same plan: it has no clock and no chance in it.

use super::Use;

/// The plan of one radio. Bounded: see [`MAX_CHANNELS`].
#[derive(Clone, Debug)]
pub struct Plan {
    channels: Vec<Channel>,
    dwell_ms: u64,
}

/// Where to listen, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// In MHz.
    pub frequency: u16,
    /// In milliseconds.
    pub dwell_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    frequency: u16,
    visited: Option<u64>,
    used: Option<u64>,
    own: Option<u64>,
    /// Frames of the last visit that had any, on a scale of 0 to [`MOST_BUSY`].
    busy: u64,
}

impl Plan {
    /// For these channels, in MHz; a visit of a quiet one lasts `dwell_ms`.
    #[must_use]
    pub fn new(allowed: &[u16], dwell_ms: u64) -> Plan {
        let mut plan = Plan { channels: Vec::new(), dwell_ms };
        plan.allow(allowed);
        plan
    }

    /// These channels are allowed now: what is known of those that stay is kept.
    pub fn allow(&mut self, allowed: &[u16]) {
        let mut frequencies = allowed.to_vec();
        frequencies.sort_unstable();
        frequencies.dedup();
        frequencies.truncate(MAX_CHANNELS);
        let known = |f: u16| self.channels.iter().find(|c| c.frequency == f).copied();
        let new = |frequency| Channel { frequency, visited: None, used: None, own: None, busy: 0 };
        self.channels = frequencies.iter().map(|f| known(*f).unwrap_or_else(|| new(*f))).collect();
    }

    /// How many channels there are to hear.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether no channel may be heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// This was heard there of late.
    pub fn heard(&mut self, frequency: u16, told: Use, now_ms: u64) {
        let Some(channel) = self.channels.iter_mut().find(|c| c.frequency == frequency) else { return };
        if told.networks > 0 {
            channel.used = Some(now_ms);
            channel.own = if told.is_own { Some(now_ms) } else { channel.own };
        }
        if told.frames > 0 {
            channel.busy = u64::from(told.frames.checked_ilog2().unwrap_or(0) / 2).min(MOST_BUSY);
        }
    }

    /// The next visit, which begins now: first each channel that was never visited, then the one that is most overdue, measured by
    /// its weight. `None` where no channel is allowed. Work is bounded by [`MAX_CHANNELS`].
    pub fn next(&mut self, now_ms: u64) -> Option<Visit> {
        let dwell_ms = self.dwell_ms;
        let due = |c: &Channel| match c.visited {
            None => u64::MAX,
            Some(at) => now_ms.saturating_sub(at).saturating_mul(c.weight(now_ms)),
        };
        // Of several that are as much overdue, the first.
        let next = self.channels.iter_mut().rev().max_by_key(|c| due(c))?;
        next.visited = Some(now_ms);
        Some(Visit { frequency: next.frequency, dwell_ms: dwell_ms.saturating_mul(next.length(now_ms)) })
    }
}

impl Channel {
    /// How often it is visited, beside a quiet one.
    fn weight(&self, now_ms: u64) -> u64 {
        if is_fresh(self.own, now_ms) {
            OWN_WEIGHT.saturating_add(self.busy)
        } else if is_fresh(self.used, now_ms) {
            USED_WEIGHT.saturating_add(self.busy)
        } else {
            1
        }
    }

    /// How long a visit lasts, beside that of a quiet one.
    fn length(&self, now_ms: u64) -> u64 {
        if is_fresh(self.own, now_ms) {
            OWN_LENGTH
        } else if is_fresh(self.used, now_ms) {
            USED_LENGTH
        } else {
            1
        }
    }
}

fn is_fresh(at: Option<u64>, now_ms: u64) -> bool {
    at.is_some_and(|at| now_ms.saturating_sub(at) < FRESH_MS)
}

/// Channels of 2.4, 5 and 6 GHz: 14, 45 and 59.
pub const MAX_CHANNELS: usize = 128;

/// A network that was not heard for so long has gone: ten rounds over a hundred quiet channels at a quarter of a second.
const FRESH_MS: u64 = 300_000;

const USED_WEIGHT: u64 = 4;
const OWN_WEIGHT: u64 = 12;
const USED_LENGTH: u64 = 2;
const OWN_LENGTH: u64 = 4;

/// 256 frames in a visit are as busy as it is counted.
const MOST_BUSY: u64 = 4;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const DWELL: u64 = 250;

    fn heard(frames: u32, networks: u32, is_own: bool) -> Use {
        Use { frames, networks, is_own }
    }

    /// Follows the plan for an hour; `air` says what a visit hears. Gives, a channel, the milliseconds that it was heard and the
    /// longest pause between two visits.
    fn follow(plan: &mut Plan, air: &dyn Fn(u16) -> Use) -> BTreeMap<u16, (u64, u64)> {
        let mut told: BTreeMap<u16, (u64, u64, u64)> = BTreeMap::new();
        let mut now = 0;
        while now < 3_600_000 {
            let visit = plan.next(now).unwrap();
            let (time, pause, last) = told.entry(visit.frequency).or_insert((0, 0, now));
            (*time, *pause, *last) = (*time + visit.dwell_ms, (*pause).max(now - *last), now);
            now += visit.dwell_ms;
            plan.heard(visit.frequency, air(visit.frequency), now);
        }
        told.into_iter().map(|(f, (time, pause, last))| (f, (time, pause.max(now - last)))).collect()
    }

    fn all() -> Vec<u16> {
        let low = (1..=13).map(|c| 2_407 + c * 5);
        let middle = (36..=64).step_by(4).chain((100..=144).step_by(4)).chain((149..=165).step_by(4));
        low.chain(middle.map(|c| 5_000 + c * 5)).chain((1..=233).step_by(4).map(|c| 5_950 + c * 5)).collect()
    }

    #[test]
    fn the_first_round_visits_each_channel_once_whatever_is_heard() {
        let mut plan = Plan::new(&all(), DWELL);
        let mut visited = Vec::new();
        for n in 0..all().len() as u64 {
            let visit = plan.next(n * DWELL).unwrap();
            plan.heard(visit.frequency, heard(1_000, 5, true), n * DWELL);
            visited.push(visit.frequency);
        }
        assert_eq!(visited, all());
    }

    #[test]
    fn channels_in_use_are_heard_more_and_our_own_most_and_none_is_forgotten() {
        let mut plan = Plan::new(&all(), DWELL);
        let times = follow(&mut plan, &|f| match f {
            2_437 | 5_180 => heard(200, 20, true),
            2_412 | 2_462 | 5_500 => heard(60, 20, false),
            _ => Use::default(),
        });
        assert_eq!(times.len(), all().len());
        let (own, used, quiet) = (times[&5_180].0, times[&5_500].0, times[&5_955].0);
        println!("an hour: own {own} ms, used {used} ms, quiet {quiet} ms; quiet pause {} ms", times[&5_955].1);
        assert!(own > 3 * used && used > 3 * quiet, "{own} {used} {quiet}");
        assert!(times.values().all(|(_, pause)| *pause < 120_000), "a channel was forgotten: {times:?}");
        // The longest pause is the first round.
        assert!(times[&5_180].1 < 30_000 && times[&5_500].1 < 40_000, "{times:?}");
    }

    #[test]
    fn nobody_can_keep_the_plan_from_a_channel() {
        // Networks are invented on every channel but one, and each says that it is ours and busy.
        let mut plan = Plan::new(&all(), DWELL);
        let times = follow(&mut plan, &|f| if f == 2_437 { Use::default() } else { heard(u32::MAX, u32::MAX, true) });
        assert!(times[&2_437].1 < 1_800_000 && times[&2_437].0 >= 2 * DWELL, "{:?}", times[&2_437]);
    }

    #[test]
    fn a_network_that_has_gone_is_a_quiet_channel_again() {
        let mut plan = Plan::new(&[2_412, 2_437], DWELL);
        plan.heard(2_412, heard(100, 10, true), 0);
        assert_eq!(plan.next(0), Some(Visit { frequency: 2_412, dwell_ms: 1_000 }));
        plan.next(1_000);
        let later = FRESH_MS + 1;
        assert_eq!(plan.next(later), Some(Visit { frequency: 2_412, dwell_ms: DWELL }));
    }

    #[test]
    fn what_is_allowed_may_change_and_what_is_known_stays() {
        let mut plan = Plan::new(&[2_412, 2_437], DWELL);
        plan.heard(2_437, heard(100, 10, true), 0);
        let _ = (plan.next(0), plan.next(1));
        plan.allow(&[5_180, 2_437, 5_180]);
        assert_eq!(plan.next(10).unwrap().frequency, 5_180, "never visited");
        assert_eq!(plan.next(11), Some(Visit { frequency: 2_437, dwell_ms: 1_000 }));
        plan.allow(&[]);
        assert_eq!((plan.next(12), plan.is_empty()), (None, true));
        plan.allow(&(1..=1_000).collect::<Vec<_>>());
        assert_eq!(plan.len(), MAX_CHANNELS);
    }
}
