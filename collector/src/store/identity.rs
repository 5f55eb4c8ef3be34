//! Whom another service vouches for, and who was sent there and has not come back yet.
//!
//! Keeps: the service's address with its own word for a person; a way there for ten minutes, taken once. Drops: what else the service says.

use super::people::{open_invitation, person, put_session};
use super::{Invitation, PersonId, PersonRow, Store, StoreError, int};
use auscult_report::key::Hash;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A way to the other service and back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// What must stand in the answer.
    pub nonce: String,
    /// What proves that it is us who comes with the answer.
    pub verifier: String,
    /// Where to go on.
    pub next: String,
    /// The hash of the invitation that is to be bound.
    pub code: Option<Hash>,
    /// Of a new account: the name to sign in, and what others read.
    pub account: (String, String),
    /// The session that shows its factor again.
    pub session: Option<Hash>,
}

impl Store {
    /// Keeps a way. `false`: too many are open.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_flow(&self, state: &Hash, flow: &Flow, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("put flow", |tx| {
            tx.execute("DELETE FROM person_flow WHERE created_ms <= ?1", [int(now.0.saturating_sub(FLOW_MS))])?;
            let open: i64 = tx.query_row("SELECT count(*) FROM person_flow", [], |row| row.get(0))?;
            if open >= MOST_FLOWS {
                return Ok(false);
            }
            let sql =
                "INSERT INTO person_flow (state_hash, nonce, verifier, next, code_hash, name, title, session_hash, created_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let Flow { nonce, verifier, next, code, account: (name, title), session } = flow;
            tx.execute(sql, params![state, nonce, verifier, next, code, name, title, session, int(now.0)])?;
            Ok(true)
        })
    }

    /// Takes a way: it is there once, and for ten minutes.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn take_flow(&self, state: &Hash, now: Timestamp) -> Result<Option<Flow>, StoreError> {
        self.database.write("take flow", |tx| {
            let sql = "DELETE FROM person_flow WHERE state_hash = ?1 AND created_ms > ?2
                       RETURNING nonce, verifier, next, code_hash, name, title, session_hash";
            let row = |row: &Row<'_>| {
                Ok(Flow {
                    nonce: row.get(0)?,
                    verifier: row.get(1)?,
                    next: row.get(2)?,
                    code: row.get(3)?,
                    account: (row.get(4)?, row.get(5)?),
                    session: row.get(6)?,
                })
            };
            Ok(tx.query_row(sql, params![state, int(now.0.saturating_sub(FLOW_MS))], row).optional()?)
        })
    }

    /// The person for whom a service vouches by this word.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn person_vouched(&self, issuer: &str, subject: &str) -> Result<Option<PersonRow>, StoreError> {
        self.database.ask("person vouched", |reader| {
            let sql = "SELECT p.person_id, p.name, p.title, p.state, p.is_admin, p.password, p.totp, p.totp_step
                       FROM person_identity i JOIN person p USING (person_id) WHERE i.issuer = ?1 AND i.subject = ?2";
            Ok(reader.prepare_cached(sql)?.query_row([issuer, subject], person).optional()?)
        })
    }

    /// Makes the account of an invitation for whom a service vouches; there is no password. `false`: the code cannot be used, the name is
    /// taken, or the service vouches for somebody else by this word.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn bind_person(
        &self,
        code: &Hash,
        (id, name, title): (PersonId, &str, &str),
        (issuer, subject): (&str, &str),
        session: &Hash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("bind person", |tx| {
            let Some(invited) = open_invitation(tx, code, now)? else { return Ok(false) };
            let sql = "SELECT (SELECT count(*) FROM person WHERE name = ?1)
                            + (SELECT count(*) FROM person_identity WHERE issuer = ?2 AND subject = ?3)
                            + (SELECT count(*) FROM invitation WHERE code_hash = ?4 AND person_id IS NOT NULL)";
            let taken: i64 = tx.query_row(sql, params![name, issuer, subject, code], |row| row.get(0))?;
            if taken > 0 {
                return Ok(false);
            }
            let sql =
                "INSERT INTO person (person_id, name, title, state, is_admin, password, totp, totp_step, created_ms)
                       VALUES (?1, ?2, ?3, 'active', ?4, '', x'', 0, ?5)";
            tx.execute(sql, params![id.0, name, title, invited.admin, int(now.0)])?;
            let sql = "INSERT INTO person_identity (issuer, subject, person_id, created_ms) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, params![issuer, subject, id.0, int(now.0)])?;
            tx.execute("DELETE FROM invitation WHERE code_hash = ?1", [code])?;
            grant_invited(tx, id, &invited, now)?;
            put_session(tx, session, id, "full", now)?;
            Ok(true)
        })
    }

    /// A session for whom a service vouches. `false`: the person may not come in any more.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn sign_in_vouched(&self, of: PersonId, session: &Hash, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("sign in vouched", |tx| {
            let sql = "SELECT count(*) FROM person WHERE person_id = ?1 AND state = 'active'";
            let is_active: i64 = tx.query_row(sql, [of.0], |row| row.get(0))?;
            if is_active > 0 {
                put_session(tx, session, of, "full", now)?;
            }
            Ok(is_active > 0)
        })
    }
}

/// Gives a person what an invitation promises.
pub(super) fn grant_invited(
    tx: &Transaction<'_>,
    person: PersonId,
    invited: &Invitation,
    now: Timestamp,
) -> Result<(), StoreError> {
    for name in invited.clinics.lines().filter(|_| !invited.role.is_empty()) {
        let sql = "INSERT INTO person_grant (clinic_id, person_id, role, until_ms, created_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        if let Some(clinic) = super::fleet::named(tx, name)? {
            let until = invited.until.map(|until| int(until.0));
            tx.execute(sql, params![clinic.0, person.0, invited.role, until, int(now.0)])?;
        }
    }
    Ok(())
}

/// How long somebody may be away.
const FLOW_MS: u64 = 10 * 60_000;
/// Ways that are open at once: a whole provider at eight in the morning, and nobody fills the disk.
const MOST_FLOWS: i64 = 10_000;
