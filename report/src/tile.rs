//! The ledger in files: tiles of 256 hashes and bundles of entries (C2SP tlog-tiles).
//!
//! Keeps: which tile holds a hash, what it is called, what must be written when a tree grows. Drops: the files
//! themselves; they are read and written by others. A tile read from a disk is not trusted: roots are computed from it.

use crate::key::Hash;
use crate::merkle::{Node, node_hash};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A tile: up to 256 hashes of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// Its level: 0 has the hashes of leaves, each above the hashes of full tiles below.
    pub level: u8,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes it has: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tile at this place in a tree of `size` leaves, as wide as it is there. `None` if the tree has none.
    #[must_use]
    pub fn within(level: u8, index: u64, size: u64) -> Option<Tile> {
        let entries = entries_at(level, size);
        let width = entries.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        (width > 0 && level <= MAX_LEVEL).then_some(Tile { level, index, width: u16::try_from(width).ok()? })
    }

    /// Its path: `tile/0/x001/x234/067`, `tile/1/000.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        alloc::format!("tile/{}/{}", self.level, Number(self))
    }

    /// The path of the bundle with the entries of a tile of level 0: `tile/entries/x001/234.p/5`.
    #[must_use]
    pub fn entries_path(&self) -> String {
        alloc::format!("tile/entries/{}", Number(self))
    }

    /// The path, in a reviewer's folder, of the objects whose hashes are in the entries of a tile of level 0:
    /// `objects/x001/234.p/5`.
    #[must_use]
    pub fn objects_path(&self) -> String {
        alloc::format!("objects/{}", Number(self))
    }

    /// The tile of a path, whose level is `None` for a bundle of entries. `None` if it is no path of either, or has
    /// another form than [`Tile::path`] gives it.
    #[must_use]
    pub fn parse(path: &str) -> Option<(Option<u8>, Tile)> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok()?),
            None => (rest, 256),
        };
        let mut index = 0u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        }
        let level = if level == "entries" { None } else { Some(level.parse::<u8>().ok()?) };
        let tile = Tile { level: level.unwrap_or(0), index, width };
        let same = if level.is_some() { tile.path() } else { tile.entries_path() };
        let is_one = (1..=256).contains(&width) && tile.level <= MAX_LEVEL && same == path;
        is_one.then_some((level, tile))
    }

    /// The hash of a full subtree within this tile's octets. `None` if it is not in there, or the octets are not as
    /// long as the tile is wide.
    #[must_use]
    pub fn hash(&self, octets: &[u8], node: Node) -> Option<Hash> {
        let (hashes, rest) = octets.as_chunks::<32>();
        if hashes.len() != usize::from(self.width) || !rest.is_empty() || node.level / HEIGHT != self.level {
            return None;
        }
        let height = u32::from(node.level % HEIGHT);
        let first = node.index.checked_shl(height)?.checked_sub(self.index.checked_mul(WIDTH)?)?;
        let first = usize::try_from(first).ok()?;
        folded(hashes.get(first..first.checked_add(1usize.checked_shl(height)?)?)?)
    }

    /// The hash of a full tile: the entry for it in the tile above. `None` if it is not full.
    #[must_use]
    pub fn full_hash(octets: &[u8]) -> Option<Hash> {
        let (hashes, rest) = octets.as_chunks::<32>();
        if hashes.len() == 256 && rest.is_empty() { folded(hashes) } else { None }
    }
}

/// Reads full subtrees of a tree of `size` leaves from its tiles: for the functions of [`crate::merkle`].
pub fn reader(size: u64, mut read: impl FnMut(Tile) -> Option<Vec<u8>>) -> impl FnMut(Node) -> Option<Hash> {
    move |node| {
        let level = node.level / HEIGHT;
        let first = node.index.checked_shl(u32::from(node.level % HEIGHT))?;
        let tile = Tile::within(level, first / WIDTH, size)?;
        tile.hash(&read(tile)?, node)
    }
}

