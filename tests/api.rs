//! The API of a collector against its own table: every line, every role, every scope of a token, and the other clinic's ids.
//!
//! Counts as failure: an answer that the role or the token does not allow; a line that the description does not have, or has otherwise; a
//! refusal under `/v1` that is no problem document.

use auscult_collector::access::{Right, Role, Scope};
use auscult_collector::web::{ROUTES, Route, Side, Who, openapi};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_tests::guest::{Found, Guest, admin, found, person};
use auscult_tests::program::{Program, day, json, token};
use auscult_tests::station::Station;
use std::collections::BTreeSet;

#[test]
fn every_line_of_the_api_lets_in_whom_it_names_and_other_clinics_are_not_there() {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.get("/tokens");
    let ids = [found(&station, "north", 1), found(&station, "south", 2)];
    let mut askers = vec![(None, Program::new(&station, &[])), (Some(may_all()), Program::of(&station, &maria))];
    for role in [Role::Technician, Role::Viewer, Role::Reviewer] {
        let until = Timestamp(station.now().0 + 90 * MS_PER_DAY);
        let mut guest = person(&station, role.word(), role, "north", Some(until));
        guest.get("/");
        askers.push((
            Some(Asker { name: role.word().to_owned(), everywhere: false, may: of_role(role) }),
            Program::of(&station, &guest),
        ));
    }
    for scope in Scope::ALL {
        let program = Program::with(&station, &token(&station, &[scope], &["north"]));
        let name = format!("token {}", scope.word());
        askers.push((Some(Asker { name, everywhere: false, may: of_scope(scope) }), program));
    }
    let mut asked = 0;
    for route in api() {
        for (clinic, of) in [("north", &ids[0]), ("south", &ids[1])] {
            let path = of.path(route.path, clinic);
            for (asker, program) in &mut askers {
                let wanted = match asker {
                    None => Wanted::This(401),
                    Some(asker) => asker.wants(route, clinic),
                };
                let got = program.ask(route.method, &path, &[("content-type", "application/json")], body(route)).status;
                let name = asker.as_ref().map_or("nobody", |a| a.name.as_str());
                match wanted {
                    Wanted::This(status) => assert_eq!(got, status, "{name}: {} {path}", route.method),
                    Wanted::In => {
                        assert!(matches!(got, 200 | 201 | 422 | 428 | 404), "{name}: {} {path}: {got}", route.method)
                    }
                }
                // What is there for who may see it: all but a ledger to which nothing has come, and a token that nobody made.
                if wanted == Wanted::In && got == 404 {
                    assert!(route.path.ends_with("checkpoint") || route.path.contains("{token}"), "{name}: {path}");
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 400, "only {asked} were asked: is the table still read?");
}

#[test]
fn a_token_is_no_key_to_pages_and_opens_no_id_of_another_clinic() {
    let station = Station::new();
    let ids = [found(&station, "north", 1), found(&station, "south", 2)];
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    for route in ROUTES.iter().filter(|r| r.side == Side::People && r.contract().is_none()) {
        if matches!(route.who, Who::Anyone | Who::Token) || route.method != "GET" {
            continue;
        }
        let path = ids[0].path(route.path, "north");
        let answer = program.ask("GET", &path, &[], None);
        assert_eq!((answer.status, answer.header("location").starts_with("/sign-in")), (303, true), "{path}");
    }
    let Found { sensor, rule, subject, code, .. } = &ids[1];
    for path in [
        format!("/v1/clinics/north/findings/{sensor}/{rule}/{subject}"),
        format!("/v1/clinics/north/sensors/{sensor}"),
        format!("/v1/clinics/north/enrol-codes/{code}"),
        "/v1/clinics/NORTH".to_owned(),
        "/v1/clinics/%ff".to_owned(),
        "/v1/clinics/north/exports/none.csv".to_owned(),
    ] {
        assert_eq!(program.get(&path).0, 404, "{path}");
    }
    for (list, other) in [("hosts", ""), ("facts", ""), ("coverage", ""), ("findings", "&state=all")] {
        let (status, page) = program.get(&format!("/v1/clinics/north/{list}?sensor={sensor}{other}"));
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(0)), "{list}");
    }
    let (_, clinics) = program.get("/v1/clinics");
    let names: Vec<&str> = clinics["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["north"]);
}

#[test]
fn what_has_consequences_asks_a_person_for_the_second_factor_again_and_a_program_never() {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.get("/tokens");
    let mut session = Program::of(&station, &maria);
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    let (codes, wanted) = ("/v1/clinics/north/enrol-codes", serde_json::json!({ "site": "main" }));
    assert_eq!(session.post(codes, &[], &wanted).0, 201, "the second factor was just shown");
    station.pass(6 * 60_000);
    let (status, said) = session.post(codes, &[], &wanted);
    assert_eq!((status, said["title"].as_str()), (403, Some("second factor")));
    assert_eq!(session.get(codes).0, 200, "to look has no consequences");
    assert_eq!(program.post(codes, &[], &wanted).0, 201);
}

#[test]
fn the_description_the_table_and_the_router_say_the_same() {
    let station = Station::new();
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    let (status, served) = program.get("/v1/openapi.json");
    assert_eq!((status, &served), (200, &openapi()));
    assert_eq!(served["openapi"], "3.1.0");
    let paths = served["paths"].as_object().unwrap();
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(|m| (path.clone(), m.to_uppercase())))
        .collect();
    let listed: BTreeSet<(String, String)> =
        api().map(|route| (route.path.to_owned(), route.method.to_owned())).collect();
    assert_eq!(described, listed);
    assert!(listed.len() >= 25);
    let of = Found {
        sensor: auscult_report::key::SensorId([1; 16]),
        rule: "x".to_owned(),
        subject: "00".to_owned(),
        code: "0011223344".to_owned(),
        host: 1,
    };
    for (path, methods) in paths {
        let asked = of.path(path, "north");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = program.ask(method, &asked, &[], None);
            let has = methods.get(method.to_lowercase());
            assert_eq!(answer.status == 405, has.is_none(), "{method} {path}: {}", answer.status);
            if let Some(described) = has {
                let known = &described["responses"][answer.status.to_string()];
                assert!(known.is_object(), "{method} {path}: {} is not described", answer.status);
            } else {
                assert!(!answer.header("allow").is_empty(), "{method} {path} does not say what can be done");
            }
        }
        for operation in methods.as_object().unwrap().values() {
            let names: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|p| p["in"] == "path")
                .map(|p| p["name"].as_str().unwrap())
                .collect();
            let parts: BTreeSet<&str> =
                path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(names, parts, "{path}");
        }
    }
    // Every reference leads somewhere, and every schema is one.
    let text = served.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        let schema = &served["components"]["schemas"][reference];
        assert!(schema.is_object(), "{reference}");
        jsonschema::meta::validate(schema).unwrap_or_else(|e| panic!("{reference}: {e}"));
    }
}

