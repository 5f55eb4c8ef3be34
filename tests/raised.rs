//! For each finding of the catalogue the octets that raise it: a recorded capture, or a conversation built here.
//! `tests/catalogue.rs` replays them, and asks that none is missing.
//!
//! Findings that nothing here can raise yet stand in [`NOT_YET`], each with what is missing.

use crate::both::{device, rogue};
use crate::errands::{CODE, LINK, calls_to_all, letters};
use crate::imaging::{Association, CT, PLAIN, associated};
use crate::octets::Says::{C, S};
use crate::octets::{bind, ldap, network, ntlm_challenge, rsn, spoken};
use crate::over_days::OVER_DAYS;
use crate::tale::Tale;
use crate::talks::{
    DEVICE, GUEST, SERVER, STRANGER, association, browse, device_with, greeting, ok, port_asked_for, result, studies,
    viewer,
};
use crate::told::{
    IMAGE, NAME, OWN, PSK, SAE, TWIN, WADO, air, analyser, answers_for, called, calls_itself, camera, collector_of,
    desktop, directory, engine, farewells, in_june, login, long_names, looked_up, mail, mail_of, nginx, old_shell,
    orthanc, postgres_login, printer, router, says_server, screen, shows, traceback, twins, wards, zone_of,
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
    ("wifi-rogue-on-cable", || rogue(18)),
    ("medical-device-on-open-wifi", || device(&[], None)),
    ("wifi-clear-traffic", || Tale::capture("wifi-open-client-cleartext")),
    ("wifi-default-name", || air(network(OWN, "linksys", &rsn(PSK, 0)))),
    ("wifi-deauth-attack", || air(farewells(40, [0, 0x1e, 2, 3, 4, 5]))),
    ("clinical-wifi-shared-password", || {
        let mut tale = air(network(OWN, NAME, &rsn(PSK, 0)));
        tale.place.purposes.push((NAME.to_owned(), "clinical".to_owned()));
        tale
    }),
    ("guest-and-clinical-not-separated", || Tale::at(wards("guest"), calls_to_all(None, None))),
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
    ("lab-analyser-cleartext", || Tale::built(analyser(DEVICE))),
    ("lab-analyser-outside", || Tale::built(analyser(STRANGER))),
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
    ("camera-open", || Tale::built(camera("m=video 0 RTP/AVP 96\r\n"))),
    ("firewall-hole-by-itself", || Tale::built(port_asked_for("200 OK"))),
    ("mqtt-without-login", || Tale::capture("mqtt-memcached-inside-closed-ports-outside")),
    ("ldap-password-in-clear", || {
        let done = ldap(0x61, &[10, 1, 0, 4, 0, 4, 0]); // bind response: success
        Tale::built(spoken((DEVICE, 49_211), (SERVER, 389), &[C(&bind(b"cn=copier", b"word")), S(&done)]))
    }),
    ("ldap-anonymous", || Tale::built(directory(&bind(b"", b""), 2))),
    ("printer-open-to-others", || Tale::capture("printers-for-all")),
    ("remote-support-tool", || Tale::capture("remote-support")),
    ("admin-service-outside", || Tale::capture("ssh-outside")),
    ("ssh-version-1", || Tale::built(old_shell("SSH-1.5-1.2.27\r\n"))),
    ("names-can-be-forged", || Tale::built(answers_for(&["FILESRV", "WPAD", "INTRANET", "PRINT1"]))),
    ("dns-open-to-outside", || Tale::built(looked_up(STRANGER))),
    ("dns-zone-given-away", || Tale::built(zone_of(0))),
    ("dns-tunnel-like", || Tale::built(long_names(1_300))),
    ("mail-without-encryption", || Tale::capture("smtp-activation-clear")),
    ("activation-link-and-code-same-mailbox", || Tale::built(letters(&[("a@b.example", LINK), ("A@b.example", CODE)]))),
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

/// Findings that reports tell, not octets: the file and the test in which a sequence of reports raises them.
pub const BY_REPORTS: &[(&str, &str, &str)] = &[
    ("sensor-silent", "tests/sight.rs", "silence_is_told_after_26_hours_and_grows_and_a_late_spool_ends_it"),
    ("sensor-deaf", "tests/sight.rs", "an_interface_that_was_away_half_of_the_time_is_told_and_a_short_absence_is_not"),
    ("sensor-clock-wrong", "tests/sight.rs", "a_wrong_clock_is_told_and_one_that_is_set_after_the_start_is_not"),
    (
        "report-chain-broken",
        "tests/sight.rs",
        "a_chain_that_contradicts_itself_is_told_until_a_person_explains_it_and_a_restored_disk_is_none",
    ),
    // A person plans and opens; no sensor hears it.
    ("review-overdue", "tests/plans.rs", "an_overdue_review_is_told_the_day_after_grows_and_ends_with_a_review"),
    (
        "significant-change-unreviewed",
        "tests/plans.rs",
        "a_significant_change_waits_thirty_days_for_a_review_and_no_longer",
    ),
    ("notice-deadline-near", "tests/plans.rs", "a_notice_is_told_a_week_before_it_is_due_and_ends_when_it_was_given"),
];

/// Findings that nothing raises yet, and what is missing.
pub const NOT_YET: &[(&str, &str)] = &[];
