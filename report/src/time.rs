//! When something was heard: milliseconds since 1970 by the sensor's clock, and half-open windows of them.
//! Keeps: what the sensor's clock said. Drops: time zones, leap seconds, and any promise that the clock was right.

use serde::{Deserialize, Serialize};

/// A moment by the sensor's clock: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// From whole seconds since 1970.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to here; 0 if `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> u64 {
        self.0 / MS_PER_DAY
    }
}

impl core::fmt::Display for Timestamp {
    /// Milliseconds since 1970.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// From the first moment (included) to the last (not included).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment of the window.
    pub from: Timestamp,
    /// The first moment after the window.
    pub to: Timestamp,
}

/// Milliseconds of a day.
pub const MS_PER_DAY: u64 = 86_400_000;
