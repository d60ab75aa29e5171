//! A JWT of any kind that a provider issued, such as an access token.
use std::time::Duration;

use super::jwt::{Audience, Issuer, Rules};

/// The algorithms that a provider announces are those of ID tokens; an access token may have another (RFC 9068 section
/// 2.1).
pub(crate) fn rules<'a>(issuer: Issuer<'a>, audience: Option<&'a str>, skew: Duration) -> Rules<'a> {
    Rules {
        issuer: Some(issuer),
        audience: audience.map_or(Audience::Any, Audience::Includes),
        required: &["iss", "exp"],
        algorithms: None,
        may_be_typed: true,
        skew,
    }
}
