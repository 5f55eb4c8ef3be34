//! Waiting for what others do: a person who approves the sensor, a collector that acknowledges its first report.
//!
//! Keeps: what was said last, so that each thing is said once. Drops: nothing. Time is counted in looks, not by a clock.

use super::hands::Daemon;
use super::terminal::Terminal;
use crate::config::Config;
use crate::run::{Progress, progress};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The first receipt is here.
    Trusted,
    /// The time is over, or a person ended it.
    NotYet,
}

/// Waits until a report was acknowledged; no longer than so many seconds, where they are given.
pub(super) fn wait(
    config: &Config,
    mut daemon: Option<Daemon>,
    within_s: Option<u64>,
    stop: &AtomicBool,
    terminal: &mut Terminal<'_>,
) -> Result<Waited, String> {
    let (mut said, mut looks) = (String::new(), 0u64);
    let most = within_s.map(|s| s.saturating_mul(LOOKS_A_SECOND));
    loop {
        let now = progress(config)?;
        if let (true, Some(receipt)) = (now.is_approved, &now.receipt) {
            terminal.say(&format!(
                "  receipt    {receipt}: the collector has it on its disk, and this sensor has checked that"
            ))?;
            return Ok(Waited::Trusted);
        }
        let line = standing(&now);
        if line != said {
            terminal.say(&line)?;
            said = line;
        }
        if stop.load(Ordering::Relaxed) || most.is_some_and(|most| looks >= most) {
            return Ok(Waited::NotYet);
        }
        if let Some(ended) = daemon.as_mut().and_then(Daemon::ended) {
            // A capture file ended; nobody delivers what waits.
            return ended.map(|()| Waited::NotYet);
        }
        looks = looks.saturating_add(1);
        sleep(LOOK_EVERY);
    }
}

/// Where it stands, in a line.
fn standing(now: &Progress) -> String {
    match (now.is_approved, now.trouble) {
        (true, None) => "  approved   yes; the first receipt is waited for".to_owned(),
        (true, Some(trouble)) => format!("  approved   yes; not delivered yet: {trouble}"),
        (false, None) => "  approved   not yet: a person at the provider compares the five words".to_owned(),
        (false, Some(trouble)) => format!("  approved   not yet: {trouble}"),
    }
}

/// What is still missing, and how to go on; for the end of a set-up that did not come to its end.
pub(super) fn missing(now: &Progress) -> String {
    let what = match (now.is_enrolled, now.is_approved, now.trouble) {
        (false, ..) => "the one-time code of the provider".to_owned(),
        (true, false, None) => "the approval by a person at the provider, who compares the five words".to_owned(),
        (true, false, Some(trouble)) => format!("the approval: {trouble}"),
        (true, true, None) => "the first receipt".to_owned(),
        (true, true, Some(trouble)) => format!("the first receipt: {trouble}"),
    };
    format!("still missing: {what}")
}

const LOOKS_A_SECOND: u64 = 2;
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_the_next_thing_on_the_way() {
        let mut now = Progress::default();
        assert!(missing(&now).contains("one-time code"));
        now.is_enrolled = true;
        assert!(missing(&now).contains("compares the five words") && standing(&now).contains("compares"));
        now.trouble = Some("the collector cannot be reached");
        assert!(missing(&now).contains("cannot be reached") && standing(&now).contains("cannot be reached"));
        (now.is_approved, now.trouble) = (true, None);
        assert!(missing(&now).contains("first receipt") && standing(&now).contains("first receipt"));
    }
}
