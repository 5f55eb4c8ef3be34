//! How well a sensor hears, over all that it told: the losses of the last day, the sight that it really has, the hosts that are
//! always there, how far its clock is off (`assess::sensing`).
//!
//! A function of the reports in the order in which they came. Time is counted as it was listened to, not read from a clock: a spool
//! that is delivered late and a clock that jumps change nothing. Keeps: sums, and pseudonyms of hosts. Drops: what one window said
//! alone; a quiet night, a busy minute and a closed weekend are no reason to send somebody.

use auscult_assess::past::Past;
use auscult_assess::sensing::{Sensing, SensorPath};
use auscult_report::coverage::{Coverage, Ear, EarRole, EarWay, MAX_EARS, Sight};
use auscult_report::header::Moment;
use auscult_report::payload::{Changes, EXTRA_CONTRADICTION, Event, Extras, Full, Payload};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::Summary;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is remembered of one sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hearing {
    /// When its newest report came.
    pub(super) spoke: Timestamp,
    /// It said farewell.
    has_left: bool,
    /// When it told that the ledger contradicts itself.
    contradicted: Option<Timestamp>,
    clock: Option<ClockSight>,
    /// The half day in hand and the one before it.
    halves: [Half; 2],
    /// The best sight that it had, and for how many seconds it has had no better one than of broadcasts since.
    path: Option<Path>,
    without_s: u64,
    /// Hosts that are always there, and those that may become so.
    steady: BTreeMap<HostId, Steady>,
    /// What was heard before.
    pub(super) past: Past,
}

/// How far a clock is off, in one run of its system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClockSight {
    boot: [u8; 8],
    /// When the run began by the archive's clock, if the report that came fastest took no time.
    began_ms: i64,
    /// When its first report came.
    first: Timestamp,
    /// The uptime of the newest report by its own number, and how far the clock was off in it.
    newest_ms: u64,
    off_ms: i64,
    /// When it came.
    at: Timestamp,
}

/// Coverage of some hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Half {
    seconds: u64,
    ears: BTreeMap<u8, Sum>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    frames: u64,
    lost: u64,
    deaf_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Path {
    Lan,
    Mirror,
    Wan,
}

/// A host, by days that were listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Steady {
    last_day: u32,
    /// Days in a row up to then, at most [`ALWAYS_DAYS`]: who has so many is always there.
    run: u8,
}

impl Hearing {
    /// What was remembered; nothing, if this program does not understand it: it is made again with the next rebuild.
    pub(super) fn read(octets: &[u8]) -> Hearing {
        postcard::from_bytes(octets).unwrap_or_default()
    }

