//! The server metadata, RFC 8414 section 2 and OpenID Connect Discovery section 3, and the key set that it names, RFC 7517
//! section 5.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use vouchsafe_providers::Pkce;

use super::session::Visit;
use super::{Call, strong};
use crate::state::{Attacker, SigningAlg};
use crate::wire::{OAuthError, ensure, invalid_request};

/// The endpoints and features that the part has, and no others.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let error = invalid_request("the metadata is read by GET");
    let error = OAuthError { status: StatusCode::METHOD_NOT_ALLOWED, ..error };
    ensure([Method::GET, Method::HEAD].contains(&call.incoming.method), error)?;
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
    if definition.device_authorization_endpoint.is_some()
        && let Some(grants) = metadata["grant_types_supported"].as_array_mut()
    {
        grants.push(call.grant_type(super::device::GRANT_TYPE).into());
    }
    if matches!(definition.pkce, Pkce::Supported | Pkce::Required) {
        metadata["code_challenge_methods_supported"] = json!(["S256"]);
    }
    for (_, name, url) in part.urls().into_iter().filter(|(_, name, _)| !name.is_empty()) {
        metadata[name] = part.fill(&url, &call.marks).unwrap_or(url).into();
    }
    if let (true, Some(grants)) = (part.is_own, metadata["grant_types_supported"].as_array_mut()) {
        grants.extend(super::exchange::GRANT_TYPES.map(Value::from));
        grants.push(super::backchannel::GRANT_TYPE.into());
    }
    if let (true, Some(metadata)) = (part.is_own, metadata.as_object_mut()) {
        metadata.extend(own(&part.base));
        metadata.extend(strong::metadata(call.shared));
    }
    Ok(metadata)
}

/// Further members for the sandbox's own provider.
fn own(base: &str) -> Map<String, Value> {
    let members = json!({
        "service_documentation": format!("{base}/"),
        "code_challenge_methods_supported": ["S256", "plain"],
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid",
            "name", "given_name", "family_name", "preferred_username", "email", "email_verified",
        ],
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["en"],
    });
    members.as_object().cloned().unwrap_or_default()
}

/// The key set. If one directory has many issuers, each key names the issuer that it may sign for.
pub(super) fn keys(call: &Call<'_>) -> Value {
    let mut set = call.shared.keys().jwks();
    if let (Some(decryption), Some(keys)) =
        (call.shared.decryption.as_ref().filter(|_| call.part.is_own), set["keys"].as_array_mut())
    {
        keys.extend_from_slice(decryption.jwks());
    }
    if call.part.definition.issuer_template.is_some() {
        let issuer = call.part.announced_issuer(&call.marks);
        for key in set["keys"].as_array_mut().into_iter().flatten() {
            key["issuer"] = issuer.clone().into();
        }
    }
    set
}

/// The key set of an attacker, with the key id that the request names.
pub(crate) async fn attacker(Visit { incoming, .. }: Visit) -> Response {
    let set = json!({ "keys": [Attacker::jwk(&incoming.query.get("kid").into())] });
    ([("content-type", "application/json")], set.to_string()).into_response()
}

/// The same key as PEM.
pub(crate) async fn attacker_pem() -> Response {
    ([("content-type", "application/x-pem-file")], Attacker::pem()).into_response()
}
