//! Traps of data bases and doors: who greets without giving, who is listed, what is inside TLS, what is usual of a copier.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::{bind, datagrams, handshake_of, ldap, speak, spoken};
use crate::tale::Tale;
use crate::talks::{DEVICE, GUEST, SERVER, STRANGER, port_asked_for, result};
use crate::told::{answers_for, camera, long_names, long_names_under, looked_up, mail, screen, wards, zone_of};
use crate::trap::Told::{AtMost, Not, Says, Still, Unsure, Without};
use crate::trap::Trap;
use crate::trap_talks::{
    LOGIN_ONLY, NOT_SUPPORTED, calls_back, desktop_by_tls, hairpin, negotiated_up, refused_to, sql_login,
};
use crate::watched::Place;
use auscult_assess::Severity;

pub const OF_DATA_BASES: &[Trap] = &[
    (
        "database-answers-outside",
        "IP allow lists of a cloud backup",
        Not(|| Tale::capture("db-mariadb-open").zone("203.0.113.0/24", "vpn"), || Tale::capture("db-mariadb-open")),
    ),
    (
        "database-answers-outside",
        "a scanner that only got a greeting",
        AtMost(Severity::High, || Tale::built(greets_only())),
    ),
    (
        "database-no-login",
        "PostgreSQL trust for a local application",
        Not(|| redis_of([127, 0, 0, 1], [127, 0, 0, 1]), || redis_of(DEVICE, SERVER)),
    ),
    (
        "database-no-login",
        "client certificate in TLS",
        Not(|| Tale::capture("db-postgres-tls"), || Tale::capture("db-postgres-open")),
    ),
    (
        "database-password-clear",
        "MSSQL encrypts the login packet",
        Not(|| Tale::built(sql_login(LOGIN_ONLY)), || Tale::built(sql_login(NOT_SUPPORTED))),
    ),
];

pub const OF_DOORS: &[Trap] = &[
    ("ftp-login-in-clear", "scan-to-folder of copiers", AtMost(Severity::Low, || Tale::built(files(SERVER, "copier")))),
    (
        "file-share-anonymous",
        "download areas of device makers",
        Not(|| Tale::built(files(STRANGER, "anonymous")), || Tale::built(files(SERVER, "anonymous"))),
    ),
    (
        "telnet-in-use",
        "only a greeting to an outside scanner",
        Still(Severity::Critical, || Tale::built(telnet_greets())),
    ),
    ("remote-desktop-outside", "provider's own fixed address", Not(|| screen_for("vpn"), || screen_for("outside"))),
    ("smb1-in-use", "old scanners and modalities force it", Says("isolate what needs it")),
    ("file-sharing-outside", "carriers often block 445", Still(Severity::Critical, shares_outside)),
    ("smb-signing-off", "default of most Windows", AtMost(Severity::Info, || Tale::capture("smb-v3-signed"))),
    (
        "snmp-public",
        "printers and UPS: common",
        AtMost(Severity::Low, || Tale::capture("discovery-dhcp-mdns-lldp-snmp")),
    ),
    (
        "mqtt-without-login",
        "client certificate over TLS",
        Not(|| Tale::built(hub_in_tls()), || Tale::capture("mqtt-memcached-inside-closed-ports-outside")),
    ),
    (
        "ldap-password-in-clear",
        "SASL GSSAPI is not this",
        Not(|| Tale::built(binds(&ticket())), || Tale::built(binds(&bind(b"cn=x", b"word")))),
    ),
    (
        "ldap-password-in-clear",
        "copiers and phone systems",
        Still(Severity::Medium, || Tale::built(binds(&bind(b"cn=copier", b"word")))),
    ),
    (
        "admin-service-outside",
        "the provider's own management address",
        Not(|| Tale::capture("ssh-outside").zone("203.0.113.0/24", "vpn"), || Tale::capture("ssh-outside")),
    ),
    (
        "camera-open",
        "a video recorder with its own login",
        Not(|| Tale::built(recorder()), || Tale::built(camera("m=video 0 RTP/AVP 96\r\n"))),
    ),
    ("firewall-hole-by-itself", "game consoles and telephony", AtMost(Severity::Low, || mapped_by("guest"))),
    ("firewall-hole-by-itself", "game consoles and telephony", Still(Severity::Medium, || mapped_by("office"))),
    (
        "firewall-hole-by-itself",
        "a mapping is not yet an answer",
        Without("new-outside-exposure", || Tale::built(mapped_late())),
    ),
    (
        "remote-support-tool",
        "update checks are not sessions",
        Not(|| Tale::built(supported(20_000)), || Tale::built(supported(120_000))),
    ),
    (
        "names-can-be-forged",
        "queries alone are normal",
        Not(|| Tale::built(asked_for(NAMES)), || Tale::built(answers_for(NAMES))),
    ),
    (
        "mail-without-encryption",
        "scan-to-mail of copiers inside",
        AtMost(Severity::Low, || Tale::built(mail(PLAIN_MAIL))),
    ),
    (
        "mail-without-encryption",
        "scan-to-mail of copiers inside",
        Still(Severity::Medium, || Tale::built(mail(PLAIN_MAIL)).zone("192.168.20.41/32", "guest")),
    ),
    ("mail-without-encryption", "port 25 between servers is opportunistic", Says("with partners")),
    (
        "mail-without-encryption",
        "port 25 between servers is opportunistic",
        Still(Severity::Medium, || Tale::built(mail_to_a_stranger())),
    ),
    ("rdp-without-nla", "a client that offers only TLS", Still(Severity::Low, || Tale::built(desktop_by_tls()))),
    (
        "vnc-without-password",
        "reverse connections",
        Not(|| Tale::built(calls_back()), || Tale::built(screen(&[1, 1], 1))),
    ),
    (
        "smb1-in-use",
        "a client that only offers SMB1",
        Not(|| Tale::built(negotiated_up()), || Tale::capture("smb-v1-legacy")),
    ),
    ("admin-service-outside", "SSH with keys only", Still(Severity::Medium, || Tale::capture("ssh-outside"))),
    (
        "mail-starttls-stripped",
        "some firewalls do this by default",
        Still(Severity::High, || Tale::built(mail(MASKED))),
    ),
    (
        "mail-starttls-stripped",
        "some firewalls do this by default",
        Not(|| Tale::built(mail(PLAIN_MAIL)), || Tale::built(mail(MASKED))),
    ),
    (
        "dns-open-to-outside",
        "a router's WAN side",
        Not(|| Tale::built(refused_to(STRANGER)), || Tale::built(looked_up(STRANGER))),
    ),
    (
        "dns-zone-given-away",
        "secondaries of the provider",
        AtMost(Severity::Medium, || Tale::built(zone_of(0)).zone("192.168.20.41/32", "vpn")),
    ),
    (
        "dns-tunnel-like",
        "anti-virus and mail filters",
        Not(
            || Tale::built(long_names_under("xl.sophosxl.net", 1_300)),
            || Tale::built(long_names_under("xl.tunnel.example", 1_300)),
        ),
    ),
    ("dns-tunnel-like", "anti-virus and mail filters", Unsure(49, || Tale::built(long_names(1_300)))),
    (
        "guest-reaches-clinical",
        "a doctor's phone on the guest Wi-Fi",
        Not(|| Tale::at(wards("guest"), hairpin()), || Tale::at(wards("guest"), result(GUEST, SERVER))),
    ),
];

