//! The software of a service, by the names and versions that it gave: `sw.*`, `dicom.toolkit_age`.
//!
//! The backport trap (`banner-precision.tsv`): a distribution mends a hole without changing the number that a banner
//! shows. So a version proves something only with the distribution's revision beside it, or for a product whose cycles
//! no distribution mends; a number alone stays a number.
//! Keeps: of several products of one service the one that says the most. Drops: the rest.

use crate::knowledge::{DEBIAN_BACKPORTS, DISTRO_EOL, EOL_PRODUCTS, Knowledge, TOOLKIT_RELEASES, VERSION_CVES};
use crate::support::{Support, later};
use crate::table::{Row, day_of};
use crate::value::{Value, Values};
use auscult_report::fact::{Software, SoftwarePlace};
use auscult_report::time::Timestamp;
use auscult_report::version::Version;
use std::borrow::Cow;

/// How much a version proves: `sw.proof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// A number that a distribution may have mended behind its back.
    NumberOnly,
    /// A product whose cycles no distribution mends.
    Cycle,
    /// The distribution's revision stands beside it.
    Revision,
}

impl Proof {
    /// The word of `sw.proof`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Proof::NumberOnly => "number-only",
            Proof::Cycle => "cycle",
            Proof::Revision => "revision",
        }
    }
}

/// Adds what the named software says.
pub(super) fn add(values: &mut Values, named: impl Iterator<Item = Software>, _: &Knowledge, now: Timestamp) {
    let named: Vec<Software> = named.collect();
    let judged = named.iter().filter_map(|s| Judged::of(s, now));
    if let Some(judged) = judged.max_by_key(Judged::weight) {
        judged.state(values);
    }
    let toolkit = named.iter().find(|s| s.place == SoftwarePlace::Implementation);
    if let Some(toolkit) = toolkit {
        values.insert(Cow::Borrowed("dicom.toolkit_age"), Value::word(toolkit_age(toolkit, now)));
    }
}

struct Judged {
    support: Option<Support>,
    proof: Proof,
    behind: u32,
    exploited: bool,
    age_years: Option<f64>,
}

impl Judged {
    fn of(software: &Software, now: Timestamp) -> Option<Judged> {
        let version = software.version?;
        let release = software.revision.as_ref().and_then(release_of);
        let cycle = cycle(software, &version);
        // Apache's 2.2 and older are carried by no distribution any more (`banner-precision.tsv`).
        let old_apache = software.product.name() == "Apache httpd" && version.numbers() < [2, 3, 0, 0];
        let is_cycle = old_apache || CYCLE_PRODUCTS.contains(&software.product.name());
        let proof = match (&release, is_cycle) {
            (Some(_), _) => Proof::Revision,
            (None, true) => Proof::Cycle,
            (None, false) => Proof::NumberOnly,
        };
        // With a revision it is the distribution that mends, not the maker.
        let support = match &release {
            Some(row) => {
                Some(Support::at(now, later(row.cell("eol"), row.cell("lts_end")), day_of(row.cell("paid_end"))))
            }
            None => cycle.as_ref().and_then(|row| cycle_support(row, now)),
        };
        let released = cycle.as_ref().and_then(|row| day_of(row.cell("released")));
        let today = i64::try_from(now.days()).unwrap_or(i64::MAX);
        let age_years =
            released.and_then(|day| i32::try_from(today.saturating_sub(day)).ok()).map(|d| f64::from(d) / 365.25);
        let behind = software.revision.map_or(0, |r| behind(software, &version, &r));
        Some(Judged { support, proof, behind, exploited: exploited(software, &version), age_years })
    }

    /// The surer and the worse says more.
    fn weight(&self) -> (bool, Proof, bool, u32) {
        let ended = self.support == Some(Support::Ended) || self.exploited || self.behind > 0;
        (ended, self.proof, self.support.is_some(), self.behind)
    }

    fn state(&self, values: &mut Values) {
        let mut set = |name: &'static str, value: Value| values.insert(Cow::Borrowed(name), value);
        set("sw.support", Value::word(self.support.map_or("unknown", Support::word)));
        set("sw.proof", Value::word(self.proof.word()));
        set("sw.behind", Value::count(self.behind));
        set("sw.kev", Value::Bool(self.exploited));
        if let Some(years) = self.age_years {
            set("sw.age_years", Value::Number((years * 10.0).round() / 10.0));
        }
    }
}

