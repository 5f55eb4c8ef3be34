//! Deadlines: breach matters of a clinic, the notices that laws want, until when, who was told. A person opens a matter; no finding
//! starts a clock.
//!
//! Keeps: what was said, each a statement of the ledger. Drops: a matter without a title, a law or a moment of discovery; a notice
//! without a word of whom and how.

use super::Desk;
use super::guard::{AtClinic, Visit};
use super::matters::sensor_id;
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::words::{Level, at_minute, day, level, long, minute, moment, sentence, typed};
use crate::access::{Right, hex, octets};
use crate::judge::{EVER, Matter, Notice};
use crate::store::{FindingId, PlanEvent, StoreError};
use askama::Template;
use auscult_assess::clock::{clock, groups};
use auscult_assess::rule::Rule;
use auscult_report::key::SensorId;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use axum::http::StatusCode;
use std::fmt::Write;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "deadlines.html")]
struct DeadlinesPage {
    frame: Frame,
    name: String,
    title: String,
    open: Vec<Listed>,
    closed: Vec<Listed>,
    /// Groups of laws: the word, where they hold, whether they are chosen.
    laws: Vec<(&'static str, &'static str, bool)>,
    may: bool,
    wrong: &'static str,
    /// The finding that a new matter would begin with: how its form names it, and its words.
    finding: Option<(String, String, String)>,
    typed: [String; 3],
}

/// A matter in the list.
struct Listed {
    href: String,
    title: String,
    discovered: String,
    left: usize,
    due: Option<(Level, String)>,
}

#[derive(Template)]
#[template(path = "matter.html")]
struct MatterPage {
    frame: Frame,
    href: String,
    title: String,
    state: String,
    tone: &'static str,
    discovered: String,
    opened: String,
    by: String,
    proof: Vec<String>,
    /// The finding: where, its words, when it was first heard.
    finding: Option<(String, String, String)>,
    notices: Vec<Row>,
    /// Groups of laws: the word, where they hold, whether they are chosen.
    laws: Vec<(&'static str, &'static str, bool)>,
    said: Vec<(String, PlanEvent, String)>,
    is_closed: bool,
    may: bool,
    wrong: &'static str,
    now: String,
    discovered_at: String,
}

/// A notice.
struct Row {
    id: &'static str,
    notice: Notice,
    due: Option<(Level, String, String)>,
    settled: Option<String>,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, "")?)
}

/// Opens a matter.
pub(super) fn open(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor, now) = (visit.clinic()?, visit.visitor()?, visit.now);
    let laws = chosen(visit);
    let (title, why) = (typed(visit.form.get("title"), 3, MOST_TITLE), typed(visit.form.get("why"), LEAST, MOST));
    let discovered = at_minute(visit.form.get("discovered")).filter(|at| can_be(*at, now));
    let wrong = match (&title, discovered, &why) {
        (None, ..) => "Give the matter a name of 3 to 120 characters.",
        (_, None, _) => "Say when it was discovered: a moment that has passed, at most ten years ago.",
        _ if laws.is_empty() => "Choose at least one law: which ones apply is a question for counsel.",
        (.., None) => "Say what was discovered, in 10 to 500 characters. No names of patients.",
        _ => "",
    };
    let (Some(title), Some(discovered), Some(why), "") = (title, discovered, why, wrong) else {
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, wrong)?);
    };
    let finding = named_finding(visit.form.get("finding"));
    let proof = finding.as_ref().map(|f| proof(at, f)).transpose().map_err(|_| Problem::BUSY)?.flatten();
    let person = visitor.name.clone();
    let opened = PlanEvent {
        what: "opened".to_owned(),
        person: person.clone(),
        topic: title,
        when: Some(discovered),
        words: why,
        // What is not there has no proof, and is not named.
        finding: finding.filter(|_| proof.is_some()),
        proof: proof.unwrap_or_default(),
        ..PlanEvent::default()
    };
    let words = "chosen when the matter was opened".to_owned();
    let applies =
        PlanEvent { what: "applies".to_owned(), person, topic: laws.join(","), words, ..PlanEvent::default() };
    let no = at.store.say_plans(None, &[opened, applies], now).map_err(|_| Problem::BUSY)?;
    Ok(redirect(&format!("/clinics/{}/deadlines/{no}", at.row.name)))
}

pub(super) fn matter(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made_matter(desk, visit, "")?)
}

