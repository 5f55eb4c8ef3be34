//! ISO transport on TCP: TPKT (RFC 1006 section 6), the class 0 units that it carries (ISO 8073 section 13, X.224), the header of S7
//! communication in them (not published by its maker; as its free implementations and analysers have it).
//!
//! Keeps: references, whether a request names transport selectors, what kind of message data begin with, results. Drops: selectors,
//! addresses and names of what is read or written, every value, passwords.

use super::WireError;
use super::reader::Reader;

/// A unit of the transport, by octet 5 of its TPKT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// 0xE0, class 0: a connection is asked for.
    Request {
        /// Octets 8-9: the caller's reference.
        reference: u16,
        /// Parameter 0xC1 or 0xC2 is there: who calls whom in one host. Remote desktops never say it.
        has_selector: bool,
    },
    /// 0xD0, class 0: it is given.
    Confirm {
        /// Octets 6-7: the reference of the request.
        of: u16,
    },
    /// 0x80: it is not given.
    Refusal {
        /// Octets 6-7: the reference of the request.
        of: u16,
    },
    /// 0xF0: data.
    Data(Data<'a>),
}

/// Data of the transport, as far as they are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The first octets, at most [`BEGINNING`].
    begin: &'a [u8],
    /// Octets in all.
    length: usize,
    /// Octet 6, highest bit: the message ends here; else it goes on in the next unit.
    pub ends: bool,
}

/// What data begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// 0x32: S7 communication.
    S7(S7),
    /// 0x72: its successor, of which little is known.
    S7Plus,
    /// A connection of the session layer (X.225 section 8.3) is asked for or given: MMS and others stand above it.
    Session,
    /// A record of TLS.
    Tls,
    /// Something else.
    Other,
}

/// A message of S7 communication, as far as its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct S7 {
    /// Octet 1.
    pub kind: S7Kind,
    /// Octets 4-5: pairs an answer with its job.
    pub reference: u16,
    /// The first octet of the parameters: 4 read, 5 write, 0xF0 what both can do.
    pub function: u8,
}

/// Octet 1 of a message of S7 communication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S7Kind {
    /// 1: do this.
    Job,
    /// 3 without an error, and with the first item given or written (0xFF) where the function is to read or to write.
    Done,
    /// 2, 3: an error, or nothing but "heard".
    Other,
    /// 7, group 5, a request: a password is shown.
    Password,
    /// 7: other questions to the machine, and its answers.
    Question,
}

impl<'a> Unit<'a> {
    /// The unit that `octets` begin with, and the length of its TPKT.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is no TPKT with a unit of class 0.
    pub fn read(octets: &'a [u8]) -> Result<(Unit<'a>, usize), WireError> {
        let mut r = Reader::new(octets);
        // Octet 0: version 3, octet 1: reserved, octets 2-3: length of the whole.
        if r.u8("TPKT version")? != 3 {
            return Err(WireError::Malformed("TPKT version"));
        }
        if r.u8("TPKT reserved")? != 0 {
            return Err(WireError::Malformed("TPKT reserved"));
        }
        let whole = usize::from(r.u16("TPKT length")?);
        // Octet 4: octets of the header that follow; octet 5: the kind.
        let indicator = usize::from(r.u8("length indicator")?);
        let kind = r.u8("kind")?;
        let header = indicator.saturating_add(5);
        if indicator < 2 || header > whole || (kind != DATA && header != whole) {
            return Err(WireError::Malformed("length indicator"));
        }
        let unit = if kind == DATA {
            // Octet 6: the number is 0 in class 0, the highest bit ends a message.
            let end = r.u8("end of message")?;
            if indicator != 2 || end & 0x7F != 0 {
                return Err(WireError::Malformed("end of message"));
            }
            let length = whole.saturating_sub(header);
            Unit::Data(Data { begin: r.take(length.min(BEGINNING), "data")?, length, ends: end != 0 })
        } else {
            let mut r = r.sub(indicator.saturating_sub(1), "header")?;
            let (to, from) = (r.u16("destination reference")?, r.u16("source reference")?);
            // A class in bits 0-3; a reason where it is refused.
            let class = r.u8("class")?;
            match kind {
                REFUSAL => Unit::Refusal { of: to },
                REQUEST | CONFIRM if class & 0xF0 != 0 => return Err(WireError::Malformed("class")),
                REQUEST if to != 0 => return Err(WireError::Malformed("destination reference")),
                REQUEST => Unit::Request { reference: from, has_selector: has_selector(r)? },
                CONFIRM => {
                    has_selector(r)?;
                    Unit::Confirm { of: to }
                }
                _ => return Err(WireError::Malformed("kind")),
            }
        };
        Ok((unit, whole))
    }
}

