//! Tokens of programs, and what a program may rely on: pages of lists, tags, keys of requests that come twice, files.
//!
//! Counts as failure: a token that opens something after its end; a row that a list leaves out or tells twice; a deed done twice; a cell
//! that a program for tables would compute.

use auscult_collector::access::{Scope, hex};
use auscult_collector::store::{SensorState, StoreError};
use auscult_report::time::MS_PER_DAY;
use auscult_tests::guest::{Found, admin, found};
use auscult_tests::program::{Program, day, json, token};
use auscult_tests::station::Station;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn a_token_is_made_on_the_page_shown_once_used_and_ended() {
    let station = Station::new();
    let mut maria = admin(&station);
    assert!(maria.get("/tokens").text.contains("No program has a token"));
    let fields = |until: &'static str| {
        [
            ("title", "the ticket system"),
            ("scopes", "see"),
            ("scopes", "ledger"),
            ("clinics", "north"),
            ("until", until),
        ]
    };
    for (wrong, said) in [("", "always ends"), ("2020-01-01", "always ends"), ("2031-01-01", "within two years")] {
        let refused = maria.post("/tokens", &fields(wrong));
        assert_eq!((refused.status, refused.text.contains(said)), (422, true), "{wrong}: {}", refused.text);
    }
    assert_eq!(maria.post("/tokens", &[("title", "x y"), ("until", "2026-12-01"), ("clinics", "north")]).status, 422);
    assert_eq!(maria.post("/tokens", &[("title", "x y"), ("until", "2026-12-01"), ("scopes", "see")]).status, 422);
    let made = maria.post("/tokens", &fields("2026-12-01"));
    let secret = made.between("<code data-copy class=\"breaks\">", "</code>").to_owned();
    assert!(secret.starts_with("auscult-api-") && secret.len() == 12 + 64, "{secret}");
    let page = maria.get("/tokens");
    assert!(
        page.text.contains("the ticket system") && page.text.contains("see, ledger") && !page.text.contains(&secret)
    );
    // Its hash alone is kept.
    let data = std::fs::read(&station.config.store).unwrap();
    let log = std::fs::read(station.config.store.with_extension("db-wal")).unwrap_or_default();
    for kept in [&data, &log] {
        assert!(!kept.windows(secret.len()).any(|w| w == secret.as_bytes()), "the token lies in the data base");
    }
    let mut program = Program::with(&station, &secret);
    assert_eq!(program.get("/v1/clinics/north/findings").0, 200);
    assert_eq!(program.get("/v1/clinics/north/audit").0, 200);
    assert!(maria.get("/clinics/north/audit").text.contains("token the ticket system"));
    let id = hex(&station.store().api_tokens().unwrap()[0].id.0);
    assert_eq!(maria.post(&format!("/tokens/{id}"), &[]).status, 303);
    assert_eq!(program.get("/v1/clinics").0, 401);
    assert!(maria.get("/tokens").text.contains("ended by somebody"));
    // One that was forgotten ends by itself, at the end of its day.
    let mut forgotten = Program::with(&station, &token(&station, &[Scope::See], &["north"]));
    station.pass(90 * MS_PER_DAY - 1);
    assert_eq!(forgotten.get("/v1/clinics").0, 200);
    station.pass(1);
    assert_eq!(forgotten.get("/v1/clinics").0, 401);
}

#[test]
fn a_token_that_asks_too_often_is_held_for_a_minute_and_looks_are_noted_once_an_hour() {
    let station = Station::new();
    let mut program = Program::with(&station, &token(&station, &[Scope::See], &["north"]));
    let mut other = Program::with(&station, &token(&station, &[Scope::See], &["north"]));
    for _ in 0..3_000 {
        assert_eq!(program.get("/v1/clinics/north").0, 200);
    }
    let held = program.ask("GET", "/v1/clinics/north", &[], None);
    assert_eq!((held.status, held.header("retry-after")), (429, "60"));
    assert_eq!(other.get("/v1/clinics/north").0, 200, "another one's own");
    station.pass(60_000);
    assert_eq!(program.get("/v1/clinics/north").0, 200);
    let lines = |station: &Station| station.clinic("north").audited(i64::MAX, 10_000).unwrap().len();
    assert_eq!(lines(&station), 2, "one of each");
    station.pass(3_600_000);
    assert_eq!(program.get("/v1/clinics/north").0, 200);
    assert_eq!(lines(&station), 3);
}

