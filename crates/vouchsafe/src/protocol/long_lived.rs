//! A long-lived token for a short-lived one, as no RFC has it.
use http::HeaderMap;
use vouchsafe_providers::{LongLived, TokenManners};

use super::client_auth::Credentials;
use super::params::{Params, UNCHANGED};
use crate::endpoint::Endpoint;
use crate::http::Request;
use crate::registration::ClientAuth;
use crate::secret::Secret;

/// `headers` are those that the definition asks for.
pub(crate) fn request(
    endpoint: &Endpoint,
    credentials: &Credentials,
    auth: ClientAuth,
    (manners, token_manners): (&LongLived, &TokenManners),
    mut headers: HeaderMap,
    token: &Secret,
) -> Request {
    let mut params = Params::new(manners.encoding, [&token_manners.names, &UNCHANGED]);
    params.push("grant_type", &manners.grant_type);
    params.add(&manners.token_name, token.expose());
    credentials.apply(auth, &mut headers, &mut params);
    params.request(None, endpoint, headers)
}
