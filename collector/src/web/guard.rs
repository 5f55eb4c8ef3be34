//! Before every page: who asks, whether this is from our own form, whether the table lets this role do it; after it: who looked.
//!
//! Follows RFC 6265bis (`__Host-` cookies), W3C Fetch Metadata (`Sec-Fetch-Site`), CSP 3. Keeps: an audit line for each page and deed.
//! Drops: bodies over [`MOST_FORM`] octets; forms of other sites; why something is not there.

use super::again;
use super::form::{Form, cookie};
use super::limits::body;
use super::page::{self, Answered, Frame};
use super::problem::{Problem, set};
use super::routes::{Route, Who};
use super::{Connection, Desk};
use crate::access::{Role, Visitor};
use crate::store::{ClinicRow, ClinicStore, Deed};
use auscult_report::time::Timestamp;
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, LOCATION, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::net::IpAddr;
use std::sync::Arc;

/// A page: what it answers to a visit that the guard has let through. It may wait for the disk.
pub(super) type PageFn = fn(&Arc<Desk>, &Visit) -> Answered;

/// A request for a page, as the guard has found it.
pub(super) struct Visit {
    /// Who asks; nobody on pages for everybody.
    pub(super) visitor: Option<Visitor>,
    /// The clinic that the path names, if the visitor may see it.
    pub(super) at: Option<AtClinic>,
    /// What was posted.
    pub(super) form: Form,
    /// What stands behind `?`.
    pub(super) query: Form,
    /// The path.
    pub(super) path: String,
    parts: Vec<(String, String)>,
    /// Whether the page says that the clinics are made up.
    pub(super) demo: bool,
    /// What this browser keeps while it is at another service; empty: nothing.
    pub(super) browser: String,
    /// The session's new token, if the second factor was shown with this request.
    pub(super) fresh: Option<String>,
    /// Where it comes from.
    pub(super) from: IpAddr,
    /// When.
    pub(super) now: Timestamp,
}

/// A clinic, and what the visitor is there.
pub(super) struct AtClinic {
    pub(super) store: ClinicStore,
    pub(super) row: ClinicRow,
    pub(super) role: Role,
}

impl Visit {
    /// A part of the path.
    pub(super) fn part(&self, name: &str) -> &str {
        self.parts.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The clinic; the guard has seen to it that there is one where the table says so.
    pub(super) fn clinic(&self) -> Result<&AtClinic, Problem> {
        self.at.as_ref().ok_or(Problem::NOT_FOUND)
    }

    /// Who asks; the guard has seen to it that there is somebody where the table says so.
    pub(super) fn visitor(&self) -> Result<&Visitor, Problem> {
        self.visitor.as_ref().ok_or(Problem::NOT_FOUND)
    }

    /// What every page has around it.
    pub(super) fn frame(&self, title: impl Into<String>, here: &'static str) -> Frame {
        Frame::new(title.into(), here, self)
    }
}

/// A page behind the guard.
pub(super) fn page(route: &'static Route, page: PageFn) -> MethodRouter<Arc<Desk>> {
    let method = if route.method == "POST" { MethodFilter::POST } else { MethodFilter::GET };
    on(
        method,
        move |State(desk): State<Arc<Desk>>,
              Extension(connection): Extension<Arc<Connection>>,
              parts: RawPathParams,
              request: Request<Body>| async move {
            let parts = parts.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            answer(desk, &connection, route, page, parts, request).await
        },
    )
}

async fn answer(
    desk: Arc<Desk>,
    connection: &Connection,
    route: &'static Route,
    page: PageFn,
    parts: Vec<(String, String)>,
    request: Request<Body>,
) -> Response<Body> {
    let token = request.headers().get(COOKIE).and_then(|v| v.to_str().ok());
    let kept = |name| token.and_then(|header| cookie(header, name)).unwrap_or_default().to_owned();
    let (token, browser) = (kept(SESSION), kept(BROWSER));
    let mut visit = Visit {
        visitor: None,
        at: None,
        form: Form::default(),
        query: request.uri().query().and_then(Form::read).unwrap_or_default(),
        path: request.uri().path().to_owned(),
        parts,
        demo: desk.demo,
        fresh: None,
        browser,
        from: connection.from,
        now: (desk.clock)(),
    };
    match posted(request).await {
        Ok(form) => visit.form = form,
        Err(problem) => return page::problem(problem, &visit),
    }
    // Pages wait for the disk: not where connections are served.
    let done = tokio::task::spawn_blocking(move || {
        let answered = let_in(&desk, route, &token, &mut visit).and_then(|passed| match passed {
            Some(elsewhere) => Ok(elsewhere),
            None => page(&desk, &visit).and_then(|answer| noted(&desk, route, &visit, answer)),
        });
        let mut answer = answered.unwrap_or_else(|problem| {
            refused(&desk, &visit, problem);
            page::problem(problem, &visit)
        });
        if let Some(token) = &visit.fresh {
            keep_session(&mut answer, token);
        }
        answer
    });
    done.await.unwrap_or_else(|_| {
        tracing::error!(route = route.path, "a page broke");
        axum::response::IntoResponse::into_response(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "broken"))
    })
}

