//! SSH identification lines and the heads of the packets behind them (RFC 4253 sections 4.2 and 6; SSH 1 by
//! draft-ylonen-ssh-protocol-00, "Protocol Version Identification" and "Packet Format").
//!
//! Keeps: protocol version, software and comment (borrowed), kind and length of a packet. Drops: lists of algorithms,
//! keys, everything that is encrypted, and the lines that a server may send before its identification.

use super::WireError;
use super::reader::Reader;

/// A line of text before the first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// `SSH-protoversion-softwareversion SP comments`.
    Identification(Identification<'a>),
    /// Another line: a server may send some first.
    Other,
}

/// An identification (RFC 4253 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identification<'a> {
    /// protoversion, as major and minor number: 2.0, 1.99, 1.5.
    pub version: (u8, u8),
    /// softwareversion: up to the first space.
    pub software: &'a [u8],
    /// comments: behind the first space; empty if there are none.
    pub comment: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line that `octets` begin with, and its length with its end.
    ///
    /// # Errors
    /// `Truncated` while its end has not come; `Malformed` if it is longer than [`MAX_LINE`], holds control characters,
    /// or is an identification without versions.
    pub fn parse(octets: &'a [u8]) -> Result<(Line<'a>, usize), WireError> {
        let end = octets.iter().take(MAX_LINE).position(|o| *o == b'\n');
        let line = octets.get(..end.unwrap_or(MAX_LINE)).unwrap_or(octets);
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if text.iter().any(|o| o.is_ascii_control() && *o != b'\t' && *o != b'\r') {
            return Err(WireError::Malformed("line"));
        }
        match end {
            Some(end) => Ok((Line::of(text)?, end.saturating_add(1))),
            None if octets.len() < MAX_LINE => Err(WireError::Truncated("line")),
            None => Err(WireError::Malformed("line")),
        }
    }

    fn of(text: &'a [u8]) -> Result<Line<'a>, WireError> {
        let Some(rest) = text.strip_prefix(b"SSH-") else { return Ok(Line::Other) };
        let dash = rest.iter().position(|o| *o == b'-').ok_or(WireError::Malformed("protoversion"))?;
        let (version, rest) = rest.split_at_checked(dash).ok_or(WireError::Malformed("protoversion"))?;
        let version = numbers(version).ok_or(WireError::Malformed("protoversion"))?;
        let rest = rest.strip_prefix(b"-").unwrap_or(rest);
        let space = rest.iter().position(|o| *o == b' ').unwrap_or(rest.len());
        let (software, comment) = rest.split_at_checked(space).unwrap_or((rest, &[]));
        let comment = comment.strip_prefix(b" ").unwrap_or(comment);
        Ok(Line::Identification(Identification { version, software, comment }))
    }
}

/// `1.99` as two numbers.
fn numbers(text: &[u8]) -> Option<(u8, u8)> {
    let (major, minor) = core::str::from_utf8(text).ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The head of a packet that is not encrypted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Octet 5 (SSH 1: behind one to eight octets of padding): the message.
    pub message: u8,
    /// Octets from the start of this packet to the start of the next.
    pub length: u32,
}

impl Packet {
    /// A packet of SSH 2 (RFC 4253 section 6): packet_length, padding_length, message.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if lengths contradict each other.
    pub fn parse(octets: &[u8]) -> Result<Packet, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u32("packet length")?;
        let padding = u32::from(r.u8("padding length")?);
        if !(12..=MAX_PACKET).contains(&length) || padding < 4 || padding.saturating_add(1) >= length {
            return Err(WireError::Malformed("packet length"));
        }
        Ok(Packet { message: r.u8("message")?, length: length.saturating_add(4) })
    }

    /// A packet of SSH 1: length, one to eight octets of padding, type.
    ///
    /// # Errors
    /// `Truncated`, or `Malformed` if the length has no room for a type and a checksum.
    pub fn parse_version_1(octets: &[u8]) -> Result<Packet, WireError> {
        let mut r = Reader::new(octets);
        let length = r.u32("packet length")?;
        if !(5..=MAX_PACKET).contains(&length) {
            return Err(WireError::Malformed("packet length"));
        }
        let padding = 8u32.saturating_sub(length % 8);
        r.take(usize::try_from(padding).unwrap_or(usize::MAX), "padding")?;
        Ok(Packet { message: r.u8("type")?, length: length.saturating_add(padding).saturating_add(4) })
    }
}

/// SSH_MSG_KEXINIT (RFC 4253 section 12).
pub const KEX_INIT: u8 = 20;

/// SSH_SMSG_PUBLIC_KEY of SSH 1: what a server says first.
pub const VERSION_1_PUBLIC_KEY: u8 = 2;

/// Longest line: an identification has at most 255 octets (RFC 4253 section 4.2); lines before it have no bound.
pub const MAX_LINE: usize = 1024;

/// Longest packet before encryption begins: RFC 4253 section 6.1 asks for 35,000, OpenSSH sends up to 256 KiB.
const MAX_PACKET: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn identification(text: &str) -> Identification<'_> {
        match Line::parse(text.as_bytes()) {
            Ok((Line::Identification(i), length)) if length == text.len() => i,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn identifications_fall_into_their_parts() {
        assert_eq!(
            identification("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n"),
            Identification { version: (2, 0), software: b"OpenSSH_9.2p1", comment: b"Debian-2+deb12u10" }
        );
        // Old servers end the line with LF alone; a software version may hold a dash.
        assert_eq!(
            identification("SSH-1.99-Cisco-1.25\n"),
            Identification { version: (1, 99), software: b"Cisco-1.25", comment: b"" }
        );
        assert_eq!(
            identification("SSH-2.0-8.43 FlowSsh: Bitvise SSH Server (WinSSHD) 8.43\r\n").comment,
            b"FlowSsh: Bitvise SSH Server (WinSSHD) 8.43"
        );
    }

    #[test]
    fn a_line_without_an_end_waits_and_one_without_sense_is_malformed() {
        assert_eq!(Line::parse(b"SSH-2.0-Open"), Err(WireError::Truncated("line")));
        assert_eq!(Line::parse(b"Keep out\r\n"), Ok((Line::Other, 10)));
        assert_eq!(Line::parse(b"SSH-2\r\n"), Err(WireError::Malformed("protoversion")));
        assert_eq!(Line::parse(b"SSH-x.y-z\r\n"), Err(WireError::Malformed("protoversion")));
        assert_eq!(Line::parse(b"SSH-2.0-\x01\r\n"), Err(WireError::Malformed("line")));
        assert_eq!(Line::parse(&[b'x'; 2000]), Err(WireError::Malformed("line")));
    }

    #[test]
    fn packets_of_both_versions_are_measured() {
        // packet_length 20, padding 6, message 34
        assert_eq!(Packet::parse(&[0, 0, 0, 20, 6, 34]), Ok(Packet { message: 34, length: 24 }));
        assert_eq!(Packet::parse(&[0, 0, 0, 20, 6]), Err(WireError::Truncated("message")));
        assert_eq!(Packet::parse(b"GET /x"), Err(WireError::Malformed("packet length")));
        // length 267, five octets of padding, type 2
        assert_eq!(Packet::parse_version_1(&[0, 0, 1, 11, 0, 0, 0, 0, 0, 2]), Ok(Packet { message: 2, length: 276 }));
    }
}
