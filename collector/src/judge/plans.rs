//! What follows from what people planned and opened: reviews that are overdue, significant changes that nobody reviewed, notices that a
//! law wants soon. The findings about it belong to no sensor ([`NOBODY`]).
//!
//! A function of what was said, of when findings were opened, and of the time: made again at any time, it gives the same. Keeps: up to
//! when was judged. Drops: plans of days behind [`MOST_DAYS`] that nobody looked at.

use super::Judgement;
use super::turn::{Findings, Turn};
use crate::store::{ClinicStore, Judged, NOBODY, Notes, PlanEvent, StepRow, StoreError};
use auscult_assess::Severity;
use auscult_assess::clock::{LawClock, clocks};
use auscult_assess::knowledge::Knowledge;
use auscult_assess::past::Past;
use auscult_assess::plan::{Planned, significant};
use auscult_assess::sensing::Sensing;
use auscult_report::key::{Hash, SensorId};
use auscult_report::summary::Summary;
use auscult_report::time::{MS_PER_DAY, Timestamp};

/// How the reviews of a clinic stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviews {
    /// Days between two reviews; `None`: nobody has planned any.
    pub interval_days: Option<u64>,
    /// The day on which the next one is planned.
    pub due: Option<Timestamp>,
    /// When the last whole one was held.
    pub held: Option<Timestamp>,
    /// Entries of the ledger when it was said to be held.
    pub seen: u64,
    /// Changes up to then were reviewed.
    pub covered: Timestamp,
}

impl Reviews {
    /// After what was said up to a moment.
    #[must_use]
    pub fn of(events: &[PlanEvent], at: Timestamp) -> Reviews {
        let mut reviews = Reviews::default();
        for event in events.iter().filter(|e| e.matter == 0 && e.at <= at) {
            match (event.what.as_str(), event.when) {
                ("planned", when) => (reviews.interval_days, reviews.due) = (event.number, when),
                ("held", Some(when)) => {
                    let end = Timestamp(when.days().saturating_add(1).saturating_mul(MS_PER_DAY)).min(event.at);
                    reviews.covered = reviews.covered.max(end);
                    if event.topic == WHOLE {
                        reviews.held = Some(when);
                        reviews.seen = event.number.unwrap_or(0);
                        let days = reviews.interval_days.map(|days| days.saturating_mul(MS_PER_DAY));
                        reviews.due = days.map(|ms| Timestamp(when.0.saturating_add(ms))).or(reviews.due);
                    }
                }
                _ => {}
            }
        }
        reviews
    }

    /// Whole days past the day on which one was planned; negative before it.
    #[must_use]
    pub fn days_overdue(&self, at: Timestamp) -> Option<i32> {
        let due = i64::try_from(self.due?.days()).ok()?;
        i32::try_from(i64::try_from(at.days()).ok()?.saturating_sub(due)).ok()
    }
}

/// A breach matter, as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matter {
    /// Its number at the clinic.
    pub no: u64,
    /// What it is called.
    pub title: String,
    /// When it was opened, and by whom.
    pub opened: (Timestamp, String),
    /// When the breach was discovered: what its clocks count from.
    pub discovered: Timestamp,
    /// The groups of laws that apply.
    pub groups: Vec<String>,
    /// The finding that it began with: sensor, rule, subject.
    pub finding: Option<(SensorId, String, Vec<u8>)>,
    /// What proves when that was first heard.
    pub proof: String,
    /// Everything that was said about it.
    pub said: Vec<PlanEvent>,
    /// When it was closed.
    pub closed: Option<Timestamp>,
}

/// A notice that a law wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The clock.
    pub clock: LawClock,
    /// Before when; `None`: the law names no number, or what starts it has not happened.
    pub due: Option<Timestamp>,
    /// Whether somebody was told, or need not be.
    pub settled: Option<Settled>,
}

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it was given; else it need not be.
    pub told: bool,
    /// When.
    pub when: Timestamp,
    /// To whom and how, or why not.
    pub words: String,
    /// Who said so.
    pub person: String,
    /// The statement's hash.
    pub statement: Hash,
}

