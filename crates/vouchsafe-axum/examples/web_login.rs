//! A site with sign-in, and a sandbox provider to sign in at. Run it, and open the URL that it prints:
//!
//! ```text
//! cargo run -p vouchsafe-axum --example web_login
//! ```
use axum::response::Html;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, Logins};
use vouchsafe_sandbox::Sandbox;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the example prints where to find it")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let site = format!("http://{}", listener.local_addr()?);

    let me = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri(format!("{site}/callback"));
    let client = Client::new(Provider::openid(sandbox.issuer()), me, &Http::new()?)?;

    let logins = Logins::new(client, KeyRing::generate()?).retry_at("/login");
    let callback = |user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) };
    let app = Router::new()
        .route("/", get(Html("<p><a href=\"/login\">Sign in</a></p>")))
        .merge(logins.routes("/login", "/callback", callback));

    println!("Open {site}/");
    axum::serve(listener, app).await?;
    Ok(())
}
