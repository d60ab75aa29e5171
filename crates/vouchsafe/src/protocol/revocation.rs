//! Token revocation (RFC 7009).
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use vouchsafe_providers::{Encoding, RevocationQuirks};

use super::client_auth::Credentials;
use super::params::{Params, UNCHANGED};
use super::response::Exchange;
use super::userinfo::authorization;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::secret::Secret;
use crate::text::json;
use crate::transport::{Request, Response};
use vouchsafe_providers::ClientAuth;

/// What kind of token is to be revoked (RFC 7009 section 2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TokenTypeHint {
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
}

impl TokenTypeHint {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// A token to be revoked, and how.
pub(crate) struct Revocation<'a> {
    pub(crate) quirks: &'a RevocationQuirks,
    pub(crate) token: &'a str,
    pub(crate) hint: Option<&'a str>,
    /// The access token that authenticates the request, where that is what does.
    pub(crate) bearer: Option<&'a Secret>,
    /// How the client authenticates, where it does.
    pub(crate) auth: Option<ClientAuth>,
}

impl Revocation<'_> {
    pub(crate) fn request(&self, endpoint: &Endpoint, credentials: &Credentials) -> Request {
        // A definition whose method is none was refused before.
        let method =
            self.quirks.method.as_ref().and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let encoding = if method == Some(Method::GET) { Encoding::Query } else { self.quirks.encoding };
        let (mut headers, mut params) =
            (HeaderMap::new(), Params::new(encoding, [&self.quirks.names, &UNCHANGED]));
        match self.quirks.token_name.as_deref() {
            Some("") => {}
            Some(name) => params.add(name, self.token),
            // The hint is RFC 7009's: who has a parameter of another name knows nothing of it.
            None => {
                params.push("token", self.token);
                if let Some(hint) = self.hint {
                    params.push("token_type_hint", hint);
                }
            }
        }
        if let Some(auth) = self.auth {
            credentials.apply(auth, &mut headers, &mut params);
        }
        if let Some(token) = self.bearer {
            headers.insert(AUTHORIZATION, authorization("Bearer", token));
        }
        params.add_all(&self.quirks.params);
        params.request(method, endpoint, headers)
    }
}

/// RFC 7009 §2.2: success is the status alone, and an unknown token is a success.
pub(crate) fn read(exchange: &Exchange<'_>, response: &Response) -> Result<(), Error> {
    if !response.status().is_success() {
        return Err(exchange.refusal(response));
    }
    // Some providers say no with a status of success.
    let status = Some(response.status().as_u16());
    let said = json::parse(response.body()).ok().and_then(|body| {
        exchange.failed(body.value(), status).or_else(|| exchange.said(body.value(), status))
    });
    said.map_or(Ok(()), Err)
}
