//! What the ledger needs: the queue, the plan of a round, the head, the leaves.
//!
//! Keeps: leaves in the order in which their objects were committed. Drops: tiles; they are files, made of the leaves.

use super::{ClinicRow, ClinicStore, StoreError, int, nat};
use auscult_report::key::{Hash, SensorId};
use auscult_report::leaf::{Leaf, LeafKind};
use auscult_report::payload::Place;
use auscult_report::time::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::collections::BTreeMap;

/// A leaf that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number in the queue.
    pub id: i64,
    /// Its octets.
    pub leaf: Vec<u8>,
}

/// A round that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// It takes the queue up to here.
    pub last_queue_id: i64,
    /// Leaves of the ledger after it.
    pub size: u64,
    /// Root of the ledger after it.
    pub root: Hash,
    /// The signed checkpoint.
    pub note: String,
}

/// The newest checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookHead {
    /// Leaves.
    pub size: u64,
    /// Root.
    pub root: Hash,
    /// The signed checkpoint.
    pub note: String,
}

impl ClinicStore {
    /// The newest checkpoint, and the round that was begun, if there are any: of one moment.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn book(&self) -> Result<(Option<BookHead>, Option<Plan>), StoreError> {
        self.database.read("book", |tx| Ok((head(tx, self)?, plan(tx, self)?)))
    }

    /// How many leaves wait.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn queued(&self) -> Result<u64, StoreError> {
        self.database.ask("queued", |reader| {
            let sql = "SELECT count(*) FROM ledger_queue WHERE clinic_id = ?1";
            Ok(nat(reader.prepare_cached(sql)?.query_row([self.clinic.0], |row| row.get(0))?))
        })
    }

    /// The leaves that wait, at most `most`, up to `until`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn queue(&self, until: i64, most: u32) -> Result<Vec<Queued>, StoreError> {
        self.database.read("queue", |tx| queue(tx, self, until, most))
    }

    /// Begins a round: `make` gets the head and the queue (at most `most`) and gives the plan, which is kept before
    /// anything else is done. A round that was begun already is given as it stands. `None`: nothing waits.
    ///
    /// # Errors
    /// If it could not be written, or `make` failed.
    pub fn plan_round(
        &self,
        most: u32,
        make: impl FnOnce(Option<&BookHead>, &[Queued]) -> Result<Plan, StoreError>,
    ) -> Result<Option<Plan>, StoreError> {
        self.database.write("plan round", |tx| {
            if let Some(plan) = plan(tx, self)? {
                return Ok(Some(plan));
            }
            let waiting = queue(tx, self, i64::MAX, most)?;
            if waiting.is_empty() {
                return Ok(None);
            }
            let plan = make(head(tx, self)?.as_ref(), &waiting)?;
            let sql = "INSERT INTO ledger_plan (clinic_id, last_queue_id, size, root, note)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![self.clinic.0, plan.last_queue_id, int(plan.size), plan.root, plan.note];
            tx.execute(sql, values)?;
            Ok(Some(plan))
        })
    }

    /// Ends a round: its leaves, the new head, the queue without them. `Ok(false)` if it was ended already.
    ///
    /// # Errors
    /// If it could not be written, or the queue is not what the plan was made of.
    pub fn apply_round(&self, done: &Plan, now: Timestamp) -> Result<bool, StoreError> {
        self.database.write("apply round", |tx| {
            if plan(tx, self)?.as_ref() != Some(done) {
                return Ok(false);
            }
            let before = head(tx, self)?.map_or(0, |h| h.size);
            let waiting = queue(tx, self, done.last_queue_id, u32::MAX)?;
            let after = before.saturating_add(u64::try_from(waiting.len()).unwrap_or(u64::MAX));
            if after != done.size {
                return Err(StoreError::Broken("apply round", format!("{after} leaves, planned were {}", done.size)));
            }
            let generation = generation(tx, self)?;
            let sql = "INSERT INTO ledger_leaf (clinic_id, generation, leaf_index, object, leaf)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = tx.prepare_cached(sql)?;
            let mut newest: BTreeMap<SensorId, (Leaf, u64)> = BTreeMap::new();
            for (queued, index) in waiting.iter().zip(before..) {
                let object = queued.leaf.last_chunk::<32>().copied().unwrap_or_default();
                insert.execute(params![self.clinic.0, generation, int(index), object, queued.leaf])?;
                let leaf = Leaf::read(&queued.leaf).filter(|leaf| leaf.kind == LeafKind::Report);
                if let Some(leaf) = leaf
                    && newest.get(&leaf.sensor).is_none_or(|(other, _)| other.place < leaf.place)
                {
                    newest.insert(leaf.sensor, (leaf, index));
                }
            }
            for (leaf, index) in newest.values() {
                put_newest(tx, self, generation, leaf, *index)?;
            }
            let sql = "INSERT INTO ledger_head (clinic_id, size, root, note, changed_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                       ON CONFLICT (clinic_id) DO UPDATE SET size = ?2, root = ?3, note = ?4, changed_ms = ?5";
            tx.execute(sql, params![self.clinic.0, int(done.size), done.root, done.note, int(now.0)])?;
            let sql = "DELETE FROM ledger_queue WHERE clinic_id = ?1 AND queue_id <= ?2";
            tx.execute(sql, params![self.clinic.0, done.last_queue_id])?;
            tx.execute("DELETE FROM ledger_plan WHERE clinic_id = ?1", [self.clinic.0])?;
            Ok(true)
        })
    }

    /// Leaves of the ledger from `from` on, at most `most`.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn leaves(&self, from: u64, most: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        self.database.read("leaves", |tx| {
            let generation = generation(tx, self)?;
            let sql = "SELECT leaf FROM ledger_leaf WHERE clinic_id = ?1 AND generation = ?2 AND leaf_index >= ?3
                       ORDER BY leaf_index LIMIT ?4";
            let mut rows = tx.prepare_cached(sql)?;
            let values = params![self.clinic.0, generation, int(from), most];
            Ok(rows.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// The number of the leaf of an object.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn leaf_of(&self, object: &Hash) -> Result<Option<u64>, StoreError> {
        self.database.read("leaf of", |tx| {
            let generation = generation(tx, self)?;
            let sql = "SELECT leaf_index FROM ledger_leaf WHERE clinic_id = ?1 AND generation = ?2 AND object = ?3";
            let index: Option<i64> = tx
                .prepare_cached(sql)?
                .query_row(params![self.clinic.0, generation, object], |row| row.get(0))
                .optional()?;
            Ok(index.map(nat))
        })
    }

    /// The newest report of a sensor that has a leaf: place, time and number of the leaf.
    ///
    /// # Errors
    /// If it could not be read.
    pub fn newest_in_ledger(&self, sensor: SensorId) -> Result<Option<(Place, Timestamp, u64)>, StoreError> {
        self.database.read("newest in ledger", |tx| newest(tx, self, generation(tx, self)?, sensor))
    }

    /// What a receipt rests on, of one moment: the clinic, the newest checkpoint, the newest report of a sensor in the ledger
    /// (place, when it came, the number of its leaf).
    ///
    /// # Errors
    /// If it could not be read.
    pub fn proof_base(&self, sensor: SensorId) -> Result<ProofBase, StoreError> {
        self.database.ask("proof base", |reader| {
            let sql = "SELECT c.clinic_id, c.name, c.title, c.state, c.ledger_id, c.generation, c.quota_octets_day,
                           h.size, h.root, h.note, n.epoch, n.seq, n.received_ms, n.leaf_index
                       FROM clinic c LEFT JOIN ledger_head h ON h.clinic_id = ?1
                       LEFT JOIN ledger_newest n
                           ON n.clinic_id = ?1 AND n.sensor_id = ?2 AND n.generation = c.generation
                       WHERE c.clinic_id = ?1";
            let base = reader.prepare_cached(sql)?.query_row(params![self.clinic.0, sensor.0], |row| {
                let head = match row.get::<_, Option<i64>>(7)? {
                    Some(size) => Some(BookHead { size: nat(size), root: row.get(8)?, note: row.get(9)? }),
                    None => None,
                };
                let newest = match row.get::<_, Option<u32>>(10)? {
                    Some(epoch) => {
                        let place = Place { epoch, seq: nat(row.get(11)?) };
                        Some((place, Timestamp(nat(row.get(12)?)), nat(row.get(13)?)))
                    }
                    None => None,
                };
                Ok((super::fleet::clinic_row(row)?, head, newest))
            });
            Ok(base?)
        })
    }

    /// Begins the ledger again: every report and statement that is held waits for its leaf, in the order in which it
    /// came, behind the statement that says why.
    ///
    /// # Errors
    /// If it could not be written.
    pub fn new_generation(&self, why: &str, now: Timestamp) -> Result<u32, StoreError> {
        self.database.write("new generation", |tx| {
            let old = head(tx, self)?.map_or(0, |h| h.size);
            for table in ["ledger_head", "ledger_plan", "ledger_queue"] {
                tx.execute(&format!("DELETE FROM {table} WHERE clinic_id = ?1"), [self.clinic.0])?;
            }
            let sql = "UPDATE clinic SET generation = generation + 1 WHERE clinic_id = ?1 RETURNING generation";
            let generation: u32 = tx.query_row(sql, [self.clinic.0], |row| row.get(0))?;
            let said = format!("generation {generation}\nleaves-before {old}\nwhy {why}\n");
            let kind = LeafKind::Restore;
            super::fleet::state_it(tx, self.clinic, kind, None, &said, now)?;
            requeue(tx, self)?;
            Ok(generation)
        })
    }
}

