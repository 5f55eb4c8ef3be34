//! What a switch, router, access point or telephone tells its neighbour: the Link Layer Discovery Protocol (IEEE 802.1AB
//! clause 8, IEEE 802.1Q annex D).
//!
//! Keeps: what it can do, its description of itself as borrowed octets to be compared, its own address, the VLAN of the
//! port. Drops: its name, the names of its ports, serial numbers, places, everything that a maker adds.

use super::WireError;
use super::reader::Reader;
use core::net::IpAddr;

/// What a neighbour tells of itself, in the words that this protocol and Cisco's own have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neighbour<'a> {
    /// It passes packets between networks.
    pub is_router: bool,
    /// It passes frames between ports.
    pub is_bridge: bool,
    /// It has a radio for stations.
    pub is_access_point: bool,
    /// It is a telephone.
    pub is_telephone: bool,
    /// Its system, in its maker's words: for comparing.
    pub description: &'a [u8],
    /// The address at which it is managed, or one of its own.
    pub address: Option<IpAddr>,
    /// The VLAN of frames without a tag on the port that sent this.
    pub port_vlan: Option<u16>,
}

impl<'a> Neighbour<'a> {
    /// Reads a message: elements of seven bits of type and nine bits of length, the first three always the same. Work
    /// is bounded by [`MAX_ELEMENTS`]. A capture that keeps only its beginning gives what is there.
    ///
    /// # Errors
    /// `Malformed` if it does not begin with chassis, port and time to live, `Truncated` if they are not there.
    pub fn read(message: &'a [u8]) -> Result<Neighbour<'a>, WireError> {
        let mut r = Reader::new(message);
        for wanted in [CHASSIS, PORT, TIME_TO_LIVE] {
            let (kind, value) = element(&mut r)?;
            if kind != wanted || value.len() < 2 {
                return Err(WireError::Malformed("first elements"));
            }
        }
        let mut neighbour = Neighbour::default();
        for _ in 0..MAX_ELEMENTS {
            let Ok((kind, value)) = element(&mut r) else { break };
            match kind {
                END => break,
                DESCRIPTION => neighbour.description = value,
                CAPABILITIES => neighbour.capabilities(value),
                ADDRESS => neighbour.address = neighbour.address.or_else(|| address(value)),
                MAKERS_OWN => neighbour.port_vlan = neighbour.port_vlan.or_else(|| port_vlan(value)),
                _ => {}
            }
        }
        Ok(neighbour)
    }

    /// Octets 0-1: what it could do. Octets 2-3: what it does.
    fn capabilities(&mut self, value: &[u8]) {
        let [_, _, high, low, ..] = value else { return };
        let does = u16::from_be_bytes([*high, *low]);
        self.is_bridge = does & 0x0004 != 0;
        self.is_access_point = does & 0x0008 != 0;
        self.is_router = does & 0x0010 != 0;
        self.is_telephone = does & 0x0020 != 0;
    }
}

fn element<'a>(r: &mut Reader<'a>) -> Result<(u16, &'a [u8]), WireError> {
    let head = r.u16("element")?;
    let value = r.take(usize::from(head & 0x01ff), "value of an element")?;
    Ok((head >> 9, value))
}

/// Length of family and address, family (1: IPv4, 2: IPv6), address.
fn address(value: &[u8]) -> Option<IpAddr> {
    match value {
        [5, 1, a, b, c, d, ..] => Some(IpAddr::from([*a, *b, *c, *d])),
        [17, 2, rest @ ..] => rest.first_chunk::<16>().map(|a| IpAddr::from(*a)),
        _ => None,
    }
}

/// IEEE 802.1Q annex D.2.1: maker 00-80-C2, kind 1, then the VLAN; 0 is none.
fn port_vlan(value: &[u8]) -> Option<u16> {
    let [0x00, 0x80, 0xc2, 1, high, low, ..] = value else { return None };
    Some(u16::from_be_bytes([*high, *low])).filter(|v| (1..=4094).contains(v))
}

/// Elements of one message that are read: real ones have about twenty.
pub const MAX_ELEMENTS: usize = 64;

const END: u16 = 0;
const CHASSIS: u16 = 1;
const PORT: u16 = 2;
const TIME_TO_LIVE: u16 = 3;
const DESCRIPTION: u16 = 6;
const CAPABILITIES: u16 = 7;
const ADDRESS: u16 = 8;
const MAKERS_OWN: u16 = 127;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    pub(crate) fn element(kind: u16, value: &[u8]) -> Vec<u8> {
        let head = (kind << 9) | u16::try_from(value.len()).unwrap();
        [&head.to_be_bytes()[..], value].concat()
    }

    /// A message with these capabilities, description and address.
    pub(crate) fn message(does: u16, description: &[u8], address: [u8; 4]) -> Vec<u8> {
        let [high, low] = does.to_be_bytes();
        let [a, b, c, d] = address;
        [
            element(1, &[4, 0, 0x1b, 0x0d, 0x20, 0, 0x62]), // chassis: a hardware address
            element(2, b"\x05Gi0/1"),                       // port: name of an interface
            element(3, &[0, 120]),                          // seconds to live
            element(5, b"zzcanary-switch"),                 // name
            element(6, description),                        // description
            element(7, &[0xff, 0xff, high, low]),           // could do everything, does this
            element(8, &[5, 1, a, b, c, d, 2, 0, 0, 0, 1, 0]), // IPv4; interface 1; no object
            element(127, &[0x00, 0x80, 0xc2, 1, 0, 20]),    // 802.1: VLAN 20
            element(127, &[0x00, 0x12, 0xbb, 8, b'Z', b'Z', b'C']), // LLDP-MED: a serial number
            element(0, b""),
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
        let octets = message(0x0004, b"Cisco IOS Software", [192, 168, 20, 62]);
        let n = Neighbour::read(&octets).unwrap();
        assert_eq!((n.is_bridge, n.is_router, n.is_access_point, n.is_telephone), (true, false, false, false));
        assert_eq!(n.description, b"Cisco IOS Software");
        assert_eq!((n.address, n.port_vlan), (Some(IpAddr::from([192, 168, 20, 62])), Some(20)));
        let six = [&[17, 2][..], &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], &[2, 0]].concat();
        assert_eq!(address(&six), Some("fe80::1".parse().unwrap()));
    }

    #[test]
    fn what_does_not_begin_as_it_must_is_none() {
        let short = [element(1, &[4, 0]), element(3, &[0, 1])].concat();
        assert_eq!(Neighbour::read(&short).unwrap_err(), WireError::Malformed("first elements"));
        assert_eq!(Neighbour::read(&[2]).unwrap_err(), WireError::Truncated("element"));
        let no_vlan = [element(127, &[0x00, 0x80, 0xc2, 1, 0, 0]), element(127, &[0x00, 0x80, 0xc2, 1, 0x0f, 0xff])];
        assert!(no_vlan.iter().all(|e| port_vlan(&e[2..]).is_none()));
    }

    #[test]
    fn no_cut_and_no_change_of_an_octet_stops_the_reading() {
        let octets = message(0x0030, b"a telephone", [192, 168, 20, 63]);
        for end in 0..octets.len() {
            let _ = Neighbour::read(&octets[..end]);
        }
        for at in 0..octets.len() {
            for value in [0, 1, 0x7f, 0x80, 0xfe, 0xff] {
                let mut changed = octets.clone();
                changed[at] = value;
                let _ = Neighbour::read(&changed);
            }
        }
    }
}
