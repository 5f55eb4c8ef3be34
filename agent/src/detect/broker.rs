//! Services that hand data from one machine to another: MQTT (OASIS 3.1.1, 5.0) and memcached (its text protocol).
//!
//! Keeps: whether a client showed who it is and was let in, whether data went to one that did not, versions. Drops:
//! client identifiers, users, passwords, topics, keys, every message and value: they are passed over.

use super::lines::{Side, command_verdict, once};
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict};
use crate::flow::head::Head;
use crate::wire::WireError;
use crate::wire::mqtt::{Connect, Header, publish};
use crate::wire::text::{self, begins, number, words};
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

/// memcached over TCP.
pub const MEMCACHED: Detector = Detector {
    name: "memcached",
    version: 1,
    hears: "Answers of the text protocol: VERSION, STAT, VALUE, STORED. It knows no login, so whoever is answered may \
            read and write everything. Keys and values are passed over.",
    sniff: sniff_memcached,
    start: || Box::new(Memcached::default()),
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

fn sniff_memcached(opening: &Opening<'_>) -> Verdict {
    let port = opening.server_port == MEMCACHED_PORT;
    if !opening.client.is_empty() {
        let verdict = command_verdict(opening.client, MEMCACHED_COMMANDS);
        if verdict != Verdict::Yes || port {
            return verdict;
        }
        // `get` and `version` are words of others too: the answer decides.
    }
    let Some((line, _)) = text::line(opening.server) else { return Verdict::Unsure };
    match Line::of(line) {
        Line::Version(_) | Line::Stat(_) | Line::Value(_) => Verdict::Yes,
        Line::Stored | Line::End if port || !opening.client.is_empty() => Verdict::Yes,
        _ => Verdict::No,
    }
}

#[derive(Debug, Default)]
struct Memcached {
    client: Side,
    server: Side,
    known: bool,
    answered: bool,
    served: bool,
    versioned: bool,
}

/// A line of the server.
enum Line<'a> {
    /// `VERSION 1.6.18`
    Version(&'a [u8]),
    /// `STAT version 1.6.18`
    Stat(&'a [u8]),
    /// `VALUE key flags 12`: so many octets and a line's end follow.
    Value(u64),
    Stored,
    End,
    Other,
}

impl Line<'_> {
    fn of(line: &[u8]) -> Line<'_> {
        let mut parts = words(line);
        match (parts.next(), parts.next()) {
            (Some(b"VERSION"), Some(version)) if version.first().is_some_and(u8::is_ascii_digit) => {
                Line::Version(version)
            }
            (Some(b"STAT"), Some(name)) => {
                Line::Stat(if name == b"version" { parts.next().unwrap_or_default() } else { b"" })
            }
            (Some(b"VALUE"), Some(_)) => parts.nth(1).and_then(number).map_or(Line::Other, Line::Value),
            (Some(b"STORED" | b"NOT_STORED" | b"DELETED" | b"NOT_FOUND" | b"TOUCHED" | b"EXISTS"), None) => {
                Line::Stored
            }
            (Some(b"END"), None) => Line::End,
            _ => Line::Other,
        }
    }
}

impl Listener for Memcached {
    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        if once(&mut self.known) {
            said.protocol(Protocol::Memcached);
            said.service(Fact::Encryption(Encryption::None));
        }
        // What the client stores is passed over like what it gets.
        while let Some(follows) = self.client.next(talk.client, stored) {
            talk.client.skip(follows);
        }
        let mut side = core::mem::take(&mut self.server);
        while let Some(follows) = side.next(talk.server, |line| self.hear_server(line, said)) {
            talk.server.skip(follows);
        }
        self.server = side;
        if self.served && self.versioned { Interest::Done } else { Interest::More }
    }
}

impl Memcached {
    /// How many octets of a value follow the line.
    fn hear_server(&mut self, line: &[u8], said: &mut Said<'_>) -> u64 {
        if once(&mut self.answered) {
            said.answered();
            said.service(Fact::Login(Login::None));
        }
        match Line::of(line) {
            Line::Version(version) | Line::Stat(version) if !version.is_empty() && !self.versioned => {
                self.versioned = true;
                if let Some(product) = Product::named("memcached") {
                    let (version, place) = (Version::leading(version), SoftwarePlace::Parameter);
                    said.service(Fact::Software(Software { product, version, revision: None, place }));
                }
                0
            }
            Line::Value(len) => {
                if once(&mut self.served) {
                    said.service(Fact::DataServed);
                }
                len.saturating_add(LINE_END)
            }
            _ => 0,
        }
    }
}

