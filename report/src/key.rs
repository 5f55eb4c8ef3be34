//! Keys and what is named after them: Ed25519 (RFC 8032), one rule for what a valid signature is (`verify_strict`).
//!
//! Keeps: the seed of a sensor's key, wiped when dropped; public keys; ids. Drops: batch verification and every looser
//! rule, because evidence must not depend on who checks it. `Debug` of a secret says only whose it is.

use crate::context;
use core::fmt;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The key that a sensor signs with. It never leaves the sensor and is never used for TLS.
pub struct SensorKey(SigningKey);

impl SensorKey {
    /// From 32 octets of a good random source; the caller wipes its copy.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> SensorKey {
        SensorKey(SigningKey::from_bytes(seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `context`, then `parts` one after the other.
    #[must_use]
    pub fn sign(&self, context: &[u8], parts: &[&[u8]]) -> Signature {
        Signature::from(self.0.sign(&joined(context, parts)).to_bytes())
    }
}

impl fmt::Debug for SensorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SensorKey({})", SensorId::of(&self.public()))
    }
}

/// A public key: 32 octets (RFC 8032 5.1.5). Whether they are a point is found when a signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether `signature` is this key's over `context` and `parts`, by the strict rule: no small-order point, no
    /// second encoding of the same signature.
    #[must_use]
    pub fn verifies(&self, context: &[u8], parts: &[&[u8]], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.octets());
        key.verify_strict(&joined(context, parts), &signature).is_ok()
    }

    /// The hash of which a person compares the first 55 bits as five words.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        hash(context::FINGERPRINT, &[&self.0])
    }
}

/// A signature: 64 octets (RFC 8032 5.1.6).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Octets 0-31: the point R.
    r: [u8; 32],
    /// Octets 32-63: the number S.
    s: [u8; 32],
}

impl Signature {
    /// The 64 octets.
    #[must_use]
    pub fn octets(&self) -> [u8; 64] {
        let mut octets = [0; 64];
        for (to, from) in octets.iter_mut().zip(self.r.iter().chain(&self.s)) {
            *to = *from;
        }
        octets
    }
}

impl From<[u8; 64]> for Signature {
    fn from(octets: [u8; 64]) -> Signature {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        for (to, from) in r.iter_mut().chain(s.iter_mut()).zip(octets) {
            *to = from;
        }
        Signature { r, s }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:?})", self.octets())
    }
}

/// Who a sensor is: the first 16 octets of the hash of its first public key. It needs no registry and stays when the
/// key changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SensorId(pub [u8; 16]);

impl SensorId {
    /// The id of the sensor whose first key this is.
    #[must_use]
    pub fn of(first: &PublicKey) -> SensorId {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash(context::SENSOR_ID, &[&first.0])) {
            *to = from;
        }
        SensorId(id)
    }
}

/// The ledger of a clinic: a random number, so that a report cannot be moved to another clinic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerId(pub [u8; 16]);

macro_rules! shown_in_hex {
    ($($name:ident)+) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )+ };
}
shown_in_hex!(SensorId LedgerId);

/// SHA-256 of `context`, then `parts` one after the other.
#[must_use]
pub fn hash(context: &[u8], parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(context);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// `context`, then `parts`, as one piece: what is signed is at most a report long.
fn joined(context: &[u8], parts: &[&[u8]]) -> alloc::vec::Vec<u8> {
    core::iter::once(&context).chain(parts).flat_map(|part| part.iter().copied()).collect()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_rfc_8032() {
        // RFC 8032 7.1, test 1: the secret and the public key.
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let key = SensorKey::from_seed(&seed);
        assert_eq!(key.public().0, public);
        // ... and its signature of the empty message.
        let signature = key.sign(b"", &[]);
        assert_eq!(signature.octets()[..4], [0xe5, 0x56, 0x43, 0x00]);
        assert!(key.public().verifies(b"", &[], &signature));
        assert!(!key.public().verifies(context::REPORT, &[], &signature));
    }

    #[test]
    fn a_key_that_verifies_anything_is_no_key() {
        // The neutral element: with the signature (neutral, 0) a loose verifier accepts every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!PublicKey(neutral).verifies(b"anything", &[], &signature.into()));
    }

    #[test]
    fn the_secret_does_not_show() {
        let shown = format!("{:?}", SensorKey::from_seed(&[0x5a; 32]));
        assert!(shown.starts_with("SensorKey(") && shown.len() == "SensorKey()".len() + 32);
        assert!(!shown.contains("5a5a") && !shown.contains("90, 90"));
    }

    #[test]
    fn a_signature_survives_its_encoding_as_64_octets() {
        let signature = SensorKey::from_seed(&[1; 32]).sign(b"x", &[b"y"]);
        let octets = postcard::to_allocvec(&signature).unwrap();
        assert_eq!(octets, signature.octets());
        assert_eq!(postcard::from_bytes::<Signature>(&octets).unwrap(), signature);
    }

    fn hex(text: &str) -> [u8; 32] {
        let octets: Vec<u8> =
            (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect();
        octets.try_into().unwrap()
    }
}
