//! Finding the provider of a person by WebFinger (RFC 7033, OpenID Connect Discovery 1.0 section 2).
use serde_json::json;
use vouchsafe::http::Response;
use vouchsafe::{Error, Provider};

use crate::scenario::{ISSUER, Scenario};
use crate::wire::{Wire, answer, json};

const REL: &str = "http://openid.net/specs/connect/1.0/issuer";

fn jrd(href: &str) -> Response {
    let links = json!([{"rel": "http://webfinger.net/rel/avatar", "href": "https://a.example/x.png"}, {"rel": REL, "href": href}]);
    answer(200, "application/jrd+json", json!({"subject": "acct:joe@op.example", "links": links}).to_string())
}

async fn found(answer: Response) -> Result<Provider, Error> {
    let scenario = Scenario::openid().at("/.well-known/webfinger", answer);
    Provider::webfinger("joe@op.example", &scenario.wire.http()).await
}

#[tokio::test]
async fn the_question_is_asked_to_the_letter_and_discovery_follows() {
    // OpenID Connect Discovery §2.1: resource, and rel for the issuer.
    let scenario = Scenario::openid().at("/.well-known/webfinger", jrd(ISSUER));
    let provider = Provider::webfinger("joe@op.example", &scenario.wire.http()).await.unwrap();
    assert_eq!(provider.metadata().unwrap()["issuer"], ISSUER);
    let urls: Vec<_> = scenario.wire.seen().iter().map(|request| request.uri().to_string()).collect();
    assert_eq!(
        urls,
        [
            "https://op.example/.well-known/webfinger?resource=acct%3Ajoe%40op.example&rel=http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer",
            "https://op.example/.well-known/openid-configuration",
        ]
    );
}

#[tokio::test]
async fn a_url_is_asked_about_at_its_own_host() {
    let scenario = Scenario::openid().at("/.well-known/webfinger", jrd(ISSUER));
    let _ = Provider::webfinger("https://op.example:8443/alias/module", &scenario.wire.http()).await.unwrap();
    let first = scenario.wire.seen()[0].uri().to_string();
    assert!(first.starts_with("https://op.example:8443/.well-known/webfinger?resource=https%3A%2F%2Fop.example%3A8443%2Falias%2Fmodule&rel="), "{first}");
}

#[tokio::test]
async fn the_metadata_must_be_that_of_the_issuer_that_was_found() {
    // Discovery §4.3.
    assert_eq!(found(jrd("https://elsewhere.example")).await.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_response_without_a_sound_issuer_is_refused() {
    for (response, code) in [
        // Discovery §2.1.1: the issuer must be https.
        (jrd("http://op.example"), "insecure_url"),
        (jrd("javascript:alert(1)"), "insecure_url"),
        (jrd("https://op.example/?x=y"), "invalid_field"),
        (jrd("https://op.example/#x"), "invalid_field"),
        (jrd("https://user@op.example/"), "invalid_field"),
        (jrd(""), "invalid_field"),
        (json(200, json!({"links": [{"rel": REL, "href": 7}]})), "invalid_field"),
        (json(200, json!({"links": [{"rel": REL}]})), "invalid_field"),
        (json(200, json!({"links": [{"rel": "other", "href": ISSUER}]})), "missing_field"),
        (json(200, json!({"links": []})), "missing_field"),
        (json(200, json!({"links": {"rel": REL, "href": ISSUER}})), "missing_field"),
        (json(200, json!({"subject": "acct:joe@op.example"})), "missing_field"),
        (answer(200, "application/jrd+json", "[]"), "json"),
        (answer(200, "application/jrd+json", r#"{"links":[],"links":[]}"#), "json"),
        (answer(200, "text/html", "<p>hello"), "content_type"),
        (answer(404, "text/plain", "nobody"), "http_status"),
        (answer(301, "text/html", ""), "redirect_refused"),
    ] {
        let said = String::from_utf8_lossy(response.body()).into_owned();
        assert_eq!(found(response).await.unwrap_err().code(), code, "{said}");
    }
}

#[tokio::test]
async fn what_is_no_identifier_is_not_asked_about() {
    let wire = Wire::always(Response::default());
    for typed in ["", "=joe", "joe bloggs@op.example", "acct:joe", "ftp://op.example"] {
        assert_eq!(
            Provider::webfinger(typed, &wire.http()).await.unwrap_err().code(),
            "identifier",
            "{typed}"
        );
    }
    let error = Provider::webfinger("http://op.example/joe", &wire.http()).await.unwrap_err();
    assert_eq!(error.code(), "insecure_url");
    assert!(wire.seen().is_empty());
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn the_sandbox_is_found_by_its_users() {
    let sandbox = vouchsafe_sandbox::Sandbox::start().await.unwrap();
    let http = vouchsafe::Http::new().unwrap().danger_allow_http("127.0.0.1");
    let host = sandbox.issuer().strip_prefix("http://").unwrap();
    for typed in
        [format!("acct:alice@{host}"), sandbox.issuer().to_owned(), format!("{}/alice", sandbox.issuer())]
    {
        let provider = Provider::webfinger(&typed, &http).await.unwrap();
        assert_eq!(provider.metadata().unwrap()["issuer"], sandbox.issuer(), "{typed}");
    }
    let error = Provider::webfinger(&format!("acct:nobody@{host}"), &http).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.to_string().contains("ask for the issuer"), "{error}");
}
