//! What is done by the clock: rounds of the ledgers, judging, our certificate, the levels that monitoring reads.
//!
//! Keeps: when each was done last. Drops: nothing; a chore that failed is told once and done again at the next turn.

use crate::judge::{Judge, refresh_strip};
use crate::ledger::LedgerError;
use crate::review;
use crate::store::{ClinicStore, SensorState};
use crate::web::{Certificates, Desk};
use auscult_assess::knowledge::Knowledge;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use sysinfo::Disks;
use tracing::{error, info, warn};

/// Everything that is done by the clock.
pub(super) struct Chores {
    desk: Arc<Desk>,
    certificates: Arc<Certificates>,
    every: Duration,
    data: PathBuf,
    knowledge: Knowledge,
    certified: Timestamp,
    /// The day whose findings, and up to whose beginning the audits, were stated in the ledgers; 0: not since the start.
    audited: u64,
    /// What failed the last time, so that it is told once.
    told: Option<String>,
}

impl Chores {
    pub(super) fn new(desk: &Arc<Desk>, certificates: Arc<Certificates>, every_ms: u64, data: &Path) -> Chores {
        Chores {
            certified: (desk.clock)(),
            audited: 0,
            desk: Arc::clone(desk),
            certificates,
            every: Duration::from_millis(every_ms),
            data: data.canonicalize().unwrap_or_else(|_| data.to_path_buf()),
            knowledge: Knowledge::compiled(),
            told: None,
        }
    }

    /// Until the other end says so, or is gone; then once more.
    pub(super) fn run(mut self, end: &Receiver<()>) {
        loop {
            let is_last = !matches!(end.recv_timeout(self.every), Err(RecvTimeoutError::Timeout));
            self.turn();
            if is_last {
                return;
            }
        }
    }

    fn turn(&mut self) {
        let now = (self.desk.clock)();
        match self.desk.store.each_clinic() {
            Ok(clinics) => self.clinics(&clinics, now),
            Err(e) => self.failed(Some(e.to_string())),
        }
        if now.since_ms(self.certified) >= MS_PER_DAY {
            match self.certificates.refresh(now) {
                Ok(()) => self.certified = now,
                Err(e) => error!(error = %e, "our certificate could not be made again"),
            }
        }
        if let Ok(disks) = Disks::new_with_refreshed_list() {
            let mounted = disks.iter().filter(|d| self.data.starts_with(d.mount_point()));
            if let Some(disk) = mounted.max_by_key(|d| d.mount_point().as_os_str().len()) {
                self.desk.meters.disk_free_octets.set(disk.available_space() as f64);
            }
        }
        if let Some(fault) = self.desk.door.take_fault() {
            error!(error = %fault, "reports could not be written; their senders will come again");
        }
    }

    fn clinics(&mut self, clinics: &[ClinicStore], now: Timestamp) {
        let mut failed = None;
        let (mut queued, mut open) = (0u64, 0u64);
        let mut states: BTreeMap<&'static str, u64> = BTreeMap::new();
        for clinic in clinics {
            if let Err(e) = self.round(clinic, now) {
                failed = Some(e.to_string());
            }
            let done = self.judge(clinic, now);
            open = open.saturating_add(done.unwrap_or_else(|e| {
                failed = Some(e);
                0
            }));
            queued = queued.saturating_add(clinic.queued().unwrap_or(0));
            for sensor in clinic.sensors().unwrap_or_default() {
                let count = states.entry(sensor.state.word()).or_default();
                *count = count.saturating_add(1);
            }
        }
        if self.audited < now.days() {
            let midnight = Timestamp(now.days().saturating_mul(MS_PER_DAY));
            let state = |clinic: &ClinicStore| {
                review::state(clinic, &self.knowledge, now)?;
                clinic.state_audit(midnight, now).map(drop)
            };
            match clinics.iter().try_for_each(state) {
                Ok(()) => self.audited = now.days(),
                Err(e) => failed = Some(e.to_string()),
            }
        }
        self.failed(failed);
        let meters = &self.desk.meters;
        meters.ledger_queue.set(queued as f64);
        meters.findings_open.set(open as f64);
        for state in [SensorState::Pending, SensorState::Active, SensorState::Revoked, SensorState::Quarantine] {
            meters.sensors(state.word()).set(states.get(state.word()).copied().unwrap_or(0) as f64);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a duration for the counters; nothing depends on it")]
    fn round(&self, clinic: &ClinicStore, now: Timestamp) -> Result<(), LedgerError> {
        let begun = Instant::now();
        if clinic.queued()? > 0 {
            self.desk.ledger.round(clinic, now)?;
            self.desk.meters.round_seconds.record(begun.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// Findings that are open.
    fn judge(&self, clinic: &ClinicStore, now: Timestamp) -> Result<u64, String> {
        let judge = Judge::new(&self.knowledge);
        let judgement = judge.catch_up(clinic, now).map_err(|e| e.to_string())?;
        for (sensor, step) in &judgement.steps {
            info!(clinic = %clinic.id(), %sensor, rule = step.rule, what = step.what, "finding");
        }
        if judgement.damaged > 0 {
            error!(clinic = %clinic.id(), damaged = judgement.damaged, "reports no longer verify: the data base was changed");
        }
        refresh_strip(clinic, !judgement.steps.is_empty(), now).map_err(|e| e.to_string())?;
        clinic.open_findings().map_err(|e| e.to_string())
    }

    fn failed(&mut self, why: Option<String>) {
        self.desk.ledgers_well.store(why.is_none(), Ordering::Relaxed);
        if self.told != why {
            match &why {
                Some(why) => error!(error = why, "a round did not end"),
                None => warn!("rounds end again"),
            }
            self.told = why;
        }
    }
}
