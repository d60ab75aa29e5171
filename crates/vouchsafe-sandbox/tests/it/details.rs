//! Authorization details (RFC 9396), resources (RFC 8707), and claims by name (OpenID Connect Core section 5.5).

use serde_json::{Value, json};
use vouchsafe_sandbox::{Sandbox, User};

use crate::scenario::{Scenario, claims, query_value};

const DETAILS: &str = r#"[{"type":"payment_initiation","amount":"12.30"},{"type":"account_information"}]"#;

async fn refused(scenario: &Scenario, params: &[(&str, &str)]) -> String {
    let callback = scenario.person().allow(&scenario.authorization_url(params)).await.unwrap();
    query_value(&callback, "error").unwrap_or_else(|| panic!("{callback}"))
}

#[tokio::test]
async fn authorization_details_come_back_with_the_tokens_rfc9396_7() {
    let scenario = Scenario::with(Sandbox::builder().jwt_access_tokens("https://api.example")).await;
    let asked: Value = serde_json::from_str(DETAILS).unwrap();
    let tokens = scenario.tokens(&[("authorization_details", DETAILS)]).await;
    assert_eq!(tokens["authorization_details"], asked);
    assert_eq!(claims(&tokens["access_token"])["authorization_details"], asked);
    let told = scenario.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(told["authorization_details"], asked);
    // Section 6: fewer, but not other ones.
    let code = scenario.code(&[("authorization_details", DETAILS)]).await;
    let other = [("authorization_details", r#"[{"type":"payment_initiation","amount":"99.00"}]"#)];
    scenario.redeem(&code, &other).await.assert_error(400, "invalid_authorization_details");
    let code = scenario.code(&[("authorization_details", DETAILS)]).await;
    let fewer = [("authorization_details", r#"[{"type":"account_information"}]"#)];
    let tokens = scenario.redeem(&code, &fewer).await.json();
    assert_eq!(tokens["authorization_details"], json!([{ "type": "account_information" }]));
    assert_eq!(scenario.tokens(&[]).await.get("authorization_details"), None);
}

#[tokio::test]
async fn unknown_authorization_details_are_refused_rfc9396_5() {
    let scenario = Scenario::with(Sandbox::builder().authorization_details_type("loan")).await;
    for details in ["nonsense", "{}", "[{}]", r#"[{"type":"unknown"}]"#] {
        let error = refused(&scenario, &[("authorization_details", details)]).await;
        assert_eq!(error, "invalid_authorization_details", "{details}");
    }
    scenario.code(&[("authorization_details", r#"[{"type":"loan"}]"#)]).await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    let types = json!(["account_information", "payment_initiation", "loan"]);
    assert_eq!(metadata["authorization_details_types_supported"], types);
}

#[tokio::test]
async fn resource_becomes_the_audience_rfc8707_2() {
    let scenario = Scenario::with(Sandbox::builder().jwt_access_tokens("https://api.example")).await;
    let url = scenario.authorization_url(&[("resource", "https://a.example/")]);
    let code = scenario.code_at(&format!("{url}&resource=https://b.example/")).await;
    let tokens = scenario.redeem(&code, &[]).await.json();
    let both = json!(["https://a.example/", "https://b.example/"]);
    assert_eq!(claims(&tokens["access_token"])["aud"], both);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form =
        |resource| [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", resource)];
    let other = scenario.post("/token", &form("https://c.example/")).await;
    other.assert_error(400, "invalid_target");
    let one = scenario.post("/token", &form("https://b.example/")).await.json();
    assert_eq!(claims(&one["access_token"])["aud"], "https://b.example/");
    let told = scenario.introspect(one["access_token"].as_str().unwrap()).await;
    assert_eq!(told["aud"], "https://b.example/");
    let plain = scenario.tokens(&[]).await;
    assert_eq!(claims(&plain["access_token"])["aud"], "https://api.example");
}

#[tokio::test]
async fn resource_that_is_no_absolute_uri_or_unknown_is_refused_rfc8707_2() {
    let scenario = Scenario::new().await;
    for resource in ["api", "https://a.example/#part"] {
        assert_eq!(refused(&scenario, &[("resource", resource)]).await, "invalid_target", "{resource}");
    }
    let scenario = Scenario::with(Sandbox::builder().resource("https://a.example/")).await;
    assert_eq!(refused(&scenario, &[("resource", "https://b.example/")]).await, "invalid_target");
    scenario.code(&[("resource", "https://a.example/")]).await;
}

#[tokio::test]
async fn claims_are_given_where_they_are_asked_for_core_5_5() {
    let user = User::alice().with_claim("birthdate", json!("1852-05-04"));
    let scenario = Scenario::with(Sandbox::builder().user(user)).await;
    let wanted = r#"{"userinfo":{"email":null,"unknown":null},"id_token":{"name":{"essential":true},"acr":{"essential":true,"values":["gold","silver"]}}}"#;
    let tokens = scenario.tokens(&[("scope", "openid"), ("claims", wanted)]).await;
    let id_token = claims(&tokens["id_token"]);
    assert_eq!((&id_token["name"], &id_token["acr"]), (&json!("Alice Liddell"), &json!("gold")));
    assert_eq!(id_token.get("email"), None);
    let userinfo = scenario.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["email"], "alice@example.com");
    assert_eq!((userinfo.get("name"), userinfo.get("unknown")), (None, None));
    for wrong in ["nonsense", "[]"] {
        assert_eq!(refused(&scenario, &[("claims", wrong)]).await, "invalid_request", "{wrong}");
    }
}
