//! What is checked of a request before its body is read, and how its body is read: by its length, by a limit, in time.
//!
//! Follows RFC 9110 (411, 413, 415) and RFC 9112. Keeps: at most the limit of the route. Drops: chunked and coded bodies: a sensor
//! never sends them.

use super::problem::Problem;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::time::Duration;
use tokio::time::timeout;

/// Reads a body of a type.
pub(super) async fn body(request: Request<Body>, kind: &str, most_octets: usize) -> Result<Bytes, Problem> {
    let headers = request.headers();
    let given = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    // JSON is UTF-8 whether it says so or not (RFC 8259, 11); no other type here has parameters.
    let given = given.map(|t| if kind == JSON { t.split(';').next().unwrap_or_default().trim_end() } else { t });
    if given.is_none_or(|t| t != kind) || headers.contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "type"));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let length = length.filter(|_| !headers.contains_key(TRANSFER_ENCODING));
    let length = length.ok_or(Problem::new(StatusCode::LENGTH_REQUIRED, "length"))?;
    if length > most_octets {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large"));
    }
    match timeout(longest(length), Limited::new(request.into_body(), most_octets).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "body")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too slow")),
    }
}

/// How long a body may take: 20 s, and a second for each 512 octets.
fn longest(octets: usize) -> Duration {
    let seconds = u64::try_from(octets).unwrap_or(u64::MAX) / SLOWEST_OCTETS_S;
    Duration::from_secs(seconds.saturating_add(20))
}

/// The type of what the API is sent.
pub(super) const JSON: &str = "application/json";
const SLOWEST_OCTETS_S: u64 = 512;
