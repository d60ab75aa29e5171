//! The purposes of tokens: resources (RFC 8707), authorization details (RFC 9396), and claims by name (OpenID Connect Core section 5.5).

use serde_json::{Map, Value};
use url::Url;

use super::Call;
use super::shared::Shared;
use crate::config::User;
use crate::state::AuthorizationRequest;
use crate::wire::{OAuthError, Params, Scopes, ensure, error, invalid_request};

/// Reads them from an authorization request.
pub(super) fn read(
    call: &Call<'_>,
    params: &Params,
    request: &mut AuthorizationRequest,
) -> Result<(), OAuthError> {
    request.resources = resources(call.shared, params)?;
    request.details = details(call.shared, params)?;
    let Some(text) = params.get("claims") else { return Ok(()) };
    let claims = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    request.claims = claims.ok_or_else(|| invalid_request("claims is not a JSON object"))?;
    // Section 5.5.1.1: the sandbox grants every level of assurance, and so the first one that the client accepts.
    let acr = &request.claims["id_token"]["acr"];
    let wanted = acr["value"].as_str().or_else(|| acr["values"][0].as_str());
    if let Some(wanted) = wanted {
        wanted.clone_into(&mut request.acr);
    }
    Ok(())
}

/// Checks them in a token request, before its code or token is used up.
pub(super) fn check(call: &Call<'_>, granted: &AuthorizationRequest) -> Result<(), OAuthError> {
    if call.part.is_own {
        granted_resources(call, granted)?;
        granted_details(call, granted)?;
    }
    Ok(())
}

/// The resources of the tokens of this request: those that it names, or those of the grant.
pub(super) fn granted_resources(
    call: &Call<'_>,
    granted: &AuthorizationRequest,
) -> Result<Vec<String>, OAuthError> {
    let asked = resources(call.shared, &call.incoming.any_params())?;
    let granted = &granted.resources;
    // RFC 8707 section 2.2.
    let more = "resource is not one that the user has granted";
    let is_granted = |resource: &String| granted.is_empty() || granted.contains(resource);
    ensure(asked.iter().all(is_granted), error("invalid_target", more))?;
    Ok(if asked.is_empty() { granted.clone() } else { asked })
}

/// The authorization details of the tokens of this request: those that it names, or those of the grant.
pub(super) fn granted_details(
    call: &Call<'_>,
    granted: &AuthorizationRequest,
) -> Result<Option<Value>, OAuthError> {
    let granted = &granted.details;
    let Some(asked) = details(call.shared, &call.incoming.any_params())? else { return Ok(granted.clone()) };
    let all = granted.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let is_granted = asked.as_array().into_iter().flatten().all(|detail| all.contains(detail));
    // RFC 9396 section 6.1.
    let more = "authorization_details has more than the user has granted";
    ensure(is_granted, error("invalid_authorization_details", more))?;
    Ok(Some(asked))
}

fn resources(shared: &Shared, params: &Params) -> Result<Vec<String>, OAuthError> {
    let settings = &shared.settings;
    let known = &settings.demands.resources;
    let is_known =
        |uri: &str| known.is_empty() || known.iter().chain(&settings.audience).any(|known| known == uri);
    let resources: Vec<_> = params.all("resource").map(str::to_owned).collect();
    for uri in &resources {
        let is_absolute = Url::parse(uri).is_ok() && !uri.contains('#');
        let relative = "resource is not an absolute URI without a fragment (RFC 8707 section 2)";
        ensure(is_absolute, error("invalid_target", relative))?;
        ensure(is_known(uri), error("invalid_target", "resource is unknown here (RFC 8707 section 2)"))?;
    }
    Ok(resources)
}

/// RFC 9396 sections 2 and 5.
fn details(shared: &Shared, params: &Params) -> Result<Option<Value>, OAuthError> {
    let invalid = |description: &str| error("invalid_authorization_details", description);
    let Some(text) = params.get("authorization_details") else { return Ok(None) };
    let list = serde_json::from_str::<Value>(text).ok().filter(Value::is_array);
    let list = list.ok_or_else(|| invalid("authorization_details is not a JSON list"))?;
    for detail in list.as_array().into_iter().flatten() {
        let kind = detail["type"].as_str().ok_or_else(|| invalid("an element has no type"))?;
        let is_known = shared.settings.demands.details_types.iter().any(|known| known == kind);
        ensure(is_known, invalid("an element has a type that is unknown here"))?;
    }
    Ok(Some(list))
}

/// Adds the claims that the request names for `id_token` or `userinfo`, as far as the user has them.
pub(super) fn add_claims(to: &mut Map<String, Value>, wanted: &Value, user: &User, email_verified: bool) {
    let Some(wanted) = wanted.as_object() else { return };
    let all = Scopes::parse("openid profile email").map(|scopes| user.claims(&scopes, email_verified));
    for (name, value) in all.unwrap_or_default() {
        if wanted.contains_key(&name) && !to.contains_key(&name) {
            to.insert(name, value);
        }
    }
}
