//! Comparing octets of the web without regard to case (RFC 9110 section 5.1: names of fields and of media types).
//!
//! Keeps: nothing. Drops: nothing; every function answers a question about borrowed octets.

/// Whether `needle`, in lower case, stands in `octets` in any case.
pub(super) fn contains(octets: &[u8], needle: &[u8]) -> bool {
    find(octets, needle).is_some()
}

/// Where `needle`, in lower case, stands in `octets` in any case. Work is bounded by the length of both.
pub(super) fn find(octets: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let last_start = octets.len().checked_sub(needle.len())?;
    octets.iter().take(last_start.saturating_add(1)).enumerate().find_map(|(i, o)| {
        let here = o.to_ascii_lowercase() == first
            && octets.get(i..i.saturating_add(needle.len())).is_some_and(|w| w.eq_ignore_ascii_case(needle));
        here.then_some(i)
    })
}

/// What stands behind the first `needle`.
pub(super) fn after<'a>(octets: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    octets.get(find(octets, needle)?.saturating_add(needle.len())..)
}

/// Whether `octets` begin with `start` in any case.
pub(super) fn starts_with(octets: &[u8], start: &[u8]) -> bool {
    octets.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start))
}

/// Whether `octets` end with `end` in any case.
pub(super) fn ends_with(octets: &[u8], end: &[u8]) -> bool {
    octets.len().checked_sub(end.len()).and_then(|at| octets.get(at..)).is_some_and(|e| e.eq_ignore_ascii_case(end))
}

/// The parts of a path.
pub(super) fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|o| *o == b'/').filter(|s| !s.is_empty())
}

/// Whether there are digits and nothing else.
pub(super) fn digits(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().all(u8::is_ascii_digit)
}

/// The number at the start, and what follows it. At most nine digits, so that it fits.
pub(super) fn number(octets: &[u8]) -> Option<(u32, &[u8])> {
    let len = octets.iter().take(9).take_while(|o| o.is_ascii_digit()).count();
    let (head, rest) = octets.split_at_checked(len).filter(|_| len > 0)?;
    let value = head.iter().fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d.wrapping_sub(b'0'))));
    Some((value, rest))
}

/// Two numbers joined by a dot, and what follows them.
pub(super) fn two_numbers(octets: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (major, rest) = number(octets)?;
    match rest.strip_prefix(b".").and_then(number) {
        Some((minor, rest)) => Some((major, minor, rest)),
        None => Some((major, 0, rest)),
    }
}

/// SipHash of what need not leave and need not be kept: for knowing it again within a conversation.
pub(super) fn mark(key: u64, parts: &[&[u8]]) -> u64 {
    use core::hash::Hasher;
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write_u64(key);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case() {
        assert_eq!(find(b"xxAbC", b"abc"), Some(2));
        assert_eq!(find(b"ab", b"abc"), None);
        assert_eq!(find(b"ab", b""), None);
        assert_eq!(after(b"MSIE 8.0", b"msie "), Some(&b"8.0"[..]));
        assert!(ends_with(b"A.PDF", b".pdf") && !ends_with(b"f", b".pdf"));
    }

    #[test]
    fn numbers_are_read_and_bounded() {
        assert_eq!(two_numbers(b"10.0; x"), Some((10, 0, &b"; x"[..])));
        assert_eq!(two_numbers(b"7"), Some((7, 0, &b""[..])));
        assert_eq!(number(b"99999999999"), Some((999_999_999, &b"99"[..])));
        assert_eq!(number(b"x"), None);
    }
}
