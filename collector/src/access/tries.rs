//! How often somebody tries, and how many passwords are hashed at once: what guessing costs us is bounded.
//!
//! Keeps: counts in memory, at most [`MOST_TRIES`] of them. Drops: what is older than a minute, when there is no room.

use super::refused::SignIn;
use auscult_report::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What was tried of late.
#[derive(Default)]
pub(super) struct Tries {
    counted: Mutex<HashMap<String, (Timestamp, u32)>>,
    /// One password is hashed at a time: each takes 19 MiB.
    hashing: Mutex<()>,
    waiting: AtomicUsize,
}

/// Somebody tries too often.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// With this try.
    FromNowOn,
    /// As before.
    Still,
}

impl Tries {
    /// Counts a try under each key: name, how many, in how many milliseconds. Too many of any are held.
    pub(super) fn once(&self, keys: &[(String, u32, u64)], now: Timestamp) -> Result<(), Held> {
        let mut tries = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST_TRIES {
            tries.retain(|_, (since, _)| now.since_ms(*since) < MINUTE_MS);
            if tries.len() >= MOST_TRIES {
                return Err(Held::Still);
            }
        }
        let mut may = Ok(());
        for (key, most, window_ms) in keys {
            let (since, count) = tries.entry(key.clone()).or_insert((now, 0));
            if now.since_ms(*since) >= *window_ms {
                (*since, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            if *count > *most && may != Err(Held::FromNowOn) {
                may = Err(if *count == most.saturating_add(1) { Held::FromNowOn } else { Held::Still });
            }
        }
        may
    }

    /// The same, where it is all one since when.
    pub(super) fn may(&self, keys: &[(String, u32, u64)], now: Timestamp) -> Result<(), SignIn> {
        self.once(keys, now).map_err(|_| SignIn::TooOften)
    }

    /// Who came in is counted anew.
    pub(super) fn forget(&self, key: &str) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Hashes, one at a time. Too many that wait are turned away.
    pub(super) fn hash<T>(&self, work: impl FnOnce() -> T) -> Result<T, SignIn> {
        let is_full = self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING;
        let done = if is_full {
            Err(SignIn::Busy)
        } else {
            let _one = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(work())
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        done
    }
}

pub(super) const MINUTE_MS: u64 = 60_000;
/// Who waits for the hash of a password: as many are done in a second.
const MOST_WAITING: usize = 16;
/// Keys that are counted: who comes from more addresses in a minute is turned away.
const MOST_TRIES: usize = 65_536;
