//! The pages that keep a clinic's papers, over HTTP: assets, timeline, coverage, deadlines with drafts of letters, reviews with the
//! record to take along, knowledge, settings.
//!
//! Counts as failure: what a role may not say; a saying that is not read again; words of people that are not escaped; a record that does
//! not verify.

use auscult_collector::access::{Role, hex};
use auscult_report::leaf::LeafKind;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::guest::{Found, Guest, PASSWORD, admin, found, matter, person};
use auscult_tests::reviewer::claims;
use auscult_tests::station::Station;
use std::fs;
use std::process::Command;

#[test]
fn a_device_is_shown_by_its_pseudonym_and_by_the_name_that_people_give_it() {
    let station = Station::new();
    let Found { sensor, host, .. } = found(&station, "north", 1);
    let (mut tom, mut rita) = (
        person(&station, "tom", Role::Technician, "north", None),
        person(&station, "rita", Role::Reviewer, "north", Some(Timestamp(station.now().0 + 90 * MS_PER_DAY))),
    );
    let page = tom.get("/clinics/north/assets");
    assert!(page.text.contains("Device 0000-0000") && page.text.contains("Workstation"), "{}", page.text);
    let path = format!("/clinics/north/assets/{sensor}/{host:016x}");
    let named = tom.post(&path, &[("label", " Front  <desk> ")]);
    assert_eq!((named.status, named.header("location")), (303, format!("/clinics/north/assets#h{host:016x}").as_str()));
    let page = rita.get("/clinics/north/assets").text;
    assert!(page.contains("Front &#60;desk&#62;") && !page.contains("<desk>") && !page.contains("Name it"), "{page}");
    assert_eq!(rita.post(&path, &[("label", "mine")]).status, 403);
    assert_eq!(tom.post(&path, &[("label", &"x".repeat(61))]).status, 422);
    for none in ["0000000000000000", "1", "x", "00000000000000ff"] {
        assert_eq!(
            tom.post(&format!("/clinics/north/assets/{sensor}/{none}"), &[("label", "a")]).status,
            404,
            "{none}"
        );
    }
    assert_eq!(tom.post(&path, &[("label", "")]).status, 303);
    assert!(!tom.get("/clinics/north/assets").text.contains("Front"));
}

#[test]
fn a_breach_matter_is_opened_from_a_finding_with_its_proof_and_closed_by_people() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let clinic = station.clinic("north");
    station.service().desk().ledger.take_all(&clinic, station.now()).unwrap();
    let mut vera = person(&station, "vera", Role::Viewer, "north", None);
    let finding = vera.get(&format!("/clinics/north/findings/{sensor}/{rule}/{subject}"));
    let link = finding.between("href=\"/clinics/north/deadlines?finding=", "#open\"").to_owned();
    let form = vera.get(&format!("/clinics/north/deadlines?finding={link}"));
    assert!(form.text.contains("It begins with the finding"), "{}", form.text);
    let discovered = form.between("name=\"discovered\" required value=\"", "\"").to_owned();
    assert!(discovered.starts_with("2026-11-21T"), "the first hearing: {discovered}");
    let good = [
        ("title", "Guests <read> charts"),
        ("discovered", &discovered),
        ("laws", "eu-gdpr"),
        ("laws", "us-hipaa"),
        ("why", "A guest was seen with a chart on his telephone."),
        ("finding", &link),
    ];
    for (field, bad) in [("title", "x"), ("discovered", "2030-01-01T00:00"), ("discovered", ""), ("why", "short")] {
        let fields: Vec<(&str, &str)> =
            good.iter().map(|(n, v)| if *n == field { (*n, bad) } else { (*n, *v) }).collect();
        let wrong = vera.post("/clinics/north/deadlines", &fields);
        assert_eq!(wrong.status, 422, "{field}");
        assert!(wrong.text.contains("value=\"eu-gdpr\" checked"), "what was chosen is still chosen");
    }
    let without: Vec<(&str, &str)> = good.iter().filter(|(n, _)| *n != "laws").copied().collect();
    assert_eq!(vera.post("/clinics/north/deadlines", &without).status, 422);
    let opened = vera.post("/clinics/north/deadlines", &good);
    assert_eq!((opened.status, opened.header("location")), (303, "/clinics/north/deadlines/1"));
    let page = vera.get("/clinics/north/deadlines/1").text;
    for said in
        ["Guests &#60;read&#62; charts", "supervisory authority", "each person concerned", "leaf ", "checkpoint "]
    {
        assert!(page.to_lowercase().contains(&said.to_lowercase()), "{said}: {page}");
    }
    let stated = clinic.statements().unwrap();
    let stated = stated.iter().find(|s| s.kind == LeafKind::Decision && s.text.contains("said opened")).unwrap();
    let evidence = clinic.finding_steps(sensor).unwrap()[0].report_id.unwrap();
    let report = hex(&clinic.evidence(&[evidence]).unwrap()[0].hash);
    assert!(
        stated.text.contains(&format!("sha256 {report}")) && stated.text.contains(&format!("rule {rule}")),
        "{}",
        stated.text
    );
    told_and_closed(&station, &mut vera, &discovered);
}

