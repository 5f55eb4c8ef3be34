//! TLS towards others (RFC 8446, and 1.2 where they have no newer one): whom we believe.
//!
//! Keeps: certificates. Drops: nothing; a certificate that cannot be verified ends the connection, there is no way around it.

use super::Failed;
use super::secret::secret;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Believes who is vouched for by the certificates of a file, or by those that this system trusts; shows a certificate of our own if one
/// is named.
pub(super) fn config(ca: Option<&Path>, own: Option<&(PathBuf, PathBuf)>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(match ca {
            Some(file) => format!("{}: no certificate that can be used stands in it", file.display()),
            None => {
                "this system trusts nobody: install its list of certificates (ca-certificates), or name a file as ca"
                    .to_owned()
            }
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| e.to_string())?.with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let said = |e: &dyn std::fmt::Display| format!("{}: {e}", key.display());
            let octets = secret(key)?;
            let private = PrivateKeyDer::from_pem_slice(octets.as_bytes()).map_err(|e| said(&e))?;
            builder.with_client_auth_cert(certificates_of(chain)?, private).map_err(|e| said(&e))?
        }
    };
    // A connection is used once; and servers of OpenSSL that ask for our certificate refuse a session that is resumed, unless each is set
    // up for it (rsyslog's is not).
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The certificates of a PEM file.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |e| format!("{}: {e}", file.display());
    CertificateDer::pem_file_iter(file).map_err(said)?.collect::<Result<_, _>>().map_err(said)
}

fn certificates_of(chain: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    certificates(chain).and_then(|c| {
        if c.is_empty() { Err(format!("{}: no certificate stands in it", chain.display())) } else { Ok(c) }
    })
}

/// Why a handshake failed.
pub(super) fn failed(error: &io::Error) -> Failed {
    within(error).unwrap_or_else(|| Failed::Later(format!("TLS failed ({})", error.kind())))
}

/// What TLS says, if it is among the causes of an error.
pub(super) fn within(error: &(dyn Error + 'static)) -> Option<Failed> {
    let mut cause = Some(error);
    while let Some(one) = cause {
        let wrapped = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let wrapped = wrapped.and_then(|e| e.downcast_ref::<rustls::Error>());
        if let Some(tls) = wrapped.or_else(|| one.downcast_ref()) {
            return Some(said(tls));
        }
        cause = one.source();
    }
    None
}

fn said(error: &rustls::Error) -> Failed {
    Failed::Later(match error {
        rustls::Error::InvalidCertificate(why) => {
            format!("its certificate is not believed ({why:?}); if it is of a CA of your own, name that as ca")
        }
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS from the first octet on".to_owned(),
        why => format!("TLS failed ({why})"),
    })
}
