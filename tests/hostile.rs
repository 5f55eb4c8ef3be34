//! Input that must not hurt: strange octets at every entrance, and captures whose octets were changed, cut and mixed.
//!
//! Counts as failure: a panic, a loop, a buffer beyond its bound. Does not: a finding that is missed. Time and memory of
//! the program itself on the hostile captures are measured by `tests/hostile.sh`, not here: tests assert no time.

use auscult_agent::sensor::Settings;
use auscult_tests::entrances::ENTRANCES;
use auscult_tests::papers::PAPERS;
use auscult_tests::{hear, recorded, root};
use std::fs;

#[test]
fn every_entrance_takes_its_corpus_and_every_change_of_it() {
    let mut replayed = 0;
    for (name, enter) in ENTRANCES.iter().chain(PAPERS) {
        let folder = root().join(format!("tests/fuzz/corpus/{name}"));
        let mut files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let octets = fs::read(&file).unwrap();
            enter(&octets);
            replayed += 1;
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(octets.len()).unwrap());
            for _ in 0..CHANGES_A_FILE {
                enter(&random.change(&octets));
            }
        }
    }
    println!("{replayed} files of the corpus replayed, each {CHANGES_A_FILE} times changed");
}

#[test]
fn captures_with_changed_octets_are_read_to_their_end() {
    for capture in recorded() {
        let octets = fs::read(&capture.path).unwrap();
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        for _ in 0..CHANGES_A_CAPTURE {
            let mut changed = octets.clone();
            // Between one octet and one in thirty, but not the file's own header.
            for _ in 0..=random.below(changed.len() / 30) {
                let at = 24 + random.below(changed.len() - 24);
                changed[at] = random.octet();
            }
            let _ = hear(&changed, capture.settings());
            let end = random.below(octets.len());
            let _ = hear(&octets[..end], Settings::default());
        }
    }
}

/// xorshift64*: the same octets each time, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    fn octet(&mut self) -> u8 {
        [0x00, 0x01, 0x7f, 0x80, 0xff, self.next() as u8][self.below(6)]
    }

    fn change(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut changed = octets.to_vec();
        for _ in 0..=self.below(6) {
            if changed.is_empty() {
                break;
            }
            let at = self.below(changed.len());
            match self.below(4) {
                0 => changed[at] = self.octet(),
                1 => changed.truncate(at),
                2 => changed.insert(at, self.octet()),
                _ => {
                    let from = self.below(changed.len());
                    let piece = changed[from..].to_vec();
                    changed.splice(at..at, piece);
                }
            }
        }
        changed.truncate(64 * 1024);
        changed
    }
}

const CHANGES_A_FILE: usize = 300;
const CHANGES_A_CAPTURE: usize = 12;
