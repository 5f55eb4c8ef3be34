//! The door: sealed octets in, one answer for each, and nothing acknowledged that is not on the disk.
//!
//! Order: length, frame, header, sensor and key, quota, signature, inflate, decode (`check`); then one writer commits what
//! waits (`place`), a whole batch in one transaction, and only then answers. No timer: a batch is what came during the
//! last commit. Keeps: every report whose signature holds, also if its payload is not understood, also if it contradicts
//! another. Drops: what does not verify, after counting it. A full queue answers at once; nobody waits in line.

mod answer;
mod check;
mod place;
mod queue;
mod repeat;

pub use answer::{receipt, receipt_at};
pub use check::Limits;
pub use repeat::Repeat;

use crate::store::{ClinicId, Store, StoreError};
use auscult_report::key::{Hash, SensorId};
use auscult_report::payload::Known;
use auscult_report::receipt::{Missing, Outcome};
use auscult_report::time::Timestamp;
use check::{Candidate, Check, Checked};
use queue::Queue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot::{Receiver, Sender, channel};

/// The door of the archive: checks on the caller's thread, writes on its own.
pub struct Door {
    check: Check,
    queue: Arc<Queue<Job>>,
    refusals: Arc<Mutex<Refusals>>,
    fault: Arc<Mutex<Option<StoreError>>>,
    writer: Option<JoinHandle<()>>,
}

/// What became of one report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The hash of the octets that came.
    pub report: Hash,
    /// Whose it is, as far as it is known.
    pub of: Option<(ClinicId, SensorId)>,
    /// What became of it.
    pub answer: Answer,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is settled.
    Done(Outcome),
    /// It is not: the same octets may come again.
    Later(Later),
}

/// Why a report was neither kept nor refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Later {
    /// No room, or the disk does not write.
    Busy,
    /// The sensor waits for a person.
    Pending,
    /// The sensor was shut out.
    Revoked,
    /// The sensor's chain contradicts itself: a person must look first.
    Quarantine,
    /// The clinic is closed.
    Closed,
    /// The sensor, or its clinic, has sent more than it may.
    Quota,
    /// It is signed with a key that its chain has not handed over yet: what is missing must come first.
    KeyNotYet,
}

impl Later {
    /// The word that is counted and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Later::Busy => "busy",
            Later::Pending => "pending",
            Later::Revoked => "revoked",
            Later::Quarantine => "quarantine",
            Later::Closed => "closed",
            Later::Quota => "quota",
            Later::KeyNotYet => "key-not-yet",
        }
    }
}

impl Answer {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Answer::Done(outcome) => outcome.word(),
            Answer::Later(later) => later.word(),
        }
    }
}

impl Door {
    /// Opens the door and starts its writer.
    #[must_use]
    pub fn open(store: &Store, limits: Limits) -> Door {
        let queue = Arc::new(Queue::new(limits.queue_items, limits.queue_octets));
        let refusals: Arc<Mutex<Refusals>> = Arc::default();
        let fault: Arc<Mutex<Option<StoreError>>> = Arc::default();
        let writer = Writer {
            store: store.clone(),
            queue: Arc::clone(&queue),
            refusals: Arc::clone(&refusals),
            fault: Arc::clone(&fault),
            limits,
        };
        let writer = std::thread::Builder::new().name("writer".to_owned()).spawn(move || writer.run()).ok();
        Door { check: Check::new(store.clone(), limits), queue, refusals, fault, writer }
    }

    /// Takes reports of one sender. `peer` is who the connection belongs to, if that is known: then only its own reports
    /// are taken. What is checked waits for the writer behind the ticket.
    pub fn take(&self, reports: &[&[u8]], peer: Option<SensorId>, now: Timestamp) -> Ticket {
        let mut slots = Vec::new();
        let mut candidates = Vec::new();
        for octets in reports {
            let item = match self.check.check(octets, peer, &self.queue, now) {
                Checked::Settled(item) => {
                    self.count(&item);
                    item
                }
                Checked::Candidate(candidate) => {
                    let item = Item {
                        report: candidate.report.hash(),
                        of: Some(candidate.of),
                        answer: Answer::Later(Later::Busy),
                    };
                    candidates.push((slots.len(), *candidate));
                    item
                }
            };
            slots.push(item);
        }
        let (reply, settled) = channel();
        if !candidates.is_empty() {
            let octets = candidates.iter().map(|(_, c)| c.octets.len()).fold(0usize, usize::saturating_add);
            let items = candidates.len();
            self.queue.push(Job { candidates, now, reply }, items, octets);
        }
        Ticket { slots, settled }
    }

