//! What the named programs of a service or host are worth: `sw.*`, `dicom.toolkit_age`, `mirth.version_age`.
//!
//! Keeps: for each program that names a version how its cycle stands, how good the number is as a proof, how far behind
//! its distribution it is, and whether a hole in it is known to be used. Drops: programs without a version.

use super::Heard;
use crate::date::Day;
use crate::knowledge::{Knowledge, table};
use crate::lifecycle::{self, Cycle, Support};
use crate::version::{debian_order, leading_numbers};
use crate::vocabulary::Values;
use auscult_report::fact::{Fact, Software, SoftwarePlace};
use auscult_report::version::Version;
use core::cmp::Ordering;
use std::collections::BTreeMap;

/// What one program makes of the values about programs.
#[derive(Debug)]
pub(crate) struct Variant<'k> {
    /// The sighting that it comes from.
    pub(crate) sighting: usize,
    /// `sw.*`
    pub(crate) values: Values<'k>,
    /// The worse off, the smaller.
    pub(super) rank: u8,
}

/// The programs that were judged already: a hundred services name the same one.
#[derive(Debug, Default)]
pub(super) struct Programs(BTreeMap<(Software, bool), Option<Program>>);

impl Programs {
    /// Of each program that was named with a version, in the order of the sightings.
    pub(super) fn variants<'k>(
        &mut self,
        knowledge: &'k Knowledge,
        heard: &Heard<'_>,
        is_windows: bool,
        today: Day,
    ) -> Vec<Variant<'k>> {
        let named = heard.placed(|f| if let Fact::Software(s) = f { Some(*s) } else { None });
        let mut variants = Vec::new();
        for (software, sighting) in named {
            let judged = self.0.entry((software, is_windows));
            let Some(program) = judged.or_insert_with(|| Program::of(&software, is_windows, today)) else { continue };
            let mut values = Values::new(knowledge.vocabulary());
            program.put(&mut values);
            variants.push(Variant { sighting, values, rank: program.rank() });
        }
        variants.sort_by_key(|v| v.sighting);
        variants
    }
}

/// What all programs of a service tell together.
pub(super) fn of_all(heard: &Heard<'_>, today: Day, values: &mut Values<'_>) {
    let named = heard.each(|f| if let Fact::Software(s) = f { Some(*s) } else { None });
    // The newest toolkit: a second program behind the same port may be a test.
    let toolkits = named.keys().filter(|s| s.place == SoftwarePlace::Implementation);
    let released = toolkits.filter_map(|s| released_by(s.product.name(), s.version?.numbers(), "toolkit")).max();
    if let Some(day) = released {
        let age = match day.years_until(today) {
            ..OLD_YEARS => "current",
            OLD_YEARS..VERY_OLD_YEARS => "old",
            _ => "very-old",
        };
        values.word("dicom.toolkit_age", Some(age));
    }
    let mirth = named.keys().find(|s| s.product.name() == MIRTH && s.version.is_some());
    if let Some(version) = mirth.and_then(|s| s.version) {
        let is_exploited = exploited(MIRTH, version.numbers(), false).is_some();
        values.word("mirth.version_age", Some(if is_exploited { "known-exploited" } else { "fixed" }));
    }
}

/// Whether a program that was named stands in a security notice about medical software (`advisories.tsv`).
pub(super) fn has_advisory(heard: &Heard<'_>) -> bool {
    let named = heard.each(|f| if let Fact::Software(s) = f { Some(*s) } else { None });
    named.keys().any(|software| {
        let Some(version) = software.version else { return false };
        let mut rows = table("advisories.tsv").rows_of(software.product.name(), ["below"]);
        rows.any(|[below]| version.numbers() < padded(below))
    })
}

/// How good a version is as a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It names its distribution's revision.
    Revision,
    /// No distribution mends this product: its cycle is the proof.
    Cycle,
    /// A number only: a distribution may have mended it without changing the number.
    NumberOnly,
}

/// What is known of one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Program {
    support: Option<Support>,
    proof: Proof,
    behind: Option<u32>,
    is_exploited: bool,
    age_years: Option<i64>,
}