/// Whether a selector is among the parameters: code, length, value each. Work is bounded by the 249 octets that they may have.
fn has_selector(mut r: Reader<'_>) -> Result<bool, WireError> {
    let mut found = false;
    while !r.is_empty() {
        let code = r.u8("parameter")?;
        let length = usize::from(r.u8("parameter length")?);
        r.take(length, "parameter value").map_err(|_| WireError::Malformed("parameter value"))?;
        found |= matches!(code, 0xC1 | 0xC2);
        // No parameter has a code below (section 13.2.3).
        if code & 0x80 == 0 {
            return Err(WireError::Malformed("parameter"));
        }
    }
    Ok(found)
}

impl Data<'_> {
    /// What they begin with.
    #[must_use]
    pub fn inside(&self) -> Inside {
        match self.begin {
            [0x32, ..] => self.s7().map_or(Inside::Other, Inside::S7),
            [0x72, 1..=3 | 0xFE, ..] => Inside::S7Plus,
            [0x0D | 0x0E, 0xFF, high, low, ..]
                if usize::from(u16::from_be_bytes([*high, *low])).saturating_add(4) == self.length =>
            {
                Inside::Session
            }
            [0x0D | 0x0E, n, ..] if usize::from(*n).saturating_add(2) == self.length => Inside::Session,
            [0x14..=0x17, 3, 0..=4, ..] => Inside::Tls,
            _ => Inside::Other,
        }
    }

    fn s7(&self) -> Result<S7, WireError> {
        let mut r = Reader::new(self.begin);
        r.u8("protocol")?;
        let kind = r.u8("kind of message")?;
        if r.u16("reserved")? != 0 {
            return Err(WireError::Malformed("reserved"));
        }
        let reference = r.u16("reference")?;
        let parameters = usize::from(r.u16("length of parameters")?);
        let data = usize::from(r.u16("length of data")?);
        // An answer says what went wrong: class and code.
        let error = if matches!(kind, 2 | 3) { r.u16("error")? } else { 0 };
        let header = self.begin.len().saturating_sub(r.left());
        let length = header.saturating_add(parameters).saturating_add(data);
        if length < self.length || (self.ends && length != self.length) {
            return Err(WireError::Malformed("length of data"));
        }
        let mut items = r;
        let function = if parameters == 0 { 0 } else { r.u8("function")? };
        let kind = match kind {
            1 => S7Kind::Job,
            3 if error == 0 && matches!(function, READ | WRITE) => {
                items.take(parameters, "parameters")?;
                if data > 0 && items.u8("result of an item")? == GIVEN { S7Kind::Done } else { S7Kind::Other }
            }
            3 if error == 0 => S7Kind::Done,
            2 | 3 => S7Kind::Other,
            // Octets 0-2: head, 3: length of what follows, 4: method, 5: 4 for a question and its group, 6: what of the group.
            7 => match items.array::<7>("question") {
                Ok([0, 1, 0x12, _, _, 0x45, 1]) => S7Kind::Password,
                _ => S7Kind::Question,
            },
            _ => return Err(WireError::Malformed("kind of message")),
        };
        Ok(S7 { kind, reference, function })
    }
}

/// Octets of data that are looked into: the header of S7 communication, its parameters in an answer, the result of the first item.
pub const BEGINNING: usize = 32;

