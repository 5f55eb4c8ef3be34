//! `auscult-inspect --live` as the technician meets it: in a pseudo-terminal, through a pipe, for a script; on a cable of each
//! test's own.
//!
//! Counts as failure: a terminal that is not as it was before, whatever ended the view; a live interface that says something else
//! than the capture file of the same traffic; a frame that leaves the interface.

use auscult_tests::cable::{Mouth, cable, counted, frames, ip, is_inside};
use auscult_tests::sensor::wait_until;
use auscult_tests::{Recorded, document, inspector, recorded, root};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

fn day() -> Recorded {
    recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap()
}

/// Says the frames of a day again and again while something is done.
fn meanwhile<T>(frames: &[Vec<u8>], done: impl FnOnce() -> T) -> T {
    let (mut mouth, is_over) = (Mouth::at("there"), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                mouth.say_all(frames);
                thread::sleep(Duration::from_millis(300));
            }
        });
        // Also when what is done fails: who sends would be waited for without end.
        let _over = Over(&is_over);
        done()
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What comes of these steps in a pseudo-terminal.
fn drive(steps: &Value, variables: &[(&str, &str)]) -> Value {
    let mut run = Command::new("python3");
    run.arg(root().join("tests/view.py")).arg(inspector());
    run.args(["--live", "heard", "--home", "192.168.20.0/24"]).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    run.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = run.spawn().unwrap();
    child.stdin.take().unwrap().write_all(steps.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told.get("missing").is_none(), "{} did not come:\n{}", told["missing"], told["screen"].as_str().unwrap());
    told
}

#[test]
fn a_person_sees_what_is_heard_and_gets_the_terminal_back() {
    if !is_inside("a_person_sees_what_is_heard_and_gets_the_terminal_back") {
        return;
    }
    cable("heard", "there");
    let frames = frames(&day()).unwrap();
    let seen = json!(["until", "critical"]);
    let told = meanwhile(&frames, || {
        drive(
            &json!([
                seen,
                ["until", "both sides of others"],
                ["keys", "\r"],
                ["until", "patient data"],
                ["keys", "x\t"],
                ["until", "104/tcp"],
                ["keys", "?"],
                ["until", "what a finding means"],
                ["keys", "xp"],
                ["until", "PAUSED"],
                ["keys", "p"],
                ["size", 40, 140],
                ["until", "Heard just now"],
                ["keys", "q"],
                ["end"]
            ]),
            &[],
        )
    });
    println!("{told}");
    let all = told["told"].as_array().unwrap();
    assert!(all.iter().all(|t| *t == true), "raw while it shows, as before at the end: {told}");
    assert_eq!((&told["status"], &told["left"], &told["taken"]), (&json!(0), &json!(true), &json!(1)));
    assert!(told["colours"].as_u64().unwrap() > 5, "{told}");
    let after = told["after"].as_str().unwrap();
    assert!(after.contains("heard") && after.contains(" findings"), "one line stays: {after}");
    assert_eq!(counted("heard").1, 0, "a frame left it");
    assert!(promiscuity() == 0, "left as it was found");
}

#[test]
fn whatever_ends_the_view_the_terminal_is_as_before() {
    if !is_inside("whatever_ends_the_view_the_terminal_is_as_before") {
        return;
    }
    cable("heard", "there");
    let seen = || json!(["until", "Findings"]);
    for end in [json!(["keys", "\u{3}"]), json!(["signal", "SIGTERM"]), json!(["signal", "SIGHUP"])] {
        let told = drive(&json!([seen(), end, ["end"]]), &[]);
        let expected = json!([true, true]);
        assert_eq!((&told["told"], &told["left"], &told["status"]), (&expected, &json!(true), &json!(0)), "{end}");
    }
    // Ctrl-Z and fg; the same by the signal.
    for stop in [json!(["keys", "\u{1a}"]), json!(["signal", "SIGTSTP"])] {
        let steps = json!([seen(), stop, ["stopped"], ["signal", "SIGCONT"], seen(), ["keys", "q"], ["end"]]);
        let told = drive(&steps, &[]);
        assert_eq!(told["told"], json!([true, true, true, true]), "{stop}: {told}");
        assert!(told["left"] == true && told["taken"].as_u64().unwrap() >= 2, "{told}");
    }
    let told = drive(&json!([seen(), ["keys", "q"], ["end"]]), &[("NO_COLOR", "1")]);
    assert_eq!((&told["colours"], &told["left"]), (&json!(0), &json!(true)));
    // The interface goes while it is shown.
    let told = thread::scope(|scope| {
        scope.spawn(|| {
            wait_until(|| promiscuity() > 0);
            ip("link set heard down");
        });
        drive(&json!([seen(), ["until", "is down"], ["keys", "q"], ["end"]]), &[])
    });
    assert_eq!(told["left"], true);
}

