//! Tokens for a code and for a refresh token (RFC 6749 sections 4.1.3 and 6).
use serde_json::json;
use vouchsafe::error::{Feature, Operation};
use vouchsafe::{Client, Tokens};

use crate::scenario::{ACME, Held, REDIRECT_URI, acme, public, stored, web};
use crate::wire::{Wire, answer, json};

/// A client of that answer alone, and the wire to see what it asked.
fn answered(body: serde_json::Value) -> (Client, Wire) {
    let wire = Wire::always(json(200, body));
    (Client::new(acme(), web(), &wire.http()).unwrap(), wire)
}

fn full() -> serde_json::Value {
    json!({"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt", "scope": "a b"})
}

#[tokio::test]
async fn a_token_request_for_a_code_is_sent_to_the_letter() {
    // RFC 6749 §3.2.
    let (client, wire) = answered(full());
    client.manual().authorization_code("the code+/=", REDIRECT_URI).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=authorization_code&code=the+code%2B%2F%3D&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback"
    );
}

#[tokio::test]
async fn a_token_for_the_application_is_requested_to_the_letter() {
    // RFC 6749 §4.4.2.
    let (client, wire) = answered(json!({"access_token": "at", "token_type": "Bearer"}));
    client.client_credentials().scopes(["reports", "audit"]).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=client_credentials&scope=reports+audit"
    );
    // A public client has nothing to authenticate by.
    let wire = Wire::always(json(200, full()));
    let public = Client::new(acme(), public(), &wire.http()).unwrap();
    assert!(public.client_credentials().await.is_err() && wire.seen().is_empty());
}

#[tokio::test]
async fn a_code_verifier_goes_with_the_code() {
    // RFC 7636 §4.5.
    let (client, wire) = answered(full());
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    client.manual().authorization_code("c", REDIRECT_URI).code_verifier(verifier).await.unwrap();
    assert!(wire.only().ends_with(&format!("&code_verifier={verifier}")), "{}", wire.only());
}

#[tokio::test]
async fn a_public_client_says_who_it_is_in_the_form() {
    // RFC 6749 §3.2.1.
    let wire = Wire::always(json(200, full()));
    let client = Client::new(acme(), public(), &wire.http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=my-client"
    );
}

#[tokio::test]
async fn a_token_is_refreshed_to_the_letter() {
    // RFC 6749 §6.
    let (client, wire) = answered(full());
    client.refresh(&old()).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/token\n\
         accept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=refresh_token&refresh_token=old-rt"
    );
}

fn old() -> Tokens {
    stored(
        ACME,
        json!({"access_token": "old-at", "refresh_token": "old-rt", "scope": "old scope", "expires_at": 1}),
    )
}