const REQUEST: u8 = 0xE0;
const CONFIRM: u8 = 0xD0;
const REFUSAL: u8 = 0x80;
const DATA: u8 = 0xF0;

/// Function of S7 communication.
pub const READ: u8 = 4;
/// Function of S7 communication.
pub const WRITE: u8 = 5;
/// Result of an item.
const GIVEN: u8 = 0xFF;

#[cfg(test)]
pub(crate) mod testing {
    //! Units made by hand.

    /// The first unit of two that carry a message.
    pub(crate) fn begins(user: &[u8], length: usize) -> Vec<u8> {
        tpkt(&[&[2, 0xF0, 0], &user[..length]].concat())
    }

    /// TPKT before a unit.
    pub(crate) fn tpkt(unit: &[u8]) -> Vec<u8> {
        let length = u16::try_from(unit.len().saturating_add(4)).unwrap();
        [&[3, 0], &length.to_be_bytes()[..], unit].concat() // version, reserved, length
    }

    /// Data of the transport.
    pub(crate) fn data(user: &[u8]) -> Vec<u8> {
        tpkt(&[&[2, 0xF0, 0x80], user].concat()) // length indicator, data, the message ends here
    }

    /// A programmer calls the machine in rack 0, slot 2.
    pub(crate) fn asks() -> Vec<u8> {
        let selectors = [0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, 2]; // size 1024; calling 01.00; called 01.02
        tpkt(&[&[17, 0xE0, 0, 0, 0, 1, 0], &selectors[..]].concat()) // 17 follow, request, to 0, from 1, class 0
    }

    /// It takes the call.
    pub(crate) fn confirms() -> Vec<u8> {
        tpkt(&[&[17, 0xD0, 0, 1, 0, 6, 0], &[0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, 1, 2][..]].concat())
    }

    /// A message of S7 communication: kind, reference, error where an answer has one, parameters, data.
    pub(crate) fn s7(kind: u8, reference: u16, error: &[u8], parameters: &[u8], content: &[u8]) -> Vec<u8> {
        let lengths = [parameters.len(), content.len()].map(|n| u16::try_from(n).unwrap().to_be_bytes()).concat();
        data(&[&[0x32, kind, 0, 0], &reference.to_be_bytes()[..], &lengths, error, parameters, content].concat())
    }

    /// Twelve octets of data block 1 are asked for.
    pub(crate) fn reads(reference: u16) -> Vec<u8> {
        s7(1, reference, &[], &[4, 1, 0x12, 10, 0x10, 2, 0, 12, 0, 1, 0x84, 0, 0, 0], &[])
    }

