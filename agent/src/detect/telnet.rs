//! Telnet (RFC 854, 855): a terminal in the clear.
//!
//! Keeps: that options were negotiated, that a password was asked for and given, how it ended. The last octets of the
//! server's text are held while they may be a prompt, and overwritten by the next. Drops: everything that is typed or
//! shown.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::wire::text::after;
use auscult_report::fact::{Encryption, Fact, Login, Protocol};

/// Telnet.
pub const TELNET: Detector = Detector {
    name: "telnet",
    version: 1,
    hears: "Options negotiated with IAC; without them, raw data on port 23 is not telnet. A password prompt that is \
            answered and followed by a shell is a login that was used. Terminal servers of laboratory equipment may ask \
            for nothing.",
    sniff,
    start: || Box::new(Telnet::default()),
};

/// The first octets of one side must be a command: laboratory equipment sends raw data over this port.
fn sniff(opening: &Opening<'_>) -> Verdict {
    let server = negotiates(opening.server);
    let client = negotiates(opening.client);
    match (server, client) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::Unsure, Verdict::Unsure) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Whether the octets begin with IAC, a negotiation and an option that was ever given out.
fn negotiates(octets: &[u8]) -> Verdict {
    match octets {
        [IAC, SB..=DONT, 0..=LAST_OPTION, ..] => Verdict::Yes,
        [] | [IAC] | [IAC, SB..=DONT] => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Debug, Default)]
struct Telnet {
    client: Filter,
    server: Filter,
    screen: Screen,
    stage: Stage,
    typed: bool,
    known: bool,
    answered: bool,
    refusals: u8,
}

/// How far the login is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked yet.
    #[default]
    Begin,
    /// A user is asked for.
    User,
    /// A password is asked for.
    Password,
    /// The password was typed; `shown` octets came since.
    Answered { shown: usize },
}

impl Listener for Telnet {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(Protocol::Telnet);
            said.service(Fact::Encryption(Encryption::None));
        }
        if talk.client.torn() {
            self.client = Filter::default();
        }
        if talk.server.torn() {
            self.server = Filter::default();
        }
        if !talk.server.octets().is_empty() && once(&mut self.answered) {
            said.answered();
        }
        // What the client typed answers what stood on the screen before.
        for octet in talk.client.octets() {
            let typed = self.client.pass(*octet);
            if matches!(typed, Some(b'\r' | b'\n')) && self.stage == Stage::Password && self.typed {
                self.stage = Stage::Answered { shown: 0 };
                self.screen = Screen::default();
            }
            self.typed |= typed.is_some_and(|t| !matches!(t, b'\r' | b'\n' | 0));
        }
        talk.client.take(usize::MAX);
        let mut interest = Interest::More;
        for octet in talk.server.octets() {
            if let Some(text) = self.server.pass(*octet) {
                interest = self.show(text, said);
            }
            if interest != Interest::More {
                break;
            }
        }
        talk.server.take(usize::MAX);
        interest
    }
}

impl Telnet {
    fn show(&mut self, text: u8, said: &mut Said<'_>) -> Interest {
        self.screen.show(text);
        match (&mut self.stage, self.screen.prompt()) {
            (Stage::Answered { .. }, Some(Prompt::Login | Prompt::Password)) => {
                self.typed = false;
                self.stage = Stage::User;
                if self.screen.prompt() == Some(Prompt::Password) {
                    self.stage = Stage::Password;
                }
                return self.refuse(said);
            }
            (Stage::Answered { shown }, _) => {
                *shown = shown.saturating_add(1);
                if self.screen.refuses() {
                    self.typed = false;
                    self.stage = Stage::Begin;
                    return self.refuse(said);
                }
                if *shown >= ENOUGH || self.screen.is_shell() {
                    said.service(Fact::Login(Login::Used));
                    return Interest::Done;
                }
            }
            (stage, Some(Prompt::Password)) => {
                if *stage != Stage::Password {
                    self.typed = false;
                }
                *stage = Stage::Password;
            }
            (stage, Some(Prompt::Login)) => *stage = Stage::User,
            (_, None) => {}
        }
        Interest::More
    }

    fn refuse(&mut self, said: &mut Said<'_>) -> Interest {
        said.service(Fact::Login(Login::Refused));
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < MAX_REFUSALS { Interest::More } else { Interest::Done }
    }
}

/// Separates text from commands, one octet at a time (RFC 854; subnegotiations RFC 855).
#[derive(Clone, Copy, Debug, Default)]
enum Filter {
    #[default]
    Text,
    Iac,
    Option,
    Sub,
    SubIac,
}

impl Filter {
    /// The octet, if it is text.
    fn pass(&mut self, octet: u8) -> Option<u8> {
        let (next, text) = match (*self, octet) {
            (Filter::Text, IAC) => (Filter::Iac, None),
            (Filter::Text, text) => (Filter::Text, Some(text)),
            (Filter::Iac, SB) => (Filter::Sub, None),
            (Filter::Iac, WILL..=DONT) => (Filter::Option, None),
            (Filter::Iac | Filter::Option, _) => (Filter::Text, None),
            (Filter::Sub, IAC) => (Filter::SubIac, None),
            (Filter::Sub, _) => (Filter::Sub, None),
            (Filter::SubIac, SE) => (Filter::Text, None),
            (Filter::SubIac, _) => (Filter::Sub, None),
        };
        *self = next;
        text
    }
}

