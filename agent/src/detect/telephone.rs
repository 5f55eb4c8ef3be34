//! Telephony: SIP (RFC 3261) over UDP and TCP.
//!
//! Keeps: that a host answers, whether it asked for a password, telephones and products by closed lists. Drops: who calls
//! whom, numbers, names, addresses, what is said.

use super::camera::product;
use super::lines::once;
use super::{Datagram, DatagramDetector, Detector, Ears, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head as Octets;
use crate::wire::WireError;
use crate::wire::heads::{Begins, Head, Start, begins};
use crate::wire::text;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Role};

/// SIP over UDP.
pub const SIP_DATAGRAMS: DatagramDetector = DatagramDetector {
    name: "sip",
    version: 1,
    hears: "Answers of SIP from UDP port 5060: exchanges and telephones both answer. A 401 or 407 is a login that was \
            asked for; that none was asked for cannot be told from single datagrams. Who calls himself by a telephone \
            maker's word is a telephone. Numbers, names and calls are never kept.",
    ports: &[PORT],
    listen,
};

/// SIP over TCP.
pub const SIP: Detector = Detector {
    name: "sip-tcp",
    version: 1,
    hears: "The same as over UDP, on any port of TCP. A REGISTER without credentials that is answered by 200 is an \
            exchange that takes anybody for its telephone.",
    sniff,
    start: || Box::new(Session::default()),
};

fn listen(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    if datagram.payload.iter().all(|o| matches!(o, b'\r' | b'\n' | 0)) {
        return true; // keeps a way open (RFC 5626 section 3.5.1)
    }
    let Ok(head) = Head::read(datagram.payload, NAME, true) else { return false };
    match head.start {
        Start::Request(_) => caller(&head, &mut ears.from_client()),
        Start::Answer(status) if datagram.source_port == PORT => answered(status, &head, &mut ears.from_server()),
        Start::Answer(_) => {}
    }
    true
}

/// What an answer says of the one that gives it.
fn answered(status: u16, head: &Head<'_>, said: &mut Said<'_>) {
    said.protocol(Protocol::Sip);
    said.answered();
    said.service(Fact::Encryption(Encryption::None));
    match status {
        401 | 407 => said.service(Fact::Login(Login::Refused)),
        403 => said.service(Fact::Refused),
        _ => {}
    }
    let words = head.field(b"Server").or_else(|| head.field(b"User-Agent")).unwrap_or_default();
    if let Some(software) = product(words) {
        said.service(Fact::Software(software));
    }
    if is_telephone(words) {
        said.server_host(Fact::Role(Role::Phone));
    }
}

/// What a request says of the one that sends it.
fn caller(head: &Head<'_>, said: &mut Said<'_>) {
    if head.field(b"User-Agent").is_some_and(is_telephone) {
        said.client_host(Fact::Role(Role::Phone));
    }
}

fn is_telephone(words: &[u8]) -> bool {
    TELEPHONES.iter().any(|t| text::begins(words, t))
}

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
    /// The number of the last REGISTER, and whether it showed an identity.
    register: Option<(u32, bool)>,
    known: bool,
    called: bool,
    /// A bit for each [`Login`] that was said.
    logins: u8,
}

