//! Who hands out addresses and names: DHCP (RFC 2131), DNS (RFC 1035), multicast DNS (RFC 6762), LLMNR (RFC 4795), and
//! who announces itself by SSDP.
//!
//! Keeps: that a host answers, its software where it is in the list, the kind of a client. Drops: every name that
//! anybody asked for, got or has; addresses are left to [`super::leases`].

use super::announce::{self, SSDP_PORT};
use super::leases::client;
use super::{Datagram, DatagramDetector, Ears, Said};
use crate::wire::dhcp::{self, Kind};
use crate::wire::dns::{Message, Section};
use crate::wire::text::begins;
use auscult_report::fact::{Fact, Protocol, SignPlace, Software, SoftwarePlace, SystemFamily, SystemSign};
use auscult_report::product::Product;
use auscult_report::version::Version;
use auscult_report::zone::Zone;
use core::net::IpAddr;

/// DHCP over IPv4.
pub const DHCP: DatagramDetector = DatagramDetector {
    name: "dhcp",
    version: 1,
    hears: "Offers, acknowledgements and refusals of a DHCP server make it a service on port 67. What a client says about \
            itself (options 60 and 55) tells its kind and sometimes its system; programs can write any class there, so \
            it is one sign of several. Host names and client identifiers are never read.",
    ports: &[67, 68],
    listen: dhcp,
};

/// DNS over UDP.
pub const DNS: DatagramDetector = DatagramDetector {
    name: "dns",
    version: 2,
    hears: "Answers from port 53 that are whole DNS messages make a host a name server; the answer to version.bind tells \
            its software, unless its owner wrote something else there. Whether it looks names up for strangers is heard too. \
            Long names of one domain are counted by their hash, to hear data that is carried out in them, but not those of known \
            filters of mail and viruses; no name is kept.",
    ports: &[53],
    listen: dns,
};

/// Multicast DNS.
pub const MDNS: DatagramDetector = DatagramDetector {
    name: "mdns",
    version: 1,
    hears: "A host that sends answers from port 5353 announces services; printers and cameras are told by the types of \
            their services. A router that repeats the announcements of another network looks as if they were its own.",
    ports: &[5353],
    listen: mdns,
};

/// Link-local multicast name resolution.
pub const LLMNR: DatagramDetector = DatagramDetector {
    name: "llmnr",
    version: 1,
    hears: "Answers from port 5355: the host says its own name to its neighbours. Questions alone say nothing.",
    ports: &[5355],
    listen: llmnr,
};

/// Simple service discovery.
pub const SSDP: DatagramDetector = DatagramDetector {
    name: "ssdp",
    version: 1,
    hears: "Announcements to port 1900 and answers from it. The SERVER field tells Windows and some routers by version; \
            libraries write constants there, so it is one sign of several. Searches say nothing.",
    ports: &[SSDP_PORT],
    listen: announce::ssdp,
};

fn dhcp(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = dhcp::Message::read(datagram.payload) else { return false };
    let Some(kind) = message.options.kind else { return false };
    if message.is_from_server() {
        if datagram.source_port == 67 && matches!(kind, Kind::Offer | Kind::Ack | Kind::Nak) {
            let mut said = from_server(ears);
            said.protocol(Protocol::Dhcp);
            said.answered();
        }
    } else if message.relay.is_unspecified() && !ears.source.address.is_unspecified() {
        // Only then is the sender the client itself, and has an address to speak about.
        let facts = client(message.options.vendor_class, message.options.parameters);
        let mut said = ears.from_client();
        facts.iter().for_each(|f| said.client_host(f));
    }
    true
}

