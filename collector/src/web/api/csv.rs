//! Lists as tables (RFC 4180): the same items that the API says, a column each.
//!
//! A cell that a program for tables would take for a formula (`= + - @`, tabulator, carriage return) gets an apostrophe in front. Keeps:
//! the words of the API. Drops: nothing of the columns that are listed.

use serde_json::Value;

/// The columns of a list, as paths into its items.
pub(super) fn columns(list: &str) -> Option<&'static [&'static str]> {
    Some(match list {
        "findings" => &[
            "level",
            "title",
            "standing",
            "about.kind",
            "about.host",
            "about.transport",
            "about.port",
            "about.bssid",
            "confidence",
            "outside",
            "opened",
            "held",
            "closed",
            "closed_by",
            "accepted_until",
            "times_opened",
            "rule",
            "sensor",
            "subject",
        ],
        "sensors" => {
            &["sensor", "site", "state", "why", "changed", "spoke", "alive", "clock_off_ms", "reports", "agent", "peer"]
        }
        "hosts" => &["sensor", "host", "zone", "address", "maker", "medical", "services", "first", "last"],
        "facts" => &[
            "sensor",
            "about.kind",
            "about.host",
            "about.transport",
            "about.port",
            "about.bssid",
            "fact",
            "value",
            "zone",
            "first",
            "last",
            "count",
        ],
        "audit" => &["at", "person", "what", "about", "from"],
        _ => return None,
    })
}

/// The first line.
pub(super) fn header(columns: &[&str]) -> String {
    format!("{}\r\n", columns.join(","))
}

/// An item as a line.
pub(super) fn line(columns: &[&str], item: &Value) -> String {
    let cell = |path: &&str| {
        let value = path.split('.').try_fold(item, |value, part| value.get(part));
        safe(&value.map(text).unwrap_or_default())
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

/// A cell that is no formula, in quotes where it must be.
fn safe(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::api::{clinics, findings, heard, sensors};
    use schemars::{JsonSchema, SchemaGenerator};
    use serde_json::json;

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_line() {
        for (given, cell) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\r=1", "\"'\r=1\""),
            ("a,b", "\"a,b\""),
            ("=\"a\",b", "\"'=\"\"a\"\",b\""),
            ("two\nlines", "\"two\nlines\""),
            ("", ""),
        ] {
            assert_eq!(safe(given), cell, "{given:?}");
        }
        let item = json!({ "a": { "b": -5, "list": [{ "port": 104, "of": ["x", "y"] }, { "port": 1 }] }, "c": null });
        assert_eq!(line(&["a.b", "a.none.x", "c", "a.list"], &item), "'-5,,,of=x; y port=104; port=1\r\n");
    }

    #[test]
    fn every_column_is_a_field_of_what_the_api_says() {
        fn fields<T: JsonSchema>() -> String {
            let mut schemas = SchemaGenerator::default();
            let schema = schemas.root_schema_for::<T>();
            serde_json::to_string(&schema).unwrap()
        }
        let lists = [
            ("findings", fields::<findings::Finding>()),
            ("sensors", fields::<sensors::Sensor>()),
            ("hosts", fields::<heard::Host>()),
            ("facts", fields::<heard::FactLine>()),
            ("audit", fields::<clinics::AuditLine>()),
        ];
        for (list, schema) in lists {
            for part in columns(list).unwrap().iter().flat_map(|path| path.split('.')) {
                assert!(schema.contains(&format!("\"{part}\":")), "{list}: {part}: {schema}");
            }
        }
    }
}