#[test]
fn a_list_is_told_page_by_page_and_each_row_once() {
    let station = Station::new();
    day(&station, "north", "clinic-day-mixed", 3);
    let _ = found(&station, "north", 1);
    let _ = (station.code("north"), station.code("north"), station.code("north"));
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north", "south"]));
    for _ in 0..3 {
        program.get("/v1/clinics/north/findings?state=all");
        station.pass(3_600_000);
    }
    for (list, least) in [
        ("/v1/clinics", 2),
        ("/v1/clinics/north/sensors", 2),
        ("/v1/clinics/north/enrol-codes", 3),
        ("/v1/clinics/north/hosts", 15),
        ("/v1/clinics/north/facts", 60),
        ("/v1/clinics/north/coverage", 2),
        ("/v1/clinics/north/findings", 10),
        ("/v1/clinics/north/findings?state=all&level=medium", 5),
        ("/v1/clinics/north/audit", 3),
    ] {
        let joint = if list.contains('?') { '&' } else { '?' };
        let whole = program.get(&format!("{list}{joint}limit=500")).1;
        let whole = whole["items"].as_array().unwrap();
        assert!(whole.len() >= least, "{list}: {}", whole.len());
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = program.get(&format!("{list}{joint}limit=2{after}")).1;
            paged.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        // The audit grows while it is looked at: by the line that says so.
        let begin = paged.len() - whole.len().min(paged.len());
        assert_eq!(&paged[begin..], &whole[..], "{list}");
        assert!(begin <= usize::from(list.ends_with("audit")), "{list}");
        let different: BTreeSet<String> = paged.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), paged.len(), "{list}: told twice");
    }
    let levels = program.get("/v1/clinics/north/findings?limit=500").1;
    let rank =
        |f: &Value| ["critical", "high", "medium", "low", "info"].iter().position(|l| f["level"] == **l).unwrap();
    let ranks: Vec<usize> = levels["items"].as_array().unwrap().iter().map(rank).collect();
    assert!(ranks.is_sorted(), "the worst first: {ranks:?}");
}

#[test]
fn a_change_names_the_state_that_it_changes() {
    let station = Station::new();
    let Found { sensor, rule, subject, .. } = found(&station, "north", 1);
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    let finding = format!("/v1/clinics/north/findings/{sensor}/{rule}/{subject}");
    let decision = format!("{finding}/decision");
    let fixed = json!({ "what": "fixed", "reason": "The network is closed now." });
    let read = program.ask("GET", &finding, &[], None);
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    assert_eq!(program.post(&decision, &[], &fixed).0, 428);
    assert_eq!(program.post(&decision, &[("if-match", "\"0\"")], &fixed).0, 412);
    for bad in ["0", "\"0", "{}", "\"0\" \"1\"", "*, *", ""] {
        assert_eq!(program.post(&decision, &[("if-match", bad)], &fixed).0, 400, "{bad}");
    }
    assert_eq!(program.post(&decision, &[("if-match", &format!("W/{tag}"))], &fixed).0, 412, "a weak tag");
    let (status, done) = program.post(&decision, &[("if-match", &format!("\"0\", {tag}"))], &fixed);
    assert_eq!(
        (status, &done["standing"], &done["decisions"][0]["person"]),
        (200, &json!("watched"), &json!("token a test: see decide sensors ledger"))
    );
    assert_eq!(program.post(&decision, &[("if-match", &tag)], &fixed).0, 412, "it is another now");
    let accepted = json!({ "what": "accepted", "reason": "We live with that.", "until": "2026-12-01" });
    assert_eq!(program.post(&decision, &[("if-match", "*")], &accepted).0, 403, "a program accepts no risk");
    // The same for a sensor: shut out, and let in again.
    let path = format!("/v1/clinics/north/sensors/{sensor}");
    let tag = program.ask("GET", &path, &[], None).header("etag").to_owned();
    let out = json!({ "state": "revoked", "why": "it was stolen last night" });
    assert_eq!(program.post(&format!("{path}/state"), &[("if-match", &tag)], &out).0, 200);
    assert_eq!(program.post(&format!("{path}/state"), &[("if-match", &tag)], &out).0, 412);
    let state = station.clinic("north").sensors().unwrap()[0].clone();
    assert_eq!(state.state, SensorState::Revoked);
    assert!(state.why.contains("stolen last night (token a test"), "{}", state.why);
}

