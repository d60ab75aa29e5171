//! `/backchannel-logout/{provider}`: a provider says that sessions have ended (OpenID Connect Back-Channel Logout 1.0).
use http::{Response, StatusCode};
use serde_json::json;

use crate::login::finish::is_form;
use crate::session::record::Session;
use crate::site::failure::{Failure, LOG};
use crate::site::fault::Fault;
use crate::site::query::Query;
use crate::site::response::json;
use crate::site::routes::asked::Asked;
use crate::site::routes::login;

pub(super) async fn respond(
    asked: &Asked<'_>,
    name: &str,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<Response<String>, Failure> {
    let site = asked.visit.site();
    if !site.sessions().is_server_side() {
        let detail = "sessions in cookies cannot be ended by their provider: keep sessions in a store";
        return Err(Failure::not_found("not_found", detail));
    }
    let client = login::provider(asked, name).await?;
    let form = if is_form(asked.parts) { form.await } else { None };
    let form = form.map(|form| Query::parse(&form)).unwrap_or_default();
    let Ok(Some(token)) = form.one("logout_token") else {
        return Ok(refused("the request has no form with one logout_token"));
    };
    // Section 2.6.
    let token = match client.logout_token(token).await {
        Ok(token) => token,
        // The provider may try again.
        Err(error) if error.is_retryable() => return Err(error.into()),
        Err(error) => return Ok(refused(&error.to_string())),
    };
    let purpose = format!("logout {} {}", token.issuer().len(), token.issuer());
    if !site.sessions().once(&purpose, token.jti(), token.remember_until()).await? {
        return Ok(refused("a logout token with this jti came before"));
    }
    let ended = site.sessions().end_of(token.issuer(), token.sid(), token.subject()).await?;
    site.forget(ended.iter().map(Session::tokens_of)).await;
    tracing::info!(target: LOG, provider = name, sessions = ended.len(), "the provider ended sessions");
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// Section 2.8.
fn refused(reason: &str) -> Response<String> {
    tracing::info!(target: LOG, reason, "a logout token was refused");
    let message = "The logout token was refused.";
    json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "message": message }))
}

/// The fault of a request that a provider cannot have meant.
pub(super) fn not_meant(detail: &'static str) -> Failure {
    Failure::new(Fault::Malformed, detail).coded("invalid_request")
}
