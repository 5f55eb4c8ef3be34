//! What is sent next, and when: a state machine without clock, socket and disk. Time (milliseconds that only grow) and random
//! numbers are arguments.
//!
//! At the start the head is asked for (a sign of life). Then the newest event first, the others behind it, then the chain in
//! order; one request at a time. A sign of life where a window brought nothing, and when the collector wants to hear of us.
//! Keeps: which reports a receipt named, until the spool is settled up to them. Drops: nothing: what was not named by a
//! receipt is sent again.

use crate::courier::retry::{Answer, Move, Retry, pause_ms};
use crate::courier::trouble::Trouble;
use auscult_report::batch::MAX_BATCH_OCTETS;
use auscult_report::payload::{Kind, Place};
use auscult_report::receipt::{MAX_BATCH, Receipt};
use auscult_report::renew::Grant;
use std::collections::BTreeSet;

/// What the courier knows between two requests.
pub struct Plan {
    retry: Retry,
    trouble: Option<Trouble>,
    /// What is under way.
    out: Option<Errand>,
    /// Nothing is sent before.
    not_before_ms: u64,
    /// Then the collector wants to hear of us.
    contact_ms: u64,
    /// The head is asked for before anything else is sent.
    asks: bool,
    /// A sign of life is wanted.
    beats: bool,
    renew: Renew,
    events_only: bool,
    stopped: bool,
    /// Reports of the next batch.
    most: usize,
    /// Named as stored, in front of them one that was not: the spool is not settled up to them yet.
    held: BTreeSet<Place>,
    /// Settled ones that the collector misses.
    again: BTreeSet<Place>,
    /// Receipts in a row that brought nothing on.
    barren: u32,
}

/// Whether a certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renew {
    No,
    /// The one in hand is still good: beside the reports, not in their way, and not before this.
    Soon(u64),
    /// Without it nothing else can be sent.
    Now,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Ask for a certificate.
    Renew,
    /// Give a sign of life.
    Alive,
    /// Deliver these reports, in this order.
    Reports(Vec<Place>),
}

/// What an answer leaves to be done.
#[derive(Debug)]
pub enum Told {
    /// Nothing; [`Plan::next`] says what is next.
    Nothing,
    /// A receipt for this errand.
    Receipt(Errand, Box<Receipt>),
    /// A certificate.
    Grant(Box<Grant>),
    /// This report is refused for its form.
    Park(Place),
    /// This report is too large on its way.
    Fold(Place),
}

impl Plan {
    /// At a start: for so many addresses, with a certificate or without.
    #[must_use]
    pub const fn new(addresses: usize, has_certificate: bool) -> Plan {
        Plan {
            retry: Retry::new(addresses),
            trouble: None,
            out: None,
            not_before_ms: 0,
            contact_ms: u64::MAX,
            asks: true,
            beats: false,
            renew: if has_certificate { Renew::No } else { Renew::Now },
            events_only: false,
            stopped: false,
            most: MAX_BATCH,
            held: BTreeSet::new(),
            again: BTreeSet::new(),
            barren: 0,
        }
    }

    /// What is sent now, if anything. `here` are the reports on the disk in the order of the chain, up to `settled` settled.
    pub fn next(
        &mut self,
        now_ms: u64,
        settled: Option<Place>,
        here: impl Iterator<Item = (Place, Kind, u64)>,
    ) -> Option<Errand> {
        if self.out.is_some() || self.stopped || now_ms < self.not_before_ms {
            return None;
        }
        let errand = match self.renew {
            Renew::Now => Errand::Renew,
            Renew::Soon(from_ms) if now_ms >= from_ms => Errand::Renew,
            _ if self.asks => Errand::Alive,
            _ => match self.choose(settled, here) {
                chosen if !chosen.is_empty() => Errand::Reports(chosen),
                _ if self.beats || now_ms >= self.contact_ms => Errand::Alive,
                _ => return None,
            },
        };
        self.out = Some(errand.clone());
        Some(errand)
    }

