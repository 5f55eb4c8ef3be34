//! Which system a word stands for: the closed lists of `windows-by-agent.tsv`, `windows-ntlm-builds.tsv` and
//! `distro-suffixes.tsv`, for all detectors that hear such words.
//!
//! Keeps: a family, a release or build as numbers, the place where it was said. Drops: the words. A sign is a hint with
//! a weight that the judge knows by its place; what is known to be copied by others (Samba's 6.1 without a build, a
//! crawler's browser) gives no sign at all.

use super::Said;
use crate::wire::ntlm::{Kind, Message};
use auscult_report::fact::{Fact, SignPlace, SystemFamily, SystemSign};

/// Signs of one string: a User-Agent says at most a system, a browser of Windows, and one program of Windows.
pub type Signs = [Option<SystemSign>; 3];

/// Major and minor number.
type Release = (u8, u8);

/// `SystemSign::build` of a Linux whose distribution is Debian.
pub const DEBIAN: u32 = 1;
/// `SystemSign::build` of a Linux whose distribution is Ubuntu.
pub const UBUNTU: u32 = 2;
/// `SystemSign::build` of a Linux whose distribution is CentOS.
pub const CENTOS: u32 = 3;

/// Of an NTLM message, about the host that sent it: only a server challenges, and it does nothing else.
#[must_use]
pub fn by_ntlm(message: &Message, by_server: bool) -> Option<SystemSign> {
    if (message.kind == Kind::Challenge) != by_server {
        return None;
    }
    // Build 0 is Samba (6.1) and other libraries; every Windows since XP writes revision 15.
    let v = message.version.filter(|v| v.revision == 15 && v.build > 0)?;
    let place = if message.kind == Kind::Challenge { SignPlace::NtlmChallenge } else { SignPlace::NtlmClient };
    known_windows(v.major, v.minor).then_some(SystemSign {
        place,
        family: SystemFamily::Windows,
        major: v.major,
        minor: v.minor,
        build: u32::from(v.build),
    })
}

/// Says what an NTLM message tells of the system of the side that sent it.
pub(super) fn say_ntlm(message: Option<Message>, by_server: bool, said: &mut Said<'_>) {
    match message.and_then(|message| by_ntlm(&message, by_server)) {
        Some(sign) if by_server => said.server_host(Fact::System(sign)),
        Some(sign) => said.client_host(Fact::System(sign)),
        None => {}
    }
}

/// Of the NativeOS of SMB1 (MS-CIFS 2.2.4.53): `Windows 5.1`, `Windows Server 2003 3790 Service Pack 2`.
#[must_use]
pub fn by_native_os(words: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::SmbNativeOs;
    if let Some((major, minor)) = after(words, b"Mac OS X ").and_then(two_numbers) {
        return Some(SystemSign { place, family: SystemFamily::Macos, major, minor, build: 0 });
    }
    if words == b"VxWorks" {
        return Some(of_family(place, SystemFamily::Embedded));
    }
    if !words.starts_with(b"Windows ") && !words.starts_with(b"Hyper-V Server") {
        return None;
    }
    // A build names a release better than its words do, and Samba's `Windows 6.1` has none.
    let builds = words.split(|o| !o.is_ascii_digit()).filter_map(number);
    let known = builds.filter_map(|b| release_of_build(b).map(|r| (b, r))).next();
    let (build, (major, minor)) =
        known.or_else(|| NATIVE_OS.iter().find(|n| words.starts_with(n.0)).map(|n| (0, n.1)))?;
    Some(SystemSign { place, family: SystemFamily::Windows, major, minor, build })
}

/// Of the field User-Agent (RFC 9110 10.1.5), about the client. Work is bounded by `MAX_WORDS`.
#[must_use]
pub fn by_user_agent(words: &[u8]) -> Signs {
    let words = words.get(..MAX_WORDS).unwrap_or(words);
    // Crawlers and scripts copy the words of a browser that they are not.
    if NOT_A_BROWSER.iter().any(|n| contains(words, n)) {
        return [None; 3];
    }
    [browser_system(words), internet_explorer(words), windows_program(words)]
}

