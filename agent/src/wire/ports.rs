//! The ports of a UDP datagram inside a packet that was heard in the air: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768.
//!
//! Keeps: two port numbers. Drops: everything else. Later fragments, IPv6 extension headers and other protocols have no
//! ports here.

use super::WireError;
use super::reader::Reader;

/// Source and destination port of the UDP datagram in `packet`, whose ethertype is `ethertype`.
///
/// # Errors
/// `Malformed` if it is no IPv4 or IPv6 packet with the beginning of a UDP datagram, `Truncated` if it ends early.
pub fn of_datagram(ethertype: u16, packet: &[u8]) -> Result<(u16, u16), WireError> {
    let mut r = Reader::new(packet);
    match ethertype {
        IPV4 => {
            // Octet 0: version, length of the header in words of four octets. 6-7: fragment. 9: protocol.
            let first = r.u8("version and header length")?;
            let header = usize::from(first & 0x0F).saturating_mul(4);
            r.take(5, "length and identification")?;
            let fragment = r.u16("fragment offset")? & 0x1FFF;
            r.take(1, "time to live")?;
            let protocol = r.u8("protocol")?;
            if first >> 4 != 4 || header < IPV4_FIXED || fragment != 0 || protocol != UDP {
                return Err(WireError::Malformed("IPv4 with UDP"));
            }
            r.take(header.saturating_sub(10), "rest of the IPv4 header")?;
        }
        IPV6 => {
            // Octet 0: version. 6: next header. 40 octets in all.
            let first = r.u8("version")?;
            r.take(5, "flow and length")?;
            if first >> 4 != 6 || r.u8("next header")? != UDP {
                return Err(WireError::Malformed("IPv6 with UDP"));
            }
            r.take(33, "hop limit and addresses")?;
        }
        _ => return Err(WireError::Malformed("ethertype of IP")),
    }
    Ok((r.u16("source port")?, r.u16("destination port")?))
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const UDP: u8 = 17;

/// Octets of the shortest IPv4 header.
const IPV4_FIXED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(protocol: u8, fragment: u8) -> Vec<u8> {
        let mut p = vec![0x46, 0, 0, 32, 0, 1, 0, fragment, 64, protocol, 0, 0, 192, 168, 20, 5, 192, 168, 20, 1];
        p.extend([1, 1, 1, 1]); // four octets of options: the header has six words
        p.extend([0xC0, 0x01, 0, 53, 0, 8, 0, 0]);
        p
    }

    #[test]
    fn options_do_not_hide_the_ports() {
        assert_eq!(of_datagram(0x0800, &ipv4(17, 0)), Ok((0xC001, 53)));
    }

    #[test]
    fn later_fragments_and_other_protocols_have_none() {
        assert!(of_datagram(0x0800, &ipv4(17, 5)).is_err());
        assert!(of_datagram(0x0800, &ipv4(6, 0)).is_err());
        assert!(of_datagram(0x0806, &ipv4(17, 0)).is_err());
        for n in 0..27 {
            assert!(of_datagram(0x0800, &ipv4(17, 0)[..n]).is_err(), "{n}");
        }
    }

    #[test]
    fn ipv6_has_them_behind_forty_octets() {
        let mut p = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
        p.extend([0xfd; 32]);
        p.extend([0, 53, 0xC0, 0x01]);
        assert_eq!(of_datagram(0x86DD, &p), Ok((53, 0xC001)));
    }
}
