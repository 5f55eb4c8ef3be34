//! The description of the API against the API, by a program that is not ours: Schemathesis (PyPI) asks every line with what the description
//! allows and with what it does not; OCSF's own schemas (`ocsf-json-schema`, PyPI) judge the events.
//!
//! Counts as failure: a status of 500 and more, a status, type or body that is not described, an event that the schema does not allow.
//! Both are installed by pip into `target/tmp/foreign/`; where they cannot be it says NOT RUN, with AUSCULT_FOREIGN=1 that is a failure.

use auscult_collector::access::{Scope, hex};
use auscult_tests::guest::{admin, found};
use auscult_tests::program::{Program, day, token};
use auscult_tests::station::Station;
use auscult_tests::target;
use base64ct::{Base64, Encoding};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_foreign_program_finds_nothing_that_the_description_does_not_say() {
    let Some(tools) = tools() else { return };
    let station = Station::new();
    day(&station, "north", "clinic-day-mixed", 3);
    let _ = found(&station, "south", 2);
    station.service().desk().ledger.take_all(&station.clinic("north"), station.now()).unwrap();
    let _time = Time::of(&station);
    let mut maria = admin(&station);
    maria.get("/tokens");
    let program = token(&station, &Scope::ALL, &["north", "south"]);
    let examples = examples(&station, &program);
    let cookie = maria.cookie.split_once('=').unwrap().1;
    let here = [("X-CSRF-Token", maria.csrf.as_str()), ("Sec-Fetch-Site", "same-origin")];
    // With a token, as an administrator in a session, as nobody.
    for (who, shown, headers, most) in [
        ("token", format!("[auth.openapi.token]\nbearer = \"{program}\"\n"), &[][..], 25),
        ("session", format!("[auth.openapi.session]\napi_key = \"{cookie}\"\n"), &here, 15),
        ("nobody", String::new(), &[], 3),
    ] {
        let said = schemathesis(&tools, &station, &format!("{examples}{shown}"), (headers, most));
        let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        println!("== {who}\n{text}");
        assert!(said.status.success(), "{who}");
        let count = text.lines().find_map(|line| line.trim().split_once(" generated")?.0.parse().ok());
        assert!(count.is_some_and(|count: u32| count > 1_000), "{who}: only {count:?} cases: is it still asking?");
        let is_shut_out = text.contains("operations returned only 401") && text.contains("401 Unauthorized");
        assert_eq!(is_shut_out, who == "nobody", "{who}");
    }
    assert_eq!(Program::with(&station, &program).get("/v1/clinics/north").0, 200, "it still answers");
}

#[test]
fn events_are_what_ocsf_allows() {
    let Some(tools) = tools() else { return };
    let station = Station::new();
    day(&station, "north", "clinic-day-mixed", 3);
    day(&station, "north", "old-windows-hints", 4);
    let mut program = Program::with(&station, &token(&station, &Scope::ALL, &["north"]));
    let events: String = ["findings.jsonl", "hosts.jsonl"]
        .map(|file| program.ask("GET", &format!("/v1/clinics/north/exports/{file}"), &[], None).text)
        .concat();
    let file = station.folder().join("events.jsonl");
    fs::write(&file, events).unwrap();
    let judged =
        Command::new("python3").args(["-c", JUDGE]).arg(&tools).arg(&file).env("PYTHONPATH", &tools).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned() + &String::from_utf8_lossy(&judged.stderr);
    println!("{said}");
    assert!(judged.status.success(), "{said}");
}

/// Reads events, and holds each to the schema of its class.
const JUDGE: &str = r#"
import json, pathlib, sys
import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded
tools, events = map(pathlib.Path, sys.argv[1:])
schema = OcsfJsonSchemaEmbedded(json.loads((tools / "ocsf_json_schema/ocsf/1.6.0.json").read_text()))
validators, seen, faults = {}, {}, []
for line in events.read_text().splitlines():
    event = json.loads(line)
    uid = event["class_uid"]
    if uid not in validators:
        validators[uid] = jsonschema_rs.Draft202012Validator(schema.get_class_schema(schema.lookup_class_name_from_uid(uid)))
    seen[uid] = seen.get(uid, 0) + 1
    faults += [f"{uid}: {e.message} at {list(e.instance_path)}" for e in validators[uid].iter_errors(event)]
