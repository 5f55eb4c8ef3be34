//! Laboratory analysers: frames of ASTM E1381 (LIS1-A section 6: ENQ, STX frame ETX, EOT, answered by ACK and NAK) and the
//! kinds of the records in them (ASTM E1394, LIS2-A sections 5 to 13), over TCP, also without frames.
//!
//! Keeps: controls, and the first letter of each record. Drops: everything behind that letter: patients, orders and
//! results stand there. Octets are passed over one by one and never gathered.

/// What one side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// ENQ: it wants to send.
    Enquiry,
    /// ACK: a frame, or an enquiry, was taken.
    Taken,
    /// NAK: it was not.
    Refused,
    /// A record begins.
    Record(Record),
    /// A frame ended.
    FrameEnd,
    /// EOT: it has nothing more to send.
    End,
}

/// The kind of a record: its first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// H: a message begins.
    Header,
    /// P: whose the following are.
    Patient,
    /// O: what is to be measured, or was.
    Order,
    /// R: what was measured.
    Result,
    /// Q: a question for orders or results.
    Query,
    /// L: the message ends.
    Terminator,
    /// C, S, M, and what makers add.
    Other,
}

/// Whether octets begin a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// No.
    No,
    /// Not enough of them.
    Short,
    /// Yes.
    Yes,
}

/// Whether the first octets of a side are a header record, behind an enquiry and the beginning of a frame or without.
#[must_use]
pub fn likeness(octets: &[u8]) -> Likeness {
    let controls = octets.iter().take_while(|o| matches!(**o, ENQ | ACK | NAK | EOT)).count();
    if controls > MAX_CONTROLS {
        return Likeness::No;
    }
    let rest = octets.get(controls..).unwrap_or_default();
    let record = match rest {
        [] | [STX] => return Likeness::Short,
        [STX, b'0'..=b'7', record @ ..] => record,
        [STX, ..] => return Likeness::No,
        record => record,
    };
    // H, the separator of fields, then those of repetitions, components and escapes: E1394 section 6.4.
    let wanted: [fn(u8) -> bool; 5] = [|o| o == b'H', |o| o == b'|', is_separator, is_separator, is_separator];
    for (n, is) in wanted.iter().enumerate() {
        match record.get(n) {
            None => return Likeness::Short,
            Some(octet) if !is(*octet) => return Likeness::No,
            Some(_) => {}
        }
    }
    match record {
        // They differ: a line of a table in some text does not look like this.
        [_, field, repeat, component, escape, ..]
            if repeat != component
                && component != escape
                && repeat != escape
                && ![repeat, component, escape].contains(&field) =>
        {
            match record.get(5) {
                None => Likeness::Short,
                Some(&(b'|' | b'\r' | b'\n' | ETX)) => Likeness::Yes,
                Some(_) => Likeness::No,
            }
        }
        _ => Likeness::No,
    }
}

const fn is_separator(octet: u8) -> bool {
    matches!(octet, b'\\' | b'^' | b'&' | b'~' | b'@' | b'!' | b'`' | b'$' | b'#' | b'%' | b'*' | b'/')
}

/// Where a side stands; it needs nothing of what went before but this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between frames.
    #[default]
    Between,
    /// Behind STX: the number of the frame.
    Number { goes_on: bool },
    /// A record begins.
    Begin { framed: bool },
    /// In a record.
    Inside { framed: bool },
    /// Behind ETX (`false`) or ETB (`true`): a record goes on in the next frame. Two digits, CR and LF follow.
    Sum { goes_on: bool, left: u8 },
    /// Between two frames of one record.
    GoesOn,
}

