//! MLLP framing (HL7 Minimal Lower Layer Protocol, release 1: 0x0B, message, 0x1C 0x0D) and the two segments of HL7 v2
//! that concern the exchange itself: MSH (HL7 v2.5.1, 2.15.9) and MSA (2.15.8).
//!
//! Keeps: the kind of a message (MSH-9, first component), its version (MSH-12), the code of an acknowledgement (MSA-1).
//! Drops: names of applications and facilities, times, control numbers, and every other segment: that is where
//! patients are.

use super::WireError;
use super::reader::Reader;

/// Begins a frame.
pub const BEGIN: u8 = 0x0B;

/// Ends a frame, with [`CARRIAGE_RETURN`] behind it.
pub const END: u8 = 0x1C;

/// Ends a segment.
pub const CARRIAGE_RETURN: u8 = 0x0D;

/// Ends a segment where a sender follows the habits of its system.
pub const LINE_FEED: u8 = 0x0A;

/// How much octets look like the beginning of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// They are none.
    No,
    /// Too few to tell; what is there fits.
    Short,
    /// They are. `framed` if the octet [`BEGIN`] stands before it; some senders leave it out.
    Yes {
        /// The octet stands there.
        framed: bool,
    },
}

/// Whether `octets` begin with a message: perhaps [`BEGIN`], then MSH (or the headers of a file or batch, FHS and BHS),
/// a field separator and encoding characters.
#[must_use]
pub fn likeness(octets: &[u8]) -> Likeness {
    let framed = octets.first() == Some(&BEGIN);
    let text = if framed { octets.get(1..).unwrap_or_default() } else { octets };
    match header(&mut Reader::new(text)) {
        Ok(_) => Likeness::Yes { framed },
        Err(WireError::Truncated(_)) => Likeness::Short,
        Err(WireError::Malformed(_)) => Likeness::No,
    }
}

/// The segment MSH.
#[derive(Clone, Copy)]
pub struct Msh<'a> {
    /// MSH-1: the field separator.
    pub separator: u8,
    /// MSH-9.1: the kind of message.
    pub kind: &'a [u8],
    /// MSH-12.1: the version; empty if absent.
    pub version: &'a [u8],
}

impl<'a> Msh<'a> {
    /// Reads a whole segment, without the octet that ends it.
    ///
    /// # Errors
    /// `Truncated` if it ends before MSH-9, `Malformed` if it is another segment.
    pub fn read(segment: &'a [u8]) -> Result<Msh<'a>, WireError> {
        let head = header(&mut Reader::new(segment))?;
        if !segment.starts_with(b"MSH") {
            return Err(WireError::Malformed("MSH"));
        }
        // The piece before the first separator is the name, the next is MSH-2, so the piece n is MSH-(n+1).
        let mut fields = segment.split(|o| *o == head.separator);
        let first_component = |field: &'a [u8]| field.split(|o| *o == head.component).next().unwrap_or_default();
        let kind = fields.nth(8).map(first_component).ok_or(WireError::Truncated("MSH-9"))?;
        let version = fields.nth(2).map(first_component).unwrap_or_default();
        Ok(Msh { separator: head.separator, kind, version })
    }
}

/// MSA-1: the codes of HL7 table 0008.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// AA, CA.
    Accepted,
    /// AE, CE.
    Error,
    /// AR, CR.
    Rejected,
}

impl Acknowledgement {
    /// Of the octets of MSA-1.
    #[must_use]
    pub fn of(code: &[u8]) -> Option<Acknowledgement> {
        match code {
            b"AA" | b"CA" => Some(Acknowledgement::Accepted),
            b"AE" | b"CE" => Some(Acknowledgement::Error),
            b"AR" | b"CR" => Some(Acknowledgement::Rejected),
            _ => None,
        }
    }
}

/// Whether `octet` ends a segment: by itself, with its message, or because the next message begins.
#[must_use]
pub const fn ends_segment(octet: u8) -> bool {
    matches!(octet, CARRIAGE_RETURN | LINE_FEED | END | BEGIN)
}

