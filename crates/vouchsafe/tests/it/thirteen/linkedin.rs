use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, Stage};

const TOKEN: &str = "POST https://www.linkedin.com/oauth/v2/accessToken";
const PROFILE: &str = "GET https://api.linkedin.com/v2/userinfo";

#[tokio::test]
async fn a_login_at_linkedin() {
    let stage = Stage::new("linkedin", providers::linkedin());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!("https://www.linkedin.com/oauth/v2/authorization?{ASKED}&scope=openid+profile+email&state=*")
    );
    assert_eq!(stage.last(), format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&{IN_FORM}"));
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer AQXsample-access")
    );
    assert_eq!((identity.subject(), identity.name()), ("782bbtaQ", Some("Gareth Beaumains")));
    assert_eq!(identity.verified_email(), Some("gareth@kitchen.example"));
    assert_eq!(stage.client.revoke(&tokens).await.unwrap_err().code(), "revoke_not_supported");

    stage.at(PROFILE, 200, "profile_no_email");
    assert_eq!(stage.client.identity(&tokens).await.unwrap().email(), None);
}

#[tokio::test]
async fn refusals_of_linkedin_are_told() {
    let stage = Stage::new("linkedin", providers::linkedin());
    for sample in ["token_error", "token_error_basic"] {
        stage.at(TOKEN, 400, sample);
        assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_request");
    }
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().status(), Some(401));
}
