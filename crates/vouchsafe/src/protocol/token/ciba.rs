//! The grant of a backchannel authentication.
use super::request::Grant;
use crate::error::Operation;

impl<'a> Grant<'a> {
    /// The CIBA grant (CIBA Core section 10.1).
    pub(crate) fn ciba(auth_req_id: &'a str) -> Self {
        Self::new(Operation::BackchannelToken, CIBA, ("auth_req_id", auth_req_id))
    }
}

const CIBA: &str = "urn:openid:params:grant-type:ciba";