struct Header {
    separator: u8,
    component: u8,
}

/// Octets 1-9: name, separator (MSH-1), the four encoding characters (MSH-2), the separator again; or five of them, as
/// from version 2.7 on.
fn header(r: &mut Reader<'_>) -> Result<Header, WireError> {
    for place in 0..3 {
        let octet = r.u8("segment name")?;
        if ![b"MSH", b"FHS", b"BHS"].iter().any(|n| n.get(place) == Some(&octet)) {
            return Err(WireError::Malformed("segment name"));
        }
    }
    let punctuation = |o: u8| if o.is_ascii_punctuation() { Ok(o) } else { Err(WireError::Malformed("MSH-2")) };
    let separator = punctuation(r.u8("MSH-1")?)?;
    let component = punctuation(r.u8("MSH-2")?)?;
    let mut last = component;
    for _ in 0..MAX_ENCODING_CHARACTERS {
        last = r.u8("MSH-2")?;
        if last == separator {
            break;
        }
        punctuation(last)?;
    }
    if last == separator && component != separator {
        Ok(Header { separator, component })
    } else {
        Err(WireError::Malformed("MSH-2"))
    }
}

/// After the component separator: repetition, escape, subcomponent, truncation (HL7 v2.7, 2.14.9.2), and the field
/// separator that ends them.
const MAX_ENCODING_CHARACTERS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_when_its_encoding_characters_are_whole() {
        let o = b"\x0bMSH|^~\\&|ZZCANARY|";
        for n in 0..10 {
            assert_eq!(likeness(&o[..n]), Likeness::Short, "{n}");
        }
        assert_eq!(likeness(&o[..10]), Likeness::Yes { framed: true });
        assert_eq!(likeness(&o[1..]), Likeness::Yes { framed: false });
        assert_eq!(likeness(b"\x0bBHS|^~\\&|"), Likeness::Yes { framed: true });
        assert_eq!(likeness(b"MSH|^~\\&#|"), Likeness::Yes { framed: false });
    }

    #[test]
    fn words_that_begin_alike_are_no_message() {
        for text in [&b"MSHELL 1.0 ready"[..], b"\x0b\x0b", b"MAIL FROM", b"FTP server", b"MSH||||||||"] {
            assert_eq!(likeness(text), Likeness::No);
        }
    }

    #[test]
    fn the_ninth_and_the_twelfth_field_are_read() {
        let m = Msh::read(b"MSH|^~\\&|A|B|C|D|20240312||ADT^A01|1|P|2.5.1^DEU|").unwrap();
        assert_eq!((m.separator, m.kind, m.version), (b'|', &b"ADT"[..], &b"2.5.1"[..]));
        let short = Msh::read(b"MSH|^~\\&|A|B|C|D|20240312||ORU").unwrap();
        assert_eq!((short.kind, short.version), (&b"ORU"[..], &b""[..]));
        assert_eq!(Msh::read(b"MSH|^~\\&|A|B").err(), Some(WireError::Truncated("MSH-9")));
        assert_eq!(Msh::read(b"BHS|^~\\&|A|B").err(), Some(WireError::Malformed("MSH")));
    }

    #[test]
    fn other_separators_are_followed() {
        let m = Msh::read(b"MSH$%~\\&$A$B$C$D$20240312$$ORM%O01$1$P$2.3").unwrap();
        assert_eq!((m.separator, m.kind, m.version), (b'$', &b"ORM"[..], &b"2.3"[..]));
    }

    #[test]
    fn the_codes_of_an_acknowledgement_are_a_closed_list() {
        assert_eq!(Acknowledgement::of(b"AA"), Some(Acknowledgement::Accepted));
        assert_eq!(Acknowledgement::of(b"CE"), Some(Acknowledgement::Error));
        assert_eq!(Acknowledgement::of(b"AR"), Some(Acknowledgement::Rejected));
        assert_eq!(Acknowledgement::of(b"ZZ"), None);
    }
}
