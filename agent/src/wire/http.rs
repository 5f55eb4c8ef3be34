//! HTTP/1.x messages: start lines and fields (RFC 9112 sections 2 to 5) and where a body ends (sections 6 and 7).
//!
//! Keeps: method, target, status, the field lines, the length of the body. Drops: reasons, chunk extensions, trailers;
//! bodies are never read here. Heads are parsed by `httparse`, leniently, because a sensor must hear what a browser
//! would have accepted.

use super::WireError;
use httparse::{EMPTY_HEADER, Header, ParserConfig, Status};

/// The head of a request (RFC 9112 section 3).
#[derive(Debug)]
pub struct Request<'a> {
    /// The first word of the request line.
    pub method: &'a [u8],
    /// The second word of the request line, as it was sent.
    pub target: &'a [u8],
    /// The field lines.
    pub fields: Fields<'a>,
}

/// The head of an answer (RFC 9112 section 4).
#[derive(Debug)]
pub struct Answer<'a> {
    /// The three digits of the status line.
    pub status: u16,
    /// The field lines.
    pub fields: Fields<'a>,
}

/// Field lines, in order (RFC 9112 section 5).
#[derive(Debug)]
pub struct Fields<'a> {
    lines: [Header<'a>; MAX_FIELDS],
    count: usize,
}

/// Where the body of a message ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// After so many octets.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the server closes the connection.
    UntilClose,
}

/// What was asked, as far as it decides whether an answer has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// HEAD: never a body.
    Head,
    /// Any other method, or nobody heard the request.
    Other,
}

/// Whether octets begin a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// No.
    No,
    /// There are too few of them.
    Perhaps,
    /// Yes.
    Yes,
}

/// The line before a chunk (RFC 9112 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLine {
    /// Octets of the chunk; 0 for the last one.
    pub size: u64,
    /// Octets of the line, its end included.
    pub octets: usize,
}

impl<'a> Request<'a> {
    /// Reads a complete head.
    ///
    /// # Errors
    /// `Malformed("request head")` if it is none, or has more than [`MAX_FIELDS`] lines; `Truncated` if it has no end.
    pub fn read(octets: &'a [u8]) -> Result<Request<'a>, WireError> {
        let mut lines = [EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut lines);
        let status = lenient().parse_request(&mut request, octets);
        finished(status, "request head")?;
        let method = request.method.ok_or(WireError::Malformed("method"))?.as_bytes();
        let target = request.path.ok_or(WireError::Malformed("target"))?.as_bytes();
        let count = request.headers.len();
        Ok(Request { method, target, fields: Fields { lines, count } })
    }

    /// Where its body ends.
    ///
    /// # Errors
    /// `Malformed` if its lengths contradict each other or its last coding is not chunked.
    pub fn framing(&self) -> Result<Framing, WireError> {
        match self.fields.last_coding() {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            Some(_) => Err(WireError::Malformed("Transfer-Encoding")),
            None => Ok(self.fields.content_length()?.map_or(Framing::Empty, Framing::Length)),
        }
    }
}

impl<'a> Answer<'a> {
    /// Reads a complete head.
    ///
    /// # Errors
    /// As [`Request::read`].
    pub fn read(octets: &'a [u8]) -> Result<Answer<'a>, WireError> {
        let mut lines = [EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut lines);
        let status = lenient().parse_response(&mut answer, octets);
        finished(status, "answer head")?;
        let status = answer.code.ok_or(WireError::Malformed("status"))?;
        let count = answer.headers.len();
        Ok(Answer { status, fields: Fields { lines, count } })
    }

    /// Where its body ends, given what was asked.
    ///
    /// # Errors
    /// `Malformed` if its lengths contradict each other.
    pub fn framing(&self, asked: AskedBy) -> Result<Framing, WireError> {
        if asked == AskedBy::Head || matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Empty);
        }
        match self.fields.last_coding() {
            Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            Some(_) => Ok(Framing::UntilClose),
            None => Ok(self.fields.content_length()?.map_or(Framing::UntilClose, Framing::Length)),
        }
    }
}

