//! The thread that has the socket: it takes one order at a time and gives back what came of it. It decides nothing.
//!
//! Keeps: the way to the collector, as long as the credentials are the same. Drops: an order that takes longer than it may.

use crate::courier::ends::Tell;
use crate::courier::link::{Credentials, Link, Request};
use crate::courier::retry::{Answer, Silence};
use crate::courier::trust::ClockTrust;
use crate::identity::Certificate;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

/// A request on its way.
pub struct Order {
    /// `host:port`.
    pub address: String,
    /// What is asked.
    pub request: Request,
    /// Who is believed: the CA certificates of the trust bundle.
    pub roots: Arc<Vec<Vec<u8>>>,
    /// By what the sensor is let in; none where a certificate is asked for.
    pub own: Option<Arc<Certificate>>,
    /// What the clock is worth.
    pub clock: ClockTrust,
    /// How long it may take.
    pub within: Duration,
}

/// Starts the thread. It ends when the orders do. `first` is done by it before anything else; `tell` is told to whom it
/// is about to speak; `back` is given each answer.
///
/// # Errors
/// If the system gives no thread.
pub fn start(
    first: impl FnOnce() + Send + 'static,
    tell: Tell,
    back: impl FnMut(Answer) + Send + 'static,
) -> std::io::Result<Sender<Order>> {
    let (orders, taken) = channel();
    Builder::new().name("courier".to_owned()).spawn(move || {
        first();
        carry(&taken, &tell, back);
    })?;
    Ok(orders)
}

fn carry(orders: &Receiver<Order>, tell: &Tell, mut back: impl FnMut(Answer)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut way: Option<(Used, Link)> = None;
    for order in orders {
        let Ok(runtime) = &runtime else {
            back(Answer::Silence(Silence::Unreachable));
            continue;
        };
        let Order { address, request, roots, own, clock, within } = order;
        let used = Used { roots, own, clock };
        if way.as_ref().is_none_or(|(before, _)| !before.is(&used)) {
            way = used.link(tell).map(|link| (used, link));
        }
        let Some((_, link)) = &way else {
            // A certificate of ours that TLS cannot use: another one has to be asked for.
            back(Answer::Silence(Silence::TurnedAway));
            continue;
        };
        let sent = async { tokio::time::timeout(within, link.send(&address, request)).await };
        back(runtime.block_on(sent).unwrap_or(Answer::Silence(Silence::Unreachable)));
    }
}

/// What a way was made with.
struct Used {
    roots: Arc<Vec<Vec<u8>>>,
    own: Option<Arc<Certificate>>,
    clock: ClockTrust,
}

impl Used {
    fn is(&self, other: &Used) -> bool {
        let same_own = match (&self.own, &other.own) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        Arc::ptr_eq(&self.roots, &other.roots) && same_own && self.clock == other.clock
    }

    fn link(&self, tell: &Tell) -> Option<Link> {
        let own = self.own.as_ref().map(|c| (c.der.as_slice(), c.key.as_slice()));
        let credentials = Credentials { roots: &self.roots, own, clock: self.clock };
        Link::telling(&credentials, Some(Arc::clone(tell))).ok()
    }
}
