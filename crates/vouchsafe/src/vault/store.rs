//! The place where records are kept between requests, processes and machines.
use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::secret::{Secret, opaque};
use crate::transport::BoxFuture;

/// Keeps records, such as the tokens of a login, under keys. Implement it to use a store of your own, and check your
/// store with [`contract::check`](super::contract::check).
///
/// A store has one counter that only grows. Each version of a record and each fencing number of a lease is the next number of
/// this counter. So a record that was deleted and made again never has an old version.
///
/// Each method is one atomic step, seen by all processes that use the store. A method that returns an error may still have
/// changed the record.
///
/// # Keys
/// A key is printable ASCII text. No key of a [`Vault`](super::Vault) begins with `~`, and a vault does not touch records whose keys
/// do. `vouchsafe-web` keeps sessions and accounts under such keys.
///
/// # Leases
/// A lease is the right to refresh the tokens of one record. Each key has one lease at most. A holder that stops, or that loses
/// its connection, does not end its lease. When the time of the lease is over, another process takes over. Each lease has a
/// higher fencing number than all earlier ones: a [`Save`] with the number of a lease that is over changes nothing.
///
/// # Security
/// A store sees sealed text only, unless the application chose otherwise ([`Vault::danger_plain_text`](super::Vault::danger_plain_text)).
pub trait TokenStore: Send + Sync {
    /// The record under this key.
    ///
    /// # Errors
    /// The store cannot be read.
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>>;

    /// The records under several keys, in the order of the keys. Each is loaded on its own. A store that pays for each request
    /// overrides this, to ask once.
    ///
    /// # Errors
    /// The store cannot be read.
    fn load_all<'a>(&'a self, keys: Vec<&'a str>) -> BoxFuture<'a, Result<Vec<Option<Record>>, StoreError>> {
        Box::pin(async move {
            let mut records = Vec::with_capacity(keys.len());
            for key in keys {
                records.push(self.load(key).await?);
            }
            Ok(records)
        })
    }

    /// Writes a record, if the key is in the expected state.
    ///
    /// # Errors
    /// The store cannot be written.
    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>>;

    /// Deletes the record under this key, and its lease. With a version, only if the record has this version. Returns
    /// whether a record was deleted.
    ///
    /// # Errors
    /// The store cannot be written.
    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Makes several changes, one after the other, and returns for each whether it was made. Each is atomic on its own, and a change
    /// that is not made keeps none of the others back. A store that waits for a disk or a server with each change overrides this, to wait less.
    ///
    /// # Errors
    /// The store cannot be written. Some of the changes may have been made: the first ones, in their order.
    fn change<'a>(&'a self, changes: Vec<Change<'a>>) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        Box::pin(async move {
            let mut made = Vec::with_capacity(changes.len());
            for change in changes {
                made.push(match change {
                    Change::Save(save) => self.save(save).await? != Saved::Conflict,
                    Change::Delete { key, version } => self.delete(key, version).await?,
                });
            }
            Ok(made)
        })
    }

    /// The records whose keys begin with the prefix and come after `after`, in the order of the bytes of their keys; at most
    /// `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>>;

    /// Asks for the lease of this key.
    ///
    /// # Errors
    /// The store cannot be written.
    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>>;

    /// Ends the lease with this fencing number. A lease that is over already is not an error.
    ///
    /// # Errors
    /// The store cannot be written.
    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>>;
}

impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        (**self).load(key)
    }

    fn load_all<'a>(&'a self, keys: Vec<&'a str>) -> BoxFuture<'a, Result<Vec<Option<Record>>, StoreError>> {
        (**self).load_all(keys)
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        (**self).save(save)
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        (**self).delete(key, version)
    }

    fn change<'a>(&'a self, changes: Vec<Change<'a>>) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        (**self).change(changes)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        (**self).list(prefix, after, limit)
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        (**self).lease(key, ask)
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        (**self).release(key, fence)
    }
}

/// A stored record.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Its version. Each save gives it another one.
    pub version: u64,
    /// What was saved.
    pub data: Secret,
}

impl Record {
    /// A record, for an implementation of [`TokenStore`].
    pub fn new(version: u64, data: impl Into<Secret>) -> Self {
        Self { version, data: data.into() }
    }
}

/// A record to be written.
#[derive(Clone)]
#[non_exhaustive]
pub struct Save<'a> {
    /// Its key.
    pub key: &'a str,
    /// What to save.
    pub data: &'a str,
    /// The state in which the key has to be. In any other state, nothing is written.
    pub expected: Expected,
    /// The fencing number of the lease that the writer holds. If it is not the number of the key's current lease, nothing is
    /// written. Without a number, the save ends any lease of the key.
    pub fence: Option<u64>,
    /// The number of bytes, for a save that begins a refresh: the next save under the same lease, of so many bytes at most,
    /// must not fail for lack of space. The lease stays. With 0, the save ends the lease.
    pub room: usize,
}

impl<'a> Save<'a> {
    /// A save without a lease.
    pub fn new(key: &'a str, data: &'a str, expected: Expected) -> Self {
        Self { key, data, expected, fence: None, room: 0 }
    }

    /// The same save under the lease with this fencing number. With `room`, the lease stays: see [`Save::room`].
    #[must_use]
    pub fn under_lease(self, fence: u64, room: usize) -> Self {
        Self { fence: Some(fence), room, ..self }
    }
}

opaque!(Save<'_>);

/// The state in which a key has to be for a save.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// There is no record.
    Absent,
    /// The record has this version.
    Version(u64),
    /// Any state: the save replaces what is there.
    Any,
}

/// The outcome of a save.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Saved {
    /// The record is written, and this is its version.
    Version(u64),
    /// The key was in another state, or the lease is over. Nothing is written.
    Conflict,
}

/// One of several changes.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// As [`TokenStore::save`].
    Save(Save<'a>),
    /// As [`TokenStore::delete`].
    Delete {
        /// The key of the record.
        key: &'a str,
        /// The version that the record must have, if it matters.
        version: Option<u64>,
    },
}

/// A request for a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// How long the lease lasts by the clock of a store that has one. Such a store gives the lease to the next process after that
    /// time.
    pub duration: Duration,
    /// The fencing number of a lease that the caller has seen unchanged for its whole duration, by its own clock. A store
    /// without a clock ends this lease, if it is still the current one. Clocks of different machines are never compared.
    pub seen_out: Option<u64>,
}

impl LeaseRequest {
    /// A request for a lease that lasts this long.
    pub fn new(duration: Duration) -> Self {
        Self { duration, seen_out: None }
    }

    /// The same request by a caller that has seen the lease with this fencing number for its whole duration.
    #[must_use]
    pub fn seen_out(self, fence: Option<u64>) -> Self {
        Self { seen_out: fence, ..self }
    }
}

/// The response to a request for a lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lease {
    /// The caller holds the lease. The record is that of the same moment.
    Granted {
        /// The fencing number.
        fence: u64,
        /// The record.
        record: Record,
    },
    /// Another caller holds the lease.
    Busy {
        /// The fencing number of that lease.
        fence: u64,
    },
    /// There is no record under this key.
    Absent,
}
