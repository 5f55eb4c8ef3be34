//! Keeps findings in step with the reports: what opened, became worse, was fixed, came back. The judging itself is
//! `auscult_assess`.
//!
//! Everything here is a function of the envelopes, the order in which they came, the knowledge and the day, and of what was stated
//! about the sensor: so it can be thrown away and made again ([`Judge::rebuild`]), and a reviewer gets the same. Keeps: how far each
//! sensor was judged, how well it hears.
//! Drops: an envelope whose signature no longer holds; it is counted, and the ledger shows what it was.

mod hearing;
mod known;
mod notes;
mod plans;
mod standing;
mod state;
mod strip;
mod turn;
mod watch;

pub use known::Known;
pub use plans::{Change, EVER, Matter, Notice, REVIEW_WITHIN_DAYS, Reviews, Settled, WHOLE, changes};
pub use standing::Standing;
pub use strip::{DAYS, HEARD, cell, refresh_strip};

use crate::store::{ClinicStore, FindingRow, Judged, Kept, NOBODY, StepRow, StoreError, Watched};
use auscult_assess::knowledge::Knowledge;
use auscult_assess::rule::Rule;
use auscult_report::header::{Frame, Moment};
use auscult_report::key::{PublicKey, SensorId};
use auscult_report::payload::{Payload, Place};
use auscult_report::seal::report_hash;
use auscult_report::subject::Subject;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use hearing::Hearing;
use notes::{Notebook, Told};
use state::{Heard, MOST_BEHIND, State};
use std::collections::BTreeSet;
use turn::{Findings, Turn};
use watch::{Watch, is_due};

/// Judges the reports of clinics.
pub struct Judge<'k> {
    knowledge: &'k Knowledge,
}

/// What a stretch of judging gave: the one place that tells of findings that opened, changed or went, also of those that follow from
/// plans of people (their sensor is [`NOBODY`]): who is to be told hears it from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Reports that were judged.
    pub reports: u64,
    /// Reports that no longer verify: their octets were changed after they were taken in.
    pub damaged: u64,
    /// What became of findings, in the order of time for each sensor.
    pub steps: Vec<(SensorId, StepRow)>,
}

/// A finding, for people.
#[derive(Clone, Debug)]
pub struct Open<'k> {
    /// The sensor that heard it.
    pub sensor: SensorId,
    /// Its rule; `None` if the catalogue has it no more.
    pub rule: Option<&'k Rule>,
    /// What it is about.
    pub subject: Option<Subject>,
    /// What is kept of it.
    pub row: FindingRow,
}

impl<'k> Judge<'k> {
    /// A judge with this knowledge.
    #[must_use]
    pub const fn new(knowledge: &'k Knowledge) -> Judge<'k> {
        Judge { knowledge }
    }

    /// Judges what came since the last time, and what the date changed.
    ///
    /// # Errors
    /// If the store could not be read or written: what was judged before stays.
    pub fn catch_up(&self, store: &ClinicStore, now: Timestamp) -> Result<Judgement, StoreError> {
        let mut judgement = Judgement::default();
        let new: BTreeSet<SensorId> = store.to_judge(now.days())?.into_iter().collect();
        for sensor in store.watched()?.iter().filter(|s| new.contains(&s.id) || is_due(s, now)) {
            self.sensor(store, sensor, now, &mut judgement)?;
        }
        plans::judge(self.knowledge, store, now, &mut judgement)?;
        Ok(judgement)
    }

    /// Throws away what was judged and makes it again from the envelopes alone.
    ///
    /// # Errors
    /// If the store could not be read or written.
    pub fn rebuild(&self, store: &ClinicStore, now: Timestamp) -> Result<Judgement, StoreError> {
        store.forget_judged()?;
        self.catch_up(store, now)
    }

    /// The findings of a clinic, the worst and oldest first; also those that are gone if `all`.
    ///
    /// # Errors
    /// If the store could not be read.
    pub fn findings(&self, store: &ClinicStore, all: bool) -> Result<Vec<Open<'k>>, StoreError> {
        let mut found = Vec::new();
        let sensors = store.sensors()?.into_iter().map(|sensor| sensor.id).chain([NOBODY]);
        for sensor in sensors {
            let rows = store.judged(sensor)?.1.into_iter().filter(|row| all || row.closed.is_none());
            found.extend(rows.map(|row| Open {
                sensor,
                rule: self.knowledge.rules().iter().find(|r| r.id() == row.rule),
                subject: postcard::from_bytes(&row.subject).ok(),
                row,
            }));
        }
        found.sort_by_key(|f| (f.row.closed.is_some(), u8::MAX.saturating_sub(f.row.severity), f.row.opened));
        Ok(found)
    }

