//! People at the door: accounts by one-time codes, passwords with a second factor, sessions, what each may see.
//!
//! Wrong names, wrong passwords and wrong digits get one answer after the same work. Who may is looked up at every request.
//! Keeps: how often was tried, in memory. Drops: tokens and codes; each is shown once, its hash is kept.

use super::roles::Role;
use super::secret::{
    base32, is_password, is_weak, keep_password, new_person_code, new_token, step_of, token_hash, typed_code,
};
use super::{AccessError, random};
use crate::authority::Authority;
use crate::store::{
    ClinicRow, ClinicStore, Deed, Invitation, NewPerson, PersonId, PersonRow, SESSION_MS, Store, StoreError,
};
use auscult_report::key::{Hash, hash};
use auscult_report::time::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Lets people in.
pub struct People {
    store: Store,
    authority: Arc<Authority>,
    /// The archive's name, as the second factor's program shows it.
    name: String,
    tries: Mutex<HashMap<String, (Timestamp, u32)>>,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Visitor {
    /// Who.
    pub id: PersonId,
    /// The name to sign in.
    pub name: String,
    /// What others read.
    pub title: String,
    /// Whether it is an administrator of the provider.
    pub admin: bool,
    /// Whether the second factor was shown.
    pub full: bool,
    /// What a form of this session must bring.
    pub csrf: String,
    token: Hash,
    totp: Vec<u8>,
}

/// What a new account is made of.
pub struct Account<'a> {
    /// The one-time code.
    pub code: &'a str,
    /// The name to sign in.
    pub name: &'a str,
    /// What others read.
    pub title: &'a str,
    /// The password.
    pub password: &'a str,
}

impl People {
    /// Lets people into this archive.
    #[must_use]
    pub fn new(store: &Store, authority: Arc<Authority>, name: &str) -> People {
        People { store: store.clone(), authority, name: name.to_owned(), tries: Mutex::default() }
    }

    /// A code for the first administrator. `None`: there is one.
    ///
    /// # Errors
    /// If it could not be kept.
    pub fn first_code(&self, now: Timestamp) -> Result<Option<String>, AccessError> {
        if self.store.admins().map_err(AccessError::Store)? > 0 {
            return Ok(None);
        }
        let invitation = Invitation { admin: true, ..Invitation::default() };
        invite(&self.store, &invitation, FIRST_CODE_MS, now).map(Some)
    }

    /// Begins an account: the token of a session in which the second factor is shown.
    ///
    /// # Errors
    /// Why not.
    pub fn begin(&self, new: &Account<'_>, from: IpAddr, now: Timestamp) -> Result<String, SignIn> {
        self.may_try(&[(format!("code {from}"), 10, MINUTE_MS)], now)?;
        if !is_name(new.name) {
            return Err(SignIn::Name);
        }
        if new.title.trim().is_empty() || new.title.len() > 100 || new.title.chars().any(char::is_control) {
            return Err(SignIn::Title);
        }
        let code = token_hash(&typed_code(new.code));
        self.store.invitation(&code, now).map_err(SignIn::from)?.ok_or(SignIn::Code)?;
        if let Some(why) = is_weak(new.password, new.name) {
            return Err(SignIn::Weak(why));
        }
        let (id, key) = (PersonId(random().map_err(|_| SignIn::Busy)?), random::<20>().map_err(|_| SignIn::Busy)?);
        let password = keep_password(new.password).map_err(|_| SignIn::Busy)?;
        let sealed = self.authority.vault().seal(&key, &place(&id)).map_err(|_| SignIn::Busy)?;
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let title = new.title.trim();
        let person = NewPerson { id, name: new.name, title, password: &password, totp: &sealed };
        let begun = self.store.begin_person(&code, &person, &token_hash(&token), now).map_err(SignIn::from)?;
        if begun { Ok(token) } else { Err(SignIn::Taken) }
    }

    /// The key of the second factor, for who has not shown it yet: to type, and as a program reads it.
    ///
    /// # Errors
    /// If it could not be opened.
    pub fn second_factor(&self, visitor: &Visitor) -> Result<(String, String), SignIn> {
        let key = self.authority.vault().open(&visitor.totp, &place(&visitor.id)).map_err(|_| SignIn::Busy)?;
        let typed = base32(&key);
        let uri = format!(
            "otpauth://totp/auscult:{}?secret={typed}&issuer=auscult%20{}&algorithm=SHA1&digits=6&period=30",
            visitor.name, self.name
        );
        Ok((typed, uri))
    }

