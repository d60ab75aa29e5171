//! The transport to providers: one trait with one method, and the handle that all clients share.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use crate::endpoint::PlainHosts;
use crate::error::{Check, ConfigProblem, Error, HttpErrorKind, Operation, TransportError};
use crate::text::json;

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
/// The boxed future that [`HttpClient::send`] returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends requests. Implement this trait to use your own HTTP client.
///
/// # Security
/// An implementation must not follow redirects, must stop reading at [`Limits::body`] and must give up after
/// [`Limits::timeout`]. It must check certificates, and it should not ask for compressed responses. It must send each request
/// only once, unless the request only reads: even a failed attempt can spend a code. If it wraps another client, it must pass
/// on the extensions of the request.
///
/// # What a request is for
/// `request.extensions().get::<Operation>()` is the [`Operation`] that a request belongs to, for traces and metrics.
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
    /// No complete response came. A response with any status, even an error status, is `Ok`.
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// The limits of one request and its response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The time from connecting to the last byte of the body. Retries share the time of the first request.
    pub timeout: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: TIMEOUT, body: MAX_BODY }
    }
}

/// The transport to all providers: a handle to one [`HttpClient`] that all clients share. Cheap to clone.
///
/// With the feature `transport` (on by default), `Http::new()` is ready to use. `Http::from` takes your own client.
#[derive(Clone)]
pub struct Http {
    client: Arc<dyn HttpClient>,
    runtime: Option<Arc<dyn Runtime>>,
    limits: Limits,
    retries: u32,
    user_agent: HeaderValue,
    pub(crate) plain: PlainHosts,
    public_only: bool,
}

impl Http {
    /// Sets the `User-Agent` header. Some providers ask for a name such as `my-app/1.0 (by jane@example.com)`.
    ///
    /// # Errors
    /// [`Error::Config`] if the name contains characters that a header cannot contain.
    pub fn user_agent(mut self, name: impl Into<String>) -> Result<Self, Error> {
        let detail = "the user agent contains characters that a header cannot contain: use visible ASCII characters and spaces";
        self.user_agent = HeaderValue::try_from(name.into())
            .map_err(|_| Error::config(ConfigProblem::UserAgent, detail))?;
        Ok(self)
    }

