//! The authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
use super::request::Grant;
use crate::error::Operation;
use crate::protocol::call::Outgoing;

/// An authorization code, with the other parameters of its grant.
pub(crate) struct AuthorizationCode<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: Option<&'a str>,
    /// Parameters of the authorization response that the provider requires in the token request.
    pub(crate) forwarded: &'a [(String, String)],
    /// The scopes, for providers that require them again.
    pub(crate) scope: Option<&'a str>,
}

impl Grant for AuthorizationCode<'_> {
    const OPERATION: Operation = Operation::AuthorizationCode;

    fn grant_type(&self) -> &str {
        "authorization_code"
    }

    fn write(&self, to: &mut Outgoing<'_>) {
        to.push_secret("code", self.code);
        to.push("redirect_uri", self.redirect_uri);
        if let Some(verifier) = self.verifier {
            to.push_secret("code_verifier", verifier);
        }
        if let Some(scope) = self.scope {
            to.push("scope", scope);
        }
        for (name, value) in self.forwarded {
            to.add(name, value);
        }
    }
}
