//! PostgreSQL: who answers, how clients show who they are, and whether rows go to those of whom nothing was asked.
//!
//! Keeps: the state of one login, counters. Drops: user and data base names, passwords, queries, columns, rows: of a
//! row only its kind octet is looked at.

use super::database::{Session, Step, is_tls, software, steps, verdict};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::postgresql::{Authentication, First, Header, is_server_kind, message, parameter, reply, state};
use auscult_report::fact::{Encryption, Login, Protocol, Software, SoftwarePlace};
use auscult_report::version::Version;

/// PostgreSQL.
pub const POSTGRESQL: Detector = Detector {
    name: "postgresql",
    version: 1,
    hears: "The start of a PostgreSQL conversation on any port: the request for TLS and its answer, what the server asks \
            for before it lets the client in (nothing, a password as it is, another proof), its version, and rows that \
            went to a client of which nothing was asked. A conversation that was joined in its middle is recognised by an \
            answer up to ReadyForQuery, and gives no word on the login. Names, queries and rows are never read.",
    sniff,
    start: || Box::new(Postgresql::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    if !opening.client.is_empty() {
        let first = verdict(&First::parse(opening.client));
        if first != Verdict::No {
            return first;
        }
    }
    match opening.server {
        [] => {
            if opening.client.is_empty() {
                Verdict::Unsure
            } else {
                Verdict::No
            }
        }
        // The answer to an SSLRequest that was not heard.
        [b'S'] | [b'S', 0x16] | [b'S', 0x16, 3] | [b'N'] => Verdict::Unsure,
        [b'S', rest @ ..] if is_tls(rest) => Verdict::Yes,
        [b'N', b'R', ..] => verdict(&authentication(opening.server.get(1..).unwrap_or_default())),
        [b'R', ..] => verdict(&authentication(opening.server)),
        [b'E', ..] => verdict(&failure(opening.server)),
        _ => verdict(&reply(opening.server)),
    }
}

/// An `R` message.
fn authentication(octets: &[u8]) -> Result<Authentication, WireError> {
    let header = Header::parse(octets)?;
    if header.kind != b'R' || header.body() > MAX_LOGIN_BODY {
        return Err(WireError::Malformed("kind"));
    }
    let (_, body) = message(octets)?;
    Authentication::parse(body).map_err(|_| WireError::Malformed("authentication"))
}

/// The SQLSTATE of an `E` message.
fn failure(octets: &[u8]) -> Result<[u8; 5], WireError> {
    let header = Header::parse(octets)?;
    if header.kind != b'E' || header.body() > MAX_LOGIN_BODY {
        return Err(WireError::Malformed("kind"));
    }
    let (_, body) = message(octets)?;
    state(body).ok_or(WireError::Malformed("error"))
}

#[derive(Default)]
struct Postgresql {
    session: Session,
    /// The client asked for TLS or GSSAPI: one octet of the server answers.
    asked: bool,
    /// The client's first message was heard.
    started: bool,
    /// The client says something else: its first message was not heard.
    joined: bool,
    identity: Identity,
    /// Answers since the login.
    ready: u16,
}

/// What was heard of the client's identity.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// The server said nothing yet.
    #[default]
    Unheard,
    /// The server asked for the password as it is, and no answer was heard yet.
    AskedClear,
    /// The server asked for a proof.
    Asked,
    /// The server let the client in without asking.
    NotAsked,
    /// The server took the proof.
    Shown,
}

impl Listener for Postgresql {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        steps(|| {
            if self.asked {
                return self.choice(talk, said);
            }
            let begins = !self.started && !self.joined;
            if begins && !talk.client.octets().is_empty() && self.identity == Identity::Unheard {
                return self.first(talk, said);
            }
            // A password as it is must be seen before the server's word on it ends everything.
            let client_first = self.identity == Identity::AskedClear;
            let step = if client_first { self.client(talk, said) } else { self.server(talk, said) };
            match step {
                Step::Wait if client_first => self.server(talk, said),
                Step::Wait => self.client(talk, said),
                step => step,
            }
        })
    }
}

impl Postgresql {
    /// The client's first message.
    fn first(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        match First::parse(talk.client.octets()) {
            Ok(First::Tls | First::Gss) => {
                self.session.opens(said, Protocol::Postgresql);
                talk.client.take(First::REQUEST_OCTETS);
                self.asked = true;
            }
            Ok(First::Startup(length)) => {
                self.session.opens(said, Protocol::Postgresql);
                self.session.encryption(said, Encryption::None);
                talk.client.skip(u64::from(length));
                self.started = true;
            }
            Ok(First::Cancel) => {
                self.session.opens(said, Protocol::Postgresql);
                return Step::End(Interest::Done);
            }
            Err(WireError::Truncated(_)) => return Step::Wait,
            Err(WireError::Malformed(_)) => self.joined = true,
        }
        Step::Taken
    }