/// The cycle that a version belongs to: the longest one whose numbers it begins with.
fn cycle(software: &Software, version: &Version) -> Option<Row> {
    let product = software.product.lifecycle()?;
    let heard: Vec<&str> = version.as_str().split(|c: char| !c.is_ascii_digit()).collect();
    EOL_PRODUCTS
        .rows()
        .filter(|r| r.cell("product") == product)
        .filter(|r| {
            let cycle: Vec<&str> = r.cell("cycle").split('.').collect();
            cycle.len() <= heard.len() && cycle.iter().zip(&heard).all(|(a, b)| a == b)
        })
        .max_by_key(|r| r.cell("cycle").len())
}

fn cycle_support(row: &Row, now: Timestamp) -> Option<Support> {
    if row.cell("eol") == "none" {
        return Some(Support::Supported);
    }
    Some(Support::at(now, Some(day_of(row.cell("eol"))?), day_of(row.cell("extended_end"))))
}

/// The release of Debian or Ubuntu that a revision belongs to: `2+deb12u10`, `0ubuntu0.22.04.1`.
fn release_of(revision: &Version) -> Option<Row> {
    let text = revision.as_str();
    let (distro, version) = if let Some((_, rest)) = text.split_once("deb") {
        ("debian", rest.split('u').next()?.to_owned())
    } else {
        let (_, rest) = text.split_once("ubuntu")?;
        let mut parts = rest.split('.').skip(1);
        ("ubuntu", format!("{}.{}", parts.next()?, parts.next()?))
    };
    DISTRO_EOL.rows().find(|r| r.cell("distro") == distro && r.cell("version") == version)
}

/// Security revisions of the same upstream version and the same Debian release that came after the one heard.
fn behind(software: &Software, version: &Version, revision: &Version) -> u32 {
    let Some((release, heard)) = debian_update(revision.as_str()) else { return 0 };
    let Some((_, source)) = DEBIAN_SOURCES.iter().find(|(name, _)| *name == software.product.name()) else { return 0 };
    let later = DEBIAN_BACKPORTS.rows().filter(|r| {
        r.cell("source_package") == *source
            && r.cell("upstream_in_banner") == version.as_str()
            && debian_update(r.cell("debian_version")).is_some_and(|(d, u)| d == release && u > heard)
    });
    u32::try_from(later.count()).unwrap_or(u32::MAX)
}

/// `..deb12u10`: 12 and 10.
fn debian_update(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.rsplit_once("deb")?;
    let (release, update) = rest.split_once('u')?;
    Some((release.parse().ok()?, update.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?))
}

/// Whether the version is in the range of a hole that is known to be exploited and can be told by its number.
fn exploited(software: &Software, version: &Version) -> bool {
    VERSION_CVES
        .rows()
        .filter(|r| r.cell("in_kev").starts_with("yes") && r.cell("product") == software.product.name())
        .filter(|r| !r.cell("what_is_heard").contains("non-default"))
        .any(|r| is_affected(r.cell("affected"), version))
}

/// Ranges as the table writes them: `before 4.4.1`, `2.4.49 only`, `2.4.49 and 2.4.50`, `4.87 to 4.91`. Anything else
/// is not judged.
fn is_affected(range: &str, version: &Version) -> bool {
    let number = |text: &str| Version::exact(text.trim().as_bytes()).map(|v| v.numbers());
    let heard = version.numbers();
    if let Some(limit) = range.strip_prefix("before ").and_then(number) {
        return heard < limit;
    }
    if let Some(only) = range.strip_suffix(" only").and_then(number) {
        return heard == only;
    }
    if let Some((a, b)) = range.split_once(" and ") {
        return number(a) == Some(heard) || number(b) == Some(heard);
    }
    if let Some((Some(a), Some(b))) = range.split_once(" to ").map(|(a, b)| (number(a), number(b))) {
        return (a..=b).contains(&heard);
    }
    false
}

/// `dicom.toolkit_age`: old over 3 years, very old over 6.
fn toolkit_age(toolkit: &Software, now: Timestamp) -> &'static str {
    let released = toolkit.version.and_then(|version| {
        let mut rows = TOOLKIT_RELEASES.rows();
        let row =
            rows.find(|r| r.cell("product") == toolkit.product.name() && r.cell("version") == version.as_str())?;
        day_of(row.cell("released"))
    });
    let Some(released) = released else { return "unknown" };
    match i64::try_from(now.days()).unwrap_or(i64::MAX).saturating_sub(released) {
        days if days > 6 * 365 => "very-old",
        days if days > 3 * 365 => "old",
        _ => "current",
    }
}

