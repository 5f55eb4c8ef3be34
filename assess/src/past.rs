//! What was heard of a place before: by it the judge tells what is new, what lost its protection and what came back.
//!
//! A pure function of what was heard, in its order; who has the same reports has the same past. Days are counted as they were
//! listened to, not read from a clock: a sensor that was off for a month learnt nothing in it. Keeps: of services, hosts and own
//! networks since when, how long and how well protected they were heard. Drops: what a window said alone; what was not heard for a
//! season, when room is needed.

mod partners;
mod spell;

use crate::vocabulary::Values;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Role, WebKind, WifiOwner};
use auscult_report::subject::{Bssid, HostId, Subject};
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::MS_PER_DAY;
use auscult_report::zone::Zone;
use core::net::IpAddr;
use partners::Partners;
use serde::{Deserialize, Serialize};
use spell::{Spell, ever};
use std::collections::BTreeMap;

/// What is remembered of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The day that is listened to, from 0.
    today: u32,
    /// Services that a usual day has.
    usual: u32,
    services: BTreeMap<Subject, Service>,
    hosts: BTreeMap<HostId, Host>,
    networks: BTreeMap<Bssid, Spell>,
    /// Name servers that the clinic's hosts asked, in the clinic or outside.
    resolvers: BTreeMap<Subject, Spell>,
    /// When most of them began to ask one that was never asked before.
    resolver_changed: Option<u32>,
    /// To which outside partners medical hosts send, and how much.
    partners: BTreeMap<HostId, Partners>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Service {
    last: u32,
    /// Days in a row on which it was heard, up to [`STEADY_DAYS`].
    run: u8,
    /// Lively days since then on which it was not.
    silent: u8,
    /// When it came back after it had been steady and then silent.
    back: Option<u32>,
    outside: Option<Spell>,
    secrecy: BTreeMap<Zone, Guard>,
    logins: BTreeMap<Zone, Guard>,
    kinds: BTreeMap<WebKind, Guard>,
}

/// A protection, as far as it was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Guard {
    /// Since when nothing else was heard.
    kept: Option<u32>,
    lost: Option<u32>,
    /// It was lost, and is there again.
    is_back: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    first: u32,
    last: u32,
    medical: Option<Spell>,
    families: BTreeMap<Protocol, Spell>,
    /// Of an IPv6 address the half that stays when a carrier gives another prefix.
    suffix: Option<u64>,
}

impl Past {
    /// Takes in what was heard just now: of all that is known, the sightings that `is_heard` names, when so many milliseconds were
    /// listened to in all.
    pub fn hears(&mut self, known: &Summary, is_heard: impl Fn(&Sighting) -> bool, listened_ms: u64) {
        let today = u32::try_from(listened_ms / MS_PER_DAY).unwrap_or(u32::MAX);
        if today > self.today {
            self.day_ends();
            self.today = today;
        }
        let zones: BTreeMap<HostId, Zone> = known.hosts.iter().map(|h| (h.id, h.zone)).collect();
        let is_ours = |host: HostId| zones.get(&host).is_some_and(|zone| *zone != Zone::Outside);
        let mut heard: BTreeMap<Subject, Vec<&Sighting>> = BTreeMap::new();
        for sighting in known.sightings.iter().filter(|s| is_heard(s)) {
            heard.entry(sighting.subject).or_default().push(sighting);
        }
        self.names_asked(&heard);
        let suffixes: BTreeMap<HostId, u64> =
            known.hosts.iter().filter_map(|h| Some((h.id, suffix(h.address?)?))).collect();
        for (subject, sightings) in &heard {
            match subject {
                Subject::Service(host, ..) if is_ours(*host) => {
                    self.host_entry(*host).suffix = suffixes.get(host).copied();
                    self.service(*subject, *host, sightings);
                }
                Subject::Host(host) if is_ours(*host) => self.host(*host, sightings),
                Subject::Wireless(bssid) => self.network(*bssid, sightings),
                _ => {}
            }
        }
    }