/// Of the field SERVER of SSDP (UPnP Device Architecture 1.1, 1.2.2), about the sender.
#[must_use]
pub fn by_ssdp_server(words: &[u8]) -> Option<SystemSign> {
    let words = words.get(..MAX_WORDS).unwrap_or(words);
    let place = SignPlace::Ssdp;
    for start in [&b"Microsoft-Windows-NT/"[..], b"Microsoft-Windows/"] {
        if let Some((major, minor)) = after(words, start).and_then(two_numbers) {
            return known_windows(major, minor).then_some(windows(place, major, minor));
        }
    }
    SSDP_FAMILIES.iter().find(|f| contains(words, f.0)).map(|f| of_family(place, f.1))
}

/// Of the field Server of an answer (RFC 9110 10.2.4): `Microsoft-IIS/7.5` gives the number of IIS, `Apache/2.4.41
/// (Ubuntu)` the release in which this version stands.
#[must_use]
pub fn by_web_server(words: &[u8]) -> Option<SystemSign> {
    let words = words.get(..MAX_WORDS).unwrap_or(words);
    let place = SignPlace::WebServer;
    if let Some((major, minor)) = after(words, b"Microsoft-IIS/").and_then(two_numbers) {
        return Some(windows(place, major, minor));
    }
    if let Some(row) = WEB_RELEASES.iter().find(|r| words.starts_with(r.0) && contains(words, r.1)) {
        return Some(linux(place, row.2, row.3));
    }
    let distributions = [(&b"(Debian)"[..], DEBIAN), (b"(Ubuntu)", UBUNTU), (b"(CentOS)", CENTOS)];
    if let Some(d) = distributions.iter().find(|d| contains(words, d.0)) {
        return Some(linux(place, (0, 0), d.1));
    }
    WEB_FAMILIES.iter().find(|f| contains(words, f.0)).map(|f| of_family(place, f.1))
}

/// Of the revision that a distribution adds to a version: `2+deb12u10`, `0ubuntu0.22.04.1`.
#[must_use]
pub fn by_distribution_revision(words: &[u8]) -> Option<SystemSign> {
    let words = words.get(..MAX_WORDS).unwrap_or(words);
    let place = SignPlace::PackageRevision;
    for start in [&b"+deb"[..], b"~deb"] {
        let Some(rest) = after(words, start) else { continue };
        let (release, rest) = leading_number(rest)?;
        // `deb12u10`; `~bpo` and others say less than a release.
        return rest.starts_with(b"u").then_some(linux(place, (release, 0), DEBIAN)).filter(|s| s.major > 0);
    }
    let rest = after(words, b"ubuntu")?;
    let rest = rest.strip_prefix(b"0").unwrap_or(rest).strip_prefix(b".")?;
    let (major, minor) = two_numbers(rest)?;
    // Ubuntu's releases are years and months: 16.04 and not 1.2 (a revision such as `6ubuntu1.2`).
    ((12..=40).contains(&major) && matches!(minor, 4 | 10)).then_some(linux(place, (major, minor), UBUNTU))
}

/// Of SSH's identification behind `SSH-2.0-` (RFC 4253 4.2): `OpenSSH_9.2p1 Debian-2+deb12u10`.
#[must_use]
pub fn by_ssh_banner(words: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::SshBanner;
    if let Some(sign) = by_distribution_revision(words) {
        return Some(sign);
    }
    if let Some(row) = SSH_RELEASES.iter().find(|r| words.starts_with(r.0)) {
        return Some(linux(place, row.1, row.2));
    }
    SSH_FAMILIES.iter().find(|f| contains(words, f.0)).map(|f| match f.1 {
        (SystemFamily::Linux, distribution) => linux(place, (0, 0), distribution),
        (family, _) => of_family(place, family),
    })
}

