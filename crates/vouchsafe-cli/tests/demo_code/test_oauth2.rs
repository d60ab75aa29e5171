//! A login at a provider that runs inside the test.
//!
//! Dependencies: tokio (features macros, rt), vouchsafe, vouchsafe-sandbox.
use std::error::Error;

use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

#[tokio::test]
async fn alice_signs_in() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let provider = Provider::oauth2("service")
        .authorization_endpoint(format!("{}/authorize", sandbox.issuer()))
        .token_endpoint(format!("{}/token", sandbox.issuer()))
        .revocation_endpoint(format!("{}/revoke", sandbox.issuer()))
        .userinfo_endpoint(format!("{}/userinfo", sandbox.issuer()))
        .issuer(sandbox.issuer())
        .scopes(["profile", "email"]);
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
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
