//! Layers: a frame peeled down to its segment or datagram.
//!
//! Ethernet (IEEE 802.3, 802.1Q, 802.1ad), Linux cooked (tcpdump.org LINUX_SLL, SLL2), PPPoE (RFC 2516), PPP (RFC 1661),
//! LLC/SNAP (RFC 1042), MPLS labels (RFC 3032), IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), ARP
//! (RFC 826), TCP (RFC 9293), UDP (RFC 768), on pnet_packet's views.
//! Keeps: addresses, ports, sequence numbers, flags, the payload as far as captured and how much of it is missing.
//! Drops: everything else; a fragment is counted, never put together.

use super::WireError;
use super::reader::Reader;
use core::net::{IpAddr, Ipv6Addr};
use pnet_packet::arp::ArpPacket;
use pnet_packet::ethernet::EthernetPacket;
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::tcp::TcpPacket;
use pnet_packet::udp::UdpPacket;

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
    /// A part of an IP packet.
    Fragment,
    /// ICMP, IGMP and other protocols over IP.
    OtherIp,
    /// A protocol that is not looked into.
    Other,
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
                // A length: LLC follows, and SNAP if it says so.
                0..=0x05dc => {
                    if !rest.rest().starts_with(&[0xaa, 0xaa, 0x03]) {
                        break;
                    }
                    rest.take(6, "SNAP header")?;
                    ether_type = rest.u16("EtherType")?;
                    if ether_type <= 0x05dc {
                        break;
                    }
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

fn cooked(length: u16, address: [u8; 8]) -> Ends {
    let [a, b, c, d, e, f, _, _] = address;
    Ends { source: (length == 6).then_some([a, b, c, d, e, f]), ..Ends::default() }
}

fn ipv4(octets: &[u8]) -> Result<Body<'_>, WireError> {
    let header = Ipv4Packet::new(octets).ok_or(WireError::Truncated("IPv4 header"))?;
    let header_octets = usize::from(header.get_header_length()).saturating_mul(4);
    if header_octets < 20 {
        return Err(WireError::Malformed("IPv4 header length"));
    }
    // More fragments (bit 0 of the flags) or an offset: a part of a packet.
    if header.get_flags() & 1 == 1 || header.get_fragment_offset() > 0 {
        return Ok(Body::Fragment);
    }
    // A length of 0 is left by cards that cut segments themselves: the frame's own length is all there is.
    let total = match usize::from(header.get_total_length()) {
        0 => octets.len(),
        n if n < header_octets => return Err(WireError::Malformed("IPv4 total length")),
        n => n,
    };
    let end = total.min(octets.len());
    let payload = octets.get(header_octets..end).ok_or(WireError::Truncated("IPv4 options"))?;
    let missing = u32::try_from(total.saturating_sub(end)).unwrap_or(u32::MAX);
    let ends = Header {
        source: IpAddr::V4(header.get_source()),
        destination: IpAddr::V4(header.get_destination()),
        ttl: header.get_ttl(),
    };
    transport(header.get_next_level_protocol().0, ends, payload, missing)
}