#[test]
fn a_request_that_comes_twice_is_done_once() -> Result<(), StoreError> {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.get("/tokens");
    let mut script = Program::of(&station, &maria);
    let codes = "/v1/clinics/north/enrol-codes";
    let key = [("idempotency-key", "order-66")];
    let wanted = json!({ "site": "main", "minutes": 30 });
    let (status, first) = script.post(codes, &key, &wanted);
    assert_eq!(status, 201);
    let code = first["code"].as_str().unwrap().to_owned();
    let (status, second) = script.post(codes, &key, &wanted);
    assert_eq!((status, &second["id"], &second["code"]), (201, &first["id"], &Value::Null), "it is not shown again");
    let answer =
        script.ask("POST", codes, &[key[0], ("content-type", "application/json")], Some(wanted.to_string().as_bytes()));
    assert_eq!(answer.header("location"), format!("{codes}/{}", first["id"].as_str().unwrap()));
    assert_eq!(station.clinic("north").codes_after(&[], 100)?.len(), 1);
    assert_eq!(script.post(codes, &key, &json!({ "site": "main" })).0, 422, "the key was another request's");
    assert_eq!(script.post("/v1/clinics/south/enrol-codes", &key, &wanted).0, 422, "another place");
    // What was refused may come again, mended; another asker has keys of its own.
    let again = [("idempotency-key", "order-67")];
    assert_eq!(script.post(codes, &again, &json!({ "site": "none" })).0, 422);
    assert_eq!(script.post(codes, &again, &wanted).0, 201);
    let mut program = Program::with(&station, &token(&station, &[Scope::Sensors], &["north"]));
    assert_eq!(program.post(codes, &key, &wanted).0, 201);
    // A token is shown once, too; nothing of either lies in the data base.
    let new = json!({ "title": "a robot", "scopes": ["see"], "clinics": ["north"], "until": "2026-12-01" });
    let made = script.post("/v1/tokens", &[("idempotency-key", "t")], &new).1;
    let secret = made["token"].as_str().unwrap().to_owned();
    assert_eq!(script.post("/v1/tokens", &[("idempotency-key", "t")], &new).1["token"], Value::Null);
    assert_eq!(Program::with(&station, &secret).get("/v1/clinics").0, 200);
    for file in ["archive.db", "archive.db-wal"] {
        let octets = std::fs::read(station.folder().join(file)).unwrap_or_default();
        for hidden in [&secret, &code] {
            assert!(!octets.windows(hidden.len()).any(|w| w == hidden.as_bytes()), "{file}");
        }
    }
    // After a day the key is free again.
    station.pass(MS_PER_DAY);
    maria.sign_in(auscult_tests::guest::PASSWORD, station.now());
    maria.get("/tokens");
    assert_eq!(Program::of(&station, &maria).post(codes, &key, &wanted).0, 201);
    Ok(())
}

