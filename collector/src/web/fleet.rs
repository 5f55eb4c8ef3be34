//! Fleet: a row a clinic with its ninety days, the one that needs most first.
//!
//! Keeps: nothing. Drops: what is behind the page; the next page begins behind the last name.

use super::Desk;
use super::guard::Visit;
use super::matters::standings;
use super::page::{Answered, Frame, html};
use super::picture::strip;
use super::problem::Problem;
use super::words::{Level, ago, counted, level};
use crate::judge::Standing;
use crate::store::{ClinicRow, ClinicStore, SensorState, StoreError};
use askama::Template;
use auscult_report::time::Timestamp;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetPage<'a> {
    frame: Frame,
    rows: Vec<Row>,
    all: usize,
    found: usize,
    filter: &'a str,
    order: &'a str,
    next: Option<String>,
    days: u64,
    may_apply: bool,
}

/// A clinic.
struct Row {
    name: String,
    title: String,
    strip: String,
    worst: Option<Level>,
    open: usize,
    active: usize,
    hearing: usize,
    waiting: usize,
    heard: String,
    rank: (u8, usize),
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let clinics = desk.people.clinics(visit.visitor()?, visit.now).map_err(|_| Problem::BUSY)?;
    let (all, filter) = (clinics.len(), visit.query.get("q").trim());
    let order = if visit.query.get("order") == "name" { "name" } else { "need" };
    let wanted = filter.to_lowercase();
    let mut rows = Vec::new();
    for (row, store) in &clinics {
        if wanted.is_empty() || row.title.to_lowercase().contains(&wanted) || row.name.contains(&wanted) {
            rows.push(clinic((row, store), visit.now).map_err(|_| Problem::BUSY)?);
        }
    }
    if order == "need" {
        rows.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.title.cmp(&b.title)));
    } else {
        rows.sort_by_key(|row| row.title.to_lowercase());
    }
    let found = rows.len();
    let after = visit.query.get("after");
    let begin = rows.iter().position(|row| row.name == after).map_or(0, |at| at.saturating_add(1));
    let mut rows: Vec<Row> = rows.into_iter().skip(begin).take(PAGE.saturating_add(1)).collect();
    let is_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    for row in &mut rows {
        let store = clinics.iter().find(|(c, _)| c.name == row.name).map(|(_, store)| store);
        let days = store.map(ClinicStore::strip).transpose().map_err(|_| Problem::BUSY)?.unwrap_or_default();
        row.strip = strip(&days, DAYS, visit.now);
    }
    let next = rows.last().filter(|_| is_more).map(|last| last.name.clone());
    let (frame, may_apply) = (visit.frame("Fleet", "fleet"), visit.visitor()?.admin);
    html(&FleetPage { frame, rows, all, found, filter, order, next, days: DAYS, may_apply })
}

fn clinic((row, store): (&ClinicRow, &ClinicStore), now: Timestamp) -> Result<Row, StoreError> {
    let standings = standings(store, now)?;
    let open: Vec<u8> =
        standings.iter().filter(|(.., s)| *s == Standing::Open).map(|(_, row, _)| row.severity).collect();
    let sensors = store.watched()?;
    let active = sensors.iter().filter(|s| s.state == SensorState::Active);
    let hearing = active.clone().filter(|s| now.since_ms(s.spoke) < RECENT_MS).count();
    let waiting = sensors.iter().filter(|s| matches!(s.state, SensorState::Pending | SensorState::Quarantine)).count();
    let heard = active.clone().map(|s| s.spoke).max().unwrap_or_default();
    let worst = open.iter().copied().max();
    Ok(Row {
        name: row.name.clone(),
        title: row.title.clone(),
        strip: String::new(),
        worst: worst.map(level),
        open: open.len(),
        active: active.count(),
        hearing,
        waiting,
        heard: ago(heard, now),
        rank: (worst.map_or(0, |w| w.saturating_add(1)).max(if waiting > 0 { 4 } else { 0 }), open.len()),
    })
}

/// Days of a strip.
const DAYS: u64 = 90;
/// Clinics of a page: with their strips it stays below 150 kB.
const PAGE: usize = 50;
/// As on the front page.
const RECENT_MS: u64 = 2 * 3_600_000;