/// The last octets that the server showed, without case: long enough for a prompt, too short for a line.
#[derive(Default)]
struct Screen {
    last: [u8; SCREEN],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompt {
    Login,
    Password,
}

impl Screen {
    fn show(&mut self, text: u8) {
        self.last.rotate_left(1);
        if let Some(end) = self.last.last_mut() {
            *end = text.to_ascii_lowercase();
        }
    }

    /// The prompt that stands at the end: it ends with a colon, perhaps with a blank.
    fn prompt(&self) -> Option<Prompt> {
        let text = self.last.trim_ascii_end().strip_suffix(b":")?;
        let ends = |w: &[u8]| text.ends_with(w);
        if [&b"password"[..], b"passwd", b"passcode"].iter().any(|w| ends(w)) {
            Some(Prompt::Password)
        } else if [&b"login"[..], b"username", b"user name", b"user"].iter().any(|w| ends(w)) && !ends(b"last login") {
            Some(Prompt::Login)
        } else {
            None
        }
    }

    /// The word of a refusal stands at the end.
    fn refuses(&self) -> bool {
        REFUSALS.iter().any(|w| self.last.ends_with(w))
    }

    /// The end looks like the prompt of a shell.
    fn is_shell(&self) -> bool {
        let shown = self.last.strip_suffix(b" ").unwrap_or(&self.last);
        matches!(shown, [.., b'$' | b'#' | b'%' | b'>']) || after(&self.last, b"last login").is_some()
    }
}

impl core::fmt::Debug for Screen {
    /// Never what stands on it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Screen")
    }
}

/// Octets that are held: `last login:` and a blank need twelve.
const SCREEN: usize = 16;
/// Octets after a password that are neither a refusal nor a new prompt: a greeting.
const ENOUGH: usize = 80;
/// Refusals that are said of one conversation: servers end after three to five.
const MAX_REFUSALS: u8 = 5;

/// Words by which systems refuse.
const REFUSALS: &[&[u8]] = &[b"incorrect", b"invalid", b"failed", b"failure", b"denied", b"bad password"];

/// Commands of RFC 854.
const IAC: u8 = 255;
/// Negotiations run from SB (250) over WILL, WONT and DO to DONT (254).
const DONT: u8 = 254;
/// Will.
const WILL: u8 = 251;
/// A subnegotiation begins.
const SB: u8 = 250;
/// A subnegotiation ends.
const SE: u8 = 240;
/// Options of the IANA list without a gap.
const LAST_OPTION: u8 = 49;

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::*;

    const NEGOTIATION: &[u8] = &[IAC, 253, 24, IAC, 253, 32, IAC, 251, 3]; // DO terminal type, DO speed, WILL go ahead

    fn login(after_password: &'static [u8]) -> Vec<Fact> {
        let says = [
            Says::Server(NEGOTIATION),
            Says::Client(&[IAC, 251, 24, IAC, SB, 24, 0, b'x', IAC, SE]), // WILL terminal type, which is x
            Says::Server(b"Linux 5.10\r\n\r\nus-console login: "),
            Says::Client(b"zzcanary\r\n"),
            Says::Server(b"zzcanary\r\nPassword: "),
            Says::Client(b"CnryTelnet1\r\n"),
            Says::Server(after_password),
        ];
        let heard = hear(&TELNET, 2323, 1, &says);
        assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        let pieces = facts(&heard);
        assert_eq!(facts(&hear(&TELNET, 2323, 1000, &says)), pieces);
        pieces
    }

    #[test]
    fn a_login_that_ends_in_a_shell_was_used() {
        let heard = login(b"\r\nLast login: Mon Nov  2 on pts/0\r\nuser@us-console:~$ ");
        assert!(heard.contains(&Fact::Protocol(Protocol::Telnet)));
        assert!(heard.contains(&Fact::Answered));
        assert!(heard.contains(&Fact::Encryption(Encryption::None)));
        assert!(heard.contains(&Fact::Login(Login::Used)));
        assert!(!heard.contains(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn a_login_that_was_refused_was_not_used() {
        for answer in [&b"\r\n\r\nLogin incorrect\r\nlogin: "[..], b"\r\nlogin: ", b"\r\nPassword: "] {
            let heard = login(answer);
            assert!(heard.contains(&Fact::Login(Login::Refused)));
            assert!(!heard.contains(&Fact::Login(Login::Used)));
        }
    }

    #[test]
    fn raw_data_is_no_telnet() {
        let verdict = |client: &[u8], server: &[u8]| sniff(&Opening { client, server, server_port: 23 });
        assert_eq!(verdict(b"", b"H|\\^&|||analyser\r\n"), Verdict::No);
        assert_eq!(verdict(b"", b"login: "), Verdict::No);
        assert_eq!(verdict(b"", &[IAC]), Verdict::Unsure);
        assert_eq!(verdict(&[IAC, 253, 3], b""), Verdict::Yes);
        assert_eq!(verdict(b"", &[IAC, 253, 200]), Verdict::No);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let mut seed = 0x5555_aaaa_1234_4321_u64;
        for _ in 0..300 {
            let mut octets = NEGOTIATION.to_vec();
            for _ in 0..200 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                octets.push((seed >> 32) as u8);
            }
            hear(&TELNET, 23, 9, &[Says::Server(&octets), Says::Client(&octets), Says::Server(&octets)]);
        }
    }
}
