//! What could be heard of a window, and what the machine says of itself: from the counts of interfaces to what a report tells of
//! them (`report::coverage`, `report::machine`).
//!
//! Keeps: sums of the windows that are in no report yet; what the last window covered, for signs of life. Drops: names of
//! interfaces: a report counts them. No clock: who calls says how late it is.

use super::air::{self, Told};
use crate::capture::interface::{Role, Way};
use crate::capture::kind::{self, since};
use crate::capture::several::Given;
use crate::capture::sight::{Counts, Tally};
use crate::capture::{Frame, several};
use crate::config::Config;
use crate::identity::{Identity, is_trusted};
use crate::spool::look;
use auscult_report::bounded::Bounded;
use auscult_report::coverage::{Coverage, Ear, EarRole, EarWay, Fault, FaultKind, FaultPlace, MAX_FAULTS};
use auscult_report::header::Moment;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::machine::{Machine, Restraint};
use auscult_report::payload::{Extra, Extras, Payload};
use auscult_report::terms::Protocol;
use auscult_report::time::Window;
use std::collections::BTreeMap;

/// The window in hand, seen by the capture thread.
pub(super) struct Course {
    now: Stand,
    /// Where the window began.
    from: Stand,
    /// A capture file has one ear of its own.
    file: Option<Tally>,
    /// Windows that ended.
    windows: u64,
}

/// What was counted up to a moment, since the beginning.
#[derive(Clone, Default)]
struct Stand {
    ms: u64,
    blocked_ms: u64,
    given: Vec<Given>,
}

impl Course {
    /// On interfaces.
    pub(super) fn live() -> Course {
        Course { now: Stand::default(), from: Stand::default(), file: None, windows: 0 }
    }

    /// On a capture file.
    pub(super) fn file() -> Course {
        Course { file: Some(Tally::default()), ..Course::live() }
    }

    /// A frame of a capture file.
    pub(super) fn hear(&mut self, frame: &Frame<'_>) {
        if let Some(tally) = &mut self.file {
            tally.hear(frame);
        }
    }

    /// How it stands after `ms` milliseconds, of which the capture waited for `blocked_ms`.
    pub(super) fn stands(&mut self, ms: u64, blocked_ms: u64, given: Vec<several::Given>) {
        self.now = Stand { ms, blocked_ms, given };
    }

    /// How many windows have ended.
    pub(super) const fn windows(&self) -> u64 {
        self.windows
    }

    /// The window ends, and the next one begins.
    pub(super) fn close(&mut self, window: Window, faults: &[Fault]) -> Cover {
        let ears = match &mut self.file {
            Some(tally) => {
                tally.turn();
                let length_ms = window.to.since_ms(window.from);
                self.now.ms = self.from.ms.saturating_add(length_ms);
                self.now.given = vec![of_file(tally.counts())];
                self.heard(EarRole::Mirror, Some(EarWay::File))
            }
            None => self.heard(EarRole::Lan, None),
        };
        let cover = Cover {
            ms: self.now.ms.saturating_sub(self.from.ms),
            blocked_ms: self.now.blocked_ms.saturating_sub(self.from.blocked_ms),
            ears,
            faults: faults.iter().map(|f| ((f.place, f.protocol, f.kind), f.times)).collect(),
        };
        self.from = self.now.clone();
        self.windows = self.windows.saturating_add(1);
        cover
    }

    /// What each ear gave since the window began.
    fn heard(&self, role: EarRole, way: Option<EarWay>) -> Vec<Heard> {
        let before = |n: usize| self.from.given.get(n).copied();
        let heard = |(n, now): (usize, &Given)| Heard {
            role: if way.is_some() { role } else { role_of(now.role) },
            way: way.unwrap_or_else(|| if now.role == Role::Air { EarWay::Monitor } else { way_of(now.way) }),
            is_here: now.is_here,
            counts: since(&now.counts, &before(n).map(|g| g.counts).unwrap_or_default()),
            lost: now.lost.saturating_sub(before(n).map_or(0, |g| g.lost)),
            deaf_ms: now.deaf_ms.saturating_sub(before(n).map_or(0, |g| g.deaf_ms)),
        };
        self.now.given.iter().enumerate().map(heard).collect()
    }
}

/// What was covered of one window or several.
#[derive(Clone, Debug, Default)]
pub(super) struct Cover {
    ms: u64,
    blocked_ms: u64,
    ears: Vec<Heard>,
    faults: BTreeMap<(FaultPlace, Option<Protocol>, FaultKind), u64>,
}

