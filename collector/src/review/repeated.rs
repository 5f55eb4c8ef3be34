//! The archive, made again from a record by the same door, in the same order, as of the same times.
//!
//! What the record says of itself is believed of nothing: a sensor is let in by the statement that let it in, its reports by its own
//! key, a new key by the chain that handed it over. Keeps: a data base in the scratch folder. Drops: signs of life and reports that
//! contradict others; they are not in the record.

use super::daily::Daily;
use super::objects::{Objects, Record, WIDTH};
use super::reviewers::Reviewers;
use crate::ingest::Repeat;
use crate::store::{ClinicId, ClinicStore, NewClinic, STATEMENT, Store};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::time::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// An archive that was made again.
pub(super) struct Repeated {
    store: Store,
    pub(super) clinic: ClinicStore,
}

impl Repeated {
    /// An archive without anything in it.
    pub(super) fn new(record: &Record, scratch: &Path) -> Result<Repeated, String> {
        let failed =
            |e: &dyn std::fmt::Display| format!("the archive cannot be made again in {}: {e}", scratch.display());
        let began = Timestamp(0);
        let store = Store::open(&scratch.join("archive.db"), MOST_OCTETS, began).map_err(|e| failed(&e))?;
        let clinic = NewClinic {
            id: ClinicId([1; 16]),
            ledger: record.ledger,
            name: NAME,
            title: NAME,
            quota_octets_day: u64::MAX,
        };
        store.put_clinic(&clinic, began).map_err(|e| failed(&e))?;
        let clinic = store.clinic_named(NAME).map_err(|e| failed(&e))?.ok_or_else(|| failed(&"no clinic"))?;
        Ok(Repeated { store, clinic })
    }

    /// Takes in everything that the record holds. `daily` gets the statements of findings, each when everything before it is in;
    /// `reviewers` those of reviews.
    pub(super) fn take_in(
        &self,
        record: &Record,
        objects: &Objects,
        (daily, reviewers): (&mut Daily<'_>, &mut Reviewers),
    ) -> Result<(), String> {
        let mut door = Repeat::new(&self.store);
        let mut bundle = (u64::MAX, Vec::new());
        for index in &objects.order {
            if bundle.0 != index / WIDTH {
                bundle = (index / WIDTH, record.bundle(index / WIDTH)?);
            }
            let at = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
            let Some((entry, object)) = bundle.1.get_mut(at) else { continue };
            let Some(leaf) = Leaf::read(entry) else { continue };
            match leaf.kind {
                LeafKind::Report => door.report(*index, core::mem::take(object), leaf.received)?,
                // The chain itself has to hand a key over; what is said of it is compared at the end.
                LeafKind::KeyRotation => {}
                _ => {
                    door.settle()?;
                    let said = |why: String| format!("statement of entry {index}: {why}");
                    let text = self.statement(&leaf, object).map_err(said)?;
                    match leaf.kind {
                        LeafKind::Findings => daily.check(&self.clinic, text)?,
                        LeafKind::Review => reviewers.take(text).map_err(said)?,
                        _ => {}
                    }
                }
            }
        }
        door.settle()
    }

    /// Keeps a statement that says what its entry says; gives its text.
    fn statement<'o>(&self, leaf: &Leaf, object: &'o [u8]) -> Result<&'o str, String> {
        let text = std::str::from_utf8(object).map_err(|_| "it is no text")?;
        let mut lines = text.lines();
        let mut begins =
            vec![STATEMENT.to_owned(), format!("kind {}", leaf.kind.word()), format!("at {}", leaf.received.0)];
        if leaf.sensor != SensorId([0; 16]) {
            begins.push(format!("sensor {}", leaf.sensor));
        }
        if begins.iter().any(|line| lines.next() != Some(line)) {
            return Err("it does not say what its entry says".to_owned());
        }
        self.clinic.repeat_statement(leaf, text).map_err(|e| e.to_string())?;
        Ok(text)
    }

    /// Says where each sensor's chain ends. Keys that were stated must be those that chains handed over.
    pub(super) fn said(&self, objects: &Objects, say: &mut impl FnMut(&str)) -> Result<(), String> {
        let made = self.clinic.statements().map_err(|e| e.to_string())?;
        let made: BTreeSet<Hash> = made.iter().filter(|s| s.kind == LeafKind::KeyRotation).map(|s| s.hash).collect();
        if made != objects.rotations.iter().copied().collect() {
            return Err("keys: what is stated of new keys is not what the sensors' chains hand over".to_owned());
        }
        for sensor in self.clinic.sensors().map_err(|e| e.to_string())? {
            let (head, missing) = self.clinic.durable(sensor.id).map_err(|e| e.to_string())?;
            let whole = head.map_or_else(
                || "nothing came of it".to_owned(),
                |head| {
                    format!(
                        "signed by its own keys, one chain from its beginning to {}-{}",
                        head.place.epoch, head.place.seq
                    )
                },
            );
            let holes = if missing.is_empty() { "" } else { "; behind that reports are missing" };
            say(&format!("sensor {} ({}): {whole}{holes}", sensor.id, sensor.state.word()));
        }
        Ok(())
    }
}

/// The clinic's name in an archive that nobody sees.
const NAME: &str = "record";
/// Octets of the archive that is made again: the disk is its bound.
const MOST_OCTETS: u64 = 1 << 44;
