//! `auscult-agent check` as the technician meets it: in a network namespace of each test's own, with cables that are plugged in
//! well and badly, and a collector that is there, away, another's, or still thinking.
//!
//! Counts as failure: a box that does not hear and is called well, one that hears and is called wrong, a wrong exit status, a
//! line without advice where one is needed, a frame that leaves the heard interface.

use auscult_tests::cable::{Listener, Mouth, cable, counted, frames, ip, is_inside};
use auscult_tests::opposite::Desk;
use auscult_tests::sensor::{Sensor, wait_until};
use auscult_tests::{agent, recorded, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A sensor that hears these interfaces, each with its role.
fn sensor(interfaces: &[(&str, &str)]) -> Sensor {
    let sensor = Sensor::with("");
    let mut text = format!(
        "state = \"{0}/state\"\n[identity]\nmachine_id = \"{0}/none\"\n[clinic]\nhome = [\"192.168.20.0/24\"]\n\
         [memory]\ncap_mib = 96\n",
        sensor.folder.display()
    );
    for (name, role) in interfaces {
        text += &format!("[[capture.interface]]\nname = \"{name}\"\nrole = \"{role}\"\n");
    }
    fs::write(sensor.folder.join("agent.toml"), text).unwrap();
    sensor
}

/// What a check says of each thing, and its exit status.
struct Told {
    status: i32,
    document: Value,
}

impl Told {
    fn of(output: &Output) -> Told {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let document: Value = serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let schema: Value = serde_json::from_slice(&fs::read(root().join("agent/check.schema.json")).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:#?} {document:#}");
        for line in document["checks"].as_array().unwrap() {
            assert_eq!(line["grade"] == "ok", line["try"].is_null(), "advice where it is needed: {line}");
        }
        Told { status: output.status.code().unwrap(), document }
    }

    fn line(&self, about: &str) -> &Value {
        let lines = self.document["checks"].as_array().unwrap();
        lines.iter().find(|l| l["check"] == about).unwrap_or_else(|| panic!("no {about}: {:#}", self.document))
    }

    fn is(&self, about: &str, grade: &str, words: &str) {
        let line = self.line(about);
        let said = format!("{} {}", line["found"], line["try"]);
        assert!(line["grade"] == grade && said.contains(words), "{about} is not {grade} with {words}: {line}");
    }
}

/// Checks for two seconds, while `meanwhile` goes on; begins again with it until the check is over.
fn check(sensor: &Sensor, mut meanwhile: impl FnMut() + Send) -> Told {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                meanwhile();
                // Not more than a slow machine under load can hear.
                thread::sleep(std::time::Duration::from_millis(300));
            }
        });
        let output = run(sensor, &["--seconds", "2", "--format", "json"]);
        is_over.store(true, Ordering::Relaxed);
        Told::of(&output)
    })
}

fn run(sensor: &Sensor, arguments: &[&str]) -> Output {
    let mut command = agent();
    command.arg("check").arg("-c").arg(sensor.folder.join("agent.toml")).args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

/// The frames of a day in a clinic.
fn day() -> Vec<Vec<u8>> {
    frames(&recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap()).unwrap()
}

/// Frames for all, as on any port: who has this address?
fn questions() -> Vec<Vec<u8>> {
    let ask = |n: u8| {
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 0, 0, 9, n, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 9, n, 192, 168, 20, n]);
        frame.extend([0, 0, 0, 0, 0, 0, 192, 168, 20, 1]);
        frame.resize(60, 0);
        frame
    };
    (10..40).map(ask).collect()
}

