//! The named values that conditions speak of: `assess/knowledge/facts.tsv` (name, subject, type, meaning, how heard).
//!
//! Keeps: names, types and closed lists of words. Drops: a value whose name is not in the table: what the vocabulary
//! does not know, no rule can ask for.

use crate::table::Table;
use crate::value::Value;
use auscult_report::fact::Role;
use auscult_report::zone::Zone;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A name of the vocabulary, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(u16);

/// What a name is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A service.
    Service,
    /// A host.
    Host,
    /// A wireless network.
    Wireless,
    /// The place that is listened to.
    Site,
    /// The sensor.
    Sensor,
}

impl About {
    /// `service`, `host`, `wireless`, `site`, `sensor`.
    #[must_use]
    pub fn read(word: &str) -> Option<About> {
        Some(match word {
            "service" => About::Service,
            "host" => About::Host,
            "wireless" => About::Wireless,
            "site" => About::Site,
            "sensor" => About::Sensor,
            _ => return None,
        })
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `count` and `number`
    Number,
    /// `token`: a word of a list that is kept elsewhere.
    Word,
    /// `enum(..)`: a word of this list.
    OneOf(&'static str),
    /// `zone`
    Zone,
    /// `set(token)`
    Words,
    /// `set(zone)`
    Zones,
    /// `set(role)`
    Roles,
}

impl Kind {
    fn read(text: &'static str) -> Option<Kind> {
        Some(match text {
            "bool" => Kind::Bool,
            "count" | "number" => Kind::Number,
            "token" => Kind::Word,
            "zone" => Kind::Zone,
            "set(token)" => Kind::Words,
            "set(zone)" => Kind::Zones,
            "set(role)" => Kind::Roles,
            _ => Kind::OneOf(text.strip_prefix("enum(")?.strip_suffix(')')?),
        })
    }

    /// Whether the value is a set of words.
    #[must_use]
    pub const fn is_set(self) -> bool {
        matches!(self, Kind::Words | Kind::Zones | Kind::Roles)
    }

    /// Whether a value of this kind, or a member of it, may be this word.
    #[must_use]
    pub fn has_word(self, word: &str) -> bool {
        match self {
            Kind::Bool | Kind::Number => false,
            Kind::Word | Kind::Words => true,
            Kind::OneOf(words) => words.split(',').any(|w| w == word),
            Kind::Zone | Kind::Zones => Zone::from_word(word).is_some(),
            Kind::Roles => Role::from_word(word).is_some(),
        }
    }
}

/// The names, with their subjects and types.
#[derive(Debug)]
pub struct Vocabulary {
    names: BTreeMap<&'static str, Name>,
    terms: Vec<(&'static str, About, Kind)>,
}

impl Vocabulary {
    /// Of a table of facts; rows that do not fit are left out, and so are rules that ask for them.
    #[must_use]
    pub fn read(table: Table) -> Vocabulary {
        let (mut names, mut terms) = (BTreeMap::new(), Vec::new());
        for [fact, subject, kind] in table.rows(["fact", "subject", "type"]) {
            let (Some(about), Some(kind), Ok(place)) = (About::read(subject), Kind::read(kind), terms.len().try_into())
            else {
                continue;
            };
            terms.push((fact, about, kind));
            names.insert(fact, Name(place));
        }
        Vocabulary { names, terms }
    }

    /// The place of a name.
    #[must_use]
    pub fn name(&self, word: &str) -> Option<Name> {
        self.names.get(word).copied()
    }

    /// The word of a name.
    #[must_use]
    pub fn word(&self, name: Name) -> &'static str {
        self.terms.get(usize::from(name.0)).map_or("", |t| t.0)
    }

    /// What a name is about.
    #[must_use]
    pub fn about(&self, name: Name) -> About {
        self.terms.get(usize::from(name.0)).map_or(About::Sensor, |t| t.1)
    }

    /// The type of a name's value.
    #[must_use]
    pub fn kind(&self, name: Name) -> Kind {
        self.terms.get(usize::from(name.0)).map_or(Kind::Bool, |t| t.2)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

/// What is known of one subject.
#[derive(Clone, Debug)]
pub struct Values<'v> {
    vocabulary: &'v Vocabulary,
    /// By name; a subject has some twenty of all names.
    rows: Vec<(Name, Value)>,
}

impl<'v> Values<'v> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(vocabulary: &'v Vocabulary) -> Values<'v> {
        Values { vocabulary, rows: Vec::new() }
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<&Value> {
        let place = self.rows.binary_search_by_key(&name, |(n, _)| *n).ok()?;
        self.rows.get(place).map(|(_, value)| value)
    }

    /// Says a value, instead of what was said before; a name that is not in the vocabulary is not said.
    pub fn put(&mut self, word: &str, value: Value) {
        let Some(name) = self.vocabulary.name(word) else { return };
        match self.rows.binary_search_by_key(&name, |(n, _)| *n) {
            Ok(place) => {
                if let Some(row) = self.rows.get_mut(place) {
                    row.1 = value;
                }
            }
            Err(place) => self.rows.insert(place, (name, value)),
        }
    }

    /// Says that something is so, if it is: what is not known to be so stays unknown.
    pub fn flag(&mut self, word: &str, is_so: bool) {
        if is_so {
            self.put(word, Value::Bool(true));
        }
    }

    /// Says a number.
    pub fn number(&mut self, word: &str, number: impl Into<f64>) {
        self.put(word, Value::Number(number.into()));
    }

    /// Says a word, if there is one.
    pub fn word(&mut self, name: &str, word: Option<&'static str>) {
        if let Some(word) = word {
            self.put(name, Value::word(word));
        }
    }

    /// Says a set, if anything is in it.
    pub fn set(&mut self, name: &str, words: BTreeSet<&'static str>) {
        if !words.is_empty() {
            self.put(name, Value::Set(words.into_iter().map(Cow::Borrowed).collect()));
        }
    }

    /// What is known, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.rows.iter().map(|(name, value)| (self.vocabulary.word(*name), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_understood() {
        let table = Table::new(include_str!("../knowledge/facts.tsv"));
        let vocabulary = Vocabulary::read(table);
        assert_eq!(vocabulary.len(), table.rows(["fact"]).count());
        assert_eq!(vocabulary.len(), 149);
        let name = vocabulary.name("svc.clients").unwrap();
        assert_eq!((vocabulary.word(name), vocabulary.kind(name)), ("svc.clients", Kind::Zones));
        assert!(vocabulary.name("svc.gossip").is_none());
    }

    #[test]
    fn a_value_without_a_name_is_not_said() {
        let vocabulary = Vocabulary::read(Table::new(include_str!("../knowledge/facts.tsv")));
        let mut values = Values::new(&vocabulary);
        values.flag("svc.gossip", true);
        values.flag("svc.answered", false);
        assert_eq!(values.iter().count(), 0);
        values.number("svc.days", 2u32);
        assert_eq!(values.get(vocabulary.name("svc.days").unwrap()), Some(&Value::Number(2.0)));
    }
}