/// What an ear gave.
#[derive(Clone, Copy, Debug)]
struct Heard {
    role: EarRole,
    way: EarWay,
    is_here: bool,
    counts: Counts,
    lost: u64,
    deaf_ms: u64,
}

impl Cover {
    fn add(&mut self, later: &Cover) {
        self.ms = self.ms.saturating_add(later.ms);
        self.blocked_ms = self.blocked_ms.saturating_add(later.blocked_ms);
        for (n, ear) in later.ears.iter().enumerate() {
            match self.ears.get_mut(n) {
                Some(sum) => {
                    *sum = Heard {
                        counts: more(sum.counts, ear.counts),
                        lost: sum.lost.saturating_add(ear.lost),
                        deaf_ms: sum.deaf_ms.saturating_add(ear.deaf_ms),
                        ..*ear
                    };
                }
                None => self.ears.push(*ear),
            }
        }
        for (sort, times) in &later.faults {
            let sum = self.faults.entry(*sort).or_default();
            *sum = sum.saturating_add(*times);
        }
    }

    fn told(&self, off_s: Option<u32>, jumped_ms: (u64, u64), radios: &[Told]) -> Coverage {
        let mut ears = self.ears.iter().zip(0u8..).map(|(ear, number)| ear.told(number)).collect();
        air::ways(&mut ears, radios);
        let fault = |(sort, times): (&(FaultPlace, Option<Protocol>, FaultKind), &u64)| Fault {
            place: sort.0,
            protocol: sort.1,
            kind: sort.2,
            times: *times,
        };
        Coverage {
            seconds: seconds(self.ms),
            off_s,
            blocked_s: seconds(self.blocked_ms),
            jumped_ahead_s: seconds(jumped_ms.0),
            jumped_back_s: seconds(jumped_ms.1),
            radio: air::state(radios),
            ears: Bounded::first_of(ears).0,
            faults: Bounded::<Fault, MAX_FAULTS>::first_of(self.faults.iter().map(fault).collect()).0,
        }
    }
}

impl Heard {
    fn told(&self, number: u8) -> Ear {
        let counts = &self.counts;
        Ear {
            number,
            role: self.role,
            way: self.way,
            sight: kind::of(counts),
            heard: self.is_here,
            frames: counts.frames,
            lost: self.lost,
            deaf_s: seconds(self.deaf_ms),
            group: counts.group,
            foreign: counts.passed.saturating_add(counts.others),
            conversations: u32::try_from(counts.conversations).unwrap_or(u32::MAX),
            both_sides: u32::try_from(counts.both_sides).unwrap_or(u32::MAX),
        }
    }
}

/// What the loop keeps of it.
pub(super) struct Sights {
    /// Of windows that are in no report yet.
    untold: Cover,
    /// Of the last window.
    last: Option<Coverage>,
    jumped_ms: (u64, u64),
    /// The last sign of life of the run before; gone once a report told how long nobody listened.
    before: Option<Before>,
    pub(super) machine: Machine,
    pub(super) radios: Vec<Told>,
}

/// When the run before was alive, and when this one began: by the system's uptime.
#[derive(Clone, Copy)]
struct Before {
    alive: Option<Moment>,
    began: Moment,
}

impl Sights {
    /// `now` is the beginning of this run.
    pub(super) fn new(config: &Config, identity: &Identity, now: Moment, landlock_abi: u8) -> Sights {
        let alive = look(&config.state).alive.and_then(|octets| {
            let claimed = Heartbeat::claimed(&octets).ok()?;
            Some(Heartbeat::open(&octets, &identity.key(claimed.key_no)?.public()).ok()?.moment)
        });
        let before = Some(Before { alive, began: now });
        let radios = config.radios.iter().map(|wanted| Told { wanted: wanted.clone(), radio: None }).collect();
        let machine = Machine { restraint: Restraint { landlock_abi, ..Default::default() }, ..Machine::default() };
        Sights { untold: Cover::default(), last: None, jumped_ms: (0, 0), before, machine, radios }
    }

    /// A window ended.
    pub(super) fn window(&mut self, cover: &Cover) {
        self.untold.add(cover);
        self.last = Some(cover.told(Some(0), (0, 0), &self.radios));
    }

    /// The clock jumped.
    pub(super) const fn jumped(&mut self, ms: i64) {
        self.machine.clock_jumps = self.machine.clock_jumps.saturating_add(1);
        let sum = if ms > 0 { &mut self.jumped_ms.0 } else { &mut self.jumped_ms.1 };
        *sum = sum.saturating_add(ms.unsigned_abs());
    }

