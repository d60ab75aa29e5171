//! Token revocation (RFC 7009).
use serde_json::json;
use vouchsafe::Client;
use vouchsafe::error::{Feature, Operation};
use vouchsafe::http::Response;
use vouchsafe::manual::TokenTypeHint;

use crate::scenario::{Held, acme, web};
use crate::wire::{Wire, answer, json};

fn client(answer: Response) -> (Client, Wire) {
    let wire = Wire::always(answer);
    (Client::new(acme(), web(), &wire.http()).unwrap(), wire)
}

#[tokio::test]
async fn a_token_is_revoked_to_the_letter() {
    // RFC 7009 §2.1.
    let (client, wire) = client(Response::default());
    client.manual().revoke("a token+", None).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/revoke\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         token=a+token%2B"
    );
}

#[tokio::test]
async fn the_kind_of_token_is_a_hint() {
    // RFC 7009 §2.1.
    for (hint, name) in
        [(TokenTypeHint::AccessToken, "access_token"), (TokenTypeHint::RefreshToken, "refresh_token")]
    {
        let (client, wire) = client(Response::default());
        client.manual().revoke("t", Some(hint)).await.unwrap();
        assert!(wire.only().ends_with(&format!("\n\ntoken=t&token_type_hint={name}")), "{}", wire.only());
    }
}

#[tokio::test]
async fn the_refresh_token_goes_first_for_it_ends_the_whole_grant() {
    let (client, wire) = client(Response::default());
    client.revoke(&client.held(json!({"access_token": "at", "refresh_token": "rt"}))).await.unwrap();
    assert!(wire.only().ends_with("token=rt&token_type_hint=refresh_token"), "{}", wire.only());
}

#[tokio::test]
async fn without_a_refresh_token_the_access_token_is_revoked() {
    let (client, wire) = client(Response::default());
    client.revoke(&client.held(json!({"access_token": "at"}))).await.unwrap();
    assert!(wire.only().ends_with("token=at&token_type_hint=access_token"), "{}", wire.only());
}

#[tokio::test]
async fn success_is_the_status_alone() {
    // RFC 7009 section 2.2: the body is empty, and whatever is in it does not count.
    for body in ["", "{}", "ok", "<h1>done</h1>", r#"{"error":"invalid_token"}"#] {
        let (client, _) = client(answer(200, "text/html", body));
        client.manual().revoke("t", None).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_providers_own_words() {
    let body = json!({"error": "unsupported_token_type", "error_description": "not that one"});
    let error = client(json(400, body)).0.manual().revoke("t", None).await.unwrap_err();
    assert_eq!(error.operation(), Operation::Revocation);
    assert_eq!(
        error.to_string(),
        "the revocation failed: the provider returned unsupported_token_type (HTTP status 400): not that one"
    );
}

#[tokio::test]
async fn a_token_that_is_over_already_is_no_error_rfc7009_2_2() {
    // RFC 7009 §2.2.
    let google = serde_json::from_str(include_str!("../samples/google/revoke_error.json")).unwrap();
    let invalid = json!({"error": "invalid_token"});
    for (status, body) in
        [(400, google), (400, invalid.clone()), (401, invalid.clone()), (404, invalid.clone())]
    {
        let (client, _) = client(json(status, body));
        client.manual().revoke("t", None).await.unwrap();
        client.revoke(&client.held(json!({"access_token": "at", "refresh_token": "rt"}))).await.unwrap();
    }
    for (status, code) in [
        (400, "unsupported_token_type"),
        (400, "invalid_request"),
        (401, "invalid_client"),
        (400, "invalid_grant"),
        (503, "invalid_token"),
    ] {
        let (client, _) = client(json(status, json!({"error": code})));
        assert_eq!(client.manual().revoke("t", None).await.unwrap_err().code(), code, "{status}");
    }
}

#[tokio::test]
async fn a_busy_provider_can_be_asked_again() {
    // RFC 7009 §2.2.1.
    let error = client(answer(503, "text/plain", "later")).0.manual().revoke("t", None).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(503)));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_provider_without_revocation_is_never_asked() {
    let wire = Wire::always(Response::default());
    let provider = vouchsafe::Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token");
    let client = Client::new(provider, web(), &wire.http()).unwrap();
    for error in [
        client.manual().revoke("t", None).await.unwrap_err(),
        client.revoke(&client.held(json!({"access_token": "at"}))).await.unwrap_err(),
    ] {
        assert!(matches!(&error, vouchsafe::Error::Unsupported(e) if e.feature() == Feature::Revocation));
        assert_eq!(
            error.to_string(),
            "the revocation is not possible: the provider has no revocation endpoint: if it has one after all, \
         set it with Provider::revocation_endpoint"
        );
        assert_eq!(error.code(), "revoke_not_supported");
    }
    assert!(wire.seen().is_empty());
}
