//! What requests and answers are made of. Each type reads, writes and describes itself: a bound stands once.
//!
//! Follows RFC 3339 for moments and days, JSON Schema 2020-12. Keeps: values within their bounds. Drops: texts with control characters.

use super::query::{Query, cursor};
use super::wrong::Wrong;
use crate::access::hex;
use auscult_report::subject::Subject;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// A part of a list.
#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct Page<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// What to send as `after` for the items behind these; null at the end.
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// A page of a list that is in memory: what stands behind the key that the asker names, by keys in growing order.
    pub(in crate::web) fn of<R, K: Ord + Serialize + DeserializeOwned>(
        query: &Query,
        list: &'static str,
        rows: Vec<R>,
        key: impl Fn(&R) -> K,
        item: impl FnMut(R) -> Result<T, Wrong>,
    ) -> Result<Page<T>, Wrong> {
        let after: Option<K> = query.after(list)?;
        let mut rows: Vec<(K, R)> = rows.into_iter().map(|row| (key(&row), row)).collect();
        rows.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let limit = query.limit().try_into().unwrap_or(usize::MAX);
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| is_more).map(|(key, _)| cursor(list, key));
        let items = rows.into_iter().map(|(_, row)| row).map(item).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// A page of a list whose rows behind the asker's key were read from the store, one more than asked for.
    pub(in crate::web) fn cut<R, K: Serialize>(
        query: &Query,
        list: &'static str,
        mut rows: Vec<R>,
        key: impl Fn(&R) -> K,
        item: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = query.limit().try_into().unwrap_or(usize::MAX);
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| is_more).map(|row| cursor(list, &key(row)));
        Page { items: rows.into_iter().map(item).collect(), next }
    }
}

/// A moment, UTC.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) struct Moment(pub(super) Timestamp);

impl Moment {
    /// A moment; none where nothing was yet.
    pub(in crate::web) fn some(at: Timestamp) -> Option<Moment> {
        (at.0 > 0).then_some(Moment(at))
    }

    /// `2026-11-21T14:02:00.000Z`. A sensor's clock may stand anywhere: what is behind the last days of 9999 is that.
    pub(in crate::web) fn text(self) -> String {
        let ms = i64::try_from(self.0.0).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "A moment, UTC (RFC 3339)." })
    }
}

/// A day, as `2026-11-21`; what lasts until it lasts to its end, UTC.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) struct Day(jiff::civil::Date);

impl Day {
    /// Its end.
    pub(in crate::web) fn end(self) -> Timestamp {
        let begin = self.0.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |day| day.timestamp().as_millisecond());
        Timestamp(u64::try_from(begin).unwrap_or(0).saturating_add(MS_PER_DAY))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Day, D::Error> {
        let text = String::deserialize(from)?;
        let day: Option<jiff::civil::Date> = text.parse().ok();
        // Only as it is written out again: no time behind it, no other form.
        day.filter(|day| day.to_string() == text)
            .map(Day)
            .ok_or_else(|| D::Error::custom("a day is written 2026-11-21"))
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "description": "A day (RFC 3339); to its end, UTC." })
    }
}

/// A text of people, on one line, with its bounds in characters; no blank at its ends.
#[derive(Clone, Debug)]
pub(in crate::web) struct Text<const LEAST: usize, const MOST: usize>(pub(super) String);

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for Text<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let has_ends =
            text.chars().next().is_some_and(|c| !is_blank(c)) && text.chars().last().is_some_and(|c| !is_blank(c));
        if !(LEAST..=MOST).contains(&text.chars().count()) || text.chars().any(char::is_control) || !has_ends {
            let said = format!("a text has {LEAST} to {MOST} characters on one line, no blank at its ends");
            return Err(D::Error::custom(said));
        }
        Ok(Text(text))
    }
}

/// As `\s` of a pattern has it (ECMA-262).
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

impl<const LEAST: usize, const MOST: usize> JsonSchema for Text<LEAST, MOST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text_{LEAST}_{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": LEAST, "maxLength": MOST, "pattern": ONE_LINE })
    }
}

