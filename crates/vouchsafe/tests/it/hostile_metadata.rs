//! Metadata of an attacker, and where to find that of an honest provider.
use serde_json::json;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::{Client, Provider};

use crate::scenario::{ISSUER, Scenario, web};
use crate::wire::{Wire, answer, json as answer_json};

#[tokio::test]
async fn an_endpoint_that_could_steer_a_terminal_is_none() {
    for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        for rest in ["/x\r\ny: z", "/\u{1b}[31m", "/a\tb", "/a b", "/\u{9b}2J"] {
            let scenario = Scenario::openid().metadata(name, json!(format!("{ISSUER}{rest}")));
            assert_eq!(scenario.verdict().await, "metadata", "{name} {rest:?}");
        }
    }
}

/// Every URL in the metadata that an application may put into a page, or send a browser or a request to.
const URLS: [&str; 11] = [
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "end_session_endpoint",
    "check_session_iframe",
    "introspection_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "registration_endpoint",
];

#[tokio::test]
async fn an_endpoint_that_could_end_the_markup_around_it_is_none() {
    for name in URLS {
        for rest in ["/\"><script>alert(1)</script>", "/`", "/a\\b", "/{a}", "/a|b", "/^", "/[a]", "?x=<y>"] {
            let scenario = Scenario::openid().metadata(name, json!(format!("{ISSUER}{rest}")));
            assert_eq!(scenario.verdict().await, "metadata", "{name} {rest}");
        }
    }
}

#[test]
fn an_issuer_that_could_end_the_markup_around_it_is_none() {
    for rest in ["/\"><script>", "/^", "/a\\b", "/'\"", "/|"] {
        let provider = Provider::openid(format!("{ISSUER}{rest}"));
        let client = Client::new(provider, web(), &Wire::dead(HttpErrorKind::Connect).http());
        assert_eq!(client.unwrap_err().code(), "invalid_url", "{rest}");
    }
}

#[tokio::test]
async fn what_is_not_ascii_in_an_endpoint_is_escaped_before_anybody_sees_it() {
    let scenario =
        Scenario::openid().metadata("authorization_endpoint", json!(format!("{ISSUER}/ä\u{202e}")));
    let url = scenario.started().await.url;
    assert!(url.starts_with("https://op.example/%C3%A4%E2%80%AE?response_type=code"), "{url}");
}

#[tokio::test]
async fn the_scheme_of_an_endpoint_has_no_case() {
    let url = ISSUER.replace("https", "HTTPS");
    let scenario = Scenario::openid().metadata("token_endpoint", json!(format!("{url}/token")));
    assert_eq!(scenario.verdict().await, "ok");
    let scenario = Scenario::openid().metadata("token_endpoint", json!("HTTP://127.0.0.1/token"));
    assert_eq!(scenario.verdict().await, "insecure_url");
}

/// A provider whose metadata is at that path alone.
fn found_at(path: &str) -> Scenario {
    let issuer = format!("{ISSUER}/tenant");
    let scenario = Scenario::openid().provider(Provider::openid(&issuer)).claim("iss", json!(issuer));
    scenario.with(|op| {
        op.metadata["issuer"] = json!(issuer);
        op.metadata["id_token_signing_alg_values_supported"] = json!(["RS256"]);
        op.metadata.as_object_mut().unwrap().remove("scopes_supported");
        let metadata = answer_json(200, op.metadata.clone());
        op.answers
            .insert("/tenant/.well-known/openid-configuration".to_owned(), answer(404, "text/plain", ""));
        op.answers.insert(path.to_owned(), metadata);
    })
}

#[tokio::test]
async fn metadata_is_found_where_rfc_8414_puts_it_under_either_name() {
    // RFC 8414 §3.
    for path in ["/.well-known/oauth-authorization-server/tenant", "/.well-known/openid-configuration/tenant"]
    {
        let scenario = found_at(path);
        let login = scenario.started().await;
        let query = format!("{}%2Ftenant", scenario.callback(&login.url));
        let tokens = scenario.client().finish(login.pending, &query).await.unwrap();
        assert!(tokens.id_token().is_some(), "{path}");
    }
}

#[tokio::test]
async fn an_openid_provider_is_one_wherever_its_metadata_is_found() {
    // It does not name its scopes, but says how it signs ID tokens: one that is forged is not looked away from.
    let scenario = found_at("/.well-known/oauth-authorization-server/tenant");
    scenario.op().key = "stranger".to_owned();
    let login = scenario.started().await;
    let query = format!("{}%2Ftenant", scenario.callback(&login.url));
    let error = scenario.client().finish(login.pending, &query).await.unwrap_err();
    assert_eq!(error.code(), "unknown_key");
}

#[tokio::test]
async fn an_endpoint_that_applications_alone_use_is_one_too() {
    // RFC 7009 §2; RFC 7591 §3.
    for name in [
        "end_session_endpoint",
        "check_session_iframe",
        "introspection_endpoint",
        "revocation_endpoint",
        "backchannel_authentication_endpoint",
        "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "registration_endpoint",
    ] {
        for url in ["javascript:alert(1)", "http://op.example/x", "http://127.0.0.1/x", "file:///etc/passwd"]
        {
            assert_eq!(
                Scenario::openid().metadata(name, json!(url)).verdict().await,
                "insecure_url",
                "{name}"
            );
        }
        assert_eq!(Scenario::openid().metadata(name, json!("x y")).verdict().await, "insecure_url", "{name}");
        for fine in [json!(null), json!(format!("{ISSUER}/x")), json!(7), json!("")] {
            assert_eq!(Scenario::openid().metadata(name, fine).verdict().await, "ok", "{name}");
        }
    }
}
