//! Whom the link believes: the collector's own CA from enrolment, nobody else; and when it may look at a clock.
//!
//! Follows RFC 5280 by way of webpki. A router without a clock of its own starts in 1970: every certificate would be
//! "not yet valid" for ever, because without the collector it learns no time. So, while the clock is not trusted, key,
//! name and chain are checked as always and the dates at the leaf's own beginning (never before the floor). Keeps:
//! roots. Drops: the system's trust store, which says nothing about this collector.

use crate::identity::key_hash;
use auscult_report::key::Hash;
use core::fmt;
use core::time::Duration;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What the clock is worth when a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTrust {
    /// Dates are checked at the time of the system.
    Trusted,
    /// Dates are checked at the leaf's beginning, but never before this: when the program was built, or the newest
    /// signed time that was ever seen. Seconds since 1970.
    Floor(u64),
}

/// Checks the collector's certificate.
#[derive(Debug)]
pub struct CollectorVerifier {
    inner: Arc<WebPkiServerVerifier>,
    clock: ClockTrust,
}

impl CollectorVerifier {
    /// A verifier that believes these roots (X.509, DER).
    ///
    /// # Errors
    /// [`TrustError`] if there is none, or one is no certificate.
    pub fn new(
        roots: &[Vec<u8>],
        clock: ClockTrust,
        provider: &Arc<CryptoProvider>,
    ) -> Result<CollectorVerifier, TrustError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(CertificateDer::from(root.clone())).map_err(|_| TrustError)?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|_| TrustError)?;
        Ok(CollectorVerifier { inner, clock })
    }

    fn judged_at(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> UnixTime {
        match self.clock {
            ClockTrust::Trusted => now,
            ClockTrust::Floor(floor_s) => {
                let begins = X509Certificate::from_der(leaf).ok().map(|(_, c)| c.validity().not_before.timestamp());
                let begins_s = begins.and_then(|s| u64::try_from(s).ok()).unwrap_or(0);
                UnixTime::since_unix_epoch(Duration::from_secs(begins_s.max(floor_s)))
            }
        }
    }
}

impl ServerCertVerifier for CollectorVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner.verify_server_cert(leaf, chain, name, ocsp, self.judged_at(leaf, now))
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
        self.inner.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes whatever certificate is shown, on the one path where none is known yet, and remembers its key: an enrolment's proof
/// then speaks of that key or of another. Who has the key is checked as always; a second key within one meeting is refused.
#[derive(Debug)]
pub struct Meeting {
    met: Mutex<Option<Hash>>,
    provider: Arc<CryptoProvider>,
}

impl Meeting {
    /// A meeting in which nobody was met yet.
    #[must_use]
    pub fn new() -> Meeting {
        Meeting { met: Mutex::new(None), provider: Arc::new(rustls::crypto::ring::default_provider()) }
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of who was met.
    #[must_use]
    pub fn met(&self) -> Option<Hash> {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Meeting {
    fn default() -> Meeting {
        Meeting::new()
    }
}

impl ServerCertVerifier for Meeting {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let key = key_hash(leaf).ok_or_else(bad)?;
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if *met.get_or_insert(key) == key {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
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
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The trust bundle holds no usable certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustError;

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the collector's CA certificate cannot be read: enrol this sensor again")
    }
}

impl core::error::Error for TrustError {}
