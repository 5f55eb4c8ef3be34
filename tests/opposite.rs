//! A collector on loopback, or at an address, that answers from its [`Book`]: TLS with its own CA, HTTP/1.1, and nothing that is not asked for.

use crate::answers::{Asked, Book};
use auscult_report::key::{Hash, hash};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ED25519, PublicKeyData, SignatureAlgorithm,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A collector that listens on loopback until it is dropped.
pub struct Desk {
    /// Its address.
    host: String,
    /// Its port.
    pub port: u16,
    book: Arc<Mutex<Book>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A CA.
pub struct Authority {
    pub certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Desk {
    /// Somebody who stands between: answers of `other`, behind a certificate of his own.
    pub fn between(other: &Desk) -> Desk {
        let mut desk = Desk {
            host: LOOPBACK.to_owned(),
            port: 0,
            book: Arc::clone(&other.book),
            over: Arc::default(),
            thread: None,
        };
        desk.listen(&Authority::new(), false);
        desk
    }

    /// Opens a collector that knows one code.
    pub fn open() -> Desk {
        Desk::at(LOOPBACK)
    }

    /// The same at an address of this machine, or of that on which the calling thread is.
    pub fn at(host: &str) -> Desk {
        let book = Arc::new(Mutex::new(Book::new(Authority::new())));
        let mut desk = Desk { host: host.to_owned(), port: 0, book, over: Arc::default(), thread: None };
        desk.listen_anew();
        desk
    }

    fn listen_anew(&mut self) {
        let authority = self.book().authority.again();
        self.listen(&authority, true);
    }

    /// Serves with a certificate of `authority`; `is_own` says that the certificate is the one that offers speak of.
    fn listen(&mut self, authority: &Authority, is_own: bool) {
        let (certificate, key, tls_key) = authority.server(&self.host);
        let listener = std::net::TcpListener::bind((self.host.as_str(), self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        if is_own {
            let mut book = self.book();
            book.tls_key = tls_key;
            book.addresses = vec![self.place()];
        }
        let acceptor = acceptor(&self.book().authority, certificate, key);
        self.over = Arc::new(AtomicBool::new(false));
        let (book, over) = (Arc::clone(&self.book), Arc::clone(&self.over));
        self.thread = Some(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { serve(TcpListener::from_std(listener).unwrap(), acceptor, book, over).await });
        }));
    }

    fn stop(&mut self) -> bool {
        self.over.store(true, Ordering::SeqCst);
        self.thread.take().is_some_and(|thread| thread.join().is_ok())
    }

    /// Nobody is there any more.
    pub fn close(&mut self) {
        self.stop();
    }

    /// Somebody is there again, at the same port.
    pub fn reopen(&mut self) {
        self.listen_anew();
    }

    pub fn address(&self) -> String {
        format!("https://{}", self.place())
    }

    /// `host:port`; loopback by its name.
    fn place(&self) -> String {
        let host = if self.host == LOOPBACK { "localhost" } else { &self.host };
        format!("{host}:{}", self.port)
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The code as it is typed.
    pub fn code(&self) -> String {
        self.book().code.shown()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = Authority::params().self_signed(&key).unwrap().der().to_vec();
        Authority { certificate, issuer: Issuer::new(Authority::params(), key) }
    }

    fn again(&self) -> Authority {
        let key = KeyPair::try_from(self.issuer.key().serialize_der().as_slice()).unwrap();
        Authority { certificate: self.certificate.clone(), issuer: Issuer::new(Authority::params(), key) }
    }

    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(1999, 1, 1), date_time_ymd(2099, 1, 1));
        params
    }

    /// A certificate for this machine, its key, and the hash that offers name it by.
    fn server(&self, host: &str) -> (Vec<u8>, Vec<u8>, Hash) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        (certificate, key.serialize_der(), hash(b"", &[&key.subject_public_key_info()]))
    }

    /// A certificate for the key of a request.
    pub fn sensor(&self, request: &[u8], (from, to): (i32, i32)) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&Asker::of(request), &self.issuer).unwrap().der().to_vec()
    }
}

/// The Ed25519 key of a request: the 32 octets behind its algorithm (RFC 8410 section 4).
struct Asker(Vec<u8>);

impl Asker {
    fn of(request: &[u8]) -> Asker {
        let before = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let at = request.windows(before.len()).position(|w| w == before).unwrap() + before.len();
        Asker(request[at..at + 32].to_vec())
    }
}

impl PublicKeyData for Asker {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

fn acceptor(authority: &Authority, certificate: Vec<u8>, key: Vec<u8>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate.clone())).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

const LOOPBACK: &str = "127.0.0.1";

/// A whole answer, for [`Book::instead`].
pub fn page(code: u16, head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {code} -\r\n{head}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, book: Arc<Mutex<Book>>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        let accepted = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
        let Ok(Ok((stream, _))) = accepted else { continue };
        let (acceptor, book) = (acceptor.clone(), Arc::clone(&book));
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(stream, &book).await;
            }
        });
    }
}

/// One connection, request after request.
async fn talk(mut stream: TlsStream<TcpStream>, book: &Mutex<Book>) {
    let has_certificate = stream.get_ref().1.peer_certificates().is_some();
    let mut octets = Vec::new();
    while let Some((path, body, seen)) = request(&mut stream, &mut octets).await {
        let asked = Asked { path, body, seen, has_certificate };
        let (answer, kills, delay) = {
            let mut book = book.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            book.asked.push(asked.clone());
            let answer = book.answer(&asked);
            let kills = if asked.path == "/v1/reports" { book.kills.take() } else { None };
            (answer, kills, book.delay)
        };
        tokio::time::sleep(delay).await;
        let whole = if answer.code == 0 { answer.body } else { page(answer.code, &answer.head, &answer.body) };
        let _ = stream.write_all(&whole).await;
        let _ = stream.flush().await;
        if let Some(pid) = kills {
            let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

async fn request(stream: &mut TlsStream<TcpStream>, octets: &mut Vec<u8>) -> Option<(String, Vec<u8>, Option<u64>)> {
    let end = loop {
        if let Some(at) = octets.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(octets).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
    while octets.len() < end + length {
        if stream.read_buf(octets).await.ok()? == 0 {
            return None;
        }
    }
    let body = octets[end..end + length].to_vec();
    octets.drain(..end + length);
    let seen = head.split("auscult-seen: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    Some((head.split(' ').nth(1)?.to_owned(), body, seen))
}
