//! People at the door: accounts by one-time codes, a lost password or second factor replaced by another one.
//!
//! Keeps: how often was tried, in memory. Drops: tokens and codes; each is shown once, its hash is kept.

use super::refused::SignIn;
use super::secret::{base32, is_weak, keep_password, new_person_code, new_token, step_of, token_hash, typed_code};
use super::tries::{MINUTE_MS, Tries};
use super::{AccessError, Role, random};
use crate::authority::Authority;
use crate::store::{Invitation, NewPerson, PersonId, Store, StoreError};
use auscult_report::key::Hash;
use auscult_report::time::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;

/// Lets people in.
pub struct People {
    pub(super) store: Store,
    pub(super) authority: Arc<Authority>,
    /// The archive's name, as the second factor's program shows it.
    name: String,
    pub(super) tries: Tries,
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
    /// Whether a lost password or second factor is being replaced.
    pub(super) resets: bool,
    /// When the second factor was last shown.
    pub(super) proved: Timestamp,
    pub(super) token: Hash,
    pub(super) totp: Vec<u8>,
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

impl Visitor {
    /// Whether the second factor is one of ours: six digits. If not, another service vouches for this person.
    #[must_use]
    pub fn has_digits(&self) -> bool {
        !self.totp.is_empty()
    }
}

impl People {
    /// Lets people into this archive.
    #[must_use]
    pub fn new(store: &Store, authority: Arc<Authority>, name: &str) -> People {
        People { store: store.clone(), authority, name: name.to_owned(), tries: Tries::default() }
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
        self.tries.may(&[(format!("code {from}"), 10, MINUTE_MS)], now)?;
        if !is_name(new.name) {
            return Err(SignIn::Name);
        }
        if !is_title(new.title) {
            return Err(SignIn::Title);
        }
        let code = token_hash(&typed_code(new.code));
        self.store.invitation(&code, now).map_err(SignIn::from)?.ok_or(SignIn::Code)?;
        if let Some(why) = is_weak(new.password, new.name) {
            return Err(SignIn::Weak(why));
        }
        let (id, key) = (PersonId(random().map_err(|_| SignIn::Busy)?), random::<20>().map_err(|_| SignIn::Busy)?);
        let password = self.tries.hash(|| keep_password(new.password))?.map_err(|_| SignIn::Busy)?;
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
        self.tries.may(&[(format!("digits {}", visitor.name), 10, MINUTE_MS)], now)?;
        let key = self.authority.vault().open(&visitor.totp, &place(&visitor.id)).map_err(|_| SignIn::Busy)?;
        let step = step_of(&key, digits, now, 0).ok_or(SignIn::Digits)?;
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let (hashed, resets) = (token_hash(&token), visitor.resets);
        let done = match resets {
            true => self.store.finish_reset(visitor.id, step, &hashed, now),
            false => self.store.finish_person(visitor.id, step, &hashed, now),
        };
        if !done.map_err(SignIn::from)? {
            return Err(SignIn::Code);
        }
        self.audit(&visitor.name, if resets { "account-reset" } else { "account-made" }, from, now)?;
        Ok(token)
    }

    /// Makes a one-time code for a person who lost a password or a second factor; every session of that person ends. `None`: there is
    /// nobody of this name who may come in.
    ///
    /// # Errors
    /// If it could not be kept.
    pub fn reset_code(&self, name: &str, now: Timestamp) -> Result<Option<String>, AccessError> {
        let person = self.store.person_named(name).map_err(AccessError::Store)?.filter(|p| p.active);
        let Some(person) = person else { return Ok(None) };
        let code = new_person_code()?;
        let expires = Timestamp(now.0.saturating_add(RESET_MS));
        self.store.put_reset(person.id, &token_hash(&code), (now, expires)).map_err(AccessError::Store)?;
        Ok(Some(code))
    }

    /// Begins to replace what was lost, with the code of an administrator: the token of a session in which the new second factor is shown.
    /// Until then nothing has changed.
    ///
    /// # Errors
    /// Why not.
    pub fn begin_reset(&self, code: &str, password: &str, from: IpAddr, now: Timestamp) -> Result<String, SignIn> {
        self.tries.may(&[(format!("code {from}"), 10, MINUTE_MS)], now)?;
        let code = token_hash(&typed_code(code));
        let (id, name) = self.store.reset(&code, now).map_err(SignIn::from)?.ok_or(SignIn::Code)?;
        if let Some(why) = is_weak(password, &name) {
            return Err(SignIn::Weak(why));
        }
        let key = random::<20>().map_err(|_| SignIn::Busy)?;
        let password = self.tries.hash(|| keep_password(password))?.map_err(|_| SignIn::Busy)?;
        let sealed = self.authority.vault().seal(&key, &place(&id)).map_err(|_| SignIn::Busy)?;
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let begun = self.store.begin_reset(&code, (&password, &sealed), &token_hash(&token), now);
        if begun.map_err(SignIn::from)? { Ok(token) } else { Err(SignIn::Code) }
    }
}

/// Makes a one-time code by which an account is made. It is shown once.
///
/// # Errors
/// If it could not be kept.
pub fn invite(store: &Store, invitation: &Invitation, lifetime_ms: u64, now: Timestamp) -> Result<String, AccessError> {
    if invitation.role == Role::Reviewer.word() && invitation.until.is_none() {
        let said = "a reviewer's access always ends: name the day".to_owned();
        return Err(AccessError::Store(StoreError::Conflict(said)));
    }
    let code = new_person_code()?;
    let expires = Timestamp(now.0.saturating_add(lifetime_ms));
    store.put_invitation(&token_hash(&code), invitation, (now, expires)).map_err(AccessError::Store)?;
    Ok(code)
}

/// Names to sign in: what can be typed everywhere.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    (2..=40).contains(&name.len()) && name.chars().all(is_plain)
}

/// What others read: a person's own name.
pub(super) fn is_title(title: &str) -> bool {
    !title.trim().is_empty() && title.len() <= 100 && !title.chars().any(char::is_control)
}

/// Where the key of a second factor stands in the data base.
pub(super) const fn place(person: &PersonId) -> [&[u8]; 3] {
    [b"person", b"totp", &person.0]
}

/// How long the first administrator's code can be used, and how long one may take to show the second factor.
pub const FIRST_CODE_MS: u64 = 15 * MINUTE_MS;
/// How long a code for who lost something can be used: it is said by telephone.
const RESET_MS: u64 = 60 * MINUTE_MS;
