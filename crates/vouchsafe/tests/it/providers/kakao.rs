use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, PKCE, Stage};

const TOKEN: &str = "POST https://kauth.kakao.com/oauth/token";
const PROFILE: &str = "GET https://kapi.kakao.com/v2/user/me";

#[tokio::test]
async fn a_login_at_kakao() {
    let stage = Stage::new("kakao", providers::kakao());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://kauth.kakao.com/oauth/authorize?{ASKED}&scope=profile_nickname%2Caccount_email&state=*&{PKCE}"
        )
    );
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&{IN_FORM}")
    );
    assert!(tokens.id_token().is_none(), "nobody verified it");

    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer kakao-sample-access")
    );
    assert_eq!((identity.subject(), identity.name()), ("2847193056", Some("민지")));
    assert_eq!(identity.verified_email(), Some("minji@example.kr"));

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        fresh.refresh_token().unwrap().expose(),
        "kakao-sample-refresh",
        "none came, the old one is kept"
    );
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=kakao-sample-refresh&{IN_FORM}"
        )
    );

    let logout = "POST https://kapi.kakao.com/v1/user/logout";
    stage.at(logout, 200, "unlink");
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{logout}\naccept: application/json\nauthorization: Bearer kakao-sample-access-2")
    );
}

#[tokio::test]
async fn an_email_that_kakao_took_away_is_no_verified_one() {
    for (sample, email, verified) in
        [("profile_email_invalid", Some("taken@example.kr"), Some(false)), ("profile_no_consent", None, None)]
    {
        let stage = Stage::new("kakao", providers::kakao());
        stage.at(TOKEN, 200, "token");
        stage.at(PROFILE, 200, sample);
        let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
        let identity = stage.client.identity(&tokens).await.unwrap();
        assert_eq!((identity.email(), identity.email_verified()), (email, verified));
    }
}

#[tokio::test]
async fn refusals_of_kakao_are_told() {
    let stage = Stage::new("kakao", providers::kakao());
    stage.at(TOKEN, 400, "token_error");
    assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_grant");
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().status(), Some(401));
}
