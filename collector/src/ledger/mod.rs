//! What may never change: one ledger a clinic, a Merkle tree of 89-octet leaves (RFC 9162 2.1; C2SP tlog-tiles,
//! tlog-checkpoint, signed-note).
//!
//! A round has three steps, and each may be the last before a crash: a *plan* is committed (which leaves, which root, the
//! signed note), the *high-water mark* outside the data base is raised to it, tiles are written and the plan is *applied*
//! in one transaction; then the checkpoint is published. The next round goes on from whatever it finds: there is never a
//! second note for a size. Keeps: the key that signs, in memory. Drops: objects; leaves have their hashes only.

mod cosigned;
mod export;
mod files;
mod highwater;
mod verify;
mod witness;

pub use cosigned::CosignError;
pub use export::Put;
pub use verify::{Verified, verify};
pub use witness::{Memory, Witness, beside, replace, reviewer_key};

use crate::store::{BookHead, ClinicRow, ClinicStore, Plan, Queued, StoreError};
use auscult_report::bounded::Bounded;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::{Hash, LedgerId, SensorId};
use auscult_report::merkle::{Growing, consistency, inclusion, leaf_hash, root};
use auscult_report::note::{NoteKey, NoteKind, NoteSigner};
use auscult_report::receipt::{Inclusion, Proven};
use auscult_report::tile::reader;
use auscult_report::time::Timestamp;
use files::Files;
use highwater::{HighWater, Mark};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The keeper of all ledgers of a provider.
pub struct Ledger {
    name: String,
    seed: [u8; 32],
    files: Files,
    highwater: HighWater,
    /// Heads that were the newest that was signed, by generation and size.
    current: Mutex<BTreeMap<LedgerId, (u32, u64)>>,
}

impl Ledger {
    /// The keeper that signs as `name` with the key of `seed`. Tiles and checkpoints go to `tiles`, the high-water marks
    /// to `highwater`: a folder that must never be restored together with the data base.
    ///
    /// # Errors
    /// If a folder cannot be made, or the name cannot stand in a note.
    pub fn open(name: &str, seed: [u8; 32], tiles: &Path, highwater: &Path) -> Result<Ledger, LedgerError> {
        if NoteSigner::new(name, &seed).is_none() {
            return Err(LedgerError::Broken(format!("{name:?} cannot be the name of a ledger's keeper")));
        }
        let files = Files::open(tiles)?;
        Ok(Ledger {
            name: name.to_owned(),
            seed,
            files,
            highwater: HighWater::open(highwater)?,
            current: Mutex::default(),
        })
    }

    /// The first line of a clinic's checkpoints, and the name of the key that signs them.
    #[must_use]
    pub fn origin(&self, clinic: &ClinicRow) -> String {
        format!("{}/ledger/{}/{}", self.name, clinic.ledger, clinic.generation)
    }

    /// The key by which a clinic's checkpoints are checked.
    ///
    /// # Errors
    /// Never, once the keeper is open.
    pub fn key(&self, clinic: &ClinicRow) -> Result<NoteKey, LedgerError> {
        Ok(self.signer(clinic)?.key(NoteKind::Ed25519))
    }

    fn signer(&self, clinic: &ClinicRow) -> Result<NoteSigner, LedgerError> {
        let origin = self.origin(clinic);
        NoteSigner::new(&origin, &self.seed).ok_or_else(|| LedgerError::Broken(format!("{origin:?} is no name")))
    }

    /// One round: takes in what waits, at most [`MOST_LEAVES`]. Gives the newest checkpoint, `None` if there is none yet.
    ///
    /// # Errors
    /// [`LedgerError::Store`] if it was not done: try again. [`LedgerError::HighWater`] and [`LedgerError::Broken`] if
    /// signing would contradict what was signed: a person must look.
    pub fn round(&self, store: &ClinicStore, now: Timestamp) -> Result<Option<BookHead>, LedgerError> {
        self.round_up_to(store, now, None)
    }

    /// Rounds until nothing waits.
    ///
    /// # Errors
    /// As [`Ledger::round`].
    pub fn take_all(&self, store: &ClinicStore, now: Timestamp) -> Result<Option<BookHead>, LedgerError> {
        loop {
            let head = self.round(store, now)?;
            if store.queued()? == 0 {
                return Ok(head);
            }
        }
    }

