//! The introspection endpoint, RFC 7662.

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::Call;
use super::request::Form;
use crate::part::profile;
use crate::state::Binding;
use crate::wire::{OAuthError, ensure, invalid_client};

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
