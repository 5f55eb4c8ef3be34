//! Sensors, people and monitoring at their doors: HTTP/1.1 (RFC 9112) over TLS 1.3, three listeners that share nothing but the archive.
//!
//! [`ROUTES`] is the table of what can be asked, by whom, and what answers: the listeners and the tests are made of it. Keeps: nothing
//! between requests but what was offered on a connection. Drops: whatever is longer than said, without a length, or of another type,
//! before it is read.

mod account;
mod add;
mod again;
mod api;
mod assets;
mod clinic;
mod cosign;
mod coverage;
mod deadlines;
mod elsewhere;
mod finding;
mod fleet;
mod form;
mod guard;
mod knowledge;
mod letter;
mod limits;
mod listener;
mod live;
mod matters;
mod meters;
mod oidc;
mod ops;
mod page;
mod part;
mod people;
mod picture;
mod problem;
mod proposal;
mod reset;
mod reviewer;
mod reviews;
mod routes;
mod sensor;
mod sensors;
mod session;
mod settings;
mod stream;
mod timeline;
mod tls;
mod today;
mod tokens;
mod words;

pub use crate::access::token_hash;
pub use api::{Contract, EXPORTS, Export, ExportError, Param, openapi};
pub use elsewhere::Elsewhere;
pub use listener::{Listener, Stop};
pub use live::Streams;
pub use meters::Meters;
pub use routes::{ROUTES, Route, Who};
pub use stream::MOST_EXPORTS;
pub use tls::{Certificates, TlsError};

use crate::access::{Access, Offered, People, Programs};
use crate::config::Config;
use crate::ingest::Door;
use crate::ledger::Ledger;
use crate::store::Store;
use auscult_assess::knowledge::Knowledge;
use auscult_report::key::{Hash, LedgerId, SensorId};
use auscult_report::time::Timestamp;
use axum::Router;
use axum::middleware::map_response;
use axum::routing::any;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// What every request can reach.
pub struct Desk {
    /// Which sensors may.
    pub access: Access,
    /// Which people may.
    pub people: People,
    /// Whether every page says that the clinics are made up.
    pub demo: bool,
    /// Another service that vouches for people.
    pub elsewhere: Option<Elsewhere>,
    /// Which programs may.
    pub programs: Programs,
    /// Where reports go in.
    pub door: Door,
    /// The archive.
    pub store: Store,
    /// The ledgers.
    pub ledger: Ledger,
    /// What findings are judged and explained by.
    pub knowledge: Knowledge,
    /// What it was started with.
    pub config: Config,
    /// How sensors reach this archive: `host:port`, in the order in which they try.
    pub addresses: Vec<String>,
    /// The folder of the ledgers' files.
    pub tiles: PathBuf,
    /// What is counted.
    pub meters: Meters,
    /// Files that may still be read at once.
    pub exports: Arc<Semaphore>,
    /// Pages that wait for news.
    pub streams: Arc<Streams>,
    /// A change over the API looks at the tag and does what is asked before another one looks.
    pub changes: Mutex<()>,
    /// Whether the last round of every ledger ended well.
    pub ledgers_well: AtomicBool,
    /// The time.
    pub clock: Clock,
}

/// Gives the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A connection, as its requests see it.
pub struct Connection {
    /// Where it comes from.
    pub from: IpAddr,
    /// The sensor whose certificate it showed.
    pub peer: Option<Peer>,
    /// SHA-256 of our public key on it.
    pub tls_key: Hash,
    /// What was offered on it.
    pub offered: Mutex<Option<Offered>>,
}

/// A sensor, by its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its clinic's ledger.
    pub ledger: LedgerId,
    /// Its id.
    pub sensor: SensorId,
    /// When its certificate ends.
    pub ends: Timestamp,
}

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Sensors.
    Agents,
    /// People and reviewers.
    People,
    /// The provider's monitoring.
    Ops,
}

/// The routes of one listener.
pub fn router(side: Side, desk: &Arc<Desk>) -> Router {
    let mut router: Router<Arc<Desk>> = Router::new();
    for route in ROUTES.iter().filter(|r| r.side == side) {
        router = router.route(route.path, route.handler());
    }
    let router = match side {
        // Everything that a browser gets has its headers, also what is not found.
        Side::People => router
            .fallback(any(api::not_found))
            .method_not_allowed_fallback(api::not_allowed)
            .layer(map_response(guard::with_headers)),
        Side::Agents | Side::Ops => {
            router.fallback(any(problem::not_found)).method_not_allowed_fallback(problem::not_allowed)
        }
    };
    router.with_state(Arc::clone(desk))
}
