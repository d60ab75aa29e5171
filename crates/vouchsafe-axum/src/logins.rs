use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::extract::{OriginalUri, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, HOST, SET_COOKIE};
use http::request::Parts;
use http::uri::Authority;
use serde::{Deserialize, Serialize};
use tower::{Layer, Service};
use vouchsafe::{Client, PendingLogin};
use zeroize::Zeroizing;

use crate::cookie::{self, Cookie, MAX_COOKIE, Way};
use crate::key::CookieKey;
use crate::place::Place;
use crate::rejection::LoginRejection;

/// The layer that gives [`StartLogin`](crate::StartLogin) and [`LoggedIn`](crate::LoggedIn) their clients, and sets
/// and removes the login cookies. Cheap to clone.
///
/// With several providers, give each of them a redirect URI of its own. A response counts only where its login returns to,
/// so one provider cannot have the code of another sent to it (the mix-up attack, RFC 9700 section 4.4.2). A login that
/// returns to where responses for another client may come is refused when it starts.
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
    pub(crate) key: CookieKey,
    /// By name; never empty, the first is the default.
    clients: Vec<(String, Client)>,
    /// Further redirect URIs, each with the name of its client.
    redirect_uris: Vec<(String, String)>,
    /// What a proxy takes off each path.
    prefix: String,
    retry_at: Option<String>,
    login_limit: Duration,
}

impl Logins {
    /// Logins at one provider, named by its slug.
    pub fn new(client: Client, key: CookieKey) -> Self {
        let clients = vec![(client.provider_slug().to_owned(), client)];
        Self {
            key,
            clients,
            redirect_uris: Vec::new(),
            prefix: String::new(),
            retry_at: None,
            login_limit: cookie::LIFETIME,
        }
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

    /// Another redirect URI of a client, besides the one in its registration: for logins that ask for it with
    /// [`Login::redirect_uri`](vouchsafe::Login::redirect_uri). Where there are several providers such a login needs it, so
    /// that no two of them share one.
    ///
    /// Name it as well where it differs from another in the host alone. Responses at such redirect URIs are told apart by
    /// the host that the request names, so a proxy in front of the application has to hand on the `Host` of the browser;
    /// where it does not, these logins are refused when they return.
    #[must_use]
    pub fn redirect_uri(mut self, client: impl Into<String>, uri: impl Into<String>) -> Self {
        self.redirect_uris.push((client.into(), uri.into()));
        self
    }

    /// The path that a proxy takes off in front of the application: behind one that makes `/callback` of
    /// `/shop/callback`, it is `/shop`. Responses are compared with the redirect URI as the browser knows it.
    #[must_use]
    pub fn behind(mut self, prefix: impl AsRef<str>) -> Self {
        let prefix = prefix.as_ref().trim_matches('/');
        self.prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
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
    /// a tenant's. Give each tenant a redirect URI of its own that says whose it is: where tenants share one, one tenant's
    /// provider can have the code of another's sent to it, and nothing here can tell.
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

    /// Whether a response at that redirect URI can be for this client alone.
    pub(crate) fn check_redirect_uri(
        &self,
        name: &str,
        client: &Client,
        redirect_uri: &str,
    ) -> Result<(), LoginRejection> {
        let place = Place::of(redirect_uri);
        let (mut is_known, mut is_alone) = (false, true);
        let mut is_told_by_host = false;
        for (other, its) in &self.clients {
            let is_own = its.same_as(client);
            is_alone &= is_own;
            for uri in self.uris(other, its) {
                if is_own && uri == redirect_uri {
                    is_known = true;
                } else if Place::of(uri).meets(&place) {
                    return Err(LoginRejection::shared_redirect_uri(name, other));
                } else {
                    is_told_by_host |= Place::of(uri).differs_by_host(&place);
                }
            }
        }
        // What is not named here is not known where a response to another login arrives.
        if is_known || (is_alone && !is_told_by_host) {
            Ok(())
        } else {
            Err(LoginRejection::unknown_redirect_uri(name))
        }
    }

    /// Whether a request came to the host of a redirect URI, where nothing else tells that one from others. A cookie does not:
    /// it is at the host where the login began, and people can carry theirs from one host to another.
    pub(crate) fn is_at_host(&self, redirect_uri: &str, parts: &Parts) -> bool {
        let place = Place::of(redirect_uri);
        let mut known = self.clients.iter().flat_map(|(name, client)| self.uris(name, client));
        !known.any(|uri| Place::of(uri).differs_by_host(&place))
            || host(parts).is_some_and(|host| place.is_at(&host))
    }

    /// The redirect URIs of a client.
    fn uris<'a>(&'a self, name: &'a str, client: &'a Client) -> impl Iterator<Item = &'a str> {
        let further = self.redirect_uris.iter().filter(move |(of, _)| of == name).map(|(_, uri)| &**uri);
        client.redirect_uri().into_iter().chain(further)
    }

