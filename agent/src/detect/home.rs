//! Which networks of IPv6 are the clinic's: what its router announces on the link (RFC 4861), what its provider delegated
//! to it (DHCPv6, RFC 8415).
//!
//! Keeps: prefixes, in the sensor only. Drops: everything else. The sensor decides what of it is believed
//! ([`crate::places::Places::learn`]): whoever can forge an advertisement stands inside already.

use super::leases::client;
use super::{Datagram, DatagramDetector, Ears};
use crate::wire::dhcp6::{Kind, Message};
use crate::wire::layers::Packet;
use crate::wire::ndp::{Advertisement, Announced};
use auscult_report::fact::Protocol;
use core::net::IpAddr;

/// DHCP for IPv6.
pub const DHCP6: DatagramDetector = DatagramDetector {
    name: "dhcpv6",
    version: 1,
    hears: "Answers of a DHCPv6 server make it a service on port 547. A client's vendor class tells its kind and \
            sometimes its system; programs can write any class there. A prefix that a server delegates is taken as the \
            clinic's own network. Identifiers of clients, names and single addresses are never read.",
    ports: &[SERVER, CLIENT],
    listen,
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else {
        // What relays pass on is another message around this one: it is known, and not looked into.
        return matches!(datagram.payload.first(), Some(12 | 13));
    };
    if message.kind == Kind::Client {
        let facts = client(message.vendor_class(), &[]);
        let mut said = ears.from_client();
        facts.iter().for_each(|f| said.client_host(f));
    } else if datagram.source_port == SERVER {
        let mut said = ears.from_server();
        said.protocol(Protocol::Dhcpv6);
        said.answered();
    }
    true
}

/// What a datagram delegates for good.
pub fn delegated(payload: &[u8]) -> impl Iterator<Item = Announced> + '_ {
    let reply = Message::read(payload).ok().filter(|m| m.kind == Kind::Reply);
    reply.into_iter().flat_map(|m| m.delegated().collect::<Vec<_>>())
}

/// A router's advertisement, if this is one: of a router on this link, which sends from its own address there.
#[must_use]
pub fn advertised<'a>(packet: &Packet<'a>) -> Option<Advertisement<'a>> {
    let is_near = matches!(packet.source, IpAddr::V6(a) if a.is_unicast_link_local());
    Advertisement::read(packet.payload, packet.ttl).ok().filter(|_| is_near)
}

/// Where servers and relays listen.
pub const SERVER: u16 = 547;
/// Where clients listen.
const CLIENT: u16 = 546;

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::dhcp6::testing::{delegation, message, vendor_class};
    use crate::wire::ndp::testing::advertisement;
    use auscult_report::fact::{DhcpClass, Fact};

    #[test]
    fn a_server_that_answers_is_a_service_and_a_client_tells_its_kind() {
        let reply = message(7, &[delegation(14)]);
        assert_eq!(facts(&hear_datagram(&DHCP6, 547, 546, &reply)), [Fact::Protocol(Protocol::Dhcpv6), Fact::Answered]);
        let solicit = message(1, &[vendor_class(b"MSFT 5.0")]);
        assert!(facts(&hear_datagram(&DHCP6, 546, 547, &solicit)).contains(&Fact::DhcpClass(DhcpClass::Windows)));
        assert_eq!(hear_datagram(&DHCP6, 547, 547, &[12, 0, 0, 0]), []);
    }

    #[test]
    fn only_what_holds_from_now_on_is_delegated() {
        let prefixes = |kind, valid| delegated(&message(kind, &[delegation(valid)])).count();
        assert_eq!((prefixes(7, 14), prefixes(2, 14), prefixes(7, 0), prefixes(3, 14)), (1, 0, 0, 0));
    }

    #[test]
    fn a_router_of_this_link_sends_from_its_address_there() {
        let octets = advertisement([0x2001, 0xdb8, 0x20, 0], 0xc0, 14);
        let packet = |source: &str, ttl| Packet {
            source: source.parse().unwrap(),
            destination: "ff02::1".parse().unwrap(),
            source_port: 0,
            destination_port: 0,
            ttl,
            payload: &octets,
            missing: 0,
        };
        assert!(advertised(&packet("fe80::1", 255)).is_some_and(|a| a.announced().count() == 1));
        assert!(advertised(&packet("fe80::1", 64)).is_none());
        assert!(advertised(&packet("2001:db8::1", 255)).is_none());
    }
}
