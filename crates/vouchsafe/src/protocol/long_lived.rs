//! A long-lived token for a short-lived one, as no RFC has it.
use http::HeaderMap;
use vouchsafe_providers::{LongLived, TokenQuirks};

use super::client_auth::Credentials;
use super::params::{Params, UNCHANGED};
use crate::endpoint::Endpoint;
use crate::secret::Secret;
use crate::transport::Request;
use vouchsafe_providers::ClientAuth;

/// `headers` are those that the definition asks for.
pub(crate) fn request(
    endpoint: &Endpoint,
    credentials: &Credentials,
    auth: ClientAuth,
    (quirks, token_quirks): (&LongLived, &TokenQuirks),
    mut headers: HeaderMap,
    token: &Secret,
) -> Request {
    let mut params = Params::new(quirks.encoding, [&token_quirks.names, &UNCHANGED]);
    params.push("grant_type", &quirks.grant_type);
    params.add(&quirks.token_name, token.expose());
    credentials.apply(auth, &mut headers, &mut params);
    params.request(None, endpoint, headers)
}
