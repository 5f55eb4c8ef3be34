//! How people fetch their mail: POP3 (RFC 1939, 2595, 5034) and IMAP (RFC 9051).
//!
//! Keeps: whether TLS was offered and used, whether a password or a message was readable, how a login ended, the
//! product of the greeting if listed. Drops: users, passwords, names of mailboxes, every message: the listener stops
//! where the first one begins.

use super::lines::{Named, Side, Where, command_verdict, greeted_by, is_tls, once};
use super::mail::{READABLE, Told, is_masked, message};
use super::system::say_ntlm;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::ntlm;
use crate::wire::text::{self, after, begins, word, words};
use auscult_report::fact::{Fact, Login, MailStartTls, Protocol};

/// POP3.
pub const POP3: Detector = Detector {
    name: "pop3",
    version: 2,
    hears: "A greeting +OK and commands of POP3. PASS, AUTH PLAIN or LOGIN before STLS is a readable password (APOP is \
            not), RETR before it a readable message; AUTH NTLM names builds of Windows.",
    sniff: sniff_pop3,
    start: || Box::new(Mailbox::new(Kind::Pop3)),
};

/// IMAP.
pub const IMAP: Detector = Detector {
    name: "imap",
    version: 2,
    hears: "A greeting * OK and tagged commands of IMAP. LOGIN, AUTHENTICATE PLAIN or LOGIN before STARTTLS is a readable \
            password, a body that is fetched before it a readable message; AUTHENTICATE NTLM names builds of Windows.",
    sniff: sniff_imap,
    start: || Box::new(Mailbox::new(Kind::Imap)),
};

fn sniff_pop3(opening: &Opening<'_>) -> Verdict {
    let Opening { client, server, server_port } = *opening;
    let port = server_port == POP3_PORT;
    let mut verdict = if begins(server, b"+OK") { Verdict::Yes } else { Verdict::Unsure };
    if !server.is_empty() && !begins(server, b"+OK") && !begins(b"+OK", server) {
        return Verdict::No;
    }
    if !client.is_empty() {
        verdict = match command_verdict(client, POP3_COMMANDS) {
            // USER alone may be FTP's.
            Verdict::Yes if server.is_empty() && !port => Verdict::Unsure,
            other => other,
        };
    } else if verdict == Verdict::Yes {
        // Other protocols say +OK too, but not first, and not this.
        let line = text::line(server).map_or(&[][..], |(line, _)| line);
        let named =
            greeted_by(line, PRODUCTS).is_some() || [&b"POP"[..], b" ready"].iter().any(|w| after(line, w).is_some());
        verdict = if port || named { Verdict::Yes } else { Verdict::Unsure };
    }
    verdict
}

fn sniff_imap(opening: &Opening<'_>) -> Verdict {
    let Opening { client, server, .. } = *opening;
    if !server.is_empty() {
        if [&b"* OK"[..], b"* PREAUTH", b"* BYE"].iter().any(|g| begins(server, g)) {
            return Verdict::Yes;
        }
        let may_become = [&b"* OK"[..], b"* PREAUTH", b"* BYE"].iter().any(|g| begins(g, server));
        return if may_become { Verdict::Unsure } else { Verdict::No };
    }
    if client.is_empty() {
        return Verdict::Unsure;
    }
    let tag_len = client.iter().take_while(|o| o.is_ascii_alphanumeric()).count();
    let (tag, rest) = client.split_at_checked(tag_len).unwrap_or((client, &[]));
    match rest.strip_prefix(b" ") {
        _ if tag.is_empty() || tag.len() > MAX_TAG => Verdict::No,
        Some(command) if tag.iter().any(u8::is_ascii_digit) => command_verdict(command, IMAP_COMMANDS),
        Some(_) => Verdict::No,
        None if rest.is_empty() => Verdict::Unsure,
        None => Verdict::No,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pop3,
    Imap,
}

#[derive(Debug)]
struct Mailbox {
    kind: Kind,
    client: Side,
    server: Side,
    asked: Asked,
    /// STARTTLS or STLS stood in a list of capabilities.
    offered: bool,
    /// A capability was written over on the way.
    masked: bool,
    known: bool,
    answered: bool,
    named: bool,
    told: Told,
}

/// What the client waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Capabilities,
    Tls,
    Login,
    /// A mechanism that asks: the client's lines are secrets; `readable` if it hides nothing.
    Secret {
        readable: bool,
    },
    Message,
}

