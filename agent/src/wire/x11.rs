//! The connection setup of the X Window System (X Window System Protocol, version 11, release 6.8, section 8 and appendix B).
//!
//! Keeps: the byte order, whether the client gave authorisation data, whether the server let it in. Drops: names and data of
//! authorisation, the vendor, screens, and everything behind: that is what is on the screen and what is typed.

use super::WireError;
use super::reader::Reader;

/// The byte order of a connection, which the client chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `B`, 0x42: most significant octet first.
    Most,
    /// `l`, 0x6C: least significant octet first.
    Least,
}

impl Order {
    fn u16(self, r: &mut Reader<'_>, field: &'static str) -> Result<u16, WireError> {
        match self {
            Order::Most => r.u16(field),
            Order::Least => r.u16_le(field),
        }
    }
}

/// What the client sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// How every number of the connection is written.
    pub order: Order,
    /// Whether it gave authorisation data: a cookie, a ticket.
    pub has_data: bool,
}

impl Request {
    /// Octet 0: byte order. 1: unused. 2-3: major version, 11. 4-5: minor version, 0. 6-7: length of the name of an
    /// authorisation protocol. 8-9: length of its data. 10-11: unused. Then the name and the data, each padded to four octets.
    ///
    /// # Errors
    /// `Truncated` while it may become one, `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Request, WireError> {
        let mut r = Reader::new(octets);
        let order = match r.u8("byte order")? {
            b'B' => Order::Most,
            b'l' => Order::Least,
            _ => return Err(WireError::Malformed("byte order")),
        };
        r.u8("unused")?;
        versions(order, &mut r)?;
        let name = usize::from(order.u16(&mut r, "length of authorisation name")?);
        let data = usize::from(order.u16(&mut r, "length of authorisation data")?);
        if name > MAX_NAME || data > MAX_DATA || (name == 0 && data > 0) {
            return Err(WireError::Malformed("length of authorisation"));
        }
        r.take(2, "unused")?;
        let padded = r.take(name.next_multiple_of(4), "authorisation name")?;
        if !padded.iter().take(name).all(u8::is_ascii_graphic) {
            return Err(WireError::Malformed("authorisation name"));
        }
        r.take(data.next_multiple_of(4), "authorisation data")?;
        Ok(Request { order, has_data: data > 0 })
    }
}

/// What the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It lets the client in.
    Success,
    /// It does not, and says why: a text for people.
    Failed(&'a [u8]),
    /// It asks for more: no server of today does, and the protocol behind it is not X's.
    Authenticate,
}

impl<'a> Answer<'a> {
    /// Octet 0: 0 failed, 1 success, 2 authenticate. Of the first two: 1: length of the reason, or unused; 2-3 and 4-5: versions;
    /// 6-7: length of what follows, in units of four octets. Of a success the lengths inside are compared with it.
    ///
    /// # Errors
    /// `Truncated` while it may become one, `Malformed` if it is none.
    pub fn read(octets: &'a [u8], order: Order) -> Result<Answer<'a>, WireError> {
        let mut r = Reader::new(octets);
        let kind = r.u8("answer")?;
        let reason = usize::from(r.u8("length of reason")?);
        match kind {
            0 => {
                versions(order, &mut r)?;
                let length = units(order, &mut r)?;
                if reason.next_multiple_of(4) != length {
                    return Err(WireError::Malformed("length of reason"));
                }
                let text = r.take(length, "reason")?;
                Ok(Answer::Failed(text.get(..reason).unwrap_or(text)))
            }
            1 => {
                versions(order, &mut r)?;
                let length = units(order, &mut r)?;
                success(order, length, &mut r).map(|()| Answer::Success)
            }
            2 => {
                r.take(4, "unused")?;
                let length = units(order, &mut r)?;
                if length == 0 || length > MAX_DATA {
                    return Err(WireError::Malformed("length of reason"));
                }
                Ok(Answer::Authenticate)
            }
            _ => Err(WireError::Malformed("answer")),
        }
    }
}

/// The fixed part of a success: 8-23: release, identifiers, motion buffer (four numbers of four octets). 24-25: length of the
/// vendor's name. 26-27: longest request. 28: screens. 29: formats. 30, 31: order of octets and of bits in images. 32, 33: unit and
/// padding of a line. 34, 35: lowest and highest key. 36-39: unused. Then the vendor, formats of 8 octets, screens of at least 40.
fn success(order: Order, length: usize, r: &mut Reader<'_>) -> Result<(), WireError> {
    r.take(16, "identifiers")?;
    let vendor = usize::from(order.u16(r, "length of vendor")?);
    order.u16(r, "longest request")?;
    let [screens, formats] = r.array("screens and formats")?;
    let [octets, bits, unit, pad, lowest, highest] = r.array("images and keys")?;
    r.take(4, "unused")?;
    let screens = usize::from(screens).saturating_mul(SCREEN);
    let formats = usize::from(formats).saturating_mul(FORMAT);
    let least = FIXED.saturating_add(vendor.next_multiple_of(4)).saturating_add(formats).saturating_add(screens);
    if screens == 0 || formats == 0 || length < least {
        return Err(WireError::Malformed("length of setup"));
    }
    let is_width = |n: u8| matches!(n, 8 | 16 | 32);
    if octets > 1 || bits > 1 || !is_width(unit) || !is_width(pad) || lowest < 8 || highest < lowest {
        return Err(WireError::Malformed("images and keys"));
    }
    Ok(())
}

/// Major and minor version: 11.0 in every connection there is.
fn versions(order: Order, r: &mut Reader<'_>) -> Result<(), WireError> {
    if order.u16(r, "major version")? != 11 {
        return Err(WireError::Malformed("major version"));
    }
    if order.u16(r, "minor version")? != 0 {
        return Err(WireError::Malformed("minor version"));
    }
    Ok(())
}

/// A length in units of four octets.
fn units(order: Order, r: &mut Reader<'_>) -> Result<usize, WireError> {
    Ok(usize::from(order.u16(r, "length")?).saturating_mul(4))
}

/// Octets of the name of an authorisation protocol: the longest in use has 19.
const MAX_NAME: usize = 64;

/// Octets of authorisation data: a ticket of Kerberos with a list of groups stays below.
const MAX_DATA: usize = 3000;

/// Octets of a success behind its length and before the vendor.
const FIXED: usize = 32;
/// Octets of a format of pixels.
const FORMAT: usize = 8;
/// Octets of a screen without its depths.
const SCREEN: usize = 40;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request, least significant octet first.
    pub(crate) fn request(name: &[u8], data: &[u8]) -> Vec<u8> {
        let numbers: Vec<u8> =
            [11, 0, name.len(), data.len(), 0].iter().flat_map(|n| u16::try_from(*n).unwrap().to_le_bytes()).collect();
        [&b"l\0"[..], &numbers, &padded(name), &padded(data)].concat()
    }

