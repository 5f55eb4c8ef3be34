//! Modbus over TCP: the header before every message (Modbus Messaging on TCP/IP V1.0b section 3.1.3), the shapes of public functions
//! (Modbus Application Protocol V1.1b3 section 6) and of exceptions (section 7).
//!
//! Keeps: transaction, unit, function, how many octets are asked for, whether they were given. Drops: addresses of registers and
//! every value: they are compared, and gone.

use super::WireError;
use super::reader::Reader;

/// One message, of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Octets 0-1: pairs an answer with its request.
    pub transaction: u16,
    /// Octet 6: the machine behind a gateway.
    pub unit: u8,
    /// Octet 7: what is asked; 0x80 is added in an exception.
    pub function: u8,
    /// What follows the function.
    body: &'a [u8],
}

/// A request, as far as its answer must fit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// As in the frame.
    pub transaction: u16,
    unit: u8,
    function: u8,
    /// The first four octets: an answer to a write repeats them.
    begin: [u8; 4],
    /// Octets of the values that a read must give; 0: not known beforehand.
    wants: usize,
    /// Octets behind the function.
    length: usize,
}

/// What a server made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Values of coils, registers, files or queues.
    Values,
    /// It was done, or the server told of itself.
    Done,
    /// An exception.
    Refused,
}

impl<'a> Frame<'a> {
    /// The message that `octets` begin with, and its whole length.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is no Modbus.
    pub fn read(octets: &'a [u8]) -> Result<(Frame<'a>, usize), WireError> {
        let mut r = Reader::new(octets);
        let transaction = r.u16("transaction")?;
        // Octets 2-3: 0 is Modbus.
        if r.u16("protocol")? != 0 {
            return Err(WireError::Malformed("protocol"));
        }
        // Octets 4-5: what follows, unit included; 253 octets of message at most.
        let length = usize::from(r.u16("length")?);
        if !(2..=254).contains(&length) {
            return Err(WireError::Malformed("length"));
        }
        let mut r = r.sub(length, "message")?;
        let unit = r.u8("unit")?;
        let function = r.u8("function")?;
        if function & !EXCEPTION == 0 {
            return Err(WireError::Malformed("function"));
        }
        Ok((Frame { transaction, unit, function, body: r.rest() }, length.saturating_add(6)))
    }

    /// The request of a public function that this is.
    ///
    /// # Errors
    /// `Malformed` if its octets do not fit its function, or the function is not a public one.
    pub fn request(&self) -> Result<Request, WireError> {
        let wants = wanted(self.function, self.body).ok_or(WireError::Malformed("request"))?;
        let mut begin = [0; 4];
        begin.iter_mut().zip(self.body).for_each(|(kept, octet)| *kept = *octet);
        let &Frame { transaction, unit, function, body } = self;
        Ok(Request { transaction, unit, function, begin, wants, length: body.len() })
    }
}

impl Request {
    /// What this server's message says to the request; `None` if it is no answer to it.
    #[must_use]
    pub fn answered_by(&self, frame: &Frame<'_>) -> Option<Answer> {
        if frame.transaction != self.transaction || frame.unit != self.unit {
            return None;
        }
        if frame.function == self.function | EXCEPTION {
            return matches!(frame.body, [1..=11]).then_some(Answer::Refused);
        }
        if frame.function != self.function {
            return None;
        }
        let counted = |n: &u8, rest: &[u8]| usize::from(*n) == rest.len() && [0, rest.len()].contains(&self.wants);
        match (self.function, frame.body) {
            (1..=4 | 0x14 | 0x17, [n, rest @ ..]) if counted(n, rest) => Some(Answer::Values),
            (0x18, [high, low, rest @ ..]) if usize::from(u16::from_be_bytes([*high, *low])) == rest.len() => {
                Some(Answer::Values)
            }
            (5 | 6 | 0x0F | 0x10, body) if body == self.begin => Some(Answer::Done),
            (8 | 0x15 | 0x16, body) if body.len() == self.length => Some(Answer::Done),
            (7, [_]) | (0x0B, [_, _, _, _]) => Some(Answer::Done),
            (0x0C | 0x11, [n, rest @ ..]) if usize::from(*n) == rest.len() => Some(Answer::Done),
            (0x2B, [kind, _, ..]) if self.begin.first() == Some(kind) => Some(Answer::Done),
            _ => None,
        }
    }
}

