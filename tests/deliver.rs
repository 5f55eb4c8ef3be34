//! Enrolment and delivery as they happen, against a collector on loopback that tells the truth, lies, forgets or is not there.
//!
//! Counts as failure: anything stored before the collector proved that it has the code; a report that was settled and that
//! no receipt named; a report that is neither delivered, waiting nor told of by a Gap; a secret in a log, an output, a
//! readable file or the list of processes. Does not: a report that is sent twice; a sign of life more than needed.

use auscult_agent::config::Config;
use auscult_agent::identity::{Identity, NOT_ENROLLED, Papers};
use auscult_agent::run::{Enrolled, enrol, rotate, run, status};
use auscult_agent::spool::look;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::payload::{EXTRA_CONTRADICTION, EXTRA_HEALTH, EpochReason, GapReason, Kind, Payload, Place};
use auscult_report::receipt::{Outcome, Receipt};
use auscult_report::renew::Renewal;
use auscult_tests::desk::{Desk, page};
use auscult_tests::{agent, root};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// A sensor's folder with its configuration.
struct Sensor {
    folder: PathBuf,
}

impl Sensor {
    fn new() -> Sensor {
        Sensor::with("[collector]\nlinger_s = 60\n")
    }

    fn with(more: &str) -> Sensor {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("auscult-deliver-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n[window]\n\
             length_s = 60\n[capture]\nspeed = 0\nreplay = \"{1}/tests/captures/clinic-day-mixed.pcap\"\n{more}",
            folder.display(),
            root().display()
        );
        fs::write(folder.join("agent.toml"), text).unwrap();
        Sensor { folder }
    }

    /// Enrolled at a desk.
    fn at(desk: &Desk) -> Sensor {
        let sensor = Sensor::new();
        sensor.enrol(desk).unwrap();
        sensor
    }

    fn config(&self) -> Config {
        Config::read(&fs::read_to_string(self.folder.join("agent.toml")).unwrap()).unwrap()
    }

    fn enrol(&self, desk: &Desk) -> Result<Enrolled, String> {
        enrol(&self.config(), &desk.code(), &[desk.address()], false)
    }

    /// Hears the capture once more and delivers, until all is delivered.
    fn run(&self) {
        run(&self.config(), &Arc::new(AtomicBool::new(false))).unwrap();
    }

    fn command(&self, command: &str) -> Command {
        let mut run = agent();
        run.arg(command).arg("-c").arg(self.folder.join("agent.toml"));
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.join("state/keys").join(name)
    }

    fn is_enrolled(&self) -> bool {
        let papers = Papers::open(&self.config().state).unwrap();
        papers.trust().is_some() || Identity::look(&self.config()).unwrap().ledger() != NOT_ENROLLED
    }

    fn settled(&self) -> Option<Place> {
        look(&self.config().state).settled
    }