    /// A round that ends before a step, as if the power had gone there: for tests of what the next round makes of it.
    ///
    /// # Errors
    /// As [`Ledger::round`].
    pub fn round_up_to(
        &self,
        store: &ClinicStore,
        now: Timestamp,
        end: Option<Step>,
    ) -> Result<Option<BookHead>, LedgerError> {
        let clinic = store.clinic()?;
        // The service and an operator's command may both want a round: one after the other.
        let _alone = self.highwater.alone(&clinic)?;
        if let Some(plan) = self.plan(store, &clinic)? {
            if end == Some(Step::HighWater) {
                return Ok(None);
            }
            let (head, _) = store.book()?;
            let waiting = store.queue(plan.last_queue_id, MOST_LEAVES)?;
            let grown = self.grown(&clinic, head.as_ref(), &waiting)?;
            if (grown.size(), grown.root()) != (plan.size, plan.root) {
                return Err(LedgerError::Broken("the queue does not give the root that was planned".to_owned()));
            }
            self.highwater.raise(&clinic, &Mark { size: plan.size, note: plan.note.clone() })?;
            if end == Some(Step::Tiles) {
                return Ok(None);
            }
            let old = head.map_or(0, |h| h.size);
            let leaves: Vec<&[u8]> = waiting.iter().map(|q| q.leaf.as_slice()).collect();
            self.files.grow(store, &clinic, old, &leaves)?;
            let read = reader(plan.size, |tile| self.files.tile(&clinic, tile));
            if root(plan.size, read) != Some(plan.root) {
                return Err(LedgerError::Broken("the tiles written do not give the root that was planned".to_owned()));
            }
            if end == Some(Step::Apply) {
                return Ok(None);
            }
            store.apply_round(&plan, now)?;
            if end == Some(Step::Publish) {
                return Ok(None);
            }
            self.files.publish(&clinic, &plan.note)?;
            self.files.forget(&clinic, old, plan.size)?;
        }
        let (head, _) = store.book()?;
        if let Some(head) = &head {
            self.files.publish(&clinic, &head.note)?;
        }
        Ok(head)
    }

    /// The round that was begun, or a new one. `None`: nothing waits.
    fn plan(&self, store: &ClinicStore, clinic: &ClinicRow) -> Result<Option<Plan>, LedgerError> {
        let mut ours = None;
        let plan = store.plan_round(MOST_LEAVES, |head, waiting| {
            self.make_plan(clinic, head, waiting).map_err(|e| {
                let said = StoreError::Conflict(e.to_string());
                ours = Some(e);
                said
            })
        });
        plan.map_err(|e| ours.unwrap_or(LedgerError::Store(e)))
    }

    fn make_plan(&self, clinic: &ClinicRow, head: Option<&BookHead>, waiting: &[Queued]) -> Result<Plan, LedgerError> {
        self.highwater.allows(clinic, head.map(|h| (h.size, h.note.as_str())))?;
        let grown = self.grown(clinic, head, waiting)?;
        let last_queue_id = waiting.last().map_or(0, |q| q.id);
        let checkpoint = Checkpoint { origin: self.origin(clinic), size: grown.size(), root: grown.root() };
        let note = checkpoint.sign(&self.signer(clinic)?);
        Ok(Plan { last_queue_id, size: checkpoint.size, root: checkpoint.root, note })
    }

    /// The tree after `waiting`, read from the tiles below the head; they must give the head's root.
    fn grown(&self, clinic: &ClinicRow, head: Option<&BookHead>, waiting: &[Queued]) -> Result<Growing, LedgerError> {
        let mut tree = Growing::new();
        if let Some(head) = head {
            let read = reader(head.size, |tile| self.files.tile(clinic, tile));
            tree = Growing::resume(head.size, read).filter(|t| t.root() == head.root).ok_or_else(|| {
                LedgerError::Broken(format!(
                    "the tiles of clinic {} do not give the root of its checkpoint of {} leaves: a file was changed or \
                     is missing; make them again from the data base with `ledger tiles {}`",
                    clinic.name, head.size, clinic.name
                ))
            })?;
        }
        waiting.iter().for_each(|q| tree.push(&leaf_hash(&q.leaf)));
        Ok(tree)
    }

