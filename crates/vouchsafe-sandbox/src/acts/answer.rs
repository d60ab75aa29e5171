//! How an act says yes and no.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;
use vouchsafe_providers::{ErrorShape, TokenQuirks};

use super::profile::{plain, put};
use super::{Act, Call};
use crate::wire::{OAuthError, json as json_answer, printable};

/// A token answer: named, wrapped, encoded and labelled as the definition says. `beside` joins both the
/// whole answer and the members: a pointer into a token answer may be meant for either. Where an answer may be wrapped
/// in several ways, the first is for codes and the last for all else.
pub(super) fn tokens(
    call: &Call<'_>,
    members: Map<String, Value>,
    beside: &Value,
    for_code: bool,
) -> Response {
    let quirks = &call.act.definition.token;
    let called = |name: String| quirks.answer_names.get(&name).cloned().unwrap_or(name);
    let mut inner = Value::Object(members.into_iter().map(|(name, value)| (called(name), value)).collect());
    merge(&mut inner, beside);
    let mut body = json!({});
    let place = if for_code { quirks.answer.first() } else { quirks.answer.last() };
    put(&mut body, place.map_or("", String::as_str), inner);
    merge(&mut body, beside);
    succeed(&mut body, quirks.failure.as_ref());
    encoded(call, quirks, StatusCode::OK, &body)
}

/// A refusal by the token endpoint.
pub(super) fn refusal(call: &Call<'_>, error: OAuthError) -> Response {
    refusal_by(call, &native(call.act, &error), error)
}

/// The same with that code.
pub(super) fn refusal_by(call: &Call<'_>, code: &str, error: OAuthError) -> Response {
    let quirks = &call.act.definition.token;
    if let Some(failure) = &quirks.failure {
        return encoded(call, quirks, StatusCode::OK, &failed(failure, code, &error.description));
    }
    let body = json!({ "error": code, "error_description": printable(&error.description) });
    let mut response = encoded(call, quirks, error.status, &body);
    if error.status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §11.6.1: that status comes with a challenge.
        response
            .headers_mut()
            .insert("www-authenticate", HeaderValue::from_static("Basic realm=\"vouchsafe sandbox\""));
    }
    response
}

/// A refusal with a status of success where `failure` says so, else the one of the protocol.
pub(super) fn refused(act: &Act, failure: Option<&ErrorShape>, error: OAuthError) -> Response {
    match failure {
        Some(failure) => {
            json_answer(StatusCode::OK, &failed(failure, &native(act, &error), &error.description))
        }
        None => error.into_response(),
    }
}

/// The member that means success, where an answer has one.
pub(super) fn succeed(body: &mut Value, failure: Option<&ErrorShape>) {
    if let Some((failure, success)) = failure.and_then(|failure| Some((failure, failure.success.first()?))) {
        put(body, &failure.code, plain(success));
    }
}

/// Adds what is not there yet.
fn merge(to: &mut Value, from: &Value) {
    let (Value::Object(to), Value::Object(from)) = (to, from) else {
        return;
    };
    for (name, value) in from {
        match to.get_mut(name) {
            Some(known) => merge(known, value),
            None => {
                to.insert(name.clone(), value.clone());
            }
        }
    }
}

/// JSON, under another name where the provider has one for it.
pub(super) fn labelled(mut response: Response, content_types: &[String]) -> Response {
    if let Some(label) = content_types.first().and_then(|label| HeaderValue::from_str(label).ok()) {
        response.headers_mut().insert("content-type", label);
    }
    response
}

pub(super) fn encoded(call: &Call<'_>, quirks: &TokenQuirks, status: StatusCode, body: &Value) -> Response {
    let wants_json = call.header("accept").is_some_and(|accept| accept.contains("application/json"));
    let (true, false, Some(members)) = (quirks.form_answer, wants_json, body.as_object()) else {
        return labelled(json_answer(status, body), &quirks.content_types);
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let form = Serializer::new(String::new())
        .extend_pairs(members.iter().map(|(name, value)| (name, text(value))))
        .finish();
    let headers =
        [("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("cache-control", "no-store")];
    (status, headers, form).into_response()
}

/// The provider's own word for an error. Where it has several, the one that says most of what the description says.
fn native(act: &Act, error: &OAuthError) -> String {
    let said: Vec<_> = error.description.split([' ', '_', ',']).collect();
    let fits = |own: &str| own.split('_').filter(|word| said.contains(word)).count();
    let codes = act.definition.token.error_codes.iter().filter(|(_, standard)| *standard == error.code);
    let own = codes.rev().max_by_key(|(own, _)| fits(own));
    own.map_or(error.code, |(own, _)| own.as_str()).to_owned()
}

fn failed(failure: &ErrorShape, code: &str, description: &str) -> Value {
    let mut body = json!({});
    let description = printable(description);
    // Where success is a truth value, the word for what failed stands where the explanation is looked for.
    let (mark, description) = match failure.success.first().map(String::as_str) {
        Some("true") => (json!(false), code.to_owned()),
        Some("false") => (json!(true), code.to_owned()),
        _ => (plain(code), description),
    };
    put(&mut body, &failure.code, mark);
    if let Some(pointer) = &failure.description {
        put(&mut body, pointer, description.into());
    }
    body
}