    fn head(&self) -> Place {
        look(&self.config().state).head.unwrap().place
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn ended(mut child: Child) -> (bool, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().success(), out + &err)
}

/// The collector holds the whole chain of the sensor, and the sensor knows it.
fn is_whole(sensor: &Sensor, desk: &Desk) {
    let book = desk.book();
    assert_eq!(book.head.map(|h| h.place), Some(sensor.head()), "{:?}", book.paths());
    assert_eq!(sensor.settled(), Some(sensor.head()));
}

#[test]
fn a_sensor_enrols_waits_for_a_person_and_delivers_all_that_it_heard() {
    let (desk, sensor) = (Desk::open(), Sensor::new());
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
    let reports = desk.book().verified();
    let full = reports.iter().find_map(|r| match r.payload() {
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
    let (desk, sensor) = (Desk::open(), Sensor::new());
    let between = Desk::between(&desk);
    let refused = enrol(&sensor.config(), &desk.code(), &[between.address()], false).unwrap_err();
    assert!(refused.contains("somebody stands between"), "{refused}");
    assert!(!sensor.is_enrolled());
    assert_eq!(desk.book().paths(), ["/v1/enrol/hello"], "the last word was not said");
    sensor.enrol(&desk).unwrap();
}

#[test]
fn a_wrong_code_is_refused_and_nothing_is_stored() {
    let (desk, sensor) = (Desk::open(), Sensor::new());
    let typed = desk.code().replacen('1', "2", 1);
    let refused = enrol(&sensor.config(), &typed, &[desk.address()], false).unwrap_err();
    assert!(refused.contains("mistyped") || refused.contains("newer"), "{refused}");
    assert!(desk.book().asked.is_empty(), "a typing error is found here");
    let other = auscult_report::code::Code::new(auscult_report::code::CodeId([1, 2, 3, 4, 5]), [8; 15]).shown();
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
    other.book().ledger = auscult_report::key::LedgerId([0xcd; 16]);
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
    assert_eq!(bodies[0], bodies[1], "the same octets in the same order");
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
fn what_no_receipt_names_is_not_settled() {
    let desk = Desk::open();
    let sensor = Sensor::with("[collector]\nlinger_s = 3\n");
    sensor.enrol(&desk).unwrap();
    let receipt =
        |receipt: Receipt| page(200, "Content-Type: application/vnd.auscult.receipt\r\n", &receipt.encode().unwrap());
    let mut stranger = Receipt { next_contact_s: 900, ..Receipt::default() };
    let result = auscult_report::receipt::ItemResult { report: [9; 32], outcome: Outcome::Stored };
    stranger.results = vec![result; 64].try_into().unwrap();
    for _ in 0..40 {
        let mut book = desk.book();
        book.instead.push_back(("/v1/reports", receipt(Receipt::default())));
        book.instead.push_back(("/v1/reports", receipt(stranger.clone())));
        book.instead.push_back(("/v1/reports", page(200, "Content-Type: text/html\r\n", b"<html>Welcome</html>")));
        book.instead.push_back(("/v1/reports", page(503, "Retry-After: 1\r\n", b"")));
    }
    sensor.run();
    assert!(!desk.book().bodies("/v1/reports").is_empty());
    assert_eq!((sensor.settled(), desk.book().stored.len()), (None, 0));
    assert!(status(&sensor.config()).unwrap().contains("trouble "), "{}", status(&sensor.config()).unwrap());
    desk.book().instead.clear();
    let text = fs::read_to_string(sensor.folder.join("agent.toml")).unwrap();
    fs::write(sensor.folder.join("agent.toml"), text.replace("linger_s = 3", "linger_s = 60")).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
}

#[test]
fn a_kill_between_receipt_and_settling_doubles_nothing() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    for _ in 0..4 {
        desk.book().instead.push_back(("/v1/sensor/alive", page(409, "", b"")));
        desk.book().instead.clear();
        let mut child = sensor.command("run").spawn().unwrap();
        desk.book().kills = Some(child.id());
        assert!(!child.wait().unwrap().success(), "it was not killed");
        assert!(desk.book().stored.len() > 1);
    }
    sensor.run();
    is_whole(&sensor, &desk);
    let reports = desk.book().verified();
    assert!(reports.iter().all(|r| r.header().place.epoch == 0), "no epoch was begun");
    println!("{} reports, {} came twice", reports.len(), desk.book().repeated);
}

#[test]
fn a_collector_that_is_away_costs_nothing() {
    let mut desk = Desk::open();
    let sensor = Sensor::with("[collector]\nlinger_s = 2\n");
    sensor.enrol(&desk).unwrap();
    desk.close();
    sensor.run();
    let screen = status(&sensor.config()).unwrap();
    assert!(screen.contains("cannot be reached") && screen.contains("failure"), "{screen}");
    assert_eq!((sensor.settled(), desk.book().stored.len()), (None, 0));
    desk.reopen();
    let text = fs::read_to_string(sensor.folder.join("agent.toml")).unwrap();
    fs::write(sensor.folder.join("agent.toml"), text.replace("linger_s = 2", "linger_s = 60")).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
    assert!(!status(&sensor.config()).unwrap().contains("trouble"));
}

#[test]
fn a_disk_that_was_put_back_begins_a_new_epoch() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let old = fs::read(sensor.folder.join("state/chain")).unwrap();
    let spool = sensor.folder.join("state/spool");
    let kept: Vec<_> = fs::read_dir(&spool).unwrap().map(|f| f.unwrap().path()).collect();
    sensor.run();
    for file in fs::read_dir(&spool).unwrap().map(|f| f.unwrap().path()).filter(|f| !kept.contains(f)) {
        fs::remove_file(file).unwrap();
    }
    fs::write(sensor.folder.join("state/chain"), old).unwrap();
    sensor.run();
    is_whole(&sensor, &desk);
    let reasons: Vec<EpochReason> = desk
        .book()
        .verified()
        .iter()
        .filter_map(|r| match r.payload() {
            Some(Payload::EpochStart(start)) => Some(start.reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons[0], EpochReason::Enrolled);
    assert!(reasons[1..].iter().all(|r| matches!(r, EpochReason::HeadOld | EpochReason::Conflict)), "{reasons:?}");
    assert_eq!(reasons.len(), 2);
}

#[test]
fn what_a_restored_collector_lost_is_sent_again_and_what_is_not_here_any_more_is_bridged() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let before = desk.book().stored.clone();
    desk.book().forget_behind(Place { epoch: 0, seq: 1 });
    sensor.run();
    is_whole(&sensor, &desk);
    assert!(before.iter().all(|(place, octets)| desk.book().stored.get(place) == Some(octets)), "the same octets");
    // Now it lost what the sensor keeps no more.
    desk.book().forget_behind(Place { epoch: 0, seq: 0 });
    fs::remove_file(sensor.folder.join(format!("state/spool/{:08x}-{:016x}.report", 0, 1))).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (config, halt) = (Config { then: auscult_agent::config::Then::Stay, ..sensor.config() }, Arc::clone(&stop));
    let daemon = thread::spawn(move || run(&config, &halt));
    wait_until(|| desk.book().head.is_some_and(|h| h.place.epoch == 1));
    stop.store(true, Ordering::SeqCst);
    daemon.join().unwrap().unwrap();
}

#[test]
fn a_report_that_is_refused_for_good_is_told_by_a_gap_and_the_chain_goes_on() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    desk.book().outcomes.insert(Place { epoch: 0, seq: 2 }, Outcome::RefusedSize);
    sensor.run();
    is_whole(&sensor, &desk);
    let reports = desk.book().verified();
    let gap = reports.iter().find_map(|r| match r.payload() {
        Some(Payload::Gap(gap)) => Some((gap.from, gap.to, gap.why)),
        _ => None,
    });
    assert_eq!(gap, Some((2, 2, GapReason::Refused)));
    assert_eq!(fs::read_dir(sensor.folder.join("state/parked")).unwrap().count(), 1);
}

#[test]
fn a_conflict_begins_one_new_epoch_and_is_not_sent_for_ever() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    let next = Place { seq: sensor.head().seq + 1, ..sensor.head() };
    desk.book().outcomes.insert(next, Outcome::Conflict);
    sensor.run();
    let book = desk.book();
    assert_eq!(book.head.map(|h| h.place), Some(sensor.head()));
    assert_eq!(sensor.head().epoch, 1);
    assert_eq!(sensor.settled(), Some(sensor.head()));
    assert!(!book.stored.contains_key(&next));
}

#[test]
fn a_keeper_who_rewrites_his_ledger_is_told_of_in_the_next_report() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    desk.book().rewrite_ledger();
    let (done, log) = ended(sensor.command("run").spawn().unwrap());
    assert!(done && log.contains("contradicts"), "{log}");
    let screen = status(&sensor.config()).unwrap();
    assert!(screen.contains("contradicted himself"), "{screen}");
    // What that run heard may have been sealed before the receipt came.
    sensor.run();
    let reports = desk.book().verified();
    let told = reports.iter().find_map(|r| {
        let ext = match r.payload()? {
            Payload::Full(full) => &full.ext,
            Payload::Changes(changes) => &changes.ext,
            Payload::Event(event) => &event.ext,
            _ => return None,
        };
        ext.iter().find(|e| e.tag == EXTRA_CONTRADICTION).map(|e| e.octets.to_vec())
    });
    assert!(told.unwrap().starts_with(b"archive.example/ledger/"));
    is_whole(&sensor, &desk);
}

