//! How far the sensor's clock may be believed. Boards without a clock battery start in 1970, or where they stopped.
//!
//! Keeps: the quality that each report's header tells, and jumps. Drops: nothing rests on it here; order is by number.

use auscult_report::header::{Clock, Moment};
use auscult_report::time::Timestamp;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What the system says of its clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Its clock.
    pub(super) wall: Timestamp,
    /// Milliseconds since it started.
    pub(super) mono_ms: u64,
    /// Whether a time server set it.
    pub(super) synchronised: bool,
    /// Whether it has a clock with a battery.
    pub(super) has_battery: bool,
}

/// Watches the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockWatch {
    boot: [u8; 8],
    floor: Timestamp,
    last: Option<Reading>,
    /// It went back, and nobody has set it since.
    went_back: bool,
}

impl ClockWatch {
    /// `floor` is a moment that is surely past: the program is no older.
    #[must_use]
    pub(super) const fn new(boot: [u8; 8], floor: Timestamp) -> ClockWatch {
        ClockWatch { boot, floor, last: None, went_back: false }
    }

    /// The moment of a reading, and by how many milliseconds the clock jumped since the one before, if it did.
    pub(super) fn moment(&mut self, now: Reading) -> (Moment, Option<i64>) {
        let jump = self.last.map_or(0, |last| {
            let ran = now.mono_ms.saturating_sub(last.mono_ms);
            let went = i128::from(now.wall.0).saturating_sub(i128::from(last.wall.0));
            i64::try_from(went.saturating_sub(i128::from(ran))).unwrap_or(i64::MAX)
        });
        let jumped = (jump.unsigned_abs() >= JUMP_MS).then_some(jump);
        self.went_back = (self.went_back || jumped.is_some_and(|ms| ms < 0)) && !now.synchronised;
        self.last = Some(now);
        let clock = if now.wall < self.floor || self.went_back {
            Clock::Unset
        } else if now.synchronised {
            Clock::Ntp
        } else if now.has_battery {
            Clock::Rtc
        } else {
            Clock::Unset
        };
        (Moment { boot: self.boot, mono_ms: now.mono_ms, wall: now.wall, clock }, jumped)
    }
}

/// What the system says of its clocks.
#[expect(clippy::disallowed_methods, reason = "here the daemon looks at the clock")]
pub(super) fn reading() -> Reading {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime.split_whitespace().next().and_then(|s| s.split_once('.'));
    let mono_ms = seconds.map_or(0, |(whole, hundredths)| {
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        number(whole).saturating_mul(1_000).saturating_add(number(hundredths).saturating_mul(10))
    });
    Reading {
        wall: Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        mono_ms,
        synchronised: Path::new("/run/systemd/timesync/synchronized").exists(),
        has_battery: Path::new("/sys/class/rtc/rtc0").exists(),
    }
}

/// Clocks that run apart by less are only imprecise.
const JUMP_MS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: u64 = 1_793_000_000_000;

    fn watch() -> ClockWatch {
        ClockWatch::new([1; 8], Timestamp(FLOOR))
    }

    fn reading(wall: u64, mono_ms: u64, synchronised: bool, has_battery: bool) -> Reading {
        Reading { wall: Timestamp(wall), mono_ms, synchronised, has_battery }
    }

    #[test]
    fn a_clock_before_the_program_was_made_is_not_set_whatever_the_system_says() {
        assert_eq!(watch().moment(reading(5, 5, true, true)).0.clock, Clock::Unset);
        assert_eq!(watch().moment(reading(FLOOR, 5, true, true)).0.clock, Clock::Ntp);
        assert_eq!(watch().moment(reading(FLOOR, 5, false, true)).0.clock, Clock::Rtc);
        assert_eq!(watch().moment(reading(FLOOR, 5, false, false)).0.clock, Clock::Unset);
    }

    #[test]
    fn a_jump_is_told_with_its_size_and_going_on_is_none() {
        let mut watch = watch();
        assert_eq!(watch.moment(reading(1_000, 1_000, false, false)).1, None);
        assert_eq!(watch.moment(reading(61_000, 61_100, false, false)).1, None);
        let (moment, jump) = watch.moment(reading(FLOOR + 70_000, 70_000, true, false));
        assert_eq!((moment.clock, jump), (Clock::Ntp, Some(i64::try_from(FLOOR + 100).unwrap())));
        let ten_years = 315_576_000_000;
        assert_eq!(watch.moment(reading(FLOOR + 71_000 + ten_years, 71_000, true, false)).1, Some(315_576_000_000));
    }

    #[test]
    fn a_clock_that_went_back_is_not_believed_until_it_is_set() {
        let mut watch = watch();
        watch.moment(reading(FLOOR + 7_200_000, 0, false, true));
        let (moment, jump) = watch.moment(reading(FLOOR + 3_600_000, 0, false, true));
        assert_eq!((moment.clock, jump), (Clock::Unset, Some(-3_600_000)));
        assert_eq!(watch.moment(reading(FLOOR + 3_601_000, 1_000, false, true)).0.clock, Clock::Unset);
        assert_eq!(watch.moment(reading(FLOOR + 3_602_000, 2_000, true, true)).0.clock, Clock::Ntp);
    }
}
