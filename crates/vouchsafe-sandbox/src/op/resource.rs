//! A protected resource, RFC 6750 and RFC 9449 section 7: it says which access token it got.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Call;
use super::response::NO_TOKEN;
use crate::state::Binding;
use crate::wire::{OAuthError, access_token, error};

pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let nowhere = error(NO_TOKEN, "there is no access token in the Authorization header field");
    let (by_dpop, text) =
        access_token(&call.incoming)?.ok_or(OAuthError { status: StatusCode::UNAUTHORIZED, ..nowhere })?;
    let store = call.shared.store();
    let found = store.access_token(call.part, &text, call.shared.now());
    let unknown = || error("invalid_token", "the access token is unknown, expired or revoked");
    let (token, grant) = found.map(|(token, grant)| (token.clone(), grant.clone())).ok_or_else(unknown)?;
    drop(store);
    call.check_binding(&token, &text, by_dpop)?;
    let user = call.shared.user(&grant.signed_in.username);
    Ok(json!({
        "scheme": if by_dpop { "DPoP" } else { "Bearer" },
        "client_id": grant.request.client_id,
        "sub": user.map(|user| user.subject()),
        "scope": token.scopes.to_string(),
        "aud": token.audience,
        "cnf": token.binding.as_ref().map(Binding::confirmation),
        "authorization_details": token.details,
    }))
}
