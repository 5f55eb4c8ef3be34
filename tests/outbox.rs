//! Notices from the finding to the receiver's door, with a clock that obeys: told once, whatever is made again; held, folded, tried again,
//! given up; one ticket a finding.
//!
//! Counts as failure: news that are written twice, or not in the transaction of the finding; a parcel for who is not named; a try too
//! many; an address, a port or a pseudonym in what is sent. Does not: the same id twice after a lease ended, which receivers know.

use auscult_assess::knowledge::Knowledge;
use auscult_collector::access::Role;
use auscult_collector::config::Config;
use auscult_collector::judge::Judge;
use auscult_collector::store::{Decision, DueKind, Fate};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::archive::NOW;
use auscult_tests::guest::{Guest, admin, person};
use auscult_tests::postbox::{Asked, HOUR, Net, RULE, Receiver, Story, deliver, turn, types, webhook};
use auscult_tests::station::Station;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn each_step_is_told_once_also_when_findings_are_made_again() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    for (n, net) in [Net::Open, Net::Medical, Net::Closed, Net::Open].into_iter().enumerate() {
        story.hears(n as u64 * 6, &[(1, net)]);
    }
    assert_eq!(
        story.news().iter().map(|n| n.what.as_str()).collect::<Vec<_>>(),
        ["opened", "worse", "fixed", "came back"]
    );
    let ended = turn(&story, &notices);
    assert!(ended.iter().all(|e| *e == ("webhook", "sent")) && ended.len() >= 4, "{ended:?}");
    let asked = receiver.asked();
    assert_eq!(types(&asked), ["finding.opened", "finding.worse", "finding.fixed", "finding.came_back"]);
    let ids: BTreeSet<&str> = asked.iter().map(|a| a.header("webhook-id")).collect();
    assert_eq!(ids.len(), asked.len(), "an id each");
    let keys: BTreeSet<String> =
        asked.iter().filter(|a| a.body["data"]["rule"] == RULE).map(|a| a.body["data"]["key"].to_string()).collect();
    assert_eq!(keys.len(), 1, "and one key of the matter");
    Judge::new(&Knowledge::compiled()).rebuild(&story.clinic, story.now).unwrap();
    assert_eq!((story.news(), turn(&story, &notices)), (Vec::new(), Vec::new()), "what was told is not told again");
    assert!(receiver.asked().is_empty());
    for one in &asked {
        let said = format!("{}{:?}{}", one.line, one.headers, one.body);
        assert!(
            !said.contains("02:00:00") && !said.contains("020000000001") && !said.contains(&story.ear.id().to_string()),
            "{said}"
        );
    }
}

#[test]
fn old_news_are_told_only_as_far_as_they_still_hold() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    for (n, net) in [Net::Open, Net::Medical, Net::Closed].into_iter().enumerate() {
        story.hears(n as u64 * 6, &[(1, net), (2, Net::Open)]);
    }
    // Nobody looked for a month.
    story.now = Timestamp(story.now.0 + 30 * MS_PER_DAY);
    turn(&story, &story.notices(&webhook(&story, &receiver, "")));
    assert_eq!(types(&receiver.asked()), ["finding.opened"], "of the second network, which is still open");
}

#[test]
fn a_channel_hears_of_its_clinics_and_an_end_only_if_it_heard_of_the_beginning() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let only = |takes: &str| format!("{}takes = {{ {takes} }}\n", webhook(&story, &receiver, ""));
    let (south, late) =
        (story.notices(&only("clinics = [\"south\"]")), story.notices(&only("least_severity = \"critical\"")));
    let all = story.notices(&only("least_severity = \"info\""));
    story.hears(0, &[(1, Net::Open)]);
    turn(&story, &south);
    assert!(receiver.asked().is_empty(), "another clinic's channel");
    story.hears(6, &[(2, Net::Open)]);
    turn(&story, &late);
    assert_eq!(types(&receiver.asked()), [""; 0], "not critical");
    story.hears(12, &[(3, Net::Open)]);
    turn(&story, &all);
    assert_eq!(types(&receiver.asked()), ["finding.opened"]);
    story.hears(18, &[(1, Net::Closed), (2, Net::Closed), (3, Net::Closed)]);
    assert_eq!(story.news().len(), 3);
    turn(&story, &all);
    assert_eq!(types(&receiver.asked()), ["finding.fixed"], "of the third network alone");
}

