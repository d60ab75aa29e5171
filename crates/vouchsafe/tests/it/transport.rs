//! The built-in transport, against servers that misbehave.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use vouchsafe::{Client, Error, Http, Provider};

use crate::scenario::{Held, REDIRECT_URI, acme, web};

/// A server on loopback that says the same to everybody, word by word.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Says that, and closes the connection.
    async fn saying(words: impl Into<Vec<u8>>) -> Self {
        Self::start(words.into(), false, None).await
    }

    /// Says that, and then nothing more, without end.
    async fn stalling_after(words: &str) -> Self {
        Self::start(words.into(), true, None).await
    }

    async fn start(words: Vec<u8>, stalls: bool, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (words, seen, tls) = (words.clone(), seen.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &words, stalls, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &words, stalls, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Exchanges a code at this server.
    async fn exchange(&self, http: &Http) -> Result<String, Error> {
        exchange(&format!("http://127.0.0.1:{}", self.port), http).await
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    words: &[u8],
    stalls: bool,
    seen: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => request.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    let _ = stream.write_all(words).await;
    let _ = stream.flush().await;
    if stalls {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

/// Whether headers and body are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

async fn exchange(base: &str, http: &Http) -> Result<String, Error> {
    let provider = Provider::oauth2("acme")
        .authorization_endpoint(format!("{base}/authorize"))
        .token_endpoint(format!("{base}/token?tenant=1"));
    let client = Client::new(provider, web(), http)?;
    let tokens = client.manual().authorization_code("c", REDIRECT_URI).await?;
    Ok(tokens.access_token().expose().to_owned())
}

fn response(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

const TOKEN: &str = r#"{"access_token":"at","token_type":"Bearer"}"#;

fn short() -> Http {
    Http::builder().timeout(Duration::from_millis(100)).build().unwrap()
}

fn code(outcome: Result<String, Error>) -> String {
    outcome.unwrap_err().code().to_owned()
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_built() {
    let server = Server::saying(response(TOKEN)).await;
    assert_eq!(server.exchange(&Http::new().unwrap()).await.unwrap(), "at");
    let [request] = &server.requests()[..] else { panic!("one request") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /token?tenant=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        body,
        "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback"
    );
    let agent = concat!("user-agent: vouchsafe/", env!("CARGO_PKG_VERSION"));
    assert!(head.to_lowercase().contains(agent), "{head}");
    assert!(
        head.to_lowercase().contains("accept-encoding: identity\r\n"),
        "a compressed response has no bounded size: {head}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    // RFC 6750 §5.3.
    let elsewhere = Server::saying(response(TOKEN)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/", elsewhere.port);
        let words = format!(
            "HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let server = Server::saying(words).await;
        assert_eq!(code(server.exchange(&Http::new().unwrap()).await), "redirect_refused", "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read_to_its_end() {
    // It never ends, so only a limit can end the reading of it.
    let chunk = format!("{:x}\r\n{}\r\n", 2000, "a".repeat(2000));
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"
    );
    let server = Server::stalling_after(&endless).await;
    let http = Http::builder().build().unwrap().max_body(1000);
    assert_eq!(code(server.exchange(&http).await), "body_too_large");

    let announced =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n".to_owned();
    let server = Server::stalling_after(&(announced + &"a".repeat(1001))).await;
    assert_eq!(code(server.exchange(&Http::new().unwrap().max_body(1000)).await), "body_too_large");
}

#[tokio::test]
async fn headers_beyond_the_limit_are_not_read_to_their_end() {
    // More of them than there may be, and one longer than it may be. Then the server says no more.
    for headers in ["a: b\r\n".repeat(101), format!("a: {}", "b".repeat(420_000))] {
        let server = Server::stalling_after(&format!("HTTP/1.1 200 OK\r\n{headers}")).await;
        assert_eq!(code(server.exchange(&Http::new().unwrap()).await), "interrupted_answer");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let server = Server::stalling_after("").await;
    let error = server.exchange(&short()).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
    assert!(error.to_string().starts_with(&format!(
        "the token request failed: timed out before http://127.0.0.1:{} had sent the complete response",
        server.port
    )));
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let server = Server::stalling_after(head).await;
    assert_eq!(code(server.exchange(&short()).await), "timeout");
    let http = Http::new().unwrap().timeout(Duration::from_millis(100));
    assert_eq!(code(server.exchange(&http).await), "timeout", "a handle can have a limit of its own");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for words in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"access_token\":\"at\"",
        "HTTP/1.1 200 OK\r\ncontent-type",
        "",
        "220 smtp.example ESMTP\r\n",
    ] {
        let error = Server::saying(words).await.exchange(&Http::new().unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "interrupted_answer", "{words}");
        assert!(!error.to_string().contains("tenant=1"), "{error}");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_so() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = exchange(&format!("http://127.0.0.1:{port}"), &Http::new().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert!(error.to_string().contains("refused"), "the cause is told: {error}");
}

/// A certificate authority, and a server certificate of it for that name.
fn certified(name: &str) -> (String, TlsAcceptor) {
    certified_with(name, |_| ())
}

/// The same, with other values in the server's certificate.
fn certified_with(name: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) -> (String, TlsAcceptor) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    change(&mut params);
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (root.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn trusting(authority: &str) -> Http {
    Http::builder().certificate_authority(authority).build().unwrap()
}

#[tokio::test]
async fn a_certificate_authority_of_ones_own_is_trusted() {
    let (authority, tls) = certified("localhost");
    let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
    let base = format!("https://localhost:{}", server.port);
    assert_eq!(exchange(&base, &trusting(&authority)).await.unwrap(), "at");
    let (other, _) = certified("localhost");
    let both = format!("{other}{authority}");
    assert_eq!(exchange(&base, &trusting(&both)).await.unwrap(), "at", "a file may hold several");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    // RFC 6750 §5.3; Discovery §7.2.
    let ((_, tls), (other, _)) = (certified("localhost"), certified("localhost"));
    let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
    let base = format!("https://localhost:{}", server.port);
    for http in [Http::new().unwrap(), trusting(&other)] {
        let error = exchange(&base, &http).await.unwrap_err();
        assert_eq!(error.code(), "tls", "{error}");
        assert!(error.to_string().contains("HttpBuilder::certificate_authority"), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("the token request failed: could not make a trusted TLS connection"),
            "{error}"
        );
    }
    assert!(server.requests().is_empty(), "nothing was said to a stranger");
}

#[tokio::test]
async fn a_certificate_of_another_time_points_to_the_clock_first() {
    let year = |year| rcgen::date_time_ymd(year, 1, 1);
    for (from, until) in [(2100, 2101), (2000, 2001)] {
        let (authority, tls) = certified_with("localhost", |params| {
            (params.not_before, params.not_after) = (year(from), year(until));
        });
        let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
        let error =
            exchange(&format!("https://localhost:{}", server.port), &trusting(&authority)).await.unwrap_err();
        assert_eq!(error.code(), "tls");
        assert!(
            error.to_string().contains("; check the clock of this machine first; if it is right, the server"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    // RFC 6749 §10.9; RFC 8414 §6.1.
    let (authority, tls) = certified("other.example");
    let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
    let base = format!("https://localhost:{}", server.port);
    assert_eq!(code(exchange(&base, &trusting(&authority)).await), "tls");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_so() {
    // It answers the client's greeting at once, as a plain server does with what it cannot read.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    });
    let error = exchange(&format!("https://localhost:{port}"), &Http::new().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(error.to_string().ends_with("if it is on this machine, write http:// in its URL"), "{error}");
}

/// A server that says that to a TLS client's greeting. What it hears: the greeting, and what comes after it.
async fn greeted(answer: Vec<u8>) -> (u16, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let seen = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 5];
            stream.read_exact(&mut head).await.unwrap();
            let mut greeting = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            stream.read_exact(&mut greeting).await.unwrap();
            seen.lock().unwrap().push(greeting);
            let _ = stream.write_all(&answer).await;
            let mut after = Vec::new();
            let _ = stream.read_to_end(&mut after).await;
            seen.lock().unwrap().push(after);
        }
    });
    (port, heard)
}

/// An extension of a greeting (RFC 8446 section 4.1.2).
fn extension(greeting: &[u8], wanted: u16) -> Option<Vec<u8>> {
    fn take<'g>(rest: &mut &'g [u8], length: usize) -> &'g [u8] {
        let (taken, after) = rest.split_at(length);
        *rest = after;
        taken
    }
    let long = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let mut rest = &greeting[4 + 2 + 32..];
    let session = usize::from(take(&mut rest, 1)[0]);
    take(&mut rest, session);
    let ciphers = long(take(&mut rest, 2));
    take(&mut rest, ciphers);
    let compressions = usize::from(take(&mut rest, 1)[0]);
    take(&mut rest, compressions);
    take(&mut rest, 2);
    while !rest.is_empty() {
        let (kind, length) = (long(take(&mut rest, 2)), long(take(&mut rest, 2)));
        let body = take(&mut rest, length);
        if kind == usize::from(wanted) {
            return Some(body.to_vec());
        }
    }
    None
}

const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

#[tokio::test]
async fn what_is_offered_is_tls_1_2_or_newer_and_http_1_1() {
    // FAPI 2.0 §5.2.1.
    let (port, heard) = greeted(HANDSHAKE_FAILURE.to_vec()).await;
    let error = exchange(&format!("https://localhost:{port}"), &Http::new().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "tls", "{error}");
    let greeting = heard.lock().unwrap()[0].clone();
    // RFC 8446 §4.2.1: a list of versions; without it, everything up to the greeting's own would be offered.
    assert_eq!(extension(&greeting, 43).unwrap(), [4, 3, 4, 3, 3]);
    // RFC 7301 §3.1.
    let alpn = extension(&greeting, 16);
    assert!(alpn.is_none_or(|alpn| alpn == *b"\x00\x09\x08http/1.1"));
}

#[tokio::test]
async fn a_server_that_knows_older_tls_alone_is_not_spoken_to() {
    // RFC 8414 §6.1.
    // A ServerHello of that version (RFC 5246 section 7.4.1.3), or its alert that the client's is too new.
    let hello = |minor: u8| {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        // No session, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression.
        hello.extend([0, 0xc0, 0x2f, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        [vec![22, 3, minor, 0, length + 4, 2, 0, 0, length], hello].concat()
    };
    for answer in [hello(2), hello(1), hello(0), vec![21, 3, 1, 0, 2, 2, 70]] {
        let (port, heard) = greeted(answer).await;
        let url = format!("https://localhost:{port}/me");
        let client = Client::new(acme().userinfo_endpoint(url), web(), &Http::new().unwrap()).unwrap();
        let tokens = client.held(serde_json::json!({"access_token": "hush-at"}));
        let error = client.profile(&tokens).await.unwrap_err();
        // It will not do another time either: what only reads is not tried again.
        assert_eq!(error.code(), "tls", "{error}");
        let heard = heard.lock().unwrap().clone();
        assert!(heard.len() <= 2, "one connection");
        let alert = |after: &Vec<u8>| after.is_empty() || after[0] == 21;
        assert!(heard.iter().skip(1).all(alert), "nothing but an alert was said: {heard:?}");
    }
}

#[tokio::test]
async fn a_proxy_of_one_s_own_is_asked_for_everything() {
    let proxy = Server::saying("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let http = Http::builder().proxy(format!("http://127.0.0.1:{}", proxy.port)).build().unwrap();
    let error = exchange("https://op.example", &http).await.unwrap_err();
    assert_eq!(error.code(), "connect", "{error}");
    assert!(proxy.requests()[0].starts_with("CONNECT op.example:443 HTTP/1.1\r\n"), "{:?}", proxy.requests());

    // For this machine too: whoever names a proxy wants to see the requests there.
    for (base, place) in [
        ("http://127.0.0.1:9", "127.0.0.1:9"),
        ("http://localhost", "localhost:80"),
        ("https://[::1]", "[::1]:443"),
    ] {
        let before = proxy.requests().len();
        assert_eq!(exchange(base, &http).await.unwrap_err().code(), "connect");
        let asked = &proxy.requests()[before];
        assert!(asked.starts_with(&format!("CONNECT {place} HTTP/1.1\r\n")), "{asked}");
    }
}

/// A SOCKS5 proxy that wants a password, and tunnels to that port whatever it is asked for. What it was asked for.
async fn socks(to: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // RFC 1928 and RFC 1929: methods; user and password; where to.
            let mut methods = [0; 3];
            stream.read_exact(&mut methods).await.unwrap();
            assert_eq!(methods, [5, 1, 2]);
            stream.write_all(&[5, 2]).await.unwrap();
            let mut password = [0; 9];
            stream.read_exact(&mut password).await.unwrap();
            assert_eq!(password, *b"\x01\x02me\x04p: @");
            stream.write_all(&[1, 0]).await.unwrap();
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            let mut length = [4];
            if head[3] == 3 {
                stream.read_exact(&mut length).await.unwrap();
            }
            let mut target = vec![0; usize::from(length[0]) + 2];
            stream.read_exact(&mut target).await.unwrap();
            let (host, port) = target.split_at(usize::from(length[0]));
            let host = match head[3] {
                1 => <[u8; 4]>::try_from(host).map(|ip| std::net::Ipv4Addr::from(ip).to_string()).unwrap(),
                _ => String::from_utf8(host.to_vec()).unwrap(),
            };
            seen.lock().unwrap().push(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])));
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 9]).await.unwrap();
            let mut server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut server).await });
        }
    });
    (port, asked)
}

#[tokio::test]
async fn a_socks_proxy_is_a_tunnel_and_looks_up_names_where_it_is_told_to() {
    let (authority, tls) = certified("127.0.0.1.op.example");
    let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
    let (port, asked) = socks(server.port).await;
    let http = |scheme: &str| {
        let builder = Http::builder().proxy(format!("{scheme}://me:p%3A%20%40@127.0.0.1:{port}"));
        builder.certificate_authority(authority.as_str()).build().unwrap().retries(0)
    };
    // The name leads nowhere from here: the proxy knows it, and TLS goes through to the server.
    assert_eq!(exchange("https://127.0.0.1.op.example", &http("socks5h")).await.unwrap(), "at");
    assert_eq!(*asked.lock().unwrap(), ["127.0.0.1.op.example:443"]);
    // What is asked of the proxy here is an address; and the certificate is for a name.
    let error = exchange("https://8.8.8.8:8443", &http("socks5")).await.unwrap_err();
    assert_eq!((error.code(), &*asked.lock().unwrap()[1]), ("tls", "8.8.8.8:8443"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_http_proxy_gets_its_password_and_a_tunnel_is_as_good_as_a_connection() {
    let (authority, tls) = certified("op.example");
    let server = Server::start(response(TOKEN).into(), false, Some(tls)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://me:hush%20hush@{}", listener.local_addr().unwrap());
    let to = server.port;
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap() > 0 {}
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        String::from_utf8(request).unwrap()
    });
    let http = Http::builder().proxy(proxy).certificate_authority(authority).build().unwrap();
    assert!(!format!("{http:?}").contains("hush"));
    assert_eq!(exchange("https://op.example", &http).await.unwrap(), "at");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("CONNECT op.example:443 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Proxy-Authorization: Basic bWU6aHVzaCBodXNo\r\n"), "{asked}");
    assert!(!server.requests()[0].to_lowercase().contains("proxy-authorization"));
}

#[test]
fn the_environment_names_a_proxy_as_it_does_for_curl() {
    let Ok(case) = std::env::var("VOUCHSAFE_PROXY_CASE") else {
        // The environment of this process belongs to the other tests as well.
        for (case, variables) in [
            ("proxied", &[("HTTPS_PROXY", "#")][..]),
            ("proxied", &[("https_proxy", "#"), ("HTTPS_PROXY", "http://127.0.0.1:1")]),
            ("proxied", &[("ALL_PROXY", "#")]),
            ("proxied", &[("all_proxy", "#"), ("HTTPS_PROXY", "")]),
            ("proxied", &[("HTTPS_PROXY", "#"), ("ALL_PROXY", "http://127.0.0.1:1")]),
            (
                "proxied",
                &[
                    ("HTTPS_PROXY", "#"),
                    ("NO_PROXY", "example, p.invalid 10.0.0.0/8"),
                    ("REQUEST_METHOD", "GET"),
                ],
            ),
            ("direct", &[("HTTP_PROXY", "#")]),
            ("proxied", &[("VOUCHSAFE_PROXY_OWN", "#"), ("HTTPS_PROXY", "http://127.0.0.1:1")]),
            ("direct", &[("HTTPS_PROXY", "#"), ("VOUCHSAFE_PROXY_BASE", "https://127.0.0.1:1")]),
            ("direct", &[("VOUCHSAFE_PROXY_OWN", "#"), ("NO_PROXY", "op.invalid")]),
            ("direct", &[("HTTPS_PROXY", "#"), ("NO_PROXY", "*")]),
            ("direct", &[("ALL_PROXY", "#"), ("no_proxy", "other.example .op.invalid")]),
            ("direct", &[("HTTPS_PROXY", "#"), ("NO_PROXY", "a,op.invalid")]),
        ] {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "transport::the_environment_names_a_proxy_as_it_does_for_curl"]);
            for name in ["HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY", "NO_PROXY"] {
                child.env_remove(name).env_remove(name.to_lowercase());
            }
            child.env("VOUCHSAFE_PROXY_CASE", case);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let proxy = format!("http://{}", listener.local_addr().unwrap());
            child.envs(variables.iter().map(|(name, value)| (name, value.replace('#', &proxy))));
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = std::io::Write::write_all(
                        &mut stream,
                        b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n",
                    );
                }
            });
            let output = child.output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && told.contains("1 passed"), "{case} {variables:?}: {told}");
        }
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let builder = match std::env::var("VOUCHSAFE_PROXY_OWN") {
        Ok(proxy) => Http::builder().proxy(proxy),
        Err(_) => Http::builder(),
    };
    let http = builder.build().unwrap().retries(0);
    let base = std::env::var("VOUCHSAFE_PROXY_BASE").unwrap_or("https://www.op.invalid".to_owned());
    let error = runtime.block_on(exchange(&base, &http)).unwrap_err();
    // Only the proxy asks for a password, and only without it is the name looked up here.
    assert_eq!(error.to_string().contains("proxy authorization required"), case == "proxied", "{error}");
}

