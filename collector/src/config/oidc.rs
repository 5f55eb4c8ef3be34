//! `[people.oidc]`: another service that vouches for people (OpenID Connect Core 1.0), as typed and as meant.
//!
//! Keeps: addresses, the path of the secret. Drops: the secret itself; addresses without TLS, but for this machine's own.

use super::{ConfigError, at};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

/// Another service that vouches for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// The service, by the address that it signs with.
    pub issuer: String,
    /// What people read on the button.
    pub title: String,
    /// Our name there.
    pub client_id: String,
    /// The file of our secret there. None: we are a public client, proved by PKCE alone.
    pub client_secret: Option<PathBuf>,
    /// Our own address, as browsers reach it.
    pub address: String,
    /// The file of certificates (PEM) by which the service is known. None: those that this system trusts.
    pub roots: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOidc {
    issuer: Spanned<String>,
    title: Spanned<String>,
    client_id: String,
    client_secret: Option<PathBuf>,
    address: Spanned<String>,
    roots: Option<PathBuf>,
}

impl RawOidc {
    pub(super) fn meant(self, text: &str) -> Result<Oidc, ConfigError> {
        if !is_safe(self.issuer.get_ref()) {
            let said = "people.oidc.issuer must begin with https:// (http:// for this machine's own alone)";
            return Err(at(text, self.issuer.span().start, said));
        }
        let address = self.address.get_ref();
        let host = address.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            let said = "people.oidc.address is how browsers reach this archive, as in https://archive.example.org:8444";
            return Err(at(text, self.address.span().start, said));
        }
        let title = self.title.get_ref();
        if title.trim().is_empty() || title.len() > 60 || title.chars().any(char::is_control) {
            let said = "people.oidc.title is what people read on the button: 1 to 60 characters";
            return Err(at(text, self.title.span().start, said));
        }
        Ok(Oidc {
            issuer: self.issuer.into_inner(),
            title: self.title.into_inner(),
            client_id: self.client_id,
            client_secret: self.client_secret,
            address: self.address.into_inner(),
            roots: self.roots,
        })
    }
}

/// Whether an address is one that nobody reads on the way.
fn is_safe(address: &str) -> bool {
    let own = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    address.starts_with("https://") || own.iter().any(|prefix| address.starts_with(prefix))
}