/// Products whose cycles no distribution mends (`banner-precision.tsv`: "product" or "build"), or that distributions do
/// not carry at all.
const CYCLE_PRODUCTS: &[&str] = &[
    "Microsoft IIS",
    "Windows",
    "Microsoft SQL Server",
    "Microsoft Exchange",
    "Microsoft SMTP",
    "FileZilla Server",
    "MongoDB",
    "Elasticsearch",
    "Kibana",
    "Mirth Connect",
    "Oracle Database",
    "InfluxDB",
    "HAPI FHIR",
    "Cisco IOS",
];

/// Our name of a product, and Debian's of its source.
const DEBIAN_SOURCES: &[(&str, &str)] = &[
    ("OpenSSH", "openssh"),
    ("MariaDB", "mariadb"),
    ("PostgreSQL", "postgresql-15"),
    ("BIND", "bind9"),
    ("Samba", "samba"),
    ("Dropbear", "dropbear"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::product::Product;

    fn judged(product: &str, version: &str, revision: Option<&str>) -> Values {
        let software = Software {
            product: Product::named(product).unwrap(),
            version: Version::exact(version.as_bytes()),
            revision: revision.and_then(|r| Version::exact(r.as_bytes())),
            place: SoftwarePlace::Greeting,
        };
        let mut values = Values::new();
        add(&mut values, [software].into_iter(), &Knowledge::compiled(), Timestamp::from_seconds(20_778 * 86_400));
        values
    }

    fn word(values: &Values, name: &str) -> String {
        values.get(name).map_or_else(String::new, ToString::to_string)
    }

    #[test]
    fn a_data_base_that_no_distribution_mends_is_old_by_its_number() {
        let values = judged("MongoDB", "3.4.10", None);
        assert_eq!((word(&values, "sw.support"), word(&values, "sw.proof")), ("ended".into(), "cycle".into()));
    }

    #[test]
    fn a_number_that_a_distribution_may_have_mended_stays_a_number() {
        let values = judged("nginx", "1.22.1", None);
        assert_eq!((word(&values, "sw.support"), word(&values, "sw.proof")), ("ended".into(), "number-only".into()));
    }

    #[test]
    fn with_a_revision_the_distribution_counts_and_missing_updates_are_counted() {
        let values = judged("OpenSSH", "9.2p1", Some("2+deb12u3"));
        assert_eq!((word(&values, "sw.support"), word(&values, "sw.proof")), ("supported".into(), "revision".into()));
        assert!(matches!(values.get("sw.behind"), Some(Value::Number(n)) if *n >= 1.0), "{values:?}");
        let newest = judged("OpenSSH", "9.2p1", Some("2+deb12u99"));
        assert_eq!(word(&newest, "sw.behind"), "0");
        let values = judged("MySQL", "8.0.43", Some("0ubuntu0.22.04.1"));
        assert_eq!((word(&values, "sw.support"), word(&values, "sw.proof")), ("supported".into(), "revision".into()));
    }

    #[test]
    fn the_longest_cycle_wins() {
        assert_eq!(word(&judged("MariaDB", "10.11.19", None), "sw.support"), "supported");
        assert_eq!(word(&judged("OpenSSL", "1.0.2k", None), "sw.support"), "ended");
        assert_eq!(word(&judged("PostgreSQL", "9.6.24", None), "sw.support"), "ended");
    }

    #[test]
    fn ranges_of_known_holes_are_read_as_they_are_written() {
        let affected = |range, version: &str| is_affected(range, &Version::exact(version.as_bytes()).unwrap());
        assert!(affected("before 4.4.1", "4.4.0") && !affected("before 4.4.1", "4.4.1"));
        assert!(affected("2.4.49 only", "2.4.49") && !affected("2.4.49 only", "2.4.50"));
        assert!(affected("2.4.49 and 2.4.50", "2.4.50"));
        assert!(affected("4.87 to 4.91", "4.90") && !affected("4.87 to 4.91", "4.92"));
        assert!(!affected("see advisory", "1.0"));
    }
}
