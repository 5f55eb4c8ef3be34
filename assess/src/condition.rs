//! Conditions over facts, as the catalogue writes them: `svc.protocol == dicom & (dicom.matches > 0 | !svc.hairpin)`.
//!
//! `&` binds more tightly than `|`; `!` takes what follows it. Operators: `==`, `!=`, `in [a, b]`, `has`, `>`, `>=`, `<`,
//! `<=`, `present`; a fact alone means that it is true. Semantics of `knowledge/README.md`: an unknown fact makes its
//! test false, so that its negation is true.

use crate::value::{Value, Values};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every one holds.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A test of one fact.
    Test(Test),
}

/// A test of one fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The fact's name.
    pub fact: String,
    /// How it is tested.
    pub operator: Operator,
    /// Against what: one value, several for `in`, none for `present`.
    pub against: Vec<Value>,
}

/// How a fact is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `in [..]`
    In,
    /// `has`
    Has,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `present`
    Present,
}

/// What a condition is held against: a part of what is known, and the whole of it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What was heard towards the clients of one zone (and all that goes by no zone). Tests look here.
    pub part: &'a Values,
    /// What was heard towards all clients. Tests below a `!` look here: "no client outside" speaks of them all.
    pub whole: &'a Values,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What was expected, where the text is no condition.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let mut words = Words { rest: text, deep: 0 };
        let condition = words.any()?;
        words.space();
        if words.rest.is_empty() {
            Ok(condition)
        } else {
            Err(format!("nothing more was expected at '{}'", words.rest))
        }
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, view: View<'_>) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|c| c.holds(view)),
            Condition::Any(any) => any.iter().any(|c| c.holds(view)),
            Condition::Not(c) => !c.holds(View { part: view.whole, whole: view.whole }),
            Condition::Test(test) => test.holds(view.part),
        }
    }

    /// Every test in it.
    #[must_use]
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(Condition::tests).collect(),
            Condition::Not(c) => c.tests(),
            Condition::Test(test) => vec![test],
        }
    }
}

impl Test {
    fn holds(&self, facts: &Values) -> bool {
        let Some(value) = facts.get(self.fact.as_str()) else { return false };
        let against = self.against.first();
        match self.operator {
            Operator::Present => value.is_present(),
            Operator::Equal => against == Some(value),
            Operator::NotEqual => against != Some(value),
            Operator::In => self.against.contains(value),
            Operator::Has => match (value, against) {
                (Value::Set(set), Some(Value::Word(word))) => set.contains(word),
                _ => false,
            },
            Operator::Greater => compare(value, against, |a, b| a > b),
            Operator::AtLeast => compare(value, against, |a, b| a >= b),
            Operator::Less => compare(value, against, |a, b| a < b),
            Operator::AtMost => compare(value, against, |a, b| a <= b),
        }
    }
}

fn compare(value: &Value, against: Option<&Value>, how: fn(f64, f64) -> bool) -> bool {
    match (value, against) {
        (Value::Number(a), Some(Value::Number(b))) => how(*a, *b),
        _ => false,
    }
}

/// The text that is left to be read. Depth is bounded, so that no text can exhaust the stack.
struct Words<'a> {
    rest: &'a str,
    deep: u8,
}

