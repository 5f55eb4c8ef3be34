//! Sessions: signing in and out, who has which token, showing the second factor again, what each may see.
//!
//! Wrong names, wrong passwords and wrong digits get one answer after the same work. Who may is looked up at every request.
//! Keeps: nothing. Drops: a session that rested, that is old, or whose person was shut out.

use super::People;
use super::people::{FIRST_CODE_MS, Visitor, is_name, place};
use super::refused::SignIn;
use super::roles::Role;
use super::secret::{is_password, new_token, step_of, token_hash};
use super::tries::{Held, MINUTE_MS};
use crate::store::{ClinicRow, ClinicStore, Deed, PersonRow, SESSION_MS, StoreError};
use auscult_report::key::hash;
use auscult_report::time::Timestamp;
use std::net::IpAddr;

impl People {
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
        if let Err(held) = self.tries.once(&limits, now) {
            // Once for each time that somebody is held: who goes on fills nothing.
            if held == Held::FromNowOn {
                self.audit(name, "sign-in-held", from, now)?;
            }
            return Err(SignIn::TooOften);
        }
        let person = self.store.person_named(name).map_err(SignIn::from)?;
        let is_password = self.tries.hash(|| is_password(password, person.as_ref().map(|p| p.password.as_str())))?;
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
        self.tries.forget(&both);
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
        let is_old = is_over(session.created, session.seen, now) || (!session.full && age >= FIRST_CODE_MS);
        let is_out = !session.person.active && (session.full || session.resets);
        if is_old || is_out {
            self.store.end_session(&hashed)?;
            return Ok(None);
        }
        if idle >= MINUTE_MS {
            self.store.session_seen(&hashed, now)?;
        }
        let PersonRow { id, name, title, admin, totp, .. } = session.person;
        let csrf = super::secret::hex(&hash(b"auscult.dev/csrf/v1\0", &[token.as_bytes()]));
        let (full, resets, proved) = (session.full, session.resets, session.proved);
        Ok(Some(Visitor { id, name, title, admin, full, csrf, resets, proved, token: hashed, totp }))
    }

    /// Whether the second factor was shown lately enough for what has consequences.
    #[must_use]
    pub fn is_proved(&self, visitor: &Visitor, now: Timestamp) -> bool {
        now.since_ms(visitor.proved) < PROVED_MS
    }

    /// The second factor is shown again: from now on the session has another token.
    ///
    /// # Errors
    /// Why not; digits that were used count as wrong.
    pub fn prove(&self, visitor: &Visitor, digits: &str, from: IpAddr, now: Timestamp) -> Result<String, SignIn> {
        self.tries.may(&[(format!("digits {}", visitor.name), 10, MINUTE_MS)], now)?;
        let person = self.store.person_named(&visitor.name).map_err(SignIn::from)?.ok_or(SignIn::Digits)?;
        let step = self.step(&person, digits, now).ok_or(SignIn::Digits)?;
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let tokens = (&visitor.token, &token_hash(&token));
        if !self.store.prove_again(tokens, (visitor.id, Some(step)), now).map_err(SignIn::from)? {
            return Err(SignIn::Digits);
        }
        self.audit(&visitor.name, "proved-again", from, now)?;
        Ok(token)
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

    pub(super) fn audit(&self, person: &str, what: &str, from: IpAddr, now: Timestamp) -> Result<(), SignIn> {
        let peer = from.to_string();
        self.store.audit(&Deed { person, what, about: "", peer: &peer }, now).map_err(SignIn::from)
    }
}

/// Whether a session has ended by itself: it is old, or rested.
pub(super) fn is_over(created: Timestamp, seen: Timestamp, now: Timestamp) -> bool {
    now.since_ms(created) >= SESSION_MS || now.since_ms(seen) >= IDLE_MS
}

/// How long a session may rest.
const IDLE_MS: u64 = 30 * MINUTE_MS;
/// How long ago the second factor may have been shown for what has consequences.
const PROVED_MS: u64 = 5 * MINUTE_MS;
