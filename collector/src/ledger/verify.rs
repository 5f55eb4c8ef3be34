//! Checks a reviewer's folder (C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature, tlog-proof) offline: no settings, no archive.
//!
//! Keeps: one full tile and the hashes above it. Drops: what the leaves speak of, but for their count. Everything is made again from
//! the entries; `tests/verify/main.go` does the same and shares no line with this.

use super::cosigned;
use super::export::PROOF;
use super::witness::of_keeper;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::Hash;
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::merkle::{Growing, check_consistency, check_inclusion, consistency, inclusion, leaf_hash};
use auscult_report::note::{Note, NoteKey, NoteKind};
use auscult_report::tile::{self, Tile, new_tiles, reader};
use base64ct::{Base64, Encoding};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// What holds of a folder.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The newest checkpoint.
    pub checkpoint: Checkpoint,
    /// Its note, with the keeper's signature alone.
    pub note: String,
    /// The keeper's key.
    pub keeper: NoteKey,
    /// The keys of reviewers that the clinic has registered.
    pub reviewers: Vec<NoteKey>,
}

/// Checks the folder and gives each claim that holds to `say`, in one line.
///
/// # Errors
/// The first claim that does not hold, in one sentence.
pub fn verify(folder: &Path, say: &mut impl FnMut(&str)) -> Result<Verified, String> {
    let dir = Dir(folder);
    let keys = dir.keys().map_err(|why| format!("reading vkeys: {why}"))?;
    keys.iter().for_each(|key| say(&format!("key: {}; compare it with the one that you hold", key.vkey())));
    let now = dir.checkpoint("checkpoint", &keys, say)?;
    let before = match fs::symlink_metadata(folder.join("checkpoint.old")) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        _ => Some(dir.checkpoint("checkpoint.old", &keys, say)?),
    };
    match &before {
        None => say("consistency: there is no checkpoint.old, nothing earlier to compare with"),
        Some(before) => dir.consistency(before, &now, say)?,
    }
    dir.proof(&keys, &now, say)?;
    dir.entries(before.as_ref(), &now, say)?;
    let mut found = dir.found(&keys, now)?;
    found.reviewers = cosigned::check(&dir, &found, say)?;
    Ok(found)
}

/// A ledger's files.
pub(super) struct Dir<'a>(pub(super) &'a Path);

