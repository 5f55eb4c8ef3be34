//! The trust bundle (FORMAT.md section 18): whom a sensor believes, and where it finds its collector.
//!
//! The first one is pinned by the proofs of an enrolment; each later one is signed by the key that the one before names,
//! and has a higher version: so a collector may change its addresses, its CA and its keys, and nobody else may.
//! Keeps: public keys, certificates, addresses. Drops: nothing of it is secret. Whether a certificate is one is not looked at here.

use crate::bounded::Bounded;
use crate::context;
use crate::key::{PublicKey, SensorKey};
use crate::payload::Extras;
use crate::signed::Form;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Whom a sensor believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Which one: each later one has a higher number.
    pub version: u32,
    /// Who signs the next one.
    pub signer: PublicKey,
    /// The name of who keeps the ledgers: checkpoints begin with `NAME/ledger/`.
    pub keeper: Bounded<u8, MAX_NAME>,
    /// The key that signs checkpoints.
    pub ledger_key: PublicKey,
    /// The CA certificates (X.509, DER) that the collector's TLS certificate comes from.
    pub authorities: Bounded<Bounded<u8, MAX_CERTIFICATE>, MAX_AUTHORITIES>,
    /// Where the collector listens for sensors, in the order in which they are tried: `host:port`, ASCII.
    pub addresses: Bounded<Bounded<u8, MAX_ADDRESS>, MAX_ADDRESSES>,
    /// What was added later.
    pub ext: Extras,
}

impl Trust {
    /// Signs it: the first by the key that it names itself, each later one by the key that the one before names. `None`
    /// if it is too long.
    #[must_use]
    pub fn seal(&self, key: &SensorKey) -> Option<Vec<u8>> {
        FORM.seal(self, key)
    }

    /// Reads the first bundle: signed by the key that it names. Who believes it has another reason to (an enrolment).
    ///
    /// # Errors
    /// The step that failed.
    pub fn first(octets: &[u8]) -> Result<Trust, TrustError> {
        let claimed = FORM.read::<Trust>(octets).ok_or(TrustError::Form)?;
        if claimed.is_signed_by(&claimed.body.signer) { Ok(claimed.body) } else { Err(TrustError::Signature) }
    }

    /// Reads the bundle that comes after this one.
    ///
    /// # Errors
    /// The step that failed; this one stays in force then.
    pub fn next(&self, octets: &[u8]) -> Result<Trust, TrustError> {
        let claimed = FORM.read::<Trust>(octets).ok_or(TrustError::Form)?;
        if claimed.body.version <= self.version {
            return Err(TrustError::Old);
        }
        if claimed.is_signed_by(&self.signer) { Ok(claimed.body) } else { Err(TrustError::Signature) }
    }

    /// Reads a bundle whose signature was checked when it came, by who kept it.
    ///
    /// # Errors
    /// [`TrustError::Form`].
    pub fn kept(octets: &[u8]) -> Result<Trust, TrustError> {
        FORM.read::<Trust>(octets).map(|claimed| claimed.body).ok_or(TrustError::Form)
    }
}

/// Why a trust bundle is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// It is no trust bundle of this version.
    Form,
    /// It is not newer than the one in force.
    Old,
    /// It is not signed by who may.
    Signature,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrustError::Form => "trust bundle: form",
            TrustError::Old => "trust bundle: not newer than the one in force",
            TrustError::Signature => "trust bundle: not signed by the key that the one before names",
        })
    }
}

impl core::error::Error for TrustError {}

const FORM: Form = Form { magic: b"AUST", context: context::TRUST, most_octets: MAX_BODY };
/// Longest body: four certificates and eight addresses fit.
const MAX_BODY: usize = 12_000;
/// Longest name of who keeps a ledger.
pub const MAX_NAME: usize = 100;
/// Longest certificate: an Ed25519 CA's has about 400 octets, a P-384 one with a long name 800.
pub const MAX_CERTIFICATE: usize = 2_048;
/// An old CA and a new one, and two to spare.
pub const MAX_AUTHORITIES: usize = 4;
/// A host name (RFC 1035 2.3.4) with a port.
pub const MAX_ADDRESS: usize = 261;
/// DNS fails at clinics: some names, some addresses.
pub const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(version: u32, signer: u8) -> Trust {
        let octets = |text: &[u8]| Bounded::try_from(text.to_vec()).unwrap();
        Trust {
            version,
            signer: key(signer).public(),
            keeper: octets(b"archive.example.org"),
            ledger_key: PublicKey([9; 32]),
            authorities: vec![vec![0x30; 400].try_into().unwrap()].try_into().unwrap(),
            addresses: vec![b"archive.example.org:8443".to_vec().try_into().unwrap()].try_into().unwrap(),
            ext: Extras::new(),
        }
    }

    fn key(seed: u8) -> SensorKey {
        SensorKey::from_seed(&[seed; 32])
    }

    #[test]
    fn the_first_is_signed_by_itself_and_each_later_one_by_the_one_before() {
        let first = Trust::first(&trust(1, 1).seal(&key(1)).unwrap()).unwrap();
        assert_eq!(first, trust(1, 1));
        let second = first.next(&trust(2, 2).seal(&key(1)).unwrap()).unwrap();
        assert_eq!(second.next(&trust(7, 2).seal(&key(2)).unwrap()), Ok(trust(7, 2)));
        assert_eq!(second.next(&trust(7, 2).seal(&key(1)).unwrap()), Err(TrustError::Signature), "the key before");
        assert_eq!(Trust::first(&trust(1, 1).seal(&key(2)).unwrap()), Err(TrustError::Signature));
    }

    #[test]
    fn an_older_one_or_the_same_one_changes_nothing() {
        let now = trust(5, 1);
        for version in [0, 4, 5] {
            assert_eq!(now.next(&trust(version, 1).seal(&key(1)).unwrap()), Err(TrustError::Old));
        }
    }

    #[test]
    fn every_changed_octet_is_noticed() {
        let octets = trust(2, 1).seal(&key(1)).unwrap();
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert!(trust(1, 1).next(&changed).is_err(), "octet {at}");
            assert!(trust(1, 1).next(&octets[..at]).is_err());
        }
        assert_eq!(trust(1, 1).next(&[&octets[..], b"x"].concat()), Err(TrustError::Form));
    }
}
