//! The system of a host, by the signs that it gave: `os.*`.
//!
//! One weak sign never says that a system is old: it takes a build number, two independent signs, or one that is trusted
//! with 85 % (`windows-by-agent.tsv`). A TCP SYN alone says nothing of age. NT 10.0 covers ten years of Windows: without
//! a build its age is unknown.
//! Keeps: best and likely case over every product that fits. Drops: signs that contradict the stronger ones.

use crate::knowledge::{DISTRO_EOL, WINDOWS_BUILDS, WINDOWS_NTLM_BUILDS};
use crate::support::{Support, later};
use crate::table::{Row, day_of};
use crate::value::{Value, Values};
use auscult_report::fact::{SignPlace, SystemFamily, SystemSign};
use auscult_report::time::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Adds what the signs say together.
pub(super) fn add(values: &mut Values, signs: impl Iterator<Item = SystemSign>, now: Timestamp) {
    let signs: Vec<SystemSign> = signs.collect();
    let Some(family) = family(&signs) else { return };
    let mut set = |name: &'static str, value: Value| values.insert(Cow::Borrowed(name), value);
    set("os.family", Value::word(family.word()));
    let verdict = match family {
        SystemFamily::Windows => windows(&signs, now),
        SystemFamily::Linux => linux(&signs, now),
        _ => None,
    };
    let Some(verdict) = verdict else { return };
    set("os.support", Value::word(verdict.best.word()));
    set("os.support_likely", Value::word(verdict.likely.word()));
    set("os.proof", Value::word(verdict.proof));
    set("os.signs", Value::count(verdict.signs));
    set("os.xp_age", Value::Bool(verdict.xp_age));
    if let Some(last) = verdict.last_day {
        let left = last.saturating_sub(i64::try_from(now.days()).unwrap_or(i64::MAX));
        set("os.days_to_end", Value::Number(i32::try_from(left).map_or(f64::MAX, f64::from)));
    }
}

struct Verdict {
    best: Support,
    likely: Support,
    proof: &'static str,
    signs: u32,
    xp_age: bool,
    last_day: Option<i64>,
}

/// The family with the most trust behind it.
fn family(signs: &[SystemSign]) -> Option<SystemFamily> {
    SystemFamily::ALL
        .iter()
        .copied()
        .filter(|f| *f != SystemFamily::Unknown)
        .map(|f| (signs.iter().filter(|s| s.family == f).map(|s| trust(s.place)).fold(0u32, u32::saturating_add), f))
        .filter(|(trust, _)| *trust > 0)
        .max_by_key(|(trust, _)| *trust)
        .map(|(_, f)| f)
}

fn windows(signs: &[SystemSign], now: Timestamp) -> Option<Verdict> {
    let windows: Vec<&SystemSign> = signs.iter().filter(|s| s.family == SystemFamily::Windows).collect();
    let classes: BTreeSet<&'static str> = windows.iter().filter_map(|s| kernel(s)).collect();
    let weight = |class: &str| {
        windows.iter().filter(|s| kernel(s) == Some(class)).map(|s| trust(s.place)).fold(0u32, u32::saturating_add)
    };
    let class = classes.into_iter().max_by_key(|c| weight(c))?;
    let agree: Vec<&&SystemSign> = windows.iter().filter(|s| kernel(s) == Some(class)).collect();
    // A browser and its engine are one program.
    let places: BTreeSet<SignPlace> = agree.iter().map(|s| s.place).collect();
    let built =
        agree.iter().filter(|s| s.build >= FIRST_BUILD && trust(s.place) >= SURE).max_by_key(|s| trust(s.place));
    let (builds, proof) = match built {
        Some(sign) => (candidates(sign), "build"),
        None if class == "10.0" => return None,
        None => {
            let sure = agree.iter().any(|s| trust(s.place) >= SURE_ALONE) || places.len() >= 2;
            (Vec::new(), if sure { "class" } else { "hint" })
        }
    };
    // A build that no table knows is never a finding.
    let fits = |row: &Row| {
        if builds.is_empty() { row.cell("nt") == class } else { builds.iter().any(|b| b == row.cell("build")) }
    };
    let rows: Vec<Row> = WINDOWS_BUILDS.rows().filter(fits).collect();
    if rows.is_empty() || places.iter().all(|p| *p == SignPlace::TcpSyn || *p == SignPlace::DhcpParameters) {
        return None;
    }
    let (best, last_day) = support(&rows, now);
    let likely: Vec<Row> = rows.iter().copied().filter(is_likely).collect();
    let likely = if likely.is_empty() { best } else { support(&likely, now).0 };
    let signs = u32::try_from(places.len()).unwrap_or(u32::MAX);
    Some(Verdict { best, likely, proof, signs, xp_age: matches!(class, "4.0" | "5.0" | "5.1" | "5.2"), last_day })
}

