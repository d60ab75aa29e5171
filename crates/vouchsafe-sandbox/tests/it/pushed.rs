//! Pushed authorization requests, RFC 9126.

use std::time::Duration;

use serde_json::json;
use vouchsafe_sandbox::{ClientConfig, Endpoint, Fault, PersonError, Sandbox};

use crate::scenario::{Reply, Scenario, query_value};
use crate::signer::{Key, borrowed, said};

async fn push(scenario: &Scenario, more: &[(&str, &str)]) -> Reply {
    let id = scenario.sandbox.client_id();
    let form: Vec<_> = scenario.request_of(id, more);
    scenario.post("/par", &borrowed(&form)).await
}

fn url_of(scenario: &Scenario, pushed: &Reply) -> String {
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    scenario.referring_url(scenario.sandbox.client_id(), "request_uri", &uri)
}

#[tokio::test]
async fn pushed_request_is_answered_with_201_and_leads_to_a_code_rfc9126_2_2() {
    let scenario = Scenario::new().await;
    let pushed = push(&scenario, &[]).await;
    assert_eq!((pushed.status, pushed.header("cache-control")), (201, Some("no-store")));
    let body = pushed.json();
    assert_eq!(body["expires_in"], 60);
    assert!(body["request_uri"].as_str().unwrap().starts_with("urn:ietf:params:oauth:request_uri:"));
    let callback = scenario.person().allow(&url_of(&scenario, &pushed)).await.unwrap();
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
    let code = query_value(&callback, "code").unwrap();
    assert_eq!(scenario.redeem(&code, &[]).await.status, 200);
}

#[tokio::test]
async fn request_uri_is_good_once_for_a_minute_and_for_its_client_rfc9126_4() {
    let scenario = Scenario::new().await;
    let refused = async |url: &str| match scenario.person().allow(url).await {
        Err(PersonError::Refused { status: 400, message }) => message,
        other => panic!("{other:?}"),
    };
    let url = url_of(&scenario, &push(&scenario, &[]).await);
    scenario.code_at(&url).await;
    assert!(refused(&url).await.contains("used before"));
    let late = url_of(&scenario, &push(&scenario, &[]).await);
    scenario.sandbox.advance_clock(Duration::from_secs(61));
    assert!(refused(&late).await.contains("expired"));
    let pushed = push(&scenario, &[]).await.json();
    let uri = pushed["request_uri"].as_str().unwrap();
    let foreign = scenario.referring_url(scenario.sandbox.public_client_id(), "request_uri", uri);
    assert!(refused(&foreign).await.contains("another client"));
    let own = scenario.referring_url(scenario.sandbox.client_id(), "request_uri", uri);
    scenario.code_at(&own).await;
}

#[tokio::test]
async fn parameters_beside_the_reference_do_not_count_rfc9126_4() {
    let scenario = Scenario::new().await;
    let url = url_of(&scenario, &push(&scenario, &[]).await);
    let callback = scenario.person().allow(&format!("{url}&state=other&scope=openid&foo=bar")).await.unwrap();
    assert_eq!(query_value(&callback, "state").unwrap(), "the state");
}