/// The system that a browser names between its brackets.
fn browser_system(words: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::Browser;
    if let Some((major, minor)) = after(words, b"Windows NT ").and_then(two_numbers) {
        return known_windows(major, minor).then_some(windows(place, major, minor));
    }
    for (word, family) in [(&b"Android "[..], SystemFamily::Android), (b"iPhone OS ", SystemFamily::Ios)]
        .into_iter()
        .chain([(&b"CPU OS "[..], SystemFamily::Ios), (b"Mac OS X ", SystemFamily::Macos)])
    {
        if let Some(rest) = after(words, word) {
            let (major, minor) = two_numbers(rest).unwrap_or((0, 0));
            return Some(SystemSign { place, family, major, minor, build: 0 });
        }
    }
    if let Some(row) = OLD_BROWSERS.iter().find(|o| contains(words, o.0)) {
        return Some(windows(place, row.1.0, row.1.1));
    }
    BROWSER_FAMILIES.iter().find(|f| contains(words, f.0)).map(|f| of_family(place, f.1))
}

/// The age of Internet Explorer: its own number, not that of Windows. In its compatibility view it says an old number
/// after MSIE and the true one after Trident.
fn internet_explorer(words: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::InternetExplorer;
    if let Some((trident, _)) = after(words, b"Trident/").and_then(two_numbers) {
        return Some(windows(place, trident.checked_add(4)?, 0));
    }
    let (major, minor) = after(words, b"MSIE ").and_then(two_numbers)?;
    Some(windows(place, major, minor))
}

/// The programs of Windows that ask for revocation lists and updates in the clear.
fn windows_program(words: &[u8]) -> Option<SystemSign> {
    if let Some(rest) = words.strip_prefix(b"Microsoft-CryptoAPI/") {
        return crypto_api(rest);
    }
    if let Some(rest) = words.strip_prefix(b"Microsoft BITS/") {
        let (major, minor) = match two_numbers(rest)? {
            (6, _) => (5, 1),
            (7, 0) => (6, 0),
            (7, 5) => (6, 1),
            (7, 7) => (6, 2),
            // 7.8 is 8.1 and everything after it.
            _ => (0, 0),
        };
        return Some(windows(SignPlace::Bits, major, minor));
    }
    // The build is the agent's, not the system's; the numbers of old agents say nothing about the system.
    let agents = [&b"Windows-Update-Agent"[..], b"Microsoft-Delivery-Optimization", b"Microsoft-WNS"];
    let rest = agents.iter().find_map(|a| words.strip_prefix(*a))?;
    let major = rest.strip_prefix(b"/").and_then(two_numbers).map_or(0, |n| if n.0 >= 10 { n.0 } else { 0 });
    Some(windows(SignPlace::WindowsUpdate, major, 0))
}

/// `5.131.2600.5512` has the build of XP and 2003 in its third number, `6.1` and later are the system's own.
fn crypto_api(words: &[u8]) -> Option<SystemSign> {
    let place = SignPlace::CryptoApi;
    let (major, minor) = two_numbers(words)?;
    if (major, minor) != (5, 131) {
        return known_windows(major, minor).then_some(windows(place, major, minor));
    }
    let build = words.split(|o| *o == b'.').nth(2).and_then(number)?;
    let (major, minor) = release_of_build(build)?;
    Some(SystemSign { build, ..windows(place, major, minor) })
}

pub(super) const fn windows(place: SignPlace, major: u8, minor: u8) -> SystemSign {
    SystemSign { place, family: SystemFamily::Windows, major, minor, build: 0 }
}

pub(super) const fn linux(place: SignPlace, release: (u8, u8), distribution: u32) -> SystemSign {
    SystemSign { place, family: SystemFamily::Linux, major: release.0, minor: release.1, build: distribution }
}

pub(super) const fn of_family(place: SignPlace, family: SystemFamily) -> SystemSign {
    SystemSign { place, family, major: 0, minor: 0, build: 0 }
}

/// The numbers that Windows has had: a number that is not here is somebody's invention, or newer than this list.
pub(super) const fn known_windows(major: u8, minor: u8) -> bool {
    matches!((major, minor), (4, 0 | 10 | 90) | (5, 0..=2) | (6, 0..=3) | (10, 0))
}

/// The release of a base build (`windows-builds.tsv`).
fn release_of_build(build: u32) -> Option<(u8, u8)> {
    match build {
        1381 => Some((4, 0)),
        2195 => Some((5, 0)),
        2600 => Some((5, 1)),
        3790 => Some((5, 2)),
        6000..=6003 => Some((6, 0)),
        7600 | 7601 => Some((6, 1)),
        9200 | 9201 => Some((6, 2)),
        9600 => Some((6, 3)),
        10240..=39999 => Some((10, 0)),
        _ => None,
    }
}