const NAMES: &[&str] = &["FILESRV", "WPAD", "INTRANET", "PRINT1"];
const PLAIN_MAIL: &str = "250-mail.example\r\n250 SIZE\r\n";
const MASKED: &str = "250-mail.example\r\n250-XXXXXXXA\r\n250 SIZE\r\n";

/// MySQL greets a stranger (Protocol::HandshakeV10), who goes.
fn greets_only() -> Vec<u8> {
    let mut greeting = [&[10][..], b"8.0.43\0", &[9, 0, 0, 0], b"abcdefgh\0"].concat(); // version; thread; scramble
    greeting.extend([0xff, 0xff, 0xff, 2, 0, 0xff, 0xc7, 21]); // capabilities, character set, status, capabilities, length
    greeting.extend([&[0; 10][..], b"abcdefghijkl\0mysql_native_password\0"].concat());
    let packet = [&[u8::try_from(greeting.len()).unwrap(), 0, 0, 0][..], &greeting].concat();
    spoken((STRANGER, 49_660), (SERVER, 3306), &[S(&packet)])
}

/// Somebody gets a value from Redis (RESP).
fn redis_of(client: [u8; 4], server: [u8; 4]) -> Tale {
    let says = [C(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), S(b"$5\r\nvalue\r\n")];
    let mut octets = spoken((client, 49_661), (server, 6379), &says);
    // The rest of the clinic is heard as well.
    octets.extend(&spoken((DEVICE, 49_662), (SERVER, 22), &[S(b"SSH-2.0-dropbear\r\n"), C(b"SSH-2.0-x\r\n")])[24..]);
    Tale::built(octets)
}

/// A login at a server for files (RFC 959), and a file of it.
fn files(server: [u8; 4], user: &str) -> Vec<u8> {
    let user = format!("USER {user}\r\n");
    let says = [
        S(b"220 files\r\n"),
        C(user.as_bytes()),
        S(b"331 password\r\n"),
        C(b"PASS a-word@\r\n"),
        S(b"230 logged in\r\n"),
        C(b"RETR driver.zip\r\n"),
        S(b"150 here it comes\r\n226 done\r\n"),
    ];
    spoken((DEVICE, 49_663), (server, 21), &says)
}

/// A stranger knocks at Telnet (RFC 854), is greeted, and says nothing.
fn telnet_greets() -> Vec<u8> {
    spoken((STRANGER, 49_664), (SERVER, 23), &[S(&[0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20]), S(b"\r\nswitch login: ")])
}

