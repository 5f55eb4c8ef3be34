//! Interfaces heard for the person at the keyboard: by the same ears as the daemon's, which cannot send. Each turn is what was
//! heard since the one before; who asks for it decides when.
//!
//! Keeps: the engine, bounded as the daemon's. Drops: nothing while nobody asks; it becomes part of the next turn.

use crate::arguments::Arguments;
use crate::reading::{Heard, settings};
use auscult_agent::capture::interface::{Keeping, Role, State, Wanted, Way, state};
use auscult_agent::capture::several::{Given, OpenError, Several};
use auscult_agent::run::hold_ear;
use auscult_agent::sensor::Sensor;
use auscult_report::time::Timestamp;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::{Duration, Instant, SystemTime};

/// What was heard since the turn before.
pub(crate) struct Turn {
    /// Its sightings are those of the turn; hosts and names are all that are known.
    pub(crate) heard: Heard,
    /// What each interface gave since the beginning, and how it stands, by its name.
    pub(crate) interfaces: Vec<(String, Given, State)>,
    /// Since the beginning.
    pub(crate) elapsed: Duration,
}

/// The open ears.
pub(crate) struct Ears {
    several: Several,
    sensor: Sensor,
    names: Vec<String>,
    shows_names: bool,
    began: Instant,
    talks_end: Duration,
}

impl Ears {
    /// Opens them, and lays down every right of this program: from here on it needs none.
    ///
    /// # Errors
    /// One sentence, with what to try.
    #[expect(clippy::disallowed_methods, reason = "from here on the time is counted")]
    pub(crate) fn open(arguments: &Arguments) -> Result<Ears, String> {
        for name in &arguments.live {
            if let State::Missing(others) = state(name) {
                return Err(format!("there is no interface {name}; this machine has {}", others.join(", ")));
            }
        }
        let wanted = |name: &String| Wanted { name: name.clone(), role: Role::Lan, promiscuous: true, leaving: true };
        let wanted: Vec<Wanted> = arguments.live.iter().map(wanted).collect();
        let keeping = Keeping { way: Way::Best, snap_octets: SNAP_OCTETS, buffer_octets: BUFFER_OCTETS };
        let several = Several::open(&wanted, keeping, Vec::new()).map_err(|e| refused(&e))?;
        hold_ear()?;
        Ok(Ears {
            several,
            sensor: Sensor::new(settings(arguments)),
            names: arguments.live.clone(),
            shows_names: arguments.names,
            began: Instant::now(),
            talks_end: SIGHT_EVERY,
        })
    }

    /// Hears what comes, and no longer than a twentieth of a second.
    fn hear(&mut self) {
        let since_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let _ = self.several.look(since_ms);
        self.several.wait(LOOK_EVERY);
        let sensor = &mut self.sensor;
        self.several.hear(&now_ns, MOST_AT_ONCE, &mut |frame| sensor.hear(frame));
    }

    /// Listens until `until` after the beginning, or until `stop` is set.
    pub(crate) fn hear_until(&mut self, until: Option<Duration>, stop: &AtomicBool) {
        while until.is_none_or(|until| self.began.elapsed() < until) && !stop.load(Ordering::Relaxed) {
            self.hear();
        }
    }

    /// What was heard since the turn before.
    pub(crate) fn turn(&mut self) -> Turn {
        let end = Timestamp(now_ns() / 1_000_000);
        let summary = self.sensor.turn(end);
        let heard = Heard::of(&self.names.join("+"), summary, &self.sensor, self.shows_names);
        if self.began.elapsed() >= self.talks_end {
            // Who talks with whom is looked at anew.
            self.several.turn();
            self.talks_end = self.began.elapsed().saturating_add(SIGHT_EVERY);
        }
        let interfaces = self.names.iter().cloned().zip(self.several.given()).map(|(name, given)| {
            let state = state(&name);
            (name, given, state)
        });
        Turn { heard, interfaces: interfaces.collect(), elapsed: self.began.elapsed() }
    }

    /// Everything, where no turn was asked for: as of a capture file.
    pub(crate) fn close(mut self) -> Heard {
        let sensor = &mut self.sensor;
        self.several.rest(&now_ns, &mut |frame| sensor.hear(frame));
        let mut summary = self.sensor.close();
        let now = Timestamp(now_ns() / 1_000_000);
        summary.window.to = summary.window.to.max(now);
        if summary.counters.frames == 0 {
            let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(0);
            summary.window.from = Timestamp(now.0.saturating_sub(elapsed_ms));
        }
        Heard::of(&self.names.join("+"), summary, &self.sensor, self.shows_names)
    }

    /// Since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Frames for which the kernel had no room.
    pub(crate) fn lost(&mut self) -> u64 {
        self.several.lost()
    }

    /// Hears, and gives a turn each time one is asked for, until nobody asks any more.
    pub(crate) fn serve(mut self, asked: &Receiver<()>, turns: &SyncSender<Turn>, stop: &Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            self.hear();
            match asked.try_recv() {
                Ok(()) if turns.send(self.turn()).is_err() => return,
                Err(TryRecvError::Disconnected) => return,
                Ok(()) | Err(TryRecvError::Empty) => {}
            }
        }
    }
}

fn refused(e: &OpenError) -> String {
    let OpenError { name, error } = e;
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "{name} cannot be heard without the right to: use sudo, or give this program the one right that it needs (sudo setcap \
             cap_net_raw=ep and the path of auscult-inspect); it lays that down once its ears are open"
        ),
        _ => format!("{name} cannot be heard ({error})"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the time of frames whose source knows none, and of a turn's end")]
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole frames.
const SNAP_OCTETS: u32 = 65_535;
/// Of each interface: a fifth of a second of a full gigabit, until a picture is drawn.
const BUFFER_OCTETS: usize = 16 << 20;
/// The kind of sight is that of the last minute or two: a cable may be plugged in elsewhere meanwhile.
pub(crate) const SIGHT_EVERY: Duration = Duration::from_secs(60);
/// How soon a stop or a question is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Frames between two looks whether somebody asks.
const MOST_AT_ONCE: usize = 20_000;
