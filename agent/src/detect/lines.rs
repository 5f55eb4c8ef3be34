//! What the protocols of lines have in common, and the oldest of them: FTP (RFC 959, 4217).
//!
//! Keeps: of a login that it was readable, that it was anonymous, how it ended; the product of a greeting if listed.
//! Drops: users, passwords, file names, every argument; the files themselves go over other connections.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::text::{self, Reply, after, begins, word, words};
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// FTP, as far as its control connection.
pub const FTP: Detector = Detector {
    name: "ftp",
    version: 1,
    hears: "A greeting 220 and commands of FTP. USER and PASS before AUTH TLS are a readable login, unless the user is \
            anonymous; 230 after an anonymous user is an open share. Scan-to-folder of copiers is the usual sender.",
    sniff: sniff_ftp,
    start: || Box::new(Ftp::default()),
};

/// One side of a conversation of lines.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// The rest of a line is passed over: it was too long, or its beginning was not heard.
    passing: bool,
}

impl Side {
    /// Gives the next line to `hear` and takes it from the head; `None` if none is whole. Of a line of more than
    /// [`MAX_LINE`] octets the beginning is given and the rest is passed over. After a hole it goes on at the next
    /// line.
    pub(super) fn next<T>(&mut self, head: &mut Head, hear: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.passing |= head.torn();
        if self.passing {
            let end = text::line(head.octets()).map(|(_, len)| len);
            head.take(end.unwrap_or(usize::MAX));
            end?;
            self.passing = false;
        }
        let waiting = head.octets();
        let (heard, len) = match text::line(waiting) {
            Some((line, len)) => (hear(line.get(..MAX_LINE).unwrap_or(line)), len),
            None => {
                let begin = waiting.get(..MAX_LINE)?;
                self.passing = true;
                (hear(begin), waiting.len())
            }
        };
        head.take(len);
        Some(heard)
    }
}

/// Whether this is the first octet of a TLS handshake (RFC 8446 section 5.1): no command begins with it.
pub(super) const fn is_tls(first: u8) -> bool {
    first == 0x16
}

/// True the first time.
pub(super) fn once(flag: &mut bool) -> bool {
    !core::mem::replace(flag, true)
}

/// Whether `heard` is or may become one of these commands, in any case: a command ends at a blank or at its line's end.
pub(super) fn command_verdict(heard: &[u8], commands: &[&[u8]]) -> Verdict {
    let len = heard.iter().position(|o| !o.is_ascii_alphabetic());
    let verb = heard.get(..len.unwrap_or(heard.len())).unwrap_or_default();
    if len.is_some() {
        let ends = matches!(heard.get(verb.len()), Some(b' ' | b'\r' | b'\n' | b'\t'));
        let is_one = ends && commands.iter().any(|c| c.eq_ignore_ascii_case(verb));
        return if is_one { Verdict::Yes } else { Verdict::No };
    }
    if commands.iter().any(|c| begins(c, verb)) { Verdict::Unsure } else { Verdict::No }
}

/// A product and the words by which greetings name it, and where its version stands.
pub(super) struct Named {
    pub(super) word: &'static [u8],
    pub(super) product: &'static str,
    pub(super) version: Where,
}

/// Where the version of a product stands in a greeting.
#[derive(Clone, Copy)]
pub(super) enum Where {
    /// In one of the next two words, perhaps after `v` or `(`.
    Next,
    /// After this text.
    After(&'static [u8]),
    /// Nowhere.
    Nowhere,
}

/// The product that a greeting names, if it is in `list`. The word must stand alone: a host may be called like a product.
pub(super) fn greeted_by(greeting: &[u8], list: &[Named]) -> Option<Software> {
    list.iter().find_map(|named| {
        let rest = after_alone(greeting, named.word)?;
        let version = match named.version {
            Where::Next => words(rest).take(2).find_map(leading_number),
            Where::After(text) => after(greeting, text).and_then(Version::leading),
            Where::Nowhere => None,
        };
        let place = SoftwarePlace::Greeting;
        Some(Software { product: Product::named(named.product)?, version, revision: None, place })
    })
}

/// What follows `word` where it is not a part of a longer word or of a host name.
fn after_alone<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = after(text, word)?;
    let begin = text.len().saturating_sub(rest.len()).saturating_sub(word.len());
    let before = begin.checked_sub(1).and_then(|at| text.get(at));
    let joined = |o: &u8| o.is_ascii_alphanumeric() || matches!(o, b'.' | b'-' | b'_' | b'@');
    // A stop that ends a sentence is not one inside a host name.
    let sentence_end = matches!(rest, [b'.'] | [b'.', b' ' | b'\r', ..]);
    (!before.is_some_and(joined) && (sentence_end || !rest.first().is_some_and(joined))).then_some(rest)
}