impl<'a> Fields<'a> {
    /// Of names and values that were read otherwise (HTTP/2); those beyond [`MAX_FIELDS`] are left out, and so are names
    /// that are no ASCII.
    pub fn of(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Fields<'a> {
        let mut lines = [EMPTY_HEADER; MAX_FIELDS];
        let read = pairs.filter_map(|(name, value)| Some(Header { name: core::str::from_utf8(name).ok()?, value }));
        let count = lines.iter_mut().zip(read).map(|(line, read)| *line = read).count();
        Fields { lines, count }
    }

    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of all fields of this name, in any case, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.lines
            .get(..self.count)
            .unwrap_or_default()
            .iter()
            .filter(move |l| l.name.eq_ignore_ascii_case(name))
            .map(|l| l.value)
    }

    /// The last transfer coding of the last Transfer-Encoding field.
    fn last_coding(&self) -> Option<&'a [u8]> {
        let value = self.all("Transfer-Encoding").last()?;
        value.rsplit(|o| *o == b',').next().map(|c| main_value(c.trim_ascii()))
    }

    /// Content-Length; the same number may be said more than once.
    fn content_length(&self) -> Result<Option<u64>, WireError> {
        let mut length = None;
        for value in self.all("Content-Length").flat_map(|v| v.split(|o| *o == b',')) {
            let said = decimal(value.trim_ascii()).ok_or(WireError::Malformed("Content-Length"))?;
            if length.is_some_and(|l| l != said) {
                return Err(WireError::Malformed("Content-Length"));
            }
            length = Some(said);
        }
        Ok(length)
    }
}

/// Where the empty line ends that ends a head; `searched` octets were searched before.
#[must_use]
pub fn head_end(octets: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let rest = octets.get(from..)?;
    let mut place = from;
    let mut line_end = false;
    let mut return_after = false;
    for octet in rest {
        place = place.saturating_add(1);
        match octet {
            b'\n' if line_end => return Some(place),
            b'\n' => (line_end, return_after) = (true, false),
            b'\r' if line_end && !return_after => return_after = true,
            _ => (line_end, return_after) = (false, false),
        }
    }
    None
}

/// Whether these octets begin an answer: `HTTP/1.`, a digit, a space, three digits.
#[must_use]
pub fn begins_answer(octets: &[u8]) -> Begins {
    for (i, octet) in octets.iter().take(ANSWER_BEGINS.len()).enumerate() {
        let fits = match ANSWER_BEGINS.get(i) {
            Some(b'#') => octet.is_ascii_digit(),
            Some(expected) => octet == expected,
            None => true,
        };
        if !fits {
            return Begins::No;
        }
    }
    if octets.len() >= ANSWER_BEGINS.len() { Begins::Yes } else { Begins::Perhaps }
}

/// Whether these octets begin a request: a method, a target, `HTTP/1.` before the end of the line. RTSP, SIP and ICAP
/// use the same form with another word at the end, and a longer target is taken if it is a path and the method is known.
#[must_use]
pub fn begins_request(octets: &[u8]) -> Begins {
    match method_word(octets) {
        Begins::Yes => {}
        other => return other,
    }
    let line_end = octets.iter().position(|o| *o == b'\n');
    let line = octets.get(..line_end.unwrap_or(octets.len())).unwrap_or_default();
    if let Some(version) = line.rsplit(|o| *o == b' ').next().map(<[u8]>::trim_ascii_end)
        && line_end.is_some()
    {
        return if version.starts_with(b"HTTP/1.") { Begins::Yes } else { Begins::No };
    }
    let mut words = line.splitn(3, |o| *o == b' ');
    let known = words.next().is_some_and(|m| METHODS.contains(&m));
    if known && words.next().is_some_and(|t| t.first() == Some(&b'/')) && line.len() >= LONG_LINE {
        return Begins::Yes;
    }
    if line.len() >= MAX_HEAD { Begins::No } else { Begins::Perhaps }
}

/// Whether a method and a space stand here: capitals, `-` and `_`.
#[must_use]
pub fn method_word(octets: &[u8]) -> Begins {
    let word = octets.iter().take_while(|o| o.is_ascii_uppercase() || matches!(o, b'-' | b'_')).count();
    match octets.get(word) {
        _ if word > MAX_METHOD => Begins::No,
        None => Begins::Perhaps,
        Some(b' ') if word >= 3 => Begins::Yes,
        Some(_) => Begins::No,
    }
}

/// Where an answer may begin among octets of which the beginning is missing; else how many can be let go.
///
/// # Errors
/// The number of octets in which no answer begins.
pub fn find_answer(octets: &[u8]) -> Result<usize, usize> {
    octets
        .windows(ANSWER_WORD.len())
        .position(|w| w == ANSWER_WORD)
        .ok_or(octets.len().saturating_sub(ANSWER_WORD.len()))
}

/// Where a request may begin, as [`find_answer`]: a known method before ` /`, ` http` or ` *`.
///
/// # Errors
/// The number of octets in which no request begins.
pub fn find_request(octets: &[u8]) -> Result<usize, usize> {
    let mut from = 0usize;
    while let Some(space) = octets.get(from..).and_then(|r| r.iter().position(|o| *o == b' ')) {
        let space = from.saturating_add(space);
        from = space.saturating_add(1);
        if matches!(octets.get(from), Some(b'/' | b'h' | b'*')) {
            let before = octets.get(..space).unwrap_or_default();
            if let Some(method) = METHODS.iter().find(|m| before.ends_with(m)) {
                return Ok(space.saturating_sub(method.len()));
            }
        }
    }
    Err(octets.len().saturating_sub(MAX_METHOD))
}