/// What was posted, if it comes from a page of ours.
async fn posted(request: Request<Body>) -> Result<Form, Problem> {
    if request.method() != Method::POST {
        return Ok(Form::default());
    }
    if !is_from_here(request.headers()) {
        return Err(Problem::FOREIGN_FORM);
    }
    let octets = body(request, "application/x-www-form-urlencoded", MOST_FORM).await?;
    core::str::from_utf8(&octets).ok().and_then(Form::read).ok_or(Problem::FORM)
}

/// Whether a browser says that this comes from a page of ours. One that does not say so has to name our origin.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN), text(HOST)) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host),
        _ => false,
    }
}

/// Looks who asks and whether the table lets them. `Some`: they are sent to sign in.
fn let_in(desk: &Desk, route: &Route, token: &str, visit: &mut Visit) -> Result<Option<Response<Body>>, Problem> {
    if !token.is_empty() {
        visit.visitor = desk.people.visitor(token, visit.now).map_err(|_| Problem::BUSY)?;
    }
    if matches!(route.who, Who::Anyone) {
        return Ok(None);
    }
    let wants_full = !matches!(route.who, Who::Newcomer);
    if !wants_full && visit.visitor.as_ref().is_some_and(|v| v.full) {
        return Ok(Some(page::redirect("/")));
    }
    let Some(visitor) = visit.visitor.clone().filter(|v| v.full == wants_full) else {
        let next = if route.method == "GET" { visit.path.as_str() } else { "/" };
        return Ok(Some(page::to_sign_in(next)));
    };
    if route.method == "POST" && visit.form.get("csrf") != visitor.csrf {
        return Err(Problem::FOREIGN_FORM);
    }
    match route.who {
        Who::Admin if !visitor.admin => Err(Problem::NOT_YOURS),
        Who::At(right) => {
            let found = desk.people.clinic(&visitor, visit.part("clinic"), visit.now).map_err(|_| Problem::BUSY)?;
            let (store, role) = found.ok_or(Problem::NOT_FOUND)?;
            if !role.may(right) {
                return Err(Problem::NOT_YOURS);
            }
            let row = store.clinic().map_err(|_| Problem::BUSY)?;
            visit.at = Some(AtClinic { store, row, role });
            again::proved(desk, route, visit)
        }
        _ => again::proved(desk, route, visit),
    }
}

