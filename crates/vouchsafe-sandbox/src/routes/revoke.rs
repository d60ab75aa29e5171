use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::fault::{self, Asked, Endpoint};
use crate::routes::client_auth::ClientRequest;
use crate::sandbox::Shared;
use crate::wire::OAuthError;
use crate::wire::Params;

/// The revocation endpoint, RFC 7009. A refresh token takes its access tokens along; an access token goes alone.
pub(crate) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let params = Params::from_body(&headers, &body);
    let username = params.and_then(|params| shared.username_of(params.values()));
    let asked = Asked { headers: &headers, body: &body };
    let answer = async { revoke(&shared, &asked).into_response() };
    fault::exchange(&shared, Endpoint::Revocation, username.as_deref(), &asked, answer).await
}

fn revoke(shared: &Shared, asked: &Asked<'_>) -> Result<StatusCode, OAuthError> {
    let request = ClientRequest::read(shared, asked.headers, asked.body)?;
    let token = request.required("token")?;
    let mut store = shared.store();
    // `token_type_hint` is a hint (§2.1), and a lookup in memory needs none.
    let refresh = store.refresh_tokens.get(token).map(|refresh| refresh.grant.clone());
    let access = store.access_tokens.get(token).map(|access| access.grant.clone());
    let Some(grant) = refresh.as_ref().or(access.as_ref()) else {
        // §2.2: an unknown token is as good as a revoked one.
        return Ok(StatusCode::OK);
    };
    if store.grants.get(grant).is_none_or(|grant| grant.client_id != request.client.id) {
        return Err(OAuthError::new("invalid_grant", "the token was issued to another client"));
    }
    if refresh.is_some() {
        store.revoke_grant(grant);
    } else {
        store.access_tokens.remove(token);
    }
    Ok(StatusCode::OK)
}
