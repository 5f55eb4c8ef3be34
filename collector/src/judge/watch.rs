//! What passes by itself: silence grows by the hour, a chain contradicts itself, a person lets a sensor in again.
//!
//! Keeps: the moments at which something may become otherwise, so that they are judged as of then, whenever somebody looks; a rebuild
//! finds the same moments. Drops: silence behind [`SILENT_HOURS`]: days tell the rest.

use super::hearing::Hearing;
use crate::store::{Record, SensorState, Watched};
use auscult_assess::sensing::Sensing;
use auscult_report::time::Timestamp;
use core::ops::RangeInclusive;
use std::collections::BTreeSet;

/// A sensor's place in the archive, for who judges it.
pub(super) struct Watch {
    state: SensorState,
    changed: Timestamp,
    record: Record,
}

impl Watch {
    pub(super) const fn new(sensor: &Watched, record: Record) -> Watch {
        Watch { state: sensor.state, changed: sensor.changed, record }
    }

    /// The moments behind `stood`, up to `now`, at which something may become otherwise.
    pub(super) fn moments(&self, hearing: &Hearing, stood: Timestamp, now: Timestamp) -> BTreeSet<Timestamp> {
        let lies_between = |moment: &Timestamp| *moment > stood && *moment <= now;
        let Record { contradicted, admitted } = &self.record;
        let changes = contradicted.iter().chain(admitted).chain([&self.changed]);
        let mut moments: BTreeSet<Timestamp> = changes.filter(|m| lies_between(m)).copied().collect();
        if !hearing.has_left() {
            let mut bases: Vec<Timestamp> = [hearing.spoke].into_iter().filter(|b| b.0 > 0).collect();
            bases.extend(admitted.iter().filter(|a| **a > hearing.spoke));
            bases.sort_unstable();
            for (n, base) in bases.iter().enumerate() {
                // From the next one on silence is counted anew.
                let end = bases.get(n.saturating_add(1)).copied().unwrap_or(now).min(now);
                let hours = SILENT_HOURS.map(|h| Timestamp(base.0.saturating_add(h.saturating_mul(HOUR_MS))));
                moments.extend(hours.filter(|m| lies_between(m) && *m <= end));
            }
        }
        moments
    }

    /// Adds what the archive knows of the sensor at a moment.
    pub(super) fn add_to(&self, sensing: Sensing, hearing: &Hearing, now: Timestamp) -> Sensing {
        // Who contradicts himself is not listened to.
        let is_let_in = (self.state == SensorState::Active || now < self.changed) && !self.is_doubted(None, now);
        let silent_hours = self.since(hearing, now).filter(|_| is_let_in && !hearing.has_left());
        let silent_hours = silent_hours.map(|since| u32::try_from(now.since_ms(since) / HOUR_MS).unwrap_or(u32::MAX));
        Sensing { silent_hours, chain_broken: Some(self.is_broken(hearing, now)), ..sensing }
    }

    /// Since when nothing was heard of it: its newest report, or since it was let in behind that.
    fn since(&self, hearing: &Hearing, now: Timestamp) -> Option<Timestamp> {
        let admitted = self.record.admitted.iter().rev().find(|a| **a <= now).copied();
        Some(hearing.spoke).filter(|spoke| spoke.0 > 0).max(admitted)
    }

    /// Whether its reports contradict each other, or the ledger them, and nobody has let it in since then.
    fn is_broken(&self, hearing: &Hearing, now: Timestamp) -> bool {
        let is_shut_out = self.state == SensorState::Quarantine && now >= self.changed;
        is_shut_out || self.is_doubted(hearing.contradicted(), now)
    }

    /// Whether a contradiction, its own or one that it told of, is newer than the last time that a person let it in.
    fn is_doubted(&self, told: Option<Timestamp>, now: Timestamp) -> bool {
        let newest = |moments: &[Timestamp]| moments.iter().rev().find(|m| **m <= now).copied();
        let contradicted = newest(&self.record.contradicted).max(told.filter(|m| *m <= now));
        contradicted.is_some_and(|c| newest(&self.record.admitted).is_none_or(|a| a < c))
    }
}

/// Whether something of it has passed since it was judged.
pub(super) fn is_due(sensor: &Watched, now: Timestamp) -> bool {
    if sensor.changed > sensor.stood && sensor.changed <= now {
        return true;
    }
    let base = sensor.spoke.max(sensor.changed);
    let hours = |moment: Timestamp| moment.since_ms(base) / HOUR_MS;
    let next = hours(sensor.stood).saturating_add(1).max(*SILENT_HOURS.start());
    sensor.state == SensorState::Active && next <= *SILENT_HOURS.end() && hours(now) >= next
}

