//! The values that facts have when they are judged, by the names of `knowledge/facts.tsv`.
//! Keeps: truths, numbers, words, sets of words. Drops: who said them; that is in the sightings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// A word of a closed list.
pub type Word = Cow<'static, str>;

/// The value of one fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A count, or a number with a unit that the fact's name tells.
    Number(f64),
    /// One of a closed list.
    Word(Word),
    /// Several of a closed list.
    Set(BTreeSet<Word>),
}

impl Value {
    /// A word.
    #[must_use]
    pub const fn word(word: &'static str) -> Value {
        Value::Word(Cow::Borrowed(word))
    }

    /// A count.
    #[must_use]
    pub fn count(count: u32) -> Value {
        Value::Number(f64::from(count))
    }

    /// Whether there is anything in it.
    #[must_use]
    pub fn is_present(&self) -> bool {
        match self {
            Value::Bool(_) | Value::Number(_) => true,
            Value::Word(w) => !w.is_empty(),
            Value::Set(s) => !s.is_empty(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => b.fmt(f),
            Value::Number(n) => n.fmt(f),
            Value::Word(w) => w.fmt(f),
            Value::Set(s) => f.write_str(&s.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")),
        }
    }
}
