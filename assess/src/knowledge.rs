//! What the judge knows: the rules and the dated tables of `assess/knowledge`, compiled in, with a version and a hash.
//!
//! Keeps: all of it as text; rules and vocabulary are parsed at once, tables when they are asked. Drops: nothing. A
//! reviewer who has the same version and the same hash has the same judge.

use crate::control::{self, Control};
use crate::date::Day;
use crate::rule::{Rule, RuleFault};
use crate::table::Table;
use crate::vocabulary::Vocabulary;
use auscult_report::time::Timestamp;
use sha2::{Digest, Sha256};

/// Everything that the judge knows.
#[derive(Debug)]
pub struct Knowledge {
    vocabulary: Vocabulary,
    rules: Vec<Rule>,
    faults: Vec<RuleFault>,
}

impl Knowledge {
    /// What was compiled in. Rules that do not parse are left out; a test asks that [`Knowledge::faults`] has none.
    #[must_use]
    pub fn compiled() -> Knowledge {
        let vocabulary = Vocabulary::read(table("facts.tsv"));
        let (mut rules, mut faults) = (Vec::new(), Vec::new());
        for (path, text) in SOURCES {
            if let Some(group) = path.strip_prefix("findings/").and_then(|p| p.strip_suffix(".txt")) {
                let (read, wrong) = Rule::read_all(group, text, &vocabulary);
                rules.extend(read);
                faults.extend(wrong);
            }
        }
        Knowledge { vocabulary, rules, faults }
    }

    /// `2026-11-21.1`: the day of the tables and a number that grows with every change of that day.
    #[must_use]
    pub fn version(&self) -> &'static str {
        SOURCES.first().map_or("", |(_, text)| text.trim_ascii_end())
    }

    /// SHA-256 over the names and texts of everything that was compiled in.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash_of(SOURCES)
    }

    /// The day of the tables.
    #[must_use]
    pub fn dated(&self) -> Timestamp {
        let day = self.version().split('.').next().and_then(Day::read);
        day.map_or(Timestamp::default(), Day::start)
    }

    /// The rules, group by group.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of a name.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id() == id)
    }

    /// What did not parse.
    #[must_use]
    pub fn faults(&self) -> &[RuleFault] {
        &self.faults
    }

    /// The named values that rules ask for.
    #[must_use]
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A control of a framework, with its label.
    #[must_use]
    pub fn control(&self, framework: &str, id: &str) -> Option<Control> {
        control::find(table("controls.tsv"), framework, id)
    }

    /// The tables and rule files: name, how many rows or rules each has.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, usize)> {
        SOURCES.iter().filter(|(path, _)| *path != "version.txt").map(|(path, text)| {
            let is_rules = path.starts_with("findings/");
            let rows = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
            let rows = rows.filter(|l| !is_rules || l.starts_with('[')).count();
            (*path, if is_rules { rows } else { rows.saturating_sub(1) })
        })
    }

    /// The same of a whole block of addresses: of these three octets, whatever follows.
    #[must_use]
    pub fn maker_of_block(&self, block: [u8; 3]) -> Option<&'static str> {
        let begins = format!("{:02x}{:02x}{:02x}", block[0], block[1], block[2]);
        let mut rows = table("oui-medical.tsv").rows(["prefix_hex", "bits", "organisation"]);
        rows.find(|[prefix, bits, _]| *bits == "24" && prefix.eq_ignore_ascii_case(&begins)).map(|[.., maker]| maker)
    }

    /// What happened elsewhere, for people: a story that a rule names.
    #[must_use]
    pub fn story(&self, name: &str) -> Option<&'static str> {
        Table::new(STORIES).rows(["story", "what_happened"]).find(|[story, _]| *story == name).map(|[_, what]| what)
    }

    /// The maker of medical equipment whose hardware address this is: a hint, most modalities show a maker of PCs. A
    /// private address (bit 0x02 of the first octet) has no maker.
    #[must_use]
    pub fn maker(&self, hardware: [u8; 6]) -> Option<&'static str> {
        if hardware.first().is_none_or(|o| o & 2 != 0) {
            return None;
        }
        let address = hardware.iter().fold(0u64, |n, o| (n << 8) | u64::from(*o));
        table("oui-medical.tsv")
            .rows(["prefix_hex", "bits", "organisation"])
            .filter_map(|[prefix, bits, organisation]| {
                let bits: u32 = bits.parse().ok()?;
                let rest = HARDWARE_BITS.checked_sub(bits)?;
                let begins = u64::from_str_radix(prefix, 16).ok()? == address.checked_shr(rest)?;
                begins.then_some((bits, organisation))
            })
            .max_by_key(|(bits, _)| *bits)
            .map(|(_, organisation)| organisation)
    }
}

