//! Access tokens that the issuer is asked about (RFC 7662).
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe::{AccessTokenIssuer, Registration};

use super::{API, ISSUER, Scenario, Token};
use crate::scenario::now;
use crate::wire::field;

fn registration() -> Registration {
    Registration::new("my-api").secret("the secret of the API")
}

fn asking() -> Scenario {
    Scenario::with(|b| b.issuer(AccessTokenIssuer::introspection(ISSUER, registration())))
}

/// The verdict if the response has this member.
async fn verdict(name: &str, value: Value) -> String {
    let scenario = asking();
    scenario.server().facts[name] = value;
    scenario.verdict("opaque").await
}

#[tokio::test]
async fn the_issuer_is_asked_once_about_a_token_for_a_short_time() {
    let scenario = asking();
    for _ in 0..3 {
        let claims = scenario.bearer("opaque").await.unwrap();
        assert_eq!((claims.subject(), claims.client_id()), (Some("user-1"), Some("client-1")));
        assert!(claims.has_scope("read"));
    }
    assert_eq!(scenario.asked("/introspect"), 1);
    let seen = scenario.wire.seen();
    let request = seen.iter().find(|request| request.uri().path() == "/introspect").unwrap();
    assert_eq!(field(request, "token").as_deref(), Some("opaque"));
    assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Basic "));
    assert_eq!(scenario.verdict("another").await, "ok");
    assert_eq!(scenario.asked("/introspect"), 2);
}

#[tokio::test]
async fn without_a_cache_the_issuer_is_asked_each_time() {
    let issuer = AccessTokenIssuer::introspection(ISSUER, registration());
    let scenario = Scenario::with(|b| b.issuer(issuer).introspection_age(Duration::ZERO));
    assert_eq!(scenario.verdict("opaque").await, "ok");
    scenario.server().facts = json!({"active": false});
    assert_eq!(scenario.verdict("opaque").await, "invalid_token expired");
}

#[tokio::test]
async fn a_token_that_is_not_active_is_refused_and_not_remembered() {
    // RFC 7662 §2.2.
    let scenario = asking();
    scenario.server().facts = json!({"active": false});
    assert_eq!(scenario.verdict("opaque").await, "invalid_token expired");
    scenario.server().facts = json!({"active": true});
    assert_eq!(scenario.verdict("opaque").await, "ok");
}

#[tokio::test]
async fn the_facts_are_about_a_token_of_this_issuer_for_this_api() {
    assert_eq!(verdict("iss", json!(ISSUER)).await, "ok");
    assert_eq!(verdict("iss", json!("https://evil.example")).await, "invalid_token issuer_mismatch");
    assert_eq!(verdict("iss", json!(7)).await, "invalid_token issuer_mismatch");
    for (aud, expected) in [
        (json!(API), "ok"),
        (json!(["x", API]), "ok"),
        (json!("x"), "invalid_token audience"),
        (json!([]), "invalid_token audience"),
        (json!(null), "invalid_token audience"),
    ] {
        assert_eq!(verdict("aud", aud.clone()).await, expected, "{aud}");
    }
}

#[tokio::test]
async fn the_token_is_an_access_token_that_is_valid_now() {
    assert_eq!(verdict("exp", json!(now() - 1)).await, "invalid_token expired");
    assert_eq!(verdict("nbf", json!(now() + 60)).await, "invalid_token not_yet_valid");
    for kind in ["Bearer", "bearer"] {
        assert_eq!(verdict("token_type", json!(kind)).await, "ok", "{kind}");
    }
    assert_eq!(verdict("token_type", json!("refresh_token")).await, "invalid_token token_type");
    assert_eq!(verdict("token_use", json!("refresh_token")).await, "invalid_token token_type");
    assert_eq!(verdict("token_use", json!("access_token")).await, "ok");
}

#[tokio::test]
async fn a_response_is_not_used_beyond_the_end_of_the_token() {
    // RFC 7662 §4.
    let scenario = asking();
    // It has less than a second left, so the next request may find it expired, or asks again.
    scenario.server().facts["exp"] = json!(now());
    assert_eq!(scenario.verdict("opaque").await, "invalid_token expired");
    assert_eq!(scenario.verdict("opaque").await, "invalid_token expired");
    assert_eq!(scenario.asked("/introspect"), 2);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_not_the_clients_fault() {
    let scenario = asking();
    for (status, facts) in [
        (500, json!({})),
        (401, json!({"error": "invalid_client"})),
        (200, json!({})),
        (200, json!({"active": "true"})),
        (200, json!({"active": true, "exp": "soon"})),
    ] {
        {
            let mut server = scenario.server();
            (server.status, server.facts) = (status, facts.clone());
        }
        let refusal = scenario.bearer("opaque").await.unwrap_err();
        assert_eq!(
            (refusal.status().as_u16(), refusal.code()),
            (503, Some("temporarily_unavailable")),
            "{facts}"
        );
        assert_eq!(refusal.www_authenticate().count(), 0);
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(30)));
        let shown = format!("{refusal} {refusal:?}");
        assert!(!shown.contains("opaque") && !shown.contains("the secret"), "{shown}");
    }
}

#[tokio::test]
async fn no_issuer_sees_the_tokens_of_another() {
    let scenario = asking();
    let foreign = Token::new().claim("iss", json!("https://evil.example")).jwt();
    assert_eq!(scenario.verdict(&foreign).await, "invalid_token issuer_mismatch");
    assert_eq!(scenario.asked("/introspect"), 0);
    // Its own JWTs are asked about, too.
    assert_eq!(scenario.verdict(&Token::new().jwt()).await, "ok");
    assert_eq!(scenario.asked("/introspect"), 1);
    // And without an issuer to ask, an opaque token belongs to nobody.
    assert_eq!(Scenario::jwt().verdict("opaque").await, "invalid_token issuer_mismatch");
}
