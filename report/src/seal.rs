//! Reports as signed octets, and the only way from them to something that may be believed.
//!
//! `SealedReport` (octets) -> `Frame` (parsed, a claim) -> [`Frame::verify`] -> `VerifiedReport`. Signed and hashed is
//! what was received, octet by octet: nothing is ever encoded again to compare, because postcard has several encodings
//! of the same number. Keeps: the octets. Drops: what does not verify; nothing of it is unpacked or decoded.

use crate::context;
use crate::header::{
    Codec, ED25519, ENVELOPE_VERSION, Frame, FrameError, Header, MAGIC, MAX_HEADER, MAX_PAYLOAD, MAX_PLAIN, Moment,
    Seen,
};
use crate::key::{Hash, LedgerId, PublicKey, SensorId, SensorKey, hash};
use crate::payload::{Payload, Place};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// What the header says beside the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// The sensor.
    pub sensor: SensorId,
    /// The number of the key.
    pub key_no: u16,
    /// The place in the chain.
    pub place: Place,
    /// The hash of the report before.
    pub prev: Hash,
    /// When.
    pub moment: Moment,
    /// The newest checkpoint that the sensor has verified.
    pub seen: Option<Seen>,
    /// The version of the trust bundle.
    pub bundle_version: u32,
}

/// A signed report: its octets, in order and whole. They are what is spooled, sent, stored and hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedReport(Vec<u8>);

impl SealedReport {
    /// Signs a payload. The same arguments give the same octets.
    ///
    /// # Errors
    /// If the payload is too long: then the sensor tells less at once.
    pub fn seal(key: &SensorKey, stamp: &Stamp, payload: &Payload) -> Result<SealedReport, SealError> {
        let plain = payload.encode().ok_or(SealError)?;
        let plain_octets = u32::try_from(plain.len()).ok().filter(|n| *n <= MAX_PLAIN).ok_or(SealError)?;
        let packed = compress_to_vec(&plain, DEFLATE_LEVEL);
        let pays = packed.len().saturating_add(DEFLATE_GAIN) < plain.len();
        let (codec, packed) = if pays { (Codec::Deflate, packed) } else { (Codec::Plain, plain) };
        let header = Header {
            ledger: stamp.ledger,
            sensor: stamp.sensor,
            key_no: stamp.key_no,
            place: stamp.place,
            prev: stamp.prev,
            moment: stamp.moment,
            kind: payload.kind(),
            schema: payload.schema(),
            codec,
            plain_octets,
            seen: stamp.seen,
            bundle_version: stamp.bundle_version,
        };
        SealedReport::sign(key, &header, &packed)
    }

    /// Signs a header and a payload as they are: for tests of what other programs may send.
    ///
    /// # Errors
    /// If one of them is too long for its length field.
    pub fn sign(key: &SensorKey, header: &Header, packed: &[u8]) -> Result<SealedReport, SealError> {
        let header = postcard::to_allocvec(header).map_err(|_| SealError)?;
        if header.len() > MAX_HEADER || packed.len() > MAX_PAYLOAD {
            return Err(SealError);
        }
        let mut octets = Vec::from(MAGIC);
        octets.extend([ENVELOPE_VERSION, ED25519]);
        octets.extend(u16::try_from(header.len()).map_err(|_| SealError)?.to_be_bytes());
        octets.extend(header);
        octets.extend(u32::try_from(packed.len()).map_err(|_| SealError)?.to_be_bytes());
        octets.extend(packed);
        let signature = key.sign(context::REPORT, &[&octets]);
        octets.extend(signature.octets());
        Ok(SealedReport(octets))
    }

    /// Octets that somebody says are a report.
    #[must_use]
    pub const fn from_octets(octets: Vec<u8>) -> SealedReport {
        SealedReport(octets)
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Its parts, none of them authenticated.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn parse_frame(&self) -> Result<Frame<'_>, FrameError> {
        Frame::parse(&self.0)
    }

    /// What a successor, a receipt and the ledger name it by: SHA-256 of all octets, the signature included.
    #[must_use]
    pub fn hash(&self) -> Hash {
        report_hash(&self.0)
    }
}

impl fmt::Debug for SealedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedReport({} octets)", self.0.len())
    }
}

/// SHA-256 of all octets of a report, the signature included.
#[must_use]
pub fn report_hash(octets: &[u8]) -> Hash {
    hash(b"", &[octets])
}

impl Frame<'_> {
    /// Checks the signature, and only then unpacks and reads the payload.
    ///
    /// # Errors
    /// The first step that failed.
    pub fn verify(&self, key: &PublicKey) -> Result<VerifiedReport, OpenError> {
        if self.header.key_no == 0 && SensorId::of(key) != self.header.sensor {
            return Err(OpenError::SensorId);
        }
        if !key.verifies(context::REPORT, &[self.signed], &self.signature) {
            return Err(OpenError::Signature);
        }
        let plain = match self.header.codec {
            Codec::Plain => self.payload.to_vec(),
            Codec::Deflate => inflate(self.payload, self.header.plain_octets).ok_or(OpenError::Inflate)?,
        };
        let content = match Payload::decode(self.header.kind, self.header.schema, &plain) {
            Some(payload) => Content::Known(Box::new(payload)),
            None => Content::Opaque,
        };
        let hash = hash(b"", &[self.signed, &self.signature.octets()]);
        Ok(VerifiedReport { header: self.header, key: *key, hash, content })
    }
}

/// A report whose signature holds. There is no other way to get one than [`Frame::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedReport {
    header: Header,
    key: PublicKey,
    hash: Hash,
    content: Content,
}

/// What a verified report carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It was read.
    Known(Box<Payload>),
    /// This program does not know its schema or a word in it. It is evidence all the same: it is kept, chained, put into
    /// the ledger and acknowledged, and read by a later program.
    Opaque,
}

impl VerifiedReport {
    /// What it says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The key whose signature it has.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// What it carries.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Its payload, if this program can read it.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        match &self.content {
            Content::Known(payload) => Some(payload),
            Content::Opaque => None,
        }
    }
}

/// Unpacks raw deflate into exactly `plain_octets` octets (at most [`MAX_PLAIN`], by the frame): a stream that ends
/// elsewhere, or before its octets do, is refused. No memory is taken beyond them.
fn inflate(packed: &[u8], plain_octets: u32) -> Option<Vec<u8>> {
    let length = usize::try_from(plain_octets).ok()?;
    let mut plain = alloc::vec![0; length];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let (status, read, written) = decompress(&mut state, packed, &mut plain, 0, flags);
    (status == TINFLStatus::Done && read == packed.len() && written == length).then_some(plain)
}

/// The step at which a report was refused, behind its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The key is not the first key of the sensor that the header names.
    SensorId,
    /// The signature does not hold.
    Signature,
    /// The payload does not unpack to what the header says. A sensor that signs this is broken or hostile.
    Inflate,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OpenError::SensorId => "sensor id: the key is not this sensor's first",
            OpenError::Signature => "signature: does not hold",
            OpenError::Inflate => "inflate: the payload does not unpack to the length that was signed",
        })
    }
}

impl core::error::Error for OpenError {}

/// A payload is too long to be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError;

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payload too long for a report")
    }
}

impl core::error::Error for SealError {}

/// Of 0 to 10; above 6 nothing is won at 3 kB.
const DEFLATE_LEVEL: u8 = 6;

/// Deflate is used only if it wins more than this.
const DEFLATE_GAIN: usize = 64;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests;
