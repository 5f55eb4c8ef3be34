//! The ledger's files: tiles, bundles of entries and the checkpoint, in the layout of C2SP tlog-tiles.
//!
//! Keeps: full tiles for ever, partial ones until their tile is full or [`MOST_PARTIALS`] are there. Drops: trust: what is
//! read is believed only if it gives a root that was signed. Every file is whole or not there: written beside, synced,
//! renamed, and the folder synced.

use super::LedgerError;
use crate::store::{ClinicRow, ClinicStore};
use auscult_report::key::{Hash, LedgerId};
use auscult_report::merkle::{Growing, leaf_hash};
use auscult_report::tile::{Tile, entries, new_tiles, push_entry};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub(super) struct Files {
    root: PathBuf,
    /// Tiles that receipts were made of: each with its width never changes.
    remembered: Mutex<BTreeMap<(LedgerId, u32, Tile), Vec<u8>>>,
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<Files, LedgerError> {
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        Ok(Files { root: folder.to_path_buf(), remembered: Mutex::default() })
    }

    fn folder(&self, clinic: &ClinicRow) -> PathBuf {
        self.root.join(clinic.ledger.to_string()).join(clinic.generation.to_string())
    }

    /// The octets of a file of a clinic's ledger. `None` if it cannot be read or is larger than any of them.
    fn read(&self, clinic: &ClinicRow, path: &str) -> Option<Vec<u8>> {
        let path = self.folder(clinic).join(path);
        (fs::metadata(&path).ok()?.len() <= MOST_OCTETS).then(|| fs::read(path).ok()).flatten()
    }

    /// The octets of a tile; where its partial file is gone, the beginning of the full one.
    pub(super) fn tile(&self, clinic: &ClinicRow, tile: Tile) -> Option<Vec<u8>> {
        self.read(clinic, &tile.path()).or_else(|| {
            let mut octets = self.read(clinic, &Tile { width: 256, ..tile }.path())?;
            octets.truncate(usize::from(tile.width).saturating_mul(32));
            Some(octets)
        })
    }

    /// The entries of a tile of level 0; where its partial file is gone, the beginning of the full one.
    pub(super) fn bundle(&self, clinic: &ClinicRow, tile: Tile) -> Option<Vec<u8>> {
        self.read(clinic, &tile.entries_path()).or_else(|| {
            let octets = self.read(clinic, &Tile { width: 256, ..tile }.entries_path())?;
            let mut bundle = Vec::new();
            let entries = entries(&octets)?;
            entries.into_iter().take(usize::from(tile.width)).try_for_each(|entry| push_entry(&mut bundle, entry))?;
            Some(bundle)
        })
    }

    /// The same as [`Files::tile`], from memory where it was read before: for receipts, which their sensors check themselves.
    pub(super) fn remembered(&self, clinic: &ClinicRow, tile: Tile) -> Option<Vec<u8>> {
        let place = (clinic.ledger, clinic.generation, tile);
        if let Some(octets) = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Some(octets.clone());
        }
        let octets = self.tile(clinic, tile)?;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(place, octets.clone());
        Some(octets)
    }

    /// Publishes a checkpoint, if it is not there already.
    pub(super) fn publish(&self, clinic: &ClinicRow, note: &str) -> Result<(), LedgerError> {
        if self.read(clinic, "checkpoint").as_deref() == Some(note.as_bytes()) {
            return Ok(());
        }
        durable(&self.folder(clinic).join("checkpoint"), note.as_bytes())
    }

    /// Writes the tiles and entries by which a tree of `old` leaves becomes one with `leaves` more.
    pub(super) fn grow(
        &self,
        store: &ClinicStore,
        clinic: &ClinicRow,
        old: u64,
        leaves: &[&[u8]],
    ) -> Result<(), LedgerError> {
        let new = old.saturating_add(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
        let mut made: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
        let folder = self.folder(clinic);
        for tile in new_tiles(old, new) {
            let octets = if tile.level == 0 {
                let entries = self.entries(store, tile, old, leaves)?;
                let hashes: Vec<Hash> = entries.iter().map(|leaf| leaf_hash(leaf)).collect();
                let mut bundle = Vec::new();
                for leaf in &entries {
                    push_entry(&mut bundle, leaf)
                        .ok_or_else(|| LedgerError::Broken("a leaf is too long".to_owned()))?;
                }
                durable(&folder.join(tile.entries_path()), &bundle)?;
                hashes.concat()
            } else {
                self.above(clinic, &made, tile)?
            };
            durable(&folder.join(tile.path()), &octets)?;
            made.insert(tile, octets);
        }
        Ok(())
    }

    /// The leaves below a tile of level 0: from the data base up to `old`, then the new ones.
    fn entries(
        &self,
        store: &ClinicStore,
        tile: Tile,
        old: u64,
        leaves: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>, LedgerError> {
        let width = usize::from(tile.width);
        let first = tile.index.saturating_mul(TILE);
        let mut entries = Vec::new();
        if first < old {
            let most = u32::try_from(old.saturating_sub(first)).unwrap_or(u32::MAX).min(u32::from(tile.width));
            entries = store.leaves(first, most)?;
        }
        let skip = usize::try_from(first.saturating_sub(old)).unwrap_or(usize::MAX);
        let rest = width.saturating_sub(entries.len());
        entries.extend(leaves.iter().skip(skip).take(rest).map(|leaf| leaf.to_vec()));
        if entries.len() == width {
            Ok(entries)
        } else {
            Err(LedgerError::Broken(format!("leaves are missing from {first} on")))
        }
    }

    /// A tile of a higher level: the hash of each full tile below it.
    fn above(&self, clinic: &ClinicRow, made: &BTreeMap<Tile, Vec<u8>>, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        let mut octets = Vec::new();
        for n in 0..u64::from(tile.width) {
            let index = tile.index.saturating_mul(TILE).saturating_add(n);
            let below = Tile { level: tile.level.saturating_sub(1), index, width: 256 };
            let hashes = match made.get(&below) {
                Some(hashes) => hashes.clone(),
                None => self.read(clinic, &below.path()).unwrap_or_default(),
            };
            if u64::try_from(hashes.len()).unwrap_or(0) != TILE.saturating_mul(32) {
                return Err(LedgerError::Broken(format!("{} is missing or not whole", below.path())));
            }
            let mut tree = Growing::new();
            hashes.as_chunks::<32>().0.iter().for_each(|hash| tree.push(hash));
            octets.extend(tree.root());
        }
        Ok(octets)
    }

    /// Removes partial tiles that nobody needs once the tree has `new` leaves and its checkpoint is published. Before that
    /// they are what the old checkpoint stands on.
    pub(super) fn forget(&self, clinic: &ClinicRow, old: u64, new: u64) -> Result<(), LedgerError> {
        let folder = self.folder(clinic);
        for tile in new_tiles(old, new) {
            if tile.level == 0 {
                forget_partials(&folder.join(tile.entries_path()), tile)?;
            }
            forget_partials(&folder.join(tile.path()), tile)?;
        }
        Ok(())
    }
}

/// All partial tiles once the tile is full, the narrowest when there are too many.
fn forget_partials(written: &Path, tile: Tile) -> Result<(), LedgerError> {
    if u64::from(tile.width) == TILE {
        let mut folder = written.as_os_str().to_owned();
        folder.push(".p");
        return match fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(Path::new(&folder), &e)),
            _ => Ok(()),
        };
    }
    let Some(folder) = written.parent() else { return Ok(()) };
    let there = fs::read_dir(folder).map_err(|e| failed(folder, &e))?;
    let mut widths: Vec<u16> = there.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect();
    widths.sort_unstable_by(|a, b| b.cmp(a));
    for width in widths.into_iter().skip(MOST_PARTIALS) {
        let path = folder.join(width.to_string());
        fs::remove_file(&path).map_err(|e| failed(&path, &e))?;
    }
    Ok(())
}

/// Writes a file so that it is whole and on the disk when this returns, or as it was before.
pub(super) fn durable(path: &Path, octets: &[u8]) -> Result<(), LedgerError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        // New folders must be as durable as what is in them: up to the ledger's own, five above at most.
        for above in folder.ancestors().skip(1).take(5).filter(|a| a.is_dir()) {
            File::open(above).and_then(|f| f.sync_all()).map_err(|e| failed(above, &e))?;
        }
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|e| {
        // What is left of it is written over the next time.
        let _ = fs::remove_file(&beside);
        failed(path, &e)
    })
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> LedgerError {
    LedgerError::Disk(format!("{}: {error}", path.display()))
}

/// Hashes of a full tile.
const TILE: u64 = 256;

/// The largest file: a bundle of 256 entries of 89 octets, each behind its length, has 23,296 octets; a note 65,536.
const MOST_OCTETS: u64 = 65_536;

/// Tiles in memory, of 8 KiB at most.
const MOST_REMEMBERED: usize = 2_048;

/// Partial widths of one tile that stay for readers of older checkpoints.
const MOST_PARTIALS: usize = 16;
