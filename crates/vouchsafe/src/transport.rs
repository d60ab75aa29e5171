//! How a provider is reached: one trait with one method, and the handle that every client shares.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{HeaderValue, USER_AGENT};

use crate::endpoint::is_loopback;
use crate::error::{Check, ConfigProblem, Error, HttpErrorKind, Operation, TransportError};

mod address;
#[cfg(feature = "reqwest")]
mod public_only;
#[cfg(feature = "reqwest")]
mod reqwest;
mod retry;
pub use address::is_public_address;
#[cfg(feature = "reqwest")]
pub use reqwest::HttpBuilder;
pub(crate) use retry::retry_after;

/// A request to a provider.
pub type Request = http::Request<Vec<u8>>;
/// A provider's answer.
pub type Response = http::Response<Vec<u8>>;
/// A boxed future, as object-safe traits give them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What sends requests. Implement it to bring an HTTP client of your own.
///
/// # Security
/// An implementation must not follow redirects, must stop reading at [`Limits::body`] and must give up after
/// [`Limits::timeout`]. It must check certificates, and it should not ask for compressed answers. It must send a request
/// once: a code is spent by the attempt, and which requests may be sent again is known here. A client that wraps another
/// hands the request on with its extensions.
///
/// ```
/// use vouchsafe::Http;
/// use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
///
/// struct Canned;
///
/// impl HttpClient for Canned {
///     fn send(&self, _: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
///         Box::pin(async { Ok(Response::new(b"{}".to_vec())) })
///     }
/// }
///
/// let http = Http::from(Canned);
/// ```
pub trait HttpClient: Send + Sync {
    /// Sends one request and reads the whole answer, within the limits.
    ///
    /// # Errors
    /// Says why no whole answer came. A status of any kind is an answer.
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>>;

    /// A future that ends after that time; a library without a runtime has no clock that wakes it. Where there is none,
    /// as unless you write this, no request is tried again. A client that wraps another hands this on as well.
    fn wait(&self, time: Duration) -> Option<BoxFuture<'_, ()>> {
        let _ = time;
        None
    }

    /// Runs a task to its end in the background; gives it back where there is none, as unless you write this. Metadata and
    /// keys are fetched once for all who wait: in the background that goes on whoever hangs up, without one it stands
    /// still until the next caller comes. A client that wraps another hands this on as well.
    ///
    /// # Errors
    /// The task, where nothing can run it.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        Err(task)
    }
}

/// What one exchange with a provider may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The whole time, from connecting to the last byte of the body; of a retry, what is left of it.
    pub timeout: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: TIMEOUT, body: MAX_BODY }
    }
}

/// How providers are reached: a cheap handle on one [`HttpClient`], shared by all clients.
///
/// With the feature `reqwest` (on by default) `Http::new()` is ready to use. `Http::from` takes a client of your own.
#[derive(Clone)]
pub struct Http {
    client: Arc<dyn HttpClient>,
    limits: Limits,
    retries: u32,
    user_agent: HeaderValue,
}

impl Http {
    /// The same client under a name of your own, as some providers ask for: `my-app/1.0 (by jane@example.com)`.
    ///
    /// # Errors
    /// [`Error::Config`] if the name holds what no header may hold.
    pub fn user_agent(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let invalid = |_| {
            Error::config(
                ConfigProblem::UserAgent,
                "the user agent's name holds characters that no header may hold",
            )
        };
        self.user_agent = HeaderValue::try_from(name.into()).map_err(invalid)?;
        Ok(self)
    }

    /// The same client with another limit on the time of one exchange, retries included; 30 seconds unless it is set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// The same client with another limit on the size of an answer, in bytes; 1 MiB unless it is set.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// The same client with another number of retries; 2 unless it is set.
    ///
    /// What only reads (metadata, keys, profiles asked for by GET) is tried again where the provider is too busy (status
    /// 429 or 503) or there was no connection: after the time that it asks for (`Retry-After`), else after a moment. Where
    /// that is beyond the time of the exchange the error comes at once, with [`Error::retry_after`]. What spends a code
    /// or a token is sent once, whatever comes of it.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The client below, to be wrapped in one of your own: to log, to record, to count.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use vouchsafe::Http;
    /// use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
    ///
    /// struct Counted(Arc<dyn HttpClient>);
    ///
    /// impl HttpClient for Counted {
    ///     fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
    ///         // Count here.
    ///         self.0.send(request, limits)
    ///     }
    ///
    ///     fn wait(&self, time: Duration) -> Option<BoxFuture<'_, ()>> {
    ///         self.0.wait(time)
    ///     }
    ///
    ///     fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
    ///         self.0.spawn(task)
    ///     }
    /// }
    ///
    /// # #[cfg(feature = "reqwest")]
    /// let http = Http::from(Counted(Http::new()?.transport()));
    /// # Ok::<(), vouchsafe::Error>(())
    /// ```
    pub fn transport(&self) -> Arc<dyn HttpClient> {
        self.client.clone()
    }

