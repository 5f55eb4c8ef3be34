//! What SMB messages tell of a share: what the server chose, who came in without an identity, and whether anybody on
//! the way can read along.
//!
//! Keeps: the dialect, signatures, encryption, how logins ended, whether a guest reached a share of files and read from
//! it, the system and the product that the two sides name in words of a closed list or as numbers. Drops: names of
//! users, hosts, domains, shares and files, and every octet of data.

use super::Said;
use super::system::{DEBIAN, UBUNTU, by_native_os, by_ntlm, linux};
use crate::wire::smb::Share;
use crate::wire::{ntlm, smb1, smb2};
use auscult_report::fact::{
    Encryption, Fact, Login, Protocol, SignPlace, SmbDialect, SmbSigning, Software, SoftwarePlace, SystemFamily,
};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// What was heard in one conversation, message by message.
#[derive(Default)]
pub(super) struct Shares {
    /// What was said, to say it once a conversation.
    pub(super) told: Vec<(Fact, About)>,
    /// Messages since something new was said.
    quiet: u32,
    /// Requests to log in that are not answered yet, and whether they show no identity.
    logins: Vec<(u64, bool)>,
    /// Sessions, and whether they came without an identity.
    sessions: Vec<(u64, bool)>,
    /// Connected shares: session, tree, kind.
    trees: Vec<(u64, u32, Share)>,
}

/// Whom a fact is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Service,
    ServerHost,
    ClientHost,
}

impl Shares {
    /// A message passed.
    pub(super) fn one_more(&mut self) {
        self.quiet = self.quiet.saturating_add(1);
    }

    /// MS-CIFS 2.2.4: a request.
    pub(super) fn request1(&mut self, message: &[u8], said: &mut Said<'_>) {
        let Ok(header) = smb1::Header::read(message) else { return };
        if header.response {
            return;
        }
        let has_tree = !matches!(header.tree, 0 | 0xffff);
        if (header.user != 0 || has_tree) && header.command != smb1::SESSION_SETUP {
            // Only a server gives out numbers of users and trees.
            self.answered(said);
            self.service(Fact::SmbDialect(SmbDialect::Smb1), said);
        }
        let Some(block) = smb1::blocks(message, header.command).next() else { return };
        if header.command == smb1::SESSION_SETUP {
            let session = block.session(header.unicode, false);
            let blob = ntlm::find(block.bytes);
            let nameless = blob.map_or(session.nameless, |m| m.anonymous);
            keep(&mut self.logins, (u64::from(header.multiplex), nameless), MAX_LOGINS);
            let native = by_native_os(session.system.octets());
            if let Some(sign) = native {
                self.tell(Fact::System(sign), About::ClientHost, said);
            }
            // Samba and Apple's client write a Windows number into NTLM; their own words are the better ones.
            let not_windows = |w: &[u8]| [&b"Unix"[..], b"Samba", b"Mac OS", b"Linux"].iter().any(|n| w.starts_with(n));
            if !not_windows(session.system.octets()) && !not_windows(session.lanman.octets()) {
                self.ntlm(blob, About::ClientHost, said);
            }
        }
    }

    /// MS-CIFS 2.2.4: a response.
    pub(super) fn response1(&mut self, message: &[u8], said: &mut Said<'_>) {
        let Ok(header) = smb1::Header::read(message) else { return };
        if !header.response {
            return;
        }
        self.answered(said);
        for block in smb1::blocks(message, header.command) {
            match block.command {
                smb1::NEGOTIATE => self.choice1(header, &block, said),
                smb1::SESSION_SETUP => self.session1(header, &block, said),
                _ if header.status != 0 => {}
                smb1::TREE => {
                    self.connected(u64::from(header.user), u32::from(header.tree), block.share(), said);
                }
                smb1::READ | smb1::READ_ANDX => {
                    let read = block.read_octets() > 0;
                    self.files(u64::from(header.user), u32::from(header.tree), read, said);
                }
                _ => self.files(u64::from(header.user), u32::from(header.tree), false, said),
            }
            if header.status == 0 && header.command != smb1::NEGOTIATE {
                self.service(Fact::SmbDialect(SmbDialect::Smb1), said);
            }
        }
    }

