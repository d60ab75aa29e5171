use aws_lc_rs::hmac;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{labelled, refused, succeed};
use super::{Call, openid, profile, rewrite};
use crate::config::User;
use crate::state::jwt::Jwt;
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::hex;
use crate::wire::{OAuthError, json};

/// The UserInfo endpoint, or what the provider has in its place.
pub(super) fn answer(call: &Call<'_>) -> Response {
    let quirks = &call.act.definition.userinfo;
    match read(call) {
        Ok(mut body) if !quirks.signed => {
            succeed(&mut body, quirks.failure.as_ref());
            labelled(json(StatusCode::OK, &body), &quirks.content_types)
        }
        Ok(claims) => match signed(call, claims) {
            Ok(jwt) => {
                ([("content-type", "application/jwt"), ("cache-control", "no-store")], jwt).into_response()
            }
            Err(error) => error.into_response(),
        },
        Err(error) => refused(call.act, quirks.failure.as_ref(), error),
    }
}

/// OpenID Connect Core §5.3.2.
fn signed(call: &Call<'_>, claims: Value) -> Result<String, OAuthError> {
    let shared = call.shared;
    let now = shared.now();
    let mut claims = claims.as_object().cloned().unwrap_or_default();
    claims.insert("iss".into(), openid::token_issuer(call.act, &call.marks).into());
    claims.insert("aud".into(), call.act.client.id.clone().into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), now.saturating_add(SIGNED_LIFETIME).into());
    let keys = shared.keys();
    let jwt = Jwt::new((&keys, shared.signing_alg), claims, now, &shared.issuer);
    jwt.sign().map_err(|_| OAuthError::new("server_error", "the profile cannot be signed"))
}

/// The call that lists e-mails: with the token in the same place as for the profile.
pub(super) fn emails(call: &Call<'_>) -> Response {
    let answer = || {
        let takes_form = call.act.definition.userinfo.token.starts_with("body:");
        if call.method != if takes_form { Method::POST } else { Method::GET } {
            return Err(OAuthError::invalid_request("this is not how the list of e-mails is asked for"));
        }
        call.check_headers(&call.act.definition.userinfo.headers)?;
        let holder = holder(call)?;
        let form = form(call);
        check_proof(call, &holder, if takes_form { &form } else { &call.query })?;
        let list = call.act.definition.identity.emails.as_ref().ok_or_else(no_token)?;
        if let (Some(absent), true) = (list.absent_on.first(), holder.withholds_emails) {
            let status = StatusCode::from_u16(*absent).unwrap_or(StatusCode::FORBIDDEN);
            let description = "the user has not allowed the list of e-mails".to_owned();
            return Err(OAuthError { status, code: "insufficient_scope", description });
        }
        let user = call.shared.user(&holder.username).ok_or_else(no_token)?;
        let own = profile::document(call.act, user, &holder.scopes, holder.email_verified(call, user));
        let is_own = |(pointer, given): (&String, &String)| {
            own.pointer(pointer).is_some_and(|value| {
                value.as_str().map_or_else(|| value.to_string(), str::to_owned) == *given
            })
        };
        if !call.marks.iter().filter(|(mark, _)| mark.starts_with('/')).all(is_own) {
            return Err(OAuthError::invalid_request("the e-mails of another user are not told"));
        }
        Ok(profile::email_list(list, user, holder.email_verified(call, user)))
    };
    match answer() {
        Ok(body) => json(StatusCode::OK, &body),
        Err(error) => refused(call.act, None, error),
    }
}

