//! The access token of a source in the requests of a reqwest client. If the API refuses the token, the request is sent once more.
//!
//! ```sh
//! cargo run -p vouchsafe --example bearer_reqwest
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]
use std::time::Duration;

use vouchsafe::vault::Bearer;
use vouchsafe::{Client, Http, Provider, Registration, TokenSource};
use vouchsafe_sandbox::Sandbox;

mod send;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let sandbox = Sandbox::start().await?;
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:8765/callback");
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new()?)?;
    let login = client.login().scopes(["openid", "offline_access"]).await?;
    let callback = sandbox.person("alice").allow(&login.url).await?;
    let tokens = client.finish(login.pending, &callback).await?;

    let source = TokenSource::new(&client, tokens).await?;
    let bearer = Bearer::new(source, [sandbox.issuer()])?;
    let api = reqwest::Client::new();
    for _ in 0..2 {
        let request = api.get(format!("{}/userinfo", sandbox.issuer())).build()?;
        println!("The API says {}.", send::send(&api, &bearer, request).await?.status());
        // From now on the API refuses the token, which seems to be valid here.
        sandbox.advance_clock(Duration::from_secs(24 * 60 * 60));
    }
    println!("{} requests to the API", sandbox.requests_to("/userinfo").len());
    sandbox.shutdown().await;
    Ok(())
}
