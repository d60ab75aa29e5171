//! Parts that several stores have in common.
#[cfg(any(feature = "postgres", feature = "redis"))]
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use vouchsafe::error::{StoreError, StoreErrorKind};
#[cfg(any(feature = "postgres", feature = "redis"))]
use vouchsafe::vault::{Change, Save};

/// How long a store that is locked or silent is waited for: at least five seconds, at most ten.
pub(crate) const PATIENCE: Duration = Duration::from_secs(7);
/// The longest time of one call, for calls that wait for others of the same process first.
pub(crate) const LONGEST: Duration = Duration::from_millis(9500);

/// Waits for a call to the store, but not for ever.
pub(crate) async fn within<T, E: Into<StoreError>>(
    kind: StoreErrorKind,
    store: &impl fmt::Display,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(LONGEST, call).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => {
            let time = LONGEST.as_secs_f32();
            Err(StoreError::new(
                kind,
                format!(
                    "{store} did not respond within {time} s: check that it is running, and try again later"
                ),
            ))
        }
    }
}

/// The keys that a list asks for.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) struct Range<'a> {
    /// How a key has to compare to `from`.
    pub(crate) operator: &'static str,
    pub(crate) from: &'a str,
    /// The first key beyond.
    pub(crate) end: Option<String>,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl<'a> Range<'a> {
    pub(crate) fn new(prefix: &'a str, after: Option<&'a str>) -> Self {
        let (operator, from) = match after.filter(|after| *after >= prefix) {
            Some(after) => (">", after),
            None => (">=", prefix),
        };
        Self { operator, from, end: after_all(prefix) }
    }
}

/// The first text after all those that begin with the prefix, in the order of the bytes.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn after_all(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // A range of characters leaves out the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// Changes that are made at once: a save, or deletes of different keys.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) enum Part<'a> {
    Save(Save<'a>),
    Deletes(Vec<(&'a str, Option<u64>)>),
}

/// The parts of changes, in their order.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) fn parts(changes: Vec<Change<'_>>) -> Vec<Part<'_>> {
    let (mut parts, mut keys) = (Vec::new(), BTreeSet::new());
    for change in changes {
        match (change, parts.last_mut()) {
            (Change::Save(save), _) => parts.push(Part::Save(save)),
            (Change::Delete { key, version }, Some(Part::Deletes(deletes)))
                if deletes.len() < MOST && !keys.contains(key) =>
            {
                keys.insert(key);
                deletes.push((key, version));
            }
            (Change::Delete { key, version }, _) => {
                keys = BTreeSet::from([key]);
                parts.push(Part::Deletes(vec![(key, version)]));
            }
        }
    }
    parts
}

/// How many records one request names.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
pub(crate) const MOST: usize = 500;

/// Databases count in signed numbers.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that a database gave.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres")))]
mod tests {
    use super::after_all;

    #[test]
    fn the_first_text_after_a_prefix_is_greater_than_all_that_begin_with_it() {
        assert_eq!(after_all("user/").as_deref(), Some("user0"));
        assert_eq!(after_all("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(after_all("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_all("\u{10FFFF}"), None);
        assert_eq!(after_all(""), None);
    }
}

/// Makes a [`TokenStore`](vouchsafe::vault::TokenStore) of a store whose own methods have the same names.
macro_rules! token_store {
    ($store:ty) => {
        const _: () = {
            use vouchsafe::http::BoxFuture;
            use vouchsafe::vault::TokenStore;

            impl TokenStore for $store {
                fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
                    Box::pin(self.load(key))
                }

                fn load_all<'a>(
                    &'a self,
                    keys: Vec<&'a str>,
                ) -> BoxFuture<'a, Result<Vec<Option<Record>>, StoreError>> {
                    Box::pin(self.load_all(keys))
                }

                fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
                    Box::pin(self.save(save))
                }

                fn delete<'a>(
                    &'a self,
                    key: &'a str,
                    version: Option<u64>,
                ) -> BoxFuture<'a, Result<bool, StoreError>> {
                    Box::pin(self.delete(key, version))
                }

                fn change<'a>(
                    &'a self,
                    changes: Vec<Change<'a>>,
                ) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
                    Box::pin(self.change(changes))
                }

                fn list<'a>(
                    &'a self,
                    prefix: &'a str,
                    after: Option<&'a str>,
                    limit: usize,
                ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
                    Box::pin(self.list(prefix, after, limit))
                }

                fn lease<'a>(
                    &'a self,
                    key: &'a str,
                    ask: LeaseRequest,
                ) -> BoxFuture<'a, Result<Lease, StoreError>> {
                    Box::pin(self.lease(key, ask))
                }

                fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
                    Box::pin(self.release(key, fence))
                }
            }
        };
    };
}

pub(crate) use token_store;