/// `3.0.3)`, `v2.3.14`, `(2.8-20100306)`: the number, up to the first `-`, `/` or bracket.
fn leading_number(word: &[u8]) -> Option<Version> {
    let word = word.strip_prefix(b"(").unwrap_or(word);
    let word = word.strip_prefix(b"v").or_else(|| word.strip_prefix(b"V")).unwrap_or(word);
    let number = word.split(|o| *o == b'-').next().filter(|n| n.first().is_some_and(u8::is_ascii_digit))?;
    // A number alone is a day: `Exim Thu, 29 Apr 2021`.
    Version::leading(number).filter(|v| v.as_str().contains('.'))
}

fn sniff_ftp(opening: &Opening<'_>) -> Verdict {
    let port = opening.server_port == FTP_PORT;
    if !opening.client.is_empty() {
        let verdict = command_verdict(opening.client, FIRST_COMMANDS);
        // Without the greeting, USER may be POP3's too.
        return match verdict {
            Verdict::Yes if opening.server.is_empty() && !port => Verdict::Unsure,
            Verdict::Yes if !opening.server.is_empty() && !may_be_reply(opening.server) => Verdict::No,
            other => other,
        };
    }
    if !may_be_reply(opening.server) {
        return Verdict::No;
    }
    let Some((line, _)) = text::line(opening.server) else { return Verdict::Unsure };
    let Ok(reply) = Reply::read(line) else { return Verdict::No };
    if !matches!(reply.code, 120 | 220 | 421) || after(line, b"SMTP").is_some() {
        return Verdict::No;
    }
    let named = after(line, b"FTP").is_some() || greeted_by(reply.text, PRODUCTS).is_some();
    if named || port { Verdict::Yes } else { Verdict::Unsure }
}

/// Whether the first octets are, or may become, a reply code.
pub(super) fn may_be_reply(octets: &[u8]) -> bool {
    octets.iter().take(3).all(u8::is_ascii_digit) && octets.first().is_none_or(|o| matches!(o, b'1'..=b'5'))
}

#[derive(Debug, Default)]
struct Ftp {
    client: Side,
    server: Side,
    known: bool,
    answered: bool,
    named: bool,
    clear: bool,
    encrypted: bool,
    user: User,
    asked: Asked,
}

/// Who the client says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum User {
    #[default]
    Unknown,
    Anonymous,
    Named,
}

/// What the client waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Tls,
    File,
}

impl Listener for Ftp {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(Protocol::Ftp);
        }
        // The server's lines first: what it says now answers what the client said before.
        let mut side = core::mem::take(&mut self.server);
        while let Some(interest) = side.next(talk.server, |line| self.hear_server(line, said)) {
            if interest != Interest::More {
                return interest;
            }
        }
        self.server = side;
        let mut side = core::mem::take(&mut self.client);
        loop {
            match talk.client.octets().first() {
                Some(first) if self.asked == Asked::Tls && is_tls(*first) => return Interest::Again,
                // Nobody goes on in the clear who was not refused.
                Some(_) if self.asked == Asked::Tls => self.asked = Asked::Nothing,
                _ => {}
            }
            if side.next(talk.client, |line| self.hear_client(line, said)).is_none() {
                break;
            }
        }
        self.client = side;
        Interest::More
    }
}

impl Ftp {
    fn hear_client(&mut self, line: &[u8], said: &mut Said<'_>) {
        let (verb, argument) = word(line);
        if verb.eq_ignore_ascii_case(b"USER") {
            let anonymous = ANONYMOUS.iter().any(|a| argument.eq_ignore_ascii_case(a));
            self.user = if anonymous { User::Anonymous } else { User::Named };
            if once(&mut self.encrypted) {
                said.service(Fact::Encryption(Encryption::None));
            }
        } else if verb.eq_ignore_ascii_case(b"PASS") {
            if self.user == User::Named && once(&mut self.clear) {
                said.service(Fact::FileLoginClear);
            }
        } else if verb.eq_ignore_ascii_case(b"AUTH") {
            self.asked = Asked::Tls;
        } else if verb.eq_ignore_ascii_case(b"RETR") {
            self.asked = Asked::File;
        }
    }

