//! A store in Redis.
use std::fmt;
use std::sync::{Arc, LazyLock};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::vault::{Change, Expected, Lease, LeaseRequest, Record, Save, Saved};

use crate::shared::{MOST, PATIENCE, Part, parts, token_store, within};

/// A [`TokenStore`](vouchsafe::vault::TokenStore) in Redis 5 or newer, or Valkey, for many machines.
///
/// - **Durable** only as far as the server is. Set `appendonly yes` and `appendfsync always`. With other settings, a crash or a
///   failover of the server can lose the last writes: users whose refresh tokens were in them have to sign in again, if their
///   provider rotates refresh tokens.
/// - **Leases** end by the clock of the server.
/// - **Room.** When the memory of the server is full (`maxmemory`), no refresh begins, and the result of one that began is
///   saved. A server that evicts keys of any kind (`maxmemory-policy allkeys-…`) is refused, because it would delete logins.
/// - **Time.** A server that is away or silent is an error within 10 seconds.
/// - **One node.** All keys begin with `{vouchsafe}:`, so that a cluster keeps them on one node, but this store connects to
///   that node only: use a single server, or the primary of replicas.
///
/// Clones are cheap, and share one connection.
#[derive(Clone)]
pub struct RedisStore {
    manager: ConnectionManager,
    server: Arc<Server>,
}

/// The server, as errors name it: without user and password.
struct Server(String);

