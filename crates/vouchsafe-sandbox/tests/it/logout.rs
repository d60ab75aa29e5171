//! The logout endpoint.

use url::form_urlencoded::byte_serialize;
use vouchsafe_sandbox::PersonError;

use crate::scenario::{Scenario, query_value};

#[tokio::test]
async fn logout_with_a_hint_returns_at_once_and_ends_the_session() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    let callback = alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    let code = query_value(&callback, "code").unwrap();
    let tokens = scenario.redeem(&code, &[]).await.json();
    let url = format!(
        "{}/end_session?id_token_hint={}&post_logout_redirect_uri={}&state=bye",
        scenario.sandbox.issuer(),
        tokens["id_token"].as_str().unwrap(),
        byte_serialize(b"http://localhost:3000/bye").collect::<String>(),
    );
    assert_eq!(alice.sign_out(&url).await.unwrap().unwrap(), "http://localhost:3000/bye?state=bye");
    assert!(scenario.sandbox.requests_to("/end_session/confirm").is_empty());
    let callback = alice.allow(&scenario.authorization_url(&[("prompt", "none")])).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "login_required");
}

#[tokio::test]
async fn logout_without_a_hint_asks_first() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    alice.allow(&scenario.authorization_url(&[])).await.unwrap();
    let url = format!("{}/end_session", scenario.sandbox.issuer());
    assert_eq!(alice.sign_out(&url).await.unwrap(), None);
    assert_eq!(scenario.sandbox.requests_to("/end_session/confirm").len(), 1);
}

#[tokio::test]
async fn foreign_post_logout_redirect_uri_gets_a_page() {
    let scenario = Scenario::new().await;
    for query in [
        "client_id=sandbox-client&post_logout_redirect_uri=https://evil.example/",
        "post_logout_redirect_uri=http://127.0.0.1/",
        "client_id=nobody&post_logout_redirect_uri=http://127.0.0.1/",
        "id_token_hint=forged",
        "state=a&state=b",
    ] {
        let url = format!("{}/end_session?{query}", scenario.sandbox.issuer());
        let refused = scenario.person().sign_out(&url).await.unwrap_err();
        assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{query}");
    }
}
