//! Assets: what was heard at a clinic, as pseudonyms: what each is, who made it, what runs on it and how sure that is, what it offers,
//! since when and until when it was heard; and what people call it.
//!
//! Keeps: a name that people give to a pseudonym. Drops: hosts behind the page; the next page begins behind the last key.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::matters::sensor_id;
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::words::{ago, counted, day, device, sentence, zone};
use crate::access::Right;
use crate::judge::Judge;
use crate::store::{Asset, AssetKey, AssetService, ClinicStore, StoreError};
use askama::Template;
use auscult_assess::knowledge::Knowledge;
use auscult_assess::stated;
use auscult_assess::value::{Value, Word};
use auscult_report::bounded::Bounded;
use auscult_report::key::SensorId;
use auscult_report::subject::{HostId, Subject};
use auscult_report::summary::{HostEntry, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use axum::http::StatusCode;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "assets.html")]
struct AssetsPage {
    frame: Frame,
    name: String,
    title: String,
    rows: Vec<Row>,
    all: u64,
    medical: u64,
    sites: usize,
    next: Option<String>,
    may_name: bool,
    wrong: &'static str,
}

/// A host.
struct Row {
    id: String,
    sensor: String,
    /// Its anchor on the page.
    key: String,
    label: String,
    called: String,
    site: String,
    address: String,
    place: &'static str,
    medical: bool,
    kind: String,
    maker: String,
    system: String,
    sure: String,
    services: Vec<String>,
    first: String,
    last: String,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, "")?)
}

/// Gives a host a name, or takes it away.
pub(super) fn label(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor) = (visit.clinic()?, visit.visitor()?);
    let (sensor, host) = (sensor_id(visit.part("sensor"))?, host_id(visit.part("host"))?);
    at.store.asset(sensor, host).map_err(|_| Problem::BUSY)?.ok_or(Problem::NOT_FOUND)?;
    let label = visit.form.get("label").split_whitespace().collect::<Vec<_>>().join(" ");
    if label.chars().count() > MOST_LABEL || label.chars().any(char::is_control) {
        let page = made(desk, visit, "A name has at most 60 characters.")?;
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    at.store.put_label((sensor, host), &label, &visitor.name, visit.now).map_err(|_| Problem::BUSY)?;
    let after = visit.query.get("after");
    let after = if key(after).is_some() { format!("?after={after}") } else { String::new() };
    Ok(redirect(&format!("/clinics/{}/assets{after}#h{:016x}", at.row.name, host.0)))
}

