//! What people plan and open, judged over time: reviews that are overdue, significant changes that nobody reviewed, notices that a law
//! wants soon; and what was heard in all, from the same reports.
//!
//! Counts as failure: a finding that comes too early, too late or not at all; one that does not go once what was due was done; another
//! answer from the envelopes and the statements alone; a saying without its statement.

use auscult_collector::judge::{Judge, WHOLE};
use auscult_collector::store::{Decision, PlanEvent};
use auscult_report::fact::Fact;
use auscult_report::leaf::LeafKind;
use auscult_report::payload::Payload;
use auscult_report::subject::{HostId, Subject, Transport};
use auscult_report::summary::{HostEntry, Sighting};
use auscult_report::terms::{Protocol, Role};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;
use auscult_tests::archive::{NOW, full, sighting};
use auscult_tests::story::{HOUR, Story};

#[test]
fn an_overdue_review_is_told_the_day_after_grows_and_ends_with_a_review() {
    let mut story = Story::new();
    story.says(0, "planned", "", Some(40), Some(365));
    story.day(40);
    assert_eq!(story.steps("review-overdue"), [""; 0], "the day itself is not over");
    // Nobody looked for half a year: each step is as of its day.
    story.day(180);
    assert_eq!(story.steps("review-overdue"), ["opened low", "worse medium", "worse high"]);
    assert_eq!(story.days("review-overdue"), [41, 55, 131]);
    story.says(0, "held", "changes", Some(180), None);
    story.day(181);
    assert_eq!(story.steps("review-overdue").len(), 3, "a look at the changes is no review of all");
    story.says(0, "held", WHOLE, Some(180), None);
    assert_eq!(story.steps("review-overdue").last().map(String::as_str), Some("fixed high"));
    story.day(180 + 365);
    assert_eq!(story.steps("review-overdue").len(), 4);
    story.day(180 + 366);
    assert_eq!(story.steps("review-overdue").last().map(String::as_str), Some("came back low"));
    story.same_from_the_envelopes_alone();
}

#[test]
fn a_significant_change_waits_thirty_days_for_a_review_and_no_longer() {
    let mut story = Story::new();
    // A sensor that falls silent is a hole in the evidence; it opens 26 hours later.
    story.hears(0, 6);
    story.day(31);
    assert_eq!(story.steps("significant-change-unreviewed"), [""; 0]);
    story.day(33);
    assert_eq!(story.steps("significant-change-unreviewed"), ["opened low"]);
    assert_eq!(story.days("significant-change-unreviewed"), [32], "thirty days behind the day on which it was silent");
    // That a person accepted what the sensor was silent for is no review of it.
    let silent =
        story.clinic.judged(story.ear.id()).unwrap().1.into_iter().find(|f| f.rule == "sensor-silent").unwrap();
    let planned = Decision {
        sensor: story.ear.id(),
        rule: silent.rule,
        subject: silent.subject,
        what: "accepted".to_owned(),
        reason: "the cabinet was moved, as planned".to_owned(),
        until: Some(Timestamp(story.now.0 + 90 * MS_PER_DAY)),
        severity: silent.severity,
        person: "vera".to_owned(),
        decided: story.now,
        statement: [0; 32],
    };
    story.clinic.decide(&planned, story.now).unwrap();
    story.day(34);
    assert_eq!(story.steps("significant-change-unreviewed"), ["opened low"], "confirmed is not reviewed");
    story.says(0, "held", "changes", Some(34), None);
    assert_eq!(story.steps("significant-change-unreviewed"), ["opened low", "fixed low"]);
    story.day(200);
    assert_eq!(story.steps("significant-change-unreviewed").len(), 2, "what was reviewed stays so");
    story.same_from_the_envelopes_alone();
}

#[test]
fn nothing_that_was_heard_plans_a_review_or_starts_a_clock() {
    let mut story = Story::new();
    story.hears(0, 6);
    story.day(400);
    assert_ne!(story.clinic.finding_steps(story.ear.id()).unwrap(), [], "something was found");
    for rule in ["review-overdue", "notice-deadline-near"] {
        assert_eq!(story.steps(rule), [""; 0], "{rule}");
    }
    // Only a person does.
    story.opens("A shared folder was open", "us-hipaa", 341);
    story.says(0, "planned", "", Some(390), Some(365));
    assert_eq!(story.steps("review-overdue").len(), 1);
    assert_eq!(story.steps("notice-deadline-near").len(), 1);
}