    /// Whether a protection of a service, once lost, was heard again.
    #[must_use]
    pub fn is_protected_again(&self, subject: Subject) -> bool {
        let Some(service) = self.services.get(&subject) else { return false };
        let guards = || service.secrecy.values().chain(service.logins.values()).chain(service.kinds.values());
        guards().any(|g| g.is_back) && !guards().any(|g| g.lost.is_some())
    }

    /// Says what is new or lost of a service.
    pub(crate) fn say_service(&self, subject: Subject, values: &mut Values<'_>) {
        let Some(service) = self.services.get(&subject) else { return };
        let is_lost = |guards: &BTreeMap<Zone, Guard>| guards.values().any(|g| self.is_recent(g.lost));
        values.flag("change.new_outside", self.is_change(service.outside));
        values.flag("change.security_lower", is_lost(&service.secrecy) || is_lost(&service.logins));
        values.flag("change.reappeared", self.is_recent(service.back));
        values.flag("web.login_lost", service.kinds.values().any(|g| self.is_recent(g.lost)));
    }

    /// Says what is new of a host.
    pub(crate) fn say_host(&self, id: HostId, values: &mut Values<'_>) {
        self.partners.get(&id).into_iter().for_each(|partners| partners.say(self.today, values));
        let Some(host) = self.hosts.get(&id) else { return };
        values.flag("change.new_medical", self.is_change(host.medical));
        values.flag("change.new_service", host.families.values().any(|f| self.is_change(Some(*f))));
    }

    /// Says whether a network, of the clinic or on its cable, is new, or was there while everything was.
    pub(crate) fn say_network(&self, bssid: Bssid, values: &mut Values<'_>) {
        values.flag("change.new_network", self.is_change(self.networks.get(&bssid).copied()));
        values.flag("wifi.known", self.networks.get(&bssid).is_some_and(|n| !n.is_new));
    }

    /// Says what is new of the whole place.
    pub(crate) fn say_site(&self, values: &mut Values<'_>) {
        values.flag("dns.resolver_new", self.is_recent(self.resolver_changed));
    }

    fn is_recent(&self, day: Option<u32>) -> bool {
        day.is_some_and(|day| self.today.saturating_sub(day) < NEW_DAYS)
    }

    fn is_change(&self, spell: Option<Spell>) -> bool {
        spell.is_some_and(|s| s.is_new && self.is_recent(Some(s.began)))
    }

    /// Days on which the clinic is closed are no silence of one service: a day counts where at least half of the usual was heard.
    fn day_ends(&mut self) {
        let heard = self.services.values().filter(|s| s.last == self.today).count();
        let heard = u32::try_from(heard).unwrap_or(u32::MAX);
        if heard.saturating_mul(2) < self.usual {
            return;
        }
        self.usual = self.usual.saturating_mul(3).saturating_add(heard).div_ceil(4);
        for service in self.services.values_mut().filter(|s| s.last < self.today) {
            service.silent = service.silent.saturating_add(1);
        }
    }

    fn service(&mut self, subject: Subject, host: HostId, sightings: &[&Sighting]) {
        let (today, has_learnt) = (self.today, self.has_learnt());
        let families: Vec<Protocol> = sightings.iter().filter_map(|s| family(&s.fact)).collect();
        let of_host = self.host_entry(host);
        let is_settled = has_learnt && today.saturating_sub(of_host.first) >= LEARNING_DAYS;
        for family in families {
            let spell = ever(of_host.families.get(&family), today, is_settled);
            of_host.families.insert(family, spell);
        }
        let before = if self.services.contains_key(&subject) { None } else { self.moved_from(subject, host) };
        if !self.services.contains_key(&subject) {
            make_room(&mut self.services, |s| s.last);
        }
        let service = self.services.entry(subject).or_insert_with(|| before.unwrap_or_default());
        service.was_heard(today);
        if sightings.iter().any(|s| s.fact == Fact::Answered && s.zone == Some(Zone::Outside)) {
            service.outside = Some(Spell::after(service.outside, today, has_learnt));
        }
        service.guards(sightings, today);
    }

