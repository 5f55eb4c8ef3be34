//! Mail between servers and from clients: SMTP (RFC 5321, 3207, 4954, 3030).
//!
//! Keeps: whether TLS was offered and used, whether a password or a message was readable, how a login ended, the
//! product of the greeting if listed; of a readable message what `mail_body` says. Drops: hosts, senders, recipients, users,
//! passwords, subjects, texts.

use super::lines::{Named, Side, Where, command_verdict, greeted_by, is_tls, may_be_reply, once};
use super::mail_body::{Chunk, Message, Progress};
use super::system::say_ntlm;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::ntlm;
use crate::wire::text::{self, Reply, after, begins, word};
use auscult_report::fact::{Encryption, Fact, Login, MailStartTls, Protocol};

/// SMTP and LMTP.
pub const SMTP: Detector = Detector {
    name: "smtp",
    version: 3,
    hears: "A greeting 220, EHLO or HELO. The answer to EHLO offers STARTTLS or does not; DATA or BDAT before STARTTLS \
            is a readable message, AUTH PLAIN or LOGIN a readable password; AUTH NTLM names \
            builds of Windows. Between servers TLS is a matter of luck: the other side may be the one without. A firewall that masks STARTTLS is said as such. In a readable message it is \
            looked for a link that opens an account and for a code, in one message or, within a day, in two to one mailbox: only \
            that both went there is kept. A second code of a login that comes on the day of the link looks alike.",
    sniff,
    start: || Box::new(Smtp::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    let Opening { client, server, server_port } = *opening;
    if !may_be_reply(server) {
        return Verdict::No;
    }
    if !client.is_empty() {
        return match command_verdict(client, OPENERS) {
            Verdict::No if begins(client, b"MAIL FROM:") || begins(client, b"RCPT TO:") => Verdict::Yes,
            Verdict::No if begins(b"MAIL FROM:", client) || begins(b"RCPT TO:", client) => Verdict::Unsure,
            other => other,
        };
    }
    let Some((line, _)) = text::line(server) else { return Verdict::Unsure };
    let Ok(reply) = Reply::read(line) else { return Verdict::No };
    let (_, after_host) = word(reply.text);
    let named = after(reply.text, b"SMTP").is_some() || greeted_by(after_host, PRODUCTS).is_some();
    match reply.code {
        220 if named => Verdict::Yes,
        220 | 421 | 554 if after(reply.text, b"FTP").is_some() => Verdict::No,
        220 | 421 | 554 if PORTS.contains(&server_port) => Verdict::Yes,
        220 | 421 | 554 => Verdict::Unsure,
        // Joined in the middle: an enhanced status (RFC 3463) begins with the first digit of the code.
        _ if is_enhanced(&reply) => Verdict::Yes,
        _ => Verdict::No,
    }
}

fn is_enhanced(reply: &Reply<'_>) -> bool {
    let class = reply.code / 100;
    matches!(reply.text, [c, b'.', b'0'..=b'9', b'.', b'0'..=b'9', ..] if u16::from(c.wrapping_sub(b'0')) == class)
}

#[derive(Debug, Default)]
struct Smtp {
    client: Side,
    server: Side,
    phase: Phase,
    hello: Hello,
    secret: Secret,
    known: bool,
    answered: bool,
    greeted: bool,
    told: Told,
    message: Message,
}

/// What the client waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Commands,
    /// STARTTLS was sent: what follows may be TLS.
    Tls,
    /// DATA was sent: what follows may be a message.
    Data,
    /// A message goes over.
    Message,
}

/// The answer to EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hello {
    #[default]
    Unheard,
    Asked {
        offered: bool,
        masked: bool,
    },
    Offered,
    NotOffered,
}

/// An AUTH in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Secret {
    #[default]
    Nothing,
    /// The client's lines are answers to challenges; `readable` if the mechanism hides nothing.
    Asked { readable: bool },
}

impl Listener for Smtp {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(Protocol::Smtp);
        }
        let alone = talk.client.heard() == 0;
        let mut side = core::mem::take(&mut self.server);
        while let Some(interest) = side.next(talk.server, |line| self.hear_server(line, alone, said)) {
            if interest != Interest::More {
                return interest;
            }
        }
        self.server = side;
        let mut side = core::mem::take(&mut self.client);
        let interest = loop {
            if let Some(interest) = self.hold(talk, said) {
                break interest;
            }
            if self.phase == Phase::Message {
                match self.message.listen(talk.client, said) {
                    Progress::Within => break Interest::More,
                    Progress::TooLong => break Interest::Done,
                    Progress::Over => self.phase = Phase::Commands,
                }
            }
            match side.next(talk.client, |line| self.hear_client(line, said)) {
                None => break Interest::More,
                Some(Interest::More) => {}
                Some(other) => break other,
            }
        };
        self.client = side;
        interest
    }

    fn held(&self) -> usize {
        self.message.held()
    }
}

