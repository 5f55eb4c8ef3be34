//! Whether something is still mended by its makers, at a date.
//! Keeps: the last day of free fixes and of paid ones. Drops: whether the paid ones were bought: nobody hears that.

use crate::table::day_of;
use auscult_report::time::Timestamp;

/// Free fixes, soon none, only paid ones, none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// No fixes any more.
    Ended,
    /// Fixes for those who pay.
    PaidOnly,
    /// Free fixes, for less than [`ENDING_DAYS`] days.
    Ending,
    /// Free fixes.
    Supported,
}

impl Support {
    /// The word of `os.support` and `sw.support`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Support::Ended => "ended",
            Support::PaidOnly => "paid-only",
            Support::Ending => "ending",
            Support::Supported => "supported",
        }
    }

    /// At `now`, by the last day of free and of paid fixes.
    #[must_use]
    pub fn at(now: Timestamp, free: Option<i64>, paid: Option<i64>) -> Support {
        let today = i64::try_from(now.days()).unwrap_or(i64::MAX);
        match free {
            Some(last) if last >= today.saturating_add(ENDING_DAYS) => Support::Supported,
            Some(last) if last >= today => Support::Ending,
            _ if paid.is_some_and(|last| last >= today) => Support::PaidOnly,
            _ => Support::Ended,
        }
    }
}

/// The later of two dates of a table; an empty cell is no date.
#[must_use]
pub fn later(one: &str, other: &str) -> Option<i64> {
    day_of(one).max(day_of(other))
}

/// Support that ends within half a year is "ending" (as the tables of knowledge count it).
pub const ENDING_DAYS: i64 = 180;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_still_a_day_of_support() {
        let now = Timestamp::from_seconds(20_778 * 86_400);
        let day = |d: &str| day_of(d);
        assert_eq!(Support::at(now, day("2026-11-21"), None), Support::Ending);
        assert_eq!(Support::at(now, day("2026-11-20"), None), Support::Ended);
        assert_eq!(Support::at(now, day("2026-11-20"), day("2027-01-01")), Support::PaidOnly);
        assert_eq!(Support::at(now, day("2028-01-01"), None), Support::Supported);
        assert_eq!(Support::at(now, None, None), Support::Ended);
    }
}
