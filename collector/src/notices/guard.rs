//! Where a request of ours may go: addresses of the public Internet (IANA's registries of special-purpose addresses, RFC 6890), and
//! networks that an operator listed by hand.
//!
//! A name is asked for once; what it leads to is checked, and the connection goes to that very address: a name that leads elsewhere at
//! the second question gains nothing. Keeps: nothing. Drops: a name of which any address is not allowed.

use super::Failed;
use crate::config::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::lookup_host;

/// Which addresses may be connected to.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allow: Vec<Network>,
}

impl Guard {
    pub(super) fn new(allow: &[Network]) -> Guard {
        Guard { allow: allow.to_vec() }
    }

    /// The addresses of a host: all of them may be connected to.
    pub(super) async fn find(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failed> {
        let found = lookup_host((host, port)).await;
        let unknown =
            || Failed::Later("the name of the receiver leads to no address (DNS); is it typed right?".to_owned());
        let found: Vec<SocketAddr> = found.map_err(|_| unknown())?.take(MOST_ADDRESSES).collect();
        match found.iter().find(|at| !self.allows(at.ip())) {
            Some(refused) => Err(Failed::Later(format!(
                "refused: the receiver's name leads to {}, which is not an address of the public Internet; if that is meant, list its \
                 network under notices.allow",
                refused.ip().to_canonical()
            ))),
            None if found.is_empty() => Err(unknown()),
            None => Ok(found),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        // An IPv4 address in the clothes of IPv6 is that IPv4 address.
        let address = address.to_canonical();
        let is_listed = self.allow.iter().any(|network| network.has(address));
        is_listed
            || match address {
                IpAddr::V4(v4) => is_public_v4(v4),
                IpAddr::V6(v6) => is_public_v6(v6),
            }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        // This network, private, loopback, link-local (169.254.169.254 tells clouds' secrets).
        (0 | 10 | 127, ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _)
            // Shared by customers of a provider; assignments of protocols; documentation; 6to4 relays; trials.
            | (100, 64..=127, _) | (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18 | 19, _)
            // Multicast, reserved, broadcast.
            | (224..=255, ..)
    ) && address != AZURE
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Translated to IPv4 (RFC 6052): the address behind counts.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Assignments of protocols with Teredo, documentation, 6to4, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Of all others only global unicast: not unspecified, loopback, local, unique local, multicast, discard.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// A public address that gives the secrets of a cloud's machines to these machines.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// Of a name.
const MOST_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        let guard = Guard::new(&[]);
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:1ff::1",
            "2002:a00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!guard.allows(refused.parse().unwrap()), "{refused}");
        }
        for allowed in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert!(guard.allows(allowed.parse().unwrap()), "{allowed}");
        }
    }

    #[test]
    fn what_is_listed_by_hand_is_reached_and_nothing_beside_it() {
        let guard = Guard::new(&[Network::read("10.20.0.0/16").unwrap(), Network::read("fd12::/32").unwrap()]);
        for (address, is_allowed) in [
            ("10.20.3.4", true),
            ("::ffff:10.20.3.4", true),
            ("10.21.0.1", false),
            ("fd12::1", true),
            ("fd13::1", false),
            ("::1", false),
        ] {
            assert_eq!(guard.allows(address.parse().unwrap()), is_allowed, "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_leads_to_in_every_spelling() {
        for host in ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "::1", "::ffff:127.0.0.1"]
        {
            let refused = Guard::new(&[]).find(host, 80).await.unwrap_err();
            let known = refused.why().contains("not an address of the public Internet")
                || refused.why().contains("leads to no address");
            assert!(known, "{host}: {refused:?}");
        }
        let listed = Guard::new(&[Network::read("127.0.0.0/8").unwrap()]);
        assert_eq!(listed.find("127.0.0.1", 80).await, Ok(vec!["127.0.0.1:80".parse().unwrap()]));
    }
}
