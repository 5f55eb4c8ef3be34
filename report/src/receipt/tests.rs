//! What a sensor finds in a receipt: its report in a ledger that grew, or the step that failed.

use super::*;
use crate::merkle::{Growing, Node, consistency, inclusion, node_hash};
use crate::note::{NoteError, NoteKind, NoteSigner};

const ORIGIN: &str = "log.example/ledger/00/1";

/// A ledger of leaves in memory.
struct Ledger(Vec<Hash>);

impl Ledger {
    fn new(leaves: impl IntoIterator<Item = Leaf>) -> Ledger {
        Ledger(leaves.into_iter().map(|l| leaf_hash(&l.octets())).collect())
    }

    fn read(&self, node: Node) -> Option<Hash> {
        let from = usize::try_from(node.index << node.level).ok()?;
        let mut row = self.0.get(from..from + (1 << node.level))?.to_vec();
        while row.len() > 1 {
            row = row.chunks(2).map(|c| node_hash(&c[0], &c[1])).collect();
        }
        Some(row[0])
    }

    fn checkpoint(&self, size: usize) -> Checkpoint {
        let mut tree = Growing::new();
        self.0[..size].iter().for_each(|leaf| tree.push(leaf));
        Checkpoint { origin: ORIGIN.into(), size: tree.size(), root: tree.root() }
    }

    /// The receipt of a sensor that has seen `seen` leaves, about the report at leaf `index`.
    fn receipt(&self, seen: usize, index: usize) -> Receipt {
        let new = self.checkpoint(self.0.len());
        let proof = inclusion(u64::try_from(index).unwrap(), new.size, |n| self.read(n)).unwrap();
        let growth = consistency(u64::try_from(seen).unwrap(), new.size, |n| self.read(n)).unwrap();
        let inclusion = Inclusion {
            place: place(index),
            received: Timestamp(1_000),
            index: u64::try_from(index).unwrap(),
            proof: proof.try_into().unwrap(),
        };
        let proven = Proven {
            note: new.sign(&keeper()).into_bytes().try_into().unwrap(),
            inclusion: Some(inclusion),
            consistency: growth.try_into().unwrap(),
        };
        Receipt { proven: Some(proven), ..Receipt::default() }
    }
}

fn keeper() -> NoteSigner {
    NoteSigner::new(ORIGIN, &[1; 32]).unwrap()
}

fn place(n: usize) -> Place {
    Place { epoch: 0, seq: u64::try_from(n).unwrap() }
}

fn own(place: Place) -> Option<Hash> {
    (place.epoch == 0).then(|| [u8::try_from(place.seq).unwrap(); 32])
}

fn leaf(n: usize) -> Leaf {
    let object = own(place(n)).unwrap();
    Leaf { kind: LeafKind::Report, sensor: SensorId([5; 16]), place: place(n), received: Timestamp(1_000), object }
}

fn check(receipt: &Receipt, seen: Option<&Seen>) -> Result<Option<Checkpoint>, ReceiptError> {
    let keeper = keeper().key(NoteKind::Ed25519);
    receipt.check(&Watch { sensor: &SensorId([5; 16]), origin: ORIGIN, keeper: &keeper, seen }, own)
}

#[test]
fn a_report_in_a_ledger_that_grew_gives_the_next_checkpoint() {
    let ledger = Ledger::new((0..11).map(leaf));
    for seen in 1..=11 {
        let before = ledger.checkpoint(seen).seen();
        let receipt = ledger.receipt(seen, 4);
        assert_eq!(check(&receipt, Some(&before)), Ok(Some(ledger.checkpoint(11))), "seen {seen}");
        let octets = receipt.encode().unwrap();
        assert_eq!(Receipt::decode(&octets), Ok(receipt));
    }
    assert_eq!(check(&ledger.receipt(11, 4), None), Ok(Some(ledger.checkpoint(11))), "the first that it sees");
    assert_eq!(check(&Receipt::default(), None), Ok(None), "nothing is proven yet");
}

