//! Traps of the web: public pages, other people's servers, many users behind one address, what a certificate does not say.

use crate::frames::Recording;
use crate::octets::Says::{C, S};
use crate::octets::{ask, basic, certificate, handshake, handshake_of, self_made, spoken, with_sha1};
use crate::tale::Tale;
use crate::talks::{DEVICE, SERVER, STRANGER, browse, locked, ok, studies};
use crate::told::{collector_of, nginx, says_server, shows, traceback};
use crate::trap::Told::{AtMost, Not, Says, Still, Without};
use crate::trap::Trap;
use auscult_assess::Severity;

pub const OF_THE_WEB: &[Trap] = &[
    (
        "portal-documents-without-login",
        "only http or a TLS-terminating proxy",
        Not(|| Tale::capture("https-portal-good"), || Tale::capture("docs-no-session")),
    ),
    (
        "login-form-over-http",
        "printers and switches: real but less urgent",
        AtMost(Severity::Medium, || Tale::built(logs_in(DEVICE))),
    ),
    ("login-form-over-http", "password hashed by script", Still(Severity::Medium, || Tale::built(logs_in(DEVICE)))),
    (
        "basic-auth-in-clear",
        "health checks with dummy users",
        Not(|| Tale::built(health_check(&locked())), || Tale::built(health_check(&ok("text/html", "", "<p>well</p>")))),
    ),
    (
        "basic-auth-in-clear",
        "proxy authentication is the same problem",
        Still(Severity::Medium, || Tale::built(through_a_proxy())),
    ),
    (
        "default-web-page-outside",
        "a load balancer or carrier box",
        Not(
            || Tale::built(browse(DEVICE, CARRIER, &[("/", &nginx())])),
            || Tale::built(browse(STRANGER, SERVER, &[("/", &nginx())])),
        ),
    ),
    (
        "default-web-page-inside",
        "test servers",
        AtMost(Severity::Info, || Tale::built(browse(DEVICE, SERVER, &[("/", &nginx())]))),
    ),
    (
        "web-shows-versions",
        "a version is not a hole",
        AtMost(Severity::Info, || Tale::built(says_server("nginx/1.28.0"))),
    ),
    ("web-shows-versions", "X-AspNet-Version 4.0.30319", AtMost(Severity::Info, || Tale::built(asp_net()))),
    ("web-shows-versions", "X-AspNet-Version 4.0.30319", Without("software-ended", || Tale::built(asp_net()))),
    (
        "web-error-detail",
        "developers' own address",
        Not(
            || Tale::built(browse(STRANGER, SERVER, &[("/x", &traceback())])).zone("203.0.113.50/32", "vpn"),
            || Tale::built(browse(STRANGER, SERVER, &[("/x", &traceback())])),
        ),
    ),
    (
        "crawler-took-documents",
        "robots.txt and brochures",
        Not(
            || Tale::built(crawled("/robots.txt", &ok("text/plain", "", "User-agent: *\nDisallow: /reports/\n"))),
            || Tale::built(crawled("/reports/1.pdf", &ok("application/pdf", "", PDF))),
        ),
    ),
    (
        "portal-bulk-fetch",
        "many users behind one address",
        Not(|| Tale::built(hospital(50, 6)), || Tale::built(collector_of(300))),
    ),
    ("portal-bulk-fetch", "many users behind one address", Still(Severity::High, || Tale::built(hospital(1, 300)))),
    (
        "activation-link-in-clear",
        "newsletter confirmation links",
        Not(
            || Tale::built(follows("/newsletter/confirm?token=8f3a9c71be")),
            || Tale::built(follows("/confirm?token=8f3a9c71be")),
        ),
    ),
    (
        "activation-link-in-clear",
        "newsletter confirmation links",
        Not(
            || Tale::built(follows("/subscriptions/activate?id=77&t=8f3a9c71be")),
            || Tale::built(follows("/activate?id=77&t=8f3a9c71be")),
        ),
    ),
    ("web-cleartext-medical", "device status pages inside", AtMost(Severity::Medium, || Tale::built(status_page()))),
    (
        "portal-bulk-fetch",
        "a partner's nightly export",
        Not(|| Tale::built(collector_of(300)).zone("203.0.113.50/32", "vpn"), || Tale::built(collector_of(300))),
    ),
];

pub const OF_CERTIFICATES: &[Trap] = &[
    (
        "cert-expired",
        "TLS 1.3 hides certificates",
        Not(
            || Tale::built(versions(&[OF_TLS_1_3])),
            || Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2026, 10, 1))),
        ),
    ),
    (
        "cert-expires-soon",
        "automatic renewal happens at 30 days",
        Not(
            || Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2026, 12, 14))),
            || Tale::built(shows("pacs.example", 0xc02f, "pacs.example", (2026, 12, 5))),
        ),
    ),
    (
        "cert-self-signed",
        "the default certificates",
        Still(Severity::Info, || Tale::built(chain(&[&self_made("localhost")]))),
    ),
    (
        "cert-weak",
        "SHA-1 on a root certificate",
        Not(
            || Tale::built(chain(&[&leaf(), &with_sha1(&leaf())])),
            || Tale::built(chain(&[&with_sha1(&leaf()), &leaf()])),
        ),
    ),
    ("tls-old-version", "the server may speak newer ones", Still(Severity::Low, || Tale::built(versions(&[1, 3])))),
    (
        "tls-old-version",
        "the server may speak newer ones",
        Not(|| Tale::built(versions(&[3])), || Tale::built(versions(&[1, 3]))),
    ),
    ("tls-old-version", "the server may speak newer ones", Says("still uses")),
];

