//! QUIC as far as it is readable: the first packets of a connection (RFC 9000 section 17.2, RFC 9001 section 5, RFC 9369).
//!
//! An Initial packet is sealed with keys that everybody can derive who heard the client's first packet. Whoever opens it
//! reads the ClientHello.
//! Keeps: version, the client's first connection identifier (to open the next packet), pieces of the ClientHello. Drops: tokens,
//! acknowledgements, reasons; packets behind the handshake cannot be opened by anybody else.

use super::WireError;
use super::reader::Reader;
use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// Versions whose first packets are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 0x00000001 (RFC 9000).
    One,
    /// 0x6B3343CF (RFC 9369).
    Two,
}

/// Kinds of packets with a long header (RFC 9000 section 17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The ClientHello, or the answer to it.
    Initial,
    /// Data before the handshake.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// The server wants to see the client's address again.
    Retry,
}

/// A packet with a long header.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Octets 1-4.
    pub version: Version,
    /// Bits 4 and 5 of octet 0; what they mean goes by the version.
    pub kind: Kind,
    /// Octets 6 to 6 + octet 5: the identifier of the receiver's choice (in the client's first packet: any).
    pub destination: &'a [u8],
    /// The identifier of the sender, behind it.
    pub source: &'a [u8],
    /// The packet from octet 0 to its end; of a Retry all that is left.
    octets: &'a [u8],
    /// Where the packet number begins.
    number_at: usize,
}

impl<'a> Packet<'a> {
    /// The packet that a datagram begins with, and the octets behind it.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` for a short header, another version, or identifiers longer than 20 octets.
    pub fn parse(octets: &'a [u8]) -> Result<(Packet<'a>, &'a [u8]), WireError> {
        let mut r = Reader::new(octets);
        let first = r.u8("header form")?;
        // The highest bit: a long header; the next: always set.
        if first & 0xC0 != 0xC0 {
            return Err(WireError::Malformed("header form"));
        }
        let version = match r.u32("version")? {
            0x0000_0001 => Version::One,
            0x6B33_43CF => Version::Two,
            _ => return Err(WireError::Malformed("version")),
        };
        let (destination, source) = (identifier(&mut r)?, identifier(&mut r)?);
        let kind = match (version, first >> 4 & 3) {
            (Version::One, 0) | (Version::Two, 1) => Kind::Initial,
            (Version::One, 1) | (Version::Two, 2) => Kind::ZeroRtt,
            (Version::One, 2) | (Version::Two, 3) => Kind::Handshake,
            _ => Kind::Retry,
        };
        if kind == Kind::Retry {
            return Ok((Packet { version, kind, destination, source, octets, number_at: octets.len() }, &[]));
        }
        if kind == Kind::Initial {
            let token = number(&mut r)?;
            r.take(token, "token")?;
        }
        let length = number(&mut r)?;
        let number_at = octets.len().saturating_sub(r.left());
        r.take(length, "packet")?;
        let (octets, behind) = octets.split_at_checked(octets.len().saturating_sub(r.left())).unwrap_or((octets, &[]));
        Ok((Packet { version, kind, destination, source, octets, number_at }, behind))
    }

    /// The frames of an Initial packet that the client sent, where `first` is the destination of its first one.
    ///
    /// # Errors
    /// `Truncated`; `Malformed` if it was sealed by other keys.
    pub fn open(&self, first: &[u8]) -> Result<Vec<u8>, WireError> {
        let sealed = WireError::Malformed("sealed packet");
        let keys = Keys::of(self.version, first).ok_or(sealed)?;
        // RFC 9001 section 5.4.2: the sample begins four octets behind the beginning of the packet number.
        let mut r = Reader::new(self.octets);
        r.take(self.number_at.saturating_add(4), "packet number")?;
        let sample = r.take(SAMPLE, "sample")?;
        let [mask, number_mask @ ..] = keys.header.new_mask(sample).map_err(|_| sealed)?;
        let (head, rest) = self.octets.split_at_checked(self.number_at).ok_or(sealed)?;
        let mut head = head.to_vec();
        let form = head.first_mut().ok_or(sealed)?;
        *form ^= mask & 0x0F;
        let length = usize::from(*form & 3).saturating_add(1);
        let (masked, payload) = rest.split_at_checked(length).ok_or(sealed)?;
        let mut packet_number = 0u32;
        for (octet, mask) in masked.iter().zip(number_mask) {
            head.push(octet ^ mask);
            packet_number = packet_number << 8 | u32::from(octet ^ mask);
        }
        // RFC 9001 section 5.3. The first packets have small numbers: what was left out of them is zero.
        let mut nonce = keys.iv;
        for (octet, part) in nonce.iter_mut().rev().zip(packet_number.to_le_bytes()) {
            *octet ^= part;
        }
        let mut plain = payload.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = keys.packet.open_in_place(nonce, Aad::from(head), &mut plain).map_err(|_| sealed)?.len();
        plain.truncate(opened);
        Ok(plain)
    }
}

