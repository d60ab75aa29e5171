//! How a run fails: exit codes, kinds, codes and messages.
use std::net::TcpListener;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use vouchsafe_sandbox::Fault;

use crate::support::{Cli, answering, http, param, sandbox, visit};

const SECRET: &str = "VOUCHSAFE_CLIENT_SECRET";

async fn fails(args: &[&str], exit: i32, kind: &str, code: &str) -> String {
    let args = [args, &["--json", "--no-browser", "--client-id", "me"]].concat();
    let done = Cli::new(&args).env(SECRET, "hush-hush-hush").run().await;
    done.assert_silent_about("hush-hush-hush");
    done.assert_failed(exit, kind, code)
}

#[tokio::test]
async fn an_unknown_provider_brings_a_suggestion() {
    let message = fails(&["login", "gogle"], 2, "usage", "unknown_provider").await;
    assert!(message.contains("Did you mean google?"), "{message}");
    let message = fails(&["login", "nobody-knows-me"], 2, "usage", "unknown_provider").await;
    assert!(message.contains("--issuer"), "{message}");
    let args = ["sandbox", "--json", "--fault"];
    for (fault, expected) in [
        ("wrong-nonc", "Did you mean wrong-nonce?"),
        ("html@userinf", "did you mean html@userinfo"),
        ("nothing-like-it", "--list-faults"),
    ] {
        let done = Cli::new(&[&args[..], &[fault]].concat()).run().await;
        let message = done.assert_failed(2, "usage", "invalid_argument");
        assert!(message.to_lowercase().contains(&expected.to_lowercase()), "{message}");
    }
}

#[tokio::test]
async fn an_invalid_url_is_usage() {
    for url in ["not a url", "id.example.com", "https://"] {
        let message = fails(&["login", "--issuer", url], 2, "usage", "invalid_url").await;
        assert!(message.contains("beginning with https://"), "{message}");
    }
    // The advice is about the mistake that was made.
    for (url, expected) in [
        ("https://id.example.com/t?p=x", "leave out everything from the ? on"),
        ("https://id.example.com/#x", "fragment"),
        ("https://jane@id.example.com", "user name"),
    ] {
        let message = fails(&["login", "--issuer", url], 2, "usage", "invalid_url").await;
        assert!(message.contains(expected) && !message.contains("complete URL"), "{message}");
    }
}

#[tokio::test]
async fn plain_http_is_refused_except_on_loopback() {
    fails(&["login", "--issuer", "http://id.example.com"], 2, "usage", "insecure_url").await;
    let args = ["login", "--authorize-url", "https://a.example/a", "--token-url", "http://a.example/t"];
    fails(&args, 2, "usage", "insecure_url").await;
}

#[tokio::test]
async fn an_endpoint_on_plain_http_from_the_metadata_is_security() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let metadata = format!(
        r#"{{"issuer": "{issuer}", "authorization_endpoint": "{issuer}/a", "token_endpoint": "http://a.example/t",
            "jwks_uri": "{issuer}/k"}}"#
    );
    let answer = http("200 OK", "application/json", &metadata);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    fails(&["login", "--issuer", &issuer], 4, "security", "insecure_url").await;
}

#[tokio::test]
async fn a_closed_port_is_a_connection_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let message = fails(&["login", "--issuer", &issuer], 5, "network", "connect").await;
    assert!(message.contains(&issuer), "{message}");
}

#[tokio::test]
async fn a_server_that_disconnects_is_a_connection_error() {
    let issuer = answering("").await;
    fails(&["login", "--issuer", &issuer], 5, "network", "connect").await;
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    fails(&["login", "--issuer", &issuer, "--timeout", "0.2"], 5, "network", "timeout").await;
    // The person learns what the command waits for.
    let (discover, login) = tokio::join!(
        Cli::new(&["discover", &issuer, "--timeout", "2.5"]).run(),
        Cli::new(&["login", "--issuer", &issuer, "--client-id", "me", "--timeout", "2.5"]).run()
    );
    for done in [discover, login] {
        let [waiting, error] = &done.stderr.lines().collect::<Vec<_>>()[..] else { panic!("{done:?}") };
        assert!(waiting.contains("Waiting for ") && waiting.contains("--timeout"), "{done:?}");
        assert!(error.contains("timed out"), "{done:?}");
    }
}