/// A screen (RFC 6143) for somebody of the internet, or for the provider.
fn screen_for(zone: &str) -> Tale {
    let says = [S(b"RFB 003.008\n"), C(b"RFB 003.008\n"), S(&[1, 2]), C(&[2])];
    Tale::built(spoken((STRANGER, 49_665), (SERVER, 5900), &says)).zone("203.0.113.50/32", zone)
}

/// The office's shares, where the office is somebody else's network.
fn shares_outside() -> Tale {
    let only = Place { home: vec!["192.168.20.17/32".to_owned()], ..Place::default() };
    Tale { place: only.zone("192.168.20.0/24", "outside"), ..Tale::capture("smb-v3-signed") }
}

/// A hub of messages in TLS; who its clients are was settled there.
fn hub_in_tls() -> Vec<u8> {
    let leaf = crate::octets::certificate("hub.example", (2028, 1, 1));
    let (client, server) = handshake_of("hub.example", (3, 0xc02f), &[&leaf]);
    spoken((DEVICE, 49_666), (SERVER, 8883), &[C(&client), S(&server)])
}

/// A bind with a ticket of Kerberos (RFC 4513 5.2).
fn ticket() -> Vec<u8> {
    let credentials = [&[4, 6][..], b"GSSAPI", &[4, 4, 0x60, 2, 6, 0]].concat();
    let length = u8::try_from(credentials.len()).unwrap();
    ldap(0x60, &[&[2, 1, 3, 4, 0, 0xa3, length][..], &credentials].concat()) // version 3; no name; SASL
}

fn binds(bind: &[u8]) -> Vec<u8> {
    spoken((DEVICE, 49_667), (SERVER, 389), &[C(bind), S(&ldap(0x61, &[10, 1, 0, 4, 0, 4, 0]))])
}

/// A recorder asks for a login before it describes a picture (RFC 2326).
fn recorder() -> Vec<u8> {
    let asks = "DESCRIBE rtsp://192.168.20.10/ RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n";
    let answers = "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n\r\n";
    spoken((DEVICE, 49_668), (SERVER, 554), &[C(asks.as_bytes()), S(answers.as_bytes())])
}

/// A device in such a part of the house asks the router for a port.
fn mapped_by(zone: &str) -> Tale {
    Tale::built(port_asked_for("200 OK")).zone("192.168.20.41/32", zone)
}

/// The same after weeks of usual days.
fn mapped_late() -> Vec<u8> {
    let mut recording = Recording::new();
    crate::over_days::days(&mut recording, 0..19, crate::over_days::shell);
    let mut octets = recording.octets().to_vec();
    let mut last = port_asked_for("200 OK")[24..].to_vec();
    // Each frame as late as the last day.
    let mut at = 0;
    while at < last.len() {
        let length = usize::try_from(u32::from_le_bytes(last[at + 8..at + 12].try_into().unwrap())).unwrap();
        let seconds = u32::from_le_bytes(last[at..at + 4].try_into().unwrap()) + 18 * 86_400 + 600;
        last[at..at + 4].copy_from_slice(&seconds.to_le_bytes());
        at += 16 + length;
    }
    octets.extend(last);
    octets
}

/// A session of a program for remote support, of so many octets each way.
fn supported(octets: usize) -> Vec<u8> {
    let leaf = crate::octets::certificate("router1.teamviewer.com", (2028, 1, 1));
    let (client, server) = handshake_of("router1.teamviewer.com", (3, 0xc02f), &[&leaf]);
    let mut recording = Recording::new();
    let sealed: Vec<u8> = (0..octets / 1_000).flat_map(|_| [&[23, 3, 3, 3, 227][..], &[0xa5; 995]].concat()).collect();
    let says = [C(&client), S(&server), C(&sealed), S(&sealed)];
    speak(&mut recording, (DEVICE, 49_669), (STRANGER, 443), &says);
    recording.octets().to_vec()
}

/// Questions for names of NetBIOS (RFC 1002 4.2.12), to all.
fn asked_for(names: &[&str]) -> Vec<u8> {
    let question = |name: &str| {
        let padded = format!("{name:15}\0");
        let mut o = vec![0, 1, 0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0x20]; // id; question to all; one
        o.extend(padded.bytes().flat_map(|octet| [b'A' + (octet >> 4), b'A' + (octet & 15)]));
        o.extend([0, 0, 0x20, 0, 1]); // NB, Internet
        o
    };
    let all: Vec<Vec<u8>> = names.iter().map(|name| question(name)).collect();
    let sent: Vec<_> = all.iter().map(|o| ((SERVER, 137), ([192, 168, 20, 255], 137), &o[..])).collect();
    // Its own name it may answer for.
    let mut octets = datagrams(&sent);
    octets.extend(&answers_for(&["FILESRV"])[24..]);
    octets
}

/// The clinic's mail goes to a server in the internet that offers no encryption.
fn mail_to_a_stranger() -> Vec<u8> {
    let says = [S(b"220 mx.example ESMTP\r\n"), C(b"EHLO mail\r\n"), S(PLAIN_MAIL.as_bytes())];
    spoken((SERVER, 49_670), (STRANGER, 25), &says)
}
