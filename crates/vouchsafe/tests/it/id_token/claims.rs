//! The claims, each with its place in OpenID Connect Core section 3.1.3.7.
use std::time::Duration;

use serde_json::{Value, json};

use crate::forge::half_hash;
use crate::scenario::{ACCESS_TOKEN, CLIENT_ID, CODE, ISSUER, Scenario, now};

/// The verdict on a login whose ID token has that claim.
async fn verdict(name: &str, value: Value) -> String {
    Scenario::openid().claim(name, value).verdict().await
}

/// Every value fails with that word.
async fn all_fail(name: &str, values: &[Value], code: &str) {
    for value in values {
        assert_eq!(verdict(name, value.clone()).await, code, "{name} = {value}");
    }
}

#[tokio::test]
async fn the_issuer_is_the_one_that_was_asked() {
    // Core §3.1.3.7.
    let wrong = ["https://evil.example", "https://op.example/", "http://op.example", "op.example", ""];
    all_fail("iss", &wrong.map(Value::from), "issuer_mismatch").await;
    all_fail("iss", &[json!(7), json!(null), json!([ISSUER])], "invalid_field").await;
    assert_eq!(Scenario::openid().without("iss").verdict().await, "missing_field");
}

#[tokio::test]
async fn the_audience_holds_this_client() {
    // Core §3.1.3.7.
    assert_eq!(verdict("aud", json!(CLIENT_ID)).await, "ok");
    assert_eq!(verdict("aud", json!([CLIENT_ID])).await, "ok");
    let wrong =
        [json!("another"), json!(""), json!([]), json!(["another"]), json!("my-client "), json!("MY-CLIENT")];
    all_fail("aud", &wrong, "audience").await;
    let types = [json!(7), json!(null), json!({}), json!(true), json!([CLIENT_ID, 7]), json!([[CLIENT_ID]])];
    all_fail("aud", &types, "invalid_field").await;
    assert_eq!(Scenario::openid().without("aud").verdict().await, "missing_field");
}

#[tokio::test]
async fn with_several_audiences_the_authorized_party_is_this_client() {
    // Core §3.1.3.7.
    let several = || Scenario::openid().claim("aud", json!([CLIENT_ID, "another"]));
    assert_eq!(several().verdict().await, "authorized_party");
    assert_eq!(several().claim("azp", json!("another")).verdict().await, "authorized_party");
    assert_eq!(several().claim("azp", json!(CLIENT_ID)).verdict().await, "ok");
}

#[tokio::test]
async fn an_authorized_party_that_is_there_is_this_client() {
    // Core §3.1.3.7.
    assert_eq!(verdict("azp", json!(CLIENT_ID)).await, "ok");
    assert_eq!(verdict("azp", json!("another")).await, "authorized_party");
    all_fail("azp", &[json!(7), json!(null), json!([CLIENT_ID])], "invalid_field").await;
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    // Core §3.1.3.7.
    // Clocks may be half a minute apart.
    assert_eq!(verdict("exp", json!(now() - 20)).await, "ok");
    all_fail("exp", &[json!(now() - 40), json!(0), json!(-1), json!(now() as f64 - 40.5)], "expired").await;
    all_fail("exp", &[json!("1900000000"), json!(null), json!([])], "invalid_field").await;
    assert_eq!(Scenario::openid().without("exp").verdict().await, "missing_field");
    assert_eq!(verdict("exp", json!(now() as f64 + 60.5)).await, "ok", "a NumericDate may have a fraction");
}

#[tokio::test]
async fn a_token_from_the_future_is_refused() {
    // RFC 7519 §4.1.5.
    // Core §3.1.3.7.
    for name in ["iat", "nbf"] {
        assert_eq!(verdict(name, json!(now() + 20)).await, "ok", "{name}");
        all_fail(name, &[json!(now() + 60), json!(1e300)], "not_yet_valid").await;
        all_fail(name, &[json!("0"), json!(null), json!(true)], "invalid_field").await;
    }
    assert_eq!(Scenario::openid().without("iat").verdict().await, "missing_field");
    assert_eq!(Scenario::openid().without("nbf").verdict().await, "ok");
}

#[tokio::test]
async fn the_nonce_is_that_of_this_login() {
    // Core §3.1.3.7.
    all_fail("nonce", &[json!("another"), json!("")], "nonce_mismatch").await;
    assert_eq!(Scenario::openid().without("nonce").verdict().await, "nonce_mismatch");
    all_fail("nonce", &[json!(7), json!(null), json!(["x"])], "invalid_field").await;
}

#[tokio::test]
async fn an_id_token_of_another_login_is_refused() {
    let scenario = Scenario::openid();
    let (one, two) = (scenario.started().await, scenario.started().await);
    scenario.callback(&one.url);
    let replayed = scenario.op().id_token();
    scenario.op().token["id_token"] = replayed.into();
    let query = scenario.callback(&two.url);
    let error = scenario.client().finish(two.pending, &query).await.unwrap_err();
    assert_eq!(error.code(), "nonce_mismatch");
}

