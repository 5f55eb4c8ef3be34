//! What is checked of a report before it may wait for the writer, the cheap before the dear.
//!
//! Keeps: a few seconds of memory of sensors and keys. Drops: whatever does not verify; its payload is not unpacked.

use super::queue::{Queue, Room};
use super::{Answer, Item, Later};
use crate::store::{ClinicId, KnownSensor, SensorState, Store, StoreError};
use auscult_report::header::{Frame, FrameError, MAX_REPORT};
use auscult_report::key::{LedgerId, PublicKey, SensorId};
use auscult_report::receipt::Outcome;
use auscult_report::seal::{OpenError, VerifiedReport, report_hash};
use auscult_report::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What the door takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Reports that may wait for the writer.
    pub queue_items: usize,
    /// Octets of memory that they may take.
    pub queue_octets: usize,
    /// Octets that one sensor may add a day.
    pub sensor_octets_day: u64,
    /// Reports that one sensor may send at once.
    pub sensor_burst: u32,
    /// Reports that one sensor may send a minute in the long run.
    pub sensor_reports_minute: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            queue_items: 4_096,
            queue_octets: 64 << 20,
            sensor_octets_day: 16 << 20,
            sensor_burst: 4_096,
            sensor_reports_minute: 120,
        }
    }
}

/// A report whose signature holds, on its way to the writer.
pub(super) struct Candidate {
    pub(super) of: (ClinicId, SensorId),
    pub(super) report: VerifiedReport,
    pub(super) octets: Vec<u8>,
    /// Its room in the queue, given back when it is settled.
    _room: Room,
}

pub(super) enum Checked {
    Candidate(Box<Candidate>),
    Settled(Item),
}

pub(super) struct Check {
    store: Store,
    limits: Limits,
    known: Mutex<HashMap<(LedgerId, SensorId), (Timestamp, KnownSensor)>>,
    buckets: Mutex<HashMap<(ClinicId, SensorId), Bucket>>,
}

impl Check {
    pub(super) fn new(store: Store, limits: Limits) -> Check {
        Check { store, limits, known: Mutex::default(), buckets: Mutex::default() }
    }

    pub(super) fn check<T>(&self, octets: &[u8], peer: Option<SensorId>, queue: &Queue<T>, now: Timestamp) -> Checked {
        let mut of = None;
        self.try_check(octets, peer, queue, now, &mut of).map_or_else(
            // A report of any length is hashed: what was refused can be named.
            |answer| Checked::Settled(Item { report: report_hash(octets), of, answer }),
            |candidate| Checked::Candidate(Box::new(candidate)),
        )
    }

    fn try_check<T>(
        &self,
        octets: &[u8],
        peer: Option<SensorId>,
        queue: &Queue<T>,
        now: Timestamp,
        of: &mut Option<(ClinicId, SensorId)>,
    ) -> Result<Candidate, Answer> {
        if octets.len() > MAX_REPORT {
            return Err(Answer::Done(Outcome::RefusedSize));
        }
        let frame = Frame::parse(octets).map_err(|e| Answer::Done(refused(e)))?;
        let header = frame.claimed();
        if i64::try_from(header.place.seq).is_err() {
            return Err(Answer::Done(Outcome::RefusedForm));
        }
        if peer.is_some_and(|peer| peer != header.sensor) {
            return Err(Answer::Done(Outcome::RefusedLedger));
        }
        let claim = (header.ledger, header.sensor);
        let known = self.sensor(claim, now, false)?;
        *of = Some((known.clinic, header.sensor));
        may_send(&known)?;
        let key = match known.keys.get(usize::from(header.key_no)) {
            Some(key) => *key,
            None => self.newest_key(claim, header.key_no, now)?,
        };
        if !self.spend((known.clinic, header.sensor), now) {
            return Err(Answer::Later(Later::Quota));
        }
        let room = queue.reserve(weight(octets.len(), header.plain_octets)).ok_or(Answer::Later(Later::Busy))?;
        let report = frame.verify(&key).map_err(|e| {
            Answer::Done(match e {
                OpenError::Inflate => Outcome::RefusedSize,
                OpenError::SensorId | OpenError::Signature => Outcome::RefusedSignature,
            })
        })?;
        Ok(Candidate { of: (known.clinic, header.sensor), report, octets: octets.to_vec(), _room: room })
    }

