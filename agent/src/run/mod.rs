//! The daemon: a capture thread, a courier's thread, one channel from both, one loop that owns spool, keys, windows and time.
//! With `main` the only room that looks at the clock.
//!
//! Keeps: what could not be written, until it can be. Drops: nothing that was heard; what the rooms let go they count.

mod air;
mod answer;
mod calls;
mod check;
mod check_air;
mod check_hearing;
mod check_machine;
mod check_paper;
mod check_way;
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
mod progress;
mod radio;
mod reread;
mod rights;
mod rotate;
mod service;
mod sight;
mod status;
mod tell;
mod view;

use crate::config::{Config, Heard};
use crate::identity::Identity;
use crate::places::Places;
use crate::radio::Radio;
use crate::sensor::Settings;
use crate::spool::disk::SystemDisk;
use crate::spool::{Bounds, Recovered, Spool};
use crate::window::Windows;
use auscult_report::header::Moment;
use auscult_report::heartbeat::Health;
use auscult_report::payload::EpochReason;
use auscult_report::summary::Summary;
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use clock::{ClockWatch, reading};
use ear::{Said, Ties, Wish};
use health::{Gauge, config_hash, program_hash};
use post::Post;
use rights::{CAPTURE, LOOP, RESTRAINT};
use service::{Pulse, Service};
use sight::{Cover, Sights};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

pub use check::check;
pub use check_paper::{Checked, Grade, Line};
pub use enrol::{Enrolled, enrol};
pub use progress::{Progress, is_running, progress};
pub use rights::{Restraint, hold_ear, leave_no_image, restrain};
pub use rotate::rotate;
pub use status::status;

/// Listens until the capture ends (or longer, as the configuration says) or `stop` is set, and delivers what it hears. Who
/// hears interfaces is held to what that needs, as [`serve`] says; who hears a file in somebody else's process is not.
///
/// # Errors
/// One sentence: what was being done, what to try.
pub fn run(config: &Config, stop: &Arc<AtomicBool>) -> Result<(), String> {
    let again = AtomicBool::new(false);
    serve(config, &Asked { stop: Arc::clone(stop), again: &again, read: &|| Ok(config.clone()), file: None })
}

/// What is asked of the daemon while it runs.
pub struct Asked<'a> {
    /// To end.
    pub stop: Arc<AtomicBool>,
    /// To read its configuration again.
    pub again: &'a AtomicBool,
    /// Reads the configuration, or says what is wrong with it.
    pub read: &'a dyn Fn() -> Result<Config, String>,
    /// Where it lies, in a process of the daemon's own: that is held for the rest of its life.
    pub file: Option<&'a Path>,
}

/// [`run`], for who may also ask that the configuration is read again. A process of its own can, once everything is open, neither
/// send on what it hears, nor start a program, nor write outside its state folder.
///
/// # Errors
/// As [`run`].
pub fn serve(config: &Config, asked: &Asked<'_>) -> Result<(), String> {
    let service = Service::of_environment();
    let identity = Identity::open(config).map_err(|e| e.to_string())?;
    let _lock = lock(&config.state)?;
    let opened = ear::open(config)?;
    let hand = radio::hand(config);
    // Behind the ears, for they need a right, and before the first thread but the hand.
    let is_held = asked.file.is_some() || matches!(config.heard, Heard::Live(..));
    let restraint = if is_held { restrain(config, asked.file)? } else { Restraint::default() };
    let mut watch = ClockWatch::new(identity.boot(), MADE);
    let (moment, _) = watch.moment(reading());
    let spool = open_spool(config, &identity, moment)?;
    if let Err(e) = spool.leave(RESTRAINT, &restraint.octets()) {
        warn!(error = %e, "how the daemon is held is not kept");
    }
    let settings = settings(config, &identity);
    let (out, said) = sync_channel(WAITING_WINDOWS);
    let (wishes, wished) = channel();
    let (speaks, spoken) = sync_channel(WAITING_ENDS);
    let post = post::open(config, &identity, restraint, (ear::tell(speaks), out.clone()))?;
    let air = radio::start(config, hand, restraint, out.clone());
    let sights = Sights::new(config, &identity, moment, restraint.landlock_abi);
    let mut daemon = Daemon::new(config, identity, spool, (watch, sights), post, service, wishes);
    daemon.take_over()?;
    let (window_ms, stop, pulse) = (config.window_ms, Arc::clone(&asked.stop), Pulse::clone(&daemon.pulse));
    let thread = std::thread::Builder::new().name("capture".to_owned());
    let ear = thread
        .spawn(move || {
            restraint.narrow(&CAPTURE);
            let ties = Ties { out: &out, wishes: &wished, speaks: &spoken, pulse: &pulse, stop: &stop };
            ear::hear(opened, air, settings, window_ms, &ties);
        })
        .map_err(|e| format!("the capture thread cannot be started: {e}"))?;
    restraint.narrow(&LOOP);
    daemon.service.ready();
    let ended = daemon.listen(&said, &ear, asked).and_then(|()| daemon.linger(&said, asked));
    daemon.service.stopping();
    drop(said);
    if ear.join().is_err() {
        error!("the capture thread broke");
    }
    ended
}

