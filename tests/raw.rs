//! Octets over TLS to a collector, whatever they are: what tests of hostile requests share.

use crate::archive::NOW;
use crate::desk::Provider;
use crate::spent::peak_kib;
use crate::station::Caller;
use crate::way::{Way, client_config};
use auscult_collector::authority::Authority;
use auscult_report::code::Code;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A TLS connection.
pub struct Raw(StreamOwned<ClientConnection, TcpStream>);

impl Raw {
    /// To the listener of sensors, as a sensor or as nobody.
    ///
    /// # Panics
    /// If it cannot connect.
    #[must_use]
    pub fn to(provider: &Provider, caller: Option<&Caller>) -> Raw {
        let stream = TcpStream::connect(agents(provider)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        let config = client_config(authority(provider).certificate(), caller);
        let tls = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
        Raw(StreamOwned::new(tls, stream))
    }

    /// Sends octets, as far as the other end takes them, and says that no more come.
    pub fn send_all(&mut self, octets: &[u8]) {
        let _ = self.0.write_all(octets).and_then(|()| self.0.flush());
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
    }

    /// Sends octets.
    pub fn send(&mut self, octets: &[u8]) {
        let _ = self.0.write_all(octets).and_then(|()| self.0.flush());
    }

    /// Breaks the connection.
    pub fn cut(self) {
        let _ = self.0.sock.shutdown(std::net::Shutdown::Both);
    }

    /// Every status that comes until the other end closes, or is silent after its first word.
    ///
    /// # Panics
    /// If the socket is gone.
    #[must_use]
    pub fn statuses(mut self) -> Vec<u16> {
        let mut octets = Vec::new();
        let mut room = [0; 4_096];
        while let Ok(length) = self.0.read(&mut room) {
            if length == 0 {
                break;
            }
            octets.extend(&room[..length]);
            self.0.sock.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        }
        let text = String::from_utf8_lossy(&octets).into_owned();
        text.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
    }
}

/// A sensor that was let in and has its certificate.
///
/// # Panics
/// If it was not.
#[must_use]
pub fn let_in(provider: &Provider, clinic: &str, seed: u8) -> Caller {
    let mut caller = Caller::new(seed);
    let mut way = Way::try_to(agents(provider), &authority(provider), None).unwrap();
    let code = Code::parse(&provider.code(clinic)).unwrap();
    assert_eq!(caller.enrol(&mut way, &code), 202);
    provider.approve_all(clinic);
    assert_eq!(caller.renew(&mut way).0, 200);
    caller
}

/// Where sensors are listened for.
#[must_use]
pub fn agents(provider: &Provider) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], provider.port()))
}

/// Another listener, by the log.
///
/// # Panics
/// If the log does not name it.
#[must_use]
pub fn listener(provider: &Provider, which: &str) -> SocketAddr {
    let log = String::from_utf8(provider.log()).unwrap();
    let after = log.rsplit_once(&format!("{which}=Some(")).unwrap().1;
    after.split_once(')').unwrap().0.parse().unwrap()
}

/// Starts it again with changed settings, which stay only until it is started again.
///
/// # Panics
/// If there is none of them.
pub fn restarted(provider: &mut Provider, changes: &[(&str, &str)]) {
    let path = provider.folder().join("collector.toml");
    provider.stop();
    let mut text = fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from));
        text = text.replace(from, to);
    }
    fs::write(&path, text).unwrap();
    provider.start();
}

/// Its CA.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn authority(provider: &Provider) -> Authority {
    Authority::open(&provider.folder().join("authority"), "archive.example", NOW).unwrap()
}

/// The answer of the listener that has no TLS.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn ask_ops(provider: &Provider, path: &str) -> String {
    let mut stream = TcpStream::connect(listener(provider, "ops")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The most memory that its process ever had, in MiB.
///
/// # Panics
/// If the system does not say.
#[must_use]
pub fn most_memory_mib(provider: &Provider) -> u64 {
    peak_kib(provider.id().unwrap()) / 1_024
}

/// That a collector still serves: a sensor's next reports are stored, nothing panicked, all levels are well.
///
/// # Panics
/// If it does not.
pub fn serves_on(provider: &Provider, caller: &mut Caller) {
    let mut way = Way::try_to(agents(provider), &authority(provider), Some(caller)).unwrap();
    let (status, receipt) = way.reports(&caller.ear.chain(3));
    let place = caller.ear.head.as_ref().unwrap().place;
    assert_eq!((status, receipt.unwrap().durable_to.unwrap().place), (200, place));
    assert!(ask_ops(provider, "/readyz").starts_with("HTTP/1.1 200"));
    let log = String::from_utf8(provider.log()).unwrap();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    let bad = ask_ops(provider, "/metrics");
    let bad: Vec<&str> = bad.lines().filter(|l| l.contains("status=\"5") && !l.contains("\"503\"")).collect();
    assert!(bad.is_empty(), "{bad:?}");
}
