//! What a person may do with the own account: another password, the list of sessions, their end.
//!
//! Keeps: nothing. Drops: passwords, as soon as they were compared and hashed.

use super::People;
use super::people::Visitor;
use super::refused::SignIn;
use super::secret::{is_password, is_weak, keep_password};
use super::tries::MINUTE_MS;
use crate::store::StoreError;
use auscult_report::time::Timestamp;
use std::net::IpAddr;

impl People {
    /// Takes another password; every other session ends.
    ///
    /// # Errors
    /// [`SignIn::Refused`] if the password of now is not right, or why the new one is not taken.
    pub fn change_password(
        &self,
        visitor: &Visitor,
        (before, after): (&str, &str),
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), SignIn> {
        self.tries.may(&[(format!("change {}", visitor.name), 10, 15 * MINUTE_MS)], now)?;
        let person = self.store.person_named(&visitor.name).map_err(SignIn::from)?.ok_or(SignIn::Refused)?;
        if !self.tries.hash(|| is_password(before, Some(&person.password)))? {
            return Err(SignIn::Refused);
        }
        if let Some(why) = is_weak(after, &visitor.name) {
            return Err(SignIn::Weak(why));
        }
        let kept = self.tries.hash(|| keep_password(after))?.map_err(|_| SignIn::Busy)?;
        self.store.set_password(visitor.id, &kept).map_err(SignIn::from)?;
        self.store.end_others(visitor.id, &visitor.token).map_err(SignIn::from)?;
        self.audit(&visitor.name, "password-changed", from, now)
    }

    /// Where the visitor is signed in: since when, when last used, whether it is this session; the newest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn sessions(&self, visitor: &Visitor, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp, bool)>, StoreError> {
        let mut all = self.store.sessions_of(visitor.id)?;
        all.retain(|(_, created, seen)| !super::session::is_over(*created, *seen, now));
        Ok(all.into_iter().map(|(token, created, seen)| (created, seen, token == visitor.token)).collect())
    }

    /// Ends every session of the visitor but this one.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn end_others(&self, visitor: &Visitor, from: IpAddr, now: Timestamp) -> Result<(), SignIn> {
        self.store.end_others(visitor.id, &visitor.token).map_err(SignIn::from)?;
        self.audit(&visitor.name, "sessions-ended", from, now)
    }
}
