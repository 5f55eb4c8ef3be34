//! Findings over time: opened, worse, fixed by what was heard, fixed by silence that was really listened to, came back;
//! and the same again from the envelopes alone, however the reports came.

use auscult_collector::ingest::Limits;
use auscult_collector::judge::Judge;
use auscult_report::bounded::Bounded;
use auscult_report::fact::Fact;
use auscult_report::payload::{Changes, Event, Payload};
use auscult_report::seal::SealedReport;
use auscult_report::subject::{Bssid, Subject};
use auscult_report::summary::Sighting;
use auscult_report::terms::{WifiOwner, WifiSecurity};
use auscult_report::time::{MS_PER_DAY, Timestamp, Window};
use auscult_tests::archive::{Dice, NOW, full, send, sighting};
use auscult_tests::story::{HOUR, Story};

const RULE: &str = "wifi-open-network";

#[test]
fn a_network_is_opened_made_worse_closed_and_opened_again() {
    let mut story = Story::new();
    story.full(0, network(WifiSecurity::Open, false));
    assert_eq!(story.steps(RULE), ["opened medium"]);
    story.full(6, network(WifiSecurity::Open, true));
    assert_eq!(story.steps(RULE), ["opened medium", "worse critical"]);
    story.full(12, network(WifiSecurity::Wpa2Psk, false));
    assert_eq!(story.steps(RULE), ["opened medium", "worse critical", "fixed critical"]);
    assert_eq!(story.closed_by(), Some("heard".to_owned()));
    story.full(18, network(WifiSecurity::Open, false));
    assert_eq!(story.steps(RULE), ["opened medium", "worse critical", "fixed critical", "came back medium"]);
    assert_eq!(story.closed_by(), None);
    story.same_from_the_envelopes_alone();
}

#[test]
fn not_heard_is_not_gone_until_its_days_were_listened_to() {
    let mut story = Story::new();
    story.full(0, network(WifiSecurity::Open, false));
    for n in 1..28 {
        story.full(n * 6, Vec::new());
    }
    assert_eq!(story.steps(RULE), ["opened medium"], "six and three quarters of seven days");
    story.full(28 * 6, Vec::new());
    story.full(29 * 6, Vec::new());
    assert_eq!(story.steps(RULE), ["opened medium", "fixed medium"]);
    assert_eq!(story.closed_by(), Some("silence".to_owned()));
    story.same_from_the_envelopes_alone();
}

#[test]
fn days_without_an_ear_do_not_count_as_silence() {
    let mut story = Story::new();
    story.full(0, network(WifiSecurity::Open, false));
    // The sensor was off for a month, then heard a day of nothing.
    for n in 0..4 {
        story.full(30 * 24 + n * 6, Vec::new());
    }
    assert_eq!(story.steps(RULE), ["opened medium"]);
    story.same_from_the_envelopes_alone();
}

#[test]
fn changes_and_events_are_judged_at_once() {
    let mut story = Story::new();
    story.full(0, Vec::new());
    let sightings: Vec<Sighting> =
        network(WifiSecurity::Open, false).into_iter().map(|(f, n)| at(7 * HOUR, f, n)).collect();
    let window = Window { from: Timestamp(NOW.0 + 7 * HOUR), to: Timestamp(NOW.0 + 8 * HOUR) };
    story.say(7, &Payload::Event(Event { window, sightings: Bounded::first_of(sightings).0, ..Event::default() }));
    assert_eq!(story.steps(RULE), ["opened medium"]);
    story.same_from_the_envelopes_alone();

    let mut story = Story::new();
    story.full(0, network(WifiSecurity::Open, false));
    let base = story.ear.head.unwrap().place;
    let window = Window { from: Timestamp(NOW.0 + 6 * HOUR), to: Timestamp(NOW.0 + 7 * HOUR) };
    let closed = at(6 * HOUR, Fact::WifiSecurity(WifiSecurity::Wpa2Psk), 1);
    let change = Changes {
        window,
        base,
        sightings: Bounded::first_of(vec![closed]).0,
        ended: Bounded::first_of(vec![1]).0,
        ..Changes::default()
    };
    story.say(7, &Payload::Changes(change));
    assert_eq!(story.steps(RULE), ["opened medium", "fixed medium"]);
    story.same_from_the_envelopes_alone();
}

