//! Signed authorization responses, JWT Secured Authorization Response Mode (JARM).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;
use vouchsafe_sandbox::{Fault, Sandbox};

use crate::scenario::{Scenario, claims, jose_header, query_value};
use crate::signer::now;

async fn signing() -> Scenario {
    Scenario::with(Sandbox::builder().signing_alg("ES256")).await
}

async fn response(scenario: &Scenario, mode: &str) -> Value {
    let url = scenario.authorization_url(&[("response_mode", mode)]);
    let callback = scenario.person().allow(&url).await.unwrap();
    query_value(&callback, "response").unwrap_or_else(|| panic!("{callback}")).into()
}

async fn is_signed(scenario: &Scenario, jwt: &Value) -> bool {
    let set = scenario.get("/jwks").await.json();
    let kid = &jose_header(jwt)["kid"];
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let (input, signature) = jwt.as_str().unwrap().rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(input.as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn response_is_one_signed_jwt_jarm_2_1() {
    let scenario = signing().await;
    for mode in ["jwt", "query.jwt", "form_post.jwt"] {
        let url = scenario.authorization_url(&[("response_mode", mode)]);
        let callback = scenario.person().allow(&url).await.unwrap();
        let names: Vec<_> =
            Url::parse(&callback).unwrap().query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["response"], "{mode}");
        let jwt = query_value(&callback, "response").unwrap().into();
        assert!(is_signed(&scenario, &jwt).await, "{mode}");
        let claims = claims(&jwt);
        assert_eq!(claims["iss"], scenario.sandbox.issuer());
        assert_eq!(claims["aud"], scenario.sandbox.client_id());
        assert_eq!(claims["state"], "the state");
        let lifetime = claims["exp"].as_u64().unwrap() - now();
        assert!((1..=600).contains(&lifetime));
        assert_eq!(scenario.redeem(claims["code"].as_str().unwrap(), &[]).await.status, 200);
    }
}

#[tokio::test]
async fn form_post_jwt_is_a_form() {
    let scenario = signing().await;
    let url = scenario.authorization_url(&[("response_mode", "form_post.jwt"), ("prompt", "none")]);
    let page = scenario.get(url.strip_prefix(scenario.sandbox.issuer()).unwrap()).await;
    assert!(page.body.contains("<form method=\"post\"") && page.body.contains("name=\"response\""));
}

#[tokio::test]
async fn error_is_signed_as_well() {
    let scenario = signing().await;
    for params in [&[("scope", "a\"b")][..], &[("prompt", "none")]] {
        let url = scenario.authorization_url(&[params, &[("response_mode", "jwt")]].concat());
        let callback = scenario.person().allow(&url).await.unwrap();
        let jwt = query_value(&callback, "response").unwrap().into();
        assert!(is_signed(&scenario, &jwt).await);
        let claims = claims(&jwt);
        assert!(claims["error"].is_string() && claims["error_description"].is_string(), "{claims}");
        assert_eq!((&claims["state"], claims.get("code")), (&json!("the state"), None));
    }
}

#[tokio::test]
async fn fragment_is_refused() {
    let scenario = signing().await;
    let url = scenario.authorization_url(&[("response_mode", "fragment.jwt")]);
    let callback = scenario.person().allow(&url).await.unwrap();
    assert_eq!(query_value(&callback, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn each_fault_changes_the_signed_response() {
    let scenario = signing().await;
    let with = async |fault: Fault| {
        scenario.sandbox.clear_faults();
        scenario.sandbox.fault(fault);
        response(&scenario, "jwt").await
    };
    for (fault, name) in [
        (Fault::JARM_WITHOUT_ISSUER, "iss"),
        (Fault::JARM_WITHOUT_AUDIENCE, "aud"),
        (Fault::JARM_WITHOUT_EXPIRY, "exp"),
    ] {
        assert_eq!(claims(&with(fault).await).get(name), None);
    }
    assert_eq!(claims(&with(Fault::JARM_WRONG_ISSUER).await)["iss"], "https://elsewhere.example");
    assert_eq!(claims(&with(Fault::JARM_FOREIGN_AUDIENCE).await)["aud"], "another-client");
    assert!(claims(&with(Fault::JARM_EXPIRED).await)["exp"].as_u64().unwrap() < now());
    for fault in [Fault::JARM_SIGNATURE_WRONG, Fault::JARM_FORGED] {
        let jwt = with(fault).await;
        assert!(!is_signed(&scenario, &jwt).await, "{fault:?}");
    }
    let unsigned = with(Fault::JARM_ALG_NONE).await;
    assert_eq!(jose_header(&unsigned)["alg"], "none");
    assert!(unsigned.as_str().unwrap().ends_with('.'));
    assert_eq!(with(Fault::JARM_ENCRYPTED).await.as_str().unwrap().split('.').count(), 5);
    // Faults of the plain response change the claims.
    assert_ne!(claims(&with(Fault::FOREIGN_STATE).await)["state"], "the state");
    assert_eq!(claims(&with(Fault::MISSING_ISSUER).await).get("iss"), None);

    let callback = async |fault: Fault| {
        scenario.sandbox.clear_faults();
        scenario.sandbox.fault(fault);
        let url = scenario.authorization_url(&[("response_mode", "jwt")]);
        scenario.person().allow(&url).await.unwrap()
    };
    assert_eq!(callback(Fault::JARM_TWICE).await.matches("response=").count(), 2);
    let plain = callback(Fault::JARM_PLAIN).await;
    assert!(query_value(&plain, "response").is_none() && query_value(&plain, "code").is_some());
    let both = callback(Fault::JARM_AND_PLAIN).await;
    assert!(query_value(&both, "response").is_some() && query_value(&both, "code").is_some());
    // They do not touch a plain response, nor an ID token.
    scenario.sandbox.clear_faults();
    scenario.sandbox.fault(Fault::JARM_WRONG_ISSUER);
    let tokens = scenario.tokens(&[]).await;
    assert_eq!(claims(&tokens["id_token"])["iss"], scenario.sandbox.issuer());
}
