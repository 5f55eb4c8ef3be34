//! The daemon: a capture thread, one channel, one loop that seals and spools. With `main` the only room that looks at
//! the clock.
//!
//! Keeps: what could not be written, until it can be. Drops: nothing that was heard; what the rooms let go they count.

mod clock;
mod ear;
mod status;

use crate::config::Config;
use crate::identity::Identity;
use crate::places::Places;
use crate::sensor::Settings;
use crate::spool::disk::SystemDisk;
use crate::spool::{Bounds, Recovered, Spool, Trouble};
use crate::window::{Windows, lighter};
use auscult_report::header::Moment;
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::key::{Hash, hash};
use auscult_report::payload::{EpochReason, Extras, Payload};
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use clock::{ClockWatch, Reading};
use ear::Said;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, SystemTime};
use tracing::{debug, error, info, warn};

pub use status::status;

/// Listens until the capture ends or `stop` is set.
///
/// # Errors
/// One sentence: what was being done, what to try.
pub fn run(config: &Config, stop: &Arc<AtomicBool>) -> Result<(), String> {
    let identity = Identity::open(config).map_err(|e| e.to_string())?;
    let _lock = lock(&config.state)?;
    let capture = File::open(&config.replay).map_err(|e| {
        format!("the capture cannot be opened ({e}); check capture.replay and that the agent may read it")
    })?;
    let mut watch = ClockWatch::new(identity.boot(), MADE);
    let (moment, _) = watch.moment(reading());
    let bounds = Bounds { octets: config.spool_octets, keep_ms: config.keep_ms };
    let (spool, recovered) = Spool::open(Box::new(SystemDisk), &config.state, bounds, &identity, moment)
        .map_err(|e| format!("the spool cannot be opened: {e}"))?;
    info!(sensor = %identity.sensor(), new = identity.is_new(), clock = ?moment.clock, "started");
    let begun = Recovered { epoch: Some(EpochReason::Enrolled), ..Recovered::default() };
    if recovered != Recovered::default() && recovered != begun {
        let epoch = recovered.epoch.map(|e| e.word());
        let (half, damaged, adopted, gaps) = (recovered.half, recovered.damaged, recovered.adopted, recovered.gaps);
        warn!(half, damaged, adopted, gaps, unenrolled = recovered.unenrolled, epoch, "put in order");
    }
    let settings = Settings {
        places: Places::new(config.networks.clone()),
        own_names: config.own_ssids.clone(),
        own_bssids: config.own_bssids.clone(),
        key: identity.pseudonym_key(),
    };
    let (out, said) = sync_channel(WAITING_WINDOWS);
    let (pace, halt) = ((config.speed, config.window_ms), Arc::clone(stop));
    let thread = std::thread::Builder::new().name("capture".to_owned());
    let ear = thread
        .spawn(move || ear::hear(capture, settings, pace, &halt, &out))
        .map_err(|e| format!("the capture thread cannot be started: {e}"))?;
    let health = Health {
        program: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
        program_hash: program_hash(),
        config_hash: hash(b"", &[format!("{config:?}").as_bytes()]),
        capturing: true,
        ..Health::default()
    };
    let mut daemon = Daemon { identity, spool, watch, windows: Windows::default(), health };
    let ended = daemon.listen(&said);
    if ear.join().is_err() {
        error!("the capture thread broke");
    }
    ended
}

/// Everything that the loop holds.
struct Daemon {
    identity: Identity,
    spool: Spool,
    watch: ClockWatch,
    windows: Windows,
    health: Health,
}

impl Daemon {
    /// Until the capture is over.
    fn listen(&mut self, said: &Receiver<Said>) -> Result<(), String> {
        let mut last = Timestamp::default();
        loop {
            match said.recv_timeout(TRY_AGAIN) {
                Ok(Said::Window(summary)) => {
                    last = summary.window.to;
                    let counters = summary.counters;
                    self.health.frames = self.health.frames.saturating_add(counters.frames);
                    let sightings = summary.sightings.len();
                    let due = self.windows.close(*summary);
                    info!(frames = counters.frames, hosts = counters.hosts, sightings, told = due.is_some(), "window");
                    if let Some(payload) = due {
                        self.tell(payload)?;
                    }
                    self.beat();
                }
                Ok(Said::Urgent(sightings, hosts, at)) => {
                    last = at;
                    self.windows.urge(&sightings, &hosts);
                }
                Ok(Said::Over(error)) => return self.end(error.map(|e| e.octet)),
                Err(RecvTimeoutError::Timeout) => {
                    debug!("nothing came");
                }
                Err(RecvTimeoutError::Disconnected) => return Err("the capture thread ended early".to_owned()),
            }
            if let Some(event) = self.windows.event(last) {
                self.tell(event)?;
            }
        }
    }

