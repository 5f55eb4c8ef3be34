//! Enrolment and what a sensor is let in by: codes, keys, certificates, trust, and being shut out.
//!
//! Counts as failure: anything stored before the collector proved that it has the code; a secret in a log, an output, a
//! readable file or the list of processes; a sensor that stops hearing because it may not speak.

use auscult_agent::identity::Identity;
use auscult_agent::run::{enrol, rotate, status};
use auscult_agent::spool::look;
use auscult_report::batch::reports;
use auscult_report::code::{Code, CodeId};
use auscult_report::heartbeat::Heartbeat;
use auscult_report::key::LedgerId;
use auscult_report::payload::{EXTRA_HEALTH, Kind, Payload};
use auscult_report::renew::Renewal;
use auscult_tests::opposite::{Desk, page};
use auscult_tests::sensor::{Sensor, ended, is_whole};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use std::{fs, thread};

#[test]
fn a_sensor_enrols_waits_for_a_person_and_delivers_all_that_it_heard() {
    let (desk, sensor) = (Desk::open(), Sensor::fresh());
    desk.book().pending = 2;
    let file = sensor.folder.join("code.txt");
    fs::write(&file, desk.code().to_lowercase()).unwrap();
    let mut command = sensor.command("enrol");
    command.arg("--collector").arg(desk.address()).arg("--code-file").arg(&file);
    let (done, said) = ended(command.spawn().unwrap());
    assert!(done, "{said}");
    let identity = Identity::look(&sensor.config()).unwrap();
    for told in [identity.sensor().to_string(), identity.words().join(" "), "must now approve".to_owned()] {
        assert!(said.contains(&told), "{told}: {said}");
    }
    assert!(!file.exists(), "the code is of no use any more");
    assert_eq!(desk.book().keys, [identity.public()]);
    assert!(status(&sensor.config()).unwrap().contains("approved    not yet"));
    sensor.run();
    is_whole(&sensor, &desk);
    let paths = desk.book().paths().join(" ");
    let first = "/v1/enrol/hello /v1/enrol/finish /v1/sensor/renew /v1/sensor/renew /v1/sensor/renew /v1/sensor/alive";
    assert!(paths.starts_with(first), "{paths}");
    let bare = |path: &str| path.contains("enrol") || path.contains("renew");
    assert!(desk.book().asked.iter().all(|a| a.has_certificate != bare(&a.path)));
    let delivered = desk.book().verified();
    let full = delivered.iter().find_map(|r| match r.payload() {
        Some(Payload::Full(full)) => Some(full.clone()),
        _ => None,
    });
    assert!(full.unwrap().ext.iter().any(|extra| extra.tag == EXTRA_HEALTH));
    let screen = status(&sensor.config()).unwrap();
    for shown in ["approved    yes", "trust bundle 1", "delivered   up to epoch 0", "contact     last 20"] {
        assert!(screen.contains(shown), "{shown}: {screen}");
    }
    assert!(screen.lines().count() <= 24 && screen.lines().all(|l| l.len() <= 100), "{screen}");
    assert!(look(&sensor.config().state).head.unwrap().key_no == 0 && desk.book().repeated == 0);
}

#[test]
fn who_stands_between_is_refused_and_nothing_is_stored() {
    let (desk, sensor) = (Desk::open(), Sensor::fresh());
    let between = Desk::between(&desk);
    let refused = enrol(&sensor.config(), &desk.code(), &[between.address()], false).unwrap_err();
    assert!(refused.contains("somebody stands between"), "{refused}");
    assert!(!sensor.is_enrolled());
    assert_eq!(desk.book().paths(), ["/v1/enrol/hello"], "the last word was not said");
    sensor.enrol(&desk).unwrap();
}

