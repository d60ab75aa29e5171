use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::config::Scopes;
use crate::routes::client_auth::ClientRequest;
use crate::routes::{OAuthError, json};
use crate::server::Shared;
use crate::store::Grant;

/// The introspection endpoint, RFC 7662. Any confidential client may ask, as a resource server would.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, OAuthError> {
    let request = ClientRequest::read(&shared, &headers, &body)?;
    if request.client.secret.is_none() {
        // §2.1: without authorization the endpoint would let anybody try out tokens.
        return Err(OAuthError::new("invalid_client", "introspection is for clients with a secret"));
    }
    let token = request.required("token")?;
    let now = shared.now();
    let store = shared.store();
    let body = if let Some((access, grant)) = store.active_access_token(token, now).filter(is_ours) {
        let mut body = describe(&shared, grant, &access.scopes, access.issued_at, access.expires_at);
        body["token_type"] = "Bearer".into();
        body
    } else if let Some((refresh, grant)) = store.active_refresh_token(token, now).filter(is_ours) {
        describe(&shared, grant, &grant.scopes, refresh.issued_at, refresh.expires_at)
    } else {
        // §2.2: not a word about why.
        json!({ "active": false })
    };
    Ok(json(StatusCode::OK, &body))
}

/// What an act has issued is good at that act.
fn is_ours<T>((_, grant): &(T, &Grant)) -> bool {
    grant.issuer.is_none()
}

fn describe(shared: &Shared, grant: &Grant, scopes: &Scopes, issued_at: u64, expires_at: u64) -> Value {
    let username = &grant.signed_in.username;
    json!({
        "active": true,
        "aud": grant.client_id,
        "client_id": grant.client_id,
        "exp": expires_at,
        "iat": issued_at,
        "iss": shared.issuer,
        "scope": scopes.to_string(),
        "sub": shared.user(username).map(|user| user.subject()),
        "username": username,
    })
}
