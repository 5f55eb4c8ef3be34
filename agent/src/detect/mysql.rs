//! MySQL and MariaDB: who answers, how clients show who they are, and whether rows go to those who do not.
//!
//! Keeps: the state of one login, counters. Drops: user and data base names, passwords, queries, columns, rows: of a
//! row only its first octet is looked at.

use super::database::{Session, Step, is_tls, software, steps, verdict};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::{WireError, mysql};
use auscult_report::fact::{Encryption, Login, Protocol, Software, SoftwarePlace};
use auscult_report::version::Version;

/// MySQL and MariaDB.
pub const MYSQL: Detector = Detector {
    name: "mysql",
    version: 1,
    hears: "The greeting of MySQL or MariaDB on any port, with its version; a refusal by address (errors 1129, 1130); the \
            login out of TLS, whether its secret was empty or crossed as it is, and what the server said to it; rows that \
            went to a client with an empty secret. `5.5.5-` before a MariaDB version is dropped. Other servers that speak \
            this protocol and name themselves are heard without a product. Names, queries and rows are never read.",
    sniff: sniff_mysql,
    start: || Box::new(Mysql::default()),
};

fn sniff_mysql(opening: &Opening<'_>) -> Verdict {
    if opening.server.is_empty() {
        return match mysql::packet(opening.client) {
            Ok((header, payload)) if header.sequence == 1 && payload.len() >= 32 => {
                verdict(&mysql::Response::parse(payload))
            }
            Err(WireError::Truncated(_)) if opening.client.get(3).is_none_or(|sequence| *sequence == 1) => {
                Verdict::Unsure
            }
            _ => Verdict::No,
        };
    }
    let header = match mysql::Header::parse(opening.server) {
        Ok(header) => header,
        Err(_) => return Verdict::Unsure,
    };
    match header.sequence {
        0 => match opening.server.get(mysql::Header::OCTETS) {
            Some(&(mysql::Greeting::MARK | mysql::Failure::MARK)) | None => verdict(&opening_packet(opening.server)),
            Some(_) => Verdict::No,
        },
        1 => verdict(&result_set(opening.server)),
        _ => Verdict::No,
    }
}

/// A greeting, or the error that comes in its place.
fn opening_packet(octets: &[u8]) -> Result<(), WireError> {
    let (_, payload) = mysql::packet(octets)?;
    match mysql::Greeting::parse(payload) {
        Ok(_) => Ok(()),
        // The packet is complete: what is missing will not come.
        Err(_) => mysql::Failure::parse(payload).map(|_| ()).map_err(|_| WireError::Malformed("greeting")),
    }
}

/// The beginning of a result set: by this a conversation that was joined in its middle is recognised.
fn result_set(octets: &[u8]) -> Result<(), WireError> {
    let (first, count) = mysql::packet(octets)?;
    if mysql::columns(count).is_none() {
        return Err(WireError::Malformed("column count"));
    }
    let rest = octets.get(usize::try_from(first.whole()).unwrap_or(usize::MAX)..).unwrap_or_default();
    let second = mysql::Header::parse(rest)?;
    let column = rest.get(mysql::Header::OCTETS..).unwrap_or_default();
    match (second.sequence, column.len()) {
        (2, 0..=3) => Err(WireError::Truncated("column")),
        (2, _) if mysql::is_column(column) => Ok(()),
        _ => Err(WireError::Malformed("column")),
    }
}

#[derive(Default)]
struct Mysql {
    session: Session,
    stage: Stage,
    secret: Secret,
    plugin: Option<mysql::Plugin>,
    compressed: bool,
    reply: Rows,
    replies: u16,
}

/// Where a MySQL conversation stands.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Greeting,
    Login,
    Commands,
}

/// What was heard of the client's secret.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Secret {
    #[default]
    Unheard,
    Empty,
    There,
}

/// Where the answer to a command stands.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Rows {
    #[default]
    None,
    /// Descriptions of so many columns are still to come.
    Columns(u64),
    /// Rows come next.
    Next,
}

impl Listener for Mysql {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() | talk.server.torn() {
            return Interest::Done;
        }
        steps(|| match self.stage {
            Stage::Commands => {
                pass_over(talk.client);
                self.rows(talk.server, said)
            }
            _ if client_is_next(talk) => self.client(talk.client, said),
            _ => self.server(talk.server, said),
        })
    }
}

/// Before the login is settled both sides count on from one another.
fn client_is_next(talk: &Talk<'_>) -> bool {
    let client = mysql::Header::parse(talk.client.octets());
    let server = mysql::Header::parse(talk.server.octets());
    match (client, server) {
        (Ok(client), Ok(server)) => client.sequence < server.sequence,
        (Ok(_), Err(_)) => true,
        _ => false,
    }
}

