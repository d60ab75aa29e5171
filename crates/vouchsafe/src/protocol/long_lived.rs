//! A long-lived token for a short-lived one, as some providers have it and no RFC does.
use http::HeaderMap;
use vouchsafe_providers::{LongLived, TokenQuirks};

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use super::token::response::{self, TokenResponse};
use crate::error::{Error, Operation};
use crate::secret::Secret;

/// A request for a long-lived token.
pub(crate) struct LongLivedRequest<'a> {
    pub(crate) quirks: &'a LongLived,
    pub(crate) token_quirks: &'a TokenQuirks,
    /// The headers that the definition asks for.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) token: &'a Secret,
}

impl Call for LongLivedRequest<'_> {
    type Output = TokenResponse;

    fn operation(&self) -> Operation {
        Operation::LongLivedToken
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect::of_tokens(self.token_quirks)
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(self.quirks.encoding, [&self.token_quirks.names, &UNCHANGED]);
        to.headers(self.headers);
        to.push("grant_type", &self.quirks.grant_type);
        to.add_secret(&self.quirks.token_name, self.token.expose());
        to.authenticate();
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<TokenResponse, Error> {
        response::read(from, self.token_quirks)
    }
}
