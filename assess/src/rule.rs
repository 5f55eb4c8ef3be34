//! A rule of the catalogue, and the reader of the text that it is written in (`knowledge/README.md` tells its form).
//! Keeps: everything a page or a bundle shows of a rule. Drops: nothing; an unknown key is refused.

use crate::condition::Condition;
use crate::severity::Severity;

/// A rule: when it holds, how bad and how sure it is, and the words for people.
#[derive(Clone, Debug)]
pub struct Rule {
    id: String,
    version: u16,
    group: String,
    subject: String,
    /// Whether it also speaks of servers that are not the clinic's.
    about_any: bool,
    title: String,
    heard: String,
    when: Condition,
    severity: Severity,
    severities: Vec<(Severity, Condition, String)>,
    confidence_percent: u8,
    confidences: Vec<(u8, Condition)>,
    traps: Vec<String>,
    remedy: String,
    gone: String,
    silent_days: Option<u16>,
    controls: Vec<(String, Vec<String>)>,
    stories: Vec<String>,
}

impl Rule {
    /// Its name, stable: `wifi-open-network`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Grows when the same facts may give another answer.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The chapter of the catalogue: `wifi`, `imaging`, ...
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// What it judges: `host`, `service`, `wireless`, `site`, `sensor`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether it also speaks of servers that are not the clinic's: what the clinic sends there is its own.
    #[must_use]
    pub const fn is_about_any(&self) -> bool {
        self.about_any
    }

    /// One sentence for a clinic's manager.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is heard when it holds, for an engineer.
    #[must_use]
    pub fn heard(&self) -> &str {
        &self.heard
    }

    /// When it holds.
    #[must_use]
    pub const fn when(&self) -> &Condition {
        &self.when
    }

    /// How bad it is where no other rule of severity holds.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// How bad it is if a condition holds, and why; the first that holds wins.
    pub fn severities(&self) -> impl Iterator<Item = (Severity, &Condition, &str)> {
        self.severities.iter().map(|(s, c, why)| (*s, c, why.as_str()))
    }

    /// How sure it is where no other rule of confidence holds.
    #[must_use]
    pub const fn confidence_percent(&self) -> u8 {
        self.confidence_percent
    }

    /// How sure it is if a condition holds; the first that holds wins.
    pub fn confidences(&self) -> impl Iterator<Item = (u8, &Condition)> {
        self.confidences.iter().map(|(p, c)| (*p, c))
    }

    /// What it may be mistaken for.
    pub fn traps(&self) -> impl Iterator<Item = &str> {
        self.traps.iter().map(String::as_str)
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// What must be heard for it to be gone.
    #[must_use]
    pub fn gone(&self) -> &str {
        &self.gone
    }

    /// After how many well-heard days of silence it is gone; `None`: never by silence.
    #[must_use]
    pub const fn silent_days(&self) -> Option<u16> {
        self.silent_days
    }

    /// The requirements that it speaks to: framework and ids.
    pub fn controls(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str>)> {
        self.controls.iter().map(|(framework, ids)| (framework.as_str(), ids.iter().map(String::as_str)))
    }

    /// The stories that it would have told in time.
    pub fn stories(&self) -> impl Iterator<Item = &str> {
        self.stories.iter().map(String::as_str)
    }

    /// Every condition in it.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let severities = self.severities.iter().map(|(_, c, _)| c);
        let confidences = self.confidences.iter().map(|(_, c)| c);
        core::iter::once(&self.when).chain(severities).chain(confidences)
    }
}

/// Reads the rules of one group.
///
/// # Errors
/// The rule, the line and what is wrong with it.
pub fn read_rules(group: &str, text: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    let mut draft: Option<Rule> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |what: String| format!("{group}, line {}: {what}", number.saturating_add(1));
        if let Some(id) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            rules.extend(draft.take());
            draft = Some(empty(group, id));
            continue;
        }
        let (key, words) = line.split_once(": ").ok_or_else(|| fault("a line is 'key: words'".to_owned()))?;
        let rule = draft.as_mut().ok_or_else(|| fault("a rule begins with its [id]".to_owned()))?;
        rule.take(key, words).map_err(fault)?;
    }
    rules.extend(draft);
    Ok(rules)
}

