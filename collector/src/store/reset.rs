//! Coming in again: one-time codes for who lost a password or a second factor, and when a session last showed its factor.
//!
//! Keeps: a hash of the code; the new password and key until the new second factor was shown. Drops: both, and every session of the person,
//! once that is done.

use super::people::put_session;
use super::{PersonId, Store, StoreError, int, nat};
use auscult_report::key::Hash;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

impl Store {
    /// Keeps a one-time code for a person who lost something; every session of that person ends. Codes that have ended are forgotten.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_reset(
        &self,
        person: PersonId,
        code: &Hash,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.database.write("put reset", |tx| {
            tx.execute("DELETE FROM person_reset WHERE expires_ms <= ?1", [int(now.0)])?;
            tx.execute("DELETE FROM person_session WHERE person_id = ?1", [person.0])?;
            let sql = "INSERT INTO person_reset (person_id, code_hash, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (person_id) DO UPDATE SET code_hash = ?2, password = NULL, totp = NULL,
                           created_ms = ?3, expires_ms = ?4";
            tx.execute(sql, params![person.0, code, int(now.0), int(expires.0)])?;
            Ok(())
        })
    }

    /// Whose one-time code this is, if it can still be used: who, and the name to sign in.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn reset(&self, code: &Hash, now: Timestamp) -> Result<Option<(PersonId, String)>, StoreError> {
        self.database.read("reset", |tx| open_reset(tx, code, now))
    }

    /// Keeps the new password and the key of the new second factor aside, and a session in which that is shown. `false`: the code cannot
    /// be used.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn begin_reset(
        &self,
        code: &Hash,
        (password, totp): (&str, &[u8]),
        session: &Hash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("begin reset", |tx| {
            let Some((person, _)) = open_reset(tx, code, now)? else { return Ok(false) };
            let sql = "UPDATE person_reset SET password = ?2, totp = ?3 WHERE code_hash = ?1";
            tx.execute(sql, params![code, password, totp])?;
            tx.execute("DELETE FROM person_session WHERE person_id = ?1", [person.0])?;
            put_session(tx, session, person, "second", now)?;
            Ok(true)
        })
    }

    /// The new second factor was shown: password and key are the new ones, the code is used up, every other session is over. `false`: the
    /// code has ended meanwhile.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn finish_reset(
        &self,
        person: PersonId,
        step: u64,
        session: &Hash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("finish reset", |tx| {
            let sql = "DELETE FROM person_reset WHERE person_id = ?1 AND expires_ms > ?2 AND totp IS NOT NULL
                       RETURNING password, totp";
            let new: Option<(String, Vec<u8>)> =
                tx.query_row(sql, params![person.0, int(now.0)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((password, totp)) = new else { return Ok(false) };
            let sql =
                "UPDATE person SET password = ?2, totp = ?3, totp_step = ?4 WHERE person_id = ?1 AND state = 'active'";
            if tx.execute(sql, params![person.0, password, totp, int(step)])? == 0 {
                return Ok(false);
            }
            tx.execute("DELETE FROM person_session WHERE person_id = ?1", [person.0])?;
            put_session(tx, session, person, "full", now)?;
            Ok(true)
        })
    }

    /// Keeps another password, as `access` made it.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn set_password(&self, person: PersonId, password: &str) -> Result<(), StoreError> {
        self.database.write("set password", |tx| {
            tx.execute("UPDATE person SET password = ?2 WHERE person_id = ?1", params![person.0, password])?;
            Ok(())
        })
    }

    /// Every session of a person: the token's hash, since when, when last used; the newest first.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn sessions_of(&self, person: PersonId) -> Result<Vec<(Hash, Timestamp, Timestamp)>, StoreError> {
        self.database.ask("sessions of", |reader| {
            let sql = "SELECT token_hash, created_ms, seen_ms FROM person_session
                       WHERE person_id = ?1 AND stage = 'full' ORDER BY created_ms DESC LIMIT 100";
            let row =
                |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Timestamp(nat(row.get(1)?)), Timestamp(nat(row.get(2)?))));
            Ok(reader.prepare_cached(sql)?.query_map([person.0], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Ends every session of a person but one.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn end_others(&self, person: PersonId, kept: &Hash) -> Result<(), StoreError> {
        self.database.write("end others", |tx| {
            let sql = "DELETE FROM person_session WHERE person_id = ?1 AND token_hash <> ?2";
            tx.execute(sql, params![person.0, kept])?;
            Ok(())
        })
    }

    /// A session has shown its second factor again: from now on it has another token. `false`: the step was used before, or the session
    /// is over.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn prove_again(
        &self,
        (before, after): (&Hash, &Hash),
        (person, step): (PersonId, Option<u64>),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("prove again", |tx| {
            if let Some(step) = step {
                let sql =
                    "UPDATE person SET totp_step = ?2 WHERE person_id = ?1 AND totp_step < ?2 AND state = 'active'";
                if tx.execute(sql, params![person.0, int(step)])? == 0 {
                    return Ok(false);
                }
            }
            let sql = "UPDATE person_session SET token_hash = ?2, proved_ms = ?4, seen_ms = ?4
                       WHERE token_hash = ?1 AND person_id = ?3 AND stage = 'full'";
            Ok(tx.execute(sql, params![before, after, person.0, int(now.0)])? > 0)
        })
    }
}

fn open_reset(tx: &Transaction<'_>, code: &Hash, now: Timestamp) -> Result<Option<(PersonId, String)>, StoreError> {
    let sql = "SELECT p.person_id, p.name FROM person_reset r JOIN person p USING (person_id)
               WHERE r.code_hash = ?1 AND r.expires_ms > ?2 AND p.state = 'active'";
    let row = |row: &rusqlite::Row<'_>| Ok((PersonId(row.get(0)?), row.get(1)?));
    Ok(tx.prepare_cached(sql)?.query_row(params![code, int(now.0)], row).optional()?)
}