#[test]
fn what_fails_is_tried_twelve_times_in_a_day_and_then_a_person_is_told() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    receiver.answers(503, "");
    story.hears(0, &[(1, Net::Open)]);
    let began = story.now;
    let mut moments = Vec::new();
    notices.plan(&story.archive.store, story.now).unwrap();
    let waiting = || story.archive.store.backlog().unwrap();
    let parcels = waiting()[0].parcels;
    let mut ids = BTreeSet::new();
    for minute in 0..=24 * 60 {
        story.now = Timestamp(began.0 + minute * 60_000);
        deliver(&story, &notices);
        for asked in receiver.asked() {
            moments.push(minute);
            ids.insert(asked.header("webhook-id").to_owned());
        }
    }
    assert_eq!((ids.len() as u64, moments.len() as u64), (parcels, 12 * parcels), "under one id each");
    let own: BTreeSet<u64> = moments.iter().copied().collect();
    assert!(own.contains(&0) && own.contains(&1) && own.contains(&3) && own.contains(&(24 * 60)), "{own:?}");
    let given_up = story.archive.store.backlog().unwrap();
    assert_eq!((given_up.len(), given_up[0].state.as_str(), given_up[0].tries), (1, "given up", 12));
    assert_eq!(given_up[0].why, "it answered 503");
    // A person mends it.
    receiver.answers(204, "");
    assert_eq!(story.archive.store.retry_parcels(story.now).unwrap(), parcels);
    deliver(&story, &notices);
    assert_eq!(receiver.asked().len() as u64, parcels);
    assert!(story.archive.store.backlog().unwrap().is_empty());
    assert_eq!(story.archive.store.forget_parcels("hook", "given up", "nobody asks", story.now).unwrap(), 0);
}

#[test]
fn what_waits_for_its_next_try_holds_up_what_came_later_of_the_same_matter() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    receiver.answers(500, "");
    story.hears(0, &[(1, Net::Open)]);
    turn(&story, &notices);
    receiver.answers(200, "");
    let _ = receiver.asked();
    story.now = Timestamp(story.now.0 + 30_000);
    story.archive.store.news(9).unwrap();
    let told = |story: &Story| {
        types(&{
            deliver(story, &notices);
            receiver.asked()
        })
        .iter()
        .map(|t| (*t).to_owned())
        .collect::<Vec<_>>()
    };
    let report = story.ear.say(&auscult_tests::postbox::networks(6, &[(1, Net::Medical)]));
    auscult_tests::archive::send(
        &story.archive.door(auscult_collector::ingest::Limits::default()),
        &[report],
        story.now,
    );
    story.judge();
    notices.plan(&story.archive.store, story.now).unwrap();
    assert_eq!(told(&story), [""; 0]);
    story.now = Timestamp(story.now.0 + 60_000);
    assert_eq!(told(&story), ["finding.opened", "finding.worse"]);
}

#[test]
fn a_parcel_is_in_one_hand_until_its_lease_ends_and_keeps_its_id() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    story.hears(0, &[(1, Net::Open)]);
    notices.plan(&story.archive.store, story.now).unwrap();
    let store = &story.archive.store;
    let at = |s: u64| Timestamp(story.now.0 + s * 1_000);
    let mut taken = Vec::new();
    while let Some(parcel) = store.take_parcel("hook", at(0), at(30)).unwrap() {
        taken.push(parcel);
    }
    assert_eq!(store.take_parcel("hook", at(29), at(59)).unwrap(), None);
    let again = store.take_parcel("hook", at(30), at(60)).unwrap().unwrap();
    assert_eq!((again.stable, again.tries), (taken[0].stable, 2));
    // The first hand comes back from the dead.
    store.settle_parcel(&taken[0], Fate::GivenUp("late"), at(31)).unwrap();
    assert!(store.backlog().unwrap().iter().all(|b| b.state == "waiting"));
    store.settle_parcel(&again, Fate::Sent(""), at(32)).unwrap();
    assert_eq!(store.backlog().unwrap().iter().map(|b| b.parcels).sum::<u64>(), taken.len() as u64 - 1);
}

/// A mail server that nobody runs.
const MAIL: &str = "[[notices.mail]]\nname = \"m\"\nserver = \"127.0.0.1:1\"\ntls = \"none-on-loopback\"\nfrom = \"a@example.org\"\n\
                    to = [\"b@example.org\"]\ntakes = { kinds = [\"opened\", \"worse\", \"fixed\", \"came-back\"] }\n";

#[test]
fn a_flood_comes_in_one_mail_at_the_end_of_the_hour() {
    let mut story = Story::default();
    let notices = story.notices(MAIL);
    let nets: Vec<(u8, Net)> = (1..=40).map(|n| (n, Net::Open)).collect();
    story.hears(0, &nets);
    notices.plan(&story.archive.store, story.now).unwrap();
    let store = &story.archive.store;
    assert_eq!(store.backlog().unwrap()[0].parcels, 13, "twelve, and one with the others");
    let mut now = 0;
    for _ in 0..12 {
        let parcel = store.take_parcel("m", story.now, Timestamp(story.now.0 + MS_PER_DAY)).unwrap().unwrap();
        assert!(parcel.matter.is_some());
        now += store.told(parcel.id, 100).unwrap().len();
    }
    assert_eq!(store.take_parcel("m", story.now, story.now).unwrap(), None);
    let hour = Timestamp((story.now.0 / HOUR + 1) * HOUR);
    let digest = store.take_parcel("m", hour, Timestamp(hour.0 + HOUR)).unwrap().unwrap();
    assert_eq!(digest.matter, None);
    assert!(now + store.told(digest.id, 1_000).unwrap().len() >= 40);
}

