//! TLS of the listeners (RFC 8446, 1.3 only): our certificate, made by our own CA and made again each day, and what a sensor's
//! certificate says.
//!
//! A sensor may come without a certificate (to enrol, to renew) and with one that has ended (to be told so): key, chain and use are
//! checked in the handshake, the end at the request. Keeps: one key for as long as the process runs. Drops: TLS 1.2 and older.

use super::Peer;
use crate::authority::{Authority, AuthorityError, people_key, server_key};
use auscult_report::key::{Hash, LedgerId, SensorId, hash};
use auscult_report::time::Timestamp;
use rcgen::{KeyPair, PublicKeyData};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Our certificate, as it is now.
pub struct Certificates {
    authority: Arc<Authority>,
    hosts: Vec<String>,
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    now: RwLock<Arc<CertifiedKey>>,
    people: People,
}

/// What people's browsers are shown.
struct People {
    key: KeyPair,
    files: Option<(PathBuf, PathBuf)>,
    now: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// A certificate for these hosts.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(
        authority: &Arc<Authority>,
        hosts: Vec<String>,
        files: Option<(PathBuf, PathBuf)>,
        now: Timestamp,
    ) -> Result<Arc<Certificates>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = server_key().map_err(TlsError::Authority)?;
        let first = certified(authority, &hosts, &key, &provider, now)?;
        let people = people_key().map_err(TlsError::Authority)?;
        let shown = for_browsers(authority, &hosts, (&people, files.as_ref()), &provider, now)?;
        let people = People { key: people, files, now: RwLock::new(shown) };
        let authority = Arc::clone(authority);
        Ok(Arc::new(Certificates { authority, hosts, key, provider, now: RwLock::new(first), people }))
    }

    /// Makes the certificate again, for the same key.
    ///
    /// # Errors
    /// If it cannot be made; the one before stays.
    pub fn refresh(&self, now: Timestamp) -> Result<(), TlsError> {
        let fresh = certified(&self.authority, &self.hosts, &self.key, &self.provider, now)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        let People { key, files, now: shown } = &self.people;
        let fresh = for_browsers(&self.authority, &self.hosts, (key, files.as_ref()), &self.provider, now)?;
        *shown.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// SHA-256 of our public key: what an enrolment pins.
    #[must_use]
    pub fn tls_key(&self) -> Hash {
        hash(b"", &[&self.key.subject_public_key_info()])
    }

    /// For the listener of sensors: certificates of our CA are asked for, and may be missing.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn for_sensors(self: &Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate().clone()).map_err(|_| TlsError::Setup)?;
        let inner = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider));
        let inner = inner.allow_unauthenticated().build().map_err(|_| TlsError::Setup)?;
        let resolver: Arc<Certificates> = Arc::clone(self);
        self.config(Some(Arc::new(SensorVerifier(inner))), resolver)
    }

    /// For the listener of people: no certificate is asked for.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn for_people(self: &Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
        self.config(None, Arc::new(ToPeople(Arc::clone(self))))
    }

    fn config(
        &self,
        clients: Option<Arc<SensorVerifier>>,
        resolver: Arc<dyn ResolvesServerCert>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| TlsError::Setup)?;
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Shows people's browsers the certificate that they know.
#[derive(Debug)]
struct ToPeople(Arc<Certificates>);

impl ResolvesServerCert for ToPeople {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.people.now.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

fn certified(
    authority: &Authority,
    hosts: &[String],
    key: &KeyPair,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let issued = authority.server(hosts, key, now).map_err(TlsError::Authority)?;
    let certified = CertifiedKey::from_der(vec![issued.certificate], issued.key, provider);
    certified.map(Arc::new).map_err(|_| TlsError::Setup)
}

/// The certificate of the files, or one of our own.
fn for_browsers(
    authority: &Authority,
    hosts: &[String],
    (key, files): (&KeyPair, Option<&(PathBuf, PathBuf)>),
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let Some((certificate, key)) = files else { return certified(authority, hosts, key, provider, now) };
    let fault = |path: &PathBuf| TlsError::File(path.clone());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).map_err(|_| fault(certificate))?.collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| fault(certificate))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|_| fault(key))?;
    CertifiedKey::from_der(chain, key_der, provider).map(Arc::new).map_err(|_| fault(key))
}

/// The sensor that a certificate of our CA names. `None`: it names none.
pub(super) fn peer(certificate: &CertificateDer<'_>) -> Option<Peer> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let [GeneralName::URI(uri)] = names.as_slice() else { return None };
    let (_, rest) = uri.strip_prefix("spiffe://")?.split_once("/clinic/")?;
    let (ledger, sensor) = rest.split_once("/sensor/")?;
    let id =
        |text: &str| (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten().map(u128::to_be_bytes);
    let ends_s = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Peer {
        ledger: LedgerId(id(ledger)?),
        sensor: SensorId(id(sensor)?),
        ends: Timestamp(ends_s.saturating_mul(1_000)),
    })
}

/// Checks a sensor's certificate at the moment at which it began.
#[derive(Debug)]
struct SensorVerifier(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for SensorVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let begins = X509Certificate::from_der(leaf).ok().map(|(_, c)| c.validity().not_before.timestamp());
        let begins = begins.and_then(|s| u64::try_from(s).ok());
        let at = begins.map_or(now, |s| UnixTime::since_unix_epoch(Duration::from_secs(s)));
        self.0.verify_client_cert(leaf, chain, at)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Why TLS cannot be set up.
#[derive(Debug)]
pub enum TlsError {
    /// A certificate cannot be made.
    Authority(AuthorityError),
    /// The library does not take it.
    Setup,
    /// A file of people's certificate cannot be used.
    File(PathBuf),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Authority(e) => write!(f, "TLS: {e}; check agents.addresses"),
            TlsError::File(path) => write!(
                f,
                "{}: cannot be read as PEM, or certificate and key do not belong together; check people.certificate and people.key",
                path.display()
            ),
            TlsError::Setup => f.write_str("TLS cannot be set up with the authority's certificates"),
        }
    }
}

impl std::error::Error for TlsError {}
