//! A clinic on one page: three sentences, its year, who can reach what, what is open. Made to be printed and signed.
//!
//! Keeps: nothing. Drops: boxes of the picture beyond [`MOST_BOXES`]; the table below it has them all.

use super::Desk;
use super::api::{behind, cursor};
use super::guard::Visit;
use super::matters::{Matter, matters};
use super::page::{Answered, Frame, html};
use super::picture::{Box_, exposure, months, strip};
use super::problem::Problem;
use super::words::{ago, counted, day, is_recent, level, moment};
use crate::judge::Standing;
use crate::store::{NOBODY, SensorState, StoreError, Watched};
use askama::Template;
use auscult_report::subject::Subject;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "clinic.html")]
struct ClinicPage<'d> {
    frame: Frame,
    name: String,
    title: String,
    sentences: [String; 3],
    tone: &'static str,
    strip: String,
    months: Vec<(u64, String)>,
    picture: String,
    boxes: Vec<Box_>,
    more_boxes: usize,
    open: Vec<Matter<'d>>,
    all_open: usize,
    /// Where the rest of what is open begins.
    next: Option<String>,
    decided: Vec<(String, Matter<'d>)>,
    sensors: usize,
    ledger: Option<(u64, String)>,
    /// How far reviewers have cosigned it.
    cosigned: String,
    printed: String,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit)?)
}

fn made<'d>(desk: &'d Desk, visit: &Visit) -> Result<ClinicPage<'d>, Problem> {
    let (at, now) = (visit.clinic()?, visit.now);
    let busy = |_: StoreError| Problem::BUSY;
    let found = matters(desk, (&at.row.name, &at.store), now).map_err(busy)?;
    let sensors = at.store.watched().map_err(busy)?;
    let (opened, mended) = changes(desk, visit).map_err(busy)?;
    let head = at.store.ledger_head().map_err(busy)?;
    let (mut open, decided): (Vec<Matter<'d>>, Vec<Matter<'d>>) = found.into_iter().partition(Matter::is_open);
    let mut boxes = boxes(open.iter().chain(&decided));
    let more_boxes = boxes.len().saturating_sub(MOST_BOXES);
    boxes.truncate(MOST_BOXES);
    let record = head.map(|(size, _)| size);
    let sentences = [safety(&open, &sensors), course(opened, mended), hearing(&sensors, record, now)];
    let tone = match open.first() {
        _ if sensors.is_empty() => "plain",
        Some(worst) if worst.row.severity >= 3 => "bad",
        Some(_) => "fair",
        None => "good",
    };
    let all_open = open.len();
    if let Some(after) = behind::<Place>("clinic", visit.query.get("after")) {
        open.retain(|matter| place(matter) > after);
    }
    let is_more = open.len() > LISTED;
    open.truncate(LISTED);
    let next = open.last().filter(|_| is_more).map(|last| cursor("clinic", &place(last)));
    Ok(ClinicPage {
        frame: visit.frame(at.row.title.clone(), "clinic"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        sentences,
        tone,
        strip: strip(&at.store.strip().map_err(busy)?, YEAR, now),
        months: months(YEAR, now),
        picture: exposure(&boxes),
        boxes,
        more_boxes,
        open,
        all_open,
        next,
        decided: decided.into_iter().take(LISTED).map(|m| (stands(m.standing), m)).collect(),
        sensors: sensors.len(),
        ledger: head.map(|(size, changed)| (size, moment(changed))),
        cosigned: super::cosign::sentence(at, record.unwrap_or(0)).map_err(busy)?,
        printed: moment(now),
    })
}

/// Where a matter stands in the list: the worst first, then the oldest.
type Place = (u8, u64, String, Vec<u8>, [u8; 16]);

fn place(matter: &Matter<'_>) -> Place {
    let row = &matter.row;
    let weight = u8::MAX.saturating_sub(row.severity);
    (weight, row.opened.0, row.rule.clone(), row.subject.clone(), matter.sensor.0)
}

/// How a matter stands, in words.
fn stands(standing: Standing) -> String {
    match standing {
        Standing::Accepted(until) => format!("accepted until {}", day(Timestamp(until.0.saturating_sub(1)))),
        Standing::NotTrue => "marked as not so".to_owned(),
        Standing::Watched => "said to be mended; it is listened for".to_owned(),
        Standing::Open => "open".to_owned(),
        Standing::Gone => "gone".to_owned(),
    }
}