    fn hear_server(&mut self, line: &[u8], said: &mut Said<'_>) -> Interest {
        // Inside a reply of several lines there are lines without a code.
        let Ok(reply) = Reply::read(line) else { return Interest::More };
        if once(&mut self.answered) {
            if reply.code == 421 {
                said.service(Fact::Refused);
                return Interest::Done;
            }
            said.answered();
        }
        let tls = self.asked == Asked::Tls;
        match reply.code {
            220 if !self.named => {
                if let Some(software) = greeted_by(reply.text, PRODUCTS) {
                    self.named = true;
                    said.service(Fact::Software(software));
                }
            }
            234 if tls && reply.last => return Interest::Again,
            400.. if tls => self.asked = Asked::Nothing,
            230 if reply.last => return self.logged_in(said),
            530 if reply.last && self.user != User::Unknown => {
                self.user = User::Unknown;
                said.service(Fact::Login(Login::Refused));
            }
            125 | 150 if self.user == User::Anonymous && self.asked == Asked::File => {
                said.service(Fact::DataServed);
                return Interest::Done;
            }
            _ => {}
        }
        Interest::More
    }

    fn logged_in(&mut self, said: &mut Said<'_>) -> Interest {
        match self.user {
            User::Anonymous => {
                said.service(Fact::FileAnonymous);
                said.service(Fact::Login(Login::None));
                Interest::More
            }
            User::Named => {
                said.service(Fact::Login(Login::Used));
                Interest::Done
            }
            User::Unknown => Interest::More,
        }
    }
}

/// Octets of a line that are read: RFC 5321 section 4.5.3.1.5 allows 512 for a reply, RFC 9051 8192 for a command, of
/// which the first words are enough.
pub(super) const MAX_LINE: usize = 2048;

const FTP_PORT: u16 = 21;

/// Users that anybody may be (RFC 1635).
const ANONYMOUS: &[&[u8]] = &[b"anonymous", b"ftp"];

/// With what a client of FTP begins; mail begins otherwise.
const FIRST_COMMANDS: &[&[u8]] =
    &[b"USER", b"AUTH", b"FEAT", b"SYST", b"OPTS", b"HOST", b"CLNT", b"PBSZ", b"PASS", b"TYPE", b"CWD", b"PASV"];