    /// The server's one octet on a request for TLS or GSSAPI.
    fn choice(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        let Some(choice) = talk.server.octets().first().copied() else {
            if !is_tls(talk.client.octets()) {
                return Step::Wait;
            }
            // The client's half alone tells that the server agreed.
            self.session.encryption(said, Encryption::Tls);
            return Step::End(Interest::Again);
        };
        self.asked = false;
        match choice {
            b'S' | b'G' => {
                self.session.answers(said);
                self.session.encryption(said, Encryption::Tls);
                talk.server.take(1);
                Step::End(if choice == b'S' { Interest::Again } else { Interest::Done })
            }
            b'N' => {
                self.session.answers(said);
                talk.server.take(1);
                Step::Taken
            }
            // Servers before TLS answer with an error message.
            b'E' => Step::Taken,
            _ => Step::End(Interest::Done),
        }
    }

    /// One message of the server.
    fn server(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        let octets = talk.server.octets();
        if !self.started && self.identity == Identity::Unheard {
            match octets {
                [] | [b'S' | b'N'] | [b'S', 0x16] | [b'S', 0x16, 3] => return Step::Wait,
                [b'S', rest @ ..] if is_tls(rest) => {
                    self.session.opens(said, Protocol::Postgresql);
                    self.asked = true;
                    return Step::Taken;
                }
                [b'N', b'R', ..] => {
                    talk.server.take(1);
                    return Step::Taken;
                }
                _ => {}
            }
        }
        let header = match Header::parse(octets) {
            Ok(header) => header,
            Err(e) => return e.into(),
        };
        if !is_server_kind(header.kind) {
            return Step::End(Interest::Done);
        }
        let read = matches!(header.kind, b'R' | b'E' | b'S') && header.body() <= MAX_LOGIN_BODY;
        let body = match (read, message(octets)) {
            (false, _) => &[],
            (true, Ok((_, body))) => body,
            (true, Err(e)) => return e.into(),
        };
        let step = self.heard(header.kind, body, said);
        talk.server.skip(header.whole());
        step
    }

    /// What one message of the server means.
    fn heard(&mut self, kind: u8, body: &[u8], said: &mut Said<'_>) -> Step {
        self.session.opens(said, Protocol::Postgresql);
        self.session.answers(said);
        self.session.encryption(said, Encryption::None);
        match kind {
            b'R' => match Authentication::parse(body) {
                Ok(Authentication::Ok) => self.let_in(said),
                Ok(Authentication::ClearPassword) => self.identity = Identity::AskedClear,
                Ok(Authentication::Other) => self.identity = Identity::Asked,
                Err(_) => return Step::End(Interest::Done),
            },
            b'E' if matches!(self.identity, Identity::Unheard | Identity::Asked | Identity::AskedClear) => {
                if state(body).is_some_and(|s| s.starts_with(b"28")) {
                    // Before it asks for anything, a server refuses by its list of addresses (pg_hba.conf).
                    match self.identity {
                        Identity::Unheard => self.session.refused(said),
                        _ => self.session.login(said, Login::Refused),
                    }
                }
                return Step::End(Interest::Done);
            }
            b'S' => {
                if let Some(value) = parameter(body, b"server_version") {
                    self.session.software(said, announced(value));
                }
            }
            b'D' | b'd' if self.identity == Identity::NotAsked => {
                self.session.data(said);
                return Step::End(Interest::Done);
            }
            b'Z' => {
                self.ready = self.ready.saturating_add(1);
                if self.identity != Identity::NotAsked || self.ready > MAX_ANSWERS {
                    return Step::End(Interest::Done);
                }
            }
            // NegotiateProtocolVersion may come before the login, everything else only after it.
            b'v' => {}
            _ if self.identity == Identity::Unheard => return Step::End(Interest::Done),
            _ => {}
        }
        Step::Taken
    }

    /// AuthenticationOk.
    fn let_in(&mut self, said: &mut Said<'_>) {
        if matches!(self.identity, Identity::Asked | Identity::AskedClear) {
            self.identity = Identity::Shown;
            self.session.login(said, Login::Used);
        } else {
            self.identity = Identity::NotAsked;
            self.session.login(said, Login::None);
        }
    }

