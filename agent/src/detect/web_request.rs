//! A request as far as its answer needs it: who showed what identity for which kind of address
//! (RFC 9110 sections 9, 11; RFC 6265 section 5.4; RFC 7617).
//!
//! Keeps: words of closed lists, and a keyed hash of the target, for counting different documents. Drops: target, host,
//! cookies, credentials (compared with the factory pairs and gone), form fields.

use super::web_path::{self, Path};
use super::web_text::{contains, ends_with, mark, starts_with};
use super::{mapping, web_agent};
use crate::wire::http;
use auscult_report::fact::{AgentClass, HostForm, WebAuth};
use auscult_report::zone::Zone;

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// What to do.
    pub(super) method: Method,
    /// What the address stands for.
    pub(super) path: Path,
    /// The identity that was shown, if any.
    pub(super) identity: Option<WebAuth>,
    /// A readable password (Basic) was sent, to the server or to a proxy.
    pub(super) basic: bool,
    /// It stands in the list of factory pairs.
    pub(super) factory: bool,
    /// A session cookie was sent.
    pub(super) session: bool,
    /// `X-Requested-With` was sent: a program's own page asks, not a person.
    pub(super) by_page: bool,
    /// A form with a password was posted.
    pub(super) password: bool,
    /// An internet gateway is asked to map a port (`SOAPAction`).
    pub(super) maps_port: bool,
    /// What the client calls itself.
    pub(super) agent: Option<AgentClass>,
    /// How the server was named.
    pub(super) host: HostForm,
    /// Keyed hash of the target.
    pub(super) thing: u64,
    /// A proxy of the clinic asks for somebody else: who is let in was settled on its own side.
    pub(super) passed_on: bool,
    /// Keyed hash of what tells people behind one address apart: their browser, their session.
    pub(super) who: u64,
}

impl Asked {
    /// Of a client in this zone: what strangers and guests say of whom they ask for is not believed.
    pub(super) const fn heard_from(self, zone: Zone) -> Asked {
        Asked { passed_on: self.passed_on && !matches!(zone, Zone::Outside | Zone::Guest), ..self }
    }

    /// Whether nobody in particular asked.
    pub(super) const fn is_of_nobody(&self) -> bool {
        self.identity.is_none() && !self.passed_on
    }
}

/// Methods, as far as they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// GET.
    Get,
    /// POST: searches are posted too.
    Post,
    /// HEAD: the answer has no body.
    Head,
    /// CONNECT: a tunnel.
    Connect,
    /// Any other: nothing is handed over.
    Other,
}

/// Reads a request; `key` hashes its target.
pub(super) fn read(request: &http::Request<'_>, key: u64) -> Asked {
    let fields = &request.fields;
    let method = match request.method {
        b"GET" => Method::Get,
        b"POST" => Method::Post,
        b"HEAD" => Method::Head,
        b"CONNECT" => Method::Connect,
        _ => Method::Other,
    };
    let path = web_path::read(request.target);
    let credentials = fields.get("Authorization");
    let basic = credentials.and_then(basic_pair).or_else(|| fields.get("Proxy-Authorization").and_then(basic_pair));
    let (mut cookie, mut session) = (false, false);
    for name in fields.all("Cookie").flat_map(cookie_names) {
        cookie |= !is_harmless(name);
        session |= is_session(name);
    }
    let signs = ["User-Agent", "Cookie"].map(|name| fields.get(name).unwrap_or_default());
    let identity = credentials
        .map(scheme)
        .or(path.token.then_some(WebAuth::TokenParameter))
        .or(KEY_FIELDS.iter().any(|f| fields.get(f).is_some()).then_some(WebAuth::TokenParameter))
        .or(cookie.then_some(WebAuth::Cookie));
    Asked {
        method,
        path,
        identity,
        basic: basic.is_some(),
        factory: basic.is_some_and(is_factory_pair),
        session,
        by_page: fields.get("X-Requested-With").is_some(),
        password: false,
        maps_port: method == Method::Post && fields.get("SOAPAction").is_some_and(mapping::asks_for_port),
        agent: fields.get("User-Agent").and_then(web_agent::class),
        host: fields.get("Host").map_or(HostForm::Unknown, host_form),
        thing: mark(key, &[request.target]),
        passed_on: PROXY_FIELDS.iter().any(|f| fields.get(f).is_some()),
        who: mark(key, &[&signs[..], &[credentials.unwrap_or_default()]].concat()),
    }
}

