//! What a finding may be mistaken for, in octets: for each trap of the catalogue that octets can show, nearly the same as what
//! raises the finding, and harmless. `tests/catalogue.rs` asks that it is not raised, or milder.

use crate::both::device;
use crate::errands::{CODE, LINK, calls_to_all, letters, partners};
use crate::frames::{AIR, Recording};
use crate::imaging::{Association, CT, FIND, PLAIN, associate_in_vain, associated};
use crate::octets::Says::{C, S};
use crate::octets::{ask, beacons, bind, certificate, handshake, network, ntlm_challenge, rsn, speak, spoken};
use crate::over_days::{away, exposed, networks, portal};
use crate::tale::Tale;
use crate::talks::{DEVICE, GUEST, SERVER, STRANGER, association, browse, greeting, ok, result, viewer};
use crate::told::{
    NAME, OWN, PSK, SAE, TWIN, air, answers_for, called, calls_itself, closed, directory, farewells, login, nginx,
    says_server, shows, wards, zone_of,
};
use crate::watched::Place;
use auscult_assess::Severity;

/// A finding, how its trap begins, and what springs it.
pub type Trap = (&'static str, &'static str, fn() -> Tale);

/// Harmless: the finding is not raised.
pub const TRAPPED: &[&[Trap]] = &[OF_THE_AIR, OF_IMAGES, OF_THE_WEB, OF_DOORS, OF_AGE, OVER_DAYS];

/// Less bad: the finding is raised, and no worse than this.
pub const MILDER: &[(Severity, Trap)] = &[
    (Severity::Medium, ("dicom-open-from-outside", "measured: Orthanc accepts association", || Tale::built(aborted()))),
    (
        Severity::Low,
        ("default-web-page-outside", "a default page under the bare address", || {
            Tale::built(browse(STRANGER, SERVER, &[("/", &nginx())]))
        }),
    ),
    (
        Severity::Low,
        ("hl7-cleartext", "inside one clinical segment this is normal", || Tale::built(result(DEVICE, SERVER))),
    ),
    // One document is an observation: info, 40 %, not counted and never alerted.
    (
        Severity::Info,
        ("portal-documents-without-login", "first request before the cookie", || {
            Tale::built(browse(STRANGER, SERVER, &[("/report.pdf", &ok("application/pdf", "", PDF))]))
        }),
    ),
    (Severity::Low, ("cert-self-signed", "normal for devices inside", || Tale::capture("tls10-expired-cert"))),
];

const OF_THE_AIR: &[Trap] = &[
    ("wifi-open-network", "a neighbour's, hotel's or carrier's", || air(network(TWIN, "xfinitywifi", &[]))),
    ("wifi-open-network", "the open half of an OWE pair", || air(network(OWN, NAME, OWE_PAIR))),
    ("wifi-wps-pin", "push-button only", || air(network(OWN, NAME, &[&rsn(PSK, 0)[..], PUSH_BUTTON].concat()))),
    ("wifi-pmf-off", "old clients lose the network", || air(network(OWN, NAME, &rsn(PSK, 0x80)))),
    ("wifi-pmf-not-required-wpa3", "WPA3-only networks must require", || air(network(OWN, NAME, &rsn(SAE, 0xc0)))),
    ("wifi-evil-twin", "another branch with the same name", || {
        let mut tale = air(twin());
        tale.place.own_bssids.push("00:1d:7e:20:01:07".to_owned());
        tale
    }),
    ("medical-device-on-open-wifi", "randomised station addresses", || device(&[], Some([0x06, 0x1e, 1, 2, 3, 4]))),
    ("wifi-rogue-on-cable", "a new access point of the provider", || device(&rsn(PSK, 0), None)),
    ("wifi-deauth-attack", "an access point that restarts", || air(farewells(1, [0xff; 6]))),
    ("wifi-deauth-attack", "a wireless intrusion system of a neighbour", || {
        let mut tale = air(farewells(40, [0, 0x1e, 2, 3, 4, 5]));
        (tale.place.own_bssids, tale.place.own_ssids) = (vec!["02:00:00:00:00:99".to_owned()], Vec::new());
        tale
    }),
    ("guest-and-clinical-not-separated", "a sensor on a trunk port hears several", || {
        Tale::at(wards("guest"), calls_to_all(Some(20), Some(30)))
    }),
    ("guest-and-clinical-not-separated", "a staff member's private phone", || {
        Tale::at(wards("office"), calls_to_all(None, None))
    }),
    ("guest-reaches-clinical", "zones must be configured", || Tale::built(result(GUEST, SERVER))),
    ("guest-reaches-clinical", "a published service that is meant for guests", || {
        let place = Place::default().zone("192.168.20.0/24", "dmz").zone("192.168.30.0/24", "guest");
        Tale::at(place, result(GUEST, SERVER))
    }),
];