/// Are we safe?
fn safety(open: &[Matter<'_>], sensors: &[Watched]) -> String {
    let urgent = open.iter().filter(|m| m.row.severity >= 3).count();
    match (open.first(), urgent) {
        _ if sensors.is_empty() => "No sensor listens here yet, so nothing is known.".to_owned(),
        (None, _) => "Nothing is open.".to_owned(),
        (Some(_), 0) => format!("Nothing is urgent; {} can be mended in time.", counted(open.len(), "matter")),
        (Some(worst), 1) => format!("One matter is urgent: {}.", uncapitalised(worst.title)),
        (Some(worst), n) => format!("{n} matters are urgent. The worst: {}.", uncapitalised(worst.title)),
    }
}

/// Has it become better?
fn course(opened: usize, mended: usize) -> String {
    match (opened, mended) {
        (0, 0) => "In the last 30 days nothing changed.".to_owned(),
        (0, m) => format!("In the last 30 days {} gone and nothing new appeared.", was(m)),
        (o, 0) => format!("In the last 30 days {} new and nothing was mended.", was(o)),
        (o, m) => format!("In the last 30 days {} new and {m} {} gone.", was(o), if m == 1 { "is" } else { "are" }),
    }
}

fn was(count: usize) -> String {
    if count == 1 { "1 matter is".to_owned() } else { format!("{count} matters are") }
}

/// Was it watched, and can that be proved?
fn hearing(sensors: &[Watched], record: Option<u64>, now: Timestamp) -> String {
    let active = sensors.iter().filter(|s| s.state == SensorState::Active);
    let heard = active.clone().filter(|s| is_recent(s.heard(), now)).count();
    let newest = active.clone().map(Watched::heard).max().unwrap_or_default();
    let all = active.count();
    let listened = match (all, heard) {
        (0, _) => return "Nobody listens: no sensor is let in.".to_owned(),
        (1, 1) => "The sensor is listening".to_owned(),
        (n, h) if n == h => format!("All {n} sensors are listening"),
        (1, _) => format!("The sensor was last heard {}", ago(newest, now)),
        (n, h) => format!("{h} of {n} sensors are listening; the last sign of one came {}", ago(newest, now)),
    };
    match record {
        Some(size) => format!("{listened}, and {} of the record are sealed.", entries(size)),
        None => format!("{listened}."),
    }
}

fn entries(size: u64) -> String {
    counted(usize::try_from(size).unwrap_or(usize::MAX), "entry")
}

fn uncapitalised(title: &str) -> String {
    let mut chars = title.chars();
    let second_is_small = title.chars().nth(1).is_some_and(|c| c.is_lowercase() || c == ' ');
    match chars.next() {
        Some(first) if second_is_small => first.to_lowercase().chain(chars).collect(),
        _ => title.to_owned(),
    }
}

/// Matters that opened and that went in the last thirty days.
fn changes(desk: &Desk, visit: &Visit) -> Result<(usize, usize), StoreError> {
    let Some(at) = &visit.at else { return Ok((0, 0)) };
    let since = visit.now.0.saturating_sub(30 * MS_PER_DAY);
    let (mut opened, mut mended) = (0usize, 0usize);
    let sensors = at.store.sensors()?.into_iter().map(|sensor| sensor.id).chain([NOBODY]);
    for sensor in sensors {
        for step in at.store.finding_steps(sensor)? {
            if step.at.0 < since || desk.knowledge.rule(&step.rule).is_none() {
                continue;
            }
            match step.what.as_str() {
                "opened" | "came back" => opened = opened.saturating_add(1),
                "fixed" => mended = mended.saturating_add(1),
                _ => {}
            }
        }
    }
    Ok((opened, mended))
}

/// A box for each device, network or place that something is open about, the worst first.
fn boxes<'a, 'd: 'a>(found: impl Iterator<Item = &'a Matter<'d>>) -> Vec<Box_> {
    let mut boxes: BTreeMap<(usize, String), Box_> = BTreeMap::new();
    for matter in found {
        let column = match matter.subject {
            Some(Subject::Wireless(_)) => 1,
            Some(Subject::Host(_) | Subject::Service(..)) => 0,
            _ => 2,
        };
        let about = matter.about.strip_prefix("the ").unwrap_or(&matter.about);
        let name = super::words::sentence(about.strip_prefix("Wi-Fi network ").unwrap_or(about));
        let new = || Box_ { column, name: name.clone(), level: 0, matters: 0, outside: false };
        let found = boxes.entry((column, name.clone())).or_insert_with(new);
        found.level = found.level.max(matter.row.severity);
        found.matters = found.matters.saturating_add(1);
        found.outside |= matter.outside;
    }
    let mut boxes: Vec<Box_> = boxes.into_values().collect();
    boxes.sort_by_key(|b| (u8::MAX.saturating_sub(b.level), !b.outside));
    boxes
}

/// Days of the strip.
const YEAR: u64 = 365;
/// Matters of a page: with its pictures it stays below 150 kB.
const LISTED: usize = 150;
/// More nobody takes in at a glance.
const MOST_BOXES: usize = 24;
