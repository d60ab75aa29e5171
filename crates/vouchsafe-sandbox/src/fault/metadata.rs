//! Faults in the metadata.

use serde_json::{Value, json};

use super::Strike::Members;
use super::{ELSEWHERE, LAWFUL, faults, malformed, security};

faults! { Metadata:
    ANOTHER_ISSUERS_METADATA = ("another-issuers-metadata", "the metadata belongs to another issuer",
        security("issuer_mismatch"), [Members(|metadata| metadata["issuer"] = ELSEWHERE.into())]);
    ISSUER_WITH_SLASH = ("issuer-with-slash",
        "the issuer in the metadata has an extra slash at its end",
        security("issuer_mismatch"), [Members(|metadata| {
            metadata["issuer"] = format!("{}/", metadata["issuer"].as_str().unwrap_or_default()).into();
        })]);
    METADATA_WITHOUT_ISSUER = ("metadata-without-issuer", "the metadata has no issuer",
        malformed("metadata"), [Members(|metadata| remove(metadata, "issuer"))]);
    METADATA_WITHOUT_ENDPOINTS = ("metadata-without-endpoints", "the metadata has no token endpoint",
        malformed("metadata"), [Members(|metadata| remove(metadata, "token_endpoint"))]);
    WRONG_TYPE_ENDPOINT = ("wrong-type-endpoint", "jwks_uri in the metadata is a list",
        malformed("metadata"), [Members(|metadata| metadata["jwks_uri"] = json!([metadata["jwks_uri"]]))]);
    PLAIN_PKCE_ONLY = ("plain-pkce-only", "the metadata offers PKCE with plain only: a downgrade",
        LAWFUL, [Members(|metadata| metadata["code_challenge_methods_supported"] = json!(["plain"]))]);
    PKCE_UNANNOUNCED = ("pkce-unannounced", "the metadata does not mention PKCE",
        LAWFUL, [Members(|metadata| remove(metadata, "code_challenge_methods_supported"))]);
    NONE_ANNOUNCED = ("none-announced", "the metadata announces unsigned ID tokens only",
        security("algorithm"),
        [Members(|metadata| metadata["id_token_signing_alg_values_supported"] = json!(["none"]))]);
    HMAC_ANNOUNCED = ("hmac-announced", "the metadata announces ID tokens with an HMAC only",
        security("algorithm"),
        [Members(|metadata| metadata["id_token_signing_alg_values_supported"] = json!(["HS256"]))]);
    AUTHORIZATION_BY_JAVASCRIPT = ("authorization-by-javascript", "the authorization endpoint is a javascript: URL",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "authorization_endpoint", "javascript:alert(document.domain)"))]);
    AUTHORIZATION_BY_FILE = ("authorization-by-file",
        "the authorization endpoint is a file on the user’s machine",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "authorization_endpoint", "file:///etc/passwd"))]);
    TOKEN_BY_DATA = ("token-by-data", "the token endpoint is a data: URL that contains its response",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "token_endpoint", "data:application/json,{}"))]);
    TOKEN_BY_HTTP = ("token-by-http", "the token endpoint is plain http on another machine",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "token_endpoint", "http://elsewhere.example/token"))]);
    KEYS_BY_HTTP = ("keys-by-http", "the key set is plain http on another machine",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "jwks_uri", "http://elsewhere.example/jwks"))]);
    KEYS_BY_FILE = ("keys-by-file", "the key set is a file on the client’s machine",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "jwks_uri", "file:///etc/hostname"))]);
    USERINFO_BY_HTTP = ("userinfo-by-http", "the UserInfo endpoint is plain http on another machine",
        security("insecure_url"),
        [Members(|metadata| endpoint(metadata, "userinfo_endpoint", "http://elsewhere.example/me"))]);
}

fn remove(metadata: &mut Value, name: &str) {
    if let Some(members) = metadata.as_object_mut() {
        members.remove(name);
    }
}

fn endpoint(metadata: &mut Value, name: &str, url: &str) {
    metadata[name] = url.into();
}
