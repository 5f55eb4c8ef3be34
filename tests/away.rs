//! A collector that is away for two hours of the sensor's clock, and comes back: the courier's plan, the spool and the windows as
//! the daemon drives them, with a clock that is an argument, against the door of an archive.
//!
//! Failure: a report that is neither in the archive nor told of by a Gap; a chain that does not hold; a sensor that asks more often
//! than the table of pauses says, or needs more than one pause to come back. Not a failure: events before the backlog.

use auscult_agent::courier::plan::{Errand, Plan, Told};
use auscult_agent::courier::retry::{Answer, Silence, Status};
use auscult_agent::courier::verdict::{Side, Verdict, settled_to};
use auscult_agent::identity::Identity;
use auscult_agent::spool::disk::SystemDisk;
use auscult_agent::spool::{Bounds, Spool};
use auscult_agent::window::Windows;
use auscult_collector::ingest::{Door, Limits, receipt};
use auscult_collector::store::{ClinicStore, SensorState};
use auscult_report::batch::batch;
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::header::{Clock, Moment};
use auscult_report::key::Hash;
use auscult_report::payload::{Kind, Known, Payload, Place};
use auscult_report::seal::SealedReport;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::{Timestamp, Window};
use auscult_tests::archive::{Archive, Dice, Folder, NOW, send, sighting};
use auscult_tests::books::Audit;
use auscult_tests::nest::Nest;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds.
const HOUR: u64 = 3_600;
/// The collector is away from here ...
const LEAVES: u64 = HOUR;
/// ... to here.
const RETURNS: u64 = 3 * HOUR;

#[test]
fn after_two_hours_without_a_collector_nothing_is_lost_and_events_come_first() {
    let mut sensor = Away::new("hours", 16 << 20);
    sensor.live(0..LEAVES);
    assert_eq!(sensor.waiting(), 0, "all is delivered while it is there");
    let before = sensor.tries.len();
    sensor.is_there = false;
    sensor.live(LEAVES..RETURNS);
    let backlog = sensor.waiting();
    assert!(backlog >= 8 + 2, "{backlog} wait");
    let pauses = sensor.pauses(before);
    sensor.is_there = true;
    sensor.live(RETURNS..RETURNS + 900 + 1);
    let (at, first) = sensor.first_after(RETURNS);
    let kinds: Vec<Kind> = first.iter().map(|place| sensor.kinds[place]).collect();
    let events = kinds.iter().take_while(|kind| **kind == Kind::Event).count();
    assert!(events == 2 && !kinds[events..].contains(&Kind::Event), "{kinds:?}");
    assert!(first[0] > first[1], "the newest event first");
    assert!(first[events..].is_sorted() && first.len() >= backlog, "then the chain, all of it in one contact");
    let audit = sensor.audit();
    assert!(audit.is_whole() && audit.kept == sensor.sealed.len(), "{audit:?}");
    assert_eq!(sensor.durable(), sensor.head());
    println!(
        "away for 2 h: {} attempts, the longest pause {} s; {backlog} reports waited, back {} s after it, {} in the first contact \
         ({events} events first), {} in all, 0 lost",
        pauses.len(),
        pauses.iter().max().unwrap(),
        at - RETURNS,
        first.len(),
        audit.kept
    );
}

#[test]
fn a_spool_that_is_too_small_for_two_hours_says_what_it_gave_up() {
    let mut sensor = Away::new("small", 3_200);
    sensor.live(0..LEAVES);
    sensor.is_there = false;
    sensor.live(LEAVES..RETURNS);
    sensor.is_there = true;
    sensor.live(RETURNS..RETURNS + 1_800 + 1);
    assert_eq!((sensor.durable(), sensor.waiting()), (sensor.head(), 0), "its chain holds over the gap");
    let kept = sensor.kept();
    let lost: BTreeSet<Place> =
        sensor.sealed.iter().filter(|(_, hash)| !kept.contains(*hash)).map(|(place, _)| *place).collect();
    let told = sensor.told();
    assert!(!lost.is_empty() && lost.iter().all(|place| told.contains(place)), "{lost:?} of {told:?}");
    assert!(told.iter().all(|place| sensor.sealed.contains_key(place)), "what was never there was given up");
    println!("{} reports sealed, {} given up, each named by a gap", sensor.sealed.len(), lost.len());
}

