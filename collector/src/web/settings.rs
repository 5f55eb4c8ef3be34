//! Settings: what this archive works with, and where each thing is changed; clinics, sign-in, who is told, retention, ledgers, the
//! archive's health.
//!
//! Keeps: nothing: where the settings file is the truth, the page says which line to change. Drops: contents of secret files; their
//! paths alone are shown.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html};
use super::problem::Problem;
use super::words::{ago, counted, lasting, level, moment};
use crate::config::{Channel, Config, Kind, Notices, Quiet, Takes, Way};
use crate::store::{SensorState, StoreError};
use askama::Template;
use auscult_report::time::Timestamp;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sysinfo::Disks;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    health: Vec<Health>,
    clinics: Vec<Clinic>,
    all: usize,
    next: Option<String>,
    groups: Vec<Group>,
}

/// What, its value, whether that is well.
type Health = (&'static str, String, bool);

/// A heading, and of each line: what it is, its value, the key in the settings file.
type Group = (&'static str, Vec<Line>);
type Line = (Cow<'static, str>, String, &'static str);

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
        health: health(desk, queued, newest, now).map_err(busy)?,
        next: clinics.last().filter(|_| is_more).map(|last| last.name.clone()),
        clinics,
        all: rows.len(),
        groups: groups(&desk.config, desk),
    })
}

/// How the archive is.
fn health(desk: &Desk, queued: u64, newest: Timestamp, now: Timestamp) -> Result<Vec<Health>, StoreError> {
    let config = &desk.config;
    let size: u64 = ["", "-wal"]
        .iter()
        .filter_map(|end| std::fs::metadata(format!("{}{end}", config.store.display())).ok())
        .fold(0, |all, file| all.saturating_add(file.len()));
    let free = free(&config.store);
    let is_well = desk.ledgers_well.load(Ordering::Relaxed);
    let unsent = desk.store.backlog()?;
    let parcels = |state: &str| unsent.iter().filter(|b| b.state == state).map(|b| b.parcels).sum::<u64>();
    let (waiting, lost) = (parcels("waiting"), parcels("given up"));
    Ok(vec![
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
        ("Notices on their way", waiting.to_string(), true),
        ("Notices that reached nobody", lost.to_string(), lost == 0),
        ("Time of this archive", moment(now), true),
    ])
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
    let oidc = config.oidc.as_ref();
    let signs_in = oidc.map_or_else(
        || "password and a second factor (six digits), made with a one-time code".to_owned(),
        |o| {
            format!(
                "password and a second factor (six digits); or {} ({}) vouches, for who was invited",
                o.title, o.issuer
            )
        },
    );
    vec![
        group("Sign-in", vec![
            ("How people sign in", signs_in, "[people.oidc]"),
            ("A session ends", "after half an hour without a page, and after twelve hours".to_owned(), ""),
            ("Where people are listened for", config.people.map_or_else(none, |at| at.to_string()), "[people] listen"),
            ("What browsers are shown", certificate, "[people] certificate"),
        ]),
        ("Who is told", told(&config.notices)),
        group("Retention", vec![
            ("Reports, decisions, reviews, the audit", "kept for ever: nothing is erased by this version".to_owned(), ""),
            ("Size at which nothing more is taken in", mib(config.most_octets), "[store] most_mib"),
            ("What one sensor may add a day", mib(config.sensor_octets_day), "[limits] sensor_kib_day"),
        ]),
        group("The record", vec![
            ("Signed as", config.name.clone(), "name"),
            ("The key that signs", path(&config.ledger_key), "[ledger] key"),
            ("Files for reviewers", path(&config.tiles), "[ledger] tiles"),
            ("High-water marks", path(&config.highwater), "[ledger] highwater"),
            ("A round", format!("every {}", lasting(config.round_ms)), "[ledger] round_s"),
            ("Witnesses", "every sensor: each keeps the last checkpoint that it was shown and refuses one that contradicts it".to_owned(), ""),
            ("Policy", "reviewers cosign at their visits what they verified (page Reviews); nothing waits for it".to_owned(), ""),
        ]),
        group("Sensors", vec![
            ("Where they are listened for", agents.map_or_else(none, |a| a.listen.to_string()), "[agents] listen"),
            ("How they reach this archive", desk.addresses.join(", "), "[agents] addresses"),
            ("The authority's folder", config.authority.as_deref().map_or_else(|| "none".to_owned(), path), "[authority] folder"),
            ("Reports that may wait for the disk", config.queue_reports.to_string(), "[limits] queue_reports"),
            ("Reports of one sensor a minute", config.sensor_reports_minute.to_string(), "[limits] sensor_reports_minute"),
        ]),
        group("Monitoring", vec![("Where it asks", config.ops.map_or_else(none, |at| at.to_string()), "[ops] listen")]),
    ]
}

