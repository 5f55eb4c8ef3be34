//! Findings and hosts as events for a SIEM: OCSF 1.6, Vulnerability Finding (2002) for programs that are old or have a known hole,
//! Compliance Finding (2003) for everything else, Device Inventory Info (5001).
//!
//! `activity_id` of a finding: 1 it opened, 2 something about it changed, 3 it is gone. Keeps: the words of the API, milliseconds. Drops:
//! host names: there are none.

use super::export::Export;
use super::with;
use auscult_assess::rule::Rule;
use serde_json::{Map, Value, json};

/// A finding, as the API says it, as an event.
pub(super) fn finding(export: &Export<'_>, row: &Value) -> Value {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let rule = export.knowledge.rule(text("rule"));
    let weakness = rule.and_then(weakness);
    let class = if weakness.is_some() { 2_002 } else { 2_003 };
    let (activity, time) = activity(row);
    let severity = ["info", "low", "medium", "high", "critical"].iter().zip(1u8..).find(|(w, _)| **w == text("level"));
    let confidence = row.get("confidence").and_then(Value::as_u64).unwrap_or(0);
    let uid = format!("{}/{}/{}", text("sensor"), text("rule"), text("subject"));
    let event = json!({
        "activity_id": activity,
        "category_uid": 2,
        "class_uid": class,
        "type_uid": i64::from(class).saturating_mul(100).saturating_add(activity),
        "time": time,
        "severity_id": severity.map_or(0, |(_, n)| n),
        "status_id": match text("standing") { "open" => 1, "watched" => 2, "accepted" | "not-true" => 3, _ => 4 },
        "confidence_id": match confidence { 0..50 => 1, 50..80 => 2, _ => 3 },
        "confidence_score": confidence,
        "message": text("title"),
        "metadata": metadata(export, &format!("{uid}/{time}")),
        "finding_info": present(json!({
            "uid": uid,
            "title": text("title"),
            "desc": rule.map_or("", Rule::heard),
            "types": [rule.map_or("unknown", Rule::group)],
            "created_time": moment(row, "opened"),
            "modified_time": moment(row, "changed"),
            "first_seen_time": moment(row, "opened"),
            "last_seen_time": moment(row, "held"),
        })),
        "resources": [resource(row)],
    });
    let remediation = json!({ "desc": rule.map_or("", Rule::remedy) });
    match weakness {
        Some(cwe) => with(event, "vulnerabilities", json!([vulnerability(row, rule, cwe, &remediation)])),
        None => {
            let event = with(event, "compliance", compliance(rule, text("standing")));
            with(event, "remediation", remediation)
        }
    }
}

/// What became of it, and when.
fn activity(row: &Value) -> (i64, u64) {
    let (opened, changed, closed) = (moment(row, "opened"), moment(row, "changed"), moment(row, "closed"));
    let is_undecided = row.get("standing") == Some(&json!("open"));
    let is_first = row.get("times_opened") == Some(&json!(1)) && opened == changed && is_undecided;
    match closed {
        Some(closed) => (3, closed),
        None if is_first => (1, opened.unwrap_or(0)),
        None => (2, changed.max(opened).unwrap_or(0)),
    }
}

fn vulnerability(row: &Value, rule: Option<&Rule>, cwe: &str, remediation: &Value) -> Value {
    present(json!({
        "title": row.get("title"),
        "desc": rule.map_or("", Rule::heard),
        "cwe": { "uid": cwe },
        "severity": row.get("level"),
        "first_seen_time": moment(row, "opened"),
        "last_seen_time": moment(row, "held"),
        "remediation": remediation,
    }))
}

/// What is wrong with a program, as CWE numbers it: nobody maintains it, or it has a known hole.
fn weakness(rule: &Rule) -> Option<&'static str> {
    match rule.group() {
        _ if rule.condition().contains("sw.kev") || rule.condition().contains("device.advisory") => Some("CWE-1395"),
        "patch" => Some("CWE-1104"),
        _ => None,
    }
}

/// The requirements that a finding speaks to. What is gone was heard to be gone; nothing is said to be fulfilled.
fn compliance(rule: Option<&Rule>, standing: &str) -> Value {
    let mut standards: Vec<&str> = Vec::new();
    let mut requirements: Vec<String> = Vec::new();
    for (framework, ids) in rule.into_iter().flat_map(Rule::controls) {
        standards.push(framework);
        requirements.extend(ids.map(|id| format!("{framework} {id}")));
    }
    if standards.is_empty() {
        standards.push("auscult");
    }
    // 3: not fulfilled; 99: nothing heard says so any more, which is no proof that it is.
    let status = if standing == "gone" { (99, "no longer heard") } else { (3, "Fail") };
    json!({
        "control": rule.map_or("unknown", Rule::id), "standards": standards, "requirements": requirements,
        "status_id": status.0, "status": status.1,
    })
}

/// What a finding is about.
fn resource(row: &Value) -> Value {
    let about = |name: &str| row.get("about").and_then(|about| about.get(name));
    let kind = about("kind").and_then(Value::as_str).unwrap_or("unknown");
    let name = match kind {
        "service" => {
            let part = |name| about(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            [part("transport"), part("port")].into_iter().flatten().collect::<Vec<_>>().join("/")
        }
        other => other.to_owned(),
    };
    let uid = about("host").or_else(|| about("bssid")).or_else(|| row.get("sensor"));
    present(json!({ "uid": uid, "type": kind, "name": name }))
}

/// A host, as the API says it, as an event.
pub(super) fn host(export: &Export<'_>, row: &Value) -> Value {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let (first, last) = (moment(row, "first"), moment(row, "last"));
    let uid = format!("{}/{}", text("sensor").unwrap_or_default(), text("host").unwrap_or_default());
    json!({
        "activity_id": 2,
        "category_uid": 5,
        "class_uid": 5_001,
        "type_uid": 500_102,
        "time": last.unwrap_or(export.now.0),
        "severity_id": 1,
        "metadata": metadata(export, &format!("{uid}/{}", last.unwrap_or(0))),
        "device": present(json!({
            "uid": uid,
            "type_id": 0,
            "ip": text("address"),
            "zone": text("zone"),
            "first_seen_time": first,
            "last_seen_time": last,
        })),
    })
}

fn metadata(export: &Export<'_>, uid: &str) -> Value {
    json!({
        "version": VERSION,
        "product": { "name": "auscult", "vendor_name": "auscult", "version": env!("CARGO_PKG_VERSION") },
        "tenant_uid": export.clinic,
        "uid": uid,
        "processed_time": export.now.0,
    })
}

/// Milliseconds since 1970 of a field.
fn moment(row: &Value, name: &str) -> Option<u64> {
    let at: jiff::Timestamp = row.get(name)?.as_str()?.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

/// An object without what is not known.
fn present(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// The version of the schema that these events follow.
const VERSION: &str = "1.6.0";