#[test]
fn a_digest_takes_in_what_comes_until_it_leaves() {
    let mut story = Story::default();
    let notices = story.notices(&MAIL.replace("from =", "digest = \"07:00\"\nfrom ="));
    let store = story.archive.store.clone();
    story.hears(0, &[(1, Net::Open)]);
    notices.plan(&store, story.now).unwrap();
    story.hears(6, &[(2, Net::Open)]);
    notices.plan(&store, story.now).unwrap();
    assert_eq!(store.backlog().unwrap()[0].parcels, 2, "06:00 before it leaves, 12:00 for tomorrow");
    let morning = Timestamp(NOW.0 + 7 * HOUR);
    let first = store.take_parcel("m", morning, Timestamp(morning.0 + HOUR)).unwrap().unwrap();
    assert!(store.told(first.id, 100).unwrap().iter().all(|t| t.at < morning));
    assert_eq!(store.take_parcel("m", morning, morning).unwrap(), None);
}

#[test]
fn quiet_hours_hold_a_notice_and_who_is_not_named_any_more_gets_none() {
    let mut story = Story::default();
    let quiet = format!("quiet_from = \"05:00\"\nquiet_to = \"08:30\"\n{MAIL}");
    let store = story.archive.store.clone();
    story.hears(0, &[(1, Net::Open)]);
    let notices = story.notices(&quiet);
    notices.plan(&store, story.now).unwrap();
    assert_eq!(deliver(&story, &notices), [], "it is 06:00");
    story.now = Timestamp(NOW.0 + 8 * HOUR + HOUR / 2);
    let other = story.notices(&quiet.replace("b@example.org", "c@example.org"));
    let ended = deliver(&story, &other);
    assert!(!ended.is_empty() && ended.iter().all(|e| *e == ("mail", "forgotten")), "{ended:?}");
    story.hears(12, &[(2, Net::Open)]);
    notices.plan(&store, story.now).unwrap();
    assert_eq!(deliver(&story, &story.notices("")), []);
    assert!(store.backlog().unwrap().is_empty(), "a channel that is gone has no parcels");
}

