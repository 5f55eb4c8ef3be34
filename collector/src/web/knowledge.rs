//! Knowledge: what findings are judged by: the catalogue with its rules and their versions, the tables, how old they are, what vouches
//! for them. What is stale is said plainly.
//!
//! Keeps: nothing. Drops: nothing; what this program holds is all on the page.

use super::Desk;
use super::guard::Visit;
use super::page::{Answered, Frame, html};
use super::words::{ago, day, sentence};
use crate::access::hex;
use askama::Template;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "knowledge.html")]
struct KnowledgePage {
    frame: Frame,
    state: String,
    tone: &'static str,
    version: &'static str,
    dated: String,
    hash: String,
    program: &'static str,
    tables: Vec<(&'static str, &'static str, usize)>,
    groups: Vec<Group>,
    rules: usize,
}

/// A group, and of each rule of it: id, version, title.
type Group = (String, Vec<(&'static str, u16, &'static str)>);

pub(super) fn page(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let knowledge = &desk.knowledge;
    let mut groups: Vec<Group> = Vec::new();
    for rule in knowledge.rules() {
        let name = group(rule.group());
        if groups.last().is_none_or(|(group, _)| *group != name) {
            groups.push((name, Vec::new()));
        }
        if let Some((_, rules)) = groups.last_mut() {
            rules.push((rule.id(), rule.version(), rule.title()));
        }
    }
    let (state, tone) = state(knowledge.dated(), visit.now);
    html(&KnowledgePage {
        frame: visit.frame("Knowledge", "knowledge"),
        state,
        tone,
        version: knowledge.version(),
        dated: day(knowledge.dated()),
        hash: hex(&knowledge.hash()),
        program: env!("CARGO_PKG_VERSION"),
        tables: knowledge.tables().map(|(name, rows)| (name, about(name), rows)).collect(),
        rules: knowledge.rules().len(),
        groups,
    })
}

/// What people call a group of rules.
fn group(word: &str) -> String {
    match word {
        "wifi" => "Wi-Fi",
        "messaging" => "Messages between medical systems",
        "portal" => "Portals and web pages",
        "database" => "Databases",
        "remote" => "Remote access and file shares",
        "patch" => "Old systems and missing updates",
        "dns" => "Names (DNS)",
        "change" => "Changes",
        "sensor" => "The sensors themselves",
        other => return sentence(other),
    }
    .to_owned()
}

/// How old it is, in a sentence.
fn state(dated: Timestamp, now: Timestamp) -> (String, &'static str) {
    let old = now.since_ms(dated) / MS_PER_DAY;
    match old {
        0 => ("The knowledge is of today.".to_owned(), "good"),
        1 => ("The knowledge is of yesterday.".to_owned(), "good"),
        _ if old <= FRESH_DAYS => {
            (format!("The knowledge was gathered {}. That is fresh enough.", ago(dated, now)), "good")
        }
        _ if old <= STALE_DAYS => (
            format!(
                "The knowledge was gathered {}. Update the program soon: new weaknesses are not known to it.",
                ago(dated, now)
            ),
            "fair",
        ),
        _ => (
            format!(
                "The knowledge is stale: it was gathered {}. What was found since then is not known here; update the program.",
                ago(dated, now)
            ),
            "bad",
        ),
    }
}

/// What a table is about.
fn about(name: &str) -> &'static str {
    match name {
        "facts.tsv" => "the words that rules use",
        "controls.tsv" => "requirements that findings speak to",
        "system-signs.tsv" => "what a sign of a system is worth",
        "windows-builds.tsv" | "windows-ntlm-builds.tsv" | "iis-windows.tsv" => "versions of Windows and their ends",
        "distro-eol.tsv" => "releases of Linux and their ends",
        "eol-products.tsv" => "products and the end of their support",
        "unpatched-products.tsv" => "products whose version is a proof",
        "debian-backports.tsv" => "what Debian mended behind an unchanged version",
        "exploited-versions.tsv" => "versions that are being attacked",
        "advisories.tsv" => "security notices about medical software",
        "releases.tsv" => "when versions came out",
        "oui-medical.tsv" => "makers of medical equipment",
        "breach-clocks.tsv" => "who must be told of a breach until when",
        "change-kinds.tsv" => "which changes ask for a review",
        _ if name.starts_with("findings/") => "rules",
        _ => "a table",
    }
}

/// A month: feeds of weaknesses move each week.
const FRESH_DAYS: u64 = 31;
/// A quarter.
const STALE_DAYS: u64 = 92;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn stale_knowledge_is_called_stale() {
        let of = |days: u64| state(Timestamp(1_000 * MS_PER_DAY), Timestamp((1_000 + days) * MS_PER_DAY));
        assert_eq!([of(0).1, of(31).1, of(32).1, of(92).1, of(93).1], ["good", "good", "fair", "fair", "bad"]);
        assert!(of(93).0.contains("stale") && !of(92).0.contains("stale"));
    }
}
