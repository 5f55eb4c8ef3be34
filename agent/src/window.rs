//! From windows to reports: what is told whole, what is told as a change, what is told at once, what is not told.
//!
//! A whole report ([`Full`]) says all that is known: at start, every six hours, after 24 changes, when asked. In between
//! [`Changes`] say what is not in it; each stands alone on it, so that one that is lost takes nothing with it but its
//! counters. A window that brought nothing new is not told; what it counted goes into the next report.
//! Keeps: what is known, within a bound; what was not written yet. Drops: what was not heard for a week; where there is no room
//! for what is new, what was heard longest ago, and before it hints at the systems of hosts that serve nothing.

mod lighter;

use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::payload::{Changes, Event, Extras, Full, MAX_EVENT, Payload, Place};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Counters, HostEntry, MAX_HOSTS, MAX_SIGHTINGS, Sighting, Summary};
use auscult_report::time::{Timestamp, Window};
use auscult_report::zone::Zone;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use lighter::lighter;

/// What is known, and what of it was told.
pub struct Windows {
    known: BTreeMap<Key, Seen>,
    /// How much is known at most.
    room: usize,
    hosts: BTreeMap<HostId, HostEntry>,
    base: Option<Base>,
    changes: u32,
    full_wanted: bool,
    /// Windows that are in no report yet, folded into one.
    untold: Option<Summary>,
    /// Whether they hold anything new.
    news: bool,
    urgent: BTreeMap<Key, Sighting>,
    events: VecDeque<Timestamp>,
}

type Key = (Subject, Fact, Option<Zone>);

/// When something was heard, and how often.
#[derive(Clone, Copy)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    count: u32,
}

/// The last whole report.
struct Base {
    place: Place,
    summary: Summary,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows::with_room(MAX_SIGHTINGS)
    }
}

