//! One screen for the person at the device: does it hear, where does the chain stand, how full is the spool, which words
//! to compare.
//!
//! Keeps: what the daemon left on the disk. Drops: everything heard; nothing of it is shown here.

use crate::config::Config;
use crate::identity::{Identity, NOT_ENROLLED};
use crate::spool::look;
use auscult_report::heartbeat::Heartbeat;
use auscult_report::payload::Place;
use std::fmt::Write;

/// The screen.
///
/// # Errors
/// One sentence, if there are no keys yet.
pub fn status(config: &Config) -> Result<String, String> {
    let identity = Identity::look(config).map_err(|e| format!("{e}; start the agent once: it makes its keys"))?;
    let seen = look(&config.state);
    let beat = seen.alive.as_deref().and_then(|octets| {
        let claimed = Heartbeat::claimed(octets).ok()?;
        Heartbeat::open(octets, &identity.key(claimed.key_no)?.public()).ok()
    });
    let mut screen = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(screen, "{name:<12}{text}");
    };
    line("sensor", identity.sensor().to_string());
    line("words", identity.words().join(" "));
    line(
        "enrolled",
        if identity.ledger() == NOT_ENROLLED { "no".to_owned() } else { format!("ledger {}", identity.ledger()) },
    );
    line("hears", beat.as_ref().map_or("not started yet".to_owned(), hears));
    line("networks", networks(config));
    line("chain", seen.head.map_or("not begun".to_owned(), |h| format!("{}, key {}", place(h.place), h.key_no)));
    let percent = seen.octets.saturating_mul(100).checked_div(config.spool_octets).unwrap_or(0);
    line("spool", format!("{} reports, {} of {} octets ({percent} %)", seen.reports, seen.octets, config.spool_octets));
    line("delivered", seen.settled.map_or("nothing yet".to_owned(), |p| format!("up to {}", place(p))));
    if let Some(beat) = &beat {
        line("clock", format!("{:?}", beat.moment.clock).to_lowercase());
    }
    Ok(screen)
}

fn hears(beat: &Heartbeat) -> String {
    let how = if beat.health.capturing { "yes" } else { "no, the capture ended" };
    format!("{how}, {} frames since its start, {} reports wait", beat.health.frames, beat.health.waiting)
}

fn networks(config: &Config) -> String {
    match config.networks.len() {
        0 => "none configured: private addresses count as the clinic's".to_owned(),
        n => format!("{n} configured, {} wireless", config.own_ssids.len().saturating_add(config.own_bssids.len())),
    }
}

fn place(place: Place) -> String {
    format!("epoch {}, report {}", place.epoch, place.seq)
}
