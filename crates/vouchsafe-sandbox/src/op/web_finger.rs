//! WebFinger, RFC 7033: the issuer of a user, OpenID Connect Discovery 1.0 section 2.

use axum::http::StatusCode;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Call;
use crate::wire::{OAuthError, ensure, error, invalid_request};

/// The links of a user of this sandbox: `acct:alice@127.0.0.1:8080`, or a URL at its origin.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    let (query, issuer) = (&call.incoming.query, &call.shared.issuer);
    // RFC 7033 section 4.2.
    let resource = query.get("resource").ok_or_else(|| invalid_request("parameter resource is missing"))?;
    ensure(!query.is_duplicate("resource"), invalid_request("parameter resource occurs more than once"))?;
    let host = issuer.trim_start_matches("http://");
    let known = match resource.strip_prefix("acct:") {
        Some(account) => {
            account.rsplit_once('@').is_some_and(|(user, at)| at == host && call.shared.user(user).is_some())
        }
        None => resource
            .strip_prefix(issuer.as_str())
            .is_some_and(|path| path.is_empty() || path.starts_with('/')),
    };
    let unknown = error("not_found", "this sandbox knows nothing of the resource");
    ensure(known, OAuthError { status: StatusCode::NOT_FOUND, ..unknown })?;
    let is_wanted = |rel: &str| query.get("rel").is_none_or(|wanted| wanted == rel);
    let links: Vec<_> = [(ISSUER, issuer)].into_iter().filter(|(rel, _)| is_wanted(rel)).collect();
    let links: Vec<_> = links.into_iter().map(|(rel, href)| json!({ "rel": rel, "href": href })).collect();
    Ok(json!({ "subject": resource, "links": links }))
}

/// Section 10.2 for the content type, section 5 for the header field.
pub(super) fn document(document: &Value) -> Response {
    let mut response = ([("content-type", "application/jrd+json")], document.to_string()).into_response();
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, axum::http::HeaderValue::from_static("*"));
    response
}

const ISSUER: &str = "http://openid.net/specs/connect/1.0/issuer";
