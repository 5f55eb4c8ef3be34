//! A service that hands messages from one machine to another: MQTT (OASIS 3.1.1, 5.0).
//!
//! Keeps: whether a client showed who it is and was let in, whether data went to one that did not, versions. Drops:
//! client identifiers, users, passwords, topics, every message: they are passed over.

use super::lines::once;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::mqtt::{Connect, Header, publish};
use crate::wire::text;
use auscult_report::fact::{Encryption, Fact, Login, Protocol, Software, SoftwarePlace};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// MQTT without TLS.
pub const MQTT: Detector = Detector {
    name: "mqtt",
    version: 1,
    hears: "CONNECT with or without a user, and CONNACK. A client without a user that is let in is anonymous; a \
            certificate of the client would be a login, but that is heard only under TLS. Topics and messages are \
            passed over.",
    sniff: sniff_mqtt,
    start: || Box::new(Mqtt::default()),
};

fn sniff_mqtt(opening: &Opening<'_>) -> Verdict {
    if !opening.client.is_empty() {
        return match Header::read(opening.client) {
            Ok(h) if (h.kind, h.flags) == (CONNECT, 0) => {
                match Connect::read(opening.client.get(h.len..).unwrap_or_default()) {
                    Ok(_) => Verdict::Yes,
                    Err(WireError::Truncated(_)) => Verdict::Unsure,
                    Err(WireError::Malformed(_)) => Verdict::No,
                }
            }
            Err(WireError::Truncated(_)) if opening.client.first() == Some(&(CONNECT << 4)) => Verdict::Unsure,
            _ => Verdict::No,
        };
    }
    match opening.server {
        // CONNACK: acknowledge flags 0 or 1, then the result.
        [0x20, 2, 0 | 1, 0..=5] | [0x20, 2, 0 | 1, 0..=5, 0x30..=0xef, ..] if opening.server_port == MQTT_PORT => {
            Verdict::Yes
        }
        [] | [0x20] | [0x20, 2] | [0x20, 2, 0 | 1] => Verdict::Unsure,
        _ => Verdict::No,
    }
}

#[derive(Debug, Default)]
struct Mqtt {
    known: bool,
    connect: Option<Connect>,
    /// CONNECT was followed to its end: nothing of the client matters any more.
    client_done: bool,
    anonymous: bool,
    packets: u32,
}

impl Listener for Mqtt {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(Protocol::Mqtt);
            said.service(Fact::Encryption(Encryption::None));
        }
        if talk.server.torn() {
            // The lengths are lost, and nothing marks the next packet.
            return Interest::Done;
        }
        if !self.client_done && !talk.client.octets().is_empty() {
            match self.hear_connect(talk.client) {
                Ok(connect) => (self.connect, self.client_done) = (Some(connect), true),
                Err(WireError::Truncated(_)) if talk.server.octets().is_empty() => return Interest::More,
                Err(_) => self.client_done = true,
            }
        }
        if self.client_done {
            talk.client.take(usize::MAX);
        }
        while !talk.server.is_skipping() {
            let header = match Header::read(talk.server.octets()) {
                Ok(header) => header,
                Err(WireError::Truncated(_)) => return Interest::More,
                Err(WireError::Malformed(_)) => return Interest::Done,
            };
            match self.hear_packet(header, talk.server, said) {
                Some(Interest::More) => {}
                Some(done) => return done,
                None => return Interest::More,
            }
        }
        Interest::More
    }
}

impl Mqtt {
    fn hear_connect(&self, client: &Head) -> Result<Connect, WireError> {
        let octets = client.octets();
        let header = Header::read(octets)?;
        if header.kind != CONNECT {
            return Err(WireError::Malformed("packet type"));
        }
        Connect::read(octets.get(header.len..).unwrap_or_default())
    }

    /// `None` if the packet is not whole yet.
    fn hear_packet(&mut self, header: Header, server: &mut Head, said: &mut Said<'_>) -> Option<Interest> {
        let whole = header.len.saturating_add(header.remaining);
        let small = header.remaining <= MAX_SMALL;
        let body = server.octets().get(header.len..whole);
        if small && body.is_none() {
            return None;
        }
        let interest = match (header.kind, body) {
            (CONNACK, Some(body)) if small => self.hear_result(body, said),
            (PUBLISH, body) => self.hear_publish(body.filter(|_| small), said),
            _ => Interest::More,
        };
        server.skip(u64::try_from(whole).unwrap_or(u64::MAX));
        self.packets = self.packets.saturating_add(1);
        Some(if self.packets < MAX_PACKETS { interest } else { Interest::Done })
    }

    fn hear_result(&mut self, body: &[u8], said: &mut Said<'_>) -> Interest {
        said.answered();
        let Some(result) = body.get(1) else { return Interest::Done };
        match (result, self.connect) {
            (0, Some(Connect { has_user: false, .. })) => {
                said.service(Fact::MqttAnonymous);
                said.service(Fact::Login(Login::None));
                self.anonymous = true;
                return Interest::More;
            }
            (0, Some(_)) => said.service(Fact::Login(Login::Used)),
            // 3.1.1: bad user or password, not authorized; 5.0: the same, and bad method (3.2.2.2).
            (4 | 5 | 0x86 | 0x87 | 0x8c, _) => {
                said.service(Fact::Login(Login::Refused));
                said.service(Fact::Refused);
            }
            _ => {}
        }
        Interest::Done
    }

