//! Sign-in on a device that has no browser, RFC 8628.

use std::sync::Arc;

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::issue::Issuance;
use super::request::Form;
use super::{Call, Reply, backchannel};
use crate::config::ClientConfig;
use crate::state::{AuthorizationRequest, Decision, Device};
use crate::wire::{OAuthError, ensure, error, invalid_client, invalid_grant, invalid_request};
use crate::wire::{random_token, random_user_code};

/// The device authorization endpoint, section 3.1.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (shared, part) = (call.shared, call.part);
    let form = Form::read(&call.incoming, Encoding::Form, &[&part.definition.token.names])?;
    let client_id = client(call, &form)?.id.clone();
    let device_code = random_token("sandbox-device-");
    let user_code = random_user_code();
    let request = AuthorizationRequest {
        scopes: part.scopes(form.params.get("scope"))?,
        // Section 5.4: an attacker may have sent the code, so the page shows each time what it is for.
        prompt: vec!["consent".to_owned()],
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

/// Whether a token request is one of a device, or of a login without a browser, which waits in the same way.
pub(super) fn is_meant(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    is_backchannel(call, grant_type) || is_device(call, grant_type)
}

fn is_backchannel(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    call.part.is_own && grant_type == Some(backchannel::GRANT_TYPE)
}

fn is_device(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    call.part.definition.device_authorization_endpoint.is_some()
        && grant_type == Some(call.grant_type(GRANT_TYPE))
}

/// The token endpoint, for a device that asks whether its user has decided, sections 3.4 and 3.5.
pub(super) fn redeem(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let token = &call.part.definition.token;
    let form = Form::read(&call.incoming, token.encoding, &[&token.names])?;
    let client = client(call, &form)?;
    let by_id = is_backchannel(call, form.get("grant_type"));
    let given = form.params.get(if by_id { "auth_req_id" } else { "device_code" });
    let given = given.ok_or_else(|| invalid_request("the device code, or the auth_req_id, is missing"))?;
    let other = invalid_grant("the code is for another grant");
    ensure(given.starts_with(backchannel::PREFIX) == by_id, other)?;
    let mut store = call.shared.store();
    let now = call.shared.now();
    let device = store.devices.get_mut(given).filter(|device| device.request.part.base == call.part.base);
    let device = device.ok_or_else(|| invalid_grant("the device code is unknown or was used before"))?;
    ensure(
        device.request.client_id == client.id,
        invalid_grant("the device code was issued to another client"),
    )?;
    ensure(device.expires_at > now, error("expired_token", "the device code has expired"))?;
    let signed_in = match &device.decision {
        Some(Decision::Allowed(signed_in)) => signed_in.clone(),
        Some(Decision::Denied) => return Err(error("access_denied", "the user has denied the request")),
        None => {
            let last = device.polled_at.replace(now);
            if last.is_some_and(|last| now < last.saturating_add(device.interval)) {
                device.interval += SLOWER;
                return Err(error("slow_down", "the device polls more often than it may"));
            }
            return Err(error("authorization_pending", "the user has not decided yet"));
        }
    };
    let request = device.request.clone();
    store.devices.remove(given);
    let grant = call.grant(&mut store, request, signed_in);
    drop(store);
    Issuance { call, grant: &grant, scopes: &grant.request.scopes, is_refreshed: false }.reply(false)
}

/// The client. At an acted provider, a device keeps no secrets: its client id is enough, but a secret that it sends must be
/// right. The sandbox's own provider knows which of its clients have one, section 3.1.
fn client<'c>(call: &'c Call<'_>, form: &Form<'_>) -> Result<&'c ClientConfig, OAuthError> {
    let has_secret = form.get("client_secret").is_some() || call.incoming.header("authorization").is_some();
    if has_secret || call.part.is_own {
        return call.authenticate(call.part.definition.client_auth, form, (false, true));
    }
    let known = form.get("client_id").and_then(|id| call.part.client(id));
    known.ok_or_else(|| invalid_client("the request does not name a client that is registered here"))
}

pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// In seconds, as the next two.
const LIFETIME: u64 = 900;
const INTERVAL: u64 = 5;
/// RFC 8628 section 3.5.
const SLOWER: u64 = 5;
