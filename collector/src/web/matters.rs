//! What is open at a clinic, for people: findings with their words, how they stand, where they lead.
//!
//! Keeps: nothing. Drops: nothing that is open; how it stands says whether somebody has decided.

use super::Desk;
use super::problem::Problem;
use super::words::{Level, about, level};
use crate::access::{hex, octets};
use crate::judge::Standing;
use crate::store::{ClinicStore, Decision, FindingRow, NOBODY, StoreError};
use auscult_assess::knowledge::Knowledge;
use auscult_assess::rule::Rule;
use auscult_report::fact::Fact;
use auscult_report::key::SensorId;
use auscult_report::subject::Subject;
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use std::collections::HashMap;

/// An open finding, as pages show it.
pub(super) struct Matter<'d> {
    pub(super) level: Level,
    pub(super) title: &'static str,
    pub(super) about: String,
    pub(super) subject: Option<Subject>,
    pub(super) rule: Option<&'d Rule>,
    pub(super) standing: Standing,
    /// The sensor that heard it.
    pub(super) sensor: SensorId,
    pub(super) row: FindingRow,
    /// Where its page is.
    pub(super) href: String,
    /// Whether it was reached from the internet.
    pub(super) outside: bool,
}

impl Matter<'_> {
    /// Whether it asks for somebody.
    pub(super) fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }
}

/// Everything that is open at a clinic, the worst first.
pub(super) fn matters<'d>(
    desk: &'d Desk,
    (name, store): (&str, &ClinicStore),
    now: Timestamp,
) -> Result<Vec<Matter<'d>>, StoreError> {
    let matter = |(sensor, row, standing)| of_row(desk, name, sensor, row, standing);
    Ok(standings(store, now)?.into_iter().map(matter).collect())
}

/// The same without words, for pages of a thousand clinics: the sensor, what is kept, how it stands.
pub(super) fn standings(
    store: &ClinicStore,
    now: Timestamp,
) -> Result<Vec<(SensorId, FindingRow, Standing)>, StoreError> {
    let rows = store.open_rows()?;
    let decisions = if rows.is_empty() { Vec::new() } else { store.decisions()? };
    let decided: HashMap<(SensorId, &str, &[u8]), &Decision> =
        decisions.iter().map(|d| ((d.sensor, d.rule.as_str(), d.subject.as_slice()), d)).collect();
    let stands = |(sensor, row): (SensorId, FindingRow)| {
        let decision = decided.get(&(sensor, row.rule.as_str(), row.subject.as_slice())).copied();
        let standing = Standing::of(&row, decision, now);
        (sensor, row, standing)
    };
    Ok(rows.into_iter().map(stands).collect())
}

/// A finding with its words.
pub(super) fn of_row<'d>(
    desk: &'d Desk,
    clinic: &str,
    sensor: SensorId,
    row: FindingRow,
    standing: Standing,
) -> Matter<'d> {
    with(&desk.knowledge, clinic, sensor, row, standing)
}

/// The same, where there is no desk.
pub(super) fn with<'d>(
    knowledge: &'d Knowledge,
    clinic: &str,
    sensor: SensorId,
    row: FindingRow,
    standing: Standing,
) -> Matter<'d> {
    let rule = knowledge.rule(&row.rule);
    let subject: Option<Subject> = postcard::from_bytes(&row.subject).ok();
    Matter {
        level: level(row.severity),
        title: rule.map_or("A finding whose rule is no longer in the catalogue", Rule::title),
        about: if sensor == NOBODY { "the clinic's plans".to_owned() } else { about(subject) },
        subject,
        rule,
        standing,
        sensor,
        href: format!("/clinics/{clinic}/findings/{sensor}/{}/{}", row.rule, hex(&row.subject)),
        outside: proof(&row).iter().any(|(_, zone)| *zone == Some(Zone::Outside)),
        row,
    }
}

/// The facts that a finding last rested on, with the zones of those who were there.
pub(super) fn proof(row: &FindingRow) -> Vec<(Fact, Option<Zone>)> {
    postcard::from_bytes(&row.proof).unwrap_or_default()
}

/// A sensor's id as a path names it.
pub(super) fn sensor_id(typed: &str) -> Result<SensorId, Problem> {
    let octets: [u8; 16] = octets(typed).try_into().map_err(|_| Problem::NOT_FOUND)?;
    Ok(SensorId(octets))
}
