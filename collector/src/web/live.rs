//! Server-Sent Events (WHATWG HTML section 9.2): says that something of a clinic is new; the page asks for it again by itself.
//!
//! Keeps: how many streams each session has. Drops: what is new: the page goes through the guard for it. A stream ends after a minute and
//! the browser comes again, so that who was shut out hears nothing more.

use super::Desk;
use super::guard::Visit;
use super::page::Answered;
use super::problem::{Problem, content};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::channel::Channel;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

pub(super) fn stream(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (store, session) = (visit.clinic()?.store.clone(), visit.visitor()?.csrf.clone());
    let place = Place::new(session).ok_or(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many"))?;
    let first = store.pulse().map_err(|_| Problem::BUSY)?;
    // Who comes again says what was last heard: nothing that happened in between is missed.
    let mut before: u64 = visit.query.get("pulse").parse().unwrap_or(first);
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(4);
    let desk = Arc::clone(desk);
    Handle::current().spawn(async move {
        let _place = place;
        for beat in 0..BEATS {
            let asked = store.clone();
            let pulse = tokio::task::spawn_blocking(move || asked.pulse()).await;
            let Ok(Ok(pulse)) = pulse else { break };
            let said = match (pulse == before, beat % QUIET_BEATS) {
                (false, _) => format!("retry: {RETRY_MS}\nid: {pulse}\nevent: news\ndata: {}\n\n", (desk.clock)().0),
                (true, 0) => format!("retry: {RETRY_MS}\n: nothing new\n\n"),
                (true, _) => String::new(),
            };
            before = pulse;
            if !said.is_empty() && sender.send_data(said.into()).await.is_err() {
                break;
            }
            sleep(BEAT).await;
        }
    });
    Ok(content("text/event-stream; charset=utf-8", Body::new(body)))
}

/// A session's place among those that listen.
struct Place(String);

impl Place {
    fn new(session: String) -> Option<Place> {
        let mut all = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        let total: usize = all.values().sum();
        let own = all.entry(session.clone()).or_insert(0);
        if *own >= MOST_OF_SESSION || total >= MOST {
            return None;
        }
        *own = own.saturating_add(1);
        Some(Place(session))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        if let Some(own) = all.get_mut(&self.0) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                all.remove(&self.0);
            }
        }
    }
}

static STREAMS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// Pages of one session that listen at once.
const MOST_OF_SESSION: usize = 4;
/// Streams in all: each asks the store once a second.
const MOST: usize = 256;
/// How often is looked.
const BEAT: Duration = Duration::from_secs(1);
/// Looks of one stream.
const BEATS: u64 = 60;
/// Looks between two signs of life, so that who stands between does not end it.
const QUIET_BEATS: u64 = 15;
/// When the browser comes again.
const RETRY_MS: u64 = 1_000;
