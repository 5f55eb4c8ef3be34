//! The pages of people over HTTP: forms, headers, and who may what, asked of every line of the route table.
//!
//! Counts as failure: a page or deed that the role, the session or the clinic does not allow; a page longer than 150 kB.

use auscult_collector::access::{Right, Role, Scope, hex};
use auscult_collector::store::{ClinicId, NewClinic, SensorState};
use auscult_collector::web::{ROUTES, Route, Side, Who};
use auscult_report::code::Code;
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::key::{LedgerId, hash};
use auscult_report::leaf::LeafKind;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::guest::{Answer, Found, Guest, PASSWORD, admin, found, matter, person};
use auscult_tests::program::token;
use auscult_tests::station::{Caller, Station};
use auscult_tests::throng::throng;
use auscult_tests::way::Way;

#[test]
fn a_form_of_another_site_of_no_page_or_of_another_session_does_nothing() {
    let station = Station::new();
    let (mut maria, mut tom) = (admin(&station), person(&station, "tom", Role::Technician, "north", None));
    maria.get("/people");
    tom.get("/clinics/north/add");
    let own = maria.csrf.clone();
    let fields = |csrf: &str| vec![("role", "provider-admin".to_owned()), ("csrf", csrf.to_owned())];
    let same = ("sec-fetch-site", "same-origin");
    for (csrf, headers) in [
        (own.as_str(), &[("sec-fetch-site", "cross-site")][..]),
        (&own, &[("sec-fetch-site", "same-site")]),
        (&own, &[]),
        (&own, &[("origin", "https://elsewhere.example")]),
        ("", &[same]),
        (&tom.csrf, &[same]),
    ] {
        let fields = fields(csrf);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let refused = maria.post_as("/people", &fields, headers);
        assert_eq!(refused.status, 403, "{headers:?}");
        assert!(!refused.text.contains("shown-code"));
    }
    let good = fields(&own);
    let good: Vec<(&str, &str)> = good.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(maria.post_as("/people", &good, &[("origin", "https://localhost")]).status, 200);
}

#[test]
fn every_answer_to_a_browser_has_the_headers_that_bind_it() {
    let station = Station::new();
    let mut maria = admin(&station);
    for path in
        ["/", "/fleet", "/people", "/clinics/north", "/clinics/none", "/nothing/here", "/static/page.js", "/sign-in"]
    {
        let answer = maria.get(path);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{path}: {policy}");
        for bound in ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(bound), "{path}: {bound}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", if path.starts_with("/static") { "no-cache" } else { "no-store" }),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        for forbidden in [" style=", "<style", "javascript:", " onclick", " onload", "http://"] {
            assert!(path.starts_with("/static") || !answer.text.contains(forbidden), "{path}: {forbidden}");
        }
    }
}

