//! How a profile is asked for.
use serde_json::json;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::{Client, Tokens};

use super::{ACME, answered, defined, refused};
use crate::scenario::{Held, stored, web};
use crate::wire::{Wire, answer, json};

fn tokens() -> Tokens {
    stored(ACME, json!({"access_token": "at-secret", "extra": {"uid": "u/1", "team": {"id": 7}}}))
}

/// The request for a profile, to the letter.
async fn request(userinfo: &str) -> String {
    let (client, wire) = answered(&format!("[userinfo]\n{userinfo}"), json(200, json!({"id": 1})));
    client.profile(&tokens()).await.unwrap();
    wire.only()
}

#[tokio::test]
async fn the_token_goes_where_the_provider_looks_for_it() {
    for (token, expected) in [
        ("bearer", "GET https://acme.example/me\naccept: application/json\nauthorization: Bearer at-secret"),
        (
            "scheme:OAuth",
            "GET https://acme.example/me\naccept: application/json\nauthorization: OAuth at-secret",
        ),
        ("scheme:", "GET https://acme.example/me\naccept: application/json\nauthorization: at-secret"),
        ("header:X-Token", "GET https://acme.example/me\naccept: application/json\nx-token: at-secret"),
        (
            "query:access_token",
            "GET https://acme.example/me?access_token=at-secret\naccept: application/json",
        ),
        (
            "body:access_token",
            "POST https://acme.example/me\naccept: application/json\n\
             content-type: application/x-www-form-urlencoded\n\naccess_token=at-secret",
        ),
    ] {
        assert_eq!(request(&format!("token = \"{token}\"")).await, expected, "{token}");
    }
}

#[tokio::test]
async fn a_header_may_carry_the_client_secret_and_is_not_shown() {
    let headers = "headers = { x-api-key = \"{client_id}:{client_secret}\" }";
    let expected = "GET https://acme.example/me\naccept: application/json\nauthorization: Bearer at-secret\n\
                    x-api-key: my-client:my-client-secret";
    assert_eq!(request(headers).await, expected);
    let (client, wire) = answered(&format!("[userinfo]\n{headers}"), json(200, json!({"id": 1})));
    client.profile(&tokens()).await.unwrap();
    let seen = format!("{:?} {client:?}", wire.seen());
    assert!(!seen.contains("my-client-secret"), "{seen}");
    let body =
        json!({"error": "invalid_key", "error_description": "no such key: my-client:my-client-secret"});
    let (client, _) = answered(&format!("[userinfo]\n{headers}"), json(403, body));
    let error = client.profile(&tokens()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("my-client-secret"), "{error:?}");
}

#[tokio::test]
async fn a_nickname_may_hold_a_control_character_where_the_definition_says_so_and_only_there() {
    let body = |openid: &str| format!("{{\"id\": \"{openid}\", \"nickname\": \"a\u{1}b\"}}");
    let tolerant = "[userinfo]\ncontrol_characters = [\"nickname\"]";
    let (client, _) = answered(tolerant, answer(200, "application/json", body("7")));
    assert_eq!(client.profile(&tokens()).await.unwrap()["nickname"], "a\u{1}b");
    for (more, body) in [("", body("7")), (tolerant, body("7\u{1}"))] {
        let (client, _) = answered(more, answer(200, "application/json", body));
        assert_eq!(client.profile(&tokens()).await.unwrap_err().code(), "json");
    }
    assert_eq!(vouchsafe_providers::get("wechat").unwrap().userinfo.control_characters, ["nickname"]);
}