fn ipv6(octets: &[u8]) -> Result<Body<'_>, WireError> {
    let header = Ipv6Packet::new(octets).ok_or(WireError::Truncated("IPv6 header"))?;
    let announced = usize::from(header.get_payload_length());
    let total = if announced == 0 { octets.len() } else { announced.saturating_add(40) };
    let end = total.min(octets.len());
    let mut missing = u32::try_from(total.saturating_sub(end)).unwrap_or(u32::MAX);
    let mut rest = Reader::new(octets.get(40..end).ok_or(WireError::Truncated("IPv6 header"))?);
    let ends = Header {
        source: canonical(header.get_source()),
        destination: canonical(header.get_destination()),
        ttl: header.get_hop_limit(),
    };
    let mut next = header.get_next_header().0;
    for _ in 0..MAX_EXTENSIONS {
        let units = match next {
            // hop-by-hop, routing, destination options, mobility, HIP, shim6: length in units of 8, not counting the first
            0 | 43 | 60 | 135 | 139 | 140 => {
                let [following, units] = rest.array::<2>("IPv6 extension header")?;
                next = following;
                usize::from(units).saturating_mul(8).saturating_add(6)
            }
            // authentication: length in units of 4, not counting the first two
            51 => {
                let [following, units] = rest.array::<2>("IPv6 authentication header")?;
                next = following;
                usize::from(units).saturating_mul(4).saturating_add(6)
            }
            44 => {
                // fragment: next, reserved, offset and more flag (2), identification (4). A whole packet may carry one.
                let [following, _] = rest.array::<2>("IPv6 fragment header")?;
                if rest.u16("IPv6 fragment offset")? & 0xfff9 != 0 {
                    return Ok(Body::Fragment);
                }
                next = following;
                4
            }
            _ => return transport(next, ends, rest.rest(), missing),
        };
        if units > rest.left() {
            missing = missing.saturating_sub(u32::try_from(units.saturating_sub(rest.left())).unwrap_or(u32::MAX));
            return if missing == 0 { Err(WireError::Truncated("IPv6 extension header")) } else { Ok(Body::OtherIp) };
        }
        rest.take(units, "IPv6 extension header")?;
    }
    Err(WireError::Malformed("IPv6 extension headers"))
}

/// An IPv4 address that came in an IPv6 header is the same host.
fn canonical(address: Ipv6Addr) -> IpAddr {
    IpAddr::V6(address).to_canonical()
}

struct Header {
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
}

fn transport(protocol: u8, header: Header, octets: &[u8], missing: u32) -> Result<Body<'_>, WireError> {
    let Header { source, destination, ttl } = header;
    match protocol {
        6 => {
            let tcp = TcpPacket::new(octets).ok_or(WireError::Truncated("TCP header"))?;
            let header_octets = usize::from(tcp.get_data_offset()).saturating_mul(4);
            if header_octets < 20 {
                return Err(WireError::Malformed("TCP data offset"));
            }
            // Options that the capture cut off: the header is good, the payload is all missing.
            let (options, payload) = octets.split_at_checked(header_octets).unwrap_or((octets, &[]));
            let cut_header = u32::try_from(header_octets.saturating_sub(octets.len())).unwrap_or(u32::MAX);
            let packet = Packet {
                source,
                destination,
                source_port: tcp.get_source(),
                destination_port: tcp.get_destination(),
                ttl,
                payload,
                missing: missing.saturating_sub(cut_header),
            };
            Ok(Body::Tcp(Segment {
                packet,
                seq: tcp.get_sequence(),
                flags: tcp.get_flags(),
                window: tcp.get_window(),
                options: options.get(20..).unwrap_or_default(),
            }))
        }
        17 => {
            let udp = UdpPacket::new(octets).ok_or(WireError::Truncated("UDP header"))?;
            let announced = usize::from(udp.get_length());
            let end = if announced < 8 { octets.len() } else { announced.min(octets.len()) };
            let payload = octets.get(8..end).ok_or(WireError::Truncated("UDP header"))?;
            let packet = Packet {
                source,
                destination,
                source_port: udp.get_source(),
                destination_port: udp.get_destination(),
                ttl,
                payload,
                missing,
            };
            Ok(Body::Udp(packet))
        }
        _ => Ok(Body::OtherIp),
    }
}

/// FIN.
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// ACK.
pub const ACK: u8 = 0x10;

/// Tags and labels of one frame: two VLAN tags and a few MPLS labels are real, more is not.
const MAX_TAGS: usize = 8;

/// IPv6 extension headers of one packet: RFC 8200 names seven, each at most once but destination options.
const MAX_EXTENSIONS: usize = 8;

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
        assert!(matches!(Layers::raw_ip(&ip).unwrap().body, Body::Fragment));
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