#[test]
fn every_line_of_the_table_lets_in_whom_it_names_and_other_clinics_are_not_there() {
    let station = Station::new();
    let mut admin = admin(&station);
    let mut roles = [Role::Technician, Role::Viewer, Role::Reviewer].map(|role| {
        let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
        (role, person(&station, role.word(), role, "north", Some(until)))
    });
    let _bystander = person(&station, "bystander", Role::Viewer, "south", None);
    let ids = [found(&station, "north", 1), found(&station, "south", 2)];
    let _ = ["north", "south"].map(|clinic| matter(&station, clinic, "us-hipaa"));
    let token = some_token(&station);
    let mut asked = 0;
    // The lines of the API are asked in tests/api.rs, with tokens.
    for route in ROUTES.iter().filter(|r| r.side == Side::People && r.contract().is_none()) {
        if matches!(route.who, Who::Anyone | Who::Token | Who::Newcomer) || route.path == "/sign-out" {
            continue;
        }
        for (n, clinic) in ["north", "south"].into_iter().enumerate() {
            let path = ids[n].path(&route.path.replace("{token}", &token).replace("{person}", "bystander"), clinic);
            let of_nobody = status(&station, &mut Guest::new(&station), route, &path);
            assert_eq!(of_nobody, 303, "{path}: nobody is sent to sign in");
            let of_admin = status(&station, &mut admin, route, &path);
            let is_closed = matches!(route.who, Who::At(right) if !expected(Role::Admin, right));
            assert!(is_closed == (of_admin == 403) && answers(of_admin), "{path} for an administrator: {of_admin}");
            for (role, guest) in &mut roles {
                let wanted = match route.who {
                    Who::Person if route.method == "GET" => Some(200),
                    Who::Admin => Some(403),
                    Who::At(_) if clinic == "south" => Some(404),
                    Who::At(right) if !expected(*role, right) => Some(403),
                    _ => None,
                };
                let got = status(&station, guest, route, &path);
                match wanted {
                    Some(wanted) => assert_eq!(got, wanted, "{role:?} {} {path}", route.method),
                    None => assert!(got != 403 && answers(got), "{role:?} {path}: {got}"),
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 80, "only {asked} were asked: is the table still read?");
    // An id of the other clinic in a path of the own one is not there either.
    let (role, technician) = &mut roles[0];
    assert_eq!(*role, Role::Technician);
    let Found { sensor, rule, subject, .. } = &ids[1];
    let paths = [
        format!("/clinics/north/findings/{sensor}/{rule}/{subject}"),
        "/clinics/north/findings/00/x/00".to_owned(),
        "/clinics/NORTH".to_owned(),
        "/clinics/north%20".to_owned(),
    ];
    for path in paths {
        assert_eq!(technician.get(&path).status, 404, "{path}");
    }
    let foreign = format!("/clinics/north/sensors/{sensor}");
    assert_eq!(technician.post(&foreign, &[("state", "revoked"), ("why", "a sensor of another clinic")]).status, 404);
    let state = station.clinic("south").sensors().unwrap()[0].state;
    assert_eq!(state, SensorState::Active);
}

#[test]
fn a_grant_that_has_ended_opens_nothing_more() {
    let station = Station::new();
    let until = Timestamp(station.now().0 + 10 * 60_000);
    let mut reviewer = person(&station, "rita", Role::Reviewer, "north", Some(until));
    assert_eq!(reviewer.get("/clinics/north").status, 200);
    assert!(reviewer.get("/").text.contains("clinic"));
    station.pass(10 * 60_000);
    assert_eq!(reviewer.get("/clinics/north").status, 404);
    // An administrator gives another one, and takes it away; both at once.
    let mut maria = admin(&station);
    maria.get("/people");
    for (role, until, answered, seen) in [
        ("reviewer", "", 422, 404),
        ("reviewer", "2026-11-30", 303, 200),
        ("technician", "", 303, 200),
        ("none", "", 303, 404),
        ("provider-admin", "", 422, 404),
    ] {
        let given = maria.post("/people/rita/grant", &[("at", "north"), ("role", role), ("until", until)]);
        assert_eq!((given.status, reviewer.get("/clinics/north").status), (answered, seen), "{role} {until}");
    }
    assert!(reviewer.get("/").text.contains("your access has ended"));
}

#[test]
fn a_risk_is_accepted_by_the_clinic_until_its_day_and_stands_in_the_ledger() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let path = format!("/clinics/north/findings/{sensor}/{rule}/{subject}");
    let mut vera = person(&station, "vera", Role::Viewer, "north", None);
    let page = vera.get(&path);
    assert!(page.text.contains("We accept the risk") && !page.text.contains("It was mended"), "{}", page.text);
    assert!(
        vera.get("/clinics/north").text.contains("matter is urgent")
            || vera.get("/clinics/north").text.contains("can be mended")
    );
    let why = "The guest network is <separate> from everything";
    for (until, reason) in [("", why), ("2026-11-21", "too short"), ("2027-12-26", why), ("2020-01-01", why)] {
        let wrong = vera.post(&path, &[("what", "accepted"), ("until", until), ("reason", reason)]);
        assert_eq!(wrong.status, 422, "{until} {reason}");
    }
    assert_eq!(vera.post(&path, &[("what", "fixed"), ("reason", why)]).status, 403, "that is the technician's to say");
    let done = vera.post(&path, &[("what", "accepted"), ("until", "2026-11-30"), ("reason", why)]);
    assert_eq!((done.status, done.header("location")), (303, path.as_str()));
    let page = vera.get(&path);
    assert!(page.text.contains("Accepted as a risk until 30 November 2026"), "{}", page.text);
    assert!(
        page.text.contains("&#60;separate&#62;") || page.text.contains("&lt;separate&gt;"),
        "escaped: {}",
        page.text
    );
    let clinic = station.clinic("north");
    let stated = clinic.statements().unwrap().into_iter().find(|s| s.kind == LeafKind::Decision).unwrap();
    for line in [format!("rule {rule}"), "decision accepted".to_owned(), "by vera".to_owned(), format!("why {why}")] {
        assert!(stated.text.lines().any(|l| l == line), "{line}: {}", stated.text);
    }
    let head = station.service().desk().ledger.take_all(&clinic, station.now()).unwrap().unwrap();
    assert!(clinic.leaf_of(&stated.hash).unwrap().is_some_and(|leaf| leaf < head.size), "it has its leaf");
    // When its day is over it asks again.
    let mut admin = admin(&station);
    assert!(admin.get("/clinics/north").text.contains("Decided by somebody: 1"));
    station.pass(10 * MS_PER_DAY);
    admin.sign_in(PASSWORD, station.now());
    assert!(!admin.get("/clinics/north").text.contains("Decided by somebody"));
}

#[test]
fn a_sensor_is_added_on_the_pages_and_its_words_are_compared_there() {
    let station = Station::new();
    let mut tom = person(&station, "tom", Role::Technician, "north", None);
    assert!(tom.get("/clinics/north").text.contains("Add the first sensor"));
    tom.get("/clinics/north/add");
    let made = tom.post("/clinics/north/add", &[("site", "main"), ("device", "pi")]);
    assert_eq!(made.status, 200);
    let code = Code::parse(made.between("<code data-copy>", "</code>")).unwrap();
    let progress = made.between("data-now=\"", "?part").to_owned();
    assert!(tom.get(&progress).text.contains("Waiting for the device"));
    assert!(!tom.get(&progress).text.contains(&code.shown()), "it is shown once");
    let mut caller = Caller::new(7);
    assert_eq!(caller.enrol(&mut Way::to(&station, None), &code), 202);
    let compare = tom.get(&progress);
    let words = fingerprint_words(&caller.ear.key.public());
    assert!(words.iter().all(|word| compare.text.contains(&format!("<li>{word}</li>"))), "{}", compare.text);
    let action = format!("/clinics/north/sensors/{}", caller.id());
    let done = tom.post(&action, &[("state", "active"), ("back", &progress)]);
    assert_eq!((done.status, done.header("location")), (303, progress.as_str()));
    assert!(tom.get(&progress).text.contains("Waiting for its first report"));
    assert_eq!(caller.renew(&mut Way::to(&station, None)).0, 200);
    Way::to(&station, Some(&caller)).reports(&caller.ear.chain(2));
    assert!(tom.get(&progress).text.contains("It is listening"));
    assert_eq!(tom.post(&action, &[("state", "revoked"), ("why", "short")]).status, 422);
    assert_eq!(tom.post(&action, &[("state", "revoked"), ("why", "it was stolen last night")]).status, 303);
    assert_eq!(station.clinic("north").sensors().unwrap()[0].state, SensorState::Revoked);
    assert!(tom.get("/clinics/north/sensors").text.contains("it was stolen last night (tom)"));
}

#[test]
fn who_looked_and_who_did_is_written_down_where_the_clinic_reads_it() {
    let station = Station::new();
    let (mut tom, mut vera) = (
        person(&station, "tom", Role::Technician, "north", None),
        person(&station, "vera", Role::Viewer, "north", None),
    );
    tom.get("/clinics/north/sensors");
    tom.get("/clinics/south");
    tom.get("/clinics/north/add");
    tom.post("/clinics/north/add", &[("site", "main")]);
    let audit = vera.get("/clinics/north/audit").text;
    for line in ["the sensors of a clinic: /clinics/north/sensors", "make a one-time code: /clinics/north/add"] {
        assert!(audit.contains(line), "{line}: {audit}");
    }
    assert!(audit.contains("tom") && audit.contains("127.0.0.1") && !audit.contains("south"));
    // The day's lines are stated in the clinic's ledger: who takes one away later is found out.
    let clinic = station.clinic("north");
    let midnight = Timestamp((station.now().days() + 1) * MS_PER_DAY);
    let lines = clinic.state_audit(midnight, midnight).unwrap();
    assert!(lines >= 4, "{lines}");
    assert_eq!(clinic.state_audit(midnight, midnight).unwrap(), 0, "each once");
    let stated = clinic.statements().unwrap().into_iter().find(|s| s.kind == LeafKind::Audit).unwrap();
    let data = rusqlite::Connection::open(&station.config.store).unwrap();
    let text = "SELECT group_concat(at_ms || char(9) || person || char(9) || what || char(9) || about || char(9) || peer || char(10), '')
                FROM (SELECT * FROM audit WHERE clinic_id = ?1 ORDER BY audit_id LIMIT ?2)";
    let all: String = data.query_row(text, rusqlite::params![clinic.id().0, lines as i64], |row| row.get(0)).unwrap();
    let hash = hash(b"", &[all.as_bytes()]);
    assert!(stated.text.contains(&format!("lines {lines}\nsha256 {}\n", hex(&hash))), "{}", stated.text);
    let refused = station.service().desk().store.audited(i64::MAX, 100).unwrap();
    assert!(refused.iter().any(|l| l.what == "refused" && l.about == "/clinics/south" && l.person == "tom"));
}

#[test]
fn what_operators_called_a_clinic_is_text_on_every_page() {
    let station = Station::new();
    let evil = "\"><script>alert(1)</script>";
    let id = [b'n'; 16];
    let new =
        NewClinic { id: ClinicId(id), ledger: LedgerId(id), name: "north", title: evil, quota_octets_day: 1 << 40 };
    station.service().desk().store.put_clinic(&new, station.now()).unwrap();
    let _ = found(&station, "north", 1);
    let mut admin = admin(&station);
    for path in [
        "/",
        "/fleet",
        "/people",
        "/clinics/north",
        "/clinics/north/sensors",
        "/clinics/north/add",
        "/clinics/north/audit",
        "/clinics/north/assets",
        "/clinics/north/timeline",
        "/clinics/north/coverage",
        "/clinics/north/deadlines",
        "/clinics/north/reviews",
        "/settings",
    ] {
        let page = admin.get(path).text;
        assert!(!page.contains("<script>alert"), "{path}");
    }
    let found = admin.get("/fleet?q=%22%3E%3Cscript%3E&after=%22%3E").text;
    assert!(!found.contains("<script>"), "{found}");
}

#[test]
fn a_thousand_clinics_and_five_hundred_findings_make_no_page_longer_than_150_kb() {
    let station = Station::new();
    let _ = throng(&station, 1_000, 200, 500);
    let store = &station.service().desk().store;
    assert_eq!(store.clinics().unwrap().len(), 1_002);
    let mut admin = admin(&station);
    // The rest of the findings begins behind the last one that is shown, and none is left out.
    let mut second = "/clinics/north".to_owned();
    let mut hrefs: Vec<String> = Vec::new();
    let first = loop {
        let page = admin.get(&second);
        hrefs.extend(page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)));
        let Some((_, rest)) = page.text.split_once("?after=") else { break second };
        second = format!("/clinics/north?after={}", rest.split('"').next().unwrap());
    };
    hrefs.retain(|href| href.contains("/findings/"));
    let all = hrefs.len();
    hrefs.sort();
    hrefs.dedup();
    assert!(hrefs.len() == all && all > 500, "{all} links, {} different", hrefs.len());
    for path in ["/", "/fleet", "/fleet?order=name&after=clinic-500", "/clinics/north", &first] {
        let answer = admin.get(path);
        println!("{path}: {} octets", answer.text.len());
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.len() <= 150_000, "{path}: {}", answer.text.len());
    }
    assert!(admin.get("/clinics/north").text.contains("150 of 50"), "{}", admin.get("/clinics/north").text);
    assert!(admin.get("/fleet").text.contains("1002 of 1002 clinics"));
    let found = admin.get("/fleet?q=number+77").text;
    assert_eq!(found.matches("<th scope=\"row\">").count(), 11, "77 and 770 to 779");
}

