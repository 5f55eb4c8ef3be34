//! Knowledge: the catalogue of rules and the dated tables, compiled in, with a version and a hash.
//! Keeps: what `knowledge/` holds. Drops: nothing; a catalogue that does not parse does not pass its test.

use crate::rule::{Rule, read_rules};
use crate::table::{Table, day_of};
use auscult_report::time::{MS_PER_DAY, Timestamp};
use sha2::{Digest, Sha256};

/// What is known of the world, at a date.
#[derive(Clone, Debug)]
pub struct Knowledge {
    rules: Vec<Rule>,
}

impl Knowledge {
    /// The knowledge that this program was built with.
    #[must_use]
    pub fn compiled() -> Knowledge {
        // A group that does not parse is left out here and fails the test that counts the rules.
        Knowledge {
            rules: GROUPS.iter().flat_map(|(group, text)| read_rules(group, text).unwrap_or_default()).collect(),
        }
    }

    /// Its version: the date of its tables and a number.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        VERSION
    }

    /// SHA-256 over every text in it, each with its name and length before it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let groups = GROUPS.iter().map(|(name, text)| (*name, *text));
        let tables = TABLES.iter().map(|(name, table)| (*name, table.text()));
        hash_of(groups.chain(tables))
    }

    /// The date of its tables.
    #[must_use]
    pub fn dated(&self) -> Timestamp {
        let days = VERSION.get(..10).and_then(day_of).and_then(|d| u64::try_from(d).ok()).unwrap_or(0);
        Timestamp(days.saturating_mul(MS_PER_DAY))
    }

    /// The rules, in the order of the catalogue.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The maker of medical equipment that a hardware address belongs to (a hint, never a proof): the longest prefix of
    /// 36, 28 or 24 bits.
    #[must_use]
    pub fn maker(&self, hardware: [u8; 6]) -> Option<&'static str> {
        if hardware.first().is_some_and(|o| o & 2 != 0) {
            return None;
        }
        let digits: String = hardware.iter().map(|o| format!("{o:02X}")).collect();
        OUI_MEDICAL
            .rows()
            .filter(|r| !r.cell("prefix_hex").is_empty() && digits.starts_with(r.cell("prefix_hex")))
            .max_by_key(|r| r.cell("prefix_hex").len())
            .map(|r| r.cell("organisation"))
    }
}

fn hash_of<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"auscult.dev/knowledge/v1\0");
    for (name, text) in texts {
        for part in [name, text] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hash.finalize().into()
}

/// The date of the tables, and a number that grows when they change within a day.
const VERSION: &str = "2026-11-21.1";

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../knowledge/", $name))
    };
}

/// The catalogue, a group a file.
const GROUPS: &[(&str, &str)] = &[
    ("wifi", text!("findings/wifi.txt")),
    ("imaging", text!("findings/imaging.txt")),
    ("messaging", text!("findings/messaging.txt")),
    ("portal", text!("findings/portal.txt")),
    ("database", text!("findings/database.txt")),
    ("remote", text!("findings/remote.txt")),
    ("patch", text!("findings/patch.txt")),
    ("mail", text!("findings/mail.txt")),
    ("dns", text!("findings/dns.txt")),
    ("change", text!("findings/change.txt")),
    ("sensor", text!("findings/sensor.txt")),
];

/// The names, types and meanings of facts.
pub const FACTS: Table = Table::new(text!("facts.tsv"));
/// Requirements by framework.
pub const CONTROLS: Table = Table::new(text!("controls.tsv"));
/// Windows builds and their last days.
pub const WINDOWS_BUILDS: Table = Table::new(text!("windows-builds.tsv"));
/// What NTLM really shows.
pub const WINDOWS_NTLM_BUILDS: Table = Table::new(text!("windows-ntlm-builds.tsv"));
/// Debian and Ubuntu releases.
pub const DISTRO_EOL: Table = Table::new(text!("distro-eol.tsv"));
/// IIS and the Windows below it.
pub const IIS_WINDOWS: Table = Table::new(text!("iis-windows.tsv"));
/// Product cycles and their ends.
pub const EOL_PRODUCTS: Table = Table::new(text!("eol-products.tsv"));
/// What Debian mended behind an unchanged banner.
pub const DEBIAN_BACKPORTS: Table = Table::new(text!("debian-backports.tsv"));
/// The few CVEs worth naming.
pub const VERSION_CVES: Table = Table::new(text!("version-cves.tsv"));
/// Release dates of DICOM toolkits.
pub const TOOLKIT_RELEASES: Table = Table::new(text!("toolkit-releases.tsv"));
/// Makers of medical equipment by hardware address.
pub const OUI_MEDICAL: Table = Table::new(text!("oui-medical.tsv"));