/// Gives each piece of the handshake in the frames of a packet, with its place (RFC 9000 section 19.6). Work is bounded by the
/// frames: each takes an octet at least.
///
/// # Errors
/// `Truncated`, or `Malformed` for a frame that no Initial packet may have.
pub fn handshake<'a>(frames: &'a [u8], mut piece: impl FnMut(usize, &'a [u8])) -> Result<(), WireError> {
    let mut r = Reader::new(frames);
    while !r.is_empty() {
        match r.u8("frame type")? {
            // PADDING, PING
            0 | 1 => {}
            // ACK: largest, delay, ranges, first range; then gap and length of each range; 3 has counters behind them
            kind @ (2 | 3) => {
                number(&mut r)?;
                number(&mut r)?;
                let ranges = number(&mut r)?;
                number(&mut r)?;
                for _ in 0..ranges.saturating_mul(2).saturating_add(if kind == 3 { 3 } else { 0 }) {
                    number(&mut r)?;
                }
            }
            // CRYPTO: offset, length, data
            6 => {
                let offset = number(&mut r)?;
                let length = number(&mut r)?;
                piece(offset, r.take(length, "handshake")?);
            }
            // CONNECTION_CLOSE: nothing follows that matters
            0x1C => return Ok(()),
            _ => return Err(WireError::Malformed("frame type")),
        }
    }
    Ok(())
}

/// An integer of one to eight octets (RFC 9000 section 16).
fn number(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let first = r.u8("integer")?;
    let more = (1u32 << (first >> 6)).saturating_sub(1);
    let mut value = u64::from(first & 0x3F);
    for _ in 0..more {
        value = value << 8 | u64::from(r.u8("integer")?);
    }
    usize::try_from(value).map_err(|_| WireError::Malformed("integer"))
}

/// An identifier of a connection behind its length: at most 20 octets.
fn identifier<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let len = r.u8("connection identifier")?;
    if usize::from(len) > MAX_IDENTIFIER {
        return Err(WireError::Malformed("connection identifier"));
    }
    r.take(len.into(), "connection identifier")
}

/// The client's keys of the first packets (RFC 9001 section 5.2, RFC 9369 section 3.3).
struct Keys {
    packet: LessSafeKey,
    iv: [u8; 12],
    header: HeaderProtectionKey,
}

impl Keys {
    fn of(version: Version, first: &[u8]) -> Option<Keys> {
        let (salt, key, iv, header) = match version {
            Version::One => (SALT_ONE, &b"quic key"[..], &b"quic iv"[..], &b"quic hp"[..]),
            Version::Two => (SALT_TWO, &b"quicv2 key"[..], &b"quicv2 iv"[..], &b"quicv2 hp"[..]),
        };
        let initial = Salt::new(HKDF_SHA256, salt).extract(first);
        let secret: [u8; 32] = expand(&initial, b"client in")?;
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        let key: [u8; 16] = expand(&secret, key)?;
        let header: [u8; 16] = expand(&secret, header)?;
        Some(Keys {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv)?,
            header: HeaderProtectionKey::new(&AES_128, &header).ok()?,
        })
    }
}