#[tokio::test]
async fn a_header_with_the_token_is_not_shown() {
    for token in ["scheme:OAuth", "header:X-Token"] {
        let (client, wire) =
            answered(&format!("[userinfo]\ntoken = \"{token}\""), json(200, json!({"id": 1})));
        client.profile(&tokens()).await.unwrap();
        assert!(!format!("{:?}", wire.seen()[0].headers()).contains("at-secret"));
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_told_at_once() {
    for wrong in [
        "token = \"cookie:x\"",
        "token = \"query:\"",
        "token = \"header:a b\"",
        "token = \"scheme:a b\"",
        "token = \"bearer:x\"",
        "method = \"PUT\"",
        "token = \"body:t\"\nbody = \"{}\"",
        "headers = { \"a b\" = \"c\" }",
    ] {
        assert_eq!(refused(&format!("[userinfo]\n{wrong}")), "definition", "{wrong}");
    }
}

#[tokio::test]
async fn parameters_and_headers_go_along() {
    let more = "headers = { Client-Id = \"{client_id}\" }\n\
        params = { fields = \"id,name\", app = \"{client_id}\", uid = \"{token:/uid}-{token:/team/id}\" }";
    assert_eq!(
        request(more).await,
        "GET https://acme.example/me?app=my-client&fields=id%2Cname&uid=u%2F1-7\naccept: application/json\n\
         authorization: Bearer at-secret\nclient-id: my-client"
    );
    assert_eq!(
        request(&format!("method = \"POST\"\n{more}")).await,
        "POST https://acme.example/me\naccept: application/json\nauthorization: Bearer at-secret\n\
         client-id: my-client\ncontent-type: application/x-www-form-urlencoded\n\n\
         app=my-client&fields=id%2Cname&uid=u%2F1-7"
    );
    assert_eq!(
        request("method = \"POST\"").await,
        "POST https://acme.example/me\naccept: application/json\nauthorization: Bearer at-secret"
    );
}

#[tokio::test]
async fn a_body_is_sent_as_it_stands() {
    assert_eq!(
        request("method = \"POST\"\nparams = { v = \"2\" }\nbody = '{\"query\":\"{ shop { id } }\"}'").await,
        "POST https://acme.example/me?v=2\naccept: application/json\nauthorization: Bearer at-secret\n\
         content-type: application/json\n\n{\"query\":\"{ shop { id } }\"}"
    );
}

#[tokio::test]
async fn what_the_token_response_lacks_is_told() {
    let (client, wire) = answered("[userinfo]\nparams = { uid = \"{token:/uid}\" }", json(200, json!({})));
    let error = client.profile(&client.held(json!({"access_token": "at"}))).await.unwrap_err();
    assert_eq!(error.code(), "missing_field");
    assert_eq!(client.manual().profile("at").await.unwrap_err().code(), "token_response");
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn a_token_in_a_url_reaches_no_error() {
    let more = "[userinfo]\ntoken = \"query:t\"";
    for response in [
        json(401, json!({"error": "invalid_token", "error_description": "at-secret is bad"})),
        json(500, json!({})),
        answer(200, "text/html", "at-secret"),
        answer(302, "text/html", ""),
    ] {
        let error = answered(more, response).0.profile(&tokens()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("at-secret"), "{error:?}");
    }
    let dead = Wire::dead(HttpErrorKind::Timeout);
    let error =
        Client::new(defined(more), web(), &dead.http()).unwrap().profile(&tokens()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("at-secret"), "{error:?}");
}

#[tokio::test]
async fn a_failure_in_the_provider_s_words_is_one() {
    let more = "[token]\nerror_codes = { \"-401\" = \"invalid_token\" }\n\
        [userinfo]\ncontent_types = [\"text/javascript\"]\n\
        [userinfo.failure]\ncode = \"/code\"\nsuccess = [\"00\"]\ndescription = \"/msg\"";
    let profile = |response| async move { answered(more, response).0.profile(&tokens()).await };
    assert!(profile(json(200, json!({"code": "00", "id": 1}))).await.is_ok());
    assert!(profile(answer(200, "text/javascript", r#"{"id":1}"#)).await.is_ok());
    for status in [200, 401] {
        let error =
            profile(json(status, json!({"code": -401, "msg": "no token at-secret"}))).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("invalid_token", Some(status)));
        assert!(error.needs_refresh() && !error.needs_login());
        assert!(error.to_string().ends_with(": no token …"), "{error}");
    }
}

#[tokio::test]
async fn a_list_of_errors_is_a_failure_and_an_empty_one_is_none() {
    let more = "[userinfo.failure]\ncode = \"/errors\"\ndescription = \"/errors/0/message\"";
    let error = answered(more, json(200, json!({"errors": [{"message": "no"}], "id": 1})));
    let error = error.0.profile(&tokens()).await.unwrap_err();
    assert_eq!(error.code(), "unknown_error");
    assert!(answered(more, json(200, json!({"errors": [], "id": 1}))).0.profile(&tokens()).await.is_ok());
}

#[tokio::test]
async fn the_token_response_takes_the_place_of_a_profile() {
    let more = "[userinfo]\nsource = \"token\"\n[identity]\nsubject = [\"/uid\"]";
    let (client, wire) = answered(more, json(500, json!({})));
    let identity = client.identity(&tokens()).await.unwrap();
    assert_eq!(identity.subject(), "u/1");
    assert!(identity.profile().get("access_token").is_none());
    assert_eq!(client.manual().profile("at").await.unwrap_err().code(), "profile_not_supported");
    assert!(wire.seen().is_empty());
}