/// Whether a Set-Cookie value (RFC 6265 section 4.1) begins a session: a session's name and a value.
pub(super) fn sets_session(value: &[u8]) -> bool {
    let pair = http::main_value(value);
    let mut halves = pair.splitn(2, |o| *o == b'=');
    let name = halves.next().unwrap_or_default().trim_ascii();
    is_session(name) && halves.next().is_some_and(|v| v.len() > 2)
}

/// Searches a posted form for a password field (RFC 1866 section 8.2.1; JSON and multipart by the name alone). It goes
/// octet by octet and remembers only where in the word it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PostedForm {
    seen: usize,
    /// The last letters, lower case, newest last.
    last: [u8; 8],
    /// The name that is being read has a password word in it.
    named: bool,
    /// A password was posted.
    pub(super) password: bool,
}

impl PostedForm {
    /// Whether bodies of this type are forms.
    pub(super) fn is_form(media: &[u8]) -> bool {
        FORMS.iter().any(|f| starts_with(media, f))
    }

    /// The next octets; gives back whether more are wanted. Work is bounded by [`MAX_FORM`].
    pub(super) fn hear(&mut self, octets: &[u8]) -> bool {
        for octet in octets {
            self.seen = self.seen.saturating_add(1);
            match octet {
                b'=' | b':' if self.named || self.last.ends_with(b"pass") => self.password = true,
                b'&' | b',' | b'{' | b';' | b'\n' => self.named = false,
                _ => {}
            }
            self.last.rotate_left(1);
            if let Some(newest) = self.last.last_mut() {
                *newest = octet.to_ascii_lowercase();
            }
            self.named |= PASSWORD_WORDS.iter().any(|w| self.last.ends_with(w));
            if self.password || self.seen >= MAX_FORM {
                return false;
            }
        }
        true
    }
}

/// The scheme of an Authorization field.
fn scheme(value: &[u8]) -> WebAuth {
    let word = value.split(|o| *o == b' ').next().unwrap_or_default();
    SCHEMES.iter().find(|s| word.eq_ignore_ascii_case(s.0)).map_or(WebAuth::TokenParameter, |s| s.1)
}

/// The encoded pair of `Basic`.
fn basic_pair(value: &[u8]) -> Option<&[u8]> {
    starts_with(value, b"basic ").then(|| value.get(6..).unwrap_or_default().trim_ascii())
}

/// Whether the encoded pair is a factory pair. It is decoded into a few octets on the stack, compared, and gone.
fn is_factory_pair(encoded: &[u8]) -> bool {
    let mut plain = [0u8; LONGEST_FACTORY_PAIR];
    let decoded = decode_base64(encoded, &mut plain).and_then(|len| plain.get(..len));
    decoded.is_some_and(|pair| FACTORY_PAIRS.contains(&pair))
}

/// Base64 (RFC 4648 section 4); `None` if it is none or does not fit.
pub(super) fn decode_base64(encoded: &[u8], plain: &mut [u8]) -> Option<usize> {
    let (mut bits, mut held, mut len) = (0u32, 0u32, 0usize);
    for octet in encoded.iter().take_while(|o| **o != b'=') {
        let six = match octet {
            b'A'..=b'Z' => octet.wrapping_sub(b'A'),
            b'a'..=b'z' => octet.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => octet.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0x3FFF;
        held = held.saturating_add(6);
        if held >= 8 {
            held = held.saturating_sub(8);
            *plain.get_mut(len)? = u8::try_from((bits >> held) & 0xFF).ok()?;
            len = len.saturating_add(1);
        }
    }
    Some(len)
}

fn cookie_names(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|o| *o == b';')
        .take(MAX_COOKIES)
        .map(|pair| pair.split(|o| *o == b'=').next().unwrap_or_default().trim_ascii())
        .filter(|n| !n.is_empty())
}

