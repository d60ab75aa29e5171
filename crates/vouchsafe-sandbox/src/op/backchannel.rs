//! Sign-in without the user's browser, OpenID Connect CIBA Core 1.0: poll and ping.

use std::sync::Arc;

use serde_json::{Value, json};
use vouchsafe_providers::Encoding;

use super::Call;
use super::request::Form;
use super::shared::Shared;
use crate::state::{AuthorizationRequest, Decision, Device, SignedIn};
use crate::wire::{
    OAuthError, ensure, error, invalid_client, invalid_request, random_token, sha256_base64url,
};

/// The backchannel authentication endpoint, section 7.1.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (shared, part) = (call.shared, call.part);
    let form = Form::read(&call.incoming, Encoding::Form, &[])?;
    let client = call.authenticate(part.definition.client_auth, &form, form.expects_client())?;
    ensure(client.secret.is_some(), invalid_client("this endpoint is for clients that authenticate"))?;
    let scopes = part.scopes(form.get("scope"))?;
    ensure(scopes.contains("openid"), error("invalid_scope", "scope must contain openid"))?;
    let hints = ["login_hint", "id_token_hint", "login_hint_token"];
    let given: Vec<_> = hints.iter().filter_map(|name| Some((*name, form.get(name)?))).collect();
    let [(name, hint)] = given[..] else {
        return Err(invalid_request(
            "the request needs exactly one of login_hint, id_token_hint and login_hint_token",
        ));
    };
    let username = match name {
        "login_hint" => Some(hint.split('@').next().unwrap_or_default().to_owned()),
        "id_token_hint" => {
            shared.store().id_tokens.get(&sha256_base64url(hint)).map(|issued| issued.username.clone())
        }
        _ => return Err(invalid_request("the sandbox knows no login_hint_token")),
    };
    let unknown = || error("unknown_user_id", "the hint names no user of this sandbox");
    let username = username.filter(|name| shared.user(name).is_some()).ok_or_else(unknown)?;
    let asked = form.get("requested_expiry").map(str::parse);
    let wrong = |_| invalid_request("requested_expiry must be a number of seconds");
    let lifetime = asked.transpose().map_err(wrong)?.unwrap_or(LIFETIME).clamp(1, LIFETIME);
    if let Some(token) = form.get("client_notification_token") {
        // Section 7.1: at most 1024 characters, of those of a bearer token.
        let fits = token.len() <= 1024 && token.bytes().all(|b| b.is_ascii_graphic());
        ensure(fits, invalid_request("client_notification_token is no bearer token"))?;
    }
    let id = random_token(PREFIX);
    let request = AuthorizationRequest {
        scopes,
        login_hint: Some(username),
        ..AuthorizationRequest::new(Arc::clone(part), call.marks.clone(), client.id.clone())
    };
    let expires_at = shared.now().saturating_add(lifetime);
    let mut store = shared.store();
    if let Some(token) = form.get("client_notification_token") {
        store.notifications.insert(id.clone(), token.to_owned());
    }
    let device = Device { request, expires_at, interval: INTERVAL, polled_at: None, decision: None };
    store.devices.insert(id.clone(), device);
    Ok(json!({ "auth_req_id": id, "expires_in": lifetime, "interval": INTERVAL }))
}

/// The user decides. Returns the notification that the provider would post, section 10.2: the value of its `Authorization` header
/// field, if the client asked to be notified, and its body. `None` if there is no such login.
pub(crate) fn decide(shared: &Shared, id: &str, allows: bool) -> Option<(Option<String>, String)> {
    let now = shared.now();
    let mut store = shared.store();
    let device = store.devices.get_mut(id).filter(|_| id.starts_with(PREFIX))?;
    let username = device.request.login_hint.clone()?;
    let signed_in = SignedIn { username, auth_time: now, sid: random_token("sandbox-sid-") };
    device.decision = Some(if allows { Decision::Allowed(signed_in) } else { Decision::Denied });
    let bearer = store.notifications.get(id).map(|token| format!("Bearer {token}"));
    Some((bearer, json!({ "auth_req_id": id }).to_string()))
}

pub(super) const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";
/// No device code begins so.
pub(super) const PREFIX: &str = "sandbox-ciba-";
/// In seconds, as the next one.
const LIFETIME: u64 = 120;
const INTERVAL: u64 = 5;
