//! What a reviewer is given and how it is checked: `ledger export`, `ledger verify`.
//!
//! Keeps: nothing. Drops: nothing; a folder that does not verify is left as it is, so that somebody can look at it.

use super::{Done, EXIT_PERSON};
use auscult_collector::ledger::{Ledger, verify};
use auscult_collector::store::ClinicStore;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// Writes the folder and checks it.
pub(super) fn export(
    ledger: &Ledger,
    clinic: &ClinicStore,
    folder: &Path,
    since: Option<&Path>,
    out: &mut impl Write,
) -> Done {
    let since = since.map(|path| read(path).map_err(|e| format!("{}: {e}", path.display()))).transpose()?;
    let size = ledger.export(clinic, folder, since.as_deref())?;
    writeln!(out, "{size} entries are in {}", folder.display())?;
    verified(folder, out)
}

/// Checks a folder: a line for each claim; the first that does not hold ends it.
pub(super) fn verified(folder: &Path, out: &mut impl Write) -> Done {
    let mut told = Ok(());
    let holds = verify(folder, &mut |claim| {
        if told.is_ok() {
            told = writeln!(out, "{claim}");
        }
    });
    told?;
    match holds {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(why) => {
            writeln!(out, "FAILED: {why}")?;
            Ok(ExitCode::from(EXIT_PERSON))
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MOST_NOTE).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Longest checkpoint.
const MOST_NOTE: u64 = 65_536;