    /// Ends the making of an account: the second factor was shown. The token of a full session.
    ///
    /// # Errors
    /// Why not.
    pub fn finish(&self, visitor: &Visitor, digits: &str, from: IpAddr, now: Timestamp) -> Result<String, SignIn> {
        self.may_try(&[(format!("digits {}", visitor.name), 10, MINUTE_MS)], now)?;
        let key = self.authority.vault().open(&visitor.totp, &place(&visitor.id)).map_err(|_| SignIn::Busy)?;
        let step = step_of(&key, digits, now, 0).ok_or(SignIn::Digits)?;
        let token = new_token().map_err(|_| SignIn::Busy)?;
        if !self.store.finish_person(visitor.id, step, &token_hash(&token), now).map_err(SignIn::from)? {
            return Err(SignIn::Code);
        }
        self.audit(&visitor.name, "account-made", from, now)?;
        Ok(token)
    }

    /// Signs somebody in: the token of a full session.
    ///
    /// # Errors
    /// Why not; what was wrong is not said.
    pub fn sign_in(
        &self,
        (name, password, digits): (&str, &str, &str),
        from: IpAddr,
        now: Timestamp,
    ) -> Result<String, SignIn> {
        let name = if is_name(name) { name } else { "" };
        let both = format!("sign-in {name} {from}");
        let limits = [
            (format!("sign-in {from}"), 30, MINUTE_MS),
            (both.clone(), 6, 15 * MINUTE_MS),
            (format!("sign-in {name}"), 200, 60 * MINUTE_MS),
        ];
        let may = self.may_try(&limits, now);
        if may.is_err() {
            self.audit(name, "sign-in-held", from, now)?;
            return may.map(|()| String::new());
        }
        let person = self.store.person_named(name).map_err(SignIn::from)?;
        let is_password = is_password(password, person.as_ref().map(|p| p.password.as_str()));
        let person = person.filter(|p| is_password && p.active);
        let step = person.as_ref().and_then(|p| self.step(p, digits, now));
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let is_in = match person.zip(step) {
            Some((person, step)) => {
                self.store.sign_in(person.id, step, &token_hash(&token), now).map_err(SignIn::from)?
            }
            None => false,
        };
        self.audit(name, if is_in { "signed-in" } else { "sign-in-refused" }, from, now)?;
        if !is_in {
            return Err(SignIn::Refused);
        }
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).remove(&both);
        Ok(token)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn sign_out(&self, visitor: &Visitor, from: IpAddr, now: Timestamp) -> Result<(), SignIn> {
        self.store.end_session(&visitor.token).map_err(SignIn::from)?;
        self.audit(&visitor.name, "signed-out", from, now)
    }

