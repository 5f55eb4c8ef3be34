//! MQTT control packets (OASIS MQTT 3.1.1 sections 2.2, 3.1, 3.2, 3.3; MQTT 5.0; the protocol name of 3.1), as far as
//! CONNECT, CONNACK and PUBLISH.
//!
//! Keeps: kind and length of a packet, the flags of CONNECT, the result of CONNACK, the topic of a PUBLISH as borrowed
//! octets to be compared. Drops: client identifiers, wills, users, passwords, every other topic and message.

use super::WireError;
use super::reader::Reader;

/// The fixed header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// High four bits of octet 0: 1 CONNECT, 2 CONNACK, 3 PUBLISH.
    pub kind: u8,
    /// Low four bits of octet 0.
    pub flags: u8,
    /// Octets of the header itself: 2 to 5.
    pub len: usize,
    /// Octets that follow it.
    pub remaining: usize,
}

impl Header {
    /// Reads the first 2 to 5 octets.
    ///
    /// # Errors
    /// `Truncated` if the length is not whole, `Malformed` if it has more than four octets, or if the kind is reserved.
    pub fn read(octets: &[u8]) -> Result<Header, WireError> {
        let mut r = Reader::new(octets);
        let first = r.u8("packet type")?;
        let kind = first >> 4;
        if kind == 0 {
            return Err(WireError::Malformed("packet type"));
        }
        let mut remaining = 0usize;
        for (place, shift) in [0u32, 7, 14, 21].into_iter().enumerate() {
            let octet = r.u8("remaining length")?;
            remaining |= usize::from(octet & 0x7f).checked_shl(shift).unwrap_or(0);
            if octet & 0x80 == 0 {
                return Ok(Header { kind, flags: first & 0x0f, len: place.saturating_add(2), remaining });
            }
        }
        Err(WireError::Malformed("remaining length"))
    }
}

/// The first part of CONNECT (section 3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0.
    pub level: u8,
    /// Flag 0x80: a user name follows.
    pub has_user: bool,
    /// Flag 0x40: a password follows.
    pub has_password: bool,
}

impl Connect {
    /// Reads protocol name, level and flags: the first 8 or 10 octets after the header.
    ///
    /// # Errors
    /// `Truncated` if they are not whole, `Malformed` if the name is not `MQTT` or `MQIsdp`, or if the reserved flag is
    /// set.
    pub fn read(body: &[u8]) -> Result<Connect, WireError> {
        let mut r = Reader::new(body);
        let len = usize::from(r.u16("protocol name")?);
        if len != 4 && len != 6 {
            return Err(WireError::Malformed("protocol name"));
        }
        if !matches!(r.take(len, "protocol name")?, b"MQTT" | b"MQIsdp") {
            return Err(WireError::Malformed("protocol name"));
        }
        let level = r.u8("level")?;
        let flags = r.u8("connect flags")?;
        // The bridges of one broker mark themselves in the level's high bit.
        if flags & 0x01 != 0 || !matches!(level & 0x7f, 3..=5) {
            return Err(WireError::Malformed("connect flags"));
        }
        Ok(Connect { level: level & 0x7f, has_user: flags & 0x80 != 0, has_password: flags & 0x40 != 0 })
    }
}

/// The topic and the message of a PUBLISH (section 3.3.2) of quality 0; of others the message begins with its number.
///
/// # Errors
/// `Truncated` if the topic is not whole.
pub fn publish(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut r = Reader::new(body);
    let len = usize::from(r.u16("topic")?);
    Ok((r.take(len, "topic")?, r.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_a_length_of_one_to_four_octets() {
        assert_eq!(Header::read(&[0x20, 2]), Ok(Header { kind: 2, flags: 0, len: 2, remaining: 2 }));
        // 321 = 0x41 + 2 * 128 (section 2.2.3)
        assert_eq!(Header::read(&[0x31, 0xc1, 0x02]), Ok(Header { kind: 3, flags: 1, len: 3, remaining: 321 }));
        assert_eq!(Header::read(&[0x10, 0xff]), Err(WireError::Truncated("remaining length")));
        assert_eq!(Header::read(&[0x10, 0x80, 0x80, 0x80, 0x80, 1]), Err(WireError::Malformed("remaining length")));
        assert_eq!(Header::read(&[0x00, 0]), Err(WireError::Malformed("packet type")));
    }

    #[test]
    fn connect_tells_whether_a_user_follows() {
        let body = [0, 4, b'M', b'Q', b'T', b'T', 4, 0xc2, 0, 60]; // name, level, user and password and clean, keep alive
        assert_eq!(Connect::read(&body), Ok(Connect { level: 4, has_user: true, has_password: true }));
        let old = [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2];
        assert_eq!(Connect::read(&old), Ok(Connect { level: 3, has_user: false, has_password: false }));
        assert_eq!(Connect::read(&body[..7]), Err(WireError::Truncated("connect flags")));
        assert_eq!(Connect::read(&[0, 4, b'H', b'T', b'T', b'P', 4, 2]), Err(WireError::Malformed("protocol name")));
    }

    #[test]
    fn a_message_has_a_topic() {
        assert_eq!(publish(&[0, 1, b'a', b'b', b'c']), Ok((&b"a"[..], &b"bc"[..])));
        assert_eq!(publish(&[0, 9, b'a']), Err(WireError::Truncated("topic")));
    }
}
