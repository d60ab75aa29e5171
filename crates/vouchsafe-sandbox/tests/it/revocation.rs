//! Revocation and introspection.

use serde_json::json;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Scenario, VERIFIER, basic};

#[tokio::test]
async fn introspection_describes_an_active_access_token_rfc7662_2_2() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let answer = scenario.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(answer["active"], true);
    assert_eq!(answer["client_id"], scenario.sandbox.client_id());
    assert_eq!(answer["scope"], "openid profile email");
    assert_eq!(answer["sub"], "sandbox-user-alice");
    assert_eq!(answer["username"], "alice");
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["iss"], scenario.sandbox.issuer());
    assert_eq!(answer["exp"].as_u64().unwrap() - answer["iat"].as_u64().unwrap(), 3600);
    assert_eq!(scenario.introspect(tokens["refresh_token"].as_str().unwrap()).await["active"], true);
}

#[tokio::test]
async fn introspection_reveals_nothing_about_unknown_tokens_or_to_strangers() {
    let scenario = Scenario::new().await;
    assert_eq!(scenario.introspect("made-up").await, json!({ "active": false }));
    let public = [("token", "x"), ("client_id", scenario.sandbox.public_client_id())];
    scenario.post_bare("/introspect", &public).await.assert_error(401, "invalid_client");
    scenario.post_bare("/introspect", &[("token", "x")]).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn revoked_access_token_leaves_the_refresh_token_valid() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(scenario.post("/revoke", &[("token", access_token)]).await.status, 200);
    assert_eq!(scenario.userinfo(access_token).await.status, 401);
    assert_eq!(scenario.introspect(access_token).await["active"], false);
    assert_eq!(scenario.refresh(tokens["refresh_token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test]
async fn revoked_refresh_token_revokes_its_access_tokens_rfc7009_2_1() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let form = [("token", refresh_token), ("token_type_hint", "refresh_token")];
    assert_eq!(scenario.post("/revoke", &form).await.status, 200);
    scenario.refresh(refresh_token).await.assert_error(400, "invalid_grant");
    assert_eq!(scenario.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn unknown_token_counts_as_revoked_rfc7009_2_2() {
    let scenario = Scenario::new().await;
    assert_eq!(scenario.post("/revoke", &[("token", "made-up")]).await.status, 200);
    scenario.post("/revoke", &[]).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn token_of_another_client_is_not_revoked_rfc7009_2_1() {
    let other = ClientConfig::confidential("other", "secret");
    let scenario = Scenario::with(Sandbox::builder().client(other)).await;
    let tokens = scenario.tokens(&[]).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let headers = [("authorization", &*basic("other", "secret"))];
    let reply = scenario.send("POST", "/revoke", &headers, Some(&[("token", access_token)])).await;
    reply.assert_error(400, "invalid_grant");
    assert_eq!(scenario.userinfo(access_token).await.status, 200);
}

#[tokio::test]
async fn sandbox_knows_each_secret_that_it_issued_or_received_also_after_its_revocation() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    let tokens = scenario.redeem(&code, &[]).await.json();
    let fresh = scenario.refresh(tokens["refresh_token"].as_str().unwrap()).await.json();
    let known = scenario.sandbox.secrets(0).len();
    for tokens in [&tokens, &fresh] {
        for name in ["access_token", "refresh_token"] {
            scenario.post("/revoke", &[("token", tokens[name].as_str().unwrap())]).await;
        }
    }
    assert!(scenario.sandbox.secrets(known).is_empty(), "nothing new");
    let secrets = scenario.sandbox.secrets(0);
    let issued = ["access_token", "refresh_token", "id_token"].into_iter();
    let issued = issued.flat_map(|name| [&tokens, &fresh].map(|tokens| tokens[name].as_str().unwrap()));
    for secret in issued.chain([&*code, "the state", "the nonce", VERIFIER]) {
        assert!(secrets.iter().any(|known| known == secret), "{secret} in {secrets:?}");
    }
}
