//! The authorization endpoint and the login.

use std::time::Duration;

use vouchsafe_sandbox::{ClientConfig, PersonError, Sandbox};

use crate::scenario::{CHALLENGE, REDIRECT_URI, Scenario, claims, query_value};

#[tokio::test]
async fn callback_carries_code_state_and_issuer() {
    let scenario = Scenario::new().await;
    let callback = scenario.person().allow(&scenario.authorization_url(&[])).await.unwrap();
    assert!(callback.starts_with(REDIRECT_URI));
    assert!(query_value(&callback, "code").is_some());
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
    assert_eq!(query_value(&callback, "iss").unwrap(), scenario.sandbox.issuer());
}

#[tokio::test]
async fn redirect_uri_with_a_query_keeps_it() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[("redirect_uri", "http://localhost:9/cb?tenant=a%20b")]);
    let callback = scenario.person().allow(&url).await.unwrap();
    assert!(callback.starts_with("http://localhost:9/cb?tenant=a%20b&code="), "{callback}");
}

#[tokio::test]
async fn deny_returns_access_denied() {
    let scenario = Scenario::new().await;
    let callback = scenario.person().deny(&scenario.authorization_url(&[])).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "access_denied");
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
    assert_eq!(query_value(&callback, "iss").unwrap(), scenario.sandbox.issuer());
    assert_eq!(query_value(&callback, "code"), None);
}

#[tokio::test]
async fn foreign_redirect_uri_gets_a_page_and_no_redirect() {
    let scenario = Scenario::new().await;
    for uri in
        ["https://evil.example/cb", "javascript:alert(1)", "http://127.0.0.1@evil.example/", "nonsense"]
    {
        let url = scenario.authorization_url(&[("redirect_uri", uri)]);
        let refused = scenario.person().allow(&url).await.unwrap_err();
        assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{refused:?}");
        let reply = scenario.get(url.strip_prefix(scenario.sandbox.issuer()).unwrap()).await;
        assert_eq!(reply.header("location"), None);
    }
}

#[tokio::test]
async fn unknown_client_gets_a_page_and_no_redirect() {
    let scenario = Scenario::new().await;
    for id in ["nobody", ""] {
        let refused =
            scenario.person().allow(&scenario.authorization_url(&[("client_id", id)])).await.unwrap_err();
        assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn registered_redirect_uri_is_accepted_and_may_be_left_out_without_openid() {
    let client = ClientConfig::confidential("shop", "secret").redirect_uri("https://shop.example/cb");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let shop = [("client_id", "shop"), ("scope", "profile"), ("redirect_uri", "")];
    let callback = scenario.person().allow(&scenario.authorization_url(&shop)).await.unwrap();
    assert!(callback.starts_with("https://shop.example/cb?code="));
    let foreign = [("client_id", "shop")];
    assert!(scenario.person().allow(&scenario.authorization_url(&foreign)).await.is_err());
}

#[tokio::test]
async fn bad_requests_return_to_the_client_with_the_right_error() {
    let scenario = Scenario::new().await;
    let public = scenario.sandbox.public_client_id();
    let short: &[(&str, &str)] = &[("code_challenge", "short")];
    for (params, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("response_type", "")], "invalid_request"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("scope", "open\"id")], "invalid_scope"),
        (&[("max_age", "soon")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("request", "e30.e30.")], "request_not_supported"),
        (&[("request_uri", "https://a.example/")], "request_uri_not_supported"),
        (&[("code_challenge_method", "S512")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (short, "invalid_request"),
        (&[("id_token_hint", "e30.e30.e30")], "invalid_request"),
        (&[("client_id", public), ("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
    ] {
        let callback = scenario.person().allow(&scenario.authorization_url(params)).await.unwrap();
        assert_eq!(query_value(&callback, "error").as_deref(), Some(error), "{params:?}");
        assert_eq!(query_value(&callback, "state").unwrap(), "the state");
        assert_eq!(query_value(&callback, "iss").unwrap(), scenario.sandbox.issuer());
    }
}

#[tokio::test]
async fn parameter_sent_twice_is_refused_rfc6749_3_1() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[]);
    let callback = scenario.person().allow(&format!("{url}&scope=openid")).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "invalid_request");
    let callback = scenario.person().allow(&format!("{url}&state=other")).await.unwrap();
    assert_eq!(query_value(&callback, "state"), None);
    for twice in ["client_id=x", "redirect_uri=http://127.0.0.1/"] {
        assert!(scenario.person().allow(&format!("{url}&{twice}")).await.is_err());
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let scenario = Scenario::new().await;
    assert!(!scenario.code(&[("audience", "https://api.example"), ("foo", "bar")]).await.is_empty());
}

#[tokio::test]
async fn prompt_none_needs_login_then_consent_then_nothing() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    let silent = scenario.authorization_url(&[("prompt", "none")]);
    let callback = alice.allow(&silent).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "login_required");

    let _ = alice.deny(&scenario.authorization_url(&[])).await.unwrap();
    let callback = alice.allow(&silent).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "consent_required");

    alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    let callback = alice.allow(&silent).await.unwrap();
    assert!(query_value(&callback, "code").is_some());

    let more = scenario.authorization_url(&[("prompt", "none"), ("scope", "openid profile email calendar")]);
    let callback = alice.allow(&more).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "consent_required");
}

