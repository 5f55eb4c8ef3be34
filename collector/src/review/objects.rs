//! The objects of a reviewer's folder (FORMAT.md section 7): each is what its entry's hash says, and came behind the one before it.
//!
//! Keeps: one bundle of 256 objects in memory; what sensors say that they saw of the ledger; the order of time, where a ledger was begun
//! again. Drops: objects of kinds that this program does not know; they are counted.

use auscult_report::checkpoint::Checkpoint;
use auscult_report::header::{Frame, MAX_REPORT, Seen};
use auscult_report::key::{Hash, LedgerId};
use auscult_report::leaf::{Leaf, LeafKind, statement_hash};
use auscult_report::merkle::{Growing, leaf_hash};
use auscult_report::note::Note;
use auscult_report::seal::report_hash;
use auscult_report::tile::{self, Tile};
use auscult_report::time::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder whose ledger was checked.
pub(super) struct Record {
    folder: PathBuf,
    /// Entries.
    size: u64,
    /// Which ledger.
    pub(super) ledger: LedgerId,
    /// How often it was begun: from the second time on its entries do not stand in the order in which they came.
    generation: u32,
}

/// What the objects are.
#[derive(Default)]
pub(super) struct Objects {
    reports: u64,
    statements: u64,
    others: u64,
    /// Entries in the order in which they came.
    pub(super) order: Vec<u64>,
    /// What reports say that their sensors saw: so many entries, their root; and which entry says so first.
    seen: BTreeMap<(u64, Hash), u64>,
    /// Hashes of statements about keys that sensors handed over.
    pub(super) rotations: Vec<Hash>,
    /// The ledger was never begun again.
    is_first: bool,
}

impl Record {
    /// The folder's newest checkpoint says what it is; its signature was checked.
    pub(super) fn open(folder: &Path) -> Result<Record, String> {
        let octets = read(folder, "checkpoint", 65_536)?;
        let text = Note::parse(&octets).map_err(|e| format!("checkpoint: {e}"))?.text;
        let Checkpoint { origin, size, .. } = Checkpoint::parse(text).ok_or("checkpoint: it is none")?;
        let mut parts = origin.rsplit('/');
        let generation = parts.next().and_then(|n| n.parse().ok());
        let ledger = parts.next().filter(|hex| hex.len() == 32).and_then(|hex| u128::from_str_radix(hex, 16).ok());
        let (Some(generation), Some(ledger)) = (generation, ledger) else {
            return Err("checkpoint: its origin names no ledger of an archive".to_owned());
        };
        Ok(Record { folder: folder.to_path_buf(), size, ledger: LedgerId(ledger.to_be_bytes()), generation })
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        read(&self.folder, name, most)
    }

    /// Each entry with its object, a bundle at a time.
    pub(super) fn bundle(&self, number: u64) -> Result<Vec<Pair>, String> {
        let tile = Tile::within(0, number, self.size).ok_or(BEHIND)?;
        let entries = self.file(&tile.entries_path(), MOST_ENTRIES)?;
        let path = tile.objects_path();
        // Each is a report at most; a statement is shorter.
        let most = u64::try_from(MAX_REPORT).unwrap_or(u64::MAX).saturating_add(4).saturating_mul(WIDTH);
        let objects = self.file(&path, most)?;
        let entries = tile::entries(&entries).ok_or_else(|| format!("{}: an entry is cut", tile.entries_path()))?;
        let objects = tile::objects(&objects).ok_or_else(|| format!("{path}: an object is cut"))?;
        if entries.len() != objects.len() {
            return Err(format!("{path}: {} objects for {} entries", objects.len(), entries.len()));
        }
        Ok(entries.into_iter().map(<[u8]>::to_vec).zip(objects.into_iter().map(<[u8]>::to_vec)).collect())
    }

    /// Looks at every object.
    pub(super) fn objects(&self) -> Result<Objects, String> {
        let mut found = Objects { is_first: self.generation == FIRST, ..Objects::default() };
        let mut times: Vec<(Timestamp, u64)> = Vec::new();
        let mut newest = Timestamp(0);
        for number in 0..self.size.div_ceil(WIDTH) {
            for (at, (entry, object)) in self.bundle(number)?.into_iter().enumerate() {
                let index = number.saturating_mul(WIDTH).saturating_add(u64::try_from(at).unwrap_or(0));
                let leaf = Leaf::read(&entry);
                let received = leaf.map_or(newest, |leaf| leaf.received);
                if self.generation == FIRST && received < newest {
                    return Err(format!("times: entry {index} came before the one in front of it"));
                }
                newest = received;
                times.push((received, index));
                let Some(leaf) = leaf else {
                    found.others = found.others.saturating_add(1);
                    continue;
                };
                found.take(index, &leaf, &object)?;
            }
        }
        // Reports keep their order: each stands behind those that came before it.
        times.sort_by_key(|(received, _)| *received);
        found.order = times.into_iter().map(|(_, index)| index).collect();
        Ok(found)
    }