#[test]
fn a_server_that_never_stops_talking_runs_out_of_time_on_one_thread() {
    use std::io::{Read, Write};
    use std::time::Instant;

    // Informational responses without end, and a body of small chunks that has no end.
    let skipped = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let empty =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n \r\n";
    for (begin, more) in [(&b""[..], skipped), (&empty[..], b"1\r\n \r\n".repeat(10_000))] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let begin = begin.to_vec();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&begin);
            while stream.write_all(&more).is_ok() {}
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = Http::builder().timeout(Duration::from_millis(300)).build().unwrap().max_body(usize::MAX);
        let began = Instant::now();
        assert_eq!(code(runtime.block_on(exchange(&url, &http))), "timeout");
        assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn sixty_four_at_once_use_their_connections_again() {
    let (listener, opened) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let url = format!("http://{}", listener.local_addr().unwrap());
    let counted = opened.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::spawn(async move {
                let (mut request, answer) =
                    (Vec::new(), response(TOKEN).replace("connection: close\r\n", ""));
                while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                    if is_whole(&request) {
                        request.clear();
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    let http = Http::builder().no_proxy().build().unwrap();
    for _ in 0..5 {
        let burst = (0..64).map(|_| exchange(&url, &http));
        for outcome in futures_util::future::join_all(burst).await {
            outcome.unwrap();
        }
    }
    let opened = opened.load(std::sync::atomic::Ordering::Relaxed);
    assert!(opened <= 64, "{opened} connections");
}

#[test]
fn settings_that_cannot_be_read_are_told_so() {
    let error = Http::builder().proxy("not a url").build().unwrap_err();
    assert_eq!(error.code(), "proxy");
    for proxy in ["ftp://127.0.0.1:1", "socks4://127.0.0.1:1", "socks4a://127.0.0.1:1", "", "http://"] {
        let error = Http::builder().proxy(proxy).build().unwrap_err();
        assert_eq!(error.code(), "proxy", "{proxy}");
        assert!(error.to_string().contains("write http://host:port"), "{error}");
    }
    for proxy in [
        "127.0.0.1:1",
        "HTTP://p.example",
        "https://u:p@p.example:1",
        "socks5://[::1]:1",
        "SOCKS5H://p.example",
    ] {
        assert!(Http::builder().proxy(proxy).build().is_ok(), "{proxy}");
    }
    let unreadable = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, code) in [
        ("", "certificate_authority"),
        ("nonsense", "certificate_authority"),
        (unreadable, "certificate_authority"),
    ] {
        let error = Http::builder().certificate_authority(pem).build().unwrap_err();
        assert!(matches!(error, Error::Config(_)));
        assert_eq!(error.code(), code, "{pem}: {error}");
    }
}

#[tokio::test]
async fn the_background_is_the_runtime() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use vouchsafe::http::{Runtime, Tokio};

    let done = Arc::new(AtomicBool::new(false));
    let task = done.clone();
    assert!(Tokio.spawn(Box::pin(async move { task.store(true, Relaxed) })).is_ok());
    while !done.load(Relaxed) {
        tokio::task::yield_now().await;
    }
    // Where there is none, the task comes back.
    let without = std::thread::spawn(move || Tokio.spawn(Box::pin(async {})).is_err());
    assert!(without.join().unwrap());
}
