//! Work that is done once for all who ask while it is under way.
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::transport::BoxFuture;

/// The outcome of the work, for one of those who wait. Dropping it harms none of the others.
pub(super) type Outcome<T> = Shared<BoxFuture<'static, T>>;

/// At most one piece of work at a time.
pub(super) struct Flight<T> {
    current: Arc<Mutex<Option<Outcome<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    pub(super) fn new() -> Self {
        Self { current: Arc::default() }
    }

    /// The outcome of the work under way, or of new work. Returns whether it is new: then somebody has to drive it even if
    /// all who wait go away. If the work panics, the outcome is `panicked`.
    pub(super) fn join(
        &self,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
        panicked: impl FnOnce() -> T + Send + 'static,
    ) -> (Outcome<T>, bool) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = &*current {
            return (outcome.clone(), false);
        }
        // The work must not own the place in which it is kept.
        let place = Arc::downgrade(&self.current);
        let work = AssertUnwindSafe(begin()).catch_unwind();
        let work = async move {
            let outcome = work.await.unwrap_or_else(|_| panicked());
            let finished =
                place.upgrade().map(|place| place.lock().unwrap_or_else(PoisonError::into_inner).take());
            // Dropped after the lock is released.
            drop(finished);
            outcome
        };
        let outcome = work.boxed().shared();
        *current = Some(outcome.clone());
        (outcome, true)
    }
}
