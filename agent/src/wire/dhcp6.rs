//! DHCP for IPv6 (RFC 8415 sections 8, 21): who serves, what kind a client is, which network a router was given for its
//! hosts.
//!
//! Keeps: the kind of a message, the vendor class as borrowed octets to be compared, delegated prefixes. Drops: the
//! identifiers of clients and servers, names, single addresses, and what relays pass on.

use super::WireError;
use super::ndp::Announced;
use super::reader::Reader;
use core::net::Ipv6Addr;

/// One message between a client and a server.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Octet 0.
    pub kind: Kind,
    options: &'a [u8],
}

/// Kinds of messages (section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1, 3 to 6, 8, 9, 11: a client asks, confirms or gives back.
    Client,
    /// 2, 10: a server offers, or calls.
    Offer,
    /// 7: a server answers: what it says holds from now on.
    Reply,
}

impl<'a> Message<'a> {
    /// Reads the payload of a datagram.
    ///
    /// # Errors
    /// `Malformed` if it is no message between client and server, `Truncated` if it ends in its fixed part.
    pub fn read(payload: &'a [u8]) -> Result<Message<'a>, WireError> {
        let mut r = Reader::new(payload);
        let kind = match r.u8("msg-type")? {
            1 | 3..=6 | 8 | 9 | 11 => Kind::Client,
            2 | 10 => Kind::Offer,
            7 => Kind::Reply,
            _ => return Err(WireError::Malformed("msg-type")),
        };
        r.take(3, "transaction-id")?;
        let options = r.rest();
        // A message has options: identifiers at least.
        let (code, _) = option(&mut r)?;
        if code == 0 || code > MAX_CODE {
            return Err(WireError::Malformed("option code"));
        }
        Ok(Message { kind, options })
    }

    /// Option 16: the first class of a client's vendor, behind the vendor's number (4 octets) and a length (2).
    #[must_use]
    pub fn vendor_class(&self) -> &'a [u8] {
        let value = options(self.options).find(|(code, _)| *code == VENDOR_CLASS).map_or(&[][..], |(_, v)| v);
        let mut r = Reader::new(value);
        let class = r.take(4, "enterprise-number").and_then(|_| r.u16("length"));
        class.and_then(|len| r.take(usize::from(len), "class")).unwrap_or_default()
    }

    /// The networks that a router was given for its hosts: option 26 inside option 25 (section 21.22).
    pub fn delegated(&self) -> impl Iterator<Item = Announced> {
        options(self.options)
            .filter(|(code, _)| *code == DELEGATION)
            // IAID, T1, T2, then options.
            .flat_map(|(_, value)| options(value.get(12..).unwrap_or_default()))
            .filter_map(|(code, value)| (code == PREFIX).then(|| prefix(value)).flatten())
            .take(MAX_OPTIONS)
    }
}

/// Preferred, valid lifetime (4 octets each), length, address (16).
fn prefix(value: &[u8]) -> Option<Announced> {
    let mut r = Reader::new(value);
    r.u32("preferred lifetime").ok()?;
    let valid = r.u32("valid lifetime").ok()?;
    let bits = r.u8("prefix length").ok()?;
    let prefix = Ipv6Addr::from(r.array::<16>("prefix").ok()?);
    (valid > 0 && bits <= 128).then_some(Announced { prefix, bits })
}

/// Code and length (2 octets each), value; until one is not whole, at most [`MAX_OPTIONS`].
fn options(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut r = Reader::new(octets);
    core::iter::from_fn(move || option(&mut r).ok()).take(MAX_OPTIONS)
}

fn option<'a>(r: &mut Reader<'a>) -> Result<(u16, &'a [u8]), WireError> {
    let (code, length) = (r.u16("option code")?, r.u16("option length")?);
    Ok((code, r.take(usize::from(length), "option")?))
}

/// Options of one message, or inside one option, that are looked at: real ones have about ten.
pub const MAX_OPTIONS: usize = 32;

/// The numbers in use (IANA, 2026) end below this.
const MAX_CODE: u16 = 255;
const VENDOR_CLASS: u16 = 16;
const DELEGATION: u16 = 25;
const PREFIX: u16 = 26;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    pub(crate) fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        [&code.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
    }

    pub(crate) fn message(kind: u8, options: &[Vec<u8>]) -> Vec<u8> {
        let duid = option(1, &[0, 3, 0, 1, 0, 0x1e, 0, 0, 0, 1]);
        [&[kind, 1, 2, 3][..], &duid, &options.concat()].concat()
    }

    /// A prefix of 56 bits is delegated.
    pub(crate) fn delegation(valid: u8) -> Vec<u8> {
        let mut prefix = vec![0, 0, 14, 0, 0, 0, valid, 0, 56]; // preferred, valid, length
        prefix.extend([0x20, 0x01, 0x0d, 0xb8, 0x00, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        option(25, &[&[0; 12][..], &option(26, &prefix)].concat())
    }

    pub(crate) fn vendor_class(class: &[u8]) -> Vec<u8> {
        let length = u16::try_from(class.len()).unwrap();
        option(16, &[&[0, 0, 1, 0x37][..], &length.to_be_bytes(), class].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{delegation, message, vendor_class};
    use super::*;

    #[test]
    fn a_reply_tells_what_was_delegated() {
        let octets = message(7, &[delegation(14)]);
        let m = Message::read(&octets).unwrap();
        assert_eq!(m.kind, Kind::Reply);
        let wanted = Announced { prefix: "2001:db8:77::".parse().unwrap(), bits: 56 };
        assert_eq!(m.delegated().collect::<Vec<_>>(), [wanted]);
        let over = message(7, &[delegation(0)]);
        assert_eq!(Message::read(&over).unwrap().delegated().count(), 0);
    }

    #[test]
    fn a_client_tells_its_class() {
        let octets = message(1, &[vendor_class(b"MSFT 5.0")]);
        let m = Message::read(&octets).unwrap();
        assert_eq!((m.kind, m.vendor_class()), (Kind::Client, &b"MSFT 5.0"[..]));
        assert_eq!(Message::read(&message(11, &[])).unwrap().vendor_class(), b"");
    }

    #[test]
    fn relays_and_strange_octets_are_refused_and_any_octets_are_read() {
        assert_eq!(Message::read(&[12, 0, 0, 0]).unwrap_err(), WireError::Malformed("msg-type"));
        assert_eq!(Message::read(&[1, 0, 0, 0, 0, 0, 0, 0]).unwrap_err(), WireError::Malformed("option code"));
        assert_eq!(Message::read(&[1, 0, 0, 0, 0]).unwrap_err(), WireError::Truncated("option code"));
        let octets = message(7, &[delegation(14), vendor_class(b"x")]);
        for at in 0..octets.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = octets.clone();
                changed[at] = value;
                for octets in [&changed[..], &changed[..at]] {
                    let _ = Message::read(octets).map(|m| (m.delegated().count(), m.vendor_class().len()));
                }
            }
        }
    }
}
