//! DHCPv4 messages (RFC 2131 section 2, RFC 2132, RFC 8910), as far as a lease and a client's kind need them.
//!
//! Keeps: the operation, the transaction, the addresses that are given, the hardware address, and of the options 1
//! (subnet mask), 3 (router), 6 (name servers), 53 (type), 54 (server), 55 (parameters), 60 (vendor class) and whether
//! 114 (captive portal) is there.
//! Drops: every other option, above all 12 (host name), 15 (domain), 61 (client identifier) and 81 (full name), the
//! `sname` and `file` fields, and options that were moved into them (52).

use super::WireError;
use super::reader::Reader;
use core::net::Ipv4Addr;

/// One message of a client or a server.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Octet 0: 1 from a client, 2 from a server.
    pub operation: u8,
    /// Octets 4-7: what joins question and answer.
    pub transaction: u32,
    /// Octets 12-15: the address that the client already uses, or 0.0.0.0.
    pub client: Ipv4Addr,
    /// Octets 16-19: the address that the server gives, or 0.0.0.0.
    pub given: Ipv4Addr,
    /// Octets 24-27: the relay that passed it on, or 0.0.0.0.
    pub relay: Ipv4Addr,
    /// Octets 28-33: the client's hardware address, where it is an Ethernet address (octets 1, 2: 1 and 6).
    pub hardware: Option<[u8; 6]>,
    /// Octet 240 and on.
    pub options: Options<'a>,
}

/// The options that are read; the first of each kind counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Option 53: the type of the message.
    pub kind: Option<Kind>,
    /// Option 1: the subnet mask.
    pub subnet_mask: Option<Ipv4Addr>,
    /// Option 3: the first router.
    pub router: Option<Ipv4Addr>,
    /// Option 6: the first name server.
    pub name_server: Option<Ipv4Addr>,
    /// Option 54: which server.
    pub server: Option<Ipv4Addr>,
    /// Option 55: what the client asks for, in its order. Empty if it is not there.
    pub parameters: &'a [u8],
    /// Option 60: the vendor class. Empty if it is not there.
    pub vendor_class: &'a [u8],
    /// Option 114 is there: the network has a captive portal. Its address is not read.
    pub captive_portal: bool,
}

/// Option 53 (RFC 2132 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: is there a server?
    Discover,
    /// 2: a server offers an address.
    Offer,
    /// 3: the client wants this address.
    Request,
    /// 4: somebody has it already.
    Decline,
    /// 5: the address is the client's.
    Ack,
    /// 6: it is not.
    Nak,
    /// 7: the client gives it back.
    Release,
    /// 8: the client has an address and wants only the options.
    Inform,
    /// Another type (RFC 6926 and later).
    Other(u8),
}

impl<'a> Message<'a> {
    /// Reads the payload of a datagram to or from port 67. A list of options that ends early, as in a capture that
    /// keeps only the beginning of a frame, gives those that are whole.
    ///
    /// # Errors
    /// `Truncated` before the end of the magic cookie, `Malformed` if the operation or the cookie is not DHCP's.
    pub fn read(payload: &'a [u8]) -> Result<Message<'a>, WireError> {
        let mut r = Reader::new(payload);
        let operation = r.u8("op")?;
        if !matches!(operation, FROM_CLIENT | FROM_SERVER) {
            return Err(WireError::Malformed("op"));
        }
        let hardware_kind = r.u8("htype")?;
        let hardware_length = r.u8("hlen")?;
        r.u8("hops")?;
        let transaction = r.u32("xid")?;
        r.take(4, "secs, flags")?;
        let client = address(&mut r, "ciaddr")?;
        let given = address(&mut r, "yiaddr")?;
        r.take(4, "siaddr")?;
        let relay = address(&mut r, "giaddr")?;
        let hardware = r.array::<6>("chaddr")?;
        r.take(CHADDR_PADDING + SNAME + FILE, "sname, file")?;
        if r.u32("cookie")? != COOKIE {
            return Err(WireError::Malformed("cookie"));
        }
        let hardware = (hardware_kind == 1 && hardware_length == 6).then_some(hardware);
        let options = Options::read(r);
        Ok(Message { operation, transaction, client, given, relay, hardware, options })
    }

    /// Whether it came from a server.
    #[must_use]
    pub const fn is_from_server(&self) -> bool {
        self.operation == FROM_SERVER
    }
}

impl<'a> Options<'a> {
    /// Work is bounded by the octets: each round takes at least one.
    fn read(mut r: Reader<'a>) -> Options<'a> {
        let mut options = Options::default();
        while let Ok(code) = r.u8("code") {
            if code == PAD {
                continue;
            }
            if code == END {
                break;
            }
            let Ok(value) = r.u8("length").and_then(|len| r.take(usize::from(len), "value")) else { break };
            options.keep(code, value);
        }
        options
    }

    fn keep(&mut self, code: u8, value: &'a [u8]) {
        match code {
            1 => self.subnet_mask = self.subnet_mask.or_else(|| first_address(value)),
            3 => self.router = self.router.or_else(|| first_address(value)),
            6 => self.name_server = self.name_server.or_else(|| first_address(value)),
            53 => self.kind = self.kind.or_else(|| value.first().map(|k| Kind::from(*k))),
            54 => self.server = self.server.or_else(|| first_address(value)),
            55 if self.parameters.is_empty() => self.parameters = value,
            60 if self.vendor_class.is_empty() => self.vendor_class = value,
            114 => self.captive_portal = true,
            _ => {}
        }
    }
}

impl From<u8> for Kind {
    fn from(octet: u8) -> Kind {
        match octet {
            1 => Kind::Discover,
            2 => Kind::Offer,
            3 => Kind::Request,
            4 => Kind::Decline,
            5 => Kind::Ack,
            6 => Kind::Nak,
            7 => Kind::Release,
            8 => Kind::Inform,
            other => Kind::Other(other),
        }
    }
}

fn address(r: &mut Reader<'_>, field: &'static str) -> Result<Ipv4Addr, WireError> {
    r.array::<4>(field).map(Ipv4Addr::from)
}

fn first_address(value: &[u8]) -> Option<Ipv4Addr> {
    value.first_chunk::<4>().map(|o| Ipv4Addr::from(*o))
}

/// Octet 0 of a question.
const FROM_CLIENT: u8 = 1;
/// Octet 0 of an answer.
const FROM_SERVER: u8 = 2;
/// `chaddr` has 16 octets, an Ethernet address 6 of them.
const CHADDR_PADDING: usize = 10;
/// The server's name.
const SNAME: usize = 64;
/// The boot file's name.
const FILE: usize = 128;
/// RFC 2131 section 3: what makes BOOTP options DHCP's.
const COOKIE: u32 = 0x6382_5363;
/// An option without length that fills up.
const PAD: u8 = 0;
/// The last option.
const END: u8 = 255;

#[cfg(test)]
pub(crate) mod testing {
    //! Messages made by hand.

