//! Heads in the form of HTTP, of the protocols that borrowed it: RTSP (RFC 2326 sections 6 and 7, RFC 7826 sections 7 and
//! 8) and SIP (RFC 3261 section 7).
//!
//! Keeps: the method or the status, the fields as borrowed octets, the length of the body. Drops: addresses, reasons.
//! Folded lines are read as lines without a name.

use super::WireError;
use super::text::{line, number};

/// The head of a message.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// What it is.
    pub start: Start<'a>,
    /// Its octets, with the empty line; all that is there, if the empty line is not.
    pub octets: usize,
    fields: &'a [u8],
}

/// Fields hold names and passwords: they are not for logs.
impl core::fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Head({} octets)", self.octets)
    }
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request, by its method.
    Request(&'a [u8]),
    /// An answer, by its status.
    Answer(u16),
}

/// Whether octets begin a message of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// A request.
    Request,
    /// An answer.
    Answer,
    /// There are too few of them.
    Perhaps,
    /// Neither.
    No,
}

/// Whether `octets` begin a message of `protocol` (`RTSP/`, `SIP/`), by their first line.
#[must_use]
pub fn begins(octets: &[u8], protocol: &[u8]) -> Begins {
    let first = match line(octets.get(..MAX_LINE).unwrap_or(octets)) {
        Some((first, _)) => first,
        None if octets.len() >= MAX_LINE || octets.iter().any(|o| !is_text(*o)) => return Begins::No,
        // The protocol's name stands first in an answer; a request begins with letters.
        None if octets.len() >= protocol.len() && octets.starts_with(protocol) => return Begins::Answer,
        None if octets.iter().take(MAX_METHOD).take_while(|o| **o != b' ').all(|o| is_of_method(*o)) => {
            return Begins::Perhaps;
        }
        None => return if protocol.starts_with(octets) { Begins::Perhaps } else { Begins::No },
    };
    match start(first, protocol) {
        Ok(Start::Request(_)) => Begins::Request,
        Ok(Start::Answer(_)) => Begins::Answer,
        Err(_) => Begins::No,
    }
}

impl<'a> Head<'a> {
    /// Reads a head of `protocol`. With `is_all` nothing will follow: a head without its empty line is what a capture
    /// that keeps only beginnings has of it.
    ///
    /// # Errors
    /// `Malformed` if the first line is of another protocol or the head too long, `Truncated` if it has no end yet.
    pub fn read(octets: &'a [u8], protocol: &[u8], is_all: bool) -> Result<Head<'a>, WireError> {
        let Some((first, len)) = line(octets) else {
            let too_long = octets.len() >= MAX_LINE;
            return Err(if too_long { WireError::Malformed("first line") } else { WireError::Truncated("first line") });
        };
        let start = start(first, protocol)?;
        let fields = octets.get(len..).unwrap_or_default();
        let end = match end(fields) {
            Some(end) => end,
            None if is_all => fields.len(),
            None if fields.len() >= MAX_HEAD => return Err(WireError::Malformed("head")),
            None => return Err(WireError::Truncated("head")),
        };
        let fields = fields.get(..end).unwrap_or(fields);
        Ok(Head { start, octets: len.saturating_add(end), fields })
    }

    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn field(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields.split(|o| *o == b'\n').take(MAX_FIELDS).find_map(|line| {
            let (before, after) = line.split_at_checked(line.iter().position(|o| *o == b':')?)?;
            before.trim_ascii().eq_ignore_ascii_case(name).then(|| after.get(1..).unwrap_or_default().trim_ascii())
        })
    }

    /// Octets of the body, by `Content-Length`; 0 without it.
    ///
    /// # Errors
    /// `Malformed` if the field is no number.
    pub fn body_octets(&self) -> Result<u64, WireError> {
        self.field(b"Content-Length").map_or(Ok(0), |v| number(v).ok_or(WireError::Malformed("Content-Length")))
    }

    /// The number of `CSeq`, which joins a request and its answers.
    #[must_use]
    pub fn sequence(&self) -> Option<u32> {
        let value = self.field(b"CSeq")?;
        let digits = value.split(|o| !o.is_ascii_digit()).next().unwrap_or_default();
        number(digits).and_then(|n| u32::try_from(n).ok())
    }
}

/// `METHOD address RTSP/1.0`, or `RTSP/1.0 200 reason`.
fn start<'a>(first: &'a [u8], protocol: &[u8]) -> Result<Start<'a>, WireError> {
    if let Some(rest) = first.strip_prefix(protocol) {
        let [b'1'..=b'9', b'.', b'0'..=b'9', b' ', status @ ..] = rest else {
            return Err(WireError::Malformed("version"));
        };
        let code = status.get(..3).and_then(number).filter(|c| (100..700).contains(c));
        let ends = matches!(status.get(3), None | Some(b' '));
        let code = code.filter(|_| ends).and_then(|c| u16::try_from(c).ok());
        return code.map(Start::Answer).ok_or(WireError::Malformed("status"));
    }
    let mut words = first.split(|o| *o == b' ');
    let method = words.next().unwrap_or_default();
    let version = words.next_back().and_then(|v| v.strip_prefix(protocol));
    let is_version = matches!(version, Some([b'1'..=b'9', b'.', b'0'..=b'9']));
    let is_method = !method.is_empty() && method.len() <= MAX_METHOD && method.iter().all(|o| is_of_method(*o));
    let has_address = words.next().is_some_and(|a| !a.is_empty());
    if is_version && is_method && has_address {
        Ok(Start::Request(method))
    } else {
        Err(WireError::Malformed("first line"))
    }
}

