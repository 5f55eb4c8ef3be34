//! A clinic's record in a reviewer's hands, whole and offline: a folder is written here, and checked here without settings, archive or
//! network.
//!
//! A reviewer trusts nobody: from the signed tree to each report and statement ([`objects`]), from these to an archive that is made
//! again by the same door in the same order, and from that to findings, which must be those that were shown ([`repeated`]). Keeps: an
//! archive in a scratch folder, until the check ends. Drops: what people decided about findings: it is read, not repeated.

mod daily;
mod findings;
mod objects;
mod repeated;
mod reviewers;

use crate::judge::Judge;
use crate::ledger::{self, Ledger, LedgerError, Put, Verified};
use crate::store::{ClinicStore, StoreError};
use auscult_assess::knowledge::Knowledge;
use auscult_report::time::Timestamp;
use daily::Daily;
pub use daily::state;
use findings::Shown;
pub use findings::subject_words;
use objects::Record;
use repeated::Repeated;
use reviewers::Reviewers;
use std::fmt;
use std::fs;
use std::path::Path;

/// Gives each file of a reviewer's folder to `put` by its name: the ledger with everything that it stands for, and the findings that
/// are shown of it at `now`. `since` is the checkpoint that the reviewer holds. Gives the entries of the ledger.
///
/// # Errors
/// If nothing has come for the ledger yet, something cannot be read, or `put` fails.
pub fn parts(
    (ledger, knowledge): (&Ledger, &Knowledge),
    store: &ClinicStore,
    since: Option<&[u8]>,
    now: Timestamp,
    put: &mut Put<'_>,
) -> Result<u64, ExportError> {
    Judge::new(knowledge).catch_up(store, now)?;
    let shown = Shown::of(store, knowledge, now)?;
    let size = ledger.parts(store, since, put)?;
    put(FINDINGS, shown.text().as_bytes())?;
    Ok(size)
}

/// The same, into a folder that is new or empty.
///
/// # Errors
/// As [`parts`]; if the folder holds something.
pub fn export(
    by: (&Ledger, &Knowledge),
    store: &ClinicStore,
    folder: &Path,
    since: Option<&[u8]>,
    now: Timestamp,
) -> Result<u64, ExportError> {
    let failed = |path: &Path, e: &std::io::Error| LedgerError::Disk(format!("{}: {e}", path.display()));
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    if fs::read_dir(folder).map_err(|e| failed(folder, &e))?.next().is_some() {
        return Err(LedgerError::Disk(format!("{} is not empty: name a new folder", folder.display())).into());
    }
    parts(by, store, since, now, &mut |name, octets| {
        let path = folder.join(name);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above).and_then(|()| fs::write(&path, octets)).map_err(|e| failed(&path, &e))
    })
}

/// Checks a folder and gives each claim that holds to `say`, in one line. `scratch` is an empty folder of this check alone: the archive
/// is made again in it.
///
/// # Errors
/// The first claim that does not hold, in one sentence.
pub fn verify(
    folder: &Path,
    scratch: &Path,
    knowledge: &Knowledge,
    say: &mut impl FnMut(&str),
) -> Result<Verified, String> {
    let found = ledger::verify(folder, say)?;
    behind(folder, &found, scratch, knowledge, say)?;
    Ok(found)
}

/// The same behind the entries, where the ledger alone was verified and `found`.
///
/// # Errors
/// As [`verify`].
pub fn behind(
    folder: &Path,
    found: &Verified,
    scratch: &Path,
    knowledge: &Knowledge,
    say: &mut impl FnMut(&str),
) -> Result<(), String> {
    let record = Record::open(folder)?;
    let objects = record.objects()?;
    say(&objects.said());
    let repeated = Repeated::new(&record, scratch)?;
    let (mut daily, mut reviewers) = (Daily::new(knowledge), Reviewers::default());
    repeated.take_in(&record, &objects, (&mut daily, &mut reviewers))?;
    repeated.said(&objects, say)?;
    say(reviewers.check(&found.reviewers)?);
    say(&record.roots(&objects)?);
    say(&daily.said());
    findings::check(&record, &repeated, &daily, say)
}

/// The file of the findings that are shown.
const FINDINGS: &str = "findings";

/// Why no folder was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// The archive could not be read.
    Store(StoreError),
    /// The ledger could not, or the folder not be written.
    Ledger(LedgerError),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> ExportError {
        ExportError::Store(error)
    }
}

impl From<LedgerError> for ExportError {
    fn from(error: LedgerError) -> ExportError {
        ExportError::Ledger(error)
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Store(e) => e.fmt(f),
            ExportError::Ledger(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for ExportError {}
