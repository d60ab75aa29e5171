use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use vouchsafe_providers::Encoding;

use super::request::{authenticate, encoded_params};
use super::{Call, profile};
use crate::routes::introspect::tell;
use crate::wire::{OAuthError, json};

/// The introspection endpoint, RFC 7662: for the client with its secret, which authenticates as at the token endpoint.
pub(super) fn answer(call: &Call<'_>) -> Response {
    introspect(call).unwrap_or_else(IntoResponse::into_response)
}

fn introspect(call: &Call<'_>) -> Result<Response, OAuthError> {
    let params = encoded_params(call, Encoding::Form, &Method::POST)?;
    let auth = (params.get("client_id"), params.get("client_secret"));
    authenticate(call, call.act.definition.client_auth, auth, (true, true))?;
    let token = params.get("token").ok_or_else(|| OAuthError::invalid_request("the token is missing"))?;
    let client = &call.act.client.id;
    let mut body = tell(call.shared, token, |grant| grant.issuer.is_some() && grant.client_id == *client);
    if let Some(user) = body["username"].as_str().and_then(|name| call.shared.user(name)) {
        body["sub"] = profile::subject_text(call.act, user).into();
    }
    Ok(json(StatusCode::OK, &body))
}
