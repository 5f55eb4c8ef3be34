//! The Merkle tree of RFC 9162 section 2.1 (the same as RFC 6962): hashes, roots, proofs, and their checks.
//!
//! Keeps: nothing; a tree is read through a function that gives the hash of a full subtree ([`Node`]), from tiles, a
//! table or memory. Drops: recursion and loops are bounded by the 64 bits of a size.

use crate::key::Hash;
use alloc::vec::Vec;
use core::fmt;
use sha2::{Digest, Sha256};

/// A full subtree: the leaves from `index << level` up to, not with, `(index + 1) << level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// 0 for a leaf; the subtree has `1 << level` leaves.
    pub level: u8,
    /// Its number among the subtrees of its level.
    pub index: u64,
}

/// Hash of a leaf: SHA-256 of 00 and its octets.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Hash of a node: SHA-256 of 01, the left and the right hash.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::new().finalize().into()
}

/// Root of the first `size` leaves. `None` if `read` has not what it takes.
pub fn root(size: u64, mut read: impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
    if size == 0 { Some(empty_root()) } else { subtree(0, size, &mut read) }
}

/// Proof that leaf `index` stands in the tree of the first `size` leaves (RFC 9162 2.1.3.1). `None` if it does not, or
/// if `read` has not what it takes.
pub fn inclusion(index: u64, size: u64, mut read: impl FnMut(Node) -> Option<Hash>) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut from, mut to) = (0u64, size);
    let mut proof = Vec::new();
    // From the root down: the half that the leaf is not in is told.
    while to.checked_sub(from)? > 1 {
        let middle = from.checked_add(half(to.checked_sub(from)?))?;
        if index < middle {
            proof.push(subtree(middle, to, &mut read)?);
            to = middle;
        } else {
            proof.push(subtree(from, middle, &mut read)?);
            from = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Proof that the tree of the first `old` leaves is the beginning of that of the first `new` (RFC 9162 2.1.4.1). Empty
/// if they are the same or the old one is empty. `None` if `old` is larger, or if `read` has not what it takes.
pub fn consistency(old: u64, new: u64, mut read: impl FnMut(Node) -> Option<Hash>) -> Option<Vec<Hash>> {
    if old > new {
        return None;
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Some(proof);
    }
    let (mut from, mut to) = (0u64, new);
    while old < to {
        let middle = from.checked_add(half(to.checked_sub(from)?))?;
        if old <= middle {
            proof.push(subtree(middle, to, &mut read)?);
            to = middle;
        } else {
            proof.push(subtree(from, middle, &mut read)?);
            from = middle;
        }
    }
    // What is left ends where the old tree ends; if it is the whole old tree, who checks has its root.
    if from > 0 {
        proof.push(subtree(from, to, &mut read)?);
    }
    proof.reverse();
    Some(proof)
}

/// Checks a proof that `leaf` (its hash) stands at `index` in the tree of `size` leaves (RFC 9162 2.1.3.2).
///
/// # Errors
/// The step that failed.
pub fn check_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last).ok_or(ProofError::Index)?;
    let (mut here, mut hash) = (index, *leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if here & 1 == 1 || here == last {
            hash = node_hash(step, &hash);
            while here & 1 == 0 && here != 0 {
                (here, last) = (here >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (here, last) = (here >> 1, last >> 1);
    }
    match last {
        0 if hash == *root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// Checks a proof that one tree is the beginning of another (RFC 9162 2.1.4.2): `old` and `new` are size and root.
///
/// # Errors
/// The step that failed.
pub fn check_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> Result<(), ProofError> {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old > new {
        return Err(ProofError::Index);
    }
    if old == 0 || old == new {
        let fits = if old == 0 { *old_root == empty_root() } else { old_root == new_root };
        return match (proof.is_empty(), fits) {
            (false, _) => Err(ProofError::Length),
            (_, false) => Err(ProofError::Root),
            _ => Ok(()),
        };
    }
    // A full old tree is itself the first step.
    let mut steps = proof.iter();
    let first = if old.is_power_of_two() { old_root } else { steps.next().ok_or(ProofError::Length)? };
    let (mut here, mut last) = (old.saturating_sub(1), new.saturating_sub(1));
    while here & 1 == 1 {
        (here, last) = (here >> 1, last >> 1);
    }
    let (mut of_old, mut of_new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if here & 1 == 1 || here == last {
            (of_old, of_new) = (node_hash(step, &of_old), node_hash(step, &of_new));
            while here & 1 == 0 && here != 0 {
                (here, last) = (here >> 1, last >> 1);
            }
        } else {
            of_new = node_hash(&of_new, step);
        }
        (here, last) = (here >> 1, last >> 1);
    }
    match last {
        0 if of_old == *old_root && of_new == *new_root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// A tree that grows leaf by leaf and knows its root: one hash for each bit of its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growing {
    size: u64,
    /// Hashes of the full subtrees that the tree is made of, the largest first.
    peaks: Vec<Hash>,
}

impl Growing {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Growing {
        Growing::default()
    }

    /// The tree of the first `size` leaves. `None` if `read` has not what it takes.
    pub fn resume(size: u64, mut read: impl FnMut(Node) -> Option<Hash>) -> Option<Growing> {
        let mut peaks = Vec::new();
        let mut from: u64 = 0;
        for level in (0..64u8).rev().filter(|level| size.checked_shr(u32::from(*level)).is_some_and(|n| n & 1 == 1)) {
            peaks.push(read(Node { level, index: from.checked_shr(u32::from(level))? })?);
            from = from.checked_add(1u64.checked_shl(u32::from(level))?)?;
        }
        Some(Growing { size, peaks })
    }

    /// Appends the hash of a leaf.
    pub fn push(&mut self, leaf: &Hash) {
        let mut hash = *leaf;
        let mut full = self.size;
        while full & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            full >>= 1;
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The hash of the leaves from `from` to `to`, where `from` is a multiple of the largest power of two below the count.
fn subtree(from: u64, to: u64, read: &mut impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
    let count = to.checked_sub(from)?;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return read(Node { level: u8::try_from(level).ok()?, index: from.checked_shr(level)? });
    }
    let middle = from.checked_add(half(count))?;
    Some(node_hash(&subtree(from, middle, read)?, &subtree(middle, to, read)?))
}

/// The largest power of two below `count`, which is at least 2.
const fn half(count: u64) -> u64 {
    match count.saturating_sub(1).checked_ilog2() {
        Some(bits) => 1u64.rotate_left(bits),
        None => 0,
    }
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The leaf, or the old tree, is not within the tree.
    Index,
    /// It has too many or too few hashes.
    Length,
    /// It leads to another root.
    Root,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProofError::Index => "proof: not within the tree",
            ProofError::Length => "proof: too long or too short",
            ProofError::Root => "proof: leads to another root",
        })
    }
}

impl core::error::Error for ProofError {}

/// Longest proof: two hashes a bit of the size never occur; a consistency proof has at most one a bit, and one.
pub const MAX_PROOF: usize = 65;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    /// The leaves and roots that implementations of RFC 6962 test with.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn classic() -> Vec<Hash> {
        LEAVES.iter().map(|l| leaf_hash(&hex(l))).collect()
    }

    /// The simplest reader: every subtree is made from the leaves.
    fn reader(leaves: &[Hash]) -> impl FnMut(Node) -> Option<Hash> + '_ {
        |node| {
            let from = usize::try_from(node.index << node.level).unwrap();
            let mut row = leaves.get(from..from + (1 << node.level))?.to_vec();
            while row.len() > 1 {
                row = row.chunks(2).map(|c| node_hash(&c[0], &c[1])).collect();
            }
            Some(row[0])
        }
    }

    #[test]
    fn the_roots_are_those_of_every_other_implementation() {
        let leaves = classic();
        let mut growing = Growing::new();
        for (size, want) in ROOTS.iter().enumerate() {
            let size = u64::try_from(size).unwrap();
            assert_eq!(root(size, reader(&leaves)).unwrap().to_vec(), hex(want), "size {size}");
            assert_eq!(growing.root().to_vec(), hex(want), "growing, size {size}");
            assert_eq!(Growing::resume(size, reader(&leaves)).unwrap(), growing);
            if let Some(leaf) = leaves.get(usize::try_from(size).unwrap()) {
                growing.push(leaf);
            }
        }
    }

    #[test]
    fn the_proofs_are_those_of_every_other_implementation() {
        let leaves = classic();
        // Leaf 0 of 8, leaf 5 of 8, leaf 2 of 3, leaf 1 of 5.
        let known: [(u64, u64, &[&str]); 4] = [
            (
                0,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                5,
                8,
                &[
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
            (
                1,
                5,
                &[
                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (index, size, want) in known {
            let proof = inclusion(index, size, reader(&leaves)).unwrap();
            assert_eq!(proof.iter().map(|h| h.to_vec()).collect::<Vec<_>>(), want.map_hex(), "leaf {index} of {size}");
        }
    }

    trait MapHex {
        fn map_hex(&self) -> Vec<Vec<u8>>;
    }
    impl MapHex for &[&str] {
        fn map_hex(&self) -> Vec<Vec<u8>> {
            self.iter().map(|h| hex(h)).collect()
        }
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other_does() {
        let leaves: Vec<Hash> = (0..40u8).map(|n| leaf_hash(&[n])).collect();
        for size in 1..=40u64 {
            let all = root(size, reader(&leaves)).unwrap();
            for index in 0..size {
                let leaf = leaves[usize::try_from(index).unwrap()];
                let proof = inclusion(index, size, reader(&leaves)).unwrap();
                assert!(proof.len() <= MAX_PROOF);
                assert_eq!(check_inclusion(&leaf, index, size, &proof, &all), Ok(()));
                assert_eq!(check_inclusion(&[9; 32], index, size, &proof, &all), Err(ProofError::Root));
                if size > 1 {
                    assert!(check_inclusion(&leaf, index ^ 1, size, &proof, &all).is_err());
                    assert!(check_inclusion(&leaf, index, size, &proof[1..], &all).is_err());
                }
                let longer = [&proof[..], &[[0; 32]]].concat();
                assert!(check_inclusion(&leaf, index, size, &longer, &all).is_err());
                assert_eq!(check_inclusion(&leaf, size, size, &proof, &all), Err(ProofError::Index));
            }
            for old in 0..=size {
                let before = root(old, reader(&leaves)).unwrap();
                let proof = consistency(old, size, reader(&leaves)).unwrap();
                assert_eq!(check_consistency((old, &before), (size, &all), &proof), Ok(()), "{old} of {size}");
                assert!(check_consistency((old, &[7; 32]), (size, &all), &proof).is_err());
                assert!(check_consistency((old, &before), (size, &[7; 32]), &proof).is_err() || old == 0);
                let longer = [&proof[..], &[[0; 32]]].concat();
                assert!(check_consistency((old, &before), (size, &all), &longer).is_err());
                for at in 0..proof.len() {
                    let mut changed = proof.clone();
                    changed[at][0] ^= 1;
                    assert!(check_consistency((old, &before), (size, &all), &changed).is_err());
                    assert!(check_consistency((old, &before), (size, &all), &proof[..at]).is_err());
                }
            }
        }
    }

    #[test]
    fn a_tree_cannot_become_smaller_or_be_read_beyond_its_end() {
        let leaves = classic();
        assert_eq!(consistency(8, 7, reader(&leaves)), None);
        assert_eq!(inclusion(8, 8, reader(&leaves)), None);
        assert_eq!(root(9, reader(&leaves)), None);
        let hash = [0; 32];
        assert_eq!(check_consistency((8, &hash), (7, &hash), &[]), Err(ProofError::Index));
    }

    #[test]
    fn the_largest_sizes_neither_stop_nor_overflow() {
        let hash = [0; 32];
        let any = |_: Node| Some([1; 32]);
        assert!(root(u64::MAX, any).is_some());
        assert!(inclusion(u64::MAX - 1, u64::MAX, any).unwrap().len() <= MAX_PROOF);
        assert!(consistency(u64::MAX - 1, u64::MAX, any).unwrap().len() <= MAX_PROOF);
        let proof = [hash; 70];
        assert!(check_inclusion(&hash, u64::MAX - 1, u64::MAX, &proof, &hash).is_err());
        assert!(check_consistency((u64::MAX - 1, &hash), (u64::MAX, &hash), &proof).is_err());
        assert!(check_consistency((1 << 63, &hash), (u64::MAX, &hash), &proof).is_err());
    }
}