impl Smtp {
    /// After STARTTLS and DATA the client's octets may be something else. `None`: they may be read as commands.
    fn hold(&mut self, talk: &Talk<'_>, said: &mut Said<'_>) -> Option<Interest> {
        let waiting = talk.client.octets();
        let first = waiting.first()?;
        match self.phase {
            Phase::Commands | Phase::Message => None,
            Phase::Tls if is_tls(*first) => {
                self.told.tls(MailStartTls::Used, said);
                Some(Interest::Again)
            }
            // Nobody goes on in the clear who was not refused.
            Phase::Tls => {
                self.phase = Phase::Commands;
                None
            }
            // Where the server is not heard, or its word was lost, what the client does tells what it was told.
            Phase::Data if talk.server.heard() == 0 || waiting.len() > PATIENCE => {
                self.message_begins(None, said);
                None
            }
            Phase::Data => Some(Interest::More),
        }
    }

    fn hear_server(&mut self, line: &[u8], alone: bool, said: &mut Said<'_>) -> Interest {
        let Ok(reply) = Reply::read(line) else { return Interest::More };
        if once(&mut self.answered) {
            if matches!(reply.code, 421 | 554) {
                said.service(Fact::Refused);
                return Interest::Done;
            }
            said.answered();
        }
        if alone && self.hello == Hello::Offered && reply.code != 220 {
            // Where the client is not heard, any other reply tells that it went on without.
            self.told.tls(MailStartTls::Offered, said);
        }
        match reply.code {
            220 if self.phase == Phase::Tls || (alone && self.greeted) => {
                self.told.tls(MailStartTls::Used, said);
                return Interest::Again;
            }
            220 if !self.greeted => self.greet(&reply, said),
            250 => self.hear_hello(&reply, alone, said),
            354 => self.message_begins(None, said),
            334 => say_ntlm(ntlm::in_base64(reply.text), true, said),
            235 => self.end_login(Login::Used, said),
            535 => self.end_login(Login::Refused, said),
            400.. if reply.last && self.phase != Phase::Message => {
                self.phase = Phase::Commands;
                self.secret = Secret::Nothing;
                if matches!(self.hello, Hello::Asked { .. }) {
                    self.hello = Hello::Unheard;
                }
            }
            _ => {}
        }
        Interest::More
    }

    fn greet(&mut self, reply: &Reply<'_>, said: &mut Said<'_>) {
        self.greeted = reply.last;
        // The first word is the name of the host, whatever it is called.
        let (_, rest) = word(reply.text);
        if let Some(software) = greeted_by(rest, PRODUCTS) {
            said.service(Fact::Software(software));
        }
    }

    /// The lines of the answer to EHLO; the first says only the name of the host.
    fn hear_hello(&mut self, reply: &Reply<'_>, alone: bool, said: &mut Said<'_>) {
        if alone && self.hello == Hello::Unheard && !reply.last {
            self.hello = Hello::Asked { offered: false, masked: false };
        }
        let Hello::Asked { offered, masked } = &mut self.hello else { return };
        *offered |= word(reply.text).0.eq_ignore_ascii_case(b"STARTTLS");
        *masked |= is_masked(reply.text);
        if !reply.last {
            return;
        }
        let (offered, masked) = (*offered, *masked);
        self.hello = if offered { Hello::Offered } else { Hello::NotOffered };
        match (offered, masked) {
            // Whether it is used comes next.
            (true, _) => {}
            (false, true) => self.told.tls(MailStartTls::Stripped, said),
            (false, false) => self.told.tls(MailStartTls::NotOffered, said),
        }
    }