/// Servers that greet with their name.
const PRODUCTS: &[Named] = &[
    Named { word: b"vsFTPd", product: "vsftpd", version: Where::Next },
    // QNAP: the version stands before the name.
    Named { word: b"NASFTPD Turbo station", product: "ProFTPD", version: Where::Next },
    Named { word: b"ProFTPD", product: "ProFTPD", version: Where::Next },
    Named { word: b"Pure-FTPd", product: "Pure-FTPd", version: Where::Nowhere },
    Named { word: b"FileZilla Server", product: "FileZilla Server", version: Where::Next },
    Named { word: b"Microsoft FTP Service", product: "Microsoft FTP", version: Where::After(b"(Version ") },
    Named { word: b"NetBSD-ftpd", product: "NetBSD ftpd", version: Where::Next },
];

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::*;

    fn software(product: &str, version: &str) -> Fact {
        let (product, place) = (Product::named(product).unwrap(), SoftwarePlace::Greeting);
        Fact::Software(Software { product, version: Version::exact(version.as_bytes()), revision: None, place })
    }

    #[test]
    fn a_readable_login_is_heard_and_the_password_is_not_said() {
        let says = [
            Says::Server(b"220 (vsFTPd 3.0.3)\r\n"),
            Says::Client(b"USER zzcanary\r\n"),
            Says::Server(b"331 Please specify the password.\r\n"),
            Says::Client(b"PASS CnryFtp1\r\n"),
            Says::Server(b"230 Login successful.\r\n"),
            Says::Client(b"RETR ZZCANARY_PATIENT_0001.pdf\r\n"),
        ];
        for piece in [1, 7, 1000] {
            let heard = hear(&FTP, 2121, piece, &says);
            for fact in [
                Fact::Protocol(Protocol::Ftp),
                Fact::Answered,
                software("vsftpd", "3.0.3"),
                Fact::Encryption(Encryption::None),
                Fact::FileLoginClear,
                Fact::Login(Login::Used),
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            let text = format!("{heard:?}").to_lowercase();
            assert!(!text.contains("zzcanary") && !text.contains("cnry"));
        }
    }

    #[test]
    fn anybody_may_read() {
        let heard = facts(&hear(
            &FTP,
            21,
            1000,
            &[
                Says::Server(b"220-Welcome\r\n files here\r\n220 foo.bar FTP server (NetBSD-ftpd 20100320) ready.\r\n"),
                Says::Client(b"USER Anonymous\r\n"),
                Says::Server(b"331 Guest login ok, type your name as password.\r\n"),
                Says::Client(b"PASS zzcanary@\r\n"),
                Says::Server(b"230-\r\n230 Guest login ok, access restrictions apply.\r\n"),
                Says::Client(b"RETR a\r\n"),
                Says::Server(b"150 Opening BINARY mode data connection.\r\n"),
            ],
        ));
        assert!(heard.contains(&software("NetBSD ftpd", "")));
        assert!(heard.contains(&Fact::FileAnonymous));
        assert!(heard.contains(&Fact::DataServed));
        assert!(!heard.contains(&Fact::FileLoginClear));
    }

    #[test]
    fn a_login_under_tls_is_not_readable() {
        let heard = facts(&hear(
            &FTP,
            21,
            1000,
            &[
                Says::Server(b"220 ProFTPD 1.3.5e Server (Debian) [192.168.20.1]\r\n"),
                Says::Client(b"AUTH TLS\r\n"),
                Says::Server(b"234 AUTH TLS successful\r\n"),
                Says::Client(b"\x16\x03\x01USER a\r\nPASS b\r\n"),
            ],
        ));
        assert!(heard.contains(&software("ProFTPD", "1.3.5e")));
        assert!(!heard.iter().any(|f| matches!(f, Fact::FileLoginClear | Fact::Login(_) | Fact::Encryption(_))));
    }

    #[test]
    fn mail_is_not_taken_for_files() {
        let verdict = |client: &[u8], server: &[u8], server_port| sniff_ftp(&Opening { client, server, server_port });
        assert_eq!(verdict(b"", b"220 foo ESMTP Postfix\r\n", 2525), Verdict::No);
        assert_eq!(verdict(b"", b"220 foo ready\r\n", 2525), Verdict::Unsure);
        assert_eq!(verdict(b"EHLO foo\r\n", b"220 foo ready\r\n", 2525), Verdict::No);
        assert_eq!(verdict(b"USER foo\r\n", b"220 foo ready\r\n", 2525), Verdict::Yes);
        assert_eq!(verdict(b"USER foo\r\n", b"+OK ready\r\n", 110), Verdict::No);
        assert_eq!(verdict(b"USER foo\r\n", b"", 2525), Verdict::Unsure);
        assert_eq!(verdict(b"", b"220 foo ready\r\n", 21), Verdict::Yes);
        assert_eq!(verdict(b"GET / HTTP/1.1\r\n", b"", 21), Verdict::No);
        assert_eq!(verdict(b"", b"SSH-2.0-x\r\n", 21), Verdict::No);
    }

    #[test]
    fn greetings_name_their_product_and_hosts_do_not() {
        let version = |greeting: &[u8]| greeted_by(greeting, PRODUCTS).map(|s| (s.product.name(), s.version));
        let exact = |v: &[u8]| Version::exact(v);
        assert_eq!(version(b"FileZilla Server 0.9.60 beta"), Some(("FileZilla Server", exact(b"0.9.60"))));
        assert_eq!(version(b"FileZilla Server version 0.9.41 beta"), Some(("FileZilla Server", exact(b"0.9.41"))));
        assert_eq!(version(b"---- Welcome to Pure-FTPd [privsep] [TLS] ----"), Some(("Pure-FTPd", None)));
        assert_eq!(version(b"foo Microsoft FTP Service (Version 5.0)."), Some(("Microsoft FTP", exact(b"5.0"))));
        assert_eq!(version(b"NASFTPD Turbo station 1.3.5a Server (ProFTPD)"), Some(("ProFTPD", exact(b"1.3.5a"))));
        assert_eq!(version(b"ProFTPD Server (x) [192.168.1.10]"), Some(("ProFTPD", None)));
        assert_eq!(version(b"proftpd.example.com ready"), None);
        assert_eq!(version(b"my-vsftpd ready"), None);
    }

    #[test]
    fn a_line_that_does_not_end_is_passed_over() {
        let mut head = Head::default();
        let mut side = Side::default();
        head.segment(0, &[b'a'; 3000], 0);
        assert_eq!(side.next(&mut head, <[u8]>::len), Some(MAX_LINE));
        head.segment(3000, b"rest\r\nnext\r\n", 0);
        assert_eq!(side.next(&mut head, <[u8]>::to_vec), Some(b"next".to_vec()));
        // After a hole it goes on at the next line.
        head.segment(3012, b"half", 10);
        head.segment(3026, b"tail\r\nwhole\r\n", 0);
        assert_eq!(side.next(&mut head, <[u8]>::to_vec), Some(b"whole".to_vec()));
    }
}
