//! Small messages that stand alone: magic 4, version 1 (1), algorithm 1 (1), length of the body (2, big-endian), body
//! (postcard), Ed25519 signature (64) over a context and all octets before it (FORMAT.md sections 6, 18 and 19).
//!
//! Keeps: the rule that nothing of a body is used before its signature holds, but what is needed to find the key. Drops:
//! octets behind the end, bodies that are too long, versions and algorithms that are not known.

use crate::header::{ED25519, SIGNATURE};
use crate::key::{PublicKey, SensorKey, Signature};
use crate::payload::whole;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One kind of message.
pub(crate) struct Form {
    /// Octets 0 to 3.
    pub(crate) magic: &'static [u8; 4],
    /// Before the octets that are signed.
    pub(crate) context: &'static [u8],
    /// The longest body.
    pub(crate) most_octets: usize,
}

/// A message whose signature was not checked yet.
pub(crate) struct Claimed<'a, T> {
    /// What it claims: to find the key by.
    pub(crate) body: T,
    signed: &'a [u8],
    signature: Signature,
    context: &'static [u8],
}

impl Form {
    /// The octets of a message. The same arguments give the same octets. `None` if it is too long.
    pub(crate) fn seal<T: Serialize>(&self, body: &T, key: &SensorKey) -> Option<Vec<u8>> {
        let body = postcard::to_allocvec(body).ok()?;
        let length = u16::try_from(body.len()).ok().filter(|_| body.len() <= self.most_octets)?;
        let mut octets = Vec::from(self.magic);
        octets.extend([VERSION, ED25519]);
        octets.extend(length.to_be_bytes());
        octets.extend(body);
        let signature = key.sign(self.context, &[&octets]);
        octets.extend(signature.octets());
        Some(octets)
    }

    /// Reads a message. `None` if it has not this form.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&self, octets: &'a [u8]) -> Option<Claimed<'a, T>> {
        let (signed, signature) = octets.split_last_chunk::<SIGNATURE>()?;
        let rest = signed.strip_prefix(self.magic).and_then(|r| r.strip_prefix(&[VERSION, ED25519]))?;
        let (length, body) = rest.split_first_chunk()?;
        if usize::from(u16::from_be_bytes(*length)) != body.len() || body.len() > self.most_octets {
            return None;
        }
        Some(Claimed { body: whole(body)?, signed, signature: Signature::from(*signature), context: self.context })
    }
}

impl<T> Claimed<'_, T> {
    /// Whether `key` signed it.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(self.context, &[self.signed], &self.signature)
    }
}

/// Octet 4.
pub(crate) const VERSION: u8 = 1;
