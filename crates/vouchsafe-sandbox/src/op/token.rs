//! The token endpoint, RFC 6749 section 3.2: codes, refresh tokens, device codes and long-lived tokens.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Value, json};

use super::issue::Issuance;
use super::{Call, Reply, device};
use crate::config::ClientConfig;
use crate::part::{ClientParams, Form, Role};
use crate::state::request::{AuthorizationRequest, Challenge};
use crate::state::store::{AccessToken, Grant, SignedIn, Store};
use crate::wire::{OAuthError, random_token};

pub(super) fn answer(call: &Call<'_>, roles: &[Role]) -> Result<Reply, OAuthError> {
    let definition = &call.part.definition;
    let given = Form::new(call.incoming.any_params(), &[&definition.token.names]);
    let grant_type = given.get("grant_type");
    let is_long_lived = definition.long_lived.as_ref().is_some_and(|long_lived| {
        roles == [Role::LongLived]
            || (roles.contains(&Role::LongLived) && grant_type == Some(&long_lived.grant_type))
    });
    if is_long_lived {
        long_lived(call)
    } else if device::is_meant(call, grant_type) {
        device::redeem(call)
    } else if is_refresh(call, roles, &given) {
        refresh(call)
    } else {
        code(call)
    }
}

fn is_refresh(call: &Call<'_>, roles: &[Role], given: &Form<'_>) -> bool {
    let (definition, part) = (&call.part.definition, call.part);
    let fixed = |params: &BTreeMap<String, String>, name: &str| {
        params.get("grant_type").is_some_and(|fixed| fixed == name)
    };
    match given.get("grant_type") {
        Some(name)
            if fixed(&definition.refreshing.params, name) || name == part.grant_type("refresh_token") =>
        {
            // If both grant types have the same name, the code distinguishes them.
            let is_of_codes =
                fixed(&definition.token.params, name) || name == part.grant_type("authorization_code");
            !is_of_codes || given.get("code").is_none()
        }
        Some(_) => false,
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
        self.part.check_headers(&self.incoming, &self.marks, &definition.token.headers)?;
        self.authenticate(definition.client_auth, form.client())
    }

    /// A new grant, for a request that its user has allowed.
    pub(super) fn grant(
        &self,
        store: &mut Store,
        request: &AuthorizationRequest,
        signed_in: SignedIn,
    ) -> (String, Grant) {
        let mut grant = Grant {
            client_id: request.client_id.clone(),
            signed_in,
            scopes: request.scopes.clone(),
            acr: request.acr.clone(),
            revoked: false,
            base: self.part.base.clone(),
            issuer: self.part.token_issuer(&request.marks),
            forwarded: request.forward.clone(),
            email_unverified: false,
        };
        self.shared.faults.change_grant(&mut grant);
        let id = random_token("");
        store.grants.insert(id.clone(), grant.clone());
        (id, grant)
    }
}

/// RFC 6749 section 4.1.3.
fn code(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let quirks = &definition.token;
    let form = Form::read(&call.incoming, quirks.encoding, &[&quirks.names])?;
    let client = call.client(&form)?;
    part.check_params(&form.params, &call.marks, &quirks.params)?;
    part.check_grant_type(&form, "authorization_code")?;

    let given = form.required("code")?;
    let mut store = shared.store();
    let unknown = || OAuthError::invalid_grant("the code is unknown");
    let code = store.codes.get(given).cloned().ok_or_else(unknown)?;
    let request = code.request;
    if request.part.base != part.base || request.client_id != client.id {
        return Err(OAuthError::invalid_grant("the code was issued to another client"));
    }
    if let Some(grant) = &code.redeemed {
        // RFC 6749 section 4.1.2: one of the two senders is a thief, and the server cannot know which.
        store.revoke_grant(grant);
        return Err(OAuthError::invalid_grant("the code was used before, so its tokens are revoked"));
    }
    if code.expires_at <= shared.now() {
        return Err(OAuthError::invalid_grant("the code has expired"));
    }
    if form.expects("redirect_uri") {
        check_redirect_uri(&request, form.get("redirect_uri"))?;
    }
    check_forwarded(&request.forward, &form, |_| true)?;
    let asked = request.scopes.iter().collect::<Vec<_>>().join(&definition.scope_separator);
    if quirks.scope && form.get("scope").unwrap_or_default() != asked {
        let description = "scope is not the scope of the authorization request";
        return Err(OAuthError::invalid_request(description));
    }
    check_verifier(request.challenge.as_ref(), form.get("code_verifier"))?;

    let (id, grant) = call.grant(&mut store, &request, code.signed_in);
    if let Some(code) = store.codes.get_mut(given) {
        code.redeemed = Some(id.clone());
    }
    drop(store);
    let nonce = request.nonce.as_deref();
    Issuance { call, grant: &grant, id: &id, scopes: &grant.scopes, nonce, is_refreshed: false }.reply(true)
}

