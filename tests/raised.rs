//! For each finding of the catalogue the octets that raise it: a recorded capture, or a conversation built here.
//! `tests/catalogue.rs` replays them, and asks that none is missing.
//!
//! Findings that nothing here can raise yet stand in [`NOT_YET`], each with what is missing.

use crate::both::{device, rogue};
use crate::frames::{AIR, Recording};
use crate::imaging::{Association, CT, ECHO, PLAIN, associate, associated};
use crate::octets::Says::{C, S};
use crate::octets::{
    ask, basic, beacons, bind, certificate, datagrams, dns, farewell, handshake, ldap, name, netbios_answer, network,
    ntlm_challenge, question, record, rsn, spoken,
};
use crate::over_days::OVER_DAYS;
use crate::tale::Tale;
use crate::talks::{
    DEVICE, GUEST, SERVER, STRANGER, association, browse, device_with, greeting, locked, ok, result, studies, viewer,
};
use crate::watched::Place;

/// A finding, and what raises it.
pub type Raises = (&'static str, fn() -> Tale);

/// Every finding that can be raised.
pub const RAISED: &[(&str, &[Raises])] = &[
    ("air", OF_THE_AIR),
    ("imaging", OF_IMAGES),
    ("web", OF_THE_WEB),
    ("doors", OF_DOORS),
    ("age", OF_AGE),
    ("days", OVER_DAYS),
];

const OF_THE_AIR: &[Raises] = &[
    ("wifi-open-network", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-owe-transition-open", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-wep", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-wpa-tkip", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-wps-pin", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-wps-on", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-pmf-off", || Tale::capture("wifi-beacons-radiotap")),
    ("wifi-pmf-not-required-wpa3", || air(network(OWN, NAME, &rsn(SAE, 0x80)))),
    ("wifi-hidden-open", || air(network(OWN, "", &[]))),
    ("wifi-evil-twin", || air(twins(TWIN, &[]))),
    ("wifi-rogue-on-cable", rogue),
    ("medical-device-on-open-wifi", || device(&[], None)),
    ("wifi-clear-traffic", || Tale::capture("wifi-open-client-cleartext")),
    ("wifi-default-name", || air(network(OWN, "linksys", &rsn(PSK, 0)))),
    ("wifi-deauth-attack", || air(farewells(40, [0, 0x1e, 2, 3, 4, 5]))),
    ("guest-reaches-clinical", || Tale::at(wards("guest"), result(GUEST, SERVER))),
];

const OF_IMAGES: &[Raises] = &[
    ("dicom-records-given-outside", || Tale::capture("pacs-open-lan")),
    ("dicom-open-from-outside", || Tale::built(association(STRANGER, SERVER, 0))),
    ("dicom-records-given-inside", || Tale::capture("pacs-open-lan").zone("203.0.113.0/24", "office")),
    ("dicom-no-user-identity", || Tale::capture("pacs-inside-only")),
    ("dicom-any-caller", || Tale::built(called(&["ARCHIVE", "ANYTHING", "WHATEVER"]))),
    ("dicom-images-put-in", || {
        let stores = Association { class: CT, answers: &[(0x8001, 0, 0)], ..PLAIN };
        Tale::built(associated((STRANGER, 49_200), (SERVER, 104), &stores))
    }),
    ("dicom-cleartext-across-zones", || Tale::capture("pacs-open-lan")),
    ("dicom-password-in-clear", || Tale::capture("pacs-user-identity-clear")),
    ("dicomweb-open", || Tale::capture("orthanc-rest-open")),
    ("wado-uri-open", || Tale::built(browse(STRANGER, SERVER, &[(WADO, &ok("application/dicom", "", IMAGE))]))),
    ("orthanc-open", || Tale::capture("orthanc-rest-open")),
    ("imaging-viewer-open", || Tale::built(viewer(&studies()))),
    ("imaging-web-cleartext", || Tale::capture("orthanc-basic-login")),
    ("dicom-old-toolkit", || Tale::capture("pacs-inside-only")),
    ("medical-device-on-ended-windows", || Tale::built(device_with("5.131.2600.5512"))),
    ("dicom-knocked-from-outside", || Tale::capture("pacs-rejects-outside")),
    ("hl7-open-outside", || Tale::capture("hl7-adt-outside")),
    ("hl7-cleartext", || Tale::capture("hl7-oru-inside")),
    ("fhir-open", || Tale::capture("fhir-open")),
    ("fhir-cleartext", || Tale::capture("fhir-open")),
    ("interface-engine-known-hole", || Tale::built(engine("4.4.0"))),
    ("medical-monitor-calls-home", || Tale::built(spoken((DEVICE, 49_260), ([202, 114, 4, 119], 515), &[]))),
    ("medical-advisory-match", || Tale::built(orthanc("1.5.7"))),
    ("medical-data-leaves-readable", || Tale::built(result(DEVICE, STRANGER))),
];

const OF_THE_WEB: &[Raises] = &[
    ("portal-documents-without-login", || Tale::capture("docs-no-session")),
    ("login-form-over-http", || Tale::capture("portal-login-http")),
    ("basic-auth-in-clear", || Tale::capture("orthanc-basic-login")),
    ("default-password-accepted", || Tale::built(login("admin:admin", &ok("text/html", "", "<p>welcome</p>")))),
    ("default-web-page-outside", || Tale::capture("iis-default-page")),
    ("default-web-page-inside", || Tale::built(browse(DEVICE, SERVER, &[("/", &nginx())]))),
    ("web-shows-versions", || Tale::capture("portal-login-http")),
    ("web-error-detail", || Tale::built(browse(STRANGER, SERVER, &[("/x", &traceback())]))),
    ("web-directory-listing", || Tale::capture("docs-no-session")),
    ("crawler-took-documents", || Tale::capture("docs-no-session")),
    ("portal-bulk-fetch", || Tale::built(collector_of(260))),
    ("session-cookie-in-clear", || Tale::capture("portal-login-http")),
    ("activation-link-in-clear", || {
        Tale::built(browse(STRANGER, SERVER, &[("/activate?token=8f3a9c71be", &ok("text/html", "", "<p>ready</p>"))]))
    }),
    ("admin-page-open", || {
        Tale::built(browse(STRANGER, SERVER, &[("/manager/html", &ok("text/html", "", "<title>/manager</title>"))]))
    }),
    ("leftover-files-served", || {
        Tale::built(browse(STRANGER, SERVER, &[("/.git/config", &ok("text/plain", "", "[core]\nbare = false\n"))]))
    }),
    ("web-cleartext-medical", || Tale::capture("orthanc-rest-open")),
    ("cert-expired", || Tale::capture("tls10-expired-cert")),
    ("cert-expires-soon", || Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2026, 12, 1)))),
    ("cert-self-signed", || Tale::capture("tls10-expired-cert")),
    ("cert-weak", || Tale::capture("tls10-expired-cert")),
    ("cert-wrong-name", || Tale::built(shows("portal.example", 0xc02f, "elsewhere.example", (2028, 1, 1)))),
    ("tls-old-version", || Tale::capture("tls10-expired-cert")),
    ("tls-weak-cipher", || Tale::built(shows("pacs.example", 0x0005, "pacs.example", (2028, 1, 1)))), // RC4
];

