//! The token endpoint.

use std::time::Duration;

use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{REDIRECT_URI, Scenario, VERIFIER, basic, claims, jose_header};

#[tokio::test]
async fn code_and_verifier_give_tokens() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    let reply = scenario.redeem(&code, &[]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let tokens = reply.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "openid profile email");
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(tokens[name].is_string(), "{name}");
    }
}

#[tokio::test]
async fn plain_oauth_request_gives_no_id_token() {
    let scenario = Scenario::new().await;
    for (scope, granted) in [("read:things", "read:things"), ("", "profile"), (" ", "profile")] {
        let tokens = scenario.tokens(&[("scope", scope)]).await;
        assert!(tokens.get("id_token").is_none());
        assert_eq!(tokens["scope"], granted);
    }
}

#[tokio::test]
async fn code_used_twice_ends_its_tokens_rfc6749_4_1_2() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    let tokens = scenario.redeem(&code, &[]).await.json();
    scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
    assert_eq!(scenario.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    scenario.refresh(tokens["refresh_token"].as_str().unwrap()).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn code_expires() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    scenario.sandbox.advance_clock(Duration::from_secs(61));
    scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn wrong_code_request_is_refused_and_leaves_the_code_good() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    for (params, error) in [
        (("code_verifier", "wrong-verifier-wrong-verifier-wrong-verifier"), "invalid_grant"),
        (("code_verifier", ""), "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:3001/callback"), "invalid_grant"),
        (("redirect_uri", ""), "invalid_request"),
        (("code", "made-up"), "invalid_grant"),
        (("code", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("grant_type", ""), "invalid_request"),
    ] {
        scenario.redeem(&code, &[params]).await.assert_error(400, error);
    }
    assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
}

#[tokio::test]
async fn plain_challenge_is_its_own_verifier() {
    let scenario = Scenario::new().await;
    for method in ["plain", ""] {
        let code = scenario.code(&[("code_challenge", VERIFIER), ("code_challenge_method", method)]).await;
        assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
    }
}

#[tokio::test]
async fn verifier_without_a_challenge_is_refused_rfc9700_2_1_1() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[("code_challenge", ""), ("code_challenge_method", "")]).await;
    scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
    assert_eq!(scenario.redeem(&code, &[("code_verifier", "")]).await.status, 200);
}

#[tokio::test]
async fn wrong_client_authentication_is_refused_with_a_challenge() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    let id = scenario.sandbox.client_id();
    let form =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", REDIRECT_URI)];
    for header in [
        basic(id, "wrong"),
        basic("nobody", "secret"),
        "Basic !!!".into(),
        "Basic".into(),
        "Bearer x".into(),
        "Basic bm9jb2xvbg==".into(),
    ] {
        let reply = scenario.send("POST", "/token", &[("authorization", &header)], Some(&form)).await;
        reply.assert_error(401, "invalid_client");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    for extra in [&[][..], &[("client_id", id)], &[("client_id", id), ("client_secret", "wrong")]] {
        let reply = scenario.post_bare("/token", &[&form, extra].concat()).await;
        reply.assert_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn client_secret_post_and_public_clients_are_served() {
    let scenario = Scenario::new().await;
    let form = |code| {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ]
    };
    let code = scenario.code(&[]).await;
    let secret =
        [("client_id", scenario.sandbox.client_id()), ("client_secret", scenario.sandbox.client_secret())];
    assert_eq!(scenario.post_bare("/token", &[&form(&code)[..], &secret].concat()).await.status, 200);
    let public = [("client_id", scenario.sandbox.public_client_id())];
    let code = scenario.code(&public).await;
    assert_eq!(scenario.post_bare("/token", &[&form(&code)[..], &public].concat()).await.status, 200);
}

#[tokio::test]
async fn two_methods_of_client_authentication_are_refused_rfc6749_2_3() {
    let scenario = Scenario::new().await;
    let code = scenario.code(&[]).await;
    let twice = [("client_secret", scenario.sandbox.client_secret())];
    scenario.redeem(&code, &twice).await.assert_error(400, "invalid_request");
    scenario.redeem(&code, &[("client_id", "other")]).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn basic_credentials_with_reserved_characters_are_form_encoded_rfc6749_2_3_1() {
    let client = ClientConfig::confidential("my app:1", "p&ss=w%rd+ü");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let code = scenario.code(&[("client_id", "my app:1")]).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    let header = basic("my app:1", "p&ss=w%rd+ü");
    let reply = scenario.send("POST", "/token", &[("authorization", &header)], Some(&form)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn code_of_another_client_is_refused() {
    let other = ClientConfig::confidential("other", "secret");
    let scenario = Scenario::with(Sandbox::builder().client(other)).await;
    let code = scenario.code(&[("client_id", "other")]).await;
    scenario.redeem(&code, &[]).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn parameter_sent_twice_or_not_as_a_form_is_refused() {
    let scenario = Scenario::new().await;
    let form = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")];
    scenario.post("/token", &form).await.assert_error(400, "invalid_request");
    let json = [("content-type", "application/json")];
    scenario.send("POST", "/token", &json, Some(&[])).await.assert_error(400, "invalid_request");
    assert_eq!(scenario.get("/token").await.status, 405);
}

#[tokio::test]
async fn access_token_is_a_jwt_for_the_api_if_the_sandbox_is_told_so() {
    let scenario = Scenario::with(Sandbox::builder().jwt_access_tokens("https://api.example")).await;
    let tokens = scenario.tokens(&[]).await;
    let (token, id_token) = (&tokens["access_token"], claims(&tokens["id_token"]));
    assert_eq!(jose_header(token)["typ"], "at+jwt");
    let facts = scenario.introspect(token.as_str().unwrap()).await;
    assert_eq!((&facts["active"], &facts["aud"]), (&true.into(), &"https://api.example".into()));
    let claims = claims(token);
    for name in ["iss", "sub", "auth_time", "acr"] {
        assert_eq!(claims[name], id_token[name], "{name}");
    }
    assert_eq!(claims["aud"], "https://api.example");
    assert_eq!(claims["client_id"], scenario.sandbox.client_id());
    assert_eq!(claims["scope"], tokens["scope"]);
    assert!(claims["jti"].is_string() && claims.get("nonce").is_none());
    assert_eq!(scenario.userinfo(token.as_str().unwrap()).await.status, 200);
}