    /// A server that answers with SMB1's own message chose one of its dialects: it would answer with SMB2's to choose
    /// that.
    fn choice1(&mut self, header: smb1::Header, block: &smb1::Block<'_>, said: &mut Said<'_>) {
        match block.choice() {
            Ok(choice) if header.status == 0 && choice.dialect.is_some() => {
                self.service(Fact::SmbDialect(SmbDialect::Smb1), said);
                self.service(Fact::SmbSigning(signing(choice.signing)), said);
            }
            _ => self.service(Fact::Refused, said),
        }
    }

    fn session1(&mut self, header: smb1::Header, block: &smb1::Block<'_>, said: &mut Said<'_>) {
        let session = block.session(header.unicode, true);
        if block.words.len() >= 6 {
            self.native(session.system.octets(), session.lanman.octets(), said);
            if !session.lanman.octets().starts_with(b"Samba") {
                self.ntlm(ntlm::find(block.bytes), About::ServerHost, said);
            }
        }
        let asked = self.login_of(u64::from(header.multiplex), header.status);
        let nameless = if block.is_guest() { Some(true) } else { asked };
        self.login(u64::from(header.user), header.status, nameless, said);
    }

    /// NativeOS and NativeLanMan of a server.
    fn native(&mut self, system: &[u8], lanman: &[u8], said: &mut Said<'_>) {
        let software = |name, version, revision| {
            let product = Product::named(name)?;
            Some(Software { product, version, revision, place: SoftwarePlace::NativeLanman })
        };
        if let Some(version) = lanman.strip_prefix(b"Samba ") {
            // `4.17.12-Debian`: the number, then what the distribution added.
            let mut parts = version.splitn(2, |o| *o == b'-');
            let (number, added) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let named = software("Samba", Version::leading(number), Version::exact(added));
            if let Some(software) = named {
                self.service(Fact::Software(software), said);
            }
            let distributions = [(&b"Debian"[..], DEBIAN), (b"Ubuntu", UBUNTU)];
            if let Some(d) = distributions.iter().find(|d| added.starts_with(d.0)) {
                self.tell(Fact::System(linux(SignPlace::SmbNativeOs, (0, 0), d.1)), About::ServerHost, said);
            }
            return;
        }
        let Some(sign) = by_native_os(system) else { return };
        self.tell(Fact::System(sign), About::ServerHost, said);
        if sign.family == SystemFamily::Windows {
            let numbers = [u32::from(sign.major), u32::from(sign.minor), sign.build];
            let count = if sign.build > 0 { 3 } else { 2 };
            let version = numbers.get(..count).and_then(Version::from_numbers);
            if let Some(software) = software("Windows", version, None) {
                self.service(Fact::Software(software), said);
            }
        }
    }

    /// MS-SMB2 2.2: a message of a chain.
    pub(super) fn message2(&mut self, header: smb2::Header, body: &[u8], server: bool, said: &mut Said<'_>) {
        if header.response != server {
            return;
        }
        if server || (header.session != 0 && header.command != smb2::SESSION_SETUP) {
            // Only a server gives out numbers of sessions.
            self.answered(said);
        }
        if !server {
            if header.command == smb2::SESSION_SETUP {
                let blob = ntlm::find(body);
                keep(&mut self.logins, (header.message, blob.is_some_and(|m| m.anonymous)), MAX_LOGINS);
                self.ntlm(blob, About::ClientHost, said);
            }
            return;
        }
        match (header.command, header.status) {
            (smb2::NEGOTIATE, 0) => self.choice2(body, said),
            (smb2::NEGOTIATE, NOT_SUPPORTED) => self.service(Fact::Refused, said),
            (smb2::SESSION_SETUP, _) => self.session2(header, body, said),
            (smb2::TREE_CONNECT, 0) => {
                let Ok((share, _)) = smb2::tree_connected(body) else { return };
                self.connected(header.session, header.tree, share, said);
            }
            (smb2::READ, 0) => {
                let read = smb2::read_octets(body).is_ok_and(|n| n > 0);
                self.files(header.session, header.tree, read, said);
            }
            (smb2::CREATE | smb2::WRITE | smb2::QUERY_DIRECTORY, 0) => {
                self.files(header.session, header.tree, false, said);
            }
            _ => {}
        }
    }

