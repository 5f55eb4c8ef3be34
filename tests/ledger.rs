//! A ledger that we make, checked by software that is not ours: Go's standard library and golang.org/x/mod/sumdb.
//!
//! Follows C2SP tlog-tiles, tlog-checkpoint, tlog-cosignature and tlog-proof; `verify/main.go` is the verifier. Where
//! there is no Go this says so and passes; `.ci/run` installs Go and sets `AUSCULT_FOREIGN=1`, which makes that a
//! failure.

use auscult_report::checkpoint::Checkpoint;
use auscult_report::key::{Hash, SensorId, SensorKey};
use auscult_report::leaf::{Leaf, LeafKind, statement_hash};
use auscult_report::merkle::{Growing, inclusion, leaf_hash};
use auscult_report::note::{NoteKind, NoteSigner, note};
use auscult_report::payload::Place;
use auscult_report::tile::{self, Tile};
use auscult_report::time::Timestamp;
use auscult_tests::archive::Folder;
use auscult_tests::reviewer::{Change, change_an_entry_with_its_tile, flip, foreign, refuses_each, run, text};
use base64ct::{Base64, Encoding};
use std::fs;
use std::path::Path;

/// Past 65,536 leaves the tree has a third level of tiles; both sizes leave partial tiles on two levels.
const SIZE: u64 = 70_000;
const SIZE_BEFORE: u64 = 51_234;
/// The leaf of the proof that stands alone.
const INDEX: u64 = 23_333;

#[test]
fn foreign_software_verifies_our_ledger_and_refuses_a_changed_one() {
    let Some(verify) = foreign() else { return };
    let folder = Folder::new();
    let dir = &folder.0;
    write_ledger(dir);
    let (holds, said) = run(&verify, dir);
    assert!(holds, "{said}");
    for claim in [
        "checkpoint: 70000 entries, signed by the keeper and 1 witness",
        "checkpoint.old: 51234 entries",
        "consistency: the first 51234 entries of 70000 are those of before",
        "inclusion: entry 23333 stands in the ledger",
        "entries: all 70000, and 277 tiles, are what was signed",
    ] {
        assert!(said.contains(claim), "{claim}: {said}");
    }
    refuses_each(&verify, dir, &changes());
    change_an_entry_with_its_tile(dir, 25_601);
    let (holds, said) = run(&verify, dir);
    assert!(!holds && said.contains("are not those that were signed"), "an entry and its tile together: {said}");
}

fn changes() -> [Change<'static>; 9] {
    [
        ("tile/entries/100", flip, "the first 51234 entries are not those that were signed"),
        ("tile/entries/273.p/112", |o| o[..o.len() - 91].to_vec(), "69999 entries where the checkpoint wants 70000"),
        ("tile/0/100", flip, "tile/0/100 is not made of the entries"),
        ("tile/1/001.p/17", flip, "inconsistent tile"),
        ("tile/2/000.p/1", |o| o.iter().map(|b| b ^ 1).collect(), "inconsistent tile"),
        ("checkpoint", |o| text(o, "\n70000\n", "\n69999\n"), "reading checkpoint: invalid signature"),
        ("checkpoint.old", |o| text(o, "\n51234\n", "\n51233\n"), "reading checkpoint.old: invalid signature"),
        ("checkpoint", |o| text(o, "— anna.example", "— nora.example"), "1 of 2 signatures"),
        ("proof", |o| text(o, "\nindex 23333\n", "\nindex 23334\n"), "proof: "),
    ]
}

fn write_ledger(dir: &Path) {
    let entries: Vec<Vec<u8>> = (0..SIZE).map(entry).collect();
    let hashes: Vec<Hash> = entries.iter().map(|e| leaf_hash(e)).collect();
    let keeper = NoteSigner::new("collector.example/ledger/00112233445566778899aabbccddeeff/1", &[3; 32]).unwrap();
    let witness = NoteSigner::new("anna.example", &[4; 32]).unwrap();
    let (mut tree, mut rows) = (Growing::new(), vec![hashes.clone()]);
    let mut checkpoint = |name: &str, size: u64| {
        (tree.size()..size).for_each(|n| tree.push(&hashes[usize::try_from(n).unwrap()]));
        let text =
            Checkpoint { origin: keeper.key(NoteKind::Ed25519).name().to_owned(), size, root: tree.root() }.text();
        let signed = note(&text, &[keeper.sign(&text), witness.cosign(&text, 1_790_000_000)]);
        fs::write(dir.join(name), &signed).unwrap();
        signed
    };
    checkpoint("checkpoint.old", SIZE_BEFORE);
    let signed = checkpoint("checkpoint", SIZE);
    let keys = [keeper.key(NoteKind::Ed25519).vkey(), witness.key(NoteKind::Cosignature).vkey()];
    fs::write(dir.join("vkeys"), keys.join("\n")).unwrap();

    // Written in two steps, as a ledger grows: what the first step left at the right edge must not be in the way.
    for tile in tile::new_tiles(0, SIZE_BEFORE).chain(tile::new_tiles(SIZE_BEFORE, SIZE)) {
        while rows.len() <= usize::from(tile.level) {
            let above = rows.last().unwrap().chunks_exact(256).map(|row| Tile::full_hash(&row.concat()).unwrap());
            rows.push(above.collect());
        }
        let first = usize::try_from(tile.index).unwrap() * 256;
        let last = first + usize::from(tile.width);
        write(&dir.join(tile.path()), &rows[usize::from(tile.level)][first..last].concat());
        if tile.level == 0 {
            let mut bundle = Vec::new();
            entries[first..last].iter().for_each(|e| tile::push_entry(&mut bundle, e).unwrap());
            write(&dir.join(tile.entries_path()), &bundle);
        }
    }
    let read = |tile: Tile| fs::read(dir.join(tile.path())).ok();
    let proof = inclusion(INDEX, SIZE, tile::reader(SIZE, read)).unwrap();
    let mut text = format!("c2sp.org/tlog-proof@v1\nextra {}\nindex {INDEX}\n", Base64::encode_string(&entry(INDEX)));
    proof.iter().for_each(|hash| text.extend([&Base64::encode_string(hash), "\n"]));
    fs::write(dir.join("proof"), format!("{text}\n{signed}")).unwrap();
}

fn entry(n: u64) -> Vec<u8> {
    let leaf = Leaf {
        kind: LeafKind::Report,
        sensor: SensorId::of(&SensorKey::from_seed(&[1; 32]).public()),
        place: Place { epoch: 0, seq: n },
        received: Timestamp(1_790_000_000_000 + n * 900_000),
        object: statement_hash(&n.to_be_bytes()),
    };
    leaf.octets()
}

fn write(path: &Path, octets: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, octets).unwrap();
}
