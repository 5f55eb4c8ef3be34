//! Answers that are not what was asked for: a status, one word for machines, how long to wait (RFC 9110 section 15).
//!
//! Keeps: what the asker may know. Drops: why, where it would help a stranger; the counters have it.

use crate::access::Refusal;
use crate::ingest::Later;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;

/// Why something is not answered otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    word: &'static str,
    wait_s: Option<u32>,
}

impl Problem {
    pub(super) const FORM: Problem = Problem::new(StatusCode::BAD_REQUEST, "form");
    pub(super) const RENEW: Problem = Problem::new(StatusCode::UNAUTHORIZED, "renew");
    pub(super) const NOT_FOUND: Problem = Problem::new(StatusCode::NOT_FOUND, "not found");
    pub(super) const BEGIN_AGAIN: Problem = Problem::new(StatusCode::CONFLICT, "begin again");

    /// A form that does not come from a page of ours.
    pub(super) const FOREIGN_FORM: Problem = Problem::new(StatusCode::FORBIDDEN, "foreign form");
    /// The role does not include it.
    pub(super) const NOT_YOURS: Problem = Problem::new(StatusCode::FORBIDDEN, "not yours");
    /// The store does not answer.
    pub(super) const BUSY: Problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy");

    /// The status.
    pub(super) const fn status(self) -> StatusCode {
        self.status
    }

    /// The word for machines.
    pub(super) const fn word(self) -> &'static str {
        self.word
    }

    /// Seconds after which it may be otherwise.
    pub(super) const fn wait_s(self) -> Option<u32> {
        self.wait_s
    }

    /// Whether it keeps somebody from what is not theirs.
    pub(super) const fn is_refusal(self) -> bool {
        matches!(self.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
    }

    pub(super) const fn new(status: StatusCode, word: &'static str) -> Problem {
        Problem { status, word, wait_s: None }
    }

    const fn wait(self, seconds: u32) -> Problem {
        Problem { wait_s: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = content("text/plain; charset=utf-8", format!("{}\n", self.word));
        *response.status_mut() = self.status;
        if let Some(seconds) = self.wait_s {
            set(&mut response, RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            set(&mut response, HeaderName::from_static("accept-auscult"), HeaderValue::from_static("1"));
        }
        response
    }
}

/// What a refusal of `access` is to the asker.
impl From<Refusal> for Problem {
    fn from(why: Refusal) -> Problem {
        match why {
            Refusal::Form => Problem::FORM,
            Refusal::Refused => Problem::new(StatusCode::FORBIDDEN, "refused"),
            Refusal::TooOften => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too often").wait(MINUTE_S),
            Refusal::Busy => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy").wait(BUSY_S.saturating_add(spread()))
            }
            Refusal::Pending => Problem::new(StatusCode::FORBIDDEN, "pending").wait(PENDING_S),
            Refusal::Revoked => Problem::new(StatusCode::FORBIDDEN, "revoked"),
            Refusal::Closed => Problem::new(StatusCode::FORBIDDEN, "closed"),
        }
    }
}

/// What a batch gets of which nothing was settled.
impl From<Later> for Problem {
    fn from(why: Later) -> Problem {
        match why {
            Later::Busy => Refusal::Busy.into(),
            // A person must look, as at a new sensor.
            Later::Pending | Later::Quarantine => Refusal::Pending.into(),
            Later::Revoked => Refusal::Revoked.into(),
            Later::Closed => Refusal::Closed.into(),
            Later::Quota => Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota").wait(QUOTA_S.saturating_add(spread())),
            // What is missing must come first: the sensor asks where its chain stands.
            Later::KeyNotYet => Problem::new(StatusCode::CONFLICT, "ask head"),
        }
    }
}

/// Content of a type.
pub(super) fn content(kind: &'static str, octets: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(octets.into());
    set(&mut response, CONTENT_TYPE, HeaderValue::from_static(kind));
    set(&mut response, CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A sensor waits for a person from now on.
pub(super) fn waits() -> Response<Body> {
    Problem::new(StatusCode::ACCEPTED, "pending").wait(PENDING_S).into_response()
}

pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: HeaderValue) {
    response.headers_mut().insert(name, value);
}

pub(super) async fn not_found() -> Problem {
    Problem::NOT_FOUND
}

pub(super) async fn not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

/// Seconds by which those are spread who come again. If the system has no random octet, nothing is spread.
fn spread() -> u32 {
    let mut octet = [0];
    let _ = getrandom::fill(&mut octet);
    u32::from(octet[0] % SPREAD_S)
}

const MINUTE_S: u32 = 60;
/// The queue drains in less; who comes again is spread over half a minute.
const BUSY_S: u32 = 5;
const SPREAD_S: u8 = 30;
/// How soon a sensor asks again that waits for a person: the person stands beside it.
const PENDING_S: u32 = 10;
/// A quota is a day's, the bucket's a minute's.
const QUOTA_S: u32 = 300;