    /// One message of the client.
    fn client(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Step {
        let octets = talk.client.octets();
        if octets.is_empty() {
            return Step::Wait;
        }
        let header = match Header::parse(octets) {
            Ok(header) => header,
            Err(e) => return e.into(),
        };
        if header.kind == b'p' {
            // A NUL alone is an empty password: it tells nothing.
            if self.identity == Identity::AskedClear && header.body() > 1 {
                self.session.password_clear(said);
            }
            if matches!(self.identity, Identity::AskedClear | Identity::Unheard) {
                self.identity = Identity::Asked;
            }
        } else if matches!(self.identity, Identity::Unheard | Identity::Asked | Identity::AskedClear) {
            // The server's word on the login was not heard.
            return Step::End(Interest::Done);
        }
        talk.client.skip(header.whole());
        Step::Taken
    }
}

/// `15.20 (Debian 15.20-0+deb12u1)`: the revision is what a distribution put behind its own version.
fn announced(value: &[u8]) -> Option<Software> {
    let inside = value.split(|o| *o == b'(').nth(1).and_then(|rest| rest.strip_suffix(b")"));
    let package = inside.and_then(|words| words.split(|o| *o == b' ').nth(1));
    let suffix = package.and_then(|p| p.split(|o| *o == b'-').nth(1));
    software("PostgreSQL", value, suffix.and_then(Version::exact), SoftwarePlace::Parameter)
}

/// Octets of a message that is read during the login: an error with its hints has a few hundred.
const MAX_LOGIN_BODY: usize = 8 * 1024;

/// Answers after which a client that got no row is left: drivers set up their session with fewer than ten.
const MAX_ANSWERS: u16 = 64;

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::Fact;
    use auscult_report::product::Product;

    const STARTUP: &[u8] = b"\0\0\0\x27\0\x03\0\0user\0zzcanary\0database\0clinic\0\0";
    const TLS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
    /// AuthenticationOk, ParameterStatus, ReadyForQuery.
    const WELCOME: &[u8] =
        b"R\0\0\0\x08\0\0\0\0S\0\0\0\x32server_version\x0015.20 (Debian 15.20-0+deb12u1)\0Z\0\0\0\x05I";
    const QUERY: &[u8] = b"Q\0\0\0\x1bselect * from patients\0";
    /// DataRow with one column, CommandComplete, ReadyForQuery.
    const ROWS: &[u8] = b"D\0\0\0\x1b\0\x01\0\0\0\x11ZZCANARY^PATIENT1C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

    fn version() -> Fact {
        Fact::Software(Software {
            product: Product::named("PostgreSQL").unwrap(),
            version: Version::exact(b"15.20"),
            revision: Version::exact(b"0+deb12u1"),
            place: SoftwarePlace::Parameter,
        })
    }

