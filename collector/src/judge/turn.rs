//! From what holds now to what became of each finding: opened, worse, milder, fixed, came back.
//!
//! A finding is gone if the very thing that it rested on was heard again and now says something else; or if the subject
//! was silent for as many days, each of them really listened to, as its rule asks; or if a date passed. Otherwise it stays
//! open: not heard is not gone. What is known of the sensor itself ends by the words of its rule (`gone-when`). Keeps: the facts that a finding last rested on. Drops: observations below 50 percent.

use super::state::Heard;
use crate::store::{FindingRow, Step, StepRow};
use auscult_assess::knowledge::Knowledge;
use auscult_assess::past::Past;
use auscult_assess::rule::Rule;
use auscult_assess::sensing::Sensing;
use auscult_assess::{Finding, SHOWN_PERCENT, Severity, assess_over};
use auscult_report::fact::Fact;
use auscult_report::subject::Subject;
use auscult_report::summary::{Sighting, Summary};
use auscult_report::terms::{Login, MailStartTls};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use auscult_report::zone::Zone;
use std::collections::{BTreeMap, BTreeSet};

/// The findings of one sensor while they are judged.
#[derive(Default)]
pub(super) struct Findings {
    rows: BTreeMap<Id, FindingRow>,
    changed: BTreeSet<Id>,
    steps: Vec<StepRow>,
}

/// A rule and an encoded subject.
type Id = (String, Vec<u8>);

/// A moment of judging.
pub(super) struct Turn<'a> {
    pub(super) knowledge: &'a Knowledge,
    pub(super) now: Timestamp,
    /// What was heard just now, and in which report; `None`: only a date passed.
    pub(super) heard: Option<(Heard, i64)>,
    /// How long the sensor has heard in all.
    pub(super) heard_ms: u64,
    /// What is known of the sensor itself.
    pub(super) sensing: Sensing,
    /// What was heard before.
    pub(super) past: &'a Past,
}

impl Findings {
    pub(super) fn of(rows: Vec<FindingRow>) -> Findings {
        let rows = rows.into_iter().map(|row| ((row.rule.clone(), row.subject.clone()), row)).collect();
        Findings { rows, ..Findings::default() }
    }

    /// Whether any is open.
    pub(super) fn is_any_open(&self) -> bool {
        self.rows.values().any(|row| row.closed.is_none())
    }

    /// What changed since the last call.
    pub(super) fn take_changes(&mut self) -> (Vec<FindingRow>, Vec<StepRow>) {
        let changed = core::mem::take(&mut self.changed);
        (changed.iter().filter_map(|id| self.rows.get(id).cloned()).collect(), core::mem::take(&mut self.steps))
    }

    /// Judges a state.
    pub(super) fn judge(&mut self, summary: &Summary, turn: &Turn<'_>) {
        self.found(&assess_over(summary, (&turn.sensing, turn.past), turn.knowledge, turn.now), summary, turn);
    }

