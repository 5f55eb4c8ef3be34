//! Proposals and comments about a finding: a technician proposes, an administrator who is somebody else confirms; everybody may say
//! something, which changes nothing.
//!
//! Keeps: both; a confirmed proposal is a decision of the ledger, a comment a statement. Drops: a comment without words.

use super::Desk;
use super::finding;
use super::guard::Visit;
use super::page::{Answered, redirect};
use super::problem::Problem;
use super::words::{day, moment};
use crate::store::{Comment, Proposal};
use auscult_report::time::Timestamp;
use std::sync::Arc;

/// A proposal, as its page shows it.
pub(super) struct Asked {
    pub(super) id: i64,
    pub(super) says: String,
    pub(super) person: String,
    pub(super) reason: String,
    pub(super) at: String,
    /// What became of it; empty: it waits.
    pub(super) answer: String,
    /// Whether it is one's own: then somebody else confirms.
    pub(super) own: bool,
}

impl Asked {
    /// For somebody who looks at it.
    pub(super) fn of(proposal: &Proposal, visitor: &str) -> Asked {
        let until = proposal.until.map(|until| day(Timestamp(until.0.saturating_sub(1)))).unwrap_or_default();
        let says = match proposal.what.as_str() {
            "accepted" => format!("proposes to accept the risk until {until}"),
            "not-true" => "proposes to say that this is not so".to_owned(),
            "fixed" => "proposes to say that it was mended".to_owned(),
            _ => "proposes to open it again".to_owned(),
        };
        let answer = match &proposal.answer {
            None => String::new(),
            Some((answer, _)) if answer == "replaced" => "replaced by a newer proposal".to_owned(),
            Some((answer, by)) => format!("{answer} by {by}"),
        };
        Asked {
            id: proposal.id,
            says,
            person: proposal.person.clone(),
            reason: proposal.reason.clone(),
            at: moment(proposal.proposed),
            answer,
            own: proposal.person == visitor,
        }
    }
}

/// A comment, as its page shows it: who, when, the words.
pub(super) fn shown(comment: Comment) -> (String, String, String) {
    (comment.person, moment(comment.said), comment.words)
}

/// Confirms or declines a proposal.
pub(super) fn answer(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor) = (visit.clinic()?, visit.visitor()?);
    let (_, row) = finding::found(visit)?;
    let confirm = match visit.form.get("answer") {
        "confirm" => true,
        "decline" => false,
        _ => return Err(Problem::FORM),
    };
    let number: i64 = visit.form.get("proposal").parse().map_err(|_| Problem::FORM)?;
    let own = finding::proposals(visit)?.into_iter().find(|p| p.id == number).ok_or(Problem::NOT_FOUND)?;
    if own.person == visitor.name {
        return finding::refused(desk, visit, "Somebody else must confirm what you proposed yourself.");
    }
    let by = (visitor.name.as_str(), row.severity);
    if !at.store.answer_proposal(number, confirm, by, visit.now).map_err(|_| Problem::BUSY)? {
        return finding::refused(desk, visit, "This proposal does not wait any more: look what became of it.");
    }
    Ok(redirect(finding_path(visit)))
}

/// Keeps what somebody says.
pub(super) fn comment(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (at, visitor) = (visit.clinic()?, visit.visitor()?);
    let (sensor, row) = finding::found(visit)?;
    let words = visit.form.get("words").trim();
    if let Some(wrong) = finding::odd(words) {
        return finding::refused(desk, visit, wrong);
    }
    let of = crate::store::FindingId { sensor, rule: &row.rule, subject: &row.subject };
    at.store.comment(of, (&visitor.name, words), visit.now).map_err(|_| Problem::BUSY)?;
    Ok(redirect(finding_path(visit)))
}

/// The finding's page, from a path below it.
fn finding_path(visit: &Visit) -> &str {
    visit.path.rsplit_once('/').map_or("/", |(above, _)| above)
}