#[test]
fn a_new_generation_of_the_ledger_is_followed() {
    let desk = Desk::open();
    let sensor = Sensor::at(&desk);
    sensor.run();
    desk.book().rewrite_ledger();
    desk.book().generation = 2;
    sensor.run();
    let before = desk.book().asked.len();
    sensor.run();
    assert!(desk.book().asked.len() > before);
    is_whole(&sensor, &desk);
    let screen = status(&sensor.config()).unwrap();
    assert!(!screen.contains("contradicted"), "{screen}");
    let beat = desk.book().bodies("/v1/sensor/alive").last().map(|b| Heartbeat::claimed(b).unwrap()).unwrap();
    assert!(beat.seen.is_some(), "the new ledger is seen");
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
    for (word, shown) in [("revoked", "was revoked"), ("closed", "out of service"), ("pending", "not approved")] {
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

#[test]
fn three_sensors_live_in_one_process_and_stop_soon_when_told() {
    let desks = [Desk::open(), Desk::open(), Desk::open()];
    let sensors = desks.each_ref().map(Sensor::at);
    let stop = Arc::new(AtomicBool::new(false));
    let daemons = sensors.each_ref().map(|sensor| {
        let config = Config { then: auscult_agent::config::Then::Stay, ..sensor.config() };
        let stop = Arc::clone(&stop);
        thread::spawn(move || run(&config, &stop))
    });
    wait_until(|| (0..3).all(|n| sensors[n].settled().is_some_and(|settled| settled == sensors[n].head())));
    desks[2].book().delay = Duration::from_secs(60);
    let told = Instant::now();
    stop.store(true, Ordering::SeqCst);
    for daemon in daemons {
        daemon.join().unwrap().unwrap();
    }
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    for (sensor, desk) in sensors.iter().zip(&desks).take(2) {
        is_whole(sensor, desk);
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

fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not happen within a minute");
}
