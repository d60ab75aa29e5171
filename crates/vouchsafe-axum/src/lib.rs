//! Sign-in for [axum]: start a login in one handler, and be handed who signed in by the other.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use vouchsafe::{Client, Http, Registration, providers};
//! use vouchsafe_axum::{CookieKey, LoggedIn, Logins, StartLogin};
//!
//! # fn app() -> Result<Router, Box<dyn std::error::Error>> {
//! let me = Registration::new("id").secret("secret").redirect_uri("https://app.example.com/callback");
//! let client = Client::new(providers::github(), me, &Http::new()?)?;
//!
//! let app = Router::new()
//!     .route("/login", get(|login: StartLogin| async { login.await }))
//!     .route("/callback", get(|user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) }))
//!     .layer(Logins::new(client, CookieKey::generate()?));
//! # Ok(app) }
//! ```
//!
//! # What happens
//!
//! [`StartLogin`] sends the browser to the provider. State, nonce and code verifier go along in a cookie that only this
//! application can read: sealed with AES-256-GCM-SIV, `HttpOnly`, `SameSite=Lax`, and where the redirect URI is `https`
//! also `Secure` and named `__Host-…`, so that no neighbouring host can plant one. Nothing is kept on the server, and any
//! instance that has the key can finish the login.
//!
//! [`LoggedIn`] finds the cookie that belongs to the response, checks the response, gets the tokens and the identity.
//! [`Logins`], the layer around both, sets the cookies and takes them away again, whatever the handlers answer. A login
//! can be finished once, and only where it was to return to. Logins in several tabs do not disturb each other; of too many
//! the oldest is given up.
//!
//! # Several providers
//!
//! Give each provider a redirect URI of its own, with a path of its own. By it a response of one provider is told from a
//! response of another (RFC 9700 section 4.4.2.2); a login that could not be told so does not start.
//!
//! ```no_run
//! # use axum::{Router, routing::get};
//! # use vouchsafe::{Client, Http, Registration, providers};
//! # use vouchsafe_axum::{CookieKey, LoggedIn, Logins, StartLogin};
//! # fn app(http: &Http) -> Result<Router, Box<dyn std::error::Error>> {
//! let me = |name: &str| {
//!     Registration::new("id").secret("secret").redirect_uri(format!("https://app.example.com/callback/{name}"))
//! };
//! let github = Client::new(providers::github(), me("github"), http)?;
//! let discord = Client::new(providers::discord(), me("discord"), http)?;
//!
//! let app = Router::new()
//!     .route("/login", get(|login: StartLogin| async { login.at("discord").await }))
//!     .route("/callback/{name}", get(|user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) }))
//!     .layer(Logins::new(github, CookieKey::generate()?).and("discord", discord));
//! # Ok(app) }
//! ```
//!
//! The same holds for logins that ask for more than others, as [`StartLogin::with`] says. Where a proxy takes off a part of
//! the path, [`Logins::behind`] tells which.
//!
//! # Forms
//!
//! Some providers, Apple among them, have the browser post the response in a form (`response_mode=form_post`): route POST
//! to the handler with [`LoggedIn`] as well. The cookies of such logins are `SameSite=None; Secure`, as no others go along
//! with a form from another site. Where both ends are at one loopback host by `http` they stay `Lax`, which does there and
//! needs no https. `localhost` and `127.0.0.1` are two sites: from one to the other, or from an https provider to either,
//! `SameSite=None; Secure` goes along in browsers that take `Secure` cookies of loopback hosts, as Chromium does.
//!
//! ```no_run
//! # use axum::{Router, routing::{get, post}};
//! # use vouchsafe_axum::{CookieKey, LoggedIn, Logins, StartLogin};
//! # fn app(apple: vouchsafe::Client) -> Result<Router, Box<dyn std::error::Error>> {
//! let app = Router::new()
//!     .route("/login", get(|login: StartLogin| async { login.await }))
//!     .route("/callback", post(|user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) }))
//!     .layer(Logins::new(apple, CookieKey::generate()?));
//! # Ok(app) }
//! ```
//!
//! What comes after is yours: keep who signed in in a session of your own, and send the browser on.
//!
//! ```no_run
//! use axum::response::Redirect;
//! use vouchsafe_axum::{LoggedIn, LoginRejection, StartLogin};
//!
//! async fn login(login: StartLogin) -> Result<Redirect, LoginRejection> {
//!     login.at("google").return_to("/inbox?page=2").with(|ask| ask.prompt("select_account")).await
//! }
//!
//! async fn callback(user: LoggedIn) -> Redirect {
//!     // Make a session here.
//!     Redirect::to(&user.return_to)
//! }
//! ```
//!
//! # When it fails
//!
//! [`LoginRejection`] answers with a page of its own that tells people what to do, and with a fitting status. The page says
//! nothing of your network or of the provider: what went wrong there is in the log, as [`LoginRejection`] tells. For a
//! page of yours, take `Result<LoggedIn, LoginRejection>` in the handler, and look at [`LoginRejection::fault`].
//!
//! [axum]: https://docs.rs/axum
#![forbid(unsafe_code)]

mod key;
mod logged_in;
mod start;
mod web;

pub use key::{CookieKey, CookieKeyError};
pub use logged_in::LoggedIn;
pub use web::logins::{Logins, LoginsService};
pub use web::rejection::{LoginFault, LoginRejection};
pub use start::StartLogin;

/// What the README shows compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
