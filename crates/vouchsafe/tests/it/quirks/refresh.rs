//! How tokens are refreshed, and exchanged for long-lived ones.
use serde_json::json;
use vouchsafe::error::{Feature, Operation};
use vouchsafe::{Error, Tokens};

use super::{ACME, answered};
use crate::scenario::{Held, arrived, stored};
use crate::wire::json;

fn old() -> Tokens {
    stored(ACME, json!({"access_token": "old-access", "refresh_token": "old-refresh", "scope": "read write"}))
}

fn token() -> vouchsafe::http::Response {
    json(200, json!({"access_token": "new-access", "token_type": "Bearer"}))
}

#[tokio::test]
async fn a_refresh_carries_what_the_provider_asks_for() {
    let more = "scope_separator = \",\"\nrefresh_endpoint = \"https://acme.example/refresh\"\n\
        [token]\nencoding = \"json\"\nnames = { client_id = \"client_key\" }\n\
        [refreshing]\nencoding = \"form\"\nnames = { refresh_token = \"token\", client_secret = \"\" }\n\
        params = { op = \"renew\" }\nredirect_uri = true\nscope = true";
    let (client, wire) = answered(more, token());
    assert_eq!(client.refresh(&old()).await.unwrap().refresh_token().unwrap().expose(), "old-refresh");
    assert_eq!(
        wire.only(),
        "POST https://acme.example/refresh\naccept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=refresh_token&token=old-refresh&scope=read%2Cwrite\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_key=my-client&op=renew"
    );
}

#[tokio::test]
async fn an_access_token_is_refreshed_where_there_is_no_other() {
    let more = "[token]\nencoding = \"query\"\ngrant_types = { refresh_token = \"th_refresh_token\" }\n\
        [refreshing]\naccess_token = true\n\
        names = { refresh_token = \"access_token\", client_id = \"\", client_secret = \"\" }";
    let (client, wire) = answered(more, token());
    let fresh = client.refresh(&client.held(json!({"access_token": "old-access"}))).await.unwrap();
    assert_eq!(fresh.access_token().expose(), "new-access");
    assert_eq!(
        wire.only(),
        "GET https://acme.example/token?grant_type=th_refresh_token&access_token=old-access\naccept: application/json"
    );
}

#[tokio::test]
async fn a_long_lived_token_is_had_for_a_short_lived_one() {
    let more = "[long_lived]\nendpoint = \"https://acme.example/long\"\nencoding = \"query\"\n\
        grant_type = \"exchange\"\ntoken_name = \"short_token\"";
    let (client, wire) = answered(more, token());
    let long = client.long_lived_token(&old()).await.unwrap();
    assert_eq!(long.access_token().expose(), "new-access");
    assert_eq!(long.refresh_token().unwrap().expose(), "old-refresh");
    assert_eq!(
        wire.only(),
        "GET https://acme.example/long?grant_type=exchange&short_token=old-access&client_id=my-client\
         &client_secret=my-client-secret\naccept: application/json"
    );
    let said = json!({"error": {"message": "bad old-access", "type": "OAuthException", "code": 190}});
    let error = answered(more, json(400, said)).0.long_lived_token(&old()).await.unwrap_err();
    assert_eq!((error.operation(), error.code()), (Operation::LongLivedToken, "OAuthException"));
    assert_eq!(
        error.to_string(),
        "the request for a long-lived token failed: the provider returned OAuthException (HTTP status 400): bad …"
    );
}

#[tokio::test]
async fn a_provider_without_long_lived_tokens_says_so() {
    let error = answered("", token()).0.long_lived_token(&old()).await.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::LongLivedToken));
}

#[tokio::test]
async fn what_the_profile_is_had_by_outlives_a_refresh() {
    let old = stored(
        ACME,
        json!({"access_token": "old", "refresh_token": "r", "extra": {"uid": "u", "plan": "free"}}),
    );
    let answer = json(200, json!({"access_token": "new", "token_type": "Bearer", "plan": "paid"}));
    for needs in ["params = { uid = \"{token:/uid}\" }", "source = \"token\""] {
        let (client, _) = answered(&format!("[userinfo]\n{needs}"), answer.clone());
        let fresh = client.refresh(&old).await.unwrap();
        assert_eq!(fresh.extra("uid").unwrap().as_str(), Some("u"));
        assert_eq!(fresh.extra("plan").unwrap().as_str(), Some("paid"));
        assert!(fresh.extra("access_token").is_none());
    }
    let fresh = answered("", answer).0.refresh(&old).await.unwrap();
    assert!(fresh.extra("uid").is_none(), "elsewhere an answer stands for itself");
}

