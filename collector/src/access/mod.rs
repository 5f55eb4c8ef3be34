//! Who may: people with their roles, one-time codes, enrolments, certificates (report/FORMAT.md sections 17 to 19). The only room that
//! decides it.
//!
//! A code grants nothing but a place among the sensors that wait for a person. Unknown, expired, used and burnt codes get the same
//! answers after the same work. What a sensor may do is looked up when it asks, whatever its certificate says.
//! Keeps: how often an address asked in the last minute. Drops: secrets, as soon as they were used.

mod identity;
mod own;
mod people;
mod refused;
mod roles;
mod secret;
mod session;
mod token;
mod tries;

pub use identity::{Sent, Vouched};
pub use people::{Account, FIRST_CODE_MS, People, Visitor, invite};
pub use refused::SignIn;
pub use roles::{Right, Role};
pub use secret::{digits_at, hex, new_token, octets, token_hash};
pub use token::{Program, Programs, Scope, TokenError, Wanted};

use crate::authority::{Authority, AuthorityError, Bundle, Vault};
use crate::store::{ClinicStore, Enrolling, SensorState, Store, StoreError};
use auscult_report::code::{Code, CodeId, CodeKey};
use auscult_report::enrol::{Finish, Hello, Offer, Pinned, Side, Transcript, check_finish};
use auscult_report::key::{Hash, LedgerId};
use auscult_report::payload::{Extras, whole};
use auscult_report::renew::{Grant, Renewal};
use auscult_report::time::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Lets sensors in.
pub struct Access {
    store: Store,
    authority: Arc<Authority>,
    bundle: Bundle,
    hellos: Mutex<HashMap<IpAddr, Minute>>,
}

/// What was offered on a connection, until its sensor finishes.
pub struct Offered {
    hello: Hello,
    key: CodeKey,
    transcript: Transcript,
    /// Whether there is such a code.
    is_real: bool,
}

/// Makes a one-time code for one sensor of a site. It is shown once; what is kept of it is sealed.
///
/// # Errors
/// If the site is not known, or it could not be kept.
pub fn new_code(
    clinic: &ClinicStore,
    vault: &Vault,
    site: &str,
    lifetime_ms: u64,
    now: Timestamp,
) -> Result<Code, AccessError> {
    let (id, secret) = (CodeId(random()?), random()?);
    let code = Code::new(id, secret);
    let sealed = vault.seal(code.key().secret_octets(), &place(&id)).map_err(|_| AccessError::Random)?;
    let expires = Timestamp(now.0.saturating_add(lifetime_ms));
    clinic.put_code(site, id, &sealed, (now, expires)).map_err(AccessError::Store)?;
    Ok(code)
}

impl Access {
    /// Lets sensors into this archive; those that are let in get this bundle.
    #[must_use]
    pub fn new(store: &Store, authority: Arc<Authority>, bundle: Bundle) -> Access {
        Access { store: store.clone(), authority, bundle, hellos: Mutex::default() }
    }