#[tokio::test]
async fn a_web_page_is_not_an_issuer() {
    let issuer = answering(http("200 OK", "text/html; charset=utf-8", "<!doctype html><p>Welcome")).await;
    let message = fails(&["login", "--issuer", &issuer], 6, "malformed", "content_type").await;
    assert!(message.contains("web page"), "{message}");
    let done = Cli::new(&["discover", &issuer, "--json"]).run().await;
    done.assert_failed(6, "malformed", "content_type");
}

#[tokio::test]
async fn the_advice_about_a_redirect_can_be_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: https://a.example/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let moved = answering(redirect).await;
    // The issuer was given: the metadata has to name it, so that another URL would be refused.
    for command in [&["discover", &moved][..], &["login", "--issuer", &moved, "--client-id", "me"]] {
        let done = Cli::new(
            &[command, &["--json", "--no-browser"][..if command[0] == "login" { 2 } else { 1 }]].concat(),
        );
        let message = done.run().await.assert_failed(4, "security", "redirect_refused");
        assert!(message.contains("exactly as") && !message.contains("leads to"), "{message}");
    }
    // The endpoint was given.
    let sandbox = sandbox().await;
    let url = |path: &str| format!("{}{path}", sandbox.issuer());
    let (authorize, token, issuer) = (url("/authorize"), url("/token"), sandbox.issuer());
    let args =
        ["login", "--json", "--no-browser", "--client-id", sandbox.public_client_id(), "--issuer", issuer];
    let mut login = Cli::new(
        &[&args[..], &["--authorize-url", &authorize, "--token-url", &token, "--userinfo-url", &moved]]
            .concat(),
    )
    .start();
    let url = login.authorization_url().await;
    visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    let message = login.end().await.assert_failed(4, "security", "redirect_refused");
    assert!(message.contains("use the URL that it leads to"), "{message}");
}

#[tokio::test]
async fn an_http_status_is_reported_with_its_number() {
    for (status, number) in [("404 Not Found", 404), ("503 Service Unavailable", 503)] {
        let issuer = answering(http(status, "text/plain", "no")).await;
        let done = Cli::new(&["discover", &issuer, "--json"]).run().await;
        done.assert_failed(5, "network", "http_status");
        assert_eq!(done.last()["status"], number);
    }
}

