//! Which system a host runs, and whether somebody still mends it: `os.*`.
//!
//! Keeps: the best case over all products that fit the signs, and how good the signs are (`system-signs.tsv`). Drops: a
//! weak sign that contradicts a strong one; what several systems behind one address would be blamed for. Never from one
//! weak sign: two of different programs, or one that is worth [`SURE`], before it proves anything.

use super::Heard;
use crate::date::Day;
use crate::knowledge::table;
use crate::lifecycle::{self, Support};
use crate::vocabulary::Values;
use auscult_report::fact::{Fact, Role, SystemFamily, SystemSign};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What is known of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct System {
    family: Option<SystemFamily>,
    support: Option<Support>,
    likely: Option<Support>,
    proof: Option<&'static str>,
    signs: u32,
    is_xp_age: bool,
    days_to_end: Option<i64>,
}

impl System {
    /// Whether it is Windows.
    pub(super) fn is_windows(&self) -> bool {
        self.family == Some(SystemFamily::Windows)
    }

    /// Says its values.
    pub(super) fn put(&self, values: &mut Values<'_>) {
        let Some(family) = self.family else { return };
        values.word("os.family", Some(family.word()));
        values.word("os.support", Some(self.support.map_or("unknown", Support::word)));
        values.word("os.support_likely", Some(self.likely.map_or("unknown", Support::word)));
        values.word("os.proof", self.proof);
        values.number("os.signs", self.signs);
        values.flag("os.xp_age", self.is_xp_age);
        if let Some(days) = self.days_to_end.and_then(|d| i32::try_from(d).ok()) {
            values.number("os.days_to_end", days);
        }
    }
}

/// Of a host with these roles.
pub(super) fn of(heard: &Heard<'_>, roles: &[Role], today: Day) -> System {
    let signs: Vec<Sign> =
        heard.each(|f| if let Fact::System(s) = f { Some(*s) } else { None }).into_keys().map(Sign::of).collect();
    let Some(family) = family(&signs) else { return System::default() };
    let mut signs: Vec<Sign> = signs.into_iter().filter(|s| s.sign.family == family).collect();
    signs.sort_by_key(|s| core::cmp::Reverse((s.trust, s.sign.build)));
    let system = match family {
        SystemFamily::Windows => windows(&signs, WindowsRole::of(roles), today),
        SystemFamily::Linux => linux(&signs, today),
        SystemFamily::Android | SystemFamily::Ios => telephone(&signs, family, today),
        _ => System::default(),
    };
    System { family: Some(family), ..system }
}

/// A sign and what it is worth.
#[derive(Clone, Copy, Debug)]
struct Sign {
    sign: SystemSign,
    says: &'static str,
    trust: u8,
    program: &'static str,
}

impl Sign {
    fn of(sign: SystemSign) -> Sign {
        let columns = ["family", "says", "trust_percent", "program"];
        let row = table("system-signs.tsv").rows_of(sign.place.word(), columns).find(|r| r[0] == sign.family.word());
        let [_, says, trust, program] = row.unwrap_or(["", "family", "", sign.place.word()]);
        Sign { sign, says, trust: trust.parse().unwrap_or(FAMILY_TRUST), program }
    }
}

/// The family that the signs speak for most. Where a second one is as sure as the first, several systems stand behind
/// one address, and nothing is said of either.
fn family(signs: &[Sign]) -> Option<SystemFamily> {
    let mut best: BTreeMap<SystemFamily, (u8, u32)> = BTreeMap::new();
    for sign in signs {
        let (most, sum) = best.entry(sign.sign.family).or_default();
        *most = sign.trust.max(*most);
        *sum = sum.saturating_add(sign.trust.into());
    }
    best.remove(&SystemFamily::Unknown);
    let mut ranked: Vec<(SystemFamily, (u8, u32))> = best.into_iter().collect();
    ranked.sort_by_key(|(_, (most, sum))| core::cmp::Reverse((*sum, *most)));
    match ranked.as_slice() {
        [] => None,
        [_, (_, (second, _)), ..] if *second >= SURE => Some(SystemFamily::Unknown),
        [(family, _), ..] => Some(*family),
    }
}