#[tokio::test]
async fn consent_is_not_asked_again_unless_prompt_says_so() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    assert_eq!(alice.deny(&scenario.authorization_url(&[])).await, Err(PersonError::NotAsked));
    let callback = alice.deny(&scenario.authorization_url(&[("prompt", "consent")])).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "access_denied");
}

#[tokio::test]
async fn max_age_and_prompt_login_ask_for_a_new_login() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    scenario.sandbox.advance_clock(Duration::from_secs(600));
    scenario.sandbox.clear_requests();
    for (params, asks) in [
        (&[("max_age", "900")], false),
        (&[("max_age", "300")], true),
        (&[("max_age", "0")], true),
        (&[("prompt", "login")], true),
        (&[("prompt", "select_account")], true),
    ] {
        alice.allow(&scenario.authorization_url(params)).await.unwrap();
        assert_eq!(!scenario.sandbox.requests_to("/login").is_empty(), asks, "{params:?}");
        scenario.sandbox.clear_requests();
    }
}

#[tokio::test]
async fn id_token_hint_allows_no_other_user() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[]).await;
    let hint = [("id_token_hint", tokens["id_token"].as_str().unwrap())];
    let bob = scenario.sandbox.person("bob");
    let callback = bob.allow(&scenario.authorization_url(&hint)).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "login_required");
    let callback = scenario.person().allow(&scenario.authorization_url(&hint)).await.unwrap();
    assert!(query_value(&callback, "code").is_some());
}

#[tokio::test]
async fn authorization_request_by_post_is_the_same() {
    let scenario = Scenario::new().await;
    let form = [
        ("response_type", "code"),
        ("client_id", scenario.sandbox.client_id()),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let reply = scenario.post_bare("/authorize", &form).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("Alice Liddell"));
}

#[tokio::test]
async fn without_consent_pages_one_click_is_enough() {
    let scenario = Scenario::with(Sandbox::builder().consent(false)).await;
    scenario.code(&[]).await;
    assert!(scenario.sandbox.requests_to("/consent").is_empty());
}

#[tokio::test]
async fn unknown_person_and_foreign_url_are_named() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[]);
    let refused = scenario.sandbox.person("mallory").allow(&url).await.unwrap_err();
    assert!(matches!(refused, PersonError::Refused { status: 400, .. }));
    let foreign = scenario.person().allow("http://127.0.0.1:1/authorize").await.unwrap_err();
    assert!(matches!(foreign, PersonError::Foreign(_)));
}

#[tokio::test]
async fn acr_values_and_nonce_reach_the_id_token() {
    let scenario = Scenario::new().await;
    let tokens = scenario.tokens(&[("acr_values", "gold silver")]).await;
    let claims = claims(&tokens["id_token"]);
    assert_eq!(claims["acr"], "gold");
    assert_eq!(claims["nonce"], "the nonce");
}