/// What a line of the server is, in either protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Good,
    Bad,
    /// A part of a list, a challenge, an announcement.
    Between,
}

impl Listener for Mailbox {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(match self.kind {
                Kind::Pop3 => Protocol::Pop3,
                Kind::Imap => Protocol::Imap,
            });
        }
        let mut side = core::mem::take(&mut self.server);
        while let Some(interest) = side.next(talk.server, |line| self.hear_server(line, said)) {
            if interest != Interest::More {
                return interest;
            }
        }
        self.server = side;
        let mut side = core::mem::take(&mut self.client);
        let mut interest = Interest::More;
        while interest == Interest::More {
            match talk.client.octets().first() {
                Some(first) if self.asked == Asked::Tls && is_tls(*first) => {
                    self.told.tls(MailStartTls::Used, said);
                    return Interest::Again;
                }
                // Nobody goes on in the clear who was not refused.
                Some(_) if self.asked == Asked::Tls => self.asked = Asked::Nothing,
                _ => {}
            }
            let Some(next) = side.next(talk.client, |line| self.hear_client(line, said)) else { break };
            interest = next;
        }
        self.client = side;
        interest
    }
}

impl Mailbox {
    fn new(kind: Kind) -> Mailbox {
        Mailbox {
            kind,
            client: Side::default(),
            server: Side::default(),
            asked: Asked::Nothing,
            offered: false,
            masked: false,
            known: false,
            answered: false,
            named: false,
            told: Told::default(),
        }
    }

    fn hear_server(&mut self, line: &[u8], said: &mut Said<'_>) -> Interest {
        if once(&mut self.answered) {
            if begins(line, b"* BYE") {
                said.service(Fact::Refused);
                return Interest::Done;
            }
            said.answered();
        }
        if !self.named && (begins(line, b"+OK") || begins(line, b"* OK")) {
            self.named = true;
            if let Some(software) = greeted_by(line, PRODUCTS) {
                said.service(Fact::Software(software));
            }
        }
        self.hear_capabilities(line, said);
        match (self.answer(line), self.asked) {
            (Answer::Good, Asked::Tls) => {
                self.told.tls(MailStartTls::Used, said);
                return Interest::Again;
            }
            (Answer::Good, Asked::Login | Asked::Secret { .. }) => self.end_login(Login::Used, said),
            (Answer::Bad, Asked::Login | Asked::Secret { .. }) => self.end_login(Login::Refused, said),
            (Answer::Good, Asked::Message) if self.kind == Kind::Pop3 => return message(said),
            (Answer::Between, _) if self.kind == Kind::Imap && is_fetched_body(line) => return message(said),
            // POP3 says +OK before its list of capabilities.
            (Answer::Good, Asked::Capabilities) if self.kind == Kind::Pop3 => {}
            (Answer::Good | Answer::Bad, _) => self.asked = Asked::Nothing,
            (Answer::Between, Asked::Secret { .. }) if begins(line, b"+ ") => {
                say_ntlm(ntlm::in_base64(word(line).1), true, said);
            }
            (Answer::Between, _) => {}
        }
        Interest::More
    }

