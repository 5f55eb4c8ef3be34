//! Before every answer of the API: who asks, what may be asked, in which form; after it: what is noted.
//!
//! A token (RFC 6750) or the cookie of a session; who sends a token is judged by it alone. With a cookie a change needs the session's
//! `X-CSRF-Token`, sent from a page of ours. Keeps: which program looked at what in this hour. Drops: bodies over [`MOST_BODY`] octets.

use super::super::form::cookie;
use super::super::guard::{MOST_ABOUT, MOST_PATH, SESSION, is_from_here};
use super::super::limits::{JSON, body};
use super::super::problem::{Problem, content, set};
use super::super::routes::{Route, Who};
use super::super::{Connection, Desk};
use super::query::Query;
use super::wrong::{Wrong, is_refusal, number};
use super::{Asker, At, Call, Contract, Reply, Run, once};
use crate::store::Deed;
use auscult_report::time::Timestamp;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::header::{AUTHORIZATION, COOKIE, ETAG, HeaderMap, HeaderName, IF_MATCH, LOCATION};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::net::IpAddr;
use std::sync::Arc;

/// A line of the API behind its door.
pub(in crate::web) fn line(route: &'static Route, contract: &'static Contract) -> MethodRouter<Arc<Desk>> {
    let method = match route.method {
        "POST" => MethodFilter::POST,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    on(
        method,
        move |State(desk): State<Arc<Desk>>,
              Extension(connection): Extension<Arc<Connection>>,
              parts: Result<RawPathParams, RawPathParamsRejection>,
              request: Request<Body>| async move {
            let id = number();
            let parts = parts.map(|parts| parts.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect());
            let asked = Asked { desk, route, contract, parts: parts.unwrap_or_default(), from: connection.from, id };
            let id = asked.id.clone();
            asked.answer(request).await.unwrap_or_else(|wrong| wrong.document(&id))
        },
    )
}

/// A request for a line of the API.
struct Asked {
    desk: Arc<Desk>,
    route: &'static Route,
    contract: &'static Contract,
    parts: Vec<(String, String)>,
    from: IpAddr,
    id: String,
}

impl Asked {
    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Wrong> {
        let Asked { desk, route, contract, parts, from, id } = self;
        let shown = Shown::of(request.headers());
        let (path, now) = (request.uri().path().to_owned(), (desk.clock)());
        // The store waits for the disk: not where connections are served.
        let (at_door, asked_parts, asked_path) = (Arc::clone(&desk), parts.clone(), path.clone());
        let admitted = blocking(move || {
            let asker = who(&at_door, route, &shown, now)?;
            let clinic = asked_parts.iter().find(|(name, _)| name == "clinic").map_or("", |(_, value)| value);
            let placed = place(&at_door, route.who, &asker, clinic, now);
            match placed.and_then(|at| proved(&at_door, route, &asker, now).map(|()| at)) {
                Ok(at) => Ok((asker, at)),
                Err(wrong) => {
                    refused(&at_door, route, (&asker, from), &asked_path, (&wrong, now));
                    Err(wrong)
                }
            }
        });
        let (asker, at) = admitted.await?;
        let query = Query::read(contract.query, request.uri().query())?;
        let if_match = text(request.headers(), &IF_MATCH).map(str::to_owned);
        let key = once::key(request.headers(), route.method == "POST")?;
        let octets = match contract.takes {
            Some(_) => body(request, JSON, MOST_BODY).await?,
            None => Bytes::new(),
        };
        let call = Call { desk, asker, at, query, parts, path, from, now, id, if_match };
        blocking(move || {
            let answered = match contract.run {
                Run::Lines(run) => run(&call),
                Run::Json(run) => match &key {
                    Some(key) => once::answer(&call, key, &octets, run),
                    None => run(&call, &octets),
                }
                .map(response),
            };
            match answered {
                Ok(response) => noted(&call, route, &octets).map(|()| response),
                Err(wrong) => {
                    refused(&call.desk, route, (&call.asker, call.from), &call.path, (&wrong, call.now));
                    Err(wrong)
                }
            }
        })
        .await
    }
}

/// Work that waits for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Wrong> + Send + 'static) -> Result<T, Wrong> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        tracing::error!("an answer of the API broke");
        Err(Wrong::BROKEN)
    })
}

/// What a request shows of who asks.
struct Shown {
    token: Option<String>,
    session: String,
    csrf: String,
    from_here: bool,
}

