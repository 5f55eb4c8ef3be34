//! Reviews: when the next one is due, what changed since the last, whether it was watched, which risks were accepted; the record for
//! the reviewer to take along. A person plans a review and writes down one that was held; a reviewer comments.
//!
//! Keeps: what was said, each a statement of the ledger. Drops: what the role may not say; a plan without a day.

use super::Desk;
use super::cosign::{Cosigned, cosigned};
use super::guard::{AtClinic, Visit};
use super::page::{Answered, Frame, html, html_with, redirect};
use super::problem::Problem;
use super::stream::stream;
use super::words::{counted, date, day, end_of, level, moment, sentence, typed};
use crate::access::hex;
use crate::judge::{EVER, REVIEW_WITHIN_DAYS, Reviews, Standing, WHOLE, changes};
use crate::ledger::LedgerError;
use crate::review;
use crate::store::{PlanEvent, StoreError};
use askama::Template;
use auscult_assess::plan::unheard;
use auscult_assess::rule::Rule;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "reviews.html")]
struct ReviewsPage {
    frame: Frame,
    name: String,
    title: String,
    state: String,
    tone: &'static str,
    since: String,
    leaves: Option<(u64, u64)>,
    changes: Vec<Change>,
    more_changes: usize,
    silent: String,
    accepted: Vec<(String, String)>,
    said: Vec<(String, PlanEvent, String)>,
    ledger: String,
    origin: String,
    key: String,
    has_record: bool,
    unheard: Vec<(String, &'static str)>,
    may_plan: bool,
    may_note: bool,
    wrong: String,
    cosigned: Cosigned,
    interval: u64,
    next: String,
    today: String,
}

/// A significant change.
struct Change {
    at: String,
    title: String,
    why: &'static str,
    href: String,
    /// When a review of it is due; `None`: it was reviewed.
    due: Option<(bool, String)>,
}

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    html(&made(desk, visit, String::new())?)
}

/// The page, with what is wrong with what was sent.
pub(super) fn wrong(desk: &Arc<Desk>, visit: &Visit, why: String) -> Answered {
    html_with(StatusCode::UNPROCESSABLE_ENTITY, &made(desk, visit, why)?)
}

/// Keeps what is said about reviews.
pub(super) fn say(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor, now) = (visit.clinic()?, visit.visitor()?, visit.now);
    let what = visit.form.get("what");
    if !["planned", "held", "noted"].contains(&what) {
        return Err(Problem::FORM);
    }
    if !at.role.may_say_of_reviews(what) {
        return Err(Problem::NOT_YOURS);
    }
    let when = end_of(visit.form.get("when")).map(|end| Timestamp(end.0.saturating_sub(MS_PER_DAY)));
    let interval = visit.form.get("interval").parse::<u64>().ok().filter(|n| INTERVAL_DAYS.contains(n));
    let words = typed(visit.form.get("why"), LEAST, MOST);
    let by = typed(visit.form.get("by"), 3, MOST_BY);
    let far = Timestamp(now.0.saturating_add(INTERVAL_DAYS.end().saturating_mul(MS_PER_DAY)));
    let wrong = match what {
        "planned" if interval.is_none() => "Reviews are planned every 30 to 1096 days.",
        "planned" if when.is_none_or(|when| when.days() < now.days() || when > far) => {
            "Choose the day of the next review: from today on, within three years."
        }
        "held" if when.is_none_or(|when| when > now) => "Say on which day it was held: one that has come.",
        "held" if by.is_none() => "Say who reviewed: name and employer, 3 to 120 characters.",
        _ if words.is_none() => "Say it in 10 to 500 characters: it stays in the record.",
        _ => "",
    };
    let (Some(words), "") = (words, wrong) else { return self::wrong(desk, visit, wrong.to_owned()) };
    let size = at.store.ledger_head().map_err(|_| Problem::BUSY)?.map_or(0, |(size, _)| size);
    let topic = match (what, visit.form.get("scope")) {
        ("held", "changes") => "changes",
        ("held", _) => WHOLE,
        _ => "",
    };
    let event = PlanEvent {
        what: what.to_owned(),
        person: visitor.name.clone(),
        topic: topic.to_owned(),
        when: when.filter(|_| what != "noted"),
        number: match what {
            "planned" => interval,
            "held" => Some(size),
            _ => None,
        },
        words: by.filter(|_| what == "held").map_or_else(|| words.clone(), |by| format!("reviewed by {by}: {words}")),
        ..PlanEvent::default()
    };
    at.store.say_plans(Some(0), &[event], now).map_err(|_| Problem::BUSY)?;
    Ok(redirect(&visit.path))
}