#[test]
fn each_way_to_plug_it_in_is_told_from_the_others() {
    if !is_inside("each_way_to_plug_it_in_is_told_from_the_others") {
        return;
    }
    for end in ["quiet", "plain", "half", "mirror"] {
        cable(end, &format!("{end}-t"));
    }
    ip("link add name down type veth peer name down-t");
    ip("link add name loose type veth peer name loose-t");
    ip("link set loose up");
    let day = day();
    let one_side: Vec<Vec<u8>> = day.iter().filter(|f| f[6..12] > f[..6]).cloned().collect();
    let interfaces = ["quiet", "plain", "half", "mirror", "down", "loose", "gone"].map(|name| (name, "mirror"));
    let sensor = sensor(&interfaces);
    let mut mouths = ["plain-t", "half-t", "mirror-t"].map(Mouth::at);
    let told = check(&sensor, || {
        mouths[0].say_all(&questions());
        mouths[1].say_all(&one_side);
        mouths[2].say_all(&day);
    });
    let mut said = Vec::new();
    for line in told.document["checks"].as_array().unwrap().iter().filter(|l| l["check"] == "interface") {
        let (of, grade, sight) = (&line["of"], &line["grade"], &line["figures"]["sight"]);
        said.push([of, grade, sight].map(|v| v.as_str().unwrap_or_default().to_owned()));
        println!("{line}");
    }
    let wanted = [
        ["quiet", "wrong", "nothing"],
        ["plain", "wrong", "broadcast"],
        ["half", "attention", "one-sided"],
        ["mirror", "ok", "mirror"],
        ["down", "wrong", "nothing"],
        ["loose", "wrong", "nothing"],
        ["gone", "wrong", "nothing"],
    ];
    assert_eq!(said, wanted);
    assert_eq!((told.status, &told.document["verdict"]), (4, &Value::from("wrong")));
    let text = told.document.to_string();
    for words in [
        "not one frame came in",
        "no mirror port",
        "both directions",
        "ip link set down up",
        "no cable",
        "this machine has lo",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let mirror = &told.document["checks"].as_array().unwrap().iter().find(|l| l["of"] == "mirror").unwrap()["figures"];
    assert!(mirror["protocols"].as_array().unwrap().contains(&Value::from("dicom")), "{mirror}");
    assert_eq!((mirror["lost"].as_u64(), mirror["way"].as_str()), (Some(0), Some("ring")));
    for end in ["quiet", "plain", "half", "mirror"] {
        assert_eq!(counted(end).1, 0, "{end}: a frame left it");
    }
}

#[test]
fn a_box_that_hears_and_is_trusted_is_well_and_one_that_is_not_says_why() {
    if !is_inside("a_box_that_hears_and_is_trusted_is_well_and_one_that_is_not_says_why") {
        return;
    }
    cable("heard", "there");
    let (sensor, day) = (sensor(&[("heard", "mirror")]), day());
    let mut mouth = Mouth::at("there");
    let mut hears = || mouth.say_all(&day);

    let told = check(&sensor, &mut hears);
    told.is("state", "attention", "is not there yet");
    assert_eq!(told.status, 3);
    assert!(!sensor.folder.join("state").exists(), "a check makes nothing");

    let mut desk = Desk::open();
    desk.book().pending = 1;
    sensor.enrol(&desk).unwrap();
    let told = check(&sensor, &mut hears);
    told.is("collector", "attention", "approve this sensor");
    told.is("keys", "ok", "the words are: ");
    assert_eq!(told.status, 3);

    let told = check(&sensor, &mut hears);
    told.is("collector", "ok", "has just approved");
    told.is("certificate", "ok", "valid until 2099");
    let told = check(&sensor, &mut hears);
    told.is("collector", "ok", "it knows this sensor");
    told.is("interface", "ok", "both sides");
    told.is("enrolled", "ok", "trust bundle 1");
    told.is("agent", "ok", "does not run");
    let worst = |told: &Told| {
        let lines = told.document["checks"].as_array().unwrap().iter();
        lines.filter(|l| l["check"] != "clock" && l["check"] != "temperature").all(|l| l["grade"] == "ok")
    };
    assert!(worst(&told), "{:#}", told.document);
    // The clock of this machine may be set by nobody.
    let is_set = told.line("clock")["grade"] == "ok" && told.document["verdict"] == "ok";
    assert_eq!(told.status, if is_set { 0 } else { 3 });
    let asked = desk.book().paths().iter().filter(|p| **p == "/v1/sensor/alive").count();
    assert!(asked >= 1 && desk.book().stored.is_empty(), "a sign of life, and no report");

    desk.book().shut_out = Some("revoked");
    check(&sensor, &mut hears).is("collector", "wrong", "revoked");
    desk.book().shut_out = None;
    let page = auscult_tests::opposite::page(200, "Content-Type: text/html\r\n", b"<h1>Welcome to the hotel</h1>");
    desk.book().instead.push_back(("/v1/sensor/alive", page));
    check(&sensor, &mut hears).is("collector", "wrong", "a portal or a proxy");
    desk.close();
    let told = check(&sensor, &mut hears);
    told.is("collector", "wrong", "refused");
    told.is("interface", "ok", "both sides");
    assert_eq!(told.status, 4, "it hears, and nobody is told");
}

#[test]
fn somebody_else_in_the_collectors_place_is_not_trusted() {
    let sensor = sensor(&[("nowhere0", "lan")]);
    let desk = Desk::open();
    sensor.enrol(&desk).unwrap();
    sensor_asks(&sensor, &desk);
    // The trust bundle names the port: there somebody else listens now.
    let port = desk.port;
    drop(desk);
    let mut stranger = Desk::open();
    stranger.close();
    stranger.port = port;
    stranger.reopen();
    let told = Told::of(&run(&sensor, &["--seconds", "1", "--format", "json"]));
    told.is("collector", "wrong", "who answers there is not ours");
    assert_eq!(told.status, 4);
}

/// The sensor is approved.
fn sensor_asks(sensor: &Sensor, desk: &Desk) {
    let told = Told::of(&run(sensor, &["--seconds", "1", "--format", "json"]));
    told.is("collector", "ok", "it is ours");
    assert!(desk.book().paths().contains(&"/v1/sensor/renew"));
}

#[test]
fn beside_a_running_agent_it_listens_and_reads_what_the_agent_left() {
    if !is_inside("beside_a_running_agent_it_listens_and_reads_what_the_agent_left") {
        return;
    }
    cable("heard", "there");
    let (sensor, day, desk) = (sensor(&[("heard", "lan")]), day(), Desk::open());
    sensor.enrol(&desk).unwrap();
    let mut listener = Listener::run(&sensor.folder);
    let left = sensor.folder.join("state/delivery");
    wait_until(|| fs::read_to_string(&left).is_ok_and(|told| !told.contains("\"receipt_ms\":null")));
    // The agent delivers what it hears; what a check would ask is asked for by nobody else in this window.
    let asks = || desk.book().paths().iter().filter(|p| **p != "/v1/reports").count();
    let asked = asks();
    let mut mouth = Mouth::at("there");
    let told = check(&sensor, || mouth.say_all(&day));
    told.is("collector", "ok", "by the running agent: last receipt");
    told.is("agent", "ok", "runs");
    told.is("interface", "ok", "both sides");
    assert_eq!(asks(), asked, "two speakers with one chain");
    listener.stop();
}

#[test]
fn an_agent_that_has_just_begun_is_not_judged_by_how_the_one_before_ended() {
    if !is_inside("an_agent_that_has_just_begun_is_not_judged_by_how_the_one_before_ended") {
        return;
    }
    cable("heard", "there");
    let sensor = sensor(&[("heard", "lan")]);
    for _ in 0..2 {
        let mut listener = Listener::run(&sensor.folder);
        listener.until(" heard ");
        let told = Told::of(&run(&sensor, &["--seconds", "1", "--format", "json"]));
        told.is("agent", "ok", "its first window has not ended yet");
        listener.stop();
        std::mem::forget(listener);
    }
}

#[test]
fn root_looks_at_the_folder_of_another_user_and_leaves_nothing_there() {
    if !is_inside("root_looks_at_the_folder_of_another_user_and_leaves_nothing_there") {
        return;
    }
    cable("heard", "there");
    let (sensor, desk) = (sensor(&[("heard", "lan")]), Desk::open());
    sensor.enrol(&desk).unwrap();
    let state = sensor.folder.join("state");
    let told = || Told::of(&run(&sensor, &["--seconds", "1", "--format", "json"]));
    told().is("collector", "ok", "it is ours");
    let given = Command::new("chown").args(["-R", "65534:65534"]).arg(&state).status().unwrap();
    if !given.success() {
        eprintln!("NOT RUN, no other user is to be had here: root_looks_at_the_folder_of_another_user");
        return;
    }
    let files = || walkdir(&state);
    let before = files();
    let alone = told();
    alone.is("collector", "ok", "it knows this sensor");
    alone.is("keys", "ok", "for their owner only");
    assert_eq!(alone.line("state")["figures"]["owner"], 65_534);
    // As if an agent ran: it holds the lock, and left how delivery stands.
    fs::write(state.join("delivery"), "{\"receipt_ms\":1795000000000}").unwrap();
    let lock = fs::File::open(state.join("lock")).unwrap();
    lock.try_lock().unwrap();
    told().is("collector", "ok", "by the running agent: last receipt 2026-11-18");
    fs::remove_file(state.join("delivery")).unwrap();
    assert_eq!(files(), before, "a file that its agent cannot read, or none that it had");
}

/// Files below a folder, with their owners.
fn walkdir(folder: &Path) -> BTreeSet<(PathBuf, u32)> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            all.extend(walkdir(&entry.path()));
        }
        all.insert((entry.path(), entry.metadata().unwrap().uid()));
    }
    all
}

