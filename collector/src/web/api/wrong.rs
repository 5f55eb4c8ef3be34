//! Why the API does not answer as asked: a problem document (RFC 9457) with a stable type and a sentence for who reads it.
//!
//! Keeps: a number by which the log and the asker name the same request. Drops: the cause, where it would help a stranger; the log has it.

use super::super::problem::{Problem, content, set};
use super::super::{Desk, page};
use crate::access::{TokenError, hex, random};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::error::Category;
use std::borrow::Cow;
use std::sync::Arc;

/// Why something is not answered otherwise.
#[derive(Clone, Debug)]
pub(in crate::web) struct Wrong {
    pub(super) problem: Problem,
    detail: Cow<'static, str>,
}

/// A problem (RFC 9457).
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemDocument<'a> {
    /// What kind of problem it is: stable.
    #[serde(rename = "type")]
    kind: String,
    /// The same in a word.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, and what to do.
    detail: &'a str,
    /// This occurrence, by a name. Not the path: who asked knows it, and whatever was put into it must not come back.
    instance: String,
    /// By which the archive's log names this request.
    id: &'a str,
}

const fn new(status: StatusCode, word: &'static str, detail: &'static str) -> Wrong {
    Wrong { problem: Problem::new(status, word), detail: Cow::Borrowed(detail) }
}

impl Wrong {
    pub(super) const WHO: Wrong = new(
        StatusCode::UNAUTHORIZED,
        "no token",
        "Send a token that has not ended, as Authorization: Bearer, or the cookie of a session.",
    );
    pub(super) const NO_MATCH: Wrong = new(
        StatusCode::PRECONDITION_REQUIRED,
        "no match",
        "Read what you want to change first, and send its ETag as If-Match.",
    );
    pub(super) const MATCH: Wrong =
        new(StatusCode::BAD_REQUEST, "match", "If-Match is a star, or tags in quotes with commas between.");
    pub(super) const CHANGED: Wrong =
        new(StatusCode::PRECONDITION_FAILED, "changed", "It is not as you read it: read it again, and decide again.");
    pub(super) const AGAIN: Wrong = new(
        StatusCode::FORBIDDEN,
        "second factor",
        "This has consequences: show the second factor on a page of this archive first; it counts for five minutes.",
    );
    pub(super) const KEY: Wrong = new(
        StatusCode::BAD_REQUEST,
        "key",
        "An Idempotency-Key has 1 to 64 of the printable ASCII characters, no blank.",
    );
    pub(super) const KEY_USED: Wrong = new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "key used",
        "This Idempotency-Key came with another request within the last day: take a new one.",
    );
    pub(super) const UNDER_WAY: Wrong = new(
        StatusCode::CONFLICT,
        "under way",
        "The same request was begun, and has not ended: look in a moment whether it was done.",
    );
    pub(super) const KEYS: Wrong = new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many keys",
        "A thousand Idempotency-Keys were used within a day: go on without, or tomorrow.",
    );
    pub(super) const CURSOR: Wrong =
        new(StatusCode::BAD_REQUEST, "cursor", "`after` is none that this list gave: begin without it.");
    pub(super) const BROKEN: Wrong =
        new(StatusCode::INTERNAL_SERVER_ERROR, "broken", "The archive made a mistake: tell its provider the number.");

    /// What was sent means nothing here.
    pub(super) fn fields(detail: impl Into<Cow<'static, str>>) -> Wrong {
        Wrong { problem: Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "fields"), detail: detail.into() }
    }

    /// What stands behind `?` is not understood.
    pub(super) fn query(detail: String) -> Wrong {
        Wrong { problem: Problem::new(StatusCode::BAD_REQUEST, "query"), detail: detail.into() }
    }

    /// A body that is no JSON, or of another form than asked for.
    pub(super) fn body(why: &serde_json::Error) -> Wrong {
        let detail: String = why.to_string().chars().take(MOST_DETAIL).collect();
        match why.classify() {
            Category::Data => Wrong::fields(detail),
            _ => Wrong { problem: Problem::new(StatusCode::BAD_REQUEST, "json"), detail: detail.into() },
        }
    }

    /// The answer.
    pub(super) fn document(&self, id: &str) -> Response<Body> {
        let word = self.problem.word();
        let kind = format!("{TYPES}{}", word.replace(' ', "-"));
        let instance = format!("{OCCURRENCES}{id}");
        let status = self.problem.status();
        let document =
            ProblemDocument { kind, title: word, status: status.as_u16(), detail: &self.detail, instance, id };
        let mut response = content(PROBLEM, serde_json::to_string(&document).unwrap_or_default());
        *response.status_mut() = status;
        let wait = self.problem.wait_s().or((status == StatusCode::TOO_MANY_REQUESTS).then_some(MINUTE_S));
        if let Some(seconds) = wait {
            set(&mut response, RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            set(&mut response, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"auscult\""));
        }
        response
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Wrong {
        let detail = match problem {
            Problem::NOT_FOUND => "There is nothing here, or nothing that you may see.",
            Problem::NOT_YOURS => "Your role, or your token, does not include this.",
            Problem::FOREIGN_FORM => {
                "With a session's cookie a change needs the X-CSRF-Token of a page of this archive, sent from there."
            }
            Problem::BUSY => "The archive does not answer just now. Nothing was lost: try again in a minute.",
            other => match other.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "Send application/json, not coded.",
                StatusCode::LENGTH_REQUIRED => "Send the length of the body (Content-Length).",
                StatusCode::PAYLOAD_TOO_LARGE => "The body is longer than any that is asked for here.",
                StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here: /v1/openapi.json says what can.",
                StatusCode::TOO_MANY_REQUESTS => "Too many requests: wait a minute.",
                _ => "This is not understood: /v1/openapi.json says what is.",
            },
        };
        Wrong { problem, detail: Cow::Borrowed(detail) }
    }
}