impl Program {
    fn of(software: &Software, is_windows: bool, today: Day) -> Option<Program> {
        let version = software.version?;
        let (name, numbers) = (software.product.name(), version.numbers());
        let product = software.product.lifecycle();
        let cycle = product.and_then(|p| lifecycle::cycle(p, numbers, today));
        let distribution = software.revision.and_then(|r| Distribution::of(&r));
        let hole = exploited(name, numbers, is_windows);
        let is_unpatched = product.is_some_and(|p| is_unpatched(p, numbers));
        let proof = if distribution.is_some() {
            Proof::Revision
        } else if is_windows || is_unpatched || hole == Some(true) {
            Proof::Cycle
        } else {
            Proof::NumberOnly
        };
        // The number of a program that its distribution mends does not tell whether this hole was mended.
        let is_exploited = hole == Some(true) || (hole.is_some() && proof != Proof::Revision);
        let of_cycle = cycle.map(|c| c.support);
        let support = match distribution {
            None => of_cycle,
            // The distribution mends what upstream has ended, as long as it lives itself.
            Some(d) => of_cycle.and_then(|c| if c == Support::Ended { d.support(today) } else { Some(c) }),
        };
        Some(Program {
            support,
            proof,
            behind: behind(software, &version, distribution, today),
            is_exploited,
            age_years: age_years(name, numbers, cycle, today),
        })
    }

    fn put(&self, values: &mut Values<'_>) {
        let proof = match self.proof {
            Proof::Revision => "revision",
            Proof::Cycle => "cycle",
            Proof::NumberOnly => "number-only",
        };
        values.word("sw.support", Some(self.support.map_or("unknown", Support::word)));
        values.word("sw.proof", Some(proof));
        values.flag("sw.kev", self.is_exploited);
        if let Some(behind) = self.behind {
            values.number("sw.behind", behind);
        }
        if let Some(years) = self.age_years.and_then(|y| u32::try_from(y).ok()) {
            values.number("sw.age_years", years);
        }
    }

    fn rank(&self) -> u8 {
        let support = match self.support {
            Some(Support::Ended) => 0,
            Some(Support::PaidOnly) => 2,
            Some(Support::Ending) => 4,
            Some(Support::Supported) => 6,
            None => 8,
        };
        if self.proof == Proof::NumberOnly { support | 1 } else { support }
    }
}

/// The distribution that a revision names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distribution {
    /// `2+deb12u10`: 12.
    Debian(u8),
    /// `0ubuntu0.22.04.1`: 22, 4. Without a release (`4ubuntu2.29`) none.
    Ubuntu(Option<(u8, u8)>),
}

impl Distribution {
    fn of(revision: &Version) -> Option<Distribution> {
        let text = revision.as_str();
        if let Some((_, rest)) = text.split_once("deb") {
            let release = u8::try_from(*leading_numbers(rest).first()?).ok()?;
            return rest.contains('u').then_some(Distribution::Debian(release));
        }
        let (_, rest) = text.split_once("ubuntu")?;
        let numbers = leading_numbers(rest.strip_prefix("0.").or_else(|| rest.strip_prefix('.')).unwrap_or_default());
        let release = |n: usize| numbers.get(n).and_then(|n| u8::try_from(*n).ok());
        // Releases are years and months: 22.04, and not the 2.29 of a revision.
        let release =
            release(0).zip(release(1)).filter(|(year, month)| (12..=60).contains(year) && matches!(month, 4 | 10));
        Some(Distribution::Ubuntu(release))
    }

    fn support(self, today: Day) -> Option<Support> {
        match self {
            Distribution::Debian(release) => lifecycle::distribution("debian", (release, 0), today),
            Distribution::Ubuntu(release) => lifecycle::distribution("ubuntu", release?, today),
        }
    }
}

/// Whether no distribution mends this version of a product (`unpatched-products.tsv`).
fn is_unpatched(product: &str, numbers: [u32; 4]) -> bool {
    let mut rows = table("unpatched-products.tsv").rows_of(product, ["below"]);
    rows.any(|[below]| below == "-" || numbers < padded(below))
}

/// Whether a version stands in a range of `exploited-versions.tsv`, and if so whether the bare number is good.
fn exploited(product: &str, numbers: [u32; 4], is_windows: bool) -> Option<bool> {
    let columns = ["from", "below", "needs", "number_is_proof"];
    table("exploited-versions.tsv")
        .rows_of(product, columns)
        .filter(|[from, below, needs, _]| {
            let fits = *needs != "windows" || is_windows;
            fits && padded(from) <= numbers && numbers < padded(below)
        })
        .map(|[.., is_proof]| is_proof == "yes")
        .max()
}

fn padded(text: &str) -> [u32; 4] {
    let mut numbers = [0; 4];
    for (slot, number) in numbers.iter_mut().zip(leading_numbers(text)) {
        *slot = number;
    }
    numbers
}