/// Octets up to the empty line, with it.
fn end(fields: &[u8]) -> Option<usize> {
    if fields.starts_with(b"\r\n") {
        return Some(2);
    }
    if fields.starts_with(b"\n") {
        return Some(1);
    }
    let fields = fields.get(..MAX_HEAD).unwrap_or(fields);
    let with_cr = fields.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at.saturating_add(4));
    let without = fields.windows(2).position(|w| w == b"\n\n").map(|at| at.saturating_add(2));
    with_cr.into_iter().chain(without).min()
}

const fn is_of_method(octet: u8) -> bool {
    octet.is_ascii_uppercase() || octet == b'_'
}

const fn is_text(octet: u8) -> bool {
    octet >= b' ' || matches!(octet, b'\t' | b'\r')
}

/// Octets of a first line: addresses of cameras have a few hundred.
const MAX_LINE: usize = 2048;
/// Octets of a head: SIP's have one or two thousand.
const MAX_HEAD: usize = 8192;
/// Letters of a method: `GET_PARAMETER` has thirteen.
const MAX_METHOD: usize = 16;
/// Lines of a head that are looked at.
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBE: &[u8] =
        b"DESCRIBE rtsp://192.168.20.61/live RTSP/1.0\r\nCSeq: 3\r\nAuthorization: Basic eno=\r\n\r\n$";

    #[test]
    fn requests_and_answers_are_told_by_their_first_line() {
        let head = Head::read(DESCRIBE, b"RTSP/", false).unwrap();
        assert_eq!((head.start, head.sequence()), (Start::Request(b"DESCRIBE"), Some(3)));
        assert_eq!((head.field(b"authorization"), head.octets), (Some(&b"Basic eno="[..]), DESCRIBE.len() - 1));
        let answer = b"SIP/2.0 401 Unauthorized\nCSeq: 7 REGISTER\nContent-Length: 0\n\n";
        let head = Head::read(answer, b"SIP/", false).unwrap();
        assert_eq!((head.start, head.sequence(), head.body_octets()), (Start::Answer(401), Some(7), Ok(0)));
        assert_eq!(Head::read(b"RTSP/1.0 200 OK\r\n\r\n", b"RTSP/", false).unwrap().octets, 19);
    }

    #[test]
    fn what_has_no_end_waits_or_is_taken_as_it_is() {
        let cut = &DESCRIBE[..70];
        assert_eq!(Head::read(cut, b"RTSP/", false).unwrap_err(), WireError::Truncated("head"));
        assert_eq!(Head::read(cut, b"RTSP/", true).unwrap().sequence(), Some(3));
        assert_eq!(Head::read(&DESCRIBE[..20], b"RTSP/", true).unwrap_err(), WireError::Truncated("first line"));
        let long = [&b"OPTIONS * RTSP/1.0\r\n"[..], &vec![b'a'; 9000]].concat();
        assert_eq!(Head::read(&long, b"RTSP/", false).unwrap_err(), WireError::Malformed("head"));
    }

    #[test]
    fn other_protocols_are_not_taken() {
        for (octets, wanted) in [
            (DESCRIBE, Begins::Request),
            (b"RTSP/1.0 200 OK\r\n", Begins::Answer),
            (b"RTSP/1.0 2", Begins::Answer),
            (b"RTS", Begins::Perhaps),
            (b"OPTIO", Begins::Perhaps),
            (b"", Begins::Perhaps),
            (b"GET / HTTP/1.1\r\n", Begins::No),
            (b"DESCRIBE RTSP/1.0\r\n", Begins::No),
            (b"RTSP/1.0 abc\r\n", Begins::No),
            (b"RTSP/1.0 2000\r\n", Begins::No),
            (b"220 mail ready\r\n", Begins::No),
            (b"\x16\x03\x01", Begins::No),
        ] {
            assert_eq!(begins(octets, b"RTSP/"), wanted, "{}", String::from_utf8_lossy(octets));
        }
        assert_eq!(begins(b"REGISTER sip:clinic.example SIP/2.0\r\n", b"SIP/"), Begins::Request);
    }
}
