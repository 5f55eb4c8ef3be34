//! Coverage: what the ear did not hear. A strip of ninety days for each sensor, what kind of sight it had, and the hours in which
//! nobody listened at all, in numbers.
//!
//! Keeps: nothing. Drops: holes behind the longest [`MOST_HOLES`]; their hours are counted. The newest hours are not called a hole: of
//! a quiet network a report comes every six hours only.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html};
use super::picture::escaped;
use super::problem::Problem;
use super::words::{counted, day, moment};
use crate::store::{Listened, SensorState, StoreError};
use askama::Template;
use auscult_report::coverage::Sight;
use auscult_report::key::SensorId;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "coverage.html")]
struct CoveragePage {
    frame: Frame,
    name: String,
    title: String,
    rows: Vec<Row>,
    days: u64,
    from: String,
    to: String,
    summary: String,
    tone: &'static str,
    nobody: String,
    watched: String,
    holes: Vec<(String, String, String)>,
    more_holes: usize,
}

/// A sensor.
struct Row {
    site: String,
    id: String,
    state: &'static str,
    strip: String,
    counts: [u64; 4],
    hours: String,
    lost: String,
    sights: Vec<(String, String)>,
    table: Vec<(String, &'static str, String, String, String)>,
}

/// How a sensor was on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Day {
    NotYet,
    Heard,
    Degraded,
    Deaf,
    Off,
}

pub(super) fn page(_: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, now) = (visit.clinic()?, visit.now);
    let busy = |_: StoreError| Problem::BUSY;
    let first = now.days().saturating_sub(DAYS.saturating_sub(1));
    let listened = at.store.listened(first).map_err(busy)?;
    let mut days: BTreeMap<SensorId, BTreeMap<u64, Listened>> = BTreeMap::new();
    for (sensor, day) in &listened {
        days.entry(*sensor).or_default().insert(day.day, *day);
    }
    let details = at.store.sensor_details().map_err(busy)?;
    let none = BTreeMap::new();
    let sensors = details.iter().filter(|d| d.row.state != SensorState::Pending);
    let rows: Vec<Row> = sensors
        .map(|detail| {
            let of = days.get(&detail.row.id).unwrap_or(&none);
            row(&detail.site_title, &detail.row.id.to_string(), detail.row.state, of, now)
        })
        .collect();
    let union = Union::of(days.values().flat_map(BTreeMap::values), first, now);
    let mut holes = union.holes();
    let nobody = holes.iter().map(|(from, to)| to.saturating_sub(*from)).sum::<u64>();
    let all = union.end.saturating_sub(union.begin);
    holes.sort_by_key(|(from, to)| (u64::MAX.saturating_sub(to.saturating_sub(*from)), *from));
    let more_holes = holes.len().saturating_sub(MOST_HOLES);
    holes.truncate(MOST_HOLES);
    let (summary, tone) = summary(all, nobody);
    html(&CoveragePage {
        frame: visit.frame(format!("Coverage of {}", at.row.title), "coverage"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        rows,
        days: DAYS,
        from: day(Timestamp(first.saturating_mul(MS_PER_DAY))),
        to: day(now),
        summary,
        tone,
        nobody: hours(nobody),
        watched: hours(all.saturating_sub(nobody)),
        holes: holes
            .into_iter()
            .map(|(from, to)| (at_quarter(from), at_quarter(to), hours(to.saturating_sub(from))))
            .collect(),
        more_holes,
    })
}

/// In a sentence: in how many hours of all those that can be known nobody listened, from a day on.
pub(super) fn sentence<'a>(days: impl Iterator<Item = &'a Listened>, first: u64, now: Timestamp) -> String {
    let union = Union::of(days, first, now);
    let nobody = union.holes().iter().map(|(from, to)| to.saturating_sub(*from)).sum();
    summary(union.end.saturating_sub(union.begin), nobody).0
}

