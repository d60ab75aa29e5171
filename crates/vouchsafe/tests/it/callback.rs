//! The safe way: a login that is finished with what the browser brought back (RFC 6749 section 4.1.2, RFC 9207).
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe::error::Check;
use vouchsafe::{AuthorizationResponse, Client, Error, PendingLogin, StartedLogin};

use crate::scenario::{CODE, Scenario, acme, arrived, idle, public};
use crate::wire::{Wire, field, json, param};

const ISS: &str = "iss=https%3A%2F%2Fop.example";

fn state(login: &StartedLogin) -> String {
    param(&login.url, "state").unwrap()
}

/// The error of a login that comes back with that query; `{state}` stands for its state.
async fn refusal(scenario: &Scenario, query: &str) -> Error {
    let login = scenario.started().await;
    let query = arrived(&query.replace("{state}", &state(&login)));
    let error = scenario.client().finish(login.pending, &query).await.unwrap_err();
    assert!(scenario.wire.seen_at("/token").is_empty(), "no code is spent on a response that is refused");
    error
}

#[tokio::test]
async fn a_login_sends_its_code_and_its_verifier() {
    // RFC 6749 §4.1.3; RFC 7636 §4.1, §4.5.
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let query = scenario.callback(&login.url);
    let challenge = param(&login.url, "code_challenge").unwrap();
    scenario.client().finish(login.pending, &query).await.unwrap();

    let [request] = &scenario.wire.seen_at("/token")[..] else { panic!("one request") };
    assert_eq!(field(request, "code").as_deref(), Some(CODE));
    assert_eq!(field(request, "redirect_uri").as_deref(), Some(crate::scenario::REDIRECT_URI));
    let verifier = field(request, "code_verifier").unwrap();
    assert_eq!(verifier.len(), 43, "32 bytes in base64url");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    assert_eq!(crate::forge::base64(hash), challenge);
}

#[tokio::test]
async fn what_the_provider_adds_to_the_query_does_no_harm() {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let query = format!("{}&session_state=of+their+own#_=_", scenario.callback(&login.url));
    assert!(login.pending.matches(&query));
    scenario.client().finish(login.pending, &query).await.unwrap();
}

#[tokio::test]
async fn a_pending_login_survives_being_kept() {
    let scenario = Scenario::openid().asking(|login| login.data("/return/here?ä"));
    let login = scenario.started().await;
    let query = scenario.callback(&login.url);
    let kept = serde_json::to_string(&login.pending).unwrap();
    let pending: PendingLogin = serde_json::from_str(&kept).unwrap();
    assert_eq!(pending.data(), Some("/return/here?ä"));
    assert_eq!(pending.provider_slug(), "openid");
    assert_eq!(pending.redirect_uri(), crate::scenario::REDIRECT_URI);
    assert!(pending.matches(&query));
    assert_eq!(serde_json::to_string(&pending).unwrap(), kept);
    scenario.client().finish(pending, &query).await.unwrap();
}

#[tokio::test]
async fn a_kept_login_that_was_tampered_with_is_not_read() {
    let kept = serde_json::to_value(Scenario::openid().started().await.pending).unwrap();
    for (name, value) in [
        ("v", json!(2)),
        ("state", json!("short")),
        ("state", json!("!".repeat(43))),
        ("verifier", json!("")),
        ("redirect", json!("h?tps://app.example/callback")),
        ("redirect", json!("/callback")),
        ("at", json!(-1)),
        ("at", json!(u64::MAX)),
        ("limit", json!(-1)),
        ("limit", json!(u64::MAX)),
        ("more", json!(1)),
    ] {
        let mut broken = kept.clone();
        broken[name] = value.clone();
        assert!(serde_json::from_value::<PendingLogin>(broken).is_err(), "{name} = {value}");
    }
    for name in ["v", "provider", "issuer", "client", "redirect", "state", "at", "limit"] {
        let mut broken = kept.clone();
        broken.as_object_mut().unwrap().remove(name);
        assert!(serde_json::from_value::<PendingLogin>(broken).is_err(), "without {name}");
    }
}