    pub(super) fn octets(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// A report came. `moment` is that of its header, if it could be verified.
    pub(super) fn came(&mut self, received: Timestamp, moment: Option<&Moment>, payload: Option<&Payload>) {
        self.spoke = received;
        self.has_left = matches!(payload, Some(Payload::Farewell(_)));
        if let Some(moment) = moment {
            self.clock = Some(ClockSight::after(self.clock, moment, received));
        }
        let ext = payload.and_then(extras);
        if ext.is_some_and(|ext| ext.iter().any(|e| e.tag == EXTRA_CONTRADICTION)) {
            self.contradicted = Some(received);
        }
        if let Some(coverage) = ext.and_then(Coverage::within) {
            self.covers(&coverage);
        }
    }

    /// What a report's window covered.
    fn covers(&mut self, coverage: &Coverage) {
        let seconds = u64::from(coverage.seconds);
        let ears: Vec<&Ear> = coverage.ears.iter().filter(|ear| is_cable(ear)).collect();
        if ears.is_empty() {
            return;
        }
        let [now, before] = &mut self.halves;
        if now.seconds >= HALF_DAY_S {
            *before = core::mem::take(now);
        }
        now.seconds = now.seconds.saturating_add(seconds);
        for ear in &ears {
            if now.ears.len() < MAX_EARS || now.ears.contains_key(&ear.number) {
                let sum = now.ears.entry(ear.number).or_default();
                sum.frames = sum.frames.saturating_add(ear.frames);
                sum.lost = sum.lost.saturating_add(ear.lost);
                sum.deaf_s = sum.deaf_s.saturating_add(u64::from(ear.deaf_s).min(seconds));
            }
        }
        match ears.iter().filter_map(|ear| path(ear)).max() {
            Some(path) => (self.path, self.without_s) = (Some(path), 0),
            None => self.without_s = self.without_s.saturating_add(seconds),
        }
    }

    /// Hosts of the clinic that a report says were heard, on the day that is listened to.
    pub(super) fn hosts(&mut self, state: &Summary, is_heard: impl Fn(usize) -> bool, heard_ms: u64) {
        let today = day_of(heard_ms);
        let ours: BTreeSet<HostId> = state.hosts.iter().filter(|h| is_ours(h.zone)).map(|h| h.id).collect();
        for (n, sighting) in state.sightings.iter().enumerate() {
            let (Subject::Host(id) | Subject::Service(id, ..)) = sighting.subject else { continue };
            if !is_heard(n) || !ours.contains(&id) {
                continue;
            }
            if self.steady.len() >= MOST_STEADY && !self.steady.contains_key(&id) {
                self.make_room(today);
            }
            if self.steady.len() < MOST_STEADY || self.steady.contains_key(&id) {
                self.steady.entry(id).or_insert(Steady { last_day: today, run: 1 }).heard(today);
            }
        }
    }

    /// Lets go who was not heard for a season, and who came by once.
    fn make_room(&mut self, today: u32) {
        self.steady.retain(|_, host| {
            let days = today.saturating_sub(host.last_day);
            if host.run >= ALWAYS_DAYS { days <= SEASON_DAYS } else { days <= 1 }
        });
    }

    /// What the judge is told of it; `heard_ms` is how long was listened in all.
    pub(super) fn sensing(&self, heard_ms: u64) -> Sensing {
        Sensing {
            lost_share: self.lost_share(),
            path: self.sensor_path(),
            heard_share: self.heard_share(day_of(heard_ms)),
            clock_off_s: self.clock.and_then(|clock| clock.off_s()),
            ..Sensing::default()
        }
    }

    /// When it told last that the ledger contradicts itself.
    pub(super) const fn contradicted(&self) -> Option<Timestamp> {
        self.contradicted
    }

    /// The worst interface of the last half to whole day: the part of its frames that the kernel lost, and of its time that it was
    /// away.
    fn lost_share(&self) -> Option<f64> {
        let [now, before] = &self.halves;
        let seconds = now.seconds.saturating_add(before.seconds);
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let lost = |number: &u8| {
            let sums = [now, before].map(|half| half.ears.get(number).copied().unwrap_or_default());
            let sum = |pick: fn(&Sum) -> u64| sums.iter().map(pick).fold(0, u64::saturating_add);
            let (frames, lost) = (sum(|s| s.frames), sum(|s| s.lost));
            let passed = frames.saturating_add(lost);
            let frames_lost = if passed >= LEAST_FRAMES { share(lost, passed) } else { 0.0 };
            1.0 - (1.0 - frames_lost) * (1.0 - share(sum(|s| s.deaf_s), seconds).min(1.0))
        };
        let worst = now.ears.keys().chain(before.ears.keys()).map(lost).fold(0.0, f64::max);
        (seconds >= LEAST_SECONDS).then_some(worst)
    }

    /// Where it stands: by the best sight that it had, unless that is longer ago than clinics are closed.
    fn sensor_path(&self) -> Option<SensorPath> {
        let patience_s = if self.path.is_some() { CLOSED_S } else { NEW_S };
        if self.without_s >= patience_s {
            return Some(SensorPath::Broadcast);
        }
        self.path.map(|path| match path {
            Path::Wan => SensorPath::Wan,
            Path::Lan => SensorPath::Lan,
            Path::Mirror => SensorPath::Mirror,
        })
    }

    /// Of the hosts that are always there, those that were heard today or yesterday. They are there on closed days as well: that is
    /// what makes them a measure.
    fn heard_share(&self, today: u32) -> Option<f64> {
        let age = |host: &&Steady| today.saturating_sub(host.last_day);
        let known = self.steady.values().filter(|host| host.run >= ALWAYS_DAYS && age(host) <= SEASON_DAYS);
        let (mut all, mut heard) = (0u32, 0u32);
        for host in known {
            all = all.saturating_add(1);
            heard = heard.saturating_add(u32::from(age(&host) <= 1));
        }
        (all >= LEAST_HOSTS).then(|| f64::from(heard) / f64::from(all))
    }

    /// It said farewell: nobody waits for it.
    pub(super) const fn has_left(&self) -> bool {
        self.has_left
    }
}

impl ClockSight {
    /// After one more report. Between the fastest report of a run and any other of it, what is late is the delivery, not the clock.
    fn after(before: Option<ClockSight>, moment: &Moment, received: Timestamp) -> ClockSight {
        let number = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let began_ms = number(received.0).saturating_sub(number(moment.mono_ms));
        let said_ms = number(moment.wall.0).saturating_sub(number(moment.mono_ms));
        let run = before.filter(|run| run.boot == moment.boot);
        let began_ms = run.map_or(began_ms, |run| run.began_ms.min(began_ms));
        let first = run.map_or(received, |run| run.first);
        match run {
            // It was sealed before: its clock may have been set since.
            Some(run) if moment.mono_ms < run.newest_ms => ClockSight { began_ms, at: received, ..run },
            _ => ClockSight {
                boot: moment.boot,
                began_ms,
                first,
                newest_ms: moment.mono_ms,
                off_ms: said_ms.saturating_sub(began_ms),
                at: received,
            },
        }
    }

