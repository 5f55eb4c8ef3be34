//! The pages of the documentation: one for each finding of the catalogue and one for each detector, made of the lists that the
//! judge and the sensor work by, so that no page can be forgotten or say something else than the program does.
//!
//! Keeps: nothing. Drops: nothing.

use anstyle::Style;
use auscult_agent::detect::link::LINK_DETECTORS;
use auscult_agent::detect::{DATAGRAM_DETECTORS, DETECTORS, OTHER_EARS};
use auscult_assess::knowledge::Knowledge;
use auscult_assess::rule::{Rule, Whose};
use std::io::{self, Write};

/// A page: its name, what it is called, and labelled paragraphs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) paragraphs: Vec<(&'static str, String)>,
}

impl Page {
    /// Prints it for a person.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{BOLD}{}{BOLD:#}\n{}\n", self.title, self.id)?;
        for (label, words) in &self.paragraphs {
            let mut lines = words.lines();
            writeln!(out, "  {label:<8} {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "  {:<8} {line}", "")?;
            }
        }
        Ok(())
    }
}

/// Prints which pages there are.
pub(crate) fn list(knowledge: &Knowledge, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{BOLD}Findings{BOLD:#}: what is judged (knowledge {})", knowledge.version())?;
    let mut group = "";
    for rule in knowledge.rules() {
        if rule.group() != group {
            group = rule.group();
            writeln!(out, "\n{group}")?;
        }
        writeln!(out, "  {:<38} {}", rule.id(), rule.title())?;
    }
    writeln!(out, "\n{BOLD}Detectors{BOLD:#}: what is heard\n")?;
    for (name, _, hears) in detectors() {
        writeln!(out, "  {name:<24} {}", first_sentence(hears))?;
    }
    writeln!(out, "\nauscult-inspect explain ID prints the page of one of them.")
}

/// The page of a finding or of a detector.
pub(crate) fn page(knowledge: &Knowledge, id: &str) -> Option<Page> {
    let of_rule = knowledge.rule(id).map(of_rule);
    of_rule.or_else(|| detectors().find(|(name, ..)| *name == id).map(|d| of_detector(knowledge, d)))
}

/// What is said where there is no such page: the names that are nearest.
pub(crate) fn unknown(knowledge: &Knowledge, id: &str) -> String {
    let wanted: String = id.chars().filter(|c| c.is_ascii_graphic()).take(LONGEST_ID).collect();
    let mut near: Vec<(usize, &str)> = ids(knowledge).map(|known| (distance(&wanted, known), known)).collect();
    near.sort_unstable();
    let names: Vec<&str> = near.iter().take(NEAR).map(|(_, name)| *name).collect();
    format!(
        "there is no finding and no detector {wanted:?}; near it: {}. auscult-inspect explain lists them all",
        names.join(", ")
    )
}

/// Every name that has a page.
pub(crate) fn ids(knowledge: &Knowledge) -> impl Iterator<Item = &'static str> {
    knowledge.rules().iter().map(Rule::id).chain(detectors().map(|(name, ..)| name))
}

/// Name, version and paragraph of all that hears.
fn detectors() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    let conversations = DETECTORS.iter().map(|d| (d.name, d.version, d.hears));
    let datagrams = DATAGRAM_DETECTORS.iter().map(|d| (d.name, d.version, d.hears));
    let links = LINK_DETECTORS.iter().map(|d| (d.name, d.version, d.hears));
    conversations.chain(datagrams).chain(links).chain(OTHER_EARS.iter().copied())
}

fn of_rule(rule: &Rule) -> Page {
    let levels: Vec<String> = rule
        .severities()
        .map(|(level, why)| why.map_or_else(|| level.word().to_owned(), |why| format!("{}: {why}", level.word())))
        .collect();
    let whose = match rule.whose() {
        Whose::Own => "what the clinic's own equipment gives away or runs",
        Whose::Sent => "what the clinic's equipment sends, also to a foreign server",
        Whose::Any => "either side",
    };
    let mut paragraphs = vec![
        ("hears", rule.heard().to_owned()),
        ("if", rule.condition().to_owned()),
        ("about", whose.to_owned()),
        ("how bad", levels.join("\n")),
        ("sure", rule.confidences().map(|percent| format!("{percent} %")).collect::<Vec<_>>().join(" or ")),
        ("mistakes", rule.traps().collect::<Vec<_>>().join("\n")),
        ("do", rule.remedy().to_owned()),
        ("gone", gone(rule)),
    ];
    let controls: Vec<String> =
        rule.controls().map(|(framework, ids)| format!("{framework} {}", ids.collect::<Vec<_>>().join(", "))).collect();
    paragraphs.push(("controls", controls.join("\n")));
    let stories: Vec<&str> = rule.stories().collect();
    if !stories.is_empty() {
        paragraphs.push(("stories", stories.join(", ")));
    }
    Page { id: rule.id(), title: rule.title().to_owned(), paragraphs }
}

fn gone(rule: &Rule) -> String {
    match rule.silent_days() {
        Some(days) => format!("{}; or nothing of it in {days} days that were well listened to", rule.gone()),
        None => rule.gone().to_owned(),
    }
}

fn of_detector(knowledge: &Knowledge, (name, version, hears): (&'static str, u16, &'static str)) -> Page {
    let resting: Vec<&str> =
        knowledge.rules().iter().filter(|rule| rests_on(rule, name)).map(auscult_assess::Rule::id).collect();
    let act = if resting.is_empty() {
        "Nothing by itself: it supports what other detectors hear, and finds hosts, systems and services for them."
            .to_owned()
    } else {
        format!(
            "Nothing by itself: it states facts. What to do stands in the findings that rest on them:\n{}",
            resting.join("\n")
        )
    };
    let paragraphs = vec![("hears", hears.to_owned()), ("do", act), ("version", version.to_string())];
    Page { id: name, title: format!("The detector of {name}"), paragraphs }
}

