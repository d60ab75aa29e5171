//! Refresh tokens.

use std::time::Duration;

use crate::scenario::{Scenario, claims};

#[tokio::test]
async fn refresh_gives_new_tokens_and_keeps_subject_and_sign_in_time() {
    let scenario = Scenario::new().await;
    let first = scenario.tokens(&[]).await;
    scenario.sandbox.advance_clock(Duration::from_secs(100));
    let second = scenario.refresh(first["refresh_token"].as_str().unwrap()).await.json();
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let (before, after) = (claims(&first["id_token"]), claims(&second["id_token"]));
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(after.get("nonce").is_none());
    assert!(after["iat"].as_u64() >= before["iat"].as_u64().map(|iat| iat + 100));
}

#[tokio::test]
async fn refresh_token_used_twice_ends_the_whole_family_rfc9700_4_14() {
    let scenario = Scenario::new().await;
    let first = scenario.tokens(&[]).await;
    let old = first["refresh_token"].as_str().unwrap();
    let second = scenario.refresh(old).await.json();
    scenario.refresh(old).await.assert_error(400, "invalid_grant");
    scenario.refresh(second["refresh_token"].as_str().unwrap()).await.assert_error(400, "invalid_grant");
    assert_eq!(scenario.userinfo(second["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn scope_may_shrink_but_not_grow_rfc6749_6() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let form = |scope| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
            ("scope", scope),
        ]
    };
    scenario.post("/token", &form("openid calendar")).await.assert_error(400, "invalid_scope");
    let less = scenario.post("/token", &form("email")).await.json();
    assert_eq!(less["scope"], "email");
    assert!(less.get("id_token").is_none());
    let again = scenario.refresh(less["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(again["scope"], "openid profile email");
}

#[tokio::test]
async fn refresh_token_expires_and_is_bound_to_its_client() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", scenario.sandbox.public_client_id()),
    ];
    scenario.post_bare("/token", &form).await.assert_error(400, "invalid_grant");
    scenario.sandbox.advance_clock(Duration::from_secs(31 * 24 * 3600));
    scenario.refresh(refresh_token).await.assert_error(400, "invalid_grant");
}