    /// What sensors saw of the ledger is the beginning of this one: gives that in a line. Where the ledger was begun again, views of the
    /// one before do not lie on it, and the line says how many.
    pub(super) fn roots(&self, objects: &Objects) -> Result<String, String> {
        let mut tree = Growing::new();
        let mut lie: u64 = 0;
        for number in 0..self.size.div_ceil(WIDTH) {
            let tile = Tile::within(0, number, self.size).ok_or(BEHIND)?;
            let entries = self.file(&tile.entries_path(), MOST_ENTRIES)?;
            for entry in tile::entries(&entries).ok_or_else(|| format!("{}: an entry is cut", tile.entries_path()))? {
                tree.push(&leaf_hash(entry));
                let of_size = (tree.size(), [0; 32])..=(tree.size(), [255; 32]);
                if objects.seen.range(of_size).next().is_none() {
                    continue;
                }
                lie = lie.saturating_add(u64::from(objects.seen.contains_key(&(tree.size(), tree.root()))));
            }
        }
        let all = u64::try_from(objects.seen.len()).unwrap_or(u64::MAX);
        let others = all.saturating_sub(lie);
        match (others, self.generation) {
            (0, _) => Ok(format!("seen: {all} views of this ledger that sensors signed lie on it")),
            (_, FIRST) => Err(format!("seen: sensors signed {others} views of this ledger that do not lie on it")),
            _ => Ok(format!(
                "seen: {lie} views that sensors signed lie on this ledger; {others} do not: ask why it was begun again"
            )),
        }
    }
}

impl Objects {
    /// Looks at one object: it is what its entry says.
    fn take(&mut self, index: u64, leaf: &Leaf, object: &[u8]) -> Result<(), String> {
        let is_report = leaf.kind == LeafKind::Report;
        let hash = if is_report { report_hash(object) } else { statement_hash(object) };
        if hash != leaf.object {
            let what = if object.is_empty() { "is not in the folder" } else { "is not the one that was signed" };
            return Err(format!("objects: the {} of entry {index} {what}", leaf.kind.word()));
        }
        if !is_report {
            self.statements = self.statements.saturating_add(1);
            if leaf.kind == LeafKind::KeyRotation {
                self.rotations.push(leaf.object);
            }
            return Ok(());
        }
        self.reports = self.reports.saturating_add(1);
        let frame = Frame::parse(object).map_err(|e| format!("report of entry {index}: {e}"))?;
        let header = frame.claimed();
        if (header.sensor, header.place) != (leaf.sensor, leaf.place) {
            return Err(format!("report of entry {index}: the entry is of another sensor or place"));
        }
        match header.seen {
            Some(Seen { size, .. }) if size > index && self.is_first => {
                Err(format!("seen: the sensor of entry {index} saw {size} entries, more than there were"))
            }
            Some(Seen { size, root }) => {
                self.seen.entry((size, root)).or_insert(index);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What they are, in a line.
    pub(super) fn said(&self) -> String {
        let Objects { reports, statements, others, .. } = self;
        let others = if *others > 0 { format!("; {others} of a kind not known here were not") } else { String::new() };
        format!(
            "objects: {reports} reports and {statements} statements are what was signed, and came one behind the other{others}"
        )
    }
}

fn read(folder: &Path, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let file = File::open(folder.join(name)).map_err(|e| format!("{name}: {e}"))?;
    file.take(most.saturating_add(1)).read_to_end(&mut octets).map_err(|e| format!("{name}: {e}"))?;
    let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
    if length > most { Err(format!("{name}: it is too large")) } else { Ok(octets) }
}

/// The octets of an entry, and of its object.
type Pair = (Vec<u8>, Vec<u8>);

/// The generation of a ledger that was never begun again.
const FIRST: u32 = 1;
/// Entries of a bundle.
pub(super) const WIDTH: u64 = 256;
/// Octets of the largest bundle of entries.
const MOST_ENTRIES: u64 = 65_536;
const BEHIND: &str = "an entry is behind the checkpoint";
