//! The judge: findings as a pure function of what was heard, dated knowledge, and a moment. No clock, no disk, no socket.
//!
//! [`knowledge`] is the catalogue and the tables; [`facts`] turns sightings into the named values that rules are written
//! in; [`condition`] reads and holds a rule against them; [`assess`] gives the findings, the worst first.

pub mod condition;
pub mod facts;
pub mod knowledge;
pub mod rule;
mod severity;
pub mod support;
pub mod table;
pub mod value;

use auscult_report::subject::Subject;
use auscult_report::summary::{Sighting, Summary};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;
use condition::{View, facts_of};
use facts::Stated;
use knowledge::Knowledge;
use rule::Rule;
use std::cmp::Reverse;
use value::Values;

pub use facts::stated;
pub use severity::Severity;

/// A rule that holds for a subject.
#[derive(Clone, Debug)]
pub struct Finding<'k> {
    /// The rule.
    pub rule: &'k Rule,
    /// What it is about.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// How sure. Below 50 it is an observation: shown apart, not counted, never alerted.
    pub confidence_percent: u8,
    /// Why it is that bad, where the rule says so.
    pub because: Option<&'k str>,
    /// The zones of the clients for whom it holds.
    pub zones: Vec<Zone>,
    /// The sightings that it rests on, by their place in the summary.
    pub proof: Vec<usize>,
}

/// Judges a summary at `now`: every rule for every subject, the worst first.
#[must_use]
pub fn assess<'k>(summary: &Summary, knowledge: &'k Knowledge, now: Timestamp) -> Vec<Finding<'k>> {
    let mut findings = Vec::new();
    for stated in stated(summary, knowledge, now) {
        for rule in knowledge.rules().iter().filter(|r| r.subject() == kind(stated.subject)) {
            if stated.is_foreign && !rule.is_about_any() {
                continue;
            }
            findings.extend(judge(rule, &stated, summary));
        }
    }
    // The worst first; among equals what is sure before what is not, then as the catalogue orders them.
    let place = |f: &Finding<'k>| knowledge.rules().iter().position(|r| r.id() == f.rule.id());
    findings.sort_by_cached_key(|f| {
        let sure = [SURE_PERCENT, SHOWN_PERCENT].iter().filter(|p| f.confidence_percent >= **p).count();
        (Reverse(f.severity), Reverse(sure), place(f), f.subject)
    });
    findings
}

/// Holds one rule against one set of values. Gives severity, why, and confidence if it holds.
#[must_use]
pub fn hold<'k>(rule: &'k Rule, view: View<'_>) -> Option<(Severity, Option<&'k str>, u8)> {
    if !rule.when().holds(view) {
        return None;
    }
    let (severity, why) =
        rule.severities().find(|(_, c, _)| c.holds(view)).map_or((rule.severity(), None), |(s, _, why)| (s, Some(why)));
    let percent = rule.confidences().find(|(_, c)| c.holds(view)).map_or(rule.confidence_percent(), |(p, _)| p);
    Some((severity, why.filter(|w| !w.is_empty()), percent))
}

/// Judges a subject by a rule: for a service once for each zone of its clients, and the worst counts.
fn judge<'k>(rule: &'k Rule, stated: &Stated, summary: &Summary) -> Option<Finding<'k>> {
    let whole = &stated.values;
    let mut zones = Vec::new();
    let mut worst: Option<(Severity, Option<&'k str>, u8)> = None;
    let parts = stated.by_zone.iter().map(|(zone, values)| (Some(*zone), values));
    let alone = stated.by_zone.is_empty().then_some((None, whole));
    for (zone, part) in parts.chain(alone) {
        let part: &Values = part;
        let Some(held) = hold(rule, View { part, whole }) else { continue };
        zones.extend(zone);
        if worst.is_none_or(|w| (held.0, held.2) > (w.0, w.2)) {
            worst = Some(held);
        }
    }
    let (severity, because, confidence_percent) = worst?;
    let proof = proof(rule, stated.subject, &zones, summary);
    Some(Finding { rule, subject: stated.subject, severity, confidence_percent, because, zones, proof })
}

/// The sightings behind the facts that a rule names: of the subject, and of its host.
fn proof(rule: &Rule, subject: Subject, zones: &[Zone], summary: &Summary) -> Vec<usize> {
    let named: Vec<&str> = rule.conditions().flat_map(facts_of).collect();
    let host = if let Subject::Service(id, ..) = subject { Some(Subject::Host(id)) } else { None };
    let of_subject = |s: &Sighting| s.subject == subject || Some(s.subject) == host;
    let in_zone = |s: &Sighting| s.zone.is_none_or(|z| zones.contains(&z));
    summary
        .sightings
        .iter()
        .enumerate()
        .filter(|(_, s)| of_subject(s) && in_zone(s))
        .filter(|(_, s)| facts::names_of(&s.fact).iter().any(|n| named.contains(n)))
        .map(|(place, _)| place)
        .collect()
}

/// The word for a kind of subject, as rules write it.
const fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Sensor => "sensor",
        Subject::Site => "site",
        Subject::Host(_) => "host",
        Subject::Service(..) => "service",
        Subject::Wireless(_) => "wireless",
    }
}

/// From here a finding is alerted (`knowledge/README.md`, "Confidence").
pub const SURE_PERCENT: u8 = 70;

/// From here it is shown as a finding; below it is an observation.
pub const SHOWN_PERCENT: u8 = 50;

#[cfg(test)]
mod tests;