#[test]
fn a_wrong_code_is_refused_and_nothing_is_stored() {
    let (desk, sensor) = (Desk::open(), Sensor::fresh());
    let typed = desk.code().replacen('1', "2", 1);
    let refused = enrol(&sensor.config(), &typed, &[desk.address()], false).unwrap_err();
    assert!(refused.contains("mistyped") || refused.contains("newer"), "{refused}");
    assert!(desk.book().asked.is_empty(), "a typing error is found here");
    let other = Code::new(CodeId([1, 2, 3, 4, 5]), [8; 15]).shown();
    let refused = enrol(&sensor.config(), &other, &[desk.address()], false).unwrap_err();
    assert!(refused.contains("the code is wrong"), "{refused}");
    desk.book().instead.push_back(("/v1/enrol/finish", page(403, "", b"refused\n")));
    let refused = sensor.enrol(&desk).unwrap_err();
    assert!(refused.contains("the code is wrong"), "{refused}");
    assert!(!sensor.is_enrolled());
    let nobody = enrol(&sensor.config(), &desk.code(), &["https://127.0.0.1:9".to_owned()], false).unwrap_err();
    assert!(nobody.contains("cannot be reached"), "{nobody}");
    desk.book().instead.push_back(("/v1/enrol/hello", page(200, "Content-Type: text/html\r\n", b"<html>")));
    let portal = sensor.enrol(&desk).unwrap_err();
    assert!(portal.contains("no collector"), "{portal}");
    for _ in 0..3 {
        desk.book().instead.push_back(("/v1/enrol/finish", page(409, "", b"")));
    }
    assert!(sensor.enrol(&desk).is_err(), "three times, then a person has to look");
    assert!(!sensor.is_enrolled());
    desk.book().instead.push_back(("/v1/enrol/finish", page(409, "", b"")));
    assert!(sensor.enrol(&desk).unwrap().is_confirmed);
    assert!(sensor.enrol(&desk).unwrap_err().contains("--again"));
    let again = enrol(&sensor.config(), &desk.code(), &[desk.address()], true).unwrap();
    assert_eq!(again.sensor, Identity::look(&sensor.config()).unwrap().sensor());
}

#[test]
fn a_sensor_of_one_clinic_is_not_put_into_another() {
    let (desk, other) = (Desk::open(), Desk::open());
    let sensor = Sensor::at(&desk);
    sensor.run();
    other.book().ledger = LedgerId([0xcd; 16]);
    let refused = enrol(&sensor.config(), &other.code(), &[other.address()], true).unwrap_err();
    assert!(refused.contains("another clinic"), "{refused}");
    assert!(other.book().sensor.is_none(), "the code is not used up");
    sensor.run();
    is_whole(&sensor, &desk);
}

#[test]
fn secrets_are_for_the_sensor_alone() {
    let (desk, sensor) = (Desk::open(), Sensor::with("[collector]\nlinger_s = 60\n[log]\nlevel = \"debug\"\n"));
    desk.book().delay = Duration::from_millis(300);
    let mut child = sensor.command("enrol").arg("--collector").arg(desk.address()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", desk.code()).as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(200));
    let arguments = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    let (done, mut said) = ended(child);
    assert!(done, "{said}");
    desk.book().delay = Duration::ZERO;
    let (done, log) = ended(sensor.command("run").spawn().unwrap());
    assert!(done && log.contains("delivered"), "{log}");
    said += &log;
    said += &String::from_utf8_lossy(&arguments);
    let code = desk.code();
    let mut secrets = vec![code.replace('-', ""), code.clone()];
    secrets.extend(code.split('-').filter(|part| !part.chars().all(|c| c == '0')).map(str::to_owned));
    for file in fs::read_dir(sensor.folder.join("state/keys")).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        if file.path().extension().is_some_and(|e| e == "key") {
            let octets = fs::read(file.path()).unwrap();
            secrets.push(octets.iter().map(|o| format!("{o:02x}")).collect());
            secrets.push(format!("{octets:?}"));
        }
    }
    let has = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    assert!(!has(&said), "{said}");
    for file in fs::read_dir(sensor.folder.join("state")).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_file()) {
        assert!(!has(&String::from_utf8_lossy(&fs::read(&file).unwrap())), "{}", file.display());
    }
}

