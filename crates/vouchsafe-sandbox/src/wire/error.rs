//! JSON responses of an authorization server: the protocol's errors, and everything else.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json as object};

/// An error response in JSON, RFC 6749 section 5.2.
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: String,
}

/// An error with this code, and the status that belongs to it.
pub(crate) fn error(code: &'static str, description: impl Into<String>) -> OAuthError {
    let status = match code {
        "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
        "insufficient_scope" => StatusCode::FORBIDDEN,
        "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    OAuthError { status, code, description: description.into() }
}

pub(crate) fn invalid_request(description: impl Into<String>) -> OAuthError {
    error("invalid_request", description)
}

pub(crate) fn invalid_grant(description: impl Into<String>) -> OAuthError {
    error("invalid_grant", description)
}

pub(crate) fn invalid_client(description: impl Into<String>) -> OAuthError {
    error("invalid_client", description)
}

/// The error, unless the condition holds.
pub(crate) fn ensure<E>(condition: bool, error: E) -> Result<(), E> {
    if condition { Ok(()) } else { Err(error) }
}

impl OAuthError {
    /// The challenge of a resource that needs an access token, RFC 6750 section 3.
    pub(crate) fn bearer_challenge(&self) -> String {
        let description = printable(&self.description);
        format!("{BEARER}, error=\"{}\", error_description=\"{description}\"", self.code)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = object!({ "error": self.code, "error_description": printable(&self.description) });
        with_challenge(json(self.status, &body))
    }
}

/// RFC 9110 section 11.6.1: the status 401 needs a challenge.
pub(crate) fn with_challenge(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"vouchsafe sandbox\", charset=\"UTF-8\"");
        response.headers_mut().insert("www-authenticate", challenge);
    }
    response
}

/// The challenge to a request without an access token, RFC 6750 section 3.1: it names no error.
pub(crate) const BEARER: &str = "Bearer realm=\"vouchsafe sandbox\"";

/// Tokens and facts about them are for one reader and one moment, RFC 6749 section 5.1.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    let headers =
        [("content-type", "application/json"), (CACHE_CONTROL.as_str(), "no-store"), ("pragma", "no-cache")];
    (status, headers, body.to_string()).into_response()
}

/// RFC 6749 section 5.2: `error_description` is printable ASCII without `"` and `\`.
pub(crate) fn printable(text: &str) -> String {
    let fit = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    text.chars().map(|c| if fit(c) { c } else { '?' }).collect()
}
