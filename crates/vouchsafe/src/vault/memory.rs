//! A store in the memory of this process.
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::store::{Expected, Lease, LeaseRequest, Record, Save, Saved, TokenStore};
use crate::error::StoreError;
use crate::transport::BoxFuture;

/// A [`TokenStore`] in the memory of this process. It ends with the process, and other processes do not see it.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<String, Held>,
    /// The last version or fencing number.
    counter: u64,
}

struct Held {
    record: Record,
    lease: Option<(u64, Instant, Duration)>,
}

impl State {
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn save(&mut self, save: &Save<'_>) -> Saved {
        let held = self.records.get(save.key);
        let is_expected = match save.expected {
            Expected::Any => true,
            Expected::Absent => held.is_none(),
            Expected::Version(version) => held.is_some_and(|held| held.record.version == version),
        };
        let lease = held.and_then(|held| held.lease);
        let holds = save.fence.is_none_or(|fence| lease.is_some_and(|(current, ..)| current == fence));
        if !(is_expected && holds) {
            return Saved::Conflict;
        }
        let version = self.next();
        let lease = lease.filter(|_| save.fence.is_some() && save.room > 0);
        let record = Record::new(version, save.data);
        self.records.insert(save.key.to_owned(), Held { record, lease });
        Saved::Version(version)
    }

    fn lease(&mut self, key: &str, ask: LeaseRequest) -> Lease {
        let Self { records, counter } = self;
        let Some(held) = records.get_mut(key) else { return Lease::Absent };
        match held.lease {
            Some((fence, since, duration)) if since.elapsed() < duration && ask.seen_out != Some(fence) => {
                Lease::Busy { fence }
            }
            _ => {
                *counter += 1;
                held.lease = Some((*counter, Instant::now(), ask.duration));
                Lease::Granted { fence: *counter, record: held.record.clone() }
            }
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code of others runs under the lock, so the state is always whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

crate::secret::opaque!(MemoryStore);

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move { Ok(self.state().records.get(key).map(|held| held.record.clone())) })
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        Box::pin(async move { Ok(self.state().save(&save)) })
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let records = &mut self.state().records;
            let found = records.get(key).map(|held| held.record.version);
            let deletes = found.is_some_and(|found| version.is_none_or(|version| version == found));
            if deletes {
                records.remove(key);
            }
            Ok(deletes)
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        Box::pin(async move {
            let begin = match after.filter(|after| *after >= prefix) {
                Some(after) => Bound::Excluded(after),
                None => Bound::Included(prefix),
            };
            let state = self.state();
            let records = state.records.range::<str, _>((begin, Bound::Unbounded));
            let records = records.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
            Ok(records.map(|(key, held)| (key.clone(), held.record.clone())).collect())
        })
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(async move { Ok(self.state().lease(key, ask)) })
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if let Some(held) = self.state().records.get_mut(key) {
                held.lease.take_if(|(current, ..)| *current == fence);
            }
            Ok(())
        })
    }
}
