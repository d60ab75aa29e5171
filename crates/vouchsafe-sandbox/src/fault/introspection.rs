//! Faults in signed introspection responses, RFC 9701. No login depends on them.

use axum::http::StatusCode;
use serde_json::json;

use super::Strike::{Claim, Header, Instead, NoClaim};
use super::id_token::{BY_ATTACKER, UNSIGNED};
use super::{ELSEWHERE, faults};
use crate::wire::json as json_response;

faults! { Introspection:
    INTROSPECTION_OF_ANOTHER_ISSUER: "the signed response is from another issuer", security "issuer_mismatch", Claim("iss", || ELSEWHERE.into());
    INTROSPECTION_FOR_ANOTHER_API: "the signed response is for another API, which may have passed it on",
        security "audience", Claim("aud", || "another-api".into());
    FORGED_INTROSPECTION: "an attacker has signed the response, and names the key of the provider", security "signature", BY_ATTACKER;
    UNSIGNED_INTROSPECTION: "the response is a JWT without a signature: alg is none",
        security "algorithm", UNSIGNED, Header("alg", || "none".into());
    INTROSPECTION_OF_ANOTHER_TYPE: "the response has the type of another JWT (typ)", security "token_type", Header("typ", || "JWT".into());
    INTROSPECTION_WITHOUT_FACTS: "the signed response says nothing about the token", malformed "missing_field", NoClaim("token_introspection");
    PLAIN_INTROSPECTION: "the response is plain JSON that calls each token active, although a signed one was requested",
        malformed "content_type", Instead(|_| json_response(StatusCode::OK, &json!({ "active": true })));
}
