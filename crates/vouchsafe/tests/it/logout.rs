//! The URL that ends the session at the provider (OpenID Connect RP-Initiated Logout 1.0).
use serde_json::json;
use vouchsafe::http::Response;
use vouchsafe::{Client, EndpointName};

use crate::scenario::{Held, Scenario, acme, web};
use crate::wire::Wire;

#[tokio::test]
async fn the_url_names_the_client_and_where_the_browser_returns() {
    // RP-Initiated Logout §2.
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

/// Login.gov refuses a request with an `id_token_hint`.
#[cfg(feature = "transport")]
#[tokio::test]
async fn the_id_token_stays_here_where_the_provider_refuses_it() {
    use vouchsafe::{Http, Provider, Registration};
    use vouchsafe_sandbox::Sandbox;

    let sandbox = Sandbox::start().await.unwrap();
    let acted = sandbox.provider("logingov").unwrap();
    for takes_it in [false, true] {
        let mut definition = acted.definition();
        assert!(!definition.id_token_hint);
        definition.id_token_hint = takes_it;
        let params = acted.params();
        let provider = params
            .iter()
            .fold(Provider::from(definition), |provider, (name, value)| provider.param(name, value));
        let registration = Registration::new(acted.client_id()).redirect_uri("http://127.0.0.1:9/callback");
        let client = Client::new(provider, registration, &Http::new().unwrap()).unwrap();
        let login = client.login().await.unwrap();
        let alice = sandbox.person("alice");
        let callback = alice.allow(&login.url).await.unwrap();
        let tokens = client.finish(login.pending, &callback).await.unwrap();
        let url = client
            .logout_url()
            .tokens(&tokens)
            .post_logout_redirect_uri("http://127.0.0.1:9/bye")
            .await
            .unwrap()
            .unwrap();
        assert!(url.contains("client_id=logingov-client"), "{url}");
        assert_eq!(url.contains("id_token_hint="), takes_it, "{url}");
        assert_eq!(alice.sign_out(&url).await.is_err(), takes_it, "the sandbox acts as Login.gov does");
    }
}

#[tokio::test]
async fn a_provider_without_such_a_page_has_no_url() {
    let client = Client::new(acme(), web(), &Wire::always(Response::default()).http()).unwrap();
    let tokens = client.held(json!({"access_token": "at"}));
    assert_eq!(client.logout_url().tokens(&tokens).await.unwrap(), None);
}

#[tokio::test]
async fn the_url_tells_the_provider_which_session_ends() {
    // RP-Initiated Logout §2.
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
    // RP-Initiated Logout §2.
    let tokens = Scenario::openid().log_in().await.unwrap();
    let acme = acme().endpoint(EndpointName::EndSession, "https://acme.example/out");
    let client = Client::new(acme, web(), &Wire::always(Response::default()).http()).unwrap();
    assert_eq!(client.logout_url().tokens(&tokens).await.unwrap_err().code(), "issuer_mismatch");
}