#[test]
fn every_answer_is_as_it_is_described() {
    let station = Station::new();
    let ids = found(&station, "north", 1);
    day(&station, "north", "clinic-day-mixed", 3);
    let mut maria = admin(&station);
    maria.get("/tokens");
    let mut program = Program::of(&station, &maria);
    let clinic = station.clinic("north");
    station.service().desk().ledger.take_all(&clinic, station.now()).unwrap();
    let _ = token(&station, &Scope::ALL, &["north", "south"]);
    let described = openapi();
    for route in api().filter(|r| r.method == "GET" && !r.path.ends_with("{file}") && !r.path.contains("{token}")) {
        let path = ids.path(route.path, "north");
        let (status, answer) = program.get(&path);
        assert_eq!(status, 200, "{path}: {answer}");
        let mut schema =
            described["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"].clone();
        schema["components"] = described["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&answer).map(|e| format!("{} at {}", e, e.instance_path())).collect();
        assert!(faults.is_empty(), "{path}: {faults:?}: {answer}");
        if let Some(items) = answer.get("items").filter(|_| !route.path.starts_with("/v1/audit")) {
            assert!(!items.as_array().unwrap().is_empty(), "{path} is empty: nothing was compared");
        }
    }
}

#[test]
fn every_refusal_under_v1_is_a_problem_document() {
    let station = Station::new();
    let mut nobody = Program::new(&station, &[]);
    let token = token(&station, &[Scope::See, Scope::Sensors], &["north"]);
    let codes = "/v1/clinics/north/enrol-codes";
    let is_json = ("content-type", "application/json");
    let long = format!("{{\"site\":\"{}\"}}", "x".repeat(70_000));
    for (method, path, headers, sent, status, kind) in [
        ("GET", "/v1", vec![], None, 404, "not-found"),
        ("GET", "/v1/none", vec![], None, 404, "not-found"),
        ("GET", "/v1/clinics/south", vec![], None, 404, "not-found"),
        ("PUT", "/v1/clinics", vec![], None, 405, "method-not-allowed"),
        ("GET", "/v1/clinics?page=2", vec![], None, 400, "query"),
        ("GET", "/v1/clinics?limit=1&limit=1", vec![], None, 400, "query"),
        ("GET", "/v1/clinics?after=00", vec![], None, 400, "cursor"),
        ("GET", "/v1/tokens", vec![], None, 403, "not-yours"),
        ("GET", "/v1/clinics/north/audit", vec![], None, 403, "not-yours"),
        ("POST", codes, vec![("content-type", "text/plain")], Some("{}"), 415, "type"),
        ("POST", codes, vec![is_json], Some(long.as_str()), 413, "too-large"),
        ("POST", codes, vec![is_json], Some("{"), 400, "json"),
        ("POST", codes, vec![is_json], Some("{\"site\":\"main\",\"more\":1}"), 422, "fields"),
        ("POST", codes, vec![is_json], Some("{\"site\":\"none\"}"), 422, "fields"),
        ("POST", codes, vec![is_json], Some("{\"site\":\"main\",\"minutes\":4}"), 422, "fields"),
        ("POST", codes, vec![is_json, ("idempotency-key", "a b")], Some("{\"site\":\"main\"}"), 400, "key"),
        ("GET", "/v1/ledgers/00/checkpoint", vec![], None, 404, "not-found"),
    ] {
        // A body that is refused unread ends its connection.
        let answer = Program::with(&station, &token).ask(method, path, &headers, sent.map(str::as_bytes));
        problem(&answer, path, status, kind);
    }
    let answer = nobody.ask("GET", "/v1/clinics", &[], None);
    problem(&answer, "/v1/clinics", 401, "no-token");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    for authorization in ["Bearer x", "Bearer", "Basic eDp5", "bearer ", ""] {
        let answer = nobody.ask("GET", "/v1/clinics", &[("authorization", authorization)], None);
        problem(&answer, "/v1/clinics", 401, "no-token");
    }
    // A page says it to people, as before.
    let page = nobody.ask("GET", "/v2", &[], None);
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
}

fn problem(answer: &auscult_tests::guest::Answer, path: &str, status: u16, kind: &str) {
    let said = json(answer);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/problem+json"),
        "{path}: {}",
        answer.text
    );
    assert_eq!(said["type"], format!("tag:auscult.dev,2026:problem/{kind}"), "{path}");
    assert_eq!(said["status"].as_u64(), Some(u64::from(status)));
    let instance = format!("tag:auscult.dev,2026:occurrence/{}", said["id"].as_str().unwrap());
    assert_eq!(said["instance"], instance.as_str(), "not the path: whatever was put into it must not come back");
    assert!(said["detail"].as_str().is_some_and(|d| d.len() > 10), "{said}");
    assert_eq!(said["id"].as_str().map(str::len), Some(16));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[test]
fn a_script_in_a_session_needs_what_only_a_page_of_ours_has() {
    let station = Station::new();
    let mut tom = person(&station, "tom", Role::Technician, "north", None);
    tom.get("/clinics/north/add");
    let make = |headers: &[(&str, &str)]| {
        let mut script = Program::new(&station, &[("cookie", &tom.cookie), ("content-type", "application/json")]);
        script.ask("POST", "/v1/clinics/north/enrol-codes", headers, Some(b"{\"site\":\"main\"}")).status
    };
    let (csrf, here) = (("x-csrf-token", tom.csrf.as_str()), ("sec-fetch-site", "same-origin"));
    for bad in [&[][..], &[csrf], &[here], &[csrf, ("sec-fetch-site", "cross-site")], &[here, ("x-csrf-token", "0")]] {
        assert_eq!(make(bad), 403, "{bad:?}");
    }
    assert_eq!(make(&[csrf, here]), 201);
    let other = Guest::new(&station);
    assert_eq!(Program::of(&station, &other).get("/v1/clinics").0, 401);
}

fn api() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.contract().is_some())
}

