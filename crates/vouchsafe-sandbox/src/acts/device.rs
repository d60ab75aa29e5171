//! Sign-in on a device that has no browser, RFC 8628.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use vouchsafe_providers::Encoding;

use super::answer::{encoded, refusal};
use super::authorize::Acting;
use super::request::{authenticate, encoded_params, method_of};
use super::token::{Members, invalid_grant, issue};
use super::{Call, named};
use crate::routes::authorization_response::ResponseMode;
use crate::routes::authorize::{AuthorizationRequest, NO_ACR, Prompt};
use crate::state::store::{Decision, Device, Grant};
use crate::wire::OAuthError;
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::{random_token, random_user_code};

/// The device authorization endpoint, §3.1.
pub(super) fn answer(call: &Call<'_>) -> Response {
    match begin(call) {
        Ok(body) => encoded(call, &call.act.definition.token, StatusCode::OK, &body),
        Err(error) => refusal(call, error),
    }
}

/// Whether a token request is one of a device.
pub(super) fn is_meant(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    let definition = &call.act.definition;
    let own = definition.token.grant_types.get(GRANT_TYPE).map_or(GRANT_TYPE, String::as_str);
    definition.device_authorization_endpoint.is_some() && grant_type == Some(own)
}

/// The token endpoint, for a device that asks whether its user has decided, §3.4 and §3.5.
pub(super) fn redeem(call: &Call<'_>) -> Result<Members, OAuthError> {
    let (shared, encoding) = (call.shared, call.act.definition.token.encoding);
    let params = encoded_params(call, encoding, &method_of(encoding))?;
    check_client(call, &params)?;
    let given =
        params.get("device_code").ok_or_else(|| OAuthError::invalid_request("the device code is missing"))?;
    let mut store = shared.store();
    let now = shared.now();
    let device = store
        .devices
        .get_mut(given)
        .filter(|device| device.request.client_id == call.act.client.id)
        .ok_or_else(|| invalid_grant("the device code is unknown or was used before"))?;
    if device.expires_at <= now {
        return Err(OAuthError::new("expired_token", "the device code has expired"));
    }
    let signed_in = match &device.decision {
        Some(Decision::Allowed(signed_in)) => signed_in.clone(),
        Some(Decision::Denied) => {
            return Err(OAuthError::new("access_denied", "the user has denied the request"));
        }
        None => {
            let too_soon = device.polled_at.is_some_and(|last| now < last.saturating_add(device.interval));
            device.polled_at = Some(now);
            if too_soon {
                device.interval += SLOWER;
                return Err(OAuthError::new("slow_down", "the device asks more often than it may"));
            }
            return Err(OAuthError::new("authorization_pending", "the user has not decided yet"));
        }
    };
    let request = device.request.clone();
    store.devices.remove(given);
    let id = random_token("");
    let grant = Grant {
        client_id: request.client_id,
        signed_in,
        scopes: request.scopes,
        acr: request.acr,
        revoked: false,
        issuer: request.acting.map(|acting| acting.issuer()),
        email_unverified: false,
        forwarded: Vec::new(),
    };
    store.grants.insert(id.clone(), grant.clone());
    drop(store);
    issue(call, (&grant, &id), None, false)
}

fn begin(call: &Call<'_>) -> Result<serde_json::Value, OAuthError> {
    let shared = call.shared;
    let params = encoded_params(call, Encoding::Form, &Method::POST)?;
    check_client(call, &params)?;
    let separator = call.act.definition.scope_separator.as_str();
    let scopes = Scopes::parse(&params.get("scope").unwrap_or_default().replace(separator, " "))
        .ok_or_else(|| OAuthError::new("invalid_scope", "scope has characters that no scope may have"))?;
    let device_code = random_token("sandbox-device-");
    let user_code = random_user_code();
    let request = AuthorizationRequest {
        client_id: call.act.client.id.clone(),
        redirect_uri: String::new(),
        redirect_uri_omitted: true,
        response_mode: ResponseMode::default(),
        scopes,
        state: None,
        nonce: None,
        challenge: None,
        max_age: None,
        // §5.4: who types a code that somebody else has sent must see what it is for, each time.
        prompt: Prompt { consent: true, ..Prompt::default() },
        login_hint: None,
        only_user: None,
        acr: NO_ACR.to_owned(),
        acting: Some(Acting::new(Arc::clone(call.act), call.marks.clone(), Vec::new())),
        device: Some(device_code.clone()),
    };
    let expires_at = shared.now().saturating_add(LIFETIME);
    let device = Device { request, expires_at, interval: INTERVAL, polled_at: None, decision: None };
    let mut store = shared.store();
    store.devices.insert(device_code.clone(), device);
    store.user_codes.insert(user_code.replace('-', ""), device_code.clone());
    Ok(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": format!("{}/device", shared.issuer),
        "verification_uri_complete": format!("{}/device?user_code={user_code}", shared.issuer),
        "expires_in": LIFETIME,
        "interval": INTERVAL,
    }))
}

/// A device keeps no secrets: its id is enough, but what else it sends must be right.
fn check_client(call: &Call<'_>, params: &Params) -> Result<(), OAuthError> {
    let names = &call.act.definition.token.names;
    let get = |standard| named(&[names], standard).and_then(|name| params.get(name));
    let (id, secret) = (get("client_id"), get("client_secret"));
    if secret.is_some() || call.header("authorization").is_some() {
        return authenticate(call, call.act.definition.client_auth, (id, secret), (false, true));
    }
    if id == Some(&call.act.client.id) {
        return Ok(());
    }
    Err(OAuthError::new("invalid_client", "the client is unknown, or does not say who it is"))
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// In seconds, as all of these.
const LIFETIME: u64 = 900;
const INTERVAL: u64 = 5;
/// RFC 8628 §3.5.
const SLOWER: u64 = 5;
