//! A readable message (RFC 5322, 2045): whether a link that opens an account goes to a mailbox, and a code with it or after it.
//!
//! `privacy-keep.tsv`: recipients as keyed hashes for a day, for this rule alone. Keeps: the hashes of at most [`MAX_MAILBOXES`]
//! recipients while their message goes over, two answers about its text, and of the text at most [`MAX_TEXT`] octets of the line in hand.
//! Drops: every line when it was looked at; what comes after the first [`MAX_MESSAGE`] octets is not looked at.

use super::Said;
use super::counted::keyed_hash;
use super::lines::Side;
use super::web_path::{self, PathKind};
use super::web_request::decode_base64;
use super::web_text::{find, starts_with};
use crate::flow::head::Head;
use auscult_report::fact::Fact;
use auscult_report::zone::Zone;

/// The message in hand, from its first recipient to its end.
#[derive(Default)]
pub(super) struct Message {
    mailboxes: Vec<u64>,
    lines: Side,
    /// Of a message in chunks (RFC 3030) the one in hand; of a message of lines nothing.
    chunk: Option<Chunk>,
    /// Of chunks the line in hand: they end anywhere.
    raw: Vec<u8>,
    is_told: bool,
    text: Text,
}

/// A chunk of a message.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    /// Octets that are still to come.
    pub(super) left: u64,
    /// None follows.
    pub(super) is_last: bool,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More of it is to come.
    Within,
    /// What follows is a command.
    Over,
    /// It is longer than anything that is looked at.
    TooLong,
}

impl core::fmt::Debug for Message {
    /// Nothing of what a person wrote.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Message")
    }
}

impl Message {
    /// A sender was named, or all was taken back: what was said of another message is over.
    pub(super) fn forget(&mut self) {
        *self = Message::default();
    }

    /// A recipient: `TO:<mailbox> ...`. The mailbox is hashed and dropped.
    pub(super) fn is_for(&mut self, argument: &[u8], said: &Said<'_>) {
        let mailbox = argument.split(|o| *o == b'<').nth(1).and_then(|rest| rest.split(|o| *o == b'>').next());
        let Some(mailbox) = mailbox.filter(|m| !m.is_empty() && self.mailboxes.len() < MAX_MAILBOXES) else { return };
        self.mailboxes.push(keyed_hash(said.key, &mailbox.to_ascii_lowercase()));
    }

    /// It begins, in lines or in a chunk; or its next chunk does.
    pub(super) fn begins(&mut self, chunk: Option<Chunk>, said: &mut Said<'_>) {
        self.chunk = chunk;
        if core::mem::replace(&mut self.is_told, true) {
            return;
        }
        said.service(Fact::MailReadable);
        if said.server.zone == Zone::Outside && said.client.zone != Zone::Outside {
            said.client_host(Fact::MailSentReadable);
        }
    }

    /// Looks at what waits of it. Work is bounded by the octets that wait.
    pub(super) fn listen(&mut self, head: &mut Head, said: &mut Said<'_>) -> Progress {
        let is_over = if self.chunk.is_some() { self.chunk(head) } else { self.lines(head) };
        if is_over || self.text.is_both() {
            self.tell(said);
        }
        match is_over {
            true => Progress::Over,
            false if self.text.looked_at > MAX_MESSAGE => Progress::TooLong,
            false => Progress::Within,
        }
    }

    /// Octets that it holds.
    pub(super) const fn held(&self) -> usize {
        self.text.line.capacity().saturating_add(self.raw.capacity())
    }

    /// Lines up to one with a dot alone (RFC 5321 4.5.2).
    fn lines(&mut self, head: &mut Head) -> bool {
        let Message { lines, text, .. } = self;
        while let Some(is_last) = lines.next(head, |line| {
            let is_last = line == b".";
            if !is_last {
                text.line(line);
            }
            is_last
        }) {
            if is_last || text.looked_at > MAX_MESSAGE {
                return is_last;
            }
        }
        false
    }

    /// Octets, as many as were announced.
    fn chunk(&mut self, head: &mut Head) -> bool {
        let Some(Chunk { left, is_last }) = self.chunk else { return true };
        if head.torn() {
            self.raw.clear();
        }
        let waiting = head.octets();
        let here = waiting.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(waiting);
        for octet in here {
            match octet {
                b'\n' => self.raw_line(),
                _ if self.raw.len() < MAX_TEXT => self.raw.push(*octet),
                _ => {}
            }
        }
        let taken = here.len();
        head.take(taken);
        let left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        self.chunk = Some(Chunk { left, is_last });
        if left == 0 && is_last {
            self.raw_line();
        }
        left == 0
    }

    fn raw_line(&mut self) {
        self.text.line(self.raw.strip_suffix(b"\r").unwrap_or(&self.raw));
        self.raw.clear();
    }

