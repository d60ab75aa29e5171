//! The server: limits, names, start and stop.

use tokio::net::TcpStream;
use vouchsafe_sandbox::Sandbox;

use crate::scenario::Scenario;

#[tokio::test]
async fn requests_are_recorded_exactly() {
    let scenario = Scenario::new().await;
    scenario.post("/token?a=b", &[("grant_type", "x y"), ("code", "ü")]).await;
    let [request] = &scenario.sandbox.requests_to("/token")[..] else { panic!() };
    assert_eq!(request.method, "POST");
    assert_eq!(request.query.as_deref(), Some("a=b"));
    assert_eq!(request.query_value("a").as_deref(), Some("b"));
    assert_eq!(request.body, b"grant_type=x+y&code=%C3%BC");
    assert_eq!(request.form_value("code").as_deref(), Some("ü"));
    assert_eq!(request.form().len(), 2);
    assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert!(request.header("authorization").unwrap().starts_with("Basic "));
    scenario.sandbox.clear_requests();
    assert!(scenario.sandbox.requests().is_empty());
}

#[tokio::test]
async fn only_the_latest_requests_are_kept() {
    let scenario = Scenario::new().await;
    let alice = scenario.person();
    let url = scenario.authorization_url(&[("prompt", "none")]);
    for _ in 0..1005 {
        alice.allow(&url).await.unwrap();
    }
    assert_eq!(scenario.sandbox.requests().len(), 1000);
}

#[tokio::test]
async fn long_requests_are_refused() {
    let scenario = Scenario::new().await;
    let long = "x".repeat(65 * 1024);
    let form = [("grant_type", long.as_str())];
    assert_eq!(scenario.post("/token", &form).await.status, 413);
    assert_eq!(scenario.get(&format!("/?{}", &long[..40_000])).await.status, 431);
}

#[tokio::test]
async fn bytes_that_are_not_text_get_a_response() {
    let scenario = Scenario::new().await;
    let head = "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 4\r\n";
    for header in
        ["content-type: application/x-www-form-urlencoded\r\n", "authorization: Basic \u{fc}\r\n", ""]
    {
        let request = [head.as_bytes(), header.as_bytes(), b"\r\n", b"\xff%f="].concat();
        assert!((400..500).contains(&scenario.raw(&request).await.status));
    }
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered_to() {
    let scenario = Scenario::new().await;
    let issuer = scenario.sandbox.issuer();
    let port = issuer.rsplit(':').next().unwrap();
    let paths = [
        "/",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/authorize",
        "/token",
        "/userinfo",
        "/jwks",
        "/attacker/key.pem",
        "/act/github/github.com/login/oauth/authorize",
        "/nowhere",
    ];
    let ask = async |target: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("host: {host}\r\n")).collect();
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
        scenario.raw(request.as_bytes()).await.status
    };
    for path in paths {
        let usual = ask(path, &[&format!("127.0.0.1:{port}")]).await;
        assert_ne!(usual, 421, "{path}");
        for own in ["localhost", "LOCALHOST:1", "app.localhost:8080", "127.9.9.9", "[::1]:80", "127.0.0.1"] {
            assert_eq!(ask(path, &[own]).await, usual, "{path} at {own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "evillocalhost",
            "localhost.",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
            "user@localhost",
            "evil.example#@localhost",
            "2130706433",
        ] {
            assert_eq!(ask(path, &[foreign]).await, 421, "{path} at {foreign}");
        }
        assert_eq!(ask(path, &["localhost", "localhost"]).await, 421, "{path} twice");
        assert_eq!(ask(path, &["localhost", "evil.example"]).await, 421, "{path} twice");
        assert_eq!(ask(path, &[]).await, 421, "{path} without");
        // The target of a request may name a host as well.
        let (own, foreign) = (format!("http://localhost{path}"), format!("http://evil.example{path}"));
        assert_eq!(ask(&own, &["localhost"]).await, usual, "{path}");
        assert_eq!(ask(&foreign, &["localhost"]).await, 421, "{path}");
        assert_eq!(ask(&own, &["evil.example"]).await, 421, "{path}");
    }
    assert!(scenario.sandbox.requests().iter().all(|request| request.header("host") != Some("evil.example")));
}

#[tokio::test]
async fn no_parameter_can_bring_the_sandbox_down() {
    let scenario = Scenario::new().await;
    let names = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "max_age",
        "prompt",
        "acr_values",
        "code_challenge",
        "code_challenge_method",
        "id_token_hint",
        "grant_type",
        "code",
        "refresh_token",
        "token",
        "interaction",
        "user",
        "decision",
        "logout",
        "post_logout_redirect_uri",
        "access_token",
        "client_secret",
    ];
    let long = "9".repeat(2000);
    for value in ["\0", " ", "%", "\u{202e}\r\nx: y", "http://[::1", "://?#", ".", "\u{1f600}", &long] {
        // One parameter out of the ordinary at a time, so that the ones before it do not hide it.
        for name in names {
            let url = scenario.authorization_url(&[(name, value)]);
            let path = url.strip_prefix(scenario.sandbox.issuer()).unwrap();
            assert!(scenario.get(path).await.status < 500, "{name} = {value:?}");
        }
        let form = names.map(|name| (name, value));
        for path in [
            "/authorize",
            "/login",
            "/consent",
            "/token",
            "/userinfo",
            "/revoke",
            "/introspect",
            "/end_session",
        ] {
            assert!(scenario.post_bare(path, &form).await.status < 500, "{path} {value:?}");
            assert!(scenario.post(path, &form[..12]).await.status < 500, "{path} {value:?}");
        }
    }
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let sandbox = Sandbox::start().await.unwrap();
    let address = sandbox.issuer().strip_prefix("http://").unwrap().to_owned();
    let idle = TcpStream::connect(&address).await.unwrap();
    sandbox.shutdown().await;
    assert!(TcpStream::connect(&address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn port_that_is_taken_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let port = sandbox.issuer().rsplit(':').next().unwrap().parse().unwrap();
    assert!(Sandbox::builder().port(port).start().await.is_err());
}
