//! Remote desktops on any port: RDP (MS-RDPBCGR 2.2.1.1, 2.2.1.2) and VNC (RFC 6143).
//!
//! Keeps: what kind of security the server chose or was asked to use, and whether a login was asked for, used or
//! refused. Drops: the cookie of a request (a user's name), challenges, desktop names, and every screen.

use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::rdp::{self, Negotiation};
use crate::wire::vnc::{self, Security, Version};
use auscult_report::fact::{Encryption, Fact, Login, Protocol, RdpSecurity, VncSecurity};

/// RDP.
pub const RDP: Detector = Detector {
    name: "rdp",
    version: 1,
    hears: "The opening of a remote desktop connection on any port: which security the server confirmed. A client that \
            offers only TLS makes the server choose it: it still means that login before the connection (NLA) is not \
            required. A refusal that asks for NLA is said as that. The old security of RDP has a cipher of its own \
            without proof of the server, said as partly encrypted. User names in requests are never read.",
    sniff: sniff_rdp,
    start: || Box::new(Rdp::default()),
};

/// VNC.
pub const VNC: Detector = Detector {
    name: "vnc",
    version: 2,
    hears: "The opening of a VNC connection on any port: the security type that was chosen, and whether the password was \
            accepted. Where only the server is heard and it offers several types, the choice is not known. A screen that \
            calls who helps it is not told: who is called offers nothing. Types beyond none and password are said as other; the screen itself is never looked at.",
    sniff: sniff_vnc,
    start: || Box::new(Vnc::default()),
};

/// An opening with a negotiation or a cookie is sure; a bare one only on the registered port, or with the data that
/// follow it.
fn sniff_rdp(opening: &Opening<'_>) -> Verdict {
    let bare = |octets: &[u8], length| match octets.get(length..).map(rdp::connect_follows) {
        _ if opening.server_port == RDP_PORT => Verdict::Yes,
        Some(Ok(true)) => Verdict::Yes,
        Some(Ok(false)) => Verdict::No,
        _ => Verdict::Unsure,
    };
    let side = |octets, of_client| match rdp::Opening::parse(octets) {
        Ok((rdp::Opening::Request { sure: true }, _)) if of_client => Verdict::Yes,
        Ok((rdp::Opening::Request { .. }, length)) if of_client => bare(octets, length),
        Ok((rdp::Opening::Confirm(Negotiation::Absent), length)) if !of_client => bare(octets, length),
        Ok((rdp::Opening::Confirm(_), _)) if !of_client => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    };
    match (side(opening.client, true), side(opening.server, false)) {
        (Verdict::Yes, _) | (_, Verdict::Yes) => Verdict::Yes,
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        _ => Verdict::Unsure,
    }
}

/// Follows the opening of one RDP connection.
#[derive(Default)]
struct Rdp {
    /// The client's request was taken, or there is none.
    asked: bool,
}

impl Listener for Rdp {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() {
            self.asked = true;
        }
        if !self.asked {
            match rdp::Opening::parse(talk.client.octets()) {
                Ok((_, length)) => {
                    talk.client.take(length);
                    self.asked = true;
                }
                Err(WireError::Truncated(_)) => {}
                Err(WireError::Malformed(_)) => self.asked = true,
            }
        }
        if talk.server.torn() {
            return Interest::Done;
        }
        if talk.server.heard() == 0 && self.asked {
            return client_alone(talk.client, said);
        }
        match rdp::Opening::parse(talk.server.octets()) {
            Ok((rdp::Opening::Confirm(negotiation), length)) => {
                talk.server.take(length);
                confirmed(negotiation, said)
            }
            Err(WireError::Truncated(_)) => Interest::More,
            _ => Interest::Done,
        }
    }
}

/// The server said what it takes. TLS follows where it took it.
fn confirmed(negotiation: Negotiation, said: &mut Said<'_>) -> Interest {
    said.protocol(Protocol::Rdp);
    said.answered();
    let security = match negotiation {
        Negotiation::Absent | Negotiation::Selected(SELECTED_STANDARD) => RdpSecurity::Standard,
        Negotiation::Selected(SELECTED_HYBRID | SELECTED_HYBRID_EX) => RdpSecurity::Nla,
        Negotiation::Selected(_) => RdpSecurity::Tls,
        Negotiation::Failed(code) => {
            said.service(Fact::Refused);
            if code == FAILED_HYBRID_REQUIRED {
                said.service(Fact::RdpSecurity(RdpSecurity::Nla));
            }
            return Interest::Done;
        }
    };
    said.service(Fact::RdpSecurity(security));
    if security == RdpSecurity::Standard {
        said.service(Fact::Encryption(Encryption::Partly));
        return Interest::Done;
    }
    Interest::Again
}

