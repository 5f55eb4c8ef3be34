//! The embedded data base: SQLite in one file, one writer, a few readers.
//!
//! WAL with `synchronous=FULL`: with NORMAL the last commits may be gone after a power cut, and an acknowledgement would
//! be a lie. Keeps: the schema's steps with their hashes, so that a step that was changed is noticed. Drops: files that
//! others made, and schemas that this program does not know.

use super::{StoreError, int};
use auscult_report::time::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// An open data base.
pub(super) struct Database {
    path: PathBuf,
    /// Readers that wait for a question; never more than [`MOST_IDLE_READERS`]. They are closed before the writer, who
    /// then puts the log into the file.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Connection>,
}

impl Database {
    /// Opens or makes the file (mode 0600), and migrates it.
    pub(super) fn open(path: &Path, most_octets: u64, now: Timestamp) -> Result<Database, StoreError> {
        let doing = "open";
        let made = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        made.map_err(|e| StoreError::Broken(doing, format!("{}: {e}", path.display())))?;
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(named(doing))?;
        prepare(&writer, most_octets).map_err(named(doing))?;
        migrate(&mut writer, MIGRATIONS, now)?;
        Ok(Database { path: path.to_path_buf(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    /// One transaction: committed and on the disk when this returns `Ok`, not done when it returns an error.
    pub(super) fn write<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(named(name))?;
        let done = work(&tx).map_err(|e| renamed(name, e))?;
        tx.commit().map_err(named(name))?;
        Ok(done)
    }

    /// One statement: it sees one state of the data base by itself, without the two that begin and end a transaction.
    pub(super) fn ask<T>(
        &self,
        name: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reader = self.reader(name)?;
        let answer = ask(&reader).map_err(|e| renamed(name, e))?;
        self.give_back(reader);
        Ok(answer)
    }

    fn reader(&self, name: &'static str) -> Result<Connection, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(reader) => Ok(reader),
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(named(name)),
        }
    }

    fn give_back(&self, reader: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < MOST_IDLE_READERS {
            readers.push(reader);
        }
    }

    /// One question, to one state of the data base.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        ask: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut reader = self.reader(name)?;
        let tx = reader.transaction().map_err(named(name))?;
        let answer = ask(&tx).map_err(|e| renamed(name, e))?;
        tx.finish().map_err(named(name))?;
        self.give_back(reader);
        Ok(answer)
    }
}

/// Any fault of SQLite inside a transaction; its name is added by [`Database::write`].
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        named("transaction")(error)
    }
}

fn renamed(name: &'static str, error: StoreError) -> StoreError {
    match error {
        StoreError::Busy(_) => StoreError::Busy(name),
        StoreError::Full(_) => StoreError::Full(name),
        StoreError::Broken(_, why) => StoreError::Broken(name, why),
        other => other,
    }
}

fn named(name: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(name),
        // A disk that refuses to write (full, quota, limit of the process) has written nothing: SQLite rolls back.
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => StoreError::Full(name),
        _ => StoreError::Broken(name, error.to_string()),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Plans do not depend on what is asked for: otherwise a statement is compiled again whenever its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

fn prepare(writer: &Connection, most_octets: u64) -> rusqlite::Result<()> {
    writer.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA cell_size_check = ON;",
    )?;
    let page: i64 = writer.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = int(most_octets).checked_div(page).unwrap_or(i64::MAX).clamp(1, MOST_PAGES);
    writer.pragma_update(None, "max_page_count", pages)
}

/// Brings the schema up, a step a transaction.
fn migrate(writer: &mut Connection, steps: &[(&str, &str)], now: Timestamp) -> Result<(), StoreError> {
    let doing = "migrate";
    let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(named(doing))?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(named(doing))?;
    let application: i32 = tx.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(named(doing))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(StoreError::Schema("the file is a data base of another program; name another path".to_owned()));
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(named(doing))?;
    tx.execute_batch(SCHEMA_VERSION).map_err(named(doing))?;
    let newest: Option<i64> =
        tx.query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0)).map_err(named(doing))?;
    if newest.is_some_and(|v| usize::try_from(v).map_or(true, |v| v > steps.len())) {
        return Err(StoreError::Schema(format!(
            "the data base has schema {}, this program knows {}: run the newer program that wrote it, or restore the \
             backup from before the upgrade",
            newest.unwrap_or(0),
            steps.len()
        )));
    }
    tx.commit().map_err(named(doing))?;
    for ((name, sql), version) in steps.iter().zip(1i64..) {
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(named(doing))?;
        step(&tx, version, name, sql, now)?;
        tx.commit().map_err(named(doing))?;
    }
    Ok(())
}

fn step(tx: &Transaction<'_>, version: i64, name: &str, sql: &str, now: Timestamp) -> Result<(), StoreError> {
    let hash: [u8; 32] = Sha256::digest(sql).into();
    let done: Option<[u8; 32]> =
        tx.query_row("SELECT sha256 FROM schema_version WHERE version = ?1", [version], |row| row.get(0)).optional()?;
    match done {
        Some(was) if was == hash => Ok(()),
        Some(_) => Err(StoreError::Schema(format!(
            "step {name} of the schema is not the one that made this data base: run the program that made it, or \
             restore the schema file"
        ))),
        None => {
            tx.execute_batch(sql)?;
            let sql = "INSERT INTO schema_version (version, name, sha256, applied_ms) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, params![version, name, hash, int(now.0)])?;
            Ok(())
        }
    }
}

