//! Faults in aggregated and distributed claims, where the sandbox is the source. A login succeeds without them.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse as _;
use serde_json::json;

use super::Strike::{Claim, Header, IdToken, Instead};
use super::id_token::{BY_ATTACKER, UNSIGNED};
use super::{ELSEWHERE, faults};
use crate::wire::json as json_response;

faults! { Claims:
    CLAIMS_OF_ANOTHER_ISSUER: "claims name another issuer than the one that has signed them",
        security "issuer_mismatch", Claim("iss", || ELSEWHERE.into());
    FORGED_CLAIMS: "an attacker has signed the claims, and names the key of the source", security "signature", BY_ATTACKER;
    UNSIGNED_CLAIMS: "the claims are not signed: alg is none", security "algorithm", UNSIGNED, Header("alg", || "none".into());
    CLAIMS_FOR_ANOTHER_CLIENT: "the claims are for another client, as an ID token of the source would be",
        security "audience", Claim("aud", || "another-client".into());
    EXPIRED_CLAIMS: "the claims expired an hour ago", security "expired", IdToken(|token| token.claim("exp", token.now - 3600));
    PLAIN_CLAIMS: "the source of distributed claims responds with plain JSON, which nobody has signed",
        malformed "content_type", Instead(|_| json_response(StatusCode::OK, &json!({ "credit_score": 999, "iss": ELSEWHERE })));
    CLAIMS_REDIRECTED: "the source of distributed claims redirects to another host",
        security "redirect_refused", Instead(|_| (StatusCode::FOUND, [(LOCATION, ELSEWHERE)]).into_response());
}
