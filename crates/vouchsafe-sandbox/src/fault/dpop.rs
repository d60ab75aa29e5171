//! Faults in responses to DPoP proofs, RFC 9449.

use axum::http::{HeaderMap, HeaderValue};

use super::Strike::{EndlessNonce, Head, Set};
use super::faults;

faults! { Dpop:
    ENDLESS_NONCE: "every DPoP proof is refused by use_dpop_nonce, whatever nonce it has",
        provider "use_dpop_nonce", EndlessNonce;
    NONCE_MISSING: "a nonce for the DPoP proof is demanded, and the response does not give one",
        provider "use_dpop_nonce", EndlessNonce, Head(|head| drop(head.remove(NONCE)));
    NONCE_MALFORMED: "the nonce for the DPoP proof has characters that no nonce may have",
        provider "use_dpop_nonce", EndlessNonce,
            Head(|head| drop(head.insert(NONCE, HeaderValue::from_static("a \"nonce\" of \\ spaces"))));
    OVERSIZED_NONCE: "the nonce for the DPoP proof is 16 KiB long",
        provider "use_dpop_nonce", EndlessNonce, Head(lengthen);
    DPOP_DOWNGRADE: "token_type is Bearer, although the request had a DPoP proof",
        security "token_type", Set("token_type", || "Bearer".into());
    DPOP_ODD_CASE: "token_type is dPoP: its case does not matter",
        lawful, Set("token_type", || "dPoP".into());
    DPOP_ODD_CHALLENGE: "a resource names the scheme dPoP in its challenge: its case does not matter", lawful, Head(odd);
}

const NONCE: &str = "dpop-nonce";
const OVERSIZE: usize = 16 * 1024;

fn lengthen(head: &mut HeaderMap) {
    if let Ok(nonce) = HeaderValue::from_str(&"x".repeat(OVERSIZE)) {
        head.insert(NONCE, nonce);
    }
}

fn odd(head: &mut HeaderMap) {
    let challenge = head.get("www-authenticate").and_then(|value| value.to_str().ok());
    let odd = challenge.and_then(|value| HeaderValue::from_str(&value.replacen("DPoP ", "dPoP ", 1)).ok());
    if let Some(odd) = odd {
        head.insert("www-authenticate", odd);
    }
}
