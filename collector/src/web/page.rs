//! What every page has around it, what a browser gets beside pages, and how something is said that is not there.
//!
//! Keeps: stylesheet, script and picture, compiled in. Drops: everything from elsewhere.

use super::Desk;
use super::guard::{self, Visit};
use super::problem::{Problem, content, set};
use crate::access::Right;
use askama::Template;
use auscult_report::key::hash;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::http::{HeaderValue, Response, StatusCode};
use std::sync::Arc;

/// What a page gives.
pub(super) type Answered = Result<Response<Body>, Problem>;

/// What every page has around it.
pub(super) struct Frame {
    /// The page's name.
    pub(super) title: String,
    /// Which entry of the way is this page's.
    pub(super) here: &'static str,
    /// Who is signed in.
    pub(super) person: Option<String>,
    /// Whether it is an administrator.
    pub(super) admin: bool,
    /// What a form must bring.
    pub(super) csrf: String,
    /// The clinic that the page is about: word, title.
    pub(super) clinic: Option<(String, String)>,
    /// Whether sensors may be added there.
    pub(super) may_add: bool,
    /// Whether its audit may be read.
    pub(super) may_audit: bool,
    /// Where it says that there is something new; empty: nowhere.
    pub(super) live: String,
    /// Whether the clinics are made up.
    pub(super) demo: bool,
}

impl Frame {
    pub(super) fn new(title: String, here: &'static str, visit: &Visit) -> Frame {
        let visitor = visit.visitor.as_ref().filter(|v| v.full);
        let at = visit.at.as_ref();
        Frame {
            title,
            here,
            person: visitor.map(|v| v.title.clone()),
            admin: visitor.is_some_and(|v| v.admin),
            csrf: visit.visitor.as_ref().map_or_else(String::new, |v| v.csrf.clone()),
            clinic: at.map(|at| (at.row.name.clone(), at.row.title.clone())),
            may_add: at.is_some_and(|at| at.role.may(Right::Sensors)),
            may_audit: at.is_some_and(|at| at.role.may(Right::Audit)),
            live: at.map_or_else(String::new, |at| format!("/clinics/{}/live", at.row.name)),
            demo: visit.demo,
        }
    }

    fn bare(title: &str, demo: bool) -> Frame {
        let (title, here, csrf, live) = (title.to_owned(), "", String::new(), String::new());
        Frame {
            title,
            here,
            person: None,
            admin: false,
            csrf,
            clinic: None,
            may_add: false,
            may_audit: false,
            live,
            demo,
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    sentence: &'static str,
    next: &'static str,
}

/// A page as octets.
pub(super) fn html(page: &impl Template) -> Answered {
    html_with(StatusCode::OK, page)
}

/// A page with another status.
pub(super) fn html_with(status: StatusCode, page: &impl Template) -> Answered {
    let text = page.render().map_err(|_| Problem::BUSY)?;
    let mut response = content("text/html; charset=utf-8", text);
    *response.status_mut() = status;
    Ok(response)
}

/// Sends a browser elsewhere.
pub(super) fn redirect(to: &str) -> Response<Body> {
    guard::located(content("text/plain; charset=utf-8", format!("go on at {to}\n")), to)
}

/// Sends a browser to sign in, and then back.
pub(super) fn to_sign_in(next: &str) -> Response<Body> {
    match guard::own_path(next) {
        "/" => redirect("/sign-in"),
        next => redirect(&format!("/sign-in?next={next}")),
    }
}

/// Says on a page that something is not there, with the way around it.
pub(super) fn problem(problem: Problem, visit: &Visit) -> Response<Body> {
    said(problem, Frame { clinic: None, live: String::new(), ..visit.frame(title(problem), "") })
}

/// The same for who is nobody yet.
pub(super) fn bare_problem(problem: Problem, demo: bool) -> Response<Body> {
    said(problem, Frame::bare(title(problem), demo))
}

fn said(problem: Problem, frame: Frame) -> Response<Body> {
    let (sentence, next) = words(problem);
    let answered = html_with(problem.status(), &ProblemPage { frame, sentence, next });
    answered.unwrap_or_else(|_| axum::response::IntoResponse::into_response(problem))
}

fn title(problem: Problem) -> &'static str {
    match problem.status().as_u16() {
        403 => "Not allowed",
        404 => "Not found",
        503 => "Not just now",
        _ => "Not understood",
    }
}

fn words(problem: Problem) -> (&'static str, &'static str) {
    match problem {
        Problem::FOREIGN_FORM => (
            "This form did not come from a page of this archive that is still open, so nothing was done.",
            "Go back, load the page again, and send the form from there.",
        ),
        Problem::NOT_YOURS => {
            ("Your role does not include this.", "Ask an administrator of your provider if it should.")
        }
        Problem::NOT_FOUND => (
            "There is nothing here, or nothing that you may see.",
            "If a colleague sent you this link, ask whether you were given access to the clinic.",
        ),
        Problem::BUSY => ("The archive does not answer just now. Nothing was lost.", "Try again in a minute."),
        _ => (
            "The archive does not understand this request, so nothing was done.",
            "Go back and try it from the page again.",
        ),
    }
}

/// A file that pages use.
pub(super) async fn file(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Response<Body>> {
    let found = FILES.iter().find(|(n, _, _)| *n == name).ok_or_else(|| bare_problem(Problem::NOT_FOUND, desk.demo))?;
    let (_, kind, text) = *found;
    let tag: String = hash(b"", &[text.as_bytes()]).iter().take(16).map(|o| format!("{o:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = content(kind, if is_known { "" } else { text });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set(&mut response, ETAG, tag);
    }
    Ok(response)
}

const FILES: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../../static/style.css")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("../../static/page.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../static/icon.svg")),
];
