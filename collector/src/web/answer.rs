//! Answers that are not the content itself: a status, one word for machines, how long to wait (RFC 9110 section 15).
//!
//! Keeps: what the asker may know. Drops: why, where it would help a stranger; the counters have it.

use crate::access::Refusal;
use crate::ingest::Later;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

/// A status with one word.
pub(super) fn word(status: StatusCode, word: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{word}\n")));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A status with one word, to be asked again after so many seconds.
pub(super) fn wait(status: StatusCode, said: &str, seconds: u32) -> Response<Body> {
    let mut response = word(status, said);
    set(&mut response, RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Content of a type.
pub(super) fn content(kind: &'static str, octets: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(octets.into());
    set(&mut response, CONTENT_TYPE, HeaderValue::from_static(kind));
    set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: HeaderValue) {
    response.headers_mut().insert(name, value);
}

pub(super) async fn not_found() -> Response<Body> {
    word(StatusCode::NOT_FOUND, "not found")
}

pub(super) async fn not_allowed() -> Response<Body> {
    word(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

/// What a refusal of `access` is to the asker. `random` spreads those that come again.
pub(super) fn refusal(why: Refusal, random: u8) -> Response<Body> {
    match why {
        Refusal::Form => word(StatusCode::BAD_REQUEST, "form"),
        Refusal::Refused => word(StatusCode::FORBIDDEN, "refused"),
        Refusal::TooOften => wait(StatusCode::TOO_MANY_REQUESTS, "too often", MINUTE_S),
        Refusal::Busy => {
            wait(StatusCode::SERVICE_UNAVAILABLE, "busy", BUSY_S.saturating_add(u32::from(random % SPREAD)))
        }
        Refusal::Pending => wait(StatusCode::FORBIDDEN, "pending", PENDING_S),
        Refusal::Revoked => word(StatusCode::FORBIDDEN, "revoked"),
        Refusal::Closed => word(StatusCode::FORBIDDEN, "closed"),
    }
}

/// What a batch gets of which nothing was settled.
pub(super) fn later(why: Later, random: u8) -> Response<Body> {
    match why {
        Later::Busy => refusal(Refusal::Busy, random),
        // A person must look, as at a new sensor.
        Later::Pending | Later::Quarantine => refusal(Refusal::Pending, random),
        Later::Revoked => refusal(Refusal::Revoked, random),
        Later::Closed => refusal(Refusal::Closed, random),
        Later::Quota => wait(StatusCode::TOO_MANY_REQUESTS, "quota", QUOTA_S.saturating_add(u32::from(random))),
        // What is missing must come first: the sensor asks where its chain stands.
        Later::KeyNotYet => word(StatusCode::CONFLICT, "ask head"),
    }
}

const MINUTE_S: u32 = 60;
/// The queue drains in less; who comes again is spread over half a minute.
const BUSY_S: u32 = 5;
const SPREAD: u8 = 30;
/// How soon a sensor asks again that waits for a person: the person stands beside it.
const PENDING_S: u32 = 10;
/// A quota is a day's, the bucket's a minute's.
const QUOTA_S: u32 = 300;
