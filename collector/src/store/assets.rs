//! What was heard in all: hosts by their pseudonyms, what they offer, what people call them; how well each sensor listened on each day.
//!
//! Keeps: since when and until when each was heard, the last to the hour; a bit for each quarter of an hour that was listened to. Drops:
//! nothing is written here but labels; the rest is written as it is judged.

use super::{ClinicStore, StoreError, int, nat};
use auscult_report::key::SensorId;
use auscult_report::subject::HostId;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

/// A host that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The sensor whose pseudonym it is.
    pub sensor: SensorId,
    /// The pseudonym.
    pub host: HostId,
    /// 0 medical, 1 serves something, 2 others.
    pub rank: u8,
    /// The word of its zone.
    pub zone: String,
    /// The maker's part of its hardware address.
    pub maker: Option<[u8; 3]>,
    /// Words of its roles, a comma between.
    pub roles: String,
    /// First heard.
    pub first: Timestamp,
    /// Last heard, to the hour.
    pub last: Timestamp,
}

/// Something that a host offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetService {
    /// The sensor whose pseudonym the host has.
    pub sensor: SensorId,
    /// The host.
    pub host: HostId,
    /// `tcp`, `udp`, `link`.
    pub transport: String,
    /// The port.
    pub port: u16,
    /// The word of what is spoken there; empty: not understood.
    pub protocol: String,
    /// First heard.
    pub first: Timestamp,
    /// Last heard, to the hour.
    pub last: Timestamp,
}

/// How well a sensor listened on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listened {
    /// Days since 1970.
    pub day: u64,
    /// A bit for each quarter of an hour in which it heard; the lowest is the first.
    pub quarters: [u8; 12],
    /// Seconds in which it ran and heard nothing.
    pub deaf_s: u64,
    /// Frames heard.
    pub frames: u64,
    /// Frames for which there was no room.
    pub lost: u64,
    /// Bit n: an interface had sight n.
    pub sights: u16,
}

/// Where a page of hosts begins: behind this one.
pub type AssetKey = (u8, SensorId, HostId);

