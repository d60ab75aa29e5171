//! The frame of the provider that tells whether a session has changed (OpenID Connect Session Management 1.0), and the question that
//! follows.
use serde_json::json;
use vouchsafe::http::Response;
use vouchsafe::{Client, Tokens};

use crate::scenario::{Scenario, acme, web};
use crate::wire::Wire;

const FRAME: &str = "https://frames.op.example/session?x=y";

/// Signs in with further parameters in the response.
async fn signed_in(scenario: &Scenario, more: &str) -> Tokens {
    let login = scenario.started().await;
    let query = format!("{}{more}", scenario.callback(&login.url));
    scenario.client().finish(login.pending, &query).await.unwrap()
}

/// Section 3.1.
#[tokio::test]
async fn the_frame_is_asked_with_the_client_and_the_state_of_the_login() {
    // Session Management §2, §3.1.
    let scenario = Scenario::openid().metadata("check_session_iframe", json!(FRAME));
    let tokens = signed_in(&scenario, "&session_state=abc.def").await;
    assert_eq!(tokens.session_state(), Some("abc.def"));
    let check = scenario.client().session_check("abc.def").await.unwrap().unwrap();
    assert_eq!((check.frame_url(), check.origin()), (FRAME, "https://frames.op.example"));
    assert_eq!(check.authorization_origin(), Some("https://op.example"));
    assert_eq!(check.message(), "my-client abc.def");
    assert!(!format!("{check:?}").contains("abc.def"));
    // The state is kept with the tokens.
    let kept: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
    assert_eq!(kept.session_state(), Some("abc.def"));
}

#[tokio::test]
async fn a_provider_without_a_frame_has_no_state_and_nothing_to_ask() {
    let scenario = Scenario::openid();
    let tokens = signed_in(&scenario, "&session_state=abc.def").await;
    assert_eq!(tokens.session_state(), None);
    assert_eq!(scenario.client().session_check("abc.def").await.unwrap(), None);
}

/// Section 2: there is no space in it. The message would end earlier for the frame.
#[tokio::test]
async fn a_state_that_is_none_is_left_out() {
    let scenario = Scenario::openid().metadata("check_session_iframe", json!(FRAME));
    let long = format!("&session_state={}", "x".repeat(513));
    for more in ["", "&session_state=", "&session_state=a+b", "&session_state=a&session_state=b", &long] {
        assert_eq!(signed_in(&scenario, more).await.session_state(), None, "{more}");
    }
}

/// Section 3: the old ID token is the hint.
#[tokio::test]
async fn the_next_login_names_the_user_of_these_tokens() {
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let login = scenario.client().login().prompt("none").id_token_hint(&tokens).await.unwrap();
    let hint = format!("&id_token_hint={}", tokens.id_token().unwrap().expose());
    assert!(login.url.contains(&hint) && login.url.contains("&prompt=none"), "{}", login.url);
}

#[tokio::test]
async fn no_login_tells_another_provider_the_id_token() {
    let tokens = Scenario::openid().log_in().await.unwrap();
    let client = Client::new(acme(), web(), &Wire::always(Response::default()).http()).unwrap();
    let error = client.login().id_token_hint(&tokens).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
}
