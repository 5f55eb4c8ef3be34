//! One screen for the person at the device: does it hear, where does the chain stand, how full is the spool, which words
//! to compare, who let it in, what was delivered and why not more.
//!
//! Keeps: what the daemon left on the disk. Drops: everything heard; nothing of it is shown here.

use super::delivery::Delivery;
use super::rights::Restraint;
use super::view;
use crate::config::{Config, Heard};
use crate::courier::trouble::Trouble;
use crate::identity::{Identity, NOT_ENROLLED, Papers};
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
    let papers = Papers::open(&config.state).map_err(|e| e.to_string())?;
    let delivery = Delivery::look(&config.state);
    line("enrolled", enrolled(&identity, &papers));
    line("approved", approved(&papers, &delivery));
    line("hears", beat.as_ref().map_or("not started yet".to_owned(), |b| hears(config, b)));
    for (name, text) in beat.iter().flat_map(|beat| view::sight(config, beat)) {
        // The name of an interface may be longer than the column.
        line(&name, if name.len() < 12 { text } else { format!(" {text}") });
    }
    if let Some(restraint) = Restraint::look(&config.state) {
        line("held", restraint.sentence());
    }
    line("networks", networks(config));
    line("chain", seen.head.map_or("not begun".to_owned(), |h| format!("{}, key {}", place(h.place), h.key_no)));
    let percent = seen.octets.saturating_mul(100).checked_div(config.spool_octets).unwrap_or(0);
    line("spool", format!("{} reports, {} of {} octets ({percent} %)", seen.reports, seen.octets, config.spool_octets));
    let when = delivery.stored_ms.map_or(String::new(), |ms| format!(", at {}", utc(ms)));
    line("delivered", seen.settled.map_or("nothing yet".to_owned(), |p| format!("up to {}{when}", place(p))));
    line("contact", contact(&delivery));
    if let Some(trouble) = delivery.trouble() {
        line("trouble", trouble.sentence().to_owned());
    }
    if let Some(ms) = delivery.contradiction_ms {
        let told = if delivery.contradiction_is_told { "a report told of it" } else { "the next report tells of it" };
        line("ledger", format!("its keeper contradicted himself at {}; {told}", utc(ms)));
    }
    for (name, text) in beat.iter().flat_map(view::machine) {
        line(name, text);
    }
    Ok(screen)
}

fn enrolled(identity: &Identity, papers: &Papers) -> String {
    match (identity.ledger(), papers.trust()) {
        (NOT_ENROLLED, _) => "no".to_owned(),
        (ledger, None) => format!("ledger {ledger}, by hand: no collector is known"),
        (ledger, Some(trust)) => format!("ledger {ledger}, trust bundle {}", trust.version),
    }
}

/// A certificate is what an approval brings. Who waits for a person all the same is in quarantine: its chain contradicted itself.
fn approved(papers: &Papers, delivery: &Delivery) -> String {
    match (papers.certificate(), delivery.trouble()) {
        (Some(_), Some(Trouble::Pending)) => {
            "held back: does another device have this one's keys? ask the provider".to_owned()
        }
        (_, Some(Trouble::Pending)) => "not yet: the provider compares the five words".to_owned(),
        (_, Some(Trouble::Revoked | Trouble::Closed)) => "no more".to_owned(),
        (None, _) => "not yet".to_owned(),
        (Some(certificate), _) => format!("yes, certificate until {}", utc(certificate.until.0)),
    }
}

fn contact(delivery: &Delivery) -> String {
    let last = delivery.receipt_ms.map_or("none yet".to_owned(), |ms| format!("last {}", utc(ms)));
    match delivery.failures {
        0 => last,
        1 => format!("{last}, 1 failure since"),
        n => format!("{last}, {n} failures since"),
    }
}

/// To the minute, by this sensor's clock.
pub(super) fn utc(ms: u64) -> String {
    let second = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    let shown = jiff::Timestamp::from_second(second).map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string());
    shown.unwrap_or_else(|_| "an unknown time".to_owned())
}

fn hears(config: &Config, beat: &Heartbeat) -> String {
    let how = match (beat.health.capturing, &config.heard) {
        (true, _) => "yes",
        (false, Heard::Replay(..)) => "no, the capture ended",
        (false, Heard::Live(..)) => "not everything: it was stopped, or an interface is not there",
    };
    let (frames, lost, waiting) = (beat.health.frames, beat.health.frames_lost, beat.health.waiting);
    let lost = if lost > 0 { format!(" ({lost} lost)") } else { String::new() };
    format!("{how}, {frames} frames{lost} since its start, {waiting} reports wait")
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