impl ClinicStore {
    /// Hosts behind a key, in the order of the page, at most `most`; of one sensor if it is named.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn assets(&self, after: Option<AssetKey>, most: u32) -> Result<Vec<Asset>, StoreError> {
        self.database.ask("assets", |reader| {
            let sql = "SELECT sensor_id, host, rank, zone, maker, roles, first_ms, last_ms FROM asset
                       WHERE clinic_id = ?1 AND (rank, sensor_id, host) > (?2, ?3, ?4)
                       ORDER BY rank, sensor_id, host LIMIT ?5";
            let (rank, sensor, host) = after.map_or((-1, [0; 16], [0; 8]), |(rank, sensor, host)| {
                (i64::from(rank), sensor.0, host.0.to_be_bytes())
            });
            let mut rows = reader.prepare_cached(sql)?;
            let values = params![self.clinic.0, rank, sensor, host, most];
            Ok(rows.query_map(values, asset)?.collect::<Result<_, _>>()?)
        })
    }

    /// How many hosts were heard, and how many of them are medical.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn count_assets(&self) -> Result<(u64, u64), StoreError> {
        self.database.ask("count assets", |reader| {
            let sql = "SELECT count(*), coalesce(sum(rank = 0), 0) FROM asset WHERE clinic_id = ?1";
            let counts = |row: &Row<'_>| Ok((nat(row.get(0)?), nat(row.get(1)?)));
            Ok(reader.prepare_cached(sql)?.query_row([self.clinic.0], counts)?)
        })
    }

    /// One host.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn asset(&self, sensor: SensorId, host: HostId) -> Result<Option<Asset>, StoreError> {
        self.database.ask("asset", |reader| {
            let sql = "SELECT sensor_id, host, rank, zone, maker, roles, first_ms, last_ms FROM asset
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND host = ?3";
            let of = params![self.clinic.0, sensor.0, host.0.to_be_bytes()];
            Ok(reader.prepare_cached(sql)?.query_row(of, asset).optional()?)
        })
    }

    /// What a host offers, by port, at most [`MOST_SHOWN`].
    ///
    /// # Errors
    /// If it could not be read.
    pub fn services_of(&self, sensor: SensorId, host: HostId) -> Result<Vec<AssetService>, StoreError> {
        self.database.ask("services of", |reader| {
            let sql = "SELECT sensor_id, host, transport, port, protocol, first_ms, last_ms FROM asset_service
                       WHERE clinic_id = ?1 AND sensor_id = ?2 AND host = ?3 ORDER BY transport, port LIMIT ?4";
            let mut rows = reader.prepare_cached(sql)?;
            let of = params![self.clinic.0, sensor.0, host.0.to_be_bytes(), MOST_SHOWN];
            Ok(rows.query_map(of, service)?.collect::<Result<_, _>>()?)
        })
    }

    /// Hosts and services that were first heard in a period, the newest first, at most `most` of each.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn first_heard(
        &self,
        (from, to): (Timestamp, Timestamp),
        most: u32,
    ) -> Result<(Vec<Asset>, Vec<AssetService>), StoreError> {
        self.database.read("first heard", |tx| {
            let of = params![self.clinic.0, int(from.0), int(to.0), most];
            let sql = "SELECT sensor_id, host, rank, zone, maker, roles, first_ms, last_ms FROM asset
                       WHERE clinic_id = ?1 AND first_ms >= ?2 AND first_ms < ?3 ORDER BY first_ms DESC LIMIT ?4";
            let hosts = tx.prepare_cached(sql)?.query_map(of, asset)?.collect::<Result<_, _>>()?;
            let sql = "SELECT sensor_id, host, transport, port, protocol, first_ms, last_ms FROM asset_service
                       WHERE clinic_id = ?1 AND first_ms >= ?2 AND first_ms < ?3 ORDER BY first_ms DESC LIMIT ?4";
            let services = tx.prepare_cached(sql)?.query_map(of, service)?.collect::<Result<_, _>>()?;
            Ok((hosts, services))
        })
    }

    /// What people call hosts.
    ///
    /// # Errors
    /// If they could not be read.
    pub fn labels(&self) -> Result<Vec<(SensorId, HostId, String)>, StoreError> {
        self.database.ask("labels", |reader| {
            let sql = "SELECT sensor_id, host, label FROM asset_label WHERE clinic_id = ?1 AND label <> ''";
            let mut rows = reader.prepare_cached(sql)?;
            let row = |row: &Row<'_>| Ok((SensorId(row.get(0)?), host(row.get(1)?), row.get(2)?));
            Ok(rows.query_map([self.clinic.0], row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Calls a host something; nothing if it is empty.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn put_label(
        &self,
        (sensor, host): (SensorId, HostId),
        label: &str,
        person: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database.write("put label", |tx| {
            let sql = "INSERT INTO asset_label (clinic_id, sensor_id, host, label, person, at_ms)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                       ON CONFLICT (clinic_id, sensor_id, host) DO UPDATE SET label = ?4, person = ?5, at_ms = ?6";
            tx.execute(sql, params![self.clinic.0, sensor.0, host.0.to_be_bytes(), label, person, int(now.0)])?;
            Ok(())
        })
    }

    /// How well each sensor listened from a day on, day by day.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn listened(&self, from: u64) -> Result<Vec<(SensorId, Listened)>, StoreError> {
        self.database.ask("listened", |reader| {
            let sql = "SELECT sensor_id, day, quarters, deaf_s, frames, lost, sights FROM listened
                       WHERE clinic_id = ?1 AND day >= ?2 ORDER BY sensor_id, day";
            let mut rows = reader.prepare_cached(sql)?;
            let row = |row: &Row<'_>| {
                let day = Listened {
                    day: nat(row.get(1)?),
                    quarters: row.get(2)?,
                    deaf_s: nat(row.get(3)?),
                    frames: nat(row.get(4)?),
                    lost: nat(row.get(5)?),
                    sights: row.get(6)?,
                };
                Ok((SensorId(row.get(0)?), day))
            };
            Ok(rows.query_map(params![self.clinic.0, int(from)], row)?.collect::<Result<_, _>>()?)
        })
    }
}

pub(super) fn asset(row: &Row<'_>) -> rusqlite::Result<Asset> {
    Ok(Asset {
        sensor: SensorId(row.get(0)?),
        host: host(row.get(1)?),
        rank: row.get(2)?,
        zone: row.get(3)?,
        maker: row.get(4)?,
        roles: row.get(5)?,
        first: Timestamp(nat(row.get(6)?)),
        last: Timestamp(nat(row.get(7)?)),
    })
}

fn service(row: &Row<'_>) -> rusqlite::Result<AssetService> {
    Ok(AssetService {
        sensor: SensorId(row.get(0)?),
        host: host(row.get(1)?),
        transport: row.get(2)?,
        port: row.get(3)?,
        protocol: row.get(4)?,
        first: Timestamp(nat(row.get(5)?)),
        last: Timestamp(nat(row.get(6)?)),
    })
}

const fn host(octets: [u8; 8]) -> HostId {
    HostId(u64::from_be_bytes(octets))
}

/// Services of a host that are shown: a scanner's victim seems to have thousands.
const MOST_SHOWN: u32 = 24;
