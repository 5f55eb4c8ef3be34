//! Days of the calendar, as the tables write them (`2026-11-21`, ISO 8601 4.1.2.2), counted from 1970-01-01.
//!
//! Keeps: the day. Drops: hours and time zones; a support that ends on a day ends everywhere at the end of that day,
//! by UTC.

use auscult_report::time::{MS_PER_DAY, Timestamp};

/// A day, as days since 1970-01-01; earlier ones are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Day {
        Day(i64::try_from(at.days()).unwrap_or(i64::MAX))
    }

    /// `2026-11-21`; `None` for anything else, `none` and `unknown` among them.
    #[must_use]
    pub fn read(text: &str) -> Option<Day> {
        let mut parts = text.split('-').map(|p| p.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let fits = (1900..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !fits || parts.next().is_some() {
            return None;
        }
        Some(Day(days_before(year, month)?.checked_add(day)?.checked_sub(1)?))
    }

    /// Days from here to `later`; negative if it is earlier.
    #[must_use]
    pub const fn until(self, later: Day) -> i64 {
        later.0.saturating_sub(self.0)
    }

    /// Whole years of 365.25 days from here to `later`; 0 if it is earlier.
    #[must_use]
    pub const fn years_until(self, later: Day) -> i64 {
        let days = self.until(later);
        if days <= 0 { 0 } else { days.saturating_mul(4) / 1461 }
    }

    /// The first day of the next calendar year.
    #[must_use]
    pub fn next_year(self) -> Day {
        let mut year = 1970i64.saturating_add(self.0.saturating_mul(4) / 1461);
        // The guess is at most one year away.
        while first_of(year) <= self.0 {
            year = year.saturating_add(1);
        }
        Day(first_of(year))
    }

    /// The day that lies so many days later.
    #[must_use]
    pub fn plus(self, days: u32) -> Day {
        Day(self.0.saturating_add(days.into()))
    }

    /// Whether it is a Saturday or a Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday.
        matches!(self.0.rem_euclid(7), 2 | 3)
    }

    /// The first moment of the day.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp(u64::try_from(self.0).unwrap_or(0).saturating_mul(MS_PER_DAY))
    }
}

/// Days from 1970-01-01 to the first of a month: years that begin in March end with the leap day, so months have fixed
/// places in them.
fn days_before(year: i64, month: i64) -> Option<i64> {
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let leap_days = (year / 4).checked_sub(year / 100)?.checked_add(year / 400)?;
    // 153 days are five months from March on; the two brings the rounding to the right months.
    let months = month.checked_mul(153)?.checked_add(2)? / 5;
    year.checked_mul(365)?.checked_add(leap_days)?.checked_add(months)?.checked_sub(DAYS_TO_1970)
}

/// The first of January of a year.
fn first_of(year: i64) -> i64 {
    days_before(year, 1).unwrap_or(i64::MAX)
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("1972-02-29", 789),
            ("2000-03-01", 11_017),
            ("2026-11-21", 20_778),
            ("2100-03-01", 47_541),
        ] {
            assert_eq!(Day::read(text), Some(Day(days)), "{text}");
        }
        assert_eq!(Day::of(Timestamp::from_seconds(1_795_219_200)), Day::read("2026-11-21").unwrap());
        assert_eq!(Day::read("2026-11-21").unwrap().start(), Timestamp::from_seconds(1_795_219_200));
    }

    #[test]
    fn the_next_year_and_the_weekend_are_found() {
        for (day, next) in [
            ("1970-01-01", "1971-01-01"),
            ("2026-12-31", "2027-01-01"),
            ("2027-01-01", "2028-01-01"),
            ("2028-12-31", "2029-01-01"),
        ] {
            assert_eq!(Day::read(day).unwrap().next_year(), Day::read(next).unwrap(), "{day}");
        }
        let weekend: Vec<bool> = (0..7).map(|n| Day::read("2026-11-20").unwrap().plus(n).is_weekend()).collect();
        assert_eq!(weekend, [false, true, true, false, false, false, false], "the 20th is a Friday");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "none", "-", "2026", "2026-11", "2026-13-01", "2026-11-32", "2026-11-21-1", "yes-no-date"] {
            assert_eq!(Day::read(text), None, "{text}");
        }
    }

    #[test]
    fn differences_have_a_sign_and_years_have_none() {
        let (a, b) = (Day::read("2020-02-29").unwrap(), Day::read("2026-03-01").unwrap());
        assert_eq!((a.until(b), b.until(a)), (2192, -2192));
        assert_eq!((a.years_until(b), b.years_until(a)), (6, 0));
    }
}
