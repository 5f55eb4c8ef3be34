//! What all conversations with data bases have in common, and the three of which little can be heard: SQL Server, Oracle
//! and the transport protocol of Elasticsearch.
//!
//! Keeps: which facts of a conversation were said. Drops: every name, query and row.

use super::system::say_ntlm;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::elasticsearch::Transport;
use crate::wire::ntlm;
use crate::wire::tds;
use crate::wire::tns::Tns;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// Microsoft SQL Server.
pub const MSSQL: Detector = Detector {
    name: "mssql",
    version: 2,
    hears: "Tabular Data Stream on any port: the server's build and its word on encryption from PRELOGIN, and whether a \
            LOGIN7 went out of TLS with a password in it, which is only scrambled. A server that says `off` still \
            protects the login packet: only `not supported` shows it. A login by NTLM names builds of \
            Windows. Names, queries and rows are never read.",
    sniff: sniff_mssql,
    start: || Box::new(Mssql::default()),
};

/// Oracle Database.
pub const ORACLE_TNS: Detector = Detector {
    name: "oracle-tns",
    version: 1,
    hears: "A CONNECT of Oracle's Transparent Network Substrate on any port and whether the listener answered. What \
            follows is not published and not read.",
    sniff: sniff_oracle,
    start: || Box::new(Oracle::default()),
};

/// Elasticsearch's transport protocol.
pub const ELASTICSEARCH: Detector = Detector {
    name: "elasticsearch-transport",
    version: 1,
    hears: "Messages between members of an Elasticsearch cluster out of TLS, on any port, and whether they are \
            answered. Whether an identity was shown cannot be told.",
    sniff: sniff_elasticsearch,
    start: || Box::new(Elasticsearch::default()),
};

/// What one conversation has told: each fact is said once.
#[derive(Debug, Default)]
pub(super) struct Session {
    told: u16,
}

impl Session {
    /// The protocol is sure.
    pub(super) fn opens(&mut self, said: &mut Said<'_>, protocol: Protocol) {
        if self.first(1) {
            said.protocol(protocol);
        }
    }

    /// The server gave a message of the protocol.
    pub(super) fn answers(&mut self, said: &mut Said<'_>) {
        if self.first(1 << 1) {
            said.answered();
        }
    }

    /// Whether the conversation can be read: the first word counts.
    pub(super) fn encryption(&mut self, said: &mut Said<'_>, encryption: Encryption) {
        self.once(said, 1 << 2, Fact::Encryption(encryption));
    }

    /// What became of the client's identity.
    pub(super) fn login(&mut self, said: &mut Said<'_>, login: Login) {
        let mark = match login {
            Login::None => 1 << 3,
            Login::Refused => 1 << 4,
            Login::Used => 1 << 5,
            Login::Unknown => 1 << 6,
        };
        self.once(said, mark, Fact::Login(login));
    }

    /// Data went to a client without an identity.
    pub(super) fn data(&mut self, said: &mut Said<'_>) {
        self.once(said, 1 << 7, Fact::DataServed);
    }

    /// The client's address was turned away.
    pub(super) fn refused(&mut self, said: &mut Said<'_>) {
        self.once(said, 1 << 8, Fact::Refused);
    }

    /// A password crossed readable.
    pub(super) fn password_clear(&mut self, said: &mut Said<'_>) {
        self.once(said, 1 << 9, Fact::DatabasePasswordClear);
    }

    /// A login succeeded with an empty secret: it is no login.
    pub(super) fn empty_password(&mut self, said: &mut Said<'_>) {
        self.once(said, 1 << 10, Fact::DatabaseEmptyPassword);
        self.login(said, Login::None);
    }

    /// The product named itself.
    pub(super) fn software(&mut self, said: &mut Said<'_>, software: Option<Software>) {
        if let Some(software) = software {
            self.once(said, 1 << 11, Fact::Software(software));
        }
    }

    /// Whether data went to a client without an identity.
    pub(super) const fn has_data(&self) -> bool {
        self.told & (1 << 7) != 0
    }

    /// Whether the product named itself.
    pub(super) const fn has_software(&self) -> bool {
        self.told & (1 << 11) != 0
    }

    fn once(&mut self, said: &mut Said<'_>, mark: u16, fact: Fact) {
        if self.first(mark) {
            said.service(fact);
        }
    }

