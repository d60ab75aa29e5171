//! An application behind a site, and browsers that open pages, send forms and fetch.
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{Method, Request};
use axum::routing::{get, post};
use serde_json::{Value, json};
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, TokenStore};
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{Failure, Require, Site, User};
use vouchsafe_sandbox::{Sandbox, User as SandboxUser};
use vouchsafe_web::SiteBuilder;

use crate::scenario::{Browser, Page, SECRET};

pub(crate) const PUBLIC: &str = "http://127.0.0.1:3000";

/// Two providers, a store, and the application.
pub(crate) struct Whole {
    pub(crate) first: Sandbox,
    pub(crate) second: Sandbox,
    store: Arc<MemoryStore>,
    is_server_side: bool,
    pub(crate) app: Router,
}

impl Whole {
    /// Sessions in a store.
    pub(crate) async fn new() -> Self {
        Self::with(|builder, store| builder.store(store)).await
    }

    /// Sessions in cookies.
    pub(crate) async fn in_cookies() -> Self {
        Self::with(|builder, _| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(SiteBuilder, Arc<dyn TokenStore>) -> SiteBuilder) -> Self {
        let admin = SandboxUser::new("admin").with_claim("roles", json!(["admin", "staff"]));
        let first = Sandbox::builder().user(SandboxUser::alice()).user(SandboxUser::bob()).user(admin);
        let (first, second) = (first.start().await.unwrap(), Sandbox::start().await.unwrap());
        let store = Arc::new(MemoryStore::new());
        let site = change(builder(PUBLIC, &first, &second), store.clone()).build().unwrap();
        let is_server_side = site.sessions().is_server_side();
        Self { first, second, store, is_server_side, app: app(Site(site)) }
    }

    pub(crate) fn is_server_side(&self) -> bool {
        self.is_server_side
    }

    /// The same application after a restart, with another client of the first provider.
    pub(crate) fn rebuilt(&self, client_of: impl FnOnce(&Sandbox, &Sandbox) -> Client) -> Router {
        let client = client_of(&self.first, &self.second);
        let site = Site::builder(PUBLIC, KeyRing::new(&SECRET).unwrap()).provider_named("a", client);
        app(Site(site.store(self.store.clone()).build().unwrap()))
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::at(self.app.clone())
    }

    /// A browser in which somebody has signed in at the first provider.
    pub(crate) async fn signed_in(&self, who: &str) -> Browser {
        let mut browser = self.browser();
        self.sign_in(&mut browser, who).await;
        browser
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser, who: &str) {
        let page = self.walk(browser, "/login/a", who).await;
        assert_eq!(page.location(), "/");
    }

    /// Opens a page that leads to the first provider, and comes back; gives the response at the callback.
    pub(crate) async fn walk(&self, browser: &mut Browser, path: &str, who: &str) -> Page {
        let url = browser.open(path).await.location();
        let callback = self.first.person(who).allow(&url).await.unwrap();
        browser.open(&callback).await
    }
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap()
}

pub(crate) fn builder(public_url: &str, first: &Sandbox, second: &Sandbox) -> SiteBuilder {
    Site::builder(public_url, KeyRing::new(&SECRET).unwrap())
        .provider_named("a", client(first))
        .provider_named("b", client(second))
}

/// An application with a public page, protected ones, and an API.
pub(crate) fn app(site: Site) -> Router {
    let who = |user: User| async move { format!("{} at {}", user.account(), user.provider()) };
    let fresh = Require::fresh(Duration::from_secs(300));
    let protected = Router::new().route("/inner", get("inner")).route_layer(Require::signed_in());
    Router::new()
        .route("/", get(|user: Option<User>| async move { if user.is_some() { "in" } else { "out" } }))
        .route("/protected", get(who))
        .route("/api/me", get(me))
        .route("/api/token/{name}", get(token))
        .route("/account", get("account"))
        .route("/notes", post(|user: User| async move { format!("noted for {}", user.account()) }))
        .route("/public-notes", post("noted"))
        .route("/webhook", post("hook"))
        .merge(Router::new().route("/fresh", get("fresh")).route_layer(fresh))
        .merge(Router::new().route("/strong", get("strong")).route_layer(Require::acr("urn:example:mfa")))
        .merge(Router::new().route("/admin", get("admin")).route_layer(Require::role("admin")))
        .nest("/nested", protected)
        .layer(site)
}

async fn me(user: User) -> Result<String, Failure> {
    let identities: Vec<_> = user.identities().await?.iter().map(|one| one.provider.clone()).collect();
    let me = json!({
        "account": user.account(),
        "subject": user.subject(),
        "roles": user.roles().collect::<Vec<_>>(),
        "identities": identities,
        "session": user.id(),
        "sid": user.sid(),
    });
    Ok(me.to_string())
}

async fn token(user: User, Path(name): Path<String>) -> Result<String, Failure> {
    Ok(user.token(&name).await?.expose().to_owned())
}

impl Browser {
    /// Opens a page in the window.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let path = path.strip_prefix(PUBLIC).unwrap_or(path);
        self.send(navigation(Method::GET, path), Body::empty()).await
    }

    /// Sends a form of this site in the window.
    pub(crate) async fn submit(&mut self, path: &str, form: &str) -> Page {
        self.submit_from(PUBLIC, path, form).await
    }

    /// Sends a form of a site in the window.
    pub(crate) async fn submit_from(&mut self, origin: &str, path: &str, form: &str) -> Page {
        let request = navigation(Method::POST, path).header("origin", origin);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(form.to_owned())).await
    }

    /// Fetches in a script of this site.
    pub(crate) async fn fetch(&mut self, method: Method, path: &str) -> Page {
        let request = Request::builder().method(method).uri(path).header("origin", PUBLIC);
        let request = request.header("sec-fetch-mode", "cors").header(ACCEPT, "application/json");
        self.send(request, Body::empty()).await
    }

    /// The JSON that a script gets.
    pub(crate) async fn json(&mut self, path: &str) -> Value {
        let page = self.fetch(Method::GET, path).await;
        serde_json::from_str(&page.text).unwrap_or_else(|_| panic!("{}: {}", page.status, page.text))
    }

    pub(crate) fn session_cookie(&self) -> Option<&str> {
        self.cookies.get("vouchsafe-session-3000").map(String::as_str)
    }
}

pub(crate) fn navigation(method: Method, path: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path).header(ACCEPT, "text/html");
    request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
}

impl Page {
    /// The code of the JSON that a script gets.
    pub(crate) fn code(&self) -> String {
        let value: Value = serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text));
        value["error"].as_str().unwrap().to_owned()
    }
}