fn contains(words: &[u8], part: &[u8]) -> bool {
    after(words, part).is_some()
}

/// What follows `part` where it first stands in `words`.
fn after<'a>(words: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let at = words.windows(part.len()).position(|w| w == part)?;
    words.get(at.saturating_add(part.len())..)
}

/// Two numbers at the start, joined by `.` or `_`; the second is 0 where there is none.
fn two_numbers(words: &[u8]) -> Option<(u8, u8)> {
    let (major, rest) = leading_number(words)?;
    let second = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b"_")).and_then(leading_number);
    Some((major, second.map_or(0, |s| s.0)))
}

/// A number of up to three digits at the start that fits an octet, and what follows it.
fn leading_number(words: &[u8]) -> Option<(u8, &[u8])> {
    let digits = words.iter().take_while(|o| o.is_ascii_digit()).count();
    let (run, rest) = words.split_at_checked(digits)?;
    Some((u8::try_from(number(run)?).ok()?, rest))
}

/// A run of one to five digits.
fn number(run: &[u8]) -> Option<u32> {
    core::str::from_utf8(run).ok().filter(|r| r.len() <= 5).and_then(|r| r.parse().ok())
}

/// Octets of a field that are read: the system stands in the first sixty, what NET and toolbars add behind it.
const MAX_WORDS: usize = 320;

/// NativeOS without a build; the longer words first. `Windows 6.1` is missing on purpose: Samba says it.
const NATIVE_OS: &[(&[u8], (u8, u8))] = &[
    (b"Windows 4.0", (4, 0)),
    (b"Windows NT 4.0", (4, 0)),
    (b"Windows 95", (4, 0)),
    (b"Windows 98", (4, 10)),
    (b"Windows 5.0", (5, 0)),
    (b"Windows 2000", (5, 0)),
    (b"Windows 5.1", (5, 1)),
    (b"Windows XP", (5, 1)),
    (b"Windows 2002", (5, 1)),
    (b"Windows 5.2", (5, 2)),
    (b"Windows Server 2003", (5, 2)),
    (b"Windows Vista", (6, 0)),
    (b"Windows Server 2008 R2", (6, 1)),
    (b"Windows Server 2008", (6, 0)),
    (b"Windows Server (R) 2008", (6, 0)),
    (b"Windows 7 ", (6, 1)),
    (b"Windows 8.1", (6, 3)),
    (b"Windows 8 ", (6, 2)),
    (b"Windows Server 2012 R2", (6, 3)),
    (b"Windows Server 2012", (6, 2)),
    (b"Windows Server 2016", (10, 0)),
    (b"Windows Server 2019", (10, 0)),
    (b"Windows Server 2022", (10, 0)),
    (b"Windows 10 ", (10, 0)),
];

/// Words of agents that copy a browser's.
const NOT_A_BROWSER: &[&[u8]] = &[b"bot", b"Bot", b"spider", b"Spider", b"crawl", b"Crawl", b"Windows Phone", b"zgrab"];

/// Browsers of systems before NT took over.
const OLD_BROWSERS: &[(&[u8], (u8, u8))] = &[
    (b"Windows 98; Win 9x 4.90", (4, 90)),
    (b"Windows 98", (4, 10)),
    (b"Windows 95", (4, 0)),
    (b"Windows 2000", (5, 0)),
    (b"Windows XP", (5, 1)),
];

/// Families that a browser or a fetcher names without a number; the narrower first.
const BROWSER_FAMILIES: &[(&[u8], SystemFamily)] = &[
    (b"Windows CE", SystemFamily::Embedded),
    (b"Android", SystemFamily::Android),
    (b"FreeBSD", SystemFamily::Bsd),
    (b"OpenBSD", SystemFamily::Bsd),
    (b"NetBSD", SystemFamily::Bsd),
    (b"Linux", SystemFamily::Linux),
    (b"Debian APT-HTTP", SystemFamily::Linux),
    (b"Microsoft NCSI", SystemFamily::Windows),
    (b"Macintosh", SystemFamily::Macos),
];

