//! The UserInfo endpoint, OpenID Connect Core section 5.3, or the provider's own profile endpoint.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::response::NO_TOKEN;
use super::{Call, details};
use crate::config::{ClientConfig, User};
use crate::part::{fill, profile};
use crate::state::{Grant, Jwt};
use crate::wire::{OAuthError, Scopes, access_token, bearer, ensure, error, invalid_request, text};

/// The profile. It serves plain OAuth 2 access tokens as well.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (part, incoming) = (call.part, &call.incoming);
    let quirks = &part.definition.userinfo;
    // A request with a body is a POST, whatever method the definition names.
    let has_body = quirks.body.is_some() || quirks.token.starts_with("body:");
    let method = if has_body { "POST" } else { quirks.method.as_str() };
    let takes_form = incoming.method == Method::POST && quirks.body.is_none();
    let holder = Holder::read(call, method, takes_form)?;
    let given = if takes_form { incoming.body_params() } else { incoming.query.clone() };
    let subject = profile::subject_text(part, holder.user);
    for (name, value) in &quirks.params {
        // A mark such as `{token:/uid}` stands for a member of the token response: the subject.
        let value = fill(value, &|mark| {
            Some(if mark.starts_with("token:") { subject.clone() } else { format!("{{{mark}}}") })
        });
        let all = given.clone().with(&incoming.query);
        call.check_params(&all, [(name, &value.unwrap_or_default())])?;
    }
    if let Some(body) = &quirks.body {
        let expected = body.replace("{client_id}", part.client_id());
        let json = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
        let same = match (json(&incoming.body), json(expected.as_bytes())) {
            (Some(given), Some(expected)) => given == expected,
            _ => incoming.body == expected,
        };
        let is_json =
            incoming.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let other = invalid_request("the body is not the JSON of a profile request at this provider");
        ensure(same && is_json, other)?;
    }
    Ok(holder.profile(call))
}

/// The client that the access token was issued to.
fn client<'a>(call: &'a Call<'_>) -> Option<&'a ClientConfig> {
    let token = bearer(&call.incoming).ok().flatten()?;
    let store = call.shared.store();
    let (_, grant) = store.access_token(call.part, &token, call.shared.now())?;
    call.part.client(&grant.request.client_id)
}

/// Whether the profile is a JWT: by the definition, or by the registration of the client.
pub(super) fn is_signed(call: &Call<'_>) -> bool {
    let is_registered = || client(call).is_some_and(|client| client.encrypted.userinfo().is_some());
    call.part.definition.userinfo.signed || (call.part.is_own && is_registered())
}

/// The profile as a JWT, OpenID Connect Core section 5.3.2.
pub(super) fn signed(call: &Call<'_>, claims: Value) -> Result<Response, OAuthError> {
    let shared = call.shared;
    let now = shared.now();
    let keys = shared.keys();
    let mut jwt = Jwt::new(&keys, shared.signing_alg, now, &shared.issuer);
    let client = client(call).filter(|_| call.part.is_own);
    jwt.recipient = client.and_then(|client| client.encrypted.userinfo());
    jwt.claims = claims.as_object().cloned().unwrap_or_default();
    jwt.claim("iss", call.part.token_issuer(&call.marks));
    jwt.claim("aud", client.map_or(call.part.client_id(), |client| &client.id));
    jwt.claim("iat", now);
    jwt.claim("exp", now.saturating_add(SIGNED_LIFETIME));
    shared.faults.change_userinfo(&mut jwt, call.username.as_deref());
    let signed = jwt.sign().and_then(|signed| jwt.encrypted(signed));
    let jwt = signed.map_err(|_| error("server_error", "the profile could not be signed or encrypted"))?;
    Ok(([("content-type", "application/jwt"), ("cache-control", "no-store")], jwt).into_response())
}