    /// A message for an anonymous client. The broker's own version is the only one that is looked at.
    fn hear_publish(&mut self, body: Option<&[u8]>, said: &mut Said<'_>) -> Interest {
        let (topic, message) = body.and_then(|b| publish(b).ok()).unwrap_or_default();
        if topic == VERSION_TOPIC {
            let version = text::after(message, b"mosquitto version ").and_then(Version::leading);
            if let (Some(product), true) = (Product::named("Mosquitto"), version.is_some()) {
                let place = SoftwarePlace::Body;
                said.service(Fact::Software(Software { product, version, revision: None, place }));
            }
            return Interest::More;
        }
        if !self.anonymous || topic.first() == Some(&b'$') {
            return Interest::More;
        }
        said.service(Fact::DataServed);
        Interest::Done
    }
}

const MQTT_PORT: u16 = 1883;
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
/// Octets of a packet that is waited for: CONNACK of 5.0 with its properties, and the broker's version.
const MAX_SMALL: usize = 512;
/// Packets of the server after which nothing new is expected.
const MAX_PACKETS: u32 = 256;
/// Where one broker says its version (`banner-precision.tsv`).
const VERSION_TOPIC: &[u8] = b"$SYS/broker/version";

#[cfg(test)]
mod tests {
    use super::super::testing::{Says, facts, hear};
    use super::*;

    /// CONNECT of 3.1.1 with these flags and this body.
    fn connect(flags: u8, rest: &[u8]) -> Vec<u8> {
        // name, level, flags, keep alive
        let body = [&[0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60], rest].concat();
        [&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    }

    fn publication(topic: &str, message: &str) -> Vec<u8> {
        let length = [0, u8::try_from(topic.len()).unwrap()];
        let body = [&length, topic.as_bytes(), message.as_bytes()].concat();
        [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    }

    #[test]
    fn an_anonymous_client_is_let_in_and_served() {
        let client = connect(0x02, b"\x00\x08zzcanary");
        let (own, other) = (
            publication("$SYS/broker/version", "mosquitto version 2.0.11"),
            publication("ward3/bed12/spo2", "ZZCANARY 97"),
        );
        let server = [&[0x20, 2, 0, 0][..], &own, &other].concat();
        for piece in [1, 3, 1000] {
            let heard = hear(&MQTT, 11883, piece, &[Says::Client(&client), Says::Server(&server)]);
            for fact in [
                Fact::Protocol(Protocol::Mqtt),
                Fact::Encryption(Encryption::None),
                Fact::Answered,
                Fact::MqttAnonymous,
                Fact::Login(Login::None),
                Fact::DataServed,
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            assert!(facts(&heard).iter().any(|f| matches!(f, Fact::Software(s) if s.product.name() == "Mosquitto")));
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
    }

    #[test]
    fn a_user_is_a_login_and_may_be_refused() {
        let client = connect(0xc2, b"\x00\x01a\x00\x08zzcanary\x00\x01x");
        let used = facts(&hear(&MQTT, 1883, 1, &[Says::Client(&client), Says::Server(&[0x20, 2, 0, 0])]));
        assert!(used.contains(&Fact::Login(Login::Used)) && !used.contains(&Fact::MqttAnonymous));
        let refused = facts(&hear(&MQTT, 1883, 1, &[Says::Client(&client), Says::Server(&[0x20, 2, 0, 5])]));
        assert!(refused.contains(&Fact::Login(Login::Refused)));
    }

    #[test]
    fn the_servers_half_alone_claims_no_anonymity() {
        let heard = facts(&hear(&MQTT, 1883, 1, &[Says::Server(&[0x20, 2, 0, 0])]));
        assert!(heard.contains(&Fact::Answered) && !heard.contains(&Fact::MqttAnonymous));
    }

    #[test]
    fn other_protocols_are_not_mqtt() {
        let mqtt = |client: &[u8], server: &[u8]| sniff_mqtt(&Opening { client, server, server_port: 1883 });
        assert_eq!(mqtt(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(mqtt(&[0x10, 12, 0, 4, b'M'], b""), Verdict::Unsure);
        assert_eq!(mqtt(&[0x10, 12, 0, 4, b'M', b'Q', b'X', b'X'], b""), Verdict::No);
        assert_eq!(mqtt(b"", b"SSH-2.0"), Verdict::No);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let mut seed = 0x1357_9bdf_0246_8ace_u64;
        for _ in 0..500 {
            let mut client = connect(0x02, b"\x00\x01a");
            let mut server = [&[0x20, 2, 0, 0][..], &publication("a/b", "c"), &[0xd0, 0]].concat();
            for octets in [&mut client, &mut server] {
                for _ in 0..2 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let at = 10 + seed as usize % (octets.len() - 10);
                    octets[at] = (seed >> 32) as u8;
                }
            }
            hear(&MQTT, 1883, 2, &[Says::Client(&client), Says::Server(&server)]);
        }
    }
}
