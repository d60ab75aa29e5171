//! UserInfo (OpenID Connect Core section 5.3): about this user, and signed where it is signed.
use serde_json::{Value, json};
use vouchsafe::{Error, Provider};

use crate::forge;
use crate::scenario::{ACCESS_TOKEN, CLIENT_ID, ISSUER, SUBJECT, Scenario};
use crate::wire::{answer, json};

async fn profile(scenario: &Scenario) -> Result<Value, Error> {
    let tokens = scenario.log_in().await.unwrap();
    scenario.client().profile(&tokens).await
}

async fn refusal(userinfo: Value) -> Error {
    profile(&Scenario::openid().with(|op| op.userinfo = userinfo)).await.unwrap_err()
}

#[tokio::test]
async fn the_access_token_is_in_the_body_where_the_provider_wants_it_there() {
    // RFC 6750 §2.2: by POST, as a form, and at no other place in the same request.
    let scenario = Scenario::openid().provider(Provider::openid(ISSUER).userinfo_token_in_body());
    let tokens = scenario.log_in().await.unwrap();
    scenario.client().identity(&tokens).await.unwrap();
    let request = scenario.wire.seen_at("/userinfo").remove(0);
    assert_eq!(request.method(), "POST");
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.body(), format!("access_token={ACCESS_TOKEN}").as_bytes());
    assert!(request.headers().get("authorization").is_none() && request.uri().query().is_none());
}

#[tokio::test]
async fn userinfo_is_about_the_user_of_the_id_token() {
    // Section 5.3.2: the sub MUST be verified to match exactly.
    assert!(profile(&Scenario::openid()).await.is_ok());
    for other in ["another", "SUBJECT-1", "subject-1 ", ""] {
        let error = refusal(json!({"sub": other})).await;
        assert_eq!(error.code(), "subject_mismatch", "{other}");
        assert!(error.to_string().starts_with("fetching the profile was refused"), "{error}");
    }
    assert_eq!(refusal(json!({"name": "x"})).await.code(), "missing_field");
    assert_eq!(refusal(json!({"sub": 7})).await.code(), "invalid_field");
    assert_eq!(refusal(json!([])).await.code(), "json");
}

#[tokio::test]
async fn a_member_that_stands_twice_is_refused() {
    let body = format!(r#"{{"sub":"{SUBJECT}","email":"a@b.example","email":"c@d.example"}}"#);
    let scenario = Scenario::openid().at("/userinfo", answer(200, "application/json", body));
    assert_eq!(profile(&scenario).await.unwrap_err().code(), "json");
}

/// A login at a provider that answers with that JWT as UserInfo.
fn signed(alg: &str, kid: &str, claims: Value) -> Scenario {
    let jwt = forge::jwt(alg, kid, &json!({"alg": alg, "kid": forge::key_for(alg)}), &claims.to_string());
    Scenario::openid().at("/userinfo", answer(200, "application/jwt; charset=utf-8", jwt))
}

#[tokio::test]
async fn signed_userinfo_is_verified_and_read() {
    let claims = json!({"sub": SUBJECT, "iss": ISSUER, "aud": CLIENT_ID, "name": "Ü"});
    for alg in ["RS256", "ES256", "EdDSA"] {
        let scenario = signed(alg, forge::key_for(alg), claims.clone());
        assert_eq!(profile(&scenario).await.unwrap()["name"].as_str(), Some("Ü"), "{alg}");
    }
    let bare = signed("RS256", "rsa", json!({"sub": SUBJECT}));
    assert!(profile(&bare).await.is_ok(), "iss and aud are a SHOULD");
    let several = signed("RS256", "rsa", json!({"sub": SUBJECT, "aud": ["x", CLIENT_ID]}));
    assert!(profile(&several).await.is_ok());
}

#[tokio::test]
async fn signed_userinfo_that_is_not_the_providers_is_refused() {
    // Core §5.3.4.
    let claims = json!({"sub": SUBJECT, "iss": ISSUER, "aud": CLIENT_ID});
    for (scenario, code) in [
        (signed("RS256", "stranger", claims.clone()), "signature"),
        (signed("RS256", "rsa", json!({"sub": "another"})), "subject_mismatch"),
        (signed("RS256", "rsa", json!({"iss": ISSUER})), "missing_field"),
        (signed("RS256", "rsa", json!({"sub": SUBJECT, "iss": "https://evil.example"})), "issuer_mismatch"),
        (signed("RS256", "rsa", json!({"sub": SUBJECT, "iss": 7})), "issuer_mismatch"),
        (signed("RS256", "rsa", json!({"sub": SUBJECT, "aud": "another"})), "audience"),
        (signed("RS256", "rsa", json!({"sub": SUBJECT, "aud": ["another"]})), "audience"),
        (Scenario::openid().at("/userinfo", answer(200, "application/jwt", "{}")), "jwt"),
    ] {
        assert_eq!(profile(&scenario).await.unwrap_err().code(), code);
    }
    let unsigned = forge::jwt("none", "", &json!({"alg": "none"}), &claims.to_string());
    let scenario = Scenario::openid().at("/userinfo", answer(200, "application/jwt", unsigned));
    assert_eq!(profile(&scenario).await.unwrap_err().code(), "algorithm");
}

#[tokio::test]
async fn a_jwt_from_a_service_without_keys_is_not_read() {
    let wire = crate::wire::Wire::always(answer(200, "application/jwt", "a.b.c"));
    let client =
        vouchsafe::Client::new(crate::scenario::acme(), crate::scenario::web(), &wire.http()).unwrap();
    assert_eq!(client.manual().profile("at").await.unwrap_err().code(), "content_type");
}

#[tokio::test]
async fn a_coded_body_is_told_by_its_coding() {
    let mut coded = json(200, json!({}));
    *coded.body_mut() = vec![0x1f, 0x8b, 8, 0];
    coded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let error = profile(&Scenario::openid().at("/userinfo", coded)).await.unwrap_err();
    assert_eq!(error.code(), "content_type");
    assert!(error.to_string().contains("the content coding gzip"), "{error}");
    // A client of the application's own may have decoded it already.
    let mut decoded = json(200, json!({"sub": SUBJECT}));
    decoded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert!(profile(&Scenario::openid().at("/userinfo", decoded)).await.is_ok());
}

#[tokio::test]
async fn the_content_type_decides_what_is_read() {
    for kind in ["text/html", "text/html, application/json", "application/json, text/html", "image/png"] {
        let scenario =
            Scenario::openid().at("/userinfo", answer(200, kind, json!({"sub": SUBJECT}).to_string()));
        assert_eq!(profile(&scenario).await.unwrap_err().code(), "content_type", "{kind}");
    }
    for kind in [
        "application/json; charset=UTF-8",
        "APPLICATION/JSON",
        "text/json",
        "application/scim+json",
        "text/plain",
        "application/octet-stream",
        "application/json, application/json",
        "application/json,charset=utf-8",
        "Application/Problem+JSON;v=1",
    ] {
        let scenario =
            Scenario::openid().at("/userinfo", answer(200, kind, json!({"sub": SUBJECT}).to_string()));
        assert!(profile(&scenario).await.is_ok(), "{kind}");
    }
    let mut bare = json(200, json!({"sub": SUBJECT}));
    bare.headers_mut().clear();
    assert!(profile(&Scenario::openid().at("/userinfo", bare)).await.is_ok(), "no type is no other type");
}
