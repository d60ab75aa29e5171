//! The token endpoint, RFC 6749 section 3.2: codes, refresh tokens, device codes and long-lived tokens.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Value, json};

use super::issue::Issuance;
use super::request::Form;
use super::{Call, Reply, details, device, exchange};
use crate::config::ClientConfig;
use crate::fault::Strike;
use crate::part::Role;
use crate::state::{AuthorizationRequest, Binding, Challenge, Grant, SignedIn, Store, Token};
use crate::wire::{OAuthError, ensure, error, invalid_grant, invalid_request, random_token};

pub(super) fn respond(call: &Call<'_>, roles: &[Role]) -> Result<Reply, OAuthError> {
    let definition = &call.part.definition;
    let given = Form::new(call.incoming.any_params(), &[&definition.token.names]);
    let grant_type = given.get("grant_type");
    let is_long_lived = definition.long_lived.as_ref().is_some_and(|long_lived| {
        roles == [Role::LongLived]
            || (roles.contains(&Role::LongLived) && grant_type == Some(&long_lived.grant_type))
    });
    if is_long_lived {
        long_lived(call)
    } else if exchange::is_meant(call, grant_type) {
        exchange::respond(call)
    } else if device::is_meant(call, grant_type) {
        device::redeem(call)
    } else if is_refresh(call, roles, &given) {
        refresh(call)
    } else {
        code(call)
    }
}

fn is_refresh(call: &Call<'_>, roles: &[Role], given: &Form<'_>) -> bool {
    let definition = &call.part.definition;
    let names = |params: &BTreeMap<String, String>, standard: &str, name: &str| {
        params.get("grant_type").is_some_and(|fixed| fixed == name) || name == call.grant_type(standard)
    };
    match given.get("grant_type") {
        // If both grant types have the same name, the code distinguishes them.
        Some(name) => {
            names(&definition.refreshing.params, "refresh_token", name)
                && !(names(&definition.token.params, "authorization_code", name)
                    && given.get("code").is_some())
        }
        None if roles.contains(&Role::Token) => {
            let names = [&definition.refreshing.names, &definition.token.names];
            Form::new(given.params.clone(), &names).get("refresh_token").is_some()
        }
        None => true,
    }
}

impl Call<'_> {
    /// The client of a token request, with the header fields that the definition wants.
    pub(super) fn client(&self, form: &Form<'_>) -> Result<&ClientConfig, OAuthError> {
        let definition = &self.part.definition;
        self.check_headers(&definition.token.headers)?;
        let client = self.authenticate(definition.client_auth, form, form.expects_client())?;
        self.sender(client)?;
        Ok(client)
    }

    /// A new grant, for a request that its user has allowed.
    pub(super) fn grant(&self, store: &mut Store, request: AuthorizationRequest, by: SignedIn) -> Grant {
        // The grant keeps the fault, so that all responses of a login agree with each other.
        let email_unverified = self.shared.faults.deals(Strike::UnverifiedEmail, Some(&by.username));
        let grant = Grant { id: random_token(""), request, signed_in: by, revoked: false, email_unverified };
        store.grants.insert(grant.id.clone(), grant.clone());
        grant
    }
}