#[tokio::test]
async fn a_nonce_that_nobody_sent_is_refused() {
    let scenario =
        Scenario::openid().asking(|login| login.scope("calendar")).claim("nonce", json!("made up"));
    assert_eq!(scenario.verdict().await, "nonce_mismatch");
    let unasked = Scenario::openid().asking(|login| login.scope("calendar"));
    assert_eq!(unasked.verdict().await, "ok", "an ID token that nobody asked for is verified all the same");
}

#[tokio::test]
async fn there_is_always_a_subject() {
    assert_eq!(Scenario::openid().without("sub").verdict().await, "missing_field");
    assert_eq!(verdict("sub", json!("")).await, "missing_field");
    all_fail("sub", &[json!(7), json!(null), json!(["subject-1"])], "invalid_field").await;
}

#[tokio::test]
async fn the_access_token_is_the_one_that_came_with_the_id_token() {
    // Core §3.1.3.8, §16.11.
    for alg in crate::forge::ALGORITHMS {
        let right = Scenario::openid().alg(alg).claim("at_hash", json!(half_hash(alg, ACCESS_TOKEN)));
        assert_eq!(right.verdict().await, "ok", "{alg}");
        let wrong = Scenario::openid().alg(alg).claim("at_hash", json!(half_hash(alg, "another token")));
        assert_eq!(wrong.verdict().await, "hash_mismatch", "{alg}");
    }
    // The hash of another algorithm, a whole one, none.
    let odd =
        [half_hash("RS512", ACCESS_TOKEN), String::new(), format!("{}=", half_hash("RS256", ACCESS_TOKEN))];
    all_fail("at_hash", &odd.map(Value::from), "hash_mismatch").await;
    all_fail("at_hash", &[json!(7), json!(null)], "invalid_field").await;
}

#[tokio::test]
async fn the_code_is_the_one_that_the_id_token_came_for() {
    assert_eq!(verdict("c_hash", json!(half_hash("RS256", CODE))).await, "ok");
    assert_eq!(verdict("c_hash", json!(half_hash("RS256", "another code"))).await, "hash_mismatch");
    assert_eq!(verdict("c_hash", json!(7)).await, "invalid_field");
}

fn within(seconds: u64) -> Scenario {
    Scenario::openid().asking(move |login| login.max_age(Duration::from_secs(seconds)))
}

#[tokio::test]
async fn a_sign_in_is_as_recent_as_was_asked_for() {
    // Core §3.1.3.7.
    assert_eq!(within(60).claim("auth_time", json!(now() - 50)).verdict().await, "ok");
    assert_eq!(within(60).claim("auth_time", json!(now() - 80)).verdict().await, "ok", "clocks may differ");
    assert_eq!(within(60).claim("auth_time", json!(now() - 100)).verdict().await, "auth_time");
    assert_eq!(within(0).claim("auth_time", json!(now())).verdict().await, "ok");
    assert_eq!(within(60).verdict().await, "auth_time", "whoever does not say when was not asked in vain");
    assert_eq!(within(60).claim("auth_time", json!(now() + 100)).verdict().await, "auth_time");
    for value in [json!("1900000000"), json!(null)] {
        assert_eq!(within(60).claim("auth_time", value.clone()).verdict().await, "invalid_field", "{value}");
    }
}

#[tokio::test]
async fn max_age_is_enforced_after_the_login_was_kept_too() {
    let scenario = within(60).claim("auth_time", json!(now() - 1000));
    let login = scenario.started().await;
    let pending = serde_json::from_str(&serde_json::to_string(&login.pending).unwrap()).unwrap();
    let query = scenario.callback(&login.url);
    assert_eq!(scenario.client().finish(pending, &query).await.unwrap_err().code(), "auth_time");
}

#[tokio::test]
async fn the_authentication_class_is_one_of_those_asked_for() {
    // Core §3.1.3.7.
    let asking = || Scenario::openid().asking(|login| login.acr_values(["gold", "silver"]));
    assert_eq!(asking().claim("acr", json!("silver")).verdict().await, "ok");
    assert_eq!(asking().claim("acr", json!("bronze")).verdict().await, "acr");
    assert_eq!(asking().claim("acr", json!("gold silver")).verdict().await, "acr");
    assert_eq!(asking().verdict().await, "acr");
    assert_eq!(asking().claim("acr", json!(2)).verdict().await, "invalid_field");
}