    /// The same service at the address that its host had before its prefix changed.
    fn moved_from(&self, subject: Subject, host: HostId) -> Option<Service> {
        let Subject::Service(_, transport, port) = subject else { return None };
        let suffix = self.hosts.get(&host)?.suffix?;
        let is_it = |other: &HostId| *other != host && self.hosts.get(other).is_some_and(|h| h.suffix == Some(suffix));
        let mut others = self.services.iter().filter(
            |(s, _)| matches!(s, Subject::Service(other, t, p) if *t == transport && *p == port && is_it(other)),
        );
        others.next().map(|(_, service)| service.clone())
    }

    fn host(&mut self, id: HostId, sightings: &[&Sighting]) {
        let (today, has_learnt) = (self.today, self.has_learnt());
        let host = self.host_entry(id);
        let is_medical = |fact: &Fact| match fact {
            Fact::Medical => true,
            Fact::Role(role) => MEDICAL_ROLES.contains(role),
            _ => false,
        };
        if sightings.iter().any(|s| is_medical(&s.fact)) {
            host.medical = Some(ever(host.medical.as_ref(), today, has_learnt));
        }
        if sightings.iter().any(|s| matches!(s.fact, Fact::SentOutside(_))) {
            if !self.partners.contains_key(&id) {
                make_room(&mut self.partners, Partners::last);
            }
            self.partners.entry(id).or_insert_with(|| Partners::since(today)).hear(sightings, today);
        }
    }

    fn network(&mut self, bssid: Bssid, sightings: &[&Sighting]) {
        if !sightings.iter().any(|s| matches!(s.fact, Fact::WifiOwner(WifiOwner::Own) | Fact::WifiOnOurCable)) {
            return;
        }
        // Another band, or a guest network, of an access point that is known.
        let is_known = self.networks.keys().any(|known| *known != bssid && is_kin(*known, bssid));
        let (today, is_new) = (self.today, self.has_learnt() && !is_known);
        if !self.networks.contains_key(&bssid) {
            make_room(&mut self.networks, |s| s.last);
        }
        self.networks.insert(bssid, ever(self.networks.get(&bssid), today, is_new));
    }

    /// Which name servers are asked by the clinic's hosts, and whether most of what was asked now went to new ones.
    fn names_asked(&mut self, heard: &BTreeMap<Subject, Vec<&Sighting>>) {
        let (today, has_learnt) = (self.today, self.has_learnt());
        let (mut all, mut of_new) = (0u32, 0u32);
        for (subject, sightings) in heard {
            if !sightings.iter().any(|s| s.fact == Fact::Protocol(Protocol::Dns)) {
                continue;
            }
            let from_inside = |s: &&&Sighting| s.fact == Fact::Answered && s.zone != Some(Zone::Outside);
            let asked = sightings.iter().filter(from_inside).fold(0u32, |n, s| n.saturating_add(s.count));
            if asked == 0 {
                continue;
            }
            if !self.resolvers.contains_key(subject) {
                make_room(&mut self.resolvers, |s| s.last);
            }
            let spell = Spell::after(self.resolvers.get(subject).copied(), today, has_learnt);
            self.resolvers.insert(*subject, spell);
            all = all.saturating_add(asked);
            if spell.is_new && today.saturating_sub(spell.began) < NEW_DAYS {
                of_new = of_new.saturating_add(asked);
            }
        }
        if all >= LEAST_QUESTIONS && of_new.saturating_mul(2) > all {
            self.resolver_changed.get_or_insert(today);
        } else if all >= LEAST_QUESTIONS && of_new == 0 {
            self.resolver_changed = None;
        }
    }

    fn host_entry(&mut self, id: HostId) -> &mut Host {
        let today = self.today;
        if !self.hosts.contains_key(&id) {
            make_room(&mut self.hosts, |h| h.last);
        }
        let host = self.hosts.entry(id).or_insert_with(|| Host { first: today, ..Host::default() });
        host.last = today;
        host
    }

    const fn has_learnt(&self) -> bool {
        self.today >= LEARNING_DAYS
    }
}

