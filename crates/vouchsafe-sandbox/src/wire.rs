//! The ground floor: what goes over the wire, whoever plays the provider.

mod credentials;
mod error;
mod incoming;
mod params;
mod random;
mod response_mode;
mod scopes;

pub(crate) use credentials::{basic, bearer};
pub(crate) use error::{BEARER, OAuthError, json, printable, with_challenge};
pub(crate) use incoming::Incoming;
pub(crate) use params::Params;
pub(crate) use random::{hex, random_token, random_user_code, sha256_base64url, sha256_hex};
pub(crate) use response_mode::{ResponseMode, with_query};
pub(crate) use scopes::Scopes;
