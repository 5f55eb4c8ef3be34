//! How well a sensor hears, from what was covered to what a provider is told: an interface that was away, a port of broadcasts, a
//! kernel without room, silence, a wrong clock, a chain that contradicts itself; each with its harmless twin.
//!
//! Counts as failure: a finding that is not opened, one that is opened on its trap, one that is called gone too early, a rebuild that
//! gives another. Does not: how soon within the hour.

use auscult_collector::ingest::{Answer, Limits};
use auscult_collector::store::SensorState;
use auscult_report::bounded::Bounded;
use auscult_report::coverage::{Coverage, Ear as Heard, EarRole, EarWay, RadioState, Sight};
use auscult_report::header::{Clock, Moment};
use auscult_report::payload::{
    EXTRA_CONTRADICTION, EpochReason, EpochStart, Extra, Extras, Farewell, FarewellReason, Full, Known, Payload, Place,
};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{SealedReport, Stamp};
use auscult_report::summary::Summary;
use auscult_report::time::{MS_PER_DAY, Timestamp, Window};
use auscult_tests::archive::{Ear, NOW, answers, send};
use auscult_tests::story::{HOUR, Story, at};

#[test]
fn an_interface_that_was_away_half_of_the_time_is_told_and_a_short_absence_is_not() {
    let mut away = Story::new();
    away.six_hours(0, &[ear(0, Sight::Router), Heard { deaf_s: 10_800, ..ear(1, Sight::Router) }]);
    assert_eq!(away.steps("sensor-deaf"), ["opened medium"], "half of what passed by was not heard");
    away.same_from_the_envelopes_alone();

    let mut short = Story::new();
    short.six_hours(0, &[ear(0, Sight::Router), Heard { deaf_s: 120, ..ear(1, Sight::Router) }]);
    assert_eq!(short.all(), [""; 0], "somebody changed a cable");
    // A radio that is missing is told by the coverage; nothing relies on it.
    let mut radio = Story::new();
    let missing = Heard { role: EarRole::Radio, way: EarWay::Monitor, deaf_s: 21_600, ..ear(1, Sight::Nothing) };
    radio.six_hours(0, &[ear(0, Sight::Router), missing]);
    assert_eq!(radio.all(), [""; 0]);
}

#[test]
fn frames_without_room_are_told_above_a_twentieth_and_a_burst_is_not() {
    let mut busy = Story::new();
    busy.six_hours(0, &[Heard { frames: 940_000, lost: 60_000, ..ear(0, Sight::Router) }]);
    assert_eq!(busy.steps("sensor-deaf"), ["opened low"]);
    busy.six_hours(6, &[Heard { frames: 300_000, lost: 400_000, ..ear(0, Sight::Router) }]);
    assert_eq!(busy.steps("sensor-deaf"), ["opened low", "worse medium"]);
    busy.same_from_the_envelopes_alone();

    let mut burst = Story::new();
    burst.six_hours(0, &[Heard { frames: 990_000, lost: 10_000, ..ear(0, Sight::Router) }]);
    assert_eq!(burst.all(), [""; 0]);
}

#[test]
fn it_is_gone_after_seven_days_that_were_heard_well_and_not_before() {
    let mut story = Story::new();
    let deaf = Heard { deaf_s: 10_800, ..ear(0, Sight::Router) };
    story.six_hours(0, &[deaf]);
    // A day later the losses of that day are forgotten; then seven days must be heard.
    for n in 1..31 {
        story.six_hours(n * 6, &[ear(0, Sight::Router)]);
        assert!(!story.steps("sensor-deaf").contains(&"fixed low".to_owned()), "after {} hours", n * 6);
    }
    story.six_hours(31 * 6, &[ear(0, Sight::Router)]);
    assert_eq!(story.steps("sensor-deaf"), ["opened medium", "milder low", "fixed low"]);
    story.six_hours(36 * 6, &[Heard { deaf_s: 21_600, ..deaf }]);
    assert_eq!(story.steps("sensor-deaf").last().map(String::as_str), Some("came back medium"));
    story.same_from_the_envelopes_alone();
}