    /// Makes all tiles again from the leaves in the data base; they must give the root of the checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] if the leaves are not those of the checkpoint.
    pub fn make_tiles(&self, store: &ClinicStore) -> Result<u64, LedgerError> {
        let clinic = store.clinic()?;
        let (Some(head), _) = store.book()? else { return Ok(0) };
        let mut tree = Growing::new();
        let mut leaves: Vec<Vec<u8>> = Vec::new();
        while tree.size() < head.size {
            let more = store.leaves(tree.size(), MOST_LEAVES)?;
            if more.is_empty() {
                break;
            }
            let left = usize::try_from(head.size.saturating_sub(tree.size())).unwrap_or(usize::MAX);
            for leaf in more.into_iter().take(left) {
                tree.push(&leaf_hash(&leaf));
                leaves.push(leaf);
            }
        }
        if (tree.size(), tree.root()) != (head.size, head.root) {
            let name = &clinic.name;
            return Err(LedgerError::Broken(format!("the leaves of clinic {name} do not give its checkpoint's root")));
        }
        self.files.grow(store, &clinic, 0, &leaves.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        self.files.publish(&clinic, &head.note)?;
        Ok(head.size)
    }

    /// What a sensor gets of the ledger: the newest checkpoint, its newest report in it, and that what it has seen is the
    /// beginning. `None` if there is no checkpoint yet, or the archive was restored from a backup.
    ///
    /// # Errors
    /// If store or tiles cannot be read.
    pub fn proven(
        &self,
        store: &ClinicStore,
        sensor: SensorId,
        seen: Option<u64>,
    ) -> Result<Option<Proven>, LedgerError> {
        let (clinic, head, newest) = store.proof_base(sensor)?;
        let Some(head) = head.filter(|head| self.is_current(&clinic, head)) else { return Ok(None) };
        let missing = || LedgerError::Broken(format!("the tiles of clinic {} cannot be read", clinic.name));
        let mut read = reader(head.size, |tile| self.files.remembered(&clinic, tile));
        let inclusion = match newest.filter(|(_, _, index)| *index < head.size) {
            Some((place, received, index)) => {
                let proof = inclusion(index, head.size, &mut read).ok_or_else(missing)?;
                Some(Inclusion { place, received, index, proof: Bounded::first_of(proof).0 })
            }
            None => None,
        };
        // A sensor that has seen more than there is learns so by the size; nothing can be proven to it.
        let old = seen.unwrap_or(0);
        let consistency = if old > head.size { Vec::new() } else { self.between(&clinic, old, head.size)? };
        let note = Bounded::try_from(head.note.into_bytes()).map_err(|_| missing())?;
        Ok(Some(Proven { note, inclusion, consistency: Bounded::first_of(consistency).0 }))
    }

    /// Whether a head was the newest that was signed since this program began. Behind a restored backup none is: who showed it
    /// would be accused of a second ledger, before a person could say what happened.
    fn is_current(&self, clinic: &ClinicRow, head: &BookHead) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let this = (clinic.generation, head.size);
        if current.get(&clinic.ledger) == Some(&this) {
            return true;
        }
        let is_newest = self.highwater.allows(clinic, Some((head.size, head.note.as_str()))).is_ok();
        if is_newest {
            current.insert(clinic.ledger, this);
        }
        is_newest
    }

    /// Proof that the first `old` leaves are the beginning of the first `new`.
    fn between(&self, clinic: &ClinicRow, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
        let read = reader(new, |tile| self.files.remembered(clinic, tile));
        consistency(old, new, read)
            .ok_or_else(|| LedgerError::Broken(format!("the tiles of clinic {} cannot be read", clinic.name)))
    }

    /// Believes the data base where the high-water mark is missing: a person says that it was not restored.
    ///
    /// # Errors
    /// If there is a mark: it is never lowered.
    pub fn accept_head(&self, store: &ClinicStore) -> Result<(), LedgerError> {
        let clinic = store.clinic()?;
        match store.book()?.0 {
            Some(head) => self.highwater.set_first(&clinic, &Mark { size: head.size, note: head.note }),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({})", self.name)
    }
}

/// The steps of a round behind its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Raising the high-water mark.
    HighWater,
    /// Writing the tiles.
    Tiles,
    /// Applying the plan.
    Apply,
    /// Publishing the checkpoint.
    Publish,
}

/// Why a round did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The store did not do it: the next round will.
    Store(StoreError),
    /// A file could not be written: the next round will.
    Disk(String),
    /// The data base is behind what was signed: it was restored. The sentence says what to do.
    HighWater(String),
    /// What is there contradicts itself: stop. The sentence says what to do.
    Broken(String),
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> LedgerError {
        LedgerError::Store(error)
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::Store(e) => e.fmt(f),
            LedgerError::Disk(why) | LedgerError::HighWater(why) | LedgerError::Broken(why) => {
                write!(f, "ledger: {why}")
            }
        }
    }
}

impl std::error::Error for LedgerError {}

/// Leaves of one round: its transaction stays below half a second.
const MOST_LEAVES: u32 = 4_096;
