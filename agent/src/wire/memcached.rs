//! The text protocol of memcached (memcached, doc/protocol.txt).
//!
//! Keeps: what kind of line it is, the length of a value that follows, the version (borrowed). Drops: keys, values,
//! the numbers of `STAT` lines.

use super::WireError;
use super::reader::Reader;

/// A line of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// `VERSION <version>`.
    Version(&'a [u8]),
    /// `VALUE <key> <flags> <octets>`: so many octets and a line end follow.
    Value(u64),
    /// `STAT <name> <value>`.
    Statistic,
    /// `STORED`, `END`, `ERROR` and their kin.
    Word,
}

impl<'a> Answer<'a> {
    /// The line that `octets` begin with, and how many octets it has.
    ///
    /// # Errors
    /// `Truncated` if it is not complete, `Malformed` if no memcached says this.
    pub fn parse(octets: &'a [u8]) -> Result<(Answer<'a>, usize), WireError> {
        let (line, used) = line(octets)?;
        let mut words = line.split(|o| *o == b' ');
        let answer = match (words.next().unwrap_or_default(), words.next()) {
            (b"VERSION", Some(version)) => Answer::Version(version),
            (b"VALUE", Some(_)) => Answer::Value(words.nth(1).and_then(number).ok_or(WireError::Malformed("VALUE"))?),
            (b"STAT", Some(_)) => Answer::Statistic,
            (b"CLIENT_ERROR" | b"SERVER_ERROR", Some(_)) => Answer::Word,
            (
                b"STORED" | b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND" | b"END" | b"ERROR" | b"DELETED" | b"TOUCHED"
                | b"OK" | b"RESET",
                None,
            ) => Answer::Word,
            (count, None) if number(count).is_some() => Answer::Word,
            _ => return Err(WireError::Malformed("answer")),
        };
        Ok((answer, used))
    }
}

/// Whether the line that `octets` begin with is a command.
///
/// # Errors
/// `Truncated` if it may still be one.
pub fn is_command(octets: &[u8]) -> Result<bool, WireError> {
    let word = octets.iter().take(MAX_WORD.saturating_add(1)).take_while(|o| o.is_ascii_lowercase() || **o == b'_');
    let word = octets.get(..word.count()).unwrap_or_default();
    match octets.get(word.len()) {
        Some(b' ' | b'\r' | b'\n') => Ok(COMMANDS.contains(&word)),
        Some(_) => Ok(false),
        None if COMMANDS.iter().any(|c| c.starts_with(word)) => Err(WireError::Truncated("command")),
        None => Ok(false),
    }
}

/// The line that `octets` begin with, without its end, and how many octets it has with it.
fn line(octets: &[u8]) -> Result<(&[u8], usize), WireError> {
    let Some(end) = octets.iter().take(MAX_LINE).position(|o| *o == b'\n') else {
        let too_long = octets.len() >= MAX_LINE;
        return Err(if too_long { WireError::Malformed("line") } else { WireError::Truncated("line") });
    };
    let line = Reader::new(octets).take(end, "line")?;
    Ok((line.strip_suffix(b"\r").unwrap_or(line), end.saturating_add(1)))
}

/// A count of at most ten digits.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 10 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d.saturating_sub(b'0')))))
}

const COMMANDS: &[&[u8]] = &[
    b"add",
    b"append",
    b"cas",
    b"decr",
    b"delete",
    b"flush_all",
    b"gat",
    b"gats",
    b"get",
    b"gets",
    b"incr",
    b"prepend",
    b"replace",
    b"set",
    b"stats",
    b"touch",
    b"verbosity",
    b"version",
];

/// Octets of the longest command word: `flush_all`, `verbosity`.
const MAX_WORD: usize = 9;

/// Octets of a line: a key has 250, flags and lengths 30 more.
pub const MAX_LINE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_server_are_told_by_their_word() {
        assert_eq!(Answer::parse(b"VERSION 1.6.18\r\n"), Ok((Answer::Version(b"1.6.18"), 16)));
        assert_eq!(Answer::parse(b"VALUE s1 0 8\r\nabc"), Ok((Answer::Value(8), 14)));
        assert_eq!(Answer::parse(b"STAT pid 7\r\n"), Ok((Answer::Statistic, 12)));
        assert_eq!(Answer::parse(b"END\r\n"), Ok((Answer::Word, 5)));
        assert_eq!(Answer::parse(b"END"), Err(WireError::Truncated("line")));
        assert_eq!(Answer::parse(b"+OK\r\n"), Err(WireError::Malformed("answer")));
        assert_eq!(Answer::parse(b"VALUE s1 0 x\r\n"), Err(WireError::Malformed("VALUE")));
    }

    #[test]
    fn commands_are_words_of_the_list() {
        assert_eq!(is_command(b"get s1\r\n"), Ok(true));
        assert_eq!(is_command(b"version\r\n"), Ok(true));
        assert_eq!(is_command(b"GET / HTTP/1.1\r\n"), Ok(false));
        assert_eq!(is_command(b"getaway\r\n"), Ok(false));
        assert_eq!(is_command(b"vers"), Err(WireError::Truncated("command")));
        assert_eq!(is_command(b"user smith\r\n"), Ok(false));
    }
}
