//! ID tokens signed by ML-DSA (RFC 9964), with keys of the type AKP.
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use serde_json::{Value, json};

use crate::forge::{self, base64};
use crate::scenario::Scenario;

const ALL: [(&str, &PqdsaSigningAlgorithm); 3] =
    [("ML-DSA-44", &ML_DSA_44_SIGNING), ("ML-DSA-65", &ML_DSA_65_SIGNING), ("ML-DSA-87", &ML_DSA_87_SIGNING)];

/// A provider that signs with a new key, whose JWK is changed like this.
fn signing(
    name: &str,
    algorithm: &'static PqdsaSigningAlgorithm,
    change: impl FnOnce(&mut Value),
) -> Scenario {
    let pair = PqdsaKeyPair::generate(algorithm).unwrap();
    let mut jwk = json!({"kty": "AKP", "kid": "pq", "alg": name, "pub": base64(pair.public_key().as_ref())});
    change(&mut jwk);
    let sign = move |jwt: String| {
        let (signed, _) = jwt.rsplit_once('.').unwrap();
        let mut signature = vec![0; pair.algorithm().signature_len()];
        pair.sign(signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", base64(signature))
    };
    let scenario = Scenario::openid().header("alg", json!(name)).header("kid", json!("pq")).tampered(sign);
    scenario.with(|op| op.jwks = json!({"keys": [forge::jwk("rsa"), jwk]}))
}

#[tokio::test]
async fn each_parameter_set_of_ml_dsa_verifies() {
    for (name, algorithm) in ALL {
        let scenario = signing(name, algorithm, |_| ());
        let scenario = scenario.metadata("id_token_signing_alg_values_supported", json!([name]));
        assert_eq!(scenario.verdict().await, "ok", "{name}");
        // No hash is defined for at_hash, so the claim says nothing.
        assert_eq!(scenario.claim("at_hash", json!("anything")).verdict().await, "ok", "{name}");
    }
}

#[tokio::test]
async fn a_key_of_ml_dsa_is_for_its_own_algorithm() {
    let (name, algorithm) = ALL[0];
    // RFC 9964: alg is a required part of such a key.
    let without = |jwk: &mut Value| drop(jwk.as_object_mut().unwrap().remove("alg"));
    assert_eq!(signing(name, algorithm, without).verdict().await, "unknown_key");
    for alg in ["ML-DSA-65", "RS256", "ML-DSA-45"] {
        assert_eq!(
            signing(name, algorithm, |jwk| jwk["alg"] = json!(alg)).verdict().await,
            "unknown_key",
            "{alg}"
        );
    }
    let another = base64(PqdsaKeyPair::generate(algorithm).unwrap().public_key().as_ref());
    assert_eq!(signing(name, algorithm, |jwk| jwk["pub"] = json!(another)).verdict().await, "signature");
    assert_eq!(signing(name, algorithm, |jwk| jwk["pub"] = json!("AAAA")).verdict().await, "unknown_key");
    // It does not pass for a key of another type, nor does another key pass for it.
    assert_eq!(signing(name, algorithm, |_| ()).header("alg", json!("RS256")).verdict().await, "unknown_key");
    assert_eq!(Scenario::openid().header("alg", json!("ML-DSA-44")).verdict().await, "unknown_key");
}
