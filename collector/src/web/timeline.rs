//! Timeline: what happened at a clinic in a period, in lanes: services, devices, Wi-Fi, sensors, what people decided, reviews; and the
//! same as a table.
//!
//! Keeps: nothing. Drops: marks behind the newest [`MOST_OF_A_KIND`] of each kind in the period: then a shorter period shows them, and
//! the page says so. Marks that lie close together are one, which leads to the shorter period.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::page::{Answered, Frame, html};
use super::picture::escaped;
use super::problem::Problem;
use super::words::{about, counted, date, day, device, end_of, level, moment, sentence};
use crate::access::hex;
use crate::store::{AssetService, Decision, NOBODY, PlanEvent, StepRow, StoreError};
use askama::Template;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::rule::Rule;
use auscult_report::key::SensorId;
use auscult_report::leaf::LeafKind;
use auscult_report::subject::Subject;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::fmt::Write;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage {
    frame: Frame,
    name: String,
    from: String,
    to: String,
    first: String,
    last: String,
    days: u64,
    /// Lengths to choose, in days; whether it is this one.
    lengths: Vec<(u64, &'static str, bool)>,
    lanes: Vec<(&'static str, usize, String)>,
    rows: Vec<Row>,
    all: usize,
    cut: bool,
    next: Option<String>,
}

/// A mark, in the table.
struct Row {
    at: String,
    lane: &'static str,
    level: Option<super::words::Level>,
    said: String,
    href: String,
}

/// Something that happened.
struct Mark {
    at: Timestamp,
    lane: usize,
    /// How bad it is; `None`: it is neither good nor bad.
    level: Option<u8>,
    /// It went.
    gone: bool,
    said: String,
    href: String,
}

/// A period: from, and the first moment behind it.
type Period = (Timestamp, Timestamp);

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let at = visit.clinic()?;
    let period = period(visit);
    let (mut marks, cut) = marks(desk, at, period).map_err(|_| Problem::BUSY)?;
    marks.sort_by(|a, b| b.at.cmp(&a.at).then(a.lane.cmp(&b.lane)).then_with(|| a.href.cmp(&b.href)));
    let lanes = LANES.iter().enumerate().map(|(lane, name)| {
        let mine: Vec<&Mark> = marks.iter().filter(|mark| mark.lane == lane).collect();
        (*name, mine.len(), strip(&mine, period, &visit.path))
    });
    let lanes = lanes.collect();
    let (from, to) = (date(period.0), date(Timestamp(period.1.0.saturating_sub(1))));
    let days = period.1.since_ms(period.0) / MS_PER_DAY;
    let begin = begin(&marks, visit.query.get("before"));
    let shown: Vec<&Mark> = marks.iter().skip(begin).take(LISTED).collect();
    let is_more = marks.len() > begin.saturating_add(LISTED);
    // The next page begins behind so many marks of the moment of the last.
    let next = shown.last().filter(|_| is_more).map(|last| {
        let same = marks.iter().take(begin.saturating_add(LISTED)).filter(|m| m.at == last.at).count();
        format!("?from={from}&to={to}&before={}-{same}#list", last.at.0)
    });
    html(&TimelinePage {
        frame: visit.frame(format!("Timeline of {}", at.row.title), "timeline"),
        name: at.row.name.clone(),
        first: day(period.0),
        last: day(Timestamp(period.1.0.saturating_sub(1))),
        days,
        lengths: PERIODS.iter().map(|(n, said)| (*n, *said, *n == days)).collect(),
        lanes,
        rows: shown.into_iter().map(row).collect(),
        all: marks.len(),
        cut,
        next,
        from,
        to,
    })
}

/// The period that is asked for: days that end today, or from one day to another.
fn period(visit: &Visit) -> Period {
    let today = Timestamp(visit.now.days().saturating_add(1).saturating_mul(MS_PER_DAY));
    let long = |days: u64| days.saturating_mul(MS_PER_DAY);
    let (from, to) = (end_of(visit.query.get("from")), end_of(visit.query.get("to")));
    if let (Some(from), Some(to)) = (from, to) {
        let to = to.min(today);
        let from = Timestamp(from.0.saturating_sub(MS_PER_DAY).max(to.0.saturating_sub(long(MOST_DAYS))));
        return (Timestamp(from.0.min(to.0.saturating_sub(MS_PER_DAY))), to);
    }
    let days = visit
        .query
        .get("days")
        .parse()
        .ok()
        .filter(|days| PERIODS.iter().any(|(n, _)| n == days))
        .unwrap_or(DEFAULT_DAYS);
    (Timestamp(today.0.saturating_sub(long(days))), today)
}

/// Where the table begins: behind so many marks of a moment.
fn begin(marks: &[Mark], before: &str) -> usize {
    let key = before.split_once('-').and_then(|(at, n)| Some((at.parse::<u64>().ok()?, n.parse::<usize>().ok()?)));
    let Some((at, skip)) = key else { return 0 };
    let newer = marks.iter().take_while(|mark| mark.at.0 > at).count();
    let same = marks.iter().filter(|mark| mark.at.0 == at).count();
    newer.saturating_add(skip.min(same))
}

fn marks(desk: &Desk, at: &AtClinic, period: Period) -> Result<(Vec<Mark>, bool), StoreError> {
    let (name, store) = (&at.row.name, &at.store);
    let steps = store.steps_between(period, MOST_OF_A_KIND)?;
    let (hosts, services) = store.first_heard(period, MOST_OF_A_KIND)?;
    let decisions = store.decided_between(period, MOST_OF_A_KIND)?;
    let stated = store.stated_of_sensors(period, MOST_OF_A_KIND)?;
    let most = usize::try_from(MOST_OF_A_KIND).unwrap_or(usize::MAX);
    let cut = [steps.len(), hosts.len(), services.len(), decisions.len(), stated.len()].contains(&most);
    let mut marks: Vec<Mark> =
        steps.iter().map(|(sensor, step)| of_step(&desk.knowledge, name, *sensor, step)).collect();
    marks.extend(hosts.iter().map(|host| Mark {
        at: host.first,
        lane: DEVICES,
        level: None,
        gone: false,
        said: format!("{} first heard", sentence(&device(host.host))),
        href: asset(name, host.rank, host.sensor, host.host.0),
    }));
    marks.extend(services.iter().map(|service| of_service(name, service)));
    marks.extend(decisions.iter().map(|decision| of_decision(&desk.knowledge, name, decision)));
    let in_period = |event: &&PlanEvent| event.at >= period.0 && event.at < period.1;
    marks.extend(store.plan_events()?.iter().filter(in_period).map(|event| of_plan(name, event)));
    marks.extend(stated.into_iter().map(|(when, sensor, kind, text)| {
        let word = if kind == LeafKind::KeyRotation { "changed its key" } else { state(&text) };
        let said = format!("Sensor {} {word}", sensor.to_string().get(..8).unwrap_or_default());
        Mark { at: when, lane: SENSORS, level: None, gone: false, said, href: format!("/clinics/{name}/sensors") }
    }));
    Ok((marks, cut))
}

/// What a statement about a sensor says that it is.
fn state(text: &str) -> &'static str {
    match text.lines().find_map(|line| line.strip_prefix("state ")) {
        Some("active") => "was let in",
        Some("revoked") => "was shut out",
        Some("quarantine") => "contradicted itself and was set aside",
        Some("pending") => "said hello and waits for a person",
        _ => "changed",
    }
}

