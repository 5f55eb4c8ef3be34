//! The daemon: a capture thread, a courier's thread, one channel from both, one loop that owns spool, keys, windows and time.
//! With `main` the only room that looks at the clock.
//!
//! Keeps: what could not be written, until it can be. Drops: nothing that was heard; what the rooms let go they count.

mod answer;
mod calls;
mod clock;
mod delivery;
mod ear;
mod enrol;
mod folders;
mod health;
mod linger;
mod live;
mod numbers;
mod post;
mod rights;
mod rotate;
mod status;

use crate::config::{Config, Heard};
use crate::identity::Identity;
use crate::places::Places;
use crate::sensor::Settings;
use crate::spool::disk::SystemDisk;
use crate::spool::{Bounds, Recovered, Spool, Trouble};
use crate::window::{Windows, lighter};
use auscult_report::bounded::Bounded;
use auscult_report::header::Moment;
use auscult_report::heartbeat::{Health, Heartbeat, health_extra};
use auscult_report::key::hash;
use auscult_report::payload::{
    Changes, EXTRA_CONTRADICTION, EpochReason, Event, Extra, Extras, Full, MAX_EXTRA_OCTETS, Payload,
};
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use clock::{ClockWatch, reading};
use delivery::CONTRADICTION;
use ear::Said;
use health::{Gauge, program_hash};
use post::Post;
use rights::{CAPTURE, LOOP, RESTRAINT};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

pub use enrol::{Enrolled, enrol};
pub use rights::{Restraint, leave_no_image, restrain};
pub use rotate::rotate;
pub use status::status;

/// Listens until the capture ends (or longer, as the configuration says) or `stop` is set, and delivers what it hears. Who
/// hears interfaces is held to what that needs, as [`serve`] says; who hears a file in somebody else's process is not.
///
/// # Errors
/// One sentence: what was being done, what to try.
pub fn run(config: &Config, stop: &Arc<AtomicBool>) -> Result<(), String> {
    listen(config, None, stop)
}

/// The same for a process of its own, whose configuration lies in `file`: once everything is open, the process can neither
/// send on what it hears, nor start a program, nor write outside its state folder, for the rest of its life.
///
/// # Errors
/// As [`run`].
pub fn serve(config: &Config, file: &Path, stop: &Arc<AtomicBool>) -> Result<(), String> {
    listen(config, Some(file), stop)
}

fn listen(config: &Config, file: Option<&Path>, stop: &Arc<AtomicBool>) -> Result<(), String> {
    let identity = Identity::open(config).map_err(|e| e.to_string())?;
    let _lock = lock(&config.state)?;
    let opened = ear::open(config)?;
    // Behind the ears, for they need a right, and before the first thread.
    let is_held = file.is_some() || matches!(config.heard, Heard::Live(..));
    let restraint = if is_held { restrain(config, file)? } else { Restraint::default() };
    let mut watch = ClockWatch::new(identity.boot(), MADE);
    let (moment, _) = watch.moment(reading());
    let spool = open_spool(config, &identity, moment)?;
    if let Err(e) = spool.leave(RESTRAINT, &restraint.octets()) {
        warn!(error = %e, "how the daemon is held is not kept");
    }
    let settings = Settings {
        places: Places::new(config.networks.clone()),
        own_names: config.own_ssids.clone(),
        own_bssids: config.own_bssids.clone(),
        key: identity.pseudonym_key(),
    };
    let (out, said) = sync_channel(WAITING_WINDOWS);
    let (speaks, told) = sync_channel(WAITING_ENDS);
    let post = post::open(config, &identity, restraint, (ear::tell(speaks), out.clone()))?;
    let mut daemon = Daemon::new(config, identity, spool, watch, post);
    daemon.take_over()?;
    let (window_ms, halt) = (config.window_ms, Arc::clone(stop));
    let thread = std::thread::Builder::new().name("capture".to_owned());
    let ear = thread
        .spawn(move || {
            restraint.narrow(&CAPTURE);
            ear::hear(opened, settings, window_ms, &halt, (told, &out));
        })
        .map_err(|e| format!("the capture thread cannot be started: {e}"))?;
    restraint.narrow(&LOOP);
    let ended = daemon.listen(&said, &ear).and_then(|()| daemon.linger(&said, config, stop));
    drop(said);
    if ear.join().is_err() {
        error!("the capture thread broke");
    }
    ended
}

