//! Layers: a frame peeled down to its segment or datagram.
//!
//! Ethernet (IEEE 802.3, 802.1Q, 802.1ad), Linux cooked (tcpdump.org LINUX_SLL, SLL2), PPPoE (RFC 2516), PPP (RFC 1661), Cisco's HDLC,
//! LLC (IEEE 802.2) and SNAP (RFC 1042), MPLS labels (RFC 3032), ARP (RFC 826), on pnet_packet's views; what IP carries
//! is peeled by [`super::internet`].
//! Keeps: addresses, ports, sequence numbers, flags, the payload as far as captured and how much of it is missing.
//! Drops: everything else; what is in a tunnel is not peeled here.

use super::WireError;
use super::internet::{Fragment, ipv4, ipv6};
use super::reader::Reader;
use super::tunnel::Inner;
use core::net::IpAddr;
use pnet_packet::arp::ArpPacket;
use pnet_packet::ethernet::EthernetPacket;

/// A hardware address.
pub type Mac = [u8; 6];

/// A frame without its lower layers.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// What its link said.
    pub link: Ends,
    /// What it carries.
    pub body: Body<'a>,
}

/// What the link says of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends {
    /// Who sent it on this link.
    pub source: Option<Mac>,
    /// To whom.
    pub destination: Option<Mac>,
    /// The inner VLAN.
    pub vlan: Option<u16>,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram.
    Udp(Packet<'a>),
    /// An ARP message: the sender's address on both layers.
    Arp {
        /// Its hardware address.
        hardware: Mac,
        /// Its IPv4 address.
        address: IpAddr,
    },
    /// A message directly on the link.
    Link(LinkMessage<'a>),
    /// A message of ICMP for IPv6; it has no ports.
    Icmp6(Packet<'a>),
    /// A part of an IP packet.
    Fragment(Fragment<'a>),
    /// A packet or frame in this one.
    Tunnel {
        /// Who sent the packet around it.
        source: IpAddr,
        /// What is inside.
        inner: Inner<'a>,
    },
    /// ICMP, IGMP and other protocols over IP.
    OtherIp,
    /// A protocol that is not looked into.
    Other,
}

/// A message directly on the link, to neighbours only.
#[derive(Clone, Copy, Debug)]
pub struct LinkMessage<'a> {
    /// What says whose it is: the EtherType (LLDP: 0x88CC), the number behind SNAP (CDP: 0x2000), the service access
    /// point (NetBIOS: 0xF0).
    pub number: u16,
    /// Its octets, as far as captured, with the padding of a short frame.
    pub payload: &'a [u8],
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Ends and payload.
    pub packet: Packet<'a>,
    /// The sequence number of its first octet.
    pub seq: u32,
    /// The flags: [`FIN`], [`SYN`], [`RST`], [`ACK`].
    pub flags: u8,
    /// The receive window as it stands in the header.
    pub window: u16,
    /// The options' octets.
    pub options: &'a [u8],
}

/// Ends and payload of a segment or datagram.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Time to live, hop limit.
    pub ttl: u8,
    /// The payload, as far as captured.
    pub payload: &'a [u8],
    /// Octets of the payload that were on the wire but not in the capture.
    pub missing: u32,
}

impl<'a> Layers<'a> {
    /// Peels an Ethernet frame.
    ///
    /// # Errors
    /// `Truncated` or `Malformed` with the field.
    pub fn ethernet(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let header = EthernetPacket::new(octets).ok_or(WireError::Truncated("Ethernet header"))?;
        let (from, to) = (header.get_source(), header.get_destination());
        let link = Ends {
            source: Some([from.0, from.1, from.2, from.3, from.4, from.5]),
            destination: Some([to.0, to.1, to.2, to.3, to.4, to.5]),
            vlan: None,
        };
        let mut rest = Reader::new(octets);
        rest.take(14, "Ethernet header")?;
        Layers::ether_type(header.get_ethertype().0, rest, link)
    }

    /// Peels a Linux cooked frame, version 1: kind, hardware type, address length (2 octets each), address (8),
    /// protocol (2).
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn linux_cooked(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let mut rest = Reader::new(octets);
        rest.take(4, "cooked header")?;
        let length = rest.u16("address length")?;
        let address: [u8; 8] = rest.array("address")?;
        let protocol = rest.u16("protocol")?;
        Layers::ether_type(protocol, rest, cooked(length, address))
    }

    /// Peels a Linux cooked frame, version 2: protocol (2), reserved (2), interface (4), hardware type (2), kind (1),
    /// address length (1), address (8).
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn linux_cooked_2(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let mut rest = Reader::new(octets);
        let protocol = rest.u16("protocol")?;
        rest.take(9, "cooked header")?;
        let length = u16::from(rest.u8("address length")?);
        let address: [u8; 8] = rest.array("address")?;
        Layers::ether_type(protocol, rest, cooked(length, address))
    }

    /// Peels a BSD loopback frame: four octets of address family, in the byte order of the machine that captured it.
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn loopback(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let mut rest = Reader::new(octets);
        rest.take(4, "address family")?;
        Layers::ip(rest, Ends::default())
    }

    /// Peels a PPP frame, with or without address and control octets.
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn ppp(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let mut rest = Reader::new(octets);
        if octets.starts_with(&[0xff, 0x03]) {
            rest.take(2, "PPP address")?;
        }
        Layers::ppp_protocol(rest, Ends::default())
    }

    /// Peels a frame of Cisco's HDLC: to whom (15: one, 143: all), a zero, an EtherType.
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn cisco_hdlc(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        let mut rest = Reader::new(octets);
        rest.take(2, "HDLC address")?;
        let ether_type = rest.u16("EtherType")?;
        Layers::ether_type(ether_type, rest, Ends::default())
    }

    /// Peels a packet that begins with its IP header.
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn raw_ip(octets: &'a [u8]) -> Result<Layers<'a>, WireError> {
        Layers::ip(Reader::new(octets), Ends::default())
    }

    /// Peels what an EtherType announces. Work is bounded by [`MAX_TAGS`].
    ///
    /// # Errors
    /// As [`Layers::ethernet`].
    pub fn ether_type(mut ether_type: u16, mut rest: Reader<'a>, mut link: Ends) -> Result<Layers<'a>, WireError> {
        for _ in 0..MAX_TAGS {
            match ether_type {
                0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                    link.vlan = Some(rest.u16("VLAN tag")? & 0x0fff);
                    ether_type = rest.u16("EtherType")?;
                }
                0x8847 | 0x8848 => {
                    // A label: 20 bits, class, bottom of stack (bit 0 of the third octet), time to live.
                    let [_, _, third, _] = rest.array::<4>("MPLS label")?;
                    if third & 1 == 1 {
                        return Layers::ip(rest, link);
                    }
                }
                0x8864 => {
                    rest.take(6, "PPPoE header")?;
                    return Layers::ppp_protocol(rest, link);
                }
                0x0800 | 0x86dd => return Layers::ip(rest, link),
                0x0806 => return Layers::arp(rest, link),
                0x88cc => return Ok(on_link(link, ether_type, rest)),
                // A length: LLC follows, and SNAP if it says so.
                0..=0x05dc => {
                    // The padding of a short frame is no part of the message. Linux cooked says 1 or 4 and no length.
                    let length = if ether_type <= 4 { usize::MAX } else { usize::from(ether_type) };
                    let mut llc = rest.sub_at_most(length);
                    let [to, from, control, ..] = llc.rest() else { break };
                    match [*to, from & 0xfe, *control] {
                        [0xf0, 0xf0, _] => return Ok(on_link(link, u16::from(*to), llc)),
                        [0xaa, 0xaa, 0x03] => {}
                        _ => break,
                    }
                    llc.take(3, "LLC header")?;
                    let maker: [u8; 3] = llc.array("SNAP maker")?;
                    ether_type = llc.u16("EtherType")?;
                    if maker == CISCO {
                        return Ok(on_link(link, ether_type, llc));
                    }
                    if ether_type <= 0x05dc {
                        break;
                    }
                    rest = llc;
                }
                _ => break,
            }
        }
        Ok(Layers { link, body: Body::Other })
    }

    fn ppp_protocol(mut rest: Reader<'a>, link: Ends) -> Result<Layers<'a>, WireError> {
        match rest.u16("PPP protocol")? {
            0x0021 | 0x0057 => Layers::ip(rest, link),
            _ => Ok(Layers { link, body: Body::Other }),
        }
    }

    fn arp(rest: Reader<'a>, link: Ends) -> Result<Layers<'a>, WireError> {
        let arp = ArpPacket::new(rest.rest()).ok_or(WireError::Truncated("ARP"))?;
        if arp.get_protocol_type().0 != 0x0800 || arp.get_hw_addr_len() != 6 || arp.get_proto_addr_len() != 4 {
            return Ok(Layers { link, body: Body::Other });
        }
        let sender = arp.get_sender_hw_addr();
        let body = Body::Arp {
            hardware: [sender.0, sender.1, sender.2, sender.3, sender.4, sender.5],
            address: IpAddr::V4(arp.get_sender_proto_addr()),
        };
        Ok(Layers { link, body })
    }

    fn ip(rest: Reader<'a>, link: Ends) -> Result<Layers<'a>, WireError> {
        let first = *rest.rest().first().ok_or(WireError::Truncated("IP version"))?;
        let body = match first >> 4 {
            4 => ipv4(rest.rest())?,
            6 => ipv6(rest.rest())?,
            _ => return Err(WireError::Malformed("IP version")),
        };
        Ok(Layers { link, body })
    }
}

fn on_link<'a>(link: Ends, number: u16, message: Reader<'a>) -> Layers<'a> {
    Layers { link, body: Body::Link(LinkMessage { number, payload: message.rest() }) }
}

fn cooked(length: u16, address: [u8; 8]) -> Ends {
    let [a, b, c, d, e, f, _, _] = address;
    Ends { source: (length == 6).then_some([a, b, c, d, e, f]), ..Ends::default() }
}

/// FIN.
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// ACK.
pub const ACK: u8 = 0x10;

/// The maker's number in a SNAP header (RFC 1042) behind which Cisco's own protocols stand.
const CISCO: [u8; 3] = [0x00, 0x00, 0x0c];

/// Tags and labels of one frame: two VLAN tags and a few MPLS labels are real, more is not.
const MAX_TAGS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// IPv4 and TCP headers, then `payload`.
    fn ipv4_tcp(total_length: u16, payload: &[u8]) -> Vec<u8> {
        let mut o = vec![0x45, 0x00]; // version 4, header of 20 octets; service
        o.extend(total_length.to_be_bytes()); // total length
        o.extend([0, 1, 0x40, 0]); // identification; do not fragment
        o.extend([64, 6, 0, 0]); // time to live; TCP; checksum
        o.extend([192, 168, 20, 30]); // source
        o.extend([192, 168, 20, 10]); // destination
        o.extend(40000u16.to_be_bytes()); // source port
        o.extend(104u16.to_be_bytes()); // destination port
        o.extend(1000u32.to_be_bytes()); // sequence number
        o.extend(0u32.to_be_bytes()); // acknowledged
        o.extend([0x50, ACK]); // header of 20 octets; flags
        o.extend([0xff, 0xff, 0, 0, 0, 0]); // window; checksum; urgent
        o.extend(payload);
        o
    }

    fn ethernet(tags: &[u8], inner: &[u8]) -> Vec<u8> {
        let mut o = vec![0xff; 6]; // destination
        o.extend([0x00, 0x1e, 0x67, 0x20, 0x00, 0x10]); // source
        o.extend(tags);
        o.extend(inner);
        o
    }

    fn payload<'a>(layers: &Layers<'a>) -> (&'a [u8], u32) {
        match layers.body {
            Body::Tcp(s) => (s.packet.payload, s.packet.missing),
            _ => panic!("no segment: {:?}", layers.body),
        }
    }

    #[test]
    fn every_link_type_gives_the_same_segment() {
        let ip = ipv4_tcp(45, b"hello");
        let cooked: Vec<u8> = [&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0][..], &ip].concat();
        let cooked_2: Vec<u8> = [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0][..], &ip].concat();
        let snap = [&[0u8, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..]].concat();
        for layers in [
            Layers::ethernet(&ethernet(&[8, 0], &ip)),
            Layers::ethernet(&ethernet(&[0x81, 0, 0, 20, 8, 0], &ip)),
            Layers::ethernet(&ethernet(&[0x88, 0xa8, 0, 100, 0x81, 0, 0, 20, 8, 0], &ip)),
            Layers::ethernet(&ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 47, 0, 0x21], &ip)),
            Layers::ethernet(&ethernet(&[0x88, 0x47, 0, 1, 0x01, 64], &ip)),
            Layers::ethernet(&ethernet(&snap, &ip)),
            Layers::linux_cooked(&cooked),
            Layers::linux_cooked_2(&cooked_2),
            Layers::loopback(&[&[2, 0, 0, 0][..], &ip].concat()),
            Layers::ppp(&[&[0xff, 3, 0, 0x21][..], &ip].concat()),
            Layers::cisco_hdlc(&[&[15, 0, 8, 0][..], &ip].concat()),
            Layers::raw_ip(&ip),
        ] {
            assert_eq!(payload(&layers.unwrap()), (&b"hello"[..], 0));
        }
    }

    #[test]
    fn the_inner_tag_is_the_vlan() {
        let frame = ethernet(&[0x88, 0xa8, 0, 100, 0x81, 0, 0, 20, 8, 0], &ipv4_tcp(45, b"hello"));
        assert_eq!(Layers::ethernet(&frame).unwrap().link.vlan, Some(20));
    }

    #[test]
    fn padding_is_not_payload_and_what_the_capture_cut_is_missing() {
        assert_eq!(payload(&Layers::raw_ip(&ipv4_tcp(42, b"hello")).unwrap()), (&b"he"[..], 0));
        assert_eq!(payload(&Layers::raw_ip(&ipv4_tcp(1040, b"hello")).unwrap()), (&b"hello"[..], 995));
    }

    #[test]
    fn a_fragment_is_a_fragment_and_a_lie_is_malformed() {
        let mut ip = ipv4_tcp(45, b"hello");
        ip[6] = 0x20; // more fragments
        assert!(matches!(Layers::raw_ip(&ip).unwrap().body, Body::Fragment(_)));
        let mut ip = ipv4_tcp(45, b"hello");
        ip[0] = 0x44; // header of 16 octets
        assert!(matches!(Layers::raw_ip(&ip), Err(WireError::Malformed("IPv4 header length"))));
    }

    #[test]
    fn ipv6_extension_headers_are_passed() {
        let tcp = ipv4_tcp(0, b"six")[20..].to_vec();
        let mut ip = vec![0x60, 0, 0, 0]; // version 6
        ip.extend(u16::try_from(tcp.len() + 16).unwrap().to_be_bytes()); // payload length
        ip.extend([0, 64]); // hop-by-hop follows; hop limit
        ip.extend([0x20; 16]); // source
        ip.extend([0x30; 16]); // destination
        ip.extend([60, 0, 1, 4, 0, 0, 0, 0]); // destination options follow; 8 octets
        ip.extend([6, 0, 1, 4, 0, 0, 0, 0]); // TCP follows; 8 octets
        ip.extend(&tcp);
        assert_eq!(payload(&Layers::raw_ip(&ip).unwrap()), (&b"six"[..], 0));
    }

    #[test]
    fn no_cut_and_no_change_of_an_octet_stops_the_peeling() {
        let frame = ethernet(&[0x88, 0xa8, 0, 100, 0x81, 0, 0, 20, 8, 0], &ipv4_tcp(45, b"hello"));
        for end in 0..frame.len() {
            let _ = Layers::ethernet(&frame[..end]);
            let _ = Layers::linux_cooked(&frame[..end]);
            let _ = Layers::linux_cooked_2(&frame[..end]);
        }
        for at in 0..frame.len() {
            for octet in [0x00, 0x01, 0x45, 0x60, 0x7f, 0x80, 0xff] {
                let mut changed = frame.clone();
                changed[at] = octet;
                let _ = Layers::ethernet(&changed);
            }
        }
    }
}
