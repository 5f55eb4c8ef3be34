//! RESP 2 and 3, the protocol of Redis and Valkey (Redis documentation, "Redis serialization protocol specification").
//!
//! Keeps: the kind of an item, its length or count, one line of text (borrowed) where the item is a line. Drops: bulk
//! strings: their length is given, their octets are the caller's to skip.

use super::WireError;
use super::reader::Reader;

/// One item: a line, or the line that stands before a bulk string or an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// `+`: a simple string.
    Simple(&'a [u8]),
    /// `-`: an error: its first word names it.
    Error(&'a [u8]),
    /// `$`, `=`, `!`: so many octets and a line end follow; `None` is the null of RESP 2.
    Bulk(Option<u64>),
    /// `*`, `~`: so many items follow; the null of RESP 2 has none.
    Array(u64),
    /// `%`: so many pairs of items follow.
    Map(u64),
    /// `>`: so many items follow that nobody asked for now.
    Push(u64),
    /// `|`: so many pairs of items follow, and then the item that they are about.
    Attribute(u64),
    /// `:`, `_`, `#`, `,`, `(`: a number, a null, a truth.
    Scalar,
    /// Anything else: a command typed by hand.
    Inline(&'a [u8]),
}

/// The item that `octets` begin with, and how many octets its line has.
///
/// # Errors
/// `Truncated` if its line is not complete; `Malformed` if the line is longer than [`MAX_LINE`] or has no number where
/// one belongs.
pub fn item(octets: &[u8]) -> Result<(Item<'_>, usize), WireError> {
    let Some(end) = octets.iter().take(MAX_LINE).position(|o| *o == b'\n') else {
        let too_long = octets.len() >= MAX_LINE;
        return Err(if too_long { WireError::Malformed("line") } else { WireError::Truncated("line") });
    };
    let mut r = Reader::new(octets);
    let line = r.take(end, "line")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let item = match line.split_first() {
        Some((b'+', text)) => Item::Simple(text),
        Some((b'-', text)) => Item::Error(text),
        Some((b'$' | b'=' | b'!', text)) => match number(text)? {
            Some(length) if length > MAX_BULK => return Err(WireError::Malformed("bulk length")),
            length => Item::Bulk(length),
        },
        Some((b'*' | b'~', text)) => Item::Array(count(text)?),
        Some((b'%', text)) => Item::Map(count(text)?),
        Some((b'>', text)) => Item::Push(count(text)?),
        Some((b'|', text)) => Item::Attribute(count(text)?),
        Some((b':' | b'_' | b'#' | b',' | b'(', _)) => Item::Scalar,
        _ => Item::Inline(line),
    };
    Ok((item, end.saturating_add(1)))
}

/// The command that `octets` begin with, if they are an array of bulk strings whose first is a word of letters.
///
/// # Errors
/// `Truncated` if it may still be one, `Malformed` if it is none.
pub fn command(octets: &[u8]) -> Result<&[u8], WireError> {
    if octets.first().is_some_and(|o| *o != b'*') {
        return Err(WireError::Malformed("command"));
    }
    let (Item::Array(1..), used) = item(octets)? else { return Err(WireError::Malformed("command")) };
    let mut r = Reader::new(octets);
    r.take(used, "array")?;
    if r.rest().first().is_some_and(|o| *o != b'$') {
        return Err(WireError::Malformed("word"));
    }
    let (Item::Bulk(Some(length @ 1..=MAX_WORD)), used) = item(r.rest())? else {
        return Err(WireError::Malformed("word"));
    };
    r.take(used, "bulk string")?;
    let word = r.take(usize::try_from(length).unwrap_or(usize::MAX), "word")?;
    let letters = word.iter().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'.' | b'_' | b'-'));
    if letters { Ok(word) } else { Err(WireError::Malformed("word")) }
}

/// The text behind `name` at the start of a line within `octets`, up to the end of that line or of the octets.
#[must_use]
pub fn field<'a>(octets: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    octets.split(|o| *o == b'\n').find_map(|line| line.strip_prefix(name)).map(|v| v.strip_suffix(b"\r").unwrap_or(v))
}

/// A length or count; `None` is -1.
fn number(text: &[u8]) -> Result<Option<u64>, WireError> {
    if text == b"-1" {
        return Ok(None);
    }
    if text.is_empty() || text.len() > MAX_NUMBER || !text.iter().all(u8::is_ascii_digit) {
        return Err(WireError::Malformed("number"));
    }
    let digits = text.iter().map(|d| u64::from(d.saturating_sub(b'0')));
    Ok(Some(digits.fold(0u64, |n, d| n.saturating_mul(10).saturating_add(d))))
}

/// How many items follow.
fn count(text: &[u8]) -> Result<u64, WireError> {
    number(text).map(Option::unwrap_or_default)
}

/// Octets of a line: an error is a sentence; a command typed by hand has its arguments on it.
pub const MAX_LINE: usize = 1024;

/// Octets of a bulk string: the server's own limit (`proto-max-bulk-len`).
const MAX_BULK: u64 = 512 * 1024 * 1024;

/// Octets of a command's word: `GEORADIUSBYMEMBER_RO` has 20, names of modules are longer.
pub const MAX_WORD: u64 = 40;

/// Digits of a number: a count has ten at most.
const MAX_NUMBER: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_by_their_first_octet() {
        assert_eq!(item(b"+OK\r\n"), Ok((Item::Simple(b"OK"), 5)));
        assert_eq!(item(b"-NOAUTH x\r\n"), Ok((Item::Error(b"NOAUTH x"), 11)));
        assert_eq!(item(b"$52\r\nabc"), Ok((Item::Bulk(Some(52)), 5)));
        assert_eq!(item(b"$-1\r\n"), Ok((Item::Bulk(None), 5)));
        assert_eq!(item(b"*2\r\n$1\r\na\r\n"), Ok((Item::Array(2), 4)));
        assert_eq!(item(b"*-1\r\n"), Ok((Item::Array(0), 5)));
        assert_eq!(item(b"%7\r\n"), Ok((Item::Map(7), 4)));
        assert_eq!(item(b"info server\n"), Ok((Item::Inline(b"info server"), 12)));
    }

    #[test]
    fn a_line_waits_for_its_end_but_not_forever() {
        assert_eq!(item(b"+OK\r"), Err(WireError::Truncated("line")));
        assert_eq!(item(&[b'a'; MAX_LINE]), Err(WireError::Malformed("line")));
        assert_eq!(item(b"$x\r\n"), Err(WireError::Malformed("number")));
        assert_eq!(item(b"$99999999999\r\n"), Err(WireError::Malformed("number")));
        assert_eq!(item(b"$999999999\r\n"), Err(WireError::Malformed("bulk length")));
    }

    #[test]
    fn a_command_is_an_array_whose_first_string_is_a_word() {
        let whole = b"*2\r\n$3\r\nget\r\n";
        assert_eq!(command(whole), Ok(&b"get"[..]));
        for cut in 0..11 {
            assert!(matches!(command(&whole[..cut]), Err(WireError::Truncated(_))), "{cut}");
        }
        for no in [&b"*0\r\n"[..], b"*1\r\n+OK\r\n", b"*1\r\n$3\r\n\0\0\0\r\n", b"GET / HTTP/1.1\r\n"] {
            assert!(matches!(command(no), Err(WireError::Malformed(_))));
        }
    }

    #[test]
    fn a_field_stands_at_the_start_of_a_line() {
        let info = b"# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n";
        assert_eq!(field(info, b"redis_version:"), Some(&b"7.0.15"[..]));
        assert_eq!(field(info, b"version:"), None);
    }
}
