//! What a power cut left behind, put in order: half files, a report whose head was not written, a head that is lost,
//! reports that are damaged. The same happens after every error, because then the disk may hold more than was said.
//!
//! Keeps: every report that verifies. Drops: half files, reports that do not verify, reports that a Gap gave up.

use super::disk::HALF;
use super::entry::{Entry, Gone, head_of, open_own};
use super::{CHAIN, Spool, Stored, Trouble, name, use_epoch};
use crate::identity::{Identity, NOT_ENROLLED};
use auscult_report::chain::{Head, follows};
use auscult_report::header::{MAX_REPORT, Moment};
use auscult_report::key::Hash;
use auscult_report::payload::{EpochReason, Extras, Gap, GapReason, Payload, Place};
use auscult_report::seal::{SealedReport, VerifiedReport};
use auscult_report::time::Window;
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// What was put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Files that were not written to their end.
    pub half: u32,
    /// Reports that did not verify.
    pub damaged: u32,
    /// Reports that were on the disk and not yet named by the head.
    pub adopted: u32,
    /// Reports that were sealed before the sensor was enrolled: nobody can take them.
    pub unenrolled: u32,
    /// Gaps that were told.
    pub gaps: u32,
    /// Why a new epoch began.
    pub epoch: Option<EpochReason>,
}

impl Spool {
    /// Looks at the disk and goes on from there.
    pub(super) fn recover(&mut self, identity: &Identity, moment: Moment) -> Result<Recovered, Trouble> {
        let mut recovered = Recovered::default();
        self.unsure = true;
        let stored = self.stored_on_disk()?;
        let reports = self.reports_on_disk(identity, &mut recovered)?;
        self.entries = reports.iter().map(|(p, (r, octets))| (*p, Entry::of(r, *octets))).collect();
        self.last_key_no = reports.values().next_back().map(|(r, _)| head_of(r).key_no);
        let was_elsewhere = stored.is_some_and(|s| s.head.ledger != identity.ledger());
        if stored.is_some_and(|s| was_elsewhere && s.head.ledger != NOT_ENROLLED) {
            return Err(OTHER_LEDGER);
        }
        if stored.is_some_and(|s| s.head.sensor != identity.sensor()) {
            return Err(Trouble::Never("the chain is of another sensor: the state folder holds parts of two"));
        }
        self.stored = stored.filter(|_| !was_elsewhere);
        recovered.epoch = match self.stored {
            Some(stored) => self.go_on(identity, stored, &reports, &mut recovered)?,
            None if was_elsewhere || identity.epoch().is_none() => self.begin(identity, &reports, &mut recovered)?,
            None => Some(EpochReason::HeadLost),
        };
        self.unsure = false;
        if let Some(reason) = recovered.epoch {
            let last = self.stored.map(|s| s.head.known());
            let last = last.or_else(|| reports.values().next_back().map(|(r, _)| head_of(r).known()));
            if was_elsewhere || last.is_none() && reason == EpochReason::Enrolled {
                self.start(identity, (Place::default(), 0), EpochReason::Enrolled, None, moment)?;
            } else {
                self.begin_epoch(identity, reason, last, moment)?;
            }
        }
        self.remove_given_up()?;
        for (gone, why) in self.holes(&reports) {
            recovered.gaps = recovered.gaps.saturating_add(1);
            self.tell_gap(identity, gone, why, moment)?;
        }
        Ok(recovered)
    }

    fn stored_on_disk(&self) -> Result<Option<Stored>, Trouble> {
        match fs::read(self.state.join(CHAIN)) {
            Ok(octets) => Ok(Stored::decode(&octets)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Trouble::Later("reading the head", e)),
        }
    }

    /// Every report that verifies, by place. Work is bounded by the spool's octets.
    fn reports_on_disk(&self, identity: &Identity, recovered: &mut Recovered) -> Result<Reports, Trouble> {
        let reading = |e| Trouble::Later("reading the spool", e);
        let mut reports = Reports::new();
        for file in fs::read_dir(&self.folder).map_err(reading)? {
            let file = file.map_err(reading)?;
            let Ok(called) = file.file_name().into_string() else { continue };
            let count = if called.ends_with(HALF) {
                &mut recovered.half
            } else if called.ends_with(".report") {
                let length = file.metadata().map_err(reading)?.len();
                let octets = if length <= LONGEST { fs::read(file.path()).map_err(reading)? } else { Vec::new() };
                let sealed = SealedReport::from_octets(octets);
                match open_own(identity, &sealed).filter(|r| name(r.header().place) == called) {
                    Some(r) if r.header().ledger == identity.ledger() => {
                        reports.insert(r.header().place, (r, sealed.octets().len()));
                        continue;
                    }
                    Some(r) if r.header().ledger != NOT_ENROLLED => return Err(OTHER_LEDGER),
                    Some(_) => &mut recovered.unenrolled,
                    None => &mut recovered.damaged,
                }
            } else {
                continue;
            };
            *count = count.saturating_add(1);
            self.disk.remove(&file.path()).map_err(|e| Trouble::Later("removing a damaged file", e))?;
        }
        Ok(reports)
    }

