//! Room in a full spool: who leaves first, and how the chain says so.
//!
//! Keeps: what holds the chain together (beginnings, key changes, farewells, Gaps that nothing else repeats), the newest
//! whole report with its changes. Drops, in this order: settled reports that were kept; the oldest run of changes, each of
//! which is folded into the next whole report; the oldest whole reports and events. One Gap tells of each run.

use super::entry::{Entry, Gone};
use super::{Spool, Trouble};
use crate::identity::Identity;
use auscult_report::header::Moment;
use auscult_report::payload::{GapReason, Kind, Place};
use auscult_report::time::Window;

impl Spool {
    /// Makes room for a report of `octets`. True if a Gap was written. Bounded: each round removes a report.
    pub(super) fn make_room(&mut self, identity: &Identity, octets: usize, moment: Moment) -> Result<bool, Trouble> {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX).saturating_add(GAP_OCTETS);
        let mut told = false;
        while self.octets().saturating_add(octets) > self.bounds.octets {
            let settled = self.settled();
            if let Some(kept) = self.entries.keys().next().copied().filter(|p| Some(*p) <= settled) {
                self.remove(kept)?;
                continue;
            }
            let run = self.run_to_give_up();
            let (Some(first), Some(last)) = (run.first().copied(), run.last().copied()) else {
                return Err(Trouble::Never("the spool is too small for the chain itself: give it more octets"));
            };
            let gone = self.joined(first, last);
            self.tell_gap(identity, gone, GapReason::SpoolFull, moment)?;
            told = true;
            run.into_iter().try_for_each(|place| self.remove(place))?;
        }
        Ok(told)
    }

    /// Removes every settled report that was only kept. True if there was one.
    pub(super) fn drop_kept(&mut self) -> bool {
        let settled = self.settled();
        let kept: Vec<Place> = self.entries.keys().filter(|p| Some(**p) <= settled).copied().collect();
        kept.iter().filter(|place| self.remove(**place).is_ok()).count() > 0
    }

    /// The oldest reports without a stranger among them that may be given up, an eighth of the room at once.
    fn run_to_give_up(&self) -> Vec<Place> {
        let newest_whole = self.entries.iter().rev().find(|(_, e)| e.kind == Kind::Full).map(|(p, _)| *p);
        let is_change = |p: &Place, e: &Entry| e.kind == Kind::Changes && Some(*p) < newest_whole;
        let changes = self.run(is_change);
        if !changes.is_empty() {
            return changes;
        }
        let any = self.run(|p, e| self.may_go(*p, e) && Some(*p) < newest_whole);
        if any.is_empty() { self.run(|p, e| self.may_go(*p, e)) } else { any }
    }

    fn run(&self, may_go: impl Fn(&Place, &Entry) -> bool) -> Vec<Place> {
        let (mut run, mut freed) = (Vec::<Place>::new(), 0u64);
        let enough = self.bounds.octets / 8;
        for (place, entry) in &self.entries {
            let joins = run.last().is_none_or(|last| self.is_next(*last, *place));
            match may_go(place, entry) {
                true if joins && freed < enough => {
                    run.push(*place);
                    freed = freed.saturating_add(entry.octets);
                }
                _ if run.is_empty() => {}
                _ => break,
            }
        }
        run
    }

    /// Whether nothing but what was given up already lies between two places.
    fn is_next(&self, a: Place, b: Place) -> bool {
        let (from, to) = (a.seq.saturating_add(1), b.seq.saturating_sub(1));
        a.epoch == b.epoch
            && (a.seq.checked_add(1) == Some(b.seq)
                || self.gone().any(|g| g.epoch == a.epoch && g.from <= from && to <= g.to))
    }

    fn may_go(&self, place: Place, entry: &Entry) -> bool {
        match (entry.kind, entry.gap) {
            (Kind::Full | Kind::Changes | Kind::Event, _) => true,
            // A Gap may go when a later one tells the same and more.
            (Kind::Gap, Some(gone)) => self
                .entries
                .range(place..)
                .skip(1)
                .filter_map(|(_, e)| e.gap)
                .any(|later| later.epoch == gone.epoch && later.from <= gone.from && gone.to <= later.to),
            _ => false,
        }
    }

    /// What a Gap tells of a run, together with what was given up right before and right behind it.
    fn joined(&self, first: Place, last: Place) -> Gone {
        let windows = self.entries.range(first..=last).filter_map(|(_, e)| e.window);
        let window = windows.reduce(|a, b| Window { from: a.from.min(b.from), to: a.to.max(b.to) }).unwrap_or_default();
        let hash = self.entries.get(&last).map_or([0; 32], |e| e.hash);
        let mut gone = Gone { epoch: first.epoch, from: first.seq, to: last.seq, last: hash, window };
        for _ in 0..self.entries.len() {
            let beside = |g: &Gone| {
                g.epoch == gone.epoch
                    && (g.from < gone.from || g.to > gone.to)
                    && g.from <= gone.to.saturating_add(1)
                    && g.to.saturating_add(1) >= gone.from
            };
            let Some(other) = self.gone().find(beside) else { break };
            let window =
                Window { from: gone.window.from.min(other.window.from), to: gone.window.to.max(other.window.to) };
            let last = if other.to > gone.to { other.last } else { gone.last };
            gone = Gone { from: gone.from.min(other.from), to: gone.to.max(other.to), last, window, ..gone };
        }
        gone
    }
}

/// Room for the Gap itself.
const GAP_OCTETS: u64 = 512;
