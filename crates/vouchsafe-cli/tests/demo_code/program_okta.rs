//! A web application with one way to sign in.
//!
//! Dependencies: axum, tokio (features macros, net, rt-multi-thread), vouchsafe, vouchsafe-axum.
use std::env;

use axum::{Router, routing::get};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, Logins, StartLogin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Register this redirect URI at the provider.
    let redirect_uri = "http://localhost:3000/callback";
    let provider = Provider::named("okta")?;
    let provider = provider.param("domain", env::var("DOMAIN")?);
    let provider = provider.param("server", env::var("SERVER")?);
    let registration = Registration::new(env::var("CLIENT_ID")?).redirect_uri(redirect_uri);
    let registration = registration.secret(env::var("CLIENT_SECRET")?);
    let client = Client::new(provider, registration, &Http::new()?)?;

    let app = Router::new()
        .route("/", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(hello).post(hello))
        .layer(Logins::new(client, KeyRing::generate()?));
    println!("Open http://localhost:3000/");
    axum::serve(tokio::net::TcpListener::bind("localhost:3000").await?, app).await?;
    Ok(())
}

async fn hello(login: LoggedIn) -> String {
    format!("Hello {}", login.identity.name().unwrap_or(login.identity.subject()))
}