    fn choice2(&mut self, body: &[u8], said: &mut Said<'_>) {
        let Ok(choice) = smb2::choice(body) else { return };
        let dialect = match choice.dialect {
            0x0202 => SmbDialect::Smb202,
            0x0210 => SmbDialect::Smb210,
            0x0300 => SmbDialect::Smb300,
            0x0302 => SmbDialect::Smb302,
            0x0311 => SmbDialect::Smb311,
            // 0x02FF: the client shall negotiate again.
            _ => return,
        };
        self.service(Fact::SmbDialect(dialect), said);
        self.service(Fact::SmbSigning(signing(choice.signing)), said);
    }

    fn session2(&mut self, header: smb2::Header, body: &[u8], said: &mut Said<'_>) {
        self.ntlm(ntlm::find(body), About::ServerHost, said);
        let asked = self.login_of(header.message, header.status);
        let flags = smb2::session_flags(body).unwrap_or(0);
        if header.status == 0 && flags & 4 != 0 {
            self.service(Fact::Encryption(Encryption::Tls), said);
        }
        let nameless = flags & 3 != 0 || asked == Some(true);
        self.login(header.session, header.status, Some(nameless), said);
    }

    /// How a request to log in ended; `nameless` is `None` where nobody heard the request and the answer does not say.
    fn login(&mut self, session: u64, status: u32, nameless: Option<bool>, said: &mut Said<'_>) {
        if status == 0 {
            let login = match nameless {
                Some(true) => Login::None,
                Some(false) => Login::Used,
                None => Login::Unknown,
            };
            self.service(Fact::Login(login), said);
            self.sessions.retain(|s| s.0 != session);
            keep(&mut self.sessions, (session, nameless == Some(true)), MAX_SESSIONS);
        } else if REFUSALS.contains(&status) {
            self.service(Fact::Login(Login::Refused), said);
        }
    }

    /// Whether the request that is answered now showed no identity. It stays until the last answer.
    fn login_of(&mut self, message: u64, status: u32) -> Option<bool> {
        let nameless = self.logins.iter().rev().find(|l| l.0 == message).map(|l| l.1);
        if status != MORE_PROCESSING {
            self.logins.retain(|l| l.0 != message);
        }
        nameless
    }

    /// A share was connected.
    fn connected(&mut self, session: u64, tree: u32, share: Share, said: &mut Said<'_>) {
        self.trees.retain(|t| (t.0, t.1) != (session, tree));
        keep(&mut self.trees, (session, tree, share), MAX_TREES);
        if share != Share::Files {
            return;
        }
        self.clear(said);
        if self.is_nameless(session) {
            self.service(Fact::FileAnonymous, said);
        }
    }

    /// A file was touched, and octets of it were `read`.
    fn files(&mut self, session: u64, tree: u32, read: bool, said: &mut Said<'_>) {
        // Where the share's connection was not heard it is not known to be one of files.
        let share = self.trees.iter().find(|t| (t.0, t.1) == (session, tree)).map(|t| t.2);
        if share == Some(Share::Pipe) {
            return;
        }
        self.clear(said);
        if read && share == Some(Share::Files) && self.is_nameless(session) {
            self.service(Fact::DataServed, said);
        }
    }

    fn is_nameless(&self, session: u64) -> bool {
        self.sessions.contains(&(session, true))
    }

    /// Files were reached readable by anybody on the way.
    fn clear(&mut self, said: &mut Said<'_>) {
        self.service(Fact::Encryption(Encryption::None), said);
    }