impl Windows {
    /// With room for so many sightings ([`crate::config::Memory`]).
    #[must_use]
    pub const fn with_room(room: usize) -> Windows {
        Windows {
            known: BTreeMap::new(),
            room,
            hosts: BTreeMap::new(),
            base: None,
            changes: 0,
            full_wanted: false,
            untold: None,
            news: false,
            urgent: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes a window in. What is to be sealed now, if anything.
    pub fn close(&mut self, summary: Summary) -> Option<Payload> {
        let let_go = self.learn(&summary);
        let forgotten = self.forget(summary.window.to);
        self.news |= forgotten;
        let mut untold = match self.untold.take() {
            Some(earlier) => fold(earlier, summary),
            None => summary,
        };
        // What is told of is what is known: however long nothing can be written, no more than that waits.
        let mut sightings = core::mem::take(&mut untold.sightings).into_vec();
        sightings.retain(|s| self.known.contains_key(&key(s)));
        (untold.sightings, untold.hosts) = (Bounded::first_of(sightings).0, Bounded::default());
        let counters = &mut untold.counters;
        counters.observations_let_go = counters.observations_let_go.saturating_add(let_go);
        self.untold = Some(untold);
        self.due()
    }

    /// What is to be sealed of what was not told: asked again after a failure, and at the end.
    #[must_use]
    pub fn due(&self) -> Option<Payload> {
        let untold = self.untold.as_ref()?;
        let base = match &self.base {
            Some(base) if !self.is_full_due(base, untold.window.to) => base,
            _ => return Some(Payload::Full(Full { summary: self.state(untold), ext: Extras::new() })),
        };
        self.news.then(|| Payload::Changes(self.changes_since(base, untold)))
    }

    /// A report was written.
    pub fn written(&mut self, place: Place, payload: &Payload) {
        match payload {
            Payload::Full(full) => {
                self.base = Some(Base { place, summary: full.summary.clone() });
                (self.changes, self.full_wanted) = (0, false);
            }
            Payload::Changes(_) => self.changes = self.changes.saturating_add(1),
            Payload::Event(event) => {
                self.events.push_back(event.window.to);
                for told in &event.sightings {
                    self.urgent.remove(&key(told));
                }
                return;
            }
            _ => return,
        }
        (self.untold, self.news) = (None, false);
    }

    /// The next report is to be whole.
    pub const fn want_full(&mut self) {
        self.full_wanted = true;
    }

    /// What is known was known under other networks: it is forgotten as at a start, and the next report is whole.
    pub fn begin_anew(&mut self) {
        (self.known, self.hosts, self.urgent) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        self.full_wanted = true;
    }

    /// Takes in what cannot wait.
    pub fn urge(&mut self, sightings: &[Sighting], hosts: &[HostEntry]) {
        for sighting in sightings {
            if self.urgent.len() < MAX_EVENT && !self.known.contains_key(&key(sighting)) {
                self.urgent.insert(key(sighting), *sighting);
            }
        }
        for host in hosts {
            self.meet(host);
        }
    }

    /// An event, if one is due: not within a minute of the last, and at most twelve an hour.
    pub fn event(&mut self, now: Timestamp) -> Option<Payload> {
        // Those that are still to come were told before the clock was set back.
        self.events.retain(|at| now.since_ms(*at) < HOUR_MS && at.since_ms(now) < EVENT_EVERY_MS);
        let quiet = self.events.back().is_none_or(|at| now.since_ms(*at) >= EVENT_EVERY_MS);
        if self.urgent.is_empty() || !quiet || self.events.len() >= EVENTS_AN_HOUR {
            return None;
        }
        let sightings: Vec<Sighting> = self.urgent.values().copied().collect();
        let from = sightings.iter().map(|s| s.first).min().unwrap_or(now).min(now);
        let hosts = self.hosts_of(&sightings);
        let (sightings, hosts) = (Bounded::first_of(sightings).0, Bounded::first_of(hosts).0);
        Some(Payload::Event(Event { window: Window { from, to: now }, hosts, sightings, ext: Extras::new() }))
    }

    fn is_full_due(&self, base: &Base, now: Timestamp) -> bool {
        self.full_wanted
            || self.changes >= CHANGES_A_FULL
            || now.since_ms(base.summary.window.to) >= FULL_EVERY_MS
            || now < base.summary.window.to
    }

    /// Learns what a window heard; gives how many sightings found no room.
    fn learn(&mut self, summary: &Summary) -> u64 {
        let new = summary.sightings.iter().filter(|s| !self.known.contains_key(&key(s))).count();
        let over = self.known.len().saturating_add(new).saturating_sub(self.room);
        let mut let_go = self.make_room(over, summary.window.from);
        for heard in &summary.sightings {
            let has_room = self.known.len() < self.room;
            match self.known.get_mut(&key(heard)) {
                Some(known) => {
                    let grown = known.add(heard);
                    self.news |= grown;
                }
                None if has_room => {
                    self.known.insert(key(heard), Seen { first: heard.first, last: heard.last, count: heard.count });
                    self.news = true;
                }
                None => let_go = let_go.saturating_add(1),
            }
        }
        for host in &summary.hosts {
            self.meet(host);
        }
        let_go
    }

    /// Forgets `over` sightings that were last heard before `from`; gives how many were forgotten. They are told again when they
    /// are heard again.
    fn make_room(&mut self, over: usize, from: Timestamp) -> u64 {
        if over == 0 {
            return 0;
        }
        let old = self.known.iter().filter(|(_, seen)| seen.last < from);
        let mut old: Vec<(bool, Timestamp, Key)> = old.map(|(key, seen)| (!is_hint(key), seen.last, *key)).collect();
        old.sort_unstable();
        old.truncate(over);
        for (.., key) in &old {
            self.known.remove(key);
        }
        self.forget_hosts();
        u64::try_from(old.len()).unwrap_or(u64::MAX)
    }

    fn meet(&mut self, host: &HostEntry) {
        if self.hosts.len() >= self.room.min(MAX_HOSTS) && !self.hosts.contains_key(&host.id) {
            return;
        }
        // A host that served something in an earlier window keeps what was said of it then.
        let old = self.hosts.get(&host.id).filter(|old| old.zone == host.zone);
        let (address, maker) = old.map_or((None, None), |o| (o.address, o.maker));
        let known = HostEntry { address: host.address.or(address), maker: host.maker.or(maker), ..*host };
        self.news |= self.hosts.insert(host.id, known) != Some(known);
    }

    /// Forgets what was not heard for a week, and hosts that nothing is known of any more. What was heard in a time that is
    /// still to come was heard before the clock was set back: its week begins now.
    fn forget(&mut self, now: Timestamp) -> bool {
        let before = self.known.len();
        for known in self.known.values_mut() {
            (known.first, known.last) = (known.first.min(now), known.last.min(now));
        }
        self.known.retain(|_, s| now.since_ms(s.last) < FORGET_AFTER_MS);
        let forgot = self.known.len() != before;
        if forgot {
            self.forget_hosts();
        }
        forgot
    }

    /// Forgets the hosts of which nothing is known any more.
    fn forget_hosts(&mut self) {
        let spoken_of: BTreeSet<HostId> = self.known.keys().filter_map(|(subject, ..)| host_of(*subject)).collect();
        self.hosts.retain(|id, _| spoken_of.contains(id));
    }

    fn sightings(&self) -> impl Iterator<Item = Sighting> {
        self.known.iter().map(|(key, seen)| sighting(key, seen))
    }

    /// All that is known.
    fn state(&self, untold: &Summary) -> Summary {
        let sightings: Vec<Sighting> = self.sightings().collect();
        let hosts = Bounded::first_of(self.hosts_of(&sightings)).0;
        Summary { window: untold.window, hosts, sightings: Bounded::first_of(sightings).0, counters: untold.counters }
    }

    fn hosts_of(&self, sightings: &[Sighting]) -> Vec<HostEntry> {
        let spoken_of: BTreeSet<HostId> = sightings.iter().filter_map(|s| host_of(s.subject)).collect();
        spoken_of.iter().filter_map(|id| self.hosts.get(id)).copied().collect()
    }

    /// What is not in the last whole report, or stands otherwise there.
    fn changes_since(&self, base: &Base, untold: &Summary) -> Changes {
        let (told, heard) = (by_key(&base.summary.sightings), by_key(&untold.sightings));
        let is_in = |list: &[&Sighting], wanted: &Key| list.binary_search_by(|s| key(s).cmp(wanted)).is_ok();
        let changed = self.known.iter().filter(|(key, _)| is_in(&heard, key) || !is_in(&told, key));
        let sightings: Vec<Sighting> = changed.map(|(key, seen)| sighting(key, seen)).collect();
        let hosts = Bounded::first_of(self.hosts_of(&sightings)).0;
        let over = base.summary.sightings.iter().enumerate().filter(|(_, s)| !self.known.contains_key(&key(s)));
        let ended = Bounded::first_of(over.filter_map(|(n, _)| u16::try_from(n).ok()).collect()).0;
        let sightings = Bounded::first_of(sightings).0;
        let now = Summary { window: untold.window, hosts, sightings, counters: untold.counters };
        Changes::between(&base.summary, base.place, &now, ended)
    }
}

/// In the order of their keys.
fn by_key(sightings: &[Sighting]) -> Vec<&Sighting> {
    let mut sorted: Vec<&Sighting> = sightings.iter().collect();
    sorted.sort_unstable_by_key(|s| key(s));
    sorted
}

const fn sighting((subject, fact, zone): &Key, seen: &Seen) -> Sighting {
    Sighting { subject: *subject, fact: *fact, zone: *zone, first: seen.first, last: seen.last, count: seen.count }
}

/// What a host that calls lets guess of itself: phones come and go by the thousand.
const fn is_hint((subject, fact, _): &Key) -> bool {
    matches!((subject, fact), (Subject::Host(_), Fact::System(_) | Fact::DhcpClass(_) | Fact::TlsClient(_)))
}

const fn key(s: &Sighting) -> Key {
    (s.subject, s.fact, s.zone)
}

const fn host_of(subject: Subject) -> Option<HostId> {
    match subject {
        Subject::Host(host) | Subject::Service(host, ..) => Some(host),
        Subject::Sensor | Subject::Site | Subject::Wireless(_) => None,
    }
}

impl Seen {
    /// Adds a later sighting of the same; true if it counts different things, and more of them than before.
    fn add(&mut self, heard: &Sighting) -> bool {
        self.first = self.first.min(heard.first);
        self.last = self.last.max(heard.last);
        if heard.fact.counts_different() {
            let grown = heard.count > self.count;
            self.count = self.count.max(heard.count);
            return grown;
        }
        self.count = self.count.saturating_add(heard.count);
        false
    }
}

/// Adds a later sighting of the same.
pub fn add(known: &mut Sighting, heard: &Sighting) {
    let mut seen = Seen { first: known.first, last: known.last, count: known.count };
    seen.add(heard);
    (known.first, known.last, known.count) = (seen.first, seen.last, seen.count);
}

/// Two windows as one; hosts are told from what is known.
fn fold(earlier: Summary, later: Summary) -> Summary {
    let mut sightings = earlier.sightings.into_vec();
    sightings.extend_from_slice(&later.sightings);
    sightings.sort_unstable();
    sightings.dedup_by(|again, first| {
        let same = key(again) == key(first);
        if same {
            add(first, again);
        }
        same
    });
    Summary {
        window: Window { from: earlier.window.from.min(later.window.from), to: later.window.to },
        hosts: Bounded::default(),
        sightings: Bounded::first_of(sightings).0,
        counters: sum(&earlier.counters, &later.counters),
    }
}

/// The counters of two windows as those of one.
#[must_use]
pub const fn sum(a: &Counters, b: &Counters) -> Counters {
    Counters {
        frames: a.frames.saturating_add(b.frames),
        octets: a.octets.saturating_add(b.octets),
        malformed: a.malformed.saturating_add(b.malformed),
        not_understood: a.not_understood.saturating_add(b.not_understood),
        cut: a.cut.saturating_add(b.cut),
        fragments: a.fragments.saturating_add(b.fragments),
        conversations: a.conversations.saturating_add(b.conversations),
        one_sided: a.one_sided.saturating_add(b.one_sided),
        conversations_let_go: a.conversations_let_go.saturating_add(b.conversations_let_go),
        holes: a.holes.saturating_add(b.holes),
        octets_let_go: a.octets_let_go.saturating_add(b.octets_let_go),
        hosts_let_go: a.hosts_let_go.saturating_add(b.hosts_let_go),
        networks_let_go: a.networks_let_go.saturating_add(b.networks_let_go),
        observations_let_go: a.observations_let_go.saturating_add(b.observations_let_go),
        wireless_frames: a.wireless_frames.saturating_add(b.wireless_frames),
        wireless_encrypted: a.wireless_encrypted.saturating_add(b.wireless_encrypted),
        // The same hosts in both, as far as is known.
        hosts: if a.hosts > b.hosts { a.hosts } else { b.hosts },
    }
}

/// A whole report at least every six hours.
const FULL_EVERY_MS: u64 = 21_600_000;
/// ... and after so many changes.
const CHANGES_A_FULL: u32 = 24;
/// What was not heard for a week is over: a clinic is closed at weekends.
const FORGET_AFTER_MS: u64 = 604_800_000;
/// Between two events.
const EVENT_EVERY_MS: u64 = 60_000;
/// Events in an hour.
const EVENTS_AN_HOUR: usize = 12;
const HOUR_MS: u64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::subject::Transport;

    fn service(n: u64) -> Subject {
        Subject::Service(HostId(n), Transport::Tcp, 104)
    }

    fn sighting(n: u64, fact: Fact, at: u64, count: u32) -> Sighting {
        let at = Timestamp(at);
        Sighting { subject: service(n), fact, zone: Some(Zone::Outside), first: at, last: at, count }
    }

    /// The window number `n` of a quarter of an hour.
    fn window(n: u64, sightings: &[Sighting]) -> Summary {
        let hosts = sightings.iter().filter_map(|s| host_of(s.subject));
        let hosts = hosts.map(|id| HostEntry { id, zone: Zone::Clinical, address: None, maker: None }).collect();
        Summary {
            window: Window {
                from: Timestamp(n.saturating_mul(900_000)),
                to: Timestamp(n.saturating_add(1).saturating_mul(900_000)),
            },
            hosts: Bounded::first_of(hosts).0,
            sightings: Bounded::first_of(sightings.to_vec()).0,
            counters: Counters { frames: 1, ..Counters::default() },
        }
    }

    fn at(seq: u64) -> Place {
        Place { epoch: 0, seq }
    }

    fn full(payload: Option<Payload>) -> Full {
        let Some(Payload::Full(full)) = payload else { panic!("not whole: {payload:?}") };
        full
    }

    fn changes(payload: Option<Payload>) -> Changes {
        let Some(Payload::Changes(changes)) = payload else { panic!("no changes: {payload:?}") };
        changes
    }

    #[test]
    fn the_first_is_whole_and_then_only_what_changed_is_told() {
        let mut windows = Windows::default();
        let first = windows.close(window(0, &[sighting(1, Fact::Answered, 5, 2)]));
        let base = full(first.clone()).summary;
        windows.written(at(1), &first.unwrap());
        assert_eq!(windows.close(window(1, &[sighting(1, Fact::Answered, 900_005, 3)])), None, "nothing new");
        let new = sighting(2, Fact::DicomMatch, 1_800_001, 1);
        let told = changes(windows.close(window(2, &[new])));
        assert_eq!((told.base, &told.sightings[..], told.hosts.len()), (at(1), &[new][..], 1));
        assert!(told.heard_again(0), "also what was heard in the window that was not told");
        assert_eq!((told.counters.frames, told.window.from.0), (2, 900_000));
        windows.written(at(2), &Payload::Changes(told.clone()));
        let state = told.onto(&base);
        assert_eq!(state.sightings.len(), 2);
    }

    #[test]
    fn each_change_stands_alone_on_its_base() {
        let mut windows = Windows::default();
        let first = windows.close(window(0, &[sighting(1, Fact::Answered, 5, 1)])).unwrap();
        windows.written(at(1), &first);
        for n in 1..5 {
            let told = windows.close(window(n, &[sighting(n + 1, Fact::Answered, n * 900_000, 1)]));
            assert_eq!(changes(told.clone()).sightings.len(), usize::try_from(n).unwrap());
            windows.written(at(n + 1), &told.unwrap());
        }
    }

    #[test]
    fn a_report_that_was_not_written_goes_into_the_next() {
        let mut windows = Windows::default();
        let lost = full(windows.close(window(0, &[sighting(1, Fact::Answered, 5, 1)])));
        let next = full(windows.close(window(1, &[sighting(1, Fact::Answered, 900_005, 1)])));
        assert_eq!((lost.summary.counters.frames, next.summary.counters.frames), (1, 2));
        assert_eq!(next.summary.sightings[0].count, 2);
        assert_eq!(next.summary.window, Window { from: Timestamp(0), to: Timestamp(1_800_000) });
    }

    #[test]
    fn a_whole_one_comes_after_six_hours_after_24_changes_and_when_asked() {
        let told = |steps: u64, every: u64| {
            let mut windows = Windows::default();
            let mut whole = Vec::new();
            for n in 0..steps {
                let payload = windows.close(window(n * every, &[sighting(n, Fact::Answered, n * every * 900_000, 1)]));
                let payload = payload.unwrap();
                if matches!(payload, Payload::Full(_)) {
                    whole.push(n);
                }
                windows.written(at(n), &payload);
            }
            whole
        };
        assert_eq!(told(30, 8), [0, 3, 6, 9, 12, 15, 18, 21, 24, 27], "eight windows are two hours");
        let mut windows = Windows::default();
        let mut whole = Vec::new();
        for n in 0..60 {
            let mut summary = window(0, &[sighting(n, Fact::Answered, 5, 1)]);
            summary.window.to = Timestamp(1_000 + n);
            let payload = windows.close(summary).unwrap();
            if matches!(payload, Payload::Full(_)) {
                whole.push(n);
            }
            windows.written(at(n), &payload);
        }
        assert_eq!(whole, [0, 25, 50]);
        windows.want_full();
        assert!(matches!(windows.close(window(0, &[])), Some(Payload::Full(_))));
    }

    #[test]
    fn different_things_are_told_when_there_are_more_and_times_are_not() {
        let mut windows = Windows::default();
        let first = windows.close(window(0, &[sighting(1, Fact::DicomCalling, 5, 2)])).unwrap();
        windows.written(at(1), &first);
        assert_eq!(windows.close(window(1, &[sighting(1, Fact::DicomCalling, 900_005, 2)])), None);
        let told = changes(windows.close(window(2, &[sighting(1, Fact::DicomCalling, 1_800_005, 3)])));
        assert_eq!(told.sightings[0].count, 3);
    }

    #[test]
    fn what_was_not_heard_for_a_week_is_over() {
        let mut windows = Windows::default();
        let both = [sighting(1, Fact::Answered, 5, 1), sighting(2, Fact::Answered, 5, 1)];
        let first = windows.close(window(0, &both)).unwrap();
        windows.written(at(1), &first);
        let mut again = window(3, &[sighting(2, Fact::Answered, FORGET_AFTER_MS - 1, 1)]);
        again.window.to = Timestamp(FORGET_AFTER_MS + 10);
        let told = full(windows.close(again));
        assert_eq!(told.summary.sightings.len(), 1);
        assert_eq!(told.summary.hosts.len(), 1);
    }

    #[test]
    fn where_there_is_no_room_hints_at_callers_go_first_and_then_what_was_heard_longest_ago() {
        use auscult_report::fact::{Fact, SignPlace, SystemFamily, SystemSign};
        let (place, family) = (SignPlace::ALL[0], SystemFamily::ALL[0]);
        let hint = Fact::System(SystemSign { place, family, major: 0, minor: 0, build: 0 });
        let call = |n, at| Sighting { subject: Subject::Host(HostId(n)), ..sighting(0, hint, at, 1) };
        let mut windows = Windows::with_room(6);
        let mut close = |n: u64, heard: &[Sighting]| {
            let told = windows.close(window(n, heard)).unwrap();
            windows.written(at(n), &told);
            let known: Vec<_> = windows.known.keys().map(|(subject, ..)| host_of(*subject).unwrap().0).collect();
            (known, windows.untold.is_none(), windows.hosts.len())
        };
        let first = [sighting(1, Fact::Answered, 1, 1), sighting(2, Fact::Answered, 2, 1), call(11, 8), call(12, 9)];
        assert_eq!(close(0, &first).0, [11, 12, 1, 2]);
        let more = [3, 4, 5].map(|n| sighting(n, Fact::Answered, 900_000 + n, 1));
        assert_eq!(close(1, &more), (vec![12, 1, 2, 3, 4, 5], true, 6), "the older hint");
        let again = [sighting(1, Fact::Answered, 1_800_001, 1), sighting(6, Fact::Answered, 1_800_006, 1)];
        assert_eq!(close(2, &again).0, [1, 2, 3, 4, 5, 6], "the other one");
        let last = [sighting(7, Fact::Answered, 2_700_007, 1)];
        assert_eq!(close(3, &last).0, [1, 3, 4, 5, 6, 7], "who was quiet longest");
        let flood: Vec<Sighting> = (20..40).map(|n| sighting(n, Fact::Answered, 3_600_000 + n, 1)).collect();
        let mut flooded = Windows::with_room(6);
        let Some(Payload::Full(full)) = flooded.close(window(4, &flood)) else { panic!("not whole") };
        assert_eq!((full.summary.sightings.len(), full.summary.counters.observations_let_go), (6, 14));
    }

    #[test]
    fn an_event_is_told_at_once_then_not_for_a_minute_and_twelve_times_an_hour() {
        let mut windows = Windows::default();
        let (mut told, mut now) = (Vec::new(), 1_000);
        for n in 0..40 {
            windows.urge(&[sighting(n, Fact::DicomMatch, now, 1)], &[]);
            if let Some(event) = windows.event(Timestamp(now)) {
                told.push(now);
                windows.written(at(n), &event);
            }
            now += 30_000;
        }
        assert_eq!(told[..3], [1_000, 61_000, 121_000]);
        assert_eq!(told.len(), 12, "twenty minutes");
        for _ in 0..200 {
            windows.urge(&[sighting(now, Fact::DicomMatch, now, 1)], &[]);
            if let Some(event) = windows.event(Timestamp(now)) {
                told.push(now);
                windows.written(at(1), &event);
            }
            now += 60_000;
        }
        let busiest = told.iter().map(|t| told.iter().filter(|u| (*t..t + HOUR_MS).contains(u)).count()).max();
        assert_eq!(busiest, Some(12));
    }

    #[test]
    fn what_is_known_already_is_no_event() {
        let mut windows = Windows::default();
        windows.close(window(0, &[sighting(1, Fact::DicomMatch, 5, 1)]));
        windows.urge(&[sighting(1, Fact::DicomMatch, 6, 1)], &[]);
        assert_eq!(windows.event(Timestamp(7)), None);
    }

    #[test]
    fn a_report_that_is_too_long_is_halved_until_it_fits() {
        let many: Vec<Sighting> = (0..100).map(|n| sighting(n, Fact::Answered, 5, 1)).collect();
        let mut payload = Windows::default().close(window(0, &many));
        let mut sizes = Vec::new();
        while let Some(Payload::Full(full)) = &payload {
            sizes.push((
                full.summary.sightings.len(),
                full.summary.hosts.len(),
                full.summary.counters.observations_let_go,
            ));
            payload = lighter(payload.unwrap());
        }
        assert_eq!(sizes[..3], [(100, 100, 0), (50, 50, 50), (25, 25, 75)]);
        assert_eq!(sizes.last(), Some(&(0, 0, 100)));
    }
}