#[tokio::test]
async fn mistake_in_a_pushed_request_is_told_at_once_rfc9126_2_3() {
    let scenario = Scenario::new().await;
    for (params, error, named) in [
        (&[("redirect_uri", "https://evil.example/")][..], "invalid_request", "redirect URI"),
        (&[("response_type", "token")], "unsupported_response_type", "code"),
        (&[("scope", "a\"b")], "invalid_scope", "scope"),
        (&[("code_challenge", "short")], "invalid_request", "code_challenge"),
        (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request", "9126 section 2.1"),
        (&[("response_mode", "fragment.jwt")], "invalid_request", "response_mode"),
    ] {
        let reply = push(&scenario, params).await;
        reply.assert_error(400, error);
        assert!(said(&reply).contains(named), "{}", reply.body);
    }
    let form = scenario.request_of(scenario.sandbox.client_id(), &[]);
    scenario.post_bare("/par", &borrowed(&form)).await.assert_error(401, "invalid_client");
    let other = scenario.request_of("sandbox-public-client", &[]);
    scenario.post("/par", &borrowed(&other)).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn public_client_pushes_by_its_id_and_an_assertion_authenticates_a_strong_one() {
    let key = Key::new("ES256");
    let client = ClientConfig::public("bank").jwks(key.jwks());
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let form = scenario.request_of(scenario.sandbox.public_client_id(), &[]);
    assert_eq!(scenario.post_bare("/par", &borrowed(&form)).await.status, 201);
    let form = scenario.request_of("bank", &[]);
    let pushed = scenario.post_signed(&key, "bank", "/par", &borrowed(&form)).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    scenario.code_at(&scenario.referring_url("bank", "request_uri", &uri)).await;
}

#[tokio::test]
async fn plain_request_ends_on_a_page_where_pushed_ones_are_required_rfc9126_5() {
    let client = || ClientConfig::confidential("bank", "secret");
    let one = Sandbox::builder().client(client().require_pushed_authorization_requests());
    let all = Sandbox::builder().client(client()).require_pushed_authorization_requests();
    for (builder, is_for_all) in [(one, false), (all, true)] {
        let scenario = Scenario::with(builder).await;
        let metadata = scenario.get("/.well-known/openid-configuration").await.json();
        assert_eq!(metadata["require_pushed_authorization_requests"], is_for_all);
        let endpoint = format!("{}/par", scenario.sandbox.issuer());
        assert_eq!(metadata["pushed_authorization_request_endpoint"], json!(endpoint));
        let plain = scenario.authorization_url(&[("client_id", "bank")]);
        let refused = scenario.person().allow(&plain).await.unwrap_err();
        let PersonError::Refused { status: 400, message } = refused else { panic!("{refused:?}") };
        assert!(message.contains("RFC 9126 section 5"), "{message}");
        let own = scenario.person().allow(&scenario.authorization_url(&[])).await;
        assert_eq!(own.is_err(), is_for_all);
        let pushed = push(&scenario, &[]).await;
        scenario.code_at(&url_of(&scenario, &pushed)).await;
    }
}

#[tokio::test]
async fn faults_change_the_response_to_a_pushed_request() {
    let scenario = Scenario::new().await;
    let with = async |fault: Fault| {
        scenario.sandbox.fault_once(fault);
        push(&scenario, &[]).await
    };
    assert_eq!(with(Fault::MISSING_REQUEST_URI).await.json()["request_uri"], serde_json::Value::Null);
    assert_eq!(with(Fault::EXPIRED_REQUEST_URI).await.json()["expires_in"], 0);
    assert_eq!(with(Fault::MISSING_REQUEST_URI_LIFETIME).await.json().get("expires_in"), None);
    assert_eq!(with(Fault::EMPTY_REQUEST_URI).await.json()["request_uri"], "");
    assert!(with(Fault::WRONG_TYPE_REQUEST_URI).await.json()["request_uri"].is_array());
    assert!(with(Fault::HTTP_REQUEST_URI).await.body.contains("http://elsewhere.example"));
    assert!(with(Fault::OVERSIZED_REQUEST_URI).await.body.len() > 100_000);
    let ok = with(Fault::PUSHED_WITH_STATUS_OK).await;
    assert_eq!(ok.status, 200);
    scenario.code_at(&url_of(&scenario, &ok)).await;
    with(Fault::PUSHED_REQUEST_REFUSED).await.assert_error(400, "invalid_request");
    assert!(with(Fault::SECRETS_IN_PUSHED_REFUSAL).await.body.contains("the nonce"));
    assert_eq!(with(Fault::SERVER_ERROR.at(Endpoint::PushedRequest)).await.status, 500);
    assert_eq!(Fault::named("html@par"), Some(Fault::HTML.at(Endpoint::PushedRequest)));
    assert_eq!(push(&scenario, &[]).await.status, 201);
}
