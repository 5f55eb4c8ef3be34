//! What was heard, in words: one short sentence for each kind of fact that a finding rests on.
//!
//! Keeps: numbers, words of closed lists. Drops: what people wrote; there is none in a fact.

use crate::document::Inspection;
use auscult_assess::Finding;
use auscult_report::fact::{DicomIdentity, Encryption, Fact, Login};
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;

/// The sentences of a finding, in the order of the facts, each once.
pub(crate) fn sentences(inspection: &Inspection<'_>, finding: &Finding<'_>) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for sighting in inspection.proof(finding) {
        sentences.extend(sentence(sighting).filter(|s| !sentences.contains(s)));
    }
    sentences
}

/// One sighting as a sentence; `None` where the fact says nothing to a person beside the finding itself.
///
/// The sentence stands in the fact's row; here are those that depend on what is said.
pub(crate) fn sentence(sighting: &Sighting) -> Option<String> {
    let to = sighting.zone.map_or("", towards);
    let plain = match sighting.fact {
        Fact::Encryption(Encryption::None) => "readable, not encrypted{to}",
        Fact::Login(Login::None) => "gave data without asking who asks{to}",
        Fact::DicomIdentity(DicomIdentity::None) => "no caller{to} showed an identity",
        Fact::CertificateEnds(at) => return Some(format!("certificate ends on {}", day(at))),
        Fact::CertificateNameFits(true) => return None,
        fact => fact.sentence(),
    };
    if plain.is_empty() {
        return None;
    }
    let payload = sighting.fact.payload().map_or_else(String::new, |payload| format!("{payload}"));
    let said = plain.replace("{}", &payload).replace("{to}", to);
    let Some((before, (thing, after))) = said.split_once("{n ").and_then(|(b, rest)| Some((b, rest.split_once('}')?)))
    else {
        return Some(said);
    };
    Some(format!("{before}{}{after}", times(sighting.count, thing)))
}

/// `1 image`, `3 images`, `2 queries`, `2 patients or studies`.
pub(crate) fn times(n: u32, thing: &str) -> String {
    if n == 1 {
        return format!("1 {thing}");
    }
    // Of several words the first is what is counted.
    if let Some((thing, rest)) = thing.split_once(" of ") {
        return format!("{n} {thing}s of {rest}");
    }
    let plural = match thing {
        "query" => "queries".to_owned(),
        "KiB" => "KiB".to_owned(),
        "patient or study" => "patients or studies".to_owned(),
        _ => format!("{thing}s"),
    };
    format!("{n} {plural}")
}

const fn towards(zone: Zone) -> &'static str {
    match zone {
        Zone::SameSegment => " inside",
        Zone::Clinical => " in the clinical network",
        Zone::Office => " in the office network",
        Zone::Guest => " in the guest network",
        Zone::Dmz => " in the DMZ",
        Zone::Vpn => " through the VPN",
        Zone::OtherPrivate => " at another site",
        Zone::Outside => " from the internet",
    }
}

fn day(at: Timestamp) -> String {
    crate::document::moment(at).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::fact::{LabRecord, Partner};
    use auscult_report::subject::Subject;

    #[test]
    fn one_is_not_many() {
        assert_eq!(times(1, "image"), "1 image");
        assert_eq!(times(2, "query"), "2 queries");
        assert_eq!(times(0, "image"), "0 images");
        assert_eq!(times(2, "laboratory record of kind result"), "2 laboratory records of kind result");
    }

    fn told(fact: Fact, zone: Option<Zone>, count: u32) -> Option<String> {
        let at = Timestamp(1_795_000_000_000);
        sentence(&Sighting { subject: Subject::Sensor, fact, zone, first: at, last: at, count })
    }

    #[test]
    fn a_row_is_said_with_its_payload_its_count_and_its_client() {
        let outside = Some(Zone::Outside);
        for (fact, zone, count, said) in [
            (Fact::Answered, outside, 2, "answered 2 conversations from the internet"),
            (Fact::LabRecord(LabRecord::Result), None, 3, "handed over 3 laboratory records of kind result"),
            (Fact::DicomIdentity(DicomIdentity::None), outside, 1, "no caller from the internet showed an identity"),
            (Fact::DicomIdentity(DicomIdentity::Name), None, 1, "callers showed an identity: name"),
            (Fact::Encryption(Encryption::Tls), None, 1, "encryption: tls"),
            (Fact::SentOutside(Partner(7)), None, 40, "sent 40 KiB to outside partner 00000007"),
            (Fact::CertificateEnds(Timestamp(0)), None, 1, "certificate ends on 1970-01-01"),
        ] {
            assert_eq!(told(fact, zone, count).as_deref(), Some(said));
        }
        assert_eq!(told(Fact::CertificateNameFits(true), None, 1), None);
        assert_eq!(told(Fact::WifiOwner(auscult_report::fact::WifiOwner::Own), None, 1), None);
    }

    /// A place that nothing fills would be printed as it stands in the table.
    #[test]
    fn no_sentence_has_a_place_that_nothing_fills() {
        let version = auscult_report::version::Version::exact(b"2.5.1").unwrap();
        for fact in [Fact::Hl7Version(version), Fact::PortVlan(3), Fact::MailReadable, Fact::PortMapped] {
            let said = told(fact, Some(Zone::Guest), 2).unwrap();
            assert!(!said.contains(['{', '}']), "{said}");
        }
    }
}
