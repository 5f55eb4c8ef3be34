//! The papers that a collector gives a sensor: the trust bundle (FORMAT.md section 18) and a certificate for a TLS key that
//! is made here (PKCS#8, Ed25519; request: PKCS#10, RFC 2986).
//!
//! Keeps: `keys/trust` (the bundle, sealed), `keys/tls.key` with `keys/tls.crt` (they belong together), `keys/tls.next.key`
//! (the key of the next certificate, from the request on). The certificate is written before its key takes its place: after
//! a power cut in between the two are put together at the next start. Drops: a certificate that cannot be read or belongs to none of the keys: then
//! another one is asked for.

use super::IdentityError;
use super::files::{put, read_if_there, read_secret, remove, rename};
use auscult_report::header::Clock;
use auscult_report::key::{Hash, hash};
use auscult_report::time::Timestamp;
use auscult_report::trust::{MAX_CERTIFICATE, Trust};
use core::fmt;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ED25519, PublicKeyData};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// Whom this sensor believes, and by what it is let in.
pub struct Papers {
    folder: PathBuf,
    trust: Option<Trust>,
    certificate: Option<Arc<Certificate>>,
}

/// The sensor's TLS certificate with its key.
pub struct Certificate {
    /// X.509, DER.
    pub der: Vec<u8>,
    /// PKCS#8, DER. Wiped when dropped, never printed.
    pub key: Zeroizing<Vec<u8>>,
    /// From when it is good.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Papers {
    /// Reads the papers of a state folder; after a power cut the newest certificate gets its key.
    ///
    /// # Errors
    /// If a file is there and cannot be read, or a key was shown to others.
    pub fn open(state: &Path) -> Result<Papers, IdentityError> {
        let folder = state.join("keys");
        let trust = match read_if_there(&folder.join(TRUST), MOST_TRUST)? {
            Some(octets) => Some(Trust::kept(&octets).map_err(|_| NO_TRUST)?),
            None => None,
        };
        let mut papers = Papers { folder, trust, certificate: None };
        papers.certificate = papers.with_its_key()?.map(Arc::new);
        Ok(papers)
    }

    /// The trust bundle in force; none before the enrolment.
    #[must_use]
    pub const fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// The certificate; none until a person approved the sensor.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }

    /// Believes the first bundle of an enrolment whose proofs held. A certificate of an earlier collector leaves.
    ///
    /// # Errors
    /// If it is none, or cannot be written: then the one before stays.
    pub fn pin(&mut self, sealed: &[u8]) -> Result<(), IdentityError> {
        let trust = Trust::first(sealed).map_err(|_| NO_TRUST)?;
        put(&self.folder, TRUST, sealed)?;
        remove(&self.folder.join(CERTIFICATE))?;
        (self.trust, self.certificate) = (Some(trust), None);
        Ok(())
    }

    /// Takes a newer bundle that the one in force vouches for.
    ///
    /// # Errors
    /// If it does not follow, or cannot be written: then the one before stays.
    pub fn follow(&mut self, sealed: &[u8]) -> Result<u32, IdentityError> {
        let before = self.trust.as_ref().ok_or(NO_TRUST)?;
        let next = before.next(sealed).map_err(|_| OTHER_TRUST)?;
        put(&self.folder, TRUST, sealed)?;
        let version = next.version;
        self.trust = Some(next);
        Ok(version)
    }

    /// A request (PKCS#10, DER) for the next certificate. Its key is on the disk when this returns; the same key is asked
    /// for until it has its certificate.
    ///
    /// # Errors
    /// If no key can be made or written.
    pub fn request(&self) -> Result<Vec<u8>, IdentityError> {
        let key = match self.key(NEXT_KEY)?.and_then(|octets| pair(&octets)) {
            Some(key) => key,
            None => {
                let made = KeyPair::generate_for(&PKCS_ED25519).map_err(|_| IdentityError::Request)?;
                put(&self.folder, NEXT_KEY, &Zeroizing::new(made.serialize_der()))?;
                made
            }
        };
        let mut params = CertificateParams::new(Vec::new()).map_err(|_| IdentityError::Request)?;
        // Who the sensor is follows from who signs the request's envelope, never from a name in it.
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(|_| IdentityError::Request)?;
        Ok(request.der().to_vec())
    }

