//! The sensor: frames in, one summary of a window out. No hands: no clock, no disk, no socket, no thread. A capture file
//! and a live interface are the same to it, and the same frames always give the same summary.

use crate::capture::{Frame, Link};
use crate::config::Memory;
use crate::detect::follow::{Following, Surroundings};
use crate::detect::kept::Kept;
use crate::detect::leases::Leases;
use crate::detect::wireless::{Airwaves, Ownership};
use crate::detect::{AWAITING, DATAGRAM_DETECTORS, Datagram, Ears, Observation, home};
use crate::flow::fragments::Fragments;
use crate::flow::table::FlowTable;
use crate::hosts::Hosts;
use crate::inventory::Inventory;
use crate::places::Places;
use crate::wire::layers::{ACK, Body, Ends, Layers, Mac, Packet, SYN};
use crate::wire::radiotap::RadioHeader;
use crate::wire::reader::Reader;
use crate::wire::{WireError, dot11, tunnel};
use around::Around;
use auscult_report::bounded::Bounded;
use auscult_report::coverage::{Fault, FaultPlace, MAX_FAULTS};
use auscult_report::subject::Bssid;
use auscult_report::summary::{Counters, HostEntry, Sighting, Summary};
use auscult_report::terms::WifiPurpose;
use auscult_report::time::{Timestamp, Window};
use auscult_report::zone::Zone;
use core::net::IpAddr;
use domains::Domains;
use entries::host_entries;
use faults::Faults;
use outflows::Outflows;
use pairs::Pairs;
use stations::Stations;
use twins::Twins;
use volumes::Volumes;

mod around;
mod domains;
mod entries;
mod faults;
mod inner;
mod outflows;
mod pairs;
mod stations;
mod twins;
mod volumes;

/// What a sensor must be told.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where addresses belong.
    pub places: Places,
    /// Names of the clinic's wireless networks.
    pub own_names: Vec<Vec<u8>>,
    /// Addresses of the clinic's access points.
    pub own_bssids: Vec<[u8; 6]>,
    /// What wireless networks of the clinic are for, by their names.
    pub purposes: Vec<(Vec<u8>, WifiPurpose)>,
    /// How much is kept.
    pub memory: Memory,
    /// Keys pseudonyms and the hashes of things that are only counted; it stays on the sensor.
    pub key: [u8; 32],
}

/// Frames in, one summary out.
pub struct Sensor {
    flows: FlowTable<Following>,
    fragments: Fragments,
    around: Around,
    counters: Counters,
    from: Option<Timestamp>,
    to: Timestamp,
    /// Where the window before this one ended.
    turned: Timestamp,
    /// One bit for each UDP port on which somebody listens.
    ports: Box<[u64]>,
    /// How deep within tunnels and packets of parts that is what is being heard.
    depth: u8,
}

