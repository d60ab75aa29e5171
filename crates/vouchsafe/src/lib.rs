//! An OAuth 2.0 and OpenID Connect client. It signs users in with Google, GitHub, Microsoft and more than 200 other
//! providers, and it refreshes and revokes their tokens. The safe way is the short way.
//!
//! # A login
//!
//! A [`Client`] consists of three parts: a [`Provider`] (the server), a [`Registration`] (your application's entry at that
//! server) and [`Http`] (how to reach the server). Make one client for each provider when your program starts. A client is
//! cheap to clone.
//!
//! ```no_run
//! # async fn f(url: &str) -> Result<(), vouchsafe::Error> {
//! use vouchsafe::{Client, Http, Provider, Registration};
//!
//! let registration =
//!     Registration::new("client-id").secret("client-secret").redirect_uri("https://app.example.com/callback");
//! # #[cfg(feature = "transport")]
//! let client = Client::new(Provider::openid("https://id.example.com"), registration, &Http::new()?)?;
//!
//! // 1. Send the browser to login.url, and keep login.pending in that browser's session.
//! # let client: Client = unimplemented!();
//! let login = client.login().await?;
//!
//! // 2. The browser comes back to the redirect URI. Pass login.pending and the URL at which it arrived.
//! let tokens = client.finish(login.pending, url).await?;
//!
//! // 3. Find out who signed in.
//! let identity = client.identity(&tokens).await?;
//! println!("{} {:?}", identity.subject(), identity.verified_email());
//! # Ok(()) }
//! ```
//!
//! Step 1 creates state, nonce and code verifier. Step 2 checks them and the issuer, and verifies the ID token. With axum, the
//! crate `vouchsafe-axum` also keeps the pending login for you.
//!
//! If you keep state and code verifier yourself, use the single steps in [`Client::manual`].
//!
//! # Providers
//!
//! - [`providers`] has functions for the best-known providers.
//! - [`Provider::named`] finds every provider of the catalogue.
//! - [`Provider::openid`] is an OpenID Provider with a given issuer. Its metadata is looked for at every place where the
//!   standards put it.
//! - [`Provider::oauth2`] is an OAuth 2.0 service with given endpoints.
//! - [`Provider::from_definition`] is a provider that you describe in TOML.
//!
//! # Tokens
//!
//! [`Tokens`] know when they expire, and to which server and client they belong. You can serialise them to store them. Their
//! `Debug` output shows no secrets. A client of another server refuses them and sends nothing.
//!
//! A [`TokenSource`] gives a valid access token at any moment. A [`Vault`] does this for all users, with a store behind it
//! that several processes can share: see [`guide::keeping_tokens_fresh`].
//!
//! [`Client::refresh`] fetches new tokens, [`Client::revoke`] revokes them, and [`Client::long_lived_token`] replaces a
//! short-lived token if the provider supports that.
//!
//! Sometimes a value cannot be read or fetched. If a check depends on it, the login fails. If no check depends on it, the value
//! is left out, and [`Tokens::warnings`] or [`Identity::warnings`] says which value and why. Log the warnings.
//!
//! # Identity
//!
//! [`Identity::subject`] is the user's identifier, and [`Identity::issuer`] is the server that gave it.
//! [`Identity::verified_email`] returns an address only if the provider has verified this very address. Link accounts by
//! [`Identity::key`], which consists of issuer and subject. An e-mail address can pass to another person, and servers with
//! different users can have the same provider name. See [`guide::linking_accounts`]. [`guide::roles_and_groups`] says where roles
//! and groups are.
//!
//! # APIs
//!
//! A [`ResourceServer`] is an API that other people's clients call with access tokens. It validates the tokens, and needs no client:
//! see [`guide::protecting_an_api`].
//!
//! # Strong clients
//!
//! [`guide::strong_clients`]: keys and certificates in place of a secret, tokens that are bound to them, pushed and signed requests,
//! signed responses, and FAPI 2.0. A program that needs none of this meets none of it.
//!
//! # Errors
//!
//! Each variant of [`Error`] says who has to act. [`Error::operation`] is the operation that failed, and
//! [`Error::code`] is a stable word for the cause. Programs decide with these:
//!
//! - [`Error::needs_refresh`]: the provider refused the access token. Refresh the tokens, and try again once.
//! - [`Error::needs_login`]: the grant has ended, or the tokens cannot be refreshed. The user has to sign in again.
//! - [`Error::needs_configuration`]: the provider refuses the application itself. No user can correct this.
//! - [`Error::is_retryable`]: the same call may succeed later; [`Error::retry_after`] says when, if the provider does.
//! - [`Error::is_denied`]: the user or the provider declined the login.
//! - [`Error::silent_login_failed`]: a login with `prompt=none` would need the user.
//!
//! [`guide::when_a_call_fails`] has the order of the first three, and says what is guaranteed when two callers refresh one token.
//!
//! # Limits
//!
//! Every request has a time limit, every response a size limit, and retries are few. [`guide::limits`] lists all limits. It also
//! says what to switch on if users can choose the server.
//!
//! # Terms
//!
//! We use the terms of the RFCs, and six of our own: a *provider* is an authorization server, a *registration* is your
//! application's entry at the provider, a *pending login* is a login that has started and not ended, an *identity* is the
//! user who signed in, as the provider describes them, a *token source* gives valid access tokens of one login, and a *vault* keeps
//! the logins of many users.
//!
//! # Features
//!
//! - `transport` (on by default): the built-in transport. Without it, bring your own transport with [`Http::from`].
//! - `tower`: a layer that puts access tokens into the requests of clients made of tower services.
//! - `tracing` and `metrics`: the events of a vault, for the crates of these names.
//! - `contract`: checks for a token store of your own.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod attestation;
mod authenticator;
mod call;
mod certificate;
mod client;
mod credential;
mod dpop;
mod endpoint;
mod endpoints;
#[macro_use]
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
mod resource;
pub mod seal;
mod secret;
mod shared;
mod signing;
mod text;
mod tokens;
mod transport;
pub mod vault;
mod workload;