    /// The server gave a message: the service exists and answers.
    pub(super) fn answered(&mut self, said: &mut Said<'_>) {
        if !self.has_told(Fact::Answered) {
            self.service(Fact::Protocol(Protocol::Smb), said);
            self.remember(Fact::Answered, About::Service);
            said.answered();
        }
    }

    fn ntlm(&mut self, message: Option<ntlm::Message>, about: About, said: &mut Said<'_>) {
        if let Some(sign) = message.and_then(|m| by_ntlm(&m, about == About::ServerHost)) {
            self.tell(Fact::System(sign), about, said);
        }
    }

    pub(super) fn service(&mut self, fact: Fact, said: &mut Said<'_>) {
        self.tell(fact, About::Service, said);
    }

    /// Says a fact once a conversation.
    fn tell(&mut self, fact: Fact, about: About, said: &mut Said<'_>) {
        if self.told.contains(&(fact, about)) || !self.remember(fact, about) {
            return;
        }
        match about {
            About::Service => said.service(fact),
            About::ServerHost => said.server_host(fact),
            About::ClientHost => said.client_host(fact),
        }
    }

    fn remember(&mut self, fact: Fact, about: About) -> bool {
        let room = self.told.len() < MAX_TOLD;
        if room {
            self.told.push((fact, about));
            self.quiet = 0;
        }
        room
    }

    fn has_told(&self, fact: Fact) -> bool {
        self.told.contains(&(fact, About::Service))
    }

    /// Nothing new can be learnt, or nothing was for a long time.
    pub(super) fn is_done(&self) -> bool {
        let encrypted = self.has_told(Fact::Encryption(Encryption::Tls));
        let clear = self.has_told(Fact::Encryption(Encryption::None));
        let named = self.has_told(Fact::Login(Login::Used));
        let served = self.has_told(Fact::DataServed);
        encrypted || served || (clear && named) || self.quiet > MAX_QUIET
    }
}

/// Remembers a thing, and forgets the oldest when there are `most`.
fn keep<T>(things: &mut Vec<T>, thing: T, most: usize) {
    if things.len() >= most {
        things.remove(0);
    }
    things.push(thing);
}

const fn signing((known, required): (bool, bool)) -> SmbSigning {
    match (known, required) {
        (_, true) => SmbSigning::Required,
        (true, false) => SmbSigning::Optional,
        (false, false) => SmbSigning::Off,
    }
}

/// Statuses (MS-ERREF 2.3; of DOS, MS-CIFS 2.2.2.4) with which a login is refused: no such user, wrong password, no
/// logon, restrictions of the account (6E to 72), access denied, expired, locked, password must change, logon type, no
/// domain controller; bad password and no access of DOS.
const REFUSALS: &[u32] = &[
    0xc000_0064,
    0xc000_006a,
    0xc000_006d,
    0xc000_006e,
    0xc000_006f,
    0xc000_0070,
    0xc000_0071,
    0xc000_0072,
    0xc000_0022,
    0xc000_0193,
    0xc000_0234,
    0xc000_0224,
    0xc000_015b,
    0xc000_005e,
    0x0002_0002,
    0x0005_0001,
];

/// A login goes on (MS-ERREF 2.3).
const MORE_PROCESSING: u32 = 0xc000_0016;

/// The server takes none of the dialects (MS-ERREF 2.3).
const NOT_SUPPORTED: u32 = 0xc000_00bb;

/// Logins that wait for their answer: a client has one, a terminal server a few.
const MAX_LOGINS: usize = 8;

/// Sessions of a conversation: a client has one or two, a terminal server one a user; the oldest are forgotten.
const MAX_SESSIONS: usize = 16;

/// Shares of a conversation: a client has its drives and IPC$; the oldest are forgotten.
const MAX_TREES: usize = 32;

/// Facts of a conversation: fewer than twenty kinds exist, more would be a server that changes its mind.
const MAX_TOLD: usize = 32;

/// Messages without anything new after which a conversation has told what it can: opening a folder takes about ten, a
/// guest that has a share and reads nothing has been seen.
const MAX_QUIET: u32 = 2000;