#[tokio::test]
async fn what_came_with_the_code_goes_along_again_where_it_is_wanted() {
    let more = "[callback]\nforward = [\"device_id\", \"state\", \"once\"]\nprofile = \"user\"\n\
        [refreshing]\nforward = [\"device_id\", \"state\"]";
    let (client, wire) = answered(
        more,
        json(200, json!({"access_token": "at", "token_type": "Bearer", "refresh_token": "rt"})),
    );
    let login = client.login().await.unwrap();
    let state = crate::wire::param(&login.url, "state").unwrap();
    let query = format!("code=c&state={state}&device_id=d%2F1&once=o&user=%7B%22name%22%3A%22Jane%22%7D");
    let tokens = client.finish(login.pending, arrived(&query)).await.unwrap();
    assert_eq!(tokens.callback_value("device_id").unwrap().as_str(), Some("d/1"));
    assert_eq!(tokens.callback_value("user").unwrap()["name"].as_str(), Some("Jane"));
    assert!(tokens.callback_value("once").is_none(), "what nobody wants again is not kept");

    // It is stored with the tokens, and outlives each refresh.
    let kept = serde_json::to_string(&tokens).unwrap();
    let kept: Tokens = serde_json::from_str(&kept).unwrap();
    let fresh = client.refresh(&kept).await.unwrap();
    assert_eq!(fresh.callback_value("device_id").unwrap().as_str(), Some("d/1"));
    client.refresh(&fresh).await.unwrap();
    for request in &wire.seen()[1..] {
        assert_eq!(
            crate::wire::letter(request),
            format!(
                "POST https://acme.example/token\naccept: application/json\n\
                 content-type: application/x-www-form-urlencoded\n\n\
                 grant_type=refresh_token&refresh_token=rt&device_id=d%2F1&state={state}\
                 &client_id=my-client&client_secret=my-client-secret"
            )
        );
    }
    assert_eq!(wire.seen().len(), 3);
}

#[tokio::test]
async fn a_spent_refresh_token_is_told_by_the_provider_s_own_words() {
    let more = "[refreshing]\nspent = { \"/message\" = [\"Spent\", \"Gone\"], \"/errors/0/code\" = [\"7\"] }";
    let code = |status: u16, body: serde_json::Value| async move {
        let (client, _) = answered(more, json(status, body));
        let error = client.refresh(&old()).await.unwrap_err();
        (error.code().to_owned(), error.needs_login())
    };
    let over = ("invalid_grant".to_owned(), true);
    for status in [200, 400, 401] {
        assert_eq!(code(status, json!({"message": "Spent"})).await, over);
        assert_eq!(code(status, json!({"message": "Gone", "error": "Bad Request"})).await, over);
        assert_eq!(code(status, json!({"errors": [{"code": 7}]})).await, over);
        assert_eq!(code(status, json!({"errors": [{"code": "7"}], "error": "invalid_request"})).await, over);
    }
    for other in
        [json!({"message": "spent"}), json!({"message": ["Spent"]}), json!({"errors": [{"code": 70}]})]
    {
        let mut with_word = other.clone();
        with_word["error"] = json!("invalid_request");
        assert_eq!(code(400, with_word).await, ("invalid_request".to_owned(), false), "{other}");
        assert!(!code(400, other).await.1);
    }
    // An outage is no word on the grant.
    assert!(!code(502, json!({"message": "Spent"})).await.1);
    // In other requests the words mean what they say.
    let (client, _) = answered(more, json(400, json!({"message": "Spent", "error": "invalid_request"})));
    assert_eq!(super::exchange(&client).await.unwrap_err().code(), "invalid_request");
}
