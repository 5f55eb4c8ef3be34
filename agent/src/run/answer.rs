//! The incoming half of the delivery: what an answer changes in spool, papers and windows.
//!
//! The order matters: what is proven of the ledger first, then a new epoch, then what is given up, then what is settled. Only
//! reports that the receipt names, by the hash of their octets, are settled, and none behind one that it does not name. A
//! report that conflicts is kept by the collector beside the other one; it is settled once the next epoch has begun.
//! Keeps: a note that contradicts. Drops: receipts that prove nothing, as far as the ledger goes.

use super::delivery::{CONTRADICTION, DELIVERY};
use super::{Daemon, now_ms, random};
use crate::courier::plan::{Errand, Told};
use crate::courier::retry::Answer;
use crate::courier::verdict::{Side, Verdict, missed, settled_to};
use crate::courier::witness::{Sight, Witness};
use crate::spool::Trouble;
use auscult_report::payload::{EpochReason, GapReason, Kind, Known, Place};
use auscult_report::receipt::Receipt;
use tracing::{error, info, warn};

impl Daemon {
    /// Takes in what came of the request that was under way.
    pub(super) fn answered(&mut self, answer: Answer) -> Result<(), String> {
        let now_ms = now_ms(self.began);
        let Some(post) = &mut self.post else { return Ok(()) };
        match post.plan.after(answer, now_ms, random()) {
            Told::Nothing => {}
            Told::Grant(grant) => self.granted(&grant.certificate, grant.trust.as_deref()),
            Told::Receipt(errand, receipt) => self.received(&errand, &receipt)?,
            Told::Park(place) => self.give_up(place, GapReason::Refused)?,
            Told::Fold(place) => {
                let octets = self.spool.here().find(|(here, ..)| *here == place).map_or(0, |(.., octets)| octets);
                self.spool.shorten(octets.saturating_sub(octets / 4));
                self.give_up(place, GapReason::TooLarge)?;
            }
        }
        self.leave_delivery();
        Ok(())
    }

    fn granted(&mut self, certificate: &[u8], trust: Option<&[u8]>) {
        let now_ms = now_ms(self.began);
        let Some(post) = &mut self.post else { return };
        match post.papers.grant(certificate) {
            Ok(()) => {
                post.plan.granted();
                let until = post.papers.certificate().map(|c| c.until.0);
                info!(until, "a certificate was granted");
            }
            Err(e) => {
                error!(error = %e, "no certificate");
                post.plan.useless(now_ms, random());
            }
        }
        if let Some(sealed) = trust {
            self.follow(sealed);
        }
    }

    /// A newer trust bundle.
    fn follow(&mut self, sealed: &[u8]) {
        let Some(post) = &mut self.post else { return };
        match post.papers.follow(sealed) {
            Ok(version) => {
                post.trust_changed();
                if let Err(e) = self.spool.trusts(version) {
                    warn!(error = %e, "reports name the trust bundle before");
                }
                info!(version, "trust bundle");
            }
            Err(e) => error!(error = %e, "a trust bundle was refused"),
        }
    }

    fn received(&mut self, errand: &Errand, receipt: &Receipt) -> Result<(), String> {
        let moment = self.moment();
        let Some(head) = self.spool.head() else { return Ok(()) };
        let was_asked = *errand == Errand::Alive;
        self.witnessed(receipt, was_asked);
        let sent = self.post.as_mut().map(|post| core::mem::take(&mut post.sent)).unwrap_or_default();
        let sent = if was_asked { Vec::new() } else { sent };
        let side = Side { sent: &sent, head: head.known() };
        let verdict = Verdict::of(receipt, &side, |place| self.spool.own(place));
        if let Some((reason, last)) = verdict.epoch {
            self.begin_epoch(reason, last)?;
        }
        self.refused(&verdict)?;
        self.settle(&verdict);
        self.resend(receipt, was_asked)?;
        if let Some(sealed) = &receipt.trust_bundle {
            self.follow(sealed);
        }
        if receipt.want_full {
            self.windows.want_full();
        }
        let now_ms = now_ms(self.began);
        let Some(post) = &mut self.post else { return Ok(()) };
        post.delivery.receipt_ms = Some(moment.wall.0);
        if !verdict.stored.is_empty() {
            post.delivery.stored_ms = Some(moment.wall.0);
            info!(reports = verdict.stored.len(), waiting = self.spool.fill().waiting, "delivered");
        }
        let is_barren = verdict.is_empty() && verdict.disowned.is_empty() && verdict.epoch.is_none();
        if !was_asked && is_barren {
            post.plan.barren(now_ms, random());
        }
        Ok(())
    }

