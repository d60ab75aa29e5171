use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use crate::routes::bearer::{self, BearerError};
use crate::routes::json;
use crate::server::Shared;

/// The UserInfo endpoint, OpenID Connect Core §5.3. It serves plain OAuth 2 access tokens as well.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, BearerError> {
    let token = bearer::token(&headers, &body)?;
    let now = shared.now();
    let store = shared.store();
    let (access, grant) = store
        .active_access_token(&token, now)
        .ok_or(BearerError::Invalid("the access token is unknown, expired or revoked"))?;
    let user = shared
        .user(&grant.signed_in.username)
        .ok_or(BearerError::Invalid("the user of this access token is gone"))?;
    Ok(json(StatusCode::OK, &Value::Object(user.claims(&access.scopes))))
}