#[tokio::test]
async fn claims_that_decide_nothing_may_have_any_type() {
    for (name, value) in [
        ("updated_at", json!("yesterday")),
        ("email_verified", json!("true")),
        ("amr", json!("pwd")),
        ("acr", json!(2)),
        ("auth_time", json!("noon")),
        ("jti", json!(7)),
        ("address", json!("1 Rabbit Hole")),
        ("https://op.example/deep", json!({"a": [{"b": null}]})),
    ] {
        assert_eq!(verdict(name, value).await, "ok", "{name}");
    }
}

#[tokio::test]
async fn the_claims_are_there_as_they_came() {
    let tokens = Scenario::openid().claim("groups", json!(["a", "ü"])).log_in().await.unwrap();
    let id_token = tokens.id_token().unwrap();
    assert_eq!(id_token.subject(), crate::scenario::SUBJECT);
    assert_eq!(id_token.claim("groups").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(id_token.claims()["groups"][1].as_str(), Some("ü"));
    assert_eq!(id_token.claims()["iss"].as_str(), Some(ISSUER));
    assert!(id_token.claim("missing").is_none());
    assert_eq!(id_token.expose().split('.').count(), 3);
}

#[tokio::test]
async fn an_id_token_that_was_asked_for_must_come() {
    // Core §3.1.3.5.
    let without = || Scenario::openid().with(|op| op.id_token = false);
    assert_eq!(without().verdict().await, "missing_id_token");
    assert_eq!(without().token("id_token", json!(null)).verdict().await, "missing_id_token");
    assert_eq!(Scenario::openid().token("id_token", json!(7)).verdict().await, "invalid_field");
    let unasked = Scenario::openid().asking(|login| login.scope("calendar")).with(|op| op.id_token = false);
    assert!(unasked.log_in().await.unwrap().id_token().is_none());
}

#[tokio::test]
async fn an_alias_that_is_documented_is_an_issuer_too() {
    // Google documents both https://accounts.google.com and accounts.google.com.
    let definition = format!(
        "slug = \"aliased\"\ndisplay_name = \"A\"\nkind = \"openid\"\nissuer = \"{ISSUER}\"\n\
         issuer_aliases = [\"op.example\"]\nscopes = [\"openid\"]\ndocumentation = \"{ISSUER}\"\nchecked = \"2026-01-01\"\n"
    );
    for (iss, expected) in [("op.example", true), (ISSUER, true), ("evil.example", false)] {
        let scenario = Scenario::openid().claim("iss", json!(iss));
        let provider = vouchsafe::Provider::from_definition(definition.clone()).unwrap();
        let client = vouchsafe::Client::new(provider, crate::scenario::web(), &scenario.wire.http()).unwrap();
        let login = client.login().await.unwrap();
        let query = scenario.callback(&login.url);
        assert_eq!(client.finish(login.pending, &query).await.is_ok(), expected, "{iss}");
    }
}

#[tokio::test]
async fn an_id_token_in_hand_is_verified_by_the_same_rules() {
    let scenario = Scenario::openid();
    let manual = scenario.client().manual();
    let token = |nonce: Option<&str>| {
        let mut op = scenario.op();
        op.claims = nonce.map_or(json!({}), |nonce| json!({ "nonce": nonce }));
        op.id_token()
    };
    let (plain, with_nonce) = (token(None), token(Some("n")));
    assert_eq!(manual.verify_id_token(&plain, None).await.unwrap().subject(), crate::scenario::SUBJECT);
    assert_eq!(manual.verify_id_token(&with_nonce, Some("n")).await.unwrap().expose(), with_nonce);
    for (token, nonce) in [(&plain, Some("n")), (&with_nonce, None), (&with_nonce, Some("m"))] {
        let error = manual.verify_id_token(token, nonce).await.unwrap_err();
        assert_eq!(error.code(), "nonce_mismatch");
        assert!(error.to_string().starts_with("verifying the JWT was refused"), "{error}");
    }
}

#[tokio::test]
async fn any_jwt_of_the_provider_can_be_verified() {
    let scenario = Scenario::openid().claim("aud", json!("https://api.example")).without("iat");
    let manual = scenario.client().manual();
    let jwt = scenario.op().id_token();
    let claims = manual.verify_jwt(&jwt, Some("https://api.example")).await.unwrap();
    assert_eq!(claims["sub"].as_str(), Some(crate::scenario::SUBJECT));
    assert!(manual.verify_jwt(&jwt, None).await.is_ok());
    assert_eq!(manual.verify_jwt(&jwt, Some("https://other.example")).await.unwrap_err().code(), "audience");

    scenario.op().claims["iss"] = json!("https://evil.example");
    let foreign = scenario.op().id_token();
    assert_eq!(manual.verify_jwt(&foreign, None).await.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn a_provider_without_keys_verifies_no_jwt() {
    let client = crate::scenario::idle(crate::scenario::acme());
    let error = client.manual().verify_id_token("a.b.c", None).await.unwrap_err();
    assert_eq!(error.code(), "keys_not_supported");
}
