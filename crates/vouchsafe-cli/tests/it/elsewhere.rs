//! Logins whose browser reaches this machine by another way, or not at all.
use std::net::TcpListener;

use url::Url;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::support::{Cli, Done, Running, param, redirect_uri, sandbox, send, visit};

/// A login that waits for the browser and reads the terminal, its authorization URL, and the URL at which a browser would end.
async fn waiting(sandbox: &Sandbox, more: &[&str]) -> (Running, String, String) {
    let args = [&["--client-id", sandbox.public_client_id()], more].concat();
    let mut login = Cli::login(sandbox, &args).start_with_input();
    let url = login.authorization_url().await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    (login, url, callback)
}

async fn signed_in(login: Running) -> Done {
    let done = login.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.last()["identity"]["subject"], "sandbox-user-alice");
    done
}

#[tokio::test]
async fn the_url_that_the_browser_ended_on_can_be_pasted() {
    let sandbox = sandbox().await;
    let whole = |callback: &str| callback.to_owned();
    let quoted = |callback: &str| format!("  \"{callback}\"  ");
    let without_scheme = |callback: &str| callback.trim_start_matches("http://").to_owned();
    let query = |callback: &str| callback.split_once('?').unwrap().1.to_owned();
    let path = |callback: &str| Url::parse(callback).unwrap()[url::Position::BeforePath..].to_owned();
    for form in [&whole as &dyn Fn(&str) -> String, &quoted, &without_scheme, &query, &path] {
        let (mut login, _, callback) = waiting(&sandbox, &[]).await;
        let pasted = form(&callback);
        login.type_line(&pasted).await;
        let done = signed_in(login).await;
        assert_eq!(done.lines.len(), 2, "{pasted}: {done:#?}");
        done.assert_silent_about(&param(&callback, "code").unwrap());
    }
}

#[tokio::test]
async fn the_bare_code_can_be_pasted() {
    let sandbox = sandbox().await;
    let (mut login, _, callback) = waiting(&sandbox, &[]).await;
    login.type_line(&param(&callback, "code").unwrap()).await;
    signed_in(login).await;
    // PKCE binds a code to its login.
    let (mut login, ..) = waiting(&sandbox, &[]).await;
    let (_other, _, callback) = waiting(&sandbox, &[]).await;
    login.type_line(&param(&callback, "code").unwrap()).await;
    login.end().await.assert_failed(3, "provider", "invalid_grant");
}

#[tokio::test]
async fn a_pasted_text_that_is_no_response_brings_advice_and_the_login_keeps_waiting() {
    let sandbox = sandbox().await;
    let (mut login, url, callback) = waiting(&sandbox, &[]).await;
    let (_other, _, foreign) = waiting(&sandbox, &[]).await;
    let moved = callback.replace("/callback", "/other");
    for text in ["", "y", "two words", &url, &foreign, &moved, "https://evil.example/?code=abc"] {
        login.type_line(text).await;
    }
    login.type_line(&callback).await;
    let done = signed_in(login).await;
    let begin = redirect_uri(&url);
    assert_eq!(done.stderr.matches(&format!("it begins with {begin}")).count(), 6, "{}", done.stderr);
    assert_eq!(done.stderr.matches("belongs to another login").count(), 3, "{}", done.stderr);
    assert!(!done.stderr.contains("evil.example"), "{}", done.stderr);
}

#[tokio::test]
async fn a_pasted_error_ends_the_login() {
    let sandbox = sandbox().await;
    let mut login = Cli::login(&sandbox, &["--client-id", sandbox.public_client_id()]).start_with_input();
    let url = login.authorization_url().await;
    let callback = sandbox.person("alice").deny(&url).await.unwrap();
    login.type_line(&callback).await;
    login.end().await.assert_failed(3, "provider", "access_denied");
}

#[tokio::test]
async fn the_person_is_told_that_the_url_can_be_pasted() {
    let sandbox = sandbox().await;
    let args =
        ["login", "--issuer", sandbox.issuer(), "--no-browser", "--client-id", sandbox.public_client_id()];
    let done = Cli::new(&[&args[..], &["--wait", "0.2"]].concat()).run().await;
    let told = done.stdout();
    let (url, advice) = (told.find("http://").unwrap(), told.find("paste it here").unwrap());
    assert!(url < advice, "{told}");
}

#[tokio::test]
async fn the_redirect_uri_has_the_chosen_host() {
    // RFC 8252 §7.3.
    let sandbox = sandbox().await;
    for (host, reached) in [
        ("127.0.0.1", &["127.0.0.1"][..]),
        ("localhost", &["127.0.0.1", "[::1]"]),
        ("[::1]", &["[::1]"]),
        ("::1", &["[::1]"]),
    ] {
        if host != "127.0.0.1" && TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        for address in reached {
            let (login, url, callback) = waiting(&sandbox, &["--redirect-host", host]).await;
            let uri = redirect_uri(&url);
            let expected = if host == "::1" { "[::1]" } else { host };
            assert_eq!(uri.host_str(), Some(expected));
            // A browser connects to the address, and names the host.
            let mut place = Url::parse(&callback).unwrap();
            place.set_host(Some(address)).unwrap();
            let path = &place[url::Position::BeforePath..];
            let request = format!("GET {path} HTTP/1.1\r\nHost: {expected}:{}\r\n\r\n", uri.port().unwrap());
            assert_eq!(send(&place, &request).await.status, 200, "{host} at {address}");
            signed_in(login).await;
        }
    }
    let done = Cli::login(&sandbox, &["--client-id", "me", "--redirect-host", "0.0.0.0"]).run().await;
    let message = done.assert_failed(2, "usage", "invalid_argument");
    assert!(message.contains("127.0.0.1, localhost or [::1]"), "{message}");
}

