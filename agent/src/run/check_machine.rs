//! The part of a check that looks at this machine: folder, keys, clock, heat, radios; and at what a running agent left.
//!
//! Keeps: rights and sizes. Drops: the content of every key. Nothing is made here that was not there before but one empty
//! file, which is removed at once.

use super::MADE;
use super::check_paper::Line;
use super::clock::{ClockWatch, reading};
use super::delivery::Delivery;
use super::health::{Gauge, THERMAL, ZERO_CELSIUS_K, temperature_k};
use super::rights::RESTRAINT;
use super::status::utc;
use crate::config::Config;
use crate::identity::{Identity, NOT_ENROLLED, Papers, is_trusted};
use crate::spool::{Look, look};
use auscult_report::header::{Clock, Moment};
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::machine::Machine;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// What is on the disk.
pub(super) struct Found {
    pub(super) identity: Option<Identity>,
    pub(super) papers: Option<Papers>,
    pub(super) spool: Look,
    /// What an agent left of its delivery.
    pub(super) delivery: Delivery,
    /// Held while nothing else runs with this folder; none where an agent runs, or the folder is another user's.
    pub(super) lock: Option<File>,
    /// An agent runs.
    pub(super) is_taken: bool,
    /// When an agent began last, in milliseconds since 1970: then it left how it is held.
    pub(super) began_ms: u64,
    /// The folder is this user's: what is made here can be read by the agent.
    pub(super) is_ours: bool,
}

/// The folder and everything in it.
pub(super) fn folder(config: &Config, tell: &mut dyn FnMut(Line)) -> Found {
    let mut found = Found {
        identity: None,
        papers: None,
        spool: look(&config.state),
        delivery: Delivery::look(&config.state),
        lock: None,
        is_taken: false,
        began_ms: began_ms(&config.state),
        is_ours: false,
    };
    let shown = config.state.display();
    let told = match fs::metadata(&config.state) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            tell(not_there(&config.state));
            return found;
        }
        Err(e) => {
            tell(Line::wrong("state", format!("{shown} cannot be looked into ({e})"), AS_USER));
            return found;
        }
        Ok(told) => told,
    };
    found.is_ours = me() == Some(told.uid());
    tell(state(config, &told));
    take_lock(config, &mut found, tell);
    keys(config, &mut found, tell);
    found
}

fn began_ms(state: &Path) -> u64 {
    let left = fs::metadata(state.join(RESTRAINT)).and_then(|told| told.modified());
    let since = left.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

fn not_there(state: &Path) -> Line {
    let shown = state.display();
    match state.parent().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above }) {
        Some(above) if above.is_dir() => Line::attention(
            "state",
            format!("{shown} is not there yet"),
            "enrol this sensor (auscult-agent enrol): that makes it",
        ),
        _ => Line::wrong("state", format!("{shown} is not there, nor the folder above it"), "make the folder above it"),
    }
}

fn state(config: &Config, told: &fs::Metadata) -> Line {
    let shown = config.state.display();
    if !told.is_dir() {
        return Line::wrong("state", format!("{shown} is no folder"), "give another path as state");
    }
    let probe = config.state.join(PROBE);
    let tried = OpenOptions::new().write(true).create(true).truncate(true).open(&probe).and_then(|file| {
        drop(file);
        fs::remove_file(&probe)
    });
    if let Err(e) = tried {
        return Line::wrong("state", format!("{shown} cannot be written to ({e})"), AS_USER);
    }
    let (mode, owner) = (told.mode() & 0o777, told.uid());
    let mut health = Health::default();
    Gauge::new(&config.state).measure(&mut health, &mut Machine::default(), 0);
    let free_octets = u64::from(health.disk_free_kib).saturating_mul(1_024);
    let used = look(&config.state).octets;
    let wanted = config.spool_octets.saturating_sub(used);
    let mut line = if mode & 0o077 != 0 {
        Line::attention("state", format!("{shown} is open to others (mode {mode:o})"), format!("chmod 700 {shown}"))
    } else if free_octets < LEAST_FREE {
        Line::wrong("state", format!("{shown}: the disk is full"), "make room, or give another path as state")
    } else if free_octets < wanted {
        let free = free_octets / 1_048_576;
        let words = format!("{shown}: {free} MiB are free, and the spool may grow by {} more", wanted / 1_048_576);
        Line::attention("state", words, "make room, or set spool.octets lower")
    } else {
        Line::well("state", format!("{shown}: writable, for its owner only, {} MiB free", free_octets / 1_048_576))
    };
    line.figures.insert("mode".to_owned(), format!("{mode:o}").into());
    line.figures.insert("owner".to_owned(), owner.into());
    line.figures.insert("free_octets".to_owned(), free_octets.into());
    line
}

/// As the daemon's lock, but never made where the daemon, under its own user, could not open it.
fn take_lock(config: &Config, found: &mut Found, tell: &mut dyn FnMut(Line)) {
    let path = config.state.join("lock");
    let opened = OpenOptions::new().write(true).create(found.is_ours).truncate(false).open(path);
    let Ok(file) = opened else { return };
    match file.try_lock() {
        Ok(()) => found.lock = Some(file),
        Err(_) => found.is_taken = true,
    }
    if !found.is_taken {
        tell(Line::well("agent", "does not run; this check speaks in its place"));
    }
}