impl Rule {
    fn take(&mut self, key: &str, words: &str) -> Result<(), String> {
        let text = words.to_owned();
        match key {
            "version" => self.version = number(words)?,
            "subject" => self.subject = text,
            "about" => self.about_any = words == "any",
            "title" => self.title = text,
            "heard" => self.heard = text,
            "when" => self.when = Condition::parse(words)?,
            "severity" => self.take_severity(words)?,
            "confidence" => self.take_confidence(words)?,
            "trap" => self.traps.push(text),
            "remedy" => self.remedy = text,
            "gone" => self.gone = text,
            "silent-days" => self.silent_days = Some(number(words)?),
            "stories" => self.stories = list(words),
            "capture-kinds" => {}
            "hipaa" | "iso27001" | "nist_csf2" | "hicp405d" | "cis_v8" | "gdpr" | "nist80053" => {
                self.controls.push((key.to_owned(), list(words)));
            }
            _ => return Err(format!("'{key}' is no key of a rule")),
        }
        Ok(())
    }

    fn take_severity(&mut self, words: &str) -> Result<(), String> {
        let (level, rest) = words.split_once(" if ").map_or((words, None), |(l, r)| (l, Some(r)));
        let severity = Severity::from_word(level).ok_or_else(|| format!("'{level}' is no severity"))?;
        match rest {
            None => self.severity = severity,
            Some(rest) => {
                let (condition, why) = rest.split_once(" -- ").unwrap_or((rest, ""));
                self.severities.push((severity, Condition::parse(condition)?, why.to_owned()));
            }
        }
        Ok(())
    }

    fn take_confidence(&mut self, words: &str) -> Result<(), String> {
        match words.split_once(" if ") {
            None => self.confidence_percent = number(words)?,
            Some((percent, condition)) => self.confidences.push((number(percent)?, Condition::parse(condition)?)),
        }
        Ok(())
    }
}

fn empty(group: &str, id: &str) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 0,
        group: group.to_owned(),
        subject: String::new(),
        about_any: false,
        title: String::new(),
        heard: String::new(),
        when: Condition::Any(Vec::new()),
        severity: Severity::Info,
        severities: Vec::new(),
        confidence_percent: 0,
        confidences: Vec::new(),
        traps: Vec::new(),
        remedy: String::new(),
        gone: String::new(),
        silent_days: None,
        controls: Vec::new(),
        stories: Vec::new(),
    }
}

fn number<N: core::str::FromStr>(words: &str) -> Result<N, String> {
    words.parse().map_err(|_| format!("'{words}' is no number that fits here"))
}

fn list(words: &str) -> Vec<String> {
    words.split(", ").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_group_and_its_line() {
        let fault = read_rules("wifi", "# note\n[a-rule]\nversion: 1\ncolour: red\n").unwrap_err();
        assert_eq!(fault, "wifi, line 4: 'colour' is no key of a rule");
        assert!(read_rules("wifi", "version: 1\n").unwrap_err().contains("begins with its [id]"));
        assert!(read_rules("wifi", "[a]\nseverity: bad\n").unwrap_err().contains("no severity"));
        assert!(read_rules("wifi", "[a]\nwhen: x &\n").is_err());
    }

    #[test]
    fn a_rule_keeps_its_reasons() {
        let text = "[a]\nversion: 2\nseverity: low\nseverity: high if a.x -- because of x\nconfidence: 90\nconfidence: 40 if a.y\n";
        let rules = read_rules("wifi", text).unwrap();
        let severities: Vec<_> = rules[0].severities().map(|(s, _, why)| (s, why)).collect();
        assert_eq!(severities, [(Severity::High, "because of x")]);
        assert_eq!((rules[0].severity(), rules[0].confidence_percent(), rules[0].version()), (Severity::Low, 90, 2));
    }
}
