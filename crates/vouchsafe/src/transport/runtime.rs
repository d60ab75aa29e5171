//! The clock and the background that a runtime has, beside the trait that sends.
use std::time::Duration;

use super::BoxFuture;

/// The clock and the background of an asynchronous runtime.
///
/// A library without a runtime has neither. [`Http::new`](crate::Http::new) brings tokio's; an
/// [`HttpClient`](crate::http::HttpClient) of your own gets one by [`Http::runtime`](crate::Http::runtime).
pub trait Runtime: Send + Sync {
    /// A future that ends after that time. Without a clock, no request is tried again.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Runs a task to its end in the background. Metadata and keys are fetched once for all callers that wait: in the
    /// background the fetch goes on when a caller hangs up. Without a background it stands still until the next caller.
    ///
    /// # Errors
    /// The task, where nothing can run it.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>>;
}

/// The runtime of tokio, as the built-in transport has it.
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