/// The role table once more, written by hand.
fn expected(role: Role, right: Right) -> bool {
    match role {
        // Who reviews is the clinic's to say.
        Role::Admin => !matches!(right, Right::Register | Right::Cosign),
        Role::Technician => {
            matches!(right, Right::See | Right::Sensors | Right::Propose | Right::Decide | Right::Comment)
        }
        Role::Viewer => {
            matches!(right, Right::See | Right::Accept | Right::Decide | Right::Audit | Right::Comment | Right::Review)
                || matches!(right, Right::Register | Right::Cosign)
        }
        Role::Reviewer => {
            matches!(right, Right::See | Right::Audit | Right::Comment | Right::Review | Right::Cosign)
        }
    }
}

/// What somebody hears of a line that is there.
const fn answers(status: u16) -> bool {
    matches!(status, 200 | 303 | 400 | 403 | 422)
}

/// The number of a token that somebody made.
fn some_token(station: &Station) -> String {
    let _ = token(station, &[Scope::See], &["north"]);
    hex(&station.store().api_tokens().unwrap()[0].id.0)
}

/// The status of a line. Forms are sent with nothing in them but what proves whose they are.
fn status(station: &Station, guest: &mut Guest, route: &Route, path: &str) -> u16 {
    if route.path.ends_with("/live") {
        let (status, kind) = guest.peek(station, path);
        assert!(status != 200 || kind == "text/event-stream; charset=utf-8", "{kind}");
        return status;
    }
    let answer: Answer = if route.method == "GET" { guest.get(path) } else { guest.post(path, &[]) };
    if answer.status == 303 && guest.cookie.is_empty() {
        assert!(answer.header("location").starts_with("/sign-in"));
    }
    answer.status
}

#[test]
fn the_settings_say_who_is_told_of_what_and_when_not() {
    let station = Station::new();
    let nobody = admin(&station).get("/settings").text;
    assert!(nobody.contains("none: nobody is told, whatever is found"), "{nobody}");
    let station = Station::with(
        "[notices]\ntime_zone = \"Europe/Berlin\"\nquiet_from = \"21:00\"\nquiet_to = \"06:30\"\n\
         [[notices.mail]]\nname = \"office\"\nserver = \"127.0.0.1:9\"\ntls = \"none-on-loopback\"\n\
         from = \"auscult@example.org\"\nto = [\"maria@example.org\"]\ndigest = \"07:00\"\n\
         takes = { clinics = [\"north\"], least_severity = \"high\", kinds = [\"opened\", \"worse\"] }\n",
    );
    let page = admin(&station).get("/settings").text;
    for said in [
        "e-mail to 1 recipient, once a day at 07:00 (Europe/Berlin): north, from high on; only opened, worse",
        "21:00 to 06:30 (Europe/Berlin); the worst findings are told all the same",
        "nobody: if it stops, nobody is told",
        "Notices that reached nobody",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("maria@example.org"), "who is told stands in the file");
}
