//! A state folder for one test, and a chain checked as a collector would check it that has the public keys only.

use auscult_agent::config::Config;
use auscult_agent::identity::Identity;
use auscult_agent::spool::disk::{Disk, SystemDisk};
use auscult_agent::spool::{Bounds, Recovered, Spool, Trouble};
use auscult_report::chain::{ChainError, Head, follows};
use auscult_report::header::Moment;
use auscult_report::payload::{Changes, Full, Kind, Payload, Place};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::time::{Timestamp, Window};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A state folder of its own, gone at the end.
pub struct Nest {
    /// Below it lies `state`.
    pub folder: PathBuf,
}

impl Nest {
    pub fn new(name: &str) -> Nest {
        // The table of faults writes a hundred thousand files; it needs no real disk to fail on.
        let memory = Path::new("/dev/shm");
        let below = if name == "step" && memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        let folder = below.join(format!("auscult-spool-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Nest { folder }
    }

    pub fn identity(&self) -> Identity {
        identity(&self.folder)
    }

    pub fn open(&self) -> (Spool, Recovered) {
        self.open_on(Box::new(SystemDisk), ROOMY).unwrap()
    }

    pub fn open_on(&self, disk: Box<dyn Disk>, bounds: Bounds) -> Result<(Spool, Recovered), Trouble> {
        Spool::open(disk, &self.folder.join("state"), bounds, &self.identity(), moment(0))
    }

    pub fn file(&self, place: Place) -> PathBuf {
        self.folder.join(format!("state/spool/{:08x}-{:016x}.report", place.epoch, place.seq))
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub const ROOMY: Bounds = Bounds { octets: 16 << 20, keep_ms: 0 };

pub fn identity(folder: &Path) -> Identity {
    let text = format!(
        "state = \"{0}/state\"\n[capture]\nreplay = \"x\"\n[identity]\nmachine_id = \"{0}/none\"\n",
        folder.display()
    );
    Identity::open(&Config::read(&text).unwrap()).unwrap()
}

pub fn moment(n: u64) -> Moment {
    Moment { mono_ms: n, wall: Timestamp(1_795_000_000_000 + n), ..Moment::default() }
}

/// A payload with a number of its own.
pub fn full(n: u64) -> Payload {
    let mut full = Full::default();
    full.summary.window = Window { from: Timestamp(n), to: Timestamp(n + 1) };
    Payload::Full(full)
}

pub fn changes(n: u64) -> Payload {
    Payload::Changes(Changes { window: Window { from: Timestamp(n), to: Timestamp(n + 1) }, ..Changes::default() })
}

pub fn number(report: &VerifiedReport) -> Option<u64> {
    match report.payload()? {
        Payload::Full(p) => Some(p.summary.window.from.0),
        Payload::Changes(p) => Some(p.window.from.0),
        _ => None,
    }
}

/// Verifies all that waits, as a collector would that knows the public keys only.
pub fn verified(spool: &Spool, identity: &Identity) -> Vec<VerifiedReport> {
    let places: Vec<Place> = spool.waiting().map(|(place, _)| place).collect();
    places.iter().map(|place| verify(&spool.report(*place).unwrap(), identity)).collect()
}

pub fn verify(sealed: &SealedReport, identity: &Identity) -> VerifiedReport {
    let frame = sealed.parse_frame().unwrap();
    frame.verify(&identity.key(frame.claimed().key_no).unwrap().public()).unwrap()
}

/// Walks the chain from its beginning; where reports are missing a Gap must tell of them. Gives the epochs.
pub fn walk(reports: &[VerifiedReport]) -> usize {
    let mut head = Head::begin(&reports[0]).unwrap();
    for report in &reports[1..] {
        let mut next = follows(&head, report);
        while let Err(ChainError::Hole { .. }) = next {
            // Of several Gaps that begin here the one that reaches furthest tells what the others told.
            let gap = reports.iter().filter_map(|later| head.across(later).ok()).max_by_key(|h| h.place);
            head = gap.unwrap_or_else(|| panic!("nothing tells of what is missing behind {:?}", head.place));
            next = follows(&head, report);
        }
        head = next.unwrap_or_else(|e| panic!("{e} at {:?}", report.header().place));
    }
    reports.iter().filter(|r| r.header().kind == Kind::EpochStart).count()
}

pub fn told(report: &VerifiedReport) -> Option<(u32, u64, u64)> {
    match report.payload()? {
        Payload::Gap(gap) => Some((gap.epoch, gap.from, gap.to)),
        _ => None,
    }
}