/// A sensor and its collector, with one clock.
struct Away {
    archive: Archive,
    door: Door,
    clinic: ClinicStore,
    identity: Identity,
    spool: Spool,
    windows: Windows,
    plan: Plan,
    dice: Dice,
    is_there: bool,
    sealed: BTreeMap<Place, Hash>,
    kinds: BTreeMap<Place, Kind>,
    /// Each attempt: when, and what.
    tries: Vec<(u64, Vec<Place>)>,
    _folders: (Folder, Nest),
}

impl Away {
    fn new(name: &str, octets: u64) -> Away {
        let (folder, nest) = (Folder::new(), Nest::new(name));
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let mut identity = nest.identity();
        identity.belong(clinic.clinic().unwrap().ledger).unwrap();
        clinic.put_sensor("main", &identity.public(), SensorState::Active, "test", NOW).unwrap();
        let bounds = Bounds { octets, keep_ms: 86_400_000 };
        let state = nest.folder.join("state");
        let (spool, _) = Spool::open(Box::new(SystemDisk), &state, bounds, &identity, moment(0)).unwrap();
        let mut away = Away {
            door: archive.door(Limits::default()),
            archive,
            clinic,
            identity,
            spool,
            windows: Windows::default(),
            plan: Plan::new(1, true),
            dice: Dice(0xfeed),
            is_there: true,
            sealed: BTreeMap::new(),
            kinds: BTreeMap::new(),
            tries: Vec::new(),
            _folders: (folder, nest),
        };
        away.look();
        away
    }

    /// Lives through these seconds: a window each quarter of an hour, each with news; an event each fifty minutes.
    fn live(&mut self, seconds: std::ops::Range<u64>) {
        for at in seconds {
            if at > 0 && at % 900 == 0 {
                self.archive.ledger.take_all(&self.clinic, time(at)).unwrap();
                let due = self.windows.close(window(at));
                due.into_iter().for_each(|payload| self.tell(&payload, at));
            }
            if at % 3_000 == 2_500 {
                self.windows.urge(&[news(at, Fact::DicomAccepted)], &[]);
            }
            let event = self.windows.event(time(at));
            event.into_iter().for_each(|payload| self.tell(&payload, at));
            self.send(at);
        }
    }

    fn tell(&mut self, payload: &Payload, at: u64) {
        let known = self.spool.append(&self.identity, payload, moment(at)).unwrap();
        self.windows.written(known.place, payload);
        self.look();
    }

    /// Every report that lies in the spool was sealed.
    fn look(&mut self) {
        for (place, kind, _) in self.spool.here() {
            self.kinds.insert(place, kind);
            let hash = self.spool.report(place).unwrap().hash();
            assert_eq!(*self.sealed.entry(place).or_insert(hash), hash, "a number used twice");
        }
    }

    /// What the daemon does when something is due.
    fn send(&mut self, at: u64) {
        let now_ms = at * 1_000;
        let here: Vec<(Place, Kind, u64)> = self.spool.here().collect();
        let Some(errand) = self.plan.next(now_ms, self.spool.settled(), here.into_iter()) else { return };
        let places = if let Errand::Reports(places) = &errand { places.clone() } else { Vec::new() };
        self.tries.push((at, places.clone()));
        let reports: Vec<SealedReport> = places.iter().map(|place| self.spool.report(*place).unwrap()).collect();
        assert_eq!(batch(reports.iter().map(SealedReport::octets)).1, reports.len(), "they fit into a batch");
        let answer = if self.is_there { self.answer(&reports, at) } else { Answer::Silence(Silence::Unreachable) };
        if let Told::Receipt(_, receipt) = self.plan.after(answer, now_ms, self.dice.roll()) {
            let sent: Vec<Known> =
                places.iter().zip(&reports).map(|(p, r)| Known { place: *p, hash: r.hash() }).collect();
            let side = Side { sent: &sent, head: self.spool.head().unwrap().known() };
            let verdict = Verdict::of(&receipt, &side, |place| self.spool.own(place));
            assert!(
                verdict.epoch.is_none() && verdict.refused.is_empty() && verdict.conflicts.is_empty(),
                "{verdict:?}"
            );
            self.plan.stored(&verdict.stored, self.spool.settled());
            let waiting = self.spool.waiting().map(|(place, _)| place);
            if let Some(up_to) = settled_to(waiting, |place| self.plan.held().contains(&place)) {
                self.spool.settle(up_to, None, time(at)).unwrap();
                self.plan.stored(&[], self.spool.settled());
            }
        }
    }

