//! A finding: in plain words, what to do step by step, what it may be mistaken for, what proves it down to the leaf, what was decided.
//!
//! Keeps: a decision, as a statement of the ledger. Drops: a decision without a reason, or a risk accepted for longer than
//! [`MOST_DAYS`].

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::matters::{Matter, of_row, proof, sensor_id};
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::proposal::{Asked, shown};
use super::words::{date, day, end_of, moment, sentence, steps, zone};
use crate::access::{Right, hex, octets};
use crate::judge::Standing;
use crate::store::{Decision, EvidenceRow, FindingId, FindingRow, NOBODY, Proposal, StepRow, StoreError};
use askama::Template;
use auscult_assess::rule::Rule;
use auscult_report::key::SensorId;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use axum::http::StatusCode;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "finding.html")]
struct FindingPage<'d> {
    frame: Frame,
    found: Matter<'d>,
    state: String,
    tone: &'static str,
    reached: Vec<&'static str>,
    stories: Vec<&'static str>,
    steps: Vec<String>,
    traps: Vec<String>,
    heard: &'static str,
    gone: &'static str,
    facts: Vec<String>,
    controls: Vec<(String, String)>,
    history: Vec<(String, String, Option<Evidence>)>,
    sensor: String,
    /// Where the plans are that it follows from; `None`: a sensor heard it.
    plans: Option<(String, &'static str)>,
    /// Where a breach matter that begins with it is opened.
    matter: Option<String>,
    decisions: Vec<(String, Decision)>,
    /// What waits for an administrator, and what was answered.
    proposals: Vec<Asked>,
    comments: Vec<(String, String, String)>,
    may_confirm: bool,
    /// Whether this person proposes instead of deciding.
    proposes: bool,
    may_accept: bool,
    may_mend: bool,
    may_reopen: bool,
    latest: String,
    wrong: &'static str,
    typed: String,
}

/// A report that proves a step.
struct Evidence {
    place: String,
    received: String,
    hash: String,
    leaf: Option<u64>,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, "")?)
}

/// Keeps a decision.
pub(super) fn decide(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor, now) = (visit.clinic()?, visit.visitor()?, visit.now);
    let (sensor, row) = found(visit)?;
    let (what, reason) = (visit.form.get("what"), visit.form.get("reason").trim());
    if !["accepted", "fixed", "not-true", "open"].contains(&what) {
        return Err(Problem::FORM);
    }
    let proposes = at.role.may_propose(what);
    if !proposes && !at.role.may_decide(what) {
        return Err(Problem::NOT_YOURS);
    }
    let until = if what == "accepted" { end_of(visit.form.get("until")) } else { None };
    let wrong = wrong_with(what, reason, until, now);
    if !wrong.is_empty() {
        return refused(desk, visit, wrong);
    }
    let decision = Decision {
        sensor,
        rule: row.rule,
        subject: row.subject,
        what: what.to_owned(),
        reason: reason.to_owned(),
        until,
        severity: row.severity,
        person: visitor.name.clone(),
        decided: now,
        statement: [0; 32],
    };
    match proposes {
        true => at.store.propose(&decision, now).map_err(|_| Problem::BUSY)?,
        false => drop(at.store.decide(&decision, now).map_err(|_| Problem::BUSY)?),
    }
    Ok(redirect(&visit.path))
}

/// The page once more, with what was wrong.
pub(super) fn refused(desk: &Arc<Desk>, visit: &Visit, wrong: &'static str) -> Answered {
    html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, wrong)?)
}

/// What is wrong with a decision, in a sentence; empty: nothing.
pub(super) fn wrong_with(what: &str, reason: &str, until: Option<Timestamp>, now: Timestamp) -> &'static str {
    match until {
        _ if odd(reason).is_some() => odd(reason).unwrap_or_default(),
        None if what == "accepted" => "Choose the day up to which the risk is accepted.",
        Some(until) if until <= now || until.0 > now.0.saturating_add(MOST_DAYS.saturating_mul(MS_PER_DAY)) => {
            "A risk is accepted from today on, for at most a year."
        }
        _ => "",
    }
}

