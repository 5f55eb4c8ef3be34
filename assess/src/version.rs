//! Comparing versions: the order of Debian (Debian Policy 5.6.12) for revisions of a distribution, and leading numbers
//! for everything that only upstream counts.
//!
//! Keeps: nothing. Drops: the epoch of a Debian version (`1:9.2p1-2`): no banner carries it, and it is the same on both
//! sides of every comparison made here.

use core::cmp::Ordering;

/// Compares two Debian versions without their epochs: `9.2p1-2+deb12u9` is older than `9.2p1-2+deb12u10`, and
/// `1.0~rc1` is older than `1.0`. Work is bounded by the length of both.
#[must_use]
pub fn debian_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (without_epoch(a), without_epoch(b));
    let (upstream_a, revision_a) = a.rsplit_once('-').unwrap_or((a, ""));
    let (upstream_b, revision_b) = b.rsplit_once('-').unwrap_or((b, ""));
    part_order(upstream_a, upstream_b).then_with(|| part_order(revision_a, revision_b))
}

/// A version without `1:`.
#[must_use]
pub fn without_epoch(version: &str) -> &str {
    version.split_once(':').filter(|(e, _)| e.bytes().all(|o| o.is_ascii_digit())).map_or(version, |(_, rest)| rest)
}

/// The numbers at the start of a text: `10.50-sp3` gives 10 and 50, `9.2p1` gives 9 and 2. At most [`MAX_NUMBERS`].
#[must_use]
pub fn leading_numbers(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in text.split('.').take(MAX_NUMBERS) {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let Some(number) = part.get(..digits).and_then(|d| d.parse().ok()) else { break };
        numbers.push(number);
        if digits < part.len() {
            break;
        }
    }
    numbers
}

/// Runs of other signs and runs of digits by turns; a run of digits counts as a number.
fn part_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (signs_a, rest_a) = split(a, |o| !o.is_ascii_digit());
        let (signs_b, rest_b) = split(b, |o| !o.is_ascii_digit());
        let (digits_a, next_a) = split(rest_a, u8::is_ascii_digit);
        let (digits_b, next_b) = split(rest_b, u8::is_ascii_digit);
        let order = signs_order(signs_a, signs_b).then_with(|| digits_order(digits_a, digits_b));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn split(text: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().take_while(|o| belongs(o)).count();
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// `~` sorts before the end, the end before letters, letters before all other signs.
fn signs_order(a: &[u8], b: &[u8]) -> Ordering {
    let weight = |o: Option<&u8>| match o {
        Some(b'~') => 0u16,
        None => 1,
        Some(o) if o.is_ascii_alphabetic() => u16::from(*o),
        Some(o) => u16::from(*o).saturating_add(256),
    };
    let longer = a.len().max(b.len());
    (0..longer)
        .map(|i| weight(a.get(i)).cmp(&weight(b.get(i))))
        .find(|o| *o != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

/// As numbers of any length: without zeros in front, the longer one is greater.
fn digits_order(a: &[u8], b: &[u8]) -> Ordering {
    let (_, a) = split(a, |o| *o == b'0');
    let (_, b) = split(b, |o| *o == b'0');
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Numbers of a version that are compared: no range of the tables has more than four.
const MAX_NUMBERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_sort_as_dpkg_sorts_them() {
        // Each line from old to new.
        for line in [
            "1.0~rc1 1.0 1.0+b1 1.0.1",
            "9.2p1-2+deb12u2 9.2p1-2+deb12u9 9.2p1-2+deb12u10 9.2p1-3",
            "15.9-0+deb12u1 15.10-0+deb12u1 15.20-0+deb12u1",
            "9.18.49-1~deb12u1 9.18.49-1~deb12u3 9.18.49-1",
            "7.4.3-4ubuntu2.9 7.4.3-4ubuntu2.29",
            "8.9p1-3 8.9p1-3ubuntu0.7 8.9p1-3ubuntu0.13",
        ] {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                assert_eq!(debian_order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
                assert_eq!(debian_order(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
            }
        }
        // Letters sort before other signs, the end before letters.
        assert_eq!(debian_order("1.0a", "1.0+"), Ordering::Less);
        assert_eq!(debian_order("1.0", "1.0a"), Ordering::Less);
        assert_eq!(debian_order("1:9.2p1-2", "9.2p1-2"), Ordering::Equal);
        assert_eq!(debian_order("1.007", "1.7"), Ordering::Equal);
    }

    #[test]
    fn leading_numbers_end_where_words_begin() {
        assert_eq!(leading_numbers("10.50-sp3"), [10, 50]);
        assert_eq!(leading_numbers("9.2p1"), [9, 2]);
        assert_eq!(leading_numbers("15"), [15]);
        assert_eq!(leading_numbers("subscription"), [0u32; 0]);
        assert_eq!(leading_numbers("18.0.80"), [18, 0, 80]);
        assert_eq!(leading_numbers("1.2.3.4.5"), [1, 2, 3, 4]);
    }
}