/// Today says what is due, and what was told is read again.
fn told_and_closed(station: &Station, vera: &mut Guest, discovered: &str) {
    assert!(vera.get("/").text.contains("Notice about Guests"));
    let told = |clock: &str, when: &str| {
        vec![
            ("what", "told".to_owned()),
            ("clock", clock.to_owned()),
            ("when", when.to_owned()),
            ("why", "By telephone and by the form on their page.".to_owned()),
        ]
    };
    let post = |vera: &mut Guest, fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        vera.post("/clinics/north/deadlines/1", &fields).status
    };
    assert_eq!(post(vera, &told("gdpr-authority", "")), 422);
    assert_eq!(post(vera, &told("uk-gdpr-ico", discovered)), 400, "a law that was not chosen");
    assert_eq!(post(vera, &told("gdpr-authority", discovered)), 303);
    assert!(vera.get("/clinics/north/deadlines/1").text.contains("By telephone and by the form on their page. (vera)"));
    let letter = vera.get("/clinics/north/deadlines/1/letters/gdpr-authority").text;
    assert!(
        letter.contains("DRAFT") && letter.contains("class=\"gap\"") && letter.contains("Not legal advice"),
        "{letter}"
    );
    assert_eq!(vera.get("/clinics/north/deadlines/1/letters/uk-gdpr-ico").status, 404);
    assert_eq!(vera.get("/clinics/north/deadlines/2").status, 404);
    let close = [("what", "closed".to_owned()), ("why", "Counsel decided that nothing more is due.".to_owned())];
    assert_eq!(post(vera, &close), 303);
    assert!(
        vera.get("/clinics/north/deadlines").text.contains("Closed matters: 1")
            && !vera.get("/").text.contains("Notice about")
    );
    let mut rita = person(station, "rita", Role::Reviewer, "north", Some(Timestamp(station.now().0 + 90 * MS_PER_DAY)));
    assert_eq!(rita.get("/clinics/north/deadlines/1").status, 200);
    assert_eq!(rita.post("/clinics/north/deadlines/1", &[("what", "again"), ("why", "because I say so")]).status, 403);
}

#[test]
fn a_review_is_planned_and_held_by_the_clinic_and_a_reviewer_comments_only() {
    let station = Station::new();
    let _ = found(&station, "north", 1);
    let (mut vera, mut rita, mut tom) = (
        person(&station, "vera", Role::Viewer, "north", None),
        person(&station, "rita", Role::Reviewer, "north", Some(Timestamp(station.now().0 + 90 * MS_PER_DAY))),
        person(&station, "tom", Role::Technician, "north", None),
    );
    let path = "/clinics/north/reviews";
    assert!(vera.get(path).text.contains("No review is planned; never reviewed."));
    let plan = [
        ("what", "planned"),
        ("when", "2026-12-01"),
        ("interval", "365"),
        ("why", "The yearly one, by Rita of Elm Audit."),
    ];
    for (field, bad) in [("interval", "7"), ("when", "2026-01-01"), ("when", "2031-01-01"), ("why", "soon")] {
        let fields: Vec<(&str, &str)> =
            plan.iter().map(|(n, v)| if *n == field { (*n, bad) } else { (*n, *v) }).collect();
        assert_eq!(vera.post(path, &fields).status, 422, "{field} {bad}");
    }
    assert_eq!(vera.post(path, &plan).status, 303);
    rita.get(path);
    assert_eq!(rita.post(path, &plan).status, 403, "the plan is the clinic's");
    tom.get(path);
    assert_eq!(tom.post(path, &plan).status, 403);
    assert_eq!(rita.post(path, &[("what", "noted"), ("why", "I will come on the first of December.")]).status, 303);
    assert_eq!(rita.post(path, &[("what", "deleted"), ("why", "I will come on the first of December.")]).status, 400);
    let page = vera.get(path).text;
    assert!(
        page.contains("The next review is planned for 1 December 2026") && page.contains("I will come on the first"),
        "{page}"
    );
    assert!(vera.get("/").text.contains("Review of north"));
    // It is late; then it was held.
    station.pass(20 * MS_PER_DAY);
    vera.sign_in(PASSWORD, station.now());
    assert!(vera.get(path).text.contains("Overdue by 10 days"), "{}", vera.get(path).text);
    let held = [
        ("what", "held"),
        ("scope", "whole"),
        ("when", "2026-12-11"),
        ("by", "Rita Elm, Elm Audit"),
        ("why", "Two points, both can wait until spring."),
    ];
    assert_eq!(vera.post(path, &held).status, 303);
    let page = vera.get(path).text;
    assert!(
        page.contains("planned for 11 December 2027") && page.contains("reviewed by Rita Elm, Elm Audit: Two points"),
        "{page}"
    );
    let statements = station.clinic("north").statements().unwrap();
    assert_eq!(statements.iter().filter(|s| s.kind == LeafKind::Review).count(), 3);
}

