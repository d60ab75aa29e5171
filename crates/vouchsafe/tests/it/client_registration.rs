//! Registering a client (RFC 7591, OpenID Connect Registration 1.0), and managing it (RFC 7592).
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use vouchsafe::error::Feature;
use vouchsafe::http::Response;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, Registrations, TokenStore};
use vouchsafe::{ClientAuth, ClientMetadata, Error, Provider, RegisteredClient};

use crate::scenario::{REDIRECT_URI, acme};
use crate::wire::{Wire, answer, header, json};

fn provider() -> Provider {
    acme().registration_endpoint("https://acme.example/register")
}

fn metadata() -> ClientMetadata {
    ClientMetadata::new().redirect_uri(REDIRECT_URI).client_name("Mine")
}

fn registered() -> Value {
    json!({
        "client_id": "client 1: 100%", "client_secret": "secret-of-client-1", "client_secret_expires_at": 0,
        "client_id_issued_at": 1_700_000_000, "registration_access_token": "management-token-1",
        "registration_client_uri": "https://acme.example/register/1", "redirect_uris": [REDIRECT_URI], "client_name": "Mine",
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code"],
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

async fn register(response: Response) -> Result<RegisteredClient, Error> {
    provider().register(metadata(), &Wire::always(response).http()).await
}

async fn client() -> RegisteredClient {
    register(json(201, registered())).await.unwrap()
}

fn body(request: &vouchsafe::http::Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[tokio::test]
async fn the_request_is_sent_to_the_letter() {
    // RFC 7591 §3.1.
    let wire = Wire::always(json(201, registered()));
    let http = wire.http();
    provider().register(metadata().contact("ops@app.example"), &http).await.unwrap();
    assert_eq!(
        wire.only(),
        "POST https://acme.example/register\n\
         accept: application/json\n\
         content-type: application/json\n\n\
         {\"client_name\":\"Mine\",\"contacts\":[\"ops@app.example\"],\"redirect_uris\":[\"https://app.example/callback\"]}"
    );
    let wire = Wire::always(json(201, registered()));
    let http = wire.http();
    provider().register(metadata(), &http).initial_access_token("let-me-in").await.unwrap();
    assert_eq!(header(&wire.seen()[0], "authorization"), Some("Bearer let-me-in"));
}

#[tokio::test]
async fn every_member_of_the_standards_has_its_name() {
    let wire = Wire::always(json(201, registered()));
    let http = wire.http();
    let all = metadata()
        .response_types(["code"])
        .grant_types(["authorization_code", "refresh_token"])
        .client_auth(ClientAuth::ClientSecretPost)
        .scopes(["openid", "email"])
        .jwks_uri("https://app.example/jwks")
        .request_uri("https://app.example/request")
        .request_object_signing_alg("RS256")
        .id_token_signed_response_alg("PS256")
        .userinfo_signed_response_alg("RS256")
        .post_logout_redirect_uri("https://app.example/bye")
        .backchannel_logout_uri("https://app.example/logout")
        .initiate_login_uri("https://app.example/login")
        .software_statement("a.b.c")
        .set("tos_uri", "https://app.example/terms")
        .set("logo_uri", Value::Null);
    provider().register(all, &http).await.unwrap();
    assert_eq!(
        body(&wire.seen()[0]),
        json!({
            "redirect_uris": [REDIRECT_URI], "client_name": "Mine", "response_types": ["code"],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_post",
            "scope": "openid email", "jwks_uri": "https://app.example/jwks", "request_uris": ["https://app.example/request"],
            "request_object_signing_alg": "RS256", "id_token_signed_response_alg": "PS256", "userinfo_signed_response_alg": "RS256",
            "post_logout_redirect_uris": ["https://app.example/bye"], "backchannel_logout_uri": "https://app.example/logout",
            "initiate_login_uri": "https://app.example/login", "software_statement": "a.b.c", "tos_uri": "https://app.example/terms",
        })
    );
}

#[tokio::test]
async fn metadata_that_cannot_work_is_not_sent() {
    let jwk = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "secret"}]});
    for (metadata, code) in [
        // RFC 7591 §2: redirect-based clients must register their redirect URIs.
        (ClientMetadata::new(), "client_metadata"),
        (ClientMetadata::new().redirect_uri("http://app.example/cb"), "insecure_url"),
        (ClientMetadata::new().redirect_uri("/callback"), "redirect_uri"),
        (ClientMetadata::new().redirect_uri("https://app.example/#x"), "redirect_uri"),
        // RFC 7591 §2: not both.
        (metadata().jwks(json!({"keys": []})).jwks_uri("https://app.example/jwks"), "client_metadata"),
        (metadata().jwks(jwk), "client_metadata"),
        (metadata().set("client_id", "mine"), "client_metadata"),
        (metadata().set("registration_access_token", "mine"), "client_metadata"),
    ] {
        let wire = Wire::always(json(201, registered()));
        let http = wire.http();
        let error = provider().register(metadata, &http).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(wire.seen().is_empty());
    }
    let machine = ClientMetadata::new().grant_types(["client_credentials"]);
    let http = Wire::always(json(201, without(registered(), "redirect_uris"))).http();
    provider().register(machine, &http).await.unwrap();
}

