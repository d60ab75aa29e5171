//! The JWT bearer grant.
use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The JWT bearer grant (RFC 7523 section 2.1).
    pub(crate) fn jwt_bearer(assertion: &'a str, scope: Option<&'a str>) -> Self {
        let params = [("scope", scope), ("", None), ("", None)];
        let grant = Self::new(Operation::JwtBearer, JWT_BEARER, ("assertion", assertion));
        Self { params, ..grant }
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