impl Service {
    fn was_heard(&mut self, today: u32) {
        if self.last == today && self.run > 0 {
            return;
        }
        if self.silent == 0 {
            self.run = self.run.saturating_add(1).min(STEADY_DAYS);
        } else {
            if self.silent >= AWAY_DAYS && self.run >= STEADY_DAYS {
                self.back = Some(today);
            }
            self.run = 1;
        }
        (self.silent, self.last) = (0, today);
    }

    /// What protects it, for the clients of each zone, and what it gives to nobody without an identity.
    fn guards(&mut self, sightings: &[&Sighting], today: u32) {
        let has = |zone: Zone, fact: Fact| sightings.iter().any(|s| s.zone == Some(zone) && s.fact == fact);
        for zone in Zone::ALL.iter().copied().filter(|z| sightings.iter().any(|s| s.zone == Some(*z))) {
            let is_secret =
                has(zone, Fact::Encryption(Encryption::Tls)) || has(zone, Fact::Encryption(Encryption::Partly));
            self.secrecy.entry(zone).or_default().hears(
                today,
                is_secret,
                has(zone, Fact::Encryption(Encryption::None)),
            );
            let is_asked = has(zone, Fact::Login(Login::Used)) || has(zone, Fact::Login(Login::Refused));
            self.logins.entry(zone).or_default().hears(today, is_asked, has(zone, Fact::Login(Login::None)));
        }
        let is_heard = |fact: Fact| sightings.iter().any(|s| s.fact == fact);
        for kind in GUARDED_KINDS {
            let of_documents = *kind == WebKind::Document;
            let is_open = is_heard(Fact::WebOpenKind(*kind)) || (of_documents && is_heard(Fact::WebOpenDocument));
            let is_closed = is_heard(Fact::WebKind(*kind)) || (of_documents && is_heard(Fact::WebClosedDocument));
            if is_open || is_closed {
                self.kinds.entry(*kind).or_default().hears(today, is_closed && !is_open, is_open);
            }
        }
    }
}

impl Guard {
    /// One that was kept for a while and is now open was lost; one that is kept again is back.
    fn hears(&mut self, today: u32, is_kept: bool, is_open: bool) {
        if is_open {
            if self.kept.is_some_and(|since| today.saturating_sub(since) >= KEPT_DAYS) {
                (self.lost, self.is_back) = (Some(today), false);
            }
            self.kept = None;
        } else if is_kept {
            self.kept.get_or_insert(today);
            self.is_back |= self.lost.take().is_some();
        }
    }
}

/// Lets go what was heard longest ago, where there is no room for one more. Work is bounded by [`MOST`].
fn make_room<K: Ord + Copy, V>(table: &mut BTreeMap<K, V>, last: impl Fn(&V) -> u32) {
    if table.len() >= MOST
        && let Some(oldest) = table.iter().min_by_key(|(_, v)| last(v)).map(|(k, _)| *k)
    {
        table.remove(&oldest);
    }
}

/// A protocol that a host offers; announcements to all neighbours are none.
const fn family(fact: &Fact) -> Option<Protocol> {
    match fact {
        Fact::Protocol(Protocol::Mdns | Protocol::Llmnr | Protocol::Ssdp | Protocol::Nbns) => None,
        Fact::Protocol(protocol) => Some(*protocol),
        _ => None,
    }
}

/// The lower half of an IPv6 address.
fn suffix(address: IpAddr) -> Option<u64> {
    let IpAddr::V6(address) = address else { return None };
    u64::try_from(u128::from(address) & u128::from(u64::MAX)).ok()
}

/// Addresses that one access point gives to its networks: the same but for the lowest bits, or for those of the first octet.
fn is_kin(a: Bssid, b: Bssid) -> bool {
    let ([_, a1, a2, a3, a4, a5], [_, b1, b2, b3, b4, b5]) = (a.0, b.0);
    (a1, a2, a3, a4) == (b1, b2, b3, b4) && a5.abs_diff(b5) < 16
}