/// Revisions of the same release of the distribution that mend holes, are newer than the one heard, and were there for
/// [`GRACE_DAYS`]. None where the table does not know the package.
fn behind(software: &Software, version: &Version, distribution: Option<Distribution>, today: Day) -> Option<u32> {
    let Some(Distribution::Debian(release)) = distribution else { return None };
    let package = match PACKAGES.iter().find(|(name, _)| *name == software.product.name()) {
        Some((_, package)) => *package,
        None => return None,
    };
    let [major, ..] = version.numbers();
    let package = if package.ends_with('-') { format!("{package}{major}") } else { package.to_owned() };
    let heard = format!("{version}-{}", software.revision?);
    let suffix = format!("deb{release}u");
    let columns = ["suite", "debian_version", "date", "cve_count"];
    let (mut rows, mut newer) = (0u32, 0u32);
    for [suite, revision, date, holes] in table("debian-backports.tsv").rows_of(&package, columns) {
        if !revision.contains(&suffix) {
            continue;
        }
        rows = rows.saturating_add(1);
        let mends = suite.ends_with("-security") || holes != "0";
        let was_there = Day::read(date).is_some_and(|d| d.until(today) > GRACE_DAYS);
        if mends && was_there && debian_order(revision, &heard) == Ordering::Greater {
            newer = newer.saturating_add(1);
        }
    }
    (rows > 0).then_some(newer)
}

/// The least age that a version can have, in years: by `releases.tsv`; else the first version of a cycle is as old as
/// the cycle, and every version of a cycle that ended is at least as old as its end.
fn age_years(product: &str, numbers: [u32; 4], cycle: Option<Cycle>, today: Day) -> Option<i64> {
    let listed = released_by(product, numbers, "small system");
    let first = cycle.filter(|c| padded(c.name) == numbers).and_then(|c| c.released);
    let ended = cycle.filter(|c| c.support == Support::Ended).and_then(|c| c.end);
    [listed, first, ended].into_iter().flatten().map(|day| day.years_until(today)).max()
}

/// The day by which a version was released, by the row with the most numbers that it begins with.
fn released_by(product: &str, numbers: [u32; 4], kind: &str) -> Option<Day> {
    table("releases.tsv")
        .rows_of(product, ["version", "released_by", "kind"])
        .filter(|[.., k]| *k == kind)
        .map(|[version, day, _]| (leading_numbers(version), day))
        .filter(|(version, _)| numbers.starts_with(version))
        .max_by_key(|(version, _)| version.len())
        .and_then(|(_, day)| Day::read(day))
}

/// The source packages of `debian-backports.tsv` whose products name a revision; one that ends in `-` has the major
/// number behind it.
const PACKAGES: &[(&str, &str)] =
    &[("OpenSSH", "openssh"), ("MariaDB", "mariadb"), ("BIND", "bind9"), ("PostgreSQL", "postgresql-")];

/// Days that an update may wait to be installed.
const GRACE_DAYS: i64 = 30;

/// From this age on a toolkit is old.
const OLD_YEARS: i64 = 3;

/// From this age on it is very old.
const VERY_OLD_YEARS: i64 = 6;

