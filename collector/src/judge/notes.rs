//! What reports told in all, for people: which hosts were heard since when, what they offer, and in which quarters of an hour somebody
//! listened.
//!
//! Follows no standard; a function of the reports in the order in which they came. Times are the sensor's own where they can be true,
//! else the archive's. Keeps: pseudonyms, closed words, moments, sums. Drops: foreign servers, refusals, what stands in no whole window.

use super::hearing::{deaf_ms, is_cable};
use super::state::Heard;
use crate::store::{Asset, AssetService, Listened, Notes};
use auscult_report::coverage::{Coverage, Sight};
use auscult_report::fact::{Fact, Role};
use auscult_report::key::SensorId;
use auscult_report::payload::{Changes, Event, Full, Payload};
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{HostEntry, Summary};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;
use std::collections::{BTreeMap, BTreeSet};

/// Notes of a stretch of reports of one sensor.
#[derive(Default)]
pub(super) struct Notebook {
    hosts: BTreeMap<HostId, Asset>,
    services: BTreeMap<Subject, AssetService>,
    days: BTreeMap<u64, Listened>,
}

/// A report, as notes are taken of it.
pub(super) struct Told<'a> {
    pub(super) sensor: SensorId,
    pub(super) received: Timestamp,
    pub(super) heard: Heard,
    /// How long it heard beyond all windows before.
    pub(super) more_ms: u64,
    pub(super) payload: &'a Payload,
    /// What is known with it.
    pub(super) state: &'a Summary,
}

impl Notebook {
    /// What was noted since the last call.
    pub(super) fn take(&mut self) -> Notes {
        let Notebook { hosts, services, days } = core::mem::take(self);
        Notes {
            hosts: hosts.into_values().collect(),
            services: services.into_values().collect(),
            days: days.into_values().collect(),
        }
    }

    /// Takes notes of a report. Work grows with its sightings.
    pub(super) fn report(&mut self, told: &Told<'_>) {
        self.places(told);
        if told.heard.whole {
            self.hours(told);
        }
    }

    fn places(&mut self, told: &Told<'_>) {
        let ours: BTreeMap<HostId, &HostEntry> =
            told.state.hosts.iter().filter(|h| h.zone != Zone::Outside).map(|h| (h.id, h)).collect();
        let mut roles: BTreeMap<HostId, BTreeSet<Role>> = BTreeMap::new();
        let mut medical: BTreeSet<HostId> = BTreeSet::new();
        for sighting in told.state.sightings.iter() {
            match (sighting.subject, sighting.fact) {
                (Subject::Host(id), Fact::Role(role)) => {
                    roles.entry(id).or_default().insert(role);
                }
                (Subject::Host(id), Fact::Medical) => {
                    medical.insert(id);
                }
                _ => {}
            }
        }
        for sighting in told.state.sightings.iter().filter(|s| told.heard.has(s)) {
            let (Subject::Host(id) | Subject::Service(id, ..)) = sighting.subject else { continue };
            let Some(entry) = ours.get(&id) else { continue };
            let span = (told.at(sighting.first), told.at(sighting.last));
            let is_service = matches!(sighting.subject, Subject::Service(..)) && sighting.fact != Fact::Refused;
            let roles = roles.get(&id);
            let is_medical = medical.contains(&id) || roles.is_some_and(|r| r.iter().any(|r| MEDICAL.contains(r)));
            let rank = if is_medical { 0 } else { u8::from(!is_service).saturating_add(1) };
            let host = self.hosts.entry(id).or_insert_with(|| host(told.sensor, entry, span));
            host.rank = host.rank.min(rank);
            (host.first, host.last) = (host.first.min(span.0), host.last.max(span.1));
            host.zone = entry.zone.word().to_owned();
            host.maker = entry.maker.or(host.maker);
            host.roles = roles.map_or_else(String::new, words);
            if is_service {
                self.service(told.sensor, sighting.subject, sighting.fact, span);
            }
        }
    }