/// Days before anything is called new: a new sensor hears everything for the first time (the catalogue's traps).
pub const LEARNING_DAYS: u32 = 14;
/// Days for which a change is one, and after which what was silent counts as new again (`change.new_outside`).
pub const NEW_DAYS: u32 = 30;
/// Days for which a protection must have been kept, so that it can be lost.
pub const KEPT_DAYS: u32 = 3;
/// Days in a row that make a service steady.
const STEADY_DAYS: u8 = 5;
/// Lively days of silence after which a steady service comes back (`change.reappeared`).
const AWAY_DAYS: u8 = 3;
/// Answers by which it is judged who is asked for names.
const LEAST_QUESTIONS: u32 = 10;
/// Services, hosts, networks and resolvers that are remembered, each: as many hosts as a report may speak of.
const MOST: usize = 4_096;

/// What must not be given to everybody.
const GUARDED_KINDS: &[WebKind] = &[
    WebKind::Dicomweb,
    WebKind::WadoUri,
    WebKind::OrthancRest,
    WebKind::OrthancUi,
    WebKind::Fhir,
    WebKind::Document,
    WebKind::Admin,
    WebKind::Api,
];

/// Roles that make a host medical.
pub(crate) const MEDICAL_ROLES: &[Role] = &[Role::Modality, Role::Archive, Role::Lab, Role::Monitor, Role::Pump];

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::assess_over;
    use crate::knowledge::Knowledge;
    use crate::sensing::Sensing;
    use auscult_report::bounded::Bounded;
    use auscult_report::subject::Transport;
    use auscult_report::summary::HostEntry;
    use auscult_report::time::Timestamp;
    use core::net::Ipv6Addr;

    const INSIDE: Option<Zone> = Some(Zone::SameSegment);
    const OUTSIDE: Option<Zone> = Some(Zone::Outside);

    /// A window with one service and what was heard of it.
    fn heard(host: u64, prefix: u16, facts: &[(Option<Zone>, Fact)]) -> Summary {
        let subject = Subject::Service(HostId(host), Transport::Tcp, 2575);
        let address = Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, prefix, 0, 0, 0, 0, 0x15)));
        let entry = HostEntry { id: HostId(host), zone: Zone::SameSegment, address, maker: None };
        let at = Timestamp(1_795_000_000_000);
        let sightings = facts.iter().map(|(zone, fact)| Sighting {
            subject,
            fact: *fact,
            zone: *zone,
            first: at,
            last: at,
            count: 1,
        });
        Summary {
            hosts: Bounded::first_of(vec![entry]).0,
            sightings: Bounded::first_of(sightings.collect()).0,
            ..Summary::default()
        }
    }

    fn engine(host: u64, prefix: u16, client: Option<Zone>) -> Summary {
        heard(host, prefix, &[(None, Fact::Protocol(Protocol::Mllp)), (client, Fact::Answered)])
    }

    fn found(past: &Past, summary: &Summary) -> Vec<&'static str> {
        let knowledge: &'static Knowledge = Box::leak(Box::new(Knowledge::compiled()));
        let findings = assess_over(summary, (&Sensing::default(), past), knowledge, knowledge.dated());
        findings.iter().filter(|f| f.rule.group() == "change").map(|f| f.rule.id()).collect()
    }

    fn on(past: &mut Past, day: u64, summary: &Summary) -> Vec<&'static str> {
        past.hears(summary, |_| true, day * MS_PER_DAY);
        found(past, summary)
    }

    #[test]
    fn what_is_new_is_told_for_a_month_after_a_fortnight_of_learning() {
        let (mut past, outside) = (Past::default(), engine(1, 1, OUTSIDE));
        assert!(on(&mut past, 13, &outside).is_empty(), "everything is new to a new sensor");
        let mut past = Past::default();
        for day in 0..14 {
            assert!(on(&mut past, day, &engine(1, 1, INSIDE)).is_empty());
        }
        assert_eq!(on(&mut past, 14, &outside), ["new-outside-exposure"]);
        assert_eq!(on(&mut past, 43, &outside), ["new-outside-exposure"]);
        assert!(on(&mut past, 44, &outside).is_empty(), "it is not new for ever");
        on(&mut past, 75, &engine(1, 1, INSIDE));
        assert_eq!(on(&mut past, 76, &outside), ["new-outside-exposure"], "not in the 30 days before");
    }

    #[test]
    fn a_new_prefix_moves_an_old_exposure() {
        let mut past = Past::default();
        for day in 0..20 {
            on(&mut past, day, &engine(1, 1, OUTSIDE));
        }
        assert!(on(&mut past, 20, &engine(2, 2, OUTSIDE)).is_empty());
        let mut other = engine(3, 2, OUTSIDE);
        other.hosts = Bounded::first_of(vec![HostEntry { address: None, ..other.hosts[0] }]).0;
        assert_eq!(on(&mut past, 20, &other), ["new-outside-exposure"]);
    }

    #[test]
    fn a_protection_is_lost_and_found_for_the_same_clients() {
        let tls = |zone| heard(1, 1, &[(zone, Fact::Answered), (zone, Fact::Encryption(Encryption::Tls))]);
        let none = |zone| heard(1, 1, &[(zone, Fact::Answered), (zone, Fact::Encryption(Encryption::None))]);
        let subject = none(INSIDE).sightings[0].subject;
        let mut past = Past::default();
        for day in 0..4 {
            on(&mut past, day, &tls(INSIDE));
        }
        assert!(on(&mut past, 4, &none(OUTSIDE)).is_empty(), "other clients never had it");
        assert_eq!(on(&mut past, 5, &none(INSIDE)), ["security-went-down"]);
        assert!(!past.is_protected_again(subject));
        assert!(on(&mut past, 6, &tls(INSIDE)).is_empty());
        assert!(past.is_protected_again(subject));
        assert!(
            on(&mut past, 7, &none(INSIDE)).is_empty(),
            "it was kept for a day only: a port that is used both ways"
        );
    }

    #[test]
    fn a_service_that_was_never_steady_does_not_come_back() {
        let mut past = Past::default();
        let other = |day, past: &mut Past| on(past, day, &heard(9, 9, &[(None, Fact::Protocol(Protocol::Ssh))]));
        for day in 0..40 {
            other(day, &mut past);
            if day % 7 == 0 {
                assert!(on(&mut past, day, &engine(1, 1, INSIDE)).is_empty(), "a weekly backup on day {day}");
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_survives_its_encoding() {
        let mut past = Past::default();
        for host in 0..(MOST as u64 + 100) {
            past.hears(&engine(host, 1, INSIDE), |_| true, host * 10_000_000);
        }
        assert_eq!((past.services.len(), past.hosts.len()), (MOST, MOST));
        let octets = serde_json::to_vec(&past.hosts.values().next().unwrap()).unwrap();
        assert!(octets.len() < 400, "{}", octets.len());
    }

    #[test]
    fn an_access_point_that_was_on_the_cable_while_it_learnt_is_known() {
        let on_cable = |last: u8| {
            let mut summary = heard(1, 1, &[(None, Fact::WifiOnOurCable)]);
            let subject = Subject::Wireless(Bssid([0, 1, 2, 3, 4, last]));
            let sighting = Sighting { subject, count: 10, ..summary.sightings[0] };
            let beacon = Sighting { fact: Fact::WifiBeacon, count: 100, ..sighting };
            summary.sightings = Bounded::first_of(vec![sighting, beacon]).0;
            summary
        };
        let knowledge = Knowledge::compiled();
        let told = |past: &Past, summary: &Summary| {
            let findings = assess_over(summary, (&Sensing::default(), past), &knowledge, knowledge.dated());
            findings.iter().any(|f| f.rule.id() == "wifi-rogue-on-cable")
        };
        let mut past = Past::default();
        assert!(told(&past, &on_cable(1)), "who knows no days knows nothing of before");
        for day in [0, 5, 18] {
            past.hears(&on_cable(1), |_| true, day * MS_PER_DAY);
            assert!(!told(&past, &on_cable(1)), "on day {day}");
        }
        past.hears(&on_cable(0x80), |_| true, 18 * MS_PER_DAY);
        assert!(told(&past, &on_cable(0x80)), "it came later");
    }
}
