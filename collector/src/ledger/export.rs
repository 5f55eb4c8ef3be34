//! A clinic's ledger as a folder for a reviewer: what a verifier that knows nothing of us needs, in C2SP's layout.
//!
//! Keeps: the newest checkpoint, every tile and entry below it, the proof of its last leaf, the key, the checkpoint that the
//! reviewer holds from before, the keys of reviewers, and the newest checkpoint that each cosigned. Drops: judgement; files are copied as they were published, and [`super::verify()`] looks at them.

use super::{Ledger, LedgerError, failed};
use crate::store::{ClinicRow, ClinicStore};
use auscult_report::merkle::inclusion;
use auscult_report::tile::{self, Tile, new_tiles, reader};
use base64ct::{Base64, Encoding};
use std::fs;
use std::path::Path;

impl Ledger {
    /// Writes `vkeys`, `checkpoint`, `checkpoint.old` (if the reviewer named one), `proof`, `tile/`, `reviewers` and `cosigned/` (if
    /// keys are registered) into a folder that is new or empty. No round runs meanwhile. Gives the leaves of the checkpoint.
    ///
    /// # Errors
    /// If there is no checkpoint yet, the folder holds something, or a file cannot be read or written.
    pub fn export(&self, store: &ClinicStore, folder: &Path, since: Option<&[u8]>) -> Result<u64, LedgerError> {
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        if fs::read_dir(folder).map_err(|e| failed(folder, &e))?.next().is_some() {
            return Err(LedgerError::Disk(format!("{} is not empty: name a new folder", folder.display())));
        }
        self.parts(store, since, &mut |name, octets| write(folder, name, octets))
    }

    /// The same, each file given to `put` by its name.
    ///
    /// # Errors
    /// If there is no checkpoint yet, a file cannot be read, or `put` fails.
    pub fn parts(&self, store: &ClinicStore, since: Option<&[u8]>, put: &mut Put<'_>) -> Result<u64, LedgerError> {
        let clinic = store.clinic()?;
        let _alone = self.highwater.alone(&clinic)?;
        let Some(head) = store.book()?.0 else {
            return Err(LedgerError::Disk(format!("nothing has come for the ledger of {} yet", clinic.name)));
        };
        put("vkeys", format!("{}\n", self.key(&clinic)?.vkey()).as_bytes())?;
        put("checkpoint", head.note.as_bytes())?;
        if let Some(since) = since {
            put("checkpoint.old", since)?;
        }
        for tile in new_tiles(0, head.size) {
            let missing = || LedgerError::Broken(format!("{} of clinic {} cannot be read", tile.path(), clinic.name));
            put(&tile.path(), &self.files.tile(&clinic, tile).ok_or_else(missing)?)?;
            if tile.level == 0 {
                put(&tile.entries_path(), &self.files.bundle(&clinic, tile).ok_or_else(missing)?)?;
            }
        }
        put("proof", self.last_leaf(&clinic, head.size, &head.note)?.as_bytes())?;
        self.cosigned_parts(store, &head, put)?;
        Ok(head.size)
    }

    /// The proof that the last leaf stands in the ledger, alone (C2SP tlog-proof).
    fn last_leaf(&self, clinic: &ClinicRow, size: u64, note: &str) -> Result<String, LedgerError> {
        let missing = || LedgerError::Broken(format!("the last leaf of clinic {} cannot be read", clinic.name));
        let index = size.saturating_sub(1);
        let tile = Tile::within(0, index / WIDTH, size).ok_or_else(missing)?;
        let bundle = self.files.bundle(clinic, tile).ok_or_else(missing)?;
        let leaf =
            tile::entries(&bundle).and_then(|e| e.last().map(|l| Base64::encode_string(l))).ok_or_else(missing)?;
        let proof = inclusion(index, size, reader(size, |tile| self.files.tile(clinic, tile))).ok_or_else(missing)?;
        let mut text = format!("{PROOF}\nextra {leaf}\nindex {index}\n");
        proof.iter().for_each(|hash| text.extend([&Base64::encode_string(hash), "\n"]));
        Ok(format!("{text}\n{note}"))
    }
}

fn write(folder: &Path, name: &str, octets: &[u8]) -> Result<(), LedgerError> {
    let path = folder.join(name);
    let above = path.parent().unwrap_or(folder);
    fs::create_dir_all(above).and_then(|()| fs::write(&path, octets)).map_err(|e| failed(&path, &e))
}

/// The first line of a proof that stands alone (C2SP tlog-proof).
pub(super) const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// Takes a file of an export: its name, its octets.
pub type Put<'a> = dyn FnMut(&str, &[u8]) -> Result<(), LedgerError> + 'a;

/// Leaves of a full tile.
const WIDTH: u64 = 256;