/// Every build that a sign may stand for: NTLM shows the base of a release, not its updates.
fn candidates(sign: &SystemSign) -> Vec<String> {
    let heard = sign.build.to_string();
    let base = WINDOWS_NTLM_BUILDS.rows().find(|r| r.cell("heard_in_ntlm") == heard);
    match base.filter(|_| sign.place == SignPlace::NtlmChallenge) {
        Some(row) => row.cell("may_be_builds").split(',').map(str::to_owned).collect(),
        None => vec![heard],
    }
}

/// The best case over products, and its last free day.
fn support(rows: &[Row], now: Timestamp) -> (Support, Option<i64>) {
    let free = rows.iter().filter_map(|r| day_of(r.cell("end_of_support"))).max();
    let paid = rows.iter().filter_map(|r| later(r.cell("esu_end"), "")).max();
    (Support::at(now, free, paid), free)
}

/// Editions that are seldom met leave the likely case: long-term and embedded ones of client Windows. Servers stay.
fn is_likely(row: &Row) -> bool {
    let (role, edition) = (row.cell("role"), row.cell("edition"));
    let rare = role == "embedded" || edition.contains("IoT") || edition.contains("Embedded");
    !(rare || role == "client" && (edition.contains("LTSC") || edition.contains("LTSB")))
}

/// The NT version that a sign stands for.
fn kernel(sign: &SystemSign) -> Option<&'static str> {
    let number = (sign.major, sign.minor);
    if sign.place == SignPlace::WebServer {
        // The number of IIS (iis-windows.tsv).
        return Some(match number {
            (5, 0) => "5.0",
            (5, 1) => "5.1",
            (6, 0) => "5.2",
            (7, 0) => "6.0",
            (7, 5) => "6.1",
            (8, 0) => "6.2",
            (8, 5) => "6.3",
            (10, 0) => "10.0",
            _ => return None,
        });
    }
    if sign.place == SignPlace::InternetExplorer {
        return None;
    }
    ["4.0", "5.0", "5.1", "5.2", "6.0", "6.1", "6.2", "6.3", "10.0"]
        .into_iter()
        .find(|nt| nt.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))) == Some(number))
}

fn linux(signs: &[SystemSign], now: Timestamp) -> Option<Verdict> {
    let told: Vec<&SystemSign> = signs.iter().filter(|s| s.family == SystemFamily::Linux && s.major > 0).collect();
    let released = told.iter().filter_map(|s| Some((s, release(s)?))).max_by_key(|(s, _)| trust(s.place))?;
    let (sign, row) = released;
    let free = later(row.cell("eol"), row.cell("lts_end"));
    let best = Support::at(now, free, day_of(row.cell("paid_end")));
    let places: BTreeSet<SignPlace> =
        told.iter().filter(|s| s.build == sign.build && s.major == sign.major).map(|s| s.place).collect();
    let signs = u32::try_from(places.len()).unwrap_or(u32::MAX);
    Some(Verdict { best, likely: best, proof: "release", signs, xp_age: false, last_day: free })
}

/// The release of a distribution that a sign names: `build` says which distribution (1 Debian, 2 Ubuntu).
fn release(sign: &SystemSign) -> Option<Row> {
    let (distro, version) = match sign.build {
        1 => ("debian", sign.major.to_string()),
        2 => ("ubuntu", format!("{}.{:02}", sign.major, sign.minor)),
        _ => return None,
    };
    // Ubuntu's table says "22.04 LTS" where a release has long support.
    DISTRO_EOL
        .rows()
        .find(|r| r.cell("distro") == distro && r.cell("version").split(' ').next() == Some(version.as_str()))
}