/// The list of e-mail addresses: with the token in the same place as for the profile.
pub(super) fn emails(call: &Call<'_>) -> Result<Value, OAuthError> {
    let part = call.part;
    let takes_form = part.definition.userinfo.token.starts_with("body:");
    let holder = Holder::read(call, if takes_form { "POST" } else { "GET" }, takes_form)?;
    let list = part.definition.identity.emails.as_ref().ok_or_else(invalid_token)?;
    if let (Some(absent), false) =
        (list.absent_on.first(), part.shows(profile::EMAILS, &holder.grant.request.scopes))
    {
        let status = StatusCode::from_u16(*absent).unwrap_or(StatusCode::FORBIDDEN);
        let description = "the user has not allowed access to the e-mail addresses";
        return Err(OAuthError { status, ..error("insufficient_scope", description) });
    }
    let own = holder.profile(call);
    let mut pointers = call.marks.iter().filter(|(mark, _)| mark.starts_with('/'));
    let is_own = pointers.all(|(pointer, given)| own.pointer(pointer).is_some_and(|own| text(own) == *given));
    ensure(is_own, invalid_request("the e-mail addresses of another user are not shown"))?;
    let mut document = Value::Null;
    profile::put_emails(&mut document, list, holder.user, holder.grant.vouches_for(holder.user));
    Ok(document)
}

/// The user and the grant of the access token in a request.
struct Holder<'a> {
    user: &'a User,
    grant: Grant,
    scopes: Scopes,
}

impl<'a> Holder<'a> {
    /// The access token must be at the place that the definition names. If the provider requires it, the client proves its
    /// secret with the token.
    fn read(call: &Call<'a>, method: &str, takes_form: bool) -> Result<Self, OAuthError> {
        let (part, incoming, quirks) = (call.part, &call.incoming, &call.part.definition.userinfo);
        let is_by_method = part.is_own || incoming.method.as_str().eq_ignore_ascii_case(method);
        ensure(is_by_method, invalid_request(format!("the request must be sent by {method}")))?;
        call.check_headers(&quirks.headers)?;
        let (kind, name) = quirks.token.split_once(':').unwrap_or((&quirks.token, ""));
        let form = incoming.body_params();
        let mut by_dpop = false;
        let with_scheme = || {
            let field = incoming.header("authorization")?;
            // A token without a scheme stands alone.
            let (scheme, token) = field.split_once(' ').unwrap_or(("", field));
            scheme.eq_ignore_ascii_case(name).then_some(token)
        };
        let token = match kind {
            "bearer" if part.is_own => {
                let given = access_token(incoming)?;
                given.map(|(scheme, token)| {
                    by_dpop = scheme;
                    token
                })
            }
            "bearer" => bearer(incoming)?,
            "scheme" => with_scheme().map(str::to_owned),
            "header" => incoming.header(name).map(str::to_owned),
            "query" => incoming.query.get(name).map(str::to_owned),
            "body" => form.get(name).map(str::to_owned),
            _ => None,
        };
        let nowhere = error(NO_TOKEN, "there is no access token at the place where this provider expects it");
        let token = token.ok_or(OAuthError { status: StatusCode::UNAUTHORIZED, ..nowhere })?;
        let store = call.shared.store();
        let found = store.access_token(part, &token, call.shared.now());
        let (access, grant) = found.ok_or_else(invalid_token)?;
        call.check_binding(access, &token, by_dpop)?;
        let user = call.shared.user(&grant.signed_in.username).ok_or_else(invalid_token)?;
        if let Some(name) = &quirks.proof {
            let given = if takes_form { form.get(name) } else { incoming.query.get(name) };
            let wrong = format!("parameter {name} is missing or wrong: it must be the HMAC of the token");
            ensure(given == Some(&part.hmac(&token)), invalid_request(wrong))?;
        }
        Ok(Self { user, grant: grant.clone(), scopes: access.scopes.clone() })
    }

    fn profile(&self, call: &Call<'_>) -> Value {
        let vouches = self.grant.vouches_for(self.user);
        let mut profile = profile::document(call.part, self.user, &self.scopes, vouches);
        if let (true, Some(members)) = (call.part.is_own, profile.as_object_mut()) {
            details::add_claims(members, &self.grant.request.claims["userinfo"], self.user, vouches);
        }
        profile
    }
}

/// In seconds.
const SIGNED_LIFETIME: u64 = 60;

fn invalid_token() -> OAuthError {
    error("invalid_token", "the access token is unknown, expired or revoked")
}
