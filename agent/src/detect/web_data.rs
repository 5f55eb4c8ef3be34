//! What the first octets of a JSON, XML or text answer say it is: Orthanc (REST interface), HL7 FHIR R4 (section 2.21,
//! resourceType, CapabilityStatement.software), Elasticsearch, CouchDB, Mirth Connect.
//!
//! Keeps: a product, a version, whether there were entries. Drops: the body; the values of records are never read.

use super::web_path::{ORTHANC_ID, is_orthanc_id, is_public_resource};
use super::web_server::product_words;
use super::web_text::after;
use auscult_report::version::Version;

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recognised<'a> {
    /// Orthanc's description of itself.
    OrthancSystem(Option<Version>),
    /// Records of Orthanc, by the form of their identifiers.
    OrthancRecords,
    /// FHIR's description of itself: a product of the list, in the server's words.
    FhirCapability(Option<(&'a [u8], Option<Version>)>),
    /// A FHIR resource, or a bundle with entries: `public` if it is open by design.
    Fhir { public: bool },
    /// A FHIR bundle in whose first octets no entry stands.
    FhirEmpty,
    /// The greeting of a data base engine: a product of the list, if it is in it.
    Engine(Option<&'static [u8]>, Option<Version>),
    /// Mirth Connect's start file.
    Mirth(Option<Version>),
}

/// Recognises a body by its first octets. Work is bounded by their number.
pub(super) fn recognise(text: &[u8]) -> Option<Recognised<'_>> {
    if let Some(resource) = resource_type(text) {
        return fhir(text, resource);
    }
    if has(text, b"\"DicomAet\"") && has(text, b"\"DatabaseVersion\"") {
        return Some(Recognised::OrthancSystem(json_text(text, b"\"Version\"").and_then(Version::leading)));
    }
    if has(text, b"\"cluster_name\"") && has(text, b"\"lucene_version\"") {
        let version = json_text(text, b"\"number\"").and_then(Version::leading);
        let copy = json_text(text, b"\"distribution\"").is_some();
        return Some(Recognised::Engine((!copy).then_some(&b"Elasticsearch"[..]), version));
    }
    if has(text, b"\"couchdb\"") && has(text, b"\"Welcome\"") {
        let version = json_text(text, b"\"version\"").and_then(Version::leading);
        return Some(Recognised::Engine(Some(b"CouchDB"), version));
    }
    if let Some(rest) = after(text, b"mirth connect administrator") {
        return Some(Recognised::Mirth(Version::leading(rest.trim_ascii_start())));
    }
    text.windows(ORTHANC_ID).any(is_orthanc_id).then_some(Recognised::OrthancRecords)
}

fn fhir<'a>(text: &'a [u8], resource: &[u8]) -> Option<Recognised<'a>> {
    match resource {
        b"CapabilityStatement" | b"Conformance" => Some(Recognised::FhirCapability(software(text))),
        b"Bundle" => Some(match entry_type(text) {
            Some(entry) => Recognised::Fhir { public: is_public_resource(entry) },
            None => Recognised::FhirEmpty,
        }),
        r if r.first().is_some_and(u8::is_ascii_uppercase) => Some(Recognised::Fhir { public: is_public_resource(r) }),
        _ => None,
    }
}

/// The first resource type: the member `resourceType`, or the root element in FHIR's name space.
fn resource_type(text: &[u8]) -> Option<&[u8]> {
    if let Some(name) = json_text(text, b"\"resourceType\"") {
        return Some(name);
    }
    let root = text.split(|o| *o == b'<').skip(1).find(|e| e.first().is_some_and(u8::is_ascii_alphabetic))?;
    let name = root.iter().take_while(|o| o.is_ascii_alphabetic()).count();
    has(root, b"\"http://hl7.org/fhir\"").then_some(root.get(..name)?)
}

/// The type of the first entry of a bundle.
fn entry_type(text: &[u8]) -> Option<&[u8]> {
    if let Some(entries) = behind(text, b"\"entry\"") {
        // `"entry": []` has none.
        let list = entries.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"[")?;
        return match list.trim_ascii_start().first() {
            Some(b'{') => Some(json_text(list, b"\"resourceType\"").unwrap_or_default()),
            _ => None,
        };
    }
    let resource = behind(behind(text, b"<entry")?, b"<resource>")?.trim_ascii_start().strip_prefix(b"<")?;
    resource.split(|o| !o.is_ascii_alphabetic()).next()
}