/// What is odd about a person's words. `None`: nothing.
pub(super) fn odd(words: &str) -> Option<&'static str> {
    match words.chars().count() {
        0..LEAST_REASON => Some("Say it in a sentence: a reviewer will read it."),
        n if n > MOST_REASON => Some("Say it in at most 500 characters."),
        _ if words.chars().any(|c| c.is_control() && c != '\n' && c != '\r') => Some("Only letters, please."),
        _ => None,
    }
}

/// Proposals about the finding that the path names.
pub(super) fn proposals(visit: &Visit) -> Result<Vec<Proposal>, Problem> {
    let (sensor, row) = found(visit)?;
    let id = FindingId { sensor, rule: &row.rule, subject: &row.subject };
    visit.clinic()?.store.proposals_of(id).map_err(|_| Problem::BUSY)
}

/// The finding that the path names.
pub(super) fn found(visit: &Visit) -> Result<(SensorId, FindingRow), Problem> {
    let at = visit.clinic()?;
    let (sensor, subject) = (sensor_id(visit.part("sensor"))?, octets(visit.part("subject")));
    let id = FindingId { sensor, rule: visit.part("rule"), subject: &subject };
    let row = at.store.finding(id).map_err(|_| Problem::BUSY)?.ok_or(Problem::NOT_FOUND)?;
    Ok((sensor, row))
}

fn made<'d>(desk: &'d Desk, visit: &Visit, wrong: &'static str) -> Result<FindingPage<'d>, Problem> {
    let (at, now) = (visit.clinic()?, visit.now);
    let (sensor, row) = found(visit)?;
    let id = FindingId { sensor, rule: &row.rule, subject: &row.subject };
    let decisions = at.store.decisions_of(id).map_err(|_| Problem::BUSY)?;
    let proposals = at.store.proposals_of(id).map_err(|_| Problem::BUSY)?;
    let comments = at.store.comments_of(id).map_err(|_| Problem::BUSY)?;
    let may = |what| at.role.may_decide(what) || at.role.may_propose(what);
    let name = &visit.visitor()?.name;
    let history = history(at, sensor, &row).map_err(|_| Problem::BUSY)?;
    let standing = Standing::of(&row, decisions.first(), now);
    let facts: BTreeSet<String> = proof(&row).iter().map(|(fact, _)| format!("{fact:?}")).collect();
    let zones: BTreeSet<&'static str> = proof(&row).iter().filter_map(|(_, z)| z.map(zone)).collect();
    let (state, tone) = state(&row, (sensor == NOBODY, standing));
    let matter = format!("/clinics/{}/deadlines?finding={sensor}.{}.{}#open", at.row.name, row.rule, hex(&row.subject));
    let found = of_row(desk, &at.row.name, sensor, row, standing);
    let rule = found.rule;
    Ok(FindingPage {
        frame: visit.frame(found.title, "clinic"),
        state,
        tone,
        reached: zones.into_iter().collect(),
        stories: rule
            .map(|r| r.stories().filter_map(|s| desk.knowledge.story(s)).take(2).collect())
            .unwrap_or_default(),
        steps: rule.map(|r| steps(r.remedy())).unwrap_or_default(),
        traps: rule.map(|r| r.traps().map(sentence).collect()).unwrap_or_default(),
        heard: rule.map_or("", Rule::heard),
        gone: rule.map_or("", Rule::gone),
        facts: facts.into_iter().collect(),
        controls: rule.map(controls).unwrap_or_default(),
        history,
        sensor: sensor.to_string(),
        plans: (sensor == NOBODY).then(|| plans(&at.row.name, found.rule.map_or("", Rule::id))),
        matter: (sensor != NOBODY && at.role.may(Right::Decide)).then_some(matter),
        decisions: decisions.into_iter().map(|d| (said(&d), d)).collect(),
        proposals: proposals.iter().map(|p| Asked::of(p, name)).collect(),
        comments: comments.into_iter().map(shown).collect(),
        may_confirm: at.role.may(Right::Confirm),
        proposes: at.role.may(Right::Propose),
        may_accept: standing == Standing::Open && may("accepted"),
        may_mend: standing == Standing::Open && may("fixed"),
        may_reopen: !matches!(standing, Standing::Open | Standing::Gone) && may("open"),
        latest: date(Timestamp(now.0.saturating_add(MOST_DAYS.saturating_sub(1).saturating_mul(MS_PER_DAY)))),
        wrong,
        typed: if wrong.is_empty() { String::new() } else { visit.form.get("reason").to_owned() },
        found,
    })
}