impl Listener for Session {
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
            return false;
        }
        while !side.is_skipping() && !side.octets().is_empty() {
            let octets = side.octets();
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
            let body = head.field(b"l").map_or_else(|| head.body_octets().ok(), text::number);
            let Some(body) = body else { return false };
            match head.start {
                Start::Request(method) if !is_server => self.request(method, &head, said),
                Start::Answer(status) if is_server => self.answer(status, &head, said),
                _ => {}
            }
            side.skip(u64::try_from(head.octets).unwrap_or(u64::MAX).saturating_add(body));
        }
        true
    }

    fn request(&mut self, method: &[u8], head: &Head<'_>, said: &mut Said<'_>) {
        if once(&mut self.called) {
            caller(head, said);
        }
        if method == b"REGISTER" {
            let has_identity = head.field(b"Authorization").is_some();
            self.register = head.sequence().map(|n| (n, has_identity));
        }
    }

    fn answer(&mut self, status: u16, head: &Head<'_>, said: &mut Said<'_>) {
        if once(&mut self.known) {
            answered(status, head, said);
        } else if matches!(status, 401 | 407) {
            self.login(Login::Refused, said);
        }
        let registered = self.register.filter(|(n, _)| status == 200 && head.sequence() == Some(*n));
        if let Some((_, has_identity)) = registered {
            self.login(if has_identity { Login::Used } else { Login::None }, said);
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

/// How first lines name it.
const NAME: &[u8] = b"SIP/";

/// Where exchanges and telephones listen.
const PORT: u16 = 5_060;

/// Beginnings of the words by which telephones name themselves; programs on computers have others.
const TELEPHONES: &[&[u8]] = &[
    b"Yealink ",
    b"snom",
    b"Grandstream ",
    b"Cisco/SPA",
    b"Cisco-SIPGateway",
    b"Cisco-CP",
    b"Linksys/",
    b"Polycom",
    b"PolycomVVX",
    b"AVM FRITZ!Fon",
    b"Gigaset ",
    b"Aastra ",
    b"Mitel ",
    b"Panasonic",
    b"Fanvil ",
    b"Htek ",
    b"OpenScape Desk Phone",
];

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear, hear_datagram};
    use super::*;
    use Says::{Client, Server};
    use auscult_report::subject::{HostId, Subject};

    const REGISTER: &[u8] = b"REGISTER sip:zzcanary.example SIP/2.0\r\nFrom: <sip:zzcanary@zzcanary.example>\r\n\
        CSeq: 1 REGISTER\r\nUser-Agent: Yealink SIP-T46S 66.84.0.15\r\nContent-Length: 0\r\n\r\n";
    const UNAUTHORIZED: &[u8] = b"SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\n\
        Server: kamailio (5.6.3 (x86_64/linux))\r\nContent-Length: 0\r\n\r\n";
    const OK: &[u8] = b"SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn an_exchange_that_asks_for_a_password_is_heard_over_udp() {
        let heard = hear_datagram(&SIP_DATAGRAMS, PORT, PORT, UNAUTHORIZED);
        let facts = facts(&heard);
        assert_eq!(facts[..2], [Fact::Protocol(Protocol::Sip), Fact::Answered]);
        assert!(facts.contains(&Fact::Login(Login::Refused)));
        assert!(facts.iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "Kamailio")));
    }

    #[test]
    fn a_telephone_is_told_by_its_makers_word_and_nothing_else_is_kept() {
        let heard = hear_datagram(&SIP_DATAGRAMS, 5070, PORT, REGISTER);
        assert_eq!(heard.iter().map(|o| o.subject).collect::<Vec<_>>(), [Subject::Host(HostId(1))]);
        assert_eq!(facts(&heard), [Fact::Role(Role::Phone)]);
        assert!(!format!("{heard:?}").contains("zzcanary"));
    }

    #[test]
    fn an_exchange_that_takes_anybody_is_told_where_the_question_was_heard() {
        let open = facts(&hear(&SIP, PORT, 9, &[Client(REGISTER), Server(OK)]));
        assert!(open.contains(&Fact::Login(Login::None)));
        let with = [&REGISTER[..REGISTER.len() - 2], b"Authorization: Digest x\r\n\r\n"].concat();
        let closed = facts(&hear(&SIP, PORT, 9, &[Client(REGISTER), Server(UNAUTHORIZED), Client(&with), Server(OK)]));
        assert!(closed.contains(&Fact::Login(Login::Refused)) && closed.contains(&Fact::Login(Login::Used)));
        assert!(!closed.contains(&Fact::Login(Login::None)));
        assert!(!facts(&hear_datagram(&SIP_DATAGRAMS, PORT, PORT, OK)).contains(&Fact::Login(Login::None)));
    }

    #[test]
    fn what_keeps_a_way_open_is_known_and_strange_octets_are_not() {
        assert_eq!(hear_datagram(&SIP_DATAGRAMS, PORT, PORT, b"\r\n\r\n"), []);
        assert_eq!(hear_datagram(&SIP_DATAGRAMS, PORT, PORT, b"\x80\x00 nothing of the sort"), []);
    }
}