fn keys(config: &Config, found: &mut Found, tell: &mut dyn FnMut(Line)) {
    let first = config.state.join("keys/sensor-0.key");
    match fs::metadata(&first) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let advice = "enrol this sensor (auscult-agent enrol); its first start makes them too";
            return tell(Line::attention("keys", "there are none yet", advice));
        }
        Err(e) => return tell(Line::wrong("keys", format!("cannot be looked at ({e})"), AS_USER)),
        Ok(_) => {}
    }
    // They are there: nothing is made, and a copied disk is noticed as at the start of the agent.
    let identity = match Identity::open(config) {
        Ok(identity) => identity,
        Err(e) => return tell(Line::wrong("keys", e.to_string(), "what this says; the agent does not start with it")),
    };
    let words = identity.words().join(" ");
    tell(Line::well("keys", format!("{} of them, for their owner only; the words are: {words}", key_count(&identity))));
    let papers = match Papers::open(&config.state) {
        Ok(papers) => papers,
        Err(e) => {
            found.identity = Some(identity);
            return tell(Line::wrong("enrolled", e.to_string(), "what this says"));
        }
    };
    tell(match (identity.ledger(), papers.trust()) {
        (NOT_ENROLLED, _) => {
            Line::attention("enrolled", "no: what is heard stays on this disk", "auscult-agent enrol, with a code")
        }
        (_, None) => {
            Line::attention("enrolled", "yes, by hand; no collector is known", "auscult-agent enrol, with a code")
        }
        (ledger, Some(trust)) => {
            Line::well("enrolled", format!("yes, ledger {ledger}, trust bundle {}", trust.version))
        }
    });
    (found.identity, found.papers) = (Some(identity), Some(papers));
}

fn key_count(identity: &Identity) -> u16 {
    identity.newest_key_no().saturating_add(1)
}

/// What a running agent says of itself.
pub(super) fn agent(found: &Found) -> Option<Line> {
    if !found.is_taken {
        return None;
    }
    let beat = found.spool.alive.as_deref().and_then(|octets| {
        let claimed = Heartbeat::claimed(octets).ok()?;
        Heartbeat::open(octets, &found.identity.as_ref()?.key(claimed.key_no)?.public()).ok()
    });
    // What the run before left says nothing of this one.
    let beat = beat.filter(|beat| beat.moment.wall.0 >= found.began_ms);
    Some(match beat {
        None => Line::well("agent", "runs; its first window has not ended yet"),
        Some(beat) if beat.health.capturing => {
            let (frames, at) = (beat.health.frames, utc(beat.moment.wall.0));
            Line::well("agent", format!("runs and hears: {frames} frames up to {at}"))
        }
        Some(beat) => {
            let words = format!("runs, and did not hear everything at {}", utc(beat.moment.wall.0));
            Line::attention("agent", words, "look at its log, and at the interfaces below")
        }
    })
}

/// The clock; also what it is worth for dates of certificates.
pub(super) fn clock(found: &Found) -> (Line, Moment) {
    let boot = found.identity.as_ref().map_or([0; 8], Identity::boot);
    let (moment, _) = ClockWatch::new(boot, MADE).moment(reading());
    let at = utc(moment.wall.0);
    let mut line = match moment.clock {
        _ if moment.wall < MADE => {
            Line::wrong("clock", format!("says {at}, which is past"), "let this machine ask a time server (NTP)")
        }
        clock if is_trusted(clock) && clock != Clock::Rtc => Line::well("clock", format!("{at}, set by a time server")),
        Clock::Rtc => {
            Line::well("clock", format!("{at}, by a clock with a battery; no time server is known to set it"))
        }
        _ => Line::attention(
            "clock",
            format!("says {at}, and nothing is known to have set it"),
            "let this machine ask a time server (NTP): it has no clock with a battery",
        ),
    };
    line.figures.insert("quality".to_owned(), format!("{:?}", moment.clock).to_lowercase().into());
    (line, moment)
}

/// The hottest part, where the machine tells.
pub(super) fn heat() -> Option<Line> {
    let degrees = i64::from(temperature_k(Path::new(THERMAL))?).saturating_sub(i64::from(ZERO_CELSIUS_K));
    let words = format!("{degrees} degrees Celsius");
    let mut line = if degrees < HOT_DEGREES {
        Line::well("temperature", words)
    } else {
        Line::attention("temperature", words, "give this box air: it slows down, and its disk ages")
    };
    line.figures.insert("celsius".to_owned(), degrees.into());
    Some(line)
}

/// Radios of this machine.
pub(super) fn radios() -> usize {
    fs::read_dir("/sys/class/ieee80211").map_or(0, |list| list.flatten().count())
}

/// Who runs this: the kernel's folder of this process is its user's.
fn me() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|told| told.uid())
}

/// Somebody who reads the log finds a file of this name after a power cut in the middle of a check.
const PROBE: &str = ".check";
/// A report, its head and its folder.
const LEAST_FREE: u64 = 1_048_576;
/// From here boards slow down.
const HOT_DEGREES: i64 = 80;
const AS_USER: &str = "run the check as the agent's user, or as root";
