//! The outgoing half of the delivery: what the plan wants sent becomes an order for the courier's thread.
//!
//! Keeps: what was sent, by hash, until its answer comes. Drops: nothing; the spool has it.

use super::delivery::Delivery;
use super::ear::Said;
use super::rights::{COURIER, Restraint};
use super::{Daemon, MADE, now_ms, random};
use crate::config::Config;
use crate::courier::carrier::{self, Order};
use crate::courier::ends::Tell;
use crate::courier::link::{ALIVE_PATH, ALIVE_TYPE, BATCH_TYPE, RENEW_PATH, RENEW_TYPE, REPORTS_PATH, Request};
use crate::courier::plan::{Errand, Plan};
use crate::courier::retry::Answer;
use crate::courier::trust::ClockTrust;
use crate::identity::{Identity, NOT_ENROLLED, Papers, is_trusted};
use auscult_report::batch::batch;
use auscult_report::bounded::Bounded;
use auscult_report::header::Moment;
use auscult_report::payload::{Known, Place};
use auscult_report::renew::Renewal;
use auscult_report::trust::Trust;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::Duration;
use tracing::{error, info, warn};

/// What the loop holds for delivery.
pub(super) struct Post {
    pub(super) plan: Plan,
    pub(super) papers: Papers,
    orders: Sender<Order>,
    /// The CA certificates that are believed.
    roots: Arc<Vec<Vec<u8>>>,
    /// `host:port`, in the order in which they are tried.
    addresses: Vec<String>,
    /// Those of the configuration.
    configured: Vec<String>,
    /// The reports that are under way.
    pub(super) sent: Vec<Known>,
    /// Where the collector's chain ended when the head was asked for last.
    pub(super) ended_at: Option<Option<Place>>,
    /// When an epoch began because the collector misses what is not here any more.
    pub(super) healed_ms: Option<u64>,
    pub(super) delivery: Delivery,
    /// How long a request may take.
    pub(super) within: Duration,
}

impl Post {
    /// Starts the courier's thread; `back` is given its answers. `None` before the enrolment.
    pub(super) fn start(
        config: &Config,
        papers: Papers,
        restraint: Restraint,
        tell: Tell,
        back: impl FnMut(Answer) + Send + 'static,
    ) -> Result<Option<Post>, String> {
        if papers.trust().is_none() {
            return Ok(None);
        }
        let orders = carrier::start(move || restraint.narrow(&COURIER), tell, back)
            .map_err(|e| format!("the courier's thread cannot be started: {e}"))?;
        let plan = Plan::new(0, papers.certificate().is_some());
        let delivery = Delivery::look(&config.state);
        let mut post = Post {
            plan,
            papers,
            orders,
            roots: Arc::default(),
            addresses: Vec::new(),
            configured: texts(&config.collectors),
            sent: Vec::new(),
            ended_at: None,
            healed_ms: None,
            delivery,
            within: WITHIN,
        };
        post.trust_changed();
        if post.addresses.is_empty() {
            error!("the trust bundle names no collector; give collector.addresses");
        }
        Ok(Some(post))
    }

    /// Takes over other addresses of the configuration.
    pub(super) fn configured(&mut self, collectors: &[String]) {
        let texts = texts(collectors);
        if texts != self.configured {
            self.configured = texts;
            self.trust_changed();
        }
    }

    /// Takes over what the trust bundle says: the addresses of the configuration come behind its own.
    pub(super) fn trust_changed(&mut self) {
        let Some(trust) = self.papers.trust() else { return };
        self.roots = Arc::new(trust.authorities.iter().map(|ca| ca.to_vec()).collect());
        let mut addresses = addresses_of(trust);
        for configured in &self.configured {
            if !addresses.contains(configured) {
                addresses.push(configured.clone());
            }
        }
        self.plan.addresses(addresses.len());
        self.addresses = addresses;
    }
}

/// The way to the collector, if the sensor is enrolled.
pub(super) fn open(
    config: &Config,
    identity: &Identity,
    restraint: Restraint,
    (tell, out): (Tell, SyncSender<Said>),
) -> Result<Option<Post>, String> {
    let papers = Papers::open(&config.state).map_err(|e| e.to_string())?;
    if identity.ledger() == NOT_ENROLLED {
        info!("not enrolled: reports stay in the spool");
        return Ok(None);
    }
    let post = Post::start(config, papers, restraint, tell, move |answer| {
        // The loop has ended: nobody waits for it any more.
        let _ = out.send(Said::Answer(Box::new(answer)));
    })?;
    if post.is_none() {
        warn!("no collector is known: enrol this sensor (auscult-agent enrol)");
    }
    Ok(post)
}