    /// Seconds by which it is off, once the run is old enough: a router without a battery begins in 1970 and asks a time server, and
    /// a spool that could not be delivered before comes late in the first reports.
    fn off_s(&self) -> Option<u32> {
        let is_settled = self.newest_ms >= HOUR_MS && self.at.since_ms(self.first) >= HOUR_MS;
        is_settled.then(|| u32::try_from(self.off_ms.unsigned_abs() / 1_000).unwrap_or(u32::MAX))
    }
}

impl Steady {
    fn heard(&mut self, today: u32) {
        match today.saturating_sub(self.last_day) {
            0 => {}
            1 => self.run = self.run.saturating_add(1).min(ALWAYS_DAYS),
            // Who was always there is missed, not forgotten.
            _ if self.run >= ALWAYS_DAYS => {}
            _ => self.run = 1,
        }
        self.last_day = today;
    }
}

/// Seconds of a report's window in which an interface was deaf: the longest, radios left out, which nothing relies on.
pub(super) fn deaf_ms(payload: &Payload) -> u64 {
    let coverage = extras(payload).and_then(Coverage::within);
    let deaf = coverage.iter().flat_map(|c| c.ears.iter()).filter(|ear| is_cable(ear)).map(|ear| ear.deaf_s).max();
    u64::from(deaf.unwrap_or(0)).saturating_mul(1_000)
}

pub(super) const fn extras(payload: &Payload) -> Option<&Extras> {
    match payload {
        Payload::Full(Full { ext, .. }) | Payload::Changes(Changes { ext, .. }) | Payload::Event(Event { ext, .. }) => {
            Some(ext)
        }
        _ => None,
    }
}

pub(super) fn is_cable(ear: &Ear) -> bool {
    ear.role != EarRole::Radio && matches!(ear.way, EarWay::Ring | EarWay::Portable | EarWay::File)
}

/// The path that an interface gives, if it gives more than broadcasts.
const fn path(ear: &Ear) -> Option<Path> {
    match (ear.sight, ear.role) {
        (Sight::Router, EarRole::Wan) => Some(Path::Wan),
        (Sight::Router, _) => Some(Path::Lan),
        (Sight::Mirror | Sight::OneSided, _) => Some(Path::Mirror),
        (Sight::Nothing | Sight::Broadcast | Sight::Own | Sight::Radio, _) => None,
    }
}

/// In a zone of the clinic whose equipment stays where it is.
const fn is_ours(zone: Zone) -> bool {
    matches!(zone, Zone::SameSegment | Zone::Clinical | Zone::Office | Zone::Dmz)
}

fn day_of(heard_ms: u64) -> u32 {
    u32::try_from(heard_ms / MS_PER_DAY).unwrap_or(u32::MAX)
}

const HOUR_MS: u64 = 3_600_000;
const HALF_DAY_S: u64 = 43_200;
/// Of a day's losses nothing is said before a quarter of it was heard: a sensor that was just plugged in is still being plugged in.
const LEAST_SECONDS: u64 = 21_600;
/// Of fewer frames no part is told.
const LEAST_FRAMES: u64 = 1_000;
/// Only broadcasts, at a sensor that never heard more.
const NEW_S: u64 = 86_400;
/// Only broadcasts, at a sensor that heard more before: a long weekend of four days.
const CLOSED_S: u64 = 345_600;
/// Days in a row after which a host is always there: a weekend is among them.
const ALWAYS_DAYS: u8 = 7;
/// After so many days without it a host has gone for good.
const SEASON_DAYS: u32 = 90;
/// Of fewer hosts no part is told: one that is repaired would be a fifth.
const LEAST_HOSTS: u32 = 5;
/// Hosts that are remembered, 16 octets each: the clinic's own, of which there are 300.
const MOST_STEADY: usize = 2_048;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;
    use auscult_report::coverage::RadioState;
    use auscult_report::header::Clock;

    fn ear(sight: Sight, frames: u64, lost: u64, deaf_s: u32) -> Ear {
        Ear {
            number: 0,
            role: EarRole::Lan,
            way: EarWay::Ring,
            sight,
            heard: true,
            frames,
            lost,
            deaf_s,
            group: 0,
            foreign: 0,
            conversations: 0,
            both_sides: 0,
        }
    }

