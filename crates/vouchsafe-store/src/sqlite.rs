//! A store in a SQLite file.
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor};
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::vault::{Change, Expected, Lease, LeaseRequest, Record, Save, Saved};

use crate::shared::{LONGEST, MOST, PATIENCE, Range, signed, token_store, unsigned, within};

mod file;
mod place;
mod room;

use self::place::Place;

/// A [`TokenStore`](vouchsafe::vault::TokenStore) in a SQLite file, for one machine.
///
/// All processes of the machine can use the file at once. The file must not be on a network drive.
///
/// - **Durable.** A saved record survives a crash of the process and a loss of power: each save waits for the disk
///   (`synchronous=FULL`, in WAL mode).
/// - **Room.** When a refresh begins, the store sets aside the room for its result. If the disk is full, or a quota or limit on
///   the size of the file is reached, the refresh does not begin, and no refresh token is spent.
/// - **Leases** are not measured by any clock of the file. A process ends the lease of another one that it has seen unchanged for
///   the whole time of the lease.
/// - **Files.** On Unix, the file and those that SQLite makes beside it (`-wal`, `-shm`) can be read by their user alone. A file
///   that others can read is refused. On Windows, a new file has the rights of its folder: put it into the user's profile.
///
/// Clones are cheap, and share the connections.
#[derive(Clone)]
pub struct SqliteStore {
    database: Arc<Database>,
}

struct Database {
    /// One connection, so that the tasks of a process wait for each other here, in order, and not by turns at the lock of the file.
    writer: SqlitePool,
    reader: SqlitePool,
    place: Place,
    page_size: u64,
}

