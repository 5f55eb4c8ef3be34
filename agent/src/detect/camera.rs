//! Cameras, and what else gives pictures: RTSP (RFC 2326, 7826).
//!
//! Keeps: whether a description of a picture was given to somebody without a password, product and version if listed.
//! Drops: addresses of streams, users, passwords, descriptions (only looked through for a picture), the pictures.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head as Octets;
use crate::wire::WireError;
use crate::wire::heads::{Begins, Head, Start, begins};
use crate::wire::text;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Role, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;
use std::collections::VecDeque;

/// RTSP.
pub const RTSP: Detector = Detector {
    name: "rtsp",
    version: 1,
    hears: "Requests and answers of RTSP on any port. A DESCRIBE without credentials that is answered by a description \
            with a picture is a camera that is open to whoever asks; a 401 is a login that was asked for. A recorder \
            with a login of its own in front, or a television station's server, looks the same. Addresses of streams, \
            names and passwords are never kept, and pictures are passed over.",
    sniff,
    start: || Box::new(Session::default()),
};

fn sniff(opening: &Opening<'_>) -> Verdict {
    match (begins(opening.client, NAME), begins(opening.server, NAME)) {
        (Begins::Answer, _) if !opening.client.is_empty() => Verdict::No,
        (Begins::Request, _) | (_, Begins::Answer) => Verdict::Yes,
        (Begins::Perhaps, Begins::Perhaps) => Verdict::Unsure,
        (Begins::Perhaps, _) if !opening.client.is_empty() => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Default)]
struct Session {
    /// Questions without an answer, oldest first.
    asked: VecDeque<Asked>,
    known: bool,
    answered: bool,
    /// A bit for each [`Login`] that was said.
    logins: u8,
    open: bool,
    named: bool,
}

#[derive(Clone, Copy)]
struct Asked {
    sequence: Option<u32>,
    describes: bool,
    has_identity: bool,
}

impl Listener for Session {
    fn held(&self) -> usize {
        self.asked.capacity().saturating_mul(size_of::<Asked>())
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if !self.hear(talk.client, false, said) || !self.hear(talk.server, true, said) {
            return Interest::Done;
        }
        if talk.client.is_ended() && talk.server.is_ended() { Interest::Done } else { Interest::More }
    }
}

impl Session {
    /// Takes the whole messages of one side; false if it is not understood any more. Each round takes octets away.
    fn hear(&mut self, side: &mut Octets, is_server: bool, said: &mut Said<'_>) -> bool {
        if side.torn() {
            // Nothing marks the next message among pictures.
            return false;
        }
        while !side.is_skipping() && !side.octets().is_empty() {
            let octets = side.octets();
            if let [b'$', rest @ ..] = octets {
                // Between messages: channel, length (2 octets), a piece of the picture.
                let [_, high, low, ..] = rest else { return true };
                let length = u64::from(u16::from_be_bytes([*high, *low]));
                side.skip(length.saturating_add(4));
                continue;
            }
            let blank = octets.iter().take_while(|o| matches!(o, b'\r' | b'\n')).count();
            if blank > 0 {
                side.take(blank);
                continue;
            }
            let head = match Head::read(octets, NAME, false) {
                Ok(head) => head,
                Err(WireError::Truncated(_)) => return true,
                Err(WireError::Malformed(_)) => return false,
            };
            let Ok(body) = head.body_octets() else { return false };
            let whole = u64::try_from(head.octets).unwrap_or(u64::MAX).saturating_add(body);
            let described = octets.get(head.octets..).unwrap_or_default();
            let (is_small, wanted) = (body <= MAX_BODY, usize::try_from(body).unwrap_or(usize::MAX));
            if is_small && described.len() < wanted {
                return true;
            }
            let described = described.get(..wanted).unwrap_or_default();
            match head.start {
                Start::Request(method) if !is_server => self.request(method, &head),
                Start::Answer(status) if is_server => self.answer(status, &head, described, said),
                // Servers may ask as well, and clients answer: nothing to learn.
                _ => {}
            }
            side.skip(whole);
        }
        true
    }

