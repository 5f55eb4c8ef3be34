//! What follows from what people planned and opened: reviews, significant changes, the notices that a law asks for (`review.*`,
//! `notice.*`).
//!
//! Keeps: three values, each known or not; which finding is a significant change (`assess/knowledge/change-kinds.tsv`). Drops: the plans
//! themselves: who keeps them states these values (the collector); no sensor hears them.

use crate::condition::Layers;
use crate::judge::Finding;
use crate::knowledge::{Knowledge, table};
use crate::rule::{Rule, Severity};
use crate::vocabulary::{About, Values};
use auscult_report::subject::Subject;

/// How a clinic stands against its plans.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Planned {
    /// `review.days_overdue`: whole days past the day on which a review was planned; negative before it.
    pub review_days_overdue: Option<i32>,
    /// `review.changes_unreviewed`: significant changes that have waited for a review for longer than they may.
    pub changes_unreviewed: u32,
    /// `notice.days_left`: days until the nearest notice is due that was not given yet; negative once that has passed.
    pub notice_days_left: Option<f64>,
}

impl Planned {
    /// What the rules about plans make of it, in the order of the catalogue.
    #[must_use]
    pub fn findings<'k>(&self, knowledge: &'k Knowledge) -> Vec<Finding<'k>> {
        let (mut site, sensor) = (Values::new(knowledge.vocabulary()), Values::new(knowledge.vocabulary()));
        self.review_days_overdue.into_iter().for_each(|days| site.number("review.days_overdue", days));
        site.number("review.changes_unreviewed", self.changes_unreviewed);
        self.notice_days_left.into_iter().for_each(|days| site.number("notice.days_left", days));
        let layers = [&site, &sensor];
        let rules = knowledge.rules().iter().filter(|rule| is_about_plans(rule, knowledge));
        let finding = |rule: &'k Rule| {
            let verdict = rule.judge(Layers(&layers), Layers(&layers))?;
            Some(Finding {
                rule,
                subject: Subject::Site,
                severity: verdict.severity,
                confidence_percent: verdict.confidence_percent,
                because: rule.reason(verdict.line),
                zones: Vec::new(),
                proof: Vec::new(),
            })
        };
        rules.filter_map(finding).collect()
    }
}

/// Whether a rule asks for plans of people, and for nothing else.
#[must_use]
pub fn is_about_plans(rule: &Rule, knowledge: &Knowledge) -> bool {
    let is_plan = |word: &str| word.starts_with("review.") || word.starts_with("notice.");
    let names = rule.all_names();
    rule.about() == About::Site && !names.is_empty() && names.iter().all(|n| is_plan(knowledge.vocabulary().word(*n)))
}

/// Why a finding that was opened is a significant change; `None`: it is none. `by_date`: no report opened it, a date or new knowledge
/// did.
#[must_use]
pub fn significant(rule: &str, severity: Severity, by_date: bool) -> Option<&'static str> {
    let columns = ["finding", "least", "opened", "why"];
    table("change-kinds.tsv").rows(columns).find_map(|[findings, least, opened, why]| {
        let is_it = findings.split(',').any(|id| id == rule);
        let is_enough = Severity::from_word(least).is_some_and(|least| severity >= least);
        (is_it && is_enough && (opened == "any" || by_date)).then_some(why)
    })
}

/// The kinds of significant changes that nothing heard can tell: the form of a review asks for them.
pub fn unheard() -> impl Iterator<Item = (&'static str, &'static str)> {
    table("change-kinds.tsv")
        .rows(["kind", "finding", "why"])
        .filter(|[_, f, _]| *f == "-")
        .map(|[kind, _, why]| (kind, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(planned: Planned) -> Vec<(&'static str, &'static str)> {
        let knowledge: &'static Knowledge = Box::leak(Box::new(Knowledge::compiled()));
        planned.findings(knowledge).iter().map(|f| (f.rule.id(), f.severity.word())).collect()
    }

    #[test]
    fn each_plan_is_judged_at_its_thresholds() {
        let none = Planned::default();
        assert_eq!(found(none), []);
        let overdue = |days| found(Planned { review_days_overdue: Some(days), ..none });
        assert_eq!((overdue(-30), overdue(0)), (vec![], vec![]));
        let told = [1, 14, 15, 90, 91].map(|days| overdue(days)[0]);
        assert_eq!(told.map(|t| t.1), ["low", "low", "medium", "medium", "high"]);
        assert_eq!(told[0].0, "review-overdue");
        let changes = |n| found(Planned { changes_unreviewed: n, ..none });
        assert_eq!(changes(1), [("significant-change-unreviewed", "low")]);
        assert_eq!(changes(3), [("significant-change-unreviewed", "medium")]);
        let left = |days| found(Planned { notice_days_left: Some(days), ..none });
        assert_eq!(left(7.0), []);
        assert_eq!(
            (left(6.9), left(2.0)),
            (vec![("notice-deadline-near", "high")], vec![("notice-deadline-near", "high")])
        );
        assert_eq!(
            (left(1.9), left(-40.0)),
            (vec![("notice-deadline-near", "critical")], vec![("notice-deadline-near", "critical")])
        );
    }

    #[test]
    fn three_rules_are_about_plans_and_a_sensor_hears_none_of_them() {
        let knowledge = Knowledge::compiled();
        let plans: Vec<&str> =
            knowledge.rules().iter().filter(|r| is_about_plans(r, &knowledge)).map(Rule::id).collect();
        assert_eq!(plans, ["review-overdue", "significant-change-unreviewed", "notice-deadline-near"]);
    }

    #[test]
    fn a_change_is_significant_as_its_row_says() {
        assert!(significant("new-outside-exposure", Severity::Info, false).is_some());
        assert!(significant("new-own-wifi", Severity::Info, false).is_none(), "a protected one");
        assert!(significant("new-own-wifi", Severity::High, false).is_some());
        assert!(significant("windows-ended", Severity::High, false).is_none(), "it was so when the sensor came");
        assert!(significant("windows-ended", Severity::High, true).is_some());
        assert!(significant("wifi-open-network", Severity::Critical, true).is_none());
        assert_eq!(unheard().count(), 2);
    }

    #[test]
    fn every_finding_of_a_change_stands_in_the_catalogue() {
        let knowledge = Knowledge::compiled();
        for [findings, least, opened] in table("change-kinds.tsv").rows(["finding", "least", "opened"]) {
            assert!(Severity::from_word(least).is_some() && ["any", "date"].contains(&opened), "{findings}");
            for id in findings.split(',').filter(|id| *id != "-") {
                assert!(knowledge.rule(id).is_some(), "{id}");
            }
        }
    }
}
