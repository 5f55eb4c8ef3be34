//! A connection to a collector, request by request: what tests of the network and the load program share.

use crate::station::{Caller, REPORTS, Station};
use auscult_collector::authority::Authority;
use auscult_report::batch::batch;
use auscult_report::key::{Hash, hash};
use auscult_report::receipt::Receipt;
use auscult_report::seal::SealedReport;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

/// A connection to a collector.
pub struct Way {
    runtime: Runtime,
    sender: SendRequest<Full<Bytes>>,
    /// SHA-256 of the collector's public key on it.
    pub peer_key: Hash,
}

impl Way {
    /// Connects to the listener of sensors: as a sensor with its certificate, or as nobody.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn to(station: &Station, caller: Option<&Caller>) -> Way {
        Way::try_to(station.agents(), &station.authority(), caller).unwrap()
    }

    /// Connects to an address, believing a CA.
    ///
    /// # Errors
    /// If TLS does not come about.
    ///
    /// # Panics
    /// If TLS cannot be set up.
    pub fn try_to(at: SocketAddr, authority: &Authority, caller: Option<&Caller>) -> Result<Way, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = client_config(authority.certificate(), caller);
        let (sender, peer_key) = runtime.block_on(connect(at, config))?;
        Ok(Way { runtime, sender, peer_key })
    }

    /// Posts octets: status, headers, body.
    ///
    /// # Panics
    /// If the connection breaks.
    pub fn post(&mut self, path: &str, kind: &str, octets: &[u8]) -> (u16, HeaderMap, Vec<u8>) {
        let request = Request::post(path).header("host", "localhost").header("content-type", kind);
        self.ask(request.body(Full::new(Bytes::copy_from_slice(octets))).unwrap()).unwrap()
    }

    /// Asks anything: status, headers, body.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, HeaderMap, Vec<u8>), String> {
        self.runtime.block_on(async {
            self.sender.ready().await.map_err(|e| e.to_string())?;
            let response = self.sender.send_request(request).await.map_err(|e| e.to_string())?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await.map_err(|e| e.to_string())?;
            // The connection goes on where it can.
            tokio::task::yield_now().await;
            Ok((status, headers, body.to_bytes().to_vec()))
        })
    }

    /// Asks for the head of an answer alone: status, headers.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn head(&mut self, request: Request<Full<Bytes>>) -> Result<(u16, HeaderMap), String> {
        self.runtime.block_on(async {
            self.sender.ready().await.map_err(|e| e.to_string())?;
            let response = self.sender.send_request(request).await.map_err(|e| e.to_string())?;
            Ok((response.status().as_u16(), response.headers().clone()))
        })
    }

    /// Sends reports: status, and the receipt if there is one.
    pub fn reports(&mut self, reports: &[SealedReport]) -> (u16, Option<Receipt>) {
        let (octets, _) = batch(reports.iter().map(SealedReport::octets));
        let (status, _, octets) = self.post("/v1/reports", REPORTS, &octets);
        (status, Receipt::decode(&octets).ok())
    }
}

/// TLS of a sensor that believes one CA.
///
/// # Panics
/// If it cannot be set up.
#[must_use]
pub fn client_config(root: &CertificateDer<'static>, caller: Option<&Caller>) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    // The clock of a test may stand anywhere: names and chain are checked at this machine's time, as everywhere.
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_webpki_verifier(verifier);
    let own = caller.and_then(|c| Some((c.certificate.clone()?, c.tls.serialize_der())));
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from(certificate)],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
            )
            .unwrap(),
    };
    Arc::new(config)
}

/// Connects, and gives SHA-256 of the public key at the other end.
///
/// # Errors
/// If TLS does not come about.
///
/// # Panics
/// If a name cannot be made.
pub async fn connect(at: SocketAddr, config: Arc<ClientConfig>) -> Result<(SendRequest<Full<Bytes>>, Hash), String> {
    let stream = TcpStream::connect(at).await.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|e| e.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(|c| c.first()).cloned().unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok((sender, hash(b"", &[spki(&leaf)])))
}

/// The SubjectPublicKeyInfo within a certificate with an Ed25519 key: 44 octets that begin so. None in one of the listener of people.
fn spki(certificate: &[u8]) -> &[u8] {
    const BEGIN: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let at = certificate.windows(BEGIN.len()).position(|w| w == BEGIN);
    at.map_or(&[], |at| &certificate[at..at + 44])
}
