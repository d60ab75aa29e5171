//! A site with sign-in on hyper alone, and a sandbox provider to sign in at. Run it, and open the URL that it prints:
//!
//! ```text
//! cargo run -p vouchsafe-web --example hyper
//! ```
use std::convert::Infallible;
use std::error::Error;
use std::net::IpAddr;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::timeout;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_sandbox::Sandbox;
use vouchsafe_web::{FORM_TIME, Failure, MAX_FORM, Require, Site, Visit};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the example prints where to find it")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let public_url = format!("http://{}", listener.local_addr()?);

    let me = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let client = Client::new(Provider::openid(sandbox.issuer()), me, &Http::new()?)?;
    let site = Site::builder(&public_url, KeyRing::generate()?).provider_named("sandbox", client).build()?;

    println!("Open {public_url}/");
    loop {
        let (stream, peer) = listener.accept().await?;
        let site = site.clone();
        let service = service_fn(move |request| respond(site.clone(), peer.ip(), request));
        let mut connection = http1::Builder::new();
        connection.timer(TokioTimer::new());
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

/// Each request goes through the site: it has routes of its own, and adds the cookies.
async fn respond(
    site: Site,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<String>, Infallible> {
    let (parts, body) = request.into_parts();
    let visit = site.enter(&parts, Some(peer));
    let form = async {
        let read = timeout(FORM_TIME, Limited::new(body, MAX_FORM).collect()).await;
        Some(read.ok()?.ok()?.to_bytes().into())
    };
    let mut response = match site.respond(&visit, &parts, form).await {
        Some(response) => response,
        None => application(&visit, &parts).await.unwrap_or_else(Failure::response),
    };
    visit.leave(response.headers_mut());
    Ok(response)
}

async fn application(visit: &Visit, parts: &Parts) -> Result<Response<String>, Failure> {
    match parts.uri.path() {
        "/" => Ok(page(match visit.user().await? {
            Some(_) => "<p><a href=\"/members\">For members</a></p><p><a href=\"/logout\">Sign out</a></p>",
            None => "<p><a href=\"/sign-in\">Sign in</a></p>",
        })),
        "/members" => {
            let user = Require::signed_in().check(visit, parts).await?;
            Ok(Response::new(format!("Hello {}", user.subject())))
        }
        _ => Err(visit.failed(Failure::not_found("not_found", "there is no such page"))),
    }
}

fn page(html: &str) -> Response<String> {
    let mut response = Response::new(html.to_owned());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