    /// The reports of a batch: events, the newest first; then the chain.
    fn choose(&self, settled: Option<Place>, here: impl Iterator<Item = (Place, Kind, u64)>) -> Vec<Place> {
        let due =
            here.filter(
                |(place, ..)| {
                    if Some(*place) > settled { !self.held.contains(place) } else { self.again.contains(place) }
                },
            );
        let (mut events, chain): (Vec<_>, Vec<_>) = due.partition(|(_, kind, _)| *kind == Kind::Event);
        events.reverse();
        let (mut chosen, mut octets) = (Vec::new(), 0usize);
        let room = u64::try_from(MAX_BATCH_OCTETS).unwrap_or(u64::MAX);
        let chain = chain.into_iter().filter(|_| !self.events_only);
        for (place, _, length) in events.into_iter().chain(chain).take(self.most.min(MAX_BATCH)) {
            let length = usize::try_from(length.saturating_add(4).min(room)).unwrap_or(usize::MAX);
            octets = octets.saturating_add(length);
            if octets > MAX_BATCH_OCTETS && !chosen.is_empty() {
                break;
            }
            chosen.push(place);
        }
        chosen
    }

    /// When [`Plan::next`], which had nothing, may have something without anything happening meanwhile.
    #[must_use]
    pub fn wakes_ms(&self, now_ms: u64) -> u64 {
        match self.renew {
            _ if self.out.is_some() || self.stopped => u64::MAX,
            _ if self.not_before_ms > now_ms => self.not_before_ms,
            Renew::Soon(from_ms) => self.contact_ms.min(from_ms),
            _ => self.contact_ms,
        }
    }

    /// What an answer to what is under way leaves to be done.
    #[must_use]
    pub fn after(&mut self, answer: Answer, now_ms: u64, random: u64) -> Told {
        let Some(errand) = self.out.take() else { return Told::Nothing };
        let reports = if let Errand::Reports(places) = &errand { places.len() } else { 0 };
        if errand == Errand::Renew && matches!(self.renew, Renew::Soon(_)) {
            return self.after_early_renewal(answer, now_ms, random);
        }
        let trouble = Trouble::of(&answer);
        let next = self.retry.after(answer, reports, random);
        self.trouble = match next {
            Move::Settle(_) | Move::Take(_) | Move::Halve => None,
            _ => Some(trouble),
        };
        match next {
            Move::Settle(receipt) => return self.settles(errand, receipt, now_ms),
            Move::Take(grant) => return Told::Grant(grant),
            Move::Halve => self.most = (reports / 2).max(1),
            Move::Park | Move::Fold => {
                if let (Errand::Reports(places), is_park) = (&errand, matches!(next, Move::Park))
                    && let Some(place) = places.first()
                {
                    return if is_park { Told::Park(*place) } else { Told::Fold(*place) };
                }
            }
            Move::Renew => self.renew = Renew::Now,
            Move::AskHead => {
                self.asks = true;
                self.pause(now_ms, ASK_AFTER_MS);
            }
            Move::Again { after_ms, events_only } => {
                self.events_only |= events_only;
                self.pause(now_ms, after_ms);
            }
            // One form is all that this program has: a person has to update it, or the collector.
            Move::Recode => self.pause(now_ms, pause_ms(RECODE_STEPS, random)),
            Move::Poll { after_ms } => self.pause(now_ms, after_ms),
            Move::Rest { after_ms } => {
                self.asks = true;
                self.pause(now_ms, after_ms);
            }
            Move::Stop => self.stopped = true,
        }
        Told::Nothing
    }

    fn settles(&mut self, errand: Errand, receipt: Box<Receipt>, now_ms: u64) -> Told {
        let contact_s = u64::from(receipt.next_contact_s).clamp(SHORTEST_CONTACT_S, LONGEST_CONTACT_S);
        self.contact_ms = now_ms.saturating_add(contact_s.saturating_mul(1_000));
        (self.asks, self.beats) = (false, false);
        (self.events_only, self.most) = (false, MAX_BATCH);
        Told::Receipt(errand, receipt)
    }