    /// Allows `http://` URLs of this host, given by its name without a port. By default, `http` is allowed for loopback hosts
    /// only.
    ///
    /// # Security
    /// Everybody between this program and the host can read codes, tokens and the client secret, and can change responses, and
    /// so sign in as any user. Allow it only within a network of your own, such as that of containers on one machine. The
    /// tokens of each token request over `http` have a [warning](crate::Tokens::warnings) that says so.
    ///
    /// ```no_run
    /// # #[cfg(feature = "transport")]
    /// # fn f() -> Result<(), vouchsafe::Error> {
    /// let http = vouchsafe::Http::new()?.danger_allow_http("keycloak");
    /// let provider = vouchsafe::Provider::openid("http://keycloak:8080/realms/main");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn danger_allow_http(mut self, host: impl Into<String>) -> Self {
        self.plain.add(host.into());
        self
    }

    /// Sets the time limit of one request and its response, retries included. The default is 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// Sets the size limit of a response body, in bytes. The default is 1 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// Sets the number of retries. The default is 2.
    ///
    /// Only requests that read are sent again: for metadata, for keys, and for profiles by GET. They are sent again if the
    /// provider is too busy (status 429 or 503) or if no connection could be made. The pause before a retry is short, or the time in
    /// `Retry-After`. If that time is longer than the time limit, the call fails at once, with [`Error::retry_after`]. A request
    /// that spends a code or a token is sent once.
    ///
    /// The built-in transport also sends a request that only reads once more if the server has closed a kept connection.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the asynchronous runtime. Your own [`HttpClient`] needs it for retries and for fetches in the background; the
    /// built-in transport uses tokio. Without a runtime, no request is sent again, and a fetch stops when its callers stop waiting.
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

    /// Wraps the client in your own, for example to log or to count requests. Limits, retries and the runtime stay.
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

    /// The same client with at most that much time for a request.
    pub(crate) fn within(mut self, left: Duration) -> Self {
        self.limits.timeout = self.limits.timeout.min(left);
        self
    }

    /// The same client, which is known to refuse private addresses or not.
    #[cfg(feature = "transport")]
    pub(crate) fn public_only(mut self, yes: bool) -> Self {
        self.public_only = yes;
        self
    }

    /// Whether it refuses private addresses.
    pub(crate) fn is_public_only(&self) -> bool {
        self.public_only
    }

    /// The time limit of one request.
    pub(crate) fn time_limit(&self) -> Duration {
        self.limits.timeout
    }

    /// Whether there is a runtime, which has a clock and a background.
    pub(crate) fn has_runtime(&self) -> bool {
        self.runtime.is_some()
    }

    /// A future that ends after that time; `None` without a runtime.
    pub(crate) fn wait(&self, time: Duration) -> Option<BoxFuture<'static, ()>> {
        Some(self.runtime.as_ref()?.sleep(time))
    }

    pub(crate) fn background(&self) -> Option<Arc<dyn Runtime>> {
        self.runtime.clone()
    }

    pub(crate) fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        match &self.runtime {
            Some(runtime) => runtime.spawn(task),
            None => Err(task),
        }
    }

    /// Sends a request that belongs to this operation. Redirects are refused, whatever the client does.
    pub(crate) async fn send(&self, operation: Operation, mut request: Request) -> Result<Response, Error> {
        let uri = request.uri().clone();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => uri.host().is_some_and(|host| self.plain.allow(host)),
            _ => false,
        };
        if !secure {
            let detail = format!(
                "{} must be https, or http at a loopback host or a host that Http::danger_allow_http names: use an https URL",
                origin(&uri)
            );
            return Err(Error::validation(operation, Check::InsecureUrl, detail));
        }
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        // RFC 9110 §12.5.3: without this, a server may choose a coding.
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        request.extensions_mut().insert(operation);

        let failed = |error| Error::http(operation, origin(&uri), error);
        let response = if retry::is_repeatable(&request) {
            // On the heap: it would make each token request larger.
            Box::pin(self.repeatedly(request)).await
        } else {
            self.client.send(request, self.limits).await
        };
        let response = response.map_err(failed)?;
        if response.body().len() > self.limits.body {
            return Err(failed(TransportError::new(HttpErrorKind::BodyTooLarge)));
        }
        // RFC 9700 §4.12: a redirect could carry code or credentials to another server.
        if response.status().is_redirection() {
            let advice = match operation {
                Operation::Discovery => {
                    "check the issuer, since servers often redirect unknown paths to a login page"
                }
                _ => "a URL that you configure has to be the final one",
            };
            let detail = format!("{} redirects, and redirects are not followed: {advice}", origin(&uri));
            return Err(Error::validation(operation, Check::RedirectRefused, detail));
        }
        Ok(response)
    }

    /// The last response to a request that can be sent again.
    async fn repeatedly(&self, request: Request) -> Result<Response, TransportError> {
        let (mut left, again) = (self.limits.timeout, request.clone());
        let mut sent = self.client.send(request, self.limits);
        let mut tried = 0;
        loop {
            let (outcome, took) = timed(sent).await;
            left = left.saturating_sub(took);
            if tried == self.retries {
                return outcome;
            }
            let pause =
                retry::pause(&outcome, SystemTime::now(), tried, random).filter(|pause| *pause < left);
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
            plain: PlainHosts::default(),
            public_only: false,
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

/// A header that comes once. Of two, one reader would use the first and another the last.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    Some(value)
}

/// Whether the body is an error response with this code (RFC 6749 section 5.2).
pub(crate) fn has_error(response: &Response, code: &str) -> bool {
    let body = json::parse(response.body()).ok();
    body.is_some_and(|body| body.get("error").is_some_and(|error| error == code))
}

/// The scheme and the host of a request, which may be shown.
pub(crate) fn origin(uri: &http::Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or("?"), uri.authority().map_or("?", |a| a.as_str()))
}

/// Long enough for slow providers, and as long as a person waits.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest honest documents are some tens of KiB.
const MAX_BODY: usize = 1024 * 1024;
/// More retries would not help a provider in trouble.
const RETRIES: u32 = 2;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("vouchsafe/", env!("CARGO_PKG_VERSION")));

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A transport that nobody may ask.
    pub(crate) struct Idle;

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
