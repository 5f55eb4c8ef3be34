//! The conditions of rules: their text and what makes them hold (`assess/knowledge/README.md`, "Conditions").
//!
//! Keeps: names of the vocabulary, operators, literals. Drops: nothing; a text that does not fit is a [`Fault`].
//! An unknown value makes its test false, and the negation of an unknown value holds.

use crate::value::Value;
use crate::vocabulary::{Kind, Name, Values, Vocabulary};

/// A condition, parsed and checked against the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `a & b`
    All(Vec<Condition>),
    /// `a | b`
    Any(Vec<Condition>),
    /// `!a`
    Not(Box<Condition>),
    /// `name op value`
    Test(Name, Test),
}

/// What is asked of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `name present`: there is a value, and it is not an empty word or set.
    Present,
    /// `name == value`; a name alone stands for `name == true`.
    Is(Value),
    /// `name != value`: false for an unknown value.
    IsNot(Value),
    /// `name in [a, b]`
    In(Vec<&'static str>),
    /// `name has word`
    Has(&'static str),
    /// `name > number`
    Above(f64),
    /// `name >= number`
    AtLeast(f64),
    /// `name < number`
    Below(f64),
    /// `name <= number`
    AtMost(f64),
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A name or a word was expected.
    WordMissing,
    /// This name is not in the vocabulary.
    UnknownName(&'static str),
    /// This literal does not fit the type of its name.
    WrongLiteral(&'static str),
    /// This operator does not fit the type of its name.
    WrongOperator(&'static str),
    /// A bracket is not closed.
    BracketMissing,
    /// Something follows where the condition should end.
    Rest(&'static str),
    /// Brackets and negations are nested too deeply.
    TooDeep,
}

/// What a condition is asked about: the nearest layer that knows a name answers (service, host, site, sensor).
#[derive(Clone, Copy, Debug)]
pub struct Layers<'l, 'v>(pub &'l [&'l Values<'v>]);

impl Layers<'_, '_> {
    fn get(&self, name: Name) -> Option<&Value> {
        self.0.iter().find_map(|layer| layer.get(name))
    }
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// The first [`Fault`] of the text.
    pub fn read(text: &'static str, vocabulary: &Vocabulary) -> Result<Condition, Fault> {
        let mut reading = Reading { rest: text.trim_start(), vocabulary };
        let condition = reading.any(0)?;
        if reading.rest.is_empty() { Ok(condition) } else { Err(Fault::Rest(reading.rest)) }
    }

    /// Whether it holds `here`; what stands under a negation is asked of the `whole`. Where a service is seen by zones of
    /// clients, "nobody outside got an answer" must be true of all of them.
    #[must_use]
    pub fn holds(&self, here: Layers<'_, '_>, whole: Layers<'_, '_>) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().all(|c| c.holds(here, whole)),
            Condition::Any(conditions) => conditions.iter().any(|c| c.holds(here, whole)),
            Condition::Not(condition) => !condition.holds(whole, whole),
            Condition::Test(name, test) => here.get(*name).is_some_and(|value| test.passes(value)),
        }
    }

    /// The names that it asks for, those under a negation only if `also_denied`.
    pub fn names(&self, also_denied: bool, found: &mut Vec<Name>) {
        match self {
            Condition::All(conditions) | Condition::Any(conditions) => {
                conditions.iter().for_each(|c| c.names(also_denied, found));
            }
            Condition::Not(condition) if also_denied => condition.names(true, found),
            Condition::Not(_) => {}
            Condition::Test(name, _) => found.push(*name),
        }
    }
}

impl Test {
    fn passes(&self, value: &Value) -> bool {
        let number = if let Value::Number(n) = value { Some(*n) } else { None };
        match self {
            Test::Present => value.is_present(),
            Test::Is(wanted) => value == wanted,
            Test::IsNot(other) => value != other,
            Test::In(words) => matches!(value, Value::Word(w) if words.contains(&w.as_ref())),
            Test::Has(word) => matches!(value, Value::Set(words) if words.contains(*word)),
            Test::Above(bound) => number.is_some_and(|n| n > *bound),
            Test::AtLeast(bound) => number.is_some_and(|n| n >= *bound),
            Test::Below(bound) => number.is_some_and(|n| n < *bound),
            Test::AtMost(bound) => number.is_some_and(|n| n <= *bound),
        }
    }
}

struct Reading<'v> {
    rest: &'static str,
    vocabulary: &'v Vocabulary,
}

impl Reading<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, Fault> {
        let mut parts = vec![self.all(depth)?];
        while self.eat("|") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, Fault> {
        let mut parts = vec![self.one(depth)?];
        while self.eat("&") {
            parts.push(self.one(depth)?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, Fault> {
        let deeper = depth.saturating_add(1);
        if deeper > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        if self.eat("!") {
            return Ok(Condition::Not(Box::new(self.one(deeper)?)));
        }
        if self.eat("(") {
            let inner = self.any(deeper)?;
            return if self.eat(")") { Ok(inner) } else { Err(Fault::BracketMissing) };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, Fault> {
        let word = self.word()?;
        let name = self.vocabulary.name(word).ok_or(Fault::UnknownName(word))?;
        let kind = self.vocabulary.kind(name);
        let test = if self.eat("==") {
            Test::Is(self.literal(kind)?)
        } else if self.eat("!=") {
            Test::IsNot(self.literal(kind)?)
        } else if self.eat(">=") {
            Test::AtLeast(self.number(kind)?)
        } else if self.eat("<=") {
            Test::AtMost(self.number(kind)?)
        } else if self.eat(">") {
            Test::Above(self.number(kind)?)
        } else if self.eat("<") {
            Test::Below(self.number(kind)?)
        } else if self.eat("present") {
            Test::Present
        } else if self.eat("has ") {
            if !kind.is_set() {
                return Err(Fault::WrongOperator(word));
            }
            Test::Has(self.word_of(kind)?)
        } else if self.eat("in ") {
            Test::In(self.list(kind)?)
        } else if kind == Kind::Bool {
            Test::Is(Value::Bool(true))
        } else {
            return Err(Fault::WrongOperator(word));
        };
        Ok(Condition::Test(name, test))
    }

    fn literal(&mut self, kind: Kind) -> Result<Value, Fault> {
        match kind {
            Kind::Number => self.number(kind).map(Value::Number),
            Kind::Bool => match self.word()? {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                other => Err(Fault::WrongLiteral(other)),
            },
            _ if kind.is_set() => Err(Fault::WrongOperator(self.rest)),
            _ => self.word_of(kind).map(Value::word),
        }
    }

    fn number(&mut self, kind: Kind) -> Result<f64, Fault> {
        let word = self.word()?;
        if kind != Kind::Number {
            return Err(Fault::WrongOperator(word));
        }
        word.parse().ok().filter(|n: &f64| n.is_finite()).ok_or(Fault::WrongLiteral(word))
    }

    fn list(&mut self, kind: Kind) -> Result<Vec<&'static str>, Fault> {
        if !self.eat("[") {
            return Err(Fault::BracketMissing);
        }
        let mut words = vec![self.word_of(kind)?];
        while self.eat(",") {
            words.push(self.word_of(kind)?);
        }
        if self.eat("]") { Ok(words) } else { Err(Fault::BracketMissing) }
    }

    fn word_of(&mut self, kind: Kind) -> Result<&'static str, Fault> {
        let word = self.word()?;
        if kind.has_word(word) { Ok(word) } else { Err(Fault::WrongLiteral(word)) }
    }

    fn word(&mut self) -> Result<&'static str, Fault> {
        let is_inside = |o: &u8| o.is_ascii_alphanumeric() || matches!(o, b'.' | b'-' | b'_');
        let len = self.rest.bytes().take_while(|o| is_inside(o)).count();
        let (word, rest) = self.rest.split_at_checked(len).unwrap_or(("", self.rest));
        self.rest = rest.trim_start();
        if word.is_empty() { Err(Fault::WordMissing) } else { Ok(word) }
    }

    fn eat(&mut self, sign: &str) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }
}

fn one_or(mut parts: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            several(parts)
        }
        (None, _) => several(parts),
    }
}

/// Brackets and negations inside each other: no rule needs more than three; the bound keeps the stack small.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use std::collections::BTreeSet;

    fn vocabulary() -> Vocabulary {
        Vocabulary::read(Table::new(include_str!("../knowledge/facts.tsv")))
    }

    fn read(text: &'static str) -> Result<Condition, Fault> {
        Condition::read(text, &vocabulary())
    }

    #[test]
    fn and_binds_before_or_and_brackets_before_both() {
        let v = vocabulary();
        let mut values = Values::new(&v);
        values.flag("svc.answered", true);
        let holds = |text| Condition::read(text, &v).unwrap().holds(Layers(&[&values]), Layers(&[&values]));
        assert!(holds("svc.answered | svc.medical & svc.hairpin"));
        assert!(!holds("(svc.answered | svc.medical) & svc.hairpin"));
        assert!(holds("!(svc.medical | svc.hairpin) & svc.answered"));
        assert!(!holds("!svc.answered"));
    }

    #[test]
    fn the_unknown_is_false_and_its_negation_true() {
        let v = vocabulary();
        let values = Values::new(&v);
        let holds = |text| Condition::read(text, &v).unwrap().holds(Layers(&[&values]), Layers(&[&values]));
        for text in [
            "wifi.owner == own",
            "wifi.owner != own",
            "wifi.owner in [own, neighbour]",
            "dicom.matches > 0",
            "dicom.matches >= 0",
            "dicom.matches < 5",
            "dicom.matches <= 5",
            "dicom.matches == 0",
            "svc.clients has outside",
            "svc.clients present",
            "cert.name_fits == false",
        ] {
            assert!(!holds(text), "{text}");
        }
        assert!(holds("!svc.clients has outside & !dicom.matches >= 0"));
    }

    #[test]
    fn each_operator_asks_what_it_says() {
        let v = vocabulary();
        let mut values = Values::new(&v);
        values.number("dicom.matches", 5u32);
        values.number("cert.days_left", -3);
        values.word("wifi.owner", Some("own"));
        values.set("svc.clients", BTreeSet::from(["guest", "outside"]));
        values.put("cert.name_fits", Value::Bool(false));
        values.word("web.admin_open", Some(""));
        let holds = |text| Condition::read(text, &v).unwrap().holds(Layers(&[&values]), Layers(&[&values]));
        for text in [
            "dicom.matches > 4 & dicom.matches >= 5 & dicom.matches < 6 & dicom.matches <= 5 & dicom.matches == 5",
            "cert.days_left < 0 & cert.days_left >= -3",
            "wifi.owner == own & wifi.owner != neighbour & wifi.owner in [unknown, own]",
            "svc.clients has guest & svc.clients present & !svc.clients has office",
            "cert.name_fits == false & cert.name_fits present",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in ["dicom.matches > 5", "dicom.matches != 5", "wifi.owner != own", "web.admin_open present"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_denied_is_asked_of_the_whole() {
        let v = vocabulary();
        let (mut inside, mut whole) = (Values::new(&v), Values::new(&v));
        inside.set("svc.clients", BTreeSet::from(["office"]));
        whole.set("svc.clients", BTreeSet::from(["office", "outside"]));
        let holds = |text| Condition::read(text, &v).unwrap().holds(Layers(&[&inside]), Layers(&[&whole]));
        assert!(!holds("svc.clients has outside"));
        assert!(!holds("!svc.clients has outside"));
        assert!(holds("svc.clients has office & !svc.clients has guest"));
    }

    #[test]
    fn a_malformed_text_says_what_is_wrong() {
        for (text, fault) in [
            ("", Fault::WordMissing),
            ("svc.answered &", Fault::WordMissing),
            ("svc.gossip", Fault::UnknownName("svc.gossip")),
            ("(svc.answered", Fault::BracketMissing),
            ("svc.answered)", Fault::Rest(")")),
            ("svc.answered svc.medical", Fault::Rest("svc.medical")),
            ("wifi.owner == mine", Fault::WrongLiteral("mine")),
            ("wifi.owner in [own", Fault::BracketMissing),
            ("wifi.owner in own", Fault::BracketMissing),
            ("wifi.owner", Fault::WrongOperator("wifi.owner")),
            ("wifi.owner has own", Fault::WrongOperator("wifi.owner")),
            ("wifi.owner > 3", Fault::WrongOperator("3")),
            ("dicom.matches > many", Fault::WrongLiteral("many")),
            ("dicom.matches == nan", Fault::WrongLiteral("nan")),
            ("svc.clients has mars", Fault::WrongLiteral("mars")),
            ("svc.clients == outside", Fault::WrongOperator("outside")),
            ("svc.answered == maybe", Fault::WrongLiteral("maybe")),
            ("!!!!!!!!!!!!!!!!!!!!svc.answered", Fault::TooDeep),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn no_piece_of_a_condition_panics() {
        let text = "!(svc.clients has outside | wifi.owner in [own, neighbour]) & dicom.matches >= 10";
        for end in 0..=text.len() {
            for start in 0..end {
                let _ = read(text.get(start..end).unwrap());
            }
        }
    }
}
