//! What kind of thing a Content-Type names (RFC 9110 section 8.3; the types of DICOM PS3.18 section 8.7, HL7 FHIR R4
//! and of documents).
//!
//! Keeps: a word of a closed list. Drops: parameters.

use super::web_path::FileName;
use super::web_text::{contains, starts_with};
use crate::wire::http::main_value;

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// A page.
    Html,
    /// `application/dicom+json`, `application/dicom+xml`, multipart of DICOM: nothing but DICOMweb sends these.
    Dicomweb,
    /// A DICOM file.
    Dicom,
    /// Parts of anything.
    Multipart,
    /// A picture.
    Image,
    /// FHIR in JSON or XML.
    Fhir,
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// Plain text.
    Text,
    /// A document: PDF, Word, RTF, spreadsheet, HL7, scan, archive.
    Document,
    /// Octets of which the server knows no kind.
    Octets,
    /// A message of the printing protocol.
    Ipp,
    /// What starts a Java program.
    Jnlp,
    /// Anything else, or nothing was said.
    Other,
}

impl Media {
    /// Of a Content-Type value.
    pub(super) fn of(value: &[u8]) -> Media {
        let main = main_value(value);
        if starts_with(main, b"multipart/") {
            return if contains(value, b"application/dicom") { Media::Dicomweb } else { Media::Multipart };
        }
        TYPES.iter().find(|t| starts_with(main, t.0)).map_or(Media::Other, |t| t.1)
    }

    /// Whether this is a document: by its type, or by its name where the type says nothing.
    pub(super) fn is_document(self, name: FileName) -> bool {
        match self {
            Media::Document | Media::Dicom => true,
            Media::Octets | Media::Text => name == FileName::Document,
            Media::Xml => name == FileName::Xml,
            _ => false,
        }
    }
}

/// Types by their start; the longer one first where two begin alike.
const TYPES: &[(&[u8], Media)] = &[
    (b"text/html", Media::Html),
    (b"application/xhtml", Media::Html),
    (b"application/dicom+", Media::Dicomweb),
    (b"application/dicom", Media::Dicom),
    (b"application/fhir+", Media::Fhir),
    (b"application/json+fhir", Media::Fhir),
    (b"application/xml+fhir", Media::Fhir),
    (b"application/json", Media::Json),
    (b"application/ipp", Media::Ipp),
    (b"image/tif", Media::Document),
    (b"image/", Media::Image),
    (b"application/pdf", Media::Document),
    (b"application/x-pdf", Media::Document),
    (b"application/msword", Media::Document),
    (b"application/vnd.ms-excel", Media::Document),
    (b"application/vnd.ms-word", Media::Document),
    (b"application/vnd.openxmlformats", Media::Document),
    (b"application/vnd.oasis.opendocument", Media::Document),
    (b"application/rtf", Media::Document),
    (b"text/rtf", Media::Document),
    (b"text/csv", Media::Document),
    (b"application/hl7", Media::Document),
    (b"application/edi-hl7", Media::Document),
    (b"x-application/hl7", Media::Document),
    (b"application/cda+xml", Media::Document),
    (b"application/zip", Media::Document),
    (b"application/x-zip", Media::Document),
    (b"application/octet-stream", Media::Octets),
    (b"application/force-download", Media::Octets),
    (b"application/download", Media::Octets),
    (b"application/x-download", Media::Octets),
    (b"binary/octet-stream", Media::Octets),
    (b"application/x-java-jnlp", Media::Jnlp),
    (b"application/xml", Media::Xml),
    (b"text/xml", Media::Xml),
    (b"text/plain", Media::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart_without_their_parameters() {
        for (value, media) in [
            ("Text/HTML; charset=utf-8", Media::Html),
            ("application/dicom+json", Media::Dicomweb),
            ("multipart/related; type=\"application/dicom\"; boundary=x", Media::Dicomweb),
            ("multipart/related; type=\"image/jpeg\"", Media::Multipart),
            ("application/dicom", Media::Dicom),
            ("application/fhir+json;charset=UTF-8", Media::Fhir),
            ("application/json", Media::Json),
            ("image/png", Media::Image),
            ("application/pdf", Media::Document),
            ("", Media::Other),
        ] {
            assert_eq!(Media::of(value.as_bytes()), media, "{value}");
        }
    }

    #[test]
    fn a_login_page_at_the_address_of_a_document_is_no_document() {
        assert!(!Media::Html.is_document(FileName::Document));
        assert!(Media::Document.is_document(FileName::Other));
        assert!(Media::Octets.is_document(FileName::Document));
        assert!(!Media::Octets.is_document(FileName::Other));
        assert!(!Media::Xml.is_document(FileName::Document));
    }
}
