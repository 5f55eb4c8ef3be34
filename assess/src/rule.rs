//! A rule: what must be true for a finding, how bad it is, how sure, and the words for a clinic's manager.
//!
//! Keeps: what `assess/knowledge/findings/*.txt` say (form: `assess/knowledge/README.md`). Drops: a rule that does not
//! parse; the fault is kept, and a test asks that there is none.

mod draft;

use crate::condition::{Condition, Fault, Layers};
use crate::vocabulary::{About, Name, Vocabulary};
use draft::Draft;

/// How bad a finding is: who can reach it, what it is, what was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be mended when there is time.
    Low,
    /// To be mended soon.
    Medium,
    /// To be mended this week.
    High,
    /// To be stopped now.
    Critical,
}

impl Severity {
    /// From the mildest to the worst: the place is the number of an archive.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// `info`, `low`, `medium`, `high`, `critical`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The severity of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Severity> {
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// Whose service a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// What a server gives away or runs: only the clinic's own servers are the clinic's to mend.
    Own,
    /// What a client sends on the way: towards a foreign server too, and then it crosses the internet.
    Sent,
    /// Anybody's.
    Any,
}

/// One rule. The fields are read with the methods of the same names.
#[derive(Clone, Debug)]
pub struct Rule {
    id: &'static str,
    version: u16,
    group: &'static str,
    title: &'static str,
    about: About,
    also: Option<(About, Condition)>,
    whose: Whose,
    heard: &'static str,
    remedy: &'static str,
    gone: &'static str,
    silent_days: Option<u16>,
    gone_when: Option<(Condition, u16)>,
    traps: Vec<&'static str>,
    controls: Vec<(&'static str, Vec<&'static str>)>,
    stories: Vec<&'static str>,
    captures: Vec<&'static str>,
    when_text: &'static str,
    when: Condition,
    severity: Severity,
    severities: Vec<(Severity, Condition, &'static str)>,
    confidence: u8,
    confidences: Vec<(u8, Condition)>,
}

/// What a rule makes of what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    /// How bad it is.
    pub severity: Severity,
    /// How sure, of 100.
    pub confidence_percent: u8,
    /// The place of the severity line that held; none where the first one did.
    pub line: Option<usize>,
}