    /// What the receipt proves of the ledger.
    fn witnessed(&mut self, receipt: &Receipt, has_told: bool) {
        let wall = self.moment().wall;
        let Some(post) = &mut self.post else { return };
        let Some(trust) = post.papers.trust() else { return };
        let Ok(keeper) = core::str::from_utf8(&trust.keeper) else { return };
        let witness = Witness {
            sensor: self.identity.sensor(),
            ledger: self.identity.ledger(),
            keeper,
            key: trust.ledger_key,
            generation: self.spool.generation(),
            seen: self.spool.seen(),
            has_told,
        };
        let kept = match witness.check(receipt, |place| self.spool.own(place)) {
            Sight::Nothing => Ok(()),
            Sight::Grew(generation, seen) => self.spool.see(generation, Some(seen)),
            Sight::Began(generation) => {
                warn!(generation, "the ledger began anew: its keeper says that a backup was restored");
                post.plan.beat();
                self.spool.see(generation, None)
            }
            Sight::Unproven(fault) => {
                if has_told {
                    warn!(%fault, "the ledger's part of a receipt proves nothing");
                } else {
                    post.plan.beat();
                }
                Ok(())
            }
            Sight::Contradiction(fault, note) => {
                error!(%fault, "the ledger's keeper contradicts what he signed before; the note is kept and reported");
                // Each later note contradicts as well: one a day is told.
                let before = post.delivery.contradiction_ms;
                if before.is_some_and(|before| wall.0.saturating_sub(before) < DAY_MS) {
                    return;
                }
                (post.delivery.contradiction_ms, post.delivery.contradiction_is_told) = (Some(wall.0), false);
                self.windows.want_full();
                self.spool.leave(CONTRADICTION, &note)
            }
        };
        if let Err(e) = kept {
            warn!(error = %e, "what the ledger showed is not kept");
        }
    }

    fn begin_epoch(&mut self, reason: EpochReason, last: Option<Known>) -> Result<(), String> {
        let moment = self.moment();
        match self.spool.begin_epoch(&self.identity, reason, last, moment) {
            Ok(known) => {
                warn!(reason = reason.word(), epoch = known.place.epoch, "the chain goes on in a new epoch");
                // What the epochs before say may stand on a branch that nobody follows.
                self.windows.want_full();
                Ok(())
            }
            Err(e) => self.later(e, "no new epoch"),
        }
    }

    /// Gives up what was refused for good. Where the chain itself is refused (its beginning, a gap, a key), or none of the
    /// reports is known as ours, nothing is given up: a person at the collector has to see to it.
    fn refused(&mut self, verdict: &Verdict) -> Result<(), String> {
        let chain = |place: &Place| {
            let kind = self.spool.here().find(|(here, ..)| here == place).map(|(_, kind, _)| kind);
            kind.is_some_and(|kind| !matches!(kind, Kind::Full | Kind::Changes | Kind::Event))
        };
        if !verdict.disowned.is_empty() || verdict.refused.iter().any(chain) {
            let reports = verdict.disowned.len().saturating_add(verdict.refused.len());
            error!(reports, "the collector does not take this sensor's chain: is it registered there, with its keys?");
            let now_ms = now_ms(self.began);
            if let Some(post) = &mut self.post {
                post.plan.useless(now_ms, random());
            }
            return Ok(());
        }
        verdict.refused.iter().try_for_each(|place| self.give_up(*place, GapReason::Refused))
    }