#[tokio::test]
async fn another_issuer_is_refused_before_anything_else_is_looked_at() {
    // RFC 9207 section 2.4, RFC 9700 §4.4.2.1. The state is wrong too, and there is an error: the issuer counts first.
    for query in [
        "code=c&state={state}&iss=https%3A%2F%2Fevil.example",
        "code=c&state=foreign&iss=https%3A%2F%2Fevil.example",
        "error=access_denied&state={state}&iss=https%3A%2F%2Fevil.example",
        "code=c&state={state}&iss=https%3A%2F%2Fop.example%2F",
        "code=c&state={state}&iss=",
    ] {
        assert_eq!(refusal(&Scenario::openid(), query).await.code(), "issuer_mismatch", "{query}");
    }
}

#[tokio::test]
async fn a_wrong_issuer_is_shown_without_secrets_and_not_whole() {
    let long = "x".repeat(500);
    let iss = |iss: &str| format!("code=my-code-1&state={{state}}&iss={iss}");
    let shown = refusal(&Scenario::openid(), &iss("https%3A%2F%2Fevil.example%1B%5B31m")).await.to_string();
    assert!(
        shown.contains("must name the issuer https://op.example, but its iss is https://evil.example [31m:"),
        "{shown}"
    );
    for quoted in ["https%3A%2F%2Fmy-code-1.example", &format!("{}my-code-1", &long[..95]), "{state}", &long]
    {
        let scenario = Scenario::openid();
        let error = refusal(&scenario, &iss(quoted)).await.to_string();
        assert!(
            !error.contains("my-code") && error.contains('…') && error.contains("start a new login"),
            "{error}"
        );
        assert!(error.len() < 450, "{error}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_announced_and_missing_is_refused() {
    // RFC 9207 §2.4.
    for query in ["code=c&state={state}", "error=access_denied&state={state}", "code=c&state=foreign"] {
        assert_eq!(refusal(&Scenario::openid(), query).await.code(), "missing_issuer", "{query}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_not_announced_may_be_missing_but_not_wrong() {
    // RFC 9207 §2.4.
    let silent = || {
        Scenario::openid().with(|op| {
            op.metadata.as_object_mut().unwrap().remove("authorization_response_iss_parameter_supported");
        })
    };
    let scenario = silent();
    let login = scenario.started().await;
    let query = scenario.callback(&login.url).replace(&format!("&{ISS}"), "");
    scenario.client().finish(login.pending, &query).await.unwrap();

    let error = refusal(&silent(), "code=c&state={state}&iss=https%3A%2F%2Fevil.example").await;
    assert_eq!(error.code(), "issuer_mismatch");
}

#[tokio::test]
async fn the_issuer_is_the_one_of_the_login_even_if_the_metadata_changed_since() {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let mut kept = serde_json::to_value(&login.pending).unwrap();
    kept["issuer"] = "https://other.example".into();
    let pending: PendingLogin = serde_json::from_value(kept).unwrap();
    let query = scenario.callback(&login.url);
    let error = scenario.client().finish(pending, &query).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_foreign_or_missing_state_is_refused_before_the_error_is_looked_at() {
    // RFC 6749 §4.1.2.
    for query in [
        "code=c&state=foreign",
        "code=c",
        "code=c&state=",
        "error=access_denied&state=foreign",
        "error=access_denied",
    ] {
        let error = refusal(&Scenario::openid(), &format!("{query}&{ISS}")).await;
        assert_eq!(error.code(), "state_mismatch", "{query}");
        assert!(matches!(&error, Error::Validation(e) if e.check() == Check::StateMismatch));
        assert!(!error.is_denied());
    }
}

#[tokio::test]
async fn a_state_of_another_login_is_foreign() {
    // RFC 6749 §10.12.
    let scenario = Scenario::openid();
    let (one, two) = (scenario.started().await, scenario.started().await);
    let query = scenario.callback(&two.url);
    assert!(!one.pending.matches(&query) && two.pending.matches(&query));
    assert_eq!(scenario.client().finish(one.pending, &query).await.unwrap_err().code(), "state_mismatch");
}

#[tokio::test]
async fn a_no_of_the_user_is_told_as_such() {
    let query = format!(
        "error=access_denied&error_description=I+said+no&error_uri=https%3A%2F%2Fop.example%2Fno&state={{state}}&{ISS}"
    );
    let error = refusal(&Scenario::openid(), &query).await;
    assert!(error.is_denied());
    assert_eq!(error.code(), "access_denied");
    assert_eq!(error.status(), None, "it came through the browser");
    assert_eq!(
        error.to_string(),
        "the login failed: the provider returned access_denied: I said no \
         (see https://op.example/no)"
    );
}

#[tokio::test]
async fn an_error_beside_a_code_counts() {
    // RFC 6749 §4.1.2.1.
    let error =
        refusal(&Scenario::openid(), &format!("code=c&error=server_error&state={{state}}&{ISS}")).await;
    assert_eq!(error.code(), "server_error");
}

#[tokio::test]
async fn an_error_is_made_fit_to_be_shown() {
    // RFC 6749 §10.14.
    let query = format!("error=bad%0A%1B%5B1m&error_description=a%0D%0Ab%E2%80%AE&state={{state}}&{ISS}");
    let error = refusal(&Scenario::openid(), &query).await;
    assert_eq!(error.code(), "bad[1m");
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    assert!(!error.to_string().contains('\u{202e}'));
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused() {
    // RFC 6749 section 3.1.
    for query in [
        "code=a&code=b&state={state}",
        "code=a&state={state}&state={state}",
        "code=a&state={state}&iss=https%3A%2F%2Fop.example",
        "code=a&state={state}&error=x&error=x",
        "code=a&c%6Fde=b&state={state}",
    ] {
        let error = refusal(&Scenario::openid(), &format!("{query}&{ISS}")).await;
        assert_eq!(error.code(), "duplicate_parameter", "{query}");
    }
}

#[tokio::test]
async fn a_parameter_that_nobody_reads_may_come_twice() {
    // RFC 6749 §4.1.2.
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let query = format!("{}&x=1&x=2", scenario.callback(&login.url));
    scenario.client().finish(login.pending, &query).await.unwrap();
}

#[tokio::test]
async fn neither_code_nor_error_is_a_broken_response() {
    // Core §3.1.2.7.
    for query in ["state={state}", "code=&state={state}"] {
        let error = refusal(&Scenario::openid(), &format!("{query}&{ISS}")).await;
        assert_eq!(error.code(), "missing_field", "{query}");
    }
}

#[tokio::test]
async fn bytes_in_a_parameter_that_nobody_reads_do_not_matter() {
    let scenario = Scenario::openid();
    for other in ["utm=%ff", "%ff=x", "user=%c3%28&user=%f8", "session_state=%FF"] {
        let login = scenario.started().await;
        let query = format!("{}&{other}", scenario.callback(&login.url));
        assert!(scenario.client().finish(login.pending, &query).await.is_ok(), "{other}");
    }
    for read in ["state=%ff&iss=https%3A%2F%2Fop.example&code=x", "iss=%ff&state={state}&code=x"] {
        assert_eq!(refusal(&Scenario::openid(), read).await.code(), "invalid_field", "{read}");
    }
}

#[tokio::test]
async fn a_query_that_is_no_text_or_without_end_is_refused() {
    let error = refusal(&Scenario::openid(), &format!("code=%FF&state={{state}}&{ISS}")).await;
    assert_eq!(error.code(), "invalid_field");
    let long = format!("code={}&state={{state}}&{ISS}", "a".repeat(70_000));
    assert_eq!(refusal(&Scenario::openid(), &long).await.code(), "invalid_field");
}

/// A login whose kept form was changed, brought back as it should be.
async fn finished_with(scenario: &Scenario, change: impl FnOnce(&mut Value)) -> Result<(), Error> {
    let login = scenario.started().await;
    let mut kept = serde_json::to_value(&login.pending).unwrap();
    change(&mut kept);
    let pending = serde_json::from_value(kept).unwrap();
    let query = scenario.callback(&login.url);
    scenario.client().finish(pending, &query).await.map(drop)
}

#[tokio::test]
async fn a_login_that_took_too_long_is_refused() {
    let ago = |seconds: u64| move |kept: &mut Value| kept["at"] = (crate::scenario::now() - seconds).into();
    assert!(finished_with(&Scenario::openid(), ago(590)).await.is_ok());
    let scenario = Scenario::openid();
    assert_eq!(finished_with(&scenario, ago(610)).await.unwrap_err().code(), "expired");
    assert!(scenario.wire.seen_at("/token").is_empty());
}

#[tokio::test]
async fn the_limit_of_a_login_is_a_setting() {
    let scenario = Scenario::openid();
    let limited = |seconds| scenario.built(|client| client.login_limit(Duration::from_secs(seconds)));
    let (hasty, patient) = (limited(0), limited(u64::MAX));
    // It is that of the client which started the login.
    for (first, last, is_in_time) in [(&hasty, &patient, false), (&patient, &hasty, true)] {
        let login = first.login().await.unwrap();
        let query = scenario.callback(&login.url);
        let finished = last.finish(login.pending, &query).await;
        assert_eq!(finished.is_err_and(|error| error.code() == "expired"), !is_in_time);
    }
}

#[tokio::test]
async fn a_pending_login_says_when_it_expires_and_how_the_response_comes() {
    let scenario = Scenario::openid();
    let client = scenario.built(|client| client.login_limit(Duration::from_secs(90)));
    for (login, mode) in [
        (client.login(), None),
        (client.login().extra("response_mode", "form_post"), Some("form_post")),
        (client.login().extra("response_mode", "query"), Some("query")),
    ] {
        let pending = login.await.unwrap().pending;
        let kept = serde_json::to_string(&pending).unwrap();
        let again: PendingLogin = serde_json::from_str(&kept).unwrap();
        for pending in [pending, again] {
            let life = pending.expires_at().duration_since(pending.started_at()).unwrap();
            assert_eq!((life.as_secs(), pending.response_mode()), (90, mode));
        }
    }
}

#[tokio::test]
async fn a_clock_that_was_put_back_ends_no_login() {
    let later = |kept: &mut Value| kept["at"] = (crate::scenario::now() + 100_000).into();
    assert!(finished_with(&Scenario::openid(), later).await.is_ok());
}

#[tokio::test]
async fn a_login_of_another_client_or_provider_is_refused() {
    for (name, value) in
        [("client", "another-client"), ("provider", "acme"), ("issuer", "https://other.example")]
    {
        let scenario = Scenario::openid();
        let error = finished_with(&scenario, |kept| kept[name] = value.into()).await.unwrap_err();
        assert_eq!(error.code(), "issuer_mismatch", "{name}");
        assert!(scenario.wire.seen_at("/token").is_empty());
    }
}

#[tokio::test]
async fn a_login_at_one_provider_cannot_be_finished_at_another() {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let query = scenario.callback(&login.url);
    assert_eq!(idle(acme()).finish(login.pending, &query).await.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_login_is_kept_without_the_scopes_that_its_client_always_asks_for() {
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let client = Client::new(acme(), public(), &wire.http()).unwrap();
    for (own, kept, granted) in [
        (vec![], None, ["profile", "email"].as_slice()),
        (vec!["profile", "email"], None, &["profile", "email"]),
        (vec!["email"], Some(json!(["email"])), &["email"]),
    ] {
        let login = client.login().scopes(own).await.unwrap();
        let query = arrived(&format!("code=c&state={}", state(&login)));
        let text = serde_json::to_value(&login.pending).unwrap();
        assert_eq!(text.get("scopes"), kept.as_ref());
        let pending = serde_json::from_value(text).unwrap();
        let tokens = client.finish(pending, &query).await.unwrap();
        assert_eq!(tokens.scopes().collect::<Vec<_>>(), granted);
    }
}

#[tokio::test]
async fn a_plain_oauth_2_login_has_state_and_verifier_too() {
    // RFC 9700 §2.1.1.
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let client = Client::new(acme(), public(), &wire.http()).unwrap();
    let login = client.login().await.unwrap();
    let query = arrived(&format!("code=c&state={}", state(&login)));
    let tokens = client.finish(login.pending, &query).await.unwrap();
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["profile", "email"], "what was asked for was granted");
    assert!(field(&wire.seen()[0], "code_verifier").is_some());

    let login = client.login().await.unwrap();
    let error = client.finish(login.pending, arrived("code=c&state=foreign")).await.unwrap_err();
    assert_eq!(error.code(), "state_mismatch");
}

#[tokio::test]
async fn only_the_state_of_the_login_matches() {
    // RFC 9700 §2.1.
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let state = state(&login);
    for query in [format!("state={state}"), format!("a=b&state={state}&c"), format!("st%61te={state}")] {
        assert!(login.pending.matches(arrived(&query)), "{query}");
        assert!(login.pending.matches(AuthorizationResponse::at("/callback").form(&query)), "{query}");
        assert!(!login.pending.matches(&query), "a query alone says nothing of where it came to");
        assert!(!login.pending.matches(format!("/elsewhere?{query}")), "{query}");
    }
    for query in [String::new(), "state".to_owned(), "state=x".to_owned(), format!("code={state}")] {
        assert!(!login.pending.matches(arrived(&query)), "{query}");
    }
}

#[tokio::test]
async fn a_response_is_checked_where_the_application_keeps_state_and_verifier_itself() {
    let scenario = Scenario::openid();
    let state = "a-state-of-the-application-s-own";
    let checked = async |url: String| {
        let manual = scenario.client().manual();
        manual.authorization_response(url, crate::scenario::REDIRECT_URI, state).await
    };
    let home =
        |query: &str| format!("{}?{query}&iss={}", crate::scenario::REDIRECT_URI, crate::scenario::ISSUER);
    for (url, code) in [
        (home("code=c&state=another"), "state_mismatch"),
        (home("code=c"), "state_mismatch"),
        (home("code=c&state=x").replace("op.example", "evil.example"), "issuer_mismatch"),
        (
            home(&format!("error=access_denied&state={state}")).replace("op.example", "evil.example"),
            "issuer_mismatch",
        ),
        (format!("{}?error=access_denied&state={state}", crate::scenario::REDIRECT_URI), "missing_issuer"),
        (home(&format!("error=access_denied&state={state}")), "access_denied"),
        (home(&format!("code=c&code=d&state={state}")), "duplicate_parameter"),
        (home(&format!("state={state}")), "missing_field"),
        (format!("https://app.example/elsewhere?code=c&state={state}"), "redirect_uri_mismatch"),
    ] {
        assert_eq!(checked(url.clone()).await.unwrap_err().code(), code, "{url}");
    }
    assert!(scenario.wire.seen_at("/token").is_empty());
    let url = home(&format!("code=the-code&state={state}"));
    checked(url).await.unwrap().nonce("n").await.unwrap_err();
    assert!(scenario.wire.seen_at("/token")[0].body().windows(8).any(|part| part == b"the-code"));
}
