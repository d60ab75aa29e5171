//! A site with sign-in, browsers that visit it, and the log that its operator reads.
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Query;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use futures_util::stream::poll_fn;
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber, span};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, LoginRejection, Logins, StartLogin};
use vouchsafe_sandbox::Sandbox;

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback";
pub(crate) const SECOND_URI: &str = "http://127.0.0.1:3000/callback/second";
pub(crate) const SECRET: [u8; 32] = [7; 32];

pub(crate) struct Scenario {
    pub(crate) sandbox: Sandbox,
    pub(crate) site: Router,
}

impl Scenario {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let site = site(logins(&sandbox, &SECRET));
        Self { sandbox, site }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::at(self.site.clone())
    }
}

pub(crate) fn client(issuer: &str, sandbox: &Sandbox) -> Client {
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    client_of(issuer, registration.redirect_uri(REDIRECT_URI))
}

pub(crate) fn second(sandbox: &Sandbox, redirect_uri: &str) -> Client {
    client_of(sandbox.issuer(), Registration::new(sandbox.public_client_id()).redirect_uri(redirect_uri))
}

fn client_of(issuer: &str, registration: Registration) -> Client {
    Client::new(Provider::openid(issuer), registration, &Http::new().unwrap()).unwrap()
}

pub(crate) fn logins(sandbox: &Sandbox, secret: &[u8]) -> Logins {
    logins_with(sandbox, KeyRing::new(secret).unwrap())
}

pub(crate) fn logins_with(sandbox: &Sandbox, keys: KeyRing) -> Logins {
    let (first, second) = (client(sandbox.issuer(), sandbox), second(sandbox, SECOND_URI));
    Logins::new(first, keys).with("second", second).retry_at("/login")
}

/// `/login` takes its wishes from the query; every other path is a callback, and says who it was.
pub(crate) fn site(logins: Logins) -> Router {
    routes().layer(logins)
}

pub(crate) fn routes() -> Router {
    let callbacks = get(callback).post(callback);
    Router::new()
        .route("/login", get(login).post(login))
        .route("/", callbacks.clone())
        .route("/{*path}", callbacks)
}

async fn login(
    Query(mut wish): Query<BTreeMap<String, String>>,
    mut login: StartLogin,
) -> Result<Redirect, LoginRejection> {
    if let Some(name) = wish.remove("at") {
        login = login.client(name);
    }
    if let Some(path) = wish.remove("return_to") {
        login = login.return_to(path);
    }
    if let Some(uri) = wish.remove("redirect_uri") {
        login = login.customise(|ask| ask.redirect_uri(uri));
    }
    if let Some(data) = wish.remove("data") {
        login = login.customise(move |ask| ask.data(data));
    }
    if let Some(prompt) = wish.remove("prompt") {
        login = login.customise(move |ask| ask.prompt(prompt));
    }
    if let Some(mode) = wish.remove("response_mode") {
        login = login.customise(move |ask| ask.extra("response_mode", mode));
    }
    login.await
}

async fn callback(user: LoggedIn) -> impl IntoResponse {
    let vouchsafe_web::LoggedIn { client_name, identity, tokens, return_to, data, .. } = user.0;
    let data = data.as_deref().unwrap_or("none");
    assert!(!tokens.is_expired());
    format!(
        "{} at {client_name}, to {return_to}, data {data}",
        identity.verified_email().unwrap_or("unverified")
    )
}

/// A browser: it keeps cookies, and follows nothing by itself.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) site: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn at(site: Router) -> Self {
        Self { site, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Page {
        self.send(Request::get(local(url)), Body::empty()).await
    }

    /// Posts the query of a URL to its path, as that content type.
    pub(crate) async fn post(&mut self, url: &str, content_type: &str) -> Page {
        let (path, form) = local(url).split_once('?').unwrap();
        self.post_to(path, form, content_type).await
    }

    pub(crate) async fn post_to(&mut self, path: &str, form: &str, content_type: &str) -> Page {
        self.send(Request::post(path).header(CONTENT_TYPE, content_type), Body::from(form.to_owned())).await
    }

    pub(crate) async fn send(&mut self, request: Builder, body: Body) -> Page {
        let page = self.ask(request.header(COOKIE, self.cookie()), body).await;
        self.take(&page);
        page
    }

    /// What this browser sends of cookies.
    pub(crate) fn cookie(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// Sends a request with nothing added to it, and takes no cookies.
    pub(crate) async fn ask(&self, request: Builder, body: Body) -> Page {
        let response = self.site.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Page { status: parts.status, headers: parts.headers, text: String::from_utf8(body.into()).unwrap() }
    }

    /// Keeps the cookies that a page sets, and forgets those that it takes away.
    pub(crate) fn take(&mut self, page: &Page) {
        for header in page.headers.get_all(SET_COOKIE) {
            let (pair, attributes) = header.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Starts a login; gives where the browser is sent.
    pub(crate) async fn start(&mut self) -> String {
        self.get("/login").await.location()
    }
}

fn local(url: &str) -> &str {
    ["http://127.0.0.1:3000", "https://app.example"]
        .iter()
        .find_map(|site| url.strip_prefix(site))
        .unwrap_or(url)
}

pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn location(&self) -> String {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[LOCATION].to_str().unwrap().to_owned()
    }
}

/// An empty body that tells whether it was read.
pub(crate) fn watched(read: &Arc<AtomicBool>) -> Body {
    let read = read.clone();
    Body::from_stream(poll_fn(move |_| {
        read.store(true, Ordering::Relaxed);
        Poll::Ready(None::<Result<String, Infallible>>)
    }))
}

/// All events of this thread, as long as it is kept, one to a line.
pub(crate) struct Log {
    text: Arc<Mutex<String>>,
    _guard: DefaultGuard,
}

impl Log {
    pub(crate) fn start() -> Self {
        let text = Arc::default();
        let guard = tracing::subscriber::set_default(Lines(Arc::clone(&text)));
        Self { text, _guard: guard }
    }

    /// What was logged since the last time.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.text.lock().unwrap())
    }
}

struct Lines(Arc<Mutex<String>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("vouchsafe")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = format!("{} {}", event.metadata().level(), event.metadata().target());
        event.record(&mut Fields(&mut line));
        self.0.lock().unwrap().push_str(&(line + "\n"));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
