//! The sensors of a clinic: what each may, when it was heard, whether its chain is whole, how it is; letting in and shutting out.
//!
//! Keeps: the new state, which the store states in the ledger. Drops: a change without a reason.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::matters::sensor_id;
use super::page::{Answered, Frame, html, redirect};
use super::problem::Problem;
use super::words::{ago, is_recent, lasting, moment};
use crate::access::Right;
use crate::store::{SensorDetail, SensorState, StoreError};
use askama::Template;
use auscult_report::fingerprint::fingerprint_words;
use auscult_report::heartbeat::{Health, Heartbeat};
use auscult_report::time::Timestamp;
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "sensors.html")]
struct SensorsPage {
    frame: Frame,
    name: String,
    title: String,
    sensors: Vec<Card>,
    may: bool,
    wrong: &'static str,
}

/// A sensor.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) site: String,
    /// The state's word in the data base.
    pub(super) state: &'static str,
    /// How it is, in a sentence.
    pub(super) says: String,
    /// The class of the stylesheet.
    pub(super) tone: &'static str,
    pub(super) words: Vec<&'static str>,
    pub(super) agent: String,
    pub(super) peer: String,
    pub(super) enrolled: String,
    pub(super) same: Vec<String>,
    pub(super) why: String,
    pub(super) changed: String,
    pub(super) reports: u64,
    pub(super) chain: String,
    pub(super) missing: Vec<String>,
    pub(super) clock: String,
    pub(super) health: Vec<(&'static str, String)>,
}

pub(super) fn page(_: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(visit, "")?)
}

/// Lets a sensor in, or shuts it out.
pub(super) fn set(_: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor) = (visit.clinic()?, visit.visitor()?);
    let sensor = sensor_id(visit.part("sensor"))?;
    let known = at.store.sensors().map_err(|_| Problem::BUSY)?.into_iter().find(|s| s.id == sensor);
    let known = known.ok_or(Problem::NOT_FOUND)?;
    let why: String = visit.form.get("why").split_whitespace().collect::<Vec<_>>().join(" ");
    let state = match visit.form.get("state") {
        "active" => SensorState::Active,
        "revoked" => SensorState::Revoked,
        _ => return Err(Problem::FORM),
    };
    // Whoever compares the words of a new sensor has said enough.
    let is_new = known.state == SensorState::Pending;
    let why = match (is_new, state) {
        (true, SensorState::Active) => "words compared".to_owned(),
        (true, _) => "words do not match".to_owned(),
        (false, _) if !(10..=200).contains(&why.chars().count()) => {
            let page = made(visit, "Say why, in 10 to 200 characters: a reviewer will read it.")?;
            return super::page::html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        (false, _) => why,
    };
    let why = format!("{why} ({})", visitor.name);
    at.store.set_state(sensor, state, &why, visit.now).map_err(|_| Problem::BUSY)?;
    let back = visit.form.get("back");
    let here = format!("/clinics/{}/", at.row.name);
    let back = super::guard::own_path(back);
    Ok(redirect(if back.starts_with(&here) { back.to_owned() } else { format!("{here}sensors") }.as_str()))
}

