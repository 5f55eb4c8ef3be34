//! The parcels in which news are told: packed once, in hand of one at a time, until they arrived or reached nobody.
//!
//! Keeps: a parcel's id over all its tries, so that its receiver can know it again. Drops: nothing; what was sent stays, so that a ticket
//! is known again.

use super::news::{Matter, News};
use super::{Store, StoreError, int, nat};
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

/// What a parcel is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewParcel<'a> {
    /// By which its receiver knows it.
    pub stable: [u8; 16],
    /// The channel's name.
    pub channel: &'a str,
    /// The address; empty: the channel itself.
    pub recipient: &'a str,
    /// Its matter; `None`: a digest, in which there may be more already.
    pub matter: Option<Matter>,
    /// Not to be sent before.
    pub next: Timestamp,
}

/// A parcel in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its number.
    pub id: i64,
    /// By which its receiver knows it.
    pub stable: [u8; 16],
    /// The address; empty: the channel itself.
    pub recipient: String,
    /// Its matter; `None`: a digest.
    pub matter: Option<Matter>,
    /// How often it was begun, with this time.
    pub tries: u32,
}

/// What a parcel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The word by which operators name the clinic.
    pub clinic_name: String,
    /// What people call it.
    pub clinic: String,
    /// What people call the sensor's site; empty: no sensor.
    pub site: String,
    /// The matter.
    pub matter: Matter,
    /// What happened: as [`News::what`].
    pub what: String,
    /// When.
    pub at: Timestamp,
    /// The rule's id; empty: it is no finding.
    pub rule: String,
    /// 0 info to 4 critical.
    pub severity: u8,
}