/// Where the plans are that a finding follows from.
fn plans(clinic: &str, rule: &str) -> (String, &'static str) {
    match rule {
        "notice-deadline-near" => (format!("/clinics/{clinic}/deadlines"), "See who must be told"),
        _ => (format!("/clinics/{clinic}/reviews"), "See the reviews"),
    }
}

/// How it stands, in a sentence.
fn state(row: &FindingRow, (is_planned, standing): (bool, Standing)) -> (String, &'static str) {
    match standing {
        Standing::Gone => {
            let (at, by) = row.closed.clone().unwrap_or_default();
            let how = match by.as_str() {
                "heard" => "it was heard to be mended",
                _ if is_planned => "what was due was done",
                "silence" => "it was not heard any more for as long as it takes to be sure",
                _ => "its time has passed",
            };
            (format!("Gone since {}: {how}.", day(at)), "good")
        }
        Standing::Accepted(until) => {
            (format!("Accepted as a risk until {}.", day(Timestamp(until.0.saturating_sub(1)))), "plain")
        }
        Standing::NotTrue => ("Marked as not so. It asks again if it becomes worse.".to_owned(), "plain"),
        Standing::Watched => ("Said to be mended. It opens again by itself if it is heard again.".to_owned(), "fair"),
        Standing::Open if row.holds => (format!("Open since {}.", day(row.opened)), "bad"),
        Standing::Open => (
            format!("Open since {}; last heard {}. Not heard is not mended.", day(row.opened), moment(row.held)),
            "bad",
        ),
    }
}

/// What became of it, the newest first, with what proves each step.
fn history(
    at: &AtClinic,
    sensor: SensorId,
    row: &FindingRow,
) -> Result<Vec<(String, String, Option<Evidence>)>, StoreError> {
    let mut of: Vec<StepRow> = at.store.finding_steps(sensor)?;
    of.retain(|step| step.rule == row.rule && step.subject == row.subject);
    of.reverse();
    of.truncate(MOST_STEPS);
    let mut history = Vec::new();
    for step in of {
        let reports: Vec<i64> = step.report_id.into_iter().collect();
        let evidence = at.store.evidence(&reports)?.pop().map(|EvidenceRow { place, received, hash, leaf }| Evidence {
            place: format!("{}-{}", place.epoch, place.seq),
            received: moment(received),
            hash: hex(&hash),
            leaf,
        });
        history.push((moment(step.at), sentence(&step.what), evidence));
    }
    Ok(history)
}

/// The requirements that it speaks to: the framework and its numbers.
fn controls(rule: &Rule) -> Vec<(String, String)> {
    let name = |framework: &str| {
        match framework {
            "hipaa" => "HIPAA, 45 CFR",
            "iso27001" => "ISO/IEC 27001 Annex A",
            "nist_csf2" => "NIST CSF 2.0",
            "hicp405d" => "HICP 405(d)",
            "cis_v8" => "CIS Controls 8",
            "gdpr" => "GDPR, article",
            "nist80053" => "NIST SP 800-53",
            other => other,
        }
        .to_owned()
    };
    rule.controls().map(|(framework, ids)| (name(framework), ids.collect::<Vec<_>>().join(", "))).collect()
}

/// A decision in words.
fn said(decision: &Decision) -> String {
    let until = decision.until.map(|until| day(Timestamp(until.0.saturating_sub(1)))).unwrap_or_default();
    match decision.what.as_str() {
        "accepted" => format!("accepted the risk until {until}"),
        "not-true" => "said that this is not so".to_owned(),
        "fixed" => "said that it was mended".to_owned(),
        _ => "opened it again".to_owned(),
    }
}

/// A reason that is one.
pub(super) const LEAST_REASON: usize = 10;
pub(super) const MOST_REASON: usize = 500;
/// The longest time for which a risk is accepted before somebody looks again.
const MOST_DAYS: u64 = 366;
/// Steps that a page shows.
const MOST_STEPS: usize = 50;