#[tokio::test]
async fn the_response_is_read_with_all_its_members() {
    let client = client().await;
    assert_eq!(client.client_id(), "client 1: 100%");
    assert_eq!(client.client_secret().unwrap().expose(), "secret-of-client-1");
    // RFC 7591 §3.2.1: 0 is never.
    assert_eq!(client.client_secret_expires_at(), None);
    assert_eq!(client.client_id_issued_at(), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
    assert_eq!(client.registration_client_uri(), Some("https://acme.example/register/1"));
    assert_eq!(client.registration_access_token().unwrap().expose(), "management-token-1");
    assert_eq!(client.get("grant_types"), Some(&json!(["authorization_code"])));
    assert_eq!(client.get("client_secret"), None);
    assert!(client.warnings().is_empty() && !client.is_expired());
    let old = register(json(201, with(registered(), "client_secret_expires_at", json!(1_700_000_000))))
        .await
        .unwrap();
    assert!(old.is_expired());
    // Many servers answer 200, and some send nothing of what was requested.
    let brief = register(json(200, json!({"client_id": "1"}))).await.unwrap();
    assert_eq!(brief.get("client_name"), Some(&json!("Mine")));
    assert!(brief.client_secret().is_none() && brief.registration_client_uri().is_none());
}

#[tokio::test]
async fn a_hostile_response_is_refused() {
    // RFC 7591 §3.2.1.
    let elsewhere = "https://elsewhere.example/callback";
    for (response, code) in [
        (json(201, with(registered(), "redirect_uris", json!([elsewhere]))), "redirect_uri_mismatch"),
        (
            json(201, with(registered(), "redirect_uris", json!([REDIRECT_URI, elsewhere]))),
            "redirect_uri_mismatch",
        ),
        (json(201, with(registered(), "redirect_uris", json!([]))), "redirect_uri_mismatch"),
        (json(201, with(registered(), "redirect_uris", json!(elsewhere))), "redirect_uri_mismatch"),
        (json(201, without(registered(), "client_id")), "missing_field"),
        (json(201, with(registered(), "client_id", json!(""))), "invalid_field"),
        (json(201, with(registered(), "client_id", json!("a\r\nb"))), "invalid_field"),
        (json(201, with(registered(), "client_id", json!(7))), "invalid_field"),
        (json(201, with(registered(), "client_secret", json!(["s"]))), "invalid_field"),
        (json(201, without(registered(), "client_secret")), "missing_field"),
        (json(201, with(registered(), "client_secret_expires_at", json!("never"))), "invalid_field"),
        (json(201, with(registered(), "client_secret_expires_at", json!(-1))), "invalid_field"),
        (
            json(201, with(registered(), "registration_client_uri", json!("http://elsewhere.example/1"))),
            "insecure_url",
        ),
        (
            json(201, with(registered(), "registration_client_uri", json!("http://acme.example/1"))),
            "insecure_url",
        ),
        (
            json(201, with(registered(), "registration_client_uri", json!("https://elsewhere.example/1"))),
            "issuer_mismatch",
        ),
        (
            json(
                201,
                with(
                    registered(),
                    "registration_client_uri",
                    json!("https://acme.example@elsewhere.example/"),
                ),
            ),
            "invalid_field",
        ),
        (json(201, without(registered(), "registration_access_token")), "missing_field"),
        (json(201, without(registered(), "registration_client_uri")), "missing_field"),
        (answer(201, "text/html", registered().to_string()), "content_type"),
        (answer(201, "application/json", r#"{"client_id":"a","client_id":"b"}"#), "json"),
        (answer(201, "application/json", "[]"), "json"),
        (answer(302, "text/html", ""), "redirect_refused"),
        (json(400, json!({"error": "invalid_redirect_uri"})), "invalid_redirect_uri"),
        (json(400, json!({"error": "invalid_client_metadata"})), "invalid_client_metadata"),
        (json(400, json!({"error": "unapproved_software_statement"})), "unapproved_software_statement"),
        (answer(401, "text/plain", "who are you?"), "http_status"),
    ] {
        let said = String::from_utf8_lossy(response.body()).into_owned();
        let error = register(response).await.unwrap_err();
        assert_eq!(error.code(), code, "{said}: {error}");
        for secret in ["secret-of-client-1", "management-token-1"] {
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }
    // A client without redirect URIs gets nobody's.
    let http = Wire::always(json(201, registered())).http();
    let machine = ClientMetadata::new().grant_types(["client_credentials"]);
    assert_eq!(provider().register(machine, &http).await.unwrap_err().code(), "redirect_uri_mismatch");
}

#[tokio::test]
async fn values_that_the_provider_replaced_are_told() {
    // RFC 7591 §3.2.1: the server may replace them.
    let client = register(json(201, with(registered(), "client_name", json!("Another")))).await.unwrap();
    let [warning] = client.warnings() else { panic!("{:?}", client.warnings()) };
    assert!(warning.to_string().contains("client_name"), "{warning}");
    let none = json!({"client_id": "1", "token_endpoint_auth_method": "none"});
    let http = Wire::always(json(201, none)).http();
    let client =
        provider().register(metadata().client_auth(ClientAuth::ClientSecretPost), &http).await.unwrap();
    assert_eq!(client.warnings().len(), 1);
    // The order of a list means nothing.
    let reversed = with(registered(), "grant_types", json!(["refresh_token", "authorization_code"]));
    let http = Wire::always(json(201, reversed)).http();
    let grants = metadata().grant_types(["authorization_code", "refresh_token"]);
    assert!(provider().register(grants, &http).await.unwrap().warnings().is_empty());
}

#[tokio::test]
async fn nothing_shows_the_secrets() {
    let client = client().await;
    assert_eq!(
        format!("{client:?} {:?}", metadata().software_statement("a.b.c")),
        "RegisteredClient(…) ClientMetadata(…)"
    );
    let quoting = json(
        400,
        json!({"error": "invalid_token", "error_description": "what is management-token-1 for secret-of-client-1?"}),
    );
    let error = client.read(&Wire::always(quoting).http()).await.unwrap_err();
    assert!(
        !error.to_string().contains("management-token-1")
            && !error.to_string().contains("secret-of-client-1"),
        "{error}"
    );
    let quoting = json(401, json!({"error": "invalid_token", "error_description": "no let-me-in"}));
    let http = Wire::always(quoting).http();
    let error = provider().register(metadata(), &http).initial_access_token("let-me-in").await.unwrap_err();
    assert!(!error.to_string().contains("let-me-in"), "{error}");
}

#[tokio::test]
async fn it_is_stored_and_read_again() {
    let client = client().await;
    let stored = serde_json::to_value(&client).unwrap();
    let again: RegisteredClient = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), stored);
    assert_eq!(again.registration_access_token(), client.registration_access_token());
    assert!(serde_json::from_value::<RegisteredClient>(with(stored, "v", json!(2))).is_err());
}

#[tokio::test]
async fn a_provider_without_registration_is_never_asked() {
    let wire = Wire::always(Response::default());
    let http = wire.http();
    let error = acme().register(metadata(), &http).await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::Registration), "{error}");
    assert!(wire.seen().is_empty());
    let unmanaged = register(json(201, json!({"client_id": "1"}))).await.unwrap();
    for error in [
        unmanaged.read(&http).await.unwrap_err(),
        unmanaged.update(metadata(), &http).await.unwrap_err(),
        unmanaged.delete(&http).await.unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Unsupported(e) if e.feature() == Feature::ClientManagement),
            "{error}"
        );
    }
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn the_registration_is_read_with_its_token() {
    // RFC 7592 §2.1. What comes replaces the old, and what does not come stays.
    let fresh = without(
        with(registered(), "registration_access_token", json!("management-token-2")),
        "client_secret",
    );
    let wire = Wire::always(json(200, with(fresh, "client_name", json!("Another"))));
    let read = client().await.read(&wire.http()).await.unwrap();
    assert_eq!(
        wire.only(),
        "GET https://acme.example/register/1\naccept: application/json\nauthorization: Bearer management-token-1"
    );
    assert_eq!(read.registration_access_token().unwrap().expose(), "management-token-2");
    assert_eq!(read.client_secret().unwrap().expose(), "secret-of-client-1");
    assert_eq!(read.get("client_name"), Some(&json!("Another")));
    let renewed = Wire::always(json(200, with(registered(), "client_secret", json!("secret-2"))));
    let read = client().await.read(&renewed.http()).await.unwrap();
    assert_eq!(read.client_secret().unwrap().expose(), "secret-2");
    let other = Wire::always(json(200, with(registered(), "client_id", json!("another client"))));
    assert_eq!(client().await.read(&other.http()).await.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn an_update_sends_all_that_is_registered_and_nothing_that_the_provider_sets() {
    // RFC 7592 §2.2.
    let wire = Wire::always(json(200, with(registered(), "client_name", json!("New"))));
    let changes = ClientMetadata::new().client_name("New").set("grant_types", Value::Null);
    let updated = client().await.update(changes, &wire.http()).await.unwrap();
    let [request] = &wire.seen()[..] else { panic!() };
    assert_eq!(
        (request.method().as_str(), header(request, "authorization")),
        ("PUT", Some("Bearer management-token-1"))
    );
    assert_eq!(
        body(request),
        json!({
            "client_id": "client 1: 100%", "redirect_uris": [REDIRECT_URI], "client_name": "New",
            "token_endpoint_auth_method": "client_secret_basic",
        })
    );
    assert_eq!(updated.get("client_name"), Some(&json!("New")));
    // Other redirect URIs are no less dangerous here.
    let hostile = with(registered(), "redirect_uris", json!(["https://elsewhere.example/"]));
    let error =
        client().await.update(metadata(), &Wire::always(json(200, hostile)).http()).await.unwrap_err();
    assert_eq!(error.code(), "redirect_uri_mismatch");
    let wire = Wire::always(json(200, registered()));
    let none = ClientMetadata::new().set("redirect_uris", Value::Null);
    assert_eq!(client().await.update(none, &wire.http()).await.unwrap_err().code(), "client_metadata");
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn a_deletion_has_no_response_but_its_status() {
    // RFC 7592 §2.3.
    let wire = Wire::always(answer(204, "text/plain", ""));
    client().await.delete(&wire.http()).await.unwrap();
    assert!(wire.only().starts_with("DELETE https://acme.example/register/1"));
    for (status, body) in [(401, json!({"error": "invalid_token"})), (405, json!({}))] {
        let error = client().await.delete(&Wire::always(json(status, body)).http()).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
    }
}

/// A provider that gives each client a number, and a count of the clients.
fn counting() -> (Wire, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = log.clone();
    let wire = Wire::new(move |request| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.method().to_string());
        let number = seen.iter().filter(|method| *method == "POST").count();
        let uri = format!("https://acme.example/register/{number}");
        let new = with(
            with(registered(), "client_id", json!(format!("client {number}"))),
            "registration_client_uri",
            json!(uri),
        );
        if request.method() == "DELETE" { answer(204, "text/plain", "") } else { json(201, new) }
    });
    (wire, log)
}

#[tokio::test]
async fn a_program_registers_once() {
    let (wire, log) = counting();
    let http = wire.http();
    let store = Arc::new(MemoryStore::new());
    let secret = [7; 32];
    let open = |key: &[u8]| Registrations::sealed(store.clone(), KeyRing::new(key).unwrap());
    let first = open(&secret).get_or_register("acme", provider().register(metadata(), &http)).await.unwrap();
    let again = open(&secret).get_or_register("acme", provider().register(metadata(), &http)).await.unwrap();
    assert_eq!((first.client_id(), again.client_id()), ("client 1", "client 1"));
    assert_eq!(log.lock().unwrap().len(), 1);

    // The store sees nothing of it, and no vault touches it.
    let [(key, record)] = &store.list("", None, 10).await.unwrap()[..] else { panic!() };
    assert!(key.starts_with("~client/"), "{key}");
    for secret in ["client 1", "secret-of-client-1", "management-token-1"] {
        assert!(!record.data.expose().contains(secret));
    }
    let error = open(&[8; 32]).get("acme").await.unwrap_err();
    assert_eq!(error.code(), "sealed");
    // A row that was moved does not open.
    let moved = record.data.expose();
    store
        .save(vouchsafe::vault::Save::new("~client/other", moved, vouchsafe::vault::Expected::Any))
        .await
        .unwrap();
    assert_eq!(open(&secret).get("other").await.unwrap_err().code(), "sealed");

    // A new key seals it again at the next use.
    let ring = || KeyRing::new(&[9; 32]).unwrap().previous(&secret).unwrap();
    let rotated = Registrations::sealed(store.clone(), ring());
    rotated.get_or_register("acme", provider().register(metadata(), &http)).await.unwrap();
    assert_eq!(open(&[9; 32]).get("acme").await.unwrap().unwrap().client_id(), "client 1");
    assert_eq!(log.lock().unwrap().len(), 1);

    assert!(rotated.remove("acme").await.unwrap());
    assert!(rotated.get("acme").await.unwrap().is_none());
}

#[tokio::test]
async fn an_expired_client_is_registered_again_and_another_provider_gets_none() {
    // RFC 7591 §3.2.1.
    let (wire, _) = counting();
    let http = wire.http();
    let registrations = Registrations::sealed(MemoryStore::new(), KeyRing::new(&[7; 32]).unwrap());
    let old = register(json(201, with(registered(), "client_secret_expires_at", json!(1)))).await.unwrap();
    registrations.put("acme", &old).await.unwrap();
    let new = registrations.get_or_register("acme", provider().register(metadata(), &http)).await.unwrap();
    assert_eq!(new.client_id(), "client 1");
    assert_eq!(registrations.get("acme").await.unwrap().unwrap().client_id(), "client 1");

    let other = provider().token_endpoint("https://other.example/token");
    let error = registrations.get_or_register("acme", other.register(metadata(), &http)).await.unwrap_err();
    assert_eq!(error.code(), "client_id");
    assert_eq!(wire.seen().len(), 1);
}

#[tokio::test]
async fn of_two_programs_that_register_at_once_one_client_is_left() {
    let (wire, log) = counting();
    let http = wire.http();
    let registrations = Registrations::sealed(MemoryStore::new(), KeyRing::new(&[7; 32]).unwrap());
    let register = || registrations.get_or_register("acme", provider_static().register(metadata(), &http));
    let (one, other) = tokio::join!(register(), register());
    assert_eq!(one.unwrap().client_id(), other.unwrap().client_id());
    assert_eq!(*log.lock().unwrap(), ["POST", "POST", "DELETE"]);
}

fn provider_static() -> &'static Provider {
    Box::leak(Box::new(provider()))
}