fn made(desk: &Desk, visit: &Visit, wrong: &'static str) -> Result<AssetsPage, Problem> {
    let at = visit.clinic()?;
    let busy = |_: StoreError| Problem::BUSY;
    let mut assets = at.store.assets(key(visit.query.get("after")), PAGE.saturating_add(1)).map_err(busy)?;
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let is_more = assets.len() > page;
    assets.truncate(page);
    let next = assets.last().filter(|_| is_more).map(|a| format!("{}-{}-{:016x}", a.rank, a.sensor, a.host.0));
    let (all, medical) = at.store.count_assets().map_err(busy)?;
    let (rows, sites) = rows(desk, at, &assets, visit.now).map_err(busy)?;
    Ok(AssetsPage {
        frame: visit.frame(format!("Assets of {}", at.row.title), "assets"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        rows,
        all,
        medical,
        sites,
        next,
        may_name: at.role.may(Right::Decide),
        wrong,
    })
}

/// Hosts with all that is known of them, and at how many sites sensors are.
fn rows(desk: &Desk, at: &AtClinic, assets: &[Asset], now: Timestamp) -> Result<(Vec<Row>, usize), StoreError> {
    let titles: HashMap<String, String> = at.store.sites()?.into_iter().collect();
    let sites: HashMap<SensorId, String> = at.store.sensors()?.into_iter().map(|s| (s.id, s.site)).collect();
    let labels: HashMap<(SensorId, HostId), String> =
        at.store.labels()?.into_iter().map(|(sensor, host, label)| ((sensor, host), label)).collect();
    let known = Known::of(&at.store, assets, &desk.knowledge, now)?;
    let mut rows = Vec::new();
    for asset in assets {
        let site = sites.get(&asset.sensor).and_then(|site| titles.get(site)).cloned().unwrap_or_default();
        let label = labels.get(&(asset.sensor, asset.host)).cloned().unwrap_or_default();
        let services = at.store.services_of(asset.sensor, asset.host)?;
        rows.push(row(desk, asset, &known, (site, label), &services, now));
    }
    Ok((rows, sites.values().collect::<BTreeSet<_>>().len()))
}

/// What the newest reports say of the hosts of a page.
struct Known {
    entries: HashMap<(SensorId, HostId), HostEntry>,
    values: HashMap<(SensorId, HostId), BTreeMap<Word, Value>>,
}

impl Known {
    fn of(store: &ClinicStore, assets: &[Asset], knowledge: &Knowledge, now: Timestamp) -> Result<Known, StoreError> {
        let mut found = Known { entries: HashMap::new(), values: HashMap::new() };
        let sensors: BTreeSet<SensorId> = assets.iter().map(|a| a.sensor).collect();
        for sensor in sensors {
            let hosts: BTreeSet<HostId> = assets.iter().filter(|a| a.sensor == sensor).map(|a| a.host).collect();
            let summary = about(Judge::known(store, sensor)?.summary, &hosts);
            found.entries.extend(summary.hosts.iter().map(|entry| ((sensor, entry.id), *entry)));
            for stated in stated(&summary, knowledge, now) {
                if let Subject::Host(host) = stated.subject {
                    found.values.insert((sensor, host), stated.values);
                }
            }
        }
        Ok(found)
    }
}

/// The part of a summary that speaks of some hosts.
fn about(mut summary: Summary, hosts: &BTreeSet<HostId>) -> Summary {
    let entries = summary.hosts.iter().filter(|h| hosts.contains(&h.id)).copied().collect();
    let is_meant = |subject: Subject| match subject {
        Subject::Host(id) | Subject::Service(id, ..) => hosts.contains(&id),
        _ => false,
    };
    let sightings = summary.sightings.iter().filter(|s| is_meant(s.subject)).copied().collect();
    summary.hosts = Bounded::first_of(entries).0;
    summary.sightings = Bounded::first_of(sightings).0;
    summary
}

fn row(
    desk: &Desk,
    asset: &Asset,
    known: &Known,
    (site, label): (String, String),
    services: &[AssetService],
    now: Timestamp,
) -> Row {
    let of = (asset.sensor, asset.host);
    let (system, sure) = known.values.get(&of).map_or_else(Default::default, system);
    let maker = asset.maker.map(|block| match desk.knowledge.maker_of_block(block) {
        Some(maker) => maker.to_owned(),
        None => format!("maker's block {:02x}:{:02x}:{:02x}", block[0], block[1], block[2]),
    });
    Row {
        id: format!("{:016x}", asset.host.0),
        sensor: asset.sensor.to_string(),
        key: format!("h{:016x}", asset.host.0),
        called: if label.is_empty() { sentence(&device(asset.host)) } else { label.clone() },
        label,
        site,
        address: known.entries.get(&of).and_then(|e| e.address).map(|a| a.to_string()).unwrap_or_default(),
        place: Zone::from_word(&asset.zone).map_or("", zone),
        medical: asset.rank == 0,
        kind: kind(&asset.roles, asset.rank),
        maker: maker.unwrap_or_default(),
        system,
        sure,
        services: services.iter().map(offered).collect(),
        first: day(asset.first),
        last: if now.since_ms(asset.last) < HEARD_NOW_MS { "within the hour".to_owned() } else { ago(asset.last, now) },
    }
}

/// What a host is, by what it speaks.
fn kind(roles: &str, rank: u8) -> String {
    let words: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).map(role).collect();
    match (words.is_empty(), rank) {
        (false, _) => sentence(&words.join(", ")),
        (true, 0) => "Medical equipment".to_owned(),
        (true, 1) => "Serves something".to_owned(),
        (true, _) => "Not known".to_owned(),
    }
}