fn dns(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    let whole = datagram.cut || message.flags.is_truncated() || message.is_whole();
    if !whole || message.questions > 1 || message.announced() == 0 {
        return false;
    }
    if !message.flags.is_response() && datagram.destination_port == 53 {
        asked(&message, &mut ears.from_client());
    }
    if !message.flags.is_response() || datagram.source_port != 53 {
        return true;
    }
    let mut said = from_server(ears);
    said.protocol(Protocol::Dns);
    if message.flags.response_code() == REFUSED {
        said.service(Fact::Refused);
        return true;
    }
    said.answered();
    let flags = message.flags;
    if flags.offers_recursion() && !flags.is_authoritative() && flags.response_code() == 0 && message.answers > 0 {
        said.service(Fact::DnsRecursed);
    }
    let version = message.records().find(|r| {
        r.section == Section::Answer && (r.kind, r.class) == (TXT, CHAOS) && VERSION_NAMES.iter().any(|n| r.owner.is(n))
    });
    if let Some(text) = version.and_then(|r| r.strings().next()) {
        version_bind(text, &mut said);
    }
    true
}

/// A host asks for a name with a long label: one of a thousand under one domain carries data out.
fn asked(message: &Message<'_>, said: &mut Said<'_>) {
    let Some(question) = message.records().find(|r| r.section == Section::Question) else { return };
    let (mut name, mut longest) = ([0u8; MAX_NAME], 0);
    let mut length = 0usize;
    for label in question.owner.labels() {
        longest = label.len().max(longest);
        for octet in label {
            if let Some(place) = name.get_mut(length) {
                *place = octet.to_ascii_lowercase();
            }
            length = length.saturating_add(1);
        }
    }
    if longest < LONG_LABEL {
        return;
    }
    let [_, second, first] = question.owner.last_three();
    if FILTERS.iter().any(|filter| filter.iter().zip([second, first]).all(|(f, label)| label.eq_ignore_ascii_case(f))) {
        return;
    }
    let domain = [second, first].concat().to_ascii_lowercase();
    said.client_of_many(Fact::NameTunnel, &domain, name.get(..length).unwrap_or(&name), MOST_LONG_NAMES);
}

fn mdns(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    if message.announced() == 0 || !(datagram.cut || message.is_whole()) {
        return false;
    }
    if datagram.source_port == 5353 && message.flags.is_response() && message.answers > 0 {
        let unicast = !is_to_many(ears.destination.address);
        let mut said = ears.from_server();
        said.protocol(Protocol::Mdns);
        if unicast {
            said.answered();
        }
        announce::equipment(&message, &mut said);
    }
    true
}

fn llmnr(datagram: &Datagram<'_>, ears: &mut Ears<'_>) -> bool {
    let Ok(message) = Message::read(datagram.payload) else { return false };
    // RFC 4795 section 2.1.1: one question, always.
    if message.questions != 1 || message.flags.opcode() != 0 || !(datagram.cut || message.is_whole()) {
        return false;
    }
    if datagram.source_port == 5355 && message.flags.is_response() {
        let mut said = from_server(ears);
        said.protocol(Protocol::Llmnr);
        said.answered();
    }
    true
}

/// Octets of a name (RFC 1035 2.3.4).
const MAX_NAME: usize = 255;

/// A label of so many octets is no word that a person chose.
const LONG_LABEL: usize = 24;

/// Long names under one domain within an hour that are usual (`dns.unusual_volume`).
const MOST_LONG_NAMES: u16 = 1_000;

/// Domains in whose names programs against viruses and unwanted mail ask for what they found (makers' documentation): long by design.
const FILTERS: &[[&[u8]; 2]] = &[
    [b"sophosxl", b"net"],
    [b"mcafee", b"com"],
    [b"trendmicro", b"com"],
    [b"e5", b"sk"],
    [b"cymru", b"com"],
    [b"spamhaus", b"net"],
    [b"spamhaus", b"org"],
    [b"surbl", b"org"],
    [b"uribl", b"com"],
    [b"senderbase", b"org"],
];

