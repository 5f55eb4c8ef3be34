//! Enrolment, as the person at the device meets it: a code goes in, five words come out.
//!
//! The order on the disk: the key for TLS (it is asked for), then, when the proofs hold, the trust bundle, then the ledger:
//! with it the sensor is enrolled. Keeps: nothing of the code. Drops: everything that was said without a proof.

use super::{MADE, lock};
use crate::config::{COLLECTOR_FORM, Config, is_collector};
use crate::courier::enrol::{Failure, Met, Newcomer};
use crate::identity::{Identity, NOT_ENROLLED, Papers, fingerprint_words};
use crate::run::clock::{ClockWatch, reading};
use crate::run::post::host_and_port;
use crate::spool::look;
use auscult_report::code::Code;
use auscult_report::enrol::{Hints, Pinned};
use auscult_report::key::{LedgerId, SensorId, hash};
use auscult_report::trust::Trust;
use auscult_report::version::Version;
use std::fs;

/// A sensor that its collector knows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The sensor.
    pub sensor: SensorId,
    /// The five words that are compared before it is approved.
    pub words: [&'static str; 5],
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// Whether the collector confirmed it. If not, it may know the sensor all the same.
    pub is_confirmed: bool,
}

/// Enrols this sensor with a one-time code at the first of `addresses` that answers; without any, at those of the
/// configuration. `again` enrols a sensor that is enrolled already.
///
/// # Errors
/// One sentence: what went wrong, what to try. Then nothing is stored but the keys.
pub fn enrol(config: &Config, code: &str, addresses: &[String], again: bool) -> Result<Enrolled, String> {
    let code = Code::parse(code).map_err(|e| e.to_string())?;
    let addresses = if addresses.is_empty() { &config.collectors[..] } else { addresses };
    if addresses.is_empty() {
        return Err("no collector is given: give --collector or collector.addresses".to_owned());
    }
    if !addresses.iter().all(|address| is_collector(address)) {
        return Err(COLLECTOR_FORM.to_owned());
    }
    let mut identity = Identity::open(config).map_err(|e| e.to_string())?;
    let _lock = lock(&config.state)?;
    let mut papers = Papers::open(&config.state).map_err(|e| e.to_string())?;
    if identity.ledger() != NOT_ENROLLED && papers.trust().is_some() && !again {
        return Err("this sensor is enrolled already; give --again if its provider made a new code for it".to_owned());
    }
    let request = papers.request().map_err(|e| e.to_string())?;
    let key = identity.key(0).ok_or("the sensor has no key")?;
    let newcomer = Newcomer { code: &code, key, request: &request, hints: hints(config, &identity) };
    let words = fingerprint_words(&key.public());
    let Met { pinned, is_confirmed } = meet(&newcomer, addresses, &belongs(config, &identity))?;
    papers.pin(&pinned.bundle).map_err(|e| e.to_string())?;
    identity.belong(pinned.ledger).map_err(|e| e.to_string())?;
    Ok(Enrolled { sensor: identity.sensor(), words, ledger: pinned.ledger, is_confirmed })
}

/// Tries one address after the other, as long as only the way is at fault.
fn meet(newcomer: &Newcomer<'_>, addresses: &[String], fits: &impl Fn(&Pinned) -> bool) -> Result<Met, String> {
    let mut failed = String::new();
    for address in addresses {
        match newcomer.meet(&host_and_port(address), fits, nonce) {
            Ok(met) => return Ok(met),
            Err(failure) => {
                failed = format!("{address}: {failure}");
                if !Failure::is_of_the_way(failure) {
                    break;
                }
            }
        }
    }
    Err(failed)
}

/// Whether the sensor can belong where an offer puts it: reports of one clinic's ledger are never another's.
fn belongs(config: &Config, identity: &Identity) -> impl Fn(&Pinned) -> bool {
    let ledgers = [Some(identity.ledger()), look(&config.state).head.map(|h| h.ledger)];
    move |pinned: &Pinned| {
        let is_ours = |ledger: &LedgerId| *ledger == NOT_ENROLLED || *ledger == pinned.ledger;
        pinned.ledger != NOT_ENROLLED && Trust::first(&pinned.bundle).is_ok() && ledgers.iter().flatten().all(is_ours)
    }
}

fn nonce() -> Option<[u8; 32]> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).ok()?;
    Some(nonce)
}

/// What a person is shown: the version, a hash of the board's serial number, how good the clock is.
fn hints(config: &Config, identity: &Identity) -> Hints {
    let board = ["/sys/firmware/devicetree/base/serial-number", "/sys/class/dmi/id/product_serial"];
    let serial = board.iter().find_map(|path| fs::read(path).ok()).or_else(|| fs::read(&config.machine_id).ok());
    let (moment, _) = ClockWatch::new(identity.boot(), MADE).moment(reading());
    Hints {
        agent: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
        serial: serial.map(|octets| hash(b"auscult.dev/serial/v1\0", &[octets.trim_ascii()])),
        clock: moment.clock,
    }
}