impl Shown {
    fn of(headers: &HeaderMap) -> Shown {
        // Whatever stands there is taken for a token: nobody falls back to a cookie by mistake.
        let token = headers.get(AUTHORIZATION).map(|v| v.to_str().unwrap_or_default());
        let token = token.map(|v| v.split_once(' ').filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer")));
        let token = token.map(|bearer| bearer.map_or("", |(_, token)| token.trim()).to_owned());
        let session = text(headers, &COOKIE).and_then(|header| cookie(header, SESSION)).unwrap_or_default();
        let csrf = text(headers, &HeaderName::from_static(CSRF)).unwrap_or_default();
        Shown { token, session: session.to_owned(), csrf: csrf.to_owned(), from_here: is_from_here(headers) }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// Looks who asks.
fn who(desk: &Desk, route: &Route, shown: &Shown, now: Timestamp) -> Result<Asker, Wrong> {
    if let Some(token) = &shown.token {
        return Ok(Asker::Program(desk.programs.program(token, now)?));
    }
    if shown.session.is_empty() {
        return Err(Wrong::WHO);
    }
    let visitor = desk.people.visitor(&shown.session, now).map_err(|_| Problem::BUSY)?;
    let visitor = visitor.filter(|visitor| visitor.full).ok_or(Wrong::WHO)?;
    if route.method != "GET" && !(shown.from_here && shown.csrf == visitor.csrf) {
        return Err(Problem::FOREIGN_FORM.into());
    }
    Ok(Asker::Person(visitor))
}

/// What has consequences wants a person's second factor, shown lately; what a program may was decided when its token was made.
fn proved(desk: &Desk, route: &Route, asker: &Asker, now: Timestamp) -> Result<(), Wrong> {
    match asker {
        Asker::Person(visitor) if route.careful && !desk.people.is_proved(visitor, now) => Err(Wrong::AGAIN),
        _ => Ok(()),
    }
}

/// The clinic that the path names, if the asker has the right there that the table asks for.
fn place(desk: &Desk, who: Who, asker: &Asker, name: &str, now: Timestamp) -> Result<Option<At>, Wrong> {
    let right = match (who, asker) {
        (Who::At(right), _) => right,
        (Who::Person, _) => return Ok(None),
        (Who::Admin, Asker::Person(visitor)) if visitor.admin => return Ok(None),
        _ => return Err(Problem::NOT_YOURS.into()),
    };
    let busy = |_| Wrong::from(Problem::BUSY);
    let (store, role, may) = match asker {
        Asker::Person(visitor) => {
            let found = desk.people.clinic(visitor, name, now).map_err(busy)?;
            let (store, role) = found.ok_or(Problem::NOT_FOUND)?;
            (store, Some(role), role.may(right))
        }
        Asker::Program(program) => {
            let store = desk.programs.clinic(program, name).map_err(busy)?.ok_or(Problem::NOT_FOUND)?;
            (store, None, program.may(right))
        }
    };
    if !may {
        return Err(Problem::NOT_YOURS.into());
    }
    let row = store.clinic().map_err(busy)?;
    Ok(Some(At { store, row, role }))
}

/// An answer in JSON as it goes out.
fn response(reply: Reply) -> Response<Body> {
    let mut response = content(JSON, reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let tag = Some(reply.tag).filter(|tag| !tag.is_empty()).map(|tag| format!("\"{tag}\""));
    let location = Some(reply.location).filter(|location| !location.is_empty());
    for (name, value) in [(ETAG, tag), (LOCATION, location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            set(&mut response, name, value);
        }
    }
    response
}

/// Writes down who looked and who did; what cannot be written down is not answered. Of a program that looks at the same again and again
/// one line an hour is enough.
fn noted(call: &Call, route: &'static Route, octets: &[u8]) -> Result<(), Wrong> {
    let is_look = route.method == "GET";
    if is_look && is_known(&call.desk, &call.asker, route, &call.path, "looked", call.now) {
        return Ok(());
    }
    let mut about = format!("{}: {}", route.says, call.path);
    // What was sent, as far as it is words: nothing of it is secret.
    if let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(octets) {
        for (name, value) in fields {
            about.push_str(&format!(" {name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    let about: String = about.chars().filter(|c| !c.is_control()).take(MOST_ABOUT).collect();
    let (person, peer) = (call.asker.name(), call.from.to_string());
    let what = if is_look { "looked" } else { "did" };
    let deed = Deed { person: &person, what, about: &about, peer: &peer };
    let written = match &call.at {
        Some(at) => at.store.audit(&deed, call.now),
        None => call.desk.store.audit(&deed, call.now),
    };
    written.map_err(|e| call.busy(&e))
}

/// Writes down what somebody was refused.
fn refused(
    desk: &Desk,
    route: &'static Route,
    (asker, from): (&Asker, IpAddr),
    path: &str,
    (wrong, now): (&Wrong, Timestamp),
) {
    if !is_refusal(wrong) || is_known(desk, asker, route, "", "refused", now) {
        return;
    }
    let (person, peer) = (asker.name(), from.to_string());
    let about: String = path.chars().filter(|c| !c.is_control()).take(MOST_PATH).collect();
    let deed = Deed { person: &person, what: "refused", about: &about, peer: &peer };
    if desk.store.audit(&deed, now).is_err() {
        tracing::warn!("a refusal could not be written into the audit");
    }
}

/// Whether a program's line of this kind was written in this hour; of people each is written.
fn is_known(desk: &Desk, asker: &Asker, route: &'static Route, path: &str, what: &'static str, now: Timestamp) -> bool {
    let Asker::Program(program) = asker else { return false };
    desk.programs.was_noted((program.id, what, route.method, route.path, path.to_owned()), now)
}

/// What proves that a change comes from a page of ours.
const CSRF: &str = "x-csrf-token";
/// The longest body: a token for two thousand clinics.
const MOST_BODY: usize = 65_536;