fn group(heading: &'static str, lines: Vec<(&'static str, String, &'static str)>) -> Group {
    (heading, lines.into_iter().map(|(what, value, key)| (what.into(), value, key)).collect())
}

/// Who is told of what, and when not.
fn told(notices: &Notices) -> Vec<Line> {
    let zone = notices.zone.iana_name().unwrap_or("UTC");
    let quiet = notices.quiet.map_or_else(|| "none".to_owned(), |quiet| quiet_hours(quiet, zone));
    let alive = notices.alive.as_ref().map_or_else(
        || "nobody: if it stops, nobody is told".to_owned(),
        |alive| format!("{}, every {}", alive.url.authority(), lasting(alive.every_ms)),
    );
    let mut lines: Vec<Line> = notices.channels.iter().map(|channel| channel_line(channel, zone)).collect();
    if lines.is_empty() {
        lines.push(("Channels".into(), "none: nobody is told, whatever is found".to_owned(), "[[notices.mail]]"));
    }
    lines.push(("Quiet hours".into(), quiet, "[notices] quiet_from"));
    lines.push(("Who watches that this archive lives".into(), alive, "[notices.alive]"));
    lines
}

fn quiet_hours(quiet: Quiet, zone: &str) -> String {
    let breaks = match (quiet.critical, quiet.silent) {
        (true, true) => "the worst findings and silent sensors are told all the same",
        (true, false) => "the worst findings are told all the same",
        (false, true) => "silent sensors are told all the same",
        (false, false) => "nothing is told in them",
    };
    format!("{} to {} ({zone}); {breaks}", hour(quiet.from), hour(quiet.to))
}

fn channel_line(channel: &Channel, zone: &str) -> Line {
    let (how, key) = match &channel.way {
        Way::Mail(mail) => {
            let digest = mail.digest.map(|at| format!(", once a day at {} ({zone})", hour(at))).unwrap_or_default();
            (format!("e-mail to {}{digest}", counted(mail.to.len(), "recipient")), "[[notices.mail]]")
        }
        Way::Webhook(hook) => (format!("webhook at {}", hook.url.authority()), "[[notices.webhook]]"),
        Way::Syslog(syslog) => {
            (format!("syslog at {}:{}", syslog.server.host, syslog.server.port), "[[notices.syslog]]")
        }
        Way::Ticket(ticket) => (format!("tickets at {}", ticket.url.authority()), "[[notices.ticket]]"),
    };
    (channel.name.clone().into(), format!("{how}: {}", takes(&channel.takes)), key)
}

/// Which findings of which clinics.
fn takes(takes: &Takes) -> String {
    let clinics = match takes.clinics.as_slice() {
        [] => "every clinic".to_owned(),
        some => some.join(", "),
    };
    let kinds = match takes.kinds.len() == Kind::ALL.len() {
        true => String::new(),
        false => format!("; only {}", takes.kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")),
    };
    let always = if takes.quiet { "" } else { "; in quiet hours too" };
    format!("{clinics}, from {} on{kinds}{always}", level(takes.least).word.to_lowercase())
}

/// `06:30`, by minutes since midnight.
fn hour(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
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
