//! The provider's own CA, and the key that signs whom sensors believe (X.509 by RFC 5280; the one name of a sensor's certificate
//! by SPIFFE X509-SVID section 2: one URI, no CA).
//!
//! Keeps, in one folder that only its owner may read: `ca.key` and `ca.crt` (PKCS#8, X.509, both DER), `trust.key` (a seed),
//! `trust` (the newest bundle, sealed). Made once, each on the disk with its folder before it is used. Drops: the content of keys
//! from every print and message. A certificate is a convenience of the door: who may do what is looked up at each request.

mod keys;
mod trust;
mod vault;

pub use trust::Bundle;
pub use vault::{Vault, VaultError};

use auscult_report::key::{LedgerId, SensorId, SensorKey};
use auscult_report::time::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The CA of a provider.
pub struct Authority {
    folder: PathBuf,
    /// The name of the archive: the trust domain of sensors' names.
    name: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    trust_key: SensorKey,
    vault: Vault,
}

/// A certificate and its key.
pub struct Issued {
    /// X.509.
    pub certificate: CertificateDer<'static>,
    /// PKCS#8.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Opens the CA of the archive called `name`, or makes it in an empty folder.
    ///
    /// # Errors
    /// What is wrong with which file, and what a person can do.
    pub fn open(folder: &Path, name: &str, now: Timestamp) -> Result<Authority, AuthorityError> {
        keys::make_folder(folder)?;
        let paths = ["ca.key", "ca.crt", "trust.key"].map(|n| folder.join(n));
        let [key, certificate, trust] = &paths;
        if !trust.exists() {
            make(name, (key, certificate, trust), now)?;
        }
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(
            &PrivatePkcs8KeyDer::from(keys::read_secret(key)?.to_vec()),
            &PKCS_ED25519,
        );
        let pair = pair.map_err(|_| AuthorityError::Damaged(key.clone()))?;
        let certificate_octets = keys::read(certificate)?;
        let certificate_octets = CertificateDer::from(certificate_octets);
        let issuer = Issuer::from_ca_cert_der(&certificate_octets, pair)
            .map_err(|_| AuthorityError::Damaged(certificate.clone()))?;
        let seed = keys::read_secret(trust)?;
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| AuthorityError::Damaged(trust.clone()))?;
        Ok(Authority {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
            certificate: certificate_octets,
            issuer,
            trust_key: SensorKey::from_seed(seed),
            vault: Vault::new(seed),
        })
    }

    /// The CA's own certificate.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What seals secrets that must lie in the data base.
    #[must_use]
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// A sensor's certificate for the key of its request (PKCS#10, DER). Nothing else of the request is used.
    ///
    /// # Errors
    /// [`AuthorityError::Request`] if it is no request, or is not signed by its own key.
    pub fn sensor(
        &self,
        request: &[u8],
        (ledger, sensor): (LedgerId, SensorId),
        now: Timestamp,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let request = CertificateSigningRequestDer::from(request);
        let request = CertificateSigningRequestParams::from_der(&request).map_err(|_| AuthorityError::Request)?;
        let mut params = leaf(now, SENSOR_DAYS)?;
        let uri = format!("spiffe://{}/clinic/{ledger}/sensor/{sensor}", self.name);
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(uri).map_err(|_| AuthorityError::Request)?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let signed = params.signed_by(&request.public_key, &self.issuer).map_err(|_| AuthorityError::Request)?;
        Ok(signed.der().clone())
    }

    /// A certificate of this archive for the hosts (names or addresses) by which it is reached.
    ///
    /// # Errors
    /// [`AuthorityError::Request`] if a name cannot stand in a certificate.
    pub fn server(&self, hosts: &[String], key: &KeyPair, now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut params = leaf(now, SERVER_DAYS)?;
        let names = CertificateParams::new(hosts.to_vec()).map_err(|_| AuthorityError::Request)?;
        params.subject_alt_names = names.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let signed = params.signed_by(key, &self.issuer).map_err(|_| AuthorityError::Request)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Issued { certificate: signed.der().clone(), key })
    }
}

/// A new key for a certificate of this archive; it stays in memory.
///
/// # Errors
/// If the system gives no random octets.
pub fn server_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(|_| AuthorityError::Random)
}

/// The same for the listener of people: browsers know no Ed25519 in certificates.
///
/// # Errors
/// If the system gives no random octets.
pub fn people_key() -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| AuthorityError::Random)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.name)
    }
}

/// The order matters: the trust key is made last, so that a start which was cut off is made again.
fn make(name: &str, (key, certificate, trust): (&Path, &Path, &Path), now: Timestamp) -> Result<(), AuthorityError> {
    let pair = server_key()?;
    let mut params = CertificateParams::new(Vec::new()).map_err(|_| AuthorityError::Request)?;
    params.distinguished_name.push(DnType::CommonName, format!("auscult {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (moment(now, 0, DAY_S)?, moment(now, CA_DAYS, 0)?);
    let signed = params.self_signed(&pair).map_err(|_| AuthorityError::Request)?;
    keys::replace(key, &pair.serialize_der())?;
    keys::replace(certificate, signed.der())?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| AuthorityError::Random)?;
    keys::replace(trust, &seed)
}

/// A certificate for a key that signs nothing but handshakes.
fn leaf(now: Timestamp, days: u64) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(|_| AuthorityError::Request)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (moment(now, 0, DAY_S)?, moment(now, days, 0)?);
    Ok(params)
}

/// So many days after `now`, less so many seconds: clocks of sensors may be behind.
fn moment(now: Timestamp, days: u64, less_s: u64) -> Result<time::OffsetDateTime, AuthorityError> {
    let s = (now.0 / 1_000).saturating_add(days.saturating_mul(DAY_S)).saturating_sub(less_s);
    let since = Duration::from_secs(s).try_into().map_err(|_| AuthorityError::Request)?;
    rcgen::date_time_ymd(1970, 1, 1).checked_add(since).ok_or(AuthorityError::Request)
}

/// Why there is no CA to work with, or no certificate.
#[derive(Debug)]
pub enum AuthorityError {
    /// A file cannot be read or made.
    File(PathBuf, io::Error),
    /// Others may read a key.
    Exposed(PathBuf),
    /// A file is not what it should be.
    Damaged(PathBuf),
    /// The system gives no random octets.
    Random,
    /// What was asked for cannot be certified.
    Request,
    /// The bundle is too long: too many addresses or certificates.
    TooLong,
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthorityError::File(path, e) => write!(f, "{}: {e}", path.display()),
            AuthorityError::Exposed(path) => write!(
                f,
                "{}: others may read this key; chmod 600 it if nobody did, else make a new authority in an empty folder",
                path.display()
            ),
            AuthorityError::Damaged(path) => {
                write!(f, "{}: is damaged; bring the whole authority folder back from its copy", path.display())
            }
            AuthorityError::Random => f.write_str("the system gives no random octets"),
            AuthorityError::Request => f.write_str("a certificate cannot be made for what was asked"),
            AuthorityError::TooLong => f.write_str("the trust bundle is too long: name fewer addresses"),
        }
    }
}

impl std::error::Error for AuthorityError {}

/// Days of a sensor's certificate; it asks for the next one after two thirds.
pub const SENSOR_DAYS: u64 = 30;
/// Days of this archive's certificate; a running one makes itself a new one each day.
const SERVER_DAYS: u64 = 30;
/// Twenty years of the CA: who must change it before sends out a bundle with both.
const CA_DAYS: u64 = 7_305;
const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests;
