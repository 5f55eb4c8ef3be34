//! The octets of the catalogue's stories: conversations of a clinic's servers and devices, each with what may be told otherwise as an
//! argument, so that a finding and its harmless twin differ in nothing else.

use crate::frames::{AIR, Recording};
use crate::imaging::{Association, ECHO, PLAIN, associate};
use crate::octets::Says::{C, S};
use crate::octets::{
    ask, basic, beacons, certificate, datagram, datagrams, dns, farewell, handshake, ldap, name, netbios_answer,
    question, record, rsn, speak, spoken,
};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, STRANGER, browse, locked, ok};
use crate::watched::Place;

/// The clinic's access point, its name, and somebody else's access point.
pub const OWN: [u8; 6] = [0x04, 0x18, 0xd6, 0x20, 0x02, 0x01];
pub const NAME: &str = "Clinic-North";
pub const TWIN: [u8; 6] = [0x00, 0x1d, 0x7e, 0x20, 0x01, 0x07];

/// Ways of agreeing on keys (IEEE 802.11-2020, table 9-151).
pub const PSK: u8 = 2;
pub const SAE: u8 = 8;

/// A request for an image (PS3.18 9.1), and something that is long enough to be one.
pub const WADO: &str =
    "/wado?requestType=WADO&studyUID=1.2.3&seriesUID=1.2.3.4&objectUID=1.2.3.4.5&contentType=application%2Fdicom";
pub const IMAGE: &str = "an image that is longer than an empty answer would be, as every image is, and says nothing";

/// Heard by a radio at the clinic.
pub fn air(octets: Vec<u8>) -> Tale {
    let own_bssids = vec!["04:18:d6:20:02:01".to_owned()];
    Tale::at(Place { own_bssids, own_ssids: vec![NAME.to_owned()], ..Place::built() }, octets)
}

/// The clinic's network, and another of its name.
pub fn twins(other: [u8; 6], elements: &[u8]) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, OWN, NAME, &rsn(PSK, 0));
    beacons(&mut recording, 12, other, NAME, elements);
    recording.octets().to_vec()
}

/// So many farewells within a second, after the network announced itself.
pub fn farewells(times: u16, to: [u8; 6]) -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, OWN, NAME, &rsn(PSK, 0));
    for n in 0..times {
        recording.set_clock(1_795_000_100);
        recording.frame(&farewell(OWN, to, n));
    }
    recording.octets().to_vec()
}

/// A clinical network, and the one that `GUEST` is in.
pub fn wards(of_the_guest: &str) -> Place {
    Place::default().zone("192.168.20.0/24", "clinical").zone("192.168.30.0/24", of_the_guest)
}

/// One caller, several titles.
pub fn called(titles: &[&str]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, called) in (49_220..).zip(titles) {
        let echo = Association { called, class: ECHO, ..PLAIN };
        associate(&mut recording, (DEVICE, port), (SERVER, 104), &echo);
    }
    recording.octets().to_vec()
}

/// A request with a name and a password, and its answer.
pub fn login(pair: &str, answer: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    ask(&mut recording, (DEVICE, 49_230), (SERVER, 80), "/", &basic(pair), answer);
    recording.octets().to_vec()
}

/// An interface engine tells its version to who asks as its own page does.
pub fn engine(version: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let more = "X-Requested-With: OpenAPI\r\n";
    let answer = ok("text/plain", "", version);
    ask(&mut recording, (DEVICE, 49_231), (SERVER, 8443), "/api/server/version", more, &answer);
    recording.octets().to_vec()
}

/// A page of a server, heard on 2026-06-01.
pub fn in_june(answer: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    recording.set_clock(1_780_300_800);
    ask(&mut recording, (DEVICE, 49_232), (SERVER, 80), "/", "", answer);
    recording.octets().to_vec()
}

/// A page that nobody set up.
pub fn nginx() -> String {
    ok("text/html", "", "<html><title>Welcome to nginx!</title></html>")
}

