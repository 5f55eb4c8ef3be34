//! Router advertisements (RFC 4861 sections 4.2, 4.6.2, 6.1.2): which networks are on this link.
//!
//! Keeps: whether the sender is a way out, and the prefixes that it announces. Drops: its hardware address, name servers,
//! and every other message of ICMP.

use super::WireError;
use super::reader::Reader;
use core::net::Ipv6Addr;

/// A router says what it offers.
#[derive(Clone, Copy, Debug)]
pub struct Advertisement<'a> {
    /// Octets 6-7 are not 0: it is a way out.
    pub is_router: bool,
    options: &'a [u8],
}

/// A network that is on this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its address.
    pub prefix: Ipv6Addr,
    /// Leading bits that count.
    pub bits: u8,
}

impl<'a> Advertisement<'a> {
    /// Reads a message of ICMPv6. `hop_limit` is that of its packet: a router in between would have taken one away
    /// (section 6.1.2), so what comes with another is not from this link.
    ///
    /// # Errors
    /// `Malformed` if it is another message or not from this link, `Truncated` if it ends in its fixed part.
    pub fn read(message: &'a [u8], hop_limit: u8) -> Result<Advertisement<'a>, WireError> {
        let mut r = Reader::new(message);
        if r.u16("type and code")? != ROUTER_ADVERTISEMENT {
            return Err(WireError::Malformed("type and code"));
        }
        if hop_limit != u8::MAX {
            return Err(WireError::Malformed("hop limit"));
        }
        r.take(4, "checksum, hop limit, flags")?;
        let lifetime = r.u16("lifetime")?;
        r.take(8, "times")?;
        Ok(Advertisement { is_router: lifetime > 0, options: r.rest() })
    }

    /// The networks on this link that are valid from now on; at most [`MAX_OPTIONS`] options are looked at.
    pub fn announced(&self) -> impl Iterator<Item = Announced> {
        let mut r = Reader::new(self.options);
        core::iter::from_fn(move || {
            let kind = r.u8("option").ok()?;
            // In units of eight octets, with these two.
            let octets = usize::from(r.u8("length").ok()?).checked_mul(8)?.checked_sub(2)?;
            Some((kind, r.take(octets, "option").ok()?))
        })
        .take(MAX_OPTIONS)
        .filter_map(|(kind, value)| (kind == PREFIX_INFORMATION).then(|| prefix(value)).flatten())
    }
}

/// Length, flags, how long it is valid (4 octets), preferred (4), reserved (4), address (16).
fn prefix(value: &[u8]) -> Option<Announced> {
    let mut r = Reader::new(value);
    let (bits, flags) = (r.u8("prefix length").ok()?, r.u8("flags").ok()?);
    let valid = r.u32("valid lifetime").ok()?;
    r.take(8, "preferred lifetime").ok()?;
    let prefix = Ipv6Addr::from(r.array::<16>("prefix").ok()?);
    // On this link (0x80), or for addresses that hosts make themselves (0x40).
    let is_here = flags & 0xc0 != 0 && valid > 0 && bits <= 128;
    is_here.then_some(Announced { prefix, bits })
}

/// Options of one advertisement that are looked at: real ones have about six.
pub const MAX_OPTIONS: usize = 32;

/// Type 134, code 0.
const ROUTER_ADVERTISEMENT: u16 = 134 << 8;
const PREFIX_INFORMATION: u8 = 3;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// An advertisement of one prefix.
    pub(crate) fn advertisement(prefix: [u16; 4], flags: u8, valid: u8) -> Vec<u8> {
        let mut o = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08]; // type, code, checksum, hop limit, flags, lifetime 1800
        o.extend([0; 8]); // reachable time, retransmission
        o.extend([1, 1, 0, 0x1e, 0, 0, 0, 1]); // source's hardware address
        o.extend([3, 4, 64, flags]); // prefix information of 32 octets, 64 bits
        o.extend([0, 0, valid, 0, 0, 0, valid, 0, 0, 0, 0, 0]); // valid, preferred, reserved
        o.extend(prefix.iter().flat_map(|g| g.to_be_bytes()));
        o.extend([0; 8]);
        o
    }
}

#[cfg(test)]
mod tests {
    use super::testing::advertisement;
    use super::*;

    const PREFIX: [u16; 4] = [0x2001, 0xdb8, 0x20, 0];

    #[test]
    fn the_networks_of_this_link_are_announced() {
        let octets = advertisement(PREFIX, 0xc0, 14);
        let a = Advertisement::read(&octets, 255).unwrap();
        assert!(a.is_router);
        let wanted = Announced { prefix: "2001:db8:20::".parse().unwrap(), bits: 64 };
        assert_eq!(a.announced().collect::<Vec<_>>(), [wanted]);
    }

    #[test]
    fn what_is_elsewhere_or_over_is_not() {
        for (flags, valid) in [(0, 14), (0xc0, 0)] {
            let octets = advertisement(PREFIX, flags, valid);
            assert_eq!(Advertisement::read(&octets, 255).unwrap().announced().count(), 0);
        }
        let octets = advertisement(PREFIX, 0xc0, 14);
        assert_eq!(Advertisement::read(&octets, 64).unwrap_err(), WireError::Malformed("hop limit"));
        assert_eq!(Advertisement::read(&[133, 0], 255).unwrap_err(), WireError::Malformed("type and code"));
    }

    #[test]
    fn no_cut_and_no_change_of_an_octet_stops_the_reading() {
        let octets = advertisement(PREFIX, 0xc0, 14);
        for end in 0..octets.len() {
            let _ = Advertisement::read(&octets[..end], 255).map(|a| a.announced().count());
        }
        for at in 0..octets.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[at] = value;
                let _ = Advertisement::read(&changed, 255).map(|a| a.announced().count());
            }
        }
    }
}