    fn answer(&self, line: &[u8]) -> Answer {
        let result = match self.kind {
            Kind::Pop3 => line,
            Kind::Imap if matches!(line.first(), Some(b'*' | b'+') | None) => return Answer::Between,
            Kind::Imap => word(line).1,
        };
        if [&b"+OK"[..], b"OK"].iter().any(|w| begins(result, w)) {
            Answer::Good
        } else if [&b"-ERR"[..], b"NO", b"BAD"].iter().any(|w| begins(result, w)) {
            Answer::Bad
        } else {
            Answer::Between
        }
    }

    /// Whether TLS is offered: `STLS` in the list after CAPA, `STARTTLS` among the words of CAPABILITY.
    fn hear_capabilities(&mut self, line: &[u8], said: &mut Said<'_>) {
        let ends = match self.kind {
            Kind::Pop3 if self.asked != Asked::Capabilities => return,
            Kind::Pop3 => {
                self.offered |= line.eq_ignore_ascii_case(b"STLS");
                self.masked |= is_masked(line);
                line == b"."
            }
            Kind::Imap => {
                let Some(list) = after(line, b"CAPABILITY ").filter(|_| !self.told.is_clear()) else { return };
                let list = list.split(|o| *o == b']').next().unwrap_or_default();
                self.offered |= words(list).any(|w| w.eq_ignore_ascii_case(b"STARTTLS"));
                self.masked |= words(list).any(is_masked);
                true
            }
        };
        if ends {
            if !self.offered {
                self.told.tls(if self.masked { MailStartTls::Stripped } else { MailStartTls::NotOffered }, said);
            }
            self.asked = if self.kind == Kind::Pop3 { Asked::Nothing } else { self.asked };
        }
    }

    fn hear_client(&mut self, line: &[u8], said: &mut Said<'_>) -> Interest {
        if let Asked::Secret { readable } = self.asked {
            if !readable {
                say_ntlm(ntlm::in_base64(line), false, said);
            } else if line != b"*" {
                self.told.clear(said);
            }
            return Interest::More;
        }
        let command = match self.kind {
            Kind::Pop3 => line,
            Kind::Imap => word(line).1,
        };
        let (verb, argument) = word(command);
        let is = |v: &[u8]| verb.eq_ignore_ascii_case(v);
        if is(b"STLS") || is(b"STARTTLS") {
            self.asked = Asked::Tls;
        } else if is(b"CAPA") && self.kind == Kind::Pop3 {
            self.asked = Asked::Capabilities;
        } else if is(b"PASS") || is(b"LOGIN") {
            self.told.goes_on_in_clear(self.offered, said);
            self.told.clear(said);
            self.asked = Asked::Login;
        } else if is(b"APOP") {
            self.told.goes_on_in_clear(self.offered, said);
            self.asked = Asked::Login;
        } else if is(b"AUTH") || is(b"AUTHENTICATE") {
            self.authenticate(argument, said);
        } else if is(b"RETR") || is(b"TOP") {
            self.asked = Asked::Message;
        } else if is(b"APPEND") {
            return message(said);
        } else if is(b"QUIT") || is(b"LOGOUT") {
            return Interest::Done;
        }
        Interest::More
    }

    fn authenticate(&mut self, argument: &[u8], said: &mut Said<'_>) {
        let (mechanism, initial) = word(argument);
        if mechanism.is_empty() {
            // POP3: it asks which there are.
            return;
        }
        self.told.goes_on_in_clear(self.offered, said);
        let readable = READABLE.iter().any(|m| mechanism.eq_ignore_ascii_case(m));
        if readable && !initial.is_empty() {
            self.told.clear(said);
        }
        say_ntlm(ntlm::in_base64(initial), false, said);
        self.asked = Asked::Secret { readable };
    }

    fn end_login(&mut self, login: Login, said: &mut Said<'_>) {
        self.asked = Asked::Nothing;
        said.service(Fact::Login(login));
    }
}

/// `* 12 FETCH (BODY[] {2048}`: a message or a part of one follows.
fn is_fetched_body(line: &[u8]) -> bool {
    words(line).nth(2).is_some_and(|w| w.eq_ignore_ascii_case(b"FETCH"))
        && [&b"BODY["[..], b"RFC822"].iter().any(|w| after(line, w).is_some())
        && line.ends_with(b"}")
}