impl RedisStore {
    /// Connects to the server in a URL: `redis://user:password@host:port/database`, `rediss://…` for TLS, or `redis+unix:///path`.
    ///
    /// With `rediss`, this sets the process-wide cryptography of rustls to aws-lc-rs if the application has set none.
    ///
    /// # Errors
    /// The [kind](StoreError::kind) of the error says what is wrong:
    /// - `Misconfigured`: the URL, the user, the password, the rights of the user, or a server that evicts keys of any kind
    /// - `Newer`: a newer version of this crate wrote the records
    /// - `Unavailable`, `ReadOnly`, `Full`, `Locked`
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("rediss:") && CryptoProvider::get_default().is_none() {
            // If several are compiled in, rustls panics where none is chosen.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        let client = Client::open(url).map_err(|error| {
            let why = error.detail().unwrap_or(error.category());
            let detail = format!("the URL of the Redis server is not valid: {why}");
            StoreError::new(StoreErrorKind::Misconfigured, detail)
        })?;
        let server = Server(format!("Redis at {}", client.get_connection_info().addr()));
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let manager = within(StoreErrorKind::Unavailable, &server, async {
            ConnectionManager::new_with_config(client, config).await.map_err(|e| server.failed(&e))
        });
        Self::new(manager.await?, server).await
    }

    /// A store behind a connection of the application. Its timeouts apply too: those of [`ConnectionManagerConfig`] are half a
    /// second at first, which is short for a server that is busy.
    ///
    /// # Errors
    /// As [`RedisStore::open`].
    pub async fn from_manager(manager: ConnectionManager) -> Result<Self, StoreError> {
        Self::new(manager, Server("Redis".to_owned())).await
    }

    async fn new(mut manager: ConnectionManager, server: Server) -> Result<Self, StoreError> {
        within(StoreErrorKind::Unavailable, &server, server.open(&mut manager)).await?;
        Ok(Self { manager, server: Arc::new(server) })
    }

    async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut manager = self.manager.clone();
        within(StoreErrorKind::Unavailable, &*self.server, async {
            call.invoke_async(&mut manager).await.map_err(|e| self.server.failed(&e))
        })
        .await
    }

    /// Runs a script that may run twice: once more on a new connection if the old one was closed meanwhile.
    async fn run_again<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut manager = self.manager.clone();
        within(StoreErrorKind::Unavailable, &*self.server, async {
            let outcome = match call.invoke_async(&mut manager).await {
                Err(error) if error.is_connection_dropped() => call.invoke_async(&mut manager).await,
                outcome => outcome,
            };
            outcome.map_err(|e| self.server.failed(&e))
        })
        .await
    }

    async fn load(&self, key: &str) -> Result<Option<Record>, StoreError> {
        let found = self.run_again(&LOAD.key(record(key))).await?;
        let (version, data): (Option<u64>, Option<String>) = found;
        Ok(version.zip(data).map(|(version, data)| Record::new(version, data)))
    }

    async fn load_all(&self, keys: Vec<&str>) -> Result<Vec<Option<Record>>, StoreError> {
        let mut records = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MOST) {
            let mut call = LOAD_ALL.prepare_invoke();
            for key in keys {
                call.key(record(key));
            }
            let found: Vec<(Option<u64>, Option<String>)> = self.run_again(&call).await?;
            records.extend(
                found.into_iter().map(|(version, data)| {
                    version.zip(data).map(|(version, data)| Record::new(version, data))
                }),
            );
        }
        Ok(records)
    }

    async fn change(&self, changes: Vec<Change<'_>>) -> Result<Vec<bool>, StoreError> {
        let mut made = Vec::with_capacity(changes.len());
        for part in parts(changes) {
            match part {
                Part::Save(save) => made.push(self.save(save).await? != Saved::Conflict),
                Part::Deletes(deletes) => {
                    let mut call = DELETE_ALL.key(INDEX);
                    for (key, version) in deletes {
                        call.key(record(key)).arg(key).arg(number(version));
                    }
                    let deleted: Vec<bool> = self.run(&call).await?;
                    made.extend(deleted);
                }
            }
        }
        Ok(made)
    }

    async fn save(&self, save: Save<'_>) -> Result<Saved, StoreError> {
        let expected = match save.expected {
            Expected::Absent => "absent".to_owned(),
            Expected::Any => "any".to_owned(),
            Expected::Version(version) => version.to_string(),
        };
        let stays = save.fence.is_some() && save.room > 0;
        let mut call = SAVE.key(record(save.key));
        call.key(INDEX)
            .key(COUNTER)
            .arg(save.key)
            .arg(save.data)
            .arg(expected)
            .arg(number(save.fence))
            .arg(u8::from(stays));
        let version: Option<u64> = self.run(&call).await?;
        Ok(version.map_or(Saved::Conflict, Saved::Version))
    }

    async fn delete(&self, key: &str, version: Option<u64>) -> Result<bool, StoreError> {
        self.run(DELETE.key(record(key)).key(INDEX).arg(key).arg(number(version))).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        // No text holds the byte 0xFF.
        let end = [b"(", prefix.as_bytes(), b"\xFF"].concat();
        let mut begin = match after.filter(|after| *after >= prefix) {
            Some(after) => format!("({after}"),
            None => format!("[{prefix}"),
        };
        let mut records = Vec::new();
        loop {
            let count = PAGE.min(limit - records.len());
            let mut call = LIST.key(INDEX);
            call.arg(&begin).arg(&end).arg(count).arg(record(""));
            let page: Vec<(String, u64, String)> = self.run_again(&call).await?;
            let is_last = page.len() < count || count == 0;
            if let Some((last, ..)) = page.last() {
                begin = format!("({last}");
            }
            records.extend(page.into_iter().map(|(key, version, data)| (key, Record::new(version, data))));
            if is_last {
                return Ok(records);
            }
        }
    }

    async fn lease(&self, key: &str, ask: LeaseRequest) -> Result<Lease, StoreError> {
        let duration = u64::try_from(ask.duration.as_millis()).unwrap_or(u64::MAX).min(LONGEST_LEASE);
        let mut call = LEASE.key(record(key));
        call.key(INDEX).key(COUNTER).arg(duration).arg(number(ask.seen_out));
        let response: Vec<String> = self.run_again(&call).await?;
        let parsed = |text: &str| text.parse().map_err(|_| self.server.corrupted());
        Ok(match response.as_slice() {
            [] => Lease::Absent,
            [fence] => Lease::Busy { fence: parsed(fence)? },
            [fence, version, data, ..] => {
                Lease::Granted { fence: parsed(fence)?, record: Record::new(parsed(version)?, data.as_str()) }
            }
            _ => return Err(self.server.corrupted()),
        })
    }

    async fn release(&self, key: &str, fence: u64) -> Result<(), StoreError> {
        self.run(RELEASE.key(record(key)).arg(fence)).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("server", &self.server.0).finish_non_exhaustive()
    }
}

token_store!(RedisStore);