/// Passes over whole commands of a client.
fn pass_over(client: &mut Head) {
    while let Ok(header) = mysql::Header::parse(client.octets()) {
        client.skip(header.whole());
    }
}

impl Mysql {
    /// A packet of the server before the login is settled.
    fn server(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        if self.stage == Stage::Login && is_tls(head.octets()) {
            self.session.encryption(said, Encryption::Tls);
            return Step::End(Interest::Again);
        }
        let (header, payload) = match mysql::packet(head.octets()) {
            Ok(whole) => whole,
            Err(e) => return e.into(),
        };
        self.session.opens(said, Protocol::Mysql);
        self.session.answers(said);
        let step = match (self.stage, header.sequence) {
            (Stage::Greeting, 0) => self.greeting(payload, said),
            (Stage::Greeting, _) => {
                // Joined in its middle: rows can be read, of the login nothing is known.
                self.session.encryption(said, Encryption::None);
                Step::End(Interest::Done)
            }
            _ => self.verdict(payload, said),
        };
        head.skip(header.whole());
        step
    }

    fn greeting(&mut self, payload: &[u8], said: &mut Said<'_>) -> Step {
        if let Ok(greeting) = mysql::Greeting::parse(payload) {
            self.session.software(said, greeted(greeting.version));
            self.stage = Stage::Login;
            return Step::Taken;
        }
        if let Ok(failure) = mysql::Failure::parse(payload) {
            self.failed(&failure, said);
            let product = [("MariaDB", &b"MariaDB server"[..]), ("MySQL", b"MySQL server")]
                .into_iter()
                .find(|(_, words)| failure.sentence.windows(words.len()).any(|w| w == *words));
            self.session.software(said, product.and_then(|(p, _)| software(p, b"", None, SoftwarePlace::Greeting)));
        }
        Step::End(Interest::Done)
    }

    /// What the server says to the client's proof. An exchange that is inside TLS never comes here.
    fn verdict(&mut self, payload: &[u8], said: &mut Said<'_>) -> Step {
        let answer = match mysql::Answer::parse(payload) {
            Ok(answer) => answer,
            Err(_) => return Step::End(Interest::Done),
        };
        self.session.encryption(said, Encryption::None);
        match answer {
            mysql::Answer::More => Step::Taken,
            mysql::Answer::Switch(plugin) => {
                // What was shown before was made for another plugin.
                self.secret = Secret::Unheard;
                self.plugin = Some(plugin);
                Step::Taken
            }
            mysql::Answer::Failed(failure) => {
                self.failed(&failure, said);
                Step::End(Interest::Done)
            }
            mysql::Answer::Accepted => match self.secret {
                Secret::Empty => {
                    self.session.empty_password(said);
                    self.stage = Stage::Commands;
                    if self.compressed { Step::End(Interest::Done) } else { Step::Taken }
                }
                Secret::There => {
                    self.session.login(said, Login::Used);
                    Step::End(Interest::Done)
                }
                Secret::Unheard => Step::End(Interest::Done),
            },
        }
    }

    fn failed(&mut self, failure: &mysql::Failure<'_>, said: &mut Said<'_>) {
        match (failure.code, failure.state) {
            (HOST_IS_BLOCKED | HOST_NOT_PRIVILEGED, _) => self.session.refused(said),
            (ACCESS_DENIED | ACCESS_DENIED_NO_PASSWORD, _) | (_, Some([b'2', b'8', ..])) => {
                self.session.login(said, Login::Refused);
            }
            _ => {}
        }
    }

    /// A packet of the client before the login is settled.
    fn client(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let (header, payload) = match mysql::packet(head.octets()) {
            Ok(whole) => whole,
            Err(e) => return e.into(),
        };
        let proof = if header.sequence == 1 {
            match mysql::Response::parse(payload) {
                Ok(mysql::Response::Tls) => {
                    self.session.opens(said, Protocol::Mysql);
                    self.session.encryption(said, Encryption::Tls);
                    head.skip(header.whole());
                    return Step::End(Interest::Again);
                }
                Ok(mysql::Response::Login { empty, plugin, compressed }) => {
                    self.compressed = compressed;
                    self.plugin = Some(plugin);
                    Some(empty)
                }
                Err(_) => return Step::End(Interest::Done),
            }
        } else if header.sequence == 0 {
            // A command: the end of the login was not heard.
            return Step::End(Interest::Done);
        } else if self.secret == Secret::Unheard && self.plugin.is_some() {
            Some(mysql::is_empty_secret(payload))
        } else {
            None
        };
        self.session.opens(said, Protocol::Mysql);
        self.session.encryption(said, Encryption::None);
        if let Some(empty) = proof {
            self.secret = match (empty, self.plugin) {
                (false, _) => Secret::There,
                // An empty answer of a ticket or of a key says nothing about a password.
                (true, Some(mysql::Plugin::Other)) => Secret::Unheard,
                (true, _) => Secret::Empty,
            };
            if self.secret == Secret::There && self.plugin == Some(mysql::Plugin::Clear) {
                self.session.password_clear(said);
            }
        }
        if self.stage == Stage::Greeting {
            // The client's half alone: the server's word on it may still come.
            self.stage = Stage::Login;
        }
        head.skip(header.whole());
        Step::Taken
    }

