//! The network: what is refused whatever the transport, and how the built-in one behaves.
use serde_json::json;
use vouchsafe::error::{HttpErrorKind, LeftOut};
use vouchsafe::{Client, Error, Provider};

use crate::scenario::{Held, REDIRECT_URI, Scenario, acme, arrived, public, web};
use crate::wire::{self, Wire, answer};

/// The error of exchanging a code where that is the answer.
async fn exchanged(response: vouchsafe::http::Response) -> Error {
    let client = Client::new(acme(), web(), &Wire::always(response).http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err()
}

#[tokio::test]
async fn no_endpoint_may_redirect() {
    // RFC 9700 section 4.12: a redirect could carry code or credentials to another server.
    for status in [301, 302, 303, 307, 308] {
        let redirect = || {
            let mut response = answer(status, "text/html", "");
            response.headers_mut().insert("location", "https://evil.example/".parse().unwrap());
            response
        };
        let error = Scenario::openid().at(OPENID, redirect()).log_in().await.unwrap_err();
        assert_eq!(error.code(), "redirect_refused", "{status}");
        assert_eq!(
            error.to_string(),
            "reading the provider's metadata was refused: https://op.example redirects, and redirects are not followed: \
             check the issuer, since servers often redirect unknown paths to a login page; looked at \
             https://op.example/.well-known/openid-configuration, https://op.example/.well-known/oauth-authorization-server"
        );
        for (path, operation) in [("/jwks", "reading the provider's keys"), ("/token", "the token request")] {
            let scenario = Scenario::openid().at(path, redirect());
            let error = scenario.log_in().await.unwrap_err();
            assert_eq!(error.code(), "redirect_refused", "{path} {status}");
            assert_eq!(
                error.to_string(),
                format!(
                    "{operation} was refused: https://op.example redirects, and redirects are not followed: a URL that you configure has to be the final one"
                )
            );
            assert!(scenario.wire.seen().iter().all(|request| request.uri().host() == Some("op.example")));
        }
        let scenario = Scenario::openid().at("/userinfo", redirect()).at("/revoke", redirect());
        let tokens = scenario.log_in().await.unwrap();
        assert_eq!(scenario.client().profile(&tokens).await.unwrap_err().code(), "redirect_refused");
        assert_eq!(scenario.client().revoke(&tokens).await.unwrap_err().code(), "redirect_refused");
    }
}

#[tokio::test]
async fn a_response_beyond_the_limit_is_refused_whatever_the_transport_thinks() {
    let wire = Wire::always(answer(200, "application/json", vec![b' '; 101]));
    let client = Client::new(acme(), web(), &wire.http().max_body(100)).unwrap();
    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
    assert_eq!(error.code(), "body_too_large");
    assert_eq!(
        error.to_string(),
        "the token request failed: the response from https://acme.example is larger than the limit (Http::max_body)"
    );
    assert_eq!(
        exchanged(answer(200, "application/json", vec![b' '; 1024 * 1024 + 1])).await.code(),
        "body_too_large"
    );
    assert_eq!(exchanged(answer(200, "application/json", vec![b' '; 1024 * 1024])).await.code(), "json");
}

#[tokio::test]
async fn a_page_in_place_of_a_response_is_told_so() {
    let error = exchanged(answer(200, "text/html; charset=utf-8", "<h1>Welcome</h1>")).await;
    assert_eq!(error.code(), "content_type");
    assert_eq!(
        error.to_string(),
        "the token request failed: the response from https://acme.example is an HTML page, not JSON: check that \
         this is the right URL"
    );
    let error = exchanged(answer(200, "image/png", "access_token=x")).await;
    assert!(
        error.to_string().ends_with("is image/png, not JSON: check that this is the right URL"),
        "{error}"
    );
    assert_eq!(exchanged(answer(200, "text/plain", "access_token=x")).await.code(), "json");
}

#[tokio::test]
async fn a_status_without_words_is_told_as_it_is() {
    for (status, retryable) in [(400, false), (404, false), (429, true), (500, true), (503, true)] {
        let wire = Wire::always(answer(status, "text/html", "<h1>oops</h1>"));
        let client = Client::new(acme(), web(), &wire.http()).unwrap();
        let error = client.manual().refresh("rt").await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("http_status", Some(status)));
        assert_eq!(
            error.to_string(),
            format!("the token refresh failed: https://acme.example returned HTTP status {status}")
        );
        assert_eq!(error.is_retryable(), retryable, "{status}");
        assert!(!error.needs_login());
    }
    let error = exchanged(answer(503, "text/html", "")).await;
    assert!(!error.is_retryable(), "the code may be spent");
}