const OF_IMAGES: &[Trap] = &[
    ("dicom-records-given-outside", "a VPN that hands out public addresses", || {
        Tale::capture("pacs-open-lan").zone("203.0.113.0/24", "vpn")
    }),
    ("dicom-records-given-outside", "hairpin: a home host", || {
        Tale::capture("pacs-open-lan").zone("203.0.113.0/24", "same-segment")
    }),
    ("dicom-open-from-outside", "an accepted association with every context refused", || {
        Tale::built(association(STRANGER, SERVER, 3))
    }),
    ("dicom-records-given-inside", "normal inside the clinical zone", || Tale::capture("pacs-inside-only")),
    ("dicom-any-caller", "an archive may serve several titles", || Tale::built(called(&["ARCHIVE", "ROUTER"]))),
    ("dicom-images-put-in", "a new modality or a loaner", || {
        let stores = Association { class: CT, answers: &[(0x8001, 0, 0)], ..PLAIN };
        Tale::built(associated((DEVICE, 49_200), (SERVER, 104), &stores))
    }),
    ("dicomweb-open", "token in the path or query", || {
        let path = "/dicom-web/studies?access_token=8f3a9c71be2d4f60a1b2c3d4e5f60718";
        Tale::built(browse(STRANGER, SERVER, &[(path, &crate::talks::studies())]))
    }),
    ("dicomweb-open", "empty result [] is 200 too", || {
        Tale::built(browse(STRANGER, SERVER, &[("/dicom-web/studies", &ok("application/dicom+json", "", "[]"))]))
    }),
    ("wado-uri-open", "signed links with expiry", || {
        let path = "/wado?requestType=WADO&studyUID=1.2&access_token=8f3a9c71be2d4f60a1b2c3d4e5f60718";
        Tale::built(browse(STRANGER, SERVER, &[(path, &ok("application/dicom", "", &"x".repeat(400)))]))
    }),
    ("imaging-viewer-open", "the viewer's static pages are public", || Tale::built(viewer(&closed()))),
    ("hl7-open-outside", "a partner through a site-to-site VPN", || Tale::built(result([10, 9, 0, 5], SERVER))),
    ("fhir-open", "CapabilityStatement, terminology", || {
        let directory = ok("application/fhir+json", "", "{\"resourceType\":\"Practitioner\",\"id\":\"1\"}");
        let itself =
            ok("application/fhir+json", "", "{\"resourceType\":\"CapabilityStatement\",\"status\":\"active\"}");
        Tale::built(browse(STRANGER, SERVER, &[("/fhir/metadata", &itself), ("/fhir/Practitioner/1", &directory)]))
    }),
    ("fhir-open", "empty Bundle (total 0)", || {
        let empty = ok("application/fhir+json", "", "{\"resourceType\":\"Bundle\",\"total\":0}");
        Tale::built(browse(STRANGER, SERVER, &[("/fhir/Patient", &empty)]))
    }),
    ("medical-data-leaves-readable", "heard before a VPN gateway", || {
        Tale::built(result(DEVICE, STRANGER)).zone("203.0.113.0/24", "vpn")
    }),
];

