//! Sign people in with the accounts that they already have, and keep the tokens that come of it: an OAuth 2 and OpenID
//! Connect client. The safe way is the short way.
//!
//! # A login
//!
//! Three nouns make a [`Client`]: a [`Provider`] (the server), a [`Registration`] (you, at that server) and [`Http`] (how
//! to reach it). Make one client for each provider when your program starts; it is cheap to clone.
//!
//! ```no_run
//! # async fn f(url: &str) -> Result<(), vouchsafe::Error> {
//! use vouchsafe::{Client, Http, Provider, Registration};
//!
//! let me = Registration::new("client-id").secret("client-secret").redirect_uri("https://app.example.com/callback");
//! # #[cfg(feature = "reqwest")]
//! let client = Client::new(Provider::openid("https://id.example.com"), me, &Http::new()?)?;
//!
//! // 1. Send the browser to login.url; keep login.pending in that browser's session.
//! # let client: Client = unimplemented!();
//! let login = client.login().await?;
//!
//! // 2. When the browser comes back to the redirect URI, hand in what you kept and the query that it brought.
//! let tokens = client.finish(login.pending, url).await?;
//!
//! // 3. See who it is.
//! let identity = client.identity(&tokens).await?;
//! println!("{} {:?}", identity.subject(), identity.verified_email());
//! # Ok(()) }
//! ```
//!
//! State, nonce, code verifier and issuer are made by step 1 and checked by step 2, and the ID token is verified. With
//! axum, the crate `vouchsafe-axum` does the keeping as well.
//!
//! Those who keep state and verifier themselves find the single steps in [`Client::manual`].
//!
//! # Providers
//!
//! [`providers`] has those with a function of their own, [`Provider::named`] all of the catalogue, [`Provider::openid`] any
//! OpenID Provider by its issuer, [`Provider::new`] any OAuth 2 service by its endpoints, and
//! [`Provider::from_definition`] one that you describe in TOML.
//!
//! # Tokens
//!
//! [`Tokens`] know when they expire and which server and client they belong to, serialise for the store where you keep
//! them, and print without their secrets. A client of another server refuses them and sends nothing.
//! [`Client::refresh`] gives fresh ones, [`Client::long_lived_token`] trades a short-lived one where a provider has that,
//! [`Client::revoke`] ends them.
//!
//! # Identity
//!
//! [`Identity::subject`] is who it is, and [`Identity::issuer`] is the server that says so. [`Identity::verified_email`] is
//! there only where the provider vouches for that very address. Link accounts by [`Identity::key`], which is issuer and
//! subject: an e-mail can pass to another person, and the name of a provider says nothing of which of its servers it was.
//! [`guide::linking_accounts`] says how.
//!
//! # Errors
//!
//! [`Error`] has a variant for each who may have to act, [`Error::operation`] says what was being done, and
//! [`Error::code`] is a stable word for what went wrong. [`Error::needs_login`], [`Error::is_retryable`],
//! [`Error::retry_after`] and [`Error::is_denied`] answer what programs ask.
//!
//! # Limits
//!
//! Every wait has an end, every body a size, every retry a count: [`guide::limits`] has them all, and what to do where
//! strangers say where to connect to.
//!
//! # Words
//!
//! The words are those of the RFCs. Four have none: a *provider* is an authorization server, a *registration* is what a
//! client is known by there, a *pending login* is a login between its start and its end, and an *identity* is who signed
//! in, as the provider tells it.
//!
//! # Features
//!
//! `reqwest` (on by default): the built-in transport. Without it, bring your own with [`Http::from`].
#![forbid(unsafe_code)]

mod client;
mod discovery;
mod endpoint;
mod error;
pub mod guide;
mod http;
mod identity;
mod jose;
mod json;
mod legible;
mod login;
mod manual;
mod protocol;
mod provenance;
mod provider;
pub mod providers;
mod registration;
pub mod seal;
mod secret;
mod shared;
mod tokens;

pub use client::Client;
pub use error::{
    Check, ConfigError, Error, ErrorCode, Fault, Feature, HttpError, HttpErrorKind, Operation, ResponseError,
    ServerError, TransportError, UnsupportedError, ValidationError,
};
#[cfg(feature = "reqwest")]
pub use http::HttpBuilder;
pub use http::{BoxFuture, Http, HttpClient, Limits, Request, Response, is_public_address};
pub use identity::{Identity, IdentityKey, InvalidIdentityKey};
pub use json::{InvalidJson, Json};
pub use legible::legible;
pub use login::{Login, PendingLogin, StartedLogin};
pub use manual::{AuthorizationCode, AuthorizationUrl, CodeChallenge, Manual, TokenTypeHint};
pub use protocol::authorization_response::AuthorizationResponse;
pub use provider::Provider;
pub use registration::Registration;
pub use secret::Secret;
pub use tokens::{AccessToken, IdToken, RefreshToken, Tokens};
pub use vouchsafe_providers::{ClientAuth, Definition, DefinitionError};