/// Keeps what is said about a matter.
pub(super) fn say(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor, now) = (visit.clinic()?, visit.visitor()?, visit.now);
    let matter = found(at, visit)?;
    let what = visit.form.get("what");
    let when = at_minute(visit.form.get("when")).filter(|at| can_be(*at, now));
    let laws = chosen(visit);
    let (topic, wrong) = match what {
        "told" | "not-needed" => {
            let clock = clock(visit.form.get("clock")).filter(|c| matter.groups.iter().any(|g| g == c.group));
            let clock = clock.ok_or(Problem::FORM)?;
            let lacks = what == "told" && when.is_none();
            (clock.id.to_owned(), if lacks { "Say when they were told: a moment that has passed." } else { "" })
        }
        "moved" if when.is_none() => (String::new(), "Say when it was discovered: a moment that has passed."),
        "applies" if laws.is_empty() => (String::new(), "Choose at least one law."),
        "applies" => (laws.join(","), ""),
        "moved" | "closed" | "again" => (String::new(), ""),
        _ => return Err(Problem::FORM),
    };
    let words = typed(visit.form.get("why"), LEAST, MOST);
    let wrong = if wrong.is_empty() && words.is_none() {
        "Say it in 10 to 500 characters: a reviewer will read it."
    } else {
        wrong
    };
    let (Some(words), "") = (words, wrong) else {
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &made_matter(desk, visit, wrong)?);
    };
    let (what, person) = (what.to_owned(), visitor.name.clone());
    let when = when.filter(|_| matches!(what.as_str(), "told" | "moved"));
    let event = PlanEvent { what, person, topic, when, words, ..PlanEvent::default() };
    at.store.say_plans(Some(matter.no), &[event], now).map_err(|_| Problem::BUSY)?;
    Ok(redirect(&visit.path))
}

/// The matter that the path names.
pub(super) fn found(at: &AtClinic, visit: &Visit) -> Result<Matter, Problem> {
    let no: u64 = visit.part("matter").parse().map_err(|_| Problem::NOT_FOUND)?;
    let events = at.store.plan_events().map_err(|_| Problem::BUSY)?;
    Matter::all(&events, EVER).into_iter().find(|m| m.no == no).ok_or(Problem::NOT_FOUND)
}

/// How near a moment is: a level and words.
pub(super) fn nearness(due: Timestamp, now: Timestamp) -> (Level, String) {
    let (left, past) = (due.since_ms(now), now.since_ms(due));
    match (left, past) {
        (0, past) if past > 0 => (level(4), format!("passed {} ago", long(past))),
        (left, _) if left < 2 * MS_PER_DAY => (level(4), format!("in {}", long(left))),
        (left, _) if left < 7 * MS_PER_DAY => (level(3), format!("in {}", long(left))),
        (left, _) => (level(1), format!("in {}", long(left))),
    }
}

