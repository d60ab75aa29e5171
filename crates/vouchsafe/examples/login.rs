//! A whole login in the terminal, at a provider that runs in this very process.
//!
//! ```sh
//! cargo run -p vouchsafe --example login
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In your program this is Google, your company's Keycloak, … and there is no sandbox.
    let sandbox = Sandbox::start().await?;

    // Once, when the program starts: the server, you at that server, and how to reach it.
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:8765/callback");
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new()?)?;

    // When somebody wants to sign in: send the browser to the URL, and keep the rest for its return.
    let login = client.login().await?;
    println!("The browser goes to {}", login.url);

    // Here a person of the sandbox clicks; in your program the browser comes back to your redirect URI.
    let callback = sandbox.person("alice").allow(&login.url).await?;
    println!("and comes back to   {callback}");

    // When it is back: everything is checked, and there are tokens.
    let tokens = client.finish(login.pending, &callback).await?;
    let identity = client.identity(&tokens).await?;
    println!("Signed in: {} <{}>", identity.subject(), identity.verified_email().unwrap_or("no e-mail"));

    // Later: fresh tokens without the person, and the end.
    let tokens = client.refresh(&tokens).await?;
    println!("Refreshed: valid until {:?}", tokens.expires_at());
    client.revoke(&tokens).await?;
    println!("Revoked.");
    Ok(())
}
