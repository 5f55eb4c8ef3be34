//! What the knowledge names and what is heard of it: each service of the list of ports, each value of `facts.tsv`; heard, or with the
//! reason why not. And what a protocol costs: at most seven source files.

use auscult_agent::detect::{DATAGRAM_DETECTORS, DETECTORS};
use auscult_assess::knowledge::Knowledge;
use auscult_report::fact::{Fact, Protocol};
use auscult_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn every_service_that_the_knowledge_names_is_heard_or_has_a_reason() {
    let mut faults = Vec::new();
    let (mut heard, mut named) = (0, BTreeSet::new());
    for (service, how) in SERVICES {
        assert!(named.insert(service), "{service} twice");
        match how {
            How::As(word) => {
                heard += 1;
                if Protocol::from_word(word).is_none() {
                    faults.push(format!("{service}: there is no protocol {word}"));
                } else if !detectors_say(word) {
                    faults.push(format!("{service}: no detector says {word}"));
                }
            }
            How::Not(reason) => {
                assert!(reason.len() > 20, "{service}: {reason:?} is no reason");
                if Protocol::from_word(service).is_some() {
                    faults.push(format!("{service} is heard, although {reason:?}"));
                }
            }
        }
    }
    let table = fs::read_to_string(root().join("assess/knowledge/service-ports.tsv")).unwrap();
    let listed: BTreeSet<&str> =
        table.lines().filter_map(|l| l.split('\t').nth(2)).filter(|w| *w != "service").collect();
    assert!(listed.len() > 60, "{}", listed.len());
    faults.extend(listed.iter().filter(|s| !named.contains(*s)).map(|s| format!("{s} stands in no list")));
    for protocol in Protocol::ALL {
        let word = protocol.word();
        let is_named = SERVICES.iter().any(|(_, how)| matches!(how, How::As(w) if *w == word));
        if !is_named && !BESIDE.contains(&word) {
            faults.push(format!("{word} is heard, and stands in no list"));
        }
    }
    println!("{heard} of {} services are heard", SERVICES.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_value_that_the_rules_ask_for_is_said_or_has_a_reason() {
    let knowledge = Knowledge::compiled();
    let mut said: BTreeSet<String> = Fact::TABLE.iter().flat_map(|row| row.names).map(|n| (*n).to_owned()).collect();
    for file in sources(&["assess/src"]) {
        // In the rooms before the rules, whatever stands in quotes is said.
        said.extend(code(&file).split('"').skip(1).step_by(2).map(str::to_owned));
    }
    let (mut faults, mut asked) = (Vec::new(), 0);
    for name in fs::read_to_string(root().join("assess/knowledge/facts.tsv")).unwrap().lines() {
        let name = name.split('\t').next().unwrap();
        if name.starts_with('#') || name == "fact" {
            continue;
        }
        asked += 1;
        match (said.contains(name), UNSAID.iter().find(|(n, _)| *n == name)) {
            (true, None) => {}
            (false, Some((_, reason))) => assert!(reason.len() > 20, "{name}: {reason:?} is no reason"),
            (true, Some((_, reason))) => faults.push(format!("{name} is said, although {reason:?}")),
            (false, None) => faults.push(format!("{name}: nothing says it, and no reason stands here")),
        }
        assert!(knowledge.vocabulary().name(name).is_some(), "{name}");
    }
    println!("{} of {asked} values are said", asked - UNSAID.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What it costs to hear one more protocol: the source files whose code names it or its own facts, of those that came last.
#[test]
fn a_protocol_touches_seven_source_files_at_most() {
    let files: BTreeMap<String, String> =
        sources(&["agent/src", "assess/src", "report/src"]).into_iter().map(|f| (f.clone(), code(&f))).collect();
    for (protocol, marks) in COSTS {
        let names = |text: &str| marks.iter().any(|mark| text.contains(mark));
        let touched: Vec<&String> = files.iter().filter(|(_, code)| names(code)).map(|(file, _)| file).collect();
        println!("{protocol}: {}", touched.len());
        assert!((3..=7).contains(&touched.len()), "{protocol} touches {}: {touched:#?}", touched.len());
    }
}

/// A protocol, and what only its own code says.
const COSTS: &[(&str, &[&str])] = &[
    ("ASTM", &["astm::", "mod astm;", "Astm", "LabRecord"]),
    ("RTSP", &["mod camera;", "camera::RTSP", "Rtsp", "CameraOpen"]),
    ("NAT-PMP", &["natpmp::", "mod natpmp;", "NatPmp", "PortMapped", "mod mapping;", "mapping::"]),
    ("HTTP/2", &["http2::", "mod http2;", "web_stream::", "mod web_stream;"]),
    ("BACnet", &["bacnet::", "mod bacnet;", "Bacnet"]),
    ("Memcached", &["memcached::", "mod memcached;", "Memcached"]),
    ("rsync", &["mod rsync;", "rsync::", "Rsync"]),
    ("DCE/RPC", &["mod dcerpc;", "dcerpc::", "Dcerpc", "DCERPC"]),
    ("Modbus", &["mod modbus;", "modbus::", "Modbus", "MODBUS"]),
    ("CoAP", &["mod coap;", "coap::", "Coap", "COAP", "mod constrained;"]),
    ("Firebird", &["mod firebird;", "firebird::", "Firebird", "FIREBIRD"]),
    ("iSCSI", &["mod iscsi;", "iscsi::", "Iscsi", "ISCSI"]),
    ("X11", &["mod x11;", "x11::", "X11"]),
];

enum How {
    /// It is said as this protocol.
    As(&'static str),
    /// It is not heard: why.
    Not(&'static str),
}
use How::{As, Not};

/// The services of the knowledge's list of ports, and those that its values name.
const SERVICES: &[(&str, How)] = &[
    ("dicom", As("dicom")),
    ("mllp", As("mllp")),
    ("http", As("http")),
    ("fhir", As("http")),
    ("astm", As("astm")),
    ("poct1a", As("poct1a")),
    ("mssql", As("mssql")),
    ("mssql-browser", As("mssql-browser")),
    ("oracle-tns", As("oracle-tns")),
    ("mysql", As("mysql")),
    ("mysql-x", As("mysql-x")),
    ("postgresql", As("postgresql")),
    ("pgbouncer", As("postgresql")),
    ("mongodb", As("mongodb")),
    ("redis", As("redis")),
    ("memcached", As("memcached")),
    ("elasticsearch", As("elasticsearch")),
    ("elasticsearch-transport", As("elasticsearch")),
    ("couchdb", As("http")),
    ("influxdb", As("http")),
    ("kibana", As("http")),
    ("neo4j", As("http")),
    ("orientdb", Not(NO_STANDARD)),
    ("db2", As("db2")),
    ("intersystems-cache-iris", Not(NO_STANDARD)),
    ("firebird", As("firebird")),
    ("sql-anywhere", Not(NO_STANDARD)),
    ("ftp", As("ftp")),
    ("tftp", As("tftp")),
    ("rpcbind", As("rpcbind")),
    ("nfs", As("nfs")),
    ("smb", As("smb")),
    ("smb-netbios", As("smb")),
    ("rsync", As("rsync")),
    ("iscsi", As("iscsi")),
    ("ssh", As("ssh")),
    ("telnet", As("telnet")),
    ("rdp", As("rdp")),
    ("vnc", As("vnc")),
    ("winrm", As("winrm")),
    ("winrm-tls", As("tls")),
    ("docker", As("docker")),
    ("kubernetes", As("tls")),
    ("webmin", As("webmin")),
    ("mikrotik-winbox", Not(NO_STANDARD)),
    ("x11", As("x11")),
    ("rexec", As("rexec")),
    ("rlogin", As("rlogin")),
    ("rsh", As("rsh")),
    ("snmp", As("snmp")),
    ("snmp-trap", Not("a trap is never answered: nothing proves that anybody takes it")),
    ("ldap", As("ldap")),
    ("dcerpc", As("dcerpc")),
    ("ldaps", As("tls")),
    ("kerberos", As("kerberos")),
    ("smtp", As("smtp")),
    ("submission", As("smtp")),
    ("pop3", As("pop3")),
    ("imap", As("imap")),
    ("dns", As("dns")),
    ("dns-over-tls", As("tls")),
    ("mqtt", As("mqtt")),
    ("mqtt-tls", As("tls")),
    ("coap", As("coap")),
    ("ssdp", As("ssdp")),
    ("nat-pmp-pcp", As("nat-pmp")),
    ("ipp", As("ipp")),
    ("jetdirect", As("jetdirect")),
    ("lpd", As("lpd")),
    ("rtsp", As("rtsp")),
    ("sip", As("sip")),
    ("iso-tsap", As("iso-tsap")),
    ("modbus", As("modbus")),
    ("bacnet", As("bacnet")),
    ("ipmi", As("ipmi")),
];

const NO_STANDARD: &str =
    "its wire format is published by nobody but its maker, and no server of it was to be had to try a view on";

/// Heard beside the list of ports: neighbours and names, what other words are part of.
const BESIDE: &[&str] =
    &["pcp", "dhcp", "mdns", "nbns", "llmnr", "ntp", "quic", "bacnet-apdu", "bacnet-npdu", "lldp", "cdp", "dhcpv6"];

/// Values that nothing says yet.
const UNSAID: &[(&str, &str)] = &[
    (
        "wifi.captive_portal",
        "a sign-in page is known by where it sends everybody, which needs the guests' conversations",
    ),
    ("web.public_site", "a person must mark the clinic's public site once, and no page or key takes that yet"),
    ("cert.private_ca", "the issuer is never kept, so that the same one on three hosts cannot be told from three"),
];

/// Whether the code of the detectors says a protocol.
fn detectors_say(word: &str) -> bool {
    let names = DETECTORS.iter().map(|d| d.name).chain(DATAGRAM_DETECTORS.iter().map(|d| d.name));
    let variant = format!("Protocol::{:?}", Protocol::from_word(word).unwrap());
    names.into_iter().any(|name| name == word)
        || sources(&["agent/src/detect"]).iter().any(|f| code(f).contains(&variant))
}

/// The files of Rust in these folders, by their paths from the root.
fn sources(folders: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    folders.iter().for_each(|folder| walk(&root().join(folder), &mut found));
    found.sort();
    found
}

/// The code of a file, without comments and tests.
fn code(file: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
