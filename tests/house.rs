//! The house rules that a machine can hold: which room may use which, how long files and functions are, that every file
//! says what it follows, that README and the manuals name only what exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use auscult_tests::root;

/// The rooms of each crate, in the order in which the data passes them. A room uses only those before it. Rooms in one
/// string may use each other.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "report",
        &[
            "words",
            "bounded context",
            "time version zone",
            "product subject",
            "terms",
            "fact",
            "key",
            "summary",
            "payload",
            "coverage machine",
            "header",
            "seal",
            "chain",
            "signed",
            "heartbeat",
            "merkle",
            "tile leaf",
            "note",
            "checkpoint",
            "receipt",
            "batch",
            "code",
            "fingerprint",
            "enrol",
            "trust",
            "renew",
        ],
    ),
    (
        "assess",
        &[
            "date version table value",
            "vocabulary",
            "condition",
            "control rule",
            "knowledge",
            "lifecycle",
            "sensing",
            "past",
            "facts",
            "judge",
            "clock plan",
        ],
    ),
    (
        "agent",
        &[
            "capture",
            "wire",
            "radio",
            "places",
            "config",
            "log",
            "hosts",
            "flow",
            "detect",
            "urgent",
            "inventory",
            "sensor",
            "window",
            "identity",
            "spool",
            "courier",
            "run",
            "setup",
            "inspect",
        ],
    ),
    (
        "collector",
        &[
            "config",
            "authority",
            "store",
            "access",
            "ledger",
            "ingest",
            "judge",
            "review",
            "notices",
            "web",
            "run",
            "commands",
        ],
    ),
];

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    let mut faults = Vec::new();
    for (package, rooms) in ROOMS {
        let place = |room: &str| rooms.iter().position(|r| r.split(' ').any(|name| name == room));
        for file in sources(package) {
            let Some(room) = room_of(package, &file) else { continue };
            let Some(here) = place(&room) else {
                faults.push(format!("{package}/src/{room} is a room that tests/house.rs does not know"));
                continue;
            };
            for used in uses(&code(&file)) {
                if used != room && place(&used).is_some_and(|there| there > here) {
                    faults.push(format!("{package}/src/{room} uses {used}, which comes after it ({})", shown(&file)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn report_uses_nothing_of_ours_and_assess_only_report() {
    for (package, allowed) in [("report", &[][..]), ("assess", &["auscult_report"][..])] {
        for file in sources(package) {
            for word in code(&file).split(|c: char| !c.is_alphanumeric() && c != '_') {
                if word.starts_with("auscult_") && word != format!("auscult_{package}") {
                    assert!(allowed.contains(&word), "{} uses {word}", shown(&file));
                }
            }
        }
    }
}

#[test]
fn only_the_inspector_knows_the_judge() {
    for file in sources("agent") {
        if !shown(&file).contains("src/inspect/") {
            assert!(!code(&file).contains("auscult_assess"), "{} knows assess: the daemon must not", shown(&file));
        }
    }
}

#[test]
fn only_the_courier_has_a_socket() {
    for file in sources("agent").into_iter().filter(|f| !shown(f).contains("src/courier/")) {
        for word in ["reqwest::", "rustls::", "TcpStream", "TcpListener", "UdpSocket", "UnixStream"] {
            assert!(!code(&file).contains(word), "{} has {word}: only the courier speaks", shown(&file));
        }
    }
}

#[test]
fn every_file_says_what_it_follows() {
    for file in all_sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with //!", shown(&file));
        let said: usize = text.lines().take_while(|l| l.starts_with("//!")).map(str::len).sum();
        assert!(said > 30, "{}: its first comment says nothing", shown(&file));
        if shown(&file).contains("agent/src/wire/") && !file.ends_with("mod.rs") {
            for word in ["Keeps", "Drops"] {
                let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
                assert!(
                    head.contains(word),
                    "{}: its first comment does not say what it {}",
                    shown(&file),
                    word.to_lowercase()
                );
            }
        }
    }
}

#[test]
fn no_file_is_longer_than_400_lines_before_its_tests() {
    let mut long = Vec::new();
    for file in all_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().take_while(|l| *l != "#[cfg(test)]").count();
        if lines > MAX_FILE_LINES
            && !text.lines().take(12).any(|l| l.starts_with("//!") && l.contains("Longer than 400 lines"))
        {
            long.push(format!("{}: {lines}", shown(&file)));
        }
    }
    assert!(long.is_empty(), "too long, and the first comment does not say why:\n{}", long.join("\n"));
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut long = Vec::new();
    for file in all_sources() {
        for (name, lines) in functions(&code(&file)) {
            if lines > MAX_FUNCTION_LINES {
                long.push(format!("{}: {name} has {lines}", shown(&file)));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_detector_has_its_paragraph_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (name, version, hears) in auscult_agent::detect::DETECTORS
        .iter()
        .map(|d| (d.name, d.version, d.hears))
        .chain(auscult_agent::detect::DATAGRAM_DETECTORS.iter().map(|d| (d.name, d.version, d.hears)))
    {
        assert!(names.insert(name), "two detectors are called {name}");
        assert!(version >= 1, "{name} has no version");
        assert!(hears.len() > 80, "{name} does not say what it hears, what it may mistake and what it never keeps");
    }
    assert!(names.len() >= 10, "the list of detectors is nearly empty: {names:?}");
}

#[test]
fn every_wire_file_has_an_entrance_for_strange_octets() {
    let entrances: BTreeSet<&str> = auscult_tests::entrances::ENTRANCES.iter().map(|e| e.0).collect();
    for file in sources("agent").iter().filter(|f| shown(f).contains("src/wire/") && !f.ends_with("mod.rs")) {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(entrances.contains(stem), "tests/entrances.rs does not name wire/{stem}");
        let target = root().join(format!("tests/fuzz/targets/{stem}.rs"));
        assert!(target.exists(), "wire/{stem} has no fuzz target");
    }
}

#[test]
fn readme_and_the_manuals_name_only_what_exists() {
    for paper in ["README.md", "agent/manual.md", "collector/manual.md"] {
        names_only_what_exists(paper);
    }
}

fn names_only_what_exists(paper: &str) {
    let text = fs::read_to_string(root().join(paper)).unwrap();
    let mut checked = 0;
    for word in text.split('`').skip(1).step_by(2) {
        let first = word.split_whitespace().next().unwrap_or_default();
        let is_path = first.contains('/') && !first.starts_with('/') && !first.contains("://") && !first.contains('*');
        if is_path && !first.contains("192.168") && !first.starts_with("target/") && !word.contains('|') {
            assert!(root().join(first.trim_end_matches('/')).exists(), "{paper} names {first}, which is not there");
            checked += 1;
        }
    }
    let alias = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    assert!(!text.contains("cargo demo") || alias.contains("demo = "));
    assert!(checked >= 5, "{paper} names only {checked} paths: is the check still looking at it?");
    for binary in text.split("--bin ").skip(1).filter_map(|t| t.split_whitespace().next()) {
        let binary = binary.trim_matches('`');
        let said = format!("name = \"{binary}\"");
        let manifests = ["agent/Cargo.toml", "tests/Cargo.toml"].map(|m| fs::read_to_string(root().join(m)).unwrap());
        assert!(manifests.iter().any(|m| m.contains(&said)), "{binary}");
    }
}

/// The lines of a file before its tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().take_while(|l| *l != "#[cfg(test)]").map(|l| format!("{l}\n")).collect()
}

/// The rooms named after `crate::`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split('}').next().unwrap_or_default();
            rooms.extend(list.split(',').filter_map(|p| p.trim().split("::").next().map(str::to_owned)));
        } else {
            rooms.extend(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned));
        }
    }
    rooms
}

fn room_of(package: &str, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join(package).join("src")).ok()?;
    let first = inside.iter().next()?.to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(room, "lib" | "main")).then(|| room.to_owned())
}

/// Name and length of every function, by its indentation.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words = line.split_whitespace().take(5).collect::<Vec<_>>();
        let Some(place) = words.iter().position(|w| *w == "fn") else { continue };
        // A declaration in a trait has no body.
        let opens = lines[at..].iter().find(|l| l.ends_with('{') || l.ends_with(';') || l.ends_with('}'));
        if line.trim_start().starts_with("//") || opens.is_none_or(|l| !l.ends_with('{')) {
            continue;
        }
        let end = lines[at..].iter().position(|l| l.starts_with(&format!("{}}}", " ".repeat(indent))));
        let name = words.get(place + 1).map_or("", |w| w.split('(').next().unwrap_or_default());
        found.push((name.to_owned(), end.unwrap_or(0) + 1));
    }
    found
}

fn all_sources() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = ["report", "assess", "agent", "collector"].iter().flat_map(|p| sources(p)).collect();
    all.extend(rust_files(&root().join("tests"), 1));
    assert!(all.len() > 40, "only {} source files were found", all.len());
    all
}

fn sources(package: &str) -> Vec<PathBuf> {
    rust_files(&root().join(package).join("src"), 3)
}

fn rust_files(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && depth > 1 {
            files.extend(rust_files(&path, depth - 1));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;
