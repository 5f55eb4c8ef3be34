//! TLS and SSL on any port: what a server chose, and how good its certificate is (RFC 8446, RFC 5246, RFC 6101, RFC
//! 5280, `tls-weak.tsv`).
//!
//! Keeps: version, class of the suite, end of the certificate, whether it is self-signed, weak, and fits the name that
//! was asked for. Drops: that name (held until the certificate came, then gone), subject, issuer, and everything that
//! is encrypted. What a client offers makes no server worse: a host of the
//! clinic has a fingerprint by it, and only the server's choice counts.

use super::remote_tool::Session;
use super::{Detector, Interest, Listener, Opening, Said, Talk, Verdict, cipher};
use crate::flow::head::Head;
use crate::flow::records::{Records, Step, is_sealed};
use crate::wire::WireError;
use crate::wire::certificate::{Certificate, Key, Signature};
use crate::wire::ja4;
use crate::wire::reader::Reader;
use crate::wire::ssl2;
use crate::wire::tls::{
    self, Alert, CERTIFICATE, CERTIFICATE_STATUS, CLIENT_HELLO, ClientHello, Content, HELLO_REQUEST, Handshake, Record,
    SERVER_HELLO, SERVER_KEY_EXCHANGE, ServerHello,
};
use auscult_report::fact::{CipherClass, Encryption, Fact, Ja4Over, Protocol, TlsVersion};
use auscult_report::time::Timestamp;
use auscult_report::zone::Zone;

/// TLS and SSL.
pub const TLS: Detector = Detector {
    name: "tls",
    version: 1,
    hears: "The readable beginning of TLS on any port, or after STARTTLS and its kin: the version and suite that the \
            server chose, and up to TLS 1.2 its certificate. TLS 1.3 hides certificates, so silence about them proves \
            nothing. Three encrypted records in a row are taken for TLS where the beginning was not heard, without a \
            word on the version. Self-signed means that issuer and subject are the same; the signature is not \
            verified. The name that a client asks for is compared with the certificate and forgotten; no name of a \
            certificate is kept. What a host of the clinic offers becomes its JA4. A session of a remote-support \
            program is told by the domain that it asks for and by 100,000 octets each way: the one that the provider \
            itself uses looks the same.",
    sniff,
    start: || Box::new(Tls::default()),
};

/// Either side alone is enough: halves of conversations are common.
fn sniff(opening: &Opening<'_>) -> Verdict {
    let client = client_verdict(opening.client);
    let server = server_verdict(opening.server);
    if server == Verdict::Yes {
        return Verdict::Yes;
    }
    if client == Verdict::Yes && server != Verdict::No {
        return Verdict::Yes;
    }
    let joined = [opening.client, opening.server].map(records_in_row);
    if joined.contains(&Verdict::Yes) && opening.server_port < EPHEMERAL {
        return Verdict::Yes;
    }
    let waits = |side: Verdict, joined: Verdict| side == Verdict::Unsure || joined == Verdict::Unsure;
    let [client_joined, server_joined] = joined;
    match (opening.client.is_empty(), opening.server.is_empty()) {
        (false, true) if !waits(client, client_joined) => Verdict::No,
        (true, false) if !waits(server, server_joined) => Verdict::No,
        (false, false) if !waits(client, client_joined) && !waits(server, server_joined) => Verdict::No,
        _ => Verdict::Unsure,
    }
}

/// Whether a client begins with a ClientHello, of TLS or in the form of SSL 2.
fn client_verdict(octets: &[u8]) -> Verdict {
    match hello(octets, CLIENT_HELLO) {
        Verdict::No => match ssl2::Hello::parse(octets) {
            Ok((ssl2::Hello::Client, _)) => Verdict::Yes,
            Err(WireError::Truncated(_)) => Verdict::Unsure,
            _ => Verdict::No,
        },
        other => other,
    }
}