/// RFC 6749 section 4.1.3.
fn code(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let quirks = &definition.token;
    let form = Form::read(&call.incoming, quirks.encoding, &[&quirks.names])?;
    let client = call.client(&form)?;
    call.check_params(&form.params, &quirks.params)?;
    call.check_grant_type(&form, "authorization_code")?;

    let given = form.required("code")?;
    let mut store = shared.store();
    let code = store.codes.get(given).cloned().ok_or_else(|| invalid_grant("the code is unknown"))?;
    let request = code.request;
    let is_theirs = request.part.base == part.base && request.client_id == client.id;
    ensure(is_theirs, invalid_grant("the code was issued to another client"))?;
    if let Some(grant) = &code.redeemed {
        // RFC 6749 section 4.1.2: one of the two senders is a thief, and the server cannot know which.
        store.revoke_grant(grant);
        return Err(invalid_grant("the code was used before, so its tokens are revoked"));
    }
    ensure(code.expires_at > shared.now(), invalid_grant("the code has expired"))?;
    if form.expects("redirect_uri") {
        check_redirect_uri(&request, form.get("redirect_uri"))?;
    }
    check_forward(&request, &form, &definition.callback.forward)?;
    let asked = request.scopes.iter().collect::<Vec<_>>().join(&definition.scope_separator);
    let other_scope = invalid_request("scope is not the scope of the authorization request");
    ensure(!quirks.scope || form.get("scope").unwrap_or_default() == asked, other_scope)?;
    check_verifier(request.challenge.as_ref(), form.get("code_verifier"))?;
    details::check(call, &request)?;
    check_key(request.jkt.as_deref(), call.sender(client)?)?;

    let grant = call.grant(&mut store, request, code.signed_in);
    if let Some(code) = store.codes.get_mut(given) {
        code.redeemed = Some(grant.id.clone());
    }
    drop(store);
    Issuance { call, grant: &grant, scopes: &grant.request.scopes, is_refreshed: false }.reply(true)
}

/// RFC 6749 section 6, with a new refresh token each time (RFC 9700 section 4.14.2), unless the definition says that the old
/// one stays.
fn refresh(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let (quirks, refreshing) = (&definition.token, &definition.refreshing);
    let encoding = refreshing.encoding.unwrap_or(quirks.encoding);
    let form = Form::read(&call.incoming, encoding, &[&refreshing.names, &quirks.names])?;
    let client = call.client(&form)?;
    let own = |name: &String| refreshing.params.contains_key(name);
    let fixed = quirks.params.iter().filter(|(name, _)| !own(name)).chain(&refreshing.params);
    call.check_params(&form.params, fixed)?;
    if !refreshing.params.contains_key("grant_type") {
        call.check_grant_type(&form, "refresh_token")?;
    }
    let unsupported = error("unsupported_grant_type", "this provider has no refresh tokens");
    ensure(definition.refresh && part.expires(), unsupported)?;
    for (name, is_needed) in [("redirect_uri", refreshing.redirect_uri), ("scope", refreshing.scope)] {
        if is_needed {
            form.required(name)?;
        }
    }
    let given = match form.get("access_token").filter(|_| refreshing.access_token) {
        Some(token) => form.get("refresh_token").unwrap_or(token),
        None => form.required("refresh_token")?,
    };
    let mut store = shared.store();
    let grant = find_refreshed(call, &mut store, given, client)?;
    check_forward(&grant.request, &form, &refreshing.forward)?;
    details::check(call, &grant.request)?;
    // RFC 9449 section 5: the refresh token of a public client is bound to its key.
    let bound = store.tokens.get(given).and_then(|token| token.binding.clone());
    let other_key = invalid_grant("the refresh token is bound to another key than that of the proof");
    ensure(bound.is_none() || bound.as_ref() == call.sender(client)?, other_key)?;
    let is_refused = shared.faults.deals(Strike::NoRefresh, Some(&grant.signed_in.username));
    ensure(!is_refused, invalid_grant(REUSED))?;
    let scopes = match form.get("scope") {
        Some(text) => part.scopes(Some(text))?,
        None => grant.request.scopes.clone(),
    };
    let more = error("invalid_scope", "scope has more than the user has granted");
    ensure(grant.request.scopes.covers(&scopes), more)?;
    if let Some(token) = store.tokens.get_mut(given) {
        token.is_used = token.is_refresh && !refreshing.keeps_token && !call.keeps_refresh_tokens();
    }
    drop(store);
    Issuance { call, grant: &grant, scopes: &scopes, is_refreshed: true }.reply(false)
}

/// The grant of a token that is to be refreshed.
fn find_refreshed(
    call: &Call<'_>,
    store: &mut Store,
    given: &str,
    client: &ClientConfig,
) -> Result<Grant, OAuthError> {
    let invalid = || invalid_grant("the token to refresh is unknown, expired or revoked");
    let token = store.tokens.get(given).cloned().ok_or_else(invalid)?;
    if token.is_used {
        store.revoke_grant(&token.grant);
        return Err(invalid_grant(REUSED));
    }
    let wants_refresh_token = !call.part.definition.refreshing.access_token;
    let active = store.active_token(given, call.shared.now());
    let active = active.filter(|(token, _)| token.is_refresh == wants_refresh_token);
    let grant = active.map(|(_, grant)| grant).filter(|grant| grant.is_of(call.part));
    grant.filter(|grant| grant.request.client_id == client.id).cloned().ok_or_else(invalid)
}