    /// What a report tells of it, by its kind; `now` is its moment.
    pub(super) fn of_report(&self, payload: &Payload, now: Moment) -> Vec<Extra> {
        let coverage =
            || self.untold.told(self.before.map_or(Some(0), |before| before.off_s(now)), self.jumped_ms, &self.radios);
        match payload {
            Payload::Full(_) => [coverage().extra(), self.machine.extra()].into_iter().flatten().collect(),
            Payload::Changes(_) => coverage().extra().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// A report was written.
    pub(super) fn written(&mut self, payload: &Payload) {
        if matches!(payload, Payload::Full(_) | Payload::Changes(_)) {
            (self.untold, self.jumped_ms, self.before) = (Cover::default(), (0, 0), None);
        }
    }

    /// What a sign of life tells of it: the longer one first, for the case that it is too long.
    pub(super) fn of_life(&self) -> [Extras; 2] {
        let coverage = self.last.as_ref().and_then(Coverage::extra);
        [coverage, None].map(|more| Bounded::first_of(more.into_iter().chain(self.machine.extra()).collect()).0)
    }
}

impl Before {
    /// Seconds between the two runs. Within one run of the system its uptime tells; else two clocks that may be believed.
    fn off_s(&self, now: Moment) -> Option<u32> {
        let Some(alive) = self.alive else { return Some(0) };
        if alive.boot == self.began.boot {
            return Some(seconds(self.began.mono_ms.saturating_sub(alive.mono_ms)));
        }
        let ran_ms = now.mono_ms.saturating_sub(self.began.mono_ms);
        let began_ms = now.wall.0.saturating_sub(ran_ms);
        let is_known = is_trusted(alive.clock) && is_trusted(now.clock) && now.boot == self.began.boot;
        is_known.then(|| began_ms.checked_sub(alive.wall.0)).flatten().map(seconds)
    }
}

fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1_000).unwrap_or(u32::MAX)
}

/// A capture file heard everything that it holds.
const fn of_file(counts: Counts) -> Given {
    Given { role: Role::Mirror, way: Way::Best, is_here: true, counts, lost: 0, deaf_ms: 0 }
}

const fn role_of(role: Role) -> EarRole {
    match role {
        Role::Lan => EarRole::Lan,
        Role::Wan => EarRole::Wan,
        Role::Mirror => EarRole::Mirror,
        Role::Port => EarRole::Port,
        Role::Air => EarRole::Radio,
    }
}

const fn way_of(way: Way) -> EarWay {
    match way {
        Way::Ring | Way::Best => EarWay::Ring,
        Way::Portable => EarWay::Portable,
    }
}