impl Matter {
    /// Every matter of a clinic after what was said up to a moment, in the order in which they were opened.
    #[must_use]
    pub fn all(events: &[PlanEvent], at: Timestamp) -> Vec<Matter> {
        let mut matters: Vec<Matter> = Vec::new();
        for event in events.iter().filter(|e| e.matter > 0 && e.at <= at) {
            if event.what == "opened" {
                matters.push(Matter {
                    no: event.matter,
                    title: event.topic.clone(),
                    opened: (event.at, event.person.clone()),
                    finding: event.finding.clone(),
                    proof: event.proof.clone(),
                    ..Matter::default()
                });
            }
            let Some(matter) = matters.iter_mut().find(|m| m.no == event.matter) else { continue };
            match event.what.as_str() {
                "opened" | "moved" => matter.discovered = event.when.unwrap_or(matter.discovered),
                "applies" => matter.groups = event.topic.split(',').map(str::to_owned).collect(),
                "closed" => matter.closed = Some(event.at),
                "again" => matter.closed = None,
                _ => {}
            }
            matter.said.push(event.clone());
        }
        matters
    }

    /// The notices that the chosen laws want, in the order of the table.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        let told = |id: &str| self.settled(id).filter(|s| s.told).map(|s| s.when);
        let mine = clocks().filter(|clock| self.groups.iter().any(|group| group == clock.group));
        let notice = |clock: LawClock| {
            let (due, settled) = (clock.rule.due(self.discovered, told), self.settled(clock.id));
            Notice { clock, due, settled }
        };
        mine.map(notice).collect()
    }

    /// The moment before which the next notice must be given.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let open = self.notices().into_iter().filter(|notice| notice.settled.is_none());
        open.filter_map(|notice| notice.due).min().filter(|_| self.closed.is_none())
    }

    /// The newest that was said about a clock.
    fn settled(&self, clock: &str) -> Option<Settled> {
        let newest =
            self.said.iter().rev().find(|e| e.topic == clock && matches!(e.what.as_str(), "told" | "not-needed"))?;
        Some(Settled {
            told: newest.what == "told",
            when: newest.when.unwrap_or(newest.at),
            words: newest.words.clone(),
            person: newest.person.clone(),
            statement: newest.statement,
        })
    }
}

/// A change after which a review is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was heard.
    pub at: Timestamp,
    /// The finding: sensor, rule, subject.
    pub finding: (SensorId, String, Vec<u8>),
    /// Why it matters.
    pub why: &'static str,
}

/// The significant changes of a clinic, in the order of time.
///
/// # Errors
/// If the store could not be read.
pub fn changes(store: &ClinicStore) -> Result<Vec<Change>, StoreError> {
    let change = |(sensor, step): (SensorId, StepRow)| {
        let severity = LEVELS.get(usize::from(step.severity)).copied()?;
        let why = significant(&step.rule, severity, step.report_id.is_none())?;
        Some(Change { at: step.at, finding: (sensor, step.rule, step.subject), why })
    };
    Ok(store.openings()?.into_iter().filter_map(change).collect())
}

