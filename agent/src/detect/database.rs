//! What all conversations with data bases have in common, and the three of which little can be heard: SQL Server, Oracle
//! and the transport protocol of Elasticsearch.
//!
//! Keeps: which facts of a conversation were said. Drops: every name, query and row.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::WireError;
use crate::wire::elasticsearch::Transport;
use crate::wire::tds;
use crate::wire::tns::Tns;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// Microsoft SQL Server.
pub const MSSQL: Detector = Detector {
    name: "mssql",
    version: 1,
    hears: "Tabular Data Stream on any port: the server's build and its word on encryption from PRELOGIN, and whether a \
            LOGIN7 went out of TLS with a password in it, which is only scrambled. A server that says `off` still \
            protects the login packet: only `not supported` shows it. Names, queries and rows are never read.",
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

    /// Data went to a client without an identity. Gives back nothing: the conversation may still tell a version.
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
        if is_tls(octets) {
            // The handshake went before it in PRELOGIN packets: nothing of it is left to hear.
            return Step::End(Interest::Done);
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
            let named = Product::named("Microsoft SQL Server").map(|product| Software {
                product,
                version: Version::from_numbers(&prelogin.version),
                revision: None,
                place: SoftwarePlace::Greeting,
            });
            self.session.software(said, named);
            match prelogin.encryption {
                // Off: the login alone is inside TLS. On, required: everything is.
                0 => self.session.encryption(said, Encryption::Partly),
                1 | 3 => self.session.encryption(said, Encryption::Tls),
                _ => {}
            }
            // Only a server without encryption lets the login be heard.
            ends = prelogin.encryption != NOT_SUPPORTED;
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

/// ENCRYPT_NOT_SUP.
const NOT_SUPPORTED: u8 = 2;

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
