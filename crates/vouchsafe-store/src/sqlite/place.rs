//! The database of a SQLite store: its schema, its name in errors, and the errors of SQLite in the words of the library.
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::Executor;
use sqlx::sqlite::SqliteConnection;
use vouchsafe::error::{StoreError, StoreErrorKind};

use crate::shared::PATIENCE;

/// A database, which is a file but for the tests of an application.
pub(super) struct Place {
    file: Option<PathBuf>,
    /// Whether the file belongs to the store, and not to an application.
    is_own: bool,
}

impl Place {
    pub(super) fn of(file: PathBuf) -> Self {
        Self { file: Some(file), is_own: true }
    }

    /// The database of an application.
    pub(super) fn shared() -> Self {
        Self { file: None, is_own: false }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Makes what is missing in the database. It does not touch one that is newer.
    pub(super) async fn open(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let begin = Instant::now();
        loop {
            match self.try_open(connection).await {
                // To change to WAL mode, SQLite waits for nobody.
                Err(error) if error.kind() == StoreErrorKind::Locked && begin.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_open(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let file: String =
            self.ask(connection, "SELECT file FROM pragma_database_list WHERE name = 'main'").await?;
        self.file = Some(PathBuf::from(file)).filter(|file| !file.as_os_str().is_empty());
        match self.schema(connection).await? {
            SCHEMA => {}
            0 => {
                if self.is_own {
                    self.run(connection, "PRAGMA journal_mode = WAL").await?;
                }
                self.run(connection, "BEGIN IMMEDIATE").await?;
                let made = self.make(connection).await;
                let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
                let ended = self.run(connection, end).await;
                made.and(ended)?;
            }
            newer => {
                let detail = format!(
                    "a newer version of this program wrote {self}: it has schema {newer}, and schema {SCHEMA} was expected. It was left as it is: update this program"
                );
                return Err(StoreError::new(StoreErrorKind::Newer, detail));
            }
        }
        let mode: String = self.ask(connection, "PRAGMA journal_mode").await?;
        if self.file.is_some() && mode != "wal" {
            let why = format!(
                "it has the journal mode {mode}, and WAL was expected: open it with SqliteJournalMode::Wal"
            );
            return Err(self.error(StoreErrorKind::Misconfigured, &why));
        }
        Ok(())
    }

    /// The number of the schema, 0 for a new database.
    async fn schema(&self, connection: &mut SqliteConnection) -> Result<i64, StoreError> {
        if self.is_own {
            return self.ask(connection, "PRAGMA user_version").await;
        }
        let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'vouchsafe_store'";
        if self.ask::<i64>(connection, tables).await? == 0 {
            return Ok(0);
        }
        self.ask(connection, "SELECT schema FROM vouchsafe_store").await
    }

    async fn make(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        if self.schema(connection).await? > 0 {
            // Another process was quicker.
            return Ok(());
        }
        if self.is_own {
            if self.ask::<i64>(connection, "SELECT count(*) FROM sqlite_master").await? > 0 {
                let why = "it is the database of another application: give another path";
                return Err(self.error(StoreErrorKind::Misconfigured, why));
            }
            self.run(connection, &format!("PRAGMA user_version = {SCHEMA}")).await?;
        }
        self.run(connection, include_str!("../../migrations/sqlite/0001_records.sql")).await
    }

    async fn run(&self, connection: &mut SqliteConnection, statements: &str) -> Result<(), StoreError> {
        connection.execute(sqlx::raw_sql(statements)).await.map(drop).map_err(|e| self.failed(e))
    }

    async fn ask<T>(&self, connection: &mut SqliteConnection, question: &str) -> Result<T, StoreError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + Unpin,
    {
        sqlx::query_scalar(question).fetch_one(connection).await.map_err(|e| self.failed(e))
    }

    /// The outcome of a call of SQLite, with its error in our words.
    pub(super) async fn watch<T>(
        &self,
        call: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        call.await.map_err(|e| self.failed(e))
    }

    pub(super) fn failed(&self, error: sqlx::Error) -> StoreError {
        let code = match &error {
            sqlx::Error::Database(error) => {
                error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default()
            }
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => CORRUPT,
            sqlx::Error::PoolTimedOut => BUSY,
            _ => 0,
        };
        use StoreErrorKind as Kind;
        // https://www.sqlite.org/rescode.html: the lowest byte is the kind of the error.
        let (kind, why) = match (code & 0xff, code) {
            (BUSY | LOCKED, _) => (
                Kind::Locked,
                "another process has locked it, and did not release it in time: try again later",
            ),
            (READONLY, _) => {
                (Kind::ReadOnly, "it cannot be written: look at the rights of the file and its folder")
            }
            (CORRUPT | NOT_A_DATABASE, _) | (_, IO_SHORT_READ) => (
                Kind::Corrupted,
                "it is corrupted, or is not a SQLite file. It was left as it is: give another path, or restore a backup",
            ),
            (FULL, _) | (_, IO_WRITE | IO_FSYNC | IO_TRUNCATE | IO_SHM_SIZE) => (
                Kind::Full,
                "it cannot grow, because the disk is full, or a quota or a limit on the size of files is reached: make room",
            ),
            (GENERAL | PERMISSION | CANNOT_OPEN | AUTHORIZATION, _) => (
                Kind::Misconfigured,
                "it cannot be opened, or its tables are not those of vouchsafe-store: give another path",
            ),
            _ => (Kind::Unavailable, "it cannot be used: try again later"),
        };
        self.error(kind, &format!("{why} ({error})")).with_source(error)
    }

    pub(super) fn error(&self, kind: StoreErrorKind, why: &str) -> StoreError {
        StoreError::new(kind, format!("{self}: {why}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "the SQLite file {}", file.display()),
            None => f.write_str("the SQLite database"),
        }
    }
}

/// The schema that this version reads and writes.
const SCHEMA: i64 = 1;

const GENERAL: u32 = 1;
const PERMISSION: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const AUTHORIZATION: u32 = 23;
const NOT_A_DATABASE: u32 = 26;
const IO_SHORT_READ: u32 = 522;
const IO_WRITE: u32 = 778;
const IO_FSYNC: u32 = 1034;
const IO_TRUNCATE: u32 = 1546;
const IO_SHM_SIZE: u32 = 4874;
