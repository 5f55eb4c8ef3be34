//! The transport protocol between members of an Elasticsearch cluster (its source, `TcpHeader`).
//!
//! Keeps: whether a message answers. Drops: everything else: the names of actions and indices, documents.

use super::WireError;
use super::reader::Reader;

/// The header of an Elasticsearch transport message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Octet 14, bit 0: it answers.
    pub answers: bool,
}

impl Transport {
    /// Octets 0-1: `ES`; 2-5: length of what follows; 6-13: number of the request; 14: status; 15-18: version.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it is none.
    pub fn parse(octets: &[u8]) -> Result<Transport, WireError> {
        if octets.iter().zip(b"ES\0").any(|(a, b)| a != b) {
            return Err(WireError::Malformed("mark"));
        }
        let mut r = Reader::new(octets);
        r.take(2, "mark")?;
        let length = r.u32("length")?;
        r.take(8, "request")?;
        let status = r.u8("status")?;
        let version = r.u32("version")?;
        // Bits: answers, failed, compressed, handshake; versions are numbers like 7060299.
        if length < 13 || status & !0x0f != 0 || !(1_000_000..100_000_000).contains(&version) {
            return Err(WireError::Malformed("status"));
        }
        Ok(Transport { answers: status & 1 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_message_is_told_by_mark_and_version() {
        // "ES", length 19, request 1, status handshake + answers, version 6080099
        let octets = [b'E', b'S', 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0x5c, 0xc6, 0x63];
        assert_eq!(Transport::parse(&octets), Ok(Transport { answers: true }));
        assert_eq!(Transport::parse(b"ESMTP hello, I am a mail server"), Err(WireError::Malformed("mark")));
    }
}
