use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::fault::{self, Asked, Endpoint};
use crate::routes::bearer::{self, BearerError};
use crate::sandbox::Shared;
use crate::wire::json;

/// The UserInfo endpoint, OpenID Connect Core §5.3. It serves plain OAuth 2 access tokens as well.
pub(crate) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let username = bearer::token(&headers, &body).ok();
    let username = shared.username_of(username.as_deref().into_iter());
    let asked = Asked { headers: &headers, body: &body };
    let answer = async { read(&shared, &asked).unwrap_or_else(IntoResponse::into_response) };
    fault::exchange(&shared, Endpoint::UserInfo, username.as_deref(), &asked, answer).await
}

fn read(shared: &Shared, asked: &Asked<'_>) -> Result<Response, BearerError> {
    let token = bearer::token(asked.headers, asked.body)?;
    let now = shared.now();
    let mut store = shared.store();
    let (access, grant) = store
        .active_access_token(&token, now)
        // What an act has issued is good at that act.
        .filter(|(_, grant)| grant.issuer.is_none())
        .ok_or(BearerError::Invalid("the access token is unknown, expired or revoked"))?;
    let user = shared
        .user(&grant.signed_in.username)
        .ok_or(BearerError::Invalid("the user of this access token is gone"))?;
    let mut claims = user.claims(&access.scopes);
    if user.email_verified() && claims.contains_key("email_verified") {
        let grant = access.grant.clone();
        if !shared.email_verified(&mut store, user, &grant) {
            claims.insert("email_verified".into(), false.into());
        }
    }
    let username = user.username();
    drop(store);
    let mut claims = Value::Object(claims);
    shared.spoil_userinfo(&mut claims, username);
    Ok(json(StatusCode::OK, &claims))
}
