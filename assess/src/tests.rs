//! The judge as a whole: every vector of the catalogue, and what goes by zone.

use super::*;
use crate::value::Value;
use auscult_report::bounded::Bounded;
use auscult_report::fact::{DicomIdentity, Fact, Protocol};
use auscult_report::subject::{HostId, Transport};
use auscult_report::summary::HostEntry;
use std::borrow::Cow;

const VECTORS: &str = include_str!("../knowledge/vectors.jsonl");

#[test]
fn every_vector_of_the_catalogue_is_judged_as_it_says() {
    let knowledge = Knowledge::compiled();
    let rule = |id: &str| knowledge.rules().iter().find(|r| r.id() == id).unwrap_or_else(|| panic!("no rule {id}"));
    let mut count = 0;
    for line in VECTORS.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = vector["name"].as_str().unwrap();
        let facts: Values =
            vector["facts"].as_object().unwrap().iter().map(|(n, v)| (Cow::Owned(n.clone()), value(v))).collect();
        let view = View { part: &facts, whole: &facts };
        for (id, level) in vector["expect"].as_object().unwrap() {
            let (severity, _, percent) = hold(rule(id), view).unwrap_or_else(|| panic!("{name}: {id} does not hold"));
            assert_eq!(severity.word(), level, "{name}: {id}");
            let wanted = vector["confidence"][id].as_f64().unwrap();
            assert!(
                (f64::from(percent) / 100.0 - wanted).abs() < 1e-9,
                "{name}: {id} is {percent} % sure, not {wanted}"
            );
        }
        for id in vector["absent"].as_array().unwrap() {
            let id = id.as_str().unwrap();
            assert!(hold(rule(id), view).is_none(), "{name}: {id} should be silent");
        }
        count += 1;
    }
    assert_eq!(count, 389);
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => Value::Number(n.as_f64().unwrap()),
        serde_json::Value::String(s) => Value::Word(Cow::Owned(s.clone())),
        serde_json::Value::Array(a) => {
            Value::Set(a.iter().map(|w| Cow::Owned(w.as_str().unwrap().to_owned())).collect())
        }
        other => panic!("{other} is no value"),
    }
}

/// A DICOM service of host 1 with these facts.
fn archive(zone: Zone, facts: &[(Fact, Option<Zone>, u32)]) -> Summary {
    let at = Timestamp::from_seconds(1_795_000_000);
    let subject = Subject::Service(HostId(1), Transport::Tcp, 104);
    let protocol = (Fact::Protocol(Protocol::Dicom), None, 1);
    let sightings = core::iter::once(&protocol)
        .chain(facts)
        .map(|(fact, zone, count)| Sighting { subject, fact: *fact, zone: *zone, first: at, last: at, count: *count })
        .collect();
    let host = HostEntry { id: HostId(1), zone, address: None, maker: None };
    Summary { hosts: vec![host].try_into().unwrap(), sightings: Bounded::first_of(sightings).0, ..Summary::default() }
}

fn found(summary: &Summary) -> Vec<(String, Severity)> {
    let knowledge = Knowledge::compiled();
    let findings = assess(summary, &knowledge, Timestamp::from_seconds(1_795_000_000));
    findings.iter().map(|f| (f.rule.id().to_owned(), f.severity)).collect()
}

const INSIDE: Option<Zone> = Some(Zone::SameSegment);
const OUTSIDE: Option<Zone> = Some(Zone::Outside);

#[test]
fn records_for_a_stranger_outside_are_critical() {
    let summary = archive(
        Zone::SameSegment,
        &[
            (Fact::Answered, OUTSIDE, 1),
            (Fact::DicomAccepted, OUTSIDE, 1),
            (Fact::DicomIdentity(DicomIdentity::None), OUTSIDE, 1),
            (Fact::DicomMatch, OUTSIDE, 3),
        ],
    );
    assert!(found(&summary).contains(&("dicom-records-given-outside".into(), Severity::Critical)));
}

#[test]
fn what_a_modality_inside_got_is_not_held_against_a_stranger_who_got_nothing() {
    let summary = archive(
        Zone::SameSegment,
        &[
            (Fact::Answered, INSIDE, 5),
            (Fact::DicomAccepted, INSIDE, 5),
            (Fact::DicomIdentity(DicomIdentity::None), INSIDE, 5),
            (Fact::DicomMatch, INSIDE, 9),
            (Fact::Refused, OUTSIDE, 2),
        ],
    );
    let found = found(&summary);
    assert!(!found.iter().any(|(id, _)| id.contains("outside") && id != "dicom-knocked-from-outside"), "{found:?}");
    assert!(found.contains(&("dicom-knocked-from-outside".into(), Severity::Info)));
}

#[test]
fn who_showed_an_identity_from_outside_is_no_stranger() {
    let summary = archive(
        Zone::SameSegment,
        &[
            (Fact::Answered, INSIDE, 5),
            (Fact::DicomAccepted, INSIDE, 5),
            (Fact::DicomIdentity(DicomIdentity::None), INSIDE, 5),
            (Fact::DicomMatch, INSIDE, 9),
            (Fact::Answered, OUTSIDE, 1),
            (Fact::DicomAccepted, OUTSIDE, 1),
            (Fact::DicomIdentity(DicomIdentity::NamePasscode), OUTSIDE, 1),
            (Fact::DicomMatch, OUTSIDE, 1),
        ],
    );
    let found = found(&summary);
    assert!(!found.iter().any(|(id, _)| id == "dicom-records-given-outside"), "{found:?}");
    assert!(!found.iter().any(|(id, _)| id == "dicom-no-user-identity"), "a negation speaks of all clients: {found:?}");
}

#[test]
fn a_server_that_the_clinic_only_uses_is_not_the_clinics_to_mend() {
    let facts = [
        (Fact::Answered, INSIDE, 1),
        (Fact::DicomAccepted, INSIDE, 1),
        (Fact::DicomIdentity(DicomIdentity::None), INSIDE, 1),
        (Fact::DicomMatch, INSIDE, 3),
    ];
    assert!(found(&archive(Zone::Outside, &facts)).iter().all(|(id, _)| !id.starts_with("dicom-")));
    assert!(found(&archive(Zone::SameSegment, &facts)).iter().any(|(id, _)| id.starts_with("dicom-")));
}

#[test]
fn a_finding_names_the_sightings_that_it_rests_on() {
    let summary = archive(
        Zone::SameSegment,
        &[
            (Fact::Answered, OUTSIDE, 1),
            (Fact::DicomAccepted, OUTSIDE, 1),
            (Fact::DicomIdentity(DicomIdentity::None), OUTSIDE, 1),
            (Fact::DicomMatch, OUTSIDE, 3),
            (Fact::DicomMatch, INSIDE, 7),
        ],
    );
    let knowledge = Knowledge::compiled();
    let findings = assess(&summary, &knowledge, Timestamp::from_seconds(1_795_000_000));
    let finding = findings.iter().find(|f| f.rule.id() == "dicom-records-given-outside").unwrap();
    let proof: Vec<_> =
        finding.proof.iter().map(|p| (summary.sightings[*p].fact, summary.sightings[*p].count)).collect();
    assert!(proof.contains(&(Fact::DicomMatch, 3)) && !proof.contains(&(Fact::DicomMatch, 7)), "{proof:?}");
}