/// The tiles that a tree of `new` leaves has and one of `old` has not, each level from the left. At most 1 + (new -
/// old) / 256 a level.
pub fn new_tiles(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    (0..=MAX_LEVEL).flat_map(move |level| {
        let (had, has) = (entries_at(level, old), entries_at(level, new));
        let tiles = if has > had { (had / WIDTH)..has.div_ceil(WIDTH) } else { 0..0 };
        tiles.filter_map(move |index| Tile::within(level, index, new))
    })
}

/// The root above a power of two of hashes.
fn folded(hashes: &[Hash]) -> Option<Hash> {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.first().copied()
}

/// Hashes of a level of tiles: `floor(size / 256^level)`.
fn entries_at(level: u8, size: u64) -> u64 {
    u32::from(level).checked_mul(u32::from(HEIGHT)).and_then(|bits| size.checked_shr(bits)).unwrap_or(0)
}

/// Appends an entry to a bundle: its length in two octets, the highest first, and its octets. `None` if it is longer
/// than 65,535.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    bundle.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
    bundle.extend(entry);
    Some(())
}

/// The entries of a bundle, at most 256. `None` if it does not end with an entry.
#[must_use]
pub fn entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        found.push(entry);
        bundle = rest;
        if found.len() > 256 {
            return None;
        }
    }
    Some(found)
}

/// Appends an object to a bundle of objects: its length in four octets, the highest first, and its octets; nothing stands for
/// an object that is not there. `None` if it is longer than four octets can say.
#[must_use]
pub fn push_object(bundle: &mut Vec<u8>, object: &[u8]) -> Option<()> {
    bundle.extend(u32::try_from(object.len()).ok()?.to_be_bytes());
    bundle.extend(object);
    Some(())
}

/// The objects of a bundle, at most 256. `None` if it does not end with an object.
#[must_use]
pub fn objects(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk()?;
        let (object, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        found.push(object);
        bundle = rest;
        if found.len() > 256 {
            return None;
        }
    }
    Some(found)
}

/// Number and width as paths have them: three digits a part, an `x` before all but the last.
struct Number<'a>(&'a Tile);

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = [0u64; 7];
        let mut rest = self.0.index;
        let mut count: usize = 0;
        for part in &mut parts {
            *part = rest % 1_000;
            rest /= 1_000;
            count = count.saturating_add(1);
            if rest == 0 {
                break;
            }
        }
        for (n, part) in parts.iter().take(count).enumerate().rev() {
            if n > 0 { write!(f, "x{part:03}/")? } else { write!(f, "{part:03}")? }
        }
        if self.0.width < 256 { write!(f, ".p/{}", self.0.width) } else { Ok(()) }
    }
}

