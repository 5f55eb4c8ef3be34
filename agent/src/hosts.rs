//! The hosts that were heard: address, hardware address, zone, and the pseudonym under which facts speak of them.
//!
//! Keeps: at most [`MAX_HOSTS`] hosts. Drops: their names, always; hardware addresses of hosts behind a router (they are
//! the router's). The pseudonym is a hash keyed with a key that stays on the sensor.

use crate::places::Places;
use crate::wire::layers::Mac;
use auscult_report::subject::HostId;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use core::net::IpAddr;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The directory of hosts. It never leaves the sensor.
pub struct Hosts {
    places: Places,
    key: [u8; 32],
    by_address: HashMap<IpAddr, Host>,
    let_go: u64,
}

/// A host that was heard.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its pseudonym.
    pub id: HostId,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, if it is on a link that was heard.
    pub hardware: Option<Mac>,
    /// Its zone.
    pub zone: Zone,
    /// When it was first heard.
    pub first: Timestamp,
    /// When it was last heard to begin something.
    pub last: Timestamp,
}

impl Hosts {
    /// An empty directory.
    #[must_use]
    pub fn new(places: Places, key: [u8; 32]) -> Hosts {
        Hosts { places, key, by_address: HashMap::new(), let_go: 0 }
    }

    /// Addresses belong elsewhere from now on; hosts keep their pseudonyms. The key stays as it is.
    pub fn place(&mut self, places: Places) {
        self.places = places;
        for host in self.by_address.values_mut() {
            host.zone = self.places.zone(host.address);
            host.hardware = host.hardware.filter(|_| is_near(host.zone));
        }
    }

    /// The pseudonym and zone of an address; the host is remembered, with its hardware address if it is the clinic's.
    pub fn meet(&mut self, address: IpAddr, hardware: Option<Mac>, at: Timestamp) -> (HostId, Zone) {
        if let Some(host) = self.by_address.get_mut(&address) {
            host.last = host.last.max(at);
            if host.hardware.is_none() && is_near(host.zone) {
                host.hardware = hardware.filter(is_unicast);
            }
            return (host.id, host.zone);
        }
        let (id, zone) = (self.pseudonym(address), self.places.zone(address));
        let group = match address {
            IpAddr::V4(a) => a.is_multicast() || a.is_broadcast() || a.is_unspecified(),
            IpAddr::V6(a) => a.is_multicast() || a.is_unspecified(),
        };
        if group {
            return (id, zone);
        }
        if self.by_address.len() >= MAX_HOSTS {
            self.let_go = self.let_go.saturating_add(1);
            return (id, zone);
        }
        let hardware = hardware.filter(|h| is_near(zone) && is_unicast(h));
        self.by_address.insert(address, Host { id, address, hardware, zone, first: at, last: at });
        (id, zone)
    }

    /// The zone of an address, without remembering it.
    #[must_use]
    pub fn zone(&self, address: IpAddr) -> Zone {
        self.places.zone(address)
    }

    /// Whether the clinic's networks are assumed, not configured.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.places.is_assumed()
    }

    /// Every host that was heard, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.by_address.values()
    }

    /// Hosts let go because the directory was full, since this was asked last.
    pub fn take_let_go(&mut self) -> u64 {
        core::mem::take(&mut self.let_go)
    }

    /// How many hosts were heard at `from` or later.
    #[must_use]
    pub fn heard_since(&self, from: Timestamp) -> u64 {
        u64::try_from(self.iter().filter(|h| h.last >= from).count()).unwrap_or(u64::MAX)
    }

    /// Forgets the hosts that are not the clinic's and were last heard before `moment`.
    pub fn forget_far(&mut self, moment: Timestamp) {
        self.by_address.retain(|_, h| is_near(h.zone) || h.last >= moment);
    }

    fn pseudonym(&self, address: IpAddr) -> HostId {
        let mut hash = Sha256::new();
        hash.update(b"auscult.dev/host/v1\0");
        hash.update(self.key);
        match address {
            IpAddr::V4(a) => hash.update(a.to_ipv6_mapped().octets()),
            IpAddr::V6(a) => hash.update(a.octets()),
        }
        let digest = hash.finalize();
        HostId(digest.iter().take(8).fold(0, |id, octet| (id << 8) | u64::from(*octet)))
    }
}

/// In a zone whose hardware addresses are heard, not those of a router before it.
const fn is_near(zone: Zone) -> bool {
    !matches!(zone, Zone::Outside | Zone::OtherPrivate | Zone::Vpn)
}

fn is_unicast(hardware: &Mac) -> bool {
    let [first, ..] = hardware;
    first & 1 == 0 && hardware.iter().any(|o| *o != 0)
}

/// Hosts known at once: 300 of a clinic, and the outside ones that its people talk to in a window. About 100 octets each.
pub const MAX_HOSTS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(key: u8) -> Hosts {
        Hosts::new(Places::new(vec![("192.168.20.0/24".parse().unwrap(), Zone::SameSegment)]), [key; 32])
    }

    #[test]
    fn a_pseudonym_is_steady_under_one_key_and_another_under_another() {
        let address = "192.168.20.10".parse().unwrap();
        let (a, _) = hosts(1).meet(address, None, Timestamp(1));
        let (b, _) = hosts(1).meet(address, None, Timestamp(2));
        let (c, _) = hosts(2).meet(address, None, Timestamp(1));
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn a_host_keeps_its_pseudonym_when_its_network_gets_another_use() {
        let (mut hosts, address) = (hosts(1), "192.168.20.10".parse().unwrap());
        let (before, _) = hosts.meet(address, Some([0, 1, 2, 3, 4, 5]), Timestamp(1));
        hosts.place(Places::new(vec![("192.168.20.0/24".parse().unwrap(), Zone::Guest)]));
        assert_eq!(hosts.meet(address, None, Timestamp(2)), (before, Zone::Guest));
        hosts.place(Places::new(vec![("10.0.0.0/8".parse().unwrap(), Zone::SameSegment)]));
        assert_eq!(hosts.meet(address, None, Timestamp(2)), (before, Zone::OtherPrivate));
        assert_eq!(hosts.iter().next().unwrap().hardware, None, "behind a router it may be the router's");
    }

    #[test]
    fn a_hardware_address_belongs_to_a_near_host_only() {
        let mut hosts = hosts(1);
        let router = Some([0, 1, 2, 3, 4, 5]);
        hosts.meet("192.168.20.10".parse().unwrap(), Some([0xff; 6]), Timestamp(1));
        hosts.meet("192.168.20.10".parse().unwrap(), router, Timestamp(1));
        hosts.meet("203.0.113.50".parse().unwrap(), router, Timestamp(1));
        hosts.meet("224.0.0.251".parse().unwrap(), router, Timestamp(1));
        let mut heard: Vec<_> = hosts.iter().map(|h| (h.address.to_string(), h.hardware)).collect();
        heard.sort();
        assert_eq!(heard, [("192.168.20.10".to_string(), router), ("203.0.113.50".to_string(), None)]);
    }
}