impl Rule {
    /// Its stable name.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// Grows when its answer may change.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The file that it stands in: `wifi`, `imaging`, `database`.
    #[must_use]
    pub const fn group(&self) -> &'static str {
        self.group
    }

    /// One sentence for a clinic's manager.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// What kind of subject it judges.
    #[must_use]
    pub const fn about(&self) -> About {
        self.about
    }

    /// The condition by which it judges this kind of subject; none, if it does not.
    #[must_use]
    pub fn condition_for(&self, about: About) -> Option<&Condition> {
        let also = self.also.as_ref().filter(|(other, _)| *other == about).map(|(_, condition)| condition);
        if self.about == about { Some(&self.when) } else { also }
    }

    /// Whose service it judges.
    #[must_use]
    pub const fn whose(&self) -> Whose {
        self.whose
    }

    /// What is heard on the wire when it holds.
    #[must_use]
    pub const fn heard(&self) -> &'static str {
        self.heard
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// What must be heard before it may be called mended.
    #[must_use]
    pub const fn gone(&self) -> &'static str {
        self.gone
    }

    /// After how many well-heard days of silence it may be called gone; none: silence never ends it.
    #[must_use]
    pub const fn silent_days(&self) -> Option<u16> {
        self.silent_days
    }

    /// What must hold for it to be gone, where that is a condition; silence does not end it then.
    #[must_use]
    pub fn gone_when(&self) -> Option<&Condition> {
        self.gone_when.as_ref().map(|(condition, _)| condition)
    }

    /// For how many well-heard days that must hold; 0: at once.
    #[must_use]
    pub fn gone_days(&self) -> u16 {
        self.gone_when.as_ref().map_or(0, |(_, days)| *days)
    }

    /// What it may be mistaken for.
    pub fn traps(&self) -> impl Iterator<Item = &'static str> {
        self.traps.iter().copied()
    }

    /// The controls that it is evidence for, by framework.
    pub fn controls(&self) -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
        self.controls.iter().map(|(framework, ids)| (*framework, ids.iter().copied()))
    }

    /// The stories of `stories.tsv` that it would have told in time.
    pub fn stories(&self) -> impl Iterator<Item = &'static str> {
        self.stories.iter().copied()
    }

    /// The kinds of captures that it is tried on.
    pub fn captures(&self) -> impl Iterator<Item = &'static str> {
        self.captures.iter().copied()
    }

    /// The condition as it is written.
    #[must_use]
    pub const fn condition(&self) -> &'static str {
        self.when_text
    }

    /// How bad it may be: first where nothing else holds, then each line with its reason, in the order in which they are asked.
    pub fn severities(&self) -> impl Iterator<Item = (Severity, Option<&'static str>)> {
        core::iter::once((self.severity, None)).chain(self.severities.iter().map(|s| (s.0, Some(s.2))))
    }

    /// How sure it may be, of 100: first where nothing else holds.
    pub fn confidences(&self) -> impl Iterator<Item = u8> {
        core::iter::once(self.confidence).chain(self.confidences.iter().map(|c| c.0))
    }

    /// The reason of a severity line.
    #[must_use]
    pub fn reason(&self, line: Option<usize>) -> Option<&'static str> {
        self.severities.get(line?).map(|s| s.2)
    }

    /// What it makes of what is known `here` of a subject of its kind whose `whole` is known too; `None` if it does not hold.
    #[must_use]
    pub fn judge(&self, here: Layers<'_, '_>, whole: Layers<'_, '_>) -> Option<Verdict> {
        self.judge_as(self.about, here, whole)
    }

    /// The same for a subject of another kind, if it judges that too.
    #[must_use]
    pub fn judge_as(&self, about: About, here: Layers<'_, '_>, whole: Layers<'_, '_>) -> Option<Verdict> {
        if !self.condition_for(about)?.holds(here, whole) {
            return None;
        }
        let line = self.severities.iter().position(|(_, condition, _)| condition.holds(here, whole));
        let severity = line.and_then(|l| self.severities.get(l)).map_or(self.severity, |s| s.0);
        let confidence_percent = self
            .confidences
            .iter()
            .find(|(_, c)| c.holds(here, whole))
            .map_or(self.confidence, |(percent, _)| *percent);
        Some(Verdict { severity, confidence_percent, line })
    }

    /// The names that its condition for this kind of subject, and that of the severity line that held, ask for; not those that it
    /// denies.
    #[must_use]
    pub fn names(&self, about: About, line: Option<usize>) -> Vec<Name> {
        let mut names = Vec::new();
        if let Some(condition) = self.condition_for(about) {
            condition.names(false, &mut names);
        }
        if let Some((_, condition, _)) = line.and_then(|l| self.severities.get(l)) {
            condition.names(false, &mut names);
        }
        names
    }

    /// Every name that it asks for anywhere.
    #[must_use]
    pub fn all_names(&self) -> Vec<Name> {
        let mut names = Vec::new();
        let conditions = self.severities.iter().map(|s| &s.1).chain(self.confidences.iter().map(|c| &c.1));
        core::iter::once(&self.when)
            .chain(self.also.as_ref().map(|a| &a.1))
            .chain(conditions)
            .for_each(|c| c.names(true, &mut names));
        names
    }

    /// Reads the rules of one file. Those that do not parse are left out; what is wrong with them comes second.
    #[must_use]
    pub fn read_all(group: &'static str, text: &'static str, vocabulary: &Vocabulary) -> (Vec<Rule>, Vec<RuleFault>) {
        let (mut rules, mut faults) = (Vec::new(), Vec::new());
        let mut drafts: Vec<Draft> = Vec::new();
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if let Some(id) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                drafts.push(Draft { id, lines: Vec::new() });
            } else if let (Some(draft), Some(pair)) = (drafts.last_mut(), line.split_once(": ")) {
                draft.lines.push(pair);
            } else {
                faults.push(RuleFault { id: group, what: What::Line(line) });
            }
        }
        for draft in drafts {
            match draft.rule(group, vocabulary) {
                Ok(rule) => rules.push(rule),
                Err(what) => faults.push(RuleFault { id: draft.id, what }),
            }
        }
        (rules, faults)
    }
}