#[test]
fn the_record_is_taken_along_and_verifies_elsewhere() {
    let station = Station::new();
    let _ = found(&station, "north", 1);
    let (mut rita, mut admin) = (
        person(&station, "rita", Role::Reviewer, "north", Some(Timestamp(station.now().0 + 90 * MS_PER_DAY))),
        admin(&station),
    );
    let clinic = station.clinic("south");
    assert_eq!(clinic.queued().unwrap(), 0);
    assert_eq!(admin.get("/clinics/south/reviews/record.tar").status, 303, "nothing was sealed there");
    station.service().desk().ledger.take_all(&station.clinic("north"), station.now()).unwrap();
    let (status, kind, octets) = rita.file("/clinics/north/reviews/record.tar");
    assert_eq!((status, kind.as_str()), (200, "application/x-tar"));
    let folder = station.folder().join("taken");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("record.tar"), octets).unwrap();
    let unpacked = Command::new("tar").args(["xf", "record.tar"]).current_dir(&folder).status().unwrap();
    assert!(unpacked.success(), "a program that is not ours reads it");
    let claims = claims(&folder.join("record"));
    assert!(claims.iter().any(|c| c.ends_with("is what follows from the record: 1")), "{claims:?}");
}

#[test]
fn the_timeline_and_the_coverage_say_in_words_what_their_pictures_show() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    matter(&station, "north", "us-hipaa");
    let mut admin = admin(&station);
    let page = admin.get("/clinics/north/timeline?days=7").text;
    for said in [
        "Device 0000-0000 first heard",
        "was let in",
        "vera opened the breach matter",
        &format!("/clinics/north/findings/{sensor}/{rule}/{subject}"),
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.contains("2026-11-15") && page.contains("2026-11-21"), "seven days that end today: {page}");
    let before = admin.get("/clinics/north/timeline?from=2026-10-01&to=2026-10-05").text;
    assert!(before.contains("Nothing was written down in these 5 days"), "{before}");
    for odd in [
        "?from=x&to=y",
        "?from=2026-11-21&to=2020-01-01",
        "?days=99999",
        "?before=x-y",
        "?from=1900-01-01&to=2900-01-01",
    ] {
        assert_eq!(admin.get(&format!("/clinics/north/timeline{odd}")).status, 200, "{odd}");
    }
    let page = admin.get("/clinics/north/coverage").text;
    assert!(page.contains("90 days: heard on") && page.contains("Kind of sight: not told yet"), "{page}");
    assert!(admin.get("/clinics/south/coverage").text.contains("Nobody listens at south yet"));
}

#[test]
fn knowledge_and_settings_say_what_is_there_and_show_no_secret() {
    let station = Station::new();
    let mut admin = admin(&station);
    let page = admin.get("/knowledge").text;
    let knowledge = &station.service().desk().knowledge;
    assert!(page.contains(knowledge.version()) && page.contains(&hex(&knowledge.hash())), "{page}");
    for rule in knowledge.rules() {
        assert!(page.contains(&format!("<code>{}</code>, version {}", rule.id(), rule.version())), "{}", rule.id());
    }
    assert!(page.contains("breach-clocks.tsv") && !page.contains("stale"));
    station.pass(200 * MS_PER_DAY);
    admin.sign_in(PASSWORD, station.now());
    assert!(admin.get("/knowledge").text.contains("The knowledge is stale"));
    let page = admin.get("/settings").text;
    for said in ["[store] most_mib", "[ledger] round_s", "ledger.key", "north", "archive.example"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains(&"09".repeat(32)), "the ledger's key");
}