#[test]
fn a_restart_at_any_moment_and_any_order_give_the_same_findings() {
    let mut compared = 0;
    for seed in 1..=16 {
        let mut dice = Dice(seed * 7919);
        let mut story = Story::new();
        let mut reports: Vec<SealedReport> = Vec::new();
        for n in 0..40 {
            let hour = n * 6;
            let from = hour * HOUR;
            let payload = match dice.below(4) {
                0 => full(from, from + 6 * HOUR, Vec::new()),
                1 => full(from, from + 6 * HOUR, sightings(from, &network(WifiSecurity::Wpa2Psk, false))),
                2 => full(from, from + 6 * HOUR, sightings(from, &network(WifiSecurity::Open, dice.below(2) == 0))),
                _ => {
                    let window = Window { from: Timestamp(NOW.0 + from), to: Timestamp(NOW.0 + from + 6 * HOUR) };
                    let new = sightings(from, &network(WifiSecurity::Open, false));
                    let base = story.ear.head.map(|h| h.place).unwrap_or_default();
                    Payload::Changes(Changes {
                        window,
                        base,
                        sightings: Bounded::first_of(new).0,
                        ended: Bounded::first_of(vec![u16::try_from(dice.below(4)).unwrap()]).0,
                        ..Changes::default()
                    })
                }
            };
            reports.push(story.ear.say(&payload));
        }
        // Some neighbours change places, some come much later.
        for _ in 0..5 {
            let (a, b) = (dice.below(40), dice.below(40));
            reports.swap(usize::try_from(a).unwrap(), usize::try_from(b).unwrap());
        }
        let judge = Judge::new(&story.knowledge);
        for (n, report) in (0u64..).zip(&reports) {
            let now = Timestamp(NOW.0 + n * 6 * HOUR);
            send(&story.archive.door(Limits::default()), std::slice::from_ref(report), now);
            if dice.below(2) == 0 {
                judge.catch_up(&story.clinic, now).unwrap();
            }
        }
        let end = Timestamp(NOW.0 + 11 * MS_PER_DAY);
        judge.catch_up(&story.clinic, end).unwrap();
        story.now = end;
        story.same_from_the_envelopes_alone();
        compared += story.clinic.finding_steps(story.ear.id()).unwrap().len();
    }
    assert!(compared > 50, "only {compared} steps were compared");
    println!("16 stories of 40 reports out of order: {compared} steps, the same again from the envelopes");
}

#[test]
fn an_envelope_that_was_changed_is_counted_and_not_believed() {
    let mut story = Story::new();
    story.full(0, network(WifiSecurity::Open, false));
    let file = story.folder.0.join("archive.db");
    let data = rusqlite::Connection::open(file).unwrap();
    let changed = data
        .execute(
            "UPDATE report SET envelope = CAST(substr(envelope, 1, 300) || x'00' || substr(envelope, 302) AS BLOB)",
            [],
        )
        .unwrap();
    assert!(changed >= 2);
    let judge = Judge::new(&story.knowledge);
    let judgement = judge.rebuild(&story.clinic, story.now).unwrap();
    assert!(judgement.damaged >= 1, "{judgement:?}");
    assert_eq!(judge.findings(&story.clinic, true).unwrap().len(), 0);
}

/// What this clinic's stories tell.
trait Networks {
    fn full(&mut self, hour: u64, facts: Vec<(Fact, u32)>);
    fn closed_by(&self) -> Option<String>;
}

impl Networks for Story {
    /// The sensor heard these facts of the network in the six hours from `hour` on.
    fn full(&mut self, hour: u64, facts: Vec<(Fact, u32)>) {
        let from = hour * HOUR;
        self.say(hour + 6, &full(from, from + 6 * HOUR, sightings(from, &facts)));
    }

    fn closed_by(&self) -> Option<String> {
        let rows = self.clinic.judged(self.ear.id()).unwrap().1;
        rows.into_iter().find(|r| r.rule == RULE).unwrap().closed.map(|(_, by)| by)
    }
}

/// An own network: heard often, with this security.
fn network(security: WifiSecurity, medical: bool) -> Vec<(Fact, u32)> {
    let mut facts =
        vec![(Fact::WifiOwner(WifiOwner::Own), 1), (Fact::WifiSecurity(security), 1), (Fact::WifiBeacon, 500)];
    if medical {
        facts.push((Fact::WifiMedicalClient, 1));
    }
    facts
}

fn sightings(from: u64, facts: &[(Fact, u32)]) -> Vec<Sighting> {
    facts.iter().map(|(fact, count)| at(from, *fact, *count)).collect()
}

fn at(ms: u64, fact: Fact, count: u32) -> Sighting {
    Sighting { count, ..sighting(Subject::Wireless(Bssid([2, 0, 0, 0, 0, 1])), fact, ms) }
}
