//! The spool under every fault that a disk has: each step failed and not written, failed but written, torn; the process
//! killed at any moment; the disk full; the spool full.
//!
//! Counts as failure: a report that was acknowledged and is neither there, settled nor told of by a Gap; a chain that
//! does not hold; a number used twice; a payload twice. Does not: a report that was written and not acknowledged; a new
//! epoch with its reason when the head itself was lost.

use auscult_agent::spool::disk::{Disk, SystemDisk};
use auscult_agent::spool::{Bounds, Recovered, Spool, Trouble};
use auscult_report::key::Hash;
use auscult_report::payload::Known;
use auscult_tests::nest::{Nest, ROOMY, changes, full, identity, moment, number, told, verified, walk};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread, time};

/// What a step does that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NotDone,
    Done,
    Torn,
}

/// A disk on which one step fails, counted from its start.
struct WorseDisk {
    step: Arc<AtomicUsize>,
    fails: usize,
    how: Fault,
}

impl WorseDisk {
    fn step(&self, torn: impl FnOnce() -> io::Result<()>, done: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.step.fetch_add(1, Ordering::SeqCst) != self.fails {
            return done();
        }
        match self.how {
            Fault::NotDone => {}
            Fault::Done => done()?,
            Fault::Torn => torn()?,
        }
        Err(io::Error::other("the disk says no"))
    }
}

impl Disk for WorseDisk {
    fn write(&self, path: &Path, octets: &[u8]) -> io::Result<()> {
        self.step(|| SystemDisk.write(path, &octets[..octets.len() / 2]), || SystemDisk.write(path, octets))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| Ok(()), || SystemDisk.rename(from, to))
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step(|| Ok(()), || SystemDisk.sync_folder(folder))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|| Ok(()), || SystemDisk.remove(path))
    }
}

/// What a run with a fault did: reports that were acknowledged, and how many steps it had.
fn run_with_fault(place: &Nest, fails: usize, how: Fault, restarts: bool) -> (BTreeMap<u64, Known>, usize, Spool) {
    let step = Arc::new(AtomicUsize::new(0));
    let disk = || Box::new(WorseDisk { step: Arc::clone(&step), fails, how });
    let identity = place.identity();
    let open = || loop {
        match place.open_on(disk(), Bounds { octets: 9 * 330, keep_ms: 0 }) {
            Ok((spool, _)) => return spool,
            Err(Trouble::Later(..)) => {}
            Err(e) => panic!("{e}"),
        }
    };
    let mut spool = open();
    let mut acknowledged = BTreeMap::new();
    for n in 0..14 {
        let payload = if n % 4 == 0 { full(n) } else { changes(n) };
        loop {
            match spool.append(&identity, &payload, moment(n)) {
                Ok(known) => {
                    acknowledged.insert(n, known);
                    break;
                }
                Err(Trouble::Later(..)) if restarts => spool = open(),
                Err(Trouble::Later(..)) => {}
                Err(e) => panic!("step {fails} {how:?}: {e}"),
            }
        }
    }
    (acknowledged, step.load(Ordering::SeqCst), spool)
}

#[test]
fn every_step_may_fail_in_every_way() {
    let place = Nest::new("steps");
    let steps = run_with_fault(&place, usize::MAX, Fault::NotDone, false).1;
    drop(place);
    let (mut runs, mut epochs, mut gaps) = (0, 0, 0);
    for fails in 0..steps {
        for how in [Fault::NotDone, Fault::Done, Fault::Torn] {
            for restarts in [false, true] {
                let place = Nest::new("step");
                let identity = place.identity();
                let (acknowledged, _, spool) = run_with_fault(&place, fails, how, restarts);
                let reports = verified(&spool, &identity);
                epochs += walk(&reports) - 1;
                let gone: Vec<_> = reports.iter().filter_map(told).collect();
                gaps += gone.len();
                for (n, known) in &acknowledged {
                    let here = reports.iter().filter(|r| r.header().place == known.place).collect::<Vec<_>>();
                    let told = gone.iter().any(|(epoch, from, to)| {
                        *epoch == known.place.epoch && (*from..=*to).contains(&known.place.seq)
                    });
                    let text = format!("step {fails} {how:?} restarts {restarts}: report {n} at {:?}", known.place);
                    assert!(told == here.is_empty(), "{text}: lost, or given up and here");
                    assert!(here.iter().all(|r| r.hash() == known.hash), "{text}: its number was used twice");
                }
                if !restarts {
                    let mut seen = BTreeSet::new();
                    assert!(reports.iter().filter_map(number).all(|n| seen.insert(n)), "step {fails} {how:?}: twice");
                }
                runs += 1;
            }
        }
    }
    println!("{steps} steps, {runs} runs, {gaps} gaps told, {epochs} epochs begun anew");
    assert!(steps > 60 && gaps > 0);
    assert!(epochs * 20 < runs, "{epochs} new epochs in {runs} runs");
}

