//! What may change, clinic by clinic: the only room that speaks SQL.
//!
//! [`Store`] is the provider's: it opens, migrates, and hands out [`ClinicStore`], the only handle that the rooms below
//! get; each of its statements names the clinic. One method is one question, or one named transaction.
//! Keeps: what `collector/schema/` lists. Drops: nothing that was acknowledged; a method that fails has changed nothing.

mod assets;
mod audit;
mod batch;
mod board;
mod book;
mod cosign;
mod decisions;
mod enrol;
mod evidence;
mod findings;
mod fleet;
mod identity;
mod lists;
mod news;
mod notes;
mod objects;
mod outbox;
mod people;
mod plans;
mod proposals;
mod repeat;
mod reset;
mod sqlite;
mod token;
mod watch;

pub use assets::{Asset, AssetKey, AssetService, Listened};
pub use audit::{AuditRow, Deed};
pub use batch::{Batch, Held, NewReport, Standing};
pub use board::{CodeRow, EvidenceRow, SensorDetail, StripRow};
pub use book::{BookHead, Plan, ProofBase, Queued};
pub use cosign::{Cosignature, MOST_KEYS, ReviewerKey};
pub use decisions::{Decision, FindingId};
pub use enrol::{Enrolling, OpenCode, SensorHint};
pub use evidence::{Counts, Kept, KnownSensor};
pub use findings::{FindingRow, Judged, Step, StepRow};
pub(crate) use fleet::STATEMENT;
pub use fleet::{ClinicRow, NewClinic, SensorRow, SensorState, Statement};
pub use identity::Flow;
pub use lists::{CodeLine, FindingKey, FindingLine, Which};
pub use news::{DueKind, Matter, News};
pub use notes::Notes;
pub use outbox::{Backlog, Fate, NewParcel, Parcel, Told};
pub(crate) use people::SESSION_MS;
pub use people::{GrantRow, Invitation, NewPerson, PersonId, PersonRow, SessionRow};
pub use plans::{NOBODY, PlanEvent};
pub use proposals::{Comment, Proposal};
pub use token::{Claimed, KeptAnswer, Keyed, NewToken, TokenId, TokenRow};
pub use watch::{Record, Watched};

use auscult_report::key::{LedgerId, SensorId};
use auscult_report::time::Timestamp;
use sqlite::Database;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The archive of a provider. Clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
}

impl Store {
    /// Opens the archive, or makes it, and brings its schema up to this program's. `most_octets` is the size at which it
    /// refuses to grow.
    ///
    /// # Errors
    /// If it cannot be opened, or was written by a newer program: then the sentence says what to do.
    pub fn open(path: &Path, most_octets: u64, now: Timestamp) -> Result<Store, StoreError> {
        Ok(Store { database: Arc::new(Database::open(path, most_octets, now)?) })
    }

    /// The clinic of this name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn clinic_named(&self, name: &str) -> Result<Option<ClinicStore>, StoreError> {
        let found = self.database.ask("clinic named", |reader| fleet::named(reader, name))?;
        Ok(found.map(|id| self.of(id)))
    }

    /// Every clinic's handle, in the order of their names.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn each_clinic(&self) -> Result<Vec<ClinicStore>, StoreError> {
        Ok(self.clinics()?.into_iter().map(|c| self.of(c.id)).collect())
    }

    fn of(&self, clinic: ClinicId) -> ClinicStore {
        ClinicStore { database: Arc::clone(&self.database), clinic }
    }

    /// Looks for damage in the file. `None`: there is none.
    ///
    /// # Errors
    /// If it cannot be read at all.
    pub fn damage(&self) -> Result<Option<String>, StoreError> {
        let found: String = self.database.read("damage", |c| {
            Ok(c.query_row("PRAGMA integrity_check", [], |row| row.get(0))?) // no clinic: the whole file
        })?;
        Ok((found != "ok").then_some(found))
    }

    /// Many items in one transaction: all of it is on the disk when this returns, or nothing.
    ///
    /// # Errors
    /// If it could not be written, or `work` failed.
    pub fn batch<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Batch<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.database.write(name, |tx| work(&Batch::new(tx)))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// What is kept of one clinic. Rooms below cannot reach another clinic with it.
#[derive(Clone)]
pub struct ClinicStore {
    database: Arc<Database>,
    clinic: ClinicId,
}

impl ClinicStore {
    /// The clinic.
    #[must_use]
    pub const fn id(&self) -> ClinicId {
        self.clinic
    }
}

impl fmt::Debug for ClinicStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClinicStore({})", self.clinic)
    }
}

/// A clinic: a random number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClinicId(pub [u8; 16]);

impl fmt::Display for ClinicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for ClinicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClinicId({self})")
    }
}

/// Why the store did not do what it was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another program holds the data base: try again.
    Busy(&'static str),
    /// There is no room, or the disk refuses to write: try again when there is.
    Full(&'static str),
    /// What was asked contradicts what is there; the sentence says what.
    Conflict(String),
    /// The file is not what this program can use; the sentence says what to do.
    Schema(String),
    /// The state is not known: stop and look.
    Broken(&'static str, String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Busy(doing) => write!(f, "store: {doing}: another program holds the data base; try again"),
            StoreError::Full(doing) => write!(f, "store: {doing}: no room, or the disk refuses to write"),
            StoreError::Conflict(what) => write!(f, "store: {what}"),
            StoreError::Schema(what) => write!(f, "store: {what}"),
            StoreError::Broken(doing, why) => write!(f, "store: {doing}: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A number as SQLite has it. Nothing here reaches its bound: places beyond it are refused at the door.
fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A length as SQLite has it.
fn length(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn nat(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// What the rows of a sensor begin with.
type Of = (ClinicId, SensorId);

/// What a report says that it belongs to.
pub type Claim = (LedgerId, SensorId);