impl SqliteStore {
    /// Opens the file, or makes it with its folders.
    ///
    /// # Errors
    /// The [kind](StoreError::kind) of the error says what is wrong:
    /// - `Misconfigured`: other users can read the file, it is no file, its folder cannot be made, or it is the database of another
    ///   application
    /// - `Newer`: a newer version of this crate wrote the file
    /// - `Corrupted`: the file is corrupted, or it is no SQLite file
    /// - `Locked`, `Full`, `ReadOnly`, `Unavailable`
    ///
    /// A file that is newer or corrupted is left as it is.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = file::prepare(path.as_ref())?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(PATIENCE)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        // The writer stays: when the last connection to a file is closed, SQLite deletes the log, and with it the room that it has.
        let writer = PoolOptions::new()
            .max_connections(1)
            .acquire_timeout(LONGEST)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let reader = PoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(LONGEST)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Self::new(writer, reader, Place::of(path)).await
    }

    /// A store in the tables `vouchsafe_…` of a database that the application has open. The tables are made if they are missing;
    /// they are those of `migrations/sqlite` in this crate.
    ///
    /// The application answers for the rest: the file mode, a `busy_timeout` between 5 and 10 seconds, `synchronous` left at `FULL`, and a
    /// pool that keeps at least one connection open.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]. A database that is not in WAL mode is `Misconfigured`: without it, there can be no room for the
    /// result of a refresh when the disk is full.
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, StoreError> {
        Self::new(pool.clone(), pool, Place::shared()).await
    }

    async fn new(writer: SqlitePool, reader: SqlitePool, mut place: Place) -> Result<Self, StoreError> {
        let shown = place.to_string();
        let opened = async {
            let mut connection = writer.acquire().await.map_err(|e| place.failed(e))?;
            place.open(&mut connection).await?;
            let page_size: i64 = sqlx::query_scalar("PRAGMA page_size")
                .fetch_one(&mut *connection)
                .await
                .map_err(|e| place.failed(e))?;
            Ok(unsigned(page_size))
        };
        let page_size = within::<_, StoreError>(StoreErrorKind::Locked, &shown, opened).await?;
        Ok(Self { database: Arc::new(Database { writer, reader, place, page_size }) })
    }

    async fn load(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let database = &*self.database;
        let found = sqlx::query_as("SELECT version, data FROM vouchsafe_records WHERE key = ?1")
            .bind(key)
            .fetch_optional(&database.reader);
        let found: Option<(i64, String)> =
            within(StoreErrorKind::Locked, &database.place, database.place.watch(found)).await?;
        Ok(found.map(|(version, data)| Record::new(unsigned(version), data)))
    }

    async fn load_all(&self, keys: Vec<&str>) -> Result<Vec<Option<Record>>, StoreError> {
        let (database, mut found) = (&*self.database, BTreeMap::new());
        for keys in keys.chunks(MOST) {
            let places = vec!["?"; keys.len()].join(", ");
            let statement =
                format!("SELECT key, version, data FROM vouchsafe_records WHERE key IN ({places})");
            let rows = keys
                .iter()
                .fold(sqlx::query_as::<sqlx::Sqlite, _>(&statement), |statement, key| statement.bind(*key));
            let rows = rows.fetch_all(&database.reader);
            let rows: Vec<(String, i64, String)> =
                within(StoreErrorKind::Locked, &database.place, database.place.watch(rows)).await?;
            let records =
                rows.into_iter().map(|(key, version, data)| (key, Record::new(unsigned(version), data)));
            found.extend(records);
        }
        Ok(keys.into_iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn save(&self, save: Save<'_>) -> Result<Saved, StoreError> {
        self.database.write(Saving::of(save)).await
    }

    async fn change(&self, changes: Vec<Change<'_>>) -> Result<Vec<bool>, StoreError> {
        let steps = changes.into_iter().map(|change| match change {
            Change::Save(save) => Changing::Save(Saving::of(save)),
            Change::Delete { key, version } => Changing::Delete(Deleting { key: key.to_owned(), version }),
        });
        self.database.write(steps.collect::<Vec<_>>()).await
    }

    async fn delete(&self, key: &str, version: Option<u64>) -> Result<bool, StoreError> {
        self.database.write(Deleting { key: key.to_owned(), version }).await
    }

    async fn release(&self, key: &str, fence: u64) -> Result<(), StoreError> {
        self.database.write(Releasing { key: key.to_owned(), fence }).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let database = &*self.database;
        let Range { operator, from, end } = Range::new(prefix, after);
        let until = if end.is_some() { "key < ?2" } else { "?2 IS NULL" };
        let statement = format!(
            "SELECT key, version, data FROM vouchsafe_records WHERE key {operator} ?1 AND {until} ORDER BY key LIMIT ?3"
        );
        let found = sqlx::query_as(&statement)
            .bind(from)
            .bind(end)
            .bind(signed(limit as u64))
            .fetch_all(&database.reader);
        let found: Vec<(String, i64, String)> =
            within(StoreErrorKind::Locked, &database.place, database.place.watch(found)).await?;
        Ok(found
            .into_iter()
            .map(|(key, version, data)| (key, Record::new(unsigned(version), data)))
            .collect())
    }

    async fn lease(&self, key: &str, ask: LeaseRequest) -> Result<Lease, StoreError> {
        // Those who wait look often. Looking takes no lock.
        let database = &*self.database;
        let found = sqlx::query_as(LEASE).bind(key).fetch_optional(&database.reader);
        let found: Option<LeaseRow> =
            within(StoreErrorKind::Locked, &database.place, database.place.watch(found)).await?;
        match found.as_ref().map_or(Some(Lease::Absent), |row| busy(row, ask)) {
            Some(lease) => Ok(lease),
            None => self.database.write(Leasing { key: key.to_owned(), ask }).await,
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("place", &self.database.place.to_string()).finish_non_exhaustive()
    }
}

token_store!(SqliteStore);

/// One transaction that writes. It may run twice.
trait Step: Send + Sync + 'static {
    type Outcome: Send;

    fn run(
        &self,
        database: &Database,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Outcome, StoreError>> + Send;

    /// Whether the pages of the database have to be on the disk, and not only in the log, before the outcome is told.
    fn settles(&self) -> bool {
        false
    }
}

impl Database {
    async fn write<S: Step>(self: &Arc<Self>, step: S) -> Result<S::Outcome, StoreError> {
        let database = self.clone();
        // A task of its own: a caller that goes away leaves no transaction open.
        let task = tokio::spawn(async move {
            let mut connection = database.writer.acquire().await.map_err(|e| database.place.failed(e))?;
            let mut outcome = database.attempt(&mut connection, &step).await;
            if outcome.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Full) {
                // The log has room for this if it begins anew: what is in it moves to pages that the database has already.
                let _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").await;
                outcome = database.attempt(&mut connection, &step).await;
            }
            if outcome.is_ok() && step.settles() {
                room::settle(&database, &mut connection).await?;
            }
            outcome
        });
        let ended = async {
            task.await.unwrap_or_else(|_| Err(self.place.error(StoreErrorKind::Unavailable, "a task ended")))
        };
        within(StoreErrorKind::Locked, &self.place, ended).await
    }

    async fn attempt<S: Step>(
        &self,
        connection: &mut SqliteConnection,
        step: &S,
    ) -> Result<S::Outcome, StoreError> {
        self.run(connection, sqlx::query("BEGIN IMMEDIATE")).await?;
        let outcome = match step.run(self, connection).await {
            Ok(outcome) => self.run(connection, sqlx::query("COMMIT")).await.map(|_| outcome),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // After some errors, SQLite has done so itself.
            let _ = connection.execute("ROLLBACK").await;
        }
        outcome
    }

    /// Runs a statement, and returns how many rows it changed.
    async fn run<'q>(
        &self,
        connection: &mut SqliteConnection,
        statement: sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments<'q>>,
    ) -> Result<u64, StoreError> {
        let done = statement.execute(connection).await.map_err(|e| self.place.failed(e))?;
        Ok(done.rows_affected())
    }

    /// The next number of the counter.
    async fn next(&self, connection: &mut SqliteConnection) -> Result<u64, StoreError> {
        let next = sqlx::query_scalar("UPDATE vouchsafe_store SET counter = counter + 1 RETURNING counter");
        next.fetch_one(connection).await.map(unsigned).map_err(|e| self.place.failed(e))
    }
}