    /// The same client with no more time for an exchange than that.
    pub(crate) fn within(mut self, left: Duration) -> Self {
        self.limits.timeout = self.limits.timeout.min(left);
        self
    }

    /// The time of one exchange.
    pub(crate) fn time_limit(&self) -> Duration {
        self.limits.timeout
    }

    pub(crate) fn wait(&self, time: Duration) -> Option<BoxFuture<'_, ()>> {
        self.client.wait(time)
    }

    pub(crate) fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        self.client.spawn(task)
    }

    /// Sends a request of that operation. Redirects are refused, whatever the client thinks of them.
    pub(crate) async fn send(&self, operation: Operation, mut request: Request) -> Result<Response, Error> {
        let uri = request.uri();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => uri.host().is_some_and(is_loopback),
            _ => false,
        };
        let origin = origin(uri);
        if !secure {
            let detail = format!("{origin} is neither https nor http on a loopback host");
            return Err(Error::validation(operation, Check::InsecureUrl, detail));
        }
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());

        let response = match self.answer(operation, request).await {
            Ok(response) => response,
            Err(error) => return Err(Error::http(operation, origin, error)),
        };
        if response.body().len() > self.limits.body {
            let error = TransportError::new(HttpErrorKind::BodyTooLarge);
            return Err(Error::http(operation, origin, error));
        }
        // RFC 9700 §4.12: a redirect could carry code or credentials to another server.
        if response.status().is_redirection() {
            let detail = format!("{origin} redirects, and redirects are not followed here");
            return Err(Error::validation(operation, Check::RedirectRefused, detail));
        }
        Ok(response)
    }

    /// The answer to a request: the last one, where it is tried again.
    async fn answer(&self, operation: Operation, mut request: Request) -> Result<Response, TransportError> {
        let repeatable = retry::is_repeatable(operation, &request);
        if repeatable {
            retry::note_repeatable(&mut request);
        }
        let tries = if repeatable { self.retries } else { 0 };
        let mut left = self.limits.timeout;
        for tried in 0..tries {
            let limits = Limits { timeout: left, ..self.limits };
            let (outcome, took) = timed(self.send_once(request.clone(), limits)).await;
            left = left.saturating_sub(took);
            let pause = retry::pause(&outcome, tried, random).filter(|pause| *pause < left);
            let Some((pause, wait)) = pause.and_then(|pause| Some((pause, self.client.wait(pause)?))) else {
                return outcome;
            };
            let ((), took) = timed(wait).await;
            left = left.saturating_sub(took.max(pause));
            if left.is_zero() {
                return outcome;
            }
        }
        let limits = Limits { timeout: left, ..self.limits };
        self.send_once(request, limits).await
    }

    async fn send_once(&self, request: Request, limits: Limits) -> Result<Response, TransportError> {
        let mut response = self.client.send(request, limits).await?;
        retry::note(&mut response, SystemTime::now());
        Ok(response)
    }
}

impl<C: HttpClient + 'static> From<C> for Http {
    fn from(client: C) -> Self {
        Self { client: Arc::new(client), limits: Limits::default(), retries: RETRIES, user_agent: AGENT }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a future comes to, and how long it took.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let outcome = future.await;
    (outcome, began.elapsed())
}

/// A number between 0 and 1. Nothing secret hangs on it: without a random number generator it is 1.
fn random() -> f64 {
    let mut bytes = [0xff; 4];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

/// Where a request goes, without the path: what may be shown.
pub(crate) fn origin(uri: &http::Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or("?"), uri.authority().map_or("?", |a| a.as_str()))
}

/// Slow providers exist; a person does not wait longer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest honest documents are some tens of KiB.
const MAX_BODY: usize = 1024 * 1024;
/// How often a request is tried again: a provider in trouble is not helped by more.
const RETRIES: u32 = 2;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("vouchsafe/", env!("CARGO_PKG_VERSION")));

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;

    impl HttpClient for Idle {
        fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
            panic!("{} was asked", request.uri())
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_in_the_clear_whoever_asks_for_it() {
        for uri in ["http://a.example/token", "ftp://localhost/token", "http://localhost.example/", "/token"]
        {
            let request = http::Request::post(uri).body(Vec::new()).unwrap();
            let error = Http::from(Idle).send(Operation::Refresh, request).await.unwrap_err();
            assert_eq!(error.code(), "insecure_url", "{uri}");
        }
    }
}