/// Place, when it came, the number of its leaf.
type InLedger = (Place, Timestamp, u64);

/// A clinic, its newest checkpoint, and the newest report of a sensor in its ledger.
pub type ProofBase = (ClinicRow, Option<BookHead>, Option<InLedger>);

fn newest(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    generation: u32,
    sensor: SensorId,
) -> Result<Option<InLedger>, StoreError> {
    let sql = "SELECT epoch, seq, received_ms, leaf_index FROM ledger_newest
               WHERE clinic_id = ?1 AND sensor_id = ?2 AND generation = ?3";
    let found = tx.prepare_cached(sql)?.query_row(params![of.clinic.0, sensor.0, generation], |row| {
        let place = Place { epoch: row.get(0)?, seq: nat(row.get(1)?) };
        Ok((place, Timestamp(nat(row.get(2)?)), nat(row.get(3)?)))
    });
    Ok(found.optional()?)
}

fn put_newest(
    tx: &Transaction<'_>,
    of: &ClinicStore,
    generation: u32,
    leaf: &Leaf,
    index: u64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO ledger_newest (clinic_id, sensor_id, generation, epoch, seq, received_ms, leaf_index)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (clinic_id, sensor_id)
               DO UPDATE SET generation = ?3, epoch = ?4, seq = ?5, received_ms = ?6, leaf_index = ?7
               WHERE generation < ?3 OR (epoch, seq) < (?4, ?5)";
    let Leaf { sensor, place, received, .. } = leaf;
    let values = params![of.clinic.0, sensor.0, generation, place.epoch, int(place.seq), int(received.0), int(index)];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Queues a leaf for every object that is held, the statements first.
fn requeue(tx: &Transaction<'_>, of: &ClinicStore) -> Result<(), StoreError> {
    let sql = "SELECT kind, hash, stated_ms, sensor_id FROM statement WHERE clinic_id = ?1 AND NOT EXISTS
                   (SELECT 1 FROM ledger_queue q WHERE q.clinic_id = ?1 AND substr(q.leaf, 58, 32) = hash)
               ORDER BY stated_ms, hash";
    let mut rows = tx.prepare(sql)?;
    let statements = rows.query_map([of.clinic.0], |row| {
        let kind = super::fleet::leaf_kind(row.get(0)?);
        let received = Timestamp(nat(row.get(2)?));
        Ok(Leaf { kind, sensor: SensorId(row.get(3)?), place: Place::default(), received, object: row.get(1)? })
    })?;
    for leaf in statements {
        super::batch::queue_leaf(tx, of.clinic, &leaf?)?;
    }
    let sql = "SELECT sensor_id, epoch, seq, received_ms, hash FROM report WHERE clinic_id = ?1 ORDER BY report_id";
    let mut rows = tx.prepare(sql)?;
    let reports = rows.query_map([of.clinic.0], |row| {
        let place = Place { epoch: row.get(1)?, seq: nat(row.get(2)?) };
        let received = Timestamp(nat(row.get(3)?));
        Ok(Leaf { kind: LeafKind::Report, sensor: SensorId(row.get(0)?), place, received, object: row.get(4)? })
    })?;
    for leaf in reports {
        super::batch::queue_leaf(tx, of.clinic, &leaf?)?;
    }
    Ok(())
}

fn generation(tx: &Transaction<'_>, of: &ClinicStore) -> Result<u32, StoreError> {
    let sql = "SELECT generation FROM clinic WHERE clinic_id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([of.clinic.0], |row| row.get(0))?)
}

fn head(tx: &Transaction<'_>, of: &ClinicStore) -> Result<Option<BookHead>, StoreError> {
    let sql = "SELECT size, root, note FROM ledger_head WHERE clinic_id = ?1";
    let row = |row: &Row<'_>| Ok(BookHead { size: nat(row.get(0)?), root: row.get(1)?, note: row.get(2)? });
    Ok(tx.prepare_cached(sql)?.query_row([of.clinic.0], row).optional()?)
}

fn plan(tx: &Transaction<'_>, of: &ClinicStore) -> Result<Option<Plan>, StoreError> {
    let sql = "SELECT last_queue_id, size, root, note FROM ledger_plan WHERE clinic_id = ?1";
    let row = |row: &Row<'_>| {
        Ok(Plan { last_queue_id: row.get(0)?, size: nat(row.get(1)?), root: row.get(2)?, note: row.get(3)? })
    };
    Ok(tx.prepare_cached(sql)?.query_row([of.clinic.0], row).optional()?)
}

fn queue(tx: &Transaction<'_>, of: &ClinicStore, until: i64, most: u32) -> Result<Vec<Queued>, StoreError> {
    let sql = "SELECT queue_id, leaf FROM ledger_queue WHERE clinic_id = ?1 AND queue_id <= ?2
               ORDER BY queue_id LIMIT ?3";
    let mut rows = tx.prepare_cached(sql)?;
    let row = |row: &Row<'_>| Ok(Queued { id: row.get(0)?, leaf: row.get(1)? });
    Ok(rows.query_map(params![of.clinic.0, until, most], row)?.collect::<Result<_, _>>()?)
}