const OF_THE_WEB: &[Trap] = &[
    ("portal-documents-without-login", "links with a token in the path", || {
        let document = ok("application/pdf", "", PDF);
        let token = |n: usize| format!("/share/8f3a9c71be2d4f60a1b2c3d4e5f6071{n}/report{n}.pdf");
        let paths: Vec<String> = (0..4).map(token).collect();
        let pages: Vec<(&str, &str)> = paths.iter().map(|p| (p.as_str(), document.as_str())).collect();
        Tale::built(browse(STRANGER, SERVER, &pages))
    }),
    ("login-form-over-http", "the form page over http but posted to https", || {
        let form = "<form action=\"https://portal.example/in\"><input type=password></form>";
        Tale::built(browse(STRANGER, SERVER, &[("/", &ok("text/html", "", form))]))
    }),
    ("default-password-accepted", "a 401 after it", || Tale::built(login("admin:admin", &closed()))),
    ("default-password-accepted", "only readable logins", || {
        Tale::built(login("doctor:a-long-word-of-nobody", &ok("text/html", "", "<p>welcome</p>")))
    }),
    ("default-web-page-outside", "403 instead of 200", || {
        let body = "<html><title>Welcome to nginx!</title></html>";
        let page = format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Tale::built(browse(STRANGER, SERVER, &[("/", &page)]))
    }),
    ("admin-page-open", "a login page is also 200", || {
        let page = ok("text/html", "", "<title>manager</title><form><input type=password></form>");
        Tale::built(browse(STRANGER, SERVER, &[("/manager/html", &page)]))
    }),
    ("leftover-files-served", "soft 404", || {
        let page = ok("text/html", "", "<html><title>Clinic North</title><body>not found</body></html>");
        Tale::built(browse(STRANGER, SERVER, &[("/.git/config", &page)]))
    }),
    ("session-cookie-in-clear", "cookies that are not sessions", || {
        let page = ok("text/html", "Set-Cookie: lang=en; Path=/\r\n", "<p>x</p>");
        Tale::built(browse(STRANGER, SERVER, &[("/", &page)]))
    }),
    ("crawler-took-documents", "the name can be forged", || {
        let mut recording = Recording::new();
        let more = "User-Agent: curl/8.0\r\n";
        ask(&mut recording, (STRANGER, 49_401), (SERVER, 80), "/report.pdf", more, &ok("application/pdf", "", PDF));
        Tale::built(recording.octets().to_vec())
    }),
    ("cert-expired", "an old certificate seen only in a session to a foreign server", || {
        let (client, server) = handshake("old.example", 0xc02f, &certificate("old.example", (2025, 1, 1)));
        Tale::built(spoken((DEVICE, 49_402), (STRANGER, 443), &[C(&client), S(&server)]))
    }),
    ("cert-self-signed", "normal for devices inside; an internal authority", || {
        Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2028, 1, 1)))
    }),
    ("cert-wrong-name", "clients that connect by address", || {
        Tale::built(shows("", 0xc02f, "elsewhere.example", (2028, 1, 1)))
    }),
    ("cert-wrong-name", "wildcard and internationalised names", || {
        Tale::built(shows("portal.clinic.example", 0xc02f, "*.clinic.example", (2028, 1, 1)))
    }),
    ("tls-old-version", "legacy_version field", || Tale::capture("https-portal-good")),
    ("tls-weak-cipher", "only the server's choice counts", || {
        Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2028, 1, 1)))
    }),
];

const OF_DOORS: &[Trap] = &[
    ("database-answers-outside", "hairpin", || {
        Tale::capture("db-postgres-open").zone("203.0.113.0/24", "same-segment")
    }),
    ("database-no-login", "ping, hello, buildInfo", || {
        Tale::built(spoken((STRANGER, 49_403), (SERVER, 6379), &[C(b"*1\r\n$4\r\nPING\r\n"), S(b"+PONG\r\n")]))
    }),
    ("memcached-open", "it has no login at all", || {
        Tale::built(spoken(
            (DEVICE, 49_404),
            (SERVER, 11_211),
            &[C(b"get s1\r\n"), S(b"VALUE s1 0 2\r\nxx\r\nEND\r\n")],
        ))
    }),
    ("database-cleartext", "inside a VPN it only looks readable", || {
        Tale::capture("db-redis-open").zone("203.0.113.0/24", "vpn")
    }),
    ("ftp-login-in-clear", "anonymous has its own finding", || {
        let says =
            [S(b"220 files\r\n"), C(b"USER anonymous\r\n"), S(b"331 mail\r\n"), C(b"PASS x@\r\n"), S(b"230 in\r\n")];
        Tale::built(spoken((DEVICE, 49_405), (SERVER, 21), &says))
    }),
    ("file-share-anonymous", "IPC$ with a null session", || Tale::capture("smb-v3-signed")),
    ("telnet-in-use", "lab analysers and terminal servers", || Tale::built(raw_lines())),
    ("remote-desktop-outside", "a gateway (RDG, port 443)", || Tale::capture("https-portal-good")),
    ("ldap-anonymous", "rootDSE", || Tale::built(directory(&bind(b"", b""), 1))),
    ("ssh-version-1", "SSH-1.99 means", || {
        let says = [S(b"SSH-1.99-Cisco-1.25\r\n"), C(b"SSH-2.0-OpenSSH_10.0\r\n")];
        Tale::built(spoken((DEVICE, 49_407), (SERVER, 22), &says))
    }),
    ("names-can-be-forged", "some NAS and printers", || Tale::built(answers_for(&["FILESRV", "NAS1"]))),
    ("dns-zone-given-away", "secondaries of the provider", || Tale::built(zone_of(5))),
    ("activation-link-and-code-same-mailbox", "two-factor codes for people who just logged in", || {
        Tale::built(letters(&[("a@b.example", CODE), ("a@b.example", LINK), ("b@b.example", CODE)]))
    }),
    ("mail-password-in-clear", "CRAM-MD5 is not readable", || {
        let says = [
            S(b"220 mail.example ESMTP\r\n"),
            C(b"EHLO copier\r\n"),
            S(b"250-mail.example\r\n250 AUTH CRAM-MD5\r\n"),
            C(b"AUTH CRAM-MD5\r\n"),
            S(b"334 PDEyMzQ1QG1haWwuZXhhbXBsZT4=\r\n"),
            C(b"Y29waWVyIDc5NjJlMDM1ZTY0MTFmNTE=\r\n"),
            S(b"235 2.7.0 ok\r\n"),
        ];
        Tale::built(spoken((DEVICE, 49_408), (SERVER, 25), &says))
    }),
];

