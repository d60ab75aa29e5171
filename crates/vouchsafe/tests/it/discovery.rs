//! Finding out about a provider (OpenID Connect Discovery section 4, RFC 8414).
use serde_json::{Value, json};
use vouchsafe::error::{HttpErrorKind, Operation};
use vouchsafe::http::Response;
use vouchsafe::{Client, Provider};

use crate::scenario::{ISSUER, Scenario, arrived, web};
use crate::wire::{Wire, answer, json, param};

const OPENID: &str = "/.well-known/openid-configuration";

/// Metadata of that issuer, with those members besides or in place of the usual.
fn metadata(issuer: &str, more: Value) -> Value {
    let mut metadata = json!({
        "issuer": issuer, "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token", "jwks_uri": "https://op.example/jwks",
    });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata
}

/// A provider that has that answer at one URL, and nothing elsewhere.
fn only_at(url: &'static str, found: Response) -> Wire {
    Wire::new(move |request| {
        if request.uri() == url { found.clone() } else { answer(404, "text/html", "<h1>Not found</h1>") }
    })
}

fn client(issuer: &str, wire: &Wire) -> Client {
    Client::new(Provider::openid(issuer), web(), &wire.http()).unwrap()
}

fn asked(wire: &Wire) -> Vec<String> {
    wire.seen().iter().map(|request| request.uri().to_string()).collect()
}

/// The error of a login at a provider with that metadata.
async fn refusal(issuer: &str, more: Value) -> vouchsafe::Error {
    let wire = Wire::always(json(200, metadata(issuer, more)));
    client(issuer, &wire).login().await.unwrap_err()
}

#[tokio::test]
async fn nothing_is_fetched_before_it_is_needed() {
    let scenario = Scenario::openid();
    scenario.client();
    assert!(scenario.wire.seen().is_empty());
    drop(scenario.started().await);
    assert_eq!(asked(&scenario.wire), [format!("{ISSUER}{OPENID}")]);
}

#[tokio::test]
async fn one_document_serves_many_logins() {
    let scenario = Scenario::openid();
    for _ in 0..5 {
        scenario.log_in().await.unwrap();
    }
    assert_eq!(scenario.wire.seen_at(OPENID).len(), 1);
    let clone = scenario.client().clone();
    drop(clone.login().await.unwrap());
    assert_eq!(scenario.wire.seen_at(OPENID).len(), 1, "clones share what they know");
}

#[tokio::test]
async fn parallel_first_uses_share_one_request() {
    let scenario = Scenario::openid();
    let client = scenario.client().clone();
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        logins.spawn(async move { client.login().await.is_ok() });
    }
    assert!(logins.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(scenario.wire.seen_at(OPENID).len(), 1);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let scenario = Scenario::openid().at(OPENID, answer(503, "text/plain", "later"));
    let error = scenario.client().login().await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(503)));
    assert_eq!(error.operation(), Operation::Discovery);
    assert!(error.is_retryable());
    scenario.op().answers.clear();
    scenario.log_in().await.unwrap();
}

#[tokio::test]
async fn an_unreachable_provider_is_told_so_and_asked_again() {
    let wire = Wire::dead(HttpErrorKind::Connect);
    let client = client(ISSUER, &wire);
    for asked in 1..=2 {
        let error = client.login().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "reading the provider's metadata failed: could not connect to https://op.example"
        );
        assert_eq!(wire.seen().len(), asked);
    }
}

#[tokio::test]
async fn both_well_known_places_are_looked_at() {
    // Discovery §4.1.
    let document = json(200, metadata("https://op.example/tenant", json!({"scopes_supported": ["openid"]})));
    for (place, requests) in [
        ("https://op.example/tenant/.well-known/openid-configuration", 1),
        ("https://op.example/.well-known/oauth-authorization-server/tenant", 2),
    ] {
        let wire = only_at(place, document.clone());
        drop(client("https://op.example/tenant", &wire).login().await.unwrap());
        assert_eq!(wire.seen().len(), requests, "{place}");
        assert_eq!(asked(&wire).last().map(String::as_str), Some(place));
    }
}

