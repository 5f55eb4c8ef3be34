//! The frame of a report (FORMAT.md section 2) and its header, frozen for ever: all that is read before a signature
//! holds.
//!
//! Keeps: where header, payload and signature lie; what the header claims. Drops: everything that does not end where
//! its lengths say. Work and memory are bounded by the header's 512 octets: the payload is not looked at.

use crate::key::{Hash, LedgerId, SensorId, Signature};
use crate::payload::{Kind, Place, whole};
use crate::time::Timestamp;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What a report says of itself. Until its signature holds, this is a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The clinic's ledger that it belongs to, so that it cannot be moved to another clinic.
    pub ledger: LedgerId,
    /// The sensor.
    pub sensor: SensorId,
    /// The number of the key that signed it: 0 is the first.
    pub key_no: u16,
    /// Where it stands in the chain: the sequence begins at 0 in each epoch.
    pub place: Place,
    /// The hash of the report before; for the first of an epoch, of the one that its [`crate::payload::EpochStart`]
    /// names, or zero.
    pub prev: Hash,
    /// When it was made, by the sensor's clock and by its uptime.
    pub moment: Moment,
    /// What it carries.
    pub kind: Kind,
    /// The number of its payload's type.
    pub schema: u16,
    /// How the payload is packed.
    pub codec: Codec,
    /// Octets of the payload when unpacked.
    pub plain_octets: u32,
    /// The newest checkpoint of the ledger that the sensor has verified: so the ledger holds what was seen of it.
    pub seen: Option<Seen>,
    /// The version of the trust bundle that the sensor has.
    pub bundle_version: u32,
}

/// When something was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// A random number of this run of the system.
    pub boot: [u8; 8],
    /// Milliseconds since the system started.
    pub mono_ms: u64,
    /// The sensor's clock.
    pub wall: Timestamp,
    /// How good that clock is.
    pub clock: Clock,
}

/// How good a sensor's clock is. Order never rests on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// Never set since the start.
    #[default]
    Unset,
    /// Set forward to the newest signed time that the sensor knows of.
    Floor,
    /// From a clock with a battery.
    Rtc,
    /// From a time server.
    Ntp,
    /// From the collector.
    Collector,
}

/// How a payload is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// As it is.
    Plain,
    /// Raw deflate (RFC 1951).
    Deflate,
}

/// A checkpoint that a sensor has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Leaves of the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// The parts of a report, each where its length says; borrowed, nothing authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Octets 8 to 8 + n: the header, decoded.
    pub(crate) header: Header,
    /// m octets: the payload, packed.
    pub(crate) payload: &'a [u8],
    /// All octets before the signature: what is signed.
    pub(crate) signed: &'a [u8],
    /// The last 64 octets.
    pub(crate) signature: Signature,
}

impl<'a> Frame<'a> {
    /// Parses a report that ends where `octets` end.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn parse(octets: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let rest = octets.strip_prefix(MAGIC).ok_or(FrameError::Magic)?;
        let (version, rest) = rest.split_first().ok_or(FrameError::Short)?;
        let (algorithm, rest) = rest.split_first().ok_or(FrameError::Short)?;
        if *version != ENVELOPE_VERSION {
            return Err(FrameError::Version(*version));
        }
        if *algorithm != ED25519 {
            return Err(FrameError::Algorithm(*algorithm));
        }
        let (length, rest) = rest.split_first_chunk().ok_or(FrameError::Short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MAX_HEADER {
            return Err(FrameError::HeaderLength);
        }
        let (header, rest) = rest.split_at_checked(length).ok_or(FrameError::Short)?;
        let (length, rest) = rest.split_first_chunk().ok_or(FrameError::Short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| FrameError::PayloadLength)?;
        if length > MAX_PAYLOAD {
            return Err(FrameError::PayloadLength);
        }
        let (payload, rest) = rest.split_at_checked(length).ok_or(FrameError::Short)?;
        let signature: [u8; SIGNATURE] = match rest.len() {
            n if n < SIGNATURE => return Err(FrameError::Short),
            _ => rest.try_into().map_err(|_| FrameError::Long)?,
        };
        let (signed, _) = octets.split_last_chunk::<SIGNATURE>().ok_or(FrameError::Short)?;
        let header: Header = whole(header).ok_or(FrameError::Header)?;
        match header.codec {
            Codec::Plain if usize::try_from(header.plain_octets) != Ok(length) => return Err(FrameError::PlainLength),
            _ if header.plain_octets > MAX_PLAIN => return Err(FrameError::PlainLength),
            _ => {}
        }
        Ok(Frame { header, payload, signed, signature: signature.into() })
    }

    /// What the header claims: enough to look up a key, a quota and a place; never enough to believe anything.
    #[must_use]
    pub const fn claimed(&self) -> &Header {
        &self.header
    }
}

/// The field of a frame that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// It does not begin as a report.
    Magic,
    /// A version of the envelope that this program does not know.
    Version(u8),
    /// A kind of signature that this program does not know.
    Algorithm(u8),
    /// It ends before its lengths say so.
    Short,
    /// It goes on behind its signature.
    Long,
    /// The header is longer than headers are.
    HeaderLength,
    /// The header does not decode, or goes on behind its end.
    Header,
    /// The payload is longer than payloads may be.
    PayloadLength,
    /// The unpacked payload is said to be longer than it may be, or not to be what it is.
    PlainLength,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Magic => f.write_str("frame: not a report"),
            FrameError::Version(v) => write!(f, "frame: version {v} of the envelope is not known here"),
            FrameError::Algorithm(a) => write!(f, "frame: signature algorithm {a} is not known here"),
            FrameError::Short => f.write_str("frame: ends too early"),
            FrameError::Long => f.write_str("frame: goes on behind its signature"),
            FrameError::HeaderLength => f.write_str("frame: header too long"),
            FrameError::Header => f.write_str("frame: header does not decode"),
            FrameError::PayloadLength => f.write_str("frame: payload too long"),
            FrameError::PlainLength => f.write_str("frame: unpacked length is wrong or too long"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Octets 0-3.
pub const MAGIC: &[u8] = b"AUSR";
/// Octet 4.
pub const ENVELOPE_VERSION: u8 = 1;
/// Octet 5: Ed25519.
pub const ED25519: u8 = 1;
/// Octets of a signature.
pub const SIGNATURE: usize = 64;
/// Longest header: today's has 183 octets at most; it is frozen, so this only bounds the first read.
pub const MAX_HEADER: usize = 512;
/// Longest payload as sent: a batch has 256 KiB.
pub const MAX_PAYLOAD: usize = 262_144;
/// Longest payload unpacked: bounds what a signed report can make a reader hold.
pub const MAX_PLAIN: u32 = 1_048_576;
/// Longest report.
pub const MAX_REPORT: usize = 12 + MAX_HEADER + MAX_PAYLOAD + SIGNATURE;
