//! The lines of a rule as they are written, and the rule that they make (`assess/knowledge/README.md`, "The catalogue").
//!
//! Keeps: every key that is listed. Drops: nothing; a key that is not listed, or a value that does not fit, is a fault of the rule.

use super::{Rule, Severity, What, Whose};
use crate::condition::Condition;
use crate::vocabulary::{About, Vocabulary};

/// The lines of one rule.
pub(super) struct Draft {
    pub(super) id: &'static str,
    pub(super) lines: Vec<(&'static str, &'static str)>,
}

impl Draft {
    pub(super) fn rule(&self, group: &'static str, vocabulary: &Vocabulary) -> Result<Rule, What> {
        let condition = |text| Condition::read(text, vocabulary).map_err(What::Condition);
        let (mut severities, mut confidences, mut controls) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in &self.lines {
            match (*key, value.split_once(" if ")) {
                ("severity", Some((word, rest))) => {
                    let severity = Severity::from_word(word).ok_or(What::Value(value))?;
                    let (test, reason) = rest.split_once(" -- ").ok_or(What::Value(value))?;
                    severities.push((severity, condition(test)?, reason));
                }
                ("confidence", Some((percent, test))) => confidences.push((percentage(percent)?, condition(test)?)),
                (framework, _) if FRAMEWORKS.contains(&framework) => controls.push((framework, words(value))),
                (other, _) if KEYS.contains(&other) => {}
                (other, _) => return Err(What::Line(other)),
            }
        }
        let subject = self.one("subject")?;
        let severity = self.base("severity")?;
        Ok(Rule {
            id: self.id,
            version: number(self.one("version")?)?,
            group,
            title: self.one("title")?,
            about: About::read(subject).ok_or(What::Value(subject))?,
            also: self.values("also").next().map(|text| also(text, vocabulary)).transpose()?,
            whose: whose(self.one("about")?)?,
            heard: self.one("heard")?,
            remedy: self.one("remedy")?,
            gone: self.one("gone")?,
            silent_days: self.values("silent-days").next().map(number).transpose()?,
            gone_when: self.values("gone-when").next().map(|text| gone_when(text, vocabulary)).transpose()?,
            traps: self.values("trap").collect(),
            controls,
            stories: self.values("stories").flat_map(words).collect(),
            captures: self.values("capture-kinds").flat_map(words).collect(),
            when_text: self.one("when")?,
            when: condition(self.one("when")?)?,
            severity: Severity::from_word(severity).ok_or(What::Value(severity))?,
            severities,
            confidence: percentage(self.base("confidence")?)?,
            confidences,
        })
    }

    fn values(&self, key: &str) -> impl Iterator<Item = &'static str> {
        self.lines.iter().filter(move |(k, _)| *k == key).map(|(_, v)| *v)
    }

    fn one(&self, key: &'static str) -> Result<&'static str, What> {
        self.values(key).next().ok_or(What::Missing(key))
    }

    /// The line of a key that holds where none with a condition does.
    fn base(&self, key: &'static str) -> Result<&'static str, What> {
        self.values(key).find(|v| !v.contains(" if ")).ok_or(What::Missing(key))
    }
}

/// A condition, or one ` for N days`.
fn gone_when(text: &'static str, vocabulary: &Vocabulary) -> Result<(Condition, u16), What> {
    let (condition, days) = match text.strip_suffix(" days").and_then(|t| t.rsplit_once(" for ")) {
        Some((condition, days)) => (condition, number(days)?),
        None => (text, 0),
    };
    Ok((Condition::read(condition, vocabulary).map_err(What::Condition)?, days))
}

/// Another kind of subject ` when ` a condition.
fn also(text: &'static str, vocabulary: &Vocabulary) -> Result<(About, Condition), What> {
    let (subject, condition) = text.split_once(" when ").ok_or(What::Value(text))?;
    let about = About::read(subject).ok_or(What::Value(subject))?;
    Ok((about, Condition::read(condition, vocabulary).map_err(What::Condition)?))
}

fn whose(word: &'static str) -> Result<Whose, What> {
    match word {
        "own" => Ok(Whose::Own),
        "sent" => Ok(Whose::Sent),
        "any" => Ok(Whose::Any),
        _ => Err(What::Value(word)),
    }
}

fn percentage(text: &'static str) -> Result<u8, What> {
    number(text).ok().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 100).ok_or(What::Value(text))
}

fn number(text: &'static str) -> Result<u16, What> {
    text.parse().map_err(|_| What::Value(text))
}

fn words(list: &'static str) -> Vec<&'static str> {
    list.split(", ").collect()
}

/// Keys of lines; those of [`FRAMEWORKS`] come to them.
const KEYS: &[&str] = &[
    "version",
    "title",
    "subject",
    "also",
    "about",
    "heard",
    "when",
    "severity",
    "confidence",
    "trap",
    "remedy",
    "gone",
    "gone-when",
    "silent-days",
    "stories",
    "capture-kinds",
];

/// Frameworks of `controls.tsv`: a key each.
const FRAMEWORKS: &[&str] = &["hipaa", "iso27001", "nist_csf2", "hicp405d", "cis_v8", "gdpr", "nist80053"];