/// One system of Windows that fits a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Build {
    number: u32,
    release: (u8, u8),
    role: &'static str,
    is_special_edition: bool,
    end: Day,
    paid: Option<Day>,
}

/// Every row of `windows-builds.tsv`: read once, every host with a sign of Windows asks for it.
static BUILDS: LazyLock<Vec<Build>> = LazyLock::new(Build::read_all);

impl Build {
    fn read_all() -> Vec<Build> {
        let columns = ["build", "nt", "role", "edition", "end_of_support", "esu_end"];
        table("windows-builds.tsv")
            .rows(columns)
            .filter_map(|[number, nt, role, edition, end, paid]| {
                let is_client_special = role == "client" && (edition.contains("LTS") || edition.contains("IoT"));
                Some(Build {
                    number: number.parse().ok()?,
                    release: release(nt)?,
                    role,
                    is_special_edition: role == "embedded" || is_client_special,
                    end: Day::read(end)?,
                    paid: Day::read(paid),
                })
            })
            .collect()
    }

    fn support(&self, today: Day) -> Support {
        Support::on(today, self.end, self.paid)
    }
}

/// What a host with Windows is used for, where other evidence says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WindowsRole {
    Any,
    Workstation,
    Server,
}

impl WindowsRole {
    fn of(roles: &[Role]) -> WindowsRole {
        match (roles.contains(&Role::Server), roles.contains(&Role::Workstation)) {
            (true, false) => WindowsRole::Server,
            (false, true) => WindowsRole::Workstation,
            _ => WindowsRole::Any,
        }
    }
}

/// What a sign of Windows says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Says {
    /// One of these builds.
    Builds(Vec<u32>),
    /// One of these numbers of NT.
    Releases(Vec<(u8, u8)>),
    /// The class of a TCP stack: 5, 6 or 10.
    Class(u8),
}

impl Says {
    fn of(sign: &Sign) -> Option<Says> {
        let SystemSign { major, minor, build, .. } = sign.sign;
        match sign.says {
            "base-build" if build > 0 => Some(Says::Builds(builds_of_base(build))),
            "build" | "nt" if build > 0 => Some(Says::Builds(vec![build])),
            "base-build" | "build" | "nt" if major > 0 => Some(Says::Releases(vec![(major, minor)])),
            "iis" if major > 0 => Some(Says::Releases(releases_of_iis(major, minor, sign.program == PAGE))),
            "class" if major > 0 => Some(Says::Class(major)),
            _ => None,
        }
    }

    fn fits(&self, build: &Build) -> bool {
        match self {
            Says::Builds(numbers) => numbers.contains(&build.number),
            Says::Releases(releases) => releases.contains(&build.release),
            Says::Class(major) => build.release.0 == *major,
        }
    }
}

/// The builds whose NTLM shows this one: enablement packages raise what the system says of itself, not this field.
fn builds_of_base(build: u32) -> Vec<u32> {
    let listed = table("windows-ntlm-builds.tsv").rows(["heard_in_ntlm", "may_be_builds"]);
    let row = listed.into_iter().find(|[heard, _]| heard.parse() == Ok(build));
    row.map_or_else(|| vec![build], |[_, builds]| builds.split(',').filter_map(|b| b.parse().ok()).collect())
}

/// The numbers of NT that a number of IIS stands for. A default page says less: that of IIS 7 is of 7.0 or 7.5.
fn releases_of_iis(major: u8, minor: u8, is_page: bool) -> Vec<(u8, u8)> {
    let first = if is_page && major == 6 { 5 } else { major };
    table("iis-windows.tsv")
        .rows(["server_header", "nt"])
        .filter_map(|[header, nt]| Some((release(header.strip_prefix("Microsoft-IIS/")?)?, release(nt)?)))
        .filter(|(iis, _)| if is_page { (first..=major).contains(&iis.0) } else { *iis == (major, minor) })
        .map(|(_, nt)| nt)
        .collect()
}