/// Judges plans, if anything was said, opened or passed since the last time.
pub(super) fn judge(
    knowledge: &Knowledge,
    store: &ClinicStore,
    now: Timestamp,
    judgement: &mut Judgement,
) -> Result<(), StoreError> {
    let (before, rows) = store.judged(NOBODY)?;
    let newest = i64::try_from(store.newest_plan()?).unwrap_or(i64::MAX);
    let has_passed = now.days() > before.day || (before.heard_to.0 > 0 && now >= before.heard_to);
    if newest == before.report_id && judgement.steps.is_empty() && !has_passed {
        return Ok(());
    }
    let plans = Plans { events: store.plan_events()?, changes: changes(store)? };
    let now = plans.events.last().map_or(now, |newest| now.max(newest.at));
    let mut findings = Findings::of(rows);
    let (past, summary) = (Past::default(), Summary::default());
    let mut at = plans.begin(before.stood, now);
    while let Some(moment) = at.filter(|moment| *moment <= now) {
        let sensing = Sensing::default();
        let turn = Turn { knowledge, now: moment, heard: None, heard_ms: 0, sensing, past: &past };
        findings.found(&plans.at(moment).findings(knowledge), &summary, &turn);
        at = plans.next(moment);
    }
    let (changed, steps) = findings.take_changes();
    let to = Judged {
        report_id: newest,
        day: now.days(),
        stood: before.stood.max(now),
        // What passes next by itself, beside the days.
        heard_to: plans.threshold(now).unwrap_or_default(),
        ..before.clone()
    };
    if store.put_judged(NOBODY, (&before, &to), (&changed, &steps), &Notes::default())? {
        judgement.steps.extend(steps.into_iter().map(|step| (NOBODY, step)));
    }
    Ok(())
}

/// Everything that plans follow from.
struct Plans {
    events: Vec<PlanEvent>,
    changes: Vec<Change>,
}

impl Plans {
    /// How they stand at a moment.
    fn at(&self, at: Timestamp) -> Planned {
        let reviews = Reviews::of(&self.events, at);
        let waited = |change: &&Change| at.since_ms(change.at) >= REVIEW_WITHIN_DAYS.saturating_mul(MS_PER_DAY);
        let unreviewed = self.changes.iter().filter(waited).filter(|change| change.at > reviews.covered).count();
        let due = Matter::all(&self.events, at).iter().filter_map(Matter::next_due).min();
        Planned {
            review_days_overdue: reviews.days_overdue(at),
            changes_unreviewed: u32::try_from(unreviewed).unwrap_or(u32::MAX),
            notice_days_left: due.map(|due| days_between(at, due)),
        }
    }

    /// The first moment behind `stood` at which something may become otherwise.
    fn begin(&self, stood: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let first = self.events.first().map(|e| e.at).into_iter().chain(self.changes.first().map(|c| c.at)).min()?;
        let oldest = Timestamp(now.0.saturating_sub(MOST_DAYS.saturating_mul(MS_PER_DAY)));
        self.next(stood.max(Timestamp(first.0.saturating_sub(1))).max(oldest))
    }

    /// The next moment: somebody says something, a day begins, a notice comes near.
    fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let day = Timestamp(at.days().saturating_add(1).saturating_mul(MS_PER_DAY));
        let said = self.events.iter().map(|e| e.at).find(|said| *said > at);
        said.into_iter().chain(self.threshold(at)).chain([day]).min()
    }

    /// The next moment at which the nearest notice comes nearer than a threshold of its rule, as matters stand at `at`.
    fn threshold(&self, at: Timestamp) -> Option<Timestamp> {
        let matters = Matter::all(&self.events, at);
        let due = matters.iter().flat_map(Matter::notices).filter_map(|notice| notice.due);
        let near = |due: Timestamp| {
            NEAR_DAYS.map(|days| Timestamp(due.0.saturating_sub(days.saturating_mul(MS_PER_DAY)).saturating_add(1)))
        };
        due.flat_map(near).filter(|moment| *moment > at).min()
    }
}

/// Days from one moment to another; negative if that is earlier.
fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.since_ms(from) as f64 / MS_PER_DAY as f64 - from.since_ms(to) as f64 / MS_PER_DAY as f64
}

