//! What may stand behind `?`: each line of the table lists its parameters, and what is not listed is refused. Lists go on behind a cursor.
//!
//! Keeps: values that are what the list says. Drops: requests with a parameter that is unknown, comes twice or is out of its bounds.

use super::super::form::Form;
use super::wrong::Wrong;
use crate::access::{hex, octets};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub says: &'static str,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) enum Kind {
    /// A whole number: least, most, what counts where none is given.
    Whole(u32, u32, u32),
    /// One of these words; the first counts where none is given.
    Word(&'static [&'static str]),
    /// Octets in hexadecimal: at least and at most so many.
    Hex(usize, usize),
}

/// How many are asked for.
pub(super) const LIMIT: Param = Param { name: "limit", says: "At most so many items.", kind: Kind::Whole(1, 500, 100) };
/// Where a list goes on.
pub(super) const AFTER: Param =
    Param { name: "after", says: "`next` of the page before: goes on behind it.", kind: Kind::Hex(1, 700) };
/// What every list takes.
pub(super) const PAGED: &[Param] = &[LIMIT, AFTER];
/// Of one sensor.
pub(super) const SENSOR: Param =
    Param { name: "sensor", says: "Only what this sensor heard.", kind: Kind::Hex(16, 16) };

/// The values of a request.
#[derive(Debug, Default)]
pub(in crate::web) struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads what stands behind `?`.
    pub(in crate::web) fn read(params: &'static [Param], text: Option<&str>) -> Result<Query, Wrong> {
        let form = Form::read(text.unwrap_or_default());
        let form = form.ok_or_else(|| Wrong::query("What stands behind ? is not coded as it should be.".to_owned()))?;
        let mut values: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form.pairs() {
            let known = params.iter().find(|p| p.name == name);
            let param = known.ok_or_else(|| {
                let names: Vec<&str> = params.iter().map(|p| p.name).collect();
                Wrong::query(format!("There is no such parameter here; there is: {}.", names.join(", ")))
            })?;
            if values.iter().any(|(n, _)| *n == name) {
                return Err(Wrong::query(format!("`{}` comes twice.", param.name)));
            }
            if !param.kind.holds(value) {
                return Err(Wrong::query(format!("`{}` must be {}.", param.name, param.kind.said())));
            }
            values.push((param.name, value.to_owned()));
        }
        Ok(Query(values))
    }

    fn given(&self, param: &Param) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == param.name).map(|(_, value)| value.as_str())
    }

    /// A number.
    pub(in crate::web) fn whole(&self, param: &Param) -> u32 {
        let otherwise = if let Kind::Whole(_, _, otherwise) = param.kind { otherwise } else { 0 };
        self.given(param).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }

    /// A word.
    pub(in crate::web) fn word<'a>(&'a self, param: &Param) -> &'a str {
        let otherwise = if let Kind::Word(words) = param.kind { words.first().copied() } else { None };
        self.given(param).or(otherwise).unwrap_or_default()
    }

    /// Octets. `None`: not given.
    pub(in crate::web) fn octets(&self, param: &Param) -> Option<Vec<u8>> {
        self.given(param).map(octets)
    }

    /// How many are asked for.
    pub(in crate::web) fn limit(&self) -> u32 {
        self.whole(&LIMIT)
    }

    /// Where the list goes on. `None`: it begins.
    pub(in crate::web) fn after<K: DeserializeOwned>(&self, list: &'static str) -> Result<Option<K>, Wrong> {
        let Some(text) = self.given(&AFTER) else { return Ok(None) };
        behind(list, text).map(Some).ok_or(Wrong::CURSOR)
    }
}

/// The key that a cursor of a list stands behind. `None`: it is no cursor of this list.
pub(in crate::web) fn behind<K: DeserializeOwned>(list: &'static str, text: &str) -> Option<K> {
    let octets = octets(text);
    let (of, key): (String, K) = match postcard::take_from_bytes(&octets) {
        Ok((read, [])) => Some(read),
        _ => None,
    }?;
    (of == list).then_some(key)
}

/// The cursor behind a key of a list. It opens nothing: who may see the list is asked at each page.
pub(in crate::web) fn cursor<K: Serialize>(list: &'static str, key: &K) -> String {
    postcard::to_allocvec(&(list, key)).map(|octets| hex(&octets)).unwrap_or_default()
}

impl Kind {
    fn holds(self, value: &str) -> bool {
        match self {
            // Only as one writes numbers: no sign, no zeroes in front.
            Kind::Whole(least, most, _) => {
                value.parse().is_ok_and(|n: u32| (least..=most).contains(&n) && n.to_string() == value)
            }
            Kind::Word(words) => words.contains(&value),
            Kind::Hex(least, most) => {
                let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
                value.bytes().all(is_digit) && (least..=most).contains(&octets(value).len())
            }
        }
    }

    fn said(self) -> String {
        match self {
            Kind::Whole(least, most, _) => format!("a whole number, {least} to {most}"),
            Kind::Word(words) => format!("one of: {}", words.join(", ")),
            Kind::Hex(least, most) if least == most => format!("{least} octets in small hexadecimal digits"),
            Kind::Hex(..) => "octets in small hexadecimal digits".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: Param = Param { name: "state", says: "", kind: Kind::Word(&["open", "gone"]) };
    const PARAMS: &[Param] = &[LIMIT, AFTER, STATE, SENSOR];

    #[test]
    fn what_is_not_listed_comes_twice_or_is_out_of_bounds_is_refused() {
        let read = |text| Query::read(PARAMS, Some(text));
        let id = "0a".repeat(16);
        let good = format!("limit=500&state=gone&sensor={id}");
        let query = read(&good).unwrap();
        assert_eq!((query.limit(), query.word(&STATE), query.octets(&SENSOR)), (500, "gone", Some(vec![10; 16])));
        let none = Query::read(PARAMS, None).unwrap();
        assert_eq!((none.limit(), none.word(&STATE), none.octets(&SENSOR)), (100, "open", None));
        for bad in [
            "limit=0",
            "limit=501",
            "limit=+5",
            "limit=05",
            "limit=",
            "limit=1&limit=1",
            "state=all",
            "state=",
            "sensor=0a",
            "x=1",
            "Limit=1",
            "limit=1&%zz",
            "after=0",
            "after=0A",
            "after=",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!("sensor={}", id.to_uppercase())).is_err());
    }

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let at = |list: &'static str, key: &(u64, String)| {
            Query::read(PARAMS, Some(&format!("after={}", cursor(list, key))))
        };
        let key = (7, "north".to_owned());
        let query = at("clinics", &key).unwrap();
        assert_eq!(query.after::<(u64, String)>("clinics").unwrap(), Some(key));
        assert!(query.after::<(u64, String)>("people").is_err());
        assert!(query.after::<u8>("clinics").is_err(), "a rest stays");
        let junk = Query::read(PARAMS, Some("after=ffffffffffffffffffffff")).unwrap();
        assert!(junk.after::<(u64, String)>("clinics").is_err());
    }
}
