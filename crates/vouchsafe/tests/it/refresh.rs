//! Refreshing at an OpenID Provider (OpenID Connect Core section 12.2).
use serde_json::{Value, json};
use vouchsafe::Tokens;
use vouchsafe::error::Feature;

use crate::forge::half_hash;
use crate::scenario::{REFRESH_TOKEN, Scenario};
use crate::wire::{answer, json};

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
    // Core §12.2, and what the conformance suite calls refresh-token-invalid-issuer and refresh-token-invalid-sub.
    assert_eq!(verdict("sub", json!("another")).await, "subject_mismatch");
    assert_eq!(verdict("iss", json!("https://evil.example")).await, "issuer_mismatch");
    assert_eq!(verdict("aud", json!("another")).await, "audience");
    assert_eq!(verdict("aud", json!(["my-client", "another"])).await, "authorized_party");
    assert_eq!(verdict("azp", json!("another")).await, "authorized_party");
    assert_eq!(verdict("at_hash", json!(half_hash("RS256", "access-token-2"))).await, "ok");
}

#[tokio::test]
async fn a_refreshed_id_token_that_fails_a_check_costs_nobody_the_tokens() {
    for (claim, value, code) in [
        ("iss", json!(null), "invalid_field"),
        ("exp", json!(1), "expired"),
        ("exp", json!(null), "invalid_field"),
        ("sub", json!(null), "invalid_field"),
        ("at_hash", json!(half_hash("RS256", "another")), "hash_mismatch"),
        ("nonce", json!("another"), "nonce_mismatch"),
    ] {
        let (scenario, tokens) = then(|op| op.claims = json!({ claim: value })).await;
        kept(&scenario, &tokens, code).await;
    }
    let (scenario, tokens) = then(|op| {
        op.header["kid"] = json!("rsa");
        op.key = "stranger".to_owned();
    })
    .await;
    kept(&scenario, &tokens, "signature").await;
}

#[tokio::test]
async fn a_refresh_is_no_new_sign_in() {
    // Core §12.2: auth_time is that of the original authentication.
    let scenario = Scenario::openid().claim("auth_time", json!(1_800_000_000));
    let tokens = scenario.log_in().await.unwrap();
    scenario.op().token = json!({"access_token": "access-token-2"});
    assert!(scenario.client().refresh(&tokens).await.unwrap().warnings().is_empty());
    let scenario = scenario.claim("auth_time", json!(1_800_000_001));
    kept(&scenario, &tokens, "auth_time").await;
}

#[tokio::test]
async fn a_refresh_with_somebody_else_s_tokens_leaves_nothing_of_them() {
    for (claim, value) in [("sub", "another"), ("iss", "https://evil.example"), ("aud", "another")] {
        let (scenario, tokens) = then(|op| op.claims = json!({ claim: value })).await;
        let error = scenario.client().refresh(&tokens).await.unwrap_err();
        assert!(!error.is_retryable() && !error.needs_refresh(), "{claim}");
        assert!(!format!("{error} {error:?}").contains("access-token-2"), "{claim}");
        // The tokens that the application has are as they were.
        assert_eq!(tokens.access_token().expose(), crate::scenario::ACCESS_TOKEN);
        assert!(scenario.wire.seen_at("/userinfo").is_empty());
    }
}

#[tokio::test]
async fn a_refreshed_id_token_that_cannot_be_checked_costs_nobody_the_tokens() {
    let (scenario, tokens) = then(|op| op.header["kid"] = json!("new")).await;
    let scenario = scenario.at("/jwks", answer(503, "text/plain", ""));
    kept(&scenario, &tokens, "unknown_key").await;
    // A client that has no keys yet.
    let (scenario, tokens) = then(|_| ()).await;
    let scenario = scenario.at("/jwks", answer(503, "text/plain", ""));
    let client = scenario.built(|client| client);
    let fresh = client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.warnings()[0].error().unwrap().status(), Some(503));
}

