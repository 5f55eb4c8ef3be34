//! The capture thread: frames of a capture file as they would come live, windows closed by the time of the frames.
//!
//! Keeps: one sensor. Drops: the frames that are left in the file when the daemon is told to stop. No frame leaves this
//! thread: only closed windows and what cannot wait.

use crate::capture::Frame;
use crate::capture::file::{CaptureFile, End, FileError};
use crate::courier::retry::Answer;
use crate::sensor::{Sensor, Settings};
use auscult_report::summary::{HostEntry, Sighting, Summary};
use auscult_report::time::Timestamp;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the threads say to the loop.
pub(super) enum Said {
    /// A window ended.
    Window(Box<Summary>),
    /// This cannot wait; the time is that of the frame in hand.
    Urgent(Vec<Sighting>, Vec<HostEntry>, Timestamp),
    /// The capture ended, or could not be read on.
    Over(Option<FileError>),
    /// What came of a request: the courier's thread says it.
    Answer(Box<Answer>),
}

/// Hears a capture to its end, or until `stop` is set. Who listens at the other end decides how fast.
pub(super) fn hear(
    input: impl Read + Send,
    settings: Settings,
    (speed, window_ms): (f64, u64),
    stop: &AtomicBool,
    out: &SyncSender<Said>,
) {
    let mut ear = Ear { sensor: Sensor::new(settings), window_ms, end: None, out, gone: false };
    let mut pace = Pace { speed, first: None };
    let over = match CaptureFile::open(input) {
        Err(error) => Some(error),
        Ok(mut capture) => {
            let end = capture.each(|frame, _| {
                if !ear.gone && pace.wait(frame.at, stop) {
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
    ear.say(Said::Window(Box::new(last)));
    ear.say(Said::Over(over));
}

struct Ear<'a> {
    sensor: Sensor,
    window_ms: u64,
    /// Where the window in hand ends.
    end: Option<Timestamp>,
    out: &'a SyncSender<Said>,
    /// Nobody listens any more.
    gone: bool,
}

impl Ear<'_> {
    fn hear(&mut self, frame: &Frame<'_>) {
        let mut end = *self.end.get_or_insert(Timestamp(frame.at.0.saturating_add(self.window_ms)));
        let begin = Timestamp(end.0.saturating_sub(self.window_ms));
        if begin.since_ms(frame.at) > SET_BACK_MS {
            // The clock was set back: who waited until it is `end` again might wait for years.
            let summary = self.sensor.set_back(frame.at);
            self.say(Said::Window(Box::new(summary)));
            end = Timestamp(frame.at.0.saturating_add(self.window_ms));
            self.end = Some(end);
        }
        if frame.at >= end {
            let summary = self.sensor.turn(end);
            self.say(Said::Window(Box::new(summary)));
            let late = frame.at.since_ms(end);
            let begin = Timestamp(frame.at.0.saturating_sub(late.checked_rem(self.window_ms).unwrap_or(0)));
            if begin > end {
                // Windows in which nothing at all was heard, as one.
                let silence = self.sensor.turn(begin);
                self.say(Said::Window(Box::new(silence)));
            }
            self.end = Some(Timestamp(begin.0.saturating_add(self.window_ms)));
        }
        self.sensor.hear(frame);
        let urgent = self.sensor.urgent();
        if !urgent.is_empty() {
            let hosts = self.sensor.entries(&urgent);
            self.say(Said::Urgent(urgent, hosts, frame.at));
        }
    }

    fn say(&mut self, said: Said) {
        self.gone |= self.out.send(said).is_err();
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
    fn wait(&mut self, at: Timestamp, stop: &AtomicBool) -> bool {
        if self.speed > 0.0 {
            let (began, first) = *self.first.get_or_insert_with(|| (Instant::now(), at));
            let due = Duration::from_millis(at.since_ms(first)).div_f64(self.speed);
            while let Some(left) = due.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
                if stop.load(Ordering::Relaxed) {
                    return false;
                }
                sleep(left.min(LOOK_EVERY));
            }
        }
        !stop.load(Ordering::Relaxed)
    }
}

/// Frames of several interfaces are out of order by less.
const SET_BACK_MS: u64 = 60_000;

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
