//! Today: what needs somebody, the worst first; beside it what is quietly fine.
//!
//! Keeps: nothing. Drops: findings below "high"; they stand on the fleet's and the clinic's page.

use super::Desk;
use super::deadlines::nearness;
use super::guard::Visit;
use super::matters::{Matter, of_row, standings};
use super::page::{Answered, Frame, html};
use super::problem::Problem;
use super::words::{Level, ago, day, level, long};
use crate::access::hex;
use crate::judge::{EVER, Matter as Breach, Reviews, Standing};
use crate::store::{ClinicRow, ClinicStore, Proposal, SensorState, StoreError};
use askama::Template;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "today.html")]
struct TodayPage {
    frame: Frame,
    headline: String,
    needs: Vec<Need>,
    more: usize,
    clinics: usize,
    sensors: usize,
    hearing: usize,
    quiet: usize,
    decided: usize,
    ledger: String,
    knowledge: String,
    /// What people planned that comes soon: where, what, how soon.
    soon: Vec<(String, String, Level, String)>,
    may_apply: bool,
    /// Notices that reached nobody; 0 for who cannot mend that.
    unheard: u64,
}

/// Something that needs somebody.
struct Need {
    level: Level,
    title: String,
    clinic: String,
    about: String,
    since: String,
    href: String,
    does: &'static str,
    rank: (u8, Timestamp),
}

#[derive(Default)]
struct Seen {
    needs: Vec<Need>,
    clinics_in_need: usize,
    sensors: usize,
    hearing: usize,
    quiet: usize,
    decided: usize,
    newest: Timestamp,
    soon: Vec<(Timestamp, (String, String, Level, String))>,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let clinics = desk.people.clinics(visit.visitor()?, visit.now).map_err(|_| Problem::BUSY)?;
    let mut seen = Seen::default();
    for (row, store) in &clinics {
        clinic(desk, (row, store), visit.now, &mut seen).map_err(|_| Problem::BUSY)?;
        if visit.visitor()?.admin {
            proposed((row, store), visit.now, &mut seen).map_err(|_| Problem::BUSY)?;
        }
    }
    seen.needs.sort_by_key(|need| (u8::MAX.saturating_sub(need.rank.0), need.rank.1));
    seen.soon.sort_by_key(|(due, _)| *due);
    let more = seen.needs.len().saturating_sub(MOST_NEEDS);
    seen.needs.truncate(MOST_NEEDS);
    let headline = match seen.clinics_in_need {
        0 => "Nothing needs you.".to_owned(),
        1 => "1 clinic needs you.".to_owned(),
        n => format!("{n} clinics need you."),
    };
    html(&TodayPage {
        frame: visit.frame("Today", "today"),
        headline,
        needs: seen.needs,
        more,
        clinics: clinics.len(),
        sensors: seen.sensors,
        hearing: seen.hearing,
        quiet: seen.quiet,
        decided: seen.decided,
        ledger: ago(seen.newest, visit.now),
        knowledge: day(desk.knowledge.dated()),
        soon: seen.soon.into_iter().map(|(_, row)| row).take(MOST_SOON).collect(),
        may_apply: visit.visitor()?.admin,
        unheard: if visit.visitor()?.admin { unheard(desk).map_err(|_| Problem::BUSY)? } else { 0 },
    })
}

/// Notices that were given up.
fn unheard(desk: &Desk) -> Result<u64, StoreError> {
    let given_up = desk.store.backlog()?.into_iter().filter(|b| b.state == "given up").map(|b| b.parcels);
    Ok(given_up.fold(0, u64::saturating_add))
}