/// CapabilityStatement.software: its name, if that is a product of the list, and its version.
fn software(text: &[u8]) -> Option<(&[u8], Option<Version>)> {
    let (name, version) = if let Some(json) = behind(text, b"\"software\"") {
        (json_text(json, b"\"name\""), json_text(json, b"\"version\""))
    } else {
        let xml = behind(text, b"<software>")?;
        (xml_value(xml, b"<name value=\""), xml_value(xml, b"<version value=\""))
    };
    let (word, _) = product_words(name?)?;
    Some((word, version.and_then(Version::leading)))
}

/// The text of a JSON member, by its name with the quotes.
fn json_text<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = behind(text, name)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    value.split(|o| *o == b'"').next()
}

/// The value of an XML attribute, by all that stands before it.
fn xml_value<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    behind(text, start)?.split(|o| *o == b'"').next()
}

fn has(text: &[u8], word: &[u8]) -> bool {
    behind(text, word).is_some()
}

/// What stands behind `word`; names of members are compared as they are.
fn behind<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(word.len().max(1)).position(|w| w == word)?;
    text.get(at.saturating_add(word.len())..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<Version> {
        Version::exact(text.as_bytes())
    }

    #[test]
    fn orthanc_names_its_version_and_its_records_their_form() {
        let system = b"{\n \"ApiVersion\" : 16,\n \"DatabaseVersion\" : 6,\n \"DicomAet\" : \"CLINICPACS\",\n \
            \"Name\" : \"ZZCANARY\",\n \"Version\" : \"1.10.1\"\n}";
        assert_eq!(recognise(system), Some(Recognised::OrthancSystem(version("1.10.1"))));
        let list = b"[\n \"836eb178-ccfa3540-47e76ce2-a90ce613-cdcd8bc6\"\n]\n";
        assert_eq!(recognise(list), Some(Recognised::OrthancRecords));
        assert_eq!(recognise(b"[{\"id\":\"550e8400-e29b-41d4-a716-446655440000\"}]"), None);
        assert_eq!(recognise(b"[]"), None);
    }

    #[test]
    fn fhir_resources_are_told_apart_from_descriptions_and_directories() {
        for (text, data) in [
            (r#"{"resourceType": "Patient", "id": "1"}"#, Recognised::Fhir { public: false }),
            (r#"{"resourceType":"Practitioner"}"#, Recognised::Fhir { public: true }),
            (r#"{"resourceType":"OperationOutcome"}"#, Recognised::Fhir { public: true }),
            (r#"{"resourceType":"Bundle","total":0}"#, Recognised::FhirEmpty),
            (r#"{"resourceType":"Bundle","entry" : [ ]}"#, Recognised::FhirEmpty),
            (
                r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}"#,
                Recognised::Fhir { public: false },
            ),
            (
                r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Slot"}}]}"#,
                Recognised::Fhir { public: true },
            ),
            (r#"<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir">"#, Recognised::Fhir { public: false }),
            (
                r#"<Bundle xmlns="http://hl7.org/fhir"><entry><resource> <Patient xmlns="http://hl7.org/fhir">"#,
                Recognised::Fhir { public: false },
            ),
            (
                r#"{"resourceType":"CapabilityStatement","software":{"name":"HAPI FHIR Server","version":"5.4.0"}}"#,
                Recognised::FhirCapability(Some((b"HAPI FHIR", version("5.4.0")))),
            ),
            (
                r#"{"resourceType":"CapabilityStatement","software":{"name":"ZZCANARY","version":"5.4.0"}}"#,
                Recognised::FhirCapability(None),
            ),
        ] {
            assert_eq!(recognise(text.as_bytes()), Some(data), "{text}");
        }
        assert_eq!(recognise(b"<html xmlns=\"http://www.w3.org/1999/xhtml\">"), None);
    }

    #[test]
    fn data_bases_and_engines_greet() {
        let elastic = br#"{"name":"n","cluster_name":"c","version":{"number":"7.10.2","lucene_version":"8.7.0"}}"#;
        assert_eq!(recognise(elastic), Some(Recognised::Engine(Some(b"Elasticsearch"), version("7.10.2"))));
        let couch = br#"{"couchdb":"Welcome","version":"3.1.1"}"#;
        assert_eq!(recognise(couch), Some(Recognised::Engine(Some(b"CouchDB"), version("3.1.1"))));
        let jnlp = b"<jnlp><title>Mirth Connect Administrator 3.9.0</title>";
        assert_eq!(recognise(jnlp), Some(Recognised::Mirth(version("3.9.0"))));
    }
}
