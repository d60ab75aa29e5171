//! The token request: a grant, the client's authentication, and what the provider wants besides.
use http::HeaderMap;
use vouchsafe_providers::{RefreshQuirks, TokenQuirks};

use super::response::{self, TokenResponse};
use crate::error::{Error, Operation};
use crate::protocol::call::{Call, Outgoing};
use crate::protocol::quirks::UNCHANGED;
use crate::protocol::response::{Dialect, Incoming};

/// What a token is asked for with. Each grant is a file beside this one.
pub(crate) trait Grant {
    /// The value of `grant_type`.
    const TYPE: &'static str;
    const OPERATION: Operation;

    /// Writes the parameters of the grant.
    fn write(&self, to: &mut Outgoing<'_>);

    /// How a refresh departs from the other token requests of the provider.
    fn refreshing(&self) -> Option<&RefreshQuirks> {
        None
    }
}

/// A token request (RFC 6749 sections 4.1.3 and 6).
pub(crate) struct TokenRequest<'a, G> {
    pub(crate) quirks: &'a TokenQuirks,
    /// The headers that the definition asks for.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: G,
}

impl<G: Grant> Call for TokenRequest<'_, G> {
    type Output = TokenResponse;

    fn operation(&self) -> Operation {
        G::OPERATION
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect::of_tokens(self.quirks)
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        let refreshing = self.grant.refreshing();
        let encoding = refreshing.and_then(|own| own.encoding).unwrap_or(self.quirks.encoding);
        to.encode(encoding, [refreshing.map_or(&UNCHANGED, |own| &own.names), &self.quirks.names]);
        to.headers(self.headers);
        to.push("grant_type", self.quirks.grant_types.get(G::TYPE).map_or(G::TYPE, String::as_str));
        self.grant.write(to);
        to.authenticate();
        to.add_all(&self.quirks.params);
        if let Some(own) = refreshing {
            to.add_all(&own.params);
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<TokenResponse, Error> {
        response::read(from, self.quirks)
    }
}