    /// The end: what was not written is tried once more.
    fn end(&mut self, stopped_at: Option<u64>) -> Result<(), String> {
        self.health.capturing = false;
        if let Some(octet) = stopped_at {
            warn!(octet, "the capture could not be read to its end");
        }
        if let Some(payload) = self.windows.due() {
            self.tell(payload)?;
        }
        self.beat();
        let fill = self.spool.fill();
        info!(frames = self.health.frames, waiting = fill.waiting, "stopped");
        Ok(())
    }

    /// Seals and spools. What cannot be written now goes into the next report.
    fn tell(&mut self, payload: Payload) -> Result<(), String> {
        let moment = self.moment();
        let mut payload = payload;
        for _ in 0..HALVINGS {
            match self.spool.append(&self.identity, &payload, moment) {
                Ok(known) => {
                    let (epoch, seq) = (known.place.epoch, known.place.seq);
                    info!(epoch, seq, kind = payload.kind().word(), "sealed");
                    self.windows.written(known.place, &payload);
                    return Ok(());
                }
                Err(Trouble::TooLarge) => match lighter(payload) {
                    Some(less) => payload = less,
                    None => break,
                },
                Err(Trouble::Later(doing, e)) => {
                    warn!(doing, error = %e.kind(), "not written; goes into the next report");
                    return Ok(());
                }
                Err(Trouble::Never(why)) => return Err(why.to_owned()),
            }
        }
        error!("a report is too large at any length; its window is lost");
        Ok(())
    }

    /// Leaves a sign of life.
    fn beat(&mut self) {
        let moment = self.moment();
        let Some(head) = self.spool.head() else { return };
        let fill = self.spool.fill();
        self.health.waiting = fill.waiting;
        self.health.memory_free_kib = meminfo("MemAvailable:");
        self.health.load_thousandths = load_thousandths();
        let beat = Heartbeat {
            ledger: head.ledger,
            sensor: head.sensor,
            key_no: head.key_no,
            head: Some(head.known()),
            moment,
            health: self.health,
            seen: self.spool.seen(),
            bundle_version: 0,
            ext: Extras::new(),
        };
        let sealed = self.identity.key(head.key_no).and_then(|key| beat.seal(key));
        if let Some(Err(e)) = sealed.map(|octets| self.spool.keep_alive(&octets)) {
            warn!(error = %e, "no sign of life");
        }
    }

    fn moment(&mut self) -> Moment {
        let (moment, jumped) = self.watch.moment(reading());
        if let Some(jumped_ms) = jumped {
            warn!(jumped_ms, clock = ?moment.clock, "the clock jumped");
        }
        moment
    }
}

/// One daemon a state folder: two would write two chains with one key.
fn lock(state: &Path) -> Result<File, String> {
    let file = File::create(state.join("lock")).map_err(|e| format!("the state folder cannot be locked: {e}"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err("another auscult-agent runs with this state folder; stop it first".to_owned()),
    }
}

/// What the system says of its clocks.
#[expect(clippy::disallowed_methods, reason = "here the daemon looks at the clock")]
fn reading() -> Reading {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split_whitespace().next().and_then(|s| s.split_once('.'));
    let mono_ms = seconds.map_or(0, |(whole, hundredths)| {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        number(whole).saturating_mul(1_000).saturating_add(number(hundredths).saturating_mul(10))
    });
    Reading {
        wall: Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        mono_ms,
        synchronised: Path::new("/run/systemd/timesync/synchronized").exists(),
        has_battery: Path::new("/sys/class/rtc/rtc0").exists(),
    }
}

fn program_hash() -> Hash {
    let program = std::env::current_exe().and_then(fs::read);
    program.map_or([0; 32], |octets| hash(b"", &[&octets]))
}

/// A line of /proc/meminfo, in KiB; 0 where there is none.
fn meminfo(line: &str) -> u32 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let found = text.lines().find_map(|l| l.strip_prefix(line)).and_then(|l| l.split_whitespace().next()?.parse().ok());
    found.unwrap_or(0)
}

/// The load of the last minute.
fn load_thousandths() -> u32 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let (whole, hundredths) = text.split_whitespace().next().and_then(|l| l.split_once('.')).unwrap_or(("0", "0"));
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    number(whole).saturating_mul(1_000).saturating_add(number(hundredths).saturating_mul(10))
}

/// 2026-11-01: this program is no older, so a clock that says less was not set.
const MADE: Timestamp = Timestamp::from_seconds(1_793_491_200);

/// Windows that wait to be sealed; then the capture waits.
const WAITING_WINDOWS: usize = 4;

/// A report halved so often has no sighting left.
const HALVINGS: usize = 20;

/// How long to wait for the capture before looking whether something waits.
const TRY_AGAIN: Duration = Duration::from_secs(5);