    /// They are given.
    pub(crate) fn gives(reference: u16) -> Vec<u8> {
        s7(3, reference, &[0, 0], &[4, 1], &[&[0xFF, 4, 0, 96], &b"ZZCANARY-OP2"[..]].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    fn inside(octets: &[u8]) -> Inside {
        match Unit::read(octets) {
            Ok((Unit::Data(data), whole)) if whole == octets.len() => data.inside(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_connection_with_selectors_is_asked_for_and_given_or_refused() {
        assert_eq!(Unit::read(&asks()), Ok((Unit::Request { reference: 1, has_selector: true }, 22)));
        assert_eq!(Unit::read(&confirms()), Ok((Unit::Confirm { of: 1 }, 22)));
        let refused = tpkt(&[6, 0x80, 0, 1, 0, 0, 2]); // to 1, from 0, reason 2
        assert_eq!(Unit::read(&refused), Ok((Unit::Refusal { of: 1 }, 11)));
        let bare = tpkt(&[6, 0xE0, 0, 0, 0, 0, 0]);
        assert_eq!(Unit::read(&bare), Ok((Unit::Request { reference: 0, has_selector: false }, 11)));
        for end in 0..22 {
            assert!(matches!(Unit::read(&asks()[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn a_remote_desktop_has_no_selectors() {
        let negotiation = tpkt(&[14, 0xE0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]);
        let cookie = [&[33, 0xE0, 0, 0, 0, 0, 0][..], b"Cookie: mstshash=ZZCANARY\r\n"].concat();
        for octets in [negotiation, tpkt(&cookie)] {
            assert!(matches!(Unit::read(&octets), Err(WireError::Malformed(_))), "{octets:?}");
        }
    }

    #[test]
    fn what_is_none_names_its_field() {
        for (octets, field) in [
            (vec![4, 0, 0, 11], "TPKT version"),
            (vec![3, 1, 0, 11], "TPKT reserved"),
            (tpkt(&[7, 0xE0, 0, 0, 0, 1, 0]), "length indicator"), // one more than there is
            (tpkt(&[6, 0xE0, 0, 0, 0, 1, 0x40]), "class"),
            (tpkt(&[6, 0xE0, 0, 9, 0, 1, 0]), "destination reference"),
            (tpkt(&[6, 0x70, 0, 0, 0, 1, 0]), "kind"),
            (tpkt(&[9, 0xE0, 0, 0, 0, 1, 0, 0xC1, 2, 1]), "parameter value"),
            (tpkt(&[2, 0xF0, 0x81, 0x32]), "end of message"),
        ] {
            assert_eq!(Unit::read(&octets), Err(WireError::Malformed(field)), "{octets:?}");
        }
    }

    #[test]
    fn data_are_told_by_how_they_begin() {
        assert_eq!(inside(&reads(9)), Inside::S7(S7 { kind: S7Kind::Job, reference: 9, function: READ }));
        assert_eq!(inside(&gives(9)), Inside::S7(S7 { kind: S7Kind::Done, reference: 9, function: READ }));
        let failed = s7(3, 9, &[0, 0], &[4, 1], &[0x0A, 0, 0, 0]); // the item is not there
        assert_eq!(inside(&failed), Inside::S7(S7 { kind: S7Kind::Other, reference: 9, function: READ }));
        let error = s7(3, 9, &[0x81, 4], &[4, 1], &[]);
        assert_eq!(inside(&error), Inside::S7(S7 { kind: S7Kind::Other, reference: 9, function: READ }));
        let agreed = s7(3, 9, &[0, 0], &[0xF0, 0, 0, 1, 0, 1, 1, 0xE0], &[]);
        assert_eq!(inside(&agreed), Inside::S7(S7 { kind: S7Kind::Done, reference: 9, function: 0xF0 }));
        let long = begins(&gives(9)[7..], 20);
        assert_eq!(inside(&long), Inside::S7(S7 { kind: S7Kind::Done, reference: 9, function: READ }), "it goes on");
        let password = s7(7, 9, &[], &[0, 1, 0x12, 4, 0x11, 0x45, 1, 0], &[0xFF, 9, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(inside(&password), Inside::S7(S7 { kind: S7Kind::Password, reference: 9, function: 0 }));
        let list = s7(7, 9, &[], &[0, 1, 0x12, 4, 0x11, 0x44, 1, 0], &[0xFF, 9, 0, 4, 0, 0x1C, 0, 0]);
        assert_eq!(inside(&list), Inside::S7(S7 { kind: S7Kind::Question, reference: 9, function: 0 }));
        assert_eq!(inside(&data(&[0x72, 1, 0, 2, 1, 1])), Inside::S7Plus);
        assert_eq!(inside(&data(&[0x0D, 4, 5, 2, 0x13, 1])), Inside::Session);
        assert_eq!(inside(&data(&[0x0E, 0xFF, 0, 2, 5, 2])), Inside::Session);
        assert_eq!(inside(&data(&[0x16, 3, 1, 0, 0])), Inside::Tls);
        for strange in [&[0x0D, 5, 5, 2][..], &[0x32, 1, 0, 1], &[0x32, 1, 0, 0, 0, 1, 0, 9, 0, 0, 4], &[]] {
            assert_eq!(inside(&data(strange)), Inside::Other, "{strange:?}");
        }
    }
}