    /// No head was ever written: a first report may be there, whose head was not.
    fn begin(
        &mut self,
        identity: &Identity,
        reports: &Reports,
        recovered: &mut Recovered,
    ) -> Result<Option<EpochReason>, Trouble> {
        let first = reports.values().next().and_then(|(r, _)| Head::begin(r).ok());
        let Some(head) = first else { return Ok(Some(EpochReason::Enrolled)) };
        recovered.adopted = recovered.adopted.saturating_add(1);
        use_epoch(identity, head.place.epoch)?;
        let stored = Stored::begun(head);
        self.store(stored)?;
        self.go_on(identity, stored, reports, recovered)
    }

    /// From the head that was written to the last report that follows it.
    fn go_on(
        &mut self,
        identity: &Identity,
        stored: Stored,
        reports: &Reports,
        recovered: &mut Recovered,
    ) -> Result<Option<EpochReason>, Trouble> {
        let mut head = stored.head;
        if reports.get(&head.place).is_some_and(|(r, _)| r.hash() != head.hash) {
            return Ok(Some(EpochReason::Damaged));
        }
        for (place, (report, _)) in reports {
            if *place <= stored.head.place {
                continue;
            }
            let Ok(next) = follows(&head, report) else { return Ok(Some(EpochReason::Damaged)) };
            head = next;
            recovered.adopted = recovered.adopted.saturating_add(1);
        }
        if head != stored.head {
            use_epoch(identity, head.place.epoch)?;
            self.store(Stored { head, ..stored })?;
        }
        Ok(None)
    }

    /// Gaps that were told before the reports themselves were removed.
    fn remove_given_up(&mut self) -> Result<(), Trouble> {
        let gone: Vec<Gone> = self.gone().collect();
        let given_up: Vec<Place> = self.entries.keys().filter(|p| gone.iter().any(|g| g.holds(**p))).copied().collect();
        given_up.into_iter().try_for_each(|place| self.remove(place))
    }

    /// What the Gaps on the disk tell of.
    pub(super) fn gone(&self) -> impl Iterator<Item = Gone> {
        self.entries.values().filter_map(|e| e.gap)
    }

    /// Runs of numbers that were used, are not settled, not here, and that no Gap tells of.
    fn holes(&self, reports: &Reports) -> Vec<(Gone, GapReason)> {
        let settled = self.settled();
        let mut holes = Vec::new();
        let mut before = settled;
        let mut window = Window::default();
        let ends = self.head().map(|h| (h.place, h.hash, None));
        let waiting = self.entries.iter().filter(|(p, _)| Some(**p) > settled);
        let waiting = waiting.map(|(p, e)| (*p, reports.get(p).map_or([0; 32], |(r, _)| r.header().prev), Some(e)));
        for (place, hash, entry) in waiting.chain(ends) {
            // Before a report the last missing one is the one before; at the head that is missing it is the head.
            let to = if entry.is_some() { place.seq.checked_sub(1) } else { Some(place.seq) };
            let from = before.filter(|b| b.epoch == place.epoch).map_or(0, |b| b.seq.saturating_add(1));
            let next = entry.and_then(|e| e.window);
            if let Some(to) = to.filter(|to| from <= *to) {
                let window = Window { from: window.to, to: next.map_or(window.to, |w| w.from.max(window.to)) };
                let gone = Gone { epoch: place.epoch, from, to, last: hash, window };
                if !self.gone().any(|g| g.epoch == gone.epoch && g.from <= from && to <= g.to) {
                    holes.push((gone, GapReason::Damaged));
                }
            }
            before = Some(place);
            window = next.unwrap_or(window);
        }
        holes
    }

    /// Says in the chain what was given up.
    pub(super) fn tell_gap(
        &mut self,
        identity: &Identity,
        gone: Gone,
        why: GapReason,
        moment: Moment,
    ) -> Result<(), Trouble> {
        let Gone { epoch, from, to, last, window } = gone;
        let payload = Payload::Gap(Gap { epoch, from, to, last, why, window, ext: Extras::new() });
        let digest: Hash = [0; 32];
        let sealed = self.seal(identity, &payload, moment)?;
        self.write(identity, &sealed, digest).map(drop)
    }
}

/// Reports by place, with the length of their files.
type Reports = BTreeMap<Place, (VerifiedReport, usize)>;

const OTHER_LEDGER: Trouble =
    Trouble::Never("the spool belongs to another ledger: let it be delivered, or remove the state folder");

/// A longer file is none of ours.
const LONGEST: u64 = MAX_REPORT as u64;