const fn more(a: Counts, b: Counts) -> Counts {
    Counts {
        frames: a.frames.saturating_add(b.frames),
        octets: a.octets.saturating_add(b.octets),
        group: a.group.saturating_add(b.group),
        own: a.own.saturating_add(b.own),
        passed: a.passed.saturating_add(b.passed),
        others: a.others.saturating_add(b.others),
        radio: a.radio.saturating_add(b.radio),
        conversations: a.conversations.saturating_add(b.conversations),
        both_sides: a.both_sides.saturating_add(b.both_sides),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::coverage::Sight;
    use auscult_report::header::Clock;
    use auscult_report::payload::{Changes, Event};
    use auscult_report::time::Timestamp;

    fn counts(frames: u64, group: u64, own: u64, passed: u64, others: u64) -> Counts {
        Counts { frames, group, own, passed, others, conversations: 8, both_sides: 6, ..Counts::default() }
    }

    fn given(counts: Counts, lost: u64, deaf_ms: u64) -> Given {
        Given { role: Role::Wan, way: Way::Portable, is_here: true, counts, lost, deaf_ms }
    }

    #[test]
    fn the_kind_of_sight_follows_from_what_was_heard() {
        for (heard, kind) in [
            (counts(0, 0, 0, 0, 0), Sight::Nothing),
            (counts(100, 100, 0, 0, 0), Sight::Broadcast),
            (counts(100, 97, 0, 0, 3), Sight::Broadcast),
            (counts(100, 60, 39, 0, 1), Sight::Own),
            (counts(100, 10, 10, 70, 10), Sight::Router),
            (counts(100, 10, 1, 2, 87), Sight::Mirror),
            (Counts { both_sides: 1, ..counts(100, 10, 0, 0, 90) }, Sight::OneSided),
            (Counts { radio: 60, ..counts(100, 40, 0, 0, 0) }, Sight::Radio),
        ] {
            assert_eq!(kind::of(&heard), kind, "{heard:?}");
        }
    }

    #[test]
    fn a_window_tells_what_came_since_the_window_before() {
        let mut course = Course::live();
        course.stands(900_000, 0, vec![given(counts(100, 50, 0, 50, 0), 5, 450_000)]);
        let first = course.close(Window::default(), &[]);
        course.stands(1_800_000, 2_000, vec![given(counts(130, 80, 0, 50, 0), 5, 450_000)]);
        let fault = Fault { place: FaultPlace::Frame, protocol: None, kind: FaultKind::Cut, times: 3 };
        let second = course.close(Window::default(), &[fault]);
        let told = first.told(Some(0), (0, 0), &[]);
        assert_eq!((told.seconds, told.ears[0].frames, told.ears[0].lost, told.ears[0].deaf_s), (900, 100, 5, 450));
        assert_eq!(
            (told.ears[0].role, told.ears[0].way, told.ears[0].sight),
            (EarRole::Wan, EarWay::Portable, Sight::Router)
        );
        let told = second.told(Some(0), (0, 0), &[]);
        assert_eq!((told.seconds, told.blocked_s, told.ears[0].frames, told.ears[0].deaf_s), (900, 2, 30, 0));
        assert_eq!((told.ears[0].sight, &told.faults[..]), (Sight::Broadcast, &[fault][..]));
        let mut both = first;
        both.add(&second);
        let told = both.told(None, (0, 61_000), &[]);
        assert_eq!((told.seconds, told.ears[0].frames, told.ears[0].sight), (1_800, 130, Sight::Router));
        assert_eq!((told.off_s, told.jumped_back_s), (None, 61));
    }

    fn moment(boot: u8, mono_ms: u64, wall: u64, clock: Clock) -> Moment {
        Moment { boot: [boot; 8], mono_ms, wall: Timestamp(wall), clock }
    }

    #[test]
    fn the_time_between_two_runs_is_told_as_far_as_a_clock_can_be_believed() {
        let off = |alive, began, now| Before { alive, began }.off_s(now);
        let alive = Some(moment(1, 50_000, 1_000_000, Clock::Unset));
        // The same run of the system: whatever the clock says.
        assert_eq!(off(alive, moment(1, 80_000, 5, Clock::Unset), moment(1, 90_000, 5, Clock::Unset)), Some(30));
        // Another one, whose clock was set meanwhile: it began two seconds before.
        let (began, now) = (moment(2, 8_000, 5, Clock::Unset), moment(2, 10_000, 1_092_000, Clock::Ntp));
        assert_eq!(off(alive, began, now), None);
        let trusted = Some(moment(1, 50_000, 1_000_000, Clock::Ntp));
        assert_eq!(off(trusted, began, now), Some(90));
        assert_eq!(off(trusted, began, moment(2, 10_000, 1_092_000, Clock::Unset)), None);
        assert_eq!(off(trusted, began, moment(2, 10_000, 900_000, Clock::Ntp)), None, "before it ended");
        assert_eq!(off(None, began, now), Some(0), "the first run of all");
    }

    #[test]
    fn what_was_not_written_is_told_by_the_next_report_and_then_no_more() {
        let before = Some(Before { alive: None, began: Moment::default() });
        let mut sights = Sights {
            untold: Cover::default(),
            last: None,
            jumped_ms: (0, 0),
            before,
            machine: Machine::default(),
            radios: Vec::new(),
        };
        let mut course = Course::file();
        for n in 0..2 {
            let window = Window { from: Timestamp(n * 60_000), to: Timestamp((n + 1) * 60_000) };
            sights.window(&course.close(window, &[]));
        }
        sights.jumped(-70_000);
        sights.jumped(20_000);
        let changes = Payload::Changes(Changes::default());
        let told = |sights: &Sights| {
            let ext = Bounded::first_of(sights.of_report(&changes, Moment::default())).0;
            Coverage::within(&ext).map(|c| (c.seconds, c.jumped_ahead_s, c.jumped_back_s, c.ears.len()))
        };
        assert_eq!(told(&sights), Some((120, 20, 70, 1)));
        sights.written(&Payload::Event(Event::default()));
        assert_eq!(told(&sights), Some((120, 20, 70, 1)), "an event tells nothing of it");
        sights.written(&changes);
        assert_eq!((told(&sights), sights.machine.clock_jumps), (Some((0, 0, 0, 0)), 2));
        assert!(sights.of_report(&Payload::Event(Event::default()), Moment::default()).is_empty());
        let [both, one] = sights.of_life();
        assert_eq!((both.len(), one.len()), (2, 1));
    }
}