fn of_step(knowledge: &Knowledge, clinic: &str, sensor: SensorId, step: &StepRow) -> Mark {
    let subject: Option<Subject> = postcard::from_bytes(&step.subject).ok();
    let lane = match subject {
        Some(Subject::Service(..)) => SERVICES,
        Some(Subject::Host(_)) => DEVICES,
        Some(Subject::Wireless(_)) => WIFI,
        _ if sensor == NOBODY => REVIEWS,
        _ => SENSORS,
    };
    let title = knowledge.rule(&step.rule).map_or("A finding of an older catalogue", Rule::title);
    let about = if sensor == NOBODY { "the clinic".to_owned() } else { about(subject) };
    let said = match step.what.as_str() {
        "fixed" => format!("Gone: {title}; {about}"),
        "opened" => format!("{title}; {about}"),
        what => format!("{}: {title}; {about}", sentence(what)),
    };
    let href = finding(clinic, sensor, &step.rule, &step.subject);
    Mark { at: step.at, lane, level: Some(step.severity), gone: step.what == "fixed", said, href }
}

fn of_service(clinic: &str, service: &AssetService) -> Mark {
    let AssetService { sensor, host, transport, port, protocol, first, .. } = service;
    let what = if protocol.is_empty() { "something".to_owned() } else { protocol.to_uppercase() };
    Mark {
        at: *first,
        lane: SERVICES,
        level: None,
        gone: false,
        said: match transport.as_str() {
            "link" => format!("{what} of {} first heard", device(*host)),
            _ => format!("{what} at {transport} {port} of {} first heard", device(*host)),
        },
        // Its device is the first of that page.
        href: asset(clinic, 1, *sensor, host.0),
    }
}