/// Signs from the best to the least.
fn windows(signs: &[Sign], role: WindowsRole, today: Day) -> System {
    let told: Vec<(&Sign, Says)> = signs.iter().filter_map(|s| Some((s, Says::of(s)?))).collect();
    let Some((strongest, first)) = told.first() else { return System::default() };
    let mut candidates: Vec<Build> = BUILDS.iter().filter(|b| first.fits(b)).copied().collect();
    let mut programs = BTreeSet::from([strongest.program]);
    let (mut is_build, mut is_doubtful) = (matches!(first, Says::Builds(_)), false);
    for (sign, says) in told.iter().skip(1) {
        if candidates.iter().any(|b| says.fits(b)) {
            candidates.retain(|b| says.fits(b));
            programs.insert(sign.program);
            is_build |= matches!(says, Says::Builds(_));
        } else if sign.trust >= CONTRADICTS {
            // Two systems, or one that lies: the best case is that of both.
            let others: Vec<Build> = BUILDS.iter().filter(|b| says.fits(b)).copied().collect();
            is_doubtful |= others.is_empty();
            candidates.extend(others);
        }
    }
    let is_proved = strongest.trust >= SURE || programs.len() > 1;
    let proof = match (is_proved, is_build) {
        (true, true) => "build",
        (true, false) => "class",
        (false, _) => "hint",
    };
    let signs = u32::try_from(programs.len()).unwrap_or(u32::MAX);
    let system = System { proof: Some(proof), signs, ..System::default() };
    // Of everything that calls itself 10.0 only a build tells which; a build that is not listed is newer than the list;
    // and one weak sign says nothing about the end of support.
    let is_ten = |b: &Build| b.release.0 >= 10;
    let is_any_ten = !is_build && candidates.iter().any(is_ten);
    if candidates.is_empty() || is_doubtful || is_any_ten || !(is_proved || strongest.trust >= CONTRADICTS) {
        return system;
    }
    let (support, likely) = verdict(&candidates, role, today);
    System {
        support,
        likely,
        is_xp_age: candidates.iter().all(|b| b.release < VISTA),
        days_to_end: candidates.iter().map(|b| b.end).max().map(|end| today.until(end)),
        ..system
    }
}

/// The best case over all candidates that the role leaves, and the most likely case.
fn verdict(candidates: &[Build], role: WindowsRole, today: Day) -> (Option<Support>, Option<Support>) {
    let best = |fits: &dyn Fn(&Build) -> bool| candidates.iter().filter(|b| fits(b)).map(|b| b.support(today)).max();
    let is_server = |b: &Build| matches!(b.role, "server" | "both");
    let is_usual = |b: &Build| !b.is_special_edition;
    let any = best(&|_| true);
    match role {
        WindowsRole::Server => {
            let server = best(&is_server).or(any);
            (server, server)
        }
        // A workstation is not excluded from the best case: a viewer runs on a server too.
        WindowsRole::Workstation => (any, best(&|b| is_usual(b) && b.role != "server").or(any)),
        WindowsRole::Any => (any, best(&is_usual).or(any)),
    }
}

/// A release of a distribution, as far as it was said.
#[derive(Default)]
struct Release<'s> {
    support: Option<Support>,
    trust: u8,
    programs: BTreeSet<&'s str>,
}

/// Several releases stand for several systems, or for containers: the best of them.
fn linux(signs: &[Sign], today: Day) -> System {
    let mut releases: BTreeMap<(u32, u8, u8), Release<'_>> = BTreeMap::new();
    for sign in signs.iter().filter(|s| s.says == "release" && s.sign.major > 0) {
        let SystemSign { major, minor, build, .. } = sign.sign;
        let of_release = distribution_of(build).and_then(|d| lifecycle::distribution(d, (major, minor), today));
        let Some(support) = of_release else { continue };
        let release = releases.entry((build, major, minor)).or_default();
        release.support = Some(support);
        release.trust = sign.trust.max(release.trust);
        release.programs.insert(sign.program);
    }
    let Some(best) = releases.into_values().max_by_key(|r| (r.support, r.trust)) else { return System::default() };
    let proof = if best.trust >= SURE || best.programs.len() > 1 { "release" } else { "class" };
    let signs = u32::try_from(best.programs.len()).unwrap_or(u32::MAX);
    System { support: best.support, likely: best.support, proof: Some(proof), signs, ..System::default() }
}

