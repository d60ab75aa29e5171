//! Whole logins of strong clients at the sandbox, which knows nothing of the library.
use serde_json::{Value, json};
use vouchsafe::{
    Client, ClientBuilder, ClientCertificate, Credential, Http, Profile, Provider, Registration, Tokens,
};
use vouchsafe_sandbox::{ClientConfig, DpopNonces, Sandbox, SandboxBuilder};

use super::certificate::with_pem;
use super::key;

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// A login from its start to its end, and what the API of the sandbox says of the token.
async fn log_in(sandbox: &Sandbox, client: &Client) -> (Tokens, Value) {
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    assert_eq!(client.identity(&tokens).await.unwrap().issuer(), sandbox.issuer());
    let said = said_of(sandbox, client, &tokens).await;
    (tokens, said)
}

/// What the API of the sandbox says of the token that came.
async fn said_of(sandbox: &Sandbox, client: &Client, tokens: &Tokens) -> Value {
    let request = http::Request::get(format!("{}/resource", sandbox.issuer())).body(Vec::new()).unwrap();
    let response = client.call_api(tokens, request).await.unwrap();
    assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
    serde_json::from_slice(response.body()).unwrap()
}

/// A client with a key for itself and one for its tokens, from its login to the end of its tokens.
async fn walk(
    nonces: DpopNonces,
    sandbox: fn(SandboxBuilder) -> SandboxBuilder,
    client: fn(ClientBuilder) -> ClientBuilder,
) {
    let (own, dpop) = (key("ES256").key_id("1"), key("ES256"));
    let config = ClientConfig::public("bank").jwks(own.public_jwk());
    let sandbox = sandbox(Sandbox::builder().client(config).dpop_nonces(nonces)).start().await.unwrap();
    let registration = Registration::new("bank")
        .redirect_uri(REDIRECT_URI)
        .credential(Credential::private_key(own))
        .dpop(dpop.clone());
    let builder = client(Client::builder(Provider::openid(sandbox.issuer()), registration));
    let client = builder.build(&Http::builder().no_proxy().build().unwrap()).unwrap();
    let (tokens, said) = log_in(&sandbox, &client).await;
    assert_eq!((&said["scheme"], &said["cnf"]["jkt"]), (&json!("DPoP"), &json!(dpop.thumbprint())));
    sandbox.advance_clock(std::time::Duration::from_secs(3601));
    let tokens = client.refresh(&tokens).await.unwrap();
    assert_eq!(said_of(&sandbox, &client, &tokens).await["scheme"], json!("DPoP"));
    client.revoke(&tokens).await.unwrap();
}

#[tokio::test]
async fn a_client_with_keys_walks_through_the_sandbox() {
    walk(DpopNonces::Off, |sandbox| sandbox, |client| client).await;
    walk(DpopNonces::Required, |sandbox| sandbox, ClientBuilder::pushed_requests).await;
    let required = SandboxBuilder::require_pushed_authorization_requests;
    walk(DpopNonces::Changing, required, |client| client).await;
    walk(DpopNonces::Off, SandboxBuilder::require_signed_request_object, |client| client).await;
    walk(DpopNonces::Off, |sandbox| sandbox, |client| client.signed_requests().signed_responses()).await;
}

#[tokio::test]
async fn both_profiles_walk_through_the_sandbox_that_demands_them() {
    // FAPI 2.0 §5.3.3.1.
    let changing = DpopNonces::Changing;
    walk(changing, SandboxBuilder::fapi2, |client| client.profile(Profile::Fapi2Security)).await;
    let signing = SandboxBuilder::fapi2_message_signing;
    walk(changing, signing, |client| client.profile(Profile::Fapi2MessageSigning)).await;
}

#[tokio::test]
async fn a_client_with_a_certificate_walks_through_the_sandbox() {
    // RFC 8705 §3.1.
    let (cert, pem) = with_pem();
    let certificate = ClientCertificate::from_pem(pem).unwrap();
    let config = ClientConfig::public("bank").certificate(cert).certificate_bound_access_tokens();
    let sandbox = Sandbox::builder().client(config).mtls().start().await.unwrap();
    let authority = sandbox.mtls_authority().unwrap().to_owned();
    let http = Http::builder().no_proxy().certificate_authority(authority).build().unwrap();
    let registration = Registration::new("bank").redirect_uri(REDIRECT_URI).certificate(certificate.clone());
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    client.identity(&tokens).await.unwrap();
    let tokens = client.refresh(&tokens).await.unwrap();
    let facts = client.introspect(&tokens).await.unwrap();
    assert_eq!(facts["cnf"]["x5t#S256"], json!(certificate.thumbprint()));
}

#[tokio::test]
async fn resources_and_details_reach_the_api() {
    // RFC 9396 §7.
    let sandbox = Sandbox::start().await.unwrap();
    let registration =
        Registration::new(sandbox.client_id()).secret(sandbox.client_secret()).redirect_uri(REDIRECT_URI);
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    let details =
        json!([{"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "1"}}]);
    let api = format!("{}/resource", sandbox.issuer());
    let login = client.login().resource(&api).authorization_details(&details).await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    assert_eq!(tokens.extra("authorization_details"), Some(&details));
    assert!(said_of(&sandbox, &client, &tokens).await["aud"].to_string().contains(&api));
}
