//! `auscult-inspect` as its user meets it: forms of output, exit status, odd input, a pipe, names.

use auscult_tests::frames::Recording;
use auscult_tests::octets::ask;
use auscult_tests::talks::{DEVICE, ok};
use auscult_tests::{inspect, recorded, root};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn capture(name: &str) -> String {
    root().join("tests/captures").join(name).display().to_string()
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = inspect(&arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("the output is UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A file of our own, gone when the test ends.
struct Made(PathBuf);

impl Made {
    fn new(name: &str, octets: &[u8]) -> Made {
        let path = std::env::temp_dir().join(format!("auscult-{}-{name}", std::process::id()));
        fs::write(&path, octets).unwrap();
        Made(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn every_document_fits_the_schema() {
    let schema: Value = serde_json::from_slice(&fs::read(root().join("agent/inspect.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for capture in recorded() {
        let document = auscult_tests::document(&capture, &[]);
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).take(3).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", capture.name);
    }
    let mut wrong = auscult_tests::document(&recorded()[0], &[]);
    wrong["findings"] = serde_json::json!([{ "id": "Not An Id" }]);
    assert!(!validator.is_valid(&wrong), "the schema refuses nothing");
}

#[test]
fn every_finding_that_is_printed_has_a_page() {
    let (status, list, _) = run(&["explain"]);
    assert_eq!(status, 0);
    let document = run(&["--format", "json", &capture("clinic-day-mixed.pcap")]).1;
    let document: Value = serde_json::from_str(&document).unwrap();
    let found: Vec<&str> = document["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str()).collect();
    assert!(found.len() > 10);
    for id in found {
        assert!(list.contains(id), "{id} is not listed");
    }
    let (status, page, complaint) = run(&["explain", "dicom-open-from-outside"]);
    assert_eq!((status, complaint.as_str()), (0, ""));
    for words in ["mistakes", "C-ECHO only = alive, no data", "hipaa 164."] {
        assert!(page.contains(words), "{words:?} is missing in:\n{page}");
    }
    let (status, page, complaint) = run(&["explain", "dicom-open-outside"]);
    assert_eq!((status, page.as_str()), (2, ""));
    assert!(complaint.contains("dicom-open-from-outside"), "{complaint}");
    assert_eq!(run(&["explain", "dicom", "wifi"]).0, 2, "one page at a time");
}

#[test]
fn the_story_of_an_open_archive_is_told_to_someone_who_knows_nothing() {
    let (status, text, _) = run(&[&capture("pacs-open-wan.pcap")]);
    assert_eq!(status, 0);
    for words in [
        "CRITICAL",
        "gave patient records to somebody on the internet without asking who it is",
        "203.0.113.2 port 104",
        "named 3 patients or studies",
        "handed over 1 image",
        "Close the port to the internet now",
        "What this capture cannot tell",
    ] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    let worst = text.find("gave patient records").unwrap();
    assert!(text.match_indices("CRITICAL").next().is_some_and(|(at, _)| at < worst), "the worst comes first");
    assert!(!text.contains('\u{1b}'), "no colour where no terminal is");
}

#[test]
fn fail_on_gives_status_1_only_where_it_is_met() {
    let open = capture("pacs-open-wan.pcap");
    assert_eq!(run(&["--fail-on", "critical", &open]).0, 1);
    assert_eq!(run(&["--fail-on", "high", &open]).0, 1);
    let quiet = capture("dicom-tls-good.pcap");
    assert_eq!(run(&["--home", "192.168.20.0/24", "--fail-on", "medium", &quiet]).0, 0);
    assert_eq!(run(&["--fail-on", "dreadful", &quiet]).0, 2);
}

#[test]
fn unusable_input_is_named_with_its_octet_and_what_to_try() {
    let (status, _, said) = run(&["no-such-file.pcap"]);
    assert_eq!(status, 2);
    assert!(said.contains("no-such-file.pcap") && said.contains("check the path"), "{said}");
    let text = Made::new("text.pcap", b"this is a letter, not a capture, and it is long enough to look at");
    let (status, out, said) = run(&[&text.path()]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(said.contains("octet 0") && said.contains("editcap"), "{said}");
    let empty = Made::new("empty.pcap", b"");
    let (status, _, said) = run(&[&empty.path()]);
    assert!(status == 2 && said.contains("empty"), "{said}");
    // What can be read is read, and the status still tells of what could not.
    let (status, out, _) = run(&[&empty.path(), &capture("pacs-open-wan.pcap")]);
    assert!(status == 2 && out.contains("gave patient records"));
}

#[test]
fn a_file_cut_in_its_last_record_is_read_up_to_there_and_said() {
    let mut octets = fs::read(capture("pacs-open-wan.pcap")).unwrap();
    octets.truncate(octets.len() - 5);
    let cut = Made::new("cut.pcap", &octets);
    let (status, out, said) = run(&["--format", "json", &cut.path()]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &document["complete"], &document["frames"]), (0, &Value::Bool(false), &Value::from(107)));
    assert!(said.contains("ends inside a record"), "{said}");
}

#[test]
fn a_pipe_gives_the_same_as_a_file() {
    let path = capture("hl7-adt-outside.pcap");
    let (_, by_file, _) = run(&["--format", "json", &path]);
    let piped = auscult_tests::inspect_piped(&["--format", "json", "-"], &fs::read(&path).unwrap());
    let without_name = |text: &str| {
        let mut document: Value = serde_json::from_str(text).unwrap();
        document["capture"] = Value::Null;
        document
    };
    assert_eq!(without_name(&by_file), without_name(&String::from_utf8(piped.stdout).unwrap()));
}

#[test]
fn several_files_give_one_document_a_line() {
    let (_, out, _) = run(&["--format", "json", &capture("db-redis-open.pcap"), &capture("hl7-adt-outside.pcap")]);
    let documents: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(documents.len(), 2);
}

#[test]
fn a_capture_that_was_made_at_two_times_names_the_servers_of_both() {
    let mut recording = Recording::new();
    for (server, day) in [([203, 0, 113, 7], 1), ([203, 0, 113, 8], 300)] {
        recording.set_clock(1_700_000_000 + day * 86_400);
        ask(&mut recording, (DEVICE, 49_200), (server, 80), "/", "", &ok("text/html", "Server: nginx/1.24.0\r\n", "x"));
    }
    let made = Made::new("two-times.pcap", recording.octets());
    let document: Value = serde_json::from_str(&run(&["--format", "json", &made.path()]).1).unwrap();
    let hosts: Vec<&str> =
        document["services"].as_array().unwrap().iter().filter_map(|service| service["host"].as_str()).collect();
    assert_eq!(hosts, ["203.0.113.7", "203.0.113.8"]);
}

#[test]
fn names_of_networks_are_printed_only_when_asked_for() {
    let air = capture("wifi-beacons-radiotap.pcap");
    for form in ["text", "json"] {
        assert!(!run(&["--format", form, &air]).1.contains("CanaryClinic-Guest"));
        let with = run(&["--format", form, "--names", &air]).1;
        assert!(with.contains("CanaryClinic-Guest"), "{with}");
        assert!(!with.contains("ZZCANARY Family Wifi"), "what a telephone asks for is nobody's business");
    }
}

#[test]
fn odd_arguments_are_refused_with_the_form_that_is_wanted() {
    let file = capture("hl7-adt-outside.pcap");
    for (arguments, form) in [
        (["--home", "192.168.20.0/33"], "at most 32"),
        (["--home", "clinic"], "192.168.20.0/24"),
        (["--zone", "10.0.0.0/8=lobby"], "guest"),
        (["--own-bssid", "04:18"], "six octets"),
    ] {
        let (status, _, said) = run(&[arguments[0], arguments[1], &file]);
        assert!(status == 2 && said.contains(form), "{arguments:?}: {said}");
    }
}