    fn sensor(
        &self,
        store: &ClinicStore,
        watched: &Watched,
        now: Timestamp,
        judgement: &mut Judgement,
    ) -> Result<(), StoreError> {
        let sensor = watched.id;
        let (judged, rows) = store.judged(sensor)?;
        let mut stretch = Stretch {
            store,
            sensor,
            knowledge: self.knowledge,
            keys: store.keys(sensor)?,
            watch: Watch::new(watched, store.record(sensor)?),
            hearing: Hearing::read(&judged.hearing),
            findings: Findings::of(rows),
            state: State::default(),
            notebook: Notebook::default(),
            judged,
        };
        if !stretch.make_up()? {
            return Ok(());
        }
        stretch.state = stretch.state_until(stretch.judged.report_id)?;
        loop {
            let before = stretch.judged.clone();
            let reports = store.reports_after(sensor, before.report_id, REPORTS)?;
            let is_last = reports.is_empty();
            for report in &reports {
                stretch.report(report, judgement)?;
            }
            if is_last {
                stretch.passes_to(now);
            }
            stretch.judged.hearing = stretch.hearing.octets();
            let (changed, steps) = stretch.findings.take_changes();
            let (span, notes) = ((&before, &stretch.judged), stretch.notebook.take());
            if stretch.judged != before && !store.put_judged(sensor, span, (&changed, &steps), &notes)? {
                // Another program judged the same at the same time: it has written it.
                return Ok(());
            }
            judgement.steps.extend(steps.into_iter().map(|step| (sensor, step)));
            if is_last {
                return Ok(());
            }
        }
    }
}

/// One sensor while it is judged.
struct Stretch<'a> {
    store: &'a ClinicStore,
    sensor: SensorId,
    knowledge: &'a Knowledge,
    keys: Vec<PublicKey>,
    watch: Watch,
    hearing: Hearing,
    findings: Findings,
    state: State,
    notebook: Notebook,
    judged: Judged,
}

