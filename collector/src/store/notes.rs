//! What a stretch of reports told, written down: hosts, what they offer, how well the sensor listened.
//!
//! Keeps: since when and until when each was heard, the last to the hour; a bit for each quarter of an hour that was listened to. Drops:
//! hosts beyond [`MOST_HOSTS`] of a sensor, once those that were not heard for a season are gone. All of it can be made again.

use super::assets::{Asset, AssetService, Listened, asset};
use super::{ClinicStore, Of, StoreError, int};
use auscult_report::key::SensorId;
use auscult_report::time::{MS_PER_DAY, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

/// What a stretch of reports told of one sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Hosts.
    pub hosts: Vec<Asset>,
    /// What they offer.
    pub services: Vec<AssetService>,
    /// Days, to be added to what is known of them.
    pub days: Vec<Listened>,
}

impl ClinicStore {
    /// Writes notes down that belong to reports which were judged before this program could take notes. `noted`: up to which report.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_notes(&self, sensor: SensorId, (from, to): (i64, i64), notes: &Notes) -> Result<bool, StoreError> {
        self.database.write("put notes", |tx| {
            let sql = "UPDATE judged SET noted = ?4 WHERE clinic_id = ?1 AND sensor_id = ?2 AND noted = ?3";
            if tx.execute(sql, params![self.clinic.0, sensor.0, from, to])? == 0 {
                return Ok(false);
            }
            put_notes(tx, (self.clinic, sensor), notes)?;
            Ok(true)
        })
    }
}

/// Adds notes to what is known.
pub(super) fn put_notes(tx: &Transaction<'_>, of: Of, notes: &Notes) -> Result<(), StoreError> {
    let mut room: Option<i64> = None;
    for new in &notes.hosts {
        let sql = "SELECT sensor_id, host, rank, zone, maker, roles, first_ms, last_ms FROM asset
                   WHERE clinic_id = ?1 AND sensor_id = ?2 AND host = ?3";
        let key = params![of.0.0, of.1.0, new.host.0.to_be_bytes()];
        let old = tx.prepare_cached(sql)?.query_row(key, asset).optional()?;
        let merged = old.as_ref().map_or_else(|| new.clone(), |old| joined(old, new));
        if old.as_ref() == Some(&merged) {
            continue;
        }
        if old.is_none() {
            let left = match room {
                Some(left) => left,
                None => make_room(tx, of, new.last)?,
            };
            room = Some(left.saturating_sub(1));
            if left <= 0 {
                continue;
            }
        }
        put_asset(tx, of, &merged)?;
    }
    for service in &notes.services {
        put_service(tx, of, service)?;
    }
    for day in &notes.days {
        put_day(tx, of, day)?;
    }
    Ok(())
}

/// A host after one more stretch. When it was last heard is kept to the hour, so that most stretches change nothing.
fn joined(old: &Asset, new: &Asset) -> Asset {
    let is_later = new.last.0 / MS_PER_HOUR > old.last.0 / MS_PER_HOUR;
    Asset {
        rank: old.rank.min(new.rank),
        zone: if new.last >= old.last { new.zone.clone() } else { old.zone.clone() },
        maker: new.maker.or(old.maker),
        roles: if new.roles.is_empty() { old.roles.clone() } else { new.roles.clone() },
        first: old.first.min(new.first),
        last: if is_later { new.last } else { old.last },
        ..old.clone()
    }
}