/// Android and iOS by the release that they say; a browser of Android has said 10 for every release since 2023.
fn telephone(signs: &[Sign], family: SystemFamily, today: Day) -> System {
    let is_frozen = |s: &Sign| family == SystemFamily::Android && s.program == BROWSER && s.sign.major == 10;
    let told = signs.iter().filter(|s| s.says == "release" && s.sign.major > 0 && !is_frozen(s));
    let best = told
        .filter_map(|s| {
            let version = [s.sign.major.into(), s.sign.minor.into(), 0, 0];
            Some((lifecycle::cycle(family.word(), version, today)?.support, s.trust))
        })
        .max();
    best.map_or_else(System::default, |(support, trust)| System {
        support: Some(support),
        likely: Some(support),
        proof: Some(if trust >= SURE { "release" } else { "hint" }),
        signs: 1,
        ..System::default()
    })
}

/// The name in `distro-eol.tsv` of a distribution by its number in the paper ([`SystemSign`]).
const fn distribution_of(build: u32) -> Option<&'static str> {
    match build {
        1 => Some("debian"),
        2 => Some("ubuntu"),
        3 => Some("centos"),
        _ => None,
    }
}

/// `6.1`
fn release(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A sign that is worth this much proves alone, of 100.
const SURE: u8 = 85;

/// A sign that is worth this much is not passed over when it contradicts a better one; and one alone that is worth less
/// says nothing about the end of support.
const CONTRADICTS: u8 = 70;

/// What a sign is worth, for the family alone, that has no row in `system-signs.tsv`.
const FAMILY_TRUST: u8 = 50;

/// The first number of NT after the age of XP.
const VISTA: (u8, u8) = (6, 0);

/// The programs of `system-signs.tsv` with a rule of their own.
const PAGE: &str = "web-page";
const BROWSER: &str = "browser";

#[cfg(test)]
mod tests {
    use super::*;
    use auscult_report::fact::SignPlace;

    fn today() -> Day {
        Day::read("2026-11-21").unwrap()
    }

    fn sign(place: SignPlace, family: SystemFamily, major: u8, minor: u8, build: u32) -> Sign {
        Sign::of(SystemSign { place, family, major, minor, build })
    }

    fn on_windows(signs: &[(SignPlace, u8, u8, u32)], roles: &[Role]) -> System {
        let mut signs: Vec<Sign> = signs.iter().map(|s| sign(s.0, SystemFamily::Windows, s.1, s.2, s.3)).collect();
        signs.sort_by_key(|s| core::cmp::Reverse((s.trust, s.sign.build)));
        windows(&signs, WindowsRole::of(roles), today())
    }

    fn told(system: &System) -> (Option<Support>, Option<&'static str>, u32) {
        (system.support, system.proof, system.signs)
    }

    #[test]
    fn every_build_stands_where_the_table_of_verdicts_says() {
        let verdicts = crate::table::Table::new(include_str!("../../knowledge/windows-verdicts.tsv"));
        let columns = [
            "heard_as",
            "build",
            "best_case",
            "likely_case",
            "client",
            "server",
            "embedded",
            "last_free_day_any",
            "last_paid_day_any",
        ];
        let word = |s: Option<Support>| s.map_or("-", Support::word);
        let mut rows = 0;
        for [heard_as, build, best, likely, client, server, embedded, free, paid] in verdicts.rows(columns) {
            let number: u32 = build.parse().unwrap();
            let numbers = if heard_as == "ntlm" { builds_of_base(number) } else { vec![number] };
            let candidates: Vec<Build> = BUILDS.iter().filter(|b| numbers.contains(&b.number)).copied().collect();
            let in_role = |role| {
                let fits = candidates.iter().filter(|b| b.role == role || b.role == "both");
                word(fits.map(|b| b.support(today())).max())
            };
            let (is_best, is_likely) = verdict(&candidates, WindowsRole::Any, today());
            assert_eq!((word(is_best), word(is_likely)), (best, likely), "{heard_as} {build}");
            assert_eq!(
                [in_role("client"), in_role("server"), in_role("embedded")],
                [client, server, embedded],
                "{build}"
            );
            assert_eq!(candidates.iter().map(|b| b.end).max(), Day::read(free), "{build}");
            assert_eq!(
                candidates.iter().flat_map(|b| [Some(b.end), b.paid]).max().flatten(),
                Day::read(paid),
                "{build}"
            );
            if server != "-" {
                assert_eq!(word(verdict(&candidates, WindowsRole::Server, today()).0), server, "{build}");
            }
            rows += 1;
        }
        assert_eq!(rows, 38);
    }

    #[test]
    fn the_table_of_iis_is_kept() {
        let iis = table("iis-windows.tsv");
        for [header, nt, end, ended] in iis.rows(["server_header", "nt", "latest_support_end", "ended_2026_11_21"]) {
            let (major, minor) = release(header.strip_prefix("Microsoft-IIS/").unwrap()).unwrap();
            assert_eq!(releases_of_iis(major, minor, false), [release(nt).unwrap()]);
            let system = on_windows(&[(SignPlace::WebServer, major, minor, 0)], &[]);
            let expected = if ended == "yes" { Some(Support::Ended) } else { None };
            assert_eq!(told(&system), (expected, Some("hint"), 1), "{header}, {end}");
        }
        assert_eq!(releases_of_iis(7, 0, true), [(6, 0), (6, 1)]);
        assert_eq!(releases_of_iis(6, 0, true), [(5, 0), (5, 1), (5, 2)]);
    }

    #[test]
    fn one_sure_sign_proves_and_one_weak_sign_does_not() {
        let ended = Some(Support::Ended);
        assert_eq!(told(&on_windows(&[(SignPlace::NtlmChallenge, 6, 1, 7601)], &[])), (ended, Some("build"), 1));
        assert_eq!(told(&on_windows(&[(SignPlace::CryptoApi, 5, 1, 2600)], &[])), (ended, Some("build"), 1));
        assert_eq!(told(&on_windows(&[(SignPlace::BrowserAnnouncement, 5, 1, 0)], &[])), (ended, Some("class"), 1));
        assert_eq!(told(&on_windows(&[(SignPlace::Ssdp, 6, 1, 0)], &[])), (ended, Some("hint"), 1));
        assert_eq!(told(&on_windows(&[(SignPlace::Browser, 6, 1, 0)], &[])), (None, Some("hint"), 1));
        assert_eq!(told(&on_windows(&[(SignPlace::TcpSyn, 5, 0, 0)], &[])), (None, Some("hint"), 1));
        let both = [(SignPlace::Browser, 5, 1, 0), (SignPlace::TcpSyn, 5, 0, 0)];
        let system = on_windows(&both, &[]);
        assert_eq!(told(&system), (ended, Some("class"), 2));
        assert!(system.is_xp_age);
        // The two words of one browser are one program, and its own age is not that of the system.
        let same = [(SignPlace::Browser, 6, 1, 0), (SignPlace::InternetExplorer, 8, 0, 0)];
        assert_eq!(told(&on_windows(&same, &[])), (None, Some("hint"), 1));
    }

    #[test]
    fn ten_without_a_build_cannot_be_told_apart() {
        assert_eq!(told(&on_windows(&[(SignPlace::Browser, 10, 0, 0)], &[])), (None, Some("hint"), 1));
        let many = [(SignPlace::Browser, 10, 0, 0), (SignPlace::CryptoApi, 10, 0, 0), (SignPlace::TcpSyn, 10, 0, 0)];
        assert_eq!(told(&on_windows(&many, &[])), (None, Some("class"), 3));
        // A build that is not listed is newer than the list.
        assert_eq!(told(&on_windows(&[(SignPlace::NtlmChallenge, 10, 0, 31_000)], &[])).0, None);
        let base = on_windows(&[(SignPlace::NtlmChallenge, 10, 0, 19_041)], &[]);
        assert_eq!((base.support, base.likely), (Some(Support::Supported), Some(Support::PaidOnly)));
        let server = on_windows(&[(SignPlace::NtlmChallenge, 10, 0, 14_393)], &[Role::Server]);
        assert_eq!((server.support, server.days_to_end), (Some(Support::Ending), Some(52)));
    }

    #[test]
    fn a_weak_sign_that_contradicts_is_passed_over_and_a_strong_one_is_not() {
        let weak = [(SignPlace::NtlmChallenge, 6, 1, 7601), (SignPlace::Browser, 10, 0, 0)];
        assert_eq!(told(&on_windows(&weak, &[])), (Some(Support::Ended), Some("build"), 1));
        let strong = [(SignPlace::NtlmChallenge, 6, 1, 7601), (SignPlace::Ssdp, 10, 0, 0)];
        assert_eq!(on_windows(&strong, &[]).support, Some(Support::Supported));
        let newer = [(SignPlace::NtlmChallenge, 6, 1, 7601), (SignPlace::RdpClient, 10, 0, 31_000)];
        assert_eq!(on_windows(&newer, &[]).support, None);
    }

    #[test]
    fn a_release_of_linux_is_judged_by_its_suffix() {
        let of = |signs: &[(SignPlace, u8, u8, u32)]| {
            let signs: Vec<Sign> = signs.iter().map(|s| sign(s.0, SystemFamily::Linux, s.1, s.2, s.3)).collect();
            told(&linux(&signs, today()))
        };
        assert_eq!(of(&[(SignPlace::PackageRevision, 8, 0, 1)]), (Some(Support::Ended), Some("release"), 1));
        assert_eq!(of(&[(SignPlace::PackageRevision, 12, 0, 1)]), (Some(Support::PaidOnly), Some("release"), 1));
        assert_eq!(of(&[(SignPlace::WebServer, 16, 4, 2)]), (Some(Support::Ended), Some("class"), 1));
        assert_eq!(of(&[(SignPlace::WebServer, 6, 0, 3)]), (Some(Support::Ended), Some("class"), 1));
        // The kernel's number is no release; a second system may be newer.
        assert_eq!(of(&[(SignPlace::DhcpKernel, 5, 10, 0)]), (None, None, 0));
        let two = [(SignPlace::PackageRevision, 8, 0, 1), (SignPlace::PackageRevision, 13, 0, 1)];
        assert_eq!(of(&two).0, Some(Support::Supported));
    }

    #[test]
    fn two_families_that_are_both_sure_are_two_systems() {
        let windows = sign(SignPlace::NtlmChallenge, SystemFamily::Windows, 6, 1, 7601);
        let debian = sign(SignPlace::PackageRevision, SystemFamily::Linux, 12, 0, 1);
        let syn = sign(SignPlace::TcpSyn, SystemFamily::Linux, 0, 0, 0);
        assert_eq!(family(&[windows, debian]), Some(SystemFamily::Unknown));
        assert_eq!(family(&[windows, syn]), Some(SystemFamily::Windows));
        assert_eq!(family(&[]), None);
    }

    #[test]
    fn a_telephone_is_as_old_as_it_says_unless_its_browser_always_says_so() {
        let of = |place, family, major| telephone(&[sign(place, family, major, 0, 0)], family, today()).support;
        assert_eq!(of(SignPlace::Browser, SystemFamily::Android, 9), Some(Support::Ended));
        assert_eq!(of(SignPlace::Browser, SystemFamily::Android, 10), None);
        assert_eq!(of(SignPlace::DhcpVendor, SystemFamily::Android, 10), Some(Support::Ended));
        assert_eq!(of(SignPlace::Browser, SystemFamily::Ios, 26), Some(Support::Supported));
    }
}