#[test]
fn a_token_is_made_read_and_ended_over_the_api() {
    let station = Station::new();
    let mut maria = admin(&station);
    maria.get("/tokens");
    let mut script = Program::of(&station, &maria);
    let new = json!({ "title": "a robot", "scopes": ["see", "decide"], "clinics": ["north", "south"], "until": "2026-12-01" });
    let (status, made) = script.post("/v1/tokens", &[], &new);
    assert_eq!(status, 201);
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    let read = script.ask("GET", &path, &[], None);
    let said = json(&read);
    assert_eq!(
        (&said["scopes"], &said["clinics"], &said["token"]),
        (&json!(["see", "decide"]), &json!(["north", "south"]), &Value::Null)
    );
    assert_eq!(script.ask("DELETE", &path, &[], None).status, 428);
    let tag = read.header("etag").to_owned();
    let ended = script.ask("DELETE", &path, &[("if-match", &tag)], None);
    assert_eq!((ended.status, json(&ended)["revoked"].is_string()), (200, true));
    assert_eq!(script.ask("DELETE", &path, &[("if-match", &tag)], None).status, 412);
    assert_eq!(Program::with(&station, made["token"].as_str().unwrap()).get("/v1/clinics").0, 401);
    for wrong in [
        json!({ "title": "a robot", "scopes": [], "clinics": ["north"], "until": "2026-12-01" }),
        json!({ "title": "a robot", "scopes": ["all"], "clinics": ["north"], "until": "2026-12-01" }),
        json!({ "title": "a robot", "scopes": ["see"], "clinics": ["none"], "until": "2026-12-01" }),
        json!({ "title": "a robot", "scopes": ["see"], "clinics": ["north"], "until": "2020-12-01" }),
        json!({ "title": "a robot", "scopes": ["see"], "clinics": ["north"] }),
    ] {
        assert_eq!(script.post("/v1/tokens", &[], &wrong).0, 422, "{wrong}");
    }
}

#[test]
fn a_file_has_every_row_of_its_list_and_no_formula() {
    let station = Station::new();
    day(&station, "north", "clinic-day-mixed", 3);
    day(&station, "north", "old-windows-hints", 4);
    let clinic = station.clinic("north");
    let sensor = clinic.sensors().unwrap()[0].id;
    clinic.set_state(sensor, SensorState::Revoked, "=cmd|' /C calc'!A0, \"really\"", station.now()).unwrap();
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    let export = |program: &mut Program, file: &str| {
        let answer = program.ask("GET", &format!("/v1/clinics/north/exports/{file}"), &[], None);
        assert_eq!(answer.status, 200, "{file}: {}", answer.text);
        let name = format!("attachment; filename=\"north-{file}\"");
        assert_eq!(answer.header("content-disposition"), name);
        answer
    };
    for (list, query) in [
        ("findings", "?limit=500&state=all"),
        ("hosts", "?limit=500"),
        ("facts", "?limit=500"),
        ("sensors", "?limit=500"),
    ] {
        let items = program.get(&format!("/v1/clinics/north/{list}{query}")).1;
        assert_eq!(items["next"], Value::Null, "{list} has more than a page: compare all of it");
        let file = export(&mut program, &format!("{list}.csv"));
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = file.text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), items["items"].as_array().unwrap().len() + 1, "{list}");
        for line in &lines {
            assert!(
                !line.split(',').any(|cell| cell.trim_start_matches('"').starts_with(['=', '+', '-', '@'])),
                "{line}"
            );
        }
    }
    let sensors = export(&mut program, "sensors.csv").text;
    assert!(sensors.contains("\"'=cmd|' /C calc'!A0, \"\"really\"\"\""), "{sensors}");
    for (list, classes) in [("findings", &[2_002, 2_003][..]), ("hosts", &[5_001])] {
        let file = export(&mut program, &format!("{list}.jsonl"));
        let rows = export(&mut program, &format!("{list}.csv")).text.split_terminator("\r\n").count() - 1;
        let events: Vec<Value> = file.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(events.len() == rows && rows > 5, "{list}: {rows}");
        for event in &events {
            let (class, activity) = (event["class_uid"].as_u64().unwrap(), event["activity_id"].as_u64().unwrap());
            assert!(classes.contains(&class) && event["type_uid"] == class * 100 + activity, "{event}");
        }
        for class in classes {
            assert!(events.iter().any(|event| event["class_uid"] == *class), "none of {class} was compared");
        }
    }
    // The clinic's audit is not for everybody who sees it; a page gives the same files.
    let mut seer = Program::with(&station, &token(&station, &[Scope::See], &["north"]));
    assert_eq!(seer.get("/v1/clinics/north/exports/audit.csv").0, 403);
    assert!(export(&mut program, "audit.csv").text.contains("token a test"));
    let mut maria = admin(&station);
    let page = maria.get("/clinics/north/export/findings.csv");
    assert_eq!((page.status, page.text.lines().count() > 5), (200, true));
    assert_eq!(maria.get("/clinics/north/export/findings.exe").status, 404);
}
