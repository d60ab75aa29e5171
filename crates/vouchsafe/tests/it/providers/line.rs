//! LINE: ID tokens of a login on the web have an HMAC with the channel secret.
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

use crate::wire::{Wire, json};

#[tokio::test]
async fn a_login_at_line_verifies_the_id_token_with_the_channel_secret() {
    let sandbox = Sandbox::start().await.unwrap();
    let line = sandbox.provider("line").unwrap();
    let registration = Registration::new(line.client_id())
        .secret(line.client_secret())
        .redirect_uri("http://127.0.0.1:9/callback");
    let provider = Provider::from_definition(line.definition_toml()).unwrap();
    let client = Client::new(provider, registration, &Http::new().unwrap()).unwrap();
    let login = client.login().await.unwrap();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    let raw = tokens.id_token().unwrap().expose();
    let header =
        base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, raw.split('.').next().unwrap());
    assert!(String::from_utf8(header.unwrap()).unwrap().contains("\"HS256\""));
    assert_eq!(client.identity(&tokens).await.unwrap().subject(), tokens.id_token().unwrap().subject());
    assert!(sandbox.requests().iter().all(|request| !request.path.ends_with("/keys")));
}

#[test]
fn line_needs_the_channel_secret_or_another_algorithm() {
    let http = Wire::always(json(500, serde_json::json!({}))).http();
    let with = |registration: Registration| {
        Client::new(Provider::named("line").unwrap(), registration, &http).err().map(|e| e.code().to_owned())
    };
    let secret = "0123456789abcdef0123456789abcdef";
    assert_eq!(with(Registration::new("1234567890").secret(secret)), None);
    assert_eq!(
        with(Registration::new("1234567890").secret(&secret[1..])).as_deref(),
        Some("id_token_algorithms")
    );
    // Apps with LINE's own SDK get ES256.
    let app = Registration::new("1234567890").secret("short").id_token_algorithms(["ES256"]);
    assert_eq!(with(app), None);
}