    fn covers(hearing: &mut Hearing, hours: u32, ears: &[Ear]) {
        hearing.covers(&Coverage {
            seconds: hours * 3_600,
            off_s: Some(0),
            blocked_s: 0,
            jumped_ahead_s: 0,
            jumped_back_s: 0,
            radio: RadioState::None,
            ears: Bounded::first_of(ears.to_vec()).0,
            faults: Bounded::new(),
        });
    }

    #[test]
    fn losses_are_those_of_a_day_and_of_the_worst_interface() {
        let mut hearing = Hearing::default();
        covers(&mut hearing, 5, &[ear(Sight::Router, 900_000, 100_000, 0)]);
        assert_eq!(hearing.lost_share(), None, "too early to tell");
        covers(&mut hearing, 1, &[ear(Sight::Router, 0, 0, 0)]);
        assert_eq!(hearing.lost_share().map(|s| (s * 100.0).round()), Some(10.0));
        // A second interface was away for half of the time: the first does not make up for it.
        covers(&mut hearing, 6, &[ear(Sight::Router, 1, 0, 0), Ear { number: 1, ..ear(Sight::Router, 9, 0, 21_600) }]);
        assert_eq!(hearing.lost_share().map(|s| (s * 100.0).round()), Some(50.0));
        for _ in 0..4 {
            covers(&mut hearing, 6, &[ear(Sight::Router, 500_000, 0, 0)]);
        }
        assert!(hearing.lost_share().unwrap() < 0.01, "a day later it is forgotten: {:?}", hearing.lost_share());
        // A minute's burst is no loss of a day, and a radio is none of an interface.
        let radio = Ear { role: EarRole::Radio, way: EarWay::Monitor, number: 2, ..ear(Sight::Nothing, 0, 0, 21_600) };
        covers(&mut hearing, 6, &[ear(Sight::Router, 400_000, 20_000, 300), radio]);
        assert!(hearing.lost_share().unwrap() < 0.05, "{:?}", hearing.lost_share());
    }

    #[test]
    fn a_port_of_broadcasts_is_told_after_a_day_and_a_closed_weekend_at_a_mirror_is_none() {
        let mut fresh = Hearing::default();
        for n in 0..4 {
            assert_eq!(fresh.sensor_path(), None, "{n} times six hours");
            covers(&mut fresh, 6, &[ear(Sight::Broadcast, 5_000, 0, 0)]);
        }
        assert_eq!(fresh.sensor_path(), Some(SensorPath::Broadcast));
        covers(&mut fresh, 6, &[ear(Sight::Mirror, 5_000, 0, 0)]);
        assert_eq!(fresh.sensor_path(), Some(SensorPath::Mirror), "it was connected rightly");
        for _ in 0..15 {
            covers(&mut fresh, 6, &[ear(Sight::Own, 5_000, 0, 0)]);
            assert_eq!(fresh.sensor_path(), Some(SensorPath::Mirror));
        }
        covers(&mut fresh, 6, &[ear(Sight::Broadcast, 5_000, 0, 0)]);
        assert_eq!(fresh.sensor_path(), Some(SensorPath::Broadcast), "no clinic is closed for so long");
        let wan = Ear { number: 1, role: EarRole::Wan, ..ear(Sight::Router, 1, 0, 0) };
        covers(&mut fresh, 1, &[ear(Sight::Router, 1, 0, 0), wan]);
        assert_eq!(fresh.sensor_path(), Some(SensorPath::Wan));
    }

    fn moment(boot: u8, hours: u64, wall: u64) -> Moment {
        Moment { boot: [boot; 8], mono_ms: hours * HOUR_MS, wall: Timestamp(wall), clock: Clock::Unset }
    }

    const NOW: u64 = 1_795_000_000_000;

