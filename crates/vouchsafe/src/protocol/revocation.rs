//! Token revocation (RFC 7009).
use std::collections::BTreeMap;

use http::Method;
use http::header::AUTHORIZATION;
use vouchsafe_providers::{Encoding, RevocationQuirks};

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use crate::error::{Error, ErrorCode, Operation};
use crate::secret::{Secret, same};
use crate::text::json;

words! {
    /// The kind of the token that is to be revoked (RFC 7009 section 2.1).
    pub enum TokenTypeHint {
        /// An access token.
        AccessToken = "access_token",
        /// A refresh token.
        RefreshToken = "refresh_token",
    }
}

/// A request to revoke a token.
pub(crate) struct RevocationRequest<'a> {
    pub(crate) quirks: &'a RevocationQuirks,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
    pub(crate) token: &'a str,
    pub(crate) hint: Option<&'a str>,
    /// The access token that authenticates the request, at providers that require this.
    pub(crate) bearer: Option<&'a Secret>,
}

impl RevocationRequest<'_> {
    /// Whether the error `invalid_token` is about the token to revoke, and not about another one that authenticates.
    fn is_about_the_token(&self) -> bool {
        self.bearer.is_none_or(|bearer| same(bearer.expose(), self.token))
    }
}

impl Call for RevocationRequest<'_> {
    type Output = ();

    fn operation(&self) -> Operation {
        Operation::Revocation
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect { failure: self.quirks.failure.as_ref(), error_codes: self.error_codes, ..Dialect::PLAIN }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        // A definition with an invalid method was refused before.
        let method =
            self.quirks.method.as_ref().and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let encoding = if method == Some(Method::GET) { Encoding::Query } else { self.quirks.encoding };
        to.encode(encoding, [&self.quirks.names, &UNCHANGED]);
        if let Some(method) = method {
            to.method(method);
        }
        match self.quirks.token_name.as_deref() {
            Some("") => {}
            Some(name) => to.add_secret(name, self.token),
            // A provider with another name for `token` does not follow RFC 7009, so it does not know the hint either.
            None => {
                to.push_secret("token", self.token);
                if let Some(hint) = self.hint {
                    to.push("token_type_hint", hint);
                }
            }
        }
        to.authenticate();
        if let Some(token) = self.bearer {
            to.token(AUTHORIZATION, "Bearer", token);
        }
        to.add_all(&self.quirks.params);
        Ok(())
    }

    /// RFC 7009 §2.2: success is the status alone. The body counts only where the definition says how an error with a status
    /// of success looks. An invalid token is no error either: there is nothing left to revoke.
    fn read(&self, from: Incoming<'_>) -> Result<(), Error> {
        let error = if from.response.status().is_success() {
            json::parse(from.response.body()).ok().and_then(|body| from.failed(&body))
        } else {
            Some(from.refusal())
        };
        match error {
            Some(Error::Server(error))
                if error.code() == ErrorCode::INVALID_TOKEN
                    && !from.response.status().is_server_error()
                    && self.is_about_the_token() =>
            {
                Ok(())
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
