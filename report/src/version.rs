//! The only text that may leave a clinic: the version of a product, in a grammar that has no room for a person.
//!
//! Keeps: numbers of at most six digits and the few words that distributions and vendors put between them.
//! Drops: everything else. A name has letters that are not in [`WORDS`]; a date of birth, a telephone number and a
//! record number have eight digits in a row, or groups joined by `-` without a word, or the shape of a date; all of
//! them end the version where they begin. The grammar is asked when a version is made *and* when it is decoded, so a
//! sensor that lies is refused too.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A version as a product gave it: `2.4.62`, `9.2p1`, `10.11.19`, `4ubuntu2.29`, `R6_2_1`.
///
/// Form: `part (separator part)*`, where a part is a run of at most six digits or a word of [`WORDS`], a separator is
/// one of `. + ~ _ - :`, at most 31 octets, and at least one digit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "&[u8]", into = "VersionOctets")]
pub struct Version {
    len: u8,
    octets: [u8; MAX_OCTETS],
}

impl Version {
    /// The longest version at the start of `heard`; `None` if there is none. Work is bounded by [`MAX_OCTETS`].
    #[must_use]
    pub fn leading(heard: &[u8]) -> Option<Version> {
        let mut end = 0;
        let mut at = 0;
        let mut digits = false;
        let mut word_since_dash = true;
        while let Some(rest) = heard.get(at..) {
            let Some(part) = part(rest) else { break };
            let next = at.saturating_add(part.len);
            if next > MAX_OCTETS {
                break;
            }
            at = next;
            match part.kind {
                Kind::Digits => digits = true,
                Kind::Word => word_since_dash = true,
                Kind::Dash => word_since_dash = false,
                Kind::Separator => {}
            }
            if matches!(part.kind, Kind::Digits | Kind::Word) && digits && word_since_dash {
                end = at;
            }
        }
        let octets = heard.get(..end)?;
        if octets.is_empty() || is_date(octets) {
            return None;
        }
        // A number that goes on beyond six digits, or a word that goes on beyond the list, was cut in its middle:
        // what stands before it may be told, the stump may not.
        let octets =
            if cut_inside(octets, heard.get(end..).unwrap_or_default()) { whole_parts(octets) } else { octets };
        if octets.is_empty() { None } else { Version::store(octets) }
    }

    /// All of `heard`, if all of it is a version.
    #[must_use]
    pub fn exact(heard: &[u8]) -> Option<Version> {
        Version::leading(heard).filter(|v| v.as_str().len() == heard.len())
    }

    /// From up to four numbers, joined by dots: the way for versions that a protocol gives as octets.
    #[must_use]
    pub fn from_numbers(numbers: &[u32]) -> Option<Version> {
        let mut text = Scratch::default();
        for (i, n) in numbers.iter().take(4).enumerate() {
            if i > 0 {
                text.push(b'.')?;
            }
            let mut digits = [0u8; 10];
            let mut rest = *n;
            let mut count: usize = 0;
            loop {
                *digits.get_mut(count)? = b'0'.saturating_add(u8::try_from(rest % 10).ok()?);
                count = count.saturating_add(1);
                rest /= 10;
                if rest == 0 {
                    break;
                }
            }
            for d in digits.get(..count)?.iter().rev() {
                text.push(*d)?;
            }
        }
        Version::exact(text.octets.get(..text.len)?)
    }

    /// The text: ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.octets.get(..usize::from(self.len)).and_then(|o| core::str::from_utf8(o).ok()).unwrap_or("")
    }

    /// The leading numbers, up to four: `9.2p1` gives 9, 2, 1.
    #[must_use]
    pub fn numbers(&self) -> [u32; 4] {
        let mut out = [0u32; 4];
        let runs = self.as_str().split(|c: char| !c.is_ascii_digit()).filter(|r| !r.is_empty());
        for (slot, run) in out.iter_mut().zip(runs) {
            *slot = run.parse().unwrap_or(0);
        }
        out
    }

    fn store(octets: &[u8]) -> Option<Version> {
        let mut stored = [0u8; MAX_OCTETS];
        stored.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Version { len: u8::try_from(octets.len()).ok()?, octets: stored })
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Octets that are no version: said by the decoder to who sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAVersion;

impl fmt::Display for NotAVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version outside its grammar")
    }
}

impl TryFrom<&[u8]> for Version {
    type Error = NotAVersion;
    fn try_from(octets: &[u8]) -> Result<Version, NotAVersion> {
        Version::exact(octets).ok_or(NotAVersion)
    }
}

/// How a version is encoded: its octets, as a sequence.
#[derive(Serialize)]
struct VersionOctets(alloc::vec::Vec<u8>);

impl From<Version> for VersionOctets {
    fn from(v: Version) -> VersionOctets {
        VersionOctets(v.as_str().as_bytes().to_vec())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Digits,
    Word,
    Separator,
    Dash,
}

struct Part {
    kind: Kind,
    len: usize,
}

/// The part that `rest` begins with.
fn part(rest: &[u8]) -> Option<Part> {
    let first = *rest.first()?;
    if first.is_ascii_digit() {
        let len = rest.iter().take_while(|o| o.is_ascii_digit()).count();
        return (len <= MAX_DIGITS).then_some(Part { kind: Kind::Digits, len });
    }
    if first.is_ascii_alphabetic() {
        let len = rest.iter().take_while(|o| o.is_ascii_alphabetic()).count();
        let word = rest.get(..len)?;
        return WORDS.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(word)).then_some(Part { kind: Kind::Word, len });
    }
    match first {
        b'-' => Some(Part { kind: Kind::Dash, len: 1 }),
        b'.' | b'+' | b'~' | b'_' | b':' => Some(Part { kind: Kind::Separator, len: 1 }),
        _ => None,
    }
}