/// HKDF-Expand-Label (RFC 8446 section 7.1) without a context: length, `tls13 ` and the label behind their length, zero.
fn expand<const N: usize>(secret: &Prk, label: &[u8]) -> Option<[u8; N]> {
    struct Octets(usize);
    impl KeyType for Octets {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(label.len().saturating_add(PREFIX.len())).ok()?];
    let mut out = [0u8; N];
    let info = [&length[..], &label_length, PREFIX, label, &[0]];
    secret.expand(&info, Octets(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

const PREFIX: &[u8] = b"tls13 ";

/// RFC 9001 section 5.2.
const SALT_ONE: &[u8] = &[
    0x38, 0x76, 0x2C, 0xF7, 0xF5, 0x59, 0x34, 0xB3, 0x4D, 0x17, 0x9A, 0xE6, 0xA4, 0xC8, 0x0C, 0xAD, 0xCC, 0xBB, 0x7F,
    0x0A,
];
/// RFC 9369 section 3.3.1.
const SALT_TWO: &[u8] = &[
    0x0D, 0xED, 0xE3, 0xDE, 0xF7, 0x00, 0xA6, 0xDB, 0x81, 0x93, 0x81, 0xBE, 0x6E, 0x26, 0x9D, 0xCB, 0xF9, 0xBD, 0x2E,
    0xD9,
];

/// Octets of the sample of header protection with AES (RFC 9001 section 5.4.3).
const SAMPLE: usize = 16;
/// RFC 9000 section 17.2.
pub const MAX_IDENTIFIER: usize = 20;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Initial packets that another implementation (aioquic 1.x) sealed: PING, ACK, CRYPTO `hello` at 0, CRYPTO `abc` at 5,
    /// padding; destination 8394c8f03e515708, source `src`, packet number 2 of one octet.
    const ONE: &str = "\
        c900000001088394c8f03e5157080373726300403a41d6b3897cd6689955af1751df271942b4e400801eefebd5c2f167b3c8\
        b2267f0523337ed8935a2bf0bbfcdec5e5eec5d25c5bd05ae8d0b4deed";
    const TWO: &str = "\
        dd6b3343cf088394c8f03e5157080373726300403af3f8e43b9bbddb4475f7835e9948bafe5e83b9e5c6e43725c999672e66\
        4408137a7821f1bef352a5f0e53fe779f5edb62799cf61decf9b26361e";
    const FIRST: &[u8] = &[0x83, 0x94, 0xC8, 0xF0, 0x3E, 0x51, 0x57, 0x08];

    fn octets(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|p| u8::from_str_radix(core::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
    }

    /// An Initial packet of version 1 with these frames, sealed as a client does; its number is 0 in two octets.
    pub(crate) fn initial(first: &[u8], token: &[u8], frames: &[u8]) -> Vec<u8> {
        let keys = Keys::of(Version::One, first).unwrap();
        let cid = |id: &[u8]| [&[u8::try_from(id.len()).unwrap()][..], id].concat();
        let length = u16::try_from(frames.len().strict_add(18)).unwrap() | 0x4000;
        let mut head = vec![0xC1, 0, 0, 0, 1]; // long, fixed, Initial, number of two octets; version
        head.extend([cid(first), cid(b"src"), cid(token)].concat());
        head.extend(length.to_be_bytes());
        let number_at = head.len();
        head.extend([0, 0]); // packet number
        let mut sealed = frames.to_vec();
        let nonce = Nonce::assume_unique_for_key(keys.iv);
        keys.packet.seal_in_place_append_tag(nonce, Aad::from(head.clone()), &mut sealed).unwrap();
        let mut packet = [head, sealed].concat();
        let mask = keys.header.new_mask(&packet[number_at..][4..][..SAMPLE]).unwrap();
        packet[0] ^= mask[0] & 0x0F;
        packet[number_at] ^= mask[1];
        packet[number_at.strict_add(1)] ^= mask[2];
        packet
    }

    /// A CRYPTO frame.
    pub(crate) fn crypto(offset: u16, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap() | 0x4000;
        [&[6][..], &(offset | 0x4000).to_be_bytes(), &length.to_be_bytes(), data].concat()
    }

    #[test]
    fn packets_that_others_sealed_are_opened_in_both_versions() {
        for (hex, version) in [(ONE, Version::One), (TWO, Version::Two)] {
            let packet = [octets(hex), b"behind".to_vec()].concat();
            let (parsed, behind) = Packet::parse(&packet).unwrap();
            assert_eq!((parsed.version, parsed.kind, behind), (version, Kind::Initial, &b"behind"[..]));
            assert_eq!((parsed.destination, parsed.source), (FIRST, &b"src"[..]));
            let frames = parsed.open(FIRST).unwrap();
            let mut pieces = Vec::new();
            handshake(&frames, |offset, data| pieces.push((offset, data))).unwrap();
            assert_eq!(pieces, [(0, &b"hello"[..]), (5, b"abc")]);
            assert_eq!(parsed.open(b"other id").err(), Some(WireError::Malformed("sealed packet")));
        }
    }

    #[test]
    fn a_packet_of_our_own_is_opened_again() {
        let packet = initial(b"12345678", b"token", &[crypto(0, b"zz"), vec![0; 30]].concat());
        let (parsed, _) = Packet::parse(&packet).unwrap();
        assert_eq!(parsed.open(parsed.destination).unwrap().len(), 37);
        for end in 0..packet.len() {
            assert!(matches!(Packet::parse(&packet[..end]), Err(WireError::Truncated(_))), "{end}");
        }
    }

    #[test]
    fn what_is_no_first_packet_is_told() {
        // A short header; another version; an identifier of 21 octets.
        for other in [&[0x40, 1, 2, 3, 4, 5][..], &[0xC0, 0xFF, 0, 0, 0x1D, 0, 0], &[0xC0, 0, 0, 0, 1, 21]] {
            assert!(matches!(Packet::parse(other), Err(WireError::Malformed(_))), "{other:?}");
        }
        let retry = [0xF0, 0, 0, 0, 1, 0, 1, b's', 9, 9, 9];
        assert_eq!(Packet::parse(&retry).unwrap().0.kind, Kind::Retry);
        // An acknowledgement of a million ranges, and a frame that belongs behind the handshake.
        assert!(handshake(&[2, 0, 0, 0x80, 0x0F, 0x42, 0x40, 0], |_, _| ()).is_err());
        assert_eq!(handshake(&[0x08, 0], |_, _| ()), Err(WireError::Malformed("frame type")));
    }
}