/// SHA-256 over names and texts: each name, a zero octet, the length of the text as eight octets, the text.
#[must_use]
pub fn hash_of(sources: &[(&str, &str)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (name, text) in sources {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// For people alone: nothing is judged by it, so it is not in the hash.
const STORIES: &str = include_str!("../knowledge/stories.tsv");

/// Bits of a hardware address (IEEE 802, 8.2).
const HARDWARE_BITS: u32 = 48;

/// A table of the folder by its name; an empty one if there is none.
pub(crate) fn table(name: &str) -> Table {
    Table::new(SOURCES.iter().find(|(path, _)| *path == name).map_or("", |(_, text)| text))
}

macro_rules! source {
    ($path:literal) => {
        ($path, include_str!(concat!("../knowledge/", $path)))
    };
}

/// Everything that is compiled in: the name in `assess/knowledge` and the text.
const SOURCES: &[(&str, &str)] = &[
    source!("version.txt"),
    source!("facts.tsv"),
    source!("findings/wifi.txt"),
    source!("findings/imaging.txt"),
    source!("findings/messaging.txt"),
    source!("findings/portal.txt"),
    source!("findings/database.txt"),
    source!("findings/remote.txt"),
    source!("findings/patch.txt"),
    source!("findings/mail.txt"),
    source!("findings/dns.txt"),
    source!("findings/change.txt"),
    source!("findings/sensor.txt"),
    source!("controls.tsv"),
    source!("system-signs.tsv"),
    source!("windows-builds.tsv"),
    source!("windows-ntlm-builds.tsv"),
    source!("iis-windows.tsv"),
    source!("distro-eol.tsv"),
    source!("eol-products.tsv"),
    source!("unpatched-products.tsv"),
    source!("debian-backports.tsv"),
    source!("exploited-versions.tsv"),
    source!("advisories.tsv"),
    source!("releases.tsv"),
    source!("breach-clocks.tsv"),
    source!("change-kinds.tsv"),
    source!("oui-medical.tsv"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everything_that_is_compiled_in_is_understood() {
        let knowledge = Knowledge::compiled();
        assert_eq!(knowledge.faults(), []);
        assert_eq!(knowledge.rules().len(), 131);
        assert_eq!(knowledge.version(), "2026-11-23.1");
        assert_eq!(knowledge.dated(), Day::read("2026-11-23").unwrap().start());
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_its_words() {
        let knowledge = Knowledge::compiled();
        let names: BTreeSet<&str> = knowledge.rules().iter().map(Rule::id).collect();
        assert_eq!(names.len(), knowledge.rules().len());
        for rule in knowledge.rules() {
            assert!(
                rule.id().bytes().all(|o| o.is_ascii_lowercase() || o.is_ascii_digit() || o == b'-'),
                "{}",
                rule.id()
            );
            assert!(rule.version() >= 1 && !rule.title().is_empty() && !rule.remedy().is_empty(), "{}", rule.id());
            assert!(rule.traps().next().is_some(), "{} says no trap", rule.id());
            assert_eq!(knowledge.rule(rule.id()).map(Rule::id), Some(rule.id()));
        }
    }

    #[test]
    fn every_control_and_story_of_a_rule_is_listed() {
        let knowledge = Knowledge::compiled();
        let stories: BTreeSet<&str> =
            Table::new(include_str!("../knowledge/stories.tsv")).rows(["story"]).map(|[s]| s).collect();
        for rule in knowledge.rules() {
            for (framework, ids) in rule.controls() {
                for id in ids {
                    assert!(knowledge.control(framework, id).is_some(), "{}: {framework} {id}", rule.id());
                }
            }
            for story in rule.stories() {
                assert!(stories.contains(story), "{}: {story}", rule.id());
            }
        }
    }

    #[test]
    fn every_text_is_in_the_hash() {
        let original = hash_of(SOURCES);
        assert_eq!(original, Knowledge::compiled().hash());
        for at in 0..SOURCES.len() {
            let mut changed = SOURCES.to_vec();
            let text: String = changed[at].1.replacen('e', "f", 1);
            changed[at].1 = Box::leak(if text == changed[at].1 { text + " " } else { text }.into_boxed_str());
            assert_ne!(hash_of(&changed), original, "{}", SOURCES[at].0);
        }
        // A line that moves from one file to the next is a change too.
        assert_ne!(hash_of(&[("a", "xy"), ("b", "z")]), hash_of(&[("a", "x"), ("b", "yz")]));
    }

    #[test]
    fn every_table_has_rows_and_every_row_its_columns() {
        for (path, text) in SOURCES.iter().filter(|(path, _)| path.ends_with(".tsv")) {
            let mut lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
            let columns = lines.next().unwrap().split('\t').count();
            let mut rows = 0;
            for line in lines {
                assert_eq!(line.split('\t').count(), columns, "{path}: {line}");
                rows += 1;
            }
            assert!(rows > 0, "{path}");
        }
    }

    #[test]
    fn makers_are_found_by_their_longest_prefix() {
        let knowledge = Knowledge::compiled();
        assert_eq!(knowledge.maker([0x00, 0x13, 0xdd, 1, 2, 3]), Some("Abbott Diagnostics"));
        assert_eq!(knowledge.maker([0x70, 0xb3, 0xd5, 0x53, 0xf1, 2]), Some("Abbott Diagnostics Technologies AS"));
        assert_eq!(knowledge.maker_of_block([0x00, 0x13, 0xdd]), Some("Abbott Diagnostics"));
        assert_eq!(knowledge.maker_of_block([0x70, 0xb3, 0xd5]), None, "a block that many share");
        assert_eq!(knowledge.maker([0x02, 0x13, 0xdd, 1, 2, 3]), None);
        assert_eq!(knowledge.maker([0xfc; 6]), None);
    }
}