const HOUR_MS: u64 = 3_600_000;
/// Silence is judged by the hour from the day before the catalogue's first threshold (26 hours) to the day behind its last (168).
const SILENT_HOURS: RangeInclusive<u64> = 24..=192;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::key::SensorId;

    fn hour(n: u64) -> Timestamp {
        Timestamp(1_795_000_000_000 + n * HOUR_MS)
    }

    fn sensor(state: SensorState, changed: u64, spoke: u64, stood: u64) -> Watched {
        let (changed, spoke, stood) = (hour(changed), hour(spoke), hour(stood));
        Watched { id: SensorId([1; 16]), state, changed, spoke, beat: spoke, stood }
    }

    fn silent(watch: &Watch, hearing: &Hearing, at: u64) -> Option<u32> {
        watch.add_to(Sensing::default(), hearing, hour(at)).silent_hours
    }

    #[test]
    fn silence_is_judged_at_each_hour_of_a_week_however_late_somebody_looks() {
        let record = Record { admitted: vec![hour(0)], ..Record::default() };
        let watch = Watch::new(&sensor(SensorState::Active, 0, 10, 10), record);
        let mut hearing = Hearing::default();
        hearing.came(hour(10), None, None);
        let at_once = watch.moments(&hearing, hour(10), hour(1_000));
        assert_eq!((at_once.first(), at_once.last()), (Some(&hour(34)), Some(&hour(202))));
        let mut step_by_step = BTreeSet::new();
        for n in 11..=1_000 {
            step_by_step.extend(watch.moments(&hearing, hour(n - 1), hour(n)));
        }
        assert_eq!(step_by_step, at_once);
        assert_eq!((silent(&watch, &hearing, 36), silent(&watch, &hearing, 10)), (Some(26), Some(0)));
    }

    #[test]
    fn nobody_waits_for_a_sensor_that_was_shut_out_and_one_that_never_spoke_is_missed() {
        let record = || Record { admitted: vec![hour(0)], ..Record::default() };
        let mute = Watch::new(&sensor(SensorState::Active, 0, 0, 0), record());
        assert_eq!(silent(&mute, &Hearing::default(), 26), Some(26));
        for state in [SensorState::Revoked, SensorState::Pending, SensorState::Quarantine] {
            let out = Watch::new(&sensor(state, 20, 0, 0), record());
            assert_eq!(
                (silent(&out, &Hearing::default(), 19), silent(&out, &Hearing::default(), 26)),
                (Some(19), None)
            );
        }
    }

    #[test]
    fn a_contradiction_holds_until_a_person_lets_the_sensor_in_again() {
        let record = Record { contradicted: vec![hour(5)], admitted: vec![hour(0), hour(9)] };
        let watch = Watch::new(&sensor(SensorState::Active, 9, 4, 4), record.clone());
        let broken = |watch: &Watch, at| watch.add_to(Sensing::default(), &Hearing::default(), hour(at)).chain_broken;
        let told: Vec<_> = [4, 5, 8, 9, 20].map(|at| broken(&watch, at)).to_vec();
        assert_eq!(told, [Some(false), Some(true), Some(true), Some(false), Some(false)]);
        let shut = Watch::new(&sensor(SensorState::Quarantine, 12, 4, 4), record);
        assert_eq!((broken(&shut, 11), broken(&shut, 12)), (Some(false), Some(true)));
    }

    #[test]
    fn a_sensor_is_due_when_its_state_changed_and_each_hour_of_its_silence() {
        assert!(!is_due(&sensor(SensorState::Active, 0, 10, 10), hour(33)));
        assert!(is_due(&sensor(SensorState::Active, 0, 10, 10), hour(34)));
        assert!(!is_due(&sensor(SensorState::Active, 0, 10, 34), hour(34)));
        assert!(is_due(&sensor(SensorState::Active, 0, 10, 34), hour(35)));
        assert!(!is_due(&sensor(SensorState::Active, 0, 10, 202), hour(2_000)));
        assert!(is_due(&sensor(SensorState::Quarantine, 12, 10, 10), hour(12)));
        assert!(!is_due(&sensor(SensorState::Quarantine, 12, 10, 12), hour(500)));
    }
}
