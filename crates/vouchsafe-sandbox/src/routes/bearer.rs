use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::wire::Params;
use crate::wire::{OAuthError, printable};

/// Why a protected resource stays closed, RFC 6750 §3.1.
pub(super) enum BearerError {
    /// The request brings no token, so it learns nothing but that it needs one.
    Missing,
    Invalid(&'static str),
    Malformed(&'static str),
}

impl IntoResponse for BearerError {
    fn into_response(self) -> Response {
        let (status, code, description) = match self {
            Self::Missing => {
                let challenge = HeaderValue::from_static("Bearer realm=\"vouchsafe sandbox\"");
                return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
            }
            Self::Invalid(description) => (StatusCode::UNAUTHORIZED, "invalid_token", description),
            Self::Malformed(description) => (StatusCode::BAD_REQUEST, "invalid_request", description),
        };
        let description = printable(description);
        let challenge = format!(
            "Bearer realm=\"vouchsafe sandbox\", error=\"{code}\", error_description=\"{description}\""
        );
        let mut response = OAuthError { status, code, description }.into_response();
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert("www-authenticate", challenge);
        }
        response
    }
}

/// The access token of a request: in the header (RFC 6750 §2.1) or in a form (§2.2), never in the query (§2.3).
pub(super) fn token(headers: &HeaderMap, body: &[u8]) -> Result<String, BearerError> {
    let form = Params::from_body(headers, body);
    let by_form = form.as_ref().and_then(|form| form.get("access_token"));
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let by_header = fields.next();
    if fields.next().is_some() || (by_header.is_some() && by_form.is_some()) {
        return Err(BearerError::Malformed("the access token is there more than once"));
    }
    let Some(value) = by_header else {
        return by_form.map(str::to_owned).ok_or(BearerError::Missing);
    };
    let value =
        value.to_str().map_err(|_| BearerError::Malformed("the Authorization header field is not text"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim().to_owned())
        }
        _ => Err(BearerError::Malformed("the Authorization header field does not hold a bearer token")),
    }
}
