//! Access tokens for less than the user has granted (RFC 6749 section 6), and for one API (RFC 8707).
use serde_json::{Value, json};
use vouchsafe::http::Response;
use vouchsafe::{Client, Error, Tokens};

use crate::scenario::{Held, Scenario, acme, web};
use crate::wire::{Wire, field, json};

fn fresh(scope: Option<&str>) -> Response {
    let mut fresh = json!({"access_token": "narrow", "token_type": "Bearer", "refresh_token": "next"});
    if let Some(scope) = scope {
        fresh["scope"] = scope.into();
    }
    json(200, fresh)
}

fn client(answer: Response) -> (Client, Tokens, Wire) {
    let wire = Wire::always(answer);
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let tokens =
        client.held(json!({"access_token": "wide", "refresh_token": "first", "scope": "read write profile"}));
    (client, tokens, wire)
}

#[tokio::test]
async fn a_narrower_token_is_requested_to_the_letter() {
    let (client, tokens, wire) = client(fresh(Some("read")));
    let narrow = client.narrow(&tokens).scopes(["read"]).resource("https://api.example").await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=refresh_token&refresh_token=first&scope=read&resource=https%3A%2F%2Fapi.example"
    );
    assert_eq!(narrow.scopes().collect::<Vec<_>>(), ["read"]);
    assert_eq!(narrow.refresh_token().unwrap().expose(), "next");
    assert!(narrow.warnings().is_empty());
}

#[tokio::test]
async fn a_response_without_scopes_grants_those_that_were_requested() {
    // RFC 6749 §5.1.
    let (client, tokens, _) = client(fresh(None));
    let narrow = client.narrow(&tokens).scopes(["read", "write"]).await.unwrap();
    assert_eq!(narrow.scopes().collect::<Vec<_>>(), ["read", "write"]);
}

#[tokio::test]
async fn a_refresh_adds_no_scope() {
    // RFC 6749 §6: the scope must not include any that was not granted.
    let (client, tokens, wire) = client(fresh(None));
    let error = client.narrow(&tokens).scopes(["read", "admin"]).await.unwrap_err();
    assert!(matches!(error, Error::Config(_)) && error.to_string().contains("admin"), "{error}");
    assert_eq!(client.narrow(&tokens).resource("/api").await.unwrap_err().code(), "resource");
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn more_than_was_requested_is_told_and_costs_nobody_the_tokens() {
    let (client, tokens, _) = client(fresh(Some("read write admin")));
    let narrow = client.narrow(&tokens).scopes(["read"]).await.unwrap();
    let [warning] = narrow.warnings() else { panic!("{:?}", narrow.warnings()) };
    assert_eq!(warning.code(), "scope");
    assert!(warning.to_string().contains("write admin"), "{warning}");
    assert_eq!(narrow.refresh_token().unwrap().expose(), "next");
}

#[tokio::test]
async fn callers_with_other_scopes_do_not_share_a_response() {
    let wire = Wire::new(|request| fresh(field(request, "scope").as_deref()));
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let tokens =
        client.held(json!({"access_token": "wide", "refresh_token": "first", "scope": "read write"}));
    let ask = |scope: &'static str| {
        let (client, tokens) = (&client, &tokens);
        async move { client.narrow(tokens).scopes([scope]).await.unwrap() }
    };
    let (read, write, again) = tokio::join!(ask("read"), ask("write"), ask("read"));
    let scopes = |tokens: &Tokens| tokens.scopes().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!([scopes(&read), scopes(&write), scopes(&again)], [["read"], ["write"], ["read"]]);
    assert_eq!(wire.seen().len(), 2);
}

#[tokio::test]
async fn the_code_is_exchanged_for_a_token_of_the_same_api() {
    // RFC 8707 §2.2.
    let scenario = Scenario::openid().asking(|login| login.extra("resource", "https://api.example"));
    let started = scenario.started().await;
    let stored: Value = serde_json::to_value(&started.pending).unwrap();
    assert_eq!(stored["resources"], json!(["https://api.example"]));
    scenario.log_in().await.unwrap();
    let [request] = &scenario.wire.seen_at("/token")[..] else { panic!() };
    assert_eq!(field(request, "resource").as_deref(), Some("https://api.example"));
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    assert_eq!(field(&scenario.wire.seen_at("/token")[0], "resource"), None);
}