const OF_AGE: &[Trap] = &[
    ("windows-ended", "NTLM shows the base build", || {
        Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 19_041))]))
    }),
    ("windows-ended", "6.1 build 0 is Samba", || {
        Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(6, 1, 0))]))
    }),
    ("windows-ended", "user agents lie", || {
        Tale::built(calls_itself("Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36"))
    }),
    ("windows-ended", "a build missing from the table", || {
        Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 31_000))]))
    }),
    ("windows-ended", "one build is several products", || {
        Tale::built(browse(DEVICE, SERVER, &[("/", &ntlm_challenge(10, 0, 17_763))]))
    }),
    ("medical-device-on-ended-windows", "embedded and LTSC editions", || {
        Tale::built(crate::talks::device_with("10.0"))
    }),
    ("old-web-server-windows", "IIS 10.0 proves nothing", || Tale::built(says_server("Microsoft-IIS/10.0"))),
    ("linux-release-ended", "paid support", || Tale::built(greeting("OpenSSH_7.4p1 Debian-10+deb9u7"))),
    ("package-behind", "compare with Debian's own order", || Tale::built(greeting("OpenSSH_9.2p1 Debian-2+deb12u10"))),
    ("software-ended", "MariaDB greets with 5.5.5-", || Tale::capture("db-mariadb-open")),
    ("software-known-exploited", "Apache 2.4.49 and 2.4.50", || Tale::built(says_server("Apache/2.4.51 (Unix)"))),
    ("phone-or-browser-ended", "guests' phones", || {
        Tale::built(calls_itself("Mozilla/5.0 (iPhone; CPU iPhone OS 12_5 like Mac OS X)"))
            .zone("192.168.20.0/24", "guest")
    }),
    ("router-firmware-old", "vendors keep old version numbers", || {
        Tale::built(crate::told::router("dropbear_2025.88"))
    }),
];

const OVER_DAYS: &[Trap] = &[
    ("medical-new-outside-partner", "update servers and clouds change addresses", || {
        Tale::built(partners(18, 1, Some("cdn.maker.example")))
    }),
    ("medical-bulk-to-new-place", "needs 14 days of normal", || Tale::built(partners(9, 24, None))),
    ("new-outside-exposure", "a new sensor hears everything", || Tale::built(exposed(5))),
    ("portal-login-disappeared", "single sign-on moved to a cookie", || {
        Tale::built(portal(6, "Cookie: session=8f3a9c71\r\n"))
    }),
    ("service-back-changed", "holidays: compare", || Tale::built(away(8, 5, false))),
    ("service-back-changed", "a restart after an update", || Tale::built(away(8, 1, true))),
    ("new-own-wifi", "new bands of a known access point", || networks([0x04, 0x18, 0xd6, 0x20, 0x02, 0x05], 18)),
];

/// A query is let in, and ended by an abort (PS3.8 9.3.8).
fn aborted() -> Vec<u8> {
    let mut recording = Recording::new();
    let query = Association { class: FIND, ..PLAIN };
    associate_in_vain(&mut recording, (STRANGER, 49_410), (SERVER, 104), &query);
    recording.octets().to_vec()
}

/// Something that sounds like a line of an analyser on the port of Telnet; and a result, which is heard.
fn raw_lines() -> Vec<u8> {
    let mut recording = Recording::new();
    speak(&mut recording, (DEVICE, 49_406), (SERVER, 23), &[S(b"raw 4711\r\n"), C(b"ok\r\n")]);
    crate::talks::result_in(&mut recording, DEVICE, SERVER, 49_409);
    recording.octets().to_vec()
}

/// Two access points of one name, both protected.
fn twin() -> Vec<u8> {
    let mut recording = Recording::of(AIR);
    beacons(&mut recording, 12, OWN, NAME, &rsn(PSK, 0));
    beacons(&mut recording, 12, TWIN, NAME, &rsn(PSK, 0));
    recording.octets().to_vec()
}

/// OWE transition mode (Wi-Fi Alliance): the protected half is another network, whose name is of one letter.
pub const OWE_PAIR: &[u8] = &[0xdd, 12, 0x50, 0x6f, 0x9a, 0x1c, 4, 0x18, 0xd6, 0x20, 2, 2, 1, b'o'];

/// Wi-Fi Simple Configuration: configured, by a button that is pressed or shown.
pub const PUSH_BUTTON: &[u8] =
    &[0xdd, 20, 0x00, 0x50, 0xf2, 0x04, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2, 0x10, 0x08, 0, 2, 0x02, 0x80];

const PDF: &str = "%PDF-1.7 a document that is long enough to be one, and of nobody, told again and again and again";
