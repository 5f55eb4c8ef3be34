//! People: who they are, what they may at which clinic until when, who is signed in, by which code an account is made.
//!
//! Keeps: hashes of tokens and codes, passwords as `access` made them, sealed keys. Drops: sessions that have ended. Who may is decided
//! in `access`; here is only written what was decided.

use super::identity::grant_invited;
use super::{ClinicStore, Store, StoreError, int, nat};
use auscult_report::key::Hash;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A person: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonId(pub [u8; 16]);

/// A person who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Who.
    pub id: PersonId,
    /// What is typed to sign in.
    pub name: String,
    /// What others read.
    pub title: String,
    /// Whether the second factor was shown, and nobody shut the person out.
    pub active: bool,
    /// Whether it is an administrator of the provider.
    pub admin: bool,
    /// The password, as `access` keeps it.
    pub password: String,
    /// The key of the second factor, sealed.
    pub totp: Vec<u8>,
    /// The newest step that was used.
    pub totp_step: u64,
}

/// A new person.
pub struct NewPerson<'a> {
    /// Who.
    pub id: PersonId,
    /// What is typed to sign in.
    pub name: &'a str,
    /// What others read.
    pub title: &'a str,
    /// The password, as `access` keeps it.
    pub password: &'a str,
    /// The key of the second factor, sealed.
    pub totp: &'a [u8],
}

/// What a person may at a clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The clinic's name.
    pub clinic: String,
    /// The role's word.
    pub role: String,
    /// When it ends.
    pub until: Option<Timestamp>,
}

/// Somebody who is signed in.
pub struct SessionRow {
    /// Who.
    pub person: PersonRow,
    /// Whether the second factor was shown.
    pub full: bool,
    /// Whether a lost password or second factor is being replaced.
    pub resets: bool,
    /// When the second factor was last shown.
    pub proved: Timestamp,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
}

/// A one-time code by which an account is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitation {
    /// Whether the account is an administrator's.
    pub admin: bool,
    /// The role that comes with it; empty: none.
    pub role: String,
    /// Where: names of clinics, one a line.
    pub clinics: String,
    /// When the role ends.
    pub until: Option<Timestamp>,
}