fn role(word: &str) -> &str {
    match word {
        "modality" => "imaging device",
        "archive" => "image archive",
        "lab" => "laboratory device",
        "monitor" => "patient monitor",
        "pump" => "infusion pump",
        "access-point" => "Wi-Fi access point",
        other => other,
    }
}

/// What runs on a host, and how sure that is.
fn system(values: &BTreeMap<Word, Value>) -> (String, String) {
    let word = |name: &str| match values.get(name) {
        Some(Value::Word(word)) => word.as_ref(),
        _ => "",
    };
    let family = match word("os.family") {
        "" | "unknown" => return (String::new(), String::new()),
        "windows" => "Windows",
        "linux" => "Linux",
        "macos" => "macOS",
        "android" => "Android",
        "ios" => "iOS",
        "bsd" => "BSD",
        _ => "an embedded system",
    };
    let support = match word("os.support") {
        "supported" => ", still mended by its maker",
        "ending" => ", soon no longer mended by its maker",
        "paid-only" => ", mended for a fee only",
        "ended" => ", no longer mended by its maker",
        _ => "",
    };
    let sure = match word("os.proof") {
        "build" | "release" => "exact",
        "class" => "one of several",
        _ => "a weak sign",
    };
    let signs = match values.get("os.signs") {
        Some(Value::Number(n)) if *n >= 2.0 => format!(", {n} signs agree"),
        _ => String::new(),
    };
    (sentence(&format!("{family}{support}")), format!("{sure}{signs}"))
}

/// What is offered at a port.
fn offered(service: &AssetService) -> String {
    let AssetService { transport, port, protocol, .. } = service;
    match (transport.as_str(), protocol.is_empty()) {
        ("link", false) => format!("{protocol} to its neighbours"),
        (_, true) => format!("{transport} {port}"),
        (_, false) => format!("{protocol} ({transport} {port})"),
    }
}

/// Where a page begins.
fn key(text: &str) -> Option<AssetKey> {
    let mut parts = text.split('-');
    let rank = parts.next()?.parse().ok()?;
    let sensor = sensor_id(parts.next()?).ok()?;
    let host = host_id(parts.next()?).ok()?;
    parts.next().is_none().then_some((rank, sensor, host))
}

/// A pseudonym as a path names it.
fn host_id(typed: &str) -> Result<HostId, Problem> {
    let number = (typed.len() == 16).then(|| u64::from_str_radix(typed, 16).ok()).flatten();
    number.map(HostId).ok_or(Problem::NOT_FOUND)
}

/// Hosts of a page: with two dozen services each it stays below 150 kB.
const PAGE: u32 = 50;
/// A name that fits on a line.
const MOST_LABEL: usize = 60;
/// When a host was last heard is kept to the hour.
const HEARD_NOW_MS: u64 = 2 * 3_600_000;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_a_key_and_behind_nothing_else() {
        let text = format!("1-{}-{:016x}", "ab".repeat(16), 7);
        assert_eq!(key(&text), Some((1, SensorId([0xab; 16]), HostId(7))));
        for bad in ["", "1", "x-y-z", &text[..20], &format!("{text}-1"), "999-00-00"] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_system_is_said_with_how_sure_it_is() {
        let word = |w: &'static str| Value::word(w);
        let mut values: BTreeMap<Word, Value> = BTreeMap::new();
        assert_eq!(system(&values), Default::default());
        values.insert("os.family".into(), word("windows"));
        values.insert("os.support".into(), word("ended"));
        values.insert("os.proof".into(), word("build"));
        values.insert("os.signs".into(), Value::Number(3.0));
        let (said, sure) = system(&values);
        assert_eq!((said.as_str(), sure.as_str()), ("Windows, no longer mended by its maker", "exact, 3 signs agree"));
    }

    #[test]
    fn what_a_host_is_is_said_in_words() {
        assert_eq!(kind("modality,archive", 0), "Imaging device, image archive");
        assert_eq!([kind("", 0), kind("", 2)], ["Medical equipment", "Not known"]);
    }
}