    /// A success: one screen, one format, the vendor ZZCANARY.
    pub(crate) fn let_in() -> Vec<u8> {
        let mut setup = vec![1, 0, 11, 0, 0, 0, 22, 0]; // success; 11.0; 22 units follow
        setup.extend([0; 16]); // release, identifiers, motion buffer
        setup.extend([8, 0, 0xFF, 0xFF, 1, 1]); // vendor of 8, longest request, one screen, one format
        setup.extend([0, 0, 32, 32, 8, 255, 0, 0, 0, 0]); // least first; lines of 32; keys 8 to 255
        setup.extend(b"ZZCANARY");
        setup.extend([24, 32, 32, 0, 0, 0, 0, 0]); // depth 24
        setup.extend([0; 40]);
        setup
    }

    /// A failure with this reason.
    pub(crate) fn failed(reason: &[u8]) -> Vec<u8> {
        let text = padded(reason);
        let head = [0, u8::try_from(reason.len()).unwrap(), 11, 0, 0, 0, u8::try_from(text.len() / 4).unwrap(), 0];
        [&head[..], &text].concat()
    }

    fn padded(octets: &[u8]) -> Vec<u8> {
        let mut padded = octets.to_vec();
        padded.resize(octets.len().next_multiple_of(4), 0);
        padded
    }

    #[test]
    fn a_request_tells_its_order_and_whether_it_has_a_cookie() {
        assert_eq!(Request::read(&request(b"", b"")), Ok(Request { order: Order::Least, has_data: false }));
        let with = request(b"MIT-MAGIC-COOKIE-1", b"ZZCANARYZZCANARY");
        assert_eq!(Request::read(&with), Ok(Request { order: Order::Least, has_data: true }));
        for short in 0..with.len() {
            assert!(matches!(Request::read(&with[..short]), Err(WireError::Truncated(_))), "{short}");
        }
        let most = b"B\0\0\x0b\0\0\0\0\0\0\0\0"; // B, unused, 11, 0, no name, no data, unused
        assert_eq!(Request::read(most), Ok(Request { order: Order::Most, has_data: false }));
    }

    #[test]
    fn other_octets_are_no_request() {
        for bad in [
            &b"list\n"[..],
            b"B\0\x0b\0\0\0\0\0\0\0\0\0",                   // the version in the other order
            b"l\0\x0b\0\x01\0\0\0\0\0\0\0",                 // version 11.1
            b"l\0\x0b\0\0\0\0\0\x04\0\0\0",                 // data without a name
            b"l\0\x0b\0\0\0\xff\xff\0\0\0\0",               // a name of 65,535 octets
            b"l\0\x0b\0\0\0\x04\0\0\0\0\0\x01\x02\x03\x04", // a name that is no text
        ] {
            assert!(matches!(Request::read(bad), Err(WireError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_lets_in_or_says_why_not() {
        let setup = let_in();
        assert_eq!(Answer::read(&setup, Order::Least), Ok(Answer::Success));
        for short in 0..40 {
            assert!(matches!(Answer::read(&setup[..short], Order::Least), Err(WireError::Truncated(_))), "{short}");
        }
        assert_eq!(Answer::read(&failed(b"No protocol"), Order::Least), Ok(Answer::Failed(b"No protocol")));
        let authenticate = [2, 0, 0, 0, 0, 0, 1, 0, b'w', b'h', b'y', 0];
        assert_eq!(Answer::read(&authenticate, Order::Least), Ok(Answer::Authenticate));
        assert!(matches!(Answer::read(&setup, Order::Most), Err(WireError::Malformed(_))));
    }

    #[test]
    fn a_success_whose_lengths_contradict_each_other_is_none() {
        for (at, value) in
            [(0, 3), (2, 10), (6, 21), (24, 200), (28, 0), (28, 9), (29, 0), (30, 2), (32, 7), (34, 7), (35, 5)]
        {
            let mut setup = let_in();
            setup[at] = value;
            assert!(matches!(Answer::read(&setup, Order::Least), Err(WireError::Malformed(_))), "octet {at}");
        }
        let mut failure = failed(b"No protocol");
        failure[1] = 30;
        assert!(matches!(Answer::read(&failure, Order::Least), Err(WireError::Malformed(_))));
    }
}
