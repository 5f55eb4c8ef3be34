//! What a receipt proves of the clinic's ledger (FORMAT.md sections 8 and 9): the sensor as a witness.
//!
//! The origin of a checkpoint is `<keeper>/ledger/<ledger>/<generation>`. A higher generation begins a new ledger: a provider
//! who restored a backup must say so in this way. A lower one, a shorter tree, two trees of one size or a tree that does not
//! begin with the one seen contradict what was signed before. A consistency proof is made from what the collector believes
//! that we saw; an older one takes that from the reports, which may have been sealed before. So a proof that fails is a contradiction only
//! when a sign of life had just said what we saw.
//! Keeps: the note that contradicts. Drops: receipts without a ledger's part.

use auscult_report::checkpoint::Checkpoint;
use auscult_report::header::Seen;
use auscult_report::key::{Hash, LedgerId, PublicKey, SensorId};
use auscult_report::note::{Note, NoteKey, NoteKind};
use auscult_report::payload::Place;
use auscult_report::receipt::{Proven, Receipt, ReceiptError, Watch};
use core::fmt;

/// What the sensor knows of the ledger.
pub struct Witness<'a> {
    /// Itself.
    pub sensor: SensorId,
    /// Its clinic's ledger.
    pub ledger: LedgerId,
    /// Who keeps it: the beginning of the origin.
    pub keeper: &'a str,
    /// The key that signs its checkpoints.
    pub key: PublicKey,
    /// The generation that was seen.
    pub generation: Option<u32>,
    /// The newest checkpoint that was verified.
    pub seen: Option<Seen>,
    /// Whether the collector was told just now what we saw.
    pub has_told: bool,
}

/// What it proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: no checkpoint was shown, or the one that is known.
    Nothing,
    /// A ledger that only grew: kept as seen.
    Grew(u32, Seen),
    /// A new generation, of which nothing is proven yet.
    Began(u32),
    /// Nothing yet; a sign of life says what we saw, then it can be proven.
    Unproven(Fault),
    /// The keeper contradicts himself. The note is his signature on it.
    Contradiction(Fault, Vec<u8>),
}

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The note is none of this ledger, or not signed by its keeper.
    Note,
    /// A generation that ended.
    OldGeneration,
    /// See [`ReceiptError`].
    Receipt(ReceiptError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Note => f.write_str("the checkpoint is none of this ledger"),
            Fault::OldGeneration => f.write_str("the ledger went back to a generation that had ended"),
            Fault::Receipt(e) => e.fmt(f),
        }
    }
}

