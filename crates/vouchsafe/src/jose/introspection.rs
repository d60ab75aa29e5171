//! Signed introspection responses (RFC 9701): the issuer vouches for what it says about a token.
use std::time::{Duration, SystemTime};

use super::algorithm::Allowed;
use super::jwe::Encrypted;
use super::jwk::KeySet;
use super::jws::Purpose;
use super::jwt::{self, Audience, Issuer, Rules, invalid, missing_claim};
use crate::error::Error;
use crate::secret::Secret;
use crate::text::json::Value;

/// What a signed introspection response must be.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: Issuer<'a>,
    /// The API or client that asked.
    pub(crate) client_id: &'a str,
    pub(crate) encrypted: Encrypted<'a>,
    pub(crate) skew: Duration,
}

/// Verifies the response (section 5). Returns what it says about the token (`token_introspection`).
pub(crate) fn verify(
    response: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: SystemTime,
) -> Result<Value, Error> {
    let opened = expected.encrypted.open(response)?;
    let response = opened.as_ref().map_or(response, Secret::expose);
    let rules = Rules {
        issuer: Some(expected.issuer),
        audience: Audience::Includes(expected.client_id),
        required: &["iss", "aud", "iat"],
        algorithms: Allowed::All,
        purpose: Purpose::Only(TYPE),
        skew: expected.skew,
    };
    let mut claims = jwt::claims(response, keys, &rules, now)?;
    match claims.get_mut(CLAIM).map(Value::take) {
        Some(facts @ Value::Object(_)) => Ok(facts),
        Some(_) => Err(invalid(CLAIM, "must be an object, and is not: the issuer has to correct it")),
        None => Err(missing_claim(CLAIM)),
    }
}

const TYPE: &str = "token-introspection+jwt";
const CLAIM: &str = "token_introspection";
