//! Findings: the list, one with what proves it and what to do, a decision about it.
//!
//! Keeps: a decision, as a statement of the ledger. Drops: nothing that is held; a finding that is gone says so.

use super::super::finding::{LEAST_REASON, MOST_REASON, wrong_with};
use super::super::matters::{Matter, of_row, proof, sensor_id};
use super::super::problem::Problem;
use super::heard::{Said, said};
use super::query::{AFTER, Kind, LIMIT, Param, SENSOR};
use super::types::{About, Day, Level, Moment, Page, Text};
use super::wrong::Wrong;
use super::{Ask, Call, Done, Nothing};
use crate::access::{hex, octets};
use crate::judge::Standing;
use crate::store::{Decision, FindingId, FindingKey, FindingLine, FindingRow, Which};
use auscult_assess::rule::Rule;
use auscult_report::fact::Fact;
use auscult_report::key::{SensorId, hash};
use auscult_report::zone::Zone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A finding.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Finding {
    /// The sensor that heard it.
    pub(super) sensor: String,
    /// The rule's id.
    pub(super) rule: String,
    /// What it is about, encoded: with sensor and rule it names the finding.
    pub(super) subject: String,
    about: About,
    pub(super) title: &'static str,
    pub(super) level: Level,
    /// How sure, of 100.
    confidence: u8,
    pub(super) standing: Stands,
    /// Up to when the risk is accepted.
    accepted_until: Option<Moment>,
    /// Since when it is open, or was.
    pub(super) opened: Moment,
    /// When its level last changed.
    changed: Moment,
    /// When it was last heard to hold, by the sensor's clock.
    held: Moment,
    /// Whether it holds; if not and it is open, nothing that was heard says yet that it is gone.
    holds: bool,
    /// When it was found gone.
    pub(super) closed: Option<Moment>,
    /// What says that it is gone: `heard`, `silence` or `date`.
    closed_by: Option<String>,
    /// How often it was opened.
    times_opened: u32,
    /// Whether it was reached from the internet.
    outside: bool,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum Stands {
    /// It asks for somebody.
    Open,
    /// The risk is accepted.
    Accepted,
    /// Somebody says that it is not so.
    NotTrue,
    /// Somebody says that it was mended; it is listened for.
    Watched,
    /// It is gone.
    Gone,
}

impl Finding {
    pub(super) fn of(matter: Matter<'_>) -> Finding {
        let (standing, accepted_until) = match matter.standing {
            Standing::Open => (Stands::Open, None),
            Standing::Accepted(until) => (Stands::Accepted, Some(Moment(until))),
            Standing::NotTrue => (Stands::NotTrue, None),
            Standing::Watched => (Stands::Watched, None),
            Standing::Gone => (Stands::Gone, None),
        };
        let row = matter.row;
        let (closed, closed_by) = row.closed.map(|(at, by)| (Moment(at), by)).unzip();
        Finding {
            sensor: matter.sensor.to_string(),
            subject: hex(&row.subject),
            about: About::of(matter.subject),
            title: matter.title,
            level: Level::of(row.severity),
            confidence: row.confidence,
            standing,
            accepted_until,
            opened: Moment(row.opened),
            changed: Moment(row.changed),
            held: Moment(row.held),
            holds: row.holds,
            closed,
            closed_by,
            times_opened: row.times_opened,
            outside: matter.outside,
            rule: row.rule,
        }
    }
}

/// The findings of a clinic.
pub(in crate::web) struct Findings;

const STATE: Param = Param { name: "state", says: "Which findings.", kind: Kind::Word(&["open", "gone", "all"]) };
const LEVEL: Param = Param {
    name: "level",
    says: "Only findings of this level or worse.",
    kind: Kind::Word(&["info", "low", "medium", "high", "critical"]),
};

impl Ask for Findings {
    const QUERY: &'static [Param] = &[LIMIT, AFTER, STATE, LEVEL, SENSOR];
    type Body = Nothing;
    type Answer = Page<Finding>;

    fn answer(call: &Call, _: Nothing) -> Result<Done<Page<Finding>>, Wrong> {
        let at = call.at()?;
        let state = call.query.word(&STATE);
        let least = ["info", "low", "medium", "high", "critical"].iter().zip(0u8..);
        let which = Which {
            open: state != "gone",
            gone: state != "open",
            least: least.into_iter().find(|(word, _)| **word == call.query.word(&LEVEL)).map_or(0, |(_, n)| n),
            sensor: call.query.octets(&SENSOR).and_then(|id| id.try_into().ok()).map(SensorId),
        };
        let after = call.query.after("findings")?.unwrap_or_else(FindingKey::first);
        let rows = at.store.findings_after(which, &after, call.query.limit().saturating_add(1));
        let rows = rows.map_err(|e| call.busy(&e))?;
        let decided = decided(call)?;
        let item = |(sensor, row): FindingLine| {
            let id = (sensor, row.rule.clone(), row.subject.clone());
            let standing = Standing::of(&row, decided.get(&id), call.now);
            Finding::of(of_row(&call.desk, &at.row.name, sensor, row, standing))
        };
        Ok(Page::cut(&call.query, "findings", rows, FindingKey::of, item).into())
    }
}

/// The newest decision about each finding, by sensor, rule and subject.
type Newest = HashMap<(SensorId, String, Vec<u8>), Decision>;

fn decided(call: &Call) -> Result<Newest, Wrong> {
    let decisions = call.at()?.store.decisions().map_err(|e| call.busy(&e))?;
    Ok(decisions.into_iter().map(|d| ((d.sensor, d.rule.clone(), d.subject.clone()), d)).collect())
}

/// A finding with all that is known of it.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct FindingDetail {
    #[serde(flatten)]
    finding: Finding,
    /// What to do.
    remedy: &'static str,
    /// What is heard when it holds.
    heard: &'static str,
    /// What must be heard for it to be gone.
    gone: &'static str,
    /// What it may be mistaken for.
    traps: Vec<&'static str>,
    /// The requirements that it speaks to.
    controls: Vec<Control>,
    /// The facts that it last rested on.
    facts: Vec<Rested>,
    /// What became of it, the oldest first; the newest 200 steps.
    history: Vec<Step>,
    /// What was decided, the newest first.
    decisions: Vec<Decided>,
}

