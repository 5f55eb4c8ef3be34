//! Who can write the archive's files and data base, and even has the key that signs: what is noticed, by whom, and by which
//! step. As far as the ledger goes; bundles and their verifier are checked where they are made.

use auscult_collector::ingest::{Limits, receipt};
use auscult_collector::ledger::{LedgerError, Step};
use auscult_collector::store::ClinicStore;
use auscult_report::checkpoint::Checkpoint;
use auscult_report::header::Seen;
use auscult_report::merkle::ProofError;
use auscult_report::receipt::{Receipt, ReceiptError, Watch};
use auscult_report::seal::SealedReport;
use auscult_report::tile::Tile;
use auscult_tests::archive::{Archive, Dice, Ear, Folder, NOW, send};
use std::path::{Path, PathBuf};

#[test]
fn a_changed_tile_stops_the_ledger_until_it_is_made_again() {
    let (folder, mut ear) = grown(700);
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    let mut tried = 0;
    let mut dice = Dice(5);
    for _ in 0..6 {
        let before = clinic.book().unwrap().0.unwrap();
        for path in tiles(&folder.0.join("ledger")).iter().filter(|path| is_needed(path, before.size)) {
            let octets = std::fs::read(path).unwrap();
            let mut changed = octets.clone();
            changed[usize::try_from(dice.below(octets.len() as u64)).unwrap()] ^= 1;
            std::fs::write(path, &changed).unwrap();
            send(&door, &ear.chain(1), NOW);
            let refused = archive.ledger.round(&clinic, NOW).unwrap_err();
            assert!(matches!(refused, LedgerError::Broken(_)), "{}: {refused}", path.display());
            assert!(refused.to_string().contains("ledger tiles north"), "{refused}");
            assert_eq!(clinic.book().unwrap().0.unwrap(), before, "nothing was signed");
            archive.ledger.make_tiles(&clinic).unwrap();
            assert_eq!(std::fs::read(path).unwrap(), octets, "{}", path.display());
            tried += 1;
        }
        archive.ledger.take_all(&clinic, NOW).unwrap();
    }
    assert!(tried >= 10, "only {tried} tiles carry a head");
    println!("{tried} changed tiles, each stopped the ledger");
}

#[test]
fn a_changed_leaf_in_the_data_base_cannot_become_a_tile() {
    let (folder, _) = grown(300);
    for sql in [
        "UPDATE ledger_leaf SET leaf = CAST(substr(leaf, 1, 88) || x'00' AS BLOB) WHERE leaf_index = 7",
        "DELETE FROM ledger_leaf WHERE leaf_index = 299",
        "UPDATE ledger_leaf SET leaf_index = CASE leaf_index WHEN 5 THEN -6 ELSE -5 END WHERE leaf_index IN (5, 6)",
    ] {
        let copy = Folder::new();
        copy_folder(&folder.0, &copy.0);
        let data = rusqlite::Connection::open(copy.0.join("archive.db")).unwrap();
        assert!(data.execute(sql, []).unwrap() > 0);
        data.execute("UPDATE ledger_leaf SET leaf_index = -leaf_index WHERE leaf_index < 0", []).unwrap();
        let archive = Archive::open(&copy.0);
        let refused = archive.ledger.make_tiles(&archive.clinic("north")).unwrap_err();
        assert!(refused.to_string().contains("do not give its checkpoint's root"), "{sql}: {refused}");
    }
}

#[test]
fn a_queue_that_was_changed_after_the_plan_is_not_signed_or_applied() {
    for sql in [
        "UPDATE ledger_queue SET leaf = CAST(substr(leaf, 1, 88) || x'00' AS BLOB)",
        "DELETE FROM ledger_queue WHERE queue_id = (SELECT min(queue_id) FROM ledger_queue)",
        "UPDATE ledger_plan SET root = zeroblob(32)",
    ] {
        let (folder, mut ear) = grown(20);
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let before = clinic.book().unwrap().0;
        send(&archive.door(Limits::default()), &ear.chain(5), NOW);
        archive.ledger.round_up_to(&clinic, NOW, Some(Step::HighWater)).unwrap();
        let data = rusqlite::Connection::open(folder.0.join("archive.db")).unwrap();
        assert!(data.execute(sql, []).unwrap() > 0);
        let refused = archive.ledger.round(&clinic, NOW).unwrap_err();
        assert!(refused.to_string().contains("does not give the root that was planned"), "{refused}");
        assert_eq!(clinic.book().unwrap().0, before);
    }
}