impl Witness<'_> {
    /// Checks what a receipt shows. `own` gives the hash of the report that the sensor itself made at a place.
    #[must_use]
    pub fn check(&self, receipt: &Receipt, own: impl Fn(Place) -> Option<Hash>) -> Sight {
        let Some(proven) = &receipt.proven else { return Sight::Nothing };
        let Some((origin, generation)) = self.origin(proven) else { return Sight::Unproven(Fault::Note) };
        let Some(keeper) = NoteKey::new(&origin, NoteKind::Ed25519, self.key) else {
            return Sight::Unproven(Fault::Note);
        };
        match self.generation {
            Some(before) if generation != before => {
                if Checkpoint::open(&proven.note, &origin, &keeper).is_err() {
                    return Sight::Unproven(Fault::Note);
                }
                return if generation > before {
                    Sight::Began(generation)
                } else {
                    Sight::Contradiction(Fault::OldGeneration, proven.note.to_vec())
                };
            }
            _ => {}
        }
        let watch = Watch { sensor: &self.sensor, origin: &origin, keeper: &keeper, seen: self.seen.as_ref() };
        match receipt.check(&watch, own) {
            Ok(Some(new)) if self.seen == Some(new.seen()) => Sight::Nothing,
            Ok(Some(new)) => Sight::Grew(generation, new.seen()),
            Ok(None) => Sight::Nothing,
            Err(e @ (ReceiptError::Shrunk | ReceiptError::TwoTrees)) => {
                Sight::Contradiction(Fault::Receipt(e), proven.note.to_vec())
            }
            Err(e) if e.is_inconsistent() && self.has_told && self.seen.is_some() => {
                Sight::Contradiction(Fault::Receipt(e), proven.note.to_vec())
            }
            Err(e) => Sight::Unproven(Fault::Receipt(e)),
        }
    }

    /// The first line of the note, if it names this ledger, and its generation.
    fn origin(&self, proven: &Proven) -> Option<(String, u32)> {
        let note = Note::parse(&proven.note).ok()?;
        let origin = note.text.lines().next()?;
        let number = origin.strip_prefix(self.keeper)?.strip_prefix("/ledger/")?;
        let number = number.strip_prefix(&self.ledger.to_string())?.strip_prefix('/')?;
        let generation: u32 = number.parse().ok()?;
        (generation.to_string() == number).then(|| (origin.to_owned(), generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;
    use auscult_report::key::hash;
    use auscult_report::merkle::leaf_hash;
    use auscult_report::note::NoteSigner;

    const LEDGER: LedgerId = LedgerId([7; 16]);

    fn node(left: &Hash, right: &Hash) -> Hash {
        hash(&[1], &[left, right])
    }

    fn leaf(n: u8) -> Hash {
        leaf_hash(&[n])
    }

    /// The root of a ledger of `size` leaves (1 or 2); `other` is another ledger of the same size.
    fn root(size: u64, other: bool) -> Hash {
        let first = if other { leaf(9) } else { leaf(0) };
        if size == 1 { first } else { node(&first, &leaf(1)) }
    }

    fn receipt(generation: u32, size: u64, other: bool, consistency: Vec<Hash>) -> Receipt {
        let origin = format!("archive.example/ledger/{LEDGER}/{generation}");
        let signer = NoteSigner::new(&origin, &[3; 32]).unwrap();
        let note = Checkpoint { origin, size, root: root(size, other) }.sign(&signer);
        let note = note.into_bytes().try_into().unwrap();
        let proven = Proven { note, inclusion: None, consistency: Bounded::first_of(consistency).0 };
        Receipt { proven: Some(proven), ..Receipt::default() }
    }

    fn witness(generation: Option<u32>, seen: Option<Seen>, has_told: bool) -> Witness<'static> {
        let key = NoteSigner::new("any", &[3; 32]).unwrap().key(NoteKind::Ed25519);
        let octets = key.vkey();
        let key =
            NoteKey::parse(&octets).map(|_| auscult_report::key::SensorKey::from_seed(&[3; 32]).public()).unwrap();
        let sensor = SensorId([1; 16]);
        Witness { sensor, ledger: LEDGER, keeper: "archive.example", key, generation, seen, has_told }
    }

    fn seen(size: u64, other: bool) -> Seen {
        Seen { size, root: root(size, other) }
    }

    #[test]
    fn a_ledger_that_only_grew_is_seen() {
        let first = receipt(1, 1, false, vec![]);
        assert_eq!(witness(None, None, true).check(&first, |_| None), Sight::Grew(1, seen(1, false)));
        let grown = receipt(1, 2, false, vec![leaf(1)]);
        let mine = Some(seen(1, false));
        assert_eq!(witness(Some(1), mine, false).check(&grown, |_| None), Sight::Grew(1, seen(2, false)));
        assert_eq!(witness(Some(1), mine, true).check(&first, |_| None), Sight::Nothing);
        assert_eq!(witness(Some(1), mine, true).check(&Receipt::default(), |_| None), Sight::Nothing);
    }

    #[test]
    fn two_trees_a_shorter_one_and_an_ended_generation_are_contradictions() {
        let of = |generation, mine, said: &Receipt| witness(Some(generation), Some(mine), false).check(said, |_| None);
        let is_told = |sight: &Sight, step: &str| match sight {
            Sight::Contradiction(fault, note) => fault.to_string().contains(step) && note.starts_with(b"archive"),
            _ => false,
        };
        assert!(is_told(&of(1, seen(1, true), &receipt(1, 1, false, vec![])), "two ledgers"));
        assert!(is_told(&of(1, seen(2, false), &receipt(1, 1, false, vec![])), "shorter"));
        assert!(is_told(&of(2, seen(1, false), &receipt(1, 2, false, vec![leaf(1)])), "ended"));
    }

    #[test]
    fn a_proof_from_elsewhere_is_asked_for_again_before_anybody_is_accused() {
        let said = receipt(1, 2, false, vec![]);
        let mine = Some(seen(1, false));
        assert!(matches!(witness(Some(1), mine, false).check(&said, |_| None), Sight::Unproven(_)));
        assert!(matches!(witness(Some(1), mine, true).check(&said, |_| None), Sight::Contradiction(..)));
        let from_what_was_not_seen = receipt(1, 2, false, vec![leaf(1)]);
        let sight = witness(None, None, true).check(&from_what_was_not_seen, |_| None);
        assert!(matches!(sight, Sight::Unproven(_)), "who has seen nothing accuses nobody");
    }

    #[test]
    fn a_higher_generation_begins_anew() {
        let sight = witness(Some(1), Some(seen(2, false)), false).check(&receipt(2, 1, true, vec![]), |_| None);
        assert_eq!(sight, Sight::Began(2));
    }

    #[test]
    fn a_note_of_another_ledger_or_keeper_proves_nothing() {
        let said = receipt(1, 1, false, vec![]);
        let witness = witness(None, None, true);
        let other_ledger = Witness { ledger: LedgerId([8; 16]), ..witness };
        assert_eq!(other_ledger.check(&said, |_| None), Sight::Unproven(Fault::Note));
        let other_key = Witness { key: PublicKey([5; 32]), ledger: LEDGER, ..other_ledger };
        assert!(matches!(
            other_key.check(&said, |_| None),
            Sight::Unproven(Fault::Receipt(ReceiptError::Checkpoint(_)))
        ));
        let other_keeper = Witness { keeper: "archive.exampl", ..other_key };
        assert_eq!(other_keeper.check(&said, |_| None), Sight::Unproven(Fault::Note));
    }
}