#[cfg(feature = "transport")]
mod at_the_sandbox {
    use serde_json::json;
    use vouchsafe::{Client, ClientAuth, ClientMetadata, Http, Provider};
    use vouchsafe_sandbox::Sandbox;

    use super::REDIRECT_URI;

    #[tokio::test]
    async fn a_client_registers_signs_a_user_in_and_leaves() {
        let sandbox = Sandbox::builder().initial_access_token("let-me-in").start().await.unwrap();
        let (provider, http) = (Provider::openid(sandbox.issuer()), Http::new().unwrap());
        // The client id has a space, a colon and a percent sign: RFC 6749 §2.3.1 encodes them in Basic.
        for method in [ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost, ClientAuth::None] {
            let metadata = ClientMetadata::new().redirect_uri(REDIRECT_URI).client_auth(method);
            let metadata = metadata
                .grant_types(["authorization_code", "refresh_token"])
                .id_token_signed_response_alg("ES256");
            let registered =
                provider.register(metadata, &http).initial_access_token("let-me-in").await.unwrap();
            assert_eq!(registered.client_secret().is_some(), method != ClientAuth::None);
            let client = Client::new(provider.clone(), registered.registration(), &http).unwrap();
            let login = client.login().await.unwrap();
            let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
            let tokens = client.finish(login.pending, &callback).await.unwrap();
            assert_eq!(tokens.client_id(), registered.client_id());
            client.refresh(&tokens).await.unwrap();

            let updated = registered.update(ClientMetadata::new().client_name("New"), &http).await.unwrap();
            assert_eq!(updated.get("client_name"), Some(&json!("New")));
            assert_eq!(updated.client_secret(), registered.client_secret());
            assert_eq!(
                registered.read(&http).await.unwrap_err().status(),
                Some(401),
                "the old token is worth nothing"
            );
            let read = updated.read(&http).await.unwrap();
            read.delete(&http).await.unwrap();
            assert_eq!(client.refresh(&tokens).await.unwrap_err().code(), "invalid_client");
        }
        let error =
            provider.register(ClientMetadata::new().redirect_uri(REDIRECT_URI), &http).await.unwrap_err();
        assert_eq!(error.status(), Some(401));
    }
}

#[tokio::test]
async fn a_registration_for_id_tokens_without_a_signature_accepts_none_of_them() {
    // OpenID Connect Registration 1.0 §2 knows `none`. The client is made, and the ID token has to be signed.
    let unsigned = with(registered(), "id_token_signed_response_alg", "none".into());
    let client = register(json(201, unsigned)).await.unwrap();
    let scenario = crate::scenario::Scenario::openid().alg("none").registration(client.registration());
    let scenario = scenario.claim("aud", "client 1: 100%".into());
    assert_eq!(scenario.verdict().await, "algorithm");
    assert_eq!(scenario.alg("RS256").verdict().await, "ok");
}
