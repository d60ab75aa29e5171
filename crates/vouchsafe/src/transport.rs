//! How a provider is reached: one trait with one method, and the handle that every client shares.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};

use crate::endpoint::is_loopback;
use crate::error::{Check, ConfigProblem, Error, HttpErrorKind, Operation, TransportError};

mod address;
#[cfg(feature = "transport")]
mod built_in;
#[cfg(feature = "transport")]
mod connect;
#[cfg(feature = "transport")]
mod public_only;
mod retry;
mod runtime;
pub use address::is_public_address;
#[cfg(feature = "transport")]
pub use built_in::HttpBuilder;
pub(crate) use retry::retry_after;
pub use runtime::Runtime;
#[cfg(feature = "transport")]
pub use runtime::Tokio;

/// A request to a provider.
pub type Request = http::Request<Vec<u8>>;
/// A provider's response.
pub type Response = http::Response<Vec<u8>>;
/// A boxed future, as object-safe traits give them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What sends requests. Implement it to bring an HTTP client of your own.
///
/// # Security
/// An implementation must not follow redirects, must stop reading at [`Limits::body`] and must give up after
/// [`Limits::timeout`]. It must check certificates, and it should not ask for compressed responses. It must send a request
/// once, unless it only reads: the attempt spends a code. A client that wraps another one must pass on the extensions of the
/// request.
///
/// # What a request is for
/// Each request says which [`Operation`] it belongs to: `request.extensions().get::<Operation>()`. Traces and metrics can
/// name it.
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
    /// Sends one request and reads the whole response, within the limits.
    ///
    /// # Errors
    /// Says why no whole response came. A response of any status is a success here.
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// What one exchange with a provider may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The whole time, from connecting to the last byte of the body. A retry has the rest of the first request's time.
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
/// With the feature `transport` (on by default) `Http::new()` is ready to use. `Http::from` takes a client of your own.
#[derive(Clone)]
pub struct Http {
    client: Arc<dyn HttpClient>,
    runtime: Option<Arc<dyn Runtime>>,
    limits: Limits,
    retries: u32,
    user_agent: HeaderValue,
}

impl Http {
    /// The same client under a name of your own, as some providers ask for: `my-app/1.0 (by jane@example.com)`.
    ///
    /// # Errors
    /// [`Error::Config`] if the name holds characters that no header may hold.
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

    /// The same client with another limit on the size of a response, in bytes; 1 MiB unless it is set.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// The same client with another number of retries; 2 unless it is set. Beside these, the built-in transport sends a request
    /// that only reads once more if a kept connection turns out to be closed.
    ///
    /// Only requests that read are tried again: metadata, keys, and profiles by GET. They are tried again when the provider
    /// is too busy (status 429 or 503) or there was no connection, after the time in `Retry-After`, or after a short pause. If
    /// that time is longer than the limit of the request, the error comes at once, with [`Error::retry_after`]. A request that
    /// spends a code or a token is sent once.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The same client with the clock and the background of a runtime, for an [`HttpClient`] of your own: the built-in one
    /// has tokio's. Without a runtime, no request is tried again, and a fetch that all callers left stands still.
    ///
    /// ```no_run
    /// # fn f(client: impl vouchsafe::http::HttpClient + 'static) {
    /// # #[cfg(feature = "transport")]
    /// let http = vouchsafe::Http::from(client).runtime(vouchsafe::http::Tokio);
    /// # }
    /// ```
    #[must_use]
    pub fn runtime(mut self, runtime: impl Runtime + 'static) -> Self {
        self.runtime = Some(Arc::new(runtime));
        self
    }

    /// The same handle with a client of your own around the one below: to log, to record, to count. Limits, retries and the
    /// runtime stay.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use vouchsafe::Http;
    /// use vouchsafe::error::Operation;
    /// use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
    ///
    /// struct Told(Arc<dyn HttpClient>);
    ///
    /// impl HttpClient for Told {
    ///     fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
    ///         println!("{:?}", request.extensions().get::<Operation>());
    ///         self.0.send(request, limits)
    ///     }
    /// }
    ///
    /// # #[cfg(feature = "transport")]
    /// let http = Http::new()?.wrap(Told);
    /// # Ok::<(), vouchsafe::Error>(())
    /// ```
    #[must_use]
    pub fn wrap<C: HttpClient + 'static>(mut self, client: impl FnOnce(Arc<dyn HttpClient>) -> C) -> Self {
        self.client = Arc::new(client(self.client));
        self
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

