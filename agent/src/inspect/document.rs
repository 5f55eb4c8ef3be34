//! The JSON document of one input: schema `auscult-inspect/1`, described in `agent/inspect.schema.json`.
//!
//! Keeps: addresses (this program sends nothing), numbers and words of closed lists. Drops: names, unless `--names` was
//! given, and then only those that access points announce.

use crate::evidence;
use crate::reading::Heard;
use auscult_agent::hosts::Host;
use auscult_assess::Finding;
use auscult_assess::facts::Stated;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::value::Value;
use auscult_report::fact::{Fact, Protocol, Software, SoftwarePlace};
use auscult_report::subject::{Bssid, HostId, Subject, Transport};
use auscult_report::summary::Sighting;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is known of one input.
pub(crate) struct Inspection<'a> {
    pub(crate) heard: &'a Heard,
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) findings: &'a [Finding<'a>],
    stated: BTreeMap<Subject, &'a Stated>,
    pub(crate) now: Timestamp,
}

impl<'a> Inspection<'a> {
    /// Of what was heard and what was made of it at `now`.
    pub(crate) fn of_heard(
        heard: &'a Heard,
        knowledge: &'a Knowledge,
        findings: &'a [Finding<'a>],
        stated: &'a [Stated],
        now: Timestamp,
    ) -> Inspection<'a> {
        let stated = stated.iter().map(|s| (s.subject, s)).collect();
        Inspection { heard, knowledge, findings, stated, now }
    }

    /// The document.
    pub(crate) fn document(&self) -> Json {
        let summary = &self.heard.summary;
        let c = &summary.counters;
        let dropped = [c.conversations_let_go, c.octets_let_go, c.hosts_let_go, c.observations_let_go]
            .iter()
            .fold(0u64, |n, m| n.saturating_add(*m));
        json!({
            "schema": "auscult-inspect/1",
            "capture": self.heard.name,
            "complete": self.heard.stopped.is_none(),
            "frames": c.frames,
            "octets": c.octets,
            "malformed": c.malformed,
            "dropped": dropped,
            "from": moment(summary.window.from),
            "to": moment(summary.window.to),
            "judged_at": moment(self.now),
            "knowledge": { "version": self.knowledge.version(), "sha256": hex(&self.knowledge.hash()) },
            "hosts": self.hosts(),
            "services": self.services(),
            "wireless": self.wireless(),
            "findings": self.findings.iter().map(|f| self.finding(f)).collect::<Vec<_>>(),
            "coverage": self.coverage(),
        })
    }

    /// The clinic's hosts that were heard; outside ones are counted.
    fn hosts(&self) -> Vec<Json> {
        let mut hosts: Vec<&Host> = self.heard.hosts.values().filter(|h| h.zone != Zone::Outside).collect();
        hosts.sort_by_key(|h| h.address);
        hosts.iter().map(|h| self.host(h)).collect()
    }

    fn host(&self, host: &Host) -> Json {
        let stated = self.stated(Subject::Host(host.id));
        let value = |name: &str| stated.and_then(|s| s.values.get(name)).map_or(Json::Null, plain);
        let family = value("os.family");
        json!({
            "address": host.address.to_string(),
            "mac": host.hardware.map(|m| colons(&m)),
            "maker": host.hardware.and_then(|m| self.knowledge.maker(m)),
            "zone": host.zone.word(),
            "system": family,
            "support": value("os.support"),
            "signs": self.of(Subject::Host(host.id)).filter_map(|s| sign(&s.fact)).collect::<Vec<_>>(),
            "medical": value("host.medical") == Json::Bool(true),
            "roles": plain_set(&value("host.role")),
            "first": moment(host.first),
        })
    }

    fn services(&self) -> Vec<Json> {
        let subjects = self.subjects(|fact| matches!(fact, Fact::Protocol(_)));
        let mut services: Vec<_> = subjects.iter().filter_map(|s| Some((self.place(*s)?, *s))).collect();
        services.sort_by_key(|(place, _)| (place.0, place.2));
        services.into_iter().map(|(place, subject)| self.service(place, subject)).collect()
    }

    fn service(&self, (address, transport, port): Place, subject: Subject) -> Json {
        let stated = self.stated(subject);
        let value = |name: &str| stated.and_then(|s| s.values.get(name)).map_or(Json::Null, plain);
        let software = self.software(subject);
        let best = software.first();
        let protocols: Vec<&str> = self.of(subject).filter_map(|s| protocol(&s.fact)).map(Protocol::word).collect();
        json!({
            "host": address.to_string(),
            "port": port,
            "transport": transport.word(),
            "protocol": value("svc.protocol"),
            "protocols": protocols,
            "product": best.map(|s| s.product.name()),
            "version": best.and_then(|s| s.version).map(|v| v.to_string()),
            "software": software.iter().map(named).collect::<Vec<_>>(),
            "login": value("svc.login"),
            "encrypted": value("svc.encrypted"),
            "clients": plain_set(&value("svc.clients")),
            "answered": value("svc.answered") == Json::Bool(true),
            "medical": value("svc.medical") == Json::Bool(true),
            "zone": value("svc.zone"),
            "facts": stated.map_or(Json::Null, facts),
        })
    }

    /// The products that a service named, the surest word first: what it says of itself in a body or a handshake tells
    /// more than the header of the server that carries it.
    pub(crate) fn software(&self, subject: Subject) -> Vec<Software> {
        let mut software: Vec<Software> = self
            .of(subject)
            .filter_map(|s| if let Fact::Software(software) = s.fact { Some(software) } else { None })
            .filter(|s| s.product.name() != "unlisted")
            .collect();
        software.sort_by_key(|s| (sureness(s.place), s.version.is_none()));
        software.dedup();
        software
    }

    fn wireless(&self) -> Vec<Json> {
        self.subjects(|fact| *fact == Fact::WifiBeacon)
            .into_iter()
            .filter_map(|s| if let Subject::Wireless(bssid) = s { Some(self.network(bssid)) } else { None })
            .collect()
    }

    fn network(&self, bssid: Bssid) -> Json {
        let stated = self.stated(Subject::Wireless(bssid));
        let value = |name: &str| stated.and_then(|s| s.values.get(name)).map_or(Json::Null, plain);
        let channel = self
            .of(Subject::Wireless(bssid))
            .find_map(|s| if let Fact::WifiChannel(channel) = s.fact { Some(channel) } else { None });
        json!({
            "bssid": colons(&bssid.0),
            "ssid": self.network_name(bssid),
            "maker": self.knowledge.maker(bssid.0),
            "security": value("wifi.security"),
            "pmf": value("wifi.pmf"),
            "wps": value("wifi.wps"),
            "hidden": value("wifi.hidden") == Json::Bool(true),
            "channel": channel,
            "owner": value("wifi.owner"),
            "beacons": value("wifi.beacons"),
            "clients": value("wifi.clients"),
            "facts": stated.map_or(Json::Null, facts),
        })
    }

    /// The name of a network, if names are wanted: letters and signs only, so that it cannot drive a terminal.
    pub(crate) fn network_name(&self, bssid: Bssid) -> Option<String> {
        if !self.heard.names {
            return None;
        }
        let octets = self.heard.networks.get(&bssid)?;
        Some(String::from_utf8_lossy(octets).chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect())
    }

    fn finding(&self, finding: &Finding<'_>) -> Json {
        let rule = finding.rule;
        let controls: Map<String, Json> =
            rule.controls().map(|(framework, ids)| (framework.to_owned(), json!(ids.collect::<Vec<_>>()))).collect();
        json!({
            "id": rule.id(),
            "version": rule.version(),
            "group": rule.group(),
            "subject": self.subject(finding.subject),
            "severity": finding.severity.word(),
            "confidence": f64::from(finding.confidence_percent) / 100.0,
            "title": rule.title(),
            "because": finding.because,
            "from_zones": finding.zones.iter().map(|z| z.word()).collect::<Vec<_>>(),
            "heard": evidence::sentences(self, finding),
            "what_is_heard": rule.heard(),
            "may_be_mistaken": rule.traps().collect::<Vec<_>>(),
            "remedy": rule.remedy(),
            "gone_when": rule.gone(),
            "controls": controls,
            "first": self.proof(finding).map(|s| s.first).min().map(moment),
            "last": self.proof(finding).map(|s| s.last).max().map(moment),
        })
    }

    fn subject(&self, subject: Subject) -> Json {
        match subject {
            Subject::Sensor => json!({ "sensor": true }),
            Subject::Site => json!({ "site": true }),
            Subject::Host(id) => json!({ "host": self.address(id).map(|a| a.to_string()) }),
            Subject::Service(id, transport, port) => json!({
                "host": self.address(id).map(|a| a.to_string()), "port": port, "transport": transport.word(),
            }),
            Subject::Wireless(bssid) => json!({ "bssid": colons(&bssid.0), "ssid": self.network_name(bssid) }),
        }
    }

    fn coverage(&self) -> Json {
        let c = &self.heard.summary.counters;
        let heard = self.protocols();
        let not_heard: Vec<&str> =
            Protocol::ALL.iter().map(|p| p.word()).filter(|word| !heard.contains(word)).collect();
        json!({
            "networks": if self.heard.is_assumed { "assumed" } else { "configured" },
            "protocols_heard": heard,
            "protocols_not_heard": not_heard,
            "wireless": c.wireless_frames > 0,
            "hosts": c.hosts,
            "conversations": c.conversations,
            "one_sided": c.one_sided,
            "holes": c.holes,
            "fragments": c.fragments,
            "frames_cut": c.cut,
            "frames_not_understood": c.not_understood,
            "wireless_frames": c.wireless_frames,
            "wireless_encrypted": c.wireless_encrypted,
            "let_go": {
                "conversations": c.conversations_let_go, "octets": c.octets_let_go, "hosts": c.hosts_let_go,
                "observations": c.observations_let_go,
            },
            "stopped_at_octet": self.heard.stopped.as_ref().map(|s| s.octet),
        })
    }

    /// The subjects of which such a fact was heard.
    pub(crate) fn subjects(&self, such: impl Fn(&Fact) -> bool) -> BTreeSet<Subject> {
        self.heard.summary.sightings.iter().filter(|s| such(&s.fact)).map(|s| s.subject).collect()
    }

    /// The protocols that were heard, as words.
    pub(crate) fn protocols(&self) -> BTreeSet<&'static str> {
        self.heard.summary.sightings.iter().filter_map(|s| protocol(&s.fact)).map(Protocol::word).collect()
    }

    /// The sightings of a subject.
    pub(crate) fn of(&self, subject: Subject) -> impl Iterator<Item = &Sighting> {
        // Sightings of a summary stand in the order of their subjects.
        let all = &self.heard.summary.sightings;
        let from = all.partition_point(|s| s.subject < subject);
        all.iter().skip(from).take_while(move |s| s.subject == subject)
    }

    /// The sightings that a finding rests on.
    pub(crate) fn proof<'f>(&'f self, finding: &'f Finding<'_>) -> impl Iterator<Item = &'f Sighting> {
        finding.proof.iter().filter_map(|place| self.heard.summary.sightings.get(*place))
    }

    /// What `assess` made of a subject.
    pub(crate) fn stated(&self, subject: Subject) -> Option<&Stated> {
        self.stated.get(&subject).copied()
    }

    /// The address of a host, from the sensor's directory.
    pub(crate) fn address(&self, id: HostId) -> Option<core::net::IpAddr> {
        self.heard.hosts.get(&id).map(|h| h.address)
    }

    /// Address, transport and port of a service.
    pub(crate) fn place(&self, subject: Subject) -> Option<Place> {
        let Subject::Service(id, transport, port) = subject else { return None };
        Some((self.address(id)?, transport, port))
    }
}

