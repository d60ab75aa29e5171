use axum::response::Response;
use serde_json::{Map, Value, json};
use vouchsafe_providers::ProfileSource;

use super::answer::{refusal, refusal_by, tokens};
use super::openid::IdToken;
use super::request::{authenticate, body_params, encoded_params, method_of};
use super::{Call, Role, device, named, profile, revoke, rewrite};
use crate::fault::{self, Endpoint, TOLD};
use crate::routes::token::check_verifier;
use crate::state::store::{AccessToken, Grant, IssuedIdToken, RefreshToken, Store};
use crate::wire::OAuthError;
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::{random_token, sha256_base64url};

/// The token endpoint, and what else may be at its URL.
pub(super) async fn answer(call: &Call<'_>, roles: &[Role]) -> Response {
    let given = body_params(call).unwrap_or_else(|| Params::from_pairs([]));
    let username = call.shared.username_of(given.values().chain(call.query.values()));
    let both = |name: &str| given.get(name).or_else(|| call.query.get(name)).map(str::to_owned);
    let (shared, asked) = (call.shared, call.asked());
    if roles.contains(&Role::Revocation) && revoke::is_meant(call, roles, &both) {
        let answer = async { revoke::answer(call) };
        return fault::exchange(shared, Endpoint::Revocation, username.as_deref(), &asked, answer).await;
    }
    let answer = async {
        match shared.maybe_rotate(username.as_deref()).await {
            Ok(()) => match shared.faults.refusal() {
                Some(code) => refusal_by(call, &code, OAuthError::invalid_request(TOLD)),
                None => redeem(call, roles, &both),
            },
            Err(error) => refusal(call, error),
        }
    };
    fault::exchange(shared, Endpoint::Token, username.as_deref(), &asked, answer).await
}

fn redeem(call: &Call<'_>, roles: &[Role], both: &impl Fn(&str) -> Option<String>) -> Response {
    let quirks = &call.act.definition.token;
    let grant_type = named(&[&quirks.names], "grant_type").and_then(both);
    let long_lived = call.act.definition.long_lived.as_ref().filter(|_| roles.contains(&Role::LongLived));
    let mut for_code = false;
    let members = match long_lived {
        Some(long_lived)
            if grant_type.as_ref() == Some(&long_lived.grant_type) || roles == [Role::LongLived] =>
        {
            self::long_lived(call)
        }
        _ if device::is_meant(call, grant_type.as_deref()) => device::redeem(call),
        _ if is_refresh(call, roles, grant_type.as_deref(), both) => refresh(call),
        _ => {
            for_code = true;
            code(call)
        }
    };
    match members {
        Ok((members, beside)) => tokens(call, members, &beside, for_code),
        Err(error) => refusal(call, error),
    }
}

/// The members of an answer, and what else the answer says.
pub(super) type Members = (Map<String, Value>, Value);

