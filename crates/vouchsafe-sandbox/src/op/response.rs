//! Responses as the definition has them: their names, shape, encoding and content type.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use vouchsafe_providers::ErrorShape;

use super::Call;
use crate::part::profile::{plain, put};
use crate::wire::{BEARER, OAuthError, json as json_response, printable, text, with_challenge};

impl Call<'_> {
    /// A token response. `beside` joins both the whole response and the members: a pointer into a token response may be
    /// meant for either. If the definition knows several wrappers, codes get the first one, all other grants the last one.
    pub(super) fn token_response(&self, members: Value, beside: &Value, for_code: bool) -> Response {
        let quirks = &self.part.definition.token;
        let named = |name: String| quirks.response_names.get(&name).cloned().unwrap_or(name);
        let mut inner = match members {
            Value::Object(members) => {
                Value::Object(members.into_iter().map(|(name, value)| (named(name), value)).collect())
            }
            other => other,
        };
        merge(&mut inner, beside);
        let mut body = json!({});
        let place = if for_code { quirks.response.first() } else { quirks.response.last() };
        put(&mut body, place.map_or("", String::as_str), inner);
        merge(&mut body, beside);
        succeed(&mut body, quirks.failure.as_ref());
        self.encoded(StatusCode::OK, &body)
    }

    /// A refusal by the token endpoint.
    pub(super) fn token_refusal(&self, error: &OAuthError) -> Response {
        let is_spent = error.code == "invalid_grant" && error.description.contains("refresh");
        let spent = &self.part.definition.refreshing.spent;
        if let (true, Some((pointer, words))) = (is_spent, spent.first_key_value()) {
            let mut body = json!({});
            put(&mut body, pointer, words.first().map_or(Value::Null, |word| plain(word)));
            return self.encoded(error.status, &body);
        }
        self.token_refusal_as(&self.native(error), error)
    }

    /// The same with that code.
    pub(super) fn token_refusal_as(&self, code: &str, error: &OAuthError) -> Response {
        if let Some(failure) = &self.part.definition.token.failure {
            return self.encoded(StatusCode::OK, &failed(failure, code, &error.description));
        }
        let body = json!({ "error": code, "error_description": printable(&error.description) });
        with_challenge(self.encoded(error.status, &body))
    }

    /// A refusal: with a status of success if the definition has a shape for that, otherwise as in the RFC.
    pub(super) fn refused(&self, failure: Option<&ErrorShape>, error: OAuthError) -> Response {
        match failure {
            Some(failure) => {
                json_response(StatusCode::OK, &failed(failure, &self.native(&error), &error.description))
            }
            None => error.into_response(),
        }
    }

    /// A refusal by a resource that needs an access token, RFC 6750 section 3.
    pub(super) fn resource_refusal(&self, failure: Option<&ErrorShape>, error: OAuthError) -> Response {
        if error.code == NO_TOKEN && failure.is_none() {
            return (StatusCode::UNAUTHORIZED, [("www-authenticate", BEARER)]).into_response();
        }
        let code = if error.code == NO_TOKEN { "invalid_token" } else { error.code };
        let error = OAuthError { code, ..error };
        let challenge = self.dpop_challenge(&error).unwrap_or_else(|| error.bearer_challenge());
        let mut response = self.refused(failure, error);
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert("www-authenticate", challenge);
        }
        response
    }

    /// A response of the token endpoint, as a form where the provider sends forms.
    pub(super) fn encoded(&self, status: StatusCode, body: &Value) -> Response {
        let quirks = &self.part.definition.token;
        let wants_json =
            self.incoming.header("accept").is_some_and(|accept| accept.contains("application/json"));
        let (true, false, Some(members)) = (quirks.form_response, wants_json, body.as_object()) else {
            return labelled(json_response(status, body), &quirks.content_types);
        };
        let form = Serializer::new(String::new())
            .extend_pairs(members.iter().map(|(name, value)| (name, text(value))))
            .finish();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("cache-control", "no-store"),
        ];
        (status, headers, form).into_response()
    }

    /// The provider's own word for an error. Where it has several, the one with the most words of the description.
    fn native(&self, error: &OAuthError) -> String {
        let said: Vec<_> = error.description.split([' ', '_', ',']).collect();
        let fits = |own: &str| own.split('_').filter(|word| said.contains(word)).count();
        let codes = self.part.definition.token.error_codes.iter();
        let codes = codes.filter(|(_, standard)| *standard == error.code).rev();
        codes.max_by_key(|(own, _)| fits(own)).map_or(error.code, |(own, _)| own.as_str()).to_owned()
    }
}

/// The code of an error for a request without an access token. It is never sent.
pub(super) const NO_TOKEN: &str = "no_token";

/// Adds the member that means success, if responses of the provider have one.
pub(super) fn succeed(body: &mut Value, failure: Option<&ErrorShape>) {
    if let Some((failure, success)) = failure.and_then(|failure| Some((failure, failure.success.first()?))) {
        put(body, &failure.code, plain(success));
    }
}

/// Adds the members that are missing.
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

fn failed(failure: &ErrorShape, code: &str, description: &str) -> Value {
    let mut body = json!({});
    let description = printable(description);
    // Where success is a truth value, the error code is at the place of the explanation.
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