impl Walk {
    /// Hears one octet.
    pub fn hear(&mut self, octet: u8) -> Option<Said> {
        let (next, said) = match (self.place, octet) {
            // ACK and NAK of this side for the other's frames come only between its own.
            (Place::Between | Place::GoesOn, ENQ) => (Place::Between, Some(Said::Enquiry)),
            (Place::Between | Place::GoesOn, ACK) => (self.place, Some(Said::Taken)),
            (Place::Between | Place::GoesOn, NAK) => (self.place, Some(Said::Refused)),
            (Place::Between | Place::GoesOn, EOT) => (Place::Between, Some(Said::End)),
            (Place::Between, STX) => (Place::Number { goes_on: false }, None),
            (Place::GoesOn, STX) => (Place::Number { goes_on: true }, None),
            (Place::Between, b'H') => (Place::Inside { framed: false }, Some(Said::Record(Record::Header))),
            (Place::Between | Place::GoesOn, _) => (self.place, None),
            (Place::Number { goes_on: true }, _) => (Place::Inside { framed: true }, None),
            (Place::Number { goes_on: false }, _) => (Place::Begin { framed: true }, None),
            (Place::Begin { framed: true } | Place::Inside { framed: true }, ETX) => {
                (Place::Sum { goes_on: false, left: 4 }, Some(Said::FrameEnd))
            }
            (Place::Inside { framed: true }, ETB) => (Place::Sum { goes_on: true, left: 4 }, Some(Said::FrameEnd)),
            (Place::Begin { .. } | Place::Inside { .. }, EOT) => (Place::Between, Some(Said::End)),
            (Place::Begin { .. }, b'\r' | b'\n') => (self.place, None),
            (Place::Begin { framed }, letter) => (Place::Inside { framed }, record(letter).map(Said::Record)),
            (Place::Inside { framed }, b'\r') => (Place::Begin { framed }, None),
            (Place::Inside { .. }, _) => (self.place, None),
            (Place::Sum { goes_on, left }, _) => match left.checked_sub(1) {
                Some(left @ 1..) => (Place::Sum { goes_on, left }, None),
                _ => (if goes_on { Place::GoesOn } else { Place::Between }, None),
            },
        };
        self.place = next;
        said
    }

    /// Octets are missing: it goes on at the next frame.
    pub fn lose(&mut self) {
        self.place = Place::Between;
    }
}

const fn record(letter: u8) -> Option<Record> {
    Some(match letter {
        b'H' => Record::Header,
        b'P' => Record::Patient,
        b'O' => Record::Order,
        b'R' => Record::Result,
        b'Q' => Record::Query,
        b'L' => Record::Terminator,
        b'A'..=b'Z' => Record::Other,
        _ => return None,
    })
}

/// Controls before the first frame: an enquiry is repeated a few times where nobody answers.
const MAX_CONTROLS: usize = 16;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
const ETB: u8 = 0x17;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message in three frames, the second of which goes on in the third.
    const MESSAGE: &[u8] = b"\x05\x021H|\\^&|||LAB|||||||P|1\rP|1||ZZCANARY\r\x03D4\r\n\
        \x022O|1|123||^^^GLU\rR|1|^^^GLU|5.\x17A1\r\n\x0237|mmol/L\rL|1|N\r\x03B2\r\n\x04";

    fn records(octets: &[u8]) -> Vec<Record> {
        let mut walk = Walk::default();
        octets
            .iter()
            .filter_map(|o| walk.hear(*o))
            .filter_map(|s| if let Said::Record(r) = s { Some(r) } else { None })
            .collect()
    }

    #[test]
    fn records_are_found_in_frames_and_without_them() {
        use Record::*;
        assert_eq!(records(MESSAGE), [Header, Patient, Order, Result, Terminator]);
        assert_eq!(records(b"H|\\^&\rP|1\rR|1|H\r\nL|1\r"), [Header, Patient, Result, Terminator]);
        assert_eq!(records(b"\x06\x06R|1\r"), [], "an answer is no message");
    }

    #[test]
    fn controls_are_told() {
        let mut walk = Walk::default();
        let said: Vec<_> = b"\x05\x06\x15\x04".iter().filter_map(|o| walk.hear(*o)).collect();
        assert_eq!(said, [Said::Enquiry, Said::Taken, Said::Refused, Said::End]);
        let ends = MESSAGE.iter().filter(|o| walk.hear(**o) == Some(Said::FrameEnd)).count();
        assert_eq!(ends, 3);
    }

    #[test]
    fn a_message_begins_with_its_separators() {
        for (octets, wanted) in [
            (MESSAGE, Likeness::Yes),
            (b"H|\\^&|||", Likeness::Yes),
            (b"\x021H|@^\\|", Likeness::Yes),
            (b"\x05", Likeness::Short),
            (b"\x05\x02", Likeness::Short),
            (b"\x021H|\\", Likeness::Short),
            (b"", Likeness::Short),
            (b"H|^^^|", Likeness::No),
            (b"HTTP/1.1", Likeness::No),
            (b"\x0bMSH|^~\\&", Likeness::No),
            (b"\x02Hello", Likeness::No),
            (&[5; 40], Likeness::No),
        ] {
            assert_eq!(likeness(octets), wanted, "{octets:?}");
        }
    }

    #[test]
    fn a_hole_is_passed_and_the_next_frame_is_heard() {
        let mut walk = Walk::default();
        for octet in b"\x021H|\\^&|||somebody" {
            walk.hear(*octet);
        }
        walk.lose();
        let rest = b"s name\r\x03A1\r\n\x022R|1\r\x03B2\r\n";
        let said: Vec<_> = rest.iter().filter_map(|o| walk.hear(*o)).collect();
        assert_eq!(said, [Said::Record(Record::Result), Said::FrameEnd]);
    }
}