    fn first(&mut self, mark: u16) -> bool {
        let first = self.told & mark == 0;
        self.told |= mark;
        first
    }
}

/// A product with its version and revision.
pub(super) fn software(
    product: &str,
    version: &[u8],
    revision: Option<Version>,
    place: SoftwarePlace,
) -> Option<Software> {
    Some(Software { product: Product::named(product)?, version: Version::leading(version), revision, place })
}

/// What one message brought.
pub(super) enum Step {
    /// It was taken: look for the next.
    Taken,
    /// There is none that is complete.
    Wait,
    /// Nothing more is to be learnt here.
    End(Interest),
}

impl From<WireError> for Step {
    fn from(e: WireError) -> Step {
        match e {
            WireError::Truncated(_) => Step::Wait,
            WireError::Malformed(_) => Step::End(Interest::Done),
        }
    }
}

/// Takes messages until there is none. Each step takes octets away or ends, so that the work is bounded by the octets
/// that wait.
pub(super) fn steps(mut step: impl FnMut() -> Step) -> Interest {
    loop {
        match step() {
            Step::Taken => {}
            Step::Wait => return Interest::More,
            Step::End(interest) => return interest,
        }
    }
}

/// A detector's word on a first message.
pub(super) fn verdict<T>(parsed: &Result<T, WireError>) -> Verdict {
    match parsed {
        Ok(_) => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        Err(WireError::Malformed(_)) => Verdict::No,
    }
}

/// Whether a record of TLS begins here.
pub(super) fn is_tls(octets: &[u8]) -> bool {
    matches!(octets, [0x14..=0x17, 3, 0..=4, ..])
}

fn sniff_mssql(opening: &Opening<'_>) -> Verdict {
    let ours = |octets, kinds: &[tds::Kind]| match tds::packet(octets) {
        Ok((header, data)) if kinds.contains(&header.kind) => match header.kind {
            // A LOGIN7 announces its own length, and the version of TDS is 7.
            tds::Kind::Login => data.get(7).is_some_and(|major| (0x70..=0x7f).contains(major)).then_some(()),
            _ => tds::Prelogin::parse(data).ok().map(|_| ()),
        }
        .ok_or(WireError::Malformed("data")),
        Ok(_) => Err(WireError::Malformed("kind")),
        Err(e) => Err(e),
    };
    if opening.client.is_empty() {
        return verdict(&ours(opening.server, &[tds::Kind::Answer]));
    }
    verdict(&ours(opening.client, &[tds::Kind::Prelogin, tds::Kind::Login]))
}

#[derive(Default)]
struct Mssql {
    session: Session,
    /// The server's word on encryption.
    encryption: Option<u8>,
    shown: Option<tds::Shown>,
}

impl Mssql {
    /// One packet of the client.
    fn asks(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        let octets = talk.client.octets();
        if octets.is_empty() {
            return Step::Wait;
        }
        match octets {
            // The handshake went before it in PRELOGIN packets: nothing of it is left to hear.
            [0x14..=0x17, ..] if self.encryption != Some(ONLY_LOGIN) => return Step::End(Interest::Done),
            // The login is one record; what follows is readable.
            [0x14..=0x17, 3, 0..=4, high, low, ..] => {
                talk.client.skip(5u64.saturating_add(u64::from(u16::from_be_bytes([*high, *low]))));
                return Step::Taken;
            }
            [0x14..=0x17, _, _, _, _, ..] => return Step::End(Interest::Done),
            [0x14..=0x17, ..] => return Step::Wait,
            _ => {}
        }
        let header = match tds::Header::parse(octets) {
            Ok(header) => header,
            Err(e) => return e.into(),
        };
        if header.kind == tds::Kind::Login {
            let (_, data) = match tds::packet(octets) {
                Ok(whole) => whole,
                Err(e) => return e.into(),
            };
            self.session.opens(said, Protocol::Mssql);
            self.shown = tds::login(data).ok();
            if self.shown == Some(tds::Shown::Password) {
                self.session.password_clear(said);
            }
            self.session.encryption(said, Encryption::None);
            say_ntlm(ntlm::find(data), false, said);
        }
        talk.client.skip(u64::from(header.length));
        Step::Taken
    }