#[tokio::test]
async fn a_place_with_something_else_is_passed_over() {
    let mut redirect = answer(302, "text/html", "");
    redirect.headers_mut().insert("location", "https://op.example/login".parse().unwrap());
    for other in [
        answer(200, "text/html", "<h1>Sign in</h1>"),
        answer(200, "application/json", "<h1>Sign in</h1>"),
        json(200, json!({"hello": "world"})),
        json(200, json!([])),
        json(401, json!({"error": "unauthorized"})),
        redirect,
    ] {
        let (document, place) = (metadata("https://op.example/tenant", json!({})), other.status());
        let wire = Wire::new(move |request| match request.uri().path() {
            "/.well-known/oauth-authorization-server/tenant" => json(200, document.clone()),
            _ => other.clone(),
        });
        assert!(client("https://op.example/tenant", &wire).login().await.is_ok(), "{place}");
    }
    // A document of another issuer is no reason to look on.
    let wire = Wire::always(json(200, metadata("https://evil.example", json!({}))));
    assert_eq!(client(ISSUER, &wire).login().await.unwrap_err().code(), "issuer_mismatch");
    assert_eq!(wire.seen().len(), 1);
    // What came there says more than that nothing is elsewhere.
    let wire =
        only_at("https://op.example/.well-known/openid-configuration", answer(200, "text/html", "<h1>"));
    let error = client(ISSUER, &wire).login().await.unwrap_err();
    assert_eq!(error.code(), "content_type");
    assert!(error.to_string().contains("looked at https://op.example/.well-known/openid"), "{error}");
}

#[tokio::test]
async fn where_there_is_no_document_the_first_place_is_named() {
    let wire = Wire::always(answer(404, "text/html", "<h1>Not found</h1>"));
    let error = client(ISSUER, &wire).login().await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(404)));
    assert_eq!(
        error.to_string(),
        "reading the provider's metadata failed: https://op.example/.well-known/openid-configuration returned \
         HTTP status 404; looked at https://op.example/.well-known/openid-configuration, \
         https://op.example/.well-known/oauth-authorization-server"
    );
}

#[tokio::test]
async fn the_url_of_the_document_will_do() {
    let scenario = Scenario::openid();
    let provider = Provider::openid(format!("{ISSUER}{OPENID}"));
    let client = Client::new(provider, web(), &scenario.wire.http()).unwrap();
    let login = client.login().await.unwrap();
    let query = scenario.callback(&login.url);
    client.finish(login.pending, &query).await.unwrap();
}

