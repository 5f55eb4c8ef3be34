//! What a web server says it is (RFC 9110 sections 7.6.3, 10.2.4, 11.6.1 and the fields of `framework-headers.tsv`).
//!
//! Keeps: a product of the shipped list, its version by the grammar of versions, the kind of the field. Drops: every
//! word that is not in the list, host names (Via), realms.

use super::web_text::{contains, find, mark, number, starts_with, two_numbers};
use super::web_told::Told;
use super::{Said, system};
use crate::wire::http::Fields;
use auscult_report::fact::{Fact, SignPlace, Software, SoftwarePlace, SystemFamily, SystemSign, WebHeader};
use auscult_report::product::Product;
use auscult_report::version::Version;

/// Says the products that the fields of an answer name. Servers repeat themselves, so nothing is done when the fields
/// are those of the answer before.
pub(super) fn products(fields: &Fields<'_>, said: &mut Said<'_>, told: &mut Told) {
    let seen = NAMING_FIELDS.map(|name| fields.get(name).unwrap_or_default());
    if !told.is_new_server(mark(said.key, &seen)) {
        return;
    }
    let [server, powered, asp, mvc, generator, jenkins, influx, via] = seen;
    server_field(server, said, told);
    powered_by(powered, said, told);
    if let Some(version) = Version::leading(asp) {
        told.service(said, Fact::WebVersionShown(WebHeader::AspNetVersion));
        software(b"ASP.NET", Some(version), SoftwarePlace::PoweredBy, said);
    }
    if Version::leading(mvc).is_some() {
        told.service(said, Fact::WebVersionShown(WebHeader::AspNetMvc));
    }
    if let Some((word, version)) = product_words(generator) {
        told.service(said, Fact::WebVersionShown(WebHeader::Generator));
        software(word, version, SoftwarePlace::PoweredBy, said);
    }
    for (name, field) in [(&b"Jenkins"[..], jenkins), (b"InfluxDB", influx)] {
        if let Some(version) = Version::leading(field) {
            software(name, Some(version), SoftwarePlace::PoweredBy, said);
        }
    }
    if let Some(squid) = find(via, b"(squid/").and_then(|at| via.get(at.saturating_add(7)..)) {
        software(b"squid", Version::leading(squid), SoftwarePlace::ServerHeader, said);
    }
}

/// Says a product that has this word in the list; nothing if it has none.
pub(super) fn software(word: &[u8], version: Option<Version>, place: SoftwarePlace, said: &mut Said<'_>) {
    let Some(product) = listed(word) else { return };
    let (version, revision) = version.map_or((None, None), split_revision);
    said.service(Fact::Software(Software { product, version, revision, place }));
    if let Some(release) = revision.and_then(|r| release(r.as_str().as_bytes())) {
        said.server_host(Fact::System(release));
    }
}

/// Whether a challenge is that of Orthanc's login.
pub(super) fn is_orthanc_realm(challenge: &[u8]) -> bool {
    contains(challenge, b"realm=\"orthanc secure area\"")
}

/// The longest run of words at the start that is a listed product, and the version behind it: `HAPI FHIR 5.4.0 REST`.
pub(super) fn product_words(text: &[u8]) -> Option<(&[u8], Option<Version>)> {
    let ends = text.iter().enumerate().filter(|(_, o)| matches!(o, b' ' | b'/' | b'(' | b';' | b',')).map(|(i, _)| i);
    let ends = ends.chain([text.len()]).take(MAX_WORDS);
    let (word, rest) = ends.filter_map(|e| text.split_at_checked(e)).filter(|(w, _)| listed(w).is_some()).last()?;
    let rest = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"/")).unwrap_or_default();
    Some((word, Version::leading(rest)))
}