    /// The path and the query of the URL that the browser came to.
    pub(crate) fn arrival(&self, parts: &Parts) -> String {
        // A nested router takes off its own part of the path.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        format!("{}{}", self.prefix, uri.path_and_query().map_or("/", |path| path.as_str()))
    }

    pub(crate) fn retry_path(&self) -> Option<&str> {
        self.retry_at.as_deref()
    }
}

/// The host that a request is for: of one that says it in several ways, only if they agree (RFC 9112 section 3.2).
fn host(parts: &Parts) -> Option<String> {
    let named = parts.uri.authority().map(|authority| Some(authority.host().to_owned()));
    let read = |value: &HeaderValue| Some(value.to_str().ok()?.parse::<Authority>().ok()?.host().to_owned());
    let mut hosts = named.into_iter().chain(parts.headers.get_all(HOST).iter().map(read));
    let first = hosts.next()??;
    hosts.all(|host| host.is_some_and(|host| host.eq_ignore_ascii_case(&first))).then_some(first)
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
        parts.extensions.get::<Self>().cloned().ok_or_else(|| LoginRejection::no_layer().told(None))
    }

    /// The login in a cookie, if this application sealed it.
    pub(crate) fn open(&self, cookie: &Cookie) -> Option<Kept> {
        let text = self.logins.key.open(&cookie.name, &cookie.value)?;
        serde_json::from_slice(&text).ok()
    }

    /// When the login in a cookie started, if it can still be finished.
    pub(crate) fn under_way(&self, cookie: &Cookie) -> Option<SystemTime> {
        let started_at = self.open(cookie)?.pending.started_at();
        let age = SystemTime::now().duration_since(started_at).unwrap_or_default();
        (age <= self.logins.login_limit).then_some(started_at)
    }

    /// Leaves a login with the browser; gives nothing if it is too large.
    pub(crate) fn keep(&self, name: String, kept: &Kept, way: Way) -> Result<Option<()>, LoginRejection> {
        let header = self.header(name, kept, way)?;
        Ok(header.map(|header| self.add(header)))
    }

    /// Whether a login is small enough to be left with the browser.
    pub(crate) fn fits(&self, name: &str, kept: &Kept, way: Way) -> Result<bool, LoginRejection> {
        Ok(self.header(name.to_owned(), kept, way)?.is_some())
    }

    fn header(&self, name: String, kept: &Kept, way: Way) -> Result<Option<String>, LoginRejection> {
        // With room for whatever fits, so that no copy stays behind as it grows.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_COOKIE));
        serde_json::to_writer(&mut *text, kept).map_err(|_| LoginRejection::cookie_cannot_be_made())?;
        let value = self.logins.key.seal(&name, text).ok_or_else(LoginRejection::cookie_cannot_be_made)?;
        Ok(Cookie { name, value }.set(way, self.logins.login_limit))
    }

    /// Takes a login away from the browser.
    pub(crate) fn remove(&self, name: &str, way: Way) {
        self.add(cookie::remove(name, way));
    }

    fn add(&self, header: String) {
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
