//! Clinics, their sites, their audit, the checkpoint of their ledger.
//!
//! Keeps: nothing. Drops: clinics that are not the asker's.

use super::super::problem::Problem;
use super::query::{PAGED, Param};
use super::types::{Moment, Page};
use super::wrong::Wrong;
use super::{Ask, Call, Done, Nothing};
use crate::access::hex;
use crate::store::{AuditRow, ClinicRow, ClinicStore, SensorState};
use schemars::JsonSchema;
use serde::Serialize;

/// A clinic.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Clinic {
    /// The word by which it is named.
    name: String,
    /// What people call it.
    title: String,
    /// Whether it has left: nothing more is taken in.
    closed: bool,
    /// Its ledger's number.
    ledger: String,
    /// Grows when the ledger begins again after a restore.
    generation: u32,
    /// Findings that are open or decided, not gone.
    findings: u64,
    /// Sensors that are let in.
    active: usize,
    /// Sensors that wait for a person.
    waiting: usize,
    /// When a report last came.
    spoke: Option<Moment>,
}

fn clinic(call: &Call, row: ClinicRow, store: &ClinicStore) -> Result<Clinic, Wrong> {
    let sensors = store.watched().map_err(|e| call.busy(&e))?;
    let count = |states: &[SensorState]| sensors.iter().filter(|s| states.contains(&s.state)).count();
    Ok(Clinic {
        name: row.name,
        title: row.title,
        closed: row.closed,
        ledger: row.ledger.to_string(),
        generation: row.generation,
        findings: store.open_findings().map_err(|e| call.busy(&e))?,
        active: count(&[SensorState::Active]),
        waiting: count(&[SensorState::Pending, SensorState::Quarantine]),
        spoke: sensors.iter().map(|s| s.spoke).max().and_then(Moment::some),
    })
}

/// The clinics that the asker may see.
pub(in crate::web) struct Clinics;

impl Ask for Clinics {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Clinic>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Clinic>>, Wrong> {
        let item = |(row, store): (ClinicRow, ClinicStore)| clinic(call, row, &store);
        Ok(Page::of(&call.query, "clinics", call.clinics()?, |(row, _)| row.name.clone(), item)?.into())
    }
}

/// One clinic.
pub(in crate::web) struct One;

impl Ask for One {
    type Body = Nothing;
    type Answer = Clinic;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Clinic>, Wrong> {
        let at = call.at()?;
        Ok(clinic(call, at.row.clone(), &at.store)?.into())
    }
}

/// A place of a clinic.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Site {
    /// The word by which it is named.
    name: String,
    /// What people call it.
    title: String,
}

/// The sites of a clinic.
pub(in crate::web) struct Sites;

impl Ask for Sites {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<Site>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Site>>, Wrong> {
        let rows = call.at()?.store.sites().map_err(|e| call.busy(&e))?;
        let item = |(name, title)| Ok(Site { name, title });
        Ok(Page::of(&call.query, "sites", rows, |(name, _)| name.clone(), item)?.into())
    }
}

/// A line of the audit.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct AuditLine {
    at: Moment,
    /// By the name to sign in, or `token` and what the token is for; empty: nobody was signed in.
    person: String,
    /// What was done, in a word.
    what: String,
    about: String,
    /// The address that it came from.
    from: String,
}

/// Who did and who looked at a clinic, the newest first.
pub(in crate::web) struct AuditOfClinic;

impl Ask for AuditOfClinic {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<AuditLine>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<AuditLine>>, Wrong> {
        let before: Option<i64> = call.query.after("audit")?;
        let most = call.query.limit().saturating_add(1);
        let rows = call.at()?.store.audited(before.unwrap_or(i64::MAX), most);
        Ok(audit(call, rows.map_err(|e| call.busy(&e))?).into())
    }
}

/// Who did and who looked, beside clinics, the newest first.
pub(in crate::web) struct Audit;

impl Ask for Audit {
    const QUERY: &'static [Param] = PAGED;
    type Body = Nothing;
    type Answer = Page<AuditLine>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<AuditLine>>, Wrong> {
        let before: Option<i64> = call.query.after("audit")?;
        let rows = call.desk.store.audited(before.unwrap_or(i64::MAX), call.query.limit().saturating_add(1));
        Ok(audit(call, rows.map_err(|e| call.busy(&e))?).into())
    }
}

fn audit(call: &Call, rows: Vec<AuditRow>) -> Page<AuditLine> {
    Page::cut(&call.query, "audit", rows, |row| row.id, AuditLine::from)
}

impl From<AuditRow> for AuditLine {
    fn from(row: AuditRow) -> AuditLine {
        AuditLine { at: Moment(row.at), person: row.person, what: row.what, about: row.about, from: row.peer }
    }
}

/// The newest checkpoint of a clinic's ledger.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Head {
    /// The checkpoint's first line.
    origin: String,
    /// Leaves.
    size: u64,
    /// The root's hash.
    root: String,
    /// The signed checkpoint (C2SP tlog-checkpoint), as a reviewer keeps it.
    note: String,
    /// The key by which it is checked (C2SP vkey).
    key: String,
}

/// The newest checkpoint.
pub(in crate::web) struct Checkpoint;

impl Ask for Checkpoint {
    type Body = Nothing;
    type Answer = Head;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Head>, Wrong> {
        let (at, ledger) = (call.at()?, &call.desk.ledger);
        // A ledger to which nothing has come yet has no checkpoint.
        let head = at.store.book().map_err(|e| call.busy(&e))?.0.ok_or(Problem::NOT_FOUND)?;
        let key = ledger.key(&at.row).map_err(|_| Problem::BUSY)?.vkey();
        Ok(Head { origin: ledger.origin(&at.row), size: head.size, root: hex(&head.root), note: head.note, key }.into())
    }
}
