//! How bad a finding is: who can reach it, what it is, and what was proved (`knowledge/README.md`, "Severity").
//! Keeps: five levels. Drops: scores.

/// How bad a finding is, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Mend it when you come by.
    Low,
    /// Mend it soon.
    Medium,
    /// Mend it this week.
    High,
    /// Mend it now; ask whether it is a breach.
    Critical,
}

impl Severity {
    /// The word for people and rules.
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

    /// The level of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Severity> {
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .find(|s| s.word() == word)
    }
}
