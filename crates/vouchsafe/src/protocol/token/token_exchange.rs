//! The token exchange grant (RFC 8693).
use std::borrow::Cow;
use std::fmt;

use super::request::Grant;
use super::response::TokenResponse;
use crate::error::{Check, Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json::{self, Value};
use crate::text::legible::legible;

/// The type of a token (RFC 8693 section 3): an open set of URIs. The registered ones are constants.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TokenType(Cow<'static, str>);

impl TokenType {
    /// An access token of the authorization server.
    pub const ACCESS_TOKEN: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:access_token"));
    /// A refresh token of the authorization server.
    pub const REFRESH_TOKEN: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:refresh_token"));
    /// An ID token (OpenID Connect Core section 2).
    pub const ID_TOKEN: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:id_token"));
    /// A JWT of any kind.
    pub const JWT: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:jwt"));
    /// A SAML 1.1 assertion in base64url.
    pub const SAML1: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:saml1"));
    /// A SAML 2.0 assertion in base64url.
    pub const SAML2: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:token-type:saml2"));

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for TokenType {
    fn from(uri: String) -> Self {
        Self(Cow::Owned(uri))
    }
}

impl From<&str> for TokenType {
    fn from(uri: &str) -> Self {
        Self(Cow::Owned(uri.to_owned()))
    }
}

impl<'a> Grant<'a> {
    /// The token exchange grant (section 2.1). The actor is a token with its type.
    pub(crate) fn token_exchange(
        (subject, kind): (&'a str, &'a TokenType),
        actor: Option<(&'a str, &'a TokenType)>,
        requested: Option<&'a TokenType>,
    ) -> Self {
        let params = [
            ("subject_token_type", Some(kind.as_str())),
            ("actor_token_type", actor.map(|(_, kind)| kind.as_str())),
            ("requested_token_type", requested.map(TokenType::as_str)),
        ];
        let grant = Self::new(Operation::TokenExchange, TOKEN_EXCHANGE, ("subject_token", subject));
        Self { params, actor: actor.map(|(token, _)| token), ..grant }
    }
}

/// The type of the issued token (section 2.2.1). It is the requested one, and an access token can be used as one.
pub(crate) fn issued_type(
    response: &TokenResponse,
    requested: Option<&TokenType>,
) -> Result<TokenType, Error> {
    let operation = Operation::TokenExchange;
    let members = response.extra.as_ref().map(Secret::expose).unwrap_or_default();
    let issued = match json::parse(members.as_bytes())
        .ok()
        .and_then(|mut members| members.get_mut("issued_token_type").map(Value::take))
    {
        Some(Value::String(issued)) if !issued.is_empty() => TokenType::from(issued),
        None | Some(Value::Null) => {
            let detail =
                "the response has no issued_token_type (RFC 8693 section 2.2.1): the provider has to add it";
            return Err(Error::response(operation, Malformed::MissingField, detail));
        }
        Some(_) => {
            let detail = "the issued_token_type of the response is not the URI of a token type";
            return Err(Error::response(operation, Malformed::InvalidField, detail));
        }
    };
    if let Some(requested) = requested.filter(|requested| **requested != issued) {
        let detail = format!(
            "a token of the type {} was requested, and the provider issued one of the type {}",
            legible(requested.as_str()),
            legible(issued.as_str())
        );
        return Err(Error::validation(operation, Check::TokenType, detail));
    }
    if issued == TokenType::ACCESS_TOKEN && !response.is_usable {
        let detail = "the provider issued an access token with the token_type N_A, which is for other tokens";
        return Err(Error::validation(operation, Check::TokenType, detail));
    }
    Ok(issued)
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
