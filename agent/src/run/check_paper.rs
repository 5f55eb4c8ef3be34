//! What a check says: one line each, well, to be looked at or wrong, with what a person can try; as text, and as JSON (schema
//! `auscult-check/1`, described in `agent/check.schema.json`).
//!
//! Keeps: words of closed lists, numbers, names and addresses of the configuration. Drops: everything heard but its kind.

use serde_json::{Map, Value, json};

/// How a thing stands, from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing is to be done.
    #[default]
    Well,
    /// It works, and a person should look at it.
    Attention,
    /// It does not work.
    Wrong,
}

impl Grade {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Grade::Well => "ok",
            Grade::Attention => "attention",
            Grade::Wrong => "wrong",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What was checked.
    pub about: &'static str,
    /// Which of several: an interface, an address of the collector.
    pub of: Option<String>,
    /// How it stands.
    pub grade: Grade,
    /// What was found, in words.
    pub found: String,
    /// What to try, where it is not well.
    pub advice: Option<String>,
    /// What was counted, by name.
    pub figures: Map<String, Value>,
}

impl Line {
    pub(super) fn well(about: &'static str, found: impl Into<String>) -> Line {
        Line { about, of: None, grade: Grade::Well, found: found.into(), advice: None, figures: Map::new() }
    }

    pub(super) fn attention(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Line {
        Line { grade: Grade::Attention, advice: Some(advice.into()), ..Line::well(about, found) }
    }

    pub(super) fn wrong(about: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Line {
        Line { grade: Grade::Wrong, ..Line::attention(about, found, advice) }
    }

    pub(super) fn of(self, which: &str) -> Line {
        Line { of: Some(which.to_owned()), ..self }
    }

    /// As one line of text, without its end.
    #[must_use]
    pub fn text(&self) -> String {
        let about = self.of.as_ref().map_or(self.about.to_owned(), |of| format!("{} {of}", self.about));
        let advice = self.advice.as_ref().map_or(String::new(), |advice| format!(". Try: {advice}"));
        format!("{:<10} {about:<18} {}{advice}", self.grade.word(), self.found)
    }

    fn json(&self) -> Value {
        json!({
            "check": self.about,
            "of": self.of,
            "grade": self.grade.word(),
            "found": self.found,
            "try": self.advice,
            "figures": self.figures,
        })
    }
}

/// Everything that was checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// In the order in which it was checked.
    pub lines: Vec<Line>,
    /// How long it listened, in seconds.
    pub seconds: u64,
}

impl Checked {
    /// A configuration that is refused: nothing else can be checked.
    #[must_use]
    pub fn refused(sentence: &str) -> Checked {
        let advice = "mend this line of the configuration, and check again";
        Checked { lines: vec![Line::wrong("configuration", sentence, advice)], seconds: 0 }
    }

    /// The worst of them.
    #[must_use]
    pub fn grade(&self) -> Grade {
        self.lines.iter().map(|line| line.grade).max().unwrap_or_default()
    }

    /// The last line: what a person takes along.
    #[must_use]
    pub fn verdict(&self) -> String {
        let count = |grade| self.lines.iter().filter(|line| line.grade == grade).count();
        let (wrong, attention) = (count(Grade::Wrong), count(Grade::Attention));
        let number = |n: usize| if n == 1 { "1 thing".to_owned() } else { format!("{n} things") };
        match self.grade() {
            Grade::Well => "this box hears, and all is well".to_owned(),
            Grade::Attention => format!("this box hears; look at {}", number(attention)),
            Grade::Wrong if attention == 0 => format!("not well: {} wrong", number(wrong)),
            Grade::Wrong => format!("not well: {} wrong, {attention} more to look at", number(wrong)),
        }
    }

    /// The document of `--format json`.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema": "auscult-check/1",
            "verdict": self.grade().word(),
            "sentence": self.verdict(),
            "seconds": self.seconds,
            "checks": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_worst_line_and_counts_the_others() {
        let mut checked = Checked::default();
        checked.lines.push(Line::well("clock", "set"));
        assert_eq!((checked.grade(), checked.verdict().as_str()), (Grade::Well, "this box hears, and all is well"));
        checked.lines.push(Line::attention("keys", "none", "enrol"));
        assert_eq!(checked.verdict(), "this box hears; look at 1 thing");
        checked.lines.push(Line::wrong("interface", "is down", "ip link set eth0 up").of("eth0"));
        assert_eq!((checked.grade(), checked.json()["verdict"].as_str()), (Grade::Wrong, Some("wrong")));
        assert_eq!(checked.verdict(), "not well: 1 thing wrong, 1 more to look at");
    }

    #[test]
    fn a_line_says_how_what_and_what_to_try() {
        let line = Line::wrong("interface", "is down", "ip link set eth0 up").of("eth0");
        assert_eq!(line.text(), "wrong      interface eth0     is down. Try: ip link set eth0 up");
    }
}
