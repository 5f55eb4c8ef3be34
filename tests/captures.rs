//! Every capture of `tests/captures` through the sensor and the judge: what must be found is found, what must not be
//! claimed is not, what must not be printed is not, and nothing changes unnoticed.

use auscult_tests::{Recorded, document, hear, inspect, recorded, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

/// Protocols that are understood so far; services of others are the next issues' work.
const UNDERSTOOD: &[&str] = &[
    "dicom",
    "http",
    "mllp",
    "tls",
    "ssh",
    "mysql",
    "postgresql",
    "redis",
    "mongodb",
    "dhcp",
    "mdns",
    "smb",
    "dns",
    "nbns",
    "ftp",
    "ipp",
    "jetdirect",
    "kerberos",
    "nfs",
    "quic",
    "rpcbind",
    "rsync",
    "smtp",
    "tftp",
    "snmp",
    "bacnet-apdu",
    "lldp",
    "cdp",
    "dhcpv6",
    "nat-pmp",
    "rtsp",
    "sip",
    "astm",
    "poct1a",
    "coap",
    "modbus",
    "iso-tsap",
    "mssql-browser",
    "firebird",
    "db2",
    "dcerpc",
    "mysql-x",
    "ipmi",
    "iscsi",
    "rexec",
    "rlogin",
    "rsh",
    "x11",
];

/// Exposures of hosts that serve nothing.
const HOST_KINDS: &[&str] = &["remote-support-tool", "smtp-cleartext", "smtp-activation-link-and-code"];

#[test]
fn every_capture_gives_its_summary() {
    let mut changed = Vec::new();
    for capture in recorded() {
        let path = root().join(format!("tests/captures/{}.summary", capture.name));
        let heard = golden(&capture);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &heard).unwrap();
        }
        let wanted = fs::read_to_string(&path).unwrap_or_default();
        if heard != wanted {
            let (new, old): (BTreeSet<&str>, BTreeSet<&str>) = (heard.lines().collect(), wanted.lines().collect());
            let more: Vec<_> = new.difference(&old).take(5).collect();
            let less: Vec<_> = old.difference(&new).take(5).collect();
            changed.push(format!("{}: now {more:#?} and no more {less:#?}", capture.name));
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn what_is_there_is_found_and_what_is_not_is_not_claimed() {
    let kinds = kinds();
    let (mut found, mut wanted, mut missing, mut faults) = (0, 0, Vec::new(), Vec::new());
    for capture in recorded() {
        let document = document(&capture, &[]);
        for service in list(&capture.expect, "services").filter(|s| is_understood(s)) {
            wanted += 1;
            if list(&document, "services").any(|f| same_service(f, service)) {
                found += 1;
            } else {
                missing.push(format!("{}: service {} {}", capture.name, service["host"], service["port"]));
            }
        }
        for network in list(&capture.expect, "wifi") {
            wanted += 1;
            if list(&document, "wireless").any(|f| f["bssid"] == network["bssid"] && f["security"] != "unknown") {
                found += 1;
            } else {
                missing.push(format!("{}: network {}", capture.name, network["bssid"]));
            }
        }
        for exposure in list(&capture.expect, "exposures").filter(|e| is_in_reach(&capture, e)) {
            let ids = kinds.get(word(exposure, "kind")).cloned().unwrap_or_default();
            if ids.is_empty() {
                continue;
            }
            wanted += 1;
            if list(&document, "findings").any(|f| ids.contains(word(f, "id")) && same_subject(f, exposure)) {
                found += 1;
            } else {
                missing.push(format!("{}: {} at {}", capture.name, exposure["kind"], exposure["host"]));
            }
        }
        faults.extend(claims(&capture, &document, &kinds));
    }
    assert!(faults.is_empty(), "claimed although absent:\n{}", faults.join("\n"));
    println!("{found} of {wanted} found");
    assert!(missing.is_empty(), "{found} of {wanted}; not found:\n{}", missing.join("\n"));
}

#[test]
fn nothing_that_was_planted_is_printed_in_any_form() {
    for capture in recorded() {
        let secrets = capture.words("never_in_a_report");
        for form in [&["--format", "json"][..], &["--format", "text"][..]] {
            for names in [&[][..], &["--names"][..]] {
                let mut arguments: Vec<String> = form.iter().chain(names).map(|a| (*a).to_owned()).collect();
                arguments.extend(capture.arguments());
                arguments.push(capture.path.display().to_string());
                let output = inspect(&arguments);
                assert!(output.status.success(), "{}: {output:?}", capture.name);
                let printed = [output.stdout, output.stderr].concat();
                let printed = String::from_utf8_lossy(&printed).to_lowercase();
                for secret in &secrets {
                    assert!(!printed.contains(&secret.to_lowercase()), "{} prints {secret}", capture.name);
                }
            }
        }
    }
}

#[test]
fn the_same_octets_give_the_same_document() {
    let capture = recorded().into_iter().find(|c| c.name == "clinic-day-mixed").unwrap();
    assert_eq!(document(&capture, &[]), document(&capture, &[]));
}

/// What the sensor made of a capture, a line a sighting, hosts by address.
fn golden(capture: &Recorded) -> String {
    let (sensor, summary) = hear(&fs::read(&capture.path).unwrap(), capture.settings()).unwrap();
    let addresses: BTreeMap<u64, String> = sensor.hosts().iter().map(|h| (h.id.0, h.address.to_string())).collect();
    let mut lines = Vec::new();
    for s in &summary.sightings {
        let mut subject = format!("{:?}", s.subject);
        for (id, address) in &addresses {
            subject = subject.replace(&format!("HostId({id})"), address);
        }
        lines.push(format!("{subject} | {:?} | {} | {}", s.fact, s.zone.map_or("-", |z| z.word()), s.count));
    }
    lines.sort();
    let mut text = String::new();
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    writeln!(text, "{:?}", summary.counters).unwrap();
    text
}

/// Findings of a kind that the ground truth says is absent, on the very subject.
fn claims(capture: &Recorded, document: &Value, kinds: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for absent in list(&capture.expect, "absent") {
        if word(absent, "kind") == "service" {
            let claimed =
                list(document, "services").any(|s| s["host"] == absent["host"] && s["port"] == absent["port"]);
            if claimed {
                faults.push(format!("{}: service {} {}", capture.name, absent["host"], absent["port"]));
            }
            continue;
        }
        // A finding that another exposure of the same place allows is no claim of the absent kind.
        let allowed: BTreeSet<&String> = list(&capture.expect, "exposures")
            .filter(|e| e["host"] == absent["host"] && e["port"] == absent["port"])
            .filter_map(|e| kinds.get(word(e, "kind")))
            .flatten()
            .collect();
        let ids = kinds.get(word(absent, "kind")).cloned().unwrap_or_default();
        for finding in list(document, "findings") {
            let counted = finding["confidence"].as_f64().unwrap_or(0.0) >= 0.5 && finding["severity"] != "info";
            let exact = !absent["host"].is_null() && finding["subject"]["host"] == absent["host"];
            let port = absent["port"].is_null()
                || finding["subject"]["port"].is_null()
                || finding["subject"]["port"] == absent["port"];
            let id = word(finding, "id").to_owned();
            if counted && exact && port && ids.contains(&id) && !allowed.contains(&id) {
                faults.push(format!("{}: {} at {}", capture.name, finding["id"], absent["host"]));
            }
        }
    }
    faults
}

fn is_understood(service: &Value) -> bool {
    UNDERSTOOD.contains(&ours(word(service, "protocol")))
}

/// Exposures of services that are understood, and of hosts and networks.
fn is_in_reach(capture: &Recorded, exposure: &Value) -> bool {
    if !exposure["bssid"].is_null() || HOST_KINDS.contains(&word(exposure, "kind")) {
        return true;
    }
    list(&capture.expect, "services")
        .any(|s| s["host"] == exposure["host"] && s["port"] == exposure["port"] && is_understood(s))
}

fn same_service(found: &Value, wanted: &Value) -> bool {
    let protocols = list(found, "protocols").filter_map(Value::as_str).collect::<Vec<_>>();
    found["host"] == wanted["host"]
        && found["port"] == wanted["port"]
        && found["transport"] == wanted["transport"]
        && protocols.contains(&ours(word(wanted, "protocol")))
}

fn same_subject(finding: &Value, exposure: &Value) -> bool {
    let subject = &finding["subject"];
    let fits = |key: &str| subject[key].is_null() || exposure[key].is_null() || subject[key] == exposure[key];
    if exposure["bssid"].is_null() { fits("host") && fits("port") } else { fits("bssid") }
}

fn ours(protocol: &str) -> &str {
    match protocol {
        "hl7-mllp" => "mllp",
        other => other,
    }
}

/// Kind of exposure -> the findings that it may raise.
fn kinds() -> BTreeMap<String, BTreeSet<String>> {
    let table = fs::read_to_string(root().join("tests/captures/capture-kinds.tsv")).unwrap();
    let rows = table.lines().filter(|l| !l.starts_with('#'));
    rows.filter_map(|row| {
        let (kind, rest) = row.split_once('\t')?;
        let ids = rest.split('\t').next()?.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        Some((kind.to_owned(), ids.collect()))
    })
    .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