/// What became of a parcel that was in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    /// It arrived; the number that a ticket system gave its matter.
    Sent(&'a str),
    /// It is tried again then; why.
    Later(Timestamp, &'a str),
    /// It reached nobody; why.
    GivenUp(&'a str),
    /// It is for nobody any more; why.
    Forgotten(&'a str),
}

/// Parcels of a channel that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The channel's name.
    pub channel: String,
    /// `waiting` or `given up`.
    pub state: String,
    /// How many.
    pub parcels: u64,
    /// When the oldest was made.
    pub oldest: Timestamp,
    /// The most tries of one.
    pub tries: u32,
    /// Why one of them failed last; empty: none was tried.
    pub why: String,
}

impl Store {
    /// Puts news into parcels, in one transaction: once. If another program was faster, nothing is written.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn pack(&self, news: &News, parcels: &[NewParcel<'_>], now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("pack", |tx| {
            let sql = "UPDATE news SET is_planned = 1 WHERE clinic_id = ?1 AND news_id = ?2 AND is_planned = 0";
            if tx.execute(sql, params![news.clinic.0, news.id])? == 0 {
                return Ok(false);
            }
            for new in parcels {
                let parcel = self::parcel(tx, new, news.id, now)?;
                let sql =
                    "INSERT INTO notice (clinic_id, news_id, channel, recipient, parcel_id) VALUES (?1, ?2, ?3, ?4, ?5)
                           ON CONFLICT DO NOTHING";
                let values = params![news.clinic.0, news.id, new.channel, new.recipient, parcel];
                tx.prepare_cached(sql)?.execute(values)?;
            }
            Ok(true)
        })
    }

    /// How many parcels of one notice were made for a recipient since a moment.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn packed_since(&self, channel: &str, recipient: &str, since: Timestamp) -> Result<u32, StoreError> {
        self.database.ask("packed since", |reader| {
            let sql =
                "SELECT count(*) FROM parcel WHERE channel = ?1 AND recipient = ?2 AND matter <> x'' AND made_ms > ?3";
            let of = params![channel, recipient, int(since.0)];
            Ok(reader.prepare_cached(sql)?.query_row(of, |row| row.get(0))?)
        })
    }

    /// Takes the next parcel of a channel in hand until `lease`: who dies with it in hand loses it then. What waits for its next try
    /// holds up what came later of the same matter.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn take_parcel(&self, channel: &str, now: Timestamp, lease: Timestamp) -> Result<Option<Parcel>, StoreError> {
        let next = self.database.ask("next parcel", |reader| {
            let sql = "SELECT p.parcel_id FROM parcel p
                       WHERE p.state = 'waiting' AND p.channel = ?1 AND p.next_ms <= ?2 AND p.lease_ms <= ?2
                           AND NOT EXISTS (SELECT 1 FROM parcel e WHERE e.channel = p.channel AND e.recipient = p.recipient
                               AND e.matter = p.matter AND e.matter <> x'' AND e.parcel_id < p.parcel_id
                               AND e.state = 'waiting' AND e.tries > 0)
                       ORDER BY p.next_ms, p.parcel_id LIMIT 1";
            let next = reader.prepare_cached(sql)?.query_row(params![channel, int(now.0)], |row| row.get::<_, i64>(0));
            Ok(next.optional()?)
        })?;
        let Some(next) = next else { return Ok(None) };
        self.database.write("take parcel", |tx| {
            let sql = "UPDATE parcel SET tries = tries + 1, lease_ms = ?3
                       WHERE parcel_id = ?1 AND state = 'waiting' AND lease_ms <= ?2
                       RETURNING parcel_id, stable_id, recipient, matter, tries";
            let row = |row: &Row<'_>| {
                let matter: Vec<u8> = row.get(3)?;
                Ok(Parcel {
                    id: row.get(0)?,
                    stable: row.get(1)?,
                    recipient: row.get(2)?,
                    matter: matter.try_into().ok(),
                    tries: row.get(4)?,
                })
            };
            let of = params![next, int(now.0), int(lease.0)];
            Ok(tx.prepare_cached(sql)?.query_row(of, row).optional()?)
        })
    }

    /// What a parcel says, in the order in which it happened.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn told(&self, parcel: i64, most: u32) -> Result<Vec<Told>, StoreError> {
        self.database.ask("told", |reader| {
            let sql = "SELECT c.name, c.title, coalesce(i.title, ''), n.matter, n.what, n.at_ms, n.rule, n.severity
                       FROM notice t JOIN news n ON n.clinic_id = t.clinic_id AND n.news_id = t.news_id
                       JOIN clinic c ON c.clinic_id = n.clinic_id
                       LEFT JOIN sensor s ON s.clinic_id = n.clinic_id AND s.sensor_id = n.sensor_id
                       LEFT JOIN site i ON i.clinic_id = s.clinic_id AND i.name = s.site
                       WHERE t.parcel_id = ?1 ORDER BY n.news_id LIMIT ?2";
            let row = |row: &Row<'_>| {
                Ok(Told {
                    clinic_name: row.get(0)?,
                    clinic: row.get(1)?,
                    site: row.get(2)?,
                    matter: row.get(3)?,
                    what: row.get(4)?,
                    at: Timestamp(nat(row.get(5)?)),
                    rule: row.get(6)?,
                    severity: row.get(7)?,
                })
            };
            Ok(reader.prepare_cached(sql)?.query_map(params![parcel, most], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// The ticket of a matter at a channel: `None` if none was opened; empty if it has no number.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn ticket(&self, channel: &str, matter: &Matter) -> Result<Option<String>, StoreError> {
        self.database.ask("ticket", |reader| {
            let sql = "SELECT max(ticket) FROM parcel WHERE channel = ?1 AND recipient = '' AND matter = ?2 AND state = 'sent'";
            Ok(reader.prepare_cached(sql)?.query_row(params![channel, matter], |row| row.get(0))?)
        })
    }

    /// Lays a parcel out of the hand. Who lost it meanwhile changes nothing.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn settle_parcel(&self, parcel: &Parcel, fate: Fate<'_>, now: Timestamp) -> Result<(), StoreError> {
        let (state, next, why, ticket) = match fate {
            Fate::Sent(ticket) => ("sent", now, "", ticket),
            Fate::Later(next, why) => ("waiting", next, why, ""),
            Fate::GivenUp(why) => ("given up", now, why, ""),
            Fate::Forgotten(why) => ("forgotten", now, why, ""),
        };
        let done = (state != "waiting").then(|| int(now.0));
        self.database.write("settle parcel", |tx| {
            let sql = "UPDATE parcel SET state = ?3, next_ms = ?4, lease_ms = 0, done_ms = ?5, why = ?6, ticket = ?7
                       WHERE parcel_id = ?1 AND tries = ?2 AND state = 'waiting'";
            let values = params![parcel.id, parcel.tries, state, int(next.0), done, why, ticket];
            tx.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })
    }

    /// What did not arrive, channel by channel.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        self.database.ask("backlog", |reader| {
            let sql = "SELECT channel, state, count(*), min(made_ms), max(tries), max(why) FROM parcel
                       WHERE state IN ('waiting', 'given up') GROUP BY state, channel ORDER BY state, channel";
            let row = |row: &Row<'_>| {
                Ok(Backlog {
                    channel: row.get(0)?,
                    state: row.get(1)?,
                    parcels: nat(row.get(2)?),
                    oldest: Timestamp(nat(row.get(3)?)),
                    tries: row.get(4)?,
                    why: row.get(5)?,
                })
            };
            Ok(reader.prepare_cached(sql)?.query_map([], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// What waits or was given up at a channel is not for anybody any more. Says how many parcels there were.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn forget_parcels(&self, channel: &str, state: &str, why: &str, now: Timestamp) -> Result<u64, StoreError> {
        self.database.write("forget parcels", |tx| {
            let sql = "UPDATE parcel SET state = 'forgotten', lease_ms = 0, done_ms = ?4, why = ?3
                       WHERE channel = ?1 AND state = ?2";
            let done = tx.execute(sql, params![channel, state, why, int(now.0)])?;
            Ok(u64::try_from(done).unwrap_or(0))
        })
    }

    /// What was given up is tried again, from the first try. Says how many parcels there were.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn retry_parcels(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.database.write("retry parcels", |tx| {
            let sql = "UPDATE parcel SET state = 'waiting', tries = 0, lease_ms = 0, done_ms = NULL, next_ms = ?1
                       WHERE state = 'given up'";
            Ok(u64::try_from(tx.execute(sql, [int(now.0)])?).unwrap_or(0))
        })
    }
}