const MIRTH: &str = "Mirth Connect";

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::product::Product;

    fn today() -> Day {
        Day::read("2026-11-21").unwrap()
    }

    fn software(product: &str, version: &str, revision: &str) -> Software {
        Software {
            product: Product::named(product).unwrap(),
            version: Version::exact(version.as_bytes()),
            revision: Version::exact(revision.as_bytes()),
            place: SoftwarePlace::Greeting,
        }
    }

    fn program(product: &str, version: &str, revision: &str) -> Program {
        Program::of(&software(product, version, revision), false, today()).unwrap()
    }

    #[test]
    fn a_bare_number_proves_nothing_unless_nobody_else_mends_it() {
        let nginx = program("nginx", "1.22.1", "");
        assert_eq!((nginx.support, nginx.proof), (Some(Support::Ended), Proof::NumberOnly));
        let apache = program("Apache httpd", "2.2.15", "");
        assert_eq!((apache.support, apache.proof), (Some(Support::Ended), Proof::Cycle));
        let mongodb = program("MongoDB", "3.4.10", "");
        assert_eq!((mongodb.support, mongodb.proof), (Some(Support::Ended), Proof::Cycle));
        assert!(!mongodb.is_exploited);
        let php = Program::of(&software("PHP", "5.4.16", ""), true, today()).unwrap();
        assert_eq!((php.support, php.proof, php.is_exploited), (Some(Support::Ended), Proof::Cycle, true));
    }

    #[test]
    fn a_distribution_mends_what_upstream_has_ended() {
        // PostgreSQL 13 ended; Debian 11 lives on in its paid programme, Debian 8 does not.
        let (deb11, deb8) = (program("PostgreSQL", "13.14", "0+deb11u1"), program("PostgreSQL", "9.4.26", "0+deb8u1"));
        assert_eq!((deb11.support, deb11.proof), (Some(Support::PaidOnly), Proof::Revision));
        assert_eq!((deb8.support, deb8.proof), (Some(Support::Ended), Proof::Revision));
        // A revision of Ubuntu without a release: nobody knows.
        let php = program("PHP", "7.4.3", "4ubuntu2.29");
        assert_eq!((php.support, php.proof), (None, Proof::Revision));
        let php = program("PHP", "5.2.4", "2ubuntu5.10");
        assert_eq!((php.is_exploited, php.proof), (false, Proof::Revision));
        assert_eq!(program("MySQL", "8.0.43", "0ubuntu0.22.04.1").support, Some(Support::Supported));
    }

    #[test]
    fn what_a_distribution_mended_since_is_counted() {
        assert_eq!(program("OpenSSH", "9.2p1", "2+deb12u10").behind, Some(0));
        let old = program("OpenSSH", "9.2p1", "2+deb12u2").behind.unwrap();
        assert!((3..=8).contains(&old), "{old}");
        // Published on 2026-11-13: eight days are no delay.
        assert_eq!(program("PostgreSQL", "15.19", "0+deb12u1").behind, Some(0));
        assert!(program("PostgreSQL", "15.5", "0+deb12u1").behind.unwrap() >= 5);
        assert_eq!(program("BIND", "9.18.49", "1~deb12u3").behind, Some(0));
        assert!(program("MariaDB", "10.11.6", "0+deb12u1").behind.unwrap() >= 1);
        // Nothing is known of what Debian 11 and Ubuntu published.
        assert_eq!(program("OpenSSH", "8.4p1", "5+deb11u1").behind, None);
        assert_eq!(program("OpenSSH", "8.9p1", "3ubuntu0.7").behind, None);
    }

    #[test]
    fn holes_that_are_used_are_found_by_their_ranges() {
        for (product, version, is_exploited, proof) in [
            ("Apache httpd", "2.4.49", true, Proof::Cycle),
            ("Apache httpd", "2.4.50", true, Proof::Cycle),
            ("Apache httpd", "2.4.51", false, Proof::NumberOnly),
            ("Apache httpd", "2.4.48", false, Proof::NumberOnly),
            ("Exim", "4.91", true, Proof::NumberOnly),
            ("Exim", "4.92", false, Proof::NumberOnly),
            ("Kibana", "6.5.4", true, Proof::Cycle),
            ("Kibana", "6.6.1", false, Proof::Cycle),
            ("MongoDB", "7.0.27", true, Proof::Cycle),
            ("MongoDB", "7.0.28", false, Proof::Cycle),
            ("PHP", "8.1.2", false, Proof::NumberOnly),
        ] {
            let program = program(product, version, "");
            assert_eq!((program.is_exploited, program.proof), (is_exploited, proof), "{product} {version}");
        }
    }

    #[test]
    fn an_age_is_the_least_it_can_be() {
        assert_eq!(program("Dropbear", "2019.78", "").age_years, Some(6));
        assert_eq!(program("udhcp", "1.24.2", "").age_years, Some(9));
        assert_eq!(program("nginx", "1.22.1", "").age_years, Some(3));
        // Its cycle is from 2012 and lives: the version may be of yesterday.
        assert_eq!(program("Apache httpd", "2.4.66", "").age_years, None);
        assert_eq!(program("PostgreSQL", "10", "").age_years, Some(9));
    }

    #[test]
    fn the_products_of_the_tables_are_in_the_list_of_the_paper() {
        for file in ["exploited-versions.tsv", "releases.tsv"] {
            for [product] in table(file).rows(["product"]) {
                assert!(Product::named(product).is_some(), "{file}: {product}");
            }
        }
        for [product] in table("unpatched-products.tsv").rows(["product"]) {
            assert!(table("eol-products.tsv").rows_of(product, ["cycle"]).next().is_some(), "{product}");
        }
    }
}
