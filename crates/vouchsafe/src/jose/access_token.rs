//! Access tokens that are JWTs (RFC 9068), as the API that they are for validates them.
use std::time::{Duration, SystemTime};

use super::algorithm::Allowed;
use super::jwk::KeySet;
use super::jws::{Purpose, refused};
use super::jwt::{self, Audience, Issuer, Rules, invalid, missing_claim};
use crate::error::{Check, Error};
use crate::text::json::Value;

/// What an access token must be to be accepted.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audiences: &'a [String],
    /// The issuer does not give its access tokens a type of their own, nor all the claims of RFC 9068.
    pub(crate) is_untyped: bool,
    pub(crate) skew: Duration,
}

/// Verifies signature and claims (RFC 9068 section 4).
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: SystemTime,
) -> Result<Value, Error> {
    let rules = Rules {
        issuer: Some(Issuer { name: expected.issuer, aliases: &[], template: None }),
        audience: Audience::IncludesOneOf(expected.audiences),
        required: if expected.is_untyped {
            &["iss", "aud", "exp"]
        } else {
            &["iss", "sub", "aud", "exp", "iat"]
        },
        algorithms: Allowed::All,
        purpose: if expected.is_untyped { Purpose::Usually(TYPE) } else { Purpose::Only(TYPE) },
        skew: expected.skew,
    };
    let claims = jwt::claims(token, keys, &rules, now)?;
    if expected.is_untyped {
        // Without a type, these tell an ID token and a logout token from an access token.
        if let Some(name) =
            ["nonce", "at_hash", "c_hash", "events"].iter().find(|name| claims.get(**name).is_some())
        {
            let detail = format!(
                "the token has the claim {name}, so it is no access token: check which token was sent"
            );
            return Err(refused(Check::TokenType, detail));
        }
    } else {
        // RFC 9068 §2.2.
        for name in ["sub", "client_id", "jti"] {
            match claims.get(name) {
                None => return Err(missing_claim(name)),
                Some(Value::String(text)) if !text.is_empty() => {}
                Some(_) => {
                    return Err(invalid(
                        name,
                        "must be text that is not empty: the issuer has to correct it",
                    ));
                }
            }
        }
    }
    Ok(claims)
}

/// RFC 9068 §2.1.
const TYPE: &str = "at+jwt";