/// Whether a server begins with a ServerHello or with an alert that is not encrypted.
fn server_verdict(octets: &[u8]) -> Verdict {
    if let Ok(Record { content: Content::Alert, length: Alert::LEN, .. }) = Record::parse(octets) {
        return match octets.get(Record::LEN..).map(Alert::parse) {
            Some(Ok(_)) => Verdict::Yes,
            Some(Err(WireError::Malformed(_))) => Verdict::No,
            _ => Verdict::Unsure,
        };
    }
    match hello(octets, SERVER_HELLO) {
        Verdict::No => match ssl2::Hello::parse(octets) {
            Ok((ssl2::Hello::Server { .. }, _)) => Verdict::Yes,
            Err(WireError::Truncated(_)) => Verdict::Unsure,
            _ => Verdict::No,
        },
        other => other,
    }
}

/// Whether `octets` begin with a handshake record that begins with this hello.
fn hello(octets: &[u8], kind: u8) -> Verdict {
    match tls::hello_begins(octets) {
        Ok(found) if found == kind => Verdict::Yes,
        Err(WireError::Truncated(_)) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// Whether `octets` begin with [`RECORDS_IN_ROW`] records of application data, one behind the other.
fn records_in_row(octets: &[u8]) -> Verdict {
    let mut r = Reader::new(octets);
    for _ in 0..RECORDS_IN_ROW {
        match Record::parse(r.rest()) {
            Ok(record) if is_sealed(&record) => {
                let _fragment = r.sub_at_most(Record::LEN.saturating_add(record.length.into()));
            }
            Err(WireError::Truncated(_)) => return Verdict::Unsure,
            _ => return Verdict::No,
        }
    }
    Verdict::Yes
}

/// Follows the handshake of one conversation.
#[derive(Default)]
struct Tls {
    client: Records,
    server: Records,
    told: Told,
    /// The server belongs to a remote-support program.
    session: Option<Session>,
    /// All that is readable was heard.
    over: bool,
}

impl Listener for Tls {
    fn held(&self) -> usize {
        self.client.held().saturating_add(self.server.held())
    }

    fn listen(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        let mut interest = if self.over { Interest::Done } else { self.hear(talk, said) };
        // The handshake says who serves, the length of the conversation whether it is a session.
        if let (Interest::Done, Some(session)) = (interest, self.session) {
            self.over = true;
            interest = if session.listen(talk, said) { Interest::Done } else { Interest::More };
        }
        interest
    }
}

impl Tls {
    fn hear(&mut self, talk: &mut Talk<'_>, said: &mut Said<'_>) -> Interest {
        self.client.after_hole(talk.client);
        self.server.after_hole(talk.server);
        self.hear_client(talk.client, said);
        let interest = self.hear_server(talk.server, said);
        if self.client.in_row().max(self.server.in_row()) >= RECORDS_IN_ROW {
            self.told.begin(said);
            return Interest::Done;
        }
        interest
    }

    /// From the client the name that it asks for matters, what it offers, and that it went on after the handshake. Work
    /// is bounded by the waiting octets.
    fn hear_client(&mut self, head: &mut Head, said: &mut Said<'_>) {
        loop {
            match self.client.step(head) {
                Step::Message(Handshake { kind: CLIENT_HELLO, body }) => {
                    let name = ClientHello::parse(body).ok().and_then(|h| h.name);
                    self.session = name.and_then(|n| Session::with(n, said));
                    self.told.name = name.map(Box::from);
                    offers(body, Ja4Over::Tcp, said);
                }
                Step::Wait => return,
                Step::Lost => {
                    head.take(head.octets().len());
                    return;
                }
                _ => {}
            }
        }
    }

    /// Work is bounded by the waiting octets.
    fn hear_server(&mut self, head: &mut Head, said: &mut Said<'_>) -> Interest {
        loop {
            match self.server.step(head) {
                Step::Wait => return Interest::More,
                Step::Lost => return Interest::Done,
                // A resumed session has no certificate.
                Step::Sealed if self.told.begun => return Interest::Done,
                Step::Sealed | Step::Passed => {}
                Step::Alert(alert) if alert.fatal => {
                    self.told.refused(said);
                    return Interest::Done;
                }
                Step::Alert(_) => {}
                Step::Ssl2(certificate) => {
                    self.told.ssl2(certificate.as_deref(), said);
                    return Interest::Done;
                }
                Step::Message(message) => {
                    if self.told.hear(&message, said) == Interest::Done {
                        return Interest::Done;
                    }
                }
            }
        }
    }
}

/// What a host of the clinic offers. Guests and strangers are nobody's business.
pub(super) fn offers(hello: &[u8], over: Ja4Over, said: &mut Said<'_>) {
    if matches!(said.client.zone, Zone::Outside | Zone::Guest) {
        return;
    }
    if let Ok(Some(ja4)) = ja4::of(hello, over) {
        said.client_host(Fact::TlsClient(ja4));
    }
}

/// What was said of the conversation so far, and the name that is waiting to be compared.
#[derive(Default)]
struct Told {
    name: Option<Box<[u8]>>,
    begun: bool,
    /// The server chose a suite whose group stands behind its certificate.
    group: bool,
}

impl Told {
    /// The server speaks TLS, to this client. Said once.
    fn begin(&mut self, said: &mut Said<'_>) {
        if !self.begun {
            self.begun = true;
            said.protocol(Protocol::Tls);
            said.answered();
            said.service(Fact::Encryption(Encryption::Tls));
        }
    }

    /// A fatal alert before the server chose anything turns the client away.
    fn refused(&mut self, said: &mut Said<'_>) {
        if !self.begun {
            self.begun = true;
            said.protocol(Protocol::Tls);
            said.service(Fact::Refused);
        }
    }

    /// SSL 2 is older than the choice of a suite by the server.
    fn ssl2(&mut self, certificate: Option<&[u8]>, said: &mut Said<'_>) {
        let Some(certificate) = certificate else { return };
        self.begin(said);
        said.service(Fact::TlsVersion(TlsVersion::Ssl2));
        self.certificate(certificate, said);
    }

    /// A handshake message of the server.
    fn hear(&mut self, message: &Handshake<'_>, said: &mut Said<'_>) -> Interest {
        match message.kind {
            SERVER_HELLO => {
                let Ok(hello) = ServerHello::parse(message.body) else { return Interest::Done };
                self.begin(said);
                let version = version(hello.version);
                if let Some(version) = version {
                    said.service(Fact::TlsVersion(version));
                }
                if let Some(class) = cipher::class(hello.suite) {
                    said.service(Fact::TlsCipher(class));
                }
                // From TLS 1.3 on everything behind the ServerHello is encrypted. A HelloRetryRequest has chosen the
                // same version and suite as the ServerHello that follows it.
                self.group = cipher::is_prime_group(hello.suite);
                if hello.retry || version.is_none_or(|v| v == TlsVersion::Tls13) {
                    return Interest::Done;
                }
                Interest::More
            }
            CERTIFICATE => {
                if let Ok(der) = tls::first_certificate(message.body) {
                    self.certificate(der, said);
                }
                if self.group { Interest::More } else { Interest::Done }
            }
            SERVER_KEY_EXCHANGE if self.group => {
                if tls::prime_bits(message.body).is_ok_and(|bits| bits < 2048) {
                    said.service(Fact::TlsCipher(CipherClass::Weak));
                }
                Interest::Done
            }
            CERTIFICATE_STATUS if self.group => Interest::More,
            // A ServerKeyExchange, a ticket or a ServerHelloDone: no certificate will come.
            kind if self.begun && kind != HELLO_REQUEST => Interest::Done,
            _ => Interest::More,
        }
    }

    fn certificate(&mut self, der: &[u8], said: &mut Said<'_>) {
        let Ok(certificate) = Certificate::parse(der) else { return };
        self.begin(said);
        said.service(Fact::CertificateEnds(Timestamp::from_seconds(certificate.ends())));
        if certificate.is_self_issued() {
            said.service(Fact::CertificateSelfSigned);
        }
        if is_weak(&certificate) {
            said.service(Fact::CertificateWeak);
        }
        let fits = self.name.take().and_then(|n| certificate.covers(&n));
        if let Some(fits) = fits {
            said.service(Fact::CertificateNameFits(fits));
        }
    }
}

/// `tls-weak.tsv`: RSA or DSA under 2048 bits, EC under 224, MD2, MD5 or SHA-1 in the signature.
fn is_weak(certificate: &Certificate<'_>) -> bool {
    let key = match certificate.key() {
        Key::Rsa { bits } | Key::Dsa { bits } => bits < 2048,
        Key::Curve { bits } => bits < 224,
        Key::Other => false,
    };
    key || certificate.signature() != Signature::Other
}

/// The version that the server chose. TLS 1.3 was in use under draft numbers (0x7F1C is draft 28) before it was done.
const fn version(number: u16) -> Option<TlsVersion> {
    match number {
        0x0300 => Some(TlsVersion::Ssl3),
        0x0301 => Some(TlsVersion::Tls10),
        0x0302 => Some(TlsVersion::Tls11),
        0x0303 => Some(TlsVersion::Tls12),
        0x0304 | 0x7F00..=0x7FFF => Some(TlsVersion::Tls13),
        _ => None,
    }
}

/// Encrypted records in a row that are enough to call a conversation TLS: three heads of five octets at the right
/// distance do not come about by chance (one in 2^90 or so).
const RECORDS_IN_ROW: u8 = 3;

/// Ports above are given to clients by every system: the side that has one is not taken for a server on the word of
/// encrypted records, which look the same in both directions.
const EPHEMERAL: u16 = 32_768;

#[cfg(test)]
mod tests {
    use super::super::testing::Says::{Client, Server};
    use super::super::testing::{Says, facts, hear};
    use super::*;
    use crate::wire::certificate::samples::{LEAF, WEAK, octets};

    const LEAF_ENDS: Fact = Fact::CertificateEnds(Timestamp::from_seconds(1_855_780_586)); // 2028-10-21T22:36:26Z

    /// A record of TLS 1.0 form.
    fn record(content: u8, fragment: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        [&[content, 3, 1, high, low][..], fragment].concat()
    }

    /// A handshake message.
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, a, b, c][..], body].concat()
    }

    fn client_hello(name: &str) -> Vec<u8> {
        let longer = |by: u8| u8::try_from(name.len()).unwrap().strict_add(by);
        let mut body = vec![3, 3]; // legacy_version
        body.extend([0x11; 32]); // random
        body.extend([0, 0, 2, 0xC0, 0x2F, 1, 0]); // no session, one suite, no compression
        if !name.is_empty() {
            body.extend([0, longer(9), 0, 0, 0, longer(5), 0, longer(3), 0, 0, longer(0)]); // extensions: server_name
            body.extend(name.bytes());
        }
        record(22, &message(1, &body))
    }

    /// A ServerHello that chose `suite`, with `extensions`.
    fn server_hello(version: [u8; 2], suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = version.to_vec();
        body.extend([0x22; 32]); // random
        body.push(0); // no session
        body.extend(suite.to_be_bytes());
        body.push(0); // no compression
        if !extensions.is_empty() {
            body.extend([0, u8::try_from(extensions.len()).unwrap()]);
            body.extend(extensions);
        }
        message(2, &body)
    }

    /// A Certificate message with one certificate.
    fn certificate(sample: &str) -> Vec<u8> {
        let der = octets(sample);
        let u24 = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
        message(11, &[u24(der.len().strict_add(3)), u24(der.len()), der].concat())
    }

    const DONE: &[u8] = &[14, 0, 0, 0]; // ServerHelloDone

    fn both<'a>(client: &'a [u8], server: &'a [u8]) -> Vec<Fact> {
        let mut last: Option<Vec<Fact>> = None;
        for piece in [1, 7, 100_000] {
            let facts = facts(&hear(&TLS, 8443, piece, &[Client(client), Server(server)]));
            assert_eq!(*last.get_or_insert_with(|| facts.clone()), facts, "in pieces of {piece}");
        }
        last.unwrap()
    }

    #[test]
    fn tls_1_2_with_a_good_certificate_says_what_the_server_chose() {
        let flight = [server_hello([3, 3], 0xC02F, &[]), certificate(LEAF), DONE.to_vec()].concat();
        let facts = both(&client_hello("www.clinic.example"), &record(22, &flight));
        assert_eq!(
            facts,
            [
                Fact::Protocol(Protocol::Tls),
                Fact::Answered,
                Fact::OutsideNetwork,
                Fact::Encryption(Encryption::Tls),
                Fact::TlsVersion(TlsVersion::Tls12),
                Fact::TlsCipher(CipherClass::Good),
                LEAF_ENDS,
                Fact::CertificateNameFits(true),
            ]
        );
    }

    #[test]
    fn a_small_group_of_the_servers_choice_is_weak_behind_a_good_suite() {
        for (octets, weak) in [([0u8, 128], true), ([1, 0], false)] {
            let exchange = [&octets[..], &[0xFF; 300]].concat();
            // ServerHello, Certificate, CertificateStatus, ServerKeyExchange
            let flight = [
                server_hello([3, 3], 0x009E, &[]),
                certificate(LEAF),
                message(22, &[1, 0, 0, 0]),
                message(12, &exchange),
            ];
            let facts = both(&client_hello("portal.example"), &record(22, &flight.concat()));
            assert!(facts.contains(&Fact::TlsCipher(CipherClass::Good)) && facts.contains(&LEAF_ENDS));
            assert_eq!(facts.contains(&Fact::TlsCipher(CipherClass::Weak)), weak, "{octets:?}");
        }
    }

    #[test]
    fn messages_spread_over_many_records_are_put_together() {
        let flight = [server_hello([3, 3], 0xC02F, &[]), certificate(LEAF), DONE.to_vec()].concat();
        let records: Vec<u8> = flight.chunks(13).flat_map(|c| record(22, c)).collect();
        assert!(both(&client_hello("portal.example"), &records).contains(&Fact::CertificateNameFits(true)));
    }

    #[test]
    fn an_old_self_signed_server_is_heard_as_that() {
        let flight =
            [record(22, &server_hello([3, 1], 0x000A, &[])), record(22, &certificate(WEAK)), record(22, DONE)].concat();
        let facts = both(&client_hello("zzcanary.elsewhere.example"), &flight);
        for expected in [
            Fact::TlsVersion(TlsVersion::Tls10),
            Fact::TlsCipher(CipherClass::Weak),
            Fact::CertificateSelfSigned,
            Fact::CertificateWeak,
            Fact::CertificateNameFits(false),
        ] {
            assert!(facts.contains(&expected), "{expected:?}");
        }
    }

    #[test]
    fn without_a_name_asked_for_nothing_is_said_about_names() {
        let flight = record(22, &[server_hello([3, 3], 0xC02F, &[]), certificate(LEAF)].concat());
        for facts in [both(&client_hello(""), &flight), facts(&hear(&TLS, 443, 9, &[Server(&flight)]))] {
            assert!(facts.contains(&LEAF_ENDS));
            assert!(!facts.iter().any(|f| matches!(f, Fact::CertificateNameFits(_))));
        }
    }

    #[test]
    fn tls_1_3_is_known_by_its_extension_and_hides_its_certificate() {
        let hello = server_hello([3, 3], 0x1301, &[0, 43, 0, 2, 3, 4]);
        let server = [record(22, &hello), record(20, &[1]), record(23, &[9; 900])].concat();
        assert_eq!(
            both(&client_hello("portal.example"), &server)[3..],
            [
                Fact::Encryption(Encryption::Tls),
                Fact::TlsVersion(TlsVersion::Tls13),
                Fact::TlsCipher(CipherClass::Good)
            ]
        );
    }

    #[test]
    fn a_resumed_session_has_a_version_and_no_certificate() {
        let server =
            [record(22, &server_hello([3, 3], 0xC02F, &[])), record(20, &[1]), record(22, &[0xEE; 40])].concat();
        let facts = both(&client_hello("portal.example"), &server);
        assert_eq!(facts.last(), Some(&Fact::TlsCipher(CipherClass::Good)));
    }

    #[test]
    fn a_fatal_alert_before_the_server_hello_is_a_refusal() {
        let refused = record(21, &[2, 70]); // fatal, protocol_version
        let expected = [Fact::Protocol(Protocol::Tls), Fact::Refused];
        assert_eq!(both(&client_hello("portal.example"), &refused), expected);
        assert_eq!(facts(&hear(&TLS, 443, 1, &[Server(&refused)])), expected);
    }

    #[test]
    fn a_warning_before_the_server_hello_is_none() {
        // warning, unrecognized_name
        let server = [record(21, &[1, 112]), record(22, &server_hello([3, 3], 0xC02F, &[]))].concat();
        let facts = both(&client_hello("portal.example"), &server);
        assert!(facts.contains(&Fact::Answered) && !facts.contains(&Fact::Refused));
    }

    #[test]
    fn a_client_that_nobody_answers_proves_no_service() {
        assert_eq!(hear(&TLS, 443, 3, &[Client(&client_hello("portal.example"))]), []);
        let plain = [Client(&client_hello("portal.example")[..]), Server(b"HTTP/1.1 400 Bad Request\r\n\r\n")];
        assert_eq!(hear(&TLS, 80, 100_000, &plain), []);
    }

    #[test]
    fn ssl_2_is_heard_with_its_certificate() {
        let der = octets(WEAK);
        let [high, low] = u16::try_from(der.len()).unwrap().to_be_bytes();
        let [total_high, total_low] = u16::try_from(der.len() + 11 + 3 + 16).unwrap().to_be_bytes();
        let head = [0x80 | total_high, total_low, 4, 0, 1, 0, 2, high, low, 0, 3, 0, 16];
        let server = [&head[..], &der, &[7, 0, 0xC0], &[0x5A; 16]].concat();
        let client = [&[0x80, 28, 1, 0, 2, 0, 3, 0, 0, 0, 16, 7, 0, 0xC0][..], &[0x5A; 16]].concat();
        let facts = both(&client, &server);
        assert!(facts.contains(&Fact::TlsVersion(TlsVersion::Ssl2)));
        assert!(facts.contains(&Fact::CertificateWeak));
    }

    #[test]
    fn encrypted_records_in_a_row_are_tls_without_a_version() {
        let data: Vec<u8> = [record(23, &[1; 40]), record(23, &[2; 300]), record(23, &[3; 17])].concat();
        for says in [Client(&data[..]), Server(&data[..])] {
            let facts = facts(&hear(&TLS, 443, 11, &[says]));
            assert_eq!(
                facts,
                [
                    Fact::Protocol(Protocol::Tls),
                    Fact::Answered,
                    Fact::OutsideNetwork,
                    Fact::Encryption(Encryption::Tls)
                ]
            );
        }
        let opening = |port| Opening { client: &data, server: b"", server_port: port };
        assert_eq!(sniff(&opening(443)), Verdict::Yes);
        assert_ne!(sniff(&opening(50_123)), Verdict::Yes);
    }

    #[test]
    fn only_the_client_of_a_whole_session_is_enough_to_know_that_it_is_tls() {
        let client = [
            client_hello("portal.example"),
            record(22, &message(16, &[7; 33])), // ClientKeyExchange
            record(20, &[1]),
            record(22, &[0xEE; 40]), // Finished, encrypted
            record(23, &[0xEE; 90]),
            record(23, &[0xEE; 90]),
        ]
        .concat();
        let facts = facts(&hear(&TLS, 443, 100, &[Client(&client)]));
        assert_eq!(facts.last(), Some(&Fact::Encryption(Encryption::Tls)));
    }

    #[test]
    fn other_protocols_are_left_to_others() {
        for (client, server) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b""[..]),
            (b"", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
            (b"\x03\x00\x00\x13\x0e\xe0\0\0\0\0\0", b""),
            (b"\x16\x03\x01\x00\x04\x02\0\0\0\x03\x03", b""), // a ServerHello from a client
        ] {
            assert_eq!(sniff(&Opening { client, server, server_port: 443 }), Verdict::No);
        }
        for begun in [&b""[..], b"\x16", b"\x16\x03\x01\x02", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"] {
            assert_eq!(sniff(&Opening { client: begun, server: b"", server_port: 443 }), Verdict::Unsure);
        }
    }

    #[test]
    fn a_hole_before_a_record_does_not_end_the_hearing() {
        let mut server = Head::default();
        let mut client = Head::default();
        let mut heard = Vec::new();
        let mut out = |o| heard.push(o);
        let mut said = testing_said(&mut out);
        let mut tls = Tls::default();
        let hello = record(22, &server_hello([3, 3], 0xC02F, &[]));
        server.segment(0, &hello[..20], 30); // the capture kept only 20 octets
        let mut talk =
            Talk { at: Timestamp(1), client: &mut client, server: &mut server, server_port: 443, from_start: true };
        assert_eq!(tls.listen(&mut talk, &mut said), Interest::More);
        let rest = [&[0xEE; 11][..], &record(22, &certificate(LEAF))].concat();
        talk.server.segment(50, &rest[..11], 0); // the end of what was cut
        assert_eq!(tls.listen(&mut talk, &mut said), Interest::More);
        talk.server.segment(61, &rest[11..], 0);
        assert_eq!(tls.listen(&mut talk, &mut said), Interest::Done);
        assert!(facts(&heard).contains(&LEAF_ENDS));
    }

    fn testing_said(out: &mut dyn FnMut(super::super::Observation)) -> Said<'_> {
        use super::super::End;
        use auscult_report::subject::{HostId, Transport};
        use auscult_report::zone::Zone;
        let end = End {
            host: HostId(1),
            zone: Zone::SameSegment,
            address: [192, 168, 20, 1].into(),
            port: 443,
            passage: crate::detect::Passage::Plain,
        };
        Said { at: Timestamp(1), transport: Transport::Tcp, server: end, client: end, key: 7, out }
    }

    #[test]
    fn no_name_leaves() {
        let flight = record(22, &[server_hello([3, 3], 0xC02F, &[]), certificate(WEAK)].concat());
        let heard = hear(&TLS, 443, 50, &[Client(&client_hello("doe-john.zzcanary.example")), Server(&flight)]);
        let text = format!("{heard:?}").to_ascii_lowercase();
        assert!(!heard.is_empty() && !text.contains("canary") && !text.contains("john"));
    }

    #[test]
    fn no_mutation_panics_or_goes_on_for_ever() {
        let flight = [server_hello([3, 3], 0xC02F, &[]), certificate(LEAF), DONE.to_vec()].concat();
        let sound = [client_hello("portal.example"), record(22, &flight), record(20, &[1]), record(23, &[7; 60])];
        let mut seed = 0x9E37_79B9_7F4A_7C15u64;
        for round in 0..3000usize {
            let mut sides = [sound[0].clone(), sound[1..].concat()];
            for side in &mut sides {
                for _ in 0..round % 5 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    // The first eleven octets stay: else nobody would listen.
                    let place = 11 + (seed >> 8) as usize % (side.len() - 11);
                    side[place] = seed as u8;
                }
            }
            let says: [Says<'_>; 2] = [Client(&sides[0]), Server(&sides[1])];
            assert!(hear(&TLS, 443, 1 + round % 97, &says).len() < 16);
        }
    }
}
