//! The clocks of the law: who must tell whom, from which moment on, until when (`assess/knowledge/breach-clocks.tsv`).
//!
//! Pure: a rule and a start give a moment. Keeps: what the table says, with its law and its source. Drops: whether a clock runs at all;
//! a person says what was discovered when, which laws apply, and who was told. Where the law counts calendar days, a day is 24 hours, and
//! of business days no holiday is left out: what is due is never told too late by that.

use crate::date::Day;
use crate::knowledge::table;
use auscult_report::time::{MS_PER_DAY, Timestamp};

/// A clock: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LawClock {
    /// Its stable name.
    pub id: &'static str,
    /// The laws that it belongs to: people choose whole groups.
    pub group: &'static str,
    /// Where they hold, for people.
    pub place: &'static str,
    /// Who must tell.
    pub who_tells: &'static str,
    /// Who is told.
    pub told: &'static str,
    /// What starts it.
    pub starts_when: &'static str,
    /// Until when, in words.
    pub limit: &'static str,
    /// The same as a rule.
    pub rule: Limit,
    /// For how many persons, or what harm, it holds.
    pub threshold: &'static str,
    /// What stops or delays it.
    pub delays: &'static str,
    /// The law.
    pub cite: &'static str,
    /// Where that was read.
    pub source: &'static str,
}

/// Until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many hours behind the start.
    Hours(u32),
    /// So many days of 24 hours behind the start.
    Days(u32),
    /// The end of so many Mondays to Fridays behind the day of the start.
    BusinessDays(u32),
    /// The end of so many days of the next calendar year.
    AfterYear(u32),
    /// So many days after that clock's notice was told.
    AfterTold(&'static str, u32),
    /// The law names no number.
    AtOnce,
}

impl Limit {
    /// The moment before which it must be done. `told`: when the notice of another clock was told. `None`: the law names no number, or
    /// it has not begun.
    #[must_use]
    pub fn due(self, start: Timestamp, told: impl Fn(&str) -> Option<Timestamp>) -> Option<Timestamp> {
        let after = |from: Timestamp, days: u32| {
            Some(Timestamp(from.0.saturating_add(u64::from(days).saturating_mul(MS_PER_DAY))))
        };
        match self {
            Limit::Hours(hours) => {
                Some(Timestamp(start.0.saturating_add(u64::from(hours).saturating_mul(MS_PER_HOUR))))
            }
            Limit::Days(days) => after(start, days),
            Limit::BusinessDays(days) => Some(business_end(Day::of(start), days)),
            Limit::AfterYear(days) => Some(Day::of(start).next_year().plus(days).start()),
            Limit::AfterTold(other, days) => after(told(other)?, days),
            Limit::AtOnce => None,
        }
    }

    /// `None`: it is no rule of the table's form.
    fn read(text: &'static str) -> Option<Limit> {
        let mut words = text.split(' ');
        let kind = words.next()?;
        let mut number = || words.next()?.parse::<u32>().ok().filter(|n| *n <= MOST_DAYS);
        Some(match kind {
            "hours" => Limit::Hours(number()?),
            "days" => Limit::Days(number()?),
            "business-days" => Limit::BusinessDays(number()?),
            "after-year" => Limit::AfterYear(number()?),
            "after-told" => {
                let other = words.next()?;
                Limit::AfterTold(other, words.next()?.parse().ok()?)
            }
            "at-once" => Limit::AtOnce,
            _ => return None,
        })
    }
}

/// Every clock, group by group.
pub fn clocks() -> impl Iterator<Item = LawClock> {
    let columns = [
        "id",
        "group",
        "where",
        "who_tells",
        "told",
        "starts_when",
        "limit",
        "rule",
        "threshold",
        "what_stops_or_delays",
        "cite",
        "source",
    ];
    table("breach-clocks.tsv").rows(columns).filter_map(
        |[id, group, place, who_tells, told, starts_when, limit, rule, threshold, delays, cite, source]| {
            let rule = Limit::read(rule)?;
            Some(LawClock {
                id,
                group,
                place,
                who_tells,
                told,
                starts_when,
                limit,
                rule,
                threshold,
                delays,
                cite,
                source,
            })
        },
    )
}

