//! Tunnels that hide nothing: a packet or frame in another one.
//!
//! IP in IP (RFC 2003, RFC 4213, RFC 2473), GRE (RFC 2784, RFC 2890), ERSPAN I to III (draft-foschiano-erspan), VXLAN (RFC 7348), Geneve
//! (RFC 8926), TZSP (as MikroTik and Aruba send it): links between sites, and what a switch or router mirrors to somebody far away.
//! Keeps: what is inside. Drops: keys, sequence numbers, options; how deep it goes is the caller's bound. GRE version 1 (PPTP) is not
//! looked into: what it carries is compressed or encrypted.

use super::WireError;
use super::reader::Reader;

/// What is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner<'a> {
    /// A frame of Ethernet.
    Ethernet(&'a [u8]),
    /// A frame of the air (IEEE 802.11).
    Ieee80211(&'a [u8]),
    /// What an EtherType announces.
    Typed(u16, &'a [u8]),
}

/// What IP carries by a protocol number. `None`: it is no tunnel that can be read.
///
/// # Errors
/// `Truncated` or `Malformed` with the field.
pub fn in_ip(protocol: u8, octets: &[u8]) -> Result<Option<Inner<'_>>, WireError> {
    match protocol {
        4 => Ok(Some(Inner::Typed(IPV4, octets))),
        41 => Ok(Some(Inner::Typed(IPV6, octets))),
        47 => gre(octets),
        _ => Ok(None),
    }
}

/// What a datagram carries, if it goes to the port of a tunnel and looks like one: anybody may use such a port for something else.
#[must_use]
pub fn in_datagram(destination_port: u16, payload: &[u8]) -> Option<Inner<'_>> {
    let rest = Reader::new(payload);
    let inner = match destination_port {
        VXLAN | VXLAN_BEFORE => vxlan(rest),
        GENEVE => geneve(rest),
        TZSP => tzsp(rest),
        _ => return None,
    };
    inner.ok().flatten()
}

/// GRE: flags and version (2 octets), EtherType (2), and as the flags say checksum (4), key (4), sequence number (4).
fn gre(octets: &[u8]) -> Result<Option<Inner<'_>>, WireError> {
    let mut rest = Reader::new(octets);
    let flags = rest.u16("GRE flags")?;
    let ether_type = rest.u16("GRE protocol")?;
    // Version 1, or routing that RFC 2784 took away again.
    if flags & 0x4007 != 0 {
        return Ok(None);
    }
    for flag in [0x8000, 0x2000, 0x1000] {
        if flags & flag != 0 {
            rest.take(4, "GRE field")?;
        }
    }
    match ether_type {
        TRANSPARENT_ETHERNET => Ok(Some(Inner::Ethernet(rest.rest()))),
        // The first version has no sequence number, and no header of its own.
        ERSPAN if flags & 0x1000 == 0 => Ok(Some(Inner::Ethernet(rest.rest()))),
        ERSPAN => erspan_2(rest),
        ERSPAN_3 => erspan_3(rest),
        0x0600.. => Ok(Some(Inner::Typed(ether_type, rest.rest()))),
        _ => Ok(None),
    }
}

