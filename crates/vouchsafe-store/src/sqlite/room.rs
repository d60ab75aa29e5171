//! The room for the result of a refresh, set aside before the refresh token is sent.
//!
//! SQLite writes a change into its log (WAL) first, and into the database later. So two files can lack room. The save that
//! begins a refresh writes padding, as long as the result may be. Afterwards
//!
//! - the database has pages for the result, which become free with the padding, and they are on the disk ([`settle`]);
//! - the log has been as long as the result needs. It never becomes shorter while a connection is open, and begins anew when all in it
//!   is in the database. For that, only pages are written that are on the disk already.
//!
//! A save that makes the database grow checks first whether the disk has room for that ([`check`]). Otherwise the log could
//! hold a change that can never move into the database, and could not begin anew for the result of another refresh.
use std::fs;

use sqlx::sqlite::SqliteConnection;
use vouchsafe::error::{StoreError, StoreErrorKind};

use super::Database;
use crate::shared::unsigned;

/// How much padding sets aside so much room: some pages more, because a new record can split the pages of its neighbours.
pub(super) fn padding(room: usize, page_size: u64) -> u64 {
    room as u64 + SPARE_PAGES * page_size
}

/// Refuses a transaction that makes the database grow by more than the disk has room for. `bytes` is how much it writes.
pub(super) async fn check(
    database: &Database,
    connection: &mut SqliteConnection,
    bytes: usize,
) -> Result<(), StoreError> {
    let (size, on_disk) = sizes(database, connection).await?;
    let Some(file) = database.place.file().filter(|_| size > on_disk) else { return Ok(()) };
    let needed = size - on_disk + padding(bytes, database.page_size) * 2;
    match limit::left(file, size) {
        Some(left) if left < needed => {
            let why = format!("it has to grow by {needed} bytes, and only {left} are left: make room for it");
            Err(database.place.error(StoreErrorKind::Full, &why))
        }
        _ => Ok(()),
    }
}

/// Moves all pages of the database to the disk, unless they are there already.
pub(super) async fn settle(database: &Database, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let (size, on_disk) = sizes(database, connection).await?;
    if size <= on_disk {
        return Ok(());
    }
    database.run(connection, sqlx::query("PRAGMA wal_checkpoint(FULL)")).await?;
    let (size, on_disk) = sizes(database, connection).await?;
    if size <= on_disk {
        return Ok(());
    }
    Err(database.place.error(StoreErrorKind::Locked, "another process did not let it grow in time"))
}

/// The size of the database, and how much of that is on the disk.
async fn sizes(database: &Database, connection: &mut SqliteConnection) -> Result<(u64, u64), StoreError> {
    let Some(file) = database.place.file() else { return Ok((0, 0)) };
    let pages = sqlx::query_scalar("PRAGMA page_count").fetch_one(connection);
    let pages: i64 = database.place.watch(pages).await?;
    let on_disk = fs::metadata(file).map_or(0, |found| found.len());
    Ok((unsigned(pages) * database.page_size, on_disk))
}

#[cfg(unix)]
mod limit {
    use std::path::Path;

    /// How many more bytes the disk has for this user, and a file of this size may get; `None` if that is unknown.
    pub(super) fn left(file: &Path, size: u64) -> Option<u64> {
        let disk = rustix::fs::statvfs(file).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        // If the file itself would become too long, nothing is left.
        let limit = limit.map(|limit| if size > limit { 0 } else { u64::MAX });
        disk.into_iter().chain(limit).min()
    }
}

// Where the room is not known beforehand, the growth itself tells.
#[cfg(not(unix))]
mod limit {
    use std::path::Path;

    pub(super) fn left(_: &Path, _: u64) -> Option<u64> {
        None
    }
}

const SPARE_PAGES: u64 = 8;