    /// While the certificate in hand is good, nothing waits for the next one.
    fn after_early_renewal(&mut self, answer: Answer, now_ms: u64, random: u64) -> Told {
        match answer {
            Answer::Status(status) if status.code == 200 && status.grant.is_some() => match status.grant {
                Some(grant) => Told::Grant(grant),
                None => Told::Nothing,
            },
            _ => {
                self.renew = Renew::Soon(now_ms.saturating_add(HOUR_MS).saturating_add(random % HOUR_MS));
                Told::Nothing
            }
        }
    }

    fn pause(&mut self, now_ms: u64, after_ms: u64) {
        self.not_before_ms = now_ms.saturating_add(after_ms);
    }

    /// A certificate was taken: what it was in the way of is next.
    pub fn granted(&mut self) {
        (self.renew, self.trouble) = (Renew::No, None);
    }

    /// What came was not usable, or what was to be sent could not be made: as if nothing had come.
    pub fn useless(&mut self, now_ms: u64, random: u64) {
        self.out = None;
        self.barren = self.barren.saturating_add(1);
        self.trouble = Some(Trouble::Refused);
        self.pause(now_ms, pause_ms(self.barren, random));
    }

    /// These reports were named as stored. `settled` is up to where the spool is settled now.
    pub fn stored(&mut self, places: &[Place], settled: Option<Place>) {
        for place in places {
            self.again.remove(place);
            self.held.insert(*place);
        }
        self.held.retain(|place| Some(*place) > settled);
        if !places.is_empty() {
            self.barren = 0;
        }
    }

    /// A receipt for reports named none of them: the collector keeps nothing now.
    pub fn barren(&mut self, now_ms: u64, random: u64) {
        self.trouble = Some(Trouble::Busy);
        self.pause(now_ms, pause_ms(self.barren, random));
        self.barren = self.barren.saturating_add(1);
    }

    /// Which reports were named as stored and not settled yet.
    #[must_use]
    pub const fn held(&self) -> &BTreeSet<Place> {
        &self.held
    }

    /// The collector misses these: they are sent again.
    pub fn resend(&mut self, places: impl IntoIterator<Item = Place>) {
        self.again.extend(places);
    }

    /// A window brought nothing.
    pub const fn beat(&mut self) {
        self.beats = true;
    }

    /// The head is to be asked for before anything else.
    pub const fn ask(&mut self) {
        self.asks = true;
    }

    /// The certificate in hand ends soon, or has ended.
    pub fn renew(&mut self, is_over: bool) {
        self.renew = match (self.renew, is_over) {
            (_, true) => Renew::Now,
            (Renew::No, false) => Renew::Soon(0),
            (before, false) => before,
        };
    }

    /// The collector has so many addresses now.
    pub fn addresses(&mut self, count: usize) {
        self.retry.addresses(count);
    }

    /// Which address is in turn.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.retry.address()
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.retry.failures().saturating_add(self.barren)
    }

    /// Why nothing is delivered, if nothing is.
    #[must_use]
    pub const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether a request is under way.
    #[must_use]
    pub const fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// The end is near: what waits for the end of a pause is tried now, unless the collector told us to stay away.
    pub fn hurry(&mut self) {
        if !matches!(self.trouble, Some(Trouble::Revoked | Trouble::Pending | Trouble::Quota)) {
            self.not_before_ms = 0;
        }
    }
}

/// Between a 409 and the question where the chain stands.
const ASK_AFTER_MS: u64 = 5_000;
/// A newer agent does not come within seconds.
const RECODE_STEPS: u32 = 10;
/// The collector may not ask for more than this ...
const SHORTEST_CONTACT_S: u64 = 10;
/// ... nor for less: a mistake there must not silence a clinic for days.
const LONGEST_CONTACT_S: u64 = 21_600;
const HOUR_MS: u64 = 3_600_000;
