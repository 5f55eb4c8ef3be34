//! Where an address belongs, seen from the clinic: the zones of `assess/knowledge/README.md`.
//!
//! Keeps: the clinic's prefixes: configured ones, and of IPv6 what was learnt from advertisements and delegations. Drops:
//! nothing. With no prefix at all, every private
//! address (RFC 1918, 4193) is taken as the clinic's own, and the coverage says so: that is what a technician with a
//! capture file and no configuration means.

use auscult_report::zone::Zone;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// The clinic's prefixes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    prefixes: Vec<(Prefix, Zone)>,
    learnt: Vec<Prefix>,
}

/// How a network of the clinic became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// A router announced it on the link.
    Advertised,
    /// A provider, or the clinic's router, gave it to a router for its hosts.
    Delegated,
}

impl Places {
    /// With the configured prefixes and their zones.
    #[must_use]
    pub fn new(prefixes: Vec<(Prefix, Zone)>) -> Places {
        Places { prefixes, learnt: Vec::new() }
    }

    /// Learns a network of IPv6; gives back whether it was new and is believed. At most [`MAX_LEARNT`] are kept.
    ///
    /// Believed is what a router's LAN can have: at least [`LEAST_BITS`] bits of public or local addresses, so that
    /// nobody makes half of the internet the clinic's own. What is announced counts only where no public network of IPv6
    /// was configured: before the clinic's router it is the provider's link that is announced.
    pub fn learn(&mut self, prefix: Prefix, how: Learnt) -> bool {
        let IpAddr::V6(address) = prefix.address else { return false };
        let is_public = |a: &Ipv6Addr| a.octets().first().is_some_and(|o| o & 0xe0 == 0x20);
        let is_told = |p: &Prefix| matches!(p.address, IpAddr::V6(a) if is_public(&a));
        let is_kept_out = how == Learnt::Advertised && self.prefixes.iter().any(|(p, _)| is_told(p));
        let is_possible = is_public(&address) || address.is_unique_local();
        let is_known = self.prefixes.iter().map(|(p, _)| p).chain(&self.learnt).any(|p| p.holds(prefix.address));
        if is_kept_out || !is_possible || is_known || prefix.bits < LEAST_BITS || self.learnt.len() >= MAX_LEARNT {
            return false;
        }
        self.learnt.push(prefix);
        true
    }

    /// These places, with what the ones before had learnt.
    #[must_use]
    pub fn after(self, before: &Places) -> Places {
        Places { learnt: before.learnt.clone(), ..self }
    }

    /// Whether nothing was configured.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// Whether an address is the clinic's own public one, through which its router translates: a single public address of IPv4 that was
    /// configured as the clinic's. What comes from it, or goes to it from inside, went through the router and back (hairpin).
    #[must_use]
    pub fn is_own_public(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_single = |(p, zone): &&(Prefix, Zone)| p.bits == 32 && p.holds(address) && *zone == Zone::SameSegment;
        address.is_ipv4() && matches!(kind(address), Kind::Public) && self.prefixes.iter().any(|p| is_single(&p))
    }

    /// The zone of an address: the longest prefix that holds it wins. Work is bounded by the number of prefixes.
    #[must_use]
    pub fn zone(&self, address: IpAddr) -> Zone {
        let address = address.to_canonical();
        let listed = self.prefixes.iter().filter(|(p, _)| p.holds(address)).max_by_key(|(p, _)| p.bits);
        if let Some((_, zone)) = listed {
            return *zone;
        }
        if self.learnt.iter().any(|p| p.holds(address)) {
            return Zone::SameSegment;
        }
        match kind(address) {
            Kind::Here => Zone::SameSegment,
            Kind::Private if self.prefixes.is_empty() => Zone::SameSegment,
            Kind::Private | Kind::Shared => Zone::OtherPrivate,
            Kind::Public => Zone::Outside,
        }
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

impl Prefix {
    /// A network of `bits` leading bits.
    #[must_use]
    pub fn new(address: IpAddr, bits: u8) -> Option<Prefix> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Prefix { address, bits })
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let shift = 32u32.saturating_sub(u32::from(self.bits));
                (u32::from(a) ^ u32::from(b)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let shift = 128u32.saturating_sub(u32::from(self.bits));
                (u128::from(a) ^ u128::from(b)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    /// `192.168.20.0/24`, `2001:db8:20::/64`, or a single address.
    fn from_str(text: &str) -> Result<Prefix, &'static str> {
        const FORM: &str = "a network is an address and a length, as in 192.168.20.0/24 or 2001:db8:20::/64";
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| FORM)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |b| b.parse().map_err(|_| FORM))?;
        Prefix::new(address, bits).ok_or("the length of a network is at most 32 (IPv4) or 128 (IPv6)")
    }
}

/// Networks that are learnt: a router has a handful, and a flood of forged advertisements must not grow a table.
pub const MAX_LEARNT: usize = 16;

/// Leading bits of the widest network that is believed: a site has 48 at most (RFC 6177).
const LEAST_BITS: u8 = 48;

enum Kind {
    /// Cannot be further than this link or this machine.
    Here,
    /// RFC 1918, 4193.
    Private,
    /// RFC 6598: between a carrier and its customers.
    Shared,
    Public,
}

fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            if a.is_unspecified()
                || a.is_loopback()
                || a.is_link_local()
                || a.is_multicast()
                || a == Ipv4Addr::BROADCAST
            {
                Kind::Here
            } else if a.is_private() {
                Kind::Private
            } else if first == 100 && (64..128).contains(&second) {
                Kind::Shared
            } else {
                Kind::Public
            }
        }
        IpAddr::V6(a) => kind_v6(a),
    }
}