/// RFC 6749 §4.1.3.
fn code(call: &Call<'_>) -> Result<Members, OAuthError> {
    let (definition, shared) = (&call.act.definition, call.shared);
    let quirks = &definition.token;
    let params = encoded_params(call, quirks.encoding, &method_of(quirks.encoding))?;
    let get = |standard| named(&[&quirks.names], standard).and_then(|name| params.get(name));
    let expects = |standard| named(&[&quirks.names], standard).is_some();
    call.check_headers(&quirks.headers)?;
    let auth = (get("client_id"), get("client_secret"));
    authenticate(call, definition.client_auth, auth, (expects("client_id"), expects("client_secret")))?;
    call.check_params(&params, &quirks.params)?;
    check_grant_type(call, get("grant_type"), "authorization_code")?;

    let given = get("code").ok_or_else(|| OAuthError::invalid_request("the code is missing"))?;
    let mut store = shared.store();
    let code = store.codes.get(given).cloned().ok_or_else(|| invalid_grant("the code is unknown"))?;
    let acting = code.request.acting.as_ref().filter(|_| code.request.client_id == call.act.client.id);
    let acting = acting.ok_or_else(|| invalid_grant("the code was issued by another provider"))?;
    if let Some(grant) = &code.redeemed {
        store.revoke_grant(grant);
        return Err(invalid_grant("the code was used before, so its tokens are revoked"));
    }
    if code.expires_at <= shared.now() {
        return Err(invalid_grant("the code has expired"));
    }
    if expects("redirect_uri") && get("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
    }
    if let Some((name, _)) = acting.forward().iter().find(|(name, value)| params.get(name) != Some(value)) {
        return Err(OAuthError::invalid_request(format!("parameter {name} of the callback is missing here")));
    }
    let asked = code.request.scopes.iter().collect::<Vec<_>>().join(&definition.scope_separator);
    if quirks.scope && get("scope").unwrap_or_default() != asked {
        return Err(OAuthError::invalid_request("scope is not that of the authorization request"));
    }
    check_verifier(code.request.challenge.as_ref(), get("code_verifier"))?;

    let id = random_token("");
    let grant = Grant {
        client_id: call.act.client.id.clone(),
        signed_in: code.signed_in.clone(),
        scopes: code.request.scopes.clone(),
        acr: code.request.acr.clone(),
        revoked: false,
        issuer: Some(acting.issuer()),
        forwarded: acting.forward().to_vec(),
        email_unverified: false,
    };
    store.grants.insert(id.clone(), grant.clone());
    if let Some(code) = store.codes.get_mut(given) {
        code.redeemed = Some(id.clone());
    }
    drop(store);
    issue(call, (&grant, &id), code.request.nonce.as_deref(), false)
}

/// RFC 6749 §6, with the refresh token replaced each time.
fn refresh(call: &Call<'_>) -> Result<Members, OAuthError> {
    let (definition, shared) = (&call.act.definition, call.shared);
    let (quirks, refreshing) = (&definition.token, &definition.refreshing);
    let encoding = refreshing.encoding.unwrap_or(quirks.encoding);
    let params = encoded_params(call, encoding, &method_of(encoding))?;
    let names = [&refreshing.names, &quirks.names];
    let get = |standard| named(&names, standard).and_then(|name| params.get(name));
    let expects = |standard| named(&names, standard).is_some();
    call.check_headers(&quirks.headers)?;
    let auth = (get("client_id"), get("client_secret"));
    authenticate(call, definition.client_auth, auth, (expects("client_id"), expects("client_secret")))?;
    let own = |name: &String| refreshing.params.contains_key(name);
    let shared_params = quirks.params.iter().filter(|(name, _)| !own(name));
    call.check_params(&params, shared_params.chain(&refreshing.params))?;
    if !refreshing.params.contains_key("grant_type") {
        check_grant_type(call, get("grant_type"), "refresh_token")?;
    }
    if !definition.refresh {
        return Err(OAuthError::new("unsupported_grant_type", "this provider refreshes nothing"));
    }
    if refreshing.redirect_uri && get("redirect_uri").is_none() {
        return Err(OAuthError::invalid_request("redirect_uri is missing"));
    }
    if refreshing.scope && get("scope").is_none() {
        return Err(OAuthError::invalid_request("scope is missing"));
    }
    let given = get("refresh_token").or_else(|| get("access_token").filter(|_| refreshing.access_token));
    let given = given.ok_or_else(|| OAuthError::invalid_request("the token to refresh is missing"))?;
    let unknown = || invalid_grant("the token to refresh is unknown, expired or revoked");
    let mut store = shared.store();
    let now = shared.now();
    let found = if refreshing.access_token {
        store.active_access_token(given, now).map(|(token, grant)| (token.grant.clone(), grant.clone()))
    } else {
        if let Some(used) = store.refresh_tokens.get(given).filter(|token| token.used) {
            let id = used.grant.clone();
            store.revoke_grant(&id);
        }
        store.active_refresh_token(given, now).map(|(token, grant)| (token.grant.clone(), grant.clone()))
    };
    let (id, grant) = found.filter(|(_, grant)| grant.client_id == call.act.client.id).ok_or_else(unknown)?;
    let lacks = |(name, value): &&(String, String)| {
        refreshing.forward.contains(name) && params.get(name) != Some(value.as_str())
    };
    if let Some((name, _)) = grant.forwarded.iter().find(lacks) {
        return Err(OAuthError::invalid_request(format!("parameter {name} of the callback is missing here")));
    }
    if shared.refuses_refresh(&grant.signed_in.username) {
        return Err(invalid_grant("the refresh token was used before, so all that came of it is revoked"));
    }
    if let Some(token) = store.refresh_tokens.get_mut(given) {
        token.used = true;
    }
    drop(store);
    issue(call, (&grant, &id), None, true)
}