/// Whether a cookie of this name carries a session.
fn is_session(name: &[u8]) -> bool {
    if is_harmless(name) || contains(name, b"csrf") || contains(name, b"xsrf") {
        return false;
    }
    contains(name, b"sess")
        || ends_with(name, b"sid")
        || SESSIONS.iter().any(|s| name.eq_ignore_ascii_case(s))
        || starts_with(name, b"aspsessionid")
}

/// Whether a cookie of this name says nothing of who somebody is: statistics, consent, language.
fn is_harmless(name: &[u8]) -> bool {
    HARMLESS_STARTS.iter().any(|h| starts_with(name, h)) || HARMLESS.iter().any(|h| name.eq_ignore_ascii_case(h))
}

/// Whether the Host field (RFC 9110 section 7.2) is an address or a name.
fn host_form(host: &[u8]) -> HostForm {
    if host.is_empty() {
        return HostForm::Unknown;
    }
    let name = host.split(|o| *o == b':').next().unwrap_or_default();
    let address = host.first() == Some(&b'[') || name.iter().all(|o| o.is_ascii_digit() || *o == b'.');
    if address { HostForm::BareAddress } else { HostForm::NamedHost }
}

/// Octets of a posted form that are searched: login forms are shorter, uploads are not meant.
const MAX_FORM: usize = 4096;

/// Cookies of a request that are looked at: browsers keep 50 to 180 for a site.
const MAX_COOKIES: usize = 64;

/// The longest pair of the list below.
const LONGEST_FACTORY_PAIR: usize = 16;

/// `snmp-and-default-words.tsv`, http-basic-default.
const FACTORY_PAIRS: &[&[u8]] =
    &[b"orthanc:orthanc", b"admin:admin", b"admin:password", b"admin:1234", b"tomcat:tomcat", b"admin:", b"root:root"];

const SCHEMES: &[(&[u8], WebAuth)] = &[
    (b"Basic", WebAuth::Basic),
    (b"Digest", WebAuth::Digest),
    (b"Bearer", WebAuth::Bearer),
    (b"NTLM", WebAuth::Ntlm),
    (b"Negotiate", WebAuth::Ntlm),
];

/// Fields that carry a key instead of Authorization.
const KEY_FIELDS: &[&str] = &["X-Api-Key", "X-Auth-Token", "X-Access-Token"];

/// Fields in which a proxy says for whom it asks (RFC 7239, and what it replaced).
const PROXY_FIELDS: &[&str] = &["Forwarded", "X-Forwarded-For", "X-Real-IP"];

const FORMS: &[&[u8]] = &[b"application/x-www-form-urlencoded", b"multipart/form-data", b"application/json"];
const PASSWORD_WORDS: &[&[u8]] = &[b"passw", b"pwd", b"kennwort", b"contras"];

/// Session cookies that are not told by `sess` or `sid` in their name.
const SESSIONS: &[&[u8]] = &[
    b".ASPXAUTH",
    b".AspNetCore.Cookies",
    b".AspNet.ApplicationCookie",
    b"auth",
    b"auth_token",
    b"authtoken",
    b"access_token",
    b"token",
    b"jwt",
    b"cfid",
    b"cftoken",
    b"remember_token",
    b"laravel_token",
    b"phpMyAdmin",
];

