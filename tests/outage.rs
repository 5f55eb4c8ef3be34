//! What is left of the archive when it is killed, when the disk is full, when a backup is put back.
//!
//! Failure: an acknowledged report that is not in the archive, not in the ledger after a round, or twice in it; a
//! checkpoint that is not the beginning of every later one; two notes for one size; a damaged data base; a panic; an archive
//! that does not go on when the fault has ended.
//! Not a failure: a report that is in the archive and was not acknowledged; the same answer twice; "no room" while there is
//! none; a round that ended half and is ended by the next; a ledger that stops and says what to do after a restore.

use auscult_collector::ingest::Limits;
use auscult_collector::ledger::{LedgerError, Step};
use auscult_collector::store::ClinicStore;
use auscult_report::key::Hash;
use auscult_report::merkle::{Growing, leaf_hash};
use auscult_report::seal::SealedReport;
use auscult_tests::archive::{Archive, Dice, Ear, Folder, NOW, all_stored, answers, send};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const KILLS: usize = 30;

#[test]
fn killed_at_any_moment_it_has_what_it_acknowledged_once_and_one_ledger() {
    let folder = Folder::new();
    let reports = prepare(&folder.0, 3, 6_000);
    let mut dice = Dice(0xdead);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut checkpoints: BTreeMap<u64, String> = BTreeMap::new();
    let mut killed = 0;
    for kill in 0..KILLS {
        // From a little before where it was: some are there already, most are new.
        let from = acknowledged.len().saturating_sub(80).min(reports.len() - 1);
        let to = (from + 4_000).min(reports.len());
        write_batch(&folder.0.join("reports"), &reports[from..to]);
        let mut child = ingest(&folder.0).stdout(Stdio::piped()).spawn().expect("the collector starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next();
        let pause = Duration::from_millis(dice.below(200));
        let pid = child.id();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(pause);
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap()
        });
        // Lines that were cut in their middle were not told to anybody.
        for line in first.into_iter().chain(lines).map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["stored", hash] if hash.len() == 64 => drop(acknowledged.insert((*hash).to_owned())),
                ["checkpoint", size, root] if root.len() == 64 => {
                    let before = checkpoints.insert(size.parse().unwrap(), (*root).to_owned());
                    assert!(before.is_none_or(|b| b == *root), "two roots of size {size}");
                }
                _ => {}
            }
        }
        killer.join().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let archive = Archive::open(&folder.0);
        assert_eq!(archive.store.damage().unwrap(), None, "kill {kill}");
        let clinic = archive.clinic("north");
        let head = archive.ledger.take_all(&clinic, NOW).unwrap().unwrap();
        checkpoints.insert(head.size, hex(&head.root));
        check(&clinic, &acknowledged, &checkpoints);
    }
    assert!(killed >= 20, "only {killed} of {KILLS} were killed before they ended");
    println!(
        "killed {killed} times: 0 of {} acknowledged reports missing or doubled, {} checkpoints each the beginning of the next",
        acknowledged.len(),
        checkpoints.len()
    );
}

#[test]
fn a_round_that_ends_anywhere_is_ended_by_the_next() {
    let folder = Folder::new();
    let steps = [Step::HighWater, Step::Tiles, Step::Apply, Step::Publish];
    let mut checkpoints: BTreeMap<u64, String> = BTreeMap::new();
    let mut notes: BTreeMap<u64, String> = BTreeMap::new();
    let mut ear: Option<Ear> = None;
    let mut rounds = 0;
    for first in steps {
        for second in steps {
            for more in [1, 3, 260] {
                let archive = Archive::open(&folder.0);
                let clinic = archive.clinic("north");
                let ear = ear.get_or_insert_with(|| Ear::enrolled(&clinic, 1));
                let reports = ear.chain(more);
                let door = archive.door(Limits::default());
                assert_eq!(answers(&send(&door, &reports, NOW)), all_stored(more));
                for end in [first, second] {
                    let again = Archive::open(&folder.0);
                    again.ledger.round_up_to(&again.clinic("north"), NOW, Some(end)).unwrap();
                    if let (_, Some(plan)) = clinic.book().unwrap() {
                        let note = notes.entry(plan.size).or_insert_with(|| plan.note.clone());
                        assert_eq!(*note, plan.note, "a second note for {} leaves", plan.size);
                    }
                    // What comes in between belongs to the next round.
                    assert_eq!(answers(&send(&door, &ear.chain(2), NOW)), all_stored(2));
                }
                let head = archive.ledger.take_all(&clinic, NOW).unwrap().unwrap();
                if let Some(note) = notes.get(&head.size) {
                    assert_eq!(*note, head.note);
                }
                checkpoints.insert(head.size, hex(&head.root));
                rounds += 3;
                check(&clinic, &BTreeSet::new(), &checkpoints);
            }
        }
    }
    println!("{rounds} rounds, two of three cut off before a step: {} checkpoints, one ledger", checkpoints.len());
}