fn made(visit: &Visit, wrong: &'static str) -> Result<SensorsPage, Problem> {
    let at = visit.clinic()?;
    let details = at.store.sensor_details().map_err(|_| Problem::BUSY)?;
    let sensors: Result<Vec<Card>, StoreError> = details.iter().map(|d| card(at, d, visit.now)).collect();
    let mut sensors = sensors.map_err(|_| Problem::BUSY)?;
    sensors.sort_by_key(|card| match card.state {
        "pending" => 0,
        "quarantine" => 1,
        "active" => 2,
        _ => 3,
    });
    Ok(SensorsPage {
        frame: visit.frame(format!("Sensors of {}", at.row.title), "sensors"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        sensors,
        may: at.role.may(Right::Sensors),
        wrong,
    })
}

/// A sensor with all that is known of it.
pub(super) fn card(at: &AtClinic, detail: &SensorDetail, now: Timestamp) -> Result<Card, StoreError> {
    let id = detail.row.id;
    let (head, holes) = at.store.durable(id)?;
    let keys = at.store.keys(id)?;
    let hint = at.store.hint(id)?;
    let serial = hint.as_ref().and_then(|h| h.serial);
    let same = serial.map(|s| at.store.same_machine(id, &s)).transpose()?.unwrap_or_default();
    let beat = detail.heartbeat.as_ref().and_then(|octets| keys.iter().find_map(|k| Heartbeat::open(octets, k).ok()));
    // What came after the sign of life tells of itself.
    let is_deaf = beat.as_ref().is_some_and(|beat| !beat.health.capturing && detail.beat >= detail.spoke);
    let (says, tone) = says(detail, is_deaf, now);
    Ok(Card {
        id: id.to_string(),
        site: detail.site_title.clone(),
        state: detail.row.state.word(),
        says,
        tone,
        words: keys.first().map(|key| fingerprint_words(key).to_vec()).unwrap_or_default(),
        agent: hint.as_ref().map(|h| h.agent.clone()).unwrap_or_default(),
        peer: hint.as_ref().map(|h| h.peer.clone()).unwrap_or_default(),
        enrolled: hint.as_ref().map(|h| moment(h.enrolled)).unwrap_or_default(),
        same: same.iter().map(ToString::to_string).collect(),
        why: detail.row.why.clone(),
        changed: moment(detail.changed),
        reports: detail.reports,
        chain: head.map_or_else(String::new, |h| format!("{}-{}", h.place.epoch, h.place.seq)),
        missing: holes.iter().map(|h| format!("{}-{} to {}-{}", h.epoch, h.from, h.epoch, h.to)).collect(),
        clock: clock(detail.clock_off_ms),
        health: beat.map(|beat| health(&beat.health, detail.beat, now)).unwrap_or_default(),
    })
}

/// How it is, in a sentence.
fn says(detail: &SensorDetail, is_deaf: bool, now: Timestamp) -> (String, &'static str) {
    let newest = detail.spoke.max(detail.beat);
    match detail.row.state {
        SensorState::Pending => ("Waits for somebody to compare its words.".to_owned(), "fair"),
        SensorState::Quarantine => {
            ("Its reports contradict each other: perhaps a copy of it is at work.".to_owned(), "bad")
        }
        SensorState::Revoked => ("Shut out: nothing of it is taken in.".to_owned(), "plain"),
        SensorState::Active if newest.0 == 0 => ("Let in; its first report has not come yet.".to_owned(), "fair"),
        SensorState::Active if is_recent(newest, now) && is_deaf => {
            let why = "but not hearing with all that it has: an interface is down, or its capture ended";
            (format!("Alive, last heard {}, {why}.", ago(newest, now)), "fair")
        }
        SensorState::Active if is_recent(newest, now) => {
            (format!("Listening; last heard {}.", ago(newest, now)), "good")
        }
        SensorState::Active => (format!("Silent: last heard {}.", ago(newest, now)), "bad"),
    }
}

/// How far a clock is off, in words.
fn clock(off_ms: i64) -> String {
    match off_ms.unsigned_abs() {
        0..5_000 => "right".to_owned(),
        ms => format!("{} {}", lasting(ms), if off_ms > 0 { "ahead" } else { "behind" }),
    }
}

fn health(health: &Health, at: Timestamp, now: Timestamp) -> Vec<(&'static str, String)> {
    let lost = match health.frames {
        0 => "nothing heard yet".to_owned(),
        frames => format!("{} of {frames}", health.frames_lost),
    };
    vec![
        ("Sign of life", ago(at, now)),
        ("Capture", if health.capturing { "runs".to_owned() } else { "does not run".to_owned() }),
        ("Program", health.program.map_or_else(|| "not said".to_owned(), |v| v.as_str().to_owned())),
        ("Frames lost", lost),
        ("Reports waiting", health.waiting.to_string()),
        ("Free memory", format!("{} MiB", health.memory_free_kib / 1_024)),
        ("Free disk", format!("{} MiB", health.disk_free_kib / 1_024)),
        ("Load", format!("{} %", health.load_thousandths / 10)),
    ]
}