#[test]
fn the_folder_and_the_keys_are_looked_at() {
    let sensor = sensor(&[("nowhere0", "lan")]);
    let open = |mode| fs::set_permissions(sensor.folder.join("state"), fs::Permissions::from_mode(mode)).unwrap();
    let told = || Told::of(&run(&sensor, &["--seconds", "1", "--format", "json"]));
    let command = sensor.command("identity").output().unwrap();
    assert!(command.status.success());
    let before = told();
    before.is("state", "ok", "for its owner only");
    before.is("keys", "ok", "the words are: ");
    before.is("enrolled", "attention", "auscult-agent enrol");
    open(0o755);
    told().is("state", "attention", "chmod 700");
    open(0o700);
    let key = sensor.key("sensor-0.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = told();
    exposed.is("keys", "wrong", "may be read by others");
    assert_eq!(exposed.status, 4);
    assert!(!sensor.folder.join("state/.check").exists());
}

#[test]
fn a_refused_configuration_ends_with_its_line_and_a_status_of_its_own() {
    let sensor = sensor(&[("heard", "lan")]);
    let path = sensor.folder.join("agent.toml");
    let text = fs::read_to_string(&path).unwrap().replace("role", "roll");
    fs::write(&path, text).unwrap();
    let told = Told::of(&run(&sensor, &["--format", "json"]));
    told.is("configuration", "wrong", "line 10");
    assert_eq!(told.status, 2);
    let output = run(&sensor, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(2) && text.lines().last().unwrap().starts_with("not well"), "{text}");
    for wrong in ["0", "3601", "soon"] {
        assert_eq!(run(&sensor, &["--seconds", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_person_reads_one_line_a_check_and_the_verdict_last() {
    if !is_inside("a_person_reads_one_line_a_check_and_the_verdict_last") {
        return;
    }
    cable("heard", "there");
    let sensor = sensor(&[("heard", "port")]);
    let mut child = agent();
    child.arg("check").arg("-c").arg(sensor.folder.join("agent.toml")).stdout(Stdio::piped());
    // SIGTERM ends the listening early, and what was heard until then is told.
    let child = child.args(["--seconds", "3600"]).spawn().unwrap();
    let mut mouth = Mouth::at("there");
    for _ in 0..20 {
        mouth.say_all(&questions());
        thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("this box hears; look at") && output.status.code() == Some(3), "{text}");
    for line in text.lines().filter(|l| *l != last) {
        let grade = line.split(' ').next().unwrap();
        assert!(["ok", "attention", "wrong"].contains(&grade), "{line}");
        assert_eq!(grade != "ok", line.contains(". Try: "), "{line}");
    }
    assert!(text.contains("only what is for all"), "{text}");
}