/// The line before a chunk.
///
/// # Errors
/// `Truncated` if its end is not there yet, `Malformed` if it is no size or longer than [`MAX_CHUNK_LINE`].
pub fn chunk_line(octets: &[u8]) -> Result<ChunkLine, WireError> {
    let line = line(octets, MAX_CHUNK_LINE, "chunk size")?;
    let digits = line.iter().take_while(|o| o.is_ascii_hexdigit()).count();
    let rest = line.get(digits..).unwrap_or_default().trim_ascii();
    if digits == 0 || digits > MAX_CHUNK_DIGITS || !matches!(rest.first(), None | Some(b';')) {
        return Err(WireError::Malformed("chunk size"));
    }
    let size = line.get(..digits).unwrap_or_default().iter().fold(0u64, |n, d| {
        let digit = char::from(*d).to_digit(16).unwrap_or(0);
        (n << 4) | u64::from(digit)
    });
    Ok(ChunkLine { size, octets: line.len() })
}

/// A line with its end.
///
/// # Errors
/// `Truncated(field)` if its end is not there yet, `Malformed(field)` if it is longer than `longest`.
pub fn line<'a>(octets: &'a [u8], longest: usize, field: &'static str) -> Result<&'a [u8], WireError> {
    match octets.iter().take(longest).position(|o| *o == b'\n') {
        Some(end) => octets.get(..=end).ok_or(WireError::Truncated(field)),
        None if octets.len() >= longest => Err(WireError::Malformed(field)),
        None => Err(WireError::Truncated(field)),
    }
}

/// A field's value without its parameters: `text/html` of `text/html; charset=utf-8`.
#[must_use]
pub fn main_value(value: &[u8]) -> &[u8] {
    value.split(|o| *o == b';').next().unwrap_or_default().trim_ascii()
}

/// A number of digits alone.
#[must_use]
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d.wrapping_sub(b'0'))))
}

/// Browsers forgive these; so does the sensor.
fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true)
        .ignore_invalid_headers_in_requests(true);
    config
}

fn finished(status: httparse::Result<usize>, field: &'static str) -> Result<(), WireError> {
    match status {
        Ok(Status::Complete(_)) => Ok(()),
        Ok(Status::Partial) => Err(WireError::Truncated(field)),
        Err(_) => Err(WireError::Malformed(field)),
    }
}

/// Octets of a head: servers refuse more (nginx 8 KiB a line, IIS 16 KiB, Apache 8 KiB a line).
pub const MAX_HEAD: usize = 16 * 1024;

/// Field lines of a head: browsers send 20, behind two proxies 40.
pub const MAX_FIELDS: usize = 64;

/// Octets of the line before a chunk; extensions are hardly used, signed ones have about 90 octets.
pub const MAX_CHUNK_LINE: usize = 1024;

/// Digits of a chunk's size: 2^60 octets.
const MAX_CHUNK_DIGITS: usize = 15;

/// The longest method word (`VERSION-CONTROL`, and room).
pub const MAX_METHOD: usize = 20;

/// A request line that is longer than this is taken at its method and its path.
const LONG_LINE: usize = 256;

/// How an answer begins; `#` stands for a digit.
const ANSWER_BEGINS: &[u8] = b"HTTP/1.# ###";
const ANSWER_WORD: &[u8] = b"HTTP/1.";

