//! Today: what needs somebody, the worst first; beside it what is quietly fine.
//!
//! Keeps: nothing. Drops: findings below "high"; they stand on the fleet's and the clinic's page.

use super::Desk;
use super::guard::Visit;
use super::matters::{Matter, of_row, standings};
use super::page::{Answered, Frame, html};
use super::problem::Problem;
use super::words::{Level, ago, day, level, long};
use crate::access::hex;
use crate::judge::Standing;
use crate::store::{ClinicRow, ClinicStore, Proposal, SensorState, StoreError};
use askama::Template;
use auscult_report::time::Timestamp;
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
    may_apply: bool,
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
        may_apply: visit.visitor()?.admin,
    })
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
/// What fits on a page; the fleet's page has them all.
const MOST_NEEDS: usize = 40;