    /// Keeps what was found in a state.
    pub(super) fn found(&mut self, found: &[Finding<'_>], summary: &Summary, turn: &Turn<'_>) {
        let mut holding = BTreeSet::new();
        for finding in found {
            if finding.confidence_percent < SHOWN_PERCENT {
                continue;
            }
            let Ok(subject) = postcard::to_allocvec(&finding.subject) else { continue };
            let id = (finding.rule.id().to_owned(), subject);
            // The worst stands first; of a subject it is the one that counts.
            if holding.insert(id.clone()) {
                self.holds(&id, finding, summary, turn);
            }
        }
        let open: Vec<Id> = self
            .rows
            .iter()
            .filter(|(id, r)| r.closed.is_none() && !holding.contains(*id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in open {
            self.holds_no_more(&id, summary, turn);
        }
        // What is only remembered and was not heard for as long as its rule asks is gone too.
        let stale: Vec<Id> = holding.into_iter().filter(|id| self.is_silent(id, turn)).collect();
        for id in stale {
            self.close(&id, "silence", turn);
        }
    }

    /// A finding holds: it is opened, comes back, changes, or goes on.
    fn holds(&mut self, id: &Id, finding: &Finding<'_>, summary: &Summary, turn: &Turn<'_>) {
        let proof: Vec<&Sighting> = finding.proof.iter().filter_map(|n| summary.sightings.get(*n)).collect();
        // What is known of the sensor is known now; it rests on no sighting.
        let is_heard = finding.rule.gone_when().is_some()
            || turn.heard.is_some_and(|(heard, _)| proof.iter().any(|s| heard.has(s)));
        let severity = level(finding.severity);
        let before = self.rows.get(id);
        let step = match before {
            None => Some(Step::Opened),
            Some(row) => match &row.closed {
                // Remembered is not heard again.
                Some((_, by)) if !is_heard && (turn.heard.is_some() || by != "date") => return,
                Some(_) => Some(Step::CameBack),
                None if severity > row.severity => Some(Step::Worse),
                None if severity < row.severity => Some(Step::Milder),
                None => None,
            },
        };
        let is_open_before = before.is_some_and(|row| row.closed.is_none());
        let mut row = before.cloned().unwrap_or_else(|| new_row(id, turn.now));
        if !is_open_before {
            row.opened = turn.now;
            row.times_opened = row.times_opened.saturating_add(1);
        }
        if step.is_some() {
            row.changed = turn.now;
        }
        if is_heard || !is_open_before {
            row.held = turn.now;
            row.held_heard_ms = turn.heard_ms;
        }
        row.rule_version = finding.rule.version();
        row.severity = severity;
        row.confidence = finding.confidence_percent;
        row.proof = postcard::to_allocvec(&facts(&proof)).unwrap_or_default();
        row.holds = true;
        row.closed = None;
        self.put(id, row, step, turn);
    }

    /// A finding that was open holds no more: it is gone, or only not heard.
    fn holds_no_more(&mut self, id: &Id, summary: &Summary, turn: &Turn<'_>) {
        let Some(row) = self.rows.get(id) else { return };
        let rule = turn.knowledge.rules().iter().find(|r| r.id() == id.0);
        if let Some((rule, is_gone)) = rule.and_then(|r| Some((r, turn.sensing.is_gone(r, turn.knowledge)?))) {
            return self.is_known_otherwise(id, rule, is_gone, turn);
        }
        let by = match (&turn.heard, rule) {
            // The rule is no more: what it said is not said any more.
            (_, None) => Some("date"),
            (None, Some(_)) => row.holds.then_some("date"),
            (Some((heard, _)), Some(_)) if contradicts(row, summary, heard) => Some("heard"),
            (Some(_), Some(rule)) if is_protected_again(rule, row, turn) => Some("heard"),
            _ => self.is_silent(id, turn).then_some("silence"),
        };
        match by {
            Some(by) => self.close(id, by, turn),
            None if row.holds => {
                let row = FindingRow { holds: false, ..row.clone() };
                self.put(id, row, None, turn);
            }
            None => {}
        }
    }

    /// A finding about the sensor holds no more: it is gone once the words of its rule held for as long as they ask, in time that was
    /// listened to.
    fn is_known_otherwise(&mut self, id: &Id, rule: &Rule, is_gone: bool, turn: &Turn<'_>) {
        let Some(row) = self.rows.get(id) else { return };
        let held_heard_ms = if is_gone { row.held_heard_ms } else { turn.heard_ms };
        let waited_ms = turn.heard_ms.saturating_sub(held_heard_ms);
        if is_gone && waited_ms >= u64::from(rule.gone_days()).saturating_mul(MS_PER_DAY) {
            return self.close(id, "heard", turn);
        }
        let row = FindingRow { holds: false, held_heard_ms, ..row.clone() };
        self.put(id, row, None, turn);
    }

    /// Whether nothing of an open finding was heard for as long as its rule asks.
    fn is_silent(&self, id: &Id, turn: &Turn<'_>) -> bool {
        let rule = turn.knowledge.rules().iter().find(|r| r.id() == id.0).filter(|r| r.gone_when().is_none());
        let days = rule.and_then(Rule::silent_days);
        let (Some(days), Some(row)) = (days, self.rows.get(id)) else { return false };
        let silent = turn.heard_ms.saturating_sub(row.held_heard_ms);
        row.closed.is_none() && silent >= u64::from(days).saturating_mul(MS_PER_DAY)
    }

    fn close(&mut self, id: &Id, by: &str, turn: &Turn<'_>) {
        let Some(row) = self.rows.get(id) else { return };
        let row = FindingRow { holds: false, closed: Some((turn.now, by.to_owned())), ..row.clone() };
        self.put(id, row, Some(Step::Fixed), turn);
    }

    fn put(&mut self, id: &Id, row: FindingRow, step: Option<Step>, turn: &Turn<'_>) {
        if let Some(step) = step {
            self.steps.push(StepRow {
                rule: id.0.clone(),
                subject: id.1.clone(),
                at: turn.now,
                what: step.word().to_owned(),
                severity: row.severity,
                report_id: turn.heard.map(|(_, report)| report),
            });
        }
        if self.rows.get(id) != Some(&row) {
            self.changed.insert(id.clone());
            self.rows.insert(id.clone(), row);
        }
    }
}

fn new_row(id: &Id, now: Timestamp) -> FindingRow {
    FindingRow {
        rule: id.0.clone(),
        subject: id.1.clone(),
        rule_version: 0,
        severity: 0,
        confidence: 0,
        proof: Vec::new(),
        opened: now,
        changed: now,
        holds: true,
        held: now,
        held_heard_ms: 0,
        closed: None,
        times_opened: 0,
    }
}

/// Whether a finding that a protection was lost ends: it was heard again.
fn is_protected_again(rule: &Rule, row: &FindingRow, turn: &Turn<'_>) -> bool {
    let asks = LOSSES.iter().any(|name| rule.condition().contains(name));
    asks && postcard::from_bytes(&row.subject).is_ok_and(|subject| turn.past.is_protected_again(subject))
}

/// Whether what a finding rested on was heard again and says something else, of the same subject or its host, for the
/// same clients, while the old value was not heard.
fn contradicts(row: &FindingRow, summary: &Summary, heard: &Heard) -> bool {
    let Ok(subject) = postcard::from_bytes::<Subject>(&row.subject) else { return false };
    let rested_on: Vec<(Fact, Option<Zone>)> = postcard::from_bytes(&row.proof).unwrap_or_default();
    let host = if let Subject::Service(id, ..) = subject { Some(Subject::Host(id)) } else { None };
    let now: Vec<&Sighting> = summary
        .sightings
        .iter()
        .filter(|s| (s.subject == subject || Some(s.subject) == host) && heard.has(s))
        .collect();
    rested_on.iter().any(|(fact, zone)| {
        let of_zone = || now.iter().filter(|s| s.zone == *zone);
        !of_zone().any(|s| s.fact == *fact) && of_zone().any(|s| says_otherwise(fact, &s.fact))
    })
}

/// Whether a new fact excludes an old one: only what a service or a radio says of itself, one thing at a time. What its
/// clients ask for may differ from one to the next, and says nothing about what others still get.
fn says_otherwise(old: &Fact, new: &Fact) -> bool {
    match (old, new) {
        (Fact::Login(Login::None), Fact::Login(Login::Refused)) => true,
        // The same program, at the same place, has another version.
        (Fact::Software(a), Fact::Software(b)) => a.place == b.place && a.product == b.product && a != b,
        (Fact::System(a), Fact::System(b)) => a.place == b.place && a != b,
        (Fact::CertificateEnds(a), Fact::CertificateEnds(b)) => a != b,
        (Fact::CertificateNameFits(a), Fact::CertificateNameFits(b)) => a != b,
        (Fact::SmbSigning(a), Fact::SmbSigning(b)) => a != b,
        (Fact::VncSecurity(a), Fact::VncSecurity(b)) => a != b,
        (Fact::MailStartTls(MailStartTls::NotOffered), Fact::MailStartTls(b)) => *b != MailStartTls::NotOffered,
        (Fact::WifiSecurity(a), Fact::WifiSecurity(b)) => a != b,
        (Fact::WifiPmf(a), Fact::WifiPmf(b)) => a != b,
        (Fact::WifiWps(a), Fact::WifiWps(b)) => a != b,
        (Fact::WifiOwner(a), Fact::WifiOwner(b)) => a != b,
        _ => false,
    }
}

/// The facts of a proof, each once.
fn facts(proof: &[&Sighting]) -> Vec<(Fact, Option<Zone>)> {
    let facts: BTreeSet<(Fact, Option<Zone>)> = proof.iter().map(|s| (s.fact, s.zone)).collect();
    facts.into_iter().take(MOST_FACTS).collect()
}

/// 0 info to 4 critical.
const fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

/// Names that hold while a protection is lost.
const LOSSES: [&str; 2] = ["change.security_lower", "web.login_lost"];

/// Facts that are remembered of a finding: rules ask for at most ten.
const MOST_FACTS: usize = 32;
