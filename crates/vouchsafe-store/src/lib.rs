//! Token stores for [vouchsafe]: SQLite, PostgreSQL and Redis.
//!
//! ```no_run
//! # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens, key: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use vouchsafe::Vault;
//! use vouchsafe::seal::KeyRing;
//!
//! let store = vouchsafe_store::open("sqlite:tokens.db").await?;
//! let vault = Vault::sealed(store, KeyRing::new(key)?).client(client);
//! vault.connect("user 7", tokens).await?; // after a login
//! let token = vault.token("user 7", "github").await?; // valid, at any time later, in any process
//! # Ok(()) }
//! ```
//!
//! # Which store
//!
//! | store | URL | feature | for |
//! | --- | --- | --- | --- |
//! | `SqliteStore` | `sqlite:PATH` | `sqlite` (default) | one machine, any number of processes |
//! | `PostgresStore` | `postgres://…` | `postgres` | many machines |
//! | `RedisStore` | `redis://…`, `rediss://…`, `redis+unix:///…` | `redis` | many machines that have Redis already |
//! | [`MemoryStore`] | `memory:` | | tests |
//!
//! If your application has a pool of connections, give it to the store: `SqliteStore::from_pool`, `PostgresStore::from_pool`,
//! `RedisStore::from_manager`. The pools are those of sqlx 0.8, the manager that of redis 1.
//!
//! # What survives
//!
//! | | SQLite | PostgreSQL | Redis |
//! | --- | --- | --- | --- |
//! | crash of a process | all that was saved | all that was saved | all that was saved |
//! | crash or loss of power of the machine with the store | all that was saved | all that was saved, unless `synchronous_commit` is off | all that was saved with `appendfsync always`; otherwise not the last writes |
//! | failover to a replica | | all that was saved, with a synchronous standby | not the last writes |
//! | full disk or memory | the result of a refresh that has begun is saved; no new refresh begins | the result of a refresh that has begun may be lost | as with SQLite |
//! | a process that is suspended and continues | its late save is refused by the fencing number | the same | the same |
//!
//! A call waits at least 5 and at most 10 seconds for a store that is locked or does not respond. A store of a newer version, or a
//! corrupted one, is left as it is. No error, log or `Debug` output contains the password of a URL.
//!
//! # Tables of your own
//!
//! The tables are made when a store is opened, and a newer version of this crate will change them forward only. If your
//! application runs its migrations itself, run the files in `migrations/sqlite` or `migrations/postgres` of this crate; the
//! store then finds the tables and makes none.
//!
//! # A store of your own
//!
//! Implement [`TokenStore`], and run `vouchsafe::vault::contract::check` (feature `contract`)
//! against it. All stores here pass it.
#![forbid(unsafe_code)]
use std::sync::Arc;

use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::vault::{MemoryStore, TokenStore};

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

/// Opens the store with this URL: `sqlite:PATH`, `postgres://…`, `redis://…`, `rediss://…`, `redis+unix:///…` or `memory:`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use vouchsafe::Vault;
///
/// let vault = Vault::danger_plain_text(vouchsafe_store::open("memory:").await?);
/// assert!(vault.connections("user 7").await?.is_empty());
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # Errors
/// Those of `SqliteStore::open`, `PostgresStore::open` and `RedisStore::open`. `Misconfigured` if the URL is of another kind, or of a
/// store whose feature is off.
pub async fn open(url: &str) -> Result<Arc<dyn TokenStore>, StoreError> {
    let refused = |detail: String| Err(StoreError::new(StoreErrorKind::Misconfigured, detail));
    // The rest of the URL can hold a password, and is not repeated.
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    match scheme {
        "memory" if rest.is_empty() => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path == ":memory:" || path.contains('?') {
                return refused(
                    "the URL of a SQLite file is sqlite: and a path, without parameters, such as sqlite:tokens.db; for a store in memory, use memory:"
                        .to_owned(),
                );
            }
            Ok(Arc::new(SqliteStore::open(path).await?))
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => Ok(Arc::new(PostgresStore::open(url).await?)),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" => Ok(Arc::new(RedisStore::open(url).await?)),
        _ if SCHEMES.contains(&scheme) => refused(format!(
            "this program has no support for stores whose URL begins with {scheme}: build it with the feature of vouchsafe-store for them"
        )),
        _ => refused(
            "the URL of a store must begin with sqlite:, postgres://, redis://, rediss://, redis+unix:// or memory:".to_owned(),
        ),
    }
}

const SCHEMES: [&str; 6] = ["sqlite", "postgres", "postgresql", "redis", "rediss", "redis+unix"];

/// The code in the README compiles.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
