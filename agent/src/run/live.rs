//! The capture thread on interfaces: one thread waits for all of them; the clock ends the windows.
//!
//! Keeps: what is heard and what is not: who went, who came back, what the kernel lost. Drops: nothing; a frame that is under
//! way when the daemon is told to stop is waited for.

use super::ear::{Ear, Said, Sight, Ties};
use super::radio::Air;
use super::service::beat;
use crate::capture::several::{Change, Several};
use auscult_report::time::Timestamp;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};
use tracing::{info, warn};

/// Hears interfaces until `stop` is set.
#[expect(clippy::disallowed_methods, reason = "here the daemon looks at the clock; the ear is handed the time")]
pub(super) fn hear(mut ear: Ear<'_>, mut several: Several, mut air: Option<Air>, ties: &Ties<'_>) {
    let began = Instant::now();
    let (mut sight, mut due) = (Sight::default(), Duration::ZERO);
    ear.begin(now());
    while !ear.gone && !ties.stop.load(Ordering::Relaxed) {
        beat(ties.pulse);
        for change in several.look(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)) {
            if !air.as_mut().is_some_and(|air| air.takes(&change)) {
                say(&change);
            }
            due = Duration::ZERO;
        }
        several.wait(LOOK_EVERY);
        several.hear(&now_ns, MOST_AT_ONCE, &mut |frame| ear.hear(frame));
        if let Some(air) = &mut air {
            air.turn(&mut ear, Timestamp(now().0.saturating_sub(LATE_MS)));
        }
        if began.elapsed() >= due {
            due = began.elapsed().saturating_add(COUNT_EVERY);
            look(&mut ear, &mut several, &mut sight);
        }
        // A frame is given a little after it was heard: until then its window stays open.
        let heard_to = Timestamp(now().0.saturating_sub(LATE_MS));
        ear.pass(heard_to);
        ear.wished(heard_to);
    }
    several.rest(&now_ns, &mut |frame| ear.hear(frame));
    look(&mut ear, &mut several, &mut sight);
    ear.close(now());
}

/// Tells how well it hears, if that changed.
fn look(ear: &mut Ear<'_>, several: &mut Several, told: &mut Sight) {
    let sight = Sight { deaf: several.deaf(), lost: several.lost() };
    if sight.lost > told.lost {
        warn!(lost = sight.lost.saturating_sub(told.lost), "the kernel had no room for frames");
    }
    if sight != *told {
        *told = sight;
        ear.say(Said::Sight(sight));
    }
}

/// Names of interfaces are the configuration's, not heard.
fn say(change: &Change) {
    match change {
        Change::Heard(wanted, way) => info!(interface = wanted.name, role = ?wanted.role, way = ?way, "heard"),
        Change::Gone(wanted) => warn!(interface = wanted.name, role = ?wanted.role, "not heard any more"),
        Change::Missing(wanted) => warn!(interface = wanted.name, role = ?wanted.role, "not there; looked for again"),
        Change::Refused(wanted, error) => warn!(interface = wanted.name, %error, "cannot be heard; tried again"),
    }
}

fn now() -> Timestamp {
    Timestamp(now_ns() / 1_000_000)
}

#[expect(clippy::disallowed_methods, reason = "the time of frames whose source knows none")]
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the kernel's counters are asked for.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Frames between two looks at the clock.
const MOST_AT_ONCE: usize = 20_000;
/// A frame is given less than a tenth of a second after it was heard.
const LATE_MS: u64 = 200;
