//! What a client sends by itself: its parameters, encoded as the definition says, and who it is.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::Method;
use serde_json::Value;
use vouchsafe_providers::{ClientAuth, Encoding};

use super::Call;
use crate::routes::client_auth::basic_credentials;
use crate::wire::OAuthError;
use crate::wire::Params;

/// The parameters in a body, whichever of the two known encodings it has.
pub(super) fn body_params(call: &Call<'_>) -> Option<Params> {
    Params::from_body(&call.headers, &call.body).or_else(|| json_params(call))
}

/// The parameters of a request, which must be encoded as the definition says.
pub(super) fn encoded_params(
    call: &Call<'_>,
    encoding: Encoding,
    method: &Method,
) -> Result<Params, OAuthError> {
    let wrong = |how: &str| OAuthError::invalid_request(format!("the parameters must be sent {how}"));
    let params = match encoding {
        Encoding::Json => json_params(call).ok_or_else(|| wrong("as a JSON object")),
        Encoding::Query if call.body.is_empty() => Ok(call.query.clone()),
        Encoding::Query => Err(wrong("in the query, without a body")),
        _ => Params::from_body(&call.headers, &call.body).ok_or_else(|| wrong("as a form")),
    }?;
    if call.method != *method {
        return Err(OAuthError::invalid_request(format!("the request must be sent by {method}")));
    }
    match params.duplicate() {
        Some(name) => Err(OAuthError::invalid_request(format!("parameter {name} is there more than once"))),
        None => Ok(params),
    }
}

/// The client must authenticate by the definition's method and by no other.
pub(super) fn authenticate(
    call: &Call<'_>,
    method: Option<ClientAuth>,
    given: (Option<&str>, Option<&str>),
    expects: (bool, bool),
) -> Result<(), OAuthError> {
    let invalid = |description: &str| OAuthError::new("invalid_client", description);
    let (id, secret) = (call.act.client.id.as_str(), call.act.client.secret.as_deref().unwrap_or_default());
    // Where the definition has words of its own for this header field, these were checked already.
    let own = call.act.definition.token.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
    let is_bearer = call.header("authorization").is_some_and(|value| value.starts_with("Bearer "));
    let basic = if own || is_bearer { None } else { basic_credentials(&call.headers)? };
    if let Some((given_id, given_secret)) = basic {
        if !matches!(method, None | Some(ClientAuth::ClientSecretBasic)) {
            return Err(invalid("this provider does not take HTTP Basic authentication"));
        }
        if given.1.is_some() || given.0.is_some_and(|other| other != id) {
            return Err(invalid("the client authenticates twice, by header and by body"));
        }
        return if given_id == id && given_secret == secret {
            Ok(())
        } else {
            Err(invalid("unknown client or wrong secret"))
        };
    }
    let (expects_id, expects_secret) = expects;
    if expects_id && given.0 != Some(id) {
        return Err(invalid("the client is unknown, or does not say who it is"));
    }
    if let (Some(key), Some(secret)) = (&call.act.client_key, given.1) {
        let issuer = call.act.fill(&call.act.issuer, &call.marks).unwrap_or_default();
        return key.verify(secret, id, &issuer, call.shared.now()).map_err(invalid);
    }
    match (method, given.1) {
        (Some(ClientAuth::ClientSecretBasic), _) if !own => {
            Err(invalid("this provider takes HTTP Basic authentication alone"))
        }
        (Some(ClientAuth::None), Some(_)) => Err(invalid("this provider takes no client secret")),
        (Some(ClientAuth::None), None) => Ok(()),
        (_, None) if !expects_secret || own => Ok(()),
        (_, Some(given)) if verify_slices_are_equal(given.as_bytes(), secret.as_bytes()).is_ok() => Ok(()),
        _ => Err(invalid("the client secret is missing or wrong")),
    }
}

/// How a request with that encoding is sent.
pub(super) fn method_of(encoding: Encoding) -> Method {
    match encoding {
        Encoding::Query => Method::GET,
        _ => Method::POST,
    }
}

fn json_params(call: &Call<'_>) -> Option<Params> {
    if !call.header("content-type")?.starts_with("application/json") {
        return None;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&call.body) else {
        return None;
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some(Params::from_pairs(members.into_iter().map(|(name, value)| (name, text(value)))))
}