/// Requirements of a framework.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Control {
    framework: &'static str,
    ids: Vec<&'static str>,
}

/// A fact that a finding rests on.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Rested {
    #[serde(flatten)]
    said: Said,
    /// The zone of the client in whose conversation it was heard.
    zone: Option<&'static str>,
}

/// A step of a finding.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Step {
    at: Moment,
    /// `opened`, `worse`, `milder`, `fixed` or `came back`.
    what: String,
    level: Level,
    /// SHA-256 of the report that showed it; null: a date passed.
    report: Option<String>,
    /// The report's leaf in the clinic's ledger; null: it waits for a round.
    leaf: Option<u64>,
}

/// A decision.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Decided {
    at: Moment,
    /// Who, by the name to sign in; or `token` and what the token is for.
    person: String,
    /// `accepted`, `fixed`, `not-true` or `open`.
    what: String,
    reason: String,
    until: Option<Moment>,
    /// The hash of its statement in the ledger.
    statement: String,
}

/// One finding.
pub(in crate::web) struct One;

impl Ask for One {
    type Body = Nothing;
    type Answer = FindingDetail;

    fn answer(call: &Call, _: Nothing) -> Result<Done<FindingDetail>, Wrong> {
        detail(call)
    }
}

/// The finding that the path names, with what was decided about it.
fn found(call: &Call) -> Result<(SensorId, FindingRow, Vec<Decision>), Wrong> {
    let store = &call.at()?.store;
    let (sensor, subject) = (sensor_id(call.part("sensor"))?, octets(call.part("subject")));
    let id = FindingId { sensor, rule: call.part("rule"), subject: &subject };
    let row = store.finding(id).map_err(|e| call.busy(&e))?.ok_or(Problem::NOT_FOUND)?;
    let decisions = store.decisions_of(id).map_err(|e| call.busy(&e))?;
    Ok((sensor, row, decisions))
}

/// Another one when the finding is worse, gone, opened again, or somebody has decided.
fn tag(row: &FindingRow, decisions: &[Decision]) -> String {
    let newest = decisions.first().map_or([0; 32], |decision| decision.statement);
    let closed = row.closed.as_ref().map_or(0, |(at, _)| at.0);
    let state = [row.opened.0, row.changed.0, closed, u64::from(row.severity)].map(u64::to_be_bytes).concat();
    hash(b"auscult.dev/tag/v1\0", &[&state, &newest]).iter().take(12).map(|o| format!("{o:02x}")).collect()
}