/// RFC 6749 section 6, with a new refresh token each time, RFC 9700 section 4.14.2.
fn refresh(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let (quirks, refreshing) = (&definition.token, &definition.refreshing);
    let encoding = refreshing.encoding.unwrap_or(quirks.encoding);
    let form = Form::read(&call.incoming, encoding, &[&refreshing.names, &quirks.names])?;
    let client = call.client(&form)?;
    let own = |name: &String| refreshing.params.contains_key(name);
    let fixed = quirks.params.iter().filter(|(name, _)| !own(name)).chain(&refreshing.params);
    part.check_params(&form.params, &call.marks, fixed)?;
    if !refreshing.params.contains_key("grant_type") {
        part.check_grant_type(&form, "refresh_token")?;
    }
    if !definition.refresh {
        return Err(OAuthError::new("unsupported_grant_type", "this provider has no refresh tokens"));
    }
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
    let (id, grant) = find_refreshed(call, &mut store, given, client)?;
    check_forwarded(&grant.forwarded, &form, |name| refreshing.forward.iter().any(|known| known == name))?;
    if shared.faults.refuses_refresh(&grant.signed_in.username) {
        return Err(OAuthError::invalid_grant(REUSED));
    }
    let scopes = match form.get("scope") {
        Some(text) => {
            let scopes = part.scopes(Some(text)).filter(|scopes| grant.scopes.covers(scopes));
            let more = || OAuthError::new("invalid_scope", "scope has more than the user has granted");
            scopes.ok_or_else(more)?
        }
        None => grant.scopes.clone(),
    };
    if let Some(token) = store.refresh_tokens.get_mut(given) {
        token.used = true;
    }
    drop(store);
    // OpenID Connect Core section 12.2: a refreshed ID token should have no nonce.
    Issuance { call, grant: &grant, id: &id, scopes: &scopes, nonce: None, is_refreshed: true }.reply(false)
}

/// The grant of a token that is to be refreshed.
fn find_refreshed(
    call: &Call<'_>,
    store: &mut Store,
    given: &str,
    client: &ClientConfig,
) -> Result<(String, Grant), OAuthError> {
    let now = call.shared.now();
    let invalid = || OAuthError::invalid_grant("the token to refresh is unknown, expired or revoked");
    let id = if call.part.definition.refreshing.access_token {
        let token = store.access_tokens.get(given).filter(|token| token.expires_at > now);
        token.ok_or_else(invalid)?.grant.clone()
    } else {
        let token = store.refresh_tokens.get(given).cloned().ok_or_else(invalid)?;
        if token.used {
            store.revoke_grant(&token.grant);
            return Err(OAuthError::invalid_grant(REUSED));
        }
        Some(token).filter(|token| token.expires_at > now).ok_or_else(invalid)?.grant
    };
    let grant = store.grants.get(&id).filter(|grant| !grant.revoked && grant.is_of(call.part));
    let grant = grant.filter(|grant| grant.client_id == client.id).cloned().ok_or_else(invalid)?;
    Ok((id, grant))
}

/// A long-lived token for a short-lived one.
fn long_lived(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let (part, definition, shared) = (call.part, &call.part.definition, call.shared);
    let Some(quirks) = &definition.long_lived else {
        return Err(OAuthError::new("unsupported_grant_type", "this provider has no long-lived tokens"));
    };
    let form = Form::read(&call.incoming, quirks.encoding, &[&definition.token.names])?;
    if form.get("grant_type") != Some(&quirks.grant_type) {
        let description = format!("the grant type for a long-lived token is {}", quirks.grant_type);
        return Err(OAuthError::new("unsupported_grant_type", description));
    }
    // The client id is optional: the secret identifies the client as well.
    let given = ClientParams { needs_id: false, needs_secret: true, ..form.client() };
    call.authenticate(definition.client_auth, given)?;
    let given = form.params.get(&quirks.token_name);
    let given = given.ok_or_else(|| OAuthError::invalid_request("the short-lived token is missing"))?;
    let mut store = shared.store();
    let found = store.active_access_token(given, shared.now()).filter(|(_, grant)| grant.is_of(part));
    let invalid = || OAuthError::invalid_grant("the short-lived token is unknown or has expired");
    let access = found.map(|(access, _)| access.clone()).ok_or_else(invalid)?;
    let token = random_token("sandbox-long-at-");
    let issued_at = shared.now();
    let expires_at = issued_at.saturating_add(LONG_LIFETIME);
    store.access_tokens.insert(token.clone(), AccessToken { issued_at, expires_at, ..access });
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
        Some(_) => {
            Err(OAuthError::invalid_grant("redirect_uri differs from the one in the authorization request"))
        }
        None => Err(OAuthError::invalid_request(
            "redirect_uri was in the authorization request and is missing here",
        )),
    }
}

/// Parameters of the authorization response must come back as they were.
fn check_forwarded(
    forwarded: &[(String, String)],
    form: &Form<'_>,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), OAuthError> {
    let lacks =
        |(name, value): &&(String, String)| is_wanted(name) && form.params.get(name) != Some(value.as_str());
    match forwarded.iter().find(lacks) {
        Some((name, _)) => Err(OAuthError::invalid_request(format!(
            "parameter {name} of the authorization response is missing or differs here"
        ))),
        None => Ok(()),
    }
}

/// RFC 7636 section 4.6.
fn check_verifier(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let invalid = |description: &str| Err(OAuthError::invalid_grant(description));
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => invalid("the code has a code challenge, and code_verifier is missing"),
        // RFC 9700 section 2.1.1: else an attacker could strip the challenge from the authorization request.
        (None, Some(_)) => invalid("there is a code_verifier, but the code has no code challenge"),
        (Some(challenge), Some(verifier)) => {
            let computed = challenge.method.of(verifier);
            match verify_slices_are_equal(computed.as_bytes(), challenge.value.as_bytes()) {
                Ok(()) => Ok(()),
                Err(_) => invalid("code_verifier does not match the code challenge"),
            }
        }
    }
}
