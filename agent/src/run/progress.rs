//! How far a sensor is on its way from nothing to "heard and trusted", by what lies in its state folder: for who sets it up.
//!
//! Keeps: words of closed lists, the five words, moments to the minute. Drops: everything heard. Nothing is changed.

use super::delivery::Delivery;
use super::status::utc;
use crate::config::Config;
use crate::courier::trouble::Trouble;
use crate::identity::{Identity, NOT_ENROLLED, Papers};
use crate::spool::look;
use std::fs::OpenOptions;
use std::path::Path;

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sensor's id and the five words of its newest key, once it has keys.
    pub known_as: Option<(String, [&'static str; 5])>,
    /// It has a clinic's ledger and knows its collector.
    pub is_enrolled: bool,
    /// It has a certificate, and nobody holds it back.
    pub is_approved: bool,
    /// When the newest receipt came, once a report was acknowledged.
    pub receipt: Option<String>,
    /// Why nothing is delivered, for a person.
    pub trouble: Option<&'static str>,
}

/// Looks at a state folder.
///
/// # Errors
/// One sentence, if keys or papers are there and cannot be used.
pub fn progress(config: &Config) -> Result<Progress, String> {
    if !has_keys(&config.state)? {
        return Ok(Progress::default());
    }
    let identity = Identity::look(config).map_err(|e| e.to_string())?;
    let papers = Papers::open(&config.state).map_err(|e| e.to_string())?;
    let delivery = Delivery::look(&config.state);
    let trouble = delivery.trouble();
    let is_held_back = matches!(trouble, Some(Trouble::Pending | Trouble::Revoked | Trouble::Closed));
    let settled = look(&config.state).settled;
    Ok(Progress {
        known_as: Some((identity.sensor().to_string(), identity.words())),
        is_enrolled: identity.ledger() != NOT_ENROLLED && papers.trust().is_some(),
        is_approved: papers.certificate().is_some() && !is_held_back,
        receipt: settled.and(delivery.receipt_ms).map(utc),
        trouble: trouble.map(Trouble::sentence),
    })
}

fn has_keys(state: &Path) -> Result<bool, String> {
    let first = state.join("keys/sensor-0.key");
    first.try_exists().map_err(|e| format!("{} cannot be looked at ({e}); run this as root", first.display()))
}

/// Whether an agent runs with this state folder. Nothing is made there.
#[must_use]
pub fn is_running(state: &Path) -> bool {
    let opened = OpenOptions::new().write(true).open(state.join("lock"));
    opened.is_ok_and(|file| file.try_lock().is_err())
}