#[tokio::test]
async fn each_kind_of_failure_says_what_was_attempted() {
    for (kind, code, text) in [
        (
            HttpErrorKind::Timeout,
            "timeout",
            "the token refresh failed: timed out before https://acme.example had sent the complete response \
             (Http::timeout, Client::call_timeout)",
        ),
        (
            HttpErrorKind::Connect,
            "connect",
            "the token refresh failed: could not connect to https://acme.example",
        ),
        (
            HttpErrorKind::Tls,
            "tls",
            "the token refresh failed: could not make a trusted TLS connection to https://acme.example",
        ),
        (
            HttpErrorKind::Interrupted,
            "interrupted_answer",
            "the token refresh failed: the connection to https://acme.example broke before the response was complete",
        ),
    ] {
        let client = Client::new(acme(), web(), &Wire::dead(kind).http()).unwrap();
        let error = client
            .refresh(&client.held(json!({"access_token": "a", "refresh_token": "r"})))
            .await
            .unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
        assert!(matches!(&error, Error::Http(e) if e.kind() == kind));
        assert_eq!(error.is_retryable(), kind != HttpErrorKind::Tls);
    }
}

#[test]
fn plain_http_is_for_loopback_alone() {
    // RFC 6749 §3.2.
    let http = Wire::dead(HttpErrorKind::Connect).http();
    let client = |provider: Provider| Client::new(provider, web(), &http).map(drop);
    for url in
        ["http://acme.example/x", "http://localhost.example/x", "http://10.0.0.1/x", "http://0.0.0.0/x"]
    {
        for provider in [
            acme().authorization_endpoint(url),
            acme().token_endpoint(url),
            acme().refresh_endpoint(url),
            acme().revocation_endpoint(url),
            acme().userinfo_endpoint(url),
        ] {
            let error = client(provider).unwrap_err();
            assert_eq!(error.code(), "insecure_url", "{url}");
            assert!(error.to_string().contains(url), "{error}");
        }
    }
    for url in ["http://127.0.0.1:1/x", "http://127.8.8.8/x", "http://[::1]/x", "http://localhost/x"] {
        assert!(client(acme().token_endpoint(url)).is_ok(), "{url}");
    }
    for url in ["https://u:p@acme.example/x", "https://acme.example/x#y", "nonsense"] {
        assert_eq!(client(acme().token_endpoint(url)).unwrap_err().code(), "invalid_url", "{url}");
    }
}

#[test]
fn what_is_missing_is_told_when_the_client_is_made() {
    let http = Wire::dead(HttpErrorKind::Connect).http();
    let error = Client::new(Provider::oauth2("acme"), web(), &http).unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme has no authorization endpoint: set it with Provider::authorization_endpoint"
    );
    let half = Provider::oauth2("acme").authorization_endpoint("https://acme.example/a");
    assert_eq!(
        Client::new(half, web(), &http).unwrap_err().to_string(),
        "acme has no token endpoint: set it with Provider::token_endpoint"
    );
    let nobody = vouchsafe::Registration::new("").redirect_uri(REDIRECT_URI);
    assert_eq!(Client::new(acme(), nobody, &http).unwrap_err().code(), "client_id");
}

