//! What the sensor knows beside conversations: hosts, networks in the air, what was heard so far; and who a host is that
//! has no address yet, or tells one.
//!
//! Keeps: bounded tables. Drops: nothing that came through here is kept as octets.

use super::domains::Domains;
use super::faults::Faults;
use super::outflows::Outflows;
use super::pairs::Pairs;
use super::stations::Stations;
use super::twins::{Leg, Twins};
use super::volumes::Volumes;
use crate::detect::follow::Surroundings;
use crate::detect::home::{advertised, delegated};
use crate::detect::kept::Kept;
use crate::detect::leases::Leases;
use crate::detect::link::{LINK_DETECTORS, OnLink, link_local};
use crate::detect::stack::by_syn;
use crate::detect::wireless::{Airwaves, clear_kind};
use crate::detect::{Amount, End, Observation, Passage};
use crate::hosts::Hosts;
use crate::inventory::Inventory;
use crate::places::{Learnt, Prefix};
use crate::wire::layers::{Body, Ends, Layers, LinkMessage, Mac, Packet, Segment};
use crate::wire::ndp::Announced;
use crate::wire::syn::SynOptions;
use auscult_report::coverage::FaultPlace;
use auscult_report::fact::{Fact, Role};
use auscult_report::subject::{Bssid, HostId, Subject};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::net::IpAddr;

/// What conversations need around them.
pub(super) struct Around {
    pub(super) hosts: Hosts,
    pub(super) airwaves: Airwaves,
    pub(super) inventory: Inventory,
    pub(super) leases: Leases,
    pub(super) kept: Kept,
    pub(super) key: u64,
    /// Hardware addresses of the frame in hand.
    pub(super) near: [Option<(IpAddr, Mac)>; 2],
    /// The network in whose air the frame in hand was readable.
    pub(super) air: Option<Bssid>,
    pub(super) faults: Faults,
    /// Who takes one thing after the other.
    pub(super) volumes: Volumes,
    /// What waits for its second.
    pub(super) pairs: Pairs,
    /// Who calls to all, and where.
    pub(super) domains: Domains,
    /// What medical hosts send out.
    pub(super) outflows: Outflows,
    /// Calls that are heard before and behind a router.
    pub(super) twins: Twins,
    /// Who is in which network of the air.
    pub(super) stations: Stations,
}

impl Around {
    /// A host of the clinic calls: the traits of its SYN hint at its system (never more than a hint).
    pub(super) fn call(&mut self, at: Timestamp, segment: &Segment<'_>, link: Ends) {
        let packet = &segment.packet;
        self.passes(at, segment, link);
        if matches!(self.hosts.zone(packet.source), Zone::Outside | Zone::OtherPrivate | Zone::Vpn) {
            return;
        }
        if is_built_in(packet.destination) {
            let caller = self.end(packet.source, packet.source_port, at);
            self.say(at, caller.host, Fact::MonitorCalled);
        }
        if let Some(sign) = by_syn(packet.ttl, segment.window, &SynOptions::read(segment.options)) {
            let caller = self.end(packet.source, packet.source_port, at);
            self.say(at, caller.host, Fact::System(sign));
        }
    }

    /// A call may be the second leg of one that was heard on the other side of a router.
    fn passes(&mut self, at: Timestamp, segment: &Segment<'_>, link: Ends) {
        let packet = &segment.packet;
        let (source, destination) = (packet.source, packet.destination);
        let leg = Leg {
            at,
            seq: segment.seq,
            source: (source, packet.source_port),
            destination: (destination, packet.destination_port),
        };
        let is_far = |address| self.hosts.zone(address) == Zone::Outside;
        let router = match (is_far(source), is_far(destination)) {
            (true, false) => link.source,
            (false, true) => link.destination,
            _ => None,
        };
        router.into_iter().for_each(|hardware| self.twins.passes_on(hardware));
        let earlier = self.twins.call(leg);
        if let Some(earlier) = earlier.filter(|e| e.source.0 != source)
            && is_far(earlier.source.0)
            && !is_far(source)
            && !is_far(destination)
        {
            self.twins.is_behind(&leg, earlier.source.0);
        }
    }

