//! Another service that vouches for people: OpenID Connect Core 1.0, code flow with PKCE (RFC 7636), state and nonce; the issuer is the one
//! of the settings and no other.
//!
//! Keeps: what the service says of itself, for ten minutes. Drops: access tokens, names and mail addresses; answers over
//! [`MOST_OCTETS`]; every redirection.

use crate::access::{Vouched, new_token};
use crate::config::Oidc;
use auscult_report::time::Timestamp;
use chrono::DateTime;
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, SignatureVerificationError,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// Another service that vouches for people.
pub struct Elsewhere {
    issuer: IssuerUrl,
    /// What people read on the button.
    pub(super) title: String,
    client: ClientId,
    secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    http: reqwest::Client,
    known: Mutex<Option<(Timestamp, CoreProviderMetadata)>>,
}

/// A way there: where the browser goes, and what the answer is checked by.
pub(super) struct Out {
    pub(super) nonce: String,
    pub(super) verifier: String,
}

impl Elsewhere {
    /// By the settings; reads the secret and the certificates.
    ///
    /// # Errors
    /// What cannot be read, and what to try.
    pub fn open(settings: &Oidc) -> Result<Elsewhere, String> {
        let read = |path: &std::path::Path| {
            fs::read_to_string(path)
                .map_err(|e| format!("people.oidc: {}: {e}; name a file that can be read", path.display()))
        };
        let secret = settings.client_secret.as_deref().map(read).transpose()?;
        let roots = settings.roots.as_deref().map(read).transpose()?;
        let bad = |e: &dyn fmt::Display| format!("people.oidc: {e}");
        Ok(Elsewhere {
            issuer: IssuerUrl::new(settings.issuer.clone()).map_err(|e| bad(&e))?,
            title: settings.title.clone(),
            client: ClientId::new(settings.client_id.clone()),
            secret: secret.map(|s| ClientSecret::new(s.trim().to_owned())),
            redirect: RedirectUrl::new(format!("{}/oidc/back", settings.address)).map_err(|e| bad(&e))?,
            http: http(roots.as_deref()).map_err(|e| bad(&e))?,
            known: Mutex::default(),
        })
    }

    /// What a way is checked by; it is kept before the browser goes.
    pub(super) fn out() -> Option<Out> {
        Some(Out { nonce: new_token().ok()?, verifier: new_token().ok()? })
    }

    /// Where the browser goes. `again`: the service is to ask who it is, also if it knows.
    pub(super) fn address(&self, out: &Out, state: &str, again: bool, now: Timestamp) -> Result<String, &'static str> {
        let client = CoreClient::from_provider_metadata(self.known(now)?, self.client.clone(), self.secret.clone())
            .set_redirect_uri(self.redirect.clone());
        let verifier = PkceCodeVerifier::new(out.verifier.clone());
        let (state, nonce) = (state.to_owned(), out.nonce.clone());
        let way = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        );
        let way = way.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let way = if again { way.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO) } else { way };
        Ok(way.url().0.to_string())
    }

    /// For whom the service vouches, by the code that the browser brings.
    pub(super) fn vouches(
        &self,
        code: &str,
        (nonce, verifier): (&str, &str),
        now: Timestamp,
    ) -> Result<Vouched, &'static str> {
        // Its keys may be others than ten minutes ago.
        let known = self.ask_about(now)?;
        let ask = |request| self.ask(request);
        let client = CoreClient::from_provider_metadata(known, self.client.clone(), self.secret.clone())
            .set_redirect_uri(self.redirect.clone());
        let exchange = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| SILENT)?;
        let exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
        let answer = exchange.request(&ask).map_err(|_| CODE)?;
        let token = answer.extra_fields().id_token().ok_or(FORM)?;
        let moment = i64::try_from(now.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(move || moment);
        let claims = token.claims(&verifier, &Nonce::new(nonce.to_owned())).map_err(|e| refused(&e))?;
        let shown = claims.auth_time().and_then(|at| u64::try_from(at.timestamp_millis()).ok());
        Ok(Vouched {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            shown: shown.map(Timestamp),
        })
    }

    /// Whether an answer says that it comes from this service (RFC 9207); one that does not say it may.
    pub(super) fn is_from(&self, issuer: &str) -> bool {
        issuer.is_empty() || issuer == self.issuer.as_str()
    }

    fn known(&self, now: Timestamp) -> Result<CoreProviderMetadata, &'static str> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((at, known)) if now.since_ms(at) < KNOWN_MS => Ok(known),
            _ => self.ask_about(now),
        }
    }

    /// What the service says of itself; that of another issuer is refused.
    fn ask_about(&self, now: Timestamp) -> Result<CoreProviderMetadata, &'static str> {
        let ask = |request| self.ask(request);
        let known = CoreProviderMetadata::discover(&self.issuer, &ask).map_err(|why| {
            tracing::warn!(error = %why, "the service that vouches for people does not answer as it should");
            SILENT
        })?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, known.clone()));
        Ok(known)
    }

    /// One question. Where the issuer has TLS, every address of its has.
    fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Unheard> {
        let (head, body) = request.into_parts();
        let is_safe = head.uri.scheme_str() == Some("https") || self.issuer.url().scheme() == "http";
        if !is_safe {
            return Err(Unheard("an address without TLS".to_owned()));
        }
        let said = |e: reqwest::Error| Unheard(e.without_url().to_string());
        let asked = self.http.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
        Handle::current().block_on(async {
            let mut answer = asked.send().await.map_err(said)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut octets = Vec::new();
            while let Some(more) = answer.chunk().await.map_err(said)? {
                octets.extend_from_slice(&more);
                if octets.len() > MOST_OCTETS {
                    return Err(Unheard("an answer that is too long".to_owned()));
                }
            }
            let mut response = HttpResponse::new(octets);
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        })
    }
}

/// A client that follows nowhere and does not wait long.
fn http(roots: Option<&str>) -> Result<reqwest::Client, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                store.add(certificate.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
            }
        }
        // What this system trusts; a certificate of it that cannot be read is passed over.
        None => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(store)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|e| e.to_string())
}

/// What is wrong with a token, for who reads the page.
fn refused(why: &ClaimsVerificationError) -> &'static str {
    tracing::warn!(error = %why, "what the service that vouches for people says does not hold");
    match why {
        ClaimsVerificationError::Expired(_) => {
            "The service's answer is too old. Begin again; if it happens again, the clocks of the two differ."
        }
        ClaimsVerificationError::InvalidIssuer(_) => {
            "The answer comes from another service than the one of the settings."
        }
        ClaimsVerificationError::InvalidAudience(_) => "The service's answer is meant for somebody else.",
        ClaimsVerificationError::InvalidNonce(_) => "The service's answer does not belong to this way in. Begin again.",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::DisallowedAlg(_)) => {
            "The service signs in a way that is not taken here: RS256, PS256, ES256 and EdDSA are."
        }
        ClaimsVerificationError::SignatureVerification(_) => "The service's answer is not signed by the service.",
        _ => FORM,
    }
}

/// Why a question was not answered.
#[derive(Debug)]
struct Unheard(String);

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unheard {}

const SILENT: &str = "The service that vouches for people does not answer as it should. Try again in a minute.";
const CODE: &str = "The service does not take this way in any more: it was used, or is too old. Begin again.";
const FORM: &str = "The service's answer is not understood.";
/// Signatures with a public key alone: who can check cannot sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// How long is believed what it says of itself.
const KNOWN_MS: u64 = 10 * 60_000;
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A list of keys and a token are some kilobytes.
const MOST_OCTETS: usize = 1 << 20;
