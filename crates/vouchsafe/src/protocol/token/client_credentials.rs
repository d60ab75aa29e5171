//! The client credentials grant.
use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The client credentials grant (RFC 6749 section 4.4). It spends nothing.
    pub(crate) fn client_credentials(scope: Option<&'a str>) -> Self {
        let params = [("scope", scope), ("", None), ("", None)];
        let grant = Self::new(Operation::ClientCredentials, "client_credentials", ("", ""));
        Self { params, ..grant }
    }
}