/// Methods by which a request is found again after a hole (RFC 9110, WebDAV, UPnP, BITS, RPC over HTTP).
const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"OPTIONS",
    b"DELETE",
    b"PATCH",
    b"TRACE",
    b"CONNECT",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"REPORT",
    b"SEARCH",
    b"SUBSCRIBE",
    b"NOTIFY",
    b"BITS_POST",
    b"RPC_IN_DATA",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_head_is_read_field_by_field() {
        let octets = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nhello";
        let end = head_end(octets, 0).unwrap();
        assert_eq!(&octets[end..], b"hello");
        let r = Request::read(&octets[..end]).unwrap();
        assert_eq!((r.method, r.target), (&b"POST"[..], &b"/a?b=c"[..]));
        assert_eq!(r.fields.get("HOST"), Some(&b"x"[..]));
        assert_eq!(r.framing(), Ok(Framing::Length(5)));
    }

    #[test]
    fn the_end_of_a_head_is_found_however_its_octets_arrive() {
        for text in [&b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n"[..], b"HTTP/1.0 200 OK\nA: b\n\n"] {
            let mut searched = 0;
            for n in 0..text.len() {
                assert_eq!(head_end(&text[..n], searched), None, "{n}");
                searched = n;
            }
            assert_eq!(head_end(text, searched), Some(text.len()));
        }
        assert_eq!(head_end(b"A: b\r\r\n\r\r\n", 0), None);
    }

    fn framing(head: &[u8], asked: AskedBy) -> Result<Framing, WireError> {
        Answer::read(head).unwrap().framing(asked)
    }

    #[test]
    fn the_rules_of_section_6_3_decide_where_a_body_ends() {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(framing(ok, AskedBy::Other), Ok(Framing::Length(7)));
        assert_eq!(framing(ok, AskedBy::Head), Ok(Framing::Empty));
        let unchanged = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(framing(unchanged, AskedBy::Other), Ok(Framing::Empty));
        let both = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        assert_eq!(framing(both, AskedBy::Other), Ok(Framing::Chunked));
        assert_eq!(
            framing(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", AskedBy::Other),
            Ok(Framing::UntilClose)
        );
        assert_eq!(framing(b"HTTP/1.0 200 OK\r\n\r\n", AskedBy::Other), Ok(Framing::UntilClose));
        let twice = b"HTTP/1.1 200 OK\r\nContent-Length: 7, 7\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(framing(twice, AskedBy::Other), Ok(Framing::Length(7)));
    }

    #[test]
    fn lengths_that_contradict_themselves_or_overflow_are_malformed() {
        for value in ["7, 8", "-1", "+5", "", "18446744073709551616", "5 6"] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n");
            assert_eq!(
                framing(head.as_bytes(), AskedBy::Other),
                Err(WireError::Malformed("Content-Length")),
                "{value}"
            );
        }
        let r = Request::read(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n").unwrap();
        assert_eq!(r.framing(), Err(WireError::Malformed("Transfer-Encoding")));
    }

    #[test]
    fn a_chunk_line_has_a_size_and_perhaps_an_extension() {
        assert_eq!(chunk_line(b"1aF\r\nxx"), Ok(ChunkLine { size: 0x1AF, octets: 5 }));
        assert_eq!(chunk_line(b"0;a=b\n"), Ok(ChunkLine { size: 0, octets: 6 }));
        assert_eq!(chunk_line(b"10"), Err(WireError::Truncated("chunk size")));
        for bad in [&b"\r\n"[..], b"xyz\r\n", b"-1\r\n", b"10000000000000000\r\n", b"5 5\r\n"] {
            assert_eq!(chunk_line(bad), Err(WireError::Malformed("chunk size")));
        }
        assert_eq!(chunk_line(&[b'1'; MAX_CHUNK_LINE]), Err(WireError::Malformed("chunk size")));
    }

    #[test]
    fn what_looks_alike_is_no_http() {
        assert_eq!(begins_request(b"GET / HTTP/1.1\r\n"), Begins::Yes);
        assert_eq!(begins_request(b"M-SEARCH * HTTP/1.1\r\n"), Begins::Yes);
        for other in [
            &b"OPTIONS rtsp://x/ RTSP/1.0\r\n"[..],
            b"INVITE sip:a@b SIP/2.0\r\n",
            b"REQMOD icap://x ICAP/1.0\r\n",
            b"PRI * HTTP/2.0\r\n",
            b"SSH-2.0-x\r\n",
            b"EHLO x\r\n",
            b"\x16\x03\x01",
            b"get / HTTP/1.1\r\n",
        ] {
            assert_eq!(begins_request(other), Begins::No);
        }
        assert_eq!(begins_answer(b"RTSP/1.0 200 OK"), Begins::No);
        assert_eq!(begins_answer(b"HTTP/1.1 20"), Begins::Perhaps);
        assert_eq!(begins_answer(b"HTTP/1.1 200"), Begins::Yes);
        assert_eq!(begins_answer(b"HTTP/2 200"), Begins::No);
    }

    #[test]
    fn a_message_is_found_again_after_a_hole() {
        assert_eq!(find_answer(b"xxxHTTP/1.1 200"), Ok(3));
        assert_eq!(find_answer(b"xxxxxxxxxHTTP"), Err(6));
        assert_eq!(find_request(b"a b=cGET /x"), Ok(5));
        assert_eq!(find_request(&[b' '; 100]), Err(80));
    }

    #[test]
    fn too_many_fields_are_malformed_not_cut() {
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        for _ in 0..=MAX_FIELDS {
            head.extend_from_slice(b"A: b\r\n");
        }
        head.extend_from_slice(b"\r\n");
        assert_eq!(Request::read(&head).unwrap_err(), WireError::Malformed("request head"));
    }
}
