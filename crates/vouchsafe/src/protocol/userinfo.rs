//! UserInfo (OpenID Connect Core section 5.3), and the profiles that others have in its place.
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::answer::{Exchange, get};
use crate::endpoint::Endpoint;
use crate::error::{Check, Error, Fault, Operation};
use crate::http::{Request, Response};
use crate::json::Json;
use crate::secret::Secret;

pub(crate) fn request(endpoint: &Endpoint, access_token: &Secret) -> Request {
    get(endpoint.uri(), Some(access_token))
}

/// What a UserInfo endpoint answers with.
pub(crate) enum UserInfo<'a> {
    Claims(Json),
    /// A signed answer (section 5.3.2), to be verified before anything in it counts.
    Jwt(&'a str),
}

pub(crate) fn read<'r>(exchange: &Exchange<'_>, response: &'r Response) -> Result<UserInfo<'r>, Error> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_jwt = kind.split(';').next().is_some_and(|e| e.trim().eq_ignore_ascii_case("application/jwt"));
    if is_jwt && response.status().is_success() {
        return match std::str::from_utf8(response.body()) {
            Ok(jwt) => Ok(UserInfo::Jwt(jwt.trim())),
            Err(_) => Err(exchange.fault(Fault::Jwt, "is not a JWT")),
        };
    }
    let profile = exchange.object(response)?;
    // Some providers say no with a status of success; a profile has no member `error`.
    let said = exchange.said(profile.value(), Some(response.status().as_u16()));
    said.map_or(Ok(UserInfo::Claims(profile)), Err)
}

/// OpenID Connect Core §5.3.2: a signed answer's issuer and audience, where they are there.
pub(crate) fn check_signed(claims: &Json, issuer: Option<&str>, client_id: &str) -> Result<(), Error> {
    let refuse = |check, detail: &'static str| Err(Error::validation(Operation::Profile, check, detail));
    if claims.value().get("iss").is_some_and(|iss| iss.as_str() != issuer) {
        return refuse(Check::IssuerMismatch, "the signed UserInfo is from another issuer");
    }
    let is_for_client = |aud: &Value| match aud {
        Value::Array(many) => many.iter().any(|one| one == client_id),
        one => one == client_id,
    };
    if claims.value().get("aud").is_some_and(|aud| !is_for_client(aud)) {
        return refuse(Check::Audience, "the signed UserInfo is meant for another client");
    }
    Ok(())
}

/// OpenID Connect Core §5.3.2: the subject must be the ID token's, or the answer must not be used.
pub(crate) fn check_subject(exchange: &Exchange<'_>, claims: &Json, expected: &str) -> Result<(), Error> {
    match claims.value().get("sub") {
        Some(Value::String(subject)) if subject == expected => Ok(()),
        Some(Value::String(_)) => Err(Error::validation(
            exchange.operation,
            Check::SubjectMismatch,
            "UserInfo is about another user than the ID token",
        )),
        Some(_) => Err(exchange.fault(Fault::InvalidField, "has a sub that is not text")),
        None => Err(exchange.fault(Fault::MissingField, "has no sub")),
    }
}