fn of_decision(knowledge: &Knowledge, clinic: &str, decision: &Decision) -> Mark {
    let title = knowledge.rule(&decision.rule).map_or("a finding of an older catalogue", Rule::title);
    let did = match decision.what.as_str() {
        "accepted" => "accepted the risk",
        "not-true" => "said that it is not so",
        "fixed" => "said that it was mended",
        _ => "opened it again",
    };
    Mark {
        at: decision.decided,
        lane: DECISIONS,
        level: None,
        gone: false,
        said: format!("{} {did}: {title}", decision.person),
        href: finding(clinic, decision.sensor, &decision.rule, &decision.subject),
    }
}

fn of_plan(clinic: &str, event: &PlanEvent) -> Mark {
    let PlanEvent { person, topic, matter, .. } = event;
    let (lane, said) = match event.what.as_str() {
        "planned" => (REVIEWS, format!("{person} planned the next review")),
        "held" => (REVIEWS, format!("{person} wrote down a review that was held")),
        "noted" => (REVIEWS, format!("{person} commented on the reviews")),
        "opened" => (DECISIONS, format!("{person} opened the breach matter {topic}")),
        "told" => (DECISIONS, format!("{person} wrote down a notice: {topic}")),
        "not-needed" => (DECISIONS, format!("{person} said that a notice is not needed: {topic}")),
        "moved" => (DECISIONS, format!("{person} corrected the discovery of breach matter {matter}")),
        "applies" => (DECISIONS, format!("{person} chose the laws of breach matter {matter}")),
        "closed" => (DECISIONS, format!("{person} closed breach matter {matter}")),
        _ => (DECISIONS, format!("{person} opened breach matter {matter} again")),
    };
    let href = match matter {
        0 => format!("/clinics/{clinic}/reviews"),
        matter => format!("/clinics/{clinic}/deadlines/{matter}"),
    };
    Mark { at: event.at, lane, level: None, gone: false, said, href }
}

fn finding(clinic: &str, sensor: SensorId, rule: &str, subject: &[u8]) -> String {
    format!("/clinics/{clinic}/findings/{sensor}/{rule}/{}", hex(subject))
}

/// The page of assets that begins with a host.
fn asset(clinic: &str, rank: u8, sensor: SensorId, host: u64) -> String {
    format!("/clinics/{clinic}/assets?after={rank}-{sensor}-{:016x}#h{host:016x}", host.saturating_sub(1))
}

fn row(mark: &Mark) -> Row {
    Row {
        at: moment(mark.at),
        lane: LANES.get(mark.lane).copied().unwrap_or_default(),
        level: mark.level.filter(|_| !mark.gone).map(level),
        said: mark.said.clone(),
        href: mark.href.clone(),
    }
}

