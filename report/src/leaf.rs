//! Leaves of the ledgers: fixed octets, so that a stranger can read them without our code (FORMAT.md section 7).
//!
//! Keeps: what kind of object it is, whose, when it came, its hash. Drops: the object: it may be erased by law or age
//! while the tree stays whole.

use crate::context;
use crate::key::{Hash, LedgerId, SensorId, hash};
use crate::payload::Place;
use crate::time::Timestamp;
use alloc::vec::Vec;

words! {
    /// What a leaf stands for. Its number in a leaf is its place in this list, counted from 1.
    LeafKind {
        /// A report.
        Report = "report",
        /// A sensor was let in.
        Enrolment = "enrolment",
        /// A sensor's key changed.
        KeyRotation = "key-rotation",
        /// A sensor was shut out.
        Revocation = "revocation",
        /// The head of the audit record of a day.
        Audit = "audit",
        /// The open findings of a day.
        Findings = "findings",
        /// The knowledge that findings rest on.
        Knowledge = "knowledge",
        /// The ledger was restored, or begins again.
        Restore = "restore",
        /// Which objects were erased, under which rule.
        Retention = "retention",
        /// A review was opened, closed, or who may cosign changed.
        Review = "review",
        /// A person decided about a finding.
        Decision = "decision",
    }
}

/// A leaf of a clinic's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What it stands for.
    pub kind: LeafKind,
    /// The sensor; zero where it is about none.
    pub sensor: SensorId,
    /// The place in its chain; zero where it has none.
    pub place: Place,
    /// When the collector received it, by the collector's clock.
    pub received: Timestamp,
    /// The hash of the object: of a report, of all its octets; of a statement, [`statement_hash`].
    pub object: Hash,
}

impl Leaf {
    /// Its octets: context 20, kind 1, sensor 16, epoch 4, seq 8, received 8, object 32; the highest octet first.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let kind = LeafKind::ALL.iter().position(|k| *k == self.kind).and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        [
            context::LEAF,
            &[kind.saturating_add(1)],
            &self.sensor.0,
            &self.place.epoch.to_be_bytes(),
            &self.place.seq.to_be_bytes(),
            &self.received.0.to_be_bytes(),
            &self.object,
        ]
        .concat()
    }

    /// Reads a leaf. `None` if it is none, or of a kind that is not known here.
    #[must_use]
    pub fn read(octets: &[u8]) -> Option<Leaf> {
        let rest = octets.strip_prefix(context::LEAF)?;
        let (kind, rest) = rest.split_first()?;
        let (sensor, rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (received, rest) = rest.split_first_chunk()?;
        let object: &Hash = rest.try_into().ok()?;
        Some(Leaf {
            kind: *LeafKind::ALL.get(usize::from(kind.checked_sub(1)?))?,
            sensor: SensorId(*sensor),
            place: Place { epoch: u32::from_be_bytes(*epoch), seq: u64::from_be_bytes(*seq) },
            received: Timestamp(u64::from_be_bytes(*received)),
            object: *object,
        })
    }
}

/// The hash of a statement: a text kept as it was written.
#[must_use]
pub fn statement_hash(text: &[u8]) -> Hash {
    hash(context::STATEMENT, &[text])
}

/// A leaf of the provider's ledger of heads: context 20, ledger 16, SHA-256 of the checkpoint's text 32.
#[must_use]
pub fn head_leaf(ledger: &LedgerId, checkpoint: &str) -> Vec<u8> {
    [context::HEAD, &ledger.0, &hash(b"", &[checkpoint.as_bytes()])].concat()
}

/// Octets of a leaf.
pub const LEAF_OCTETS: usize = 89;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_has_89_octets_each_in_its_place() {
        let leaf = Leaf {
            kind: LeafKind::Report,
            sensor: SensorId([0xaa; 16]),
            place: Place { epoch: 1, seq: 2 },
            received: Timestamp(3),
            object: [0xbb; 32],
        };
        let octets = leaf.octets();
        let mut want = b"auscult.dev/leaf/v1\0".to_vec(); // context
        want.push(1); // kind: report
        want.extend([0xaa; 16]); // sensor
        want.extend([0, 0, 0, 1]); // epoch
        want.extend([0, 0, 0, 0, 0, 0, 0, 2]); // seq
        want.extend([0, 0, 0, 0, 0, 0, 0, 3]); // received
        want.extend([0xbb; 32]); // object
        assert_eq!(octets, want);
        assert_eq!(octets.len(), LEAF_OCTETS);
        assert_eq!(Leaf::read(&octets), Some(leaf));
        assert_eq!(Leaf::read(&octets[..88]), None);
        assert_eq!(Leaf::read(&[&octets[..], &[0]].concat()), None);
        for kind in [0, 12, 255] {
            want[20] = kind;
            assert_eq!(Leaf::read(&want), None, "kind {kind}");
        }
    }

    #[test]
    fn a_head_leaf_has_68_octets_and_is_no_leaf() {
        let octets = head_leaf(&LedgerId([1; 16]), "origin\n1\nroot\n");
        assert_eq!(octets.len(), 68);
        assert_eq!(Leaf::read(&octets), None);
    }
}