/// The record of the clinic, for a reviewer to check elsewhere: a folder as one file (ustar, POSIX.1-1988).
pub(super) fn record(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, now) = (visit.clinic()?, visit.now);
    if at.store.ledger_head().map_err(|_| Problem::BUSY)?.is_none() {
        return Ok(redirect(&format!("/clinics/{}/reviews", at.row.name)));
    }
    let (store, name) = (at.store.clone(), format!("record-{}-{}.tar", at.row.name, date(now)));
    stream(desk, ("application/x-tar", &name), move |desk, out| {
        let mut folder = tar::Builder::new(out);
        let gone = |e: std::io::Error| LedgerError::Disk(format!("record.tar: {e}"));
        review::parts((&desk.ledger, &desk.knowledge), &store, None, now, &mut |name, octets| {
            let mut head = tar::Header::new_ustar();
            head.set_size(u64::try_from(octets.len()).unwrap_or(u64::MAX));
            head.set_mode(0o600);
            head.set_mtime(now.0 / 1_000);
            folder.append_data(&mut head, format!("record/{name}"), octets).map_err(gone)
        })?;
        folder.finish().map_err(gone)?;
        Ok::<_, review::ExportError>(())
    })
}

fn made(desk: &Desk, visit: &Visit, wrong: String) -> Result<ReviewsPage, Problem> {
    let (at, now) = (visit.clinic()?, visit.now);
    let busy = |_: StoreError| Problem::BUSY;
    let events = at.store.plan_events().map_err(busy)?;
    let reviews = Reviews::of(&events, EVER);
    let head = at.store.ledger_head().map_err(busy)?;
    let mut listed = listed(desk, at, &reviews, now).map_err(busy)?;
    let more_changes = listed.len().saturating_sub(MOST_CHANGES);
    listed.truncate(MOST_CHANGES);
    let (state, tone) = state(&reviews, now);
    let interval = reviews.interval_days.unwrap_or(DEFAULT_INTERVAL);
    let soon = Timestamp(now.0.saturating_add(interval.saturating_mul(MS_PER_DAY)));
    let next = reviews.due.filter(|due| due.days() >= now.days()).unwrap_or(soon);
    Ok(ReviewsPage {
        frame: visit.frame(format!("Reviews of {}", at.row.title), "reviews"),
        name: at.row.name.clone(),
        title: at.row.title.clone(),
        state,
        tone,
        since: reviews.held.map_or_else(|| "the beginning".to_owned(), |held| format!("the review of {}", day(held))),
        leaves: head.map(|(size, _)| (reviews.seen, size)),
        changes: listed,
        more_changes,
        silent: silent(at, &reviews, now).map_err(busy)?,
        accepted: accepted(desk, at, now).map_err(busy)?,
        said: events
            .iter()
            .rev()
            .filter(|e| e.matter == 0)
            .take(MOST_SAID)
            .map(|e| (said(e), e.clone(), hex(&e.statement)))
            .collect(),
        ledger: at.row.ledger.to_string(),
        origin: desk.ledger.origin(&at.row),
        key: desk.ledger.key(&at.row).map(|key| key.vkey()).unwrap_or_default(),
        has_record: head.is_some(),
        unheard: unheard().map(|(kind, why)| (sentence(&kind.replace('-', " ")), why)).collect(),
        may_plan: at.role.may_say_of_reviews("planned"),
        may_note: at.role.may_say_of_reviews("noted"),
        wrong,
        cosigned: cosigned(at, head.map_or(0, |(size, _)| size)).map_err(busy)?,
        interval,
        next: date(next),
        today: date(now),
    })
}

/// How reviews stand, in a sentence.
fn state(reviews: &Reviews, now: Timestamp) -> (String, &'static str) {
    let last =
        reviews.held.map_or_else(|| "never reviewed".to_owned(), |held| format!("last reviewed on {}", day(held)));
    match (reviews.due, reviews.days_overdue(now)) {
        (Some(due), Some(late)) if late > 0 => {
            let late = counted(usize::try_from(late).unwrap_or(0), "day");
            (format!("Overdue by {late}: it was planned for {}; {last}.", day(due)), "bad")
        }
        (Some(due), _) => (format!("The next review is planned for {}; {last}.", day(due)), "good"),
        (None, _) => (format!("No review is planned; {last}."), "fair"),
    }
}