/// ERSPAN II: version (4 bits) and VLAN, class and session, index: 8 octets.
fn erspan_2(mut rest: Reader<'_>) -> Result<Option<Inner<'_>>, WireError> {
    let [first, ..] = rest.array::<8>("ERSPAN header")?;
    Ok((first >> 4 == 1).then_some(Inner::Ethernet(rest.rest())))
}

/// ERSPAN III: version (4 bits) and VLAN, class and session, time, group, and at the end the kind of frame (bits 14 to 10 of the last
/// 16) and whether 8 more octets follow (bit 0): 12 octets.
fn erspan_3(mut rest: Reader<'_>) -> Result<Option<Inner<'_>>, WireError> {
    let [first, .., high, low] = rest.array::<12>("ERSPAN header")?;
    if low & 1 == 1 {
        rest.take(8, "ERSPAN subheader")?;
    }
    let is_ethernet = first >> 4 == 2 && high & 0x7c == 0;
    Ok(is_ethernet.then_some(Inner::Ethernet(rest.rest())))
}

/// VXLAN: flags (1 octet: a network number is there; and 0x80 where a policy's group is), reserved or group (3), network number (3),
/// reserved (1).
fn vxlan(mut rest: Reader<'_>) -> Result<Option<Inner<'_>>, WireError> {
    let [flags, one, high, low, .., last] = rest.array::<8>("VXLAN header")?;
    let is_plain = flags == 0x08 && [one, high, low] == [0; 3] || flags == 0x88;
    Ok((is_plain && last == 0).then_some(Inner::Ethernet(rest.rest())))
}

/// Geneve: version (2 bits) and length of options in words (6), flags (1 octet), EtherType (2), network number (3), reserved (1).
fn geneve(mut rest: Reader<'_>) -> Result<Option<Inner<'_>>, WireError> {
    let [first, flags, high, low, .., last] = rest.array::<8>("Geneve header")?;
    if first >> 6 != 0 || flags & 0x3f != 0 || last != 0 {
        return Ok(None);
    }
    rest.take(usize::from(first & 0x3f).saturating_mul(4), "Geneve options")?;
    Ok(match u16::from_be_bytes([high, low]) {
        TRANSPARENT_ETHERNET => Some(Inner::Ethernet(rest.rest())),
        ether_type @ (IPV4 | IPV6) => Some(Inner::Typed(ether_type, rest.rest())),
        _ => None,
    })
}

/// TZSP: version (1 octet: 1), kind (1: 0 received, 1 to be sent), kind of frame (2: 1 Ethernet, 18 of the air); then tags of number
/// (1), length (1) and value; 0 is padding and 1 the end, both alone.
fn tzsp(mut rest: Reader<'_>) -> Result<Option<Inner<'_>>, WireError> {
    let [version, kind, high, low] = rest.array::<4>("TZSP header")?;
    if version != 1 || kind > 1 {
        return Ok(None);
    }
    for _ in 0..MAX_TAGS {
        match rest.u8("TZSP tag")? {
            0 => {}
            1 => {
                return Ok(match [high, low] {
                    [0, 1] => Some(Inner::Ethernet(rest.rest())),
                    [0, 18] => Some(Inner::Ieee80211(rest.rest())),
                    _ => None,
                });
            }
            _ => {
                let length = rest.u8("TZSP tag's length")?;
                rest.take(usize::from(length), "TZSP tag")?;
            }
        }
    }
    Ok(None)
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// An Ethernet frame (RFC 7637, RFC 8926).
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
/// Ports (IANA), and the one of VXLAN before it had one, which Linux still takes by itself.
const VXLAN: u16 = 4789;
const VXLAN_BEFORE: u16 = 8472;
const GENEVE: u16 = 6081;
/// Not with IANA: the one that TaZmen and MikroTik chose.
const TZSP: u16 = 37_008;
/// Tags of one TZSP header: ten are named.
const MAX_TAGS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 3] = [0xaa, 0xbb, 0xcc];

    #[test]
    fn ip_in_ip_is_what_its_protocol_says() {
        assert_eq!(in_ip(4, &FRAME), Ok(Some(Inner::Typed(0x0800, &FRAME))));
        assert_eq!(in_ip(41, &FRAME), Ok(Some(Inner::Typed(0x86dd, &FRAME))));
        assert_eq!(in_ip(50, &FRAME), Ok(None), "ESP hides what it carries");
    }

    #[test]
    fn gre_is_passed_with_the_fields_that_its_flags_announce() {
        let all = [
            &[0xb0, 0, 0x08, 0][..], // checksum, key, sequence number; IPv4
            &[1, 1, 0, 0],           // checksum and reserved
            &[2, 2, 2, 2],           // key
            &[3, 3, 3, 3],           // sequence number
            &FRAME,
        ]
        .concat();
        assert_eq!(in_ip(47, &all), Ok(Some(Inner::Typed(0x0800, &FRAME))));
        assert_eq!(in_ip(47, &[0, 0, 0x65, 0x58, 0xaa]), Ok(Some(Inner::Ethernet(&[0xaa]))));
        assert_eq!(in_ip(47, &[0x20, 1, 0x88, 0x0b, 0, 0, 0, 0]), Ok(None), "PPTP");
        assert_eq!(in_ip(47, &all[..11]), Err(WireError::Truncated("GRE field")));
        assert_eq!(in_ip(47, &[0, 0, 0]), Err(WireError::Truncated("GRE protocol")));
    }

    #[test]
    fn a_mirrored_frame_is_found_in_each_version_of_erspan() {
        let first = [&[0, 0, 0x88, 0xbe][..], &FRAME].concat();
        let second = [
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 9][..], // a sequence number
            &[0x10, 20, 0, 1, 0, 0, 0, 0],          // version 1, VLAN, session, index
            &FRAME,
        ]
        .concat();
        let third = |last: u8, more: &[u8]| {
            [
                &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 9][..],
                &[0x20, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, last], // version 2, VLAN, session, time, group; kind of frame
                more,
                &FRAME,
            ]
            .concat()
        };
        for mirrored in [first, second.clone(), third(0, &[]), third(1, &[0; 8])] {
            assert_eq!(in_ip(47, &mirrored), Ok(Some(Inner::Ethernet(&FRAME))));
        }
        let mut later = second;
        later[8] = 0x70; // a version of tomorrow
        assert_eq!(in_ip(47, &later), Ok(None));
    }

    #[test]
    fn tunnels_over_udp_are_known_by_port_and_header() {
        let vxlan = [&[0x08, 0, 0, 0, 0, 0, 42, 0][..], &FRAME].concat(); // flags; network number 42
        assert_eq!(in_datagram(4789, &vxlan), Some(Inner::Ethernet(&FRAME)));
        assert_eq!(in_datagram(8472, &vxlan), Some(Inner::Ethernet(&FRAME)));
        assert_eq!(in_datagram(53, &vxlan), None);
        let geneve = [
            &[0x01, 0, 0x65, 0x58, 0, 0, 42, 0][..], // one word of options; Ethernet; network number 42
            &[0, 1, 0x80, 0],                        // the option
            &FRAME,
        ]
        .concat();
        assert_eq!(in_datagram(6081, &geneve), Some(Inner::Ethernet(&FRAME)));
        let tzsp = |kind: u8| {
            [
                &[1, 0, 0, kind][..], // version, received, kind of frame
                &[10, 1, 200],        // how strong it was
                &[0],                 // padding
                &[1],                 // the end of tags
                &FRAME,
            ]
            .concat()
        };
        assert_eq!(in_datagram(37_008, &tzsp(1)), Some(Inner::Ethernet(&FRAME)));
        assert_eq!(in_datagram(37_008, &tzsp(18)), Some(Inner::Ieee80211(&FRAME)));
        assert_eq!(in_datagram(37_008, &tzsp(119)), None);
        assert_eq!(in_datagram(37_008, &[[1, 0, 0, 1].as_slice(), &[0; 40]].concat()), None, "tags without end");
    }

    #[test]
    fn somebody_elses_datagram_at_such_a_port_is_no_tunnel() {
        for port in [4789, 8472, 6081, 37_008] {
            // An answer of a name server to a client that happens to ask from there.
            assert_eq!(in_datagram(port, &[0x5c, 0x1e, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 3, b'w', b'w', b'w']), None);
            assert_eq!(in_datagram(port, &[]), None);
        }
    }
}
