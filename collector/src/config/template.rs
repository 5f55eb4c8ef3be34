//! Texts of tickets: what an operator wrote, with names in double braces for what a notice says.
//!
//! Keeps: the pieces of a text whose names are all of the closed list. Drops: every other name; nothing is looked up when it is filled,
//! and what is filled in cannot end the string of JSON, or the part of a path, that it stands in.

/// A text with places to fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Place),
}

/// What can stand in double braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `key`: the finding's own key, the same for its whole life: 32 digits of 0-9 and a-f.
    Key,
    /// `notice`: the notice's id, another one for each.
    Notice,
    /// `ticket`: the number that the ticket system gave.
    Ticket,
    /// `event`: `opened`, `worse`, `fixed`, `came-back`, `silent`, `due`, `test`.
    Event,
    /// `severity`: `info` to `critical`.
    Severity,
    /// `title`: what it is, in one sentence.
    Title,
    /// `clinic`: what people call the clinic.
    Clinic,
    /// `clinic_name`: the short word by which operators name it.
    ClinicName,
    /// `rule`: the id in the catalogue; empty where it is no finding.
    Rule,
    /// `at`: when it happened, as in 2026-11-21T10:15:00Z.
    At,
    /// `page`: where to sign in; empty if the settings do not say.
    Page,
}

impl Place {
    /// Every place.
    pub const ALL: [Place; 11] = [
        Place::Key,
        Place::Notice,
        Place::Ticket,
        Place::Event,
        Place::Severity,
        Place::Title,
        Place::Clinic,
        Place::ClinicName,
        Place::Rule,
        Place::At,
        Place::Page,
    ];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Place::Key => "key",
            Place::Notice => "notice",
            Place::Ticket => "ticket",
            Place::Event => "event",
            Place::Severity => "severity",
            Place::Title => "title",
            Place::Clinic => "clinic",
            Place::ClinicName => "clinic_name",
            Place::Rule => "rule",
            Place::At => "at",
            Place::Page => "page",
        }
    }
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// What stands in double braces and is no place, as it stands there.
    pub fn read(text: &str) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err(format!("{{{{{}", after.chars().take(20).collect::<String>()));
            };
            let place = Place::ALL.into_iter().find(|p| p.word() == name.trim());
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Place(place.ok_or_else(|| format!("{{{{{name}}}}}"))?));
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template(pieces))
    }

    /// Whether a place stands in it.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        self.0.contains(&Piece::Place(place))
    }

    /// The text as JSON: each value escaped as within a string of it (RFC 8259 section 7).
    #[must_use]
    pub fn json(&self, value: impl Fn(Place) -> String) -> String {
        self.filled(|place| {
            let quoted = serde_json::Value::String(value(place)).to_string();
            quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or_default().to_owned()
        })
    }

    /// The text as a path: each value as one part of it (RFC 3986 section 2.3: all but unreserved characters as percent).
    #[must_use]
    pub fn path(&self, value: impl Fn(Place) -> String) -> String {
        self.filled(|place| {
            let mut part = String::new();
            for octet in value(place).bytes() {
                match octet {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => part.push(char::from(octet)),
                    // A part of dots alone would climb.
                    _ => part.push_str(&format!("%{octet:02X}")),
                }
            }
            part
        })
    }

    fn filled(&self, value: impl Fn(Place) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) => value(*place),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_the_string_that_it_stands_in() {
        let template = Template::read(r#"{"summary": "{{title}} at {{ clinic }}", "key": "{{key}}"}"#).unwrap();
        let text = template.json(|place| format!("\"}}, {{{{key}}}} \\ \n\u{7f}ä {}", place.word()));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["key"], "\"}, {{key}} \\ \n\u{7f}ä key", "and what was filled in is not filled again");
        assert_eq!(read.as_object().unwrap().len(), 2);
    }

    #[test]
    fn a_value_is_one_part_of_a_path() {
        let template = Template::read("/api/{{ticket}}?by={{key}}").unwrap();
        assert_eq!(
            template.path(|_| "../a b?c=d&é".to_owned()),
            "/api/%2E%2E%2Fa%20b%3Fc%3Dd%26%C3%A9?by=%2E%2E%2Fa%20b%3Fc%3Dd%26%C3%A9"
        );
    }

    #[test]
    fn what_is_no_place_is_named() {
        assert_eq!(Template::read("a {{host}} b").unwrap_err(), "{{host}}");
        assert_eq!(Template::read("a {{title b").unwrap_err(), "{{title b");
        assert_eq!(Template::read("{{}}").unwrap_err(), "{{}}");
        assert_eq!(Template::read("{\"a\": {\"b\": 1}}").unwrap().json(|_| String::new()), "{\"a\": {\"b\": 1}}");
        let all: String = Place::ALL.iter().map(|p| format!("{{{{{}}}}}", p.word())).collect();
        assert!(Place::ALL.iter().all(|p| Template::read(&all).unwrap().has(*p)));
    }
}