    /// The newest fault of the store that made reports wait, and forgets it.
    pub fn take_fault(&self) -> Option<StoreError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn count(&self, item: &Item) {
        if !matches!(item.answer, Answer::Later(Later::Busy)) {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            let row = refusals.entry((item.of, item.answer.word())).or_insert((0, item.report));
            *row = (row.0.saturating_add(1), item.report);
        }
    }
}

impl Drop for Door {
    /// What waits is still written and answered.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Reports that wait for the writer.
pub struct Ticket {
    slots: Vec<Item>,
    settled: Receiver<Answers>,
}

/// What became of reports of one sensor, and where it stands after them.
pub struct Settled {
    /// In the order of the reports.
    pub items: Vec<Item>,
    /// As of the commit; `None` if nothing was looked at there.
    pub stand: Option<Stand>,
}

/// The end of a sensor's unbroken chain on the disk, and what is missing before later reports.
pub type Stand = (Option<Known>, Vec<Missing>);

/// Slots with their answers, and where the sensor of the last one stands.
type Answers = (Vec<(usize, Answer)>, Option<Stand>);

impl Ticket {
    /// Waits until everything is on the disk or refused, and gives the answers in the order of the reports. Not for a task.
    #[must_use]
    pub fn wait(self) -> Vec<Item> {
        filled(self.slots, self.settled.blocking_recv().unwrap_or_default()).items
    }

    /// The same, for a task.
    pub async fn settled(self) -> Settled {
        filled(self.slots, self.settled.await.unwrap_or_default())
    }
}

/// No answer means that the writer is gone or the queue is closed: every slot still says `Busy`.
fn filled(mut items: Vec<Item>, (answers, stand): Answers) -> Settled {
    for (slot, answer) in answers {
        if let Some(item) = items.get_mut(slot) {
            item.answer = answer;
        }
    }
    Settled { items, stand }
}

/// What one caller brought.
struct Job {
    candidates: Vec<(usize, Candidate)>,
    now: Timestamp,
    reply: Sender<Answers>,
}

/// Counted refusals: whose, why, how often, the newest hash. Bounded by the sensors that are known, times the words.
type Refusals = BTreeMap<(Option<(ClinicId, SensorId)>, &'static str), (u64, Hash)>;

struct Writer {
    store: Store,
    queue: Arc<Queue<Job>>,
    refusals: Arc<Mutex<Refusals>>,
    fault: Arc<Mutex<Option<StoreError>>>,
    limits: Limits,
}

impl Writer {
    fn run(self) {
        while let Some(jobs) = self.queue.next(BATCH_ITEMS, BATCH_OCTETS) {
            match self.commit(&jobs) {
                Ok(answers) => reply(jobs, answers),
                // One job that cannot be written must not hold up the others.
                Err(StoreError::Broken(..) | StoreError::Conflict(_)) if jobs.len() > 1 => {
                    for job in jobs {
                        let alone = vec![job];
                        match self.commit(&alone) {
                            Ok(answers) => reply(alone, answers),
                            Err(e) => self.failed(e),
                        }
                    }
                }
                Err(error) => self.failed(error),
            }
        }
    }

    /// All of the batch in one transaction; its answers, job by job, once it is on the disk.
    fn commit(&self, jobs: &[Job]) -> Result<Vec<Answers>, StoreError> {
        let refusals = core::mem::take(&mut *self.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        self.store.batch("take in", |batch| {
            let mut answers = Vec::new();
            for job in jobs {
                let mut of_job = Vec::new();
                for (slot, Candidate { of, report, octets, .. }) in &job.candidates {
                    of_job.push((*slot, place::settle(batch, *of, (report, octets), &self.limits, job.now)?));
                }
                let last = job.candidates.last();
                answers.push((of_job, last.map(|(_, c)| batch.durable(c.of)).transpose()?));
            }
            let day = jobs.last().map_or(0, |j| j.now.days());
            for ((of, why), (times, last)) in &refusals {
                batch.refused(*of, day, why, *times, last)?;
            }
            Ok(answers)
        })
    }

    /// Nothing was written. The senders' tickets end without an answer, which says `Busy`.
    fn failed(&self, error: StoreError) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

fn reply(jobs: Vec<Job>, answers: Vec<Answers>) {
    for (job, answers) in jobs.into_iter().zip(answers) {
        // Who does not wait any more will ask again, and get the same answer.
        let _ = job.reply.send(answers);
    }
}

/// Reports of one commit.
const BATCH_ITEMS: usize = 512;
/// Octets of one commit: half a second of a slow disk.
const BATCH_OCTETS: usize = 4 << 20;