const POP3_PORT: u16 = 110;
/// Octets of an IMAP tag: clients count in a few digits and letters.
const MAX_TAG: usize = 16;

/// With what a client of POP3 begins.
const POP3_COMMANDS: &[&[u8]] = &[b"USER", b"CAPA", b"APOP", b"AUTH", b"STLS", b"QUIT", b"STAT", b"UIDL"];

/// With what a client of IMAP begins.
const IMAP_COMMANDS: &[&[u8]] =
    &[b"CAPABILITY", b"LOGIN", b"AUTHENTICATE", b"STARTTLS", b"ID", b"NOOP", b"SELECT", b"UID", b"FETCH", b"LIST"];

/// Servers that greet with their name.
const PRODUCTS: &[Named] = &[
    Named { word: b"Dovecot", product: "Dovecot", version: Where::Nowhere },
    Named { word: b"Courier-IMAP", product: "Courier", version: Where::Nowhere },
    Named { word: b"Cyrus IMAP Murder", product: "Cyrus IMAP", version: Where::Next },
    Named { word: b"Cyrus POP3 Murder", product: "Cyrus IMAP", version: Where::Next },
    Named { word: b"Cyrus", product: "Cyrus IMAP", version: Where::Next },
    Named { word: b"Microsoft Exchange", product: "Microsoft Exchange", version: Where::After(b" version ") },
];

#[cfg(test)]
mod tests {
    use super::super::testing::{NTLM_IN_BASE64, Says, facts, hear, is_windows};
    use super::*;
    use auscult_report::fact::{Encryption, SignPlace, Software, SoftwarePlace};
    use auscult_report::product::Product;

    fn dovecot() -> Fact {
        let (product, place) = (Product::named("Dovecot").unwrap(), SoftwarePlace::Greeting);
        Fact::Software(Software { product, version: None, revision: None, place })
    }

