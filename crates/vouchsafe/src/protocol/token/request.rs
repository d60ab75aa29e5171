//! The token request: a grant, the client's authentication, and the parameters that the provider adds.
use http::HeaderMap;
use vouchsafe_providers::{Encoding, RefreshQuirks, TokenQuirks};

use super::response::{self, TokenResponse};
use crate::error::{Error, Operation};
use crate::protocol::call::{Call, Outgoing};
use crate::protocol::quirks::UNCHANGED;
use crate::protocol::response::{Dialect, Incoming};

/// A grant that tokens are requested with. Each is a file beside this one.
pub(crate) trait Grant {
    const OPERATION: Operation;

    /// The value of `grant_type`.
    fn grant_type(&self) -> &str;

    /// Writes the parameters of the grant.
    fn write(&self, to: &mut Outgoing<'_>);

    /// How the parameters are sent, if not as in the other token requests of the provider.
    fn encoding(&self) -> Option<Encoding> {
        None
    }

    /// How a refresh differs from the other token requests of the provider.
    fn refreshing(&self) -> Option<&RefreshQuirks> {
        None
    }
}

/// A token request (RFC 6749 sections 4.1.3 and 6).
pub(crate) struct TokenRequest<'a, G> {
    pub(crate) quirks: &'a TokenQuirks,
    /// The headers that the definition requires.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: G,
}

impl<G: Grant> Call for TokenRequest<'_, G> {
    type Output = TokenResponse;

    const OPERATION: Operation = G::OPERATION;

    fn dialect(&self) -> Dialect<'_> {
        let spent = self.grant.refreshing().map(|own| &own.spent).filter(|spent| !spent.is_empty());
        Dialect { spent, ..Dialect::of_tokens(self.quirks) }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        let refreshing = self.grant.refreshing();
        let encoding = self.grant.encoding().unwrap_or(self.quirks.encoding);
        to.encode(encoding, [refreshing.map_or(&UNCHANGED, |own| &own.names), &self.quirks.names]);
        to.headers(self.headers);
        let grant_type = self.grant.grant_type();
        to.push("grant_type", self.quirks.grant_types.get(grant_type).map_or(grant_type, String::as_str));
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
