//! Where a verified report belongs, inside the writer's transaction (table 3.6 of the design; `report::chain`).
//!
//! Keeps: what follows, what stands behind a hole, what comes late and fits, and as evidence what contradicts. Drops:
//! nothing whose signature holds, but what a sensor sends beyond its quota or from quarantine: that may come again.

use super::check::Limits;
use super::{Answer, Later};
use crate::store::{Batch, ClinicId, NewReport, SensorState, Standing, StoreError};
use auscult_report::chain::{ChainError, Head, follows};
use auscult_report::header::{Frame, Header};
use auscult_report::key::SensorId;
use auscult_report::payload::{EpochReason, EpochStart, Payload, Place};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{Content, VerifiedReport};
use auscult_report::time::Timestamp;

type Of = (ClinicId, SensorId);

/// Settles one report: what was written for it, and the answer that is true once the transaction is committed.
pub(super) fn settle(
    batch: &Batch<'_>,
    of: Of,
    (report, octets): (&VerifiedReport, &[u8]),
    limits: &Limits,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let header = report.header();
    let Some(standing) = batch.standing(of, now.days())?.filter(|s| s.ledger == header.ledger) else {
        return Ok(Answer::Done(Outcome::RefusedLedger));
    };
    let held = batch.held(of, header.place)?;
    if held.is_some_and(|h| h.hash == report.hash()) {
        return Ok(Answer::Done(Outcome::Stored));
    }
    if standing.has_forks && batch.is_fork(of, &report.hash())? {
        return Ok(Answer::Done(Outcome::Conflict));
    }
    if let Some(later) = waits(&standing, limits, octets.len()) {
        return Ok(Answer::Later(later));
    }
    let is_last = !batch.is_anything_behind(of, header.place)?;
    let fits = match held {
        Some(_) => Err(ChainError::Fork),
        None if is_last && is_next(standing.head.as_ref(), header) => Ok(()),
        None => fits(batch, of, report, &standing)?,
    };
    // In quarantine what contradicts is kept as evidence, all of it; what does not waits for a person.
    if standing.state == SensorState::Quarantine && fits.is_ok() {
        return Ok(Answer::Later(Later::Quarantine));
    }
    let row = NewReport {
        place: header.place,
        hash: report.hash(),
        prev: header.prev,
        key_no: header.key_no,
        kind: header.kind,
        opaque: matches!(report.content(), Content::Opaque),
        received: batch.stamp(of.0, standing.last_received, now)?,
        wall: header.moment.wall,
        clock: header.moment.clock,
        envelope: octets,
    };
    batch.used(of, now.days(), octets.len())?;
    match fits.and_then(|()| stands(standing.head.as_ref(), report)) {
        Ok(head) => {
            batch.keep(of, &row)?;
            let head = advance(batch, of, standing.head, head, (row.received, is_last))?;
            batch.moved(of, &row, head.as_ref())?;
            Ok(Answer::Done(Outcome::Stored))
        }
        Err(contradiction) => {
            batch.keep_fork(of, &row, &contradiction.to_string())?;
            Ok(Answer::Done(Outcome::Conflict))
        }
    }
}

/// Why nothing new is taken from this sensor now.
fn waits(standing: &Standing, limits: &Limits, octets: usize) -> Option<Later> {
    match standing.state {
        _ if standing.closed => return Some(Later::Closed),
        SensorState::Active | SensorState::Quarantine => {}
        SensorState::Pending => return Some(Later::Pending),
        SensorState::Revoked => return Some(Later::Revoked),
    }
    let (clinic, sensor) = standing.usage;
    let more = u64::try_from(octets).unwrap_or(u64::MAX);
    let is_over = clinic.saturating_add(more) > standing.quota_octets_day
        || sensor.saturating_add(more) > limits.sensor_octets_day;
    is_over.then_some(Later::Quota)
}

/// Whether a report is the one right behind the head, and says so.
fn is_next(head: Option<&Head>, header: &Header) -> bool {
    let Header { place, prev, .. } = *header;
    let seq = |head: &Head| head.place.seq.checked_add(1);
    head.is_some_and(|h| h.place.epoch == place.epoch && seq(h) == Some(place.seq) && h.hash == prev)
}

