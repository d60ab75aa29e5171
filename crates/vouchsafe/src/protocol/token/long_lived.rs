//! The request for a long-lived token in place of a short-lived one. Some providers have it, and no RFC describes it.
use vouchsafe_providers::{Encoding, LongLived};

use super::request::Grant;
use crate::error::Operation;
use crate::protocol::call::Outgoing;

/// A short-lived access token.
pub(crate) struct ShortLivedToken<'a> {
    pub(crate) quirks: &'a LongLived,
    pub(crate) token: &'a str,
}

impl Grant for ShortLivedToken<'_> {
    const OPERATION: Operation = Operation::LongLivedToken;

    fn grant_type(&self) -> &str {
        &self.quirks.grant_type
    }

    fn write(&self, to: &mut Outgoing<'_>) {
        to.add_secret(&self.quirks.token_name, self.token);
    }

    fn encoding(&self) -> Option<Encoding> {
        Some(self.quirks.encoding)
    }
}
