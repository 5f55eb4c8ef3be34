//! Forms, questions behind a path, cookies: what a browser sends as text (WHATWG URL section 5, RFC 6265).
//!
//! Keeps: at most [`MOST_FIELDS`] pairs. Drops: what is no UTF-8; a field that comes twice counts once, the first.

/// Pairs of names and values.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`. `None`: it is not, or too many.
    pub(super) fn read(text: &str) -> Option<Form> {
        let pairs: Option<Vec<(String, String)>> = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((plain(name)?, plain(value)?))
            })
            .take(MOST_FIELDS.saturating_add(1))
            .collect();
        pairs.filter(|pairs| pairs.len() <= MOST_FIELDS).map(Form)
    }

    /// The value of a field; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Every pair, in the order in which they came.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of a field that may come more than once.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A cookie of this name in a `Cookie` header.
pub(super) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// A text with `+` for blanks and `%` before two hexadecimal digits.
fn plain(coded: &str) -> Option<String> {
    let (mut octets, mut rest) = (Vec::with_capacity(coded.len()), coded.bytes());
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (rest.next()?, rest.next()?);
                let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
                digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// More than any form of ours has, with a clinic for each.
const MOST_FIELDS: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let form = Form::read("name=J%C3%BCrgen+A&why=100%25%3D1&empty=&name=second&flag").unwrap();
        assert_eq!(
            [form.get("name"), form.get("why"), form.get("empty"), form.get("none")],
            ["Jürgen A", "100%=1", "", ""]
        );
        assert_eq!(form.all("name").collect::<Vec<_>>(), ["Jürgen A", "second"]);
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(Form::read(bad).is_none(), "{bad}");
        }
        assert!(Form::read(&"a=1&".repeat(MOST_FIELDS + 1)).is_none());
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = "other=1; __Host-auscult=abc; x__Host-auscult=d";
        assert_eq!(cookie(header, "__Host-auscult"), Some("abc"));
        assert_eq!(cookie(header, "auscult"), None);
    }
}
