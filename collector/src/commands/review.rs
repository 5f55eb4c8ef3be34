//! What a reviewer is given: `ledger export`. `reviewer` checks it.
//!
//! Keeps: nothing. Drops: nothing; a folder that does not verify is left as it is, so that somebody can look at it.

use super::reviewer::verified;
use super::{Done, read};
use crate::Brought;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ledger::Ledger;
use auscult_collector::review;
use auscult_collector::run::now;
use auscult_collector::store::ClinicStore;
use std::io::Write;
use std::path::Path;

/// Writes the folder and checks it.
pub(super) fn export(
    ledger: &Ledger,
    clinic: &ClinicStore,
    folder: &Path,
    since: Option<&Path>,
    out: &mut impl Write,
) -> Done {
    let since = since.map(|path| read(path).map_err(|e| format!("{}: {e}", path.display()))).transpose()?;
    let knowledge = Knowledge::compiled();
    let size = review::export((ledger, &knowledge), clinic, folder, since.as_deref(), now()?)?;
    writeln!(out, "{size} entries are in {}", folder.display())?;
    verified(folder, &Brought::default(), out)
}