    /// A future that ends after that time, where there is a clock.
    pub(crate) fn wait(&self, time: Duration) -> Option<BoxFuture<'static, ()>> {
        Some(self.runtime.as_ref()?.sleep(time))
    }

    pub(crate) fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        match &self.runtime {
            Some(runtime) => runtime.spawn(task),
            None => Err(task),
        }
    }

    /// Sends a request of that operation. Redirects are refused for every client.
    pub(crate) async fn send(&self, operation: Operation, mut request: Request) -> Result<Response, Error> {
        let uri = request.uri().clone();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => uri.host().is_some_and(is_loopback),
            _ => false,
        };
        if !secure {
            let detail =
                format!("{} is neither https nor http on a loopback host: use an https URL", origin(&uri));
            return Err(Error::validation(operation, Check::InsecureUrl, detail));
        }
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        // RFC 9110 §12.5.3: without this, a server may choose a coding.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        request.extensions_mut().insert(operation);

        let failed = |error| Error::http(operation, origin(&uri), error);
        let response = self.respond(request).await.map_err(failed)?;
        if response.body().len() > self.limits.body {
            return Err(failed(TransportError::new(HttpErrorKind::BodyTooLarge)));
        }
        // RFC 9700 §4.12: a redirect could carry code or credentials to another server.
        if response.status().is_redirection() {
            let advice = match operation {
                Operation::Discovery => {
                    "check the issuer, since servers often redirect unknown paths to a login page"
                }
                _ => "configure the final URL, if it is the provider's",
            };
            let detail = format!("{} redirects, and redirects are not followed: {advice}", origin(&uri));
            return Err(Error::validation(operation, Check::RedirectRefused, detail));
        }
        Ok(response)
    }

    /// The response to a request: the last one, if it is tried again.
    async fn respond(&self, request: Request) -> Result<Response, TransportError> {
        let mut left = self.limits.timeout;
        let spare = retry::is_repeatable(&request).then(|| request.clone());
        let mut sent = self.client.send(request, self.limits);
        let mut tried = 0;
        loop {
            let (mut outcome, took) = timed(sent).await;
            if let Ok(response) = &mut outcome {
                retry::note(response, SystemTime::now());
            }
            left = left.saturating_sub(took);
            let Some(again) = spare.as_ref().filter(|_| tried < self.retries) else { return outcome };
            let pause = retry::pause(&outcome, tried, random).filter(|pause| *pause < left);
            let Some((pause, wait)) = pause.and_then(|pause| Some((pause, self.wait(pause)?))) else {
                return outcome;
            };
            let ((), took) = timed(wait).await;
            left = left.saturating_sub(took.max(pause));
            if left.is_zero() {
                return outcome;
            }
            sent = self.client.send(again.clone(), Limits { timeout: left, ..self.limits });
            tried += 1;
        }
    }
}

impl<C: HttpClient + 'static> From<C> for Http {
    fn from(client: C) -> Self {
        Self {
            client: Arc::new(client),
            runtime: None,
            limits: Limits::default(),
            retries: RETRIES,
            user_agent: AGENT,
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The outcome of a future, and how long it took.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let outcome = future.await;
    (outcome, began.elapsed())
}

/// A number between 0 and 1. No secret depends on it: without a random number generator it is 1.
fn random() -> f64 {
    let mut bytes = [0xff; 4];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

/// The scheme and the host of a request, which may be shown.
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
    async fn nothing_is_sent_in_the_clear() {
        for uri in ["http://a.example/token", "ftp://localhost/token", "http://localhost.example/", "/token"]
        {
            let request = http::Request::post(uri).body(Vec::new()).unwrap();
            let error = Http::from(Idle).send(Operation::Refresh, request).await.unwrap_err();
            assert_eq!(error.code(), "insecure_url", "{uri}");
        }
    }
}
