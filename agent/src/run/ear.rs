//! The capture thread: frames of a capture file as they would come live, windows closed by the time of the frames. Frames of
//! interfaces come by `live.rs` to the same [`Ear`].
//!
//! Keeps: one sensor. Drops: the frames that are left in the file when the daemon is told to stop. No frame leaves this
//! thread: only closed windows and what cannot wait.

use super::live;
use super::radio::{self, Air};
use super::service::{Pulse, beat};
use super::sight::{Course, Cover};
use crate::capture::Frame;
use crate::capture::file::{CaptureFile, End, FileError};
use crate::capture::several::Several;
use crate::config::{Config, Heard};
use crate::courier::ends::Tell;
use crate::courier::retry::Answer;
use crate::radio::mind::Network;
use crate::radio::{Radio, Use};
use crate::sensor::{Sensor, Settings};
use auscult_report::summary::{HostEntry, Sighting, Summary};
use auscult_report::time::Timestamp;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the threads say to the loop.
pub(super) enum Said {
    /// A window ended, and so much of it was covered.
    Window(Box<Summary>, Box<Cover>),
    /// This cannot wait; the time is that of the frame in hand.
    Urgent(Vec<Sighting>, Vec<HostEntry>, Timestamp),
    /// How well it hears.
    Sight(Sight),
    /// From here on networks have the use that a [`Wish`] gave them.
    Settled,
    /// A radio, by its place in the configuration, is not what it was.
    Radio(usize, Radio),
    /// The capture ended, or could not be read on.
    Over(Option<FileError>),
    /// What came of a request: the courier's thread says it.
    Answer(Box<Answer>),
}

/// Ends to which the courier is about to speak, and where it waits until they are not heard any more.
pub(super) struct Speaks {
    pub(super) ends: Vec<SocketAddr>,
    pub(super) done: SyncSender<()>,
}

/// What tells the ear to whom the courier is about to speak. Where nobody hears interfaces, nobody is waited for.
pub(super) fn tell(ear: SyncSender<Speaks>) -> Tell {
    Arc::new(move |ends: &[SocketAddr]| {
        let (done, wait) = sync_channel(1);
        if ear.try_send(Speaks { ends: ends.to_vec(), done }).is_ok() {
            // A capture that is busy is not waited for longer: then this conversation is heard, as any other.
            let _ = wait.recv_timeout(MOST_WAIT);
        }
    })
}

/// What the loop asks of the capture thread.
pub(super) struct Wish {
    /// Networks have another use. The key is not looked at.
    pub(super) settings: Option<Settings>,
    /// Windows have this length.
    pub(super) window_ms: u64,
}

/// How the capture thread and the loop know of each other.
pub(super) struct Ties<'a> {
    pub(super) out: &'a SyncSender<Said>,
    pub(super) wishes: &'a Receiver<Wish>,
    pub(super) speaks: &'a Receiver<Speaks>,
    pub(super) pulse: &'a Pulse,
    pub(super) stop: &'a AtomicBool,
}

/// How well interfaces are heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Interfaces that are not heard now.
    pub(super) deaf: usize,
    /// Frames for which the kernel had no room, since the start.
    pub(super) lost: u64,
}

/// What is heard, opened.
pub(super) enum Opened {
    File(File, f64),
    Live(Several),
}

/// Opens what the configuration says.
pub(super) fn open(config: &Config) -> Result<Opened, String> {
    match &config.heard {
        Heard::Replay(path, speed) => File::open(path).map(|file| Opened::File(file, *speed)).map_err(|e| {
            format!("the capture cannot be opened ({e}); check capture.replay and that the agent may read it")
        }),
        Heard::Live(wanted, keeping) => Several::open(&radio::ears(wanted, config), *keeping, Vec::new()).map(Opened::Live).map_err(|e| {
            let (name, error) = (e.name, e.error);
            format!("{name} cannot be heard ({error}); start the agent as root or with CAP_NET_RAW, and check capture.method")
        }),
    }
}

/// Hears what was opened to its end, or until `stop` is set. Who listens at the other end decides how fast.
pub(super) fn hear(opened: Opened, air: Option<Air>, settings: Settings, window_ms: u64, ties: &Ties<'_>) {
    let course = if matches!(opened, Opened::Live(_)) { Course::live() } else { Course::file() };
    let ear = Ear { sensor: Sensor::new(settings), window_ms, end: None, ties, gone: false, course };
    match opened {
        Opened::File(input, speed) => replay(ear, input, speed, ties),
        Opened::Live(several) => live::hear(ear, several, air, ties),
    }
}

fn replay(mut ear: Ear<'_>, input: impl Read + Send, speed: f64, ties: &Ties<'_>) {
    let mut pace = Pace { speed, first: None };
    let over = match CaptureFile::open(input) {
        Err(error) => Some(error),
        Ok(mut capture) => {
            let end = capture.each(|frame, _| {
                if !ear.gone && pace.wait(frame.at, ties) {
                    ear.wished(frame.at);
                    ear.hear(frame);
                }
            });
            match end {
                End::Whole => None,
                End::Stopped(error) => Some(error),
            }
        }
    };
    let last = ear.sensor.close();
    ear.window(last);
    ear.say(Said::Over(over));
}

