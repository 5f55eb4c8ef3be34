//! What is remembered of a wireless network between two of its frames, in a few hundred octets.
//!
//! Keeps: the name that it announced, whether it was heard strongly of late, when others were sent away from it.
//! Drops: everything else, and all of it when the table is full.

use crate::wire::dot11_elements::{Announced, MAX_NAME};
use crate::wire::radiotap::Radio;
use auscult_report::time::Timestamp;

/// What is remembered of a network.
#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) last: Timestamp,
    /// Beacons and probe responses, up to [`SETTLED`].
    pub(super) heard: u8,
    pub(super) name: Name,
    /// WPS methods: probe responses name them, beacons need not.
    pub(super) wps_methods: Option<u16>,
    pub(super) signal: Signal,
    pub(super) farewells: Option<Box<Farewells>>,
}

impl Network {
    pub(super) fn announced(&mut self, heard: &Announced<'_>, radio: &Radio) {
        self.heard = self.heard.saturating_add(1).min(SETTLED);
        if let Some(name) = heard.spoken_name().and_then(Name::of) {
            self.name = name;
        }
        self.wps_methods = heard.wps.and_then(|w| w.methods).or(self.wps_methods);
        if let Some(signal) = radio.signal.filter(|s| BELIEVED.contains(s)) {
            self.signal.hear(signal);
        }
    }
}

/// A name of a network: octets, not text.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Name {
    length: u8,
    octets: [u8; MAX_NAME],
}

impl Name {
    pub(super) fn of(octets: &[u8]) -> Option<Name> {
        let mut name = Name { length: u8::try_from(octets.len()).ok()?, octets: [0; MAX_NAME] };
        name.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(name)
    }

    /// Whether it was never heard.
    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Its octets.
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// Names are not for logs.
impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Name({} octets)", self.length)
    }
}

/// Whether the last 32 announcements were strong, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signal {
    strong: u32,
    heard: u32,
}

impl Signal {
    fn hear(&mut self, signal: i8) {
        self.strong = (self.strong << 1) | u32::from(signal > STRONG);
        self.heard = self.heard.saturating_add(1).min(u32::BITS);
    }

    /// The median is above [`STRONG`]: most of them are.
    pub(super) const fn is_strong(self) -> bool {
        self.heard >= ENOUGH && self.strong.count_ones().saturating_mul(2) > self.heard
    }
}

/// Deauthentications and disassociations of one network.
#[derive(Debug, Default)]
pub(super) struct Farewells {
    /// The second of the first bucket; each bucket behind it is of the second before.
    second: u64,
    seconds: [u16; BURST_SECONDS],
    said: Option<Timestamp>,
    /// When the last rounds of farewells to everybody began, newest first.
    rounds: [Option<Timestamp>; ROUNDS],
}

impl Farewells {
    /// Whether this one makes it a burst; at most once in ten seconds.
    pub(super) fn hear(&mut self, at: Timestamp, to_all: bool) -> bool {
        let second = at.0 / 1000;
        let passed = usize::try_from(second.saturating_sub(self.second)).unwrap_or(usize::MAX).min(BURST_SECONDS);
        self.seconds.rotate_right(passed);
        self.seconds.iter_mut().take(passed).for_each(|s| *s = 0);
        self.second = self.second.max(second);
        if let Some(now) = self.seconds.first_mut() {
            *now = now.saturating_add(1);
        }
        let many = self.seconds.iter().fold(0u16, |n, s| n.saturating_add(*s)) > BURST;
        let again = to_all && self.is_third_round(at);
        let quiet = self.said.is_some_and(|s| at.since_ms(s) < BURST_MS);
        if quiet || !(many || again) {
            return false;
        }
        self.said = Some(at);
        true
    }

    /// Farewells to everybody within ten seconds are one round, such as an access point sends that restarts.
    fn is_third_round(&mut self, at: Timestamp) -> bool {
        let [newest, before, _] = self.rounds;
        if newest.is_some_and(|n| at.since_ms(n) < BURST_MS) {
            return false;
        }
        self.rounds = [Some(at), newest, before];
        let [.., third] = self.rounds;
        third.is_some_and(|t| at.since_ms(t) <= HOUR_MS)
    }
}

/// Announcements after which a network is no passer-by: a second of beacons.
pub(super) const SETTLED: u8 = 10;

/// dBm above which a radio is in the same building (`wifi.signal_strong`).
const STRONG: i8 = -65;

/// dBm that a radio can mean; others stand for "not known".
const BELIEVED: core::ops::RangeInclusive<i8> = -110..=-5;

/// Announcements that make a median.
const ENOUGH: u32 = 5;

/// More frames than this in ten seconds are a burst (`wifi.deauth_burst`).
const BURST: u16 = 30;
const BURST_SECONDS: usize = 10;
const BURST_MS: u64 = 10_000;

/// Rounds of farewells to everybody in an hour that are a burst: one alone is an access point that restarts.
const ROUNDS: usize = 3;
const HOUR_MS: u64 = 3_600_000;