    fn hear_client(&mut self, line: &[u8], said: &mut Said<'_>) -> Interest {
        if let Secret::Asked { readable } = self.secret {
            if line == b"*" {
                self.secret = Secret::Nothing;
            } else if readable {
                self.told.clear(said);
            } else {
                say_ntlm(ntlm::in_base64(line), false, said);
            }
            return Interest::More;
        }
        let (verb, argument) = word(line);
        let is = |v: &[u8]| verb.eq_ignore_ascii_case(v);
        if is(b"EHLO") || is(b"LHLO") {
            self.hello = Hello::Asked { offered: false, masked: false };
        } else if is(b"STARTTLS") {
            self.phase = Phase::Tls;
        } else if is(b"AUTH") {
            self.told.goes_on_in_clear(self.hello == Hello::Offered, said);
            let (mechanism, initial) = word(argument);
            let readable = READABLE.iter().any(|m| mechanism.eq_ignore_ascii_case(m));
            if readable && !initial.is_empty() {
                self.told.clear(said);
            }
            say_ntlm(ntlm::in_base64(initial), false, said);
            self.secret = Secret::Asked { readable };
        } else if is(b"MAIL") || is(b"RSET") {
            self.told.goes_on_in_clear(self.hello == Hello::Offered, said);
            self.message.forget();
        } else if is(b"RCPT") {
            self.message.is_for(argument, said);
        } else if is(b"DATA") {
            self.phase = Phase::Data;
        } else if is(b"BDAT")
            && let (octets, more) = word(argument)
            && let Some(left) = text::number(octets).filter(|n| *n > 0)
        {
            let is_last = begins(more, b"LAST");
            self.message_begins(Some(Chunk { left, is_last }), said);
        }
        Interest::More
    }

    /// Once a message: a server that says 354 twice begins nothing anew.
    fn message_begins(&mut self, chunk: Option<Chunk>, said: &mut Said<'_>) {
        if self.phase != Phase::Message {
            self.phase = Phase::Message;
            self.message.begins(chunk, said);
        }
    }

    fn end_login(&mut self, login: Login, said: &mut Said<'_>) {
        self.secret = Secret::Nothing;
        said.service(Fact::Login(login));
    }
}

/// What mail protocols say alike, each once a conversation.
#[derive(Debug, Default)]
pub(super) struct Told {
    encryption: bool,
    tls: bool,
    clear: bool,
}

impl Told {
    /// The client does not use the TLS that it may have been offered.
    pub(super) fn goes_on_in_clear(&mut self, offered: bool, said: &mut Said<'_>) {
        if offered {
            self.tls(MailStartTls::Offered, said);
        }
        if once(&mut self.encryption) {
            said.service(Fact::Encryption(Encryption::None));
        }
    }

    /// Whether the conversation went on readable.
    pub(super) const fn is_clear(&self) -> bool {
        self.encryption
    }

    /// A secret crossed readable.
    pub(super) fn clear(&mut self, said: &mut Said<'_>) {
        if once(&mut self.clear) {
            said.service(Fact::MailAuthClear);
        }
    }

    /// What became of STARTTLS.
    pub(super) fn tls(&mut self, tls: MailStartTls, said: &mut Said<'_>) {
        if once(&mut self.tls) {
            said.service(Fact::MailStartTls(tls));
        }
    }
}

/// A message follows: it is not for us, and nothing else can be learnt here.
pub(super) fn message(said: &mut Said<'_>) -> Interest {
    said.service(Fact::MailReadable);
    Interest::Done
}

/// `XXXXXXXA`: a keyword that a firewall has written over.
pub(super) fn is_masked(keyword: &[u8]) -> bool {
    let crosses = keyword.iter().take_while(|o| **o == b'X').count();
    crosses >= 4 && keyword.len() <= crosses.saturating_add(1)
}

/// Octets after DATA that are no command any more: a client that was refused says RSET or QUIT.
const PATIENCE: usize = 64;

/// Where mail servers listen: 25, LMTP, submission, and its usual second.
const PORTS: &[u16] = &[24, 25, 587, 2525];

/// With what a client begins.
const OPENERS: &[&[u8]] = &[b"EHLO", b"HELO", b"LHLO", b"STARTTLS"];

/// Mechanisms that hide nothing (RFC 4616, and LOGIN of old).
pub(super) const READABLE: &[&[u8]] = &[b"PLAIN", b"LOGIN"];

