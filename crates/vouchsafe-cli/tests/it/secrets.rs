//! Runs the command with marked secrets and with `-v`, and searches its output and its pages for them. Only the line that
//! prints the tokens may contain them.
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::form_urlencoded::byte_serialize;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

#[path = "../../../vouchsafe/tests/it/secrets/faults.rs"]
mod faults;

use crate::support::{Cli, Done, http, param, visit};

const SECRET: &str = "marked+client/secret&1";

/// A secret as it is, form-encoded, in hexadecimal, and in base64 at every position of the encoded text.
fn shapes(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let encoded = (0..3).map(|before| {
        let whole = [&b"..."[..before], secret.as_bytes()].concat();
        base64(&whole)[(before * 4).div_ceil(3)..whole.len() / 3 * 4].to_owned()
    });
    let plain = [secret.to_owned(), byte_serialize(secret.as_bytes()).collect(), hex];
    plain.into_iter().chain(encoded).collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |three: &[u8]| {
        let bits = (0..3).fold(0_u32, |bits, i| bits << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        (0..=three.len())
            .map(|i| char::from(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]))
            .collect::<String>()
    };
    bytes.chunks(3).map(three).collect()
}

/// Checks that the output contains none of the secrets, except for the tokens in their line.
#[track_caller]
fn assert_silent(done: &Done, page: &str, secrets: &[String]) {
    let lines = done.lines.iter().filter(|line| !line.starts_with(r#"{"event":"login","#));
    let said: String = lines.map(String::as_str).chain([&*done.stderr, page]).collect::<Vec<_>>().join("\n");
    for secret in secrets {
        assert!(secret.len() >= 6, "that would be found everywhere");
        for shape in shapes(secret) {
            assert!(!said.contains(&shape), "{shape} in {said}");
        }
    }
}

/// The secrets of a login, from the requests to the sandbox.
fn secrets(sandbox: &Sandbox, callback: &str) -> Vec<String> {
    let mut secrets = vec![SECRET.to_owned()];
    secrets.extend(param(callback, "code"));
    for request in sandbox.requests() {
        secrets.extend(["code_verifier", "refresh_token"].iter().filter_map(|name| request.form_value(name)));
        secrets.extend(
            request.header("authorization").and_then(|value| value.split(' ').nth(1)).map(str::to_owned),
        );
    }
    secrets
}

#[tokio::test]
async fn a_login_prints_no_secret_whatever_fails() {
    // The same as for the library; the command has a timeout of its own.
    let faults = faults::faults().filter(|(_, limit)| *limit >= Duration::from_secs(1));
    for (i, (fault, _)) in faults.enumerate() {
        let sandbox =
            Sandbox::builder().client(ClientConfig::confidential("me", SECRET)).start().await.unwrap();
        if let Some(fault) = fault {
            sandbox.fault(fault);
        }
        let auth = ["client_secret_basic", "client_secret_post"][i % 2];
        let args = ["--client-id", "me", "-v", "--client-auth", auth];
        let mut login = Cli::login(&sandbox, &args).env("VOUCHSAFE_CLIENT_SECRET", SECRET).start();
        let url = login.authorization_url().await;
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        let page = visit(&callback).await;
        let done = login.end().await;
        assert_eq!(done.code == Some(0), fault.is_none(), "{done:#?}");
        let mut secrets = secrets(&sandbox, &callback);
        // The state is in the page's own address.
        secrets.extend(param(&url, "nonce").filter(|_| fault.is_some()));
        if fault.is_none() {
            let token = &done.last()["token"];
            secrets.extend(
                ["access_token", "refresh_token", "id_token"]
                    .map(|name| token[name].as_str().unwrap().to_owned()),
            );
        }
        let (_, body) = page.text.split_once("\r\n\r\n").unwrap();
        let url_line = done.lines.iter().position(|line| line.contains("authorization_url"));
        let mut done = done;
        // The authorization URL contains the nonce and the state.
        done.lines.remove(url_line.unwrap());
        assert_silent(&done, body, &secrets);
    }
}

#[tokio::test]
async fn text_for_a_person_contains_no_secret() {
    let sandbox = Sandbox::builder().client(ClientConfig::confidential("me", SECRET)).start().await.unwrap();
    let args = ["login", "--issuer", sandbox.issuer(), "--no-browser", "-v", "--client-id", "me"];
    let mut login = Cli::new(&args).env("VOUCHSAFE_CLIENT_SECRET", SECRET).start();
    let url = loop {
        let line = login.line().await.unwrap();
        if let Some(url) = line.trim().strip_prefix("http") {
            break format!("http{url}");
        }
    };
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let page = visit(&callback).await;
    let done = login.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert!(!done.stderr.is_empty(), "it was asked to say more");
    assert_silent(&done, &page.text, &secrets(&sandbox, &callback));
}

/// Starts a server that sends this body once it has read the form, and returns its URL.
async fn quoting(body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = http("400 Bad Request", "application/json", body);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let is_whole = |request: &[u8]| {
            let text = String::from_utf8_lossy(request);
            text.split("code_verifier=").nth(1).is_some_and(|verifier| verifier.len() >= 43)
        };
        while !is_whole(&request) {
            stream.read_buf(&mut request).await.unwrap();
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

#[tokio::test]
async fn secrets_that_a_provider_quotes_are_not_printed() {
    let said =
        format!("no {SECRET} nor {} nor marked-code", byte_serialize(SECRET.as_bytes()).collect::<String>());
    let body = serde_json::json!({"error": said, "error_description": said, "error_uri": said}).to_string();
    let base = quoting(&body).await;
    let (authorize, token) = (format!("{base}/authorize"), format!("{base}/token"));
    let args = [
        "login",
        "--json",
        "-v",
        "--no-browser",
        "--client-id",
        "me",
        "--authorize-url",
        &authorize,
        "--token-url",
        &token,
    ];
    let mut login = Cli::new(&args).env("VOUCHSAFE_CLIENT_SECRET", SECRET).start();
    let url = login.authorization_url().await;
    let (back, state) = (param(&url, "redirect_uri").unwrap(), param(&url, "state").unwrap());
    let page = visit(&format!("{back}?code=marked-code&state={state}")).await;
    let done = login.end().await;
    assert_eq!(done.last()["kind"], "provider", "{done:#?}");
    assert_silent(&done, &page.text, &[SECRET.to_owned(), "marked-code".to_owned()]);
}

#[tokio::test]
async fn errors_about_arguments_contain_no_secret() {
    let secret = "marked-secret";
    let args: [&[&str]; 6] = [
        &["login", "google", "--client-id", "me", "--client-secret", secret],
        &["login", "google", "--client-id", "me", "--client-secret=marked-secret"],
        &["login", "google", "--client-id", "me", "--proxy", "http://jane:marked-secret@["],
        &["login", "google", "--client-id", "me", "--proxy", "jane:marked-secret@"],
        &["login", "--issuer", "https://jane:marked-secret@id.example", "--client-id", "me"],
        &["login", "--issuer", "http://jane:marked-secret@id.example", "--client-id", "me"],
    ];
    for args in args {
        for more in [&["-v"][..], &["-v", "--json"]] {
            let done = Cli::new(&[args, more].concat()).run().await;
            assert_eq!(done.code, Some(2), "{done:#?}");
            assert_silent(&done, "", &[secret.to_owned()]);
        }
    }
}

#[tokio::test]
async fn input_that_is_not_a_token_is_not_printed() {
    for token in
        ["marked-token", "marked-token.marked-token.marked-token", "e30.bWFya2VkLXRva2Vu.marked-token"]
    {
        for more in [&["-v"][..], &["-v", "--json"]] {
            let done = Cli::new(&[&["inspect"], more].concat()).run_with_input(token).await;
            assert_ne!(done.code, Some(0), "{done:#?}");
            assert_silent(&done, "", &["marked-token".to_owned()]);
        }
    }
}
