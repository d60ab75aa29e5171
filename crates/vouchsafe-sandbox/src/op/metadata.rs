//! The server metadata, RFC 8414 section 2 and OpenID Connect Discovery section 3.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use vouchsafe_providers::Pkce;

use super::Call;
use crate::state::keys::SigningAlg;
use crate::wire::OAuthError;

/// The endpoints and features that the part has, and no others.
pub(super) fn answer(call: &Call<'_>) -> Result<Value, OAuthError> {
    if ![Method::GET, Method::HEAD].contains(&call.incoming.method) {
        let error = OAuthError::invalid_request("the metadata is read by GET");
        return Err(OAuthError { status: StatusCode::METHOD_NOT_ALLOWED, ..error });
    }
    let (part, definition) = (call.part, &call.part.definition);
    let algorithms = SigningAlg::NAMES;
    let auth = match definition.client_auth {
        Some(method) => vec![method.as_str()],
        None => vec!["client_secret_basic", "client_secret_post"],
    };
    let mut metadata = json!({
        "issuer": part.announced_issuer(&call.marks),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": &["authorization_code", "refresh_token"][..if definition.refresh { 2 } else { 1 }],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": auth,
        "scopes_supported": definition.scopes,
    });
    if part.names_issuer() {
        metadata["authorization_response_iss_parameter_supported"] = true.into();
    }
    if definition.userinfo.signed {
        metadata["userinfo_signing_alg_values_supported"] = json!(algorithms);
    }
    if matches!(definition.pkce, Pkce::Supported | Pkce::Required) {
        metadata["code_challenge_methods_supported"] = json!(["S256"]);
    }
    for (role, url) in part.urls() {
        if let Some(name) = role.in_metadata() {
            metadata[name] = part.fill(&url, &call.marks).unwrap_or(url).into();
        }
    }
    if let (true, Value::Object(all), Value::Object(more)) = (part.is_own, &mut metadata, own(&part.base)) {
        all.extend(more);
    }
    Ok(metadata)
}

/// Further members for the sandbox's own provider.
fn own(base: &str) -> Value {
    json!({
        "service_documentation": format!("{base}/"),
        "code_challenge_methods_supported": ["S256", "plain"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr",
            "name", "given_name", "family_name", "preferred_username", "email", "email_verified",
        ],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        // The default of this one is true.
        "request_uri_parameter_supported": false,
    })
}