/// A client that goes on behind its request was answered: with TLS, or with the old security.
fn client_alone(client: &Head, said: &mut Said<'_>) -> Interest {
    let next = client.octets();
    if next.first() == Some(&TLS_HANDSHAKE) {
        said.protocol(Protocol::Rdp);
        said.answered();
        return Interest::Again;
    }
    match rdp::connect_follows(next) {
        Ok(true) => confirmed(Negotiation::Absent, said),
        Ok(false) => Interest::Done,
        Err(_) => Interest::More,
    }
}

/// A version on either side is enough. Both sides look alike: where only one is heard, the port must not be one that
/// systems give to clients.
fn sniff_vnc(opening: &Opening<'_>) -> Verdict {
    let side = |octets| match vnc::version(octets) {
        Ok(_) => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        Err(WireError::Malformed(_)) => Verdict::No,
    };
    match (side(opening.client), side(opening.server)) {
        (Verdict::Yes, Verdict::Yes) => Verdict::Yes,
        (Verdict::Yes, _) | (_, Verdict::Yes) if opening.server_port < EPHEMERAL => Verdict::Yes,
        (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
        _ => Verdict::Unsure,
    }
}

/// Follows the opening of one VNC connection.
#[derive(Default)]
struct Vnc {
    server: Option<Version>,
    client: Option<Version>,
    /// The server's word on security was heard.
    offered: bool,
    chosen: Option<u8>,
    begun: bool,
    /// The client greeted when the server had said nothing.
    client_was_first: bool,
}

impl Listener for Vnc {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if talk.client.torn() || talk.server.torn() {
            return Interest::Done;
        }
        if self.client.is_none() {
            self.client_was_first = !self.begun && talk.server.heard() == 0;
            self.client = self.version(talk.client, said);
        }
        if self.client_was_first && self.client.is_some() && !self.begun {
            // A screen that calls who helps it greets first; who is called then only looks, and offers nothing.
            if talk.server.heard() > 0 {
                return Interest::Done;
            }
            if talk.client.octets().is_empty() && !talk.client.is_ended() {
                return Interest::More;
            }
            self.begin(said);
        }
        if self.server.is_none() {
            self.server = self.version(talk.server, said);
        }
        self.security(talk, said).unwrap_or_else(|e| match e {
            WireError::Truncated(_) => Interest::More,
            WireError::Malformed(_) => Interest::Done,
        })
    }
}

impl Vnc {
    /// The version of one side. A client says its own only behind the server's.
    fn version(&mut self, head: &mut Head, said: &mut Said<'_>) -> Option<Version> {
        let version = vnc::version(head.octets()).ok()?;
        head.take(vnc::VERSION_LEN);
        if !self.client_was_first {
            self.begin(said);
        }
        Some(version)
    }

    fn begin(&mut self, said: &mut Said<'_>) {
        if !core::mem::replace(&mut self.begun, true) {
            said.protocol(Protocol::Vnc);
            said.answered();
        }
    }