#[tokio::test]
async fn a_port_of_localhost_that_another_program_has_is_refused() {
    let Ok(taken) = TcpListener::bind("[::1]:0") else { return };
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = sandbox().await;
    let args = ["--client-id", "me", "--redirect-host", "localhost", "--redirect-port", &port];
    let message = Cli::login(&sandbox, &args).run().await.assert_failed(7, "local", "port");
    assert!(message.contains(&port) && message.contains("localhost"), "{message}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_listener_may_have_another_address_than_the_redirect_uri() {
    let sandbox = sandbox().await;
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    // In a container: everywhere, with the port of the redirect URI.
    let port = free();
    let (login, url, callback) = waiting(&sandbox, &["--listen", "0.0.0.0", "--redirect-port", &port]).await;
    assert_eq!(redirect_uri(&url).as_str(), format!("http://127.0.0.1:{port}/callback"));
    let elsewhere = Url::parse(&callback.replacen("127.0.0.1", "127.0.0.3", 1)).unwrap();
    let request =
        format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", &elsewhere[url::Position::BeforePath..]);
    assert_eq!(send(&elsewhere, &request).await.status, 200);
    signed_in(login).await;

    // Another port is published as that of the redirect URI.
    let (port, published) = (free(), free());
    let args = ["--listen", &format!("127.0.0.2:{port}"), "--redirect-port", &published];
    let (login, url, callback) = waiting(&sandbox, &args).await;
    assert_eq!(redirect_uri(&url).port().unwrap().to_string(), published);
    let inside =
        Url::parse(&callback.replace(&format!("127.0.0.1:{published}"), &format!("127.0.0.2:{port}")))
            .unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{published}\r\n\r\n",
        &inside[url::Position::BeforePath..]
    );
    assert_eq!(send(&inside, &request).await.status, 200);
    signed_in(login).await;

    for (address, code) in [("everywhere", 2), ("192.0.2.1", 7)] {
        let done = Cli::login(&sandbox, &["--client-id", "me", "--listen", address]).run().await;
        assert_eq!(done.code, Some(code), "{done:?}");
    }
}

#[tokio::test]
async fn an_error_without_state_is_told_as_unverified_and_the_login_keeps_waiting() {
    let sandbox = sandbox().await;
    let (mut login, url, callback) = waiting(&sandbox, &[]).await;
    let uri = redirect_uri(&url);
    let state = param(&url, "state").unwrap();
    let page =
        visit(&format!("{uri}?error=access_denied&error_description=She%20said%20no%1b%20{state}")).await;
    assert!(page.status == 400 && page.text.contains("This is not the login you started"), "{page:?}");
    let warning = login.event("warning").await;
    assert_eq!(warning["code"], "unverified_error");
    let message = warning["message"].as_str().unwrap();
    assert!(
        message.contains("access_denied (She said no … …)") || message.contains("access_denied (She said no"),
        "{message}"
    );
    assert!(message.contains("anybody may have sent it") && !message.contains(&state), "{message}");
    // Once, and not for another login's error, and only a few of many.
    for query in
        ["error=access_denied&state=other", "code=x", "error=", "error=a", "error=b", "error=c", "error=d"]
    {
        visit(&format!("{uri}?{query}")).await;
    }
    assert_eq!(visit(&callback).await.status, 200);
    let done = signed_in(login).await;
    let told = done.json().iter().filter(|line| line["code"] == "unverified_error").count();
    assert_eq!(told, 3, "{done:#?}");
}

#[tokio::test]
async fn an_unverified_error_is_told_again_when_the_time_is_over() {
    let sandbox = sandbox().await;
    let args = ["--client-id", sandbox.public_client_id(), "--wait", "1.5"];
    let mut login = Cli::login(&sandbox, &args).start();
    let url = login.authorization_url().await;
    visit(&format!("{}?error=invalid_scope&state=", redirect_uri(&url))).await;
    let message = login.end().await.assert_failed(7, "local", "timed_out");
    assert!(message.contains("invalid_scope, from an unverified source"), "{message}");
}

/// The name of this machine, if it leads to the address of the sandbox.
#[cfg(target_os = "linux")]
fn own_name() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?.trim().to_owned();
    let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 80)).ok()?;
    addresses.all(|address| address.ip().to_string() == "127.0.0.1").then_some(name)
}

