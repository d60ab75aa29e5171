//! Sign-in for [axum]: a layer for a whole application, or the parts of one login for a callback of your own.
//!
//! # A whole application
//!
//! [`Site`] is a layer around all routes. It answers `/sign-in`, `/login/{provider}`, `/callback/{provider}`, `/logout`, `/devices` and
//! the other routes for signing in and out, keeps sessions, accounts and tokens, and refuses forms of other sites.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use vouchsafe::seal::KeyRing;
//! use vouchsafe::{Client, Http, Registration, providers};
//! use vouchsafe_axum::{Failure, Require, Site, User};
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let google = Client::new(providers::google(), Registration::new("id").secret("secret"), &Http::new()?)?;
//! let site = Site::builder("https://app.example.com", KeyRing::generate()?).provider(google).build()?;
//!
//! let calendar = |user: User| async move {
//!     let token = user.token("google").await?;
//!     Ok::<_, Failure>(format!("{} has a token until {:?}", user.account(), token.expires_at()))
//! };
//! let app: Router = Router::new()
//!     .route("/calendar", get(calendar))
//!     .merge(Router::new().route("/admin", get("Hello")).route_layer(Require::role("admin")))
//!     .merge(Router::new().route("/pay", get("Pay")).route_layer(Require::fresh(Duration::from_secs(300))))
//!     .layer(Site(site));
//! # Ok(app) }
//! ```
//!
//! Register `https://app.example.com/callback/google` as the redirect URI. [`Site::builder`](vouchsafe_web::Site::builder) has the
//! settings: a store for sessions, tokens and accounts ([`store`](vouchsafe_web::SiteBuilder::store)), trusted proxies, your own table of
//! users ([`accounts`](vouchsafe_web::SiteBuilder::accounts)), roles, and providers that are found at run time
//! ([`provider_source`](vouchsafe_web::SiteBuilder::provider_source)).
//!
//! [`User`] is the extractor of the person who is signed in, and `Option<User>` is for pages for everybody. [`Require`] is a layer for
//! routes that demand more. For people, the response to those who do not meet it leads to the sign-in and back; for scripts it is JSON
//! with a status of 401 or 403. The example `lab_axum` has all parts.
//!
//! A provider can end sessions: by the back channel at `/backchannel-logout/{provider}`, by the front channel at
//! `/frontchannel-logout/{provider}`, and by OpenID Connect Session Management. For the last, put
//! [`User::session_frame`](vouchsafe_web::User::session_frame) into the pages: it is a hidden frame that ends the session and loads the
//! page again when the person has signed out at the provider. The guide [signing out](vouchsafe::guide::signing_out) compares them.
//!
//! Without a store, sessions are in cookies: nobody can list them or end them from elsewhere, and a copy of the cookie works until the
//! session ends.
//!
//! # One login
//!
//! ```no_run
//! use axum::Router;
//! use vouchsafe::seal::KeyRing;
//! use vouchsafe::{Client, Http, Registration, providers};
//! use vouchsafe_axum::{LoggedIn, Logins};
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let me = Registration::new("id").secret("secret").redirect_uri("https://app.example.com/callback");
//! let client = Client::new(providers::github(), me, &Http::new()?)?;
//! let logins = Logins::new(client, KeyRing::generate()?);
//!
//! let callback = |user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) };
//! let app: Router = Router::new().merge(logins.routes("/login", "/callback", callback));
//! # Ok(app) }
//! ```
//!
//! ## How it works
//!
//! [`Logins::routes`] makes two routes. [`StartLogin`] and [`LoggedIn`] are the extractors behind them, for your own routes
//! inside the layer [`Logins`].
//!
//! [`StartLogin`] sends the browser to the provider. State, nonce and code verifier travel in a cookie that only this
//! application can read. It is sealed with AES-256-GCM-SIV, `HttpOnly` and `SameSite=Lax`. If the redirect URI is `https`, it
//! is also `Secure` and named `__Host-…`, so that no neighbouring host can set one. The server keeps nothing: any instance
//! that has the key can finish the login.
//!
//! [`LoggedIn`] finds the cookie that belongs to the response, checks the response, and gets the tokens and the identity.
//! [`Logins`] is the layer around both. It sets and removes the cookies, also if a handler returns an error. A login can be
//! finished once, and only at its redirect URI. Logins in several tabs do not disturb each other. If there are too many, a new
//! login replaces the oldest.
//!
//! ## A response that comes twice
//!
//! A double click, a service worker or a proxy that tries again can bring the same response twice at the same time. One process
//! sends the code of a login once. While the first request waits for the provider, every other one is rejected with
//! [`LoginFault::Repeated`], and its page links to [`LoggedIn::return_to`](vouchsafe_web::LoggedIn::return_to). Later requests are rejected with
//! [`LoginFault::Stale`]. If the browser aborts the first request, the code may already have been sent. Then the person has to
//! start a new login.
//!
//! A process does not know the requests of another process. If the two requests come to two processes at the same moment, both
//! send the code. The provider accepts the first, and at the second it may revoke the tokens that it has issued (RFC 6749 section
//! 4.1.2). If that matters to you, let the load balancer send all requests of one browser to one process. A second request that
//! comes later is no problem: the response to the first one removes the cookie.
//!
//! ## After the login
//!
//! The application does the rest: keep the user in your own session, and send the browser to the next page. Log
//! `user.tokens.warnings()` and `user.identity.warnings()`: they list the values that were left out, and the reasons.
//!
//! ```no_run
//! use axum::response::Redirect;
//! use vouchsafe_axum::{LoggedIn, LoginRejection, StartLogin};
//!
//! async fn login(login: StartLogin) -> Result<Redirect, LoginRejection> {
//!     login.client("google").return_to("/inbox?page=2").customise(|login| login.prompt("select_account")).await
//! }
//!
//! async fn callback(user: LoggedIn) -> Redirect {
//!     // Make a session here.
//!     Redirect::to(&user.return_to)
//! }
//! ```
//!
//! ## Several providers
//!
//! Give each provider its own redirect URI, with its own path. The redirect URI shows from which provider a response comes
//! (RFC 9700 section 4.4.2.2). If two providers could share a redirect URI, the login does not start.
//!
//! ```no_run
//! # use axum::{Router, routing::get};
//! # use vouchsafe::seal::KeyRing;
//! # use vouchsafe::{Client, Http, Registration, providers};
//! # use vouchsafe_axum::{LoggedIn, Logins, StartLogin};
//! # fn app(http: &Http) -> Result<Router, Box<dyn std::error::Error>> {
//! let me = |name: &str| {
//!     Registration::new("id").secret("secret").redirect_uri(format!("https://app.example.com/callback/{name}"))
//! };
//! let github = Client::new(providers::github(), me("github"), http)?;
//! let discord = Client::new(providers::discord(), me("discord"), http)?;
//!
//! let app = Router::new()
//!     .route("/login", get(|login: StartLogin| async { login.client("discord").await }))
//!     .route("/callback/{name}", get(|user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) }))
//!     .layer(Logins::new(github, KeyRing::generate()?).with("discord", discord));
//! # Ok(app) }
//! ```
//!
//! A login that requires more than others, such as a recent sign-in, also needs its own redirect URI: see
//! [`StartLogin::customise`]. If a proxy removes a part of the path, set [`Logins::behind`].
//!
//! ## Silent sign-in
//!
//! With `prompt=none` the provider shows no page: a visitor who is signed in there is signed in here at once. If nobody is, the
//! provider responds with `login_required`, or with `interaction_required`, `consent_required` or
//! `account_selection_required`. That is no failure: the response redirects to the path of [`StartLogin::return_to`], and the
//! visitor continues without a sign-in. Try it once for each visit: a page that always starts a silent sign-in for a visitor who is
//! signed out is a redirect loop.
//!
//! ```no_run
//! use axum::response::{IntoResponse, Redirect, Response};
//! use vouchsafe_axum::{LoggedIn, LoginFault, LoginRejection, StartLogin};
//!
//! async fn silent_login(login: StartLogin) -> Result<Redirect, LoginRejection> {
//!     login.return_to("/inbox?tried=1").customise(|login| login.prompt("none")).await
//! }
//!
//! // Needed only if you want to do more than continue:
//! async fn callback(user: Result<LoggedIn, LoginRejection>) -> Response {
//!     match user {
//!         Ok(user) => Redirect::to(&user.return_to).into_response(),
//!         Err(rejection) if rejection.fault() == LoginFault::InteractionRequired => {
//!             let path = rejection.return_to().unwrap_or("/");
//!             ([("set-cookie", "tried=1; Path=/")], Redirect::to(path)).into_response()
//!         }
//!         Err(rejection) => rejection.into_response(),
//!     }
//! }
//! ```
//!
//! ## Forms
//!
//! Some providers, such as Apple, let the browser post the response in a form (`response_mode=form_post`). The routes of
//! [`Logins::routes`] accept GET and POST. If you write the routes yourself, add `post` to the route with [`LoggedIn`].
//!
//! The cookies of these logins are `SameSite=None; Secure`, because browsers send only such cookies with a form from another
//! site. If provider and application are at the same loopback host over `http`, the cookies are `SameSite=Lax`. That is enough
//! there, and needs no https. `localhost` and `127.0.0.1` are two sites. If the provider is at one of them and the application at
//! the other, or if the provider is at an https URL, the cookies are `Secure`. Then the login works only in browsers that accept
//! such cookies from loopback hosts, such as Chromium.
//!
//! ## When it fails
//!
//! [`LoginRejection`] responds with a page that tells the visitor what to do, and with a fitting status. The page reveals
//! nothing about your network or the provider. The reason is in the log: see [`LoginRejection`]. For your own page, take
//! `Result<LoggedIn, LoginRejection>` in the handler, and look at [`fault`](vouchsafe_web::LoginRejection::fault).
//!
//! # Protecting an API
//!
//! [`Protected`] is a layer around the routes of an API that other people's clients call with access tokens. It needs no login.
//!
//! [axum]: https://docs.rs/axum
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod failure;
mod layer;
mod logged_in;
mod logins;
mod rejection;
mod require;
mod resource;
mod site;
mod start;
#[cfg(feature = "tower-sessions")]
pub mod tower_sessions;
mod user;
mod visit;

pub use failure::Failure;
pub use layer::LoginsService;
pub use logged_in::LoggedIn;
pub use logins::Logins;
pub use rejection::LoginRejection;
pub use require::{Require, RequireService};
pub use resource::{BearerClaims, Protected, ProtectedService};
pub use site::{Site, SiteService};
pub use start::StartLogin;
pub use user::User;
pub use visit::Visit;
pub use vouchsafe_web::{Caller, Fault, LoginFault};

/// The code in the READMEs compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
