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

#[cfg(test)]
mod tests {
    use super::super::database::trials::mutate;
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use auscult_report::fact::Fact;
    use auscult_report::product::Product;

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let mut o = vec![payload.len() as u8, 0, 0, sequence];
        o.extend_from_slice(payload);
        o
    }

    fn greeting(version: &str) -> Vec<u8> {
        let mut o = vec![10];
        o.extend_from_slice(version.as_bytes());
        o.extend_from_slice(b"\0\x04\0\0\0scramble\0\xfe\xf7"); // thread, scramble, filler, flags
        o.extend_from_slice(b"\x2d\x02\0\xff\x81\x15\0\0\0\0\0\0\0\0\0\0scramblescra\0mysql_native_password\0");
        packet(0, &o)
    }

    /// Flags: protocol 4.1, secure connection, name of the plugin; and those given.
    fn response(flags: u32, secret: &[u8], plugin: &str) -> Vec<u8> {
        let mut o = (flags | 0x0008_8200).to_le_bytes().to_vec();
        o.extend_from_slice(&[0, 0, 0, 1, 33]);
        o.extend_from_slice(&[0; 23]);
        o.extend_from_slice(b"zzcanary\0");
        o.push(secret.len() as u8);
        o.extend_from_slice(secret);
        o.extend_from_slice(plugin.as_bytes());
        o.push(0);
        packet(1, &o)
    }

    const NATIVE: &str = "mysql_native_password";
    /// OK: no rows, no id, status, warnings.
    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

    /// One column, EOF, one row with a name, EOF.
    fn rows() -> Vec<u8> {
        let mut o = packet(1, &[1]);
        o.extend(packet(
            2,
            b"\x03def\x06clinic\x08patients\x08patients\x04name\x04name\x0c\x21\0\xb4\0\0\0\xfd\0\0\0\0\0",
        ));
        o.extend(packet(3, &[0xfe, 0, 0, 2, 0]));
        o.extend(packet(4, b"\x0fZZCANARY^PATIENT"));
        o.extend(packet(5, &[0xfe, 0, 0, 2, 0]));
        o
    }

    fn maria() -> Fact {
        Fact::Software(Software {
            product: Product::named("MariaDB").unwrap(),
            version: Version::exact(b"10.11.19"),
            revision: Version::exact(b"0+deb12u1"),
            place: SoftwarePlace::Greeting,
        })
    }

    #[test]
    fn a_login_with_a_password_is_used_and_its_rows_are_not_open() {
        let (greets, answers, ok) =
            (greeting("5.5.5-10.11.19-MariaDB-0+deb12u1"), response(0, &[7; 20], NATIVE), packet(2, OK));
        let (query, rows) = (packet(0, b"\x03select * from patients"), rows());
        let says = [
            Says::Server(&greets),
            Says::Client(&answers),
            Says::Server(&ok),
            Says::Client(&query),
            Says::Server(&rows),
        ];
        for piece in [1, 3, 2000] {
            let heard = hear(&MYSQL, 3306, piece, &says);
            assert_eq!(
                facts(&heard),
                [
                    Fact::Protocol(Protocol::Mysql),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    maria(),
                    Fact::Encryption(Encryption::None),
                    Fact::Login(Login::Used),
                ]
            );
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
        mutate(&MYSQL, &says);
    }

    #[test]
    fn an_empty_secret_is_no_login_and_its_rows_are_open() {
        let (greets, ok) = (greeting("8.0.43-0ubuntu0.22.04.1"), packet(2, OK));
        let (query, rows) = (packet(0, b"\x03select * from patients"), rows());
        for (secret, plugin) in [(&b""[..], NATIVE), (&b"\0"[..], "caching_sha2_password")] {
            let answers = response(0, secret, plugin);
            let says = [
                Says::Server(&greets),
                Says::Client(&answers),
                Says::Server(&ok),
                Says::Client(&query),
                Says::Server(&rows),
            ];
            for piece in [1, 2000] {
                let heard = hear(&MYSQL, 3306, piece, &says);
                assert!(
                    facts(&heard).ends_with(&[
                        Fact::Encryption(Encryption::None),
                        Fact::DatabaseEmptyPassword,
                        Fact::Login(Login::None),
                        Fact::DataServed,
                    ]),
                    "{heard:?}"
                );
                assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
            }
            mutate(&MYSQL, &says);
        }
    }

    #[test]
    fn a_switch_of_plugins_forgets_what_was_shown_before() {
        let (greets, answers) = (greeting("8.0.32"), response(0, b"", NATIVE));
        let switch = packet(2, b"\xfecaching_sha2_password\0scramblescramblescra\0");
        let (proof, more, ok) = (packet(3, &[9; 32]), packet(4, &[1, 3]), packet(5, OK));
        let says = [
            Says::Server(&greets),
            Says::Client(&answers),
            Says::Server(&switch),
            Says::Client(&proof),
            Says::Server(&more),
            Says::Server(&ok),
        ];
        let heard = facts(&hear(&MYSQL, 3306, 5, &says));
        assert_eq!(heard.last(), Some(&Fact::Login(Login::Used)));
        assert!(!heard.contains(&Fact::DatabaseEmptyPassword));
    }

    #[test]
    fn the_plugin_for_clear_passwords_shows_them() {
        let (greets, answers) = (greeting("8.0.32"), response(0, &[7; 20], NATIVE));
        let (switch, password) = (packet(2, b"\xfemysql_clear_password\0"), packet(3, b"ZZSECRET\0"));
        let refused = packet(4, b"\xff\x15\x04#28000Access denied for user 'zzcanary'@'203.0.113.5'");
        let says = [
            Says::Server(&greets),
            Says::Client(&answers),
            Says::Server(&switch),
            Says::Client(&password),
            Says::Server(&refused),
        ];
        let heard = hear(&MYSQL, 3306, 1, &says);
        assert!(facts(&heard).ends_with(&[Fact::DatabasePasswordClear, Fact::Login(Login::Refused)]));
        assert!(!format!("{heard:?}").contains("ZZ"));
    }

    #[test]
    fn a_host_that_is_not_allowed_is_refused_before_the_greeting() {
        let refused = packet(0, b"\xff\x6a\x04Host '203.0.113.66' is not allowed to connect to this MariaDB server");
        let heard = facts(&hear(&MYSQL, 3306, 1, &[Says::Server(&refused)]));
        assert_eq!(heard[..4], [Fact::Protocol(Protocol::Mysql), Fact::Answered, Fact::OutsideNetwork, Fact::Refused]);
        assert!(matches!(heard[4], Fact::Software(Software { version: None, .. })));
        assert_eq!(heard.len(), 5);
    }

    #[test]
    fn a_request_for_tls_hands_the_conversation_on() {
        let greets = greeting("8.0.32");
        let mut ask = 0x0008_8a00u32.to_le_bytes().to_vec();
        ask.extend_from_slice(&[0, 0, 0, 1, 33]);
        ask.extend_from_slice(&[0; 23]);
        let ask = packet(1, &ask);
        let hello: &[u8] = &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
        let heard = facts(&hear(&MYSQL, 3306, 1, &[Says::Server(&greets), Says::Client(&ask), Says::Client(hello)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::Tls)));
        let heard = facts(&hear(&MYSQL, 3306, 1, &[Says::Server(&greets), Says::Server(hello)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::Tls)));
    }

    #[test]
    fn half_a_conversation_gives_no_word_on_the_login() {
        let (greets, answers, ok) = (greeting("5.0.54"), response(0, b"", NATIVE), packet(2, OK));
        let heard = facts(&hear(&MYSQL, 3306, 1, &[Says::Server(&greets), Says::Server(&ok)]));
        assert_eq!(heard.last(), Some(&Fact::Encryption(Encryption::None)));
        let heard = facts(&hear(&MYSQL, 3306, 1, &[Says::Client(&answers)]));
        assert_eq!(heard, [Fact::Protocol(Protocol::Mysql), Fact::Encryption(Encryption::None)]);
    }

    #[test]
    fn a_conversation_joined_in_its_middle_is_known_by_its_columns() {
        let rows = rows();
        let heard = facts(&hear(&MYSQL, 9999, 1, &[Says::Server(&rows)]));
        assert_eq!(
            heard,
            [Fact::Protocol(Protocol::Mysql), Fact::Answered, Fact::OutsideNetwork, Fact::Encryption(Encryption::None),]
        );
    }

    #[test]
    fn versions_are_told_apart_from_what_distributions_add() {
        let told = |version: &str| {
            greeted(version.as_bytes()).map(|s| {
                let text = |v: Option<Version>| v.map(|v| v.as_str().to_string()).unwrap_or_default();
                (s.product.name(), text(s.version), text(s.revision))
            })
        };
        let is = |product, version: &str, revision: &str| Some((product, version.to_string(), revision.to_string()));
        assert_eq!(told("5.5.5-10.11.19-MariaDB-0+deb12u1"), is("MariaDB", "10.11.19", "0+deb12u1"));
        assert_eq!(told("11.4.2-MariaDB"), is("MariaDB", "11.4.2", ""));
        assert_eq!(told("5.5.5-10.6.12-MariaDB-1:10.6.12+maria~ubu2204"), is("MariaDB", "10.6.12", ""));
        assert_eq!(told("8.0.43-0ubuntu0.22.04.1"), is("MySQL", "8.0.43", "0ubuntu0.22.04.1"));
        assert_eq!(told("5.0.54"), is("MySQL", "5.0.54", ""));
        assert_eq!(told("5.7.44-log"), is("MySQL", "5.7.44", ""));
        assert_eq!(told("8.0.11-TiDB-v7.5.0"), None);
        assert_eq!(told("8.0.11-zzcanary"), is("MySQL", "8.0.11", ""));
    }

    #[test]
    fn other_protocols_are_left_alone() {
        for server in [
            &b"220 mail ESMTP\r\n"[..],
            b"SSH-2.0-OpenSSH_9.2p1\r\n",
            b"RFB 003.008\n",
            b"+OK\r\n",
            &[0x16, 3, 3, 0, 90],
        ] {
            assert_eq!(sniff_mysql(&Opening { client: b"", server, server_port: 3306 }), Verdict::No);
        }
        for client in
            [&b"GET / HTTP/1.1\r\n"[..], &[0x16, 3, 1, 2, 0, 1], b"\0\0\0\x08\x04\xd2\x16\x2f", &[0x30, 0x0c, 2, 1, 1]]
        {
            assert_eq!(sniff_mysql(&Opening { client, server: b"", server_port: 3306 }), Verdict::No);
        }
    }
}