/// A long-lived token for a short-lived one.
fn long_lived(call: &Call<'_>) -> Result<Members, OAuthError> {
    let (definition, shared) = (&call.act.definition, call.shared);
    let Some(quirks) = &definition.long_lived else {
        return Err(OAuthError::new("unsupported_grant_type", "this provider has no long-lived tokens"));
    };
    let params = encoded_params(call, quirks.encoding, &method_of(quirks.encoding))?;
    let get = |standard| named(&[&definition.token.names], standard).and_then(|name| params.get(name));
    if get("grant_type") != Some(&quirks.grant_type) {
        return Err(OAuthError::new(
            "unsupported_grant_type",
            "this is not how a long-lived token is asked for",
        ));
    }
    // The client id is optional: the secret tells as much.
    let id = get("client_id").or(Some(call.act.client.id.as_str()));
    authenticate(call, definition.client_auth, (id, get("client_secret")), (true, true))?;
    let given =
        params.get(&quirks.token_name).ok_or_else(|| OAuthError::invalid_request("the token is missing"))?;
    let mut store = shared.store();
    let found = store
        .active_access_token(given, shared.now())
        .filter(|(_, grant)| grant.client_id == call.act.client.id)
        .map(|(access, _)| access.clone());
    let access = found.ok_or_else(|| invalid_grant("the short-lived token is unknown or has expired"))?;
    let token = random_token("sandbox-long-at-");
    remember_access(call, &mut store, &token, &access.grant, &access.scopes, LONG_LIFETIME);
    let members = json!({ "access_token": token, "token_type": "bearer", "expires_in": LONG_LIFETIME });
    Ok((members.as_object().cloned().unwrap_or_default(), Value::Null))
}

/// RFC 6749 §5.1, as far as this provider keeps to it.
pub(super) fn issue(
    call: &Call<'_>,
    (grant, grant_id): (&Grant, &str),
    nonce: Option<&str>,
    is_refreshed: bool,
) -> Result<Members, OAuthError> {
    let (act, shared) = (call.act, call.shared);
    let (definition, quirks) = (&act.definition, &act.definition.token);
    let user = shared.user(&grant.signed_in.username).ok_or_else(|| invalid_grant("the user is gone"))?;
    let email_verified = shared.email_verified(&mut shared.store(), user, grant_id);
    let lifetime = shared.access_token_lifetime;
    let issuer = grant.issuer.clone().unwrap_or_else(|| act.issuer.clone());
    let token = IdToken {
        shared,
        act,
        issuer: &issuer,
        user,
        email_verified,
        grant,
        nonce,
        access_token: None,
        is_refreshed,
    };
    let access_token = match definition.userinfo.source {
        ProfileSource::AccessToken => token.sign()?,
        _ => random_token("sandbox-at-"),
    };
    let mut members = Map::new();
    members.insert("access_token".into(), access_token.clone().into());
    if !quirks.token_type_absent {
        members.insert("token_type".into(), "Bearer".into());
    }
    let (expires_in, good_for) = match (quirks.expires_in_zero_is_never, quirks.expires_in_milliseconds) {
        (true, _) => (0, u64::MAX),
        (false, true) => (lifetime.saturating_mul(1000), lifetime),
        (false, false) => (lifetime, lifetime),
    };
    members.insert("expires_in".into(), expires_in.into());
    let scopes: Vec<_> = grant.scopes.iter().collect();
    if let (Some(separator), false) = (quirks.scope_separators.chars().last(), scopes.is_empty()) {
        members.insert("scope".into(), scopes.join(&separator.to_string()).into());
    }
    let wants_id_token =
        grant.scopes.contains("openid") || !definition.scopes.iter().any(|scope| scope == "openid");
    if act.has_id_token() && (wants_id_token || !act.is_openid()) {
        let id_token = IdToken { access_token: Some(&access_token), ..token }.sign()?;
        let issued = IssuedIdToken { client_id: act.client.id.clone(), username: user.username().to_owned() };
        shared.store().id_tokens.insert(sha256_base64url(&id_token), issued);
        members.insert("id_token".into(), id_token.into());
    }
    let mut store = shared.store();
    if definition.refresh && !definition.refreshing.access_token {
        let refresh_token = random_token("sandbox-rt-");
        members.insert("refresh_token".into(), refresh_token.clone().into());
        let now = shared.now();
        let expires_at = now.saturating_add(REFRESH_LIFETIME);
        let token = RefreshToken { grant: grant_id.to_owned(), issued_at: now, expires_at, used: false };
        store.refresh_tokens.insert(refresh_token, token);
    }
    remember_access(call, &mut store, &access_token, grant_id, &grant.scopes, good_for);
    drop(store);
    shared.spoil_members(&mut members, user.username());
    Ok((members, beside(call, user, &grant.scopes, email_verified)))
}

