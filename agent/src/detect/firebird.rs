//! Firebird (and InterBase, its parent): who answers, what becomes of a login, and whether what follows is encrypted.
//!
//! Keeps: the state of one login. Drops: file names of data bases, names, proofs, statements, rows.

use super::database::{Session, Step, steps};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::firebird::{Answer, Ask, Shown};
use auscult_report::fact::{Encryption, Login, Protocol};

/// Firebird.
pub const FIREBIRD: Detector = Detector {
    name: "firebird",
    version: 1,
    hears: "The handshake of Firebird and InterBase on any port, what became of the login, and whether the session is encrypted \
            afterwards by the protocol's own plugins (told as partly: file and user names cross before it, and nothing proves the \
            server). A password counts as readable only where it stands in an attachment as it is; the hash of Legacy_Auth (eight \
            characters, DES) and the proofs of Srp do not. A compressed session is not followed. The server names no version before \
            a login. Names, statements and rows are never read.",
    sniff,
    start: || Box::new(Follows::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = match Ask::parse(opening.client) {
        Ok((Ask::Connect, _)) => Verdict::Yes,
        Err(WireError::Truncated(_)) if begins_as_connect(opening.client) => Verdict::Unsure,
        _ => Verdict::No,
    };
    let server = match Answer::parse(opening.server) {
        Ok((answer, _)) if may_open(answer) => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    };
    match (client, server) {
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        (Verdict::Yes, _) => Verdict::Yes,
        _ => Verdict::Unsure,
    }
}

/// Whether the operation, as far as it is there, is a connection.
fn begins_as_connect(octets: &[u8]) -> bool {
    octets.iter().zip([0, 0, 0, 1]).all(|(heard, wanted)| *heard == wanted)
}

/// What a server may say to a connection.
const fn may_open(answer: Answer) -> bool {
    matches!(answer, Answer::Accept { .. } | Answer::Reject | Answer::Response(_))
}

#[derive(Default)]
struct Follows {
    session: Session,
    /// The server answered: its first word was one of this protocol.
    is_server: bool,
    /// It took one of the client's versions: before that nobody can be let in.
    is_accepted: bool,
    /// The client's next octets are not its own any more.
    is_closed: bool,
    encryption: Option<Encryption>,
    shown: Option<Shown>,
    verdict: bool,
    messages: u16,
}

impl Listener for Follows {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        let interest = steps(|| match self.client(talk.client) {
            Step::Wait => self.server(talk.server, said),
            step => step,
        });
        self.tells(said);
        if self.verdict && self.encryption.is_some() { Interest::Done } else { interest }
    }
}

impl Follows {
    /// What both sides showed, once a server answered.
    fn tells(&mut self, said: &mut Said<'_>) {
        if !self.is_server {
            return;
        }
        if let Some(encryption) = self.encryption {
            self.session.encryption(said, encryption);
        }
        if self.shown == Some(Shown::Readable) {
            self.session.password_clear(said);
        }
    }

    /// A message of the client, until what it says is no more readable or no more of the login.
    fn client(&mut self, head: &mut Head) -> Step {
        if self.is_closed {
            return Step::Wait;
        }
        let (ask, octets) = match Ask::parse(head.octets()) {
            Ok(whole) => whole,
            Err(WireError::Truncated(_)) => return Step::Wait,
            Err(_) => {
                self.is_closed = true;
                return Step::Wait;
            }
        };
        match ask {
            Ask::Crypt => self.closes(Encryption::Partly),
            Ask::Attach(shown) => {
                self.shown = Some(shown);
                self.closes(Encryption::None);
            }
            _ => {}
        }
        self.takes(head, octets)
    }

    fn closes(&mut self, encryption: Encryption) {
        self.encryption = Some(encryption);
        self.is_closed = true;
    }

    /// A message of the server, until the verdict on the login.
    fn server(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        if self.verdict {
            return Step::Wait;
        }
        let (answer, octets) = match Answer::parse(head.octets()) {
            Ok(whole) => whole,
            Err(e) => return e.into(),
        };
        if !self.is_server {
            if !may_open(answer) {
                return Step::End(Interest::Done);
            }
            self.is_server = true;
            self.session.opens(said, Protocol::Firebird);
            self.session.answers(said);
        }
        match answer {
            Answer::Reject | Answer::Accept { compressed: true } => return Step::End(Interest::Done),
            Answer::Accept { compressed: false } => self.is_accepted = true,
            Answer::Response(0) if self.is_accepted => {
                self.session.login(said, Login::Used);
                self.verdict = true;
            }
            Answer::Response(code) => {
                if REFUSALS.contains(&code) {
                    self.session.login(said, Login::Refused);
                }
                return Step::End(Interest::Done);
            }
            _ => {}
        }
        self.takes(head, octets)
    }

    fn takes(&mut self, head: &mut Head, octets: usize) -> Step {
        self.messages = self.messages.saturating_add(1);
        head.take(octets);
        if self.messages > MAX_MESSAGES { Step::End(Interest::Done) } else { Step::Taken }
    }
}

/// isc_login (user name and password are not defined), isc_login_error (an error during the login).
const REFUSALS: [u32; 2] = [335_544_472, 335_545_106];

/// Messages of a login: each plugin that both know takes two a side, and there are four.
const MAX_MESSAGES: u16 = 64;

#[cfg(test)]
mod tests {
    use super::super::DETECTORS;
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::Fact;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn buffer(octets: &[u8]) -> Vec<u8> {
        let mut o = [&(octets.len() as u32).to_be_bytes()[..], octets].concat();
        o.resize(o.len().next_multiple_of(4), 0);
        o
    }

