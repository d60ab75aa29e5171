//! Faults in the key set.

use serde_json::{Value, json};

use super::Strike::{InsteadOnce, Members, Sealed, Set};
use super::wire::broken;
use super::{faults, weak};
use crate::state::{SigningAlg, rsa_padded, signature};

faults! { Keys:
    EMPTY_KEY_SET: "the key set is empty", security "unknown_key", Set("keys", || json!([]));
    NO_KEY_SET: "the key set is an object without the member keys",
        malformed "jwks", Members(|set| *set = json!({ "error": "no keys today" }));
    WRONG_TYPE_KEY_SET: "the member keys of the key set is an object",
        malformed "jwks", Members(|set| set["keys"] = json!({ "0": set["keys"][0] }));
    ODD_KEYS: "the key set has keys that cannot be used, beside the good ones", lawful, Members(odd);
    MANY_KEYS: "the key set has 5000 other keys before the good ones", security "unknown_key", Members(many);
    KEYS_FOR_ENCRYPTION: "the keys are marked for encryption, and one of them has signed",
        security "unknown_key", Members(|set| each(set, |key| key["use"] = "enc".into()));
    KEYS_OF_ANOTHER_ALGORITHM: "the key is marked for PS512, and has signed with RS256",
        security "unknown_key", Sealed(SigningAlg::RS256, signature),
            Members(|set| each(set, |key| key["alg"] = "PS512".into()));
    WEAK_KEY: "the RSA key has 1024 bits",
        security "weak_key", Sealed(SigningAlg::RS256, |_, input| Ok(weak::sign(input.as_bytes()))),
            Members(|set| each(set, |key| if key["kty"] == "RSA" { key["n"] = weak::modulus().into() }));
    EXPONENT_ONE: "the RSA key’s exponent is 1, so that anybody can forge a signature, and somebody has",
        security "weak_key", Sealed(SigningAlg::RS256, |_, input| Ok(rsa_padded(input.as_bytes(), 256))),
            Members(|set| each(set, |key| if key["kty"] == "RSA" { key["e"] = "AQ".into() }));
    KEY_SET_FAILS_ONCE: "the first request for the key set fails with status 500, the next one succeeds",
        network "http_status", InsteadOnce(|_| broken());
}

fn each(set: &mut Value, change: fn(&mut Value)) {
    set["keys"].as_array_mut().into_iter().flatten().for_each(change);
}

/// RFC 7517 section 5: a client ignores keys that it does not understand.
fn odd(set: &mut Value) {
    let odd = json!([
        { "kty": "AKP", "alg": "ML-DSA-65", "kid": "post-quantum", "pub": "AAAA" },
        { "kty": "oct", "k": "c2VjcmV0", "kid": "symmetric", "alg": "HS256" },
        { "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "short" },
        { "kty": "RSA", "n": "!", "e": "AQAB", "kid": "no-base64" },
        { "kid": 7 },
        {},
        "not a key",
        null,
    ]);
    prepend(set, odd.as_array().cloned().unwrap_or_default());
}

fn many(set: &mut Value) {
    // The public key of RFC 8037 appendix A.2, under many names.
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = |at: usize| json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": format!("key-{at}") });
    prepend(set, (0..5000).map(key).collect());
}

fn prepend(set: &mut Value, mut first: Vec<Value>) {
    if let Some(keys) = set["keys"].as_array_mut() {
        first.append(keys);
        *keys = first;
    }
}