#[test]
fn a_notice_is_told_a_week_before_it_is_due_and_ends_when_it_was_given() {
    let mut story = Story::new();
    story.opens("A shared folder was open", "us-hipaa", 0);
    story.day(52);
    assert_eq!(story.steps("notice-deadline-near"), [""; 0]);
    story.day(53);
    assert_eq!(story.steps("notice-deadline-near"), [""; 0], "seven days are not less than seven");
    story.day(57);
    assert_eq!(story.steps("notice-deadline-near"), ["opened high"]);
    story.day(61);
    assert_eq!(story.steps("notice-deadline-near"), ["opened high", "worse critical"]);
    let told: Vec<u64> = story.moments("notice-deadline-near").iter().map(|at| at.since_ms(NOW)).collect();
    assert_eq!(told, [53 * MS_PER_DAY + 1, 58 * MS_PER_DAY + 1], "to the millisecond, whenever somebody looks");
    for clock in ["hipaa-individuals", "hipaa-secretary-large", "hipaa-business-associate"] {
        story.says(1, "told", clock, Some(61), None);
        assert_eq!(story.steps("notice-deadline-near").len(), 2, "{clock} is not all");
    }
    story.says(1, "not-needed", "hipaa-media", None, None);
    assert_eq!(story.steps("notice-deadline-near").last().map(String::as_str), Some("fixed critical"));
    // The notice of small breaches is due at the end of February.
    story.same_from_the_envelopes_alone();
}

#[test]
fn a_clock_of_hours_is_told_at_once_and_a_matter_that_is_closed_wants_nothing() {
    let mut story = Story::new();
    story.opens("A notebook was stolen", "eu-gdpr,nz", 0);
    assert_eq!(story.steps("notice-deadline-near"), ["opened high"], "72 hours");
    story.look(25);
    assert_eq!(story.steps("notice-deadline-near"), ["opened high", "worse critical"]);
    story.says(1, "closed", "", None, None);
    assert_eq!(story.steps("notice-deadline-near").last().map(String::as_str), Some("fixed critical"));
    story.says(1, "again", "", None, None);
    assert_eq!(story.steps("notice-deadline-near").last().map(String::as_str), Some("came back critical"));
    story.same_from_the_envelopes_alone();
}

#[test]
fn every_saying_is_a_statement_and_gets_its_leaf() {
    let mut story = Story::new();
    story.says(0, "planned", "", Some(40), Some(365));
    story.opens("A <folder> was\topen", "eu-gdpr", 0);
    let events = story.clinic.plan_events().unwrap();
    assert_eq!(events.iter().map(|e| (e.no, e.matter)).collect::<Vec<_>>(), [(1, 0), (2, 1), (3, 1)]);
    let stated = story.clinic.statements().unwrap();
    let head = story.archive.ledger.take_all(&story.clinic, story.now).unwrap().unwrap();
    for event in &events {
        let statement = stated.iter().find(|s| s.hash == event.statement).unwrap();
        let kind = if event.matter == 0 { LeafKind::Review } else { LeafKind::Decision };
        assert_eq!(statement.kind, kind);
        assert!(statement.text.lines().any(|line| line == format!("said {}", event.what)), "{}", statement.text);
        assert!(statement.text.lines().any(|line| line == "by vera"), "{}", statement.text);
        assert!(story.clinic.leaf_of(&event.statement).unwrap().is_some_and(|leaf| leaf < head.size));
    }
    assert!(stated.iter().any(|s| s.text.contains("topic A <folder> was open\n")), "a line is a line");
}

#[test]
fn hosts_services_and_hours_are_noted_once_and_again_from_the_envelopes_alone() {
    let mut story = Story::new();
    story.hears(0, 6);
    story.hears(6, 12);
    story.day(3);
    story.hears(72, 78);
    let assets = story.clinic.assets(None, 10).unwrap();
    assert_eq!(
        assets.iter().map(|a| (a.host.0, a.rank, a.roles.as_str())).collect::<Vec<_>>(),
        [(7, 0, "modality"), (8, 1, "")]
    );
    assert_eq!(assets[0].first, Timestamp(NOW.0 + 1_000));
    assert!(assets[0].last >= Timestamp(NOW.0 + 72 * HOUR), "{:?}", assets[0].last);
    let services = story.clinic.services_of(story.ear.id(), HostId(8)).unwrap();
    assert_eq!(services.iter().map(|s| (s.port, s.protocol.as_str())).collect::<Vec<_>>(), [(104, "dicom")]);
    assert!(assets.iter().all(|a| a.host != HostId(9)), "a server outside is not the clinic's");
    let days = story.clinic.listened(0).unwrap();
    let quarters: u32 = days.iter().flat_map(|(_, d)| d.quarters).map(u8::count_ones).sum();
    assert_eq!(quarters, (6 + 6 + 6) * 4);
    assert_eq!(Judge::known(&story.clinic, story.ear.id()).unwrap().summary.hosts.len(), 3);
    story.clinic.put_label((story.ear.id(), HostId(7)), "CT in room 2", "tom", story.now).unwrap();
    story.same_from_the_envelopes_alone();
    assert_eq!(story.clinic.labels().unwrap(), [(story.ear.id(), HostId(7), "CT in room 2".to_owned())]);
    // The next page begins behind the last key.
    let next = story.clinic.assets(Some((assets[0].rank, assets[0].sensor, assets[0].host)), 10).unwrap();
    assert_eq!(next, assets[1..]);
}