/// The steps of the schema, in their order. Appended to only; a step that was released is never changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_archive", include_str!("../../schema/0001_archive.sql")),
    ("0002_network", include_str!("../../schema/0002_network.sql")),
    ("0003_hearing", include_str!("../../schema/0003_hearing.sql")),
    ("0004_people", include_str!("../../schema/0004_people.sql")),
    ("0005_notices", include_str!("../../schema/0005_notices.sql")),
    ("0006_tokens", include_str!("../../schema/0006_tokens.sql")),
    ("0007_plans", include_str!("../../schema/0007_plans.sql")),
    ("0008_entry", include_str!("../../schema/0008_entry.sql")),
    ("0009_cosign", include_str!("../../schema/0009_cosign.sql")),
];

const SCHEMA_VERSION: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    version    INTEGER NOT NULL PRIMARY KEY, -- the number of the step's file
    name       TEXT    NOT NULL,
    sha256     BLOB    NOT NULL,             -- of the step's text
    applied_ms INTEGER NOT NULL
) STRICT";

/// Marks the file as ours: `AUSC`.
const APPLICATION_ID: i32 = 0x4155_5343;

/// How long a program waits for another one (the service, the operator's command) to end its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers that stay open.
const MOST_IDLE_READERS: usize = 4;

/// Prepared statements kept by a connection: more than there are in this room.
const STATEMENTS: usize = 96;

/// The most pages that SQLite can count.
const MOST_PAGES: i64 = 4_294_967_294;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_new_data_base_has_all_steps_and_opens_again() {
        let folder = Folder::new();
        for _ in 0..2 {
            let database = Database::open(&folder.path("a.db"), u64::MAX, Timestamp(5)).unwrap();
            let rows: i64 = database
                .read("count", |tx| Ok(tx.query_row("SELECT count(*) FROM schema_version", [], |row| row.get(0))?))
                .unwrap();
            assert_eq!(usize::try_from(rows).unwrap(), MIGRATIONS.len());
        }
        let writer = Database::open(&folder.path("a.db"), u64::MAX, Timestamp(5)).unwrap().writer;
        let writer = writer.into_inner().unwrap();
        let ask = |name: &str| -> String {
            let value: rusqlite::types::Value = writer.query_row(&format!("PRAGMA {name}"), [], |r| r.get(0)).unwrap();
            format!("{value:?}")
        };
        assert_eq!(ask("journal_mode"), "Text(\"wal\")");
        assert_eq!(ask("synchronous"), "Integer(2)", "2 is FULL");
        assert_eq!(ask("foreign_keys"), "Integer(1)");
    }

    #[test]
    fn a_newer_schema_is_refused_with_the_remedy() {
        let folder = Folder::new();
        let mut writer = connect(&folder.made("a.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let newer = [("0001_a", "CREATE TABLE a (x INTEGER) STRICT"), ("0002_b", "CREATE TABLE b (x INTEGER) STRICT")];
        migrate(&mut writer, &newer, Timestamp(1)).unwrap();
        let refused = migrate(&mut writer, &newer[..1], Timestamp(1)).unwrap_err().to_string();
        assert!(refused.contains("has schema 2, this program knows 1") && refused.contains("restore the backup"));
        let changed = [newer[0], ("0002_b", "CREATE TABLE b (y INTEGER) STRICT")];
        let refused = migrate(&mut writer, &changed, Timestamp(1)).unwrap_err().to_string();
        assert!(refused.contains("step 0002_b of the schema is not the one"), "{refused}");
    }

    #[test]
    fn a_step_that_fails_leaves_the_schema_before_it() {
        let folder = Folder::new();
        let mut writer = connect(&folder.made("a.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let bad = [("0001_a", "CREATE TABLE a (x INTEGER) STRICT"), ("0002_b", "CREATE TABLE c (x INTEGER); nonsense")];
        assert!(migrate(&mut writer, &bad, Timestamp(1)).is_err());
        let good = [bad[0], ("0002_b", "CREATE TABLE c (x INTEGER) STRICT")];
        migrate(&mut writer, &good, Timestamp(1)).unwrap();
    }

    #[test]
    fn a_data_base_of_another_program_is_refused() {
        let folder = Folder::new();
        let mut writer = connect(&folder.made("a.db"), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        writer.execute_batch("CREATE TABLE theirs (x INTEGER)").unwrap();
        let refused = migrate(&mut writer, MIGRATIONS, Timestamp(1)).unwrap_err().to_string();
        assert!(refused.contains("another program"));
    }

    #[test]
    fn a_full_data_base_says_so_and_has_changed_nothing() {
        let folder = Folder::new();
        let database = Database::open(&folder.path("a.db"), 1, Timestamp(1));
        assert_eq!(database.err(), Some(StoreError::Full("migrate")));
    }

    #[test]
    fn every_table_is_strict_and_names_the_clinic_first() {
        let folder = Folder::new();
        let database = Database::open(&folder.path("a.db"), u64::MAX, Timestamp(1)).unwrap();
        let ask = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let tables: Vec<(String, String)> = database
            .read("tables", |tx| {
                let mut rows = tx.prepare(ask)?;
                Ok(rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
            })
            .unwrap();
        assert!(tables.len() > 15);
        // The provider's own people, programs and parcels belong to no clinic.
        let nobodys = [
            "person",
            "person_session",
            "invitation",
            "person_reset",
            "person_identity",
            "person_flow",
            "parcel",
            "api_token",
            "api_answer",
        ];
        for (name, sql) in tables.iter().filter(|(name, _)| name != "schema_version") {
            assert!(sql.contains(") STRICT"), "{name}");
            assert!(sql.contains("clinic_id") || nobodys.contains(&name.as_str()), "{name}");
        }
    }

    /// A new, empty folder.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("auscult-collector-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        /// The path of an empty file.
        fn made(&self, name: &str) -> PathBuf {
            std::fs::write(self.path(name), b"").unwrap();
            self.path(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