pub(crate) type Place = (core::net::IpAddr, Transport, u16);

/// Whether a character can do nothing to a terminal or to the reading of what stands beside it: no control (Unicode Cc), no line
/// or paragraph separator, nothing that turns the direction, joins or has no width (Cf, as far as it is in use).
fn is_harmless(c: char) -> bool {
    let unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !unseen
}

pub(crate) fn protocol(fact: &Fact) -> Option<Protocol> {
    if let Fact::Protocol(protocol) = fact { Some(*protocol) } else { None }
}

fn sign(fact: &Fact) -> Option<Json> {
    let Fact::System(s) = fact else { return None };
    Some(json!({
        "where": s.place.word(), "family": s.family.word(), "major": s.major, "minor": s.minor, "build": s.build,
    }))
}

fn named(software: &Software) -> Json {
    json!({
        "product": software.product.name(),
        "version": software.version.map(|v| v.to_string()),
        "revision": software.revision.map(|v| v.to_string()),
        "where": software.place.word(),
    })
}

const fn sureness(place: SoftwarePlace) -> u8 {
    match place {
        SoftwarePlace::Body | SoftwarePlace::Implementation | SoftwarePlace::Greeting => 0,
        SoftwarePlace::Parameter | SoftwarePlace::NativeLanman | SoftwarePlace::Txt | SoftwarePlace::VendorClass => 1,
        SoftwarePlace::SystemDescription | SoftwarePlace::Realm => 1,
        SoftwarePlace::ServerHeader => 2,
        SoftwarePlace::PageTitle => 3,
        SoftwarePlace::PoweredBy => 4,
    }
}

fn facts(stated: &Stated) -> Json {
    Json::Object(stated.values.iter().map(|(name, value)| (name.clone().into_owned(), plain(value))).collect())
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(b) => Json::Bool(*b),
        Value::Number(n) => number(*n),
        Value::Word(w) => Json::String(w.clone().into_owned()),
        Value::Set(words) => json!(words),
    }
}

/// Counts without a fraction.
#[allow(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn number(n: f64) -> Json {
    if n.fract() == 0.0 && n.abs() < 9e15 { json!(n as i64) } else { json!(n) }
}

fn plain_set(value: &Json) -> Json {
    if value.is_array() { value.clone() } else { json!([]) }
}

/// RFC 3339, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    i64::try_from(at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(String::new, |t| t.to_string())
}

pub(crate) fn colons(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().join(":")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|o| format!("{o:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_or_turns_a_line_around_is_harmless() {
        for c in
            ['\u{1b}', '\u{7}', '\n', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{feff}', '\u{e0041}']
        {
            assert!(!is_harmless(c), "{c:?}");
        }
        for c in ['a', 'é', '診', ' ', '-', '🏥'] {
            assert!(is_harmless(c), "{c:?}");
        }
    }
}