    /// A key that the memory does not have: its chain may have handed it over just now, or will.
    fn newest_key(&self, claim: (LedgerId, SensorId), key_no: u16, now: Timestamp) -> Result<PublicKey, Answer> {
        let known = self.sensor(claim, now, true)?;
        match known.keys.get(usize::from(key_no)) {
            Some(key) => Ok(*key),
            None if usize::from(key_no) == known.keys.len() => Err(Answer::Later(Later::KeyNotYet)),
            None => Err(Answer::Done(Outcome::RefusedSignature)),
        }
    }

    /// The sensor that a header names, from memory or from the store.
    fn sensor(&self, claim: (LedgerId, SensorId), now: Timestamp, fresh: bool) -> Result<KnownSensor, Answer> {
        let mut memory = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, known)) = memory.get(&claim)
            && !fresh
            && now >= *since
            && now.since_ms(*since) < MEMORY_MS
        {
            return Ok(known.clone());
        }
        let found = self.store.sensor(claim).map_err(|_: StoreError| Answer::Later(Later::Busy))?;
        let Some(known) = found else {
            memory.remove(&claim);
            return Err(Answer::Done(Outcome::RefusedLedger));
        };
        memory.insert(claim, (now, known.clone()));
        Ok(known)
    }

    /// One report from a sensor's bucket.
    fn spend(&self, of: (ClinicId, SensorId), now: Timestamp) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = u64::from(self.limits.sensor_burst).saturating_mul(MINUTE_MS);
        let bucket = buckets.entry(of).or_insert(Bucket { level: full, at: now });
        let flow = now.since_ms(bucket.at).saturating_mul(u64::from(self.limits.sensor_reports_minute));
        // In milliseconds times reports a minute: whole numbers, and nothing is lost between calls.
        *bucket = Bucket { level: bucket.level.saturating_add(flow).min(full), at: now.max(bucket.at) };
        match bucket.level.checked_sub(MINUTE_MS) {
            Some(rest) => {
                bucket.level = rest;
                true
            }
            None => false,
        }
    }
}

/// What a sensor may still send: one row for each sensor that is known.
#[derive(Clone, Copy)]
struct Bucket {
    level: u64,
    at: Timestamp,
}

fn may_send(known: &KnownSensor) -> Result<(), Answer> {
    match known.state {
        _ if known.closed => Err(Answer::Later(Later::Closed)),
        SensorState::Pending => Err(Answer::Later(Later::Pending)),
        SensorState::Revoked => Err(Answer::Later(Later::Revoked)),
        // In quarantine what is held already is still acknowledged: the writer knows.
        SensorState::Active | SensorState::Quarantine => Ok(()),
    }
}

const fn refused(error: FrameError) -> Outcome {
    match error {
        FrameError::HeaderLength | FrameError::PayloadLength | FrameError::PlainLength => Outcome::RefusedSize,
        FrameError::Magic
        | FrameError::Version(_)
        | FrameError::Algorithm(_)
        | FrameError::Short
        | FrameError::Long
        | FrameError::Header => Outcome::RefusedForm,
    }
}

/// Memory of a report that waits: its octets, and what its payload becomes when decoded.
fn weight(octets: usize, plain_octets: u32) -> usize {
    let plain = usize::try_from(plain_octets).unwrap_or(usize::MAX);
    octets.saturating_add(plain.saturating_mul(DECODED))
}

/// A decoded sighting has 120 octets; the shortest encoded one has about 10.
const DECODED: usize = 12;

/// How long a sensor's state is believed without looking; the writer looks again in any case.
const MEMORY_MS: u64 = 5_000;

const MINUTE_MS: u64 = 60_000;