#[tokio::test]
async fn an_application_may_say_who_it_is() {
    let wire =
        Wire::always(answer(200, "application/json", r#"{"access_token": "a", "token_type": "Bearer"}"#));
    let http = wire.http().user_agent("my-app/1.0 (by jane@example.com)").unwrap();
    let client = Client::new(acme(), web(), &http).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    assert_eq!(wire.seen()[0].headers()["user-agent"], "my-app/1.0 (by jane@example.com)");
    assert_eq!(wire.http().user_agent("two\nlines").unwrap_err().code(), "user_agent");
}

#[tokio::test]
async fn every_request_says_which_operation_it_belongs_to() {
    use vouchsafe::error::Operation;

    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let client = scenario.client();
    client.profile(&tokens).await.unwrap();
    let _ = client.manual().refresh("rt").await;
    let _ = client.manual().revoke("at", None).await;
    let told = |request: &vouchsafe::http::Request| {
        (request.uri().path().to_owned(), request.extensions().get::<Operation>().copied())
    };
    let told: Vec<_> = scenario.wire.seen().iter().map(told).collect();
    for (path, operation) in [
        ("/.well-known/openid-configuration", Operation::Discovery),
        ("/jwks", Operation::KeySet),
        ("/token", Operation::AuthorizationCode),
        ("/userinfo", Operation::Profile),
        ("/token", Operation::Refresh),
        ("/revoke", Operation::Revocation),
    ] {
        assert!(told.contains(&(path.to_owned(), Some(operation))), "{path} {operation:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_client_that_wraps_another_keeps_the_limits_and_the_runtime() {
    use std::sync::Arc;
    use std::time::Duration;
    use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};

    struct Shorter(Arc<dyn HttpClient>);
    impl HttpClient for Shorter {
        fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
            assert_eq!((limits.timeout, limits.body), (Duration::from_secs(7), 100));
            self.0.send(request, limits)
        }
    }
    let wire = Wire::always(answer(200, "application/json", vec![b' '; 101]));
    let http = wire.http().timeout(Duration::from_secs(7)).max_body(100).wrap(Shorter);
    let client = Client::new(acme(), web(), &http).unwrap();
    let error = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err();
    assert_eq!((error.code(), wire.seen().len()), ("body_too_large", 1));
}

const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn plain_http_is_for_named_hosts_too_and_each_token_request_says_so() {
    let issuer = "http://keycloak:8080/realms/main";
    let metadata = |token_endpoint: &str| {
        json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": token_endpoint,
               "jwks_uri": format!("{issuer}/keys")})
    };
    let answering = |token_endpoint: String| {
        let metadata = metadata(&token_endpoint);
        Wire::new(move |request| match request.uri().path() {
            "/realms/main/token" => wire::json(200, json!({"access_token": "at", "token_type": "Bearer"})),
            _ => wire::json(200, metadata.clone()),
        })
    };
    let wire = answering(format!("{issuer}/token"));
    let refused = Provider::discover(issuer, &wire.http()).await.unwrap_err();
    assert_eq!((refused.code(), wire.seen().len()), ("insecure_url", 0));
    let other = wire.http().danger_allow_http("other");
    assert_eq!(Provider::discover(issuer, &other).await.unwrap_err().code(), "insecure_url");

    let http = wire.http().danger_allow_http("keycloak");
    let _ = Provider::discover(issuer, &http).await.unwrap();
    let provider = Provider::openid(issuer).scopes(["profile"]);
    let client = Client::new(provider, public(), &http).unwrap();
    for _ in 0..2 {
        let login = client.login().await.unwrap();
        let state = wire::param(&login.url, "state").unwrap();
        let tokens = client.finish(login.pending, arrived(&format!("code=c&state={state}"))).await.unwrap();
        let warnings: Vec<_> = tokens.warnings().iter().map(|w| (w.left_out(), w.code())).collect();
        assert_eq!(warnings, [(LeftOut::Encryption, "encryption")]);
        assert!(tokens.warnings()[0].to_string().contains("http, without encryption"));
    }
    // Metadata does not name more hosts.
    let wire = answering("http://a.example/token".to_owned());
    let error = Provider::discover(issuer, &wire.http().danger_allow_http("keycloak")).await.unwrap_err();
    assert_eq!(error.code(), "insecure_url");
    assert!(matches!(error, Error::Validation(_)), "{error}");
}
