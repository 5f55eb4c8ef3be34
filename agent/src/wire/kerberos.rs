//! Kerberos version 5 (RFC 4120 sections 5.4, 5.9, 7.2), as far as it says that somebody was let in.
//!
//! Keeps: the kind of a message, the code of an error. Drops: realms, names of users and services, tickets, times.

use super::WireError;
use super::ber::{self, INTEGER, SEQUENCE};
use super::reader::Reader;

/// A message between a client and the key distribution centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// AS-REQ (10): somebody wants to log in.
    LoginRequest,
    /// AS-REP (11): and may.
    LoginReply,
    /// TGS-REQ (12): somebody who is logged in wants a service.
    TicketRequest,
    /// TGS-REP (13): and may.
    TicketReply,
    /// KRB-ERROR (30) with its code.
    Error(u32),
}

impl Message {
    /// The message that `octets` begin with; its end need not be there.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if it is none of these.
    pub fn read(octets: &[u8]) -> Result<Message, WireError> {
        let mut r = Reader::new(octets);
        let kind = r.u8("application tag")?;
        // The tag of an application is the message's number again (RFC 4120 section 5.10).
        let (number, request) = match kind {
            0x6A => (10, true),
            0x6B => (11, false),
            0x6C => (12, true),
            0x6D => (13, false),
            0x7E => (30, false),
            _ => return Err(WireError::Malformed("application tag")),
        };
        ber::length(&mut r, "application tag")?;
        let mut fields = ber::cut_field(&mut r, SEQUENCE, "message")?;
        // Requests number their fields from 1, answers from 0.
        let (version_tag, kind_tag) = if request { (0xA1, 0xA2) } else { (0xA0, 0xA1) };
        if small(&mut fields, version_tag, "version")? != 5 {
            return Err(WireError::Malformed("version"));
        }
        if small(&mut fields, kind_tag, "message type")? != number {
            return Err(WireError::Malformed("message type"));
        }
        Ok(match number {
            10 => Message::LoginRequest,
            11 => Message::LoginReply,
            12 => Message::TicketRequest,
            13 => Message::TicketReply,
            _ => Message::Error(error_code(fields)?),
        })
    }
}

/// The fields of an error up to its code: `[2]` to `[5]` are times, `[6]` is the code.
fn error_code(mut fields: Reader<'_>) -> Result<u32, WireError> {
    for _ in 0..5 {
        let tag = fields.rest().first().copied().ok_or(WireError::Truncated("error code"))?;
        if tag == 0xA6 {
            return small(&mut fields, 0xA6, "error code");
        }
        ber::field(&mut fields, tag, "error times")?;
    }
    Err(WireError::Malformed("error code"))
}

/// A small number behind an explicit tag.
fn small(r: &mut Reader<'_>, tag: u8, name: &'static str) -> Result<u32, WireError> {
    let mut inside = Reader::new(ber::field(r, tag, name)?);
    match ber::field(&mut inside, INTEGER, name)? {
        [a] => Ok((*a).into()),
        [a, b] => Ok(u16::from_be_bytes([*a, *b]).into()),
        _ => Err(WireError::Malformed(name)),
    }
}

/// The length before a message over TCP (RFC 4120 section 7.2.2): the highest bit is zero.
///
/// # Errors
/// `Truncated`; `Malformed` if it is longer than any message.
pub fn record(octets: &[u8]) -> Result<u32, WireError> {
    match Reader::new(octets).u32("record length")? {
        length @ 16..=MAX_MESSAGE => Ok(length),
        _ => Err(WireError::Malformed("record length")),
    }
}

/// Octets of a message: tickets of users in many groups have up to 64 KiB.
const MAX_MESSAGE: u32 = 128 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Tag, length, contents.
    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        [&[tag, 0x82][..], &u16::try_from(contents.len()).unwrap().to_be_bytes(), contents].concat()
    }

    fn int(tag: u8, value: u8) -> Vec<u8> {
        tlv(tag, &tlv(INTEGER, &[value]))
    }

    /// A message of this kind: version, kind, something that names a person.
    pub(crate) fn message(kind: u8) -> Vec<u8> {
        let request = matches!(kind, 10 | 12);
        let (version, number) = if request { (0xA1, 0xA2) } else { (0xA0, 0xA1) };
        let fields = [int(version, 5), int(number, kind), tlv(0xA3, b"\x1b\x08zzcanary")].concat();
        tlv(0x60 | kind, &tlv(SEQUENCE, &fields))
    }

    pub(crate) fn error(code: u8) -> Vec<u8> {
        let time = |tag| tlv(tag, b"\x18\x0f20261122080000Z");
        let fields =
            [int(0xA0, 5), int(0xA1, 30), time(0xA4), int(0xA5, 1), int(0xA6, code), tlv(0xA9, b"\x1b\x03ZZC")]
                .concat();
        tlv(0x7E, &tlv(SEQUENCE, &fields))
    }

    #[test]
    fn messages_are_told_by_their_number_said_twice() {
        for (kind, wanted) in [
            (10, Message::LoginRequest),
            (11, Message::LoginReply),
            (12, Message::TicketRequest),
            (13, Message::TicketReply),
        ] {
            assert_eq!(Message::read(&message(kind)), Ok(wanted));
        }
        assert_eq!(Message::read(&error(24)), Ok(Message::Error(24)));
        let mut other = message(10);
        other[0] = 0x6C; // says TGS-REQ outside and AS-REQ inside
        assert_eq!(Message::read(&other), Err(WireError::Malformed("message type")));
        let whole = error(6);
        assert!((0..whole.len() - 20).all(|end| matches!(Message::read(&whole[..end]), Err(WireError::Truncated(_)))));
        assert!(Message::read(b"\x30\x0c\x02\x01\x01").is_err());
        assert_eq!(record(&[0, 0, 1, 0]), Ok(256));
        assert!(record(b"GET ").is_err());
    }
}