/// A whole number with its bounds.
#[derive(Clone, Copy, Debug)]
pub(in crate::web) struct Whole<const LEAST: u64, const MOST: u64>(pub(super) u64);

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // JSON knows no whole numbers: 5.0 is one.
        let number = serde_json::Number::deserialize(from)?;
        let whole = number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|f| f.fract() == 0.0)?;
            format!("{float:.0}").parse().ok()
        });
        let whole = whole.filter(|n| (LEAST..=MOST).contains(n)).map(Whole);
        whole.ok_or_else(|| D::Error::custom(format!("a whole number, {LEAST} to {MOST}")))
    }
}

impl<const LEAST: u64, const MOST: u64> JsonSchema for Whole<LEAST, MOST> {
    fn schema_name() -> Cow<'static, str> {
        format!("Whole_{LEAST}_{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

/// The word of a clinic or a site.
#[derive(Clone, Debug)]
pub(in crate::web) struct Word(pub(super) String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_word = (1..=40).contains(&text.len()) && text.chars().all(is_plain);
        is_word.then_some(Word(text)).ok_or_else(|| D::Error::custom("a word has 1 to 40 of a-z, 0-9 and hyphen"))
    }
}

impl JsonSchema for Word {
    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": WORD })
    }
}

/// How bad something is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::web) enum Level {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub(in crate::web) const fn of(severity: u8) -> Level {
        match severity {
            0 => Level::Info,
            1 => Level::Low,
            2 => Level::Medium,
            3 => Level::High,
            _ => Level::Critical,
        }
    }
}

/// What something is about.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in crate::web) enum About {
    /// The sensor itself.
    Sensor,
    /// The place that it listens to.
    Site,
    /// A host, by the sensor's pseudonym for it.
    Host { host: String },
    /// A service of a host.
    Service { host: String, transport: &'static str, port: u16 },
    /// A wireless network, by the radio that announces it.
    Wireless { bssid: String },
    /// Something that this version does not know.
    Unknown,
}

impl About {
    pub(in crate::web) fn of(subject: Option<Subject>) -> About {
        match subject {
            None => About::Unknown,
            Some(Subject::Sensor) => About::Sensor,
            Some(Subject::Site) => About::Site,
            Some(Subject::Host(id)) => About::Host { host: host(id.0) },
            Some(Subject::Service(id, transport, port)) => {
                About::Service { host: host(id.0), transport: transport.word(), port }
            }
            Some(Subject::Wireless(bssid)) => {
                let octets: Vec<String> = bssid.0.iter().map(|o| hex(&[*o])).collect();
                About::Wireless { bssid: octets.join(":") }
            }
        }
    }
}

/// A host's pseudonym.
pub(in crate::web) fn host(id: u64) -> String {
    format!("{id:016x}")
}

/// No control characters, and no blank at the ends.
const ONE_LINE: &str =
    r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$";
/// The word of a clinic or a site.
pub(super) const WORD: &str = "^[a-z0-9-]{1,40}$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_days_are_those_of_rfc_3339() {
        assert_eq!(Moment(Timestamp(1_795_269_720_123)).text(), "2026-11-21T14:02:00.123Z");
        assert_eq!(Moment(Timestamp(u64::MAX)).text(), "9999-12-30T22:00:00.999Z");
        let day: Day = serde_json::from_str("\"2026-11-21\"").unwrap();
        assert_eq!(day.end(), Timestamp(1_795_305_600_000));
        for bad in ["2026-13-01", "2026-11-21T00:00:00Z", "20261121", "+002026-11-21", ""] {
            assert!(serde_json::from_str::<Day>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_keeps_to_its_line_and_its_bounds() {
        let read = |text: &str| serde_json::from_value::<Text<3, 5>>(text.into()).is_ok();
        for good in ["abc", "a b", "äöüäö"] {
            assert!(read(good), "{good}");
        }
        for bad in ["ab", "abcdef", " ab", "ab ", "a\tb", "a\nb", "a\u{85}b", "\u{feff}ab", "   "] {
            assert!(!read(bad), "{bad:?}");
        }
    }
}
