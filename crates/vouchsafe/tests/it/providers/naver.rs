use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, PKCE, Stage};
use crate::scenario::Held;

const TOKEN: &str = "POST https://nid.naver.com/oauth2.0/token";
const PROFILE: &str = "GET https://openapi.naver.com/v1/nid/me";

#[tokio::test]
async fn a_login_at_naver() {
    let stage = Stage::new("naver", providers::naver());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(url, format!("https://nid.naver.com/oauth2.0/authorize?{ASKED}&state=*&{PKCE}"));
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&state=*&{IN_FORM}")
    );
    assert!(tokens.expires_at().is_some(), "the lifetime is text");

    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer AAAAsampleaccess")
    );
    assert_eq!((identity.subject(), identity.name()), ("32742776", Some("오픈")));
    assert_eq!((identity.email(), identity.email_verified()), (Some("open@naver.example"), None));

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        fresh.refresh_token().unwrap().expose(),
        "c8ceMEJisO4Se7uGsample",
        "none came, the old one is kept"
    );
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=c8ceMEJisO4Se7uGsample&{IN_FORM}"
        )
    );

    stage.at(TOKEN, 200, "revoke");
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             access_token=AAAAsampleaccess2&{IN_FORM}&grant_type=delete&service_provider=NAVER"
        )
    );
}

#[tokio::test]
async fn refusals_of_naver_are_told() {
    let stage = Stage::new("naver", providers::naver());
    stage.at(TOKEN, 200, "token_error_200");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_request", Some(200)));
    for status in [200, 401] {
        stage.at(PROFILE, status, "profile_error");
        let error = stage.client.manual().profile("at").await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("024", Some(status)));
    }
    let tokens = stage.client.held(serde_json::json!({"access_token": "at"}));
    stage.at(TOKEN, 200, "token_error_200");
    assert_eq!(stage.client.revoke(&tokens).await.unwrap_err().code(), "invalid_request");
    stage.at(PROFILE, 200, "profile_minimal");
    assert_eq!(stage.client.identity(&tokens).await.unwrap().email(), None);
}