/// How everything stands that was said.
pub const EVER: Timestamp = Timestamp(u64::MAX);
/// What a review was about: everything, and not only the changes that were listed.
pub const WHOLE: &str = "whole";
/// A significant change is looked at within so many days (`assess/knowledge/findings/sensor.txt`, significant-change-unreviewed).
pub const REVIEW_WITHIN_DAYS: u64 = 30;
/// The thresholds of notice-deadline-near, in days.
const NEAR_DAYS: [u64; 3] = [7, 2, 0];
/// Days that are made up for: ten years, longer than papers are kept (45 CFR 164.316(b)(2)(i): six). A day costs microseconds.
const MOST_DAYS: u64 = 3_653;
/// By their number in the archive.
const LEVELS: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    fn day(n: u64) -> Timestamp {
        Timestamp(n * MS_PER_DAY)
    }

    fn said(matter: u64, what: &str, topic: &str, at: u64, when: Option<u64>) -> PlanEvent {
        let (what, topic) = (what.to_owned(), topic.to_owned());
        PlanEvent { matter, what, topic, at: day(at), when: when.map(day), number: Some(365), ..PlanEvent::default() }
    }

    #[test]
    fn the_next_review_follows_from_the_last_whole_one() {
        let events = [
            said(0, "planned", "", 10, Some(100)),
            said(0, "held", "changes", 50, Some(49)),
            said(0, "held", WHOLE, 101, Some(99)),
            said(0, "planned", "", 120, Some(200)),
        ];
        let at = |n| Reviews::of(&events, day(n));
        assert_eq!(at(9), Reviews::default());
        assert_eq!(
            (at(10).due, at(10).days_overdue(day(99)), at(10).days_overdue(day(103))),
            (Some(day(100)), Some(-1), Some(3))
        );
        assert_eq!((at(60).held, at(60).covered, at(60).due), (None, day(50), Some(day(100))));
        assert_eq!((at(101).held, at(101).due, at(101).seen), (Some(day(99)), Some(day(464)), 365));
        assert_eq!(at(120).due, Some(day(200)), "a plan counts from when it is made");
    }

    #[test]
    fn a_matter_is_what_was_said_about_it_and_its_nearest_notice_is_what_is_open() {
        let mut events = vec![
            said(1, "opened", "open archive", 10, Some(8)),
            said(1, "applies", "us-hipaa,eu-gdpr", 10, None),
            said(2, "opened", "other", 11, Some(11)),
            said(2, "applies", "us-ca", 11, None),
        ];
        let one = |events: &[PlanEvent]| Matter::all(events, day(1_000))[0].clone();
        assert_eq!(one(&events).next_due(), Some(day(11)), "72 hours");
        assert_eq!((one(&events).title.as_str(), one(&events).notices().len()), ("open archive", 9));
        events.push(said(1, "told", "gdpr-authority", 11, Some(10)));
        assert_eq!(one(&events).next_due(), Some(day(68)), "60 days");
        events.push(said(1, "moved", "", 12, Some(9)));
        assert_eq!(one(&events).next_due(), Some(day(69)), "it was discovered a day later");
        events.push(said(1, "closed", "", 13, None));
        assert_eq!(one(&events).next_due(), None);
        assert_eq!(Matter::all(&events, day(12))[0].next_due(), Some(day(69)), "as it was then");
        // Of California the second clock begins when the persons were told.
        let ag = |events: &[PlanEvent]| {
            let matters = Matter::all(events, day(1_000));
            matters[1].notices().into_iter().find(|n| n.clock.id == "us-ca-ag").unwrap().due
        };
        assert_eq!(ag(&events), None);
        events.push(said(2, "told", "us-ca-individuals", 20, Some(19)));
        assert_eq!(ag(&events), Some(day(34)));
    }

    #[test]
    fn moments_are_days_sayings_and_thresholds() {
        let plans = Plans {
            events: vec![said(1, "opened", "x", 10, Some(10)), said(1, "applies", "eu-nis2", 10, None)],
            changes: Vec::new(),
        };
        let first = plans.begin(Timestamp(0), day(20)).unwrap();
        assert_eq!(first, day(10));
        assert_eq!(plans.threshold(first), Some(Timestamp(day(11).0 + 1)), "24 hours are over");
        assert_eq!(plans.next(first), Some(day(11)));
        assert_eq!(plans.next(day(11)), Some(Timestamp(day(11).0 + 1)));
        let left = |at| plans.at(at).notice_days_left.unwrap();
        assert!((left(first) - 1.0).abs() < 1e-9 && (left(day(13)) + 2.0).abs() < 1e-9);
    }
}