/// The first sentence, by quarters of an hour.
fn summary(all: u64, nobody: u64) -> (String, &'static str) {
    match (all, nobody) {
        (0, _) => ("Nobody has listened here in these days.".to_owned(), "bad"),
        (..4, 0) => ("Somebody has listened since less than an hour ago.".to_owned(), "good"),
        (..8, 0) => ("Somebody listened all the time, for an hour so far.".to_owned(), "good"),
        (_, 0) => (format!("Somebody listened in every one of {} hours.", all / 4), "good"),
        (all, n) if n.saturating_mul(20) > all => {
            (format!("In {} of {} hours nobody listened.", hours(n), all / 4), "bad")
        }
        (all, n) => (format!("In {} of {} hours nobody listened.", hours(n), all / 4), "fair"),
    }
}

fn row(site: &str, id: &str, state: SensorState, days: &BTreeMap<u64, Listened>, now: Timestamp) -> Row {
    let first = now.days().saturating_sub(DAYS.saturating_sub(1));
    let begun = days.iter().find(|(_, d)| count(d) > 0 || d.deaf_s > 0).map_or(u64::MAX, |(day, _)| *day);
    let states: Vec<(u64, Day)> = (first..=now.days()).map(|day| (day, state_of(day, days, begun, now))).collect();
    let number = |wanted: Day| u64::try_from(states.iter().filter(|(_, s)| *s == wanted).count()).unwrap_or(0);
    let quarters: u64 = days.values().map(count).sum();
    let (frames, lost) =
        days.values().fold((0u64, 0u64), |(f, l), d| (f.saturating_add(d.frames), l.saturating_add(d.lost)));
    let worst = states.iter().rev().filter(|(_, s)| matches!(s, Day::Degraded | Day::Deaf | Day::Off)).take(MOST_ROWS);
    Row {
        site: site.to_owned(),
        id: id.to_owned(),
        state: if state == SensorState::Active { "" } else { state.word() },
        strip: strip(&states),
        counts: [number(Day::Heard), number(Day::Degraded), number(Day::Deaf), number(Day::Off)],
        hours: hours(quarters),
        lost: match frames.saturating_add(lost) {
            0 => "none heard".to_owned(),
            passed => format!("{} of {passed}", lost),
        },
        sights: sights(days),
        table: worst.map(|(day, state)| table_row(*day, *state, days.get(day))).collect(),
    }
}

/// A day that was not heard well, as a row.
fn table_row(at: u64, state: Day, listened: Option<&Listened>) -> (String, &'static str, String, String, String) {
    let none = Listened::default();
    let listened = listened.unwrap_or(&none);
    let date = day(Timestamp(at.saturating_mul(MS_PER_DAY)));
    let deaf = hours(listened.deaf_s / QUARTER_S);
    (
        date,
        word(state),
        hours(count(listened)),
        deaf,
        format!("{}; {} frames lost", sight(listened.sights), listened.lost),
    )
}

const fn word(state: Day) -> &'static str {
    match state {
        Day::NotYet => "not there yet",
        Day::Heard => "heard",
        Day::Degraded => "degraded",
        Day::Deaf => "deaf",
        Day::Off => "off",
    }
}

/// How a sensor was on a day. Of today only the hours count that can be known.
fn state_of(at: u64, days: &BTreeMap<u64, Listened>, begun: u64, now: Timestamp) -> Day {
    if at < begun {
        return Day::NotYet;
    }
    let Some(listened) = days.get(&at) else { return if is_open(at, now) { Day::NotYet } else { Day::Off } };
    let heard = count(listened);
    let listened_s = heard.saturating_mul(QUARTER_S).saturating_add(listened.deaf_s);
    if heard == 0 && listened.deaf_s == 0 {
        return if is_open(at, now) { Day::NotYet } else { Day::Off };
    }
    if listened.deaf_s.saturating_mul(2) >= listened_s {
        return Day::Deaf;
    }
    let all = if at == begun {
        QUARTERS.saturating_sub(first_quarter(listened))
    } else if is_open(at, now) {
        now.0.saturating_sub(NOT_YET_MS).saturating_sub(at.saturating_mul(MS_PER_DAY)) / QUARTER_MS
    } else {
        QUARTERS
    };
    let all = if is_open(at, now) { all.min(heard) } else { all };
    let is_short = heard.saturating_add(SLACK_QUARTERS) < all;
    let passed = listened.frames.saturating_add(listened.lost);
    let is_lossy = listened.lost.saturating_mul(20) > passed || listened.deaf_s.saturating_mul(20) > listened_s;
    let is_narrow =
        listened.sights != 0 && best(listened.sights).is_none_or(|s| matches!(s, Sight::Broadcast | Sight::Own));
    let has_air = listened.sights & bit(Sight::Radio) != 0;
    if is_short || is_lossy || (is_narrow && !has_air) { Day::Degraded } else { Day::Heard }
}

