//! The chain of a sensor's reports: ledger, sensor, key, epoch, number, hash of the one before, in this order.
//!
//! Keeps: the head, which is all that is needed to check the next report. Drops: clocks; order rests on (epoch, seq)
//! alone. A report that does not follow is not thrown away: the error says what the two of them are evidence of.

use crate::context;
use crate::header::{Moment, Seen};
use crate::key::{Hash, LedgerId, PublicKey, SensorId, SensorKey};
use crate::payload::{EpochStart, Extras, Gap, KeyRotation, Kind, Known, Payload, Place};
use crate::seal::{Stamp, VerifiedReport};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The last report of a chain that is held, and who may sign the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The ledger that the chain belongs to.
    pub ledger: LedgerId,
    /// The sensor.
    pub sensor: SensorId,
    /// The number of the key of the next report.
    pub key_no: u16,
    /// The key of the next report.
    pub key: PublicKey,
    /// Where the last report stands.
    pub place: Place,
    /// The hash of the last report.
    pub hash: Hash,
    /// Whether the last report was a farewell.
    pub closed: bool,
}

impl Head {
    /// The head after the first report that a sensor ever made.
    ///
    /// # Errors
    /// The step that failed.
    pub fn begin(report: &VerifiedReport) -> Result<Head, ChainError> {
        let header = report.header();
        if header.key_no != 0 {
            return Err(ChainError::Key);
        }
        if header.place != Place::default() {
            return Err(ChainError::Hole { after: None, before: header.place });
        }
        if header.kind != Kind::EpochStart {
            return Err(ChainError::NoEpochStart);
        }
        if header.prev != NOTHING_BEFORE {
            return Err(ChainError::Prev);
        }
        Ok(Head {
            ledger: header.ledger,
            sensor: header.sensor,
            key_no: 0,
            key: *report.key(),
            place: header.place,
            hash: report.hash(),
            closed: false,
        })
    }

    /// The stamp of the next report.
    #[must_use]
    pub const fn next(&self, moment: Moment, seen: Option<Seen>, bundle_version: u32) -> Stamp {
        let place = Place { epoch: self.place.epoch, seq: self.place.seq.saturating_add(1) };
        let (ledger, sensor, key_no, prev) = (self.ledger, self.sensor, self.key_no, self.hash);
        Stamp { ledger, sensor, key_no, place, prev, moment, seen, bundle_version }
    }

    /// The stamp of the report that begins the next epoch: its payload names this head as the last that is known.
    #[must_use]
    pub const fn next_epoch(&self, moment: Moment, seen: Option<Seen>, bundle_version: u32) -> Stamp {
        let mut stamp = self.next(moment, seen, bundle_version);
        stamp.place = Place { epoch: self.place.epoch.saturating_add(1), seq: 0 };
        stamp
    }

    /// This head, as an [`EpochStart`] names it.
    #[must_use]
    pub const fn known(&self) -> Known {
        Known { place: self.place, hash: self.hash }
    }

    /// The payload by which `new` takes over from the key of this head; it is sealed with the old key and
    /// [`Head::next`].
    #[must_use]
    pub fn rotate(&self, new: &SensorKey) -> KeyRotation {
        let place = Place { seq: self.place.seq.saturating_add(1), ..self.place };
        let new_key = new.public();
        let parts = takeover(&self.key, &new_key, &self.sensor, place);
        KeyRotation { new_key, proof: new.sign(context::KEY_ROTATION, &[&parts]), ext: Extras::new() }
    }

    /// The head behind reports that were given up, as a later report of the same chain says that they were.
    ///
    /// # Errors
    /// [`ChainError::Gap`] if `later` is no such report: of this ledger and sensor, behind the gap, its gap beginning no
    /// later than right behind this head (a shorter gap may have led into a longer one) and reaching beyond it.
    pub fn across(&self, later: &VerifiedReport) -> Result<Head, ChainError> {
        let header = later.header();
        let Some(Payload::Gap(gap)) = later.payload() else { return Err(ChainError::Gap) };
        let Gap { epoch, from, to, last, .. } = *gap;
        let next = self.place.seq.saturating_add(1);
        let begins_here = epoch == self.place.epoch && (from..=to).contains(&next);
        let lies_behind = header.place > Place { epoch, seq: to };
        let is_ours = header.ledger == self.ledger && header.sensor == self.sensor;
        // A key behind this head's is checked when the chain comes to the gap's own report.
        let may_speak = header.key_no > self.key_no || (header.key_no == self.key_no && *later.key() == self.key);
        if begins_here && lies_behind && is_ours && may_speak && !self.closed {
            Ok(Head { place: Place { epoch, seq: to }, hash: last, ..*self })
        } else {
            Err(ChainError::Gap)
        }
    }
}