    /// A packet of the server after a login with an empty secret: looks for the first row.
    fn rows(&mut self, head: &mut Head, said: &mut Said<'_>) -> Step {
        let octets = head.octets();
        let header = match mysql::Header::parse(octets) {
            Ok(header) => header,
            Err(e) => return e.into(),
        };
        let payload = octets.get(mysql::Header::OCTETS..).unwrap_or_default();
        let seen = usize::try_from(header.length).unwrap_or(usize::MAX).min(COUNT_OCTETS);
        let Some(start) = payload.get(..seen) else { return Step::Wait };
        let mark = start.first().copied();
        if header.sequence == 1 {
            self.replies = self.replies.saturating_add(1);
            let whole = if usize::try_from(header.length).is_ok_and(|l| l == seen) { start } else { &[] };
            self.reply = mysql::columns(whole).map_or(Rows::None, Rows::Columns);
        } else {
            self.reply = match (self.reply, mark) {
                (Rows::None, _) | (_, Some(mysql::Failure::MARK)) => Rows::None,
                (Rows::Columns(0), Some(0xfe)) if header.length == EOF_LENGTH => Rows::Next,
                (Rows::Columns(0) | Rows::Next, Some(0xfe) | None) => Rows::None,
                (Rows::Columns(0) | Rows::Next, Some(_)) => {
                    self.session.data(said);
                    return Step::End(Interest::Done);
                }
                (Rows::Columns(left), _) => Rows::Columns(left.saturating_sub(1)),
            };
        }
        head.skip(header.whole());
        if self.replies > MAX_REPLIES { Step::End(Interest::Done) } else { Step::Taken }
    }
}

/// The product of a greeting: `5.5.5-10.11.19-MariaDB-0+deb12u1`, `8.0.43-0ubuntu0.22.04.1`, `5.0.54`.
fn greeted(version: &[u8]) -> Option<Software> {
    let contains = |word: &str| version.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()));
    if OTHER_SERVERS.iter().any(|word| contains(word)) {
        return None;
    }
    // MariaDB says 5.5.5 first, because old replicas take a number over 9 for one below 5.
    let honest = version.strip_prefix(b"5.5.5-").filter(|rest| rest.first().is_some_and(u8::is_ascii_digit));
    let product = if honest.is_some() || contains("MariaDB") { "MariaDB" } else { "MySQL" };
    let text = honest.unwrap_or(version);
    let dash = text.iter().position(|o| *o == b'-').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(dash)?;
    let suffix = suffix.strip_prefix(b"-").unwrap_or(suffix);
    let suffix = suffix.strip_prefix(b"MariaDB").map_or(suffix, |s| s.strip_prefix(b"-").unwrap_or(s));
    software(product, number, Version::exact(suffix), SoftwarePlace::Greeting)
}

/// Servers that speak this protocol but are neither MySQL nor MariaDB, by the word in their version.
const OTHER_SERVERS: &[&str] = &[
    "TiDB",
    "Vitess",
    "Doris",
    "StarRocks",
    "OceanBase",
    "SingleStore",
    "MemSQL",
    "Dolt",
    "ProxySQL",
    "ClickHouse",
    "Manticore",
    "Sphinx",
];

const ACCESS_DENIED: u16 = 1045;
const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
const HOST_IS_BLOCKED: u16 = 1129;
const HOST_NOT_PRIVILEGED: u16 = 1130;

/// Octets of an EOF packet: mark, warnings, status. The OK packet that ends rows without one is longer.
const EOF_LENGTH: u32 = 5;

/// Octets of a packet that are looked at: a length-encoded integer has at most nine.
const COUNT_OCTETS: usize = 9;

/// Answers after which a client that got no row is left: clients set up their session with fewer than ten commands.
const MAX_REPLIES: u16 = 64;
