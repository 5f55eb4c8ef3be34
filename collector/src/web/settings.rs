//! Settings: what this archive works with, and where each thing is changed; clinics, sign-in, retention, ledgers, the archive's health.
//!
//! Keeps: nothing: where the settings file is the truth, the page says which line to change. Drops: contents of secret files; their
//! paths alone are shown.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html};
use super::problem::Problem;
use super::words::{ago, lasting, moment};
use crate::config::Config;
use crate::store::{SensorState, StoreError};
use askama::Template;
use auscult_report::time::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sysinfo::Disks;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    health: Vec<(&'static str, String, bool)>,
    clinics: Vec<Clinic>,
    all: usize,
    next: Option<String>,
    groups: Vec<Group>,
}

/// A heading, and of each line: what it is, its value, the key in the settings file.
type Group = (&'static str, Vec<(&'static str, String, &'static str)>);

/// A clinic.
struct Clinic {
    name: String,
    title: String,
    sites: Vec<String>,
    sensors: usize,
    quota: String,
    size: u64,
    sealed: String,
    origin: String,
    key: String,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let now = visit.now;
    let busy = |_: StoreError| Problem::BUSY;
    let rows = desk.store.clinics().map_err(busy)?;
    let after = visit.query.get("after");
    let begin = rows.iter().position(|row| row.name == after).map_or(0, |n| n.saturating_add(1));
    let (mut clinics, mut queued, mut newest) = (Vec::new(), 0u64, Timestamp(0));
    for (n, row) in rows.iter().enumerate() {
        let store = desk.store.clinic_with(row.id);
        let head = store.ledger_head().map_err(busy)?;
        queued = queued.saturating_add(store.queued().map_err(busy)?);
        newest = newest.max(head.map_or(Timestamp(0), |(_, at)| at));
        if n < begin || n >= begin.saturating_add(PAGE) {
            continue;
        }
        let sensors = store.sensors().map_err(busy)?;
        clinics.push(Clinic {
            name: row.name.clone(),
            title: row.title.clone(),
            sites: store.sites().map_err(busy)?.into_iter().map(|(_, title)| title).collect(),
            sensors: sensors.iter().filter(|s| s.state == SensorState::Active).count(),
            quota: mib(row.quota_octets_day),
            size: head.map_or(0, |(size, _)| size),
            sealed: ago(head.map_or(Timestamp(0), |(_, at)| at), now),
            origin: desk.ledger.origin(row),
            key: desk.ledger.key(row).map(|key| key.vkey()).unwrap_or_default(),
        });
    }
    let is_more = rows.len() > begin.saturating_add(PAGE);
    html(&SettingsPage {
        frame: visit.frame("Settings", "settings"),
        health: health(desk, queued, newest, now),
        next: clinics.last().filter(|_| is_more).map(|last| last.name.clone()),
        clinics,
        all: rows.len(),
        groups: groups(&desk.config, desk),
    })
}

/// How the archive is: what, its value, whether that is well.
fn health(desk: &Desk, queued: u64, newest: Timestamp, now: Timestamp) -> Vec<(&'static str, String, bool)> {
    let config = &desk.config;
    let size: u64 = ["", "-wal"]
        .iter()
        .filter_map(|end| std::fs::metadata(format!("{}{end}", config.store.display())).ok())
        .fold(0, |all, file| all.saturating_add(file.len()));
    let free = free(&config.store);
    let is_well = desk.ledgers_well.load(Ordering::Relaxed);
    vec![
        (
            "Data base",
            format!("{} of {}", mib(size), mib(config.most_octets)),
            size < config.most_octets.saturating_sub(config.most_octets / 10),
        ),
        (
            "Free on its disk",
            free.map_or_else(|| "not known".to_owned(), mib),
            free.is_none_or(|free| free > LEAST_FREE),
        ),
        ("Waiting for the record", queued.to_string(), queued < MOST_QUEUED),
        ("Record last sealed", ago(newest, now), true),
        (
            "Rounds of the record",
            if is_well { "end well" } else { "do not end: the program's log says why" }.to_owned(),
            is_well,
        ),
        ("Time of this archive", moment(now), true),
    ]
}

/// Octets that are free where a file lies.
fn free(file: &Path) -> Option<u64> {
    let file = file.canonicalize().ok()?;
    let disks = Disks::new_with_refreshed_list().ok()?;
    let mounted = disks.iter().filter(|d| file.starts_with(d.mount_point()));
    mounted.max_by_key(|d| d.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

fn groups(config: &Config, desk: &Desk) -> Vec<Group> {
    let path = |path: &Path| path.display().to_string();
    let agents = config.agents.as_ref();
    let none = || "not opened".to_owned();
    let certificate = config.people_files.as_ref().map_or_else(
        || "one of this archive's own authority; a browser warns of it once".to_owned(),
        |(certificate, _)| path(certificate),
    );
    vec![
        ("Sign-in", vec![
            ("How people sign in", "password and a second factor (six digits), made with a one-time code".to_owned(), ""),
            ("A session ends", "after half an hour without a page, and after twelve hours".to_owned(), ""),
            ("Where people are listened for", config.people.map_or_else(none, |at| at.to_string()), "[people] listen"),
            ("What browsers are shown", certificate, "[people] certificate"),
        ]),
        ("Retention", vec![
            ("Reports, decisions, reviews, the audit", "kept for ever: nothing is erased by this version".to_owned(), ""),
            ("Size at which nothing more is taken in", mib(config.most_octets), "[store] most_mib"),
            ("What one sensor may add a day", mib(config.sensor_octets_day), "[limits] sensor_kib_day"),
        ]),
        ("The record", vec![
            ("Signed as", config.name.clone(), "name"),
            ("The key that signs", path(&config.ledger_key), "[ledger] key"),
            ("Files for reviewers", path(&config.tiles), "[ledger] tiles"),
            ("High-water marks", path(&config.highwater), "[ledger] highwater"),
            ("A round", format!("every {}", lasting(config.round_ms)), "[ledger] round_s"),
            ("Witnesses", "every sensor: each keeps the last checkpoint that it was shown and refuses one that contradicts it".to_owned(), ""),
            ("Policy", "no quorum of reviewers is asked for: none is registered in this version".to_owned(), ""),
        ]),
        ("Sensors", vec![
            ("Where they are listened for", agents.map_or_else(none, |a| a.listen.to_string()), "[agents] listen"),
            ("How they reach this archive", desk.addresses.join(", "), "[agents] addresses"),
            ("The authority's folder", config.authority.as_deref().map_or_else(|| "none".to_owned(), path), "[authority] folder"),
            ("Reports that may wait for the disk", config.queue_reports.to_string(), "[limits] queue_reports"),
            ("Reports of one sensor a minute", config.sensor_reports_minute.to_string(), "[limits] sensor_reports_minute"),
        ]),
        ("Monitoring", vec![("Where it asks", config.ops.map_or_else(none, |at| at.to_string()), "[ops] listen")]),
    ]
}

fn mib(octets: u64) -> String {
    match octets >> 20 {
        0 => format!("{} KiB", octets >> 10),
        mib @ 1..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib >> 10),
    }
}

/// Clinics of a page.
const PAGE: usize = 50;
/// With less room than this on the disk somebody should look.
const LEAST_FREE: u64 = 1 << 30;
/// More than a round takes in.
const MOST_QUEUED: u64 = 10_000;
