//! What a reviewer is given and how it is checked: `ledger export`, `ledger verify`.
//!
//! Keeps: a scratch folder while it checks. Drops: nothing; a folder that does not verify is left as it is, so that somebody can look
//! at it.

use super::{Done, EXIT_PERSON};
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ledger::{self, Ledger};
use auscult_collector::review;
use auscult_collector::run::now;
use auscult_collector::store::ClinicStore;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
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
    let knowledge = Knowledge::compiled();
    let size = review::export((ledger, &knowledge), clinic, folder, since.as_deref(), now()?)?;
    writeln!(out, "{size} entries are in {}", folder.display())?;
    verified(folder, false, out)
}

/// Checks a folder, or its ledger alone: a line for each claim; the first that does not hold ends it.
pub(super) fn verified(folder: &Path, ledger_alone: bool, out: &mut impl Write) -> Done {
    let mut told = Ok(());
    let mut say = |claim: &str| {
        if told.is_ok() {
            told = writeln!(out, "{claim}");
        }
    };
    let holds = if ledger_alone {
        ledger::verify(folder, &mut say)
    } else {
        let scratch = Scratch::new()?;
        review::verify(folder, &scratch.0, &Knowledge::compiled(), &mut say)
    };
    told?;
    match holds {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(why) => {
            writeln!(out, "FAILED: {why}")?;
            Ok(ExitCode::from(EXIT_PERSON))
        }
    }
}

/// A folder that nobody else can look into, gone when the check ends: what is in it is as confidential as the reports.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, String> {
        let folder = std::env::temp_dir().join(format!("auscult-review-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|e| format!("{}: {e}; TMPDIR names another place for scratch files", folder.display()))?;
        Ok(Scratch(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in a folder of this user alone.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MOST_NOTE).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Longest checkpoint.
const MOST_NOTE: u64 = 65_536;
