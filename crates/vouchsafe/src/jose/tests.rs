//! What several tests of this room share: a signed JWT, a moment, and the code of an error.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::jwk::{KeySet, Reading};
use crate::error::Error;

pub(super) const NOW: u64 = 1_800_000_000;

/// A moment that does not move.
pub(super) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The code of an error.
pub(super) fn word(error: &Error) -> &'static str {
    match error {
        Error::Validation(e) => e.check.as_str(),
        Error::Response(e) => e.malformed.as_str(),
        other => panic!("{other}"),
    }
}

/// A JWT with those claims, and the keys of its issuer.
pub(super) fn signed(claims: &str) -> (String, KeySet) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encode(br#"{"alg":"EdDSA"}"#), encode(claims.as_bytes()));
    let jwt = format!("{message}.{}", encode(pair.sign(message.as_bytes()).as_ref()));
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())});
    let keys = KeySet::read(&json!({ "keys": [key] }), Reading { most: 1, heeds_issuer: false });
    (jwt, keys.unwrap())
}