fn detail(call: &Call) -> Result<Done<FindingDetail>, Wrong> {
    let (at, (sensor, row, decisions)) = (call.at()?, found(call)?);
    let tag = tag(&row, &decisions);
    let rested = |(fact, zone): &(Fact, Option<Zone>)| Rested { said: said(fact), zone: zone.map(Zone::word) };
    let facts = proof(&row).iter().map(rested).collect();
    let history = history(call, sensor, &row)?;
    let standing = Standing::of(&row, decisions.first(), call.now);
    let matter = of_row(&call.desk, &at.row.name, sensor, row, standing);
    let rule = matter.rule;
    let decided = |d: Decision| Decided {
        at: Moment(d.decided),
        person: d.person,
        what: d.what,
        reason: d.reason,
        until: d.until.map(Moment),
        statement: hex(&d.statement),
    };
    let controls = |rule: &Rule| {
        rule.controls().map(|(framework, ids)| Control { framework, ids: ids.collect() }).collect::<Vec<_>>()
    };
    let body = FindingDetail {
        remedy: rule.map_or("", Rule::remedy),
        heard: rule.map_or("", Rule::heard),
        gone: rule.map_or("", Rule::gone),
        traps: rule.map(|r| r.traps().collect()).unwrap_or_default(),
        controls: rule.map(controls).unwrap_or_default(),
        facts,
        history,
        decisions: decisions.into_iter().map(decided).collect(),
        finding: Finding::of(matter),
    };
    Ok(Done { tag, ..body.into() })
}

fn history(call: &Call, sensor: SensorId, row: &FindingRow) -> Result<Vec<Step>, Wrong> {
    let store = &call.at()?.store;
    let mut of = store.finding_steps(sensor).map_err(|e| call.busy(&e))?;
    of.retain(|step| step.rule == row.rule && step.subject == row.subject);
    of.drain(..of.len().saturating_sub(MOST_STEPS));
    of.into_iter()
        .map(|step| {
            let reports: Vec<i64> = step.report_id.into_iter().collect();
            let evidence = store.evidence(&reports).map_err(|e| call.busy(&e))?.pop();
            Ok(Step {
                at: Moment(step.at),
                what: step.what,
                level: Level::of(step.severity),
                report: evidence.as_ref().map(|e| hex(&e.hash)),
                leaf: evidence.and_then(|e| e.leaf),
            })
        })
        .collect()
}

/// A decision about a finding.
pub(in crate::web) struct Decide;

/// Why, in a sentence: a reviewer reads it, and it stays in the record.
type Why = Text<LEAST_REASON, MOST_REASON>;

/// What is decided.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::web) enum Deciding {
    /// The risk is accepted until the end of a day, a year from now at most. For people alone.
    Accepted { reason: Why, until: Day },
    /// It was mended; it opens again by itself if it is heard again.
    Fixed { reason: Why },
    /// It is not so; it asks again if it becomes worse.
    NotTrue { reason: Why },
    /// A decision is taken back.
    Open { reason: Why },
}

impl Ask for Decide {
    const CHANGES: bool = true;
    type Body = Deciding;
    type Answer = FindingDetail;

    fn tag(call: &Call) -> Result<String, Wrong> {
        let (_, row, decisions) = found(call)?;
        Ok(tag(&row, &decisions))
    }

    fn answer(call: &Call, body: Deciding) -> Result<Done<FindingDetail>, Wrong> {
        let (what, Text(reason), until) = match body {
            Deciding::Accepted { reason, until } => ("accepted", reason, Some(until.end())),
            Deciding::Fixed { reason } => ("fixed", reason, None),
            Deciding::NotTrue { reason } => ("not-true", reason, None),
            Deciding::Open { reason } => ("open", reason, None),
        };
        if !call.may_decide(what) {
            return Err(Problem::NOT_YOURS.into());
        }
        let wrong = wrong_with(what, &reason, until, call.now);
        if !wrong.is_empty() {
            return Err(Wrong::fields(wrong));
        }
        let (sensor, row, _) = found(call)?;
        let decision = Decision {
            sensor,
            rule: row.rule,
            subject: row.subject,
            what: what.to_owned(),
            reason,
            until,
            severity: row.severity,
            person: call.asker.name(),
            decided: call.now,
            statement: [0; 32],
        };
        call.at()?.store.decide(&decision, call.now).map_err(|e| call.busy(&e))?;
        detail(call)
    }
}

/// Steps of a finding that are told.
const MOST_STEPS: usize = 200;