/// What a token answer says of the user: what the profile's request takes from there or, where there is none, all.
fn beside(call: &Call<'_>, user: &crate::config::User, scopes: &Scopes, email_verified: bool) -> Value {
    let (act, quirks) = (call.act, &call.act.definition.userinfo);
    let mut beside = match quirks.source {
        ProfileSource::Token => profile::document(act, user, scopes, email_verified),
        _ => json!({}),
    };
    for text in quirks.params.values().chain(&act.definition.userinfo_endpoint) {
        for pointer in rewrite::marks(text).iter().filter_map(|name| name.strip_prefix("token:")) {
            profile::put(&mut beside, pointer, profile::subject_text(act, user).into());
        }
    }
    beside
}

fn remember_access(
    call: &Call<'_>,
    store: &mut Store,
    token: &str,
    grant: &str,
    scopes: &Scopes,
    lifetime: u64,
) {
    let now = call.shared.now();
    let access = AccessToken {
        grant: grant.to_owned(),
        scopes: scopes.clone(),
        issued_at: now,
        expires_at: now.saturating_add(lifetime),
    };
    store.access_tokens.insert(token.to_owned(), access);
}

fn is_refresh(
    call: &Call<'_>,
    roles: &[Role],
    grant_type: Option<&str>,
    given: &impl Fn(&str) -> Option<String>,
) -> bool {
    let definition = &call.act.definition;
    let fixed = definition.refreshing.params.get("grant_type").map(String::as_str);
    let known = definition.token.grant_types.get("refresh_token").map_or("refresh_token", String::as_str);
    match grant_type {
        // Where both are called the same, what is sent tells them apart.
        Some(given_type) if Some(given_type) == fixed || given_type == known => {
            let code = named(&[&definition.token.names], "code").and_then(given);
            code.is_none()
        }
        Some(_) => false,
        None if roles.contains(&Role::Token) => {
            let names = [&definition.refreshing.names, &definition.token.names];
            named(&names, "refresh_token").and_then(given).is_some()
        }
        None => true,
    }
}

fn check_grant_type(call: &Call<'_>, given: Option<&str>, standard: &str) -> Result<(), OAuthError> {
    let quirks = &call.act.definition.token;
    let fixed = quirks.params.contains_key("grant_type");
    if fixed || named(&[&quirks.names], "grant_type").is_none() {
        return Ok(());
    }
    let expected = quirks.grant_types.get(standard).map_or(standard, String::as_str);
    if expected.is_empty() || given == Some(expected) {
        return Ok(());
    }
    Err(OAuthError::new("unsupported_grant_type", format!("the grant type is not {expected}")))
}

pub(super) fn invalid_grant(description: &str) -> OAuthError {
    OAuthError::new("invalid_grant", description)
}

const REFRESH_LIFETIME: u64 = 30 * 24 * 3600;
/// Sixty days, as the providers that have such tokens give.
const LONG_LIFETIME: u64 = 60 * 24 * 3600;