/// As [`Ears::from_server`]; an answer to everybody was given to the sender's neighbours, wherever that address seems
/// to belong.
fn from_server<'e>(ears: &'e mut Ears<'_>) -> Said<'e> {
    let mut said = ears.from_server();
    if is_to_many(said.client.address) {
        said.client.zone = match said.server.zone {
            Zone::Outside => Zone::OtherPrivate,
            zone => zone,
        };
    }
    said
}

fn is_to_many(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(a) if a.is_broadcast())
}

/// What a name server calls itself: `dnsmasq-2.90`, `9.18.49-1~deb12u3-Debian`, `unbound 1.17.1`.
fn version_bind(text: &[u8], said: &mut Said<'_>) {
    let rest = |prefix: &[u8]| begins(text, prefix).then(|| text.get(prefix.len()..)).flatten();
    let (name, version, revision) = if let Some(rest) = rest(b"dnsmasq-") {
        let rest = rest.strip_prefix(b"pi-hole-").unwrap_or(rest);
        ("dnsmasq", Version::leading(rest.strip_prefix(b"v").unwrap_or(rest)), None)
    } else if let Some(rest) = rest(b"unbound") {
        ("Unbound", Version::leading(rest.trim_ascii_start()), None)
    } else if let Some(rest) = rest(b"Microsoft DNS ") {
        let version = Version::leading(rest);
        let [major, minor, build, _] = version.map_or([0; 4], |v| v.numbers());
        if let (Ok(major), Ok(minor), true) = (u8::try_from(major), u8::try_from(minor), major > 0) {
            let (place, family) = (SignPlace::DnsVersion, SystemFamily::Windows);
            said.server_host(Fact::System(SystemSign { place, family, major, minor, build }));
        }
        ("Windows", version, None)
    } else {
        let text = rest(b"BIND ").unwrap_or(text);
        if !matches!(text, [b'8' | b'9', b'.', b'0'..=b'9', ..]) {
            return;
        }
        let (version, revision) = bind(text);
        ("BIND", version, revision)
    };
    if let Some(product) = Product::named(name) {
        said.service(Fact::Software(Software { product, version, revision, place: SoftwarePlace::Txt }));
    }
}

/// BIND's version and its distribution's revision: `9.11.5-P4-5.1+deb10u1-Debian`, `9.9.4-RedHat-9.9.4-38.el7_3.3`.
fn bind(text: &[u8]) -> (Option<Version>, Option<Version>) {
    let mut parts = text.split(|o| *o == b'-').take(MAX_PARTS).peekable();
    let mut version_len = parts.next().map_or(0, <[u8]>::len);
    // Patch levels (P4), supported previews (S1) and extended support versions (ESV, R11) belong to the version.
    while let Some(part) = parts.next_if(|p| matches!(p, [b'P' | b'R' | b'S' | b'W', b'0'..=b'9', ..])) {
        version_len = version_len.saturating_add(1).saturating_add(part.len());
    }
    if parts.next_if(|p| *p == b"RedHat").is_some() {
        // It says its version again.
        parts.next();
    }
    let revision = parts.next().filter(|p| p.first().is_some_and(u8::is_ascii_digit)).and_then(Version::leading);
    (text.get(..version_len).and_then(Version::leading), revision)
}