#[test]
fn keys_lie_where_the_documentation_says() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    for name in ["sensor-0.key", "pseudonym.key", "tls.key", "tls.crt", "trust", "ledger", "epoch"] {
        assert!(sensor.key(name).exists(), "{name}");
    }
}

#[test]
fn a_certificate_that_is_not_taken_is_renewed_and_the_same_octets_are_sent() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    desk.book().instead.push_back(("/v1/reports", page(401, "", b"")));
    sensor.run();
    is_whole(&sensor, &desk);
    let book = desk.book();
    let (paths, bodies) = (book.paths(), book.bodies("/v1/reports"));
    let at = paths.iter().position(|p| *p == "/v1/reports").unwrap();
    assert_eq!(paths[at..at + 3], ["/v1/reports", "/v1/sensor/renew", "/v1/reports"]);
    // What was heard meanwhile may have joined them.
    let (first, second) = (reports(bodies[0]).unwrap(), reports(bodies[1]).unwrap());
    assert!(first.iter().all(|octets| second.contains(octets)), "the same octets");
    let requests: Vec<_> = book.bodies("/v1/sensor/renew");
    assert_ne!(requests[0], requests[1], "each certificate has a key of its own");
}

#[test]
fn a_certificate_whose_end_is_past_is_renewed_without_it() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    desk.book().years = (2019, 2021);
    sensor.run();
    is_whole(&sensor, &desk);
    let book = desk.book();
    assert_eq!(book.bodies("/v1/sensor/renew").len(), 2);
    assert!(book.asked.iter().filter(|a| a.path.ends_with("renew")).all(|a| !a.has_certificate));
    assert!(book.asked.iter().filter(|a| a.path == "/v1/reports").all(|a| a.has_certificate));
}

#[test]
fn the_next_key_signs_what_comes_after_and_the_next_request() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    assert_eq!(rotate(&sensor.config()), Ok(1));
    sensor.run();
    is_whole(&sensor, &desk);
    assert_eq!(desk.book().keys.len(), 2);
    desk.book().instead.push_back(("/v1/sensor/alive", page(401, "", b"")));
    sensor.run();
    let book = desk.book();
    let asked = book.bodies("/v1/sensor/renew").last().map(|b| Renewal::read(b).unwrap().claimed().key_no);
    assert_eq!(asked, Some(1));
    assert!(book.verified().iter().any(|r| r.header().key_no == 1 && r.header().kind == Kind::Full));
}

#[test]
fn a_newer_trust_bundle_is_taken_over() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    desk.book().bundle_version = 3;
    sensor.run();
    sensor.run();
    assert!(status(&sensor.config()).unwrap().contains("trust bundle 3"));
    let beat = desk.book().bodies("/v1/sensor/alive").last().map(|b| Heartbeat::claimed(b).unwrap()).unwrap();
    assert_eq!(beat.bundle_version, 3);
}

#[test]
fn a_sensor_that_was_shut_out_keeps_what_it_hears_and_says_why() {
    for (word, shown) in
        [("revoked", "was revoked"), ("closed", "out of service"), ("pending", "has to look at this sensor")]
    {
        let desk = Desk::open();
        let sensor = Sensor::with("[collector]\nlinger_s = 2\n");
        sensor.enrol(&desk).unwrap();
        desk.book().shut_out = Some(word);
        sensor.run();
        let screen = status(&sensor.config()).unwrap();
        assert!(screen.contains(shown), "{screen}");
        let asked = desk.book().asked.len();
        assert!(asked <= 6, "{word}: {asked} requests in two seconds");
        assert!(look(&sensor.config().state).reports >= 3 && sensor.settled().is_none());
    }
}