const HARMLESS_STARTS: &[&[u8]] = &[
    b"_ga",
    b"_gid",
    b"_gat",
    b"_gcl",
    b"_fbp",
    b"_pk_",
    b"__utm",
    b"_hj",
    b"cookieconsent",
    b"optanon",
    b"wp-settings",
];
const HARMLESS: &[&[u8]] =
    &[b"lang", b"language", b"locale", b"cookie_consent", b"cookies_accepted", b"theme", b"fontsize", b"timezone"];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: &str) -> Asked {
        read(&http::Request::read(head.as_bytes()).unwrap(), 7)
    }

    #[test]
    fn each_way_to_show_an_identity_is_one_word() {
        for (field, auth) in [
            ("Authorization: Basic ZHJjYW5hcnk6Q25yeVBhc3N3MHJkIQ==", Some(WebAuth::Basic)),
            ("Authorization: Digest username=\"zzcanary\"", Some(WebAuth::Digest)),
            ("Authorization: Bearer abc", Some(WebAuth::Bearer)),
            ("Authorization: Negotiate TlRMTVNT", Some(WebAuth::Ntlm)),
            ("Cookie: CNRYSESSID=abc", Some(WebAuth::Cookie)),
            ("Cookie: whatever=1", Some(WebAuth::Cookie)),
            ("Cookie: _ga=GA1.2.3; lang=en", None),
            ("X-Api-Key: 1", Some(WebAuth::TokenParameter)),
            ("Accept: */*", None),
        ] {
            assert_eq!(asked(&format!("GET / HTTP/1.1\r\n{field}\r\n\r\n")).identity, auth, "{field}");
        }
    }

    #[test]
    fn factory_pairs_are_known_and_others_are_not() {
        for (pair, factory) in [
            ("b3J0aGFuYzpvcnRoYW5j", true), // orthanc:orthanc
            ("YWRtaW46", true),             // admin:
            ("cm9vdDpyb290", true),         // root:root
            ("ZHJjYW5hcnk6Q25yeVBhc3N3MHJkIQ==", false),
            ("%%%", false),
        ] {
            let a = asked(&format!("GET / HTTP/1.1\r\nauthorization: basic {pair}\r\n\r\n"));
            assert_eq!((a.basic, a.factory), (true, factory), "{pair}");
        }
        assert!(asked("GET / HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n").basic);
    }

    #[test]
    fn session_cookies_are_told_from_others() {
        for (name, session) in [
            ("JSESSIONID", true),
            ("PHPSESSID", true),
            ("ASP.NET_SessionId", true),
            ("CNRYSESSID", true),
            ("connect.sid", true),
            ("sid", true),
            (".ASPXAUTH", true),
            ("lang", false),
            ("csrftoken", false),
            ("_hjSession_1", false),
            ("basket", false),
        ] {
            assert_eq!(sets_session(format!("{name}=abcdef; path=/").as_bytes()), session, "{name}");
        }
        assert!(!sets_session(b"JSESSIONID=; Max-Age=0"));
    }

    #[test]
    fn the_host_field_is_an_address_or_a_name() {
        for (host, form) in [
            ("203.0.113.2", HostForm::BareAddress),
            ("203.0.113.2:8042", HostForm::BareAddress),
            ("[2001:db8::1]", HostForm::BareAddress),
            ("portal.example:80", HostForm::NamedHost),
        ] {
            assert_eq!(asked(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).host, form);
        }
    }

    #[test]
    fn a_posted_password_is_found_in_pieces_and_other_forms_have_none() {
        for (form, password) in [
            ("username=zzcanary.patient&password=CnryPassw0rd%21", true),
            ("{\"user\":\"a\",\"passwd\" : \"b\"}", true),
            ("txtUser=a&txtPass=b", true),
            ("q=password&x=1", false),
            ("name=a&note=b", false),
        ] {
            for piece in [1, 100] {
                let mut f = PostedForm::default();
                for p in form.as_bytes().chunks(piece) {
                    f.hear(p);
                }
                assert_eq!(f.password, password, "{form}");
            }
        }
    }
}
