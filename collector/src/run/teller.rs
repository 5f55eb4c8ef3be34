//! Tells people: packs what happened, sends what is due, says that this program lives.
//!
//! On a thread of its own: a receiver that does not answer holds up no round of a ledger. Keeps: when what was done last. Drops: nothing;
//! what was in hand when the program ended is in hand again at its next start, when its lease has ended.

use crate::notices::{Clock, Ended, Notices};
use crate::store::StoreError;
use crate::web::Desk;
use auscult_report::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, warn};

/// Whoever tells.
pub(super) struct Teller {
    desk: Arc<Desk>,
    notices: Notices,
    runtime: Runtime,
    noted: Timestamp,
    alive: Timestamp,
    /// What failed the last time, so that it is told once.
    told: Option<String>,
    is_alive_told: bool,
}

impl Teller {
    pub(super) fn new(desk: &Arc<Desk>, notices: Notices) -> Result<Teller, std::io::Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let desk = Arc::clone(desk);
        let never = Timestamp(0);
        Ok(Teller { desk, notices, runtime, noted: never, alive: never, told: None, is_alive_told: true })
    }

    /// Until the other end says so, or is gone.
    pub(super) fn run(mut self, end: &Receiver<()>) {
        while matches!(end.recv_timeout(BEAT), Err(RecvTimeoutError::Timeout)) {
            let done = self.turn().err().map(|e| e.to_string());
            if self.told != done {
                match &done {
                    Some(why) => error!(error = why, "notices could not be packed or laid aside"),
                    None => warn!("notices go out again"),
                }
                self.told = done;
            }
            self.say_alive();
        }
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        let (desk, now) = (&self.desk, (self.desk.clock)());
        if now.since_ms(self.noted) >= NOTE_MS {
            self.notices.note_due(&desk.store, now)?;
            self.noted = now;
        }
        self.notices.plan(&desk.store, now)?;
        let clock: Clock = Arc::clone(&desk.clock);
        let ended = self.runtime.block_on(self.notices.deliver(&desk.store, &clock));
        for (kind, word) in ended.iter().flatten() {
            self.count(kind, word);
        }
        self.levels()?;
        ended.map(drop)
    }

    fn count(&self, kind: &'static str, word: &'static str) {
        let ended: Ended = (kind, word);
        self.desk.meters.notices(ended).increment(1);
        if word == "given-up" {
            error!(kind, "a notice reached nobody: `auscult-collector notices list` says why");
        }
    }

    fn levels(&self) -> Result<(), StoreError> {
        let backlog = self.desk.store.backlog()?;
        for state in ["waiting", "given up"] {
            let parcels = backlog.iter().filter(|b| b.state == state).map(|b| b.parcels).fold(0, u64::saturating_add);
            self.desk.meters.parcels(state).set(parcels as f64);
        }
        let oldest = backlog.iter().filter(|b| b.state == "waiting").map(|b| b.oldest).min();
        let age_ms = oldest.map_or(0, |oldest| (self.desk.clock)().since_ms(oldest));
        self.desk.meters.notices_age_seconds.set(age_ms as f64 / 1_000.0);
        Ok(())
    }

    /// Only if the last rounds of the ledgers and of the notices ended well: silence is what is listened for.
    fn say_alive(&mut self) {
        let now = (self.desk.clock)();
        let is_well = self.told.is_none() && self.desk.ledgers_well.load(Ordering::Relaxed);
        let Some(every) = self.notices.alive_ms().filter(|every| is_well && now.since_ms(self.alive) >= *every) else {
            return;
        };
        self.alive = now;
        let said = self.runtime.block_on(self.notices.say_alive());
        if said.is_ok() != self.is_alive_told {
            match &said {
                Ok(()) => warn!(every_ms = every, "whom notices.alive names hears of us again"),
                Err(_) => error!(
                    every_ms = every,
                    "whom notices.alive names could not be told: `auscult-collector notices try alive`"
                ),
            }
            self.is_alive_told = said.is_ok();
        }
    }
}

/// Between two turns: what happened is told so long after it was judged, at most.
const BEAT: Duration = Duration::from_secs(2);
/// Between two looks for decisions that ended.
const NOTE_MS: u64 = 60_000;
