//! The authorization response as a signed JWT, JWT Secured Authorization Response Mode for OAuth 2.0 (JARM).

use super::shared::Shared;
use crate::fault::Carrier;
use crate::state::{AuthorizationRequest, Jwt};

/// The parameters of the response in one, `response`, section 2.3.
pub(super) fn wrap(
    shared: &Shared,
    request: &AuthorizationRequest,
    plain: Vec<(String, String)>,
    username: Option<&str>,
) -> Vec<(String, String)> {
    let (keys, now) = (shared.keys(), shared.now());
    let mut jwt = Jwt::new(&keys, shared.alg_for(&request.part, &request.client_id), now, &shared.issuer);
    // Section 2.1.
    jwt.claim("iss", request.part.token_issuer(&request.marks));
    jwt.claim("aud", request.client_id.clone());
    jwt.claim("exp", now.saturating_add(LIFETIME));
    // Faults of the plain response change the claims.
    if !plain.iter().any(|(name, _)| name == "iss") {
        jwt.claims.remove("iss");
    }
    for (name, value) in &plain {
        jwt.claim(name, value.clone());
    }
    shared.faults.change_signed_response(&mut jwt, username);
    // Section 2.2: signed, then encrypted.
    let client = request.part.client(&request.client_id);
    jwt.recipient = client.and_then(|client| client.encrypted.response());
    shared.faults.change_encrypted_response(&mut jwt, username);
    let signed = jwt.sign().and_then(|signed| jwt.encrypted(signed)).unwrap_or_default();
    let mut params = vec![("response".to_owned(), signed)];
    shared.faults.change_carrier(Carrier { params: &mut params, plain: &plain }, username);
    params
}

/// In seconds. Section 2.1 recommends at most ten minutes.
const LIFETIME: u64 = 600;
