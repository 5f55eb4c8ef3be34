//! Tokens of programs: what each may, where, until when; and what their requests were answered that may come twice.
//!
//! Keeps: hashes of tokens; answers for a day ([`ANSWER_MS`]), at most [`MOST_ANSWERS`] of one asker. Drops: answers that are older.

use super::{ClinicId, ClinicStore, Store, StoreError, int, nat};
use auscult_report::key::Hash;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A token: a random number by which people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 16]);

/// A token of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Which.
    pub id: TokenId,
    /// What it is for.
    pub title: String,
    /// What it may: words, blanks between.
    pub scopes: String,
    /// Who made it.
    pub person: String,
    /// When.
    pub created: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When somebody ended it earlier.
    pub revoked: Option<Timestamp>,
    /// When it was last used, to the hour; 1970: never.
    pub used: Timestamp,
}

/// A new token.
pub struct NewToken<'a> {
    /// Which.
    pub id: TokenId,
    /// What it is for.
    pub title: &'a str,
    /// What it may: words, blanks between.
    pub scopes: &'a str,
    /// Who makes it.
    pub person: &'a str,
    /// Where.
    pub clinics: &'a [ClinicId],
    /// When it ends.
    pub until: Timestamp,
}

/// A request that may come twice.
#[derive(Clone, Copy)]
pub struct Keyed<'a> {
    /// Who asks: a person's or a token's number.
    pub asker: [u8; 16],
    /// The key that the asker chose.
    pub key: &'a str,
    /// What is asked for: a hash.
    pub request: Hash,
}

/// What became of a request that may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is new: whoever got this answer does it.
    New,
    /// It was done, and answered so.
    Done(KeptAnswer),
    /// It was begun and has not ended.
    UnderWay,
    /// The key was used for another request.
    Another,
    /// The asker has too many keys.
    TooMany,
}

/// An answer that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// Where what was made is.
    pub location: String,
    /// What was said, without what is shown once.
    pub body: String,
}

