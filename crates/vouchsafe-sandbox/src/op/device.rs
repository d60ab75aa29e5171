//! Sign-in on a device that has no browser, RFC 8628.

use std::sync::Arc;

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::issue::Issuance;
use super::{Call, Reply};
use crate::part::{ClientParams, Form};
use crate::state::request::{AuthorizationRequest, Prompt};
use crate::state::store::{Decision, Device};
use crate::wire::{OAuthError, random_token, random_user_code};

/// The device authorization endpoint, section 3.1.
pub(super) fn answer(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (shared, part) = (call.shared, call.part);
    let form = Form::read(&call.incoming, Encoding::Form, &[&part.definition.token.names])?;
    check_client(call, &form)?;
    let scopes = part
        .scopes(form.params.get("scope"))
        .ok_or_else(|| OAuthError::new("invalid_scope", "scope has characters that no scope may have"))?;
    let device_code = random_token("sandbox-device-");
    let user_code = random_user_code();
    let client_id = part.client_id().to_owned();
    let request = AuthorizationRequest {
        scopes,
        // Section 5.4: an attacker may have sent the code, so the page shows each time what it is for.
        prompt: Prompt { consent: true, ..Prompt::default() },
        device: Some(device_code.clone()),
        ..AuthorizationRequest::new(Arc::clone(part), call.marks.clone(), client_id)
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

/// Whether a token request is one of a device.
pub(super) fn is_meant(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    call.part.definition.device_authorization_endpoint.is_some()
        && grant_type == Some(call.part.grant_type(GRANT_TYPE))
}

/// The token endpoint, for a device that asks whether its user has decided, sections 3.4 and 3.5.
pub(super) fn redeem(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (shared, token) = (call.shared, &call.part.definition.token);
    let form = Form::read(&call.incoming, token.encoding, &[&token.names])?;
    check_client(call, &form)?;
    let given = form.params.get("device_code");
    let given = given.ok_or_else(|| OAuthError::invalid_request("the device code is missing"))?;
    let mut store = shared.store();
    let now = shared.now();
    let device = store.devices.get_mut(given).filter(|device| device.request.part.base == call.part.base);
    let unknown = || OAuthError::invalid_grant("the device code is unknown or was used before");
    let device = device.ok_or_else(unknown)?;
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
                return Err(OAuthError::new("slow_down", "the device polls more often than it may"));
            }
            return Err(OAuthError::new("authorization_pending", "the user has not decided yet"));
        }
    };
    let request = device.request.clone();
    store.devices.remove(given);
    let (id, grant) = call.grant(&mut store, &request, signed_in);
    drop(store);
    let scopes = &grant.scopes;
    Issuance { call, grant: &grant, id: &id, scopes, nonce: None, is_refreshed: false }.reply(false)
}

/// A device keeps no secrets: its client id is enough, but a secret that it sends must be right.
fn check_client(call: &Call<'_>, form: &Form<'_>) -> Result<(), OAuthError> {
    let given = form.client();
    if given.secret.is_some() || call.incoming.header("authorization").is_some() {
        let given = ClientParams { needs_id: false, needs_secret: true, ..given };
        return call.authenticate(call.part.definition.client_auth, given).map(drop);
    }
    match given.id.and_then(|id| call.part.client(id)) {
        Some(_) => Ok(()),
        None => Err(OAuthError::invalid_client("the request does not name a client that is registered here")),
    }
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// In seconds, as the next two.
const LIFETIME: u64 = 900;
const INTERVAL: u64 = 5;
/// RFC 8628 section 3.5.
const SLOWER: u64 = 5;