/// Whether a finding asks for a word or for values of a detector's protocol.
fn rests_on(rule: &Rule, detector: &str) -> bool {
    let mut words = rule.condition().split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'));
    let values = VALUES.iter().filter(|(name, _)| *name == detector).flat_map(|(_, groups)| groups.iter().copied());
    let groups: Vec<&str> = core::iter::once(detector).chain(values).collect();
    words.any(|word| word == detector || word.split_once('.').is_some_and(|(group, _)| groups.contains(&group)))
}

fn first_sentence(text: &str) -> &str {
    text.split_inclusive(['.', ';', ':']).next().unwrap_or(text).trim_end_matches(['.', ';', ':'])
}

/// How far a typed name is from a known one; a part of a name is nearer than its length says.
fn distance(typed: &str, known: &str) -> usize {
    if !typed.is_empty() && known.contains(typed) { 0 } else { strsim::levenshtein(typed, known) }
}

/// The groups of values (`assess/knowledge/facts.tsv`) that a detector states under another name than its own.
const VALUES: &[(&str, &[&str])] = &[
    ("http", &["web", "fhir"]),
    ("tls", &["cert"]),
    ("mllp", &["hl7"]),
    ("smtp", &["mail"]),
    ("pop3", &["mail"]),
    ("imap", &["mail"]),
    ("ftp", &["file"]),
    ("smb", &["file"]),
    ("workgroup", &["lan"]),
    ("mysql", &["db"]),
    ("postgresql", &["db"]),
    ("mongodb", &["db"]),
    ("redis", &["db"]),
    ("mssql", &["db"]),
    ("oracle-tns", &["db"]),
    ("elasticsearch-transport", &["db"]),
    ("tcp-syn", &["os"]),
    ("dhcp-lease", &["os"]),
];

/// Names that are offered where one is not known.
const NEAR: usize = 5;

/// No name is longer; of what is typed no more is printed.
const LONGEST_ID: usize = 64;

const BOLD: Style = Style::new().bold();

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_finding_and_every_detector_has_a_page_and_none_is_empty() {
        let knowledge = Knowledge::compiled();
        let (mut pages, mut names) = (0, BTreeSet::new());
        for id in ids(&knowledge) {
            let page = page(&knowledge, id).unwrap_or_else(|| panic!("{id} has no page"));
            assert!(names.insert(id), "{id} is the name of two pages");
            assert!(!page.title.is_empty() && id.len() <= LONGEST_ID, "{id}");
            for label in ["hears", "do"] {
                let (_, words) = page.paragraphs.iter().find(|(l, _)| *l == label).unwrap();
                assert!(words.len() > 8, "{id}: {label}: {words}");
            }
            assert!(page.paragraphs.iter().all(|(_, words)| !words.trim().is_empty()), "{id}: {page:?}");
            pages += 1;
        }
        let heard = DETECTORS.len() + DATAGRAM_DETECTORS.len() + LINK_DETECTORS.len() + OTHER_EARS.len();
        assert_eq!(pages, knowledge.rules().len() + heard);
        for rule in knowledge.rules() {
            let page = page(&knowledge, rule.id()).unwrap();
            for label in ["if", "how bad", "sure", "mistakes", "gone", "controls"] {
                assert!(page.paragraphs.iter().any(|(l, _)| *l == label), "{}: {label}", rule.id());
            }
        }
    }

    #[test]
    fn a_page_of_a_detector_names_the_findings_that_rest_on_it() {
        let knowledge = Knowledge::compiled();
        let acts = |id| page(&knowledge, id).unwrap().paragraphs[1].1.clone();
        for (id, finding) in [
            ("dicom", "dicom-open-from-outside"),
            ("http", "portal-documents-without-login"),
            ("tls", "cert-expired"),
            ("mysql", "database-answers-outside"),
            ("wifi", "wifi-wep"),
            ("telnet", "telnet-in-use"),
        ] {
            assert!(acts(id).lines().any(|l| l == finding), "{id}: {}", acts(id));
        }
        assert!(!acts("dicom").contains("hl7-cleartext"));
        for (name, groups) in VALUES {
            assert!(detectors().any(|(detector, ..)| detector == *name), "there is no detector {name}");
            let is_asked =
                |group: &&str| knowledge.rules().iter().any(|r| r.condition().contains(&format!("{group}.")));
            assert!(groups.iter().all(is_asked), "{name}: {groups:?}");
        }
    }

    #[test]
    fn who_mistypes_is_told_what_is_near() {
        let knowledge = Knowledge::compiled();
        for (typed, meant) in [
            ("dicom-open-from-outsid", "dicom-open-from-outside"),
            ("wifi-wpe", "wifi-wep"),
            ("bulk", "medical-bulk-to-new-place"),
            ("htpp", "http"),
        ] {
            assert!(page(&knowledge, typed).is_none());
            assert!(unknown(&knowledge, typed).contains(meant), "{}", unknown(&knowledge, typed));
        }
        let odd = unknown(&knowledge, &"\u{1b}[2Jx".repeat(4_000));
        assert!(odd.len() < 400 && !odd.contains('\u{1b}'), "{odd}");
    }

    #[test]
    fn the_list_names_every_page() {
        let knowledge = Knowledge::compiled();
        let mut printed = Vec::new();
        list(&knowledge, &mut printed).unwrap();
        let printed = String::from_utf8(printed).unwrap();
        for id in ids(&knowledge) {
            assert!(printed.lines().any(|l| l.trim_start().starts_with(&format!("{id} "))), "{id} is not listed");
        }
    }
}
