//! An HTTP client of your own in place of the built-in one: the same login as in `login.rs`.
//!
//! This one speaks plain HTTP over a socket, which is enough for a sandbox. Yours is what the rest of your program
//! uses already.
//!
//! ```sh
//! cargo run -p vouchsafe --example own_http_client --no-default-features
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;

struct Plain;

impl HttpClient for Plain {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            println!("{} {}", request.method(), request.uri());
            // The limit on time holds from connecting to the last byte.
            tokio::time::timeout(limits.timeout, exchange(request, limits.body))
                .await
                .map_err(|_| TransportError::new(HttpErrorKind::Timeout))?
        })
    }

    /// What lets a request that only reads be tried again.
    fn wait(&self, time: Duration) -> Option<BoxFuture<'_, ()>> {
        Some(Box::pin(tokio::time::sleep(time)))
    }

    /// What lets metadata and keys arrive for everybody who waits, even if the first of them hangs up.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        drop(tokio::spawn(task));
        Ok(())
    }
}

async fn exchange(request: Request, limit: usize) -> Result<Response, TransportError> {
    let broken = |kind| move |error: std::io::Error| TransportError::new(kind).caused_by(error.into());
    let host = request.uri().authority().map_or("", |authority| authority.as_str());
    let mut stream = TcpStream::connect(host).await.map_err(broken(HttpErrorKind::Connect))?;

    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut head = format!("{} {path} HTTP/1.0\r\nhost: {host}\r\n", request.method());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
    stream.write_all(head.as_bytes()).await.map_err(broken(HttpErrorKind::Interrupted))?;
    stream.write_all(request.body()).await.map_err(broken(HttpErrorKind::Interrupted))?;

    // The limit on size holds while reading, so that no answer can fill the memory. The head gets some room.
    let mut answer = Vec::new();
    let mut bounded = stream.take(limit as u64 + 16 * 1024);
    bounded.read_to_end(&mut answer).await.map_err(broken(HttpErrorKind::Interrupted))?;
    read(&answer).ok_or_else(|| TransportError::new(HttpErrorKind::Interrupted))
}

fn read(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&answer[..end]).ok()?.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut response = http::Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        response = response.header(name, value);
    }
    response.body(answer[end + 4..].to_vec()).ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let registration = Registration::new(sandbox.client_id())
        .secret(sandbox.client_secret())
        .redirect_uri("http://127.0.0.1:8765/callback");
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &Http::from(Plain))?;

    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await?;
    let tokens = client.finish(login.pending, &callback).await?;
    let identity = client.identity(&tokens).await?;
    println!("Signed in: {} <{}>", identity.subject(), identity.verified_email().unwrap_or("no e-mail"));
    Ok(())
}