    fn service(&mut self, sensor: SensorId, subject: Subject, fact: Fact, span: (Timestamp, Timestamp)) {
        let Subject::Service(host, transport, port) = subject else { return };
        let new = || AssetService {
            sensor,
            host,
            transport: transport.word().to_owned(),
            port,
            protocol: String::new(),
            first: span.0,
            last: span.1,
        };
        let service = self.services.entry(subject).or_insert_with(new);
        (service.first, service.last) = (service.first.min(span.0), service.last.max(span.1));
        // Two protocols at one port: what is inside the encryption says more than that it is there.
        if let Fact::Protocol(protocol) = fact
            && (service.protocol.is_empty() || service.protocol == "tls")
        {
            service.protocol = protocol.word().to_owned();
        }
    }

    /// What a whole window says about the hours.
    fn hours(&mut self, told: &Told<'_>) {
        let Heard { window, frames, .. } = told.heard;
        let (deaf, end) = (deaf_ms(told.payload), told.at(window.to));
        let length = window.to.since_ms(window.from).max(told.more_ms.saturating_add(deaf)).min(LONGEST_MS);
        let deaf = if frames == 0 { length } else { deaf.min(length) };
        if deaf.saturating_mul(2) < length {
            self.quarters(Timestamp(end.0.saturating_sub(length)), end);
        }
        let day = self.day(Timestamp(end.0.saturating_sub(1)).days());
        day.deaf_s = day.deaf_s.saturating_add(deaf / 1_000);
        day.frames = day.frames.saturating_add(frames);
        let coverage = match told.payload {
            Payload::Full(Full { ext, .. })
            | Payload::Changes(Changes { ext, .. })
            | Payload::Event(Event { ext, .. }) => Coverage::within(ext),
            _ => None,
        };
        for ear in coverage.iter().flat_map(|c| c.ears.iter()) {
            if is_cable(ear) {
                day.lost = day.lost.saturating_add(ear.lost);
            }
            day.sights |= sight_bit(ear.sight);
        }
    }

    /// Marks the quarters of an hour whose middle lies between two moments, at least one. Work is bounded by [`LONGEST_MS`].
    fn quarters(&mut self, from: Timestamp, to: Timestamp) {
        let first = from.0.saturating_add(HALF_QUARTER_MS - 1) / QUARTER_MS;
        let behind = to.0.saturating_add(HALF_QUARTER_MS - 1) / QUARTER_MS;
        // A window that holds no middle was heard all the same: in the quarter that it lies in.
        let middle = from.0.saturating_add(to.since_ms(from) / 2) / QUARTER_MS;
        let (first, behind) = if first < behind { (first, behind) } else { (middle, middle.saturating_add(1)) };
        for quarter in first..behind {
            let day = self.day(quarter / QUARTERS);
            let place = usize::try_from(quarter % QUARTERS).unwrap_or(0);
            if let Some(octet) = day.quarters.get_mut(place / 8) {
                *octet |= 1u8.rotate_left(u32::try_from(place % 8).unwrap_or(0));
            }
        }
    }

    fn day(&mut self, day: u64) -> &mut Listened {
        self.days.entry(day).or_insert(Listened { day, ..Listened::default() })
    }
}

impl Told<'_> {
    /// A moment of the sensor's clock, by the archive's if the sensor's cannot be right; never behind the report itself.
    fn at(&self, moment: Timestamp) -> Timestamp {
        let (end, received) = (self.heard.window.to, self.received);
        let is_wrong = end.0 > received.0.saturating_add(AHEAD_MS) || received.since_ms(end) > SPOOL_MS;
        let at = if is_wrong { received.0.saturating_sub(end.since_ms(moment).min(MS_PER_DAY)) } else { moment.0 };
        Timestamp(at.min(received.0))
    }
}

/// The bit of a sight.
pub(super) fn sight_bit(sight: Sight) -> u16 {
    let place = Sight::ALL.iter().position(|s| *s == sight).and_then(|n| u32::try_from(n).ok());
    place.map_or(0, |n| 1u16.rotate_left(n))
}

fn host(sensor: SensorId, entry: &HostEntry, (first, last): (Timestamp, Timestamp)) -> Asset {
    let zone = entry.zone.word().to_owned();
    Asset { sensor, host: entry.id, rank: u8::MAX, zone, maker: entry.maker, roles: String::new(), first, last }
}

