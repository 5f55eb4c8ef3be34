//! A reviewer's visit, at his desk and at the archive's: `reviewer new-key`, `ledger verify`, `ledger cosign`.
//!
//! Keeps: a scratch folder while it checks; what he verified, in his own file, once every claim held. Drops: nothing; what does not hold leaves all files as they were.

use super::scratch::Scratch;
use super::{Done, EXIT_PERSON, read};
use crate::Brought;
use auscult_assess::knowledge::Knowledge;
use auscult_collector::ledger::{Ledger, Memory, Verified, Witness, beside, replace, verify};
use auscult_collector::review::behind;
use auscult_collector::run::now;
use auscult_collector::store::ClinicStore;
use auscult_report::note::NoteKey;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn new_key(file: &Path, name: &str, out: &mut impl Write) -> Done {
    let key = Witness::make(file, name)?.key();
    let file = file.display();
    writeln!(out, "{file}: made; who has it cosigns in your name: keep it where nobody else reads it, and a copy")?;
    writeln!(out, "vkey {}", key.vkey())?;
    writeln!(
        out,
        "Give the line behind vkey to the clinic, which registers it on its page Reviews. Let it read you the eight digits:"
    )?;
    writeln!(out, "{:08x}. At each visit, with the record that the clinic gives you:", key.id())?;
    writeln!(out, "    auscult-collector ledger verify FOLDER --state CLINIC.state --key {file}")?;
    writeln!(out, "and hand in CLINIC.state.cosigned on the page Reviews.")?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a folder: a line for each claim; the first that does not hold ends it.
pub(super) fn verified(folder: &Path, brought: &Brought, out: &mut impl Write) -> Done {
    let key = brought.key.as_deref().map(Witness::read).transpose()?;
    let memory = brought.state.as_deref().map(Memory::open).transpose()?;
    let mut told = Ok(());
    let mut say = |claim: &str| {
        if told.is_ok() {
            told = writeln!(out, "{claim}");
        }
    };
    let scratch = if brought.ledger_alone { None } else { Some(Scratch::new()?) };
    let holds = verify(folder, &mut say).and_then(|found| {
        memory.as_ref().map_or(Ok(()), |memory| memory.agrees(folder, &found, &mut say))?;
        scratch.map_or(Ok(()), |own| behind(folder, &found, own.path(), &Knowledge::compiled(), &mut say))?;
        Ok(found)
    });
    told?;
    match (holds, memory) {
        (Ok(found), Some(memory)) => {
            // Remembered first: what was cosigned must never be forgotten.
            let at = now()?;
            memory.keep(&found, at)?;
            let Some((key, state)) = key.zip(brought.state.as_deref()) else { return Ok(ExitCode::SUCCESS) };
            let file = brought.cosignature.clone().unwrap_or_else(|| beside(state, ".cosigned"));
            cosign(&key.key(), &found, (&file, &key.cosigned(&found, at)), out)
        }
        (Ok(_), None) => Ok(ExitCode::SUCCESS),
        (Err(why), _) => {
            writeln!(out, "FAILED: {why}")?;
            Ok(ExitCode::from(EXIT_PERSON))
        }
    }
}

fn cosign(key: &NoteKey, found: &Verified, (file, note): (&Path, &str), out: &mut impl Write) -> Done {
    replace(file, note.as_bytes())?;
    writeln!(out, "cosigned as {}: hand in {}, which holds:\n\n{note}", key.name(), file.display())?;
    if !found.reviewers.contains(key) {
        let vkey = key.vkey();
        writeln!(
            out,
            "This record does not list your key: until the clinic has registered it, nothing is taken in.\nvkey {vkey}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes in what a reviewer handed over.
pub(super) fn take(ledger: &Ledger, clinic: &ClinicStore, file: &Path, out: &mut impl Write) -> Done {
    let octets = read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let kept = ledger.take_cosigned(clinic, &octets, now()?).map_err(|e| format!("{}: {e}", file.display()))?;
    for kept in &kept {
        let name = kept.signer.split('+').next().unwrap_or_default();
        writeln!(out, "kept: up to entry {}, cosigned by {name}", kept.size)?;
    }
    Ok(ExitCode::SUCCESS)
}
