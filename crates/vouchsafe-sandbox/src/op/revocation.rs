//! The revocation endpoint: RFC 7009, with the quirks of the definition.

use axum::http::Method;
use vouchsafe_providers::{ClientAuth, Encoding};

use super::Call;
use super::request::{Form, params};
use crate::part::Role;
use crate::state::Grant;
use crate::wire::{OAuthError, Params, ensure, error, invalid_client, invalid_grant, invalid_request};

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
pub(super) fn respond(call: &Call<'_>) -> Result<(), OAuthError> {
    let (part, definition, quirks) = (call.part, &call.part.definition, &call.part.definition.revocation);
    let form = Form::new(read(call)?, &[&quirks.names]);
    call.check_params(&form.params, &quirks.params)?;
    let bearer = call.incoming.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let mut client = part.client(part.client_id());
    if !quirks.bearer || definition.revocation_auth.is_some() {
        let method = definition.revocation_auth.or(definition.client_auth);
        // RFC 7009 section 2.1 wants the client id of a public client; a provider that documents no authentication does not.
        let names_client = definition.revocation_auth != Some(ClientAuth::None);
        let (needs_id, needs_secret) = form.expects_client();
        let needs = (names_client && needs_id, names_client && needs_secret);
        client = Some(call.authenticate(method, &form, needs)?);
    }
    let name = match quirks.token_name.as_deref() {
        Some("") => None,
        name => name.or_else(|| form.name("token")),
    };
    let token = name.map_or(bearer, |name| form.params.get(name));
    let token = token.ok_or_else(|| invalid_request("the token is missing"))?;
    let no_bearer = invalid_client("the request must be authenticated by the access token");
    ensure(!quirks.bearer || bearer.is_some(), no_bearer)?;
    let mut store = call.shared.store();
    // `token_type_hint` is a hint (section 2.1), and a lookup in memory needs none.
    let Some(found) = store.tokens.get(token).cloned() else {
        // Section 2.2: an unknown token counts as revoked.
        return Ok(());
    };
    let kind = if found.is_refresh { "refresh_token" } else { "access_token" };
    let unsupported = error("unsupported_token_type", "tokens of this type cannot be revoked here");
    ensure(quirks.only.as_deref().is_none_or(|only| only == kind), unsupported)?;
    let is_theirs = |client_id: &str| client.is_some_and(|client| client.id == client_id);
    let is_good = |grant: &&Grant| grant.is_of(part) && is_theirs(&grant.request.client_id);
    let grant = store.grants.get(&found.grant).filter(is_good);
    ensure(grant.is_some(), invalid_grant("the token was issued to another client"))?;
    if found.is_refresh {
        store.revoke_grant(&found.grant);
    } else {
        store.tokens.remove(token);
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
        Err(_) if incoming.body.is_empty() && incoming.method == method => Ok(Params::default()),
        other => other,
    }
}
