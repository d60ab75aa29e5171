use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use tower::{Layer, Service};
use vouchsafe::{Client, PendingLogin};

use crate::cookie::{self, Cookie, CookieKey, Way};
use crate::rejection::LoginRejection;

/// The layer that gives [`StartLogin`](crate::StartLogin) and [`LoggedIn`](crate::LoggedIn) their clients, and sets
/// and removes the login cookies. Cheap to clone.
///
/// ```no_run
/// # fn f(google: vouchsafe::Client, github: vouchsafe::Client, secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use vouchsafe_axum::{CookieKey, Logins};
///
/// let logins = Logins::new(google, CookieKey::from_secret(secret)?).and("github", github).retry_at("/sign-in");
/// let app: axum::Router = axum::Router::new().layer(logins);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Logins {
    key: CookieKey,
    /// By name; never empty, the first is the default.
    clients: Vec<(String, Client)>,
    retry_at: Option<String>,
    login_limit: Duration,
}

impl Logins {
    /// Logins at one provider, named by its slug.
    pub fn new(client: Client, key: CookieKey) -> Self {
        let clients = vec![(client.provider().to_owned(), client)];
        Self { key, clients, retry_at: None, login_limit: cookie::LIFETIME }
    }

    /// Adds a client, under the name that [`StartLogin::at`](crate::StartLogin::at) takes. One that had this name
    /// goes.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, client: Client) -> Self {
        let name = name.into();
        match self.clients.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = client,
            None => self.clients.push((name, client)),
        }
        self
    }

    /// The path where people choose how to sign in: what the page after a failure links to. `/` unless it is set.
    #[must_use]
    pub fn retry_at(mut self, path: impl Into<String>) -> Self {
        self.retry_at = Some(path.into());
        self
    }

    /// How long the browser keeps a login; 10 minutes unless it is set. Where people need longer, tell the clients so as
    /// well, with [`Client::login_limit`].
    #[must_use]
    pub fn login_limit(mut self, limit: Duration) -> Self {
        self.login_limit = limit;
        self
    }

    /// Does for one request what the layer does for all: for applications that choose the logins by the request, such as
    /// a tenant's.
    ///
    /// ```no_run
    /// use axum::extract::{Request, State};
    /// use axum::{middleware::Next, response::Response};
    /// # #[derive(Clone)] struct Tenants;
    /// # impl Tenants { fn logins(&self, _: &Request) -> vouchsafe_axum::Logins { unreachable!() } }
    ///
    /// async fn with_tenant(State(tenants): State<Tenants>, request: Request, next: Next) -> Response {
    ///     tenants.logins(&request).run(request, next).await
    /// }
    /// ```
    pub async fn run(self, mut request: Request, next: Next) -> Response {
        let trip = self.arrive(&mut request);
        let mut response = next.run(request).await;
        trip.leave(&mut response);
        response
    }

    fn arrive(&self, request: &mut Request) -> Trip {
        let trip = Trip { logins: self.clone(), cookies: Arc::default() };
        request.extensions_mut().insert(trip.clone());
        trip
    }

    pub(crate) fn client(&self, name: Option<&str>) -> Option<(&str, &Client)> {
        let mut clients = self.clients.iter().map(|(name, client)| (name.as_str(), client));
        clients.find(|(known, _)| name.is_none_or(|name| name == *known))
    }

    pub(crate) fn retry_path(&self) -> Option<&str> {
        self.retry_at.as_deref()
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.clients.iter().map(|(name, _)| name).collect();
        f.debug_struct("Logins").field("clients", &names).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Logins {
    type Service = LoginsService<S>;

    fn layer(&self, inner: S) -> LoginsService<S> {
        LoginsService { logins: self.clone(), inner }
    }
}

/// What [`Logins`] makes of a service. Nobody needs its name.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub struct LoginsService<S> {
    logins: Logins,
    inner: S,
}

impl<S> Service<Request> for LoginsService<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let trip = self.logins.arrive(&mut request);
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            trip.leave(&mut response);
            Ok(response)
        })
    }
}

/// One request on its way through the layer: what the extractors find in it, and leave for its response.
#[derive(Clone)]
pub(crate) struct Trip {
    pub(crate) logins: Logins,
    /// The `Set-Cookie` headers to come.
    cookies: Arc<Mutex<Vec<HeaderValue>>>,
}

impl Trip {
    pub(crate) fn of(parts: &Parts) -> Result<Self, LoginRejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(LoginRejection::no_layer)
    }

    /// What is in a cookie, if this application sealed it.
    pub(crate) fn open(&self, cookie: &Cookie) -> Option<Kept> {
        let text = self.logins.key.open(&cookie.name, &cookie.value)?;
        serde_json::from_slice(&text).ok()
    }

    /// Leaves a login with the browser.
    pub(crate) fn keep(&self, name: String, kept: &Kept, way: Way) -> Option<()> {
        let value = self.logins.key.seal(&name, serde_json::to_string(kept).ok()?)?;
        self.add(Cookie { name, value }.set(way, self.logins.login_limit)?);
        Some(())
    }

    /// Takes a login away from the browser.
    pub(crate) fn remove(&self, name: &str, way: Way) {
        self.add(cookie::remove(name, way));
    }

    fn add(&self, header: String) {
        // Names that hold anything else than visible ASCII came from outside, and no cookie of ours has such a name.
        if let Ok(header) = HeaderValue::try_from(header) {
            self.cookies.lock().unwrap_or_else(PoisonError::into_inner).push(header);
        }
    }

    fn leave(self, response: &mut Response) {
        let cookies = std::mem::take(&mut *self.cookies.lock().unwrap_or_else(PoisonError::into_inner));
        let headers = response.headers_mut();
        if !cookies.is_empty() {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// What the cookie holds.
#[derive(Deserialize, Serialize)]
pub(crate) struct Kept {
    /// The name of the client.
    pub(crate) client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_to: Option<String>,
    pub(crate) pending: PendingLogin,
}
