//! A site with sign-in, and browsers that visit it.
use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Query;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use tower::ServiceExt;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{CookieKey, LoggedIn, LoginRejection, Logins, StartLogin};
use vouchsafe_sandbox::Sandbox;

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:3000/callback";
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
        Browser { site: self.site.clone(), cookies: BTreeMap::new() }
    }
}

pub(crate) fn client(issuer: &str, sandbox: &Sandbox) -> Client {
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    client_of(issuer, registration)
}

fn client_of(issuer: &str, registration: Registration) -> Client {
    let registration = registration.redirect_uri(REDIRECT_URI);
    Client::new(Provider::openid(issuer), registration, &Http::new().unwrap()).unwrap()
}

pub(crate) fn logins(sandbox: &Sandbox, secret: &[u8]) -> Logins {
    Logins::new(client(sandbox.issuer(), sandbox), CookieKey::from_secret(secret).unwrap())
        .and("second", client_of(sandbox.issuer(), Registration::new(sandbox.public_client_id())))
        .retry_at("/login")
}

/// `/login` takes its wishes from the query; `/callback` says who it was.
pub(crate) fn site(logins: Logins) -> Router {
    Router::new().route("/login", get(login)).route("/callback", get(callback).post(callback)).layer(logins)
}

async fn login(
    Query(mut wish): Query<BTreeMap<String, String>>,
    mut login: StartLogin,
) -> Result<Redirect, LoginRejection> {
    if let Some(name) = wish.remove("at") {
        login = login.at(name);
    }
    if let Some(path) = wish.remove("return_to") {
        login = login.return_to(path);
    }
    if let Some(data) = wish.remove("data") {
        login = login.with(move |ask| ask.data(data));
    }
    if let Some(mode) = wish.remove("response_mode") {
        login = login.with(move |ask| ask.extra("response_mode", mode));
    }
    login.await
}

async fn callback(user: LoggedIn) -> impl IntoResponse {
    let LoggedIn { client, identity, tokens, return_to, data, .. } = user;
    let data = data.as_deref().unwrap_or("none");
    assert!(!tokens.is_expired());
    format!("{} at {client}, to {return_to}, data {data}", identity.verified_email().unwrap_or("unverified"))
}

/// A browser: it keeps cookies, and follows nothing by itself.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) site: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
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

    async fn send(&mut self, request: Builder, body: Body) -> Page {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(COOKIE, cookies.join("; ")).body(body).unwrap();
        let response = self.site.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for header in parts.headers.get_all(SET_COOKIE) {
            let (pair, attributes) = header.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Page { status: parts.status, headers: parts.headers, text: String::from_utf8(body.into()).unwrap() }
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