    fn request(&mut self, method: &[u8], head: &Head<'_>) {
        if self.asked.len() >= MAX_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked {
            sequence: head.sequence(),
            describes: method == b"DESCRIBE",
            has_identity: head.field(b"Authorization").is_some(),
        });
    }

    fn answer(&mut self, status: u16, head: &Head<'_>, body: &[u8], said: &mut Said<'_>) {
        if once(&mut self.known) {
            said.protocol(Protocol::Rtsp);
            said.service(Fact::Encryption(Encryption::None));
        }
        if once(&mut self.answered) {
            said.answered();
        }
        if let Some(software) = head.field(b"Server").and_then(product).filter(|_| once(&mut self.named)) {
            said.service(Fact::Software(software));
        }
        let place = self.asked.iter().position(|a| a.sequence.is_some() && a.sequence == head.sequence());
        let Some(asked) = place.and_then(|p| self.asked.remove(p)) else { return };
        if status == 401 {
            self.login(Login::Refused, said);
        }
        if status != 200 || !asked.describes {
            return;
        }
        let has_picture = body.split(|o| *o == b'\n').any(|line| line.starts_with(b"m=video"));
        if has_picture {
            said.server_host(Fact::Role(Role::Camera));
        }
        if asked.has_identity {
            self.login(Login::Used, said);
        } else if !body.is_empty() && once(&mut self.open) {
            self.login(Login::None, said);
            said.service(Fact::DataServed);
            if has_picture {
                said.service(Fact::CameraOpen);
            }
        }
    }

    fn login(&mut self, login: Login, said: &mut Said<'_>) {
        let bit = 1u8.checked_shl(login as u32).unwrap_or(0);
        if self.logins & bit == 0 {
            self.logins |= bit;
            said.service(Fact::Login(login));
        }
    }
}

/// `GStreamer RTSP server`, `LIVE555 Streaming Media v2022.10.01`: the first word, if it is listed, and the number behind
/// a `v` or `/`.
pub(super) fn product(text: &[u8]) -> Option<Software> {
    let first = text::words(text).next()?;
    let mut halves = first.splitn(2, |o| *o == b'/');
    let product = Product::called(halves.next()?).filter(|p| p.name() != "unlisted")?;
    let number = halves.next().or_else(|| text::words(text).find_map(|w| w.strip_prefix(b"v")));
    let version = number.filter(|n| n.first().is_some_and(u8::is_ascii_digit)).and_then(Version::leading);
    Some(Software { product, version, revision: None, place: SoftwarePlace::ServerHeader })
}

/// How first lines name it.
const NAME: &[u8] = b"RTSP/";

/// Octets of a description that are looked through: real ones have about a thousand.
const MAX_BODY: u64 = 8 * 1024;

/// Questions that may wait for their answers: clients send one at a time.
const MAX_ASKED: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use Says::{Client, Server};

    const ASKS: &[u8] = b"DESCRIBE rtsp://zzcanary:zzcanary@192.168.20.61/live RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    const GIVES: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nServer: GStreamer RTSP server\r\n\
        Content-Type: application/sdp\r\nContent-Length: 31\r\n\r\ns=zzcanary\r\nm=video 0 RTP/AVP 96\n";
    const REFUSES: &[u8] = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n";

    fn talk(says: &[Says<'_>]) -> Vec<Fact> {
        let heard = hear(&RTSP, 554, 7, says);
        assert!(!format!("{heard:?}").to_lowercase().contains("zzcanary"));
        assert_eq!(facts(&hear(&RTSP, 554, 60_000, says)), facts(&heard), "in one piece or in many");
        facts(&heard)
    }

    #[test]
    fn a_picture_for_whoever_asks_is_an_open_camera() {
        let facts = talk(&[Client(ASKS), Server(GIVES)]);
        for fact in [
            Fact::Protocol(Protocol::Rtsp),
            Fact::Answered,
            Fact::Login(Login::None),
            Fact::DataServed,
            Fact::CameraOpen,
            Fact::Role(Role::Camera),
        ] {
            assert!(facts.contains(&fact), "{fact:?} in {facts:?}");
        }
        assert!(facts.iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "GStreamer RTSP server")));
    }

    #[test]
    fn a_camera_that_asks_for_a_password_is_not_open() {
        let with = [&ASKS[..ASKS.len() - 2], b"Authorization: Basic enpjYW5hcnk=\r\n\r\n"].concat();
        let facts = talk(&[Client(ASKS), Server(REFUSES), Client(&with), Server(GIVES)]);
        assert!(facts.contains(&Fact::Login(Login::Refused)) && facts.contains(&Fact::Login(Login::Used)));
        assert!(!facts.contains(&Fact::CameraOpen) && !facts.contains(&Fact::DataServed));
    }

    #[test]
    fn sound_alone_is_no_picture_and_an_answer_to_something_else_is_none() {
        let sound = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 20\r\n\r\nm=audio 0 RTP/AVP 0\n";
        assert!(!talk(&[Client(ASKS), Server(sound)]).contains(&Fact::CameraOpen));
        let options = b"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n";
        assert!(!talk(&[Client(options), Server(GIVES)]).contains(&Fact::CameraOpen));
        assert!(!talk(&[Server(GIVES)]).contains(&Fact::CameraOpen), "nobody heard what was asked");
    }

    #[test]
    fn pieces_of_the_picture_between_messages_are_passed_over() {
        let mut server = b"$\0\0\x05RTSP/".to_vec();
        server.extend(GIVES);
        assert!(
            talk(&[Client(ASKS), Server(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"), Server(&server)])
                .contains(&Fact::CameraOpen)
        );
    }
}