/// Passes requests on to the sandbox, which knows itself by its address only. Returns the host and the port.
#[cfg(target_os = "linux")]
async fn under_that_name(sandbox: &Sandbox, name: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("{name}:{}", listener.local_addr().unwrap().port());
    let (outside, inside) = (host.clone(), sandbox.issuer().trim_start_matches("http://").to_owned());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (outside, inside) = (outside.clone(), inside.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if client.read_buf(&mut request).await.is_ok_and(|read| read == 0) {
                        return;
                    }
                }
                let host = |name: &str| format!("host: {name}\r\n");
                let request = String::from_utf8(request).unwrap();
                let request =
                    request.replacen(&host(&outside), &(host(&inside) + "connection: close\r\n"), 1);
                let mut server = tokio::net::TcpStream::connect(&inside).await.unwrap();
                server.write_all(request.as_bytes()).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    host
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_named_host_may_be_reached_by_http_with_a_warning_each_time() {
    // Where the machine has no such name, the library's own test shows it.
    let Some(name) = own_name() else { return };
    let sandbox = sandbox().await;
    let proxy = under_that_name(&sandbox, &name).await;
    let url = |path: &str| format!("http://{proxy}{path}");
    let (authorize, token, userinfo) = (url("/authorize"), url("/token"), url("/userinfo"));
    let args =
        ["login", "--json", "--no-browser", "--client-id", sandbox.public_client_id(), "--scope", "openid"];
    let service = ["--issuer", sandbox.issuer(), "--authorize-url", &authorize, "--token-url", &token];
    let args = [&args[..], &service, &["--userinfo-url", &userinfo]].concat();
    for more in [&[][..], &["--allow-http", "other"]] {
        let message =
            Cli::new(&[&args[..], more].concat()).run().await.assert_failed(2, "usage", "insecure_url");
        assert!(message.contains("--allow-http HOST"), "{message}");
    }
    for _ in 0..2 {
        let mut login = Cli::new(&[&args[..], &["--allow-http", &name]].concat()).start();
        let warning = login.event("warning").await;
        assert_eq!(warning["code"], "plain_http");
        let message = warning["message"].as_str().unwrap();
        assert!(message.contains(&name) && message.contains("without encryption"), "{message}");
        let url = login.authorization_url().await.replacen(&format!("http://{proxy}"), sandbox.issuer(), 1);
        let page = visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let done = signed_in(login).await;
        assert_eq!(done.lines.len(), 3, "{done:#?}");
    }
    for host in ["http://keycloak", "keycloak:8080", "", "a b"] {
        let done = Cli::new(&["discover", "https://a.example", "--json", "--allow-http", host]).run().await;
        let message = done.assert_failed(2, "usage", "invalid_argument");
        assert!(message.contains("without http:// and a port"), "{message}");
    }
}

/// A sandbox whose client returns to another machine, and the options for a login of that client.
async fn returning_to(uri: &'static str) -> (Sandbox, [&'static str; 4]) {
    let client = ClientConfig::public("elsewhere").redirect_uri(uri);
    let sandbox = Sandbox::builder().client(client).start().await.unwrap();
    (sandbox, ["--client-id", "elsewhere", "--redirect-uri", uri])
}

#[tokio::test]
async fn the_url_of_an_application_on_another_machine_can_be_pasted() {
    const URI: &str = "https://app.example.com/callback/me";
    let (sandbox, options) = returning_to(URI).await;
    for whole in [true, false] {
        let mut login = Cli::login(&sandbox, &options).start_with_input();
        let url = login.authorization_url().await;
        assert_eq!(param(&url, "redirect_uri").as_deref(), Some(URI));
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert!(callback.starts_with(URI), "{callback}");
        login.type_line(if whole { &callback } else { callback.trim_start_matches("https://") }).await;
        signed_in(login).await;
    }
}

#[tokio::test]
async fn a_tunnel_leads_the_browser_to_the_listener_and_no_other_host_does() {
    const URI: &str = "https://tunnel.example/callback";
    let (sandbox, options) = returning_to(URI).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let login = Cli::login(&sandbox, &[&options[..], &["--listen", &listen]].concat());
    let mut login = login.start();
    let url = login.authorization_url().await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let here = Url::parse(&format!("http://{listen}")).unwrap();
    let path = &Url::parse(&callback).unwrap()[url::Position::BeforePath..];
    for (host, status) in [("other.example", 403), ("tunnel.example", 200)] {
        let page = send(&here, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(page.status, status, "{host}: {page:?}");
    }
    signed_in(login).await;
}

#[tokio::test]
async fn a_whole_redirect_uri_is_checked_before_anything_is_sent() {
    let sandbox = sandbox().await;
    for (uri, exit, code) in [
        ("https://app.example.com/#a", 2, "redirect_uri"),
        ("http://app.example.com/callback", 2, "redirect_uri"),
        ("app.example.com/callback", 2, "redirect_uri"),
    ] {
        let options = ["--client-id", sandbox.public_client_id(), "--redirect-uri", uri];
        Cli::login(&sandbox, &options).run().await.assert_failed(exit, "usage", code);
    }
    assert!(sandbox.requests().is_empty());
}