    /// A frame for all: whom it reaches, its sender reaches.
    pub(super) fn called_to_all(&mut self, at: Timestamp, domain: u8, layers: &Layers<'_>) {
        let link = layers.link;
        let (Some(source), Some([first, ..])) = (link.source, link.destination) else { return };
        let caller = match &layers.body {
            Body::Arp { address, .. } => *address,
            Body::Udp(packet) | Body::Icmp6(packet) => packet.source,
            _ => return,
        };
        if first & 1 == 0 || caller.is_unspecified() {
            return;
        }
        if self.domains.hear(at, (domain, link.vlan), source, self.hosts.zone(caller)) {
            let (subject, fact, amount) = (Subject::Site, Fact::SharedBroadcast, Amount::Times(1));
            self.inventory.take(&Observation { at, subject, zone: None, fact, amount });
        }
    }

    /// A medical host may send something out.
    pub(super) fn outward(&mut self, at: Timestamp, packet: &Packet<'_>) {
        let Some(host) = self.outflows.sender(packet) else { return };
        let octets = u64::try_from(packet.payload.len()).unwrap_or(0).saturating_add(packet.missing.into());
        if octets > 0 && self.hosts.zone(packet.destination) == Zone::Outside {
            self.outflows.sent(at, host, packet.destination, octets, self.key);
        }
    }

    /// A name server answers: from here on its addresses have a name.
    pub(super) fn named(&mut self, payload: &[u8]) {
        self.outflows.named(payload, self.key);
    }

    /// The window ends: what was sent out in it is told, in KiB, begun ones too.
    pub(super) fn tell_outflows(&mut self) {
        for (host, partner, sent) in self.outflows.take() {
            let kib = u32::try_from(sent.octets.div_ceil(1_024)).unwrap_or(u32::MAX);
            let (subject, fact) = (Subject::Host(host), Fact::SentOutside(partner));
            for (at, amount) in [(sent.first, Amount::Times(kib)), (sent.last, Amount::Times(0))] {
                self.inventory.take(&Observation { at, subject, zone: None, fact, amount });
            }
        }
    }

    /// From here on it is counted what this host sends out.
    fn watch(&mut self, host: HostId) {
        if self.outflows.knows(host) {
            return;
        }
        if let Some(found) = self.hosts.iter().find(|h| h.id == host && h.zone != Zone::Outside) {
            self.outflows.is_medical(host, found.address);
        }
    }

    fn passage(&self, address: IpAddr, hardware: Option<Mac>) -> Passage {
        if self.hosts.is_own_public(address) {
            Passage::OwnPublic
        } else if hardware.is_some_and(|hardware| self.twins.is_router(hardware, address)) {
            Passage::Router
        } else {
            Passage::Plain
        }
    }

    /// A host was given an address: what it called itself while it had none belongs to that address.
    pub(super) fn lease(&mut self, at: Timestamp, payload: &[u8]) {
        if let Some((address, hardware, facts)) = self.leases.hear(payload, at) {
            let (host, _) = self.hosts.meet(address, Some(hardware), at);
            for fact in facts.iter() {
                self.say(at, host, fact);
            }
        }
    }

    /// A router announces the networks of this link.
    pub(super) fn advertised(&mut self, at: Timestamp, packet: &Packet<'_>) {
        let Some(advertisement) = advertised(packet) else { return };
        let router = self.end(packet.source, 0, at);
        if advertisement.is_router {
            self.say(at, router.host, Fact::Role(Role::Router));
        }
        for network in advertisement.announced() {
            self.learn(network, Learnt::Advertised);
        }
    }

    /// A router was given networks for its hosts.
    pub(super) fn delegated(&mut self, payload: &[u8]) {
        for network in delegated(payload) {
            self.learn(network, Learnt::Delegated);
        }
    }

    fn learn(&mut self, network: Announced, how: Learnt) {
        if let Some(prefix) = Prefix::new(IpAddr::V6(network.prefix), network.bits) {
            self.hosts.learn(prefix, how);
        }
    }

    /// A neighbour says something directly on the link.
    pub(super) fn on_link(&mut self, at: Timestamp, link: Ends, message: &LinkMessage<'_>) {
        let detector = LINK_DETECTORS.iter().find(|d| d.number == message.number);
        let (Some(detector), Some(source)) = (detector, link.source) else { return };
        let Around { hosts, inventory, key, .. } = self;
        let mut meet = |told: Option<IpAddr>, hardware: Mac| {
            let told = told.filter(|a| hosts.zone(*a) != Zone::Outside && is_of_one_host(*a));
            let address = told.or_else(|| hosts.of_hardware(hardware)).unwrap_or_else(|| link_local(hardware));
            let (host, zone) = hosts.meet(address, Some(hardware), at);
            End { host, zone, address, port: message.number, passage: Passage::Plain }
        };
        let mut out = |o: Observation| inventory.take(&o);
        let (destination, number, key) = (link.destination, message.number, *key);
        let mut on_link = OnLink { at, source, destination, number, key, meet: &mut meet, out: &mut out };
        if !(detector.listen)(message.payload, &mut on_link) {
            self.faults.unknown(FaultPlace::Frame);
        }
    }