#[test]
fn what_an_older_program_judged_is_noted_by_this_one() {
    let mut story = Story::new();
    for n in 0..5 {
        story.hears(n * 6, n * 6 + 6);
    }
    let noted = (story.clinic.assets(None, 10).unwrap(), story.clinic.listened(0).unwrap());
    // As an archive is that was judged before there were notes.
    let data = rusqlite::Connection::open(story.folder.0.join("archive.db")).unwrap();
    data.execute_batch(
        "DELETE FROM asset; DELETE FROM asset_service; DELETE FROM listened; UPDATE judged SET noted = 0",
    )
    .unwrap();
    story.hears(30, 36);
    let again = (story.clinic.assets(None, 10).unwrap(), story.clinic.listened(0).unwrap());
    assert_eq!(
        again.0.iter().map(|a| (a.host, a.first)).collect::<Vec<_>>(),
        noted.0.iter().map(|a| (a.host, a.first)).collect::<Vec<_>>()
    );
    let quarters = |days: &[(_, auscult_collector::store::Listened)]| -> u32 {
        days.iter().flat_map(|(_, d)| d.quarters).map(u8::count_ones).sum()
    };
    assert_eq!(quarters(&again.1), quarters(&noted.1) + 24);
    story.same_from_the_envelopes_alone();
}

/// A clinic with a sensor, and what becomes of its plans.
trait Plans {
    fn day(&mut self, day: u64);
    fn says(&mut self, matter: u64, what: &str, topic: &str, when: Option<u64>, number: Option<u64>);
    fn opens(&mut self, title: &str, laws: &str, day: u64);
    fn hears(&mut self, from: u64, to: u64);
    fn days(&self, rule: &str) -> Vec<u64>;
}

impl Plans for Story {
    /// The archive looks so many days after the beginning.
    fn day(&mut self, day: u64) {
        self.look(24 * day);
    }

    /// Somebody says something; a moment is given in days, and is of the present.
    fn says(&mut self, matter: u64, what: &str, topic: &str, when: Option<u64>, number: Option<u64>) {
        let when = when.map(|day| Timestamp(NOW.0 + day * MS_PER_DAY));
        let event = PlanEvent { when, number, ..said(what, topic) };
        self.clinic.say_plans(Some(matter), &[event], self.now).unwrap();
        self.judge();
    }

    /// Somebody opens a breach matter that was discovered so many days after the beginning.
    fn opens(&mut self, title: &str, laws: &str, day: u64) {
        let opened = PlanEvent { when: Some(Timestamp(NOW.0 + day * MS_PER_DAY)), ..said("opened", title) };
        self.clinic.say_plans(None, &[opened, said("applies", laws)], self.now).unwrap();
        self.judge();
    }

    /// The sensor hears a modality, its archive, and a server outside, from one hour to another.
    fn hears(&mut self, from: u64, to: u64) {
        let (modality, archive, outside) = (HostId(7), HostId(8), HostId(9));
        let facts = [
            (Subject::Host(modality), Fact::Role(Role::Modality)),
            (Subject::Service(archive, Transport::Tcp, 104), Fact::Protocol(Protocol::Dicom)),
            (Subject::Service(outside, Transport::Tcp, 443), Fact::Protocol(Protocol::Tls)),
        ];
        let sightings: Vec<Sighting> =
            facts.iter().map(|(subject, fact)| sighting(*subject, *fact, from * HOUR + 1_000)).collect();
        let Payload::Full(mut payload) = full(from * HOUR, to * HOUR, sightings) else { panic!("a full one") };
        let host = |id, zone| HostEntry { id, zone, address: None, maker: None };
        let hosts = vec![host(modality, Zone::Clinical), host(archive, Zone::Clinical), host(outside, Zone::Outside)];
        payload.summary.hosts = hosts.try_into().unwrap();
        payload.summary.counters.frames = 1_000;
        self.say(to, &Payload::Full(payload));
    }

    /// On which days after the beginning.
    fn days(&self, rule: &str) -> Vec<u64> {
        self.moments(rule).iter().map(|at| at.days() - NOW.days()).collect()
    }
}

fn said(what: &str, topic: &str) -> PlanEvent {
    let (what, topic) = (what.to_owned(), topic.to_owned());
    let (person, words) = ("vera".to_owned(), "because it is so".to_owned());
    PlanEvent { what, topic, person, words, ..PlanEvent::default() }
}
