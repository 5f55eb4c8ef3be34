//! Names planted in every field of every protocol: no octet of them leaves.
//!
//! Every run of letters (and of digits, and of letters in UTF-16) that crosses the wire in any of our captures is one
//! after the other replaced by a planted name of the same length, letters only, so that everything around it still
//! parses. Then the report's octets are searched for it; and, with every fourth run replaced at once, what the program
//! prints, in both forms, on both outputs, with names and without.
//! Counts as failure: four letters of the planted name, or seven digits of the planted number, anywhere. Does not: the
//! name of a network that an access point announces, printed because `--names` asked for it.

use auscult_report::fact::{Fact, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use auscult_tests::plant::{Field, NAME, NUMBER, around_plant, fields, has_plant, plant};
use auscult_tests::{Recorded, hear, inspect, recorded};
use std::fs;

#[test]
fn a_name_in_any_field_of_any_protocol_is_not_in_the_report() {
    let mut planted = 0;
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let fields = spread(fields(&octets), FIELDS_A_CAPTURE);
        for field in fields {
            let changed = plant(&octets, std::slice::from_ref(&field));
            let Some((_, summary)) = hear(&changed, capture.settings()) else { continue };
            planted += 1;
            let report = postcard::to_allocvec(&summary).unwrap();
            assert!(!has_plant(&report), "{}: octet {} reaches the report: {summary:?}", capture.name, field.at.start);
            let debug = format!("{summary:?}");
            assert!(!has_plant(debug.as_bytes()), "{}: octet {} reaches a debug print", capture.name, field.at.start);
        }
    }
    println!("{planted} fields planted");
    assert!(planted > 3000, "only {planted} fields were planted");
}

#[test]
fn a_name_in_any_field_is_not_printed() {
    let folder = std::env::temp_dir().join(format!("auscult-privacy-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let fields = fields(&octets);
        for turn in 0..TURNS {
            let some: Vec<Field> = fields.iter().skip(turn).step_by(TURNS).cloned().collect();
            let path = folder.join(format!("{}.pcap", capture.name));
            fs::write(&path, plant(&octets, &some)).unwrap();
            for form in ["json", "text"] {
                let printed = print(&capture, &path.display().to_string(), form);
                assert!(!has_plant(&printed), "{} turn {turn} as {form}: {}", capture.name, around_plant(&printed));
            }
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_error_message_shows_no_octet_of_its_file() {
    let folder = std::env::temp_dir().join(format!("auscult-errors-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let pacs = recorded().into_iter().find(|c| c.name == "pacs-open-lan").unwrap();
    let whole = fs::read(&pacs.path).unwrap();
    let no_capture = [NAME, NUMBER, b"this is no capture"].concat();
    let damaged = {
        let mut octets = plant(&whole, &fields(&whole));
        octets.truncate(octets.len() - 7);
        octets
    };
    for (name, octets) in [("none", no_capture), ("damaged", damaged)] {
        let path = folder.join(format!("{name}.pcap"));
        fs::write(&path, octets).unwrap();
        let printed = print(&pacs, &path.display().to_string(), "text");
        assert!(!has_plant(&printed), "{name}: {}", around_plant(&printed));
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// The search itself must find what it looks for: a version is the only text in a report, so one is forged here, past its
/// grammar, in the octets.
#[test]
fn the_search_finds_a_name_that_was_let_through() {
    let fact = Fact::Software(Software {
        product: Product::named("nginx").unwrap(),
        version: Version::exact(b"1.2.3"),
        revision: None,
        place: SoftwarePlace::ServerHeader,
    });
    let at = Timestamp(1);
    let sighting = Sighting { subject: Subject::Host(HostId(1)), fact, zone: None, first: at, last: at, count: 1 };
    let mut octets =
        postcard::to_allocvec(&Summary { sightings: vec![sighting].try_into().unwrap(), ..Summary::default() })
            .unwrap();
    assert!(!has_plant(&octets));
    let place = octets.windows(5).position(|w| w == b"1.2.3").unwrap();
    octets[place..place + 4].copy_from_slice(&NAME[..4]);
    assert!(has_plant(&octets));
    assert!(postcard::from_bytes::<Summary>(&octets).is_err(), "and the decoder refuses such a report");
}

fn print(capture: &Recorded, path: &str, form: &str) -> Vec<u8> {
    let mut arguments = vec!["--format".to_owned(), form.to_owned()];
    arguments.extend(capture.arguments());
    arguments.push(path.to_owned());
    let output = inspect(&arguments);
    [output.stdout, output.stderr].concat()
}

/// At most `most` of them, evenly spread.
fn spread(fields: Vec<Field>, most: usize) -> Vec<Field> {
    let step = fields.len().div_ceil(most).max(1);
    fields.into_iter().step_by(step).collect()
}

/// Fields of one capture that are planted one by one; a capture with more has them evenly chosen.
const FIELDS_A_CAPTURE: usize = 400;

/// In so many turns every field is planted once.
const TURNS: usize = 4;