/// Whether the day is not over for a sensor that reports every six hours.
fn is_open(at: u64, now: Timestamp) -> bool {
    at.saturating_add(1).saturating_mul(MS_PER_DAY) > now.0.saturating_sub(NOT_YET_MS)
}

fn count(listened: &Listened) -> u64 {
    listened.quarters.iter().map(|octet| u64::from(octet.count_ones())).sum()
}

fn first_quarter(listened: &Listened) -> u64 {
    (0..QUARTERS).find(|n| has(listened, *n)).unwrap_or(0)
}

fn has(listened: &Listened, quarter: u64) -> bool {
    let place = usize::try_from(quarter).unwrap_or(usize::MAX);
    let octet = listened.quarters.get(place / 8).copied().unwrap_or(0);
    octet & 1u8.rotate_left(u32::try_from(place % 8).unwrap_or(0)) != 0
}

/// Sensors of a clinic together: in which quarters of an hour, counted from 1970, anybody listened.
struct Union {
    begin: u64,
    end: u64,
    heard: Vec<bool>,
}

impl Union {
    /// From the first quarter that anybody heard to the last that can be known.
    fn of<'a>(days: impl Iterator<Item = &'a Listened>, first: u64, now: Timestamp) -> Union {
        let begin = first.saturating_mul(QUARTERS);
        let days_in_all = now.days().saturating_sub(first).saturating_add(1).min(MOST_DAYS);
        let mut heard = vec![false; usize::try_from(days_in_all.saturating_mul(QUARTERS)).unwrap_or(0)];
        for listened in days {
            for quarter in (0..QUARTERS).filter(|n| has(listened, *n)) {
                let at = listened.day.saturating_mul(QUARTERS).saturating_add(quarter).saturating_sub(begin);
                if let Some(heard) = usize::try_from(at).ok().and_then(|at| heard.get_mut(at)) {
                    *heard = true;
                }
            }
        }
        let known = now.0.saturating_sub(NOT_YET_MS) / QUARTER_MS;
        let place = |n: usize| begin.saturating_add(u64::try_from(n).unwrap_or(0));
        let first_heard = heard.iter().position(|h| *h).map(place);
        let behind = heard.iter().rposition(|h| *h).map_or(begin, |n| place(n).saturating_add(1)).max(known);
        let from = first_heard.unwrap_or(behind);
        let skip = usize::try_from(from.saturating_sub(begin)).unwrap_or(0);
        let take = usize::try_from(behind.saturating_sub(from)).unwrap_or(0);
        Union { begin: from, end: behind, heard: heard.into_iter().skip(skip).take(take).collect() }
    }

    /// Stretches in which nobody listened: from, to.
    fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes: Vec<(u64, u64)> = Vec::new();
        for (at, heard) in (self.begin..self.end).zip(&self.heard) {
            match holes.last_mut().filter(|(_, to)| *to == at) {
                _ if *heard => {}
                Some(last) => last.1 = at.saturating_add(1),
                None => holes.push((at, at.saturating_add(1))),
            }
        }
        holes
    }
}

