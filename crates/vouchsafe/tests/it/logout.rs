//! The URL that ends the session at the provider (OpenID Connect RP-Initiated Logout 1.0).
use serde_json::json;
use vouchsafe::http::Response;
use vouchsafe::{Client, EndpointName};

use crate::scenario::{Held, Scenario, acme, web};
use crate::wire::Wire;

#[tokio::test]
async fn the_url_names_the_client_and_where_the_browser_returns() {
    let wire = Wire::always(Response::default());
    let http = wire.http();
    let client = |end: &str| {
        Client::new(
            acme().endpoint(EndpointName::EndSession, format!("https://acme.example{end}")),
            web(),
            &http,
        )
        .unwrap()
    };
    let back = Some("https://app.example.com/out?a=b");
    for (end, back, state, expected) in [
        ("/out", None, None, "https://acme.example/out?client_id=my-client"),
        ("/out?p=1", None, None, "https://acme.example/out?p=1&client_id=my-client"),
        (
            "/out",
            back,
            None,
            "https://acme.example/out?client_id=my-client&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fout%3Fa%3Db",
        ),
        ("/out", None, Some("a&b"), "https://acme.example/out?client_id=my-client&state=a%26b"),
    ] {
        let client = client(end);
        let tokens = client.held(json!({"access_token": "at"}));
        let mut url = client.logout_url().tokens(&tokens);
        if let Some(back) = back {
            url = url.post_logout_redirect_uri(back);
        }
        if let Some(state) = state {
            url = url.state(state);
        }
        assert_eq!(format!("{url:?}"), "LogoutUrl(…)");
        assert_eq!(url.await.unwrap().as_deref(), Some(expected));
    }
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn a_provider_without_such_a_page_has_no_url() {
    let client = Client::new(acme(), web(), &Wire::always(Response::default()).http()).unwrap();
    let tokens = client.held(json!({"access_token": "at"}));
    assert_eq!(client.logout_url().tokens(&tokens).await.unwrap(), None);
}

#[tokio::test]
async fn the_url_tells_the_provider_which_session_ends() {
    let end = "https://op.example/out";
    let scenario = Scenario::openid().metadata("end_session_endpoint", json!(end));
    let tokens = scenario.log_in().await.unwrap();
    let hint = tokens.id_token().unwrap().expose();
    let expected = Some(format!("{end}?client_id=my-client&id_token_hint={hint}"));
    assert_eq!(scenario.client().logout_url().tokens(&tokens).await.unwrap(), expected);
    assert_eq!(scenario.client().logout_url().id_token_hint(hint).await.unwrap(), expected);
    let without = Some(format!("{end}?client_id=my-client"));
    assert_eq!(scenario.client().logout_url().await.unwrap(), without);
}

#[tokio::test]
async fn another_provider_does_not_learn_the_id_token() {
    let tokens = Scenario::openid().log_in().await.unwrap();
    let acme = acme().endpoint(EndpointName::EndSession, "https://acme.example/out");
    let client = Client::new(acme, web(), &Wire::always(Response::default()).http()).unwrap();
    assert_eq!(client.logout_url().tokens(&tokens).await.unwrap_err().code(), "issuer_mismatch");
}