/// A page that shows the inside of a program.
pub fn traceback() -> String {
    let body = "<pre>Traceback (most recent call last):\n  File \"app.py\", line 3</pre>";
    format!(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A stranger asks for a name and is shown a certificate for another, or the same.
pub fn shows(asked: &str, suite: u16, named: &str, ends: (i32, u8, u8)) -> Vec<u8> {
    let (client, server) = handshake(asked, suite, &certificate(named, ends));
    spoken((STRANGER, 49_240), (SERVER, 443), &[C(&client), S(&server)])
}

/// A login at PostgreSQL (55.2.1), with the proof that the server asks for.
pub fn postgres_login(proof: &[u8]) -> Vec<u8> {
    let message =
        |kind: &[u8], body: &[u8]| [kind, &u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body].concat();
    let begin = message(b"", b"\0\x03\0\0user\0clinic\0\0");
    let (asks, word, lets_in) = (message(b"R", proof), message(b"p", b"word\0"), message(b"R", &[0, 0, 0, 0]));
    spoken((DEVICE, 49_241), (SERVER, 5432), &[C(&begin), S(&asks), C(&word), S(&lets_in)])
}

/// A connection to RDP (MS-RDPBCGR 2.2.1.2), for which the server selects a security.
pub fn desktop(selected: u8) -> Vec<u8> {
    let request = [3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
    let confirm = [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, selected, 0, 0, 0];
    spoken((DEVICE, 49_242), (SERVER, 3389), &[C(&request), S(&confirm)])
}

/// A screen over RFB 3.8 (RFC 6143 7.1), with the types of security that it offers and the one that is chosen.
pub fn screen(offered: &[u8], chosen: u8) -> Vec<u8> {
    let says = [S(b"RFB 003.008\n"), C(b"RFB 003.008\n"), S(offered), C(&[chosen]), S(&[0, 0, 0, 0]), C(&[1])];
    spoken((DEVICE, 49_243), (SERVER, 5900), &says)
}

/// A search in a directory, and so many entries.
pub fn directory(bind: &[u8], entries: usize) -> Vec<u8> {
    let (done, search) = (ldap(0x61, &[10, 1, 0, 4, 0, 4, 0]), ldap(0x63, &[4, 0, 10, 1, 2, 10, 1, 0]));
    let entry = ldap(0x64, b"\x04\x04dc=x\x30\x00");
    let mut says = vec![C(bind), S(&done), C(&search)];
    says.extend((0..entries).map(|_| S(&entry)));
    spoken((DEVICE, 49_244), (SERVER, 389), &says)
}

/// A shell that greets so.
pub fn old_shell(greets: &str) -> Vec<u8> {
    spoken((DEVICE, 49_245), (SERVER, 22), &[S(greets.as_bytes()), C(greets.as_bytes())])
}

/// A host answers for these names.
pub fn answers_for(names: &[&str]) -> Vec<u8> {
    let all: Vec<Vec<u8>> = names.iter().map(|n| netbios_answer(n, SERVER)).collect();
    let sent: Vec<_> = all.iter().map(|o| ((SERVER, 137), (DEVICE, 137), &o[..])).collect();
    datagrams(&sent)
}

/// A mail server of an office that greets, and says what it can.
pub fn mail(can: &str) -> Vec<u8> {
    let says = [S(b"220 mail.example ESMTP\r\n"), C(b"EHLO copier\r\n"), S(can.as_bytes())];
    spoken((DEVICE, 49_246), (SERVER, 25), &says)
}

/// A mail server that greets so.
pub fn mail_of(greets: &str) -> Vec<u8> {
    let says = [S(greets.as_bytes()), C(b"EHLO copier\r\n"), S(b"250-mail.example\r\n250 STARTTLS\r\n")];
    spoken((DEVICE, 49_247), (SERVER, 25), &says)
}

/// A device of the clinic asks a server in the internet, and calls itself so.
pub fn calls_itself(agent: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let more = format!("User-Agent: {agent}\r\n");
    ask(&mut recording, (DEVICE, 49_248), (STRANGER, 80), "/", &more, &ok("text/html", "", "x"));
    recording.octets().to_vec()
}

/// A page of a server that calls itself so.
pub fn says_server(server: &str) -> Vec<u8> {
    browse(STRANGER, SERVER, &[("/", &ok("text/html", &format!("Server: {server}\r\n"), "x"))])
}

/// An answer that asks for a login.
pub fn closed() -> String {
    locked()
}

/// An analyser sends a result in frames (LIS1-A 6.3) to the clinic's server, or somebody does.
pub fn analyser(client: [u8; 4]) -> Vec<u8> {
    let frame = |number: u8, record: &str| {
        let body = [&[number][..], record.as_bytes(), b"\r\x03"].concat(); // record, end of text
        let sum = body.iter().fold(0u8, |n, o| n.wrapping_add(*o));
        [b"\x02", &body[..], format!("{sum:02X}\r\n").as_bytes()].concat()
    };
    let (head, patient) = (frame(b'1', "H|\\^&|||X^1|||||||P|1"), frame(b'2', "P|1"));
    let (result, end) = (frame(b'3', "R|1|^^^GLU|5.1|mmol/L"), frame(b'4', "L|1|N"));
    let mut says = vec![C(b"\x05"), S(b"\x06")]; // enquiry, acknowledged
    for octets in [&head, &patient, &result, &end] {
        says.extend([C(octets), S(b"\x06")]);
    }
    says.push(C(b"\x04")); // end
    spoken((client, 49_263), (SERVER, 4001), &says)
}

/// A camera describes its picture to who asks (RFC 2326 10.2).
pub fn camera(media: &str) -> Vec<u8> {
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 192.168.20.10\r\ns=x\r\nt=0 0\r\n{media}");
    let asks = "DESCRIBE rtsp://192.168.20.10/ RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n";
    let head = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n";
    let answers = format!("{head}Content-Length: {}\r\n\r\n{sdp}", sdp.len());
    spoken((DEVICE, 49_262), (SERVER, 554), &[C(asks.as_bytes()), S(answers.as_bytes())])
}

/// An Orthanc of this version describes itself.
pub fn orthanc(version: &str) -> Vec<u8> {
    let body = format!("{{\"DatabaseVersion\":6,\"DicomAet\":\"X\",\"Name\":\"X\",\"Version\":\"{version}\"}}");
    browse(DEVICE, SERVER, &[("/system", &ok("application/json", "", &body))])
}

/// A stranger takes so many different documents.
pub fn collector_of(documents: usize) -> Vec<u8> {
    let document = ok("application/pdf", "", "%PDF-1.7 a document of nobody, and long enough to be one of somebody");
    let paths: Vec<String> = (0..documents).map(|n| format!("/reports/{n}.pdf")).collect();
    let pages: Vec<(&str, &str)> = paths.iter().map(|p| (p.as_str(), document.as_str())).collect();
    browse(STRANGER, SERVER, &pages)
}

/// The clinic's name server looks a name up for somebody.
pub fn looked_up(client: [u8; 4]) -> Vec<u8> {
    let answer = dns(0x8180, [1, 1, 0, 0], &[question("www.example", 1), record("www.example", 1, &[198, 51, 100, 7])]);
    datagrams(&[((SERVER, 53), (client, 40_001), &answer)])
}

/// Somebody asks for all names of a zone (RFC 5936), and the server says this code.
pub fn zone_of(code: u16) -> Vec<u8> {
    let asked = question("clinic.example", 252);
    let host = record("a.clinic.example", 1, &[192, 168, 20, 1]);
    let records = if code == 0 { vec![asked.clone(), host.clone(), host.clone(), host] } else { vec![asked.clone()] };
    let count = u16::try_from(records.len() - 1).unwrap();
    let sized = |m: Vec<u8>| [&u16::try_from(m.len()).unwrap().to_be_bytes()[..], &m].concat();
    let (asks, answers) =
        (sized(dns(0, [1, 0, 0, 0], &[asked])), sized(dns(0x8400 | code, [1, count, 0, 0], &records)));
    spoken((DEVICE, 49_261), (SERVER, 53), &[C(&asks), S(&answers)])
}

/// A device asks for so many names that nobody chose, under one domain.
pub fn long_names(names: u32) -> Vec<u8> {
    long_names_under("c.tunnel.example", names)
}

/// The same under this domain; and the name server answers once, for another name.
pub fn long_names_under(domain: &str, names: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    for n in 0..names {
        let data = format!("{:032x}.{domain}", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
        let asks = dns(0x0100, [1, 0, 0, 0], &[question(&data, 16)]);
        recording.frame(&datagram((DEVICE, 40_002), (SERVER, 53), &asks));
    }
    let mut octets = recording.octets().to_vec();
    // The frames of a second capture behind those of the first.
    octets.extend(&looked_up(DEVICE)[24..]);
    octets
}

/// A router, by what it announces (UPnP 1.2.2), with a shell of this age.
pub fn router(shell: &str) -> Vec<u8> {
    let announces = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\
        NTS: ssdp:alive\r\nLOCATION: http://192.168.20.10:5000/r.xml\r\n\r\n";
    with_shell(announces, ([239, 255, 255, 250], 1900), 1900, shell)
}

/// A printer, by what it announces (RFC 6763), with a shell of this age.
pub fn printer(shell: &str) -> Vec<u8> {
    let queue = record("_ipp._tcp.local", 12, &name("Ward._ipp._tcp.local"));
    let told = record("Ward._ipp._tcp.local", 16, b"\x09txtvers=1\x0crp=ipp/print");
    let announces = dns(0x8400, [0, 1, 0, 1], &[queue, told]);
    with_shell(&announces, ([224, 0, 0, 251], 5353), 5353, shell)
}

fn with_shell(announces: &[u8], all: ([u8; 4], u16), port: u16, shell: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    recording.frame(&datagram((SERVER, port), all, announces));
    let greets = format!("SSH-2.0-{shell}\r\n");
    let says = [S(greets.as_bytes()), C(b"SSH-2.0-OpenSSH_10.0\r\n")];
    speak(&mut recording, (DEVICE, 49_249), (SERVER, 22), &says);
    recording.octets().to_vec()
}
