//! Which claims an acted OpenID Provider shows, and where.

use serde_json::{Value, json};

use crate::player::Player;
use crate::scenario::{Scenario, claims, jose_header, query_value};

/// The claims of the ID token and of UserInfo, for alice and these scopes.
async fn told(player: &Player<'_>, scope: &str) -> (Value, Value) {
    let url = player.authorization_url(&[("scope", scope)]);
    let callback = player.scenario.person().allow(&url).await.unwrap();
    let answer = player.redeem(&callback, &[]).await;
    assert_eq!(answer.reply.status, 200, "{}", answer.reply.body);
    (claims(&answer.tokens["id_token"]), player.profile(&answer).await)
}

#[tokio::test]
async fn claims_of_a_scope_are_shown_only_with_that_scope() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "google").await;
    for (scope, name, email) in [
        ("openid", false, false),
        ("openid email", false, true),
        ("openid profile", true, false),
        ("openid profile email", true, true),
    ] {
        let (id_token, userinfo) = told(&player, scope).await;
        for claims in [&id_token, &userinfo] {
            assert_eq!(claims["sub"], "sandbox-user-alice", "{scope}");
            assert_eq!(claims["name"].is_string(), name, "{scope}: {claims}");
            assert_eq!(claims["picture"].is_string(), name, "{scope}: {claims}");
            assert_eq!(claims["email"].is_string(), email, "{scope}: {claims}");
            assert_eq!(claims["email_verified"].is_boolean(), email, "{scope}: {claims}");
        }
    }
}

#[tokio::test]
async fn refreshed_id_token_has_only_the_claims_of_the_requested_scopes() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "google").await.lasting();
    let url = player.authorization_url(&[("scope", "openid")]);
    let callback = scenario.person().allow(&url).await.unwrap();
    let answer = player.redeem(&callback, &[]).await;
    let refreshed = player.refresh(&answer.tokens, &[]).await;
    assert_eq!(claims(&refreshed.tokens["id_token"])["email"], Value::Null);
}

#[tokio::test]
async fn franceconnect_signs_the_profile_and_has_few_claims_in_the_id_token() {
    let scenario = Scenario::new().await;
    for slug in ["franceconnect", "franceconnect-integration"] {
        let player = Player::new(&scenario, slug).await;
        let answer = player.login("alice").await;
        let id_token = claims(&answer.tokens["id_token"]);
        assert_eq!(id_token["acr"], "eidas1");
        let mut members: Vec<_> = id_token.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["acr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"]);

        let reply = player.ask(&answer, &[]).await;
        assert_eq!(reply.header("content-type"), Some("application/jwt"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let jwt = Value::from(reply.body);
        assert_eq!(jose_header(&jwt)["kid"], jose_header(&answer.tokens["id_token"])["kid"]);
        let profile = claims(&jwt);
        for (name, value) in [
            ("sub", id_token["sub"].clone()),
            ("iss", id_token["iss"].clone()),
            ("aud", player.acted.client_id().into()),
            ("given_name", "Alice".into()),
            ("family_name", "Liddell".into()),
            ("email", "alice@example.com".into()),
            ("name", Value::Null),
            ("email_verified", Value::Null),
        ] {
            assert_eq!(profile[name], value, "{name}");
        }
        let (_, profile) = told(&player, "openid given_name").await;
        assert_eq!((&profile["given_name"], &profile["family_name"]), (&json!("Alice"), &Value::Null));
        assert_eq!(profile["email"], Value::Null);
    }
}

#[tokio::test]
async fn franceconnect_refuses_a_request_without_nonce_or_state() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "franceconnect").await;
    for name in ["nonce", "state"] {
        let callback = scenario.person().allow(&player.authorization_url(&[(name, "")])).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), Some("invalid_request"), "{name}");
        assert!(query_value(&callback, "error_description").unwrap().contains(name));
    }
    let google = Player::new(&scenario, "google").await;
    let callback = scenario.person().allow(&google.authorization_url(&[("nonce", "")])).await.unwrap();
    assert!(query_value(&callback, "code").is_some(), "others do without");
}

#[tokio::test]
async fn acted_provider_names_its_issuer_if_it_is_configured_to() {
    let scenario = Scenario::new().await;
    let acted = scenario.sandbox.provider("google").unwrap();
    let issuer = acted.definition().issuer.unwrap();
    for yes in [false, true, false] {
        acted.name_issuer(yes);
        let player = Player::new(&scenario, "google").await;
        let announced = &player.metadata()["authorization_response_iss_parameter_supported"];
        assert_eq!(*announced, if yes { json!(true) } else { Value::Null });
        let expected = yes.then(|| issuer.clone());
        assert_eq!(query_value(&player.callback("alice").await, "iss"), expected);
        let refused = player.authorization_url(&[("response_type", "token")]);
        assert_eq!(query_value(&scenario.person().allow(&refused).await.unwrap(), "iss"), expected);
    }
    let other = Player::new(&scenario, "apple").await;
    assert_eq!(query_value(&other.callback("alice").await, "iss"), None, "it is told to one act alone");
}