struct Saving {
    key: String,
    data: String,
    expected: Expected,
    fence: Option<u64>,
    room: usize,
}

impl Saving {
    fn of(save: Save<'_>) -> Self {
        let Save { expected, fence, room, .. } = save;
        Self { key: save.key.to_owned(), data: save.data.to_owned(), expected, fence, room }
    }
}

impl Step for Saving {
    type Outcome = Saved;

    async fn run(&self, database: &Database, connection: &mut SqliteConnection) -> Result<Saved, StoreError> {
        let found = sqlx::query_as(
            "SELECT (SELECT version FROM vouchsafe_records WHERE key = ?1), (SELECT fence FROM vouchsafe_leases WHERE key = ?1)",
        )
        .bind(&self.key)
        .fetch_one(&mut *connection);
        let (version, fence): (Option<i64>, Option<i64>) = database.place.watch(found).await?;
        let is_expected = match self.expected {
            Expected::Any => true,
            Expected::Absent => version.is_none(),
            Expected::Version(expected) => version.map(unsigned) == Some(expected),
        };
        if !is_expected || (self.fence.is_some() && self.fence != fence.map(unsigned)) {
            return Ok(Saved::Conflict);
        }
        let next = database.next(connection).await?;
        // The padding goes before the data comes, so its pages are free for the data.
        let lease = match self.settles() {
            true => sqlx::query("UPDATE vouchsafe_leases SET padding = zeroblob(?2) WHERE key = ?1")
                .bind(&self.key)
                .bind(signed(room::padding(self.room, database.page_size))),
            false => sqlx::query("DELETE FROM vouchsafe_leases WHERE key = ?1").bind(&self.key),
        };
        database.run(connection, lease).await?;
        let record = sqlx::query(
            "INSERT INTO vouchsafe_records (key, version, data) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, data = excluded.data",
        );
        database.run(connection, record.bind(&self.key).bind(signed(next)).bind(&self.data)).await?;
        if self.settles() || self.fence.is_none() {
            room::check(database, connection, self.room + self.data.len()).await?;
        }
        Ok(Saved::Version(next))
    }