/// Hashes of a full tile.
const WIDTH: u64 = 256;
/// Levels of the tree that one level of tiles spans.
const HEIGHT: u8 = 8;
/// The highest level of tiles of a tree whose size has 64 bits.
const MAX_LEVEL: u8 = 7;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::merkle::{Growing, check_consistency, check_inclusion, consistency, inclusion, leaf_hash, root};
    use std::collections::BTreeMap;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |index, width| Tile { level: 0, index, width };
        assert_eq!(tile(1_234_067, 256).path(), "tile/0/x001/x234/067");
        assert_eq!(tile(0, 256).path(), "tile/0/000");
        assert_eq!(tile(273, 112).path(), "tile/0/273.p/112");
        assert_eq!(tile(1_000, 1).entries_path(), "tile/entries/x001/000.p/1");
        assert_eq!(tile(1_000, 1).objects_path(), "objects/x001/000.p/1");
        assert_eq!(tile(u64::MAX, 256).path(), "tile/0/x018/x446/x744/x073/x709/x551/615");
    }

    #[test]
    fn a_path_finds_its_tile_in_one_form_only() {
        for tile in [Tile { level: 2, index: 1_234_067, width: 5 }, Tile { level: 0, index: 0, width: 256 }] {
            assert_eq!(Tile::parse(&tile.path()), Some((Some(tile.level), tile)));
        }
        let entries = Tile { level: 0, index: 70, width: 9 };
        assert_eq!(Tile::parse(&entries.entries_path()), Some((None, entries)));
        for wrong in [
            "tile/0/0",
            "tile/0/x000/001",
            "tile/00/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/8/000",
            "tile/0/001/234",
            "tile/0/../000",
            "tile/0/+01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/",
            "",
        ] {
            assert_eq!(Tile::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_tiles_of_70_000_leaves_are_those_of_the_specification() {
        let tiles: Vec<Tile> = new_tiles(0, 70_000).collect();
        let count = |level, width| tiles.iter().filter(|t| t.level == level && t.width == width).count();
        assert_eq!((count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)), (273, 1, 1, 1, 1));
        assert_eq!(tiles.len(), 277);
        let of_256: Vec<String> = new_tiles(0, 256).map(|t| t.path()).collect();
        assert_eq!(of_256, ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(new_tiles(256, 256).count(), 0);
        assert_eq!(new_tiles(0, 0).count(), 0);
    }

    #[test]
    fn a_ledger_in_tiles_gives_the_same_roots_and_proofs() {
        let leaves: Vec<Hash> = (0..66_000u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut tiles: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
        let mut old = 0;
        let mut roots = BTreeMap::new();
        let mut growing = Growing::new();
        for new in [1u64, 255, 256, 257, 513, 65_535, 65_536, 65_537, 66_000] {
            for leaf in &leaves[usize::try_from(old).unwrap()..usize::try_from(new).unwrap()] {
                growing.push(leaf);
            }
            for tile in new_tiles(old, new) {
                let octets = if tile.level == 0 {
                    let from = usize::try_from(tile.index * 256).unwrap();
                    leaves[from..from + usize::from(tile.width)].concat()
                } else {
                    // A hash of level n is the root of a full tile of level n - 1.
                    (0..u64::from(tile.width))
                        .flat_map(|n| {
                            let index = tile.index * 256 + n;
                            let below = Tile { level: tile.level - 1, index, width: 256 };
                            Tile::full_hash(&tiles[&below]).unwrap()
                        })
                        .collect()
                };
                tiles.insert(tile, octets);
            }
            let mut read = reader(new, |tile| tiles.get(&tile).cloned());
            assert_eq!(root(new, &mut read).unwrap(), growing.root(), "size {new}");
            for (size, before) in &roots {
                let proof = consistency(*size, new, &mut read).unwrap();
                assert_eq!(check_consistency((*size, before), (new, &growing.root()), &proof), Ok(()));
            }
            let proof = inclusion(new / 2, new, &mut read).unwrap();
            let leaf = leaves[usize::try_from(new / 2).unwrap()];
            assert_eq!(check_inclusion(&leaf, new / 2, new, &proof, &growing.root()), Ok(()));
            roots.insert(new, growing.root());
            old = new;
        }
    }

    #[test]
    fn a_tile_of_another_length_is_not_read() {
        let tile = Tile { level: 0, index: 0, width: 2 };
        let node = Node { level: 0, index: 0 };
        assert!(tile.hash(&[0; 64], node).is_some());
        assert_eq!(tile.hash(&[0; 63], node), None);
        assert_eq!(tile.hash(&[0; 96], node), None);
        assert_eq!(tile.hash(&[0; 64], Node { level: 0, index: 2 }), None);
        assert_eq!(tile.hash(&[0; 64], Node { level: 2, index: 0 }), None);
    }

    #[test]
    fn a_bundle_gives_its_entries_back() {
        let mut bundle = Vec::new();
        for entry in [&b"one"[..], b"", b"three"] {
            push_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle[..5], [0, 3, b'o', b'n', b'e']);
        assert_eq!(entries(&bundle).unwrap(), [&b"one"[..], b"", b"three"]);
        assert_eq!(entries(&bundle[..bundle.len() - 1]), None);
        assert_eq!(entries(&[0; 2 * 257]), None, "more than 256");
        assert_eq!(push_entry(&mut bundle, &[0; 65_536]), None);
    }
}
