//! Faults in the metadata.

use serde_json::{Value, json};

use super::Strike::{InMember, Set, Without};
use super::{ELSEWHERE, faults};

faults! { Metadata:
    ANOTHER_ISSUERS_METADATA: "the metadata belongs to another issuer",
        security "issuer_mismatch", Set("issuer", || ELSEWHERE.into());
    ISSUER_WITH_SLASH: "the issuer in the metadata has an extra slash at its end",
        security "issuer_mismatch", InMember("issuer", with_slash);
    METADATA_WITHOUT_ISSUER: "the metadata has no issuer", malformed "metadata", Without("issuer");
    METADATA_WITHOUT_ENDPOINTS: "the metadata has no token endpoint", malformed "metadata", Without("token_endpoint");
    WRONG_TYPE_ENDPOINT: "jwks_uri in the metadata is a list",
        malformed "metadata", InMember("jwks_uri", |url| *url = json!([url]));
    PLAIN_PKCE_ONLY: "the metadata offers PKCE with plain only: a downgrade",
        unsupported "s256_not_supported", Set("code_challenge_methods_supported", || json!(["plain"]));
    PKCE_UNANNOUNCED: "the metadata does not mention PKCE", lawful, Without("code_challenge_methods_supported");
    NONE_ANNOUNCED: "the metadata announces unsigned ID tokens only",
        unsupported "id_token_algorithm_not_supported", Set("id_token_signing_alg_values_supported", || json!(["none"]));
    HMAC_ANNOUNCED: "the metadata announces ID tokens with an HMAC only",
        unsupported "id_token_algorithm_not_supported", Set("id_token_signing_alg_values_supported", || json!(["HS256"]));
    PUSHED_REQUESTS_ONLY: "the metadata requires pushed authorization requests (RFC 9126), and names no endpoint for them",
        unsupported "pushed_request_required", Set("require_pushed_authorization_requests", || true.into()),
            Without("pushed_authorization_request_endpoint");
    SIGNED_REQUESTS_ONLY: "the metadata requires signed request objects (RFC 9101)",
        unsupported "signed_request_required", Set("require_signed_request_object", || true.into());
    NO_CODE_ANNOUNCED: "the metadata offers the implicit grant only",
        unsupported "code_not_supported", Set("response_types_supported", || json!(["id_token", "id_token token"]));
    KEY_AUTHENTICATION_ONLY: "the metadata accepts only clients that authenticate by a key or a certificate",
        unsupported "client_auth_not_supported",
            Set("token_endpoint_auth_methods_supported", || json!(["private_key_jwt", "tls_client_auth"]));
    AUTHORIZATION_BY_JAVASCRIPT: "the authorization endpoint is a javascript: URL",
        security "insecure_url", Set("authorization_endpoint", || "javascript:alert(document.domain)".into());
    AUTHORIZATION_BY_FILE: "the authorization endpoint is a file on the user’s machine",
        security "insecure_url", Set("authorization_endpoint", || "file:///etc/passwd".into());
    TOKEN_BY_DATA: "the token endpoint is a data: URL that contains its response",
        security "insecure_url", Set("token_endpoint", || "data:application/json,{}".into());
    TOKEN_BY_HTTP: "the token endpoint is plain http on another machine",
        security "insecure_url", Set("token_endpoint", || "http://elsewhere.example/token".into());
    KEYS_BY_HTTP: "the key set is plain http on another machine",
        security "insecure_url", Set("jwks_uri", || "http://elsewhere.example/jwks".into());
    KEYS_BY_FILE: "the key set is a file on the client’s machine",
        security "insecure_url", Set("jwks_uri", || "file:///etc/hostname".into());
    SESSION_FRAME_BY_JAVASCRIPT: "the frame for session management is a javascript: URL",
        security "insecure_url", Set("check_session_iframe", || "javascript:alert(document.domain)".into());
    SESSION_FRAME_BY_HTTP: "the frame for session management is plain http on another machine",
        security "insecure_url", Set("check_session_iframe", || "http://elsewhere.example/session".into());
    USERINFO_BY_HTTP: "the UserInfo endpoint is plain http on another machine",
        security "insecure_url", Set("userinfo_endpoint", || "http://elsewhere.example/me".into());
}

fn with_slash(issuer: &mut Value) {
    *issuer = format!("{}/", issuer.as_str().unwrap_or_default()).into();
}
