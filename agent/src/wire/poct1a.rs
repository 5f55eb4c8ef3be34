//! Point-of-care analysers: POCT1-A (CLSI POCT01-A2, appendix B), messages of XML over TCP, each of one kind: `HEL.R01`,
//! `OBS.R02`, `ACK.R01`.
//!
//! Keeps: the kind of each message. Drops: everything inside of it: devices, operators, patients and results stand there.
//! Octets are passed over and never gathered.

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `HEL`: a device says who it is.
    Hello,
    /// `ACK`: a message was taken.
    Acknowledgement,
    /// `OBS`: results.
    Observations,
    /// `PTL`: a list of patients.
    Patients,
    /// `END`: nothing more will follow.
    Terminate,
    /// The others: status, requests, directives, lists of operators.
    Other,
}

/// What stands at the beginning of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// No message.
    No,
    /// Not enough of them.
    Short,
    /// A message of this kind, whose name ends behind so many octets.
    Yes {
        /// Its kind.
        kind: Kind,
        /// The name, for finding its end: letters, a dot, a release.
        name: [u8; 7],
        /// Octets up to the end of the name.
        octets: usize,
    },
}

/// Looks for the root of a message, behind blanks, a declaration and a document type.
#[must_use]
pub fn begins(octets: &[u8]) -> Begins {
    let mut at = 0usize;
    for _ in 0..MAX_PROLOGUE {
        let rest = octets.get(at..).unwrap_or_default();
        let blank = rest.iter().take_while(|o| o.is_ascii_whitespace() || is_of_byte_order_mark(**o)).count();
        let rest = rest.get(blank..).unwrap_or_default();
        at = at.saturating_add(blank);
        match rest {
            [] | [b'<'] => return if at > MAX_LEADING { Begins::No } else { Begins::Short },
            [b'<', b'?' | b'!', ..] => match rest.iter().position(|o| *o == b'>') {
                Some(end) => at = at.saturating_add(end).saturating_add(1),
                None => return if octets.len() > MAX_LEADING { Begins::No } else { Begins::Short },
            },
            [b'<', name @ ..] => return root(name, at),
            _ => return Begins::No,
        }
    }
    Begins::No
}

fn root(name: &[u8], at: usize) -> Begins {
    let form: [fn(&u8) -> bool; 8] = [
        u8::is_ascii_uppercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_uppercase,
        |o| *o == b'.',
        |o| *o == b'R',
        u8::is_ascii_digit,
        u8::is_ascii_digit,
        |o| matches!(o, b'>' | b' ' | b'\t' | b'\r' | b'\n' | b'/'),
    ];
    if name.iter().zip(form).any(|(o, is)| !is(o)) {
        return Begins::No;
    }
    let Some((name, [_, ..])) = name.split_first_chunk::<7>() else { return Begins::Short };
    let kind = match name.get(..3) {
        Some(b"HEL") => Kind::Hello,
        Some(b"ACK") => Kind::Acknowledgement,
        Some(b"OBS") => Kind::Observations,
        Some(b"PTL") => Kind::Patients,
        Some(b"END") => Kind::Terminate,
        Some(b"DST" | b"REQ" | b"EOT" | b"DTV" | b"ESC" | b"KPA" | b"OPL" | b"DEV" | b"EVS" | b"CTC") => Kind::Other,
        _ => return Begins::No,
    };
    Begins::Yes { kind, name: *name, octets: at.saturating_add(8) }
}

/// Octets up to the end of a message of this name; `None` if it is not there yet.
#[must_use]
pub fn end(octets: &[u8], name: [u8; 7]) -> Option<usize> {
    let at = octets.windows(END_OCTETS).position(|w| matches!(w, [b'<', b'/', rest @ .., b'>'] if *rest == name))?;
    at.checked_add(END_OCTETS)
}

const fn is_of_byte_order_mark(octet: u8) -> bool {
    matches!(octet, 0xef | 0xbb | 0xbf)
}

/// Octets of `</HEL.R01>`: so many are kept back while an end is looked for.
pub const END_OCTETS: usize = 10;
/// Octets before a root: a declaration and a document type have about a hundred.
const MAX_LEADING: usize = 1024;
/// Declarations and comments before a root.
const MAX_PROLOGUE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_by_its_root() {
        let hello = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<!DOCTYPE HEL.R01>\n<HEL.R01><HDR/></HEL.R01>";
        let Begins::Yes { kind, name, octets } = begins(hello) else { panic!() };
        assert_eq!((kind, &name), (Kind::Hello, b"HEL.R01"));
        assert_eq!(hello.get(octets), Some(&b'>'));
        assert_eq!(end(&hello[octets..], name), Some(hello.len() - octets));
        assert!(matches!(begins(b"<OBS.R02 >"), Begins::Yes { kind: Kind::Observations, .. }));
        assert!(matches!(begins(b"<DST.R01>"), Begins::Yes { kind: Kind::Other, .. }));
    }

    #[test]
    fn other_xml_and_other_octets_are_none() {
        for octets in [&b"<html>"[..], b"<HEL.R0x>", b"<ABC.R01>", b"HEL.R01", b"<hel.r01>", b"\x05"] {
            assert_eq!(begins(octets), Begins::No, "{octets:?}");
        }
        for octets in [&b""[..], b"<", b"<?xml version", b"<HEL.R", b"<HEL.R01", b" \r\n"] {
            assert_eq!(begins(octets), Begins::Short, "{octets:?}");
        }
        assert_eq!(begins(&[b' '; 2000]), Begins::No);
        assert_eq!(end(b"<a></ACK.R01></HEL.R0", *b"HEL.R01"), None);
    }
}