    /// A message of `operation`, with this `ciaddr`, `yiaddr` and these options (without the end mark).
    pub(crate) fn message(operation: u8, client: [u8; 4], given: [u8; 4], options: &[&[u8]]) -> Vec<u8> {
        let mut m = vec![operation, 1, 6, 0]; // op, htype Ethernet, hlen, hops
        m.extend([0xd8, 0xe3, 0x0a, 0x9c]); // xid
        m.extend([0, 0, 0x80, 0]); // secs, flags: broadcast
        m.extend(client); // ciaddr
        m.extend(given); // yiaddr
        m.extend([0; 4]); // siaddr
        m.extend([0; 4]); // giaddr
        m.extend([0xf0, 0x99, 0xbf, 0x20, 0x00, 0x70]); // chaddr
        m.extend([0; 10 + 64 + 128]); // rest of chaddr, sname, file
        m.extend([0x63, 0x82, 0x53, 0x63]); // cookie
        for o in options {
            m.extend(*o);
        }
        m.push(255); // end
        m
    }

    /// An option of `code`.
    pub(crate) fn option(code: u8, value: &[u8]) -> Vec<u8> {
        let mut o = vec![code, u8::try_from(value.len()).unwrap()];
        o.extend(value);
        o
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{message, option};
    use super::*;

    fn ack() -> Vec<u8> {
        message(
            2,
            [0, 0, 0, 0],
            [192, 168, 20, 134],
            &[
                &option(53, &[5]),                               // type: ACK
                &option(54, &[192, 168, 20, 2]),                 // server
                &[0, 0],                                         // two pads
                &option(1, &[255, 255, 255, 0]),                 // subnet mask
                &option(3, &[192, 168, 20, 1, 192, 168, 20, 9]), // two routers
                &option(6, &[192, 168, 20, 2]),                  // name server
                &option(12, b"zzcanarys-iphone"),                // host name: not read
                &option(114, b"https://portal.example/"),        // captive portal
            ],
        )
    }

    #[test]
    fn an_ack_gives_the_lease() {
        let octets = ack();
        let m = Message::read(&octets).unwrap();
        assert!(m.is_from_server());
        assert_eq!(m.transaction, 0xd8e3_0a9c);
        assert_eq!(m.given, Ipv4Addr::new(192, 168, 20, 134));
        assert_eq!(m.hardware, Some([0xf0, 0x99, 0xbf, 0x20, 0x00, 0x70]));
        assert_eq!(m.options.kind, Some(Kind::Ack));
        assert_eq!(m.options.subnet_mask, Some(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(m.options.router, Some(Ipv4Addr::new(192, 168, 20, 1)));
        assert_eq!(m.options.name_server, Some(Ipv4Addr::new(192, 168, 20, 2)));
        assert!(m.options.captive_portal);
    }

    #[test]
    fn a_clients_question_gives_its_class_and_the_order_of_its_parameters() {
        let octets = message(
            1,
            [0; 4],
            [0; 4],
            &[&option(53, &[1]), &option(60, b"udhcp 1.19.4"), &option(55, &[1, 3, 6, 12, 15, 28, 42])],
        );
        let m = Message::read(&octets).unwrap();
        assert!(!m.is_from_server());
        assert_eq!(m.options.vendor_class, b"udhcp 1.19.4");
        assert_eq!(m.options.parameters, [1, 3, 6, 12, 15, 28, 42]);
    }

    #[test]
    fn what_is_not_dhcp_is_refused_with_the_field() {
        assert_eq!(Message::read(&[3]).unwrap_err(), WireError::Malformed("op"));
        assert_eq!(Message::read(&ack()[..200]).unwrap_err(), WireError::Truncated("sname, file"));
        let mut other = ack();
        other[236] = 0; // cookie
        assert_eq!(Message::read(&other).unwrap_err(), WireError::Malformed("cookie"));
    }

    #[test]
    fn options_that_end_early_give_what_is_whole() {
        let octets = ack();
        let m = Message::read(&octets[..247]).unwrap(); // 53 is whole, 54 is not
        assert_eq!(m.options.kind, Some(Kind::Ack));
        assert_eq!(m.options.server, None);
    }

    #[test]
    fn any_octets_at_all_are_read_without_a_panic() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut octets = ack();
            for _ in 0..4 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % octets.len();
                octets[at] = (seed >> 32) as u8;
                octets.truncate(octets.len() - (seed >> 40) as usize % 3);
            }
            let _ = Message::read(&octets);
        }
    }
}
