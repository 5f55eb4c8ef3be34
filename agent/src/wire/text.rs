//! Lines of the text protocols: SMTP (RFC 5321 section 2.3.8, 4.2), POP3 (RFC 1939), IMAP (RFC 9051), FTP (RFC 959),
//! memcached; header lines of SSDP.
//!
//! Keeps: one line at a time, borrowed; its first word, a reply code. Drops: nothing by itself, because it owns nothing.

use super::WireError;

/// The first line of `waiting` without its end, and how many octets it takes with it; `None` if no end is there yet.
/// A line ends at LF; a CR before it belongs to the end.
#[must_use]
pub fn line(waiting: &[u8]) -> Option<(&[u8], usize)> {
    let end = waiting.iter().position(|o| *o == b'\n')?;
    let line = waiting.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end.saturating_add(1)))
}

/// A line of a server's reply (RFC 5321 section 4.2.1, RFC 959 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The three digits.
    pub code: u16,
    /// It is the last line of the reply: no `-` behind the code.
    pub last: bool,
    /// What follows, for people.
    pub text: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads `250-STARTTLS`, `220 text` or `250`.
    ///
    /// # Errors
    /// `Truncated` if there are fewer than three octets, `Malformed` if it does not begin with a code from 100 to 599.
    pub fn read(line: &'a [u8]) -> Result<Reply<'a>, WireError> {
        let (code, rest) = line.split_first_chunk::<3>().ok_or(WireError::Truncated("reply code"))?;
        let [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] = code else { return Err(WireError::Malformed("reply code")) };
        let code = number(code).and_then(|n| u16::try_from(n).ok()).ok_or(WireError::Malformed("reply code"))?;
        match rest.split_first() {
            None => Ok(Reply { code, last: true, text: rest }),
            Some((b' ', text)) => Ok(Reply { code, last: true, text }),
            Some((b'-', text)) => Ok(Reply { code, last: false, text }),
            Some(_) => Err(WireError::Malformed("reply code")),
        }
    }
}

/// The first word of `text` and what follows it, without the blanks between them. A word ends at a blank or a tab.
#[must_use]
pub fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|o| matches!(o, b' ' | b'\t')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    (word, rest.trim_ascii_start())
}

/// The words of `text`, between blanks and tabs.
pub fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|o| matches!(o, b' ' | b'\t')).filter(|w| !w.is_empty())
}

/// Whether `text` begins with `prefix`, in any case.
#[must_use]
pub fn begins(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix))
}

/// What follows the first `needle` in `text`, in any case. Work is bounded by the product of their lengths.
#[must_use]
pub fn after<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    if needle.is_empty() {
        return None;
    }
    let at = text.windows(needle.len()).position(|w| w.eq_ignore_ascii_case(needle))?;
    text.get(at.saturating_add(needle.len())..)
}

/// The value of a decimal number; `None` if it is empty, has another octet or is too large.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, d| {
        let digit = d.is_ascii_digit().then(|| u64::from(d.wrapping_sub(b'0')))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_or_without_cr() {
        assert_eq!(line(b"EHLO a\r\nMAIL"), Some((&b"EHLO a"[..], 8)));
        assert_eq!(line(b"EHLO a\n"), Some((&b"EHLO a"[..], 7)));
        assert_eq!(line(b"EHLO a\r"), None);
        assert_eq!(line(b"\n"), Some((&b""[..], 1)));
    }

    #[test]
    fn a_reply_has_a_code_and_says_whether_more_follows() {
        assert_eq!(Reply::read(b"250-STARTTLS"), Ok(Reply { code: 250, last: false, text: b"STARTTLS" }));
        assert_eq!(Reply::read(b"220 ready"), Ok(Reply { code: 220, last: true, text: b"ready" }));
        assert_eq!(Reply::read(b"354"), Ok(Reply { code: 354, last: true, text: b"" }));
        assert_eq!(Reply::read(b"2x0 a"), Err(WireError::Malformed("reply code")));
        assert_eq!(Reply::read(b"2205551234"), Err(WireError::Malformed("reply code")));
        assert_eq!(Reply::read(b"22"), Err(WireError::Truncated("reply code")));
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert_eq!(word(b"MAIL FROM:<a@b>"), (&b"MAIL"[..], &b"FROM:<a@b>"[..]));
        assert_eq!(word(b"QUIT"), (&b"QUIT"[..], &b""[..]));
        assert!(begins(b"starttls", b"STARTTLS"));
        assert!(!begins(b"START", b"STARTTLS"));
        assert_eq!(after(b"Service, Version: 10.0", b"version: "), Some(&b"10.0"[..]));
        assert_eq!(after(b"abc", b""), None);
        assert_eq!(number(b"1048576"), Some(1_048_576));
        assert_eq!(number(b"99999999999999999999999"), None);
        assert_eq!(number(b"1a"), None);
    }
}
