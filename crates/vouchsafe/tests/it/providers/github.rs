use vouchsafe::providers;

use super::{ASKED, BASIC, EXCHANGE, FORM, IN_FORM, PKCE, Stage};
use crate::wire;

const TOKEN: &str = "POST https://github.com/login/oauth/access_token";

#[tokio::test]
async fn a_login_at_github() {
    let stage = Stage::new("github", providers::github());
    stage.at(TOKEN, 200, "app_token");
    stage.at("GET https://api.github.com/user", 200, "profile");
    stage.at("GET https://api.github.com/user/emails", 200, "emails");
    let response = "code=code-1&state=STATE&iss=https%3A%2F%2Fgithub.com%2Flogin%2Foauth";
    let (url, tokens) = stage.log_in(response).await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://github.com/login/oauth/authorize?{ASKED}&scope=read%3Auser+user%3Aemail&state=*&{PKCE}"
        )
    );
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&{IN_FORM}")
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!((identity.subject(), identity.verified_email()), ("583231", Some("lunete@fountain.example")));
    assert_eq!(
        stage.last(),
        "GET https://api.github.com/user/emails\naccept: application/json\n\
         authorization: Bearer ghu_16C7e42F292c6912E7710c838347Ae178B4a"
    );

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert!(fresh.refresh_token().unwrap().expose().starts_with("ghr_2C5b"));
    let old = tokens.refresh_token().unwrap().expose();
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\ngrant_type=refresh_token&refresh_token={old}&{IN_FORM}"
        )
    );

    let revoke = "DELETE https://api.github.com/applications/my-client/token";
    stage.answer(revoke, http::Response::builder().status(204).body(Vec::new()).unwrap());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{revoke}\naccept: application/json\n{BASIC}\ncontent-type: application/json\n\n\
             {{\"access_token\":\"ghu_27D8f53G303d7023F8821d949458Bf289C5b\"}}"
        )
    );
}

#[tokio::test]
async fn github_says_no_with_a_status_of_success() {
    let stage = Stage::new("github", providers::github());
    stage.at(TOKEN, 200, "token_error_200");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_grant", Some(200)));
    let form = include_str!("../../samples/github/token_error_form_200.txt");
    stage.answer(TOKEN, wire::answer(200, "application/x-www-form-urlencoded; charset=utf-8", form));
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!(error.code(), "invalid_client");
    stage.at(TOKEN, 200, "refresh_error_200");
    let error = stage.client.manual().refresh("ghr_old").await.unwrap_err();
    assert!(error.code() == "invalid_grant" && error.needs_login());
}

#[tokio::test]
async fn a_form_of_github_is_read_too() {
    let stage = Stage::new("github", providers::github());
    let form = include_str!("../../samples/github/token_form.txt");
    stage.answer(TOKEN, wire::answer(200, "application/x-www-form-urlencoded; charset=utf-8", form));
    let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
    assert_eq!(tokens.access_token().expose(), "gho_16C7e42F292c6912E7710c838347Ae178B4a");
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["read:user", "user:email"]);
}