    /// Takes the certificate that was granted for the last request.
    ///
    /// # Errors
    /// If it is none, or none for that key, or cannot be written: then the one before stays.
    pub fn grant(&mut self, certificate: &[u8]) -> Result<(), IdentityError> {
        let key = self.key(NEXT_KEY)?.ok_or(OTHER_KEY)?;
        let granted = certificate_of(certificate, key).ok_or(OTHER_KEY)?;
        put(&self.folder, CERTIFICATE, certificate)?;
        rename(&self.folder, NEXT_KEY, KEY)?;
        self.certificate = Some(Arc::new(granted));
        Ok(())
    }

    /// The certificate on the disk with the key that it was made for.
    fn with_its_key(&self) -> Result<Option<Certificate>, IdentityError> {
        let most = u64::try_from(MAX_CERTIFICATE).unwrap_or(u64::MAX);
        let Some(der) = read_if_there(&self.folder.join(CERTIFICATE), most)? else { return Ok(None) };
        if let Some(key) = self.key(KEY)?
            && let Some(whole) = certificate_of(&der, key)
        {
            return Ok(Some(whole));
        }
        let Some(key) = self.key(NEXT_KEY)? else { return Ok(None) };
        let whole = certificate_of(&der, key);
        if whole.is_some() {
            rename(&self.folder, NEXT_KEY, KEY)?;
        }
        Ok(whole)
    }

    fn key(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
        match read_secret(&self.folder.join(name), MOST_KEY) {
            Err(IdentityError::Read(_, e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

impl Certificate {
    /// Whether two thirds of its life are over.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let life = self.until.since_ms(self.from);
        now.since_ms(self.from) >= life.saturating_sub(life / 3)
    }

    /// Whether its end is past.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(until {})", self.until.0)
    }
}

impl fmt::Debug for Papers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Papers(trust {:?}, {:?})", self.trust.as_ref().map(|t| t.version), self.certificate)
    }
}

/// Whether dates may be compared with this clock.
#[must_use]
pub const fn is_trusted(clock: Clock) -> bool {
    matches!(clock, Clock::Rtc | Clock::Ntp | Clock::Collector)
}

/// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of a certificate (X.509, DER); none if it is no certificate.
#[must_use]
pub fn key_hash(certificate: &[u8]) -> Option<Hash> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(hash(b"", &[parsed.public_key().raw]))
}

/// A certificate with `key`, if it was made for it.
fn certificate_of(der: &[u8], key: Zeroizing<Vec<u8>>) -> Option<Certificate> {
    let Ok(([], parsed)) = X509Certificate::from_der(der) else { return None };
    if parsed.public_key().raw != pair(&key)?.subject_public_key_info() {
        return None;
    }
    let moment = |seconds: i64| Timestamp::from_seconds(u64::try_from(seconds).unwrap_or(0));
    let validity = parsed.validity();
    let (from, until) = (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()));
    Some(Certificate { der: der.to_vec(), key, from, until })
}

fn pair(octets: &[u8]) -> Option<KeyPair> {
    KeyPair::try_from(octets).ok()
}

const TRUST: &str = "trust";
const KEY: &str = "tls.key";
const NEXT_KEY: &str = "tls.next.key";
const CERTIFICATE: &str = "tls.crt";
/// A sealed trust bundle has at most 12,072 octets.
const MOST_TRUST: u64 = 16_384;
/// A PKCS#8 Ed25519 key has 83 octets.
const MOST_KEY: u64 = 1_024;
const NO_TRUST: IdentityError =
    IdentityError::Papers("the trust bundle cannot be read: enrol this sensor again (enrol --again)");
