//! Faults in the response of the pushed authorization request endpoint, RFC 9126 section 2.2.

use axum::http::StatusCode;
use serde_json::json;

use super::Strike::{Instead, Set, Status, Without};
use super::faults;
use super::token::error;

faults! { PushedRequest:
    MISSING_REQUEST_URI: "the response to the pushed request has no request_uri",
        malformed "missing_field", Without("request_uri");
    EMPTY_REQUEST_URI: "the request_uri of the pushed request is empty",
        malformed "invalid_field", Set("request_uri", || "".into());
    WRONG_TYPE_REQUEST_URI: "the request_uri of the pushed request is a list",
        malformed "invalid_field", Set("request_uri", || json!(["urn:a", "urn:b"]));
    HTTP_REQUEST_URI: "the request_uri of the pushed request leads to another server, by http",
        malformed "invalid_field", Set("request_uri", || "http://elsewhere.example/request".into());
    OVERSIZED_REQUEST_URI: "the request_uri of the pushed request is 100 KiB long",
        malformed "invalid_field", Set("request_uri", || format!("urn:ietf:params:oauth:request_uri:{}", "x".repeat(OVERSIZE)).into());
    EXPIRED_REQUEST_URI: "the pushed request expires at once: expires_in is zero",
        malformed "invalid_field", Set("expires_in", || 0.into());
    MISSING_REQUEST_URI_LIFETIME: "the response to the pushed request has no expires_in",
        lawful, Without("expires_in");
    PUSHED_WITH_STATUS_OK: "the response to the pushed request has status 200 in place of 201",
        lawful, Status(StatusCode::OK);
    PUSHED_REQUEST_REFUSED: "the pushed request is refused by invalid_request",
        provider "invalid_request",
            Instead(|_| error(StatusCode::BAD_REQUEST, "invalid_request", "The redirect_uri is not registered"));
    SECRETS_IN_PUSHED_REFUSAL: "the pushed request is refused, and the error repeats it with its secrets",
        provider "invalid_request",
            Instead(|request| error(StatusCode::BAD_REQUEST, "invalid_request", &request.secrets().join(" ")));
}

const OVERSIZE: usize = 100 * 1024;