    fn settles(&self) -> bool {
        self.fence.is_some() && self.room > 0
    }
}

struct Deleting {
    key: String,
    version: Option<u64>,
}

impl Step for Deleting {
    type Outcome = bool;

    async fn run(&self, database: &Database, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let record =
            sqlx::query("DELETE FROM vouchsafe_records WHERE key = ?1 AND (?2 IS NULL OR version = ?2)");
        let count = database.run(connection, record.bind(&self.key).bind(self.version.map(signed))).await?;
        if count > 0 {
            let lease = sqlx::query("DELETE FROM vouchsafe_leases WHERE key = ?1").bind(&self.key);
            database.run(connection, lease).await?;
        }
        Ok(count > 0)
    }
}

/// One of several changes.
enum Changing {
    Save(Saving),
    Delete(Deleting),
}

impl Step for Vec<Changing> {
    type Outcome = Vec<bool>;

    async fn run(
        &self,
        database: &Database,
        connection: &mut SqliteConnection,
    ) -> Result<Vec<bool>, StoreError> {
        let mut made = Vec::with_capacity(self.len());
        for change in self {
            made.push(match change {
                Changing::Save(save) => save.run(database, connection).await? != Saved::Conflict,
                Changing::Delete(delete) => delete.run(database, connection).await?,
            });
        }
        Ok(made)
    }

    fn settles(&self) -> bool {
        self.iter().any(|change| matches!(change, Changing::Save(save) if save.settles()))
    }
}

struct Leasing {
    key: String,
    ask: LeaseRequest,
}

impl Step for Leasing {
    type Outcome = Lease;

    async fn run(&self, database: &Database, connection: &mut SqliteConnection) -> Result<Lease, StoreError> {
        let found = sqlx::query_as(LEASE).bind(&self.key).fetch_optional(&mut *connection);
        let Some(row): Option<LeaseRow> = database.place.watch(found).await? else {
            return Ok(Lease::Absent);
        };
        if let Some(busy) = busy(&row, self.ask) {
            return Ok(busy);
        }
        let fence = database.next(connection).await?;
        let lease = sqlx::query("INSERT OR REPLACE INTO vouchsafe_leases (key, fence) VALUES (?1, ?2)");
        database.run(connection, lease.bind(&self.key).bind(signed(fence))).await?;
        let (version, data, _) = row;
        Ok(Lease::Granted { fence, record: Record::new(unsigned(version), data) })
    }
}

struct Releasing {
    key: String,
    fence: u64,
}

impl Step for Releasing {
    type Outcome = ();

    async fn run(&self, database: &Database, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let lease = sqlx::query("DELETE FROM vouchsafe_leases WHERE key = ?1 AND fence = ?2");
        database.run(connection, lease.bind(&self.key).bind(signed(self.fence))).await.map(drop)
    }
}

/// A record, and the fencing number of its lease.
type LeaseRow = (i64, String, Option<i64>);

const LEASE: &str = "SELECT version, data, fence FROM vouchsafe_records LEFT JOIN vouchsafe_leases USING (key) WHERE key = ?1";

/// The response to one who asks for a lease that somebody else holds.
fn busy(row: &LeaseRow, ask: LeaseRequest) -> Option<Lease> {
    let fence = row.2.map(unsigned).filter(|fence| ask.seen_out != Some(*fence))?;
    Some(Lease::Busy { fence })
}

/// How many tasks of a process can read at once.
const READERS: u32 = 4;
