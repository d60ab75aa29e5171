//! Answers of an attacker: what stands beside what is read, what contradicts itself, and what quotes secrets.
use serde_json::{Value, json};

use crate::forge;
use crate::scenario::{
    ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET, CODE, ISSUER, REFRESH_TOKEN, SUBJECT, Scenario, now,
};
use crate::wire::{answer, json as answer_json};

async fn identity(scenario: &Scenario) -> String {
    let tokens = scenario.log_in().await.unwrap();
    scenario.client().identity(&tokens).await.map_or_else(|e| e.code().to_owned(), |_| "ok".to_owned())
}

fn saying(userinfo: Value) -> Scenario {
    Scenario::openid().with(|op| op.userinfo = userinfo)
}

#[tokio::test]
async fn a_token_response_is_sound_where_nobody_looks_too() {
    let token = r#""access_token":"a","token_type":"Bearer""#;
    for more in [
        r#""team":{"id":1,"id":2}"#.to_owned(),
        r#""x":[{"y":{"a":1,"a":2}}]"#.to_owned(),
        r#""x":"\ud800""#.to_owned(),
        r#""x":1e999"#.to_owned(),
        format!(r#""x":{}{}"#, "[".repeat(500), "]".repeat(500)),
    ] {
        let body = format!("{{{token},{more}}}");
        let scenario = Scenario::openid().at("/token", answer(200, "application/json", body));
        assert_eq!(scenario.verdict().await, "json", "{more:.40}");
    }
}

#[tokio::test]
async fn of_two_content_types_both_must_do() {
    for (second, verdict) in [("text/html", "content_type"), ("application/json; charset=utf-8", "ok")] {
        let mut keys = answer_json(200, forge::jwks());
        keys.headers_mut().append("content-type", second.parse().unwrap());
        let scenario = Scenario::openid().at("/jwks", keys);
        assert_eq!(scenario.verdict().await, verdict, "{second}");
    }
}

#[tokio::test]
async fn a_scope_holds_no_control_characters() {
    for scope in [json!("openid \u{1b}[31m"), json!(["openid", "a\nb"])] {
        assert_eq!(Scenario::openid().token("scope", scope).verdict().await, "invalid_field");
    }
}

#[tokio::test]
async fn userinfo_without_a_signature_may_hold_any_issuer_audience_and_times() {
    for claims in
        [json!({"iss": "https://evil.example"}), json!({"iss": 7, "aud": "another", "exp": 1, "nbf": "x"})]
    {
        let mut profile = json!({"sub": SUBJECT});
        profile.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        assert_eq!(identity(&saying(profile)).await, "ok", "{claims}");
    }
}

#[tokio::test]
async fn an_email_of_a_wrong_type_is_no_email_and_ends_no_login() {
    for email in [json!(7), json!(true), json!(false), json!(["a@b.example"]), json!({})] {
        for scenario in [
            saying(json!({"sub": SUBJECT, "email": email, "email_verified": true})),
            Scenario::openid().claim("email", email.clone()).claim("email_verified", json!(true)),
        ] {
            let tokens = scenario.log_in().await.unwrap();
            let identity = scenario.client().identity(&tokens).await.unwrap();
            // An address in the other of the two places counts, with what is said there.
            assert!(identity.email().is_none_or(|email| email == "one@op.example"), "{email}");
            assert_eq!(identity.warnings()[0].code(), "email", "{email}");
        }
    }
    for email in [json!(null), json!("")] {
        assert_eq!(identity(&saying(json!({"sub": SUBJECT, "email": email}))).await, "ok");
    }
}

/// UserInfo signed with that header and those claims.
fn signed(header: Value, claims: Value) -> Scenario {
    let jwt = forge::jwt("RS256", "rsa", &header, &claims.to_string());
    Scenario::openid().at("/userinfo", answer(200, "application/jwt", jwt))
}

#[tokio::test]
async fn signed_userinfo_has_its_time() {
    for (claims, verdict) in [
        (json!({"iat": now(), "exp": now() + 60, "nbf": now()}), "ok"),
        (json!({"exp": now() - 5}), "ok"),
        (json!({"exp": now() - 600}), "expired"),
        (json!({"iat": now() + 600}), "not_yet_valid"),
        (json!({"nbf": now() + 600}), "not_yet_valid"),
        (json!({"exp": "never"}), "invalid_field"),
        (json!({"exp": null}), "invalid_field"),
    ] {
        let mut all = json!({"sub": SUBJECT, "iss": ISSUER, "aud": CLIENT_ID});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let scenario = signed(json!({"alg": "RS256", "kid": "rsa"}), all);
        assert_eq!(identity(&scenario).await, verdict, "{claims}");
    }
}

#[tokio::test]
async fn signed_userinfo_is_of_no_other_type_and_by_an_announced_algorithm() {
    let claims = || json!({"sub": SUBJECT, "iss": ISSUER, "aud": CLIENT_ID});
    let other = signed(json!({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"}), claims());
    assert_eq!(identity(&other).await, "token_type");
    for (announced, verdict) in [("RS256", "ok"), ("ES256", "algorithm")] {
        let scenario = signed(json!({"alg": "RS256", "kid": "rsa"}), claims())
            .metadata("userinfo_signing_alg_values_supported", json!([announced]));
        assert_eq!(identity(&scenario).await, verdict, "{announced}");
    }
}

#[tokio::test]
async fn nothing_that_a_provider_quotes_comes_back_out() {
    for scenario in [
        Scenario::openid().at("/token", answer(200, &format!("text/{CODE}+{CLIENT_SECRET}"), "x")),
        Scenario::openid().header("kid", json!(format!("no {CODE}, no {CLIENT_SECRET}"))),
        Scenario::openid().header("alg", json!(CODE)),
        Scenario::openid().claim("iss", json!(format!("https://{CODE}.example/{CLIENT_SECRET}"))),
    ] {
        let error = scenario.log_in().await.unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(!told.contains(CODE) && !told.contains(CLIENT_SECRET), "{told}");
    }
}

#[tokio::test]
async fn userinfo_that_quotes_what_the_provider_knows_gives_nothing_away() {
    let said = format!("{ACCESS_TOKEN} {REFRESH_TOKEN} {CLIENT_SECRET}");
    let body = json!({"error": "invalid_token", "error_description": said});
    let scenario = Scenario::openid().at("/userinfo", answer_json(401, body));
    let tokens = scenario.log_in().await.unwrap();
    let told = scenario.client().profile(&tokens).await.unwrap_err().to_string();
    assert!([ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET].iter().all(|s| !told.contains(s)), "{told}");
}

#[tokio::test]
async fn an_authorization_response_that_quotes_secrets_gives_nothing_away() {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let said = format!("error=no&error_description=not+{CODE}+nor+{CLIENT_SECRET}");
    let query = format!("{}&{said}", scenario.callback(&login.url));
    let told = scenario.client().finish(login.pending, &query).await.unwrap_err().to_string();
    assert!(told.contains("not … nor …"), "{told}");
}

#[tokio::test]
async fn what_is_said_at_length_is_told_short_and_legible() {
    let long = format!("\u{1b}[31m{}", "x".repeat(5000));
    let plain = "x".repeat(5000);
    let refused = |body: Value| Scenario::openid().at("/token", answer_json(400, body));
    for scenario in [
        refused(json!({"error": "invalid_grant", "error_description": long, "error_uri": long})),
        refused(json!({"error": {"type": "invalid_grant", "message": long}})),
        refused(json!({ "error": plain })),
        Scenario::openid().at("/token", answer(200, &format!("text/{plain}"), "x")),
        Scenario::openid().header("alg", json!(long)),
        Scenario::openid().header("kid", json!(long)),
        Scenario::openid().header("typ", json!(format!("{long}+jwt"))),
        Scenario::openid().claim("iss", json!(long)),
    ] {
        let error = scenario.log_in().await.unwrap_err();
        let told = error.to_string();
        assert!(told.chars().count() < 1000 && !told.contains(char::is_control), "{told}");
        assert!(!format!("{error:?}").contains(&"x".repeat(401)), "{error:?}");
    }
}
