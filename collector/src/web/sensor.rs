//! Sensors at the door (report/FORMAT.md section 20): enrolment, certificates, signs of life, reports.
//!
//! Order: certificate, type, length, body, then the room that knows. Nothing is acknowledged but by a receipt, and a receipt is made
//! only of what is on the disk. Keeps: nothing. Drops: bodies, as soon as they are answered.

use super::answer::{content, later, refusal, word};
use super::limits::body;
use super::{Connection, Desk, Peer};
use crate::access::Refusal;
use crate::ingest::{Answer, Item, Later, receipt};
use crate::store::{ClinicStore, KnownSensor, SensorState};
use auscult_report::batch::{MAX_BATCH_OCTETS, reports as split};
use auscult_report::enrol::MAX_REQUEST;
use auscult_report::header::{Frame, Seen};
use auscult_report::heartbeat::{Heartbeat, MAX_BODY};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

pub(super) async fn hello(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Response<Body> {
    let octets = match body(request, ENROL_TYPE, MOST_ENROL).await {
        Ok(octets) => octets,
        Err(response) => return response,
    };
    match desk.access.hello(&octets, &connection.tls_key, connection.from, (desk.clock)()) {
        Ok((answer, offered)) => {
            *connection.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered);
            content(ENROL_TYPE, answer)
        }
        Err(why) => refusal(why, random()),
    }
}

