//! The hosts that were heard: address, hardware address, zone, and the pseudonym under which facts speak of them.
//!
//! Keeps: as many hosts as there is room for. Drops: their names, always; hardware addresses of hosts behind a router (they are
//! the router's); where there is no room for a new one, an eighth of the directory: those that were heard for less than a minute
//! first, then those that are not the clinic's, then who was quiet for the longest time. So a flood of invented addresses
//! pushes out itself. The pseudonym is a hash keyed with a key that stays on the sensor: who comes back has the same.

use crate::places::{Learnt, Places, Prefix};
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
    room: usize,
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
    /// An empty directory with room for so many hosts ([`crate::config::Memory`]).
    #[must_use]
    pub fn new(places: Places, key: [u8; 32], room: usize) -> Hosts {
        // All of it at once: a table that grows is there twice for a while.
        Hosts { places, key, by_address: HashMap::with_capacity(room), room, let_go: 0 }
    }

    /// Addresses belong elsewhere from now on; hosts keep their pseudonyms. The key stays as it is.
    pub fn place(&mut self, places: Places) {
        self.places = places.after(&self.places);
        self.settle();
    }

    /// A network of the clinic was heard of.
    pub fn learn(&mut self, prefix: Prefix, how: Learnt) {
        if self.places.learn(prefix, how) {
            self.settle();
        }
    }

    fn settle(&mut self) {
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
        if self.by_address.len() >= self.room {
            self.make_room();
        }
        let hardware = hardware.filter(|h| is_near(zone) && is_unicast(h));
        self.by_address.insert(address, Host { id, address, hardware, zone, first: at, last: at });
        (id, zone)
    }

    /// The address of a near host that was heard with this hardware address: the least of them, IPv4 before IPv6. Looks at
    /// the whole directory, so it is for what is rare.
    #[must_use]
    pub fn of_hardware(&self, hardware: Mac) -> Option<IpAddr> {
        self.by_address.values().filter(|h| h.hardware == Some(hardware)).map(|h| h.address).min()
    }

    /// The pseudonym of an address that was heard.
    #[must_use]
    pub fn id_of(&self, address: IpAddr) -> Option<HostId> {
        self.by_address.get(&address).map(|host| host.id)
    }

    /// The zone of an address, without remembering it.
    #[must_use]
    pub fn zone(&self, address: IpAddr) -> Zone {
        self.places.zone(address)
    }

    /// Whether an address is the clinic's own public one ([`Places::is_own_public`]).
    #[must_use]
    pub fn is_own_public(&self, address: IpAddr) -> bool {
        self.places.is_own_public(address)
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

    /// Lets an eighth of the directory go. Each host that is met pays for eight that are looked at.
    fn make_room(&mut self) {
        let worth = |h: &Host| (h.last.since_ms(h.first) >= SETTLED_MS, is_near(h.zone), h.last);
        let mut all: Vec<_> = self.by_address.values().map(|h| (worth(h), h.address)).collect();
        let leaving = (self.room / 8).max(1).min(all.len());
        if let Some(last) = leaving.checked_sub(1) {
            all.select_nth_unstable(last);
        }
        for (_, address) in all.iter().take(leaving) {
            self.by_address.remove(address);
        }
        self.let_go = self.let_go.saturating_add(u64::try_from(leaving).unwrap_or(u64::MAX));
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

/// Who was heard for so long is no address that somebody made up once.
const SETTLED_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(key: u8) -> Hosts {
        Hosts::new(Places::new(vec![("192.168.20.0/24".parse().unwrap(), Zone::SameSegment)]), [key; 32], 64)
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

    #[test]
    fn a_flood_of_invented_addresses_pushes_out_itself_and_is_counted() {
        let mut hosts = hosts(1);
        let real: Vec<IpAddr> = (1..33u8).map(|n| IpAddr::from([192, 168, 20, n])).collect();
        let before: Vec<_> = real.iter().map(|a| hosts.meet(*a, Some([0, 1, 2, 3, 4, 5]), Timestamp(0)).0).collect();
        for address in &real {
            hosts.meet(*address, None, Timestamp(SETTLED_MS));
        }
        for n in 0..10_000u32 {
            let [_, _, b, c] = n.to_be_bytes();
            hosts.meet(IpAddr::from([192, 168, 100 + b, c]), None, Timestamp(SETTLED_MS + u64::from(n)));
            hosts.meet(IpAddr::from([203, 0, b, c]), None, Timestamp(SETTLED_MS + u64::from(n)));
        }
        let known = |a: &IpAddr| hosts.iter().find(|h| h.address == *a).map(|h| h.id);
        let after: Vec<_> = real.iter().filter_map(known).collect();
        assert_eq!(before, after);
        let (kept, let_go) = (hosts.iter().count(), hosts.take_let_go());
        assert!(kept <= 64, "{kept}");
        assert_eq!(kept as u64 + let_go, 20_032);
    }

    #[test]
    fn where_everybody_is_settled_the_quietest_make_room_and_outside_ones_before_them() {
        let mut hosts = hosts(1);
        let (near, far) = (|n: u8| IpAddr::from([192, 168, 20, n]), |n: u8| IpAddr::from([203, 0, 113, n]));
        for at in [0, SETTLED_MS] {
            for n in 0..32 {
                hosts.meet(near(n), None, Timestamp(at + u64::from(n)));
                hosts.meet(far(n), None, Timestamp(at + 100 + u64::from(n)));
            }
        }
        hosts.meet(near(32), None, Timestamp(2 * SETTLED_MS));
        let is_known = |hosts: &Hosts, address| hosts.iter().any(|h| h.address == address);
        let gone: Vec<u8> = (0..32).filter(|n| !is_known(&hosts, far(*n))).collect();
        assert_eq!(gone, (0..8).collect::<Vec<_>>());
        assert!((0..33).all(|n| is_known(&hosts, near(n))));
    }
}
