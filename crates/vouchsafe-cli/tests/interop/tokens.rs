//! Other grants, and what becomes of tokens: devices, CIBA, encryption, introspection, registration, narrower tokens.
use serde_json::json;
use vouchsafe::{ClientMetadata, DecryptionKey, Http, Provider, Registration};

use super::keys::given;
use super::strong::{client, log_in};
use super::{Alice, LIBRARY, SECRET, assert_signed_in, login, provider, run};

#[test]
fn alice_signs_in_on_a_device() {
    let Some(issuer) = provider() else { return };
    let given = ["login", "--issuer", issuer, "--client-id", "device", "--device", "--no-save"];
    let run = run(&given, None, Alice::Allows);
    assert_eq!(run.events[0]["event"], "device_code");
    assert_signed_in(&run, issuer, "device");
}

#[test]
fn alice_signs_in_on_her_phone() {
    let Some(issuer) = provider() else { return };
    let given = ["login", "--issuer", issuer, "--client-id", "web", "--no-save", "--backchannel"];
    let hint = ["--login-hint", "alice", "--binding-message", "W4SCT"];
    let run = run(&[&given[..], &hint].concat(), Some(SECRET), Alice::Allows);
    assert_eq!(run.events[0]["event"], "backchannel");
    assert_signed_in(&run, issuer, "web");
}

#[test]
fn an_application_gets_a_token_for_an_api() {
    let Some(issuer) = provider() else { return };
    let key = given().path("ES256");
    let given = ["client-credentials", "--issuer", issuer, "--client-id", "machine", "--client-key", &key];
    let more = ["--key-id", "ES256", "--resource", "urn:vouchsafe:api", "--scope", "api:read"];
    let run = run(&[&given[..], &more].concat(), None, Alice::Allows);
    assert_eq!(run.code, Some(0), "{:?} {}", run.events, run.errors);
    // A JWT (RFC 9068).
    assert!(run.last()["access_token"].as_str().unwrap().starts_with("ey"));
}

#[test]
fn a_saved_login_is_refreshed_introspected_and_revoked() {
    let Some(issuer) = super::issuer("strict") else { return };
    let (key, folder) = (given().path("ES256"), given().path("logins.db"));
    let store = ["--store", &*format!("sqlite:{folder}")];
    let given = [
        "login",
        "--issuer",
        issuer,
        "--client-id",
        "fapi",
        "--client-key",
        &key,
        "--key-id",
        "ES256",
        "--dpop",
    ];
    let more = [
        "--no-browser",
        "--save",
        "bank",
        "--scope",
        "openid",
        "--scope",
        "offline_access",
        "--prompt",
        "consent",
    ];
    let done = run(&[&given[..], &more, &store].concat(), None, Alice::Allows);
    assert_eq!(done.login()["token"]["token_type"], "DPoP");
    for (command, event) in [("refresh", "token"), ("introspect", "introspection"), ("revoke", "revoked")] {
        let done = run(&[&[command, "bank"][..], &store].concat(), None, Alice::Allows);
        assert_eq!(done.last()["event"], event, "{:?} {}", done.events, done.errors);
        if command == "introspect" {
            assert_eq!(done.last()["token"]["active"], true);
            assert!(done.last()["token"]["cnf"]["jkt"].is_string(), "it is bound to the key");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_id_tokens_and_userinfo_are_read() {
    let Some(issuer) = provider() else { return };
    let key = |name: &str| DecryptionKey::from_pem(given().text(name)).unwrap().key_id(name);
    let (rsa, ec) = (("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", "A128CBC-HS256"));
    for (id, of_token, of_userinfo) in [("web-rsa-oaep", rsa, ec), ("web-ecdh", ec, rsa)] {
        let registration = Registration::new(id)
            .secret(SECRET)
            .decryption_key(key("RSA-OAEP-256"))
            .decryption_key(key("ECDH-ES"))
            .id_token_encryption(of_token.0, of_token.1)
            .userinfo_encryption(of_userinfo.0, of_userinfo.1);
        let client = client(issuer, registration, |builder| builder);
        let tokens = log_in(&client).await;
        let identity = client.identity(&tokens).await.unwrap();
        assert_eq!(identity.verified_email(), Some("alice@example.com"), "{id}: {:?}", identity.warnings());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_introspection_is_verified() {
    let Some(issuer) = provider() else { return };
    let registration = Registration::new("web-introspection").secret(SECRET).signed_introspection();
    let client = client(issuer, registration, |builder| builder);
    let tokens = log_in(&client).await;
    let facts = client.introspect(&tokens).await.unwrap();
    assert_eq!((&facts["active"], &facts["sub"]), (&json!(true), &json!("alice")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_registers_itself_and_goes() {
    let Some(issuer) = provider() else { return };
    let (http, redirect_uri) = (Http::builder().no_proxy().build().unwrap(), format!("{LIBRARY}/callback"));
    let metadata = ClientMetadata::new().redirect_uri(&*redirect_uri).set("application_type", "native");
    let registered = Provider::openid(issuer).register(metadata.clone(), &http).await.unwrap();
    let own = client(issuer, registered.registration(), |builder| builder);
    assert_eq!(own.identity(&log_in(&own).await).await.unwrap().subject(), "alice");
    // Each time there is a new token for the management.
    let read = registered.read(&http).await.unwrap();
    assert_eq!(read.client_id(), registered.client_id());
    let updated = read.update(metadata.client_name("Mine"), &http).await.unwrap();
    assert_eq!(updated.get("client_name"), Some(&json!("Mine")));
    updated.delete(&http).await.unwrap();
    let error = updated.read(&http).await.unwrap_err();
    assert_eq!(error.code(), "invalid_token", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_less_is_refreshed() {
    let Some(issuer) = provider() else { return };
    let client = client(issuer, Registration::new("web").secret(SECRET), |builder| builder);
    let scopes = ["openid", "email", "offline_access"];
    let login = client.login().scopes(scopes).prompt("consent").await.unwrap();
    let came = super::Browser::default().walk(&super::door(&login.url), Alice::Allows);
    let tokens = client.finish(login.pending, &*came).await.unwrap();
    let narrow = client.narrow(&tokens).scopes(["openid"]).await.unwrap();
    assert_eq!(narrow.scopes().collect::<Vec<_>>(), ["openid"]);
}

#[test]
fn a_resource_gets_a_token_of_its_own() {
    let Some(issuer) = provider() else { return };
    let scopes = ["--scope", "openid", "--scope", "api:read", "--resource", "urn:vouchsafe:api"];
    let run = login(issuer, "web", Some(SECRET), &scopes, Alice::Allows);
    let token = run.login()["token"]["access_token"].as_str().unwrap();
    assert!(token.starts_with("ey") && run.login()["claims"]["sub"] == "alice");
}
