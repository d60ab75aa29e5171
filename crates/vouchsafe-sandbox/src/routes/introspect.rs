use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::routes::client_auth::ClientRequest;
use crate::sandbox::Shared;
use crate::state::store::Grant;
use crate::wire::Scopes;
use crate::wire::{OAuthError, json};

/// The introspection endpoint, RFC 7662. Any confidential client may ask, as a resource server would.
pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let request = ClientRequest::read(&shared, &headers, &body)?;
    if request.client.secret.is_none() {
        // §2.1: without authorization the endpoint would let anybody try out tokens.
        return Err(OAuthError::new("invalid_client", "introspection is for clients with a secret"));
    }
    // What an act has issued is good at that act.
    let body = tell(&shared, request.required("token")?, |grant| grant.issuer.is_none());
    Ok(json(StatusCode::OK, &body))
}

/// What there is to say of a token, if its grant is one that the endpoint speaks of.
pub(crate) fn tell(shared: &Shared, token: &str, is_ours: impl Fn(&Grant) -> bool) -> Value {
    let now = shared.now();
    let store = shared.store();
    if let Some((access, grant)) = store.active_access_token(token, now).filter(|(_, grant)| is_ours(grant)) {
        let mut body = describe(shared, grant, &access.scopes, access.issued_at, access.expires_at);
        body["token_type"] = "Bearer".into();
        return body;
    }
    match store.active_refresh_token(token, now).filter(|(_, grant)| is_ours(grant)) {
        Some((refresh, grant)) => {
            describe(shared, grant, &grant.scopes, refresh.issued_at, refresh.expires_at)
        }
        // §2.2: not a word about why.
        None => json!({ "active": false }),
    }
}

fn describe(shared: &Shared, grant: &Grant, scopes: &Scopes, issued_at: u64, expires_at: u64) -> Value {
    let username = &grant.signed_in.username;
    json!({
        "active": true,
        "aud": grant.client_id,
        "client_id": grant.client_id,
        "exp": expires_at,
        "iat": issued_at,
        "iss": grant.issuer.as_ref().unwrap_or(&shared.issuer),
        "scope": scopes.to_string(),
        "sub": shared.user(username).map(|user| user.subject()),
        "username": username,
    })
}