#[test]
fn a_plain_port_is_told_after_a_day_and_a_mirror_port_in_a_closed_clinic_is_not() {
    let mut plain = Story::new();
    for n in 0..3 {
        plain.six_hours(n * 6, &[ear(0, Sight::Broadcast)]);
        assert_eq!(plain.all(), [""; 0], "{n}");
    }
    plain.six_hours(18, &[ear(0, Sight::Own)]);
    assert_eq!(plain.steps("sensor-deaf"), ["opened low"]);
    plain.same_from_the_envelopes_alone();

    let mut closed = Story::new();
    closed.six_hours(0, &[ear(0, Sight::Mirror)]);
    // From Friday evening to Tuesday morning nobody works.
    for n in 1..15 {
        closed.six_hours(n * 6, &[ear(0, Sight::Broadcast)]);
    }
    closed.six_hours(15 * 6, &[ear(0, Sight::Mirror)]);
    assert_eq!(closed.all(), [""; 0]);
}

#[test]
fn silence_is_told_after_26_hours_and_grows_and_a_late_spool_ends_it() {
    let mut story = Story::new();
    story.six_hours(0, &[ear(0, Sight::Router)]);
    story.look(6 + 25);
    assert_eq!(story.all(), [""; 0], "a planned outage of a day");
    story.look(6 + 26);
    assert_eq!(story.steps("sensor-silent"), ["opened low"]);
    for hours in 27..400 {
        story.look(6 + hours);
    }
    assert_eq!(story.steps("sensor-silent"), ["opened low", "worse medium", "worse high"]);
    let told: Vec<u64> = story.moments("sensor-silent").iter().map(|at| at.since_ms(NOW) / HOUR - 6).collect();
    assert_eq!(told, [26, 50, 168]);
    // The carrier is back: what waited in the spool comes at once.
    let waited: Vec<SealedReport> = (1..10).map(|n| story.ear.say(&whole(n * 6, &[ear(0, Sight::Router)]))).collect();
    story.send(406, &waited);
    assert_eq!(story.steps("sensor-silent").last().map(String::as_str), Some("fixed high"));
    assert_eq!(story.steps("sensor-clock-wrong"), [""; 0], "late is not wrong");
    story.same_from_the_envelopes_alone();
}

#[test]
fn silence_that_nobody_looked_at_is_judged_as_of_its_hours() {
    let mut story = Story::new();
    story.six_hours(0, &[ear(0, Sight::Router)]);
    // The archive was off for ten days as well.
    story.look(246);
    let told: Vec<u64> = story.moments("sensor-silent").iter().map(|at| at.since_ms(NOW) / HOUR - 6).collect();
    assert_eq!(told, [26, 50, 168]);
    story.same_from_the_envelopes_alone();
}

#[test]
fn nobody_waits_for_a_sensor_that_said_farewell_or_was_shut_out() {
    let mut left = Story::new();
    left.six_hours(0, &[ear(0, Sight::Router)]);
    let farewell = Farewell { reason: FarewellReason::Decommissioned, ext: Extras::new() };
    let last = left.ear.say(&Payload::Farewell(farewell));
    left.send(7, &[last]);
    left.look(300);
    assert_eq!(left.all(), [""; 0]);

    let mut out = Story::new();
    out.six_hours(0, &[ear(0, Sight::Router)]);
    out.clinic.set_state(out.ear.id(), SensorState::Revoked, "replaced", at(8)).unwrap();
    out.look(300);
    assert_eq!(out.all(), [""; 0]);

    let mut mute = Story::new();
    mute.ear = Ear::enrolled(&mute.clinic, 2);
    mute.look(27);
    assert_eq!(mute.steps("sensor-silent"), ["opened low"], "let in, and never heard of");
}