impl From<TokenError> for Wrong {
    fn from(why: TokenError) -> Wrong {
        match why {
            TokenError::Unknown => Wrong::WHO,
            TokenError::TooOften => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too often").into(),
            TokenError::Wrong(what) => Wrong::fields(what),
            TokenError::Store(_) | TokenError::Random => Problem::BUSY.into(),
        }
    }
}

/// A number for a request.
pub(super) fn number() -> String {
    random::<8>().map_or_else(|_| "0".repeat(16), |octets| hex(&octets))
}

/// What is not there: under `/v1` said to programs, elsewhere to people.
pub(in crate::web) async fn not_found(State(desk): State<Arc<Desk>>, uri: Uri) -> Response<Body> {
    said(&desk, Problem::NOT_FOUND, &uri)
}

/// The same for a method that a path does not have.
pub(in crate::web) async fn not_allowed(State(desk): State<Arc<Desk>>, uri: Uri) -> Response<Body> {
    said(&desk, Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"), &uri)
}

/// A problem, said as who asked for this path understands it.
pub(in crate::web) fn said(desk: &Desk, problem: Problem, uri: &Uri) -> Response<Body> {
    match uri.path().strip_prefix("/v1") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Wrong::from(problem).document(&number()),
        _ => page::bare_problem(problem, desk.demo),
    }
}

/// Whether an answer is a problem document, for who notes what was refused.
pub(super) fn is_refusal(wrong: &Wrong) -> bool {
    wrong.problem.is_refusal()
}

/// The type of a problem document.
pub(super) const PROBLEM: &str = "application/problem+json";
/// What the names of occurrences begin with (RFC 4151).
const OCCURRENCES: &str = "tag:auscult.dev,2026:occurrence/";
/// What the types of problems begin with (RFC 4151): names, not addresses.
const TYPES: &str = "tag:auscult.dev,2026:problem/";
/// The longest sentence about a body.
const MOST_DETAIL: usize = 300;
const MINUTE_S: u32 = 60;
