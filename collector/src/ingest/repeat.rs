//! The door once more, for who makes an archive again from a record: the same order, the same times, the same refusals.
//!
//! Keeps: reports that wait for their transaction, at most [`MOST_WAITING`]. Drops: quotas and queues; what is repeated was within them.

use super::check::Limits;
use super::{Answer, place};
use crate::store::{ClinicId, KnownSensor, Store, StoreError};
use auscult_report::header::Frame;
use auscult_report::key::{LedgerId, SensorId};
use auscult_report::receipt::Outcome;
use auscult_report::seal::VerifiedReport;
use auscult_report::time::Timestamp;
use std::collections::HashMap;

/// Takes in reports that were taken in before.
pub struct Repeat<'s> {
    store: &'s Store,
    known: HashMap<(LedgerId, SensorId), KnownSensor>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    of: (ClinicId, SensorId),
    report: VerifiedReport,
    octets: Vec<u8>,
    received: Timestamp,
    entry: u64,
}

impl<'s> Repeat<'s> {
    /// Into this store, which nobody else writes.
    #[must_use]
    pub fn new(store: &'s Store) -> Repeat<'s> {
        Repeat { store, known: HashMap::new(), waiting: Vec::new() }
    }

    /// The report of an entry, as of when it came.
    ///
    /// # Errors
    /// What is wrong with it, or with one before it, in one sentence that names the entry.
    pub fn report(&mut self, entry: u64, octets: Vec<u8>, received: Timestamp) -> Result<(), String> {
        let wrong = |why: &str| format!("report of entry {entry}: {why}");
        let frame = Frame::parse(&octets).map_err(|e| wrong(&e.to_string()))?;
        let header = frame.claimed();
        let claim = (header.ledger, header.sensor);
        let has_key = |known: Option<&KnownSensor>| known.is_some_and(|k| k.keys.len() > usize::from(header.key_no));
        if !has_key(self.known.get(&claim)) {
            // The key may have been handed over by a report that waits here.
            self.settle()?;
            let known = self.store.sensor(claim).map_err(|e| e.to_string())?;
            let known = known.ok_or_else(|| wrong("nobody let in the sensor that it names"))?;
            self.known.insert(claim, known);
        }
        let known = self.known.get(&claim).ok_or_else(|| wrong("nobody let in the sensor that it names"))?;
        let key = known.keys.get(usize::from(header.key_no));
        let key = key.ok_or_else(|| wrong("its sensor never handed over the key that it names"))?;
        let report = frame.verify(key).map_err(|e| wrong(&e.to_string()))?;
        let of = (known.clinic, header.sensor);
        self.waiting.push(Waiting { of, report, octets, received, entry });
        if self.waiting.len() >= MOST_WAITING { self.settle() } else { Ok(()) }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The first report that was not taken in as it was, in one sentence.
    pub fn settle(&mut self) -> Result<(), String> {
        let waiting = core::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let limits = Limits { sensor_octets_day: u64::MAX, ..Limits::default() };
        let answers = self.store.batch("repeat", |batch| {
            let settle = |w: &Waiting| place::settle(batch, w.of, (&w.report, &w.octets), &limits, w.received);
            waiting.iter().map(settle).collect::<Result<Vec<Answer>, StoreError>>()
        });
        let answers = answers.map_err(|e| e.to_string())?;
        match waiting.iter().zip(answers).find(|(_, answer)| *answer != Answer::Done(Outcome::Stored)) {
            Some((report, answer)) => {
                Err(format!("report of entry {}: it does not fit there ({})", report.entry, answer.word()))
            }
            None => Ok(()),
        }
    }
}

/// Reports of one transaction: a quarter of what one bundle of objects may hold in memory besides.
const MOST_WAITING: usize = 64;