/// Whether what follows belongs to the same run as the end of `octets`.
fn cut_inside(octets: &[u8], rest: &[u8]) -> bool {
    match (octets.last(), rest.first()) {
        (Some(a), Some(b)) => {
            (a.is_ascii_digit() && b.is_ascii_digit()) || (a.is_ascii_alphabetic() && b.is_ascii_alphabetic())
        }
        _ => false,
    }
}

/// `octets` without its last run and the separators before it.
fn whole_parts(octets: &[u8]) -> &[u8] {
    let end = octets.iter().rposition(|o| !o.is_ascii_alphanumeric()).unwrap_or(0);
    octets.get(..end).unwrap_or_default()
}

/// `19010203`, `1901.02.03`, `3.2.1901` and their kin: three groups of which one is a year and two are small.
fn is_date(octets: &[u8]) -> bool {
    let mut groups = octets
        .split(|o| !o.is_ascii_digit())
        .filter(|g| !g.is_empty())
        .map(|g| g.iter().fold(0u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d.saturating_sub(b'0')))));
    let (Some(a), Some(b), Some(c)) = (groups.next(), groups.next(), groups.next()) else { return false };
    let year = |n: u32| (1880..=2100).contains(&n);
    (year(a) && b <= 31 && c <= 31) || (year(c) && a <= 31 && b <= 31)
}

#[derive(Default)]
struct Scratch {
    octets: [u8; MAX_OCTETS],
    len: usize,
}

impl Scratch {
    fn push(&mut self, octet: u8) -> Option<()> {
        *self.octets.get_mut(self.len)? = octet;
        self.len = self.len.saturating_add(1);
        Some(())
    }
}

/// Longest version kept: `4.17.12-Debian` has 14 octets, `10.11.19-MariaDB-0+deb12u1` 26.
pub const MAX_OCTETS: usize = 31;

/// Longest run of digits kept: Windows revisions have five, a date of birth without separators has eight.
pub const MAX_DIGITS: usize = 6;

/// The words that versions are made of, compared without case. A word that is not here ends the version.
pub const WORDS: &[&str] = &[
    "a",
    "alpha",
    "b",
    "beta",
    "bpo",
    "build",
    "c",
    "centos",
    "cip",
    "community",
    "d",
    "deb",
    "debian",
    "e",
    "el",
    "esm",
    "f",
    "fc",
    "fips",
    "final",
    "g",
    "ga",
    "h",
    "k",
    "log",
    "m",
    "mariadb",
    "mips",
    "ns",
    "osdl",
    "p",
    "patch",
    "pl",
    "pre",
    "r",
    "rc",
    "release",
    "rev",
    "s",
    "se",
    "sp",
    "sr",
    "stable",
    "u",
    "ubuntu",
    "v",
    "x",
];

extern crate alloc;

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(text: &str) -> Option<String> {
        Version::leading(text.as_bytes()).map(|v| v.as_str().to_string())
    }

    #[test]
    fn versions_of_real_banners_are_kept_whole() {
        for text in [
            "2.4.62",
            "9.2p1",
            "10.11.19-MariaDB-0+deb12u1",
            "8.0.43-0ubuntu0.22.04.1",
            "7.4.3-4ubuntu2.29",
            "R6_2_1",
            "4.17.12-Debian",
            "1.35.0",
            "3.9p1",
            "15",
            "2+deb12u10",
            "1.0.2k-fips",
        ] {
            assert_eq!(leading(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_version_ends_where_another_word_begins() {
        assert_eq!(leading("2.4.62 (Debian)").as_deref(), Some("2.4.62"));
        assert_eq!(leading("1.13.3/SMITH").as_deref(), Some("1.13.3"));
        assert_eq!(leading("2.4.ZZCANARY").as_deref(), Some("2.4"));
        assert_eq!(leading("5.0-Smith").as_deref(), Some("5.0"));
    }

    #[test]
    fn a_name_is_no_version() {
        for text in ["Smith", "ZZCANARY", "DOE^JOHN", "", "-", "...", "v", "JOHN1"] {
            assert_eq!(leading(text), None, "{text}");
        }
    }

    #[test]
    fn dates_of_birth_telephones_and_record_numbers_do_not_pass() {
        for text in ["19010203", "1901.02.03", "03.02.1901", "3.2.1901", "5550142"] {
            assert_eq!(leading(text), None, "{text}");
        }
        // What is left of these is a number that many products have; the person is gone.
        assert_eq!(leading("1901-02-03").as_deref(), Some("1901"));
        assert_eq!(leading("555-0142").as_deref(), Some("555"));
        assert_eq!(leading("900-11-2222").as_deref(), Some("900"));
        assert_eq!(leading("1.19010203").as_deref(), Some("1"));
    }

    #[test]
    fn the_decoder_asks_the_same_grammar() {
        let bad = postcard::to_allocvec(&b"DOE".to_vec()).unwrap();
        assert!(postcard::from_bytes::<Version>(&bad).is_err());
        let good = postcard::to_allocvec(&Version::exact(b"2.4.62").unwrap()).unwrap();
        assert_eq!(postcard::from_bytes::<Version>(&good).unwrap().as_str(), "2.4.62");
    }

    #[test]
    fn numbers_make_a_version_and_come_back() {
        let v = Version::from_numbers(&[10, 0, 17763]).unwrap();
        assert_eq!(v.as_str(), "10.0.17763");
        assert_eq!(v.numbers(), [10, 0, 17763, 0]);
        assert_eq!(Version::exact(b"9.2p1").unwrap().numbers(), [9, 2, 1, 0]);
    }
}
