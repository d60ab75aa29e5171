//! Refreshing at an OpenID Provider (OpenID Connect Core section 12.2).
use serde_json::{Value, json};
use vouchsafe::Tokens;
use vouchsafe::error::Feature;

use crate::forge::half_hash;
use crate::scenario::{REFRESH_TOKEN, Scenario};

/// A login, after which the provider changes its mind.
async fn then(change: impl FnOnce(&mut crate::scenario::Op)) -> (Scenario, Tokens) {
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    scenario.op().token = json!({"access_token": "access-token-2"});
    change(&mut scenario.op());
    (scenario, tokens)
}

/// The verdict on a refresh whose ID token has that claim.
async fn verdict(name: &str, value: Value) -> String {
    let (scenario, tokens) = then(|op| op.claims = json!({ name: value })).await;
    match scenario.client().refresh(&tokens).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => {
            assert!(error.to_string().starts_with("the token refresh "), "{error}");
            error.code().to_owned()
        }
    }
}

#[tokio::test]
async fn a_refreshed_id_token_replaces_the_old_one() {
    let (scenario, tokens) = then(|op| op.claims = json!({"mark": "new"})).await;
    let fresh = scenario.client().refresh(&tokens).await.unwrap();
    assert_eq!(fresh.access_token().expose(), "access-token-2");
    assert_eq!(fresh.refresh_token().unwrap().expose(), REFRESH_TOKEN);
    assert_eq!(fresh.id_token().unwrap().claims()["mark"].as_str(), Some("new"));
}

#[tokio::test]
async fn without_a_new_id_token_the_old_one_is_kept() {
    let (scenario, tokens) = then(|op| op.id_token = false).await;
    let fresh = scenario.client().refresh(&tokens).await.unwrap();
    assert_eq!(fresh.id_token().unwrap().expose(), tokens.id_token().unwrap().expose());
    assert_eq!(fresh.scopes().collect::<Vec<_>>(), tokens.scopes().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refreshed_id_token_is_about_the_same_user_of_the_same_issuer() {
    assert_eq!(verdict("sub", json!("another")).await, "subject_mismatch");
    assert_eq!(verdict("iss", json!("https://evil.example")).await, "issuer_mismatch");
    assert_eq!(verdict("aud", json!("another")).await, "audience");
    assert_eq!(verdict("azp", json!("another")).await, "authorized_party");
    assert_eq!(verdict("exp", json!(1)).await, "expired");
    assert_eq!(verdict("at_hash", json!(half_hash("RS256", "another"))).await, "hash_mismatch");
    assert_eq!(verdict("at_hash", json!(half_hash("RS256", "access-token-2"))).await, "ok");
}

#[tokio::test]
async fn a_refreshed_id_token_needs_no_nonce_but_has_no_other() {
    assert_eq!(verdict("nonce", json!("another")).await, "nonce_mismatch");
    let (scenario, tokens) = then(|op| op.without.push("nonce")).await;
    assert!(scenario.client().refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn a_refreshed_id_token_is_verified_after_the_tokens_were_stored_too() {
    let (scenario, tokens) = then(|op| op.claims = json!({"sub": "another"})).await;
    let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    assert_eq!(scenario.client().refresh(&stored).await.unwrap_err().code(), "subject_mismatch");
}

#[tokio::test]
async fn a_stranger_cannot_sign_a_refreshed_id_token() {
    let (scenario, tokens) = then(|op| {
        op.header["kid"] = json!("rsa");
        op.key = "stranger".to_owned();
    })
    .await;
    assert_eq!(scenario.client().refresh(&tokens).await.unwrap_err().code(), "signature");
}

#[tokio::test]
async fn the_metadata_says_whether_tokens_are_refreshed() {
    for (grants, refreshes) in [
        (json!(["authorization_code"]), false),
        (json!([]), false),
        (json!(["authorization_code", "refresh_token"]), true),
        (json!(null), true),
    ] {
        let scenario = Scenario::openid().metadata("grant_types_supported", grants.clone());
        let tokens = scenario.log_in().await.unwrap();
        let outcome = scenario.client().refresh(&tokens).await;
        assert_eq!(outcome.is_ok(), refreshes, "{grants}");
        if let Err(error) = outcome {
            assert!(matches!(&error, vouchsafe::Error::Unsupported(e) if e.feature() == Feature::Refresh));
            assert_eq!(scenario.wire.seen_at("/token").len(), 1, "the refresh token is not spent");
        }
    }
}

#[tokio::test]
async fn a_refresh_by_hand_verifies_what_comes() {
    let (scenario, _) = then(|op| op.claims = json!({"aud": "another"})).await;
    assert_eq!(scenario.client().manual().refresh("rt").await.unwrap_err().code(), "audience");
}