impl Dir<'_> {
    /// The newest checkpoint with the keeper's signature alone.
    fn found(&self, keys: &[NoteKey], checkpoint: Checkpoint) -> Result<Verified, String> {
        let keeper = keys.first().ok_or("no key")?.clone();
        let octets = self.read("checkpoint")?;
        let is_same = open(&octets, keys).is_ok_and(|again| again == checkpoint);
        let note = Note::parse(&octets).ok().filter(|_| is_same).and_then(|note| of_keeper(&note, &keeper));
        let note = note.ok_or("checkpoint: it changed meanwhile")?;
        Ok(Verified { checkpoint, note, keeper, reviewers: Vec::new() })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.0.join(name)).is_ok()
    }

    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let mut octets = Vec::new();
        let file = File::open(self.0.join(name)).map_err(|e| format!("{name}: {e}"))?;
        file.take(MOST_OCTETS.saturating_add(1)).read_to_end(&mut octets).map_err(|e| format!("{name}: {e}"))?;
        let length = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if length > MOST_OCTETS { Err(format!("{name}: it is too large")) } else { Ok(octets) }
    }

    /// The keeper's key, and its witnesses'; all of them must have signed.
    fn keys(&self) -> Result<Vec<NoteKey>, String> {
        let text = String::from_utf8(self.read("vkeys")?).map_err(|_| "it is no text")?;
        let keys: Option<Vec<NoteKey>> = text.split_whitespace().map(NoteKey::parse).collect();
        let keys = keys.ok_or("not a key")?;
        let kinds = keys.iter().enumerate().all(|(at, key)| (key.kind() == NoteKind::Ed25519) == (at == 0));
        if keys.is_empty() || !kinds {
            return Err("want a keeper, then its witnesses".to_owned());
        }
        Ok(keys)
    }

    fn checkpoint(&self, name: &str, keys: &[NoteKey], say: &mut impl FnMut(&str)) -> Result<Checkpoint, String> {
        let found = open(&self.read(name)?, keys).map_err(|why| format!("reading {name}: {why}"))?;
        let witnesses = keys.len().saturating_sub(1);
        say(&format!("{name}: {} entries, signed by the keeper and {witnesses} witness", found.size));
        Ok(found)
    }

    fn tile(&self, tile: Tile) -> Option<Vec<u8>> {
        self.read(&tile.path()).ok()
    }

    fn consistency(&self, before: &Checkpoint, now: &Checkpoint, say: &mut impl FnMut(&str)) -> Result<(), String> {
        let (old, new) = (before.size, now.size);
        let by = self.grown(before, now).map_err(|why| format!("consistency of {old} and {new}: {why}"))?;
        say(&format!("consistency: the first {old} entries of {new} are those of before, by {by} hashes"));
        Ok(())
    }

    /// Whether one tree is the beginning of another; by how many hashes.
    pub(super) fn grown(&self, before: &Checkpoint, now: &Checkpoint) -> Result<usize, String> {
        let (old, new) = (before.size, now.size);
        if old > new {
            return Err("it is smaller than before".to_owned());
        }
        let grown = consistency(old, new, reader(new, |tile| self.tile(tile))).ok_or("tiles are missing")?;
        check_consistency((old, &before.root), (new, &now.root), &grown).map_err(|e| e.to_string())?;
        Ok(grown.len())
    }

    /// One leaf's inclusion, from a proof that stands alone; and that a changed leaf is refused.
    fn proof(&self, keys: &[NoteKey], now: &Checkpoint, say: &mut impl FnMut(&str)) -> Result<(), String> {
        let octets = self.read("proof")?;
        let Alone { mut leaf, index, path, note } = Alone::parse(&octets).ok_or("proof: it is none")?;
        let signed = open(note, keys).map_err(|why| format!("proof: {why}"))?;
        let checked = check_inclusion(&leaf_hash(&leaf), index, signed.size, &path, &signed.root);
        checked.map_err(|e| format!("proof: {e}"))?;
        // Subtrees that are full stay as they are: the tiles of today prove what stood in a smaller tree.
        let own = inclusion(index, signed.size, reader(now.size, |tile| self.tile(tile)));
        if own.as_ref() != Some(&path) {
            return Err("proof: the tiles give another".to_owned());
        }
        if let Some(last) = leaf.last_mut() {
            *last ^= 1;
        }
        if check_inclusion(&leaf_hash(&leaf), index, signed.size, &path, &signed.root).is_ok() {
            return Err("proof: a changed leaf was believed".to_owned());
        }
        let by = path.len();
        say(&format!("inclusion: entry {index} stands in the ledger, by {by} hashes; a changed one does not"));
        Ok(())
    }

    /// The whole tree again from the entries alone: both roots, and every hash of every tile.
    fn entries(&self, before: Option<&Checkpoint>, now: &Checkpoint, say: &mut impl FnMut(&str)) -> Result<(), String> {
        let mut made = Made::default();
        let mut tiles: u64 = 0;
        for tile in new_tiles(0, now.size) {
            let octets = self.read(&tile.path())?;
            if tile.level == 0 {
                let bundle = self.read(&tile.entries_path())?;
                made.bundle(tile, &bundle, before)?;
                if made.newest.concat() != octets {
                    return Err(format!("{} is not made of the entries", tile.path()));
                }
                made.full(1, &octets);
            } else {
                if made.row(tile) != octets {
                    return Err(format!("{} is not made of the entries", tile.path()));
                }
                made.full(usize::from(tile.level).saturating_add(1), &octets);
            }
            tiles = tiles.saturating_add(1);
        }
        if made.tree.root() != now.root {
            return Err(format!("the first {} entries are not those that were signed", now.size));
        }
        say(&format!("entries: all {}, and {tiles} tiles, are what was signed", now.size));
        say(&format!(
            "leaves: {} reports, {} statements, {} of a kind not known here",
            made.reports, made.statements, made.others
        ));
        Ok(())
    }
}

