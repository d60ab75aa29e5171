//! Token stores.
#![forbid(unsafe_code)]

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;