/// Server = product *( RWS ( product / comment ) ), product = token [ "/" version ].
fn server_field(value: &[u8], said: &mut Said<'_>, told: &mut Told) {
    let mut rest = value.trim_ascii();
    if let Some((phrase, word)) = PHRASES.iter().find(|(phrase, _)| starts_with(rest, phrase)) {
        let behind = rest.get(phrase.len()..).unwrap_or_default();
        server_product(word, Version::leading(behind), said, told);
        let end = behind.iter().position(|o| *o == b' ').unwrap_or(behind.len());
        rest = behind.get(end..).unwrap_or_default().trim_ascii_start();
    }
    for _ in 0..MAX_WORDS {
        let end = rest.iter().position(|o| matches!(o, b' ' | b'(' | b',' | b';')).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let (name, version) = match word.iter().position(|o| *o == b'/') {
            Some(slash) => (word.get(..slash), word.get(slash.saturating_add(1)..)),
            // Jetty(9.4.44.v20210927): the day behind it belongs to no version.
            None => (Some(word), behind.strip_prefix(b"(").and_then(|v| v.get(..find(v, b".v2").unwrap_or(v.len())))),
        };
        let tomcat = name == Some(b"Apache") && starts_with(behind, b" tomcat");
        if let (Some(name), false) = (name.filter(|n| !n.is_empty()), tomcat) {
            server_product(name, version.and_then(Version::leading), said, told);
        }
        rest = behind.trim_ascii_start();
        if let Some(comment) = rest.strip_prefix(b"(") {
            let close = comment.iter().position(|o| *o == b')').unwrap_or(comment.len());
            if name.is_none_or(|n| n != b"Jetty") {
                distribution(comment.get(..close).unwrap_or_default(), said, told);
            }
            rest = comment.get(close.saturating_add(1)..).unwrap_or_default();
        }
        rest = without_separators(rest);
        if rest.is_empty() {
            return;
        }
    }
}

/// One product of a Server field.
fn server_product(name: &[u8], version: Option<Version>, said: &mut Said<'_>, told: &mut Told) {
    if starts_with(name, b"mod_") {
        told.service(said, Fact::WebVersionShown(WebHeader::Module));
    }
    let Some(product) = listed(name) else { return };
    let coyote = name.eq_ignore_ascii_case(b"Apache-Coyote");
    let version = version.filter(|_| !coyote && product.name() != "Microsoft HTTPAPI");
    let numbers = version.map_or([0; 4], |v| v.numbers());
    let shown = match product.name() {
        "Microsoft HTTPAPI" => Some(WebHeader::Httpapi),
        "Apache Tomcat" => Some(WebHeader::Coyote),
        "Kestrel" => Some(WebHeader::Kestrel),
        "gSOAP" | "GoAhead" | "Virata EmWeb" | "mini_httpd" | "thttpd" | "Boa" => Some(WebHeader::Embedded),
        _ if version.is_none() => None,
        "Microsoft IIS" => Some(WebHeader::Iis),
        "Apache httpd" => Some(WebHeader::Apache),
        "nginx" | "OpenResty" => Some(WebHeader::Nginx),
        "lighttpd" => Some(WebHeader::Lighttpd),
        "OpenSSL" => Some(WebHeader::Openssl),
        "PHP" => Some(WebHeader::Php),
        "Jetty" => Some(WebHeader::Jetty),
        "Werkzeug" => Some(WebHeader::Werkzeug),
        "CUPS" => Some(WebHeader::Cups),
        _ => None,
    };
    if let Some(shown) = shown {
        told.service(said, Fact::WebVersionShown(shown));
    }
    match product.name() {
        "Microsoft IIS" => windows(SignPlace::WebServer, numbers, said),
        "Microsoft HTTPAPI" => windows(SignPlace::WebServer, [0; 4], said),
        _ => {}
    }
    software(name, version, SoftwarePlace::ServerHeader, said);
}

/// A sign of Windows behind the server, by the numbers of IIS (`iis-windows.tsv`).
pub(super) fn windows(place: SignPlace, numbers: [u32; 4], said: &mut Said<'_>) {
    let [major, minor, ..] = numbers.map(|n| u8::try_from(n).unwrap_or(0));
    said.server_host(Fact::System(SystemSign { place, family: SystemFamily::Windows, major, minor, build: 0 }));
}

/// The family that the brackets behind Apache or nginx name. The release stays open: it has no sure sign there.
fn distribution(comment: &[u8], said: &mut Said<'_>, told: &mut Told) {
    let family = match comment {
        c if starts_with(c, b"win") => SystemFamily::Windows,
        c if LINUX.iter().any(|l| contains(c, l)) => SystemFamily::Linux,
        c if contains(c, b"bsd") => SystemFamily::Bsd,
        _ => return,
    };
    if told.is_first_family() {
        let place = SignPlace::WebServer;
        said.server_host(Fact::System(SystemSign { place, family, major: 0, minor: 0, build: 0 }));
    }
}

