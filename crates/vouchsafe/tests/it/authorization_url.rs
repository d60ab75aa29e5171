//! The authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
use vouchsafe::Provider;
use vouchsafe::manual::CodeChallenge;

use crate::scenario::{CLIENT_ID, REDIRECT_URI, Scenario, acme, idle, query};
use crate::wire::param;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[tokio::test]
async fn a_bare_request_asks_for_the_providers_own_scopes() {
    // RFC 6749 §3.1.1, §4.1.1.
    let url = idle(acme()).manual().authorization_url(REDIRECT_URI).await.unwrap();
    assert_eq!(
        url,
        "https://acme.example/authorize?response_type=code&client_id=my-client\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=profile+email"
    );
}

#[tokio::test]
async fn a_full_request_carries_every_parameter_once() {
    // RFC 6749 §3.1.
    let url = idle(acme())
        .manual()
        .authorization_url(REDIRECT_URI)
        .state("a state & more")
        .scopes(["read", "write"])
        .code_challenge(CodeChallenge::s256(VERIFIER).unwrap())
        .extra("access_type", "offline")
        .await
        .unwrap();
    let mut pairs: Vec<_> = url::form_urlencoded::parse(query(&url).as_bytes()).into_owned().collect();
    pairs.sort();
    let mut expected = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "read write"),
        ("state", "a state & more"),
        ("code_challenge_method", "S256"),
        // RFC 7636 appendix B.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("access_type", "offline"),
    ];
    expected.sort_unstable();
    assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_plain_challenge_is_the_verifier() {
    let client = idle(acme());
    let request = client.manual().authorization_url(REDIRECT_URI);
    let url = request.code_challenge(CodeChallenge::plain(VERIFIER).unwrap()).await.unwrap();
    assert_eq!(param(&url, "code_challenge").as_deref(), Some(VERIFIER));
    assert_eq!(param(&url, "code_challenge_method").as_deref(), Some("plain"));
}

#[test]
fn a_verifier_that_is_none_is_refused() {
    // RFC 7636 §4.1.
    for verifier in ["", "too-short", &"a".repeat(129), &" ".repeat(43)] {
        assert_eq!(CodeChallenge::s256(verifier).unwrap_err().code(), "code_verifier");
        assert_eq!(CodeChallenge::plain(verifier).unwrap_err().code(), "code_verifier");
    }
}

#[tokio::test]
async fn without_any_scope_there_is_no_scope_parameter() {
    let client = idle(acme().scopes(Vec::<String>::new()));
    let url = client.manual().authorization_url(REDIRECT_URI).await.unwrap();
    assert_eq!(param(&url, "scope"), None);
}

#[tokio::test]
async fn parameters_in_the_endpoints_own_query_are_kept() {
    // RFC 6749 §3.1.
    let client = idle(acme().authorization_endpoint("https://acme.example/authorize?tenant=a%20b&x"));
    let url = client.login().await.unwrap().url;
    assert!(url.starts_with("https://acme.example/authorize?tenant=a%20b&x&response_type=code&"), "{url}");
}

#[tokio::test]
async fn parameters_that_the_protocol_owns_cannot_be_extras() {
    // RFC 9700 §2.1.2.
    let client = idle(acme());
    let reserved = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
    ];
    for name in reserved {
        let error = client.manual().authorization_url(REDIRECT_URI).extra(name, "x").await.unwrap_err();
        assert_eq!(error.code(), "reserved_param", "{name}");
        assert!(error.to_string().contains(name), "{error}");
        let error = client.login().extra(name, "x").await.unwrap_err();
        assert_eq!(error.code(), "reserved_param", "{name}");
    }
    for name in ["max_age", "acr_values"] {
        let error = client.login().extra(name, "0").await.unwrap_err();
        assert_eq!(error.code(), "reserved_param", "what is not enforced must not look so: {name}");
    }
}

fn with_fixed_params() -> Provider {
    Provider::from_definition(
        r#"
        slug = "fixed"
        display_name = "Fixed"
        kind = "oauth2"
        authorization_endpoint = "https://fixed.example/authorize"
        token_endpoint = "https://fixed.example/token"
        scopes = ["a", "b"]
        scope_separator = ","
        documentation = "https://fixed.example"
        checked = "2026-01-01"
        [authorization.params]
        response_mode = "query"
        duration = "permanent"
        "#,
    )
    .unwrap()
}

#[tokio::test]
async fn a_definitions_own_parameters_are_sent_with_every_request() {
    let client = idle(with_fixed_params());
    for url in
        [client.login().await.unwrap().url, client.manual().authorization_url(REDIRECT_URI).await.unwrap()]
    {
        assert_eq!(param(&url, "response_mode").as_deref(), Some("query"));
        assert_eq!(param(&url, "duration").as_deref(), Some("permanent"));
        assert_eq!(param(&url, "scope").as_deref(), Some("a,b"), "scopes are joined as the definition says");
    }
}