#[test]
fn a_key_that_comes_with_a_change_of_size_is_not_lost() {
    if !is_inside("a_key_that_comes_with_a_change_of_size_is_not_lost") {
        return;
    }
    cable("heard", "there");
    let mut steps = vec![json!(["until", "Findings"])];
    for _ in 0..10 {
        steps.extend([json!(["keys amid sizes", "?"]), json!(["until", "what a finding means"]), json!(["keys", "x"])]);
    }
    steps.extend([json!(["keys amid sizes", "q"]), json!(["end"])]);
    let told = drive(&Value::Array(steps), &[]);
    assert_eq!((&told["status"], &told["left"]), (&json!(0), &json!(true)), "{told}");
}

fn promiscuity() -> u32 {
    let told = Command::new("ip").args(["-d", "link", "show", "heard"]).output().unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    text.split("promiscuity ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_script_gets_the_document_of_the_capture_file() {
    if !is_inside("a_script_gets_the_document_of_the_capture_file") {
        return;
    }
    cable("heard", "there");
    let day = day();
    let frames = frames(&day).unwrap();
    let mut run = Command::new(inspector());
    run.args(["--live", "heard", "--seconds", "8", "--format", "json"]).args(day.arguments());
    let child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until(|| promiscuity() > 0);
    Mouth::at("there").say_all(&frames);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let live: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value = serde_json::from_slice(&fs::read(root().join("agent/inspect.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&live).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let today = again_today(&day, &frames);
    let file = document(&today, &[]);
    fs::remove_file(&today.path).unwrap();
    for list in ["hosts", "services", "findings"] {
        assert_eq!(rows(&live[list]), rows(&file[list]), "{list}");
    }
    for number in ["frames", "octets", "malformed"] {
        assert_eq!(live[number], file[number], "{number}");
    }
    assert_eq!((&live["capture"], counted("heard").1), (&json!("heard"), 0));
}

/// The same frames as a capture file of this moment: what is old is judged by the time.
#[expect(clippy::disallowed_methods, reason = "the live interface is heard now")]
fn again_today(day: &Recorded, frames: &[Vec<u8>]) -> Recorded {
    let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    // pcap: magic, version 2.4, zone, accuracy, longest frame, Ethernet; a record: second, microsecond, kept, length.
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let mut octets = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1]);
    for (n, frame) in (0..).zip(frames) {
        let length = u32::try_from(frame.len()).unwrap();
        octets.extend(words(&[u32::try_from(second).unwrap(), n, length, length]));
        octets.extend(frame);
    }
    let path = std::env::temp_dir().join(format!("auscult-today-{}.pcap", std::process::id()));
    fs::write(&path, octets).unwrap();
    Recorded { name: "today".to_owned(), path, expect: day.expect.clone() }
}

/// The rows of a list without their times.
fn rows(list: &Value) -> BTreeSet<String> {
    let timeless = |row: &Value| {
        let mut row = row.clone();
        for time in ["first", "last"] {
            row[time] = Value::Null;
        }
        row.to_string()
    };
    list.as_array().unwrap().iter().map(timeless).collect()
}

#[test]
fn without_a_terminal_a_plain_line_comes_now_and_then_and_the_whole_at_the_end() {
    if !is_inside("without_a_terminal_a_plain_line_comes_now_and_then_and_the_whole_at_the_end") {
        return;
    }
    cable("heard", "there");
    let frames = frames(&day()).unwrap();
    let mut run = Command::new(inspector());
    run.args(["--live", "heard", "--home", "192.168.20.0/24"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = run.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = meanwhile(&frames, || lines.next().unwrap().unwrap());
    println!("{first}");
    assert!(first.contains("heard ") && first.contains("mirror") && !first.contains('\u{1b}'), "{first}");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let rest: String = lines.map(|line| line.unwrap() + "\n").collect();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("CRITICAL") && rest.contains("Services heard") && !rest.contains('\u{1b}'), "{rest}");
}

#[test]
fn who_may_not_hear_or_names_no_interface_is_told_what_to_do() {
    if !is_inside("who_may_not_hear_or_names_no_interface_is_told_what_to_do") {
        return;
    }
    cable("heard", "there");
    let said = |run: &mut Command| {
        let output = run.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, text) = said(Command::new(inspector()).args(["--live", "eth9", "--seconds", "1"]));
    assert!(status == Some(2) && text.contains("no interface eth9") && text.contains("heard"), "{text}");
    let mut run = Command::new("setpriv");
    run.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(inspector()).args(["--live", "heard", "--seconds", "1"]);
    let (status, text) = said(&mut run);
    assert!(status == Some(2) && text.contains("sudo") && text.contains("cap_net_raw"), "{text}");
    for wrong in [&["--live", "a b"][..], &["--seconds", "5", "x.pcap"], &["--live", "heard", "x.pcap"]] {
        let (status, text) = said(Command::new(inspector()).args(wrong));
        assert_eq!(status, Some(2), "{wrong:?}: {text}");
    }
}
