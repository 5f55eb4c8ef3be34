//! For the provider's monitoring, on this machine only: is it alive, is it ready, what was counted.
//!
//! Keeps: nothing. Drops: everything about a clinic.

use super::Desk;
use super::problem::{Problem, content};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The process runs.
pub(super) async fn healthz() -> Response<Body> {
    content("text/plain; charset=utf-8", "ok\n")
}

/// It can do its work: the store answers, and the last round of every ledger ended well.
pub(super) async fn readyz(State(desk): State<Arc<Desk>>) -> Result<Response<Body>, Problem> {
    if desk.store.clinics().is_err() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer"));
    }
    if !desk.ledgers_well.load(Ordering::Relaxed) {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "a ledger's last round did not end: see the log"));
    }
    Ok(content("text/plain; charset=utf-8", "ok\n"))
}

/// What was counted.
pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> Response<Body> {
    content("text/plain; version=0.0.4; charset=utf-8", desk.meters.text())
}