#[tokio::test]
async fn a_refresh_that_renews_everything_replaces_everything() {
    // RFC 6749 §6.
    let fresh = answered(full()).0.refresh(&old()).await.unwrap();
    assert_eq!(fresh.access_token().expose(), "at");
    assert_eq!(fresh.refresh_token().unwrap().expose(), "rt");
    assert_eq!(fresh.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert!(!fresh.is_expired());
}

#[tokio::test]
async fn what_a_refresh_leaves_out_stays_as_it_was() {
    // RFC 6749 section 6 for the refresh token and the scope; the lifetime is the new token's own.
    let (client, _) = answered(json!({"access_token": "at", "token_type": "Bearer"}));
    let fresh = client.refresh(&old()).await.unwrap();
    assert_eq!(fresh.access_token().expose(), "at");
    assert_eq!(fresh.refresh_token().unwrap().expose(), "old-rt");
    assert_eq!(fresh.scopes().collect::<Vec<_>>(), ["old", "scope"]);
    assert_eq!(fresh.expires_at(), None);
}

#[tokio::test]
async fn a_wrong_token_type_is_shown_without_secrets_and_not_whole() {
    let refusal = async |kind: &str| {
        let members = json!({"access_token": "hush-access", "refresh_token": "hush-refresh", "id_token": "hush-id", "token_type": kind});
        let error =
            answered(members).0.manual().authorization_code("hush-code", REDIRECT_URI).await.unwrap_err();
        assert_eq!(error.code(), "token_type");
        error.to_string()
    };
    assert!(refusal("DPoP\u{1b}[31m").await.contains("expected the token_type Bearer, found DPoP…:"));
    for secret in ["hush-access", "hush-refresh", "hush-id", "hush-code", "my-client-secret"] {
        for kind in [secret, &format!("{}{secret}", "x".repeat(12))] {
            let shown = refusal(kind).await;
            assert!(!shown.contains("hush") && !shown.contains("my-cli") && shown.contains('…'), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_refresh_goes_to_its_own_endpoint_where_there_is_one() {
    let wire = Wire::always(json(200, full()));
    let provider = acme().refresh_endpoint("https://acme.example/refresh");
    let client = Client::new(provider, web(), &wire.http()).unwrap();
    client.refresh(&old()).await.unwrap();
    client.manual().refresh("old-rt").await.unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    let paths: Vec<_> = wire.seen().iter().map(|request| request.uri().path().to_owned()).collect();
    assert_eq!(paths, ["/refresh", "/refresh", "/token"]);
}

#[tokio::test]
async fn a_provider_that_does_not_refresh_is_never_asked() {
    let wire = Wire::always(json(200, full()));
    let client = Client::new(acme().supports_refresh(false), web(), &wire.http()).unwrap();
    for error in [client.refresh(&old()).await.unwrap_err(), client.manual().refresh("rt").await.unwrap_err()]
    {
        let vouchsafe::Error::Unsupported(unsupported) = &error else { panic!("{error:?}") };
        assert_eq!(unsupported.feature(), Feature::Refresh);
        assert_eq!(
            error.to_string(),
            "the token refresh is not possible: the provider does not refresh tokens: send the user to sign in \
             again when the access token has expired"
        );
    }
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn without_a_refresh_token_the_user_has_to_sign_in() {
    let (client, wire) = answered(full());
    let error = client.refresh(&client.held(json!({"access_token": "at"}))).await.unwrap_err();
    assert_eq!(error.code(), "no_refresh_token");
    assert!(error.needs_login());
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn an_error_is_told_in_the_providers_own_words() {
    let body = json!({"error": "invalid_grant", "error_description": "Bad Request", "error_uri": "https://acme.example/e"});
    let wire = Wire::always(json(400, body));
    let client = Client::new(acme(), web(), &wire.http()).unwrap();

    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token request failed: the provider returned invalid_grant (HTTP status 400): Bad Request \
         (see https://acme.example/e)"
    );
    let vouchsafe::Error::Server(server) = &error else { panic!("{error:?}") };
    assert_eq!(*server.code(), vouchsafe::ErrorCode::INVALID_GRANT);
    assert_eq!(server.description(), Some("Bad Request"));
    assert_eq!(server.uri(), Some("https://acme.example/e"));
    assert_eq!((server.status(), error.status()), (Some(400), Some(400)));
    assert_eq!(error.operation(), Operation::AuthorizationCode);
    assert!(error.needs_login() && !error.is_retryable());

    let error = client.refresh(&old()).await.unwrap_err();
    assert!(
        error.to_string().starts_with("the token refresh failed: the provider returned invalid_grant"),
        "{error}"
    );
    assert_eq!(error.operation(), Operation::Refresh);
}

#[tokio::test]
async fn an_error_with_a_status_of_success_is_an_error() {
    // RFC 6749 §5.2.
    let (client, _) =
        answered(serde_json::from_str(include_str!("../samples/github/token_error_200.json")).unwrap());
    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
    assert_eq!(error.code(), "bad_verification_code");
    assert_eq!(error.status(), Some(200));
    assert!(error.to_string().contains("The code passed is incorrect or expired."), "{error}");
}

#[tokio::test]
async fn a_refresh_that_fails_with_a_status_of_success_fails() {
    let (client, _) =
        answered(serde_json::from_str(include_str!("../samples/github/refresh_error_200.json")).unwrap());
    let error = client.refresh(&old()).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("bad_refresh_token", Some(200)));
}

#[tokio::test]
async fn a_response_that_is_no_token_response_is_refused() {
    // RFC 6749 §7.1.
    for (body, code) in [
        ("[]", "json"),
        ("{", "json"),
        ("{}", "missing_field"),
        (r#"{"access_token":"a"}"#, "missing_field"),
        (r#"{"token_type":"Bearer"}"#, "missing_field"),
        (r#"{"access_token":7,"token_type":"Bearer"}"#, "invalid_field"),
        (r#"{"access_token":"","token_type":"Bearer"}"#, "invalid_field"),
        (r#"{"access_token":"a\nb","token_type":"Bearer"}"#, "invalid_field"),
        (r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#, "json"),
        (r#"{"access_token":"a","token_type":"mac"}"#, "token_type"),
    ] {
        let wire = Wire::always(answer(200, "application/json", body));
        let client = Client::new(acme(), web(), &wire.http()).unwrap();
        let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
        assert_eq!(error.code(), code, "{body}");
        let error = client.refresh(&old()).await.unwrap_err();
        assert_eq!(error.code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_token_response_from_elsewhere_is_read_by_the_same_rules() {
    let (client, wire) = answered(full());
    let tokens = client.manual().read_token_response(full().to_string().as_bytes()).unwrap();
    assert_eq!(tokens.access_token().expose(), "at");
    let error = client.manual().read_token_response(br#"{"error":"invalid_grant"}"#).unwrap_err();
    assert_eq!(error.code(), "invalid_grant");
    assert!(wire.seen().is_empty());
}
