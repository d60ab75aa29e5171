//! A login at a provider that runs inside the test.
//!
//! Dependencies: tokio (features macros, rt), vouchsafe, vouchsafe-sandbox.
use std::error::Error;

use vouchsafe::{Client, Credential, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

#[tokio::test]
async fn alice_signs_in() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let acted = sandbox.provider("apple").ok_or("it is not in the catalogue")?;
    let mut provider = Provider::from(acted.definition());
    for (name, value) in acted.params() {
        provider = provider.param(name, value);
    }
    let registration = Registration::new(acted.client_id());
    let key = acted.client_key().ok_or("its clients have no key")?;
    let key = Credential::apple_key(key.team_id(), key.key_id(), key.pem());
    let registration = registration.credential(key);
    let registration = registration.redirect_uri("http://127.0.0.1:3000/callback");
    let client = Client::new(provider, registration, &Http::new()?)?;

    walk(&client, &sandbox).await?;
    Ok(())
}

/// What the application does, while Alice clicks.
async fn walk(client: &Client, sandbox: &Sandbox) -> Result<(), vouchsafe::Error> {
    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await.expect("the browser comes back");
    let tokens = client.finish(login.pending, &callback).await?;
    let identity = client.identity(&tokens).await?;
    assert!(!identity.subject().is_empty());
    Ok(())
}