    /// Gives up a report that will never be taken.
    fn give_up(&mut self, place: Place, why: GapReason) -> Result<(), String> {
        let moment = self.moment();
        match self.spool.give_up(&self.identity, place, why, moment) {
            Ok(true) => {
                warn!(epoch = place.epoch, seq = place.seq, why = why.word(), "kept aside, and told by a gap");
                self.windows.want_full();
            }
            Ok(false) => {
                error!(epoch = place.epoch, seq = place.seq, "refused, and the chain cannot do without it");
                let now_ms = now_ms(self.began);
                if let Some(post) = &mut self.post {
                    post.plan.useless(now_ms, random());
                }
            }
            Err(e) => return self.later(e, "not kept aside"),
        }
        Ok(())
    }

    /// What may be tried again waits, and with it the delivery; what may not stops the daemon.
    fn later(&mut self, trouble: Trouble, what: &'static str) -> Result<(), String> {
        if let Trouble::Never(why) = trouble {
            return Err(why.to_owned());
        }
        warn!(error = %trouble, what, "tried again later");
        let now_ms = now_ms(self.began);
        if let Some(post) = &mut self.post {
            post.plan.useless(now_ms, random());
        }
        Ok(())
    }

    /// Settles what receipts named, as far as nothing is passed over.
    fn settle(&mut self, verdict: &Verdict) {
        let wall = self.moment().wall;
        let Some(head) = self.spool.head() else { return };
        let Some(post) = &mut self.post else { return };
        let told = verdict.conflicts.iter().filter(|place| place.epoch < head.place.epoch);
        let named: Vec<Place> = verdict.stored.iter().chain(told).copied().collect();
        post.plan.stored(&named, self.spool.settled());
        let waiting = self.spool.waiting().map(|(place, _)| place);
        if let Some(up_to) = settled_to(waiting, |place| post.plan.held().contains(&place)) {
            if let Err(e) = self.spool.settle(up_to, None, wall) {
                warn!(error = %e, "not settled yet");
            }
            post.plan.stored(&[], self.spool.settled());
        }
    }

    /// Sends again what the collector lost; what is not here any more cannot be sent, then a new epoch says so.
    fn resend(&mut self, receipt: &Receipt, was_asked: bool) -> Result<(), String> {
        let settled = self.spool.settled();
        let again = missed(receipt, settled, was_asked, self.spool.here().map(|(place, ..)| place));
        let durable = receipt.durable_to.map(|known| known.place);
        let now_ms = now_ms(self.began);
        let Some(post) = &mut self.post else { return Ok(()) };
        let was_there_before = was_asked && post.ended_at.replace(durable) == Some(durable);
        if !again.is_empty() && !was_there_before {
            warn!(reports = again.len(), "the collector lost reports; they are sent again");
            post.plan.resend(again);
        }
        let is_behind = durable < settled && self.spool.waiting().next().is_none();
        let may_heal = post.healed_ms.is_none_or(|before| now_ms.saturating_sub(before) >= DAY_MS);
        if is_behind && was_there_before && may_heal {
            (post.ended_at, post.healed_ms) = (None, Some(now_ms));
            self.begin_epoch(EpochReason::Damaged, receipt.durable_to)?;
        }
        Ok(())
    }

    /// Leaves what `status` shows.
    pub(super) fn leave_delivery(&mut self) {
        let Some(post) = &mut self.post else { return };
        let (failures, trouble) = (post.plan.failures(), post.plan.trouble());
        if post.delivery.stands(failures, trouble) {
            match trouble {
                Some(trouble) => warn!(trouble = trouble.word(), meaning = trouble.sentence(), "no delivery"),
                None => info!("the collector answers"),
            }
        }
        if let Err(e) = self.spool.leave(DELIVERY, &post.delivery.octets()) {
            warn!(error = %e, "how delivery stands is not kept");
        }
    }
}

/// Between two epochs that a hole in the collector's archive costs, and two contradictions that are told.
const DAY_MS: u64 = 86_400_000;