    /// What the text was for each of its recipients: the link first, so that both in one message count.
    fn tell(&mut self, said: &mut Said<'_>) {
        for mailbox in &self.mailboxes {
            for (has, is_second) in [(self.text.link, false), (self.text.code, true)] {
                if has {
                    said.client_host_after(Fact::MailLinkAndCode, *mailbox, is_second);
                }
            }
        }
        (self.text.link, self.text.code) = (false, false);
    }
}

/// The lines of a message as they come, put back to what was written.
#[derive(Default)]
struct Text {
    /// The line in hand, where its end was soft (RFC 2045 6.7) or stands in coded octets.
    line: Vec<u8>,
    coding: Coding,
    looked_at: u64,
    link: bool,
    code: bool,
    /// The line before spoke of a code and had none.
    code_follows: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Plain,
    Quoted,
    Base64,
}

impl Text {
    const fn is_both(&self) -> bool {
        self.link && self.code
    }

    fn line(&mut self, line: &[u8]) {
        self.looked_at = self.looked_at.saturating_add(u64::try_from(line.len()).unwrap_or(0)).saturating_add(2);
        if let Some(coding) =
            line.get(..FIELD.len()).filter(|f| f.eq_ignore_ascii_case(FIELD)).and(line.get(FIELD.len()..))
        {
            let coding = coding.trim_ascii();
            self.coding = match () {
                () if starts_with(coding, b"base64") => Coding::Base64,
                () if starts_with(coding, b"quoted-printable") => Coding::Quoted,
                () => Coding::Plain,
            };
            return;
        }
        if line.starts_with(b"--") {
            self.flush();
            self.coding = Coding::Plain;
        }
        match self.coding {
            Coding::Plain => self.look(line),
            Coding::Quoted => self.quoted(line),
            Coding::Base64 => self.base64(line),
        }
    }

    fn quoted(&mut self, line: &[u8]) {
        let (line, is_soft) = line.strip_suffix(b"=").map_or((line, false), |line| (line, true));
        let mut rest = line;
        while let Some((first, after)) = rest.split_first() {
            let hidden = (*first == b'=').then(|| after.split_at_checked(2)).flatten();
            let (octet, next) = match hidden.and_then(|(hex, next)| Some((octet(hex)?, next))) {
                Some(found) => found,
                None => (*first, after),
            };
            self.push(octet);
            rest = next;
        }
        if !is_soft {
            self.flush();
        }
    }

    /// Lines of base64 end anywhere: what was written is put together from them up to its own line ends.
    fn base64(&mut self, line: &[u8]) {
        let mut plain = [0; MAX_CODED / 4 * 3];
        let line = line.get(..MAX_CODED).unwrap_or(line);
        let len = decode_base64(line.trim_ascii(), &mut plain).unwrap_or(0);
        for octet in plain.iter().take(len) {
            if *octet == b'\n' { self.flush() } else { self.push(*octet) }
        }
    }

    fn push(&mut self, octet: u8) {
        if self.line.len() < MAX_TEXT {
            self.line.push(octet);
        }
    }

    fn flush(&mut self) {
        let mut line = core::mem::take(&mut self.line);
        self.look(&line);
        line.clear();
        self.line = line;
    }

    fn look(&mut self, line: &[u8]) {
        self.link |= has_link(line);
        if core::mem::take(&mut self.code_follows) {
            let alone = line.trim_ascii();
            self.code_follows = alone.is_empty();
            self.code |= is_code(alone);
        }
        match code_after(line) {
            Some(true) => self.code = true,
            Some(false) => self.code_follows = true,
            None => {}
        }
    }
}

