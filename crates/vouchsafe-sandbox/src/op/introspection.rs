//! The introspection endpoint, RFC 7662.

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::Call;
use crate::part::{Form, profile};
use crate::state::store::Grant;
use crate::wire::{OAuthError, Scopes};

/// Facts about a token, for a client with a secret: any client of the part may ask, as a resource server would.
pub(super) fn answer(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (part, now) = (call.part, call.shared.now());
    let form = Form::read(&call.incoming, Encoding::Form, &[])?;
    let client = call.authenticate(part.definition.client_auth, form.client())?;
    if client.secret.is_none() {
        // Section 2.1: without authentication the endpoint would let anybody try out tokens.
        return Err(OAuthError::invalid_client("introspection is for clients with a secret"));
    }
    let token = form.required("token")?;
    let store = call.shared.store();
    let access = store.active_access_token(token, now).filter(|(_, grant)| grant.is_of(part));
    if let Some((access, grant)) = access {
        let mut body = facts(call, grant, &access.scopes, access.issued_at, access.expires_at);
        body["token_type"] = "Bearer".into();
        return Ok(body);
    }
    let refresh = store.active_refresh_token(token, now).filter(|(_, grant)| grant.is_of(part));
    Ok(match refresh {
        Some((refresh, grant)) => facts(call, grant, &grant.scopes, refresh.issued_at, refresh.expires_at),
        // Section 2.2: no reason is given.
        None => json!({ "active": false }),
    })
}

fn facts(call: &Call<'_>, grant: &Grant, scopes: &Scopes, issued_at: u64, expires_at: u64) -> Value {
    let username = &grant.signed_in.username;
    json!({
        "active": true,
        "aud": grant.client_id,
        "client_id": grant.client_id,
        "exp": expires_at,
        "iat": issued_at,
        "iss": grant.issuer,
        "scope": scopes.to_string(),
        "sub": call.shared.user(username).map(|user| profile::subject_text(call.part, user)),
        "username": username,
    })
}
