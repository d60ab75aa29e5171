//! ID tokens.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Scenario, claims, jose_header};

#[tokio::test]
async fn id_token_of_every_algorithm_verifies_with_the_key_it_names() {
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let scenario = Scenario::with(Sandbox::builder().signing_alg(alg)).await;
        let tokens = scenario.tokens(&[]).await;
        let header = jose_header(&tokens["id_token"]);
        assert_eq!(header["alg"], alg);
        let jwks = scenario.get("/jwks").await.json();
        let keys = jwks["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert!(key.get("alg").is_none_or(|key_alg| key_alg == alg));
        assert!(verifies(alg, key, tokens["id_token"].as_str().unwrap()), "{alg}");
    }
}

#[tokio::test]
async fn id_token_has_the_claims_of_openid_connect_core_2() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[("scope", "openid email")]).await;
    let claims = claims(&tokens["id_token"]);
    assert_eq!(claims["iss"], scenario.sandbox.issuer());
    assert_eq!(claims["sub"], "sandbox-user-alice");
    assert_eq!(claims["aud"], scenario.sandbox.client_id());
    assert_eq!(claims["nonce"], "the nonce");
    assert_eq!(claims["email"], "alice@example.com");
    assert_eq!(claims["acr"], "0");
    assert!(claims.get("name").is_none());
    assert!(claims["exp"].as_u64() > claims["iat"].as_u64());
    assert!(claims["auth_time"].as_u64() <= claims["iat"].as_u64());
}

#[tokio::test]
async fn at_hash_is_the_left_half_of_the_access_token_hash() {
    for (alg, hash) in [("RS256", &digest::SHA256), ("ES384", &digest::SHA384), ("EdDSA", &digest::SHA512)] {
        let scenario = Scenario::with(Sandbox::builder().signing_alg(alg)).await;
        let tokens = scenario.tokens(&[]).await;
        let full = digest::digest(hash, tokens["access_token"].as_str().unwrap().as_bytes());
        let half = &full.as_ref()[..full.as_ref().len() / 2];
        assert_eq!(claims(&tokens["id_token"])["at_hash"], URL_SAFE_NO_PAD.encode(half));
    }
}

#[tokio::test]
async fn client_may_have_an_algorithm_of_its_own() {
    let client = ClientConfig::confidential("sandbox-client", "sandbox-secret-for-development-only")
        .signing_alg("ES256");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let tokens = scenario.tokens(&[]).await;
    assert_eq!(jose_header(&tokens["id_token"])["alg"], "ES256");
}

#[tokio::test]
async fn unknown_algorithm_is_refused_at_the_start() {
    for builder in [
        Sandbox::builder().signing_alg("HS256"),
        Sandbox::builder().client(ClientConfig::public("app").signing_alg("none")),
    ] {
        let error = builder.start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

fn verifies(alg: &str, key: &Value, jwt: &str) -> bool {
    let (input, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let rsa = |params| {
        let public = RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
        public.verify(params, input.as_bytes(), &signature).is_ok()
    };
    let ec = |algorithm| {
        let point = [vec![4], bytes("x"), bytes("y")].concat();
        UnparsedPublicKey::new(algorithm, point).verify(input.as_bytes(), &signature).is_ok()
    };
    match alg {
        "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => ec(&ECDSA_P256_SHA256_FIXED),
        "ES384" => ec(&ECDSA_P384_SHA384_FIXED),
        "ES512" => ec(&ECDSA_P521_SHA512_FIXED),
        _ => UnparsedPublicKey::new(&ED25519, bytes("x")).verify(input.as_bytes(), &signature).is_ok(),
    }
}