    /// One packet of the server.
    fn answers(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        let octets = talk.server.octets();
        if octets.is_empty() {
            return Step::Wait;
        }
        let (header, data) = match tds::packet(octets) {
            Ok(whole) => whole,
            Err(e) => return e.into(),
        };
        let length = u64::from(header.length);
        self.session.opens(said, Protocol::Mssql);
        self.session.answers(said);
        let mut ends = true;
        if let Ok(prelogin) = tds::Prelogin::parse(data)
            && self.encryption.is_none()
        {
            self.encryption = Some(prelogin.encryption);
            let [major, minor, _] = prelogin.version;
            let named = Product::named("Microsoft SQL Server").map(|product| Software {
                product,
                // Some builds have the shape of a date (15.0.2000): then the release must do.
                version: Version::from_numbers(&prelogin.version).or_else(|| Version::from_numbers(&[major, minor])),
                revision: None,
                place: SoftwarePlace::Greeting,
            });
            self.session.software(said, named);
            match prelogin.encryption {
                // Off: the login alone is inside TLS. On, required: everything is.
                ONLY_LOGIN => self.session.encryption(said, Encryption::Partly),
                1 | 3 => self.session.encryption(said, Encryption::Tls),
                _ => {}
            }
            // Only a server without encryption lets the login be heard, one that protects it alone what it says to it.
            ends = !matches!(prelogin.encryption, NOT_SUPPORTED | ONLY_LOGIN);
        } else if header.kind != tds::Kind::Answer {
            // The server's side of the handshake.
            ends = false;
        } else if data.first() == Some(&SSPI) {
            // A login by the domain, whose challenge (MS-TDS 2.2.7.22) may be NTLM's.
            say_ntlm(ntlm::find(data), true, said);
            self.shown = Some(tds::Shown::Other);
            ends = false;
        } else {
            match (tds::verdict(data), self.shown) {
                (tds::Verdict::Accepted, Some(tds::Shown::EmptyPassword)) => self.session.empty_password(said),
                (tds::Verdict::Accepted, Some(_)) => self.session.login(said, Login::Used),
                (tds::Verdict::Refused, _) => self.session.login(said, Login::Refused),
                _ => {}
            }
        }
        talk.server.skip(length);
        if ends { Step::End(Interest::Done) } else { Step::Taken }
    }
}

impl Listener for Mssql {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        steps(|| match self.asks(talk, said) {
            Step::Wait => self.answers(talk, said),
            step => step,
        })
    }
}

fn sniff_oracle(opening: &Opening<'_>) -> Verdict {
    let ours = |octets, kind| match Tns::parse(octets) {
        Ok((heard, _)) if heard == kind => Ok(()),
        Ok(_) => Err(WireError::Malformed("kind")),
        Err(e) => Err(e),
    };
    if opening.client.is_empty() {
        return verdict(&ours(opening.server, Tns::Accept));
    }
    verdict(&ours(opening.client, Tns::Connect))
}

#[derive(Default)]
struct Oracle {
    session: Session,
}

impl Listener for Oracle {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.session.opens(said, Protocol::OracleTns);
        match Tns::parse(talk.server.octets()) {
            Ok((Tns::Accept | Tns::Refuse | Tns::Redirect | Tns::Resend, _)) => {
                self.session.answers(said);
                Interest::Done
            }
            Err(WireError::Truncated(_)) => Interest::More,
            _ => Interest::Done,
        }
    }
}

fn sniff_elasticsearch(opening: &Opening<'_>) -> Verdict {
    let ours = |octets, answers| match Transport::parse(octets) {
        Ok(heard) if heard.answers == answers => Ok(()),
        Ok(_) => Err(WireError::Malformed("status")),
        Err(e) => Err(e),
    };
    if opening.client.is_empty() {
        return verdict(&ours(opening.server, true));
    }
    verdict(&ours(opening.client, false))
}

#[derive(Default)]
struct Elasticsearch {
    session: Session,
}

impl Listener for Elasticsearch {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.session.opens(said, Protocol::Elasticsearch);
        self.session.encryption(said, Encryption::None);
        match Transport::parse(talk.server.octets()) {
            Ok(Transport { answers: true }) => {
                self.session.answers(said);
                Interest::Done
            }
            Err(WireError::Truncated(_)) => Interest::More,
            _ => Interest::Done,
        }
    }
}