    fn answer(&self, reports: &[SealedReport], at: u64) -> Answer {
        let items = send(&self.door, reports, time(at));
        let receipt = receipt(&self.clinic, &self.archive.ledger, self.identity.sensor(), None, &items).unwrap();
        Answer::Status(Status { code: 200, receipt: Some(Box::new(receipt)), ..Status::default() })
    }

    /// The pauses between the attempts from one on; none is longer than the table says.
    fn pauses(&self, from: usize) -> Vec<u64> {
        let times: Vec<u64> = self.tries[from..].iter().map(|(at, _)| *at).collect();
        let pauses: Vec<u64> = times.windows(2).map(|two| two[1] - two[0]).collect();
        let mut bound = 5_000;
        for (n, pause) in pauses.iter().enumerate() {
            // A second is the step of this clock.
            assert!(*pause <= bound / 1_000 + 1, "pause {n} of {pause} s, the bound is {bound} ms");
            bound = (bound * 17 / 10).min(900_000);
        }
        assert!(pauses.len() >= 8 && pauses.len() < 100, "{pauses:?}");
        pauses
    }

    fn first_after(&self, second: u64) -> (u64, Vec<Place>) {
        self.tries.iter().find(|(at, _)| *at >= second).unwrap().clone()
    }

    fn waiting(&self) -> usize {
        self.spool.waiting().count()
    }

    fn head(&self) -> Option<Known> {
        self.spool.head().map(|h| h.known())
    }

    fn durable(&self) -> Option<Known> {
        let (durable, missing) = self.clinic.durable(self.identity.sensor()).unwrap();
        assert_eq!(missing, []);
        durable
    }

    fn audit(&self) -> Audit {
        self.archive.ledger.take_all(&self.clinic, time(RETURNS + HOUR)).unwrap();
        Audit::of(&self.clinic, &self.sealed.values().copied().collect(), &BTreeMap::new())
    }

    fn kept(&self) -> BTreeSet<Hash> {
        let reports = self.clinic.reports_after(self.identity.sensor(), 0, 10_000).unwrap();
        reports.iter().map(|kept| kept.hash).collect()
    }

    /// What gaps in the archive name.
    fn told(&self) -> BTreeSet<Place> {
        let reports = self.clinic.reports_after(self.identity.sensor(), 0, 10_000).unwrap();
        let gaps = reports.into_iter().filter_map(|kept| {
            let sealed = SealedReport::from_octets(kept.envelope?);
            let report = sealed.parse_frame().ok()?.verify(&self.identity.public()).ok()?;
            auscult_tests::nest::told(&report)
        });
        gaps.flat_map(|(epoch, from, to)| (from..=to).map(move |seq| Place { epoch, seq })).collect()
    }
}

fn time(second: u64) -> Timestamp {
    Timestamp(NOW.0 + second * 1_000)
}

fn moment(second: u64) -> Moment {
    Moment { boot: [1; 8], mono_ms: second * 1_000, wall: time(second), clock: Clock::Ntp }
}

/// A window with a host that was not heard before.
fn window(end: u64) -> Summary {
    let sightings = Bounded::first_of(vec![news(end, Fact::Medical)]).0;
    let mut summary = Summary { sightings, ..Summary::default() };
    summary.window = Window { from: time(end - 900), to: time(end) };
    summary.counters.frames = 1_000;
    summary
}

fn news(at: u64, fact: Fact) -> Sighting {
    let subject = match fact {
        Fact::Medical => Subject::Host(HostId(at)),
        _ => Subject::Service(HostId(at), auscult_report::subject::Transport::Tcp, 104),
    };
    sighting(subject, fact, at * 1_000)
}