/// How far a sign is trusted, in percent: `windows-by-agent.tsv`, `distro-suffixes.tsv`.
const fn trust(place: SignPlace) -> u32 {
    match place {
        SignPlace::PackageRevision => 95,
        SignPlace::NtlmChallenge | SignPlace::SmbNativeOs | SignPlace::CryptoApi | SignPlace::DefaultPage => 90,
        SignPlace::DhcpKernel | SignPlace::DhcpVendor => 88,
        SignPlace::BrowserAnnouncement => 85,
        SignPlace::Ssdp | SignPlace::SshBanner | SignPlace::DnsVersion | SignPlace::SystemDescription => 80,
        SignPlace::Bits
        | SignPlace::WindowsUpdate
        | SignPlace::InternetExplorer
        | SignPlace::RdpClient
        | SignPlace::WebServer => 70,
        SignPlace::Browser | SignPlace::DhcpParameters => 60,
        SignPlace::NtlmClient | SignPlace::TcpSyn => 50,
    }
}

/// A build number is believed from here.
const SURE: u32 = 85;

/// One sign is enough from here.
const SURE_ALONE: u32 = 85;

/// Smaller numbers are not builds of Windows (NT 4.0 was 1381).
const FIRST_BUILD: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    const VERDICTS: Table = Table::new(include_str!("../../knowledge/windows-verdicts.tsv"));

    fn sign(place: SignPlace, major: u8, minor: u8, build: u32) -> SystemSign {
        SystemSign { place, family: SystemFamily::Windows, major, minor, build }
    }

    fn judged(signs: &[SystemSign]) -> Values {
        let mut values = Values::new();
        add(&mut values, signs.iter().copied(), Timestamp::from_seconds(20_778 * 86_400));
        values
    }

    fn word(values: &Values, name: &str) -> String {
        values.get(name).map_or_else(String::new, ToString::to_string)
    }

    #[test]
    fn every_verdict_of_the_table_is_ours() {
        let mut rows = 0;
        for row in VERDICTS.rows() {
            let build: u32 = row.cell("build").parse().unwrap();
            let nt = WINDOWS_BUILDS.rows().find(|r| r.cell("build") == row.cell("build")).unwrap().cell("nt");
            let (major, minor) = nt.split_once('.').unwrap();
            let place = if row.cell("heard_as") == "ntlm" { SignPlace::NtlmChallenge } else { SignPlace::SmbNativeOs };
            let values = judged(&[sign(place, major.parse().unwrap(), minor.parse().unwrap(), build)]);
            assert_eq!(word(&values, "os.support"), row.cell("best_case"), "{build} {}", row.cell("heard_as"));
            assert_eq!(word(&values, "os.support_likely"), row.cell("likely_case"), "{build} {}", row.cell("heard_as"));
            assert_eq!(word(&values, "os.proof"), "build");
            rows += 1;
        }
        assert_eq!(rows, 38);
    }

    #[test]
    fn one_weak_sign_is_a_hint_and_a_syn_is_nothing() {
        assert_eq!(word(&judged(&[sign(SignPlace::Browser, 5, 1, 0)]), "os.proof"), "hint");
        let values = judged(&[sign(SignPlace::TcpSyn, 5, 1, 0)]);
        assert_eq!((word(&values, "os.family"), word(&values, "os.support")), ("windows".to_owned(), String::new()));
    }

    #[test]
    fn two_programs_that_agree_make_a_class() {
        let values = judged(&[sign(SignPlace::CryptoApi, 5, 1, 2600), sign(SignPlace::BrowserAnnouncement, 5, 1, 0)]);
        assert_eq!(word(&values, "os.support"), "ended");
        assert_eq!(word(&values, "os.signs"), "2");
        assert_eq!(word(&values, "os.xp_age"), "true");
    }

    #[test]
    fn windows_10_without_a_build_has_no_age() {
        let values = judged(&[sign(SignPlace::Browser, 10, 0, 0), sign(SignPlace::Ssdp, 10, 0, 0)]);
        assert_eq!((word(&values, "os.family"), word(&values, "os.support")), ("windows".to_owned(), String::new()));
    }

    #[test]
    fn a_debian_release_is_supported_as_long_as_its_long_term_fixes_are_free() {
        let debian = |major| SystemSign {
            place: SignPlace::PackageRevision,
            family: SystemFamily::Linux,
            major,
            minor: 0,
            build: 1,
        };
        assert_eq!(word(&judged(&[debian(12)]), "os.support"), "supported");
        assert_ne!(word(&judged(&[debian(9)]), "os.support"), "supported");
        assert_eq!(word(&judged(&[debian(12)]), "os.proof"), "release");
    }
}
