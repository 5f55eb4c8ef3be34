//! The high-water mark: the newest checkpoint that was ever signed for a ledger, in a file outside the data base.
//!
//! Keeps: generation, size and note. Who can lower it and restore an old data base can make us sign two trees: it must
//! not be part of the same backup. Drops: older marks.

use super::LedgerError;
use super::files::{durable, failed};
use crate::store::ClinicRow;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The marks of all ledgers, a file each.
pub(super) struct HighWater(PathBuf);

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) size: u64,
    pub(super) note: String,
}

impl HighWater {
    pub(super) fn open(folder: &Path) -> Result<HighWater, LedgerError> {
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        Ok(HighWater(folder.to_path_buf()))
    }

    /// Whether a checkpoint behind `head` (size, note) may be signed.
    pub(super) fn allows(&self, clinic: &ClinicRow, head: Option<(u64, &str)>) -> Result<(), LedgerError> {
        let name = &clinic.name;
        match (self.read(clinic)?, head) {
            (None, None) => Ok(()),
            (Some((generation, _)), None) if generation < clinic.generation => Ok(()),
            (Some((generation, mark)), Some((size, note)))
                if generation == clinic.generation && (mark.size, mark.note.as_str()) == (size, note) =>
            {
                Ok(())
            }
            (None, Some(_)) => Err(LedgerError::HighWater(format!(
                "the high-water mark of clinic {name} is missing. If the data base was not restored from a backup, say so \
                 with `ledger accept-head {name}`; if it was, begin a new ledger with `ledger new-generation {name}`"
            ))),
            (Some((_, mark)), head) => Err(LedgerError::HighWater(format!(
                "{} leaves of clinic {name} were signed, the data base has {}: it was restored from a backup. Nothing is \
                 signed, because it would be a second ledger. Restore the newer data base, or begin a new ledger with \
                 `ledger new-generation {name}`: sensors will send again what they still have",
                mark.size,
                head.map_or(0, |(size, _)| size)
            ))),
        }
    }

    /// Raises the mark, durably. The very same mark again is fine.
    pub(super) fn raise(&self, clinic: &ClinicRow, to: &Mark) -> Result<(), LedgerError> {
        if let Some((generation, mark)) = self.read(clinic)? {
            let is_older = generation < clinic.generation || (generation == clinic.generation && mark.size < to.size);
            if generation == clinic.generation && mark == *to {
                return Ok(());
            }
            if !is_older {
                return Err(LedgerError::HighWater(format!(
                    "a checkpoint of {} leaves of clinic {} was signed already, and it is not the one that is planned. \
                     Nothing is signed. Restore the newer data base, or begin a new ledger with `ledger new-generation {}`",
                    mark.size, clinic.name, clinic.name
                )));
            }
        }
        self.write(clinic, to)
    }

    /// Writes a mark where there is none.
    pub(super) fn set_first(&self, clinic: &ClinicRow, mark: &Mark) -> Result<(), LedgerError> {
        match self.read(clinic)? {
            None => self.write(clinic, mark),
            Some(_) => Err(LedgerError::HighWater(format!("clinic {} has a high-water mark", clinic.name))),
        }
    }

    /// Waits until no other program works on this ledger; until the file is dropped, none does.
    pub(super) fn alone(&self, clinic: &ClinicRow) -> Result<File, LedgerError> {
        let path = self.path(clinic).with_extension("lock");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(|e| failed(&path, &e))?;
        file.lock().map_err(|e| failed(&path, &e))?;
        Ok(file)
    }

    fn write(&self, clinic: &ClinicRow, mark: &Mark) -> Result<(), LedgerError> {
        let text = format!("{} {}\n{}", clinic.generation, mark.size, mark.note);
        durable(&self.path(clinic), text.as_bytes())
    }

    fn read(&self, clinic: &ClinicRow) -> Result<Option<(u32, Mark)>, LedgerError> {
        let path = self.path(clinic);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(&path, &e)),
        };
        let mark = text.split_once('\n').and_then(|(first, note)| {
            let (generation, size) = first.split_once(' ')?;
            Some((generation.parse().ok()?, Mark { size: size.parse().ok()?, note: note.to_owned() }))
        });
        mark.map(Some).ok_or_else(|| LedgerError::Broken(format!("{} is no high-water mark", path.display())))
    }

    fn path(&self, clinic: &ClinicRow) -> PathBuf {
        self.0.join(clinic.ledger.to_string())
    }
}
