//! Several interfaces heard as one: their frames in the order of time, as they come; who vanishes is looked for again.
//!
//! Keeps: the order. A ring gives its frames some milliseconds after they came, so that where several are heard each frame
//! waits until an earlier one of another ring would be there; where a ring fills, nobody waits, and frames may be out of order
//! by as much; of each interface what it gave, what it lost and how long it was away; of a frame the number of its interface.
//! Drops: nothing.

use super::Frame;
use super::filter::{MOST_THERE, Own};
use super::interface::{Keeping, Role, Source, Wanted, Way, all, here, up};
use super::ring::{BLOCK_MS, wait};
use super::sight::{Counts, Tally, Us};
use core::net::SocketAddr;
use core::time::Duration;
use pnet_datalink::NetworkInterface;
use std::io;
use std::os::fd::BorrowedFd;

/// The interfaces that are to be heard.
pub struct Several {
    places: Vec<Place>,
    own: Own,
    /// A frame lies ready whose time has not come.
    holds: bool,
    /// When it was last looked for who is away, and when our own addresses were last asked for.
    looked_ms: Option<u64>,
    asked_ms: u64,
}

/// What an interface gave since the beginning; each count only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it is.
    pub role: Role,
    /// How it is heard.
    pub way: Way,
    /// Whether it is heard now.
    pub is_here: bool,
    /// Its frames.
    pub counts: Counts,
    /// Frames for which the kernel had no room.
    pub lost: u64,
    /// How long it was not heard, in milliseconds.
    pub deaf_ms: u64,
}

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is heard from now on, in this way.
    Heard(Wanted, Way),
    /// It is there, and the system does not let us hear it: why.
    Refused(Wanted, String),
    /// It is not heard any more.
    Gone(Wanted),
    /// It was not there at the start.
    Missing(Wanted),
}

/// Why nothing can be heard at all.
#[derive(Debug)]
pub struct OpenError {
    /// The interface.
    pub name: String,
    /// Why.
    pub error: io::Error,
}

struct Place {
    wanted: Wanted,
    source: Source,
    state: State,
    /// That the system refuses it is said once, until it is heard.
    is_told: bool,
    tally: Tally,
    deaf_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Never looked for.
    New,
    /// It is heard.
    Here,
    /// It is looked for again at this time.
    Away(u64),
}

