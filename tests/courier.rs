//! The courier against a collector's TLS on loopback that answers as each test wants: our collector, a captive portal,
//! a stranger with another certificate, a clock that stands in 1970.

use auscult_agent::courier::link::{BATCH_TYPE, Credentials, Link, RECEIPT_TYPE};
use auscult_agent::courier::retry::{Answer, Move, Retry, Standing, Status};
use auscult_agent::courier::trust::ClockTrust;
use auscult_report::bounded::Bounded;
use auscult_report::receipt::{MAX_RECEIPT, Receipt};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ED25519, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const BATCH: &[u8] = b"\0\0\0\x06report";
/// 2026-11-01: a build's date.
const FLOOR: ClockTrust = ClockTrust::Floor(1_793_491_200);

#[test]
fn a_batch_goes_there_as_it_is_and_a_receipt_comes_back() {
    let ca = Authority::new();
    let (answer, heard) = ask(&ca, &ca, ClockTrust::Trusted, ca.server((2020, 2099)), "localhost", receipt_answer());
    let Answer::Status(status) = answer else { panic!("{answer:?}") };
    assert_eq!((status.code, status.receipt.as_deref()), (200, Some(&receipt())));
    assert_eq!(heard.len(), 1);
    let heard = String::from_utf8_lossy(&heard[0]).into_owned();
    assert!(heard.starts_with("POST /v1/reports HTTP/1.1\r\n"), "{heard}");
    assert!(heard.to_lowercase().contains(&format!("content-type: {BATCH_TYPE}\r\n")), "{heard}");
    assert!(heard.to_lowercase().contains("content-length: 10\r\n") && heard.ends_with("\0\0\0\x06report"), "{heard}");
}

#[test]
fn who_has_another_certificate_hears_nothing_of_a_report() {
    let (ours, other) = (Authority::new(), Authority::new());
    for clock in [ClockTrust::Trusted, FLOOR, ClockTrust::Floor(0)] {
        let (answer, heard) = ask(&ours, &other, clock, other.server((2020, 2099)), "localhost", receipt_answer());
        assert!(matches!(answer, Answer::Silence(_)) && heard.is_empty(), "{clock:?}: {answer:?}");
        let (answer, heard) = ask(&ours, &ours, clock, ours.server((2020, 2099)), "127.0.0.1", receipt_answer());
        assert!(matches!(answer, Answer::Silence(_)) && heard.is_empty(), "another name, {clock:?}: {answer:?}");
    }
}

#[test]
fn a_sensor_of_another_collector_is_not_let_in() {
    let (ours, other) = (Authority::new(), Authority::new());
    let sensor = other.sensor();
    let server = ours.server((2020, 2099));
    let (answer, heard) = ask_as(&ours, &ours, &sensor, ClockTrust::Trusted, server, "localhost", receipt_answer());
    assert!(matches!(answer, Answer::Silence(_)) && heard.is_empty(), "{answer:?}");
}

#[test]
fn while_the_clock_is_not_trusted_dates_are_not_but_all_else_is() {
    let ca = Authority::new();
    // validity of the certificate in years, the clock's worth, whether it is believed
    for (validity, clock, believed) in [
        ((2060, 2070), ClockTrust::Trusted, false),
        ((2060, 2070), FLOOR, true), // the clock may well stand in 1970
        ((2000, 2010), ClockTrust::Trusted, false),
        ((2000, 2010), FLOOR, false), // it had ended before the program was built
        ((2000, 2010), ClockTrust::Floor(0), true),
        ((2020, 2099), FLOOR, true),
    ] {
        let (answer, heard) = ask(&ca, &ca, clock, ca.server(validity), "localhost", receipt_answer());
        assert_eq!(matches!(answer, Answer::Status(_)), believed, "{validity:?}, {clock:?}: {answer:?}");
        assert_eq!(heard.len(), usize::from(believed));
    }
}

#[test]
fn a_captive_portal_settles_nothing_and_leads_nowhere() {
    for (said, code) in [
        (page(200, "OK", "Content-Type: text/html\r\n", b"<html>Welcome</html>"), 200),
        (page(200, "OK", &format!("Content-Type: {RECEIPT_TYPE}\r\n"), b"<html>Welcome</html>"), 200),
        (page(302, "Found", "Location: https://localhost/login\r\n", b""), 302),
        (page(403, "Forbidden", "Content-Type: text/html\r\n", b"<html>revoked</html>"), 403),
        (page(511, "Network Authentication Required", "", b"revoked"), 511),
    ] {
        let (status, heard) = told(said);
        assert_eq!((status.code, status.receipt.is_none(), status.standing), (code, true, None));
        assert_eq!(heard, 1, "nothing was followed");
        let mut retry = Retry::new(2);
        assert!(matches!(retry.after(Answer::Status(status), 1, 5), Move::Again { .. }), "{code}");
        assert_eq!(retry.address(), 1, "{code}: the other address is tried");
    }
}

