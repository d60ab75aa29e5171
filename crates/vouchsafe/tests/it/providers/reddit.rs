use vouchsafe::providers;

use super::{ASKED, BASIC, EXCHANGE, FORM, Stage};

const TOKEN: &str = "POST https://www.reddit.com/api/v1/access_token";
const PROFILE: &str = "GET https://oauth.reddit.com/api/v1/me";

#[tokio::test]
async fn a_login_at_reddit() {
    let stage = Stage::new("reddit", providers::reddit());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1%23_&state=STATE").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!("https://www.reddit.com/api/v1/authorize?{ASKED}&scope=identity&duration=permanent&state=*")
    );
    assert_eq!(stage.last(), format!("{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\n{EXCHANGE}"));
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer eyJsample-reddit")
    );
    assert_eq!(
        (identity.subject(), identity.name(), identity.email()),
        ("abc12", Some("questing_beast"), None)
    );
    assert_eq!(
        identity.picture(),
        Some("https://styles.redditmedia.example/t5_x/icon.png?width=256&height=256&s=sample")
    );

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\ngrant_type=refresh_token&refresh_token=133739-sample"
        )
    );
    let revoke = "POST https://www.reddit.com/api/v1/revoke_token";
    stage.answer(revoke, http::Response::builder().status(204).body(Vec::new()).unwrap());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{revoke}\naccept: application/json\n{BASIC}\n{FORM}\n\ntoken=133739-sample&token_type_hint=refresh_token"
        )
    );
}

#[tokio::test]
async fn a_token_of_reddit_may_be_a_temporary_one() {
    let stage = Stage::new("reddit", providers::reddit());
    stage.at(TOKEN, 200, "token_temporary");
    let url = stage.client.login().extra("duration", "temporary").await.unwrap().url;
    assert!(url.contains("&duration=temporary&") && !url.contains("permanent"), "{url}");
    assert_eq!(stage.client.login().extra("duration", "eternal").await.unwrap_err().code(), "invalid_option");
    let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
    assert_eq!(stage.client.refresh(&tokens).await.unwrap_err().code(), "no_refresh_token");
}

#[tokio::test]
async fn refusals_of_reddit_are_told() {
    let stage = Stage::new("reddit", providers::reddit());
    stage.at(TOKEN, 200, "token_error_200");
    assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_grant");
    stage.at(TOKEN, 401, "token_error_401");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(401)));
    stage.at(PROFILE, 429, "too_many");
    let error = stage.client.manual().profile("at").await.unwrap_err();
    assert!(error.status() == Some(429) && error.is_retryable());
}
