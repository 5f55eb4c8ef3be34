//! Names and numbers planted into capture files, and the search for them in what came out.

use std::ops::Range;

/// Letters only, as a name is. No protocol, product or fact has its first four in a row.
pub const NAME: &[u8] = b"Zqsmithjonesz";
const NAME_SIGN: &[u8] = b"zqsm";

/// Digits only, as a telephone or record number is.
pub const NUMBER: &[u8] = b"5550142739";
const NUMBER_SIGN: &[u8] = b"5550142";

/// A run of octets that a person may have written.
#[derive(Clone)]
pub struct Field {
    /// Where it lies in the file.
    pub at: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Letters,
    Wide,
    Digits,
}

/// Every run of at least four letters, seven digits, or four letters in UTF-16, behind the file's own header.
pub fn fields(octets: &[u8]) -> Vec<Field> {
    let mut found = Vec::new();
    let mut at = 24;
    while at < octets.len() {
        let letters = octets[at..].iter().take_while(|o| o.is_ascii_alphabetic()).count();
        let digits = octets[at..].iter().take_while(|o| o.is_ascii_digit()).count();
        let wide = 2 * octets[at..].chunks_exact(2).take_while(|c| c[0].is_ascii_alphabetic() && c[1] == 0).count();
        let (kind, len) = if letters >= 4 {
            (Kind::Letters, letters)
        } else if digits >= 7 {
            (Kind::Digits, digits)
        } else if wide >= 8 {
            (Kind::Wide, wide)
        } else {
            at += letters.max(digits).max(1);
            continue;
        };
        found.push(Field { at: at..at + len, kind });
        at += len;
    }
    found
}

pub fn plant(octets: &[u8], fields: &[Field]) -> Vec<u8> {
    let mut changed = octets.to_vec();
    for field in fields {
        for (n, octet) in changed[field.at.clone()].iter_mut().enumerate() {
            match field.kind {
                Kind::Letters => *octet = NAME[n % NAME.len()],
                Kind::Digits => *octet = NUMBER[n % NUMBER.len()],
                Kind::Wide if n % 2 == 0 => *octet = NAME[n / 2 % NAME.len()],
                Kind::Wide => {}
            }
        }
    }
    changed
}

pub fn has_plant(printed: &[u8]) -> bool {
    plant_at(printed).is_some()
}

fn plant_at(printed: &[u8]) -> Option<usize> {
    printed
        .windows(NAME_SIGN.len())
        .position(|w| w.eq_ignore_ascii_case(NAME_SIGN))
        .or_else(|| printed.windows(NUMBER_SIGN.len()).position(|w| w == NUMBER_SIGN))
}

pub fn around_plant(printed: &[u8]) -> String {
    let at = plant_at(printed).unwrap_or(0);
    String::from_utf8_lossy(&printed[at.saturating_sub(120)..(at + 80).min(printed.len())]).into_owned()
}
