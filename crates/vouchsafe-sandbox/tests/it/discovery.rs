//! The metadata and the key set.

use serde_json::json;

use crate::scenario::Scenario;

#[tokio::test]
async fn metadata_is_the_same_at_both_addresses_and_names_its_own_issuer() {
    let scenario = Scenario::new().await;
    let openid = scenario.get("/.well-known/openid-configuration").await.json();
    let oauth = scenario.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(openid, oauth);
    assert_eq!(openid["issuer"], scenario.sandbox.issuer());
    assert_eq!(openid["authorization_response_iss_parameter_supported"], true);
    assert_eq!(openid["code_challenge_methods_supported"], json!(["S256", "plain"]));
}

#[tokio::test]
async fn each_endpoint_of_the_metadata_exists() {
    let scenario = Scenario::new().await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    for (name, url) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = url.as_str().unwrap().strip_prefix(scenario.sandbox.issuer()).unwrap();
            assert_ne!(scenario.get(path).await.status, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn key_set_has_one_public_key_of_each_kind() {
    let scenario = Scenario::new().await;
    let jwks = scenario.get("/jwks").await.json();
    let keys = jwks["keys"].as_array().unwrap();
    let kinds: Vec<_> = keys.iter().map(|key| (key["kty"].as_str().unwrap(), key["crv"].as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("RSA", None),
            ("EC", Some("P-256")),
            ("EC", Some("P-384")),
            ("EC", Some("P-521")),
            ("OKP", Some("Ed25519"))
        ]
    );
    assert!(keys.iter().all(|key| key["kid"].is_string() && key["use"] == "sig" && key.get("d").is_none()));
}

#[tokio::test]
async fn rotated_keys_have_new_names() {
    let scenario = Scenario::new().await;
    let before = scenario.get("/jwks").await.json();
    scenario.sandbox.rotate_keys().await.unwrap();
    let after = scenario.get("/jwks").await.json();
    for i in 0..5 {
        assert_ne!(before["keys"][i]["kid"], after["keys"][i]["kid"]);
    }
}
