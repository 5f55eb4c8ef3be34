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
        [b'S'] | [b'S', 0x16] | [b'N'] => Verdict::Unsure,
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
            if !self.started && !talk.client.octets().is_empty() && self.identity == Identity::Unheard {
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
            // Joined in its middle.
            Err(WireError::Malformed(_)) => self.started = true,
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
                [] | [b'S' | b'N'] | [b'S', 0x16] => return Step::Wait,
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