    /// What seals secrets in the data base.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        self.authority.vault()
    }

    /// The bundle that is newer than the one that a sensor has.
    #[must_use]
    pub fn newer_bundle(&self, version: u32) -> Option<&[u8]> {
        (version < self.bundle.version).then_some(&self.bundle.octets)
    }

    /// Answers the first word of a sensor that came over a connection with this TLS key of ours.
    ///
    /// # Errors
    /// Why not; a code that is not good gets an offer like every other.
    pub fn hello(
        &self,
        octets: &[u8],
        tls_key: &Hash,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Offered), Refusal> {
        let hello: Hello = whole(octets).ok_or(Refusal::Form)?;
        if !self.may_try(from, now) {
            return Err(Refusal::TooOften);
        }
        let open = self.store.open_code(hello.code, now).map_err(|_| Refusal::Busy)?;
        let made_up = CodeKey::from_octets(random().map_err(|_| Refusal::Busy)?);
        let (key, ledger, is_real) = match open {
            Some(open) => {
                let key = self.authority.vault().open(&open.key, &place(&hello.code)).map_err(|_| Refusal::Busy)?;
                let key = key.as_slice().try_into().map_err(|_| Refusal::Busy)?;
                (CodeKey::from_octets(key), open.ledger, true)
            }
            None => (made_up, LedgerId(random().map_err(|_| Refusal::Busy)?), false),
        };
        let bundle = self.bundle.octets.clone().try_into().map_err(|_| Refusal::Busy)?;
        let trust = Pinned { ledger, bundle }.encode().ok_or(Refusal::Busy)?;
        let nonce = random().map_err(|_| Refusal::Busy)?;
        let transcript = Transcript::of(octets, &nonce, &trust, tls_key);
        let offer = Offer { nonce, trust, tls_key: *tls_key, proof: key.prove(Side::Collector, &transcript) };
        let answer = postcard::to_allocvec(&offer).map_err(|_| Refusal::Busy)?;
        Ok((answer, Offered { hello, key, transcript, is_real }))
    }

    /// Hears the last word of a sensor: from now on it waits for a person.
    ///
    /// # Errors
    /// [`Refusal::Refused`], whatever was wrong.
    pub fn finish(&self, offered: &Offered, octets: &[u8], from: IpAddr, now: Timestamp) -> Result<(), Refusal> {
        let finish: Finish = whole(octets).ok_or(Refusal::Form)?;
        let Offered { hello, key, transcript, is_real } = offered;
        let checked = check_finish(key, &hello.sign_key, transcript, &finish);
        if finish.code != hello.code || checked.is_err() {
            if *is_real {
                self.store.code_failed(hello.code).map_err(|_| Refusal::Busy)?;
            }
            return Err(Refusal::Refused);
        }
        let peer = from.to_string();
        let who = Enrolling { key: hello.sign_key, hints: &hello.hints, peer: &peer };
        let used = self.store.use_code(hello.code, &who, now).map_err(|_| Refusal::Busy)?;
        used.filter(|_| *is_real).map(|_| ()).ok_or(Refusal::Refused)
    }

    /// A certificate for a sensor that a person let in.
    ///
    /// # Errors
    /// What keeps it from one.
    pub fn renew(&self, octets: &[u8], now: Timestamp) -> Result<Vec<u8>, Refusal> {
        let asked = Renewal::read(octets).map_err(|_| Refusal::Form)?;
        let claimed = asked.claimed();
        let of = (claimed.ledger, claimed.sensor);
        let known = self.store.sensor(of).map_err(|_| Refusal::Busy)?.ok_or(Refusal::Refused)?;
        let key = *known.keys.get(usize::from(claimed.key_no)).ok_or(Refusal::Refused)?;
        let renewal = asked.verify(&key).map_err(|_| Refusal::Refused)?;
        match known.state {
            _ if known.closed => return Err(Refusal::Closed),
            SensorState::Pending | SensorState::Quarantine => return Err(Refusal::Pending),
            SensorState::Revoked => return Err(Refusal::Revoked),
            SensorState::Active => {}
        }
        let certificate = self.authority.sensor(&renewal.request, of, now).map_err(|e| match e {
            AuthorityError::Request => Refusal::Form,
            _ => Refusal::Busy,
        })?;
        let trust = self.newer_bundle(renewal.bundle_version).map(|b| b.to_vec().try_into()).transpose();
        let grant = Grant {
            certificate: certificate.to_vec().try_into().map_err(|_| Refusal::Busy)?,
            trust: trust.map_err(|_| Refusal::Busy)?,
            ext: Extras::new(),
        };
        grant.encode().ok_or(Refusal::Busy)
    }

    /// Whether an address may try once more in this minute.
    fn may_try(&self, from: IpAddr, now: Timestamp) -> bool {
        let mut hellos = self.hellos.lock().unwrap_or_else(PoisonError::into_inner);
        if hellos.len() >= MOST_ADDRESSES {
            hellos.retain(|_, m| now.since_ms(m.since) < MINUTE_MS);
            if hellos.len() >= MOST_ADDRESSES {
                return false;
            }
        }
        let minute = hellos.entry(from).or_insert(Minute { since: now, tries: 0 });
        if now.since_ms(minute.since) >= MINUTE_MS {
            *minute = Minute { since: now, tries: 0 };
        }
        minute.tries = minute.tries.saturating_add(1);
        minute.tries <= MOST_TRIES
    }
}

/// How often an address tried since a moment.
struct Minute {
    since: Timestamp,
    tries: u32,
}

/// Where the key of a code stands in the data base: a sealed key that is moved does not open.
const fn place(code: &CodeId) -> [&[u8]; 3] {
    [b"enrol_code", b"key", &code.0]
}

/// Random octets from the system.
///
/// # Errors
/// [`AccessError::Random`] if it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|_| AccessError::Random)?;
    Ok(octets)
}

/// Why something was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no message of this kind.
    Form,
    /// It is not allowed; why is not said.
    Refused,
    /// This address asks too often.
    TooOften,
    /// Not now: the store does not answer.
    Busy,
    /// A person has to look first.
    Pending,
    /// The sensor was shut out.
    Revoked,
    /// The clinic has left.
    Closed,
}

/// Why a code was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The store did not take it.
    Store(StoreError),
    /// The system gives no random octets.
    Random,
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessError::Store(e) => e.fmt(f),
            AccessError::Random => f.write_str("the system gives no random octets"),
        }
    }
}

impl std::error::Error for AccessError {}

/// First words of an address in a minute: a technician mistypes a code a few times.
const MOST_TRIES: u32 = 10;
/// Addresses that are remembered: what comes from more of them in one minute is turned away.
const MOST_ADDRESSES: usize = 65_536;
const MINUTE_MS: u64 = 60_000;