const OTHER_TRUST: IdentityError = IdentityError::Papers(
    "the collector gave a trust bundle that the one in force does not vouch for; it is not taken",
);
const OTHER_KEY: IdentityError =
    IdentityError::Papers("the collector gave a certificate for another key; it is not taken");

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::bounded::Bounded;
    use auscult_report::key::{PublicKey, SensorKey};
    use auscult_report::payload::Extras;
    use rcgen::{BasicConstraints, IsCa, Issuer};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use x509_parser::certification_request::X509CertificationRequest;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let folder = std::env::temp_dir().join(format!("auscult-papers-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(folder.join("keys")).unwrap();
            Place(folder)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn trust(version: u32) -> Vec<u8> {
        let signer = SensorKey::from_seed(&[1; 32]);
        let trust = Trust {
            version,
            signer: signer.public(),
            keeper: b"archive.example".to_vec().try_into().unwrap(),
            ledger_key: PublicKey([2; 32]),
            authorities: Bounded::new(),
            addresses: Bounded::new(),
            ext: Extras::new(),
        };
        trust.seal(&signer).unwrap()
    }

    struct Asked(Vec<u8>);

    impl PublicKeyData for Asked {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }
        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &PKCS_ED25519
        }
    }

    fn issue(request: &[u8]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = Issuer::new(params, KeyPair::generate_for(&PKCS_ED25519).unwrap());
        let (_, request) = X509CertificationRequest::from_der(request).unwrap();
        let key = Asked(request.certification_request_info.subject_pki.subject_public_key.data.to_vec());
        CertificateParams::new(Vec::new()).unwrap().signed_by(&key, &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn papers_are_for_their_owner_only_and_are_found_again() {
        let place = Place::new("owner");
        let mut papers = Papers::open(&place.0).unwrap();
        assert!(papers.trust().is_none() && papers.certificate().is_none());
        papers.pin(&trust(1)).unwrap();
        let certificate = issue(&papers.request().unwrap());
        papers.grant(&certificate).unwrap();
        for file in fs::read_dir(place.0.join("keys")).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        }
        let again = Papers::open(&place.0).unwrap();
        assert_eq!(again.trust().map(|t| t.version), Some(1));
        assert_eq!(again.certificate().unwrap().der, certificate);
        assert!(!format!("{again:?}{:?}", again.certificate()).contains("key"));
    }

    #[test]
    fn the_same_key_is_asked_for_until_it_has_its_certificate_and_then_another() {
        let place = Place::new("next");
        let mut papers = Papers::open(&place.0).unwrap();
        let first = issue(&papers.request().unwrap());
        let second = issue(&Papers::open(&place.0).unwrap().request().unwrap());
        assert_eq!(key_hash(&first), key_hash(&second));
        papers.grant(&first).unwrap();
        let next = issue(&papers.request().unwrap());
        assert_ne!(key_hash(&first), key_hash(&next), "each certificate has a key of its own");
        assert!(papers.grant(&first).is_err(), "a certificate of an older key");
        assert_eq!(papers.certificate().unwrap().der, first);
    }

    #[test]
    fn a_power_cut_between_certificate_and_key_costs_neither() {
        let place = Place::new("cut");
        let mut papers = Papers::open(&place.0).unwrap();
        papers.grant(&issue(&papers.request().unwrap())).unwrap();
        let next = issue(&papers.request().unwrap());
        put(&place.0.join("keys"), CERTIFICATE, &next).unwrap();
        let again = Papers::open(&place.0).unwrap();
        assert_eq!(again.certificate().unwrap().der, next);
        assert!(!place.0.join("keys/tls.next.key").exists());
        assert_eq!(Papers::open(&place.0).unwrap().certificate().unwrap().der, next);
    }

    #[test]
    fn only_a_bundle_that_the_one_in_force_vouches_for_is_followed() {
        let place = Place::new("follow");
        let mut papers = Papers::open(&place.0).unwrap();
        assert!(papers.follow(&trust(2)).is_err(), "there is none in force");
        papers.pin(&trust(2)).unwrap();
        assert!(papers.follow(&trust(2)).is_err());
        let mut forged = trust(3);
        *forged.last_mut().unwrap() ^= 1;
        assert!(papers.follow(&forged).is_err() && papers.pin(&forged).is_err());
        assert_eq!(papers.follow(&trust(3)).unwrap(), 3);
        assert_eq!(Papers::open(&place.0).unwrap().trust().map(|t| t.version), Some(3));
    }

    #[test]
    fn a_certificate_is_due_after_two_thirds_of_its_life() {
        let (from, until) = (Timestamp(1_000), Timestamp(31_000));
        let certificate = Certificate { der: Vec::new(), key: Zeroizing::new(Vec::new()), from, until };
        let due: Vec<bool> = [0, 20_999, 21_000, 31_000].map(|t| certificate.is_due(Timestamp(t))).to_vec();
        assert_eq!(due, [false, false, true, true]);
        assert!(!certificate.is_over(Timestamp(30_999)) && certificate.is_over(Timestamp(31_000)));
    }
}
