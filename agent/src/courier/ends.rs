//! To whom the courier is about to speak: told before the first octet leaves, so that the ear can leave this conversation out.
//!
//! Keeps: addresses and port of a collector, from its text or from the name that the system's resolver knows. Drops: what the
//! name was; nothing else asks for a name.

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicU16, Ordering};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::ToSocketAddrs;
use std::sync::Arc;

/// Who is told. It returns when what is heard from now on is heard without these ends, or soon.
pub type Tell = Arc<dyn Fn(&[SocketAddr]) + Send + Sync>;

/// The ends of the next conversation.
pub(super) struct Ends {
    tell: Tell,
    /// Of the address that is asked next: a resolver is given names alone.
    port: AtomicU16,
}

impl Ends {
    pub(super) fn new(tell: Tell) -> Ends {
        Ends { tell, port: AtomicU16::new(HTTPS) }
    }

    /// Before `host:port` is asked: who is an address is told here, who is a name when it is looked up.
    pub(super) fn next(&self, address: &str) {
        match end_of(address) {
            Ok(end) => (self.tell)(&[end]),
            Err(port) => self.port.store(port, Ordering::Relaxed),
        }
    }
}

impl Resolve for Ends {
    fn resolve(&self, name: Name) -> Resolving {
        let (tell, port) = (Arc::clone(&self.tell), self.port.load(Ordering::Relaxed));
        Box::pin(async move {
            // The system's resolver makes its caller wait: a thread for it, as reqwest does by itself.
            let found = tokio::task::spawn_blocking(move || {
                let found: Vec<SocketAddr> = (name.as_str(), port).to_socket_addrs()?.take(MOST).collect();
                tell(&found);
                Ok::<_, std::io::Error>(found)
            });
            let found = found.await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The end, or the port if the host is a name.
fn end_of(address: &str) -> Result<SocketAddr, u16> {
    if let Ok(end) = address.parse() {
        return Ok(end);
    }
    // An address without a port; of version 6 in brackets.
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, HTTPS));
    }
    Err(address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(HTTPS))
}

/// RFC 9110 section 4.2.2.
const HTTPS: u16 = 443;
/// Addresses of a name that are tried.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn an_address_is_told_as_it_stands_and_a_name_leaves_its_port() {
        let told: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let sink = Arc::clone(&told);
        let ends = Ends::new(Arc::new(move |ends| sink.lock().unwrap().extend(ends)));
        for address in ["203.0.113.9:8443", "203.0.113.9", "[2001:db8::9]:8443", "[2001:db8::9]"] {
            ends.next(address);
        }
        let wanted = ["203.0.113.9:8443", "203.0.113.9:443", "[2001:db8::9]:8443", "[2001:db8::9]:443"];
        assert_eq!(*told.lock().unwrap(), wanted.map(|end| end.parse().unwrap()));
        assert_eq!((end_of("collector.example:8443"), end_of("collector.example")), (Err(8443), Err(443)));
    }

    #[test]
    fn a_name_is_told_with_the_port_that_is_asked_before_it_is_spoken_to() {
        let told: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let sink = Arc::clone(&told);
        let ends = Ends::new(Arc::new(move |ends| sink.lock().unwrap().extend(ends)));
        ends.next("localhost:8443");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found: Vec<SocketAddr> = runtime.block_on(ends.resolve("localhost".parse().unwrap())).unwrap().collect();
        assert!(found.iter().all(|end| end.ip().is_loopback() && end.port() == 8443) && !found.is_empty());
        assert_eq!(*told.lock().unwrap(), found);
    }
}
