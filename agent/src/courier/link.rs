//! One request at a time to the collector: HTTP over TLS 1.3, with a certificate on both sides.
//!
//! Follows RFC 9110 and RFC 8446. No redirect is followed (a portal's would lead the report astray), no answer longer
//! than a receipt is read, and each step has its time. Keeps: status, Retry-After, a receipt, a certificate, the word of a
//! 403. Drops: everything else, so that nothing a stranger answers reaches a log.

use crate::courier::ends::{Ends, Tell};
use crate::courier::retry::{Answer, Silence, Standing, Status};
use crate::courier::trust::{ClockTrust, CollectorVerifier, Meeting, TrustError};
use auscult_report::receipt::{MAX_RECEIPT, Receipt};
use auscult_report::renew::Grant;
use core::fmt;
use core::time::Duration;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, version};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// A way to one collector, whatever address of it is in turn.
pub struct Link {
    client: Client,
    ends: Option<Arc<Ends>>,
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

/// What is asked: where, in what form, what.
#[derive(Clone)]
pub struct Request {
    /// The path.
    pub path: &'static str,
    /// Content-Type of the octets.
    pub form: &'static str,
    /// The body.
    pub octets: Vec<u8>,
    /// Leaves of the ledger that were seen, for a batch: its reports may have been sealed before.
    pub seen: Option<u64>,
}

/// An answer as it came: for enrolment, where nobody is believed yet.
pub struct Reply {
    /// RFC 9110 section 15.
    pub code: u16,
    /// Retry-After, in seconds from when the answer was made.
    pub retry_after_s: Option<u64>,
    /// Content-Type, if it is one of ours.
    pub form: Option<&'static str>,
    /// The body, if it has one of our forms or is a 403's.
    pub body: Vec<u8>,
}

impl Link {
    /// Makes a way. Connections are made when something is sent.
    ///
    /// # Errors
    /// [`LinkError`] if a certificate or the key cannot be used.
    pub fn new(credentials: &Credentials<'_>) -> Result<Link, LinkError> {
        Link::telling(credentials, None)
    }

    /// Makes a way that tells to whom it is about to speak.
    ///
    /// # Errors
    /// As [`Link::new`].
    pub fn telling(credentials: &Credentials<'_>, tell: Option<Tell>) -> Result<Link, LinkError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            CollectorVerifier::new(credentials.roots, credentials.clock, &provider).map_err(LinkError::Trust)?;
        Link::with(Arc::new(verifier), credentials.own, tell)
    }

    /// A way to somebody whom nothing is known of yet: `meeting` remembers whom it meets.
    ///
    /// # Errors
    /// [`LinkError::Tls`].
    pub fn to_stranger(meeting: Arc<Meeting>) -> Result<Link, LinkError> {
        Link::with(meeting, None, None)
    }

    fn with(
        verifier: Arc<dyn ServerCertVerifier>,
        own: Option<(&[u8], &[u8])>,
        tell: Option<Tell>,
    ) -> Result<Link, LinkError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|_| LinkError::Tls)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from(certificate.to_vec())],
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec())),
                )
                .map_err(|_| LinkError::Own)?,
        };
        let ends = tell.map(|tell| Arc::new(Ends::new(tell)));
        let builder = match &ends {
            Some(ends) => Client::builder().dns_resolver(Arc::clone(ends)),
            None => Client::builder(),
        };
        let client = builder
            .tls_backend_preconfigured(config)
            .https_only(true)
            .http1_only()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|_| LinkError::Tls)?;
        Ok(Link { client, ends })
    }

    /// Sends a batch of reports (FORMAT.md section 10) to `https://ADDRESS/v1/reports`.
    pub async fn deliver(&self, address: &str, batch: Vec<u8>) -> Answer {
        self.send(address, Request { path: REPORTS_PATH, form: BATCH_TYPE, octets: batch, seen: None }).await
    }

    /// Asks something of the collector that is believed.
    pub async fn send(&self, address: &str, request: Request) -> Answer {
        match self.ask(address, request).await {
            Ok(reply) => Answer::Status(reply.meant()),
            Err(silence) => Answer::Silence(silence),
        }
    }

    /// Asks something of whoever is at the other end.
    ///
    /// # Errors
    /// Why nothing came back.
    pub async fn ask(&self, address: &str, request: Request) -> Result<Reply, Silence> {
        let Request { path, form, octets, seen } = request;
        if let Some(ends) = &self.ends {
            ends.next(address);
        }
        let mut asked = self.client.post(format!("https://{address}{path}")).header(CONTENT_TYPE, form);
        if let Some(size) = seen {
            asked = asked.header(SEEN, size);
        }
        match asked.body(octets).send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(silence(&error)),
        }
    }
}

