//! A key's fingerprint as five words that two people can compare over the telephone (FORMAT.md section 17).
//!
//! Keeps: the first 55 bits of the fingerprint, eleven a word, the highest first; the list of 2,048 words is fixed for
//! ever. Drops: the other 201 bits: who wants to meet 55 bits by chance makes 36,000 million million keys.

use crate::key::PublicKey;

/// Five words for a key.
#[must_use]
pub fn fingerprint_words(key: &PublicKey) -> [&'static str; 5] {
    let [a, b, c, d, e, f, g, h, ..] = key.fingerprint();
    let bits = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    [53u32, 42, 31, 20, 9].map(|shift| {
        let number = usize::try_from(bits.checked_shr(shift).unwrap_or(0) & 0x7ff).unwrap_or(0);
        WORDS.lines().nth(number).unwrap_or_default()
    })
}

/// One a line, in alphabetical order.
const WORDS: &str = include_str!("../words.txt");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_has_2048_different_plain_words() {
        let words: BTreeSet<&str> = WORDS.lines().collect();
        assert_eq!((words.len(), WORDS.lines().count()), (2048, 2048));
        for word in words {
            assert!((3..=8).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_lowercase()), "{word}");
        }
        assert!(WORDS.lines().is_sorted());
    }

    #[test]
    fn eleven_bits_name_a_word() {
        let key = PublicKey([7; 32]);
        let [a, b, ..] = key.fingerprint();
        let first = (usize::from(a) << 3) | usize::from(b >> 5);
        assert_eq!(fingerprint_words(&key)[0], WORDS.lines().nth(first).unwrap());
        let [.., f, g] = key.fingerprint().first_chunk::<7>().copied().unwrap();
        let last = (usize::from(f & 0x0f) << 7) | usize::from(g >> 1);
        assert_eq!(fingerprint_words(&key)[4], WORDS.lines().nth(last).unwrap());
    }

    #[test]
    fn the_words_of_a_key_stay_the_same_for_ever() {
        // Changing the list would make people compare what does not compare.
        assert_eq!(fingerprint_words(&PublicKey([0; 32])).join(" "), "key settle flood gift uncle");
    }
}
