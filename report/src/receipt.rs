//! What a sensor gets for its reports, and checks itself (FORMAT.md section 9): so each sensor is a witness.
//!
//! Keeps: what became of each report, what is on the collector's disk, and the proof that an earlier report stands in a
//! ledger that only grew since the sensor last saw it. Drops: trust: a result is believed for a day's work, the ledger
//! only against its proofs.

use crate::bounded::Bounded;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::header::Seen;
use crate::key::{Hash, SensorId};
use crate::leaf::{Leaf, LeafKind};
use crate::merkle::{MAX_PROOF, ProofError, check_consistency, check_inclusion, leaf_hash};
use crate::note::{MAX_NOTE, NoteKey};
use crate::payload::{Extras, Known, Place, whole};
use crate::time::Timestamp;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The answer to a batch of reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What became of each report, in the order of the batch.
    pub results: Bounded<ItemResult, MAX_BATCH>,
    /// The end of the unbroken chain that is on the collector's disk.
    pub durable_to: Option<Known>,
    /// What is missing before later reports that are stored.
    pub missing: Bounded<Missing, MAX_MISSING>,
    /// Seconds until the sensor should call again.
    pub next_contact_s: u32,
    /// Whether the next report should be a full one.
    pub want_full: bool,
    /// The newest schema that the collector reads.
    pub newest_schema: u16,
    /// The newest checkpoint that covers an earlier report of this sensor, and its proofs.
    pub proven: Option<Proven>,
    /// A newer trust bundle, signed by the key of the one before; read by its own rules.
    pub trust_bundle: Option<Bounded<u8, MAX_TRUST_BUNDLE>>,
    /// What was added later.
    pub ext: Extras,
}

/// What became of one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// The hash of the octets that came.
    pub report: Hash,
    /// What became of it.
    pub outcome: Outcome,
}

words! {
    /// What became of a report. Grows at its end.
    Outcome {
        /// It is on the disk, now or since an earlier time.
        Stored = "stored",
        /// Another report has its number, or another chain its place: both are kept, a person looks.
        Conflict = "conflict",
        /// Its frame or header does not parse: final.
        RefusedForm = "refused-form",
        /// Its signature does not hold, or its key is not known: final.
        RefusedSignature = "refused-signature",
        /// It is of another ledger: final.
        RefusedLedger = "refused-ledger",
        /// It is too large, or does not unpack: final.
        RefusedSize = "refused-size",
    }
}

/// Reports that are missing, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The epoch.
    pub epoch: u32,
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// A checkpoint and its proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// The signed note.
    pub note: Bounded<u8, MAX_NOTE>,
    /// Proof that an earlier report of this sensor stands in it.
    pub inclusion: Option<Inclusion>,
    /// Proof that the tree that the sensor has seen is its beginning; empty if it has seen none.
    pub consistency: Bounded<Hash, MAX_PROOF>,
}

/// That a report stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Where the report stands in its chain.
    pub place: Place,
    /// When the collector says that it received it.
    pub received: Timestamp,
    /// The number of its leaf.
    pub index: u64,
    /// The proof.
    pub proof: Bounded<Hash, MAX_PROOF>,
}

/// What a sensor knows when it checks a receipt.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    /// Itself.
    pub sensor: &'a SensorId,
    /// Its clinic's ledger: the first line of a checkpoint.
    pub origin: &'a str,
    /// Who keeps the ledger.
    pub keeper: &'a NoteKey,
    /// The newest checkpoint that it has verified.
    pub seen: Option<&'a Seen>,
}