fn read(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (act, quirks) = (call.act, &call.act.definition.userinfo);
    // What has a body is a POST, whatever the method says.
    let has_body = quirks.body.is_some() || quirks.token.starts_with("body:");
    let method = if has_body { "POST" } else { quirks.method.as_str() };
    if !call.method.as_str().eq_ignore_ascii_case(method) {
        return Err(OAuthError::invalid_request(format!("the profile is asked for by {method}")));
    }
    call.check_headers(&quirks.headers)?;
    let holder = holder(call)?;
    let user = call.shared.user(&holder.username).ok_or_else(no_token)?;
    let form = form(call);
    let given = if call.method == Method::POST && quirks.body.is_none() { &form } else { &call.query };
    for (name, value) in &quirks.params {
        let expected = rewrite::fill(value, |name| match name.strip_prefix("token:") {
            Some(_) => Some(profile::subject_text(act, user)),
            None => act.fill(&format!("{{{name}}}"), &call.marks),
        });
        let there = given.get(name).or_else(|| call.query.get(name));
        if !value.is_empty() && (there.is_none() || expected.is_some_and(|expected| there != Some(&expected)))
        {
            return Err(OAuthError::invalid_request(format!("parameter {name} is missing or wrong")));
        }
    }
    check_proof(call, &holder, given)?;
    if let Some(body) = &quirks.body {
        let body = body.replace("{client_id}", &act.client.id);
        let same = match (serde_json::from_slice::<Value>(&call.body), serde_json::from_str::<Value>(&body)) {
            (Ok(given), Ok(expected)) => given == expected,
            _ => call.body.as_ref() == body.as_bytes(),
        };
        let is_json = call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if !same || !is_json {
            return Err(OAuthError::invalid_request(
                "the body is not the JSON that this provider is asked with",
            ));
        }
    }
    let mut document = profile::document(act, user, &holder.scopes, holder.email_verified(call, user));
    if act.is_openid() {
        call.shared.spoil_userinfo(&mut document, user.username());
    }
    Ok(document)
}

/// The client proves its secret with the access token, where the provider asks for that.
fn check_proof(call: &Call<'_>, holder: &Holder, given: &Params) -> Result<(), OAuthError> {
    let Some(name) = &call.act.definition.userinfo.proof else {
        return Ok(());
    };
    let key =
        hmac::Key::new(hmac::HMAC_SHA256, call.act.client.secret.as_deref().unwrap_or_default().as_bytes());
    let proof = hex(hmac::sign(&key, holder.token.as_bytes()).as_ref());
    if given.get(name) == Some(&proof) {
        return Ok(());
    }
    Err(OAuthError::invalid_request(format!("parameter {name} is missing or wrong: it proves the secret")))
}

/// Whose access token a request has.
struct Holder {
    token: String,
    username: String,
    grant: String,
    scopes: Scopes,
    /// The definition has a scope for e-mails, and it was not asked for.
    withholds_emails: bool,
}

impl Holder {
    fn email_verified(&self, call: &Call<'_>, user: &User) -> bool {
        call.shared.email_verified(&mut call.shared.store(), user, &self.grant)
    }
}

/// The access token, which must be at the place that the definition names: anywhere else it does not count.
fn holder(call: &Call<'_>) -> Result<Holder, OAuthError> {
    let place = &call.act.definition.userinfo.token;
    let (kind, name) = place.split_once(':').unwrap_or((place, ""));
    let form = form(call);
    let token = match kind {
        "bearer" => call.header("authorization").and_then(|value| scheme(value, "Bearer")),
        "scheme" => call.header("authorization").and_then(|value| scheme(value, name)),
        "header" => call.header(&name.to_ascii_lowercase()),
        "query" => call.query.get(name),
        "body" => form.get(name),
        _ => None,
    };
    let token = token.ok_or_else(no_token)?.to_owned();
    let store = call.shared.store();
    let (access, grant) = store
        .active_access_token(&token, call.shared.now())
        .filter(|(_, grant)| grant.client_id == call.act.client.id)
        .ok_or_else(no_token)?;
    let withholds_emails = !call.act.tells(profile::EMAILS, &grant.scopes);
    let username = grant.signed_in.username.clone();
    let (grant, scopes) = (access.grant.clone(), access.scopes.clone());
    Ok(Holder { token, username, grant, scopes, withholds_emails })
}

/// In seconds.
const SIGNED_LIFETIME: u64 = 60;

/// What follows the scheme; an empty scheme is a bare token.
fn scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    if scheme.is_empty() {
        return (!value.contains(' ')).then_some(value);
    }
    let (given, token) = value.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(token)
}

fn form(call: &Call<'_>) -> Params {
    super::request::body_params(call).unwrap_or_else(|| Params::from_pairs([]))
}

fn no_token() -> OAuthError {
    OAuthError {
        status: StatusCode::UNAUTHORIZED,
        code: "invalid_token",
        description:
            "there is no access token at the place where this provider looks for one, or it is not good"
                .to_owned(),
    }
}