    /// Who has this token, if the session has not ended.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn visitor(&self, token: &str, now: Timestamp) -> Result<Option<Visitor>, StoreError> {
        let hashed = token_hash(token);
        let Some(session) = self.store.session(&hashed)? else { return Ok(None) };
        let (age, idle) = (now.since_ms(session.created), now.since_ms(session.seen));
        let longest = if session.full { SESSION_MS } else { FIRST_CODE_MS };
        if age >= longest || idle >= IDLE_MS || (session.full && !session.person.active) {
            self.store.end_session(&hashed)?;
            return Ok(None);
        }
        if idle >= MINUTE_MS {
            self.store.session_seen(&hashed, now)?;
        }
        let PersonRow { id, name, title, admin, totp, .. } = session.person;
        let csrf = super::secret::hex(&hash(b"auscult.dev/csrf/v1\0", &[token.as_bytes()]));
        Ok(Some(Visitor { id, name, title, admin, full: session.full, csrf, token: hashed, totp }))
    }

    /// A clinic, and what the visitor is there. `None`: it is not there, or not for this visitor; which of the two is not said.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn clinic(
        &self,
        visitor: &Visitor,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<(ClinicStore, Role)>, StoreError> {
        let Some(clinic) = self.store.clinic_named(name)? else { return Ok(None) };
        if visitor.admin {
            return Ok(Some((clinic, Role::Admin)));
        }
        let grants = self.store.grants(visitor.id)?;
        let grant = grants.iter().find(|g| g.clinic == name && g.until.is_none_or(|until| now < until));
        Ok(grant.and_then(|g| Role::granted(&g.role)).map(|role| (clinic, role)))
    }

    /// Every clinic that the visitor may see, by name, with its handle.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn clinics(&self, visitor: &Visitor, now: Timestamp) -> Result<Vec<(ClinicRow, ClinicStore)>, StoreError> {
        let mut clinics = self.store.clinics()?;
        if !visitor.admin {
            let grants = self.store.grants(visitor.id)?;
            let is_seen = |row: &ClinicRow| {
                grants.iter().any(|g| {
                    g.clinic == row.name && g.until.is_none_or(|until| now < until) && Role::granted(&g.role).is_some()
                })
            };
            clinics.retain(is_seen);
        }
        Ok(clinics.into_iter().map(|row| (row.clone(), self.store.clinic_with(row.id))).collect())
    }

    fn step(&self, person: &PersonRow, digits: &str, now: Timestamp) -> Option<u64> {
        let key = self.authority.vault().open(&person.totp, &place(&person.id)).ok()?;
        step_of(&key, digits, now, person.totp_step)
    }

    fn audit(&self, person: &str, what: &str, from: IpAddr, now: Timestamp) -> Result<(), SignIn> {
        let peer = from.to_string();
        self.store.audit(&Deed { person, what, about: "", peer: &peer }, now).map_err(SignIn::from)
    }

    /// Counts a try under each key; too many of any are held.
    fn may_try(&self, keys: &[(String, u32, u64)], now: Timestamp) -> Result<(), SignIn> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST_TRIES {
            tries.retain(|_, (since, _)| now.since_ms(*since) < MINUTE_MS);
            if tries.len() >= MOST_TRIES {
                return Err(SignIn::TooOften);
            }
        }
        let mut may = true;
        for (key, most, window_ms) in keys {
            let (since, count) = tries.entry(key.clone()).or_insert((now, 0));
            if now.since_ms(*since) >= *window_ms {
                (*since, *count) = (now, 0);
            }
            *count = count.saturating_add(1);
            may &= *count <= *most;
        }
        if may { Ok(()) } else { Err(SignIn::TooOften) }
    }
}

/// Makes a one-time code by which an account is made. It is shown once.
///
/// # Errors
/// If it could not be kept.
pub fn invite(store: &Store, invitation: &Invitation, lifetime_ms: u64, now: Timestamp) -> Result<String, AccessError> {
    let code = new_person_code()?;
    let expires = Timestamp(now.0.saturating_add(lifetime_ms));
    store.put_invitation(&token_hash(&code), invitation, (now, expires)).map_err(AccessError::Store)?;
    Ok(code)
}

/// Names to sign in: what can be typed everywhere.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    (2..=40).contains(&name.len()) && name.chars().all(is_plain)
}

/// Where the key of a second factor stands in the data base.
const fn place(person: &PersonId) -> [&[u8]; 3] {
    [b"person", b"totp", &person.0]
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Name, password or digits: which is not said.
    Refused,
    /// Too many tries.
    TooOften,
    /// The one-time code is unknown, used or has ended.
    Code,
    /// The name is no name.
    Name,
    /// The name of the person is empty or too long.
    Title,
    /// Somebody has this name.
    Taken,
    /// The password would be guessed.
    Weak(&'static str),
    /// The six digits are wrong.
    Digits,
    /// Not now.
    Busy,
}

impl From<StoreError> for SignIn {
    fn from(_: StoreError) -> SignIn {
        SignIn::Busy
    }
}

impl fmt::Display for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignIn::Refused => "Name, password or code is not right. A code of the second factor can be used once: wait for the next.",
            SignIn::TooOften => "Too many tries. Wait a quarter of an hour, then try again.",
            SignIn::Code => "This one-time code cannot be used: it is mistyped, was used, or its time is over.",
            SignIn::Name => "A name to sign in has 2 to 40 of a-z, 0-9, dot, hyphen and underscore.",
            SignIn::Title => "Write your own name, in at most 100 characters.",
            SignIn::Taken => "This name to sign in is taken: choose another one.",
            SignIn::Weak(why) => why,
            SignIn::Digits => "These six digits are not right. They change every 30 seconds; check that the telephone's clock is right.",
            SignIn::Busy => "The archive does not answer just now: try again in a minute.",
        })
    }
}

impl std::error::Error for SignIn {}

const MINUTE_MS: u64 = 60_000;
/// How long a session may rest.
const IDLE_MS: u64 = 30 * MINUTE_MS;
/// How long the first administrator's code can be used, and how long one may take to show the second factor.
pub const FIRST_CODE_MS: u64 = 15 * MINUTE_MS;
/// Keys that are counted: who comes from more addresses in a minute is turned away.
const MOST_TRIES: usize = 65_536;
