//! JSON responses of an authorization server: the protocol's errors, and everything else.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// An error answer in JSON, RFC 6749 §5.2.
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: String,
}

impl OAuthError {
    pub(crate) fn new(code: &'static str, description: impl Into<String>) -> Self {
        let status = match code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code, description: description.into() }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": self.code,
            "error_description": printable(&self.description),
        });
        let mut response = json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"vouchsafe sandbox\", charset=\"UTF-8\"");
            response.headers_mut().insert("www-authenticate", challenge);
        }
        response
    }
}

/// Tokens and what is said of them are for one reader and one moment, RFC 6749 §5.1.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    let headers =
        [("content-type", "application/json"), (CACHE_CONTROL.as_str(), "no-store"), ("pragma", "no-cache")];
    (status, headers, body.to_string()).into_response()
}

/// RFC 6749 §5.2: `error_description` is printable ASCII without `"` and `\`.
pub(crate) fn printable(text: &str) -> String {
    let fit = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    text.chars().map(|c| if fit(c) { c } else { '?' }).collect()
}
