//! A background service that needs a valid token at any moment, at a provider whose tokens live a second.
//!
//! ```sh
//! cargo run -p vouchsafe --example fresh_tokens
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
use std::time::Duration;

use vouchsafe::{Client, Http, Provider, Registration, TokenSource, Tokens};
use vouchsafe_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().access_token_lifetime(Duration::from_secs(1)).start().await?;
    let (client, tokens) = signed_in(&sandbox).await?;

    // These lines are all that the service needs.
    let source = TokenSource::new(&client, tokens).await?;
    for _ in 0..6 {
        let token = source.token().await?;
        println!("use the token that ends with …{}", &token.expose()[token.expose().len() - 4..]);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    println!("{} refreshes", sandbox.requests_to("/token").len() - 1);
    sandbox.shutdown().await;
    Ok(())
}

/// Somebody signs in once, and the service may act for them from then on.
async fn signed_in(sandbox: &Sandbox) -> Result<(Client, Tokens), Box<dyn std::error::Error>> {
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:8765/callback");
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new()?)?;
    let login = client.login().scopes(["openid", "offline_access"]).await?;
    let callback = sandbox.person("alice").allow(&login.url).await?;
    let tokens = client.finish(login.pending, &callback).await?;
    Ok((client, tokens))
}
