//! The Cisco Discovery Protocol, as its maker and every analyser describe it (versions 1 and 2): what equipment tells its
//! neighbour.
//!
//! Keeps: as [`super::lldp::Neighbour`]. Drops: the name of the device and of its port, its domain, its place, the
//! voice VLAN's settings.

use super::WireError;
use super::lldp::Neighbour;
use super::reader::Reader;
use core::net::IpAddr;

/// Reads a message: version, seconds to live, checksum (2 octets), then elements of type, length with this head (2
/// octets each) and value. Work is bounded by [`MAX_ELEMENTS`]. A capture that keeps only its beginning gives what is
/// there.
///
/// # Errors
/// `Malformed` if the version is unknown, or the first element too short, `Truncated` if there is none.
pub fn read(message: &[u8]) -> Result<Neighbour<'_>, WireError> {
    let mut r = Reader::new(message);
    if !matches!(r.u8("version")?, 1 | 2) {
        return Err(WireError::Malformed("version"));
    }
    r.take(3, "checksum")?;
    let mut neighbour = Neighbour::default();
    for n in 0..MAX_ELEMENTS {
        let (kind, value) = match element(&mut r) {
            Ok(element) => element,
            Err(error) if n == 0 => return Err(error),
            Err(_) => break,
        };
        match kind {
            ADDRESSES | MANAGEMENT_ADDRESSES => neighbour.address = neighbour.address.or_else(|| address(value)),
            CAPABILITIES => capabilities(value, &mut neighbour),
            VERSION => neighbour.description = value,
            NATIVE_VLAN => neighbour.port_vlan = vlan(value),
            PLATFORM => neighbour.is_telephone |= begins(value, b"Cisco IP Phone"),
            _ => {}
        }
    }
    Ok(neighbour)
}

fn element<'a>(r: &mut Reader<'a>) -> Result<(u16, &'a [u8]), WireError> {
    let (kind, length) = (r.u16("element type")?, r.u16("element length")?);
    let length = usize::from(length).checked_sub(4).ok_or(WireError::Malformed("element length"))?;
    Ok((kind, r.take(length, "value of an element")?))
}

fn capabilities(value: &[u8], neighbour: &mut Neighbour<'_>) {
    let [_, _, _, low] = value else { return };
    neighbour.is_router |= low & 0x01 != 0;
    neighbour.is_bridge |= low & (0x02 | 0x04 | 0x08) != 0;
    neighbour.is_telephone |= low & 0x80 != 0;
}

/// How many (4 octets), then of the first: kind of the protocol's number, its length, the number; length of the address
/// (2 octets), address. 1, 1, 0xCC is IPv4.
fn address(value: &[u8]) -> Option<IpAddr> {
    let [0, 0, 0, _, 1, 1, 0xcc, 0, 4, a, b, c, d, ..] = value else { return None };
    Some(IpAddr::from([*a, *b, *c, *d]))
}

fn vlan(value: &[u8]) -> Option<u16> {
    let [high, low] = value else { return None };
    Some(u16::from_be_bytes([*high, *low])).filter(|v| (1..=4094).contains(v))
}

fn begins(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix))
}

/// Elements of one message that are read: real ones have about twenty.
const MAX_ELEMENTS: usize = 64;

const ADDRESSES: u16 = 0x0002;
const CAPABILITIES: u16 = 0x0004;
const VERSION: u16 = 0x0005;
const PLATFORM: u16 = 0x0006;
const NATIVE_VLAN: u16 = 0x000a;
const MANAGEMENT_ADDRESSES: u16 = 0x0016;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    pub(crate) fn element(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len().saturating_add(4)).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
    }

    /// A message of a piece of equipment with these capabilities and version.
    pub(crate) fn message(capabilities: u8, version: &[u8], address: [u8; 4]) -> Vec<u8> {
        let [a, b, c, d] = address;
        [
            vec![2, 180, 0, 0],                                      // version 2; seconds to live; checksum
            element(1, b"zzcanary-switch"),                          // name
            element(2, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, a, b, c, d]), // one address, IPv4
            element(3, b"FastEthernet0/1"),                          // port
            element(4, &[0, 0, 0, capabilities]),                    // what it does
            element(5, version),                                     // version
            element(10, &[0, 20]),                                   // VLAN of frames without a tag
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{element, message};
    use super::*;

    #[test]
    fn a_switch_tells_what_it_does_where_it_is_and_its_vlan() {
        let octets = message(0x28, b"Cisco IOS Software", [192, 168, 20, 62]);
        let n = read(&octets).unwrap();
        assert_eq!((n.is_bridge, n.is_router, n.is_telephone), (true, false, false));
        assert_eq!(n.description, b"Cisco IOS Software");
        assert_eq!((n.address, n.port_vlan), (Some(IpAddr::from([192, 168, 20, 62])), Some(20)));
    }

    #[test]
    fn a_telephone_is_told_by_its_platform_where_its_bits_do_not() {
        let octets = [&[1, 120, 0, 0][..], &element(6, b"Cisco IP Phone 7942")].concat();
        assert!(read(&octets).unwrap().is_telephone);
    }

    #[test]
    fn what_is_none_is_refused_and_any_octets_are_read() {
        assert_eq!(read(&[3, 0, 0, 0]).unwrap_err(), WireError::Malformed("version"));
        assert_eq!(read(&[2, 0, 0, 0]).unwrap_err(), WireError::Truncated("element type"));
        assert_eq!(read(&[2, 0, 0, 0, 0, 1, 0, 3]).unwrap_err(), WireError::Malformed("element length"));
        let octets = message(0x01, b"a router", [10, 0, 0, 1]);
        for end in 0..octets.len() {
            let _ = read(&octets[..end]);
        }
        for at in 0..octets.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[at] = value;
                let _ = read(&changed);
            }
        }
    }
}
