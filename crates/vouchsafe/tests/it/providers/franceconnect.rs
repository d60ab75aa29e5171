use serde_json::{Value, json};
use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, Stage};
use crate::scenario::{CLIENT_ID, now};
use crate::{forge, wire};

const BASE: &str = "https://oidc.franceconnect.gouv.fr/api/v2";

fn stage() -> Stage {
    let stage = Stage::new("franceconnect", providers::franceconnect());
    let metadata = json!({
        "issuer": BASE,
        "authorization_endpoint": format!("{BASE}/authorize"),
        "token_endpoint": format!("{BASE}/token"),
        "userinfo_endpoint": format!("{BASE}/userinfo"),
        "jwks_uri": format!("{BASE}/jwks"),
    });
    stage.metadata(&format!("GET {BASE}/.well-known/openid-configuration"), &metadata);
    stage
}

/// UserInfo as FranceConnect sends it: signed.
fn signed(claims: &Value) -> vouchsafe::http::Response {
    let mut claims = claims.clone();
    claims["aud"] = CLIENT_ID.into();
    claims["exp"] = (now() + 60).into();
    let header = json!({"alg": "ES256", "kid": "p256"});
    wire::answer(200, "application/jwt", forge::jwt("ES256", "p256", &header, &claims.to_string()))
}

#[tokio::test]
async fn a_login_at_franceconnect() {
    let stage = stage();
    let token = format!("POST {BASE}/token");
    let (url, tokens) = stage.log_in_with(&token, stage.sample("id_token_claims")).await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "{BASE}/authorize?{ASKED}&scope=openid+given_name+family_name+email&acr_values=eidas1&state=*&nonce=*"
        )
    );
    assert_eq!(
        stage.letters("/api/v2/token"),
        [format!("{token}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&{IN_FORM}")]
    );

    let claims = stage.sample("userinfo_claims");
    let userinfo = format!("GET {BASE}/userinfo");
    stage.answer(&userinfo, signed(&claims));
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{userinfo}\naccept: application/json\nauthorization: Bearer sample-access-token-60s")
    );
    assert_eq!(identity.subject(), "6925fb8143c76eded44d32b40c0cb1006065f7f003de52712b78985704f39950v1");
    assert_eq!(
        (identity.email(), identity.email_verified()),
        (Some("viviane.dulac@broceliande.example"), None)
    );
    assert_eq!(identity.name(), Some("Viviane"));
    assert_eq!(stage.client.refresh(&tokens).await.unwrap_err().code(), "refresh_not_supported");
}

#[tokio::test]
async fn franceconnect_has_one_level_of_assurance() {
    let stage = stage();
    let url = stage.client.login().acr_values(["eidas1"]).await.unwrap().url;
    assert_eq!(url.matches("acr_values=eidas1").count(), 1);
    let error = stage.client.login().acr_values(["eidas3"]).await.unwrap_err();
    assert_eq!(error.code(), "invalid_option");
}

#[tokio::test]
async fn userinfo_of_franceconnect_is_believed_by_its_signature() {
    let stage = stage();
    let tokens =
        stage.log_in_with(&format!("POST {BASE}/token"), stage.sample("id_token_claims")).await.1.unwrap();
    let claims = stage.sample("userinfo_claims");
    let change = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    for (answer, code) in [
        (signed(&change("sub", json!("another"))), "subject_mismatch"),
        (signed(&change("iss", json!("https://evil.example"))), "issuer_mismatch"),
        (wire::answer(200, "application/jwt", "a.b.c"), "jwt"),
        (wire::json(200, claims.clone()), "content_type"),
    ] {
        stage.answer(&format!("GET {BASE}/userinfo"), answer);
        assert_eq!(stage.client.identity(&tokens).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn refusals_of_franceconnect_are_told() {
    let stage = stage();
    let said = stage.sample("callback_error");
    let query =
        format!("error={}&error_description=User+auth+aborted&state=STATE", said["error"].as_str().unwrap());
    assert!(stage.log_in(&query).await.1.unwrap_err().is_denied());
    stage.at(&format!("POST {BASE}/token"), 400, "token_error");
    assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn the_integration_environment_of_franceconnect_is_another_issuer() {
    let stage = Stage::new("franceconnect", providers::franceconnect_integration());
    let _ = stage.client.metadata().await;
    assert_eq!(
        stage.wire.seen()[0].uri().to_string(),
        "https://fcp-low.integ01.dev-franceconnect.fr/api/v2/.well-known/openid-configuration"
    );
}