/// The parcel that news go into.
fn parcel(tx: &Transaction<'_>, new: &NewParcel<'_>, news: i64, now: Timestamp) -> Result<i64, StoreError> {
    let matter = new.matter.as_ref().map_or(&[][..], |m| m.as_slice());
    let make = |stable: &[u8; 16]| -> Result<Option<i64>, StoreError> {
        let sql = "INSERT INTO parcel (stable_id, channel, recipient, matter, state, made_ms, next_ms, tries, lease_ms, why, ticket)
                   VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, 0, 0, '', '') ON CONFLICT DO NOTHING RETURNING parcel_id";
        let values = params![stable, new.channel, new.recipient, matter, int(now.0), int(new.next.0)];
        Ok(tx.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
    };
    if let Some(made) = make(&new.stable)? {
        return Ok(made);
    }
    let sql = "SELECT parcel_id FROM parcel WHERE stable_id = ?1 AND (?2 OR (state = 'waiting' AND tries = 0))";
    let of = params![new.stable, new.matter.is_some()];
    if let Some(there) = tx.prepare_cached(sql)?.query_row(of, |row| row.get(0)).optional()? {
        return Ok(there);
    }
    // The digest of that moment has left, since the clock went back: what is new goes into one of its own.
    let hash = Sha256::new().chain_update(new.stable).chain_update(news.to_be_bytes()).finalize();
    let other = hash.first_chunk::<16>().copied().unwrap_or_default();
    make(&other)?.ok_or_else(|| StoreError::Conflict("two parcels have one id".to_owned()))
}
