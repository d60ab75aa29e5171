//! What noise has found: each input is here, cut down to what matters.
use serde_json::json;

use crate::scenario::{Scenario, acme, idle, web};
use crate::wire::{Wire, answer, json};

/// What a parser that skips is less strict about than one that reads, in a member that no check looks at.
fn odd_members() -> [String; 5] {
    [
        r#"{"a":1,"a":2}"#.to_owned(),
        r#"[{"a":1,"\u0061":2}]"#.to_owned(),
        "1e999".to_owned(),
        r#""\ud800""#.to_owned(),
        format!("{}{}", "[".repeat(200), "]".repeat(200)),
    ]
}

#[test]
fn a_token_response_that_is_accepted_can_be_read_as_a_whole() {
    for member in odd_members() {
        let body = format!(r#"{{"access_token":"a","token_type":"Bearer","team":{member}}}"#);
        let error = idle(acme()).manual().read_token_response(body).unwrap_err();
        assert_eq!(error.code(), "json", "{member}");
    }
}

#[tokio::test]
async fn an_id_token_that_is_believed_can_be_read_as_a_whole() {
    for member in odd_members() {
        let scenario = Scenario::openid().with(|op| {
            op.payload =
                Box::new(move |claims| format!(r#"{},"address":{member}}}"#, claims.trim_end_matches('}')));
        });
        assert_eq!(scenario.verdict().await, "jwt");
    }
}

#[tokio::test]
async fn an_error_in_a_successful_response_tells_its_status() {
    let wire = Wire::always(json(201, json!({"error": "access_denied"})));
    let client = vouchsafe::Client::new(acme(), web(), &wire.http()).unwrap();
    let error = client.manual().refresh("refresh-token").await.unwrap_err();
    assert_eq!(error.status(), Some(201), "{error}");
    // Who read the body knows the status, and this library does not.
    let error = client.manual().read_token_response(r#"{"error":"access_denied"}"#).unwrap_err();
    assert_eq!(error.status(), None);
}

#[tokio::test]
async fn a_content_type_that_quotes_a_secret_is_not_repeated() {
    for quoted in ["refresh-token", "%72efresh%2Dtoken", "cmVmcmVzaC10b2tlbg=="] {
        let wire = Wire::always(answer(200, &format!("application/x-{quoted}"), "{}"));
        let client = vouchsafe::Client::new(acme(), web(), &wire.http()).unwrap();
        let error = client.manual().refresh("refresh-token").await.unwrap_err();
        assert_eq!(error.code(), "content_type");
        assert!(!error.to_string().contains(quoted), "{error}");
    }
}

#[tokio::test]
async fn an_error_code_does_not_become_a_secret_when_it_is_made_fit_to_be_shown() {
    for code in ["refresh\u{1}-token", "refresh-\"token", "refreshrefresh-token-token"] {
        let wire = Wire::always(json(400, json!({"error": code, "error_description": code})));
        let client = vouchsafe::Client::new(acme(), web(), &wire.http()).unwrap();
        let error = client.manual().refresh("refresh-token").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("refresh-token"), "{error}");
    }
}

#[tokio::test]
async fn an_issuer_of_ones_own_is_made_fit_to_be_shown_as_any_other() {
    let odd = "https://op.example/a\u{202e}b";
    let client = |issuer: &str| {
        let metadata = json!({"issuer": issuer, "authorization_endpoint": "https://op.example/a",
            "token_endpoint": "https://op.example/t", "jwks_uri": "https://op.example/jwks"});
        let wire = Wire::new(move |request| match request.uri().path() {
            "/jwks" => json(200, crate::forge::jwks()),
            _ => json(200, metadata.clone()),
        });
        vouchsafe::Client::new(vouchsafe::Provider::openid(odd), web(), &wire.http()).unwrap()
    };
    let foreign = client("https://op.example").metadata().await.unwrap_err();
    let header = json!({"alg": "EdDSA", "kid": "ed25519"});
    let jwt = crate::forge::jwt("EdDSA", "ed25519", &header, r#"{"iss":"https://op.example"}"#);
    let other = client(odd).manual().verify_jwt(&jwt, None).await.unwrap_err();
    for error in [foreign, other] {
        assert_eq!(error.code(), "issuer_mismatch");
        assert!(error.to_string().contains("https://op.example/a b"), "{error}");
    }
}
