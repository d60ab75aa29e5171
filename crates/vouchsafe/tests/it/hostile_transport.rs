//! Servers that do not keep the connections that they promise to keep.
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vouchsafe::{Client, Http, Provider};

use crate::scenario::{REDIRECT_URI, acme, web};

/// A server that answers the first request of a connection and hangs up on the second. What it was asked.
async fn fickle(answers: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let (seen, own) = (requests.clone(), issuer.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            for _ in 0..=usize::from(answers) {
                let length = stream.read(&mut request).await.unwrap_or_default();
                let line = String::from_utf8_lossy(&request[..length]);
                let Some(line) = line.lines().next().map(str::to_owned) else { break };
                let hang_up = seen.lock().unwrap().len() % 2 == 1 || !answers;
                seen.lock().unwrap().push(line.clone());
                if hang_up {
                    break;
                }
                let body = json!({"issuer": own, "authorization_endpoint": own, "token_endpoint": own,
                    "jwks_uri": format!("{own}/jwks"), "keys": []});
                let body = body.to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive";
                let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    (issuer, requests)
}

#[tokio::test]
async fn what_only_reads_goes_out_again_where_a_kept_connection_was_not_kept() {
    let (issuer, requests) = fickle(true).await;
    let client = Client::new(Provider::openid(issuer), web(), &Http::new().unwrap()).unwrap();
    let error = client.manual().verify_jwt("a.b.c", None).await.unwrap_err();
    // The keys were had: what fails is the JWT.
    assert_eq!(error.code(), "jwt", "{error}");
    let asked: Vec<_> = requests.lock().unwrap().clone();
    let path = |line: &String| line.split(' ').nth(1).unwrap().to_owned();
    let paths: Vec<_> = asked.iter().map(path).collect();
    assert_eq!(paths, ["/.well-known/openid-configuration", "/jwks", "/jwks"]);
}

#[tokio::test]
async fn a_code_is_never_sent_twice() {
    // RFC 6749 §4.1.2.
    let (url, requests) = fickle(false).await;
    let client = Client::new(acme().token_endpoint(url), web(), &Http::new().unwrap()).unwrap();
    let error = client.manual().authorization_code("code", REDIRECT_URI).await.unwrap_err();
    assert_eq!(error.code(), "interrupted_answer");
    assert_eq!(requests.lock().unwrap().len(), 1);
}