/// How many octets a request asks for (0: not known, or none); `None` if the octets behind the function do not fit it.
fn wanted(function: u8, body: &[u8]) -> Option<usize> {
    let number = |high: &u8, low: &u8| usize::from(u16::from_be_bytes([*high, *low]));
    match (function, body) {
        // Address, quantity: bits, then words.
        (1 | 2, [_, _, h, l]) if (1..=2000).contains(&number(h, l)) => Some(number(h, l).div_ceil(8)),
        (3 | 4, [_, _, h, l]) if (1..=125).contains(&number(h, l)) => Some(number(h, l).saturating_mul(2)),
        // Address, value: of one bit only two are allowed.
        (5, [_, _, 0 | 0xFF, 0]) | (6, [_, _, _, _]) => Some(0),
        (7 | 0x0B | 0x0C | 0x11, []) => Some(0),
        (8, [_, _, rest @ ..]) if !rest.is_empty() && rest.len().is_multiple_of(2) => Some(0),
        // Address, quantity, count of octets, values.
        (0x0F, [_, _, h, l, n, rest @ ..]) if is_count(*n, rest, number(h, l).div_ceil(8)) => Some(0),
        (0x10, [_, _, h, l, n, rest @ ..]) if is_count(*n, rest, number(h, l).saturating_mul(2)) => Some(0),
        (0x14 | 0x15, [n, rest @ ..]) if *n >= 7 && usize::from(*n) == rest.len() => Some(0),
        (0x16, [_, _, _, _, _, _]) | (0x18, [_, _]) => Some(0),
        (0x17, [_, _, h, l, _, _, wh, wl, n, rest @ ..])
            if (1..=125).contains(&number(h, l)) && is_count(*n, rest, number(wh, wl).saturating_mul(2)) =>
        {
            Some(number(h, l).saturating_mul(2))
        }
        // Encapsulated: CANopen, or the names of a device.
        (0x2B, [0x0E, 1..=4, _] | [0x0D, _, ..]) => Some(0),
        _ => None,
    }
}

fn is_count(n: u8, rest: &[u8], needed: usize) -> bool {
    n > 0 && usize::from(n) == rest.len() && needed == rest.len()
}

