//! The UserInfo endpoint.

use std::time::Duration;

use serde_json::json;
use vouchsafe_sandbox::{Sandbox, User};

use crate::scenario::Scenario;

#[tokio::test]
async fn claims_follow_the_scope() {
    let scenario = Scenario::new().await;
    for (scope, expected) in [
        ("openid", json!({ "sub": "sandbox-user-alice" })),
        (
            "email",
            json!({ "sub": "sandbox-user-alice", "email": "alice@example.com", "email_verified": true }),
        ),
        (
            "profile",
            json!({
                "sub": "sandbox-user-alice",
                "name": "Alice Liddell",
                "given_name": "Alice",
                "family_name": "Liddell",
                "preferred_username": "alice",
            }),
        ),
    ] {
        let tokens = scenario.tokens(&[("scope", scope)]).await;
        let reply = scenario.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(reply.json(), expected);
    }
}

#[tokio::test]
async fn bob_is_unverified_and_carol_has_no_email() {
    let dave = User::new("dave").with_subject("42").with_claim("groups", json!(["staff"]));
    let scenario = Scenario::with(Sandbox::builder().user(dave)).await;
    for (username, expected) in [
        ("bob", json!({ "sub": "sandbox-user-bob", "email": "bob@example.com", "email_verified": false })),
        ("carol", json!({ "sub": "sandbox-user-carol" })),
        ("dave", json!({ "sub": "42", "groups": ["staff"] })),
    ] {
        let person = scenario.sandbox.person(username);
        let callback = person.allow(&scenario.authorization_url(&[("scope", "email")])).await.unwrap();
        let code = crate::scenario::query_value(&callback, "code").unwrap();
        let tokens = scenario.redeem(&code, &[]).await.json();
        assert_eq!(scenario.userinfo(tokens["access_token"].as_str().unwrap()).await.json(), expected);
    }
}

#[tokio::test]
async fn access_token_expires() {
    let builder = Sandbox::builder().access_token_lifetime(Duration::from_secs(5));
    let scenario = Scenario::with(builder).await;
    let tokens = scenario.tokens(&[]).await;
    assert_eq!(tokens["expires_in"], 5);
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(scenario.userinfo(access_token).await.status, 200);
    scenario.sandbox.advance_clock(Duration::from_secs(5));
    let reply = scenario.userinfo(access_token).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn access_token_may_come_in_a_form_but_only_once_rfc6750_2() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let form = [("access_token", access_token)];
    assert_eq!(scenario.post_bare("/userinfo", &form).await.status, 200);
    let both = [("authorization", &*format!("Bearer {access_token}"))];
    let reply = scenario.send("POST", "/userinfo", &both, Some(&form)).await;
    reply.assert_error(400, "invalid_request");
    assert_eq!(scenario.get(&format!("/userinfo?access_token={access_token}")).await.status, 401);
}

#[tokio::test]
async fn request_without_a_token_learns_no_error_code_rfc6750_3_1() {
    let scenario = Scenario::new().await;
    let reply = scenario.get("/userinfo").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"vouchsafe sandbox\""));
    let basic = [("authorization", "Basic abc")];
    scenario.send("GET", "/userinfo", &basic, None).await.assert_error(400, "invalid_request");
}