pub(super) async fn finish(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Response<Body> {
    let octets = match body(request, ENROL_TYPE, MOST_ENROL).await {
        Ok(octets) => octets,
        Err(response) => return response,
    };
    let offered = connection.offered.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(offered) = offered else { return word(StatusCode::CONFLICT, "begin again") };
    match desk.access.finish(&offered, &octets, connection.from, (desk.clock)()) {
        Ok(()) => super::answer::wait(StatusCode::ACCEPTED, "pending", 10),
        Err(why) => refusal(why, random()),
    }
}

pub(super) async fn renew(State(desk): State<Arc<Desk>>, request: Request<Body>) -> Response<Body> {
    let octets = match body(request, RENEW_TYPE, MOST_ENROL).await {
        Ok(octets) => octets,
        Err(response) => return response,
    };
    match desk.access.renew(&octets, (desk.clock)()) {
        Ok(grant) => content(RENEW_TYPE, grant),
        Err(why) => refusal(why, random()),
    }
}

pub(super) async fn alive(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Response<Body> {
    let peer = match peer(&desk, &connection) {
        Ok(peer) => peer,
        Err(response) => return response,
    };
    let octets = match body(request, ALIVE_TYPE, MAX_BODY.saturating_mul(2)).await {
        Ok(octets) => octets,
        Err(response) => return response,
    };
    match beat(&desk, &peer, &octets) {
        Ok(receipt) => receipt,
        Err(response) => response,
    }
}

/// Keeps a sign of life and answers where the sensor stands.
fn beat(desk: &Desk, peer: &Peer, octets: &[u8]) -> Result<Response<Body>, Response<Body>> {
    let form = || word(StatusCode::BAD_REQUEST, "form");
    let busy = || refusal(Refusal::Busy, random());
    let claimed = Heartbeat::claimed(octets).map_err(|_| form())?;
    if (claimed.ledger, claimed.sensor) != (peer.ledger, peer.sensor) {
        return Err(refusal(Refusal::Refused, random()));
    }
    let known = desk.store.sensor((peer.ledger, peer.sensor)).map_err(|_| busy())?;
    let known = known.ok_or_else(|| refusal(Refusal::Refused, random()))?;
    may(&known)?;
    let clinic = desk.store.clinic_of(&known);
    // One whose key the chain has not handed over yet is not kept, but told where the chain stands.
    if let Some(key) = known.keys.get(usize::from(claimed.key_no)) {
        let beat = Heartbeat::open(octets, key).map_err(|_| refusal(Refusal::Refused, random()))?;
        clinic.put_heartbeat(&beat, octets, (desk.clock)()).map_err(|_| busy())?;
    }
    answer(desk, &clinic, peer, (claimed.seen.as_ref(), claimed.bundle_version), &[]).ok_or_else(busy)
}

fn may(known: &KnownSensor) -> Result<(), Response<Body>> {
    let why = match known.state {
        _ if known.closed => Refusal::Closed,
        SensorState::Pending | SensorState::Quarantine => Refusal::Pending,
        SensorState::Revoked => Refusal::Revoked,
        SensorState::Active => return Ok(()),
    };
    Err(refusal(why, random()))
}

#[expect(clippy::disallowed_methods, reason = "a duration for the counters; no answer depends on it")]
pub(super) async fn reports(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Response<Body> {
    let peer = match peer(&desk, &connection) {
        Ok(peer) => peer,
        Err(response) => return response,
    };
    let octets = match body(request, BATCH_TYPE, MAX_BATCH_OCTETS).await {
        Ok(octets) => octets,
        Err(response) => return response,
    };
    let begun = Instant::now();
    let Ok(batch) = split(&octets) else { return word(StatusCode::BAD_REQUEST, "batch") };
    let said = last_word(&batch);
    let ticket = desk.door.take(&batch, Some(peer.sensor), (desk.clock)());
    let items = ticket.settled().await;
    count(&desk, &items);
    let response = settled(&desk, &peer, said, &items);
    desk.meters.ingest_seconds.record(begun.elapsed().as_secs_f64());
    response
}

/// What the newest report of a batch says that its sensor has seen and has. Only its own receipt depends on it.
fn last_word(batch: &[&[u8]]) -> (Option<Seen>, u32) {
    let frames = batch.iter().filter_map(|octets| Frame::parse(octets).ok());
    let newest = frames.max_by_key(|frame| frame.claimed().place);
    newest.map_or((None, 0), |frame| (frame.claimed().seen, frame.claimed().bundle_version))
}

fn count(desk: &Desk, items: &[Item]) {
    desk.meters.batch_reports.record(items.len() as f64);
    for item in items {
        desk.meters.reports(item.answer.word()).increment(1);
    }
}

/// The answer to a batch: a receipt if anything was settled, else why nothing was.
fn settled(desk: &Desk, peer: &Peer, said: (Option<Seen>, u32), items: &[Item]) -> Response<Body> {
    let waits = |item: &Item| if let Answer::Later(why) = item.answer { Some(why) } else { None };
    let is_settled = items.iter().any(|item| waits(item).is_none());
    if let (false, Some(why)) = (is_settled, items.iter().filter_map(waits).max()) {
        return later(why, random());
    }
    let busy = || later(Later::Busy, random());
    let Ok(known) = desk.store.sensor((peer.ledger, peer.sensor)) else { return busy() };
    let Some(known) = known else { return refusal(Refusal::Refused, random()) };
    let clinic = desk.store.clinic_of(&known);
    answer(desk, &clinic, peer, (said.0.as_ref(), said.1), items).unwrap_or_else(busy)
}

/// A receipt.
fn answer(
    desk: &Desk,
    clinic: &ClinicStore,
    peer: &Peer,
    (seen, bundle_version): (Option<&Seen>, u32),
    items: &[Item],
) -> Option<Response<Body>> {
    let mut receipt = receipt(clinic, &desk.ledger, peer.sensor, seen, items).ok()?;
    receipt.trust_bundle = desk.access.newer_bundle(bundle_version).and_then(|b| b.to_vec().try_into().ok());
    Some(content(RECEIPT_TYPE, receipt.encode()?))
}

/// Who is at the other end, if its certificate has not ended.
fn peer(desk: &Desk, connection: &Connection) -> Result<Peer, Response<Body>> {
    let peer = connection.peer.filter(|peer| (desk.clock)() < peer.ends);
    peer.ok_or_else(|| word(StatusCode::UNAUTHORIZED, "renew"))
}

/// Spreads who comes again; if the system has no random octet, nothing is spread.
fn random() -> u8 {
    let mut octet = [0];
    let _ = getrandom::fill(&mut octet);
    octet[0]
}

const ENROL_TYPE: &str = "application/vnd.auscult.enrol";
const RENEW_TYPE: &str = "application/vnd.auscult.renew";
const ALIVE_TYPE: &str = "application/vnd.auscult.alive";
const BATCH_TYPE: &str = "application/vnd.auscult.reports";
const RECEIPT_TYPE: &str = "application/vnd.auscult.receipt";
/// A request for a certificate, a key, a signature and hints.
const MOST_ENROL: usize = MAX_REQUEST + 1_024;