/// Added to the function in an exception.
const EXCEPTION: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(transaction: u16, unit: u8, message: &[u8]) -> Vec<u8> {
        let length = u16::try_from(message.len().saturating_add(1)).unwrap();
        // transaction, protocol, length, unit, function and what it needs
        [&transaction.to_be_bytes()[..], &[0, 0], &length.to_be_bytes(), &[unit], message].concat()
    }

    fn answer(request: &[u8], answer: &[u8]) -> Option<Answer> {
        let (request, answer) = (frame(7, 1, request), frame(7, 1, answer));
        let request = Frame::read(&request).unwrap().0.request().unwrap();
        request.answered_by(&Frame::read(&answer).unwrap().0)
    }

    #[test]
    fn every_public_function_has_its_answer() {
        for (request, reply, outcome) in [
            (&[1, 0, 0, 0, 9][..], &[1, 2, 0xFF, 1][..], Answer::Values), // nine coils in two octets
            (&[2, 0, 0, 0, 8], &[2, 1, 0xFF], Answer::Values),
            (&[3, 0, 0, 0, 2], &[3, 4, 0, 1, 0, 2], Answer::Values), // two registers
            (&[4, 0, 0, 0, 1], &[4, 2, 0, 1], Answer::Values),
            (&[5, 0, 1, 0xFF, 0], &[5, 0, 1, 0xFF, 0], Answer::Done),
            (&[6, 0, 1, 0, 3], &[6, 0, 1, 0, 3], Answer::Done),
            (&[7], &[7, 0x6D], Answer::Done),
            (&[8, 0, 0, 0xA5, 0x37], &[8, 0, 0, 0xA5, 0x37], Answer::Done),
            (&[0x0B], &[0x0B, 0xFF, 0xFF, 1, 8], Answer::Done),
            (&[0x0C], &[0x0C, 2, 0, 0], Answer::Done),
            (&[0x0F, 0, 0x13, 0, 10, 2, 0xCD, 1], &[0x0F, 0, 0x13, 0, 10], Answer::Done),
            (&[0x10, 0, 1, 0, 1, 2, 0, 10], &[0x10, 0, 1, 0, 1], Answer::Done),
            (&[0x11], &[0x11, 2, 9, 0xFF], Answer::Done),
            (&[0x14, 7, 6, 0, 4, 0, 1, 0, 1], &[0x14, 4, 3, 6, 0, 9], Answer::Values),
            (&[0x15, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xAF], &[0x15, 9, 6, 0, 4, 0, 7, 0, 1, 6, 0xAF], Answer::Done),
            (&[0x16, 0, 4, 0, 0xF2, 0, 0x25], &[0x16, 0, 4, 0, 0xF2, 0, 0x25], Answer::Done),
            (&[0x17, 0, 3, 0, 1, 0, 0x0E, 0, 1, 2, 0, 0xFF], &[0x17, 2, 0, 0xFE], Answer::Values),
            (&[0x18, 4, 0xDE], &[0x18, 0, 4, 0, 1, 1, 0xB8], Answer::Values),
            (&[0x2B, 0x0E, 1, 0], &[0x2B, 0x0E, 1, 1, 0, 0, 1, 0, 1, b'A'], Answer::Done),
            (&[3, 0, 0, 0, 2], &[0x83, 2], Answer::Refused),
        ] {
            assert_eq!(answer(request, reply), Some(outcome), "{request:?}");
        }
    }

    #[test]
    fn what_does_not_fit_its_request_is_no_answer() {
        assert_eq!(answer(&[3, 0, 0, 0, 2], &[3, 2, 0, 1]), None, "one register instead of two");
        assert_eq!(answer(&[3, 0, 0, 0, 2], &[4, 4, 0, 1, 0, 2]), None, "another function");
        assert_eq!(answer(&[6, 0, 1, 0, 3], &[6, 0, 1, 0, 4]), None, "another value");
        assert_eq!(answer(&[3, 0, 0, 0, 2], &[0x83, 0x20]), None, "no exception has this code");
        let (request, other) = (frame(7, 1, &[7]), frame(8, 1, &[7, 0]));
        let request = Frame::read(&request).unwrap().0.request().unwrap();
        assert_eq!(request.answered_by(&Frame::read(&other).unwrap().0), None, "another transaction");
        let other = frame(7, 2, &[7, 0]);
        assert_eq!(request.answered_by(&Frame::read(&other).unwrap().0), None, "another unit");
    }

    #[test]
    fn requests_that_no_function_has_are_malformed() {
        for message in [
            &[3, 0, 0, 0, 0][..], // no register
            &[3, 0, 0, 0, 126],   // too many
            &[1, 0, 0, 0x07, 0xD1],
            &[3, 4, 0, 1, 0, 2], // an answer
            &[5, 0, 1, 1, 0],
            &[0x10, 0, 1, 0, 1, 4, 0, 10, 0, 1], // count and quantity differ
            &[0x5A, 0, 1],                       // a maker's own
            &[0x83, 2],
        ] {
            let octets = frame(1, 1, message);
            assert_eq!(Frame::read(&octets).unwrap().0.request(), Err(WireError::Malformed("request")), "{message:?}");
        }
    }

    #[test]
    fn what_is_none_names_its_field() {
        for (octets, field) in [
            (&[0, 1, 0, 1, 0, 2, 1, 7][..], "protocol"),
            (&[0, 1, 0, 0, 0, 1, 1], "length"),
            (&[0, 1, 0, 0, 1, 0, 1], "length"),
            (&[0, 1, 0, 0, 0, 2, 1, 0x80], "function"),
        ] {
            assert_eq!(Frame::read(octets), Err(WireError::Malformed(field)), "{octets:?}");
        }
        let whole = frame(1, 1, &[3, 0, 0, 0, 2]);
        for end in 0..whole.len() {
            assert!(matches!(Frame::read(&whole[..end]), Err(WireError::Truncated(_))), "{end}");
        }
        assert_eq!(Frame::read(&whole).unwrap().1, whole.len());
    }
}