impl Server {
    /// Checks the server. It does not touch the records of a newer version.
    async fn open(&self, manager: &mut ConnectionManager) -> Result<(), StoreError> {
        // A user without the right to ask is believed.
        let memory: String = redis::cmd("INFO").arg("memory").query_async(manager).await.unwrap_or_default();
        let policy = memory.lines().find_map(|line| line.trim().strip_prefix("maxmemory_policy:"));
        if let Some(policy) = policy.filter(|policy| policy.starts_with("allkeys")) {
            let detail = format!(
                "{self} deletes keys of any kind when its memory is full (maxmemory-policy {policy}), and would delete logins: set it to noeviction, or use another server"
            );
            return Err(StoreError::new(StoreErrorKind::Misconfigured, detail));
        }
        let mut begin = redis::pipe();
        begin.cmd("SET").arg(SCHEMA_KEY).arg(SCHEMA).arg("NX").ignore().cmd("GET").arg(SCHEMA_KEY);
        let (schema,): (u64,) = begin.query_async(manager).await.map_err(|e| self.failed(&e))?;
        if schema > SCHEMA {
            let detail = format!(
                "{self}: a newer version of this program wrote the records: they have schema {schema}, and schema {SCHEMA} was expected. They were left as they are: update this program"
            );
            return Err(StoreError::new(StoreErrorKind::Newer, detail));
        }
        Ok(())
    }

    fn corrupted(&self) -> StoreError {
        StoreError::new(
            StoreErrorKind::Corrupted,
            format!(
                "{self}: a record was not written by vouchsafe-store: delete it, or give another database"
            ),
        )
    }

    fn failed(&self, error: &RedisError) -> StoreError {
        use StoreErrorKind as Kind;
        let kind = error.kind();
        if matches!(kind, ErrorKind::UnexpectedReturnType | ErrorKind::Parse) {
            // The text of such an error can hold the record.
            return self.corrupted();
        }
        let said = error.to_string();
        // Older servers put the error of a command in a script into a text.
        let says = |code: &str| error.code() == Some(code) || said.contains(&format!("-{code} "));
        let (kind, why) = match kind {
            _ if says("OOM") => (Kind::Full, "its memory is full: raise maxmemory, or make room"),
            _ if says("READONLY") => {
                (Kind::ReadOnly, "it is a replica: give the address of the primary server")
            }
            _ if says("MISCONF") => (Kind::ReadOnly, "it cannot write to its disk: look at its log"),
            _ if says("BUSY") => (Kind::Locked, "a script of another program keeps it busy: try again later"),
            _ if says("WRONGTYPE") => return self.corrupted(),
            _ if ["NOAUTH", "NOPERM", "WRONGPASS"].into_iter().any(says) => (
                Kind::Misconfigured,
                "it did not accept the user or the password, or the user lacks a right: correct the URL, or the rights of the user",
            ),
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
                (Kind::Misconfigured, "it did not accept the user or the password: correct the URL")
            }
            ErrorKind::Server(ServerErrorKind::CrossSlot | ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                (
                    Kind::Misconfigured,
                    "it is another node of a cluster: give the address of the node of the keys {vouchsafe}",
                )
            }
            _ => (
                Kind::Unavailable,
                "it cannot be reached, or does not respond: check that it is running, and try again later",
            ),
        };
        StoreError::new(kind, format!("{self}: {why} ({said})"))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a record in Redis.
fn record(key: &str) -> String {
    format!("{{vouchsafe}}:record:{key}")
}

/// A number, or nothing, for a script.
fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

static LOAD: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('HMGET', KEYS[1], 'version', 'data')"));
static LOAD_ALL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/load_all.lua")));
static SAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/save.lua")));
static DELETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/delete.lua")));
static DELETE_ALL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/delete_all.lua")));
static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/list.lua")));
static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/lease.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/release.lua")));

/// All keys in the order of their bytes.
const INDEX: &str = "{vouchsafe}:index";
/// The last version or fencing number that was given.
const COUNTER: &str = "{vouchsafe}:counter";
const SCHEMA_KEY: &str = "{vouchsafe}:schema";
/// The schema that this version reads and writes.
const SCHEMA: u64 = 1;
/// How many records a script reads. The server does nothing else meanwhile.
const PAGE: usize = MOST;
/// A year: numbers in scripts are exact up to 2^53.
const LONGEST_LEASE: u64 = 365 * 24 * 3600 * 1000;