/// Writes down who looked and who did. What cannot be written down is not shown.
fn noted(desk: &Desk, route: &Route, visit: &Visit, answer: Response<Body>) -> Answered {
    let is_stream = route.path.ends_with("/live");
    let Some(visitor) = visit.visitor.as_ref().filter(|_| !is_stream && !matches!(route.who, Who::Anyone)) else {
        return Ok(answer);
    };
    let what = if route.method == "GET" { "looked" } else { "did" };
    let mut about = format!("{}: {}", route.says, visit.path);
    for name in route.asks {
        let given: Vec<&str> = visit.form.all(name).filter(|value| !value.is_empty()).collect();
        if !given.is_empty() {
            about.push_str(&format!(" {name}={}", given.join(",")));
        }
    }
    let about: String = about.chars().filter(|c| !c.is_control()).take(MOST_ABOUT).collect();
    let peer = visit.from.to_string();
    let deed = Deed { person: &visitor.name, what, about: &about, peer: &peer };
    let written = match &visit.at {
        Some(at) => at.store.audit(&deed, visit.now),
        None => desk.store.audit(&deed, visit.now),
    };
    written.map_err(|_| Problem::BUSY)?;
    Ok(answer)
}

/// Writes down what somebody who is signed in was refused.
fn refused(desk: &Desk, visit: &Visit, problem: Problem) {
    if let Some(visitor) = visit.visitor.as_ref().filter(|_| problem.is_refusal()) {
        let peer = visit.from.to_string();
        let about: String = visit.path.chars().take(MOST_PATH).collect();
        let deed = Deed { person: &visitor.name, what: "refused", about: &about, peer: &peer };
        if desk.store.audit(&deed, visit.now).is_err() {
            tracing::warn!("a refusal could not be written into the audit");
        }
    }
}

/// What every answer to a browser carries (ASVS 5.0, 3.4).
pub(super) async fn with_headers(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in HEADERS {
        set(&mut response, name.clone(), HeaderValue::from_static(value));
    }
    if !response.headers().contains_key(CACHE_CONTROL) {
        set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Sets the session's cookie and goes on elsewhere.
pub(super) fn with_session(token: &str, to: &str) -> Response<Body> {
    let mut response = page::redirect(to);
    keep_session(&mut response, token);
    response
}

/// What this browser keeps while it is at another service.
pub(super) fn with_browser(mut response: Response<Body>, token: &str) -> Response<Body> {
    let cookie = format!("{BROWSER}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        set(&mut response, axum::http::header::SET_COOKIE, cookie);
    }
    response
}

fn keep_session(response: &mut Response<Body>, token: &str) {
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{SESSION}={token}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        set(response, axum::http::header::SET_COOKIE, cookie);
    }
}

/// A path of ours to go on at; anything else is the front page.
pub(super) fn own_path(path: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%?=&".contains(c);
    let is_own = path.starts_with('/') && !path.starts_with("//") && path.len() <= MOST_PATH;
    if is_own && path.chars().all(is_plain) { path } else { "/" }
}

/// Where an answer sends the browser.
pub(super) fn located(mut response: Response<Body>, to: &str) -> Response<Body> {
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/")));
    response
}

const HEADERS: [(HeaderName, &str); 8] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
         object-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
];

/// Set by us alone, for this host alone, over TLS alone.
pub(super) const SESSION: &str = "__Host-auscult";
/// The same, for the way to another service and back.
const BROWSER: &str = "__Host-auscult-way";
/// The longest form: an invitation to two thousand clinics.
const MOST_FORM: usize = 65_536;
/// The longest line of the audit: a reason with what stands before it.
pub(super) const MOST_ABOUT: usize = 800;
/// The longest path that is remembered.
pub(super) const MOST_PATH: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_none_of_ours() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            headers
        };
        for good in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "https://a.example:8444"), ("host", "a.example:8444")],
        ] {
            assert!(is_from_here(&headers(good)), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "https://a.example"), ("host", "a.example")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://b.example"), ("host", "a.example")],
            &[("origin", "http://a.example"), ("host", "a.example")],
            &[("origin", "null"), ("host", "null")],
            &[("host", "a.example")],
        ] {
            assert!(!is_from_here(&headers(bad)), "{bad:?}");
        }
    }

    #[test]
    fn after_signing_in_nobody_is_sent_elsewhere() {
        assert_eq!(own_path("/clinics/north/sensors"), "/clinics/north/sensors");
        for bad in
            ["", "https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/a\r\nb", "clinics"]
        {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
    }
}
