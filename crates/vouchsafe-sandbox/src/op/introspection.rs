//! The introspection endpoint, RFC 7662, with signed responses, RFC 9701.

use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::Call;
use super::request::Form;
use crate::part::profile;
use crate::state::{Binding, Jwt};
use crate::wire::{OAuthError, basic, ensure, error, invalid_client};

/// Facts about a token, for a client with a secret: any client of the part may ask, as a resource server would.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (part, shared) = (call.part, call.shared);
    let form = Form::read(&call.incoming, Encoding::Form, &[])?;
    let client = call.authenticate(part.definition.client_auth, &form, form.expects_client())?;
    // Section 2.1: without authentication the endpoint would let anybody try out tokens.
    ensure(!client.is_public(), invalid_client("introspection is for clients with a secret"))?;
    let store = shared.store();
    let token = store.active_token(form.required("token")?, shared.now());
    let Some((token, grant)) = token.filter(|(_, grant)| grant.is_of(part)) else {
        // Section 2.2: no reason is given.
        return Ok(json!({ "active": false }));
    };
    let username = &grant.signed_in.username;
    let audience = shared.settings.audience.as_ref().filter(|_| part.is_own);
    let mut body = json!({
        "active": true,
        "aud": audience.unwrap_or(&grant.request.client_id),
        "client_id": grant.request.client_id,
        "exp": token.expires_at,
        "iat": token.issued_at,
        "iss": grant.issuer(),
        "scope": token.scopes.to_string(),
        "sub": shared.user(username).map(|user| profile::subject_text(part, user)),
        "username": username,
    });
    if !token.is_refresh {
        body["token_type"] = Binding::token_type(token.binding.as_ref()).into();
    }
    // RFC 8707 section 2, RFC 9449 section 6.2 and RFC 9396 section 9.2.
    match &token.audience[..] {
        [] => {}
        [one] => body["aud"] = one.as_str().into(),
        several => body["aud"] = json!(several),
    }
    if let Some(binding) = &token.binding {
        body["cnf"] = binding.confirmation();
    }
    if let Some(details) = &token.details {
        body["authorization_details"] = details.clone();
    }
    Ok(body)
}

/// Whether the client wants the response as a JWT, RFC 9701 section 4.
pub(super) fn is_signed(call: &Call<'_>) -> bool {
    call.incoming.header("accept").is_some_and(|accept| accept.contains(JWT))
}

/// The response as a JWT, RFC 9701 section 5.
pub(super) fn signed(call: &Call<'_>, facts: Value) -> Result<Response, OAuthError> {
    let shared = call.shared;
    let by_basic = basic(&call.incoming.headers).ok().flatten().map(|(id, _)| id);
    let client_id = by_basic.or_else(|| call.incoming.form()?.get("client_id").map(str::to_owned));
    let keys = shared.keys();
    let mut jwt = Jwt::new(&keys, shared.signing_alg, shared.now(), &shared.issuer);
    jwt.header.insert("typ".to_owned(), "token-introspection+jwt".into());
    jwt.claim("iss", call.part.token_issuer(&call.marks));
    jwt.claim("aud", client_id);
    jwt.claim("iat", shared.now());
    jwt.claim("token_introspection", facts);
    shared.faults.change_introspection(&mut jwt, call.username.as_deref());
    let jwt = jwt.sign().map_err(|_| error("server_error", "the response could not be signed"))?;
    Ok(([("content-type", JWT), ("cache-control", "no-store")], jwt).into_response())
}

const JWT: &str = "application/token-introspection+jwt";