/// Checks that `report` is the next of the chain, and gives the head after it.
///
/// # Errors
/// The step that failed, and what the two reports are evidence of.
pub fn follows(previous: &Head, report: &VerifiedReport) -> Result<Head, ChainError> {
    let header = report.header();
    if header.ledger != previous.ledger {
        return Err(ChainError::Ledger);
    }
    if header.sensor != previous.sensor {
        return Err(ChainError::Sensor);
    }
    if header.place <= previous.place {
        return Err(match header.place == previous.place {
            true if report.hash() == previous.hash => ChainError::Repeated,
            true => ChainError::Fork,
            false => ChainError::Old,
        });
    }
    if previous.closed {
        return Err(ChainError::AfterFarewell);
    }
    if header.key_no != previous.key_no || *report.key() != previous.key {
        return Err(ChainError::Key);
    }
    if header.place.epoch == previous.place.epoch {
        same_epoch(previous, report)?;
    } else {
        new_epoch(previous, report)?;
    }
    let (key_no, key) = next_key(previous, report)?;
    let closed = header.kind == Kind::Farewell;
    Ok(Head { key_no, key, place: header.place, hash: report.hash(), closed, ..*previous })
}

fn same_epoch(previous: &Head, report: &VerifiedReport) -> Result<(), ChainError> {
    let header = report.header();
    if header.kind == Kind::EpochStart {
        return Err(ChainError::StrayEpochStart);
    }
    if Some(header.place.seq) != previous.place.seq.checked_add(1) {
        return Err(ChainError::Hole { after: Some(previous.place), before: header.place });
    }
    if header.prev == previous.hash { Ok(()) } else { Err(ChainError::Prev) }
}

fn new_epoch(previous: &Head, report: &VerifiedReport) -> Result<(), ChainError> {
    let header = report.header();
    if header.place.seq != 0 {
        return Err(ChainError::Hole { after: Some(previous.place), before: header.place });
    }
    if header.kind != Kind::EpochStart {
        return Err(ChainError::NoEpochStart);
    }
    match report.payload() {
        Some(Payload::EpochStart(EpochStart { last: None, .. })) if header.prev == NOTHING_BEFORE => Ok(()),
        Some(Payload::EpochStart(EpochStart { last: Some(last), .. })) => {
            if header.prev != last.hash || last.place.epoch >= header.place.epoch {
                Err(ChainError::Prev)
            } else if last.place > previous.place {
                Err(ChainError::Hole { after: Some(previous.place), before: header.place })
            } else if last.place == previous.place && last.hash != previous.hash {
                Err(ChainError::Fork)
            } else {
                Ok(())
            }
        }
        // What the start names cannot be read; it may be told from the header alone that it is ours.
        None if header.prev == previous.hash => Ok(()),
        _ => Err(ChainError::Prev),
    }
}

/// Who may sign the report behind this one.
fn next_key(previous: &Head, report: &VerifiedReport) -> Result<(u16, PublicKey), ChainError> {
    let header = report.header();
    if header.kind != Kind::KeyRotation {
        return Ok((previous.key_no, previous.key));
    }
    let Some(Payload::KeyRotation(KeyRotation { new_key, proof, .. })) = report.payload() else {
        return Err(ChainError::Rotation);
    };
    let parts = takeover(&previous.key, new_key, &header.sensor, header.place);
    let key_no = previous.key_no.checked_add(1).ok_or(ChainError::Rotation)?;
    if new_key.verifies(context::KEY_ROTATION, &[&parts], proof) {
        Ok((key_no, *new_key))
    } else {
        Err(ChainError::Rotation)
    }
}

/// What the new key signs: old key 32, new key 32, sensor 16, epoch 4, seq 8, numbers with the highest octet first.
fn takeover(old: &PublicKey, new: &PublicKey, sensor: &SensorId, place: Place) -> alloc::vec::Vec<u8> {
    [&old.0[..], &new.0, &sensor.0, &place.epoch.to_be_bytes(), &place.seq.to_be_bytes()].concat()
}

/// Why a report does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// It belongs to another ledger.
    Ledger,
    /// It is of another sensor.
    Sensor,
    /// It is not signed with the key that the chain says.
    Key,
    /// It is the report that the head names: a replay, harmless.
    Repeated,
    /// Another report with the number of the head: somebody has a copy of the key.
    Fork,
    /// It stands before the head.
    Old,
    /// Reports are missing in between; a later [`Gap`] may say why.
    Hole {
        /// The last that is held.
        after: Option<Place>,
        /// The one that came.
        before: Place,
    },
    /// It names another report as the one before: one of the two chains is not the sensor's only one.
    Prev,
    /// The first report of an epoch does not say why the epoch began.
    NoEpochStart,
    /// An epoch begins in its middle.
    StrayEpochStart,
    /// The new key did not sign that it takes over, or cannot be read.
    Rotation,
    /// It comes after a farewell.
    AfterFarewell,
    /// It does not explain what is missing.
    Gap,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChainError::Ledger => "chain: of another ledger",
            ChainError::Sensor => "chain: of another sensor",
            ChainError::Key => "chain: not signed with the key that is due",
            ChainError::Repeated => "chain: the same report again",
            ChainError::Fork => "chain: two reports with one number",
            ChainError::Old => "chain: stands before the head",
            ChainError::Hole { .. } => "chain: reports are missing before it",
            ChainError::Prev => "chain: names another report as the one before",
            ChainError::NoEpochStart => "chain: an epoch begins without its reason",
            ChainError::StrayEpochStart => "chain: an epoch begins in its middle",
            ChainError::Rotation => "chain: the new key did not sign",
            ChainError::AfterFarewell => "chain: comes after the farewell",
            ChainError::Gap => "chain: does not explain what is missing",
        })
    }
}

impl core::error::Error for ChainError {}

/// The hash of the report before the first one.
pub const NOTHING_BEFORE: Hash = [0; 32];

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests;
