//! One request at a time to the collector: HTTP over TLS 1.3, with a certificate on both sides.
//!
//! Follows RFC 9110 and RFC 8446. No redirect is followed (a portal's would lead the report astray), no answer longer
//! than a receipt is read, and each step has its time. Keeps: status, Retry-After, a receipt, the word of a 403. Drops:
//! everything else, so that nothing a stranger answers reaches a log.

use crate::courier::retry::{Answer, Standing, Status};
use crate::courier::trust::{ClockTrust, CollectorVerifier, TrustError};
use auscult_report::receipt::{MAX_RECEIPT, Receipt};
use core::fmt;
use core::time::Duration;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, version};
use std::sync::Arc;

/// A way to one collector, whatever address of it is in turn.
#[derive(Debug)]
pub struct Link {
    client: Client,
}

/// Who speaks and who is believed.
pub struct Credentials<'a> {
    /// The collector's CA certificates (X.509, DER), from enrolment.
    pub roots: &'a [Vec<u8>],
    /// The sensor's own certificate (X.509, DER) and its key (PKCS#8, DER); none before the first one was issued.
    pub own: Option<(&'a [u8], &'a [u8])>,
    /// What the clock is worth.
    pub clock: ClockTrust,
}

impl Link {
    /// Makes a way. Connections are made when something is sent.
    ///
    /// # Errors
    /// [`LinkError`] if a certificate or the key cannot be used.
    pub fn new(credentials: &Credentials<'_>) -> Result<Link, LinkError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            CollectorVerifier::new(credentials.roots, credentials.clock, &provider).map_err(LinkError::Trust)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|_| LinkError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match credentials.own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from(certificate.to_vec())],
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec())),
                )
                .map_err(|_| LinkError::Own)?,
        };
        let client = Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|_| LinkError::Tls)?;
        Ok(Link { client })
    }

    /// Sends a batch of reports (FORMAT.md section 10) to `https://ADDRESS/v1/reports`.
    pub async fn deliver(&self, address: &str, batch: Vec<u8>) -> Answer {
        let url = format!("https://{address}/v1/reports");
        match self.client.post(url).header(CONTENT_TYPE, BATCH_TYPE).body(batch).send().await {
            Ok(response) => read(response).await,
            Err(_) => Answer::Silence,
        }
    }
}

async fn read(mut response: Response) -> Answer {
    let code = response.status().as_u16();
    let retry_after_s = retry_after_s(response.headers());
    let is_receipt = response.headers().get(CONTENT_TYPE).is_some_and(|t| t == RECEIPT_TYPE);
    let mut body = Vec::new();
    if is_receipt || code == 403 {
        loop {
            match response.chunk().await {
                Ok(Some(part)) if body.len().saturating_add(part.len()) <= MAX_RECEIPT => body.extend(part),
                Ok(None) => break,
                // Longer than any receipt, or cut off: what was stored is not known.
                Ok(Some(_)) | Err(_) => return Answer::Silence,
            }
        }
    }
    let receipt = if is_receipt { Receipt::decode(&body).ok().map(Box::new) } else { None };
    let standing = if code == 403 { Standing::read(&body) } else { None };
    Answer::Status(Status { code, retry_after_s, receipt, standing })
}

/// Retry-After in seconds (RFC 9110 section 10.2.3). A date is counted from the answer's own Date: the sensor's clock may
/// be wrong, the difference of the two is not.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(seconds);
    }
    let second = |date: &str| jiff::fmt::rfc2822::parse(date).ok().map(|z| z.timestamp().as_second());
    let wait = second(asked)?.checked_sub(second(text(DATE)?)?)?;
    Some(u64::try_from(wait).unwrap_or(0))
}

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The collector's certificates are none.
    Trust(TrustError),
    /// The sensor's own certificate or key is none, or they do not belong together.
    Own,
    /// TLS could not be set up.
    Tls,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::Trust(e) => e.fmt(f),
            LinkError::Own => {
                f.write_str("this sensor's certificate or its key cannot be used: enrol this sensor again")
            }
            LinkError::Tls => f.write_str("setting up TLS: the program was built without a usable provider"),
        }
    }
}

impl core::error::Error for LinkError {}

/// Content-Type of a batch.
pub const BATCH_TYPE: &str = "application/vnd.auscult.reports";
/// Content-Type of a receipt.
pub const RECEIPT_TYPE: &str = "application/vnd.auscult.receipt";
/// For TCP and TLS: a satellite link needs three seconds.
const CONNECT: Duration = Duration::from_secs(15);
/// For all of it: 256 KiB at 50 kbit/s take 42 s.
const REQUEST: Duration = Duration::from_secs(90);
