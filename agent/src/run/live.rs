//! The capture thread on interfaces: one thread waits for all of them; the clock ends the windows.
//!
//! Keeps: what is heard and what is not: who went, who came back, what the kernel lost. Drops: nothing; a frame that is under
//! way when the daemon is told to stop is waited for.

use super::ear::{Ear, Said, Sight, Speaks, Ties};
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
    let (mut turned, mut blocked, mut windows) = (Duration::ZERO, Duration::ZERO, 0);
    ear.begin(now());
    while !ear.gone && !ties.stop.load(Ordering::Relaxed) {
        beat(ties.pulse);
        let turn = began.elapsed().saturating_sub(turned);
        turned = turned.saturating_add(turn);
        if turn > STALLED {
            blocked = blocked.saturating_add(turn);
        }
        for change in several.look(ms(began.elapsed())) {
            if !air.as_mut().is_some_and(|air| air.takes(&change)) {
                say(&change);
            }
            due = Duration::ZERO;
        }
        for Speaks { ends, done } in ties.speaks.try_iter() {
            several.leave_out(&ends);
            // The courier may have given up waiting.
            let _ = done.try_send(());
        }
        several.wait(LOOK_EVERY);
        several.hear(&now_ns, MOST_AT_ONCE, &mut |frame| ear.hear(frame));
        if let Some(air) = &mut air {
            air.turn(&mut ear, Timestamp(now().0.saturating_sub(LATE_MS)));
        }
        // A frame is given a little after it was heard: until then its window stays open.
        let heard_to = Timestamp(now().0.saturating_sub(LATE_MS));
        if ear.is_due(heard_to) || began.elapsed() >= due {
            due = began.elapsed().saturating_add(COUNT_EVERY);
            look(&mut ear, &mut several, &mut sight, [began.elapsed(), blocked]);
        }
        ear.pass(heard_to);
        ear.wished(heard_to);
        if windows != ear.course.windows() {
            windows = ear.course.windows();
            several.turn();
        }
    }
    several.rest(&now_ns, &mut |frame| ear.hear(frame));
    let _ = several.look(ms(began.elapsed()));
    look(&mut ear, &mut several, &mut sight, [began.elapsed(), blocked]);
    ear.close(now());
}

/// Tells how well it hears, if that changed; `since` is how long it has heard, and how long of that it waited.
fn look(ear: &mut Ear<'_>, several: &mut Several, told: &mut Sight, since: [Duration; 2]) {
    let given = several.given();
    let lost = given.iter().fold(0, |sum: u64, ear| sum.saturating_add(ear.lost));
    ear.course.stands(ms(since[0]), ms(since[1]), given);
    let sight = Sight { deaf: several.deaf(), lost };
    if sight.lost > told.lost {
        warn!(lost = sight.lost.saturating_sub(told.lost), "the kernel had no room for frames");
    }
    if sight != *told {
        *told = sight;
        ear.say(Said::Sight(sight));
    }
}

fn ms(since: Duration) -> u64 {
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the kernel's counters are asked for.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// A turn takes a twentieth of a second; who takes longer was held up by who writes what was heard.
const STALLED: Duration = Duration::from_secs(1);
/// Frames between two looks at the clock.
const MOST_AT_ONCE: usize = 20_000;
/// A frame is given less than a tenth of a second after it was heard.
const LATE_MS: u64 = 200;
