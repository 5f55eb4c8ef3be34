//! Remote shells: SSH on any port (RFC 4253 section 4.2), and what its greeting says about the system below
//! (`distro-suffixes.tsv`, `banner-precision.tsv`).
//!
//! Keeps: product and version if listed, the distribution's revision, the release that this revision belongs to, and
//! whether SSH 1 is used. Drops: every other word of the greeting, the lines before it, users and keys.

use super::system::{self, linux, of_family};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::ssh::{Identification, KEX_INIT, Line, Packet, VERSION_1_PUBLIC_KEY};
use auscult_report::fact::{Encryption, Fact, Protocol, SignPlace, Software, SoftwarePlace, SystemFamily, SystemSign};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// SSH.
pub const SSH: Detector = Detector {
    name: "ssh",
    version: 1,
    hears: "The greeting of SSH on any port: product and version if it is a listed one, and the revision that Debian and \
            Ubuntu add, which names their release. A version without such a revision says little: distributions mend \
            old versions without renaming them. SSH 1 is said only where a session uses it; a server that offers 1.99 \
            speaks version 2 as well. Whether users log in by key or by password cannot be heard.",
    sniff,
    start: || Box::new(Ssh::default()),
};

/// A greeting on either side is enough. Both sides greet alike: where only one is heard and the server's port is one
/// that systems give to clients, the key exchange must show who is who.
fn sniff(opening: &Opening<'_>) -> Verdict {
    let half = |octets, server| match second_message(octets) {
        _ if opening.server_port < EPHEMERAL => Verdict::Yes,
        Ok(message) if KEX_OF_SERVERS.contains(&message) == server => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    };
    let waited_for = WELL_KNOWN.contains(&opening.server_port);
    match (greets(opening.client, false), greets(opening.server, waited_for)) {
        (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
        (Verdict::Yes, _) => half(opening.client, false),
        (_, Verdict::Yes) => half(opening.server, true),
        (Verdict::Unsure, Verdict::Unsure) => Verdict::Unsure,
        _ if waited_for && opening.server.is_empty() => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Whether a side begins with an identification, maybe behind other lines; `lines`: whether more than those that are
/// here are waited for.
fn greets(octets: &[u8], lines: bool) -> Verdict {
    let mut rest = octets;
    for _ in 0..MAX_LINES {
        match Line::parse(rest) {
            Ok((Line::Identification(_), _)) => return Verdict::Yes,
            Ok((Line::Other, length)) => rest = rest.get(length..).unwrap_or_default(),
            Err(WireError::Truncated(_)) => break,
            Err(WireError::Malformed(_)) => return Verdict::No,
        }
    }
    let begun = rest.len().min(GREETING.len());
    if rest.starts_with(GREETING) {
        Verdict::Yes
    } else if lines || (rest.len() == octets.len() && rest.get(..begun) == GREETING.get(..begun)) {
        Verdict::Unsure
    } else {
        Verdict::No
    }
}

/// The message behind the list of algorithms: only one side of a key exchange sends it.
fn second_message(octets: &[u8]) -> Result<u8, WireError> {
    let mut rest = octets;
    for _ in 0..MAX_LINES {
        let (line, length) = Line::parse(rest)?;
        rest = rest.get(length..).unwrap_or_default();
        if matches!(line, Line::Identification(_)) {
            let length = usize::try_from(Packet::parse(rest)?.length).unwrap_or(usize::MAX);
            return Packet::parse(rest.get(length..).unwrap_or_default()).map(|p| p.message);
        }
    }
    Err(WireError::Malformed("line"))
}

/// Follows the greeting of one conversation.
#[derive(Default)]
struct Ssh {
    client: Side,
    server: Side,
}

/// One direction.
#[derive(Default)]
struct Side {
    /// protoversion of its identification.
    version: Option<(u8, u8)>,
    /// Lines before it.
    lines: u8,
    /// Packets behind it.
    packets: u8,
    /// Its first packet was one of SSH 1.
    speaks_version_1: bool,
    /// Nothing can be made of it any more.
    deaf: bool,
}

impl Listener for Ssh {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.client.hear(talk.client, |_| {});
        self.server.hear(talk.server, |identification| greeting(identification, said));
        let server_over = self.server.deaf || self.server.packets > 0;
        match (self.client.version, self.server.version) {
            (Some(_), Some(_)) => {}
            (None, Some(_)) if server_over || self.client.deaf => {}
            // Behind its list of algorithms a client needs the server's.
            (Some(_), None) if self.client.packets > 1 => begin(said),
            (_, None) if self.server.deaf => {}
            _ => return Interest::More,
        }
        if self.uses_version_1() {
            said.service(Fact::SshVersion1);
        }
        Interest::Done
    }
}

impl Ssh {
    /// Offered is not used: the server must speak SSH 1 alone, or the client must.
    fn uses_version_1(&self) -> bool {
        let only_1 = |v: (u8, u8)| v.0 == 1 && v.1 != 99;
        let server = self.server.version;
        self.server.speaks_version_1
            || match (self.client.version, server) {
                (Some(client), Some(server)) => client.0 == 1 && server.0 == 1 && (only_1(client) || only_1(server)),
                _ => false,
            }
    }
}

impl Side {
    /// Takes what is complete: lines up to the identification, then the first packets. Work is bounded by the waiting
    /// octets.
    fn hear(&mut self, head: &mut Head, greeting: impl FnOnce(&Identification<'_>)) {
        if head.torn() {
            // Behind a hole nobody can tell where a line or a packet begins.
            self.deaf = true;
        }
        let mut greeting = Some(greeting);
        while !self.deaf {
            let taken = match self.version {
                None => self.line(head.octets(), &mut greeting),
                Some(_) => self.packet(head.octets()),
            };
            match taken {
                Ok(length) => head.skip(length),
                Err(WireError::Truncated(_)) => return,
                Err(WireError::Malformed(_)) => self.deaf = true,
            }
        }
        head.take(head.octets().len());
    }

    fn line(
        &mut self,
        octets: &[u8],
        greeting: &mut Option<impl FnOnce(&Identification<'_>)>,
    ) -> Result<u64, WireError> {
        let (line, length) = Line::parse(octets)?;
        match line {
            Line::Identification(identification) => {
                self.version = Some(identification.version);
                if let Some(greeting) = greeting.take() {
                    greeting(&identification);
                }
            }
            Line::Other if self.lines < MAX_LINES => self.lines = self.lines.saturating_add(1),
            Line::Other => return Err(WireError::Malformed("line")),
        }
        Ok(u64::try_from(length).unwrap_or(u64::MAX))
    }

    fn packet(&mut self, octets: &[u8]) -> Result<u64, WireError> {
        let packet = match Packet::parse(octets) {
            Ok(packet) if self.packets > 0 || packet.message == KEX_INIT => packet,
            Err(WireError::Truncated(field)) => return Err(WireError::Truncated(field)),
            _ => {
                let packet = Packet::parse_version_1(octets)?;
                self.speaks_version_1 |= self.packets == 0 && packet.message == VERSION_1_PUBLIC_KEY;
                packet
            }
        };
        self.packets = self.packets.saturating_add(1);
        Ok(packet.length.into())
    }
}

/// A server greeted.
fn greeting(identification: &Identification<'_>, said: &mut Said<'_>) {
    begin(said);
    if let Some((product, version)) = product(identification) {
        let revision = distribution(identification.comment).and_then(|(_, rest)| Version::leading(rest));
        let place = SoftwarePlace::Greeting;
        said.service(Fact::Software(Software { product, version, revision, place }));
    }
    if let Some(sign) = sign(identification) {
        said.server_host(Fact::System(sign));
    }
}

fn begin(said: &mut Said<'_>) {
    said.protocol(Protocol::Ssh);
    said.answered();
    said.service(Fact::Encryption(Encryption::Tls));
}

/// The listed product that a greeting names: the longest word before a separator (`OpenSSH_for_Windows_8.1`), or a
/// word of the comment where the version stands first (`8.43 FlowSsh: Bitvise SSH Server (WinSSHD) 8.43`).
fn product(identification: &Identification<'_>) -> Option<(Product, Option<Version>)> {
    let software = identification.software.get(..MAX_PRODUCT).unwrap_or(identification.software);
    if software.first()?.is_ascii_digit() {
        let mut words = identification.comment.split(|o| b" :()".contains(o)).filter(|w| !w.is_empty()).take(MAX_WORDS);
        let product = words.find_map(Product::called)?;
        let version = words.find(|w| w.first().is_some_and(u8::is_ascii_digit)).unwrap_or(software);
        return Some((product, Version::leading(version)));
    }
    if let Some(product) = Product::called(software) {
        return Some((product, None));
    }
    let ends = software.iter().enumerate().rev().filter(|(_, o)| b"_-/".contains(o)).map(|(at, _)| at);
    ends.filter_map(|at| software.split_at_checked(at))
        .filter(|(word, _)| !word.is_empty())
        .find_map(|(word, rest)| Product::called(word).map(|p| (p, rest.get(1..).and_then(Version::leading))))
}

/// Who made the package, and its revision: `Debian-2+deb12u10`.
fn distribution(comment: &[u8]) -> Option<(Distribution, &[u8])> {
    DISTRIBUTIONS.iter().find_map(|(word, d)| comment.strip_prefix(word.as_bytes()).map(|rest| (*d, rest)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    Raspbian,
    Ubuntu,
    Bsd,
}

/// What a greeting says about the system: the release where revision or number belong to one, else the family.
fn sign(identification: &Identification<'_>) -> Option<SystemSign> {
    let number = identification.software.strip_prefix(b"OpenSSH_").unwrap_or_default();
    if number.starts_with(b"for_Windows") {
        return Some(of_family(SignPlace::SshBanner, SystemFamily::Windows));
    }
    let (distribution, revision) = distribution(identification.comment)?;
    let (by_revision, maker) = match distribution {
        Distribution::Bsd => return Some(of_family(SignPlace::SshBanner, SystemFamily::Bsd)),
        Distribution::Ubuntu => (ubuntu_release(revision), system::UBUNTU),
        // Raspbian's releases are Debian's.
        Distribution::Debian | Distribution::Raspbian => {
            (debian_release(revision).map(|major| (major, 0)), system::DEBIAN)
        }
    };
    if let Some((major, minor)) = by_revision {
        return Some(linux(SignPlace::PackageRevision, (major, minor), maker));
    }
    let by_number = RELEASES.iter().find(|(d, openssh, prefix, _)| {
        *d == distribution && openssh.as_bytes() == number && revision.starts_with(prefix.as_bytes())
    });
    Some(linux(SignPlace::SshBanner, by_number.map_or((0, 0), |(_, _, _, release)| *release), maker))
}

/// `[~+]debNNuM`: the release is NN.
fn debian_release(revision: &[u8]) -> Option<u8> {
    revision.split(|o| matches!(o, b'+' | b'~')).skip(1).find_map(|part| {
        let (release, rest) = number(part.strip_prefix(b"deb")?)?;
        let update = rest.strip_prefix(b"u")?.first()?;
        (update.is_ascii_digit() && release < 100).then_some(release)
    })
}

/// `ubuntu0?.YY.MM`: the release is YY.MM.
fn ubuntu_release(revision: &[u8]) -> Option<(u8, u8)> {
    let at = revision.windows(UBUNTU.len()).position(|w| w == UBUNTU)?;
    let rest = revision.get(at.saturating_add(UBUNTU.len())..)?;
    let rest = rest.strip_prefix(b"0").unwrap_or(rest).strip_prefix(b".")?;
    let (year, rest) = number(rest)?;
    let (month, _) = number(rest.strip_prefix(b".")?)?;
    ((10..60).contains(&year) && matches!(month, 4 | 10)).then_some((year, month))
}

/// One or two digits, and what follows them.
fn number(text: &[u8]) -> Option<(u8, &[u8])> {
    let len = text.iter().take_while(|o| o.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(len)?;
    let digits = core::str::from_utf8(digits).ok().filter(|d| d.len() <= 2)?;
    Some((digits.parse().ok()?, rest))
}

const DISTRIBUTIONS: &[(&str, Distribution)] = &[
    ("Debian-", Distribution::Debian),
    ("Raspbian-", Distribution::Raspbian),
    ("Ubuntu-", Distribution::Ubuntu),
    ("FreeBSD-", Distribution::Bsd),
    ("NetBSD_Secure_Shell-", Distribution::Bsd),
];

/// `distro-suffixes.tsv`, rows of certainty "good": OpenSSH's number, how the revision begins, the release.
const RELEASES: &[(Distribution, &str, &str, (u8, u8))] = &[
    (Distribution::Debian, "10.0p1", "", (13, 0)),
    (Distribution::Debian, "9.2p1", "", (12, 0)),
    (Distribution::Debian, "8.4p1", "", (11, 0)),
    (Distribution::Debian, "7.9p1", "", (10, 0)),
    (Distribution::Debian, "7.4p1", "", (9, 0)),
    (Distribution::Debian, "6.7p1", "", (8, 0)),
    (Distribution::Ubuntu, "9.6p1", "3ubuntu13", (24, 4)),
    (Distribution::Ubuntu, "8.9p1", "3ubuntu0", (22, 4)),
    (Distribution::Ubuntu, "8.2p1", "4ubuntu0", (20, 4)),
    (Distribution::Ubuntu, "7.6p1", "4ubuntu0", (18, 4)),
    (Distribution::Ubuntu, "7.2p2", "4ubuntu2", (16, 4)),
    (Distribution::Ubuntu, "6.6.1p1", "2ubuntu2", (14, 4)),
];

const UBUNTU: &[u8] = b"ubuntu";

/// What an identification begins with.
const GREETING: &[u8] = b"SSH-";

/// Messages of a key exchange that only servers send: SSH_MSG_KEXDH_REPLY or KEX_DH_GEX_GROUP (31), GEX_REPLY (33).
const KEX_OF_SERVERS: &[u8] = &[31, 33];

/// Ports on which a conversation without a greeting yet is waited for: servers may send other lines first, and clients
/// other octets.
const WELL_KNOWN: &[u16] = &[22, 2222];

/// Lines before an identification: warnings to strangers have about 20.
const MAX_LINES: u8 = 50;

/// Octets of a software version that may be a product: the longest listed word has 19.
const MAX_PRODUCT: usize = 40;

/// Words of a comment that may be a product.
const MAX_WORDS: usize = 8;

/// Ports from here on are given to clients by every system.
const EPHEMERAL: u16 = 32_768;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{facts, hear};
    use super::*;

    /// What is said of a server that greets so.
    fn said_of(greeting: &str) -> Vec<Fact> {
        facts(&hear(&SSH, 22, 5, &[Server(greeting.as_bytes()), Client(b"SSH-2.0-PuTTY_Release_0.83\r\n")]))
    }

    fn software(name: &str, version: &str, revision: &str) -> Fact {
        Fact::Software(Software {
            product: Product::named(name).unwrap(),
            version: Version::exact(version.as_bytes()),
            revision: Version::exact(revision.as_bytes()),
            place: SoftwarePlace::Greeting,
        })
    }

    fn system(place: SignPlace, family: SystemFamily, major: u8, minor: u8, build: u32) -> Fact {
        Fact::System(SystemSign { place, family, major, minor, build })
    }

    /// A list of algorithms that is empty: SSH_MSG_KEXINIT with its padding.
    fn packet(message: u8) -> Vec<u8> {
        [&[0, 0, 0, 20, 6, message][..], &[0; 18]].concat()
    }

    #[test]
    fn a_greeting_names_product_version_revision_and_release() {
        assert_eq!(
            said_of("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n"),
            [
                Fact::Protocol(Protocol::Ssh),
                Fact::Answered,
                Fact::OutsideNetwork,
                Fact::Encryption(Encryption::Tls),
                software("OpenSSH", "9.2p1", "2+deb12u10"),
                system(SignPlace::PackageRevision, SystemFamily::Linux, 12, 0, system::DEBIAN),
            ]
        );
    }

    #[test]
    fn products_are_found_by_their_longest_word() {
        for (greeting, expected) in [
            ("SSH-2.0-dropbear_2022.83\r\n", software("Dropbear", "2022.83", "")),
            ("SSH-2.0-dropbear\r\n", software("Dropbear", "", "")),
            ("SSH-2.0-OpenSSH_for_Windows_8.1\r\n", software("OpenSSH for Windows", "8.1", "")),
            ("SSH-2.0-libssh_0.9.6\r\n", software("libssh", "0.9.6", "")),
            ("SSH-1.99-Cisco-1.25\n", software("Cisco SSH", "1.25", "")),
            ("SSH-2.0-8.43 FlowSsh: Bitvise SSH Server (WinSSHD) 8.43\r\n", software("Bitvise SSH Server", "8.43", "")),
            ("SSH-2.0-1.82 sshlib: WinSSHD 4.28\r\n", software("Bitvise SSH Server", "4.28", "")),
        ] {
            assert!(said_of(greeting).contains(&expected), "{greeting}");
        }
    }

    #[test]
    fn releases_are_told_by_revision_before_number() {
        use SignPlace::{PackageRevision, SshBanner};
        use SystemFamily::{Bsd, Linux, Windows};
        use system::{DEBIAN, UBUNTU};
        for (greeting, expected) in [
            ("OpenSSH_7.4p1 Raspbian-10+deb9u7", (PackageRevision, Linux, 9, 0, DEBIAN)),
            ("OpenSSH_8.4p1 Debian-5~bpo10+1", (SshBanner, Linux, 11, 0, DEBIAN)),
            ("OpenSSH_9.2p1 Debian-2", (SshBanner, Linux, 12, 0, DEBIAN)),
            ("OpenSSH_9.7p1 Debian-4", (SshBanner, Linux, 0, 0, DEBIAN)),
            ("OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", (SshBanner, Linux, 22, 4, UBUNTU)),
            ("OpenSSH_9.0p1 Ubuntu-1ubuntu0.22.04.1", (PackageRevision, Linux, 22, 4, UBUNTU)),
            ("OpenSSH_6.6.1p1 Ubuntu-2ubuntu2.13", (SshBanner, Linux, 14, 4, UBUNTU)),
            ("OpenSSH_7.5 FreeBSD-20170903", (SshBanner, Bsd, 0, 0, 0)),
            ("OpenSSH_for_Windows_8.1", (SshBanner, Windows, 0, 0, 0)),
        ] {
            let (place, family, major, minor, build) = expected;
            let facts = said_of(&format!("SSH-2.0-{greeting}\r\n"));
            assert!(facts.contains(&system(place, family, major, minor, build)), "{greeting}: {facts:?}");
        }
        for silent in ["OpenSSH_7.4", "dropbear_2022.83", "OpenSSH_9.2p1 Smith-2+deb12u10"] {
            let facts = said_of(&format!("SSH-2.0-{silent}\r\n"));
            assert!(!facts.iter().any(|f| matches!(f, Fact::System(_))), "{silent}");
        }
    }

    #[test]
    fn version_1_is_said_where_it_is_used_and_not_where_it_is_offered() {
        let facts = |server: &[u8], client: &[u8]| facts(&hear(&SSH, 22, 3, &[Server(server), Client(client)]));
        let used = |server: &[u8], client: &[u8]| facts(server, client).contains(&Fact::SshVersion1);
        assert!(used(b"SSH-1.5-OpenSSH_1.2\n", b"SSH-1.5-old\n"));
        assert!(used(b"SSH-1.5-OpenSSH_1.2\n", b"SSH-1.99-both\n"));
        assert!(used(b"SSH-1.99-OpenSSH_3.9p1\n", b"SSH-1.5-old\n"));
        assert!(!used(b"SSH-1.99-OpenSSH_3.9p1\n", b"SSH-2.0-OpenSSH_3.8.1p1\n"));
        assert!(!used(b"SSH-1.99-OpenSSH_3.9p1\n", b"SSH-1.99-both\n"));
        assert!(!used(b"SSH-1.5-OpenSSH_1.2\n", b"SSH-2.0-new\n"));
        // Of the server alone: its first packet is a public key of SSH 1 (length 267, padding, type 2).
        assert!(used(b"SSH-1.5-OpenSSH_1.2\n\0\0\x01\x0b\0\0\0\0\0\x02", b""));
    }

    #[test]
    fn lines_before_the_greeting_are_passed_over() {
        let greeting = b"Property of ZZCANARY Clinic\r\nKeep out\r\nSSH-2.0-OpenSSH_7.4\r\n";
        let heard = hear(&SSH, 22, 1, &[Server(greeting), Client(b"SSH-2.0-ZZCANARY\r\n")]);
        assert!(facts(&heard).contains(&software("OpenSSH", "7.4", "")));
        assert!(!format!("{heard:?}").contains("CANARY"));
    }

    #[test]
    fn one_side_is_enough() {
        let server = [&b"SSH-2.0-OpenSSH_7.4\r\n"[..], &packet(20)].concat();
        assert!(facts(&hear(&SSH, 2022, 1, &[Server(&server)])).contains(&Fact::Answered));
        let client = [&b"SSH-2.0-OpenSSH_7.4\r\n"[..], &packet(20), &packet(30)].concat();
        let facts = facts(&hear(&SSH, 2022, 1, &[Client(&client)]));
        assert!(facts.contains(&Fact::Answered) && !facts.iter().any(|f| matches!(f, Fact::Software(_))));
        // A client that nobody answers proves nothing.
        assert_eq!(hear(&SSH, 22, 9, &[Client(b"SSH-2.0-OpenSSH_7.4\r\n")]), []);
    }

    #[test]
    fn on_a_port_of_clients_the_key_exchange_must_show_who_serves() {
        let side = |message| [&b"SSH-2.0-OpenSSH_7.4\r\n"[..], &packet(20), &packet(message)].concat();
        let (client, server) = (side(30), side(31));
        let ask = |client, server| sniff(&Opening { client, server, server_port: 50_000 });
        assert_eq!(ask(b"", &server), Verdict::Yes);
        assert_eq!(ask(b"", &client), Verdict::No);
        assert_eq!(ask(&client, b""), Verdict::Yes);
        assert_eq!(ask(&server, b""), Verdict::No);
        assert_eq!(ask(b"", b"SSH-2.0-OpenSSH_7.4\r\n"), Verdict::Unsure);
        assert_eq!(ask(&client, &server), Verdict::Yes);
    }

    #[test]
    fn other_protocols_are_left_to_others() {
        let ask = |client, server, server_port| sniff(&Opening { client, server, server_port });
        assert_eq!(ask(b"GET / HTTP/1.1\r\n\r\n", b"", 80), Verdict::No);
        assert_eq!(ask(b"", b"220 mail.example ESMTP\r\n", 25), Verdict::No);
        assert_eq!(ask(b"", b"", 25), Verdict::Unsure);
        assert_eq!(ask(b"", b"SS", 25), Verdict::Unsure);
        assert_eq!(ask(b"", b"Keep out\r\n", 22), Verdict::Unsure);
        assert_eq!(ask(b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH_7.4\r\n", 22), Verdict::Yes);
    }

    #[test]
    fn names_in_the_greeting_do_not_leave() {
        for greeting in ["SSH-2.0-ZZCANARY_1.0\r\n", "SSH-2.0-OpenSSH_9.2p1 ZZCANARY\r\n", "SSH-2.0-OpenSSH_ZZCANARY\n"]
        {
            let heard = hear(&SSH, 22, 4, &[Server(greeting.as_bytes())]);
            assert!(!heard.is_empty() && !format!("{heard:?}").contains("CANARY"));
        }
    }

    #[test]
    fn no_mutation_panics_or_goes_on_for_ever() {
        let server = [&b"SSH-2.0-OpenSSH_9.2p1 Ubuntu-1ubuntu0.22.04.1+deb12u3\r\n"[..], &packet(20)].concat();
        let client = [&b"SSH-2.0-8.43 FlowSsh: x\r\n"[..], &packet(20), &packet(30)].concat();
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        for round in 0..3000usize {
            let mut sides = [server.clone(), client.clone()];
            for side in &mut sides {
                for _ in 0..round % 4 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let place = 4 + (seed >> 8) as usize % (side.len() - 4);
                    side[place] = seed as u8;
                }
            }
            let piece = 4 + round % 60;
            let first = sides[0].chunks(piece).next().unwrap();
            if sniff(&Opening { client: b"", server: first, server_port: 22 }) == Verdict::Yes {
                assert!(hear(&SSH, 22, piece, &[Server(&sides[0]), Client(&sides[1])]).len() < 10);
            }
        }
    }
}
