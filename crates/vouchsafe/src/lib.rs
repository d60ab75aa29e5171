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
//! OpenID Provider by its issuer, [`Provider::oauth2`] any OAuth 2 service by its endpoints, and
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

mod call;
mod client;
mod credential;
mod endpoint;
pub mod error;
mod flows;
pub mod guide;
mod identity;
mod jose;
mod protocol;
mod provenance;
mod provider;
pub mod providers;
mod registration;
pub mod seal;
mod secret;
mod shared;
mod text;
mod tokens;
mod transport;

pub use client::{Client, ClientBuilder};
pub use credential::Credential;
pub use error::{Error, ErrorCode};
pub use flows::import::ImportedTokens;
pub use flows::login::{Login, StartedLogin};
pub use flows::pending::PendingLogin;
pub use identity::{Identity, IdentityKey, InvalidIdentityKey};
pub use protocol::authorization::response::AuthorizationResponse;
pub use provider::Provider;
pub use registration::Registration;
pub use secret::Secret;
pub use text::legible::legible;
pub use tokens::{AccessToken, IdToken, RefreshToken, Tokens};
pub use transport::Http;
pub use vouchsafe_providers::{ClientAuth, Definition};

/// How requests are sent: the built-in transport's settings, and what a transport of your own needs.
pub mod http {
    pub use crate::error::TransportError;
    #[cfg(feature = "reqwest")]
    pub use crate::transport::HttpBuilder;
    pub use crate::transport::{BoxFuture, HttpClient, Limits, Request, Response, is_public_address};
}

/// The single steps of a login, behind [`Client::manual`].
pub mod manual {
    pub use crate::flows::manual::{AuthorizationUrl, Manual, TokenRequest};
    pub use crate::protocol::pkce::CodeChallenge;
    pub use crate::protocol::revocation::TokenTypeHint;
}