    #[test]
    fn a_late_spool_is_no_wrong_clock_and_a_wrong_clock_is_none_of_the_spool() {
        let off = |reports: &[(u64, Moment)]| {
            let mut hearing = Hearing::default();
            for (received, moment) in reports {
                hearing.came(Timestamp(*received), Some(moment), None);
            }
            hearing.sensing(0).clock_off_s
        };
        let at = |hours: u64| NOW + hours * HOUR_MS;
        assert_eq!(off(&[(at(0), moment(1, 5, at(0)))]), None, "one report tells nothing");
        assert_eq!(off(&[(at(0), moment(1, 5, at(0))), (at(2), moment(1, 7, at(2)))]), Some(0));
        // For three days nothing could be delivered; then all of it comes at once.
        let mut late: Vec<(u64, Moment)> = vec![(at(0), moment(1, 5, at(0)))];
        late.extend((1..12).map(|n| (at(72), moment(1, 5 + n * 6, at(n * 6)))));
        assert_eq!(off(&late), Some(0));
        // So it was from the start on: the first of all came late. Two hours later one comes in time.
        let mut late: Vec<(u64, Moment)> = (0..12).map(|n| (at(72), moment(1, 2 + n * 6, at(n * 6)))).collect();
        assert_eq!(off(&late), None);
        late.push((at(74), moment(1, 76, at(74))));
        assert_eq!(off(&late), Some(0));
        // Wrong by a day, ahead and behind, whatever is late.
        let day = 24 * HOUR_MS;
        for wrong in [at(0) + day, at(0) - day] {
            let reports = [(at(0), moment(1, 5, wrong)), (at(9), moment(1, 7, wrong + 2 * HOUR_MS))];
            assert_eq!(off(&reports), Some(86_400));
        }
        // Begins in 1970; its time server answers before an hour is over. What was sealed before comes behind.
        let early = moment(2, 0, 40_000);
        assert_eq!(off(&[(at(0), early), (at(2), moment(2, 2, at(2))), (at(3), early)]), Some(0));
        assert_eq!(off(&[(at(0), early)]), None);
        assert!(off(&[(at(0), early), (at(2), moment(2, 2, 40_000 + 2 * HOUR_MS))]).unwrap() > 1_000_000_000);
    }

    /// The hosts of a clinic as a report tells them; those below `heard` were heard.
    fn hosts(hearing: &mut Hearing, of: core::ops::Range<u64>, day: u64) {
        use auscult_report::fact::Fact;
        use auscult_report::summary::{HostEntry, Sighting};
        let entry = |id| HostEntry { id: HostId(id), zone: Zone::Clinical, address: None, maker: None };
        let sighting = |id| Sighting {
            subject: Subject::Host(HostId(id)),
            fact: Fact::Medical,
            zone: None,
            first: Timestamp(0),
            last: Timestamp(0),
            count: 1,
        };
        let state = Summary {
            hosts: Bounded::first_of((0..20).map(entry).collect()).0,
            sightings: Bounded::first_of((0..20).map(sighting).collect()).0,
            ..Summary::default()
        };
        hearing.hosts(&state, |n| of.contains(&(n as u64)), day * MS_PER_DAY);
    }

    #[test]
    fn hosts_that_are_off_on_closed_days_are_not_missed_and_those_that_are_always_there_are() {
        let mut hearing = Hearing::default();
        let share = |hearing: &Hearing, day: u32| hearing.heard_share(day).map(|s| (s * 100.0).round());
        for day in 0..14 {
            // Twenty on working days; ten of them also at the weekend.
            hosts(&mut hearing, 0..if day % 7 < 5 { 20 } else { 10 }, day);
            assert_eq!(share(&hearing, u32::try_from(day).unwrap()), (day >= 6).then_some(100.0), "day {day}");
        }
        // A week of holidays: the ten are there.
        for day in 14..21 {
            hosts(&mut hearing, 0..10, day);
        }
        assert_eq!(share(&hearing, 20), Some(100.0));
        // The mirror port copies a part of the switch only: four of the ten.
        for day in 21..30 {
            hosts(&mut hearing, 0..4, day);
        }
        assert_eq!(share(&hearing, 29), Some(40.0));
        assert_eq!(share(&hearing, 29 + 60), Some(0.0));
        for day in 30..32 {
            hosts(&mut hearing, 0..10, day);
        }
        assert_eq!(share(&hearing, 31), Some(100.0), "they were missed, not forgotten");
        let mut few = Hearing::default();
        (0..10).for_each(|day| hosts(&mut few, 0..4, day));
        assert_eq!(few.heard_share(9), None);
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_comes_back_as_it_was() {
        let mut hearing = Hearing::default();
        for id in 100..100 + MOST_STEADY as u64 {
            hearing.steady.insert(HostId(id), Steady { last_day: 0, run: 1 });
        }
        hosts(&mut hearing, 0..20, 5);
        assert_eq!(hearing.steady.len(), 20, "who came by once made room");
        covers(&mut hearing, 3, &[ear(Sight::Router, 5, 1, 2)]);
        hearing.came(Timestamp(NOW), Some(&moment(1, 5, NOW)), None);
        assert_eq!(Hearing::read(&hearing.octets()), hearing);
        assert_eq!(Hearing::read(b"another program's"), Hearing::default());
        assert_eq!(Hearing::read(b""), Hearing::default());
    }
}
