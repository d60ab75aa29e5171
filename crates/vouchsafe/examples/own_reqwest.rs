//! Your own reqwest client in place of the built-in transport: the same login as in `login.rs`.
//!
//! ```sh
//! cargo run -p vouchsafe --example own_reqwest
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, Tokio, TransportError};
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

struct Reqwest(reqwest::Client);

impl HttpClient for Reqwest {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            println!("{} {}", request.method(), request.uri());
            let mut request = reqwest::Request::try_from(request).map_err(fault)?;
            // The limit on time holds from connecting to the last byte.
            *request.timeout_mut() = Some(limits.timeout);
            let mut incoming = self.0.execute(request).await.map_err(fault)?;
            let mut response = Response::default();
            *response.status_mut() = incoming.status();
            *response.headers_mut() = std::mem::take(incoming.headers_mut());
            // The limit on size holds while reading, so that no response can fill the memory.
            while let Some(chunk) = incoming.chunk().await.map_err(fault)? {
                if response.body().len() + chunk.len() > limits.body {
                    return Err(TransportError::new(HttpErrorKind::BodyTooLarge));
                }
                response.body_mut().extend_from_slice(&chunk);
            }
            Ok(response)
        })
    }
}

fn fault(error: reqwest::Error) -> TransportError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_connect() => HttpErrorKind::Connect,
        () => HttpErrorKind::Interrupted,
    };
    // The URL is left out: its query may hold a secret.
    TransportError::new(kind).caused_by(error.without_url().into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A redirect could carry a code or a secret elsewhere, and a code is sent once.
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = Http::from(Reqwest(builder.retry(reqwest::retry::never()).build()?)).runtime(Tokio);

    let sandbox = Sandbox::start().await?;
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:8765/callback");
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http)?;
    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await?;
    let tokens = client.finish(login.pending, &callback).await?;
    let identity = client.identity(&tokens).await?;
    println!("Signed in: {} <{}>", identity.subject(), identity.verified_email().unwrap_or("no e-mail"));
    Ok(())
}