impl Several {
    /// Opens an ear for each interface. What is said between this machine and `own` is not heard.
    ///
    /// # Errors
    /// The system refuses a socket: the agent lacks the right, or there is no memory.
    pub fn open(wanted: &[Wanted], keeping: Keeping, own: Vec<SocketAddr>) -> Result<Several, OpenError> {
        let open = |wanted: &Wanted| match Source::open(keeping) {
            Ok(source) => Ok(Place::new(wanted.clone(), source)),
            Err(error) => Err(OpenError { name: wanted.name.clone(), error }),
        };
        let own = Own { here: Vec::new(), there: own };
        let places = wanted.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Several { places, own, holds: false, looked_ms: None, asked_ms: 0 })
    }

    /// From now on what is said between this machine and these ends is not heard either. Of many the last are kept.
    pub fn leave_out(&mut self, ends: &[SocketAddr]) {
        let mut there = ends.to_vec();
        there.extend(self.own.there.iter().filter(|end| !ends.contains(end)));
        there.truncate(MOST_THERE);
        // Its own addresses change, too.
        let own = Own { here: here(&all()), there };
        if own != self.own {
            self.own = own;
            for place in self.places.iter().filter(|place| place.state == State::Here) {
                place.source.leave_out(&self.own);
            }
        }
    }

    /// Looks for who is away and notices who has gone. `now_ms` counts from anywhere, forward.
    pub fn look(&mut self, now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut there = None;
        let passed_ms = self.looked_ms.replace(now_ms).map_or(0, |before| now_ms.saturating_sub(before));
        self.ask_who_we_are(now_ms);
        for place in &mut self.places {
            if place.state != State::Here {
                place.deaf_ms = place.deaf_ms.saturating_add(passed_ms);
            }
            if place.state == State::Here && place.source.is_gone() {
                place.state = State::Away(now_ms.saturating_add(PAUSE_MS));
                changes.push(Change::Gone(place.wanted.clone()));
            }
            let is_due = match place.state {
                State::New => true,
                State::Here => false,
                State::Away(until) => now_ms >= until,
            };
            if !is_due {
                continue;
            }
            let is_new = place.state == State::New;
            place.state = State::Away(now_ms.saturating_add(PAUSE_MS));
            let there = there.get_or_insert_with(|| {
                let there = all();
                self.own.here = here(&there);
                there
            });
            match up(&place.wanted.name, there) {
                Some(interface) => match place.source.attach(&place.wanted, interface, &self.own) {
                    Ok(()) => {
                        (place.state, place.is_told) = (State::Here, false);
                        place.tally.is(us(&place.wanted, interface));
                        changes.push(Change::Heard(place.wanted.clone(), place.source.way()));
                    }
                    Err(error) if !place.is_told => {
                        place.is_told = true;
                        changes.push(Change::Refused(place.wanted.clone(), error.to_string()));
                    }
                    Err(_) => {}
                },
                None if is_new => changes.push(Change::Missing(place.wanted.clone())),
                None => {}
            }
        }
        changes
    }

    /// Waits until something came, and no longer than `most`.
    pub fn wait(&self, most: Duration) {
        if self.holds {
            return std::thread::sleep(most.min(SHORT));
        }
        let here = self.places.iter().filter(|place| place.state == State::Here);
        wait(here.map(|place| place.source.socket()), most);
    }

    /// Gives what came, at most `most` frames, in the order of time. `now_ns` is the time, in nanoseconds since 1970.
    pub fn hear(&mut self, now_ns: &dyn Fn() -> u64, most: usize, hear: &mut dyn FnMut(&Frame<'_>)) {
        let several = self.places.iter().filter(|place| place.state == State::Here).count() > 1;
        let until = if several { now_ns().saturating_sub(LATE_MS.saturating_mul(1_000_000)) } else { u64::MAX };
        self.hear_until(until, now_ns, most, hear);
    }

    fn hear_until(&mut self, until_ns: u64, now_ns: &dyn Fn() -> u64, most: usize, hear: &mut dyn FnMut(&Frame<'_>)) {
        self.holds = false;
        let mut fronts: Vec<Option<u64>> = self.places.iter_mut().map(|place| place.source.front(now_ns)).collect();
        for _ in 0..most {
            let places = (0u8..).zip(self.places.iter_mut()).zip(&mut fronts);
            let ready = places.filter_map(|((number, place), at)| Some(((*at)?, number, place, at)));
            let Some((first, number, place, at)) = ready.min_by_key(|(first, ..)| *first) else { return };
            if first > until_ns && place.source.can_wait() {
                self.holds = true;
                return;
            }
            let Place { source, tally, .. } = place;
            source.take(&mut |frame| {
                tally.hear(frame);
                hear(&Frame { domain: frame.domain.map(|_| number), ..*frame });
            });
            *at = place.source.front(now_ns);
        }
    }

    /// Gives what is still under way when the listening ends.
    pub fn rest(&mut self, now_ns: &dyn Fn() -> u64, hear: &mut dyn FnMut(&Frame<'_>)) {
        std::thread::sleep(Duration::from_millis(LATE_MS));
        until_quiet(now_ns, || {
            let mut left = false;
            self.hear_until(u64::MAX, now_ns, SOME, &mut |frame| {
                left = true;
                hear(frame);
            });
            left
        });
    }

    /// Frames for which the kernel had no room, since the beginning.
    pub fn lost(&mut self) -> u64 {
        self.places.iter_mut().fold(0, |sum, place| sum.saturating_add(place.source.lost()))
    }

    /// The sockets, for who proves that nothing can be sent by them.
    #[must_use]
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.places.iter().map(|place| place.source.socket().descriptor()).collect()
    }

    /// What each interface gave since the beginning, in the order of the configuration.
    pub fn given(&mut self) -> Vec<Given> {
        let given = |place: &mut Place| Given {
            role: place.wanted.role,
            way: place.source.way(),
            is_here: place.state == State::Here,
            counts: place.tally.counts(),
            lost: place.source.lost(),
            deaf_ms: place.deaf_ms,
        };
        self.places.iter_mut().map(given).collect()
    }

    /// A window ended.
    pub fn turn(&mut self) {
        self.places.iter_mut().for_each(|place| place.tally.turn());
    }

    /// Our addresses change: a lease comes after the cable.
    fn ask_who_we_are(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.asked_ms) < ASK_MS {
            return;
        }
        self.asked_ms = now_ms;
        let there = all();
        for place in self.places.iter_mut().filter(|place| place.state == State::Here) {
            if let Some(interface) = there.iter().find(|i| i.name == place.wanted.name) {
                place.tally.is(us(&place.wanted, interface));
            }
        }
    }

    /// Interfaces that are not heard now; radios are told of by `radio`.
    #[must_use]
    pub fn deaf(&self) -> usize {
        self.places.iter().filter(|place| place.wanted.role != Role::Air && place.state != State::Here).count()
    }
}

