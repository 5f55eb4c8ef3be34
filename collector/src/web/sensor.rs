//! Sensors at the door (report/FORMAT.md section 20): enrolment, certificates, signs of life, reports.
//!
//! Order: certificate, type, length, body, then the room that knows. Nothing is acknowledged but by a receipt, and a receipt is made
//! only of what is on the disk. Keeps: nothing. Drops: bodies, as soon as they are answered.

use super::limits::body;
use super::problem::{Problem, content, waits};
use super::{Connection, Desk, Peer};
use crate::access::Refusal;
use crate::ingest::{Answer, Item, Settled, Stand, receipt_at};
use crate::store::{ClinicStore, KnownSensor, SensorState};
use auscult_report::batch::{MAX_BATCH_OCTETS, reports as split};
use auscult_report::enrol::MAX_REQUEST;
use auscult_report::header::Frame;
use auscult_report::heartbeat::{Heartbeat, MAX_BODY};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

pub(super) async fn hello(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Answered {
    let octets = body(request, ENROL_TYPE, MOST_ENROL).await?;
    let (answer, offered) = desk.access.hello(&octets, &connection.tls_key, connection.from, (desk.clock)())?;
    *connection.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered);
    Ok(content(ENROL_TYPE, answer))
}

pub(super) async fn finish(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Answered {
    let octets = body(request, ENROL_TYPE, MOST_ENROL).await?;
    let offered = connection.offered.lock().unwrap_or_else(PoisonError::into_inner).take();
    let offered = offered.ok_or(Problem::BEGIN_AGAIN)?;
    desk.access.finish(&offered, &octets, connection.from, (desk.clock)())?;
    Ok(waits())
}

pub(super) async fn renew(State(desk): State<Arc<Desk>>, request: Request<Body>) -> Answered {
    let octets = body(request, RENEW_TYPE, MOST_ENROL).await?;
    Ok(content(RENEW_TYPE, desk.access.renew(&octets, (desk.clock)())?))
}

pub(super) async fn alive(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Answered {
    let peer = peer(&desk, &connection)?;
    let octets = body(request, ALIVE_TYPE, MAX_BODY.saturating_mul(2)).await?;
    beat(&desk, &peer, &octets)
}

/// Keeps a sign of life and answers where the sensor stands.
fn beat(desk: &Desk, peer: &Peer, octets: &[u8]) -> Answered {
    let claimed = Heartbeat::claimed(octets).map_err(|_| Problem::FORM)?;
    if (claimed.ledger, claimed.sensor) != (peer.ledger, peer.sensor) {
        return Err(Refusal::Refused.into());
    }
    let known = desk.store.sensor((peer.ledger, peer.sensor)).map_err(|_| Refusal::Busy)?.ok_or(Refusal::Refused)?;
    may(&known)?;
    let clinic = desk.store.clinic_of(&known);
    // One whose key the chain has not handed over yet is not kept, but told where the chain stands.
    if let Some(key) = known.keys.get(usize::from(claimed.key_no)) {
        let beat = Heartbeat::open(octets, key).map_err(|_| Refusal::Refused)?;
        clinic.put_heartbeat(&beat, octets, (desk.clock)()).map_err(|_| Refusal::Busy)?;
    }
    let stand = clinic.durable(peer.sensor).map_err(|_| Refusal::Busy)?;
    let full = clinic.newest_full(peer.sensor, i64::MAX).map_err(|_| Refusal::Busy)?;
    // What changed since a full report that is not held cannot be judged.
    let wants_full = stand.0.is_some_and(|known| full.is_none_or(|place| place.epoch < known.place.epoch));
    let said = Said { seen: claimed.seen.map(|s| s.size), bundle_version: claimed.bundle_version, wants_full };
    answer(desk, &clinic, peer, said, (&[], Some(stand)))
}

/// What the answer to a sensor depends on, beside its reports.
struct Said {
    /// The size of the newest checkpoint that it has verified.
    seen: Option<u64>,
    /// The trust bundle that it has.
    bundle_version: u32,
    /// Whether it is to tell everything.
    wants_full: bool,
}

fn may(known: &KnownSensor) -> Result<(), Refusal> {
    match known.state {
        _ if known.closed => Err(Refusal::Closed),
        SensorState::Pending | SensorState::Quarantine => Err(Refusal::Pending),
        SensorState::Revoked => Err(Refusal::Revoked),
        SensorState::Active => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a duration for the counters; no answer depends on it")]
pub(super) async fn reports(
    State(desk): State<Arc<Desk>>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request<Body>,
) -> Answered {
    let peer = peer(&desk, &connection)?;
    let told = request.headers().get(SEEN).and_then(|v| v.to_str().ok()?.parse().ok());
    let octets = body(request, BATCH_TYPE, MAX_BATCH_OCTETS).await?;
    let begun = Instant::now();
    let batch = split(&octets).map_err(|_| Problem::FORM)?;
    let said = last_word(&batch, told);
    let ticket = desk.door.take(&batch, Some(peer.sensor), (desk.clock)());
    let done = ticket.settled().await;
    count(&desk, &done.items);
    let answered = settled(&desk, &peer, said, done);
    desk.meters.ingest_seconds.record(begun.elapsed().as_secs_f64());
    answered
}

/// What a sensor has seen: what the request says, since the reports of a backlog were sealed before; else what its newest report
/// says. Only its own receipt depends on it.
fn last_word(batch: &[&[u8]], told: Option<u64>) -> Said {
    let frames = batch.iter().filter_map(|octets| Frame::parse(octets).ok());
    let newest = frames.max_by_key(|frame| frame.claimed().place);
    let (seen, version) = newest.map_or((None, 0), |f| (f.claimed().seen.map(|s| s.size), f.claimed().bundle_version));
    Said { seen: told.or(seen), bundle_version: version, wants_full: false }
}

fn count(desk: &Desk, items: &[Item]) {
    desk.meters.batch_reports.record(items.len() as f64);
    for item in items {
        desk.meters.reports(item.answer.word()).increment(1);
    }
}

/// The answer to a batch: a receipt if anything was settled, else why nothing was.
fn settled(desk: &Desk, peer: &Peer, said: Said, Settled { items, stand }: Settled) -> Answered {
    let waits = |item: &Item| if let Answer::Later(why) = item.answer { Some(why) } else { None };
    let is_settled = items.iter().any(|item| waits(item).is_none());
    if let (false, Some(why)) = (is_settled, items.iter().filter_map(waits).max()) {
        return Err(why.into());
    }
    let of_peer = items.iter().filter_map(|item| item.of).find(|(_, sensor)| *sensor == peer.sensor);
    let clinic = match of_peer {
        Some((clinic, _)) => desk.store.clinic_with(clinic),
        None => {
            let known = desk.store.sensor((peer.ledger, peer.sensor)).map_err(|_| Refusal::Busy)?;
            desk.store.clinic_of(&known.ok_or(Refusal::Refused)?)
        }
    };
    answer(desk, &clinic, peer, said, (&items, stand))
}

/// A receipt.
fn answer(
    desk: &Desk,
    clinic: &ClinicStore,
    peer: &Peer,
    Said { seen, bundle_version, wants_full }: Said,
    (items, stand): (&[Item], Option<Stand>),
) -> Answered {
    let stand = match stand {
        Some(stand) => stand,
        None => clinic.durable(peer.sensor).map_err(|_| Refusal::Busy)?,
    };
    let receipt = receipt_at(clinic, &desk.ledger, peer.sensor, seen, (items, stand));
    let mut receipt = receipt.map_err(|_| Refusal::Busy)?;
    receipt.want_full = wants_full;
    receipt.trust_bundle = desk.access.newer_bundle(bundle_version).and_then(|b| b.to_vec().try_into().ok());
    Ok(content(RECEIPT_TYPE, receipt.encode().ok_or(Refusal::Busy)?))
}

/// Who is at the other end, if its certificate has not ended.
fn peer(desk: &Desk, connection: &Connection) -> Result<Peer, Problem> {
    connection.peer.filter(|peer| (desk.clock)() < peer.ends).ok_or(Problem::RENEW)
}

type Answered = Result<Response<Body>, Problem>;

const ENROL_TYPE: &str = "application/vnd.auscult.enrol";
const RENEW_TYPE: &str = "application/vnd.auscult.renew";
const ALIVE_TYPE: &str = "application/vnd.auscult.alive";
const BATCH_TYPE: &str = "application/vnd.auscult.reports";
const RECEIPT_TYPE: &str = "application/vnd.auscult.receipt";
/// Request header: the size of the newest checkpoint that the sensor has verified.
const SEEN: &str = "auscult-seen";
/// A request for a certificate, a key, a signature and hints.
const MOST_ENROL: usize = MAX_REQUEST + 1_024;
