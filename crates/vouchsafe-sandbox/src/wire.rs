//! The ground floor: what goes over the wire, whoever plays the provider.

mod error;
mod params;
mod random;
mod scopes;

pub(crate) use error::{OAuthError, json, printable};
pub(crate) use params::Params;
pub(crate) use random::{hex, random_token, random_user_code, sha256_base64url, sha256_hex};
pub(crate) use scopes::Scopes;
