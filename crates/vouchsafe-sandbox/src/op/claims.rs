//! A source of claims for another provider, OpenID Connect Core section 5.6.2: signed by this one.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::session::Visit;
use super::shared::Shared;
use crate::fault::{Endpoint, Stages};
use crate::state::Jwt;
use crate::wire::{OAuthError, bearer, error, lock, random_token};

/// Claims as a JWT of this issuer.
pub(crate) fn signed(shared: &Shared, claims: &Value) -> Option<String> {
    let (keys, now) = (shared.keys(), shared.now());
    let mut jwt = Jwt::new(&keys, shared.signing_alg, now, &shared.issuer);
    jwt.claims = claims.as_object().cloned().unwrap_or_default();
    jwt.claim("iss", shared.issuer.clone());
    jwt.claim("iat", now);
    jwt.claim("exp", now.saturating_add(LIFETIME));
    shared.faults.change_claims(&mut jwt);
    jwt.sign().ok()
}

/// Keeps claims at the endpoint for distributed claims. Returns the endpoint, and the access token that opens them.
pub(crate) fn distribute(shared: &Shared, claims: &Value) -> Value {
    let token = random_token("sandbox-claims-");
    shared.secrets.note(&token);
    lock(&shared.claims).insert(token.clone(), claims.clone());
    json!({ "endpoint": format!("{}/claims", shared.issuer), "access_token": token })
}

/// The endpoint for distributed claims.
pub(crate) async fn respond(Visit { shared, incoming }: Visit) -> Result<Response, OAuthError> {
    let faults = Stages { faults: &shared.faults, at: Endpoint::Claims, username: None };
    if let Some(instead) = faults.request(&incoming).await {
        return Ok(instead);
    }
    let unknown = || OAuthError {
        status: StatusCode::UNAUTHORIZED,
        ..error("invalid_token", "the access token opens no claims here")
    };
    let token = bearer(&incoming)?.ok_or_else(unknown)?;
    let claims = lock(&shared.claims).get(&token).cloned().ok_or_else(unknown)?;
    let jwt =
        signed(&shared, &claims).ok_or_else(|| error("server_error", "the claims could not be signed"))?;
    Ok(([("content-type", "application/jwt"), ("cache-control", "no-store")], jwt).into_response())
}

/// In seconds.
const LIFETIME: u64 = 600;
