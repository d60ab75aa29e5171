//! State, nonce and code verifier kept by yourself: the same login as in `login.rs`, step by step.
//!
//! ```sh
//! cargo run -p vouchsafe --example manual
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;

use vouchsafe::manual::{CodeChallenge, TokenTypeHint};
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

const REDIRECT_URI: &str = "http://127.0.0.1:8765/callback";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new()?)?;

    // Yours to make, anew for each login, and to bind to this browser's session.
    let (state, nonce, verifier) = (random()?, random()?, random()?);
    let url = client
        .manual()
        .authorization_url(REDIRECT_URI)
        .scopes(["openid", "email"])
        .state(&state)
        .nonce(&nonce)
        .code_challenge(CodeChallenge::s256(&verifier)?)
        .await?;

    let callback = sandbox.person("alice").allow(&url).await?;
    let query: HashMap<_, _> = url::Url::parse(&callback)?.query_pairs().into_owned().collect();

    // Yours to check, in this order: that it comes from the provider you asked, and that it belongs to this login.
    if query.get("iss").map(String::as_str) != Some(sandbox.issuer()) {
        return Err("the response comes from somebody else".into());
    }
    if query.get("state") != Some(&state) {
        return Err("the response belongs to another login".into());
    }
    let code = query.get("code").ok_or("the provider, or the person, said no")?;

    let tokens =
        client.manual().authorization_code(code, REDIRECT_URI).code_verifier(verifier).nonce(nonce).await?;
    let profile = client.profile(&tokens).await?;
    println!("Signed in: {}", profile["email"].as_str().unwrap_or("no e-mail"));

    let refresh_token = tokens.refresh_token().ok_or("the provider gave no refresh token")?;
    let fresh = client.manual().refresh(refresh_token.expose()).await?;
    client.manual().revoke(fresh.access_token().expose(), Some(TokenTypeHint::AccessToken)).await?;
    println!("Refreshed, and revoked.");
    Ok(())
}

/// 256 random bits as text: enough for a state and a nonce, and in the form that a code verifier must have.
fn random() -> Result<String, Box<dyn std::error::Error>> {
    let mut bits = [0; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| "there is no randomness")?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}