    /// What follows the versions. Each part is taken once; the first that is not complete ends the round.
    fn security(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Result<Interest, WireError> {
        let version = self.agreed(talk)?;
        if self.server.is_some() && !self.offered {
            let (security, length) = Security::parse(talk.server.octets(), version)?;
            let chosen = match security {
                Security::Refused => {
                    said.service(Fact::Refused);
                    return Ok(Interest::Done);
                }
                Security::Decided(only) | Security::Offered(&[only]) => Some(only),
                // Of several types nobody knows which one a client took that is not heard.
                Security::Offered(_) if self.client.is_none() => return Ok(Interest::Done),
                Security::Offered(_) => None,
            };
            talk.server.take(length);
            self.offered = true;
            if self.client.is_none() || version == Version::V3 {
                self.choose(chosen, talk, said);
            }
        }
        if self.chosen.is_none() {
            let choice = talk.client.octets().first().copied();
            let choice = choice.filter(|_| version > Version::V3).ok_or(WireError::Truncated("chosen type"))?;
            talk.client.take(1);
            self.choose(Some(choice), talk, said);
        }
        self.result(version, talk, said)
    }

    /// The version that both speak: the lower one. Where only the server is heard, an old client shows by the form of
    /// the server's next message.
    fn agreed(&self, talk: &Talk<'_>) -> Result<Version, WireError> {
        match (self.client, self.server) {
            (Some(client), Some(server)) => Ok(client.min(server)),
            (Some(client), None) if talk.server.heard() == 0 => Ok(client),
            (None, Some(server)) if talk.client.heard() == 0 => match talk.server.octets() {
                [0, 0, 0, vnc::NONE | vnc::PASSWORD, ..] => Ok(Version::V3),
                [0, rest @ ..] if rest.len() < 3 => Err(WireError::Truncated("security type")),
                _ => Ok(server),
            },
            (None, Some(_)) => vnc::version(talk.client.octets()),
            (_, None) => vnc::version(talk.server.octets()),
        }
    }

    fn choose(&mut self, chosen: Option<u8>, talk: &mut Talk<'_>, said: &mut Said<'_>) {
        self.chosen = chosen;
        let (security, encryption) = match chosen {
            None => return,
            Some(vnc::NONE) => (VncSecurity::None, Encryption::None),
            Some(vnc::PASSWORD) => (VncSecurity::Password, Encryption::None),
            Some(_) => (VncSecurity::Other, Encryption::Unknown),
        };
        if chosen == Some(vnc::PASSWORD) {
            talk.server.skip(vnc::CHALLENGE_LEN);
        }
        said.service(Fact::VncSecurity(security));
        said.service(Fact::Encryption(encryption));
    }

    /// Whether the client was let in.
    fn result(&self, version: Version, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Result<Interest, WireError> {
        let login = match self.chosen {
            _ if self.server.is_none() => return Ok(Interest::Done),
            // Before 3.8 there is no result without a password: the next octet is the client's, or the screen.
            Some(vnc::NONE) if version < Version::V8 => {
                let next = talk.client.octets().first().or(talk.server.octets().first());
                next.map(|_| Login::None).ok_or(WireError::Truncated("client init"))?
            }
            Some(vnc::NONE) if vnc::result(talk.server.octets())? => Login::None,
            Some(vnc::PASSWORD) if vnc::result(talk.server.octets())? => Login::Used,
            Some(vnc::NONE | vnc::PASSWORD) => Login::Refused,
            _ => return Ok(Interest::Done),
        };
        said.service(Fact::Login(login));
        Ok(Interest::Done)
    }
}

/// The registered port of RDP: where an opening without any sign of RDP is taken for it.
const RDP_PORT: u16 = 3389;

/// MS-RDPBCGR 2.2.1.2.1: PROTOCOL_RDP.
const SELECTED_STANDARD: u32 = 0;
/// PROTOCOL_HYBRID.
const SELECTED_HYBRID: u32 = 2;
/// PROTOCOL_HYBRID_EX.
const SELECTED_HYBRID_EX: u32 = 8;
/// MS-RDPBCGR 2.2.1.2.2: HYBRID_REQUIRED_BY_SERVER.
const FAILED_HYBRID_REQUIRED: u32 = 5;

/// What a client that was answered with TLS begins with: a handshake record.
const TLS_HANDSHAKE: u8 = 22;

/// Ports from here on are given to clients by every system.
const EPHEMERAL: u16 = 32_768;

#[cfg(test)]
mod tests {
    use super::super::Observation;
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{Says, facts, hear};
    use super::*;

    /// A connection request with the cookie of a user and an offer of TLS and NLA.
    fn request() -> Vec<u8> {
        let cookie = b"Cookie: mstshash=zzcanary\r\n";
        let head = [3, 0, 0, 46, 41, 0xE0, 0, 0, 0, 0, 0]; // TPKT, X.224 connection request
        [&head[..], cookie, &[1, 0, 8, 0, 3, 0, 0, 0]].concat()
    }

    /// A connection confirm: kind 2 selects, kind 3 refuses.
    fn confirm(kind: u8, value: u8) -> Vec<u8> {
        vec![3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, kind, 0, 8, 0, value, 0, 0, 0]
    }

    /// A connection confirm without negotiation.
    const BARE: &[u8] = &[3, 0, 0, 11, 6, 0xD0, 0, 0, 0x12, 0x34, 0];

    /// The first octets of MCS Connect Initial.
    const CONNECT: &[u8] = &[3, 0, 1, 0x51, 2, 0xF0, 0x80, 0x7F, 0x65, 0x82];

    /// In pieces of every size, without what every answer says.
    fn said_of(detector: &Detector, port: u16, says: &dyn Fn() -> Vec<Says<'static>>) -> Vec<Fact> {
        let mut all = [1, 5, 1000].map(|piece| rest(&hear(detector, port, piece, &says())));
        assert!(all[0] == all[1] && all[1] == all[2], "{all:?}");
        std::mem::take(&mut all[0])
    }

    fn rest(heard: &[Observation]) -> Vec<Fact> {
        facts(heard)
            .into_iter()
            .filter(|f| !matches!(f, Fact::Protocol(_) | Fact::Answered | Fact::OutsideNetwork))
            .collect()
    }

    fn leak(octets: Vec<u8>) -> &'static [u8] {
        Box::leak(octets.into_boxed_slice())
    }

    #[test]
    fn the_security_of_rdp_is_what_the_server_selected() {
        for (answer, expected) in [
            (confirm(2, 0), vec![Fact::RdpSecurity(RdpSecurity::Standard), Fact::Encryption(Encryption::Partly)]),
            (BARE.to_vec(), vec![Fact::RdpSecurity(RdpSecurity::Standard), Fact::Encryption(Encryption::Partly)]),
            (confirm(2, 1), vec![Fact::RdpSecurity(RdpSecurity::Tls)]),
            (confirm(2, 2), vec![Fact::RdpSecurity(RdpSecurity::Nla)]),
            (confirm(2, 8), vec![Fact::RdpSecurity(RdpSecurity::Nla)]),
            (confirm(3, 5), vec![Fact::Refused, Fact::RdpSecurity(RdpSecurity::Nla)]),
            (confirm(3, 2), vec![Fact::Refused]),
        ] {
            let (request, answer) = (leak(request()), leak(answer));
            assert_eq!(said_of(&RDP, 33_890, &|| vec![Client(request), Server(answer)]), expected);
        }
    }

    #[test]
    fn an_answer_is_said_once_and_no_user_name_leaves() {
        let heard = hear(&RDP, 3389, 4, &[Client(&request()), Server(&confirm(2, 1)), Server(&[22, 3, 3])]);
        assert_eq!(heard.iter().filter(|o| o.fact == Fact::Answered).count(), 1);
        assert!(heard.iter().any(|o| o.fact == Fact::Protocol(Protocol::Rdp)));
        assert!(!format!("{heard:?}").contains("canary"));
    }

    #[test]
    fn half_of_an_rdp_conversation_is_enough() {
        let tls = Fact::RdpSecurity(RdpSecurity::Tls);
        assert_eq!(rest(&hear(&RDP, 3390, 1, &[Server(&confirm(2, 1))])), [tls]);
        let client = [request(), CONNECT.to_vec()].concat();
        let standard = Fact::RdpSecurity(RdpSecurity::Standard);
        assert!(rest(&hear(&RDP, 3389, 1, &[Client(&client)])).contains(&standard));
        let client = [request(), vec![22, 3, 1]].concat();
        assert!(facts(&hear(&RDP, 3389, 1, &[Client(&client)])).contains(&Fact::Answered));
        assert_eq!(hear(&RDP, 3389, 1, &[Client(&request())]), []);
    }

    #[test]
    fn a_bare_opening_on_another_port_needs_what_follows() {
        let ask = |server: &[u8], server_port| sniff_rdp(&Opening { client: b"", server, server_port });
        assert_eq!(ask(BARE, 3389), Verdict::Yes);
        assert_eq!(ask(BARE, 102), Verdict::Unsure);
        assert_eq!(ask(&[BARE, CONNECT].concat(), 102), Verdict::Yes);
        // Behind the same opening an industrial controller sends its own data.
        assert_eq!(ask(&[BARE, &[3, 0, 0, 25, 2, 0xF0, 0x80, 0x32, 1]].concat(), 102), Verdict::No);
        assert_eq!(ask(b"220 ready\r\n", 3389), Verdict::No);
        assert_eq!(ask(&request(), 3389), Verdict::No);
    }

    const V8: &[u8] = b"RFB 003.008\n";
    const V3: &[u8] = b"RFB 003.003\n";

    #[test]
    fn vnc_without_a_password_is_heard_as_that() {
        let says = || {
            vec![
                Server(V8),
                Client(V8),
                Server(&[2, 1, 2]),    // offers none and password
                Client(&[1]),          // takes none
                Server(&[0, 0, 0, 0]), // let in
                Client(&[1]),
            ]
        };
        let expected =
            [Fact::VncSecurity(VncSecurity::None), Fact::Encryption(Encryption::None), Fact::Login(Login::None)];
        assert_eq!(said_of(&VNC, 5900, &says), expected);
        let old = || vec![Server(V8), Client(V3), Server(&[0, 0, 0, 1]), Client(&[1])];
        assert_eq!(said_of(&VNC, 5900, &old), expected);
    }

    #[test]
    fn a_password_of_vnc_is_used_or_refused() {
        for (result, login) in [(&[0, 0, 0, 0], Login::Used), (&[0, 0, 0, 1], Login::Refused)] {
            let expected =
                [Fact::VncSecurity(VncSecurity::Password), Fact::Encryption(Encryption::None), Fact::Login(login)];
            let new = || {
                vec![
                    Server(V8),
                    Client(V8),
                    Server(&[1, 2]),
                    Client(&[2]),
                    Server(&[0xC4; 16]),
                    Client(&[0x5A; 16]),
                    Server(result),
                ]
            };
            assert_eq!(said_of(&VNC, 5901, &new), expected);
            // Of the server alone, to an old and to a new client.
            let alone = || vec![Server(V8), Server(&[1, 2]), Server(&[0xC4; 16]), Server(result)];
            assert_eq!(said_of(&VNC, 5901, &alone), expected);
            let alone = || vec![Server(V8), Server(&[0, 0, 0, 2]), Server(&[0xC4; 16]), Server(result)];
            assert_eq!(said_of(&VNC, 5901, &alone), expected);
        }
    }

    #[test]
    fn of_the_client_alone_the_choice_is_heard() {
        let says = || vec![Client(V8), Client(&[19])];
        let expected = [Fact::VncSecurity(VncSecurity::Other), Fact::Encryption(Encryption::Unknown)];
        assert_eq!(said_of(&VNC, 5900, &says), expected);
        assert_eq!(sniff_vnc(&Opening { client: V8, server: b"", server_port: 50_000 }), Verdict::Unsure);
        assert_eq!(sniff_vnc(&Opening { client: V8, server: V8, server_port: 50_000 }), Verdict::Yes);
        assert_eq!(sniff_vnc(&Opening { client: b"GET /", server: b"", server_port: 5900 }), Verdict::No);
    }

    #[test]
    fn a_server_that_offers_nothing_refuses() {
        let says = || vec![Server(V8), Client(V8), Server(&[0, 0, 0, 0, 4, b'l', b'a', b't', b'e'])];
        assert_eq!(said_of(&VNC, 5900, &says), [Fact::Refused]);
    }

    #[test]
    fn no_mutation_panics_or_goes_on_for_ever() {
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        let mut mutate = |octets: &[u8], from: usize| {
            let mut copy = octets.to_vec();
            for _ in 0..2 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let place = from + (seed >> 8) as usize % (copy.len() - from);
                copy[place] = seed as u8;
            }
            copy
        };
        for round in 0..3000usize {
            let piece = 1 + round % 40;
            let server = mutate(&[V8, &[2, 1, 2], &[0; 24]].concat(), 12);
            let client = mutate(&[V8, &[1, 1], &[0; 24]].concat(), 12);
            assert!(
                hear(&VNC, 5900, piece, &[Server(&server[..14]), Client(&client), Server(&server[14..])]).len() < 9
            );
            let client = mutate(&[request(), CONNECT.to_vec()].concat(), 19);
            let server = mutate(&[confirm(2, 1), vec![0; 30]].concat(), 4);
            assert!(hear(&RDP, 3389, 1000, &[Client(&client), Server(&server)]).len() < 7);
        }
    }
}