impl Receipt {
    /// Its octets: magic 4, version 1, postcard. `None` if memory is gone.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut octets = Vec::from(MAGIC);
        octets.push(VERSION);
        postcard::to_extend(self, octets).ok()
    }

    /// Reads a receipt. What does not read is an answer of somebody else, and nothing was acknowledged.
    ///
    /// # Errors
    /// [`ReceiptError::Form`].
    pub fn decode(octets: &[u8]) -> Result<Receipt, ReceiptError> {
        let body = octets.strip_prefix(MAGIC).and_then(|r| r.strip_prefix(&[VERSION])).ok_or(ReceiptError::Form)?;
        whole(body).filter(|_| octets.len() <= MAX_RECEIPT).ok_or(ReceiptError::Form)
    }

    /// Checks the ledger's part, where there is one: the new verified checkpoint, or the step that failed. `own` gives
    /// the hash of the report that the sensor itself made at a place, if it still knows it.
    ///
    /// # Errors
    /// The first step that failed. Those of which [`ReceiptError::is_inconsistent`] is true are proof, together with
    /// the checkpoint seen before, that the keeper of the ledger showed two of them.
    pub fn check(
        &self,
        watch: &Watch<'_>,
        own: impl Fn(Place) -> Option<Hash>,
    ) -> Result<Option<Checkpoint>, ReceiptError> {
        let Some(proven) = &self.proven else { return Ok(None) };
        let new = Checkpoint::open(&proven.note, watch.origin, watch.keeper).map_err(ReceiptError::Checkpoint)?;
        if let Some(seen) = watch.seen {
            grew(seen, &new, &proven.consistency)?;
        } else if !proven.consistency.is_empty() {
            return Err(ReceiptError::Consistency(ProofError::Length));
        }
        if let Some(inclusion) = &proven.inclusion {
            let object = own(inclusion.place).ok_or(ReceiptError::UnknownReport)?;
            let Inclusion { place, received, index, proof } = inclusion;
            let leaf =
                Leaf { kind: LeafKind::Report, sensor: *watch.sensor, place: *place, received: *received, object };
            check_inclusion(&leaf_hash(&leaf.octets()), *index, new.size, proof, &new.root)
                .map_err(ReceiptError::Inclusion)?;
        }
        Ok(Some(new))
    }
}

/// That the ledger only grew since it was seen.
fn grew(seen: &Seen, new: &Checkpoint, proof: &[Hash]) -> Result<(), ReceiptError> {
    if new.size < seen.size {
        return Err(ReceiptError::Shrunk);
    }
    if new.size == seen.size && new.root != seen.root {
        return Err(ReceiptError::TwoTrees);
    }
    check_consistency((seen.size, &seen.root), (new.size, &new.root), proof).map_err(ReceiptError::Consistency)
}

/// The step at which a receipt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptError {
    /// It is no receipt.
    Form,
    /// Note, signature, text or origin of the checkpoint.
    Checkpoint(CheckpointError),
    /// The ledger has fewer leaves than the sensor has seen.
    Shrunk,
    /// The ledger has as many leaves as the sensor has seen, and another root.
    TwoTrees,
    /// What the sensor has seen is not proven to be its beginning.
    Consistency(ProofError),
    /// It speaks of a report that the sensor did not make, or knows no more.
    UnknownReport,
    /// The report is not proven to stand in the ledger as the sensor made it.
    Inclusion(ProofError),
}

impl ReceiptError {
    /// Whether the keeper signed something that contradicts what he signed before: to be told in the next report.
    #[must_use]
    pub const fn is_inconsistent(&self) -> bool {
        matches!(self, ReceiptError::Shrunk | ReceiptError::TwoTrees | ReceiptError::Consistency(_))
    }
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiptError::Form => f.write_str("receipt: form"),
            ReceiptError::Checkpoint(e) => write!(f, "receipt: {e}"),
            ReceiptError::Shrunk => f.write_str("receipt: the ledger became shorter"),
            ReceiptError::TwoTrees => f.write_str("receipt: two ledgers of one size"),
            ReceiptError::Consistency(e) => write!(f, "receipt: consistency {e}"),
            ReceiptError::UnknownReport => f.write_str("receipt: of a report that is not known here"),
            ReceiptError::Inclusion(e) => write!(f, "receipt: inclusion {e}"),
        }
    }
}

impl core::error::Error for ReceiptError {}

/// Octets 0-3.
pub const MAGIC: &[u8] = b"AUSK";
/// Octet 4.
pub const VERSION: u8 = 1;
/// Reports of a batch.
pub const MAX_BATCH: usize = 64;
/// Holes that are told at once: the first ones are filled first.
pub const MAX_MISSING: usize = 16;
/// Longest trust bundle: two chains of certificates, addresses and four keys take a tenth of it.
pub const MAX_TRUST_BUNDLE: usize = 32_768;
/// Longest receipt: note, trust bundle, results, proofs and extras.
pub const MAX_RECEIPT: usize = 262_144;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests;
