//! The first meeting with a collector (FORMAT.md sections 17 and 20): two requests on one connection whose other end is not
//! known until its proof holds.
//!
//! Keeps: what the proof covers. Drops: everything that was said without one. Random numbers and the clock's worth are
//! arguments; nothing is stored here.

use crate::courier::link::{ENROL_TYPE, Link, Reply, Request};
use crate::courier::retry::Silence;
use crate::courier::trust::Meeting;
use auscult_report::bounded::Bounded;
use auscult_report::code::Code;
use auscult_report::enrol::{EnrolError, Hello, Hints, Offer, Pinned, check_offer, finish};
use auscult_report::key::SensorKey;
use auscult_report::payload::whole;
use core::fmt;
use serde::Serialize;
use std::sync::Arc;

/// Who enrols.
pub struct Newcomer<'a> {
    /// The one-time code.
    pub code: &'a Code,
    /// The sensor's first signing key.
    pub key: &'a SensorKey,
    /// The request for its TLS certificate (PKCS#10, DER).
    pub request: &'a [u8],
    /// What a person is shown to recognise it by.
    pub hints: Hints,
}

/// What an enrolment brought.
#[derive(Debug)]
pub struct Met {
    /// Where the sensor belongs, and whom it believes.
    pub pinned: Pinned,
    /// Whether the collector said that it took the last word. If not, it may have.
    pub is_confirmed: bool,
}

impl Newcomer<'_> {
    /// Meets the collector at an address. `fits` says whether the sensor can belong where the offer puts it; before it said
    /// so, the code is not used up. `random` gives a new nonce each time.
    ///
    /// # Errors
    /// What went wrong, for a person.
    pub fn meet(
        &self,
        address: &str,
        fits: impl Fn(&Pinned) -> bool,
        random: impl FnMut() -> Option<[u8; 32]>,
    ) -> Result<Met, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|_| Failure::System)?;
        runtime.block_on(self.try_some_times(address, fits, random))
    }

    async fn try_some_times(
        &self,
        address: &str,
        fits: impl Fn(&Pinned) -> bool,
        mut random: impl FnMut() -> Option<[u8; 32]>,
    ) -> Result<Met, Failure> {
        for _ in 0..TRIES {
            let nonce = random().ok_or(Failure::System)?;
            if let Some(met) = self.once(address, &fits, nonce).await? {
                return Ok(met);
            }
        }
        Err(Failure::NotOurs)
    }

    /// One connection. `None` if the collector lost the first word: begin again.
    async fn once(
        &self,
        address: &str,
        fits: &impl Fn(&Pinned) -> bool,
        nonce: [u8; 32],
    ) -> Result<Option<Met>, Failure> {
        let meeting = Arc::new(Meeting::new());
        let link = Link::to_stranger(Arc::clone(&meeting)).map_err(|_| Failure::System)?;
        let request = Bounded::try_from(self.request.to_vec()).map_err(|_| Failure::System)?;
        let (code, sign_key) = (self.code.id(), self.key.public());
        let hello = octets(&Hello { code, sign_key, request, nonce, hints: self.hints.clone() })?;
        let reply = link.ask(address, form(HELLO_PATH, hello.clone())).await.map_err(Failure::Silence)?;
        if reply.code != 200 {
            return Err(refusal(&reply));
        }
        let offer = Some(reply.body).filter(|_| reply.form == Some(ENROL_TYPE)).ok_or(Failure::NotOurs)?;
        let offer: Offer = whole(&offer).ok_or(Failure::NotOurs)?;
        let met = meeting.met().ok_or(Failure::NotOurs)?;
        let key = self.code.key();
        let transcript = check_offer(&key, &hello, &offer, &met).map_err(|e| match e {
            EnrolError::OtherEnd => Failure::SomebodyBetween,
            EnrolError::Proof => Failure::WrongCode,
        })?;
        // From here on the other end is the one that made the code.
        let pinned = Pinned::decode(&offer.trust).ok_or(Failure::NewerCollector)?;
        if !fits(&pinned) {
            return Err(Failure::Elsewhere);
        }
        let last = octets(&finish(code, &key, self.key, &transcript))?;
        match link.ask(address, form(FINISH_PATH, last)).await {
            Ok(reply) if matches!(reply.code, 200 | 202) => Ok(Some(Met { pinned, is_confirmed: true })),
            Ok(reply) if reply.code == 409 => Ok(None),
            Ok(reply) => Err(refusal(&reply)),
            // Another certificate on a second connection: the last word did not get there.
            Err(Silence::Untrusted) => Err(Failure::SomebodyBetween),
            Err(_) => Ok(Some(Met { pinned, is_confirmed: false })),
        }
    }
}

fn form(path: &'static str, octets: Vec<u8>) -> Request {
    Request { path, form: ENROL_TYPE, octets, seen: None }
}

fn octets(message: &impl Serialize) -> Result<Vec<u8>, Failure> {
    postcard::to_allocvec(message).map_err(|_| Failure::System)
}

fn refusal(reply: &Reply) -> Failure {
    match reply.code {
        403 if reply.body.trim_ascii_end() == b"refused" => Failure::WrongCode,
        429 | 503 => Failure::Later(reply.retry_after_s),
        400 | 415 => Failure::NewerCollector,
        _ => Failure::NotOurs,
    }
}

/// Why an enrolment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing came back.
    Silence(Silence),
    /// Who answers is no collector.
    NotOurs,
    /// The other side does not have this code, or has it no more.
    WrongCode,
    /// Another certificate than the collector's.
    SomebodyBetween,
    /// The sensor belongs to another clinic.
    Elsewhere,
    /// What it says is not understood.
    NewerCollector,
    /// It asks to come again, perhaps after so many seconds.
    Later(Option<u64>),
    /// This machine lacks something.
    System,
}

impl Failure {
    /// Whether another address may do better.
    #[must_use]
    pub const fn is_of_the_way(self) -> bool {
        matches!(self, Failure::Silence(_) | Failure::NotOurs | Failure::Later(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Silence(_) => "the collector cannot be reached there: check the address, the uplink and its firewall",
            Failure::NotOurs => "who answers there is no collector (a portal, a proxy?): check the address",
            Failure::WrongCode => {
                "the code is wrong, used or too old, or the address is another provider's: compare both, or let the \
                 provider make a new code"
            }
            Failure::SomebodyBetween => {
                "somebody stands between this sensor and its collector: do not use this uplink, and tell the provider"
            }
            Failure::Elsewhere => {
                "this sensor's reports belong to another clinic: use that clinic's code, or remove the state folder, and \
                 with it what was not delivered"
            }
            Failure::NewerCollector => "the collector speaks another version: update this agent or the collector",
            Failure::Later(Some(seconds)) => {
                return write!(f, "the collector is busy: try again in {seconds} seconds");
            }
            Failure::Later(None) => "the collector is busy: try again in a minute",
            Failure::System => "this machine gives no random octets or no sockets; nothing was sent",
        })
    }
}

impl core::error::Error for Failure {}

/// The first word.
const HELLO_PATH: &str = "/v1/enrol/hello";
/// The last.
const FINISH_PATH: &str = "/v1/enrol/finish";
/// How often the first word is said when the collector lost it.
const TRIES: usize = 3;