#[test]
fn a_collector_that_refuses_says_why_and_for_how_long() {
    let refusal = |code, head: &str, body: &[u8]| told(page(code, "-", head, body)).0;
    assert_eq!(refusal(403, "", b"pending\n").standing, Some(Standing::Pending));
    assert_eq!(refusal(503, "Retry-After: 120\r\n", b"").retry_after_s, Some(120));
    let dates = |date: &str| format!("Date: {date}\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    assert_eq!(refusal(503, &dates("Sun, 06 Nov 1994 08:48:37 GMT"), b"").retry_after_s, Some(60));
    assert_eq!(refusal(503, &dates("Sun, 06 Nov 1994 09:00:00 GMT"), b"").retry_after_s, Some(0));
    assert_eq!(refusal(503, "Retry-After: soon\r\n", b"").retry_after_s, None);
    assert_eq!(refusal(503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", b"").retry_after_s, None);
}

#[test]
fn an_answer_that_is_cut_off_or_without_end_settles_nothing() {
    let ca = Authority::new();
    let head = format!("Content-Type: {RECEIPT_TYPE}\r\n");
    let whole = page(200, "OK", &head, &receipt().encode().unwrap());
    let endless = page(200, "OK", &head, &vec![0; MAX_RECEIPT + 1]);
    for said in [whole[..whole.len() - 1].to_vec(), whole[..20].to_vec(), Vec::new(), endless] {
        let (answer, heard) = ask(&ca, &ca, ClockTrust::Trusted, ca.server((2020, 2099)), "localhost", said);
        assert!(matches!(answer, Answer::Silence(_)), "{answer:?}");
        assert_eq!(heard.len(), 1);
    }
}

/// What our collector's answer of these octets is to the courier, and how many requests there were.
fn told(said: Vec<u8>) -> (Status, usize) {
    let ca = Authority::new();
    let (answer, heard) = ask(&ca, &ca, ClockTrust::Trusted, ca.server((2020, 2099)), "localhost", said);
    let Answer::Status(status) = answer else { panic!("{answer:?}") };
    (status, heard.len())
}

fn page(code: u16, reason: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {code} {reason}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn receipt_answer() -> Vec<u8> {
    page(200, "OK", &format!("Content-Type: {RECEIPT_TYPE}\r\n"), &receipt().encode().unwrap())
}

fn receipt() -> Receipt {
    Receipt {
        results: Bounded::new(),
        durable_to: None,
        missing: Bounded::new(),
        next_contact_s: 900,
        want_full: false,
        newest_schema: 1,
        proven: None,
        trust_bundle: None,
        ext: Bounded::new(),
    }
}

// ---- a collector's TLS

/// A certificate and its key, both DER.
struct Pair(Vec<u8>, Vec<u8>);

struct Authority {
    certificate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        // Every certificate here has the authority's dates within its own.
        (params.not_before, params.not_after) = (date_time_ymd(1999, 1, 1), date_time_ymd(2099, 1, 1));
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    fn server(&self, (from, to): (i32, i32)) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(&params)
    }

    fn sensor(&self) -> Pair {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        Pair(params.signed_by(&key, &self.issuer).unwrap().der().to_vec(), key.serialize_der())
    }
}

/// The answer to one batch, and the requests that were heard: the sensor trusts `ours`, the collector is of `theirs`.
fn ask(
    ours: &Authority,
    theirs: &Authority,
    clock: ClockTrust,
    server: Pair,
    name: &str,
    said: Vec<u8>,
) -> (Answer, Vec<Vec<u8>>) {
    ask_as(ours, theirs, &theirs.sensor(), clock, server, name, said)
}

fn ask_as(
    ours: &Authority,
    theirs: &Authority,
    sensor: &Pair,
    clock: ClockTrust,
    server: Pair,
    name: &str,
    said: Vec<u8>,
) -> (Answer, Vec<Vec<u8>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{name}:{}", listener.local_addr().unwrap().port());
        let served = tokio::spawn(serve(listener, acceptor(theirs, server), said, Arc::clone(&heard)));
        let credentials =
            Credentials { roots: std::slice::from_ref(&ours.certificate), own: Some((&sensor.0, &sensor.1)), clock };
        let answer = Link::new(&credentials).unwrap().deliver(&address, BATCH.to_vec()).await;
        served.abort();
        answer
    });
    drop(runtime);
    let heard = heard.lock().unwrap().clone();
    (answer, heard)
}

fn acceptor(authority: &Authority, Pair(certificate, key): Pair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate.clone())).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers every request with the same octets and keeps what was asked.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, said: Vec<u8>, heard: Arc<Mutex<Vec<Vec<u8>>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut request = Vec::new();
        while !request.ends_with(BATCH) {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                break;
            }
        }
        if request.is_empty() {
            continue;
        }
        heard.lock().unwrap().push(request);
        let _ = stream.write_all(&said).await;
        let _ = stream.shutdown().await;
    }
}
