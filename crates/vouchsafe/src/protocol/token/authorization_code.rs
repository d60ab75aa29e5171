//! The authorization code grant.
use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.5). A few providers require the scopes again.
    pub(crate) fn authorization_code(
        code: &'a str,
        redirect_uri: &'a str,
        verifier: Option<&'a str>,
        scope: Option<&'a str>,
    ) -> Self {
        let params = [("redirect_uri", Some(redirect_uri)), ("code_verifier", verifier), ("scope", scope)];
        Self { params, ..Self::new(Operation::AuthorizationCode, "authorization_code", ("code", code)) }
    }
}