const CARRIER: [u8; 4] = [203, 0, 113, 1];
const PDF: &str = "%PDF-1.7 a document that is long enough to be one, and of nobody, told again and again and again";

/// A form is posted with the hash of a password, to a device of the house.
fn logs_in(client: [u8; 4]) -> Vec<u8> {
    let form = "user=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
    let asks = format!(
        "POST /login HTTP/1.1\r\nHost: 192.168.20.10\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    spoken((client, 49_650), (SERVER, 80), &[C(asks.as_bytes()), S(ok("text/html", "", "<p>ready</p>").as_bytes())])
}

/// A monitoring program asks with a user that there is not.
fn health_check(answer: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    ask(&mut recording, (DEVICE, 49_651), (SERVER, 80), "/", &basic("health:check"), answer);
    recording.octets().to_vec()
}

/// A browser shows a password to the proxy of the house (RFC 9110 11.7.2).
fn through_a_proxy() -> Vec<u8> {
    let shows = basic("nurse:a-long-word-of-nobody").replace("Authorization", "Proxy-Authorization");
    let asks = format!("GET http://news.example/ HTTP/1.1\r\nHost: news.example\r\n{shows}\r\n");
    spoken((DEVICE, 49_652), (SERVER, 3128), &[C(asks.as_bytes()), S(ok("text/html", "", "<p>news</p>").as_bytes())])
}

/// Every page of ASP.NET from 4.0 to 4.8 says so.
fn asp_net() -> Vec<u8> {
    browse(STRANGER, SERVER, &[("/", &ok("text/html", "X-AspNet-Version: 4.0.30319\r\n", "<p>Clinic North</p>"))])
}

/// A search engine asks.
fn crawled(target: &str, answer: &str) -> Vec<u8> {
    let mut recording = Recording::new();
    let more = "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)\r\n";
    ask(&mut recording, (STRANGER, 49_653), (SERVER, 80), target, more, answer);
    recording.octets().to_vec()
}

/// Behind one address: each user has a session of an own, and gets so many documents, each with a connection.
fn hospital(users: u16, documents: u16) -> Vec<u8> {
    let mut recording = Recording::new();
    let document = ok("application/pdf", "", PDF);
    for number in 0..documents {
        for user in 0..users {
            let more = format!("Cookie: session=8f3a9c71be{user:04x}\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0)\r\n");
            let target = format!("/reports/{}.pdf", number * users + user);
            let port = 50_000 + number * users + user;
            ask(&mut recording, (STRANGER, port), (SERVER, 80), &target, &more, &document);
        }
    }
    recording.octets().to_vec()
}

/// Somebody follows a link out of a letter.
fn follows(target: &str) -> Vec<u8> {
    browse(STRANGER, SERVER, &[(target, &ok("text/html", "", "<p>thank you</p>"))])
}

/// The page of a device that tells how it is, on a host that also gives images.
fn status_page() -> Vec<u8> {
    browse(DEVICE, SERVER, &[("/dicom-web/studies", &studies()), ("/status", &ok("text/html", "", "<p>ready</p>"))])
}

fn leaf() -> Vec<u8> {
    certificate("pacs.example", (2028, 1, 1))
}

/// A server shows these certificates, its own first.
fn chain(certificates: &[&[u8]]) -> Vec<u8> {
    let (client, server) = handshake_of("pacs.example", (3, 0xc02f), certificates);
    spoken((STRANGER, 49_654), (SERVER, 443), &[C(&client), S(&server)])
}

/// One server chooses these versions of TLS, each for another client.
fn versions(minors: &[u8]) -> Vec<u8> {
    let mut recording = Recording::new();
    for (port, minor) in (49_655..).zip(minors) {
        let (client, server) = match *minor {
            OF_TLS_1_3 => hidden(),
            minor => handshake_of("pacs.example", (minor, 0xc02f), &[&leaf()]),
        };
        crate::octets::speak(&mut recording, (DEVICE, port), (SERVER, 443), &[C(&client), S(&server)]);
    }
    recording.octets().to_vec()
}

/// A server that chooses TLS 1.3 by the extension of RFC 8446 4.2.1, and whose certificate follows in what nobody reads.
fn hidden() -> (Vec<u8>, Vec<u8>) {
    let (client, _) = handshake("pacs.example", 0xc02f, &leaf());
    let mut hello = [&[2, 0, 0, 46, 3, 3][..], &[0x22; 32], &[0, 0x13, 0x01, 0]].concat(); // ServerHello; no session; AES-128-GCM
    hello.extend([0, 6, 0, 43, 0, 2, 3, 4]); // supported_versions: TLS 1.3
    let sealed = [&[23, 3, 3, 4, 0][..], &[0xa5; 1024]].concat();
    (client, [&[22, 3, 3, 0, u8::try_from(hello.len()).unwrap()][..], &hello, &sealed].concat())
}

const OF_TLS_1_3: u8 = 4;