#[test]
fn on_a_full_disk_it_says_so_keeps_what_it_acknowledged_and_goes_on() {
    let folder = Folder::new();
    let reports = prepare(&folder.0, 2, 1_000);
    write_batch(&folder.0.join("reports"), &reports);
    // A limit on the size of files is what a full disk is to this process; the signal is ignored, so writing fails.
    let program = ingest(&folder.0);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' XFSZ; ulimit -f 900; exec \"$0\" \"$@\"").arg(program.get_program());
    let output = shell.args(program.get_args()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no room") || said.contains("File too large"), "{said}");
    let mut acknowledged = stored(&output.stdout);
    assert!(!acknowledged.is_empty() && acknowledged.len() < reports.len(), "{}", acknowledged.len());
    let before = acknowledged.len();
    {
        let archive = Archive::open(&folder.0);
        assert_eq!(archive.store.damage().unwrap(), None);
        let clinic = archive.clinic("north");
        let head = archive.ledger.take_all(&clinic, NOW).unwrap().unwrap();
        check(&clinic, &acknowledged, &BTreeMap::from([(head.size, hex(&head.root))]));
    }
    let output = ingest(&folder.0).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    acknowledged.extend(stored(&output.stdout));
    assert_eq!(acknowledged.len(), reports.len());
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    archive.ledger.take_all(&clinic, NOW).unwrap();
    check(&clinic, &acknowledged, &BTreeMap::new());
    println!("{before} of {} acknowledged before the disk was full, all after", reports.len());
}

#[test]
fn a_restored_backup_signs_nothing_until_a_person_begins_a_new_ledger() {
    let folder = Folder::new();
    let (mut ear, chain) = {
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        let mut ear = Ear::enrolled(&clinic, 1);
        let chain = ear.chain(50);
        send(&archive.door(Limits::default()), &chain, NOW);
        archive.ledger.take_all(&clinic, NOW).unwrap();
        (ear, chain)
    };
    std::fs::copy(folder.0.join("archive.db"), folder.0.join("backup")).unwrap();
    let later = ear.chain(30);
    let newest = {
        let archive = Archive::open(&folder.0);
        let clinic = archive.clinic("north");
        send(&archive.door(Limits::default()), &later, NOW);
        archive.ledger.take_all(&clinic, NOW).unwrap().unwrap()
    };
    for old in ["archive.db-wal", "archive.db-shm"] {
        let _ = std::fs::remove_file(folder.0.join(old));
    }
    std::fs::rename(folder.0.join("backup"), folder.0.join("archive.db")).unwrap();
    let archive = Archive::open(&folder.0);
    let clinic = archive.clinic("north");
    let door = archive.door(Limits::default());
    assert_eq!(answers(&send(&door, &later[..5], NOW)), all_stored(5), "reports are still taken in");
    let refused = archive.ledger.round(&clinic, NOW).unwrap_err();
    assert!(matches!(refused, LedgerError::HighWater(_)), "{refused}");
    assert!(refused.to_string().contains("81 leaves") && refused.to_string().contains("new-generation north"));
    assert_eq!(clinic.book().unwrap().1, None, "no plan was made");
    assert_eq!(newest.size, 81);
    // A person begins a new ledger; the sensor sends again what it still has.
    assert_eq!(clinic.new_generation("disk replaced", NOW).unwrap(), 2);
    assert_eq!(answers(&send(&door, &later, NOW)), all_stored(30));
    let head = archive.ledger.take_all(&clinic, NOW).unwrap().unwrap();
    assert_eq!(head.size, 50 + 30 + 1 + 1, "80 reports, the enrolment, and why it begins again");
    assert!(head.note.starts_with(&format!("archive.example/ledger/{}/2\n", clinic.clinic().unwrap().ledger)));
    let all: BTreeSet<String> = chain.iter().chain(&later).map(|r| hex(&r.hash())).collect();
    check(&clinic, &all, &BTreeMap::new());
}

/// Every acknowledged report is in the archive, and in the ledger once; every checkpoint that was ever seen is the root of
/// so many of today's leaves.
fn check(clinic: &ClinicStore, acknowledged: &BTreeSet<String>, checkpoints: &BTreeMap<u64, String>) {
    let mut kept = BTreeSet::new();
    for sensor in clinic.sensors().unwrap() {
        let mut after = 0;
        loop {
            let reports = clinic.reports_after(sensor.id, after, 500).unwrap();
            let Some(last) = reports.last() else { break };
            after = last.id;
            for report in &reports {
                let octets = report.envelope.clone().unwrap();
                assert_eq!(SealedReport::from_octets(octets).hash(), report.hash);
                assert!(kept.insert(hex(&report.hash)), "twice in the archive");
            }
        }
    }
    assert!(acknowledged.is_subset(&kept), "acknowledged and not in the archive");
    let mut tree = Growing::new();
    let mut in_ledger = BTreeSet::new();
    let leaves = clinic.leaves(0, u32::MAX).unwrap();
    for leaf in &leaves {
        tree.push(&leaf_hash(leaf));
        assert!(in_ledger.insert(hex(leaf.last_chunk::<32>().unwrap())), "twice in the ledger");
        if let Some(root) = checkpoints.get(&tree.size()) {
            assert_eq!(hex(&tree.root()), *root, "the checkpoint of {} leaves is not of this ledger", tree.size());
        }
    }
    assert!(checkpoints.keys().all(|size| *size <= tree.size()), "the ledger became shorter");
    assert!(kept.is_subset(&in_ledger), "in the archive and not in the ledger after a round");
}

/// An archive for the program in this folder, with sensors and their chains, one report of each in turn.
fn prepare(folder: &Path, sensors: u8, each: usize) -> Vec<SealedReport> {
    let archive = Archive::open(folder);
    let clinic = archive.clinic("north");
    let chains: Vec<_> = (1..=sensors).map(|n| Ear::enrolled(&clinic, n).chain(each)).collect();
    let shown = folder.display();
    let config = format!(
        "name = \"archive.example\"\n[store]\npath = \"{shown}/archive.db\"\n[ledger]\nkey = \"{shown}/key\"\n\
         tiles = \"{shown}/ledger\"\nhighwater = \"{shown}/highwater\"\n[limits]\nsensor_burst = 1000000\n"
    );
    std::fs::write(folder.join("collector.toml"), config).unwrap();
    std::fs::write(folder.join("key"), hex(&[9; 32])).unwrap();
    std::fs::set_permissions(folder.join("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    (0..each).flat_map(|n| chains.iter().map(move |c| c[n].clone())).collect()
}

fn ingest(folder: &Path) -> Command {
    let mut command = Command::new(auscult_tests::collector());
    command.arg("-c").arg(folder.join("collector.toml")).args(["ingest", "--each", "--rounds"]);
    command.arg(folder.join("reports"));
    command
}

fn write_batch(path: &Path, reports: &[SealedReport]) {
    let mut octets = Vec::new();
    for report in reports {
        octets.extend(u32::try_from(report.octets().len()).unwrap().to_be_bytes());
        octets.extend(report.octets());
    }
    std::fs::write(path, octets).unwrap();
}

fn stored(output: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(output);
    text.lines().filter_map(|l| l.strip_prefix("stored ")).filter(|h| h.len() == 64).map(str::to_owned).collect()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|o| format!("{o:02x}")).collect()
}
