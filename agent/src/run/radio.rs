//! The two threads of the radios: one thinks, without any right; one obeys it, with a single right and nothing heard. Neither
//! can stop the sensor: what fails is said and tried again.
//!
//! Keeps: the clock of the radios. Drops: what the capture thread has no room for; the next look tells it again.

use super::ear::{Ear, Said};
use super::rights::{HAND, RADIO, Restraint, lay_down};
use crate::capture::interface::{Role, Wanted};
use crate::capture::several::Change;
use crate::config::{Config, Heard};
use crate::radio::hand::{Command, Hand};
use crate::radio::kernel::{Machine, Netlink, Refusal};
use crate::radio::mind::{Mind, Network};
use crate::radio::{Radio, Use, Way};
use auscult_report::time::Timestamp;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

/// Every interface that gets an ear: those of the configuration, and the radios that may be in monitor mode.
pub(super) fn ears(wanted: &[Wanted], config: &Config) -> Vec<Wanted> {
    let radios = config.radios.iter().filter(|radio| radio.needs_an_ear());
    let ear = |name: &String| Wanted { name: name.clone(), role: Role::Air, promiscuous: false, leaving: true };
    wanted.iter().cloned().chain(radios.map(|radio| ear(&radio.name))).collect()
}

/// The way to the thread that may tell the kernel something.
pub(super) struct Reach {
    commands: SyncSender<Command>,
    done: Receiver<Result<(), Refusal>>,
}

impl Reach {
    fn obey(&self, command: Command) -> Result<(), Refusal> {
        self.commands.send(command).map_err(|_| Refusal::Silent)?;
        self.done.recv_timeout(PATIENCE).unwrap_or(Err(Refusal::Silent))
    }
}

/// Starts the hand, if the configuration has a radio that may need one. It stands before the other rights are laid down, and it
/// lays down its own but one.
pub(super) fn hand(config: &Config) -> Option<Reach> {
    if !matches!(config.heard, Heard::Live(..)) || !config.radios.iter().any(|radio| radio.needs_a_hand()) {
        return None;
    }
    let (commands, orders) = sync_channel(1);
    let (said, done) = sync_channel(1);
    let started = Builder::new().name("hand".to_owned()).spawn(move || {
        // The kernel looks at who opened the socket as well as at who speaks through it.
        let kernel = Netlink::open();
        if let Err(error) = lay_down(&HAND, None) {
            return warn!(error, "radios stay on their channel");
        }
        match kernel {
            Ok(kernel) => obey(Hand::new(kernel), &orders, &said),
            Err(error) => warn!(%error, "radios stay on their channel: no way to the kernel"),
        }
    });
    // The first word is that the rights are laid down.
    match started.map(|_| done.recv()) {
        Ok(Ok(_)) => Some(Reach { commands, done }),
        _ => None,
    }
}

fn obey(mut hand: Hand<Netlink>, orders: &Receiver<Command>, said: &SyncSender<Result<(), Refusal>>) {
    if said.send(Ok(())).is_err() {
        return;
    }
    for order in orders {
        if said.send(hand.obey(order)).is_err() {
            return;
        }
    }
}

/// What the capture thread says to the radios.
enum Note {
    /// This interface is in monitor mode and heard from now on, or not any more.
    Ear(String, bool),
    /// This was heard on these channels of late.
    Uses(Vec<(u16, Use)>),
}

/// What the radios tell the capture thread.
struct Told {
    networks: Vec<Network>,
    made_here: Vec<[u8; 6]>,
}

/// The capture thread's end.
pub(super) struct Air {
    notes: SyncSender<Note>,
    told: Receiver<Told>,
    passed: Timestamp,
    /// What became of ears and was not said yet: the capture thread waits for nobody. The newest of each radio.
    waiting: Vec<(String, bool)>,
}

impl Air {
    /// What became of a radio's ear is the radios' matter.
    pub(super) fn takes(&mut self, change: &Change) -> bool {
        let (wanted, is_heard) = match change {
            Change::Heard(wanted, _) => (wanted, true),
            Change::Gone(wanted) | Change::Missing(wanted) | Change::Refused(wanted, _) => (wanted, false),
        };
        if wanted.role == Role::Air {
            self.waiting.retain(|(name, _)| *name != wanted.name);
            self.waiting.push((wanted.name.clone(), is_heard));
        }
        wanted.role == Role::Air
    }