/// Somebody who asks.
struct Asker {
    name: String,
    everywhere: bool,
    may: Vec<Right>,
}

/// What an asker gets.
#[derive(PartialEq, Eq)]
enum Wanted {
    This(u16),
    In,
}

impl Asker {
    fn wants(&self, route: &Route, clinic: &str) -> Wanted {
        match route.who {
            Who::Person => Wanted::In,
            Who::At(_) if !self.everywhere && clinic == "south" => Wanted::This(404),
            Who::At(right) if self.may.contains(&right) => Wanted::In,
            Who::Admin if self.everywhere => Wanted::In,
            _ => Wanted::This(403),
        }
    }
}

fn may_all() -> Asker {
    let may = vec![Right::See, Right::Sensors, Right::Mend, Right::Accept, Right::Decide, Right::Audit];
    Asker { name: "provider-admin".to_owned(), everywhere: true, may }
}

/// The role table once more, written by hand.
fn of_role(role: Role) -> Vec<Right> {
    match role {
        Role::Admin => may_all().may,
        Role::Technician => vec![Right::See, Right::Sensors, Right::Decide],
        Role::Viewer => vec![Right::See, Right::Decide, Right::Audit],
        Role::Reviewer => vec![Right::See, Right::Audit],
    }
}

/// The scopes once more, written by hand.
fn of_scope(scope: Scope) -> Vec<Right> {
    match scope {
        Scope::See => vec![Right::See],
        Scope::Decide => vec![Right::Decide],
        Scope::Sensors => vec![Right::Sensors],
        Scope::Ledger => vec![Right::Audit],
    }
}

/// A body that is understood and does nothing.
fn body(route: &Route) -> Option<&'static [u8]> {
    (route.method == "POST").then_some(b"{}")
}