impl Reply {
    fn meant(&self) -> Status {
        let receipt =
            if self.form == Some(RECEIPT_TYPE) { Receipt::decode(&self.body).ok().map(Box::new) } else { None };
        let grant = if self.form == Some(RENEW_TYPE) { Grant::decode(&self.body).ok().map(Box::new) } else { None };
        let standing = if self.code == 403 { Standing::read(&self.body) } else { None };
        Status { code: self.code, retry_after_s: self.retry_after_s, receipt, grant, standing }
    }
}

async fn read(mut response: Response) -> Result<Reply, Silence> {
    let code = response.status().as_u16();
    let retry_after_s = retry_after_s(response.headers());
    let said = response.headers().get(CONTENT_TYPE);
    let form = OUR_TYPES.into_iter().find(|ours| said.is_some_and(|t| t == ours));
    let mut body = Vec::new();
    if form.is_some() || code == 403 {
        loop {
            match response.chunk().await {
                Ok(Some(part)) if body.len().saturating_add(part.len()) <= MAX_RECEIPT => body.extend(part),
                Ok(None) => break,
                // Longer than any answer, or cut off: what was stored is not known.
                Ok(Some(_)) | Err(_) => return Err(Silence::CutOff),
            }
        }
    }
    Ok(Reply { code, retry_after_s, form, body })
}

/// What an error of the way means. Its text may name strangers: only its kind is kept.
fn silence(error: &reqwest::Error) -> Silence {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    // Bounded: a chain of causes has an end.
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|e| e.downcast_ref()).or_else(|| cause.downcast_ref());
        match tls {
            Some(rustls::Error::AlertReceived(_)) => return Silence::TurnedAway,
            Some(rustls::Error::InvalidCertificate(_)) => return Silence::Untrusted,
            Some(_) => return Silence::Unreachable,
            None => {}
        }
        next = match inner {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    if error.is_connect() || error.is_timeout() { Silence::Unreachable } else { Silence::CutOff }
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

/// FORMAT.md section 20: where the consistency proof of a receipt begins.
const SEEN: &str = "auscult-seen";
/// Where batches go.
pub const REPORTS_PATH: &str = "/v1/reports";
/// Where signs of life go.
pub const ALIVE_PATH: &str = "/v1/sensor/alive";
/// Where certificates are asked for.
pub const RENEW_PATH: &str = "/v1/sensor/renew";
/// Content-Type of a batch.
pub const BATCH_TYPE: &str = "application/vnd.auscult.reports";
/// Content-Type of a receipt.
pub const RECEIPT_TYPE: &str = "application/vnd.auscult.receipt";
/// Content-Type of a sign of life.
pub const ALIVE_TYPE: &str = "application/vnd.auscult.alive";
/// Content-Type of a request for a certificate, and of its answer.
pub const RENEW_TYPE: &str = "application/vnd.auscult.renew";
/// Content-Type of an enrolment, both ways.
pub const ENROL_TYPE: &str = "application/vnd.auscult.enrol";
/// Forms of answers that are read.
const OUR_TYPES: [&str; 3] = [RECEIPT_TYPE, RENEW_TYPE, ENROL_TYPE];
/// For TCP and TLS: a satellite link needs three seconds.
const CONNECT: Duration = Duration::from_secs(15);
/// For all of it: 256 KiB at 50 kbit/s take 42 s.
const REQUEST: Duration = Duration::from_secs(90);
/// How long a connection is used again: what follows at once. Later ones would meet one that was closed meanwhile.
const IDLE: Duration = Duration::from_secs(2);
