//! One listener: connections in, within their caps, each step in its time.
//!
//! Keeps: how many connections there are, in all and from each address. Drops: who is too many, who does not end the handshake or a
//! head in time; a stranger costs a handshake at most.

use super::part::part;
use super::tls::peer;
use super::{Connection, Desk, Side, router};
use auscult_report::key::Hash;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use tracing::{debug, warn};

/// A listener that is bound.
pub struct Listener {
    side: Side,
    socket: TcpListener,
    tls: Option<(TlsAcceptor, Hash)>,
    caps: Caps,
}

/// Set to `true` when the server is to end.
pub type Stop = watch::Receiver<bool>;

struct Caps {
    all: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    each: usize,
    from: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Listener {
    /// Binds a listener: with TLS and the hash of our public key, or without.
    ///
    /// # Errors
    /// If the address is taken or not ours.
    pub async fn bind(
        side: Side,
        at: SocketAddr,
        tls: Option<(Arc<ServerConfig>, Hash)>,
        (all, each): (usize, usize),
    ) -> io::Result<Listener> {
        let socket = TcpListener::bind(at).await?;
        let tls = tls.map(|(config, key)| (TlsAcceptor::from(config), key));
        let caps = Caps {
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            handshakes: Arc::new(Semaphore::new(MOST_HANDSHAKES)),
            each,
            from: Arc::default(),
        };
        Ok(Listener { side, socket, tls, caps })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until told to stop; what was begun is ended, for a while.
    pub async fn serve(self, desk: Arc<Desk>, mut stop: Stop) {
        let routes = router(self.side, &desk);
        let all = self.caps.all.available_permits();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = told(&mut stop) => break,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(e) => {
                    // Out of files, most likely: those that are open end some time.
                    warn!(error = %e.kind(), "a connection could not be accepted");
                    sleep(BREATH).await;
                    continue;
                }
            };
            let Some(place) = self.caps.place(from.ip()) else {
                desk.meters.handshakes("too-many").increment(1);
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (routes, desk, stop) = (routes.clone(), Arc::clone(&desk), stop.clone());
            let (tls, handshakes) = (self.tls.clone(), Arc::clone(&self.caps.handshakes));
            tokio::spawn(async move {
                desk.meters.connections.increment(1.0);
                match tls {
                    Some(tls) => encrypted(stream, from.ip(), tls, &handshakes, &desk, routes, stop).await,
                    None => {
                        let connection =
                            Connection { from: from.ip(), peer: None, tls_key: [0; 32], offered: Mutex::default() };
                        speak(stream, connection, routes, stop).await;
                    }
                }
                desk.meters.connections.decrement(1.0);
                drop(place);
            });
        }
        // Those that answer still: they have the places.
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let _ = timeout(LAST_WORDS, self.caps.all.acquire_many(all)).await;
    }
}

async fn encrypted(
    stream: TcpStream,
    from: IpAddr,
    (acceptor, tls_key): (TlsAcceptor, Hash),
    handshakes: &Semaphore,
    desk: &Desk,
    routes: Router,
    stop: Stop,
) {
    // A turn paces how many begin: who is silent in his must not hold up those behind him.
    let turn = handshakes.acquire().await;
    let mut shaking = std::pin::pin!(timeout(HANDSHAKE, acceptor.accept(stream)));
    let early = timeout(TURN, shaking.as_mut()).await;
    drop(turn);
    let shaken = match early {
        Ok(shaken) => shaken,
        Err(_) => shaking.await,
    };
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => {
            desk.meters.handshakes("failed").increment(1);
            debug!(error = %e.kind(), "a handshake failed");
            return;
        }
        Err(_) => {
            desk.meters.handshakes("slow").increment(1);
            return;
        }
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let peer = certificate.and_then(peer);
    desk.meters.handshakes(if peer.is_some() { "sensor" } else { "stranger" }).increment(1);
    speak(stream, Connection { from, peer, tls_key, offered: Mutex::default() }, routes, stop).await;
}

/// HTTP/1.1 on a connection, until it ends or the server does.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    connection: Connection,
    routes: Router,
    mut stop: Stop,
) {
    let connection = Arc::new(connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&connection));
        Box::pin(routes.clone().call(request))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_OCTETS).max_headers(MOST_HEADERS);
    let mut talk = builder.serve_connection(TokioIo::new(stream), service);
    let mut ended = tokio::select! {
        ended = poll_fn(|cx| talk.poll_without_shutdown(cx)) => Some(ended),
        () = told(&mut stop) => None,
    };
    if ended.is_none() {
        Pin::new(&mut talk).graceful_shutdown();
        ended = timeout(LAST_WORDS, poll_fn(|cx| talk.poll_without_shutdown(cx))).await.ok();
    }
    if ended.is_some_and(|ended| ended.is_ok()) {
        part(talk.into_parts().io.into_inner()).await;
    }
}

/// Until the server is to end.
async fn told(stop: &mut Stop) {
    // An error means that who would say so is gone: then it ends too.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Caps {
    /// A place for one more connection. `None`: there is none.
    fn place(&self, from: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut each = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let count = each.entry(from).or_insert(0);
        if *count >= self.each {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { _permit: permit, of: Arc::clone(&self.from), from })
    }
}

/// A connection's place, given back when it ends.
struct Place {
    _permit: tokio::sync::OwnedSemaphorePermit,
    of: Arc<Mutex<HashMap<IpAddr, usize>>>,
    from: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut each = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = each.get_mut(&self.from) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                each.remove(&self.from);
            }
        }
    }
}

/// Handshakes that begin at once: each costs a quarter of a millisecond of a processor.
const MOST_HANDSHAKES: usize = 128;
/// How long one that has begun keeps others from beginning: its work is done, what it waits for is the other end.
const TURN: Duration = Duration::from_millis(100);
/// For a handshake: a satellite link needs three seconds.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a head, and for silence between two requests.
const HEAD: Duration = Duration::from_secs(30);
/// Longest head.
const HEAD_OCTETS: usize = 16_384;
const MOST_HEADERS: usize = 64;
/// For answers that were begun when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// After a connection that could not be accepted.
const BREATH: Duration = Duration::from_millis(100);