#[test]
fn a_wrong_clock_is_told_and_one_that_is_set_after_the_start_is_not() {
    let mut wrong = Story::new();
    let behind = |hours: u64| Timestamp(at(hours).0 - 600_000);
    for hours in [1, 2, 4] {
        wrong.clocked(hours, 1, hours, behind(hours));
    }
    assert_eq!(wrong.steps("sensor-clock-wrong"), ["opened low"]);
    wrong.clocked(5, 1, 5, Timestamp(at(5).0 - 200_000));
    assert_eq!(wrong.steps("sensor-clock-wrong"), ["opened low"], "better is not well");
    wrong.clocked(6, 1, 6, Timestamp(at(6).0 - 2_000));
    assert_eq!(wrong.steps("sensor-clock-wrong"), ["opened low", "fixed low"]);
    wrong.clocked(7, 1, 7, Timestamp(at(7).0 + 2 * MS_PER_DAY));
    assert_eq!(wrong.steps("sensor-clock-wrong").last().map(String::as_str), Some("came back medium"));
    wrong.same_from_the_envelopes_alone();

    // A router without a battery: it begins in 1970, and its time server answers within the hour.
    let mut router = Story::new();
    router.clocked(1, 2, 0, Timestamp(40_000));
    for hours in 2..12 {
        router.clocked(hours, 2, hours, at(hours));
    }
    assert_eq!(router.all(), [""; 0]);
    // Its battery is as empty at the next start.
    router.clocked(13, 3, 0, Timestamp(40_000));
    router.clocked(14, 3, 1, at(14));
    router.clocked(15, 3, 2, at(15));
    assert_eq!(router.all(), [""; 0]);
}

#[test]
fn a_chain_that_contradicts_itself_is_told_until_a_person_explains_it_and_a_restored_disk_is_none() {
    let mut story = Story::new();
    story.six_hours(0, &[ear(0, Sight::Router)]);
    // Two devices with one key: both say what comes next.
    let head = story.ear.head;
    let one = story.ear.say(&whole(6, &[ear(0, Sight::Router)]));
    story.ear.head = head;
    let other = story.ear.say(&whole(6, &[ear(0, Sight::Broadcast)]));
    story.send(12, &[one]);
    assert_eq!(story.all(), [""; 0]);
    let items = send(&story.archive.door(Limits::default()), &[other], at(13));
    assert_eq!(answers(&items), [Answer::Done(Outcome::Conflict)]);
    story.look(13);
    assert_eq!(story.steps("report-chain-broken"), ["opened high"]);
    story.look(13 + 24 * 20);
    assert_eq!(story.steps("report-chain-broken").len(), 1, "no time makes it good");
    assert_eq!(story.steps("sensor-silent"), [""; 0], "it is not listened to");
    story.clinic.set_state(story.ear.id(), SensorState::Active, "box replaced", at(500)).unwrap();
    story.look(500);
    assert_eq!(story.steps("report-chain-broken"), ["opened high", "fixed high"]);
    story.same_from_the_envelopes_alone();

    // A disk was restored: the sensor sees that its head is old, and goes on in a new epoch.
    let mut restored = Story::new();
    restored.six_hours(0, &[ear(0, Sight::Router)]);
    let head = restored.ear.head.unwrap();
    let last = Some(Known { place: head.place, hash: head.hash });
    let begins = EpochStart { reason: EpochReason::HeadOld, last, ext: Extras::new() };
    let stamp = restored.ear.stamp();
    let place = Place { epoch: head.place.epoch + 1, seq: 0 };
    let start = Stamp { place, prev: head.hash, ..stamp };
    let begins = SealedReport::seal(&restored.ear.key, &start, &Payload::EpochStart(begins)).unwrap();
    restored.ear.hold(&begins);
    restored.send(8, &[begins]);
    restored.six_hours(6, &[ear(0, Sight::Router)]);
    assert_eq!(restored.all(), [""; 0]);
}