impl<'a> Words<'a> {
    fn any(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.all()?];
        while self.takes("|") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.one()?];
        while self.takes("&") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, String> {
        self.deep = self.deep.saturating_add(1);
        if self.deep > MAX_DEPTH {
            return Err("a condition is nested too deeply".to_owned());
        }
        let condition = if self.takes("!") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.any()?;
            if !self.takes(")") {
                return Err(format!("a ) was expected at '{}'", self.rest));
            }
            inner
        } else {
            Condition::Test(self.test()?)
        };
        self.deep = self.deep.saturating_sub(1);
        Ok(condition)
    }

    fn test(&mut self) -> Result<Test, String> {
        let fact = self.word()?.to_owned();
        if !fact.contains('.') {
            return Err(format!("'{fact}' is no name of a fact"));
        }
        let (operator, against) = if self.takes("present") {
            (Operator::Present, Vec::new())
        } else if self.takes("in ") {
            (Operator::In, self.list()?)
        } else if let Some((_, operator)) = SIGNS.iter().find(|(sign, _)| self.takes(sign)) {
            (*operator, vec![self.value()?])
        } else {
            (Operator::Equal, vec![Value::Bool(true)])
        };
        Ok(Test { fact, operator, against })
    }

    fn list(&mut self) -> Result<Vec<Value>, String> {
        if !self.takes("[") {
            return Err(format!("a [ was expected at '{}'", self.rest));
        }
        let mut values = vec![self.value()?];
        while self.takes(",") {
            values.push(self.value()?);
        }
        if self.takes("]") { Ok(values) } else { Err(format!("a ] was expected at '{}'", self.rest)) }
    }

    fn value(&mut self) -> Result<Value, String> {
        let word = self.word()?;
        Ok(match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            // Versions of protocols look like numbers (2.1, 3.0) but are words of closed lists.
            _ => match word.parse::<f64>() {
                Ok(n) if !word.ends_with(".0") => Value::Number(n),
                _ => Value::Word(Cow::Owned(word.to_owned())),
            },
        })
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.space();
        let end =
            self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((word, rest)) if !word.is_empty() => {
                self.rest = rest;
                Ok(word)
            }
            _ => Err(format!("a word was expected at '{}'", self.rest)),
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// The facts that a condition names.
#[must_use]
pub fn facts_of(condition: &Condition) -> BTreeSet<&str> {
    condition.tests().into_iter().map(|t| t.fact.as_str()).collect()
}

/// Signs between a fact and a value, the longer before the shorter.
const SIGNS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("has ", Operator::Has),
];

/// Brackets and negations within each other: the catalogue has three.
const MAX_DEPTH: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, Value)]) -> Values {
        pairs.iter().map(|(n, v)| (Cow::Borrowed(*n), v.clone())).collect()
    }

    fn holds(text: &str, part: &Values, whole: &Values) -> bool {
        Condition::parse(text).unwrap().holds(View { part, whole })
    }

    #[test]
    fn and_binds_more_tightly_than_or_and_brackets_bind_most() {
        let facts = values(&[("a.x", Value::Bool(true)), ("a.y", Value::Bool(false)), ("a.z", Value::Bool(false))]);
        assert!(holds("a.x | a.y & a.z", &facts, &facts));
        assert!(!holds("(a.x | a.y) & a.z", &facts, &facts));
        assert!(holds("!a.y & !(a.y | a.z)", &facts, &facts));
    }

    #[test]
    fn an_unknown_fact_is_false_and_its_negation_true() {
        let none = Values::new();
        assert!(!holds("a.x", &none, &none));
        assert!(!holds("a.x != word", &none, &none));
        assert!(!holds("a.x < 3", &none, &none));
        assert!(holds("!a.x == word", &none, &none));
        assert!(!holds("a.x present", &none, &none));
    }

    #[test]
    fn each_operator_does_what_it_says() {
        let set = Value::Set([Cow::Borrowed("outside"), Cow::Borrowed("guest")].into());
        let facts = values(&[("a.n", Value::Number(3.0)), ("a.w", Value::word("tls")), ("a.s", set)]);
        for text in [
            "a.n == 3",
            "a.n >= 3",
            "a.n <= 3",
            "a.n > 2",
            "a.n < 4",
            "a.n != 4",
            "a.w in [none, tls]",
            "a.w == tls",
            "a.s has guest",
            "a.s present",
        ] {
            assert!(holds(text, &facts, &facts), "{text}");
        }
        for text in ["a.n == 4", "a.n > 3", "a.w in [none, partly]", "a.s has office", "a.w == 3", "a.w > 3"] {
            assert!(!holds(text, &facts, &facts), "{text}");
        }
    }

    #[test]
    fn a_negation_speaks_of_the_whole() {
        let clients = |zone: &'static str| Value::Set([Cow::Borrowed(zone)].into());
        let part = values(&[("svc.clients", clients("same-segment"))]);
        let whole = values(&[("svc.clients", Value::Set(["same-segment", "outside"].map(Cow::Borrowed).into()))]);
        assert!(holds("!svc.clients has outside", &part, &part));
        assert!(!holds("!svc.clients has outside", &part, &whole));
        assert!(!holds("svc.clients has outside", &part, &whole));
    }

    #[test]
    fn text_that_is_no_condition_is_refused() {
        for text in ["", "a.x &", "a.x == ", "(a.x", "a.x in [b", "word", "a.x b", "a.x | | a.y"] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
        assert!(Condition::parse(&"(".repeat(200)).is_err());
    }
}
