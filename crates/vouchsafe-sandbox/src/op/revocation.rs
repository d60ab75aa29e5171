//! The revocation endpoint: RFC 7009, with the quirks of the definition.

use axum::http::Method;
use vouchsafe_providers::{ClientAuth, Encoding};

use super::Call;
use crate::part::{ClientParams, Form, Role, params};
use crate::wire::{OAuthError, Params};

/// Whether a request to a URL that serves several endpoints is one for revocation.
pub(super) fn is_meant(call: &Call<'_>, roles: &[Role]) -> bool {
    if !roles.contains(&Role::Revocation) || roles == [Role::Revocation] {
        return roles == [Role::Revocation];
    }
    let definition = &call.part.definition;
    let (fixed, method) = (&definition.revocation.params, &definition.revocation.method);
    let form = Form::new(call.incoming.any_params(), &[&definition.token.names]);
    (!fixed.is_empty() && fixed.iter().all(|(name, value)| form.params.get(name) == Some(value)))
        || (form.get("grant_type").is_none()
            && method.as_deref().is_none_or(|method| call.incoming.method.as_str() == method))
}

/// A refresh token is revoked with its access tokens, an access token alone.
pub(super) fn answer(call: &Call<'_>) -> Result<(), OAuthError> {
    let (part, definition, quirks) = (call.part, &call.part.definition, &call.part.definition.revocation);
    let form = Form::new(read(call)?, &[&quirks.names]);
    part.check_params(&form.params, &call.marks, &quirks.params)?;
    let bearer = call.incoming.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let mut client = part.client(part.client_id());
    if !quirks.bearer || definition.revocation_auth.is_some() {
        let method = definition.revocation_auth.or(definition.client_auth);
        // RFC 7009 section 2.1 wants the client id of a public client; a provider that documents no authentication does not.
        let names_client = definition.revocation_auth != Some(ClientAuth::None);
        let given = form.client();
        let given = ClientParams {
            needs_id: names_client && given.needs_id,
            needs_secret: names_client && given.needs_secret,
            ..given
        };
        client = Some(call.authenticate(method, given)?);
    }
    let name = match quirks.token_name.as_deref() {
        Some("") => None,
        name => name.or_else(|| form.name("token")),
    };
    let token = match name {
        Some(name) => form.params.get(name),
        None => bearer,
    };
    let token = token.ok_or_else(|| OAuthError::invalid_request("the token is missing"))?;
    if quirks.bearer && bearer.is_none() {
        return Err(OAuthError::invalid_client("the request must be authenticated by the access token"));
    }
    let mut store = call.shared.store();
    // `token_type_hint` is a hint (section 2.1), and a lookup in memory needs none.
    let refresh = store.refresh_tokens.get(token).map(|refresh| refresh.grant.clone());
    let access = store.access_tokens.get(token).map(|access| access.grant.clone());
    match (quirks.only.as_deref(), &refresh, &access) {
        (Some("access_token"), Some(_), _) | (Some("refresh_token"), _, Some(_)) => {
            let description = "tokens of this type cannot be revoked here";
            return Err(OAuthError::new("unsupported_token_type", description));
        }
        _ => {}
    }
    let Some(grant) = refresh.as_ref().or(access.as_ref()) else {
        // Section 2.2: an unknown token counts as revoked.
        return Ok(());
    };
    let is_theirs = |client_id: &str| client.is_some_and(|client| client.id == client_id);
    if !store.grants.get(grant).is_some_and(|grant| grant.is_of(part) && is_theirs(&grant.client_id)) {
        return Err(OAuthError::invalid_grant("the token was issued to another client"));
    }
    if refresh.is_some() {
        store.revoke_grant(grant);
    } else {
        store.access_tokens.remove(token);
    }
    Ok(())
}

fn read(call: &Call<'_>) -> Result<Params, OAuthError> {
    let (incoming, quirks) = (&call.incoming, &call.part.definition.revocation);
    let method = quirks.method.as_ref().and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let (encoding, method) = match (quirks.encoding, method) {
        // A GET has no body.
        (_, Some(Method::GET)) => (Encoding::Query, Method::GET),
        (Encoding::Query, None) if incoming.method == Method::GET => (Encoding::Query, Method::GET),
        (encoding, method) => (encoding, method.unwrap_or(Method::POST)),
    };
    match params(incoming, encoding, &method) {
        // Without a parameter in it, a body may be missing.
        Err(_) if incoming.body.is_empty() && incoming.method == method => Ok(Params::from_pairs([])),
        other => other,
    }
}
