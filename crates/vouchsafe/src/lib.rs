//! Sign people in with the accounts that they already have, and keep the tokens that come of it fresh: an OAuth 2 and
//! OpenID Connect client.
#![forbid(unsafe_code)]

mod cache;
mod client;
mod endpoint;
mod error;
mod http;
mod identity;
mod jose;
mod json;
mod login;
mod manual;
mod protocol;
mod provider;
pub mod providers;
mod registration;
mod secret;
mod tokens;

pub use client::Client;
pub use error::{
    Check, ConfigError, Error, ErrorCode, Fault, Feature, HttpError, HttpErrorKind, Operation, ResponseError,
    ServerError, TransportError, UnsupportedError, ValidationError,
};
#[cfg(feature = "reqwest")]
pub use http::HttpBuilder;
pub use http::{BoxFuture, Http, HttpClient, Limits, Request, Response};
pub use identity::Identity;
pub use json::{InvalidJson, Json};
pub use login::{Login, PendingLogin, StartedLogin};
pub use manual::{AuthorizationCode, AuthorizationUrl, CodeChallenge, Manual, TokenTypeHint};
pub use provider::Provider;
pub use registration::{ClientAuth, Registration};
pub use secret::Secret;
pub use tokens::{AccessToken, IdToken, RefreshToken, Tokens};
pub use vouchsafe_providers::{Definition, DefinitionError};