/// The one sensor, and whom it tells.
pub(super) struct Ear<'a> {
    sensor: Sensor,
    window_ms: u64,
    /// Where the window in hand ends.
    end: Option<Timestamp>,
    ties: &'a Ties<'a>,
    /// Nobody listens any more.
    pub(super) gone: bool,
    /// What is covered of the window in hand.
    pub(super) course: Course,
}

impl Ear<'_> {
    /// The first window begins now, whether something is heard or not.
    pub(super) fn begin(&mut self, now: Timestamp) {
        // What is closed here is empty.
        let _ = self.sensor.turn(now);
        self.pass(now);
    }

    /// The last window ends now.
    pub(super) fn close(&mut self, now: Timestamp) {
        self.pass(now);
        let mut last = self.sensor.close();
        last.window.to = last.window.to.max(now);
        self.window(last);
        self.say(Said::Over(None));
    }

    pub(super) fn hear(&mut self, frame: &Frame<'_>) {
        self.pass(frame.at);
        self.course.hear(frame);
        self.sensor.hear(frame);
        let urgent = self.sensor.urgent();
        if !urgent.is_empty() {
            let hosts = self.sensor.entries(&urgent);
            self.say(Said::Urgent(urgent, hosts, frame.at));
        }
    }

    /// What a radio tells of a network without a frame.
    pub(super) fn told(&mut self, network: &Network, at: Timestamp) {
        self.pass(at);
        self.sensor.told(at, &network.air());
    }

    /// Which networks this machine's own radios make, now.
    pub(super) fn set_made_here(&mut self, bssids: &[[u8; 6]]) {
        self.sensor.airwaves().set_made_here(bssids);
    }

    /// What was heard on which channel since this was asked last.
    pub(super) fn take_uses(&mut self) -> Vec<(u16, Use)> {
        self.sensor.airwaves().take_uses()
    }

    /// The time goes on: windows end, also those in which nothing is heard.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let mut end = *self.end.get_or_insert(Timestamp(now.0.saturating_add(self.window_ms)));
        let begin = Timestamp(end.0.saturating_sub(self.window_ms));
        if begin.since_ms(now) > SET_BACK_MS {
            // The clock was set back: who waited until it is `end` again might wait for years.
            let summary = self.sensor.set_back(now);
            self.window(summary);
            end = Timestamp(now.0.saturating_add(self.window_ms));
            self.end = Some(end);
        }
        if now >= end {
            let summary = self.sensor.turn(end);
            self.window(summary);
            let late = now.since_ms(end);
            let begin = Timestamp(now.0.saturating_sub(late.checked_rem(self.window_ms).unwrap_or(0)));
            if begin > end {
                // Windows in which nothing at all was heard, as one.
                let silence = self.sensor.turn(begin);
                self.window(silence);
            }
            self.end = Some(Timestamp(begin.0.saturating_add(self.window_ms)));
        }
    }

    /// Whether the window in hand ends before `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now >= end)
    }

    fn window(&mut self, summary: Summary) {
        let cover = self.course.close(summary.window, &self.sensor.take_faults());
        self.say(Said::Window(Box::new(summary), Box::new(cover)));
    }

    pub(super) fn say(&mut self, said: Said) {
        self.gone |= self.ties.out.send(said).is_err();
    }

    /// Does what the loop asked for. The window in hand ends before.
    pub(super) fn wished(&mut self, now: Timestamp) {
        while let Ok(wish) = self.ties.wishes.try_recv() {
            if let Some(settings) = wish.settings {
                let summary = self.sensor.turn(now);
                self.window(summary);
                self.sensor.settle(settings);
                self.say(Said::Settled);
                self.end = None;
            } else if wish.window_ms != self.window_ms {
                let begin = self.end.map_or(now, |end| Timestamp(end.0.saturating_sub(self.window_ms)));
                self.end = Some(Timestamp(begin.0.saturating_add(wish.window_ms)));
            }
            self.window_ms = wish.window_ms;
            self.pass(now);
        }
    }
}

/// Waits until a frame would come.
struct Pace {
    speed: f64,
    first: Option<(Instant, Timestamp)>,
}

impl Pace {
    /// False if the daemon is told to stop.
    #[expect(clippy::disallowed_methods, reason = "a replay waits as long as the recording did")]
    fn wait(&mut self, at: Timestamp, ties: &Ties<'_>) -> bool {
        beat(ties.pulse);
        if self.speed > 0.0 {
            let (began, first) = *self.first.get_or_insert_with(|| (Instant::now(), at));
            let due = Duration::from_millis(at.since_ms(first)).div_f64(self.speed);
            while let Some(left) = due.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
                if ties.stop.load(Ordering::Relaxed) {
                    return false;
                }
                beat(ties.pulse);
                sleep(left.min(LOOK_EVERY));
            }
        }
        !ties.stop.load(Ordering::Relaxed)
    }
}

/// How long the courier waits for the capture thread, which looks every [`LOOK_EVERY`].
const MOST_WAIT: Duration = Duration::from_secs(1);

/// Frames of several interfaces are out of order by less.
const SET_BACK_MS: u64 = 60_000;

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
