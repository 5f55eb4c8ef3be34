//! The incidents that this sensor was made after (`assess/knowledge/stories.tsv`), each from octets to the finding that
//! would have told in time: daemon, spool, door, store, judge. Beside each its harmless twin, which must stay silent.
//!
//! Every finding that the table names is opened here, or stands in [`UNHEARD`] with its reason; a reason that no longer
//! holds is a failure. Findings are named as the catalogue names them.

use auscult_assess::knowledge::Knowledge;
use auscult_report::payload::Kind;
use auscult_tests::root;
use auscult_tests::scenes::SCENES;
use auscult_tests::watched::Watched;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Which finding of which story this sensor does not raise, and why.
const UNHEARD: &[(&str, &str, &str)] = &[
    ("propublica", "new-outside-exposure", HISTORY),
    ("mobilexusa", "medical-bulk-to-new-place", HISTORY),
    ("medantex", "portal-login-disappeared", HISTORY),
    ("medantex", "service-back-changed", HISTORY),
    ("medantex", "security-went-down", HISTORY),
    ("medantex", "significant-change-unreviewed", PERSON),
    ("medantex", "notice-deadline-near", PERSON),
    ("middletown", "new-outside-exposure", HISTORY),
    (
        "open-wifi",
        "guest-and-clinical-not-separated",
        "no guest calls to all in its scenes: tests/errands.rs tells it in the catalogue's tests",
    ),
    ("managemyhealth", "portal-bulk-fetch", "a cloud service over TLS with a valid login: not on the clinic's network"),
    ("managemyhealth", "medical-bulk-to-new-place", HISTORY),
    ("managemyhealth", "notice-deadline-near", PERSON),
    ("hipaa-clock", "notice-deadline-near", PERSON),
    ("iso-review", "review-overdue", PERSON),
    ("iso-review", "significant-change-unreviewed", PERSON),
    ("iso-review", "new-outside-exposure", HISTORY),
    (
        "iso-review",
        "report-chain-broken",
        "the door sees it and puts the sensor into quarantine (tests/replay.rs); the judge is not told yet",
    ),
];

/// What opens by an event, before its window ends. Of several that come within a minute, the first.
const AT_ONCE: &[&str] = &["dicom-open-from-outside", "orthanc-open", "imaging-viewer-open", "wifi-open-network"];

/// A scene here is of minutes.
const HISTORY: &str = "needs days of listening: tests/over_days.rs tells it in the catalogue's tests";
/// A person starts the clock, or the plan.
const PERSON: &str = "not on any wire: a person's plan or decision in the collector, which has no page for it yet";

#[test]
fn open_archives_are_heard_before_a_reporter_finds_them() {
    replay("propublica");
}

#[test]
fn a_mobile_provider_is_heard_at_its_own_place_and_at_the_clinic() {
    replay("mobilexusa");
}

#[test]
fn an_archive_that_needs_no_password_is_heard_whatever_was_said_of_it() {
    replay("offsite-image");
}

#[test]
fn a_neglected_portal_and_its_mails_are_heard() {
    replay("newmexico");
}

#[test]
fn software_that_nobody_updates_is_heard_by_what_it_says_of_itself() {
    replay("portal-unpatched");
}

#[test]
fn transcripts_without_a_login_are_heard() {
    replay("medantex");
}

#[test]
fn both_readings_of_an_open_interface_are_heard() {
    replay("middletown");
}

#[test]
fn open_networks_of_the_clinic_are_heard_and_neighbours_are_not_blamed() {
    replay("open-wifi");
}

#[test]
fn every_finding_of_every_story_is_replayed_or_has_its_reason() {
    let knowledge = Knowledge::compiled();
    let table = stories();
    let (mut replayed, mut excused, mut faults) = (0, 0, Vec::new());
    for (story, rules) in &table {
        assert!(!rules.is_empty(), "{story} names no finding");
        for rule in rules {
            assert!(knowledge.rules().iter().any(|r| r.id() == rule), "{story}: the catalogue has no {rule}");
            let is_replayed = SCENES.iter().any(|s| s.story == story && s.opens.contains(&rule.as_str()));
            let reasons = UNHEARD.iter().filter(|(s, r, _)| s == story && r == rule).count();
            match (is_replayed, reasons) {
                (true, 0) => replayed += 1,
                (false, 1) => excused += 1,
                (true, _) => faults.push(format!("{story}: {rule} is replayed and has a reason why not")),
                (false, _) => faults.push(format!("{story}: {rule} is neither replayed nor has a reason")),
            }
        }
    }
    for (story, rule, reason) in UNHEARD {
        assert!(reason.len() > 30, "{story}: {rule}: {reason:?} is no reason");
        assert!(table.get(*story).is_some_and(|rules| rules.contains(*rule)), "{story} does not name {rule}");
    }
    for scene in SCENES {
        let named = table.get(scene.story).unwrap_or_else(|| panic!("no story {}", scene.story));
        assert!(scene.opens.iter().all(|rule| named.contains(*rule)), "{}: {}", scene.story, scene.name);
    }
    println!("{} stories: {replayed} findings replayed, {excused} with a reason why not", table.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every scene of a story.
fn replay(story: &str) {
    let mut opened: BTreeSet<&str> = BTreeSet::new();
    for scene in SCENES.iter().filter(|s| s.story == story) {
        let (octets, place) = (scene.heard)();
        let clinic = Watched::hears(&octets, &place);
        let rules = clinic.rules();
        for rule in scene.opens {
            assert!(rules.contains(*rule), "{story}, {}: {rule} is not open, but {rules:?}", scene.name);
            let at_once = clinic.opened_by(rule).contains(&Kind::Event);
            assert!(at_once || !AT_ONCE.contains(rule), "{story}, {}: {rule} waited for its window", scene.name);
        }
        for (_, rule, reason) in UNHEARD.iter().filter(|(s, ..)| *s == story) {
            assert!(!rules.contains(*rule), "{story}, {}: {rule} is heard now, although \"{reason}\"", scene.name);
        }
        let (octets, place) = (scene.twin)();
        let twin = Watched::hears(&octets, &place);
        assert!(twin.sightings().count() > 2, "{story}, {}: the twin is not heard at all", scene.name);
        for rule in scene.opens {
            assert!(!twin.rules().contains(*rule), "{story}, {}: the harmless twin raises {rule}", scene.name);
        }
        println!("{story}: {}: {} and its twin has {:?}", scene.name, scene.opens.join(", "), twin.rules());
        opened.extend(scene.opens);
    }
    assert!(!opened.is_empty(), "{story} has no scene");
}

/// Story -> the findings that the table names for it.
fn stories() -> BTreeMap<String, BTreeSet<String>> {
    let table = fs::read_to_string(root().join("assess/knowledge/stories.tsv")).unwrap();
    let mut rows = table.lines();
    let columns: Vec<&str> = rows.next().unwrap().split('\t').collect();
    assert_eq!((columns[0], columns[4]), ("story", "findings"));
    let stories: BTreeMap<String, BTreeSet<String>> = rows
        .map(|row| {
            let columns: Vec<&str> = row.split('\t').collect();
            // Where a finding is heard stands behind it in brackets; a table of dates is no finding.
            let words = columns[4].split([',', ';']).map(|w| w.split('(').next().unwrap_or_default().trim());
            (columns[0].to_owned(), words.filter(|w| !w.ends_with(".tsv")).map(str::to_owned).collect())
        })
        .collect();
    assert!(stories.len() >= 11, "only {} stories are there", stories.len());
    stories
}
