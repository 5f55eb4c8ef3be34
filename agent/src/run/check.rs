//! `check`: proves in a minute that this box hears and that what it hears arrives, or says what a person can try.
//!
//! In this order: all that is on the disk, while root may still look at what is another user's; the ears; then every right is laid down as the daemon
//! does it, and only then it speaks with the collector, and listens. Keeps: lines for a person. Drops: everything heard.

use super::check_air as air;
use super::check_hearing as hearing;
use super::check_machine as machine;
use super::check_paper::{Checked, Line};
use super::check_way::way;
use super::folders::Reach;
use super::radio;
use super::rights::{self, DAEMON};
use crate::config::{Config, Heard};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Checks everything; each line is told as soon as it is known. `seconds` is how long it listens; it listens no longer once
/// `stop` is set.
///
/// # Errors
/// One sentence, if the check itself cannot be carried out.
pub fn check(config: &Config, seconds: u64, stop: &AtomicBool, tell: &mut dyn FnMut(&Line)) -> Result<Checked, String> {
    let mut checked = Checked::default();
    let mut tell = |line: Line| {
        tell(&line);
        checked.lines.push(line);
    };
    tell(configuration(config));
    let mut found = machine::folder(config, &mut tell);
    machine::agent(&found).into_iter().for_each(&mut tell);
    let (clock, moment) = machine::clock(&found);
    tell(clock);
    machine::heat().into_iter().for_each(&mut tell);
    let radios = machine::radios();
    let mut places = Vec::new();
    if let Heard::Live(wanted, keeping) = &config.heard {
        places = hearing::open(config, &radio::ears(wanted, config), *keeping, &mut tell);
    }
    rights::lay_down(&DAEMON, Some(&Reach::new(config, None)))?;
    way(config, &mut found, moment, &mut tell);
    let mut listened = 0;
    if !places.is_empty() {
        listened = hearing::hear(&mut places, Duration::from_secs(seconds), stop);
    }
    let airs = hearing::told(&mut places, listened, &mut tell);
    if matches!(config.heard, Heard::Live(..)) {
        air::told(config, &airs, radios, &mut tell);
    }
    checked.seconds = listened;
    Ok(checked)
}

fn configuration(config: &Config) -> Line {
    match &config.heard {
        Heard::Replay(..) => Line::attention(
            "configuration",
            "valid; a capture file is heard, and no interface",
            "name the interfaces ([[capture.interface]])",
        ),
        Heard::Live(wanted, _) if config.networks.is_empty() => Line::attention(
            "configuration",
            format!("valid; {} named, and none of the clinic's networks", interfaces(wanted.len())),
            "name them (clinic.home): without them private addresses count as the clinic's",
        ),
        Heard::Live(wanted, _) => {
            let networks = config.networks.len();
            Line::well("configuration", format!("valid; {}, {networks} networks", interfaces(wanted.len())))
        }
    }
}

fn interfaces(n: usize) -> String {
    if n == 1 { "1 interface".to_owned() } else { format!("{n} interfaces") }
}