impl Store {
    /// Keeps a new token.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_api_token(&self, hash: &Hash, new: &NewToken<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("put api token", |tx| {
            let sql =
                "INSERT INTO api_token (token_id, token_hash, title, scopes, person, created_ms, until_ms, used_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)";
            let NewToken { id, title, scopes, person, clinics, until } = new;
            tx.execute(sql, params![id.0, hash, title, scopes, person, int(now.0), int(until.0)])?;
            let mut insert = tx.prepare_cached("INSERT INTO api_token_clinic (clinic_id, token_id) VALUES (?1, ?2)")?;
            for clinic in *clinics {
                insert.execute(params![clinic.0, id.0])?;
            }
            Ok(())
        })
    }

    /// The token with a hash, also one that has ended.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn api_token(&self, hash: &Hash) -> Result<Option<TokenRow>, StoreError> {
        self.database.ask("api token", |reader| {
            let sql = "SELECT token_id, title, scopes, person, created_ms, until_ms, revoked_ms, used_ms FROM api_token
                       WHERE token_hash = ?1";
            Ok(reader.prepare_cached(sql)?.query_row([hash], token).optional()?)
        })
    }

    /// Every token, the newest first.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn api_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        self.database.ask("api tokens", |reader| {
            let sql = "SELECT token_id, title, scopes, person, created_ms, until_ms, revoked_ms, used_ms FROM api_token
                       ORDER BY created_ms DESC, token_id";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([], token)?.collect::<Result<_, _>>()?)
        })
    }

    /// The names of the clinics where a token may ask.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn clinics_of_token(&self, token: TokenId) -> Result<Vec<String>, StoreError> {
        self.database.ask("clinics of token", |reader| {
            let sql = "SELECT c.name FROM api_token_clinic t JOIN clinic c USING (clinic_id) WHERE t.token_id = ?1
                       ORDER BY c.name";
            let mut rows = reader.prepare_cached(sql)?;
            Ok(rows.query_map([token.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// Ends a token. Says whether it had not ended so before.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn revoke_api_token(&self, token: TokenId, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("revoke api token", |tx| {
            let sql = "UPDATE api_token SET revoked_ms = ?2 WHERE token_id = ?1 AND revoked_ms IS NULL";
            Ok(tx.execute(sql, params![token.0, int(now.0)])? > 0)
        })
    }

    /// A token is used.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn api_token_used(&self, token: TokenId, now: Timestamp) -> Result<(), StoreError> {
        self.database.write("api token used", |tx| {
            let sql = "UPDATE api_token SET used_ms = ?2 WHERE token_id = ?1";
            tx.execute(sql, params![token.0, int(now.0)])?;
            Ok(())
        })
    }

    /// Begins a request that may come twice: one asker is told that it is new, once.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn claim_answer(&self, of: &Keyed<'_>, now: Timestamp) -> Result<Claimed, StoreError> {
        self.database.write("claim answer", |tx| {
            let oldest = now.0.saturating_sub(ANSWER_MS);
            tx.execute("DELETE FROM api_answer WHERE made_ms <= ?1", [int(oldest)])?;
            if let Some(known) = known(tx, of)? {
                return Ok(known);
            }
            let sql = "SELECT count(*) FROM api_answer WHERE asker = ?1";
            let count: i64 = tx.query_row(sql, [of.asker], |row| row.get(0))?;
            if count >= MOST_ANSWERS {
                return Ok(Claimed::TooMany);
            }
            let sql = "INSERT INTO api_answer (asker, key, request, status, location, body, made_ms)
                       VALUES (?1, ?2, ?3, 0, '', '', ?4)";
            tx.execute(sql, params![of.asker, of.key, of.request, int(now.0)])?;
            Ok(Claimed::New)
        })
    }

    /// Ends a request that may come twice: with its answer, or, if nothing was done, with none.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn settle_answer(&self, of: &Keyed<'_>, answer: Option<&KeptAnswer>) -> Result<(), StoreError> {
        self.database.write("settle answer", |tx| {
            match answer {
                Some(KeptAnswer { status, location, body }) => {
                    let sql =
                        "UPDATE api_answer SET status = ?3, location = ?4, body = ?5 WHERE asker = ?1 AND key = ?2";
                    tx.execute(sql, params![of.asker, of.key, status, location, body])?
                }
                None => {
                    tx.execute("DELETE FROM api_answer WHERE asker = ?1 AND key = ?2", params![of.asker, of.key])?
                }
            };
            Ok(())
        })
    }
}

impl ClinicStore {
    /// Whether a token may ask here.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn has_api_token(&self, token: TokenId) -> Result<bool, StoreError> {
        self.database.ask("has api token", |reader| {
            let sql = "SELECT 1 FROM api_token_clinic WHERE clinic_id = ?1 AND token_id = ?2";
            let found: Option<i64> =
                reader.prepare_cached(sql)?.query_row(params![self.clinic.0, token.0], |row| row.get(0)).optional()?;
            Ok(found.is_some())
        })
    }
}

fn known(tx: &Transaction<'_>, of: &Keyed<'_>) -> Result<Option<Claimed>, StoreError> {
    let sql = "SELECT request, status, location, body FROM api_answer WHERE asker = ?1 AND key = ?2";
    let row = |row: &Row<'_>| {
        let (request, status): (Hash, u16) = (row.get(0)?, row.get(1)?);
        Ok(match status {
            _ if request != of.request => Claimed::Another,
            0 => Claimed::UnderWay,
            _ => Claimed::Done(KeptAnswer { status, location: row.get(2)?, body: row.get(3)? }),
        })
    };
    Ok(tx.query_row(sql, params![of.asker, of.key], row).optional()?)
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let revoked: Option<i64> = row.get(6)?;
    Ok(TokenRow {
        id: TokenId(row.get(0)?),
        title: row.get(1)?,
        scopes: row.get(2)?,
        person: row.get(3)?,
        created: Timestamp(nat(row.get(4)?)),
        until: Timestamp(nat(row.get(5)?)),
        revoked: revoked.map(|ms| Timestamp(nat(ms))),
        used: Timestamp(nat(row.get(7)?)),
    })
}

/// How long an answer is kept: who repeats a request does it within a day.
const ANSWER_MS: u64 = MS_PER_DAY;
/// Keys of one asker that are kept: about one POST in ninety seconds, all day; some 2 MB.
const MOST_ANSWERS: i64 = 1_000;