/// The best sight that a cable gave.
fn best(sights: u16) -> Option<Sight> {
    let order = [Sight::Mirror, Sight::Router, Sight::OneSided, Sight::Own, Sight::Broadcast, Sight::Nothing];
    order.into_iter().find(|s| sights & bit(*s) != 0)
}

fn bit(sight: Sight) -> u16 {
    let place = Sight::ALL.iter().position(|s| *s == sight).and_then(|n| u32::try_from(n).ok());
    place.map_or(0, |n| 1u16.rotate_left(n))
}

/// What kind of sight a day had, in words.
fn sight(sights: u16) -> String {
    let cable = match best(sights) {
        Some(Sight::Mirror) => "mirror port: everything that the switch copies",
        Some(Sight::Router) => "router path: what passes the router",
        Some(Sight::OneSided) => "one direction only",
        Some(Sight::Own | Sight::Broadcast) => "broadcasts only",
        Some(_) => "no frame",
        None => "",
    };
    match (cable, sights & bit(Sight::Radio) != 0) {
        ("", true) => "Wi-Fi".to_owned(),
        ("", false) => "not told".to_owned(),
        (cable, true) => format!("{cable}; Wi-Fi"),
        (cable, false) => cable.to_owned(),
    }
}

/// Since when it has which sight, the newest first.
fn sights(days: &BTreeMap<u64, Listened>) -> Vec<(String, String)> {
    let mut runs: Vec<(u64, String)> = Vec::new();
    for (at, listened) in days.iter().filter(|(_, d)| d.sights != 0) {
        let said = sight(listened.sights);
        if runs.last().is_none_or(|(_, last)| *last != said) {
            runs.push((*at, said));
        }
    }
    runs.reverse();
    runs.truncate(MOST_RUNS);
    runs.into_iter().map(|(at, said)| (day(Timestamp(at.saturating_mul(MS_PER_DAY))), said)).collect()
}

