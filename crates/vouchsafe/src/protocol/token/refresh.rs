//! The refresh token grant (RFC 6749 section 6).
use vouchsafe_providers::{Encoding, RefreshQuirks};

use super::request::Grant;
use crate::error::Operation;
use crate::protocol::call::Outgoing;

/// A refresh token.
pub(crate) struct RefreshToken<'a> {
    pub(crate) quirks: &'a RefreshQuirks,
    pub(crate) token: &'a str,
    pub(crate) scope: Option<&'a str>,
    /// The redirect URI, for providers that require it again.
    pub(crate) redirect_uri: Option<&'a str>,
    /// Parameters of the authorization response that the provider requires in each refresh.
    pub(crate) forwarded: &'a [(String, String)],
}

impl Grant for RefreshToken<'_> {
    const OPERATION: Operation = Operation::Refresh;

    fn grant_type(&self) -> &str {
        "refresh_token"
    }

    fn write(&self, to: &mut Outgoing<'_>) {
        to.push_secret("refresh_token", self.token);
        if let Some(scope) = self.scope {
            to.push("scope", scope);
        }
        if let Some(redirect_uri) = self.redirect_uri {
            to.push("redirect_uri", redirect_uri);
        }
        for (name, value) in self.forwarded {
            to.add(name, value);
        }
    }

    fn encoding(&self) -> Option<Encoding> {
        self.quirks.encoding
    }

    fn refreshing(&self) -> Option<&RefreshQuirks> {
        Some(self.quirks)
    }
}