/// Opens the spool and says what had to be put in order.
fn open_spool(config: &Config, identity: &Identity, moment: Moment) -> Result<Spool, String> {
    let bounds = Bounds { octets: config.spool_octets, keep_ms: config.keep_ms };
    let (spool, recovered) = Spool::open(Box::new(SystemDisk), &config.state, bounds, identity, moment)
        .map_err(|e| format!("the spool cannot be opened: {e}"))?;
    info!(sensor = %identity.sensor(), new = identity.is_new(), clock = ?moment.clock, "started");
    let begun = Recovered { epoch: Some(EpochReason::Enrolled), ..Recovered::default() };
    if recovered != Recovered::default() && recovered != begun {
        let epoch = recovered.epoch.map(|e| e.word());
        let (half, damaged, adopted, gaps) = (recovered.half, recovered.damaged, recovered.adopted, recovered.gaps);
        warn!(half, damaged, adopted, gaps, unenrolled = recovered.unenrolled, epoch, "put in order");
    }
    Ok(spool)
}

/// Everything that the loop holds.
struct Daemon {
    identity: Identity,
    spool: Spool,
    watch: ClockWatch,
    windows: Windows,
    health: Health,
    gauge: Gauge,
    post: Option<Post>,
    state: PathBuf,
    began: Instant,
}

impl Daemon {
    #[expect(clippy::disallowed_methods, reason = "from here on the daemon counts its time")]
    fn new(config: &Config, identity: Identity, spool: Spool, watch: ClockWatch, post: Option<Post>) -> Daemon {
        let health = Health {
            program: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
            program_hash: program_hash(),
            config_hash: hash(b"", &[format!("{config:?}").as_bytes()]),
            capturing: true,
            ..Health::default()
        };
        Daemon {
            identity,
            spool,
            watch,
            windows: Windows::default(),
            health,
            gauge: Gauge::new(&config.state),
            post,
            state: config.state.clone(),
            began: Instant::now(),
        }
    }

    /// Until the capture is over, or the daemon is told to stop.
    fn listen(&mut self, said: &Receiver<Said>, ear: &JoinHandle<()>) -> Result<(), String> {
        let mut last = Timestamp::default();
        loop {
            self.send();
            match said.recv_timeout(self.wait(TRY_AGAIN)) {
                Ok(Said::Window(summary)) => {
                    last = summary.window.to;
                    self.window(*summary)?;
                }
                Ok(Said::Urgent(sightings, hosts, at)) => {
                    last = at;
                    self.windows.urge(&sightings, &hosts);
                }
                Ok(Said::Answer(answer)) => self.answered(*answer)?,
                Ok(Said::Sight(sight)) => {
                    (self.health.capturing, self.health.frames_lost) = (sight.deaf == 0, sight.lost)
                }
                Ok(Said::Over(error)) => return self.over(error.map(|e| e.octet)),
                Err(RecvTimeoutError::Timeout) if !ear.is_finished() => debug!("nothing came"),
                Err(_) => return Err("the capture thread ended early".to_owned()),
            }
            if let Some(event) = self.windows.event(last) {
                self.tell(event)?;
            }
        }
    }

    /// A window ended.
    fn window(&mut self, summary: Summary) -> Result<(), String> {
        let counters = summary.counters;
        self.health.frames = self.health.frames.saturating_add(counters.frames);
        let sightings = summary.sightings.len();
        let due = self.windows.close(summary);
        info!(frames = counters.frames, hosts = counters.hosts, sightings, told = due.is_some(), "window");
        match due {
            Some(payload) => self.tell(payload)?,
            None => {
                if let Some(post) = &mut self.post {
                    post.plan.beat();
                }
            }
        }
        self.rotate_yearly()?;
        let _ = self.sign_of_life();
        Ok(())
    }

    /// The capture is over: what was not written is tried once more.
    fn over(&mut self, stopped_at: Option<u64>) -> Result<(), String> {
        self.health.capturing = false;
        if let Some(octet) = stopped_at {
            warn!(octet, "the capture could not be read to its end");
        }
        if let Some(payload) = self.windows.due() {
            self.tell(payload)?;
        }
        let _ = self.sign_of_life();
        Ok(())
    }

