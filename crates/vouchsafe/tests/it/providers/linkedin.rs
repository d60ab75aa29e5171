use serde_json::{Value, json};
use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, Stage};

const ISSUER: &str = "https://www.linkedin.com/oauth";
const TOKEN: &str = "POST https://www.linkedin.com/oauth/v2/accessToken";
const PROFILE: &str = "GET https://api.linkedin.com/v2/userinfo";

fn stage() -> Stage {
    let stage = Stage::new("linkedin", providers::linkedin());
    let metadata = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://www.linkedin.com/oauth/v2/authorization",
        "token_endpoint": "https://www.linkedin.com/oauth/v2/accessToken",
        "userinfo_endpoint": "https://api.linkedin.com/v2/userinfo",
        "jwks_uri": "https://www.linkedin.com/oauth/openid/jwks",
    });
    stage.metadata(&format!("GET {ISSUER}/.well-known/openid-configuration"), &metadata);
    stage
}

/// An ID token as LinkedIn writes it: without the nonce.
fn claims(subject: &str) -> Value {
    json!({"iss": ISSUER, "sub": subject})
}

#[tokio::test]
async fn a_login_at_linkedin() {
    let stage = stage();
    stage.tokens(TOKEN, "token", claims("782bbtaQ"));
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://www.linkedin.com/oauth/v2/authorization?{ASKED}&scope=openid+profile+email&state=*&nonce=*"
        )
    );
    assert_eq!(
        stage.letters("/oauth/v2/accessToken"),
        [format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&{IN_FORM}")]
    );
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["email", "openid", "profile"]);
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer AQXsample-access")
    );
    assert_eq!((identity.subject(), identity.name()), ("782bbtaQ", Some("Gareth Beaumains")));
    assert_eq!(identity.verified_email(), Some("gareth@kitchen.example"));
    assert_eq!(stage.client.revoke(&tokens).await.unwrap_err().code(), "revoke_not_supported");

    stage.at(PROFILE, 200, "profile_no_email");
    assert_eq!(stage.client.identity(&tokens).await.unwrap_err().code(), "subject_mismatch");
    stage.tokens(TOKEN, "token", claims("782bbtaR"));
    let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
    assert_eq!(stage.client.identity(&tokens).await.unwrap().email(), None);
}

#[tokio::test]
async fn a_nonce_of_another_login_is_refused_at_linkedin_too() {
    let stage = stage();
    let mut other = claims("782bbtaQ");
    other["nonce"] = json!("of another login");
    stage.tokens(TOKEN, "token", other);
    assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "nonce_mismatch");
}

#[tokio::test]
async fn refusals_of_linkedin_are_told() {
    let stage = stage();
    for sample in ["token_error", "token_error_basic"] {
        stage.at(TOKEN, 400, sample);
        assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_request");
    }
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().status(), Some(401));
}