/// `set key flags time 12`: how many octets of a value follow the line.
fn stored(line: &[u8]) -> u64 {
    if !STORING.iter().any(|c| begins(line, c)) {
        return 0;
    }
    words(line).nth(4).and_then(number).map_or(0, |n| n.saturating_add(LINE_END))
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

const MEMCACHED_PORT: u16 = 11211;
/// CR LF after a value.
const LINE_END: u64 = 2;
/// Commands that a value follows.
const STORING: &[&[u8]] = &[b"set ", b"add ", b"replace ", b"append ", b"prepend ", b"cas "];
/// With what a client begins.
const MEMCACHED_COMMANDS: &[&[u8]] =
    &[b"version", b"stats", b"get", b"gets", b"set", b"add", b"replace", b"append", b"prepend", b"cas", b"delete"];

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
    fn memcached_gives_everything_to_everybody() {
        let says = [
            Says::Client(b"set patient:1 0 0 14\r\nZZCANARY\r\nget\r\n\r\nversion\r\n"),
            Says::Server(b"STORED\r\nVERSION 1.6.18\r\n"),
            Says::Client(b"get patient:1\r\n"),
            Says::Server(b"VALUE patient:1 0 14\r\nZZCANARY\r\nget\r\n\r\nEND\r\n"),
        ];
        for piece in [1, 5, 1000] {
            let heard = hear(&MEMCACHED, 11211, piece, &says);
            for fact in [
                Fact::Protocol(Protocol::Memcached),
                Fact::Answered,
                Fact::Login(Login::None),
                Fact::DataServed,
                Fact::Encryption(Encryption::None),
            ] {
                assert_eq!(heard.iter().filter(|o| o.fact == fact).count(), 1, "{fact:?} in pieces of {piece}");
            }
            assert!(facts(&heard).iter().any(|f| matches!(f, Fact::Software(s)
                if s.product.name() == "memcached" && s.version == Version::exact(b"1.6.18"))));
            assert!(!format!("{heard:?}").to_lowercase().contains("canary"));
        }
    }

    #[test]
    fn other_protocols_are_neither() {
        let mqtt = |client: &[u8], server: &[u8]| sniff_mqtt(&Opening { client, server, server_port: 1883 });
        assert_eq!(mqtt(b"GET / HTTP/1.1\r\n", b""), Verdict::No);
        assert_eq!(mqtt(&[0x10, 12, 0, 4, b'M'], b""), Verdict::Unsure);
        assert_eq!(mqtt(&[0x10, 12, 0, 4, b'M', b'Q', b'X', b'X'], b""), Verdict::No);
        assert_eq!(mqtt(b"", b"SSH-2.0"), Verdict::No);
        let cache =
            |client: &[u8], server: &[u8], server_port| sniff_memcached(&Opening { client, server, server_port });
        assert_eq!(cache(b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", 80), Verdict::No);
        assert_eq!(cache(b"get a\r\n", b"", 11300), Verdict::Unsure);
        assert_eq!(cache(b"get a\r\n", b"END\r\n", 11300), Verdict::Yes);
        assert_eq!(cache(b"", b"+OK\r\n", 6379), Verdict::No);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let mut seed = 0x1357_9bdf_0246_8ace_u64;
        for _ in 0..500 {
            let mut client = connect(0x02, b"\x00\x01a");
            let mut server = [&[0x20, 2, 0, 0][..], &publication("a/b", "c"), &[0xd0, 0]].concat();
            let mut cache = b"VERSION 1.6\r\nVALUE a 0 4\r\nabcd\r\nSTAT version 2\r\nEND\r\n".to_vec();
            for octets in [&mut client, &mut server, &mut cache] {
                for _ in 0..2 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let at = 10 + seed as usize % (octets.len() - 10);
                    octets[at] = (seed >> 32) as u8;
                }
            }
            hear(&MQTT, 1883, 2, &[Says::Client(&client), Says::Server(&server)]);
            hear(&MEMCACHED, 11211, 2, &[Says::Client(b"stats\r\n"), Says::Server(&cache), Says::Client(&client)]);
        }
    }
}