const OF_DOORS: &[Raises] = &[
    ("database-answers-outside", || Tale::capture("db-mariadb-open")),
    ("database-no-login", || Tale::capture("db-postgres-open")),
    ("memcached-open", || {
        Tale::built(spoken(
            (STRANGER, 49_210),
            (SERVER, 11_211),
            &[C(b"get s1\r\n"), S(b"VALUE s1 0 2\r\nxx\r\nEND\r\n")],
        ))
    }),
    ("database-cleartext", || Tale::capture("db-redis-open")),
    ("database-password-clear", || Tale::built(postgres_login(&[0, 0, 0, 3]))),
    ("ftp-login-in-clear", || Tale::capture("ftp-clear-outside")),
    ("file-share-anonymous", || Tale::capture("smb-v1-legacy")),
    ("telnet-in-use", || Tale::capture("telnet-pop3-imap-inside")),
    ("remote-desktop-outside", || Tale::capture("vnc-open")),
    ("rdp-without-nla", || Tale::built(desktop(1))),
    ("vnc-without-password", || Tale::built(screen(&[1, 1], 1))),
    ("smb1-in-use", || Tale::capture("smb-v1-legacy")),
    ("file-sharing-outside", || {
        let only = Place { home: vec!["192.168.20.17/32".to_owned()], ..Place::default() };
        Tale { place: only.zone("192.168.20.0/24", "outside"), ..Tale::capture("smb-v3-signed") }
    }),
    ("smb-signing-off", || Tale::capture("smb-v3-signed")),
    ("snmp-public", || Tale::capture("discovery-dhcp-mdns-lldp-snmp")),
    ("mqtt-without-login", || Tale::capture("mqtt-memcached-inside-closed-ports-outside")),
    ("ldap-password-in-clear", || {
        let done = ldap(0x61, &[10, 1, 0, 4, 0, 4, 0]); // bind response: success
        Tale::built(spoken((DEVICE, 49_211), (SERVER, 389), &[C(&bind(b"cn=copier", b"word")), S(&done)]))
    }),
    ("ldap-anonymous", || Tale::built(directory(&bind(b"", b""), 2))),
    ("admin-service-outside", || Tale::capture("ssh-outside")),
    ("ssh-version-1", || Tale::built(old_shell("SSH-1.5-1.2.27\r\n"))),
    ("names-can-be-forged", || Tale::built(answers_for(&["FILESRV", "WPAD", "INTRANET", "PRINT1"]))),
    ("dns-open-to-outside", || Tale::built(looked_up(STRANGER))),
    ("dns-zone-given-away", || Tale::built(zone_of(0))),
    ("dns-tunnel-like", || Tale::built(long_names(1_300))),
    ("mail-without-encryption", || Tale::capture("smtp-activation-clear")),
    ("mail-starttls-stripped", || Tale::built(mail("250-mail.example\r\n250-XXXXXXXA\r\n250 SIZE\r\n"))),
    ("mail-password-in-clear", || Tale::capture("telnet-pop3-imap-inside")),
];