impl Store {
    /// How many administrators can sign in.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn admins(&self) -> Result<u64, StoreError> {
        self.database.ask("admins", |reader| {
            let sql = "SELECT count(*) FROM person WHERE is_admin = 1 AND state = 'active'";
            Ok(nat(reader.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
        })
    }

    /// The person of a name.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn person_named(&self, name: &str) -> Result<Option<PersonRow>, StoreError> {
        self.database.ask("person named", |reader| {
            let sql =
                "SELECT person_id, name, title, state, is_admin, password, totp, totp_step FROM person WHERE name = ?1";
            Ok(reader.prepare_cached(sql)?.query_row([name], person).optional()?)
        })
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn people(&self) -> Result<Vec<PersonRow>, StoreError> {
        self.database.ask("people", |reader| {
            let sql =
                "SELECT person_id, name, title, state, is_admin, password, totp, totp_step FROM person ORDER BY name";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([], person)?.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps a code by which one account is made. Codes that have ended are forgotten.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_invitation(
        &self,
        code: &Hash,
        invitation: &Invitation,
        (now, expires): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.database.write("put invitation", |tx| {
            tx.execute("DELETE FROM invitation WHERE expires_ms <= ?1", [int(now.0)])?;
            let sql =
                "INSERT INTO invitation (code_hash, is_admin, role, clinics, grant_until_ms, created_ms, expires_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let Invitation { admin, role, clinics, until } = invitation;
            let until = until.map(|until| int(until.0));
            tx.execute(sql, params![code, admin, role, clinics, until, int(now.0), int(expires.0)])?;
            Ok(())
        })
    }

    /// What a code invites to, if it can still be used.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn invitation(&self, code: &Hash, now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        self.database.read("invitation", |tx| open_invitation(tx, code, now))
    }

    /// Makes an account that waits for its second factor, and a session for that. Who began before with the same code begins again.
    /// `false`: the code cannot be used, or the name is taken.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn begin_person(
        &self,
        code: &Hash,
        person: &NewPerson<'_>,
        session: &Hash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("begin person", |tx| {
            let Some(invited) = open_invitation(tx, code, now)? else { return Ok(false) };
            let sql = "SELECT person_id FROM invitation WHERE code_hash = ?1";
            let before: Option<[u8; 16]> = tx.query_row(sql, [code], |row| row.get(0))?;
            if let Some(before) = before {
                tx.execute("DELETE FROM person_session WHERE person_id = ?1", [before])?;
                tx.execute("DELETE FROM person WHERE person_id = ?1 AND state = 'new'", [before])?;
            }
            let sql =
                "INSERT INTO person (person_id, name, title, state, is_admin, password, totp, totp_step, created_ms)
                       VALUES (?1, ?2, ?3, 'new', ?4, ?5, ?6, 0, ?7) ON CONFLICT (name) DO NOTHING";
            let NewPerson { id, name, title, password, totp } = person;
            if tx.execute(sql, params![id.0, name, title, invited.admin, password, totp, int(now.0)])? == 0 {
                return Ok(false);
            }
            tx.execute("UPDATE invitation SET person_id = ?2 WHERE code_hash = ?1", params![code, id.0])?;
            put_session(tx, session, *id, "second", now)?;
            Ok(true)
        })
    }

    /// The second factor was shown for the first time: the account is good, with what it was invited to, and the code is used up.
    /// `false`: the code has ended meanwhile.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn finish_person(
        &self,
        person: PersonId,
        step: u64,
        session: &Hash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write("finish person", |tx| {
            let sql = "DELETE FROM invitation WHERE person_id = ?1 AND expires_ms > ?2
                       RETURNING role, clinics, grant_until_ms";
            let invited: Option<(String, String, Option<i64>)> = tx
                .query_row(sql, params![person.0, int(now.0)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((role, clinics, until)) = invited else { return Ok(false) };
            let sql = "UPDATE person SET state = 'active', totp_step = ?2 WHERE person_id = ?1 AND state = 'new'";
            if tx.execute(sql, params![person.0, int(step)])? == 0 {
                return Ok(false);
            }
            let until = until.map(|ms| Timestamp(nat(ms)));
            grant_invited(tx, person, &Invitation { admin: false, role, clinics, until }, now)?;
            tx.execute("DELETE FROM person_session WHERE person_id = ?1", [person.0])?;
            put_session(tx, session, person, "full", now)?;
            Ok(true)
        })
    }

    /// Signs a person in: a new session, and the step of the second factor is used up. `false`: it was used before, or the person may
    /// not any more.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn sign_in(&self, person: PersonId, step: u64, session: &Hash, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("sign in", |tx| {
            let sql = "UPDATE person SET totp_step = ?2 WHERE person_id = ?1 AND totp_step < ?2 AND state = 'active'";
            if tx.execute(sql, params![person.0, int(step)])? == 0 {
                return Ok(false);
            }
            let ended = int(now.0.saturating_sub(SESSION_MS));
            tx.execute("DELETE FROM person_session WHERE created_ms <= ?1", [ended])?;
            put_session(tx, session, person, "full", now)?;
            Ok(true)
        })
    }

