//! The part of a check that looks at the way to the collector: is it reached, is it ours, does it know this sensor.
//!
//! A sign of life goes there, or, before a person approved the sensor, the question for its certificate: both stand beside the
//! chain. While an agent runs, what it left is read instead: there are never two speakers with one chain. Keeps: a certificate
//! that is granted. Drops: receipts; the agent asks for its own.

use super::MADE;
use super::check_machine::Found;
use super::check_paper::{Grade, Line};
use super::delivery::Delivery;
use super::health::{config_hash, program_hash};
use super::post::host_and_port;
use super::status::utc;
use crate::config::Config;
use crate::courier::link::{ALIVE_PATH, ALIVE_TYPE, Credentials, RENEW_PATH, RENEW_TYPE, Request};
use crate::courier::probe::{Reached, probe};
use crate::courier::trouble::Trouble;
use crate::courier::trust::ClockTrust;
use crate::identity::{Identity, NOT_ENROLLED, Papers, is_trusted};
use crate::spool::Look;
use auscult_report::bounded::Bounded;
use auscult_report::header::Moment;
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::payload::Extras;
use auscult_report::renew::Renewal;
use auscult_report::version::Version;
use std::sync::Arc;

/// The way to the collector, of a sensor that is enrolled.
pub(super) fn way(config: &Config, found: &mut Found, moment: Moment, tell: &mut dyn FnMut(Line)) {
    if found.is_taken {
        return tell(left(&found.delivery));
    }
    let (Some(identity), Some(papers)) = (&found.identity, &mut found.papers) else { return };
    if identity.ledger() == NOT_ENROLLED || papers.trust().is_none() {
        return;
    }
    let addresses = addresses(config, papers);
    if addresses.is_empty() {
        return tell(Line::wrong("collector", "no address of it is known", "give collector.addresses"));
    }
    let mut lines = Vec::new();
    for address in &addresses {
        let request = if papers.certificate().is_none() && found.is_ours {
            renewal(identity, papers, &found.spool)
        } else {
            alive(config, identity, &found.spool, moment)
        };
        let Some(request) = request else {
            let advice = "enrol this sensor again (enrol --again)";
            return tell(Line::wrong("collector", "nothing can be asked of it", advice));
        };
        lines.push(ask(address, &request, papers, moment).of(address));
    }
    // One way is enough; the others are looked at.
    if lines.iter().any(|line| line.grade < Grade::Wrong) {
        for line in &mut lines {
            line.grade = line.grade.min(Grade::Attention);
        }
    }
    lines.into_iter().for_each(&mut *tell);
    if let Some(line) = certificate(papers, moment) {
        tell(line);
    }
}

/// How delivery stood when the agent looked last.
fn left(delivery: &Delivery) -> Line {
    let last = delivery.receipt_ms.map_or("no receipt came yet".to_owned(), |ms| format!("last receipt {}", utc(ms)));
    match delivery.trouble() {
        Some(trouble) => of_trouble(trouble, &format!("by the running agent: {last}; ")),
        None if delivery.receipt_ms.is_some() => Line::well("collector", format!("by the running agent: {last}")),
        None => {
            Line::attention("collector", format!("by the running agent: {last}"), "auscult-agent status, in a minute")
        }
    }
}

/// Those of the trust bundle, then those of the configuration, as the agent tries them.
fn addresses(config: &Config, papers: &Papers) -> Vec<String> {
    let told = papers.trust().into_iter().flat_map(|trust| trust.addresses.iter());
    let told = told.filter_map(|a| String::from_utf8(a.to_vec()).ok()).filter(|a| a.is_ascii() && !a.contains('/'));
    let mut all: Vec<String> = told.collect();
    for configured in config.collectors.iter().map(|a| host_and_port(a)) {
        if !all.contains(&configured) {
            all.push(configured);
        }
    }
    all
}

fn ask(address: &str, request: &Request, papers: &mut Papers, moment: Moment) -> Line {
    let roots: Vec<Vec<u8>> =
        papers.trust().map(|trust| trust.authorities.iter().map(|ca| ca.to_vec()).collect()).unwrap_or_default();
    let own = papers.certificate().map(Arc::clone);
    let clock = if is_trusted(moment.clock) { ClockTrust::Trusted } else { ClockTrust::Floor(MADE.0 / 1_000) };
    let own = own.as_ref().map(|c| (c.der.as_slice(), c.key.as_slice()));
    match probe(address, request, &Credentials { roots: &roots, own, clock }) {
        Reached::Granted(grant) => match papers.grant(&grant.certificate) {
            Ok(()) => Line::well("collector", "reached, it is ours; it has just approved this sensor"),
            Err(e) => Line::wrong("collector", e.to_string(), "enrol this sensor again (enrol --again)"),
        },
        // What asks without a certificate is told to bring one.
        Reached::Trouble(Trouble::Certificate) if own.is_none() => Line::attention(
            "collector",
            "reached, it is ours; this sensor has no certificate yet",
            "run the check as the agent's user, or start the agent: it asks whether the sensor is approved",
        ),
        reached => of(&reached),
    }
}

