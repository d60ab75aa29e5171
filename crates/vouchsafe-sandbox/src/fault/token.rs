//! Faults in the response of the token endpoint.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Strike::{InMember, Instead, NoRefresh, Set, Without};
use super::faults;
use crate::wire::json as json_response;

faults! { Token:
    EMPTY_ACCESS_TOKEN: "the access token is empty", malformed "invalid_field", Set("access_token", || "".into());
    MISSING_ACCESS_TOKEN: "the response has no access token", malformed "missing_field", Without("access_token");
    ACCESS_TOKEN_WITH_LINES: "the access token has line breaks that would inject a header field (CR LF)",
        malformed "invalid_field", Set("access_token", || "sandbox-at\r\nx-injected: yes".into());
    WRONG_TYPE_ACCESS_TOKEN: "the access token is a number",
        malformed "invalid_field", Set("access_token", || 7.into());
    WRONG_TYPE_REFRESH_TOKEN: "the refresh token is a list",
        malformed "invalid_field", Set("refresh_token", || json!(["a", "b"]));
    DPOP_UNASKED: "token_type is DPoP, which was not requested",
        security "token_type", Set("token_type", || "DPoP".into());
    MISSING_TOKEN_TYPE: "the response has no token_type", malformed "missing_field", Without("token_type");
    WRONG_TYPE_TOKEN_TYPE: "token_type is a list", malformed "invalid_field", Set("token_type", || json!(["Bearer"]));
    ERROR_AND_TOKEN: "the response has status 200, and both an error and tokens",
        provider "invalid_grant", Set("error", || "invalid_grant".into());
    MISSING_LIFETIME: "the response has no expires_in", lawful, Without("expires_in");
    NEGATIVE_LIFETIME: "expires_in is negative", lawful, Set("expires_in", || (-3600).into());
    HUGE_LIFETIME: "expires_in is the largest 64-bit number",
        lawful, Set("expires_in", || u64::MAX.into());
    WRONG_TYPE_LIFETIME: "expires_in is a word", lawful, Set("expires_in", || "soon".into());
    MISSING_ID_TOKEN: "the response has no ID token, although openid was requested",
        security "missing_id_token", Without("id_token");
    WRONG_TYPE_ID_TOKEN: "the ID token is a JSON object instead of a JWT",
        malformed "invalid_field", InMember("id_token", |token| *token = json!({ "sub": "alice" }));
    ENCRYPTED_ID_TOKEN: "the ID token is encrypted (a JWE), which was not requested",
        malformed "encrypted_jwt", InMember("id_token", |token| *token = JWE.into());
    SECRET_REFUSED: "the client secret is refused by unauthorized_client with status 401, as by Keycloak",
        provider "unauthorized_client",
            Instead(|_| error(StatusCode::UNAUTHORIZED, "unauthorized_client", "Invalid client or Invalid client credentials"));
    KEY_DEMANDED: "the token endpoint asks for a signed JWT of the client",
        provider "invalid_client",
            Instead(|_| error(StatusCode::UNAUTHORIZED, "invalid_client", "Parameter client_assertion_type is missing"));
    DPOP_DEMANDED: "the token endpoint asks for a DPoP proof",
        provider "invalid_request", Instead(|_| error(StatusCode::BAD_REQUEST, "invalid_request", "DPoP proof is missing"));
    REUSED_REFRESH_TOKEN: "the refresh is refused, as if the refresh token had been used before",
        provider "invalid_grant", NoRefresh;
    ESCAPES_IN_ERROR: "the code is refused, and the error has control characters for terminals",
        provider "invalid_grant", Instead(|_| error(StatusCode::BAD_REQUEST, "invalid_grant", ESCAPES));
    HTML_IN_ERROR: "the code is refused, and the error is HTML with a script",
        provider "invalid_grant", Instead(|_| error(StatusCode::BAD_REQUEST, "invalid_grant", HTML));
    SECRETS_IN_ERROR: "the code is refused, and the error repeats the whole request with its secrets",
        provider "invalid_grant",
            Instead(|request| error(StatusCode::BAD_REQUEST, "invalid_grant", &request.secrets().join(" ")));
}

/// Colours, a window title, a line of its own, a bell, C1 controls, and text that runs the other way.
pub(super) const ESCAPES: &str =
    "broken\u{1b}[31mred\u{1b}]0;title\u{7}\r\nSigned in.\u{8}\u{9b}2J\u{202e}drawkcab\u{2066}\u{0}";
pub(super) const HTML: &str = "</p><script>alert(document.domain)</script><img src=x onerror=alert(1)>";

/// The example of RFC 7516 appendix A.1, shortened: five parts.
pub(super) const JWE: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9k.\
    48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";

/// An error response with the description unchanged.
pub(super) fn error(status: StatusCode, code: &str, description: &str) -> Response {
    json_response(status, &json!({ "error": code, "error_description": description }))
}
