//! A login at a provider that runs inside the test.
//!
//! Dependencies: tokio (features macros, rt), vouchsafe, vouchsafe-sandbox.
use std::error::Error;

use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::{Fault, Sandbox};

#[tokio::test]
async fn alice_signs_in() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let provider = Provider::openid(sandbox.issuer());
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let registration = registration.redirect_uri("http://127.0.0.1:3000/callback");
    let client = Client::new(provider, registration, &Http::new()?)?;

    sandbox.fault(Fault::named("refreshed-nonce").ok_or("there is no such fault")?);
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
    client.refresh(&tokens).await?;
    Ok(())
}