fn clinic(
    desk: &Desk,
    (row, store): (&ClinicRow, &ClinicStore),
    now: Timestamp,
    seen: &mut Seen,
) -> Result<(), StoreError> {
    let before = seen.needs.len();
    for (sensor, found, standing) in standings(store, now)? {
        match (standing == Standing::Open, found.severity >= HIGH) {
            (true, true) => {
                let found = of_row(desk, &row.name, sensor, found, standing);
                seen.needs.push(of_matter(row, &found, now));
            }
            (true, false) => seen.quiet = seen.quiet.saturating_add(1),
            (false, _) => seen.decided = seen.decided.saturating_add(1),
        }
    }
    for sensor in store.watched()? {
        seen.sensors = seen.sensors.saturating_add(1);
        let is_heard = sensor.state == SensorState::Active && now.since_ms(sensor.spoke) < RECENT_MS;
        seen.hearing = seen.hearing.saturating_add(usize::from(is_heard));
        let (title, does) = match sensor.state {
            SensorState::Pending => ("A new sensor waits to be let in", "Compare the words"),
            SensorState::Quarantine => ("A sensor's reports contradict each other", "Look at it"),
            SensorState::Active | SensorState::Revoked => continue,
        };
        seen.needs.push(Need {
            level: level(HIGH),
            title: title.to_owned(),
            clinic: row.title.clone(),
            about: "its reports are not taken in until somebody decides".to_owned(),
            since: open_for(sensor.changed, now),
            href: format!("/clinics/{}/sensors", row.name),
            does,
            // Somebody stands beside it and waits: before everything else of its level.
            rank: (HIGH, Timestamp(0)),
        });
    }
    seen.clinics_in_need = seen.clinics_in_need.saturating_add(usize::from(seen.needs.len() > before));
    plans(row, store, now, seen)?;
    if let Some((_, changed)) = store.ledger_head()? {
        seen.newest = seen.newest.max(changed);
    }
    Ok(())
}

/// What technicians proposed and waits for an administrator.
fn proposed((row, store): (&ClinicRow, &ClinicStore), now: Timestamp, seen: &mut Seen) -> Result<(), StoreError> {
    for proposal in store.proposals_waiting()? {
        let Proposal { sensor, rule, subject, person, proposed, .. } = proposal;
        seen.needs.push(Need {
            level: level(HIGH),
            title: format!("A proposal of {person} waits for an administrator"),
            clinic: row.title.clone(),
            about: "nothing is decided until somebody else confirms it".to_owned(),
            since: open_for(proposed, now),
            href: format!("/clinics/{}/findings/{sensor}/{rule}/{}#proposals", row.name, hex(&subject)),
            does: "Answer it",
            rank: (HIGH, Timestamp(1)),
        });
    }
    Ok(())
}

/// What people planned at a clinic that comes soon, or has passed.
fn plans(row: &ClinicRow, store: &ClinicStore, now: Timestamp, seen: &mut Seen) -> Result<(), StoreError> {
    let events = store.plan_events()?;
    let is_soon = |due: Timestamp| due.since_ms(now) < SOON_DAYS.saturating_mul(MS_PER_DAY);
    if let Some(due) = Reviews::of(&events, EVER).due.filter(|due| is_soon(*due)) {
        let end = Timestamp(due.0.saturating_add(MS_PER_DAY));
        let (near, said) = nearness(end, now);
        let near = if near.number == 4 && end > now { level(2) } else { near };
        let what = format!("Review of {}", row.title);
        seen.soon.push((end, (format!("/clinics/{}/reviews", row.name), what, near, said)));
    }
    for matter in Breach::all(&events, EVER) {
        if let Some(due) = matter.next_due().filter(|due| is_soon(*due)) {
            let (near, said) = nearness(due, now);
            let what = format!("Notice about {}, {}", matter.title, row.title);
            seen.soon.push((due, (format!("/clinics/{}/deadlines/{}", row.name, matter.no), what, near, said)));
        }
    }
    Ok(())
}

fn of_matter(clinic: &ClinicRow, found: &Matter<'_>, now: Timestamp) -> Need {
    Need {
        level: found.level,
        title: found.title.to_owned(),
        clinic: clinic.title.clone(),
        about: found.about.clone(),
        since: open_for(found.row.opened, now),
        href: found.href.clone(),
        does: "Open",
        rank: (found.row.severity, found.row.opened),
    }
}

/// How long something waits, in words.
fn open_for(since: Timestamp, now: Timestamp) -> String {
    match now.since_ms(since) {
        0..60_000 => "new".to_owned(),
        ms => format!("for {}", long(ms)),
    }
}

/// From here on it is shown as a need of its own.
const HIGH: u8 = 3;
/// Who reported within this time is heard now: an hour is the longest window of a sensor, and one may be late.
const RECENT_MS: u64 = 2 * 3_600_000;
/// Plans of these days are shown.
const SOON_DAYS: u64 = 30;
const MOST_SOON: usize = 20;
/// What fits on a page; the fleet's page has them all.
const MOST_NEEDS: usize = 40;
