//! What a browser may take: time and room.
use std::time::Duration;

use axum::http::header::SET_COOKIE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, ClientBuilder, Http, Provider, Registration};
use vouchsafe_axum::Logins;

use crate::scenario::{Browser, Log, REDIRECT_URI, site};

fn client() -> ClientBuilder {
    let provider = Provider::oauth2("acme")
        .authorization_endpoint("https://acme.example/authorize")
        .token_endpoint("https://acme.example/token");
    let registration = Registration::new("id").redirect_uri(REDIRECT_URI);
    Client::builder(provider, registration)
}

fn logins(client: ClientBuilder) -> Logins {
    Logins::new(client.build(&Http::new().unwrap()).unwrap(), KeyRing::generate().unwrap())
}

// The clock runs as fast as there is nothing to do.
#[tokio::test(start_paused = true)]
async fn a_form_that_never_ends_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (site, log) = (site(logins(client())), Log::start());
    let mut here = Browser::at(site.clone());
    here.start().await;
    tokio::spawn(async move { axum::serve(listener, site).await });
    let head = format!(
        "POST /callback HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         connection: close\r\ncookie: {}\r\ncontent-length: 1000\r\n\r\ncode=x&",
        here.cookie()
    );
    browser.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let line = log.take();
    assert!(line.contains("did not arrive completely"), "{line}");
}

#[tokio::test]
async fn the_browser_keeps_a_login_as_long_as_is_said() {
    for (client, seconds) in [(client(), 600), (client().login_limit(Duration::from_secs(3600)), 3600)] {
        let mut browser = Browser { site: site(logins(client)), cookies: Default::default() };
        let page = browser.get("/login").await;
        let cookie = page.headers[SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains(&format!("; Max-Age={seconds}; ")), "{cookie}");
    }
}