    /// Operation 1: then 19, version 3, machine 1, a file, one protocol; user; version 13, machine 1, types 0-5, preference 2.
    fn connects() -> Vec<u8> {
        [
            words(&[1, 19, 3, 1]),
            buffer(b"zz.fdb"),
            words(&[1]),
            buffer(b"\x09\x02zz"),
            words(&[0xFFFF_800D, 1, 0, 5, 2]),
        ]
        .concat()
    }

    /// Operation 19: data base 0, a file, parameters.
    fn attaches(parameters: &[u8]) -> Vec<u8> {
        [words(&[19, 0]), buffer(b"zz.fdb"), buffer(parameters)].concat()
    }

    /// Operation 9: no object, no blob, no data, a code, the end.
    fn response(code: u32) -> Vec<u8> {
        words(&[9, 0, 0, 0, 0, 1, code, 0])
    }

    const BEGINNING: [Fact; 3] = [Fact::Protocol(Protocol::Firebird), Fact::Answered, Fact::OutsideNetwork];

    fn heard(says: &[Says<'_>]) -> Vec<Fact> {
        mutate(&FIREBIRD, says);
        let heard = facts(&hear(&FIREBIRD, 3050, 5, says));
        let mut whole = facts(&hear(&FIREBIRD, 3050, 4000, says));
        whole.sort_by_key(|f| heard.iter().position(|h| h == f));
        assert_eq!(heard, whole);
        heard
    }

    #[test]
    fn an_old_client_shows_a_hash_and_a_careless_one_its_password() {
        let (connects, accepts) = (connects(), words(&[3, 10, 1, 3]));
        let (hash, plain) = (attaches(b"\x01\x1c\x02zz\x1e\x02zz"), attaches(b"\x01\x1c\x02zz\x1d\x02zz"));
        let (ok, no) = (response(0), response(335_544_472));
        let talk = |attach: &[u8], ends: &[u8]| {
            heard(&[Says::Client(&connects), Says::Server(&accepts), Says::Client(attach), Says::Server(ends)])
        };
        let none = Fact::Encryption(Encryption::None);
        assert_eq!(talk(&hash, &ok), [&BEGINNING[..], &[none, Fact::Login(Login::Used)]].concat());
        let clear = [none, Fact::DatabasePasswordClear, Fact::Login(Login::Refused)];
        assert_eq!(talk(&plain, &no), [&BEGINNING[..], &clear].concat());
        // The file is not there: nobody was refused, and nobody proved to be let in.
        assert_eq!(talk(&hash, &response(335_544_344)), [&BEGINNING[..], &[none]].concat());
    }

    #[test]
    fn a_login_by_srp_is_heard_before_the_session_is_encrypted() {
        let (connects, ok) = (connects(), response(0));
        // accepted with data, "Srp", not yet authenticated
        let accepts = [words(&[98, 0xFFFF_800D, 1, 5]), buffer(b"salt"), buffer(b"Srp"), words(&[0, 0])].concat();
        let proof = [words(&[92]), buffer(b"proof"), buffer(b"Srp"), buffer(b"Srp"), words(&[0])].concat();
        let crypt = [words(&[96]), buffer(b"Arc4"), buffer(b"Symmetric")].concat();
        let says = [
            Says::Client(&connects),
            Says::Server(&accepts),
            Says::Client(&proof),
            Says::Server(&ok),
            Says::Client(&crypt),
            Says::Server(b"\x2a\x34\x62\x9b\x81\x9a\x5b\x02"),
        ];
        let end = [Fact::Login(Login::Used), Fact::Encryption(Encryption::Partly)];
        assert_eq!(heard(&says), [&BEGINNING[..], &end].concat());
    }

    #[test]
    fn a_compressed_session_is_left_and_a_silent_port_is_no_server() {
        let (connects, accepts) = (connects(), words(&[3, 0xFFFF_800D, 1, 0x105]));
        assert_eq!(heard(&[Says::Client(&connects), Says::Server(&accepts), Says::Server(&response(0))]), BEGINNING);
        assert_eq!(heard(&[Says::Client(&connects), Says::Client(&attaches(b"\x01\x1d\x02zz"))]), []);
        // Nobody is let in before a version was agreed upon.
        assert_eq!(heard(&[Says::Client(&connects), Says::Server(&response(0))]), BEGINNING);
    }

    #[test]
    fn others_are_left_alone() {
        let (connects, accepts) = (connects(), words(&[3, 10, 1, 3]));
        let opening = |client, server| sniff(&Opening { client, server, server_port: 3050 });
        assert_eq!(opening(&connects, b""), Verdict::Yes);
        assert_eq!(opening(&connects[..40], b""), Verdict::Unsure);
        assert_eq!(opening(b"", &accepts), Verdict::Unsure);
        assert_eq!(opening(&connects, &connects), Verdict::No, "an echo");
        assert_eq!(opening(&connects, b"HTTP/1.1 400 Bad Request\r\n"), Verdict::No);
        assert_eq!(opening(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(opening(b"\0\0\0\x08\x04\xd2\x16\x2f", b""), Verdict::No);
        let both = Opening { client: &connects, server: &accepts, server_port: 3050 };
        let names: Vec<_> = DETECTORS.iter().filter(|d| (d.sniff)(&both) == Verdict::Yes).map(|d| d.name).collect();
        assert_eq!(names, ["firebird"]);
    }
}
