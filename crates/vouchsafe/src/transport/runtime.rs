//! The part of an asynchronous runtime that the library needs: a timer and background tasks.
use std::time::Duration;

use super::BoxFuture;

/// The timer and the background tasks of an asynchronous runtime.
///
/// [`Http::new`](crate::Http::new) uses tokio. For your own [`HttpClient`](crate::http::HttpClient), set the runtime with
/// [`Http::runtime`](crate::Http::runtime).
pub trait Runtime: Send + Sync {
    /// A future that ends after that time. Without it, no request is sent again.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Runs a task in the background until it ends. Metadata and keys are fetched once for all callers that wait. In the
    /// background, the fetch continues when a caller stops waiting. Without it, the fetch stops until the next caller comes.
    ///
    /// # Errors
    /// The task itself, if the runtime cannot run it.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>>;
}

/// The tokio runtime, which the built-in transport uses.
#[cfg(feature = "transport")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

#[cfg(feature = "transport")]
impl Runtime for Tokio {
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Err(task);
        };
        drop(runtime.spawn(task));
        Ok(())
    }
}