/// What was made again of the entries so far.
#[derive(Default)]
struct Made {
    tree: Growing,
    /// Hashes of the newest bundle.
    newest: Vec<Hash>,
    /// Hashes of full tiles, by the level of the tile that they stand in; level 0 is not kept.
    above: Vec<Vec<u8>>,
    reports: u64,
    statements: u64,
    others: u64,
}

impl Made {
    fn bundle(&mut self, tile: Tile, bundle: &[u8], before: Option<&Checkpoint>) -> Result<(), String> {
        let name = tile.entries_path();
        let entries = tile::entries(bundle).ok_or_else(|| format!("{name}: an entry is cut"))?;
        if entries.len() != usize::from(tile.width) {
            return Err(format!("{name}: {} entries where the checkpoint wants {}", entries.len(), tile.width));
        }
        self.newest.clear();
        for entry in entries {
            let hash = leaf_hash(entry);
            self.newest.push(hash);
            self.tree.push(&hash);
            let count = match Leaf::read(entry).map(|leaf| leaf.kind) {
                Some(LeafKind::Report) => &mut self.reports,
                Some(_) => &mut self.statements,
                None => &mut self.others,
            };
            *count = count.saturating_add(1);
            if let Some(before) = before.filter(|b| b.size == self.tree.size() && b.root != self.tree.root()) {
                return Err(format!("the first {} entries are not those that were signed", before.size));
            }
        }
        Ok(())
    }

    /// Keeps the hash of a tile, if it is full, for the level above it.
    fn full(&mut self, level: usize, octets: &[u8]) {
        if self.above.len() <= level {
            self.above.resize_with(level.saturating_add(1), Vec::new);
        }
        if let (Some(row), Some(hash)) = (self.above.get_mut(level), Tile::full_hash(octets)) {
            row.extend(hash);
        }
    }

    /// What a tile above level 0 has to hold.
    fn row(&self, tile: Tile) -> &[u8] {
        let from = usize::try_from(tile.index).unwrap_or(usize::MAX).saturating_mul(FULL_OCTETS);
        let to = from.saturating_add(usize::from(tile.width).saturating_mul(32));
        self.above.get(usize::from(tile.level)).and_then(|row| row.get(from..to)).unwrap_or_default()
    }
}

/// A proof that stands alone (C2SP tlog-proof).
struct Alone<'a> {
    leaf: Vec<u8>,
    index: u64,
    path: Vec<Hash>,
    note: &'a [u8],
}

impl<'a> Alone<'a> {
    fn parse(octets: &'a [u8]) -> Option<Alone<'a>> {
        let (head, note) = std::str::from_utf8(octets).ok()?.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next() != Some(PROOF) {
            return None;
        }
        let leaf = Base64::decode_vec(lines.next()?.strip_prefix("extra ")?).ok()?;
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let path = lines.map(|l| Base64::decode_vec(l).ok()?.try_into().ok()).collect::<Option<_>>()?;
        Some(Alone { leaf, index, path, note: note.as_bytes() })
    }
}

/// A checkpoint of the keeper's ledger, if everybody of `keys` has signed it.
fn open(octets: &[u8], keys: &[NoteKey]) -> Result<Checkpoint, String> {
    let keeper = keys.first().ok_or("no key")?;
    let note = Note::parse(octets).map_err(|e| e.to_string())?;
    for key in keys {
        note.signed_by(key).map_err(|e| format!("{}: {e}", key.name()))?;
    }
    Checkpoint::open(octets, keeper.name(), keeper).map_err(|e| e.to_string())
}

/// The largest file: a note.
const MOST_OCTETS: u64 = 65_536;

/// Octets of a full tile.
const FULL_OCTETS: usize = 8_192;