fn made(desk: &Desk, visit: &Visit, wrong: &'static str) -> Result<DeadlinesPage, Problem> {
    let (at, now) = (visit.clinic()?, visit.now);
    let events = at.store.plan_events().map_err(|_| Problem::BUSY)?;
    let mut matters = Matter::all(&events, EVER);
    matters.sort_by_key(|m| (m.next_due().unwrap_or(Timestamp(u64::MAX)), m.no));
    let (closed, open): (Vec<Matter>, Vec<Matter>) = matters.into_iter().partition(|m| m.closed.is_some());
    let is_wrong = !wrong.is_empty();
    let asked = if is_wrong { visit.form.get("finding") } else { visit.query.get("finding") };
    let finding = named_finding(asked).map(|f| finding_words(desk, at, &f)).transpose().map_err(|_| Problem::BUSY)?;
    let finding = finding.flatten().map(|(title, first)| (asked.to_owned(), title, first));
    let first = finding.as_ref().map(|(_, title, first)| (title.clone(), minute(*first)));
    let typed = if is_wrong {
        ["title", "discovered", "why"].map(|field| visit.form.get(field).to_owned())
    } else {
        let (title, discovered) = first.unwrap_or_default();
        [title.chars().take(MOST_TITLE).collect(), discovered, String::new()]
    };
    Ok(DeadlinesPage {
        frame: visit.frame(format!("Deadlines of {}", at.row.title), "deadlines"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        open: open.iter().map(|m| listed(&at.row.name, m, now)).collect(),
        closed: closed.iter().map(|m| listed(&at.row.name, m, now)).collect(),
        laws: laws(&chosen(visit)),
        may: at.role.may(Right::Decide),
        wrong,
        finding: finding.map(|(form, title, first)| (form, title, moment(first))),
        typed,
    })
}

fn listed(clinic: &str, matter: &Matter, now: Timestamp) -> Listed {
    Listed {
        href: format!("/clinics/{clinic}/deadlines/{}", matter.no),
        title: matter.title.clone(),
        discovered: moment(matter.discovered),
        left: matter.notices().iter().filter(|n| n.settled.is_none()).count(),
        due: matter.next_due().map(|due| nearness(due, now)),
    }
}

fn made_matter(desk: &Desk, visit: &Visit, wrong: &'static str) -> Result<MatterPage, Problem> {
    let (at, now) = (visit.clinic()?, visit.now);
    let matter = found(at, visit)?;
    let mut notices: Vec<Row> = matter.notices().into_iter().map(|notice| row(notice, now)).collect();
    let late = Timestamp(u64::MAX);
    notices.sort_by_key(|row| (row.settled.is_some(), row.notice.due.unwrap_or(late)));
    let finding = matter.finding.as_ref();
    let words = finding.map(|f| finding_words(desk, at, f)).transpose().map_err(|_| Problem::BUSY)?.flatten();
    let place = finding
        .map(|(sensor, rule, subject)| format!("/clinics/{}/findings/{sensor}/{rule}/{}", at.row.name, hex(subject)));
    let (state, tone) = match (matter.closed, matter.next_due()) {
        (Some(at), _) => (format!("Closed on {}.", day(at)), "good"),
        (None, Some(due)) => {
            let (near, said) = nearness(due, now);
            let said = format!("The next notice is due {said}: before {}.", moment(due));
            (sentence(&said), if near.number >= 3 { "bad" } else { "fair" })
        }
        (None, None) => ("Nothing with a date is open.".to_owned(), "plain"),
    };
    let chosen: Vec<String> = if wrong.is_empty() { matter.groups.clone() } else { chosen(visit) };
    Ok(MatterPage {
        frame: visit.frame(matter.title.clone(), "deadlines"),
        href: format!("/clinics/{}/deadlines/{}", at.row.name, matter.no),
        title: matter.title.clone(),
        state,
        tone,
        discovered: moment(matter.discovered),
        opened: moment(matter.opened.0),
        by: matter.opened.1.clone(),
        proof: matter.proof.lines().map(str::to_owned).collect(),
        finding: place.zip(words).map(|(place, (title, first))| (place, title, moment(first))),
        notices,
        laws: laws(&chosen),
        said: matter.said.iter().rev().map(|e| (said(e), e.clone(), hex(&e.statement))).collect(),
        is_closed: matter.closed.is_some(),
        may: at.role.may(Right::Decide),
        wrong,
        now: minute(now),
        discovered_at: minute(matter.discovered),
    })
}

fn row(notice: Notice, now: Timestamp) -> Row {
    let due = notice.due.map(|due| {
        let (near, said) = nearness(due, now);
        (near, said, moment(due))
    });
    let settled = notice.settled.as_ref().map(|s| match s.told {
        true => format!("Told on {}: {} ({})", moment(s.when), s.words, s.person),
        false => format!("Not needed: {} ({})", s.words, s.person),
    });
    Row { id: notice.clock.id, notice, due, settled }
}

/// What was said, in words.
fn said(event: &PlanEvent) -> String {
    let when = event.when.map(moment).unwrap_or_default();
    let told = clock(&event.topic).map_or(event.topic.as_str(), |c| c.told);
    match event.what.as_str() {
        "opened" => format!("opened the matter; discovered {when}"),
        "moved" => format!("corrected the discovery to {when}"),
        "applies" => format!("chose the laws: {}", places(&event.topic)),
        "told" => format!("told {told} on {when} ({})", event.topic),
        "not-needed" => format!("said that {told} need not be told ({})", event.topic),
        "closed" => "closed the matter".to_owned(),
        _ => "opened the matter again".to_owned(),
    }
}

/// Where groups of laws hold.
fn places(topic: &str) -> String {
    let all = groups();
    let place = |group: &str| all.iter().find(|(g, _)| *g == group).map_or("?", |(_, place)| place);
    topic.split(',').map(place).collect::<Vec<_>>().join("; ")
}

/// Every group of laws, for a form.
fn laws(chosen: &[String]) -> Vec<(&'static str, &'static str, bool)> {
    groups().into_iter().map(|(group, place)| (group, place, chosen.iter().any(|c| c == group))).collect()
}

/// The groups of laws that a form names.
fn chosen(visit: &Visit) -> Vec<String> {
    let all = groups();
    all.iter().filter(|(group, _)| visit.form.all("laws").any(|l| l == *group)).map(|(g, _)| (*g).to_owned()).collect()
}

/// Whether something can have been discovered, or told, at a moment.
fn can_be(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since_ms(at) <= MOST_DAYS.saturating_mul(MS_PER_DAY)
}

/// A finding as a form names it: sensor, rule, subject, dots between.
fn named_finding(text: &str) -> Option<(SensorId, String, Vec<u8>)> {
    let mut parts = text.split('.');
    let (sensor, rule, subject) = (sensor_id(parts.next()?).ok()?, parts.next()?, octets(parts.next()?));
    (parts.next().is_none() && !subject.is_empty()).then(|| (sensor, rule.to_owned(), subject))
}

/// The title of a finding, and when it was first heard; `None`: it is not there.
fn finding_words(
    desk: &Desk,
    at: &AtClinic,
    (sensor, rule, subject): &(SensorId, String, Vec<u8>),
) -> Result<Option<(String, Timestamp)>, StoreError> {
    let Some(row) = at.store.finding(FindingId { sensor: *sensor, rule, subject })? else { return Ok(None) };
    let first = at.store.finding_steps(*sensor)?.into_iter().find(|s| s.rule == *rule && s.subject == *subject);
    let title = desk.knowledge.rule(rule).map_or("a finding of an older catalogue", Rule::title);
    Ok(Some((title.to_owned(), first.map_or(row.opened, |step| step.at))))
}

/// What proves when a finding was first heard: the report, its leaf, the newest checkpoint; a line each. `None`: it is not there.
fn proof(at: &AtClinic, (sensor, rule, subject): &(SensorId, String, Vec<u8>)) -> Result<Option<String>, StoreError> {
    if at.store.finding(FindingId { sensor: *sensor, rule, subject })?.is_none() {
        return Ok(None);
    }
    let mut proof = String::new();
    let first = at.store.finding_steps(*sensor)?.into_iter().find(|s| s.rule == *rule && s.subject == *subject);
    if let Some(first) = first {
        let _ = writeln!(proof, "first heard {}", first.at.0);
        let reports: Vec<i64> = first.report_id.into_iter().collect();
        if let Some(row) = at.store.evidence(&reports)?.pop() {
            let _ = writeln!(proof, "report {}-{} sha256 {}", row.place.epoch, row.place.seq, hex(&row.hash));
            if let Some(leaf) = row.leaf {
                let _ = writeln!(proof, "leaf {leaf}");
            }
        }
    }
    if let (Some(head), _) = at.store.book()? {
        let _ = writeln!(proof, "checkpoint {} {}", head.size, hex(&head.root));
    }
    Ok(Some(proof))
}

/// A name that fits on a line.
const MOST_TITLE: usize = 120;
/// Words that say something.
const LEAST: usize = 10;
const MOST: usize = 500;
/// What was discovered longer ago is no matter of a notice.
const MOST_DAYS: u64 = 3_653;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_said_with_its_level() {
        let now = Timestamp(100 * MS_PER_DAY);
        let said = |due: u64| {
            let (level, said) = nearness(Timestamp(due), now);
            (level.number, said)
        };
        assert_eq!(said(now.0 - 3 * 3_600_000), (4, "passed 3 hours ago".to_owned()));
        assert_eq!(said(now.0 + MS_PER_DAY), (4, "in 24 hours".to_owned()));
        assert_eq!(said(now.0 + 3 * MS_PER_DAY), (3, "in 3 days".to_owned()));
        assert_eq!(said(now.0 + 30 * MS_PER_DAY), (1, "in 30 days".to_owned()));
    }

    #[test]
    fn a_finding_is_named_by_three_parts() {
        let text = format!("{}.wifi-open-network.0401", "ab".repeat(16));
        assert_eq!(named_finding(&text), Some((SensorId([0xab; 16]), "wifi-open-network".to_owned(), vec![4, 1])));
        for bad in ["", "a.b.c", &format!("{text}.x"), &text[..40]] {
            assert_eq!(named_finding(bad), None, "{bad}");
        }
    }
}