#[test]
fn a_ledger_that_contradicts_itself_breaks_the_chain_too() {
    let mut story = Story::new();
    let mut payload = whole(0, &[ear(0, Sight::Router)]);
    let Payload::Full(full) = &mut payload else { unreachable!() };
    let note = Extra { tag: EXTRA_CONTRADICTION, octets: b"another ledger".to_vec().try_into().unwrap() };
    full.ext = Bounded::first_of(full.ext.iter().cloned().chain([note]).collect()).0;
    story.say(6, &payload);
    assert_eq!(story.steps("report-chain-broken"), ["opened high"]);
    story.same_from_the_envelopes_alone();
}

#[test]
fn what_was_not_heard_ends_no_finding_by_silence() {
    use auscult_report::fact::Fact;
    use auscult_report::subject::{Bssid, Subject};
    use auscult_report::terms::{WifiOwner, WifiSecurity};
    let network = |story: &mut Story| {
        let mut payload = whole(0, &[ear(0, Sight::Router)]);
        let Payload::Full(full) = &mut payload else { unreachable!() };
        let facts = [
            (Fact::WifiOwner(WifiOwner::Own), 1),
            (Fact::WifiSecurity(WifiSecurity::Open), 1),
            (Fact::WifiBeacon, 500),
        ];
        let subject = Subject::Wireless(Bssid([2, 0, 0, 0, 0, 1]));
        let seen = |(fact, count)| auscult_report::summary::Sighting {
            count,
            ..auscult_tests::archive::sighting(subject, fact, 0)
        };
        full.summary.sightings = Bounded::first_of(facts.map(seen).to_vec()).0;
        story.say(6, &payload);
    };
    let (mut deaf, mut well) = (Story::new(), Story::new());
    network(&mut deaf);
    network(&mut well);
    for n in 1..40 {
        deaf.six_hours(n * 6, &[Heard { deaf_s: 21_600, ..ear(0, Sight::Router) }]);
        well.six_hours(n * 6, &[ear(0, Sight::Router)]);
    }
    assert_eq!(well.steps("wifi-open-network").len(), 2, "seven days were listened to");
    assert_eq!(deaf.steps("wifi-open-network").len(), 1, "nobody listened");
}

/// One clinic with one sensor.
trait Hours {
    fn six_hours(&mut self, hour: u64, ears: &[Heard]);
    fn clocked(&mut self, hour: u64, boot: u8, up: u64, wall: Timestamp);
}

impl Hours for Story {
    /// Six hours from an hour on were covered so; the report comes at their end.
    fn six_hours(&mut self, hour: u64, ears: &[Heard]) {
        self.say(hour + 6, &whole(hour, ears));
    }

    /// A report with this moment: run of the system, hours of uptime, clock.
    fn clocked(&mut self, hour: u64, boot: u8, up: u64, wall: Timestamp) {
        let stamp = self.ear.stamp();
        let moment = Moment { boot: [boot; 8], mono_ms: up * HOUR, wall, clock: Clock::Unset };
        let payload = Payload::Full(Full::default());
        let report = SealedReport::seal(&self.ear.key, &Stamp { moment, ..stamp }, &payload).unwrap();
        self.ear.hold(&report);
        self.send(hour, &[report]);
    }
}

/// A whole report of six hours that were covered so.
fn whole(hour: u64, ears: &[Heard]) -> Payload {
    let coverage = Coverage {
        seconds: 21_600,
        off_s: Some(0),
        blocked_s: 0,
        jumped_ahead_s: 0,
        jumped_back_s: 0,
        radio: RadioState::None,
        ears: Bounded::first_of(ears.to_vec()).0,
        faults: Bounded::new(),
    };
    let mut summary = Summary { window: Window { from: at(hour), to: at(hour + 6) }, ..Summary::default() };
    summary.counters.frames = 1_000;
    Payload::Full(Full { summary, ext: vec![coverage.extra().unwrap()].try_into().unwrap() })
}

fn ear(number: u8, sight: Sight) -> Heard {
    Heard {
        number,
        role: EarRole::Lan,
        way: EarWay::Ring,
        sight,
        heard: true,
        frames: 100_000,
        lost: 0,
        deaf_s: 0,
        group: 500,
        foreign: 99_000,
        conversations: 100,
        both_sides: 99,
    }
}
