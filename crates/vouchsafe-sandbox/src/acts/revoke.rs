use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use vouchsafe_providers::Encoding;

use super::answer::{refused, succeed};
use super::request::{authenticate, encoded_params};
use super::{Call, Role, named};
use crate::wire::Params;
use crate::wire::{OAuthError, json as json_answer};

/// Whether a request to a URL that serves several ends is one for revocation.
pub(super) fn is_meant(call: &Call<'_>, roles: &[Role], given: &impl Fn(&str) -> Option<String>) -> bool {
    let definition = &call.act.definition;
    let (params, method) = (&definition.revocation.params, &definition.revocation.method);
    let asks_for_tokens = named(&[&definition.token.names], "grant_type").and_then(given).is_some();
    roles == [Role::Revocation]
        || (!params.is_empty() && params.iter().all(|(name, value)| given(name).as_ref() == Some(value)))
        || (!asks_for_tokens && method.as_deref().is_none_or(|method| call.method.as_str() == method))
}

/// The revocation endpoint: RFC 7009, or what the provider makes of it.
pub(super) fn answer(call: &Call<'_>) -> Response {
    let failure = call.act.definition.revocation.failure.as_ref();
    match revoke(call) {
        Ok(()) if failure.is_some() => {
            let mut body = json!({});
            succeed(&mut body, failure);
            json_answer(StatusCode::OK, &body)
        }
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => refused(call.act, failure, error),
    }
}

fn revoke(call: &Call<'_>) -> Result<(), OAuthError> {
    let (definition, quirks) = (&call.act.definition, &call.act.definition.revocation);
    let method = quirks.method.as_ref().and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let (encoding, method) = match (quirks.encoding, method) {
        // A GET has no body.
        (_, Some(Method::GET)) => (Encoding::Query, Method::GET),
        (Encoding::Query, None) if call.method == Method::GET => (Encoding::Query, Method::GET),
        (encoding, method) => (encoding, method.unwrap_or(Method::POST)),
    };
    // Without a parameter in it, a body need not be there.
    let params = match encoded_params(call, encoding, &method) {
        Err(_) if call.body.is_empty() && call.method == method => Params::from_pairs([]),
        other => other?,
    };
    call.check_params(&params, &quirks.params)?;
    let called = |standard| named(&[&quirks.names], standard);
    let bearer = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !quirks.bearer || definition.revocation_auth.is_some() {
        let get = |standard| called(standard).and_then(|name| params.get(name));
        let method = definition.revocation_auth.or(definition.client_auth);
        // RFC 7009 §2.1 asks for the client id of a public client; who documents no authentication asks for nothing.
        let names_client = definition.revocation_auth != Some(vouchsafe_providers::ClientAuth::None);
        let expects = |standard| names_client && called(standard).is_some();
        let expected = (expects("client_id"), expects("client_secret"));
        authenticate(call, method, (get("client_id"), get("client_secret")), expected)?;
    }
    let named_token = match quirks.token_name.as_deref() {
        Some("") => None,
        name => name.or_else(|| called("token")),
    };
    let token = match (named_token, bearer) {
        (Some(name), _) => params.get(name),
        (None, bearer) => bearer,
    };
    let token = token.ok_or_else(|| OAuthError::invalid_request("the token is missing"))?;
    if quirks.bearer && bearer.is_none() {
        return Err(OAuthError::new("invalid_client", "the access token must authenticate the request"));
    }
    let mut store = call.shared.store();
    let refresh = store.refresh_tokens.get(token).map(|refresh| refresh.grant.clone());
    let access = store.access_tokens.get(token).map(|access| access.grant.clone());
    match (quirks.only.as_deref(), &refresh, &access) {
        (Some("access_token"), Some(_), _) | (Some("refresh_token"), _, Some(_)) => {
            return Err(OAuthError::new(
                "unsupported_token_type",
                "tokens of this kind cannot be revoked here",
            ));
        }
        _ => {}
    }
    let Some(grant) = refresh.as_ref().or(access.as_ref()) else {
        // RFC 7009 §2.2: an unknown token is as good as a revoked one.
        return Ok(());
    };
    if store.grants.get(grant).is_none_or(|grant| grant.client_id != call.act.client.id) {
        return Err(OAuthError::new("invalid_grant", "the token was issued to another client"));
    }
    if refresh.is_some() {
        store.revoke_grant(grant);
    } else {
        store.access_tokens.remove(token);
    }
    Ok(())
}