    #[test]
    fn a_server_that_trusts_everybody_serves_data() {
        let says = [Says::Client(STARTUP), Says::Server(WELCOME), Says::Client(QUERY), Says::Server(ROWS)];
        for piece in [1, 3, 2000] {
            let heard = hear(&POSTGRESQL, 5432, piece, &says);
            assert_eq!(
                facts(&heard),
                [
                    Fact::Protocol(Protocol::Postgresql),
                    Fact::Encryption(Encryption::None),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::Login(Login::None),
                    version(),
                    Fact::DataServed,
                ]
            );
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
        mutate(&POSTGRESQL, &says);
    }

    #[test]
    fn a_password_as_it_is_crosses_readable() {
        let says = [
            Says::Client(STARTUP),
            Says::Server(b"R\0\0\0\x08\0\0\0\x03"),
            Says::Client(b"p\0\0\0\x0dZZSECRET\0"),
            Says::Server(WELCOME),
        ];
        for piece in [1, 2000] {
            let heard = hear(&POSTGRESQL, 5432, piece, &says);
            assert!(
                facts(&heard).ends_with(&[Fact::DatabasePasswordClear, Fact::Login(Login::Used), version()]),
                "{heard:?}"
            );
            assert!(!format!("{heard:?}").contains("ZZ"));
        }
        mutate(&POSTGRESQL, &says);
    }

    #[test]
    fn other_proofs_are_logins_and_may_be_refused() {
        let md5: &[u8] = b"R\0\0\0\x0c\0\0\0\x05salt";
        let proof: &[u8] = b"p\0\0\0\x28md50123456789abcdef0123456789abcdef\0";
        let heard = facts(&hear(
            &POSTGRESQL,
            5432,
            1,
            &[Says::Client(STARTUP), Says::Server(md5), Says::Client(proof), Says::Server(WELCOME)],
        ));
        assert!(heard.contains(&Fact::Login(Login::Used)) && !heard.contains(&Fact::DatabasePasswordClear));
        let wrong: &[u8] = b"E\0\0\0\x20SFATAL\0C28P01\0Mfor zzcanary\0\0";
        let heard = facts(&hear(
            &POSTGRESQL,
            5432,
            1,
            &[Says::Client(STARTUP), Says::Server(md5), Says::Client(proof), Says::Server(wrong)],
        ));
        assert_eq!(heard.last(), Some(&Fact::Login(Login::Refused)));
        assert!(!heard.contains(&Fact::Refused));
    }

    #[test]
    fn an_address_that_is_not_in_the_list_is_refused() {
        let refused: &[u8] = b"E\0\0\0\x20SFATAL\0C28000\0Mno pg_hba.c\0\0";
        let heard = facts(&hear(&POSTGRESQL, 5432, 1, &[Says::Client(STARTUP), Says::Server(refused)]));
        assert_eq!(heard.last(), Some(&Fact::Refused));
        // Only the server is heard.
        let heard = facts(&hear(&POSTGRESQL, 5432, 1, &[Says::Server(refused)]));
        assert_eq!(heard.last(), Some(&Fact::Refused));
    }

    #[test]
    fn tls_is_handed_on_when_the_server_agrees() {
        let hello: &[u8] = &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
        let agreed = [
            Fact::Protocol(Protocol::Postgresql),
            Fact::Answered,
            Fact::OutsideNetwork,
            Fact::Encryption(Encryption::Tls),
        ];
        let says = [Says::Client(TLS), Says::Server(b"S"), Says::Client(hello), Says::Server(hello)];
        assert_eq!(facts(&hear(&POSTGRESQL, 5432, 1, &says)), agreed);
        assert_eq!(facts(&hear(&POSTGRESQL, 5432, 1, &[Says::Server(b"S"), Says::Server(hello)])), agreed);
        let joined = [Says::Server(b"S"), Says::Client(hello), Says::Server(hello)];
        assert_eq!(facts(&hear(&POSTGRESQL, 5432, 2000, &joined)), agreed);
        let heard = facts(&hear(&POSTGRESQL, 5432, 1, &[Says::Client(TLS), Says::Client(hello)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::Tls)));
        mutate(&POSTGRESQL, &says);
    }

    #[test]
    fn a_server_without_tls_goes_on_readable() {
        let says =
            [Says::Client(TLS), Says::Server(b"N"), Says::Client(STARTUP), Says::Server(WELCOME), Says::Server(ROWS)];
        for piece in [1, 2000] {
            let heard = facts(&hear(&POSTGRESQL, 5432, piece, &says));
            assert!(heard.contains(&Fact::Encryption(Encryption::None)));
            assert_eq!(heard.last(), Some(&Fact::DataServed));
        }
        let heard =
            facts(&hear(&POSTGRESQL, 5432, 1, &[Says::Server(b"N"), Says::Server(WELCOME), Says::Server(ROWS)]));
        assert_eq!(heard.last(), Some(&Fact::DataServed));
    }

    #[test]
    fn a_conversation_joined_in_its_middle_gives_no_word_on_the_login() {
        let heard = facts(&hear(&POSTGRESQL, 9999, 1, &[Says::Client(b""), Says::Server(ROWS)]));
        assert_eq!(
            heard,
            [
                Fact::Protocol(Protocol::Postgresql),
                Fact::Answered,
                Fact::OutsideNetwork,
                Fact::Encryption(Encryption::None),
            ]
        );
    }

    #[test]
    fn packages_that_are_not_a_distributions_have_no_revision() {
        let revision = |value: &[u8]| announced(value).and_then(|s| s.revision).map(|r| r.as_str().to_string());
        assert_eq!(revision(b"14.9 (Ubuntu 14.9-0ubuntu0.22.04.1)").as_deref(), Some("0ubuntu0.22.04.1"));
        assert_eq!(revision(b"15.4 (Debian 15.4-1.pgdg120+1)"), None);
        assert_eq!(revision(b"13.4"), None);
        assert_eq!(announced(b"zzcanary").and_then(|s| s.version), None);
    }

    #[test]
    fn other_protocols_are_left_alone() {
        for (client, server) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b""[..]),
            (b"", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            (b"", b"220 mail ESMTP\r\n"),
            (b"", b"RFB 003.008\n"),
            (b"", b"HTTP/1.1 200 OK\r\n"),
            (b"\x16\x03\x01\x02\0", b""),
            (b"\0\0\0\x85\xffSMBr\0\0\0\0", b""),
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 5432 }), Verdict::No, "{client:?} {server:?}");
        }
    }
}
