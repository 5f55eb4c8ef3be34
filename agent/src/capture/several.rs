//! Several interfaces heard as one: their frames in the order of time, as they come; who vanishes is looked for again.
//!
//! Keeps: the order. A ring gives its frames some milliseconds after they came, so that where several are heard each frame
//! waits until an earlier one of another ring would be there; where a ring fills, nobody waits, and frames may be out of order
//! by as much. Drops: which interface a frame came from.

use super::Frame;
use super::interface::{Keeping, Role, Source, Wanted, Way, up};
use super::ring::{BLOCK_MS, wait};
use core::net::SocketAddr;
use core::time::Duration;
use std::io;

/// The interfaces that are to be heard.
pub struct Several {
    places: Vec<Place>,
    own: Vec<SocketAddr>,
    /// A frame lies ready whose time has not come.
    holds: bool,
}

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is heard from now on, in this way.
    Heard(Wanted, Way),
    /// It is there, and the system does not let us hear it: why.
    Refused(Wanted, io::ErrorKind),
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
    /// Opens an ear for each interface. `own` are the ends of our own conversations, which are not heard.
    ///
    /// # Errors
    /// The system refuses a socket: the agent lacks the right, or there is no memory.
    pub fn open(wanted: &[Wanted], keeping: Keeping, own: Vec<SocketAddr>) -> Result<Several, OpenError> {
        let open = |wanted: &Wanted| match Source::open(keeping) {
            Ok(source) => Ok(Place { wanted: wanted.clone(), source, state: State::New, is_told: false }),
            Err(error) => Err(OpenError { name: wanted.name.clone(), error }),
        };
        Ok(Several { places: wanted.iter().map(open).collect::<Result<_, _>>()?, own, holds: false })
    }

    /// Looks for who is away and notices who has gone. `now_ms` counts from anywhere, forward.
    pub fn look(&mut self, now_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        for place in &mut self.places {
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
            match up(&place.wanted.name) {
                Some(interface) => match place.source.attach(&place.wanted, &interface, &self.own) {
                    Ok(()) => {
                        (place.state, place.is_told) = (State::Here, false);
                        changes.push(Change::Heard(place.wanted.clone(), place.source.way()));
                    }
                    Err(error) if !place.is_told => {
                        place.is_told = true;
                        changes.push(Change::Refused(place.wanted.clone(), error.kind()));
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
            let ready = self.places.iter_mut().zip(&mut fronts).filter_map(|(place, at)| Some(((*at)?, place, at)));
            let Some((first, place, at)) = ready.min_by_key(|(first, ..)| *first) else { return };
            if first > until_ns && place.source.can_wait() {
                self.holds = true;
                return;
            }
            place.source.take(hear);
            *at = place.source.front(now_ns);
        }
    }

    /// Gives what is still under way when the listening ends.
    pub fn rest(&mut self, now_ns: &dyn Fn() -> u64, hear: &mut dyn FnMut(&Frame<'_>)) {
        std::thread::sleep(Duration::from_millis(LATE_MS));
        self.hear_until(u64::MAX, now_ns, MOST_AT_THE_END, hear);
    }

    /// Frames for which the kernel had no room, since the beginning.
    pub fn lost(&mut self) -> u64 {
        self.places.iter_mut().fold(0, |sum, place| sum.saturating_add(place.source.lost()))
    }

    /// Interfaces that are not heard now; radios are told of by `radio`.
    #[must_use]
    pub fn deaf(&self) -> usize {
        self.places.iter().filter(|place| place.wanted.role != Role::Air && place.state != State::Here).count()
    }
}

/// The kernel looks after each `BLOCK_MS` whether a block waits since the last look.
const LATE_MS: u64 = BLOCK_MS as u64 * 2 + 10;
/// How long to wait for the time of a frame to come.
const SHORT: Duration = Duration::from_millis(5);
/// More frames than these do not lie in a ring.
const MOST_AT_THE_END: usize = 1_000_000;
/// Who is away is looked for again after this pause.
const PAUSE_MS: u64 = 1_000;
