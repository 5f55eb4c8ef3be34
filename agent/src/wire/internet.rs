//! What IP carries: IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768), on
//! pnet_packet's views.
//!
//! Keeps: addresses, ports, sequence numbers, flags, the payload as far as captured and how much of it is missing; of a fragment
//! where it belongs. Drops: everything else.

use super::WireError;
use super::layers::{Body, Packet, Segment};
use super::reader::Reader;
use super::tunnel;
use core::net::{IpAddr, Ipv6Addr};
use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::tcp::TcpPacket;
use pnet_packet::udp::UdpPacket;

/// Peels an IPv4 packet.
///
/// # Errors
/// `Truncated` or `Malformed` with the field.
pub fn ipv4(octets: &[u8]) -> Result<Body<'_>, WireError> {
    let header = Ipv4Packet::new(octets).ok_or(WireError::Truncated("IPv4 header"))?;
    let header_octets = usize::from(header.get_header_length()).saturating_mul(4);
    if header_octets < 20 {
        return Err(WireError::Malformed("IPv4 header length"));
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
    let protocol = header.get_next_level_protocol().0;
    // More fragments (bit 0 of the flags) or an offset: a part of a packet.
    let (more, units) = (header.get_flags() & 1 == 1, header.get_fragment_offset());
    if more || units > 0 {
        let (identification, offset) = (u32::from(header.get_identification()), u32::from(units).saturating_mul(8));
        return Ok(Body::Fragment(ends.part(protocol, identification, (offset, more), payload, missing)));
    }
    transport(protocol, ends, payload, missing)
}

/// What a packet carries that was put together from its parts, of which one is `part`.
///
/// # Errors
/// As [`ipv4`].
pub fn whole<'a>(part: &Fragment<'_>, octets: &'a [u8], missing: u32) -> Result<Body<'a>, WireError> {
    let Fragment { source, destination, ttl, .. } = *part;
    transport(part.protocol, Header { source, destination, ttl }, octets, missing)
}

/// A part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// What the packet carries.
    pub protocol: u8,
    /// Which packet of these two it is.
    pub identification: u32,
    /// Where in the packet's payload this part begins, in octets.
    pub offset: u32,
    /// Whether more follow.
    pub more: bool,
    /// Time to live, hop limit.
    pub ttl: u8,
    /// The part, as far as captured.
    pub payload: &'a [u8],
    /// Octets of it that were on the wire but not in the capture.
    pub missing: u32,
}

/// Peels an IPv6 packet. Work is bounded by [`MAX_EXTENSIONS`].
///
/// # Errors
/// As [`ipv4`].
pub fn ipv6(octets: &[u8]) -> Result<Body<'_>, WireError> {
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
                let place = rest.u16("IPv6 fragment offset")?;
                if place & 0xfff9 != 0 {
                    let identification = u32::from_be_bytes(rest.array("IPv6 fragment identification")?);
                    let place = (u32::from(place & 0xfff8), place & 1 == 1);
                    return Ok(Body::Fragment(ends.part(following, identification, place, rest.rest(), missing)));
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

impl Header {
    const fn part<'a>(
        &self,
        protocol: u8,
        identification: u32,
        (offset, more): (u32, bool),
        payload: &'a [u8],
        missing: u32,
    ) -> Fragment<'a> {
        let Header { source, destination, ttl } = *self;
        Fragment { source, destination, protocol, identification, offset, more, ttl, payload, missing }
    }
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
        58 => {
            let packet =
                Packet { source, destination, source_port: 0, destination_port: 0, ttl, payload: octets, missing };
            Ok(Body::Icmp6(packet))
        }
        _ => Ok(tunnel::in_ip(protocol, octets)?.map_or(Body::OtherIp, |inner| Body::Tunnel { source, inner })),
    }
}

/// IPv6 extension headers of one packet: RFC 8200 names seven, each at most once but destination options.
const MAX_EXTENSIONS: usize = 8;
