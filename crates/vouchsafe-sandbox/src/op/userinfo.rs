//! The UserInfo endpoint, OpenID Connect Core section 5.3, or the provider's own profile endpoint.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Call;
use crate::config::User;
use crate::part::{NO_TOKEN, profile};
use crate::state::jwt::Jwt;
use crate::state::store::Grant;
use crate::wire::{OAuthError, Params, Scopes, bearer};

/// The profile. It serves plain OAuth 2 access tokens as well.
pub(super) fn answer(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (part, incoming) = (call.part, &call.incoming);
    let quirks = &part.definition.userinfo;
    // A request with a body is a POST, whatever method the definition names.
    let has_body = quirks.body.is_some() || quirks.token.starts_with("body:");
    let method = if has_body { "POST" } else { quirks.method.as_str() };
    if !part.is_own && !incoming.method.as_str().eq_ignore_ascii_case(method) {
        return Err(OAuthError::invalid_request(format!("the profile must be requested by {method}")));
    }
    part.check_headers(incoming, &call.marks, &quirks.headers)?;
    let holder = Holder::read(call)?;
    let form = incoming.body_params();
    let given =
        if incoming.method == Method::POST && quirks.body.is_none() { &form } else { &incoming.query };
    let subject = profile::subject_text(part, holder.user);
    for (name, value) in &quirks.params {
        let expected = part.profile_param(value, &call.marks, &subject);
        let there = given.get(name).or_else(|| incoming.query.get(name));
        if !value.is_empty() && (there.is_none() || expected.is_some_and(|expected| there != Some(&expected)))
        {
            return Err(OAuthError::invalid_request(format!("parameter {name} is missing or wrong")));
        }
    }
    holder.check_proof(call, given)?;
    if let Some(body) = &quirks.body {
        let body = body.replace("{client_id}", part.client_id());
        let same =
            match (serde_json::from_slice::<Value>(&incoming.body), serde_json::from_str::<Value>(&body)) {
                (Ok(given), Ok(expected)) => given == expected,
                _ => incoming.body.as_ref() == body.as_bytes(),
            };
        let is_json =
            incoming.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if !same || !is_json {
            let description = "the body is not the JSON of a profile request at this provider";
            return Err(OAuthError::invalid_request(description));
        }
    }
    Ok(holder.profile(call))
}

/// The profile as a JWT, OpenID Connect Core section 5.3.2.
pub(super) fn signed(call: &Call<'_>, claims: Value) -> Result<Response, OAuthError> {
    let shared = call.shared;
    let now = shared.now();
    let mut claims = claims.as_object().cloned().unwrap_or_default();
    claims.insert("iss".into(), call.part.token_issuer(&call.marks).into());
    claims.insert("aud".into(), call.part.client_id().into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), now.saturating_add(SIGNED_LIFETIME).into());
    let keys = shared.keys();
    let jwt = Jwt::new((&keys, shared.signing_alg), claims, now, &shared.issuer);
    let jwt = jwt.sign().map_err(|_| OAuthError::new("server_error", "the profile could not be signed"))?;
    Ok(([("content-type", "application/jwt"), ("cache-control", "no-store")], jwt).into_response())
}

/// The list of e-mail addresses: with the token in the same place as for the profile.
pub(super) fn emails(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (part, incoming) = (call.part, &call.incoming);
    let takes_form = part.definition.userinfo.token.starts_with("body:");
    let method = if takes_form { Method::POST } else { Method::GET };
    if incoming.method != method {
        let description = format!("the list of e-mail addresses must be requested by {method}");
        return Err(OAuthError::invalid_request(description));
    }
    part.check_headers(incoming, &call.marks, &part.definition.userinfo.headers)?;
    let holder = Holder::read(call)?;
    let form = incoming.body_params();
    holder.check_proof(call, if takes_form { &form } else { &incoming.query })?;
    let list = part.definition.identity.emails.as_ref().ok_or_else(invalid_token)?;
    if let (Some(absent), false) = (list.absent_on.first(), part.shows(profile::EMAILS, &holder.grant.scopes))
    {
        let status = StatusCode::from_u16(*absent).unwrap_or(StatusCode::FORBIDDEN);
        let description = "the user has not allowed access to the e-mail addresses";
        return Err(OAuthError { status, ..OAuthError::new("insufficient_scope", description) });
    }
    let own = holder.profile(call);
    let is_own = |(pointer, given): (&String, &String)| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        own.pointer(pointer).is_some_and(|value| text(value) == *given)
    };
    if !call.marks.iter().filter(|(mark, _)| mark.starts_with('/')).all(is_own) {
        return Err(OAuthError::invalid_request("the e-mail addresses of another user are not shown"));
    }
    Ok(profile::email_list(list, holder.user, holder.grant.vouches_for(holder.user)))
}

/// The user and the grant of the access token in a request.
struct Holder<'a> {
    token: String,
    user: &'a User,
    grant: Grant,
    scopes: Scopes,
}

impl<'a> Holder<'a> {
    /// The access token must be at the place that the definition names: anywhere else it does not count.
    fn read(call: &Call<'a>) -> Result<Self, OAuthError> {
        let incoming = &call.incoming;
        let place = &call.part.definition.userinfo.token;
        let (kind, name) = place.split_once(':').unwrap_or((place, ""));
        let owned = |text: &str| text.to_owned();
        let token = match kind {
            "bearer" => bearer(incoming)?,
            "scheme" => {
                incoming.header("authorization").and_then(|value| credentials(value, name)).map(owned)
            }
            "header" => incoming.header(&name.to_ascii_lowercase()).map(owned),
            "query" => incoming.query.get(name).map(owned),
            "body" => incoming.body_params().get(name).map(owned),
            _ => None,
        };
        let token = token.ok_or_else(no_token)?;
        let store = call.shared.store();
        let (access, grant) = store
            .active_access_token(&token, call.shared.now())
            .filter(|(_, grant)| grant.is_of(call.part))
            .ok_or_else(invalid_token)?;
        let user = call.shared.user(&grant.signed_in.username).ok_or_else(invalid_token)?;
        let (grant, scopes) = (grant.clone(), access.scopes.clone());
        Ok(Self { token, user, grant, scopes })
    }

    fn profile(&self, call: &Call<'_>) -> Value {
        profile::document(call.part, self.user, &self.scopes, self.grant.vouches_for(self.user))
    }

    /// The client proves its secret with the access token, if the provider requires it.
    fn check_proof(&self, call: &Call<'_>, given: &Params) -> Result<(), OAuthError> {
        match &call.part.definition.userinfo.proof {
            Some(name) if given.get(name) != Some(&call.part.hmac(&self.token)) => {
                let description =
                    format!("parameter {name} is missing or wrong: it must be the HMAC of the token");
                Err(OAuthError::invalid_request(description))
            }
            _ => Ok(()),
        }
    }
}

/// In seconds.
const SIGNED_LIFETIME: u64 = 60;

/// The credentials after the scheme; an empty scheme stands for a bare token.
fn credentials<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    if scheme.is_empty() {
        return (!value.contains(' ')).then_some(value);
    }
    let (given, token) = value.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(token)
}

fn no_token() -> OAuthError {
    let description = "there is no access token at the place where this provider expects it";
    OAuthError { status: StatusCode::UNAUTHORIZED, ..OAuthError::new(NO_TOKEN, description) }
}

fn invalid_token() -> OAuthError {
    OAuthError::new("invalid_token", "the access token is unknown, expired or revoked")
}
