//! What the sensor knows beside conversations: hosts, networks in the air, what was heard so far; and who a host is that
//! has no address yet, or tells one.
//!
//! Keeps: bounded tables. Drops: nothing that came through here is kept as octets.

use super::faults::Faults;
use super::is_unspecified;
use super::pairs::Pairs;
use super::stations::Stations;
use super::volumes::Volumes;
use crate::detect::follow::Surroundings;
use crate::detect::home::{advertised, delegated};
use crate::detect::kept::Kept;
use crate::detect::leases::Leases;
use crate::detect::link::{LINK_DETECTORS, OnLink, link_local};
use crate::detect::stack::by_syn;
use crate::detect::wireless::{Airwaves, clear_kind};
use crate::detect::{Amount, End, Observation};
use crate::hosts::Hosts;
use crate::inventory::Inventory;
use crate::places::{Learnt, Prefix};
use crate::wire::layers::{Ends, LinkMessage, Mac, Packet, Segment};
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
    /// Who is in which network of the air.
    pub(super) stations: Stations,
}

impl Around {
    /// A host of the clinic calls: the traits of its SYN hint at its system (never more than a hint).
    pub(super) fn call(&mut self, at: Timestamp, segment: &Segment<'_>) {
        let packet = &segment.packet;
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
            End { host, zone, address, port: message.number }
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
        End { host, zone, address, port }
    }

    fn observe(&mut self, observation: Observation) {
        let counted = match observation.amount {
            Amount::Many { .. } => self.volumes.hear(&observation),
            Amount::After { .. } => self.pairs.hear(&observation),
            Amount::Times(_) | Amount::Different(_) => Some(observation),
        };
        let Some(observation) = counted else { return };
        self.inventory.take(&observation);
        if let (Subject::Host(host), true) = (observation.subject, is_of_equipment(&observation.fact)) {
            self.medical(observation.at, host);
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
    !(is_unspecified(address) || address.is_loopback() || address.is_multicast() || is_broadcast)
}