#[test]
fn a_ledger_that_was_rewritten_is_told() {
    let seen = Ledger::new((0..7).map(leaf)).checkpoint(7).seen();
    // One leaf before the checkpoint is another one; the proofs are right for the new tree.
    let rewritten =
        Ledger::new((0..11).map(|n| if n == 2 { Leaf { received: Timestamp(9), ..leaf(n) } } else { leaf(n) }));
    let failed = check(&rewritten.receipt(7, 4), Some(&seen)).unwrap_err();
    assert_eq!(failed, ReceiptError::Consistency(ProofError::Root));
    assert!(failed.is_inconsistent());
    // Rolled back.
    let short = Ledger::new((0..6).map(leaf));
    assert_eq!(check(&short.receipt(6, 4), Some(&seen)), Err(ReceiptError::Shrunk));
    // As long as it was, and not the same.
    let other = Ledger::new((1..8).map(leaf));
    assert_eq!(check(&other.receipt(7, 4), Some(&seen)), Err(ReceiptError::TwoTrees));
    assert!(ReceiptError::TwoTrees.is_inconsistent() && ReceiptError::Shrunk.is_inconsistent());
}

#[test]
fn a_report_that_was_changed_or_is_not_there_is_told() {
    let ledger = Ledger::new((0..11).map(|n| if n == 4 { Leaf { object: [99; 32], ..leaf(n) } } else { leaf(n) }));
    assert_eq!(check(&ledger.receipt(11, 4), None), Err(ReceiptError::Inclusion(ProofError::Root)));
    let mut receipt = Ledger::new((0..11).map(leaf)).receipt(11, 4);
    receipt.proven.as_mut().unwrap().inclusion.as_mut().unwrap().received = Timestamp(1_001);
    assert_eq!(check(&receipt, None), Err(ReceiptError::Inclusion(ProofError::Root)), "a time that is not the leaf's");
    receipt.proven.as_mut().unwrap().inclusion.as_mut().unwrap().place.epoch = 1;
    assert_eq!(check(&receipt, None), Err(ReceiptError::UnknownReport));
}

#[test]
fn a_checkpoint_of_another_keeper_or_ledger_is_refused() {
    let ledger = Ledger::new((0..3).map(leaf));
    let checkpoint = ledger.checkpoint(3);
    let with = |note: String| {
        let mut receipt = ledger.receipt(3, 1);
        receipt.proven.as_mut().unwrap().note = note.into_bytes().try_into().unwrap();
        check(&receipt, None).unwrap_err()
    };
    let stranger = NoteSigner::new(ORIGIN, &[2; 32]).unwrap();
    let missing = ReceiptError::Checkpoint(CheckpointError::Note(NoteError::Missing));
    assert_eq!(with(checkpoint.sign(&stranger)), missing);
    let other = Checkpoint { origin: "log.example/ledger/01/1".into(), ..checkpoint.clone() };
    assert_eq!(with(other.sign(&keeper())), ReceiptError::Checkpoint(CheckpointError::Origin));
    let changed = checkpoint.sign(&keeper()).replacen("\n3\n", "\n4\n", 1);
    assert_eq!(with(changed), ReceiptError::Checkpoint(CheckpointError::Note(NoteError::Signature)));
    assert!(!missing.is_inconsistent());
}

#[test]
fn every_changed_octet_of_a_proof_is_found() {
    let ledger = Ledger::new((0..11).map(leaf));
    let before = ledger.checkpoint(7).seen();
    let receipt = ledger.receipt(7, 4);
    let proven = receipt.proven.clone().unwrap();
    for n in 0..proven.consistency.len() {
        let mut hashes = proven.consistency.to_vec();
        hashes[n][31] ^= 1;
        let proven = Proven { consistency: hashes.try_into().unwrap(), ..proven.clone() };
        let receipt = Receipt { proven: Some(proven), ..receipt.clone() };
        assert!(matches!(check(&receipt, Some(&before)), Err(ReceiptError::Consistency(_))), "hash {n}");
    }
}

#[test]
fn an_answer_that_is_no_receipt_acknowledges_nothing() {
    let octets = Ledger::new((0..3).map(leaf)).receipt(3, 1).encode().unwrap();
    for end in 0..octets.len() {
        assert_eq!(Receipt::decode(&octets[..end]), Err(ReceiptError::Form), "cut at {end}");
    }
    assert_eq!(Receipt::decode(&[&octets[..], &[0]].concat()), Err(ReceiptError::Form));
    assert_eq!(Receipt::decode(b"<html>"), Err(ReceiptError::Form));
    // 65 results announced in 3 octets.
    assert_eq!(Receipt::decode(b"AUSK\x01\x41"), Err(ReceiptError::Form));
}
