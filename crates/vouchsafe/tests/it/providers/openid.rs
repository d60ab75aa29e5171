use serde_json::json;
use vouchsafe::Provider;

use super::{ASKED, BASIC, EXCHANGE, FORM, PKCE, Stage};

const ISSUER: &str = "https://id.example.com";
const TOKEN: &str = "POST https://id.example.com/token";
const PROFILE: &str = "GET https://id.example.com/userinfo";

fn stage(discovery: &str) -> Stage {
    let stage = Stage::new("openid", Provider::openid(ISSUER));
    let mut metadata = stage.sample(discovery);
    // The browser's way back is that of the other tests, which names no issuer.
    metadata["authorization_response_iss_parameter_supported"] = json!(false);
    stage.metadata("GET https://id.example.com/.well-known/openid-configuration", &metadata);
    stage
}

#[tokio::test]
async fn a_login_at_any_openid_provider() {
    let stage = stage("discovery");
    stage.at(PROFILE, 200, "profile");
    let claims = json!({"iss": ISSUER, "sub": "248289761001"});
    let (url, tokens) = stage.log_in_with(TOKEN, claims.clone()).await;
    let tokens = tokens.unwrap();
    assert_eq!(url, format!("{ISSUER}/authorize?{ASKED}&scope=openid+profile+email&state=*&nonce=*&{PKCE}"));
    assert_eq!(
        stage.letters("/token"),
        [format!("{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\n{EXCHANGE}&code_verifier=*")]
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        (identity.subject(), identity.verified_email()),
        ("248289761001", Some("percival@grail.example"))
    );
    stage.tokens(TOKEN, "token", claims);
    stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\ngrant_type=refresh_token&refresh_token=oidc-sample-refresh"
        )
    );
    stage.at(TOKEN, 400, "token_error");
    assert!(stage.client.refresh(&tokens).await.unwrap_err().needs_login());
}

#[tokio::test]
async fn metadata_that_says_little_is_enough() {
    let stage = stage("discovery_minimal");
    let claims = json!({"iss": ISSUER, "sub": "7", "email": "a@b.example", "email_verified": true});
    let tokens = stage.log_in_with(TOKEN, claims).await.1.unwrap();
    assert_eq!(stage.client.identity(&tokens).await.unwrap().verified_email(), Some("a@b.example"));
    assert_eq!(stage.client.revoke(&tokens).await.unwrap_err().code(), "revoke_not_supported");
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let error = stage("discovery_wrong_issuer").client.metadata().await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch");
}
