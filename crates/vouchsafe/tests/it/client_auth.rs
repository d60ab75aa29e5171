//! Client authentication (RFC 6749 section 2.3): where the id and the secret go, and where they do not.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vouchsafe::ClientAuth::{self, ClientSecretBasic, ClientSecretPost};
use vouchsafe::http::Request;
use vouchsafe::{Client, Provider, Registration};

use crate::scenario::{CLIENT_ID, CLIENT_SECRET, Held, REDIRECT_URI, Scenario, acme, public, web};
use crate::wire::{Wire, field, header, json};

/// The requests of an exchange and of a revocation.
async fn sent(provider: Provider, registration: Registration) -> (Request, Request) {
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let client = Client::new(provider, registration, &wire.http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    client.manual().revoke("at", None).await.unwrap();
    let [token, revocation] = wire.seen().try_into().unwrap();
    (token, revocation)
}

fn method(request: &Request) -> &'static str {
    let basic = header(request, "authorization").is_some();
    let post = field(request, "client_secret").is_some();
    let id = field(request, "client_id").is_some();
    match (basic, post, id) {
        (true, false, false) => "basic",
        (false, true, true) => "post",
        (false, false, true) => "none",
        other => panic!("credentials in odd places: {other:?}"),
    }
}

fn basic(request: &Request) -> String {
    let header = header(request, "authorization").unwrap();
    String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn basic_puts_the_secret_into_the_header_alone() {
    // RFC 6749 §2.3.
    let (token, revocation) = sent(acme().client_auth(ClientSecretBasic), web()).await;
    for request in [token, revocation] {
        assert_eq!(method(&request), "basic");
        assert_eq!(basic(&request), format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        assert!(!String::from_utf8_lossy(request.body()).contains(CLIENT_SECRET));
        assert!(request.headers()["authorization"].is_sensitive(), "loggers must know not to print it");
    }
}

#[tokio::test]
async fn basic_is_form_encoded_and_no_more_than_that() {
    // RFC 6749 section 2.3.1. `-`, `.` and `_` need no escape, and many servers do not decode.
    let registration =
        Registration::new("web:odd/id-._").secret("p%ss+w rd:&=/~-._").client_auth(ClientSecretBasic);
    let (token, _) = sent(acme(), registration).await;
    assert_eq!(basic(&token), "web%3Aodd%2Fid-._:p%25ss%2Bw+rd%3A%26%3D%2F%7E-._");
}

#[tokio::test]
async fn post_puts_the_secret_into_the_body_alone() {
    // RFC 6749 §2.3.1.
    let (token, revocation) = sent(acme().client_auth(ClientSecretPost), web()).await;
    for request in [token, revocation] {
        assert_eq!(method(&request), "post");
        assert_eq!(field(&request, "client_id").as_deref(), Some(CLIENT_ID));
        assert_eq!(field(&request, "client_secret").as_deref(), Some(CLIENT_SECRET));
        assert_eq!(request.uri().query(), None);
    }
}

#[tokio::test]
async fn none_sends_the_id_and_no_secret() {
    for (provider, registration) in [
        (acme(), public()),
        (acme(), web().client_auth(ClientAuth::None)),
        (acme().client_auth(ClientSecretBasic), public()),
    ] {
        let (token, revocation) = sent(provider, registration).await;
        for request in [token, revocation] {
            assert_eq!(method(&request), "none");
            assert!(!String::from_utf8_lossy(request.body()).contains(CLIENT_SECRET));
        }
    }
}

#[tokio::test]
async fn revocation_has_a_method_of_its_own_where_one_is_set() {
    for (provider, registration, expected) in [
        (acme().client_auth(ClientSecretPost), web(), ("post", "post")),
        (acme().client_auth(ClientSecretPost).revocation_auth(ClientSecretBasic), web(), ("post", "basic")),
        (acme().client_auth(ClientSecretBasic).revocation_auth(ClientAuth::None), web(), ("basic", "none")),
        (acme(), web().client_auth(ClientSecretBasic).revocation_auth(ClientSecretPost), ("basic", "post")),
        (
            acme().revocation_auth(ClientSecretBasic),
            web().revocation_auth(ClientSecretPost),
            ("basic", "post"),
        ),
    ] {
        let (token, revocation) = sent(provider, registration).await;
        assert_eq!((method(&token), method(&revocation)), expected);
    }
}

#[tokio::test]
async fn what_the_registration_says_goes_before_what_the_definition_says() {
    let registration = web().client_auth(ClientSecretBasic);
    let (token, revocation) = sent(acme().client_auth(ClientSecretPost), registration).await;
    assert_eq!((method(&token), method(&revocation)), ("basic", "basic"));
}

#[test]
fn a_method_that_needs_a_secret_needs_a_secret() {
    let http = Wire::always(json(200, json!({}))).http();
    for registration in [
        public().client_auth(ClientSecretBasic),
        public().client_auth(ClientSecretPost),
        public().revocation_auth(ClientSecretPost),
        public().secret(""),
    ] {
        assert_eq!(Client::new(acme(), registration, &http).unwrap_err().code(), "client_secret");
    }
}

/// The method that an OpenID login uses where that is what the metadata announces.
async fn chosen(methods: serde_json::Value) -> &'static str {
    let scenario = Scenario::openid().metadata("token_endpoint_auth_methods_supported", methods);
    scenario.log_in().await.unwrap();
    method(&scenario.wire.seen_at("/token")[0])
}

#[tokio::test]
async fn the_metadata_offers_and_basic_is_preferred() {
    assert_eq!(chosen(json!(["client_secret_post", "client_secret_basic"])).await, "basic");
    assert_eq!(chosen(json!(["private_key_jwt", "client_secret_post"])).await, "post");
    // OpenID Connect Discovery section 3: if omitted, the default is client_secret_basic.
    assert_eq!(chosen(json!(null)).await, "basic");
}

#[tokio::test]
async fn a_public_client_is_one_whatever_secret_methods_are_announced() {
    let scenario = Scenario::openid()
        .registration(public())
        .metadata("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
    scenario.log_in().await.unwrap();
    assert_eq!(method(&scenario.wire.seen_at("/token")[0]), "none");
}

#[tokio::test]
async fn where_no_method_fits_nothing_is_sent() {
    let scenario = Scenario::openid()
        .metadata("token_endpoint_auth_methods_supported", json!(["private_key_jwt", "tls_client_auth"]));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "client_auth_not_supported");
    assert!(error.to_string().contains("private_key_jwt, tls_client_auth"), "{error}");
    assert!(scenario.wire.seen_at("/token").is_empty(), "a secret or a code was burnt");
}

#[tokio::test]
async fn revocation_follows_its_own_metadata_and_else_the_token_endpoints() {
    for (token, revocation, expected) in [
        (json!(["client_secret_basic"]), json!(["client_secret_post"]), "post"),
        (json!(["client_secret_post"]), json!(null), "post"),
    ] {
        let scenario = Scenario::openid()
            .metadata("token_endpoint_auth_methods_supported", token)
            .metadata("revocation_endpoint_auth_methods_supported", revocation);
        scenario.client().revoke(&scenario.client().held(json!({"access_token": "at"}))).await.unwrap();
        assert_eq!(method(&scenario.wire.seen_at("/revoke")[0]), expected);
    }
}

#[tokio::test]
async fn what_the_registration_says_goes_before_what_the_metadata_offers_for_revocation() {
    let scenario = Scenario::openid()
        .registration(web().client_auth(ClientSecretPost))
        .metadata("revocation_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
    scenario.client().revoke(&scenario.client().held(json!({"access_token": "at"}))).await.unwrap();
    assert_eq!(method(&scenario.wire.seen_at("/revoke")[0]), "post");
}
