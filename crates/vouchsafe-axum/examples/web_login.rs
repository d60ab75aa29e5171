//! A site with sign-in, at a sandbox of its own. Run it, and open what it prints:
//!
//! ```text
//! cargo run -p vouchsafe-axum --example web_login
//! ```
use axum::response::Html;
use axum::{Router, routing::get};
use tokio::net::TcpListener;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{CookieKey, LoggedIn, Logins, StartLogin};
use vouchsafe_sandbox::Sandbox;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is how an example speaks")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let site = format!("http://{}", listener.local_addr()?);

    let me = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri(format!("{site}/callback"));
    let client = Client::new(Provider::openid(sandbox.issuer()), me, &Http::new()?)?;

    let app = Router::new()
        .route("/", get(Html("<p><a href=\"/login\">Sign in</a></p>")))
        .route("/login", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(|user: LoggedIn| async move { format!("Hello {}", user.identity.subject()) }))
        .layer(Logins::new(client, CookieKey::generate()?).retry_at("/login"));

    println!("Open {site}/");
    axum::serve(listener, app).await?;
    Ok(())
}
