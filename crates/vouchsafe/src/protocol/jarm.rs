//! Signed authorization responses (JWT Secured Authorization Response Mode for OAuth 2.0, JARM).
use std::time::Duration;

use crate::error::{Check, Error, Operation};
use crate::jose::algorithm::Allowed;
use crate::jose::jws::Purpose;
use crate::jose::jwt::{Audience, Issuer, Rules};
use crate::text::form;
use crate::text::json::Value;

/// Whether the response to a request of this mode is a JWT (section 2.3).
pub(crate) fn is_signed(mode: Option<&str>) -> bool {
    mode.is_some_and(|mode| mode == "jwt" || mode.ends_with(".jwt"))
}

/// The mode in which the same response comes as a JWT.
pub(crate) fn signed_mode(mode: Option<&str>) -> &'static str {
    match mode {
        Some("form_post" | "form_post.jwt") => "form_post.jwt",
        Some("query" | "query.jwt") => "query.jwt",
        _ => "jwt",
    }
}

/// The JWT of a response, which has no other parameter of the protocol (section 2.3).
///
/// # Errors
/// The response is not a JWT, or not only a JWT: somebody has taken the signature away, or put something beside it.
pub(crate) fn jwt_of(params: &str) -> Result<String, Error> {
    let refuse = |detail: &'static str| Err(Error::validation(OPERATION, Check::Signature, detail));
    let mut jwt = None;
    for (name, value) in form::pairs(params) {
        match (name.as_deref(), value) {
            (Some("response"), _) if jwt.is_some() => {
                let detail = "the authorization response must have each parameter once, and has response more than once: start a new login";
                return Err(Error::validation(OPERATION, Check::DuplicateParameter, detail));
            }
            (Some("response"), Some(value)) => jwt = Some(value.into_owned()),
            (Some("code" | "state" | "iss" | "error"), _) => {
                return refuse(
                    "the login requires a signed response (JARM), and the response has parameters outside the JWT: start a new \
                               login, and if it ends like this too, let the provider send this client signed responses alone",
                );
            }
            _ => {}
        }
    }
    match jwt {
        Some(jwt) if !jwt.is_empty() => Ok(jwt),
        _ => refuse(
            "the login requires a signed response (JARM), and the response has no JWT (response): start a new login, and if it \
                     ends like this too, switch signed responses on for this client at the provider",
        ),
    }
}

/// What the JWT of a response must be (section 2.4).
pub(crate) fn rules<'a>(
    issuer: Issuer<'a>,
    client_id: &'a str,
    algorithms: Allowed<'a>,
    skew: Duration,
) -> Rules<'a> {
    let required = &["iss", "aud", "exp"];
    let audience = Audience::Includes(client_id);
    Rules { issuer: Some(issuer), audience, required, algorithms, purpose: Purpose::Plain, skew }
}

/// The parameters of a verified response, encoded as a form.
pub(crate) fn parameters(claims: &Value) -> String {
    let mut params = String::new();
    for (name, value) in claims.as_object().into_iter().flatten() {
        if let Some(value) = value.as_str().filter(|_| name != "aud") {
            form::add(&mut params, name, value);
        }
    }
    params
}

/// The `state` of a response that is not verified yet, to find its login.
pub(crate) fn state_of(claims: &str) -> Option<String> {
    let claims = crate::text::json::parse(claims.as_bytes()).ok()?;
    claims.get("state").and_then(Value::as_str).map(str::to_owned)
}

const OPERATION: Operation = Operation::Authorization;