impl Sensor {
    /// A sensor that has heard nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Sensor {
        let [a, b, c, d, e, f, g, h, ..] = settings.key;
        let key = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let ownership =
            Ownership { names: settings.own_names, bssids: settings.own_bssids, purposes: settings.purposes };
        let around = Around {
            hosts: Hosts::new(settings.places, settings.key, settings.memory.hosts),
            airwaves: Airwaves::new(ownership, key),
            inventory: Inventory::with_room(&settings.memory),
            leases: Leases::default(),
            kept: Kept::default(),
            key,
            near: [None, None],
            air: None,
            faults: Faults::default(),
            volumes: Volumes::default(),
            pairs: Pairs::default(),
            domains: Domains::default(),
            outflows: Outflows::default(),
            twins: Twins::default(),
            stations: Stations::default(),
        };
        Sensor {
            flows: FlowTable::new(&settings.memory),
            fragments: Fragments::default(),
            around,
            counters: Counters::default(),
            from: None,
            to: Timestamp(0),
            turned: Timestamp(0),
            ports: port_set(),
            depth: 0,
        }
    }

    /// Hears one frame.
    pub fn hear(&mut self, frame: &Frame<'_>) {
        self.counters.frames = self.counters.frames.saturating_add(1);
        self.counters.octets = self.counters.octets.saturating_add(u64::from(frame.wire_octets));
        (self.from, self.to) = (Some(self.from.map_or(frame.at, |f| f.min(frame.at))), self.to.max(frame.at));
        if usize::try_from(frame.wire_octets).is_ok_and(|w| w > frame.octets.len()) {
            self.counters.cut = self.counters.cut.saturating_add(1);
        }
        let peeled = match frame.link {
            Link::Ethernet => Layers::ethernet(frame.octets),
            Link::LinuxCooked => Layers::linux_cooked(frame.octets),
            Link::LinuxCooked2 => Layers::linux_cooked_2(frame.octets),
            Link::RawIp => Layers::raw_ip(frame.octets),
            Link::Loopback => Layers::loopback(frame.octets),
            Link::Ppp => Layers::ppp(frame.octets),
            Link::Ieee80211 => return self.wireless(frame, RadioHeader::None),
            Link::Radiotap => return self.wireless(frame, RadioHeader::Radiotap),
            Link::Ppi => return self.wireless(frame, RadioHeader::Ppi),
            Link::Prism => return self.wireless(frame, RadioHeader::Prism),
            Link::Avs => return self.wireless(frame, RadioHeader::Avs),
            Link::CiscoHdlc => Layers::cisco_hdlc(frame.octets),
            Link::Other => {
                self.counters.not_understood = self.counters.not_understood.saturating_add(1);
                return self.around.faults.unknown(FaultPlace::Frame);
            }
        };
        if let (Ok(layers), Some(domain)) = (&peeled, frame.domain) {
            self.around.called_to_all(frame.at, domain, layers);
        }
        self.layers(frame.at, peeled);
    }

    /// A frame of the air. What is readable in it is heard like what comes by cable.
    fn wireless(&mut self, frame: &Frame<'_>, header: RadioHeader) {
        self.counters.wireless_frames = self.counters.wireless_frames.saturating_add(1);
        let cut = usize::try_from(frame.wire_octets).is_ok_and(|w| w > frame.octets.len());
        let air = match dot11::peel(frame.octets, header, cut) {
            Ok(air) => air,
            Err(error) => {
                self.counters.malformed = self.counters.malformed.saturating_add(1);
                return self.around.faults.headers(FaultPlace::Wireless, error);
            }
        };
        self.told(frame.at, &air);
        self.around.stations.in_the_air(frame.at, &air);
        match &air.frame {
            dot11::Frame::Encrypted(_) => {
                self.counters.wireless_encrypted = self.counters.wireless_encrypted.saturating_add(1);
            }
            dot11::Frame::Clear(data) => {
                self.around.air = self.around.airwaves.network_of(&data.path);
                for packet in data.packets() {
                    let link = Ends { source: Some(packet.source), destination: Some(packet.destination), vlan: None };
                    self.layers(frame.at, Layers::ether_type(packet.ethertype, Reader::new(packet.payload), link));
                }
                self.around.air = None;
            }
            _ => {}
        }
    }

    /// What a radio of this machine tells of a network without a frame: its own state, or what it heard before.
    pub fn told(&mut self, at: Timestamp, air: &dot11::Air<'_>) {
        (self.from, self.to) = (Some(self.from.map_or(at, |f| f.min(at))), self.to.max(at));
        let Around { airwaves, inventory, .. } = &mut self.around;
        airwaves.hear(at, air, &mut |o| inventory.take(&o));
    }

    /// What is known of the air: which networks are made here, which channels are in use.
    pub const fn airwaves(&mut self) -> &mut Airwaves {
        &mut self.around.airwaves
    }

    fn layers(&mut self, at: Timestamp, peeled: Result<Layers<'_>, WireError>) {
        if let Ok(layers) = &peeled {
            self.around.on_the_cable(at, layers.link.source);
        }
        let count = match peeled {
            Ok(layers) => match layers.body {
                Body::Tcp(segment) => {
                    self.around.near = near(&layers, &segment.packet);
                    if segment.flags & (SYN | ACK) == SYN {
                        self.around.call(at, &segment, layers.link);
                    }
                    self.around.outward(at, &segment.packet);
                    self.flows.hear(at, &segment, &mut self.around);
                    return;
                }
                Body::Udp(packet) => {
                    if let Some(inner) = tunnel::in_datagram(packet.destination_port, packet.payload) {
                        return self.inner(at, packet.source, inner);
                    }
                    self.around.near = near(&layers, &packet);
                    self.around.outward(at, &packet);
                    self.datagram(at, &packet);
                    return;
                }
                Body::Arp { hardware, address } => {
                    // A probe (RFC 5227) asks with no address of its own.
                    if self.around.hosts.zone(address) != Zone::Outside && !address.is_unspecified() {
                        self.around.hosts.meet(address, Some(hardware), at);
                        self.around.twins.has_address(hardware, address);
                    }
                    return;
                }
                Body::Link(message) => return self.around.on_link(at, layers.link, &message),
                Body::Icmp6(packet) => {
                    self.around.near = near(&layers, &packet);
                    return self.around.advertised(at, &packet);
                }
                Body::OtherIp => return,
                Body::Fragment(fragment) => return self.part(at, layers.link, &fragment),
                Body::Tunnel { source, inner } => return self.inner(at, source, inner),
                Body::Other => {
                    self.around.faults.unknown(FaultPlace::Frame);
                    &mut self.counters.not_understood
                }
            },
            Err(error) => {
                self.around.faults.headers(FaultPlace::Frame, error);
                &mut self.counters.malformed
            }
        };
        *count = count.saturating_add(1);
    }

    fn datagram(&mut self, at: Timestamp, packet: &Packet<'_>) {
        let ports = [packet.source_port, packet.destination_port];
        let known = ports.iter().any(|p| has_port(&self.ports, *p));
        if !known && !self.around.kept.awaits(packet.source, (packet.destination, packet.destination_port)) {
            return;
        }
        if ports.contains(&DHCP_SERVER_PORT) {
            self.around.lease(at, packet.payload);
        }
        if packet.source_port == NAME_SERVER_PORT {
            self.around.named(packet.payload);
        }
        if packet.source_port == home::SERVER {
            self.around.delegated(packet.payload);
        }
        let datagram = Datagram {
            at,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            payload: packet.payload,
            cut: packet.missing > 0,
        };
        let source = self.around.end(packet.source, packet.source_port, at);
        let destination = self.around.end(packet.destination, packet.destination_port, at);
        let key = self.around.key;
        // Lent for this datagram: what is said goes to the same place.
        let mut kept = core::mem::take(&mut self.around.kept);
        let mut out = |o: Observation| self.around.observe(o);
        let detectors = if known { DATAGRAM_DETECTORS } else { AWAITING };
        let heard = detectors.iter().any(|detector| {
            let mut ears = Ears { at, source, destination, key, kept: &mut kept, out: &mut out };
            let meant = !known || detector.ports.iter().any(|p| ports.contains(p));
            meant && (detector.listen)(&datagram, &mut ears)
        });
        self.around.kept = kept;
        if heard || !known {
            return;
        }
        self.around.faults.datagram(ports, datagram.cut);
    }

    /// What could not be read since this was asked last.
    pub fn take_faults(&mut self) -> Bounded<Fault, MAX_FAULTS> {
        self.around.faults.take()
    }

    /// Ends the last window: nothing more will be heard, so that conversations end here as well. Whom it spoke of stays known.
    pub fn close(&mut self) -> Summary {
        self.flows.finish(self.to, &mut self.around);
        self.end_parts();
        self.end_window(Timestamp(self.to.0.saturating_add(u64::from(self.from.is_some()))))
    }

    /// Ends a window at `end` and begins the next one there. Hosts and conversations go on; each window has counters of
    /// its own.
    pub fn turn(&mut self, end: Timestamp) -> Summary {
        let summary = self.end_window(end);
        self.around.pairs.forget(end);
        self.around.hosts.forget_far(Timestamp(end.0.saturating_sub(FAR_HOSTS_KEPT_MS)));
        summary
    }

    fn end_window(&mut self, end: Timestamp) -> Summary {
        let from = self.from.unwrap_or_default().max(self.turned);
        self.around.tell_outflows();
        let (sightings, observations_let_go) = self.around.inventory.close();
        let flows = self.flows.take_counts();
        let counters = Counters {
            conversations: flows.conversations,
            one_sided: flows.one_sided,
            conversations_let_go: flows.let_go,
            holes: flows.holes,
            octets_let_go: flows.octets_let_go,
            hosts_let_go: self.around.hosts.take_let_go(),
            observations_let_go,
            networks_let_go: self.around.airwaves.take_let_go(),
            hosts: self.around.hosts.heard_since(from),
            ..core::mem::take(&mut self.counters)
        };
        let hosts = host_entries(&self.around.hosts, &sightings);
        // Both tables have the bounds of a summary already.
        let (hosts, sightings) = (Bounded::first_of(hosts).0, Bounded::first_of(sightings).0);
        (self.from, self.to, self.turned) = (Some(end), self.to.max(end), end);
        Summary { window: Window { from, to: end.max(from) }, hosts, sightings, counters }
    }

    /// Ends a window where the clock was set back to `at`, and begins the next one there.
    pub fn set_back(&mut self, at: Timestamp) -> Summary {
        let summary = self.turn(Timestamp(self.to.0.saturating_add(1)));
        self.around.inventory.set_back(at);
        (self.from, self.to, self.turned) = (Some(at), at, at);
        summary
    }

    /// Networks have another use from now on. The window must have been ended before, so that none speaks of two uses; the key
    /// stays.
    pub fn settle(&mut self, settings: Settings) {
        self.around.hosts.place(settings.places);
        let Settings { own_names, own_bssids, purposes, .. } = settings;
        self.around.airwaves.own(Ownership { names: own_names, bssids: own_bssids, purposes });
    }

    /// What cannot wait for the end of the window; each is given once.
    pub fn urgent(&mut self) -> Vec<Sighting> {
        self.around.inventory.urgent()
    }

    /// What a report says of the hosts that these sightings speak of.
    #[must_use]
    pub fn entries(&self, sightings: &[Sighting]) -> Vec<HostEntry> {
        host_entries(&self.around.hosts, sightings)
    }

    /// The hosts that were heard: for the person at the keyboard, never for a report.
    #[must_use]
    pub const fn hosts(&self) -> &Hosts {
        &self.around.hosts
    }

    /// The names that access points announced: for the person at the keyboard, never for a report.
    pub fn network_names(&self) -> impl Iterator<Item = (Bssid, &[u8])> {
        self.around.airwaves.names()
    }
}

fn near(layers: &Layers<'_>, packet: &Packet<'_>) -> [Option<(IpAddr, Mac)>; 2] {
    [layers.link.source.map(|h| (packet.source, h)), layers.link.destination.map(|h| (packet.destination, h))]
}

fn port_set() -> Box<[u64]> {
    let mut set = vec![0u64; 1024].into_boxed_slice();
    for port in DATAGRAM_DETECTORS.iter().flat_map(|d| d.ports) {
        if let Some(word) = set.get_mut(usize::from(*port >> 6)) {
            *word |= 1 << (port & 63);
        }
    }
    set
}

fn has_port(set: &[u64], port: u16) -> bool {
    set.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
}

/// Where name servers listen (RFC 1035).
const NAME_SERVER_PORT: u16 = 53;

/// Where DHCP servers listen (RFC 2131).
const DHCP_SERVER_PORT: u16 = 67;

/// Hosts outside the clinic are forgotten when they were not heard for a day: the clinic's own stay.
const FAR_HOSTS_KEPT_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests;