const OF_AGE: &[Raises] = &[
    ("windows-ended", || Tale::capture("old-windows-hints")),
    ("windows-probably-without-updates", || {
        Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 19_041))]))
    }),
    ("windows-only-paid-updates", || Tale::built(in_june(&ntlm_challenge(6, 3, 9600)))),
    ("windows-ends-soon", || Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 14_393))]))),
    ("old-web-server-windows", || Tale::capture("iis-default-page")),
    ("linux-release-ended", || Tale::built(greeting("OpenSSH_6.7p1 Debian-5+deb8u8"))),
    ("linux-release-paid-only", || Tale::built(greeting("OpenSSH_9.2p1 Debian-2+deb12u10"))),
    ("package-behind", || Tale::built(greeting("OpenSSH_9.2p1 Debian-2+deb12u3"))),
    ("software-ended", || Tale::capture("db-mongodb-open")),
    ("software-says-old", || Tale::capture("https-portal-good")),
    ("software-known-exploited", || Tale::built(says_server("Apache/2.4.49 (Unix)"))),
    ("software-maybe-exploited", || Tale::built(mail_of("220 mail.example ESMTP Exim 4.91 Thu, 19 Nov 2026\r\n"))),
    ("router-firmware-old", || Tale::built(router("dropbear_2017.75"))),
    ("printer-firmware-old", || Tale::built(printer("dropbear_2017.75"))),
    ("phone-or-browser-ended", || {
        Tale::built(calls_itself("Mozilla/5.0 (iPhone; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15"))
    }),
];

/// Findings that nothing raises yet, and what is missing.
pub const NOT_YET: &[(&str, &str)] = &[
    ("clinical-wifi-shared-password", "wifi.purpose: the configuration cannot say what a network is for"),
    ("guest-and-clinical-not-separated", "net.shared_broadcast: nobody hears guests and wards in one broadcast domain"),
    ("lab-analyser-cleartext", "no detector for ASTM and POCT1-A yet"),
    ("lab-analyser-outside", "no detector for ASTM and POCT1-A yet"),
    ("printer-open-to-others", "no detector for IPP, JetDirect and LPD"),
    ("camera-open", "no detector for RTSP, by which cameras are asked"),
    ("firewall-hole-by-itself", "no detector for UPnP, NAT-PMP and PCP mappings"),
    ("remote-support-tool", "no detector for the tools of remote support"),
    ("activation-link-and-code-same-mailbox", "mail.link_and_code: no detector keeps mailboxes, not even hashed"),
    ("medical-bulk-to-new-place", FLOWS),
    ("medical-new-outside-partner", FLOWS),
    ("sensor-silent", OF_THE_SENSOR),
    ("sensor-deaf", OF_THE_SENSOR),
    ("sensor-clock-wrong", OF_THE_SENSOR),
    ("report-chain-broken", OF_THE_SENSOR),
    ("review-overdue", PERSON),
    ("significant-change-unreviewed", PERSON),
    ("notice-deadline-near", PERSON),
];

/// Nobody counts octets between hosts.
const FLOWS: &str = "out.*: no fact says to which networks a medical host sends, and how much";
/// Not in octets: a sequence of reports tells it.
const OF_THE_SENSOR: &str = "told by reports, not by octets: see tests/sight.rs and collector/src/judge";
/// A person starts the clock, or the plan.
const PERSON: &str = "not on any wire: a person's plan or decision in the collector, which has no page for it yet";

/// The clinic's access point, its name, and somebody else's access point.
pub const OWN: [u8; 6] = [0x04, 0x18, 0xd6, 0x20, 0x02, 0x01];
pub const NAME: &str = "Clinic-North";
pub const TWIN: [u8; 6] = [0x00, 0x1d, 0x7e, 0x20, 0x01, 0x07];

/// Ways of agreeing on keys (IEEE 802.11-2020, table 9-151).
pub const PSK: u8 = 2;
pub const SAE: u8 = 8;

const WADO: &str =
    "/wado?requestType=WADO&studyUID=1.2.3&seriesUID=1.2.3.4&objectUID=1.2.3.4.5&contentType=application%2Fdicom";
const IMAGE: &str = "an image that is longer than an empty answer would be, as every image is, and says nothing";

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

/// A clinical network, and the one that [`GUEST`] is in.
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
    let mut recording = Recording::new();
    for n in 0..names {
        let data =
            format!("{:032x}.c.tunnel.example", u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834));
        let asks = dns(0x0100, [1, 0, 0, 0], &[question(&data, 16)]);
        recording.frame(&crate::octets::datagram((DEVICE, 40_002), (SERVER, 53), &asks));
    }
    recording.octets().to_vec()
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
    recording.frame(&crate::octets::datagram((SERVER, port), all, announces));
    let greets = format!("SSH-2.0-{shell}\r\n");
    let says = [S(greets.as_bytes()), C(b"SSH-2.0-OpenSSH_10.0\r\n")];
    crate::octets::speak(&mut recording, (DEVICE, 49_249), (SERVER, 22), &says);
    recording.octets().to_vec()
}
