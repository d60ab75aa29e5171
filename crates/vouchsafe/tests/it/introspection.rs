//! Token introspection (RFC 7662).
use serde_json::json;
use vouchsafe::error::Feature;
use vouchsafe::http::Response;
use vouchsafe::{Client, Error};

use crate::scenario::{Held, acme, web};
use crate::wire::{Wire, answer, json};

fn client(answer: Response) -> (Client, Wire) {
    let wire = Wire::always(answer);
    let provider = acme().introspection_endpoint("https://acme.example/introspect");
    (Client::new(provider, web(), &wire.http()).unwrap(), wire)
}

#[tokio::test]
async fn the_question_is_asked_to_the_letter_and_the_response_is_handed_on() {
    // RFC 7662 §2.1.
    let facts = json!({"active": true, "scope": "profile", "https://acme.example/own": [1]});
    let (client, wire) = client(json(200, facts.clone()));
    let tokens = client.held(json!({"access_token": "a token+"}));
    assert_eq!(client.introspect(&tokens).await.unwrap(), facts);
    assert_eq!(
        wire.only(),
        "POST https://acme.example/introspect\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         token=a+token%2B&token_type_hint=access_token"
    );
}

#[tokio::test]
async fn a_response_that_does_not_say_whether_the_token_is_active_is_refused() {
    // RFC 7662 §2.2.
    for (response, code) in [
        (json(200, json!({"scope": "profile"})), "missing_field"),
        (json(200, json!({"active": "true"})), "invalid_field"),
        (json(200, json!([true])), "missing_field"),
        (answer(200, "application/json", "{"), "json"),
        (json(401, json!({"error": "invalid_client"})), "invalid_client"),
    ] {
        let (client, _) = client(response);
        let tokens = client.held(json!({"access_token": "marked-token"}));
        let error = client.introspect(&tokens).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.to_string().contains("marked-token"), "{error}");
    }
}

#[tokio::test]
async fn a_provider_without_introspection_is_never_asked() {
    let wire = Wire::always(Response::default());
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let error = client.introspect(&client.held(json!({"access_token": "at"}))).await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::Introspection));
    assert!(wire.seen().is_empty());
}