/// Whether a report fits between the reports right before and right behind it, where they are held; and is no part of a branch
/// that was left: behind a fork, or behind the report from which the sensor went on in a later epoch because it had made no more.
fn fits(
    batch: &Batch<'_>,
    of: Of,
    report: &VerifiedReport,
    standing: &Standing,
) -> Result<Result<(), ChainError>, StoreError> {
    let Header { place, prev, .. } = *report.header();
    let at = |seq: Option<u64>| seq.map(|seq| Place { seq, ..place });
    if let Some(before) = at(place.seq.checked_sub(1))
        && batch.held(of, before)?.is_some_and(|h| h.hash != prev)
    {
        return Ok(Err(ChainError::Prev));
    }
    if let Some(behind) = at(place.seq.checked_add(1))
        && batch.held(of, behind)?.is_some_and(|h| h.prev != report.hash())
    {
        return Ok(Err(ChainError::Prev));
    }
    if standing.has_forks && batch.is_fork(of, &prev)? {
        return Ok(Err(ChainError::Prev));
    }
    let (Some(head), Some(epoch)) = (&standing.head, batch.next_epoch(of, place.epoch)?) else { return Ok(Ok(())) };
    let begins = batch.envelope(of, Place { epoch, seq: 0 })?.and_then(|octets| open(&octets, head));
    let has_left = match begins.as_ref().and_then(VerifiedReport::payload) {
        Some(Payload::EpochStart(EpochStart { reason: EpochReason::HeadOld, last: Some(last), .. })) => {
            last.place.epoch == place.epoch && last.place < place
        }
        _ => false,
    };
    Ok(if has_left { Err(ChainError::Prev) } else { Ok(()) })
}

/// Whether a report may stand in the chain that ends in `head`: the new head if it follows right away, the old one if it
/// stands behind a hole or came late.
fn stands(head: Option<&Head>, report: &VerifiedReport) -> Result<Option<Head>, ChainError> {
    let place = report.header().place;
    let Some(head) = head else {
        return if place == Place::default() { Head::begin(report).map(Some) } else { Ok(None) };
    };
    match follows(head, report) {
        Ok(next) => Ok(Some(next)),
        Err(ChainError::Hole { .. } | ChainError::Old | ChainError::Repeated) => Ok(Some(*head)),
        Err(contradiction) => Err(contradiction),
    }
}

/// Moves the head over what is held behind it. Nothing is, if the report is the last that is held.
fn advance(
    batch: &Batch<'_>,
    of: Of,
    before: Option<Head>,
    now: Option<Head>,
    (at, is_last): (Timestamp, bool),
) -> Result<Option<Head>, StoreError> {
    let Some(mut head) = now else { return Ok(before) };
    if let Some(before) = before {
        handed_over(batch, of, &before, &head, at)?;
    }
    let steps = if is_last && before != Some(head) { 0 } else { MOST_STEPS };
    for _ in 0..steps {
        match next(batch, of, &head)? {
            Walk::On(next) => {
                handed_over(batch, of, &head, &next, at)?;
                head = next;
            }
            Walk::Waits => break,
            Walk::Contradicts(why) => {
                batch.quarantine(of, &why.to_string(), at)?;
                break;
            }
        }
    }
    Ok(Some(head))
}

/// Registers the key that a step of the chain handed over.
fn handed_over(batch: &Batch<'_>, of: Of, from: &Head, to: &Head, at: Timestamp) -> Result<(), StoreError> {
    if to.key_no > from.key_no { batch.add_key(of, to.key_no, &to.key, at) } else { Ok(()) }
}

enum Walk {
    On(Head),
    Waits,
    Contradicts(ChainError),
}

/// One step behind the head: the next of the epoch, else what a gap explains, else the beginning of the next epoch.
fn next(batch: &Batch<'_>, of: Of, head: &Head) -> Result<Walk, StoreError> {
    let behind = Place { seq: head.place.seq.saturating_add(1), ..head.place };
    if let Some(octets) = batch.envelope(of, behind)? {
        return Ok(match open(&octets, head).map(|report| follows(head, &report)) {
            Some(Ok(next)) => Walk::On(next),
            Some(Err(why)) => Walk::Contradicts(why),
            None => Walk::Contradicts(ChainError::Key),
        });
    }
    for place in batch.gaps_behind(of, head.place)? {
        let told = batch.envelope(of, place)?;
        if let Some(across) = told.and_then(|o| open(&o, head)).and_then(|later| head.across(&later).ok()) {
            return Ok(Walk::On(across));
        }
    }
    let Some(epoch) = batch.next_epoch(of, head.place.epoch)? else { return Ok(Walk::Waits) };
    let begins = batch.envelope(of, Place { epoch, seq: 0 })?;
    let Some(report) = begins.and_then(|o| open(&o, head)) else { return Ok(Walk::Waits) };
    Ok(match follows(head, &report) {
        Ok(next) => Walk::On(next),
        Err(ChainError::Hole { .. }) => Walk::Waits,
        Err(why) => Walk::Contradicts(why),
    })
}

/// A report that is held, believed again. `None` if it is not signed with the key that the chain says.
fn open(octets: &[u8], head: &Head) -> Option<VerifiedReport> {
    let frame = Frame::parse(octets).ok()?;
    (frame.claimed().key_no == head.key_no).then(|| frame.verify(&head.key).ok()).flatten()
}

/// Steps of one transaction: each costs a signature. The next report of the sensor goes on from there.
const MOST_STEPS: usize = 512;
