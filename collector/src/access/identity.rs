//! People for whom another service vouches: who was invited binds what the service calls them by a one-time code; nobody gets an account
//! by signing in there.
//!
//! Keeps: the service's address and its word for a person, together. Drops: mail addresses and names that it sends; they are no identity.

use super::People;
use super::people::{Visitor, is_name, is_title};
use super::random;
use super::refused::SignIn;
use super::secret::{new_token, token_hash, typed_code};
use super::tries::MINUTE_MS;
use crate::store::{Flow, PersonId};
use auscult_report::key::Hash;
use auscult_report::time::Timestamp;
use std::net::IpAddr;

/// What a service vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The service, by the address that it signs with.
    pub issuer: String,
    /// Its word for the person.
    pub subject: String,
    /// When the person showed there who it is, if the service says so.
    pub shown: Option<Timestamp>,
}

/// Why somebody is sent to the service.
pub enum Sent<'a> {
    /// To sign in.
    SignIn,
    /// To show again who it is.
    Again(&'a Visitor),
    /// To bind an invitation: code, name to sign in, what others read.
    Invited(&'a str, &'a str, &'a str),
}

impl People {
    /// Somebody is sent to the service: a state for the service to bring back, and a token that this browser keeps meanwhile.
    ///
    /// # Errors
    /// Why not.
    pub fn send(
        &self,
        why: &Sent<'_>,
        (nonce, verifier, next): (&str, &str, &str),
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(String, String), SignIn> {
        self.tries.may(&[(format!("oidc {from}"), 30, MINUTE_MS)], now)?;
        let mut flow =
            Flow { nonce: nonce.to_owned(), verifier: verifier.to_owned(), next: next.to_owned(), ..Flow::default() };
        match why {
            Sent::SignIn => {}
            Sent::Again(visitor) => flow.session = Some(visitor.token),
            Sent::Invited(code, name, title) => {
                if !is_name(name) {
                    return Err(SignIn::Name);
                }
                if !is_title(title) {
                    return Err(SignIn::Title);
                }
                let code = token_hash(&typed_code(code));
                self.store.invitation(&code, now).map_err(SignIn::from)?.ok_or(SignIn::Code)?;
                (flow.code, flow.account) = (Some(code), ((*name).to_owned(), title.trim().to_owned()));
            }
        }
        let (state, browser) = (new_token().map_err(|_| SignIn::Busy)?, new_token().map_err(|_| SignIn::Busy)?);
        let kept = self.store.put_flow(&bound(&state, &browser), &flow, now).map_err(SignIn::from)?;
        if kept { Ok((state, browser)) } else { Err(SignIn::TooOften) }
    }

    /// Somebody comes back with a state, in the same browser: the way, once.
    ///
    /// # Errors
    /// If there is no such way.
    pub fn back(&self, state: &str, browser: &str, now: Timestamp) -> Result<Flow, SignIn> {
        let flow = self.store.take_flow(&bound(state, browser), now).map_err(SignIn::from)?;
        flow.ok_or(SignIn::Elsewhere(
            "This way in was used already, is older than ten minutes, or was begun in another browser. Begin again.",
        ))
    }

    /// Lets in whom the service vouches for: the token of a full session.
    ///
    /// # Errors
    /// Why not.
    pub fn vouched(&self, flow: &Flow, by: &Vouched, from: IpAddr, now: Timestamp) -> Result<String, SignIn> {
        let token = new_token().map_err(|_| SignIn::Busy)?;
        let hashed = token_hash(&token);
        if let Some(code) = &flow.code {
            return self.bind((code, &flow.account), by, (token, from), now);
        }
        let person = self.store.person_vouched(&by.issuer, &by.subject).map_err(SignIn::from)?;
        let Some(person) = person.filter(|p| p.active) else {
            self.audit("", "vouched-refused", from, now)?;
            return Err(SignIn::Elsewhere(
                "The service knows you, but nobody invited you here. Ask an administrator for an invitation and use its code.",
            ));
        };
        let done = match &flow.session {
            None => self.store.sign_in_vouched(person.id, &hashed, now),
            Some(session) => {
                let lately =
                    by.shown.is_some_and(|shown| now.since_ms(shown) < LATELY_MS && shown.since_ms(now) < MINUTE_MS);
                if !lately {
                    return Err(SignIn::Elsewhere(
                        "The service did not ask you again who you are, so nothing was done. Sign out there, then try again.",
                    ));
                }
                self.store.prove_again((session, &hashed), (person.id, None), now)
            }
        };
        if !done.map_err(SignIn::from)? {
            return Err(SignIn::Elsewhere("This is not the person who is signed in here, or that session has ended."));
        }
        let what = if flow.session.is_some() { "proved-again" } else { "signed-in" };
        self.audit(&person.name, what, from, now)?;
        Ok(token)
    }

    fn bind(
        &self,
        (code, (name, title)): (&Hash, &(String, String)),
        by: &Vouched,
        (token, from): (String, IpAddr),
        now: Timestamp,
    ) -> Result<String, SignIn> {
        let id = PersonId(random().map_err(|_| SignIn::Busy)?);
        let identity = (by.issuer.as_str(), by.subject.as_str());
        let bound = self.store.bind_person(code, (id, name, title), identity, &token_hash(&token), now);
        if !bound.map_err(SignIn::from)? {
            return Err(SignIn::Elsewhere(
                "The invitation was used meanwhile, its name is taken, or the service's person has an account here already.",
            ));
        }
        self.audit(name, "account-made", from, now)?;
        Ok(token)
    }
}

/// A way belongs to a browser: who only has the address that the service sends one back to has nothing.
fn bound(state: &str, browser: &str) -> Hash {
    token_hash(&format!("{state} {browser}"))
}

/// How long ago one may have shown there who one is, as for six digits of ours.
const LATELY_MS: u64 = 5 * MINUTE_MS;
