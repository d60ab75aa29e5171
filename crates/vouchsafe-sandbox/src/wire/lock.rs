//! Locks, as the sandbox takes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Each change of a value is one step here, so a panic elsewhere leaves nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