/// A lane: marks in columns, as high as the worst of a column; what went, and what is neither good nor bad, is low and hollow.
fn strip(marks: &[&Mark], (from, to): Period, path: &str) -> String {
    let length = to.since_ms(from).max(1);
    let mut columns: Vec<Vec<&Mark>> = vec![Vec::new(); COLUMNS];
    for mark in marks {
        let place = mark.at.since_ms(from).saturating_mul(COLUMNS as u64).checked_div(length);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(column) = place.and_then(|n| columns.get_mut(n)) {
            column.push(mark);
        }
    }
    let mut svg = format!(
        "<svg class=\"lane\" aria-hidden=\"true\" viewBox=\"0 0 {} 30\" preserveAspectRatio=\"none\">",
        COLUMNS * CELL
    );
    let _ = write!(svg, "<path class=\"ground\" d=\"M0 29.5H{}\"/>", COLUMNS * CELL);
    for (n, column) in columns.iter().enumerate().filter(|(_, column)| !column.is_empty()) {
        let worst = column.iter().filter(|m| !m.gone).filter_map(|m| m.level).max();
        let (class, height) = match worst {
            Some(number) => (level(number).class, HEIGHTS.get(usize::from(number)).copied().unwrap_or(28)),
            None if column.iter().all(|m| m.gone) => ("gone", 12),
            None => ("plain", 12),
        };
        let said = match column.as_slice() {
            [one] => format!("{}: {}", day(one.at), one.said),
            many => counted(many.len(), "mark"),
        };
        let href = match column.as_slice() {
            [one] => one.href.clone(),
            _ => {
                let place = |n: usize| {
                    let all = length.saturating_mul(u64::try_from(n).unwrap_or(0));
                    Timestamp(from.0.saturating_add(all.checked_div(COLUMNS as u64).unwrap_or(0)))
                };
                let end = Timestamp(place(n.saturating_add(1)).0.saturating_sub(1));
                format!("{path}?from={}&to={}#list", date(place(n)), date(end))
            }
        };
        let _ = write!(
            svg,
            "<a href=\"{}\" tabindex=\"-1\"><title>{}</title><rect class=\"m-{class}\" x=\"{}\" y=\"{}\" width=\"14\" height=\"{height}\"/></a>",
            escaped(&href),
            escaped(&said),
            n.saturating_mul(CELL).saturating_add(3),
            29usize.saturating_sub(height)
        );
    }
    svg + "</svg>"
}

const LANES: [&str; 6] = ["Services", "Devices", "Wi-Fi", "Sensors", "Decisions", "Reviews"];
const SERVICES: usize = 0;
const DEVICES: usize = 1;
const WIFI: usize = 2;
const SENSORS: usize = 3;
const DECISIONS: usize = 4;
const REVIEWS: usize = 5;
/// The height of a column by the worst in it: note, low, medium, high, critical.
const HEIGHTS: [usize; 5] = [8, 12, 17, 22, 28];
/// Columns of a lane: more would not be told apart, and the page stays below 150 kB.
const COLUMNS: usize = 50;
/// Units of a column.
const CELL: usize = 20;
/// Periods that a link chooses, in days.
const PERIODS: [(u64, &str); 4] = [(7, "Week"), (30, "Month"), (90, "Quarter"), (365, "Year")];
const DEFAULT_DAYS: u64 = 30;
/// The longest period: what is judged again after a rebuild.
const MOST_DAYS: u64 = 400;
/// Marks of a kind that are looked at in a period.
const MOST_OF_A_KIND: u32 = 2_000;
/// Rows of the table.
const LISTED: usize = 100;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    fn mark(at: u64, level: Option<u8>, gone: bool) -> Mark {
        let (said, href) = ("<b> & more".to_owned(), "/x?a=1&b=2".to_owned());
        Mark { at: Timestamp(at), lane: 0, level, gone, said, href }
    }

    #[test]
    fn marks_that_lie_together_are_one_as_high_as_the_worst() {
        let marks =
            [mark(10, Some(1), false), mark(11, Some(4), false), mark(12, None, false), mark(900, Some(3), true)];
        let svg = strip(&marks.iter().collect::<Vec<_>>(), (Timestamp(0), Timestamp(1_000)), "/clinics/a/timeline");
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert!(svg.contains("m-critical") && svg.contains("3 marks") && svg.contains("m-gone"), "{svg}");
        assert!(svg.contains("&lt;b&gt; &amp; more") && svg.contains("a=1&amp;b=2") && !svg.contains("<b>"), "{svg}");
    }

    #[test]
    fn a_page_of_the_table_begins_behind_the_marks_of_the_page_before() {
        let marks: Vec<Mark> = [50, 40, 40, 40, 30].map(|at| mark(at, None, false)).into_iter().collect();
        assert_eq!(["", "x", "40", "60-0"].map(|key| begin(&marks, key)), [0; 4]);
        assert_eq!(["50-1", "40-2", "40-9", "30-1", "45-0"].map(|key| begin(&marks, key)), [1, 3, 4, 5, 1]);
    }
}