/// A rule that does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// Which one, or which file.
    pub id: &'static str,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// This line is not understood.
    Line(&'static str),
    /// This key is missing.
    Missing(&'static str),
    /// This value does not fit its key.
    Value(&'static str),
    /// A condition is wrong.
    Condition(Fault),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use crate::vocabulary::Values;

    const GOOD: &str = "# a file\n\n[tap-open]\nversion: 2\ntitle: A tap is open: close it\nsubject: service\nabout: own\n\
        heard: Drops.\nwhen: svc.answered\nseverity: low\nseverity: high if svc.clients has outside -- from the internet\n\
        confidence: 90\nconfidence: 40 if svc.days < 2\ntrap: rain\ntrap: a fountain\nremedy: Close it.\ngone: silence\n\
        gone-when: !svc.answered for 3 days\nsilent-days: 7\nhipaa: 164.312(a)(1), 164.312(d)\nstories: middletown, medantex\n";

    fn read(text: &'static str) -> (Vec<Rule>, Vec<RuleFault>) {
        let vocabulary = Vocabulary::read(Table::new(include_str!("../knowledge/facts.tsv")));
        Rule::read_all("tap", text, &vocabulary)
    }

    #[test]
    fn a_rule_is_read_with_all_its_lines() {
        let (rules, faults) = read(GOOD);
        assert_eq!(faults, []);
        let rule = &rules[0];
        assert_eq!((rule.id(), rule.version(), rule.group()), ("tap-open", 2, "tap"));
        assert_eq!(rule.title(), "A tap is open: close it");
        assert_eq!(rule.traps().collect::<Vec<_>>(), ["rain", "a fountain"]);
        assert_eq!(rule.stories().collect::<Vec<_>>(), ["middletown", "medantex"]);
        assert_eq!(rule.silent_days(), Some(7));
        assert!(rule.gone_when().is_some() && rule.gone_days() == 3);
        let controls: Vec<_> = rule.controls().map(|(f, ids)| (f, ids.collect::<Vec<_>>())).collect();
        assert_eq!(controls, [("hipaa", vec!["164.312(a)(1)", "164.312(d)"])]);
    }

    #[test]
    fn the_first_line_that_holds_decides() {
        let vocabulary = Vocabulary::read(Table::new(include_str!("../knowledge/facts.tsv")));
        let (rules, _) = Rule::read_all("tap", GOOD, &vocabulary);
        let mut values = Values::new(&vocabulary);
        let judge = |values: &Values<'_>| {
            let layers = &[values];
            rules[0].judge(Layers(layers), Layers(layers)).map(|v| (v.severity, v.confidence_percent, v.line))
        };
        assert_eq!(judge(&values), None);
        values.flag("svc.answered", true);
        assert_eq!(judge(&values), Some((Severity::Low, 90, None)));
        values.set("svc.clients", ["outside"].into());
        values.number("svc.days", 1u32);
        assert_eq!(judge(&values), Some((Severity::High, 40, Some(0))));
        assert_eq!(rules[0].reason(Some(0)), Some("from the internet"));
    }

    #[test]
    fn a_rule_can_be_told_of_another_kind_of_subject() {
        let text: &'static str = Box::leak(
            GOOD.replace("subject: service", "subject: service\nalso: host when mail.sent_readable").into_boxed_str(),
        );
        let (rules, faults) = read(text);
        assert_eq!(faults, []);
        let vocabulary = Vocabulary::read(Table::new(include_str!("../knowledge/facts.tsv")));
        let mut values = Values::new(&vocabulary);
        values.flag("mail.sent_readable", true);
        let layers = &[&values];
        let judge = |about| rules[0].judge_as(about, Layers(layers), Layers(layers)).is_some();
        assert_eq!([About::Host, About::Service, About::Site].map(judge), [true, false, false]);
        let names = |about| rules[0].names(about, None).into_iter().map(|n| vocabulary.word(n)).collect::<Vec<_>>();
        assert_eq!(names(About::Host), ["mail.sent_readable"]);
        assert_eq!(names(About::Service), ["svc.answered"]);
    }

    #[test]
    fn what_is_wrong_with_a_rule_is_named() {
        for (from, to, what) in [
            ("version: 2", "version: two", What::Value("two")),
            ("title: A tap is open: close it\n", "", What::Missing("title")),
            ("subject: service", "subject: server", What::Value("server")),
            ("about: own", "about: own\nalso: host", What::Value("host")),
            ("about: own", "about: ours", What::Value("ours")),
            ("severity: low", "severity: bad", What::Value("bad")),
            ("confidence: 90", "confidence: 900", What::Value("900")),
            ("trap: rain", "trick: rain", What::Line("trick")),
            ("for 3 days", "for three days", What::Value("three")),
            (" -- from the internet", "", What::Value("high if svc.clients has outside")),
            ("svc.answered", "svc.gossip", What::Condition(Fault::UnknownName("svc.gossip"))),
        ] {
            let text: &'static str = Box::leak(GOOD.replace(from, to).into_boxed_str());
            let (rules, faults) = read(text);
            assert!(rules.is_empty());
            assert_eq!(faults, [RuleFault { id: "tap-open", what }]);
        }
        assert_eq!(read("gossip\n").1, [RuleFault { id: "tap", what: What::Line("gossip") }]);
    }

    #[test]
    fn severities_are_ordered_from_good_to_bad() {
        assert!(Severity::Info < Severity::Low && Severity::High < Severity::Critical);
        assert_eq!(Severity::from_word("medium"), Some(Severity::Medium));
        assert_eq!(Severity::from_word("awful"), None);
    }
}
