//! The ground floor: requests, responses and their values, for every part.

mod credentials;
mod error;
mod incoming;
mod jwe;
mod lock;
mod params;
mod post;
mod random;
mod scopes;
mod subject;

pub(crate) use credentials::{access_token, basic, bearer};
pub(crate) use error::{
    BEARER, OAuthError, ensure, error, invalid_client, invalid_grant, invalid_request, json, printable,
    with_challenge,
};
pub(crate) use incoming::{Incoming, Tls, text};
pub(crate) use jwe::Recipient;
pub(crate) use lock::lock;
pub(crate) use params::{Params, with_query};
pub(crate) use post::{fetch, post};
pub(crate) use random::{
    base64url, hex, pem, random_token, random_user_code, sha256, sha256_base64url, sha256_hex,
};
pub(crate) use scopes::Scopes;
pub(crate) use subject::{attributes, subject};