/// X-Powered-By names a framework.
fn powered_by(value: &[u8], said: &mut Said<'_>, told: &mut Told) {
    for part in value.split(|o| *o == b',').take(MAX_WORDS).map(<[u8]>::trim_ascii) {
        let Some((word, version)) = product_words(part) else {
            if FRAMEWORKS.iter().any(|f| starts_with(part, f)) {
                told.service(said, Fact::WebVersionShown(WebHeader::Framework));
            }
            continue;
        };
        let shown = match word {
            w if w.eq_ignore_ascii_case(b"PHP") => WebHeader::Php,
            w if w.eq_ignore_ascii_case(b"ASP.NET") => WebHeader::AspNet,
            _ => WebHeader::Framework,
        };
        told.service(said, Fact::WebVersionShown(shown));
        software(word, version, SoftwarePlace::PoweredBy, said);
    }
}

/// The product of the list, without those words that mean something else in another protocol.
fn listed(word: &[u8]) -> Option<Product> {
    if word.is_empty() {
        return None;
    }
    Product::called(word).filter(|p| !NOT_ON_THE_WEB.contains(&p.name()))
}

/// `7.4.3-4ubuntu2.29` is the version 7.4.3 in a distribution's revision `4ubuntu2.29`; `1.0.2k-fips` is whole.
fn split_revision(version: Version) -> (Option<Version>, Option<Version>) {
    let text = version.as_str().as_bytes();
    let split = text.iter().position(|o| matches!(o, b'-' | b'+' | b'~')).and_then(|at| text.split_at_checked(at));
    match split {
        Some((front, back)) if contains(back, b"ubuntu") || contains(back, b"deb") => {
            (Version::leading(front), back.get(1..).and_then(Version::leading))
        }
        _ => (Some(version), None),
    }
}

/// What `distro-suffixes.tsv` is sure of: `+deb12u1` is Debian 12, `ubuntu0.22.04` is Ubuntu 22.04.
fn release(revision: &[u8]) -> Option<SystemSign> {
    let debian = find(revision, b"deb").and_then(|at| {
        let (major, rest) = number(revision.get(at.saturating_add(3)..)?)?;
        (rest.first() == Some(&b'u') && (8..=13).contains(&major)).then_some((major, 0, system::DEBIAN))
    });
    let ubuntu = || {
        let at = find(revision, b"ubuntu")?;
        let rest = revision.get(at.saturating_add(6)..)?;
        let (major, minor, _) = two_numbers(rest.strip_prefix(b"0.").or_else(|| rest.strip_prefix(b"."))?)?;
        ((16..=30).contains(&major) && matches!(minor, 4 | 10)).then_some((major, minor, system::UBUNTU))
    };
    let (major, minor, maker) = debian.or_else(ubuntu)?;
    let release = (u8::try_from(major).ok()?, u8::try_from(minor).ok()?);
    Some(system::linux(SignPlace::PackageRevision, release, maker))
}

/// Without the separators at the start.
fn without_separators(octets: &[u8]) -> &[u8] {
    let skip = octets.iter().take_while(|o| matches!(o, b' ' | b',' | b';' | b')')).count();
    octets.get(skip..).unwrap_or_default()
}

/// Words of a field that are looked at: Apache with all its modules says about eight.
const MAX_WORDS: usize = 12;

/// Names of several words with which a Server field begins, in lower case, and the word of the list that each is; empty: none.
const PHRASES: &[(&[u8], &[u8])] = &[
    (b"tomcat web server/", b"Tomcat"),
    (b"apache coyote/", b"Apache-Coyote"),
    (b"hp apache-based web server/", b"Apache"),
    (b"hp web jetadmin/", b""),
    (b"glassfish server open source edition ", b"GlassFish"),
    (b"oracle glassfish server ", b"GlassFish"),
    (b"sun glassfish enterprise server v", b"GlassFish"),
    (b"weblogic weblogic server ", b"WebLogic"),
    (b"weblogic server ", b"WebLogic"),
    (b"vnc server enterprise edition/e", b"RealVNC"),
    (b"vnc server personal edition/p", b"RealVNC"),
];

/// Fields that name products, in the order in which `products` takes them apart.
const NAMING_FIELDS: [&str; 8] = [
    "Server",
    "X-Powered-By",
    "X-AspNet-Version",
    "X-AspNetMvc-Version",
    "X-Generator",
    "X-Jenkins",
    "X-Influxdb-Version",
    "Via",
];