/// A bar a day: its height says how much was heard; hollow: off; a cross: deaf.
fn strip(states: &[(u64, Day)]) -> String {
    let mut paths: BTreeMap<Day, String> = BTreeMap::new();
    for ((_, state), n) in states.iter().zip(0u64..) {
        let (x, path) = (n.saturating_mul(CELL), paths.entry(*state).or_default());
        let _ = match state {
            Day::NotYet => write!(path, "M{x} 26h4v1h-4z"),
            Day::Heard => write!(path, "M{x} 2h4v26h-4z"),
            Day::Degraded => write!(path, "M{x} 15h4v13h-4z"),
            Day::Deaf => write!(path, "M{x} 12l4 12M{} 12l-4 12", x.saturating_add(4)),
            Day::Off => write!(path, "M{x} 4h4v23h-4z"),
        };
    }
    let number = |wanted: Day| states.iter().filter(|(_, s)| *s == wanted).count();
    let said = format!(
        "{} days: heard on {}, degraded on {}, deaf on {}, off on {}",
        states.len(),
        number(Day::Heard),
        number(Day::Degraded),
        number(Day::Deaf),
        number(Day::Off)
    );
    let mut svg = format!(
        "<svg class=\"strip\" role=\"img\" viewBox=\"0 0 {} 28\" preserveAspectRatio=\"none\" aria-label=\"{}\">",
        DAYS.saturating_mul(CELL),
        escaped(&said)
    );
    for (state, path) in paths {
        let class = match state {
            Day::NotYet => "c-none",
            Day::Heard => "c-heard",
            Day::Degraded => "c-degraded",
            Day::Deaf => "c-deaf",
            Day::Off => "d-deaf",
        };
        let _ = write!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    svg + "</svg>"
}

/// Quarters of an hour as hours: `0`, `6.5`.
fn hours(quarters: u64) -> String {
    match quarters % 4 {
        0 => (quarters / 4).to_string(),
        1 => format!("{}.25", quarters / 4),
        2 => format!("{}.5", quarters / 4),
        _ => format!("{}.75", quarters / 4),
    }
}

fn at_quarter(quarter: u64) -> String {
    moment(Timestamp(quarter.saturating_mul(QUARTER_MS)))
}

/// Days of the strips.
const DAYS: u64 = 90;
/// Units of a day in a strip.
const CELL: u64 = 5;
/// Quarters of an hour of a day.
const QUARTERS: u64 = 96;
const QUARTER_S: u64 = 900;
const QUARTER_MS: u64 = QUARTER_S * 1_000;
/// A full report comes every six hours, and one may be late: before that nobody knows whether somebody listened.
const NOT_YET_MS: u64 = 7 * 3_600_000;
/// An hour that is missing on a day is a restart, not a weakness.
const SLACK_QUARTERS: u64 = 4;
/// Days that are looked at together.
const MOST_DAYS: u64 = 500;
/// Holes that a page shows.
const MOST_HOLES: usize = 20;
/// Days of a sensor that a page shows in numbers: with twenty sensors it stays below 150 kB.
const MOST_ROWS: usize = 14;
/// Changes of the sight that a page shows.
const MOST_RUNS: usize = 4;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    fn day_of(day: u64, quarters: std::ops::Range<u64>) -> Listened {
        let mut listened = Listened { day, frames: 1_000, sights: bit(Sight::Router), ..Listened::default() };
        for quarter in quarters {
            listened.quarters[usize::try_from(quarter / 8).unwrap()] |= 1 << (quarter % 8);
        }
        listened
    }

    fn noon(day: u64) -> Timestamp {
        Timestamp(day * MS_PER_DAY + MS_PER_DAY / 2)
    }

    #[test]
    fn a_day_is_heard_degraded_deaf_or_off_and_before_the_first_there_is_none() {
        let whole = |day| day_of(day, 0..96);
        let days: BTreeMap<u64, Listened> = [
            day_of(100, 40..96),
            whole(101),
            day_of(102, 0..80),
            Listened { lost: 100, ..whole(103) },
            Listened { deaf_s: 80_000, ..day_of(104, 0..2) },
            Listened { sights: bit(Sight::Broadcast), ..whole(106) },
            Listened { sights: bit(Sight::Broadcast) | bit(Sight::Radio), ..whole(107) },
            Listened { sights: bit(Sight::Mirror) | bit(Sight::Broadcast), ..whole(108) },
            day_of(110, 0..10),
        ]
        .into_iter()
        .map(|d| (d.day, d))
        .collect();
        let states: Vec<Day> = (99..=111).map(|d| state_of(d, &days, 100, noon(110))).collect();
        use Day::{Deaf, Degraded, Heard, NotYet, Off};
        assert_eq!(
            states,
            [NotYet, Heard, Heard, Degraded, Degraded, Deaf, Off, Degraded, Heard, Heard, Off, Heard, NotYet]
        );
        let svg = strip(&[(0, Heard), (1, Off), (2, Deaf)]);
        assert!(svg.contains("3 days: heard on 1, degraded on 0, deaf on 1, off on 1") && !svg.contains("style="));
    }

    #[test]
    fn nobody_listened_only_where_no_sensor_did_and_not_in_hours_that_nobody_can_know() {
        let (one, two) = (day_of(100, 20..60), day_of(100, 50..70));
        let next = day_of(101, 0..96);
        let union = Union::of([&one, &two, &next].into_iter(), 50, noon(102));
        let base = 100 * 96;
        assert_eq!(union.begin, base + 20);
        // From 17:30 to midnight, and on the last day from midnight to seven hours before now.
        assert_eq!(union.holes(), [(base + 70, base + 96), (base + 192, base + 192 + 20)]);
        assert_eq!(hours(26), "6.5");
        let nothing = Union::of([].into_iter(), 50, noon(102));
        assert_eq!((nothing.holes(), nothing.end - nothing.begin), (vec![], 0));
        let live = Union::of([&day_of(102, 0..48)].into_iter(), 50, noon(102));
        assert_eq!(live.holes(), []);
    }
}