    /// Takes what was told, and gives what was heard on which channel, about once a second.
    pub(super) fn turn(&mut self, ear: &mut Ear<'_>, now: Timestamp) {
        for told in self.told.try_iter() {
            ear.set_made_here(&told.made_here);
            told.networks.iter().for_each(|network| ear.told(network, now));
        }
        self.waiting.retain(|(name, is_heard)| self.notes.try_send(Note::Ear(name.clone(), *is_heard)).is_err());
        if now < self.passed || now.since_ms(self.passed) >= PASS_EVERY_MS {
            self.passed = now;
            let uses = ear.take_uses();
            if !uses.is_empty() {
                // Who has no room for it learns it in a second.
                let _ = self.notes.try_send(Note::Uses(uses));
            }
        }
    }
}

/// Starts the mind, if there is a radio.
pub(super) fn start(config: &Config, reach: Option<Reach>, restraint: Restraint, out: SyncSender<Said>) -> Option<Air> {
    if config.radios.is_empty() {
        return None;
    }
    let (notes, heard) = sync_channel(WAITING_NOTES);
    let (tell, told) = sync_channel(WAITING_LOOKS);
    let mind = Mind::new(config.radios.clone());
    let look_ms = (config.window_ms / LOOKS_A_WINDOW).clamp(SOONEST_LOOK_MS, LATEST_LOOK_MS);
    let thread = Builder::new().name("radio".to_owned());
    let started = thread.spawn(move || {
        restraint.narrow(&RADIO);
        think(mind, reach.as_ref(), look_ms, &heard, &tell, &out);
    });
    match started {
        Ok(_) => Some(Air { notes, told, passed: Timestamp::default(), waiting: Vec::new() }),
        Err(error) => {
            warn!(%error, "no radio is heard: its thread cannot be started");
            None
        }
    }
}

/// Thinks until the capture thread has ended.
#[expect(clippy::disallowed_methods, reason = "here the daemon looks at the clock; the mind is handed the time")]
fn think(
    mut mind: Mind,
    reach: Option<&Reach>,
    look_ms: u64,
    heard: &Receiver<Note>,
    tell: &SyncSender<Told>,
    out: &SyncSender<Said>,
) {
    let began = Instant::now();
    let now_ms = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let obey = |command| reach.map_or(Err(Refusal::No(NOT_PERMITTED)), |reach| reach.obey(command));
    let mut machine = Machine::open();
    let mut due_ms = 0;
    loop {
        if now_ms() >= due_ms {
            due_ms = now_ms().saturating_add(look_ms);
            let looked = mind.look(now_ms(), &mut machine);
            for (n, radio) in looked.changes {
                if out.send(Said::Radio(n, radio)).is_err() {
                    return;
                }
            }
            for command in looked.commands {
                debug!(done = ?obey(command), "the radio listens on all its channels");
            }
            // Who has no room for it hears it at the next look.
            let _ = tell.try_send(Told { networks: looked.networks, made_here: looked.made_here });
        }
        while let Some((n, command)) = mind.step(now_ms()) {
            mind.done(n, obey(command), now_ms());
        }
        let wake_ms = due_ms.min(mind.due_ms().unwrap_or(u64::MAX));
        match heard.recv_timeout(Duration::from_millis(wake_ms.saturating_sub(now_ms()).max(1))) {
            Ok(Note::Ear(name, is_heard)) => {
                mind.ear(&name, is_heard);
                due_ms = now_ms();
            }
            Ok(Note::Uses(uses)) => mind.heard(&uses, now_ms()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// What became of a radio. Names of interfaces are the configuration's, not heard.
pub(super) fn say(name: &str, radio: Radio) {
    let (way, state) = (radio.way, radio.state);
    if way == Way::None {
        warn!(radio = name, ?state, "no way to the air; looked for again");
    } else {
        info!(radio = name, ?way, ?state, "air");
    }
}

/// Looks a window, so that what is told is told in each of them, and more than three times (assess: `wifi.beacons >= 3`).
const LOOKS_A_WINDOW: u64 = 5;
const SOONEST_LOOK_MS: u64 = 2_000;
/// The kernel forgets a network 30 s after it heard it: each is looked for before.
const LATEST_LOOK_MS: u64 = 20_000;
/// How often it is told what is heard on which channel.
const PASS_EVERY_MS: u64 = 1_000;
/// Notes that wait while the kernel answers.
const WAITING_NOTES: usize = 64;
/// Looks that wait for the capture thread.
const WAITING_LOOKS: usize = 2;
/// As long as the hand waits for the kernel, twice, and a little more.
const PATIENCE: Duration = Duration::from_secs(7);
/// EPERM.
const NOT_PERMITTED: u32 = 1;