    #[test]
    fn a_pop3_password_and_message_are_readable_and_stay_here() {
        let says = [
            Says::Server(b"+OK Dovecot (Debian) ready.\r\n"),
            Says::Client(b"CAPA\r\n"),
            Says::Server(b"+OK\r\nCAPA\r\nTOP\r\nSASL PLAIN LOGIN\r\n.\r\n"),
            Says::Client(b"USER zzcanary\r\n"),
            Says::Server(b"+OK\r\n"),
            Says::Client(b"PASS CnryFtp1\r\n"),
            Says::Server(b"+OK Logged in.\r\n"),
            Says::Client(b"RETR 1\r\n"),
            Says::Server(b"+OK 120 octets\r\nSubject: ZZCANARY\r\n"),
        ];
        for piece in [1, 6, 1000] {
            let heard = hear(&POP3, 1110, piece, &says);
            for fact in [
                Fact::Protocol(Protocol::Pop3),
                Fact::Answered,
                dovecot(),
                Fact::MailStartTls(MailStartTls::NotOffered),
                Fact::Encryption(Encryption::None),
                Fact::MailAuthClear,
                Fact::Login(Login::Used),
                Fact::MailReadable,
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            let text = format!("{heard:?}").to_lowercase();
            assert!(!text.contains("zzcanary") && !text.contains("cnry"));
        }
    }

    #[test]
    fn a_pop3_client_that_answers_a_challenge() {
        let heard = facts(&hear(
            &POP3,
            110,
            4,
            &[
                Says::Server(b"+OK ready\r\n"),
                Says::Client(b"AUTH PLAIN\r\n"),
                Says::Server(b"+ \r\n"),
                Says::Client(b"AHNjYW5zAENucnlGdHAx\r\n"),
                Says::Server(b"-ERR no\r\n"),
            ],
        ));
        assert!(heard.contains(&Fact::MailAuthClear));
        assert!(heard.contains(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn tls_that_is_used_ends_the_readable_part() {
        let pop3 = facts(&hear(
            &POP3,
            110,
            1,
            &[
                Says::Server(b"+OK ready\r\n"),
                Says::Client(b"STLS\r\n"),
                Says::Server(b"+OK Begin TLS\r\n"),
                Says::Client(b"\x16\x03\x01PASS a\r\n"),
            ],
        ));
        let imap = facts(&hear(
            &IMAP,
            143,
            1,
            &[
                Says::Server(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Dovecot ready.\r\n"),
                Says::Client(b"a1 STARTTLS\r\n"),
                Says::Server(b"a1 OK Begin TLS\r\n"),
                Says::Client(b"\x16\x03\x01a2 LOGIN a b\r\n"),
            ],
        ));
        for heard in [pop3, imap] {
            assert!(heard.contains(&Fact::MailStartTls(MailStartTls::Used)));
            assert!(!heard.iter().any(|f| matches!(f, Fact::MailAuthClear | Fact::Encryption(_))));
        }
    }

    #[test]
    fn a_login_by_ntlm_names_builds_of_windows_and_shows_no_password() {
        let [challenge, offer] = NTLM_IN_BASE64.map(|line| format!("{line}\r\n"));
        let challenge = format!("+ {challenge}");
        for (detector, port, greeting, ask, done) in [
            (&POP3, 110, "+OK POP3 ready\r\n", "AUTH NTLM\r\n", "+OK\r\n"),
            (&IMAP, 143, "* OK IMAP4 ready\r\n", "a1 AUTHENTICATE NTLM\r\n", "a1 OK\r\n"),
        ] {
            let heard = facts(&hear(
                detector,
                port,
                1000,
                &[
                    Says::Server(greeting.as_bytes()),
                    Says::Client(ask.as_bytes()),
                    Says::Server(b"+ \r\n"),
                    Says::Client(offer.as_bytes()),
                    Says::Server(challenge.as_bytes()),
                    Says::Client(b"TlRMTVNTUAADAAAA\r\n"),
                    Says::Server(done.as_bytes()),
                ],
            ));
            assert!(is_windows(&heard, SignPlace::NtlmChallenge, 17_763), "{heard:?}");
            assert!(is_windows(&heard, SignPlace::NtlmClient, 26_100), "{heard:?}");
            assert!(heard.contains(&Fact::Login(Login::Used)) && !heard.contains(&Fact::MailAuthClear));
        }
    }

    #[test]
    fn an_imap_password_and_message_are_readable_and_stay_here() {
        let says = [
            Says::Server(b"* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n"),
            Says::Client(b"A001 AUTHENTICATE PLAIN AHNjYW5zAENucnlGdHAx\r\n"),
            Says::Server(b"* CAPABILITY IMAP4rev1 IDLE\r\nA001 OK Logged in\r\n"),
            Says::Client(b"A002 SELECT ZZCANARY\r\n"),
            Says::Server(b"* 3 EXISTS\r\nA002 OK\r\n"),
            Says::Client(b"A003 FETCH 1 BODY[]\r\n"),
            Says::Server(b"* 1 FETCH (FLAGS (\\Seen) BODY[] {26}\r\nSubject: ZZCANARY\r\n"),
        ];
        for piece in [1, 9, 1000] {
            let heard = hear(&IMAP, 143, piece, &says);
            for fact in [
                Fact::Protocol(Protocol::Imap),
                Fact::Answered,
                dovecot(),
                Fact::MailStartTls(MailStartTls::Offered),
                Fact::Encryption(Encryption::None),
                Fact::MailAuthClear,
                Fact::Login(Login::Used),
                Fact::MailReadable,
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
    }

    #[test]
    fn one_side_alone_tells_its_half() {
        let client = facts(&hear(&IMAP, 143, 3, &[Says::Client(b"a1 LOGIN zzcanary CnryFtp1\r\n")]));
        assert!(client.contains(&Fact::MailAuthClear));
        assert!(!client.contains(&Fact::Answered));
        let server = facts(&hear(&IMAP, 143, 3, &[Says::Server(b"* OK Courier-IMAP ready.\r\n")]));
        assert!(server.contains(&Fact::Answered));
        let client = facts(&hear(&POP3, 110, 3, &[Says::Client(b"USER a\r\nPASS b\r\n")]));
        assert!(client.contains(&Fact::MailAuthClear));
    }

    #[test]
    fn other_protocols_are_no_mailboxes() {
        let pop3 = |client: &[u8], server: &[u8], server_port| sniff_pop3(&Opening { client, server, server_port });
        assert_eq!(pop3(b"*1\r\n$4\r\nPING\r\n", b"+OK\r\n", 6379), Verdict::No);
        assert_eq!(pop3(b"", b"+OK\r\n", 6379), Verdict::Unsure);
        assert_eq!(pop3(b"USER a\r\n", b"220 ready\r\n", 21), Verdict::No);
        assert_eq!(pop3(b"USER a\r\n", b"", 2222), Verdict::Unsure);
        assert_eq!(pop3(b"CAPA\r\n", b"+OK hello\r\n", 2222), Verdict::Yes);
        let imap = |client: &[u8], server: &[u8]| sniff_imap(&Opening { client, server, server_port: 143 });
        assert_eq!(imap(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(imap(b"a1", b""), Verdict::Unsure);
        assert_eq!(imap(b"a1 LOGIN", b""), Verdict::Unsure);
        assert_eq!(imap(b"a1 GET x", b""), Verdict::No);
        assert_eq!(imap(b"", b"*1\r\n"), Verdict::No);
        assert_eq!(imap(b"", b"* O"), Verdict::Unsure);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let mut seed = 0xabcd_1111_2222_3333_u64;
        for _ in 0..500 {
            let mut client = b"a1 AUTHENTICATE PLAIN\r\na2 LOGIN a b\r\na3 FETCH 1 BODY[]\r\nAUTH LOGIN\r\n".to_vec();
            let mut server = b"* OK [CAPABILITY STARTTLS] ready\r\n+ \r\na1 OK\r\n* 1 FETCH (BODY[] {2}\r\n".to_vec();
            for octets in [&mut client, &mut server] {
                for _ in 0..3 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let at = 8 + seed as usize % (octets.len() - 8);
                    octets[at] = (seed >> 32) as u8;
                }
            }
            hear(&IMAP, 143, 11, &[Says::Server(&server), Says::Client(&client), Says::Server(&server)]);
            let pop3 = [b"+OK POP ready\r\n", &server[..]].concat();
            hear(&POP3, 110, 11, &[Says::Server(&pop3), Says::Client(&client), Says::Server(&server)]);
        }
    }

    #[test]
    fn a_capability_that_was_written_over_is_said_as_such() {
        let pop =
            [Says::Server(b"+OK ready\r\n"), Says::Client(b"CAPA\r\n"), Says::Server(b"+OK\r\nUIDL\r\nXXXX\r\n.\r\n")];
        let imap = [Says::Server(b"* OK [CAPABILITY IMAP4rev1 XXXXXXXX IDLE] ready\r\n")];
        for (detector, says) in [(&POP3, &pop[..]), (&IMAP, &imap[..])] {
            let said = facts(&hear(detector, 110, 5, says));
            assert!(said.contains(&Fact::MailStartTls(MailStartTls::Stripped)), "{}: {said:?}", detector.name);
        }
        let experimental = [Says::Server(b"* OK [CAPABILITY IMAP4rev1 XLIST XAPPLEPUSHSERVICE] ready\r\n")];
        let said = facts(&hear(&IMAP, 143, 5, &experimental));
        assert!(said.contains(&Fact::MailStartTls(MailStartTls::NotOffered)), "{said:?}");
    }
}
