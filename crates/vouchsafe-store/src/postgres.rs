//! A store in a PostgreSQL database.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::QueryAs;
use sqlx::{ConnectOptions, Connection, FromRow, Postgres};
use tokio::time::{Instant, timeout_at};
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::vault::{Change, Expected, Lease, LeaseRequest, Record, Save, Saved};

use crate::shared::{LONGEST, MOST, PATIENCE, Part, Range, parts, signed, token_store, unsigned, within};

/// A [`TokenStore`](vouchsafe::vault::TokenStore) in a PostgreSQL database, for many machines.
///
/// - **Durable.** A saved record survives whatever a committed transaction of this server survives: see `synchronous_commit`, and
///   for a failover `synchronous_standby_names`.
/// - **Leases** end by the clock of the server.
/// - **Room** cannot be set aside in PostgreSQL. If its disk becomes full while a refresh is under way, the result is saved as soon
///   as there is room, or is lost.
/// - **Time.** A server that is away or silent is an error within 10 seconds.
///
/// A connection pooler between must keep a session on one connection of the server.
///
/// Clones are cheap, and share the connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    server: Arc<Server>,
}

/// The server, as errors name it: without user and password.
struct Server(String);

impl PostgresStore {
    /// Connects to the database in a URL, `postgres://user:password@host/database`, and makes the tables `vouchsafe_…` if they are
    /// missing. Several processes can do so at once.
    ///
    /// The parameters of the URL are those of [sqlx](https://docs.rs/sqlx/0.8/sqlx/postgres/struct.PgConnectOptions.html). Across
    /// a network, use `?sslmode=verify-full`, and `&sslrootcert=FILE` for an authority of your own: without them, the connection may
    /// be plain text.
    ///
    /// # Errors
    /// The [kind](StoreError::kind) of the error says what is wrong:
    /// - `Misconfigured`: the URL, the user, the password, or the rights of the user
    /// - `Newer`: a newer version of this crate wrote the tables
    /// - `Unavailable`, `ReadOnly`, `Full`
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            let detail = format!("the URL of the PostgreSQL database is not valid: {error}");
            StoreError::new(StoreErrorKind::Misconfigured, detail)
        })?;
        let options = options.disable_statement_logging();
        let server = Server::of(&options);
        // Not by the pool, which tries again and does not tell why.
        within(StoreErrorKind::Unavailable, &server, async {
            let mut connection = PgConnection::connect_with(&options).await.map_err(|e| server.failed(e))?;
            server.open(&mut connection).await?;
            let _ = connection.close().await;
            Ok::<_, StoreError>(())
        })
        .await?;
        let pool = PgPoolOptions::new().acquire_timeout(PATIENCE).connect_lazy_with(options);
        Ok(Self { pool, server: Arc::new(server) })
    }

    /// A store in the tables `vouchsafe_…` of a database that the application is connected to. The tables are made if they are
    /// missing; they are those of `migrations/postgres` in this crate.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn from_pool(pool: PgPool) -> Result<Self, StoreError> {
        let server = Server::of(&pool.connect_options());
        within(StoreErrorKind::Unavailable, &server, async {
            let mut connection = pool.acquire().await.map_err(|e| server.failed(e))?;
            server.open(&mut connection).await
        })
        .await?;
        Ok(Self { pool, server: Arc::new(server) })
    }

    /// Runs a statement that gives one row at most.
    async fn row<'q, T>(
        &self,
        statement: QueryAs<'q, Postgres, T, PgArguments>,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'q,
    {
        Ok(self.rows(statement).await?.pop())
    }

    async fn rows<'q, T>(
        &self,
        statement: QueryAs<'q, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin + 'q,
    {
        let end = Instant::now() + LONGEST;
        let silent = |_| self.server.failed(sqlx::Error::PoolTimedOut);
        let mut connection =
            timeout_at(end, self.pool.acquire()).await.map_err(silent)?.map_err(|e| self.server.failed(e))?;
        match timeout_at(end, statement.fetch_all(&mut *connection)).await {
            Ok(rows) => rows.map_err(|e| self.server.failed(e)),
            Err(late) => {
                // The pool would wait for a connection that is silent.
                drop(connection.detach());
                Err(silent(late))
            }
        }
    }

    async fn load(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let statement = sqlx::query_as("SELECT version, data FROM vouchsafe_records WHERE key = $1");
        let found: Option<(i64, String)> = self.row(statement.bind(key)).await?;
        Ok(found.map(|(version, data)| Record::new(unsigned(version), data)))
    }

    async fn load_all(&self, keys: Vec<&str>) -> Result<Vec<Option<Record>>, StoreError> {
        let mut found = BTreeMap::new();
        for keys in keys.chunks(MOST) {
            let statement =
                sqlx::query_as("SELECT key, version, data FROM vouchsafe_records WHERE key = ANY($1)");
            let rows: Vec<(String, i64, String)> = self.rows(statement.bind(keys)).await?;
            let records =
                rows.into_iter().map(|(key, version, data)| (key, Record::new(unsigned(version), data)));
            found.extend(records);
        }
        Ok(keys.into_iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn change(&self, changes: Vec<Change<'_>>) -> Result<Vec<bool>, StoreError> {
        let mut made = Vec::with_capacity(changes.len());
        for part in parts(changes) {
            match part {
                Part::Save(save) => made.push(self.save(save).await? != Saved::Conflict),
                Part::Deletes(deletes) => made.extend(self.delete_all(&deletes).await?),
            }
        }
        Ok(made)
    }

    /// Deletes records of different keys.
    async fn delete_all(&self, deletes: &[(&str, Option<u64>)]) -> Result<Vec<bool>, StoreError> {
        // All lock the records in the order of their keys: nobody waits for somebody who waits for them.
        let statement = sqlx::query_as(
            "WITH wanted AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS wanted(key, version)),
                  locked AS (SELECT key FROM vouchsafe_records WHERE key = ANY($1) ORDER BY key FOR UPDATE)
             DELETE FROM vouchsafe_records AS r USING wanted, locked
             WHERE r.key = wanted.key AND r.key = locked.key AND (wanted.version IS NULL OR r.version = wanted.version)
             RETURNING r.key",
        );
        let (keys, versions): (Vec<_>, Vec<_>) =
            deletes.iter().map(|(key, version)| (*key, version.map(signed))).unzip();
        let deleted: Vec<(String,)> = self.rows(statement.bind(keys).bind(versions)).await?;
        let deleted: BTreeSet<_> = deleted.into_iter().map(|(key,)| key).collect();
        Ok(deletes.iter().map(|(key, _)| deleted.contains(*key)).collect())
    }

    async fn save(&self, save: Save<'_>) -> Result<Saved, StoreError> {
        let statement = match (save.expected, save.fence) {
            // There is a lease only where there is a record.
            (Expected::Absent, Some(_)) => return Ok(Saved::Conflict),
            (Expected::Absent, None) => sqlx::query_as(
                "INSERT INTO vouchsafe_records (key, version, data) VALUES ($1, nextval('vouchsafe_counter'), $2)
                 ON CONFLICT (key) DO NOTHING RETURNING version",
            )
            .bind(save.key)
            .bind(save.data),
            (Expected::Any, None) => sqlx::query_as(
                "INSERT INTO vouchsafe_records (key, version, data) VALUES ($1, nextval('vouchsafe_counter'), $2)
                 ON CONFLICT (key) DO UPDATE
                 SET version = nextval('vouchsafe_counter'), data = excluded.data, fence = NULL, lease_ends = NULL
                 RETURNING version",
            )
            .bind(save.key)
            .bind(save.data),
            (expected, fence) => {
                let version = match expected {
                    Expected::Version(version) => Some(signed(version)),
                    _ => None,
                };
                sqlx::query_as(
                    "UPDATE vouchsafe_records
                     SET version = nextval('vouchsafe_counter'), data = $2,
                         fence = CASE WHEN $5 THEN fence END, lease_ends = CASE WHEN $5 THEN lease_ends END
                     WHERE key = $1 AND ($3::bigint IS NULL OR version = $3) AND ($4::bigint IS NULL OR fence = $4)
                     RETURNING version",
                )
                .bind(save.key)
                .bind(save.data)
                .bind(version)
                .bind(fence.map(signed))
                .bind(fence.is_some() && save.room > 0)
            }
        };
        let saved: Option<(i64,)> = self.row(statement).await?;
        Ok(saved.map_or(Saved::Conflict, |(version,)| Saved::Version(unsigned(version))))
    }

    async fn delete(&self, key: &str, version: Option<u64>) -> Result<bool, StoreError> {
        let statement = sqlx::query_as(
            "DELETE FROM vouchsafe_records WHERE key = $1 AND ($2::bigint IS NULL OR version = $2) RETURNING version",
        );
        let deleted: Option<(i64,)> = self.row(statement.bind(key).bind(version.map(signed))).await?;
        Ok(deleted.is_some())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let Range { operator, from, end } = Range::new(prefix, after);
        let until = if end.is_some() { "key < $2" } else { "$2::text IS NULL" };
        let statement = format!(
            "SELECT key, version, data FROM vouchsafe_records WHERE key {operator} $1 AND {until} ORDER BY key LIMIT $3"
        );
        let statement = sqlx::query_as(&statement).bind(from).bind(end).bind(signed(limit as u64));
        let found: Vec<(String, i64, String)> = self.rows(statement).await?;
        Ok(found
            .into_iter()
            .map(|(key, version, data)| (key, Record::new(unsigned(version), data)))
            .collect())
    }

    async fn lease(&self, key: &str, ask: LeaseRequest) -> Result<Lease, StoreError> {
        loop {
            let statement = sqlx::query_as(
                "UPDATE vouchsafe_records
                 SET fence = nextval('vouchsafe_counter'), lease_ends = clock_timestamp() + make_interval(secs => $2)
                 WHERE key = $1 AND (fence IS NULL OR lease_ends <= clock_timestamp() OR fence = $3)
                 RETURNING fence, version, data",
            );
            let seen_out = ask.seen_out.map(signed);
            let statement = statement.bind(key).bind(ask.duration.as_secs_f64()).bind(seen_out);
            let granted: Option<(i64, i64, String)> = self.row(statement).await?;
            if let Some((fence, version, data)) = granted {
                let record = Record::new(unsigned(version), data);
                return Ok(Lease::Granted { fence: unsigned(fence), record });
            }
            let statement = sqlx::query_as("SELECT fence FROM vouchsafe_records WHERE key = $1").bind(key);
            match self.row(statement).await? {
                None => return Ok(Lease::Absent),
                Some((Some(fence),)) => return Ok(Lease::Busy { fence: unsigned(fence) }),
                // It ended in between.
                Some((None::<i64>,)) => {}
            }
        }
    }

    async fn release(&self, key: &str, fence: u64) -> Result<(), StoreError> {
        let statement = sqlx::query_as(
            "UPDATE vouchsafe_records SET fence = NULL, lease_ends = NULL WHERE key = $1 AND fence = $2 RETURNING version",
        );
        let _: Option<(i64,)> = self.row(statement.bind(key).bind(signed(fence))).await?;
        Ok(())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("server", &self.server.0).finish_non_exhaustive()
    }
}

token_store!(PostgresStore);

impl Server {
    fn of(options: &PgConnectOptions) -> Self {
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        Self(format!("PostgreSQL at {host}:{}, database {database:?}", options.get_port()))
    }

    /// Makes the tables if they are missing. It does not touch those that are newer.
    async fn open(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        // Before the lock: the user may have no right to make tables that are there already.
        if self.schema(connection).await? == 0 {
            let mut transaction = connection.begin().await.map_err(|e| self.failed(e))?;
            let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION);
            lock.execute(&mut *transaction).await.map_err(|e| self.failed(e))?;
            if self.schema(&mut transaction).await? == 0 {
                let tables = sqlx::raw_sql(include_str!("../migrations/postgres/0001_records.sql"));
                tables.execute(&mut *transaction).await.map_err(|e| self.failed(e))?;
            }
            transaction.commit().await.map_err(|e| self.failed(e))?;
        }
        match self.schema(connection).await? {
            SCHEMA => Ok(()),
            newer => {
                let why = format!(
                    "a newer version of this program wrote its tables: they have schema {newer}, and schema {SCHEMA} was expected. They were left as they are: update this program"
                );
                Err(StoreError::new(StoreErrorKind::Newer, format!("{self}: {why}")))
            }
        }
    }

    /// The number of the schema, 0 if there are no tables.
    async fn schema(&self, connection: &mut PgConnection) -> Result<i32, StoreError> {
        // Read from the table of tables: `to_regclass` may remember within a transaction that there was none before the lock.
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = 'vouchsafe_store' AND pg_table_is_visible(oid))",
        );
        let is_there: bool = found.fetch_one(&mut *connection).await.map_err(|e| self.failed(e))?;
        if !is_there {
            return Ok(0);
        }
        let schema = sqlx::query_scalar("SELECT schema FROM vouchsafe_store");
        schema.fetch_one(connection).await.map_err(|e| self.failed(e))
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        use StoreErrorKind as Kind;
        let code = match &error {
            sqlx::Error::Database(error) => error.code().unwrap_or_default().into_owned(),
            _ => String::new(),
        };
        // https://www.postgresql.org/docs/current/errcodes-appendix.html: the first two characters are the class.
        let (kind, why) = match (code.get(..2).unwrap_or_default(), &*code) {
            (_, "53100") => (Kind::Full, "its disk is full: make room"),
            (_, "25006") => (Kind::ReadOnly, "it is read-only: give the address of the primary server"),
            (_, "55P03") => (Kind::Locked, "another session has locked its tables: try again later"),
            ("XX", "XX001" | "XX002") => (Kind::Corrupted, "its tables are corrupted: restore a backup"),
            ("28" | "3D" | "3F" | "42" | "22", _) => (
                Kind::Misconfigured,
                "it did not accept the user, the database or the tables: correct the URL, or the rights of the user",
            ),
            _ => match &error {
                sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => {
                    (Kind::Misconfigured, "no connection could be made: correct the URL")
                }
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => (
                    Kind::Corrupted,
                    "its tables are not those of vouchsafe-store: give another database or schema",
                ),
                _ => (
                    Kind::Unavailable,
                    "it cannot be reached, or does not respond: check that it is running, and try again later",
                ),
            },
        };
        StoreError::new(kind, format!("{self}: {why} ({error})")).with_source(error)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The schema that this version reads and writes.
const SCHEMA: i32 = 1;
/// The lock of those who make the tables: `vouchsaf` in ASCII.
const MIGRATION: i64 = 0x766f_7563_6873_6166;