/// The child of the kill test: seals as fast as it can and says each acknowledgement on standard output.
#[test]
fn a_child_that_seals() {
    let Some(folder) = env::var_os("AUSCULT_SPOOL_CHILD") else { return };
    let folder = PathBuf::from(folder);
    let identity = identity(&folder);
    let (mut spool, recovered) =
        Spool::open(Box::new(SystemDisk), &folder.join("state"), ROOMY, &identity, moment(0)).unwrap();
    println!("opened {}", recovered.epoch.map_or("on", |r| r.word()));
    for n in 0.. {
        match spool.append(&identity, &full(n), moment(n)) {
            Ok(known) => println!("ack {} {} {}", known.place.epoch, known.place.seq, hex(&known.hash)),
            Err(e) => println!("later {e}"),
        }
        if n > 400 {
            thread::sleep(time::Duration::from_secs(60));
        }
    }
}

fn child(folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "a_child_that_seals", "--nocapture", "--test-threads=1"]);
    command.env("AUSCULT_SPOOL_CHILD", folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|o| format!("{o:02x}")).collect()
}

#[test]
fn thirty_kills_lose_nothing_that_was_acknowledged() {
    let place = Nest::new("kills");
    let mut acknowledged = BTreeSet::new();
    let mut turn = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..KILLS {
        let mut child = child(&place.folder).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        turn ^= turn << 13;
        turn ^= turn >> 7;
        turn ^= turn << 17;
        let after = time::Duration::from_millis(20 + turn % 180);
        let killer = thread::spawn(move || {
            thread::sleep(after);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        acknowledged.extend(output.lines().map_while(Result::ok).filter(|l| l.starts_with("ack ")));
        killer.join().unwrap();
    }
    let identity = place.identity();
    let (spool, last) = place.open();
    let reports = verified(&spool, &identity);
    let epochs = walk(&reports);
    let here: BTreeSet<String> = reports
        .iter()
        .map(|r| format!("ack {} {} {}", r.header().place.epoch, r.header().place.seq, hex(&r.hash())))
        .collect();
    let missing: Vec<_> = acknowledged.difference(&here).collect();
    println!(
        "{KILLS} kills, {} acknowledged, {} there, {} missing, {epochs} epochs, last start {last:?}",
        acknowledged.len(),
        reports.len(),
        missing.len()
    );
    assert!(missing.is_empty(), "{missing:?}");
    assert!(acknowledged.len() > 100, "the child hardly came to write");
    assert!(epochs <= 2, "{epochs} epochs");
}

const KILLS: usize = 30;

#[test]
fn a_full_disk_loses_nothing_and_the_spool_goes_on_when_there_is_room() {
    let place = Nest::new("full");
    let identity = place.identity();
    let (mut spool, _) = place.open();
    let known = spool.append(&identity, &full(1), moment(1)).unwrap();
    drop(spool);
    // No file may grow at all: every write fails with EFBIG, as with ENOSPC on a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' --exact a_child_that_seals --nocapture",
        env::current_exe().unwrap().display()
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .env("AUSCULT_SPOOL_CHILD", &place.folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let later = lines.take(60).filter(|l| l.starts_with("later ")).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(later > 40, "a full disk says: later ({later})");
    let (mut spool, recovered) = place.open();
    assert_eq!((recovered.damaged, recovered.epoch), (0, None));
    assert_eq!(spool.head().unwrap().known(), known);
    spool.append(&identity, &full(2), moment(2)).unwrap();
    assert_eq!(walk(&verified(&spool, &identity)), 1);
    println!("{later} writes refused, then {recovered:?}");
}

#[test]
fn a_full_spool_gives_up_the_oldest_changes_and_says_so() {
    let place = Nest::new("bound");
    let identity = place.identity();
    let bounds = Bounds { octets: 1 << 14, keep_ms: 0 };
    let (mut spool, _) = place.open_on(Box::new(SystemDisk), bounds).unwrap();
    for n in 0..600 {
        let payload = if n % 25 == 0 { full(n) } else { changes(n) };
        spool.append(&identity, &payload, moment(n)).unwrap();
        assert!(spool.fill().octets <= bounds.octets, "{:?}", spool.fill());
    }
    let on_disk: u64 =
        fs::read_dir(place.folder.join("state/spool")).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(on_disk, spool.fill().octets);
    let reports = verified(&spool, &identity);
    assert_eq!(walk(&reports), 1);
    let newest = reports.iter().rev().filter_map(number).take(20).collect::<Vec<_>>();
    assert_eq!(newest, (580..600).rev().collect::<Vec<_>>(), "the newest are all there");
    let gaps = reports.iter().filter_map(told).collect::<Vec<_>>();
    let given_up: u64 = gaps.iter().map(|(_, from, to)| to - from + 1).max().unwrap();
    println!("{} reports there of 600, {} gaps, the longest of {given_up}", reports.len(), gaps.len());
    drop(spool);
    let (spool, again) = place.open_on(Box::new(SystemDisk), bounds).unwrap();
    assert_eq!(again, Recovered::default());
    assert_eq!(walk(&verified(&spool, &identity)), 1);
}
