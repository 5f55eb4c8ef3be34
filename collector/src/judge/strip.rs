//! A clinic's strip of days: how bad the worst was that was open on each, and whether anybody listened.
//!
//! Keeps: [`DAYS`] octets a clinic, made of the steps of its findings; that somebody was heard on a day stays, also when its usage is
//! forgotten. Drops: what was open before the first of these days.

use crate::store::{ClinicStore, NOBODY, StepRow, StoreError, StripRow};
use auscult_report::time::Timestamp;
use std::collections::BTreeMap;

/// Brings the strip of a clinic up to a moment. `changed`: findings changed since the last time.
///
/// # Errors
/// If the store could not be read or written.
pub fn refresh_strip(store: &ClinicStore, changed: bool, now: Timestamp) -> Result<(), StoreError> {
    let (before, today) = (store.strip()?, now.days());
    let first = today.saturating_sub(DAYS.saturating_sub(1));
    let from = if before.cells.is_empty() { first } else { before.last_day.saturating_sub(1).max(first) };
    let heard = store.heard_days(from)?;
    let is_known = |day: &u64| cell(&before, *day) & HEARD != 0;
    if before.last_day == today && !changed && heard.iter().all(|(day, _)| is_known(day)) {
        return Ok(());
    }
    let mut cells = levels(&steps(store)?, first, today);
    for (n, octet) in cells.iter_mut().enumerate() {
        let day = first.saturating_add(u64::try_from(n).unwrap_or(0));
        if is_known(&day) || heard.binary_search_by_key(&day, |(day, _)| *day).is_ok() {
            *octet |= HEARD;
        }
    }
    let strip = StripRow { last_day: today, cells };
    if strip != before {
        store.put_strip(&strip)?;
    }
    Ok(())
}

/// The octet of a day; 0 where there is none.
#[must_use]
pub fn cell(strip: &StripRow, day: u64) -> u8 {
    let back = strip.last_day.checked_sub(day).and_then(|n| usize::try_from(n).ok());
    let at = back.and_then(|back| strip.cells.len().checked_sub(back.saturating_add(1)));
    at.and_then(|at| strip.cells.get(at)).copied().unwrap_or(0)
}

/// Every step of every finding, finding by finding.
fn steps(store: &ClinicStore) -> Result<Vec<Vec<StepRow>>, StoreError> {
    let mut found = Vec::new();
    let sensors = store.sensors()?.into_iter().map(|sensor| sensor.id).chain([NOBODY]);
    for sensor in sensors {
        let mut of: BTreeMap<(String, Vec<u8>), Vec<StepRow>> = BTreeMap::new();
        for step in store.finding_steps(sensor)? {
            of.entry((step.rule.clone(), step.subject.clone())).or_default().push(step);
        }
        found.extend(of.into_values());
    }
    Ok(found)
}

/// For each day the worst level that was open on it: 0 none, 1 info to 5 critical.
fn levels(findings: &[Vec<StepRow>], first: u64, last: u64) -> Vec<u8> {
    let days = usize::try_from(last.saturating_sub(first)).unwrap_or(0).saturating_add(1);
    let mut cells = vec![0u8; days];
    for steps in findings {
        for (n, step) in steps.iter().enumerate() {
            if step.what == "fixed" {
                continue;
            }
            let until = steps.get(n.saturating_add(1)).map_or(last, |next| next.at.days());
            for day in step.at.days().max(first)..=until.min(last) {
                let at = usize::try_from(day.saturating_sub(first)).unwrap_or(usize::MAX);
                if let Some(cell) = cells.get_mut(at) {
                    *cell = (*cell).max(step.severity.saturating_add(1));
                }
            }
        }
    }
    cells
}

/// Days of a strip: a year and a few.
pub const DAYS: u64 = 370;

/// A sensor was heard on this day.
pub const HEARD: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::time::MS_PER_DAY;

    fn step(day: u64, what: &str, severity: u8) -> StepRow {
        let (rule, subject) = ("r".to_owned(), Vec::new());
        StepRow {
            rule,
            subject,
            at: Timestamp(day.saturating_mul(MS_PER_DAY)),
            what: what.to_owned(),
            severity,
            report_id: None,
        }
    }

    #[test]
    fn a_day_shows_the_worst_that_was_open_on_it_also_on_the_day_it_was_mended() {
        let one = vec![step(2, "opened", 1), step(4, "worse", 4), step(6, "fixed", 4), step(8, "came back", 2)];
        let other = vec![step(5, "opened", 0)];
        assert_eq!(levels(&[one, other], 1, 9), [0, 2, 2, 5, 5, 5, 1, 3, 3]);
        assert_eq!(levels(&[vec![step(2, "opened", 3)]], 5, 6), [4, 4], "it was open before the first day");
    }

    #[test]
    fn a_day_outside_of_the_strip_is_empty() {
        let strip = StripRow { last_day: 10, cells: vec![1, 2, 3] };
        assert_eq!([7, 8, 10, 11].map(|day| cell(&strip, day)), [0, 1, 3, 0]);
    }
}