#[test]
fn a_high_water_mark_that_is_gone_or_was_raised_stops_the_ledger() {
    let (folder, mut ear) = grown(20);
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    send(&archive.door(Limits::default()), &ear.chain(5), NOW);
    let mark = folder.0.join("highwater").join(clinic.clinic().unwrap().ledger.to_string());
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replacen("1 21", "1 22", 1)).unwrap();
    let refused = archive.ledger.round(&clinic, NOW).unwrap_err();
    assert!(refused.to_string().contains("22 leaves of clinic north were signed"), "{refused}");
    std::fs::write(&mark, "nonsense").unwrap();
    assert!(matches!(archive.ledger.round(&clinic, NOW), Err(LedgerError::Broken(_))));
    std::fs::remove_file(&mark).unwrap();
    let refused = archive.ledger.round(&clinic, NOW).unwrap_err();
    assert!(refused.to_string().contains("accept-head north"), "{refused}");
    archive.ledger.accept_head(&clinic).unwrap();
    assert!(archive.ledger.accept_head(&clinic).is_err(), "a mark is never lowered");
    assert_eq!(archive.ledger.round(&clinic, NOW).unwrap().unwrap().size, 26);
}

#[test]
fn a_sensor_sees_a_second_ledger_signed_with_the_true_key() {
    // What the operator showed the sensor first: 40 reports.
    let (folder, mut ear) = grown(40);
    let honest = Archive::open(&folder.0);
    let clinic = honest.clinic("north");
    let seen = seen(&honest, &clinic);
    let chain = ear.chain(3);
    type Change = fn(&mut Vec<SealedReport>);
    let changes: [(&str, Change); 3] = [
        ("a report is dropped", |chain| drop(chain.pop())),
        ("two reports change places", |chain| chain.swap(30, 31)),
        ("a report is put in before its time", |chain| {
            let late = chain.pop();
            chain.splice(0..0, late);
        }),
    ];
    for (what, change) in changes {
        let other = Folder::new();
        let archive = Archive::open(&other.0);
        let clinic = archive.clinic("north");
        let mut twin = Ear::enrolled(&clinic, 1);
        let mut reports = twin.chain(40);
        change(&mut reports);
        let door = archive.door(Limits::default());
        for report in reports.iter().chain(&chain) {
            send(&door, std::slice::from_ref(report), NOW);
        }
        archive.ledger.take_all(&clinic, NOW).unwrap();
        let failed = checked(&archive, &clinic, &ear, Some(&seen)).unwrap_err();
        assert!(failed.is_inconsistent(), "{what}: {failed}");
        assert_eq!(failed, ReceiptError::Consistency(ProofError::Root), "{what}");
    }
}

#[test]
fn a_sensor_sees_a_ledger_that_was_rolled_back_or_forked_at_one_size() {
    let (folder, ear) = grown(40);
    let honest = Archive::open(&folder.0);
    let seen_40 = seen(&honest, &honest.clinic("north"));
    let (shorter, _) = grown(30);
    let back = Archive::open(&shorter.0);
    let failed = checked(&back, &back.clinic("north"), &ear, Some(&seen_40)).unwrap_err();
    assert_eq!(failed, ReceiptError::Shrunk);
    let mut forked = seen_40;
    forked.root[0] ^= 1;
    let failed = checked(&honest, &honest.clinic("north"), &ear, Some(&forked)).unwrap_err();
    assert_eq!(failed, ReceiptError::TwoTrees);
    assert!(checked(&honest, &honest.clinic("north"), &ear, Some(&seen_40)).is_ok());
}

