//! What values print in place of their secrets. That nothing secret comes out anywhere is looked for in `marked`.
use std::fmt::Debug;

use serde_json::json;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{Response, TransportError};
use vouchsafe::{AccessToken, Client, IdToken, RefreshToken, Registration, Secret};

use crate::scenario::{ACME, CLIENT_ID, REDIRECT_URI, SUBJECT, Scenario, acme, public, stored};
use crate::wire::Wire;

fn shows(value: &impl Debug, hidden: &str) -> bool {
    format!("{value:?} {value:#?}").contains(hidden)
}

#[test]
fn debug_output_of_tokens_lacks_them() {
    // RFC 6750 §5.3.
    let tokens = stored(
        ACME,
        json!({"access_token": "hush-a", "refresh_token": "hush-r", "extra": {"more": "hush-x"}}),
    );
    assert!(!shows(&tokens, "hush"));
    let access: &AccessToken = tokens.access_token();
    let refresh: &RefreshToken = tokens.refresh_token().unwrap();
    assert!(!shows(access, "hush") && !shows(refresh, "hush"));
    assert_eq!(format!("{access:?} {refresh:?}"), "AccessToken(Secret(…)) RefreshToken(Secret(…))");
}

#[tokio::test]
async fn debug_output_of_an_id_token_lacks_it_and_its_claims() {
    let tokens = Scenario::openid().claim("email", json!("hush@op.example")).log_in().await.unwrap();
    let id_token: &IdToken = tokens.id_token().unwrap();
    assert!(!shows(id_token, "hush") && !shows(id_token, id_token.expose()) && !shows(&tokens, SUBJECT));
    assert_eq!(format!("{id_token:?}"), "IdToken(…)");
}

#[tokio::test]
async fn debug_output_of_a_login_lacks_state_nonce_and_verifier() {
    let scenario = Scenario::openid().asking(|login| login.data("hush"));
    let login = scenario.started().await;
    let kept = serde_json::to_value(&login.pending).unwrap();
    for name in ["state", "nonce", "verifier", "data"] {
        assert!(!shows(&login.pending, kept[name].as_str().unwrap()), "{name}");
    }
    assert!(
        !shows(&login, kept["verifier"].as_str().unwrap()),
        "the URL has state and nonce, never the verifier"
    );
    let shown = format!("{:?}", login.pending);
    assert!(shown.starts_with(r#"PendingLogin { provider: "openid", started_at: "#), "{shown}");
}

#[tokio::test]
async fn debug_output_of_a_client_lacks_its_secret() {
    let registration = Registration::new("id").secret("hush").redirect_uri(REDIRECT_URI);
    assert!(!shows(&registration, "hush"));
    let wire = Wire::always(Response::default());
    let client = Client::new(acme(), registration, &wire.http()).unwrap();
    // The Basic header holds it in another form.
    for hidden in ["hush", "aWQ6aHVzaA"] {
        assert!(
            !shows(&client, hidden) && !shows(&client.manual(), hidden) && !shows(&client.login(), hidden)
        );
    }
    assert_eq!(format!("{client:?}"), r#"Client { provider: "acme", client_id: "id", .. }"#);
    let manual = client.manual().authorization_code("hush-c", REDIRECT_URI).code_verifier("hush-v");
    assert!(!shows(&manual, "hush"));
    assert!(!shows(&Secret::new("hush"), "hush"));
}

#[test]
fn debug_output_of_http_is_its_limits() {
    let text = format!("{:?}", Wire::dead(HttpErrorKind::Connect).http());
    assert!(text.starts_with("Http { limits: Limits {"), "{text}");
}

#[tokio::test]
async fn an_error_of_the_network_says_what_caused_it_and_no_secret() {
    for kind in
        [HttpErrorKind::Timeout, HttpErrorKind::Connect, HttpErrorKind::Tls, HttpErrorKind::Interrupted]
    {
        let wire =
            Wire::that_may_fail(move |_| Err(TransportError::new(kind).caused_by("broken pipe".into())));
        let registration =
            Registration::new(CLIENT_ID).secret("hush-client-secret").redirect_uri(REDIRECT_URI);
        let client = Client::new(acme(), registration, &wire.http()).unwrap();
        let error = client.manual().authorization_code("hush-code", REDIRECT_URI).await.unwrap_err();
        assert!(error.to_string().starts_with("the token request failed: "), "{error}");
        assert!(error.to_string().ends_with(": broken pipe"), "{error}");
        assert!(!error.to_string().contains("hush") && !shows(&error, "hush"), "{error}");
    }
}

/// A cut through a secret would leave a part of it that nothing recognises.
#[tokio::test]
async fn a_long_text_of_a_provider_is_cut_after_secrets_were_removed_from_it() {
    let secret = "marked-secret-of-this-client";
    for length in (10..2000).step_by(20) {
        let text = format!("{}{secret}", "x".repeat(length));
        let typed = json!(format!("{text}+jwt"));
        let scenario = || Scenario::openid().registration(public().secret(secret));
        for (expected, scenario) in [
            ("algorithm", scenario().header("alg", json!(text))),
            ("token_type", scenario().header("typ", typed)),
            ("unknown_key", scenario().header("kid", json!(text))),
            ("issuer_mismatch", scenario().claim("iss", json!(text))),
            ("issuer_mismatch", scenario().metadata("issuer", json!(text))),
            ("insecure_url", scenario().metadata("jwks_uri", json!(text))),
        ] {
            let error = scenario.log_in().await.unwrap_err();
            assert_eq!(error.code(), expected);
            assert!(error.to_string().contains("xxxxxxxxxx"), "{error}");
            assert!(!shows(&error, "marked") && !error.to_string().contains("marked"), "{length}: {error}");
        }
    }
}
