//! A certificate for the sensor's TLS key (FORMAT.md section 19): asked for by the signing key, also while a person still
//! thinks about it, also after the last certificate ended.
//!
//! Revocation does not rest on a certificate's end: who is asked looks up what the sensor may do. A replayed request is
//! harmless: it certifies a key that who replays it does not have. Keeps: the request and whose it is. Drops: dates; a
//! sensor's clock may be wrong.

use crate::bounded::Bounded;
use crate::context;
use crate::enrol::MAX_REQUEST;
use crate::key::{LedgerId, PublicKey, SensorId, SensorKey};
use crate::payload::{Extras, whole};
use crate::signed::{Claimed, Form};
use crate::trust::MAX_CERTIFICATE;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// The clinic's ledger.
    pub ledger: LedgerId,
    /// The sensor.
    pub sensor: SensorId,
    /// The number of the key that signed this.
    pub key_no: u16,
    /// The certificate request for its TLS key (PKCS#10, DER).
    pub request: Bounded<u8, MAX_REQUEST>,
    /// The version of the trust bundle that it has.
    pub bundle_version: u32,
}

/// The answer: the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// X.509, DER.
    pub certificate: Bounded<u8, MAX_CERTIFICATE>,
    /// A newer trust bundle, signed by the key of the one before (section 18).
    pub trust: Option<Bounded<u8, { crate::enrol::MAX_TRUST }>>,
    /// What was added later.
    pub ext: Extras,
}

/// A request whose signature was not checked yet.
pub struct Asked<'a>(Claimed<'a, Renewal>);

impl Renewal {
    /// Signs it. `None` if it is too long.
    #[must_use]
    pub fn seal(&self, key: &SensorKey) -> Option<Vec<u8>> {
        FORM.seal(self, key)
    }

    /// Reads a request; its signature is checked by [`Asked::verify`].
    ///
    /// # Errors
    /// [`RenewError::Form`].
    pub fn read(octets: &[u8]) -> Result<Asked<'_>, RenewError> {
        FORM.read(octets).map(Asked).ok_or(RenewError::Form)
    }
}

impl Asked<'_> {
    /// Whose request it claims to be: to look up the key.
    #[must_use]
    pub const fn claimed(&self) -> &Renewal {
        &self.0.body
    }

    /// The request, if `key` signed it.
    ///
    /// # Errors
    /// [`RenewError::Signature`].
    pub fn verify(self, key: &PublicKey) -> Result<Renewal, RenewError> {
        if self.0.is_signed_by(key) { Ok(self.0.body) } else { Err(RenewError::Signature) }
    }
}

impl Grant {
    /// Its octets: magic 4, version 1, postcard. `None` if memory is gone.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut octets = Vec::from(GRANT);
        octets.push(GRANT_VERSION);
        postcard::to_extend(self, octets).ok()
    }

    /// Reads a grant.
    ///
    /// # Errors
    /// [`RenewError::Form`].
    pub fn decode(octets: &[u8]) -> Result<Grant, RenewError> {
        let body = octets.strip_prefix(GRANT).and_then(|r| r.strip_prefix(&[GRANT_VERSION]));
        body.and_then(whole).ok_or(RenewError::Form)
    }
}

/// Why a request or its answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewError {
    /// Its octets are none of this version.
    Form,
    /// The signature does not hold.
    Signature,
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RenewError::Form => "renewal: form",
            RenewError::Signature => "renewal: signature does not hold",
        })
    }
}

impl core::error::Error for RenewError {}

const FORM: Form = Form { magic: b"AUSN", context: context::RENEW, most_octets: 2_200 };
/// Octets 0 to 3 of a grant.
const GRANT: &[u8] = b"AUSG";
/// Octet 4.
const GRANT_VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn renewal() -> Renewal {
        let key = SensorKey::from_seed(&[3; 32]);
        let request = Bounded::try_from(vec![0x30; 200]).unwrap();
        let (ledger, sensor) = (LedgerId([1; 16]), SensorId::of(&key.public()));
        Renewal { ledger, sensor, key_no: 0, request, bundle_version: 1 }
    }

    #[test]
    fn only_the_signing_key_asks() {
        let key = SensorKey::from_seed(&[3; 32]);
        let octets = renewal().seal(&key).unwrap();
        let asked = Renewal::read(&octets).unwrap();
        assert_eq!(asked.claimed(), &renewal());
        assert_eq!(asked.verify(&key.public()), Ok(renewal()));
        let other = SensorKey::from_seed(&[4; 32]).public();
        assert_eq!(Renewal::read(&octets).unwrap().verify(&other), Err(RenewError::Signature));
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert!(Renewal::read(&changed).and_then(|a| a.verify(&key.public())).is_err(), "octet {at}");
        }
    }

    #[test]
    fn a_grant_is_read_back_and_nothing_else_is() {
        let grant = Grant { certificate: vec![0x30; 300].try_into().unwrap(), trust: None, ext: Extras::new() };
        let octets = grant.encode().unwrap();
        assert_eq!(Grant::decode(&octets), Ok(grant));
        assert_eq!(Grant::decode(&octets[..octets.len() - 1]), Err(RenewError::Form));
        assert_eq!(Grant::decode(b"<html>"), Err(RenewError::Form));
    }
}