fn words(roles: &BTreeSet<Role>) -> String {
    let words: Vec<&str> = roles.iter().filter(|r| **r != Role::Unknown).map(|r| r.word()).collect();
    words.join(",")
}

/// Who handles patients' data, by what it speaks.
const MEDICAL: [Role; 5] = [Role::Modality, Role::Archive, Role::Lab, Role::Monitor, Role::Pump];
/// Quarters of an hour of a day.
const QUARTERS: u64 = 96;
const QUARTER_MS: u64 = MS_PER_DAY / QUARTERS;
const HALF_QUARTER_MS: u64 = QUARTER_MS / 2;
/// A full report every six hours stands for the windows in which nothing changed; one may be late.
const LONGEST_MS: u64 = 14 * 3_600_000;
/// A clock may be so far ahead and still tell the day.
const AHEAD_MS: u64 = 3_600_000;
/// The longest that a report waited in a spool: more than its place lasts for.
const SPOOL_MS: u64 = 60 * MS_PER_DAY;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;
    use auscult_report::time::Window;

    fn hear(book: &mut Notebook, from_h: u64, to_h: u64, more_h: u64, frames: u64, received_h: u64) {
        let hour = |h: u64| Timestamp(20_000 * MS_PER_DAY + h * 3_600_000);
        let window = Window { from: hour(from_h), to: hour(to_h) };
        let mut full = Full::default();
        (full.summary.window, full.summary.counters.frames) = (window, frames);
        let payload = Payload::Full(full);
        let told = Told {
            sensor: SensorId([1; 16]),
            received: hour(received_h),
            heard: Heard::of(&payload).unwrap(),
            more_ms: more_h * 3_600_000,
            payload: &payload,
            state: &Summary::default(),
        };
        book.report(&told);
    }

    fn counts(book: &mut Notebook) -> Vec<(u64, u32, u64)> {
        let days = book.take().days;
        days.iter().map(|d| (d.day - 20_000, d.quarters.iter().map(|o| o.count_ones()).sum(), d.deaf_s)).collect()
    }

    #[test]
    fn hours_are_counted_once_over_midnight_and_over_windows_that_were_left_out() {
        let mut book = Notebook::default();
        hear(&mut book, 22, 24, 2, 10, 24);
        hear(&mut book, 22, 24, 0, 10, 25);
        assert_eq!(counts(&mut book), [(0, 8, 0)]);
        // A quarter of an hour was told; six hours had nothing new.
        hear(&mut book, 29, 30, 6, 10, 30);
        assert_eq!(counts(&mut book), [(1, 24, 0)]);
        hear(&mut book, 23, 26, 3, 10, 26);
        assert_eq!(counts(&mut book), [(0, 4, 0), (1, 8, 0)]);
    }

    #[test]
    fn a_minute_is_a_quarter_of_an_hour_that_was_listened_to() {
        let (mut book, at) = (Notebook::default(), Timestamp(20_000 * MS_PER_DAY + 3_600_000));
        book.quarters(at, Timestamp(at.0 + 60_000));
        assert_eq!(counts(&mut book), [(0, 1, 0)]);
    }

    #[test]
    fn who_hears_no_frame_is_deaf_and_a_clock_that_cannot_be_right_is_not_believed() {
        let mut book = Notebook::default();
        hear(&mut book, 2, 4, 0, 0, 4);
        assert_eq!(counts(&mut book), [(0, 0, 7_200)]);
        // Ten years ahead, or seventy days behind: as of when it came.
        hear(&mut book, 90_000, 90_002, 2, 10, 12);
        hear(&mut book, 2, 4, 2, 10, 80 * 24);
        assert_eq!(counts(&mut book), [(0, 8, 0), (79, 8, 0)]);
        // It waited in a spool for a month.
        hear(&mut book, 2, 4, 2, 10, 30 * 24);
        assert_eq!(counts(&mut book), [(0, 8, 0)]);
    }

    #[test]
    fn a_window_of_a_liar_is_bounded() {
        let mut book = Notebook::default();
        hear(&mut book, 0, 5_000, 5_000, 10, 5_000);
        let quarters: u32 = counts(&mut book).iter().map(|c| c.1).sum();
        assert_eq!(u64::from(quarters), LONGEST_MS / QUARTER_MS);
    }
}
