//! The listener on the redirect URI.
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Cli, Running, connect, redirect_uri, sandbox, send, visit};

/// A login that waits for the browser, and its authorization URL.
async fn waiting(sandbox: &vouchsafe_sandbox::Sandbox) -> (Running, String) {
    let mut login = Cli::login(sandbox, &["--client-id", sandbox.public_client_id()]).start();
    let url = login.authorization_url().await;
    (login, url)
}

#[tokio::test]
async fn a_response_to_another_login_gets_a_page_and_the_login_keeps_waiting() {
    // RFC 8252 §8.9.
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let redirect_uri = redirect_uri(&url);
    for query in
        ["", "?code=x", "?code=x&state=forged", "?error=access_denied&state=", "?error=access_denied"]
    {
        let page = visit(&format!("{redirect_uri}{query}")).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text.contains("This is not the login you started"), "{page:?}");
    }
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(visit(&callback).await.status, 200);
    assert_eq!(login.end().await.code, Some(0));
}

#[tokio::test]
async fn idle_and_broken_connections_do_not_disturb_a_login() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let redirect_uri = redirect_uri(&url);
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..20 {
        idle.push(connect(&redirect_uri).await);
    }
    idle[0].write_all(b"GET /callb").await.unwrap();
    let broken = send(&redirect_uri, "this is no HTTP\r\n\r\n").await;
    assert_eq!(broken.status, 400);
    let huge = format!("GET /callback?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(20_000));
    let mut stream = connect(&redirect_uri).await;
    // The connection may be closed before all of it is sent.
    let _ = stream.write_all(huge.as_bytes()).await;

    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(visit(&callback).await.status, 200);
    assert_eq!(login.end().await.code, Some(0));
    drop(idle);
}

#[tokio::test]
async fn a_form_post_response_is_accepted() {
    // Form Post §2.
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let (uri, form) = callback.split_once('?').unwrap();
    let uri = url::Url::parse(uri).unwrap();
    let post = |kind: &str| {
        format!(
            "POST /callback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
    };
    assert_eq!(send(&uri, &post("text/plain")).await.status, 400);
    let page = send(&uri, &post("application/x-www-form-urlencoded")).await;
    assert!(page.status == 200 && page.text.contains("You are signed in"), "{page:?}");
    assert_eq!(login.end().await.code, Some(0));
}

#[tokio::test]
async fn requests_ahead_of_the_person_do_not_spend_a_login() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let uri = url::Url::parse(&callback).unwrap();
    let target = &uri[url::Position::BeforePath..];
    let head = send(&uri, &format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    assert_eq!(head.status, 405);
    for header in [
        "Sec-Purpose: prefetch;prerender",
        "X-Sec-Purpose: prefetch",
        "Purpose: prefetch",
        "X-Purpose: preview",
        "X-Moz: Prefetch",
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n");
        let page = send(&uri, &request).await;
        assert!(page.status == 403 && page.text.contains("Nobody has opened this page yet"), "{page:?}");
    }
    assert!(sandbox.requests().iter().all(|request| !request.path.ends_with("/token")));
    let page = visit(&callback).await;
    assert!(page.status == 200 && page.text.contains("You are signed in"), "{page:?}");
    assert_eq!(login.end().await.code, Some(0));
}

#[tokio::test]
async fn only_the_redirect_uri_of_this_machine_is_served() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let redirect_uri = redirect_uri(&url);
    for (request, status) in [
        ("GET /favicon.ico HTTP/1.1\r\nHost: 127.0.0.1", 404),
        ("GET / HTTP/1.1\r\nHost: localhost", 404),
        ("GET /callback/ HTTP/1.1\r\nHost: localhost", 404),
        ("PUT /callback HTTP/1.1\r\nHost: localhost", 405),
        ("GET /callback HTTP/1.1\r\nHost: evil.example", 403),
        ("GET /callback HTTP/1.1\r\nHost: 127.0.0.1.evil.example", 403),
        ("GET http://evil.example/callback HTTP/1.1\r\nHost: localhost", 403),
        ("GET /callback HTTP/1.1", 403),
    ] {
        let page = send(&redirect_uri, &format!("{request}\r\n\r\n")).await;
        assert_eq!(page.status, status, "{request}: {page:?}");
        let headers = page.text.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; style-src 'unsafe-inline'",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
        ] {
            assert!(headers.contains(header), "{header}: {page:?}");
        }
    }
    drop(login);
}

#[tokio::test]
async fn the_page_shows_the_outcome_of_the_token_request() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    // The code has expired when the browser returns.
    sandbox.advance_clock(std::time::Duration::from_secs(3600));
    let page = visit(&callback).await;
    assert!(page.status == 400 && page.text.contains("The sign-in failed"), "{page:?}");
    let message = login.end().await.assert_failed(3, "provider", "invalid_grant");
    assert!(message.contains("run the command again"), "{message}");
}

#[tokio::test]
async fn a_reload_while_the_tokens_are_fetched_gets_a_page_too() {
    let sandbox = sandbox().await;
    let (login, url) = waiting(&sandbox).await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let uri = url::Url::parse(&callback).unwrap();
    // Both connections are open before either of them gets its response.
    let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", &uri[url::Position::BeforePath..]);
    let (first, second) = tokio::join!(send(&uri, &request), send(&uri, &request));
    for page in [first, second] {
        assert!(page.text.contains("You are signed in"), "{page:?}");
    }
    assert_eq!(login.end().await.code, Some(0));
}