/// In words, with what to try.
fn of(reached: &Reached) -> Line {
    let wrong = |found: &str, advice: &str| Line::wrong("collector", found, advice);
    match reached {
        Reached::Well | Reached::Granted(_) => Line::well("collector", "reached, it is ours, and it knows this sensor"),
        Reached::NoName => wrong("its name does not resolve", "check the name server of this machine, and the name"),
        Reached::Refused => wrong(
            "the machine is there, and the connection is refused",
            "check the port, and whether the collector runs",
        ),
        Reached::NoWay => wrong(
            "there is no way to it, or no answer in time",
            "check the uplink, and that its firewall lets this machine out to the collector's port",
        ),
        Reached::NoTls => wrong(
            "a connection opens, and TLS 1.3 does not come about",
            "check the port; a proxy or a firewall that looks into TLS has to let this machine through",
        ),
        Reached::Dates => wrong(
            "it is ours, but by this machine's clock its certificate is not valid",
            "set the clock; if it is right, the provider has to renew the collector's certificate",
        ),
        Reached::Papers => wrong("this sensor's papers cannot be used", "enrol this sensor again (enrol --again)"),
        Reached::Trouble(trouble) => of_trouble(*trouble, ""),
    }
}

fn of_trouble(trouble: Trouble, before: &str) -> Line {
    let (found, advice) = match trouble {
        Trouble::Unreachable => ("cannot be reached", "check the uplink and its firewall"),
        Trouble::Untrusted => (
            "who answers there is not ours",
            "look for a portal's login page or a firewall that looks into TLS; else ask the provider whether its CA changed",
        ),
        Trouble::Certificate => {
            ("it does not take this sensor's certificate", "start the agent: it asks for a new one by itself")
        }
        Trouble::CutOff => ("its answer was cut off", "check the uplink: it is bad, or something on it meddles"),
        Trouble::Stranger => (
            "a portal or a proxy answers in its place",
            "let this machine through at the portal or the proxy, for the collector's address",
        ),
        Trouble::Pending => (
            "reached, it is ours; a person at the provider has to approve this sensor",
            "tell the provider the five words of this sensor's key",
        ),
        Trouble::Revoked => ("this sensor was revoked by its provider", "ask the provider"),
        Trouble::Closed => ("this sensor was taken out of service by its provider", "ask the provider"),
        Trouble::Quota => ("more was sent today than the provider allows", "ask the provider, if this stays"),
        Trouble::Busy => {
            ("it has no time or no room now", "nothing: it is asked again; ask the provider, if this stays")
        }
        Trouble::Refused => ("it does not understand this agent", "update one of them"),
    };
    let found = format!("{before}{found}");
    match trouble {
        Trouble::Certificate | Trouble::Pending | Trouble::Quota | Trouble::Busy => {
            Line::attention("collector", found, advice)
        }
        _ => Line::wrong("collector", found, advice),
    }
}

fn certificate(papers: &Papers, moment: Moment) -> Option<Line> {
    let certificate = papers.certificate()?;
    let until = utc(certificate.until.0);
    Some(if is_trusted(moment.clock) && certificate.is_over(moment.wall) {
        Line::attention("certificate", format!("ended {until}"), "start the agent: it asks for a new one by itself")
    } else {
        Line::well("certificate", format!("valid until {until}, renewed by itself before"))
    })
}

/// A sign of life, beside the chain.
fn alive(config: &Config, identity: &Identity, spool: &Look, moment: Moment) -> Option<Request> {
    let key_no = known_key_no(spool);
    let health = Health {
        program: Version::exact(env!("CARGO_PKG_VERSION").as_bytes()),
        program_hash: program_hash(),
        config_hash: config_hash(config),
        // It is about to listen; the counters are those of an agent that has just begun.
        capturing: true,
        waiting: last(spool).map_or(0, |beat| beat.health.waiting),
        ..Health::default()
    };
    let beat = Heartbeat {
        ledger: identity.ledger(),
        sensor: identity.sensor(),
        key_no,
        head: spool.head.map(|head| head.known()),
        moment,
        health,
        seen: spool.seen,
        bundle_version: spool.bundle_version,
        ext: Extras::new(),
    };
    let octets = beat.seal(identity.key(key_no)?)?;
    Some(Request { path: ALIVE_PATH, form: ALIVE_TYPE, octets, seen: None })
}

/// The question for a certificate: who is not approved is told so.
fn renewal(identity: &Identity, papers: &Papers, spool: &Look) -> Option<Request> {
    let key_no = known_key_no(spool);
    let request = Bounded::try_from(papers.request().ok()?).ok()?;
    let bundle_version = papers.trust().map_or(0, |trust| trust.version);
    let renewal = Renewal { ledger: identity.ledger(), sensor: identity.sensor(), key_no, request, bundle_version };
    let octets = renewal.seal(identity.key(key_no)?)?;
    Some(Request { path: RENEW_PATH, form: RENEW_TYPE, octets, seen: None })
}

/// The newest key that the collector knows: the one by which the agent showed itself last.
fn known_key_no(spool: &Look) -> u16 {
    last(spool).map(|beat| beat.key_no).or(spool.head.map(|head| head.key_no)).unwrap_or(0)
}

/// The agent's last sign of life.
fn last(spool: &Look) -> Option<Heartbeat> {
    Heartbeat::claimed(spool.alive.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_and_every_end_of_the_way_says_what_to_try() {
        let mut said = std::collections::BTreeSet::new();
        for trouble in Trouble::ALL {
            let line = of(&Reached::Trouble(trouble));
            assert!(line.advice.is_some() && said.insert(line.found.clone()), "{line:?}");
        }
        for reached in
            [Reached::NoName, Reached::Refused, Reached::NoWay, Reached::NoTls, Reached::Dates, Reached::Papers]
        {
            let line = of(&reached);
            assert!(line.advice.is_some() && said.insert(line.found.clone()), "{line:?}");
        }
        assert!(of(&Reached::Well).advice.is_none());
    }
}