/// Takes pieces until one is empty. Who goes on talking is not waited for longer than what the rings hold takes, also where the
/// clock stands or is set back meanwhile.
fn until_quiet(now_ns: &dyn Fn() -> u64, mut piece: impl FnMut() -> bool) {
    let end_ns = now_ns().saturating_add(LONGEST_END_NS);
    for _ in 0..MOST_PIECES {
        if !piece() || now_ns() >= end_ns {
            return;
        }
    }
}

impl Place {
    fn new(wanted: Wanted, source: Source) -> Place {
        Place { wanted, source, state: State::New, is_told: false, tally: Tally::default(), deaf_ms: 0 }
    }
}

/// Who we are at an interface.
fn us(wanted: &Wanted, interface: &NetworkInterface) -> Us {
    Us {
        hardware: interface.mac.map(|mac| mac.octets()).filter(|mac| *mac != [0; 6]),
        addresses: interface.ips.iter().map(|network| network.ip()).collect(),
        is_way_out: wanted.role == Role::Wan,
    }
}

/// Descriptors of ears have this number at least, and nothing else has: by it the system is told on what nothing may be sent.
/// No other part of the agent has so many open, and every system allows four times as many.
pub const FLOOR: u32 = 256;

/// The kernel looks after each `BLOCK_MS` whether a block waits since the last look.
const LATE_MS: u64 = BLOCK_MS as u64 * 2 + 10;
/// How long to wait for the time of a frame to come.
const SHORT: Duration = Duration::from_millis(5);
/// Frames between two looks at the clock when the listening ends.
const SOME: usize = 1_000;
/// What lies in the rings when the listening ends is heard within a second.
const LONGEST_END_NS: u64 = 1_000_000_000;
/// Pieces of `SOME` frames: what eight rings of 16 MiB hold of the shortest frames.
const MOST_PIECES: usize = 1_500;
/// Who is away is looked for again after this pause.
const PAUSE_MS: u64 = 1_000;
/// Our own addresses are asked for after this pause: some 100 microseconds of work.
const ASK_MS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Pieces that are taken from who never stops talking, where the clock goes on so far with each look.
    fn taken(step_ns: i64) -> usize {
        let (clock, mut pieces) = (Cell::new(9_000_000_000_u64), 0);
        let now = || {
            clock.set(clock.get().saturating_add_signed(step_ns));
            clock.get()
        };
        until_quiet(&now, || {
            pieces = usize::saturating_add(pieces, 1);
            true
        });
        pieces
    }

    #[test]
    fn who_goes_on_talking_does_not_keep_the_listening_from_ending() {
        assert_eq!(taken(600_000_000), 2, "a second is over");
        assert_eq!(taken(0), MOST_PIECES, "the clock stands");
        assert_eq!(taken(-1_000_000), MOST_PIECES, "the clock is set back");
    }

    #[test]
    fn what_is_left_is_taken_and_an_empty_piece_is_the_end() {
        let mut left = 5;
        until_quiet(&|| 0, || {
            left -= 1;
            left > 0
        });
        assert_eq!(left, 0);
    }
}