/// Families that SSDP names.
const SSDP_FAMILIES: &[(&[u8], SystemFamily)] = &[
    (b"Android", SystemFamily::Android),
    (b"Linux", SystemFamily::Linux),
    (b"Synology", SystemFamily::Linux),
    (b"FreeBSD", SystemFamily::Bsd),
    (b"Darwin", SystemFamily::Macos),
    (b"VxWorks", SystemFamily::Embedded),
    (b"FreeRTOS", SystemFamily::Embedded),
];

/// Start, word, release, distribution: versions that stand in one release only.
const WEB_RELEASES: &[(&[u8], &[u8], Release, u32)] = &[
    (b"Apache/2.2.15 ", b"(CentOS)", (6, 0), CENTOS),
    (b"Apache/2.4.6 ", b"(CentOS)", (7, 0), CENTOS),
    (b"Apache/2.4.7 ", b"(Ubuntu)", (14, 4), UBUNTU),
    (b"Apache/2.4.18 ", b"(Ubuntu)", (16, 4), UBUNTU),
    (b"Apache/2.4.29 ", b"(Ubuntu)", (18, 4), UBUNTU),
    (b"Apache/2.4.41 ", b"(Ubuntu)", (20, 4), UBUNTU),
    (b"Apache/2.4.52 ", b"(Ubuntu)", (22, 4), UBUNTU),
    (b"Apache/2.4.58 ", b"(Ubuntu)", (24, 4), UBUNTU),
    (b"nginx/1.24.0 ", b"(Ubuntu)", (24, 4), UBUNTU),
];

/// Families that a web server names.
const WEB_FAMILIES: &[(&[u8], SystemFamily)] = &[
    (b"Microsoft-HTTPAPI/", SystemFamily::Windows),
    (b"(Win32)", SystemFamily::Windows),
    (b"(Win64)", SystemFamily::Windows),
    (b"(Red Hat", SystemFamily::Linux),
    (b"(Fedora", SystemFamily::Linux),
    (b"(Raspbian)", SystemFamily::Linux),
    (b"(FreeBSD)", SystemFamily::Bsd),
    (b"VxWorks", SystemFamily::Embedded),
];

/// Start of the identification, release, distribution.
const SSH_RELEASES: &[(&[u8], (u8, u8), u32)] = &[
    (b"OpenSSH_10.0p1 Debian-", (13, 0), DEBIAN),
    (b"OpenSSH_10.0p2 Debian-", (13, 0), DEBIAN),
    (b"OpenSSH_9.2p1 Debian-", (12, 0), DEBIAN),
    (b"OpenSSH_8.4p1 Debian-", (11, 0), DEBIAN),
    (b"OpenSSH_7.9p1 Debian-", (10, 0), DEBIAN),
    (b"OpenSSH_7.4p1 Debian-", (9, 0), DEBIAN),
    (b"OpenSSH_6.7p1 Debian-", (8, 0), DEBIAN),
    (b"OpenSSH_9.6p1 Ubuntu-3ubuntu13", (24, 4), UBUNTU),
    (b"OpenSSH_8.9p1 Ubuntu-3ubuntu0", (22, 4), UBUNTU),
    (b"OpenSSH_8.2p1 Ubuntu-4ubuntu0", (20, 4), UBUNTU),
    (b"OpenSSH_7.6p1 Ubuntu-4ubuntu0", (18, 4), UBUNTU),
    (b"OpenSSH_7.2p2 Ubuntu-4ubuntu2", (16, 4), UBUNTU),
    (b"OpenSSH_6.6.1p1 Ubuntu-2ubuntu2", (14, 4), UBUNTU),
];

