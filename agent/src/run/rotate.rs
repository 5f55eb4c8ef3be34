//! The next signing key: made here, and handed over to in the chain (FORMAT.md section 4).
//!
//! Keeps: the old keys; reports that they signed may still be asked for. Drops: nothing. A key that was made and not handed
//! over to is handed over to at the next start.

use super::clock::{ClockWatch, reading};
use super::{Daemon, MADE, lock, open_spool};
use crate::config::Config;
use crate::identity::{Identity, NOT_ENROLLED, is_trusted};
use crate::spool::Trouble;
use auscult_report::time::MS_PER_DAY;
use tracing::{info, warn};

/// Makes a new signing key and says so in the chain, while the daemon does not run. Gives the number of the key.
///
/// # Errors
/// One sentence: what was being done, what to try.
pub fn rotate(config: &Config) -> Result<u16, String> {
    let mut identity = Identity::look(config).map_err(|e| format!("{e}; start the agent once: it makes its keys"))?;
    if identity.ledger() == NOT_ENROLLED {
        return Err("this sensor is not enrolled: its key is known to nobody yet".to_owned());
    }
    let _lock = lock(&config.state)?;
    let (moment, _) = ClockWatch::new(identity.boot(), MADE).moment(reading());
    let mut spool = open_spool(config, &identity, moment)?;
    let signs = spool.head().map_or(0, |h| h.key_no);
    if identity.newest_key_no() <= signs {
        identity.make_next_key().map_err(|e| e.to_string())?;
    }
    match spool.rotate(&identity, moment) {
        Ok(_) => Ok(identity.newest_key_no()),
        Err(e) => {
            Err(format!("the new key is made, and the chain does not say so yet ({e}); it is tried at the next start"))
        }
    }
}

impl Daemon {
    /// At a start: what was cut off is finished, and reports name the trust bundle in force.
    pub(super) fn take_over(&mut self) -> Result<(), String> {
        if let Some(trust) = self.post.as_ref().and_then(|post| post.papers.trust()) {
            let version = trust.version;
            self.say(|daemon| daemon.spool.trusts(version))?;
            self.hand_over()?;
        }
        Ok(())
    }

    /// Once a year another key, if it is known how long a year is.
    pub(super) fn rotate_yearly(&mut self) -> Result<(), String> {
        let is_approved = self.post.as_ref().is_some_and(|post| post.papers.certificate().is_some());
        let moment = self.moment();
        let made = self.identity.newest_key_made().filter(|_| is_approved && is_trusted(moment.clock));
        let Some(made) = made.filter(|made| moment.wall.since_ms(*made) >= YEAR_MS) else { return Ok(()) };
        let head = self.spool.head().map_or(0, |h| h.key_no);
        if self.identity.newest_key_no() == head {
            match self.identity.make_next_key() {
                Ok(key_no) => info!(key_no, made = made.0, "a year is over: the next signing key was made"),
                Err(e) => warn!(error = %e, "no new signing key"),
            }
        }
        self.hand_over()
    }

    /// Says in the chain that the newest key takes over, if it did not yet.
    fn hand_over(&mut self) -> Result<(), String> {
        let moment = self.moment();
        self.say(|daemon| match daemon.spool.rotate(&daemon.identity, moment)? {
            Some(known) => {
                info!(epoch = known.place.epoch, seq = known.place.seq, "the next key signs from now on");
                Ok(())
            }
            None => Ok(()),
        })
    }

    /// What may be tried again is said and left; what may not stops the daemon.
    fn say(&mut self, mut done: impl FnMut(&mut Daemon) -> Result<(), Trouble>) -> Result<(), String> {
        match done(self) {
            Err(Trouble::Never(why)) => Err(why.to_owned()),
            Err(e) => {
                warn!(error = %e, "not written; tried again later");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

const YEAR_MS: u64 = 365 * MS_PER_DAY;
