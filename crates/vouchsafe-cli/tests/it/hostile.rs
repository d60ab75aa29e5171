//! Hostile browsers and providers against the command.
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::support::{Cli, Running, connect, http, param, redirect_uri, sandbox, visit};

async fn waiting(sandbox: &vouchsafe_sandbox::Sandbox) -> (Running, String) {
    let mut login = Cli::login(sandbox, &["--client-id", sandbox.public_client_id()]).start();
    let url = login.authorization_url().await;
    (login, url)
}

/// Whether a GET, or a POST with a form, is complete.
fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or_default()
}

fn get(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", &url[url::Position::BeforePath..])
}

#[tokio::test]
async fn too_many_idle_connections_do_not_keep_a_browser_out() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let mut idle = Vec::new();
    for at in 0..200 {
        let mut stream = connect(&redirect_uri(&url)).await;
        if at % 2 == 0 {
            let _ = stream
                .write_all(b"POST /callback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n")
                .await;
        }
        idle.push(stream);
    }
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let began = std::time::Instant::now();
    assert_eq!(visit(&callback).await.status, 200);
    assert!(began.elapsed().as_secs() < 4, "it waited for others to time out");
    assert_eq!(login.end().await.code, Some(0));
    drop(idle);
}

#[tokio::test]
async fn a_browser_that_disconnects_before_it_has_its_page_still_ends_the_login() {
    let sandbox = sandbox().await;
    for _ in 0..5 {
        let (login, url) = waiting(&sandbox).await;
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        let mut stream = connect(&redirect_uri(&url)).await;
        stream.write_all(get(&callback).as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(login.end().await.code, Some(0));
    }
}

#[tokio::test]
async fn a_long_code_with_the_right_state_ends_the_login() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let state = param(&url, "state").unwrap();
    let iss = url::form_urlencoded::byte_serialize(sandbox.issuer().as_bytes()).collect::<String>();
    let code = "c".repeat(50_000);
    visit(&format!("{}?code={code}&state={state}&iss={iss}", redirect_uri(&url))).await;
    let done = login.end().await;
    assert_eq!(done.code, Some(3), "{:.2000}", format!("{done:?}"));
    done.assert_silent_about(&code[..100]);
}

#[tokio::test]
async fn userinfo_that_quotes_the_token_request_reveals_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
            let request = String::from_utf8(request).unwrap();
            let answer = if request.starts_with("POST") {
                *heard.lock().unwrap() = request.rsplit("\r\n").next().unwrap().to_owned();
                http("200 OK", "application/json", r#"{"access_token":"at-of-a-test","token_type":"Bearer"}"#)
            } else {
                let said = heard.lock().unwrap().replace('&', " ");
                let body = format!(r#"{{"error":"{said}","error_description":"you sent {said}"}}"#);
                http("401 Unauthorized", "application/json", &body)
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let urls =
        ["authorize", "token", "userinfo"].map(|name| [format!("--{name}-url"), format!("{origin}/{name}")]);
    let mut args =
        vec!["login", "--json", "--no-browser", "--client-id", "me", "--client-auth", "client_secret_post"];
    args.extend(urls.iter().flatten().map(String::as_str));
    let mut login = Cli::new(&args).env("VOUCHSAFE_CLIENT_SECRET", "hush-hush-hush").start();
    let url = login.authorization_url().await;
    let state = param(&url, "state").unwrap();
    let page = visit(&format!("{}?code=code-of-a-test&state={state}", redirect_uri(&url))).await;
    let done = login.end().await;
    assert_eq!(done.last()["kind"], "provider", "{done:?}");
    let form = asked.lock().unwrap().clone();
    let verifier = url::form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "code_verifier");
    let verifier = verifier.expect("it was sent").1.into_owned();
    for secret in ["hush-hush-hush", "code-of-a-test", &verifier] {
        assert!(form.contains(secret), "it was never sent: {form}");
        done.assert_silent_about(secret);
        assert!(!page.text.contains(secret), "{page:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_stops_sending_times_out() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let words = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
            let _ = stream.read(&mut [0; 4096]);
            while stream.write_all(&words).is_ok() {}
        }
    });
    let began = std::time::Instant::now();
    let done = Cli::new(&["discover", &url, "--json", "--timeout", "0.5"]).run().await;
    done.assert_failed(5, "network", "timeout");
    assert!(began.elapsed().as_secs() < 4, "it took {:?}", began.elapsed());
}
