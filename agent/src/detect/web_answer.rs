//! An answer and the request that it belongs to: what was given to whom (RFC 9110 sections 9, 11, 15).
//!
//! Keeps: facts. Drops: the fields. Nothing is called open when its request was not heard, when any identity was shown
//! (cookie, credentials, a token in the link), when a proxy of the clinic asked for somebody else, when no data was given (HEAD, OPTIONS, 304, an empty list), or when the
//! content is not of the kind that was asked for: a login page at the address of a document is no document.

use super::web_body::{Body, Claim};
use super::web_kin;
use super::web_media::Media;
use super::web_path::{self, PathKind};
use super::web_request::{Asked, Method, sets_session};
use super::web_server;
use super::web_text::starts_with;
use super::web_told::Told;
use super::{Said, system};
use crate::wire::http::{Answer, Framing};
use crate::wire::ntlm;
use auscult_report::fact::{
    AgentClass, Encryption, Fact, Login, Protocol, Role, SoftwarePlace, SystemSign, WebAdmin, WebAuth, WebKind,
};
use auscult_report::zone::Zone;

/// Says what the head of an answer shows; gives back what its body is to be searched for. `asked` is the request that
/// it belongs to, if that was heard.
pub(super) fn hear(
    answer: &Answer<'_>,
    framing: Framing,
    asked: Option<&Asked>,
    said: &mut Said<'_>,
    told: &mut Told,
) -> Option<Body> {
    if told.is_first(&Fact::Protocol(Protocol::Http)) {
        said.protocol(Protocol::Http);
        said.answered();
        said.service(Fact::Encryption(Encryption::None));
    }
    if asked.is_some_and(|a| a.path.elsewhere || a.method == Method::Connect) {
        // A proxy: what it passes on belongs to somebody else, its own challenge does not.
        if let Some(sign) = answer.fields.all("Proxy-Authenticate").find_map(windows_behind) {
            told.server_host(said, Fact::System(sign));
        }
        if let Some(asked) = asked {
            proxied(asked, answer.status, said, told);
        }
        return None;
    }
    web_server::products(&answer.fields, said, told);
    web_kin::hear(answer, asked, said, told);
    if answer.fields.all("WWW-Authenticate").any(web_server::is_orthanc_realm) {
        if told.is_first(&Fact::Role(Role::Archive)) {
            web_server::software(b"Orthanc", None, SoftwarePlace::Realm, said);
            said.server_host(Fact::Role(Role::Archive));
        }
        told.server_host(said, Fact::Medical);
    }
    // The challenge of NTLM names the build of the server's Windows (MS-NTHT, MS-NLMP 2.2.2.10).
    if let Some(sign) = answer.fields.all("WWW-Authenticate").find_map(windows_behind) {
        told.server_host(said, Fact::System(sign));
    }
    if answer.fields.all("Set-Cookie").take(MAX_SET_COOKIES).any(sets_session) {
        told.service(said, Fact::WebSessionInClear);
    }
    if answer.status == 200 && asked.is_some_and(|a| a.maps_port) {
        told.server_host(said, Fact::Role(Role::Router));
        said.client_host(Fact::PortMapped);
    }
    let to_login = redirects(answer, said, told);
    if let Some(asked) = asked {
        identity(asked, answer.status, to_login, said, told);
    }
    body(answer, framing, asked, said, told)
}

/// The message in `NTLM TlRMTVNT..` or `Negotiate TlRMTVNT..`.
pub(super) fn ntlm_message(field: &[u8]) -> Option<ntlm::Message> {
    let blank = field.iter().position(|o| *o == b' ')?;
    let (scheme, message) = field.split_at_checked(blank)?;
    let is_known = [&b"NTLM"[..], b"Negotiate"].iter().any(|s| s.eq_ignore_ascii_case(scheme));
    is_known.then(|| ntlm::in_base64(message.trim_ascii())).flatten()
}

/// The system that a challenge names.
fn windows_behind(challenge: &[u8]) -> Option<SystemSign> {
    system::by_ntlm(&ntlm_message(challenge)?, true)
}

/// A request to a proxy: its password is as readable as any other.
fn proxied(asked: &Asked, status: u16, said: &mut Said<'_>, told: &mut Told) {
    if asked.basic && status < 400 {
        told.service(said, Fact::WebBasicInClear);
    }
    if status == 407 {
        told.service(said, Fact::Refused);
        told.service(said, Fact::Login(Login::Refused));
    }
}