fn put_asset(tx: &Transaction<'_>, of: Of, asset: &Asset) -> Result<(), StoreError> {
    let sql = "INSERT INTO asset (clinic_id, sensor_id, host, rank, zone, maker, roles, first_ms, last_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (clinic_id, sensor_id, host) DO UPDATE SET
                   rank = ?4, zone = ?5, maker = ?6, roles = ?7, first_ms = ?8, last_ms = ?9";
    let Asset { host, rank, zone, maker, roles, first, last, .. } = asset;
    let values = params![of.0.0, of.1.0, host.0.to_be_bytes(), rank, zone, maker, roles, int(first.0), int(last.0)];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// How many hosts of a sensor there is room for; those that were not heard for a season and have no name make some.
fn make_room(tx: &Transaction<'_>, of: Of, now: Timestamp) -> Result<i64, StoreError> {
    let count = |tx: &Transaction<'_>| -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM asset WHERE clinic_id = ?1 AND sensor_id = ?2";
        let held: i64 = tx.prepare_cached(sql)?.query_row(params![of.0.0, of.1.0], |row| row.get(0))?;
        Ok(MOST_HOSTS.saturating_sub(held))
    };
    let room = count(tx)?;
    if room > 0 {
        return Ok(room);
    }
    let before = int(now.0.saturating_sub(SEASON_DAYS.saturating_mul(MS_PER_DAY)));
    let sql = "DELETE FROM asset_service WHERE clinic_id = ?1 AND sensor_id = ?2 AND last_ms < ?3";
    tx.execute(sql, params![of.0.0, of.1.0, before])?;
    let sql = "DELETE FROM asset WHERE clinic_id = ?1 AND sensor_id = ?2 AND last_ms < ?3 AND NOT EXISTS (
                   SELECT 1 FROM asset_label l
                   WHERE l.clinic_id = ?1 AND l.sensor_id = ?2 AND l.host = asset.host AND l.label <> '')";
    tx.execute(sql, params![of.0.0, of.1.0, before])?;
    count(tx)
}

fn put_service(tx: &Transaction<'_>, of: Of, new: &AssetService) -> Result<(), StoreError> {
    // Only of a host that is kept, and only if it says something new.
    let sql = "INSERT INTO asset_service (clinic_id, sensor_id, host, transport, port, protocol, first_ms, last_ms)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM asset WHERE clinic_id = ?1 AND sensor_id = ?2 AND host = ?3
               ON CONFLICT (clinic_id, sensor_id, host, transport, port) DO UPDATE SET
                   protocol = CASE ?6 WHEN '' THEN protocol ELSE ?6 END,
                   first_ms = min(first_ms, ?7), last_ms = max(last_ms, ?8)
               WHERE last_ms / 3600000 < ?8 / 3600000 OR first_ms > ?7 OR (?6 <> '' AND protocol <> ?6)";
    let AssetService { host, transport, port, protocol, first, last, .. } = new;
    let values = params![of.0.0, of.1.0, host.0.to_be_bytes(), transport, port, protocol, int(first.0), int(last.0)];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn put_day(tx: &Transaction<'_>, of: Of, new: &Listened) -> Result<(), StoreError> {
    let sql = "SELECT quarters FROM listened WHERE clinic_id = ?1 AND sensor_id = ?2 AND day = ?3";
    let key = params![of.0.0, of.1.0, int(new.day)];
    let old: Option<[u8; 12]> = tx.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?;
    let mut quarters = new.quarters;
    quarters.iter_mut().zip(old.unwrap_or_default()).for_each(|(octet, old)| *octet |= old);
    let sql = "INSERT INTO listened (clinic_id, sensor_id, day, quarters, deaf_s, frames, lost, sights)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (clinic_id, sensor_id, day) DO UPDATE SET
                   quarters = ?4, deaf_s = deaf_s + ?5, frames = frames + ?6, lost = lost + ?7, sights = sights | ?8";
    let Listened { day, deaf_s, frames, lost, sights, .. } = new;
    let values = params![of.0.0, of.1.0, int(*day), quarters, int(*deaf_s), int(*frames), int(*lost), sights];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Hosts of a sensor: as many as one report can hold.
const MOST_HOSTS: i64 = 16_384;
/// Who was not heard for so long may make room.
const SEASON_DAYS: u64 = 90;
const MS_PER_HOUR: u64 = 3_600_000;
