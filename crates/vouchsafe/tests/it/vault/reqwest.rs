//! The access token in the requests of a reqwest client: the function of the example, which the guide shows too.
use std::sync::{Arc, Mutex};

use reqwest::{Body, Client};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use vouchsafe::vault::Bearer;

use super::provider::{Expire, Rotating};
use super::source::source;

#[path = "../../../examples/bearer_reqwest/send.rs"]
mod send;

/// A server on loopback. It notes the path, the token and the body of each request.
struct Api {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// Responds with this status line and these headers to a path with a token.
    async fn new(
        respond: impl Fn(&str, Option<&str>) -> (&'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let (mut head, mut length, mut token) = (String::new(), 0, None);
                while stream.read_line(&mut head).await.unwrap() > 2 {
                    let line = head.lines().last().unwrap().to_ascii_lowercase();
                    length =
                        line.strip_prefix("content-length: ").map_or(length, |text| text.parse().unwrap());
                    token = line.strip_prefix("authorization: bearer ").map(str::to_owned).or(token);
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                let path = head.split(' ').nth(1).unwrap();
                let note =
                    [path, token.as_deref().unwrap_or("-"), std::str::from_utf8(&body).unwrap()].join(" ");
                noted.lock().unwrap().push(note.trim_end().to_owned());
                let (status, headers) = respond(path, token.as_deref());
                let response =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n{headers}\r\n");
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        Self { origin, seen }
    }

    /// Refuses this token, and accepts others.
    async fn refusing(old: &'static str) -> Self {
        Self::new(move |_, token| match token == Some(old) {
            true => ("401 Unauthorized", "www-authenticate: Bearer error=\"invalid_token\"\r\n".into()),
            false => ("200 OK", String::new()),
        })
        .await
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

async fn bearer(provider: &Rotating, origin: &str) -> Bearer {
    Bearer::new(source(provider, Expire::In(3600)).await, [origin]).unwrap()
}

#[tokio::test]
async fn a_refused_request_is_sent_once_more_after_one_refresh() {
    let (provider, api) = (Rotating::new(), Api::refusing("access-1").await);
    let bearer = bearer(&provider, &api.origin).await;
    let client = client();
    let requests =
        (0..2).map(|_| client.post(format!("{}/things", api.origin)).body("data").build().unwrap());
    for request in requests {
        assert_eq!(send::send(&client, &bearer, request).await.unwrap().status(), 200);
    }
    assert_eq!(api.seen(), ["/things access-1 data", "/things access-2 data", "/things access-2 data"]);
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_request_that_is_refused_again_is_not_sent_a_third_time() {
    let (provider, api) = (Rotating::new(), Api::new(|_, _| ("401 Unauthorized", String::new())).await);
    let bearer = bearer(&provider, &api.origin).await;
    let client = client();
    let request = client.get(&api.origin).build().unwrap();
    assert_eq!(send::send(&client, &bearer, request).await.unwrap().status(), 401);
    assert_eq!(api.seen(), ["/ access-1", "/ access-2"]);
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_stream_is_not_sent_twice_and_its_refused_token_is_dropped() {
    let (provider, api) = (Rotating::new(), Api::refusing("access-1").await);
    let bearer = bearer(&provider, &api.origin).await;
    let client = client();
    let stream = || Body::wrap(http_body_util::Full::new("data".as_bytes()));
    for status in [401, 200] {
        let request = client.post(&api.origin).body(stream()).build().unwrap();
        assert_eq!(send::send(&client, &bearer, request).await.unwrap().status(), status);
    }
    assert_eq!(api.seen(), ["/ access-1 data", "/ access-2 data"]);
}

#[tokio::test]
async fn no_token_goes_to_another_origin_nor_along_with_a_redirect() {
    let provider = Rotating::new();
    let foreign = Api::new(|_, _| ("401 Unauthorized", String::new())).await;
    let elsewhere = format!("location: {}/stolen\r\n", foreign.origin);
    let api = Api::new(move |path, _| match path {
        "/moved" => ("302 Found", "location: /here\r\n".to_owned()),
        "/away" => ("302 Found", elsewhere.clone()),
        _ => ("200 OK", String::new()),
    })
    .await;
    let bearer = bearer(&provider, &api.origin).await;
    let client = client();
    for (url, status) in [
        (format!("{}/moved", api.origin), 200),
        (format!("{}/away", api.origin), 401),
        (format!("{}/direct", foreign.origin), 401),
    ] {
        let request = client.get(url).build().unwrap();
        assert_eq!(send::send(&client, &bearer, request).await.unwrap().status(), status);
    }
    assert_eq!(api.seen(), ["/moved access-1", "/here access-1", "/away access-1"]);
    assert_eq!(foreign.seen(), ["/stolen -", "/direct -"]);
    assert_eq!(provider.requests(), 0, "the response of another origin says nothing about the token");
}

#[test]
fn the_guide_shows_the_function_of_the_example() {
    let of_function = |text: &str| {
        let (_, function) = text.split_once("-> Result<Response, BoxError> {\n").unwrap();
        function.split_once("\n}\n").unwrap().0.to_owned()
    };
    let guide = include_str!("../../../src/docs/keeping_tokens_fresh.md");
    let example = include_str!("../../../examples/bearer_reqwest/send.rs");
    assert_eq!(of_function(guide), of_function(example));
}