pub use certificate::{ClientCertificate, PeerCertificate};
pub use client::authorization::ServedRequest;
pub use client::strength::Profile;
pub use client::{Client, ClientBuilder};
pub use credential::{AssertionSource, Credential};
pub use error::{Error, ErrorCode};
pub use flows::backchannel::{BackchannelLogin, PendingBackchannel};
pub use flows::claim_sources::{ClaimSources, SourcedClaim, SourcedClaims};
pub use flows::client_credentials::ClientCredentials;
pub use flows::device::{DeviceLogin, PendingDevice};
pub use flows::import::ImportedTokens;
pub use flows::jwt_bearer::JwtBearer;
pub use flows::login::{Login, StartedLogin};
pub use flows::logout::LogoutUrl;
pub use flows::pending::PendingLogin;
pub use flows::refresh::Narrow;
pub use flows::register::{Register, RegisteredClient};
pub use flows::session_check::SessionCheck;
pub use flows::token_exchange::{ExchangedToken, TokenExchange};
pub use identity::{Identity, IdentityKey, InvalidIdentityKey};
pub use jose::decryption_key::DecryptionKey;
pub use jose::logout_token::LogoutToken;
pub use protocol::authorization::response::AuthorizationResponse;
pub use protocol::client_registration::ClientMetadata;
pub use protocol::token::token_exchange::TokenType;
pub use provider::Provider;
pub use registration::Registration;
pub use resource::{AccessTokenClaims, AccessTokenIssuer, Refusal, ResourceServer, ResourceServerBuilder};
pub use secret::Secret;
pub use signing::{Signer, SigningKey};
pub use text::legible::legible;
pub use tokens::{AccessToken, IdToken, RefreshToken, Tokens};
pub use transport::Http;
pub use vault::{TokenSource, ValidToken, Vault};
pub use vouchsafe_providers::{ClientAuth, Definition, EndpointName};
pub use workload::GithubActions;

/// How requests are sent: the settings of the built-in transport, and the types for your own transport.
pub mod http {
    pub use crate::error::TransportError;
    pub use crate::transport::{
        BoxFuture, HttpClient, Limits, Request, Response, Runtime, is_public_address,
    };
    #[cfg(feature = "transport")]
    pub use crate::transport::{HttpBuilder, Tokio};
}

/// The single steps of a login, behind [`Client::manual`].
pub mod manual {
    pub use crate::flows::manual::{AuthorizationUrl, Manual, TokenRequest};
    pub use crate::protocol::pkce::CodeChallenge;
    pub use crate::protocol::revocation::TokenTypeHint;
}

/// The examples of the README compile.
#[cfg(all(doctest, feature = "transport"))]
#[doc = include_str!("../README.md")]
struct Readme;