/// Servers that greet with their name.
const PRODUCTS: &[Named] = &[
    Named { word: b"Postfix", product: "Postfix", version: Where::Next },
    Named { word: b"Exim", product: "Exim", version: Where::Next },
    // HP-UX: @(#)Sendmail version 8.13.3
    Named { word: b"Sendmail version", product: "Sendmail", version: Where::Next },
    Named { word: b"Sendmail", product: "Sendmail", version: Where::Next },
    Named { word: b"Microsoft SMTP MAIL", product: "Microsoft SMTP", version: Where::After(b"Version: ") },
    Named {
        word: b"Microsoft ESMTP MAIL Service",
        product: "Microsoft SMTP",
        version: Where::After(b"MAIL Service, Version: "),
    },
    Named {
        word: b"Microsoft Exchange Internet Mail Service",
        product: "Microsoft Exchange",
        version: Where::After(b"Mail Service "),
    },
];

#[cfg(test)]
mod tests {
    use super::super::testing::{NTLM_IN_BASE64, Says, facts, hear, is_windows};
    use super::*;
    use auscult_report::fact::{SignPlace, Software, SoftwarePlace};
    use auscult_report::product::Product;
    use auscult_report::version::Version;

    const GREETING: &[u8] = b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n";
    const HELLO: &[u8] = b"250-mail.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n";

    #[test]
    fn a_message_in_the_clear_is_heard_and_not_read() {
        let says = [
            Says::Server(GREETING),
            Says::Client(b"EHLO portal.clinic.example\r\n"),
            Says::Server(HELLO),
            Says::Client(b"MAIL FROM:<zzcanary@clinic.example>\r\n"),
            Says::Server(b"250 2.1.0 Ok\r\n"),
            Says::Client(b"RCPT TO:<zzcanary.patient@mailer.example>\r\n"),
            Says::Server(b"250 2.1.5 Ok\r\n"),
            Says::Client(b"DATA\r\n"),
            Says::Server(b"354 End data with <CR><LF>.<CR><LF>\r\n"),
            Says::Client(b"Subject: ZZCANARY\r\n\r\nhttps://portal/activate?token=CNRYTOKEN7f3a9b11\r\n.\r\n"),
        ];
        for piece in [1, 5, 4000] {
            let heard = hear(&SMTP, 25, piece, &says);
            let (product, place) = (Product::named("Postfix").unwrap(), SoftwarePlace::Greeting);
            for fact in [
                Fact::Protocol(Protocol::Smtp),
                Fact::Answered,
                Fact::Software(Software { product, version: None, revision: None, place }),
                Fact::MailStartTls(MailStartTls::Offered),
                Fact::Encryption(Encryption::None),
                Fact::MailReadable,
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            let text = format!("{heard:?}").to_lowercase();
            assert!(!text.contains("zzcanary") && !text.contains("cnry"));
        }
    }

    #[test]
    fn several_messages_of_one_conversation_are_told_apart_and_chunks_are_counted() {
        let (link, code) = ("see https://p.example/activate?token=8f3a9c71be2d4f60", "Your access code: 483921");
        let after = |heard: &[super::super::Observation]| -> Vec<bool> {
            let seconds = heard.iter().filter_map(|o| match o.amount {
                super::super::Amount::After { is_second, .. } => Some(is_second),
                _ => None,
            });
            seconds.collect()
        };
        let lines = format!(
            "EHLO a\r\nMAIL FROM:<a>\r\nRCPT TO:<b@c>\r\nDATA\r\n{link}\r\n.\r\nMAIL FROM:<a>\r\nRCPT TO:<B@c>\r\nDATA\r\n{code}\r\n.\r\nQUIT\r\n"
        );
        let body = format!("{link}\r\n{code}\r\n");
        let (one, rest) = body.split_at(20);
        let chunks = format!(
            "EHLO a\r\nMAIL FROM:<a>\r\nRCPT TO:<b@c>\r\nBDAT {}\r\n{one}BDAT {} LAST\r\n{rest}RCPT TO:<b>\r\n",
            one.len(),
            rest.len()
        );
        for (said, wanted, readable) in [(&lines, 2, 2), (&chunks, 1, 1)] {
            for piece in [1, 7, 4_000] {
                let heard = hear(&SMTP, 25, piece, &[Says::Client(said.as_bytes())]);
                let seconds = after(&heard);
                let all = seconds.iter().filter(|second| **second).count();
                assert_eq!((all, seconds.first()), (1, Some(&false)), "{piece}: {seconds:?}, of {wanted} messages");
                assert_eq!(heard.iter().filter(|o| o.fact == Fact::MailReadable).count(), readable);
            }
        }
    }

    #[test]
    fn tls_that_is_used_ends_the_readable_part() {
        let heard = facts(&hear(
            &SMTP,
            25,
            1,
            &[
                Says::Server(GREETING),
                Says::Client(b"EHLO a\r\n"),
                Says::Server(HELLO),
                Says::Client(b"STARTTLS\r\n"),
                Says::Server(b"220 2.0.0 Ready to start TLS\r\n"),
                Says::Client(b"\x16\x03\x01MAIL FROM:<a>\r\nDATA\r\n"),
            ],
        ));
        assert!(heard.contains(&Fact::MailStartTls(MailStartTls::Used)));
        assert!(!heard.iter().any(|f| matches!(f, Fact::MailReadable | Fact::Encryption(_))));
    }

    #[test]
    fn a_server_without_tls_and_one_behind_a_mask_differ() {
        let hello = |lines: &'static [u8]| {
            facts(&hear(&SMTP, 25, 1000, &[Says::Server(GREETING), Says::Client(b"EHLO a\r\n"), Says::Server(lines)]))
        };
        let without = hello(b"250-mail.example\r\n250 PIPELINING\r\n");
        assert!(without.contains(&Fact::MailStartTls(MailStartTls::NotOffered)));
        let masked = hello(b"250-mail.example\r\n250-XXXXXXXA\r\n250 SIZE\r\n");
        assert!(masked.contains(&Fact::MailStartTls(MailStartTls::Stripped)));
        let refused = hello(b"500 Command unrecognized\r\n");
        assert!(!refused.iter().any(|f| matches!(f, Fact::MailStartTls(_))));
    }

