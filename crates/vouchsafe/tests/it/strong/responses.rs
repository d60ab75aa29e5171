//! Signed authorization responses (JARM).
use serde_json::{Value, json};
use vouchsafe::{AuthorizationResponse, Client, ClientBuilder, Error, StartedLogin, Tokens};

use crate::forge;
use crate::scenario::{CLIENT_ID, CODE, ISSUER, REDIRECT_URI, Scenario, arrived, now};
use crate::wire::param;

/// A client that wants signed responses, and a login of it.
async fn started(scenario: &Scenario) -> (Client, StartedLogin) {
    let client = scenario.built(ClientBuilder::signed_responses);
    let login = client.login().await.unwrap();
    // The nonce of the ID token.
    scenario.callback(&login.url);
    (client, login)
}

/// The JWT of a good response, with these members changed; `null` takes one out.
fn response(login: &StartedLogin, more: Value) -> Value {
    let state = param(&login.url, "state").unwrap();
    let mut claims =
        json!({"iss": ISSUER, "aud": CLIENT_ID, "exp": now() + 300, "code": CODE, "state": state});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(alg: &str, kid: &str, claims: &Value) -> String {
    forge::jwt(alg, kid, &json!({"alg": alg, "kid": kid}), &claims.to_string())
}

async fn finish(client: &Client, login: StartedLogin, jwt: &str) -> Result<Tokens, Error> {
    client.finish(login.pending, arrived(&format!("response={jwt}"))).await
}

#[tokio::test]
async fn a_signed_response_ends_the_login() {
    // JARM §2.3.
    for (mode, asked) in [(None, "jwt"), (Some("query"), "query.jwt"), (Some("form_post"), "form_post.jwt")] {
        let scenario = Scenario::openid();
        let client = scenario.built(ClientBuilder::signed_responses);
        let login = client.login();
        let login = match mode {
            Some(mode) => login.extra("response_mode", mode).await.unwrap(),
            None => login.await.unwrap(),
        };
        scenario.callback(&login.url);
        assert_eq!(param(&login.url, "response_mode").as_deref(), Some(asked));
        let jwt = signed("RS256", "rsa", &response(&login, json!({})));
        let came = AuthorizationResponse::at("/callback").form(format!("response={jwt}"));
        assert!(login.pending.matches(came.clone()));
        let other = signed("RS256", "rsa", &response(&login, json!({"state": "another"})));
        assert!(!login.pending.matches(arrived(&format!("response={other}"))));
        // A response that lost its signature is of this login too, and ends it with an error.
        let state = param(&login.url, "state").unwrap();
        assert!(login.pending.matches(arrived(&format!("state={state}"))));
        // It is kept in a cookie meanwhile.
        let kept = serde_json::to_string(&login.pending).unwrap();
        client.finish(serde_json::from_str(&kept).unwrap(), came).await.unwrap();
    }
}

#[tokio::test]
async fn a_response_that_is_not_what_was_asked_for_is_refused_before_the_code_is_sent() {
    // RFC 9207 §4; JARM §2.1.
    // JARM §2.4 and §2.3; the last column is the word for the check.
    let good = |login: &StartedLogin| response(login, json!({}));
    type Forged = Box<dyn Fn(&StartedLogin) -> String>;
    let query = |make: fn(&StartedLogin) -> String| -> Forged { Box::new(make) };
    let changed = |more: Value| -> Forged {
        Box::new(move |login| format!("response={}", signed("RS256", "rsa", &response(login, more.clone()))))
    };
    let cases: Vec<(&str, Forged, &str)> = vec![
        ("without iss", changed(json!({"iss": null})), "missing_field"),
        ("another iss", changed(json!({"iss": "https://evil.example"})), "issuer_mismatch"),
        ("without aud", changed(json!({"aud": null})), "missing_field"),
        ("another aud", changed(json!({"aud": "another"})), "audience"),
        ("without exp", changed(json!({"exp": null})), "missing_field"),
        ("expired", changed(json!({"exp": now() - 600})), "expired"),
        ("another state", changed(json!({"state": "another"})), "state_mismatch"),
        ("without state", changed(json!({"state": null})), "state_mismatch"),
        (
            "another key",
            Box::new(move |login| format!("response={}", signed("RS256", "stranger", &good(login)))),
            "unknown_key",
        ),
        (
            "no signature",
            Box::new(move |login| format!("response={}", signed("none", "rsa", &good(login)))),
            "algorithm",
        ),
        (
            "a changed signature",
            Box::new(move |login| format!("response={}AAAA", signed("RS256", "rsa", &good(login)))),
            "signature",
        ),
        (
            "twice",
            Box::new(move |login| {
                let jwt = signed("RS256", "rsa", &good(login));
                format!("response={jwt}&response={jwt}")
            }),
            "duplicate_parameter",
        ),
        (
            "plain parameters",
            query(|login| {
                format!(
                    "code={CODE}&state={}&iss=https%3A%2F%2Fop.example",
                    param(&login.url, "state").unwrap()
                )
            }),
            "signature",
        ),
        (
            "both",
            Box::new(move |login| format!("response={}&code=evil", signed("RS256", "rsa", &good(login)))),
            "signature",
        ),
        ("nothing", query(|_| String::new()), "signature"),
        ("an empty JWT", query(|_| "response=".to_owned()), "signature"),
        ("no JWT", query(|_| "response=abc".to_owned()), "jwt"),
        (
            "an ID token",
            Box::new(move |login| {
                let mut claims = good(login);
                claims["sub"] = json!("1");
                format!(
                    "response={}",
                    forge::jwt(
                        "RS256",
                        "rsa",
                        &json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"}),
                        &claims.to_string()
                    )
                )
            }),
            "token_type",
        ),
    ];
    for (name, forged, code) in cases {
        let scenario = Scenario::openid();
        let (client, login) = started(&scenario).await;
        let query = forged(&login);
        let error = client.finish(login.pending, arrived(&query)).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(scenario.wire.seen_at("/token").is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_error_in_a_signed_response_is_the_provider_s() {
    let scenario = Scenario::openid();
    let (client, login) = started(&scenario).await;
    let claims = response(&login, json!({"code": null, "error": "access_denied"}));
    let error = finish(&client, login, &signed("RS256", "rsa", &claims)).await.unwrap_err();
    assert!(error.is_denied(), "{error}");
}

#[tokio::test]
async fn only_an_announced_algorithm_signs_a_response() {
    // JARM §4.
    let announced = json!(["PS256"]);
    let scenario = Scenario::openid().metadata("authorization_signing_alg_values_supported", announced);
    let (client, login) = started(&scenario).await;
    let claims = response(&login, json!({}));
    let error = finish(&client, login, &signed("RS256", "rsa", &claims)).await.unwrap_err();
    assert_eq!(error.code(), "algorithm");
    let (client, login) = started(&scenario).await;
    let claims = response(&login, json!({}));
    finish(&client, login, &signed("PS256", "rsa", &claims)).await.unwrap();
}

#[tokio::test]
async fn a_login_that_asked_for_a_plain_response_does_not_take_a_signed_one() {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let jwt = signed("RS256", "rsa", &response(&login, json!({})));
    let error =
        scenario.client().finish(login.pending, format!("{REDIRECT_URI}?response={jwt}")).await.unwrap_err();
    assert!(error.to_string().contains("ClientBuilder::signed_responses"), "{error}");
}
