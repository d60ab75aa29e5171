//! A web application with two ways to sign in, a page for members, and two sandbox providers. Run it, and open the URL it prints:
//!
//! ```text
//! cargo run -p vouchsafe-axum --example webapp
//! ```
use std::error::Error;
use std::net::SocketAddr;

use axum::response::Html;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{Site, User};
use vouchsafe_sandbox::Sandbox;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the example prints where to find it")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    let (first, second) = (Sandbox::start().await?, Sandbox::start().await?);

    let site = Site::builder(&public_url, KeyRing::generate()?)
        .provider_named("first", client(&first)?)
        .provider_named("second", client(&second)?)
        .build()?;
    let app = Router::new().route("/", get(home)).route("/members", get(members)).layer(Site(site));

    println!("Open {public_url}/");
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn client(sandbox: &Sandbox) -> Result<Client, Box<dyn Error>> {
    let me = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    Ok(Client::new(Provider::openid(sandbox.issuer()), me, &Http::new()?)?)
}

async fn home(user: Option<User>) -> Html<&'static str> {
    Html(match user {
        Some(_) => "<p><a href=\"/members\">For members</a></p><p><a href=\"/logout\">Sign out</a></p>",
        None => "<p><a href=\"/sign-in\">Sign in</a></p>",
    })
}

async fn members(user: User) -> String {
    format!("Hello {}, you signed in at {}.", user.name().unwrap_or("you"), user.provider())
}
