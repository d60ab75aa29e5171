//! Signed UserInfo (OpenID Connect Core section 5.3.2).
use std::time::Duration;

use super::jwt::{Audience, Rules};

/// `iss` and `aud` are recommended only. The caller checks `iss`, also in UserInfo that is not signed.
pub(crate) fn rules<'a>(client_id: &'a str, algorithms: Option<&'a [String]>, skew: Duration) -> Rules<'a> {
    Rules {
        issuer: None,
        audience: Audience::IncludesIfNamed(client_id),
        required: &[],
        algorithms,
        may_be_typed: false,
        skew,
    }
}