fn settings(config: &Config, identity: &Identity) -> Settings {
    Settings {
        places: Places::new(config.networks.clone()),
        own_names: config.own_ssids.clone(),
        own_bssids: config.own_bssids.clone(),
        purposes: config.purposes.clone(),
        memory: config.memory,
        key: identity.pseudonym_key(),
    }
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
    sights: Sights,
    health: Health,
    gauge: Gauge,
    post: Option<Post>,
    state: PathBuf,
    began: Instant,
    /// What is meant now.
    config: Config,
    service: Service,
    wishes: Sender<Wish>,
    pulse: Pulse,
}

impl Daemon {
    #[expect(clippy::disallowed_methods, reason = "from here on the daemon counts its time")]
    fn new(
        config: &Config,
        identity: Identity,
        spool: Spool,
        (watch, sights): (ClockWatch, Sights),
        post: Option<Post>,
        service: Service,
        wishes: Sender<Wish>,
    ) -> Daemon {
        let health = Health {
            program: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
            program_hash: program_hash(),
            config_hash: config_hash(config),
            capturing: true,
            ..Health::default()
        };
        Daemon {
            identity,
            spool,
            watch,
            windows: Windows::with_room(config.memory.known),
            sights,
            health,
            gauge: Gauge::new(&config.state),
            post,
            state: config.state.clone(),
            began: Instant::now(),
            config: config.clone(),
            service,
            wishes,
            pulse: Pulse::default(),
        }
    }

    /// Until the capture is over, or the daemon is told to stop.
    fn listen(&mut self, said: &Receiver<Said>, ear: &JoinHandle<()>, asked: &Asked<'_>) -> Result<(), String> {
        let mut last = Timestamp::default();
        loop {
            self.send();
            self.reread(asked);
            self.service.alive(self.began.elapsed(), Some(self.pulse.load(Ordering::Relaxed)));
            match said.recv_timeout(self.wait(TRY_AGAIN)) {
                Ok(Said::Window(summary, cover)) => {
                    last = summary.window.to;
                    self.window(*summary, &cover)?;
                }
                Ok(Said::Urgent(sightings, hosts, at)) => {
                    last = at;
                    self.windows.urge(&sightings, &hosts);
                }
                Ok(Said::Answer(answer)) => self.answered(*answer)?,
                Ok(Said::Sight(sight)) => {
                    (self.health.capturing, self.health.frames_lost) = (sight.deaf == 0, sight.lost)
                }
                Ok(Said::Settled) => self.windows.begin_anew(),
                Ok(Said::Radio(n, radio)) => self.radio(n, radio),
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
    fn window(&mut self, summary: Summary, cover: &Cover) -> Result<(), String> {
        self.sights.window(cover);
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

    /// A radio is not what it was.
    fn radio(&mut self, n: usize, told: Radio) {
        if let Some(known) = self.sights.radios.get_mut(n)
            && known.radio != Some(told)
        {
            known.radio = Some(told);
            radio::say(&known.wanted.name, told);
        }
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
        Duration::from_millis(left).min(self.service.longest_wait()).clamp(SHORTEST_WAIT, most)
    }

    /// When something is due again, though nothing happens meanwhile.
    fn wakes_ms(&self) -> u64 {
        self.post.as_ref().map_or(u64::MAX, |post| post.plan.wakes_ms(now_ms(self.began)))
    }

    fn moment(&mut self) -> Moment {
        let (moment, jumped) = self.watch.moment(reading());
        if let Some(jumped_ms) = jumped {
            self.sights.jumped(jumped_ms);
            warn!(jumped_ms, clock = ?moment.clock, "the clock jumped");
        }
        moment
    }
}

/// One daemon a state folder: two would write two chains with one key. Who is just ending is waited for, and so is a child that
/// somebody is starting in this moment: until it runs its own program it holds what its parent holds.
fn lock(state: &Path) -> Result<File, String> {
    let file = File::create(state.join("lock")).map_err(|e| format!("the state folder cannot be locked: {e}"))?;
    for _ in 0..LOCK_TRIES {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err("another auscult-agent runs with this state folder; stop it first".to_owned())
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

/// Two seconds.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Windows that wait to be sealed; then the capture waits. Their memory is counted (`config::Memory`).
const WAITING_WINDOWS: usize = 2;

/// Ends that the courier tells; it waits for each.
const WAITING_ENDS: usize = 4;

/// How long to wait for the capture before looking whether something waits, or a person asked for something.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// A pause that is over is not waited for.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