    /// How long to wait for what the threads say: until something is due, and no longer than `most`.
    fn wait(&self, most: Duration) -> Duration {
        let left = self.wakes_ms().saturating_sub(now_ms(self.began));
        Duration::from_millis(left).clamp(SHORTEST_WAIT, most)
    }

    /// When something is due again, though nothing happens meanwhile.
    fn wakes_ms(&self) -> u64 {
        self.post.as_ref().map_or(u64::MAX, |post| post.plan.wakes_ms(now_ms(self.began)))
    }

    /// Seals and spools. What cannot be written now goes into the next report.
    fn tell(&mut self, payload: Payload) -> Result<(), String> {
        let moment = self.moment();
        let mut payload = payload;
        let tells_of = self.add_extras(&mut payload);
        for _ in 0..HALVINGS {
            match self.spool.append(&self.identity, &payload, moment) {
                Ok(known) => {
                    let (epoch, seq) = (known.place.epoch, known.place.seq);
                    info!(epoch, seq, kind = payload.kind().word(), "sealed");
                    self.windows.written(known.place, &payload);
                    if let Some(post) = self.post.as_mut().filter(|_| tells_of) {
                        post.delivery.contradiction_is_told = true;
                        self.leave_delivery();
                    }
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

    /// Adds to a whole report how the sensor is, and to any report that the ledger's keeper contradicted himself, if none
    /// told of it yet; true if it does.
    fn add_extras(&mut self, payload: &mut Payload) -> bool {
        let is_full = matches!(payload, Payload::Full(_));
        let (Payload::Full(Full { ext, .. })
        | Payload::Changes(Changes { ext, .. })
        | Payload::Event(Event { ext, .. })) = payload
        else {
            return false;
        };
        let mut extras = core::mem::take(ext).into_vec();
        if is_full {
            self.gauge.measure(&mut self.health, now_ms(self.began));
            self.health.waiting = self.spool.fill().waiting;
            extras.extend(health_extra(&self.health));
        }
        let delivery = self.post.as_ref().map(|post| &post.delivery);
        let is_untold = delivery.is_some_and(|d| d.contradiction_ms.is_some() && !d.contradiction_is_told);
        let note = if is_untold { fs::read(self.state.join(CONTRADICTION)).ok() } else { None };
        let tells_of = note.is_some();
        extras.extend(note.map(|mut note| {
            // The checkpoint's text and the keeper's signature stand first.
            note.truncate(MAX_EXTRA_OCTETS);
            Extra { tag: EXTRA_CONTRADICTION, octets: Bounded::first_of(note).0 }
        }));
        *ext = Bounded::first_of(extras).0;
        tells_of
    }

    /// Leaves a sign of life beside the chain, and gives it.
    fn sign_of_life(&mut self) -> Option<Vec<u8>> {
        let moment = self.moment();
        let (head, key_no) = (self.spool.head()?, self.spool.known_key_no());
        self.health.waiting = self.spool.fill().waiting;
        self.gauge.measure(&mut self.health, now_ms(self.began));
        let beat = Heartbeat {
            ledger: head.ledger,
            sensor: head.sensor,
            key_no,
            head: Some(head.known()),
            moment,
            health: self.health,
            seen: self.spool.seen(),
            bundle_version: self.spool.bundle_version(),
            ext: Extras::new(),
        };
        let sealed = self.identity.key(key_no).and_then(|key| beat.seal(key))?;
        if let Err(e) = self.spool.keep_alive(&sealed) {
            warn!(error = %e, "no sign of life on the disk");
        }
        Some(sealed)
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

/// Milliseconds since the daemon began.
fn now_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Spreads what many sensors do at once; where the system gives nothing, nothing is spread.
fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

/// 2026-11-01: this program is no older, so a clock that says less was not set.
const MADE: Timestamp = Timestamp::from_seconds(1_793_491_200);

/// Windows that wait to be sealed; then the capture waits.
const WAITING_WINDOWS: usize = 4;

/// Ends that the courier tells; it waits for each.
const WAITING_ENDS: usize = 4;

/// A report halved so often has no sighting left.
const HALVINGS: usize = 20;

/// How long to wait for the capture before looking whether something waits.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// A pause that is over is not waited for.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