/// Families that SSH names.
const SSH_FAMILIES: &[(&[u8], (SystemFamily, u32))] = &[
    (b" Debian-", (SystemFamily::Linux, DEBIAN)),
    (b" Raspbian-", (SystemFamily::Linux, 0)),
    (b" Ubuntu-", (SystemFamily::Linux, UBUNTU)),
    (b"FreeBSD-", (SystemFamily::Bsd, 0)),
    (b"NetBSD_", (SystemFamily::Bsd, 0)),
    (b"for_Windows", (SystemFamily::Windows, 0)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ntlm::Version;

    /// Family and numbers of a sign.
    fn said(sign: Option<SystemSign>) -> Option<(SystemFamily, u8, u8, u32)> {
        sign.map(|s| (s.family, s.major, s.minor, s.build))
    }

    const WINDOWS: SystemFamily = SystemFamily::Windows;
    const LINUX: SystemFamily = SystemFamily::Linux;

    #[test]
    fn a_build_of_windows_is_believed_and_that_of_samba_is_not() {
        let message = |major, minor, build, revision| Message {
            kind: Kind::Challenge,
            version: Some(Version { major, minor, build, revision }),
            anonymous: false,
        };
        assert_eq!(said(by_ntlm(&message(10, 0, 17763, 15), true)), Some((WINDOWS, 10, 0, 17763)));
        assert_eq!(said(by_ntlm(&message(5, 1, 2600, 15), true)), Some((WINDOWS, 5, 1, 2600)));
        assert_eq!(by_ntlm(&message(5, 1, 2600, 15), false), None, "a client does not challenge");
        assert_eq!(by_ntlm(&message(6, 1, 0, 15), true), None);
        assert_eq!(by_ntlm(&message(10, 0, 17763, 0), true), None);
        assert_eq!(by_ntlm(&message(77, 0, 17763, 15), true), None);
    }

    #[test]
    fn native_systems_are_known_by_build_and_by_name() {
        for (words, expected) in [
            (&b"Windows 5.1"[..], Some((WINDOWS, 5, 1, 0))),
            (b"Windows 2002 Service Pack 3 2600", Some((WINDOWS, 5, 1, 2600))),
            (b"Windows Server 2003 R2 3790 Service Pack 2, v.2825", Some((WINDOWS, 5, 2, 3790))),
            (b"Windows Server (R) 2008 Enterprise 6002 Service Pack 2, v.275", Some((WINDOWS, 6, 0, 6002))),
            (b"Windows 7 Professional 7601 Service Pack 1", Some((WINDOWS, 6, 1, 7601))),
            (b"Windows Server 2008 R2 Standard 7601 Service Pack 1", Some((WINDOWS, 6, 1, 7601))),
            (b"Hyper-V Server 2012 R2 9600", Some((WINDOWS, 6, 3, 9600))),
            (b"Windows 10 Enterprise 2016 LTSB Evaluation 14393", Some((WINDOWS, 10, 0, 14393))),
            (b"Windows Server 2019 Standard 17763", Some((WINDOWS, 10, 0, 17763))),
            (b"Windows NT 4.0", Some((WINDOWS, 4, 0, 0))),
            (b"Windows 6.1", None),
            (b"Unix", None),
            (b"ZZCANARY 2600", None),
            (b"Mac OS X 10.10", Some((SystemFamily::Macos, 10, 10, 0))),
        ] {
            assert_eq!(said(by_native_os(words)), expected, "{}", String::from_utf8_lossy(words));
        }
    }

    #[test]
    fn browsers_and_programs_of_old_windows_are_known() {
        let [system, browser, program] =
            by_user_agent(b"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; .NET CLR 2.0.50727)");
        assert_eq!((said(system), said(browser)), (Some((WINDOWS, 5, 1, 0)), Some((WINDOWS, 8, 0, 0))));
        assert_eq!(program, None);
        // The compatibility view: Internet Explorer 11.
        let [_, browser, _] = by_user_agent(b"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/7.0)");
        assert_eq!(said(browser), Some((WINDOWS, 11, 0, 0)));
        for (words, place, expected) in [
            (&b"Microsoft-CryptoAPI/5.131.2600.5512"[..], SignPlace::CryptoApi, (WINDOWS, 5, 1, 2600)),
            (b"Microsoft-CryptoAPI/5.131.3790.3959", SignPlace::CryptoApi, (WINDOWS, 5, 2, 3790)),
            (b"Microsoft-CryptoAPI/6.1", SignPlace::CryptoApi, (WINDOWS, 6, 1, 0)),
            (b"Microsoft-CryptoAPI/10.0", SignPlace::CryptoApi, (WINDOWS, 10, 0, 0)),
            (b"Microsoft BITS/6.7", SignPlace::Bits, (WINDOWS, 5, 1, 0)),
            (b"Microsoft BITS/7.5", SignPlace::Bits, (WINDOWS, 6, 1, 0)),
            (b"Microsoft BITS/7.8", SignPlace::Bits, (WINDOWS, 0, 0, 0)),
            (b"Windows-Update-Agent", SignPlace::WindowsUpdate, (WINDOWS, 0, 0, 0)),
            (
                b"Windows-Update-Agent/10.0.10011.16384 Client-Protocol/1.40",
                SignPlace::WindowsUpdate,
                (WINDOWS, 10, 0, 0),
            ),
        ] {
            let [_, _, program] = by_user_agent(words);
            assert_eq!(said(program), Some(expected), "{}", String::from_utf8_lossy(words));
            assert_eq!(program.map(|p| p.place), Some(place));
        }
    }

    #[test]
    fn other_browsers_give_their_family() {
        for (words, expected) in [
            (
                &b"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5) Chrome/44.0 Mobile"[..],
                Some((SystemFamily::Android, 6, 0, 0)),
            ),
            (b"Mozilla/5.0 (iPhone; CPU iPhone OS 12_3 like Mac OS X)", Some((SystemFamily::Ios, 12, 3, 0))),
            (b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", Some((SystemFamily::Macos, 10, 15, 0))),
            (b"Mozilla/5.0 (X11; Linux x86_64; rv:102.0)", Some((LINUX, 0, 0, 0))),
            (b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0", Some((WINDOWS, 10, 0, 0))),
            (b"Mozilla/5.0 (compatible; Googlebot/2.1; Windows NT 5.1)", None),
            (b"curl/7.88.1", None),
            (b"", None),
        ] {
            let [system, ..] = by_user_agent(words);
            assert_eq!(said(system), expected, "{}", String::from_utf8_lossy(words));
        }
    }

    #[test]
    fn servers_and_revisions_name_their_release() {
        assert_eq!(said(by_web_server(b"Microsoft-IIS/7.5")), Some((WINDOWS, 7, 5, 0)));
        assert_eq!(said(by_web_server(b"Apache/2.4.41 (Ubuntu)")), Some((LINUX, 20, 4, UBUNTU)));
        assert_eq!(said(by_web_server(b"Apache/2.4.71 (Debian)")), Some((LINUX, 0, 0, DEBIAN)));
        assert_eq!(said(by_web_server(b"Apache/2.2.15 (CentOS)")), Some((LINUX, 6, 0, CENTOS)));
        assert_eq!(by_web_server(b"nginx"), None);
        assert_eq!(said(by_distribution_revision(b"2+deb12u10")), Some((LINUX, 12, 0, DEBIAN)));
        assert_eq!(said(by_distribution_revision(b"1~deb11u2")), Some((LINUX, 11, 0, DEBIAN)));
        assert_eq!(said(by_distribution_revision(b"0ubuntu0.22.04.1")), Some((LINUX, 22, 4, UBUNTU)));
        assert_eq!(by_distribution_revision(b"6ubuntu14.4"), None);
        assert_eq!(by_distribution_revision(b"2+deb"), None);
        assert_eq!(said(by_ssh_banner(b"OpenSSH_7.9p1 Debian-10")), Some((LINUX, 10, 0, DEBIAN)));
        assert_eq!(
            by_ssh_banner(b"OpenSSH_9.2p1 Debian-2+deb12u10").map(|s| s.place),
            Some(SignPlace::PackageRevision)
        );
        assert_eq!(said(by_ssh_banner(b"OpenSSH_for_Windows_7.7")), Some((WINDOWS, 0, 0, 0)));
        assert_eq!(
            said(by_ssdp_server(b"Microsoft-Windows-NT/5.1 UPnP/1.0 UPnP-Device-Host/1.0")),
            Some((WINDOWS, 5, 1, 0))
        );
        assert_eq!(said(by_ssdp_server(b"Linux/3.14 UPnP/1.0 MiniUPnPd/1.6")), Some((LINUX, 0, 0, 0)));
    }
}