    #[test]
    fn a_login_by_ntlm_names_builds_of_windows_and_shows_no_password() {
        let [challenge, offer] = NTLM_IN_BASE64;
        let (challenge, alone) = (format!("334 {challenge}\r\n"), format!("{offer}\r\n"));
        let at_once = format!("AUTH NTLM {offer}\r\n");
        for asks in [vec!["AUTH NTLM\r\n", &alone], vec![&at_once]] {
            let mut says = vec![Says::Server(b"220 mx Microsoft ESMTP MAIL Service ready\r\n")];
            says.extend(asks.iter().map(|line| Says::Client(line.as_bytes())));
            says.extend([Says::Server(challenge.as_bytes()), Says::Client(b"TlRMTVNTUAADAAAA\r\n")]);
            says.push(Says::Server(b"235 2.7.0 Authentication successful\r\n"));
            let heard = facts(&hear(&SMTP, 25, 1000, &says));
            assert!(is_windows(&heard, SignPlace::NtlmChallenge, 17_763), "{heard:?}");
            assert!(is_windows(&heard, SignPlace::NtlmClient, 26_100), "{heard:?}");
            assert!(heard.contains(&Fact::Login(Login::Used)) && !heard.contains(&Fact::MailAuthClear));
        }
    }

    #[test]
    fn a_readable_password_is_heard_and_not_said() {
        for auth in [
            &[Says::Client(b"AUTH PLAIN AGRyY2FuYXJ5AENucnlQYXNzdzByZA==\r\n")][..],
            &[
                Says::Client(b"AUTH LOGIN\r\n"),
                Says::Server(b"334 VXNlcm5hbWU6\r\n"),
                Says::Client(b"ZHJjYW5hcnk=\r\n"),
                Says::Server(b"334 UGFzc3dvcmQ6\r\n"),
                Says::Client(b"Q25yeVBhc3N3MHJk\r\n"),
            ],
        ] {
            let mut says = vec![Says::Server(GREETING), Says::Client(b"EHLO a\r\n"), Says::Server(HELLO)];
            says.extend(auth.iter().map(|s| match s {
                Says::Client(o) => Says::Client(o),
                Says::Server(o) => Says::Server(o),
            }));
            says.push(Says::Server(b"235 2.7.0 Authentication successful\r\n"));
            let heard = facts(&hear(&SMTP, 587, 3, &says));
            assert!(heard.contains(&Fact::MailAuthClear));
            assert!(heard.contains(&Fact::Login(Login::Used)));
        }
        let hidden = facts(&hear(
            &SMTP,
            587,
            1000,
            &[
                Says::Server(GREETING),
                Says::Client(b"EHLO a\r\nAUTH CRAM-MD5\r\n"),
                Says::Server(b"334 PDEyMz4=\r\n"),
                Says::Client(b"ZHJjYW5hcnkgMDEyMzQ1\r\n"),
                Says::Server(b"535 no\r\n"),
            ],
        ));
        assert!(!hidden.contains(&Fact::MailAuthClear));
        assert!(hidden.contains(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn one_side_alone_tells_its_half() {
        let client = facts(&hear(
            &SMTP,
            25,
            4,
            &[Says::Client(b"EHLO a\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nSubject: ZZCANARY\r\n")],
        ));
        assert!(client.contains(&Fact::MailReadable));
        assert!(!client.contains(&Fact::Answered));
        let server = |next: &'static [u8]| {
            facts(&hear(&SMTP, 25, 4, &[Says::Server(GREETING), Says::Server(HELLO), Says::Server(next)]))
        };
        assert!(server(b"220 go\r\n").contains(&Fact::MailStartTls(MailStartTls::Used)));
        assert!(server(b"250 ok\r\n").contains(&Fact::MailStartTls(MailStartTls::Offered)));
        assert!(server(b"").contains(&Fact::Answered));
        assert!(server(b"250 ok\r\n354 go on\r\n").contains(&Fact::MailReadable));
        let middle = facts(&hear(&SMTP, 25, 4, &[Says::Client(b"MAIL FROM:<a>\r\nDATA\r\nx")]));
        assert!(middle.contains(&Fact::MailReadable));
    }

    #[test]
    fn versions_of_greetings() {
        let version = |greeting: &'static [u8]| {
            facts(&hear(&SMTP, 25, 1000, &[Says::Server(greeting)])).into_iter().find_map(|f| match f {
                Fact::Software(s) => Some((s.product.name(), s.version)),
                _ => None,
            })
        };
        let exact = |v: &[u8]| Version::exact(v);
        let sendmail = b"220 a.b ESMTP Sendmail 8.8.7/8.8.7; Sat, 7 Aug 1999 08:20:11 -0400\r\n";
        assert_eq!(version(sendmail), Some(("Sendmail", exact(b"8.8.7"))));
        assert_eq!(version(b"220 a.b ESMTP Exim 4.96 Mon, 2 Nov\r\n"), Some(("Exim", exact(b"4.96"))));
        let microsoft = b"220 a.b Microsoft ESMTP MAIL Service, Version: 10.0.17763.1 ready at  Sun\r\n";
        assert_eq!(version(microsoft), Some(("Microsoft SMTP", exact(b"10.0.17763.1"))));
        assert_eq!(version(b"220 a.b ESMTP Exim Thu, 29 Apr 2021 06:46:16\r\n"), Some(("Exim", None)));
        assert_eq!(version(b"220 postfix ESMTP ZZCANARY 19010203\r\n"), None);
    }

    #[test]
    fn other_protocols_are_not_mail() {
        let verdict = |client: &[u8], server: &[u8], server_port| sniff(&Opening { client, server, server_port });
        assert_eq!(verdict(b"", b"220 foo FTP server ready\r\n", 25), Verdict::No);
        assert_eq!(verdict(b"", b"220 foo ready\r\n", 2626), Verdict::Unsure);
        assert_eq!(verdict(b"EH", b"220 foo ready\r\n", 2626), Verdict::Unsure);
        assert_eq!(verdict(b"EHLO a\r\n", b"220 foo ready\r\n", 2626), Verdict::Yes);
        assert_eq!(verdict(b"USER a\r\n", b"220 foo ready\r\n", 2626), Verdict::No);
        assert_eq!(verdict(b"MAIL FR", b"", 25), Verdict::Unsure);
        assert_eq!(verdict(b"", b"* OK IMAP\r\n", 25), Verdict::No);
        assert_eq!(verdict(b"", b"250 2.1.0 Ok\r\n", 25), Verdict::Yes);
        assert_eq!(verdict(b"220 foo ESMTP\r\n", b"", 40000), Verdict::No);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let mut seed = 0xfeed_beef_0102_0304_u64;
        for _ in 0..500 {
            let mut client = b"EHLO a\r\nAUTH PLAIN x\r\nMAIL FROM:<a>\r\nSTARTTLS\r\nBDAT 4\r\nDATA\r\n".to_vec();
            let mut server = [GREETING, HELLO, b"220 go\r\n334 \r\n535 no\r\n"].concat();
            for octets in [&mut client, &mut server] {
                for _ in 0..3 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let at = 10 + seed as usize % (octets.len() - 10);
                    octets[at] = (seed >> 32) as u8;
                }
            }
            hear(&SMTP, 25, 9, &[Says::Server(&server), Says::Client(&client), Says::Server(&server)]);
            hear(&SMTP, 25, 9, &[Says::Client(&client), Says::Server(&server)]);
        }
    }
}