/// Whether a link that opens or resets an account stands in a line, with the token that does it.
fn has_link(line: &[u8]) -> bool {
    let mut rest = line;
    while let Some(at) = find(rest, b"http") {
        let link = rest.get(at..).unwrap_or_default();
        let is_end = |o: &u8| o.is_ascii_whitespace() || b"\"'<>()[]".contains(o);
        let end = link.iter().position(is_end).unwrap_or(link.len());
        let (link, after) = link.split_at_checked(end.max(4)).unwrap_or((link, b""));
        let path = web_path::read(link);
        if path.kind == PathKind::Activation && path.token {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a line speaks of a code for an account: `Some(true)` with the code itself, `Some(false)` without.
fn code_after(line: &[u8]) -> Option<bool> {
    let mut before: &[u8] = b"";
    let mut words = line.split(|o| !(o.is_ascii_alphanumeric() || *o == b'-')).filter(|w| !w.is_empty());
    while let Some(word) = words.next() {
        let is_one = CODE_WORDS.iter().any(|w| word.eq_ignore_ascii_case(w))
            && OPENERS.iter().any(|w| before.eq_ignore_ascii_case(w))
            || ALONE.iter().any(|w| word.eq_ignore_ascii_case(w));
        if is_one {
            return Some(words.take(NEAR).any(is_code));
        }
        before = word;
    }
    None
}

/// `483921`, `CNR-ACT-9917`: at least four digits, short, nothing else than letters, digits and strokes.
fn is_code(word: &[u8]) -> bool {
    let digits = word.iter().filter(|o| o.is_ascii_digit()).count();
    let is_plain = word.iter().all(|o| o.is_ascii_alphanumeric() || *o == b'-');
    digits >= 4 && word.len() <= MAX_CODE && is_plain
}

fn octet(hex: &[u8]) -> Option<u8> {
    u8::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok()
}

const FIELD: &[u8] = b"Content-Transfer-Encoding:";

/// What a code is called, behind one of [`OPENERS`]: a postal code, a source code and a code of conduct are none.
const CODE_WORDS: &[&[u8]] = &[b"code", b"password", b"pin", b"key"];
/// What stands before it.
const OPENERS: &[&[u8]] = &[
    b"activation",
    b"verification",
    b"security",
    b"access",
    b"confirmation",
    b"registration",
    b"one-time",
    b"onetime",
    b"login",
    b"temporary",
    b"initial",
    b"your",
    b"unlock",
    b"enrolment",
    b"enrollment",
];
/// What is a code without a word before it.
const ALONE: &[&[u8]] = &[
    b"passcode",
    b"otp",
    b"aktivierungscode",
    b"freischaltcode",
    b"zugangscode",
    b"sicherheitscode",
    b"einmalpasswort",
];
/// Words after it in which the code is looked for.
const NEAR: usize = 8;
/// The longest code that somebody types in.
const MAX_CODE: usize = 24;
/// Recipients of one message that are remembered: an account has one mailbox.
const MAX_MAILBOXES: usize = 8;
/// Octets of a message that are looked at: letters to a patient are a page long; attachments come last.
const MAX_MESSAGE: u64 = 65_536;
/// Octets of a line that was put together.
const MAX_TEXT: usize = 2_048;
/// Characters of a line of base64: RFC 2045 allows 76.
const MAX_CODED: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(message: &[u8]) -> (bool, bool) {
        let mut text = Text::default();
        for line in message.split(|o| *o == b'\n') {
            text.line(line.strip_suffix(b"\r").unwrap_or(line));
        }
        text.flush();
        (text.link, text.code)
    }

    #[test]
    fn a_link_and_a_code_are_told_apart() {
        let link = b"Open http://portal.example/activate?token=CNRYTOKEN7f3a9b11 today.";
        assert_eq!(heard(link), (true, false));
        assert_eq!(heard(b"Your activation code: CNRY-ACT-991744"), (false, true));
        assert_eq!(heard(b"Your activation code is\r\n\r\n   483921\r\n"), (false, true));
        assert_eq!(heard(b"Ihr Aktivierungscode lautet 4839-2100."), (false, true));
        for harmless in [
            &b"Our code of conduct 2026, and the postal code 10115"[..],
            b"https://portal.example/confirm is where you log in",
            b"https://portal.example/news?token=8f3a9c71be2d4f60a1b2c3d4e5f60718",
            b"Your code will be sent by letter.\r\nCall 030 1234567 if it does not come.",
            b"Date of birth on file: 19010203",
        ] {
            assert_eq!(heard(harmless), (false, false), "{}", String::from_utf8_lossy(harmless));
        }
    }

    #[test]
    fn what_was_coded_for_the_way_is_put_back() {
        let quoted = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D\"https://p.example/activa=\r\n\
            te?token=3D8f3a9c71be2d4f60\">open</a>\r\nYour access code is 77 =\r\n48 21 8302\r\n";
        assert_eq!(heard(quoted), (true, true));
        // "Open https://p.example/activate?token=8f3a9c71be2d4f60 now.\nYour verification code: 483921\n"
        let coded = b"Content-Transfer-Encoding: base64\r\n\r\nT3BlbiBodHRwczovL3AuZXhhbXBsZS9hY3RpdmF0ZT90b2tlbj04ZjNhOWM3MWJl\r\n\
            MmQ0ZjYwIG5vdy4KWW91ciB2ZXJpZmljYXRpb24gY29kZTogNDgzOTIxCg==\r\n";
        assert_eq!(heard(coded), (true, true));
    }

    #[test]
    fn no_line_is_kept_longer_than_its_bound() {
        let mut text = Text::default();
        text.line(b"Content-Transfer-Encoding: quoted-printable");
        for _ in 0..1_000 {
            text.line(b"an endless line with a soft end =");
        }
        assert!(text.line.capacity() <= 2 * MAX_TEXT);
        assert_eq!(format!("{:?}", Message { text, ..Message::default() }), "Message");
    }
}