/// Parts of BIND's version between `-`: Ubuntu's longest has six.
const MAX_PARTS: usize = 8;
/// RCODE 5 (RFC 1035 section 4.1.1).
const REFUSED: u16 = 5;
/// Record type TXT.
const TXT: u16 = 16;
/// Class CHAOS.
const CHAOS: u16 = 3;
/// The names under which a server tells its version.
const VERSION_NAMES: &[&[&[u8]]] = &[&[b"version", b"bind"], &[b"version", b"server"]];

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, hear_datagram};
    use super::*;
    use crate::wire::dhcp::testing::{message as dhcp_message, option};
    use crate::wire::dns::testing::{message, question, record, txt};
    use auscult_report::fact::DhcpClass;
    use auscult_report::subject::{HostId, Subject, Transport};

    #[test]
    fn a_server_that_acknowledges_is_a_service() {
        let ack = dhcp_message(2, [0; 4], [192, 168, 20, 134], &[&option(53, &[5]), &option(12, b"zzcanarys-iphone")]);
        let heard = hear_datagram(&DHCP, 67, 68, &ack);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Dhcp), Fact::Answered]);
        assert_eq!(heard[0].subject, Subject::Service(HostId(1), Transport::Udp, 67));
        assert!(!format!("{heard:?}").contains("zzcanary"));
    }

    #[test]
    fn a_client_that_has_its_address_tells_its_kind() {
        let mut inform = dhcp_message(1, [192, 168, 20, 1], [0; 4], &[&option(53, &[8]), &option(60, b"MSFT 5.0")]);
        let heard = hear_datagram(&DHCP, 68, 67, &inform);
        assert!(facts(&heard).contains(&Fact::DhcpClass(DhcpClass::Windows)));
        assert_eq!(heard[0].subject, Subject::Host(HostId(1)));
        // Passed on by a relay, the sender is the relay.
        inform[24..28].copy_from_slice(&[192, 168, 30, 1]); // giaddr
        assert!(hear_datagram(&DHCP, 67, 67, &inform).is_empty());
    }

    #[test]
    fn an_answer_to_everybody_was_given_to_the_neighbours() {
        let nak = dhcp_message(2, [0; 4], [0; 4], &[&option(53, &[6])]);
        let end = |address: [u8; 4], zone| crate::detect::End {
            host: HostId(1),
            zone,
            address: address.into(),
            port: 67,
            passage: crate::detect::Passage::Plain,
        };
        let mut heard = Vec::new();
        let mut out = |o| heard.push(o);
        let mut ears = Ears {
            at: auscult_report::time::Timestamp(1),
            source: end([192, 168, 20, 2], Zone::Guest),
            destination: end([255, 255, 255, 255], Zone::Outside),
            key: 7,
            kept: &mut crate::detect::kept::Kept::default(),
            out: &mut out,
        };
        let at = auscult_report::time::Timestamp(1);
        let datagram = Datagram { at, source_port: 67, destination_port: 68, payload: &nak, cut: false };
        assert!((DHCP.listen)(&datagram, &mut ears));
        assert_eq!(heard[1].zone, Some(Zone::Guest));
        assert_eq!(heard.len(), 2);
    }

    fn version_answer(text: &str) -> Vec<u8> {
        message(
            0x8580, // response, authoritative, recursion
            [1, 1, 0, 0],
            &[&question("version/bind", 16, 3), &record("version/bind", 16, 3, &txt(&[text]))],
        )
    }

    fn software(text: &str) -> Option<(&'static str, String, String)> {
        facts(&hear_datagram(&DNS, 53, 40000, &version_answer(text))).into_iter().find_map(|f| match f {
            Fact::Software(s) => Some((
                s.product.name(),
                s.version.map(|v| v.to_string()).unwrap_or_default(),
                s.revision.map(|v| v.to_string()).unwrap_or_default(),
            )),
            _ => None,
        })
    }

    #[test]
    fn a_name_server_tells_its_software() {
        for (text, product, version, revision) in [
            ("dnsmasq-2.90", "dnsmasq", "2.90", ""),
            ("dnsmasq-pi-hole-v2.90+1", "dnsmasq", "2.90+1", ""),
            ("dnsmasq-UNKNOWN", "dnsmasq", "", ""),
            ("unbound 1.17.1", "Unbound", "1.17.1", ""),
            ("9.18.49-1~deb12u3-Debian", "BIND", "9.18.49", "1~deb12u3"),
            ("9.11.5-P4-5.1+deb10u1-Debian", "BIND", "9.11.5-P4", "5.1+deb10u1"),
            ("9.9.4-RedHat-9.9.4-38.el7_3.3", "BIND", "9.9.4", "38.el7_3.3"),
            ("9.10.3-P4-Ubuntu", "BIND", "9.10.3-P4", ""),
            ("BIND 8.2.2-P5", "BIND", "8.2.2-P5", ""),
            ("Microsoft DNS 6.1.7601 (1DB15CD4)", "Windows", "6.1.7601", ""),
        ] {
            assert_eq!(software(text), Some((product, version.into(), revision.into())), "{text}");
        }
        for text in ["none", "ZZCANARY", "served by Dr John", "", "19010203"] {
            assert_eq!(software(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_that_was_asked_for_is_never_said() {
        let answer = message(
            0x8180, // response, recursion
            [1, 1, 0, 0],
            &[&question("zzcanary/example", 16, 1), &record("zzcanary/example", 16, 1, &txt(&["dnsmasq-2.90"]))],
        );
        let heard = hear_datagram(&DNS, 53, 40000, &answer);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Dns), Fact::Answered, Fact::DnsRecursed]);
        assert!(!format!("{heard:?}").contains("zzcanary"));
    }

    #[test]
    fn a_refusal_is_no_answer_and_a_question_is_nothing() {
        let refused = message(0x8185, [1, 0, 0, 0], &[&question("a/example", 1, 1)]);
        assert_eq!(facts(&hear_datagram(&DNS, 53, 40000, &refused)), [Fact::Protocol(Protocol::Dns), Fact::Refused]);
        let asked = message(0x0100, [1, 0, 0, 0], &[&question("a/example", 1, 1)]);
        assert!(hear_datagram(&DNS, 40000, 53, &asked).is_empty());
        assert!(hear_datagram(&DNS, 53, 40000, &[0xa5; 300]).is_empty());
    }

    #[test]
    fn announcements_are_not_answers() {
        let announced = message(0x8400, [0, 1, 0, 0], &[&record("zzcanary/local", 1, 0x8001, &[192, 168, 20, 1])]);
        let heard = hear_datagram(&MDNS, 5353, 5353, &announced);
        // The test's destination is one host, so it is an answer here.
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Mdns), Fact::Answered]);
        let asked = message(0x0000, [1, 0, 0, 0], &[&question("_ipp/_tcp/local", 12, 1)]);
        assert!(hear_datagram(&MDNS, 5353, 5353, &asked).is_empty());
    }

    #[test]
    fn a_neighbour_that_says_its_name_speaks_llmnr() {
        let answer = message(
            0x8000, // response
            [1, 1, 0, 0],
            &[&question("zzcanary", 1, 1), &record("zzcanary", 1, 1, &[192, 168, 20, 1])],
        );
        let heard = hear_datagram(&LLMNR, 5355, 40000, &answer);
        assert_eq!(facts(&heard), [Fact::Protocol(Protocol::Llmnr), Fact::Answered]);
    }

    #[test]
    fn any_octets_at_all_are_heard_without_a_panic() {
        let samples = [
            version_answer("9.18.49-1~deb12u3-Debian"),
            dhcp_message(1, [1; 4], [0; 4], &[&option(53, &[8]), &option(60, b"dhcpcd-9.4.1:Linux-5.10")]),
            b"HTTP/1.1 200 OK\r\nST: a:device:Printer:1\r\nSERVER: Linux/3.4 MiniUPnPd/1.6\r\n\r\n".to_vec(),
        ];
        let mut seed = 0x1234_5678_9abc_def1_u64;
        for round in 0..15_000 {
            let mut octets = samples[round % 3].clone();
            for _ in 0..4 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = seed as usize % octets.len();
                octets[at] = (seed >> 32) as u8;
                octets.truncate(octets.len() - (seed >> 40) as usize % 3);
            }
            for (detector, port) in [(&DHCP, 67), (&DNS, 53), (&MDNS, 5353), (&LLMNR, 5355), (&SSDP, 1900)] {
                hear_datagram(detector, port, port, &octets);
            }
        }
    }
}