    /// Somebody sends on the cable: a station of the air, if it was heard there just now.
    pub(super) fn on_the_cable(&mut self, at: Timestamp, sender: Option<Mac>) {
        if self.air.is_some() || self.stations.is_empty() {
            return;
        }
        if let Some(bssid) = sender.and_then(|sender| self.stations.on_the_cable(at, sender)) {
            self.of_network(at, bssid, Fact::WifiOnOurCable);
        }
    }

    /// A host speaks a medical protocol: if it is a station of the air, its network carries it.
    fn medical(&mut self, at: Timestamp, host: HostId) {
        let (hosts, mut near) = (&self.hosts, self.near.iter().flatten());
        let Some((_, hardware)) = near.find(|(address, _)| hosts.id_of(*address) == Some(host)) else { return };
        if let Some(bssid) = self.stations.network_of(at, *hardware) {
            self.of_network(at, bssid, Fact::WifiMedicalClient);
        }
    }

    fn of_network(&mut self, at: Timestamp, bssid: Bssid, fact: Fact) {
        let (subject, amount) = (Subject::Wireless(bssid), Amount::Times(1));
        self.inventory.take(&Observation { at, subject, zone: None, fact, amount });
    }

    fn say(&mut self, at: Timestamp, host: HostId, fact: Fact) {
        self.observe(Observation { at, subject: Subject::Host(host), zone: None, fact, amount: Amount::Times(1) });
    }
}

impl Surroundings for Around {
    fn end(&mut self, address: IpAddr, port: u16, at: Timestamp) -> End {
        let hardware = self.near.iter().flatten().find(|(a, _)| *a == address).map(|(_, h)| *h);
        let (host, zone) = self.hosts.meet(address, hardware, at);
        End { host, zone, address, port, passage: self.passage(address, hardware) }
    }

    fn ends(&mut self, parties: [(IpAddr, u16); 2], at: Timestamp) -> [End; 2] {
        let behind = self.twins.behind(parties);
        let mut ends = parties.map(|(address, port)| self.end(address, port, at));
        if let Some((party, caller)) = behind
            && let Some(end) = ends.get_mut(party)
        {
            *end = self.end(caller, end.port, at);
        }
        ends
    }

    fn observe(&mut self, observation: Observation) {
        let counted = match observation.amount {
            Amount::Many { .. } => self.volumes.hear(&observation),
            Amount::After { .. } => self.pairs.hear(&observation),
            Amount::Times(_) | Amount::Different(_) => Some(observation),
        };
        let Some(observation) = counted else { return };
        self.inventory.take(&observation);
        if let Subject::Host(host) = observation.subject {
            let is_equipment = is_of_equipment(&observation.fact);
            if is_equipment {
                self.medical(observation.at, host);
            }
            if is_equipment || observation.fact == Fact::Role(Role::Archive) {
                self.watch(host);
            }
        }
        let (Some(bssid), Fact::Protocol(protocol)) = (self.air, observation.fact) else { return };
        if let Some(kind) = clear_kind(protocol) {
            let Around { airwaves, inventory, .. } = self;
            airwaves.clear_kind_heard(bssid, kind, observation.at, &mut |o| inventory.take(&o));
        }
    }

    fn unknown(&mut self) {
        self.faults.unknown(FaultPlace::Conversation);
    }

    fn key(&self) -> u64 {
        self.key
    }
}

/// What only medical equipment says of itself; a workstation with a viewer does not.
const fn is_of_equipment(fact: &Fact) -> bool {
    matches!(fact, Fact::Medical | Fact::Role(Role::Modality | Role::Lab | Role::Monitor | Role::Pump))
}

/// The network that is built into a patient monitor (CISA ICSMA-25-030-01: Contec CMS8000 and relabelled ones).
fn is_built_in(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(a) if matches!(a.octets(), [202, 114, 4, _]))
}

/// No group, no loopback: an address that a neighbour can have.
fn is_of_one_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(a) if a.is_broadcast());
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_broadcast)
}
