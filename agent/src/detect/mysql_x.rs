//! The X Protocol of MySQL: who answers, how clients show who they are, and whether rows go to those who do not.
//!
//! Keeps: the state of one login, counters. Drops: schema and user names, secrets, statements, columns, rows: of a row only its
//! header is looked at.

use super::database::{Session, Step, is_tls, steps};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::mysql_x::{self as x, Header, Mechanism, Secret};
use auscult_report::fact::{Encryption, Login, Protocol};

/// The X Protocol of MySQL.
pub const MYSQL_X: Detector = Detector {
    name: "mysql-x",
    version: 1,
    hears: "The X Protocol of MySQL on any port, once a client and a server have both spoken it: the login out of TLS, whether its \
            secret was empty or crossed as it is (PLAIN), and what the server said to it; rows that went to a client with an empty \
            secret. What goes on inside TLS is told as TLS; a session that is compressed is not followed. The server names no \
            version. Names, statements and rows are never read.",
    sniff,
    start: || Box::new(Follows::default()),
};

/// Both sides must have spoken: what one says is short.
fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = side(opening.client, |header, body| match header.kind {
        Header::CAPABILITIES_GET => body.is_empty(),
        Header::CAPABILITIES_SET => x::capabilities_set(body).is_ok(),
        Header::AUTHENTICATE_START => x::login(body).is_ok(),
        _ => false,
    });
    let server = side(opening.server, |header, body| match header.kind {
        Header::NOTICE => x::notice(body).is_ok(),
        Header::CAPABILITIES => x::capabilities(body).is_ok(),
        Header::ERROR => x::failure(body).is_ok(),
        Header::CHALLENGE => x::proof(body).is_ok(),
        Header::OK => body.is_empty(),
        _ => false,
    });
    match (client, server) {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

/// One side's first message.
fn side(octets: &[u8], fits: impl Fn(Header, &[u8]) -> bool) -> Verdict {
    match x::message(octets) {
        Ok((header, body)) if fits(header, body) => Verdict::Yes,
        Err(WireError::Truncated(_)) if octets.get(4).is_none_or(|kind| OPENING_KINDS.contains(kind)) => {
            Verdict::Unsure
        }
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Follows {
    session: Session,
    mechanism: Option<Mechanism>,
    secret: Shown,
    asked_tls: bool,
    logged_in: bool,
    replies: u16,
}

/// What was heard of the client's secret.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Shown {
    #[default]
    Unheard,
    Empty,
    There,
}

impl Listener for Follows {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        self.session.opens(said, Protocol::MysqlX);
        steps(|| match self.client(talk.client, said) {
            Step::Wait => self.server(talk.server, said),
            step => step,
        })
    }
}

impl Follows {
    /// How the next message begins; TLS that was asked for ends what is readable.
    fn header(&mut self, head: &Head, said: &mut Said<'_>) -> Result<Header, Step> {
        if self.asked_tls && is_tls(head.octets()) {
            self.session.encryption(said, Encryption::Tls);
            return Err(Step::End(Interest::Again));
        }
        Ok(Header::parse(head.octets())?)
    }

    /// A message of the client.
    fn client(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let header = match self.header(head, said) {
            Ok(header) => header,
            Err(step) => return step,
        };
        let is_login = matches!(header.kind, Header::AUTHENTICATE_START | Header::AUTHENTICATE_CONTINUE);
        if self.logged_in || !(is_login || header.kind == Header::CAPABILITIES_SET) {
            head.skip(header.whole());
            return Step::Taken;
        }
        let body = match x::message(head.octets()) {
            Ok((_, body)) => body,
            Err(e) => return e.into(),
        };
        let secret = match header.kind {
            Header::CAPABILITIES_SET => x::capabilities_set(body).map(|tls| {
                self.asked_tls |= tls;
                None
            }),
            Header::AUTHENTICATE_START => x::login(body).map(|(mechanism, secret)| {
                self.mechanism = Some(mechanism);
                self.secret = Shown::Unheard;
                Some(secret)
            }),
            _ => x::proof(body).map(Some),
        };
        let Ok(secret) = secret else { return Step::End(Interest::Done) };
        if let Some(secret) = secret {
            self.session.encryption(said, Encryption::None);
            self.shows(secret, said);
        }
        head.skip(header.whole());
        Step::Taken
    }

    /// A secret was shown. What an unknown mechanism shows says nothing about a password.
    fn shows(&mut self, secret: Secret, said: &mut Said<'_>) {
        match (self.mechanism, secret) {
            (Some(Mechanism::Plain), Secret::There) => {
                self.session.password_clear(said);
                self.secret = Shown::There;
            }
            (Some(Mechanism::Proof), Secret::There) | (Some(Mechanism::Other), _) => self.secret = Shown::There,
            (Some(Mechanism::Plain | Mechanism::Proof), Secret::Empty) => self.secret = Shown::Empty,
            _ => {}
        }
    }

    /// A message of the server.
    fn server(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let header = match self.header(head, said) {
            Ok(header) => header,
            Err(step) => return step,
        };
        self.session.answers(said);
        self.replies = self.replies.saturating_add(1);
        let interest = match header.kind {
            Header::ERROR if !self.logged_in => {
                let body = match x::message(head.octets()) {
                    Ok((_, body)) => body,
                    Err(e) => return e.into(),
                };
                self.failed(body, said)
            }
            Header::AUTHENTICATED => self.accepted(said),
            Header::ROW if self.logged_in => {
                self.session.data(said);
                Interest::Done
            }
            Header::COMPRESSION => Interest::Done,
            _ => Interest::More,
        };
        head.skip(header.whole());
        if interest == Interest::More && self.replies <= MAX_REPLIES { Step::Taken } else { Step::End(Interest::Done) }
    }

    /// A client whose password was refused may try another mechanism.
    fn failed(&mut self, body: &[u8], said: &mut Said<'_>) -> Interest {
        match x::failure(body) {
            Ok((HOST_IS_BLOCKED | HOST_NOT_PRIVILEGED, _)) => self.session.refused(said),
            Ok((ACCESS_DENIED | ACCESS_DENIED_NO_PASSWORD, _) | (_, true)) if self.mechanism.is_some() => {
                self.session.login(said, Login::Refused);
            }
            Ok(_) => {}
            Err(_) => return Interest::Done,
        }
        Interest::More
    }

    fn accepted(&mut self, said: &mut Said<'_>) -> Interest {
        match self.secret {
            Shown::Empty => {
                self.session.empty_password(said);
                self.logged_in = true;
                return Interest::More;
            }
            Shown::There => self.session.login(said, Login::Used),
            Shown::Unheard => {}
        }
        Interest::Done
    }
}

/// Kinds with which either side may begin.
const OPENING_KINDS: [u8; 6] = [
    Header::OK,
    Header::CAPABILITIES_GET,
    Header::CAPABILITIES_SET,
    Header::CHALLENGE,
    Header::AUTHENTICATE_START,
    Header::NOTICE,
];

const ACCESS_DENIED: u16 = 1045;
const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
const HOST_IS_BLOCKED: u16 = 1129;
const HOST_NOT_PRIVILEGED: u16 = 1130;

/// Messages after which a client that got no row is left: a login has fewer than ten, a statement one a column and a few.
const MAX_REPLIES: u16 = 256;

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::super::{DETECTORS, mysql};
    use super::*;
    use auscult_report::fact::Fact;
    use std::panic::catch_unwind;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        // length, kind, body
        [&(body.len() as u32).saturating_add(1).to_le_bytes()[..], &[kind], body].concat()
    }

    /// field 1: 5, a greeting; field 3: nothing
    const HELLO: &[u8] = &[5, 0, 0, 0, 11, 0x08, 5, 0x1a, 0];
    /// What can you do?
    const GET: &[u8] = &[1, 0, 0, 0, 1];

    /// A login by a challenge with this answer, after the greeting.
    fn login(proof: &[u8], rows: &[Vec<u8>]) -> Vec<Fact> {
        let capabilities = message(2, b"\x0a\x07\x0a\x03tls\x12\x00");
        let start = message(4, b"\x0a\x07MYSQL41");
        let challenge = message(3, b"\x0a\x0401234"[..6].as_ref());
        let proof = message(5, &[&[0x0a, proof.len() as u8], proof].concat());
        let accepted = message(4, b"");
        let mut says = vec![
            Says::Server(HELLO),
            Says::Client(GET),
            Says::Server(&capabilities),
            Says::Client(&start),
            Says::Server(&challenge),
            Says::Client(&proof),
            Says::Server(&accepted),
        ];
        says.extend(rows.iter().map(|r| Says::Server(r)));
        mutate(&MYSQL_X, &says);
        facts(&hear(&MYSQL_X, 33_060, 3, &says))
    }

    const BEGINNING: [Fact; 4] =
        [Fact::Protocol(Protocol::MysqlX), Fact::Answered, Fact::OutsideNetwork, Fact::Encryption(Encryption::None)];

    #[test]
    fn a_login_with_a_password_is_used_and_nothing_of_it_is_kept() {
        let heard = login(b"\0zzuser\0*00112233", &[]);
        assert_eq!(heard, [&BEGINNING[..], &[Fact::Login(Login::Used)]].concat());
        assert!(!format!("{heard:?}").contains("zz"));
    }

    #[test]
    fn rows_to_an_empty_password_are_handed_over_without_a_login() {
        // columns, a row
        let rows = [message(12, b"\x08\x07\x12\x01n"), message(13, b"\x0a\x03ZZ\0")];
        let heard = login(b"\0zzuser\0", &rows);
        let end = [Fact::DatabaseEmptyPassword, Fact::Login(Login::None), Fact::DataServed];
        assert_eq!(heard, [&BEGINNING[..], &end].concat());
    }

    #[test]
    fn a_password_as_it_is_and_a_refusal_are_told() {
        let start = message(4, b"\x0a\x05PLAIN\x12\x05\0u\0pw");
        // severity 1, code 1045, state 28000, a sentence
        let refused = message(1, b"\x08\x01\x10\x95\x08\x22\x0528000\x1a\x02no");
        let heard =
            facts(&hear(&MYSQL_X, 33_060, 1, &[Says::Server(HELLO), Says::Client(&start), Says::Server(&refused)]));
        let end = [Fact::Encryption(Encryption::None), Fact::DatabasePasswordClear, Fact::Answered];
        assert_eq!(heard[1..4], end);
        assert_eq!(heard.last(), Some(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn a_client_that_asks_for_tls_hands_the_conversation_on() {
        let set = message(2, b"\x0a\x11\x0a\x0f\x0a\x03tls\x12\x08\x08\x01\x12\x04\x08\x07\x40\x01");
        let ok = message(0, b"");
        let hello: &[u8] = &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
        let says = [Says::Server(HELLO), Says::Client(&set), Says::Server(&ok), Says::Client(hello)];
        assert_eq!(facts(&hear(&MYSQL_X, 33_060, 1, &says)).last(), Some(&Fact::Encryption(Encryption::Tls)));
    }

    #[test]
    fn one_side_alone_proves_nothing_and_others_are_left_alone() {
        let opening = |client, server| sniff(&Opening { client, server, server_port: 33_060 });
        assert_eq!(opening(GET, b""), Verdict::Unsure);
        assert_eq!(opening(b"", HELLO), Verdict::Unsure);
        assert_eq!(opening(GET, HELLO), Verdict::Yes);
        assert_eq!(opening(GET, b"HTTP/1.1 400 Bad Request\r\n"), Verdict::No);
        assert_eq!(opening(b"GET / HTTP/1.1\r\n", HELLO), Verdict::No);
        assert_eq!(opening(&[1, 0, 0, 0, 3], HELLO), Verdict::No, "a farewell");
        // The greeting of the classic protocol.
        assert_eq!(opening(b"", b"\x4a\0\0\0\x0a5.7.44\0"), Verdict::No);
        assert_eq!((mysql::MYSQL.sniff)(&Opening { client: GET, server: HELLO, server_port: 3306 }), Verdict::No);
        let both = Opening { client: GET, server: HELLO, server_port: 33_060 };
        let names: Vec<_> = DETECTORS.iter().filter(|d| (d.sniff)(&both) == Verdict::Yes).map(|d| d.name).collect();
        assert_eq!(names, ["mysql-x"]);
        assert!(catch_unwind(|| hear(&MYSQL_X, 33_060, 1, &[Says::Client(b"*1\r\n$4\r\nPING\r\n")])).is_err());
    }
}