#[tokio::test]
async fn a_provider_can_be_discovered_ahead() {
    let scenario = Scenario::openid();
    let provider = Provider::discover(ISSUER, &scenario.wire.http()).await.unwrap();
    assert_eq!(provider.metadata().unwrap()["issuer"].as_str(), Some(ISSUER));
    let client = Client::new(provider, web(), &scenario.wire.http()).unwrap();
    let login = client.login().await.unwrap();
    let query = scenario.callback(&login.url);
    client.finish(login.pending, &query).await.unwrap();
    assert_eq!(scenario.wire.seen_at(OPENID).len(), 1);
    assert_eq!(client.metadata().await.unwrap().unwrap()["issuer"].as_str(), Some(ISSUER));

    let error = Provider::discover("nonsense", &scenario.wire.http()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_url");
}

#[tokio::test]
async fn a_provider_without_discovery_has_no_metadata() {
    let client = crate::scenario::idle(crate::scenario::acme());
    assert!(client.metadata().await.unwrap().is_none());
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    // RFC 8414 §4, §6.2.
    // OpenID Connect Discovery section 4.3, RFC 8414 section 3.3.
    for other in
        ["https://evil.example", "https://op.example/", "https://OP.example", "https://op.example:443"]
    {
        let wire = Wire::always(json(200, metadata(other, json!({}))));
        let error = client(ISSUER, &wire).login().await.unwrap_err();
        assert_eq!(error.code(), "issuer_mismatch", "{other}");
        assert!(error.to_string().contains(other) && error.to_string().contains(ISSUER), "{error}");
    }
}

#[tokio::test]
async fn an_issuer_that_ends_in_a_slash_keeps_it() {
    // Discovery §4.1.
    let wire = Wire::always(json(200, metadata("https://op.example/", json!({}))));
    drop(client("https://op.example/", &wire).login().await.unwrap());
    assert_eq!(asked(&wire), ["https://op.example/.well-known/openid-configuration"]);
}

#[tokio::test]
async fn an_endpoint_that_is_not_https_is_refused() {
    // RFC 6749 §3.1; Core §5.3.
    for name in
        ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint"]
    {
        for url in
            ["http://op.example/x", "http://127.0.0.1/x", "javascript:alert(1)", "file:///x", "//op.example"]
        {
            let error = refusal(ISSUER, json!({ name: url })).await;
            assert_eq!(error.code(), "insecure_url", "{name} {url}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn an_issuer_that_is_not_https_is_refused() {
    // RFC 8414 §2.
    for (issuer, code) in [
        ("http://op.example", "insecure_url"),
        ("ftp://op.example", "insecure_url"),
        ("http://127.0.0.1.op.example", "insecure_url"),
        ("op.example", "invalid_url"),
        ("", "invalid_url"),
        ("https://op.example?x=1", "invalid_url"),
        ("https://op.example#x", "invalid_url"),
        ("https://user:password@op.example", "invalid_url"),
    ] {
        let error = Client::new(Provider::openid(issuer), web(), &Wire::always(Response::default()).http());
        assert_eq!(error.unwrap_err().code(), code, "{issuer}");
    }
}

#[tokio::test]
async fn a_loopback_issuer_may_be_plain() {
    for issuer in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"] {
        let document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/a"), "token_endpoint": format!("{issuer}/t"),
            "jwks_uri": format!("{issuer}/k"),
        });
        let wire = Wire::always(json(200, document));
        drop(client(issuer, &wire).login().await.unwrap());
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_used_is_told_so() {
    // RFC 8414 §3.2.
    for more in [
        json!({"issuer": null}),
        json!({"issuer": 7}),
        json!({"authorization_endpoint": null}),
        json!({"token_endpoint": null}),
        json!({"jwks_uri": null}),
        json!({"jwks_uri": 7}),
        json!({"token_endpoint": "https://user@op.example/token"}),
        json!({"token_endpoint": "https://op.example/token#x"}),
        json!({"id_token_signing_alg_values_supported": "RS256"}),
        json!({"token_endpoint_auth_methods_supported": [7]}),
        json!({"authorization_response_iss_parameter_supported": "true"}),
    ] {
        let error = refusal(ISSUER, more.clone()).await;
        assert_eq!(error.code(), "metadata", "{more}");
        assert!(error.to_string().starts_with("reading the provider's metadata failed"), "{error}");
    }
    for (answer, code) in [
        (answer(200, "text/html", "<h1>Welcome</h1>"), "content_type"),
        (answer(200, "application/json", "{"), "json"),
        (answer(200, "application/json", "[]"), "json"),
        (
            answer(
                200,
                "application/json",
                r#"{"issuer":"https://op.example","issuer":"https://op.example"}"#,
            ),
            "json",
        ),
    ] {
        let error = client(ISSUER, &Wire::always(answer)).login().await.unwrap_err();
        assert_eq!(error.code(), code);
    }
}

#[tokio::test]
async fn what_nobody_reads_may_have_any_type() {
    let wire = Wire::always(json(
        200,
        metadata(ISSUER, json!({"claims_supported": "all", "ui_locales_supported": 7})),
    ));
    drop(client(ISSUER, &wire).login().await.unwrap());
}

#[tokio::test]
async fn an_openid_login_asks_for_openid() {
    // Core §3.1.2.1.
    let scenario = Scenario::openid();
    assert_eq!(param(&scenario.started().await.url, "scope").as_deref(), Some("openid profile email"));
}

#[tokio::test]
async fn a_plain_authorization_server_is_one() {
    // RFC 8414 metadata without keys and without the scope openid: no ID token is waited for.
    let place = "https://op.example/.well-known/oauth-authorization-server";
    let document = json!({
        "issuer": ISSUER, "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token", "scopes_supported": ["profile", "calendar"],
    });
    let wire = Wire::new(move |request| match request.uri().path() {
        "/token" => json(200, json!({"access_token": "at", "token_type": "Bearer"})),
        _ if request.uri() == place => json(200, document.clone()),
        _ => answer(404, "text/plain", ""),
    });
    let client = client(ISSUER, &wire);
    let login = client.login().await.unwrap();
    assert_eq!(param(&login.url, "scope").as_deref(), Some("profile"), "only what it knows is asked for");
    assert_eq!(param(&login.url, "nonce"), None);
    let state = param(&login.url, "state").unwrap();
    let tokens = client.finish(login.pending, arrived(&format!("code=c&state={state}"))).await.unwrap();
    assert!(tokens.id_token().is_none());
}

#[tokio::test]
async fn what_the_metadata_says_of_one_login_is_told_to_nobody() {
    let secret = "code-of-another-login";
    for status in [429, 500, 503] {
        let mut refusal = json(status, json!({"error": secret, "error_description": secret}));
        refusal.headers_mut().insert("retry-after", "7000".parse().unwrap());
        let error = client(ISSUER, &Wire::always(refusal)).login().await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("http_status", Some(status)));
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(7000)));
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    let odd = answer(200, &format!("text/{secret}"), "{}");
    let error = client(ISSUER, &Wire::always(odd)).login().await.unwrap_err();
    assert_eq!(error.code(), "content_type");
    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    // Issuers and URLs are shown, as they are what has to be mended; the client's own secret is not.
    let secret = crate::scenario::CLIENT_SECRET;
    let quoting = |name: &str, value: String| json(200, metadata(ISSUER, json!({ name: value })));
    for (document, code) in [
        (quoting("issuer", format!("https://op.example/{secret}")), "issuer_mismatch"),
        (quoting("token_endpoint", format!("http://op.example/{secret}")), "insecure_url"),
        (quoting("token_endpoint", format!("https://op.example/#{secret}")), "metadata"),
    ] {
        let error = client(ISSUER, &Wire::always(document)).login().await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}
