//! Behind the capture: what waits is delivered, as long as the configuration says, and for a few seconds when the daemon is told
//! to stop.
//!
//! Keeps: what could not be delivered; it lies in the spool for the next start. Drops: a request that is under way when the
//! time is over; its reports are sent again, and the collector knows them by their hash.

use super::ear::Said;
use super::{Asked, Daemon, now_ms};
use crate::config::Then;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::sleep;
use std::time::Duration;
use tracing::info;

impl Daemon {
    /// Behind the capture: delivers what waits, as long as that may take.
    pub(super) fn linger(&mut self, said: &Receiver<Said>, asked: &Asked<'_>) -> Result<(), String> {
        let mut until = match self.config.then {
            Then::Stay => None,
            Then::End => Some(now_ms(self.began).saturating_add(self.config.linger_ms)),
        };
        let (mut is_told, mut has_news, mut due_ms) = (false, true, 0);
        loop {
            let now_ms = now_ms(self.began);
            self.service.alive(self.began.elapsed(), None);
            self.reread(asked);
            if !is_told && asked.stop.load(Ordering::Relaxed) {
                (is_told, has_news, until) = (true, true, Some(now_ms.saturating_add(LAST_TRY_MS)));
                if let Some(post) = &mut self.post {
                    post.within = Duration::from_millis(LAST_TRY_MS);
                    post.plan.hurry();
                }
            }
            if until.is_some_and(|until| now_ms >= until || self.is_delivered()) {
                break;
            }
            if has_news || now_ms >= due_ms {
                self.send();
                (has_news, due_ms) = (false, self.wakes_ms());
            }
            let is_out = self.post.as_ref().is_some_and(|post| post.plan.is_out());
            if is_told && !is_out {
                break;
            }
            match said.recv_timeout(self.wait(LOOK_EVERY)) {
                Ok(Said::Answer(answer)) => {
                    self.answered(*answer)?;
                    has_news = true;
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                // Before the enrolment nobody is left to say anything.
                Err(RecvTimeoutError::Disconnected) => sleep(LOOK_EVERY),
            }
        }
        let fill = self.spool.fill();
        info!(frames = self.health.frames, waiting = fill.waiting, "stopped");
        Ok(())
    }

    /// Whether nothing is left to deliver.
    fn is_delivered(&self) -> bool {
        let is_idle = self.post.as_ref().is_none_or(|post| !post.plan.is_out() && !post.plan.wants_to_speak());
        self.post.is_none() || (is_idle && self.spool.waiting().next().is_none())
    }
}

/// How soon a stop is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// When told to stop: how long the last delivery may take.
const LAST_TRY_MS: u64 = 4_000;