#[test]
fn the_end_of_a_decision_is_due_once_and_so_is_a_date_of_others() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    story.hears(0, &[(1, Net::Open), (2, Net::Open), (3, Net::Open)]);
    turn(&story, &notices);
    let _ = receiver.asked();
    let until = Timestamp(story.now.0 + MS_PER_DAY);
    let rows = story.clinic.open_rows().unwrap();
    let mut rows = rows.into_iter().filter(|(_, r)| r.rule == RULE).map(|(_, row)| row);
    let decision = |row: &auscult_collector::store::FindingRow, what: &str, until| Decision {
        sensor: story.ear.id(),
        rule: row.rule.clone(),
        subject: row.subject.clone(),
        what: what.to_owned(),
        reason: "because".to_owned(),
        until,
        severity: row.severity,
        person: "maria".to_owned(),
        decided: story.now,
        statement: [0; 32],
    };
    let (one, two) = (rows.next().unwrap(), rows.next().unwrap());
    story.clinic.decide(&decision(&one, "accepted", Some(until)), story.now).unwrap();
    story.clinic.decide(&decision(&two, "accepted", Some(until)), story.now).unwrap();
    story.clinic.decide(&decision(&two, "open", None), story.now).unwrap();
    let due = |story: &Story| {
        notices.note_due(&story.archive.store, story.now).unwrap();
        turn(story, &notices);
        receiver.asked().iter().map(|a| a.body["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(due(&story), [""; 0]);
    story.now = until;
    assert_eq!(due(&story), ["decision.due"], "of the first: the second was taken back");
    assert_eq!(due(&story), [""; 0]);
    let put = |kind, at| story.clinic.put_due(kind, "gdpr-72h 2026-11-21", at, 3).unwrap();
    assert!(put(DueKind::Deadline, until) && !put(DueKind::Deadline, until) && put(DueKind::Review, until));
    assert_eq!(due(&story), ["deadline.due", "review.due"]);
}

#[test]
fn a_silent_sensor_is_told_and_so_is_its_return() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let notices = story.notices(&webhook(&story, &receiver, ""));
    story.hears(0, &[]);
    turn(&story, &notices);
    let _ = receiver.asked();
    story.now = Timestamp(story.now.0 + 27 * HOUR);
    story.judge();
    turn(&story, &notices);
    let asked = receiver.asked();
    assert_eq!(asked.iter().map(|a| a.body["type"].as_str().unwrap()).collect::<Vec<_>>(), ["sensor.silent"]);
    assert_eq!(asked[0].body["data"]["title"], "Nothing is heard of the sensor at Main building");
    for hour in [33, 39, 45, 51, 57, 63] {
        story.hears(hour, &[]);
    }
    turn(&story, &notices);
    assert!(receiver.asked().iter().any(|a| a.body["type"] == "sensor.heard"));
}

#[test]
fn a_finding_has_one_ticket_that_is_opened_updated_and_closed() {
    let mut story = Story::default();
    let receiver = Receiver::default();
    let header = story.secret("header", "Authorization: Bearer 123\n");
    let notices = story.notices(&format!(
        "allow = [\"127.0.0.0/8\"]\n[[notices.ticket]]\nname = \"t\"\nurl = \"http://{}/api\"\nnumber = \"/id\"\nheader = \"{}\"\n\
         open = {{ body = '{{\"title\": \"{{{{title}}}}\", \"ref\": \"{{{{key}}}}\", \"rule\": \"{{{{rule}}}}\"}}' }}\n\
         update = {{ method = \"PATCH\", path = \"/api/{{{{ticket}}}}\", body = '{{\"note\": \"{{{{event}}}}\", \"rule\": \"{{{{rule}}}}\"}}' }}\n\
         close = {{ method = \"PUT\", path = \"/api/{{{{ticket}}}}/state\", body = '{{\"state\": \"closed\", \"rule\": \"{{{{rule}}}}\"}}' }}\n",
        receiver.at,
        header.display()
    ));
    let mut said = Vec::new();
    for (n, net) in [Net::Open, Net::Medical, Net::Closed, Net::Open].into_iter().enumerate() {
        story.hears(n as u64 * 6, &[(1, net)]);
        turn(&story, &notices);
        said.extend(receiver.asked());
    }
    assert!(said.iter().all(|a| a.header("authorization") == "Bearer 123"));
    let own: Vec<&Asked> = said.iter().filter(|a| a.body["rule"] == RULE).collect();
    let key = own[0].body["ref"].as_str().unwrap();
    let lines: Vec<&str> = own.iter().map(|a| a.line.as_str()).collect();
    assert_eq!(lines, ["POST /api", "PATCH /api/77", "PUT /api/77/state", "PATCH /api/77"]);
    assert_eq!(own[0].header("idempotency-key"), key, "who opens it twice gets one");
    let keys: BTreeSet<&str> = own.iter().map(|a| a.header("idempotency-key")).collect();
    assert_eq!((keys.len(), &own[3].body["note"]), (4, &"came-back".into()));
}

#[test]
fn what_reached_nobody_stands_on_the_first_page_of_who_can_mend_it_and_in_the_figures() {
    let mut station = Station::new();
    let (mut maria, tom) = (admin(&station), person(&station, "tom", Role::Technician, "north", None));
    assert!(!maria.get("/").text.contains("reached nobody"));
    let (story, receiver) = (Story::default(), Receiver::default());
    let alive = format!("[notices.alive]\nurl = \"http://{}/alive\"\n", receiver.at);
    let text = story.settings(&webhook(&story, &receiver, &alive));
    receiver.answers(410, "");
    station.stop();
    station.config.notices = Config::read(&text).unwrap().notices;
    station.start();
    assert!(station.clinic("north").put_due(DueKind::Review, "plan 1", station.now(), 3).unwrap());
    let figures = || station.service().desk().meters.text();
    // A minute; a turn is two seconds.
    let is_told = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        figures().contains("auscult_notices{state=\"given up\"} 1\n")
    });
    assert!(is_told, "{}", figures());
    let counted = "auscult_notices_total{kind=\"webhook\",result=\"given-up\"} 1\n";
    assert!(
        figures().contains(counted) && figures().contains("auscult_notices{state=\"waiting\"} 0\n"),
        "{}",
        figures()
    );
    // Who is gone for good is not asked again; the sign of life is another matter.
    let asked = receiver.asked();
    assert_eq!(asked.iter().filter(|a| a.line == "POST /told").count(), 1);
    assert!(asked.iter().any(|a| a.line == "GET /alive"));
    let today = |signed_in: &Guest| {
        let mut guest = Guest::new(&station);
        guest.cookie.clone_from(&signed_in.cookie);
        guest.get("/")
    };
    assert!(today(&maria).text.contains("1 notice reached nobody"));
    let page = today(&tom);
    assert!(page.status == 200 && !page.text.contains("reached nobody"));
}