#[tokio::test]
async fn an_extra_takes_the_place_of_the_definitions_and_of_an_earlier_one() {
    let client = idle(with_fixed_params());
    let login = client.login().extra("duration", "temporary").extra("x", "1").extra("x", "2").await.unwrap();
    assert!(query(&login.url).contains("duration=temporary"), "{}", login.url);
    assert_eq!(login.url.matches("duration=").count(), 1);
    assert_eq!(param(&login.url, "x").as_deref(), Some("2"));
    assert_eq!(login.url.matches("x=").count(), 1);
}

#[tokio::test]
async fn a_login_has_its_own_state_nonce_and_challenge_each_time() {
    // RFC 7636 §4.1, §4.3; RFC 9700 §2.1.1.
    let scenario = Scenario::openid();
    let (one, two) = (scenario.started().await.url, scenario.started().await.url);
    for name in ["state", "nonce", "code_challenge"] {
        let (one, two) = (param(&one, name).unwrap(), param(&two, name).unwrap());
        // 256 bits in base64url.
        assert_eq!(one.len(), 43, "{name}");
        assert_ne!(one, two, "{name}");
    }
    assert_eq!(param(&one, "code_challenge_method").as_deref(), Some("S256"));
    assert_ne!(param(&one, "state"), param(&one, "nonce"));
}

#[tokio::test]
async fn what_a_login_asks_for_is_in_its_url() {
    // RFC 9470 §4.
    let scenario = Scenario::openid().asking(|login| {
        login
            .scope("openid")
            .scopes(["calendar"])
            .redirect_uri("http://127.0.0.1:4711/cb?x=1")
            .max_age(std::time::Duration::from_secs(600))
            .acr_values(["gold", "silver"])
            .login_hint("jane@example.com")
            .prompt("consent")
    });
    let url = scenario.started().await.url;
    for (name, value) in [
        ("scope", "openid calendar"),
        ("redirect_uri", "http://127.0.0.1:4711/cb?x=1"),
        ("max_age", "600"),
        ("acr_values", "gold silver"),
        ("login_hint", "jane@example.com"),
        ("prompt", "consent"),
    ] {
        assert_eq!(param(&url, name).as_deref(), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_login_without_openid_sends_no_nonce() {
    let plain = idle(acme()).login().await.unwrap().url;
    let unasked = Scenario::openid().asking(|login| login.scope("calendar")).started().await.url;
    assert_eq!((param(&plain, "nonce"), param(&unasked, "nonce")), (None, None));
}

#[tokio::test]
async fn a_redirect_uri_that_could_leak_the_code_is_refused() {
    // RFC 6749 §3.1.2.
    let client = idle(acme());
    for (uri, code) in [
        ("http://app.example/cb", "insecure_url"),
        ("https://app.example/cb#x", "redirect_uri"),
        ("/cb", "redirect_uri"),
        ("https://app.example/\"cb", "redirect_uri"),
        ("https://app.example/a b", "redirect_uri"),
        ("https://app.example\\@evil.example/", "redirect_uri"),
        ("com.example.app:/<cb>", "redirect_uri"),
        ("https://app.example/admin/../cb", "redirect_uri"),
        ("https://app.example/r\u{fc}ck?x=1", "redirect_uri"),
    ] {
        assert_eq!(client.login().redirect_uri(uri).await.unwrap_err().code(), code, "{uri}");
        assert_eq!(client.manual().authorization_url(uri).await.unwrap_err().code(), code, "{uri}");
        let registered = vouchsafe::Registration::new(CLIENT_ID).redirect_uri(uri);
        let http = crate::wire::Wire::dead(vouchsafe::error::HttpErrorKind::Connect).http();
        let refused = vouchsafe::Client::new(acme(), registered, &http).unwrap_err();
        assert_eq!(refused.code(), code, "{uri}");
    }
    for uri in ["http://[::1]:1/cb", "http://localhost/cb", "com.example.app:/cb"] {
        assert!(client.login().redirect_uri(uri).await.is_ok(), "{uri}");
    }
}

#[tokio::test]
async fn a_login_without_a_redirect_uri_is_told_so() {
    let wire = crate::wire::Wire::dead(vouchsafe::error::HttpErrorKind::Connect);
    let registration = vouchsafe::Registration::new(CLIENT_ID);
    let client = vouchsafe::Client::new(acme(), registration, &wire.http()).unwrap();
    let error = client.login().await.unwrap_err();
    assert_eq!(error.code(), "redirect_uri");
    assert!(wire.seen().is_empty());
}
