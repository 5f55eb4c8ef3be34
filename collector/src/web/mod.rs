//! Sensors, people and monitoring at their doors: HTTP/1.1 (RFC 9112) over TLS 1.3, three listeners that share nothing but the archive.
//!
//! [`ROUTES`] is the table of what can be asked, by whom; tests read it. Keeps: nothing between requests but what was offered on a
//! connection. Drops: whatever is longer than said, without a length, or of another type, before it is read.

mod limits;
mod listener;
mod meters;
mod ops;
mod part;
mod problem;
mod reviewer;
mod sensor;
mod tls;

pub use listener::{Listener, Stop};
pub use meters::Meters;
pub use reviewer::token_hash;
pub use tls::{Certificates, TlsError};

use crate::access::{Access, Offered};
use crate::ingest::Door;
use crate::ledger::Ledger;
use crate::store::Store;
use auscult_report::key::{Hash, LedgerId, SensorId};
use auscult_report::time::Timestamp;
use axum::Router;
use axum::routing::{MethodRouter, any, get, post};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// What every request can reach.
pub struct Desk {
    /// Who may.
    pub access: Access,
    /// Where reports go in.
    pub door: Door,
    /// The archive.
    pub store: Store,
    /// The ledgers.
    pub ledger: Ledger,
    /// The folder of the ledgers' files.
    pub tiles: PathBuf,
    /// What is counted.
    pub meters: Meters,
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

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anyone who reaches the listener.
    Anyone,
    /// Who has a one-time code.
    Code,
    /// Who signs with a sensor's key.
    SigningKey,
    /// The sensor that its certificate names.
    Certificate,
    /// Who has a clinic's token for its ledger.
    Token,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// At which listener.
    pub side: Side,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// By whom.
    pub who: Who,
}

/// Everything that can be asked.
pub const ROUTES: &[Route] = &[
    route(Side::Agents, "POST", "/v1/enrol/hello", Who::Anyone),
    route(Side::Agents, "POST", "/v1/enrol/finish", Who::Code),
    route(Side::Agents, "POST", "/v1/sensor/renew", Who::SigningKey),
    route(Side::Agents, "POST", "/v1/sensor/alive", Who::Certificate),
    route(Side::Agents, "POST", "/v1/reports", Who::Certificate),
    route(Side::People, "GET", "/", Who::Anyone),
    route(Side::People, "GET", "/v1/ledgers/{ledger}/{*file}", Who::Token),
    route(Side::Ops, "GET", "/healthz", Who::Anyone),
    route(Side::Ops, "GET", "/readyz", Who::Anyone),
    route(Side::Ops, "GET", "/metrics", Who::Anyone),
];

const fn route(side: Side, method: &'static str, path: &'static str, who: Who) -> Route {
    Route { side, method, path, who }
}

/// The routes of one listener.
pub fn router(side: Side, desk: &Arc<Desk>) -> Router {
    let mut router: Router<Arc<Desk>> = Router::new();
    for route in ROUTES.iter().filter(|r| r.side == side) {
        router = router.route(route.path, handler(route.path));
    }
    router
        .fallback(any(problem::not_found))
        .method_not_allowed_fallback(problem::not_allowed)
        .with_state(Arc::clone(desk))
}

/// What answers a path of the table.
fn handler(path: &str) -> MethodRouter<Arc<Desk>> {
    match path {
        "/v1/enrol/hello" => post(sensor::hello),
        "/v1/enrol/finish" => post(sensor::finish),
        "/v1/sensor/renew" => post(sensor::renew),
        "/v1/sensor/alive" => post(sensor::alive),
        "/v1/reports" => post(sensor::reports),
        "/" => get(reviewer::front),
        "/v1/ledgers/{ledger}/{*file}" => get(reviewer::file),
        "/healthz" => get(ops::healthz),
        "/readyz" => get(ops::readyz),
        "/metrics" => get(ops::metrics),
        _ => any(problem::not_found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_in_the_table_once() {
        for route in ROUTES {
            let same = ROUTES.iter().filter(|r| (r.side, r.path) == (route.side, route.path)).count();
            assert_eq!(same, 1, "{}", route.path);
        }
    }
}