fn kind_v6(a: Ipv6Addr) -> Kind {
    if a.is_unspecified() || a.is_loopback() || a.is_unicast_link_local() || a.is_multicast() {
        Kind::Here
    } else if a.is_unique_local() {
        Kind::Private
    } else {
        Kind::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(networks: &[&str]) -> Places {
        Places::new(networks.iter().map(|n| (n.parse().unwrap(), Zone::SameSegment)).collect())
    }

    fn zone(places: &Places, address: &str) -> Zone {
        places.zone(address.parse().unwrap())
    }

    #[test]
    fn with_prefixes_other_private_addresses_are_another_site() {
        let p = places(&["192.168.20.0/24", "2001:db8:20::/64"]);
        assert_eq!(zone(&p, "192.168.20.255"), Zone::SameSegment);
        assert_eq!(zone(&p, "192.168.21.1"), Zone::OtherPrivate);
        assert_eq!(zone(&p, "100.64.0.1"), Zone::OtherPrivate);
        assert_eq!(zone(&p, "203.0.113.50"), Zone::Outside);
        assert_eq!(zone(&p, "2001:db8:20::15"), Zone::SameSegment);
        assert_eq!(zone(&p, "2001:db8:21::15"), Zone::Outside);
        assert_eq!(zone(&p, "fe80::1"), Zone::SameSegment);
        assert_eq!(zone(&p, "::ffff:192.168.20.9"), Zone::SameSegment);
    }

    #[test]
    fn what_a_router_announces_or_was_given_is_the_clinics_own() {
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let mut p = places(&["192.168.20.0/24"]);
        assert_eq!(zone(&p, "2001:db8:20::15"), Zone::Outside);
        assert!(p.learn(prefix("2001:db8:20::/64"), Learnt::Advertised));
        assert!(!p.learn(prefix("2001:db8:20::/64"), Learnt::Advertised), "known");
        assert!(p.learn(prefix("2001:db8:77::/56"), Learnt::Delegated));
        assert!(p.learn(prefix("fd52:1::/64"), Learnt::Advertised));
        for address in ["2001:db8:20::15", "2001:db8:77:12::1", "fd52:1::9"] {
            assert_eq!(zone(&p, address), Zone::SameSegment);
        }
        assert_eq!(zone(&p, "2001:db8:78::1"), Zone::Outside);
        assert_eq!(zone(&p, "192.168.21.1"), Zone::OtherPrivate);
        assert_eq!(zone(&places(&["10.0.0.0/8"]).after(&p), "2001:db8:77:12::1"), Zone::SameSegment);
    }

    #[test]
    fn what_cannot_be_a_lan_is_not_believed() {
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let mut p = places(&[]);
        for wide in ["2000::/3", "::/0", "2001:db8::/32", "fe80::/64", "ff00::/64", "192.168.1.0/24"] {
            assert!(!p.learn(prefix(wide), Learnt::Delegated), "{wide}");
        }
        assert!(p.is_assumed() && zone(&p, "192.168.1.1") == Zone::SameSegment);
        for n in 0..100u16 {
            p.learn(
                Prefix::new(Ipv6Addr::new(0x2001, 0xdb8, n, 0, 0, 0, 0, 0).into(), 64).unwrap(),
                Learnt::Advertised,
            );
        }
        assert_eq!(p.learnt.len(), MAX_LEARNT);
        // Where a public network was told, another one that is announced is the provider's link.
        let mut told = places(&["2001:db8:20::/64"]);
        assert!(!told.learn(prefix("2001:db8:ffff::/64"), Learnt::Advertised));
        assert!(told.learn(prefix("2001:db8:77::/56"), Learnt::Delegated));
    }

    #[test]
    fn without_prefixes_private_addresses_are_the_clinics_own() {
        let p = places(&[]);
        assert_eq!(zone(&p, "10.1.2.3"), Zone::SameSegment);
        assert_eq!(zone(&p, "fd52::1"), Zone::SameSegment);
        assert_eq!(zone(&p, "8.8.8.8"), Zone::Outside);
        assert!(p.is_assumed());
    }

    #[test]
    fn a_single_public_address_is_the_routers() {
        let p = places(&["192.168.20.0/24", "203.0.113.2", "198.51.100.0/24", "10.0.0.1"]);
        let is = |address: &str| p.is_own_public(address.parse().unwrap());
        assert!(is("203.0.113.2") && is("::ffff:203.0.113.2"));
        assert!(!is("203.0.113.3") && !is("198.51.100.7") && !is("10.0.0.1") && !is("192.168.20.1"));
    }

    #[test]
    fn the_longest_prefix_wins() {
        let p = Places::new(vec![
            ("10.0.0.0/8".parse().unwrap(), Zone::Office),
            ("10.9.0.0/16".parse().unwrap(), Zone::Guest),
            ("0.0.0.0/0".parse().unwrap(), Zone::Outside),
        ]);
        assert_eq!(zone(&p, "10.9.1.1"), Zone::Guest);
        assert_eq!(zone(&p, "10.8.1.1"), Zone::Office);
        assert_eq!(zone(&p, "8.8.8.8"), Zone::Outside);
    }

    #[test]
    fn a_network_that_is_none_is_refused_with_its_form() {
        assert!("192.168.20.0/33".parse::<Prefix>().is_err());
        assert!("192.168.20/24".parse::<Prefix>().unwrap_err().contains("192.168.20.0/24"));
        assert!("clinic".parse::<Prefix>().is_err());
    }
}