print("events of each class:", seen)
for fault in sorted(set(faults))[:20]:
    print(fault)
sys.exit(bool(faults) or set(seen) != {2002, 2003, 5001})
"#;

/// Lets the collector's clock go on with this machine's: what a token may ask in a minute is counted by it.
struct Time(Arc<AtomicBool>);

impl Time {
    fn of(station: &Station) -> Time {
        let (stop, clock) = (Arc::new(AtomicBool::new(false)), Arc::clone(&station.clock));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
                // Ten times as fast: a foreign program asks quicker than any of ours would.
                clock.fetch_add(200, Ordering::Relaxed);
            }
        });
        Time(stop)
    }
}

impl Drop for Time {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Settings of Schemathesis: ids that there are, so that it comes past the doors.
fn examples(station: &Station, program: &str) -> String {
    let (_, page) = Program::with(station, program).get("/v1/clinics/north/findings?limit=1");
    let text = |name: &str| page["items"][0][name].as_str().unwrap().to_owned();
    // A token that may be ended, and a code that nobody uses.
    let _ = token(station, &[Scope::See], &["south"]);
    let tokens = station.store().api_tokens().unwrap();
    let ended = tokens.iter().find(|row| row.scopes == "see").unwrap();
    let parts = [
        ("clinic", "north".to_owned()),
        ("sensor", text("sensor")),
        ("rule", text("rule")),
        ("subject", text("subject")),
        ("token", hex(&ended.id.0)),
        ("code", hex(&station.code("north").id().0)),
    ];
    let parts: String = parts.iter().map(|(name, value)| format!("\"path.{name}\" = \"{value}\"\n")).collect();
    // A change without If-Match is 428 (RFC 6585).
    format!(
        "[parameters]\n{parts}[checks.missing_required_header]\nexpected-statuses = [400, 401, 403, 415, 422, 428]\n"
    )
}

fn schemathesis(tools: &Path, station: &Station, settings: &str, (headers, most): (&[(&str, &str)], u32)) -> Output {
    let at = station.service().addresses().people.unwrap().port();
    let authority = station.folder().join("authority.pem");
    let coded = Base64::encode_string(station.authority().certificate());
    let lines: Vec<&str> = coded.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    fs::write(&authority, pem).unwrap();
    let described = station.folder().join("openapi.json");
    fs::write(&described, auscult_collector::web::openapi().to_string()).unwrap();
    let file = station.folder().join("schemathesis.toml");
    fs::write(&file, settings).unwrap();
    let mut command = Command::new(tools.join("bin/schemathesis"));
    command.env("PYTHONPATH", tools).current_dir(station.folder());
    command.arg("--config-file").arg(file).arg("run").arg(&described);
    command.arg("--url").arg(format!("https://localhost:{at}")).arg("--tls-verify").arg(&authority);
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--seed", "7", "--no-color"]);
    command.args(["--max-examples", &most.to_string(), "--generation-database", "none"]);
    command.args(["--continue-on-failure", "--suppress-health-check", "all"]);
    for (name, value) in headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    command.output().unwrap()
}

/// What is looked at. Not whether everything that the schema allows is accepted: a day that has passed, a site that there is not and a tag
/// that is old are refused, and no schema can say so.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,allow_header_conformance,\
                      ignored_auth";

/// Where the foreign programs are; installs them the first time. `None`: they are not to be had.
fn tools() -> Option<PathBuf> {
    let folder = target().join("tmp/foreign");
    let ready = folder.join("ready-1");
    if !ready.exists() {
        let _ = fs::create_dir_all(&folder);
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"]).arg(&folder).args(TOOLS);
        let done = pip.output();
        if !done.as_ref().is_ok_and(|done| done.status.success()) {
            assert!(std::env::var_os("AUSCULT_FOREIGN").is_none(), "pip installs no {TOOLS:?}: {done:?}");
            eprintln!("NOT RUN, pip installs no {TOOLS:?}: {done:?}");
            return None;
        }
        fs::write(&ready, "").unwrap();
    }
    Some(folder)
}

const TOOLS: [&str; 2] = ["schemathesis==4.32.5", "ocsf-json-schema==1.2.0"];
