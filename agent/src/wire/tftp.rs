//! Trivial file transfer (RFC 1350, RFC 2347).
//!
//! Keeps: the kind of a packet, the code of an error. Drops: names of files, modes, options, blocks.

use super::WireError;
use super::reader::Reader;

/// A packet, by its octets 0-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// 1: name, zero, mode, zero.
    ReadRequest,
    /// 2: the same.
    WriteRequest,
    /// 3: number of the block, at most 512 octets (or as was agreed).
    Data,
    /// 4: number of the block.
    Acknowledgement,
    /// 5: code, text, zero. 2 is an access violation.
    Error(u16),
    /// 6: options that the server agrees to.
    Agreed,
}

impl Packet {
    /// The packet in a datagram.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn read(octets: &[u8]) -> Result<Packet, WireError> {
        let mut r = Reader::new(octets);
        let kind = r.u16("opcode")?;
        if matches!(kind, 1 | 2) {
            let mut words = r.rest().split(|o| *o == 0);
            let (name, mode) = (words.next().unwrap_or_default(), words.next().ok_or(WireError::Truncated("mode"))?);
            let known = [&b"octet"[..], b"netascii", b"mail"].iter().any(|m| mode.eq_ignore_ascii_case(m));
            if name.is_empty() || name.len() > MAX_NAME || !known {
                return Err(WireError::Malformed("mode"));
            }
            return Ok(if kind == 1 { Packet::ReadRequest } else { Packet::WriteRequest });
        }
        match kind {
            3 => r.u16("block").map(|_| Packet::Data),
            4 if r.u16("block").is_ok() && r.is_empty() => Ok(Packet::Acknowledgement),
            5 => match r.u16("error code")? {
                code @ 0..=8 => Ok(Packet::Error(code)),
                _ => Err(WireError::Malformed("error code")),
            },
            6 => Ok(Packet::Agreed),
            _ => Err(WireError::Malformed("opcode")),
        }
    }
}

/// Octets of a name: a request fits into one datagram of 512.
const MAX_NAME: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_told_by_its_first_octets() {
        assert_eq!(Packet::read(b"\x00\x01ZZCANARY.dcm\x00octet\x00"), Ok(Packet::ReadRequest));
        assert_eq!(Packet::read(b"\x00\x02a\x00NetASCII\x00tsize\x000\x00"), Ok(Packet::WriteRequest));
        assert_eq!(Packet::read(b"\x00\x03\x00\x01DICM"), Ok(Packet::Data));
        assert_eq!(Packet::read(b"\x00\x04\x00\x01"), Ok(Packet::Acknowledgement));
        assert_eq!(Packet::read(b"\x00\x05\x00\x02Access violation\x00"), Ok(Packet::Error(2)));
        assert_eq!(Packet::read(b"\x00\x06tsize\x00100\x00"), Ok(Packet::Agreed));
        assert_eq!(Packet::read(b"\x00\x01a\x00"), Err(WireError::Malformed("mode")));
        assert_eq!(Packet::read(b"\x00\x01a"), Err(WireError::Truncated("mode")));
        assert_eq!(Packet::read(b"\x00\x04\x00\x01x"), Err(WireError::Malformed("opcode")));
        assert_eq!(Packet::read(b"\x00"), Err(WireError::Truncated("opcode")));
    }
}
