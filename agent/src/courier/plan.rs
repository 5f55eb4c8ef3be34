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
    /// Those that were sent again since the head was asked for: once is enough.
    resent: BTreeSet<Place>,
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
            resent: BTreeSet::new(),
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
        if errand == Errand::Alive {
            self.resent.clear();
        }
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

    /// The collector misses these: they are sent again, but each only once until the head is asked for again.
    pub fn resend(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            if self.resent.insert(place) {
                self.again.insert(place);
            }
        }
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

    /// Whether a sign of life is due.
    #[must_use]
    pub const fn wants_to_speak(&self) -> bool {
        !self.stopped && (self.asks || self.beats)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::courier::retry::{Silence, Standing, Status};
    use auscult_report::bounded::Bounded;

    const MINUTE_MS: u64 = 60_000;

    fn place(seq: u64) -> Place {
        Place { epoch: 0, seq }
    }

    fn status(code: u16) -> Answer {
        Answer::Status(Status { code, ..Status::default() })
    }

    fn receipt() -> Answer {
        let receipt = Receipt { next_contact_s: 900, ..Receipt::default() };
        Answer::Status(Status { code: 200, receipt: Some(Box::new(receipt)), ..Status::default() })
    }

    fn grant() -> Answer {
        let grant = Grant { certificate: Bounded::new(), trust: None, ext: Bounded::new() };
        Answer::Status(Status { code: 200, grant: Some(Box::new(grant)), ..Status::default() })
    }

    fn standing(word: &[u8]) -> Answer {
        Answer::Status(Status { code: 403, standing: Standing::read(word), ..Status::default() })
    }

    /// A daemon around a plan: reports on its disk, time that obeys, an errand counted for every request.
    struct World {
        plan: Plan,
        now_ms: u64,
        random: u64,
        here: Vec<(Place, Kind, u64)>,
        settled: Option<Place>,
        errands: Vec<(u64, Errand)>,
    }

    impl World {
        fn new(kinds: &[Kind]) -> World {
            let here = kinds.iter().zip(0..).map(|(kind, seq)| (place(seq), *kind, 1_000)).collect();
            World { plan: Plan::new(2, true), now_ms: 0, random: 1, here, settled: None, errands: Vec::new() }
        }

        fn next(&mut self) -> Option<Errand> {
            let errand = self.plan.next(self.now_ms, self.settled, self.here.iter().copied())?;
            self.errands.push((self.now_ms, errand.clone()));
            Some(errand)
        }

        fn reports(&mut self) -> Vec<u64> {
            match self.next() {
                Some(Errand::Reports(places)) => places.iter().map(|p| p.seq).collect(),
                other => panic!("{other:?}"),
            }
        }

        /// Takes an answer as the daemon does; a receipt names everything that was sent.
        fn after(&mut self, answer: Answer) -> Told {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let told = self.plan.after(answer, self.now_ms, self.random >> 16);
            match &told {
                Told::Receipt(Errand::Reports(places), _) => {
                    self.plan.stored(places, self.settled);
                    let waiting = self.here.iter().map(|(p, ..)| *p).filter(|p| Some(*p) > self.settled);
                    let up_to = waiting.take_while(|p| self.plan.held().contains(p)).last();
                    self.settled = self.settled.max(up_to);
                    self.plan.stored(&[], self.settled);
                }
                Told::Grant(_) => self.plan.granted(),
                _ => {}
            }
            told
        }

        /// Lets time pass up to when something may be sent.
        fn sleep(&mut self) {
            self.now_ms = self.plan.wakes_ms(self.now_ms).max(self.now_ms);
        }
    }

    const CHAIN: [Kind; 6] = [Kind::EpochStart, Kind::Full, Kind::Event, Kind::Changes, Kind::Event, Kind::Changes];

    #[test]
    fn the_head_is_asked_for_then_the_newest_event_leaves_then_the_chain_in_order() {
        let mut world = World::new(&CHAIN);
        assert_eq!(world.next(), Some(Errand::Alive));
        assert_eq!(world.next(), None, "one at a time");
        world.after(receipt());
        assert_eq!(world.reports(), [4, 2, 0, 1, 3, 5]);
        world.after(receipt());
        assert_eq!(world.settled, Some(place(5)));
        assert_eq!(world.next(), None);
        world.sleep();
        assert_eq!(
            (world.now_ms, world.next()),
            (900_000, Some(Errand::Alive)),
            "when the collector wants to hear of us"
        );
        world.after(receipt());
        world.plan.beat();
        assert_eq!(world.next(), Some(Errand::Alive), "a window brought nothing");
    }

    #[test]
    fn a_batch_keeps_its_bounds_and_leaves_nothing_out() {
        let mut world = World::new(&[Kind::Changes; 200]);
        for entry in &mut world.here {
            entry.2 = if entry.0.seq < 100 { 100 } else { 100_000 };
        }
        world.here[150].2 = 400_000;
        world.next();
        world.after(receipt());
        let mut sent = Vec::new();
        while world.settled != Some(place(199)) {
            let batch = world.reports();
            let octets: u64 = batch.iter().map(|seq| world.here[usize::try_from(*seq).unwrap()].2 + 4).sum();
            assert!(batch.len() <= 64 && (octets <= 262_144 || batch.len() == 1), "{batch:?}");
            sent.extend(batch);
            world.after(receipt());
        }
        assert_eq!(sent, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn two_hours_away_cost_nothing_and_the_pauses_are_spread() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        let (began, mut seq, mut pauses, mut addresses) = (world.now_ms, 6, Vec::new(), Vec::new());
        while world.now_ms < began + 120 * MINUTE_MS {
            if world.next().is_some() {
                addresses.push(world.plan.address());
                world.after(Answer::Silence(Silence::Unreachable));
                pauses.push(world.plan.wakes_ms(world.now_ms) - world.now_ms);
            }
            let window = began + (seq - 5) * 15 * MINUTE_MS;
            if world.plan.wakes_ms(world.now_ms) >= window {
                // A window ends meanwhile.
                world.now_ms = world.now_ms.max(window);
                world.here.push((place(seq), Kind::Changes, 1_000));
                seq += 1;
            } else {
                world.sleep();
            }
        }
        let requests = world.errands.len() - 1;
        assert!((12..60).contains(&requests), "{requests} requests in two hours");
        assert!(pauses.iter().all(|ms| *ms <= 15 * MINUTE_MS));
        assert!(
            pauses.iter().any(|ms| *ms < 5 * MINUTE_MS) && pauses.iter().any(|ms| *ms > 8 * MINUTE_MS),
            "{pauses:?}"
        );
        assert!(addresses.windows(2).all(|pair| pair[0] != pair[1]), "each address in turn");
        assert_eq!((world.settled, world.plan.trouble()), (None, Some(Trouble::Unreachable)));
        world.sleep();
        let all = world.reports();
        assert_eq!(all.len(), world.here.len(), "all of it, with the newest event first");
        assert_eq!(all[..3], [4, 2, 0]);
        world.after(receipt());
        assert_eq!((world.settled, world.plan.trouble()), (world.here.last().map(|(p, ..)| *p), None));
        assert_eq!(world.plan.failures(), 0);
    }

    #[test]
    fn while_nobody_approved_it_a_sensor_asks_for_its_certificate_and_for_nothing_else() {
        let mut world = World::new(&CHAIN);
        world.plan = Plan::new(1, false);
        for _ in 0..5 {
            assert_eq!(world.next(), Some(Errand::Renew));
            world.after(standing(b"pending\n"));
            assert_eq!(world.plan.trouble(), Some(Trouble::Pending));
            assert_eq!(world.next(), None, "not at once");
            world.sleep();
        }
        assert_eq!(world.next(), Some(Errand::Renew));
        assert!(matches!(world.after(grant()), Told::Grant(_)));
        assert_eq!(world.next(), Some(Errand::Alive));
        world.after(receipt());
        assert_eq!(world.reports().len(), 6);
    }

    #[test]
    fn a_certificate_that_is_not_taken_any_more_is_renewed_and_the_same_reports_are_sent() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        let before = world.reports();
        world.after(status(401));
        assert_eq!(world.next(), Some(Errand::Renew));
        world.after(grant());
        assert_eq!(world.reports(), before);
        world.after(status(401));
        assert_eq!(world.next(), None, "not for ever");
    }

    #[test]
    fn a_certificate_that_ends_soon_is_renewed_beside_the_reports_and_not_in_their_way() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        world.plan.renew(false);
        assert_eq!(world.next(), Some(Errand::Renew));
        world.after(status(503));
        world.plan.renew(false);
        assert_eq!(world.reports().len(), 6, "the one in hand is good");
        world.after(receipt());
        assert_eq!(world.next(), None);
        world.now_ms += 2 * HOUR_MS;
        assert_eq!(world.next(), Some(Errand::Renew));
        world.after(grant());
        world.plan.renew(true);
        world.after(receipt());
        assert_eq!(world.next(), Some(Errand::Renew), "its end is past");
    }

    #[test]
    fn a_revoked_sensor_asks_once_a_day_and_a_closed_one_never() {
        let mut world = World::new(&CHAIN);
        for day in 0..3 {
            assert_eq!(world.next(), Some(Errand::Alive));
            world.after(standing(b"revoked"));
            assert_eq!(world.plan.wakes_ms(world.now_ms), (day + 1) * 86_400_000);
            world.plan.hurry();
            assert_eq!(world.next(), None, "not even at the end");
            world.sleep();
        }
        world.next();
        world.after(standing(b"closed"));
        world.now_ms += 30 * 86_400_000;
        assert_eq!((world.next(), world.plan.wakes_ms(world.now_ms)), (None, u64::MAX));
    }

    #[test]
    fn a_captive_portal_settles_nothing_and_another_address_is_tried() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        world.reports();
        world.after(status(200));
        assert_eq!((world.plan.trouble(), world.plan.address()), (Some(Trouble::Stranger), 1));
        assert_eq!(world.settled, None);
        world.sleep();
        assert_eq!(world.reports().len(), 6);
    }

    #[test]
    fn a_batch_that_is_too_large_is_halved_down_to_the_one_that_is() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        let mut lengths = Vec::new();
        let told = loop {
            lengths.push(world.reports().len());
            if let Told::Fold(place) = world.after(status(413)) {
                break place;
            }
        };
        assert_eq!((lengths, told), (vec![6, 3, 1], place(4)));
    }

    #[test]
    fn a_single_report_is_kept_aside_after_three_refusals_and_pauses() {
        let mut world = World::new(&[Kind::Full]);
        world.next();
        world.after(receipt());
        for n in 0..3 {
            assert_eq!(world.reports(), [0]);
            let told = world.after(status(400));
            assert_eq!(matches!(told, Told::Park(_)), n == 2);
            world.sleep();
        }
    }

    #[test]
    fn where_the_quota_is_used_up_only_events_leave_until_a_receipt() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        world.reports();
        world.after(status(429));
        assert_eq!(world.plan.trouble(), Some(Trouble::Quota));
        world.sleep();
        assert_eq!(world.reports(), [4, 2]);
        world.after(receipt());
        assert_eq!(world.reports(), [0, 1, 3, 5]);
    }

    #[test]
    fn a_collector_that_does_not_understand_is_asked_in_minutes_and_not_at_once() {
        let mut world = World::new(&CHAIN);
        world.random = 0x1234_5678_9abc;
        world.next();
        world.after(receipt());
        world.reports();
        world.after(status(415));
        assert_eq!(world.plan.trouble(), Some(Trouble::Refused));
        assert!(world.plan.wakes_ms(0) > 10_000, "{}", world.plan.wakes_ms(0));
        assert_eq!(world.next(), None);
    }

    #[test]
    fn a_collector_that_names_nothing_is_not_flooded() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        for n in 0..6 {
            assert_eq!(world.reports().len(), 6);
            let told = world.plan.after(receipt(), world.now_ms, u64::MAX);
            assert!(matches!(told, Told::Receipt(..)));
            world.plan.barren(world.now_ms, 4_999);
            assert_eq!(world.plan.wakes_ms(world.now_ms) - world.now_ms, 4_999, "{n}");
            world.sleep();
        }
        assert_eq!((world.plan.trouble(), world.plan.failures()), (Some(Trouble::Busy), 6));
    }

    #[test]
    fn what_was_named_before_one_that_was_not_is_held_and_not_sent_twice() {
        let mut world = World::new(&CHAIN);
        world.next();
        world.after(receipt());
        world.reports();
        let _ = world.plan.after(receipt(), 0, 0);
        world.plan.stored(&[place(0), place(4), place(2)], None);
        assert_eq!(world.reports(), [1, 3, 5]);
        let _ = world.plan.after(receipt(), 0, 0);
        world.settled = Some(place(3));
        world.plan.stored(&[place(1), place(3)], world.settled);
        assert_eq!(world.plan.held().iter().map(|p| p.seq).collect::<Vec<_>>(), [4]);
        assert_eq!(world.reports(), [5]);
    }

    #[test]
    fn settled_reports_that_the_collector_lost_are_sent_again_once() {
        let mut world = World::new(&CHAIN);
        world.settled = Some(place(5));
        world.next();
        world.after(receipt());
        world.plan.resend([place(1), place(3)]);
        assert_eq!(world.reports(), [1, 3]);
        world.after(receipt());
        world.plan.resend([place(1), place(3)]);
        assert_eq!(world.next(), None, "a collector that says it lost them all the same is not flooded");
        world.plan.ask();
        world.next();
        world.after(receipt());
        world.plan.resend([place(1), place(3)]);
        assert_eq!(world.reports(), [1, 3]);
    }
}
