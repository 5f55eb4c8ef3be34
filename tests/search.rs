//! Looks for a planted name and number in octets of any kind, in every form in which a program might have written them.
//!
//! A name counts from any six of its letters in a row on (any nine in base 64), a number from any eight of its digits: shorter pieces
//! stand in random octets by chance. What is text is searched for four letters and seven digits too, by [`crate::plant`].

use crate::plant::{NAME, NUMBER, has_plant};
use base64ct::{Base64Unpadded, Encoding};
use std::collections::{BTreeMap, BTreeSet};

/// What is looked for, by its first two octets.
pub struct Search {
    needles: BTreeMap<[u8; 2], Vec<(Vec<u8>, &'static str)>>,
    /// Octets that were looked at.
    pub octets: u64,
    /// Things that were looked at.
    pub things: u64,
}

impl Search {
    /// For [`NAME`] and [`NUMBER`].
    #[must_use]
    pub fn new() -> Search {
        let mut search = Search { needles: BTreeMap::new(), octets: 0, things: 0 };
        for name in cases() {
            for piece in pieces(&name, 6) {
                search.add(piece.clone(), "plain");
                search.add(piece.iter().rev().copied().collect(), "reversed");
                search.add(piece.iter().flat_map(|o| [*o, 0]).collect(), "UTF-16, least octet first");
                search.add(piece.iter().flat_map(|o| [0, *o]).collect(), "UTF-16, highest octet first");
                search.add(hex(&piece), "hexadecimal");
            }
            pieces(&name, 9).iter().for_each(|piece| search.base64(piece));
        }
        for piece in pieces(NUMBER, 8) {
            search.add(piece.clone(), "digits");
            search.add(piece.iter().rev().copied().collect(), "digits, reversed");
            search.add(piece.iter().flat_map(|o| [*o, 0]).collect(), "digits in UTF-16");
            search.add(hex(&piece), "digits in hexadecimal");
            search.base64(&piece);
        }
        let number: u64 = std::str::from_utf8(NUMBER).unwrap().parse().unwrap();
        search.add(number.to_be_bytes()[3..].to_vec(), "number, highest octet first");
        search.add(number.to_le_bytes()[..5].to_vec(), "number, least octet first");
        search.add(postcard::to_allocvec(&number).unwrap(), "number in groups of seven bits");
        search
    }

    /// How many forms are looked for.
    #[must_use]
    pub fn forms(&self) -> usize {
        self.needles.values().map(Vec::len).sum()
    }

    fn base64(&mut self, piece: &[u8]) {
        for before in 0..3 {
            let coded = Base64Unpadded::encode_string(&[&vec![0; before], piece].concat());
            // The first and the last symbols hold bits of what stands around.
            let clean = coded.as_bytes()[before * 8usize.div_ceil(6)..coded.len() - 1].to_vec();
            self.add(clean, "base 64");
        }
    }

    /// Letters are compared without case.
    fn add(&mut self, needle: Vec<u8>, form: &'static str) {
        let needle = needle.to_ascii_lowercase();
        let begun = self.needles.entry([needle[0], needle[1]]).or_default();
        if !begun.iter().any(|(other, _)| *other == needle) {
            begun.push((needle, form));
        }
    }

    /// Where it stands and in which form. `None`: nowhere.
    #[must_use]
    pub fn find(&mut self, octets: &[u8]) -> Option<(usize, &'static str)> {
        self.octets += octets.len() as u64;
        self.things += 1;
        let octets = octets.to_ascii_lowercase();
        let mut begins = vec![false; 1 << 16];
        self.needles.keys().for_each(|k| begins[usize::from(u16::from_be_bytes(*k))] = true);
        octets.array_windows().enumerate().find_map(|(at, two)| {
            if !begins[usize::from(u16::from_be_bytes(*two))] {
                return None;
            }
            self.needles[two].iter().find(|(needle, _)| octets[at..].starts_with(needle)).map(|(_, form)| (at, *form))
        })
    }

    /// Stops if octets hold any of it; four letters are enough if they are text.
    ///
    /// # Panics
    /// If they do.
    pub fn clean(&mut self, what: &str, octets: &[u8]) {
        if let Some((at, form)) = self.find(octets) {
            let around = &octets[at.saturating_sub(60)..(at + 60).min(octets.len())];
            panic!("{what}, octet {at}: {form}: {}", String::from_utf8_lossy(around));
        }
        if let Ok(text) = std::str::from_utf8(octets) {
            assert!(!has_plant(octets), "{what}: {text}");
        }
    }
}

impl Default for Search {
    fn default() -> Search {
        Search::new()
    }
}

/// As it is planted, and as a program may have changed it.
fn cases() -> BTreeSet<Vec<u8>> {
    [NAME.to_vec(), NAME.to_ascii_lowercase(), NAME.to_ascii_uppercase()].into()
}

/// Every piece of this length; a longer field begins again behind the end.
fn pieces(of: &[u8], length: usize) -> Vec<Vec<u8>> {
    (0..of.len()).map(|from| of.iter().cycle().skip(from).take(length).copied().collect()).collect()
}

fn hex(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|o| format!("{o:02x}")).collect::<String>().into_bytes()
}