#[tokio::test]
async fn text_from_a_provider_cannot_control_the_terminal() {
    let body = "{\"error\": \"no\\u001b[31m\", \"error_description\": \"a\\u001b]0;x\\u0007\\nb\\u202e\"}";
    let issuer = answering(http("400 Bad Request", "application/json", body)).await;
    let json = Cli::new(&["discover", &issuer, "--json"]).run().await;
    let person = Cli::new(&["discover", &issuer]).run().await;
    for text in [json.stdout(), person.stderr.clone()] {
        assert!(!text.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    assert_eq!(json.code, person.code);
}

#[tokio::test]
async fn a_wrong_secret_is_a_provider_error() {
    let sandbox = sandbox().await;
    let cli = Cli::login(&sandbox, &["--client-id", sandbox.client_id()]).env(SECRET, "wrong-and-hush");
    let mut login = cli.start();
    let url = login.authorization_url().await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let page = visit(&callback).await;
    assert!(page.status == 400 && page.text.contains("The sign-in failed"), "{page:?}");
    let done = login.end().await;
    let message = done.assert_failed(3, "provider", "invalid_client");
    assert_eq!(done.last()["status"], 401);
    assert!(message.contains("--client-auth"), "{message}");
    for secret in ["wrong-and-hush", &param(&callback, "code").unwrap()] {
        done.assert_silent_about(secret);
        assert!(!page.text.contains(secret));
    }
}

#[tokio::test]
async fn a_denied_consent_is_reported() {
    let sandbox = sandbox().await;
    let mut login = Cli::login(&sandbox, &["--client-id", sandbox.public_client_id()]).start();
    let url = login.authorization_url().await;
    let page = visit(&sandbox.person("alice").deny(&url).await.unwrap()).await;
    assert!(page.text.contains("The sign-in was declined"), "{page:?}");
    login.end().await.assert_failed(3, "provider", "access_denied");
}

#[tokio::test]
async fn a_response_of_another_issuer_is_refused() {
    let sandbox = sandbox().await;
    let mut login = Cli::login(&sandbox, &["--client-id", sandbox.public_client_id()]).start();
    let url = login.authorization_url().await;
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let iss = callback.find("iss=").unwrap();
    let forged = format!("{}iss=https%3A%2F%2Fevil.example", &callback[..iss]);
    visit(&forged).await;
    login.end().await.assert_failed(4, "security", "issuer_mismatch");
}

#[tokio::test]
async fn a_login_that_nobody_finishes_times_out() {
    let sandbox = sandbox().await;
    let args = ["--client-id", sandbox.public_client_id(), "--wait", "0.2"];
    let message = Cli::login(&sandbox, &args).run().await.assert_failed(7, "local", "timed_out");
    assert!(message.contains("--wait"), "{message}");
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = sandbox().await;
    let args = ["--client-id", sandbox.public_client_id(), "--redirect-port", &port];
    let message = Cli::login(&sandbox, &args).run().await.assert_failed(7, "local", "port");
    assert!(message.contains(&port) && message.contains("--redirect-port"), "{message}");
    let message =
        Cli::new(&["sandbox", "--port", &port, "--json"]).run().await.assert_failed(7, "local", "port");
    assert!(message.contains("--port"), "{message}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_command_at_once_with_an_error() {
    let sandbox = sandbox().await;
    // Shells expect 128 and the number of the signal.
    for (signal, exit) in [("INT", 130), ("TERM", 143)] {
        let mut login = Cli::login(&sandbox, &["--client-id", sandbox.public_client_id()]).start();
        let url = login.authorization_url().await;
        // A browser that waits for its page gets one.
        let waiting = crate::support::connect(&crate::support::redirect_uri(&url)).await;
        login.signal(signal).await;
        login.end().await.assert_failed(exit, "local", "interrupted");
        drop(waiting);
    }
    // A signal during a request works too.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    // With a path of its own: the port may have been that of another test, whose command still connects to it.
    let issuer = format!("http://{}/signalled", listener.local_addr().unwrap());
    for command in
        [vec!["login", "--no-browser", "--client-id", "me", "--issuer", &issuer], vec!["discover", &issuer]]
    {
        let running = Cli::new(&[&command[..], &["--json"]].concat()).start();
        let stream = loop {
            let (mut stream, _) = crate::support::soon(listener.accept()).await.unwrap();
            let mut request = [0; 1024];
            let read = crate::support::soon(stream.read(&mut request)).await.unwrap_or_default();
            if String::from_utf8_lossy(&request[..read]).contains("/signalled") {
                break stream;
            }
        };
        running.signal("INT").await;
        running.end().await.assert_failed(130, "local", "interrupted");
        drop(stream);
    }
}

#[tokio::test]
async fn wrong_arguments_are_usage() {
    for (args, code) in [
        (&["login"][..], "usage"),
        (&["login", "google", "--issuer", "https://a.example"], "usage"),
        (&["login", "google", "--device"], "usage"),
        (&["login", "google", "--client-secret", "hush-hush-hush"], "usage"),
        (&["login", "--authorize-url", "https://a.example"], "usage"),
        (&["login", "google", "--save", "work", "--no-save"], "usage"),
        (&["login", "google", "--save", ""], "invalid_param"),
        (&["login", "google", "--wait", "never"], "invalid_argument"),
        (&["login", "google", "--wait", "0"], "invalid_argument"),
        (&["login", "google", "--wait", "-1"], "invalid_argument"),
        (&["login", "google", "--timeout", "-1"], "invalid_argument"),
        (&["login", "google", "--max-age", "-1"], "invalid_argument"),
        (&["login", "google", "--redirect-port", "-1"], "invalid_argument"),
        (&["sandbox", "--port", "-1"], "invalid_argument"),
        (&["login", "google", "--prompt", "foo"], "invalid_argument"),
        (&["login", "google", "--prompt", ""], "invalid_argument"),
        (&["login", "google", "--extra", "scope=x"], "reserved_param"),
        (&["login", ""], "usage"),
        (&["login", "google", "--redirect-port", "70000"], "invalid_argument"),
        (&["login", "google", "--redirect-path", "callback"], "invalid_argument"),
        (&["login", "google", "--redirect-path", "/a?b"], "invalid_argument"),
        (&["login", "google", "--param", "tenant"], "invalid_argument"),
        (&["login", "google", "--param", "tenant=x"], "invalid_param"),
        (&["login", "openid"], "invalid_param"),
        (&["login", "google", "--client-auth", "password"], "invalid_argument"),
        (&["login", "google", "--client-auth", "private_key_jwt"], "signing_key"),
        (&["login", "google", "--ca-file", "/nonexistent"], "invalid_argument"),
        (&["login", "google", "--client-secret-file", "/nonexistent"], "invalid_argument"),
        (&["login", "./nonexistent.toml"], "invalid_argument"),
        (&["login", "google", "--proxy", "no proxy"], "proxy"),
        (&["login", "github", "--extra", "state=x"], "reserved_param"),
        (&["dance"], "usage"),
    ] {
        let message = fails(args, 2, "usage", code).await;
        assert!(!message.contains("Usage:"), "{message}");
    }
    let done = Cli::new(&["login", "google", "--json"]).run().await;
    assert!(done.assert_failed(2, "usage", "client_id").contains("VOUCHSAFE_CLIENT_ID"));
}

#[tokio::test]
async fn a_refused_argument_is_told_with_its_option_and_the_expected_value() {
    for (args, code, expected) in [
        (&["login", "--issuer", ""][..], "invalid_url", "--issuer is empty"),
        (&["login", "--issuer", " "], "invalid_url", "--issuer is empty"),
        (
            &["login", "--authorize-url", "", "--token-url", "https://a.example"],
            "invalid_url",
            "--authorize-url is empty",
        ),
        (&["login", "google", "--wait", "-1"], "invalid_argument", "expected a number of seconds, above 0"),
        (&["login", "google", "--max-age", "-1"], "invalid_argument", "expected a whole number of seconds"),
        (&["login", "google", "--extra", "state=x"], "reserved_param", "--extra cannot set state"),
        (&["login", "google", "--extra", "redirect_uri=x"], "reserved_param", "--redirect-port"),
        (
            &["login", "google", "--prompt", "foo"],
            "invalid_argument",
            "--prompt expects one of none, login, consent",
        ),
        (&["login", "discord", "--prompt", "foo"], "invalid_argument", "one of none, consent, and found"),
    ] {
        let message = fails(args, 2, "usage", code).await;
        assert!(message.contains(expected), "{message}");
    }
    for command in [&["discover", ""][..], &["inspect", "--issuer", "", "a.b.c"]] {
        let done = Cli::new(&[command, &["--json"]].concat()).run().await;
        assert!(done.assert_failed(2, "usage", "invalid_url").contains("is empty"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn text_that_is_not_utf_8_is_told_with_its_place() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let broken = OsStr::from_bytes(b"\xff");
    for (name, args) in [
        ("VOUCHSAFE_CLIENT_ID", &["login", "google", "--json"][..]),
        (SECRET, &["login", "google", "--json", "--client-id", "me"]),
    ] {
        let done = Cli::new(args).env(name, broken).run().await;
        let last = done.last();
        assert_eq!((done.code, &last["kind"]), (Some(2), &"usage".into()), "{done:?}");
        assert!(last["message"].as_str().unwrap().contains(&format!("{name} is not UTF-8 text")), "{last}");
        let person: Vec<_> = args.iter().copied().filter(|arg| *arg != "--json").collect();
        let done = Cli::new(&person).env(name, broken).run().await;
        assert!(done.stderr.starts_with("error: ") && done.stderr.contains(name), "{done:?}");
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let done = Cli::new(&["discover", "https://id.example", "--json"]).env(name, broken).run().await;
        done.assert_failed(2, "usage", "proxy");
    }
}

#[tokio::test]
async fn a_broken_definition_file_is_reported_in_one_paragraph() {
    let path = std::env::temp_dir().join(format!("vouchsafe-broken-{}.toml", std::process::id()));
    std::fs::write(&path, "slug = \"acme\"\nkind = 1\n").unwrap();
    let message = fails(&["login", path.to_str().unwrap()], 2, "usage", "definition").await;
    assert!(message.contains("line 2") && !message.contains('^'), "{message}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_person_gets_the_error_on_standard_error() {
    let done = Cli::new(&["login", "gogle", "--client-id", "me"]).run().await;
    assert_eq!((done.code, done.stdout().as_str()), (Some(2), ""));
    assert_eq!(done.stderr.trim_end().lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr.starts_with("error: The catalogue has no provider named gogle. Did you mean google?")
    );
    let done = Cli::new(&["login", "gogle", "--client-id", "me", "--color", "always"]).run().await;
    assert!(done.stderr.starts_with("\u{1b}["), "{}", done.stderr);
}

/// A login that the token endpoint refuses; the message.
async fn refused(fault: Option<Fault>, secret: Option<&str>, code: &str) -> String {
    let sandbox = sandbox().await;
    fault.into_iter().for_each(|fault| sandbox.fault(fault));
    let cli = Cli::login(&sandbox, &["--client-id", sandbox.client_id()]);
    let own = sandbox.client_secret().to_owned();
    let mut login = match secret {
        Some("") => cli.env(SECRET, own),
        Some(secret) => cli.env(SECRET, secret),
        None => cli,
    }
    .start();
    let url = login.authorization_url().await;
    visit(&sandbox.person("alice").allow(&url).await.unwrap()).await;
    login.end().await.assert_failed(3, "provider", code)
}

#[tokio::test]
async fn the_advice_about_a_refused_client_is_about_its_secret() {
    let option = "VOUCHSAFE_CLIENT_SECRET or --client-secret-file";
    for (fault, code) in [(None, "invalid_client"), (Some(Fault::SECRET_REFUSED), "unauthorized_client")] {
        let forgotten = refused(fault, None, code).await;
        assert!(
            forgotten.contains("no client secret was given") && forgotten.contains(option),
            "{forgotten}"
        );
        let wrong = refused(fault, Some("of-another-client"), code).await;
        assert!(wrong.contains("secret that was sent is wrong") && wrong.contains(option), "{wrong}");
        assert!(!forgotten.contains("grant") && !wrong.contains("grant"), "{forgotten} {wrong}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_something_else_brings_no_advice_about_secrets() {
    for (fault, code, asks_for) in [
        (Fault::KEY_DEMANDED, "invalid_client", "private_key_jwt"),
        (Fault::DPOP_DEMANDED, "invalid_request", "DPoP proof"),
        (Fault::PUSHED_REQUEST_DEMANDED, "invalid_request", "pushed authorization request"),
    ] {
        let message = refused(Some(fault), Some(""), code).await;
        assert!(message.contains(asks_for) && !message.contains("--client-"), "{message}");
    }
}

#[tokio::test]
async fn a_parameter_that_cannot_work_is_refused_by_its_own_name() {
    let sandbox = sandbox().await;
    let extra = async |pair: &str, code: &str| {
        let args = ["--client-id", sandbox.public_client_id(), "--extra", pair];
        Cli::login(&sandbox, &args).run().await.assert_failed(2, "usage", code)
    };
    let message = extra("Request_URI=https://a.example", "reserved_param").await;
    assert!(message.contains("Request_URI") && message.contains("replace the whole request"), "{message}");
    for mode in ["fragment", "jwt"] {
        let message = extra(&format!("response_mode={mode}"), "invalid_option").await;
        assert!(message.contains(mode), "{message}");
    }
}