/// Significant changes since the last review, the newest first; those that nobody reviewed yet say until when.
fn listed(desk: &Desk, at: &AtClinic, reviews: &Reviews, now: Timestamp) -> Result<Vec<Change>, StoreError> {
    let mut found = changes(&at.store)?;
    found.retain(|change| change.at > reviews.covered.min(reviews.held.unwrap_or_default()));
    found.reverse();
    Ok(found
        .into_iter()
        .map(|change| {
            let (sensor, rule, subject) = &change.finding;
            let due = Timestamp(change.at.0.saturating_add(REVIEW_WITHIN_DAYS.saturating_mul(MS_PER_DAY)));
            Change {
                at: moment(change.at),
                title: desk.knowledge.rule(rule).map_or("a finding of an older catalogue", Rule::title).to_owned(),
                why: change.why,
                href: format!("/clinics/{}/findings/{sensor}/{rule}/{}", at.row.name, hex(subject)),
                due: (change.at > reviews.covered).then(|| (due <= now, day(due))),
            }
        })
        .collect())
}

/// In how many hours since the last review nobody listened, in a sentence.
fn silent(at: &AtClinic, reviews: &Reviews, now: Timestamp) -> Result<String, StoreError> {
    let oldest = now.days().saturating_sub(MOST_DAYS);
    let from = reviews.held.map_or(oldest, |held| held.days().max(oldest));
    let days = at.store.listened(from)?;
    Ok(super::coverage::sentence(days.iter().map(|(_, day)| day), from, now))
}

/// Risks that are accepted now: the matter, and by whom until when.
fn accepted(desk: &Desk, at: &AtClinic, now: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
    let mut accepted = Vec::new();
    let decisions = at.store.decisions()?;
    for found in super::matters::matters(desk, (&at.row.name, &at.store), now)? {
        let Standing::Accepted(until) = found.standing else { continue };
        let of = decisions.iter().find(|d| d.rule == found.row.rule && d.subject == found.row.subject);
        let by = of.map_or("somebody", |d| d.person.as_str());
        let why = of.map_or("", |d| d.reason.as_str());
        let until = day(Timestamp(until.0.saturating_sub(1)));
        let word = level(found.row.severity).word;
        accepted.push((format!("{word}: {}, {}", found.title, found.about), format!("by {by} until {until}: {why}")));
    }
    accepted.truncate(MOST_ACCEPTED);
    Ok(accepted)
}

/// What was said, in words.
fn said(event: &PlanEvent) -> String {
    let when = event.when.map(day).unwrap_or_default();
    match (event.what.as_str(), event.topic.as_str()) {
        ("planned", _) => format!("planned the next review for {when}, then every {} days", event.number.unwrap_or(0)),
        ("held", "changes") => {
            format!("wrote down a review of the changes, held on {when}, at entry {}", event.number.unwrap_or(0))
        }
        ("held", _) => format!("wrote down a whole review, held on {when}, at entry {}", event.number.unwrap_or(0)),
        _ => "commented".to_owned(),
    }
}

/// Days between two reviews: monthly to three years; yearly is usual (ISO/IEC 27001 9.2, A.5.35; 45 CFR 164.308(a)(8)).
const INTERVAL_DAYS: std::ops::RangeInclusive<u64> = 30..=1_096;
const DEFAULT_INTERVAL: u64 = 365;
/// Changes, comments and risks that a page shows.
const MOST_CHANGES: usize = 60;
const MOST_SAID: usize = 60;
const MOST_ACCEPTED: usize = 60;
/// Days that are looked back over.
const MOST_DAYS: u64 = 400;
/// Words that say something; who reviewed.
const LEAST: usize = 10;
const MOST: usize = 500;
const MOST_BY: usize = 120;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn how_reviews_stand_is_said_in_a_sentence() {
        let day = |n: u64| Timestamp(n * MS_PER_DAY);
        let none = Reviews::default();
        assert_eq!(state(&none, day(20_000)).0, "No review is planned; never reviewed.");
        let late = Reviews { due: Some(day(19_990)), held: Some(day(19_600)), ..none };
        let (said, tone) = state(&late, day(20_000));
        assert!(said.starts_with("Overdue by 10 days") && tone == "bad", "{said}");
    }
}
