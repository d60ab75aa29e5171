//! Nothing that is secret is ever printed: not in `Debug`, and not in an error.
use std::fmt::Debug;
use std::sync::Mutex;

use serde_json::{Value, json};
use vouchsafe::{
    AccessToken, Client, Error, HttpErrorKind, IdToken, RefreshToken, Registration, Response, Secret,
    TransportError,
};

use crate::scenario::{self, CLIENT_ID, REDIRECT_URI, SUBJECT, Scenario, acme, now, stored};
use crate::wire::{Wire, answer, field, header, json, param};

fn shows(value: &impl Debug, hidden: &str) -> bool {
    format!("{value:?} {value:#?}").contains(hidden)
}

#[test]
fn debug_output_of_tokens_lacks_them() {
    let tokens =
        stored(json!({"access_token": "hush-a", "refresh_token": "hush-r", "extra": {"more": "hush-x"}}));
    assert!(!shows(&tokens, "hush"));
    let access: &AccessToken = tokens.access_token();
    let refresh: &RefreshToken = tokens.refresh_token().unwrap();
    assert!(!shows(access, "hush") && !shows(refresh, "hush"));
    assert_eq!(format!("{access:?} {refresh:?}"), "AccessToken(…) RefreshToken(…)");
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

const SECRETS: [&str; 6] = [
    "hush-client-secret",
    "hush-code",
    "hush-access-token",
    "hush-refresh-token",
    // The same in base64, as it stands in the header.
    "aHVzaC1jbGllbnQtc2VjcmV0",
    "hush",
];

/// Looks for secrets in everything that an error says, and in what caused it.
fn assert_silent(error: &Error, more: &[String]) {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    for secret in SECRETS.into_iter().chain(more.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// Answers that fail in many ways, and that quote whatever was sent wherever they can.
fn failures(sent: &str) -> Vec<Response> {
    let quoting = |status: u16, kind: &str, body: String| answer(status, kind, body);
    let error = |code: &str| json!({"error": code, "error_description": sent, "error_uri": format!("https://x/{sent}")});
    let mut challenge = answer(401, "text/plain", sent);
    let value = format!(r#"Bearer error="invalid_token", error_description="{sent}""#);
    if let Ok(value) = value.parse() {
        challenge.headers_mut().insert("www-authenticate", value);
    }
    let mut redirect = answer(302, "text/html", "");
    if let Ok(location) = format!("https://evil.example/?{sent}").parse() {
        redirect.headers_mut().insert("location", location);
    }
    vec![
        json(400, error("invalid_grant")),
        json(200, error("invalid_grant")),
        json(400, error(sent)),
        json(500, json!({"error": {"message": sent, "type": sent}})),
        quoting(500, "text/html", format!("<h1>{sent}</h1>")),
        quoting(200, "text/html", format!("<h1>{sent}</h1>")),
        quoting(200, "application/json", format!(r#"{{"access_token": "{sent}" oops"#)),
        quoting(200, "application/json", format!(r#"{{"{sent}": 1, "{sent}": 2}}"#)),
        quoting(200, "application/json", "[]".to_owned()),
        json(200, json!({"access_token": "hush-access-token"})),
        json(200, json!({"access_token": "hush-access-token", "token_type": "hush"})),
        json(200, json!({"access_token": "hush-access-token", "token_type": "Bearer", "expires_in": "hush"})),
        json(
            200,
            json!({"access_token": "hush-access-token", "token_type": "Bearer", "refresh_token": ["hush"]}),
        ),
        json(200, json!({"access_token": "hush-access-token\n", "token_type": "Bearer"})),
        challenge,
        redirect,
    ]
}

/// Everything in a request that must not come back: its secrets, each by itself and all of its text.
fn secrets_of(request: &vouchsafe::Request) -> Vec<String> {
    let names = ["code", "code_verifier", "client_secret", "refresh_token", "token"];
    let mut secrets: Vec<_> = names.iter().filter_map(|name| field(request, name)).collect();
    secrets.extend(header(request, "authorization").map(|value| value.split(' ').nth(1).unwrap().to_owned()));
    secrets
}

#[tokio::test]
async fn no_error_holds_a_secret() {
    let mut count = 0;
    for failure in 0..failures("").len() {
        // The provider quotes every secret it was sent.
        let sent = std::sync::Arc::new(Mutex::new(Vec::new()));
        let seen = sent.clone();
        let wire = Wire::new(move |request| {
            let secrets = secrets_of(request);
            seen.lock().unwrap().extend(secrets.clone());
            failures(&secrets.join(" ")).swap_remove(failure)
        });
        for auth in [vouchsafe::ClientAuth::ClientSecretBasic, vouchsafe::ClientAuth::ClientSecretPost] {
            let registration =
                Registration::new(CLIENT_ID).secret("hush-client-secret").redirect_uri(REDIRECT_URI);
            let client = Client::new(acme().client_auth(auth), registration, &wire.http()).unwrap();
            let login = client.login().await.unwrap();
            let state = param(&login.url, "state").unwrap();
            let kept = serde_json::to_value(&login.pending).unwrap();
            let held =
                stored(json!({"access_token": "hush-access-token", "refresh_token": "hush-refresh-token"}));
            let outcomes = [
                client.finish(login.pending, &format!("code=hush-code&state={state}")).await.err(),
                client.refresh(&held).await.err(),
                client.revoke(&held).await.err(),
                client.profile(&held).await.err(),
                client.identity(&held).await.err(),
                client.manual().refresh("hush-refresh-token").await.err(),
            ];
            let mut hidden = sent.lock().unwrap().clone();
            hidden.extend(["state", "verifier"].map(|name| kept[name].as_str().unwrap().to_owned()));
            for error in outcomes.into_iter().flatten() {
                assert_silent(&error, &hidden);
                count += 1;
            }
        }
    }
    assert!(count > 100, "only {count} errors were looked at");
}

#[tokio::test]
async fn no_error_of_a_callback_holds_a_secret() {
    for query in [
        "code=hush-code&state=hush",
        "code=hush-code&code=hush-code&state={state}",
        "code=hush-code&state={state}&iss=https%3A%2F%2Fhush.example",
        "code=hush-code&state={state}",
        "error=access_denied&error_description={state}&error_uri={state}&state={state}&iss=https%3A%2F%2Fop.example",
    ] {
        let scenario = Scenario::openid();
        let login = scenario.started().await;
        let kept = serde_json::to_value(&login.pending).unwrap();
        let query = query.replace("{state}", kept["state"].as_str().unwrap());
        let error = scenario.client().finish(login.pending, &query).await.unwrap_err();
        let hidden = ["state", "nonce", "verifier"].map(|name| kept[name].as_str().unwrap().to_owned());
        assert_silent(&error, &hidden);
    }
}

#[tokio::test]
async fn no_error_of_an_id_token_holds_it() {
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("hush")),
        ("azp", json!("hush")),
        ("nonce", json!("hush")),
        ("exp", json!(now() - 1000)),
        ("at_hash", json!("hush")),
        ("sub", json!(["hush"])),
    ] {
        let scenario =
            Scenario::openid().claim(name, value).token("access_token", json!("hush-access-token"));
        let login = scenario.started().await;
        let query = scenario.callback(&login.url);
        let kept: Value = serde_json::to_value(&login.pending).unwrap();
        let error = scenario.client().finish(login.pending, &query).await.unwrap_err();
        let id_token = scenario.op().id_token();
        let payload = id_token.split('.').nth(1).unwrap().to_owned();
        assert_silent(
            &error,
            &[payload, kept["nonce"].as_str().unwrap().to_owned(), scenario::CODE.to_owned()],
        );
    }
}

#[tokio::test]
async fn no_error_of_the_network_holds_a_secret() {
    for kind in
        [HttpErrorKind::Timeout, HttpErrorKind::Connect, HttpErrorKind::Tls, HttpErrorKind::Interrupted]
    {
        let wire =
            Wire::that_may_fail(move |_| Err(TransportError::new(kind).caused_by("broken pipe".into())));
        let registration =
            Registration::new(CLIENT_ID).secret("hush-client-secret").redirect_uri(REDIRECT_URI);
        let client = Client::new(acme(), registration, &wire.http()).unwrap();
        let error = client.manual().authorization_code("hush-code", REDIRECT_URI).await.unwrap_err();
        assert!(error.to_string().starts_with("getting an access token failed: "), "{error}");
        assert!(error.to_string().ends_with(": broken pipe"), "{error}");
        assert_silent(&error, &[]);
    }
}
