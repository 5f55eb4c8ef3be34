//! What the daemon tells: reports, sealed into the spool, with what it says of itself; and signs of life beside them.
//!
//! Keeps: what cannot be written now; it goes into the next report. Drops: a window that no length makes fit, and says so.

use super::delivery::CONTRADICTION;
use super::{Daemon, now_ms};
use crate::spool::Trouble;
use crate::window::lighter;
use auscult_report::bounded::Bounded;
use auscult_report::heartbeat::{Heartbeat, health_extra};
use auscult_report::payload::{Changes, EXTRA_CONTRADICTION, Event, Extra, Extras, Full, MAX_EXTRA_OCTETS, Payload};
use std::fs;
use tracing::{error, info, warn};

impl Daemon {
    /// Seals and spools. What cannot be written now goes into the next report.
    pub(super) fn tell(&mut self, payload: Payload) -> Result<(), String> {
        let moment = self.moment();
        let mut payload = payload;
        let tells_of = self.add_extras(&mut payload);
        for _ in 0..HALVINGS {
            match self.spool.append(&self.identity, &payload, moment) {
                Ok(known) => {
                    let (epoch, seq) = (known.place.epoch, known.place.seq);
                    info!(epoch, seq, kind = payload.kind().word(), "sealed");
                    self.windows.written(known.place, &payload);
                    if let Some(post) = self.post.as_mut().filter(|_| tells_of) {
                        post.delivery.contradiction_is_told = true;
                        self.leave_delivery();
                    }
                    return Ok(());
                }
                Err(Trouble::TooLarge) => match lighter(payload) {
                    Some(less) => payload = less,
                    None => break,
                },
                Err(Trouble::Later(doing, e)) => {
                    warn!(doing, error = %e.kind(), "not written; goes into the next report");
                    return Ok(());
                }
                Err(Trouble::Never(why)) => return Err(why.to_owned()),
            }
        }
        error!("a report is too large at any length; its window is lost");
        Ok(())
    }

    /// Adds to a whole report how the sensor is, and to any report that the ledger's keeper contradicted himself, if none
    /// told of it yet; true if it does.
    fn add_extras(&mut self, payload: &mut Payload) -> bool {
        let is_full = matches!(payload, Payload::Full(_));
        let (Payload::Full(Full { ext, .. })
        | Payload::Changes(Changes { ext, .. })
        | Payload::Event(Event { ext, .. })) = payload
        else {
            return false;
        };
        let mut extras = core::mem::take(ext).into_vec();
        if is_full {
            self.gauge.measure(&mut self.health, now_ms(self.began));
            self.health.waiting = self.spool.fill().waiting;
            extras.extend(health_extra(&self.health));
        }
        let delivery = self.post.as_ref().map(|post| &post.delivery);
        let is_untold = delivery.is_some_and(|d| d.contradiction_ms.is_some() && !d.contradiction_is_told);
        let note = if is_untold { fs::read(self.state.join(CONTRADICTION)).ok() } else { None };
        let tells_of = note.is_some();
        extras.extend(note.map(|mut note| {
            // The checkpoint's text and the keeper's signature stand first.
            note.truncate(MAX_EXTRA_OCTETS);
            Extra { tag: EXTRA_CONTRADICTION, octets: Bounded::first_of(note).0 }
        }));
        *ext = Bounded::first_of(extras).0;
        tells_of
    }

    /// Leaves a sign of life beside the chain, and gives it.
    pub(super) fn sign_of_life(&mut self) -> Option<Vec<u8>> {
        let moment = self.moment();
        let (head, key_no) = (self.spool.head()?, self.spool.known_key_no());
        self.health.waiting = self.spool.fill().waiting;
        self.gauge.measure(&mut self.health, now_ms(self.began));
        let beat = Heartbeat {
            ledger: head.ledger,
            sensor: head.sensor,
            key_no,
            head: Some(head.known()),
            moment,
            health: self.health,
            seen: self.spool.seen(),
            bundle_version: self.spool.bundle_version(),
            ext: Extras::new(),
        };
        let sealed = self.identity.key(key_no).and_then(|key| beat.seal(key))?;
        if let Err(e) = self.spool.keep_alive(&sealed) {
            warn!(error = %e, "no sign of life on the disk");
        }
        Some(sealed)
    }
}

/// A report halved so often has no sighting left.
const HALVINGS: usize = 20;