/// The new access token counts; the old ID token stays, and the identity with it; a warning names the failed check.
async fn kept(scenario: &Scenario, tokens: &Tokens, code: &str) {
    let fresh = scenario.client().refresh(tokens).await.unwrap();
    assert_eq!(fresh.access_token().expose(), "access-token-2", "{code}");
    assert_eq!(fresh.id_token().unwrap().expose(), tokens.id_token().unwrap().expose(), "{code}");
    assert!(fresh.unverified_id_token().is_none(), "{code}");
    let [warning] = fresh.warnings() else { panic!("{code}: {:?}", fresh.warnings()) };
    assert_eq!((warning.code(), warning.error().unwrap().code()), ("id_token", code));
}

#[tokio::test]
async fn what_is_wrong_beside_the_new_access_token_does_not_cost_it() {
    for (member, code) in [
        (json!({"refresh_token": 7}), "refresh_token"),
        (json!({"refresh_token": "a\nb"}), "refresh_token"),
        (json!({"id_token": {}}), "id_token"),
        (json!({"scope": 7}), "scope"),
        (json!({"expires_in": "soon"}), "expires_in"),
    ] {
        let mut body = json!({"access_token": "access-token-2", "token_type": "Bearer"});
        body.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let (scenario, tokens) = then(|_| ()).await;
        let scenario = scenario.at("/token", json(200, body));
        let fresh = scenario.client().refresh(&tokens).await.unwrap();
        assert_eq!(fresh.access_token().expose(), "access-token-2");
        assert_eq!(fresh.refresh_token(), tokens.refresh_token(), "{member}");
        assert_eq!(fresh.scopes().collect::<Vec<_>>(), tokens.scopes().collect::<Vec<_>>());
        assert_eq!(fresh.warnings()[0].code(), code);
    }
}

#[tokio::test]
async fn a_refreshed_id_token_needs_no_nonce() {
    let (scenario, tokens) = then(|op| op.without.push("nonce")).await;
    assert!(scenario.client().refresh(&tokens).await.is_ok());
    // Core §12.2: if it has one, it is that of the login.
    let (scenario, tokens) = then(|op| op.claims = json!({"nonce": "another"})).await;
    kept(&scenario, &tokens, "nonce_mismatch").await;
}

#[tokio::test]
async fn a_refreshed_id_token_is_verified_after_the_tokens_were_stored_too() {
    let (scenario, tokens) = then(|op| op.claims = json!({"sub": "another"})).await;
    let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    assert_eq!(scenario.client().refresh(&stored).await.unwrap_err().code(), "subject_mismatch");
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
    let error = scenario.client().manual().refresh("rt").await.unwrap_err();
    assert_eq!(error.code(), "audience");
    let (scenario, _) = then(|op| op.claims = json!({"exp": 1})).await;
    let fresh = scenario.client().manual().refresh("rt").await.unwrap();
    assert!(fresh.id_token().is_none() && fresh.unverified_id_token().is_none());
    assert_eq!(fresh.warnings()[0].error().unwrap().code(), "expired");
}

#[tokio::test]
async fn a_vault_keeps_its_record_when_a_refresh_brings_somebody_else_s_tokens() {
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let store = std::sync::Arc::new(vouchsafe::vault::MemoryStore::new());
    let vault = vouchsafe::Vault::danger_plain_text(store).client(scenario.client().clone());
    vault.connect("alice", tokens.clone()).await.unwrap();
    scenario.op().token = json!({"access_token": "access-token-2", "refresh_token": "refresh-token-2"});
    let scenario = scenario.claim("sub", json!("another"));
    assert_eq!(vault.refresh("alice", "openid").await.unwrap_err().code(), "subject_mismatch");
    // The access token that is still valid is handed out, and the refresh token is sent again.
    assert_eq!(vault.token("alice", "openid").await.unwrap().expose(), tokens.access_token().expose());
    let kept = vault.stored_tokens("alice", "openid").await.unwrap().unwrap();
    assert_eq!(kept.refresh_token().unwrap().expose(), REFRESH_TOKEN);
    scenario.op().claims = json!({});
    assert_eq!(vault.refresh("alice", "openid").await.unwrap().expose(), "access-token-2");
}
