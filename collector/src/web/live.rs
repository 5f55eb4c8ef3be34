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
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

pub(super) fn stream(desk: &Arc<Desk>, visit: &Visit) -> Answered {
    let (store, session) = (visit.clinic()?.store.clone(), visit.visitor()?.csrf.clone());
    let place = Place::new(&desk.streams, session).ok_or(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many"))?;
    let first = store.pulse().map_err(|_| Problem::BUSY)?;
    // Who comes again says what was last heard: nothing that happened in between is missed.
    let mut before: u64 = visit.query.get("pulse").parse().unwrap_or(first);
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(4);
    let desk = Arc::clone(desk);
    Handle::current().spawn(async move {
        for beat in 0..BEATS {
            if place.is_over.load(Ordering::Relaxed) {
                break;
            }
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

/// The pages that listen, by session: the oldest first, and whether it is over for it.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<String, VecDeque<Arc<AtomicBool>>>>);

/// A session's place among those that listen.
struct Place {
    all: Arc<Streams>,
    session: String,
    /// Somebody else has it now.
    is_over: Arc<AtomicBool>,
}

impl Place {
    /// The newest page of a session listens: whoever turns pages quickly leaves streams behind that nobody hears, and the oldest goes.
    /// `None`: too many listen in all.
    fn new(streams: &Arc<Streams>, session: String) -> Option<Place> {
        let mut all = streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = all.values().map(VecDeque::len).sum();
        let own = all.entry(session.clone()).or_default();
        if own.len() < MOST_OF_SESSION && total >= MOST {
            return None;
        }
        if own.len() >= MOST_OF_SESSION
            && let Some(oldest) = own.pop_front()
        {
            oldest.store(true, Ordering::Relaxed);
        }
        let is_over = Arc::new(AtomicBool::new(false));
        own.push_back(Arc::clone(&is_over));
        Some(Place { all: Arc::clone(streams), session, is_over })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.session) {
            own.retain(|other| !Arc::ptr_eq(other, &self.is_over));
            if own.is_empty() {
                all.remove(&self.session);
            }
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_page_of_a_session_listens_and_the_oldest_goes() {
        let streams = Arc::default();
        let open: Vec<Place> = (0..6).filter_map(|_| Place::new(&streams, "s".to_owned())).collect();
        let over: Vec<bool> = open.iter().map(|p| p.is_over.load(Ordering::Relaxed)).collect();
        assert_eq!(over, [true, true, false, false, false, false]);
        drop(open);
        assert!(streams.0.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}