/// Whether an answer leads to https; gives back whether it leads to a login.
fn redirects(answer: &Answer<'_>, said: &mut Said<'_>, told: &mut Told) -> bool {
    let redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    let location = answer.fields.get("Location").filter(|_| redirect).unwrap_or_default();
    let (login, secure) = web_path::redirect(location);
    if secure {
        told.service(said, Fact::WebRedirect);
    } else if !matches!(answer.status, 400 | 408) {
        // A server that cannot read a request, or waited for none, shows nothing by saying so.
        told.service(said, Fact::WebOtherAnswer);
    }
    login
}

/// What the request showed and how the server took it.
fn identity(asked: &Asked, status: u16, to_login: bool, said: &mut Said<'_>, told: &mut Told) {
    let given = (200..300).contains(&status);
    let taken = status < 400;
    if matches!(status, 401 | 403 | 407) {
        told.service(said, Fact::Refused);
        told.service(said, Fact::Login(Login::Refused));
    } else if to_login && asked.identity.is_none() {
        told.service(said, Fact::Login(Login::Refused));
    }
    match asked.identity {
        // A cookie that is no session's may be a person's or a page's: it makes nothing open, and proves no login.
        Some(WebAuth::Cookie) if !asked.session => {}
        Some(auth) if taken => {
            told.service(said, Fact::WebAuth(auth));
            if given {
                told.service(said, Fact::Login(Login::Used));
            }
        }
        None if given => told.service(said, Fact::WebAuth(WebAuth::None)),
        _ => {}
    }
    if taken && asked.basic {
        told.service(said, Fact::WebBasicInClear);
    }
    if given && asked.factory {
        told.service(said, Fact::WebDefaultPassword);
    }
    if asked.session {
        told.service(said, Fact::WebSessionInClear);
    }
    if taken && asked.password {
        told.service(said, Fact::WebLoginInClear);
    }
    if taken && asked.path.kind == PathKind::Activation {
        told.service(said, Fact::WebTokenInClear);
    }
    if status == 200
        && let Some(class) = asked.agent
    {
        told.service(said, Fact::WebCrawler(class));
    }
}

/// What the body is to be searched for, and what is known of it without a search.
fn body(
    answer: &Answer<'_>,
    framing: Framing,
    asked: Option<&Asked>,
    said: &mut Said<'_>,
    told: &mut Told,
) -> Option<Body> {
    let media = answer.fields.get("Content-Type").map_or(Media::Other, Media::of);
    let plain = answer.fields.get("Content-Encoding").is_none_or(|c| c.eq_ignore_ascii_case(b"identity"));
    let success = matches!(answer.status, 200 | 203 | 206);
    let data = asked.is_none_or(|a| matches!(a.method, Method::Get | Method::Post));
    let claim = if success && data { claim(media, plain, asked, answer) } else { Claim::Nothing };
    let read = plain && (success || matches!(answer.status, 400..=599)) && readable(media, asked, success);
    if framing == Framing::Empty || framing == Framing::Length(0) {
        return None;
    }
    let mut body = Body::new(asked.copied(), media, answer.status, claim, read);
    body.old_iis = answer
        .fields
        .get("Server")
        .is_some_and(|s| starts_with(s, b"Microsoft-IIS/5") || starts_with(s, b"Microsoft-IIS/6"));
    if let Framing::Length(length) = framing {
        body.announced(length, said, told);
    }
    body.wants().then_some(body)
}

/// Whether the first octets of such a body say more than its head.
fn readable(media: Media, asked: Option<&Asked>, success: bool) -> bool {
    match media {
        Media::Html => true,
        _ if !success => false,
        Media::Fhir | Media::Jnlp => true,
        Media::Json | Media::Xml | Media::Text => asked.is_none_or(|a| {
            let root = a.path.kind == PathKind::Other && a.path.folder;
            let kinds = matches!(
                a.path.kind,
                PathKind::Orthanc { .. } | PathKind::Fhir { .. } | PathKind::FhirCapability | PathKind::Mirth
            );
            root || kinds
        }),
        _ => false,
    }
}