/// The addresses of a trust bundle that are texts.
fn addresses_of(trust: &Trust) -> Vec<String> {
    let texts = trust.addresses.iter().filter_map(|address| String::from_utf8(address.to_vec()).ok());
    texts.filter(|text| text.is_ascii() && !text.contains('/')).collect()
}

fn texts(collectors: &[String]) -> Vec<String> {
    collectors.iter().map(|address| host_and_port(address)).collect()
}

/// `https://host:port` as `host:port`.
pub(super) fn host_and_port(address: &str) -> String {
    address.strip_prefix("https://").unwrap_or(address).to_owned()
}

impl Daemon {
    /// Sends what is due, if nothing is under way.
    pub(super) fn send(&mut self) {
        if self.post.as_ref().is_none_or(|post| post.plan.is_out()) {
            return;
        }
        let (moment, now_ms) = (self.moment(), now_ms(self.began));
        let Some(post) = &mut self.post else { return };
        if let Some(certificate) = post.papers.certificate().filter(|_| is_trusted(moment.clock)) {
            if certificate.is_over(moment.wall) {
                post.plan.renew(true);
            } else if certificate.is_due(moment.wall) {
                post.plan.renew(false);
            }
        }
        let head = self.spool.head().map(|h| h.place);
        let here = self.spool.here().filter(|(place, ..)| Some(*place) <= head);
        let Some(errand) = post.plan.next(now_ms, self.spool.settled(), here) else { return };
        let is_renewal = errand == Errand::Renew;
        let request = match errand {
            Errand::Renew => self.renewal(),
            Errand::Alive => self.sign_of_life().map(|octets| form(ALIVE_PATH, ALIVE_TYPE, octets)),
            Errand::Reports(places) => self.batch(&places, moment),
        };
        let Some(post) = &mut self.post else { return };
        let address = post.addresses.get(post.plan.address());
        let (Some(request), Some(address)) = (request, address) else {
            post.plan.useless(now_ms, random());
            return;
        };
        let clock = if is_trusted(moment.clock) { ClockTrust::Trusted } else { ClockTrust::Floor(MADE.0 / 1_000) };
        let order = Order {
            address: address.clone(),
            request,
            roots: Arc::clone(&post.roots),
            own: post.papers.certificate().filter(|_| !is_renewal).cloned(),
            clock,
            within: post.within,
        };
        if post.orders.send(order).is_err() {
            error!("the courier's thread broke");
            post.plan.useless(now_ms, random());
        }
    }

    /// A request for a certificate, signed by the newest key that the collector knows.
    fn renewal(&mut self) -> Option<Request> {
        let head = self.spool.head()?;
        let post = self.post.as_ref()?;
        let request = match post.papers.request() {
            Ok(request) => Bounded::try_from(request).ok()?,
            Err(e) => {
                error!(error = %e, "no certificate can be asked for");
                return None;
            }
        };
        let bundle_version = post.papers.trust().map_or(0, |t| t.version);
        let key_no = self.spool.known_key_no();
        let renewal = Renewal { ledger: head.ledger, sensor: head.sensor, key_no, request, bundle_version };
        let octets = renewal.seal(self.identity.key(key_no)?)?;
        Some(form(RENEW_PATH, RENEW_TYPE, octets))
    }

    /// The first of these reports that fit into a batch.
    fn batch(&mut self, places: &[Place], moment: Moment) -> Option<Request> {
        let mut reports = Vec::new();
        for place in places {
            match self.spool.report(*place) {
                Ok(report) => reports.push((Known { place: *place, hash: report.hash() }, report)),
                Err(e) => {
                    warn!(epoch = place.epoch, seq = place.seq, error = %e, "a report cannot be read");
                    if let Err(e) = self.spool.look_again(&self.identity, moment) {
                        warn!(error = %e, "the spool cannot be put in order");
                    }
                    return None;
                }
            }
        }
        let (octets, count) = batch(reports.iter().map(|(_, report)| report.octets()));
        let seen = self.spool.seen().map(|s| s.size);
        let post = self.post.as_mut()?;
        post.sent = reports.iter().take(count).map(|(known, _)| *known).collect();
        (count > 0).then(|| Request { seen, ..form(REPORTS_PATH, BATCH_TYPE, octets) })
    }
}

const fn form(path: &'static str, form: &'static str, octets: Vec<u8>) -> Request {
    Request { path, form, octets, seen: None }
}

/// A little more than the link gives itself.
const WITHIN: Duration = Duration::from_secs(100);
