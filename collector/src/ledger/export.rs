//! A clinic's ledger as a folder for a reviewer: what a verifier that knows nothing of us needs, in C2SP's layout.
//!
//! Keeps: the newest checkpoint, every tile, entry and object below it, the proof of its last leaf, the key, the checkpoint that the
//! reviewer holds from before, the keys of reviewers, and the newest checkpoint that each cosigned. Drops: judgement; files are copied
//! as they were published, and [`super::verify()`] looks at them.

use super::{Ledger, LedgerError};
use crate::store::{ClinicRow, ClinicStore};
use auscult_report::leaf::Leaf;
use auscult_report::merkle::inclusion;
use auscult_report::tile::{self, Tile, new_tiles, reader};
use base64ct::{Base64, Encoding};

impl Ledger {
    /// Gives `vkeys`, `checkpoint`, `checkpoint.old` (if the reviewer named one), `proof`, `tile/`, `objects/`, and, if keys of reviewers
    /// are registered, `reviewers` and `cosigned/`, each file to `put` by its name. However slow `put` is, rounds go on meanwhile. Gives
    /// the leaves of the checkpoint.
    ///
    /// # Errors
    /// If there is no checkpoint yet, a file cannot be read, or `put` fails.
    pub fn parts(&self, store: &ClinicStore, since: Option<&[u8]>, put: &mut Put<'_>) -> Result<u64, LedgerError> {
        let clinic = store.clinic()?;
        let (size, edge) = self.edge(&clinic, store)?;
        edge.iter().try_for_each(|(name, octets)| put(name, octets))?;
        if let Some(since) = since {
            put("checkpoint.old", since)?;
        }
        new_tiles(0, size).filter(is_full).try_for_each(|tile| self.put_tile((&clinic, store), tile, put))?;
        Ok(size)
    }

    /// What another round would take away: the newest checkpoint and every tile that is not full, with all that is said of it. A hundred
    /// files at most; they are read while no round runs.
    fn edge(&self, clinic: &ClinicRow, store: &ClinicStore) -> Result<(u64, Vec<Named>), LedgerError> {
        let _alone = self.highwater.alone(clinic)?;
        let Some(head) = store.book()?.0 else {
            return Err(LedgerError::Disk(format!("nothing has come for the ledger of {} yet", clinic.name)));
        };
        let mut edge = vec![
            ("vkeys".to_owned(), format!("{}\n", self.key(clinic)?.vkey()).into_bytes()),
            ("checkpoint".to_owned(), head.note.clone().into_bytes()),
            ("proof".to_owned(), self.last_leaf(clinic, head.size, &head.note)?.into_bytes()),
        ];
        let mut keep = |name: &str, octets: &[u8]| {
            edge.push((name.to_owned(), octets.to_vec()));
            Ok(())
        };
        self.cosigned_parts(store, &head, &mut keep)?;
        let mut partial = new_tiles(0, head.size).filter(|tile| !is_full(tile));
        partial.try_for_each(|tile| self.put_tile((clinic, store), tile, &mut keep))?;
        Ok((head.size, edge))
    }

    /// A tile; of the lowest level with its entries and what they stand for.
    fn put_tile(
        &self,
        (clinic, store): (&ClinicRow, &ClinicStore),
        tile: Tile,
        put: &mut Put<'_>,
    ) -> Result<(), LedgerError> {
        let missing = || LedgerError::Broken(format!("{} of clinic {} cannot be read", tile.path(), clinic.name));
        put(&tile.path(), &self.files.tile(clinic, tile).ok_or_else(missing)?)?;
        if tile.level == 0 {
            let entries = self.files.bundle(clinic, tile).ok_or_else(missing)?;
            put(&tile.entries_path(), &entries)?;
            put(&tile.objects_path(), &objects(store, &entries).ok_or_else(missing)??)?;
        }
        Ok(())
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

fn is_full(tile: &Tile) -> bool {
    u64::from(tile.width) == WIDTH
}

/// What the entries of a bundle stand for. `None` if they are none, or an object is too long.
fn objects(store: &ClinicStore, entries: &[u8]) -> Option<Result<Vec<u8>, LedgerError>> {
    // An entry of a kind that this program does not know has no object here.
    let leaves: Vec<Option<Leaf>> = tile::entries(entries)?.into_iter().map(Leaf::read).collect();
    let known: Vec<Leaf> = leaves.iter().flatten().copied().collect();
    let mut found = match store.objects(&known) {
        Ok(found) => found.into_iter(),
        Err(e) => return Some(Err(e.into())),
    };
    let mut bundle = Vec::new();
    for leaf in leaves {
        let object = leaf.and_then(|_| found.next().flatten()).unwrap_or_default();
        tile::push_object(&mut bundle, &object)?;
    }
    Some(Ok(bundle))
}

/// The first line of a proof that stands alone (C2SP tlog-proof).
pub(super) const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// Takes a file of an export: its name, its octets.
pub type Put<'a> = dyn FnMut(&str, &[u8]) -> Result<(), LedgerError> + 'a;

/// A file: its name, its octets.
type Named = (String, Vec<u8>);

/// Leaves of a full tile.
const WIDTH: u64 = 256;