    /// Who has this session, whether or not it has ended.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn session(&self, token: &Hash) -> Result<Option<SessionRow>, StoreError> {
        self.database.ask("session", |reader| {
            let sql = "SELECT p.person_id, p.name, p.title, p.state, p.is_admin, p.password,
                           CASE s.stage WHEN 'full' THEN p.totp ELSE coalesce(r.totp, p.totp) END, p.totp_step, s.stage,
                           s.created_ms, s.seen_ms, s.proved_ms, r.totp IS NOT NULL
                       FROM person_session s JOIN person p USING (person_id) LEFT JOIN person_reset r USING (person_id)
                       WHERE s.token_hash = ?1";
            let row = |row: &Row<'_>| {
                Ok(SessionRow {
                    person: person(row)?,
                    full: row.get_ref(8)?.as_str()? == "full",
                    created: Timestamp(nat(row.get(9)?)),
                    seen: Timestamp(nat(row.get(10)?)),
                    proved: Timestamp(nat(row.get(11)?)),
                    resets: row.get(12)?,
                })
            };
            Ok(reader.prepare_cached(sql)?.query_row([token], row).optional()?)
        })
    }

    /// A session was used.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn session_seen(&self, token: &Hash, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("session seen", |tx| {
            tx.execute("UPDATE person_session SET seen_ms = ?2 WHERE token_hash = ?1", params![token, int(now.0)])?;
            Ok(())
        })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn end_session(&self, token: &Hash) -> Result<(), StoreError> {
        self.database.write("end session", |tx| {
            tx.execute("DELETE FROM person_session WHERE token_hash = ?1", [token])?;
            Ok(())
        })
    }

    /// Shuts a person out, or lets one in again; every session ends at once.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn set_person(&self, name: &str, active: bool) -> Result<bool, StoreError> {
        self.database.write("set person", |tx| {
            let sql = "DELETE FROM person_session WHERE person_id = (SELECT person_id FROM person WHERE name = ?1)";
            tx.execute(sql, [name])?;
            let sql =
                "UPDATE person SET state = ?2 WHERE name = ?1 AND state IN ('active', 'disabled') AND state <> ?2";
            Ok(tx.execute(sql, params![name, if active { "active" } else { "disabled" }])? > 0)
        })
    }

    /// What a person may, clinic by clinic, also what has ended.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn grants(&self, person: PersonId) -> Result<Vec<GrantRow>, StoreError> {
        self.database.ask("grants", |reader| {
            let sql = "SELECT c.name, g.role, g.until_ms FROM person_grant g JOIN clinic c USING (clinic_id)
                       WHERE g.person_id = ?1 ORDER BY c.name";
            let row = |row: &Row<'_>| {
                let until: Option<i64> = row.get(2)?;
                Ok(GrantRow { clinic: row.get(0)?, role: row.get(1)?, until: until.map(|ms| Timestamp(nat(ms))) })
            };
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([person.0], row)?.collect::<Result<_, _>>()?)
        })
    }
}

impl ClinicStore {
    /// Gives a person a role here, or another one; `None` takes it away.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_grant(
        &self,
        person: PersonId,
        role: Option<(&str, Option<Timestamp>)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database.write("put grant", |tx| {
            let sql = "DELETE FROM person_grant WHERE clinic_id = ?1 AND person_id = ?2";
            tx.execute(sql, params![self.clinic.0, person.0])?;
            if let Some((role, until)) = role {
                let sql = "INSERT INTO person_grant (clinic_id, person_id, role, until_ms, created_ms)
                           VALUES (?1, ?2, ?3, ?4, ?5)";
                let until = until.map(|until| int(until.0));
                tx.execute(sql, params![self.clinic.0, person.0, role, until, int(now.0)])?;
            }
            Ok(())
        })
    }
}

pub(super) fn open_invitation(
    tx: &Transaction<'_>,
    code: &Hash,
    now: Timestamp,
) -> Result<Option<Invitation>, StoreError> {
    let sql = "SELECT is_admin, role, clinics, grant_until_ms FROM invitation WHERE code_hash = ?1 AND expires_ms > ?2";
    let row = |row: &Row<'_>| {
        let until: Option<i64> = row.get(3)?;
        let until = until.map(|ms| Timestamp(nat(ms)));
        Ok(Invitation { admin: row.get(0)?, role: row.get(1)?, clinics: row.get(2)?, until })
    };
    Ok(tx.prepare_cached(sql)?.query_row(params![code, int(now.0)], row).optional()?)
}

pub(super) fn put_session(
    tx: &Transaction<'_>,
    token: &Hash,
    of: PersonId,
    stage: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO person_session (token_hash, person_id, stage, created_ms, seen_ms, proved_ms)
               VALUES (?1, ?2, ?3, ?4, ?4, ?4)";
    tx.execute(sql, params![token, of.0, stage, int(now.0)])?;
    Ok(())
}

pub(super) fn person(row: &Row<'_>) -> rusqlite::Result<PersonRow> {
    Ok(PersonRow {
        id: PersonId(row.get(0)?),
        name: row.get(1)?,
        title: row.get(2)?,
        active: row.get_ref(3)?.as_str()? == "active",
        admin: row.get(4)?,
        password: row.get(5)?,
        totp: row.get(6)?,
        totp_step: nat(row.get(7)?),
    })
}

/// Milliseconds after which every session has ended.
pub(crate) const SESSION_MS: u64 = 12 * 3_600_000;