impl Stretch<'_> {
    /// Takes notes of what was judged before there were any. `false`: another program does the same.
    fn make_up(&mut self) -> Result<bool, StoreError> {
        let (mut state, mut heard_to) = (State::default(), Timestamp(0));
        while self.judged.noted < self.judged.report_id {
            let from = self.judged.noted;
            let mut reports = self.store.reports_after(self.sensor, from, REPORTS)?;
            reports.retain(|report| report.id <= self.judged.report_id);
            for report in &reports {
                let read = self.read(report);
                let heard = if state.is_next(report.place) {
                    state.take(report.place, read.payload.as_ref())
                } else {
                    state = self.state_until(report.id)?;
                    read.payload.as_ref().and_then(Heard::of)
                };
                if let (Some(heard), Some(payload)) = (heard, &read.payload) {
                    let (more_ms, to) = heard.beyond(heard_to);
                    heard_to = to;
                    let (sensor, received) = (self.sensor, report.received);
                    self.notebook.report(&Told { sensor, received, heard, more_ms, payload, state: &state.summary() });
                }
            }
            self.judged.noted = reports.last().map_or(self.judged.report_id, |report| report.id);
            if !self.store.put_notes(self.sensor, (from, self.judged.noted), &self.notebook.take())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn report(&mut self, report: &Kept, judgement: &mut Judgement) -> Result<(), StoreError> {
        self.passes_to(report.received);
        let read = self.read(report);
        judgement.reports = judgement.reports.saturating_add(1);
        judgement.damaged = judgement.damaged.saturating_add(u64::from(read.is_damaged));
        self.hearing.came(report.received, read.moment.as_ref(), read.payload.as_ref());
        let heard = if self.state.is_next(report.place) {
            self.state.take(report.place, read.payload.as_ref())
        } else {
            // It came out of order: the state is put together again, and judged as it then is.
            self.state = self.state_until(report.id)?;
            read.payload.as_ref().and_then(Heard::of)
        };
        self.judged.stood = self.judged.stood.max(report.received);
        if let Some(heard) = heard {
            let (more, heard_to) = heard.beyond(self.judged.heard_to);
            self.judged.heard_ms = self.judged.heard_ms.saturating_add(more);
            self.judged.heard_to = heard_to;
            let state = self.state.summary();
            let is_heard = |n: usize| state.sightings.get(n).is_some_and(|s| heard.has(s));
            self.hearing.hosts(&state, is_heard, self.judged.heard_ms);
            self.hearing.past.hears(&state, |s| heard.has(s), self.judged.heard_ms);
            if let Some(payload) = &read.payload {
                let (sensor, received) = (self.sensor, report.received);
                self.notebook.report(&Told { sensor, received, heard, more_ms: more, payload, state: &state });
            }
            self.judge(report.received, Some((heard, report.id)));
        } else if self.findings.is_any_open() {
            // It heard nothing, but it came.
            self.judge(report.received, None);
        }
        (self.judged.report_id, self.judged.noted) = (report.id, report.id);
        Ok(())
    }

    /// Judges what passed by itself up to `now`, in the order of time: days, because dates pass also where nobody speaks, and what may
    /// have become otherwise with the sensor.
    fn passes_to(&mut self, now: Timestamp) {
        let day = now.days();
        let first = match self.judged.day {
            0 => day,
            judged => judged.saturating_add(1).max(day.saturating_sub(MOST_DAYS)),
        };
        let passed = self.watch.moments(&self.hearing, self.judged.stood, now);
        let days = (first..=day).map(|day| Timestamp(day.saturating_mul(MS_PER_DAY)));
        for moment in passed.iter().copied().chain(days).collect::<BTreeSet<Timestamp>>() {
            if passed.contains(&moment) || !self.state.is_new() || self.findings.is_any_open() {
                self.judge(moment, None);
            }
        }
        self.judged.day = self.judged.day.max(day);
        self.judged.stood = self.judged.stood.max(passed.last().copied().unwrap_or_default());
    }

    fn judge(&mut self, now: Timestamp, heard: Option<(Heard, i64)>) {
        let heard_ms = self.judged.heard_ms;
        let sensing = self.watch.add_to(self.hearing.sensing(heard_ms), &self.hearing, now);
        let turn = Turn { knowledge: self.knowledge, now, heard, heard_ms, sensing, past: &self.hearing.past };
        self.findings.judge(&self.state.summary(), &turn);
    }

    /// The state from all reports that came up to `until`, in the order of the chain.
    fn state_until(&self, until: i64) -> Result<State, StoreError> {
        state_until(self.store, (self.sensor, &self.keys), until)
    }

    fn read(&self, report: &Kept) -> Read {
        read(&self.keys, report)
    }
}

fn state_until(store: &ClinicStore, (sensor, keys): (SensorId, &[PublicKey]), until: i64) -> Result<State, StoreError> {
    let mut state = State::default();
    let from = store.newest_full(sensor, until)?.unwrap_or(Place::default());
    let most = MOST_BEHIND.saturating_add(1);
    for report in store.chain_from(sensor, from, until, most)? {
        state.take(report.place, read(keys, &report).payload.as_ref());
    }
    Ok(state)
}

/// The payload of a report, believed only if its octets are still those that were signed.
fn read(keys: &[PublicKey], report: &Kept) -> Read {
    let Some(octets) = &report.envelope else { return Read::default() };
    let key = keys.get(usize::from(report.key_no));
    let verified = Frame::parse(octets).ok().zip(key).and_then(|(frame, key)| frame.verify(key).ok());
    match verified.filter(|_| report_hash(octets) == report.hash) {
        Some(verified) => {
            let moment = Some(verified.header().moment);
            Read { payload: verified.payload().cloned(), moment, is_damaged: false }
        }
        None => Read { is_damaged: true, ..Read::default() },
    }
}

#[derive(Default)]
struct Read {
    payload: Option<Payload>,
    moment: Option<Moment>,
    is_damaged: bool,
}

/// Reports that are judged between two writes.
const REPORTS: u32 = 256;

/// Days that are made up for: longer nobody looked, and only the last of them matter.
const MOST_DAYS: u64 = 400;
