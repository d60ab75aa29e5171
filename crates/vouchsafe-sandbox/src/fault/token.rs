//! Faults in the response of the token endpoint.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Strike::{Instead, Members, NoRefresh};
use super::{at_refresh, faults, malformed, provider, security};
use crate::wire::json as json_response;

faults! { Token:
    EMPTY_ACCESS_TOKEN = ("empty-access-token", "the access token is empty",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "access_token", ""))]);
    MISSING_ACCESS_TOKEN = ("missing-access-token", "the response has no access token",
        malformed("missing_field"), [Members(|tokens| remove(tokens, "access_token"))]);
    ACCESS_TOKEN_WITH_LINES = ("access-token-with-lines",
        "the access token has line breaks that would inject a header field (CR LF)",
        malformed("invalid_field"),
        [Members(|tokens| set(tokens, "access_token", "sandbox-at\r\nx-injected: yes"))]);
    WRONG_TYPE_ACCESS_TOKEN = ("wrong-type-access-token", "the access token is a number",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "access_token", 7))]);
    WRONG_TYPE_REFRESH_TOKEN = ("wrong-type-refresh-token", "the refresh token is a list",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "refresh_token", json!(["a", "b"])))]);
    DPOP_UNASKED = ("dpop-unasked", "token_type is DPoP, which was not requested",
        security("token_type"), [Members(|tokens| set(tokens, "token_type", "DPoP"))]);
    MISSING_TOKEN_TYPE = ("missing-token-type", "the response has no token_type",
        malformed("missing_field"), [Members(|tokens| remove(tokens, "token_type"))]);
    WRONG_TYPE_TOKEN_TYPE = ("wrong-type-token-type", "token_type is a list",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "token_type", json!(["Bearer"])))]);
    ERROR_AND_TOKEN = ("error-and-token", "the response has status 200, and both an error and tokens",
        provider("invalid_grant"), [Members(|tokens| set(tokens, "error", "invalid_grant"))]);
    NEGATIVE_LIFETIME = ("negative-lifetime", "expires_in is negative",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "expires_in", -3600))]);
    HUGE_LIFETIME = ("huge-lifetime", "expires_in is the largest 64-bit number",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "expires_in", u64::MAX))]);
    WRONG_TYPE_LIFETIME = ("wrong-type-lifetime", "expires_in is a word",
        malformed("invalid_field"), [Members(|tokens| set(tokens, "expires_in", "soon"))]);
    MISSING_ID_TOKEN = ("missing-id-token", "the response has no ID token, although openid was requested",
        security("missing_id_token"), [Members(|tokens| remove(tokens, "id_token"))]);
    WRONG_TYPE_ID_TOKEN = ("wrong-type-id-token", "the ID token is a JSON object instead of a JWT",
        malformed("invalid_field"),
        [Members(|tokens| replace_id_token(tokens, |_| json!({ "sub": "sandbox-user-alice" })))]);
    ENCRYPTED_ID_TOKEN = ("encrypted-id-token", "the ID token is encrypted (a JWE), which was not requested",
        malformed("jwt"), [Members(|tokens| replace_id_token(tokens, |_| JWE.into()))]);
    REUSED_REFRESH_TOKEN = ("reused-refresh-token",
        "the refresh is refused, as if the refresh token had been used before",
        at_refresh(provider("invalid_grant")), [NoRefresh]);
    ESCAPES_IN_ERROR = ("escapes-in-error", "the code is refused, and the error has control characters for terminals",
        provider("invalid_grant"), [Instead(|_| refusal(ESCAPES))]);
    HTML_IN_ERROR = ("html-in-error", "the code is refused, and the error is HTML with a script",
        provider("invalid_grant"), [Instead(|_| refusal(HTML))]);
    SECRETS_IN_ERROR = ("secrets-in-error",
        "the code is refused, and the error repeats the whole request with its secrets",
        provider("invalid_grant"), [Instead(|request| refusal(&request.secrets().join(" ")))]);
}

/// Colours, a window title, a line of its own, a bell, C1 controls, and text that runs the other way.
pub(super) const ESCAPES: &str =
    "broken\u{1b}[31mred\u{1b}]0;title\u{7}\r\nSigned in.\u{8}\u{9b}2J\u{202e}drawkcab\u{2066}\u{0}";
pub(super) const HTML: &str = "</p><script>alert(document.domain)</script><img src=x onerror=alert(1)>";

/// The example of RFC 7516 appendix A.1, shortened: five parts.
const JWE: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9k.\
    48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";

pub(super) fn set(members: &mut Value, name: &str, value: impl Into<Value>) {
    members[name] = value.into();
}

fn remove(members: &mut Value, name: &str) {
    members.as_object_mut().map(|members| members.remove(name));
}

/// Replaces the ID token, if there is one.
pub(super) fn replace_id_token(members: &mut Value, with: fn(&str) -> Value) {
    if let Some(token) = members.get_mut("id_token") {
        *token = with(token.as_str().unwrap_or_default());
    }
}

/// Sends the description unchanged.
fn refusal(description: &str) -> Response {
    let body = json!({ "error": "invalid_grant", "error_description": description });
    json_response(StatusCode::BAD_REQUEST, &body)
}