/// ENCRYPT_NOT_SUP.
const NOT_SUPPORTED: u8 = 2;
/// ENCRYPT_OFF: the login is inside TLS and nothing else.
const ONLY_LOGIN: u8 = 0;
/// The token of a login by the domain (MS-TDS 2.2.7.22).
const SSPI: u8 = 0xed;

#[cfg(test)]
pub(super) mod trials {
    //! Random octets for the detectors of data bases.
    use super::super::testing::{Says, hear};
    use super::*;

    /// Plays `says` many times with some octets changed, some parts cut, in pieces of any size: whatever comes, the
    /// detector takes it or leaves it.
    pub(in crate::detect) fn mutate(detector: &Detector, says: &[Says<'_>]) {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.checked_rem(below as u64).unwrap_or(0) as usize
        };
        for _ in 0..1500 {
            let mut parts: Vec<(bool, Vec<u8>)> = says
                .iter()
                .map(|s| match s {
                    Says::Client(o) => (true, o.to_vec()),
                    Says::Server(o) => (false, o.to_vec()),
                })
                .collect();
            for _ in 0..=random(4) {
                let part = random(parts.len());
                let octets = &mut parts[part].1;
                match (octets.len(), random(4)) {
                    (0, _) => {}
                    (len, 0) => octets.truncate(random(len)),
                    (len, 1) => octets[random(len)] = 0xff,
                    (len, 2) => octets[random(len)] = random(4) as u8,
                    (len, _) => octets[random(len)] = random(256) as u8,
                }
            }
            let piece = random(60).max(1);
            let says: Vec<Says<'_>> =
                parts.iter().map(|(client, o)| if *client { Says::Client(o) } else { Says::Server(o) }).collect();
            let tried = std::panic::catch_unwind(|| hear(detector, 5000, piece, &says));
            if let Err(cause) = tried {
                // The harness gives up where the detector says No.
                let words = cause.downcast_ref::<String>().expect("the harness's own words");
                assert!(words.contains("does not take"), "{words}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear, is_windows, ntlm_challenge};
    use super::*;
    use auscult_report::fact::SignPlace;

    /// PRELOGIN of `kind`: VERSION 15.0.4153, ENCRYPTION as given.
    fn prelogin(kind: u8, encryption: u8) -> Vec<u8> {
        let mut o = vec![kind, 1, 0, 26, 0, 0, 1, 0]; // kind, status, length, channel, number, window
        o.extend_from_slice(&[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff]); // VERSION at 11, ENCRYPTION at 17, end
        o.extend_from_slice(&[15, 0, 0x10, 0x39, 0, 0, encryption]);
        o
    }

    /// LOGIN7 with a user name of two characters and a password of so many.
    fn login(password: u8) -> Vec<u8> {
        let mut o = vec![0x10, 1, 0, 102, 0, 0, 1, 0];
        let mut data = vec![0; 94];
        data[7] = 0x74; // TDS 7.4
        data[25] = 3; // OptionFlags2: no ticket
        data[42] = 2; // cchUserName
        data[46] = password; // cchPassword
        o.extend_from_slice(&data);
        o
    }

    /// Tabular result: ENVCHANGE, LOGINACK.
    const ACCEPTED: &[u8] = &[4, 1, 0, 16, 0, 0, 1, 0, 0xe3, 2, 0, 1, 1, 0xad, 1, 0];

    fn build() -> Fact {
        Fact::Software(Software {
            product: Product::named("Microsoft SQL Server").unwrap(),
            version: Version::exact(b"15.0.4153"),
            revision: None,
            place: SoftwarePlace::Greeting,
        })
    }

    #[test]
    fn a_login_without_encryption_shows_its_password() {
        let (ask, answer, login) = (prelogin(0x12, 2), prelogin(4, 2), login(8));
        let says = [Says::Client(&ask), Says::Server(&answer), Says::Client(&login), Says::Server(ACCEPTED)];
        for piece in [1, 2000] {
            assert_eq!(
                facts(&hear(&MSSQL, 1433, piece, &says)),
                [
                    Fact::Protocol(Protocol::Mssql),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    build(),
                    Fact::DatabasePasswordClear,
                    Fact::Encryption(Encryption::None),
                    Fact::Login(Login::Used),
                ]
            );
        }
        trials::mutate(&MSSQL, &says);
    }

    #[test]
    fn an_empty_password_is_no_login() {
        let (ask, answer, login) = (prelogin(0x12, 2), prelogin(4, 2), login(0));
        let says = [Says::Client(&ask), Says::Server(&answer), Says::Client(&login), Says::Server(ACCEPTED)];
        let heard = facts(&hear(&MSSQL, 1433, 7, &says));
        assert!(heard.ends_with(&[Fact::DatabaseEmptyPassword, Fact::Login(Login::None)]), "{heard:?}");
        assert!(!heard.contains(&Fact::DatabasePasswordClear));
    }

    #[test]
    fn a_server_that_says_off_still_protects_the_login() {
        let (ask, off, on) = (prelogin(0x12, 0), prelogin(4, 0), prelogin(4, 1));
        let heard = facts(&hear(&MSSQL, 1433, 9, &[Says::Client(&ask), Says::Server(&off)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::Partly)));
        let heard = facts(&hear(&MSSQL, 1433, 9, &[Says::Client(&ask), Says::Server(&on)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::Tls)));
        // Only the server is heard.
        let heard = facts(&hear(&MSSQL, 9999, 1, &[Says::Server(&on)]));
        assert!(heard.contains(&build()));
    }

    #[test]
    fn the_challenge_of_a_login_by_the_domain_names_the_build_of_the_server() {
        let challenge = [&[SSPI, 56, 0][..], &ntlm_challenge(20_348)].concat();
        let answer = [&[4, 1, 0, 67, 0, 0, 1, 0][..], &challenge].concat();
        let handshake = [0x12, 1, 0, 13, 0, 0, 1, 0, 0x16, 3, 3, 0, 0];
        let record = [0x17, 3, 3, 0, 4, 1, 2, 3, 4];
        let reply = [0x11, 1, 0, 12, 0, 0, 1, 0, 1, 2, 3, 4];
        // A server that protects the login alone, and one that protects nothing.
        for (off, steps) in [
            (0, vec![Says::Client(&handshake), Says::Server(&handshake), Says::Client(&record)]),
            (2, vec![Says::Client(&reply)]),
        ] {
            let (ask, offer) = (prelogin(0x12, off), prelogin(4, off));
            let says = [Says::Client(&ask), Says::Server(&offer)].into_iter().chain(steps);
            let ends = [Says::Server(&answer), Says::Client(&reply), Says::Server(ACCEPTED)];
            let says: Vec<Says<'_>> = says.chain(ends).collect();
            for piece in [1, 2000] {
                let heard = facts(&hear(&MSSQL, 1433, piece, &says));
                assert!(is_windows(&heard, SignPlace::NtlmChallenge, 20_348), "{heard:?}");
                assert_eq!(heard.last(), Some(&Fact::Login(Login::Used)));
            }
            trials::mutate(&MSSQL, &says);
        }
    }

    #[test]
    fn a_listener_of_oracle_answers() {
        let mut connect = vec![0, 58, 0, 0, 1, 0, 0, 0, 1, 0x3b, 1, 0x2c];
        connect.extend_from_slice(b"(CONNECT_DATA=(CID=(USER=smith)))");
        let says = [Says::Client(&connect[..]), Says::Server(&[0, 8, 0, 0, 11, 0, 0, 0])];
        assert_eq!(
            facts(&hear(&ORACLE_TNS, 1521, 1, &says)),
            [Fact::Protocol(Protocol::OracleTns), Fact::Answered, Fact::OutsideNetwork]
        );
        trials::mutate(&ORACLE_TNS, &says);
    }

    #[test]
    fn members_of_a_cluster_talk_readably() {
        let ask: &[u8] = b"ES\0\0\0\x0d\0\0\0\0\0\0\0\x01\0\0\x6b\xbb\x4b";
        let answer: &[u8] = b"ES\0\0\0\x0d\0\0\0\0\0\0\0\x01\x01\0\x6b\xbb\x4b";
        let says = [Says::Client(ask), Says::Server(answer)];
        assert_eq!(
            facts(&hear(&ELASTICSEARCH, 9300, 1, &says)),
            [
                Fact::Protocol(Protocol::Elasticsearch),
                Fact::Encryption(Encryption::None),
                Fact::Answered,
                Fact::OutsideNetwork,
            ]
        );
        trials::mutate(&ELASTICSEARCH, &says);
    }
}