#[test]
fn every_octet_of_a_receipts_proofs_counts() {
    let (folder, ear) = grown(40);
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let row = clinic.clinic().unwrap();
    let (origin, keeper) = (archive.ledger.origin(&row), archive.ledger.key(&row).unwrap());
    let seen = seen(&archive, &clinic);
    let mut later = Ear { head: ear.head, uptime_ms: ear.uptime_ms, ..Ear::stranger(ear.ledger, 1) };
    send(&archive.door(Limits::default()), &later.chain(9), NOW);
    archive.ledger.take_all(&clinic, NOW).unwrap();
    let octets = receipt(&clinic, &archive.ledger, ear.id(), Some(seen.size), &[]).unwrap().encode().unwrap();
    let reports = clinic.reports_after(ear.id(), 0, 1_000).unwrap();
    let own = |place| reports.iter().find(|r| r.place == place).map(|r| r.hash);
    let watch = Watch { sensor: &ear.id(), origin: &origin, keeper: &keeper, seen: Some(&seen) };
    let whole = Receipt::decode(&octets).unwrap();
    assert!(whole.check(&watch, own).unwrap().is_some());
    let mut taken = 0;
    for at in 0..octets.len() {
        let mut changed = octets.clone();
        changed[at] ^= 1;
        // What the ledger proves is either as it was, or refused.
        if let Ok(receipt) = Receipt::decode(&changed)
            && receipt.check(&watch, own).is_ok_and(|c| c.is_some())
        {
            assert_eq!(receipt.proven, whole.proven, "octet {at}");
            taken += 1;
        }
    }
    println!("{} changed octets, {taken} outside the proofs", octets.len());
}

/// An archive with so many reports of one sensor, all in the ledger.
fn grown(reports: usize) -> (Folder, Ear) {
    let folder = Folder::new();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let mut ear = Ear::enrolled(&clinic, 1);
    send(&archive.door(Limits::default()), &ear.chain(reports), NOW);
    archive.ledger.take_all(&clinic, NOW).unwrap();
    (folder, ear)
}

fn seen(archive: &Archive, clinic: &ClinicStore) -> Seen {
    let row = clinic.clinic().unwrap();
    let note = clinic.book().unwrap().0.unwrap().note;
    let keeper = archive.ledger.key(&row).unwrap();
    Checkpoint::open(note.as_bytes(), &archive.ledger.origin(&row), &keeper).unwrap().seen()
}

/// What the sensor says to the archive's receipt.
fn checked(
    archive: &Archive,
    clinic: &ClinicStore,
    ear: &Ear,
    seen: Option<&Seen>,
) -> Result<Option<Checkpoint>, ReceiptError> {
    let row = clinic.clinic().unwrap();
    let (origin, keeper) = (archive.ledger.origin(&row), archive.ledger.key(&row).unwrap());
    let receipt = receipt(clinic, &archive.ledger, ear.id(), seen.map(|s| s.size), &[]).unwrap();
    let reports = clinic.reports_after(ear.id(), 0, 1_000).unwrap();
    let own = |place| reports.iter().find(|r| r.place == place).map(|r| r.hash);
    receipt.check(&Watch { sensor: &ear.id(), origin: &origin, keeper: &keeper, seen }, own)
}

/// The tiles of hashes below a folder.
fn tiles(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tiles(&path));
        } else if !path.ends_with("checkpoint") && !path.display().to_string().contains("entries") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a round behind so many leaves reads this tile: it has the peaks of the tree.
fn is_needed(path: &Path, size: u64) -> bool {
    let shown = path.display().to_string();
    let Some((_, Some((_, tile)))) =
        shown.split_once("tile/").map(|(_, rest)| ((), Tile::parse(&format!("tile/{rest}"))))
    else {
        return false;
    };
    let is_last = tile.index == (size >> (8 * u64::from(tile.level))) / 256;
    is_last && Tile::within(tile.level, tile.index, size) == Some(tile)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
