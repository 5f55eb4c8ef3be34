//! Conversations, datagrams, announcements of the air and certificates, octet by octet, each as short as its standard allows: what
//! the stories of the catalogue are told with.

use crate::frames::{AIR, Recording};
use base64ct::{Base64, Encoding};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// One side says something.
pub enum Says<'a> {
    /// The client.
    C(&'a [u8]),
    /// The server.
    S(&'a [u8]),
}

/// An address and a port.
pub type Place = ([u8; 4], u16);

/// One conversation over TCP, as a capture.
#[must_use]
pub fn spoken(client: Place, server: Place, says: &[Says<'_>]) -> Vec<u8> {
    let mut recording = Recording::new();
    speak(&mut recording, client, server, says);
    recording.octets().to_vec()
}

/// The same, into a recording.
pub fn speak(recording: &mut Recording, client: Place, server: Place, says: &[Says<'_>]) {
    let mut call = recording.call(client, server);
    for say in says {
        match say {
            Says::C(octets) => recording.client(&mut call, octets),
            Says::S(octets) => recording.server(&mut call, octets),
        }
    }
    recording.end(&call);
}

/// A request and its answer over HTTP/1.1; `more` are further lines of the request, each with its end.
pub fn ask(recording: &mut Recording, client: Place, server: Place, target: &str, more: &str, answer: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: 198.51.100.1\r\n{more}\r\n");
    speak(recording, client, server, &[Says::C(request.as_bytes()), Says::S(answer.as_bytes())]);
}

/// An Ethernet frame with an IPv4 packet with a datagram (RFC 768).
#[must_use]
pub fn datagram(from: Place, to: Place, payload: &[u8]) -> Vec<u8> {
    let hardware = |[a, b, c, d]: [u8; 4]| [0x00, 0x1e, a, b, c, d];
    let mut o = [hardware(to.0), hardware(from.0)].concat(); // destination, source
    o.extend([0x08, 0x00, 0x45, 0x00]); // IPv4, header of 20 octets
    o.extend(u16::try_from(payload.len() + 28).unwrap().to_be_bytes()); // total length
    o.extend([0, 0, 0x40, 0, 64, 17, 0, 0]); // do not fragment; time to live; UDP; checksum, not looked at
    o.extend([from.0, to.0].concat());
    o.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    o.extend(u16::try_from(payload.len() + 8).unwrap().to_be_bytes());
    o.extend([0, 0]); // no checksum
    o.extend(payload);
    o
}

/// Datagrams, a second apart.
#[must_use]
pub fn datagrams(all: &[(Place, Place, &[u8])]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (from, to, payload) in all {
        recording.frame(&datagram(*from, *to, payload));
    }
    recording.octets().to_vec()
}

/// A DNS message (RFC 1035 4.1) with these flags, counts of its four parts and those parts.
#[must_use]
pub fn dns(flags: u16, counts: [u16; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    let mut o = vec![0x06, 0x1e]; // id
    o.extend(flags.to_be_bytes());
    counts.iter().for_each(|n| o.extend(n.to_be_bytes()));
    o.extend(parts.concat());
    o
}

/// A name of these labels, joined by `.`.
#[must_use]
pub fn name(labels: &str) -> Vec<u8> {
    let mut o = Vec::new();
    for label in labels.split('.').filter(|l| !l.is_empty()) {
        o.push(u8::try_from(label.len()).unwrap());
        o.extend(label.as_bytes());
    }
    o.push(0);
    o
}

/// A question of class Internet.
#[must_use]
pub fn question(labels: &str, kind: u16) -> Vec<u8> {
    [&name(labels)[..], &kind.to_be_bytes(), &[0, 1]].concat()
}

/// A record of class Internet that lives 120 seconds.
#[must_use]
pub fn record(labels: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [&name(labels)[..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 120], &length, data].concat()
}

/// A beacon of an access point, as often as asked: each a second after the one before (IEEE 802.11-2020 9.3.3.2).
pub fn beacons(recording: &mut Recording, times: u16, bssid: [u8; 6], ssid: &str, elements: &[u8]) {
    for n in 0..times {
        let mut o = vec![0x80, 0, 0, 0]; // beacon; duration
        o.extend([[0xff; 6], bssid, bssid].concat()); // to all; from; network
        o.extend((n << 4).to_le_bytes()); // number
        o.extend([0; 8]); // clock of the access point
        o.extend([100, 0]); // every 100 time units
        let is_private = elements.first() == Some(&RSN);
        o.extend(if is_private { [0x11, 0] } else { [0x01, 0] }); // access point; privacy
        o.extend([0, u8::try_from(ssid.len()).unwrap()]);
        o.extend(ssid.as_bytes());
        o.extend([1, 4, 0x82, 0x84, 0x8b, 0x96]); // rates
        o.extend([3, 1, 6]); // channel 6
        o.extend(elements);
        recording.frame(&o);
    }
}

/// A network that announces itself a dozen times.
#[must_use]
pub fn network(bssid: [u8; 6], ssid: &str, elements: &[u8]) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, bssid, ssid, elements);
    recording.octets().to_vec()
}

/// RSN (9.4.2.24) with CCMP, one way of agreeing on keys and these capabilities.
#[must_use]
pub fn rsn(keys: u8, capabilities: u8) -> Vec<u8> {
    let suite = |kind| [0x00, 0x0f, 0xac, kind];
    let mut o = vec![RSN, 20, 1, 0]; // element, length, version
    o.extend(suite(4)); // for all: CCMP
    o.extend([&[1, 0][..], &suite(4)].concat()); // for each: CCMP
    o.extend([&[1, 0][..], &suite(keys)].concat());
    o.extend([capabilities, 0]);
    o
}

/// A deauthentication (9.3.3.12) to a station, or to all.
#[must_use]
pub fn farewell(bssid: [u8; 6], to: [u8; 6], number: u16) -> Vec<u8> {
    let mut o = vec![0xc0, 0, 0, 0]; // deauthentication; duration
    o.extend([to, bssid, bssid].concat());
    o.extend((number << 4).to_le_bytes());
    o.extend([7, 0]); // reason: not associated
    o
}

/// A basic identity (RFC 7617) as a line of a request.
#[must_use]
pub fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", Base64::encode_string(pair.as_bytes()))
}

/// NTLM's challenge (MS-NLMP 2.2.1.2) of a Windows with these numbers, as HTTP carries it: an answer that asks for a login.
#[must_use]
pub fn ntlm_challenge(major: u8, minor: u8, build: u16) -> String {
    let mut o = b"NTLMSSP\0\x02\0\0\0".to_vec();
    o.extend([0, 0, 0, 0, 56, 0, 0, 0]); // target name: length, allocated, offset
    o.extend(0x6289_8215u32.to_le_bytes()); // flags
    o.extend([1, 2, 3, 4, 5, 6, 7, 8]); // server challenge
    o.extend([0; 16]); // reserved, target info
    o.extend([major, minor]);
    o.extend(build.to_le_bytes());
    o.extend([0, 0, 0, 15]); // revision
    let challenge = Base64::encode_string(&o);
    format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM {challenge}\r\nContent-Length: 0\r\n\r\n")
}

/// A TLS 1.2 handshake in which a client asks for a name, or for none, and the server shows a certificate (RFC 5246 7.4).
#[must_use]
pub fn handshake(asked: &str, suite: u16, certificate: &[u8]) -> (Vec<u8>, Vec<u8>) {
    handshake_of(asked, (3, suite), &[certificate])
}

/// The same, where the server chooses a version (3, `minor`) and shows a chain of certificates, its own first.
#[must_use]
pub fn handshake_of(asked: &str, (minor, suite): (u8, u16), chain: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
    let sni = [&[0, 0][..], &counted(2, &counted(2, &[&[0][..], &counted(2, asked.as_bytes())].concat()))].concat();
    let extensions = if asked.is_empty() { Vec::new() } else { counted(2, &sni) };
    let hello = [&[3, 3][..], &[0x11; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0], &extensions].concat(); // random; no session; one suite
    let chosen = [&[3, minor][..], &[0x22; 32], &[0], &suite.to_be_bytes(), &[0]].concat(); // random; no session; no compression
    let chain = counted(3, &chain.iter().map(|certificate| counted(3, certificate)).collect::<Vec<_>>().concat());
    let message = |kind: u8, body: &[u8]| [&[kind][..], &counted(3, body)].concat();
    let record = |fragment: &[u8]| [&[22, 3, minor][..], &counted(2, fragment)].concat();
    let flight = [message(2, &chosen), message(11, &chain), message(14, &[])].concat();
    (record(&message(1, &hello)), record(&flight))
}

/// Octets with their length before them.
fn counted(octets: usize, body: &[u8]) -> Vec<u8> {
    let length = u64::try_from(body.len()).unwrap().to_be_bytes();
    [&length[8 - octets..], body].concat()
}

/// A certificate for a name, of an authority, that ends at the beginning of a day.
#[must_use]
pub fn certificate(dns_name: &str, (year, month, day): (i32, u8, u8)) -> Vec<u8> {
    let (key, issuer_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(vec![dns_name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(year, month, day));
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Clinic North authority");
    params.signed_by(&key, &Issuer::from_params(&authority, &issuer_key)).unwrap().der().to_vec()
}

/// A certificate that its server made itself, for a name.
#[must_use]
pub fn self_made(dns_name: &str) -> Vec<u8> {
    let mut params = CertificateParams::new(vec![dns_name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2028, 1, 1));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

/// The same certificate, as if it had been signed with SHA-1: ecdsa-with-SHA1 (RFC 3279 2.2.3) in place of ecdsa-with-SHA256.
#[must_use]
pub fn with_sha1(certificate: &[u8]) -> Vec<u8> {
    let modern = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let old = [0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
    let (mut o, mut rest) = (Vec::new(), certificate);
    while let Some((first, more)) = rest.split_first() {
        if let Some(more) = rest.strip_prefix(&modern[..]) {
            o.extend(old);
            rest = more;
        } else {
            o.push(*first);
            rest = more;
        }
    }
    // An octet less in what is signed, and another one behind it.
    for (at, less) in [(2, 2), (6, 1)] {
        let length = u16::from_be_bytes([o[at], o[at + 1]]) - less;
        o[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    o
}

/// LDAP (RFC 4511 4.1.1): a message with one operation.
#[must_use]
pub fn ldap(tag: u8, inner: &[u8]) -> Vec<u8> {
    let mut o = vec![0x30, u8::try_from(inner.len() + 5).unwrap(), 2, 1, 7, tag, u8::try_from(inner.len()).unwrap()];
    o.extend(inner);
    o
}

/// A simple bind of version 3 with a name and a password.
#[must_use]
pub fn bind(who: &[u8], password: &[u8]) -> Vec<u8> {
    let short = |tag: u8, octets: &[u8]| [&[tag, u8::try_from(octets.len()).unwrap()][..], octets].concat();
    ldap(0x60, &[vec![2, 1, 3], short(4, who), short(0x80, password)].concat())
}

/// An answer of NetBIOS that a name is at an address (RFC 1002 4.2.13).
#[must_use]
pub fn netbios_answer(owner: &str, address: [u8; 4]) -> Vec<u8> {
    let padded = format!("{owner:15}\0");
    let mut coded = vec![0x20];
    coded.extend(padded.bytes().flat_map(|o| [b'A' + (o >> 4), b'A' + (o & 15)]));
    coded.push(0);
    let mut o = vec![0, 1, 0x85, 0x00, 0, 0, 0, 1, 0, 0, 0, 0]; // id; answer, authoritative; one answer
    o.extend(coded);
    o.extend([0, 0x20, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0]); // NB, Internet, no time; 6 octets: a name of one host
    o.extend(address);
    o
}

/// The element of a robust security network (9.4.2.24).
const RSN: u8 = 48;