/// Products whose words mean something else in a Server field.
const NOT_ON_THE_WEB: &[&str] =
    &["Cisco SSH", "Windows", "Debian", "Ubuntu", "Laurel Bridge DCF", "Microsoft DHCP client"];

const LINUX: &[&[u8]] =
    &[b"debian", b"ubuntu", b"centos", b"red hat", b"fedora", b"suse", b"raspbian", b"alma", b"rocky", b"amazon"];
const FRAMEWORKS: &[&[u8]] = &[b"Servlet", b"JSP", b"JSF"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{End, Observation};
    use crate::wire::http::Answer;
    use auscult_report::subject::{HostId, Transport};
    use auscult_report::time::Timestamp;
    use auscult_report::zone::Zone;

    fn facts(fields: &str) -> Vec<Fact> {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let answer = Answer::read(head.as_bytes()).unwrap();
        let mut heard: Vec<Observation> = Vec::new();
        let mut out = |o| heard.push(o);
        let end = |n: u64| End {
            host: HostId(n),
            zone: Zone::SameSegment,
            address: [192, 168, 20, 1].into(),
            port: 80,
            passage: crate::detect::Passage::Plain,
        };
        let (at, transport) = (Timestamp(1), Transport::Tcp);
        let mut said = Said { at, transport, server: end(1), client: end(2), key: 7, out: &mut out };
        let mut told = Told::default();
        products(&answer.fields, &mut said, &mut told);
        products(&answer.fields, &mut said, &mut told);
        heard.into_iter().map(|o| o.fact).collect()
    }

    fn names(fields: &str) -> Vec<String> {
        facts(fields)
            .into_iter()
            .filter_map(|f| match f {
                Fact::Software(s) => Some(format!(
                    "{} {} {}",
                    s.product.name(),
                    s.version.map(|v| v.to_string()).unwrap_or_default(),
                    s.revision.map(|v| v.to_string()).unwrap_or_default()
                )),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn products_of_real_fields_are_named_once() {
        for (field, expected) in [
            ("Server: Apache/2.4.62 (Debian)", vec!["Apache httpd 2.4.62 "]),
            ("Server: Apache/2.2.8 (Ubuntu) DAV/2", vec!["Apache httpd 2.2.8 "]),
            ("Server: nginx", vec!["nginx  "]),
            ("Server: nginx/1.22.1", vec!["nginx 1.22.1 "]),
            ("Server: Microsoft-IIS/7.5", vec!["Microsoft IIS 7.5 "]),
            ("Server: Virata-EmWeb/R6_2_1", vec!["Virata EmWeb R6_2_1 "]),
            ("Server: cpsrvd/11.44.1.19", vec!["cpsrvd 11.44.1.19 "]),
            ("Server: Jetty(9.4.44.v20210927)", vec!["Jetty 9.4.44 "]),
            ("Server: Apache-Coyote/1.1", vec!["Apache Tomcat  "]),
            ("Server: Apache Tomcat/7.0.11", vec!["Apache Tomcat 7.0.11 "]),
            ("Server: Tomcat Web Server/3.2.2 (JSP 1.1; Servlet 2.2)", vec!["Apache Tomcat 3.2.2 "]),
            ("Server: Apache Coyote/1.0", vec!["Apache Tomcat  "]),
            (
                "Server: Apache-AdvancedExtranetServer/2.0.48 (Mandrake Linux/6mdk) PHP/4.3.4",
                vec!["Apache httpd 2.0.48 ", "PHP 4.3.4 "],
            ),
            (
                "Server: HP Apache-based Web Server/1.3.26 (Unix) OpenSSL/0.9.6c",
                vec!["Apache httpd 1.3.26 ", "OpenSSL 0.9.6c "],
            ),
            ("Server: HP Web Jetadmin/2 (Win32) OpenSSL/0.9.6m", vec!["OpenSSL 0.9.6m "]),
            ("Server: Oracle GlassFish Server 3.1.2.14", vec!["GlassFish 3.1.2.14 "]),
            ("Server: WebLogic WebLogic Server 6.1 SP4  11/08/2002 21:50:43 #221641", vec!["Oracle WebLogic 6.1 "]),
            ("Server: VNC Server Enterprise Edition/E4.5.1 (r27892)", vec!["RealVNC 4.5.1 "]),
            ("Server: cisco-IOS/12.1 HTTP-server/1.0(1)", vec!["Cisco IOS 12.1 "]),
            ("Server: Werkzeug/2.0.1 Python/3.9.2", vec!["Werkzeug 2.0.1 ", "Python 3.9.2 "]),
            (
                "Server: Apache/2.2.15 (CentOS) mod_ssl/2.2.15 OpenSSL/1.0.1e-fips PHP/5.3.3",
                vec!["Apache httpd 2.2.15 ", "OpenSSL 1.0.1e-fips ", "PHP 5.3.3 "],
            ),
            ("Server: CUPS/2.4 IPP/2.1", vec!["CUPS 2.4 "]),
            ("Server: Cisco AWARE 2.0", vec![]),
            ("Server: ZZCANARY/1.0 (Smith)", vec![]),
            ("X-Powered-By: PHP/7.4.3-4ubuntu2.29", vec!["PHP 7.4.3 4ubuntu2.29"]),
            ("X-Powered-By: PHP/5.6.40-0+deb8u12", vec!["PHP 5.6.40 0+deb8u12"]),
            ("X-Powered-By: HAPI FHIR 5.4.0 REST Server (FHIR Server; FHIR 4.0.1/R4)", vec!["HAPI FHIR 5.4.0 "]),
            ("X-Powered-By: ASP.NET\r\nX-AspNet-Version: 2.0.50727", vec!["ASP.NET  ", "ASP.NET 2.0.50727 "]),
            ("X-Powered-By: Express", vec!["Express  "]),
            ("X-Generator: Drupal 7 (http://drupal.org)", vec!["Drupal 7 "]),
            ("Via: 1.1 zzcanary-host (squid/5.7)", vec!["Squid 5.7 "]),
        ] {
            assert_eq!(names(field), expected, "{field}");
        }
    }

    #[test]
    fn signs_of_the_system_come_from_sure_words_alone() {
        let signs = |f: &str| {
            let all = facts(f).into_iter().filter_map(|f| match f {
                Fact::System(s) => Some((s.place, s.family, s.major, s.minor, s.build)),
                _ => None,
            });
            all.collect::<Vec<_>>()
        };
        let (web, package) = (SignPlace::WebServer, SignPlace::PackageRevision);
        assert_eq!(signs("Server: Microsoft-IIS/7.5"), [(web, SystemFamily::Windows, 7, 5, 0)]);
        assert_eq!(signs("Server: Microsoft-IIS/10.0"), [(web, SystemFamily::Windows, 10, 0, 0)]);
        assert_eq!(signs("Server: Apache/2.4.62 (Debian)"), [(web, SystemFamily::Linux, 0, 0, 0)]);
        assert_eq!(signs("Server: Apache/2.4.1 (Win64)"), [(web, SystemFamily::Windows, 0, 0, 0)]);
        assert_eq!(signs("Server: nginx/1.22.1"), []);
        assert_eq!(signs("X-Powered-By: PHP/5.6.40-0+deb8u12"), [(package, SystemFamily::Linux, 8, 0, system::DEBIAN)]);
        assert_eq!(
            signs("X-Powered-By: PHP/8.1.2-1ubuntu0.22.04.1"),
            [(package, SystemFamily::Linux, 22, 4, system::UBUNTU)]
        );
        assert_eq!(signs("X-Powered-By: PHP/7.4.3-4ubuntu2.29"), []);
    }

    #[test]
    fn fields_that_show_versions_are_named_by_kind() {
        let shown = |f: &str| {
            let all = facts(f).into_iter().filter_map(|f| match f {
                Fact::WebVersionShown(h) => Some(h),
                _ => None,
            });
            all.collect::<Vec<_>>()
        };
        assert_eq!(shown("Server: nginx"), []);
        assert_eq!(shown("Server: Apache/2.4.6 mod_perl/2.0"), [WebHeader::Apache, WebHeader::Module]);
        assert_eq!(shown("Server: Kestrel"), [WebHeader::Kestrel]);
        assert_eq!(shown("X-Powered-By: Servlet/3.0 JSP/2.3"), [WebHeader::Framework]);
        assert_eq!(shown("X-AspNetMvc-Version: 5.2"), [WebHeader::AspNetMvc]);
    }
}
