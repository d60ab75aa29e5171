//! The refresh token grant (RFC 6749 section 6).
use vouchsafe_providers::RefreshQuirks;

use super::request::Grant;
use crate::error::Operation;
use crate::protocol::call::Outgoing;

/// A refresh token to be exchanged for fresh tokens.
pub(crate) struct RefreshToken<'a> {
    pub(crate) quirks: &'a RefreshQuirks,
    pub(crate) token: &'a str,
    pub(crate) scope: Option<&'a str>,
    /// The redirect URI, for providers that want it again.
    pub(crate) redirect_uri: Option<&'a str>,
    /// Parameters of the authorization response that the provider wants back with each refresh.
    pub(crate) forwarded: &'a [(String, String)],
}

impl Grant for RefreshToken<'_> {
    const TYPE: &'static str = "refresh_token";
    const OPERATION: Operation = Operation::Refresh;

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

    fn refreshing(&self) -> Option<&RefreshQuirks> {
        Some(self.quirks)
    }
}