/// A long-lived token for a short-lived one.
fn long_lived(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let unsupported = |description: String| error("unsupported_grant_type", description);
    let quirks = definition.long_lived.as_ref();
    let quirks = quirks.ok_or_else(|| unsupported("this provider has no long-lived tokens".to_owned()))?;
    let form = Form::read(&call.incoming, quirks.encoding, &[&definition.token.names])?;
    let wrong = unsupported(format!("the grant type for a long-lived token is {}", quirks.grant_type));
    ensure(form.get("grant_type") == Some(&quirks.grant_type), wrong)?;
    // The client id is optional: the secret identifies the client as well.
    call.authenticate(definition.client_auth, &form, (false, true))?;
    let given = form.params.get(&quirks.token_name);
    let given = given.ok_or_else(|| invalid_request("the short-lived token is missing"))?;
    let mut store = shared.store();
    let issued_at = shared.now();
    let invalid = || invalid_grant("the short-lived token is unknown or has expired");
    let (short_lived, _) = store.access_token(part, given, issued_at).ok_or_else(invalid)?;
    let expires_at = issued_at.saturating_add(LONG_LIFETIME);
    let long_lived = Token { issued_at, expires_at, ..short_lived.clone() };
    let token = random_token("sandbox-long-at-");
    store.tokens.insert(token.clone(), long_lived);
    let members = json!({ "access_token": token, "token_type": "bearer", "expires_in": LONG_LIFETIME });
    Ok(Reply::Tokens { members, beside: Value::Null, for_code: false })
}

const REUSED: &str = "the refresh token was used before, so all tokens of its grant are revoked";
/// Sixty days, as at the providers that have such tokens.
const LONG_LIFETIME: u64 = 60 * 24 * 3600;

fn check_redirect_uri(request: &AuthorizationRequest, given: Option<&str>) -> Result<(), OAuthError> {
    match given {
        Some(given) if given == request.redirect_uri => Ok(()),
        None if request.redirect_uri_omitted => Ok(()),
        Some(_) => Err(invalid_grant("redirect_uri differs from the one in the authorization request")),
        None => Err(invalid_request("redirect_uri was in the authorization request and is missing here")),
    }
}

/// Parameters of the authorization response must come back as they were.
fn check_forward(
    request: &AuthorizationRequest,
    form: &Form<'_>,
    names: &[String],
) -> Result<(), OAuthError> {
    for (name, value) in request.forward.iter().filter(|(name, _)| names.contains(name)) {
        let differs = format!("parameter {name} of the authorization response is missing or differs here");
        ensure(form.params.get(name) == Some(value), invalid_request(differs))?;
    }
    Ok(())
}

/// RFC 9449 section 10: the code is good with one key only.
fn check_key(jkt: Option<&str>, sender: Option<&Binding>) -> Result<(), OAuthError> {
    let fits = match (jkt, sender) {
        (Some(jkt), Some(Binding::Key(key))) => key == jkt,
        (jkt, _) => jkt.is_none(),
    };
    ensure(fits, invalid_grant("the code is bound to another key than that of the proof (dpop_jkt)"))
}

/// RFC 7636 section 4.6.
fn check_verifier(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), OAuthError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(invalid_grant("the code has a code challenge, and code_verifier is missing")),
        // RFC 9700 section 2.1.1: else an attacker could strip the challenge from the authorization request.
        (None, Some(_)) => Err(invalid_grant("there is a code_verifier, but the code has no code challenge")),
        (Some(challenge), Some(verifier)) => {
            let computed = challenge.method.of(verifier);
            verify_slices_are_equal(computed.as_bytes(), challenge.value.as_bytes())
                .map_err(|_| invalid_grant("code_verifier does not match the code challenge"))
        }
    }
}