const TABLES: &[(&str, Table)] = &[
    ("facts", FACTS),
    ("controls", CONTROLS),
    ("windows-builds", WINDOWS_BUILDS),
    ("windows-ntlm-builds", WINDOWS_NTLM_BUILDS),
    ("distro-eol", DISTRO_EOL),
    ("iis-windows", IIS_WINDOWS),
    ("eol-products", EOL_PRODUCTS),
    ("debian-backports", DEBIAN_BACKPORTS),
    ("version-cves", VERSION_CVES),
    ("toolkit-releases", TOOLKIT_RELEASES),
    ("oui-medical", OUI_MEDICAL),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_whole_catalogue_parses() {
        for (group, text) in GROUPS {
            read_rules(group, text).unwrap();
        }
        let knowledge = Knowledge::compiled();
        assert_eq!(knowledge.rules().len(), 131);
        let ids: BTreeSet<_> = knowledge.rules().iter().map(Rule::id).collect();
        assert_eq!(ids.len(), 131, "an id stands twice");
        for rule in knowledge.rules() {
            assert!(!rule.title().is_empty() && !rule.heard().is_empty() && !rule.remedy().is_empty(), "{}", rule.id());
            assert!(rule.version() >= 1 && rule.confidence_percent() > 0, "{}", rule.id());
            assert!(["host", "service", "wireless", "site", "sensor"].contains(&rule.subject()), "{}", rule.id());
        }
    }

    #[test]
    fn every_condition_names_a_known_fact_and_a_word_of_its_list() {
        let types: BTreeMap<_, _> = FACTS.rows().map(|r| (r.cell("fact"), r.cell("type"))).collect();
        for rule in Knowledge::compiled().rules() {
            for test in rule.conditions().flat_map(|c| c.tests()) {
                let kind = types.get(test.fact.as_str()).unwrap_or_else(|| panic!("{}: {}", rule.id(), test.fact));
                let Some(words) = kind.strip_prefix("enum(").and_then(|k| k.strip_suffix(')')) else { continue };
                for value in &test.against {
                    let Value::Word(word) = value else { panic!("{}: {} is not tested by word", rule.id(), test.fact) };
                    assert!(words.split(',').any(|w| w == word), "{}: {} is never {word}", rule.id(), test.fact);
                }
            }
        }
    }

    #[test]
    fn every_control_is_in_the_table() {
        let known: BTreeSet<_> = CONTROLS.rows().map(|r| (r.cell("framework"), r.cell("id"))).collect();
        for rule in Knowledge::compiled().rules() {
            for (framework, ids) in rule.controls() {
                for id in ids {
                    assert!(known.contains(&(framework, id)), "{}: {framework} {id}", rule.id());
                }
            }
        }
    }

    #[test]
    fn the_hash_changes_with_any_octet_and_with_any_border() {
        let hash = |texts: &[(&'static str, &'static str)]| hash_of(texts.iter().copied());
        assert_ne!(hash(&[("a", "text")]), hash(&[("a", "texu")]));
        assert_ne!(hash(&[("a", "text")]), hash(&[("at", "ext")]));
        assert_ne!(hash(&[("a", "b"), ("c", "d")]), hash(&[("a", "bcd")]));
        assert_eq!(Knowledge::compiled().hash(), Knowledge::compiled().hash());
    }

    #[test]
    fn a_maker_is_found_by_its_longest_prefix_and_never_for_a_private_address() {
        let knowledge = Knowledge::compiled();
        assert_eq!(knowledge.maker([0x00, 0x13, 0xdd, 1, 2, 3]), Some("Abbott Diagnostics"));
        assert_eq!(knowledge.maker([0x02, 0x13, 0xdd, 1, 2, 3]), None);
        assert_eq!(knowledge.maker([0xff; 6]), None);
    }

    #[test]
    fn the_knowledge_is_dated() {
        assert_eq!(Knowledge::compiled().dated().days(), 20_778);
    }
}