/// What may be claimed of a body when enough of it has come.
fn claim(media: Media, plain: bool, asked: Option<&Asked>, answer: &Answer<'_>) -> Claim {
    let kind = asked.map(|a| a.path.kind);
    match (kind.unwrap_or(PathKind::Other), media) {
        (PathKind::WadoUri, Media::Dicom | Media::Dicomweb | Media::Image | Media::Multipart) => {
            Claim::Kind(WebKind::WadoUri)
        }
        (PathKind::Orthanc { sure: true }, m) if m != Media::Html => Claim::Kind(WebKind::OrthancRest),
        // Compressed: the form of the identifiers cannot be seen. Orthanc sends no Server field.
        (PathKind::Orthanc { sure: false }, Media::Json) if !plain && answer.fields.get("Server").is_none() => {
            Claim::Kind(WebKind::OrthancRest)
        }
        (_, Media::Dicomweb) => Claim::Kind(WebKind::Dicomweb),
        (PathKind::Dicomweb { .. }, Media::Dicom | Media::Image | Media::Multipart) => Claim::Kind(WebKind::Dicomweb),
        (PathKind::Dicomweb { records: true }, Media::Json) => Claim::Kind(WebKind::Dicomweb),
        // Compressed: an empty bundle is small.
        (PathKind::Fhir { public: false }, Media::Fhir) if !plain => Claim::Large(WebKind::Fhir),
        (PathKind::DatabaseRest, Media::Json | Media::Text) => Claim::Kind(WebKind::DatabaseRest),
        (PathKind::Admin(WebAdmin::Docker), Media::Json) => Claim::Admin(WebAdmin::Docker),
        (PathKind::Leftover, m) if !matches!(m, Media::Html | Media::Json) => Claim::Leftover,
        (PathKind::Api, Media::Json | Media::Xml) => Claim::Plain(WebKind::Api),
        (PathKind::Activation, Media::Html) => Claim::Plain(WebKind::Activation),
        (PathKind::Fhir { .. } | PathKind::Orthanc { .. } | PathKind::Mirth, _) => Claim::Nothing,
        (_, m) if asked.is_some_and(|a| m.is_document(a.path.name)) => Claim::Document,
        _ => Claim::Nothing,
    }
}

/// A kind was served, with content.
pub(super) fn served(kind: WebKind, asked: Option<&Asked>, said: &mut Said<'_>, told: &mut Told) {
    told.service(said, Fact::WebKind(kind));
    let imaging = matches!(kind, WebKind::Dicomweb | WebKind::WadoUri | WebKind::OrthancRest | WebKind::OrthancUi);
    let medical = imaging || matches!(kind, WebKind::Fhir | WebKind::FhirCapability);
    if imaging {
        told.server_host(said, Fact::Role(Role::Archive));
    }
    if medical {
        told.server_host(said, Fact::Medical);
    }
    let records = matches!(kind, WebKind::Dicomweb | WebKind::WadoUri | WebKind::OrthancRest | WebKind::Fhir);
    if records && said.server.zone == Zone::Outside && said.client.zone != Zone::Outside {
        told.client_host(said, Fact::MedicalCleartextOut);
    }
    if asked.is_some_and(Asked::is_of_nobody) {
        told.service(said, Fact::WebOpenKind(kind));
        if records || matches!(kind, WebKind::Document | WebKind::DatabaseRest) {
            told.service(said, Fact::DataServed);
            told.service(said, Fact::Login(Login::None));
        }
    }
}

/// Documents that one user gets within an hour and is no collector of them (`web.enumeration`).
const MOST_DOCUMENTS: u16 = 200;

/// A document was served.
pub(super) fn document(asked: &Asked, said: &mut Said<'_>, told: &mut Told) {
    served(WebKind::Document, Some(asked), said, told);
    let thing = asked.thing.to_be_bytes();
    match asked.identity {
        Some(_) => said.service_different(Fact::WebClosedDocument, &thing),
        None if asked.passed_on => {}
        None => said.service_different(Fact::WebOpenDocument, &thing),
    }
    said.service_of_many(Fact::WebEnumerated, asked.who, &thing, MOST_DOCUMENTS);
    if matches!(asked.agent, Some(AgentClass::Search | AgentClass::Archive | AgentClass::Ai | AgentClass::Preview)) {
        said.service_different(Fact::WebCrawlerDocument, &thing);
    }
}

/// What is known of requests whose answers nobody hears: what stands in them is readable all the same.
pub(super) fn unanswered(asked: &Asked, said: &mut Said<'_>, told: &mut Told) {
    if asked.basic {
        told.service(said, Fact::WebBasicInClear);
    }
    if asked.session {
        told.service(said, Fact::WebSessionInClear);
    }
    if asked.password {
        told.service(said, Fact::WebLoginInClear);
    }
    if asked.path.kind == PathKind::Activation && asked.path.token {
        told.service(said, Fact::WebTokenInClear);
    }
    if let Some(auth) = asked.identity {
        told.service(said, Fact::WebAuth(auth));
    }
}

/// Set-Cookie fields of an answer that are looked at.
const MAX_SET_COOKIES: usize = 16;