/// The clock of a name.
#[must_use]
pub fn clock(id: &str) -> Option<LawClock> {
    clocks().find(|c| c.id == id)
}

/// The groups of laws: the word and where they hold, each once, in the order of the table.
#[must_use]
pub fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for clock in clocks() {
        if !groups.iter().any(|(group, _)| *group == clock.group) {
            groups.push((clock.group, clock.place));
        }
    }
    groups
}

/// The end of the `days`th Monday to Friday behind a day. Work is bounded by [`MOST_DAYS`].
fn business_end(start: Day, days: u32) -> Timestamp {
    let (mut day, mut left) = (start, days.min(MOST_DAYS));
    while left > 0 {
        day = day.plus(1);
        left = left.saturating_sub(u32::from(!day.is_weekend()));
    }
    day.plus(1).start()
}

const MS_PER_HOUR: u64 = 3_600_000;
/// No law waits for longer than ten years, in hours or in days.
const MOST_DAYS: u32 = 87_600;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop")]
mod tests {
    use super::*;

    fn at(day: &str, hours: u64) -> Timestamp {
        Timestamp(Day::read(day).unwrap().start().0 + hours * MS_PER_HOUR)
    }

    #[test]
    fn every_row_of_the_table_is_a_clock_of_its_own() {
        let all: Vec<LawClock> = clocks().collect();
        assert_eq!(all.len(), table("breach-clocks.tsv").rows(["id"]).count());
        assert_eq!(all.len(), 28);
        for clock in &all {
            assert_eq!(all.iter().filter(|c| c.id == clock.id).count(), 1, "{}", clock.id);
            assert!(!clock.cite.is_empty() && !clock.source.is_empty() && !clock.limit.is_empty(), "{}", clock.id);
            if let Limit::AfterTold(other, _) = clock.rule {
                assert!(all.iter().any(|c| c.id == other && c.group == clock.group), "{}", clock.id);
            }
        }
        assert_eq!(groups().len(), 18);
        assert_eq!(groups()[0], ("us-hipaa", "United States, HIPAA"));
    }

    #[test]
    fn what_is_due_follows_from_the_start_alone() {
        let due = |id: &str, start| clock(id).unwrap().rule.due(start, |_| None);
        let start = at("2026-11-20", 17);
        assert_eq!(due("hipaa-individuals", start), Some(at("2027-01-19", 17)), "60 days");
        assert_eq!(due("gdpr-authority", start), Some(at("2026-11-23", 17)), "72 hours");
        assert_eq!(due("eu-nis2-early", start), Some(at("2026-11-21", 17)), "24 hours");
        assert_eq!(due("us-nm", start), Some(at("2027-01-04", 17)), "45 days");
        // 60 days behind the end of 2026 are over at the end of 1 March 2027; of 2027, which a leap year follows, on 29 February.
        assert_eq!(due("hipaa-secretary-small", start), Some(at("2027-03-02", 0)));
        assert_eq!(due("hipaa-secretary-small", at("2027-01-01", 0)), Some(at("2028-03-01", 0)));
        // Fifteen business days from a Friday: three weeks later, to the end of that Friday.
        assert_eq!(due("us-ca-clinics", start), Some(at("2026-12-12", 0)));
        assert_eq!(due("us-ca-clinics", at("2026-11-21", 5)), Some(at("2026-12-12", 0)), "from a Saturday");
        assert_eq!(due("gdpr-persons", start), None, "the law names no number");
    }

    #[test]
    fn a_clock_that_another_notice_starts_stands_until_then() {
        let rule = clock("us-ca-ag").unwrap().rule;
        let start = at("2026-11-20", 0);
        assert_eq!(rule.due(start, |_| None), None);
        let told = |id: &str| (id == "us-ca-individuals").then(|| at("2026-12-01", 9));
        assert_eq!(rule.due(start, told), Some(at("2026-12-16", 9)));
    }

    #[test]
    fn a_rule_that_is_none_is_no_clock() {
        for text in ["", "days", "days x", "days 99999999", "weeks 3", "after-told x", "hours -1"] {
            assert_eq!(Limit::read(text), None, "{text}");
        }
    }
}
